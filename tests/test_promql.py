import json
import time
from pathlib import Path
from urllib.parse import quote_plus

import promql_parser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import promql

HOSTILE = 'x"} or vector(1) #\\\n'


def link(expr: str) -> str:
    return f"http://prometheus.example:9090/graph?g0.expr={quote_plus(expr)}&g0.tab=1"


@pytest.mark.parametrize("expr", ['rate(x{a="b+c"}[5m]) > 0.5', 'x{a="50%25"} == 1', "sum by (a) (x)\n  > 1"])
def test_the_expression_of_a_link_is_decoded_once(expr: str) -> None:
    assert promql.alert_expression(link(expr)) == expr


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://g/alerting/grafana/abc/view",
        "http://[::1/graph?g0.expr=x",
        link("x" * 5000),
        link(" "),
        "x" * 20_000,
    ],
)
def test_a_link_without_a_usable_expression_gives_none(url: str) -> None:
    assert promql.alert_expression(url) is None


@pytest.mark.parametrize(
    ("expr", "parted"),
    [
        ("x > 0.9", ("x", ">", 0.9)),
        ("(x > 0.9)", ("x", ">", 0.9)),
        ("0.9 < x", ("x", ">", 0.9)),
        ("5 >= x", ("x", "<=", 5.0)),
        ("x > 90 * 60", ("x", ">", 5400.0)),
        ("x < -(1)", ("x", "<", -1.0)),
        ("x == 0", ("x", "==", 0.0)),
        ('max_over_time(x{r="a > 1"}[5m]) >= 1', ('max_over_time(x{r="a > 1"}[5m])', ">=", 1.0)),
        ("# why\nx > 1", ("x", ">", 1.0)),
        ("a / on (i) group_left () b > 1", ("a / on (i) group_left () b", ">", 1.0)),
    ],
)
def test_a_threshold_is_taken_off_by_the_syntax_tree(expr: str, parted: tuple[str, str, float]) -> None:
    assert promql.without_threshold(expr) == parted


@pytest.mark.parametrize(
    "expr",
    [
        "x",
        "x > y",
        "a > 1 and b > 2",
        "a > 1 unless b",
        "absent(x)",
        "x > bool 1",
        "1 > 2",
        "x > 1 / 0",
        "x >",
        "x + 1",
    ],
)
def test_any_other_shape_keeps_its_threshold(expr: str) -> None:
    assert promql.without_threshold(expr) is None


@pytest.mark.parametrize(
    "expr",
    [
        "(" * 3000 + "x" + ")" * 3000,
        "abs(" * 900 + "x" + ")" * 900,
        "-" * 4000 + "x > 1",
        "+".join(["x"] * 2000) + " > 1",
        "x > " + "-" * 4000 + "1",
        "x > " + "+".join(["1"] * 2000),
        "x" * 100_000,
    ],
)
def test_an_absurd_expression_neither_crashes_nor_grows(expr: str) -> None:
    began = time.process_time()
    promql.parses(expr)
    parted = promql.without_threshold(expr)
    assert time.process_time() - began < 0.5
    assert parted is None or len(parted[0]) <= promql.MAX_PRINTED_CHARACTERS


def test_every_rule_of_a_stock_cluster_parses_and_most_have_a_threshold(shared: Path) -> None:
    rules = [rule["expr"] for rule in json.loads((shared / "alerts" / "catalog.json").read_text())]
    assert [rule for rule in rules if not promql.parses(rule)] == []
    parted = [parts for parts in map(promql.without_threshold, rules) if parts]
    assert len(parted) > 80
    assert all(promql.parses(text) for text, _, _ in parted)


def test_matchers_are_added_to_each_selector_that_does_not_name_the_label() -> None:
    expr = 'sum(rate(x{ns="k",a="q\\"s"}[5m])) / y offset 5m > max_over_time(z[5m:1m])'
    narrowed = promql.add_matchers(expr, {"ns": "shop", "pod": "p"})
    assert (
        promql_parser.parse(narrowed).prettify()
        == promql_parser.parse(
            'sum(rate(x{ns="k",a="q\\"s",pod="p"}[5m])) / y{ns="shop",pod="p"} offset 5m'
            ' > max_over_time(z{ns="shop",pod="p"}[5m:1m])'
        ).prettify()
    )


def test_a_hostile_value_stays_a_value() -> None:
    narrowed = promql.add_matchers('x{a="b"}', {"pod": HOSTILE})
    matchers = promql_parser.parse(narrowed).matchers.matchers
    assert [(m.name, m.value) for m in matchers] == [("a", "b"), ("pod", HOSTILE)]


def test_matchers_cannot_be_added_to_what_is_no_promql() -> None:
    with pytest.raises(ValueError, match="not a PromQL"):
        promql.add_matchers("x{", {"a": "b"})


@given(st.text())
def test_any_escaped_text_comes_back_as_the_label_value(value: str) -> None:
    parsed = promql_parser.parse(f'x{{a="{promql.escape_label_value(value)}"}}')
    assert parsed.matchers.matchers[0].value == value.replace("\x00", "")


def test_a_regular_expression_is_escaped_before_its_quotes_are() -> None:
    pattern = promql.escape_label_value(promql.escape_regex('a.b+"c"'))
    assert promql_parser.parse(f'x{{a=~"{pattern}"}}').matchers.matchers[0].value == 'a\\.b\\+"c"'


@pytest.mark.parametrize(
    ("expr", "confined"),
    [
        ("up", 'up{cluster="eu"}'),
        (
            'rate(x{a="q\\"s"}[5m]) / on (a) y > 0.9',
            'rate(x{a="q\\"s",cluster="eu"}[5m]) / on (a) y{cluster="eu"} > 0.9',
        ),
        ("max_over_time(rate(x[1m])[1h:5m] offset 1d)", 'max_over_time(rate(x{cluster="eu"}[1m])[1h:5m] offset 1d)'),
        ('{__name__=~"a|b"}', '{__name__=~"a|b",cluster="eu"}'),
        ("absent(x) or vector(0)", 'absent(x{cluster="eu"}) or vector(0)'),
        ("x @ end()", 'x{cluster="eu"} @ end()'),
        ('x{cluster="eu"}', 'x{cluster="eu"}'),
        ("time() - 1", "time() - 1"),
        # What it says of the label itself must hold beside ours, else an alert could look into another cluster.
        ('x{cluster=~".+"}', 'x{cluster=~".+",cluster="eu"}'),
        ('x{cluster="us"}', 'x{cluster="us",cluster="eu"}'),
        ('x{cluster!="eu"}', 'x{cluster!="eu",cluster="eu"}'),
    ],
)
def test_every_selector_is_confined_to_a_cluster(expr: str, confined: str) -> None:
    found = promql.confine(expr, {"cluster": "eu"})
    assert promql_parser.parse(found).prettify() == promql_parser.parse(confined).prettify()


@pytest.mark.parametrize("expr", ['x{a="b" or cluster="us"}', "x{", "", "(" * 200 + "x" + ")" * 200])
def test_what_cannot_be_confined_is_refused(expr: str) -> None:
    with pytest.raises(ValueError, match=r"alternatives|PromQL"):
        promql.confine(expr, {"cluster": "eu"})


@given(st.text())
def test_the_name_of_a_cluster_stays_a_value(name: str) -> None:
    matchers = promql_parser.parse(promql.confine("x", {"cluster": name})).matchers.matchers
    assert [(m.name, m.value) for m in matchers] == [("cluster", name.replace("\x00", ""))]


def test_every_rule_of_a_stock_cluster_can_be_confined(shared: Path) -> None:
    for rule in json.loads((shared / "alerts" / "catalog.json").read_text()):
        confined = promql.confine(rule["expr"], {"cluster": "eu"})
        seen: list[bool] = []

        def note(node: promql_parser.Expr, seen: list[bool] = seen) -> None:
            if isinstance(node, promql_parser.VectorSelector):
                seen.append(any((m.name, m.value) == ("cluster", "eu") for m in node.matchers.matchers))

        promql_parser.walk(promql_parser.parse(confined), note)
        assert all(seen), rule["expr"]
