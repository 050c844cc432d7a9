"""What the playbooks have to say to the reader of an incident, before anything is measured."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from app.domain.alert import Alert, AlertStatus
from app.domain.playbook import Guidance, Playbook, PlaybookQuery
from app.domain.subject import Subject
from app.playbooks.concerning import is_about, one_of_each_name
from app.playbooks.loader import ANY_OTHER
from app.playbooks.rendering import Context, render_address, render_commands

MAX_NOTES = 5
MAX_CHECKS = 5
MAX_SUBJECTS = 5
MAX_CHECK_CHARACTERS = 300

Asked = tuple[tuple[Subject, PlaybookQuery], ...]
"""The questions that playbooks ask by an alert's name, each with whom it is about."""


class Shelf(Protocol):
    """Playbooks as they are now."""

    def named(self, alertname: str, subject: Subject) -> tuple[Playbook, ...]:
        """Those that name this alert, each cut to what it says about it."""
        ...

    def for_alert(self, alertname: str, subject: Subject) -> Playbook:
        """What is known for this alert, then for this kind of subject, then for all: as one playbook."""
        ...


class Guide:
    """Tells for an incident what its playbooks say, and which of their numbers to read."""

    def __init__(self, playbooks: Shelf) -> None:
        """`playbooks` are asked anew for each incident, for they may change."""
        self._playbooks = playbooks

    def __call__(self, alerts: Sequence[Alert], subjects: Sequence[Subject]) -> tuple[Guidance, Asked]:
        """Words of the alerts' own playbooks first, then of those for this kind of subject."""
        firing = [alert for alert in alerts if alert.status is AlertStatus.FIRING] or list(alerts)
        pairs = list(self._pairs(firing, subjects))
        named = [
            (alert, subject, book) for alert, subject in pairs for book in self._playbooks.named(alert.name, subject)
        ]
        whole = [(alert, subject, self._playbooks.for_alert(alert.name, subject)) for alert, subject in pairs]
        asked = dict.fromkeys((subject, query) for _, subject, book in named for query in book.queries)
        return Guidance(
            # What is said of any alert is nobody's playbook.
            playbooks=tuple(dict.fromkeys(book.name for _, _, book in named if ANY_OTHER not in book.alerts)),
            notes=tuple(dict.fromkeys(note for _, _, book in named for note in book.notes))[:MAX_NOTES],
            first_checks=_checks([*named, *whole]),
            runbooks=_runbooks(whole),
        ), tuple(asked)

    def _pairs(self, alerts: Sequence[Alert], subjects: Sequence[Subject]) -> Iterator[tuple[Alert, Subject]]:
        """One alert of each name with the subject that it is about: an autoscaler may be named like its target."""
        if not subjects:
            return
        everything = Subject("", "", "Cluster", "")
        for alert in one_of_each_name(alerts, everything):
            about = [one for one in subjects[:MAX_SUBJECTS] if is_about(alert, one)] or list(subjects[:1])
            yield alert, next((one for one in about if self._playbooks.named(alert.name, one)), about[0])


def _checks(told: Iterable[tuple[Alert, Subject, Playbook]]) -> tuple[str, ...]:
    commands: dict[str, None] = {}
    for alert, subject, book in told:
        for command in render_commands(book.first_checks, Context(subject, alert.labels)):
            if len(command) <= MAX_CHECK_CHARACTERS:
                commands.setdefault(command)
    return tuple(commands)[:MAX_CHECKS]


def _runbooks(told: Iterable[tuple[Alert, Subject, Playbook]]) -> tuple[str, ...]:
    addresses = (render_address(book.runbook, Context(subject, alert.labels)) for alert, subject, book in told)
    return tuple(dict.fromkeys(address for address in addresses if address))
