"""A playbook as `sitrep playbooks show` prints it: what is looked up, how to read it, what to check."""

from collections.abc import Iterator

from app.domain.playbook import Playbook, PlaybookQuery
from app.domain.subject import CLUSTER_SCOPED_KINDS, Subject
from app.playbooks.loader import ANY_OTHER, Playbooks
from app.playbooks.rendering import Context, render_address

WORSE = {"up": "more is worse", "down": "less is worse", "both": "any change is bad", "": ""}
LIKELY_KIND = "Deployment"


def shown(books: Playbooks, alertname: str, kind: str = "") -> Iterator[str]:
    """Its lines, for a subject of this kind; of the kind that its playbook is for where none is given."""
    subject = _subject(books, alertname, kind)
    named = books.named(alertname, subject)
    whole = books.for_alert(alertname, subject)
    own = {query.name for book in named for query in book.queries}
    names = ", ".join(book.name for book in named)
    is_known = any(ANY_OTHER not in book.alerts for book in named)
    yield f"{alertname}, about a {subject.kind}: {names if is_known else f'no playbook names it ({names})'}"
    yield "looked up:"
    for query in (query for query in whole.queries if query.name in own):
        yield from _query(query)
    yield f"looked up for every {subject.kind}:"
    for query in (query for query in whole.queries if query.name not in own):
        yield from _query(query)
    yield from _words(alertname, subject, whole)


def _subject(books: Playbooks, alertname: str, kind: str) -> Subject:
    told = [book for book in books.every if alertname in book.alerts]
    kinds = [*([kind] if kind else []), *(kind for book in told for kind in book.kinds), LIKELY_KIND]
    return Subject("", "" if kinds[0] in CLUSTER_SCOPED_KINDS else "namespace", kinds[0], "name")


def _query(query: PlaybookQuery) -> Iterator[str]:
    about = [query.unit or "no unit", WORSE[query.direction], "and a day ago" if query.usual else ""]
    yield f"  {query.name} ({', '.join(one for one in about if one)}): {query.question}"
    if query.meaning:
        yield f"    {' '.join(query.meaning.split())}"
    yield f"    {' '.join(query.expr.split())}"


def _words(alertname: str, subject: Subject, book: Playbook) -> Iterator[str]:
    if book.notes:
        yield "good to know:"
        yield from (f"  {note}" for note in book.notes)
    if book.first_checks:
        yield "first checks:"
        yield from (f"  {check}" for check in book.first_checks)
    address = render_address(book.runbook, Context(subject, {"alertname": alertname}))
    if address:
        yield f"runbook: {address}"
