"""The names that a workload's pods have, had yesterday and will have tomorrow: an RE2 expression."""

import re
from collections.abc import Iterable

from app.domain.subject import Subject
from app.promql import escape_regex

# Kubernetes makes suffixes without vowels and look-alikes; so `checkout` does not take in `checkout-worker`.
ALPHABET = "[bcdfghjklmnpqrstvwxz2456789]"
RANDOM = f"{ALPHABET}{{5}}"
HASHED = f"{ALPHABET}{{1,10}}-{RANDOM}"
SUFFIXES = {
    "Deployment": HASHED,
    "Rollout": HASHED,
    "ReplicaSet": RANDOM,
    "DaemonSet": RANDOM,
    "StatefulSet": "[0-9]+",
    "Job": f"([0-9]+-)?{RANDOM}",
    "CronJob": f"[0-9]+-([0-9]+-)?{RANDOM}",
}
# A longer name is cut before the suffix is put behind it.
LONGEST_UNCUT_NAME = 46
MAX_ODD_PODS = 10
OWNED = (re.compile(f"(.+)-{HASHED}"), re.compile(f"(.+)-{RANDOM}"), re.compile("(.+)-[0-9]+"))


def pod_pattern(subject: Subject, pods: Iterable[str] = ()) -> str:
    """A regular expression over whole pod names: the shape of the subject's, and known pods that do not have it."""
    known = list(dict.fromkeys(pods))
    shapes = [_shape(subject)] if subject.kind in (*SUFFIXES, "Pod", "Namespace") or not known else []
    if not shapes:
        shapes = list(dict.fromkeys(_shape_of_owner(pod) for pod in known))[:MAX_ODD_PODS]
    fitting = re.compile("|".join(shapes))
    odd = [escape_regex(pod) for pod in known if not fitting.fullmatch(pod)][:MAX_ODD_PODS]
    return "|".join([*odd, *shapes])


def _shape(subject: Subject) -> str:
    if subject.kind == "Pod":
        return escape_regex(subject.name)
    if subject.kind == "Namespace":
        return ".+"
    if len(subject.name) > LONGEST_UNCUT_NAME:
        return escape_regex(subject.name[:LONGEST_UNCUT_NAME]) + ".+"
    suffix = SUFFIXES.get(subject.kind)
    return f"{escape_regex(subject.name)}-{suffix}" if suffix else f"{escape_regex(subject.name)}(-.+)?"


def _shape_of_owner(pod: str) -> str:
    """The names of a pod's siblings, by the suffix that it has; for a Service, whose pods are named after others."""
    for pattern, suffix in zip(OWNED, (HASHED, RANDOM, "[0-9]+"), strict=True):
        found = pattern.fullmatch(pod)
        if found:
            return f"{escape_regex(found[1])}-{suffix}"
    return escape_regex(pod)
