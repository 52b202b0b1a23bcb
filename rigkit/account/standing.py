"""Which shots count.

A shot that nobody fired, that was rejected, or in whose place another one was taken, says nothing about completeness: its
exposures are shown, and not counted as expected. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from rigkit.record.rows import plain

__all__ = ["COUNTS", "Standing", "standing"]

#: The word for a shot that counts.
COUNTS = "counts"
_NOT_FIRED = {"refused": "the application refused it", "undelivered": "the request was not sent"}


class Standing(NamedTuple):
    """Whether a shot counts: ``counts``, ``rejected``, ``superseded`` or ``not fired``; and why (may be empty)."""

    word: str
    why: str = ""


def standing(row: Mapping[str, Any]) -> Standing:
    """Say whether a shot counts.

    Parameters
    ----------
    row : Mapping
        Of the shots table; what it lacks is not known.
    """
    if row.get("outcome") in _NOT_FIRED:
        return Standing("not fired", _NOT_FIRED[row["outcome"]])
    if row.get("trigger") == "external" and not row.get("n_exposed") and row.get("n_missing"):
        return Standing("not fired", "nobody released it in time")
    if row.get("accepted") is False:
        return Standing("rejected", plain(row.get("reason"), 200))
    if row.get("superseded_by") is not None:
        return Standing("superseded", f"by shot {row['superseded_by']}")
    return Standing(COUNTS)
