"""The sender: takes a channel's lease, and sends what is due there one by one."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from app import telemetry
from app.jobs.settle import PACE_SECONDS, Settler
from app.notify.dispatcher import Dispatcher, Sent
from app.notify.notifier import LOUD_NEWS, NOTE, Letter
from app.store.claims import Channel, Claim
from app.store.deliveries import Deliveries
from app.store.engine import StoreUnavailableError
from app.store.incidents import Incidents
from app.store.leases import Lease, Leases

CHANNEL_LEASE_SECONDS = 30.0
MAX_CHANNELS_OF_A_NOTIFIER = 8

log = structlog.get_logger()


class Sender:
    """Delivers what is due. One sender a channel across all replicas, one call a second there."""

    def __init__(self, incidents: Incidents, deliveries: Deliveries, dispatcher: Dispatcher, leases: Leases) -> None:
        self._incidents = incidents
        self._deliveries = deliveries
        self._dispatcher = dispatcher
        self.leases = leases
        self._settler = Settler(deliveries, dispatcher)
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
            rest = await self._send(claim, lease) if claim else 0.0
        finally:
            await self.leases.rest(lease, rest)

    async def _send(self, claim: Claim, lease: Lease) -> float:
        """How long the channel rests now, in seconds: 0 where the vendor was not called."""
        letter = await self._letter(claim)
        name = claim.channel.notifier
        is_news = claim.part.startswith("news:")
        if is_news and not (claim.news and self._dispatcher.tells(name, claim.part)):
            await self._deliveries.record(claim, "", "")
            return 0.0
        if letter.incident.is_absorbed and claim.part != NOTE and claim.reference is None and not claim.unknown:
            await self._deliveries.absorb(claim)
            return 0.0
        digest = self._dispatcher.digest(name, letter)
        # After an edit that nobody recorded, what stands there need not be what the digest says.
        if claim.reference is not None and digest == claim.digest and not claim.unknown:
            await self._deliveries.record(claim, claim.reference, digest)
            return 0.0
        if not await self._may_speak(claim, lease):
            return 0.0
        if claim.unknown and claim.reference is None:
            return await self._settler.look(claim, letter)
        outcome = await self._dispatcher.deliver(name, letter)
        telemetry.DELIVERIES.labels(name, type(outcome).__name__.lower()).inc()
        rest = await self._settler.record(claim, outcome, digest)
        if claim.is_first_word and isinstance(outcome, Sent):
            await self._settler.end_said(claim, letter, outcome.reference)
        return rest

    async def _letter(self, claim: Claim) -> Letter:
        """The newest state of the incident, as this part of it."""
        if claim.is_first_word:
            # Before the incident is read: what comes after that is news.
            await self._deliveries.leave_to_head(claim)
        return Letter(
            incident=await self._incidents.get(claim.incident_id),
            target=claim.channel.target,
            part=claim.part,
            nonce=claim.nonce,
            reference=claim.reference,
            head_reference=claim.head_reference,
            news=claim.news,
            broadcast=claim.part.startswith(LOUD_NEWS),
            may_repeat=claim.may_repeat,
            attempts=claim.attempts - 1,
        )

    async def _may_speak(self, claim: Claim, lease: Lease) -> bool:
        """Whether the channel and the delivery are still ours, and stay so for longer than a call can take.

        A sender that was held up may find that another speaks in its place; nothing was sent yet.
        """
        if await self.leases.keep(lease, CHANNEL_LEASE_SECONDS) and await self._deliveries.hold(claim):
            return True
        log.warning("held up for too long, so nothing was sent", notifier=claim.channel.notifier, part=claim.part)
        await self._deliveries.put_back(claim)
        return False


async def _logged(work: Coroutine[Any, Any, None]) -> None:
    """The store going away ends this round only; the delivery is due again when its lease ends."""
    try:
        await work
    except StoreUnavailableError as error:
        log.warning("the database is away; what was being sent is taken up again", reason=str(error))
    except Exception:
        log.exception("a send failed; it is taken up again when its lease ends")
