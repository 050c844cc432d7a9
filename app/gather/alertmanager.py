"""Whether the Alertmanager of the settings is one: what sends alerts is asked nothing else yet."""

from typing import Final

from app.domain.diagnosis import Diagnosis
from app.domain.errors import SourceError
from app.gather.http_answer import json_of, send
from app.http import Http, Request
from app.redact import redact
from app.settings import Settings

NAME: Final = "alertmanager"
MAX_BYTES: Final = 1024 * 1024


async def check_alertmanager(settings: Settings) -> Diagnosis | None:
    """Whether it tells its status; None where none is set."""
    if settings.alertmanager_url is None:
        return None
    address = redact(settings.alertmanager_url)
    try:
        version = await _version(settings)
    except SourceError as error:
        return Diagnosis(NAME, healthy=False, statement=f"{address}: {error}", fix=_fix_for(str(error)))
    return Diagnosis(NAME, healthy=True, statement=f"{address} answers, version {version}")


async def _version(settings: Settings) -> str:
    request = Request(
        "GET",
        f"{settings.alertmanager_url}/api/v2/status",
        headers={"Accept": "application/json"},
        timeout_seconds=settings.source_deadline_seconds,
        max_bytes=MAX_BYTES,
    )
    async with Http() as http:
        body = json_of(await send(http, request), "Alertmanager")
    info = body.get("versionInfo") if isinstance(body, dict) else None
    if not isinstance(info, dict) or "version" not in info:
        raise SourceError("answered JSON that is not Alertmanager's")
    return redact(str(info["version"]))[:40]


def _fix_for(problem: str) -> str:
    if any(sign in problem for sign in ("(401)", "(403)", "HTML", "login page")):
        return "SITREP_ALERTMANAGER_URL must lead past the login: use the address of its Service"
    if any(sign in problem for sign in ("(404)", "not JSON", "not Alertmanager")):
        return "SITREP_ALERTMANAGER_URL is the base address: without /api/v2, with its --web.route-prefix"
    return "check SITREP_ALERTMANAGER_URL, and that a NetworkPolicy lets Sitrep through"
