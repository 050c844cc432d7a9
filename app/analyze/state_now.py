"""Whether it is still true, and what users feel, now."""

from collections.abc import Iterable

from app.analyze.baseline import Reading, read
from app.analyze.wording import against_usual
from app.analyze.world import World
from app.domain.alert import Severity
from app.domain.incident import Finding

FAILING, STEADY, RECOVERED, UNKNOWN = "still failing", "steady", "recovered", "state now unknown"
_FRESH_SECONDS = 180.0
_USUAL_BAND = 0.1
_BY_SERIES = ("symptom.", "cpu.", "traffic.", "memory.near", "replicas.")


def still(world: World, findings: Iterable[Finding]) -> str:
    """One of four words. "Recovered" only where the alert's own expression answers and no longer holds."""
    bad = [one for one in findings if one.severity >= Severity.CRITICAL]
    touched = [one for one in bad if one.subject in world.focus or one.subject.kind in {"Node", "Namespace"}]
    if touched:
        return STEADY if all(one.kind.startswith(_BY_SERIES) for one in touched) else FAILING
    if _fresh(world, "alert_condition"):
        return STEADY
    return RECOVERED if _fresh(world, "alert_value") else UNKNOWN


def _fresh(world: World, name: str) -> bool:
    newest = (at for s in world.series if s.name == name for at, value in s.points if value is not None)
    return max(newest, default=0.0) >= world.now.timestamp() - _FRESH_SECONDS


def impact(world: World, said: Iterable[str]) -> str:
    """Errors, latency and traffic of what the alert is about, without what `said` already tells."""
    parts: list[str] = []
    for subject in world.focus[:1]:
        for name, words in (("error_ratio", "5xx"), ("latency_p95", "p95")):
            if reading := read(world, name, subject):
                parts.append(_against(words, reading))
        if rate := read(world, "request_rate", subject):
            parts.append(_traffic(rate))
    told = set(said)
    news = [part for part in parts if part not in told]
    odd = [part for part in news if not part.endswith(" usual")]
    if any(part.startswith("5xx") for part in odd):
        # Errors and how slow it is say enough; less traffic follows from both.
        news = odd[:2]
    if parts:
        return " · ".join(news) or "users feel it"
    return "user impact not seen yet" if world.is_waiting else "user impact not seen"


def _against(words: str, reading: Reading) -> str:
    if reading.usual is not None and abs(reading.now - reading.usual) <= max(_USUAL_BAND * reading.usual, 0.002):
        return "errors usual" if words == "5xx" else f"{words} usual"
    return f"{words} {against_usual(reading.now, reading.usual, reading.unit)}"


def _traffic(rate: Reading) -> str:
    times = rate.times_usual()
    if times is None:
        return f"traffic {against_usual(rate.now, None, rate.unit)}"
    if abs(times - 1) <= _USUAL_BAND:
        return "traffic usual"
    sign = "+" if times > 1 else "−"  # noqa: RUF001 - a minus sign as people print it
    return f"traffic {sign}{abs(times - 1) * 100:.0f} %"


def is_usual(reading: Reading | None) -> bool:
    """Whether a reading is there and within a tenth of its usual value."""
    times = reading.times_usual() if reading else None
    return times is not None and abs(times - 1) <= _USUAL_BAND
