"""One camera late in one shot: found even when nobody knows what the cameras' clocks read.

Each stamp is compared with what is usual for that camera and that shot (two-way residuals after drift and clock steps); what is
found is "later than its own usual", never "late".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rigkit.timing.decisions import BUDGET, adjusted, detectable
from rigkit.timing.evidence import refusal
from rigkit.timing.fit import floor_of, robust_size
from rigkit.timing.frames import framed, shot_column, text_dtype
from rigkit.timing.intervals import MAD_TO_SIGMA
from rigkit.timing.spread import FEWEST_CAMERAS
from rigkit.timing.stamps import Floats, Stamps, row_medians
from rigkit.timing.steps import Step
from rigkit.timing.usual import Fitted, fitted

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Lateness", "lateness", "lateness_table", "listed_lateness"]

#: Below, offset and drift of a camera follow every stamp.
_FEWEST_SHOTS = 5
#: Of the degrees of freedom, what the scale by medians keeps (Huber 1981: the efficiency of the MAD for normal values is 37 %).
_EFFICIENCY = 0.37


class Lateness(NamedTuple):
    """How far each exposure was from its camera's usual.

    Attributes
    ----------
    residuals_ms : numpy.ndarray
        float64, shape (K, N); positive: late; NaN: no stamp, or refused.
    sigma_ms : numpy.ndarray
        float64, shape (N,): robust scale of each camera, not below that of the rig nor below step / sqrt(12).
    errors_ms : numpy.ndarray
        float64, shape (K, N): standard error of each residual, as of a stamp that has no part in its camera's line: more than
        ``sigma_ms``, and most at the ends of short sessions.
    p : numpy.ndarray
        float64, shape (K, N): two-sided.
    detectable_ms : float
        Size that would be found in 9 of 10 cases, in a camera of the rig's usual scale; NaN: refused.
    reason : str
        Why it was refused; empty: it was not.
    """

    residuals_ms: Floats
    sigma_ms: Floats
    errors_ms: Floats
    p: Floats
    detectable_ms: float
    reason: str


def lateness(stamps: Stamps, steps: Sequence[Step] | Fitted | None = None, share: float = 1.0) -> Lateness:
    """Compare each exposure with its camera's usual.

    Parameters
    ----------
    stamps : Stamps
        Any that cameras made.
    steps : sequence of Step, Fitted or None
        Where clocks were set, or the fit with that taken out if it was made already; None: looked for.
    share : float
        Of the budget of false findings, for ``detectable_ms``.
    """
    from scipy import stats

    reason = _refused(stamps)
    if reason:
        nothing = np.full(stamps.seconds.shape, np.nan)
        return Lateness(nothing, np.full(len(stamps.camera_keys), np.nan), nothing, nothing, float("nan"), reason)
    fit = fitted(stamps, steps)
    rest, left = fit.residuals_ms, np.sqrt(1 - fit.leverage)
    sizes = np.abs(rest) / left  # what a line follows by h leaves 1 - h of the variance
    floor = max(robust_size(sizes), floor_of(stamps.quantum_ms), 1e-6)
    sigma = np.fmax(MAD_TO_SIGMA * row_medians(sizes.T), floor)
    # A stamp far off has no weight in its line, so that its distance has the line's error on top of its own.
    errors = sigma / left
    n = int(np.isfinite(rest).sum())
    freedom = max(_EFFICIENCY * (n - 2 * len(fit.epochs.cameras) - len(rest)), 1.0)
    p = 2 * stats.t.sf(np.abs(rest) / errors, freedom)
    surely = float(stats.t.isf(BUDGET * share / max(n, 1) / 2, freedom))
    # A stamp not quite far enough to be taken for an outlier is followed by its line by h, so that much of its size does not show.
    kept = row_medians(left)
    size = detectable(surely * floor / kept**3, floor / kept**3)
    return Lateness(rest, sigma, errors, p, size, "")


def _refused(stamps: Stamps) -> str:
    cameras, shots = len(stamps.camera_keys), len(stamps.shot_ids)
    if cameras < FEWEST_CAMERAS:
        return f"{cameras} camera{'' if cameras == 1 else 's'}: what is usual for a shot takes {FEWEST_CAMERAS}"
    if shots < _FEWEST_SHOTS:
        return f"{shots} shot{'' if shots == 1 else 's'}: what is usual for a camera takes {_FEWEST_SHOTS}"
    return refusal("lateness", stamps.evidence) or ""


def lateness_table(stamps: Stamps, steps: Sequence[Step] | Fitted | None = None, share: float = 1.0) -> pd.DataFrame:
    """List the exposures that were later or earlier than their camera's usual.

    Returns
    -------
    pandas.DataFrame
        ``shot_id``, ``camera_key``, ``late_ms`` (positive: late) with ``lo_ms hi_ms`` (95 %), ``p_adj`` (over all cells), ``evidence
        quantum_ms instant``. ``attrs``: ``n`` cells looked at, ``detectable_ms``, ``reason`` (why none could be looked at).
    """
    return listed_lateness(stamps, lateness(stamps, steps, share), share)


def listed_lateness(stamps: Stamps, found: Lateness, share: float) -> pd.DataFrame:
    """Make the table of :func:`lateness_table`."""
    import pandas as pd

    p = adjusted(found.p, share)
    with np.errstate(invalid="ignore"):
        rows, columns = np.nonzero(p < BUDGET)
    late = found.residuals_ms[rows, columns]
    half = 1.96 * found.errors_ms[rows, columns]
    table = framed(
        pd.RangeIndex(len(rows)),
        {
            "shot_id": shot_column([stamps.shot_ids[row] for row in rows]),
            "camera_key": pd.array([stamps.camera_keys[column] for column in columns], dtype=text_dtype()),
            "late_ms": late,
            "lo_ms": late - half,
            "hi_ms": late + half,
            "p_adj": p[rows, columns],
        },
        stamps.basis,
    )
    cells = int(np.isfinite(found.p).sum())
    table.attrs |= {"n": cells, "detectable_ms": found.detectable_ms, "reason": found.reason}
    return table
