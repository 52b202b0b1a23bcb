"""What the application told of itself: cameras, numbers, its clock, and where its photos go."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rigkit.account.conditions import usual_batch
from rigkit.display.grids import plain
from rigkit.doctor.findings import Findings
from rigkit.errors import listed
from rigkit.record.mapping import local_path
from rigkit.record.records import CameraRecord
from rigkit.record.state import number_of, text_of, whole_of
from rigkit.record.tables import natural
from rigkit.session import Session

__all__ = ["say_cameras", "say_clock", "say_photos"]

#: Computers that set their clocks by a server agree within 0.1 s; cameras' stamps resolve 1 s, and are set by this clock.
_CLOCK_S = 2.0
#: 96 raw files of 25 MB are 2.4 GB: four shots.
_ROOM_FOR_PHOTOS = 10_000_000_000  # bytes

_REMEDIES = {
    "Disconnected": "Disconnected: connect them in the application, or by rig.connect_cameras()",
    "Lost": "Lost: look at power, cable and hub",
    "Error": "Error: switch them off and on",
    "Busy": "Busy: look again in a moment",
}
_MAPPING = "--photos THERE=HERE, in Python photos={THERE: HERE}"


def say_cameras(findings: Findings, session: Session) -> None:
    """Count who is Ready among those that are not Absent, as a Rig does, and say whether they count alike."""
    cameras = session.state.cameras
    if not cameras:
        todo = (
            "Switch cameras on, and detect them in the application or by rig.detect(). If it shows cameras itself: is its licence "
            "one with the API (PRO or GRID edition)?"
        )
        findings.say("cameras", False, "the application tells of none", todo)
        return
    states: dict[str, list[str]] = {}
    for key, camera in cameras.items():
        states.setdefault(plain(camera.status) or "of unknown status", []).append(plain(session.label(key), 24))
    absent, ready = states.pop("Absent", []), states.pop("Ready", [])
    expected = len(cameras) - len(absent)
    found = f"{len(ready)} of {expected} cameras Ready"
    found += "".join(f"; {_named(who)} {status}" for status, who in sorted(states.items()))
    if absent:
        found += f"; Absent, so not expected: {_named(absent)}"
    if 0 < expected == len(ready):
        findings.say("cameras", True, found)
    else:
        known = [_REMEDIES[status] for status in sorted(states) if status in _REMEDIES]
        todo = ". ".join(known) or "Look at power, cables and hubs, and at the cameras in the application"
        findings.say("cameras", False, found, todo)
    _say_batch_numbers(findings, session, {key: one for key, one in cameras.items() if one.status != "Absent"})


def _say_batch_numbers(findings: Findings, session: Session, cameras: Mapping[str, CameraRecord]) -> None:
    """Say whether all cameras count alike: a number that slipped is a photo missed, or one too many, once."""
    at: dict[int, list[str]] = {}
    for key, camera in cameras.items():
        number = camera.count("PhotoBatchNum")
        if number is not None:
            at.setdefault(number, []).append(plain(session.label(key), 24))
    if not at:
        return
    if len(at) == 1:
        findings.say("batch numbers", True, f"level, {min(at)} is next")
        return
    usual = usual_batch(session.state, list(cameras))
    off = listed(f"{_named(who)} at {number}" for number, who in sorted(at.items()) if number != usual)
    most = "no number is that of most cameras" if usual is None else f"{len(at[usual])} cameras at {usual}"
    findings.say(
        "batch numbers",
        False,
        f"not level: {most}; {off}",
        "Some took a photo more or less than the others. Before the next sitting: rig.set_numbers(level=True)",
    )


def say_clock(findings: Findings, told: Any, before_ns: int, after_ns: int) -> None:
    """Hold the application's clock, which it read somewhere between our asking and its answer, against ours.

    Parameters
    ----------
    findings : Findings
        Where it is said; nothing is where nothing was told.
    told : object
        NodeDateTime, ms of the Unix epoch, as far as any public capture shows.
    before_ns, after_ns : int
        Our wall clock when asking and when answered, ns.
    """
    milliseconds = number_of(told)
    if milliseconds is None:
        return
    unsure_s = (after_ns - before_ns) / 2e9
    ahead_s = milliseconds / 1e3 - (before_ns + after_ns) / 2e9
    fine = abs(ahead_s) - unsure_s <= _CLOCK_S
    side = "ahead of" if ahead_s > 0 else "behind"
    todo = "" if fine else "Let both computers set their clocks by a time server, or photos seem to be of another time"
    findings.say("clock", fine, f"the application's is {abs(ahead_s):.2f} s {side} ours (+- {unsure_s:.2f} s)", todo)


def say_photos(findings: Findings, session: Session, mapping: dict[str, str], *, local: bool, simulated: bool) -> None:
    """Say whether the folder of the photos can be reached from here, and how much room there is."""
    folder = text_of(session.state.options.get("DownloadPath"))
    if folder:
        findings.say("photo path", *_photo_path(folder, mapping, local, simulated))
    else:
        findings.say("photo path", None, "the application tells no DownloadPath")
    here = _here(folder, mapping, local) if folder else None
    try:
        free = None if here is None or not here.is_dir() else shutil.disk_usage(here).free
    except (OSError, ValueError):
        free = None
    whose = "free where the photos go"
    if free is None:
        free, whose = whole_of(session.state.node.get("NodeDiskSpace")), "free, as the application says"
    if free is not None:
        enough = free >= _ROOM_FOR_PHOTOS
        findings.say(
            "disk", enough, f"{free / 1e9:.0f} GB {whose}", "" if enough else "Make room, or take another folder"
        )


def _here(folder: str, mapping: dict[str, str], local: bool) -> Path | None:
    """Where a folder of the application's computer is here; None: nothing says so."""
    mapped = local_path(folder, mapping)
    return Path(folder) if mapped is None and local else mapped


def _photo_path(folder: str, mapping: dict[str, str], local: bool, simulated: bool) -> tuple[bool, str, str]:
    """Whether the folder can be reached, what was found, what to do."""
    there, mapped, here = plain(folder, 200), local_path(folder, mapping), _here(folder, mapping, local)
    astray = _pairs({one: other for one, other in mapping.items() if not _is_folder(Path(other))})
    is_folder = here is not None and _is_folder(here)
    if is_folder or (here is not None and simulated and mapped is None):
        found = f"{there} is on this computer" if mapped is None else f"{there} is {plain(mapped, 200)} here"
        if not is_folder:
            found = f"{there}, made with the first photo"
        if astray:
            return False, f"{found}, but this is mapped to no folder: {astray}", f"Correct or leave out ({_MAPPING})"
        return True, found, ""
    if mapped is not None:
        found = f"{there} would be {plain(mapped, 200)} here, and there is no such folder"
        return False, found, f"Mount the share, or correct the mapping ({_MAPPING})"
    if mapping:
        found = f"no mapping reaches {there}; given: {_pairs(mapping)}"
        return False, found, f"Map that folder or one above it ({_MAPPING})"
    if here is not None:
        todo = f"Make that folder. If the address is a tunnel to another computer: share it there, and give {_MAPPING}"
        return False, f"{there} is not on this computer", todo
    found = f"{there} is on the application's computer, and nothing says where that is here"
    todo = (
        f"Share that folder and say where it is here: {_MAPPING}. Without that, photos are accounted for and not found"
    )
    return False, found, todo


def _pairs(mapping: Mapping[str, str]) -> str:
    """Spell a mapping; empty: there is nothing in it."""
    return listed(f"{plain(there, 80)} to {plain(here, 80)}" for there, here in mapping.items()) if mapping else ""


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a share that is away, a name that no file system takes
        return False


def _named(who: list[str]) -> str:
    in_order: list[str] = sorted(who, key=natural)
    return listed(in_order)
