"""What a paper may claim about the time of exposures: by level of evidence, with its number of shots and cameras, and no more.

Several sittings are told together, level by level: a number that rests on readings of a counter is never pooled with one that rests
on time stamps. What can't be known is said not to be claimed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from rigkit.display.foundation import Foundation, foundations, lags_text, steps_text
from rigkit.display.grids import noun, plural, rows_of
from rigkit.display.timing import counts_line
from rigkit.timing.evidence import (
    CALIBRATED,
    COARSE_MS,
    DRIFT_LIMIT_PPM,
    FEWEST_SHOTS,
    HOST_ARRIVAL,
    REFERENCE,
    UNCALIBRATED,
)
from rigkit.timing.sentences import number, quantity

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NO_TIMES", "claims"]

NO_TIMES = (
    "The times at which single cameras exposed, relative to one another, were not measured here, and no synchrony is claimed from "
    "this record."
)
_FIT = (
    "Clock offsets and drifts were estimated together with each shot's release by a two-way robust fit (camera by shot); these "
    "estimates were validated against simulated rigs of known truth only."
)
_READ = "The estimates were validated against simulated rigs of known truth only."


class _Level(NamedTuple):
    """What rests on one level of evidence, over all sittings: with each foundation its sitting's facts and tables."""

    evidence: str
    parts: list[tuple[Foundation, Mapping[str, Any], Mapping[str, pd.DataFrame]]]

    @property
    def shots(self) -> list[dict[str, Any]]:
        """The shots that rest on it."""
        return [row for one, _, _ in self.parts for row in one.shots]

    @property
    def exposures(self) -> list[dict[str, Any]]:
        """The exposures that rest on it."""
        return [row for one, _, _ in self.parts for row in one.exposures]


def claims(sittings: Iterable[tuple[Mapping[str, Any], Mapping[str, pd.DataFrame], Iterable[int]]]) -> list[str]:
    """Write the sentences on timing.

    Parameters
    ----------
    sittings : iterable of (Mapping, Mapping, iterable of int)
        Facts, tables by name, and the shots that count.
    """
    told = [(facts, tables, foundations(tables["shots"], tables["exposures"], ids)) for facts, tables, ids in sittings]
    levels = [
        _Level(name, [(one, facts, tables) for facts, tables, found in told for one in found if one.evidence == name])
        for name in (REFERENCE, CALIBRATED, UNCALIBRATED, HOST_ARRIVAL)
    ]
    reference, calibrated, uncalibrated, heard = levels
    if not any(level.exposures for level in (reference, calibrated, uncalibrated)):
        return [NO_TIMES]
    return [
        *_synchrony(reference, _of_readings(reference)),
        *_synchrony(calibrated, _of_calibrated(calibrated)),
        *_unsteady((reference, calibrated)),
        *_uncalibrated(uncalibrated),
        *_drift([tables for _, tables, found in told if any(one.evidence != HOST_ARRIVAL for one in found)]),
        _FIT if calibrated.exposures or uncalibrated.exposures else _READ,
        *_heard(heard),
        *_findings([tables for _, tables, _ in told]),
    ]


# -- what is known --------------------------------------------------------------------------------------------------------


def _source(rows: Sequence[Mapping[str, Any]]) -> str:
    """Say which stamps, as the subject of a sentence: ``EXIF time stamps with sub-seconds in steps of 10 ms``."""
    kinds = Counter(row["stamp"] for row in rows)
    digits = any(row["subsec_digits"] for row in rows)
    words = {
        "t_exif": f"EXIF time stamps {'with' if digits else 'without'} sub-seconds",
        "date_captured": "time stamps of the cameras as the application reports them (PhotoDateCaptured)",
    }
    told = " and ".join(text for kind, text in words.items() if kinds[kind]) or "time stamps of the cameras"
    steps = steps_text(rows)
    return f"{told} {steps}" if steps else told


def _of_readings(level: _Level) -> str:
    steps = steps_text(level.exposures)
    return f"from readings of a counter in view of the cameras{f' {steps}' if steps else ''}"


def _of_calibrated(level: _Level) -> str:
    lags = sorted({lags_text(facts.get("lags") or {}) for _, facts, _ in level.parts})
    return f"from {_source(level.exposures)}, made comparable by {' and by '.join(lags)}"


def _synchrony(level: _Level, how: str) -> list[str]:
    """Say how simultaneous shots were; nothing where nothing rests on this level."""
    rows = [row for row in level.shots if row["spread_ms"] is not None]
    if not level.exposures:
        return []
    if not rows:
        return [f"Skews of {plural(len(level.exposures), 'exposure')} are known {how}, but of no shot a spread."]
    instants = sorted({row["instant"] for row in rows} - {None, "unknown"})
    meant = f"{' or '.join(instants)} of the exposure" if instants else "start or middle of the exposure not known"
    text = f"How simultaneous the exposures of a shot were is known in {plural(len(rows), 'shot')} {how} (level of evidence: "
    text += f"{level.evidence}; {meant}); the median spread, last less first exposure of a shot, was "
    text += f"{_ms(row['spread_ms'] for row in rows)} ({_range(row['spread_ms'] for row in rows)} ms; "
    text += f"{_range(row['n_stamps'] for row in rows)} cameras a shot)"
    sigmas = [row["robust_sigma_ms"] for row in rows if row["robust_sigma_ms"] is not None]
    return [f"{text}{f', the median robust sigma (1.4826 MAD) {_ms(sigmas)}' if sigmas else ''}."]


def _unsteady(levels: Iterable[_Level]) -> list[str]:
    """Say how unsteady cameras were, by level; a camera of several sittings counts once for each."""
    told = []
    for level in levels:
        values = _jitters(level)
        if values:
            told.append(f"{_ms(values)} by {level.evidence} ({plural(len(values), 'camera')})")
    return [f"The median jitter of a camera (1.4826 MAD over shots) was {' and '.join(told)}."] if told else []


def _jitters(level: _Level) -> list[float]:
    return [
        row["jitter_ms"]
        for _, _, tables in level.parts
        for row in rows_of(tables["lags"], "jitter_ms", "jitter_hi_ms", "evidence")
        if row["evidence"] == level.evidence
        and row["jitter_hi_ms"] is not None  # else there were too few shots to tell
    ]


def _uncalibrated(level: _Level) -> list[str]:
    """Say what stamps tell that nothing makes comparable, and that no synchrony follows from them."""
    apart = _left_apart(level)
    shots = {(at, row["shot_id"]) for at, (one, _, _) in enumerate(level.parts) for row in one.shots}
    if not shots:
        return apart
    steps = max((row["quantum_ms"] for row in level.exposures if row["quantum_ms"] is not None), default=0.0)
    unknown = (
        f"The {_source(level.exposures)} of {plural(len(shots), 'shot')} were not made comparable by any measurement of the cameras' "
        "clocks or lags: differences between cameras (skew, and the spread of a shot) can't be known from them, and no synchrony is "
        "claimed from this record for these shots."
    )
    rests = [
        row
        for one, _, _ in level.parts
        if len(one.shots) >= FEWEST_SHOTS  # of fewer, offset and drift of each clock take up most of what varied
        for row in one.shots
        if row["residual_spread_ms"] is not None
    ]
    if steps >= COARSE_MS:
        return [*apart, unknown, f"Changes below {quantity(steps, 'ms')} can't be known from them either."]
    if not rests:
        return [*apart, unknown]
    jitters = _jitters(level)
    values = [row["residual_spread_ms"] for row in rests]
    text = f"Against each camera's own usual, the median residual spread of a shot was {_ms(values)} "
    text += f"({plural(len(rests), 'shot')}, {_range(values)} ms; "
    text += f"{_range(row['n_stamps'] for row in rests)} cameras a shot)"
    text += f", the median jitter of a camera {_ms(jitters)}" if jitters else ""
    return [*apart, unknown, f"{text}, the steps of the stamps included."]


def _left_apart(level: _Level) -> list[str]:
    """Say of which exposures the stamps are not comparable although those of most others of their shot are."""
    rows = [
        row
        for one, _, _ in level.parts
        for row in one.exposures
        if row["shot_id"] not in {shot["shot_id"] for shot in one.shots}
    ]
    if not rows:
        return []
    cameras = {row["camera_key"] for row in rows}
    whose = f"{plural(len(rows), 'exposure')} of {plural(len(cameras), 'camera')} {noun(len(rows), 'is', 'are')}"
    return [f"{whose} not part of these numbers, as the lags of these cameras are not known."]


def _drift(tables: Iterable[Mapping[str, pd.DataFrame]]) -> list[str]:
    """Name the largest drift of a clock, with its interval, and how often clocks were set."""
    rows = [row for one in tables for row in rows_of(one["clock"])]
    known = [row for row in rows if row["drift_lo_ppm"] is not None and row["drift_hi_ppm"] is not None]
    steps = sum(row["step_at"] is not None for row in rows)
    told = []
    # An interval that is wider than quartz clocks ever drift says nothing.
    known = [row for row in known if row["drift_hi_ppm"] - row["drift_lo_ppm"] <= 2 * DRIFT_LIMIT_PPM]
    if known:
        worst = max(known, key=lambda row: abs(row["drift_ppm"]))
        low, high = worst["drift_lo_ppm"], worst["drift_hi_ppm"]
        interval = f" (95 % interval {number(low)} to {number(high)} ppm)"
        whose = "computer's clock" if worst["method"] == "lp" else "rig's median"
        clear = low > 0 or high < 0
        text = (
            f"The largest drift of a camera's clock against the {whose} was {number(worst['drift_ppm'])} ppm{interval}"
        )
        told.append(text + ("." if clear else ", not distinguishable from none."))
    if steps:
        told.append(
            f"{plural(steps, 'step')} of clocks during the recording {noun(steps, 'was', 'were')} found and taken out."
        )
    return told


def _heard(level: _Level) -> list[str]:
    """Say of how many exposures nothing but the news is known."""
    count = len(level.exposures)
    if not count:
        return []
    return [
        f"Of {plural(count, 'exposure')} only the arrival at the computer is known, from which no synchrony is claimed."
    ]


def _findings(tables: Sequence[Mapping[str, pd.DataFrame]]) -> list[str]:
    """Count what the software found by itself."""
    import pandas as pd

    if not any(len(one["checked"]) for one in tables):
        return []
    found = counts_line(pd.concat([one["findings"][["severity"]] for one in tables]))
    return [f"The software's automatic checks of the record and of these times found {found or 'nothing'}."]


# -- numbers --------------------------------------------------------------------------------------------------------------


def _ms(values: Iterable[Any]) -> str:
    return quantity(median(float(value) for value in values), "ms")


def _range(values: Iterable[Any]) -> str:
    """Spell the least and the largest: ``22 to 24``."""
    known = sorted(float(value) for value in values if value is not None)
    low, high = number(known[0]), number(known[-1])
    return low if low == high else f"{low} to {high}"
