"""Many sittings: one row each, and what they come to together; only shots that count are in the totals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rigkit.display.counting import COUNTS, plural, standing
from rigkit.display.grids import Cell, Grid, grid_of, instant, plain, rows_of
from rigkit.errors import listed

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MOST_SITTINGS", "sitting_grid", "sittings_line"]

#: More sittings than these are folded (HTML) or counted (text).
MOST_SITTINGS = 60
#: What of the shots is looked at.
_COLUMNS = (
    *("session_id", "subject", "trigger", "outcome", "accepted", "reason", "superseded_by"),
    *("n_expected", "n_exposed", "n_missing", "complete"),
)

Rows = Sequence[Mapping[str, Any]]


def sittings_line(sittings: Rows, shots: pd.DataFrame) -> str:
    """Give the totals: ``30 sittings, 360 shots, 357 of them complete: 34555/34560 exposed, 5 missing (simulated)``.

    Parameters
    ----------
    sittings : sequence of Mapping
        As for :func:`sitting_grid`.
    shots : pandas.DataFrame
        The ``shots`` table of all of them.
    """
    rows = rows_of(shots, *_COLUMNS)
    line = f"{plural(len(sittings), 'sitting')}, {plural(len(rows), 'shot')}"
    if rows:
        exposed, expected, missing = (_total(rows, name) for name in ("n_exposed", "n_expected", "n_missing"))
        line += f", {_complete(rows)} of them complete: {exposed}/{expected} exposed"
        line += f", {missing} missing" if missing else ""
    simulated = sum(bool(one["simulated"]) for one in sittings)
    if simulated:
        line += " (simulated)" if simulated == len(sittings) else f" ({simulated} of the sittings simulated)"
    return line


def sitting_grid(sittings: Rows, shots: pd.DataFrame) -> Grid:
    """One row per sitting: who, when, how many shots, how complete.

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
        ("sitting", "id", "begun", "subject", "shots", "complete", "exposed", "missing", "cameras", "state"),
        (_row(one, by_session[one["session_id"]]) for one in sittings),
        right=("shots", "complete", "exposed", "missing"),
    )


def _row(sitting: Mapping[str, Any], shots: Rows) -> tuple[Cell | str, ...]:
    missing = _total(shots, "n_missing")
    # A sitting has one, unless a label of a shot was mistyped, and then it is worth seeing.
    told = [sitting["subject"], *(row["subject"] for row in shots)]
    subjects = dict.fromkeys(plain(one, 24) for one in told if one)
    return (
        plain(sitting["name"]),
        plain(sitting["session_id"]),
        instant(sitting["created"]),
        listed(subjects, most=3) if subjects else "",
        str(len(shots)),
        str(_complete(shots)),
        f"{_total(shots, 'n_exposed')}/{_total(shots, 'n_expected')}",
        Cell(str(missing), "bad" if missing else "quiet"),
        "simulated" if sitting["simulated"] else "",
        "open" if sitting["open"] else "",
    )


def _total(shots: Rows, name: str) -> int:
    """Add up a column of the shots that count."""
    return sum(row[name] or 0 for row in shots if standing(row).word == COUNTS)


def _complete(shots: Rows) -> int:
    return sum(row["complete"] is True for row in shots if standing(row).word == COUNTS)
