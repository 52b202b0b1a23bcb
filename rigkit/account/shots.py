"""The parts of a shot's account: what each expected camera ended as."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

__all__ = [
    "CONFIDENCE",
    "Decide",
    "Download",
    "Exposure",
    "Instruction",
    "Paired",
    "Reconcile",
    "ShotAccount",
    "parse_tag",
    "shared_pair",
    "tag_of",
]

#: How sure it is that a photo belongs to its shot, by how that was found.
CONFIDENCE = {"origin": "certain", "batch": "strong", "window": "weak"}

_TAG = re.compile(r"rk:([0-9a-f]{8}):(\d{1,9}):(\d{1,9})")
_LONGEST_TAG = len("rk:01234567:") + 9 + len(":") + 9


def tag_of(session_id: str, shot_id: int, attempt: int) -> str:
    """Text that goes out as PhotoOrigin and, where the application echoes it, comes back in PhotoInfo."""
    return f"rk:{session_id}:{shot_id}:{attempt}"


def parse_tag(origin: Any) -> tuple[str, int, int] | None:
    """Read a tag back: session id, shot id, attempt; None: not one of ours."""
    # All photos of a shot carry the same tag; what a server says at greater length is not remembered.
    return _tag_in(origin) if isinstance(origin, str) and len(origin) <= _LONGEST_TAG else None


@functools.lru_cache(maxsize=256)
def _tag_in(origin: str) -> tuple[str, int, int] | None:
    match = _TAG.fullmatch(origin)
    return None if match is None else (match[1], int(match[2]), int(match[3]))


class Paired(NamedTuple):
    """Where a photo belongs: its shot, how that was found (origin, batch, window), and the attempt."""

    shot_id: int
    method: str
    attempt: int


#: Makes a ``Paired``; the photos of one shot share one, which saves 64 bytes for each.
shared_pair = functools.lru_cache(maxsize=256)(Paired)


class Exposure(msgspec.Struct, gc=False):
    """One expected camera of one shot.

    A struct, since a shot makes one for every camera: 0.4 us each, where a dataclass takes 1.4 us.

    Attributes
    ----------
    camera_key : str
        Which camera.
    status : {"waiting", "captured", "recovered", "missing"}
        ``recovered``: its photo was found by asking, its event was not heard.
    cause, detail : str or None
        Why it is missing or its file is not here (see ``record.causes``), and more on it.
    attempt : int
        The attempt it belongs to.
    base_ns : int
        Host monotonic clock from which its deadlines count.
    requested_ns, requested_wall_ns : int
        When its release was sent, by the host's monotonic and wall clock.
    batch_expected : int or None
        CameraInfo.PhotoBatchNum at fire time: the number its photo will get.
    taken_before, failed_before, downloads_failed_before : int or None
        The camera's counters at fire time.
    photos : dict of str to bool
        Photo key -> on the application's disk.
    photos_expected : int
        CameraPhotosPerCapture at fire time: RAW+JPEG makes two.
    heard_ns, disk_ns : int or None
        Host monotonic clock of the first news of its photo, and of the last of its files on disk.
    suspect_ns : int or None
        When the application first said something that makes a photo unlikely.
    asked_ns, files_asked_ns, download_asked_ns : int or None
        When the application was last asked about it, about its files, and for its files.
    asked_full, answered : bool
        Whether that question was for the whole state, and whether anybody answered.
    older : tuple or None
        A photo of an attempt before that came while this one is waited for.
    tagged : bool
        Its release carried a tag, so its photo will where tags come back.
    replaced : frozenset of str
        Photos of the attempt before: known, and no second exposure when they are heard of again.
    cause_before, detail_before : str or None
        Why the attempt before was missing; None: this is the first one.
    status_before : str
        CameraStatus when it was expected; empty: not known.
    went : str or None
        Status in which it went away while it was waited for; None: it did not.
    remark : tuple or None
        What is odd about it although it was exposed, as (cause, detail); see :mod:`rigkit.account.remarks`.
    common : str or None
        What it shares with the other cameras that failed in this shot.
    offset : int or None
        PhotoBatchNum beyond that of most cameras of the shot.
    position, serial : str or None
        Where it stood when it was fired, by the layout then, and the body's serial number; None: there was no layout, or it does
        not say.
    """

    camera_key: str
    status: str = "waiting"
    cause: str | None = None
    detail: str | None = None
    attempt: int = 1
    base_ns: int = 0
    requested_ns: int = 0
    requested_wall_ns: int = 0
    batch_expected: int | None = None
    batch_num: int | None = None
    taken_before: int | None = None
    failed_before: int | None = None
    downloads_failed_before: int | None = None
    photos: dict[str, bool] = {}
    photos_expected: int = 1
    heard_ns: int | None = None
    disk_ns: int | None = None
    suspect_ns: int | None = None
    asked_ns: int | None = None
    asked_full: bool = False
    answered: bool = True
    files_asked_ns: int | None = None
    download_asked_ns: int | None = None
    older: tuple[str, Paired] | None = None
    late: bool = False
    duplicate: bool = False
    pairing_method: str | None = None
    tagged: bool = True
    replaced: frozenset[str] = frozenset()
    cause_before: str | None = None
    detail_before: str | None = None
    status_before: str = ""
    went: str | None = None
    remark: tuple[str, str] | None = None
    common: str | None = None
    offset: int | None = None
    position: str | None = None
    serial: str | None = None

    @property
    def exposed(self) -> bool:
        """Whether a photo of it was heard of."""
        return self.status in {"captured", "recovered"}

    @property
    def on_disk(self) -> bool:
        """Whether all its photos are files on the application's disk."""
        return len(self.photos) >= self.photos_expected and all(self.photos.values())

    @property
    def settled(self) -> bool:
        """Whether there is nothing more to wait for: missing, on disk, or known not to come."""
        if self.status == "waiting":  # asked for every camera after every event: the usual answer first
            return False
        return self.status == "missing" or self.cause is not None or self.on_disk

    @property
    def file_given_up(self) -> bool:
        """Whether there is a photo, and its file was asked for again and did not come."""
        return self.exposed and not self.on_disk and self.cause in {"download_failed", "pending"}


@dataclass(slots=True)
class ShotAccount:
    """One shot: what was expected when it was fired, and what became of it.

    Attributes
    ----------
    shot_id : int
        From 1 within the session.
    labels : dict
        subject, pose, rep, note.
    exposures : dict of str to Exposure
        By camera key, in the order expected: frozen when the shot is opened.
    outcome : str or None
        Of the release: accepted, refused, undelivered, unknown; None: not known yet.
    requested_ns, requested_wall_ns : int
        When the release was sent.
    allowance_s : float
        Seconds on top of every deadline: bulb and shutter time; while an announced release is awaited, how long.
    accepted, reason : bool or None, str or None
        The operator's verdict, and why; None: none was given.
    superseded_by : int or None
        The shot that was taken in its place.
    excluded : dict of str to str
        Cameras left out by name, and why.
    awaited : bool
        Somebody else releases it, and nothing of that was heard yet.
    lasts_s : float
        How long that release takes, once its first photo was heard of.
    unannounced : bool
        Somebody else released it, and nobody had said so before.
    level : int or None
        Of an unannounced one: the batch number of its first photo.
    crowds : list of dict
        Of an unannounced one: sets of cameras that fire together, of which too few were heard of so far.
    """

    shot_id: int
    labels: dict[str, Any]
    trigger: str
    tag: str
    attempt: int
    exposures: dict[str, Exposure]
    requested_ns: int
    requested_wall_ns: int
    allowance_s: float = 0.0
    outcome: str | None = None
    #: Of its first release, and whether any release before the last one may have opened shutters.
    first_outcome: str | None = None
    fired_before: bool = False
    reply_ns: int | None = None
    accepted: bool | None = None
    reason: str | None = None
    superseded_by: int | None = None
    excluded: dict[str, str] = field(default_factory=dict)
    awaited: bool = False
    lasts_s: float = 0.0
    unannounced: bool = False
    level: int | None = None
    crowds: list[dict[str, None]] = field(default_factory=list, repr=False)
    #: When each attempt was sent, by the host's monotonic and wall clock.
    released: dict[int, tuple[int, int]] = field(default_factory=dict)
    #: Something was heard since the shot was last looked at as a whole.
    unjudged: bool = True
    #: Cameras that may still be waited for: for their exposures, and for their files. Everybody who is, stands here.
    _left: tuple[list[str], list[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._left = list(self.exposures), list(self.exposures)

    @property
    def exposed(self) -> int:
        """How many cameras have a photo."""
        return sum(exposure.exposed for exposure in self.exposures.values())

    @property
    def on_disk(self) -> int:
        """How many cameras have all their files on the application's disk."""
        return sum(exposure.on_disk for exposure in self.exposures.values())

    @property
    def complete(self) -> bool:
        """Every expected camera has a photo."""
        return bool(self.exposures) and self.exposed == len(self.exposures)

    @property
    def by_others(self) -> bool:
        """Whether somebody else was to release it, as was said before."""
        return self.trigger == "external" and not self.unannounced

    @property
    def may_expose(self) -> bool:
        """Whether shutters can have opened: the release was not refused, and it left this computer."""
        return self.fired_before or self.outcome not in {"refused", "undelivered"}

    def outstanding(self, files: bool) -> int:
        """How many cameras are still waited for; each takes one more message at the least."""
        if files:
            return sum(not exposure.settled for exposure in self.exposures.values())
        return sum(exposure.status == "waiting" for exposure in self.exposures.values())

    def done(self, files: bool) -> bool:
        """Whether there is nothing left to wait for.

        Parameters
        ----------
        files : bool
            Wait for files on disk, not only for news of the exposures.
        """
        # Asked after every event, so nobody is looked at twice: who is through leaves the list, and the last one on it mostly
        # settles it.
        left = self._left[files]
        while left:
            exposure = self.exposures[left[-1]]
            if exposure.status == "waiting" or (files and not exposure.settled):
                return False
            left.pop()
        return True

    def reopen(self, camera_key: str) -> None:
        """Take in that a camera may be waited for again: whatever changes a settled exposure, or puts a new one in, has to say so."""
        for left in self._left:
            left.append(camera_key)


class Reconcile(NamedTuple):
    """Ask the application about these cameras of this shot: nothing was heard of them, or of their files, in time.

    ``full``: for the whole state with its photos, however the cameras' own counters stand.
    """

    shot_id: int
    camera_keys: tuple[str, ...]
    full: bool = False


class Decide(NamedTuple):
    """Write down what these cameras ended as: camera key -> (cause, detail)."""

    shot_id: int
    causes: dict[str, tuple[str, str]]


class Download(NamedTuple):
    """Ask for the files of these photos."""

    shot_id: int
    photo_keys: tuple[str, ...]
    camera_keys: tuple[str, ...]


Instruction = Reconcile | Decide | Download
