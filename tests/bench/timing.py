"""Bench ``timing``: shot statistics and the robust fit of 1000 shots x 200 cameras, against loops, one sort and sparse lsqr."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse.linalg import lsqr

from rigkit.timing import shot_statistics, skews, two_way
from rigkit.timing.stamps import Floats
from tests.bench.measure import Row, interleaved, ratios

__all__ = ["ABOUT", "run"]

ABOUT = "1000 shots x 200 cameras, 2 % missing, 1 % outliers: shot statistics, robust fit; CPU"

SHOTS, CAMERAS = 1000, 200
_NOISE_MS = 0.3
#: IRLS rounds of the sparse peer, as it needs them to come to the same error.
_ROUNDS = 5
_CUT = 6.0


def run(rounds: int) -> list[Row]:
    """Measure that many rounds.

    Parameters
    ----------
    rounds : int
        How often.

    Returns
    -------
    list of Row
        Milliseconds, their ratios, and the error of the fitted offsets over the noise floor.
    """
    values, times, truth = _session(np.random.default_rng(1))
    tidy = _tidy(values)

    def timed(step: Callable[[], object]) -> Callable[[], tuple[float, object]]:
        def once() -> tuple[float, object]:
            began = time.process_time()
            result = step()
            return (time.process_time() - began) * 1e3, result

        return once

    took = interleaved(
        {
            "sort": timed(lambda: np.sort(values, axis=1)),
            "statistics": timed(lambda: shot_statistics(values)),
            "skews": timed(lambda: skews(values)),
            "loop": timed(lambda: _loop(tidy)),
            "fit": timed(lambda: two_way(values, times).offsets),
            "lsqr": timed(lambda: _lsqr(values, times)),
        },
        rounds,
    )
    ms = {name: [one[0] for one in results] for name, results in took.items()}
    floor = _NOISE_MS / np.sqrt(SHOTS)
    errors = {
        name: [float(np.std(np.asarray(one[1]) - truth)) / floor for one in took[name]] for name in ("fit", "lsqr")
    }
    return [
        Row("min, max, median, spread, P95-P5, rms, MAD per shot", ms["statistics"], "ms"),
        Row("one np.sort", ms["sort"], "ms"),
        Row("loop over groupby groups", ms["loop"], "ms"),
        Row("statistics / sort", ratios(ms["statistics"], ms["sort"]), goal=2.5),
        Row("100 x statistics / loop", [100 * one for one in ratios(ms["statistics"], ms["loop"])], goal=1.0),
        Row("skews against the other cameras", ms["skews"], "ms"),
        Row("robust fit: shot + offset + drift", ms["fit"], "ms"),
        Row("sparse lsqr, the same weights", ms["lsqr"], "ms"),
        Row("90 x fit / lsqr", [90 * one for one in ratios(ms["fit"], ms["lsqr"])], goal=1.0),
        Row("error of the offsets / noise floor, ours", errors["fit"], goal=1.05),
        Row("error of the offsets / noise floor, lsqr", errors["lsqr"]),
    ]


def _session(rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Draw stamps (ms), the times of the shots (s) and the true offsets at the middle time (ms)."""
    times = np.sort(rng.uniform(0.0, 14_400.0, SHOTS))
    offsets, drifts = rng.normal(0.0, 500.0, CAMERAS), rng.normal(0.0, 5e-3, CAMERAS)
    since = times - (times[0] + times[-1]) / 2
    values = offsets + np.outer(since, drifts) + rng.normal(0.0, 3.0, (SHOTS, 1))
    values += rng.normal(0.0, _NOISE_MS, values.shape)
    values[rng.random(values.shape) < 0.01] += 38.0
    values[rng.random(values.shape) < 0.02] = np.nan
    return values, times, offsets


def _tidy(values: Floats) -> pd.DataFrame:
    shots, cameras = np.indices(values.shape)
    table = pd.DataFrame({"shot_id": shots.ravel(), "camera_key": cameras.ravel(), "ms": values.ravel()})
    return table.dropna()


def _loop(table: pd.DataFrame) -> dict[object, Any]:
    """Do as most notebooks do."""
    found: dict[object, Any] = {}
    for shot, group in table.groupby("shot_id"):
        ms = group["ms"].to_numpy()
        median = np.median(ms)
        found[shot] = (
            ms.min(),
            ms.max(),
            median,
            np.ptp(ms),
            np.subtract(*np.percentile(ms, [95, 5])),
            np.sqrt(np.mean((ms - median) ** 2)),
            1.4826 * np.median(np.abs(ms - median)),
        )
    return found


def _lsqr(values: Floats, times: Floats) -> Floats:
    """Solve the same model by iteratively re-weighted sparse least squares; the first shot's effect is 0."""
    rows, columns = np.nonzero(np.isfinite(values))
    y = values[rows, columns]
    since = (times - (times[0] + times[-1]) / 2) / (times[-1] - times[0])
    n = len(y)
    entries = np.concatenate([np.ones(n), np.ones(n), since[rows]])
    places = np.concatenate([rows, SHOTS + columns, SHOTS + CAMERAS + columns])
    design = sparse.csr_matrix((entries, (np.tile(np.arange(n), 3), places)), shape=(n, SHOTS + 2 * CAMERAS))
    weights = np.ones(n)
    solution = np.zeros(SHOTS + 2 * CAMERAS)
    for _ in range(_ROUNDS):
        root = np.sqrt(weights)
        solution = lsqr(sparse.diags(root) @ design, root * y)[0]
        rest = y - design @ solution
        scale = 1.4826 * np.median(np.abs(rest))
        weights = np.square(np.maximum(1 - np.square(rest / (_CUT * scale)), 0))
    offsets: Floats = solution[SHOTS : SHOTS + CAMERAS]
    return offsets
