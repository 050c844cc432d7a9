"""From an incident to the text that a person reads: theirs over ours by name, and ours when theirs breaks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import structlog
from jinja2 import FileSystemLoader, TemplateError

from app.domain.incident import Incident
from app.notify.details import details_page
from app.notify.markup import LINK_PLACE, address, visible
from app.notify.page import WIDTHS, Occasion, head_page
from app.notify.sample import SAMPLE_NOW, samples
from app.notify.sandbox import TemplateSandbox, render, sandbox
from app.redact import redact

OURS = Path(__file__).parent / "templates"
HEAD_LINES, HEAD_CHARACTERS = 12, 600
DETAILS_CHARACTERS, NEWS_CHARACTERS, TEXT_CHARACTERS, NOTE_CHARACTERS = 11_000, 2_500, 110, 8_000
# What an expression in a template can raise besides Jinja2's own errors.
TEMPLATE_FAULTS = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError)

log = structlog.get_logger(__name__)

Page = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Layout:
    """One kind of text: how its page is made, and what it must fit in, as the reader sees it."""

    template: str
    page: Callable[[Incident, Occasion], Page]
    characters: int
    lines: int = 1_000
    markup: bool = True


HEAD_LAYOUT = Layout("slack_head.txt.j2", head_page, HEAD_CHARACTERS, HEAD_LINES)
DETAILS_LAYOUT = Layout("slack_details.txt.j2", details_page, DETAILS_CHARACTERS)
NEWS_LAYOUT = Layout("slack_news.txt.j2", head_page, NEWS_CHARACTERS)
TEXT_LAYOUT = Layout("slack_text.txt.j2", head_page, TEXT_CHARACTERS, 1)
NOTE_LAYOUT = Layout("pagerduty_note.txt.j2", details_page, NOTE_CHARACTERS, markup=False)
LAYOUTS = (HEAD_LAYOUT, DETAILS_LAYOUT, NEWS_LAYOUT, TEXT_LAYOUT, NOTE_LAYOUT)


@dataclass(frozen=True, slots=True)
class Telling:
    """What is told beside the incident itself: the page's address, notices for the last line, news."""

    now: datetime
    url: str
    notices: tuple[str, ...] = ()
    news: tuple[str, ...] = ()


class Renderer:
    """Renders our templates, or those of `templates_dir` that have the same name."""

    def __init__(self, templates_dir: Path | None) -> None:
        self._dir = templates_dir

    def render(self, layout: Layout, incident: Incident, telling: Telling) -> str:
        """Text that fits `layout`, redacted. A broken own template is logged, named in the text, and ours used."""
        if self._dir is not None and (self._dir / layout.template).is_file():
            try:
                return _fitting(self._dir, layout, incident, telling)
            except TEMPLATE_FAULTS as error:
                reason = _reason(error)
                log.warning("a template is broken, ours is used", template=layout.template, reason=reason)
                notice = f"your template {layout.template.partition('.')[0]} failed ({reason}); ours shown"
                telling = replace(telling, notices=(*telling.notices, notice))
        try:
            return _fitting(OURS, layout, incident, telling)
        except TooLongError as error:
            return _cut(error.text, layout)


class TooLongError(TemplateError):
    """The narrowest text was still too long; `text` is that text."""

    def __init__(self, text: str) -> None:
        super().__init__("longer than the message may be")
        self.text = text


@lru_cache(maxsize=16)
def _environment(folder: Path, markup: bool) -> TemplateSandbox:  # noqa: FBT001 - the key of a cache
    """Compiled templates are kept; a file that changes is read anew."""
    return sandbox(FileSystemLoader(folder), markup=markup)


def _fitting(folder: Path, layout: Layout, incident: Incident, telling: Telling) -> str:
    """The roomiest text that fits. Raises `TooLongError`, and whatever the template raises."""
    environment = _environment(folder, layout.markup)
    text = ""
    for width in WIDTHS:
        text = _rendered(environment, layout, incident, telling, width)
        if fits(layout, text):
            return text
    raise TooLongError(text)


def _rendered(  # noqa: PLR0913, PLR0917 - one call of the loop above
    environment: TemplateSandbox, layout: Layout, incident: Incident, telling: Telling, width: int
) -> str:
    occasion = Occasion(telling.now, tuple(redact(notice) for notice in telling.notices), width)
    news = tuple(redact(line) for line in telling.news) or ("",)
    page = {**layout.page(incident, occasion), "news": news}
    text = redact(render(environment, layout.template, page))
    if not text:
        raise TemplateError("renders nothing")
    # Only now: redaction would take the signature of our own link for somebody's secret.
    return text.replace(LINK_PLACE, address(telling.url) if layout.markup else telling.url)


def fits(layout: Layout, text: str) -> bool:
    """Whether the reader sees no more than the layout allows."""
    shown = visible(text) if layout.markup else text
    return len(shown) <= layout.characters and shown.count("\n") < layout.lines


def _cut(text: str, layout: Layout) -> str:
    """Whole lines from the top and the last one, as many as fit: a line is never broken inside its markup."""
    lines = text.splitlines()
    if len(lines) == 1:
        return text if fits(layout, text) else _ellipsis(text, layout)
    kept, last = lines[:-1], lines[-1]
    while kept and not fits(layout, "\n".join((*kept, "…", last))):
        kept.pop()
    return "\n".join((*kept, "…", last))


def _ellipsis(text: str, layout: Layout) -> str:
    """A line too long even so; escaping is counted, so that no entity is cut in half."""
    shown = visible(text) if layout.markup else text
    cut = shown[: layout.characters - 1].rstrip() + "…"
    return cut.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") if layout.markup else cut


def _reason(error: BaseException) -> str:
    line = getattr(error, "lineno", None)
    text = " ".join(redact(str(error) or type(error).__name__).split())[:60]
    return f"line {line}: {text}" if line else text


def lint_templates(folder: Path) -> list[str]:
    """One line for each problem: unknown names, syntax, undefined words, too long, too slow. Empty means fit."""
    if not folder.is_dir():
        return [f"{folder}: not a folder"]
    known = {layout.template: layout for layout in LAYOUTS}
    problems = []
    for path in sorted(folder.glob("*.j2")):
        layout = known.get(path.name)
        if layout is None:
            problems.append(f"{path.name}: not a name that Sitrep renders; known are {', '.join(sorted(known))}")
        else:
            problems.extend(_problems(folder, layout))
    return problems


def _problems(folder: Path, layout: Layout) -> list[str]:
    telling = Telling(SAMPLE_NOW, "https://sitrep.example/incidents/1", ("a notice",), ("got worse",))
    found: list[str] = []
    for incident in samples():
        try:
            _fitting(folder, layout, incident, telling)
        except TEMPLATE_FAULTS as error:
            found.append(f"{layout.template}: {_reason(error)}")
    return list(dict.fromkeys(found))
