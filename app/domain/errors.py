"""The four exceptions that cross a room's border; a vendor's exception never does."""


class SitrepError(Exception):
    """What all of Sitrep's own exceptions share."""


class InvalidPayloadError(SitrepError):
    """A body that is not what its sender promised: `field` is where, `reason` is what is wrong."""

    def __init__(self, reason: str, field: str = "") -> None:
        """`field` is a JSON path such as `alerts[3].startsAt`; empty for the whole body."""
        super().__init__(f"{field}: {reason}" if field else reason)
        self.reason = reason
        self.field = field


class SourceError(SitrepError):
    """A source could not answer; the message is what a reader sees in the gap, redacted and short.

    `source_is_sick`: it would not have answered any other question either.
    """

    def __init__(self, reason: str, *, source_is_sick: bool = False) -> None:
        super().__init__(reason)
        self.source_is_sick = source_is_sick


class DeliveryError(SitrepError):
    """A notifier could not send.

    `retryable`: time may heal it. `retry_after_seconds`: not before then. `code`: the vendor's word.
    `unknown`: the message may have arrived all the same. `gone`: the message to edit no longer exists.
    """

    def __init__(  # noqa: PLR0913 - each is one column of the contracts' error tables
        self,
        reason: str,
        *,
        retryable: bool,
        code: str = "",
        retry_after_seconds: float | None = None,
        unknown: bool = False,
        gone: bool = False,
    ) -> None:
        super().__init__(reason)
        self.retryable = retryable
        self.code = code
        self.retry_after_seconds = retry_after_seconds
        self.unknown = unknown
        self.gone = gone


class NotFoundError(SitrepError):
    """There is nothing by that id."""
