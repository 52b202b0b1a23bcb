"""Whether every shutter is fully open at the flash: all windows, and the flash across them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rigkit.plots.basis import basis, plural, unknown
from rigkit.plots.drawing import (
    BLUE,
    GREY,
    LABEL_PT,
    ORANGE,
    PALE_BLUE,
    PALE_WARNING,
    ROW_IN,
    ROWS_IN,
    WARNING,
    clean,
    head,
    nothing,
    numbers,
    own_axes,
)
from rigkit.plots.rows import Camera, bars, camera_axis, cameras_of, row_notes
from rigkit.timing import limits

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = ["flash_budget"]


class _Windows(NamedTuple):
    """When each camera's shutter begins to open, earliest and latest over its shots, ms; shape (N,)."""

    cameras: list[Camera]
    first: NDArray[np.float64]
    last: NDArray[np.float64]


def flash_budget(
    skews: pd.DataFrame | pd.Series | Mapping[Any, float],
    exposure_ms: float,
    curtain_ms: float | None = None,
    flash_ms: float = 0.1,
    ax: Axes | None = None,
    *,
    flash_at_ms: float | None = None,
) -> Axes:
    """Draw when each shutter is fully open, and the flash; name whom it misses.

    A shutter that begins to open at its skew is fully open from then plus the curtain's time until the exposure time is over
    (:func:`rigkit.timing.limits.flash_budget`).

    Parameters
    ----------
    skews : pandas.DataFrame, pandas.Series or mapping
        The ``exposures`` table, of one or more shots, or a skew (ms) by camera. Of several shots a camera's window is what all of them
        have in common.
    exposure_ms : float
        Exposure time.
    curtain_ms : float or None
        Time of the curtain over the sensor; None: 1/225 s, about the shortest exposure with flash of most bodies.
    flash_ms : float
        Duration of the flash (t0.1).
    ax : matplotlib.axes.Axes or None
        Where to draw; None: a figure of its own, as tall as its cameras need.
    flash_at_ms : float or None
        When the flash begins, on the scale of the skews; None: where it misses fewest cameras.

    Returns
    -------
    matplotlib.axes.Axes
        x in ms after the median of the rig, a row per camera, the latest on top. Where no skew is known, a sentence that says why.

    Raises
    ------
    ValueError
        Exposure or curtain is not positive, or the flash negative.
    """
    import pandas as pd

    curtain = 1000 / 225 if curtain_ms is None else curtain_ms
    limits.flash_budget(exposure_ms, 0.0, curtain_ms=curtain, flash_ms=flash_ms)
    table = skews.reset_index() if isinstance(skews, pd.DataFrame) else None
    windows = _windows(skews) if table is None else _windows_of(table)
    n = len(windows.cameras)
    if ax is None:
        ax = own_axes(8 if ROW_IN * n <= ROWS_IN else 9.5, 1.9 + min(max(ROW_IN * n, 1.6), ROWS_IN))
    title = f"Flash at {_time(exposure_ms)}"
    if not n:
        why = unknown(table, "skew") if table is not None else "Nothing to draw: no camera has a skew."
        return nothing(ax, title, why, table)

    opened, closing = windows.last + curtain, windows.first + exposure_ms
    flash = _best(opened, closing, flash_ms) if flash_at_ms is None else flash_at_ms
    early, late = opened > flash, closing < flash + flash_ms
    missed = early | late
    budget = limits.flash_budget(
        exposure_ms, float(windows.last.max() - windows.first.min()), curtain_ms=curtain, flash_ms=flash_ms
    )
    rows = np.arange(n, dtype=float)
    shades: list[tuple[Any, str]] = []
    travel = {"facecolor": PALE_BLUE, "linewidth": 0}
    shades.append(
        (
            bars(ax, rows, windows.first, windows.last + exposure_ms + curtain, "", **travel),
            "opening or closing (in some shot)",
        )
    )
    open_some = opened < closing
    if (open_some & ~missed).any():
        chosen = open_some & ~missed
        style = {"facecolor": BLUE, "linewidth": 0}
        shades.append((bars(ax, rows[chosen], opened[chosen], closing[chosen], "", **style), "fully open"))
    if (open_some & missed).any():
        chosen = open_some & missed
        style = {"facecolor": PALE_WARNING, "edgecolor": WARNING, "hatch": "////", "linewidth": 0}
        shades.append(
            (bars(ax, rows[chosen], opened[chosen], closing[chosen], "", **style), "fully open, flash missed")
        )
    span = ax.axvspan(flash, flash + flash_ms, facecolor=ORANGE, edgecolor="black", linewidth=0.8, zorder=3)
    shades.append((span, f"flash, {flash_ms:g} ms at {flash:+.1f} ms"))

    notes = _notes(opened, closing, missed, flash, flash_ms)
    camera_axis(ax, windows.cameras, np.flatnonzero(missed).tolist())
    row_notes(ax, windows.cameras, notes, beside=True)
    low, high = float(windows.first.min()), float(windows.last.max() + exposure_ms + curtain)
    low, high = min(low, flash), max(high, flash + flash_ms)
    ax.set_xlim(low - 0.02 * (high - low), high + 0.02 * (high - low))
    ax.set_xlabel("ms after the median of the rig", fontsize=LABEL_PT)
    ax.axvline(0, color=GREY, linewidth=0.8, linestyle=":")
    several = table is not None and table["shot_id"].nunique() > 1
    verdict = f"{plural(int(missed.sum()), 'camera')} of {n} missed" if missed.any() else f"all {n} cameras fully open"
    verdict += " in some shot" if several and missed.any() else " in every shot" if several else ""
    about = (
        f"margin {budget.margin_ms:+.1f} ms = exposure {exposure_ms:.4g} - curtain {curtain:.3g} - flash {flash_ms:g} - spread "
        f"{windows.last.max() - windows.first.min():.1f} ms"
    )
    if table is not None:
        drawn = table[np.isfinite(numbers(table, "skew_ms"))]
        about += f"; {plural(drawn['shot_id'].nunique(), 'shot')}, n = {len(drawn)} skews; {basis(drawn)}"
        silent = table["camera_key"].nunique() - n
        about += f"; {plural(silent, 'camera')} without a skew not shown" if silent else ""
    if missed.any():
        named = [f"{windows.cameras[row].label} {notes[row][0]}" for row in sorted(notes)]
        about += f"; missed: {', '.join(named[:4])}" + (f" and {len(named) - 4} more" if len(named) > 4 else "")
    head(ax, f"{title}: {verdict}", table, shades, columns=4, about=about)
    return ax


def _windows_of(table: pd.DataFrame) -> _Windows:
    """Find the earliest and the latest skew of each camera of an exposures table, the latest camera first."""
    values = numbers(table, "skew_ms")
    known = np.isfinite(values)
    named = {camera.key: camera for camera in cameras_of(table[known])}
    of_camera: dict[str, list[float]] = {}
    for key, value in zip(table["camera_key"][known].astype(str).tolist(), values[known].tolist(), strict=True):
        of_camera.setdefault(key, []).append(value)
    return _ordered([(camera, of_camera[key]) for key, camera in named.items()])


def _windows(skews: Any) -> _Windows:
    """Take one skew per camera, named by the keys it comes with."""
    import pandas as pd

    found = []
    for key, value in skews.items():
        number = float("nan") if pd.isna(value) else float(value)
        if np.isfinite(number):
            found.append((Camera(str(key), clean(key)), [number]))
    return _ordered(found)


def _ordered(found: list[tuple[Camera, list[float]]]) -> _Windows:
    found = sorted(found, key=lambda one: -float(np.median(one[1])))
    return _Windows(
        [camera for camera, _ in found],
        np.array([min(values) for _, values in found]),
        np.array([max(values) for _, values in found]),
    )


def _best(opened: NDArray[np.float64], closing: NDArray[np.float64], flash_ms: float) -> float:
    """Say when the flash misses fewest cameras: the middle of the longest such time."""
    latest = closing - flash_ms
    usable = opened <= latest
    if not usable.any():
        return float(np.median((opened + latest) / 2))
    edges = np.unique(np.concatenate([opened[usable], latest[usable]]))
    if len(edges) == 1:
        return float(edges[0])
    middles = (edges[:-1] + edges[1:]) / 2
    begun = np.searchsorted(np.sort(opened[usable]), middles, side="right")
    over = np.searchsorted(np.sort(latest[usable]), middles, side="left")
    caught = begun - over
    most = np.flatnonzero(caught == caught.max())
    return float(middles[most[np.argmax(np.diff(edges)[most])]])


def _notes(
    opened: NDArray[np.float64],
    closing: NDArray[np.float64],
    missed: NDArray[np.bool_],
    flash: float,
    flash_ms: float,
) -> dict[int, tuple[str, bool]]:
    """Say of each camera that is missed why, for its row."""
    notes = {}
    for row in np.flatnonzero(missed).tolist():
        if opened[row] >= closing[row]:
            said = f"no time common to its shots: {opened[row] - closing[row]:.1f} ms short"
        elif opened[row] > flash:
            said = f"opens {opened[row] - flash:.1f} ms too late"
        else:
            said = f"closes {flash + flash_ms - closing[row]:.1f} ms too early"
        notes[row] = (said, False)
    return notes


def _time(exposure_ms: float) -> str:
    """Write an exposure time as photographers do, with the milliseconds."""
    if exposure_ms >= 1000:
        return f"{exposure_ms / 1000:g} s"
    return f"1/{1000 / exposure_ms:.0f} s ({exposure_ms:.3g} ms)"
