"""The figures of one run: named, said to a person as a table, and to a program as one line of JSON."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.database import Database
from benchmarks.load import Generator, percentile


@dataclass(frozen=True, slots=True)
class Setting:
    """What every measurement uses."""

    folder: Path
    database: Database
    generator: Generator


class Figures:
    """Values by name, in the order in which they were measured."""

    def __init__(self) -> None:
        self._values: dict[str, float] = {}
        self._table = Table(title="Sitrep's figures")
        self._table.add_column("what")
        self._table.add_column("value", justify="right")
        self._table.add_column("unit")

    def put(self, name: str, value: float, unit: str, what: str) -> None:
        """Keep one figure."""
        self._values[name] = round(value, 2)
        self._table.add_row(what, f"{value:,.2f}" if abs(value) < 100 else f"{value:,.0f}", unit)

    def put_times(self, name: str, took: Sequence[float], what: str) -> None:
        """Keep the median and the 95 % of these milliseconds."""
        p50, p95 = percentile([*took], 50), percentile([*took], 95)
        self._values |= {f"{name}.p50_ms": round(p50, 2), f"{name}.p95_ms": round(p95, 2)}
        self._table.add_row(f"{what}: median / 95 %", f"{p50:,.1f} / {p95:,.1f}", "ms")

    def keep(self, name: str, value: float) -> None:
        """For the program only: a person sees it in a table of its own."""
        self._values[name] = round(value, 2)

    def put_load_average(self, name: str) -> None:
        """How busy the machine is with all that runs on it, ours or not."""
        self.put(name, os.getloadavg()[0], "", f"load average, {os.cpu_count()} cores: {name.partition('.')[2]}")

    def __getitem__(self, name: str) -> float:
        return self._values[name]

    def say(self) -> None:
        """Print the table, and the line of JSON as the last one."""
        Console().print(self._table)
        print(json.dumps(self._values), flush=True)
