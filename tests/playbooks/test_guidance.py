"""What a reader is told from playbooks: about the right alert, bounded, and behind the alert's own runbook."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.analyze.guided import guided
from app.analyze.measured import measured
from app.domain.alert import Alert, AlertStatus
from app.domain.evidence import Evidence, Series
from app.domain.incident import Recollection
from app.domain.playbook import Direction, Guidance, PlaybookQuery
from app.domain.query import PromQuery
from app.domain.subject import Subject
from app.playbooks.concerning import is_about, one_of_each_name
from app.playbooks.guidance import MAX_CHECKS, MAX_NOTES, Guide
from app.playbooks.loader import load_playbooks
from app.playbooks.questions import Questions
from app.store.codec import Summary, summary_from_json, summary_to_json
from tests.scenarios.incidents import cause_unknown, oom_after_rollout

NOW = datetime(2026, 3, 9, 2, 12, tzinfo=UTC)
NODES = tuple(Subject("prod", "", "Node", f"10.0.3.{number}") for number in (16, 17))


def alert(name: str, **labels: str) -> Alert:
    return Alert(f"f-{name}-{labels}", AlertStatus.FIRING, {"alertname": name, **labels}, {}, NOW, None)


def disk(number: int) -> Alert:
    return alert("NodeFilesystemAlmostOutOfSpace", instance=f"10.0.3.{number}:9100", mountpoint=f"/disk{number}")


def test_each_subject_is_asked_about_with_the_labels_of_its_own_alert() -> None:
    questions = Questions(load_playbooks())
    for node, number in zip(NODES, (16, 17), strict=True):
        asked = [q for q in questions([disk(16), disk(17)], node, NOW) if isinstance(q, PromQuery)]
        [expr] = [query.expr for query in asked if query.name == "filesystem_free_ratio"]
        assert f'instance="10.0.3.{number}:9100", mountpoint="/disk{number}"' in expr


@pytest.mark.parametrize(("name", "described"), [("worker-2", 1), ("10.0.3.17", 0), ("fd00::17", 0)])
def test_no_command_takes_an_address_for_the_name_of_a_node(name: str, described: int) -> None:
    full = alert("NodeMemoryHighUtilization", instance=f"{name}:9100")
    told, _ = Guide(load_playbooks())([full], [Subject("prod", "", "Node", name)])
    assert told.first_checks[0] == "kubectl get nodes -o wide"
    assert len([command for command in told.first_checks if name in command]) == described


def test_alerts_of_several_names_in_one_incident_are_all_asked_and_told() -> None:
    subject = Subject("prod", "shop", "Deployment", "checkout")
    pod = {"namespace": "shop", "pod": "checkout-7d9f8b6c5-x2x7k", "container": "server"}
    mismatch = alert("KubeDeploymentReplicasMismatch", namespace="shop", deployment="checkout")
    alerts = [alert("KubePodCrashLooping", **pod), mismatch]
    names = {q.name for q in Questions(load_playbooks())(alerts, subject, NOW) if isinstance(q, PromQuery)}
    assert {"last_exit_code", "replicas_updated_ratio", "memory_working_set"} <= names
    told, asked = Guide(load_playbooks())(alerts, [subject])
    assert told.playbooks == ("crash_loop", "deployment")
    assert {"last_exit_code", "replicas_updated_ratio"} <= {query.name for _, query in asked}
    assert len(told.first_checks) == MAX_CHECKS
    assert len(told.notes) <= MAX_NOTES
    assert told.runbooks[0].endswith("/kubernetes/kubepodcrashlooping")


def test_an_autoscaler_that_is_named_like_its_deployment_is_told_apart() -> None:
    subjects = tuple(Subject("prod", "shop", kind, "checkout") for kind in ("Deployment", "HorizontalPodAutoscaler"))
    pod = alert("KubePodNotReady", namespace="shop", pod="checkout-7d9f8b6c5-x2x7k")
    scaler = alert("KubeHpaMaxedOut", namespace="shop", horizontalpodautoscaler="checkout")
    told, asked = Guide(load_playbooks())([pod, scaler], subjects)
    assert told.playbooks == ("pod_not_ready", "autoscaler_limit")
    assert {subject.kind for subject, query in asked if query.name == "hpa_metric_now"} == {"HorizontalPodAutoscaler"}
    names = {q.name for q in Questions(load_playbooks())([scaler], subjects[0], NOW) if isinstance(q, PromQuery)}
    assert "alerts_firing_cluster" not in names, "what is known is not asked about as if nobody knew it"


@pytest.mark.parametrize(
    ("labels", "is_it"),
    [
        ({"pod": "web-5d8f7c6b9-x2x7k", "namespace": "shop"}, True),
        ({"deployment": "web", "namespace": "shop"}, True),
        ({"deployment": "web", "namespace": "other"}, False),
        ({"deployment": "webhook", "namespace": "shop"}, False),
        ({"instance": "http://web.shop.svc:8080/health"}, True),
        ({"job": "shop/web"}, True),
        ({"pod": "api-web-0", "namespace": "shop"}, False),
    ],
)
def test_whom_an_alert_is_about_is_seen_from_its_labels(labels: dict[str, str], is_it: bool) -> None:  # noqa: FBT001 - a table
    assert is_about(alert("Slow", **labels), Subject("prod", "shop", "Deployment", "web")) is is_it


def test_ten_thousand_alerts_of_a_group_are_looked_through_in_no_time() -> None:
    labels = {f"label{n}": "x" * 100 for n in range(20)}
    many = [alert(f"Name{n}", **labels) for n in range(10_000)]
    began = datetime.now(UTC)
    assert len(one_of_each_name(many, Subject("c", "shop", "Deployment", "(a+)+$"))) == 3
    assert datetime.now(UTC) - began < timedelta(seconds=0.5)


def test_the_alerts_own_runbook_goes_before_ours() -> None:
    incident = oom_after_rollout()
    assert incident.assessment
    ours = Guidance(runbooks=("https://runbooks.ours.example/x", incident.runbooks[0]))
    own = incident.alerts[0].annotations["runbook_url"]
    with_ours = replace(incident, assessment=replace(incident.assessment, guidance=ours))
    assert with_ours.runbooks == (own, "https://runbooks.ours.example/x")


def test_a_judgement_of_an_older_version_has_no_guidance_and_is_read() -> None:
    incident = oom_after_rollout()
    assert incident.assessment
    stored = summary_to_json(Summary(incident.assessment, Recollection()))
    del stored["assessment"]["guidance"]
    assert summary_from_json(stored).assessment == incident.assessment


def test_a_named_playbooks_first_check_is_the_first_step_only_where_no_cause_is_known() -> None:
    told = Guidance(
        playbooks=("team",), first_checks=("kubectl -n shop get pods -o wide " + "x" * 40, "kubectl get nodes")
    )
    for incident, step in ((oom_after_rollout(), None), (cause_unknown(), "kubectl get nodes")):
        assert incident.assessment
        after = guided(incident.assessment, (told, ()), Evidence(), NOW)
        assert after.briefing.first_step == (step or incident.assessment.briefing.first_step)
        assert after.guidance == told
        of_nobody = guided(incident.assessment, (replace(told, playbooks=()), ()), Evidence(), NOW)
        assert of_nobody.briefing == incident.assessment.briefing


def series(name: str, value: float, *, ago: float = 0, **labels: str) -> Series:
    at = NOW.timestamp() - ago
    points = ((at - 60, value), (at - 30, None), (at, value))
    return Series(f"e-{name}-{value}-{labels}", NODES[0], name, "x", "", labels, points)


def lines(direction: Direction, *found: Series, unit: str = "count") -> tuple[str, ...]:
    query = PlaybookQuery("queue", "waiting", "x", unit, usual=True, direction=direction)
    return measured(Evidence.seen(found), [(NODES[0], query)], NOW)


def test_the_worst_series_speaks_and_what_is_far_from_usual_says_so() -> None:
    shards = (series("queue", 3, shard="a"), series("queue", 90, shard="b"), series("queue_usual", 20, shard="b"))
    assert lines("up", *shards) == ("waiting: b 90 (usual 20), far from usual",)
    assert lines("down", *shards) == ("waiting: a 3",)
    assert lines("down", series("queue", 3), series("queue_usual", 20)) == ("waiting: 3 (usual 20), far from usual",)
    assert lines("down", series("queue", 90), series("queue_usual", 20)) == ("waiting: 90 (usual 20)",)
    assert lines("both", series("queue", 90), series("queue_usual", 20)) == ("waiting: 90 (usual 20), far from usual",)
    assert lines("", *shards) == ("waiting: b 90 (usual 20); a 3",)


def test_nothing_of_what_would_be_bad_is_not_worth_a_line_and_what_is_stale_is_not_now() -> None:
    assert lines("up", series("queue", 0)) == ()
    assert lines("up", series("queue", 0), series("queue_usual", 4)) == ("waiting: 0 (usual 4)",)
    assert lines("down", series("queue", 0)) == ("waiting: 0",)
    assert lines("up", series("queue", 9, ago=3600)) == ()
    assert lines("up", series("queue", float("nan"))) == ()


def test_units_are_told_as_people_read_them() -> None:
    assert lines("down", series("queue", 259_200), unit="seconds") == ("waiting: 3 d",)
    assert lines("down", series("queue", 0), unit="yes_no") == ("waiting: no",)
    assert lines("up", series("queue", 0.97), unit="ratio") == ("waiting: 97 %",)


def test_hostile_labels_make_neither_long_lines_nor_many() -> None:
    found = [series("queue", float(n), pod="x" * 5_000, other="y" * 5_000) for n in range(1, 500)]
    [line] = lines("up", *found)
    assert len(line) <= 300


def test_a_playbook_of_a_team_is_told_like_ours(tmp_path: Path) -> None:
    (tmp_path / "team.yaml").write_text(
        "alerts: [PaymentsSlow]\nnotes: [Ask the bank first.]\n"
        "first_checks:\n"
        "  - kubectl -n {{ namespace }} get pods -l tier={{ labels.tier }}\n"
        "  - kubectl -n {{ namespace }} get pods\n"
        "runbook: https://wiki.example/{{ alertname }}?ns={{ namespace }}\n"
    )
    subject = Subject("prod", "pay ments", "Deployment", "payments")
    told, _ = Guide(load_playbooks(tmp_path))([alert("PaymentsSlow", namespace="pay ments")], [subject])
    assert told.playbooks == ("team",)
    assert told.notes == ("Ask the bank first.",)
    assert told.first_checks[0] == "kubectl -n 'pay ments' get pods"
    assert told.runbooks == ("https://wiki.example/PaymentsSlow?ns=pay%20ments",)
