"""Who exposed early or late: skews per camera, lateness camera by shot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rigkit.plots.basis import basis, plural, unknown
from rigkit.plots.drawing import (
    BLUE,
    DARK_GREY,
    GREY,
    LABEL_PT,
    PALE_GREY,
    ROW_IN,
    ROWS_IN,
    SKY,
    WARNING,
    bar,
    diverging,
    head,
    inner_pt,
    nothing,
    numbers,
    own_axes,
    room_pt,
    rounded_up,
)
from rigkit.plots.rows import Camera, camera_axis, cameras_of, cells, group_marks, in_groups, places_of, shot_axis

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = ["lateness", "skews"]

#: A scale that takes in every value is kept while it is at most this much wider than one for nearly all of them.
_STRETCH = 1.6
#: Colours end at so many robust standard deviations; what lies beyond is marked.
_BEYOND = 5.0
_MAD_TO_SIGMA = 1.4826
#: Cameras that are named in one line.
_MOST_NAMED = 6


def skews(exposures: pd.DataFrame, ax: Axes | None = None, limit_ms: float | None = None) -> Axes:
    """Draw the skews of each camera, the cameras in the order of their medians (lags), the latest on top.

    Parameters
    ----------
    exposures : pandas.DataFrame
        The ``exposures`` table, of one or more shots.
    ax : matplotlib.axes.Axes or None
        Where to draw; None: a figure of its own, as tall as its cameras need.
    limit_ms : float or None
        Draw the band within which skews are good enough, and name whose median lies beyond; None: no band.

    Returns
    -------
    matplotlib.axes.Axes
        x in ms against the median of the other cameras of the shot, positive: late; a point per exposure, a marker per median. Points
        far from all others stand as triangles at the edge, and the legend says how far they are out. Where no skew is known, a
        sentence that says why: uncalibrated stamps can't tell it, and :func:`lateness` draws what they can.

    Raises
    ------
    ValueError
        The limit is not positive.
    """
    if limit_ms is not None and not limit_ms > 0:
        raise ValueError(f"limit_ms = {limit_ms:g}: it takes a positive number")
    table = exposures.reset_index()
    values = numbers(table, "skew_ms")
    known = np.isfinite(values)
    everyone = table["camera_key"].nunique()
    n = int(table["camera_key"][known].nunique())
    if ax is None:
        ax = own_axes(8 if ROW_IN * n <= ROWS_IN else 9.5, 1.8 + min(max(ROW_IN * n, 1.6), ROWS_IN))
    if not n:
        return nothing(ax, "Skew per camera", _no_skew(table), table)

    table, values = table[known], values[known]
    cameras = cameras_of(table)
    place = {camera.key: row for row, camera in enumerate(cameras)}
    who = np.array([place[str(key)] for key in table["camera_key"].tolist()])
    lags = np.array([np.median(values[who == row]) for row in range(n)])
    order = np.argsort(-lags, kind="stable")
    row_of = np.empty(n, dtype=int)
    row_of[order] = np.arange(n)
    rows, lags, cameras = row_of[who], lags[order], [cameras[index] for index in order]

    low, high = _span(values, lags, limit_ms)
    entries: list[tuple[Any, str]] = []
    if limit_ms is not None:
        band = ax.axvspan(-limit_ms, limit_ms, facecolor=PALE_GREY, edgecolor=GREY, linewidth=0.6, zorder=0)
        entries.append((band, f"within ±{limit_ms:g} ms"))
    ax.axvline(0, color="black", linewidth=0.8, zorder=1)
    pitch_pt = room_pt(ax)[1] / n
    size = float(np.clip(pitch_pt * 0.5, 1.6, 4.5))
    within = (values >= low) & (values <= high)
    points = ax.plot(values[within], rows[within], "o", color=SKY, markersize=size, markeredgewidth=0, alpha=0.6)[0]
    entries.append((points, "one exposure"))
    beyond = np.abs(lags) > (np.inf if limit_ms is None else limit_ms)
    for chosen, marker, colour, told in (
        (~beyond, "o", BLUE, "median (lag)"),
        (beyond, "D", WARNING, "median beyond the limit"),
    ):
        if chosen.any():
            line = ax.plot(lags[chosen], np.flatnonzero(chosen), marker, color=colour, markersize=size + 1.2)[0]
            line.set(markeredgecolor="white", markeredgewidth=0.4)
            entries.append((line, told))
    entries += _off_scale(ax, values, rows, low, high)
    camera_axis(ax, cameras, np.flatnonzero(beyond).tolist())
    ax.set_xlim(low, high)
    ax.set_xlabel("skew against the other cameras of the shot (ms, + = late)", fontsize=LABEL_PT)
    ax.grid(axis="x", linewidth=0.4, alpha=0.4)
    ax.set_axisbelow(True)
    title = f"Skew per camera: medians {lags.min():+.1f} to {lags.max():+.1f} ms"
    if limit_ms is not None:
        title += f", {int(beyond.sum())} of {n} beyond ±{limit_ms:g} ms"
    about = f"n = {len(values)} skews of {plural(n, 'camera')} in {plural(table['shot_id'].nunique(), 'shot')}; {basis(table)}"
    if everyone > n:
        about += f"; {plural(everyone - n, 'camera')} without any skew not shown"
    if beyond.any():
        about += f"; beyond the limit: {_named(cameras, lags, beyond)}"
    head(ax, title, table, entries, columns=3 if len(entries) > 4 else 4, about=about)
    return ax


def _named(cameras: Sequence[Camera], lags: NDArray[np.float64], chosen: NDArray[np.bool_]) -> str:
    """Name cameras with their medians, the furthest first: not each of them may have found room at the axis."""
    order = sorted(np.flatnonzero(chosen).tolist(), key=lambda row: -abs(lags[row]))
    named = ", ".join(f"{cameras[row].label} {lags[row]:+.1f}" for row in order[:_MOST_NAMED])
    return named + (f" and {len(order) - _MOST_NAMED} more" if len(order) > _MOST_NAMED else "")


def _no_skew(table: pd.DataFrame) -> str:
    """Say why there is no skew, and which plot shows what there is."""
    said = unknown(table, "skew")
    if np.isfinite(numbers(table, "late_ms")).any():
        return f"{said}\nplots.lateness(exposures) draws how late each exposure was against its camera's own usual."
    if np.isfinite(numbers(table, "arrival_s")).any():
        return f"{said}\nplots.arrivals(exposures) draws when the host heard of each photo."
    return said


def _span(values: NDArray[np.float64], lags: NDArray[np.float64], limit_ms: float | None) -> tuple[float, float]:
    """Choose the ends of the scale: all medians, the limit and nearly all points; all points where that costs little."""
    limit = limit_ms or 0.0
    low = min(float(np.quantile(values, 0.005)), float(lags.min()), -limit)
    high = max(float(np.quantile(values, 0.995)), float(lags.max()), limit)
    width = max(high - low, 1e-3)
    least, most = float(values.min()), float(values.max())
    if max(most, high) - min(least, low) <= _STRETCH * width:
        low, high = min(least, low), max(most, high)
    margin = 0.05 * max(high - low, 1e-3)
    return low - margin, high + margin


def _off_scale(
    ax: Axes, values: NDArray[np.float64], rows: NDArray[Any], low: float, high: float
) -> list[tuple[Any, str]]:
    """Stand points that are off the scale at its edges; the legend says how many and how far the furthest is out."""
    entries: list[tuple[Any, str]] = []
    for out, edge, marker, furthest in ((values < low, low, "<", np.min), (values > high, high, ">", np.max)):
        if out.any():
            x = np.full(int(out.sum()), edge)
            line = ax.plot(x, rows[out], marker, color="black", markersize=4, clip_on=False, zorder=4)[0]
            entries.append((line, f"{int(out.sum())} off the scale, to {furthest(values[out]):+.0f} ms"))
    return entries


def lateness(
    exposures: pd.DataFrame,
    ax: Axes | None = None,
    *,
    column: Literal["late_ms", "skew_ms"] = "late_ms",
    groups: Mapping[Any, Any] | pd.Series | None = None,
) -> Axes:
    """Draw camera by shot how late each exposure was, as colours around 0.

    Parameters
    ----------
    exposures : pandas.DataFrame
        The ``exposures`` table.
    ax : matplotlib.axes.Axes or None
        Where to draw; None: a figure of its own. A colour bar takes some of its room.
    column : {"late_ms", "skew_ms"}
        Against the camera's own usual, which needs no calibration, or against the other cameras of the shot.
    groups : mapping, pandas.Series or None
        Camera key -> group: its cameras are drawn together, with lines between groups (``rig.cameras["hub"]``). None: by position.

    Returns
    -------
    matplotlib.axes.Axes
        One row per camera, one column per shot. The colours end at 5 robust standard deviations; cells beyond also carry a triangle,
        up: late, down: early, and their cameras and shots (not of a camera that is late in most shots) are named in the warning colour
        as far as there is room. Missing cells are hatched, exposures without
        a number dotted, and an empty cell was not expected. Numbers are written into the cells where they fit.

    Raises
    ------
    ValueError
        The column is none of the two.
    """
    against = {"late_ms": "the camera's own usual", "skew_ms": "the other cameras of the shot"}
    if column not in against:
        raise ValueError(f"column = {column!r}: it is one of {', '.join(against)}")
    question: Literal["lateness", "skew"] = "lateness" if column == "late_ms" else "skew"
    table = exposures.reset_index()
    where = places_of(table, in_groups(cameras_of(table), groups))
    n, k = len(where.cameras), len(where.shots)
    if ax is None:
        named_in = 0.08 * max((len(camera.label) for camera in where.cameras), default=0) + (groups is not None)
        ax = own_axes(
            min(max(2.8 + named_in + 0.42 * k, 6.4 + named_in), 10.5), 1.9 + min(max(ROW_IN * n, 1.6), ROWS_IN)
        )
    values = numbers(table, column)
    known = np.isfinite(values)
    title = f"{'Lateness' if question == 'lateness' else 'Skew'} against {against[column]}"
    if not known.any():
        return nothing(ax, title, _no_skew(table) if column == "skew_ms" else unknown(table, "lateness"), table)

    grid = where.dense(values, np.nan)
    missing = where.dense((table["status"].astype(object) == "missing").to_numpy(dtype=bool), False)
    expected = where.dense(np.ones(len(table), dtype=bool), False)
    limit = _colour_limit(values[known], numbers(table, "quantum_ms"))
    most = float(np.abs(values[known]).max())
    mesh = ax.pcolormesh(
        np.arange(k + 1) - 0.5,
        np.arange(n + 1) - 0.5,
        np.ma.masked_invalid(grid),
        cmap=diverging(),
        vmin=-limit,
        vmax=limit,
    )
    entries = _blanks(ax, missing & ~np.isfinite(grid), expected & ~missing & ~np.isfinite(grid))
    beyond = np.abs(grid) > limit
    room = inner_pt(ax)
    entries += _cell_marks(ax, grid, beyond, limit, (room[0] / k, room[1] / n))
    camera_axis(ax, where.cameras, np.flatnonzero(beyond.any(axis=1)).tolist())
    ax.set_xlim(-0.5, k - 0.5)
    # A camera that is late in most shots is not the shots' matter.
    seldom = beyond & (beyond.sum(axis=1) * 2 < np.isfinite(grid).sum(axis=1))[:, None]
    shot_axis(ax, table, where.shots, set(np.flatnonzero(seldom.any(axis=0)).tolist()), room[0])
    if groups is not None:
        group_marks(ax, where.cameras, groups)
    bar(ax, mesh, f"{question} (ms, + = late)", "both" if most > limit else "neither")
    drawn = table[known]
    about = f"n = {len(drawn)} exposures; {basis(drawn)}"
    if beyond.any():
        furthest = np.argsort(-np.nan_to_num(np.abs(grid)), axis=None)[: min(3, int(beyond.sum()))]
        places = [divmod(int(place), k) for place in furthest]
        named = (
            f"{where.cameras[row].label} in shot {where.shots[column]} {grid[row, column]:+.0f}"
            for row, column in places
        )
        about += f"; furthest: {', '.join(named)} ms"
    head(ax, title, table, entries, columns=2, about=about)
    return ax


def _colour_limit(values: NDArray[np.float64], steps_ms: NDArray[np.float64]) -> float:
    """Choose where the colours end: at 5 robust standard deviations, not below one step of the stamps."""
    sigma = _MAD_TO_SIGMA * float(np.median(np.abs(values - np.median(values))))
    steps = steps_ms[np.isfinite(steps_ms)]
    wanted = max(_BEYOND * sigma, float(np.median(steps)) if len(steps) else 0.0)
    most = float(np.abs(values).max())
    return rounded_up(min(wanted, most) or most)


def _blanks(ax: Axes, missing: NDArray[np.bool_], unknown_cells: NDArray[np.bool_]) -> list[tuple[Any, str]]:
    """Hatch what is missing and dot what has no number, and return the entries of the legend."""
    from matplotlib.patches import Patch

    entries: list[tuple[Any, str]] = []
    looks = (
        (missing, "missing", "#A8A8A8", "/////"),
        (unknown_cells, "exposed, no comparable stamp", PALE_GREY, "...."),
    )
    for chosen, label, colour, hatch in looks:
        if chosen.any():
            style: dict[str, Any] = {"facecolor": colour, "edgecolor": DARK_GREY, "hatch": hatch, "linewidth": 0}
            rows, columns = np.nonzero(chosen)
            cells(ax, rows, columns, label, **style)
            entries.append((Patch(**style), label))
    return entries


def _cell_marks(
    ax: Axes, grid: NDArray[np.float64], beyond: NDArray[np.bool_], limit: float, cell_pt: tuple[float, float]
) -> list[tuple[Any, str]]:
    """Write numbers into cells that have room for them; mark what is beyond the colours in all others."""
    low, high = float(np.nanmin(grid)), float(np.nanmax(grid))
    longest = max(len(_signed(value)) for value in (low, high))
    if cell_pt[0] >= longest * 7 * 0.62 + 2 and cell_pt[1] >= 9:
        for row, column in np.argwhere(np.isfinite(grid)).tolist():
            value = float(grid[row, column])
            dark = abs(value) > 0.6 * limit
            style: dict[str, Any] = {
                "color": "white" if dark else "black",
                "fontweight": "bold" if beyond[row, column] else "normal",
            }
            ax.text(column, row, _signed(value), ha="center", va="center", fontsize=7, **style)
        return []
    entries: list[tuple[Any, str]] = []
    for chosen, marker, told in (
        (beyond & (grid > 0), "^", f"later than {limit:g} ms"),
        (beyond & (grid < 0), "v", f"earlier than {limit:g} ms"),
    ):
        if chosen.any():
            y, x = np.nonzero(chosen)
            line = ax.plot(x, y, marker, color="black", markersize=5, markeredgecolor="white", markeredgewidth=0.5)[0]
            entries.append((line, f"{told}: {len(x)}, up to {np.abs(grid[chosen]).max():.0f} ms"))
    return entries


def _signed(value: float) -> str:
    """Write a difference: one decimal below 10, none above; never minus nothing."""
    text = f"{value:+.1f}" if abs(value) < 9.95 else f"{value:+.0f}"
    return "0" if float(text) == 0 else text
