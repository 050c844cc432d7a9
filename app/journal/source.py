"""The journal as a source: what changed around a subject, and what nobody has watched."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.domain.change import Change
from app.domain.diagnosis import Diagnosis
from app.domain.errors import SourceError
from app.domain.evidence import Evidence, Gap
from app.domain.query import ChangesQuery, Query
from app.store.changes import Changes
from app.store.engine import StoreUnavailableError
from app.store.watching import Watching, WatchState

YOUNG = timedelta(hours=1)
"""For how long a journal says that it has only just begun."""

SILENT = timedelta(minutes=10)
"""A watch hears of its server every minute or so; one that was silent for so long is dead."""


class JournalSource:
    """Answers from what the keepers of all replicas have written."""

    name = "journal"

    def __init__(self, changes: Changes, watching: Watching, cluster: str, *, is_watching: bool) -> None:
        """`is_watching`: whether the cluster is watched at all."""
        self.watching = watching
        self._changes = changes
        self._cluster = cluster
        self._is_watching = is_watching

    def accepts(self, query: Query) -> bool:
        """What changed."""
        return isinstance(query, ChangesQuery)

    async def answer(self, query: Query) -> Evidence:
        """The newest changes in the subject's namespace and in the cluster. Raises `SourceError`."""
        if not isinstance(query, ChangesQuery):
            raise SourceError("the journal answers what changed only")
        subject = query.subject
        namespace = subject.name if subject.kind == "Namespace" else subject.namespace
        try:
            clusters = {subject.cluster, self._cluster}
            found = await self._changes.around(clusters, namespace, (query.since, query.until))
            states = await self.watching.states(self._cluster) if self._is_watching else []
        except StoreUnavailableError as error:
            raise SourceError("the database is away", source_is_sick=True) from error
        gaps = [Gap(self.name, query.question, reason) for reason in self._unseen(states)]
        return Evidence(tuple(_of_cluster(change, subject.cluster) for change in found), tuple(gaps))

    async def check(self) -> Diagnosis:
        """Whether everything is watched, and by somebody."""
        try:
            states = await self.watching.states(self._cluster)
        except StoreUnavailableError as error:
            return Diagnosis(self.name, healthy=False, statement=str(error), fix="see the database's own line")
        unseen = self._unseen(states) if self._is_watching else []
        if unseen:
            fix = "give Sitrep's service account the verbs list and watch (the chart's role has them)"
            return Diagnosis(self.name, healthy=False, statement="; ".join(unseen), fix=fix)
        return Diagnosis(self.name, healthy=True, statement=f"{len(states)} kinds of objects are watched for changes")

    async def aclose(self) -> None:
        """Nothing is held."""

    def _unseen(self, states: Sequence[WatchState]) -> list[str]:
        """Why some changes may not be known, in words."""
        if not self._is_watching:
            return []
        now = datetime.now(UTC)
        if not states or all(now - state.seen_at > SILENT for state in states):
            return ["nobody watches the cluster now"]
        reasons = []
        broken = [state for state in states if state.trouble]
        if broken:
            kinds = ", ".join(dict.fromkeys(state.kind for state in broken[:5]))
            reasons.append(f"not watched: {kinds} ({broken[0].trouble})")
        begun = [state.since for state in states if state.since]
        if begun and now - min(begun) < YOUNG:
            reasons.append(f"before {min(begun):%H:%M} UTC")
        return reasons


def _of_cluster(change: Change, cluster: str) -> Change:
    """The cluster by the name by which the alert knows it."""
    return replace(change, subject=replace(change.subject, cluster=cluster))
