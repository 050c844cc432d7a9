"""Hostile text shows itself and does nothing else."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.evidence import Gap
from app.domain.incident import Incident
from app.domain.subject import Subject
from app.notify.markup import Safe, code, link, mrkdwn, visible
from app.notify.rendering import DETAILS_LAYOUT, HEAD_LAYOUT, NEWS_LAYOUT, TEXT_LAYOUT, Layout, Renderer, Telling
from tests.fakes.slack_blocks import block_errors, blocks_size
from tests.scenarios.incidents import NOW, oom_after_rollout, pending

HOSTILE = "<!channel> *x* _y_ ~z~ ``` `k` <@U123> <https://evil.example|grafana> & :fire: \u202e\ue000\n> quoted"
PAGE = "https://sitrep.example/i/1?signature=abc"
OURS = re.compile(
    r"<!date\^\d+\^(?:\{time\}|\{date_short_pretty\} \{time\})\|[^<>|]*>|<https://sitrep\.example/i/1\?signature=abc\|[^<>|]*>"
)
RUNBOOK = re.compile(r"<https://runbooks\.example/\w+\|runbook on runbooks\.example>")


def hostile(text: str, base: Incident) -> Incident:
    """The text in every place that the outside can write to."""
    subject = Subject(text, text, "Deployment", text)
    alerts = tuple(replace(alert, labels={**alert.labels, "namespace": text}) for alert in base.alerts)
    changed = replace(base, subjects=(subject,), alerts=alerts, alertname=text, cluster=text, headline=text)
    changed = replace(changed, gaps=(Gap(text, text, text), Gap("loki", text, text)))
    assessment = base.assessment
    if assessment is None:
        return changed
    briefing = replace(
        assessment.briefing,
        symptom=text, facts=(text, text, text), still=text, impact=text, cause_line=text, because=(text, text),
        against=text, first_step=text, similar=text, ruled_out=(text,), odd=text,
        change=replace(assessment.briefing.change, text=text) if assessment.briefing.change else None,
    )  # fmt: skip
    hypotheses = tuple(replace(h, statement=text, because=(text,), against=(text,)) for h in assessment.hypotheses)
    findings = tuple(replace(finding, statement=text) for finding in assessment.findings)
    changes = tuple(replace(change, summary=text) for change in assessment.changes)
    judged = replace(assessment, briefing=briefing, hypotheses=hypotheses, findings=findings, changes=changes)
    return replace(changed, assessment=replace(judged, subjects=(subject,)))


@pytest.mark.parametrize("layout", [HEAD_LAYOUT, DETAILS_LAYOUT, NEWS_LAYOUT, TEXT_LAYOUT])
@pytest.mark.parametrize("base", [oom_after_rollout, pending])
def test_hostile_labels_never_become_markup(layout: Layout, base: Callable[[], Incident]) -> None:
    text = Renderer(None).render(layout, hostile(HOSTILE, base()), Telling(NOW, PAGE, (), (HOSTILE,)))
    rest = RUNBOOK.sub("", OURS.sub("", text))
    assert "<" not in rest
    assert ">" not in rest
    assert "`" not in rest
    assert "~" not in rest
    assert not re.search(r"(?<!\w)_|_(?!\w)", rest)
    assert rest.count("*") == text.count("*") == len(re.findall(r"^\*[^*]+\*", text, re.MULTILINE)) * 2
    assert not re.search(r":[a-z]+:", rest)
    assert "\u202e" not in text


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a & b < c > d", "a &amp; b &lt; c &gt; d"),
        ("&lt;", "&amp;lt;"),
        ("my_app_v2", "my_app_v2"),
        ("_lone_", "ˍloneˍ"),
        ("two\nlines\x00", "two lines"),
        ("02:04:05", "02:04:05"),
        ("512Mi → 256Mi", "512Mi → 256Mi"),
    ],
)
def test_outside_text_is_escaped_in_the_right_order(raw: str, shown: str) -> None:
    assert mrkdwn(raw) == shown


def test_a_code_span_is_at_most_42_wide_and_holds_no_backtick() -> None:
    assert code("kubectl get pods") == "`kubectl get pods`"
    assert code("a`b") == "`a'b`"
    assert "`" not in code("x" * 43)


def test_a_link_cannot_be_broken_out_of() -> None:
    assert link("https://a.example/?q=<x>|y z&b", "l|<b>") == "<https://a.example/?q=%3Cx%3E%7Cy%20z&amp;b|l|&lt;b&gt;>"
    assert link("javascript:alert(1)", "x") == "x"
    assert isinstance(link("https://a.example", "x"), Safe)


def test_visible_is_what_a_reader_sees() -> None:
    assert visible("a <https://x.example|b> <!date^1^{time}|02:04 UTC> &lt;&amp;&gt;") == "a b 02:04 UTC <&>"


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=400), st.integers(0, 5))
def test_whatever_comes_the_head_fits_and_slack_takes_its_blocks(text: str, notices: int) -> None:
    from app.notify.notifiers.slack.blocks import sections  # noqa: PLC0415 - beside its only use

    renderer, telling = Renderer(None), Telling(NOW, PAGE, (text,) * notices, (text,) * 30)
    for base in (oom_after_rollout(), pending()):
        incident = hostile(text, base)
        head = renderer.render(HEAD_LAYOUT, incident, telling)
        assert len(visible(head)) <= 600
        assert len(visible(head).splitlines()) <= 12
        assert len(visible(renderer.render(TEXT_LAYOUT, incident, telling))) <= 110
        for layout in (HEAD_LAYOUT, DETAILS_LAYOUT, NEWS_LAYOUT):
            blocks = sections(renderer.render(layout, incident, telling))
            assert block_errors(blocks) == []
            assert blocks_size(blocks) <= 12_000
