"""What somebody may see: everything, or what lies in some namespaces."""

from collections.abc import Collection
from dataclasses import dataclass

from app.domain.subject import Subject


def namespace_of(subject: Subject) -> str:
    """The namespace that it lies in, or is; empty for what lies in none."""
    return subject.name if subject.kind == "Namespace" else subject.namespace


@dataclass(frozen=True, slots=True)
class Scope:
    """`places` are namespaces, in any cluster or as `cluster/namespace` in one; None is everything."""

    places: frozenset[str] | None = None

    @property
    def is_all(self) -> bool:
        """Whether nothing is kept from them."""
        return self.places is None

    def has(self, subject: Subject) -> bool:
        """Whether it lies in one of the namespaces; what lies in none does not."""
        if self.places is None:
            return True
        namespace = namespace_of(subject)
        return bool(namespace) and not self.places.isdisjoint((namespace, f"{subject.cluster}/{namespace}"))

    def hides(self, subject: Subject) -> bool:
        """Whether it lies in another namespace. A node lies in none, and may be named to everybody."""
        return bool(namespace_of(subject)) and not self.has(subject)

    def covers(self, subjects: Collection[Subject]) -> bool:
        """Whether it is about something, and nothing of that lies elsewhere."""
        return self.places is None or (bool(subjects) and all(self.has(subject) for subject in subjects))

    def __or__(self, other: "Scope") -> "Scope":
        """What either may see."""
        if self.places is None or other.places is None:
            return Scope()
        return Scope(self.places | other.places)


EVERYTHING = Scope()
