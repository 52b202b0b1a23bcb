"""What the application said last: cameras, photos, options, requests, and what was lost on the way.

A fold over the record: the same entries give the same state, live and re-opened. Pure: it reads no clock. It believes no
value to be of the right type, since a server may say anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rigkit.wire import Message
from rigkit.wire.fields import CAMERA_SELECTION, ENVELOPE, PHOTO_SELECTION

__all__ = [
    "CameraRecord",
    "Loss",
    "Parts",
    "PhotoRecord",
    "RequestRecord",
    "State",
    "camera_parts",
    "photo_parts",
    "text_of",
    "whole_of",
]

#: How far back a publisher's counter may jump and still be a repeated or re-ordered event instead of a restart.
_SMALL_JUMP = 64
_COUNTER = 2**32
#: A whole number spelt as text, ASCII digits only: "²" is a digit to Python, and no number.
_WHOLE = re.compile(r"\s*-?[0-9]{1,18}\s*")

#: What a message says of single cameras or photos: key, and what it says.
Parts = list[tuple[str, Mapping[str, Any]]]


def text_of(value: Any) -> str | None:
    """Return a text as it is, anything else as None."""
    return value if isinstance(value, str) else None


def whole_of(value: Any) -> int | None:
    """Return a whole number, also one spelt as text; anything else, or beyond 64 bits, as None."""
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63:
        return value
    return None


def number_of(value: Any) -> float | None:
    """Return a number as float, anything else as None."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def flag_of(value: Any) -> bool | None:
    """Return true or false as they are, anything else as None."""
    return value if isinstance(value, bool) else None


@dataclass(slots=True)
class CameraRecord:
    """One camera, merged from all that was said about it (CameraUpdated is partial)."""

    key: str
    info: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, dict[str, Any]] = field(default_factory=dict)
    last_wall_ns: int = 0

    @property
    def status(self) -> str:
        """CameraStatus; empty: never said."""
        return text_of(self.info.get("CameraStatus")) or ""

    @property
    def name(self) -> str:
        """CameraName; empty: never said."""
        return text_of(self.info.get("CameraName")) or ""

    @property
    def group(self) -> str:
        """CameraGroup; empty: none."""
        return text_of(self.info.get("CameraGroup")) or ""

    def count(self, name: str) -> int | None:
        """Return one of its counters; None: never said."""
        return whole_of(self.info.get(name))


@dataclass(slots=True)
class PhotoRecord:
    """One photo, merged from all that was said about it."""

    key: str
    info: dict[str, Any] = field(default_factory=dict)
    first_wall_ns: int = 0
    first_mono_ns: int = 0
    disk_mono_ns: int | None = None
    #: DownloadPath when the file was written.
    folder: str = ""

    @property
    def filename(self) -> str | None:
        """PhotoFilename; before 5.3 there was none, and the file is where the options and its name say; None: not known."""
        said = text_of(self.info.get("PhotoFilename"))
        name = text_of(self.info.get("PhotoName")) or text_of(self.info.get("PhotoComputedName"))
        if said or not (self.folder and name):
            return said
        separator = "\\" if "\\" in self.folder and "/" not in self.folder else "/"
        return f"{self.folder.rstrip(separator)}{separator}{name}"

    @property
    def location(self) -> str:
        """PhotoLocation; empty: never said."""
        return text_of(self.info.get("PhotoLocation")) or ""


@dataclass(slots=True)
class RequestRecord:
    """One request and what became of it."""

    number: int
    msg_id: str
    seq: int | None
    mono_ns: int
    wall_ns: int
    raw_number: int
    delivery: str | None = None
    ok: bool | None = None
    reply_mono_ns: int | None = None
    shot_id: int | None = None


@dataclass(slots=True)
class Loss:
    """Events that were published and never heard."""

    wall_ns: int
    where: str
    n: int | None
    first: int | None
    last: int | None
    recovered_by: str | None = None


def camera_parts(message: Message) -> Parts:
    """List every camera a message speaks of: key and what it says.

    Parameters
    ----------
    message : Message
        A CameraUpdated, PropertyUpdated (v3) or LiveviewUpdated event, or whatever carries ``CameraInfo`` (in a 3.x state also
        ``PropertyUpdated``).
    """
    parts: Parts = []
    if message.channel == "req":
        return parts
    if message.msg_id in {"CameraUpdated", "PropertyUpdated", "LiveviewUpdated"}:
        keys = _keys(message.body, "CameraKey", "CameraKeys")
        parts += [(key, message.body) for key in keys]
    for container in ("CameraInfo", "PropertyUpdated"):
        infos = message.get(container)
        for info in infos if isinstance(infos, list) else ():
            if isinstance(info, dict):
                parts += [(key, info) for key in _keys(info, "CameraKey", "CameraKeys")]
    return parts


def photo_parts(message: Message) -> Parts:
    """List every photo a message speaks of: key and what it says.

    Parameters
    ----------
    message : Message
        A PhotoUpdated event, or whatever carries ``PhotoInfo``.
    """
    parts: Parts = []
    if message.channel == "req":
        return parts
    if message.msg_id == "PhotoUpdated":
        parts += [(key, message.body) for key in _keys(message.body, "PhotoKey", "PhotoKeys")]
    infos = message.get("PhotoInfo")
    if isinstance(infos, list):
        for info in infos:
            if isinstance(info, dict):
                parts += [(key, info) for key in _keys(info, "PhotoKey", "PhotoKeys")]
    return parts


def _keys(body: Mapping[str, Any], one: str, many: str) -> list[str]:
    key = body.get(one)
    if isinstance(key, str) and key:
        return [key]
    keys = body.get(many)
    return [key for key in keys if isinstance(key, str) and key] if isinstance(keys, list) else []


_NOT_CAMERA = frozenset((*ENVELOPE, *CAMERA_SELECTION[:3], "CameraPropertyInfo", "CameraLiveviewImage", "rk_left_out"))
_NOT_PHOTO = frozenset((*ENVELOPE, *PHOTO_SELECTION))


class State:
    """The application's state as far as it was heard.

    Attributes
    ----------
    cameras : dict of str to CameraRecord
        By CameraKey, in the order first heard of.
    photos : dict of str to PhotoRecord
        By PhotoKey, in the order first heard of.
    options : dict
        OptionsInfo, merged.
    node : dict
        The last NodeUpdated or NodeInfo.
    requests : list of RequestRecord
        In the order sent.
    losses : list of Loss
        In the order noticed.
    bad : int
        Frames that are not messages of the API; kept in the record.
    """

    def __init__(self) -> None:
        self.cameras: dict[str, CameraRecord] = {}
        self.photos: dict[str, PhotoRecord] = {}
        self.options: dict[str, Any] = {}
        self.node: dict[str, Any] = {}
        self.requests: list[RequestRecord] = []
        self.losses: list[Loss] = []
        self.bad = 0
        self._open_requests: dict[int | None, RequestRecord] = {}
        self._last_seq: int | None = None
        self._suspect: int | None = None

    def reset(self) -> None:
        """Forget everything, to fold anew; the containers stay the same objects."""
        for container in (self.cameras, self.photos, self.options, self.node, self._open_requests):
            container.clear()
        self.requests.clear()
        self.losses.clear()
        self.bad = 0
        self.new_publisher()

    def new_publisher(self) -> None:
        """Follow the counter of the publisher from wherever it is: this is another sitting, maybe another application."""
        self._last_seq = self._suspect = None

    def fold(self, message: Message, cameras: Parts, photos: Parts) -> int:
        """Take one message in.

        Parameters
        ----------
        message : Message
            Heard, sent or answered.
        cameras, photos : list
            Its :func:`camera_parts` and :func:`photo_parts`.

        Returns
        -------
        int
            How many events are missing right before it; 0 for everything but an event after a gap.
        """
        gap = 0
        if message.channel == "pub":
            gap = self._count(message)
        elif message.channel == "req":
            self._sent(message)
        elif message.channel == "rep":
            self._answered(message)
        for key, info in cameras:
            self._merge_camera(key, info, message)
        for key, info in photos:
            self._merge_photo(key, info, message)
        self._merge_rest(message)
        if message.msg_id == "Synchronise" and message.channel != "req" and message.msg_result is not False:
            self._forget(message, {key for key, _ in cameras})
        return gap

    def _forget(self, message: Message, listed: set[str]) -> None:
        """Mark as Absent whoever a full state does not list: it lists every camera the application knows."""
        if not isinstance(message.get("CameraInfo"), list):
            return
        for key, camera in self.cameras.items():
            if key not in listed:
                camera.info["CameraStatus"] = "Absent"

    def no_reply(self, seq: int | None, delivery: str) -> None:
        """Take in that a request was not answered."""
        request = self._open_requests.pop(seq, None)
        if request is not None:
            request.delivery = delivery

    def recovered(self, by: str) -> None:
        """Take in that the state was asked for anew, so whatever was lost before has been made up for."""
        for loss in self.losses:
            if loss.recovered_by is None:
                loss.recovered_by = by

    def _merge_camera(self, key: str, info: Mapping[str, Any], message: Message) -> None:
        camera = self.cameras.get(key)
        if camera is None:
            camera = self.cameras[key] = CameraRecord(key)
        camera.last_wall_ns = message.wall_ns
        if message.msg_id == "LiveviewUpdated":
            return
        for name, value in info.items():
            if name not in _NOT_CAMERA:
                camera.info[name] = value
        properties = info.get("CameraPropertyInfo")
        if isinstance(properties, list):
            for one in properties:
                kind = one.get("CameraPropertyType") if isinstance(one, dict) else None
                if isinstance(kind, str):
                    camera.properties.setdefault(kind, {}).update(one)

    def _merge_photo(self, key: str, info: Mapping[str, Any], message: Message) -> None:
        photo = self.photos.get(key)
        if photo is None:
            photo = self.photos[key] = PhotoRecord(key, first_wall_ns=message.wall_ns, first_mono_ns=message.mono_ns)
        for name, value in info.items():
            if name not in _NOT_PHOTO:
                photo.info[name] = value
        if photo.disk_mono_ns is None and info.get("PhotoLocation") == "Local Disk":
            photo.disk_mono_ns = message.mono_ns
            photo.folder = text_of(self.options.get("DownloadPath")) or ""

    def _merge_rest(self, message: Message) -> None:
        if message.channel == "req":
            return
        if message.msg_id == "OptionsUpdated":
            self.options.update(message.fields)
        elif message.msg_id == "NodeUpdated":
            self.node.update(message.fields)
        options = message.get("OptionsInfo")
        if isinstance(options, dict):
            self.options.update({name: value for name, value in options.items() if name not in ENVELOPE})
        nodes = message.get("NodeInfo")
        node = nodes[0] if isinstance(nodes, list) and nodes else nodes
        if isinstance(node, dict):
            self.node.update({name: value for name, value in node.items() if name not in ENVELOPE})

    def _sent(self, message: Message) -> None:
        request = RequestRecord(
            len(self.requests), message.msg_id, message.msg_seq_num, message.mono_ns, message.wall_ns, message.number
        )
        self.requests.append(request)
        self._open_requests[request.seq] = request

    def _answered(self, message: Message) -> None:
        request = self._open_requests.pop(message.msg_seq_num, None)
        if request is None and len(self._open_requests) == 1:  # a server that does not echo the number
            request = self._open_requests.popitem()[1]
        if request is not None:
            request.delivery = "answered"
            request.ok = message.msg_result
            request.reply_mono_ns = message.mono_ns

    def _count(self, message: Message) -> int:
        """Follow the publisher's counter: one counter spans all its events."""
        seq = message.msg_seq_num
        last = self._last_seq
        if seq is None or message.msg_type != "Event":
            return 0
        if last is None:
            self._last_seq = seq
            return 0
        ahead = (seq - last) % _COUNTER
        if ahead == 1:
            self._last_seq, self._suspect = seq, None
            return 0
        if 1 < ahead < _COUNTER // 2:
            self._last_seq, self._suspect = seq, None
            first = (last + 1) % _COUNTER
            self.losses.append(Loss(message.wall_ns, "gap", ahead - 1, first, (seq - 1) % _COUNTER))
            return ahead - 1
        return self._step_back(seq, last, message)

    def _step_back(self, seq: int, last: int, message: Message) -> int:
        """Tell a repeated or late event from a publisher that started again."""
        if self._fill_gap(seq):
            return 0
        if 0 <= last - seq < _SMALL_JUMP and self._suspect != seq - 1:
            self._suspect = seq  # one step back may be a repetition; a second one in order is a restart
            return 0
        self.losses.append(Loss(message.wall_ns, "restart", None, None, None))
        self._last_seq, self._suspect = seq, None
        return 0

    def _fill_gap(self, seq: int) -> bool:
        """Take back the loss of an event that comes late after all."""
        for at in range(len(self.losses) - 1, -1, -1):
            loss = self.losses[at]
            if loss.where != "gap" or loss.first is None or loss.last is None or not loss.first <= seq <= loss.last:
                continue
            pieces = [(loss.first, seq - 1), (seq + 1, loss.last)]
            self.losses[at : at + 1] = [
                Loss(loss.wall_ns, "gap", end - begin + 1, begin, end, loss.recovered_by)
                for begin, end in pieces
                if begin <= end
            ]
            return True
        return False
