"""What to look up for an alert or a kind of object, and what a person should know."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlaybookQuery:
    """One PromQL template. `kinds` narrows it to these subjects (empty: all of the playbook's).

    `usual`: also asked for the same hour one day ago, as the series `<name>_usual`.
    """

    name: str
    question: str
    expr: str
    unit: str
    kinds: tuple[str, ...] = ()
    usual: bool = False


@dataclass(frozen=True, slots=True)
class Playbook:
    """Knowledge for the alerts of these names, or for subjects of these kinds.

    `first_checks` are templates of read-only commands; `notes` are sentences for the reader.
    """

    name: str
    alerts: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    queries: tuple[PlaybookQuery, ...] = ()
    notes: tuple[str, ...] = ()
    first_checks: tuple[str, ...] = ()
    runbook: str = ""
