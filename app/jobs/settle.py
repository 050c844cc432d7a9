"""What a send's outcome means for the delivery, and how an outcome that nobody knows is found out."""

from dataclasses import replace

import structlog

from app.domain.alert import AlertStatus
from app.notify.dispatcher import (
    CannotSearch,
    Dispatcher,
    Found,
    Gone,
    NotFound,
    Outcome,
    Parked,
    Retry,
    Sent,
    Unknown,
    Waiting,
)
from app.notify.notifier import END, Letter, Target
from app.store.claims import Claim
from app.store.outcomes import Outcomes

PACE_SECONDS = 1.0
SEARCHES = 2
LONGEST_WAIT_SECONDS = 300.0

log = structlog.get_logger()


class Settler:
    """Writes outcomes down. What it returns is how long the channel rests now, in seconds."""

    def __init__(self, outcomes: Outcomes, dispatcher: Dispatcher) -> None:
        self._outcomes = outcomes
        self._dispatcher = dispatcher

    async def record(self, claim: Claim, outcome: Outcome, digest: str) -> float:
        """Keep what became of this send."""
        outcomes = self._outcomes
        match outcome:
            case Sent(reference):
                if not await outcomes.record(claim, reference, digest) and claim.reference is None:
                    await self._withdraw_if_second(claim, reference)
                await outcomes.hurry(claim.channel)
            case Unknown(reason):
                await outcomes.leave_unknown(claim, reason, 0.0)
            case Gone(reason):
                await outcomes.forget(claim, reason)
            case Parked(reason):
                log.warning("delivery parked", notifier=claim.channel.notifier, part=claim.part, reason=reason)
                await outcomes.park(claim, reason)
            case Waiting(reason, after_seconds):
                await outcomes.retry(claim, reason, after_seconds)
            case Retry(reason, after_seconds):
                await outcomes.retry(claim, reason, after_seconds)
                return _rest(outcome)
        return PACE_SECONDS

    async def look(self, claim: Claim, letter: Letter) -> float:
        """An earlier send may have arrived: look for it, twice, before it is posted again."""
        outcomes = self._outcomes
        match await self._dispatcher.find(claim.channel.notifier, letter):
            case Found(reference):
                await outcomes.found(claim, reference)
                await outcomes.hurry(claim.channel)
            case NotFound():
                if claim.searches + 1 < SEARCHES:
                    await outcomes.search_again(claim)
                else:
                    await outcomes.post_again(claim, may_repeat=False)
                await outcomes.hurry(claim.channel)
            case CannotSearch():
                # Each of these may have arrived: twice is borne, hundreds are not.
                wait = min(2.0 ** min(claim.attempts, 10), LONGEST_WAIT_SECONDS)
                await outcomes.post_again(claim, may_repeat=True, after_seconds=wait)
            case Retry(reason, after_seconds) as retry:
                await outcomes.leave_unknown(claim, reason, after_seconds)
                return _rest(retry)
        return PACE_SECONDS

    async def end_said(self, claim: Claim, letter: Letter, reference: str) -> None:
        """What was over before anybody could be told of it is told once, by a head that says so."""
        notifier, end, incident = claim.channel.notifier, Target(claim.channel.target, END), letter.incident
        if incident.state is AlertStatus.RESOLVED and (notifier, end) in self._dispatcher.targets(incident):
            digest = self._dispatcher.digest(notifier, replace(letter, part=END))
            await self._outcomes.end_said(claim, reference, digest)

    async def _withdraw_if_second(self, claim: Claim, reference: str) -> None:
        """Another writer recorded while our lease had ended: if it shows another message, ours goes."""
        shown = await self._outcomes.reference(claim)
        if shown is None or shown == reference:
            return
        if not await self._dispatcher.withdraw(claim.channel.notifier, claim.channel.target, reference):
            log.warning("a second message stands and cannot be deleted", reference=reference, part=claim.part)


def _rest(outcome: Retry) -> float:
    """A wait that the vendor asked for is the whole channel's, and every replica's: the lease rests so long."""
    return max(outcome.after_seconds, PACE_SECONDS) if outcome.throttled else PACE_SECONDS
