"""Charts as SVG, drawn on the server: no script, readable in a post-mortem and on a phone."""

from collections.abc import Sequence
from html import escape

WIDTH = 320
HEIGHT = 48
MARGIN = 3

Points = Sequence[tuple[float, float | None]]


def line_chart(points: Points, title: str, onset_at: float | None = None) -> str:
    """One series as a line, broken where values are missing; a dashed mark at the onset (Unix seconds).

    Empty text where fewer than two values exist: a single point shows no course.
    """
    known = [(at, value) for at, value in points if value is not None]
    if len(known) < 2:  # noqa: PLR2004 - a line has two ends
        return ""
    first, last = known[0][0], known[-1][0]
    low, high = min(value for _, value in known), max(value for _, value in known)

    def place(at: float, value: float) -> str:
        x = MARGIN + (at - first) / ((last - first) or 1) * (WIDTH - 2 * MARGIN)
        y = HEIGHT - MARGIN - (value - low) / ((high - low) or 1) * (HEIGHT - 2 * MARGIN)
        return f"{x:.1f},{y:.1f}"

    runs = "".join(
        f'<polyline points="{" ".join(place(at, value) for at, value in run)}"/>' for run in _unbroken(points)
    )
    mark = ""
    if onset_at is not None and first <= onset_at <= last:
        x = place(onset_at, low).partition(",")[0]
        mark = f'<line class="onset" x1="{x}" y1="0" x2="{x}" y2="{HEIGHT}"/>'
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" preserveAspectRatio="none">'
        f"<title>{escape(title)}</title>{mark}{runs}</svg>"
    )


def _unbroken(points: Points) -> list[list[tuple[float, float]]]:
    """Runs of known values; a run of one is doubled so that it is drawn as a dot."""
    runs: list[list[tuple[float, float]]] = [[]]
    for at, value in points:
        if value is None:
            runs.append([])
        else:
            runs[-1].append((at, value))
    return [run if len(run) > 1 else run * 2 for run in runs if run]
