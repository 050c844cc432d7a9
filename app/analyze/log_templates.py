"""Log lines folded into templates: masks first, then Drain's fixed-depth tree of similar lines."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain

from app.domain.evidence import LogPattern

SIMILARITY = 0.8
_MAX_TOKENS = 60
_MAX_EXAMPLES = 3
_ANY = "<*>"
_MASK = re.compile(
    r"""(?P<quoted>"(?!(?:GET|POST|PUT|PATCH|DELETE|HEAD)\s)[^"]{0,200}"|'[^']{0,200}')
    |(?P<uuid>\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b)
    |(?P<time>\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}\S*
        |\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\s)?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\s{1,2}\d{1,2}\s
            \d{2}:\d{2}:\d{2}(?:\s\d{4}\b)?)
    |(?P<address>(?<![\w.])/?\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?:,\s?\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?)*+(?![\w.])
        |(?<![\w.\-])(?:[a-zA-Z0-9\-]++\.){1,6}[a-zA-Z][a-zA-Z0-9\-]*+:\d++)
    |(?P<hex>\b(?:0x[0-9a-fA-F]+|(?=[a-fA-F]*+\d)[0-9a-fA-F]{8,})\b)
    |(?P<path>(?<![\w.])/[\w.\-]+(?:/[\w.\-]+)+/?)
    |(?P<name>\b[a-zA-Z]++[_\-]-?[a-zA-Z]?\d[\w\-]*+)
    |(?P<number>(?<![a-zA-Z_\d])[-+]?\d++(?:[.,:]\d++)*+(?:ms|us|ns|s|m|h|%|Ki|Mi|Gi|[kKMG]?B)?(?![a-zA-Z_]))""",
    re.VERBOSE,
)
# To read and to write are different things, however alike the rest of an access log is.
_VERB = re.compile(r"\b(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)\s")
_HAS_DIGIT = re.compile(r"[\d<]")


# Which digits they are decides nothing, but for a leading 0x: lines that are alike are masked in the same places.
_ANY_DIGIT = str.maketrans("123456789", "9" * 9)
_Places = tuple[tuple[int, int, str], ...]


def mask(line: str) -> str:
    """The line with what varies replaced by its kind: `took <number>`, `GET <path>`."""
    return _masked(line, _places(line))


def _places(line: str) -> _Places:
    return tuple((match.start(), match.end(), f"<{match.lastgroup}>") for match in _MASK.finditer(line))


def _masked(line: str, places: _Places) -> str:
    parts: list[str] = []
    after = 0
    for start, end, kind in places:
        parts += (line[after:start], kind)
        after = end
    return "".join((*parts, line[after:]))


@dataclass(slots=True)
class _Group:
    tokens: list[str]
    lines: list[LogPattern]

    def similarity(self, tokens: list[str]) -> float:
        # Masked tokens are alike in any two lines: they say little about whether these are one shape.
        words = same = 0
        for mine, yours in zip(self.tokens, tokens, strict=True):
            if mine != yours:
                words += 1
            elif not mine.startswith("<"):
                words += 1
                same += 1
        return same / words if words else 1.0

    def take(self, tokens: list[str], line: LogPattern) -> None:
        pairs = zip(self.tokens, tokens, strict=True)
        self.tokens = [mine if mine == yours else _ANY for mine, yours in pairs]
        self.lines.append(line)


class TemplateTree:
    """Drain: lines of one length and one first word are compared; similar enough ones share a template."""

    def __init__(self, similarity: float = SIMILARITY) -> None:
        self._similarity = similarity
        self._leaves: dict[tuple[object, ...], list[_Group]] = {}
        self._exact: dict[tuple[object, ...], _Group] = {}
        self._places: dict[str, _Places] = {}

    def add(self, line: LogPattern) -> None:
        """Put the line with its like, or open a group of its own."""
        masked = self._mask(line.template)
        place = (line.subject, line.container, line.origin)
        exact = (*place, masked)
        if (group := self._exact.get(exact)) is not None:
            group.lines.append(line)
            return
        tokens = masked.split()[:_MAX_TOKENS]
        verb = _VERB.search(masked)
        first = tokens[0] if tokens and not _HAS_DIGIT.search(tokens[0]) else _ANY
        leaf = self._leaves.setdefault((*place, len(tokens), first, verb and verb[0]), [])
        best = max(leaf, key=lambda one: one.similarity(tokens), default=None)
        if best is None or best.similarity(tokens) < self._similarity:
            best = _Group(tokens, [line])
            leaf.append(best)
        else:
            best.take(tokens, line)
        self._exact[exact] = best

    def _mask(self, line: str) -> str:
        """As `mask` does; where to mask is found once for lines that differ in digits only."""
        shape = line.translate(_ANY_DIGIT)
        places = self._places.get(shape)
        if places is None:
            places = self._places[shape] = _places(line)
        return _masked(line, places)

    def groups(self) -> Iterable[tuple[str, list[LogPattern]]]:
        """Each template with its lines."""
        return ((" ".join(group.tokens), group.lines) for group in chain.from_iterable(self._leaves.values()))


def fold(lines: Iterable[LogPattern]) -> tuple[LogPattern, ...]:
    """One pattern for each template, most frequent first; the same lines in any order give the same patterns."""
    tree = TemplateTree()
    for line in sorted(lines, key=lambda one: (one.template, one.id)):
        tree.add(line)
    folded = [_folded(template, group) for template, group in tree.groups()]
    return tuple(sorted(folded, key=lambda one: (-one.count, one.template, one.id)))


def _folded(template: str, lines: list[LogPattern]) -> LogPattern:
    # The first line's id stays: what a finding cites must stand in the stored evidence.
    if len(lines) == 1:
        return replace(lines[0], template=template, examples=lines[0].examples or (lines[0].template,))
    baselines = [line.baseline_count for line in lines if line.baseline_count is not None]
    examples = chain.from_iterable(line.examples or (line.template,) for line in lines)
    return replace(
        lines[0],
        template=template,
        count=sum(line.count for line in lines),
        baseline_count=sum(baselines) if baselines else None,
        first_seen=min((line.first_seen for line in lines if line.first_seen), default=None),
        last_seen=max((line.last_seen for line in lines if line.last_seen), default=None),
        examples=tuple(dict.fromkeys(examples))[:_MAX_EXAMPLES],
    )
