"""How to shift the releases of single cameras so that the rig exposes more simultaneously: delays, or the order of the trigger.

A delay per camera takes all of a lag away, in whole steps. The application's synchronised trigger has one interval for all and an index
per camera; no public source says whether it waits for index numbers that no camera has. So indices are proposed without gaps,
which mean the same either way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rigkit.timing.calibration import Calibration
from rigkit.timing.evidence import refusal
from rigkit.timing.frames import framed, keyed
from rigkit.timing.spread import shot_statistics
from rigkit.timing.stamps import Counts, Floats, Stamps

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Proposal", "propose"]

#: CameraTriggerIndex runs from 0 to 100.
_LAST_INDEX = 100


class Proposal(NamedTuple):
    """How to shift single cameras, and what it would bring.

    Attributes
    ----------
    table : pandas.DataFrame
        Index ``camera_key``: ``lag_ms``, ``delay_ms`` (to be added to that camera's release, where each can have its own),
        ``trigger_index`` (Int64, without gaps; for the trigger, which has one interval for all), ``evidence quantum_ms instant
        reason`` (of the calibration).
    interval_ms : int
        CameraTriggerInterval to go with the indices; 0: no order of the trigger is better than none.
    spread_now_ms, spread_then_ms, spread_trigger_ms : float
        Median spread of a shot now, and as predicted with the delays, and with the trigger in that order; NaN: can't be known.
    correctable_now_ms, correctable_then_ms : float
        Largest less smallest lag now, and with the delays.
    reason : str
        Why nothing is proposed; empty: something is.
    """

    table: pd.DataFrame
    interval_ms: int
    spread_now_ms: float
    spread_then_ms: float
    spread_trigger_ms: float
    correctable_now_ms: float
    correctable_then_ms: float
    reason: str

    @property
    def order(self) -> dict[str, int]:
        """Trigger index of each camera, for ``rig.trigger(order=proposal.order, interval_ms=proposal.interval_ms)``."""
        known = self.table["trigger_index"].dropna()
        return {str(key): int(index) for key, index in known.items()}

    def __str__(self) -> str:
        if self.reason:
            return f"Nothing is proposed: {self.reason}"
        shifted = int((self.table["delay_ms"] > 0).sum())
        return (
            f"A delay of up to {self.table['delay_ms'].max():g} ms for {shifted} of {len(self.table)} cameras would take the median "
            f"spread of a shot from {self.spread_now_ms:.3g} to about {self.spread_then_ms:.3g} ms; the synchronised trigger in "
            f"{self.table['trigger_index'].max() + 1} steps of {self.interval_ms} ms, to about {self.spread_trigger_ms:.3g} ms."
        )


def propose(stamps: Stamps, calibration: Calibration, delay_step_ms: float = 1.0) -> Proposal:
    """Propose delays, and an order of the trigger, that shrink the spread.

    The latest camera keeps its release, all others wait for it.

    Parameters
    ----------
    stamps : Stamps
        The shots by which the spread is predicted, calibrated or better.
    calibration : Calibration
        The lags.
    delay_step_ms : float
        Smallest step of a delay.

    Raises
    ------
    ValueError
        The step is not positive.
    """
    import pandas as pd

    if not delay_step_ms > 0:
        raise ValueError(f"delays in steps of {delay_step_ms:g} ms: it takes a positive number")
    lags = calibration.lags_ms(stamps.camera_keys)
    known = np.isfinite(lags)
    delays, index, interval = np.full(len(lags), np.nan), np.zeros(len(lags), dtype=np.int64), 0
    reason = "" if known.sum() >= 2 else f"{int(known.sum())} cameras with a lag: there is nothing to shift"
    if not reason:
        wanted = lags[known].max() - lags
        delays = np.round(wanted / delay_step_ms) * delay_step_ms
        index[known], interval = _order(wanted[known])
        if not (delays[known] > 0).any():
            reason = f"all lags lie within one step of {delay_step_ms:g} ms: there is nothing to gain"
    now_ms = then_ms = triggered_ms = float("nan")
    if refusal("spread", stamps.evidence) is None and known.sum() >= 2:
        moved = stamps.ms[:, known]
        shifts = (np.zeros(1), delays[known], (index * interval)[known])
        now_ms, then_ms, triggered_ms = (_median(shot_statistics(moved + shift).spread) for shift in shifts)
    columns = {
        "lag_ms": lags,
        "delay_ms": delays,
        "trigger_index": pd.array(
            [int(at) if there else None for at, there in zip(index, known, strict=True)], dtype="Int64"
        ),
    }
    whys = ["" if there else calibration.why_not(key) for key, there in zip(stamps.camera_keys, known, strict=True)]
    table = framed(keyed("camera_key", stamps.camera_keys), columns, calibration.basis, whys)
    spans = [float(np.ptp(one[known])) if known.sum() >= 2 else float("nan") for one in (lags, lags + delays)]
    return Proposal(table, interval, now_ms, then_ms, triggered_ms, spans[0], spans[1], reason)


def _order(wanted: Floats) -> tuple[Counts, int]:
    """Find the interval (whole ms) and the indices without gaps that leave the smallest spread of lags.

    Parameters
    ----------
    wanted : numpy.ndarray
        float64, shape (N,): by how much each camera is to wait, ms; the least is 0.

    Returns
    -------
    indices : numpy.ndarray
        int64, shape (N,), from 0; all 0 where no interval is better than none.
    interval : int
        ms; 0 likewise.
    """
    best, found, interval = float(np.ptp(wanted)), np.zeros(len(wanted), dtype=np.int64), 0
    for step in range(1, int(wanted.max()) + 2):
        index = np.round(wanted / step).astype(np.int64)
        last = int(index.max())
        if last == 0 or last > _LAST_INDEX or len(np.unique(index)) != last + 1:
            continue
        left = float(np.ptp(wanted - index * step))
        if left < best:
            best, found, interval = left, index, step
    return found, interval


def _median(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")
