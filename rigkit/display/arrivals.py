"""When the host heard of the photos of each shot, and what that does not say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TIMING_CAVEAT", "timing_summary"]

TIMING_CAVEAT = (
    "Seconds from sending the release to the news about the photo, on the host's monotonic clock (evidence level: host "
    "arrival). They contain the command, the shutter lag, the exposure and the transfer. The shutters themselves are not "
    "observed, so nothing here says how simultaneous the exposures were."
)


def timing_summary(exposures: pd.DataFrame) -> pd.DataFrame:
    """Say per shot when the host heard of the photos.

    This is not a skew: the shutters are not observed. Each row names its clock and its evidence level.

    Parameters
    ----------
    exposures : pandas.DataFrame
        The ``exposures`` table.

    Returns
    -------
    pandas.DataFrame
        Index ``shot_id``; ``pose``; ``n_expected``, ``n_heard``, ``n_on_disk`` (Int64); ``first_arrival_s``,
        ``median_arrival_s``, ``last_arrival_s`` and ``last_on_disk_s`` (Float64, seconds after the release; ``<NA>``:
        nothing heard); ``clock`` and ``evidence``. ``attrs["caveat"]`` says what the numbers contain.
    """
    import pandas as pd

    text, number, whole = pd.StringDtype("pyarrow", na_value=pd.NA), pd.Float64Dtype(), pd.Int64Dtype()
    grouped = exposures.groupby(level="shot_id", sort=True)
    arrival, on_disk = grouped["arrival_s"], grouped["on_disk_s"]
    summary = pd.DataFrame(
        {
            "pose": grouped["pose"].first().astype(text),
            "n_expected": grouped.size().astype(whole),
            "n_heard": arrival.count().astype(whole),
            "first_arrival_s": arrival.min().astype(number),
            "median_arrival_s": arrival.median().astype(number),
            "last_arrival_s": arrival.max().astype(number),
            "n_on_disk": on_disk.count().astype(whole),
            "last_on_disk_s": on_disk.max().astype(number),
        }
    )
    summary["clock"] = pd.array(["host monotonic"] * len(summary), dtype=text)
    summary["evidence"] = pd.array(["host arrival"] * len(summary), dtype=text)
    summary.attrs["caveat"] = TIMING_CAVEAT
    return summary
