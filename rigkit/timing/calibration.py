"""Lags that were measured once and are used afterwards: to correct, and to shift the release of single cameras.

A lag belongs to a body. When another body takes a camera's place, its lag is no longer known, and only its.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rigkit.timing.cameras import camera_table
from rigkit.timing.evidence import LETTERS, Evidence, refusal
from rigkit.timing.spread import shot_statistics
from rigkit.timing.stamps import Floats, Stamps

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Calibration", "Lag", "Proposal", "calibrate", "propose"]

#: CameraTriggerIndex runs from 0 to 100.
_LAST_INDEX = 100


@dataclass(frozen=True, slots=True)
class Lag:
    """The lag of one body.

    Attributes
    ----------
    lag_ms, lo_ms, hi_ms : float
        With its interval; positive: late.
    jitter_ms : float
        Which no correction takes away.
    n : int
        Shots it rests on.
    serial : str
        Of the body; empty: not known, and then any body counts as another one.
    """

    lag_ms: float
    lo_ms: float
    hi_ms: float
    jitter_ms: float
    n: int
    serial: str


@dataclass(frozen=True, slots=True)
class Calibration:
    """Lags per camera and what they rest on.

    Attributes
    ----------
    lags : mapping of str to Lag
        By camera key.
    evidence : str
        Reference or calibrated stamps.
    quantum_ms : float
        Steps of the readings or stamps.
    instant : str
        The instant of the exposure that was measured.
    invalid : mapping of str to str
        Cameras whose lag is known no more, and why.
    """

    lags: Mapping[str, Lag]
    evidence: Evidence
    quantum_ms: float
    instant: str
    invalid: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        """Give plain data that JSON or YAML can hold, the whole calibration."""
        return {
            "evidence": self.evidence,
            "quantum_ms": self.quantum_ms,
            "instant": self.instant,
            "lags": {key: {name: getattr(lag, name) for name in Lag.__slots__} for key, lag in self.lags.items()},
            "invalid": dict(self.invalid),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Calibration:
        """Read what :meth:`as_dict` gave.

        Raises
        ------
        ValueError
            A field is missing or is not what it should be; the message names it.
        """
        try:
            evidence = data["evidence"]
            if evidence not in LETTERS:
                raise ValueError(f"no evidence level {evidence!r}")
            lags = {
                str(key): Lag(
                    lag_ms=float(one["lag_ms"]),
                    lo_ms=float(one["lo_ms"]),
                    hi_ms=float(one["hi_ms"]),
                    jitter_ms=float(one["jitter_ms"]),
                    n=int(one["n"]),
                    serial=str(one["serial"]),
                )
                for key, one in data["lags"].items()
            }
            invalid = {str(key): str(why) for key, why in data.get("invalid", {}).items()}
            return cls(lags, evidence, float(data["quantum_ms"]), str(data["instant"]), invalid)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a calibration of lags: {error!r} is missing or of the wrong kind") from error

    def checked(self, serials: Mapping[str, str]) -> Calibration:
        """Give up the lags of cameras whose body changed, and of no others.

        Parameters
        ----------
        serials : mapping of str to str
            The serial number of the body that stands there now, by camera key; a camera that is not named is not there and
            keeps its lag.
        """
        changed = {
            key: f"measured with body {lag.serial or 'of unknown serial number'}, now {serials[key] or 'one of unknown serial number'}"
            for key, lag in self.lags.items()
            if key in serials and (not lag.serial or lag.serial != serials[key])
        }
        kept = {key: lag for key, lag in self.lags.items() if key not in changed}
        return replace(self, lags=kept, invalid={**self.invalid, **changed})

    def lags_ms(self, camera_keys: tuple[str, ...]) -> Floats:
        """Give the lags of these cameras, float64, shape (N,); NaN: none that is valid."""
        return np.array(
            [self.lags[key].lag_ms if key in self.lags else np.nan for key in camera_keys], dtype=np.float64
        )

    def applied(self, stamps: Stamps) -> Stamps:
        """Take each camera's lag off; the stamps that were given stay as they are.

        Returns
        -------
        Stamps
            Of cameras without a valid lag: NaN, with a remark.
        """
        lags = self.lags_ms(stamps.camera_keys)
        half = [
            (self.lags[key].hi_ms - self.lags[key].lo_ms) / 2 if key in self.lags else 0.0 for key in stamps.camera_keys
        ]
        lost = [key for key in stamps.camera_keys if key not in self.lags]
        remarks = tuple(f"{key}: {self.invalid.get(key, 'its lag was never measured')}; left out" for key in lost)
        wider = stamps.uncertainty_ms + np.nan_to_num(np.array(half, dtype=np.float64))
        return replace(
            stamps, seconds=stamps.seconds - lags / 1e3, uncertainty_ms=wider, remarks=stamps.remarks + remarks
        )


class Proposal(NamedTuple):
    """How to shift single cameras, and what it would bring.

    Attributes
    ----------
    table : pandas.DataFrame
        Index ``camera_key``: ``lag_ms``, ``delay_ms`` (to be added to that camera's release), ``trigger_index`` (Int64).
    interval_ms : float
        CameraTriggerInterval to go with the indices.
    spread_now_ms, spread_then_ms : float
        Median spread of a shot now, and as predicted with the delays; NaN: can't be known.
    correctable_now_ms, correctable_then_ms : float
        Largest less smallest lag now and then.
    reason : str
        Why nothing is proposed; empty: something is.
    """

    table: pd.DataFrame
    interval_ms: float
    spread_now_ms: float
    spread_then_ms: float
    correctable_now_ms: float
    correctable_then_ms: float
    reason: str


def calibrate(stamps: Stamps, serials: Mapping[str, str], confidence: float = 0.95) -> Calibration:
    """Measure the lag of each body.

    Parameters
    ----------
    stamps : Stamps
        Calibrated or better.
    serials : mapping of str to str
        Serial number of each camera's body.
    confidence : float
        Of the intervals.

    Raises
    ------
    ValueError
        The stamps can't tell lags, and why.
    """
    reason = refusal("lag", stamps.evidence)
    if reason is not None:
        raise ValueError(reason)
    table = camera_table(stamps, confidence, reference="rig")
    lags, invalid = {}, {}
    for row in table.reset_index().to_dict("records"):
        key = str(row["camera_key"])
        if np.isnan(row["lag_ms"]):
            invalid[key] = str(row["reason"]) or "no skew was measured"
        else:
            lo, hi = float(row["lag_lo_ms"]), float(row["lag_hi_ms"])
            body = str(serials.get(key, ""))
            lags[key] = Lag(float(row["lag_ms"]), lo, hi, float(row["jitter_ms"]), int(row["n"]), body)
    return Calibration(lags, stamps.evidence, stamps.quantum_ms, stamps.instant, invalid)


def propose(stamps: Stamps, calibration: Calibration, delay_step_ms: float = 1.0) -> Proposal:
    """Propose delays, and trigger indices where the interval can only be common, that shrink the spread.

    The latest camera keeps its release, all others wait for it. Delays come in whole steps; trigger indices 0 to 100 with an
    interval wide enough for the largest delay.

    Parameters
    ----------
    stamps : Stamps
        The shots by which the spread is predicted, calibrated or better.
    calibration : Calibration
        The lags.
    delay_step_ms : float
        Smallest step of a delay, or of CameraTriggerInterval (1 ms).

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
    delays, index, interval = np.full(len(lags), np.nan), np.full(len(lags), np.nan), float("nan")
    reason = "" if known.sum() >= 2 else f"{int(known.sum())} cameras with a lag: there is nothing to shift"
    if not reason:
        wanted = lags[known].max() - lags
        interval = delay_step_ms * max(1.0, float(np.ceil(wanted[known].max() / _LAST_INDEX / delay_step_ms)))
        index = np.round(wanted / interval)
        delays = index * interval
        if not (delays[known] > 0).any():
            reason = f"all lags lie within one step of {delay_step_ms:g} ms: there is nothing to gain"
    then = lags + np.nan_to_num(delays)
    now_ms = then_ms = float("nan")
    why_not = refusal("spread", stamps.evidence)
    if why_not is None and known.sum() >= 2:
        moved = stamps.ms[:, known]
        now_ms, then_ms = (_median(shot_statistics(one).spread) for one in (moved, moved + delays[known]))
    table = pd.DataFrame(
        {
            "lag_ms": lags,
            "delay_ms": delays,
            "trigger_index": pd.array([None if np.isnan(one) else int(one) for one in index], dtype="Int64"),
        },
        index=pd.Index(stamps.camera_keys, name="camera_key"),
    )
    spans = [float(np.ptp(one[known])) if known.sum() >= 2 else float("nan") for one in (lags, then)]
    return Proposal(table, interval, now_ms, then_ms, spans[0], spans[1], reason)


def _median(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")
