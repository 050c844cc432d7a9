"""Which episode an incoming alert belongs to: pure, so that every order of arrival can be tested."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from app.domain.alert import Alert, AlertStatus


@dataclass(frozen=True, slots=True)
class StoredEpisode:
    """An alert episode as stored; `ended_at` is None while it is open."""

    fingerprint: str
    starts_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Merge:
    """What a body changes. `moves` pairs the stored start with the alert whose start is earlier.

    `late` counts alerts that tell of something older than what is stored; they change nothing.
    """

    writes: tuple[Alert, ...]
    moves: tuple[tuple[datetime, Alert], ...]
    late: int

    @property
    def fires(self) -> bool:
        """Whether any alert that is not late is open after this body."""
        return any(alert.ended_at is None for alert in self.writes)

    @property
    def only_late(self) -> bool:
        """Whether the whole body is older than what is stored."""
        return self.late > 0 and not self.writes


def merge(stored: Iterable[StoredEpisode], incoming: Iterable[Alert], now: datetime) -> Merge:
    """Fit `incoming` (unique fingerprints) into what is stored; never reopen or regress an episode."""
    newest: dict[str, StoredEpisode] = {}
    for episode in stored:
        known = newest.get(episode.fingerprint)
        if known is None or episode.starts_at > known.starts_at:
            newest[episode.fingerprint] = episode
    writes: list[Alert] = []
    moves: list[tuple[datetime, Alert]] = []
    late = 0
    for alert in incoming:
        ended = _closed(alert, now)
        last = newest.get(alert.fingerprint)
        fitted = ended if last is None else _fit(last, ended)
        if fitted is None:
            late += 1
            continue
        writes.append(fitted)
        if last is not None and fitted.starts_at < last.starts_at:
            moves.append((last.starts_at, fitted))
    return Merge(tuple(writes), tuple(moves), late)


def _closed(alert: Alert, now: datetime) -> Alert:
    """A resolved alert has an end, be it the moment in which we heard of it; a firing one has none."""
    if alert.status is AlertStatus.FIRING:
        return replace(alert, ended_at=None)
    return alert if alert.ended_at else replace(alert, ended_at=max(now, alert.starts_at))


def _fit(episode: StoredEpisode, alert: Alert) -> Alert | None:
    """The alert as the newest state of this episode, or as a new episode; None if it is older than that."""
    if episode.ended_at is None:
        if alert.ended_at is not None and alert.ended_at < episode.starts_at:
            return None
        return replace(alert, starts_at=min(alert.starts_at, episode.starts_at))
    if alert.starts_at > episode.ended_at:
        return alert
    if alert.ended_at is None or alert.ended_at < episode.ended_at:
        return None
    return replace(alert, starts_at=min(alert.starts_at, episode.starts_at))
