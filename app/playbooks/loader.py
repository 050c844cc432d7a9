"""Playbooks from YAML files: ours, and the team's over ours by name; a broken file is refused, the rest works."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from app.domain.playbook import Playbook
from app.domain.subject import Subject
from app.playbooks.schema import PlaybookFile, Where, faults

CATALOG = Path(__file__).parent / "catalog"
MAX_FILE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Playbooks:
    """All that are known, the team's first; `problems` names the files that were refused, and why."""

    every: tuple[Playbook, ...]
    problems: tuple[str, ...] = ()

    def for_alert(self, alertname: str, subject: Subject) -> Playbook:
        """What is known for this alert, then for this kind of subject, then for all: as one playbook."""
        named = [book for book in self.every if book.alerts and _names(book, alertname) and _covers(book, subject)]
        kindred = [book for book in self.every if not book.alerts and book.kinds and subject.kind in book.kinds]
        general = [book for book in self.every if not book.alerts and not book.kinds]
        layers = [*named, *kindred, *general]
        first = layers[0] if layers else Playbook("none")
        fitting = (query for book in layers for query in book.queries if _covers(query, subject))
        by_name = {query.name: query for query in reversed(list(fitting))}
        return replace(
            first,
            queries=tuple(reversed(by_name.values())),
            notes=tuple(dict.fromkeys(note for book in layers for note in book.notes)),
            first_checks=tuple(dict.fromkeys(check for book in layers for check in book.first_checks)),
            runbook=next((book.runbook for book in layers if book.runbook), ""),
        )


def load_playbooks(directory: Path | None = None) -> Playbooks:
    """Our catalogue and the team's directory; theirs win by name. Never raises for what a file holds."""
    ours, our_problems = _load(CATALOG)
    theirs, their_problems = _load(directory) if directory else ({}, [])
    kept = [book for name, book in ours.items() if name not in theirs]
    return Playbooks((*theirs.values(), *kept), (*their_problems, *our_problems))


def lint(directory: Path) -> list[str]:
    """`file:line: reason` for all that is wrong in this directory."""
    return _load(directory)[1]


def _names(book: Playbook, alertname: str) -> bool:
    return any(fnmatchcase(alertname, pattern) for pattern in book.alerts)


def _covers(narrowed: Any, subject: Subject) -> bool:  # noqa: ANN401 - a playbook or one of its queries
    return not narrowed.kinds or subject.kind in narrowed.kinds


def _load(directory: Path) -> tuple[dict[str, Playbook], list[str]]:
    if not directory.is_dir():
        return {}, [f"{directory}:1: no such directory"]
    books: dict[str, Playbook] = {}
    problems: list[str] = []
    for path in sorted((*directory.glob("*.yaml"), *directory.glob("*.yml"))):
        book, found = _read(path)
        if book is not None and book.name in books:
            found = [f"{path}:1: another file here is named {book.name} too"]
        if book is not None and not found:
            books[book.name] = book
        problems.extend(found)
    return books, problems


def _read(path: Path) -> tuple[Playbook | None, list[str]]:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            return None, [f"{path}:1: larger than {MAX_FILE_BYTES // 1024} KiB"]
        text = path.read_text(encoding="utf-8")
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        return None, [f"{path}:1: {error}"]
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        return None, [f"{path}:{_mark_line(error)}: {' '.join(str(error).split())}"]
    if not isinstance(content, dict):
        return None, [f"{path}:1: must be a map with name, alerts, kinds, queries, notes, first_checks, runbook"]
    try:
        book = PlaybookFile.model_validate({"name": path.stem, **content}).playbook()
    except ValidationError as error:
        return None, [f"{path}:{line}: {reason}" for line, reason in _schema_faults(tree, error)]
    return book, [f"{path}:{_line_of(tree, where)}: {reason}" for where, reason in faults(book)]


def _schema_faults(tree: yaml.Node | None, error: ValidationError) -> Iterator[tuple[int, str]]:
    for problem in error.errors(include_url=False, include_input=False):
        name = ".".join(str(part) for part in problem["loc"])
        yield _line_of(tree, problem["loc"]), f"{name}: {problem['msg']}"


def _line_of(node: yaml.Node | None, where: Where) -> int:
    """The line of the place that a path names, or of the nearest thing around it."""
    line = 1
    for part in where:
        child = _child(node, part)
        if child is None:
            break
        line, node = child
    return line


def _child(node: yaml.Node | None, part: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        item: yaml.Node = node.value[part]
        return item.start_mark.line + 1, item
    pairs: Iterable[tuple[yaml.Node, yaml.Node]] = node.value if isinstance(node, yaml.MappingNode) else ()
    return next(((key.start_mark.line + 1, value) for key, value in pairs if key.value == part), None)


def _mark_line(error: Exception) -> int:
    mark = getattr(error, "problem_mark", None)
    return mark.line + 1 if mark is not None else 1
