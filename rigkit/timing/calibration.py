"""Lags that were measured once and are used afterwards: to correct, and to shift the release of single cameras.

A lag belongs to a body. When another body takes a camera's place, its lag is no longer known, and only its.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import msgspec
import numpy as np

from rigkit.timing.cameras import camera_table
from rigkit.timing.evidence import Basis, Evidence, Instant, refusal
from rigkit.timing.stamps import Floats, Stamps
from rigkit.timing.steps import Step
from rigkit.timing.usual import Fitted

if TYPE_CHECKING:
    pass

__all__ = ["Calibration", "Lag", "calibrate"]

_Read = TypeVar("_Read")
#: The levels that can tell a lag.
_Strong = Literal["calibrated stamps", "reference"]
#: Fields that plain data may hold None in.
_UNKNOWABLE = ("quantum_ms", "lo_ms", "hi_ms", "jitter_ms")
#: CameraTriggerIndex runs from 0 to 100.
_LAST_INDEX = 100


@dataclass(frozen=True, slots=True)
class Lag:
    """The lag of one body.

    Attributes
    ----------
    lag_ms, lo_ms, hi_ms : float
        With its interval; positive: late. Bounds NaN: too few shots for an interval.
    jitter_ms : float
        Which no correction takes away; NaN: not known.
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

    @property
    def is_bounded(self) -> bool:
        """Whether it has an interval: without one, nobody knows what it is worth."""
        return math.isfinite(self.hi_ms - self.lo_ms)


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
        Steps of the readings or stamps; NaN: not known.
    instant : str
        The instant of the exposure that was measured.
    invalid : mapping of str to str
        Cameras whose lag is known no more, and why.
    released : str
        What released the shots they were measured with (``trigger`` of the shots table); a lag holds for that way of releasing only.
        Empty: not known.
    """

    lags: Mapping[str, Lag]
    evidence: Evidence
    quantum_ms: float
    instant: Instant
    invalid: Mapping[str, str]
    released: str = ""

    @property
    def basis(self) -> Basis:
        """What a table made of this calibration rests on."""
        return Basis(self.evidence, self.quantum_ms, self.instant)

    def as_dict(self) -> dict[str, Any]:
        """Give plain data that JSON or YAML can hold, the whole calibration; None: a number that is not known."""
        return {
            "evidence": self.evidence,
            "quantum_ms": _plain(self.quantum_ms),
            "instant": self.instant,
            "lags": {
                key: {name: _plain(getattr(lag, name)) for name in Lag.__slots__} for key, lag in self.lags.items()
            },
            "invalid": dict(self.invalid),
            "released": self.released,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Calibration:
        """Read what :meth:`as_dict` gave.

        Raises
        ------
        ValueError
            A field is missing or is not what it should be; the message names it, and the camera.
        """
        kept = _read(_Kept, data, "the calibration")
        lags = {key: _read(Lag, one, key) for key, one in kept.lags.items()}
        for key, lag in lags.items():
            bounds = np.abs([one for one in (lag.lag_ms, lag.lo_ms, lag.hi_ms) if not np.isnan(one)])
            odd = (bounds > _LONGEST_MS).any() or lag.jitter_ms < 0 or not 0 <= lag.n < 10**9
            if odd or not np.isfinite(lag.lag_ms) or lag.lo_ms > lag.lag_ms or lag.hi_ms < lag.lag_ms:
                raise ValueError(
                    f"not a calibration of lags: {key}: a lag of {lag.lag_ms} ms within {lag.lo_ms} to {lag.hi_ms} ms"
                )
        return cls(lags, kept.evidence, kept.quantum_ms, kept.instant, kept.invalid, kept.released)

    def holding_for(self, released: str) -> Calibration:
        """Give up all lags if they were measured with another way of releasing: that changes what is late, and by how much."""
        if not released or self.released in ("", released):
            return self
        why = f"its lag was measured with shots released by {self.released}, and these were by {released}"
        return replace(self, lags={}, invalid={**self.invalid, **dict.fromkeys(self.lags, why)})

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
            Of cameras without a valid lag, or whose lag has no interval: NaN, with a remark.
        """
        lags = self.lags_ms(stamps.camera_keys)
        half = np.array(
            [
                (self.lags[key].hi_ms - self.lags[key].lo_ms) / 2 if key in self.lags else np.nan
                for key in stamps.camera_keys
            ],
            dtype=np.float64,
        )
        known = np.isfinite(half)
        remarks = tuple(
            f"{key}: {self.why_not(key)}; left out"
            for key, there in zip(stamps.camera_keys, known, strict=True)
            if not there
        )
        return replace(
            stamps,
            seconds=np.where(known, stamps.seconds - lags / 1e3, np.nan),
            uncertainty_ms=np.where(known, stamps.uncertainty_ms + half, 0.0),
            remarks=stamps.remarks + remarks,
        )

    def why_not(self, key: str) -> str:
        """Say why the lag of a camera is not known, or is of no use."""
        if key in self.lags:
            return f"its lag was measured in {self.lags[key].n} shots, too few to say how well it is known"
        return self.invalid.get(key, "its lag was never measured")


#: No shutter lags by more, ms.
_LONGEST_MS = 3_600_000.0


class _Kept(msgspec.Struct, frozen=True):
    """The plain data of a calibration; its lags are looked at one by one, so that what is wrong can be said of a camera."""

    evidence: _Strong
    quantum_ms: float
    instant: Instant
    lags: dict[str, dict[str, Any]]
    invalid: dict[str, str] = {}
    released: str = ""


def _plain(value: Any) -> Any:
    """Give None for NaN, which JSON has no token for."""
    return None if isinstance(value, float) and math.isnan(value) else value


def _read(kind: type[_Read], data: Any, of: str) -> _Read:
    """Check plain data against a class, NaN for None where a number is not known."""
    if isinstance(data, Mapping):
        data = {name: float("nan") if value is None and name in _UNKNOWABLE else value for name, value in data.items()}
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise ValueError(f"not a calibration of lags: {of}: {error}") from error


def calibrate(
    stamps: Stamps, serials: Mapping[str, str], confidence: float = 0.95, steps: Sequence[Step] | Fitted | None = None
) -> Calibration:
    """Measure the lag of each body.

    Parameters
    ----------
    stamps : Stamps
        Calibrated or better.
    serials : mapping of str to str
        Serial number of each camera's body.
    confidence : float
        Of the intervals.
    steps : sequence of Step, Fitted or None
        Where clocks were set, or the fit with that taken out if it was made already; None: looked for.

    Raises
    ------
    ValueError
        The stamps can't tell lags, and why.
    """
    reason = refusal("lag", stamps.evidence)
    if reason is not None:
        raise ValueError(reason)
    table = camera_table(stamps, confidence, reference="rig", steps=steps)
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
