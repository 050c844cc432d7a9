"""A small PromQL evaluator over series that are functions of time: enough for an enricher's questions."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import promql_parser as promql

from tests.fakes.promql_arithmetic import (
    MATH,
    REDUCERS,
    ExecutionError,
    Labels,
    Value,
    Vector,
    as_vector,
    combined,
    each,
    from_buckets,
    grown,
    meets,
    nameless,
    quantile,
    set_operation,
    signature,
)
from tests.fakes.series import TimeSeries

Node = Any  # the parser's nodes have no common type
_SAMPLE_SECONDS = 30.0
_MOST_SAMPLES = 120
_FEWEST_SAMPLES = 20


class Evaluator:
    """Evaluates parsed expressions over a fixed set of series."""

    def __init__(self, series: Sequence[TimeSeries]) -> None:
        self.series = tuple(series)
        self._chosen: dict[tuple[tuple[str, str, str], ...], list[TimeSeries]] = {}

    def at(self, expr: Node, moment: float) -> Value:
        """The value of an expression at unix seconds: a number or a vector."""
        method = getattr(self, f"_{type(expr).__name__.lower()}", None)
        if method is None:
            raise ExecutionError(f"the stand-in cannot evaluate a {type(expr).__name__}")
        found: Value = method(expr, moment)
        return found

    def selected(self, selector: Node) -> list[TimeSeries]:
        """The series that a selector's name and matchers choose."""
        tests = tuple((m.name, str(m.op).rsplit(".", 1)[-1], m.value) for m in selector.matchers.matchers)
        if selector.name:
            tests = (*tests, ("__name__", "Equal", selector.name))
        if tests not in self._chosen:  # the same at every step of a range
            fitting = (one for one in self.series if all(meets(one.labels.get(n, ""), op, v) for n, op, v in tests))
            self._chosen[tests] = list(fitting)
        return self._chosen[tests]

    def _numberliteral(self, expr: Node, _: float) -> Value:
        return float(expr.val)

    def _parenexpr(self, expr: Node, moment: float) -> Value:
        return self.at(expr.expr, moment)

    def _unaryexpr(self, expr: Node, moment: float) -> Value:
        return each(self.at(expr.expr, moment), lambda value: -value)

    def _vectorselector(self, expr: Node, moment: float) -> Value:
        when = _shifted(expr, moment)
        found = [(dict(one.labels), one.at(when)) for one in self.selected(expr)]
        return [(labels, value) for labels, value in found if value is not None]

    def _window(self, expr: Node, moment: float) -> list[tuple[Labels, list[tuple[float, float]]]]:
        """Each series' samples in the range of a matrix selector or subquery."""
        seconds = expr.range.total_seconds()
        if isinstance(expr, promql.MatrixSelector):
            end = _shifted(expr.vector_selector, moment)
            step = max(min(_SAMPLE_SECONDS, seconds / _FEWEST_SAMPLES), seconds / _MOST_SAMPLES)
            times = [end - step * i for i in range(int(seconds / step), -1, -1)]
            chosen = self.selected(expr.vector_selector)
            sampled = [(dict(one.labels), [(t, one.at(t)) for t in times]) for one in chosen]
            kept = [(labels, [(t, v) for t, v in points if v is not None]) for labels, points in sampled]
            return [(labels, points) for labels, points in kept if points]
        end, step = _shifted(expr, moment), max((expr.step or timedelta(minutes=1)).total_seconds(), 1)
        found: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = {}
        for index in range(int(seconds / step), -1, -1):
            when = end - step * index
            for labels, value in as_vector(self.at(expr.expr, when)):
                found.setdefault(tuple(sorted(labels.items())), []).append((when, value))
        return [(dict(key), points) for key, points in found.items()]

    def _call(self, expr: Node, moment: float) -> Value:
        name, args = expr.func.name, expr.args
        if name in {"rate", "increase", "irate"}:
            return [(nameless(ls), v) for ls, ps in self._window(args[0], moment) if (v := grown(name, ps)) is not None]
        if name == "quantile_over_time":
            share = self._scalar(args[0], moment)
            return [(nameless(ls), quantile(share, [v for _, v in ps])) for ls, ps in self._window(args[1], moment)]
        reducer = REDUCERS.get(name.removesuffix("_over_time"))
        if reducer is not None:
            keep = dict if name == "last_over_time" else nameless
            return [(keep(ls), float(reducer([v for _, v in ps]))) for ls, ps in self._window(args[0], moment)]
        if name in MATH:
            extra = [self._scalar(arg, moment) for arg in args[1:]]
            return each(self.at(args[0], moment), lambda value: float(MATH[name](value, *extra)))
        return self._special(name, args, moment)

    def _special(self, name: str, args: Node, moment: float) -> Value:
        if name == "time":
            return moment
        if name == "vector":
            return [({}, self._scalar(args[0], moment))]
        if name == "timestamp":
            return [(nameless(labels), moment) for labels, _ in as_vector(self.at(args[0], moment))]
        if name in {"sort", "sort_desc"}:
            down = name == "sort_desc"
            return sorted(as_vector(self.at(args[0], moment)), key=lambda one: one[1], reverse=down)
        if name == "absent":
            return [] if as_vector(self.at(args[0], moment)) else [(_equalities(args[0]), 1.0)]
        if name == "histogram_quantile":
            return from_buckets(self._scalar(args[0], moment), as_vector(self.at(args[1], moment)))
        raise ExecutionError(f"the stand-in does not know {name}()")

    def _scalar(self, expr: Node, moment: float) -> float:
        found = self.at(expr, moment)
        if isinstance(found, list):
            raise ExecutionError("expected a scalar")
        return found

    def _aggregateexpr(self, expr: Node, moment: float) -> Value:
        name, modifier = str(expr.op), expr.modifier
        names = list(modifier.labels) if modifier else []
        without = bool(modifier) and str(modifier.type).endswith("Without")
        groups: dict[tuple[tuple[str, str], ...], Vector] = {}
        for labels, value in as_vector(self.at(expr.expr, moment)):
            groups.setdefault(signature(labels, names, included=not without), []).append((labels, value))
        if name in {"topk", "bottomk"}:
            count, top = int(self._scalar(expr.param, moment)), name == "topk"
            ranked = [sorted(group, key=lambda one: one[1], reverse=top)[:count] for group in groups.values()]
            return [one for group in ranked for one in group]
        if name == "quantile":
            share = self._scalar(expr.param, moment)
            return [(dict(key), quantile(share, [v for _, v in group])) for key, group in groups.items()]
        if name not in REDUCERS:
            raise ExecutionError(f"the stand-in does not know {name}")
        return [(dict(key), float(REDUCERS[name]([v for _, v in group]))) for key, group in groups.items()]

    def _binaryexpr(self, expr: Node, moment: float) -> Value:
        left, right, op = self.at(expr.lhs, moment), self.at(expr.rhs, moment), str(expr.op)
        matching = expr.modifier.matching if expr.modifier else None
        included = matching is not None and str(matching.type).endswith("Include")
        names = list(matching.labels) if matching else []

        def key(labels: Labels) -> tuple[tuple[str, str], ...]:
            return signature(labels, names, included=included)

        if op in {"and", "or", "unless"}:
            return set_operation(op, as_vector(left), as_vector(right), key)
        return combined(op, (left, right), key, expr.modifier)


def _equalities(selector: Node) -> Labels:
    matchers = getattr(selector, "matchers", None)
    return {m.name: m.value for m in matchers.matchers if str(m.op).endswith(".Equal")} if matchers else {}


def _shifted(expr: Node, moment: float) -> float:
    if expr.at is not None:
        moment = expr.at.at.timestamp()
    return moment - (expr.offset.total_seconds() if expr.offset else 0.0)
