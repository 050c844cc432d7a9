"""The end of a run: a table, the broken promises, and every figure as one line of JSON."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.chaos.promises import Tally
from benchmarks.figures import Figures


def say(tallies: Sequence[Tally], figures: Figures) -> int:
    """Print it all; 1 if a promise was broken, else 0."""
    table = Table("what", *(tally.name for tally in tallies), title="Promises under fire")
    for name in dict.fromkeys(name for tally in tallies for name in tally.numbers):
        table.add_row(name, *(_shown(tally.numbers.get(name)) for tally in tallies))
    for tally in tallies:
        for name, value in tally.numbers.items():
            figures.keep(f"{tally.name}.{name.replace(' ', '_')}", value)
    broken = [f"{tally.name}: {line}" for tally in tallies for line in tally.broken]
    figures.put("broken", len(broken), "", "promises that were broken")
    console = Console(width=120)
    console.print(table)
    for line in broken:
        console.print(f"BROKEN  {line}", markup=False, highlight=False)
    figures.say()
    return 1 if broken else 0


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
