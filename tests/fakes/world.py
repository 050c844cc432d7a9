"""All that a recorded incident can be asked about, served at once."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.kubernetes import FakeKubernetes
from tests.fakes.loki import FakeLoki
from tests.fakes.prometheus import FakePrometheus
from tests.fakes.recording import Recording


@dataclass(frozen=True, slots=True)
class World:
    """The running stand-ins of one recording."""

    recording: Recording
    kubernetes: FakeKubernetes
    prometheus: FakePrometheus
    loki: FakeLoki


@asynccontextmanager
async def world(recording: Recording) -> AsyncIterator[World]:
    """Starts Kubernetes, Prometheus and Loki for one recording; stops them at the end."""
    async with AsyncExitStack() as stack:
        yield World(
            recording,
            await stack.enter_async_context(FakeKubernetes(recording)),
            await stack.enter_async_context(FakePrometheus(recording)),
            await stack.enter_async_context(FakeLoki(recording)),
        )


def sources_of(stand_ins: World, folder: Path) -> dict[str, str]:
    """The environment by which a Sitrep process finds these stand-ins; `folder` takes the kubeconfig."""
    return {
        "KUBECONFIG": str(stand_ins.kubernetes.kubeconfig(folder / "kubeconfig")),
        "SITREP_PROMETHEUS_URL": stand_ins.prometheus.url,
        "SITREP_LOKI_URL": stand_ins.loki.url,
    }
