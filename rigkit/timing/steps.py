"""Clocks that were set during a session: steps found, and the session split into epochs.

A step moves all later stamps of a camera; a late exposure moves one. Each camera is compared with the rig, so a step of one
camera shows in stamps alone; all clocks set at once show only against the host's release times.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rigkit.timing.decisions import BUDGET, adjusted
from rigkit.timing.evidence import refusal
from rigkit.timing.fit import floor_of, robust_size
from rigkit.timing.frames import framed, shot_column, text_dtype
from rigkit.timing.intervals import MAD_TO_SIGMA
from rigkit.timing.spread import FEWEST_CAMERAS
from rigkit.timing.stamps import Floats, Stamps, row_medians

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LOOK", "RIG", "Epochs", "Step", "clock_steps", "levelled", "split", "step_table", "without_stepped"]

#: Stamps that are needed on either side of a step: with two, a step can't be told from two late exposures.
_SIDE = 3
#: A step this many sigma of a difference of neighbours is worth a look; smaller ones drown in the noise of most sessions.
LOOK = 3.5
#: Places where a camera is tried for a step: where neighbours differ most.
_PLACES = 3
#: Steps of one camera in one session; more are no steps but a clock nobody should trust.
_MOST = 8
#: The camera key of a step of all clocks at once.
RIG = "the whole rig"


class Step(NamedTuple):
    """A clock was set.

    Attributes
    ----------
    camera_key : str
        Whose; :data:`RIG`: all at once.
    row : int
        Row of the first shot after it.
    step_ms, lo_ms, hi_ms : float
        By how much, with a 95 % interval; positive: the clock was put forward.
    p : float
        Two-sided, for the number of places and of cameras where it was looked for, and the share of the budget.
    """

    camera_key: str
    row: int
    step_ms: float
    lo_ms: float
    hi_ms: float
    p: float


class Epochs(NamedTuple):
    """Stamps split where clocks were set.

    Attributes
    ----------
    stamps : Stamps
        A column for each camera and epoch, named ``key`` for the first and ``key@2``, ... for later ones.
    cameras : tuple of str
        The camera of each column.
    numbers : tuple of int
        The epoch of each column, from 1.
    """

    stamps: Stamps
    cameras: tuple[str, ...]
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class _Tracks:
    """What is looked at for steps: each camera against the rig, or the rig against the host's releases.

    ``apart`` (ms, shape (K, keys)) still has the steps in it that were found; ``sizes`` (change from the stamp before, shape
    (K - 1, keys)) and ``scales`` (robust sigma, shape (keys,)) have them taken off.
    """

    keys: tuple[str, ...]
    apart: Floats
    times: Floats
    sizes: Floats
    scales: Floats


def clock_steps(stamps: Stamps, share: float = 1.0) -> list[Step]:
    """Find clock steps.

    Places are found one after the other; all steps of a camera are then fitted together, as one that is left out of the fit
    bends the sizes of the others, and what does not pass with the others in is dropped.

    Parameters
    ----------
    stamps : Stamps
        Any that cameras made.
    share : float
        Of the budget of false findings.

    Returns
    -------
    list of Step
        By camera, then in order of time. None for host arrivals and LED references, nor for fewer than 4 cameras.
    """
    if refusal("clock step", stamps.evidence) is not None or len(stamps.camera_keys) < FEWEST_CAMERAS:
        return []
    kept: list[Step] = []
    for _ in range(_MOST):
        all_tracks = _tracks(stamps, kept)
        tried = [one for tracks in all_tracks for one in _next_steps(tracks, kept)]
        new = _passed(stamps, tried, share)
        kept = _together(all_tracks, [*kept, *new])
        if not new:
            break
    while True:
        passed = _passed(stamps, kept, share)
        if len(passed) == len(kept):
            return sorted(passed, key=lambda one: (one.camera_key, one.row))
        sure = {(one.camera_key, one.row) for one in passed}
        # One of them only: without it, the others may be larger or smaller.
        worst = min(kept, key=lambda one: ((one.camera_key, one.row) in sure, _sureness(one)))
        kept = [one for one in kept if one is not worst]
        kept = _together(_tracks(stamps, kept), kept)


def _sureness(step: Step) -> float:
    """Size over error: p of large steps are all 0."""
    return abs(step.step_ms) / (step.hi_ms - step.lo_ms)


def _passed(stamps: Stamps, tried: Sequence[Step], share: float) -> list[Step]:
    """Keep what is significant among as many tests as there are cameras, and not below one step of the stamps."""
    p = np.ones(max(len(stamps.camera_keys) + 1, len(tried)))
    p[: len(tried)] = [one.p for one in tried]
    least = stamps.quantum_ms if np.isfinite(stamps.quantum_ms) else 0.0
    return [
        one._replace(p=float(value))
        for one, value in zip(tried, adjusted(p, share), strict=False)
        if value < BUDGET and abs(one.step_ms) >= least
    ]


def levelled(stamps: Stamps, steps: Sequence[Step]) -> Stamps:
    """Take steps off again, as if no clock had been set after the first shot."""
    seconds = stamps.seconds.copy()
    for one in steps:
        columns: Any = slice(None) if one.camera_key == RIG else stamps.camera(one.camera_key)
        seconds[one.row :, columns] -= one.step_ms / 1e3
    return replace(stamps, seconds=seconds)


def _staircase(steps: Sequence[Step], key: str, shots: int) -> Floats:
    """Add up the steps of one camera or of the rig, ms, shape (K,)."""
    stairs = np.zeros(shots)
    for one in steps:
        if one.camera_key == key:
            stairs[one.row :] += one.step_ms
    return stairs


def _tracks(stamps: Stamps, kept: Sequence[Step]) -> tuple[_Tracks, _Tracks]:
    times = levelled(stamps, kept).shot_times_s()
    rig = _staircase(kept, RIG, len(times)) / 1e3
    cameras = (stamps.seconds - (times + rig)[:, None]) * 1e3
    common = (times + rig - stamps.requested_s)[:, None] * 1e3
    floor = max(floor_of(stamps.quantum_ms), 1e-6)
    return (
        _track(stamps.camera_keys, cameras, times, floor, kept),
        _track((RIG,), common, stamps.requested_s, floor, kept),
    )


def _track(keys: tuple[str, ...], apart: Floats, times: Floats, floor: float, kept: Sequence[Step]) -> _Tracks:
    level = apart - np.stack([_staircase(kept, key, len(apart)) for key in keys], axis=1)
    moves = _moves(level)
    sizes = np.abs(moves - np.nan_to_num(row_medians(moves.T)))
    scales = np.nan_to_num(row_medians(sizes.T)) * MAD_TO_SIGMA / np.sqrt(2)
    return _Tracks(keys, apart, times, sizes, np.maximum(scales, max(robust_size(sizes) / np.sqrt(2), floor)))


def _moves(apart: Floats) -> Floats:
    """Change of each camera since its last stamp before, shape (K - 1, N); NaN: no stamp here, or none before."""
    rows = np.where(np.isfinite(apart), np.arange(len(apart))[:, None], -1)
    last = np.maximum.accumulate(rows, axis=0)[:-1]
    before = np.where(last >= 0, np.take_along_axis(apart, np.maximum(last, 0), axis=0), np.nan)
    return apart[1:] - before


def _next_steps(tracks: _Tracks, kept: Sequence[Step]) -> list[Step]:
    """Try each camera at the places where neighbours differ most, with its known steps in the fit; give the surest new one."""
    if len(tracks.apart) < 2 * _SIDE:
        return []
    with np.errstate(invalid="ignore"):
        worth = np.flatnonzero((tracks.sizes > LOOK * np.sqrt(2) * tracks.scales).any(axis=0))
    steps = []
    for column in worth:
        rows = [one.row for one in kept if one.camera_key == tracks.keys[column]]
        places = np.argsort(-np.nan_to_num(tracks.sizes[:, column]), kind="stable")[:_PLACES] + 1
        tried = [_fitted_steps(tracks, int(column), [int(place), *rows]) for place in places if place not in rows]
        # The place that leaves least, not the surest step: beside another one, an hour put at the wrong shot may look surer.
        fits = [one for one in tried if one.steps]
        if fits:
            steps.append(min(fits, key=lambda one: one.loss).steps[0])
    return steps


def _together(all_tracks: Sequence[_Tracks], steps: Sequence[Step]) -> list[Step]:
    """Fit the steps of each camera together."""
    found = []
    for tracks in all_tracks:
        for column, key in enumerate(tracks.keys):
            rows = [one.row for one in steps if one.camera_key == key]
            found += _fitted_steps(tracks, column, rows).steps if rows else []
    return found


class _Staircase(NamedTuple):
    """Steps of one camera, fitted together, and Huber's loss of what they leave."""

    steps: list[Step]
    loss: float


def _fitted_steps(tracks: _Tracks, column: int, rows: Sequence[int]) -> _Staircase:
    """Fit a straight line with a step before each of some rows by Huber's weights; no steps: too few stamps between two of them.

    The line takes care of drift: 10 ppm over 4 h are 144 ms, which would look like a step in the middle. The p are two-sided,
    times the number of places where a step may be.
    """
    from scipy import stats

    apart, scale = tracks.apart[:, column], float(tracks.scales[column])
    known = np.flatnonzero(np.isfinite(apart) & np.isfinite(tracks.times))
    after = known[:, None] >= np.array(rows)
    nothing = _Staircase([], float("inf"))
    if np.bincount(after.sum(axis=1), minlength=len(rows) + 1).min() < _SIDE:
        return nothing
    y, t = apart[known], tracks.times[known] - tracks.times[known].mean()
    design = np.column_stack([np.ones_like(t), t / (np.ptp(t) or 1.0), after.astype(np.float64)])
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return nothing
    fitted = np.linalg.lstsq(design, y, rcond=None)[0]
    weights, bend = np.ones_like(y), 1.345 * scale
    for _ in range(50):
        weights = np.minimum(1.0, bend / np.maximum(np.abs(y - design @ fitted), 1e-9))
        root = np.sqrt(weights)
        before, fitted = fitted, np.linalg.lstsq(design * root[:, None], y * root, rcond=None)[0]
        if np.abs(fitted - before).max() < 0.01 * scale:
            break
    errors = scale * np.sqrt(np.diag(np.linalg.inv(design.T @ (design * weights[:, None]))))[2:]
    sizes = fitted[2:]
    places = max(len(known) - 2 * _SIDE + 1, 1)
    p = np.minimum(2 * stats.norm.sf(np.abs(sizes) / errors) * places, 1.0)  # the scale is the rig's, or a larger one
    rest = np.abs(y - design @ fitted)
    loss = np.where(rest <= bend, rest**2 / 2, bend * (rest - bend / 2)).sum()
    steps = [
        Step(tracks.keys[column], row, float(size), float(size - 1.96 * error), float(size + 1.96 * error), float(one))
        for row, size, error, one in zip(rows, sizes, errors, p, strict=True)
    ]
    return _Staircase(steps, float(loss))


def split(stamps: Stamps, steps: Sequence[Step]) -> Epochs:
    """Split stamps into epochs: within one, a clock was not set.

    Parameters
    ----------
    stamps : Stamps
        As they are.
    steps : sequence of Step
        From :func:`clock_steps`; a step of the whole rig splits every camera.
    """
    columns, keys, cameras, numbers, uncertain = [], [], [], [], []
    for column, key in enumerate(stamps.camera_keys):
        rows = sorted({one.row for one in steps if one.camera_key in (key, RIG)})
        bounds = [0, *rows, len(stamps.shot_ids)]
        for number, (first, end) in enumerate(itertools.pairwise(bounds), start=1):
            part = np.full(len(stamps.shot_ids), np.nan)
            part[first:end] = stamps.seconds[first:end, column]
            columns.append(part)
            keys.append(key if number == 1 else f"{key}@{number}")
            cameras.append(key)
            numbers.append(number)
            uncertain.append(stamps.uncertainty_ms[column])
    seconds = np.stack(columns, axis=1) if columns else stamps.seconds
    parts = replace(stamps, seconds=seconds, camera_keys=tuple(keys), uncertainty_ms=np.array(uncertain))
    return Epochs(parts, tuple(cameras), tuple(numbers))


def without_stepped(stamps: Stamps, steps: Sequence[Step]) -> Stamps:
    """Leave out cameras whose own clock was set: which of their epochs the correction of the clock holds for is not known.

    For skew, spread and lag from calibrated stamps. All clocks set at once move no skew, so a step of the whole rig leaves all in.

    Parameters
    ----------
    stamps : Stamps
        As they are.
    steps : sequence of Step
        From :func:`clock_steps`.

    Returns
    -------
    Stamps
        The same shots and cameras, NaN where left out, with a remark for each.
    """
    shots_of = {
        key: [f"{stamps.shot_ids[one.row]} ({one.step_ms / 1e3:+.3g} s)" for one in steps if one.camera_key == key]
        for key in dict.fromkeys(one.camera_key for one in steps if one.camera_key != RIG)
    }
    seconds = stamps.seconds.copy()
    seconds[:, [stamps.camera(key) for key in shots_of]] = np.nan
    remarks = tuple(
        f"{key}: its clock was set before shot {', '.join(shots)}, so its stamps are not calibrated throughout; left out"
        for key, shots in shots_of.items()
    )
    return replace(stamps, seconds=seconds, remarks=stamps.remarks + remarks)


def step_table(stamps: Stamps, steps: Sequence[Step]) -> pd.DataFrame:
    """List steps.

    Returns
    -------
    pandas.DataFrame
        ``camera_key``, ``shot_id`` (the first one after it), ``step_s lo_s hi_s`` (float64), ``p_adj``, ``evidence quantum_ms
        instant``.
    """
    import pandas as pd

    columns = {
        "camera_key": pd.array([one.camera_key for one in steps], dtype=text_dtype()),
        "shot_id": shot_column([stamps.shot_ids[one.row] for one in steps]),
        "step_s": np.array([one.step_ms for one in steps], dtype=np.float64) / 1e3,
        "lo_s": np.array([one.lo_ms for one in steps], dtype=np.float64) / 1e3,
        "hi_s": np.array([one.hi_ms for one in steps], dtype=np.float64) / 1e3,
        "p_adj": np.array([one.p for one in steps], dtype=np.float64),
    }
    return framed(pd.RangeIndex(len(steps)), columns, stamps.basis)
