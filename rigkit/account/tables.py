"""Rows of the tables that follow from the account: shots, exposures, and photos with their shots."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rigkit.account.fold import Account
from rigkit.account.shots import CONFIDENCE, Exposure, ShotAccount
from rigkit.record.columns import TABLES, array_of
from rigkit.record.records import PhotoRecord
from rigkit.record.state import State, text_of, whole_of
from rigkit.record.tables import Labels, parse_captured, photo_columns
from rigkit.record.whereabouts import Located

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Locate",
    "exposure_rows",
    "label_columns",
    "located",
    "photo_places",
    "photo_positions",
    "photo_rows",
    "photo_table",
    "shot_labels",
    "shot_rows",
]

#: From many PhotoFilenames and PhotoFilesizes to the local path of each and what is there.
Locate = Callable[[Sequence[str | None], Sequence[int | None]], Sequence[Located]]

_SECOND = 1e9
_LABELS = ("subject", "pose", "rep")
_WHERE = ("location", "filename", "size_bytes")


def shot_rows(account: Account, session_id: str, simulated: bool) -> Iterator[dict[str, Any]]:
    """Rows of the shots table."""
    for shot in account.shots.values():
        # A reshoot is another instant: the times of a shot are those of its first attempt.
        first = [one for one in shot.exposures.values() if one.attempt == 1]
        heard = [one.heard_ns for one in first if one.heard_ns is not None]
        disk = [one.disk_ns for one in first if one.disk_ns is not None and one.on_disk]
        missing = sum(one.status == "missing" for one in shot.exposures.values())
        outstanding = any(one.exposed and not one.on_disk for one in shot.exposures.values())
        ours = shot.trigger != "external"  # when somebody else released is not known
        yield {
            "shot_id": shot.shot_id,
            "session_id": session_id,
            **_labels(shot),
            "note": shot.labels.get("note"),
            "trigger": shot.trigger,
            "attempt": shot.attempt,
            "outcome": shot.first_outcome,
            "requested": shot.requested_wall_ns if ours else None,
            "requested_mono_s": shot.requested_ns / _SECOND if ours else None,
            "reply_ms": None if shot.reply_ns is None else (shot.reply_ns - shot.requested_ns) / 1e6,
            "n_expected": len(shot.exposures),
            "n_exposed": shot.exposed,
            "n_missing": missing,
            "n_excluded": len(shot.excluded),
            "n_on_disk": shot.on_disk,
            "complete": shot.complete,
            "accepted": shot.accepted,
            "reason": shot.reason,
            "superseded_by": shot.superseded_by,
            "first_arrival_s": (min(heard) - shot.requested_ns) / _SECOND if heard and ours else None,
            "last_arrival_s": (max(heard) - shot.requested_ns) / _SECOND if heard and ours else None,
            "on_disk_s": (max(disk) - shot.requested_ns) / _SECOND if disk and ours and not outstanding else None,
            "tag": shot.tag,
            "simulated": simulated,
        }


def exposure_rows(
    account: Account, state: State, label: Labels, simulated: bool, only: int | None = None
) -> Iterator[dict[str, Any]]:
    """Rows of the exposures table: one for every expected camera of every shot.

    Parameters
    ----------
    account, state : Account, State
        The folds.
    label : callable
        Camera key to position.
    simulated : bool
        The far end is a simulator.
    only : int or None
        One shot; None: all.
    """
    for shot in account.shots.values() if only is None else [account.shots[only]] if only in account.shots else []:
        for exposure in shot.exposures.values():
            yield {
                **_exposure_row(shot, exposure, state, exposure.position or label(exposure.camera_key)),
                "simulated": simulated,
            }


def _exposure_row(shot: ShotAccount, exposure: Exposure, state: State, position: str) -> dict[str, Any]:
    photos = [state.photos[key] for key in exposure.photos]
    sizes = [whole_of(photo.get("PhotoFilesize")) for photo in photos]
    first_key = next(iter(exposure.photos), None)
    ours = shot.trigger != "external"
    cause, detail = exposure.cause, exposure.detail
    if cause is None and exposure.remark is not None:
        cause, detail = exposure.remark
    if cause is None and _in_fallback(state, exposure):
        cause, detail = "storage", "its file went to the application's FallbackPath"
    return {
        "shot_id": shot.shot_id,
        "camera_key": exposure.camera_key,
        "position": position,
        "serial": exposure.serial,
        "status": exposure.status,
        "cause": cause,
        "detail": detail,
        "common_cause": exposure.common,
        "attempt": exposure.attempt,
        "accepted": shot.accepted,
        **_labels(shot),
        "trigger": shot.trigger,
        "batch_num": exposure.batch_num,
        "n_photos": len(exposure.photos),
        "n_files": sum(exposure.photos.values()),
        "requested": exposure.requested_wall_ns if ours else None,
        "arrival_s": _after(exposure, exposure.heard_ns) if ours else None,
        "on_disk_s": _after(exposure, exposure.disk_ns) if ours and exposure.on_disk else None,
        "date_captured": parse_captured(photos[0].get("PhotoDateCaptured")) if photos else None,
        "size_bytes": sum(size for size in sizes if size is not None) if photos else None,
        "late": exposure.late,
        "duplicate": exposure.duplicate,
        "pairing_method": exposure.pairing_method,
        "confidence": CONFIDENCE.get(exposure.pairing_method or ""),
        "photo_key": first_key,
    }


def _after(exposure: Exposure, at_ns: int | None) -> float | None:
    """Seconds from the release to an instant of the host's monotonic clock."""
    return None if at_ns is None else (at_ns - exposure.requested_ns) / _SECOND


def _in_fallback(state: State, exposure: Exposure) -> bool:
    """Whether a file of it lies where the application writes when DownloadPath can't be written."""
    fallback = text_of(state.options.get("FallbackPath"))
    if not fallback or fallback == state.options.get("DownloadPath"):
        return False
    return any((state.photos[key].filename or "").startswith(fallback) for key in exposure.photos)


def photo_rows(
    account: Account, state: State, label: Labels, simulated: bool, locate: Locate, only: int | None = None
) -> Iterator[dict[str, Any]]:
    """Rows of the photos table.

    Parameters
    ----------
    account, state, label, simulated
        As for :func:`exposure_rows`.
    locate : callable
        From PhotoFilenames and PhotoFilesizes to the local paths and what is there.
    only : int or None
        Photos of one shot; None: all, also those of no shot.
    """
    photos = [
        photo
        for photo in state.photos.values()
        if only is None or ((paired := account.shot_of.get(photo.key)) is not None and paired.shot_id == only)
    ]
    columns = photo_table(photos, account, label, simulated, locate)
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(columns, values, strict=True))


def photo_table(
    photos: Sequence[PhotoRecord], account: Account, label: Labels, simulated: bool, locate: Locate
) -> dict[str, list[Any]]:
    """Return columns of the photos table.

    Parameters
    ----------
    photos : sequence of PhotoRecord
        One per row.
    account, label, simulated, locate
        As for :func:`photo_rows`.
    """
    columns = photo_columns(photos)
    columns["position"] = photo_positions(photos, account, label)
    columns["simulated"] = [simulated] * len(photos)
    filenames = [name or photo.filename for name, photo in zip(columns["filename"], photos, strict=True)]
    columns |= photo_places(columns["location"], filenames, columns["size_bytes"], locate)
    paired = [account.shot_of.get(photo.key) for photo in photos]
    columns["shot_id"] = [None if one is None else one.shot_id for one in paired]
    columns["attempt"] = [None if one is None else one.attempt for one in paired]
    columns["pairing_method"] = [None if one is None else one.method for one in paired]
    columns["before"] = [photo.before and one is None for photo, one in zip(photos, paired, strict=True)]
    columns["confidence"] = [None if one is None else CONFIDENCE.get(one.method) for one in paired]
    return columns | label_columns(columns["shot_id"], account)


def photo_positions(photos: Sequence[PhotoRecord], account: Account, label: Labels) -> list[str | None]:
    """Say of each photo where its camera stood: when it was fired, if there was a layout then; else where it stands now."""
    keys = [text_of(photo.get("CameraKey")) for photo in photos]
    labels = {key: None if key is None else label(key) for key in set(keys)}
    if not account.seated:
        return [labels[key] for key in keys]
    frozen = (
        account.shots[paired.shot_id].exposures.get(key or "") if (paired := account.shot_of.get(photo.key)) else None
        for photo, key in zip(photos, keys, strict=True)
    )
    return [labels[key] if one is None else one.position or labels[key] for key, one in zip(keys, frozen, strict=True)]


def photo_places(
    locations: Sequence[str | None], filenames: Sequence[str | None], sizes: Sequence[int | None], locate: Locate
) -> dict[str, list[str | None]]:
    """Return the columns of the photos table that say where the files are; only of files on disk that is known.

    Parameters
    ----------
    locations, filenames, sizes : sequence
        PhotoLocation, ``PhotoRecord.filename`` and PhotoFilesize, one per row.
    locate : callable
        As for :func:`photo_rows`.
    """
    on_disk = [location == "Local Disk" for location in locations]
    known = [name if there else None for there, name in zip(on_disk, filenames, strict=True)]
    places = locate(known, sizes)
    return {"path": [path for path, _ in places], "path_state": [state for _, state in places]}


def located(photos: pd.DataFrame, locate: Locate) -> pd.DataFrame:
    """Look where the files of a photos table are now: the folder may have been moved, a share may be away.

    Parameters
    ----------
    photos : pandas.DataFrame
        Its columns ``path`` and ``path_state`` are replaced.
    locate : callable
        As for :func:`photo_rows`.
    """
    told = [list(photos[name].astype(object).where(photos[name].notna(), None)) for name in _WHERE]
    found = photo_places(told[0], told[1], told[2], locate)
    for column in TABLES["photos"].columns:
        if column.name in found:
            photos[column.name] = array_of(column, list(found[column.name]))
    return photos


def label_columns(shot_ids: Sequence[int | None], account: Account) -> dict[str, list[Any]]:
    """Return the columns of the photos table that follow from the shots alone.

    Parameters
    ----------
    shot_ids : sequence of int or None
        One per row; None: of no shot.
    account : Account
        Who knows the shots.
    """
    known: dict[int | None, dict[str, Any]] = {None: {}}
    for shot_id in set(shot_ids) - {None}:
        assert shot_id is not None
        known[shot_id] = shot_labels(account.shots[shot_id])
    return {name: [known[shot_id].get(name) for shot_id in shot_ids] for name in (*_LABELS, "trigger")}


def shot_labels(shot: ShotAccount) -> dict[str, Any]:
    """Return what a shot lends to the rows of its photos."""
    return {**_labels(shot), "trigger": shot.trigger}


def _labels(shot: ShotAccount) -> dict[str, Any]:
    return {name: shot.labels.get(name) for name in _LABELS}
