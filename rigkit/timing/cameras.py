"""What each camera does shot after shot: its lag, its jitter, its latency; and what a correction of the lags would leave.

Lag is the part of a skew that a delay can correct, jitter the part that nothing corrects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rigkit.timing.evidence import COARSE_MS, REFERENCE, Estimate, refusal, too_coarse
from rigkit.timing.fit import floor_of, two_way
from rigkit.timing.frames import framed
from rigkit.timing.intervals import Interval, mad_interval, median_interval
from rigkit.timing.spread import FEWEST_CAMERAS, shot_statistics, skews
from rigkit.timing.stamps import Floats, Stamps

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "FEWEST_SHOTS",
    "camera_table",
    "correctable_spread",
    "lag_of",
    "latency_table",
    "residual_spreads",
    "residuals_ms",
]

#: Below, not even the extremes enclose a median with 95 %: 2 x 2^-5 of all samples of 5 lie on one side of it.
FEWEST_SHOTS = 6


def camera_table(
    stamps: Stamps, confidence: float = 0.95, reference: Literal["others", "rig"] = "others"
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

    Returns
    -------
    pandas.DataFrame
        Index ``camera_key``: ``n`` (int64, shots), ``lag_ms lag_lo_ms lag_hi_ms`` (median skew over shots, positive: late),
        ``jitter_ms jitter_lo_ms jitter_hi_ms`` (1.4826 x MAD of the skews as the stamps show them, so with the cut of the stamps
        in it: stamps in 10 ms steps alone make 3.7 ms), ``evidence quantum_ms instant reason``. Lag intervals hold for the lag
        relative to the rig's median, and contain the uncertainty of the clocks' correction.
    """
    moved = skews(stamps.ms) if reference == "others" else _against_rig(stamps)
    n = np.isfinite(moved).sum(axis=0)
    no_lag = refusal("lag", stamps.evidence)
    no_jitter = refusal("jitter", stamps.evidence)
    lag, jitter = _nothing(len(n)), _nothing(len(n))
    if no_lag is None:
        known = median_interval(moved, confidence)
        slack = stamps.uncertainty_ms + _common_cut_ms(stamps)
        lag = Interval(known.value, known.lo - slack, known.hi + slack)
        jitter = mad_interval(moved, confidence)
    elif no_jitter is None:
        jitter = mad_interval(residuals_ms(stamps), confidence)
        freedom = np.sqrt(n / np.maximum(n - 2, 1))  # two of n degrees of freedom went into offset and drift
        jitter = Interval(*(one * freedom for one in jitter))
    coarse = stamps.quantum_ms >= COARSE_MS
    seen = (lag.lo > stamps.quantum_ms) | (lag.hi < -stamps.quantum_ms)
    reasons, keep_lag, keep_jitter = [], np.ones(len(n), dtype=bool), np.ones(len(n), dtype=bool)
    for column, shots in enumerate(n):
        told = [] if no_lag is None else [no_lag]
        if len(n) < FEWEST_CAMERAS:
            told = [f"{len(n)} cameras: a reference without the camera itself takes {FEWEST_CAMERAS}"]
        elif shots < FEWEST_SHOTS:
            told.append(f"{shots} shots with a skew: an interval takes {FEWEST_SHOTS}")
        if coarse and not no_jitter:
            told.append(too_coarse(stamps.quantum_ms, "lag or jitter") or "")
            keep_lag[column], keep_jitter[column] = bool(seen[column]), False
        reasons.append("; ".join(told))
    columns = {"n": n.astype(np.int64)}
    for name, found, keep in (("lag", lag, keep_lag), ("jitter", jitter, keep_jitter)):
        for part, values in zip((f"{name}_ms", f"{name}_lo_ms", f"{name}_hi_ms"), found, strict=True):
            columns[part] = np.where(keep, values, np.nan)
    return framed("camera_key", stamps.camera_keys, columns, stamps, reasons)


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


def residuals_ms(stamps: Stamps) -> Floats:
    """Give what is left of the stamps after shot effects and each camera's own offset and drift.

    The residual of a cell says how far the camera was from *its own usual*, whatever its clock reads. Split clocks that were set
    during the session first (:func:`rigkit.timing.clocks.split`).

    Returns
    -------
    numpy.ndarray
        float64, ms, shape (K, N); NaN: missing, or a camera with fewer than 3 stamps.
    """
    if len(stamps.camera_keys) < FEWEST_CAMERAS:
        return np.full(stamps.seconds.shape, np.nan)
    times = stamps.shot_times_s()
    fitted = two_way((stamps.seconds - times[:, None]) * 1e3, times, floor=floor_of(stamps.quantum_ms))
    return np.where(fitted.n >= 3, fitted.residuals, np.nan)


def lag_of(table: pd.DataFrame, camera: str) -> Estimate:
    """Take the lag of one camera out of a :func:`camera_table` as a statement that carries its evidence.

    Raises
    ------
    UnknownName
        The camera is not in the table.
    """
    from rigkit.errors import UnknownName

    if camera not in table.index:
        raise UnknownName("camera", camera, list(table.index), "in the table of lags")
    row: Any = table.loc[camera]
    return Estimate(
        f"lag of {camera}",
        float(row["lag_ms"]),
        float(row["lag_lo_ms"]),
        float(row["lag_hi_ms"]),
        "ms",
        int(row["n"]),
        row["evidence"],
        float(row["quantum_ms"]),
        row["instant"],
        str(row["reason"]),
    )


def correctable_spread(stamps: Stamps, confidence: float = 0.95) -> Estimate:
    """Largest lag less smallest lag: what per-camera delays would take away.

    The interval is simultaneous (Bonferroni over the cameras): the largest of many estimates is too large by itself, so the
    lower bound is what remains when every lag is pulled to the rest. It covers at least what was asked for.

    Parameters
    ----------
    stamps : Stamps
        Calibrated or better.
    confidence : float
        Least coverage of the interval.
    """
    cameras = max(len(stamps.camera_keys), 1)
    n = len(stamps.shot_ids)
    basis = (n, stamps.evidence, stamps.quantum_ms, stamps.instant)
    reason = refusal("correctable spread", stamps.evidence) or too_coarse(stamps.quantum_ms, "correctable spread")
    if reason is None and cameras < FEWEST_CAMERAS:
        reason = f"{cameras} cameras: it takes {FEWEST_CAMERAS}"
    if reason is not None:
        return Estimate("correctable spread", np.nan, np.nan, np.nan, "ms", *basis, reason)
    found = median_interval(_against_rig(stamps), 1 - (1 - confidence) / cameras)
    known = np.isfinite(found.value)
    if known.sum() < 2:
        return Estimate("correctable spread", np.nan, np.nan, np.nan, "ms", *basis, "fewer than 2 cameras with a lag")
    value = float(np.ptp(found.value[known]))
    bounded = known & np.isfinite(found.lo)
    if not bounded.all():
        few = f"{n} shots are too few for an interval over {cameras} cameras at once"
        return Estimate("correctable spread", value, np.nan, np.nan, "ms", *basis, few)
    lo = found.lo - stamps.uncertainty_ms
    hi = found.hi + stamps.uncertainty_ms
    return Estimate("correctable spread", value, max(0.0, lo.max() - hi.min()), hi.max() - lo.min(), "ms", *basis)


def residual_spreads(stamps: Stamps) -> Floats:
    """Spread of each shot after each camera's lag is taken off: what no delay corrects.

    Returns
    -------
    numpy.ndarray
        float64, ms, shape (K,); NaN: fewer than 2 stamps, or refused. From uncalibrated stamps offset and drift of each
        clock are taken off with the lag, which can't be told from them.
    """
    if refusal("residual spread", stamps.evidence) is not None or too_coarse(stamps.quantum_ms, "residual spread"):
        return np.full(len(stamps.shot_ids), np.nan)
    if refusal("lag", stamps.evidence) is not None:
        return shot_statistics(residuals_ms(stamps)).spread
    moved = _against_rig(stamps)
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
    return framed("camera_key", stamps.camera_keys, columns, stamps, few if reason is None else [reason] * len(n))
