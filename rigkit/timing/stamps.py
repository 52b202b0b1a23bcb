"""Stamps of one session in dense form: shots down, cameras across, NaN where there is none.

Everything here is computed on such an array: with few holes it is smaller than the tidy table, and whole shots are worked on at
once (``python -m tests.bench timing`` compares it with a loop over groups).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rigkit.errors import UnknownName, listed
from rigkit.timing.evidence import UNCALIBRATED, Basis, Evidence, Instant
from rigkit.timing.frames import cells

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Counts", "Flags", "Floats", "Singles", "Stamps", "dense", "row_medians", "stamps_of", "tidy"]

#: Stamps up to the year 2200 either way of 1970, us; what is beyond is missing.
_FARTHEST_US = 230 * 365 * 86_400 * 10**6

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Stamps:
    """When each camera exposed in each shot, by one kind of clock.

    Attributes
    ----------
    seconds : numpy.ndarray
        float64, shape (K shots, N cameras): seconds since ``origin_s``; NaN: no stamp.
    shot_ids : tuple
        K shot ids, ascending.
    camera_keys : tuple
        N camera keys, in the order in which the table first names them.
    evidence : str
        Level of the evidence, see :mod:`rigkit.timing.evidence`.
    origin_s : float
        Unix time, or that of the clock, of 0; a whole second, so that the digits below the second stay what they are.
    quantum_ms : float
        Steps of the stamps (ms), the coarsest of all cameras; 0: none found; NaN: not known (see :func:`rigkit.timing.quantum.quanta`).
    instant : {"start", "middle", "end", "unknown"}
        The instant of the exposure that is stamped.
    requested_s : numpy.ndarray
        float64, shape (K,): when the release was requested, seconds since ``origin_s`` on the host's clock; NaN: not known.
    uncertainty_ms : numpy.ndarray
        float64, shape (N,): how far the correction of each camera's clock may be off, half-width in ms; 0 where nothing was corrected.
    remarks : tuple of str
        What was resolved or left out, and why.
    """

    seconds: Floats
    shot_ids: tuple[Any, ...]
    camera_keys: tuple[str, ...]
    evidence: Evidence = UNCALIBRATED
    origin_s: float = 0.0
    quantum_ms: float = float("nan")
    instant: Instant = "unknown"
    requested_s: Floats = field(default_factory=lambda: np.empty(0))
    uncertainty_ms: Floats = field(default_factory=lambda: np.empty(0))
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shape = (len(self.shot_ids), len(self.camera_keys))
        if self.seconds.shape != shape:
            raise ValueError(
                f"stamps have the shape {self.seconds.shape}, and there are {shape[0]} shots x {shape[1]} cameras"
            )
        if not self.requested_s.size:
            object.__setattr__(self, "requested_s", np.full(shape[0], np.nan))
        if not self.uncertainty_ms.size:
            object.__setattr__(self, "uncertainty_ms", np.zeros(shape[1]))

    @property
    def basis(self) -> Basis:
        """What a table made of these stamps rests on."""
        return Basis(self.evidence, self.quantum_ms, self.instant, self.remarks)

    @property
    def ms(self) -> Floats:
        """The stamps in milliseconds since the earliest one of their shot, shape (K, N), to the nanosecond: below is float noise."""
        valid = np.isfinite(self.seconds)
        first = np.where(valid, self.seconds, np.inf).min(axis=1, initial=np.inf)
        return np.round((self.seconds - np.where(np.isfinite(first), first, 0.0)[:, None]) * 1e3, 6)

    def camera(self, key: str) -> int:
        """Give the column of a camera.

        Raises
        ------
        UnknownName
            There is no such camera among these stamps.
        """
        if key not in self.camera_keys:
            raise UnknownName("camera", key, self.camera_keys, "these stamps")
        return self.camera_keys.index(key)

    def only(self, shots: Iterable[Any] | None = None, cameras: Iterable[str] | None = None) -> Stamps:
        """Keep some shots and cameras; None keeps all. What is not there is passed over."""
        wanted_shots = set(self.shot_ids if shots is None else shots)
        wanted_cameras = set(self.camera_keys if cameras is None else cameras)
        rows = [row for row, shot in enumerate(self.shot_ids) if shot in wanted_shots]
        columns = [column for column, key in enumerate(self.camera_keys) if key in wanted_cameras]
        return replace(
            self,
            seconds=self.seconds[np.ix_(rows, columns)],
            shot_ids=tuple(self.shot_ids[row] for row in rows),
            camera_keys=tuple(self.camera_keys[column] for column in columns),
            requested_s=self.requested_s[rows],
            uncertainty_ms=self.uncertainty_ms[columns],
        )

    def shot_times_s(self) -> Floats:
        """Give a time for each shot, shape (K,): the median of its stamps, each less its camera's usual difference.

        The usual difference (the clock's offset) is taken off first, so that who is missing from a shot does not move it.
        """
        middles = row_medians(self.seconds)
        usual = row_medians((self.seconds - middles[:, None]).T)
        return row_medians(self.seconds - usual)


def row_medians(values: Floats) -> Floats:
    """Median of each row of a float64 array of shape (K, N), passing over NaN; NaN where a row has no value, without a warning."""
    ordered = np.sort(values, axis=1)  # NaN go last
    n = np.isfinite(values).sum(axis=1)
    rows = np.arange(len(values))
    if not values.shape[1]:
        return np.full(len(values), np.nan)
    low, high = np.maximum(n - 1, 0) // 2, np.minimum(n // 2, values.shape[1] - 1)
    middles: Floats = (ordered[rows, low] + ordered[rows, high]) / 2
    return np.where(n > 0, middles, np.nan)


def dense(
    shots: ArrayLike, cameras: ArrayLike, values: ArrayLike
) -> tuple[Floats, tuple[Any, ...], tuple[str, ...], tuple[str, ...]]:
    """Turn three columns into an array of shots x cameras.

    Parameters
    ----------
    shots, cameras : array_like, shape (rows,)
        Which shot and which camera a row is about.
    values : array_like, shape (rows,)
        float64; NaN and infinities count as missing.

    Returns
    -------
    values : numpy.ndarray
        float64, shape (K, N).
    shot_ids, camera_keys : tuple
        Shots ascending, cameras in the order of their first row.
    remarks : tuple of str
        Cells that had several different values: the first one is kept.
    """
    import pandas as pd

    rows, shot_ids = pd.factorize(np.asarray(shots, dtype=object), sort=True)
    columns, keys = pd.factorize(np.asarray(cameras, dtype=object), sort=False)
    numbers = np.asarray(values, dtype=np.float64)
    grid = np.full((len(shot_ids), len(keys)), np.nan)
    known = np.flatnonzero(np.isfinite(numbers) & (rows >= 0) & (columns >= 0))
    cells = rows[known] * max(len(keys), 1) + columns[known]
    grid.flat[cells[::-1]] = numbers[known[::-1]]  # backwards, so that the first row of a cell is written last
    again = known[np.abs(grid.flat[cells] - numbers[known]) > 0]
    remarks = tuple(
        f"shot {shots_of}, {key}: more than one stamp; the first is used, this one is {1e3 * apart:+.3f} ms from it"
        for shots_of, key, apart in (
            (shot_ids[rows[one]], keys[columns[one]], numbers[one] - grid[rows[one], columns[one]]) for one in again
        )
    )
    return grid, tuple(shot_ids), tuple(str(key) for key in keys), remarks


def tidy(values: ArrayLike, stamps: Stamps, name: str) -> pd.Series[float]:
    """Turn an array of shots x cameras back into a column.

    Parameters
    ----------
    values : array_like, shape (K, N)
        One number per shot and camera.
    stamps : Stamps
        Whose shots and cameras these are.
    name : str
        Name of the column, unit as suffix.

    Returns
    -------
    pandas.Series
        float64, index (shot_id, camera_key), a row for every cell, also the empty ones.
    """
    import pandas as pd

    index = cells(stamps.shot_ids, stamps.camera_keys)
    return pd.Series(np.asarray(values, dtype=np.float64).ravel(), index=index, name=name)


def stamps_of(
    table: pd.DataFrame,
    column: str = "t_exif",
    *,
    evidence: Evidence = UNCALIBRATED,
    quantum_ms: float | None = None,
    instant: Instant = "unknown",
    requested: str | None = None,
) -> Stamps:
    """Read stamps from a tidy table.

    Parameters
    ----------
    table : pandas.DataFrame
        ``shot_id`` and ``camera_key`` as index levels or columns, a row per exposure.
    column : str
        The stamps: datetimes (with or without zone) or seconds. NaT, NaN and infinities count as missing.
    evidence : str
        The level these stamps have by their origin.
    quantum_ms : float or None
        Steps of the stamps (ms); None: estimated from them.
    instant : str
        Which instant of the exposure is stamped.
    requested : str or None
        Column with the time of the release request, of the same kind; None: not known.

    Returns
    -------
    Stamps
        With a remark for every duplicated row that disagreed, and on the steps of the stamps where they can't be told or differ.

    Raises
    ------
    UnknownName
        A column is not there.
    ValueError
        The column holds neither times nor numbers.
    """
    from rigkit.timing.quantum import quanta

    shots, cameras, raw = (_column(table, name) for name in ("shot_id", "camera_key", column))
    seconds = _seconds(raw, column)
    finite = seconds[np.isfinite(seconds)]
    origin = float(np.floor(finite.min())) if finite.size else 0.0
    values, shot_ids, keys, remarks = dense(shots, cameras, seconds - origin)
    asked = np.empty(0)
    if requested is not None:
        releases, *_ = dense(shots, cameras, _seconds(_column(table, requested), requested) - origin)
        asked = row_medians(releases)
    stamps = Stamps(values, shot_ids, keys, evidence, origin, np.nan, instant, asked, remarks=remarks)
    if quantum_ms is not None:
        return replace(stamps, quantum_ms=quantum_ms)
    steps = quanta(stamps)
    return replace(stamps, quantum_ms=steps.rig_ms, remarks=remarks + ((steps.reason,) if steps.reason else ()))


def _column(table: pd.DataFrame, name: str) -> Any:
    """Find a column, also among the levels of the index."""
    if name in table.columns:
        return table[name].array
    if name in table.index.names:
        return table.index.get_level_values(name).array
    known: list[Hashable] = [*table.index.names, *table.columns]
    raise UnknownName("column", name, known, "the table of exposures")


def _seconds(values: Any, name: str) -> Floats:
    """Read datetimes or numbers as float64 seconds, NaN for what is missing.

    A double holds today's Unix time to 0.24 us; below, only differences matter, and those to microseconds.
    """
    import pandas as pd

    series = pd.Series(values)
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        series = series.dt.tz_convert("UTC").dt.tz_localize(None)
    if pd.api.types.is_datetime64_dtype(series.dtype):
        microseconds = series.astype("datetime64[us]").to_numpy()
        whole = microseconds.astype(np.int64)
        # A clock that was never set says 1904, 1970 or 1980, and one that is broken the year 1 or 9999: of those no double keeps a us.
        sane = ~np.isnat(microseconds) & (np.abs(whole) < _FARTHEST_US)
        return np.where(sane, whole // 10**6 + (whole % 10**6) / 1e6, np.nan)
    if pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_bool_dtype(series.dtype):
        numbers: Floats = series.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isfinite(numbers), numbers, np.nan)
    if series.isna().all():
        return np.full(len(series), np.nan)
    raise ValueError(
        f"the column {name!r} holds {series.dtype}: times are datetimes or seconds; the first is {listed(series.dropna()[:1])}"
    )
