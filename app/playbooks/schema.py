"""What a playbook file may hold, and what is checked in it before it is believed."""

import re
import shlex
from collections import defaultdict
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from app import promql
from app.domain.playbook import Advice, Direction, Playbook, PlaybookQuery
from app.domain.subject import CLUSTER_SCOPED_KINDS, Subject
from app.playbooks.rendering import Context, TemplateFaultError, render_address, render_commands, render_expression

Unit = Literal["bytes", "cores", "ratio", "seconds", "per_second", "count", "yes_no", ""]
Line = Annotated[str, Field(min_length=1, max_length=300)]
Address = Annotated[str, Field(max_length=500)]
Where = tuple[str | int, ...]

# A value of which each character would break out of a selector that does not quote it.
HOSTILE = 'x"} or vector(1) #\\ $(reboot);`'
READING_VERBS = frozenset({"get", "describe", "logs", "top", "events", "explain", "version", "cluster-info"})
READING_SUBCOMMANDS = {
    "rollout": frozenset({"history", "status"}),
    "auth": frozenset({"can-i"}),
    "config": frozenset({"current-context", "get-contexts"}),
}
FLAGS_WITH_VALUE = frozenset({"-n", "--namespace", "--context", "--cluster"})
ADDRESS = re.compile(r"https?://[\w.:\[\]-]+(?:/[\w./~%:@!$&'()*+,;=?#-]*)?", re.ASCII)
SHELL_SIGNS = re.compile(r"[|&;<>`$\n]")


class QueryFile(BaseModel):
    """One entry of `queries`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,60}$")
    question: Line
    expr: str = Field(min_length=1, max_length=promql.MAX_EXPRESSION_CHARACTERS)
    unit: Unit = ""
    kinds: list[str] = []
    alerts: list[str] = []
    usual: bool = False
    direction: Direction = ""
    meaning: Annotated[str, Field(max_length=300)] = ""

    def query(self) -> PlaybookQuery:
        """The same, as the rest of Sitrep knows it."""
        return PlaybookQuery(
            name=self.name,
            question=self.question,
            expr=self.expr,
            unit=self.unit,
            kinds=tuple(self.kinds),
            usual=self.usual,
            alerts=tuple(self.alerts),
            direction=self.direction,
            meaning=self.meaning,
        )


class AdviceFile(BaseModel):
    """What is said about one alert alone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    notes: list[Line] = []
    first_checks: list[Line] = []
    runbook: Address = ""

    def advice(self) -> Advice:
        """The same, as the rest of Sitrep knows it."""
        return Advice(tuple(self.notes), tuple(self.first_checks), self.runbook)


class PlaybookFile(BaseModel):
    """One YAML file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,60}$")
    extends: str = ""
    alerts: list[str] = Field([], max_length=200)
    kinds: list[str] = []
    queries: list[QueryFile] = Field([], max_length=30)
    notes: list[Line] = Field([], max_length=20)
    first_checks: list[Line] = Field([], max_length=20)
    runbook: Address = ""
    about: dict[str, AdviceFile] = Field({}, max_length=200)

    def playbook(self) -> Playbook:
        """The same, as the rest of Sitrep knows it."""
        return Playbook(
            name=self.name,
            alerts=tuple(self.alerts),
            kinds=tuple(self.kinds),
            queries=tuple(query.query() for query in self.queries),
            notes=tuple(self.notes),
            first_checks=tuple(self.first_checks),
            runbook=self.runbook,
            about={alert: one.advice() for alert, one in self.about.items()},
            extends=self.extends,
        )


class _AnyLabels(defaultdict[str, str]):
    """Every label, all with one value."""

    def __init__(self, value: str) -> None:
        super().__init__(lambda: value)
        self.value = value

    def get(self, _name: str, _default: object = None) -> str:  # as a dictionary that has them all
        return self.value

    def __repr__(self) -> str:
        return f"_AnyLabels({self.value!r})"


def faults(playbook: Playbook) -> Iterator[tuple[Where, str]]:
    """What is wrong in its templates, each with the place in the file."""
    yield from _advice_faults((), Advice(first_checks=playbook.first_checks, runbook=playbook.runbook))
    for alert, advice in playbook.about.items():
        yield from _advice_faults(("about", alert), advice)
        if not _is_for(playbook, alert):
            yield ("about", alert), f"{alert} is not among the playbook's alerts"
    seen: set[tuple[str, str, tuple[str, ...]]] = set()
    for index, query in enumerate(playbook.queries):
        strangers = [alert for alert in query.alerts if not _is_for(playbook, alert)]
        if strangers:
            yield ("queries", index, "alerts"), f"{strangers[0]} is not among the playbook's alerts"
        for kind in query.kinds or playbook.kinds or ("Pod",):
            reason = _query_fault(query, kind)
            if (query.name, kind, query.alerts) in seen:
                reason = f"{query.name} is asked twice for {kind}"
            seen.add((query.name, kind, query.alerts))
            if reason:
                yield ("queries", index, "expr"), reason
                break


def _is_for(playbook: Playbook, alert: str) -> bool:
    return any(alert == own or fnmatchcase(alert, own) for own in playbook.alerts)


def _advice_faults(at: Where, advice: Advice) -> Iterator[tuple[Where, str]]:
    if advice.runbook:
        rendered = render_address(advice.runbook, _context("Pod", HOSTILE))
        if not advice.runbook.startswith(("http://", "https://")):
            yield (*at, "runbook"), "must start with http:// or https://"
        elif not rendered or ADDRESS.fullmatch(rendered) is None:
            yield (*at, "runbook"), "is no address once rendered"
    for index, command in enumerate(advice.first_checks):
        reason = _command_fault(command)
        if reason:
            yield (*at, "first_checks", index), reason


def _context(kind: str, value: str) -> Context:
    namespace = "" if kind in CLUSTER_SCOPED_KINDS else value
    return Context(Subject(value, namespace, kind, value), _AnyLabels(value))


def _query_fault(query: PlaybookQuery, kind: str) -> str | None:
    try:
        harmless = render_expression(query.expr, _context(kind, "x"))
        hostile = render_expression(query.expr, _context(kind, HOSTILE))
    except TemplateFaultError as error:
        return f"{query.name}: {error}"
    structure = promql.skeleton(harmless)
    if structure is None:
        return f"{query.name}: not PromQL once rendered for a {kind}"
    if promql.skeleton(hostile) != structure:
        return f"{query.name}: a value stands outside double quotes, so a label could change the query"
    return None


def _command_fault(template: str) -> str | None:
    try:
        rendered = render_commands([template], _context("Pod", "x"))[0]
        words = shlex.split(rendered)
    except (TemplateFaultError, ValueError) as error:
        return str(error)
    if SHELL_SIGNS.search(rendered):
        return "one command only: no pipes, redirections or substitutions"
    if not _only_reads(words):
        return "only commands that read: kubectl get, describe, logs, top, events, rollout history, rollout status"
    return None


def _only_reads(words: list[str]) -> bool:
    """Whether it is kubectl with a reading verb; a flag that we do not know before the verb could hide another."""
    if words[:1] != ["kubectl"]:
        return False
    rest = words[1:]
    while rest and rest[0].startswith("-"):
        if rest[0] not in FLAGS_WITH_VALUE and "=" not in rest[0]:
            return False
        rest = rest[1:] if "=" in rest[0] else rest[2:]
    verb, subcommand = (*rest[:2], "", "")[:2]
    return verb in READING_VERBS or subcommand in READING_SUBCOMMANDS.get(verb, ())
