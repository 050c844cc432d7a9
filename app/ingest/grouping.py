"""A checked body to an alert group: redacted, bounded, deduplicated."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from pydantic import ValidationError

from app.domain.alert import Alert, AlertGroup, AlertStatus, RejectedAlert
from app.ingest.identity import fingerprint_or_own, group_sha
from app.ingest.payload import AlertBody, AlertReader, check_label_names, first_problem, read_envelope, rejected
from app.ingest.times import read_time
from app.ingest.wording import (
    GROUP_KEY_CHARACTERS,
    NAME_CHARACTERS,
    URL_CHARACTERS,
    clean_annotations,
    clean_labels,
    clean_text,
)

# More than a body within the limit can hold of real alerts; what comes after counts as truncated.
ALERTS_READ = 30_000
REJECTED_KEPT = 100
LARGEST_COUNT = 2**31 - 1

# What Go's regexp.QuoteMeta puts a backslash before; receivers arrive so.
QUOTED = re.compile(r"\\([\\.+*?()|\[\]{}^$])")


class Reading:
    """One body being read for one sender at one moment."""

    def __init__(self, sender: str, read_alert: AlertReader, now: datetime) -> None:
        self._sender = sender
        self._read_alert = read_alert
        self._now = now

    def group(self, body: bytes, cluster: str | None) -> AlertGroup:
        """The group that `body` tells of. Raises `InvalidPayloadError`."""
        envelope = read_envelope(body)
        alerts, refused = self._alerts(envelope.alerts[:ALERTS_READ])
        unread = len(envelope.alerts[ALERTS_READ:])
        group_labels = envelope.group_labels or {}
        group_key = _rebuilt_key(group_labels) if envelope.group_key is None else envelope.group_key
        return AlertGroup(
            sender=self._sender,
            cluster=_cluster(alerts, clean_labels(envelope.common_labels or {}), cluster),
            receiver=clean_text(QUOTED.sub(r"\1", envelope.receiver or ""), NAME_CHARACTERS),
            group_key=clean_text(group_key, GROUP_KEY_CHARACTERS),
            group_sha=group_sha(group_key),
            status=_status(alerts, envelope.status),
            truncated_alerts=min(max(envelope.truncated_alerts or 0, 0) + unread, LARGEST_COUNT),
            group_labels=clean_labels(group_labels),
            external_url=clean_text(envelope.external_url or "", URL_CHARACTERS),
            alerts=alerts,
            rejected=refused,
        )

    def _alerts(self, raws: list[object]) -> tuple[tuple[Alert, ...], tuple[RejectedAlert, ...]]:
        newest: dict[str, Alert] = {}
        refused: list[RejectedAlert] = []
        too_many = 0
        for index, raw in enumerate(raws):
            alert = self._alert(raw)
            if isinstance(alert, Alert):
                known = newest.get(alert.fingerprint)
                newest[alert.fingerprint] = alert if known is None else max(known, alert, key=_recency)
            elif len(refused) < REJECTED_KEPT:
                refused.append(rejected(index, raw, alert))
            else:
                too_many += 1
        if too_many:
            refused.append(RejectedAlert("alerts", f"{too_many} more alerts could not be read", b""))
        return tuple(newest.values()), tuple(refused)

    def _alert(self, raw: object) -> Alert | tuple[str, str]:
        """The alert, or the field and the reason why it is none."""
        try:
            body = self._read_alert(raw)
        except ValidationError as error:
            return first_problem(error)
        if problem := check_label_names(body.labels):
            return problem
        try:
            starts_at = read_time(body.starts_at) or self._now
        except ValueError:
            return "startsAt", "is not an RFC 3339 time"
        try:
            ends_at = read_time(body.ends_at)
        except ValueError:
            return "endsAt", "is not an RFC 3339 time"
        return self._read(body, starts_at, ends_at)

    def _read(self, body: AlertBody, starts_at: datetime, ends_at: datetime | None) -> Alert:
        is_over = body.status == "resolved" or (body.status is None and ends_at is not None and ends_at <= self._now)
        return Alert(
            fingerprint=fingerprint_or_own(body.fingerprint, body.labels),
            status=AlertStatus.RESOLVED if is_over else AlertStatus.FIRING,
            labels=clean_labels(body.labels),
            annotations=clean_annotations(body.notes()),
            starts_at=starts_at,
            # While it fires, an end is only the moment at which the sender would give up on it.
            ended_at=(ends_at or self._now) if is_over else None,
            generator_url=clean_text(body.generator_url or "", URL_CHARACTERS),
        )


def _recency(alert: Alert) -> tuple[datetime, bool, datetime]:
    """Orders two tellings of one alert: bodies may be late, an old firing never reopens a newer resolved."""
    return alert.starts_at, alert.status is AlertStatus.RESOLVED, alert.ended_at or alert.starts_at


def _cluster(alerts: Iterable[Alert], common_labels: Mapping[str, str], fallback: str | None) -> str:
    """The cluster that all alerts name, else the one that the webhook's address or the setting names."""
    named = {alert.labels.get("cluster", "") for alert in alerts} or {common_labels.get("cluster", "")}
    own = named.pop() if len(named) == 1 else ""
    return (own or fallback or "")[:NAME_CHARACTERS]


def _status(alerts: Iterable[Alert], told: str | None) -> AlertStatus:
    """Firing if any of them fires, or if the body says so (of an alert that could not be read, say)."""
    fires = told == AlertStatus.FIRING or any(alert.status is AlertStatus.FIRING for alert in alerts)
    return AlertStatus.FIRING if fires else AlertStatus.RESOLVED


def _rebuilt_key(group_labels: Mapping[str, str]) -> str:
    """The key that Alertmanager's root route would give to a group of these labels."""
    labels = ", ".join(f'{name}="{group_labels[name]}"' for name in sorted(group_labels))
    return "{}:{" + labels + "}"
