"""What is usual for each camera of a session: the two-way fit with clock steps taken out, made once and handed on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rigkit.timing.fit import TwoWay, floor_of, two_way
from rigkit.timing.spread import FEWEST_CAMERAS
from rigkit.timing.stamps import Floats, Stamps
from rigkit.timing.steps import Epochs, Step, clock_steps, levelled, split

__all__ = ["Fitted", "fitted"]

#: A cell that settles its camera's line by more than this is as good as the line itself: nothing is left to compare it with.
_MOST_LEVERAGE = 0.95


class Fitted(NamedTuple):
    """Stamps compared with what is usual for their shot and their camera.

    Attributes
    ----------
    steps : list of Step
        The clock steps that were taken out.
    epochs : Epochs
        The stamps split at the steps.
    fit : TwoWay
        Of the epochs, ms over s: a column for each camera and epoch.
    residuals_ms : numpy.ndarray
        float64, shape (K, N): how far each camera was from *its own usual*, whatever its clock reads; positive: late. NaN:
        missing, fewer than 3 stamps in the epoch, or fewer than 4 cameras.
    leverage : numpy.ndarray
        float64, shape (K, N), 0 to 1: how far the line of its camera follows a stamp; 1 / n in the middle of a session, more at
        its ends.
    """

    steps: list[Step]
    epochs: Epochs
    fit: TwoWay
    residuals_ms: Floats
    leverage: Floats


def fitted(stamps: Stamps, steps: Sequence[Step] | Fitted | None = None) -> Fitted:
    """Fit shot effects, and offset and drift of each clock from one setting to the next.

    Parameters
    ----------
    stamps : Stamps
        Any that cameras made.
    steps : sequence of Step, Fitted or None
        Where clocks were set; None: looked for. A fit is given back: whoever needs one takes it in place of the steps.
    """
    if isinstance(steps, Fitted):
        return steps
    found = clock_steps(stamps) if steps is None else list(steps)
    epochs = split(stamps, found)
    times = levelled(stamps, found).shot_times_s()
    parts = epochs.stamps.seconds
    fit = two_way((parts - times[:, None]) * 1e3, times, floor=floor_of(stamps.quantum_ms))
    rest, leverage = np.full(stamps.seconds.shape, np.nan), np.full(stamps.seconds.shape, np.nan)
    if len(stamps.camera_keys) >= FEWEST_CAMERAS:
        pulled = _leverage(parts, times)
        for part in np.flatnonzero(fit.n >= 3):
            rows, column = np.isfinite(parts[:, part]), stamps.camera(epochs.cameras[part])
            rest[rows, column] = fit.residuals[rows, part]
            leverage[rows, column] = pulled[rows, part]
    return Fitted(found, epochs, fit, rest, leverage)


def _leverage(seconds: Floats, times: Floats) -> Floats:
    """Give the diagonal of the hat matrix of a straight line through each column: 1 / n + (t - mean)^2 / sum of squares."""
    present = np.isfinite(seconds) & np.isfinite(times)[:, None]
    n = np.maximum(present.sum(axis=0), 1)
    t = np.where(np.isfinite(times), times, 0.0)[:, None]
    since = np.where(present, t - np.where(present, t, 0.0).sum(axis=0) / n, 0.0)
    squares = np.square(since)
    total = squares.sum(axis=0)
    pulled: Floats = np.minimum(1 / n + squares / np.where(total > 0, total, 1.0), _MOST_LEVERAGE)
    return pulled
