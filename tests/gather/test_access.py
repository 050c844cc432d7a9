"""The way to a source: a question is asked once for all who want to know, and one that nobody waits for is dropped."""

import asyncio
from dataclasses import replace

import pytest

from app.gather.access import CONCURRENT_QUESTIONS, REMEMBERED_ANSWERS, REMEMBERED_SECONDS, Access
from tests.gather.one_source import QUERY, SICK, Clock, Cluster, about, fail, give_up

pytestmark = pytest.mark.anyio


async def test_what_many_want_to_know_at_once_is_asked_once() -> None:
    source = Cluster()
    source.gate.clear()
    access = Access(source, 5.0)
    waiting = [asyncio.create_task(access.answer(replace(QUERY, question=f"in the words of {n}"), 2)) for n in range(9)]
    await asyncio.sleep(0.01)
    source.gate.set()
    answers = await asyncio.gather(*waiting)
    assert len(source.asked) == 1
    assert all(answer is answers[0] for answer in answers)


async def test_an_answer_is_remembered_for_some_seconds_and_no_longer() -> None:
    source, clock = Cluster(), Clock()
    access = Access(source, 5.0, clock)
    first = await access.answer(QUERY, 2)
    clock.now += REMEMBERED_SECONDS - 0.1
    assert await access.answer(QUERY, 2) is first
    clock.now += 0.2
    assert not access.has(QUERY)
    assert await access.answer(QUERY, 2) is not first
    assert len(source.asked) == 2


async def test_who_asks_afresh_is_not_told_what_was_so_before() -> None:
    source = Cluster()
    access = Access(source, 5.0)
    before = await access.answer(QUERY, 2)
    assert await access.answer(QUERY, 2, fresh=True) is not before
    assert await access.answer(QUERY, 2) is before


async def test_processes_that_share_a_source_ask_it_no_more_at_a_time_than_one_would() -> None:
    source = Cluster()
    source.gate.clear()
    access = Access(source, 5.0)
    access.share(3)
    waiting = [asyncio.create_task(access.answer(about(n), 2)) for n in range(20)]
    await asyncio.sleep(0.01)
    assert len(source.asked) == CONCURRENT_QUESTIONS // 3
    access.share(1)
    await asyncio.sleep(0.01)
    assert len(source.asked) == CONCURRENT_QUESTIONS
    access.share(100)
    source.gate.set()
    assert len(await asyncio.gather(*waiting)) == 20


async def test_a_failure_is_not_remembered() -> None:
    source = Cluster()
    access = Access(source, 5.0)
    source.fails = SICK
    await fail(access, 1)
    source.fails = None
    assert (await access.answer(about(1), 2)).items


async def test_no_more_answers_are_remembered_than_fit() -> None:
    access = Access(Cluster(), 5.0)
    for number in range(REMEMBERED_ANSWERS + 20):
        await access.answer(about(number), 2)
    assert not access.has(about(0))
    assert access.has(about(REMEMBERED_ANSWERS + 19))
    assert len(access._answers) == REMEMBERED_ANSWERS


async def test_one_who_gives_up_takes_nothing_from_the_other_who_waits() -> None:
    source = Cluster()
    source.gate.clear()
    access = Access(source, 5.0)
    leaves, stays = (asyncio.create_task(access.answer(QUERY, 2)) for _ in range(2))
    await asyncio.sleep(0.01)
    leaves.cancel()
    await asyncio.sleep(0.01)
    source.gate.set()
    assert (await stays).items
    assert len(source.asked) == 1


async def test_a_question_that_nobody_waits_for_any_more_is_dropped() -> None:
    source = Cluster()
    source.gate.clear()
    access = Access(source, 5.0)
    only = asyncio.create_task(access.answer(QUERY, 2))
    await asyncio.sleep(0.01)
    await give_up(only)
    await asyncio.sleep(0.01)
    assert not access.has(QUERY)
    assert not access.breaker.is_open
