"""A stand-in VictoriaLogs: JSON lines in no order, no limit unless one is asked for, plain text errors."""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from aiohttp import web

from tests.fakes.logsql import Document, LogsqlError, parse
from tests.fakes.loki_entries import NANOSECONDS, entries_of
from tests.fakes.recording import Recording
from tests.fakes.server import FakeServer

STREAM_FIELDS = ("namespace", "pod")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class FakeVictoriaLogs(FakeServer):
    """Serves a recording's lines, and `documents` as they are. `names`: what the agent calls a label of ours."""

    def __init__(
        self,
        recording: Recording,
        *,
        documents: Iterable[Document] = (),
        stream_fields: Iterable[str] = STREAM_FIELDS,
        names: Mapping[str, str] | None = None,
        token: str = "",
    ) -> None:
        self.token = token
        self.stream_fields = frozenset(stream_fields)
        self.documents = [*_documents(recording, names or {}), *documents]
        self.forms: list[dict[str, str]] = []
        super().__init__()

    def add_routes(self, router: web.UrlDispatcher) -> None:
        for path, handler in (("query", self._query), ("stream_field_names", self._stream_field_names)):
            router.add_route("*", f"/select/logsql/{path}", self._guarded(handler))

    def _guarded(self, handler):  # noqa: ANN001, ANN202 - aiohttp's own handler type
        async def guarded(request: web.Request) -> web.Response:
            if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
                return _refused(401, "missing 'Authorization' request header")
            form = {**request.query, **{name: str(value) for name, value in (await request.post()).items()}}
            self.forms.append(form)
            if not re.fullmatch(r"\d+(\.\d+)?(ms|s|m|h)|", form.get("timeout", "")):
                return _refused(400, f"cannot parse timeout={form['timeout']}")
            try:
                return handler(form)
            except (LogsqlError, ValueError) as error:
                return _refused(400, f"cannot parse query [{form.get('query', '')}]: {error}")

        return guarded

    def _query(self, form: dict[str, str]) -> web.Response:
        found = self._found(form)
        if limit := int(form.get("limit") or 0):
            found = found[-limit:]
        fields = parse(form["query"], self.stream_fields).fields
        rows = [{name: one[name] for name in fields or sorted(one) if one.get(name)} for one in found]
        # Nothing is promised of the order of the lines.
        text = "".join(json.dumps(row) + "\n" for row in (*rows[1::2], *rows[::2]))
        return web.Response(text=text, content_type="application/stream+json")

    def _stream_field_names(self, form: dict[str, str]) -> web.Response:
        found = self._found(form)
        names = {name: sum(name in one for one in found) for name in sorted(self.stream_fields)}
        values = [{"value": name, "hits": hits} for name, hits in names.items() if hits]
        return web.json_response({"values": values})

    def _found(self, form: dict[str, str]) -> list[Document]:
        """Those that match, the oldest first."""
        if not form.get("query"):
            raise LogsqlError("missing `query` arg")
        matches = parse(form["query"], self.stream_fields).matches
        return sorted(filter(matches, self.documents), key=lambda one: datetime.fromisoformat(one["_time"]))


def _documents(recording: Recording, names: Mapping[str, str]) -> Iterable[Document]:
    for entry in entries_of(recording):
        at = _EPOCH + timedelta(seconds=entry.nanoseconds // NANOSECONDS)
        fraction = f"{entry.nanoseconds % NANOSECONDS:09}"
        labels = {names.get(name, name): value for name, value in entry.labels.items()}
        yield {**labels, "_time": f"{at:%Y-%m-%dT%H:%M:%S}.{fraction}Z", "_msg": entry.text}


def _refused(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=f"{text}\n")
