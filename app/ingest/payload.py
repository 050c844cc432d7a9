"""The wire format that Alertmanager and Grafana share: bytes to checked values, nothing judged yet."""

import json
import re
from collections.abc import Iterable
from typing import Any, Literal, Protocol

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from app.domain.alert import RejectedAlert
from app.domain.errors import InvalidPayloadError
from app.ingest.wording import NAME_CHARACTERS, bounded
from app.redact import redact

REJECTED_BYTES = 16_384
FIELD_CHARACTERS = 200
REASON_CHARACTERS = 300

# After an even number of backslashes, so that `\\ud800` (a backslash, then letters) is not taken for a surrogate:
# a whole pair, which is text, or half of one or U+0000, which are not.
HEX = rb"[0-9a-fA-F]{2}"
PAIR = rb"\\u[dD][89abAB]" + HEX + rb"\\u[dD][c-fC-F]" + HEX
LONE = rb"\\u(?:[dD][89a-fA-F]" + HEX + rb"|0000)"
SUSPECT = re.compile(rb"(?<!\\)((?:\\\\)*)(?:(" + PAIR + rb")|" + LONE + rb")")
LONE_OR_NUL = (b"\\u0000", b"\\ud", b"\\uD")
REPLACEMENT = b"\\ufffd"

CUSTOM_PAYLOAD = (
    "neither version nor groupKey: this looks like a custom payload template; remove it from the receiver, "
    "Sitrep reads the default body"
)


class AlertBody(BaseModel):
    """One alert on the wire; all but its labels may be absent or null."""

    labels: dict[str, str]
    status: Literal["firing", "resolved"] | None = None
    annotations: dict[str, str] | None = None
    starts_at: str | None = Field(None, alias="startsAt")
    ends_at: str | None = Field(None, alias="endsAt")
    generator_url: str | None = Field(None, alias="generatorURL")
    fingerprint: Any = None

    def notes(self) -> dict[str, str]:
        """The annotations, and what a sender says in fields of its own."""
        return self.annotations or {}


class GroupBody(BaseModel):
    """The envelope. `alerts` is checked one by one, so that a bad alert costs only itself."""

    alerts: Any = None
    version: Any = None
    group_key: str | None = Field(None, alias="groupKey")
    receiver: str | None = None
    status: str | None = None
    group_labels: dict[str, str] | None = Field(None, alias="groupLabels")
    common_labels: dict[str, str] | None = Field(None, alias="commonLabels")
    external_url: str | None = Field(None, alias="externalURL")
    truncated_alerts: int | None = Field(None, alias="truncatedAlerts")


class AlertReader(Protocol):
    """Checks the shape of one alert."""

    def __call__(self, raw: Any, /) -> AlertBody:  # noqa: ANN401 - whatever JSON held
        """The alert. Raises pydantic's `ValidationError`."""
        ...


ENVELOPE = TypeAdapter(GroupBody).validator.validate_json


def read_envelope(body: bytes) -> GroupBody:
    """The envelope of a body, with a list of whatever under `alerts`. Raises `InvalidPayloadError`."""
    try:
        envelope: GroupBody = ENVELOPE(mended(body))
    except ValidationError as error:
        field, reason = first_problem(error)
        raise InvalidPayloadError(reason, field) from None
    if envelope.version is None and envelope.group_key is None:
        raise InvalidPayloadError(CUSTOM_PAYLOAD, "version")
    if not isinstance(envelope.alerts, list):
        raise InvalidPayloadError("must be a list of alerts", "alerts")
    return envelope


def first_problem(error: ValidationError) -> tuple[str, str]:
    """Where and what, of the first thing that pydantic found; both redacted and short."""
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    kind, message = problem["type"], problem["msg"]
    if kind == "json_invalid":
        message = message.replace("Invalid JSON", "not JSON", 1)
    elif kind == "model_type" or (kind == "dict_type" and not problem["loc"]):
        message = "must be a JSON object"
    return _path(problem["loc"]), bounded(redact(message), REASON_CHARACTERS)


def rejected(index: int, raw: object, problem: tuple[str, str]) -> RejectedAlert:
    """The alert at `index`, which could not be read, as far as it is safe to keep."""
    field, reason = problem
    where = f"alerts[{index}]" + (f".{field}" if field else "")
    # In lines, since redaction bounds the length of a line.
    text = redact(json.dumps(raw, ensure_ascii=False, indent=1)[: 2 * REJECTED_BYTES])
    return RejectedAlert(where, reason, text.encode()[:REJECTED_BYTES].decode(errors="ignore").encode())


def check_label_names(names: Iterable[str]) -> tuple[str, str] | None:
    """What is wrong with the names of an alert's labels, if anything."""
    longest = max(names, key=len, default="")
    if len(longest) <= NAME_CHARACTERS:
        return None
    return "labels", f"a label name has {len(longest)} characters, more than {NAME_CHARACTERS}"


def mended(body: bytes) -> bytes:
    """The body with U+0000 and lone surrogates replaced: neither can be stored, the latter is no text at all."""
    if not any(escape in body for escape in LONE_OR_NUL):
        return body
    return SUSPECT.sub(lambda match: match[0] if match[2] else match[1] + REPLACEMENT, body)


def _path(location: tuple[int | str, ...]) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return bounded(redact(path.removeprefix(".")), FIELD_CHARACTERS)
