"""One body of one cluster, read: what the store is asked to keep."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from app.domain.alert import Alert, AlertGroup
from app.domain.story import StormKey, own_key, part_sha, story_keys, told_storms
from app.domain.subject import Subject


@dataclass(frozen=True)
class Post:
    """One accepted body: the group, what it is about, and when it came (UTC).

    `about` gives the subject of each alert by its fingerprint. `dedup_sha` is set where this is only a part of
    what its sender calls a group: the hash by which that group is known elsewhere. `is_news`: nobody says this
    only because time has passed, for another part of what its sender calls a group is new.
    """

    group: AlertGroup
    subjects: tuple[Subject, ...]
    received_at: datetime
    about: Mapping[str, Subject] = field(default_factory=dict)
    dedup_sha: bytes | None = None
    is_news: bool = False

    def subject_of(self, alert: Alert) -> Subject:
        """What this alert is about; the whole post's first subject where nothing else is known."""
        first = self.subjects[0] if self.subjects else Subject(self.group.cluster, "", "Cluster", self.group.cluster)
        return self.about.get(alert.fingerprint, first)

    @cached_property
    def story_keys(self) -> tuple[str, ...]:
        """By what other groups find the same story, sorted."""
        return story_keys(self.group.alerts, self._whole_about)

    @cached_property
    def storms(self) -> tuple[StormKey, ...]:
        """What labels and times tell of a storm."""
        return told_storms(self.group.alerts, self._whole_about, self.received_at)

    def divided(self, keys: Collection[str]) -> tuple["Post", list["Post"]]:
        """What remains of this post, and a post for each of these stories that it tells of, too."""
        parts: dict[str, list[Alert]] = {}
        for alert in self.group.alerts:
            key = own_key(self.subject_of(alert))
            parts.setdefault(key if key in keys else "", []).append(alert)
        remaining = self._of(parts.pop("", []), self.group.group_sha)
        own = [self._of(alerts, part_sha(self.group.group_sha, key)) for key, alerts in sorted(parts.items())]
        return remaining, [replace(part, dedup_sha=self.group.group_sha) for part in own]

    def _of(self, alerts: list[Alert], sha: bytes) -> "Post":
        group = replace(self.group, alerts=tuple(alerts), group_sha=sha)
        kept = {self.subject_of(alert) for alert in alerts}
        subjects = tuple(subject for subject in self.subjects if subject in kept)
        return replace(self, group=group, subjects=subjects)

    @cached_property
    def _whole_about(self) -> Mapping[str, Subject]:
        return {alert.fingerprint: self.subject_of(alert) for alert in self.group.alerts}
