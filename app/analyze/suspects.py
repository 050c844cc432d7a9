"""Which change could have done it: it came before, and its diff touches what can produce the cause."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.analyze.causes import Cause
from app.analyze.world import World
from app.domain.change import Change, FieldDiff
from app.domain.quantity import parse_quantity
from app.domain.subject import Subject

LOOK_BACK = timedelta(hours=24)
# Clocks of sources differ by seconds; a change that much after the first sign may still be before it.
CLOCK_SLACK = timedelta(seconds=90)
_HALF = 2.0
_AMOUNTS = ("requests", "limits", "replicas", "hard[")
_PARTS = 3
NOTE_LIMIT = 70


@dataclass(frozen=True, slots=True)
class Suspect:
    """A change that could have produced a cause; `specific` where the very field explains it."""

    change: Change
    seconds_before: float
    specific: bool


def before_onset(world: World, subject: Subject | None = None) -> tuple[Change, ...]:
    """The changes of the last 24 h before the onset, newest first; of one workload where it is named."""
    onset = world.onset_at or world.now
    return tuple(
        change
        for change in reversed(world.changes)
        if _since(onset, LOOK_BACK) <= change.at <= onset + CLOCK_SLACK
        and (subject is None or subject in world.touched_by(change))
    )


def _since(moment: datetime, span: timedelta) -> datetime:
    return moment - span if moment.year > 1 else moment


def find_suspect(world: World, subject: Subject, cause: Cause) -> Suspect | None:
    """The newest change of the workload that could have produced the cause, a telling field before a general one."""
    found = [s for change in before_onset(world, subject) if (s := judge(world, change, cause)) is not None]
    return next((one for one in found if one.specific), found[0] if found else None)


def judge(world: World, change: Change, cause: Cause) -> Suspect | None:
    """Whether this change could have produced the cause. A change without a diff proves nothing."""
    touching = [diff for diff in change.diff if any(part in diff.path for part in cause.changed_by)]
    if cause.id.startswith("memory."):
        touching = [diff for diff in touching if "resources" not in diff.path or _lowered(diff, "limits.memory")]
    if cause.id.startswith(("schedule.insufficient", "quota.")):
        touching = [diff for diff in touching if any(part in diff.path for part in _AMOUNTS)]
    if not touching:
        return None
    onset = world.onset_at or world.now
    return Suspect(
        change, max((onset - change.at).total_seconds(), 0.0), any(_telling(diff, cause) for diff in touching)
    )


def telling_fields(cause_id: str) -> tuple[str, ...]:
    """Parts of diff paths that speak for a cause, the most telling first."""
    family, _, name = cause_id.partition(".")
    telling: dict[str, tuple[str, ...]] = {
        "memory": ("limits.memory",),
        "image": ("image",),
        "probe": ("Probe", "ports"),
        "schedule": (
            *("nodeSelector", "affinity", "tolerations", "requests", "topologySpread", "replicas"),
            *("taints[", "unschedulable"),
        ),
        "config": ("env", "volumes", "configMap", "secret", "data["),
        "command": ("command", "args", "image"),
        "cpu": ("cpu",),
        "quota": ("hard[", "requests", "limits", "replicas"),
        "admission": ("serviceAccountName",),
        "service": ("selector", "ports[", "env[", "data["),
        "autoscaler": ("maxReplicas", "minReplicas"),
        "storage": ("volumes", "storageClassName", "volumeClaimTemplates"),
    }
    # Of what is too little, its own request says most.
    own = (f"requests.{name.removeprefix('insufficient_')}",) if name.startswith("insufficient_") else ()
    return (*own, *telling.get(family, ()))


def _telling(diff: FieldDiff, cause: Cause) -> bool:
    return any(part in diff.path for part in telling_fields(cause.id))


def _lowered(diff: FieldDiff, path: str) -> bool:
    if path not in diff.path:
        return False
    old, new = parse_quantity(diff.old or ""), parse_quantity(diff.new or "")
    return new is not None and (old is None or new < old)


def lowered_memory_limit(change: Change) -> FieldDiff | None:
    """The diff that lowers a memory limit, where there is one."""
    return next((diff for diff in change.diff if _lowered(diff, "limits.memory")), None)


def title(change: Change) -> str:
    """`rollout 42`, as the change's summary begins."""
    head = change.summary.partition(":")[0].strip()
    return head if head.startswith(change.change) and len(head) <= 30 else change.change  # noqa: PLR2004


def deed(change: Change) -> str:
    """What the change did to memory: `rollout 42 halved the memory limit`."""
    diff = lowered_memory_limit(change)
    if diff is None:
        return title(change)
    old, new = parse_quantity(diff.old or ""), parse_quantity(diff.new or "")
    if old is None or new is None or old <= 0:
        return f"{title(change)} set the memory limit to {diff.new}"
    verb = "halved" if float(old) == float(new) * _HALF else "lowered"
    return f"{title(change)} {verb} the memory limit"


def note(change: Change, telling: tuple[str, ...] = ()) -> str:
    """The diff in one short line, `telling` fields first: `limit 512Mi → 256Mi, image 1.4.2`."""
    parts = list(dict.fromkeys(_parts(change, telling)))
    if not parts:
        return change.summary
    for count in range(min(len(parts), _PARTS), 0, -1):
        more = f", {len(parts) - count} more" if len(parts) > count else ""
        line = f"{title(change)}: {', '.join(parts[:count])}{more}"
        if len(line) <= NOTE_LIMIT:
            break
    return line


def _parts(change: Change, telling: tuple[str, ...]) -> Iterator[str]:
    # What explains the cause is told first; then what harms soonest: limits, images, the rest.
    order = (*telling, "limits.", "image", "requests.")
    for diff in sorted(change.diff, key=lambda one: (_rank(one.path, order), one.path)):
        yield _part(diff)


def _rank(path: str, order: tuple[str, ...]) -> int:
    return next((rank for rank, part in enumerate(order) if part in path), len(order))


def _part(diff: FieldDiff) -> str:
    name = diff.path.rpartition("].")[2] or diff.path
    if diff.path.endswith("restartedAt]"):
        return "restarted by hand"
    if name.endswith("image") and diff.old and diff.new:
        old, new = diff.old.rpartition(":"), diff.new.rpartition(":")
        return f"image {old[2]} → {new[2]}" if old[0] == new[0] else f"image → {diff.new}"
    if name.startswith("resources."):
        _, part, resource = [*name.split(".", 2), "", ""][:3]
        name = f"{resource} {part.removesuffix('s')}"
    if diff.old is None or diff.new is None:
        return f"{name} added" if diff.old is None else f"{name} removed"
    if len(diff.old) + len(diff.new) > 40:  # noqa: PLR2004 - the page shows the whole
        return f"{name} changed"
    return f"{name} {diff.old} → {diff.new}"
