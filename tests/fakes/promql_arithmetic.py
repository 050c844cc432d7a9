"""The arithmetic of PromQL: operators, matching of vectors, reductions, bucket quantiles."""

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from statistics import fmean, pstdev
from typing import Any

Labels = dict[str, str]
Vector = list[tuple[Labels, float]]
Value = Vector | float

_ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "^": operator.pow,
    "/": lambda a, b: a / b if b else (math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a)),
    "%": lambda a, b: math.fmod(a, b) if b else math.nan,
}
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


class ExecutionError(Exception):
    """What Prometheus answers with 422; or something that this stand-in cannot do."""


def quantile(share: float, values: Sequence[float]) -> float:
    """As Prometheus interpolates it."""
    ordered = sorted(values)
    rank = share * (len(ordered) - 1)
    low, high = math.floor(rank), math.ceil(rank)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)


REDUCERS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "sum": sum,
    "min": min,
    "max": max,
    "avg": fmean,
    "count": len,
    "group": lambda _: 1.0,
    "stddev": pstdev,
    "last": lambda values: values[-1],
    "present": lambda _: 1.0,
    "changes": lambda values: sum(a != b for a, b in pairwise(values)),
    "resets": lambda values: sum(b < a for a, b in pairwise(values)),
    "delta": lambda values: values[-1] - values[0],
}
MATH: Mapping[str, Callable[..., float]] = {
    "abs": abs,
    "ceil": math.ceil,
    "floor": math.floor,
    "round": lambda value, nearest=1.0: math.floor(value / nearest + 0.5) * nearest,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "ln": math.log,
    "clamp_min": max,
    "clamp_max": min,
    "clamp": lambda value, low, high: min(max(value, low), high),
}


def combined(
    op: str,
    sides: tuple[Value, Value],
    key: Callable[[Labels], Any],
    modifier: Any,  # noqa: ANN401
) -> Value:
    left, right = sides
    boolean = bool(modifier and modifier.return_bool)
    if not isinstance(left, list) and not isinstance(right, list):
        return _ARITHMETIC[op](left, right) if op in _ARITHMETIC else float(_COMPARISONS[op](left, right))
    many_right = modifier is not None and str(modifier.card).endswith("OneToMany")
    grouped = modifier is not None and not str(modifier.card).endswith("OneToOne")
    pairs: list[tuple[Labels, float, float]] = []
    if not isinstance(right, list):
        pairs = [(labels, value, right) for labels, value in as_vector(left)]
    elif not isinstance(left, list):
        pairs = [(labels, left, value) for labels, value in right]
    else:
        many, one = (right, left) if many_right else (left, right)
        index = {}
        for labels, value in one:
            if key(labels) in index:
                raise ExecutionError("found duplicate series for the match group: many-to-many matching not allowed")
            index[key(labels)] = value
        for labels, value in many:
            if key(labels) in index:
                other = index[key(labels)]
                shown = labels if grouped or op in _COMPARISONS else dict(key(labels))
                pairs.append((shown, other, value) if many_right else (shown, value, other))
    if op in _ARITHMETIC:
        return [(nameless(labels), _ARITHMETIC[op](a, b)) for labels, a, b in pairs]
    if boolean:
        return [(nameless(labels), float(_COMPARISONS[op](a, b))) for labels, a, b in pairs]
    shown_left = isinstance(left, list)
    return [(labels, a if shown_left else b) for labels, a, b in pairs if _COMPARISONS[op](a, b)]


def set_operation(op: str, left: Vector, right: Vector, key: Callable[[Labels], Any]) -> Vector:
    there = {key(labels) for labels, _ in right}
    if op == "and":
        return [one for one in left if key(one[0]) in there]
    if op == "unless":
        return [one for one in left if key(one[0]) not in there]
    here = {key(labels) for labels, _ in left}
    return left + [one for one in right if key(one[0]) not in here]


def signature(labels: Labels, names: list[str], *, included: bool) -> tuple[tuple[str, str], ...]:
    kept = {n: v for n, v in labels.items() if ((n in names) if included else (n not in names and n != "__name__"))}
    return tuple(sorted(kept.items()))


def meets(value: str, op: str, wanted: str) -> bool:
    if op in {"Equal", "NotEqual"}:
        return (value == wanted) is (op == "Equal")
    return (re.fullmatch(wanted, value) is not None) is (op == "Re")


def nameless(labels: Labels) -> Labels:
    return {name: value for name, value in labels.items() if name != "__name__"}


def as_vector(value: Value) -> Vector:
    return value if isinstance(value, list) else [({}, value)]


def each(value: Value, change: Callable[[float], float]) -> Value:
    if isinstance(value, list):
        return [(nameless(labels), change(one)) for labels, one in value]
    return change(value)


def grown(name: str, points: list[tuple[float, float]]) -> float | None:
    if name == "irate":
        points = points[-2:]
    if len(points) < 2:
        return None
    grown = sum(b - a if b >= a else b for (_, a), (_, b) in pairwise(points))
    return grown if name == "increase" else grown / (points[-1][0] - points[0][0])


def from_buckets(share: float, buckets: Vector) -> Vector:
    groups: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
    for labels, value in buckets:
        if "le" in labels:
            key = signature(labels, ["le"], included=False)
            groups.setdefault(key, []).append((float(labels["le"]), value))
    return [(dict(key), _bucket_quantile(share, sorted(found))) for key, found in groups.items()]


def _bucket_quantile(share: float, buckets: list[tuple[float, float]]) -> float:
    total = buckets[-1][1]
    if not math.isinf(buckets[-1][0]) or total == 0 or len(buckets) < 2:
        return math.nan
    rank, low, below = share * total, 0.0, 0.0
    for bound, count in buckets:
        if count >= rank:
            if math.isinf(bound):
                return low
            return low + (bound - low) * (rank - below) / (count - below) if count > below else bound
        low, below = bound, count
    return low
