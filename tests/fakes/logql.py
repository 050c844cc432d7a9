"""As much LogQL as an enricher asks: selectors, line and label filters, counts over time."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_STRING = r'(?:"(?:[^"\\]|\\.)*"|`[^`]*`)'
_MATCHER = re.compile(rf"\s*(?P<name>[A-Za-z_]\w*)\s*(?P<op>=~|!~|!=|=)\s*(?P<value>{_STRING})\s*")
_LINE_FILTER = re.compile(rf"\s*(?P<op>\|=|\|~|!=|!~)\s*(?P<value>{_STRING})")
_LABEL_FILTER = re.compile(
    rf"\s*\|\s*(?P<name>[A-Za-z_]\w*)\s*(?P<op>=~|!~|!=|>=|<=|==|=|>|<)\s*(?P<value>{_STRING}|[\d.]+)"
)
_STAGE = re.compile(
    rf"\s*\|\s*(?P<stage>json|logfmt|unpack|decolorize|line_format\s*{_STRING}|(?:keep|drop)\s+[\w, ]+)"
)
_RANGE = re.compile(r"\s*\[(?P<range>(?:\d+(?:ms|[smhdw]))+)\]\s*")
_COUNT = re.compile(r"\s*(?P<function>count_over_time|rate|bytes_over_time|bytes_rate)\s*\(")
_GROUP = re.compile(r"\s*(?P<op>sum|max|min|avg|count|topk|bottomk)\s*(?:by\s*\((?P<before>[\w, ]*)\)\s*)?\(")
_BY = re.compile(r"\s*by\s*\((?P<after>[\w, ]*)\)")
_UNIT_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}

Labels = Mapping[str, str]
Step = Callable[[str, dict[str, str]], bool]
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    "==": lambda a, b: a == b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


class LogqlError(ValueError):
    """What Loki says, as text, with its 400."""


@dataclass(frozen=True, slots=True)
class LogSelection:
    """Which streams, then which of their lines; steps may add labels that they parsed."""

    stream: Callable[[Labels], bool]
    steps: tuple[Step, ...]

    def line(self, text: str, labels: dict[str, str]) -> bool:
        return all(step(text, labels) for step in self.steps)


@dataclass(frozen=True, slots=True)
class Count:
    """A metric query: one range function over a selection, grouped by labels (None: not grouped)."""

    selection: LogSelection
    function: str
    range_seconds: float
    operator: str = ""
    by: tuple[str, ...] | None = None


def parse(query: str) -> LogSelection | Count:
    """Raises `LogqlError` where Loki would answer 400."""
    if not query.strip():
        raise LogqlError("parse error : syntax error: unexpected $end")
    text = query.strip()
    found, position = _expression(text, 0)
    if text[position:].strip():
        raise LogqlError(
            f"parse error at line 1, col {position + 1}: syntax error: unexpected {text[position:][:20]!r}"
        )
    return found


def _expression(text: str, position: int) -> tuple[LogSelection | Count, int]:
    if text[position:].lstrip().startswith("{"):
        return _selection(text, position)
    if match := _COUNT.match(text, position):
        selection, end = _selection(text, match.end())
        window = _RANGE.match(text, end)
        if window is None:
            raise LogqlError(f"parse error at line 1, col {end + 1}: syntax error: unexpected ), expecting RANGE")
        seconds = sum(float(n) * _UNIT_SECONDS[u] for n, u in re.findall(r"(\d+)(ms|[smhdw])", window["range"]))
        return Count(selection, match["function"], seconds), _closed(text, window.end())
    if match := _GROUP.match(text, position):
        start = match.end()
        if match["op"] in {"topk", "bottomk"}:
            inner, end = _expression(text, text.index(",", start) + 1)
            return inner, _closed(text, end)
        inner, end = _expression(text, start)
        end, by = _closed(text, end), match["before"]
        if after := _BY.match(text, end):
            by, end = after["after"], after.end()
        if not isinstance(inner, Count):
            raise LogqlError("parse error : syntax error: unexpected ), a log query cannot be aggregated")
        names = tuple(name.strip() for name in (by or "").split(",") if name.strip())
        return Count(inner.selection, inner.function, inner.range_seconds, match["op"], names), end
    raise LogqlError(f"parse error at line 1, col {position + 1}: syntax error: unexpected IDENTIFIER")


def _closed(text: str, position: int) -> int:
    match = re.compile(r"\s*\)").match(text, position)
    if match is None:
        raise LogqlError(f"parse error at line 1, col {position + 1}: syntax error: unexpected $end, expecting )")
    return match.end()


def _selection(text: str, position: int) -> tuple[LogSelection, int]:
    start = text.find("{", position)
    if start < 0 or text[position:start].strip():
        raise LogqlError(f"parse error at line 1, col {position + 1}: syntax error: expecting {{")
    matchers: list[re.Match[str]] = []
    at = start + 1
    while match := _MATCHER.match(text, at):
        matchers.append(match)
        at = match.end()
        if text[at : at + 1] == ",":
            at += 1
    if text[at : at + 1] != "}":
        raise LogqlError(f"parse error at line 1, col {at + 1}: syntax error: unexpected {text[at : at + 1] or '$end'}")
    tests = [(match["name"], _test(match["op"], _unquoted(match["value"]))) for match in matchers]
    if all(test("") for _, test in tests):
        raise LogqlError(
            "parse error : queries require at least one regexp or equality matcher that does not have an "
            'empty-compatible value. For instance, app=~".*" does not meet this requirement, but app=~".+" will'
        )
    steps, end = _steps(text, at + 1)
    return LogSelection(lambda labels: all(test(labels.get(name, "")) for name, test in tests), steps), end


def _steps(text: str, position: int) -> tuple[tuple[Step, ...], int]:
    steps: list[Step] = []
    while True:
        if match := _LINE_FILTER.match(text, position):
            steps.append(_line_step(match["op"], _unquoted(match["value"])))
        elif match := _STAGE.match(text, position):
            steps.append(_parse_step(match["stage"]))
        elif match := _LABEL_FILTER.match(text, position):
            steps.append(_label_step(match["name"], match["op"], match["value"]))
        else:
            return tuple(steps), position
        position = match.end()


def _unquoted(literal: str) -> str:
    if literal.startswith("`"):
        return literal[1:-1]
    try:
        return str(json.loads(literal))
    except ValueError as error:
        raise LogqlError(f"parse error : invalid char escape in {literal}") from error


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise LogqlError(f"parse error : error parsing regexp: {error}") from error


def _test(op: str, value: str) -> Callable[[str], bool]:
    if op in {"=", "!="}:
        return lambda found: (found == value) is (op == "=")
    pattern = _compiled(value)
    return lambda found: (pattern.fullmatch(found) is not None) is (op == "=~")


def _line_step(op: str, value: str) -> Step:
    if op in {"|=", "!="}:
        return lambda line, _: (value in line) is (op == "|=")
    pattern = _compiled(value)
    return lambda line, _: (pattern.search(line) is not None) is (op == "|~")


def _label_step(name: str, op: str, value: str) -> Step:
    if value[0] in '"`':
        if op in {">", "<", ">=", "<=", "=="}:
            raise LogqlError(f"parse error : syntax error: unexpected STRING after {op}")
        test = _test(op, _unquoted(value))
        return lambda _, labels: test(labels.get(name, ""))
    compare, bound = _COMPARISONS[op], float(value)

    def step(_: str, labels: dict[str, str]) -> bool:
        try:
            return compare(float(labels[name]), bound)
        except (KeyError, ValueError):
            return False

    return step


def _parse_step(stage: str) -> Step:
    def step(line: str, labels: dict[str, str]) -> bool:
        if stage == "json":
            try:
                fields = json.loads(line)
                parsed = {k: str(v) for k, v in fields.items() if not isinstance(v, dict | list)}
            except (ValueError, AttributeError):
                parsed = {"__error__": "JSONParserErr"}
        elif stage == "logfmt":
            parsed = {k: v.strip('"') for k, v in re.findall(r'([\w.]+)=("[^"]*"|\S*)', line)}
        else:
            parsed = {}
        for name, value in parsed.items():
            labels[f"{name}_extracted" if name in labels else name] = value
        return True

    return step
