"""Questions about time in one sitting, each answered with its evidence, or refused with the reason."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from rigkit.errors import UnknownName
from rigkit.timing.cameras import correctable_spread, limit_table
from rigkit.timing.cohorts import compare
from rigkit.timing.evidence import Estimate
from rigkit.timing.intervals import MAD_TO_SIGMA
from rigkit.timing.known import Known
from rigkit.timing.laid_out import cells, estimate_of, is_known, unknown
from rigkit.timing.proposal import Proposal, propose
from rigkit.timing.stamps import Stamps

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Timing"]


class Timing(Known):
    """What is known about time in one sitting; get it from ``session.timing``.

    Parameters
    ----------
    exposures, shots, photos, cameras, reference, calibration
        As for :class:`rigkit.timing.known.Known`.
    """

    def look(self) -> None:
        """Take in whatever is new; of tables alone nothing ever is."""

    def spread(self, shot_id: int) -> Estimate:
        """Say how simultaneous a shot was, or why that is not known.

        Raises
        ------
        UnknownName
            There is no such shot.
        """
        self.look()
        if shot_id not in self.shots.index:
            raise UnknownName("shot", shot_id, list(self.shots.index))
        row: Any = self.shots.loc[shot_id]
        return estimate_of(
            f"spread of shot {shot_id}", row, "spread", int(row["n_stamps"]) if is_known(row["n_stamps"]) else 0
        )

    def lag(self, camera: str) -> Estimate:
        """Say how late a camera usually is (key or position), or why that is not known.

        Raises
        ------
        UnknownName
            There is no such camera.
        """
        key = self._key_of(camera)
        row: Any = self.lags.loc[key]
        return estimate_of(f"lag of {self._labels.get(key, key)}", row, "lag", int(row["n"]))

    def jitter(self, camera: str) -> Estimate:
        """Say how unsteady a camera's release is (key or position), or why that is not known; raises as :meth:`lag` does."""
        key = self._key_of(camera)
        row: Any = self.lags.loc[key]
        return estimate_of(f"jitter of {self._labels.get(key, key)}", row, "jitter", int(row["n"]))

    def drift(self, camera: str) -> Estimate:
        """Say how a camera's clock drifts since it was last set (key or position), or why not; raises as :meth:`lag` does."""
        key = self._key_of(camera)
        label = f"drift of {self._labels.get(key, key)}"
        if key not in self.clock.index.get_level_values("camera_key"):
            return unknown(label, "ppm", self.source.reason or "there are no stamps of this camera")
        row: Any = self.clock.loc[key].iloc[-1]
        return estimate_of(label, row, "drift", int(row["n"]), "ppm")

    def correctable(self) -> Estimate:
        """Say how much spread a delay for each camera would take away, or why that is not known."""
        self.look()
        if not self._skewed:
            return unknown("correctable spread", "ms", self.why_no_skew)
        return correctable_spread(self._skewed[0])

    def within(self, limit_ms: float) -> pd.DataFrame:
        """Say of each camera whether its lag is within a limit, by equivalence tests; see :func:`rigkit.timing.limit_table`.

        Raises
        ------
        ValueError
            No skew is known, and why.
        """
        return limit_table(self._telling(), limit_ms)

    def compare(self, shots_a: Iterable[int], shots_b: Iterable[int]) -> pd.DataFrame:
        """Compare two cohorts of shots, to say whether mode B is better than mode A; see :func:`rigkit.timing.compare`.

        Raises
        ------
        ValueError
            There are no stamps, and why.
        """
        self.look()
        a, b = list(shots_a), list(shots_b)
        both = {*a, *b}
        stamps = next(
            (one for one in (*self._skewed, self.stamps) if one is not None and both <= set(one.shot_ids)), None
        )
        stamps = stamps or self.best
        if stamps is None:
            raise ValueError(f"nothing to compare: {self.source.reason}")
        return compare(stamps.only(shots=a), stamps.only(shots=b))

    def propose(self, delay_step_ms: float = 1.0) -> Proposal:
        """Propose delays, or trigger indices, that shrink the spread; see :func:`rigkit.timing.propose`.

        Raises
        ------
        ValueError
            No lag is known, and why.
        """
        stamps = self._telling()
        assert self.calibration is not None
        found = propose(stamps, self.calibration, delay_step_ms)
        found.table.insert(0, "position", [self._labels.get(key, key) for key in found.table.index])
        return found

    def _telling(self) -> Stamps:
        """Give the best stamps that tell skews, or say why there are none."""
        self.look()
        if not self._skewed:
            raise ValueError(f"no skew is known: {self.why_no_skew}")
        return self._skewed[0]

    def _key_of(self, camera: str) -> str:
        """Find the one camera of this sitting that goes by a key, position or name."""
        self.look()
        keys = [key for key in self.keys_of(camera) if key in self.lags.index]
        if len(keys) != 1:
            raise UnknownName("camera", camera, [self._labels.get(key, key) for key in self.lags.index], "this session")
        return keys[0]

    def odd_readings(self) -> list[tuple[int, str]]:
        """List readings that look like slips of whoever read the counter: shot and camera key.

        The lit LEDs of one say another exposure time than those of the others (by more than 3 steps and a half), or its difference to
        the others moved in that shot by more than the camera's own stamp did (by 5 sigma of both, 3 steps of either, and 10 ms).
        """
        self.look()
        if self.readings is None:
            return []
        table = self.reference
        lit = table["exposure_ms"].astype("float64")
        usual = float(lit.median())
        step = float(table["step_ms"].iloc[-1])
        slips = set(table.index[((lit - usual).abs() > max(3 * step, usual / 2)).to_numpy()])
        if self.usual is not None and self.stamps is not None:
            skews = table["skew_ms"].astype("float64")
            moved = skews - skews.groupby(level="camera_key").transform("median")
            late = cells(self.usual.residuals_ms, self.stamps, table.index)
            late = late - late.groupby(level="camera_key").transform("median")
            apart = (moved - late).abs()
            sigma = MAD_TO_SIGMA * float(apart.median()) if apart.notna().any() else 0.0
            limit = max(5 * sigma, 3 * step, 3 * np.nan_to_num(self.stamps.quantum_ms), 10.0)
            slips |= set(table.index[(apart > limit).to_numpy()])
        return sorted((int(shot), str(key)) for shot, key in slips)
