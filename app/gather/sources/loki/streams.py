"""Loki's answers, read: rows out of streams, names out of lists, bytes out of statistics."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from app.domain.errors import SourceError
from app.gather.logs.journal import service_of
from app.gather.logs.lines import Row
from app.gather.sources.loki.logql import CONTAINER_LABELS, UNIT_LABELS

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def rows_of(streams: Iterable[Any], *, of_node: bool) -> list[Row]:
    """The rows of all streams: Loki sorts within a stream only."""
    return [row for stream in streams if isinstance(stream, dict) for row in _rows(stream, of_node=of_node)]


def names(body: Mapping[str, Any]) -> frozenset[str]:
    """Label names. Raises `SourceError` for anything else."""
    return frozenset(name for name in _list(body) if isinstance(name, str))


def series(body: Mapping[str, Any]) -> list[Mapping[str, str]]:
    """The labels of each stream. Raises `SourceError` for anything else."""
    return [
        {str(name): str(value) for name, value in labels.items()} for labels in _list(body) if isinstance(labels, dict)
    ]


def bytes_read(data: Mapping[str, Any]) -> int | None:
    """How much Loki says that it read for an answer; None where it does not say."""
    stats = data.get("stats")
    summary = stats.get("summary") if isinstance(stats, dict) else None
    size = summary.get("totalBytesProcessed") if isinstance(summary, dict) else None
    return size if isinstance(size, int) and size >= 0 else None


def _list(body: Mapping[str, Any]) -> list[Any]:
    found = body.get("data", [])
    if body.get("status") != "success" or not isinstance(found, list):
        raise SourceError("answered JSON that is not Loki's")
    return found


def _rows(stream: Mapping[str, Any], *, of_node: bool) -> Iterator[Row]:
    labels, rows = stream.get("stream"), stream.get("values")
    if not isinstance(labels, dict) or not isinstance(rows, list):
        return
    if of_node:
        container = service_of(next((str(labels[name]) for name in UNIT_LABELS if name in labels), ""))
    else:
        container = next((str(labels[name]) for name in CONTAINER_LABELS if name in labels), "")
    for row in rows:
        # Two elements, or three with structured metadata.
        if not isinstance(row, list) or len(row) < 2 or not isinstance(row[1], str):  # noqa: PLR2004 - time and line
            continue
        at = _time(row[0])
        if at is not None:
            yield Row(at, container, row[1])


def _time(text: Any) -> datetime | None:  # noqa: ANN401 - anything may stand in the answer
    try:
        return EPOCH + timedelta(microseconds=int(text) // 1000)
    except (TypeError, ValueError, OverflowError):
        return None
