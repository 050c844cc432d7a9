"""Whole cases: the right cause wins, the wrong one does not, and the unknown stays unknown."""

from app.domain.incident import Recollection
from tests.analyze.cases import HALVED, NEW_IMAGE, killed_pods, oom_after_rollout, slow
from tests.analyze.judging import judge
from tests.builders import (
    ago,
    case,
    container_status,
    deployment,
    deployment_state,
    event,
    node,
    past_incident,
    pod,
    replica_set,
    rollout,
)

LABEL = ("replicas", "3", "4")


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
