"""The job engine run by a test, job after job, with a detector that a test makes fail; or in a process that dies.

`python -m tests.jobs.engine DATABASE_URL` works off what is due, and ends in the middle of the first analysis.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from app.analyze.world import World
from app.domain.incident import Finding
from app.jobs.enrich import Enricher
from app.jobs.worker import _register
from app.store.engine import Store
from app.store.queue import PAGES, QUEUE, Queue
from tests.jobs.house import Cluster, House


@dataclass(frozen=True)
class Fatal:
    """A detector that does this instead of judging."""

    deed: Callable[[], None]
    name: str = "fatal"

    def detect(self, world: World) -> Iterable[Finding]:
        del world
        self.deed()
        return ()


def with_detector(enricher: Enricher, detector: Fatal) -> Enricher:
    return replace(enricher, pipeline=replace(enricher.pipeline, detectors=[detector]))


class Engine:
    """A worker of the job engine that ends when nothing is due."""

    def __init__(self, queue: Queue, enricher: Enricher) -> None:
        self.queue = queue
        _register(queue, enricher)

    async def work(self) -> None:
        await self.queue.app.run_worker_async(
            queues=[PAGES, QUEUE], wait=False, install_signal_handlers=False, delete_jobs="always", listen_notify=False
        )


async def _until_it_dies(database_url: str) -> None:
    store = Store(database_url)
    queue = Queue(store)
    await queue.open()
    cluster = Cluster()
    cluster.gate.set()
    enricher = with_detector(House(store, queue, cluster).enricher, Fatal(lambda: os._exit(9)))
    await queue.retry_stalled()
    await Engine(queue, enricher).work()
    await queue.aclose()
    await store.aclose()


if __name__ == "__main__":
    asyncio.run(_until_it_dies(sys.argv[1]))
