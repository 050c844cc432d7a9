"""What `_search` found: rows, and whether that was all of it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from app.domain.errors import SourceError
from app.gather.http_answer import short
from app.gather.logs.journal import KERNEL, service_of
from app.gather.logs.lines import Row
from app.gather.sources.elasticsearch import fields
from app.gather.sources.elasticsearch.fields import first_of, value_of

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def rows_of(body: Any, *, of_node: bool) -> list[Row]:  # noqa: ANN401 - JSON of any shape
    """One row for each document with a time and a line. Raises `SourceError` for another shape."""
    outer = body.get("hits") if isinstance(body, dict) else None
    hits = outer.get("hits") if isinstance(outer, dict) else None
    if not isinstance(hits, list):
        raise SourceError("answered JSON that is not Elasticsearch's")
    return [row for hit in hits if isinstance(hit, dict) and (row := _row(hit, of_node=of_node))]


def faults_of(body: Mapping[str, Any]) -> tuple[str, ...]:
    """Why a good answer is none of all lines: Elasticsearch says 200 to that, too."""
    faults = ["the search ran out of its time, and found a part"] if body.get("timed_out") is True else []
    shards = body.get("_shards")
    if isinstance(shards, dict) and shards.get("failed"):
        failures = shards.get("failures")
        first = failures[0] if isinstance(failures, list) and failures else {}
        reason = first.get("reason") if isinstance(first, dict) else None
        said = reason.get("reason") if isinstance(reason, dict) else None
        words = f": {short(said)}" if isinstance(said, str) else ""
        faults.append(f"{shards.get('failed')} of {shards.get('total')} shards failed{words}")
    return tuple(short(fault) for fault in faults)


def _row(hit: Mapping[str, Any], *, of_node: bool) -> Row | None:
    source = hit.get("_source")
    if not isinstance(source, dict):
        return None
    at, text = _time(source, hit.get("sort")), first_of(source, fields.MESSAGE)
    if at is None or not text:
        return None
    if of_node:
        unit = "" if first_of(source, fields.SYSLOG) == KERNEL else first_of(source, fields.UNIT)
        return Row(at, service_of(unit), text)
    return Row(at, first_of(source, fields.CONTAINER), text)


def _time(source: Mapping[str, Any], sort: Any) -> datetime | None:  # noqa: ANN401 - JSON of any shape
    """The document's own, or what it was sorted by, in milliseconds."""
    try:
        at = datetime.fromisoformat(value_of(source, fields.TIME))
    except ValueError:
        milliseconds = sort[0] if isinstance(sort, list) and sort else None
        try:
            return EPOCH + timedelta(milliseconds=milliseconds) if isinstance(milliseconds, int) else None
        except OverflowError:
            return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
