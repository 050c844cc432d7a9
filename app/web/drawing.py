"""Templates to pages: escaped, in words that a person reads, with headers that let nothing run."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.domain.incident import Hypothesis

MINUTE, HOUR, DAY = 60, 3_600, 86_400
HEADERS = {
    # Everything that a page shows may have been written by an attacker; nothing of it may run or be fetched.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def draw(template: str, status: int = 200, **values: Any) -> HTMLResponse:  # noqa: ANN401 - template variables
    """A page of this template."""
    content = _templates.get_template(template).render(**values)
    return HTMLResponse(content, status_code=status, headers=HEADERS)


def _instant(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if at else "not known"


def _machine(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")


def span(seconds: float) -> str:
    """`40 s`, `12 min`, `3 h`, `2 d`: one unit, as people say it."""
    seconds = abs(seconds)
    for size, unit, least in ((DAY, "d", 2 * DAY), (HOUR, "h", 2 * HOUR), (MINUTE, "min", 90)):
        if seconds >= least:
            return f"{round(seconds / size)} {unit}"
    return f"{round(seconds)} s"


def beside(at: datetime, onset: datetime | None) -> str:
    """When, as it lies to the onset: `00:01, 4 min before`; with the date where that is far away."""
    moment = at.astimezone(UTC)
    if onset is None:
        return _instant(at)
    seconds = (at - onset).total_seconds()
    clock = moment.strftime("%H:%M:%S" if abs(seconds) < DAY / 2 else "%Y-%m-%d %H:%M")
    if abs(seconds) < 1:
        return f"{clock}, at onset"
    return f"{clock}, {span(seconds)} {'after' if seconds > 0 else 'before'}"


def _web_link(url: str) -> str:
    """The address if a browser may safely follow it; empty for anything else."""
    return url if url.startswith(("https://", "http://")) else ""


def _headline(text: str) -> tuple[str, str]:
    """What it is, in large, and the rest of the sentence."""
    first, _, rest = text.partition("; ")
    return first, rest


def _claim(hypothesis: Hypothesis) -> str:
    """The statement without the reasons that are listed below it, which it repeats so as to stand alone."""
    first, *rest = hypothesis.statement.split("; ")
    shown = "; ".join(hypothesis.because)
    # A reason may hold a semicolon itself, and be cut in the statement.
    own = [part for part in rest if part.rstrip("…")[:40] not in shown]
    return "; ".join([first, *own])


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = {
        "instant": _instant,
        "machine": _machine,
        "span": span,
        "beside": beside,
        "web_link": _web_link,
        "headline": _headline,
        "claim": _claim,
    }
    environment.filters.update(filters)
    return environment


_templates = _environment()
