import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote_plus

import pytest

from app import promql
from app.domain.alert import Alert, AlertStatus
from app.domain.query import LogQuery, PromQuery
from app.domain.subject import Subject
from app.playbooks.loader import load_playbooks
from app.playbooks.pod_names import pod_pattern
from app.playbooks.questions import MAX_QUESTIONS, Questions

NOW = datetime(2026, 3, 9, 2, 12, tzinfo=UTC)
HOSTILE = 'x"} or vector(1) #'
WORKLOAD = Subject("prod", "shop", "Deployment", "checkout")
QUESTIONS = Questions(load_playbooks())
AGREED = {
    "memory_working_set": "bytes",
    "memory_limit": "bytes",
    "cpu_usage": "cores",
    "cpu_limit": "cores",
    "cpu_throttled_ratio": "ratio",
    "restarts": "count",
    "replicas_available": "count",
    "replicas_wanted": "count",
    "error_ratio": "ratio",
    "request_rate": "per_second",
    "latency_p95": "seconds",
    "alerts_firing_nearby": "count",
}


def alert(expr: str = "", *, minutes: float = 5, status: AlertStatus = AlertStatus.FIRING, **labels: str) -> Alert:
    url = f"http://prometheus.example/graph?g0.expr={quote_plus(expr)}&g0.tab=1" if expr else ""
    all_labels = {"alertname": "High", "namespace": "shop", **labels}
    return Alert("f1", status, all_labels, {}, NOW - timedelta(minutes=minutes), None, url)


def asked(*alerts: Alert, subject: Subject = WORKLOAD, pods: tuple[str, ...] = ()) -> dict[str, PromQuery]:
    return {q.name: q for q in QUESTIONS(alerts, subject, NOW, pods) if isinstance(q, PromQuery)}


def test_the_agreed_names_are_asked_with_their_units() -> None:
    queries = asked(alert())
    assert {name: queries[name].unit for name in AGREED} == AGREED
    assert all(promql.parses(query.expr) for query in queries.values())
    assert all(
        query.question.startswith(("the expression", query.question.split(" of ")[0])) for query in queries.values()
    )


def test_the_last_hour_is_asked_and_the_same_hour_a_day_ago() -> None:
    queries = asked(alert())
    now, usual = queries["error_ratio"], queries["error_ratio_usual"]
    assert (now.start, now.end) == (NOW - timedelta(hours=1), NOW)
    assert (usual.start, usual.end) == (now.start - timedelta(days=1), now.end - timedelta(days=1))
    assert usual.expr == now.expr
    assert "offset" not in usual.expr


@pytest.mark.parametrize(("minutes", "hours"), [(-30, 1), (90, 2), (60 * 24 * 365 * 20, 6)])
def test_an_older_alert_widens_the_window_within_bounds(minutes: float, hours: float) -> None:
    query = asked(alert(minutes=minutes))["restarts"]
    assert query.end - query.start == timedelta(hours=hours)


def test_a_start_in_the_year_one_breaks_nothing() -> None:
    ancient = Alert("f", AlertStatus.FIRING, {}, {}, datetime(1, 1, 1, tzinfo=UTC), None)
    assert QUESTIONS([ancient], WORKLOAD, NOW)
    assert QUESTIONS([], WORKLOAD, NOW)


def test_the_alerts_own_expression_is_asked_with_and_without_its_threshold() -> None:
    queries = asked(alert("sum by (pod) (m) > 0.9", pod="a"), alert("sum by (pod) (m) > 0.9", pod="b"))
    assert queries["alert_condition"].expr == "sum by (pod) (m) > 0.9"
    assert queries["alert_value"].expr == "sum by (pod) (m)"
    assert queries["alert_value_usual"].end == NOW - timedelta(days=1)
    assert [dict(labels)["pod"] for labels in queries["alert_value"].alert_labels] == ["a", "b"]


def test_an_expression_without_a_simple_threshold_is_asked_as_it_is() -> None:
    queries = asked(alert('absent(up{job="x"})'))
    assert "alert_condition" in queries
    assert "alert_value" not in queries


def test_resolved_alerts_do_not_ask_while_others_fire() -> None:
    queries = QUESTIONS([alert("a > 1", status=AlertStatus.RESOLVED), alert("b > 1")], WORKLOAD, NOW)
    assert [q.expr for q in queries if isinstance(q, PromQuery) and q.name == "alert_condition"] == ["b > 1"]


def test_at_most_three_expressions_are_asked() -> None:
    queries = QUESTIONS([alert(f"m{n} > 1") for n in range(9)], WORKLOAD, NOW)
    assert len([q for q in queries if isinstance(q, PromQuery) and q.name == "alert_condition"]) == 3


@pytest.mark.parametrize("kind", sorted({kind for book in load_playbooks().every for kind in book.kinds}))
def test_hostile_names_and_labels_never_change_a_query(kind: str) -> None:
    harmless = asked(alert(), subject=Subject("c", "n", kind, "x"), pods=("p",))
    hostile = asked(alert(note=HOSTILE), subject=Subject(HOSTILE, HOSTILE, kind, HOSTILE), pods=(HOSTILE,))
    assert harmless.keys() == hostile.keys()
    for name, query in hostile.items():
        assert promql.skeleton(query.expr) == promql.skeleton(harmless[name].expr) is not None
        assert HOSTILE not in query.expr


def test_a_question_that_needs_an_absent_label_is_not_asked(tmp_path: Path) -> None:
    (tmp_path / "team.yaml").write_text(
        "alerts: [High]\nqueries:\n  - {name: q, question: w, expr: 'up{a=\"{{ labels.tier }}\"}'}\n"
    )
    questions = Questions(load_playbooks(tmp_path))
    with_label = questions([alert(tier="gold")], WORKLOAD, NOW)
    assert 'up{a="gold"}' in [q.expr for q in with_label if isinstance(q, PromQuery)]
    without = [q.name for q in questions([alert()], WORKLOAD, NOW) if isinstance(q, PromQuery)]
    assert "q" not in without
    assert "restarts" in without


def test_a_teams_hundred_files_for_one_alert_ask_no_more_than_some_questions(tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / f"f{number}.yaml").write_text(
            f"alerts: [High]\nqueries:\n  - {{name: q{number}, question: w, expr: up, usual: true}}\n"
        )
    found = Questions(load_playbooks(tmp_path))([alert()], WORKLOAD, NOW)
    names = {q.name.removesuffix("_usual") for q in found if isinstance(q, PromQuery)}
    assert len(names) == MAX_QUESTIONS


def test_logs_are_asked_around_the_onset_and_for_short_samples_an_hour_and_a_day_before() -> None:
    logs = [q for q in QUESTIONS([alert(minutes=20)], WORKLOAD, NOW, ("p",)) if isinstance(q, LogQuery)]
    assert len(logs) == 1
    assert logs[0].start == NOW - timedelta(minutes=30)
    assert logs[0].end == NOW
    assert [logs[0].start - start for start, _ in logs[0].usual] == [timedelta(hours=1), timedelta(days=1)]
    assert {end - start for start, end in logs[0].usual} == {timedelta(minutes=5)}
    assert logs[0].pods == ("p",)


def test_of_a_node_its_system_services_are_asked_and_of_what_writes_no_log_nothing() -> None:
    about_node = [q for q in QUESTIONS([alert()], Subject("c", "", "Node", "n"), NOW) if isinstance(q, LogQuery)]
    assert [q.question for q in about_node] == ["errors of the system services of n"]
    for kind in ("PersistentVolume", "APIService", "Cluster"):
        assert not [q for q in QUESTIONS([alert()], Subject("c", "", kind, "n"), NOW) if isinstance(q, LogQuery)]


@pytest.mark.parametrize(
    ("kind", "pod", "belongs"),
    [
        ("Deployment", "checkout-7d9f8b6c5-x2x7k", True),
        ("Deployment", "checkout-worker-7d9f8b6c5-x2x7k", False),
        ("Deployment", "checkout-worker-x2x7k", False),
        ("StatefulSet", "checkout-12", True),
        ("StatefulSet", "checkout-x2x7k", False),
        ("DaemonSet", "checkout-x2x7k", True),
        ("CronJob", "checkout-29012345-x2x7k", True),
        ("Job", "checkout-0-x2x7k", True),
        ("Pod", "checkout", True),
        ("Pod", "checkout-1", False),
        ("Namespace", "anything", True),
    ],
)
def test_a_workloads_pods_are_known_by_their_names(kind: str, pod: str, belongs: bool) -> None:  # noqa: FBT001 - a table
    pattern = pod_pattern(Subject("c", "shop", kind, "checkout"))
    assert bool(re.fullmatch(pattern, pod)) is belongs


def test_fifty_pods_of_a_deployment_make_no_longer_pattern() -> None:
    pods = tuple(f"checkout-7d9f8b6c5-x2x7{letter}" for letter in "bcdfghjkl")
    assert pod_pattern(WORKLOAD, pods) == pod_pattern(WORKLOAD)
    assert pod_pattern(WORKLOAD, ("odd.one",)).startswith("odd\\.one|")


def test_the_pods_of_a_service_are_named_after_others() -> None:
    pattern = pod_pattern(Subject("c", "shop", "Service", "web"), ("frontend-7d9f8b6c5-x2x7k", "db-0", "api-x2x7k"))
    for pod in ("frontend-5b4c-zzzzz", "db-3", "api-bbbbb"):
        assert re.fullmatch(pattern, pod)
    assert not re.fullmatch(pattern, "web-x2x7k")


def test_a_long_name_is_cut_by_kubernetes_and_still_found() -> None:
    name = "a-really-long-deployment-name-that-goes-on-and-on-for-ever"
    assert re.fullmatch(pod_pattern(Subject("c", "n", "Deployment", name)), f"{name[:47]}fx2x7k")


def test_real_fired_alerts_have_an_expression(shared: Path) -> None:
    text = (shared / "alerts" / "fired_examples.json").read_text()
    urls = re.findall(r'"generatorURL": "([^"]+)"', text)
    found = [promql.alert_expression(json.loads(f'"{url}"')) for url in urls]
    assert not [expr for expr in found if expr and not promql.parses(expr)]
