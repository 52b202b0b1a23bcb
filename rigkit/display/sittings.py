"""Many sittings: one row each, and what they come to together; only shots that count are in the totals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rigkit.display.counting import apart, counted, tally, uncounted
from rigkit.display.grids import Cell, Grid, grid_of, instant, plain, plural, rows_of
from rigkit.errors import listed

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MOST_SITTINGS", "sitting_grid", "sittings_line"]

#: More sittings than these are folded (HTML) or counted (text).
MOST_SITTINGS = 60
#: What of the shots is looked at.
_COLUMNS = (
    *("session_id", "subject", "trigger", "outcome", "accepted", "reason", "superseded_by"),
    *("n_expected", "n_exposed", "n_missing", "n_on_disk", "complete"),
)

Rows = Sequence[Mapping[str, Any]]


def sittings_line(sittings: Rows, shots: pd.DataFrame) -> str:
    """Give the totals: ``2 sittings, 14 shots (1 rejected), 12 of them complete: 155/156 exposed, 1 missing (simulated)``.

    Parameters
    ----------
    sittings : sequence of Mapping
        As for :func:`sitting_grid`.
    shots : pandas.DataFrame
        The ``shots`` table of all of them.
    """
    rows = rows_of(shots, *_COLUMNS)
    sums = tally(rows)
    line = f"{plural(len(sittings), 'sitting')}, {plural(sums.shots, 'shot')}{apart(sums)}"
    if rows:
        line += f", {_complete(rows)} of them complete: {sums.exposed}/{sums.expected} exposed"
        line += f", {sums.missing} missing" if sums.missing else ""
    simulated = sum(bool(one["simulated"]) for one in sittings)
    if simulated:
        line += " (simulated)" if simulated == len(sittings) else f" ({simulated} of the sittings simulated)"
    return line


def sitting_grid(sittings: Rows, shots: pd.DataFrame) -> Grid:
    """One row per sitting: who, when, how many shots, which of them do not count, and how complete the others are.

    Parameters
    ----------
    sittings : sequence of Mapping
        ``session_id``, ``name`` (of the folder), ``created`` (datetime), ``subject`` (empty: none was given when it was begun),
        ``simulated`` and ``open`` (bool: somebody writes it right now), in the order wanted.
    shots : pandas.DataFrame
        The ``shots`` table of all of them, ``session_id`` a level of its index.
    """
    by_session: dict[str, list[dict[str, Any]]] = {one["session_id"]: [] for one in sittings}
    for row in rows_of(shots, *_COLUMNS):
        by_session[row["session_id"]].append(row)
    return grid_of(
        (
            "sitting",
            "id",
            "begun",
            "subject",
            "shots",
            "not counted",
            "complete",
            "exposed",
            "missing",
            "cameras",
            "state",
        ),
        (_row(one, by_session[one["session_id"]]) for one in sittings),
        right=("shots", "complete", "exposed", "missing"),
    )


def _row(sitting: Mapping[str, Any], shots: Sequence[dict[str, Any]]) -> tuple[Cell | str, ...]:
    sums = tally(shots)
    # A sitting has one, unless a label of a shot was mistyped, and then it is worth seeing.
    told = [sitting["subject"], *(row["subject"] for row in shots)]
    subjects = dict.fromkeys(plain(one, 24) for one in told if one)
    return (
        plain(sitting["name"]),
        plain(sitting["session_id"]),
        instant(sitting["created"]),
        listed(subjects, most=3) if subjects else "",
        str(sums.shots),
        uncounted(sums),
        str(_complete(shots)),
        f"{sums.exposed}/{sums.expected}",
        Cell(str(sums.missing), "bad" if sums.missing else "quiet"),
        "simulated" if sitting["simulated"] else "",
        "open" if sitting["open"] else "",
    )


def _complete(shots: Sequence[dict[str, Any]]) -> int:
    """Count the complete ones among those that count."""
    return sum(row["complete"] is True for row in counted(shots))
