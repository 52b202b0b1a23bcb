"""Rules that hold for everything a server ever says. Each takes what was heard and names what breaks it.

They are checked after every test of this folder, on all that the test heard, and once each by name in ``test_events.py``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

from rigkit.wire import FIELDS, MESSAGES
from tests.conformance.peer import Body, Frame, Target

Law = Callable[[Target, Sequence[Frame]], list[str]]

#: Names that 3.x spells otherwise; no later server says them.
_OLD_NAMES = {one.v3 for one in FIELDS.values() if one.v3} | {
    one.name for one in FIELDS.values() if one.until == "3.38"
}
_OLD_IDS = {one.v3 for one in MESSAGES.values() if one.v3}
#: Names that 3.x has at all, as spelt there.
_NAMES_3 = {one.v3 or one.name for one in FIELDS.values() if one.since == "3.38"}

#: What may follow what. A status may be repeated: updates are partial and need not be about the status.
CAMERA_STEPS = {
    "Absent": {"Disconnected", "Ready", "Busy", "Error"},
    "Disconnected": {"Absent", "Lost", "Busy", "Ready", "Error"},
    "Ready": {"Busy", "Disconnected", "Lost", "Absent", "Error"},
    "Busy": {"Ready", "Disconnected", "Lost", "Absent", "Error"},
    "Lost": {"Absent", "Disconnected", "Ready", "Busy", "Error"},
    "Error": {"Ready", "Busy", "Disconnected", "Lost", "Absent"},
}
PHOTO_STEPS = {
    "Camera": {"Local Disk", "Orphaned", "Deleted", "Hidden"},
    "Orphaned": {"Camera", "Deleted", "Hidden"},
    "Local Disk": {"Deleted", "Hidden"},
    "Hidden": {"Camera", "Local Disk", "Deleted"},
    "Deleted": set(),
}


def objects(body: Body) -> Iterator[Body]:
    """Give a message and every object inside it."""
    yield body
    for value in body.values():
        inside = [value] if isinstance(value, dict) else value if isinstance(value, list) else []
        for one in inside:
            if isinstance(one, dict):
                yield from objects(one)


def types(target: Target, frames: Iterable[Frame]) -> list[str]:
    """Every field that the tables know has the type, the range and the words that its version gives it. [D]

    A word of another version is let pass in a running application, whose version is only known from its node.
    """
    version = target.version
    return [
        f"{frame.body['msg_id']}: {problem}"
        for frame in frames
        for one in objects(frame.body)
        for name, value in one.items()
        if name in FIELDS
        and (problem := FIELDS[name].problem(value, version))
        and (target.simulated or not _of_another_version(name, value))
    ]


def _of_another_version(name: str, value: object) -> bool:
    """Whether a value is a word that some other version has."""
    return isinstance(value, str) and value in FIELDS[name].choices


def words(target: Target, frames: Iterable[Frame]) -> list[str]:
    """Where the specification lists words, a server says one of them, and spells it as they are spelt there. [D]"""
    return [
        f"{frame.body['msg_id']}: {name} is {value!r:.60}"
        for frame in frames
        for one in objects(frame.body)
        for name, value in one.items()
        if name in FIELDS and FIELDS[name].choices and value not in FIELDS[name].choices
    ]


def spelling(target: Target, frames: Iterable[Frame]) -> list[str]:
    """A server speaks one dialect: no 3.x name from a later one; from 3.x only names that 3.38 has. [D]"""
    found = []
    for frame in frames:
        for one in objects(frame.wire):
            for name in one:
                if not target.v3 and name in _OLD_NAMES:
                    found.append(f"{frame.wire['msg_id']}: {name} is a name of 3.x")
                elif target.v3 and (name in FIELDS or name.startswith("msg_")) and name not in _NAMES_3:
                    found.append(f"{frame.wire['msg_id']}: {name} is no name of 3.38")
        msg_id = frame.wire["msg_id"]
        if frame.wire.get("msg_type") != "Event":  # a reply says the id as it was asked, right or wrong
            continue
        if (msg_id in _OLD_IDS) != target.v3 and (msg_id in _OLD_IDS or msg_id in MESSAGES):
            found.append(f"{msg_id} is an id of the other dialect")
    return found


def envelopes(target: Target, frames: Iterable[Frame]) -> list[str]:
    """Every event says Event, which one and its number [D]; from 4.0 also msg_result true and msg_user_id 0 [O]."""
    found = []
    for frame in frames:
        body = frame.body
        here = f"event {body.get('msg_seq_num')} {body.get('msg_id')}"
        if body.get("msg_type") != "Event" or not isinstance(body.get("msg_id"), str) or not body["msg_id"]:
            found.append(f"{here}: {frame.raw[:120]!r}")
        if "msg_seq_num" not in body:
            found.append(f"{here} has no number")
        if not target.v3 and (body.get("msg_result"), body.get("msg_user_id")) != (True, 0):
            found.append(f"{here}: result {body.get('msg_result')}, user {body.get('msg_user_id')}")
        if target.v3 and {"msg_result", "msg_user_id"} & {*body}:
            found.append(f"{here} has a field that the sample of 3.x has not")
    return found


def numbers(target: Target, frames: Sequence[Frame]) -> list[str]:
    """One counter runs over all events of all kinds, by one each. [D unique and incrementing; O by one]"""
    size = 2**31 if target.v3 else 2**32
    return [
        f"{one.body['msg_id']} {one.body['msg_seq_num']} is followed by {two.body['msg_id']} {two.body['msg_seq_num']}"
        for one, two in itertools.pairwise(frames)
        if two.body["msg_seq_num"] not in (one.body["msg_seq_num"] + 1, (one.body["msg_seq_num"] + 1) % size)
    ]


def about(target: Target, frames: Iterable[Frame]) -> list[str]:
    """Events about a camera or photo name it by the fields of a selection, Single and the key. [O]"""
    fields = {
        "CameraUpdated": "Camera",
        "PropertyUpdated": "Camera",
        "LiveviewUpdated": "Camera",
        "PhotoUpdated": "Photo",
    }
    found = []
    for frame in frames:
        kind = fields.get(frame.body["msg_id"])
        if kind and not (frame.body.get(f"{kind}Selection") == "Single" and frame.body.get(f"{kind}Key")):
            found.append(f"{frame.body['msg_id']} says {frame.raw[:200]!r}")
    return found


def camera_steps(target: Target, frames: Iterable[Frame]) -> list[str]:
    """Cameras go from one status to another only as section 9.1 of the reference has it. [I]"""
    return _steps(frames, "CameraUpdated", "CameraKey", "CameraStatus", CAMERA_STEPS)


def photo_steps(target: Target, frames: Iterable[Frame]) -> list[str]:
    """Photos go from one location to another only as section 9.2 of the reference has it. [O Camera to Local Disk; I]"""
    return _steps(frames, "PhotoUpdated", "PhotoKey", "PhotoLocation", PHOTO_STEPS)


def _steps(frames: Iterable[Frame], msg_id: str, key: str, name: str, steps: dict[str, set[str]]) -> list[str]:
    last: dict[str, str] = {}
    found = []
    for body in (one.body for one in frames):
        if body["msg_id"] != msg_id or name not in body:
            continue
        before, now = last.get(body[key], body[name]), body[name]
        if now != before and now not in steps.get(str(before), set()):
            found.append(f"{msg_id} {body['msg_seq_num']}: {body[key]} from {before} to {now}")
        last[body[key]] = now
    return found


def counters(target: Target, frames: Iterable[Frame]) -> list[str]:
    """What a camera counts never goes down, and its next batch number is above those it has used. [O; D for +1]"""
    names = ("CameraNumPhotosTaken", "CameraNumPhotosFailed", "CameraNumDownloadsComplete", "CameraNumDownloadsFailed")
    last: dict[tuple[str, str], int] = {}
    found = []
    for body in (one.body for one in frames):
        if body["msg_id"] != "CameraUpdated":
            continue
        for name in names:
            if name in body:
                place = (body["CameraKey"], name)
                if body[name] < last.get(place, 0):
                    found.append(f"{place} from {last[place]} to {body[name]}")
                last[place] = body[name]
    return found


def photo_fields_stay(target: Target, frames: Iterable[Frame]) -> list[str]:
    """Each PhotoUpdated repeats every field of the one before it and adds to them. [O]"""
    last: dict[str, set[str]] = {}
    found = []
    for body in (one.body for one in frames):
        if body["msg_id"] == "PhotoUpdated":
            lost = last.get(body["PhotoKey"], set()) - {*body}
            if lost:
                found.append(f"PhotoUpdated {body['msg_seq_num']} says no more: {', '.join(sorted(lost))}")
            last[body["PhotoKey"]] = {*body}
    return found


#: The rules for events, and for events and replies alike.
OF_EVENTS: tuple[Law, ...] = (envelopes, numbers, about, camera_steps, photo_steps, counters, photo_fields_stay)
OF_ALL: tuple[Law, ...] = (types, words, spelling)
