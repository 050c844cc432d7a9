"""Many incidents with a life of their own, accepted and enriched for real, before a Slack that a test takes away."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app import registry
from app.domain.alert import Alert, AlertGroup, AlertStatus
from app.domain.subject import Subject
from app.gather.gatherer import Gatherer
from app.gather.planner import Planner
from app.jobs.announce import Announcer
from app.jobs.enrich import Enricher
from app.notify.notifier import Notifier
from app.notify.notifiers.slack import SlackNotifier, SlackWebhookNotifier
from app.pipeline import Pipeline
from app.settings import Route, Secret, Settings
from app.store.acceptance import Acceptance
from app.store.engine import Store
from app.store.enrichment import Enrichments
from app.store.incidents import Incidents
from app.store.post import Post
from app.store.queue import Queue
from tests.fakes.slack import FakeSlack
from tests.jobs.house import Cluster
from tests.jobs.slack_house import SlackHouse
from tests.notify.letters import page_link, slack_settings
from tests.processes import free_port

BEGAN = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)


class Town(SlackHouse):
    """Incidents by name; the team of a name's first letter has a channel of its own."""

    def __init__(self, store: Store, slack: FakeSlack, notifiers: list[Notifier], queue: Queue) -> None:
        super().__init__(store, slack, notifiers)
        cluster = Cluster()
        cluster.gate.set()
        self.incidents = Incidents(store)
        self.acceptance = Acceptance(store, queue.enqueue, timedelta(minutes=60))
        announcer = Announcer(self.incidents, self.deliveries, self.dispatcher)
        stages = Pipeline(Gatherer([cluster], Planner(), 3.0), registry.detectors())
        self.enricher = Enricher(Enrichments(store), stages, announcer, queue, budget_seconds=5.0)

    async def post(self, name: str, *alerts: str, severity: str = "warning", over: bool = False) -> UUID:
        """The body of this group: these alerts, each about a workload of its name; enriched at once."""
        told = tuple(_alert(name, alert, severity, over=over) for alert in alerts)
        state = AlertStatus.RESOLVED if over else AlertStatus.FIRING
        sha = name.encode().ljust(32, b".")
        group = AlertGroup("alertmanager", "prod", "sitrep", "{}:{}", sha, state, 0, {}, "", told)
        subjects = tuple(Subject("prod", name, "Deployment", alert.lower()) for alert in alerts)
        (incident_id,) = await self.acceptance.accept(Post(group, subjects, datetime.now(UTC)))
        await self.enricher.enrich(incident_id)
        return incident_id


def _alert(name: str, alert: str, severity: str, *, over: bool) -> Alert:
    labels = {"alertname": alert, "namespace": name, "team": name[0], "severity": severity}
    status = AlertStatus.RESOLVED if over else AlertStatus.FIRING
    return Alert(f"{name}{alert}".ljust(16, "0")[:16], status, labels, {}, BEGAN, datetime.now(UTC) if over else None)


@asynccontextmanager
async def town(database_url: str, teams: Sequence[str] = ("a",), *, webhook: bool = False) -> AsyncIterator[Town]:
    """A town whose Slack is not there yet: its address refuses until `town.slack` is entered."""
    store = Store(database_url)
    queue = Queue(store)
    await queue.open()
    slack = FakeSlack(channels=("C0ONCALL", *(channel(team) for team in teams)))
    slack.port = free_port()
    routes = [Route(matchers=[f"team={team}"], channels=[channel(team)]) for team in teams]
    notifier: Notifier = SlackNotifier(slack_settings(slack, slack_routes=routes), page_link)
    if webhook:
        notifier = SlackWebhookNotifier(Settings(slack_webhook_url=Secret(slack.webhook_url)), page_link)
    yield Town(store, slack, [notifier], queue)
    await notifier.aclose()
    await queue.aclose()
    await store.aclose()


def channel(team: str) -> str:
    return f"C0TEAM{team.upper()}"
