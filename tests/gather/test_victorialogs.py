import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from app.domain.errors import SourceError
from app.domain.evidence import LogPattern
from app.domain.subject import Subject
from app.gather.sources.victorialogs import VictoriaLogsSource, logsql
from app.settings import Secret
from tests.fakes.recording import Recording
from tests.fakes.server import FakeServer, Trouble
from tests.fakes.victorialogs import FakeVictoriaLogs
from tests.gather.canned import TROUBLES, CannedServer, impatient, settings
from tests.gather.log_lines import LINES, NOW, SAMPLES, START, instant, query, recording

pytestmark = pytest.mark.anyio
TOKEN = "t" * 8
NAMES = {"values": [{"value": "namespace", "hits": 7}, {"value": "pod", "hits": 7}]}
WINDOW = (START, NOW)


@asynccontextmanager
async def source_of(server: FakeServer, **values: object) -> AsyncIterator[VictoriaLogsSource]:
    async with server:
        source = VictoriaLogsSource(settings(victorialogs_url=server.url, **values))
        try:
            yield source
        finally:
            await source.aclose()


def line(seconds_ago: float, text: str, **fields: str) -> bytes:
    return json.dumps({"_time": instant(seconds_ago), "_msg": text, "container": "app", **fields}).encode() + b"\n"


def canned(body: bytes) -> CannedServer:
    server = CannedServer(body)
    server.answers = [(200, NAMES)]
    return server


async def test_every_question_has_a_limit_a_time_and_a_timeout() -> None:
    fake = FakeVictoriaLogs(recording(LINES))
    async with source_of(fake) as source:
        await source.answer(query())
    asked = [form for form in fake.forms if "limit" in form]
    assert {form["limit"] for form in asked} == {"500"}
    assert len(asked) == 1 + len(SAMPLES)
    assert all(form["query"].startswith("_time:[2026-03-") for form in fake.forms)
    assert all(0 < float(form["timeout"].removesuffix("s")) <= 2 for form in asked)
    assert [path for _, path in fake.requests].count("/select/logsql/stream_field_names") == 1


def test_the_time_is_half_open_and_exact() -> None:
    assert logsql.during(WINDOW) == "_time:[2026-03-09T01:42:00.123457Z, 2026-03-09T02:12:00.123457Z)"


def test_streams_are_asked_by_what_they_are_kept_by() -> None:
    by_stream = logsql.error_lines(query(), WINDOW, ["namespace", "kubernetes.pod_name"])
    assert ' {"namespace"="shop"} {"kubernetes.pod_name"=~"checkout-' in by_stream
    by_field = logsql.error_lines(query(), WINDOW, [])
    assert '("namespace":="shop" or "kubernetes.namespace_name":="shop"' in by_field
    assert '"pod":~"^(checkout-' in by_field


def test_a_hostile_name_stays_between_its_quotes() -> None:
    asked = logsql.error_lines(query(Subject("c", 'a" or *', "Pod", "x\n\ud83d`")), WINDOW, ["namespace", "pod"])
    assert '{"namespace"="a\\" or *"} {"pod"=~"x\\n\ufffd`"}' in asked


async def test_an_answer_that_is_cut_is_used_as_far_as_it_came() -> None:
    body = b"".join(line(n, f"error {n} " + "x " * 20_000) for n in range(1, 200))
    async with source_of(canned(body)) as source:
        evidence = await source.answer(query(usual=False))
    (gap,) = evidence.gaps
    assert gap.reason == "only the newest 104 lines were read"
    assert sum(pattern.count for pattern in evidence.of(LogPattern)) == 104


async def test_what_goes_wrong_among_the_lines_is_said() -> None:
    body = line(1, "error a") + b"cannot read block 7: checksum mismatch\n" + line(2, "error b")
    async with source_of(canned(body)) as source:
        evidence = await source.answer(query(usual=False))
    assert [pattern.template for pattern in evidence.of(LogPattern)] == ["error a", "error b"]
    assert [gap.reason for gap in evidence.gaps] == ["the answer broke off"]


async def test_lines_of_other_shapes_are_left_out() -> None:
    odd = [{"_time": "yesterday", "_msg": "error a"}, {"_time": instant(1), "_msg": 7}, {"_time": instant(2)}]
    body = b"".join(json.dumps(one).encode() + b"\n" for one in odd) + line(3, "error: \ud83d b\x00", container="a\x00")
    async with source_of(canned(body)) as source:
        (pattern,) = (await source.answer(query(usual=False))).of(LogPattern)
    assert (pattern.template, pattern.container) == ("error: \ufffd b\ufffd", "a\ufffd")


@pytest.mark.parametrize("body", [[], {"values": 7}, {"status": "success"}])
async def test_names_of_another_shape_are_refused(body: object) -> None:
    async with source_of(CannedServer(body)) as source:
        with pytest.raises(SourceError, match="not VictoriaLogs'"):
            await source.answer(query())


@pytest.mark.parametrize(("trouble", "reason"), TROUBLES, ids=lambda value: getattr(value, "mood", ""))
async def test_trouble_is_said_in_plain_words(trouble: Trouble, reason: str) -> None:
    server = FakeVictoriaLogs(recording(LINES))
    server.trouble = trouble
    async with server:
        source = VictoriaLogsSource(impatient(victorialogs_url=server.url))
        with pytest.raises(SourceError, match=reason):
            await source.answer(query())
        diagnosis = await source.check()
        await source.aclose()
    assert not diagnosis.healthy
    assert diagnosis.fix


async def test_trouble_after_the_names_are_known_is_said_too() -> None:
    fake = FakeVictoriaLogs(recording(LINES))
    async with source_of(fake) as source:
        await source.answer(query())
        for mood, reason in (("html", "answered HTML"), ("garbage", "not JSON lines")):
            fake.trouble = Trouble(mood)
            with pytest.raises(SourceError, match=reason):
                await source.answer(query())


async def test_the_doctor_names_the_wrong_token_the_wrong_address_and_missing_namespaces() -> None:
    recorded = recording(LINES, datetime.now(UTC))
    async with source_of(FakeVictoriaLogs(recorded, token=TOKEN), victorialogs_token=Secret("wrong")) as source:
        refused = await source.check()
        assert "not authenticated (401)" in refused.statement
        assert "SITREP_VICTORIALOGS_TOKEN" in refused.fix
    async with source_of(FakeVictoriaLogs(recorded, token=TOKEN), victorialogs_token=Secret(TOKEN)) as source:
        assert (await source.check()).healthy
    page = CannedServer(b"<html>Grafana</html>", content_type="text/html")
    async with source_of(page) as source:
        looked = await source.check()
        assert "answered HTML" in looked.statement
        assert "without /select/" in looked.fix
    async with source_of(FakeVictoriaLogs(Recording(now=NOW))) as source:
        assert "no line of the last hour says which namespace" in (await source.check()).statement


async def test_the_address_in_a_diagnosis_holds_no_password() -> None:
    secret = "hunter2" + "hunter2"
    async with FakeVictoriaLogs(recording(LINES)) as server:
        source = VictoriaLogsSource(settings(victorialogs_url=server.url.replace("//", f"//shop:{secret}@")))
        assert secret not in repr(await source.check())
        await source.aclose()
