"""Templates: theirs over ours, ours when theirs breaks, secrets never."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.incident import Incident
from app.domain.playbook import Guidance
from app.notify.markup import visible
from app.notify.rendering import (
    DETAILS_LAYOUT,
    HEAD_LAYOUT,
    LAYOUTS,
    NEWS_LAYOUT,
    NOTE_LAYOUT,
    OURS,
    Layout,
    Renderer,
    Telling,
    lint_templates,
)
from tests.notify.test_markup import hostile
from tests.scenarios.incidents import NOW, oom_after_rollout, pending, resolved

PAGE = "https://sitrep.example/i/1?token=abcdef0123456789abcdef"
TELLING = Telling(NOW, PAGE)
SECRET = "xoxb-" + "123456789012-123456789012-" + "AbCdEfGhIjKlMnOpQrStUvWx"


def head(folder: Path, template: str, layout: Layout = HEAD_LAYOUT) -> str:
    (folder / layout.template).write_text(template, encoding="utf-8")
    return Renderer(folder).render(layout, oom_after_rollout(), TELLING)


def test_an_own_template_replaces_ours_by_name(tmp_path: Path) -> None:
    text = head(tmp_path, "{{ workload | bold }} {{ symptom }} {{ 'page' | page_link }} {{ since | time }}")
    assert text.startswith(f"*checkout* killed for memory <{PAGE}|page> <!date^")
    assert (
        Renderer(tmp_path)
        .render(NEWS_LAYOUT, oom_after_rollout(), Telling(NOW, PAGE, (), ("worse",)))
        .endswith("worse")
    )


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ workload }", "line 1"),
        ("{% if %}", "line 1"),
        ("{{ nonsense }}", "undefined"),
        ("{{ incident.nonsense }}", "no attribute"),
        ("{{ 1 // 0 }}", "division"),
        ("{{ workload.__class__.__mro__ }}", "unsafe"),
        ("{% for i in range(100000) %}x{% endfor %}", "range"),
        ("{{ 'x' * 10000000 }}", "multiply"),
        ("{% for i in range(999) %}{{ i }} long line{% endfor %}", "longer"),
        ("{% for i in range(999) %}{% for k in range(999) %}xxxxxxxx{% endfor %}{% endfor %}", "characters"),
        ("a\n" * 13, "longer"),
        ("   ", "nothing"),
        ("{% include '/etc/passwd' %}", "passwd"),
        ("{% include '../notifier.py' %}", "notifier"),
    ],
)
def test_a_broken_template_falls_back_to_ours_and_says_so_in_the_last_line(
    tmp_path: Path, template: str, reason: str
) -> None:
    text = visible(head(tmp_path, template))
    assert text.startswith("🔴 checkout (shop, prod): killed for memory")
    last = text.splitlines()[-1]
    assert "your template slack_head failed" in last
    assert len(text) <= 600
    (problem, *_) = lint_templates(tmp_path)
    assert reason in problem


@pytest.mark.parametrize("inner", ["range(900)", "numbers"])
def test_loops_that_print_nothing_still_end(tmp_path: Path, inner: str) -> None:
    loops = f"{{% set numbers = range(900) %}}{{% for a in {inner} %}}" + f"{{% for b in {inner} %}}" * 2
    text = head(tmp_path, loops + "{% endfor %}" * 3)
    assert "your template slack_head failed" in text


def test_lint_knows_our_own_templates_as_fit() -> None:
    assert lint_templates(OURS) == []


def test_lint_names_files_that_are_never_rendered(tmp_path: Path) -> None:
    (tmp_path / "slack_haed.txt.j2").write_text("x", encoding="utf-8")
    (problem,) = lint_templates(tmp_path)
    assert "slack_head.txt.j2" in problem
    assert lint_templates(tmp_path / "absent")


def test_every_layout_has_its_template() -> None:
    assert {path.name for path in OURS.glob("*.j2")} == {layout.template for layout in LAYOUTS}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("case", [oom_after_rollout, pending, lambda: resolved(oom_after_rollout(), confirmed=True)])
def test_a_planted_secret_never_leaves(layout: Layout, case: Callable[[], Incident]) -> None:
    for planted in (SECRET, "x" * 20 + " " + SECRET, f"{SECRET} {'y ' * 60}"):
        incident = hostile(planted, case())
        telling = Telling(NOW, PAGE, (f"notice {planted}",), (planted,))
        text = Renderer(None).render(layout, incident, telling)
        assert SECRET[5:17] not in text
        assert SECRET[-12:] not in text


@pytest.mark.parametrize("layout", [HEAD_LAYOUT, DETAILS_LAYOUT, NOTE_LAYOUT])
def test_the_pages_own_signature_survives_redaction(layout: Layout) -> None:
    assert PAGE in Renderer(None).render(layout, oom_after_rollout(), TELLING)


def test_the_note_has_no_markup() -> None:
    text = Renderer(None).render(NOTE_LAYOUT, oom_after_rollout(), TELLING)
    assert "Since 02:04 UTC" in text
    assert "<" not in text
    assert "*" not in text


def test_a_mutating_step_is_never_told_as_an_instruction() -> None:
    for step in (
        "kubectl -n shop rollout undo deploy/checkout",
        "kubectl delete pod x",
        "helm rollback shop",
        "rm -rf /",
    ):
        text = Renderer(None).render(HEAD_LAYOUT, hostile(step, oom_after_rollout()), TELLING)
        assert f"First: {step}" not in visible(text)
        assert "First: " in text


def test_what_playbooks_say_is_in_the_thread_and_their_figures_in_the_note() -> None:
    text, note = guided(DETAILS_LAYOUT, oom_after_rollout()), guided(NOTE_LAYOUT, oom_after_rollout())
    for line in ("*Measured*", "• restarts in an hour: server 6 (usual 0)", "*Good to know*", "• `kubectl get nodes`"):
        assert line in text.splitlines()
    assert "- restarts in an hour: server 6 (usual 0)" in note.splitlines()
    assert any(line.startswith("Runbook: https://runbooks.example/") for line in note.splitlines())
    assert "delete" not in text + note, "a command that changes something is told by nobody"
    assert "<!channel>" not in text
    assert SECRET not in text + note
    assert len(text) < DETAILS_LAYOUT.characters


def test_what_is_over_needs_no_command() -> None:
    text = guided(DETAILS_LAYOUT, resolved(oom_after_rollout(), confirmed=True))
    assert "*Measured*" in text
    assert "*To check*" not in text


def guided(layout: Layout, incident: Incident) -> str:
    assert incident.assessment
    told = Guidance(
        playbooks=("crash_loop",),
        measured=(
            "restarts in an hour: server 6 (usual 0)",
            f"<!channel> {SECRET}",
            *(f"m{n} " * 200 for n in range(50)),
        ),
        notes=("<!channel> the wait doubles", *("n" * 5000 for _ in range(50))),
        first_checks=(
            "kubectl get nodes",
            "kubectl delete pod x",
            *(f"kubectl get pods {'x' * 300}" for _ in range(50)),
        ),
    )
    whole = replace(incident, assessment=replace(incident.assessment, guidance=told))
    return Renderer(None).render(layout, whole, TELLING)
