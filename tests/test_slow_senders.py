"""Who trickles its request holds a connection for a while only, and nobody else waits for it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn

from app.serve import MAX_HEADER_BYTES, PromptProtocol

pytestmark = pytest.mark.anyio


class Impatient(PromptProtocol):
    head_seconds = 0.5


async def answer(scope: dict[str, object], receive: object, send: object) -> None:
    """The least that an application does."""
    del scope, receive
    await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
    await send({"type": "http.response.body", "body": b"well"})  # type: ignore[operator]


@asynccontextmanager
async def serving() -> AsyncIterator[int]:
    """The port of a server with our protocol, which waits half a second for a head."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]
    config = uvicorn.Config(answer, http=Impatient, lifespan="off", log_config=None)  # type: ignore[arg-type]
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield port
    finally:
        server.should_exit = True
        await running
        listener.close()


async def trickle(port: int) -> float:
    """Send a header a byte at a time; after how many seconds the server had enough."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /api/v1/webhooks/alertmanager HTTP/1.1\r\nX-Slow: ")
    try:
        while loop.time() - began < 20:
            writer.write(b"a")
            await writer.drain()
            try:
                if not await asyncio.wait_for(reader.read(1), 0.1):
                    break
            except TimeoutError:
                continue
    except ConnectionError:
        pass
    finally:
        writer.close()
    return loop.time() - began


async def test_trickled_heads_are_closed_and_a_normal_request_is_answered_meanwhile() -> None:
    async with serving() as port, httpx.AsyncClient() as client:
        slow = [asyncio.create_task(trickle(port)) for _ in range(200)]
        await asyncio.sleep(0.2)
        assert not any(task.done() for task in slow)
        assert (await client.get(f"http://127.0.0.1:{port}/")).text == "well"
        assert max(await asyncio.gather(*slow)) < 15


async def test_a_head_that_does_not_end_is_cut_off() -> None:
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nX-Long: ")
        with pytest.raises(ConnectionError):
            await without_end(writer)
        writer.close()
        del reader


async def without_end(writer: asyncio.StreamWriter) -> None:
    for _ in range(1_000):
        writer.write(b"a" * MAX_HEADER_BYTES)
        await writer.drain()
        await asyncio.sleep(0.001)


async def test_a_second_request_on_the_same_connection_has_its_time_too() -> None:
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert b"well" in await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 5)
            # Between requests a connection may rest for longer than a head may take.
            await asyncio.sleep(0.7)
        writer.write(b"GET / HTTP/1.1\r\nX-Slow: ")
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
