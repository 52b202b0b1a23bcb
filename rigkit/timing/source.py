"""From the tables of a sitting to the stamps that statements about time rest on: which stamp, and whose clock made it.

A stamp that the computer made is none: it tells when a photo was dealt with. So PhotoDateCaptured is used only of cameras
of which it is established that their own clock made it, and only where their files tell nothing finer.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rigkit.record.columns import TABLES, array_of
from rigkit.record.stamps import INPUT, StampOrigin, classify_origin
from rigkit.timing.evidence import Instant
from rigkit.timing.stamps import Flags, Floats, Stamps, stamps_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

__all__ = ["Source", "camera_stamps", "host_arrivals", "origin_of"]


class Source(NamedTuple):
    """The stamps that cameras made, and where they come from.

    Attributes
    ----------
    stamps : Stamps or None
        Uncalibrated; None: there are none.
    kind : pandas.Series
        Index (shot_id, camera_key) of all exposures: ``t_exif`` or ``date_captured``; NA: no stamp.
    t_exif : pandas.Series
        Likewise: what the file says.
    subsec_digits : pandas.Series
        Likewise.
    reason : str
        Why there are no stamps; empty: there are.
    released : str
        What released the shots that have stamps here; empty: there are none. What is usual for a camera holds for one way of
        releasing, so where there were several, it is that of most shots.
    """

    stamps: Stamps | None
    kind: pd.Series
    t_exif: pd.Series
    subsec_digits: pd.Series
    reason: str
    released: str = ""


def origin_of(photos: pd.DataFrame) -> StampOrigin:
    """Find out whose clock PhotoDateCaptured shows, from a ``photos`` table; see :func:`rigkit.record.stamps.classify_origin`."""
    asked = photos[photos["camera_key"].notna() & ~photos["before"].fillna(False)]
    asked = asked.assign(captured_first=asked["date_captured_before"], captured_last=asked["date_captured"])
    return classify_origin(asked[list(INPUT)])


def camera_stamps(
    exposures: pd.DataFrame, photos: pd.DataFrame, origin: Callable[[], StampOrigin], instant: Instant = "unknown"
) -> Source:
    """Choose the stamp of each exposure.

    Parameters
    ----------
    exposures, photos : pandas.DataFrame
        Tables of these names. Exposures of a second attempt are left out: they were made at another instant.
    origin : callable
        Gives the origin of PhotoDateCaptured in ``photos``; asked only where the files don't tell all.
    instant : str
        Which instant of the exposure bodies stamp; no public source says.
    """
    import pandas as pd

    of_files = _from_files(exposures, photos)
    files, digits = of_files["t_exif"], of_files["subsec_digits"]
    first = (exposures["attempt"] == 1).to_numpy(dtype=bool, na_value=False)
    keys = exposures.index.get_level_values("camera_key")
    told = exposures["date_captured"].astype("datetime64[us]")
    finer = keys.isin(_told_finer(origin, files, keys))
    by_file = files.notna().to_numpy() & first & ~finer & ~_cut_short(digits)
    by_word = told.notna().to_numpy() & first & finer
    released = _usual_release(exposures[by_file | by_word])
    alike = (_releases(exposures) == released).to_numpy()
    by_file, by_word = by_file & alike, by_word & alike
    times = files.where(by_file, told.where(by_word))
    words = [
        "t_exif" if one else "date_captured" if other else None for one, other in zip(by_file, by_word, strict=True)
    ]
    kind = pd.Series(array_of(_STAMP, words), index=exposures.index)
    if not times.notna().any():
        return Source(None, kind, files, digits, _why_none(exposures, photos, origin()))
    table = pd.DataFrame({"stamp": times, "requested": exposures["requested"]}, index=exposures.index)[first]
    return Source(stamps_of(table, "stamp", instant=instant, requested="requested"), kind, files, digits, "", released)


def _releases(exposures: pd.DataFrame) -> pd.Series:
    """Say of each exposure what released it; empty: not known."""
    words = exposures["trigger"].astype(object)
    return words.where(words.notna(), "")


def _usual_release(stamped: pd.DataFrame) -> str:
    """Say what released most of these shots; of equally many, the first."""
    words = _releases(stamped).groupby(level="shot_id", sort=True).first()
    return str(Counter(words.tolist()).most_common(1)[0][0]) if len(words) else ""


_STAMP = next(column for column in TABLES["exposures"].columns if column.name == "stamp")


def _from_files(exposures: pd.DataFrame, photos: pd.DataFrame) -> pd.DataFrame:
    """Give each exposure the finest EXIF time of its photos: RAW and JPEG may differ, as some transfers cut sub-seconds off."""
    known = photos[photos["t_exif"].notna() & photos["shot_id"].notna() & (photos["attempt"] == 1).fillna(False)]
    stamps = known[["shot_id", "camera_key", "t_exif", "subsec_digits"]]
    stamps = stamps.sort_values("subsec_digits", ascending=False, na_position="last", kind="stable")
    once = stamps.drop_duplicates(["shot_id", "camera_key"])
    return once.set_index(["shot_id", "camera_key"]).reindex(exposures.index)


def _cut_short(digits: pd.Series) -> Flags:
    """Mark whole seconds of cameras whose other files have sub-seconds: they were cut on the way, and are no stamps."""
    keys = digits.index.get_level_values("camera_key")
    whole = digits.isna().to_numpy()
    marked: Flags = keys.isin(set(keys[~whole])) & whole
    return marked


def _told_finer(origin: Callable[[], StampOrigin], files: pd.Series, keys: pd.Index) -> list[str]:
    """List cameras whose PhotoDateCaptured is theirs and finer than what their files say, or all there is."""
    codes, names = keys.factorize()
    known = files.notna().to_numpy()
    below_second = (files.to_numpy().astype("datetime64[us]").astype("int64") % 1_000_000 != 0) & known
    stamped = np.bincount(codes[known], minlength=len(names))
    fine = np.bincount(codes[below_second], minlength=len(names))
    if fine.all():
        return []
    table = origin().cameras
    steps = {str(key): step for key, step in table["step_ms"][table["origin"] == "camera"].items()}
    return [
        name
        for name, files_of, fine_of in zip(map(str, names), stamped, fine, strict=True)
        if not fine_of and name in steps and (not files_of or float(steps[name]) < 1000.0)
    ]


def _why_none(exposures: pd.DataFrame, photos: pd.DataFrame, origin: StampOrigin) -> str:
    """Say why no camera's stamp is known."""
    if not len(exposures):
        return "no shot was fired"
    if not len(photos):
        return "no photo was heard of"
    here = photos["path_state"] == "here"
    unread = int((here & photos["t_exif"].isna() & photos["sha256"].isna()).sum())
    if unread:
        return (
            f"the files of {unread} photos have not been read yet (rig.checksums() waits for that; "
            "session.timing.read_files() reads them when it is over)"
        )
    read = int((photos["sha256"].notna() & photos["t_exif"].isna()).sum())
    files = f"{read} files were read and hold no time" if read else "no file can be read from here"
    whose = {
        "host": "PhotoDateCaptured was made by the computer and yields no skew",
        "unknown": "whose clock made PhotoDateCaptured is not known",
    }
    return f"{files}, and {whose.get(origin.rig.origin, 'PhotoDateCaptured tells no time')}"


def host_arrivals(exposures: pd.DataFrame, stamps: Stamps) -> Floats:
    """When the host first heard of each exposure, by its wall clock, in the dense form of the stamps.

    Returns
    -------
    numpy.ndarray
        float64, shape (K, N), seconds since the stamps' origin; NaN: not heard, or the release is not known. In UTC: from
        clocks of another zone it differs by that zone.
    """
    requested = exposures["requested"].dt.tz_localize(None).astype("datetime64[us]")
    seconds = requested.to_numpy().astype("datetime64[us]").astype(np.int64) / 1e6
    seconds = np.where(requested.isna().to_numpy(), np.nan, seconds)
    heard = seconds + exposures["arrival_s"].to_numpy(dtype=np.float64, na_value=np.nan) - stamps.origin_s
    heard = np.where((exposures["attempt"] == 1).to_numpy(dtype=bool, na_value=False), heard, np.nan)
    grid = np.full(stamps.seconds.shape, np.nan)
    shots = {shot: row for row, shot in enumerate(stamps.shot_ids)}
    cameras = {key: column for column, key in enumerate(stamps.camera_keys)}
    rows = np.array([shots.get(one, -1) for one in exposures.index.get_level_values("shot_id")], dtype=np.int64)
    columns = np.array([cameras.get(one, -1) for one in exposures.index.get_level_values("camera_key")], dtype=np.int64)
    there = (rows >= 0) & (columns >= 0)
    grid[rows[there], columns[there]] = heard[there]
    return grid
