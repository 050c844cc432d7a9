"""Pods of the checkout that have ended, and what the judgement says of that."""

from app.analyze.detectors.crash_loop import CrashLoop
from app.domain.evidence import Item, ObjectState, Series
from app.domain.incident import Finding
from tests.analyze.judging import detect
from tests.builders import (
    Body,
    case,
    container_status,
    ended,
    pod,
    pod_subject,
    replica_set,
    series,
)

LOOPS = {"reason": "CrashLoopBackOff", "message": "back-off 2m40s restarting failed container=app"}
MEBIBYTE = 1024.0**2
POD = pod_subject("checkout-6d4f8b9c77-x2x9z")


def crashed(code: int, reason: str = "Error", **end: object) -> ObjectState:
    last = {**ended(code, reason), **end}
    return pod(statuses=[container_status(waiting=LOOPS, last=last, restarts=5)])


def how(*items: Item) -> Finding:
    """The one finding about how it ended."""
    found = [one for one in detect(CrashLoop(), case(*items, replica_set())) if one.kind != "container.crash_looping"]
    assert len(found) == 1
    return found[0]


def memory(mebibytes: float) -> Series:
    return series("memory_working_set", [100 * MEBIBYTE] * 6 + [mebibytes * MEBIBYTE] * 4, "bytes")


def running_again(last: Body) -> ObjectState:
    return pod(statuses=[container_status(last=last, restarts=3)])
