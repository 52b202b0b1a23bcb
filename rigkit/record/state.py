"""What the application said last: cameras, photos, options, requests, and what was lost on the way.

A fold over the record: the same entries give the same state, live and re-opened. Pure: it reads no clock. It believes no
value to be of the right type, since a server may say anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rigkit.record.loss import Losses
from rigkit.record.readings import Readings
from rigkit.record.records import CameraRecord, PhotoRecord, flag_of, number_of, text_of, whole_of
from rigkit.record.warned import Warned
from rigkit.wire import Message
from rigkit.wire.fields import ENVELOPE
from rigkit.wire.shapes import Shape

if TYPE_CHECKING:
    from rigkit.record.layout import Layout, Place

__all__ = [
    "NOT_SEEN",
    "UNSEEN",
    "CameraRecord",
    "Parts",
    "PhotoRecord",
    "RequestRecord",
    "State",
    "camera_parts",
    "flag_of",
    "number_of",
    "photo_parts",
    "text_of",
    "whole_of",
]

#: What the key of a place begins with at which no camera has been seen.
UNSEEN = "unseen:"
#: The status of such a place: that needs hands, and waiting mends nothing.
NOT_SEEN = "not seen"

#: What a message says of single cameras or photos: key, and what it says.
Parts = list[tuple[str, Mapping[str, Any]]]


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
    for info in (*_objects(message.get("CameraInfo")), *_objects(message.get("PropertyUpdated"))):
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
    for info in _objects(message.get("PhotoInfo")):
        parts += [(key, info) for key in _keys(info, "PhotoKey", "PhotoKeys")]
    return parts


def _objects(container: Any) -> list[Mapping[str, Any]]:
    """Return what a container of a state holds: a list's objects, or one that stands alone; versions differ in that."""
    held = container if isinstance(container, list) else [container]
    return [one for one in held if isinstance(one, dict)]


def _keys(body: Mapping[str, Any], one: str, many: str) -> list[str]:
    key = body.get(one)
    if isinstance(key, str) and key:
        return [key]
    keys = body.get(many)
    return [key for key in keys if isinstance(key, str) and key] if isinstance(keys, list) else []


#: Replies that tell of many cameras at once; in 3.x, events.
_STATES = frozenset({"Synchronise", "GetCamera"})
#: Counters that only rise while cameras work.
_COUNTERS = (
    "CameraNumPhotosTaken",
    "CameraNumPhotosFailed",
    "CameraNumDownloadsComplete",
    "CameraNumDownloadsFailed",
)


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
    loss : Losses
        Events that were published and never heard.
    layout : Layout or None
        Who should be there; None: whoever is not Absent.
    profiles : dict of str to dict
        Golden settings: name of a group (empty: the whole rig) -> property -> value, by the names of the wire.
    warned : Warned
        What was wrong while somebody watched.
    readings : Readings
        Of a counter in view, and lags measured elsewhere.
    bad : int
        Frames that are not messages of the API; kept in the record.
    """

    def __init__(self) -> None:
        self.cameras: dict[str, CameraRecord] = {}
        self.photos: dict[str, PhotoRecord] = {}
        self.options: dict[str, Any] = {}
        self.node: dict[str, Any] = {}
        self.requests: list[RequestRecord] = []
        self.loss = Losses()
        self.layout: Layout | None = None
        self.profiles: dict[str, dict[str, str]] = {}
        self.warned = Warned()
        self.readings = Readings()
        self.bad = 0
        self._open_requests: dict[int | None, RequestRecord] = {}
        self._state_known = False

    def reset(self) -> None:
        """Forget everything, to fold anew; the containers stay the same objects."""
        for container in (self.cameras, self.photos, self.options, self.node, self.profiles, self._open_requests):
            container.clear()
        self.layout = None
        self.requests.clear()
        self.loss.reset()
        self.warned.reset()
        self.readings.reset()
        self.bad = 0
        self.new_publisher()

    def new_publisher(self) -> None:
        """Follow the counter of the publisher from wherever it is: this is another sitting, maybe another application."""
        self.loss.new_publisher()
        self._state_known = False

    # -- who should be there, and how ---------------------------------------------------------------------------------

    def place_of(self, camera_key: str) -> Place | None:
        """Say at which place of the layout a camera stands now; None: at none, or there is no layout."""
        if self.layout is None:
            return None
        if camera_key.startswith(UNSEEN):
            position = camera_key.removeprefix(UNSEEN)
            return self.layout[position] if position in self.layout else None  # noqa: SIM401 - a layout is no dictionary
        camera = self.cameras.get(camera_key)
        if camera is None:
            return None
        return self.layout.place_of(text_of(camera.get("CameraSerialNumber")) or "", camera.name)

    def groups_of(self, camera_key: str) -> tuple[str, ...]:
        """Say which groups a camera is in: those of the layout, then the application's, unless the layout has that name."""
        place, camera = self.place_of(camera_key), self.cameras.get(camera_key)
        ours = place.groups if place is not None else ()
        theirs = camera.group if camera is not None else ""
        named = self.layout is not None and theirs in self.layout.groups
        return ours if not theirs or named else (*ours, theirs)

    def members(self) -> list[str]:
        """List whoever should be there: with a layout, a key for each of its places; without, whoever is not Absent.

        Returns
        -------
        list of str
            Camera keys, in the order of the layout, else of the application. A place at which nobody has been seen is there as
            ``unseen:`` and its position.
        """
        if self.layout is None:
            return [key for key, camera in list(self.cameras.items()) if camera.status != "Absent"]
        standing: dict[str, str] = {}
        for key, camera in list(self.cameras.items()):
            place = self.place_of(key)
            # Two entries of one body: the one that is not Absent is the body.
            if place is not None and (place.position not in standing or camera.status != "Absent"):
                standing[place.position] = key
        return [standing.get(place.position, UNSEEN + place.position) for place in self.layout]

    def present(self, keys: Iterable[str]) -> list[str]:
        """Say who stands now at those of these keys that are places (``unseen:`` and the position); cameras stay as they are."""
        chosen = list(keys)
        if not any(key.startswith(UNSEEN) for key in chosen):
            return chosen
        now = {UNSEEN + place.position: key for place, key in zip(self.layout or (), self.members(), strict=False)}
        return list(dict.fromkeys(now.get(key, key) for key in chosen))

    def unseen(self) -> list[CameraRecord]:
        """Make records that stand for the places of the layout at which nobody has been seen: Absent, with the serial expected."""
        records = []
        for key in self.members() if self.layout is not None else ():
            place = self.place_of(key) if key.startswith(UNSEEN) else None
            if place is not None:
                record = CameraRecord(key)
                record.merge({"CameraStatus": "Absent", "CameraSerialNumber": place.serial, "CameraName": place.name})
                records.append(record)
        return records

    def lasting(self) -> list[tuple[str, dict[str, Any]]]:
        """List the notes that the next sitting begins with: what was said of the rig, not of a shot."""
        notes: list[tuple[str, dict[str, Any]]] = []
        if self.layout is not None:
            notes.append(("layout", {"places": self.layout.to_note(), "why": "the sitting before"}))
        if self.readings.lags is not None:
            notes.append(("calibration", {"lags": self.readings.lags}))
        notes += [("profile", {"group": group, "values": values}) for group, values in self.profiles.items()]
        return notes

    def take_profile(self, group: str, values: Mapping[str, str]) -> None:
        """Take in the golden settings of a group; none: it has none any more."""
        if values:
            self.profiles[group] = dict(values)
        else:
            self.profiles.pop(group, None)

    def take_file(self, said: Mapping[str, Any]) -> PhotoRecord | None:
        """Take in what was read from a photo's file: its checksum, its EXIF time; None: nothing else was heard of that photo."""
        photo = self.photos.get(said["photo_key"])
        if photo is None:
            return None
        size = int(said["size"])
        if "sha256" in said:
            photo.sha256, photo.summed_bytes = str(said["sha256"]), size
        if "t_exif" in said:
            taken, digits = said["t_exif"], said.get("subsec_digits")
            stamp = None if taken is None else datetime.fromisoformat(taken).replace(tzinfo=None)
            if digits is not None and (type(digits) is not int or not 1 <= digits <= 9):
                raise ValueError("sub-seconds have one to nine digits")
            photo.exif = stamp, digits, size
        return photo

    # -- what is said -------------------------------------------------------------------------------------------------

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
        if message.msg_id in _STATES and message.channel != "req" and message.msg_result is not False:
            if self._state_known and self._tells_news(cameras, photos):
                self.loss.untold(message.wall_ns)
            if not self._state_known and _tells_all(message):
                self._state_known = True
                new = [key for key, _ in photos if key not in self.photos]
                for key in new:
                    self._photo(key, message.mono_ns, message.wall_ns).before = True
        for key, info in cameras:
            self._merge_camera(key, info, message)
        for key, info in photos:
            self._merge_photo(key, info, message)
        self._merge_rest(message)
        if _tells_all(message) and isinstance(message.get("CameraInfo"), list | dict):
            self._forget({key for key, _ in cameras})
        return gap

    def hear_photo(self, said: Shape, mono_ns: int, wall_ns: int) -> PhotoRecord:
        """Take in a PhotoUpdated of a known shape: the same as :meth:`fold`, without looking at each of its fields.

        Parameters
        ----------
        said : Shape
            The event; its number was counted.
        mono_ns, wall_ns : int
            Its stamps.
        """
        photo = self._photo(said.PhotoKey, mono_ns, wall_ns)
        location = said.get("PhotoLocation")
        if photo.disk_mono_ns is None and location == "Local Disk":
            self._put_on_disk(photo, mono_ns)
        if not _is_old(photo, location):
            photo.hear(said)
        return photo

    def hear_camera(self, said: Shape, wall_ns: int) -> None:
        """Take in a CameraUpdated of a known shape, likewise.

        Parameters
        ----------
        said : Shape
            The event; its number was counted.
        wall_ns : int
            Its stamp.
        """
        camera = self._camera(said.CameraKey)
        camera.last_wall_ns = wall_ns
        camera.hear(said)
        properties = said.get("CameraPropertyInfo")
        if properties is not None:
            camera.hear_properties(properties)

    def _forget(self, listed: set[str]) -> None:
        """Mark as Absent whoever a full state does not list: it lists every camera the application knows."""
        for key, camera in self.cameras.items():
            if key not in listed:
                camera.merge({"CameraStatus": "Absent"})

    def fired(self, seq: int | None, shot_id: int) -> None:
        """Take in which shot a request was the release of."""
        for request in reversed(self.requests):
            if request.seq == seq:
                request.shot_id = shot_id
                break

    def no_reply(self, seq: int | None, delivery: str) -> None:
        """Take in that a request was not answered."""
        request = self._open_requests.pop(seq, None)
        if request is not None:
            request.delivery = delivery

    def _merge_camera(self, key: str, info: Mapping[str, Any], message: Message) -> None:
        camera = self._camera(key)
        camera.last_wall_ns = message.wall_ns
        if message.msg_id == "LiveviewUpdated":
            return
        camera.merge(info)
        properties = info.get("CameraPropertyInfo")
        if isinstance(properties, list):
            camera.merge_properties(properties)

    def _merge_photo(self, key: str, info: Mapping[str, Any], message: Message) -> None:
        photo = self._photo(key, message.mono_ns, message.wall_ns)
        location = info.get("PhotoLocation")
        if photo.disk_mono_ns is None and location == "Local Disk":
            self._put_on_disk(photo, message.mono_ns)
        if not _is_old(photo, location):
            photo.merge(info)

    def _camera(self, key: str) -> CameraRecord:
        camera = self.cameras.get(key)
        if camera is None:
            camera = self.cameras[key] = CameraRecord(key)
        return camera

    def _photo(self, key: str, mono_ns: int, wall_ns: int) -> PhotoRecord:
        photo = self.photos.get(key)
        if photo is None:
            photo = self.photos[key] = PhotoRecord(
                key, number=len(self.photos), first_wall_ns=wall_ns, first_mono_ns=mono_ns
            )
        return photo

    def _put_on_disk(self, photo: PhotoRecord, mono_ns: int) -> None:
        photo.disk_mono_ns = mono_ns
        photo.captured_before = text_of(photo.get("PhotoDateCaptured")) or ""
        photo.folder = text_of(self.options.get("DownloadPath")) or ""

    def _merge_rest(self, message: Message) -> None:
        if message.channel == "req":
            return
        if message.msg_id == "OptionsUpdated":
            self.options.update(message.fields)
        elif message.msg_id == "NodeUpdated":
            self.node.update(message.fields)
        for merged, container in ((self.options, "OptionsInfo"), (self.node, "NodeInfo")):
            for info in _objects(message.get(container))[:1]:  # the application's own comes first
                merged.update({name: value for name, value in info.items() if name not in ENVELOPE})

    def _sent(self, message: Message) -> None:
        request = RequestRecord(
            len(self.requests), message.msg_id, message.msg_seq_num, message.mono_ns, message.wall_ns, message.number
        )
        self.requests.append(request)
        self._open_requests[request.seq] = request

    def _answered(self, message: Message) -> None:
        request = self._open_requests.pop(message.msg_seq_num, None)
        self._close(request, message.msg_result, message.mono_ns)

    def garbled(self, mono_ns: int) -> None:
        """Take in a reply that is no message: whatever it was meant to say, its request is over."""
        self._close(None, None, mono_ns)

    def _close(self, request: RequestRecord | None, ok: bool | None, mono_ns: int) -> None:
        if request is None and self._open_requests:
            # One request at a time: what comes is the reply to the last one, also from a server that does not echo numbers.
            request = self._open_requests.popitem()[1]
        if request is not None:
            request.delivery, request.ok, request.reply_mono_ns = "answered", ok, mono_ns

    def _count(self, message: Message) -> int:
        """Follow the publisher's counter: one counter spans all its events."""
        seq = message.msg_seq_num
        if seq is None or message.msg_type != "Event":
            return 0
        return self.loss.count(seq, message.wall_ns)

    def _tells_news(self, cameras: Parts, photos: Parts) -> bool:
        """Whether a state holds what no event has told: a photo, where it is, or a camera's counters."""
        for key, info in photos:
            photo = self.photos.get(key)
            if photo is None or info.get("PhotoLocation") != photo.get("PhotoLocation"):
                return True
        for key, info in cameras:
            camera = self.cameras.get(key)
            if camera is not None and any(
                (whole_of(info.get(name)) or 0) > (camera.count(name) or 0) for name in _COUNTERS
            ):
                return True
        return False


def _tells_all(message: Message) -> bool:
    """Whether a message holds the whole state; in 3.x the reply to Synchronise is empty, and an event that follows holds it."""
    if message.msg_id != "Synchronise" or message.channel == "req" or message.msg_result is False:
        return False
    return any(isinstance(message.get(name), list | dict) for name in ("CameraInfo", "PhotoInfo", "OptionsInfo"))


def _is_old(photo: PhotoRecord, location: Any) -> bool:
    """Whether news of a photo is older than what is known: it is a file, and files don't go back to cameras.

    Replies come over another connection than events, so a state can overtake the events before it.
    """
    return photo.disk_mono_ns is not None and location == "Camera"
