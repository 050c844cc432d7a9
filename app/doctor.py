"""`sitrep doctor`: one line for everything that is configured, with the fix where it does not work."""

import asyncio
from datetime import UTC, datetime, timedelta

from app import registry
from app.domain.diagnosis import Diagnosis
from app.notify.dispatcher import Dispatcher
from app.notify.rendering import lint_templates
from app.playbooks.loader import lint
from app.settings import Settings, SettingsError
from app.store.deliveries import Deliveries
from app.store.engine import Store
from app.store.heartbeats import WATCHDOG, Heartbeats

WATCHDOG_LATE = timedelta(minutes=15)


async def examine(settings: Settings) -> list[Diagnosis]:
    """Check everything at once. Never raises for what it finds."""
    sources = await registry.sources(settings)
    dispatcher = Dispatcher(registry.notifiers(settings, lambda incident: f"{settings.public_url}/{incident.id}"))
    try:
        found = list(await asyncio.gather(*(source.check() for source in sources)))
        found += await dispatcher.check()
    finally:
        for source in sources:
            await source.aclose()
        await dispatcher.aclose()
    found += await _database(settings)
    found += _files(settings)
    found += _absent({diagnosis.name for diagnosis in found})
    return found


async def _database(settings: Settings) -> list[Diagnosis]:
    if not settings.database_url:
        return [Diagnosis("database", healthy=True, statement="embedded, looked after by `sitrep serve`")]
    try:
        store = Store(settings.database_url.read())
    except (SettingsError, ValueError) as error:
        return [Diagnosis("database", healthy=False, statement=str(error), fix="correct SITREP_DATABASE_URL")]
    try:
        if not await store.reachable():
            fix = "is SITREP_DATABASE_URL right, is PostgreSQL up, does a firewall let us through?"
            return [Diagnosis("database", healthy=False, statement="cannot be reached", fix=fix)]
        return [
            Diagnosis("database", healthy=True, statement="reachable"),
            await _watchdog(store),
            await _parked(store),
        ]
    finally:
        await store.aclose()


async def _watchdog(store: Store) -> Diagnosis:
    """Whether the heartbeat of the alerting chain arrives."""
    last = await Heartbeats(store).last(WATCHDOG)
    fix = "route the Watchdog alert to Sitrep too, with a repeat_interval of a few minutes"
    if last is None:
        return Diagnosis("watchdog", healthy=False, statement="the Watchdog alert was never seen", fix=fix)
    late = datetime.now(UTC) - last > WATCHDOG_LATE
    statement = f"last seen {last:%Y-%m-%d %H:%M:%S} UTC"
    return Diagnosis("watchdog", healthy=not late, statement=statement, fix=fix if late else "")


async def _parked(store: Store) -> Diagnosis:
    parked = await Deliveries(store).parked_reasons()
    if not parked:
        return Diagnosis("deliveries", healthy=True, statement="none is parked")
    statement = "; ".join(f"{notifier}: {count} parked, {reason}" for notifier, reason, count in parked[:5])
    fix = "mend what the reason names; an incident's next webhook delivers it again"
    if any(reason.startswith("no_pagerduty_incident") for _, reason, _ in parked):
        fix = (
            "PagerDuty has no incident by this dedup key: put webhook_configs and pagerduty_configs into one receiver, "
            "for the key is made of the route (docs/adopt.md)"
        )
    return Diagnosis("deliveries", healthy=False, statement=statement, fix=fix)


def _files(settings: Settings) -> list[Diagnosis]:
    """The team's own templates and playbooks."""
    checks = {
        "templates": lint_templates(settings.templates_dir) if settings.templates_dir else [],
        "playbooks": lint(settings.playbooks_dir) if settings.playbooks_dir else [],
    }
    return [
        Diagnosis(name, healthy=False, statement=fault, fix="until then ours is used instead")
        for name, faults in checks.items()
        for fault in faults
    ]


def _absent(seen: set[str]) -> list[Diagnosis]:
    """What is not configured is said, so that nobody takes silence for health."""
    wanted = {
        "kubernetes": "set KUBECONFIG, or run in the cluster",
        "prometheus": "set SITREP_PROMETHEUS_URL",
        "loki": "set SITREP_LOKI_URL",
        "slack": "set SITREP_SLACK_TOKEN and SITREP_SLACK_CHANNEL",
        "pagerduty": "set SITREP_PAGERDUTY_TOKEN and SITREP_PAGERDUTY_FROM",
    }
    return [
        Diagnosis(name, healthy=True, statement=f"off; {hint}")
        for name, hint in wanted.items()
        if not any(one == name or one.startswith(f"{name}_") for one in seen)
    ]
