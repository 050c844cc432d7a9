"""What is not known is said to be unknown, and the same evidence gives the same answer."""

import random
from dataclasses import fields, replace

import pytest

from app.analyze.assess import analyze
from app.domain.change import Change
from app.domain.evidence import PENDING, Evidence, Gap
from app.domain.incident import Assessment, Briefing, Recollection
from tests.analyze.cases import killed_pods, oom_after_rollout, slow
from tests.analyze.judging import DETECTORS, judge
from tests.builders import (
    NOW,
    ago,
    alert,
    case,
    deployment,
    log_line,
    node,
    node_subject,
    series,
)


class TestUnknown:
    def test_without_a_cause_it_abstains_and_says_what_was_ruled_out(self) -> None:
        assessment = judge(slow())
        briefing = assessment.briefing
        assert assessment.hypotheses == ()
        assert briefing.symptom == "slow, cause unknown"
        assert briefing.facts[0] == "p95 2.9 s (usual 0.4 s)"
        assert briefing.still == "steady"
        assert briefing.impact == "errors usual · traffic −18 %"  # noqa: RUF001 - a minus sign as people print it
        assert briefing.cause_line == "I don't know why."
        assert briefing.no_change == "No rollout seen in 24 h"
        assert briefing.ruled_out == ("nodes ok, pods ready",)
        assert briefing.similar == "Nothing similar in 90 days"

    def test_a_new_error_without_proof_is_odd_and_no_more(self) -> None:
        line = log_line("pool exhausted: cannot take a connection", subject=deployment("payments"))
        assert judge(slow(line)).briefing.odd.startswith("4 lines in the log, usually 0: pool exhausted")

    def test_that_no_rollout_was_seen_is_only_said_where_that_was_answered(self) -> None:
        answered = slow()
        gap = Gap("kubernetes", "rollout history of shop/payments", "403")
        blind = replace(answered, evidence=answered.evidence + Evidence(gaps=(gap,)))
        assert judge(blind).briefing.no_change == "changes: could not be looked at"
        assert "rollout" not in " ".join(judge(blind).briefing.ruled_out)

    @pytest.mark.parametrize("question", ["rollouts of shop/payments", "state of shop/payments and 9 more questions"])
    def test_that_no_rollout_was_seen_is_never_said_while_the_question_is_open(self, question: str) -> None:
        answered = slow()
        known = tuple(item for item in answered.evidence.items if not isinstance(item, Change))
        waiting = Evidence(known, (Gap("kubernetes", question, PENDING),))
        briefing = judge(replace(answered, evidence=waiting)).briefing
        assert briefing.no_change == "changes: no answer yet"
        assert briefing.cause_line == "I don't know why yet."
        assert briefing.symptom == "slow, cause not known yet"

    def test_without_any_history_nothing_is_claimed_about_it(self) -> None:
        answered = slow()
        known = tuple(item for item in answered.evidence.items if not isinstance(item, Change))
        briefing = judge(replace(answered, evidence=Evidence(known))).briefing
        assert briefing.no_change == "changes: no rollout history seen"

    def test_with_everything_unreachable_the_alert_alone_is_told(self) -> None:
        gaps = [Gap(source, "everything", "refused") for source in ("kubernetes", "prometheus", "loki")]
        assessment = judge(case(gaps=gaps))
        briefing = assessment.briefing
        assert briefing.symptom == "crash looping, cause unknown"
        assert briefing.still == "state now unknown"
        assert briefing.impact == "user impact not seen"
        assert briefing.cause_line == "I don't know why: nothing could be looked at."
        assert briefing.no_change == "changes: could not be looked at"
        assert briefing.facts == ("1 alert firing for 8 min (usual unknown)",)
        assert briefing.first_step == "kubectl -n shop describe deploy/checkout"
        assert assessment.onset_at == ago(8)

    def test_of_a_node_it_is_not_said_that_nothing_was_changed(self) -> None:
        briefing = judge(case(node("node-3", "Unknown"), subjects=[node_subject()])).briefing
        assert briefing.no_change == "changes: not looked at for a node"

    def test_how_many_pods_are_usual_is_told_where_it_was_measured(self) -> None:
        usual = series("replicas_available_usual", [3.0] * 5, days_ago=1)
        measured = judge(case(*killed_pods(), series("replicas_available", [1.0] * 5), usual))
        assert "1 of 3 pods ready (usual 3)" in measured.briefing.facts

    def test_not_even_a_subject_is_needed(self) -> None:
        assessment = judge(case(subjects=[], alerts=[alert("SomethingOdd")]))
        assert assessment.headline.startswith("SomethingOdd: something odd, cause unknown")

    def test_recovered_is_only_said_where_the_expression_answers_and_no_longer_holds(self) -> None:
        value = series("alert_value", [0.1] * 10)
        assert judge(case(value)).briefing.still == "recovered"
        assert judge(case(value, series("alert_condition", [9.0] * 10))).briefing.still == "steady"
        assert judge(case()).briefing.still == "state now unknown"


class TestPurity:
    def test_the_same_case_gives_the_same_assessment_in_any_order(self) -> None:
        whole = oom_after_rollout()
        expected = judge(whole)
        for seed in range(5):
            items = list(whole.evidence.items)
            random.Random(seed).shuffle(items)  # noqa: S311 - an order, not a secret
            detectors = list(DETECTORS)
            random.Random(seed).shuffle(detectors)  # noqa: S311 - the same
            shuffled = replace(whole, evidence=replace(whole.evidence, items=tuple(items)))
            assert analyze(shuffled, Recollection(days_searched=90), NOW, detectors) == expected

    def test_a_broken_detector_costs_only_itself(self) -> None:
        class Broken:
            name = "broken"

            def detect(self, world: object) -> list[object]:
                raise KeyError(world)

        assessment = analyze(oom_after_rollout(), Recollection(), NOW, [*DETECTORS, Broken()])
        assert assessment.hypotheses[0].cause == "memory.limit_too_low"
        failed = [one for one in assessment.findings if one.kind == "sitrep.detector_failed"]
        assert [one.statement for one in failed] == ["detector broken failed (KeyError): its judgement is missing"]

    def test_what_is_cited_stands_in_the_evidence(self) -> None:
        for judged in (oom_after_rollout(), slow()):
            known = {item.id for item in judged.evidence.items}
            assessment = judge(judged)
            cited = [*assessment.findings, *assessment.hypotheses]
            assert {identity for one in cited for identity in one.evidence} <= known

    def test_no_line_is_wider_than_ninety_characters(self) -> None:
        for assessment in (judge(oom_after_rollout()), judge(slow()), judge(case(subjects=[node_subject()]))):
            for line in lines_of(assessment):
                assert len(line) <= 90, line


def lines_of(assessment: Assessment) -> list[str]:
    lines: list[str] = []
    for field in fields(Briefing):
        value = getattr(assessment.briefing, field.name)
        lines.extend([value] if isinstance(value, str) else value if isinstance(value, tuple) else [])
    return lines
