"""Who may post, who may read, and how a refusal looks."""

import base64

import pytest

from tests.api.running import INCIDENTS, WEBHOOK, House, house, problem
from tests.ingest.bodies import wire_body

pytestmark = pytest.mark.anyio
POSTING = "post-" + "token-one"
READING = "read-" + "token-one"
TOKENS = {"SITREP_WEBHOOK_TOKENS": f"other, {POSTING}", "SITREP_API_TOKENS": READING}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


async def status(running: House, headers: dict[str, str]) -> tuple[int, int]:
    """What posting and what reading answers."""
    async with running.caller("10.1.2.3", "sitrep.example", **headers) as client:
        posted = await client.post(WEBHOOK, json=wire_body())
        read = await client.get(INCIDENTS)
    return posted.status_code, read.status_code


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_a_bearer_token_opens_its_own_door_only(database_url: str, scheme: str) -> None:
    async with house(database_url, TOKENS) as running:
        assert await status(running, {"Authorization": f"{scheme} {POSTING}"}) == (202, 401)
        assert await status(running, {"Authorization": f"{scheme} {READING}"}) == (401, 200)


async def test_a_token_is_taken_as_the_password_of_basic_authentication(database_url: str) -> None:
    async with house(database_url, TOKENS) as running:
        assert await status(running, basic("alertmanager", POSTING)) == (202, 401)
        assert await status(running, basic("", READING)) == (401, 200)
        assert await status(running, basic(POSTING, "")) == (401, 401)


NO_TOKENS = (
    "",
    "Bearer",
    "Bearer ",
    "Bearer wrong",
    f"Bearer {POSTING}x",
    f"Bearer {POSTING[:-1]}",
    f"Bearer other, {POSTING}",
    f"Token {POSTING}",
    POSTING,
    "Basic",
    "Basic !!!",
    "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
    "Basic " + base64.b64encode(POSTING.encode()).decode(),
    "Bearer " + "x" * 20_000,
    "Bearer t\u00f6ken",
)


async def test_anything_else_is_refused_with_a_problem_document_and_a_challenge(database_url: str) -> None:
    async with house(database_url, TOKENS) as running, running.caller("10.1.2.3", "sitrep.example") as client:
        for header in NO_TOKENS:
            sent = [(b"authorization", header.encode("latin-1"))] if header else []
            posted = await client.post(WEBHOOK, json=wire_body(), headers=sent)
            for answer in (posted, await client.get(INCIDENTS, headers=sent)):
                problem(answer, 401)
                assert "Bearer" in answer.headers["www-authenticate"]
                assert "Basic" in answer.headers["www-authenticate"]
                assert POSTING not in answer.text
        assert await running.rows("select id from incident") == []


async def test_a_token_is_asked_of_this_machine_too_once_one_is_set(database_url: str) -> None:
    async with house(database_url, TOKENS) as running:
        problem(await running.post(wire_body()), 401)
        problem(await running.http.get(INCIDENTS), 401)


async def test_setting_one_token_leaves_the_other_door_to_this_machine(database_url: str) -> None:
    async with house(database_url, {"SITREP_WEBHOOK_TOKENS": POSTING}) as running:
        assert (await running.http.get(INCIDENTS)).status_code == 200
        assert await status(running, bearer(POSTING)) == (202, 403)


async def test_without_tokens_this_machine_alone_may_call(sitrep: House) -> None:
    assert (await sitrep.post(wire_body())).status_code == 202
    assert (await sitrep.http.get(INCIDENTS)).status_code == 200
    for host in ("localhost", "localhost:8080", "[::1]:8080", "127.0.0.1:8080"):
        async with sitrep.caller(host=host) as client:
            assert (await client.get(INCIDENTS)).status_code == 200, host


@pytest.mark.parametrize("address", ["10.1.2.3", "192.168.1.1", "::ffff:10.1.2.3", "2001:db8::1", "unix"])
async def test_without_tokens_another_machine_is_refused(sitrep: House, address: str) -> None:
    async with sitrep.caller(address) as client:
        document = problem(await client.get(INCIDENTS), 403)
        assert "SITREP_API_TOKENS" in document["detail"]
        problem(await client.post(WEBHOOK, json=wire_body()), 403)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Forwarded-For", "127.0.0.1"),
        ("Forwarded", "for=127.0.0.1"),
        ("X-Real-IP", "127.0.0.1"),
        ("Via", "1.1 proxy"),
    ],
)
async def test_what_came_through_a_proxy_is_not_this_machine(sitrep: House, name: str, value: str) -> None:
    async with sitrep.caller() as client:
        problem(await client.get(INCIDENTS, headers={name: value}), 403)


@pytest.mark.parametrize("host", ["sitrep.example", "rebound.attacker.example:8080", "127.0.0.1.attacker.example", "0"])
async def test_a_name_that_was_made_to_resolve_to_this_machine_is_refused(sitrep: House, host: str) -> None:
    async with sitrep.caller(host=host) as client:
        problem(await client.get(INCIDENTS), 403)
        problem(await client.post(WEBHOOK, json=wire_body()), 403)


async def test_a_browser_page_of_another_site_cannot_post_here(sitrep: House) -> None:
    """A form or a `no-cors` fetch reaches loopback without asking; it names where it comes from."""
    async with sitrep.caller() as client:
        for name, value in (("Origin", "https://attacker.example"), ("Sec-Fetch-Site", "cross-site")):
            answer = await client.post(WEBHOOK, json=wire_body(), headers={name: value, "Content-Type": "text/plain"})
            problem(answer, 403)
        own = {"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"}
        assert (await client.get(INCIDENTS, headers=own)).status_code == 200


async def test_a_token_file_is_read_anew_so_that_tokens_can_be_rotated(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("tokens") / "tokens"
    path.write_text("first-" + "token\n")
    async with house(database_url, {"SITREP_API_TOKENS_FILE": str(path)}) as running:
        assert (await status(running, bearer("first-" + "token")))[1] == 200
        path.write_text("second-" + "token\n")
        assert (await status(running, bearer("first-" + "token")))[1] == 401
        assert (await status(running, bearer("second-" + "token")))[1] == 200
        path.write_text("")
        assert (await status(running, bearer("")))[1] == 401
        path.unlink()
        async with running.caller("10.1.2.3") as client:
            problem(await client.get(INCIDENTS, headers=bearer("second-" + "token")), 503)


async def test_health_answers_without_a_token(database_url: str) -> None:
    async with house(database_url, TOKENS) as running, running.caller("10.1.2.3", "sitrep.example") as client:
        assert (await client.get("/healthz")).json() == {"status": "alive"}
        assert (await client.get("/readyz")).json() == {"status": "ready"}
        assert "sitrep_accept_seconds" in (await client.get("/metrics")).text
