"""The one HTTP client: bounded, and exact about whether a request may have arrived."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from app.http import Http, HttpError, Request
from tests.fakes.server import FakeServer, Trouble

pytestmark = pytest.mark.anyio


class Echo(FakeServer):
    def add_routes(self, router: web.UrlDispatcher) -> None:
        router.add_route("*", "/echo", self._echo)
        router.add_get("/long", self._long)
        router.add_get("/elsewhere", self._redirect)

    async def _echo(self, request: web.Request) -> web.Response:
        form = [[name, value] for name, value in (await request.post()).items()]
        return web.json_response({"query": [[n, v] for n, v in request.query.items()], "form": form})

    async def _long(self, _: web.Request) -> web.Response:
        return web.Response(body=b"x" * 100_000)

    async def _redirect(self, _: web.Request) -> web.Response:
        raise web.HTTPFound("/echo")


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    async with Echo() as server:
        yield server


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    async with Http() as client:
        yield client


async def test_names_may_repeat_in_queries_and_forms(echo: Echo, http: Http) -> None:
    pairs = (("match[]", "a"), ("match[]", "b"))
    asked = await http.send(Request("GET", f"{echo.url}/echo", params=pairs))
    posted = await http.send(Request("POST", f"{echo.url}/echo", form=pairs))
    assert b'[["match[]", "a"], ["match[]", "b"]]' in asked.body
    assert b'"form": [["match[]", "a"], ["match[]", "b"]]' in posted.body


async def test_a_long_body_is_cut_and_says_so(echo: Echo, http: Http) -> None:
    answer = await http.send(Request("GET", f"{echo.url}/long", max_bytes=1000))
    assert (len(answer.body), answer.truncated) == (1000, True)


async def test_redirects_are_not_followed(echo: Echo, http: Http) -> None:
    assert (await http.send(Request("GET", f"{echo.url}/elsewhere"))).status == 302
    assert [path for _, path in echo.requests] == ["/elsewhere"]


async def test_a_server_that_hangs_has_been_reached_and_may_have_acted(echo: Echo, http: Http) -> None:
    echo.trouble = Trouble("hang")
    with pytest.raises(HttpError, match=r"no answer in 0\.3 s") as caught:
        await http.send(Request("POST", f"{echo.url}/echo", timeout_seconds=0.3))
    assert (caught.value.timed_out, caught.value.sent) == (True, True)


async def test_a_server_that_cuts_the_connection_may_have_acted(echo: Echo, http: Http) -> None:
    echo.trouble = Trouble("reset")
    with pytest.raises(HttpError, match="connection broke") as caught:
        await http.send(Request("POST", f"{echo.url}/echo"))
    assert caught.value.sent


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:1/", "connection refused"),
        ("http://nowhere.invalid/", "host name not found"),
    ],
)
async def test_a_server_that_was_never_reached_cannot_have_acted(http: Http, url: str, reason: str) -> None:
    with pytest.raises(HttpError, match=reason) as caught:
        await http.send(Request("GET", url, timeout_seconds=5))
    assert not caught.value.sent


async def test_a_reason_never_holds_the_address(echo: Echo, http: Http) -> None:
    echo.trouble = Trouble("reset")
    secret = "tok" + "en123456"
    with pytest.raises(HttpError) as caught:
        await http.send(Request("GET", f"{echo.url}/echo?api_key={secret}"))
    assert secret not in str(caught.value)
