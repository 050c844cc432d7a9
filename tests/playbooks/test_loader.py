from pathlib import Path

import pytest

from app.domain.subject import Subject
from app.playbooks.loader import CATALOG, lint, load_playbooks
from app.playbooks.rendering import Context, render_commands

WORKLOAD = Subject("prod", "shop", "Deployment", "checkout")
GOOD = """\
name: team
alerts: [Checkout*]
queries:
  - name: orders
    question: orders
    expr: sum(rate(orders_total{namespace="{{ namespace }}", tier="{{ labels.tier }}"}[5m]))
    unit: per_second
    usual: true
notes: [Orders fall on Sundays.]
first_checks:
  - kubectl -n {{ namespace }} rollout history deploy/{{ name }}
runbook: https://runbooks.example/checkout
"""


def test_our_catalogue_has_no_fault() -> None:
    assert lint(CATALOG) == []
    assert load_playbooks().problems == ()
    assert {book.name for book in load_playbooks().every} >= {
        "workload",
        "node",
        "namespace",
        "generic",
        "volume",
        "job",
    }


def test_a_team_adds_to_the_catalogue_and_comes_first(tmp_path: Path) -> None:
    (tmp_path / "team.yaml").write_text(GOOD)
    book = load_playbooks(tmp_path).for_alert("CheckoutSlow", WORKLOAD)
    assert book.name == "team"
    assert book.queries[0].name == "orders"
    assert "memory_working_set" in {query.name for query in book.queries}
    assert book.runbook == "https://runbooks.example/checkout"
    assert book.first_checks[0].startswith("kubectl -n {{ namespace }} rollout history")
    assert load_playbooks(tmp_path).for_alert("Other", WORKLOAD).name == "unknown"


def test_a_team_overrides_by_name(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: workload\nkinds: [Deployment]\nnotes: [theirs]\n")
    (tmp_path / "other.yaml").write_text("name: unknown\nalerts: ['*']\n")
    book = load_playbooks(tmp_path).for_alert("Any", WORKLOAD)
    assert book.notes == ("theirs",)
    assert {query.name for query in book.queries} == {"alerts_firing_nearby"}


def test_queries_of_other_kinds_are_left_out() -> None:
    books = load_playbooks()
    for kind, metric in (("Deployment", "kube_deployment"), ("StatefulSet", "kube_statefulset")):
        book = books.for_alert("Any", Subject("prod", "shop", kind, "checkout"))
        wanted = [query.expr for query in book.queries if query.name == "replicas_wanted"]
        assert len(wanted) == 1
        assert metric in wanted[0]
    node = books.for_alert("Any", Subject("prod", "", "Node", "node-3"))
    assert "memory_working_set" not in {query.name for query in node.queries}


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("name: a\nqueries: [\n", 3, "expected"),
        ("- a\n- b\n", 1, "must be a map"),
        ("", 1, "must be a map"),
        ("name: a\nnotes: [x]\ncolour: red\n", 3, "colour: Extra inputs"),
        ("name: a\nqueries:\n  - name: q\n    question: w\n    expr: up\n    unit: miles\n", 6, "queries.0.unit"),
        ("name: a\nqueries:\n  - name: q\n    question: w\n", 3, "queries.0.expr: Field required"),
        ("name: a\nqueries:\n  - name: q\n    question: w\n    expr: sum(\n", 5, "not PromQL once rendered"),
        (
            "name: a\nqueries:\n  - name: q\n    question: w\n    expr: up{a={{ name }}}\n",
            5,
            "not PromQL once rendered",
        ),
        ("name: a\nqueries:\n  - name: q\n    question: w\n    expr: '{{ name }} > 1'\n", 5, "outside double quotes"),
        ("name: a\nqueries:\n  - name: q\n    question: w\n    expr: up{a='{{ name }}'}\n", 5, "outside double quotes"),
        (
            "name: a\nqueries:\n  - name: q\n    question: w\n    expr: 'up{a=\"{{ nmae }}\"}'\n",
            5,
            "'nmae' is undefined",
        ),
        ("name: a\nqueries:\n  - name: q\n    question: w\n    expr: '{{ name.__class__ }}'\n", 5, "unsafe"),
        ("name: a\nqueries:\n  - name: q\n    question: w\n    expr: '{% if %}'\n", 5, "Expected an expression"),
        (
            "name: a\nfirst_checks:\n  - kubectl get pods\n  - kubectl delete pod {{ name }}\n",
            4,
            "only commands that read",
        ),
        ("name: a\nfirst_checks: [kubectl --kubeconfig get delete pod]\n", 2, "only commands that read"),
        ("name: a\nfirst_checks: [kubectl get pods | xargs rm]\n", 2, "one command only"),
        ("name: a\nfirst_checks: [rm -rf /]\n", 2, "only commands that read"),
        ("name: a\nfirst_checks: [kubectl rollout restart deploy/x]\n", 2, "only commands that read"),
        ("name: a\nrunbook: javascript:alert(1)\n", 2, "must start with http"),
        ("1: a\n2: b\n", 1, "Keys should be strings"),
    ],
)
def test_a_broken_file_is_refused_with_its_line_and_the_rest_works(
    tmp_path: Path, text: str, line: int, reason: str
) -> None:
    (tmp_path / "broken.yaml").write_text(text)
    (tmp_path / "team.yaml").write_text(GOOD)
    books = load_playbooks(tmp_path)
    assert [book.name for book in books.every if book.name in {"a", "broken"}] == []
    assert books.for_alert("CheckoutSlow", WORKLOAD).name == "team"
    problem = books.problems[0]
    assert problem.startswith(f"{tmp_path / 'broken.yaml'}:{line}: "), problem
    assert reason in problem
    assert lint(tmp_path) == list(books.problems)


def test_files_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "huge.yaml").write_text("#" * 300_000)
    (tmp_path / "one.yaml").write_text("name: same\n")
    (tmp_path / "two.yaml").write_text("name: same\n")
    assert [problem.split(":")[0].rpartition("/")[2] for problem in lint(tmp_path)] == [
        "binary.yaml",
        "huge.yaml",
        "two.yaml",
    ]
    assert lint(tmp_path / "absent") == [f"{tmp_path / 'absent'}:1: no such directory"]


def test_commands_quote_what_could_be_more_than_a_word() -> None:
    commands = ["kubectl -n {{ namespace }} get pods", "kubectl get node {{ labels.node }}"]
    plain = Context(Subject("c", "shop", "Pod", "p"), {"node": "n-1"})
    assert render_commands(commands, plain) == ("kubectl -n shop get pods", "kubectl get node n-1")
    hostile = Context(Subject("c", "$(reboot)", "Pod", "p"), {"node": "--kubeconfig=/tmp/x"})
    assert render_commands(commands, hostile) == ("kubectl -n '$(reboot)' get pods",)
    assert render_commands(commands, Context(Subject("c", "a\nb", "Pod", "p"), {})) == ("kubectl -n 'a b' get pods",)
