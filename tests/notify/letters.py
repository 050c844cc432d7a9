"""Settings, letters and a clock for the tests of this room."""

from typing import Any, TypeVar
from uuid import UUID

from app.domain.incident import Incident
from app.notify.notifier import HEAD, Letter, Notifier
from app.notify.notifiers.slack import SlackNotifier, SlackWebhookNotifier
from app.settings import Secret, Settings
from tests.fakes.slack import FakeSlack
from tests.scenarios.incidents import NOW, oom_after_rollout

NONCE = UUID("0198f000-0000-7000-8000-00000000abcd")
PAGE = "https://sitrep.example/incidents/0198f000?expires=1792461600&signature=4f0c9a77b1&x=1"


_open: list[Notifier] = []
N = TypeVar("N", bound=Notifier)


def opened(notifier: N) -> N:
    """The notifier, to be closed when the test is over."""
    _open.append(notifier)
    return notifier


async def close_all() -> None:
    """Close what the test opened."""
    while _open:
        await _open.pop().aclose()


def page_link(_incident: Incident) -> str:
    """A signed address."""
    return PAGE


def letter(incident: Incident | None = None, **values: object) -> Letter:
    """A head for the on-call channel unless told otherwise."""
    given: dict[str, Any] = {"target": "C0ONCALL", "part": HEAD, "nonce": NONCE, **values}
    return Letter(incident or oom_after_rollout(), **given)


def slack_settings(slack: FakeSlack, **values: object) -> Settings:
    """Settings that point at the stand-in."""
    given: dict[str, Any] = {
        "slack_token": Secret(slack.token),
        "slack_channel": "C0ONCALL",
        "slack_api_url": slack.api_url,
        **values,
    }
    return Settings(**given)


def slack_notifier(slack: FakeSlack, **values: object) -> SlackNotifier:
    """A bot-token notifier at the stand-in, with a clock that stands still."""
    return opened(SlackNotifier(slack_settings(slack, **values), page_link, lambda: NOW))


def webhook_notifier(slack: FakeSlack) -> SlackWebhookNotifier:
    """A webhook notifier at the stand-in."""
    settings = Settings(slack_webhook_url=Secret(slack.webhook_url))
    return opened(SlackWebhookNotifier(settings, page_link, lambda: NOW))
