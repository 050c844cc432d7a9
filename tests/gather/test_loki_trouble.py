"""What goes wrong with Loki, or is said by it in a way that nobody expects, is told in plain words."""

from datetime import UTC, datetime

import pytest

from app.domain.errors import SourceError
from app.domain.evidence import LogPattern
from app.gather.logs.words import ERROR_WORDS
from app.gather.sources.loki import LokiSource
from app.settings import Secret
from tests.fakes.loki import FakeLoki
from tests.fakes.server import Trouble
from tests.gather.canned import TROUBLES, CannedServer, impatient
from tests.gather.loki_house import LABELS, NOTHING, POD, answered, query, recording, row, source_of, streams

pytestmark = pytest.mark.anyio


async def test_a_loki_without_index_stats_is_asked_all_the_same() -> None:
    server = CannedServer(streams(row(1, "error a")))
    server.answers = [(200, LABELS), (404, b"404 page not found")]
    async with source_of(server) as source:
        assert len((await source.answer(query(usual=False))).items) == 1


@pytest.mark.parametrize(("trouble", "reason"), TROUBLES, ids=lambda value: getattr(value, "mood", ""))
async def test_trouble_is_said_in_plain_words(trouble: Trouble, reason: str) -> None:
    server = CannedServer(NOTHING)
    server.trouble = trouble
    async with server:
        source = LokiSource(impatient(loki_url=server.url))
        with pytest.raises(SourceError, match=reason) as raised:
            await source.answer(query())
        diagnosis = await source.check()
        await source.aclose()
    assert len(str(raised.value)) < 300
    assert not diagnosis.healthy
    assert diagnosis.fix


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (400, b"parse error at line 1, col 2: syntax error", r"^bad query \(400\): parse error at line 1"),
        (401, b"no org id\n", r"^not authenticated \(401\): a token or the tenant \(X-Scope-OrgID\) is missing$"),
        (400, b"no org id\n", r"^not authenticated \(400\): a token or the tenant"),
        (429, b"too many outstanding requests", r"^too many queries at once \(429\)"),
        (504, b"context deadline exceeded", r"^Loki failed \(504\): context deadline exceeded$"),
        (302, b"", r"^redirected to a login page \(302\)$"),
    ],
)
async def test_lokis_text_errors_have_their_words(status: int, body: bytes, reason: str) -> None:
    async with source_of(CannedServer(body, status=status, content_type="text/plain")) as source:
        with pytest.raises(SourceError, match=reason):
            await source.answer(query())


@pytest.mark.parametrize(
    "body", [[], {"status": "success"}, {"data": {"resultType": "matrix", "result": []}}, {"data": 1}]
)
async def test_json_of_another_shape_is_refused(body: object) -> None:
    with pytest.raises(SourceError, match="JSON"):
        await answered(body)


async def test_the_doctor_names_a_missing_tenant_and_a_missing_label() -> None:
    recorded = recording({f"{POD}/app": [(60.0, "error")]}, datetime.now(UTC))
    async with source_of(FakeLoki(recorded, tenant_required=True)) as source:
        refused = await source.check()
        assert "tenant" in refused.statement
        assert "X-Scope-OrgID" in refused.fix
    headers = {"X-Scope-OrgID": "shop"}
    loki = FakeLoki(recorded, tenant_required=True, token="t" * 8)
    async with source_of(loki, loki_headers=headers, loki_token=Secret("t" * 8)) as source:
        assert (await source.check()).healthy
    async with source_of(CannedServer({"status": "success", "data": ["job"]})) as source:
        assert "no line of the last hours has a namespace label" in (await source.check()).statement


def test_the_error_words_can_stand_between_backticks() -> None:
    assert "`" not in ERROR_WORDS


async def test_lines_and_labels_can_be_stored() -> None:
    evidence = await answered(streams(row(5, "error: half \ud83d of a\x00 sign"), container="app\x00"))
    (pattern,) = evidence.of(LogPattern)
    assert pattern.template == "error: half \ufffd of a\ufffd sign"
    assert pattern.examples == (pattern.template,)
    assert pattern.container == "app\ufffd"
