"""The source: what a question would cost, then the lines."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Final

from app.domain.diagnosis import Diagnosis
from app.domain.errors import SourceError
from app.domain.evidence import Evidence
from app.domain.query import LogQuery, Query
from app.gather.http_answer import TooLargeError, json_of, request_headers
from app.gather.logs.allowance import allowance
from app.gather.logs.asking import MAX_BYTES, asked
from app.gather.logs.lines import MAX_LINES, Page, Window, page_of
from app.gather.logs.reading import evidence_of
from app.gather.sources.loki import logql, streams
from app.http import Http, Request
from app.redact import redact
from app.settings import Settings

# Asked instead where 500 lines are more than MAX_BYTES: a line may have 256 kB.
FEWER_LINES: Final = 15
LABELS_KEPT_SECONDS: Final = 600
LABELS_OF: Final = timedelta(hours=1)
NOTHING: Final = Page((), whole=True)
Pairs = tuple[tuple[str, str], ...]


class LokiSource:
    """Asks what a question would cost before it asks it."""

    name = "loki"

    def __init__(self, settings: Settings) -> None:
        """`settings.loki_url` must be set; one connection pool until `aclose`."""
        self._settings = settings
        self._http = Http()
        self._labels: tuple[float, frozenset[str]] = (0.0, frozenset())

    def accepts(self, query: Query) -> bool:
        """Errors in logs."""
        return isinstance(query, LogQuery)

    async def answer(self, query: Query) -> Evidence:
        """One pattern for each shape of the newest 500 error lines, with its count in samples of the usual time."""
        if not isinstance(query, LogQuery):
            raise SourceError("Loki answers log questions only")
        return await evidence_of(self, query, self._settings.source_deadline_seconds)

    async def page(self, query: LogQuery, window: Window, deadline: float) -> Page:
        """The newest error lines of the window. Raises `SourceError`."""
        question = await self._question(query, deadline)
        if question is None:
            return NOTHING
        selector, expr = question
        size = await self._size(selector, window, deadline)
        form = (("query", expr), *logql.times(window), ("direction", "backward"))
        of_node = query.subject.kind == "Node"
        try:
            found = await self._streams((*form, ("limit", str(MAX_LINES))), size, deadline)
            limit = MAX_LINES
        except TooLargeError:
            found = await self._streams((*form, ("limit", str(FEWER_LINES))), size, deadline)
            limit = FEWER_LINES
        # In a thread: redaction takes long enough that other sources' answers would wait for it.
        return await asyncio.to_thread(lambda: page_of(streams.rows_of(found, of_node=of_node), limit))

    async def check(self) -> Diagnosis:
        """Whether it names its labels, and a namespace label is among them."""
        address = redact(self._settings.loki_url or "")
        deadline = asyncio.get_running_loop().time() + self._settings.source_deadline_seconds
        try:
            labels = streams.names(await self._ask("labels", (), deadline))
        except SourceError as error:
            return Diagnosis(self.name, healthy=False, statement=f"{address}: {error}", fix=_fix_for(str(error)))
        if not labels & set(logql.NAMESPACE_LABELS):
            statement = f"{address} answers, but no line of the last hours has a namespace label"
            fix = f"have the log agent set one of {', '.join(logql.NAMESPACE_LABELS)}; check the tenant header"
            return Diagnosis(self.name, healthy=False, statement=statement, fix=fix)
        return Diagnosis(self.name, healthy=True, statement=f"{address} answers queries")

    async def aclose(self) -> None:
        """Give connections back."""
        await self._http.aclose()

    async def _question(self, query: LogQuery, deadline: float) -> tuple[str, str] | None:
        """Selector and expression; None for a node where no journal is shipped at all."""
        labels = await self._known_labels(query, deadline)
        if query.subject.kind != "Node":
            return logql.error_lines(query, labels)
        journals = logql.journals(labels)
        if journals is None:
            return None
        window = logql.times((query.start, query.end))
        found = streams.series(await self._ask("series", (("match[]", journals), *window), deadline))
        question = logql.journal_lines(query.subject.name, found)
        if question is None and found:
            raise SourceError("other nodes' journals are shipped, but not this one's")
        return question

    async def _known_labels(self, query: LogQuery, deadline: float) -> frozenset[str]:
        kept_at, labels = self._labels
        if not labels or time.monotonic() - kept_at > LABELS_KEPT_SECONDS:
            window = logql.times((query.start - LABELS_OF, query.end))
            labels = streams.names(await self._ask("labels", window, deadline))
            self._labels = (time.monotonic(), labels)
        return labels

    async def _size(self, selector: str, window: Window, deadline: float) -> int | None:
        """How many bytes a question would read; None where this Loki cannot tell: it has limits of its own."""
        try:
            stats = await self._ask("index/stats", (("query", selector), *logql.times(window)), deadline)
        except SourceError as error:
            if "(404)" in str(error) or "(400)" in str(error):
                return None
            raise
        size = stats.get("bytes")
        return size if isinstance(size, int) and size >= 0 else None

    async def _streams(self, form: Pairs, size: int | None, deadline: float) -> list[Any]:
        """The streams of a log query, counted before it is asked, and corrected by what Loki says that it read."""
        reserved = MAX_BYTES if size is None else size
        budget = allowance()
        reserve = partial(budget.reserve, reserved, at_most=size is None)
        await reserve()
        body = await self._ask("query_range", form, deadline, again=reserve)
        data = body.get("data")
        found = data.get("result") if isinstance(data, dict) and data.get("resultType") == "streams" else None
        if not isinstance(data, dict) or not isinstance(found, list):
            raise SourceError("answered JSON that is not log streams")
        read = streams.bytes_read(data)
        await budget.correct(reserved, reserved if read is None else read)
        return found

    async def _ask(
        self, endpoint: str, pairs: Pairs, deadline: float, again: Callable[[], Awaitable[None]] | None = None
    ) -> Mapping[str, Any]:
        """The JSON object of a good answer. Raises `SourceError`."""
        by_address = endpoint == "labels"
        request = Request(
            "GET" if by_address else "POST",
            f"{self._settings.loki_url}/loki/api/v1/{endpoint}",
            headers=request_headers(self._settings.loki_headers, self._settings.loki_token),
            params=pairs if by_address else (),
            form=() if by_address else pairs,
        )
        answer = await asked(self._http, request, deadline, again)
        if answer.status == 401 or (answer.status == 400 and b"no org id" in answer.body):  # noqa: PLR2004 - HTTP
            reason = f"not authenticated ({answer.status}): a token or the tenant (X-Scope-OrgID) is missing"
            raise SourceError(reason, source_is_sick=True)
        body = json_of(answer, "Loki")
        if not isinstance(body, dict):
            raise SourceError("answered JSON that is not Loki's")
        return body


def _fix_for(problem: str) -> str:
    if "(401)" in problem or "(403)" in problem or "tenant" in problem or "login page" in problem:
        return "set SITREP_LOKI_TOKEN, or SITREP_LOKI_HEADERS=X-Scope-OrgID=<tenant>"
    if "(404)" in problem or "not JSON" in problem or "not Loki" in problem:
        return "SITREP_LOKI_URL is the base address, without /loki/api/v1"
    return "check SITREP_LOKI_URL, and that a NetworkPolicy lets Sitrep through"
