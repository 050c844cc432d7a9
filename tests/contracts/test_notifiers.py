"""What every notifier must do, whichever is plugged in: retry only what can heal, leak nothing."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

import pytest

from app import registry
from app.domain.errors import DeliveryError
from app.notify.dispatcher import Dispatcher, Gone, Parked, Retry, Sent, Unknown, Waiting
from app.notify.notifier import HEAD, NOTE, Letter, Notifier
from app.settings import Secret, Settings
from tests.fakes.pagerduty import FakePagerDuty
from tests.fakes.server import FakeServer, Trouble
from tests.fakes.slack import FakeSlack
from tests.notify.letters import letter, page_link
from tests.notify.test_markup import hostile
from tests.scenarios.incidents import oom_after_rollout, resolved

pytestmark = pytest.mark.anyio

KEY = oom_after_rollout().groups[0].group_sha.hex()
PLANTED = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
NAMES = sorted(registry.NOTIFIERS)


@dataclass
class Stand:
    """A notifier at its stand-in, a letter for it, and all that it wrote there."""

    notifier: Notifier
    server: FakeServer
    letter: Letter
    written: Callable[[], str]


def _slack(server: FakeSlack, **values: object) -> Stand:
    settings = Settings(slack_api_url=server.api_url, slack_channel="C0ONCALL", **values)  # type: ignore[arg-type]
    name = "slack" if settings.slack_token else "slack_webhook"
    notifier = registry.NOTIFIERS[name](settings, page_link)
    assert notifier is not None
    target = "C0ONCALL" if settings.slack_token else "webhook"
    return Stand(
        notifier, server, letter(target=target, part=HEAD), lambda: str([m.arguments for m in server.messages])
    )


@pytest.fixture(params=NAMES)
async def stand(request: pytest.FixtureRequest, anyio_backend: str) -> AsyncIterator[Stand]:
    del anyio_backend  # asked for so that this fixture runs on it
    if request.param == "pagerduty":
        async with FakePagerDuty() as server:
            server.open_incident(KEY)
            settings = Settings(
                pagerduty_token=Secret(server.token), pagerduty_from=server.sender, pagerduty_api_url=server.url
            )
            notifier = registry.NOTIFIERS["pagerduty"](settings, page_link)
            assert notifier is not None
            notes = lambda: str([note.content for note in server.notes])  # noqa: E731 - one expression
            yield Stand(notifier, server, letter(target=KEY, part=NOTE), notes)
            await notifier.aclose()
        return
    async with FakeSlack() as slack:
        secret = {"slack_token": Secret(slack.token)}
        if request.param == "slack_webhook":
            secret = {"slack_webhook_url": Secret(slack.webhook_url)}
        found = _slack(slack, **secret)
        yield found
        await found.notifier.aclose()


async def test_it_sends_and_names_itself_as_in_the_registry(stand: Stand, request: pytest.FixtureRequest) -> None:
    assert isinstance(await Dispatcher([stand.notifier]).deliver(stand.notifier.name, stand.letter), Sent)
    assert stand.notifier.name in request.node.name
    assert "checkout" in stand.written()


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [
        (Trouble("status", 500), (Unknown, Retry)),
        (Trouble("status", 503), (Unknown, Retry)),
        (Trouble("status", 429), (Retry,)),
        (Trouble("status", 400), (Parked,)),
        (Trouble("status", 401), (Parked,)),
        (Trouble("status", 403), (Parked,)),
        (Trouble("status", 404), (Parked, Gone)),
        (Trouble("reset"), (Unknown, Retry)),
    ],
)
async def test_only_what_can_heal_is_tried_again(stand: Stand, trouble: Trouble, expected: tuple[type, ...]) -> None:
    stand.server.trouble = trouble
    outcome = await Dispatcher([stand.notifier]).deliver(stand.notifier.name, stand.letter)
    assert isinstance(outcome, expected)
    assert not isinstance(outcome, Waiting)


@pytest.mark.parametrize("mood", ["html", "garbage"])
async def test_a_proxy_in_between_is_never_taken_for_success(stand: Stand, mood: str) -> None:
    stand.server.trouble = Trouble(mood)  # type: ignore[arg-type]
    outcome = await Dispatcher([stand.notifier]).deliver(stand.notifier.name, stand.letter)
    assert not isinstance(outcome, Sent)
    assert not (await stand.notifier.check()).statement.count("<html")


async def test_a_secret_in_the_incident_is_not_told(stand: Stand) -> None:
    planted = replace(stand.letter, incident=hostile(f"token {PLANTED}", stand.letter.incident))
    await stand.notifier.send(planted)
    assert stand.written()
    assert PLANTED not in stand.written()


async def test_its_own_secret_stands_in_no_reason(stand: Stand) -> None:
    secrets = ["xoxb-", "/services/", "u+" + "test"]
    for trouble in (Trouble("status", 401), Trouble("status", 500), Trouble("reset"), Trouble("html")):
        stand.server.trouble = trouble
        with pytest.raises(DeliveryError) as caught:
            await stand.notifier.send(stand.letter)
        diagnosis = await stand.notifier.check()
        for secret in secrets:
            assert secret not in str(caught.value)
            assert secret not in diagnosis.statement + diagnosis.fix.replace("hooks.slack.com/services/", "")


async def test_the_same_incident_has_the_same_digest(stand: Stand) -> None:
    again = replace(stand.letter, incident=replace(stand.letter.incident, revision=99), attempts=3, may_repeat=True)
    assert stand.notifier.digest(stand.letter) == stand.notifier.digest(again)


async def test_what_it_shows_is_for_it_and_an_unknown_way_to_people_is_told_nothing(stand: Stand) -> None:
    dispatcher = Dispatcher([stand.notifier])
    over = resolved(oom_after_rollout(), confirmed=False)
    shown = dispatcher.targets(over)
    assert shown
    assert all(dispatcher.tells(name, target.part) for name, target in shown)
    assert not any(dispatcher.tells("pigeon", target.part) for _, target in shown)
