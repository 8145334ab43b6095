"""What a bench found: one table for people, one line of JSON for programs.

Shares are fractions from 0 to 1, times say their unit in their name. The machine is described by
what makes figures comparable, never by its name or its owner's.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from rich.console import Console
from rich.table import Table

from core.measure import machine

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Report:
    """`data` is the name of the folder that was measured on, `settings` what the run was given."""

    bench: str
    data: str
    metrics: Mapping[str, float]
    settings: Mapping[str, Value] = field(default_factory=dict)
    machine: Mapping[str, Value] = field(default_factory=machine)

    def to_json(self) -> str:
        """One line. Raises ValueError for a metric that is no finite number."""
        return json.dumps(asdict(self), ensure_ascii=False, allow_nan=False)


def show(report: Report, console: Console) -> None:
    table = Table(title=f"{report.bench} on {report.data}", title_justify="left")
    table.add_column("metric")
    table.add_column("value", justify="right")
    for name, value in report.metrics.items():
        table.add_row(name, f"{value:,.4g}" if value < 10_000 else f"{value:,.0f}")
    console.print(table)
    for title, facts in (("settings", report.settings), ("machine", report.machine)):
        console.print(
            f"{title}: " + ", ".join(f"{name} {value}" for name, value in facts.items()), highlight=False
        )


def mean(values: Sequence[float]) -> float:
    """Raises ValueError when there are none."""
    if not values:
        raise ValueError("there is nothing to take the mean of")
    return sum(values) / len(values)
