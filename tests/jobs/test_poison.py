"""An incident whose enrichment fails every time: given up after five tries, told all the same, and taken up again."""

import asyncio
import sys
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from app.domain.errors import NotFoundError
from app.store.asking import Asking
from app.store.engine import Row, Store
from app.store.identity import uuid7
from app.store.parked import ParkedIncidents
from app.store.queue import MAX_ATTEMPTS, Queue
from tests.jobs.engine import Engine, Fatal, with_detector
from tests.jobs.house import Cluster, House, alert
from tests.processes import ROOT

pytestmark = pytest.mark.anyio


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    store = Store(database_url)
    queue = Queue(store)
    await queue.open()
    cluster = Cluster()
    cluster.gate.set()
    yield House(store, queue, cluster)
    await queue.aclose()
    await store.aclose()


async def rows(house: House, sql: str) -> list[Row]:
    async with house.store.transaction() as transaction:
        return await transaction.all(sql)


async def run(house: House, sql: str) -> None:
    async with house.store.transaction() as transaction:
        await transaction.execute(sql)


async def jobs(house: House) -> list[Row]:
    return await rows(house, "select id, status, attempts, priority from procrastinate_jobs order by id")


async def work_until_idle(house: House, engine: Engine) -> int:
    """How often the engine had to be run, its waits turned."""
    for times in range(1, 20):
        await engine.work()
        if not await jobs(house):
            return times
        await run(house, "update procrastinate_jobs set scheduled_at = now() where scheduled_at is not null")
    pytest.fail("there is a job for ever")


async def given_up(house: House, incident_id: UUID) -> str:
    """Why; and all that holds of an incident that was given up."""
    incident = await house.incidents.get(incident_id)
    assert incident.parked
    assert incident.enrichment == "pending"
    assert [delivery.part for delivery in incident.deliveries] == ["head"], "people hear of it all the same"
    assert "enrichment.parked" in [entry.kind for entry in incident.timeline]
    assert await house.enrichments.behind() == [], "the sweep leaves it alone"
    assert await ParkedIncidents(house.store).count() == 1
    return incident.parked


def leave() -> None:
    sys.exit("a detector that leaves")


async def test_an_analysis_that_leaves_its_process_is_given_up_after_five_tries(house: House) -> None:
    incident_id = await house.post(alert())
    engine = Engine(house.enricher.queue, with_detector(house.enricher, Fatal(leave)))
    assert await work_until_idle(house, engine) == MAX_ATTEMPTS + 1
    assert "5 times" in await given_up(house, incident_id)


async def test_what_cannot_be_stored_is_given_up_and_says_why(house: House) -> None:
    incident_id = await house.post(alert())
    await run(house, "alter table record add constraint nothing check (revision < 0) not valid")
    engine = Engine(house.enricher.queue, house.enricher)
    await work_until_idle(house, engine)
    assert "CheckViolation" in await given_up(house, incident_id)


@pytest.mark.parametrize("error", [RecursionError, MemoryError])
async def test_a_detector_that_runs_out_of_something_costs_only_itself(house: House, error: type[Exception]) -> None:
    def fail() -> None:
        raise error

    incident_id = await house.post(alert())
    await with_detector(house.enricher, Fatal(fail)).enrich(incident_id)
    incident = await house.incidents.get(incident_id)
    assert (incident.enrichment, incident.parked) == ("complete", None)


async def test_a_job_that_takes_its_process_with_it_does_so_five_times_and_no_more(
    house: House, database_url: str
) -> None:
    incident_id = await house.post(alert())
    codes = []
    for _ in range(MAX_ATTEMPTS + 1):
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.jobs.engine", database_url, cwd=ROOT, stderr=asyncio.subprocess.DEVNULL
        )
        codes.append(await child.wait())
        await run(house, "update procrastinate_workers set last_heartbeat = now() - interval '1 minute'")
    assert codes == [9] * MAX_ATTEMPTS + [0]
    assert await jobs(house) == []
    await given_up(house, incident_id)


async def test_a_second_look_that_takes_its_process_with_it_is_not_tried_for_ever(house: House) -> None:
    incident_id = await house.post(alert())
    await house.enricher.enrich(incident_id)
    for _ in range(MAX_ATTEMPTS):
        assert await house.enrichments.begin(incident_id, again=True)
    await house.enricher.look_again(incident_id)
    assert await house.scalar("select attempts from incident where id = %(id)s", incident_id) == MAX_ATTEMPTS
    incident = await house.incidents.get(incident_id)
    assert (incident.enrichment, incident.parked) == ("complete", None), "what was judged stands"


async def test_a_webhook_that_comes_just_before_it_is_given_up_is_not_forgotten(house: House) -> None:
    incident_id = await house.post(alert())
    for _ in range(MAX_ATTEMPTS):
        await house.enrichments.begin(incident_id)
    await house.post(alert(), alert("KubePodNotReady"))
    assert not await house.enrichments.tries.park(incident_id, MAX_ATTEMPTS)
    await house.enricher.enrich(incident_id)
    assert (await house.incidents.get(incident_id)).enrichment == "complete"


def asking(house: House) -> Asking:
    return Asking(house.store, house.enricher.queue.enqueue)


async def test_a_person_has_it_looked_into_again(house: House) -> None:
    incident_id = await house.post(alert())
    poisoned = Engine(house.enricher.queue, with_detector(house.enricher, Fatal(leave)))
    await work_until_idle(house, poisoned)
    await asking(house).again(incident_id, "ada")
    assert (await house.incidents.get(incident_id)).parked is None
    await house.enricher.enrich(incident_id)
    incident = await house.incidents.get(incident_id)
    assert incident.enrichment == "complete"
    assert [entry.text for entry in incident.timeline if entry.kind == "enrichment.asked"] == ["asked again by ada"]
    assert await ParkedIncidents(house.store).count() == 0


async def test_what_is_not_given_up_is_gathered_anew_too(house: House) -> None:
    incident_id = await house.post(alert())
    await house.enricher.enrich(incident_id)
    await run(house, "delete from procrastinate_jobs")
    await asking(house).again(incident_id, "")
    assert len(await jobs(house)) == 1
    await house.enricher.enrich(incident_id)
    assert await house.scalar("select enriched_rev from incident where id = %(id)s", incident_id) == 2
    [entry] = [e for e in (await house.incidents.get(incident_id)).timeline if e.kind == "enrichment.asked"]
    assert entry.text == "asked again"


async def test_whoever_asks_does_not_wait_for_a_retry_that_waits(house: House) -> None:
    deeds = iter([leave])

    def leave_once() -> None:
        next(deeds, bool)()

    incident_id = await house.post(alert())
    engine = Engine(house.enricher.queue, with_detector(house.enricher, Fatal(leave_once)))
    await engine.work()
    [waiting] = await jobs(house)
    assert (waiting["status"], waiting["attempts"]) == ("todo", 1)
    await asking(house).again(incident_id, "ada")
    await engine.work()
    assert [job["id"] for job in await jobs(house)] == [waiting["id"]]
    assert (await house.incidents.get(incident_id)).enrichment == "complete"


async def test_nobody_can_ask_for_what_is_not_there(house: House) -> None:
    with pytest.raises(NotFoundError):
        await asking(house).again(uuid7(), "ada")
    assert await jobs(house) == []
