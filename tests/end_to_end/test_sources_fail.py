"""Sources that hang, refuse, fail or talk nonsense cost only themselves: the message goes out, and says so."""

from pathlib import Path

import pytest

from tests.end_to_end.stage import BUDGET_SECONDS, stage
from tests.end_to_end.waiting import until
from tests.fakes.server import FakeServer, Mood, Trouble
from tests.fakes.world import World

pytestmark = pytest.mark.anyio
NAMES = {"kubernetes": "Kubernetes", "prometheus": "Prometheus", "loki": "Loki"}
MOODS: tuple[Mood, ...] = ("hang", "status", "html", "garbage", "reset")


def servers(stand_ins: World, names: tuple[str, ...]) -> list[FakeServer]:
    return [getattr(stand_ins, name) for name in names]


@pytest.mark.parametrize("names", [("kubernetes",), ("prometheus",), ("loki",), tuple(NAMES)], ids=" ".join)
async def test_the_message_goes_out_within_the_budget_and_names_each_gap(
    names: tuple[str, ...], tmp_path: Path, database_url: str
) -> None:
    # All of them are about one workload; told as one story, all but the first would have no head.
    async with stage(tmp_path, database_url, {"SITREP_STORM": "off"}) as on:
        for mood in MOODS:
            for server in servers(on.stand_ins, names):
                server.trouble = Trouble(mood)
            heads = len(on.slack.heads)
            incident_id = await on.post(mood)
            await until(lambda before=heads: len(on.slack.heads) > before, f"a head while it is {mood}")
            record = await on.complete(incident_id)
            assert record["timings"]["first_notified_ms"] <= BUDGET_SECONDS * 1000, mood
            assert {gap["source"] for gap in record["gaps"]} >= set(names), mood
            head = on.slack.heads[-1]
            await until(lambda of=head: of.is_complete, f"the complete head while it is {mood}")
            for name in names:
                assert NAMES[name] in head.body, (mood, head.body)
            for server in servers(on.stand_ins, names):
                server.trouble = Trouble()


async def test_a_source_that_refuses_connections_is_named(tmp_path: Path, database_url: str) -> None:
    async with stage(tmp_path, database_url) as on:
        await on.stand_ins.prometheus.__aexit__(None, None, None)
        record = await on.complete(await on.post("refused"))
        assert {("prometheus", "connection refused")} <= {(g["source"], g["reason"]) for g in record["gaps"]}
        await until(lambda: bool(on.slack.heads) and on.slack.heads[0].is_complete, "the complete head")
        assert "Prometheus" in on.slack.heads[0].body
        assert record["hypotheses"][0]["cause"].startswith("memory."), "the others still tell enough"
