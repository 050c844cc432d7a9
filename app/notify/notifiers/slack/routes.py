"""Which channels an incident goes to."""

from collections.abc import Sequence

from app.domain.incident import Incident
from app.notify.matchers import Matcher, all_match, parse_matchers
from app.notify.notifier import HEAD
from app.settings import Route, Settings, SettingsError

BOT = "slack"
"""The notifier that has channels; a webhook has but one place."""


class Routes:
    """The routes of the settings, parsed once. Raises `SettingsError` for a matcher that cannot be read."""

    def __init__(self, settings: Settings) -> None:
        self._fallback = settings.slack_channel
        self._minimum = settings.minimum_severity()
        self._routes = [_parsed(route) for route in settings.slack_routes]

    def channels(self, incident: Incident) -> tuple[str, ...]:
        """The channels of every route that matches one of its alerts, else the one channel of the settings.

        A storm has no alerts of its own: it is told where its children would have been, which is known by now.
        """
        if incident.storm is not None:
            return tuple(
                dict.fromkeys(one.target for one in incident.deliveries if one.part == HEAD and one.notifier == BOT)
            )
        label_sets = [{"cluster": incident.cluster, **alert.labels} for alert in incident.alerts]
        taken = [name for matchers, names in self._routes if all_match(matchers, label_sets) for name in names]
        return tuple(dict.fromkeys(taken)) or ((self._fallback,) if self._fallback else ())

    def is_told(self, incident: Incident, notifier: str) -> bool:
        """Whether it is severe enough, or was told before: what stands in a channel is kept true."""
        told = any(delivery.notifier == notifier and delivery.reference for delivery in incident.deliveries)
        return told or incident.severity >= self._minimum


def _parsed(route: Route) -> tuple[Sequence[Matcher], tuple[str, ...]]:
    try:
        return [matcher for text in route.matchers for matcher in parse_matchers(text)], tuple(route.channels)
    except ValueError as error:
        message = f"SITREP_SLACK_ROUTES: {error}"
        raise SettingsError(message) from error
