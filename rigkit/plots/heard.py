"""When the host heard of photos: arrivals after the release, transfers and their rates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from rigkit.plots.basis import plural
from rigkit.plots.drawing import (
    BLUE,
    COLOURS,
    DASHES,
    LABEL_PT,
    SKY,
    clean,
    head,
    nothing,
    numbers,
    own_axes,
)
from rigkit.plots.rows import cameras_of
from rigkit.record.tables import natural

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = ["arrivals"]

#: More curves than this can't be told apart, whatever their colours and dashes.
_MOST_NAMED = 8
_PALE = "#C4C4C4"
_TITLE = "Arrival at the host, not the shutter (evidence: host arrival)"


class _Curve(NamedTuple):
    """The sorted arrivals (s) of a group, and how many were expected of it."""

    name: str
    values: NDArray[np.float64]
    expected: int


def arrivals(
    exposures: pd.DataFrame,
    ax: Axes | None = None,
    *,
    by: Mapping[Any, Any] | pd.Series | str | None = None,
    column: Literal["arrival_s", "on_disk_s"] = "arrival_s",
    log: bool | None = None,
) -> Axes:
    """Draw how long after the release the host heard of each photo, and of its file on disk.

    The empirical distribution over all expected exposures: a curve that ends below 100 % tells how many never came. It
    is *not* the skew of the shutters, which nothing here observes (evidence: host arrival).

    Parameters
    ----------
    exposures : pandas.DataFrame
        The ``exposures`` table, of one or more shots.
    ax : matplotlib.axes.Axes or None
        Where to draw; None: a figure of its own.
    by : mapping, pandas.Series, str or None
        One curve per group: camera key -> group (``rig.cameras["hub"]``), ``"camera"``, or another column of the table
        (``"pose"``). The eight slowest are named, all others stay pale. None: one curve for all.
    column : {"arrival_s", "on_disk_s"}
        With ``by``: first news of the photo, or file on disk. Without, both are drawn.
    log : bool or None
        Whether x is logarithmic; None: where the values span more than a factor of 30.

    Returns
    -------
    matplotlib.axes.Axes
        x in seconds after the release on the host's monotonic clock, y in percent of the expected exposures.

    Raises
    ------
    ValueError
        There is no such column.
    """
    if column not in _NEWS:
        raise ValueError(f"column = {column!r}: it is one of {', '.join(_NEWS)}")
    table = exposures.reset_index()
    grouped = [] if by is None else _grouped(table, by, column)
    if ax is None:
        ax = own_axes(8, 4 + 0.1 * min(len(grouped), _MOST_NAMED))
    expected = len(table)
    overall = [_curve(table, one, _NEWS[one]) for one in (_NEWS if by is None else (column,))]
    drawn = [curve for curve in overall if len(curve.values)]
    if not drawn:
        why = f"of {expected} expected exposures, none was heard of." if expected else "no shot yet."
        return nothing(ax, _TITLE, f"Nothing to draw: {why}", table)

    if by is None:
        entries = [
            (_step_line(ax, curve, color=colour, linestyle=dash), _told(curve, expected))
            for curve, colour, dash in zip(overall, (SKY, BLUE), ("-", "--"), strict=True)
            if len(curve.values)
        ]
        title, columns = _TITLE, 1
    else:
        entries = _grouped_lines(ax, grouped)
        title, columns = f"{_NEWS[column].capitalize()} by {_kind(by)}: arrival at the host, not the shutter", 2
    _seconds_axis(ax, min(curve.values[0] for curve in drawn), max(curve.values[-1] for curve in drawn), log)
    ax.set_ylim(0, 103)
    ax.set_ylabel("share of expected exposures (%)", fontsize=LABEL_PT)
    ax.grid(linewidth=0.4, alpha=0.4)
    about = "" if by is None else "evidence D: host arrival; the share is that of the group's own expected exposures"
    head(ax, title, table, entries, columns=columns, about=about)
    return ax


#: Column -> what it is the time of.
_NEWS = {"arrival_s": "first news of the photo", "on_disk_s": "file on disk"}


def _curve(table: pd.DataFrame, column: str, name: str) -> _Curve:
    gone = (table["status"].astype(object) == "missing").to_numpy(dtype=bool)
    values = numbers(table, column)
    return _Curve(name, np.sort(values[np.isfinite(values) & ~gone]), len(table))


def _told(curve: _Curve, expected: int) -> str:
    """Describe a curve in the legend."""
    if not len(curve.values):
        return f"{curve.name}: none of {expected} heard of"
    median, late = np.quantile(curve.values, [0.5, 0.95])
    return f"{curve.name}: n = {len(curve.values)} of {expected}, median {median:.2f} s, P95 {late:.2f} s"


def _step_line(ax: Axes, curve: _Curve, **style: Any) -> Any:
    """Draw one distribution, and its median as a dot."""
    values = curve.values
    share = np.arange(1, len(values) + 1) / curve.expected * 100
    x, y = np.r_[values[0], values], np.r_[0.0, share]
    line = ax.plot(x, y, drawstyle="steps-post", linewidth=1.8, **style)[0]
    middle = len(values) // 2
    ax.plot(np.median(values), share[middle], marker="o", color=style["color"], markersize=5, linestyle="none")
    return line


def _kind(by: Mapping[Any, Any] | pd.Series | str) -> str:
    """Name what the curves are told apart by."""
    name = by if isinstance(by, str) else getattr(by, "name", None)
    return clean(name) or "group"


def _grouped(table: pd.DataFrame, by: Mapping[Any, Any] | pd.Series | str, column: str) -> list[_Curve]:
    """Part the exposures into groups, in natural order; who is in none makes a group of their own."""
    if isinstance(by, str):
        if by == "camera":
            names = {camera.key: camera.label for camera in cameras_of(table)}
            group = [names[str(key)] for key in table["camera_key"].tolist()]
        elif by in table.columns:
            group = [clean(value) or f"no {by}" for value in table[by].tolist()]
        else:
            raise ValueError(
                f"by = {by!r}: the exposures have no such column. Give a camera's group by its key: by=rig.cameras[{by!r}]"
            )
    else:
        group = [clean(by.get(key)) or f"no {_kind(by)}" for key in table["camera_key"].tolist()]
    rows_of: dict[str, list[int]] = {}
    for row, name in enumerate(group):
        rows_of.setdefault(name, []).append(row)
    return [_curve(table.iloc[rows_of[name]], column, name) for name in sorted(rows_of, key=natural)]


def _grouped_lines(ax: Axes, grouped: list[_Curve]) -> list[tuple[Any, str]]:
    """Draw the curves of groups: the slowest named, the others pale, as one collection however many."""
    from matplotlib.collections import LineCollection

    heard = [curve for curve in grouped if len(curve.values)]
    slowest = sorted(heard, key=lambda curve: -float(np.median(curve.values)))[:_MOST_NAMED]
    pale = [curve for curve in heard if all(curve is not one for one in slowest)]
    entries: list[tuple[Any, str]] = []
    if pale:
        stairs = []
        for curve in pale:
            share = np.arange(len(curve.values) + 1) / curve.expected * 100
            stairs.append(np.stack([np.repeat(curve.values, 2), np.repeat(share, 2)[1:-1]], -1))
        lines = ax.add_collection(LineCollection(stairs, colors=_PALE, linewidths=0.7, zorder=1), autolim=False)
        entries.append((lines, f"{len(pale)} others, faster by their medians"))
    for number, curve in enumerate(curve for curve in heard if any(curve is one for one in slowest)):
        line = _step_line(ax, curve, color=COLOURS[number], linestyle=DASHES[number])
        entries.append((line, _told(curve, curve.expected)))
    silent = [curve for curve in grouped if not len(curve.values)]
    if silent:
        from matplotlib.lines import Line2D

        named = ", ".join(curve.name for curve in silent[:4]) + (" …" if len(silent) > 4 else "")
        entries.append((Line2D([], [], linestyle="none"), f"{plural(len(silent), 'group')} never heard of: {named}"))
    return entries


def _seconds_axis(ax: Axes, low: float, high: float, log: bool | None) -> None:
    """Lay out x, logarithmic where the values span orders of magnitude and none is 0."""
    if low > 0 and (high / low > 30 if log is None else log):
        from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

        ax.set_xscale("log")
        ax.set_xlim(low / 1.3, high * 1.3)
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
        if high / low < 30:  # a decade has few or no marks of its own then
            ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)))
    else:
        ax.set_xlim(0, high * 1.04 or 1.0)
    ax.set_xlabel("seconds after release (host clock)", fontsize=LABEL_PT)
