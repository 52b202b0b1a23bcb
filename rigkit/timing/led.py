"""LED counters in view: the exposures themselves, modulo the counter's wrap.

A row of LEDs lights one after the other, a step of some milliseconds each; what a camera sees lit is its exposure. With exposures
longer than a step several LEDs are lit: first and last give the interval.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from rigkit.timing.evidence import REFERENCE
from rigkit.timing.stamps import Floats, Stamps, dense

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["circular_middle", "connected", "exposure_ms", "led_stamps", "wrapped"]

#: What readings can be made to mean.
_Read = Literal["start", "middle"]


def wrapped(difference: ArrayLike, wrap: float) -> Floats:
    """Wrap differences of two readings into (-wrap/2, wrap/2].

    Parameters
    ----------
    difference : array_like
        In the unit of ``wrap``; NaN stays.
    wrap : float
        After what the counter starts again; positive.

    Raises
    ------
    ValueError
        The wrap is not positive.
    """
    if not wrap > 0:
        raise ValueError(f"a counter that wraps after {wrap:g}: it takes a positive number")
    values = np.asarray(difference, dtype=np.float64)
    return wrap / 2 - np.mod(wrap / 2 - values, wrap)


def circular_middle(readings: Floats, wrap: float) -> float:
    """Middle of readings that may straddle the wrap: the median after turning the counter so that the widest gap is at its ends.

    Returns
    -------
    float
        Within [0, wrap); NaN: no reading.
    """
    known = np.sort(np.mod(readings[np.isfinite(readings)], wrap))
    if not len(known):
        return float("nan")
    gaps = np.diff(known, append=known[0] + wrap)
    start = known[(int(np.argmax(gaps)) + 1) % len(known)]
    return float(np.mod(start + np.median(np.mod(known - start, wrap)), wrap))


def exposure_ms(lit_first_ms: ArrayLike, lit_last_ms: ArrayLike, wrap_ms: float, step_ms: float) -> Floats:
    """Give the exposure time that first and last lit LED show, to one step either way: a check of the shutter speed.

    Returns
    -------
    numpy.ndarray
        float64, ms: last less first, plus the one step that the last one is lit.
    """
    first, last = np.asarray(lit_first_ms, dtype=np.float64), np.asarray(lit_last_ms, dtype=np.float64)
    return np.mod(last - first, wrap_ms) + step_ms


def led_stamps(
    readings: pd.DataFrame, wrap_ms: float, step_ms: float, instant: _Read = "start", started_by_trigger: bool = False
) -> Stamps:
    """Read a table of LED readings as stamps, evidence "reference".

    Parameters
    ----------
    readings : pandas.DataFrame
        ``shot_id`` and ``camera_key`` (columns or index), and ``reading_ms`` or ``lit_first_ms`` and ``lit_last_ms``; where both
        are given the lit ones count.
    wrap_ms : float
        After what the counter starts again. Exposures of one shot lie within half of it, or their order can't be told.
    step_ms : float
        What one LED stands for.
    instant : {"start", "middle"}
        What the stamps are to mean: the first lit LED, or the middle of the lit ones. A single reading is taken as it is.
    started_by_trigger : bool
        The trigger starts the counter at 0, so that the readings are release latencies.

    Returns
    -------
    Stamps
        Seconds within each shot, 0 at the middle of its readings (or at the trigger), one hour from shot to shot. Shots whose
        readings cover more than half a wrap are NaN, with a remark.

    Raises
    ------
    ValueError
        Wrap, step or instant don't make sense, a reading can't be (its row is named), or there is none.
    """
    if instant not in get_args(_Read):
        raise ValueError(f"instant = {instant!r}: lit LEDs show the start or the middle of an exposure")
    if not 0 < step_ms < wrap_ms:
        raise ValueError(
            f"steps of {step_ms:g} ms in a counter that wraps after {wrap_ms:g} ms: 0 < step < wrap is needed"
        )
    table = readings.reset_index() if set(readings.index.names) & {"shot_id", "camera_key"} else readings
    single, first, last = (_numbers(table, name) for name in ("reading_ms", "lit_first_ms", "lit_last_ms"))
    for read in (single, first, last):
        _check(table, read, wrap_ms, step_ms)
    lit = np.mod(first if instant == "start" else first + np.mod(last - first, wrap_ms) / 2, wrap_ms)
    values = np.where(np.isfinite(lit), lit, single)
    if not np.isfinite(values).any():
        raise ValueError(f"no reading in {len(table)} rows: it takes reading_ms, or lit_first_ms and lit_last_ms")
    grid, shots, cameras, remarks = dense(table["shot_id"], table["camera_key"], values)
    seconds = np.full_like(grid, np.nan)
    for row, readings_of in enumerate(grid):
        middle = circular_middle(readings_of, wrap_ms)
        apart = wrapped(readings_of - middle, wrap_ms)
        known = apart[np.isfinite(apart)]
        if known.size and np.ptp(known) > wrap_ms / 2:
            far = f"its readings cover {np.ptp(known):g} of {wrap_ms:g} ms, so which came first can't be told; it is left out"
            remarks += (f"shot {shots[row]}: {far}",)
            continue
        seconds[row] = 3600.0 * row + (apart + (middle if started_by_trigger else 0.0)) / 1e3
    requested: Floats = 3600.0 * np.arange(len(shots), dtype=np.float64) if started_by_trigger else np.empty(0)
    return Stamps(seconds, shots, cameras, REFERENCE, 0.0, step_ms, instant, requested, remarks=remarks)


def connected(stamps: Stamps) -> Stamps:
    """Keep the largest set of cameras that common shots connect: a counter that was carried round a ring shows two halves of it.

    Returns
    -------
    Stamps
        The same shots and cameras; those outside that set are NaN, with a remark each.
    """
    from scipy.sparse.csgraph import connected_components

    present = np.isfinite(stamps.seconds)
    together = (present.T.astype(np.int64) @ present.astype(np.int64)) > 0
    _, part = connected_components(together, directed=False)
    seen = present.any(axis=0)
    if not seen.any():
        return stamps
    largest = np.bincount(part[seen]).argmax()
    apart = seen & (part != largest)
    if not apart.any():
        return stamps
    why = "its counter was never read in a shot together with those of most others, so the two can't be compared; left out"
    remarks = tuple(f"{key}: {why}" for key, one in zip(stamps.camera_keys, apart, strict=True) if one)
    return replace(stamps, seconds=np.where(apart, np.nan, stamps.seconds), remarks=stamps.remarks + remarks)


def _check(table: pd.DataFrame, readings: Floats, wrap_ms: float, step_ms: float) -> None:
    """Refuse a reading that the counter can't show, and name its row. The last LED may stand for the wrap itself."""
    outside = np.flatnonzero(np.isfinite(readings) & ((readings < 0) | (readings >= wrap_ms + step_ms)))
    if outside.size:
        row = int(outside[0])
        who = f"shot {table['shot_id'].iloc[row]}, {table['camera_key'].iloc[row]}"
        raise ValueError(
            f"{who}: a reading of {readings[row]:g} ms in a counter that wraps after {wrap_ms:g} ms; correct the row"
        )


def _numbers(table: pd.DataFrame, name: str) -> Floats:
    """Read a column as float64; NaN where it holds no number, or is not there."""
    import pandas as pd

    if name not in table:
        return np.full(len(table), np.nan)
    numbers: Floats = pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return numbers
