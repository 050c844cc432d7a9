"""What to look up for an alert or a kind of object, and what a person should know."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Direction = Literal["up", "down", "both", ""]
"""Which way is bad: `up` for a queue's length, `down` for free space; empty where a number is neither."""


@dataclass(frozen=True, slots=True)
class PlaybookQuery:
    """One PromQL template. `kinds` and `alerts` narrow it to these (empty: all of the playbook's).

    `usual`: also asked for the same hour one day ago, as the series `<name>_usual`.
    `meaning`: how to read the number.
    """

    name: str
    question: str
    expr: str
    unit: str
    kinds: tuple[str, ...] = ()
    usual: bool = False
    alerts: tuple[str, ...] = ()
    direction: Direction = ""
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Advice:
    """What is to be said about one alert of a playbook, before what holds for all of them."""

    notes: tuple[str, ...] = ()
    first_checks: tuple[str, ...] = ()
    runbook: str = ""


@dataclass(frozen=True, slots=True)
class Playbook:
    """Knowledge for the alerts of these names, or for subjects of these kinds.

    `first_checks` are templates of read-only commands, `runbook` is one of an address; `notes` are sentences for the
    reader. `about` has more for some of its alerts. `extends` names the playbook of ours that this one adds to.
    """

    name: str
    alerts: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    queries: tuple[PlaybookQuery, ...] = ()
    notes: tuple[str, ...] = ()
    first_checks: tuple[str, ...] = ()
    runbook: str = ""
    about: Mapping[str, Advice] = field(default_factory=dict)
    extends: str = ""


@dataclass(frozen=True, slots=True)
class Guidance:
    """What the playbooks tell the reader of one incident: which they are, what they measured, what to do first."""

    playbooks: tuple[str, ...] = ()
    measured: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    first_checks: tuple[str, ...] = ()
    runbooks: tuple[str, ...] = ()
