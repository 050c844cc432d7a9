"""A workload's lines, recorded, and the question for them: the same for each log store."""

from datetime import UTC, datetime, timedelta

from app.domain.query import LogQuery
from app.domain.subject import Subject
from tests.fakes.recording import Recording

NOW = datetime(2026, 3, 9, 2, 12, 0, 123457, tzinfo=UTC)
START = NOW - timedelta(minutes=30)
HOUR, DAY, MINUTES = timedelta(hours=1), timedelta(days=1), timedelta(minutes=5)
SAMPLES = ((START - HOUR, START - HOUR + MINUTES), (START - DAY, START - DAY + MINUTES))
SUBJECT = Subject("prod", "shop", "Deployment", "checkout")
NODE = Subject("prod", "", "Node", "node-1.example.internal")
POD = "checkout-7d9f8b6c5-x2x7k"
OTHER = "checkout-worker-7d9f8b6c5-zzzzz"


def query(subject: Subject = SUBJECT, pods: tuple[str, ...] = (), *, usual: bool = True) -> LogQuery:
    return LogQuery(f"errors of {subject}", subject, START, NOW, SAMPLES if usual else (), pods)


def recording(lines: dict[str, list[tuple[float, str]]], now: datetime = NOW) -> Recording:
    """Lines by pod/container, each so many seconds ago."""
    pods = tuple(
        {"kind": "Pod", "metadata": {"name": pod, "namespace": "shop"}, "spec": {"containers": [{"name": "app"}]}}
        for pod in dict.fromkeys(key.split("/")[0] for key in lines)
    )
    logs = {
        key: [[(now - timedelta(seconds=ago)).isoformat(), text] for ago, text in rows] for key, rows in lines.items()
    }
    return Recording(now=now, objects=pods, logs=logs)


def instant(seconds_ago: float, now: datetime = NOW) -> str:
    return (now - timedelta(seconds=seconds_ago)).isoformat()


LINES = {
    f"{POD}/app": [
        *[
            (60 * n + 1.0, f"2026-03-09T02:0{n}:00Z ERROR timeout after {n * 100} ms calling ledger")
            for n in range(1, 6)
        ],
        (30.0, "panic: nil map"),
        (25.0, "login failed: password=" + "hunter2hunter2"),
        (20.0, "INFO all is well"),
        (5400.0 - 60, "ERROR timeout after 7 ms calling ledger"),
        *[(88_200.0 - n, f"ERROR timeout after {n} ms calling ledger") for n in range(1, 3)],
        (3600.0, "ERROR timeout in the hour before, but in no sample of it"),
    ],
    f"{OTHER}/app": [(9.0, "ERROR of another workload")],
}
