"""What the times of a sitting rest on: exposures and shots by level of evidence, and its name, stamps and steps in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from rigkit.display.grids import plural, rows_of
from rigkit.timing.evidence import LETTERS, LEVELS

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Foundation",
    "Rows",
    "foundations",
    "instant_text",
    "lags_text",
    "letter",
    "named",
    "stamps_text",
    "steps_text",
]

_EXPOSURES = ("shot_id", "camera_key", "evidence", "stamp", "subsec_digits", "quantum_ms", "instant")
_SHOTS = (
    *("shot_id", "n_stamps", "spread_ms", "spread_lo_ms", "spread_hi_ms", "robust_sigma_ms", "residual_spread_ms"),
    *("quantum_ms", "instant", "evidence", "timing_reason"),
)

Rows = Sequence[Mapping[str, Any]]


class Foundation(NamedTuple):
    """Exposures and shots of one sitting whose times rest on the same level of evidence; only what counts.

    Attributes
    ----------
    evidence : str
        The level.
    exposures, shots : list of dict
        Rows of the tables; each shot is in the foundation that its numbers rest on.
    """

    evidence: str
    exposures: list[dict[str, Any]]
    shots: list[dict[str, Any]]


def foundations(shots: pd.DataFrame, exposures: pd.DataFrame, counting: Iterable[int]) -> list[Foundation]:
    """Sort the exposures and shots of a sitting by what is known of their times, the best level first.

    Parameters
    ----------
    shots, exposures : pandas.DataFrame
        The tables.
    counting : iterable of int
        The shots that count.
    """
    ids = set(counting)
    of_exposures = [row for row in rows_of(exposures, *_EXPOSURES) if row["shot_id"] in ids]
    of_shots = [row for row in rows_of(shots, *_SHOTS) if row["shot_id"] in ids]
    return [
        Foundation(level, mine, [row for row in of_shots if row["evidence"] == level])
        for level in reversed(LEVELS)
        if (mine := [row for row in of_exposures if row["evidence"] == level])
    ]


def steps_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """Say in which steps stamps were cut: ``in steps of 10 ms``; empty: not known."""
    steps = sorted({row["quantum_ms"] for row in rows} - {None})
    if not steps:
        return ""
    if steps[-1] == 0:
        return "finer than 1 ms"
    low, high = (f"{step:g} ms" if step < 1e3 else f"{step / 1e3:g} s" for step in (steps[0] or 1, steps[-1]))
    return f"in steps of {high}" if low == high else f"in steps of {low} to {high}"


def stamps_text(rows: Rows) -> str:
    """Say which stamps the times of exposures rest on: ``EXIF time stamps with sub-seconds, in steps of 10 ms``."""
    kinds = Counter(row["stamp"] for row in rows)
    digits = any(row["subsec_digits"] for row in rows)
    words = {
        "reference": "readings of a counter in view of the cameras",
        "t_exif": "EXIF time stamps" + (" with sub-seconds" if digits else " without sub-seconds"),
        "date_captured": "the cameras' time stamps as the application reports them (PhotoDateCaptured)",
    }
    told = " and ".join(words[kind] for kind in words if kinds[kind]) or "stamps of unknown origin"
    steps = steps_text(rows)
    return f"{told}, {steps}" if steps else told


def instant_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """Name the instant of the exposure that is meant."""
    instants = sorted({row["instant"] for row in rows} - {None, "unknown"})
    return f"{' or '.join(instants)} of the exposure" if instants else "start or middle of the exposure: not known"


def named(level: str) -> str:
    """Name a level as findings do: ``A: reference``."""
    return f"{letter(level)}: {level}"


def letter(level: Any) -> str:
    """Give the letter a level goes by in findings; empty: it is none."""
    return next((letter for one, letter in LETTERS.items() if one == level), "")


def lags_text(lags: Mapping[str, Any]) -> str:
    """Say where the lags come from that make stamps comparable: ``lags measured with a counter in view (1 ms steps, 8 shots)``.

    Parameters
    ----------
    lags : mapping
        As :func:`rigkit.reporting.lags_used` gives it; empty: not known.
    """
    if not lags:
        return "lags measured before"
    fewest, most = lags["n"]
    shots = f"{fewest} to {most} shots" if fewest != most else plural(most, "shot")
    steps = f"{lags['quantum_ms']:g} ms steps, " if lags["quantum_ms"] else ""
    other = " in another sitting" if lags["elsewhere"] else ""
    return f"lags measured with a counter in view{other} ({steps}{shots})"
