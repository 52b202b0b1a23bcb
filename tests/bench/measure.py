"""What all benches share: interleaved rounds, medians with their range, the table, the machine."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import NamedTuple, TypeVar

__all__ = ["MINIMUM", "Row", "interleaved", "load_line", "machine_line", "ratios", "table", "verdict"]

#: Fewer rounds prove that a bench runs, and nothing else.
MINIMUM = 7
#: So far beyond its goal a median still counts as reached.
NEAR = 1.10

T = TypeVar("T")


class Row(NamedTuple):
    """One line of a bench's table.

    Attributes
    ----------
    what : str
        What was measured; of a ratio: which over which.
    values : sequence of float
        One per round.
    unit : str
        ``x`` for a ratio, else ``ms``, ``us/event``, ...
    goal : float or None
        The median is to be at most this; None: printed for comparison.
    """

    what: str
    values: Sequence[float]
    unit: str = "x"
    goal: float | None = None


def interleaved(ways: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Call every way once per round, and begin each round with another one.

    What disturbs the machine for a while then disturbs all ways alike. A first round warms everything up and is not counted,
    unless there is only one.

    Parameters
    ----------
    ways : mapping of str to callable
        What is compared.
    rounds : int
        How many rounds count.

    Returns
    -------
    dict of str to list
        What each way returned, round by round.
    """
    names = list(ways)
    results: dict[str, list[T]] = {name: [] for name in names}
    warm_up = 1 if rounds > 1 else 0
    for number in range(warm_up + rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            result = ways[name]()
            if number >= warm_up:
                results[name].append(result)
    return results


def ratios(ours: Iterable[float], theirs: Iterable[float]) -> list[float]:
    """Divide round by round."""
    return [one / other for one, other in zip(ours, theirs, strict=True)]


def verdict(row: Row) -> str:
    """Say whether a row reached its goal; empty for a row without one."""
    if row.goal is None:
        return ""
    if len(row.values) < MINIMUM:
        return f"not judged (below {MINIMUM} rounds)"
    median = statistics.median(row.values)
    if median <= row.goal:
        return "reached"
    return "reached (within 10 %)" if median <= NEAR * row.goal else f"MISSED by {median / row.goal:.2f}x"


def table(rows: Iterable[Row]) -> str:
    """Lay rows out as plain text: medians, their range over the rounds, goals and verdicts."""
    cells = [("", "median", "range of the rounds", "goal", "")]
    for row in rows:
        low, high = _number(min(row.values)), _number(max(row.values))
        goal = "" if row.goal is None else f"<= {_number(row.goal)} {row.unit}"
        median = f"{_number(statistics.median(row.values))} {row.unit}"
        cells.append((row.what, median, f"{low} - {high}", goal, verdict(row)))
    widths = [max(len(line[column]) for line in cells) for column in range(5)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if 0 < column < 4 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    )


def _number(value: float) -> str:
    """Three figures that can be compared at a glance."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def machine_line() -> str:
    """Say what it was measured on: cores, processor, system, Python, libraries."""
    versions = [f"{name} {metadata.version(name)}" for name in ("rigkit", "pyzmq", "msgspec", "pandas", "numpy")]
    return (
        f"{os.cpu_count()} cores, {_processor()}; {platform.system()} {platform.release()}; "
        f"Python {platform.python_version()}; {', '.join(versions)}"
    )


def load_line(when: str) -> str:
    """Say how busy the machine is besides: the load average of the last minute, where the system tells."""
    if not hasattr(os, "getloadavg"):
        return f"load {when}: not told by this system"
    return f"load {when}: {os.getloadavg()[0]:.1f}"


def _processor() -> str:
    """Name the processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
