"""Reading Kubernetes bodies that may lack anything: a wrong type reads as absent, nothing raises."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

NOTHING: Mapping[str, Any] = {}


def mapping(value: object) -> Mapping[str, Any]:
    """The value where it is a map, else an empty one."""
    return value if isinstance(value, Mapping) else NOTHING


def dig(body: object, *keys: str) -> Any:  # noqa: ANN401 - a body holds anything; callers narrow
    """What stands under these keys, None where any step is missing."""
    for key in keys:
        body = mapping(body).get(key)
    return body


def text(value: object) -> str:
    """The value where it is text (or a number, as text), else empty."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def integer(value: object) -> int | None:
    """The value as a whole number, where it is one or spells one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.isascii() and value.lstrip("-").isdigit() and len(value) < 20:  # noqa: PLR2004
        return int(value) if value.count("-") <= 1 else None
    return None


def maps(value: object) -> tuple[Mapping[str, Any], ...]:
    """The maps of a list, without what is not a map."""
    return tuple(item for item in value if isinstance(item, Mapping)) if isinstance(value, list | tuple) else ()


def moment(value: object) -> datetime | None:
    """An RFC 3339 time in UTC, None where it is none."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if not isinstance(value, str) or not value:
        return None
    try:
        parsed = datetime.fromisoformat(value)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
