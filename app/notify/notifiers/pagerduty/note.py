"""One note on each PagerDuty incident that Alertmanager opened, written once and edited in place."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from app.domain.alert import AlertStatus
from app.domain.diagnosis import Diagnosis
from app.domain.errors import DeliveryError
from app.domain.incident import Incident
from app.http import Http
from app.notify.notifier import NOT_THERE_YET_CODE, NOTE, Letter, Links, Target
from app.notify.notifiers.pagerduty.client import PagerDutyClient
from app.notify.page import recovery_confirmed
from app.notify.rendering import NOTE_LAYOUT, Renderer, Telling
from app.settings import Settings

LOOK_AGAIN_SECONDS = (5.0, 10.0, 20.0, 40.0, 60.0)
"""When to look for the incident, after receipt: Alertmanager told PagerDuty and us in the same moment."""

WRITE_ANYWAY_AFTER = timedelta(seconds=30)
_ROUTES_DIFFER = (
    "no_pagerduty_incident: no open incident has this group's key; "
    "the PagerDuty receiver and the webhook must hang on the same route"
)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class PagerDutyNotifier:
    """The target is the dedup key, SHA-256 of the group key; references are `incident id/note id`."""

    name = "pagerduty"
    tells_news = False

    def __init__(self, settings: Settings, links: Links, now: Callable[[], datetime] = _utc_now) -> None:
        self._http = Http()
        self._sender = settings.pagerduty_from
        self._client = PagerDutyClient(
            self._http, settings.pagerduty_api_url, settings.pagerduty_token, settings.pagerduty_from
        )
        self._renderer = Renderer(settings.templates_dir)
        self._links = links
        self._now = now

    def targets(self, incident: Incident) -> tuple[Target, ...]:
        """A note for each group, once enrichment is complete or took too long."""
        late = self._now() - incident.received_at >= WRITE_ANYWAY_AFTER
        if incident.enrichment != "complete" and not late:
            return ()
        keys = dict.fromkeys(group.group_sha.hex() for group in incident.groups)
        return tuple(Target(key, NOTE) for key in keys)

    def digest(self, letter: Letter) -> str:
        """Of the first hypothesis and the state: nothing else is worth an edit that goes to phones."""
        incident = letter.incident
        hypotheses = incident.assessment.hypotheses if incident.assessment else ()
        first = f"{hypotheses[0].cause} {hypotheses[0].subject} {hypotheses[0].confidence}" if hypotheses else ""
        state = f"{incident.state.value} {recovery_confirmed(incident)}"
        parts = (first, state, str(incident.assessment is not None))
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()

    async def send(self, letter: Letter) -> str:
        """Write or edit the note; the reference. Raises `DeliveryError`."""
        if letter.reference:
            return await self._edit(letter, letter.reference)
        incident_id = await self._client.open_incident(letter.target)
        if incident_id is None:
            raise _not_there(letter)
        return await self._add(letter, incident_id)

    async def find(self, letter: Letter) -> str | None:
        """The note with our marker on the open incident of this group."""
        incident_id = await self._client.open_incident(letter.target)
        if incident_id is None:
            return None
        notes = await self._client.notes(incident_id)
        return next((f"{incident_id}/{note_id}" for note_id, text in notes if marker(letter) in text), None)

    async def withdraw(self, target: str, reference: str) -> None:
        """PagerDuty cannot delete notes, so the one too many says so."""
        incident_id, _, note_id = reference.partition("/")
        await self._client.edit_note(incident_id, note_id, f"Superseded by another note of Sitrep ({target[:8]}).")

    async def check(self) -> Diagnosis:
        """Whether the key works and a sender is set."""
        if not self._sender:
            fix = "set SITREP_PAGERDUTY_FROM to the email of a user of the account"
            return Diagnosis(self.name, healthy=False, statement="no sender: notes need one", fix=fix)
        try:
            await self._client.abilities()
        except DeliveryError as error:
            return Diagnosis(self.name, healthy=False, statement=str(error), fix="check SITREP_PAGERDUTY_TOKEN")
        return Diagnosis(self.name, healthy=True, statement="the key works")

    async def aclose(self) -> None:
        """Close connections."""
        await self._http.aclose()

    async def _edit(self, letter: Letter, reference: str) -> str:
        """In place; but a re-fire is a new PagerDuty incident under the same key, and gets its own note."""
        incident_id, _, note_id = reference.partition("/")
        if letter.incident.state is AlertStatus.FIRING:
            open_id = await self._client.open_incident(letter.target)
            if open_id is not None and open_id != incident_id:
                return await self._add(letter, open_id)
        await self._client.edit_note(incident_id, note_id, self._content(letter))
        return reference

    async def _add(self, letter: Letter, incident_id: str) -> str:
        note_id = await self._client.add_note(incident_id, self._content(letter))
        return f"{incident_id}/{note_id}"

    def _content(self, letter: Letter) -> str:
        notices = ("May be a repeat.",) if letter.may_repeat else ()
        telling = Telling(self._now(), self._links(letter.incident), notices)
        return f"{self._renderer.render(NOTE_LAYOUT, letter.incident, telling)}\n{marker(letter)}"


def marker(letter: Letter) -> str:
    """The line by which a note is found again, and by which PagerDuty's webhooks about it are known as ours."""
    return f"[sitrep:{letter.nonce.hex}]"


def _not_there(letter: Letter) -> DeliveryError:
    """Not yet, as long as the schedule lasts; then never, until the group's next webhook."""
    if letter.attempts >= len(LOOK_AGAIN_SECONDS):
        return DeliveryError(_ROUTES_DIFFER, retryable=False, code=NOT_THERE_YET_CODE)
    before = (0.0, *LOOK_AGAIN_SECONDS)[letter.attempts]
    wait_seconds = LOOK_AGAIN_SECONDS[letter.attempts] - before
    reason = "PagerDuty has no open incident for this group yet"
    return DeliveryError(reason, retryable=True, code=NOT_THERE_YET_CODE, retry_after_seconds=wait_seconds)
