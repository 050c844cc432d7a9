"""The Jinja2 sandbox in which templates run: nothing undefined, nothing unescaped, nothing without end."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from jinja2 import BaseLoader, StrictUndefined, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from app.notify.markup import LINK_PLACE, Safe, clock, code, link, local_clock, mrkdwn, plain, visible
from app.notify.words import is_command
from app.redact import redact

RENDER_SECONDS = 0.5
MAX_RENDERED_CHARACTERS = 40_000
_RANGE_LIMIT = 10_000
_passes_left: ContextVar[int] = ContextVar("passes_left", default=0)

Escape = Callable[[object], Safe]


class TemplateSandbox(ImmutableSandboxedEnvironment):
    """Immutable values, no huge ranges, no powers, no long repetitions."""

    intercepted_binops = frozenset(["*", "**"])

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:  # noqa: ANN401 - as Jinja2 has it
        """A template multiplies small numbers; everything else is a way to eat memory."""
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        if operator == "**" or not numbers:
            raise SecurityError("a template may only multiply numbers")
        return super().call_binop(context, operator, left, right)


def sandbox(loader: BaseLoader, *, markup: bool) -> TemplateSandbox:
    """An environment whose output is escaped mrkdwn, or plain text where `markup` is false."""
    escape: Escape = mrkdwn if markup else plain
    environment = TemplateSandbox(
        loader=loader,
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize(escape),
    )
    environment.globals = {"range": _short_range}
    environment.filters.update(_filters(escape, markup=markup))
    for name in ("pprint", "tojson", "xmlattr", "urlize", "safe", "forceescape", "center", "filesizeformat"):
        environment.filters.pop(name, None)
    return environment


def render(environment: TemplateSandbox, name: str, page: Mapping[str, Any]) -> str:
    """The finished text, within time and size. Raises `jinja2.TemplateError` and what expressions raise."""
    _passes_left.set(_RANGE_LIMIT)
    deadline = time.monotonic() + RENDER_SECONDS
    chunks, size = [], 0
    for chunk in environment.get_template(name).generate(page):
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_RENDERED_CHARACTERS:
            raise SecurityError(f"more than {MAX_RENDERED_CHARACTERS} characters")
        if time.monotonic() > deadline:
            raise SecurityError(f"took longer than {RENDER_SECONDS:g} s")
    return _tidy("".join(chunks))


def _finalize(escape: Escape) -> Callable[[object], str]:
    def finalize(value: object) -> str:
        # A plain `str`: Jinja2 joins chunks, and nothing may pass for ready-made markup again.
        return str(escape(value if isinstance(value, Safe) else redact(str(value))))

    return finalize


def _filters(escape: Escape, *, markup: bool) -> dict[str, Callable[..., Any]]:
    def page_link(label: object) -> Safe:
        return link(LINK_PLACE, label) if markup else Safe(f"{plain(label)} {LINK_PLACE}")

    def to_link(label: object, url: str) -> Safe:
        clean = redact(str(url))
        return link(clean, redact(str(label))) if markup else plain(f"{label} {clean}")

    def command(step: object) -> Safe:
        text = redact(str(step))
        if not (markup and is_command(text)):
            return escape(text)
        # Told as plain text, a command must survive copying; one that would not is on the page.
        as_code = code(text)
        return as_code if visible(as_code).strip("`") == text.strip() else page_link("open the details")

    def code_span(value: object) -> Safe:
        return code(redact(str(value))) if markup else plain(value)

    @pass_context
    def told_time(context: Context, when: datetime) -> Safe:
        now: datetime = context["edited"]
        return local_clock(when, now) if markup else Safe(clock(when, now))

    return {
        "time": told_time,
        "page_link": page_link,
        "link": to_link,
        "command": command,
        "code": code_span,
        "bold": lambda value: Safe(f"*{escape(redact(str(value)))}*") if markup else escape(value),
    }


class _Numbers:
    """A range that pays for every pass over it, so that nested loops without output end, too."""

    def __init__(self, numbers: range) -> None:
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[int]:
        left = _passes_left.get() - len(self._numbers)
        _passes_left.set(left)
        if left < 0:
            raise SecurityError(f"loops over ranges of more than {_RANGE_LIMIT} in all")
        return iter(self._numbers)


def _short_range(*bounds: int) -> _Numbers:
    return _Numbers(range(*bounds))


def _tidy(text: str) -> str:
    """No trailing blanks, no two empty lines in a row."""
    lines: list[str] = []
    for line in text.strip().splitlines():
        stripped = line.rstrip()
        if stripped or (lines and lines[-1]):
            lines.append(stripped)
    return "\n".join(lines)
