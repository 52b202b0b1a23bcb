"""One camera late in one shot: found even when nobody knows what the cameras' clocks read.

Each stamp is compared with what is usual for that camera and that shot (two-way residuals after drift and clock steps); what is
found is "later than its own usual", never "late".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rigkit.timing.cameras import residuals_ms
from rigkit.timing.decisions import BUDGET, adjusted, detectable
from rigkit.timing.evidence import refusal
from rigkit.timing.fit import floor_of, robust_size
from rigkit.timing.intervals import MAD_TO_SIGMA
from rigkit.timing.spread import FEWEST_CAMERAS
from rigkit.timing.stamps import Floats, Stamps, row_medians
from rigkit.timing.steps import Step, clock_steps, split

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Lateness", "lateness", "lateness_table"]

#: Below, offset and drift of a camera follow every stamp.
_FEWEST_SHOTS = 5


class Lateness(NamedTuple):
    """How far each exposure was from its camera's usual.

    Attributes
    ----------
    residuals_ms : numpy.ndarray
        float64, shape (K, N); positive: late; NaN: no stamp, or refused.
    sigma_ms : numpy.ndarray
        float64, shape (N,): robust scale of each camera, not below that of the rig nor below step / sqrt(12).
    p : numpy.ndarray
        float64, shape (K, N): two-sided, normal tails.
    detectable_ms : float
        Size that would be found in 9 of 10 cases, in a camera of the rig's usual scale; NaN: refused.
    reason : str
        Why it was refused; empty: it was not.
    """

    residuals_ms: Floats
    sigma_ms: Floats
    p: Floats
    detectable_ms: float
    reason: str


def lateness(stamps: Stamps, steps: list[Step] | None = None, share: float = 1.0) -> Lateness:
    """Compare each exposure with its camera's usual.

    Parameters
    ----------
    stamps : Stamps
        Any that cameras made.
    steps : list of Step or None
        Clock steps, which are taken out first; None: looked for.
    share : float
        Of the budget of false findings, for ``detectable_ms``.
    """
    from scipy import stats

    shape = stamps.seconds.shape
    reason = _refused(stamps)
    if reason:
        nothing = np.full(shape, np.nan)
        return Lateness(nothing, np.full(shape[1], np.nan), nothing, float("nan"), reason)
    epochs = split(stamps, clock_steps(stamps) if steps is None else steps)
    parts = residuals_ms(epochs.stamps)
    rest = np.full(shape, np.nan)
    for column, camera in enumerate(epochs.cameras):
        known = np.isfinite(parts[:, column])
        rest[known, stamps.camera(camera)] = parts[known, column]
    n = np.isfinite(rest).sum(axis=0)
    sizes = np.abs(rest)
    # Offset and drift took two of n degrees of freedom; with 2 of 20 that is 5 % of the scale.
    freedom = np.sqrt(np.maximum(n, 3) / np.maximum(n - 2, 1))
    floor = max(robust_size(rest), floor_of(stamps.quantum_ms), 1e-6)
    sigma = np.fmax(MAD_TO_SIGMA * row_medians(sizes.T), floor) * freedom
    with np.errstate(invalid="ignore"):
        p = 2 * stats.norm.sf(sizes / sigma)
    cells = int(np.isfinite(p).sum())
    usual_sigma = floor * float(np.median(freedom))
    surely = float(stats.norm.isf(BUDGET * share / max(cells, 1) / 2))
    left = 1 - 2 / shape[0]  # offset and drift of a camera follow a single lateness by as much as they follow any stamp
    size = detectable(surely * sigma, np.full(len(sigma), usual_sigma)) / left
    return Lateness(rest, sigma, p, size, "")


def _refused(stamps: Stamps) -> str:
    cameras, shots = len(stamps.camera_keys), len(stamps.shot_ids)
    if cameras < FEWEST_CAMERAS:
        return f"{cameras} camera{'' if cameras == 1 else 's'}: what is usual for a shot takes {FEWEST_CAMERAS}"
    if shots < _FEWEST_SHOTS:
        return f"{shots} shot{'' if shots == 1 else 's'}: what is usual for a camera takes {_FEWEST_SHOTS}"
    return refusal("lateness", stamps.evidence) or ""


def lateness_table(stamps: Stamps, steps: list[Step] | None = None, share: float = 1.0) -> pd.DataFrame:
    """List the exposures that were later or earlier than their camera's usual.

    Returns
    -------
    pandas.DataFrame
        ``shot_id``, ``camera_key``, ``late_ms`` (positive: late) with ``lo_ms hi_ms`` (95 %), ``p_adj`` (over all cells), ``evidence``.
        ``attrs``: ``n`` cells looked at, ``detectable_ms``, ``reason``.
    """
    import pandas as pd

    from rigkit.timing.evidence import evidence_dtype

    found = lateness(stamps, steps, share)
    p = adjusted(found.p, share)
    with np.errstate(invalid="ignore"):
        rows, columns = np.nonzero(p < BUDGET)
    late = found.residuals_ms[rows, columns]
    half = 1.96 * found.sigma_ms[columns]
    table = pd.DataFrame(
        {
            "shot_id": [stamps.shot_ids[row] for row in rows],
            "camera_key": pd.array(
                [stamps.camera_keys[column] for column in columns], dtype=pd.StringDtype("pyarrow", na_value=pd.NA)
            ),
            "late_ms": late,
            "lo_ms": late - half,
            "hi_ms": late + half,
            "p_adj": p[rows, columns],
        }
    )
    table["evidence"] = pd.Categorical([stamps.evidence] * len(table), dtype=evidence_dtype())
    cells = int(np.isfinite(found.p).sum())
    table.attrs |= {"n": cells, "detectable_ms": found.detectable_ms, "reason": found.reason}
    return table
