"""The parts of the Kubernetes source that need no server."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.query import ContainerLogQuery
from app.gather.sources.kubernetes.bodies import clean
from app.gather.sources.kubernetes.logs import MAX_PATTERNS, as_patterns
from app.gather.sources.kubernetes.recent import Recent
from app.gather.sources.kubernetes.times import parse_time
from tests.gather.cluster import subject

QUERY = ContainerLogQuery("log", subject("Pod", "checkout-0"), "app", previous=False)
START = datetime(2026, 10, 21, 2, 0, tzinfo=UTC)


def log(*lines: str) -> bytes:
    stamped = (f"{(START + timedelta(seconds=n)).isoformat()} {line}" for n, line in enumerate(lines))
    return "\n".join(stamped).encode()


def test_nanoseconds_are_cut_and_nonsense_is_no_time() -> None:
    assert parse_time("2026-10-21T02:00:00.123456789Z") == START.replace(microsecond=123456)
    assert parse_time("2026-10-21T04:00:00+02:00") == START
    assert [parse_time(text) for text in (None, "", "soon", "2026-13-01T00:00:00Z")] == [None] * 4


def test_a_private_key_over_many_lines_leaves_no_trace() -> None:
    secret = ["MIIEvQIBADANBgkq" + "hkiG9w0BAQEFAASC", "BKcwggSjAgEAAoIB" + "AQC7VJTUt9Us8cKj"]
    begin, end = "-----BEGIN " + "PRIVATE KEY-----", "-----END " + "PRIVATE KEY-----"
    patterns = as_patterns(log("loading", begin, *secret, end, "loaded"), QUERY)
    assert {"loading", "loaded"} <= {pattern.template for pattern in patterns}
    assert not any(line in repr(patterns) for line in secret)
    assert all(pattern.last_seen is not None for pattern in patterns)


def test_the_end_of_a_key_whose_start_was_cut_off_leaves_no_trace() -> None:
    secret = "BKcwggSjAgEAAoIB" + "AQC7VJTUt9Us8cKj"
    patterns = as_patterns(log(secret, "-----END " + "PRIVATE KEY-----", "loaded"), QUERY)
    assert [pattern.template for pattern in patterns] == ["loaded"]


def test_of_a_long_log_the_newest_lines_are_kept() -> None:
    lines = [f"line {'abcdefghij'[n % 10]}{'klmnopqrst'[n // 10 % 10]}{n // 100} " + "x" * 900 for n in range(200)]
    patterns = as_patterns(log(*lines), QUERY)
    assert 0 < len(patterns) <= MAX_PATTERNS
    assert patterns[-1].template.startswith(lines[-1][:8])
    assert patterns[-1].last_seen == START + timedelta(seconds=199)


def test_bytes_that_are_no_text_and_lines_without_time_do_no_harm() -> None:
    patterns = as_patterns(b"\xff\xfe broken \x00 here\n\nplain line\n", QUERY)
    assert [pattern.count for pattern in patterns] == [1, 1]
    assert patterns[1].first_seen is None
    assert "\x00" not in repr(patterns)


def test_lines_that_differ_only_in_their_own_time_are_one() -> None:
    (pattern,) = as_patterns(log("2026-10-21T02:00:00.1Z ERROR no", "[2026-10-21 02:00:01,222] ERROR no"), QUERY)
    assert (pattern.template, pattern.count) == ("ERROR no", 2)
    assert pattern.last_seen == START + timedelta(seconds=1)


@pytest.mark.anyio
async def test_a_fetch_is_shared_and_survives_one_who_gives_up() -> None:
    calls = 0
    gate = asyncio.Event()

    async def fetch() -> bytes:
        nonlocal calls
        calls += 1
        await gate.wait()
        return b"answer"

    recent: Recent[str] = Recent()
    first, second = (asyncio.create_task(recent.get("pods", fetch)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    gate.set()
    assert await second == b"answer"
    assert await recent.get("pods", fetch) == b"answer"
    assert calls == 1
    assert first.cancelled()


@pytest.mark.anyio
async def test_a_failure_is_not_kept() -> None:
    answers = [OSError("down"), b"up"]

    async def fetch() -> bytes:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    recent: Recent[str] = Recent()
    with pytest.raises(OSError, match="down"):
        await recent.get("pods", fetch)
    assert await recent.get("pods", fetch) == b"up"
    await recent.aclose()


def test_a_text_that_cannot_be_stored_is_mended() -> None:
    assert clean("term\x00msg \ud83d") == "term\ufffdmsg \ufffd"
    (pattern,) = as_patterns(log("nul\x00 here"), QUERY)
    assert pattern.template == "nul\ufffd here"
