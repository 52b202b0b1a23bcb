"""The account of shots as pictures: who delivered when, who delivered at all."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from rigkit.plots.drawing import (
    BLUE,
    GREY,
    LABEL_PT,
    ORANGE,
    PALE_BLUE,
    PALE_GREY,
    PALE_ORANGE,
    PALE_WARNING,
    ROW_IN,
    ROWS_IN,
    SKY,
    WARNING,
    clean,
    head,
    nothing,
    numbers,
    own_axes,
    room_pt,
)
from rigkit.plots.rows import bars, camera_axis, cameras_of, row_notes, shot_axis

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["completeness", "timeline"]


def timeline(exposures: pd.DataFrame, shot_id: int, ax: Axes | None = None) -> Axes:
    """Draw one shot camera by camera: release, first news of the photo, file on disk.

    What the host heard, not what the shutters did: between release and first news lie the command, the shutter lag, the
    exposure and the first part of the transfer.

    Parameters
    ----------
    exposures : pandas.DataFrame
        The ``exposures`` table, of one or more shots.
    shot_id : int
        The shot to draw.
    ax : matplotlib.axes.Axes or None
        Where to draw; None: a figure of its own, as tall as its cameras need.

    Returns
    -------
    matplotlib.axes.Axes
        x in seconds after the release on the host's monotonic clock, one row per expected camera. With nothing to draw,
        a sentence that says why.
    """
    table = exposures.reset_index()
    table = table[table["shot_id"] == shot_id]
    cameras = cameras_of(table)
    n = len(cameras)
    if ax is None:
        ax = own_axes(8 if ROW_IN * n <= ROWS_IN else 9.5, 1.5 + min(max(ROW_IN * n, 1.6), ROWS_IN))
    pose = next((text for value in table["pose"].tolist() if (text := clean(value, 24))), "")
    title = f"Shot {shot_id}" + (f" {pose}" if pose else "")
    if not n:
        return nothing(
            ax, title, f"Nothing to draw: no camera was expected in shot {shot_id}, or there is no such shot.", table
        )

    place = {camera.key: row for row, camera in enumerate(cameras)}
    rows = np.array([place[str(key)] for key in table["camera_key"].tolist()], dtype=float)
    heard, stored = numbers(table, "arrival_s"), numbers(table, "on_disk_s")
    status, cause = table["status"].astype(object).to_numpy(), table["cause"].astype(object).to_numpy()
    missing, waiting = status == "missing", status == "waiting"
    here, on_disk = np.isfinite(heard) & ~missing, np.isfinite(stored) & ~missing
    exposed = ~missing & ~waiting
    title += f": {int(exposed.sum())} of {n} exposed, {int(on_disk.sum())} of {n} on disk"
    if not (here | on_disk).any():
        yet = "" if not waiting.any() else " yet"
        why = ", ".join(f"{clean(word, 24)} ({count})" for word, count in Counter(cause[missing]).most_common(4))
        text = f"Nothing to draw{yet}: of {n} expected cameras, no photo was heard of{yet}."
        return nothing(ax, title, text + (f"\nMissing: {why}" if why else ""), table)

    end = float(np.nanmax(np.concatenate([heard[here], stored[on_disk]]))) * 1.03 or 1.0
    begun = np.where(here, heard, 0.0)
    failed = exposed & ~on_disk & (cause == "download_failed")
    pending = exposed & ~on_disk & here & ~failed
    entries: list[tuple[Any, str]] = []
    for chosen, start, stop, label, style in (
        (here, 0.0, heard, "release to first news of the photo", {"facecolor": SKY}),
        (on_disk, begun, stored, "to file on disk", {"facecolor": BLUE}),
        (pending, begun, end, "file not on disk yet", {"facecolor": PALE_GREY, "edgecolor": GREY, "hatch": "...."}),
        (failed, begun, end, "download failed", {"facecolor": PALE_ORANGE, "edgecolor": ORANGE, "hatch": r"\\\\"}),
        (waiting, 0.0, end, "waiting for first news", {"facecolor": PALE_GREY}),
        (missing, 0.0, end, "missing", {"facecolor": PALE_WARNING, "edgecolor": WARNING, "hatch": "////"}),
    ):
        if chosen.any():
            ends = [np.broadcast_to(edge, len(rows))[chosen] for edge in (start, stop)]
            entries.append((bars(ax, rows[chosen], ends[0], ends[1], label, linewidth=0, **style), label))
    asked = (status == "recovered") & here
    if asked.any():
        found = ax.plot(heard[asked], rows[asked], "D", markersize=4, markerfacecolor="white", markeredgecolor="black")
        entries.append((found[0], "found by asking, its event was not heard"))

    bad = missing | failed
    camera_axis(ax, cameras, (int(row) for row in rows[bad]))
    details = table["detail"].tolist()
    notes = {}
    for index in np.flatnonzero(bad):
        why, more = clean(cause[index], 24), clean(details[index], 24)
        said = f"missing: {why}" if missing[index] else why
        notes[int(rows[index])] = (said + (f" ({more})" if more else ""), bool(missing[index]))
    row_notes(ax, cameras, notes)
    ax.set_xlim(0, end)
    ax.set_xlabel("seconds after release (host clock)", fontsize=LABEL_PT)
    head(ax, title, table, entries, columns=3)
    ax.axvline(0, color="black", linewidth=1)
    ax.grid(axis="x", linewidth=0.4, alpha=0.4)
    ax.set_axisbelow(True)
    return ax


#: Status -> what the legend says, colour of the cell, marker, colour of the marker.
_LOOKS = {
    "captured": ("captured", PALE_BLUE, "", ""),
    "recovered": ("recovered: found by asking", SKY, "D", "black"),
    "missing": ("missing", WARNING, "x", "black"),
    "waiting": ("waiting", PALE_GREY, ".", "black"),
}


def completeness(exposures: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw which camera delivered in which shot.

    Parameters
    ----------
    exposures : pandas.DataFrame
        The ``exposures`` table.
    ax : matplotlib.axes.Axes or None
        Where to draw; None: a figure of its own.

    Returns
    -------
    matplotlib.axes.Axes
        One row per camera, one column per shot, coloured by status; what is missing also carries a cross, and its
        camera and shot are named in the warning colour. An empty cell: the camera was not expected in that shot.
    """
    from matplotlib.colors import ListedColormap, to_rgba
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    table = exposures.reset_index()
    cameras = cameras_of(table)
    shots = sorted({int(shot) for shot in table["shot_id"].dropna().tolist()})
    n, k = len(cameras), len(shots)
    if ax is None:
        named_in = 0.08 * max((len(camera.label) for camera in cameras), default=0)
        ax = own_axes(
            min(max(1.9 + named_in + 0.4 * k, 5.2 + named_in), 9.5), 1.7 + min(max(0.8 * ROW_IN * n, 1.4), ROWS_IN)
        )
    if not n or not k:
        return nothing(ax, "Completeness", "Nothing to draw: no shot yet.", table)

    place = {camera.key: row for row, camera in enumerate(cameras)}
    column_of = {shot: column for column, shot in enumerate(shots)}
    rows = np.array([place[str(key)] for key in table["camera_key"].tolist()])
    columns = np.array([column_of[int(shot)] for shot in table["shot_id"].tolist()])
    words = list(_LOOKS)
    codes = np.array([words.index(word) if word in _LOOKS else -1 for word in table["status"].tolist()])
    grid = np.full((n, k), -1)
    grid[rows, columns] = codes
    width_pt, height_pt = room_pt(ax)
    cell_pt = min(width_pt / k, height_pt / n)
    dense = cell_pt < 6
    ax.pcolormesh(
        np.arange(k + 1) - 0.5,
        np.arange(n + 1) - 0.5,
        np.ma.masked_less(grid, 0),
        cmap=ListedColormap([to_rgba(look[1]) for look in _LOOKS.values()]),
        vmin=-0.5,
        vmax=len(words) - 0.5,
        edgecolors="none" if dense else ax.get_facecolor(),
        linewidth=0 if dense else 1.0,
    )
    if dense:  # lines between low rows would outshine the rows
        ax.vlines(np.arange(1, k) - 0.5, -0.5, n - 0.5, color=ax.get_facecolor(), linewidth=0.8)
    entries: list[tuple[Any, str]] = []
    for code, (label, colour, marker, marker_colour) in enumerate(_LOOKS.values()):
        y, x = np.nonzero(grid == code)
        if not len(x):
            continue
        if marker:
            # Not smaller than can be seen: a single missing camera among 6000 cells is what the plot is for.
            size = float(np.clip(cell_pt * 0.55, 4, 7))
            ax.scatter(x, y, s=size**2, marker=marker, color=marker_colour, linewidths=max(0.7, size / 5), zorder=3)
            glyph = Line2D([], [], linestyle="none", marker=marker, color=marker_colour, markersize=4)
            entries.append(((Patch(facecolor=colour), glyph), label))
        else:
            entries.append((Patch(facecolor=colour), label))

    lost = np.argwhere(grid == words.index("missing"))
    camera_axis(ax, cameras, (int(row) for row in lost[:, 0]))
    ax.set_xlim(-0.5, k - 0.5)
    shot_axis(ax, table, shots, {int(column) for column in lost[:, 1]}, width_pt)
    done = int(((grid == words.index("captured")) | (grid == words.index("recovered"))).sum())
    head(ax, f"Completeness: {done} of {int((grid >= 0).sum())} expected exposures", table, entries, columns=4)
    return ax
