"""Cameras and shots as rows and columns: order, labels that never touch, notes in or beside their rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rigkit.plots.drawing import (
    DARK_GREY,
    DARK_WARNING,
    LABEL_PT,
    NOTE_PT,
    PALE_WARNING,
    WARNING,
    apart,
    clean,
    room_pt,
    spaced,
)
from rigkit.record.tables import natural

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = [
    "Camera",
    "Places",
    "bars",
    "camera_axis",
    "cameras_of",
    "cells",
    "group_marks",
    "group_of",
    "in_groups",
    "places_of",
    "row_notes",
    "shot_axis",
]


class Camera(NamedTuple):
    """One row: the camera's key, and what it is called on the axis."""

    key: str
    label: str


def cameras_of(table: pd.DataFrame) -> list[Camera]:
    """Name every camera of a table once, in natural order; two at one position also show the end of their key."""
    named: dict[str, str] = {}
    for key, position in zip(table["camera_key"].tolist(), table["position"].tolist(), strict=True):
        named[str(key)] = str(position) if isinstance(position, str) else ""
    order = sorted(named, key=lambda key: (natural(named[key] or key), key))
    labels = [clean(named[key]) or clean(key) for key in order]
    shared = {label for label in labels if labels.count(label) > 1} if len(set(labels)) < len(labels) else set()
    return [
        Camera(key, f"{label} (…{clean(key[-4:])})" if label in shared else label)
        for key, label in zip(order, labels, strict=True)
    ]


def camera_axis(ax: Axes, cameras: Sequence[Camera], flagged: Iterable[int]) -> None:
    """Rows top to bottom in the order of the cameras, labels thinned, the flagged rows in the warning colour."""
    n, flagged = len(cameras), set(flagged)
    shown = spaced(n, room_pt(ax)[1], LABEL_PT * 1.15, sorted(flagged))
    ax.set_yticks(shown, [cameras[index].label for index in shown])
    ax.set_ylim(n - 0.4, -0.6)
    ax.set_ylabel("camera position", fontsize=LABEL_PT)
    ax.tick_params(axis="y", length=2)
    for index, text in zip(shown, ax.get_yticklabels(), strict=True):
        if index in flagged:
            text.set_color(WARNING)
            text.set_fontweight("bold")


def row_notes(ax: Axes, cameras: Sequence[Camera], notes: dict[int, tuple[str, bool]], *, beside: bool = False) -> None:
    """Write notes (text, whether the row is free) into their rows, or beside them: if asked, or rows are lower than letters."""
    high_pt = room_pt(ax)[1]
    style: dict[str, Any] = {"transform": ax.get_yaxis_transform(), "va": "center", "fontsize": NOTE_PT}
    if not beside and high_pt / len(cameras) >= NOTE_PT * 1.25:
        for row, (text, free) in notes.items():
            box = {"facecolor": PALE_WARNING, "edgecolor": "none", "pad": 1}
            x, side = (0.01, "left") if free else (0.99, "right")
            ax.text(x, row, text, ha=side, color=DARK_WARNING, fontweight="bold", bbox=box, **style)
        return
    # A failed hub takes neighbours along: they share one note.
    runs: list[tuple[int, int, str]] = []
    for row in sorted(notes):
        text = notes[row][0].removeprefix("missing: ")
        if runs and runs[-1][1] == row - 1 and runs[-1][2] == text:
            runs[-1] = (runs[-1][0], row, text)
        else:
            runs.append((row, row, text))
    middles = {(first + last) // 2: (first, last, text) for first, last, text in runs}
    for row in spaced(len(cameras), high_pt, NOTE_PT * 1.25, sorted(middles)):
        if row in middles:
            first, last, text = middles[row]
            who = cameras[first].label + (f"–{cameras[last].label}" if last > first else "")
            ax.text(1.01, (first + last) / 2, f"{who} {text}", color=WARNING, fontweight="bold", **style)


def shot_axis(ax: Axes, table: pd.DataFrame, shots: Sequence[int], flagged: set[int], wide_pt: float) -> None:
    """Columns by number and pose; upright while there is room for it."""
    poses = dict(zip(table["shot_id"].tolist(), table["pose"].tolist(), strict=True))
    labels = [f"{shot} {clean(poses.get(shot), 14)}".strip() for shot in shots]
    flat = max(map(len, labels)) * LABEL_PT * 0.62 <= wide_pt / len(shots)
    shown = range(len(shots)) if flat else spaced(len(shots), wide_pt, LABEL_PT * 1.2, sorted(flagged))
    ax.set_xticks(list(shown), [labels[index] for index in shown], rotation=0 if flat else 90)
    ax.tick_params(axis="x", length=2)
    for index, text in zip(shown, ax.get_xticklabels(), strict=True):
        if index in flagged:
            text.set_color(WARNING)
            text.set_fontweight("bold")
    ax.set_xlabel("shot (number and pose)", fontsize=LABEL_PT)


def bars(
    ax: Axes, rows: NDArray[Any], start: NDArray[Any] | float, end: NDArray[Any] | float, label: str, **style: Any
) -> Any:
    """Horizontal bars as one collection, however many: rows and two x (s)."""
    from matplotlib.collections import PolyCollection

    left, right, low, high = np.broadcast_arrays(start, end, rows - 0.38, rows + 0.38)
    corners = np.stack([np.stack([left, right, right, left], -1), np.stack([low, low, high, high], -1)], -1)
    shapes: Any = corners.astype(
        float
    )  # an array, not a list of arrays: matplotlib makes the paths of it several times as fast
    drawn = PolyCollection(shapes, label=label, **style)
    ax.add_collection(drawn, autolim=False)
    return drawn


def cells(ax: Axes, rows: NDArray[Any], columns: NDArray[Any], label: str, **style: Any) -> Any:
    """Cells of a grid as one collection: each one unit wide and high about its row and column."""
    from matplotlib.collections import PolyCollection

    corners = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])
    places = np.stack([columns, rows], -1).astype(float)
    shapes: Any = places[:, None, :] + corners
    drawn = PolyCollection(shapes, label=label, **style)
    ax.add_collection(drawn, autolim=False)
    return drawn


class Places(NamedTuple):
    """Where each row of a table of exposures stands in a grid of cameras (down) and shots (across).

    Attributes
    ----------
    cameras : list of Camera
        N of them, in the order of the rows.
    shots : list of int
        K of them, ascending.
    rows, columns : numpy.ndarray
        int64, one per row of the table.
    """

    cameras: list[Camera]
    shots: list[int]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]

    def dense(self, values: NDArray[Any], empty: Any) -> NDArray[Any]:
        """Lay out one value per row of the table as (N, K); ``empty`` where the table has no row."""
        grid = np.full((len(self.cameras), len(self.shots)), empty, dtype=np.asarray(values).dtype)
        grid[self.rows, self.columns] = values
        return grid


def places_of(table: pd.DataFrame, cameras: list[Camera] | None = None) -> Places:
    """Find the place of each exposure; ``cameras`` None: all of the table, in natural order."""
    cameras = cameras_of(table) if cameras is None else cameras
    shots = sorted({int(shot) for shot in table["shot_id"].dropna().tolist()})
    row_of = {camera.key: row for row, camera in enumerate(cameras)}
    column_of = {shot: column for column, shot in enumerate(shots)}
    rows = np.array([row_of[str(key)] for key in table["camera_key"].tolist()], dtype=np.int64)
    columns = np.array([column_of[int(shot)] for shot in table["shot_id"].tolist()], dtype=np.int64)
    return Places(cameras, shots, rows, columns)


def group_of(groups: Mapping[Any, Any] | pd.Series | None, key: str) -> str:
    """Look up the group of a camera; empty: none is given for it."""
    return "" if groups is None else clean(groups.get(key), 14)


def in_groups(cameras: Sequence[Camera], groups: Mapping[Any, Any] | pd.Series | None) -> list[Camera]:
    """Bring the cameras of a group together, groups in natural order, who has none last."""
    named = {camera.key: group_of(groups, camera.key) for camera in cameras}
    return sorted(cameras, key=lambda camera: (not named[camera.key], natural(named[camera.key])))


def group_marks(ax: Axes, cameras: Sequence[Camera], groups: Mapping[Any, Any] | pd.Series | None) -> None:
    """Draw lines between groups of rows and name the groups beside them."""
    named = [group_of(groups, camera.key) for camera in cameras]
    starts = [row for row in range(len(named)) if not row or named[row] != named[row - 1]]
    ends = [*starts[1:], len(named)]
    ax.hlines([row - 0.5 for row in starts[1:]], 0, 1, transform=ax.get_yaxis_transform(), color="black", linewidth=0.9)
    middles = [(start + end - 1) / 2 for start, end in zip(starts, ends, strict=True)]
    least = NOTE_PT * 1.2 * len(named) / max(room_pt(ax)[1], 1.0)
    placed = apart(np.array(middles), least, -0.5, len(named) - 0.5)
    for start, y in zip(starts, placed, strict=True):
        name = named[start] or "no group"
        ax.text(1.01, y, name, transform=ax.get_yaxis_transform(), va="center", fontsize=NOTE_PT, color=DARK_GREY)
