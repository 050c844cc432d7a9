"""What our playbooks know of the usual rules: every alert by name, each question fit to be asked."""

import json
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app import promql
from app.domain.alert import Alert, AlertStatus
from app.domain.playbook import Playbook
from app.domain.query import PromQuery
from app.domain.subject import CLUSTER_SCOPED_KINDS, Subject
from app.ingest.subject import subjects
from app.notify.words import is_read_only
from app.playbooks import questions
from app.playbooks.guidance import Guide
from app.playbooks.loader import ANY_OTHER, load_playbooks
from app.playbooks.questions import Questions
from app.playbooks.rendering import Context, render_address, render_commands
from tests.ingest.bodies import read

BOOKS = load_playbooks()
NAMED = [book for book in BOOKS.every if book.alerts]
NOBODYS = {"Watchdog", "InfoInhibitor"}
HOSTILE = "x\"} or vector(1) #\\ $(reboot); `id` ' {{ name }}"
LABEL = re.compile(r"labels\.([a-z_]+)")
MOST_OF_ONE_ALERT = 6


def catalog(shared: Path) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((shared / "alerts" / "catalog.json").read_text())
    assert len(entries) > 150
    return [entry for entry in entries if entry["alert"] not in NOBODYS]


def asked_by_name(book: Playbook, kind: str) -> Subject:
    del book
    return Subject("prod", "" if kind in CLUSTER_SCOPED_KINDS else "shop", kind, "checkout")


def every_pair() -> list[tuple[Playbook, str, str]]:
    """Each playbook with each of its alerts and kinds."""
    return [(book, name.replace("*", "X"), kind) for book in NAMED for name in book.alerts for kind in kinds(book)]


def kinds(book: Playbook) -> tuple[str, ...]:
    return book.kinds or ("Pod", "StatefulSet", "Service", "Cluster")


def labels_named_in(book: Playbook) -> set[str]:
    about = [line for advice in book.about.values() for line in advice.first_checks]
    return set(LABEL.findall(" ".join([*(query.expr for query in book.queries), *book.first_checks, *about])))


def test_every_alert_of_the_usual_rules_is_named_by_one_playbook(shared: Path) -> None:
    covered = [name for book in NAMED for name in book.alerts if "*" not in name]
    assert sorted(covered) == sorted({entry["alert"] for entry in catalog(shared)})
    assert len(covered) == 138
    assert not NOBODYS & set(covered)


def test_the_runbook_of_each_alert_is_the_one_that_its_rule_has(shared: Path) -> None:
    wrong = []
    for entry in catalog(shared):
        book = next(book for book in NAMED if entry["alert"] in book.alerts)
        subject = asked_by_name(book, kinds(book)[0])
        [told] = BOOKS.named(entry["alert"], subject)
        found = render_address(told.runbook, Context(subject, {"alertname": entry["alert"]}))
        if found != entry["annotations"]["runbook_url"]:
            wrong.append((entry["alert"], found, entry["annotations"]["runbook_url"]))
    assert wrong == []


def test_each_captured_alert_finds_its_playbook_by_what_it_is_about(shared: Path) -> None:
    bodies = sorted((shared / "captures" / "alertmanager").glob("firing_*.json"))
    seen = set()
    poor = []
    for path in bodies:
        group = read(path.read_bytes())
        name = group.alerts[0].name
        if name in NOBODYS:
            continue
        seen.add(name)
        about = subjects(group)
        guidance, asked = Guide(BOOKS)(group.alerts, about)
        [book] = [book for book in NAMED if name in book.alerts]
        now = datetime.now(UTC)
        queries = [q for q in Questions(BOOKS)(group.alerts, about[0], now) if isinstance(q, PromQuery)]
        own = {query.name for query in queries} & {query.name for _, query in asked}
        if guidance.playbooks != (book.name,) or len(own) < 2 or not guidance.first_checks:
            poor.append((name, about[0], guidance.playbooks, own, guidance.first_checks))
        if name not in guidance.runbooks[0].casefold() and not guidance.runbooks[0].endswith(name.lower()):
            poor.append((name, guidance.runbooks))
        assert all(promql.parses(query.expr) for query in queries), name
    assert poor == []
    assert len(seen) == 138


def test_no_alert_asks_for_more_than_a_few_numbers_of_its_own() -> None:
    many = []
    for book, name, kind in every_pair():
        [told] = [one for one in BOOKS.named(name, asked_by_name(book, kind)) if one.name == book.name]
        if not 1 <= len(told.queries) <= MOST_OF_ONE_ALERT:
            many.append((name, kind, [query.name for query in told.queries]))
    assert many == []


def test_every_alert_has_words_a_check_and_numbers_that_are_explained() -> None:
    for book, name, kind in every_pair():
        if ANY_OTHER in book.alerts:
            continue
        [told] = BOOKS.named(name, asked_by_name(book, kind))
        assert told.first_checks, name
        assert told.notes or any(query.meaning for query in told.queries), name
        assert any(query.direction for query in told.queries), name


@pytest.mark.parametrize("book", NAMED, ids=lambda book: book.name)
def test_hostile_names_and_labels_change_no_question_and_no_command(book: Playbook) -> None:
    names = labels_named_in(book)
    for alertname in (name.replace("*", "X") for name in book.alerts):
        for kind in kinds(book):
            harmless, hostile = (_asked(alertname, kind, names, value) for value in ("x", HOSTILE))
            assert harmless.keys() == hostile.keys()
            assert {query.name for query in book.queries} & harmless.keys(), (alertname, kind)
            for name, expr in hostile.items():
                assert promql.skeleton(expr) == promql.skeleton(harmless[name]) is not None, name
                assert HOSTILE not in expr
    labels = dict.fromkeys(names, HOSTILE)
    checks = [*book.first_checks, *(line for advice in book.about.values() for line in advice.first_checks)]
    kind = kinds(book)[0]
    plain = render_commands(checks, Context(Subject("x", "x", kind, "x"), dict.fromkeys(names, "x")))
    quoted = render_commands(checks, Context(Subject(HOSTILE, HOSTILE, kind, HOSTILE), labels))
    assert [len(shlex.split(command)) for command in plain] == [len(shlex.split(command)) for command in quoted]
    strange = [word for command in quoted for word in shlex.split(command) if "reboot" in word]
    assert all(HOSTILE in word for word in strange)


def _asked(alertname: str, kind: str, labels: set[str], value: str) -> dict[str, str]:
    namespace = "" if kind in CLUSTER_SCOPED_KINDS else value
    carried = {**dict.fromkeys(labels, value), "alertname": alertname}
    alert = Alert("f1", AlertStatus.FIRING, carried, {}, datetime.now(UTC), None)
    subject = Subject("c", namespace, kind, value)
    return {
        query.name: query.expr
        for query in Questions(BOOKS)([alert], subject, datetime.now(UTC), (value,))
        if isinstance(query, PromQuery)
    }


def test_the_names_told_to_those_who_judge_are_those_that_are_asked() -> None:
    """The table in the questions' module holds for what is asked by kind; the rest is for people, not for detectors."""
    table = dict(re.findall(r"^\| ((?:`[a-z_0-9]+` ?)+)\| ([a-z_, ]*) ?\|", questions.__doc__ or "", re.MULTILINE))
    told = {name: units.split(", ") for names, units in table.items() for name in re.findall(r"`(\w+)`", names)}
    by_kind = [query for book in BOOKS.every if not book.alerts for query in book.queries]
    assert {query.name for query in by_kind} == told.keys() - {"alert_condition", "alert_value"}
    assert [query.name for query in by_kind if query.unit not in [unit.strip() for unit in told[query.name]]] == []


def test_a_name_means_the_same_in_every_playbook_and_what_is_for_detectors_is_not_asked_otherwise() -> None:
    by_kind = {query.name for book in BOOKS.every if not book.alerts for query in book.queries}
    units: dict[str, set[str]] = {}
    for book in NAMED:
        for query in book.queries:
            assert query.name not in by_kind, (book.name, query.name)
            assert not query.name.startswith("alert_")
            assert not query.name.endswith("_usual")
            units.setdefault(query.name, set()).add(query.unit)
    assert {name: found for name, found in units.items() if len(found) > 1} == {}


def test_commands_for_ordinary_names_are_told_whole() -> None:
    for book in BOOKS.every:
        labels = dict.fromkeys(labels_named_in(book), "checkout-0")
        checks = [*book.first_checks, *(line for advice in book.about.values() for line in advice.first_checks)]
        rendered = render_commands(checks, Context(Subject("c", "shop", kinds(book)[0], "checkout"), labels))
        assert len(rendered) == len(checks), book.name
        assert all(is_read_only(command) and "{{" not in command for command in rendered), rendered
