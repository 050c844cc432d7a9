"""The words of a made-up year: places, workloads, alerts, causes and log lines, the same in every run."""

import random
from dataclasses import dataclass

from app.analyze.causes import CAUSES

SEED = 20
ALERTS, SELDOM_ALERTS = 140, 60
WORKLOADS = 4_000
WORDS, PHRASES, WORDS_IN_A_PHRASE = 20_000, 50_000, 6


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


CLUSTERS = ("prod-eu", "prod-us", "prod-asia", "staging", "edge-1", "edge-2", "tools")
# Its workloads come last, so that whoever draws the others never sees it: it was switched off in the year.
SWITCHED_OFF = "prod-old"
SWITCHED_OFF_SHARE = 0.1
NAMESPACES = ("shop", "payments", "search", "identity", "monitoring", "kube-system", "data", "mail")
SERVICES = _words(
    "checkout cart orders catalog ledger invoices refunds login sessions profile mailer search indexer images feed "
    "pricing stock shipping tax fraud reports export import scheduler gateway proxy cache queue broker metrics"
)
PARTS = ("api", "worker", "web", "db", "consumer", "cron", "sync", "relay")
REAL_ALERTS = _words(
    "KubePodCrashLooping KubePodNotReady KubeDeploymentReplicasMismatch KubeContainerWaiting CPUThrottlingHigh "
    "KubeJobFailed KubeHpaMaxedOut KubeNodeNotReady KubePersistentVolumeFillingUp KubeQuotaExceeded TargetDown "
    "KubeStatefulSetReplicasMismatch KubeDaemonSetRolloutStuck NodeFilesystemSpaceFillingUp KubeMemoryOvercommit"
)
SYMPTOMS = ("LatencyHigh", "ErrorsHigh", "QueueGrows", "Stalled", "ConnectionsExhausted", "TrafficDropped", "DiskFull")
SYLLABLES = _words("ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi yo za")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Rows by table; the first column counts from 0, and what has a low number is drawn often."""

    workloads: list[tuple[int, str, str, str]]
    alerts: list[tuple[int, str]]
    causes: list[tuple[int, str, str]]
    phrases: list[tuple[int, str]]


def vocabulary() -> Vocabulary:
    """All of it."""
    draw = random.Random(SEED)
    causes = [(cause.id, cause.description) for cause in CAUSES.values()]
    draw.shuffle(causes)
    return Vocabulary(
        [(number, *_workload(draw, number)) for number in range(WORKLOADS)],
        list(enumerate(_alerts(draw))),
        [(number, *cause) for number, cause in enumerate(causes)],
        [(number, _phrase(draw)) for number in range(PHRASES)],
    )


def _workload(draw: random.Random, number: int) -> tuple[str, str, str]:
    """Cluster, namespace, name."""
    weights = [2.0**-rank for rank in range(len(CLUSTERS))]
    off = number >= WORKLOADS * (1 - SWITCHED_OFF_SHARE)
    cluster = SWITCHED_OFF if off else draw.choices(CLUSTERS, weights)[0]
    # Not every cluster has every namespace.
    namespaces = NAMESPACES[len(cluster) % 3 :]
    return cluster, draw.choice(namespaces), f"{draw.choice(SERVICES)}-{draw.choice(PARTS)}-{draw.randrange(40)}"


def _alerts(draw: random.Random) -> list[str]:
    made = [f"{service.title()}{symptom}" for service in SERVICES for symptom in SYMPTOMS]
    draw.shuffle(made)
    return [*REAL_ALERTS, *made][: ALERTS + SELDOM_ALERTS]


def _phrase(draw: random.Random) -> str:
    """A line of a log: few words are in every line, most in hardly any."""
    words = (_word(int(WORDS * draw.random() ** 4)) for _ in range(WORDS_IN_A_PHRASE))
    return f"{' '.join(words)} failed with code {draw.randrange(4_000)}"


def _word(number: int) -> str:
    parts = (SYLLABLES[number // 20**place % 20] for place in range(4))
    return "".join(parts)
