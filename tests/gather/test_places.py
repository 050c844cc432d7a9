"""Whose turn it is: the urgent first, then who came first, and no place is ever lost."""

import asyncio
import random

import pytest

from app.gather.places import Places

pytestmark = pytest.mark.anyio


async def test_the_urgent_go_first_and_equals_in_the_order_in_which_they_came() -> None:
    places = Places(1)
    await places.take(places.turn(0))
    order: list[str] = []

    async def wait(name: str, urgency: int) -> None:
        await places.take(places.turn(urgency))
        order.append(name)
        places.give_back()

    waiting = [
        asyncio.create_task(wait(name, urgency))
        for name, urgency in (("info", 1), ("page", 3), ("warning", 2), ("second page", 3))
    ]
    await asyncio.sleep(0)
    places.give_back()
    await asyncio.gather(*waiting)
    assert order == ["page", "second page", "warning", "info"]


async def test_who_becomes_urgent_while_it_waits_moves_up() -> None:
    places = Places(1)
    await places.take(places.turn(0))
    first, second = places.turn(1), places.turn(2)
    tasks = [asyncio.create_task(places.take(turn)) for turn in (first, second)]
    await asyncio.sleep(0)
    first.urgency = 3
    places.give_back()
    await asyncio.wait(tasks, timeout=1, return_when=asyncio.FIRST_COMPLETED)
    assert [task.done() for task in tasks] == [True, False]
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("seed", range(30))
async def test_whoever_is_cancelled_whenever_no_place_is_lost_and_none_is_taken_twice(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same for the same seed
    places = Places(3)
    inside = 0
    most = 0

    async def visit() -> None:
        nonlocal inside, most
        await places.take(places.turn(chance.randint(0, 3)))
        inside += 1
        most = max(most, inside)
        try:
            await asyncio.sleep(chance.choice((0, 0, 0.001)))
        finally:
            inside -= 1
            places.give_back()

    visitors = [asyncio.create_task(visit()) for _ in range(60)]
    for visitor in chance.sample(visitors, 30):
        await asyncio.sleep(0)
        visitor.cancel()
    await asyncio.wait_for(asyncio.gather(*visitors, return_exceptions=True), 10)
    assert most <= 3
    assert inside == 0
    await asyncio.wait_for(asyncio.gather(*(places.take(places.turn(0)) for _ in range(3))), 1)


async def test_fewer_places_hold_as_they_are_given_back_and_more_at_once() -> None:
    places = Places(3)
    for _ in range(3):
        await places.take(places.turn(0))
    places.resize(1)
    waiting = [asyncio.create_task(places.take(places.turn(0))) for _ in range(2)]
    await asyncio.sleep(0)
    places.give_back()
    places.give_back()
    await asyncio.sleep(0)
    assert [task.done() for task in waiting] == [False, False]
    places.give_back()
    await asyncio.wait(waiting, timeout=1, return_when=asyncio.FIRST_COMPLETED)
    assert sum(task.done() for task in waiting) == 1
    places.resize(2)
    await asyncio.gather(*waiting)
