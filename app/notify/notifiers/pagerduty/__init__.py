"""PagerDuty: a note on the incident that Alertmanager opened."""

from app.notify.notifiers.pagerduty.note import PagerDutyNotifier

__all__ = ["PagerDutyNotifier"]
