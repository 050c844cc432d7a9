"""The typed marker that stands where a secret was, and how many of each kind there were."""

from collections import Counter

OPENING = "[REDACTED:"

_counts: Counter[str] = Counter()


def mark(kind: str) -> str:
    """The marker for a secret of this kind; counts it. `kind` is one of a closed set of words, never text."""
    _counts[kind] += 1
    return f"{OPENING}{kind}]"


def counts() -> dict[str, int]:
    """How many secrets of each kind this process took out, since it started."""
    return dict(_counts)
