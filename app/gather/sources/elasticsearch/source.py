"""The source. It cannot tell beforehand what a search reads: size, time range and time-out bound each one."""

import asyncio
import time
from typing import Any, Final

from app.domain.diagnosis import Diagnosis
from app.domain.errors import SourceError
from app.domain.evidence import Evidence
from app.domain.query import LogQuery, Query
from app.gather.http_answer import TooLargeError, json_of, request_headers
from app.gather.logs.allowance import allowance
from app.gather.logs.asking import MAX_BYTES, asked, seconds_to
from app.gather.logs.lines import MAX_LINES, Page, Window, page_of
from app.gather.logs.reading import evidence_of
from app.gather.sources.elasticsearch import dsl, fields
from app.gather.sources.elasticsearch.fields import Fields
from app.gather.sources.elasticsearch.hits import faults_of, rows_of
from app.http import Answer, Http, Request
from app.redact import redact
from app.settings import Settings

# Asked instead where 500 lines are more than MAX_BYTES.
FEWER_LINES: Final = 15
FIELDS_KEPT_SECONDS: Final = 600
VENDOR: Final = "Elasticsearch"


class ElasticsearchSource:
    """Counts what it receives, since Elasticsearch says of no search what it would read."""

    name = "elasticsearch"

    def __init__(self, settings: Settings) -> None:
        """`settings.elasticsearch_url` must be set; one connection pool until `aclose`."""
        self._settings = settings
        self._http = Http()
        self._kept: tuple[float, Fields] | None = None

    def accepts(self, query: Query) -> bool:
        """Errors in logs."""
        return isinstance(query, LogQuery)

    async def answer(self, query: Query) -> Evidence:
        """One pattern for each shape of the newest 500 error lines, with its count in samples of the usual time."""
        if not isinstance(query, LogQuery):
            raise SourceError("Elasticsearch answers log questions only")
        return await evidence_of(self, query, self._settings.source_deadline_seconds)

    async def page(self, query: LogQuery, window: Window, deadline: float) -> Page:
        """The newest error lines of the window. Raises `SourceError`."""
        known = await self._known_fields(deadline)
        if missing := known.missing():
            raise SourceError(f"{missing}: {self._settings.elasticsearch_index}")
        of_node = query.subject.kind == "Node"
        if of_node and not known.has_journals():
            return Page((), whole=True)
        limit = MAX_LINES
        try:
            body = await self._search(dsl.search(query, window, known, limit), deadline)
        except TooLargeError:
            limit = FEWER_LINES
            body = await self._search(dsl.search(query, window, known, limit), deadline)
        # In a thread: redaction takes long enough that other sources' answers would wait for it.
        return await asyncio.to_thread(_page, body, limit, of_node=of_node)

    async def check(self) -> Diagnosis:
        """Whether the indices are there, may be read, and name what lines come from."""
        address = redact(self._settings.elasticsearch_url or "")
        deadline = asyncio.get_running_loop().time() + self._settings.source_deadline_seconds
        try:
            missing = (await self._fields(deadline)).missing()
        except SourceError as error:
            return Diagnosis(self.name, healthy=False, statement=f"{address}: {error}", fix=_fix_for(str(error)))
        if missing:
            statement = f"{address} answers, but {missing}: {self._settings.elasticsearch_index}"
            return Diagnosis(self.name, healthy=False, statement=statement, fix=_fix_for(missing))
        return Diagnosis(self.name, healthy=True, statement=f"{address} answers queries")

    async def aclose(self) -> None:
        """Give connections back."""
        await self._http.aclose()

    async def _search(self, search: dict[str, Any], deadline: float) -> Any:  # noqa: ANN401 - JSON of any shape
        await _reserve()
        timed = {**search, "timeout": f"{max(100, int(seconds_to(deadline) * 900))}ms"}
        answer = await self._ask("_search", deadline, search=timed)
        body = json_of(answer, VENDOR)
        await allowance().correct(MAX_BYTES, len(answer.body))
        return body

    async def _known_fields(self, deadline: float) -> Fields:
        if self._kept is None or time.monotonic() - self._kept[0] > FIELDS_KEPT_SECONDS:
            found = await self._fields(deadline)
            if found.missing():
                return found
            self._kept = (time.monotonic(), found)
        return self._kept[1]

    async def _fields(self, deadline: float) -> Fields:
        wanted = (("fields", ",".join(fields.asked_for())),)
        return Fields.of(json_of(await self._ask("_field_caps", deadline, params=wanted), VENDOR))

    async def _ask(
        self,
        endpoint: str,
        deadline: float,
        params: tuple[tuple[str, str], ...] = (),
        search: dict[str, Any] | None = None,
    ) -> Answer:
        request = Request(
            "GET" if search is None else "POST",
            f"{self._settings.elasticsearch_url}/{self._settings.elasticsearch_index}/{endpoint}",
            headers=request_headers(
                self._settings.elasticsearch_headers, self._settings.elasticsearch_token, scheme="ApiKey"
            ),
            params=params,
            json=search,
        )
        return await asked(self._http, request, deadline, None if search is None else _reserve)


async def _reserve() -> None:
    await allowance().reserve(MAX_BYTES, at_most=True)


def _page(body: Any, limit: int, *, of_node: bool) -> Page:  # noqa: ANN401 - JSON of any shape
    return page_of(rows_of(body, of_node=of_node), limit, faults=faults_of(body))


def _fix_for(problem: str) -> str:
    if "HTML" in problem or "redirected" in problem:
        return "SITREP_ELASTICSEARCH_URL is the base address of its API, not that of Kibana or Dashboards, or a login"
    if "(401)" in problem or "(403)" in problem:
        return "set SITREP_ELASTICSEARCH_TOKEN to an API key (or `Basic …`) that may read the indices"
    if "index" in problem:
        return "set SITREP_ELASTICSEARCH_INDEX to the indices that hold logs"
    if "no field" in problem:
        return "set SITREP_ELASTICSEARCH_INDEX to indices whose log agent adds Kubernetes' names (docs/logs.md)"
    if "(404)" in problem or "not JSON" in problem or "not Elasticsearch" in problem:
        return "SITREP_ELASTICSEARCH_URL is the base address, without an index"
    return "check SITREP_ELASTICSEARCH_URL, and that a NetworkPolicy lets Sitrep through"
