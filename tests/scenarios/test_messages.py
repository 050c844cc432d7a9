"""Golden messages of incidents written by hand: the layout alone. UPDATE_GOLDEN=1 writes them anew."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.incident import Incident
from app.notify.markup import visible
from app.notify.rendering import DETAILS_LAYOUT, HEAD_LAYOUT, NOTE_LAYOUT, TEXT_LAYOUT, Renderer, Telling
from tests.notify.ten_points import Told, broken_points
from tests.scenarios.incidents import CASES, NOW, cause_unknown, oom_after_rollout, pending, resolved

GOLDEN = Path(__file__).parent / "golden"
UPDATE = "UPDATE_GOLDEN" in os.environ
PAGE = "https://sitrep.example/incidents/1"

MORE: dict[str, Callable[[], Incident]] = {
    "resolved_and_recovered": lambda: resolved(oom_after_rollout(), confirmed=True),
    "resolved_unconfirmed": lambda: resolved(cause_unknown(), confirmed=False),
}


def tell(incident: Incident) -> Told:
    """The message as Slack would get it."""
    renderer, telling = Renderer(None), Telling(NOW, PAGE)
    body = renderer.render(HEAD_LAYOUT, incident, telling)
    return Told(incident, body, renderer.render(TEXT_LAYOUT, incident, telling))


def golden_text(incident: Incident) -> str:
    """Lock screen, head, details and note, as a reader sees them."""
    renderer, telling, told = Renderer(None), Telling(NOW, PAGE), tell(incident)
    details = visible(renderer.render(DETAILS_LAYOUT, incident, telling))
    note = renderer.render(NOTE_LAYOUT, incident, telling)
    parts = {"lock screen": visible(told.text), "head": told.shown, "details": details, "note": note}
    return "".join(f"=== {name}\n{text}\n" for name, text in parts.items())


@pytest.mark.parametrize("name", [*CASES, *MORE, "pending"])
def test_the_message_reads_as_recorded(name: str) -> None:
    case = {**CASES, **MORE, "pending": pending}[name]
    path = GOLDEN / f"{name}.txt"
    text = golden_text(case())
    if UPDATE:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [*CASES, *MORE])
def test_the_message_meets_the_ten_points(name: str) -> None:
    assert broken_points(tell({**CASES, **MORE}[name]())) == []


def test_the_ten_points_find_what_is_missing() -> None:
    told = tell(oom_after_rollout())
    without_against = replace(told, body=told.body.replace("Against: ", ""))
    with_uuid = replace(told, body=told.body + " 0198f000-0000-7000-8000-000000000001")
    mutating = replace(told, body=told.body.replace("rollout history", "rollout undo"))
    without_gap = replace(told, body=told.body.replace("Loki", "something"))
    with_long_text = replace(told, text=told.text + "x" * 110)
    assert broken_points(without_against) == ["7 the strongest evidence against"]
    assert broken_points(with_uuid) == ["10 no dump"]
    assert broken_points(mutating) == ["8 one first step that only reads"]
    assert broken_points(without_gap) == ["10 what could not be seen, and when this was written"]
    assert broken_points(with_long_text) == ["lock screen"]


def test_a_pending_message_says_that_more_is_coming_and_fits() -> None:
    told = tell(pending())
    assert told.lines[0] == "🔴 checkout (shop, prod): pod crash looping"
    assert "gathering" in told.shown
    assert len(told.lines) <= 12
    assert "details" in told.lines[-1]


def test_recovered_is_said_only_where_it_was_confirmed() -> None:
    confirmed = tell(resolved(oom_after_rollout(), confirmed=True))
    unconfirmed = tell(resolved(oom_after_rollout(), confirmed=False))
    assert confirmed.shown.startswith("✅ checkout (shop, prod): recovered")
    assert "✅" not in unconfirmed.shown
    assert "recovered" not in unconfirmed.shown
    assert "Alertmanager stopped reporting it; recovery not confirmed" in unconfirmed.shown
