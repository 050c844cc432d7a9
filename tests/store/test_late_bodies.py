"""What comes late, or twice, or from a replica that knew less, neither ends nor begins anything."""

import pytest

from app.domain.alert import AlertStatus
from tests.store.house import House, alert, post

pytestmark = pytest.mark.anyio


async def test_a_late_firing_body_does_not_reopen(house: House) -> None:
    first = await house.post(alert(), minute=1)
    await house.post(alert(ends=4), minute=5)
    again = await house.post(alert(), minute=6)
    assert again == first
    assert (await house.get(first)).state is AlertStatus.RESOLVED


async def test_a_copy_of_an_old_body_after_a_refire_changes_nothing(house: House) -> None:
    first = await house.post(alert(), minute=1)
    await house.post(alert(ends=4), minute=5)
    await house.post(alert(starts=8), minute=9)
    before = await house.get(first)
    assert await house.post(alert(), minute=10) == first
    after = await house.get(first)
    assert [(a.starts_at, a.ended_at) for a in after.alerts] == [(a.starts_at, a.ended_at) for a in before.alerts]
    assert after.state is AlertStatus.FIRING


async def test_a_replicas_slightly_older_end_does_not_hold_the_group_open(house: House) -> None:
    first = await house.post(alert(), alert("Slow"), minute=1)
    await house.post(alert(ends=5), alert("Slow"), minute=5.1)
    await house.post(alert(ends=4.9), alert("Slow", ends=6), minute=6.1)
    assert (await house.get(first)).state is AlertStatus.RESOLVED


async def test_a_late_copy_of_an_earlier_end_does_not_end_what_fires(house: House) -> None:
    first = await house.post(alert("Y"), minute=1)
    await house.post(alert("Y", ends=5), minute=5.2)
    await house.post(alert("Y", starts=6), minute=6.2)
    await house.post(alert("Y", starts=6, ends=8), alert("X", starts=8), minute=8.3)
    await house.post(alert("Y", ends=5), minute=8.5)
    assert (await house.get(first)).state is AlertStatus.FIRING


async def test_the_same_end_again_does_not_end_what_fires_since(house: House) -> None:
    first = await house.post(alert("Y"), minute=1)
    await house.post(alert("Y", ends=5), minute=5.2)
    await house.post(alert("X", starts=6), minute=6.2)
    await house.post(alert("Y", ends=5), minute=6.4)
    assert (await house.get(first)).state is AlertStatus.FIRING


async def test_a_groups_last_word_ends_it_though_one_is_muted(house: House) -> None:
    first = await house.post(alert("Y"), alert("Muted"), minute=1)
    assert await house.acceptance.accept(post("other", alert("Y"), minute=2)) == (first,)
    await house.acceptance.accept(post("other", alert("Y", ends=5), minute=5.2))
    await house.post(alert("Y", ends=4.9), minute=5.4)
    assert (await house.get(first)).state is AlertStatus.RESOLVED


async def test_a_groups_last_word_ends_it_though_another_told_of_a_later_episode(house: House) -> None:
    first = await house.post(alert("Y"), minute=1)
    await house.acceptance.accept(post("other", alert("Y"), minute=2))
    await house.acceptance.accept(post("other", alert("Y", ends=5), minute=5.2))
    await house.acceptance.accept(post("other", alert("Y", starts=6), minute=6.2))
    await house.acceptance.accept(post("other", alert("Y", starts=6, ends=8), minute=8.2))
    await house.post(alert("Y", ends=5), minute=8.5)
    assert (await house.get(first)).state is AlertStatus.RESOLVED


async def test_a_replicas_slightly_older_end_of_all_it_knew_does_not_end_what_joined_since(house: House) -> None:
    first = await house.post(alert("Y"), minute=1)
    await house.post(alert("Y", ends=5), alert("X", starts=5), minute=5.2)
    await house.post(alert("Y", ends=4.9), minute=5.3)
    assert (await house.get(first)).state is AlertStatus.FIRING


async def test_an_old_copy_does_not_reopen_because_of_an_alert_that_was_muted(house: House) -> None:
    first = await house.post(alert(), alert("Muted"), minute=1)
    await house.announce(first)
    await house.post(alert(ends=4), minute=5)
    await house.post(alert(), alert("Muted"), minute=6)
    assert (await house.get(first)).state is AlertStatus.RESOLVED
    assert await house.news(first) == []
    await house.post(alert("Muted"), minute=20)
    assert (await house.get(first)).state is AlertStatus.FIRING, "it is not muted any more"


async def test_an_alert_whose_sender_was_cut_off_reopens_with_its_old_start(house: House) -> None:
    first = await house.post(alert(), minute=1)
    await house.announce(first)
    await house.post(alert(ends=10), minute=10)
    assert await house.post(alert(), minute=20) == first
    assert (await house.get(first)).state is AlertStatus.FIRING
    assert await house.news(first) == ["news.refire"]


async def test_a_body_that_says_of_an_ended_alert_that_it_fires_does_not_conclude_the_end(house: House) -> None:
    first = await house.post(alert(), alert("Slow"), minute=1)
    await house.post(alert(ends=2), alert("Slow"), minute=2.1)
    await house.post(alert(), alert("Slow", ends=3), minute=3.1)
    assert (await house.get(first)).state is AlertStatus.FIRING


async def test_what_was_over_before_we_heard_of_it_stays_untold_when_it_is_said_again(house: House) -> None:
    first = await house.post(alert(ends=4), minute=5)
    await house.post(alert(ends=4), alert("Slow", ends=6), minute=7)
    incident = await house.get(first)
    assert incident.announced_at == incident.resolved_at
    assert await house.incidents.unannounced(0) == []
