"""The part of LogsQL that a log question needs: stream and field filters, times, `or`, brackets, the pipe `fields`."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

Document = dict[str, str]
Test = Callable[[Document], bool]

_TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|`[^`]*`|:=|:~|=~|[][(){},|*:=)]|[^\s"`\[\](){},|*:=]+)')


class LogsqlError(Exception):
    """What VictoriaLogs says with 400."""


@dataclass
class LogsQuery:
    """A parsed query: which documents, and which of their fields."""

    matches: Test
    fields: tuple[str, ...] = ()


@dataclass
class _Reader:
    tokens: list[str]
    stream_fields: frozenset[str]
    at: int = 0
    pipes: list[str] = field(default_factory=list)

    @property
    def next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.next
        if not token or (expected and token != expected):
            raise LogsqlError(f"cannot parse query: unexpected {token or 'end'!r}, wanted {expected or 'a token'!r}")
        self.at += 1
        return token


def parse(text: str, stream_fields: frozenset[str]) -> LogsQuery:
    reader = _Reader(_tokens(text), stream_fields)
    matches = _any(reader)
    shown: tuple[str, ...] = ()
    while reader.next == "|":
        reader.take()
        if reader.take() != "fields":
            raise LogsqlError("unexpected pipe")
        names = [_name(reader.take())]
        while reader.next == ",":
            reader.take()
            names.append(_name(reader.take()))
        shown = tuple(names)
    if reader.next:
        raise LogsqlError(f"unexpected tail {reader.next!r}")
    return LogsQuery(matches, shown)


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise LogsqlError(f"cannot parse query at {text[at : at + 20]!r}")
        tokens.append(match[1])
        at = match.end()
    if not tokens:
        raise LogsqlError("missing query")
    return tokens


def _any(reader: _Reader) -> Test:
    alternatives = [_all(reader)]
    while reader.next == "or":
        reader.take()
        alternatives.append(_all(reader))
    return lambda document: any(test(document) for test in alternatives)


def _all(reader: _Reader) -> Test:
    tests = [_one(reader)]
    while reader.next not in {"", "or", ")", "|"}:
        tests.append(_one(reader))
    return lambda document: all(test(document) for test in tests)


def _one(reader: _Reader) -> Test:
    token = reader.take()
    if token == "*":
        return lambda _: True
    if token == "(":
        inside = _any(reader)
        reader.take(")")
        return inside
    if token == "{":
        return _stream(reader)
    return _field(_name(token), reader)


def _field(name: str, reader: _Reader) -> Test:
    operator = reader.take()
    if operator == ":=":
        value = _name(reader.take())
        return lambda document: document.get(name, "") == value
    if operator == ":~":
        pattern = _compiled(_name(reader.take()))
        return lambda document: pattern.search(document.get(name, "")) is not None
    if operator == ":" and reader.next == "*":
        reader.take()
        return lambda document: bool(document.get(name))
    if operator == ":" and reader.next == "[":
        return _time(name, reader)
    raise LogsqlError(f"cannot parse a filter for {name!r}")


def _time(name: str, reader: _Reader) -> Test:
    """`_time:[a, b)`: the start is inside, the end is outside only with a round bracket."""
    reader.take("[")
    parts: list[str] = []
    while reader.next not in {")", "]"}:
        parts.append(reader.take())
    is_open = reader.take() == ")"
    try:
        start, end = (datetime.fromisoformat(part) for part in "".join(parts).split(","))
    except ValueError as error:
        raise LogsqlError(f"cannot parse the time range {''.join(parts)!r}") from error

    def test(document: Document) -> bool:
        at = datetime.fromisoformat(document[name])
        return start <= at < end or (not is_open and at == end)

    return test


def _stream(reader: _Reader) -> Test:
    """Matches by what streams are kept by, and by nothing else."""
    tests: list[Test] = []
    while True:
        tests.append(_stream_test(_name(reader.take()), reader.take(), _name(reader.take()), reader.stream_fields))
        if reader.next != "or":
            break
        reader.take()
    reader.take("}")
    return lambda document: any(test(document) for test in tests)


def _stream_test(name: str, operator: str, value: str, known: frozenset[str]) -> Test:
    if operator == "=":
        return lambda document: name in known and document.get(name, "") == value
    if operator == "=~":
        pattern = _compiled(value)
        return lambda document: name in known and pattern.fullmatch(document.get(name, "")) is not None
    raise LogsqlError(f"unexpected {operator!r} in a stream filter")


def _name(token: str) -> str:
    if token.startswith('"'):
        try:
            return str(json.loads(token))
        except ValueError as error:
            raise LogsqlError(f"cannot unquote {token}") from error
    return token.strip("`")


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise LogsqlError(f"invalid regexp {pattern!r}: {error}") from error
