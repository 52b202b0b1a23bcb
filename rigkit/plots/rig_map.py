"""The rig as people see it: a map of its positions, coloured by any number."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rigkit.plots.basis import plural
from rigkit.plots.drawing import (
    DARK_GREY,
    LABEL_PT,
    bar,
    clean,
    diverging,
    head,
    inner_pt,
    nothing,
    own_axes,
    rounded_up,
    spaced,
)
from rigkit.plots.rows import Camera, cameras_of, cells
from rigkit.record.tables import natural

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize
    from numpy.typing import NDArray

__all__ = ["layout"]

#: Ring and number: A01, ring2-07, top_3.
_RING = re.compile(r"(.*?)[ _.-]?([0-9]{1,4})", re.DOTALL)
#: A map of rings is drawn while it has at most so many places for each camera; beyond, the numbers are no angles.
_EMPTIEST = 3.0
#: Of the cells of a figure of its own.
_HIGHEST_IN = 7.0
_MOST_RINGS, _MOST_COLUMNS = 40, 80
_MAD_TO_SIGMA = 1.4826
#: Colours end at so many robust standard deviations from the median.
_BEYOND = 5.0


class _Map(NamedTuple):
    """Where each camera stands.

    Attributes
    ----------
    rows, columns : numpy.ndarray
        int64, one per camera.
    row_names, column_names : list of str
        What the axes say; empty: a plain grid, whose rows and columns mean nothing.
    shape : tuple of int
        Rows and columns.
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    row_names: list[str]
    column_names: list[str]
    shape: tuple[int, int]


def layout(
    cameras: pd.DataFrame,
    values: Mapping[Any, Any] | pd.Series,
    label: str = "value",
    unit: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the positions of the rig, coloured by a number per camera.

    Positions have no coordinates, but their names often tell them: where they are a ring and a number (A01 to H25), each ring is a row
    and the number its column, as if the rings were unrolled. Otherwise they fill a plain grid in natural order.

    Parameters
    ----------
    cameras : pandas.DataFrame
        The ``cameras`` table, or another one by camera key with a column ``position`` (``lags``).
    values : mapping or pandas.Series
        Camera key -> number: ``session.cameras["battery_pct"]``. Cameras without one are hatched.
    label, unit : str
        What the numbers are and their unit, for title and colour bar: ``label="lag", unit="ms"``. An empty unit: a count or a share.
    ax : matplotlib.axes.Axes or None
        Where to draw; None: a figure of its own. A colour bar takes some of its room.

    Returns
    -------
    matplotlib.axes.Axes
        One cell per position; values below and above 0 are blue and vermilion, values of one sign dark to bright. The colours end at
        5 robust standard deviations from the median; cells beyond have a black frame. Position and number are written into the cells
        as far as they fit.
    """
    table = cameras.reset_index()
    everyone = cameras_of(table)
    placed = _placed(everyone)
    height, width = placed.shape
    if ax is None:
        ax = own_axes(min(max(2.6 + 0.62 * width, 6.0), 10.5), 1.5 + min(max(0.5 * height, 1.2), _HIGHEST_IN))
    label, unit = clean(label, 40) or "value", clean(unit, 12)
    looked = dict(values.items())
    numbers = np.array([_number(looked.get(camera.key)) for camera in everyone])
    known = np.isfinite(numbers)
    title = label[:1].upper() + label[1:] + " by position"
    if not known.any():
        why = f"none of {plural(len(everyone), 'camera')} has a value" if everyone else "no camera is known"
        return nothing(ax, title, f"Nothing to draw: {why}. Values are looked up by camera key.", table)

    from matplotlib.patches import Patch

    scale, colours, extend = _scale(numbers[known])
    grid = np.full(placed.shape, np.nan)
    grid[placed.rows[known], placed.columns[known]] = numbers[known]
    mesh = ax.pcolormesh(
        np.arange(width + 1) - 0.5,
        np.arange(height + 1) - 0.5,
        np.ma.masked_invalid(grid),
        cmap=colours,
        norm=scale,
        edgecolors="white",
        linewidth=0.8,
    )
    entries: list[tuple[Any, str]] = []
    if not known.all():
        style: dict[str, Any] = {"facecolor": "#D4D4D4", "edgecolor": DARK_GREY, "hatch": "////", "linewidth": 0}
        cells(ax, placed.rows[~known], placed.columns[~known], "no value", **style)
        entries.append((Patch(**style), f"no value: {int((~known).sum())}"))
    low, high = float(scale.vmin or 0.0), float(scale.vmax or 0.0)
    beyond = known & ((numbers < low) | (numbers > high))
    if beyond.any():
        frame = {"facecolor": "none", "edgecolor": "black", "linewidth": 1.6, "zorder": 3}
        cells(ax, placed.rows[beyond], placed.columns[beyond], "beyond the colours", **frame)
        entries.append((Patch(facecolor="none", edgecolor="black"), f"beyond the colours: {int(beyond.sum())}"))
    ax.set_xlim(-0.5, width - 0.5)
    ax.set_ylim(height - 0.5, -0.5)
    _write(ax, everyone, placed, numbers, mesh)
    _axes_names(ax, placed)
    bar(ax, mesh, f"{label} ({unit})" if unit else label, extend)
    inside = numbers[known]
    shown = f" {unit}" if unit else ""
    about = f"n = {len(inside)} of {plural(len(everyone), 'camera')}; median {_without_noise(inside):.3g}{shown}"
    about += f", {inside.min():.3g} to {inside.max():.3g}{shown}"
    how = "each row a ring, unrolled by the number in the name" if placed.row_names else "in the order of their names"
    head(ax, title, table, entries, columns=2, about=f"{about}; positions: {how}")
    ax.spines[:].set_visible(False)
    return ax


def _without_noise(values: NDArray[np.float64]) -> float:
    """Give the median, 0 where only the rounding of floats keeps it from being 0 (-8.59e-10 ms among lags of 40 ms)."""
    middle = float(np.median(values))
    return 0.0 if abs(middle) < 1e-9 * float(np.abs(values).max()) else middle


def _number(value: Any) -> float:
    """Return a value as a float; NaN: it is none."""
    try:
        return float(value)
    except (TypeError, ValueError):  # None, <NA>, a text
        return float("nan")


def _placed(cameras: Sequence[Camera]) -> _Map:
    """Find rows and columns in the names of the positions, or fill a plain grid."""
    matches = [_RING.fullmatch(camera.label) for camera in cameras]
    if len(cameras) > 1 and all(matches):
        rings = [match[1] for match in matches if match]
        places = [int(match[2]) for match in matches if match]
        names = sorted(set(rings), key=natural)
        first, last = min(places), max(places)
        width = last - first + 1
        full = len(names) * width <= _EMPTIEST * len(cameras)
        one_each = len(set(zip(rings, places, strict=True))) == len(cameras)
        small = len(names) <= _MOST_RINGS and width <= _MOST_COLUMNS
        if full and one_each and small and (len(names) > 1 or width <= _MOST_COLUMNS // 3):
            row_of = {name: row for row, name in enumerate(names)}
            return _Map(
                np.array([row_of[ring] for ring in rings]),
                np.array([place - first for place in places]),
                [name or "–" for name in names],
                [str(number) for number in range(first, last + 1)],
                (len(names), width),
            )
    n = len(cameras)
    width = max(1, int(np.ceil(np.sqrt(n * 1.8))))
    index = np.arange(n)
    return _Map(index // width, index % width, [], [], (max(1, -(-n // width)), width))


def _scale(values: NDArray[np.float64]) -> tuple[Normalize, Any, str]:
    """Choose the ends of the colours, the colours, and at which ends of the bar values lie beyond."""
    from matplotlib import colormaps
    from matplotlib.colors import Normalize

    middle = float(np.median(values))
    reach = _BEYOND * _MAD_TO_SIGMA * float(np.median(np.abs(values - middle)))
    least, most = float(values.min()), float(values.max())
    if least < 0 < most:
        limit = max(-least, most)
        limit = rounded_up(min(abs(middle) + reach, limit) if reach else limit)
        low, high, colours = -limit, limit, diverging()
    else:
        low = max(least, middle - reach) if reach else least
        high = min(most, middle + reach) if reach else most
        if low == high:
            low, high = low - 0.5, high + 0.5
        colours = colormaps["cividis"]
    extend = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}
    return Normalize(low, high), colours, extend[least < low, most > high]


def _short(value: float, most: float, whole: bool, signed: str) -> str:
    """Write a number in few characters; ``most`` is the largest of all, which sets the decimals. Empty: there is none."""
    if not np.isfinite(value):
        return ""
    decimals = 0 if whole or most >= 100 else 1 if most >= 1 else 2
    text = f"{value:{signed}.{decimals}f}"
    return text.lstrip("+-") if float(text) == 0 else text


def _write(ax: Axes, cameras: Sequence[Camera], placed: _Map, values: NDArray[np.float64], mesh: Any) -> None:
    """Write position and number into the cells; where that is too much, the number, or every so many positions."""
    width_pt, height_pt = inner_pt(ax)
    cell_wide, cell_high = width_pt / placed.shape[1], height_pt / placed.shape[0]
    signed = "+" if float(np.nanmin(values)) < 0 else ""
    finite = values[np.isfinite(values)]
    whole = bool(np.all(finite == np.round(finite)))
    most = float(np.abs(finite).max())
    shown = [_short(value, most, whole, signed) for value in values.tolist()]
    label_long, number_long = max(len(camera.label) for camera in cameras), max(map(len, shown))

    def fits(letters: int, lines: int, size: float) -> bool:
        return letters * size * 0.62 + 2 <= cell_wide and lines * size * 1.35 <= cell_high

    sizes = (8.0, 7.0, 6.0, 5.5)
    both = next((size for size in sizes if fits(max(label_long, number_long), 2, size)), None)
    # The axes of rings name the position, so there the number says more; in a plain grid nothing else names it.
    alone = next((size for size in sizes if fits(number_long, 1, size)), None) if placed.row_names else None
    if both is None and alone is None and placed.row_names:
        return
    size = both or alone or 6.0
    every = 1 if both or alone else max(1, int(np.ceil((label_long * size * 0.62 + 4) / cell_wide)))
    for camera, row, column, text, value in zip(cameras, placed.rows, placed.columns, shown, values, strict=True):
        if column % every:
            continue
        said = f"{camera.label}\n{text}" if both and text else text if alone and not both else camera.label
        colour = _ink(mesh.to_rgba(value)) if np.isfinite(value) else "black"
        box = None if np.isfinite(value) else {"facecolor": "#D4D4D4", "edgecolor": "none", "pad": 0.5}
        if said:
            ax.text(column, row, said, ha="center", va="center", fontsize=size, color=colour, bbox=box, linespacing=1.1)


def _ink(rgba: Sequence[float]) -> str:
    """Black or white, whichever is read better on a colour (relative luminance of WCAG, near enough)."""
    red, green, blue = (part**2.2 for part in rgba[:3])
    return "black" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.2 else "white"


def _axes_names(ax: Axes, placed: _Map) -> None:
    """Name rings and numbers along the axes; a plain grid has none."""
    if not placed.row_names:
        ax.set_xticks([])
        ax.set_yticks([])
        return
    width_pt, height_pt = inner_pt(ax)
    height, width = placed.shape
    rows = spaced(height, height_pt, LABEL_PT * 1.2, ())
    widest = max(map(len, placed.column_names))
    columns = spaced(width, width_pt, LABEL_PT * 0.62 * widest + 4, ())
    ax.set_yticks(rows, [placed.row_names[row] for row in rows])
    ax.set_xticks(columns, [placed.column_names[column] for column in columns])
    ax.tick_params(length=0)
    ax.set_ylabel("ring (by position name)", fontsize=LABEL_PT)
    ax.set_xlabel("number on the ring (by position name)", fontsize=LABEL_PT)
