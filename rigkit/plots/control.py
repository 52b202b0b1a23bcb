"""Whether shots stay as simultaneous as they were: a control chart of their spreads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rigkit.plots.basis import basis, plural, unknown
from rigkit.plots.drawing import (
    BLUE,
    DARK_GREY,
    LABEL_PT,
    NOTE_PT,
    SKY,
    WARNING,
    head,
    nothing,
    numbers,
    own_axes,
    room_pt,
    spaced,
)
from rigkit.plots.rows import shot_axis
from rigkit.timing.spread import d2

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = ["spreads"]

_MAD_TO_SIGMA = 1.4826
#: A shot with other cameras missing is comparable while its n changes the expected spread by less than this.
_COMPARABLE = 0.02
#: Fewer shots give no limits: their scatter is not known.
_FEWEST_SHOTS = 5


def spreads(shots: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the spread of each shot with the median of all and robust limits: a control chart.

    Parameters
    ----------
    shots : pandas.DataFrame
        The ``shots`` table.
    ax : matplotlib.axes.Axes or None
        Where to draw; None: a figure of its own.

    Returns
    -------
    matplotlib.axes.Axes
        x: shots in their order, y in ms. Limits: median +- 3 x 1.4826 MAD of the shots with the usual number of stamps; spread grows
        with that number, so shots whose number changes the expected spread by over 2 % are drawn hollow and count for no limit. The
        numbers of stamps stand along the top. Where no spread is known, the residual spreads (differences to each camera's own usual)
        take its place and the title says so; where there are none either, a sentence says why.
    """
    table = shots.reset_index()
    title, column, words = "Spread per shot", "spread_ms", "spread, last less first exposure (ms)"
    if not np.isfinite(numbers(table, column)).any() and np.isfinite(numbers(table, "residual_spread_ms")).any():
        title, column = "Residual spread per shot", "residual_spread_ms"
        words = "residual spread, against each camera's own usual (ms)"
    values = numbers(table, column)
    known = np.isfinite(values)
    k = len(table)
    if ax is None:
        ax = own_axes(min(max(3.6 + 0.3 * k, 8), 10), 4.4)
    if not known.any():
        return nothing(ax, title, unknown(table, "spread"), table)

    n = numbers(table, "n_stamps")
    usual, alike = _alike(n, known)
    x = np.arange(k)
    entries = _whiskers(ax, table, known) if column == "spread_ms" else []
    middle, half = _limits(values[known & alike])
    out = known & alike & (np.abs(values - middle) > half)
    ax.plot(x[known], values[known], color=SKY, linewidth=1, zorder=2)
    looks: tuple[tuple[NDArray[np.bool_], str, dict[str, Any]], ...] = (
        (known & alike & ~out, "one shot", {"marker": "o", "color": BLUE, "markersize": 4.5}),
        (
            known & ~alike,
            f"not {usual} stamps: not to be compared",
            {"marker": "s", "color": DARK_GREY, "markerfacecolor": "white", "markersize": 5.5},
        ),
        (out, "beyond the limits", {"marker": "D", "color": WARNING, "markersize": 7}),
    )
    for chosen, told, style in looks:
        if chosen.any():
            entries.append((ax.plot(x[chosen], values[chosen], linestyle="none", zorder=3, **style)[0], told))
    top = float(np.nanmax(np.r_[values[known], middle + half if np.isfinite(half) else middle]))
    entries += _limit_lines(ax, middle, half)
    ax.set_ylim(0, top * 1.18 or 1.0)
    ax.set_xlim(-0.6, k - 0.4)
    ids = [int(shot) for shot in table["shot_id"].tolist()]
    wide_pt = room_pt(ax)[0]
    shot_axis(ax, table, ids, set(np.flatnonzero(out).tolist()), wide_pt)
    _numbers_above(ax, n, np.flatnonzero(known & ~alike).tolist(), wide_pt)
    ax.set_ylabel(words, fontsize=LABEL_PT)
    ax.grid(axis="y", linewidth=0.4, alpha=0.4)
    ax.set_axisbelow(True)
    about = f"{plural(int(known.sum()), 'shot')} of {k} with a spread, usually {usual} stamps; {basis(table[known])}"
    if column == "residual_spread_ms":
        about += "; how late a camera always is (its lag) can't be known from these stamps and is not in it"
    head(ax, f"{title}: median {middle:.1f} ms", table, entries, columns=3, about=about)
    return ax


def _alike(n: NDArray[np.float64], known: NDArray[np.bool_]) -> tuple[str, NDArray[np.bool_]]:
    """Say how many stamps a shot usually has, and which shots have as many for the purpose of comparing spreads."""
    counted = n[known & np.isfinite(n)]
    if not len(counted):
        return "a known number of", np.ones(len(n), dtype=bool)
    usual = int(np.median(counted))
    expected = {int(one): d2(int(one)) for one in {*counted.tolist(), usual}}
    alike = np.ones(len(n), dtype=bool)
    for index in np.flatnonzero(np.isfinite(n)).tolist():
        there = expected.get(int(n[index]), float("nan"))
        alike[index] = abs(there / expected[usual] - 1) < _COMPARABLE
    same = counted[alike[known & np.isfinite(n)]]
    low, high = (int(same.min()), int(same.max())) if len(same) else (usual, usual)
    return str(low) if low == high else f"{low}–{high}", alike


def _limits(values: NDArray[np.float64]) -> tuple[float, float]:
    """Median and half-width of the limits; NaN: too few shots to know their scatter, or none."""
    if not len(values):
        return float("nan"), float("nan")
    middle = float(np.median(values))
    if len(values) < _FEWEST_SHOTS:
        return middle, float("nan")
    return middle, 3 * _MAD_TO_SIGMA * float(np.median(np.abs(values - middle)))


def _limit_lines(ax: Axes, middle: float, half: float) -> list[tuple[Any, str]]:
    """Draw the median and, where they are known, the limits."""
    entries: list[tuple[Any, str]] = []
    if np.isfinite(middle):
        entries.append((ax.axhline(middle, color="black", linewidth=1), "median"))
    if np.isfinite(half):
        line = ax.axhline(middle + half, color="black", linewidth=1, linestyle="--")
        if middle - half > 0:
            ax.axhline(middle - half, color="black", linewidth=1, linestyle="--")
        entries.append((line, f"median ± 3 × 1.4826 MAD: {max(middle - half, 0):.1f} to {middle + half:.1f} ms"))
    return entries


def _whiskers(ax: Axes, table: pd.DataFrame, known: NDArray[np.bool_]) -> list[tuple[Any, str]]:
    """Draw what else each spread could be, for the steps of the stamps and the uncertainty of the clocks."""
    low, high = numbers(table, "spread_lo_ms"), numbers(table, "spread_hi_ms")
    there = known & np.isfinite(low) & np.isfinite(high)
    if not there.any():
        return []
    lines = ax.vlines(np.flatnonzero(there), low[there], high[there], color=SKY, linewidth=1.4, alpha=0.7, zorder=1)
    return [(lines, "what steps and clocks leave open")]


def _numbers_above(ax: Axes, n: NDArray[np.float64], first: list[int], wide_pt: float) -> None:
    """Write the number of stamps of the shots along the top, thinned; those of another number come first."""
    widest = max((len(f"{one:.0f}") for one in n[np.isfinite(n)]), default=1)
    shown = spaced(len(n), wide_pt, NOTE_PT * 0.62 * widest + 4, first)
    style: dict[str, Any] = {
        "transform": ax.get_xaxis_transform(),
        "fontsize": NOTE_PT - 0.5,
        "va": "top",
        "color": DARK_GREY,
    }
    for index in shown:
        if np.isfinite(n[index]):
            weight = "bold" if index in first else "normal"
            number = ax.text(index, 0.985, f"{n[index]:.0f}", ha="center", fontweight=weight, **style)
            # Whiskers may reach up to here.
            number.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85})
    ax.text(1.005, 0.985, "stamps", ha="left", **(style | {"transform": ax.transAxes}))
