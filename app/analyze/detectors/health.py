"""Our own look at health endpoints: what answers, what does not."""

from collections.abc import Iterable

from app.analyze.wording import cut
from app.analyze.world import World, finding
from app.domain.alert import Severity
from app.domain.evidence import Probe
from app.domain.incident import Finding

_SERVER_ERROR = 500
_SLOW_MILLISECONDS = 2000.0


class Health:
    """`health.failing` and `health.slow`: seen by ourselves, at one moment."""

    name = "health"

    def detect(self, world: World) -> Iterable[Finding]:
        """Endpoints that answered badly or not at all; a 4xx may only mean that we are not let in."""
        for probe in world.probes:
            subject = world.workload_of(probe.subject)
            if probe.status is None:
                words = f"health check got no answer: {probe.detail or 'connection failed'}"
                yield finding("health.failing", subject, Severity.WARNING, cut(words), evidence=(probe.id,))
            elif probe.status >= _SERVER_ERROR:
                words = f"health check answered {probe.status} in {_time(probe)}"
                yield finding("health.failing", subject, Severity.WARNING, words, evidence=(probe.id,))
            elif probe.milliseconds >= _SLOW_MILLISECONDS:
                words = f"health check took {_time(probe)}"
                yield finding("health.slow", subject, Severity.WARNING, words, evidence=(probe.id,))


def _time(probe: Probe) -> str:
    return f"{probe.milliseconds / 1000:.1f} s" if probe.milliseconds >= 100 else f"{probe.milliseconds:.0f} ms"  # noqa: PLR2004
