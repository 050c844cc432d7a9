"""The playbooks while Sitrep runs: a changed file counts within seconds, a broken one not at all."""

import asyncio
from pathlib import Path
from threading import Lock

import structlog

from app import telemetry
from app.domain.playbook import Playbook
from app.domain.subject import Subject
from app.playbooks.loader import Playbooks, read_catalog, together
from app.playbooks.reading import Folder

LOOK_EVERY_SECONDS = 3.0

log = structlog.get_logger()


class Library:
    """Holds the newest good version of every playbook; `refresh` looks whether a team's file changed."""

    def __init__(self, directory: Path | None) -> None:
        """Reads everything once; a fault in it is logged and never raised."""
        self._ours = read_catalog()
        self._theirs = Folder(directory, self._ours.books) if directory else None
        self._one_at_a_time = Lock()
        self._books = Playbooks(tuple(self._ours.books.values()), self._ours.problems)
        self._told: frozenset[str] = frozenset()
        self._look(at_start=True)

    @property
    def problems(self) -> tuple[str, ...]:
        """`file:line: reason` for all that is refused now."""
        return self._books.problems

    def named(self, alertname: str, subject: Subject) -> tuple[Playbook, ...]:
        """Those that name this alert, each cut to what it says about it."""
        return self._books.named(alertname, subject)

    def for_alert(self, alertname: str, subject: Subject) -> Playbook:
        """What is known for this alert, then for this kind of subject, then for all: as one playbook."""
        return self._books.for_alert(alertname, subject)

    async def refresh(self, _stopping: asyncio.Event | None = None) -> None:
        """Take in what changed; files are read beside the event loop, which goes on meanwhile."""
        if self._theirs is not None:
            await asyncio.to_thread(self._look)

    def _look(self, *, at_start: bool = False) -> None:
        with self._one_at_a_time:
            if self._theirs is None or not (self._theirs.refresh() or at_start):
                return
            # One assignment: whoever asks sees the old shelf or the new one.
            self._books = together(self._ours, self._theirs)
            self._tell(at_start=at_start)

    def _tell(self, *, at_start: bool) -> None:
        problems = frozenset(self._books.problems)
        for problem in sorted(problems - self._told):
            log.warning("playbook refused", problem=problem)
        if not at_start:
            log.info("playbooks read anew", playbooks=len(self._books.every), refused=len(problems))
        self._told = problems
        telemetry.PLAYBOOKS_REFUSED.set(len(problems))
