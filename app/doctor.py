"""`sitrep doctor`: one line for everything that is configured, with the fix where it does not work."""

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app import registry
from app.clusters import OF_A_CLUSTER
from app.domain.diagnosis import Diagnosis
from app.gather.alertmanager import check_alertmanager
from app.gather.source import Source
from app.journal.source import JournalSource
from app.notify.dispatcher import Dispatcher
from app.notify.rendering import lint_templates
from app.playbooks.loader import lint
from app.settings import Secret, Settings, SettingsError
from app.store.changes import Changes
from app.store.embedded import running_url
from app.store.engine import Store, StoreUnavailableError
from app.store.heartbeats import WATCHDOG, Heartbeats
from app.store.migrate import revisions
from app.store.parked import ParkedDeliveries, ParkedIncidents
from app.store.revisions import Revisions
from app.store.watching import Watching

WATCHDOG_LATE = timedelta(minutes=15)
# What a fix tells to set, where it is a setting of one cluster.
SETTING = re.compile(rf"SITREP_((?:{'|'.join(name.upper() for name in OF_A_CLUSTER)})[A-Z_]*)")
LOG_STORES = frozenset({"loki", "victorialogs", "elasticsearch"})


async def examine(settings: Settings) -> list[Diagnosis]:
    """Check everything at once. Never raises for what it finds."""
    found = await _clusters(settings)
    dispatcher = Dispatcher(registry.notifiers(settings, lambda incident: f"{settings.public_url}/{incident.id}"))
    try:
        found += await dispatcher.check()
    finally:
        await dispatcher.aclose()
    found += _secrets("SITREP_", settings)
    found += await _database(settings)
    found += _files(settings)
    found += _absent({diagnosis.name for diagnosis in found})
    return found


async def _clusters(settings: Settings) -> list[Diagnosis]:
    """The sources of each cluster, with its name where there are several."""
    clusters = settings.by_cluster()
    opened = await registry.clusters(settings)
    try:
        checked = await asyncio.gather(*(_sources(own, opened[name]) for name, own in clusters.items()))
    finally:
        for source in (source for sources in opened.values() for source in sources):
            await source.aclose()
    if not settings.clusters:
        return [line for lines in checked for line in lines]
    return [line for name, lines in zip(clusters, checked, strict=True) for line in _of(name, lines, settings)]


async def _sources(settings: Settings, sources: Sequence[Source]) -> list[Diagnosis]:
    checked = await asyncio.gather(*(source.check() for source in sources), check_alertmanager(settings))
    return [line for one in checked if one is not None for line in (one, *one.parts)]


def _of(cluster: str, lines: Iterable[Diagnosis], settings: Settings) -> list[Diagnosis]:
    """Settings of a named cluster stand in the file, by other names than those of the environment."""
    own = f"clusters.{cluster}."
    told = [replace(line, name=f"{line.name} in {cluster}") for line in lines]
    if cluster not in settings.clusters:
        return told
    told = [replace(line, fix=SETTING.sub(lambda found: own + found[1].lower(), line.fix)) for line in told]
    fix = f"set {own}kubeconfig, {own}prometheus_url, … or take the cluster out"
    nothing = Diagnosis(f"cluster {cluster}", healthy=False, statement="no source is configured", fix=fix)
    return [*(told or [nothing]), *_secrets(own, settings.clusters[cluster])]


def _secrets(prefix: str, settings: Settings) -> list[Diagnosis]:
    """Secrets whose file cannot be read or holds nothing: whoever needs one fails later, and says less."""
    found = []
    for name in Settings.model_fields:
        secret = getattr(settings, name)
        if not isinstance(secret, Secret) or not secret:
            continue
        setting = f"{prefix}{name}_file" if prefix.endswith(".") else f"{prefix}{name.upper()}_FILE"
        try:
            problem = "" if secret.read() else "the file is empty"
        except SettingsError as error:
            problem = str(error)
        if problem:
            fix = f"mount the secret there, readable for the user that Sitrep runs as, or unset {setting}"
            found.append(Diagnosis(setting, healthy=False, statement=problem, fix=fix))
    return found


async def _database(settings: Settings) -> list[Diagnosis]:
    try:
        if not settings.database_url:
            return await _embedded(settings.data_dir)
        store = Store(settings.database_url.read())
    except (SettingsError, ValueError) as error:
        return [Diagnosis("database", healthy=False, statement=str(error), fix="correct SITREP_DATABASE_URL")]
    fix = "is SITREP_DATABASE_URL right, is PostgreSQL up, does a firewall let us through?"
    unreachable = Diagnosis("database", healthy=False, statement="cannot be reached", fix=fix)
    return await _inside(store, "reachable") or [unreachable]


async def _embedded(data_dir: Path) -> list[Diagnosis]:
    """The embedded database lives as long as `sitrep serve`, whose socket we may share."""
    try:
        url = running_url(data_dir)
    except PermissionError:
        statement = f"embedded; {data_dir} is another user's: run `sitrep doctor` as that user to see into it"
        return [Diagnosis("database", healthy=True, statement=statement)]
    found = await _inside(Store(url), "embedded, running") if url else []
    statement = "embedded, not running: start `sitrep serve` to see its watchdog and deliveries"
    return found or [Diagnosis("database", healthy=True, statement=statement)]


async def _inside(store: Store, statement: str) -> list[Diagnosis]:
    """What the database tells; empty if it cannot be reached. Closes the store."""
    try:
        schema = await revisions(store)
        if not schema.match:
            return [_unmigrated(schema)]
        newer = f"; its schema is of a newer version ({schema.found}) and serves this one" if schema.is_newer else ""
        return [
            Diagnosis("database", healthy=True, statement=statement + newer),
            await _watchdog(store),
            *await _parked(store),
            *await _given_up(store),
            *await _journals(store),
        ]
    except StoreUnavailableError:
        return []
    finally:
        await store.aclose()


def _unmigrated(schema: Revisions) -> Diagnosis:
    fix = "run this command of the newer version" if schema.is_newer else "run `sitrep migrate`"
    return Diagnosis("database", healthy=False, statement=schema.problem, fix=fix)


async def _watchdog(store: Store) -> Diagnosis:
    """Whether the heartbeat of the alerting chain arrives."""
    last = await Heartbeats(store).last(WATCHDOG)
    fix = "route the Watchdog alert to Sitrep too, with a repeat_interval of a few minutes"
    if last is None:
        return Diagnosis("watchdog", healthy=False, statement="the Watchdog alert was never seen", fix=fix)
    late = datetime.now(UTC) - last > WATCHDOG_LATE
    statement = f"last seen {last:%Y-%m-%d %H:%M:%S} UTC"
    return Diagnosis("watchdog", healthy=not late, statement=statement, fix=fix if late else "")


async def _parked(store: Store) -> list[Diagnosis]:
    parked = await ParkedDeliveries(store).reasons()
    unpaged = await _unpaged(store)
    if not parked:
        return [Diagnosis("deliveries", healthy=True, statement="none is parked"), *unpaged]
    statement = "; ".join(f"{notifier}: {count} parked, {reason}" for notifier, reason, count in parked[:5])
    fix = "mend what the reason names; an incident's next webhook delivers it again"
    return [Diagnosis("deliveries", healthy=False, statement=statement, fix=fix), *unpaged]


async def _given_up(store: Store) -> list[Diagnosis]:
    """Incidents that could not be looked into; nothing is said where there is none."""
    reasons = await ParkedIncidents(store).reasons()
    if not reasons:
        return []
    statement = "; ".join(f"{count} could not be looked into: {reason}" for reason, count in reasons)
    fix = "report what the reason names; `sitrep incidents ask ID` makes Sitrep look again"
    return [Diagnosis("incidents", healthy=False, statement=statement, fix=fix)]


async def _journals(store: Store) -> list[Diagnosis]:
    """Whether what changes in each cluster is being watched; nothing is said where nothing ever was."""
    watching = Watching(store)
    clusters = await watching.clusters()
    sources = [JournalSource(Changes(store), watching, cluster, is_watching=True) for cluster in clusters]
    checked = [await source.check() for source in sources]
    if len(clusters) < 2:  # noqa: PLR2004 - one cluster needs no name
        return checked
    return [replace(line, name=f"{line.name} of {name}") for name, line in zip(clusters, checked, strict=True)]


async def _unpaged(store: Store) -> list[Diagnosis]:
    """Notes that found no PagerDuty incident: alerts may well page nobody, but that all do is a wrong route."""
    missed = await ParkedDeliveries(store).unpaged()
    if not missed:
        return []
    statement = f"of the last day, {missed} groups of alerts had no incident in PagerDuty"
    if await ParkedDeliveries(store).ever_paged():
        return [Diagnosis("pagerduty_notes", healthy=True, statement=f"{statement}; fine for alerts that page nobody")]
    fix = (
        "PagerDuty has no incident by this dedup key: put webhook_configs and pagerduty_configs into one receiver, "
        "for the key is made of the route (docs/adopt.md)"
    )
    return [Diagnosis("pagerduty_notes", healthy=False, statement=f"{statement}, and none ever had one", fix=fix)]


def _files(settings: Settings) -> list[Diagnosis]:
    """The team's own templates and playbooks."""
    checks = {
        "templates": lint_templates(settings.templates_dir) if settings.templates_dir else [],
        "playbooks": lint(settings.playbooks_dir) if settings.playbooks_dir else [],
    }
    until = {"playbooks": "until then its last good version is used, or ours"}
    return [
        Diagnosis(name, healthy=False, statement=fault, fix=until.get(name, "until then ours is used instead"))
        for name, faults in checks.items()
        for fault in faults
    ]


def _absent(seen: set[str]) -> list[Diagnosis]:
    """What is not configured is said, so that nobody takes silence for health."""
    wanted = {
        "kubernetes": "set KUBECONFIG, or run in the cluster",
        "prometheus": "set SITREP_PROMETHEUS_URL",
        "logs": "set SITREP_LOKI_URL, SITREP_VICTORIALOGS_URL or SITREP_ELASTICSEARCH_URL",
        "alertmanager": "set SITREP_ALERTMANAGER_URL",
        "slack": "set SITREP_SLACK_TOKEN and SITREP_SLACK_CHANNEL",
        "pagerduty": "set SITREP_PAGERDUTY_TOKEN and SITREP_PAGERDUTY_FROM",
    }
    stores = {"logs"} if {one.partition(" in ")[0] for one in seen} & LOG_STORES else set()
    return [
        Diagnosis(name, healthy=True, statement=f"off; {hint}")
        for name, hint in wanted.items()
        if not any(one == name or one.startswith((f"{name}_", f"{name} in ")) for one in seen | stores)
    ]
