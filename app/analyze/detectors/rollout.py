"""Changes shortly before the onset that touch what runs: suspects, not verdicts."""

from collections.abc import Iterable

from app.analyze.suspects import before_onset, note
from app.analyze.wording import apart, cut
from app.analyze.world import World, finding
from app.domain.alert import Severity
from app.domain.change import Change
from app.domain.incident import Finding

_CLOSE_SECONDS = 3600.0
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
        for change in before_onset(world):
            touched = [subject for subject in world.focus if subject in world.touched_by(change)]
            subject = touched[0] if touched else world.workload_of(change.subject)
            seconds = max((onset - change.at).total_seconds(), 0.0)
            suspect = bool(touched) and seconds <= _CLOSE_SECONDS and _touches_what_runs(change)
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
