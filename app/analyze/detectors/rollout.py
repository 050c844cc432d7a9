"""Changes shortly before the onset that touch what runs: suspects, not verdicts."""

from collections.abc import Iterable

from app.analyze.suspects import before_onset, note
from app.analyze.wording import apart, cut
from app.analyze.world import World, finding
from app.domain.alert import Severity
from app.domain.change import Change
from app.domain.incident import Finding

_CLOSE_SECONDS = 3600.0
# What was done to a dependency: shorter, for there are more of them.
_CLOSE_ELSEWHERE_SECONDS = 900.0
_RUNS = (
    "image",
    "command",
    "args",
    "env",
    "configMap",
    "secret",
    "volumes",
    "limits",
    "data",
    "checksum",
    "restartedAt",
)


class Rollout:
    """`change.suspect` where a change within the hour touches what runs, else `change.recent`."""

    name = "rollout"

    def detect(self, world: World) -> Iterable[Finding]:
        """The changes of the last 24 h before the onset, of what the alert is about and around it."""
        onset = world.onset_at or world.now
        called = tuple(dict.fromkeys(call.callee for one in world.focus for call in world.topology.callees_of(one)))
        for change in before_onset(world):
            touched = [subject for subject in (*world.focus, *called) if subject in world.touched_by(change)]
            subject = touched[0] if touched else world.workload_of(change.subject)
            seconds = max((onset - change.at).total_seconds(), 0.0)
            near = _CLOSE_SECONDS if subject in world.focus else _CLOSE_ELSEWHERE_SECONDS
            suspect = bool(touched) and seconds <= near and _touches_what_runs(change)
            yield finding(
                "change.suspect" if suspect else "change.recent",
                subject,
                Severity.WARNING if suspect else Severity.INFO,
                cut(f"{note(change)}, {apart(seconds)} before onset", 140),
                onset_at=change.at,
                evidence=(change.id,),
            )


def _touches_what_runs(change: Change) -> bool:
    return any(part in diff.path for diff in change.diff for part in _RUNS)
