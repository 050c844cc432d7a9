"""From a letter to an outcome: what the notifiers' errors mean for the delivery. It never touches the store."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeVar

from app.domain.diagnosis import Diagnosis
from app.domain.errors import DeliveryError
from app.domain.incident import Incident
from app.notify.notifier import CANNOT_SEARCH_CODE, NOT_THERE_YET_CODE, Letter, Notifier, Target

T = TypeVar("T")

LONGEST_CALL_SECONDS = 20.0
"""How long one send or one look may take in all: the lease of its delivery must not end meanwhile."""

LONGEST_RETRY_SECONDS = 30.0
"""How long a vendor that had failed may be well again before somebody notices."""

LONGEST_WAIT_SECONDS = 300.0
LONGEST_TOLD_WAIT_SECONDS = 3600.0
_FIRST_RETRY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Sent:
    """It stands there, under this reference."""

    reference: str


@dataclass(frozen=True, slots=True)
class Retry:
    """It did not arrive; time may heal it. `throttled`: the vendor asked for the wait, of all in this channel."""

    reason: str
    after_seconds: float
    throttled: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """What it belongs to is not there yet: nothing failed."""

    reason: str
    after_seconds: float


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have arrived: look for it before posting again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The message to edit is no more: clear the reference, take a new nonce, post anew."""

    reason: str


@dataclass(frozen=True, slots=True)
class Parked:
    """A person must fix something first."""

    reason: str
    code: str


Outcome = Sent | Retry | Waiting | Unknown | Gone | Parked


@dataclass(frozen=True, slots=True)
class Found:
    """The message that was looked for."""

    reference: str


@dataclass(frozen=True, slots=True)
class NotFound:
    """It did not arrive, or is not visible yet."""


@dataclass(frozen=True, slots=True)
class CannotSearch:
    """Nobody can tell: post again, marked "may repeat"."""

    reason: str


SearchOutcome = Found | NotFound | CannotSearch | Retry


class Dispatcher:
    """All ways to people by name."""

    def __init__(self, notifiers: Sequence[Notifier], longest_call_seconds: float = LONGEST_CALL_SECONDS) -> None:
        self._notifiers = {notifier.name: notifier for notifier in notifiers}
        self._longest_call_seconds = longest_call_seconds

    @property
    def notifiers(self) -> Mapping[str, Notifier]:
        """By name, in the order given."""
        return MappingProxyType(self._notifiers)

    def targets(self, incident: Incident) -> tuple[tuple[str, Target], ...]:
        """(notifier name, target) of all that this incident should show now."""
        return tuple((name, target) for name, one in self._notifiers.items() for target in one.targets(incident))

    def tells(self, notifier_name: str, part: str) -> bool:
        """Whether letters of this part are for this notifier."""
        notifier = self._notifiers.get(notifier_name)
        return notifier is not None and notifier.tells(part)

    def digest(self, notifier_name: str, letter: Letter) -> str:
        """What the reader would see, as a hash; empty for a notifier that is not configured any more."""
        notifier = self._notifiers.get(notifier_name)
        return notifier.digest(letter) if notifier else ""

    async def deliver(self, notifier_name: str, letter: Letter) -> Outcome:
        """Send, and say what became of it. Never raises `DeliveryError`."""
        notifier = self._notifiers.get(notifier_name)
        if notifier is None:
            return Parked(f"{notifier_name} is not configured", "not_configured")
        try:
            return Sent(await self._bounded(notifier.send(letter)))
        except DeliveryError as error:
            return _outcome(error, letter)

    async def find(self, notifier_name: str, letter: Letter) -> SearchOutcome:
        """Look for a message whose post was never confirmed. Never raises `DeliveryError`."""
        notifier = self._notifiers.get(notifier_name)
        if notifier is None:
            return CannotSearch(f"{notifier_name} is not configured")
        try:
            reference = await self._bounded(notifier.find(letter))
        except DeliveryError as error:
            if error.retryable and error.code != CANNOT_SEARCH_CODE:
                return _retry(error, letter)
            return CannotSearch(str(error))
        return Found(reference) if reference else NotFound()

    async def withdraw(self, notifier_name: str, target: str, reference: str) -> bool:
        """Delete our own message; whether that worked."""
        notifier = self._notifiers.get(notifier_name)
        if notifier is None:
            return False
        try:
            await notifier.withdraw(target, reference)
        except DeliveryError:
            return False
        return True

    async def check(self) -> tuple[Diagnosis, ...]:
        """One line for each notifier."""
        return tuple([await notifier.check() for notifier in self._notifiers.values()])

    async def aclose(self) -> None:
        """Give all connections back."""
        for notifier in self._notifiers.values():
            await notifier.aclose()

    async def _bounded(self, call: Coroutine[Any, Any, T]) -> T:
        """The answer in time. Raises `DeliveryError`: a notifier may make several calls, each in its own time."""
        try:
            async with asyncio.timeout(self._longest_call_seconds):
                return await call
        except TimeoutError as error:
            reason = f"no answer in {self._longest_call_seconds:g} s"
            # Which of the calls was cut off is not known here: it may have been the one that posts.
            raise DeliveryError(reason, retryable=True, code="timeout", unknown=True) from error


def _outcome(error: DeliveryError, letter: Letter) -> Outcome:
    reason = str(error)
    if error.gone:
        return Gone(reason)
    # An edit that may have arrived is simply made again: it says the same.
    if error.unknown and not letter.reference:
        return Unknown(reason)
    if error.retryable and error.code == NOT_THERE_YET_CODE:
        return Waiting(reason, _seconds(error, letter, LONGEST_WAIT_SECONDS))
    if error.retryable:
        return _retry(error, letter)
    return Parked(reason, error.code or "refused")


def _retry(error: DeliveryError, letter: Letter) -> Retry:
    throttled = error.retry_after_seconds is not None
    return Retry(str(error), _seconds(error, letter, LONGEST_RETRY_SECONDS), throttled=throttled)


def _seconds(error: DeliveryError, letter: Letter, longest: float) -> float:
    told = error.retry_after_seconds
    if told is not None:
        # In this order: a header may say "nan".
        return min(LONGEST_TOLD_WAIT_SECONDS, told)
    return min(_FIRST_RETRY_SECONDS * 2.0 ** min(letter.attempts, 10), longest)
