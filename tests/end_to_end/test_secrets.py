"""Secrets planted wherever Sitrep looks or is told are nowhere in what it keeps, says or logs."""

import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import psycopg
import pytest

from tests.end_to_end.stage import Stage, stage
from tests.end_to_end.waiting import until
from tests.fakes.recording import SYNTHETIC_SECRETS

pytestmark = pytest.mark.anyio
# Built here, so that no file holds one whole.
IN_LABEL = "xoxb-" + "1234567890-abcdefghijkl"
IN_ANNOTATION = "hunter2" + "hunter2correct"
IN_URL = "s3cr3t" + "PassInUrl9"
IN_EVENT = "ghp_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"
IN_TERMINATION = "AKIA" + "IOSFODNN7EXAMPLE"
IN_REFUSED_BODY = "glpat-" + "Zy9Xw8Vu7Ts6Rq5Po4Nm"
PLANTED = [IN_LABEL, IN_ANNOTATION, IN_URL, IN_EVENT, IN_TERMINATION, IN_REFUSED_BODY, *SYNTHETIC_SECRETS.values()]


def plant(on: Stage) -> None:
    """Into the cluster: an event's message and a termination message."""
    cluster = on.stand_ins.kubernetes
    pod = next(p for p in on.stand_ins.recording.of_kind("Pod") if p["metadata"]["name"].startswith("checkout"))
    now = datetime.now(UTC).isoformat()
    cluster.put(
        {
            "kind": "Event",
            "apiVersion": "v1",
            "metadata": {"name": "leaky.1", "namespace": "shop"},
            "involvedObject": {"kind": "Pod", "namespace": "shop", "name": pod["metadata"]["name"]},
            "reason": "Failed",
            "type": "Warning",
            "message": f"error cloning https://bot:{IN_EVENT}@git.example/shop.git token={IN_EVENT}",
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
    )
    for status in pod["status"]["containerStatuses"]:
        if "terminated" in status.get("lastState", {}):
            status["lastState"]["terminated"]["message"] = f"aws_access_key_id={IN_TERMINATION} was refused"
    cluster.put(pod)


def kept(database_url: str) -> Iterator[str]:
    """Every row of every table as text, evidence unpacked."""
    conninfo = database_url.replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(conninfo) as connection:
        tables = connection.execute(
            "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
        ).fetchall()
        for (table,) in tables:
            for (row,) in connection.execute(f'select t::text from "{table}" t'.encode()):  # noqa: S608 - our own
                yield row
        for (evidence,) in connection.execute("select evidence from record"):
            yield zlib.decompress(evidence).decode()
        for (body,) in connection.execute("select body from rejected"):
            yield bytes(body).decode(errors="replace")


async def test_planted_secrets_are_nowhere_in_the_database_the_messages_or_the_log(
    tmp_path: Path, database_url: str
) -> None:
    async with stage(tmp_path, database_url) as on, aiohttp.ClientSession() as client:
        plant(on)
        body = on.body("secrets")
        body["groupKey"] = f'{{}}:{{token="{IN_LABEL}"}}'
        for alert in body["alerts"]:
            alert["labels"]["slack_token"] = IN_LABEL
            alert["annotations"]["description"] = f"login failed: password={IN_ANNOTATION}"
            alert["generatorURL"] = alert["generatorURL"].replace("http://", f"http://admin:{IN_URL}@", 1)
        incident_id = await on.send(body)
        await on.complete(incident_id)
        await until(lambda: bool(on.slack.heads) and bool(on.slack.replies(on.slack.heads[0].ts)), "both messages")
        url = f"{on.house.url}/api/v1/webhooks/alertmanager"
        async with client.post(url, data=f'{{"alerts": 7, "token": "{IN_REFUSED_BODY}"') as refused:
            said = await refused.text()
        page = await (await client.get(f"{on.house.url}/incidents/{incident_id}")).text()
        spoken = [message.body + message.text for message in [*on.slack.heads, *on.slack.replies(on.slack.heads[0].ts)]]
        everything = {
            "database": "\n".join(kept(database_url)),
            "messages": "\n".join(spoken),
            "log": on.house.log.read_text(errors="replace"),
            "page": page,
            "answer": said,
        }
    for told in ("error cloning", "was refused", "login failed", "[REDACTED:"):
        assert told in everything["database"], f"{told}: it was looked at, and kept without its secret"
    leaks = [(place, secret[:8]) for place, text in everything.items() for secret in PLANTED if secret in text]
    assert leaks == []
