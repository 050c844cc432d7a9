"""Which of an incident's alerts are about a subject: their labels fill the templates for it."""

import re
from collections.abc import Iterable, Sequence

from app.domain.alert import Alert
from app.domain.subject import Subject

MAX_ALERTNAMES = 3
# A group may carry thousands; the first few hundred name whatever matters.
MAX_ALERTS = 300


def one_of_each_name(alerts: Sequence[Alert], subject: Subject) -> tuple[Alert, ...]:
    """The first alert of each name that is about the subject; where none is, the first of each name at all."""
    looked_at = alerts[:MAX_ALERTS]
    about = [alert for alert in looked_at if is_about(alert, subject)]
    return _first_of_each(about or looked_at)


def is_about(alert: Alert, subject: Subject) -> bool:
    """Whether a label names the subject: whole, as the beginning of a pod's name, or as a host in an address."""
    if subject.kind == "Cluster":
        return True
    values = alert.labels.values()
    if subject.namespace and not any(subject.namespace in value for value in values):
        return False
    named = re.compile(rf"(?:^|[/@\[]){re.escape(subject.name)}(?:$|[-.:/\]])")
    return any(named.search(value) for value in values)


def _first_of_each(alerts: Iterable[Alert]) -> tuple[Alert, ...]:
    by_name: dict[str, Alert] = {}
    for alert in alerts:
        by_name.setdefault(alert.name, alert)
    return tuple(by_name.values())[:MAX_ALERTNAMES]
