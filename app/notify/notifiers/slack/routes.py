"""Which channels an incident goes to."""

import re
from collections.abc import Sequence

from app.domain.incident import Incident
from app.domain.scope import EVERYTHING, Scope
from app.grants import ALL
from app.notify.matchers import Matcher, all_match, parse_matchers
from app.notify.notifier import HEAD
from app.settings import Route, Settings, SettingsError

LITERAL = re.compile(r"[A-Za-z0-9_-]+")

BOT = "slack"
"""The notifier that has channels; a webhook has but one place."""


class Routes:
    """The routes of the settings, parsed once. Raises `SettingsError` for a matcher that cannot be read."""

    def __init__(self, settings: Settings) -> None:
        self._fallback = settings.slack_channel
        self._minimum = settings.minimum_severity()
        self._routes = [_parsed(route) for route in settings.slack_routes]
        self._scopes: dict[str, Scope] = {self._fallback: EVERYTHING} if self._fallback else {}
        for route, (matchers, names) in zip(settings.slack_routes, self._routes, strict=True):
            scope = _scope(route, matchers)
            self._scopes |= {name: self._scopes.get(name, scope) | scope for name in names}
        # A channel that stands in the settings no more: where some are limited, it may have been.
        self._unknown = EVERYTHING if all(one.is_all for one in self._scopes.values()) else Scope(frozenset())

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

    def scope(self, channel: str) -> Scope:
        """What is told there: everything, unless each route that leads there is for some namespaces."""
        return self._scopes.get(channel, self._unknown)

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


def _scope(route: Route, matchers: Sequence[Matcher]) -> Scope:
    """The namespaces that the route says, else those that its matchers take and no others."""
    if route.namespaces:
        return EVERYTHING if ALL in route.namespaces else Scope(frozenset(route.namespaces))
    named = [names for one in matchers if one.name == "namespace" and (names := _names(one))]
    clusters = [names for one in matchers if one.name == "cluster" and (names := _names(one))]
    if not named:
        return EVERYTHING
    places = frozenset.intersection(*named)
    if clusters:
        places = frozenset(f"{cluster}/{name}" for cluster in frozenset.intersection(*clusters) for name in places)
    return Scope(places)


def _names(matcher: Matcher) -> frozenset[str]:
    """The values that it takes, where these can be counted: `shop`, or `shop|cart`; empty for any other condition."""
    if matcher.operator == "=":
        return frozenset({matcher.value}) if matcher.value else frozenset()
    values = matcher.value.split("|")
    is_list = matcher.operator == "=~" and all(LITERAL.fullmatch(value) for value in values)
    return frozenset(values) if is_list else frozenset()
