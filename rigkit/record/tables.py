"""Rows of the tables that follow from the application's words alone. Pure: no clock, no files.

Columns and dtypes are declared in ``record.columns``; here is only where each value comes from.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from rigkit.record.lines import Entry
from rigkit.record.state import CameraRecord, PhotoRecord, State, flag_of, number_of, text_of, whole_of
from rigkit.wire.shapes import Shape, is_sure

__all__ = [
    "Labels",
    "camera_rows",
    "created_ns",
    "loss_rows",
    "natural",
    "parse_captured",
    "photo_columns",
    "photo_fields",
    "request_rows",
    "setting_rows",
]

#: 100 ns steps from the start of the Gregorian calendar, where version-1 UUIDs count from, to the Unix epoch.
_UUID_EPOCH = 0x01B21DD213814000

#: A version-1 UUID in its usual spelling: the low, the middle and the high part of its time.
_VERSION_1 = re.compile(r"([0-9a-f]{8})-([0-9a-f]{4})-1([0-9a-f]{3})-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_CAPTURED = re.compile(r"[0-9]{8} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}")

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
        if _CAPTURED.fullmatch(text):  # as documented: the library reads it at a tenth of the cost
            return datetime.fromisoformat(text)
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
    usual = _VERSION_1.fullmatch(photo_key)
    if usual is not None:  # as most applications spell it
        ticks = int(usual[3] + usual[2] + usual[1], 16)
    else:
        try:
            key = uuid.UUID(photo_key)
        except ValueError:
            return None
        if key.version != 1:
            return None
        ticks = key.time
    created = (ticks - _UUID_EPOCH) * 100
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


def _words_of(value: Any) -> str | None:
    """Return a text that is not empty as it is, anything else as None."""
    return text_of(value) or None


#: Columns of the photos table that hold a field as it came, and how it is read.
_PHOTO_FIELDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "camera_key": ("CameraKey", text_of),
    "location": ("PhotoLocation", text_of),
    "name": ("PhotoName", text_of),
    "computed_name": ("PhotoComputedName", text_of),
    "original_name": ("PhotoOriginalName", text_of),
    "filename": ("PhotoFilename", text_of),
    "format": ("PhotoFormat", text_of),
    "is_image": ("PhotoIsImage", flag_of),
    "width": ("PhotoWidth", whole_of),
    "height": ("PhotoHeight", whole_of),
    "size_bytes": ("PhotoFilesize", whole_of),
    "orientation": ("PhotoOrientation", text_of),
    "aperture": ("PhotoAperture", _words_of),
    "shutter_speed": ("PhotoShutterSpeed", _words_of),
    "iso": ("PhotoISO", _words_of),
    "focal_length": ("PhotoFocalLength", _words_of),
    "hash": ("PhotoHash", text_of),
    "date_captured": ("PhotoDateCaptured", parse_captured),
    "sequence_num": ("PhotoSequenceNum", whole_of),
    "batch_num": ("PhotoBatchNum", whole_of),
    "session_name": ("PhotoSessionName", text_of),
    "session_num": ("PhotoSessionNum", whole_of),
    "barcode": ("PhotoBarcode", text_of),
    "origin": ("PhotoOrigin", text_of),
    "uuid": ("PhotoUUID", text_of),
    "node_key": ("NodeKey", text_of),
}


def photo_columns(photos: Sequence[PhotoRecord]) -> dict[str, list[Any]]:
    """Return the part of the photos table that the application said, column by column.

    Parameters
    ----------
    photos : sequence of PhotoRecord
        One per row.
    """
    columns: dict[str, list[Any]] = {
        "photo_key": [photo.key for photo in photos],
        "first_heard": [photo.first_wall_ns for photo in photos],
        "first_heard_mono_s": [photo.first_mono_ns / 1e9 for photo in photos],
        "on_disk_mono_s": [None if photo.disk_mono_ns is None else photo.disk_mono_ns / 1e9 for photo in photos],
    }
    said = [photo.said for photo in photos if photo.said is not None and photo.older is None]
    if len(said) < len(photos):
        for name, (field, read) in _PHOTO_FIELDS.items():
            columns[name] = [read(photo.get(field)) for photo in photos]
    else:
        _said_columns(said, columns)
    columns["created_app"] = list(map(created_ns, columns["photo_key"]))
    columns["collided"] = [
        None if name is None or computed is None else name != computed
        for name, computed in zip(columns["name"], columns["computed_name"], strict=True)
    ]
    return columns


def _said_columns(said: list[Shape], columns: dict[str, list[Any]]) -> None:
    """Read the fields of events of known shapes: their types are certain, so most values go as they are."""
    shapes: set[type[Shape]] = {type(one) for one in said}
    for name, (field, read) in _PHOTO_FIELDS.items():
        having = sum(field in shape.__struct_fields__ for shape in shapes)
        values: list[Any]
        if having == len(shapes):
            values = list(map(attrgetter(field), said))
        else:
            values = [getattr(one, field, None) for one in said] if having else [None] * len(said)
        if not is_sure(field) or read is parse_captured:
            values = list(map(read, values))
        elif read is _words_of:
            values = [value or None for value in values]
        columns[name] = values


def photo_fields(photo: PhotoRecord) -> dict[str, Any]:
    """Return the part of a photos row that the application said."""
    return {name: values[0] for name, values in photo_columns([photo]).items()}


def loss_rows(state: State) -> Iterator[dict[str, Any]]:
    """Rows of the loss table."""
    for number, loss in enumerate(state.loss.rows):
        yield {
            "loss_no": number,
            "t": loss.wall_ns,
            "where": loss.where,
            "n": loss.n,
            "first_seq": loss.first,
            "last_seq": loss.last,
            "recovered_by": loss.recovered_by,
        }
