"""The table of coverage and power: what was measured over the sessions, beside the goals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from tests.timing_truth.measures import MEASURES, Counts

__all__ = ["GOALS", "Line", "lines", "measured", "printed"]


class _Goal(NamedTuple):
    """Between what a row has to lie; ``about``: of what."""

    lo: float
    hi: float
    about: str


#: The part of a row's name before the slash -> its goal.
GOALS = {
    "cover": _Goal(0.93, 0.97, "95 % intervals cover the truth: 93-97 %"),
    "least": _Goal(0.95, 1.0, "simultaneous intervals: >= 95 %"),
    "null": _Goal(0.0, 0.05, "false findings: <= 5 %"),
    "power": _Goal(0.9, 1.0, "found at the stated detectable size: >= 90 %"),
    "once": _Goal(0.95, 1.0, ">= 95 %"),
    "all": _Goal(1.0, 1.0, "always"),
    "ratio": _Goal(0.0, 1.05, "<= 1.05"),
    "info": _Goal(-np.inf, np.inf, ""),
}


class Line(NamedTuple):
    """One row: what, measured value, its standard error over sessions, the number behind it, whether the goal is reached."""

    what: str
    value: float
    error: float
    n: float
    goal: str
    reached: bool


def measured(seed: int, session: int, names: Iterable[str] = tuple(MEASURES)) -> Counts:
    """Simulate one session for each measure; the same seed and number give the same."""
    counts: Counts = {}
    for name in names:
        place = list(MEASURES).index(name)
        counts |= MEASURES[name](np.random.default_rng([seed, session, place]))
    return counts


def lines(sessions: list[Counts]) -> list[Line]:
    """Add up the sessions."""
    rows = []
    for name in dict.fromkeys(name for counts in sessions for name in counts):
        parts = np.array([counts[name] for counts in sessions if name in counts])
        total = parts.sum(axis=0)
        value = total[0] / total[1]
        shares = parts[:, 0] / parts[:, 1]
        error = float(np.std(shares, ddof=1) / np.sqrt(len(shares))) if len(shares) > 1 else float("nan")
        kind, what = name.split("/", 1)
        goal = GOALS[kind]
        rows.append(Line(what, float(value), error, float(total[1]), goal.about, bool(goal.lo <= value <= goal.hi)))
    return rows


def printed(rows: list[Line]) -> str:
    """Lay the lines out as text."""
    cells = [("", "measured", "s.e.", "n", "goal", "")]
    for row in rows:
        ratio = "1.05" in row.goal
        value, error = (f"{one:.3f}" if ratio else f"{100 * one:.1f} %" for one in (row.value, row.error))
        verdict = "" if not row.goal else "reached" if row.reached else "MISSED"
        cells.append((row.what, value, error, f"{row.n:.0f}", row.goal, verdict))
    widths = [max(len(line[column]) for line in cells) for column in range(6)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if 0 < column < 4 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    )
