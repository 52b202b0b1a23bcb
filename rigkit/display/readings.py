"""What the cameras were set to: as their photos tell, and where these tell nothing, as was last heard of the cameras."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from rigkit.display.grids import plain, rows_of
from rigkit.record.state import UNSEEN
from rigkit.wire.values import value_number

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NAMES", "SOURCES", "Reading", "read_settings"]

#: Settings, and what they are called in a sentence.
NAMES = {"ISO": "ISO", "Aperture": "aperture", "ShutterSpeed": "shutter speed", "WhiteBalance": "white balance"}
#: What a setting was read from, in words; where settings differ in that, those of the last of these that occurs are `the others`.
SOURCES = {
    frozenset({"cameras"}): "as last heard from the cameras",
    frozenset({"photos", "cameras"}): "as the photos tell or, where they do not, as last heard from the cameras",
    frozenset({"photos"}): "as the photos tell",
}
#: Columns of the photos that tell a setting.
_OF_PHOTOS = {"ISO": "iso", "Aperture": "aperture", "ShutterSpeed": "shutter_speed"}

#: Exposure, by shot and camera key -> what its photos tell of one setting.
_Told = Mapping[tuple[int, str], set[str]]


class Reading(NamedTuple):
    """What is known of a setting over all cameras and shots.

    Attributes
    ----------
    values : set of str
        Its values, as people write them.
    sources : set of str
        What they were read from: ``photos``, ``cameras``; together a key of ``SOURCES``, or none if there are no values.
    untold : set of str
        Keys of cameras that delivered photos of which it is not known.
    """

    values: set[str]
    sources: set[str]
    untold: set[str]


def read_settings(
    sittings: Iterable[tuple[Sequence[Mapping[str, Any]], pd.DataFrame, pd.DataFrame]],
) -> dict[str, Reading]:
    """Read the settings of each camera in each sitting.

    Parameters
    ----------
    sittings : iterable of (sequence of Mapping, pandas.DataFrame, pandas.DataFrame)
        Rows of the exposures that count, and the tables of the photos and of the settings.

    Returns
    -------
    dict of str to Reading
        By the keys of ``NAMES``.
    """
    readings = {kind: Reading(set(), set(), set()) for kind in NAMES}
    for exposures, photos, settings in sittings:
        of_photos, last_heard = _of_photos(photos), _last_heard(settings)
        by_camera: dict[str, list[Mapping[str, Any]]] = {}
        for row in exposures:
            if not row["camera_key"].startswith(UNSEEN):
                by_camera.setdefault(row["camera_key"], []).append(row)
        for kind, reading in readings.items():
            for key, of_camera in by_camera.items():
                _look(reading, key, of_camera, of_photos[kind], last_heard.get((key, kind)))
    return readings


def _look(
    reading: Reading, key: str, of_camera: Sequence[Mapping[str, Any]], told: _Told, last_heard: str | None
) -> None:
    """Add what one camera in one sitting tells of a setting."""
    values = set[str]().union(*(told.get((row["shot_id"], key), ()) for row in of_camera))
    if values:
        reading.values.update(values)
        reading.sources.add("photos")
    delivered = [row["shot_id"] for row in of_camera if row["status"] in ("captured", "recovered")]
    silent = any((shot_id, key) not in told for shot_id in delivered)
    if values and not silent:
        return
    if last_heard is not None:
        reading.values.add(last_heard)
        reading.sources.add("cameras")
    elif silent:
        reading.untold.add(key)


def _of_photos(photos: pd.DataFrame) -> dict[str, dict[tuple[int, str], set[str]]]:
    """Give by setting what the photos of each exposure tell; an exposure whose photos tell nothing is not there."""
    told: dict[str, dict[tuple[int, str], set[str]]] = {kind: {} for kind in NAMES}
    for row in rows_of(photos, "shot_id", "camera_key", *_OF_PHOTOS.values()):
        for kind, column in _OF_PHOTOS.items():
            if row["shot_id"] is not None and row[column]:
                told[kind].setdefault((row["shot_id"], row["camera_key"]), set()).add(_as_written(kind, row[column]))
    return told


def _last_heard(settings: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Give what was last heard of settings, by camera key and setting."""
    return {
        (row["camera_key"], row["property"]): _as_written(row["property"], row["value"])
        for row in rows_of(settings, "camera_key", "property", "value")
        if row["property"] in NAMES and row["value"]
    }


def _as_written(kind: str, value: str) -> str:
    """Write a value as people do: 8.0 is f/8, and 10/1250 is 1/125 s."""
    number = value_number(value)
    if number is None or number <= 0 or kind not in {"Aperture", "ShutterSpeed"}:
        return plain(value)
    if kind == "Aperture":
        return f"f/{number:g}"
    fraction = Fraction(number).limit_denominator(16_000)
    return f"{fraction} s" if fraction.numerator == 1 else f"{number:g} s"
