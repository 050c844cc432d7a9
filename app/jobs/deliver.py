"""The sender: takes a channel's lease, sends what is due there one by one, and records what became of it."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from app import telemetry
from app.notify.dispatcher import (
    CannotSearch,
    Dispatcher,
    Found,
    Gone,
    NotFound,
    Outcome,
    Parked,
    Retry,
    SearchOutcome,
    Sent,
    Unknown,
    Waiting,
)
from app.notify.notifier import NOTE, Letter
from app.store.claims import Channel, Claim
from app.store.deliveries import Deliveries
from app.store.incidents import Incidents
from app.store.leases import Leases

CHANNEL_LEASE_SECONDS = 30.0
PACE_SECONDS = 1.0
MAX_CHANNELS_OF_A_NOTIFIER = 8
SEARCHES = 2
LONGEST_WAIT_SECONDS = 300.0

log = structlog.get_logger()


class Sender:
    """Delivers what is due. One sender a channel across all replicas, one call a second there."""

    def __init__(self, incidents: Incidents, deliveries: Deliveries, dispatcher: Dispatcher, leases: Leases) -> None:
        self._incidents = incidents
        self._deliveries = deliveries
        self._dispatcher = dispatcher
        self.leases = leases
        self._busy: dict[Channel, asyncio.Task[None]] = {}

    async def start_due(self) -> None:
        """Once: start a task for each channel with something due that nobody here serves."""
        self._busy = {channel: task for channel, task in self._busy.items() if not task.done()}
        for channel in await self._deliveries.due_channels():
            # Each notifier has places of its own: one that hangs must not delay another.
            busy = sum(1 for other in self._busy if other.notifier == channel.notifier)
            if channel not in self._busy and busy < MAX_CHANNELS_OF_A_NOTIFIER:
                self._busy[channel] = asyncio.create_task(_logged(self._serve(channel)))

    async def aclose(self) -> None:
        """Let what is being sent finish."""
        await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def _serve(self, channel: Channel) -> None:
        """Send one thing in this channel, if the channel is ours to speak in."""
        lease = await self.leases.take(channel.lease_name, CHANNEL_LEASE_SECONDS)
        if lease is None:
            return
        rest = PACE_SECONDS
        try:
            claim = await self._deliveries.claim(channel)
            rest = await self._send(claim) if claim else 0.0
        finally:
            await self.leases.rest(lease, rest)

    async def _send(self, claim: Claim) -> float:
        """How long the channel rests now, in seconds: 0 where the vendor was not called."""
        incident = await self._incidents.get(claim.incident_id)
        letter = Letter(
            incident=incident,
            target=claim.channel.target,
            part=claim.part,
            nonce=claim.nonce,
            reference=claim.reference,
            head_reference=claim.head_reference,
            news=claim.news,
            broadcast=claim.part.startswith("news:broadcast:"),
            may_repeat=claim.may_repeat,
            attempts=claim.attempts - 1,
        )
        name = claim.channel.notifier
        is_news = claim.part.startswith("news:")
        if is_news and not (claim.news and self._dispatcher.tells(name, claim.part)):
            await self._deliveries.record(claim, "", "")
            return 0.0
        if incident.is_absorbed and claim.part != NOTE and claim.reference is None and not claim.unknown:
            await self._deliveries.absorb(claim)
            return 0.0
        digest = self._dispatcher.digest(name, letter)
        if claim.reference is not None and digest == claim.digest:
            await self._deliveries.record(claim, claim.reference, digest)
            return 0.0
        if claim.unknown and claim.reference is None:
            return await self._settle(claim, letter)
        outcome = await self._dispatcher.deliver(name, letter)
        telemetry.DELIVERIES.labels(name, type(outcome).__name__.lower()).inc()
        await self._record(claim, outcome, digest)
        return _rest(outcome)

    async def _settle(self, claim: Claim, letter: Letter) -> float:
        """An earlier send may have arrived: look for it, twice, before it is posted again."""
        outcome = await self._dispatcher.find(claim.channel.notifier, letter)
        match outcome:
            case Found(reference):
                # What stands there may show an older state; the empty digest makes an edit follow.
                await self._deliveries.record(claim, reference, "")
            case NotFound() if claim.searches + 1 < SEARCHES:
                await self._deliveries.search_again(claim)
            case NotFound():
                await self._deliveries.post_again(claim, may_repeat=False)
            case CannotSearch():
                # Each of these may have arrived: twice is borne, hundreds are not.
                wait = min(2.0 ** min(claim.attempts, 10), LONGEST_WAIT_SECONDS)
                await self._deliveries.post_again(claim, may_repeat=True, after_seconds=wait)
            case Retry(reason, after_seconds):
                await self._deliveries.leave_unknown(claim, reason, after_seconds)
        return _rest(outcome)

    async def _record(self, claim: Claim, outcome: Outcome, digest: str) -> None:
        deliveries = self._deliveries
        match outcome:
            case Sent(reference):
                if not await deliveries.record(claim, reference, digest) and claim.reference is None:
                    await self._withdraw_if_second(claim, reference)
            case Unknown(reason):
                await deliveries.leave_unknown(claim, reason, 0.0)
            case Gone(reason):
                await deliveries.forget(claim, reason)
            case Parked(reason):
                log.warning("delivery parked", notifier=claim.channel.notifier, part=claim.part, reason=reason)
                await deliveries.park(claim, reason)
            case Waiting(reason, after_seconds) | Retry(reason, after_seconds):
                await deliveries.retry(claim, reason, after_seconds)

    async def _withdraw_if_second(self, claim: Claim, reference: str) -> None:
        """Another writer recorded while our lease had ended: if it shows another message, ours goes."""
        shown = await self._deliveries.reference(claim)
        if shown is not None and shown != reference:
            await self._dispatcher.withdraw(claim.channel.notifier, claim.channel.target, reference)


def _rest(outcome: Outcome | SearchOutcome) -> float:
    """A wait that the vendor asked for is the whole channel's, and every replica's: the lease rests so long."""
    match outcome:
        case Retry(after_seconds=seconds, throttled=True):
            return max(seconds, PACE_SECONDS)
    return PACE_SECONDS


async def _logged(work: Coroutine[Any, Any, None]) -> None:
    """The store going away ends this round only; the delivery is due again when its lease ends."""
    try:
        await work
    except Exception:
        log.exception("a send failed; it is taken up again when its lease ends")
