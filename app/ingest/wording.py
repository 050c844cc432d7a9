"""Text of senders made safe to keep: redacted, and bounded in length and number."""

from collections.abc import Mapping
from functools import lru_cache

from app.redact import redact, redact_value

CUT = "… [cut]"
NAME_CHARACTERS = 200
LABEL_CHARACTERS = 4_096
ANNOTATION_CHARACTERS = 8_192
GROUP_KEY_CHARACTERS = 2_048
URL_CHARACTERS = 8_192
LABELS_KEPT = 200
ANNOTATIONS_KEPT = 100
# Redacted together with what follows, so that a secret across the cut is still seen as one.
MARGIN = 4
# Short enough that what is remembered stays within a few megabytes, and below every bound even when redacted.
REMEMBERED_CHARACTERS = 1_024

# Kept whatever else is cut: they say what the alert is and whom it is about.
FIRST_LABELS = frozenset({"alertname", "severity", "cluster", "namespace", "pod", "deployment", "service", "node"})
# It may hold the data of a Secret in full.
DROPPED_ANNOTATIONS = frozenset({"kubectl.kubernetes.io/last-applied-configuration"})


def bounded(text: str, characters: int) -> str:
    """At most so many characters; where something was cut, it says so."""
    return text if len(text) <= characters else text[: characters - len(CUT)] + CUT


def clean_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """Redacted labels in name order, at most `LABELS_KEPT`."""
    names = sorted(labels)
    if len(names) > LABELS_KEPT:
        names = sorted(sorted(names, key=lambda name: name not in FIRST_LABELS)[:LABELS_KEPT])
    return dict(_clean_pair(name, labels[name], LABEL_CHARACTERS) for name in names)


def clean_annotations(annotations: Mapping[str, str]) -> dict[str, str]:
    """Redacted annotations, at most `ANNOTATIONS_KEPT`, without those that carry whole manifests."""
    kept = [name for name in annotations if name not in DROPPED_ANNOTATIONS and len(name) <= NAME_CHARACTERS]
    return dict(_clean_pair(name, annotations[name], ANNOTATION_CHARACTERS) for name in kept[:ANNOTATIONS_KEPT])


def clean_text(text: str, characters: int) -> str:
    """Any other text, redacted and bounded."""
    if len(text) <= REMEMBERED_CHARACTERS:
        return bounded(_remembered_text(text), characters)
    return bounded(redact(_ahead(text, characters)), characters)


def _clean_pair(name: str, value: str, characters: int) -> tuple[str, str]:
    if len(value) <= REMEMBERED_CHARACTERS:
        return _remembered_pair(name, value)
    return redact(name), bounded(redact_value(name, _ahead(value, characters)), characters)


# The alerts of a group, and every repeat of it, say mostly the same: judging a text costs far more than finding it.
@lru_cache(maxsize=4_096)
def _remembered_pair(name: str, value: str) -> tuple[str, str]:
    return redact(name), redact_value(name, value)


@lru_cache(maxsize=1_024)
def _remembered_text(text: str) -> str:
    return redact(text)


def _ahead(text: str, characters: int) -> str:
    if len(text) <= characters * MARGIN:
        return text
    head, _, _ = text[: characters * MARGIN].rpartition(" ")
    return (head or text[: characters * MARGIN]) + CUT
