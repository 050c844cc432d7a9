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
OVER_CODE = "pagerduty_incident_over"
_ROUTES_DIFFER = (
    "no_pagerduty_incident: no open incident has this group's key; "
    "the PagerDuty receiver and the webhook must hang on the same route"
)
_OVER = f"{OVER_CODE}: it ended before a note was written, and PagerDuty has no open incident of it any more"


def _utc_now() -> datetime:
    return datetime.now(UTC)


class PagerDutyNotifier:
    """The target is the dedup key, SHA-256 of the group key; references are `incident id/note id`."""

    name = "pagerduty"

    def __init__(self, settings: Settings, links: Links, now: Callable[[], datetime] = _utc_now) -> None:
        self._http = Http()
        self._sender = settings.pagerduty_from
        self._client = PagerDutyClient(
            self._http, settings.pagerduty_api_url, settings.pagerduty_token, settings.pagerduty_from
        )
        self._renderer = Renderer(settings.templates_dir)
        self._links = links
        self._now = now

    def tells(self, part: str) -> bool:
        """Notes alone: PagerDuty itself wakes people."""
        return part == NOTE

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
            raise _not_there(letter, self._now())
        return await self._add(letter, incident_id)

    async def find(self, letter: Letter) -> str | None:
        """The note with our marker on the open incident of this group."""
        incident_id = await self._client.open_incident(letter.target)
        if incident_id is None:
            return None
        return await self._written(letter, incident_id)

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
            return Diagnosis(self.name, healthy=False, statement=str(error), fix=_fix_for(error.code))
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
                return await self._move(letter, open_id)
            if open_id is None and letter.attempts < len(LOOK_AGAIN_SECONDS):
                # A re-fire's page opens a moment after its webhook; then the note belongs there.
                wait = float(LOOK_AGAIN_SECONDS[letter.attempts])
                reason = "PagerDuty has no open incident for this group yet"
                raise DeliveryError(reason, retryable=True, code=NOT_THERE_YET_CODE, retry_after_seconds=wait)
        await self._client.edit_note(incident_id, note_id, self._content(letter))
        return reference

    async def _move(self, letter: Letter, incident_id: str) -> str:
        """Onto the new incident; an earlier try may have written there without an answer, then that is edited."""
        written = await self._written(letter, incident_id)
        if written is None:
            return await self._add(letter, incident_id)
        await self._client.edit_note(incident_id, written.partition("/")[2], self._content(letter))
        return written

    async def _written(self, letter: Letter, incident_id: str) -> str | None:
        """The reference of the note there that bears our marker."""
        notes = await self._client.notes(incident_id)
        return next((f"{incident_id}/{note_id}" for note_id, text in notes if marker(letter) in text), None)

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


def _not_there(letter: Letter, now: datetime) -> DeliveryError:
    """Not yet, for a minute after receipt, whatever else failed meanwhile; then not before the next webhook."""
    if _is_over(letter):
        return DeliveryError(_OVER, retryable=False, code=OVER_CODE)
    age_seconds = max((now - letter.incident.received_at).total_seconds(), 0.0)
    next_look = next((seconds for seconds in LOOK_AGAIN_SECONDS if seconds > age_seconds), None)
    if next_look is None:
        return DeliveryError(_ROUTES_DIFFER, retryable=False, code=NOT_THERE_YET_CODE)
    reason, wait_seconds = "PagerDuty has no open incident for this group yet", next_look - age_seconds
    return DeliveryError(reason, retryable=True, code=NOT_THERE_YET_CODE, retry_after_seconds=wait_seconds)


def _is_over(letter: Letter) -> bool:
    """Whether Alertmanager told PagerDuty that the letter's group has ended: nothing will be opened for it."""
    groups = [group for group in letter.incident.groups if group.group_sha.hex() == letter.target]
    ended = bool(groups) and all(group.state is AlertStatus.RESOLVED for group in groups)
    return ended or letter.incident.state is AlertStatus.RESOLVED


def _fix_for(code: str) -> str:
    if code in {"not_pagerduty", "not_found", "network"}:
        return "check SITREP_PAGERDUTY_API_URL, and that a proxy or a NetworkPolicy lets Sitrep through"
    return "check SITREP_PAGERDUTY_TOKEN: a REST API key of the account, not an integration key"
