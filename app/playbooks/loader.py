"""Which playbooks speak for an alert: ours, and the team's over ours by name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from app.domain.playbook import Advice, Playbook, PlaybookQuery
from app.domain.subject import Subject
from app.playbooks.extending import both
from app.playbooks.reading import Folder

CATALOG = Path(__file__).parent / "catalog"
ANY_OTHER = "*"
"""The pattern of a playbook for alerts that no other one names."""


@dataclass(frozen=True, slots=True)
class Playbooks:
    """All that are known, the team's first; `problems` names the files that were refused, and why."""

    every: tuple[Playbook, ...]
    problems: tuple[str, ...] = ()

    def named(self, alertname: str, subject: Subject) -> tuple[Playbook, ...]:
        """Those that name this alert, each cut to what it says about it; an exact name before a pattern."""
        fitting = [book for book in self.every if _names(book, alertname) and _covers(book, subject)]
        known = [book for book in fitting if alertname in book.alerts]
        alike = [book for book in fitting if book not in known and _is_told(book, alertname)]
        # An alert that is known, only not about such a subject, is not one that nobody knows.
        others = [] if any(_is_told(book, alertname) for book in self.every) else fitting
        return tuple(_about(book, alertname, subject) for book in (*known, *alike, *others))

    def for_alert(self, alertname: str, subject: Subject) -> Playbook:
        """What is known for this alert, then for this kind of subject, then for all: as one playbook."""
        named = self.named(alertname, subject)
        kindred = [book for book in self.every if not book.alerts and book.kinds and subject.kind in book.kinds]
        general = [book for book in self.every if not book.alerts and not book.kinds]
        layers = [*named, *kindred, *general]
        first = layers[0] if layers else Playbook("none")
        by_name: dict[str, PlaybookQuery] = {}
        for query in (query for book in layers for query in book.queries if _covers(query, subject)):
            by_name.setdefault(query.name, query)
        return replace(
            first,
            queries=tuple(by_name.values()),
            notes=tuple(dict.fromkeys(note for book in layers for note in book.notes)),
            first_checks=tuple(dict.fromkeys(check for book in layers for check in book.first_checks)),
            runbook=next((book.runbook for book in layers if book.runbook), ""),
        )


def load_playbooks(directory: Path | None = None) -> Playbooks:
    """Our catalogue and the team's directory, read now. Never raises for what a file holds."""
    ours = read_catalog()
    if directory is None:
        return Playbooks(tuple(ours.books.values()), ours.problems)
    theirs = Folder(directory, ours.books)
    theirs.refresh()
    return together(ours, theirs)


@cache
def read_catalog() -> Folder:
    """Our own playbooks, which do not change while the program runs."""
    ours = Folder(CATALOG)
    ours.refresh()
    return ours


def together(ours: Folder, theirs: Folder) -> Playbooks:
    """Theirs over ours by name; one that extends ours stands in its place with what both say."""
    replaced = {book.extends or name for name, book in theirs.books.items()}
    kept = [book for name, book in ours.books.items() if name not in replaced]
    return Playbooks((*theirs.books.values(), *kept), (*theirs.problems, *ours.problems))


def lint(directory: Path) -> list[str]:
    """`file:line: reason` for all that is wrong in this directory."""
    folder = Folder(directory, read_catalog().books)
    folder.refresh()
    return list(folder.problems)


def _about(book: Playbook, alertname: str, subject: Subject) -> Playbook:
    """What it says about this alert and this kind of subject, the narrower word first."""
    own = Advice()
    for pattern, advice in _closest_first(book.about, alertname):
        own = both(own, advice) if pattern else own
    queries = [q for q in book.queries if _covers(q, subject) and (not q.alerts or _is_any(q.alerts, alertname))]
    whole = both(own, Advice(book.notes, book.first_checks, book.runbook))
    return replace(
        book, queries=tuple(queries), notes=whole.notes, first_checks=whole.first_checks, runbook=whole.runbook
    )


def _closest_first(about: Mapping[str, Advice], alertname: str) -> list[tuple[str, Advice]]:
    found = [(pattern, advice) for pattern, advice in about.items() if fnmatchcase(alertname, pattern)]
    return sorted(found, key=lambda one: (one[0] != alertname, -len(one[0])))


def _names(book: Playbook, alertname: str) -> bool:
    return _is_any(book.alerts, alertname)


def _is_told(book: Playbook, alertname: str) -> bool:
    """Whether it names the alert by more than the pattern for any other."""
    return _is_any(tuple(pattern for pattern in book.alerts if pattern != ANY_OTHER), alertname)


def _is_any(patterns: Iterable[str], alertname: str) -> bool:
    return any(fnmatchcase(alertname, pattern) for pattern in patterns)


def _covers(narrowed: Any, subject: Subject) -> bool:  # noqa: ANN401 - a playbook or one of its queries
    return not narrowed.kinds or subject.kind in narrowed.kinds
