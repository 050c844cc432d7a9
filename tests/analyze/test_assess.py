"""Whole cases: the right cause wins, the wrong one does not, and the unknown stays unknown."""

import random
from dataclasses import fields, replace

import pytest

from app.analyze.assess import analyze
from app.domain.change import Change
from app.domain.evidence import PENDING, Evidence, Gap, Item
from app.domain.incident import Assessment, Briefing, Case, Recollection
from app.domain.subject import Subject
from tests.analyze.judging import DETECTORS, judge
from tests.builders import (
    NOW,
    ago,
    alert,
    case,
    container_status,
    deployment,
    deployment_state,
    ended,
    event,
    log_line,
    node,
    node_subject,
    past_incident,
    pod,
    pod_subject,
    replica_set,
    rollout,
    series,
    state,
)

MEBIBYTE = 1024.0**2
HALVED = ("containers[app].resources.limits.memory", "512Mi", "256Mi")
NEW_IMAGE = ("containers[app].image", "shop/checkout:1.4.1", "shop/checkout:1.4.2")
LABEL = ("replicas", "3", "4")


def killed_pods() -> list[Item]:
    looping = {"reason": "CrashLoopBackOff", "message": "back-off"}
    pods = [
        pod(
            f"checkout-6d4f8b9c77-x2x9{number}",
            age_minutes=16,
            statuses=[
                container_status(
                    waiting=looping if number < 2 else None, last=ended(137, "OOMKilled", minutes_ago=1), restarts=2
                )
            ],
        )
        for number in range(3)
    ]
    return [*pods, replica_set(), deployment_state(replicas=3), node()]


def oom_after_rollout(*diffs: tuple[str, str, str]) -> Case:
    return case(
        *killed_pods(),
        rollout(*(diffs or (HALVED, NEW_IMAGE))),
        series("memory_working_set", [200 * MEBIBYTE, 255 * MEBIBYTE, 255 * MEBIBYTE], "bytes"),
        series("memory_working_set_usual", [380 * MEBIBYTE, 410 * MEBIBYTE], "bytes", days_ago=1),
        series("error_ratio", [0.003, 0.084, 0.084, 0.084], "ratio"),
        series("error_ratio_usual", [0.003, 0.003], "ratio", days_ago=1),
        series("request_rate", [100, 101, 99], "per_second"),
        series("request_rate_usual", [100, 98, 100], "per_second", days_ago=1),
        series("restarts", [0, 1, 2, 3, 4, 5, *[6] * 8]),
        gaps=[Gap("loki", "errors of shop/checkout", "no answer in 4 s")],
    )


def first_rollout(subject: Subject) -> Change:
    """Long ago; that it is there shows that the history was answered."""
    return replace(rollout(minutes_ago=9 * 1440, subject=subject, revision=7), summary="first rollout 7: image a:1")


def slow(*more: Item) -> Case:
    payments = deployment("payments")
    about = {"subject": payments}
    healthy = state(pod_subject("payments-1"), pod("payments-1", owner=("Deployment", "payments")).body)
    return case(
        healthy,
        deployment_state("payments"),
        first_rollout(payments),
        node(),
        series("latency_p95", [0.4] * 8 + [2.9] * 6, "seconds", **about),
        series("latency_p95_usual", [0.4] * 6, "seconds", days_ago=1, **about),
        series("error_ratio", [0.003] * 14, "ratio", **about),
        series("error_ratio_usual", [0.003] * 6, "ratio", days_ago=1, **about),
        series("request_rate", [100] * 8 + [82] * 6, "per_second", **about),
        series("request_rate_usual", [100] * 6, "per_second", days_ago=1, **about),
        *more,
        subjects=[payments],
        alerts=[alert("PaymentsSlow")],
    )


class TestMemoryKillAfterARollout:
    def test_the_halved_limit_wins_with_high_confidence(self) -> None:
        first = judge(oom_after_rollout()).hypotheses[0]
        assert (first.cause, first.confidence, first.subject) == ("memory.limit_too_low", "high", deployment())
        assert first.next_step == "kubectl -n shop rollout history deploy/checkout"
        assert first.against == ()

    def test_the_message_can_be_written_from_the_briefing(self) -> None:
        briefing = judge(oom_after_rollout(), Recollection((past_incident(),), 90)).briefing
        assert briefing.symptom == "killed for memory"
        assert briefing.facts == ("8 kills in 12 min", "1 of 3 pods ready")
        assert briefing.still == "still failing"
        assert briefing.impact == "5xx 8.4 % (usual 0.3 %)"
        assert briefing.cause_line == "Likely: rollout 42 halved the memory limit"
        assert briefing.because[0] == "used up to 255Mi when killed; usual peak 410Mi, limit 256Mi"
        assert briefing.against == "none found (nodes ok, traffic usual)"
        assert briefing.change is not None
        assert briefing.change.text == "rollout 42: memory limit 512Mi → 256Mi, image 1.4.1 → 1.4.2"
        assert briefing.change.at == ago(16)
        assert briefing.similar == "Like 3 Oct: rollback fixed it in 21 min (confirmed)"

    def test_without_metrics_the_lowered_limit_is_still_found(self) -> None:
        first = judge(case(*killed_pods(), rollout(HALVED))).hypotheses[0]
        assert (first.cause, first.confidence) == ("memory.limit_too_low", "high")

    def test_what_follows_from_a_sure_cause_is_told_with_it_and_is_no_candidate(self) -> None:
        (only,) = judge(oom_after_rollout()).hypotheses
        assert any(line.startswith("explains: container app crash loops in 2 pods") for line in only.because)
        assert any("killed for memory" in line for line in only.because)

    def test_a_statement_is_one_sentence_that_stands_alone(self) -> None:
        first = judge(oom_after_rollout()).hypotheses[0]
        assert first.statement == "shop/checkout: rollout 42 halved the memory limit, 4 min before it began"

    def test_the_headline_says_it_in_one_sentence(self) -> None:
        headline = judge(oom_after_rollout(), Recollection((past_incident(),), 90)).headline
        assert headline.startswith(
            "checkout: killed for memory (8 kills in 12 min); likely: rollout 42 halved the memory"
        )
        assert headline.endswith("like 2026-10-03 (fixed by rollback)")
        assert len(headline) <= 300


class TestRedHerrings:
    def test_a_rollout_whose_diff_cannot_produce_the_symptom_does_not_win(self) -> None:
        assessment = judge(case(*killed_pods(), rollout(LABEL)))
        assert assessment.hypotheses[0].cause == "memory.oom_killed"
        assert assessment.briefing.change is None
        assert assessment.briefing.no_change == "rollout 42: replicas 3 → 4 (8 min before) does not explain this"

    def test_a_rollout_that_raised_the_limit_is_not_blamed_for_memory_kills(self) -> None:
        raised = ("containers[app].resources.limits.memory", "128Mi", "256Mi")
        assessment = judge(case(*killed_pods(), rollout(raised)))
        assert assessment.hypotheses[0].cause == "memory.oom_killed"
        assert assessment.briefing.change is None

    def test_a_rollout_after_the_onset_is_not_blamed(self) -> None:
        late = rollout(NEW_IMAGE, minutes_ago=3, subject=deployment("payments"))
        assessment = judge(slow(late))
        assert assessment.hypotheses == ()
        assert assessment.briefing.no_change == "No rollout seen in 24 h; rollout 42 came after onset"

    def test_a_rollout_of_something_else_is_not_blamed(self) -> None:
        assert judge(slow(rollout(NEW_IMAGE))).hypotheses == ()

    def test_a_rollout_that_could_have_done_it_is_possible_and_no_more(self) -> None:
        first = judge(slow(rollout(NEW_IMAGE, minutes_ago=12, subject=deployment("payments")))).hypotheses[0]
        assert (first.cause, first.confidence) == ("rollout.regression", "medium")
        assert first.against

    def test_an_image_that_cannot_be_pulled_beats_the_rollout_that_brought_it(self) -> None:
        waiting = container_status(waiting={"reason": "ErrImagePull", "message": "not found"})
        assessment = judge(case(pod(statuses=[waiting]), replica_set(), deployment_state(), rollout(NEW_IMAGE)))
        assert assessment.hypotheses[0].cause == "image.not_found"
        assert assessment.briefing.change is not None

    def test_a_sick_node_explains_the_pods_on_it(self) -> None:
        failing = event("Unhealthy", "Readiness probe failed: connection refused")
        sick = pod(node="node-3", statuses=[container_status(ready=False)])
        assessment = judge(case(sick, replica_set(), deployment_state(), failing, node("node-3", "Unknown")))
        assert assessment.hypotheses[0].cause == "node.unreachable"
        assert assessment.hypotheses[0].confidence == "high"
        assert assessment.briefing.symptom == "node went away"

    def test_a_sick_node_elsewhere_explains_nothing_here(self) -> None:
        assessment = judge(case(*killed_pods(), node("node-9", "Unknown")))
        assert assessment.hypotheses[0].cause == "memory.oom_killed"


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
