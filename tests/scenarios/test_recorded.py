"""Recorded incidents through the whole pipeline: what is judged and what is told. UPDATE_GOLDEN=1 writes them anew."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml

from app.domain.incident import Assessment, Hypothesis, Incident
from app.domain.subject import Subject
from app.notify.markup import visible
from app.notify.notifier import DETAILS, HEAD, Letter
from app.notify.notifiers.slack.message import Writer
from app.notify.rendering import HEAD_LAYOUT, NOTE_LAYOUT, TEXT_LAYOUT, Renderer, Telling
from tests.fakes.recording import Recording
from tests.fakes.server import Trouble
from tests.notify.ten_points import Told, broken_points
from tests.scenarios.recorded import Play, played, rolled_back_before

pytestmark = pytest.mark.anyio

GOLDEN = Path(__file__).parent / "golden"
UPDATE = "UPDATE_GOLDEN" in os.environ
PAGE = "https://sitrep.example/incidents/1"
ALL = ("kubernetes", "prometheus", "loki")
CHECKOUT = Subject("prod", "shop", "Deployment", "checkout")


def _hanging(*sources: str) -> tuple[tuple[str, Trouble], ...]:
    return tuple((source, Trouble("hang")) for source in sources)


@cache
def _told_before() -> Play:
    now = Recording.named("checkout_oom").now.astimezone(UTC)
    past = rolled_back_before(CHECKOUT, now, cause="memory.limit_too_low", alertname="KubePodCrashLooping")
    return Play("checkout_oom", past=(past,))


PLAYS = {
    "checkout_oom": _told_before(),
    "image_pull": Play("image_pull"),
    "unschedulable": Play("unschedulable"),
    "node_gone": Play("node_gone"),
    "payments_slow": Play("payments_slow"),
    "everything_unreachable": Play("checkout_oom", _hanging(*ALL), deadline_seconds=1.0),
    # First words: the budget was over before these had answered.
    "nothing_yet": Play("checkout_oom", _hanging(*ALL), still_asked=frozenset(ALL)),
    "cluster_not_yet": Play("checkout_oom", _hanging("kubernetes"), still_asked=frozenset({"kubernetes"})),
}


@pytest.mark.parametrize("name", PLAYS)
async def test_a_recorded_incident_is_judged_and_told_as_before(name: str, tmp_path: Path) -> None:
    incident, now = await played(PLAYS[name], tmp_path)
    folder = GOLDEN / name
    if UPDATE:
        folder.mkdir(exist_ok=True)
    for file_name, text in _files(incident, now):
        path = folder / file_name
        if UPDATE:
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), path
    assert broken_points(_told(incident, now)) == []


def _files(incident: Incident, now: datetime) -> Iterator[tuple[str, str]]:
    telling = Telling(now, PAGE)
    told = _told(incident, now)
    yield "head.txt", f"{visible(told.text)}\n\n{told.shown}\n"
    yield "note.txt", Renderer(None).render(NOTE_LAYOUT, incident, telling) + "\n"
    yield "slack.json", json.dumps(_slack(incident, now), ensure_ascii=False, indent=1) + "\n"
    told_of = yaml.safe_dump(_judged(incident), allow_unicode=True, sort_keys=False, width=110)
    yield "incident.yaml", told_of


def _told(incident: Incident, now: datetime) -> Told:
    renderer, telling = Renderer(None), Telling(now, PAGE)
    return Told(
        incident,
        renderer.render(HEAD_LAYOUT, incident, telling),
        renderer.render(TEXT_LAYOUT, incident, telling),
    )


def _slack(incident: Incident, now: datetime) -> dict[str, Any]:
    """What the notifier posts, but for the ids that are made anew for every edit."""
    writer = Writer(Renderer(None), lambda _: PAGE, lambda: now)
    posts = {}
    for part in (HEAD, DETAILS):
        arguments = writer.message(Letter(incident, "C0ONCALL", part, UUID(int=1))).arguments()
        for block in arguments["blocks"]:
            del block["block_id"]
            # Line by line, so that a change of one is seen as one.
            block["text"] = {**block["text"], "text": block["text"]["text"].splitlines()}
        posts[part] = arguments
    return posts


def _judged(incident: Incident) -> dict[str, Any]:
    """What was concluded; findings by kind, for their words stand in the messages."""
    judged = incident.assessment
    assert judged is not None
    onset = judged.onset_at
    return {
        "headline": judged.headline,
        "state": incident.state.value,
        "enrichment": incident.enrichment,
        "onset_at": onset.isoformat() if onset else None,
        "subjects": [f"{one.kind} {one}" for one in judged.subjects],
        "hypotheses": [_hypothesis(one) for one in judged.hypotheses],
        "findings": [f"{one.severity.name.lower()} {one.kind}: {one.subject}" for one in judged.findings],
        "changes": [f"{one.at.isoformat()} {one.subject}: {one.summary}" for one in judged.changes],
        "similar": [f"{one.title} ({one.score})" for one in judged.similar],
        "blast_radius": _around(judged),
        "gaps": [f"{one.source}: {one.question} ({one.reason})" for one in incident.gaps],
    }


def _hypothesis(one: Hypothesis) -> dict[str, Any]:
    return {
        "cause": one.cause,
        "confidence": one.confidence,
        "score": one.score,
        "statement": one.statement,
        "because": list(one.because),
        "against": list(one.against),
        "next_step": one.next_step,
    }


def _around(judged: Assessment) -> list[str]:
    return [f"{one.subject.kind} {one.subject}: {one.relation}, {one.state}" for one in judged.blast_radius]
