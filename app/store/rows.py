"""Rows to domain values; ORM and driver rows never leave the store."""

from collections.abc import Iterable, Mapping
from typing import Any

from psycopg.types.json import Jsonb

from app.domain.alert import Alert, AlertStatus
from app.domain.subject import Subject
from app.store.engine import Row


def alert_from_row(row: Row) -> Alert:
    """An alert episode as it is stored."""
    return Alert(
        fingerprint=row["fingerprint"],
        status=AlertStatus.FIRING if row["ended_at"] is None else AlertStatus.RESOLVED,
        labels=row["labels"],
        annotations=row["annotations"],
        starts_at=row["starts_at"],
        ended_at=row["ended_at"],
        generator_url=row["generator_url"],
    )


def subjects_from_json(stored: Iterable[Mapping[str, Any]]) -> tuple[Subject, ...]:
    """Subjects as they are stored."""
    return tuple(Subject(**subject) for subject in stored)


def subjects_to_json(subjects: Iterable[Subject]) -> Jsonb:
    """Subjects as they are stored."""
    fields = ("cluster", "namespace", "kind", "name")
    return Jsonb([{field: getattr(subject, field) for field in fields} for subject in subjects])
