"""What cameras would see of a counter in view, a row of LEDs that light one after the other: from the truth of a simulated sitting.

Pure. The same sheet that people fill in from photos (``session.timing.add_reference``), read without a mistake.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["counter_readings"]


def counter_readings(truth: pd.DataFrame, wrap_ms: float = 1000.0, step_ms: float = 1.0) -> pd.DataFrame:
    """Read a counter from the truth of a sitting.

    Parameters
    ----------
    truth : pandas.DataFrame
        ``truth/exposures.csv``: shot_id, camera_key, t_start_s, t_exp_s.
    wrap_ms, step_ms : float
        After what the counter starts again, and how long each LED is lit.

    Returns
    -------
    pandas.DataFrame
        shot_id, camera_key, lit_first_ms, lit_last_ms: whole steps within [0, wrap).

    Raises
    ------
    ValueError
        There is no such counter.
    """
    import pandas as pd

    if not 0 < step_ms < wrap_ms:
        raise ValueError(
            f"steps of {step_ms:g} ms in a counter that wraps after {wrap_ms:g} ms: 0 < step < wrap is needed"
        )
    start = truth["t_start_s"].to_numpy(dtype=np.float64) * 1e3
    end = start + truth["t_exp_s"].to_numpy(dtype=np.float64) * 1e3

    def lit(at: np.ndarray[tuple[int], np.dtype[np.float64]]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        shown: np.ndarray[tuple[int], np.dtype[np.float64]] = np.mod(np.floor(at / step_ms) * step_ms, wrap_ms)
        return shown

    return pd.DataFrame(
        {
            "shot_id": truth["shot_id"].to_numpy(),
            "camera_key": truth["camera_key"].to_numpy(),
            "lit_first_ms": lit(start),
            "lit_last_ms": lit(end),
        }
    )
