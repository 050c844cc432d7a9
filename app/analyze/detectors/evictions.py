"""Pods that their node put out, or that a more important pod pushed away."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from app.analyze.body import dig, moment, text
from app.analyze.pod import Pod
from app.analyze.wording import cut, plural
from app.analyze.world import World, finding
from app.domain.alert import Severity
from app.domain.evidence import ClusterEvent
from app.domain.incident import Finding
from app.domain.subject import Subject

_REASONS = frozenset({"Evicted", "Preempting", "Preempted", "NodeShutdown", "Terminated"})
_WORDS = {"Evicted": "evicted", "TaintManagerEviction": "evicted", "Preempted": "preempted"}
_FRESH = timedelta(hours=1)


class Evictions:
    """`pod.evicted`, one finding for each workload and reason; critical while pods are missing."""

    name = "evictions"

    def detect(self, world: World) -> Iterable[Finding]:
        """Evicted pods linger as Failed; only those of the last hour count."""
        gone: dict[Subject, list[Pod]] = {}
        for pod in world.pods:
            if pod.phase == "Failed" and text(dig(pod.state.body, "status", "reason")) in _REASONS:
                at = _ended_at(pod)
                if at is None or world.now - at <= _FRESH:
                    gone.setdefault(pod.workload, []).append(pod)
        for workload, pods in sorted(gone.items()):
            said = text(dig(pods[0].state.body, "status", "message")).partition(". ")[0]
            why = f": {said}" if said else ""
            yield finding(
                "pod.evicted",
                workload,
                Severity.WARNING if world.is_whole(workload) else Severity.CRITICAL,
                cut(f"{plural(len(pods), 'pod')} evicted{why}"),
                onset_at=min((at for pod in pods if (at := _ended_at(pod))), default=None),
                evidence=(pod.state.id for pod in pods),
            )
        yield from _told_by_events(world, set(gone))


def _told_by_events(world: World, known: set[Subject]) -> Iterator[Finding]:
    """Pods that were put out and are gone already: only events still tell."""
    told: dict[tuple[Subject, str], list[ClusterEvent]] = {}
    for event in world.events:
        word = _WORDS.get(event.reason, "")
        undone = event.message.startswith("Cancelling")
        if word and not undone and event.subject.kind == "Pod" and event.at >= world.now - _FRESH:
            told.setdefault((world.workload_of(event.subject), word), []).append(event)
    for (workload, word), events in sorted(told.items()):
        if workload in known or not workload.is_workload:
            continue
        pods = len({event.subject for event in events})
        yield finding(
            "pod.evicted",
            workload,
            Severity.WARNING if world.is_whole(workload) else Severity.CRITICAL,
            cut(f"{plural(pods, 'pod')} {word}: {events[-1].message.partition('. ')[0]}"),
            onset_at=min(event.first_at for event in events),
            evidence=(event.id for event in events),
        )


def _ended_at(pod: Pod) -> datetime | None:
    disrupted = moment(pod.condition("DisruptionTarget").get("lastTransitionTime"))
    return disrupted or moment(pod.condition("Ready").get("lastTransitionTime")) or pod.created_at
