"""That a Secret changed, told by the version which kube-state-metrics exports; what is in it nobody here knows."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import pairwise

from app.domain.change import Change, FieldDiff
from app.domain.evidence import Series, evidence_id
from app.domain.subject import Subject

VERSION = "secret_version"


def secret_changes(series: Iterable[Series]) -> Iterator[Change]:
    """One change for each step of a Secret's version, when it was first seen."""
    for one in series:
        name, namespace = one.labels.get("secret", ""), one.labels.get("namespace", "")
        if one.name == VERSION and name and namespace:
            yield from _steps(Subject(one.subject.cluster, namespace, "Secret", name), one)


def _steps(secret: Subject, series: Series) -> Iterator[Change]:
    known = [(at, value) for at, value in series.points if value is not None]
    for (_, before), (at, after) in pairwise(known):
        if before == after:
            continue
        diff = FieldDiff("secret version", f"{before:.0f}", f"{after:.0f}")
        moment = datetime.fromtimestamp(at, UTC)
        summary = f"secret {secret.name}: changed"
        yield Change(evidence_id("secret", secret, at), secret, moment, "secret", summary, (diff,))
