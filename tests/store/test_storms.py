"""What shares a cause, or comes all at once, becomes children of one parent; what stands apart stays alone."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from app.domain.alert import Alert, AlertStatus, Severity
from app.domain.evidence import Evidence
from app.domain.incident import Recollection
from app.domain.story import StormKey
from app.domain.subject import Subject
from app.store.claims import Channel
from app.store.codec import Summary
from app.store.enrichment import Conclusion, Enrichments
from tests.scenarios.incidents import oom_after_rollout
from tests.store.house import alert, post
from tests.store.weather import HEAD, Weather

pytestmark = pytest.mark.anyio


async def test_three_on_one_node_are_alone_and_the_fourth_makes_a_storm(weather: Weather) -> None:
    three = await weather.many(3, node="node-7")
    assert await weather.announce_all(three) == [None, None, None]
    fourth = await weather.breaks(3, node="node-7")
    (parent_id,) = set(await weather.announce_all([fourth]))
    assert parent_id is not None
    parent = await weather.get(parent_id)
    assert set(parent.children) == {*three, fourth}
    assert parent.storm == "node:prod/node-7"
    assert parent.state is AlertStatus.FIRING
    assert [(await weather.get(one)).parent_id for one in three] == [parent_id] * 3


async def test_what_a_storm_swept_in_wants_no_message_but_keeps_its_note(weather: Weather) -> None:
    incidents = await weather.many(4, node="node-7")
    await weather.announce_all(incidents)
    assert await weather.parts(incidents[0]) == {"note": "due"}
    assert (await weather.get(incidents[0])).announced_at is not None


async def test_incidents_that_are_announced_at_once_make_one_storm(weather: Weather) -> None:
    incidents = await weather.many(16, node="node-7")
    found = await asyncio.gather(*(weather.deliveries.announce(one, HEAD) for one in incidents))
    assert len({one.parent_id for one in found}) == 1
    async with weather.store.transaction() as transaction:
        assert len(await transaction.all("select 1 from incident where storm is not null")) == 1


async def test_other_nodes_are_other_storms(weather: Weather) -> None:
    first = [await weather.breaks(number, node="node-1") for number in range(4)]
    second = [await weather.breaks(number, node="node-2") for number in range(4, 8)]
    found = set(await weather.announce_all([*first, *second]))
    assert len(found) == 2


async def test_what_comes_hours_apart_is_no_storm(weather: Weather) -> None:
    incidents = [await weather.breaks(number, node="node-7", minute=number * 3) for number in range(6)]
    assert set(await weather.announce_all(incidents)) == {None}


async def test_a_late_one_on_the_node_joins_the_storm_that_rages(weather: Weather) -> None:
    incidents = await weather.many(4, node="node-7")
    (parent_id,) = set(await weather.announce_all(incidents))
    late = await weather.breaks(9, node="node-7", minute=25)
    assert await weather.announce_all([late]) == [parent_id]


async def test_dozens_with_the_same_alert_are_a_storm_and_a_rare_one_among_them_is_not(weather: Weather) -> None:
    many = await weather.many(12)
    rare = await weather.breaks(100, name="CertificateExpires")
    severe = await weather.breaks(101, severity="critical")
    (parent_id,) = set(await weather.announce_all(many))
    assert parent_id is not None
    assert (await weather.get(parent_id)).storm == "burst:prod"
    assert await weather.announce_all([rare, severe]) == [None, None]
    assert await weather.parts(rare) == {"head": "due", "note": "due"}


async def test_eleven_with_the_same_alert_are_told_one_by_one(weather: Weather) -> None:
    assert set(await weather.announce_all(await weather.many(11))) == {None}


async def test_bursts_of_several_alerts_are_one_storm_of_the_cluster(weather: Weather) -> None:
    first = await weather.many(12)
    second = [await weather.breaks(number, name="ReplicasMismatch") for number in range(20, 32)]
    assert len(set(await weather.announce_all([*first, *second]))) == 1


async def test_more_than_ten_groups_that_had_begun_long_before_are_one_message(weather: Weather) -> None:
    names = [f"Old{number}" for number in range(11)]
    old = [await weather.breaks(number, name=name, minute=90) for number, name in enumerate(names)]
    found = set(await weather.announce_all(old))
    assert len(found) == 1
    assert None not in found
    fresh = replace(alert("Fresh", starts=89), fingerprint="f" * 16)
    (incident_id,) = await weather.acceptance.accept(post("fresh", fresh, minute=90, subject=replace(OTHER)))
    assert await weather.announce_all([incident_id]) == [None]


OTHER = Subject("prod", "shop", "Deployment", "other")


async def test_a_message_that_was_sent_already_is_edited_and_one_that_was_not_is_absorbed(weather: Weather) -> None:
    incidents = await weather.many(3, node="node-7")
    await weather.announce_all(incidents)
    channel = Channel("slack", "C1")
    sent = await weather.deliveries.claim(channel)
    assert sent
    await weather.deliveries.record(sent, "C1/1", "digest")
    fourth = await weather.breaks(3, node="node-7")
    await weather.announce_all([fourth])
    assert (await weather.parts(sent.incident_id))["head"] == "due"
    unsent = next(one for one in incidents if one != sent.incident_id)
    claim = await weather.deliveries.claim(channel)
    while claim is not None and claim.incident_id != unsent:
        claim = await weather.deliveries.claim(channel)
    assert claim
    assert (await weather.get(unsent)).is_absorbed
    await weather.deliveries.absorb(claim)
    assert (await weather.parts(unsent))["head"] == "absorbed"


async def test_news_of_what_a_storm_swept_in_is_kept_and_not_told(weather: Weather) -> None:
    incidents = await weather.many(3, node="node-7")
    await weather.announce_all(incidents)
    await weather.announce_all([await weather.breaks(3, node="node-7")])
    fired = replace(alert("Down", severity="critical", starts=3), fingerprint="c" * 16)
    subject = Subject("prod", "shop", "Deployment", "app-0")
    await weather.acceptance.accept(post("NotReady 0", fired, minute=4, subject=subject))
    swept = await weather.get(incidents[0])
    assert swept.severity is Severity.CRITICAL
    assert "news.severity" in [entry.kind for entry in swept.timeline]
    assert not any(part.startswith("news") for part in await weather.parts(incidents[0]))


async def judge(weather: Weather, incident_id: UUID) -> None:
    """As if the enrichment had found the cluster's DNS to be the cause."""
    enrichments = Enrichments(weather.store)
    work = await enrichments.begin(incident_id)
    assert work
    shares = (StormKey("cause:prod/dns", "cause:prod/dns", 4),)
    assessment = oom_after_rollout().assessment
    assert assessment
    summary = Summary(assessment, Recollection())
    assert await enrichments.conclude(work, Conclusion(summary, Evidence(), "complete", shares))


async def test_what_breaks_anew_is_found_by_its_cause_as_of_then(weather: Weather) -> None:
    early = await weather.breaks(0)
    await judge(weather, early)
    await weather.over(0)
    await judge(weather, early)
    assert await weather.breaks(0, starts=19, minute=20) == early
    await judge(weather, early)
    late = [await weather.breaks(number, name=f"Alert{number}", starts=19, minute=20) for number in range(1, 4)]
    for one in late:
        await judge(weather, one)
    (parent_id,) = set(await weather.announce_all([early, *late]))
    assert parent_id is not None


async def test_a_cause_is_as_old_as_what_fires_and_not_as_what_joined_last(weather: Weather) -> None:
    early = [await weather.breaks(number, name=f"Early{number}") for number in range(3)]
    for number, incident_id in enumerate(early):
        down = replace(alert("Down", starts=19), fingerprint=f"d{number:015x}")
        subject = Subject("prod", "shop", "Deployment", f"app-{number}")
        late = post(f"Down {number}", down, minute=20, subject=subject)
        assert await weather.acceptance.accept(late) == (incident_id,)
    others = [await weather.breaks(number, name=f"Alert{number}", starts=19, minute=20) for number in range(10, 12)]
    for one in [*early, *others]:
        await judge(weather, one)
    # Three of them 19 min ago and two now are no storm.
    assert set(await weather.announce_all([*early, *others])) == {None}


async def test_what_has_ended_is_swept_in_by_nothing(weather: Weather) -> None:
    incidents = await weather.many(4, node="node-7")
    await weather.over(0)
    assert set(await weather.announce_all(incidents)) == {None}


def labels_of(one: Alert, **more: str) -> Alert:
    return replace(one, labels={**one.labels, **more})


async def test_the_node_of_an_exporter_is_not_the_node_of_what_it_measures(weather: Weather) -> None:
    incidents = []
    for number in range(6):
        measured = labels_of(alert("Mismatch"), node="node-of-the-exporter", job="kube-state-metrics")
        measured = replace(measured, fingerprint=f"{number:016x}")
        subject = Subject("prod", "shop", "Deployment", f"app-{number}")
        incidents += await weather.acceptance.accept(post(f"{number}", measured, minute=1, subject=subject))
    assert set(await weather.announce_all(incidents)) == {None}


async def test_a_storm_is_told_wherever_one_of_its_children_would_have_been(weather: Weather) -> None:
    incidents = await weather.many(4, node="node-7")
    await weather.deliveries.announce(incidents[0], [("slack", "C-SHOP", "head"), ("slack", "C-SHOP", "details")])
    found = await weather.deliveries.announce(incidents[1], [("slack", "C-PAY", "head")])
    assert found.parent_id
    assert await weather.deliveries.due_channels() == [], "it waits for its words"
    heads = [("slack", "C-SHOP", "head"), ("slack", "C-PAY", "head")]
    await weather.deliveries.announce(found.parent_id, heads)
    assert {channel.target for channel in await weather.deliveries.due_channels()} == {"C-SHOP", "C-PAY"}
    late = await weather.deliveries.announce(incidents[2], [("slack", "C-LATE", "head")])
    assert late.parent_id == found.parent_id
    assert "C-LATE" in {channel.target for channel in await weather.deliveries.due_channels()}


async def test_a_storm_whose_children_nobody_is_told_of_is_told_to_nobody(weather: Weather) -> None:
    incidents = await weather.many(4, node="node-7")
    (parent_id,) = {(await weather.deliveries.announce(one, [])).parent_id for one in incidents}
    assert parent_id
    assert (await weather.get(parent_id)).deliveries == ()


async def test_a_storm_is_told_where_one_was_announced_before_it_was_swept_in(weather: Weather) -> None:
    early = await weather.many(3, node="node-7")
    for one in early:
        await weather.deliveries.announce(one, [("slack", "C-EARLY", "head")])
    fourth = await weather.breaks(3, node="node-7")
    found = await weather.deliveries.announce(fourth, [("slack", "C-LATE", "head")])
    assert found.parent_id
    told = {(one.target, one.part) for one in (await weather.get(found.parent_id)).deliveries}
    assert told == {("C-EARLY", "head"), ("C-LATE", "head")}
