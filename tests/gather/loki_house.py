"""A Loki that says what a test wants, and questions to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from app.domain.evidence import Evidence
from app.domain.query import LogQuery
from app.domain.subject import Subject
from app.gather.sources.loki import LokiSource, logql
from tests.fakes.recording import Recording
from tests.fakes.server import FakeServer
from tests.gather.canned import CannedServer, settings

NOW = datetime(2026, 3, 9, 2, 12, 0, 123457, tzinfo=UTC)
SUBJECT = Subject("prod", "shop", "Deployment", "checkout")
POD = "checkout-7d9f8b6c5-x2x7k"
LABELS = {"status": "success", "data": ["namespace", "pod", "container"]}
STATS = {"streams": 1, "chunks": 1, "entries": 5, "bytes": 1000}
NOTHING = {"status": "success", "data": {"resultType": "streams", "result": []}}
START = NOW - timedelta(minutes=30)
HOUR, DAY, MINUTES = timedelta(hours=1), timedelta(days=1), timedelta(minutes=5)
SAMPLES = ((START - HOUR, START - HOUR + MINUTES), (START - DAY, START - DAY + MINUTES))


def query(subject: Subject = SUBJECT, pods: tuple[str, ...] = (), *, usual: bool = True) -> LogQuery:
    return LogQuery("errors of shop/checkout", subject, START, NOW, SAMPLES if usual else (), pods)


def streams(*rows: list[object], **labels: str) -> dict[str, object]:
    stream = {"stream": {"namespace": "shop", "pod": POD, "container": "app", **labels}, "values": list(rows)}
    return {"status": "success", "data": {"resultType": "streams", "result": [stream]}}


def row(seconds_ago: float, line: str) -> list[object]:
    return [str(logql.nanoseconds(NOW - timedelta(seconds=seconds_ago))), line]


def recording(lines: dict[str, list[tuple[float, str]]], now: datetime = NOW) -> Recording:
    pod = {"kind": "Pod", "metadata": {"name": POD, "namespace": "shop"}, "spec": {"containers": [{"name": "app"}]}}
    logs = {
        key: [[(now - timedelta(seconds=ago)).isoformat(), text] for ago, text in rows] for key, rows in lines.items()
    }
    return Recording(now=now, objects=(pod,), logs=logs)


@asynccontextmanager
async def source_of(server: FakeServer, **values: object) -> AsyncIterator[LokiSource]:
    async with server:
        source = LokiSource(settings(loki_url=server.url, **values))
        try:
            yield source
        finally:
            await source.aclose()


async def answered(body: object, asked: LogQuery | None = None) -> Evidence:
    server = CannedServer(body)
    server.answers = [(200, LABELS), (200, STATS)]
    async with source_of(server) as source:
        return await source.answer(asked or query(usual=False))
