"""Label matchers in Alertmanager's syntax: `severity="critical"`, `team=~"pay.*"`, `{a="b", c!="d"}`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

Operator = Literal["=", "!=", "=~", "!~"]

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_MATCHER = re.compile(
    rf"""\s*(?P<name>{_QUOTED}|[^\s=!~,{{}}"]+)\s*(?P<operator>=~|!~|!=|=)\s*(?P<value>{_QUOTED}|[^,}}"]*?)\s*(?:,|$)"""
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label; an absent label has the value "". Regular expressions match the whole value."""

    name: str
    operator: Operator
    value: str
    _pattern: re.Pattern[str] = field(repr=False, compare=False)

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels meet the condition."""
        value = labels.get(self.name, "")
        met = value == self.value if self.operator in {"=", "!="} else self._pattern.fullmatch(value) is not None
        return met is not self.operator.startswith("!")


def parse_matchers(text: str) -> tuple[Matcher, ...]:
    """The matchers of one entry. Raises `ValueError` that names what cannot be read."""
    inner = text.strip()
    if inner.startswith("{") and inner.endswith("}"):
        inner = inner[1:-1].strip()
    inner = inner.removesuffix(",")
    matchers = []
    position = 0
    while position < len(inner):
        found = _MATCHER.match(inner, position)
        if found is None:
            message = f"not a label matcher: {text!r}"
            raise ValueError(message)
        matchers.append(_matcher(found, text))
        position = found.end()
    if not matchers:
        raise ValueError("an empty label matcher")
    return tuple(matchers)


def all_match(matchers: Sequence[Matcher], label_sets: Iterable[Mapping[str, str]]) -> bool:
    """Whether at least one of the label sets meets every condition."""
    return any(all(matcher.matches(labels) for matcher in matchers) for labels in label_sets)


def _matcher(found: re.Match[str], text: str) -> Matcher:
    value = _unquoted(found["value"])
    operator = cast("Operator", found["operator"])
    is_pattern = operator in {"=~", "!~"}
    try:
        pattern = re.compile(value if is_pattern else re.escape(value), re.DOTALL)
    except re.error as error:
        message = f"not a regular expression in {text!r}: {error}"
        raise ValueError(message) from error
    return Matcher(_unquoted(found["name"]), operator, value, pattern)


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[0]), text[1:-1])
