"""The ways to the sources of each cluster: whose sources are asked about whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.gather.access import Access
from app.gather.owed import NOT_CONFIGURED
from app.gather.source import Source

NAME_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Lookout:
    """The ways into one cluster, and why nobody answers where none of them takes a question."""

    cluster: str
    ways: tuple[Access, ...] = ()
    absence: str = NOT_CONFIGURED


class Ways:
    """Sources by cluster. Under an empty name stands a single cluster that has none: it takes whatever is asked."""

    def __init__(self, sources: Mapping[str, Sequence[Source]], patience_seconds: float) -> None:
        self._lookouts = {
            cluster: Lookout(cluster, tuple(Access(one, patience_seconds, cluster=cluster) for one in own))
            for cluster, own in sources.items()
        }
        self._any = self._lookouts.get("")

    @property
    def every(self) -> tuple[Access, ...]:
        """All of them, cluster by cluster."""
        return tuple(way for lookout in self._lookouts.values() for way in lookout.ways)

    def into(self, cluster: str) -> Lookout:
        """Who is asked about it. An alert may name any cluster: of one that nobody configured, none is asked."""
        known = self._lookouts.get(cluster, self._any)
        return known or Lookout("", absence=f"no sources are configured for cluster {cluster[:NAME_CHARACTERS]}")
