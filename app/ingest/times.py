"""Times as senders write them: RFC 3339 with up to nine digits, any offset, and Go's zero time."""

from datetime import UTC, datetime

# Go's zero time, also where a sender printed it in its own zone.
ZERO_YEARS = ("0001-", "0000-")
LATEST = datetime.max.replace(tzinfo=UTC)


def read_time(text: str | None) -> datetime | None:
    """The moment in UTC; None for the zero time and for nothing at all. Raises `ValueError`."""
    if not text or text.startswith(ZERO_YEARS):
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        # The last hours of year 9999 west of Greenwich have no UTC time in Python.
        return LATEST
