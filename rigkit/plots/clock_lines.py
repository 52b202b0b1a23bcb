"""What the cameras' clocks do over a session: drift as lines, steps as marks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rigkit.plots.basis import basis, plural
from rigkit.plots.drawing import (
    COLOURS,
    DASHES,
    LABEL_PT,
    NOTE_PT,
    apart,
    head,
    nothing,
    numbers,
    own_axes,
    room_pt,
)
from rigkit.plots.rows import Places, places_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = ["clocks"]

#: Stamps of fewer cameras give no rig to compare with.
_FEWEST_CAMERAS = 4
#: Lines that are named; more labels would not be read.
_MOST_NAMED = 8
#: Drifts so many robust standard deviations from the median are named.
_UNUSUAL = 3.0
_MAD_TO_SIGMA = 1.4826
_PALE = "#C4C4C4"


class _Epochs(NamedTuple):
    """What the clock table says, laid out for drawing: arrays of shape (N cameras, K shots), and the steps."""

    number: NDArray[np.int64]
    drift_ppm: NDArray[np.float64]
    steps: list[tuple[int, int, float]]  # camera, shot (column), size in s (NaN: not known)


def clocks(exposures: pd.DataFrame, clock: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how each camera's clock gains or loses against the rig: drift as a slope, steps taken out and marked.

    Each line is what the camera's stamps differ from those of the rig (the median over the cameras, shot by shot), from its own
    difference at the first shot on. A step of seconds would hide drifts of milliseconds, so it is taken out, marked, and told in words.

    Parameters
    ----------
    exposures : pandas.DataFrame
        The ``exposures`` table of one session.
    clock : pandas.DataFrame
        The ``clock`` table of it: epochs, steps and drifts. Empty: lines without fits.
    ax : matplotlib.axes.Axes or None
        Where to draw; None: a figure of its own.

    Returns
    -------
    matplotlib.axes.Axes
        x in minutes since the first shot on the host's wall clock (of a simulator that does not run at its natural pace: on the
        cameras' clocks, as drifts are against those), y in ms, positive: the clock gained. Cameras whose clocks stepped or
        whose drifts are unlike the others' are drawn in colour and named (up to 8; of up to 8 cameras all are), the others are pale.
        Without comparable stamps of 4 cameras and 2 shots, a sentence that says so.
    """
    table = exposures.reset_index()
    if ax is None:
        ax = own_axes(8.5, 4.6)
    title = "Clocks against the rig"
    where = places_of(table)
    stamps = where.dense(_stamp_seconds(table), np.nan)
    offsets, minutes = _against_the_rig(stamps), _minutes(table, where)
    rate = _rate(stamps, minutes)
    minutes = minutes * rate
    told = np.isfinite(offsets) & np.isfinite(minutes)
    if (told.sum(axis=1) >= 2).sum() < _FEWEST_CAMERAS:
        why = (
            f"it takes comparable stamps of {_FEWEST_CAMERAS} cameras in at least 2 shots"
            if len(table)
            else "no shot yet"
        )
        return nothing(
            ax,
            title,
            f"Nothing to draw: {why}. A stamp of the host, or none, tells nothing about a camera's clock.",
            table,
        )

    epochs = _epochs(clock.reset_index(), where)
    gained = _gained_ms(offsets, minutes, epochs)
    entries, named = _draw(ax, where, gained, minutes, epochs)
    whose = "host wall clock" if rate == 1 else f"the cameras' clocks, which run {rate:.3g} times as fast as the host's"
    ax.set_xlabel(f"minutes since the first shot ({whose})", fontsize=LABEL_PT)
    ax.set_ylabel("gained since the first shot (ms, + = fast)", fontsize=LABEL_PT)
    ax.grid(linewidth=0.4, alpha=0.4)
    ax.set_axisbelow(True)
    _end_labels(ax, where, gained, minutes, epochs, named)
    drawn = int((told.sum(axis=1) >= 2).sum())
    methods = sorted(set(clock["method"].dropna().astype(str).tolist()))
    rests = table[np.isfinite(_stamp_seconds(table))]
    about = f"n = {int(told.sum())} stamps of {plural(drawn, 'camera')}; {basis(rests)}"
    about += f"; drift by {', '.join(methods)}" if methods else "; no drift is estimated"
    about += "; shutter lag that changes looks the same"
    title += f": {plural(len(epochs.steps), 'step')}" if epochs.steps else ": no step"
    drift = epochs.drift_ppm[np.isfinite(epochs.drift_ppm)]
    title += f", drift {drift.min():+.1f} to {drift.max():+.1f} ppm" if len(drift) else ""
    head(ax, title, table, entries, columns=4, about=about)
    return ax


def _stamp_seconds(table: pd.DataFrame) -> NDArray[np.float64]:
    """Seconds of the stamp each row rests on, since the earliest; NaN: none that a camera made."""
    source = table["stamp"].astype(object).to_numpy()
    exif = table["t_exif"].to_numpy(dtype="datetime64[us]")
    told = table["date_captured"].to_numpy(dtype="datetime64[us]")
    stamps = np.where(source == "date_captured", told, exif)
    known = ~np.isnat(stamps) & ~table["stamp"].isna().to_numpy(dtype=bool)
    seconds = np.full(len(table), np.nan)
    if known.any():
        seconds[known] = (stamps[known] - stamps[known].min()).astype(float) / 1e6
    return seconds


def _medians(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Median without NaN; NaN, and no warning, where there is nothing."""
    ordered = np.sort(np.moveaxis(values, axis, -1), axis=-1)
    n = np.isfinite(ordered).sum(axis=-1)
    picked = [
        np.take_along_axis(ordered, np.maximum(place, 0)[..., None], -1)[..., 0] for place in ((n - 1) // 2, n // 2)
    ]
    return np.where(n > 0, (picked[0] + picked[1]) / 2, np.nan)


def _against_the_rig(stamps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Offsets (s) to the rig, shape (N, K): less the shot's median, freed from who happens to be missing in a shot."""
    enough = np.isfinite(stamps).sum(axis=0) >= _FEWEST_CAMERAS
    offsets = np.where(enough, stamps - _medians(stamps, 0), np.nan)
    usual = _medians(offsets, 1)
    rest: NDArray[np.float64] = offsets - _medians(offsets - usual[:, None], 0)
    return rest


def _minutes(table: pd.DataFrame, where: Places) -> NDArray[np.float64]:
    """Minutes of each shot since the first, shape (K,)."""
    wall = table["requested"].to_numpy(dtype="datetime64[us]")
    seconds = np.full(len(table), np.nan)
    known = ~np.isnat(wall)
    seconds[known] = wall[known].astype("int64") / 1e6
    times = _medians(where.dense(seconds, np.nan), 0) if len(table) else np.empty(0)
    return (times - np.nanmin(times)) / 60 if np.isfinite(times).any() else times


def _rate(stamps: NDArray[np.float64], minutes: NDArray[np.float64]) -> float:
    """Tell how fast the cameras' clocks run against the host's: 1, unless a simulator makes them run faster or slower.

    Clocks are off by some 10 ppm and releases wait for a moment here and there, so a factor below 1.5 is none. It must show both
    from shot to shot, which does not heed clocks that were set, and over all shots, which does not heed coarse stamps.
    """
    shots = np.flatnonzero(np.isfinite(minutes) & np.isfinite(stamps).any(axis=0))
    if len(shots) < 2:
        return 1.0
    stamps, host_s = stamps[:, shots], minutes[shots] * 60
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = _medians(np.diff(stamps, axis=1), 0) / np.diff(host_s)
        whole = _medians(stamps[:, -1:] - stamps[:, :1], 0) / (host_s[-1] - host_s[0])
    rates = [float(_medians(steps[None, :], 1)[0]), float(whole[0])]
    if not all(np.isfinite(rate) and rate > 0 for rate in rates):
        return 1.0
    rate = min(rates, key=lambda one: abs(np.log(one)))
    return rate if max(rate, 1 / rate) >= 1.5 else 1.0


def _epochs(clock: pd.DataFrame, where: Places) -> _Epochs:
    """Lay out the clock table by camera and shot."""
    shape = (len(where.cameras), len(where.shots))
    number, drift = np.zeros(shape, dtype=np.int64), np.full(shape, np.nan)
    row_of = {camera.key: row for row, camera in enumerate(where.cameras)}
    shots = np.array(where.shots)
    steps: list[tuple[int, int, float]] = []
    before: dict[int, float] = {}
    for key, begin, theta, ppm in sorted(
        zip(
            clock["camera_key"].astype(str).tolist(),
            numbers(clock, "step_at").tolist(),
            numbers(clock, "theta_s").tolist(),
            numbers(clock, "drift_ppm").tolist(),
            strict=True,
        ),
        key=lambda line: line[1] if np.isfinite(line[1]) else -np.inf,
    ):
        row = row_of.get(key)
        if row is None:
            continue
        since = shots >= begin if np.isfinite(begin) else np.ones(len(shots), dtype=bool)
        drift[row, since] = ppm
        if np.isfinite(begin) and since.any():
            number[row, since] += 1
            steps.append((row, int(np.argmax(since)), theta - before.get(row, np.nan)))
        before[row] = theta
    return _Epochs(number, drift, steps)


def _gained_ms(offsets: NDArray[np.float64], minutes: NDArray[np.float64], epochs: _Epochs) -> NDArray[np.float64]:
    """Tell what each clock gained since the first shot (ms): offsets less those each epoch began with, by its drift."""
    seconds = minutes * 60
    fitted = np.nan_to_num(epochs.drift_ppm) * 1e-6 * seconds
    gained = np.full(offsets.shape, np.nan)
    for number in range(int(epochs.number.max(initial=0)) + 1):
        within = np.where(epochs.number == number, offsets - fitted, np.nan)
        gained = np.where(epochs.number == number, offsets - _medians(within, 1)[:, None], gained)
    return gained * 1e3


def _draw(
    ax: Axes, where: Places, gained: NDArray[np.float64], minutes: NDArray[np.float64], epochs: _Epochs
) -> tuple[list[tuple[Any, str]], list[int]]:
    """Draw lines, fits and steps; return the legend and the rows that are named."""
    from matplotlib.collections import LineCollection

    named = _worth_naming(gained, epochs)
    entries: list[tuple[Any, str]] = []
    pale = [row for row in range(len(where.cameras)) if row not in named and np.isfinite(gained[row]).sum() >= 2]
    if pale:
        paths = [np.stack([minutes, gained[row]], -1)[np.isfinite(gained[row] + minutes)] for row in pale]
        lines = ax.add_collection(LineCollection(paths, colors=_PALE, linewidths=0.7, zorder=1), autolim=False)
        entries.append((lines, f"{len(pale)} other cameras"))
    fits: list[NDArray[Any]] = []
    for place, row in enumerate(named):
        seen = np.isfinite(gained[row] + minutes)
        ax.plot(minutes[seen], gained[row][seen], "o", color=COLOURS[place], markersize=2.5, zorder=3)
        ax.plot(
            minutes[seen], gained[row][seen], color=COLOURS[place], linestyle=DASHES[place], linewidth=1.2, zorder=3
        )
        for number in sorted(set(epochs.number[row].tolist())):
            inside = seen & (epochs.number[row] == number) & np.isfinite(epochs.drift_ppm[row])
            if inside.any():
                ends = minutes[inside][[0, -1]]
                fits.append(np.stack([ends, epochs.drift_ppm[row][inside][0] * ends * 60e-3], -1))
    if fits:
        line = ax.add_collection(LineCollection(fits, colors="black", linewidths=0.8, zorder=4), autolim=False)
        entries.append((line, "fitted drift"))
    marks = [
        (minutes[column], gained[row, column]) for row, column, _ in epochs.steps if np.isfinite(gained[row, column])
    ]
    if marks:
        x, y = zip(*marks, strict=True)
        step = ax.plot(x, y, "D", markersize=7, markerfacecolor="white", markeredgecolor="black", zorder=5)[0]
        entries.append((step, "clock step (taken out)"))
    values = gained[np.isfinite(gained)]
    low, high = np.quantile(values, [0.002, 0.998])
    keep = np.concatenate(
        [values[(values >= low) & (values <= high)], *(gained[row][np.isfinite(gained[row])] for row in named)]
    )
    margin = 0.06 * max(float(np.ptp(keep)), 1e-3)
    ax.set_ylim(float(keep.min()) - margin, float(keep.max()) + margin)
    ax.set_xlim(0, float(np.nanmax(minutes)) * 1.01 or 1.0)
    return entries, named


def _worth_naming(gained: NDArray[np.float64], epochs: _Epochs) -> list[int]:
    """Choose the rows to name: whose clock stepped, then whose drift is unlike the others', the furthest first."""
    drawn = np.isfinite(gained).sum(axis=1) >= 2
    stepped = sorted({row for row, _, _ in epochs.steps if drawn[row]})
    last = epochs.drift_ppm[:, -1]
    off = np.abs(last - np.median(last[np.isfinite(last)])) if np.isfinite(last).any() else np.full(len(last), np.nan)
    sigma = _MAD_TO_SIGMA * float(np.median(off[np.isfinite(off)])) if np.isfinite(off).any() else 0.0
    few = int(drawn.sum()) <= _MOST_NAMED
    order = np.argsort(-np.nan_to_num(off, nan=-1.0), kind="stable").tolist()
    unlike = [row for row in order if drawn[row] and (few or (sigma > 0 and off[row] > _UNUSUAL * sigma))]
    return [*stepped, *(row for row in unlike if row not in stepped)][:_MOST_NAMED]


def _end_labels(
    ax: Axes,
    where: Places,
    gained: NDArray[np.float64],
    minutes: NDArray[np.float64],
    epochs: _Epochs,
    named: list[int],
) -> None:
    """Name lines at their right ends, pushed apart, with thin leads to where each one ends."""
    if not named:
        return
    low, high = ax.get_ylim()
    ends = [np.flatnonzero(np.isfinite(gained[row] + minutes))[-1] for row in named]
    least = NOTE_PT * 1.35 * (high - low) / max(room_pt(ax)[1], 1.0)
    placed = apart(np.array([gained[row, end] for row, end in zip(named, ends, strict=True)]), least, low, high)
    for place, (row, end, y) in enumerate(zip(named, ends, placed, strict=True)):
        steps = [(column, size) for one, column, size in epochs.steps if one == row]
        told = f"{where.cameras[row].label}"
        if np.isfinite(epochs.drift_ppm[row, -1]):
            told += f" {epochs.drift_ppm[row, -1]:+.1f} ppm"
        if steps:
            column, size = steps[0]
            by = f" {size:+.3g} s" if np.isfinite(size) else ""
            told += f", step{by} in shot {where.shots[column]}" + (
                f" and {len(steps) - 1} more" if len(steps) > 1 else ""
            )
        ax.annotate(
            told,
            (minutes[end], gained[row, end]),
            xytext=(1.03, y),
            textcoords=ax.get_yaxis_transform(),
            va="center",
            fontsize=NOTE_PT,
            color=COLOURS[place],
            fontweight="bold" if steps else "normal",
            arrowprops={"arrowstyle": "-", "color": COLOURS[place], "linewidth": 0.6, "shrinkA": 0, "shrinkB": 2},
            annotation_clip=False,
        )
