"""What CI jobs and people report: our own JSON, or a change event as PagerDuty takes it → a `Change`."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from app.domain.change import Change, FieldDiff
from app.domain.errors import InvalidPayloadError
from app.domain.evidence import evidence_id
from app.domain.subject import Subject
from app.ingest.payload import first_problem, mended
from app.ingest.times import read_time
from app.ingest.wording import clean_text
from app.redact import redact_value

MAX_BYTES = 256 * 1024
MAX_DIFFS = 60
VALUE_CHARACTERS = 300
CLOCK_SLACK = timedelta(minutes=5)
Name = Annotated[str, Field(max_length=253)]
_NAMES = ("workload", "deployment", "service", "app")


class DiffBody(BaseModel):
    """One field, before and after."""

    path: str = Field(min_length=1, max_length=500)
    old: str | None = None
    new: str | None = None


class SubjectBody(BaseModel):
    """What was changed; what is not named is not known."""

    cluster: Name = ""
    namespace: Name = ""
    kind: Annotated[str, Field(max_length=63)] = ""
    name: Name = ""


class NativeBody(BaseModel):
    """A change in our own words."""

    summary: str = Field(min_length=1, max_length=1024)
    kind: str = Field(min_length=1, max_length=60, pattern=r"^[A-Za-z][A-Za-z0-9 _.-]*$")
    subject: SubjectBody
    at: str | None = None
    diff: list[DiffBody] = Field([], max_length=MAX_DIFFS)
    id: str | None = Field(None, min_length=1, max_length=500)


class EventPayload(BaseModel):
    """What a PagerDuty change event tells."""

    summary: str = Field(min_length=1, max_length=1024)
    source: str | None = Field(None, max_length=500)
    timestamp: str | None = None
    custom_details: dict[str, Any] | None = None


class EventBody(BaseModel):
    """A PagerDuty change event; its links are not kept."""

    payload: EventPayload
    routing_key: str = Field("", max_length=500)


class Envelope(BaseModel):
    """Enough to tell the two apart."""

    payload: Any = None
    routing_key: Any = None


ENVELOPE, NATIVE, EVENT = (TypeAdapter(shape).validator.validate_json for shape in (Envelope, NativeBody, EventBody))


@dataclass(frozen=True, slots=True)
class ReportedChange:
    """A change, what makes it the same when it is reported again, and the key that came in the body."""

    change: Change
    dedup_key: str
    key: str = ""


def read_change(body: bytes, cluster: str, now: datetime) -> ReportedChange:
    """The change that the body tells of, redacted and bounded. Raises `InvalidPayloadError`."""
    if len(body) > MAX_BYTES:
        raise InvalidPayloadError(f"a change of more than {MAX_BYTES // 1024} KiB")
    try:
        text = mended(body)
        if ENVELOPE(text).payload is not None:
            return _of_event(EVENT(text), cluster, now)
        return _of_native(NATIVE(text), cluster, now)
    except ValidationError as error:
        field, reason = first_problem(error)
        raise InvalidPayloadError(reason, field) from None


def _of_native(told: NativeBody, cluster: str, now: datetime) -> ReportedChange:
    subject = Subject(
        clean_text(told.subject.cluster or cluster, 200),
        clean_text(told.subject.namespace, 253),
        clean_text(told.subject.kind, 63),
        clean_text(told.subject.name, 253),
    )
    diff = tuple(FieldDiff(clean_text(one.path, 200), _value(one.path, one.old), _value(one.path, one.new))
                 for one in told.diff)  # fmt: skip
    change = _change(subject, told.kind, told.summary, (_moment(told.at, "at", now), diff))
    return ReportedChange(change, f"id:{told.id}" if told.id else "")


def _of_event(told: EventBody, cluster: str, now: datetime) -> ReportedChange:
    payload = told.payload
    details = {name: value for name, value in (payload.custom_details or {}).items() if isinstance(value, str)}
    name = next((details[one] for one in _NAMES if details.get(one)), payload.source or "")
    subject = Subject(
        clean_text(details.get("cluster") or cluster, 200),
        clean_text(details.get("namespace", ""), 253),
        "",
        clean_text(name, 253),
    )
    change = _change(subject, "deploy", payload.summary, (_moment(payload.timestamp, "payload.timestamp", now), ()))
    # Its sender has no id for it, and sends the same again when no answer came.
    same = "\x1f".join((payload.summary, payload.source or "", payload.timestamp or ""))
    key = f"event:{hashlib.sha256(same.encode(errors='replace')).hexdigest()}" if payload.timestamp else ""
    return ReportedChange(change, key, told.routing_key)


def _change(subject: Subject, kind: str, summary: str, what: tuple[datetime, tuple[FieldDiff, ...]]) -> Change:
    at, diff = what
    words = f"{kind}: {clean_text(summary, 300)}"[:300]
    return Change(evidence_id("told", subject, at, words), subject, at, kind, words, diff)


def _value(path: str, value: str | None) -> str | None:
    return None if value is None else clean_text(redact_value(path.rpartition(".")[2], value), VALUE_CHARACTERS)


def _moment(text: str | None, field: str, now: datetime) -> datetime:
    """When it was done: now where nobody says; in the future nothing is done yet."""
    try:
        moment = read_time(text)
    except ValueError:
        raise InvalidPayloadError("is not an RFC 3339 time such as 2026-10-19T02:04:00Z", field) from None
    if moment is not None and moment > now + CLOCK_SLACK:
        raise InvalidPayloadError("is in the future", field)
    return min(moment or now, now)
