"""What each camera does shot after shot: its lag, its jitter, its latency; and what a correction of the lags would leave.

Lag is the part of a skew that a delay can correct, jitter the part that nothing corrects.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rigkit.errors import listed
from rigkit.timing.decisions import BUDGET, adjusted, beyond_limit, least_limit_ms, shots_needed, within_limit
from rigkit.timing.evidence import COARSE_MS, FEWEST_SHOTS, REFERENCE, Estimate, refusal, too_coarse
from rigkit.timing.frames import framed, keyed, text_dtype
from rigkit.timing.intervals import Interval, mad_interval, median_interval
from rigkit.timing.spread import FEWEST_CAMERAS, shot_statistics, skews
from rigkit.timing.stamps import Counts, Flags, Floats, Stamps
from rigkit.timing.steps import RIG, Step, without_stepped
from rigkit.timing.usual import Fitted, fitted

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "camera_table",
    "correctable_spread",
    "latency_table",
    "limit_table",
    "residual_spreads",
]

_SET = "its clock was set during the session, so its stamps are not calibrated throughout"


def camera_table(
    stamps: Stamps,
    confidence: float = 0.95,
    reference: Literal["others", "rig"] = "others",
    steps: Sequence[Step] | Fitted | None = None,
) -> pd.DataFrame:
    """Lag and jitter of each camera.

    Parameters
    ----------
    stamps : Stamps
        Calibrated or better for lags. From uncalibrated stamps there is jitter only, after offset and drift of each clock.
    confidence : float
        Coverage of the intervals.
    reference : {"others", "rig"}
        What a skew is against: the median of the other cameras, which says whether this one is off; or the median of all, one
        reference for all, so that lags may be subtracted from each other. Of 5 cameras they differ by milliseconds, of 60 hardly.
    steps : sequence of Step, Fitted or None
        Where clocks were set, or the fit with that taken out if it was made already; None: looked for.

    Returns
    -------
    pandas.DataFrame
        Index ``camera_key``: ``n`` (int64, shots), ``lag_ms lag_lo_ms lag_hi_ms`` (median skew over shots, positive: late),
        ``jitter_ms jitter_lo_ms jitter_hi_ms`` (1.4826 x MAD of the skews as the stamps show them, so with the cut of the stamps
        in it: stamps in 10 ms steps alone make 3.7 ms), ``evidence quantum_ms instant reason``. Lag intervals hold for the lag
        relative to the rig's median, and contain the uncertainty of the clocks' correction. A camera whose clock was set in the
        session has no lag, as nobody knows which of its epochs is calibrated; its jitter is that within epochs.
    """
    fit = fitted(stamps, steps)
    no_lag, no_jitter = refusal("lag", stamps.evidence), refusal("jitter", stamps.evidence)
    stepped = _stepped(stamps, fit)
    lag, jitter = _nothing(len(stepped)), _nothing(len(stepped))
    n = np.isfinite(fit.residuals_ms).sum(axis=0)
    if no_jitter is None:
        jitter = _within_epochs(fit.residuals_ms if no_lag else np.where(stepped, fit.residuals_ms, np.nan), confidence)
    if no_lag is None:
        steady = without_stepped(stamps, fit.steps)
        moved = skews(steady.ms) if reference == "others" else _against_rig(steady)
        n = np.where(stepped, n, np.isfinite(moved).sum(axis=0))
        known = median_interval(moved, confidence)
        slack = stamps.uncertainty_ms + _common_cut_ms(stamps)
        lag = Interval(known.value, known.lo - slack, known.hi + slack)
        straight = mad_interval(moved, confidence)
        jitter = Interval(*(np.where(stepped, one, other) for one, other in zip(jitter, straight, strict=True)))
    coarse = stamps.quantum_ms >= COARSE_MS
    keep_lag = ~np.full(len(n), coarse) | (lag.lo > stamps.quantum_ms) | (lag.hi < -stamps.quantum_ms)
    # Three stamps leave next to nothing of a jitter: offset and drift follow them.
    keep_jitter = (n >= FEWEST_SHOTS) & (not coarse)
    columns: dict[str, Any] = {"n": n.astype(np.int64)}
    for name, found, keep in (("lag", lag, keep_lag), ("jitter", jitter, keep_jitter)):
        for part, values in zip((f"{name}_ms", f"{name}_lo_ms", f"{name}_hi_ms"), found, strict=True):
            columns[part] = np.where(keep, values, np.nan)
    return framed(keyed("camera_key", stamps.camera_keys), columns, stamps.basis, _reasons(stamps, n, stepped))


def _stepped(stamps: Stamps, fit: Fitted) -> Flags:
    """Say whose own clock was set, shape (N,)."""
    own = {one.camera_key for one in fit.steps if one.camera_key != RIG}
    return np.array([key in own for key in stamps.camera_keys], dtype=bool)


def _reasons(stamps: Stamps, n: Counts, stepped: Flags) -> list[str]:
    """Say for each camera why lag or jitter are missing."""
    no_lag = refusal("lag", stamps.evidence)
    coarse = None if refusal("jitter", stamps.evidence) else too_coarse(stamps.quantum_ms, "lag or jitter")
    reasons = []
    for shots, moved in zip(n, stepped, strict=True):
        told = [no_lag] if no_lag else []
        if len(n) < FEWEST_CAMERAS:
            told = [f"{len(n)} cameras: a reference without the camera itself takes {FEWEST_CAMERAS}"]
        elif shots < FEWEST_SHOTS:
            told.append(f"{shots} shots with a skew: an interval, and a jitter, take {FEWEST_SHOTS}")
        if moved and not no_lag:
            told.append(f"{_SET}: no lag")
        reasons.append("; ".join([*told, coarse] if coarse else told))
    return reasons


def _within_epochs(rest: Floats, confidence: float) -> Interval:
    """Jitter after offset and drift of each clock, which took two of n degrees of freedom."""
    n = np.isfinite(rest).sum(axis=0)
    freedom = np.sqrt(n / np.maximum(n - 2, 1))
    return Interval(*(one * freedom for one in mad_interval(rest, confidence)))


def _against_rig(stamps: Stamps) -> Floats:
    """Difference of each stamp (ms) to the median of its shot; NaN: missing, or fewer than 4 stamps in the shot."""
    ms = stamps.ms
    found = shot_statistics(ms)
    return ms - np.where(found.n >= FEWEST_CAMERAS, found.median, np.nan)[:, None]


def _common_cut_ms(stamps: Stamps) -> float:
    """Half a step for readings of one counter: all are cut at the same instants, so their median is rounded and does not average.

    Stamps of clocks of their own are cut each at other instants; their intervals cover without.
    """
    return stamps.quantum_ms / 2 if stamps.evidence == REFERENCE and np.isfinite(stamps.quantum_ms) else 0.0


def _nothing(cameras: int) -> Interval:
    return Interval(*(np.full(cameras, np.nan) for _ in range(3)))


def limit_table(
    stamps: Stamps, limit_ms: float | None = None, steps: Sequence[Step] | Fitted | None = None
) -> pd.DataFrame:
    """Decide for each camera: beyond the limit, within it, or undecided.

    Parameters
    ----------
    stamps : Stamps
        Calibrated or better.
    limit_ms : float or None
        What skew matters (ms), see :func:`rigkit.timing.limits.acceptable_skew_ms`; None: 5 ms or half a step of the stamps.
    steps : sequence of Step, Fitted or None
        Where clocks were set, or the fit with that taken out if it was made already; None: looked for. These cameras are left out.

    Returns
    -------
    pandas.DataFrame
        Index ``camera_key``: ``decision`` ("beyond", "within", "undecided", or NA where it can't be known), ``limit_ms``,
        ``p_beyond_adj``, ``p_within_adj``, ``evidence quantum_ms instant reason``.
    """
    import pandas as pd

    limit = least_limit_ms(stamps.quantum_ms) if limit_ms is None else limit_ms
    slack = stamps.uncertainty_ms
    reason = refusal("lag", stamps.evidence) or too_coarse(stamps.quantum_ms, "lag") or ""
    blurred = ~(limit > slack)
    fit = fitted(stamps, steps)
    stepped = _stepped(stamps, fit)
    moved = np.where(blurred | bool(reason), np.nan, skews(without_stepped(stamps, fit.steps).ms))
    beyond = adjusted(beyond_limit(moved, limit + slack))
    within = adjusted(within_limit(moved, np.where(blurred, limit, limit - slack)))
    words = np.where(beyond < BUDGET, "beyond", np.where(within < BUDGET, "within", "undecided"))
    decision = pd.array(words.tolist(), dtype=text_dtype())
    decision[~np.isfinite(beyond)] = pd.NA
    needed = shots_needed(len(beyond))
    reasons = [
        reason
        or (f"its clock is known to {known:.3g} ms only: a limit of {limit:g} ms can't be checked" if hidden else "")
        or (_SET if moved_clock else "")
        or (f"{n} shots: to call a camera takes {needed}" if n < needed else "")
        for hidden, known, moved_clock, n in zip(blurred, slack, stepped, np.isfinite(moved).sum(axis=0), strict=True)
    ]
    limits = np.full(len(beyond), limit)
    columns = {"decision": decision, "limit_ms": limits, "p_beyond_adj": beyond, "p_within_adj": within}
    return framed(keyed("camera_key", stamps.camera_keys), columns, stamps.basis, reasons)


def correctable_spread(
    stamps: Stamps, confidence: float = 0.95, steps: Sequence[Step] | Fitted | None = None
) -> Estimate:
    """Largest lag less smallest lag: what per-camera delays would take away.

    The interval is simultaneous (Bonferroni over the cameras): the largest of many estimates is too large by itself, so the
    lower bound is what remains when every lag is pulled to the rest. It covers at least what was asked for.

    Parameters
    ----------
    stamps : Stamps
        Calibrated or better.
    confidence : float
        Least coverage of the interval.
    steps : sequence of Step, Fitted or None
        Where clocks were set, or the fit with that taken out if it was made already; None: looked for.

    Returns
    -------
    Estimate
        Over the cameras that have enough shots for an interval; ``reason`` names those that are left out, and why.
    """
    what, unit = "correctable spread", "ms"
    basis = (len(stamps.shot_ids), stamps.evidence, stamps.quantum_ms, stamps.instant)
    reason = refusal("correctable spread", stamps.evidence) or too_coarse(stamps.quantum_ms, what)
    if reason is None and len(stamps.camera_keys) < FEWEST_CAMERAS:
        reason = f"{len(stamps.camera_keys)} cameras: it takes {FEWEST_CAMERAS}"
    if reason is not None:
        return Estimate(what, np.nan, np.nan, np.nan, unit, *basis, reason)
    fit = fitted(stamps, steps)
    stepped = _stepped(stamps, fit)
    moved = _against_rig(without_stepped(stamps, fit.steps))
    known = np.isfinite(moved).any(axis=0) & np.isfinite(stamps.uncertainty_ms)
    found = median_interval(moved, 1 - (1 - confidence) / max(int(known.sum()), 1))
    bounded = known & np.isfinite(found.lo)
    used = bounded if bounded.sum() >= 2 else known
    if used.sum() < 2:
        return Estimate(what, np.nan, np.nan, np.nan, unit, *basis, "fewer than 2 cameras with a lag")
    value = float(np.ptp(found.value[used]))
    if used is not bounded:
        few = f"{len(stamps.shot_ids)} shots are too few for an interval over {int(known.sum())} cameras at once"
        return Estimate(what, value, np.nan, np.nan, unit, *basis, few)
    lo, hi = (found.lo - stamps.uncertainty_ms)[used], (found.hi + stamps.uncertainty_ms)[used]
    shots = np.isfinite(moved).sum(axis=0)
    left = [
        f"{key} ({'its clock was set' if moved_clock else f'{n} shots with a skew'})"
        for key, n, moved_clock, there in zip(stamps.camera_keys, shots, stepped, used, strict=True)
        if not there
    ]
    why = f"without {listed(left)}: no lag that can be bounded beside those of {int(used.sum())} others" if left else ""
    return Estimate(what, value, max(0.0, lo.max() - hi.min()), hi.max() - lo.min(), unit, *basis, why)


def residual_spreads(stamps: Stamps, steps: Sequence[Step] | Fitted | None = None) -> Floats:
    """Spread of each shot after each camera's lag is taken off: what no delay corrects.

    Parameters
    ----------
    stamps : Stamps
        Any that cameras made.
    steps : sequence of Step, Fitted or None
        Where clocks were set, or the fit with that taken out if it was made already; None: looked for.

    Returns
    -------
    numpy.ndarray
        float64, ms, shape (K,); NaN: fewer than 2 stamps, or refused. From uncalibrated stamps offset and drift of each
        clock are taken off with the lag, which can't be told from them. Cameras whose clocks were set are left out of calibrated
        stamps, and taken epoch by epoch in uncalibrated ones.
    """
    if refusal("residual spread", stamps.evidence) is not None or too_coarse(stamps.quantum_ms, "residual spread"):
        return np.full(len(stamps.shot_ids), np.nan)
    fit = fitted(stamps, steps)
    if refusal("lag", stamps.evidence) is not None:
        return shot_statistics(fit.residuals_ms).spread
    moved = _against_rig(without_stepped(stamps, fit.steps))
    return shot_statistics(moved - median_interval(moved).value).spread


def latency_table(stamps: Stamps, confidence: float = 0.95) -> pd.DataFrame:
    """Release latency of each camera: from the release request to the exposure, where both are on one clock.

    Parameters
    ----------
    stamps : Stamps
        Calibrated or better and with ``requested_s``, such as LED readings of a counter that the trigger starts.
    confidence : float
        Coverage of the intervals.

    Returns
    -------
    pandas.DataFrame
        Index ``camera_key``: ``n``, ``latency_ms latency_lo_ms latency_hi_ms``, ``evidence quantum_ms instant reason``. Stamps
        are cut, so a latency comes out up to one step too small; the upper bound contains that step.
    """
    moved = (stamps.seconds - stamps.requested_s[:, None]) * 1e3
    n = np.isfinite(moved).sum(axis=0)
    reason = refusal("latency", stamps.evidence) or too_coarse(stamps.quantum_ms, "latency")
    if reason is None and not np.isfinite(stamps.requested_s).any():
        reason = "the time of the release requests is not known on the clock of the stamps"
    found = median_interval(moved, confidence) if reason is None else _nothing(len(n))
    step = stamps.quantum_ms if np.isfinite(stamps.quantum_ms) else 0.0
    columns = {
        "n": n.astype(np.int64),
        "latency_ms": found.value,
        "latency_lo_ms": found.lo - stamps.uncertainty_ms,
        "latency_hi_ms": found.hi + stamps.uncertainty_ms + step,
    }
    few = [f"{shots} shots: an interval takes {FEWEST_SHOTS}" if shots < FEWEST_SHOTS else "" for shots in n]
    reasons = few if reason is None else [reason] * len(n)
    return framed(keyed("camera_key", stamps.camera_keys), columns, stamps.basis, reasons)
