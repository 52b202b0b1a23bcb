"""Who is slower to deliver files than its peers: cameras and hubs, by the time from the news of a photo to its file on disk.

Files of one shot share cables and controllers, so they are not independent: each shot gives one comparison, and the shots are
what is counted.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rigkit.record.rows import by_position, plural, rows_of
from rigkit.record.tables import natural
from rigkit.timing.decisions import BUDGET, adjusted, beyond_limit, shots_needed, sign_reach
from rigkit.timing.evidence import HOST_ARRIVAL
from rigkit.timing.found import Found, Looked, Record
from rigkit.timing.intervals import MAD_TO_SIGMA, median_interval
from rigkit.timing.spread import FEWEST_CAMERAS, skews
from rigkit.timing.stamps import Floats, row_medians

__all__ = ["SLOW_TIMES", "slow_download"]

#: Slower than its peers by this factor is of practical interest: half as long again for every file.
SLOW_TIMES = 1.5
#: Shorter downloads (s) are two events in one batch, not a transfer: 1 MB in 1 ms is 1 GB/s.
_SHORTEST_S = 1e-3


class _Peers(NamedTuple):
    """One thing that is compared.

    Attributes
    ----------
    kind, key, position : str, str, str or None
        A camera, a hub or a computer ("node"); which; where that camera stands.
    peers : (str, str) or None
        The hub or computer whose other cameras it is compared with, kind and name; None: all other cameras.
    logs : numpy.ndarray
        float64, shape (shots,): logarithm of how many times as long as its peers it took; NaN: not known.
    """

    kind: str
    key: str
    position: str | None
    peers: tuple[str, str] | None
    logs: Floats


def slow_download(record: Record, share: float) -> Looked:
    """Find cameras and hubs that take much longer per MB than their peers.

    A camera is compared with the others of its hub, where that has four and more; else with all others. A hub is compared with
    all cameras that do not hang on it. Sign tests over shots, so they hold for any law of the times, however the files of one
    shot hang together; adjusted over all cameras and hubs by Benjamini and Hochberg.

    Parameters
    ----------
    record : Record
        The tables.
    share : float
        Of the budget of false findings, 0 to 1.
    """
    keys, logs = _times_per_byte(record)
    looked = Looked("slow_download", int(np.isfinite(logs).sum()), unit="times", evidence=HOST_ARRIVAL)
    if len(keys) < FEWEST_CAMERAS:
        few = f"{plural(len(keys), 'camera')} with files: it takes {FEWEST_CAMERAS}"
        looked.reason = few if keys else "no file was heard of on its way"
        return looked
    compared = [one for one in _compared(record, keys, logs) if np.isfinite(one.logs).any()]
    if not compared:
        looked.reason = f"no shot has files of {FEWEST_CAMERAS} cameras"
        return looked
    values = np.column_stack([one.logs for one in compared])
    middle, limit = median_interval(values), float(np.log(SLOW_TIMES))
    p = beyond_limit(values, limit)
    p[middle.value <= 0] = 1.0  # who is faster than its peers is no finding
    p = adjusted(p, share)
    shots = int(np.median(np.isfinite(values).sum(axis=0)))
    needed = shots_needed(len(compared), BUDGET * share)
    reach = sign_reach(shots, len(compared), BUDGET * share)
    looked.detectable = float(np.exp(limit + _scatter(compared, values - middle.value) * reach))
    if shots < needed:
        things = f"{len(compared)} cameras and hubs"
        looked.reason = f"{plural(shots, 'shot')} with files: one that is slow among {things} takes {needed}"
    slow = [at for at in range(len(compared)) if p[at] < BUDGET]
    hubs, named = _hubs(record), {compared[at].key for at in slow if compared[at].kind != "camera"}
    for at in slow:
        one = compared[at]
        if one.kind == "camera" and one.peers is None and hubs.get(one.key, ("", ""))[1] in named:
            continue  # its hub is slow, and it has too few neighbours there to be told from them
        times, lo, hi = (float(np.exp(bound[at])) for bound in middle)
        looked.found.append(
            Found(
                "slow_download",
                "warn",
                one.kind,
                one.key,
                one.position,
                effect=times,
                unit="times",
                lo=lo,
                hi=hi,
                n=int(np.isfinite(one.logs).sum()),
                p_adj=float(p[at]),
                evidence=HOST_ARRIVAL,
                more={"hub": one.peers},
            )
        )
    return looked


def _scatter(compared: list[_Peers], residuals: Floats) -> float:
    """Say how much the comparisons of one thing differ from shot to shot: of cameras, or of hubs if that is more."""
    scatter = MAD_TO_SIGMA * row_medians(np.abs(residuals).T)
    cameras = np.array([one.kind == "camera" for one in compared])
    return max(float(np.nanmedian(scatter[of])) for of in (cameras, ~cameras) if of.any())


def _hubs(record: Record) -> dict[str, tuple[str, str]]:
    """Say on what each camera hangs: its hub by the layout, else its computer; kind and key."""
    hubs = {}
    for row in record.cameras:
        kind = "hub" if row["hub"] else "node"
        if row["hub"] or row["node_key"]:
            hubs[row["camera_key"]] = (kind, str(row["hub"] or row["node_key"]))
    return hubs


def _times_per_byte(record: Record) -> tuple[list[str], Floats]:
    """Cameras, and log(s per byte) of each shot and camera; of first attempts, as a reshoot has the bus to itself."""
    import pandas as pd

    table = record.table(
        "exposures", "shot_id", "camera_key", "position", "attempt", "arrival_s", "on_disk_s", "size_bytes"
    )
    heard, disk, size, attempt = (
        pd.to_numeric(table[name], errors="coerce").to_numpy(np.float64, na_value=np.nan)
        for name in ("arrival_s", "on_disk_s", "size_bytes", "attempt")
    )
    whole = table["shot_id"].notna().to_numpy() & table["camera_key"].notna().to_numpy()
    kept = whole & (disk - heard > _SHORTEST_S) & (size > 0) & ~(attempt > 1)
    table = table[kept]
    stood = table.drop_duplicates("camera_key")[["camera_key", "position"]]
    keys = [row["camera_key"] for row in by_position(rows_of(stood, "camera_key", "position"))]
    rows, shot_ids = pd.factorize(table["shot_id"], sort=True)
    logs = np.full((len(shot_ids), len(keys)), np.nan)
    logs[rows, pd.Index(keys).get_indexer(table["camera_key"])] = np.log((disk - heard)[kept] / size[kept])
    return keys, logs


def _compared(record: Record, keys: list[str], logs: Floats) -> list[_Peers]:
    """Hold hubs against all other cameras, and cameras against their neighbours."""
    of = _hubs(record)
    members: dict[tuple[str, str], list[int]] = {}
    for at, key in enumerate(keys):
        if key in of:
            members.setdefault(of[key], []).append(at)
    against_all = skews(logs)
    compared = []
    for (kind, hub), columns in sorted(members.items(), key=lambda item: natural(item[0][1])):
        outside = np.setdiff1d(np.arange(len(keys)), columns)
        if len(columns) > 1 and len(outside) >= FEWEST_CAMERAS:
            times = row_medians(logs[:, columns]) - row_medians(logs[:, outside])
            compared.append(_Peers(kind, hub, None, None, times))
        if len(columns) >= FEWEST_CAMERAS:
            against_all[:, columns] = skews(logs[:, columns])
    for at, key in enumerate(keys):
        hangs_on = of.get(key)
        near = hangs_on is not None and len(members[hangs_on]) >= FEWEST_CAMERAS
        compared.append(_Peers("camera", key, record.label(key), hangs_on if near else None, against_all[:, at]))
    return compared
