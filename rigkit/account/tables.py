"""Rows of the tables that follow from the account: shots, exposures, and photos with their shots."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rigkit.account.fold import Account
from rigkit.account.shots import Exposure, ShotAccount
from rigkit.record.state import State, whole_of
from rigkit.record.tables import Labels, parse_captured, photo_fields

__all__ = ["exposure_rows", "photo_rows", "shot_rows"]

#: From a PhotoFilename and a PhotoFilesize to the local path and what is there.
Locate = Callable[[str | None, int | None], tuple[Path | None, str | None]]

_SECOND = 1e9


def shot_rows(account: Account, session_id: str, simulated: bool) -> Iterator[dict[str, Any]]:
    """Rows of the shots table."""
    for shot in account.shots.values():
        # A reshoot is another instant: the times of a shot are those of its first attempt.
        first = [one for one in shot.exposures.values() if one.attempt == 1]
        heard = [one.heard_ns for one in first if one.heard_ns is not None]
        disk = [one.disk_ns for one in first if one.disk_ns is not None and one.on_disk]
        missing = sum(one.status == "missing" for one in shot.exposures.values())
        outstanding = any(one.exposed and not one.on_disk for one in shot.exposures.values())
        yield {
            "shot_id": shot.shot_id,
            "session_id": session_id,
            **_labels(shot),
            "note": shot.labels.get("note"),
            "trigger": shot.trigger,
            "attempt": shot.attempt,
            "outcome": shot.outcome,
            "requested": shot.requested_wall_ns,
            "requested_mono_s": shot.requested_ns / _SECOND,
            "reply_ms": None if shot.reply_ns is None else (shot.reply_ns - shot.requested_ns) / 1e6,
            "n_expected": len(shot.exposures),
            "n_exposed": shot.exposed,
            "n_missing": missing,
            "n_on_disk": shot.on_disk,
            "complete": shot.complete,
            "accepted": shot.accepted,
            "first_arrival_s": (min(heard) - shot.requested_ns) / _SECOND if heard else None,
            "last_arrival_s": (max(heard) - shot.requested_ns) / _SECOND if heard else None,
            "on_disk_s": (max(disk) - shot.requested_ns) / _SECOND if disk and not outstanding else None,
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
    for shot in account.shots.values():
        if only is not None and shot.shot_id != only:
            continue
        for exposure in shot.exposures.values():
            yield {
                **_exposure_row(shot, exposure, state, label(exposure.camera_key)),
                "simulated": simulated,
            }


def _exposure_row(shot: ShotAccount, exposure: Exposure, state: State, position: str) -> dict[str, Any]:
    photos = [state.photos[key].info for key in exposure.photos]
    sizes = [whole_of(photo.get("PhotoFilesize")) for photo in photos]
    first_key = next(iter(exposure.photos), None)
    return {
        "shot_id": shot.shot_id,
        "camera_key": exposure.camera_key,
        "position": position,
        "status": exposure.status,
        "cause": exposure.cause,
        "detail": exposure.detail,
        "attempt": exposure.attempt,
        "accepted": shot.accepted,
        **_labels(shot),
        "trigger": shot.trigger,
        "batch_num": exposure.batch_num,
        "n_photos": len(exposure.photos),
        "n_files": sum(exposure.photos.values()),
        "requested": exposure.requested_wall_ns,
        "arrival_s": None if exposure.heard_ns is None else (exposure.heard_ns - exposure.requested_ns) / _SECOND,
        "on_disk_s": None
        if exposure.disk_ns is None or not exposure.on_disk
        else (exposure.disk_ns - exposure.requested_ns) / _SECOND,
        "date_captured": parse_captured(photos[0].get("PhotoDateCaptured")) if photos else None,
        "size_bytes": sum(size for size in sizes if size is not None) if photos else None,
        "late": exposure.late,
        "duplicate": exposure.duplicate,
        "pairing_method": exposure.pairing_method,
        "photo_key": first_key,
    }


def photo_rows(
    account: Account, state: State, label: Labels, simulated: bool, locate: Locate, only: int | None = None
) -> Iterator[dict[str, Any]]:
    """Rows of the photos table.

    Parameters
    ----------
    account, state, label, simulated
        As for :func:`exposure_rows`.
    locate : callable
        From PhotoFilename and PhotoFilesize to the local path and its state.
    only : int or None
        Photos of one shot; None: all, also those of no shot.
    """
    for photo in state.photos.values():
        paired = account.shot_of.get(photo.key)
        if only is not None and (paired is None or paired.shot_id != only):
            continue
        row = photo_fields(photo)
        key = row["camera_key"]
        row["position"] = None if key is None else label(key)
        row["simulated"] = simulated
        if photo.location == "Local Disk":
            row["path"], row["path_state"] = locate(photo.filename, row["size_bytes"])
            row["path"] = None if row["path"] is None else str(row["path"])
        if paired is not None:
            shot = account.shots[paired.shot_id]
            row |= _labels(shot)
            row["shot_id"] = shot.shot_id
            row["attempt"] = paired.attempt
            row["trigger"] = shot.trigger
            row["pairing_method"] = paired.method
        yield row


def _labels(shot: ShotAccount) -> dict[str, Any]:
    return {name: shot.labels.get(name) for name in ("subject", "pose", "rep")}
