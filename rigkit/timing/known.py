"""All that the tables of a sitting let one know about time: tables in, tables out.

Three kinds of stamps may be there: readings of a counter in view (reference), the cameras' own stamps (uncalibrated), and those
made comparable by lags measured with a reference (calibrated). Each exposure and each shot is described by the best there is
for it, and says which that is. What none of them can tell is not known, with the reason.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from rigkit.record.columns import TABLES, frame
from rigkit.record.timed import TIMED_EXPOSURES, TIMED_SHOTS
from rigkit.timing.anchored import anchored
from rigkit.timing.calibration import Calibration, calibrate
from rigkit.timing.cameras import camera_table, residual_spreads
from rigkit.timing.clocks import clock_table, host_clock_table
from rigkit.timing.decisions import BUDGET, SHARES
from rigkit.timing.evidence import HOST_ARRIVAL, refusal
from rigkit.timing.laid_out import cells, declared, levels, or_none, records
from rigkit.timing.late import Lateness, lateness
from rigkit.timing.led import connected, exposure_ms, led_stamps
from rigkit.timing.rules import Review, joined_reviews, review
from rigkit.timing.source import Source, camera_stamps, host_arrivals, origin_of
from rigkit.timing.spread import FEWEST_CAMERAS, shot_table, skew_table
from rigkit.timing.stamps import Stamps
from rigkit.timing.steps import Step
from rigkit.timing.usual import Fitted, fitted

if TYPE_CHECKING:
    import pandas as pd

    from rigkit.record.stamps import StampOrigin

__all__ = ["Known"]

_EXCHANGED = "another body took its place during the session"
_SPREADS = ("spread_ms", "spread_lo_ms", "spread_hi_ms", "spread_p90_ms", "rms_skew_ms", "robust_sigma_ms")


class Known:
    """What is known about time in one sitting; see :class:`rigkit.timing.questions.Timing`.

    Parameters
    ----------
    exposures, shots, photos, cameras : pandas.DataFrame
        Tables of these names; of ``exposures`` and ``shots`` only what the account says of them.
    reference : pandas.DataFrame
        Readings, as the table of that name has them; may be empty.
    calibration : Calibration or None
        Lags measured in another sitting; None: none but those that the readings of this one tell.
    """

    def __init__(
        self,
        exposures: pd.DataFrame,
        shots: pd.DataFrame,
        photos: pd.DataFrame,
        cameras: pd.DataFrame,
        reference: pd.DataFrame,
        calibration: Calibration | None = None,
    ) -> None:
        self._exposures, self._shots, self._photos, self._cameras = exposures, shots, photos, cameras
        self._readings, self._given = reference, calibration

    # -- stamps -------------------------------------------------------------------------------------------------------

    @cached_property
    def origin(self) -> StampOrigin:
        """Whose clock PhotoDateCaptured shows, for the rig and by camera, and why."""
        return origin_of(self._photos)

    @cached_property
    def source(self) -> Source:
        """The cameras' own stamps, and where they come from."""
        return camera_stamps(self._exposures, self._photos, lambda: self.origin)

    @property
    def stamps(self) -> Stamps | None:
        """The cameras' own stamps, uncalibrated; None: there are none."""
        return self.source.stamps

    @cached_property
    def fit(self) -> Fitted | None:
        """What is usual for each shot and each camera's clock, and where clocks were set; None: no camera stamps."""
        return None if self.stamps is None else fitted(self.stamps)

    @property
    def steps(self) -> list[Step]:
        """Where clocks were set during the sitting."""
        return [] if self.fit is None else self.fit.steps

    @cached_property
    def readings(self) -> Stamps | None:
        """The readings of a counter in view as stamps; None: there are none."""
        table = self._readings
        first = self._exposures["attempt"].reindex(table.index) == 1  # a reshoot is another instant
        table = table[first.to_numpy(dtype=bool, na_value=False)]
        if table.empty:
            return None
        wrap, step = float(table["wrap_ms"].iloc[-1]), float(table["step_ms"].iloc[-1])
        triggered = bool(table["from_trigger"].fillna(False).iloc[-1])
        instant: Any = table["instant"].iloc[-1]
        return connected(led_stamps(table, wrap, step, instant, triggered))

    @cached_property
    def calibration(self) -> Calibration | None:
        """Lags by camera: those that this sitting's readings tell, else those that were given; None: neither."""
        both = (self.measured, self._given)
        found, given = (
            None if one is None else self._of_these_bodies(one).holding_for(self.source.released) for one in both
        )
        if found is None or given is None:
            return found or given
        # What was measured in this sitting goes before what was measured in another.
        sure = {key: lag for key, lag in found.lags.items() if lag.is_bounded}
        lags = {**given.lags, **sure} if given.instant == found.instant else sure or given.lags
        invalid = {key: why for key, why in {**given.invalid, **found.invalid}.items() if key not in lags}
        return replace(found if sure else given, lags=lags, invalid=invalid)

    @cached_property
    def _readings_alike(self) -> tuple[Stamps, str] | None:
        """The readings of shots released one way, that of most shots, and which way that is; None: there are none."""
        if self.readings is None:
            return None
        by_shot = self._shots["trigger"].astype(object).reindex(list(self.readings.shot_ids)).fillna("")
        words = Counter(str(one) for one in by_shot)
        released = self.source.released if self.source.released in words else words.most_common(1)[0][0]
        shots = [shot for shot, word in by_shot.items() if word == released]
        cameras = [key for key in self.readings.camera_keys if key not in self._exchanged]  # a lag is that of one body
        return self.readings.only(shots, cameras), released

    @cached_property
    def measured(self) -> Calibration | None:
        """Lags that the readings of this sitting tell, of one way of releasing; None: there are no readings."""
        if self._readings_alike is None:
            return None
        readings, released = self._readings_alike
        found = calibrate(readings, self._serials())
        seen = {
            key for key, one in zip(readings.camera_keys, readings.seconds.T, strict=True) if np.isfinite(one).any()
        }
        alone = {str(key) for _, key in self._readings.index} - seen
        why = dict.fromkeys(alone, "its counter was never read in a shot together with those of most others")
        why |= dict.fromkeys(self._exchanged, _EXCHANGED)
        return replace(found, invalid={**found.invalid, **why}, released=released)

    def _of_these_bodies(self, lags: Calibration) -> Calibration:
        """Give up the lags of other bodies, and those of keys at which more than one body was seen during the session."""
        checked = lags.checked(self._serials())
        kept = {key: lag for key, lag in checked.lags.items() if key not in self._exchanged}
        return replace(checked, lags=kept, invalid={**checked.invalid, **dict.fromkeys(self._exchanged, _EXCHANGED)})

    @cached_property
    def _exchanged(self) -> set[str]:
        """Cameras at whose key more than one body was seen during the session."""
        bodies = self._exposures["serial"].dropna().groupby(level="camera_key").nunique()
        return {str(key) for key in bodies.index[bodies > 1]}

    def _serials(self) -> dict[str, str]:
        """Give the serial number of the body behind each camera key: as it was when it was fired, else as it is."""
        now = self._cameras["serial"].dropna()
        then = self._exposures["serial"].dropna().groupby(level="camera_key").last()
        there = dict.fromkeys(map(str, self._exposures.index.get_level_values("camera_key").unique()), "")
        return there | {str(key): str(one) for series in (now, then) for key, one in series.items()}

    @cached_property
    def calibrated(self) -> Stamps | None:
        """The cameras' stamps made comparable by the lags that are known; None: there are no stamps, or no lags."""
        if self.stamps is None or self.fit is None or self.calibration is None or not self.calibration.lags:
            return None
        stamps = anchored(self.stamps, self.calibration, self.fit)
        return stamps if np.isfinite(stamps.seconds).any() else None

    @property
    def best(self) -> Stamps | None:
        """The best stamps that cover the whole sitting: calibrated, else the cameras' own, else the readings; None: none."""
        return self.calibrated or self.stamps or self.readings

    @cached_property
    def _skewed(self) -> list[Stamps]:
        """Stamps that tell skews, the best first."""
        return [one for one in (self.readings, self.calibrated) if one is not None]

    @cached_property
    def _lagged(self) -> list[Stamps]:
        """Stamps that tell lags, the best first: of one way of releasing."""
        readings = None if self._readings_alike is None else self._readings_alike[0]
        return [one for one in (readings, self.calibrated) if one is not None]

    @cached_property
    def why_no_skew(self) -> str:
        """Why no skew is known; empty: some are."""
        if self._skewed:
            return ""
        if self.stamps is None:
            return self.source.reason
        return refusal("skew", self.stamps.evidence) or ""

    # -- by exposure, by shot -----------------------------------------------------------------------------------------

    @cached_property
    def usual(self) -> Lateness | None:
        """How far each exposure was from its camera's usual; None: no camera stamps."""
        return None if self.stamps is None else lateness(self.stamps, self.fit)

    @cached_property
    def exposures(self) -> pd.DataFrame:
        """The columns of the exposures table that are about time, index as there."""
        import pandas as pd

        index, source = self._exposures.index, self.source
        level = levels(self._exposures["arrival_s"])
        columns: dict[str, Any] = {
            "t_exif": source.t_exif,
            "subsec_digits": source.subsec_digits,
            "stamp": source.kind.astype(object),
        }
        columns |= {name: pd.Series(np.nan, index=index) for name in ("skew_ms", "skew_lo_ms", "skew_hi_ms", "late_ms")}
        columns["quantum_ms"] = pd.Series(np.nan, index=index)
        columns["instant"] = pd.Series(None, index=index, dtype=object)
        columns["t_corrected"] = pd.Series(pd.NaT, index=index, dtype="datetime64[us]")
        if self.stamps is not None and self.usual is not None:
            stamped = source.kind.notna().to_numpy()
            level[stamped] = self.stamps.evidence
            columns["quantum_ms"][stamped] = self.stamps.quantum_ms
            columns["instant"][stamped] = self.stamps.instant
            columns["late_ms"] = cells(self.usual.residuals_ms, self.stamps, index)
        for stamps in reversed(self._skewed):
            told = skew_table(stamps).reindex(index)
            known = told["skew_lo_ms"].notna().to_numpy()
            for name in ("skew_ms", "skew_lo_ms", "skew_hi_ms"):
                columns[name] = columns[name].where(~known, told[name])
            columns["quantum_ms"][known], columns["instant"][known] = stamps.quantum_ms, stamps.instant
            level[known] = stamps.evidence
            if stamps is self.readings:
                columns["stamp"][known] = "reference"
        if self.calibrated is not None:
            seconds = cells(self.calibrated.seconds, self.calibrated, index) + self.calibrated.origin_s
            columns["t_corrected"] = pd.to_datetime(seconds, unit="s").dt.round("us").astype("datetime64[us]")
        columns["evidence"] = level
        return declared(TIMED_EXPOSURES, columns, index)

    @cached_property
    def shots(self) -> pd.DataFrame:
        """The columns of the shots table that are about time, index as there."""
        import pandas as pd

        index = self._shots.index
        level = levels(self._shots["first_arrival_s"])
        columns: dict[str, Any] = {name: pd.Series(np.nan, index=index) for name in (*_SPREADS, "residual_spread_ms")}
        columns |= {name: pd.Series(np.nan, index=index) for name in ("n_stamps", "quantum_ms")}
        columns["instant"] = pd.Series(None, index=index, dtype=object)
        columns["timing_reason"] = pd.Series(self.why_no_skew, index=index, dtype=object)
        released = self.source.released
        for word in {str(one) for one in self._shots["trigger"].dropna()} - {released} if released else ():
            other = (self._shots["trigger"].astype(object) == word).to_numpy()
            columns["timing_reason"][other] = (
                f"released by {word}: what stamps tell rests on the shots released by {released}"
            )
        if self.stamps is not None:
            own = pd.Series(np.isfinite(self.stamps.seconds).sum(axis=1), index=list(self.stamps.shot_ids)).reindex(
                index
            )
            there = own.notna().to_numpy()
            columns["n_stamps"] = own
            rest = pd.Series(residual_spreads(self.stamps, self.fit), index=list(self.stamps.shot_ids))
            columns["residual_spread_ms"] = rest.reindex(index)
            columns["quantum_ms"][there], columns["instant"][there] = self.stamps.quantum_ms, self.stamps.instant
            level[there] = self.stamps.evidence
        if self._skewed:
            plain = columns["timing_reason"] == ""
            columns["timing_reason"][plain.to_numpy()] = "no stamp of this shot can be compared"
        for stamps in reversed(self._skewed):
            told = shot_table(stamps).reindex(index)
            known = (told["n"] > 0).to_numpy(dtype=bool, na_value=False)
            for name in _SPREADS:
                columns[name] = columns[name].where(~known, told[name])
            columns["n_stamps"] = columns["n_stamps"].where(~known, told["n"])
            columns["timing_reason"] = columns["timing_reason"].where(~known, told["reason"].astype(object))
            if stamps is self.calibrated:
                columns["timing_reason"][known] = self._with_left_out(columns["timing_reason"][known], told["n"][known])
            columns["quantum_ms"][known], columns["instant"][known] = stamps.quantum_ms, stamps.instant
            level[known] = stamps.evidence
        columns["evidence"] = level
        return declared(TIMED_SHOTS, columns, index)

    def _with_left_out(self, reasons: pd.Series, counts: pd.Series) -> list[str]:
        """Add to the reason of each shot how many stamps are not in its numbers."""
        assert self.stamps is not None
        own = dict(zip(self.stamps.shot_ids, np.isfinite(self.stamps.seconds).sum(axis=1), strict=True))
        told = []
        for shot, why, count in zip(reasons.index, reasons, counts, strict=True):
            lacking = int(own.get(shot, 0) - count)
            left = f"{lacking} of {own.get(shot, 0)} stamps are left out: their cameras' lags are not known, or their clocks were set"
            told.append("; ".join(part for part in (str(why or ""), left if lacking > 0 else "") if part))
        return told

    # -- by camera ----------------------------------------------------------------------------------------------------

    @cached_property
    def lags(self) -> pd.DataFrame:
        """Lag and jitter of each camera by the best stamps there are, and how soon the host heard; table ``lags``."""
        arrivals = self._exposures["arrival_s"].astype("float64")[(self._exposures["attempt"] == 1).fillna(False)]
        by_camera = arrivals.groupby(level="camera_key", sort=False)
        rows: dict[str, dict[str, Any]] = {
            str(key): {"camera_key": key, "arrival_s": or_none(middle), "arrival_p95_s": or_none(late), "n": 0}
            for key, middle, late in zip(
                by_camera.groups, by_camera.median().tolist(), by_camera.quantile(0.95).tolist(), strict=True
            )
        }
        for row in rows.values():
            row |= {**self._about(row["camera_key"]), "reason": self.why_no_skew}
            row["evidence"] = HOST_ARRIVAL if row["arrival_s"] is not None else None
        for stamps in (self.stamps, *reversed(self._lagged)):
            if stamps is None:
                continue
            table = camera_table(stamps, steps=self.fit if stamps is self.stamps else None)
            if stamps is self.calibrated:
                # The jitter of the cameras' own stamps stays: there, what the fit took of it is made good.
                table = table.drop(columns=["jitter_ms", "jitter_lo_ms", "jitter_hi_ms"])
            for told in records(table):
                if told["n"] and told["camera_key"] in rows:
                    rows[told["camera_key"]] |= {name: or_none(value) for name, value in told.items()}
        if self.calibration is not None:
            for key, row in rows.items():
                if row.get("lag_ms") is None:
                    row["reason"] = f"no lag: {self.calibration.why_not(key)}"
        return frame("lags", rows.values())

    @cached_property
    def clock(self) -> pd.DataFrame:
        """Offset and drift of each camera's clock, table ``clock``: against the rig, or of fewer than 4 cameras the host."""
        if self.stamps is None:
            return frame("clock", ())
        if len(self.stamps.camera_keys) < FEWEST_CAMERAS:
            return self.host_clock
        told = clock_table(self.stamps, self.fit)
        lags = {} if self.calibration is None else self.calibration.lags
        rows = []
        for row in records(told):
            lag = lags.get(row["camera_key"])
            if lag is not None and lag.is_bounded:
                wider = (lag.hi_ms - lag.lo_ms) / 2e3
                row["theta_s"] -= lag.lag_ms / 1e3
                row["theta_lo_s"] -= lag.lag_ms / 1e3 + wider
                row["theta_hi_s"] += wider - lag.lag_ms / 1e3
                row["method"] = "led"
            rows.append({name: or_none(value) for name, value in row.items()} | self._about(row["camera_key"]))
        return frame("clock", rows)

    @cached_property
    def host_clock(self) -> pd.DataFrame:
        """Drift of each camera's clock against the host's, by the fastest arrivals; table ``clock``, method ``lp``."""
        if self.stamps is None:
            return frame("clock", ())
        rows = []
        for row in records(host_clock_table(self.stamps, host_arrivals(self._exposures, self.stamps))):
            # The clock is at least so far ahead; how much more, the shortest transfer hides.
            row |= {"epoch": 1, "theta_lo_s": row.pop("offset_upto_s")}
            rows.append({name: or_none(value) for name, value in row.items()} | self._about(row["camera_key"]))
        return frame("clock", rows)

    @cached_property
    def reference(self) -> pd.DataFrame:
        """Readings of a counter in view, with the skews that follow; table ``reference``."""
        table = self._readings.copy()
        if self.readings is None:
            return table
        told = skew_table(self.readings).reindex(table.index)
        step = float(table["step_ms"].iloc[-1])
        lit = exposure_ms(
            table["lit_first_ms"].to_numpy(np.float64, na_value=np.nan),
            table["lit_last_ms"].to_numpy(np.float64, na_value=np.nan),
            float(table["wrap_ms"].iloc[-1]),
            step,
        )
        columns: dict[str, Any] = {str(name): table[name] for name in table.columns}
        columns |= {"skew_ms": told["skew_ms"], "exposure_ms": lit}
        return declared(TABLES["reference"].columns, columns, table.index)

    # -- what is not as it should be ----------------------------------------------------------------------------------

    def review(self, limit_ms: float | None = None, budget: float = BUDGET) -> Review | None:
        """Check the statistical rules, each by the best stamps for it; None: there are no stamps.

        Parameters
        ----------
        limit_ms : float or None
            Lag that matters; see :func:`rigkit.timing.review`.
        budget : float
            Of false findings, over all of them.
        """
        own, telling = self.stamps or self.readings, next(iter(reversed(self._lagged)), None)
        if own is None:
            return None
        if telling is None or telling is own:
            return review(own, limit_ms=limit_ms, budget=budget)
        # Lags by what tells them, everything else by what the cameras wrote; and each has the share it would have had.
        lag = SHARES["late_camera"] * budget
        others = [rule for rule in SHARES if rule != "late_camera"]
        first = review(telling, limit_ms=limit_ms, budget=lag, rules=["late_camera"])
        rest = review(own, limit_ms=limit_ms, budget=budget - lag, rules=others)
        return joined_reviews(first, rest)

    # -- names --------------------------------------------------------------------------------------------------------

    def keys_of(self, camera: str) -> list[str]:
        """List the cameras that go by a key, else a position, else a name; several of a name, or none."""
        if camera in self._cameras.index or camera in self._exposures.index.get_level_values("camera_key"):
            return [camera]
        placed = [key for key, label in self._labels.items() if label == camera]
        return placed or [str(key) for key in self._cameras.index[(self._cameras["name"] == camera).fillna(False)]]

    def _about(self, camera_key: str) -> dict[str, Any]:
        """Give what the row of a camera says besides the numbers."""
        return {"position": self._labels.get(camera_key), "simulated": self._simulated}

    @cached_property
    def _simulated(self) -> bool | None:
        """Whether this is from rigkit's simulator, as the exposures say; None: they don't."""
        told = self._exposures["simulated"].dropna()
        return bool(told.iloc[0]) if len(told) else None

    @cached_property
    def _labels(self) -> dict[str, str]:
        names = self._cameras["position"].dropna()
        then = self._exposures["position"].dropna().groupby(level="camera_key").last()
        return {str(key): str(one) for series in (names, then) for key, one in series.items()}
