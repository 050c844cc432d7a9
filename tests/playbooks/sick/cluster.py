"""The series of a cluster in which everything that the usual rules look for is wrong, with exporters' real label sets.

Each series is a straight line: its value 26 hours ago and what it gains a second since then. kube-state-metrics has
just been replaced, so each of its series is there twice: what joins them carelessly matches many to many.
"""

from collections.abc import Iterator

from tests.playbooks.sick.around import around
from tests.playbooks.sick.control_plane import api_server, etcd
from tests.playbooks.sick.line import Line
from tests.playbooks.sick.monitoring import alertmanager, operator, prometheus
from tests.playbooks.sick.nodes import kubelets, nodes
from tests.playbooks.sick.workloads import objects, usage, workloads


def sick_cluster(now: float) -> Iterator[Line]:
    """All series; `now` in unix seconds, for those whose values are times."""
    yield from workloads()
    yield from objects(now)
    yield from usage()
    yield from nodes(now)
    yield from kubelets()
    yield from api_server(now)
    yield from etcd()
    yield from prometheus(now)
    yield from operator()
    yield from alertmanager(now)
    yield from around(now)
