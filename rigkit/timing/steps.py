"""Clocks that were set during a session: steps found, and the session split into epochs.

A step moves all later stamps of a camera; a late exposure moves one. Each camera is compared with the rig, so a step of one
camera shows in stamps alone; all clocks set at once show only against the host's release times.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rigkit.timing.decisions import BUDGET, adjusted
from rigkit.timing.evidence import refusal
from rigkit.timing.fit import floor_of, robust_size
from rigkit.timing.intervals import MAD_TO_SIGMA
from rigkit.timing.spread import FEWEST_CAMERAS
from rigkit.timing.stamps import Floats, Stamps, row_medians

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LOOK", "RIG", "Epochs", "Step", "clock_steps", "find_steps", "split", "step_table"]

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
        Two-sided, for the number of places where it was looked for.
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


def find_steps(stamps: Stamps) -> list[Step]:
    """Look for the largest step of each camera.

    Parameters
    ----------
    stamps : Stamps
        Any that cameras made.

    Returns
    -------
    list of Step
        One for each camera that was worth a look; see ``p``. None for host arrivals, nor for fewer than 4 cameras.
    """
    if refusal("clock step", stamps.evidence) is not None or len(stamps.camera_keys) < FEWEST_CAMERAS:
        return []
    times = stamps.shot_times_s()
    apart = (stamps.seconds - times[:, None]) * 1e3
    floor = floor_of(stamps.quantum_ms)
    found = _largest_steps(apart, times, stamps.camera_keys, floor)
    common = (times - stamps.requested_s)[:, None] * 1e3
    return found + _largest_steps(common, stamps.requested_s, (RIG,), floor)


def clock_steps(stamps: Stamps, share: float = 1.0) -> list[Step]:
    """Find clock steps, one after the other, until none is left.

    Parameters
    ----------
    stamps : Stamps
        Any that cameras made.
    share : float
        Of the budget of false findings.

    Returns
    -------
    list of Step
        By camera, then in order of time; ``p`` is adjusted for the number of cameras.
    """
    kept: list[Step] = []
    rest = stamps
    for _ in range(_MOST):
        tried = find_steps(rest)
        p = np.ones(len(stamps.camera_keys) + 1)
        p[: len(tried)] = [one.p for one in tried]
        sure = [
            one._replace(p=float(value))
            for one, value in zip(tried, adjusted(p, share), strict=False)
            if value < BUDGET and abs(one.step_ms) >= _least(stamps)
        ]
        if not sure:
            break
        kept += sure
        rest = _without(rest, sure)
    return sorted(kept, key=lambda one: (one.camera_key, one.row))


def _least(stamps: Stamps) -> float:
    """Give the least size: steps below one step of the stamps are not called."""
    return stamps.quantum_ms if np.isfinite(stamps.quantum_ms) else 0.0


def _without(stamps: Stamps, steps: list[Step]) -> Stamps:
    """Take steps off again, to see what is left."""
    seconds = stamps.seconds.copy()
    for one in steps:
        columns: Any = slice(None) if one.camera_key == RIG else stamps.camera(one.camera_key)
        seconds[one.row :, columns] -= one.step_ms / 1e3
    return replace(stamps, seconds=seconds)


def _largest_steps(apart: Floats, times: Floats, keys: tuple[str, ...], floor: float) -> list[Step]:
    """Try each column at the places where neighbours differ most; report its most significant step."""
    if len(apart) < 2 * _SIDE:
        return []
    moves = _moves(apart)
    centres = np.nan_to_num(row_medians(moves.T))
    sizes = np.abs(moves - centres)
    scales = np.nan_to_num(row_medians(sizes.T)) * MAD_TO_SIGMA / np.sqrt(2)
    scales = np.maximum(scales, max(robust_size(sizes) / np.sqrt(2), floor, 1e-6))
    with np.errstate(invalid="ignore"):
        worth = np.flatnonzero((sizes > LOOK * np.sqrt(2) * scales).any(axis=0))
    steps = []
    for column in worth:
        places = np.argsort(-np.nan_to_num(sizes[:, column]), kind="stable")[:_PLACES] + 1
        tried = [_fitted_step(apart[:, column], times, int(row), float(scales[column])) for row in places]
        sound = [one for one in tried if one is not None]
        if sound:
            row, step, error, p = min(sound, key=lambda one: one[3])
            steps.append(Step(keys[column], row, step, step - 1.96 * error, step + 1.96 * error, p))
    return steps


def _moves(apart: Floats) -> Floats:
    """Change of each camera since its last stamp before, shape (K - 1, N); NaN: no stamp here, or none before."""
    rows = np.where(np.isfinite(apart), np.arange(len(apart))[:, None], -1)
    last = np.maximum.accumulate(rows, axis=0)[:-1]
    before = np.where(last >= 0, np.take_along_axis(apart, np.maximum(last, 0), axis=0), np.nan)
    return apart[1:] - before


def _fitted_step(apart: Floats, times: Floats, row: int, scale: float) -> tuple[int, float, float, float] | None:
    """Fit a straight line with a step before a row by Huber's weights; return row, step, its error and its p.

    The line takes care of drift: 10 ppm over 4 h are 144 ms, which would look like a step in the middle.
    """
    from scipy import stats

    known = np.flatnonzero(np.isfinite(apart) & np.isfinite(times))
    after = known >= row
    if min(after.sum(), (~after).sum()) < _SIDE:
        return None
    y, t = apart[known], times[known] - times[known].mean()
    design = np.stack([np.ones_like(t), t / (np.ptp(t) or 1.0), after.astype(np.float64)], axis=1)
    if np.linalg.matrix_rank(design) < 3:
        return None
    fitted = np.linalg.lstsq(design, y, rcond=None)[0]
    weights = np.ones_like(y)
    for _ in range(50):
        weights = np.minimum(1.0, 1.345 * scale / np.maximum(np.abs(y - design @ fitted), 1e-9))
        root = np.sqrt(weights)
        before, fitted = fitted, np.linalg.lstsq(design * root[:, None], y * root, rcond=None)[0]
        if np.abs(fitted - before).max() < 0.01 * scale:
            break
    error = scale * float(np.sqrt(np.linalg.inv(design.T @ (design * weights[:, None]))[2, 2]))
    places = max(len(known) - 2 * _SIDE + 1, 1)
    p = 2 * float(stats.norm.sf(abs(fitted[2]) / error))  # the scale is that of the whole rig, or a larger one
    return row, float(fitted[2]), error, min(1.0, p * places)


def split(stamps: Stamps, steps: list[Step]) -> Epochs:
    """Split stamps into epochs: within one, a clock was not set.

    Parameters
    ----------
    stamps : Stamps
        As they are.
    steps : list of Step
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


def step_table(stamps: Stamps, steps: list[Step]) -> pd.DataFrame:
    """List steps.

    Returns
    -------
    pandas.DataFrame
        ``camera_key``, ``shot_id`` (the first one after it), ``step_s lo_s hi_s`` (float64), ``p_adj``, ``evidence``.
    """
    import pandas as pd

    from rigkit.timing.evidence import evidence_dtype

    table = pd.DataFrame(
        {
            "camera_key": pd.array([one.camera_key for one in steps], dtype=pd.StringDtype("pyarrow", na_value=pd.NA)),
            "shot_id": [stamps.shot_ids[one.row] for one in steps],
            "step_s": np.array([one.step_ms for one in steps]) / 1e3,
            "lo_s": np.array([one.lo_ms for one in steps]) / 1e3,
            "hi_s": np.array([one.hi_ms for one in steps]) / 1e3,
            "p_adj": np.array([one.p for one in steps], dtype=np.float64),
        }
    )
    table["evidence"] = pd.Categorical([stamps.evidence] * len(steps), dtype=evidence_dtype())
    return table
