"""A folder of playbook files: a broken one is refused with its line, and its last good version stays."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from pydantic import ValidationError

from app.domain.playbook import Playbook
from app.playbooks.extending import extended
from app.playbooks.schema import PlaybookFile, Where, faults

MAX_FILE_BYTES = 256 * 1024
MAX_FILES = 500

Sight = tuple[int, int, int]
"""What tells that a file changed: when it was written, how long it is, and which one it is."""


@dataclass(frozen=True, slots=True)
class _Copy:
    """One file as it was last read: its playbook, or the last good one of it, and what is wrong now."""

    sight: Sight
    book: Playbook | None
    problems: tuple[str, ...]


@dataclass(slots=True)
class Folder:
    """Reads a folder again and again; only files that changed are opened. `bases` are what a file may extend."""

    path: Path
    bases: Mapping[str, Playbook] = field(default_factory=dict)
    books: Mapping[str, Playbook] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    _copies: dict[Path, _Copy] = field(default_factory=dict)
    _is_seen: bool = False

    def refresh(self) -> bool:
        """Whether anything is different from the last time. Never raises for what the folder holds."""
        if not self.path.is_dir():
            # Whoever replaces a folder takes it away first: what it held stays in use.
            problems, self.problems = self.problems, (f"{self.path}:1: no such directory",)
            self._is_seen = False
            return problems != self.problems
        paths = sorted((*self.path.glob("*.yaml"), *self.path.glob("*.yml")))
        copies = {path: self._copy(path) for path in paths[:MAX_FILES]}
        if self._is_seen and copies == self._copies:
            return False
        self._copies, self._is_seen = copies, True
        self._gather(len(paths))
        return True

    def _copy(self, path: Path) -> _Copy:
        known = self._copies.get(path)
        sight = _sight(path)
        if known is not None and known.sight == sight:
            return known
        book, problems = _read(path, self.bases)
        if problems and known is not None:
            book = known.book
        return _Copy(sight, book, tuple(problems))

    def _gather(self, count: int) -> None:
        books: dict[str, Playbook] = {}
        problems = [] if count <= MAX_FILES else [f"{self.path}:1: only the first {MAX_FILES} files are read"]
        for path, copy in self._copies.items():
            problems.extend(copy.problems)
            if copy.book is not None and copy.book.name in books:
                problems.append(f"{path}:1: another file here is named {copy.book.name} too")
            elif copy.book is not None:
                books[copy.book.name] = copy.book
        self.books, self.problems = books, tuple(problems)


def _sight(path: Path) -> Sight:
    try:
        state = path.stat()
    except OSError:
        return (0, 0, 0)
    return (state.st_mtime_ns, state.st_size, state.st_ino)


def _read(path: Path, bases: Mapping[str, Playbook]) -> tuple[Playbook | None, list[str]]:
    """The playbook in a file, or what is wrong as `file:line: reason`."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            return None, [f"{path}:1: larger than {MAX_FILE_BYTES // 1024} KiB"]
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
        tree = loader.get_single_node()
        content = loader.construct_document(tree) if tree is not None else None
    except (OSError, UnicodeDecodeError) as error:
        return None, [f"{path}:1: {error}"]
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        return None, [f"{path}:{_mark_line(error)}: {' '.join(str(error).split())}"]
    return _judged(path, tree, content, bases)


def _judged(
    path: Path, tree: yaml.Node | None, content: object, bases: Mapping[str, Playbook]
) -> tuple[Playbook | None, list[str]]:
    if not isinstance(content, dict):
        return None, [f"{path}:1: must be a map with name, alerts, kinds, queries, notes, first_checks, runbook"]
    try:
        book = PlaybookFile.model_validate({"name": path.stem, **content}).playbook()
    except ValidationError as error:
        return None, [f"{path}:{line}: {reason}" for line, reason in _schema_faults(tree, error)]
    base = bases.get(book.extends)
    if book.extends and base is None:
        return None, [f"{path}:{_line_of(tree, ('extends',))}: none of ours is named {book.extends}"]
    # Theirs come first in what both say together, so that a fault's place is one in their file.
    whole = extended(base, book) if base else book
    wrong = [f"{path}:{_line_of(tree, where)}: {reason}" for where, reason in faults(whole)]
    return (None, wrong) if wrong else (whole, [])


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
