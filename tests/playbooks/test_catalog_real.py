"""Against the real program, with data: each question of each named playbook finds its number in a sick cluster.

That a query parses says little: what matches many to many, or joins labels that exporters do not have, shows here.
"""

from datetime import UTC, datetime

import pytest

from app.domain.evidence import Series
from app.domain.playbook import Playbook
from app.domain.query import PromQuery
from app.domain.subject import Subject
from app.gather.sources.prometheus import PrometheusSource
from app.ingest.subject import subject_of
from app.playbooks.questions import Questions
from tests.playbooks.real import BOOKS, LABELS, NAMED, answered, fired
from tests.playbooks.sick.line import JOB

pytestmark = pytest.mark.anyio
# What is about a whole cluster carries no label that a question would need.
OF_THE_CLUSTER = {"overcommit", "api_server", "control_plane_down", "api_clients", "kube_state_metrics"}


def test_every_playbook_has_an_alert_here() -> None:
    assert {book.name for book in NAMED} == LABELS.keys() | OF_THE_CLUSTER


@pytest.mark.parametrize("book", NAMED, ids=lambda book: book.name)
async def test_every_question_of_a_playbook_finds_its_number_where_all_is_wrong(
    source: PrometheusSource, book: Playbook
) -> None:
    silent: list[tuple[str, str]] = []
    for alertname in book.alerts:
        alert = fired(book, alertname)
        subject = subject_of(alert, "prod")
        [told] = [one for one in BOOKS.named(alert.name, subject) if one.name == book.name]
        names = {query.name for query in told.queries}
        _, evidence = await answered(source, alert, names)
        assert evidence.gaps == ()
        found = {one.name for one in evidence.of(Series)}
        silent += [(alertname, name) for name in names - found]
        silent += [(alertname, f"{q.name}_usual") for q in told.queries if q.usual and f"{q.name}_usual" not in found]
        units = {query.name: query.unit for query in told.queries}
        assert all(one.unit == units[one.name.removesuffix("_usual")] for one in evidence.of(Series))
    assert silent == []


KINDS = {
    Subject("prod", "shop", "Deployment", "checkout"): {"memory_limit", "cpu_throttled_ratio", "replicas_available"},
    Subject("prod", "shop", "StatefulSet", "cart-db"): {"memory_working_set", "replicas_wanted", "restarts"},
    Subject("prod", "shop", "DaemonSet", "log-agent"): {"cpu_usage", "replicas_wanted", "error_ratio"},
    Subject("prod", "shop", "Job", JOB): {"job_failed_pods", "job_active_pods", "cpu_limit"},
    Subject("prod", "shop", "CronJob", "nightly"): {"job_failed_pods"},
    Subject("prod", "shop", "HorizontalPodAutoscaler", "checkout"): {"hpa_current_replicas", "hpa_max_replicas"},
    Subject("prod", "shop", "PersistentVolumeClaim", "data-cart-db-0"): {
        "volume_used_ratio",
        "volume_inodes_used_ratio",
    },
    Subject("prod", "", "Namespace", "shop"): {"quota_used_ratio", "namespace_pods", "namespace_restarts"},
    Subject("prod", "", "Node", "worker-2"): {
        "node_condition",
        "node_pods",
        "node_pods_not_ready",
        "node_disk_used_ratio",
    },
    # As node-exporter's alerts name it.
    Subject("prod", "", "Node", "10.0.3.17"): {"node_memory_used_ratio", "node_cpu_used_ratio", "node_disk_used_ratio"},
}


@pytest.mark.parametrize("subject", KINDS, ids=lambda subject: f"{subject.kind} {subject.name}")
async def test_what_is_asked_of_every_kind_finds_its_numbers(source: PrometheusSource, subject: Subject) -> None:
    asked = [query for query in Questions(BOOKS)([], subject, datetime.now(UTC)) if isinstance(query, PromQuery)]
    found = [await source.answer(query) for query in asked]
    names = {one.name for evidence in found for one in evidence.of(Series)}
    assert KINDS[subject] <= names, names
    # kube-state-metrics is there twice; nothing may be counted so.
    last = {one.name: one.points[-1][1] for evidence in found for one in evidence.of(Series)}
    counts = {
        "replicas_wanted": (2, 3, 4),
        "job_failed_pods": (1,),
        "hpa_max_replicas": (10,),
        "node_pods_not_ready": (5,),
    }
    assert all(last[name] in values for name, values in counts.items() if name in last), last
