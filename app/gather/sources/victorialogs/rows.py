"""VictoriaLogs' answers: one JSON object a line, of which the last may be cut."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.domain.errors import SourceError
from app.gather.http_answer import MARKUP_TYPES, refuse_status, short
from app.gather.logs.journal import KERNEL, service_of
from app.gather.logs.lines import Row
from app.gather.sources.victorialogs.logsql import CONTAINER_FIELDS, MESSAGE, SYSLOG_FIELDS, TIME, UNIT_FIELDS
from app.gather.text import storable_json
from app.http import Answer

LINE_TYPES = frozenset({"application/stream+json", "application/x-ndjson", "application/json"})


def rows_of(answer: Answer, *, of_node: bool = False) -> tuple[list[Row], str]:
    """The rows of a good answer, and what is wrong with it. Raises `SourceError` for anything but JSON lines."""
    refuse_status(answer, "VictoriaLogs")
    if answer.media_type in MARKUP_TYPES:
        raise SourceError("answered HTML, not JSON: is the URL a proxy or login page?", source_is_sick=True)
    if answer.media_type and answer.media_type not in LINE_TYPES:
        reason = f"answered {short(answer.media_type)}, not JSON lines: is the URL that of VictoriaLogs?"
        raise SourceError(reason, source_is_sick=True)
    lines = [line for line in storable_json(answer.body).split("\n") if line.strip()]
    if answer.truncated:
        lines = lines[:-1]
    found = [_object(line) for line in lines]
    if lines and not any(found):
        raise SourceError("answered something that is not JSON lines", source_is_sick=True)
    # It has answered 200 by the time that something goes wrong: it says so among the lines, or breaks off.
    fault = "" if all(found) else "the answer broke off"
    rows = [row for one in found if one and (row := _row(one, of_node=of_node))]
    return rows, fault


def stream_fields(body: Any) -> frozenset[str]:  # noqa: ANN401 - JSON of any shape
    """The names that streams are kept by. Raises `SourceError` for another shape."""
    values = body.get("values") if isinstance(body, dict) else None
    if not isinstance(values, list):
        raise SourceError("answered JSON that is not VictoriaLogs'")
    return frozenset(str(one["value"]) for one in values if isinstance(one, dict) and "value" in one)


def _object(line: str) -> Mapping[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and TIME in found else None


def _row(fields: Mapping[str, Any], *, of_node: bool) -> Row | None:
    try:
        at = datetime.fromisoformat(str(fields[TIME]))
    except ValueError:
        return None
    if of_node:
        unit = _first(fields, UNIT_FIELDS)
        container = service_of("" if _first(fields, SYSLOG_FIELDS) == KERNEL else unit)
    else:
        container = _first(fields, CONTAINER_FIELDS)
    text = fields.get(MESSAGE)
    return Row(at if at.tzinfo else at.replace(tzinfo=UTC), container, text) if isinstance(text, str) else None


def _first(fields: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((str(fields[name]) for name in names if fields.get(name)), "")
