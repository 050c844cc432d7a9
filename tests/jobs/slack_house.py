"""An outbox on a real PostgreSQL before a stand-in Slack, senders that can be held at any step, and turned time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from app.jobs.deliver import Sender
from app.notify.dispatcher import Dispatcher
from app.notify.notifier import Notifier
from app.notify.notifiers.slack import SlackNotifier, SlackWebhookNotifier
from app.settings import Secret, Settings
from app.store.deliveries import Deliveries
from app.store.engine import Row, Store
from app.store.identity import uuid7
from app.store.incidents import Incidents
from app.store.leases import Leases
from app.store.partitions import month_of
from tests.fakes.slack import FakeSlack
from tests.notify.letters import page_link, slack_settings

ONCALL = "C0ONCALL"


class Held:
    """The same object, but one step of it is held, before or after its work was done, until it is let go."""

    def __init__(self, inner: object, step: str, when: Literal["before", "after"]) -> None:
        self._inner = inner
        self._step = step
        self._when = when
        self.reached = asyncio.Event()
        self.let_go = asyncio.Event()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(self._inner, name)
        return self._held(method) if name == self._step else method

    def _held(self, method: Callable[..., Any]) -> Callable[..., Any]:
        async def held(*given: object, **named: object) -> object:
            if self._when == "before":
                await self._hold()
            done = await method(*given, **named)
            if self._when == "after":
                await self._hold()
            return done

        return held

    async def _hold(self) -> None:
        self.reached.set()
        await self.let_go.wait()


class SlackHouse:
    """Incidents and their deliveries, and any number of senders, each as if of another process."""

    def __init__(self, store: Store, slack: FakeSlack, notifiers: list[Notifier]) -> None:
        self.store = store
        self.slack = slack
        self.deliveries = Deliveries(store, storms=False)
        self.dispatcher = Dispatcher(notifiers, longest_call_seconds=5.0)
        self._names = [notifier.name for notifier in notifiers]

    def parts(self) -> dict[str, Any]:
        """What a sender is made of, for a test to put something else in a place."""
        return {
            "incidents": Incidents(self.store),
            "deliveries": self.deliveries,
            "dispatcher": self.dispatcher,
            "leases": Leases(self.store, uuid7()),
        }

    async def incident(self, *parts: str, severity: int = 3, target: str = ONCALL) -> UUID:
        """An incident whose head, and other parts, are wanted."""
        incident_id, now = uuid7(), datetime.now(UTC)
        async with self.store.transaction() as transaction:
            await transaction.execute(
                """
                insert into incident (id, month, state, severity, started_at, alertname, cluster, namespace,
                  workload, title, headline, reported, subjects) values (%(id)s, %(month)s, 'firing', %(severity)s,
                  %(now)s, 'first', '', '', '', 'first', 'first', '[]', '[]')
                """,
                id=incident_id,
                month=month_of(now),
                severity=severity,
                now=now,
            )
        wanted = [(name, target, part) for name in self._names for part in ("head", *parts)]
        await self.deliveries.announce(incident_id, wanted)
        return incident_id

    async def change(self, title: str) -> None:
        """Every incident looks different now."""
        async with self.store.transaction() as transaction:
            await transaction.execute("update incident set title = %(t)s, alertname = %(t)s", t=title)
            await transaction.execute(
                "update delivery set wanted = wanted + 1, state = case state when 'shown' then 'due' else state end"
            )

    async def later(self, seconds: float) -> None:
        """Let time pass, as far as leases and deliveries can tell."""
        async with self.store.transaction() as transaction:
            await transaction.execute("update lease set until = until - make_interval(secs => %(s)s)", s=seconds)
            await transaction.execute(
                """
                update delivery set due_at = due_at - make_interval(secs => %(s)s),
                  lease_until = lease_until - make_interval(secs => %(s)s)
                """,
                s=seconds,
            )

    async def once(self) -> None:
        """Another process looks once, and sends what it may."""
        sender = Sender(**self.parts())
        await sender.start_due()
        await sender.aclose()

    async def rounds(self, count: int = 8) -> None:
        """Others look again and again, a quarter of a minute apart."""
        for _ in range(count):
            await self.once()
            await self.later(16)

    async def rows(self) -> list[Row]:
        async with self.store.transaction() as transaction:
            return await transaction.all("select * from delivery order by created_at, part")

    async def head(self) -> Row:
        return next(row for row in await self.rows() if row["part"] == "head")

    def called(self) -> list[str]:
        """The methods that Slack was asked for, in order."""
        return [method for method, _ in self.slack.calls]


@asynccontextmanager
async def slack_house(database_url: str, *, webhook: bool = False) -> AsyncIterator[SlackHouse]:
    """A house before a Slack with a bot token, or with a webhook's address only."""
    store = Store(database_url)
    async with FakeSlack() as slack:
        notifier: Notifier
        if webhook:
            notifier = SlackWebhookNotifier(Settings(slack_webhook_url=Secret(slack.webhook_url)), page_link)
        else:
            notifier = SlackNotifier(slack_settings(slack), page_link)
        yield SlackHouse(store, slack, [notifier])
        await notifier.aclose()
    await store.aclose()
