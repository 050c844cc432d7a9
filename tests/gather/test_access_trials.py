"""A source that fails is left alone for a while, and then tried by one question."""

import asyncio

import pytest

from app.domain.errors import SourceError
from app.gather.access import CONCURRENT_QUESTIONS, Access
from app.gather.breaker import FAILURES_IN_A_ROW, REST_SECONDS
from tests.gather.one_source import QUERY, SICK, Clock, Cluster, about, fail, give_up

pytestmark = pytest.mark.anyio
NOT_FOUND = SourceError("no such pod")


async def test_a_source_that_fails_in_a_row_is_left_alone_and_says_why() -> None:
    source, clock = Cluster(), Clock()
    access = Access(source, 5.0, clock)
    source.fails = SICK
    for number in range(FAILURES_IN_A_ROW):
        await fail(access, number)
    said = await fail(access, 99)
    assert said == "not asked: failed 8 times in a row (connection refused); next try in 20 s"
    assert len(source.asked) == FAILURES_IN_A_ROW


async def test_one_good_answer_ends_the_row() -> None:
    source = Cluster()
    access = Access(source, 5.0)
    for number in range(3 * FAILURES_IN_A_ROW):
        source.fails = None if number % FAILURES_IN_A_ROW == 0 else SICK
        await asyncio.gather(access.answer(about(number), 2), return_exceptions=True)
    assert not access.breaker.is_open


async def test_what_is_not_there_or_not_allowed_says_nothing_against_the_source() -> None:
    source = Cluster()
    access = Access(source, 5.0)
    source.fails = NOT_FOUND
    for number in range(3 * FAILURES_IN_A_ROW):
        await fail(access, number)
    assert not access.breaker.is_open


async def rested(source: Cluster, clock: Clock) -> Access:
    """A way to a source that broke, and has been left alone long enough."""
    access = Access(source, 5.0, clock)
    source.fails = SICK
    for number in range(FAILURES_IN_A_ROW):
        await fail(access, number)
    clock.now += REST_SECONDS
    source.asked.clear()
    return access


async def test_after_a_rest_one_question_tries_it_and_the_others_wait_for_what_it_says() -> None:
    source, clock = Cluster(), Clock()
    access = await rested(source, clock)
    source.fails = None
    source.gate.clear()
    trial = asyncio.create_task(access.answer(about(1), 2))
    await asyncio.sleep(0.01)
    assert "being tried again" in await fail(access, 2)
    source.gate.set()
    assert (await trial).items
    assert (await access.answer(about(2), 2)).items


async def test_a_trial_that_fails_makes_it_rest_again() -> None:
    source, clock = Cluster(), Clock()
    access = await rested(source, clock)
    await fail(access, 1)
    assert "next try in 20 s" in await fail(access, 2)
    assert len(source.asked) == 1


async def test_a_trial_that_nobody_waits_for_any_more_leaves_room_for_the_next() -> None:
    source, clock = Cluster(), Clock()
    access = await rested(source, clock)
    source.gate.clear()
    trial = asyncio.create_task(access.answer(about(1), 2))
    await asyncio.sleep(0.01)
    await give_up(trial)
    await asyncio.sleep(0.01)
    source.fails = None
    source.gate.set()
    assert (await access.answer(about(2), 2)).items


async def test_a_trial_that_never_had_its_turn_leaves_room_for_the_next() -> None:
    source, clock = Cluster(), Clock()
    access = Access(source, 5.0, clock)
    source.gate.clear()
    hanging = [asyncio.create_task(access.answer(about(n), 2)) for n in range(CONCURRENT_QUESTIONS)]
    await asyncio.sleep(0.01)
    for _ in range(FAILURES_IN_A_ROW):
        access.breaker.failed("connection refused")
    clock.now += REST_SECONDS
    trial = asyncio.create_task(access.answer(about(90), 2))
    await asyncio.sleep(0.01)
    await give_up(trial)
    assert access.breaker.is_open
    source.gate.set()
    next_trial = access.answer(about(91), 2)
    assert (await next_trial).items
    await asyncio.gather(*hanging)


async def test_a_question_that_is_dropped_in_the_queue_lets_no_second_one_try() -> None:
    source, clock = Cluster(), Clock()
    access = Access(source, 5.0, clock)
    source.gate.clear()
    hanging = [asyncio.create_task(access.answer(about(n), 2)) for n in range(CONCURRENT_QUESTIONS)]
    queued = asyncio.create_task(access.answer(about(80), 2))
    await asyncio.sleep(0.01)
    for _ in range(FAILURES_IN_A_ROW):
        access.breaker.failed("connection refused")
    clock.now += REST_SECONDS
    trial = asyncio.create_task(access.answer(about(90), 2))
    await asyncio.sleep(0.01)
    await give_up(queued)
    await asyncio.sleep(0.01)
    async with asyncio.timeout(1):
        assert "being tried again" in await fail(access, 91)
    source.gate.set()
    await asyncio.gather(trial, *hanging)


async def test_a_fault_of_ours_in_a_trial_leaves_room_for_the_next() -> None:
    source, clock = Cluster(), Clock()
    access = await rested(source, clock)
    source.fails = KeyError("spec")
    with pytest.raises(KeyError):
        await access.answer(about(1), 2)
    await asyncio.sleep(0)
    source.fails = None
    assert (await access.answer(about(2), 2)).items


async def test_who_asks_what_is_just_being_dropped_gets_an_answer() -> None:
    source = Cluster()
    source.gate.clear()
    access = Access(source, 5.0)
    leaves = asyncio.create_task(access.answer(QUERY, 2))
    await asyncio.sleep(0.01)
    await give_up(leaves)
    source.gate.set()
    assert (await access.answer(QUERY, 2)).items
    assert len(source.asked) == 2


async def test_questions_that_hang_until_everybody_gives_up_are_failures() -> None:
    source, clock = Cluster(), Clock()
    access = Access(source, 5.0, clock)
    source.gate.clear()
    # More than it is asked at once: those that never had their turn say nothing about it.
    waiting = [asyncio.create_task(access.answer(about(n), 2)) for n in range(20)]
    await asyncio.sleep(0.01)
    clock.now += 10
    await give_up(*waiting)
    await asyncio.sleep(0.01)
    assert access.breaker.is_open
    assert "no answer in 10 s" in access.breaker.reason


async def test_a_source_that_is_only_slow_is_not_left_alone() -> None:
    source, clock = Cluster(), Clock()
    access = Access(source, 5.0, clock)
    source.gate.clear()
    waiting = [asyncio.create_task(access.answer(about(n), 2)) for n in range(40)]
    await asyncio.sleep(0.01)
    clock.now += 2
    await give_up(*waiting)
    assert not access.breaker.is_open
