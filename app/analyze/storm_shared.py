"""What the members of a storm share, in words: from the storm's key, and from what was judged of its members."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from app.analyze.causes import CAUSES
from app.domain.incident import Confidence
from app.domain.storm import Storm, StormMember
from app.domain.subject import Subject

_NODES = "kubectl get nodes"
_SERVICE = re.compile(r"([a-z0-9][-a-z0-9]*)\.([a-z0-9][-a-z0-9]*)(?:\.svc(?:\.[-a-z0-9.]*)?)?(?::\d+)?")


@dataclass(frozen=True, slots=True)
class Shared:
    """Whom it is about, the cause in a phrase and as an id (empty: not known), how sure, and where to look."""

    subject: Subject
    phrase: str
    cause: str
    confidence: Confidence
    first_step: str


@dataclass(frozen=True, slots=True)
class _Clue:
    """What a storm's key names, the cause of most of its members, and that cause in words."""

    cluster: str
    names: str
    cause: str
    says: str

    @property
    def everywhere(self) -> Subject:
        return Subject(self.cluster, "", "Cluster", self.cluster or "cluster")

    def about(self, name: str, general: str) -> str:
        """The cause in words, with the object's name where the words speak of one in general."""
        return self.says.replace(general, name)


def what_is_shared(storm: Storm) -> Shared:
    """By the kind of key that made the storm."""
    kind, _, rest = storm.key.partition(":")
    cause = _most_frequent_cause(storm.members)
    says = CAUSES[cause].description.rstrip(".") if cause in CAUSES else ""
    clue = _Clue(storm.cluster, rest.removeprefix(f"{storm.cluster}/"), cause, says[:1].lower() + says[1:])
    return _BY_KIND.get(kind, _burst)(clue)


def causes_seen(members: Iterable[StormMember]) -> Counter[str]:
    """How many of the judged members have which cause; those without one count under the empty name."""
    return Counter(member.cause for member in members if member.is_judged)


def _most_frequent_cause(members: Iterable[StormMember]) -> str:
    """The cause of at least half of those that were judged; empty where there is none."""
    judged = causes_seen(members)
    count, cause = max(((count, cause) for cause, count in judged.items() if cause), default=(0, ""))
    return cause if count and count * 2 >= judged.total() else ""


def _node(clue: _Clue) -> Shared:
    node = Subject(clue.cluster, "", "Node", clue.names)
    step = f"kubectl describe node/{clue.names}"
    if clue.cause.startswith("node."):
        return Shared(node, clue.about(clue.names, "the node"), clue.cause, "high", step)
    return Shared(node, f"node {clue.names} is what they share", "", "medium", step)


def _quota(clue: _Clue) -> Shared:
    namespace = Subject(clue.cluster, "", "Namespace", clue.names)
    phrase = clue.about(clue.names, "the namespace") or f"the quota of {clue.names} is used up"
    return Shared(namespace, phrase, clue.cause, "high", f"kubectl -n {clue.names} describe quota")


def _dependency(clue: _Clue) -> Shared:
    phrase = f"{clue.names} does not answer those who call it"
    found = _SERVICE.fullmatch(clue.names)
    step = f"kubectl -n {found[2]} get endpoints {found[1]}" if found else "kubectl get events -A"
    return Shared(clue.everywhere, phrase, "dependency.unreachable", "high", step)


def _cause(clue: _Clue) -> Shared:
    cause, _, subject = clue.names.partition(" ")
    said = CAUSES[cause].description.rstrip(".") if cause in CAUSES else cause
    phrase = f"{subject}: {said[:1].lower() + said[1:]}" if subject else said[:1].lower() + said[1:]
    return Shared(clue.everywhere, phrase, cause, "high", _NODES)


def _backlog(clue: _Clue) -> Shared:
    phrase = "they had begun long before Sitrep first heard of them"
    return Shared(clue.everywhere, phrase, "", "low", "kubectl get pods -A")


def _burst(clue: _Clue) -> Shared:
    if clue.cause:
        return Shared(clue.everywhere, f"most have this in common: {clue.says}", clue.cause, "medium", _NODES)
    return Shared(clue.everywhere, "what they share is not known yet", "", "low", _NODES)


_BY_KIND: Mapping[str, Callable[[_Clue], Shared]] = {
    "node": _node,
    "quota": _quota,
    "dependency": _dependency,
    "cause": _cause,
    "backlog": _backlog,
    "burst": _burst,
}
