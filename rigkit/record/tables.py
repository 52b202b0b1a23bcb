"""Rows of the tables that follow from the application's words alone. Pure: no clock, no files.

Columns and dtypes are declared in ``record.columns``; here is only where each value comes from.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from rigkit.record.journal import Entry
from rigkit.record.state import CameraRecord, PhotoRecord, State, flag_of, number_of, text_of, whole_of

__all__ = [
    "Labels",
    "camera_rows",
    "created_ns",
    "loss_rows",
    "natural",
    "parse_captured",
    "photo_fields",
    "request_rows",
    "setting_rows",
]

#: 100 ns steps from the start of the Gregorian calendar, where version-1 UUIDs count from, to the Unix epoch.
_UUID_EPOCH = 0x01B21DD213814000

Labels = Callable[[str], str]


def natural(text: str) -> list[Any]:
    """Sort key in which A2 comes before A10."""
    # Cut, because Python refuses to turn thousands of digits into a number.
    parts = re.split(r"([0-9]+)", text[:200].casefold())
    return [int(part) if odd % 2 else part for odd, part in enumerate(parts)]


def parse_captured(text: Any) -> datetime | None:
    """Read a PhotoDateCaptured: ``YYYYMMDD HH:MM:SS.mmm``, no zone; None: not one.

    Source: PhotoInfo; whether a camera or the computer made the value is not established.
    """
    if not isinstance(text, str) or len(text) < 17:
        return None
    try:
        year, month, day = int(text[:4]), int(text[4:6]), int(text[6:8])
        hour, minute, second = int(text[9:11]), int(text[12:14]), int(text[15:17])
        captured = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - the wire gives no zone
        fraction = text[18:]
        return captured.replace(microsecond=int(fraction[:6].ljust(6, "0"))) if fraction else captured
    except ValueError:
        return None


def created_ns(photo_key: str) -> int | None:
    """When the application made a photo's entry, from a version-1 PhotoKey.

    Returns
    -------
    int or None
        Nanoseconds of the Unix epoch by the clock of the application's computer, resolution 100 ns; None: another kind of
        key.
    """
    try:
        key = uuid.UUID(photo_key)
    except ValueError:
        return None
    if key.version != 1:
        return None
    created = (key.time - _UUID_EPOCH) * 100
    return created if 0 <= created < 2**62 else None


def event_row(
    number: int, entry: Entry, facts: tuple[str | None, int | None, bool | None, str | None, str | None, int, bool]
) -> dict[str, Any]:
    """Row of the events table."""
    msg_id, seq, result, camera_key, photo_key, gap, bad = facts
    return {
        "event_no": number,
        "host_wall": entry.wall_ns,
        "host_mono_s": entry.mono_ns / 1e9,
        "channel": entry.channel,
        "msg_id": msg_id,
        "msg_seq_num": seq,
        "msg_result": result,
        "camera_key": camera_key,
        "photo_key": photo_key,
        "gap": gap,
        "bad": bad,
        "payload": entry.raw.decode("utf-8", "replace"),
    }


def request_rows(state: State, entries: list[Entry]) -> Iterator[dict[str, Any]]:
    """Rows of the requests table."""
    for request in state.requests:
        answered = request.reply_mono_ns
        yield {
            "request_no": request.number,
            "host_wall": request.wall_ns,
            "host_mono_s": request.mono_ns / 1e9,
            "msg_id": request.msg_id,
            "msg_seq_num": request.seq,
            "delivery": request.delivery,
            "ok": request.ok,
            "reply_ms": None if answered is None else (answered - request.mono_ns) / 1e6,
            "shot_id": request.shot_id,
            "payload": entries[request.raw_number].raw.decode("utf-8", "replace"),
        }


def camera_rows(cameras: Iterable[CameraRecord], label: Labels, simulated: bool) -> Iterator[dict[str, Any]]:
    """Rows of the cameras table."""
    for camera in cameras:
        info = camera.info
        yield {
            "camera_key": camera.key,
            "position": label(camera.key),
            "name": text_of(info.get("CameraName")),
            "group": text_of(info.get("CameraGroup")),
            "status": text_of(info.get("CameraStatus")),
            "expected": camera.status != "Absent",
            "make": text_of(info.get("CameraMake")),
            "model": text_of(info.get("CameraModel")),
            "serial": text_of(info.get("CameraSerialNumber")),
            "battery_pct": whole_of(info.get("CameraBatterylevel")),
            "power": text_of(info.get("CameraPowersource")),
            "n_cards": whole_of(info.get("CameraNumCards")),
            "batch_next": whole_of(info.get("PhotoBatchNum")),
            "n_taken": whole_of(info.get("CameraNumPhotosTaken")),
            "n_failed": whole_of(info.get("CameraNumPhotosFailed")),
            "n_downloaded": whole_of(info.get("CameraNumDownloadsComplete")),
            "n_downloads_failed": whole_of(info.get("CameraNumDownloadsFailed")),
            "download_rate": number_of(info.get("CameraDownloadRate")),
            "trigger_index": whole_of(info.get("CameraTriggerIndex")),
            "node_key": text_of(info.get("NodeKey")),
            "last_heard": camera.last_wall_ns,
            "simulated": simulated,
        }


def setting_rows(cameras: Iterable[CameraRecord], label: Labels) -> Iterator[dict[str, Any]]:
    """Rows of the settings table."""
    for camera in cameras:
        for kind, info in camera.properties.items():
            choices = info.get("CameraPropertyRange")
            yield {
                "camera_key": camera.key,
                "property": kind,
                "position": label(camera.key),
                "value": text_of(info.get("CameraPropertyValue")),
                "writeable": flag_of(info.get("CameraPropertyIsWriteable")),
                "choices": "; ".join(str(one) for one in choices) if isinstance(choices, list) else None,
            }


def photo_fields(photo: PhotoRecord) -> dict[str, Any]:
    """Return the part of a photos row that the application said."""
    info = photo.info
    name = text_of(info.get("PhotoName"))
    computed = text_of(info.get("PhotoComputedName"))
    return {
        "photo_key": photo.key,
        "camera_key": text_of(info.get("CameraKey")),
        "location": text_of(info.get("PhotoLocation")),
        "name": name,
        "computed_name": computed,
        "collided": None if name is None or computed is None else name != computed,
        "original_name": text_of(info.get("PhotoOriginalName")),
        "filename": text_of(info.get("PhotoFilename")),
        "format": text_of(info.get("PhotoFormat")),
        "is_image": flag_of(info.get("PhotoIsImage")),
        "width": whole_of(info.get("PhotoWidth")),
        "height": whole_of(info.get("PhotoHeight")),
        "size_bytes": whole_of(info.get("PhotoFilesize")),
        "orientation": text_of(info.get("PhotoOrientation")),
        "aperture": text_of(info.get("PhotoAperture")) or None,
        "shutter_speed": text_of(info.get("PhotoShutterSpeed")) or None,
        "iso": text_of(info.get("PhotoISO")) or None,
        "focal_length": text_of(info.get("PhotoFocalLength")) or None,
        "hash": text_of(info.get("PhotoHash")),
        "date_captured": parse_captured(info.get("PhotoDateCaptured")),
        "created_app": created_ns(photo.key),
        "first_heard": photo.first_wall_ns,
        "first_heard_mono_s": photo.first_mono_ns / 1e9,
        "on_disk_mono_s": None if photo.disk_mono_ns is None else photo.disk_mono_ns / 1e9,
        "sequence_num": whole_of(info.get("PhotoSequenceNum")),
        "batch_num": whole_of(info.get("PhotoBatchNum")),
        "session_name": text_of(info.get("PhotoSessionName")),
        "session_num": whole_of(info.get("PhotoSessionNum")),
        "barcode": text_of(info.get("PhotoBarcode")),
        "origin": text_of(info.get("PhotoOrigin")),
        "uuid": text_of(info.get("PhotoUUID")),
        "node_key": text_of(info.get("NodeKey")),
    }


def loss_rows(state: State) -> Iterator[dict[str, Any]]:
    """Rows of the loss table."""
    for number, loss in enumerate(state.losses):
        yield {
            "loss_no": number,
            "t": loss.wall_ns,
            "where": loss.where,
            "n": loss.n,
            "first_seq": loss.first,
            "last_seq": loss.last,
            "recovered_by": loss.recovered_by,
        }
