"""What a stand-in Slack answers: well, a refusal, or nothing at all."""

import asyncio
from typing import Any

from aiohttp import web

from tests.fakes.slack_blocks import WHOLE_BLOCKS, block_errors, blocks_size, metadata_error


def content_refusal(arguments: dict[str, Any], longest: int) -> web.Response | None:
    blocks, text = arguments.get("blocks") or [], arguments.get("text") or ""
    if not blocks and not text:
        return refuse("no_text")
    if len(text) > longest:
        return refuse("msg_too_long")
    errors = block_errors(blocks)
    if errors:
        return refuse("invalid_blocks", errors)
    if blocks_size(blocks) > WHOLE_BLOCKS:
        return refuse("msg_blocks_too_long")
    error = metadata_error(arguments.get("metadata"))
    return refuse(error) if error else None


async def last_answer(_request: web.Request, response: web.StreamResponse) -> None:
    """One request a connection: the server need not wait for idle ones when it stops."""
    response.headers["Connection"] = "close"
    response.force_close()


async def silence(request: web.Request) -> web.StreamResponse:
    """The connection ends without an answer: nobody can tell whether the call had its effect."""
    await asyncio.sleep(0)
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def ok(**values: object) -> web.Response:
    return web.json_response({"ok": True, **values})


def refuse(code: str, errors: list[str] | None = None) -> web.Response:
    body: dict[str, Any] = {"ok": False, "error": code}
    if errors:
        body |= {"errors": errors, "response_metadata": {"messages": [f"[ERROR] {line}" for line in errors]}}
    return web.json_response(body)


def missing_scope(needed: str, provided: set[str]) -> web.Response:
    body = {"ok": False, "error": "missing_scope", "needed": needed, "provided": ",".join(sorted(provided))}
    return web.json_response(body)


async def stall() -> None:
    """No answer while the caller waits."""
    await asyncio.sleep(3600)
