"""A mesh that counts calls, and a cluster beside it: gathered from both over HTTP, and judged."""

from pathlib import Path
from typing import Any

import pytest

from app.analyze.assess import analyze
from app.domain.alert import Alert, AlertStatus
from app.domain.change import Change
from app.domain.incident import Case, Recollection
from app.gather.gatherer import Gatherer
from app.gather.planner import Planner
from app.gather.sources.prometheus import PrometheusSource
from tests.analyze.judging import DETECTORS
from tests.fakes.prometheus import FakePrometheus
from tests.fakes.recording import Recording
from tests.gather.around import mesh, service, workload
from tests.gather.canned import settings
from tests.gather.cluster import NOW, body, controlled_by, kubernetes, shop, subject, template

pytestmark = pytest.mark.anyio

CHECKOUT = subject("Deployment", "checkout")


def counts(caller: str, called: str, *, of: str = "shop") -> dict[str, Any]:
    labels = {**mesh(caller, called), "source_workload_namespace": of}
    return {"metric": labels, "kind": "counter", "shape": [[-3600, 2.0]]}


def payments_set(name: str, revision: int, created: str) -> dict[str, Any]:
    return body(
        "ReplicaSet",
        name,
        api="apps/v1",
        spec={"replicas": 1, "template": template(image=f"shop/payments:{revision}")},
        metadata={
            "labels": {"app": "payments"},
            "annotations": {"deployment.kubernetes.io/revision": str(revision)},
            "creationTimestamp": created,
            "ownerReferences": controlled_by("Deployment", "payments"),
        },
    )


async def test_callers_stand_around_it_and_what_was_rolled_out_at_its_callee_among_the_changes(tmp_path: Path) -> None:
    callee = (
        workload("payments"),
        service("payments"),
        payments_set("payments-6d9f7c8b5", 7, "2026-10-01T10:00:00Z"),
        payments_set("payments-7c5f46fc47", 8, "2026-10-21T02:01:00Z"),
    )
    series = [counts("checkout", "payments"), counts("web", "checkout"), counts("portal", "checkout", of="front")]
    recording = Recording(now=NOW, metrics={"series": series})
    objects = (*shop(), *callee, workload("web"), service("checkout"))
    async with kubernetes(tmp_path, *objects) as (fake, source), FakePrometheus(recording) as prometheus:
        meters = PrometheusSource(settings(prometheus_url=prometheus.url))
        evidence = await Gatherer([source, meters], Planner(), 5).start((), (CHECKOUT,), NOW).finish()
        await meters.aclose()
        assert len(fake.requests) <= 40
    assert evidence.gaps == ()
    assert subject("Deployment", "payments") in {change.subject for change in evidence.of(Change)}
    alert = Alert("f1", AlertStatus.FIRING, {"alertname": "HighErrorRate"}, {}, NOW, None)
    judged = analyze(Case((alert,), (CHECKOUT,), evidence), Recollection(), NOW, DETECTORS)
    around = {(str(one.subject), one.relation) for one in judged.blast_radius}
    assert {("shop/web", "calls it"), ("front/portal", "calls it"), ("shop/payments", "is called by it")} <= around
