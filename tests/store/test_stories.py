"""What tells the same story is one incident, and what does not is not, whatever its sender made of it."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from app.domain.alert import Alert, AlertStatus
from app.domain.subject import Subject
from app.store.acceptance import Acceptance
from app.store.leftovers import STORY_KEYS
from app.store.post import Post
from app.store.queue import Wish
from app.store.stories import MOST_PARTED
from tests.store.house import CHECKOUT, PAYMENTS, House, alert, at, post

pytestmark = pytest.mark.anyio
CLUSTER = Subject("prod", "", "Cluster", "prod")


async def only(house: House, *posts: Post) -> UUID:
    """The one incident that all of these belong to."""
    found = {incident for one in posts for incident in await house.acceptance.accept(one)}
    assert len(found) == 1
    return found.pop()


async def test_one_bad_rollout_that_fires_four_alerts_is_one_incident(house: House) -> None:
    names = ("KubePodCrashLooping", "KubePodNotReady", "KubeDeploymentReplicasMismatch", "KubeDeploymentRolloutStuck")
    posts = [post(name, alert(name, starts=4.0 * n), minute=4 * n + 1) for n, name in enumerate(names)]
    incident = await house.get(await only(house, *posts))
    assert len(incident.groups) == 4
    assert {one.name for one in incident.alerts} == set(names)
    assert incident.subjects == (CHECKOUT,)
    assert await house.news(incident.id) == []


async def test_it_ends_when_the_last_of_its_groups_does(house: House) -> None:
    first, second = alert("Crash"), alert("NotReady")
    incident_id = await only(house, post("a", first, minute=1), post("b", second, minute=2))
    await house.acceptance.accept(post("a", alert("Crash", ends=3), minute=4))
    assert (await house.get(incident_id)).state is AlertStatus.FIRING
    await house.acceptance.accept(post("b", alert("NotReady", ends=5), minute=6))
    ended = await house.get(incident_id)
    assert ended.state is AlertStatus.RESOLVED
    assert ended.resolved_at == at(5)


async def test_a_group_whose_end_another_group_told_with_more_ends_with_it(house: House) -> None:
    both = alert("Crash"), alert("NotReady")
    incident_id = await only(house, post("a", *both, minute=1), post("b", alert("Crash"), alert("Slow"), minute=2))
    await house.acceptance.accept(post("a", alert("Crash", ends=6), alert("NotReady", ends=6), minute=7))
    await house.acceptance.accept(post("b", alert("Crash", ends=5), alert("Slow", ends=5), minute=8))
    ended = await house.get(incident_id)
    assert ended.state is AlertStatus.RESOLVED
    assert ended.resolved_at == at(6)


async def test_a_group_of_which_all_was_told_by_another_ends(house: House) -> None:
    incident_id = await only(
        house, post("a", alert("Crash"), minute=1), post("b", alert("Crash", starts=0.5), minute=2)
    )
    await house.acceptance.accept(post("a", alert("Crash", ends=6), minute=7))
    assert (await house.get(incident_id)).state is AlertStatus.FIRING
    await house.acceptance.accept(post("b", alert("Crash", starts=0.5, ends=5.5), minute=8))
    ended = await house.get(incident_id)
    assert ended.state is AlertStatus.RESOLVED
    assert ended.resolved_at == at(6)


async def test_groups_of_one_story_that_come_at_once_find_each_other(house: House) -> None:
    posts = [post(f"group {n}", alert(f"Alert{n}"), minute=1) for n in range(12)]
    found = await asyncio.gather(*(house.acceptance.accept(one) for one in posts))
    assert len({incident for incidents in found for incident in incidents}) == 1
    assert len((await house.get(found[0][0])).groups) == 12


async def test_a_service_and_its_deployment_are_one_story(house: House) -> None:
    service = replace(CHECKOUT, kind="Service")
    incident_id = await only(
        house, post("a", alert("Crash"), minute=1), post("b", alert("Errors"), minute=2, subject=service)
    )
    await house.announce(incident_id)
    assert (await house.get(incident_id)).subjects == (CHECKOUT,)


async def test_other_workloads_are_other_stories(house: House) -> None:
    first = await house.acceptance.accept(post("a", alert("Crash"), minute=1))
    second = await house.acceptance.accept(post("b", alert("Crash2"), minute=1, subject=PAYMENTS))
    elsewhere = replace(CHECKOUT, cluster="staging")
    third = await house.acceptance.accept(post("c", alert("Crash3"), minute=1, subject=elsewhere))
    assert len({*first, *second, *third}) == 3


async def test_after_an_hour_the_same_workload_has_another_story(house: House) -> None:
    first = await house.acceptance.accept(post("a", alert("Crash"), minute=1))
    second = await house.acceptance.accept(post("b", alert("NotReady", starts=62), minute=62))
    assert first != second


async def test_a_story_that_had_ended_goes_on_when_another_alert_of_it_fires(house: House) -> None:
    incident_id = await only(house, post("a", alert("Crash"), minute=1))
    await house.announce(incident_id)
    await house.acceptance.accept(post("a", alert("Crash", ends=3), minute=4))
    assert await house.acceptance.accept(post("b", alert("NotReady", starts=6), minute=7)) == (incident_id,)
    assert (await house.get(incident_id)).state is AlertStatus.FIRING
    assert await house.news(incident_id) == ["news.refire"]


async def test_two_alerts_about_the_whole_cluster_are_two_stories(house: House) -> None:
    first = await house.acceptance.accept(post("a", alert("KubeAPIDown"), minute=1, subject=CLUSTER))
    second = await house.acceptance.accept(post("b", alert("EtcdSlow"), minute=1, subject=CLUSTER))
    assert first != second


async def test_the_same_alert_by_two_routes_is_one_story(house: House) -> None:
    await only(
        house,
        post("route a", alert("KubeAPIDown"), minute=1, subject=CLUSTER),
        post("route b", alert("KubeAPIDown"), minute=1.1, subject=CLUSTER),
    )


async def test_a_higher_severity_of_another_group_is_broadcast(house: House) -> None:
    incident_id = await only(house, post("a", alert("Slow"), minute=1))
    await house.announce(incident_id)
    await house.acceptance.accept(post("b", alert("Down", severity="critical", starts=3), minute=4))
    assert await house.news(incident_id) == ["news.severity"]


def coarse(*names: str, minute: float, ended: frozenset[str] = frozenset()) -> Post:
    """A body of a group that holds whatever fires, each alert about a workload of its own."""
    alerts = [alert(name, ends=minute - 1 if name in ended else None) for name in names]
    about = {one.fingerprint: replace(CHECKOUT, name=one.name.lower()) for one in alerts}
    return post("{}:{}", *alerts, minute=minute, about=about)


async def test_a_subject_that_joins_a_coarse_group_soon_is_part_of_its_incident(house: House) -> None:
    first = await house.acceptance.accept(coarse("Cart", minute=1))
    assert await house.acceptance.accept(coarse("Cart", "Orders", minute=14)) == first


async def test_a_subject_that_joins_late_and_shares_nothing_is_an_incident_of_its_own(house: House) -> None:
    (first,) = await house.acceptance.accept(coarse("Cart", minute=1))
    both = await house.acceptance.accept(coarse("Cart", "Orders", minute=20))
    assert both[0] == first
    (second,) = both[1:]
    assert [s.name for s in (await house.get(first)).subjects] == ["cart"]
    own = await house.get(second)
    assert [s.name for s in own.subjects] == ["orders"]
    assert own.groups[0].group_sha == (await house.get(first)).groups[0].group_sha
    assert await house.revisions(first) == (1, 0)


async def test_a_group_of_very_many_subjects_is_not_taken_apart_later(house: House) -> None:
    names = [f"App{number:03}" for number in range(120)]
    (first,) = await house.acceptance.accept(coarse(*names, minute=1))
    assert await house.acceptance.accept(coarse(*names, minute=20, ended=frozenset({"App007"}))) == (first,)
    # Another pod of a workload that the incident does not name, for it names the first fifty only.
    unnamed = coarse(*names, minute=25)
    pod = replace(alert("Pod"), fingerprint="f" * 16)
    about = {**unnamed.about, pod.fingerprint: replace(CHECKOUT, name="app119")}
    whole = replace(unnamed, group=replace(unnamed.group, alerts=(*unnamed.group.alerts, pod)), about=about)
    assert await house.acceptance.accept(whole) == (first,)


async def test_no_more_incidents_of_their_own_come_of_one_body_than_a_sender_can_wait_for(house: House) -> None:
    (first,) = await house.acceptance.accept(coarse("Cart", minute=1))
    found = await house.acceptance.accept(coarse("Cart", *(f"Late{number:02}" for number in range(60)), minute=20))
    assert found[0] == first
    assert len(found) == 1 + MOST_PARTED


async def test_each_part_of_a_coarse_group_goes_on_and_ends_by_itself(house: House) -> None:
    (first,) = await house.acceptance.accept(coarse("Cart", minute=1))
    _, second = await house.acceptance.accept(coarse("Cart", "Orders", minute=20))
    found = await house.acceptance.accept(coarse("Cart", "Orders", minute=30, ended=frozenset({"Orders"})))
    assert found == (first, second)
    assert (await house.get(first)).state is AlertStatus.FIRING
    assert (await house.get(second)).state is AlertStatus.RESOLVED
    await house.acceptance.accept(coarse("Cart", minute=40, ended=frozenset({"Cart"})))
    assert (await house.get(first)).state is AlertStatus.RESOLVED


async def test_nobody_hears_that_one_part_is_repeated_when_another_is_why_the_body_was_sent(house: House) -> None:
    (first,) = await house.acceptance.accept(coarse("Cart", minute=1))
    await house.announce(first)
    _, second = await house.acceptance.accept(coarse("Cart", "Orders", minute=20))
    await house.announce(second)
    await house.acceptance.accept(coarse("Cart", "Orders", "Search", minute=35))
    await house.acceptance.accept(coarse("Cart", "Orders", "Search", minute=50, ended=frozenset({"Search"})))
    assert (await house.news(first), await house.news(second)) == ([], [])


async def test_each_part_is_told_when_the_whole_body_is_repeated(house: House) -> None:
    (first,) = await house.acceptance.accept(coarse("Cart", minute=1))
    await house.announce(first)
    _, second = await house.acceptance.accept(coarse("Cart", "Orders", minute=20))
    await house.announce(second)
    await house.acceptance.accept(coarse("Cart", "Orders", minute=260))
    assert (await house.news(first), await house.news(second)) == (["news.repeat"], ["news.repeat"])


async def test_a_late_subject_on_the_same_node_shares_the_cause(house: House) -> None:
    def on_node(name: str) -> Alert:
        one = alert(name)
        return replace(one, labels={**one.labels, "node": "node-3"})

    alerts = [on_node("Cart"), on_node("Orders")]
    about = {one.fingerprint: replace(CHECKOUT, name=one.name.lower()) for one in alerts}
    first = await house.acceptance.accept(post("k", alerts[0], minute=1, about=about))
    assert await house.acceptance.accept(post("k", *alerts, minute=20, about=about)) == first


async def test_stories_may_be_switched_off(house: House) -> None:
    acceptance = Acceptance(house.store, _no_job, timedelta(minutes=60), stories=False)
    first = await acceptance.accept(post("a", alert("Crash"), minute=1))
    second = await acceptance.accept(post("b", alert("NotReady"), minute=2))
    assert first != second


async def _no_job(*_: object) -> None:
    return None


def test_what_is_new_is_looked_at_before_the_next_of_many_and_severe_before_either() -> None:
    severities = [alert(severity=word).severity for word in ("critical", "warning")]
    wishes = [Wish(severities[0], 200), Wish(severities[1], 0), Wish(severities[1], 200)]
    assert sorted(wishes, key=lambda wish: -wish.priority) == wishes


async def test_by_what_ended_incidents_were_found_is_forgotten_and_of_open_ones_is_kept(house: House) -> None:
    (ended,) = await house.acceptance.accept(post("a", alert("Crash"), minute=1))
    await house.acceptance.accept(post("a", alert("Crash", ends=3), minute=4))
    (open_one,) = await house.acceptance.accept(post("b", alert("Slow"), minute=1, subject=PAYMENTS))
    assert await STORY_KEYS.forget(house.store, at(0)) == 0
    assert await STORY_KEYS.forget(house.store, at(60)) == 2
    async with house.store.transaction() as transaction:
        rows = await transaction.all("select distinct incident_id from story_key")
    assert [row["incident_id"] for row in rows] == [open_one]
    assert ended != open_one
