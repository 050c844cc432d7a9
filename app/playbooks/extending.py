"""A team's additions to a playbook of ours."""

from dataclasses import replace

from app.domain.playbook import Advice, Playbook


def extended(base: Playbook, book: Playbook) -> Playbook:
    """Ours with what theirs adds: their words first, their query in the place of ours of the same name."""
    own = {(query.name, query.kinds) for query in book.queries}
    about = dict(base.about)
    for alert, advice in book.about.items():
        about[alert] = both(advice, about.get(alert, Advice()))
    return replace(
        base,
        name=book.name,
        alerts=tuple(dict.fromkeys((*base.alerts, *book.alerts))),
        kinds=tuple(dict.fromkeys((*base.kinds, *book.kinds))) if base.kinds else (),
        queries=(*book.queries, *(query for query in base.queries if (query.name, query.kinds) not in own)),
        notes=(*book.notes, *base.notes),
        first_checks=(*book.first_checks, *base.first_checks),
        runbook=book.runbook or base.runbook,
        about=about,
        extends=book.extends,
    )


def both(first: Advice, then: Advice) -> Advice:
    """What both say, in this order; the first address counts."""
    checks = (*first.first_checks, *then.first_checks)
    return Advice((*first.notes, *then.notes), checks, first.runbook or then.runbook)
