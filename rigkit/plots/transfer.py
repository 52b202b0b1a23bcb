"""How fast photos came over: rates hub by hub, and what all of them together carried over time."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from rigkit.plots.basis import plural
from rigkit.plots.drawing import (
    COLOURS,
    LABEL_PT,
    NOTE_PT,
    PALE_GREY,
    SKY,
    clean,
    head,
    nothing,
    numbers,
    own_axes,
    room_pt,
    spaced,
)
from rigkit.record.tables import natural

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = ["downloads"]

_MEGABYTE = 1e6
#: Layers of the stack that are drawn and named one by one; further hubs are one layer.
_LAYERS = 8
_HATCHES = ("", "////", "....", "\\\\\\\\", "----", "xxxx", "||||", "oo")
#: Steps of time over the whole of the record.
_STEPS = 240
#: Lines at pauses; more would cover what is between them.
_MOST_PAUSES = 60


def downloads(photos: pd.DataFrame, cameras: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the rate of each transfer hub by hub, and below it the throughput of all over time, stacked.

    A rate is the size of the file over the time from the first news of the photo to the news that it is on disk: waiting for other
    transfers of the same hub is in it, so it is what the rig gets, not what the cable could do.

    Parameters
    ----------
    photos : pandas.DataFrame
        The ``photos`` table.
    cameras : pandas.DataFrame
        The ``cameras`` table: its ``hub`` (of the layout), else its ``node_key``, says who shares a way.
    ax : matplotlib.axes.Axes or None
        Where to draw; None: a figure of its own. The throughput takes the lower part of its room, as a colour bar would.

    Returns
    -------
    matplotlib.axes.Axes
        That of the rates: x in MB/s (1 MB = 10^6 bytes), a row per hub, a point per photo, a bar at the median. The other one is the
        last of its figure: x in s, idle time left out where it is most of it, y in MB/s.

        With no photo that was followed from its first news to the disk, a sentence that says so.
    """
    table = photos.reset_index()
    begun, ended = numbers(table, "first_heard_mono_s"), numbers(table, "on_disk_mono_s")
    size = numbers(table, "size_bytes") / _MEGABYTE
    followed = np.isfinite(begun) & np.isfinite(ended) & (size > 0) & (ended > begun)
    kind, ways = _ways(table, cameras)
    names = sorted(set(ways[followed].tolist()), key=lambda name: (name.startswith("no "), natural(name)))
    if ax is None:
        ax = own_axes(8, 4.2 + min(0.22 * len(names), 4.0))
    title = f"Downloads by {kind}"
    if not names:
        at_once = int((np.isfinite(ended) & ~followed).sum())
        why = (
            f"none of {plural(len(table), 'photo')} was followed from its first news to the disk"
            if len(table)
            else "no photo yet"
        )
        why += f"; of {at_once} the first news was that they are on disk, or their size is not known" if at_once else ""
        return nothing(ax, title, f"Nothing to draw: {why}.", table)

    below = _part_below(ax)
    table, begun, ended, size, ways = table[followed], begun[followed], ended[followed], size[followed], ways[followed]
    rates = size / (ended - begun)
    place = {name: row for row, name in enumerate(names)}
    rows = np.array([place[name] for name in ways.tolist()])
    _rate_rows(ax, names, rows, rates)
    ax.set_ylabel(kind, fontsize=LABEL_PT)
    about = f"n = {len(rates)} photos of {plural(len(names), kind)}; first news to file on disk (host clock), waits included"
    if len(photos) > len(rates):
        about += f"; {len(photos) - len(rates)} not followed to the disk"
    head(ax, f"{title}: median {_spelled(float(np.median(rates)))} MB/s per photo", table, about=about)
    _stack(below, names, rows, begun, ended, size)
    return ax


def _spelled(rate: float) -> str:
    """Spell a rate (MB/s): one decimal, of a slow one two digits that count (a photo of 9 kB is no 0.0 MB/s)."""
    return f"{rate:.1f}" if rate >= 1 else f"{rate:.2g}"


def _ways(table: pd.DataFrame, cameras: pd.DataFrame) -> tuple[str, NDArray[Any]]:
    """Say what the cameras share (hub, node), and which of them each photo came over."""
    for column, kind in (("hub", "hub"), ("node_key", "node")):
        named = {str(key): clean(value, 14) for key, value in cameras[column].items()}
        if any(named.values()):
            ways = [named.get(str(key)) or f"no {kind}" for key in table["camera_key"].tolist()]
            return kind, np.array(ways, dtype=object)
    return "hub", np.full(len(table), "no hub named", dtype=object)


def _part_below(ax: Axes) -> Axes:
    """Make Axes of the lower part of some, as a colour bar takes its place beside them."""
    figure = ax.get_figure(root=False)
    assert figure is not None
    spec = ax.get_subplotspec()
    if spec is not None:
        parts = spec.subgridspec(2, 1, hspace=0.12)
        ax.set_subplotspec(parts[0])
        return figure.add_subplot(parts[1])
    box = ax.get_position(original=True)
    ax.set_position((box.x0, box.y0 + 0.58 * box.height, box.width, 0.42 * box.height))
    return figure.add_axes((box.x0, box.y0, box.width, 0.32 * box.height))


def _rate_rows(ax: Axes, names: list[str], rows: NDArray[Any], rates: NDArray[np.float64]) -> None:
    """Draw a strip of rates per way, with its median and n."""
    n = len(names)
    # Points of one row are spread over its height in their order, so that 200 of them don't hide one another.
    turn = (np.arange(len(rows)) * 0.618034) % 1 - 0.5
    ax.plot(rates, rows + 0.5 * turn, "o", color=SKY, markersize=3, markeredgewidth=0, alpha=0.6)
    medians = np.array([np.median(rates[rows == row]) for row in range(n)])
    ax.vlines(medians, np.arange(n) - 0.36, np.arange(n) + 0.36, color="black", linewidth=2)
    counts = Counter(rows.tolist())
    shown = spaced(n, room_pt(ax)[1] * 0.5, LABEL_PT * 1.2, ())
    ax.set_yticks(shown, [names[row] for row in shown])
    for row in shown:
        told = f"{_spelled(medians[row])} MB/s, n = {counts[row]}"
        ax.text(1.01, row, told, transform=ax.get_yaxis_transform(), va="center", fontsize=NOTE_PT)
    ax.set_ylim(n - 0.4, -0.6)
    ax.set_xlim(0, float(rates.max()) * 1.04)
    ax.tick_params(axis="y", length=2)
    ax.set_xlabel("rate of one photo (MB/s); bar: median", fontsize=LABEL_PT)
    ax.grid(axis="x", linewidth=0.4, alpha=0.4)
    ax.set_axisbelow(True)


def _stack(
    ax: Axes,
    names: list[str],
    rows: NDArray[Any],
    begun: NDArray[np.float64],
    ended: NDArray[np.float64],
    size: NDArray[np.float64],
) -> None:
    """Draw what all ways carried over time, the ways that carried most one by one."""
    begun, ended, pauses, clock = _on_air(begun, ended)
    edges = np.linspace(float(begun.min()), float(ended.max()), _STEPS + 1)
    carried = np.bincount(rows, weights=size, minlength=len(names))
    singly = _LAYERS if len(names) <= _LAYERS else _LAYERS - 1
    named = sorted(np.argsort(-carried, kind="stable")[:singly].tolist())
    layers = [(names[way], rows == way) for way in named]
    others = ~np.isin(rows, named)
    if others.any():
        layers.append((f"{len(names) - len(named)} others", others))
    seconds = edges - edges[0]
    floor = np.zeros(_STEPS)
    entries: list[tuple[Any, str]] = []
    for number, (name, chosen) in enumerate(layers):
        top = floor + _throughput(begun[chosen], ended[chosen], size[chosen], edges)
        one = number < len(named)
        area = ax.fill_between(
            seconds,
            np.r_[floor, floor[-1]],
            np.r_[top, top[-1]],
            step="post",
            facecolor=COLOURS[number] if one else PALE_GREY,
            edgecolor=(0, 0, 0, 0.4),
            hatch=_HATCHES[number] if one else None,
            linewidth=0,
        )
        entries.append((area, name))
        floor = top
    ax.set_xlim(0, seconds[-1])
    ax.set_ylim(0, float(floor.max()) * 1.05 or 1.0)
    if len(pauses) <= _MOST_PAUSES:
        ax.vlines(pauses - edges[0], 0, 1, transform=ax.get_xaxis_transform(), color="black", linewidth=0.6)
    ax.set_xlabel(clock, fontsize=LABEL_PT)
    ax.set_ylabel("throughput (MB/s)", fontsize=LABEL_PT)
    title = f"All together: at most {_spelled(float(floor.max()))} MB/s, in means over {seconds[1]:.2g} s"
    head(ax, title, None, entries, columns=len(entries) if len(entries) < 5 else 4)


def _on_air(
    begun: NDArray[np.float64], ended: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], str]:
    """Leave out the time in which nothing was on its way, where that is most of it.

    Returns
    -------
    tuple
        Begin and end of each transfer (s), the places of the pauses (s), and what the axis says.
    """
    times = np.concatenate([begun, ended])
    order = np.argsort(times, kind="stable")
    times = times[order]
    under_way = np.cumsum(np.repeat([1, -1], len(begun))[order])[:-1] > 0
    passed = np.r_[0.0, np.cumsum(np.diff(times) * under_way)]
    if passed[-1] > 0.5 * (times[-1] - times[0]):
        return begun, ended, np.empty(0), "seconds since the first photo (host clock)"
    pauses = np.unique(passed[:-1][~under_way & (np.diff(times) > 0)])
    told = f"seconds with a transfer under way (host clock); at {plural(len(pauses), 'line')} idle time is left out"
    return np.interp(begun, times, passed), np.interp(ended, times, passed), pauses, told


def _throughput(
    begun: NDArray[np.float64], ended: NDArray[np.float64], size: NDArray[np.float64], edges: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean rate between neighbouring edges (MB/s), each file spread evenly over its time."""
    rates = size / (ended - begun)
    times = np.concatenate([begun, ended])
    order = np.argsort(times, kind="stable")
    times = times[order]
    rate = np.cumsum(np.concatenate([rates, -rates])[order])
    carried = np.r_[0.0, np.cumsum(rate[:-1] * np.diff(times))]
    flow: NDArray[np.float64] = np.maximum(np.diff(np.interp(edges, times, carried)) / np.diff(edges), 0.0)
    return flow
