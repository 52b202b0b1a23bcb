"""Which shots count, and what they come to.

A shot that nobody fired, that was rejected, or in whose place another one was taken, says nothing about completeness: its
exposures are shown, and not counted as expected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from rigkit.account.standing import COUNTS, Standing, standing
from rigkit.record.rows import rows_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "COUNTS",
    "HOW_COUNTED",
    "Standing",
    "Tally",
    "apart",
    "counted",
    "shot_counts",
    "standing",
    "tally",
    "uncounted",
]

HOW_COUNTED = (
    "A shot counts unless it was rejected, another one was taken in its place (superseded), or nothing was fired. Only shots that "
    "count are in the totals; an exposure counts as there if it was captured, or recovered by asking after its event was lost."
)
#: What is looked at of the shots.
SHOT_COLUMNS = (
    *("shot_id", "subject", "pose", "rep", "note", "trigger", "outcome", "requested", "attempt", "accepted", "reason"),
    *("superseded_by", "n_expected", "n_exposed", "n_missing", "n_on_disk", "n_excluded", "simulated"),
)


class Tally(NamedTuple):
    """What the shots of a sitting come to; the exposures are those of the shots that count.

    Attributes
    ----------
    shots, counted, rejected, superseded, not_fired : int
        Shots in all, and by their standing.
    expected, exposed, missing, waiting, on_disk : int
        Exposures: expected; with a photo heard of; accounted missing; not accounted for yet; with the file on the application's
        disk.
    """

    shots: int
    counted: int
    rejected: int
    superseded: int
    not_fired: int
    expected: int
    exposed: int
    missing: int
    waiting: int
    on_disk: int


def shot_counts(shots: pd.DataFrame, exposures: pd.DataFrame | None = None) -> list[dict[str, Any]]:
    """Rows of the shots, in order, with counts: those of the exposures where the table of the shots has none.

    Parameters
    ----------
    shots : pandas.DataFrame
        The ``shots`` table.
    exposures : pandas.DataFrame or None
        The ``exposures`` table; a shot that only it knows gets a row too.
    """
    rows = {row["shot_id"]: row for row in rows_of(shots, *SHOT_COLUMNS)}
    found: dict[int, Counter[str]] = {}
    poses: dict[int, Any] = {}
    told = [] if exposures is None else rows_of(exposures, "shot_id", "status", "on_disk_s", "pose")
    for one in told:
        counter = found.setdefault(one["shot_id"], Counter())
        counter["n_expected"] += 1
        counter["n_exposed"] += one["status"] in ("captured", "recovered")
        counter["n_missing"] += one["status"] == "missing"
        counter["n_on_disk"] += one["on_disk_s"] is not None
        poses.setdefault(one["shot_id"], one["pose"])
    for shot_id, counter in found.items():
        row = rows.setdefault(shot_id, {"shot_id": shot_id})
        told_of = {**counter, "pose": poses[shot_id]}
        row |= {name: value for name, value in told_of.items() if row.get(name) is None}
    for row in rows.values():
        row |= {name: int(row.get(name) or 0) for name in ("n_expected", "n_exposed", "n_missing", "n_on_disk")}
    return [rows[shot_id] for shot_id in sorted(rows)]


def counted(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Keep the rows of shots that count."""
    return [row for row in rows if standing(row).word == COUNTS]


def tally(rows: Sequence[dict[str, Any]]) -> Tally:
    """Add up the rows of :func:`shot_counts`, or of the table of the shots: a count that is not there is nothing."""
    words = Counter(standing(row).word for row in rows)
    expected, exposed, missing, on_disk = (
        sum(row[name] or 0 for row in counted(rows)) for name in ("n_expected", "n_exposed", "n_missing", "n_on_disk")
    )
    return Tally(
        shots=len(rows),
        counted=words[COUNTS],
        rejected=words["rejected"],
        superseded=words["superseded"],
        not_fired=words["not fired"],
        expected=expected,
        exposed=exposed,
        missing=missing,
        waiting=expected - exposed - missing,
        on_disk=on_disk,
    )


def uncounted(sums: Tally) -> str:
    """Say which shots do not count: ``2 rejected, 1 superseded``; empty: all do."""
    told = [(sums.rejected, "rejected"), (sums.superseded, "superseded"), (sums.not_fired, "not fired")]
    return ", ".join(f"{count} {word}" for count, word in told if count)


def apart(sums: Tally) -> str:
    """Say the same in parentheses, to follow a count of shots: `` (2 rejected, 1 superseded)``."""
    words = uncounted(sums)
    return f" ({words})" if words else ""
