"""PromQL as a syntax tree: the alert's own expression, its threshold, added matchers, escaping. Pure."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import parse_qs, urlsplit

import promql_parser as promql

MAX_EXPRESSION_CHARACTERS = 4096
# The parser recurses on the native stack: some thousand brackets would end the process, so none that deep gets in.
MAX_DEPTH = 100
MAX_NUMBER_DEPTH = 20
# Parsing a chain takes the square of its length: four thousand characters of `x+x+…` would block us for seconds.
MAX_OPERATORS = 300
OPERATOR = re.compile(r"[-+*/%^<>=!]|\b(?:and|or|unless|atan2)\b", re.IGNORECASE)
MAX_URL_CHARACTERS = 16 * 1024
# Printing indents a deep tree, so a chain of a thousand terms would become megabytes.
MAX_PRINTED_CHARACTERS = 4 * MAX_EXPRESSION_CHARACTERS

FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}
ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
REGEX_SPECIAL = frozenset("\\.+*?()|[]{}^$")


def alert_expression(generator_url: str) -> str | None:
    """The rule's expression in Prometheus' link (`g0.expr`), decoded once; None where there is none or it is huge.

    The address itself is never fetched: an alert could name any host.
    """
    if len(generator_url) > MAX_URL_CHARACTERS:
        return None
    try:
        found = parse_qs(urlsplit(generator_url).query, max_num_fields=50).get("g0.expr", [""])[0]
    except ValueError:
        return None
    expression = found.strip()
    return expression if expression and len(expression) <= MAX_EXPRESSION_CHARACTERS else None


def parses(expr: str) -> bool:
    """Whether this is PromQL; what is too long or too deep is not."""
    return _tree(expr) is not None


def without_threshold(expr: str) -> tuple[str, str, float] | None:
    """`(expression, operator, number)` of `expression <op> number`, either way round; None for any other shape."""
    tree = _tree(expr)
    while isinstance(tree, promql.ParenExpr):
        tree = tree.expr
    if not isinstance(tree, promql.BinaryExpr) or str(tree.op) not in FLIPPED or _answers_zero_or_one(tree):
        return None
    comparison = str(tree.op)
    left, right = _number(tree.lhs), _number(tree.rhs)
    if (left is None) == (right is None):
        return None
    value, measured = (left, tree.rhs) if left is not None else (right, tree.lhs)
    text = _printed(measured)
    if text is None or value is None:
        return None
    return text, FLIPPED[comparison] if left is not None else comparison, value


def add_matchers(expr: str, labels: Mapping[str, str]) -> str:
    """The expression with `label="value"` in each selector that does not name the label. `ValueError` if no PromQL."""
    return _rewritten(expr, lambda selector: _narrowed(selector, labels))


def confine(expr: str, labels: Mapping[str, str]) -> str:
    """The expression with `label="value"` in every selector, beside whatever it says of the label itself.

    Raises `ValueError` where that cannot be said: no PromQL, or MetricsQL's alternatives in one selector.
    """
    return _rewritten(expr, lambda selector: _confined(selector, labels))


def _rewritten(expr: str, rewrite: Callable[[promql.VectorSelector], promql.Expr | None]) -> str:
    """With each selector as `rewrite` wants it; None leaves it as it is."""
    tree = _tree(expr)
    if tree is None:
        raise ValueError("not a PromQL expression")

    def narrowed(node: promql.Expr) -> promql.Expr | None:
        return rewrite(node) if isinstance(node, promql.VectorSelector) else None

    text = _printed(promql.transform(tree, narrowed))
    if text is None:
        raise ValueError("the expression is too large")
    return text


def escape_label_value(value: str) -> str:
    """The value as it may stand between double quotes, in PromQL and in LogQL."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\x00", "")


def escape_regex(value: str) -> str:
    """The value as a literal in an RE2 expression; still to be escaped as a label value."""
    return "".join("\\" + character if character in REGEX_SPECIAL else character for character in value)


def skeleton(expr: str) -> tuple[str, ...] | None:
    """The expression's structure without its label values: equal for any two values that stand in quotes."""
    tree = _tree(expr)
    if tree is None:
        return None
    parts: list[str] = []

    def note(node: promql.Expr) -> None:
        parts.append(type(node).__name__)
        if isinstance(node, promql.VectorSelector):
            parts.append(str(node.name))
            parts.extend(f"{matcher.name}{matcher.op}" for matcher in node.matchers.matchers)

    promql.walk(tree, note)
    return tuple(parts)


def _tree(expr: str) -> promql.Expr | None:
    if len(expr) > MAX_EXPRESSION_CHARACTERS or _depth(expr) > MAX_DEPTH or _operators(expr) > MAX_OPERATORS:
        return None
    try:
        return promql.parse(expr)
    except ValueError:
        return None


def _depth(expr: str) -> int:
    """The deepest nesting of brackets; those in strings count too, which only errs on the safe side."""
    depth = deepest = 0
    for character in expr:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth = max(0, depth - 1)
    return deepest


def _operators(expr: str) -> int:
    """How many there are; those in strings and matchers count too."""
    return sum(1 for _ in OPERATOR.finditer(expr))


def _printed(tree: promql.Expr) -> str | None:
    text: str = tree.prettify()
    return text if len(text) <= MAX_PRINTED_CHARACTERS else None


def _answers_zero_or_one(tree: promql.BinaryExpr) -> bool:
    """`x > bool 1` does not filter, so the rule's threshold is not this comparison."""
    return tree.modifier is not None and bool(tree.modifier.return_bool)


def _number(node: promql.Expr, steps: int = MAX_NUMBER_DEPTH) -> float | None:
    """The value of an expression that holds numbers only (`90 * 60`); None too where it nests absurdly."""
    if steps == 0:
        return None
    if isinstance(node, promql.NumberLiteral):
        return float(node.val)
    if isinstance(node, promql.ParenExpr):
        return _number(node.expr, steps - 1)
    if isinstance(node, promql.UnaryExpr):
        value = _number(node.expr, steps - 1)
        return None if value is None else -value
    return _calculated(node, steps) if isinstance(node, promql.BinaryExpr) else None


def _calculated(node: promql.BinaryExpr, steps: int) -> float | None:
    left, right = _number(node.lhs, steps - 1), _number(node.rhs, steps - 1)
    calculate = ARITHMETIC.get(str(node.op))
    if calculate is None or left is None or right is None:
        return None
    return None if calculate is operator.truediv and right == 0 else calculate(left, right)


def _narrowed(selector: promql.VectorSelector, labels: Mapping[str, str]) -> promql.Expr | None:
    taken = {matcher.name for matcher in selector.matchers.matchers}
    added = [promql.Matcher(promql.MatchOp.Equal, name, value) for name, value in labels.items() if name not in taken]
    return None if selector.matchers.or_matchers else _with(selector, added)


def _confined(selector: promql.VectorSelector, labels: Mapping[str, str]) -> promql.Expr | None:
    if selector.matchers.or_matchers:
        raise ValueError("a selector with alternatives")
    present = selector.matchers.matchers
    said = {(matcher.name, matcher.value) for matcher in present if matcher.op == promql.MatchOp.Equal}
    added = [promql.Matcher(promql.MatchOp.Equal, name, value) for name, value in labels.items()]
    return _with(selector, [matcher for matcher in added if (matcher.name, matcher.value) not in said])


def _with(selector: promql.VectorSelector, added: Sequence[promql.Matcher]) -> promql.Expr | None:
    """A selector parsed anew from its text: the tree itself ignores changed matchers, and its text escapes nothing."""
    present = list(selector.matchers.matchers)
    if not added:
        return None
    for matcher in (*present, *added):
        matcher.value = escape_label_value(matcher.value)
    selector.matchers = promql.Matchers([*present, *added])
    return promql.parse(str(selector))
