"""The source. It cannot tell beforehand what a question reads: limit, time range and time-out bound each one."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Final

from app.domain.diagnosis import Diagnosis
from app.domain.errors import SourceError
from app.domain.evidence import Evidence
from app.domain.query import LogQuery, Query
from app.gather.http_answer import json_of, request_headers
from app.gather.logs.allowance import allowance
from app.gather.logs.asking import MAX_BYTES, asked, seconds_to
from app.gather.logs.lines import MAX_LINES, Page, Window, page_of
from app.gather.logs.reading import evidence_of
from app.gather.sources.victorialogs import logsql
from app.gather.sources.victorialogs.rows import rows_of, stream_fields
from app.http import Answer, Http, Request
from app.redact import redact
from app.settings import Settings

NAMES_KEPT_SECONDS: Final = 600
NAMES_OF: Final = timedelta(hours=1)
Pairs = tuple[tuple[str, str], ...]


class VictoriaLogsSource:
    """Counts what it receives, since VictoriaLogs says of no question what it would read."""

    name = "victorialogs"

    def __init__(self, settings: Settings) -> None:
        """`settings.victorialogs_url` must be set; one connection pool until `aclose`."""
        self._settings = settings
        self._http = Http()
        self._stream_fields: tuple[float, frozenset[str]] | None = None

    def accepts(self, query: Query) -> bool:
        """Errors in logs."""
        return isinstance(query, LogQuery)

    async def answer(self, query: Query) -> Evidence:
        """One pattern for each shape of the newest 500 error lines, with its count in samples of the usual time."""
        if not isinstance(query, LogQuery):
            raise SourceError("VictoriaLogs answers log questions only")
        return await evidence_of(self, query, self._settings.source_deadline_seconds)

    async def page(self, query: LogQuery, window: Window, deadline: float) -> Page:
        """The newest error lines of the window. Raises `SourceError`."""
        names = await self._known_stream_fields(query, deadline)
        of_node = query.subject.kind == "Node"
        if of_node and not names & set(logsql.HOST_FIELDS):
            # No journal is kept by its node: to look for one would read everybody's lines.
            return Page((), whole=True)
        expr = logsql.error_lines(query, window, names)
        await _reserve()
        answer = await self._query(expr, MAX_LINES, deadline)
        if answer.status == 200:  # noqa: PLR2004 - what failed may have read more than its error says
            await allowance().correct(MAX_BYTES, len(answer.body))
        # In a thread: redaction takes long enough that other sources' answers would wait for it.
        return await asyncio.to_thread(_page, answer, of_node=of_node)

    async def check(self) -> Diagnosis:
        """Whether it answers, and lines of the last hour say which namespace they come from."""
        address = redact(self._settings.victorialogs_url or "")
        deadline = asyncio.get_running_loop().time() + self._settings.source_deadline_seconds
        now = datetime.now(UTC)
        window = (now - NAMES_OF, now)
        try:
            rows, _ = rows_of(await self._query(logsql.any_namespace(window), 1, deadline))
        except SourceError as error:
            return Diagnosis(self.name, healthy=False, statement=f"{address}: {error}", fix=_fix_for(str(error)))
        if not rows:
            statement = f"{address} answers, but no line of the last hour says which namespace it comes from"
            fix = f"have the log agent set one of {', '.join(logsql.NAMESPACE_FIELDS)}; check the tenant (AccountID)"
            return Diagnosis(self.name, healthy=False, statement=statement, fix=fix)
        return Diagnosis(self.name, healthy=True, statement=f"{address} answers queries")

    async def aclose(self) -> None:
        """Give connections back."""
        await self._http.aclose()

    async def _query(self, expr: str, limit: int, deadline: float) -> Answer:
        """The answer, whatever it is; never without a limit, which may stream all that is stored."""
        pairs = (("query", expr), ("limit", str(limit)), ("timeout", f"{max(0.1, seconds_to(deadline)):.1f}s"))
        return await self._ask("query", pairs, deadline)

    async def _known_stream_fields(self, query: LogQuery, deadline: float) -> frozenset[str]:
        if self._stream_fields is None or time.monotonic() - self._stream_fields[0] > NAMES_KEPT_SECONDS:
            everything = f"{logsql.during((query.start - NAMES_OF, query.end))} *"
            answer = await self._ask("stream_field_names", (("query", everything),), deadline)
            self._stream_fields = (time.monotonic(), stream_fields(json_of(answer, "VictoriaLogs")))
        return self._stream_fields[1]

    async def _ask(self, endpoint: str, form: Pairs, deadline: float) -> Answer:
        request = Request(
            "POST",
            f"{self._settings.victorialogs_url}/select/logsql/{endpoint}",
            headers=request_headers(self._settings.victorialogs_headers, self._settings.victorialogs_token),
            form=form,
        )
        return await asked(self._http, request, deadline, _reserve if endpoint == "query" else None)


async def _reserve() -> None:
    await allowance().reserve(MAX_BYTES, at_most=True)


def _page(answer: Answer, *, of_node: bool) -> Page:
    rows, fault = rows_of(answer, of_node=of_node)
    return page_of(rows, MAX_LINES, whole=not answer.truncated, faults=(fault,) if fault else ())


def _fix_for(problem: str) -> str:
    if "HTML" in problem or "redirected" in problem:
        return "SITREP_VICTORIALOGS_URL is the address without /select/…; behind a login set SITREP_VICTORIALOGS_TOKEN"
    if "(401)" in problem or "(403)" in problem:
        return "set SITREP_VICTORIALOGS_TOKEN, or SITREP_VICTORIALOGS_HEADERS=Authorization=Basic …"
    if "(404)" in problem or "not JSON" in problem or "(400)" in problem:
        return "SITREP_VICTORIALOGS_URL is the base address, without /select/logsql; of a cluster, that of vlselect"
    return "check SITREP_VICTORIALOGS_URL, and that a NetworkPolicy lets Sitrep through"
