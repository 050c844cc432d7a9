"""Domain values to and from what PostgreSQL keeps: JSON for people to read, compressed bytes for evidence."""

import json
import zlib
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError

from app.domain.evidence import Evidence, Gap
from app.domain.incident import Assessment, Recollection

MAX_EVIDENCE_BYTES = 2 * 1024 * 1024
_COMPRESSION = 6

_evidence = TypeAdapter(Evidence)


@dataclass(frozen=True, slots=True)
class Summary:
    """What one enrichment concluded; with the evidence it is all that a replay needs."""

    assessment: Assessment
    recollection: Recollection
    gaps: tuple[Gap, ...] = ()
    timings: dict[str, float] = field(default_factory=dict)
    source_milliseconds: dict[str, float] = field(default_factory=dict)


_summary = TypeAdapter(Summary)


def summary_to_json(summary: Summary) -> Any:  # noqa: ANN401 - JSON
    """JSON without NaN or U+0000, which PostgreSQL does not take."""
    return _clean(_summary.dump_python(summary, mode="json"))


def summary_from_json(stored: Any) -> Summary:  # noqa: ANN401 - JSON
    """The summary as it was written."""
    return _summary.validate_python(stored)


def evidence_to_bytes(evidence: Evidence) -> bytes:
    """Compressed JSON; the last items are left out, with a gap that says so, where it would pass 2 MiB."""
    packed = _packed(evidence)
    while len(packed) > MAX_EVIDENCE_BYTES and evidence.items:
        kept = evidence.items[: len(evidence.items) * 3 // 4]
        note = Gap("sitrep", "all evidence", "more was seen than is kept with an incident (2 MiB)")
        evidence = replace(evidence, items=kept, gaps=tuple(dict.fromkeys((*evidence.gaps, note))))
        packed = _packed(evidence)
    return packed


def _packed(evidence: Evidence) -> bytes:
    try:
        text = _evidence.dump_json(evidence)
    except PydanticSerializationError:
        # A lone surrogate that no source should have let in; slower, and nothing is lost but that character.
        text = json.dumps(_clean(_evidence.dump_python(evidence)), default=str).encode()
    return zlib.compress(text, _COMPRESSION)


def evidence_from_bytes(packed: bytes) -> Evidence:
    """The evidence as it was written."""
    return _evidence.validate_json(zlib.decompress(packed))


def evidence_to_json(evidence: Evidence) -> Any:  # noqa: ANN401 - JSON
    """The evidence for REST; a gap names its cluster where that has a name."""
    shown = _clean(_evidence.dump_python(evidence, mode="json"))
    for gap in shown["gaps"]:
        if not gap["cluster"]:
            del gap["cluster"]
    return shown


def storable(text: str) -> str:
    """The text as PostgreSQL takes it: no U+0000, no lone surrogates."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _clean(value: Any) -> Any:  # noqa: ANN401 - JSON
    match value:
        case float() if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN
            return None
        case str():
            return storable(value)
        case list() | tuple():
            return [_clean(part) for part in value]
        case dict():
            return {_clean(key): _clean(part) for key, part in value.items()}
    return value
