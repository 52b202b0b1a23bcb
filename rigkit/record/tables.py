"""Rows of the tables that follow from the application's words alone. Pure: no clock, no files.

Columns and dtypes are declared in ``record.columns``; here is only where each value comes from.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

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

#: A version-1 UUID in its usual spelling: first come the low, the middle and the high part of its time.
_VERSION_1 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_CAPTURED = re.compile(r"[0-9]{8} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}")
#: One after the other, and how long each is. Possessive: it need not remember where each began, 240 bytes for every one.
_ALL_VERSION_1, _VERSION_1_LENGTH = re.compile(f"(?:{_VERSION_1.pattern})*+"), 36
_ALL_CAPTURED, _CAPTURED_LENGTH = re.compile(f"(?:{_CAPTURED.pattern})*+"), 21

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
    if _VERSION_1.fullmatch(photo_key):  # as most applications spell it
        ticks = int(photo_key[15:18] + photo_key[9:13] + photo_key[:8], 16)
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


def _all_like(spelling: re.Pattern[str], length: int, texts: Sequence[Any]) -> bool:
    """Whether all are texts of one spelling; looking at 800 together takes 0.3 us each, one by one 0.8."""
    if set(map(type, texts)) != {str} or set(map(len, texts)) != {length}:
        return False
    return spelling.fullmatch("".join(texts)) is not None


def _captured_column(texts: Sequence[Any]) -> list[datetime | None]:
    """Read many PhotoDateCaptured as :func:`parse_captured` does, in half the time if all are as documented."""
    if _all_like(_ALL_CAPTURED, _CAPTURED_LENGTH, texts):
        try:
            return [datetime.fromisoformat(text) for text in texts]
        except ValueError:  # there is no such day
            pass
    return [parse_captured(text) for text in texts]


def _created_column(photo_keys: list[str]) -> list[int | None]:
    """Read many PhotoKeys as :func:`created_ns` does, in a quarter of the time if all are of version 1, usually spelt."""
    if _all_like(_ALL_VERSION_1, _VERSION_1_LENGTH, photo_keys):
        import numpy as np

        layout = [("low", ">u4"), ("middle", ">u2"), ("version_high", ">u2"), ("rest", "V8")]
        parts = np.frombuffer(bytes.fromhex("".join(photo_keys).replace("-", "")), layout)
        low, middle, high = (parts[name].astype(np.int64) for name in ("low", "middle", "version_high"))
        ticks = ((high & 0xFFF) << 48 | middle << 32 | low) - _UUID_EPOCH
        if ticks.min() >= 0 and ticks.max() < 2**62 // 100:
            return list((ticks * 100).tolist())
    return [created_ns(key) for key in photo_keys]


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


def camera_rows(
    cameras: Iterable[CameraRecord], label: Labels, simulated: bool, state: State | None = None
) -> Iterator[dict[str, Any]]:
    """Rows of the cameras table; with a state, its layout says who is expected and where everybody stands."""
    members = None if state is None or state.layout is None else set(state.members())
    for camera in cameras:
        info = camera.info
        place = None if state is None else state.place_of(camera.key)
        yield {
            "camera_key": camera.key,
            "position": label(camera.key),
            "name": text_of(info.get("CameraName")),
            "group": text_of(info.get("CameraGroup")),
            "status": text_of(info.get("CameraStatus")),
            "groups": None if place is None else ";".join(place.groups),
            "hub": None if place is None else place.hub or None,
            "lens": None if place is None else place.lens or None,
            "expected": camera.status != "Absent" if members is None else camera.key in members,
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
            "last_heard": camera.last_wall_ns or None,
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


#: Of a file that was not read, or of what its file was before.
_NO_EXIF = (None, None, 0)


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
    columns["sha256"] = [
        photo.sha256 or None if size is None or size == photo.summed_bytes else None  # of what its file was before
        for photo, size in zip(photos, columns["size_bytes"], strict=True)
    ]
    columns["date_captured_before"] = [parse_captured(photo.captured_before or None) for photo in photos]
    stamps = [
        photo.exif if photo.exif is not None and (size is None or size == photo.exif[2]) else _NO_EXIF
        for photo, size in zip(photos, columns["size_bytes"], strict=True)
    ]
    columns["t_exif"], columns["subsec_digits"] = [one[0] for one in stamps], [one[1] for one in stamps]
    columns["created_app"] = _created_column(columns["photo_key"])
    columns["collided"] = [
        None if name is None or computed is None else name != computed
        for name, computed in zip(columns["name"], columns["computed_name"], strict=True)
    ]
    return columns


def _said_columns(said: list[Shape], columns: dict[str, list[Any]]) -> None:
    """Read the fields of events of known shapes: their types are certain, so most values go as they are."""
    fields, nothing = _fields_of(said), [None] * len(said)
    for name, (field, read) in _PHOTO_FIELDS.items():
        values: Sequence[Any] = fields.get(field, nothing)
        if read is parse_captured:
            columns[name] = _captured_column(values)
        elif not is_sure(field):
            columns[name] = list(map(read, values))
        elif read is _words_of:
            columns[name] = [value or None for value in values]
        else:
            columns[name] = list(values)


def _fields_of(said: list[Shape]) -> dict[str, Sequence[Any]]:
    """Turn events into columns by field; None stands where an event lacks a field that others have."""
    shapes: set[type[Shape]] = set(map(type, said))
    if len(shapes) == 1:  # all fields of an event at once take two thirds of the time that one by one takes
        names = shapes.pop().__struct_fields__
        return dict(zip(names, zip(*map(msgspec.structs.astuple, said), strict=True), strict=True))
    wanted = (field for field, _ in _PHOTO_FIELDS.values())
    return {field: [getattr(one, field, None) for one in said] for field in wanted}


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
