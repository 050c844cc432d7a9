"""Which episode an incoming alert belongs to: pure, so that every order of arrival can be tested."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.domain.alert import Alert, AlertStatus

CLOCK_SLACK = timedelta(minutes=5)
# A copy of an old body comes this long after the newest one at most: Alertmanager's replicas and retries.
LATE_FOR = timedelta(minutes=4)


@dataclass(frozen=True, slots=True)
class StoredEpisode:
    """An alert episode as stored; `ended_at` is None while it is open."""

    fingerprint: str
    starts_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Merge:
    """What a body changes. `moves` pairs the stored start with the alert whose start is earlier.

    `late` counts alerts that tell of something older than what is stored; they change nothing. `is_old`: one of them
    shows that the body was written before what is stored: it is open as far as we know, or says that it fires.
    `late_end`: when the last of them ended, as it is stored. `is_known`: the body tells nothing that is not stored.
    `misses_open`: an alert that is open as far as we know began after the body was written, which does not name it;
    one that began before and is not named may be muted. `fresh`: an alert opens an episode that was not there before.
    `restarted_at`: when the newest of those alerts began anew of which nobody told us that they had ended.
    """

    writes: tuple[Alert, ...]
    moves: tuple[tuple[datetime, Alert], ...] = ()
    late: int = 0
    is_old: bool = False
    is_known: bool = False
    misses_open: bool = False
    fresh: bool = False
    restarted_at: datetime | None = None
    late_end: datetime | None = None

    @property
    def fires(self) -> bool:
        """Whether any alert that is not late is open after this body."""
        return any(alert.ended_at is None for alert in self.writes)

    @property
    def may_reopen(self) -> bool:
        """Whether this body can reopen a group that had ended: an old copy of a firing body cannot."""
        return self.fires and (self.fresh or not self.late)

    @property
    def last_end(self) -> datetime | None:
        """When the last of those ended that have ended."""
        ends = [self.late_end, *(alert.ended_at for alert in self.writes)]
        return max((end for end in ends if end), default=None)


def merge(
    stored: Iterable[StoredEpisode], incoming: Iterable[Alert], now: datetime, quiet_for: timedelta = timedelta(0)
) -> Merge:
    """Fit `incoming` (unique fingerprints) into what is stored; never reopen or regress an episode.

    `quiet_for` is how long the group had not been posted: what fires after long enough is no late copy.
    """
    known: dict[str, list[StoredEpisode]] = {}
    for episode in sorted(stored, key=lambda one: one.starts_at):
        known.setdefault(episode.fingerprint, []).append(episode)
    writes: list[Alert] = []
    moves: list[tuple[datetime, Alert]] = []
    late = 0
    is_old = fresh = False
    is_known = True
    restarted_at: datetime | None = None
    late_ends: list[datetime] = []
    told = [_bounded(alert, now) for alert in incoming]
    for alert in told:
        episodes = known.get(alert.fingerprint, [])
        bounded = _begun_anew(episodes, alert) if quiet_for > LATE_FOR else alert
        fitted = _fit(episodes, bounded)
        last = episodes[-1] if episodes else None
        if fitted is None:
            late += 1
            is_old |= bounded.ended_at is None or (last is not None and last.ended_at is None)
            late_ends += [last.ended_at] if last and last.ended_at else []
            continue
        writes.append(fitted)
        is_known &= last is not None and fitted.ended_at is not None and _is_same(fitted, last)
        is_new = last is None or (last.ended_at is not None and fitted.starts_at > last.ended_at)
        fresh |= is_new and fitted.ended_at is None
        if last is None or is_new:
            continue
        if last.ended_at is None and bounded.ended_at is None and bounded.starts_at > last.starts_at:
            restarted_at = max(restarted_at or bounded.starts_at, bounded.starts_at)
        if fitted.starts_at < last.starts_at:
            moves.append((last.starts_at, fitted))
    late_end = max(late_ends, default=None)
    misses_open = _misses_open(known, told)
    return Merge(tuple(writes), tuple(moves), late, is_old, is_known, misses_open, fresh, restarted_at, late_end)


def _misses_open(known: Mapping[str, list[StoredEpisode]], told: Sequence[Alert]) -> bool:
    last_end = max((alert.ended_at for alert in told if alert.ended_at), default=None)
    last = {fingerprint: episodes[-1] for fingerprint, episodes in known.items()}
    for alert in told:
        last.pop(alert.fingerprint, None)
    return any(one.ended_at is None and (last_end is None or one.starts_at >= last_end) for one in last.values())


def _is_same(alert: Alert, last: StoredEpisode) -> bool:
    return (alert.starts_at, alert.ended_at) == (last.starts_at, last.ended_at)


def _bounded(alert: Alert, now: datetime) -> Alert:
    """Times that make sense to us: nothing ends after now, nothing begins much later, what resolved has an end."""
    starts_at = min(alert.starts_at, now + CLOCK_SLACK)
    if alert.status is AlertStatus.FIRING:
        return replace(alert, starts_at=starts_at, ended_at=None)
    return replace(alert, starts_at=starts_at, ended_at=max(min(alert.ended_at or now, now), starts_at))


def _begun_anew(episodes: list[StoredEpisode], alert: Alert) -> Alert:
    """An alert whose sender was cut off ends by time-out, and comes back with the start that it had before."""
    over = episodes[-1].ended_at if episodes else None
    if over is None or alert.ended_at is not None:
        return alert
    return replace(alert, starts_at=max(alert.starts_at, over + timedelta(milliseconds=1)))


def _fit(episodes: list[StoredEpisode], alert: Alert) -> Alert | None:
    """The alert as the newest state of the last episode, or as a new one; None if it is older than that."""
    if not episodes:
        return alert
    last = episodes[-1]
    if last.ended_at is not None and alert.starts_at > last.ended_at:
        return alert
    before = max((one.ended_at for one in episodes[:-1] if one.ended_at), default=None)
    is_of_an_earlier_one = before is not None and alert.starts_at <= before
    if alert.ended_at is None and (last.ended_at is not None or is_of_an_earlier_one):
        return None
    if alert.ended_at is not None and alert.ended_at < (last.ended_at or last.starts_at):
        return None
    starts_at = last.starts_at if is_of_an_earlier_one else min(alert.starts_at, last.starts_at)
    return replace(alert, starts_at=starts_at)
