"""Plots of the record: tables in, matplotlib Axes out.

Every function takes a table of ``rigkit.record.columns`` and an optional ``ax``. Without one it makes a figure of its
own, sized for the number of cameras and free of pyplot's global state: ``timeline(...).figure`` is the figure and
``png()`` makes its picture. The colours are Okabe and Ito's, safe for colour-blind readers; what matters is never told
by colour alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rigkit.record.tables import natural

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = ["arrivals", "completeness", "png", "timeline"]

# Okabe and Ito (2008), "Color Universal Design"; the pale tones are the same hues towards white.
BLUE, SKY, ORANGE, WARNING, DARK_WARNING, GREY = "#0072B2", "#56B4E9", "#E69F00", "#D55E00", "#8C3D00", "#7A7A7A"
PALE_BLUE, PALE_ORANGE, PALE_WARNING, PALE_GREY = "#B5D7EC", "#FBE6BC", "#F9DCCB", "#E8E8E8"

LABEL_PT, NOTE_PT = 8.0, 7.5
#: Height of a row (a camera), in inches: generous for few cameras, and 200 of them still fit a printed page.
ROW_IN, ROWS_IN = 0.2, 9.0


class _Camera(NamedTuple):
    key: str
    label: str


def _clean(value: Any, most: int = 18) -> str:
    """Text from outside, safe to draw: one line, no control characters, no mathtext, at most ``most`` characters."""
    import pandas as pd

    text = "" if pd.isna(value) else str(value)
    text = "".join(char if char.isprintable() else " " for char in text[: most + 1]).strip()
    return (text if len(text) <= most else text[: most - 1] + "…").replace("$", r"\$")


def _cameras(table: pd.DataFrame) -> list[_Camera]:
    """Name every camera of a table once, in natural order; two at one position also show the end of their key."""
    named: dict[str, str] = {}
    for key, position in zip(table["camera_key"].tolist(), table["position"].tolist(), strict=True):
        named[str(key)] = str(position) if isinstance(position, str) else ""
    order = sorted(named, key=lambda key: (natural(named[key] or key), key))
    labels = [_clean(named[key]) or _clean(key) for key in order]
    shared = {label for label in labels if labels.count(label) > 1} if len(set(labels)) < len(labels) else set()
    return [
        _Camera(key, f"{label} (…{_clean(key[-4:])})" if label in shared else label)
        for key, label in zip(order, labels, strict=True)
    ]


def _numbers(table: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """Return a column as floats, ``<NA>`` as NaN."""
    return np.asarray(table[column].to_numpy(dtype=float, na_value=np.nan), dtype=np.float64)


def _own_axes(width_in: float, height_in: float) -> Axes:
    """Axes in a figure of their own, without pyplot (which would keep the figure alive and may want a window)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    return figure.add_subplot()


def _room_pt(ax: Axes) -> tuple[float, float]:
    """Width and height of the Axes in points, near enough before the layout is settled."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    box = ax.get_position()
    width_in, height_in = figure.get_size_inches()
    return float(box.width * width_in * 72), float(box.height * height_in * 72)


def _nothing(ax: Axes, title: str, text: str, table: pd.DataFrame) -> Axes:
    """Say in words why there is nothing to see."""
    _head(ax, title, table, (), columns=1)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes, color=GREY, fontsize=10, wrap=True)
    return ax


def _head(ax: Axes, title: str, table: pd.DataFrame, entries: Sequence[tuple[Any, str]], columns: int) -> None:
    """Title, the word *simulated* where it applies, and between title and data a legend of (handle, label)."""
    pad = 6 + 13 * -(-len(entries) // columns)
    ax.set_title(title, loc="left", fontsize=10, fontweight="bold", pad=pad)
    simulated = table["simulated"].fillna(False).astype(bool)
    if simulated.any():
        note = "simulated" if simulated.all() else "partly simulated"
        ax.set_title(note, loc="right", fontsize=NOTE_PT, style="italic", color=GREY, pad=pad)
    if entries:
        ax.legend(
            *zip(*entries, strict=True),
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=columns,
            frameon=False,
            fontsize=NOTE_PT,
            borderaxespad=0.2,
            borderpad=0.1,
            handlelength=1.6,
            columnspacing=1.4,
        )
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=LABEL_PT)


def _spaced(n: int, room_pt: float, each_pt: float, first: Iterable[int]) -> list[int]:
    """Choose the indices to label so that no two labels touch; those in ``first`` are chosen before the others."""
    apart = max(1, int(np.ceil(n * each_pt / max(room_pt, 1.0))))
    taken = np.zeros(n, dtype=bool)
    chosen: list[int] = []
    for index in [*first, *range(0, n, apart)]:
        if not taken[max(0, index - apart + 1) : index + apart].any():
            taken[index] = True
            chosen.append(index)
    return sorted(chosen)


def _camera_axis(ax: Axes, cameras: Sequence[_Camera], flagged: Iterable[int]) -> None:
    """Rows top to bottom in the order of the cameras, labels thinned, the flagged rows in the warning colour."""
    n, flagged = len(cameras), set(flagged)
    shown = _spaced(n, _room_pt(ax)[1], LABEL_PT * 1.15, sorted(flagged))
    ax.set_yticks(shown, [cameras[index].label for index in shown])
    ax.set_ylim(n - 0.4, -0.6)
    ax.set_ylabel("camera position", fontsize=LABEL_PT)
    ax.tick_params(axis="y", length=2)
    for index, text in zip(shown, ax.get_yticklabels(), strict=True):
        if index in flagged:
            text.set_color(WARNING)
            text.set_fontweight("bold")


def _bars(
    ax: Axes, rows: NDArray[Any], start: NDArray[Any] | float, end: NDArray[Any] | float, label: str, **style: Any
) -> Any:
    """Horizontal bars as one collection, however many: rows and two x (s)."""
    from matplotlib.collections import PolyCollection

    left, right, low, high = np.broadcast_arrays(start, end, rows - 0.38, rows + 0.38)
    corners = np.stack([np.stack([left, right, right, left], -1), np.stack([low, low, high, high], -1)], -1)
    bars = PolyCollection(list(corners.astype(float)), label=label, **style)
    ax.add_collection(bars, autolim=False)
    return bars


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
    cameras = _cameras(table)
    n = len(cameras)
    if ax is None:
        ax = _own_axes(8 if ROW_IN * n <= ROWS_IN else 9.5, 1.5 + min(max(ROW_IN * n, 1.6), ROWS_IN))
    pose = next((text for value in table["pose"].tolist() if (text := _clean(value, 24))), "")
    title = f"Shot {shot_id}" + (f" {pose}" if pose else "")
    if not n:
        return _nothing(
            ax, title, f"Nothing to draw: no camera was expected in shot {shot_id}, or there is no such shot.", table
        )

    place = {camera.key: row for row, camera in enumerate(cameras)}
    rows = np.array([place[str(key)] for key in table["camera_key"].tolist()], dtype=float)
    heard, stored = _numbers(table, "arrival_s"), _numbers(table, "on_disk_s")
    status, cause = table["status"].astype(object).to_numpy(), table["cause"].astype(object).to_numpy()
    missing, waiting = status == "missing", status == "waiting"
    here, on_disk = np.isfinite(heard) & ~missing, np.isfinite(stored) & ~missing
    exposed = ~missing & ~waiting
    title += f": {int(exposed.sum())} of {n} exposed, {int(on_disk.sum())} of {n} on disk"
    if not (here | on_disk).any():
        yet = "" if not waiting.any() else " yet"
        why = ", ".join(f"{_clean(word, 24)} ({count})" for word, count in Counter(cause[missing]).most_common(4))
        text = f"Nothing to draw{yet}: of {n} expected cameras, no photo was heard of{yet}."
        return _nothing(ax, title, text + (f"\nMissing: {why}" if why else ""), table)

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
            entries.append((_bars(ax, rows[chosen], ends[0], ends[1], label, linewidth=0, **style), label))
    asked = (status == "recovered") & here
    if asked.any():
        found = ax.plot(heard[asked], rows[asked], "D", markersize=4, markerfacecolor="white", markeredgecolor="black")
        entries.append((found[0], "found by asking, its event was not heard"))

    bad = missing | failed
    _camera_axis(ax, cameras, (int(row) for row in rows[bad]))
    details = table["detail"].tolist()
    notes = {}
    for index in np.flatnonzero(bad):
        why, more = _clean(cause[index], 24), _clean(details[index], 24)
        said = f"missing: {why}" if missing[index] else why
        notes[int(rows[index])] = (said + (f" ({more})" if more else ""), bool(missing[index]))
    _row_notes(ax, cameras, notes)
    ax.set_xlim(0, end)
    ax.set_xlabel("seconds after release (host clock)", fontsize=LABEL_PT)
    _head(ax, title, table, entries, columns=3)
    ax.axvline(0, color="black", linewidth=1)
    ax.grid(axis="x", linewidth=0.4, alpha=0.4)
    ax.set_axisbelow(True)
    return ax


def _row_notes(ax: Axes, cameras: Sequence[_Camera], notes: dict[int, tuple[str, bool]]) -> None:
    """Write notes (text, whether the row is free) into their rows, or beside them where rows are lower than letters."""
    room_pt = _room_pt(ax)[1]
    style: dict[str, Any] = {"transform": ax.get_yaxis_transform(), "va": "center", "fontsize": NOTE_PT}
    if room_pt / len(cameras) >= NOTE_PT * 1.25:
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
    for row in _spaced(len(cameras), room_pt, NOTE_PT * 1.25, sorted(middles)):
        if row in middles:
            first, last, text = middles[row]
            who = cameras[first].label + (f"–{cameras[last].label}" if last > first else "")
            ax.text(1.01, (first + last) / 2, f"{who} {text}", color=WARNING, fontweight="bold", **style)


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
    cameras = _cameras(table)
    shots = sorted({int(shot) for shot in table["shot_id"].dropna().tolist()})
    n, k = len(cameras), len(shots)
    if ax is None:
        named_in = 0.08 * max((len(camera.label) for camera in cameras), default=0)
        ax = _own_axes(
            min(max(1.9 + named_in + 0.4 * k, 5.2 + named_in), 9.5), 1.7 + min(max(0.8 * ROW_IN * n, 1.4), ROWS_IN)
        )
    if not n or not k:
        return _nothing(ax, "Completeness", "Nothing to draw: no shot yet.", table)

    place = {camera.key: row for row, camera in enumerate(cameras)}
    column_of = {shot: column for column, shot in enumerate(shots)}
    rows = np.array([place[str(key)] for key in table["camera_key"].tolist()])
    columns = np.array([column_of[int(shot)] for shot in table["shot_id"].tolist()])
    words = list(_LOOKS)
    codes = np.array([words.index(word) if word in _LOOKS else -1 for word in table["status"].tolist()])
    grid = np.full((n, k), -1)
    grid[rows, columns] = codes
    width_pt, height_pt = _room_pt(ax)
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
    _camera_axis(ax, cameras, (int(row) for row in lost[:, 0]))
    ax.set_xlim(-0.5, k - 0.5)
    _shot_axis(ax, table, shots, {int(column) for column in lost[:, 1]}, width_pt)
    done = int(((grid == words.index("captured")) | (grid == words.index("recovered"))).sum())
    _head(ax, f"Completeness: {done} of {int((grid >= 0).sum())} expected exposures", table, entries, columns=4)
    return ax


def _shot_axis(ax: Axes, table: pd.DataFrame, shots: Sequence[int], flagged: set[int], room_pt: float) -> None:
    """Columns by number and pose; upright while there is room for it."""
    poses = dict(zip(table["shot_id"].tolist(), table["pose"].tolist(), strict=True))
    labels = [f"{shot} {_clean(poses.get(shot), 14)}".strip() for shot in shots]
    flat = max(map(len, labels)) * LABEL_PT * 0.62 <= room_pt / len(shots)
    shown = range(len(shots)) if flat else _spaced(len(shots), room_pt, LABEL_PT * 1.2, sorted(flagged))
    ax.set_xticks(list(shown), [labels[index] for index in shown], rotation=0 if flat else 90)
    ax.tick_params(axis="x", length=2)
    for index, text in zip(shown, ax.get_xticklabels(), strict=True):
        if index in flagged:
            text.set_color(WARNING)
            text.set_fontweight("bold")
    ax.set_xlabel("shot (number and pose)", fontsize=LABEL_PT)


def arrivals(exposures: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how long after the release the host heard of each photo, and of its file on disk.

    The empirical distribution over all expected exposures: a curve that ends below 100 % tells how many never came. It
    is *not* the skew of the shutters, which nothing here observes (evidence: host arrival).

    Parameters
    ----------
    exposures : pandas.DataFrame
        The ``exposures`` table, of one or more shots.
    ax : matplotlib.axes.Axes or None
        Where to draw; None: a figure of its own.

    Returns
    -------
    matplotlib.axes.Axes
        x in seconds after the release on the host's monotonic clock (logarithmic where the values span more than a
        factor of 30), y in percent of the expected exposures.
    """
    if ax is None:
        ax = _own_axes(8, 4)
    table = exposures.reset_index()
    title = "Arrival at the host, not the shutter (evidence: host arrival)"
    expected = len(table)
    gone = (table["status"].astype(object) == "missing").to_numpy(dtype=bool)
    curves = []
    for column, label, colour, dash in (
        ("arrival_s", "first news of the photo", SKY, "-"),
        ("on_disk_s", "file on disk", BLUE, "--"),
    ):
        values = _numbers(table, column)
        values = np.sort(values[np.isfinite(values) & ~gone])
        if len(values):
            curves.append((values, label, colour, dash))
    if not curves:
        why = f"of {expected} expected exposures, none was heard of." if expected else "no shot yet."
        return _nothing(ax, title, f"Nothing to draw: {why}", table)

    entries: list[tuple[Any, str]] = []
    for values, label, colour, dash in curves:
        median, late = np.quantile(values, [0.5, 0.95])
        told = f"{label}: n = {len(values)} of {expected}, median {median:.2f} s, P95 {late:.2f} s"
        share = np.arange(1, len(values) + 1) / expected * 100
        x, y = np.r_[values[0], values], np.r_[0.0, share]
        line = ax.plot(x, y, drawstyle="steps-post", color=colour, linestyle=dash, linewidth=1.8)[0]
        entries.append((line, told))
        ax.plot(median, share[len(values) // 2], marker="o", color=colour, markersize=5, linestyle="none")
    low, high = min(curve[0][0] for curve in curves), max(curve[0][-1] for curve in curves)
    if low > 0 and high / low > 30:
        from matplotlib.ticker import FuncFormatter, NullFormatter

        ax.set_xscale("log")
        ax.set_xlim(low / 1.3, high * 1.3)
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
    else:
        ax.set_xlim(0, high * 1.04 or 1.0)
    ax.set_ylim(0, 103)
    ax.set_xlabel("seconds after release (host clock)", fontsize=LABEL_PT)
    ax.set_ylabel("share of expected exposures (%)", fontsize=LABEL_PT)
    ax.grid(linewidth=0.4, alpha=0.4)
    _head(ax, title, table, entries, columns=1)
    return ax


def png(drawn: Axes | Figure, width_in: float | None = None, height_in: float | None = None, dpi: int = 120) -> bytes:
    """Render Axes or a figure as a PNG.

    Parameters
    ----------
    drawn : matplotlib.axes.Axes or matplotlib.figure.Figure
        What to render; of Axes, the whole figure they are in.
    width_in, height_in : float or None
        Size in inches; None: as the figure is. The figure itself keeps its size.
    dpi : int
        Pixels per inch.
    """
    from io import BytesIO

    from matplotlib.figure import Figure

    figure = drawn if isinstance(drawn, Figure) else drawn.get_figure(root=True)
    assert isinstance(figure, Figure)
    size, buffer = figure.get_size_inches().copy(), BytesIO()
    try:
        figure.set_size_inches(width_in or size[0], height_in or size[1])
        figure.savefig(buffer, format="png", dpi=dpi)
    finally:
        figure.set_size_inches(*size)
    return buffer.getvalue()
