"""The source: what a question would cost, the lines now, and those of the usual hour."""

import asyncio
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from app.domain.diagnosis import Diagnosis
from app.domain.errors import SourceError
from app.domain.evidence import Evidence, Gap
from app.domain.query import LogQuery, Query
from app.gather.http_answer import TooLargeError, json_of, request_headers, send
from app.gather.sources.loki import lines, logql
from app.http import Http, Request
from app.redact import redact
from app.settings import Settings

MAX_BYTES: Final = 4 * 1024 * 1024
MAX_LINES: Final = 500
# Asked instead where 500 lines are more than MAX_BYTES: a line may have 256 kB.
FEWER_LINES: Final = 15
BUDGET_BYTES: Final = 2_000_000_000
LABELS_KEPT_SECONDS: Final = 600
RETRIED: Final = frozenset({500, 502, 503})
LEAST_RETRY_SECONDS: Final = 1.0


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
        """One pattern for each shape of the newest 500 error lines, with its count in the usual hour."""
        if not isinstance(query, LogQuery):
            raise SourceError("Loki answers log questions only")
        deadline = asyncio.get_running_loop().time() + self._settings.source_deadline_seconds
        selector, expr = logql.error_lines(query, await self._known_labels(query, deadline))
        await self._refuse_costly(selector, (query.start, query.end), deadline)
        found, usual = await asyncio.gather(
            self._lines(expr, (query.start, query.end), deadline),
            self._usual(selector, expr, query, deadline),
        )
        reasons = [usual] if isinstance(usual, str) else []
        if not found.whole:
            reasons.append(f"only the newest {len(found.lines)} lines were read")
        counts = None if isinstance(usual, str) else usual
        gaps = tuple(Gap(self.name, query.question, reason) for reason in reasons)
        return Evidence(lines.patterns(query.subject, found.lines, counts), gaps)

    async def check(self) -> Diagnosis:
        """Whether it names its labels, and a namespace label is among them."""
        address = redact(self._settings.loki_url or "")
        deadline = asyncio.get_running_loop().time() + self._settings.source_deadline_seconds
        try:
            labels = _names(await self._ask("labels", (), deadline))
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

    async def _known_labels(self, query: LogQuery, deadline: float) -> frozenset[str]:
        kept_at, labels = self._labels
        if not labels or time.monotonic() - kept_at > LABELS_KEPT_SECONDS:
            window = logql.times((query.baseline_start, query.end))
            labels = _names(await self._ask("labels", window, deadline))
            self._labels = (time.monotonic(), labels)
        return labels

    async def _refuse_costly(self, selector: str, window: tuple[datetime, datetime], deadline: float) -> None:
        """Raises `SourceError` over 2 GB. A Loki that cannot tell is asked all the same: it has limits of its own."""
        form = (("query", selector), *logql.times(window))
        try:
            stats = await self._ask("index/stats", form, deadline)
        except SourceError as error:
            if "(404)" in str(error) or "(400)" in str(error):
                return
            raise
        size = stats.get("bytes")
        if isinstance(size, int) and size > BUDGET_BYTES:
            raise SourceError(f"over the budget for one question: {size / 1e9:.1f} GB of logs to search")

    async def _usual(self, selector: str, expr: str, query: LogQuery, deadline: float) -> lines.Counts | str | None:
        """How often each shape stood in the usual hour, why that is not known, or None if nobody asked."""
        window = (query.baseline_start, query.start)
        if query.baseline_start >= query.start:
            return None
        try:
            await self._refuse_costly(selector, window, deadline)
            usual = lines.counted((await self._lines(expr, window, deadline)).lines)
            return lines.as_in(usual, (query.end - query.start) / (query.start - query.baseline_start))
        except SourceError as error:
            return f"the usual hour is not known: {error}"

    async def _lines(self, expr: str, window: tuple[datetime, datetime], deadline: float) -> lines.Page:
        try:
            return await self._page(expr, window, deadline, MAX_LINES)
        except TooLargeError:
            return await self._page(expr, window, deadline, FEWER_LINES)

    async def _page(self, expr: str, window: tuple[datetime, datetime], deadline: float, limit: int) -> lines.Page:
        form = (("query", expr), *logql.times(window), ("limit", str(limit)), ("direction", "backward"))
        body = await self._ask("query_range", form, deadline)
        data = body.get("data")
        streams = data.get("result") if isinstance(data, dict) and data.get("resultType") == "streams" else None
        if not isinstance(streams, list):
            raise SourceError("answered JSON that is not log streams")
        # In a thread: redaction takes long enough that other sources' answers would wait for it.
        return await asyncio.to_thread(lines.merged, streams, limit)

    async def _ask(self, endpoint: str, pairs: tuple[tuple[str, str], ...], deadline: float) -> Mapping[str, Any]:
        """The JSON object of a good answer, one retry where a failure may heal. Raises `SourceError`."""
        clock = asyncio.get_running_loop()
        by_address = endpoint == "labels"
        request = Request(
            "GET" if by_address else "POST",
            f"{self._settings.loki_url}/loki/api/v1/{endpoint}",
            headers=request_headers(self._settings.loki_headers, self._settings.loki_token),
            params=pairs if by_address else (),
            form=() if by_address else pairs,
            timeout_seconds=max(0.1, round(deadline - clock.time(), 1)),
            max_bytes=MAX_BYTES,
        )
        answer = await send(self._http, request)
        if answer.status in RETRIED and deadline - clock.time() > LEAST_RETRY_SECONDS:
            answer = await send(self._http, request)
        if answer.status == 401 or (answer.status == 400 and b"no org id" in answer.body):  # noqa: PLR2004 - HTTP
            reason = f"not authenticated ({answer.status}): a token or the tenant (X-Scope-OrgID) is missing"
            raise SourceError(reason, source_is_sick=True)
        body = json_of(answer, "Loki")
        if not isinstance(body, dict):
            raise SourceError("answered JSON that is not Loki's")
        return body


def _names(body: Mapping[str, Any]) -> frozenset[str]:
    names = body.get("data", [])
    if body.get("status") != "success" or not isinstance(names, list):
        raise SourceError("answered JSON that is not Loki's")
    return frozenset(name for name in names if isinstance(name, str))


def _fix_for(problem: str) -> str:
    if "(401)" in problem or "(403)" in problem or "tenant" in problem or "login page" in problem:
        return "set SITREP_LOKI_TOKEN, or SITREP_LOKI_HEADERS=X-Scope-OrgID=<tenant>"
    if "(404)" in problem or "not JSON" in problem or "not Loki" in problem:
        return "SITREP_LOKI_URL is the base address, without /loki/api/v1"
    return "check SITREP_LOKI_URL, and that a NetworkPolicy lets Sitrep through"
