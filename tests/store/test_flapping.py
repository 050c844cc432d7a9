"""What comes back all day long is one message, that counts."""

from uuid import UUID

import pytest

from app.domain.story import ordinal
from tests.store.house import House, alert, post

pytestmark = pytest.mark.anyio


async def flapping(house: House, *, severity: str = "warning") -> list[UUID]:
    """Three episodes of one group in a day, each after more than an hour of quiet."""
    found: list[UUID] = []
    for episode in range(3):
        begins = episode * 120.0
        found += await house.acceptance.accept(post("f", alert(starts=begins, severity=severity), minute=begins + 1))
        await house.announce(found[-1])
        over = alert(starts=begins, ends=begins + 5, severity=severity)
        await house.acceptance.accept(post("f", over, minute=begins + 6))
    return found


async def test_the_third_episode_of_a_day_edits_the_message_of_the_second(house: House) -> None:
    first, second, third = await flapping(house)
    assert first != second
    assert second == third
    incident = await house.get(third)
    assert incident.times_today == 3
    refires = [entry for entry in incident.timeline if entry.kind == "news.refire"]
    assert [entry.text for entry in refires] == ["firing again after it had resolved: 3rd time today"]
    assert {d.part for d in incident.deliveries} == {"head", "news:again:1"}


async def test_what_is_critical_is_broadcast_however_often_it_comes_back(house: House) -> None:
    *_, last = await flapping(house, severity="critical")
    assert "news:broadcast:1" in {d.part for d in (await house.get(last)).deliveries}


async def test_what_comes_back_day_after_day_is_one_message_a_day(house: House) -> None:
    found: list[UUID] = []
    for hour in range(50):
        begins = (hour - 50) * 60.0
        found += await house.acceptance.accept(post("f", alert(starts=begins), minute=begins + 1))
        await house.announce(found[-1])
        await house.acceptance.accept(post("f", alert(starts=begins, ends=begins + 20), minute=begins + 21))
    told = list(dict.fromkeys(found))
    assert [found.count(one) for one in told] == [25, 25]
    assert (await house.get(told[1])).times_today == 24


async def test_the_next_day_counts_anew(house: House) -> None:
    *_, last = await flapping(house)
    later = 24 * 60 + 300.0
    (fresh,) = await house.acceptance.accept(post("f", alert(starts=later), minute=later + 1))
    assert fresh != last
    assert (await house.get(fresh)).times_today == 1


@pytest.mark.parametrize(
    ("number", "word"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (7, "7th"), (11, "11th"), (22, "22nd"), (113, "113th")]
)
def test_ordinals(number: int, word: str) -> None:
    assert ordinal(number) == word
