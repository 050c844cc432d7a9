"""The PagerDuty note: found by Alertmanager's key, written once, edited in place."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from app.domain.alert import AlertStatus
from app.domain.errors import DeliveryError
from app.notify.dispatcher import Dispatcher, Parked, Retry, Sent, Waiting
from app.notify.notifier import NOT_THERE_YET_CODE, NOTE, Letter, Target
from app.notify.notifiers.pagerduty import PagerDutyNotifier
from app.settings import Secret, Settings
from tests.fakes.pagerduty import FakePagerDuty
from tests.fakes.server import Trouble
from tests.notify.letters import letter, opened, page_link
from tests.scenarios.incidents import NOW, oom_after_rollout, pending, resolved

pytestmark = pytest.mark.anyio

KEY = oom_after_rollout().groups[0].group_sha.hex()


def notifier_at(
    pagerduty: FakePagerDuty, sender: str = "oncall@shop.example", now: datetime = NOW
) -> PagerDutyNotifier:
    settings = Settings(pagerduty_token=Secret(pagerduty.token), pagerduty_from=sender, pagerduty_api_url=pagerduty.url)
    return opened(PagerDutyNotifier(settings, page_link, lambda: now))


def note(**values: object) -> Letter:
    return letter(**{"target": KEY, "part": NOTE, **values})


async def test_the_note_is_written_on_the_incident_that_alertmanager_opened() -> None:
    async with FakePagerDuty() as pagerduty:
        opened_incident = pagerduty.open_incident(KEY)
        reference = await notifier_at(pagerduty).send(note())
        (written,) = opened_incident.notes
    assert reference == f"{opened_incident.id}/{written.id}"
    assert "Likely: rollout 42 halved the memory limit" in written.content
    assert page_link(oom_after_rollout()) in written.content
    assert "<" not in written.content
    assert written.content.splitlines()[-1].startswith("[sitrep:")


async def test_the_newest_open_incident_of_the_key_is_taken() -> None:
    async with FakePagerDuty() as pagerduty:
        over, newest = pagerduty.open_incident(KEY), pagerduty.open_incident(KEY)
        over.status = "resolved"
        pagerduty.open_incident("another")
        reference = await notifier_at(pagerduty).send(note())
    assert reference.startswith(newest.id)


def at_the_age_of(seconds: float, pagerduty: FakePagerDuty) -> Dispatcher:
    """A dispatcher whose clock stands this long after the receipt of the incident."""
    moment = oom_after_rollout().received_at + timedelta(seconds=seconds)
    return Dispatcher([notifier_at(pagerduty, now=moment)])


@pytest.mark.parametrize(
    ("age_seconds", "wait_seconds"),
    [(-3600, 5), (0, 5), (1.5, 3.5), (5, 5), (9, 1), (10, 10), (20, 20), (39.5, 0.5), (40, 20), (59, 1)],
)
async def test_it_is_looked_for_at_5_10_20_40_and_60_seconds_after_receipt(
    age_seconds: float, wait_seconds: float
) -> None:
    async with FakePagerDuty() as pagerduty:
        # Failures of another kind use up no look.
        for attempts in (0, 9):
            outcome = await at_the_age_of(age_seconds, pagerduty).deliver("pagerduty", note(attempts=attempts))
            assert isinstance(outcome, Waiting)
            assert outcome.after_seconds == pytest.approx(wait_seconds)


@pytest.mark.parametrize("age_seconds", [60, 3600])
async def test_after_a_minute_one_look_finds_it_or_parks(age_seconds: float) -> None:
    async with FakePagerDuty() as pagerduty:
        dispatcher = at_the_age_of(age_seconds, pagerduty)
        outcome = await dispatcher.deliver("pagerduty", note())
        assert isinstance(outcome, Parked)
        assert outcome.code == "no_pagerduty_incident"
        assert outcome.reason.startswith("no_pagerduty_incident")
        assert "same route" in outcome.reason
        pagerduty.open_incident(KEY)
        assert isinstance(await dispatcher.deliver("pagerduty", note()), Sent)


async def test_an_outage_of_pagerduty_uses_up_no_look() -> None:
    async with FakePagerDuty() as pagerduty:
        dispatcher = at_the_age_of(30, pagerduty)
        pagerduty.fail_with = [(503, 0)] * 6
        for attempts in range(6):
            assert isinstance(await dispatcher.deliver("pagerduty", note(attempts=attempts)), Retry)
        assert isinstance(await dispatcher.deliver("pagerduty", note(attempts=6)), Waiting)


async def test_what_is_over_is_not_waited_for_and_blames_no_route() -> None:
    over = resolved(oom_after_rollout(), confirmed=False)
    (group,) = oom_after_rollout().groups
    another = replace(group, group_sha=bytes(32))
    half = replace(oom_after_rollout(), groups=(replace(group, state=AlertStatus.RESOLVED), another))
    async with FakePagerDuty() as pagerduty:
        for incident in (over, half):
            outcome = await at_the_age_of(1, pagerduty).deliver("pagerduty", note(incident=incident))
            assert isinstance(outcome, Parked)
            assert outcome.code == "pagerduty_incident_over"
            assert outcome.reason.startswith("pagerduty_incident_over")
        firing = note(incident=half, target=another.group_sha.hex())
        assert isinstance(await at_the_age_of(1, pagerduty).deliver("pagerduty", firing), Waiting)


async def test_only_notes_are_for_it() -> None:
    async with FakePagerDuty() as pagerduty:
        told = [part for part in (NOTE, "head", "end", "news:broadcast:1") if notifier_at(pagerduty).tells(part)]
    assert told == [NOTE]


async def test_an_incident_that_appears_late_is_found_on_the_next_look() -> None:
    async with FakePagerDuty() as pagerduty:
        incident = pagerduty.open_incident(KEY, after_seconds=3600)
        with pytest.raises(DeliveryError):
            await notifier_at(pagerduty).send(note())
        incident.visible_at = 0
        await notifier_at(pagerduty).send(note(attempts=1))
    assert len(incident.notes) == 1


async def test_an_edit_keeps_the_one_note() -> None:
    async with FakePagerDuty() as pagerduty:
        pagerduty.open_incident(KEY)
        notifier = notifier_at(pagerduty)
        reference = await notifier.send(note())
        over = resolved(oom_after_rollout(), confirmed=False)
        assert await notifier.send(note(incident=over, reference=reference)) == reference
        (only,) = pagerduty.notes
    assert len(only.history) == 1
    assert "recovery not confirmed" in only.content


async def test_a_resolved_pagerduty_incident_still_takes_the_last_edit() -> None:
    async with FakePagerDuty() as pagerduty:
        incident = pagerduty.open_incident(KEY)
        reference = await notifier_at(pagerduty).send(note())
        incident.status = "resolved"
        firing = note(reference=reference)
        with pytest.raises(DeliveryError) as waiting:
            await notifier_at(pagerduty).send(firing)
        assert waiting.value.code == NOT_THERE_YET_CODE, "the page of a re-fire may be about to open"
        assert await notifier_at(pagerduty).send(replace(firing, attempts=5)) == reference
    assert len(pagerduty.notes) == 1


async def test_a_refire_gets_a_note_on_its_own_pagerduty_incident() -> None:
    async with FakePagerDuty() as pagerduty:
        first = pagerduty.open_incident(KEY)
        reference = await notifier_at(pagerduty).send(note())
        first.status = "resolved"
        second = pagerduty.open_incident(KEY)
        moved = await notifier_at(pagerduty).send(note(reference=reference))
    assert moved.startswith(second.id)


async def test_a_note_that_moved_without_an_answer_is_not_written_twice() -> None:
    async with FakePagerDuty() as pagerduty:
        dispatcher = Dispatcher([notifier_at(pagerduty)])
        first = pagerduty.open_incident(KEY)
        before = await dispatcher.deliver("pagerduty", note())
        assert isinstance(before, Sent)
        first.status = "resolved"
        second = pagerduty.open_incident(KEY)
        pagerduty.lose_answers = 1
        move = note(reference=before.reference)
        assert isinstance(await dispatcher.deliver("pagerduty", move), Retry)
        moved = await dispatcher.deliver("pagerduty", replace(move, attempts=1))
        (only,) = second.notes
    assert moved == Sent(f"{second.id}/{only.id}")


async def test_a_note_whose_answer_was_lost_is_found_by_its_marker() -> None:
    async with FakePagerDuty() as pagerduty:
        incident = pagerduty.open_incident(KEY)
        pagerduty.lose_answers = 1
        notifier = notifier_at(pagerduty)
        with pytest.raises(DeliveryError) as caught:
            await notifier.send(note())
        assert caught.value.unknown
        assert await notifier.find(note()) == f"{incident.id}/{incident.notes[0].id}"
        assert await notifier.find(note(nonce=uuid4())) is None


async def test_targets_come_with_the_complete_picture_or_after_half_a_minute() -> None:
    async with FakePagerDuty() as pagerduty:
        notifier = notifier_at(pagerduty)
        young = replace(pending(), received_at=NOW - timedelta(seconds=29))
        assert notifier.targets(young) == ()
        assert notifier.targets(replace(young, received_at=NOW - timedelta(seconds=30))) == (Target(KEY, NOTE),)
        assert notifier.targets(replace(oom_after_rollout(), received_at=NOW)) == (Target(KEY, NOTE),)


async def test_only_the_first_hypothesis_or_the_state_are_worth_an_edit() -> None:
    async with FakePagerDuty() as pagerduty:
        notifier, incident = notifier_at(pagerduty), oom_after_rollout()
        same = replace(incident, revision=9, gaps=(), headline="other words")
        assert notifier.digest(note(incident=incident)) == notifier.digest(note(incident=same))
        assert notifier.digest(note(incident=resolved(incident, confirmed=False))) != notifier.digest(note())
        assert incident.assessment is not None
        (first,) = incident.assessment.hypotheses
        other = replace(incident.assessment, hypotheses=(replace(first, cause="memory.leak"),))
        assert notifier.digest(note(incident=replace(incident, assessment=other))) != notifier.digest(note())


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ((400, 2001), (False, False, False)),
        ((400, 1008), (False, False, False)),
        ((401, 2006), (False, False, False)),
        ((402, 2014), (False, False, False)),
        ((403, 2018), (False, False, False)),
        ((404, 5001), (False, False, True)),
        ((408, 0), (True, True, False)),
        ((429, 2020), (True, False, False)),
        ((500, 0), (True, True, False)),
        ((503, 0), (True, True, False)),
    ],
)
async def test_every_row_of_the_error_table(answer: tuple[int, int], outcome: tuple[bool, bool, bool]) -> None:
    async with FakePagerDuty() as pagerduty:
        incident = pagerduty.open_incident(KEY)
        client = notifier_at(pagerduty)._client
        pagerduty.fail_with = [answer]
        with pytest.raises(DeliveryError) as caught:
            await client.add_note(incident.id, "text")
    assert (caught.value.retryable, caught.value.unknown, caught.value.gone) == outcome
    assert caught.value.retry_after_seconds == (11 if answer[0] == 429 else None)


async def test_a_rate_limit_without_its_headers_still_waits() -> None:
    async with FakePagerDuty() as pagerduty:
        pagerduty.rate_limit_headers = {}
        pagerduty.fail_with = [(429, 2020)]
        with pytest.raises(DeliveryError) as caught:
            await notifier_at(pagerduty).send(note())
    assert caught.value.retry_after_seconds == 30


async def test_a_sender_that_pagerduty_does_not_know_is_named() -> None:
    async with FakePagerDuty() as pagerduty:
        pagerduty.open_incident(KEY)
        with pytest.raises(DeliveryError) as caught:
            await notifier_at(pagerduty, "nobody@shop.example").send(note())
    assert "SITREP_PAGERDUTY_FROM" in str(caught.value)


@pytest.mark.parametrize("trouble", [Trouble("html"), Trouble("garbage"), Trouble("reset"), Trouble("status", 502)])
async def test_a_proxys_answer_is_retried(trouble: Trouble) -> None:
    async with FakePagerDuty() as pagerduty:
        pagerduty.trouble = trouble
        with pytest.raises(DeliveryError) as caught:
            await notifier_at(pagerduty).send(note())
    assert (caught.value.retryable, caught.value.unknown) == (True, False)


async def test_a_note_that_somebody_deleted_is_gone() -> None:
    async with FakePagerDuty() as pagerduty:
        incident = pagerduty.open_incident(KEY)
        reference = await notifier_at(pagerduty).send(note())
        incident.notes.clear()
        with pytest.raises(DeliveryError) as caught:
            await notifier_at(pagerduty).send(note(reference=reference))
    assert caught.value.gone


async def test_the_check_says_what_is_missing() -> None:
    async with FakePagerDuty() as pagerduty:
        assert (await notifier_at(pagerduty).check()).healthy
        assert "SITREP_PAGERDUTY_FROM" in (await notifier_at(pagerduty, "").check()).fix
        pagerduty.fail_with = [(401, 2006)]
        assert not (await notifier_at(pagerduty).check()).healthy
