"""What is wrong with the rig right now, camera by camera: the rules behind the warnings and the go/no-go check. Pure.

Sources: the failure catalogue of rig users; CameraInfo (CameraStatus, CameraBatterylevel, CameraPowersource, CameraNumCards,
PhotoBatchNum, CameraLiveviewIsEnabled, CameraPropertyInfo).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from rigkit.account.majority import majority
from rigkit.account.silence import GONE, storage_of
from rigkit.record.labels import file_text
from rigkit.record.state import NOT_SEEN, UNSEEN, CameraRecord, State, text_of, whole_of
from rigkit.wire.values import match_value, python_name

if TYPE_CHECKING:
    from rigkit.account.fold import Account
    from rigkit.account.shots import ShotAccount
    from rigkit.record.warned import Which

__all__ = [
    "LIMITS",
    "PICTURE",
    "RULES",
    "Condition",
    "Limits",
    "common_settings",
    "conditions",
    "golden_of",
    "holding",
    "in_group",
    "odd_settings",
    "same_value",
    "unjudged",
    "usual_batch",
]

#: What decides how a picture looks, and when it is taken; all cameras of a rig mostly have it alike.
PICTURE = (
    *("Aperture", "ShutterSpeed", "ISO", "Exposure", "Quality", "WhiteBalance", "ColourTemperature"),
    *("ProgramMode", "MeteringMode", "FocusMode", "DriveMode", "MirrorLockup", "PixelShiftMode"),
)


#: How long after a photo the camera's own counter may take to follow, ns.
_COUNT_NS = 2_000_000_000


class Limits(NamedTuple):
    """From where on something is worth a word, and from where on it is in the way of a shot.

    Attributes
    ----------
    battery_warn_pct, battery_stop_pct : int
        CameraBatterylevel, %; only of a camera that does not run on mains.
    failures : int
        A camera that was missing in so many shots in a row is said to be failing.
    """

    battery_warn_pct: int = 30
    battery_stop_pct: int = 10
    failures: int = 3


LIMITS = Limits()

#: What only a camera that is there can be asked about.
_OF_THE_BODY = ("battery", "card", "live_view", "setting", "dial", "batch")
#: Why an exposure is missing that tells nothing of its camera: nobody released it, or nobody waited, or nobody knows.
_NOT_ITS_FAULT = frozenset({"not_released", "closed_early", "unknown"})

#: Rule -> what it means, and what to do. The order is that of the check.
RULES: dict[str, tuple[str, str]] = {
    "not_seen": (
        "nobody has been seen at this place of the layout",
        "plug it in, then rig.recover(); another body: rig.replace(position, serial=...); else rig.without(position, reason=...)",
    ),
    "disconnected": ("the application can't reach the camera", "check its cable and power, then rig.recover()"),
    "battery": ("its battery is low", "change the battery, or put the camera on mains"),
    "card": ("it writes to a card and has none", "put a card in, or rig.set(storage='Disk')"),
    "live_view": ("live view is on: it heats the sensor and adds to the release delay", "rig.live(False)"),
    "setting": ("a setting is not that of its golden profile", "rig.recover(), or rig.profile(...).apply()"),
    "dial": (
        "a setting is not that of its golden profile, and only a hand can turn its dial",
        "turn the dial on the body",
    ),
    "batch": (
        "its batch number is not that of the others",
        "rig.set_numbers(level=True), once all shots are accounted for",
    ),
    "failing": (
        "it was missing in the last shots, one after the other",
        "replace it, or rig.without(position, reason=...)",
    ),
    "label": (
        "its photos came back under another subject's name",
        "look at the application's session name; session.photos has what came back",
    ),
}


class Condition(NamedTuple):
    """Something that is wrong with one camera.

    Attributes
    ----------
    rule : str
        One of ``RULES``.
    camera_key : str
        Of the camera, or of a place at which none has been seen.
    found : str
        What is so; it may be worded anew while the same thing is wrong.
    wanted : str
        What should be; it stays while the same thing is wrong, so no counts in it.
    stop : bool
        A shot now would lack this camera, or be worth nothing.
    """

    rule: str
    camera_key: str
    found: str
    wanted: str
    stop: bool

    @property
    def which(self) -> Which:
        """What makes it the same condition when it is found again."""
        return (self.rule, self.camera_key, self.wanted, self.stop)


def conditions(
    state: State, account: Account, limits: Limits = LIMITS, *, named: bool = False, now_ns: int | None = None
) -> Iterator[Condition]:
    """Go through everybody who should be there and say what is wrong.

    Parameters
    ----------
    state, account : State, Account
        The folds.
    named : bool
        The application was told whose photos come (``rig.begin``): theirs must say so.
    limits : Limits
        From where on.
    now_ns : int or None
        Host monotonic clock: counters that have just moved are not compared. None: whatever has moved has settled.

    Yields
    ------
    Condition
        Each rule at most once per camera and property, in the order of the members.
    """
    members = state.members()
    usual = usual_batch(state, members) if _idle(account, now_ns) else None
    for key in members:
        if key.startswith(UNSEEN):
            place = state.place_of(key)
            wanted = place.serial or place.name if place is not None else ""
            yield Condition("not_seen", key, NOT_SEEN, wanted or "a camera", stop=True)
            continue
        camera = state.cameras[key]
        if camera.status in GONE:
            yield Condition("disconnected", key, camera.status, "Ready", stop=True)
            continue
        yield from _of_the_body(state, camera, limits)
        yield from _settings(state, camera)
        batch = camera.count("PhotoBatchNum")
        if usual is not None and batch is not None and batch != usual:
            yield Condition("batch", key, f"{batch} where most have {usual}", "that of the others", stop=False)
    yield from _failing(account, members, limits)
    if named:
        yield from _misnamed(state, account)


def unjudged(state: State, account: Account, now_ns: int | None = None) -> set[tuple[str, str]]:
    """Find out what can't be judged now, so that a warning about it is not over because nothing is said.

    A camera that is away tells nothing of itself; batch numbers move with each shot, one camera after the other, and without a
    majority nobody is out of step; a photo that has not come has no name.

    Parameters
    ----------
    state, account : State, Account
        The folds.
    now_ns : int or None
        As for :func:`conditions`.

    Returns
    -------
    set of (str, str)
        Rule and camera key.
    """
    members = state.members()
    away = [key for key in members if key in state.cameras and state.cameras[key].status in GONE]
    open_ = {(rule, key) for key in away for rule in _OF_THE_BODY}
    usual, numbers = usual_batch(state, members), _batches(state, members)
    if not _idle(account, now_ns) or (usual is None and len(set(numbers)) > 1):
        open_ |= {("batch", key) for key in members}
    shot = _last_shot(account)
    nameless = [key for key, one in shot.exposures.items() if not one.photos] if shot is not None else []
    return open_ | {("label", key) for key in nameless}


def _last_shot(account: Account) -> ShotAccount | None:
    return account.shots[max(account.shots)] if account.shots else None


def _idle(account: Account, now_ns: int | None) -> bool:
    """Whether no shot is on its way, and the cameras' own counters have had time to follow: that news is another event."""
    shot = _last_shot(account)
    if account.owing():
        return False
    if now_ns is None or shot is None:
        return True
    heard = [one.heard_ns for one in shot.exposures.values() if one.heard_ns is not None]
    return now_ns - max(heard, default=shot.requested_ns) > _COUNT_NS


def usual_batch(state: State, keys: list[str]) -> int | None:
    """Return the next batch number of most of these cameras; None: too few say one, or no majority."""
    return majority(_batches(state, keys))


def _batches(state: State, keys: Iterable[str]) -> list[int]:
    """List the next batch numbers of those of these cameras that say one."""
    told = (state.cameras[key].count("PhotoBatchNum") for key in keys if key in state.cameras)
    return [number for number in told if number is not None]


def _of_the_body(state: State, camera: CameraRecord, limits: Limits) -> Iterator[Condition]:
    level = whole_of(camera.get("CameraBatterylevel"))
    if level is not None and camera.get("CameraPowersource") != "AC" and 0 <= level < limits.battery_warn_pct:
        stop = level < limits.battery_stop_pct
        yield Condition("battery", camera.key, f"{level} %", f"{limits.battery_warn_pct} % or more", stop=stop)
    if whole_of(camera.get("CameraNumCards")) == 0:
        storage = storage_of(state, camera.key)
        if storage in {"Card", "Both"}:
            yield Condition("card", camera.key, f"no card, storage {storage}", "a card", stop=True)
    if camera.get("CameraLiveviewIsEnabled") is True:
        yield Condition("live_view", camera.key, "on", "off", stop=False)


def in_group(state: State, key: str, group: str) -> bool:
    """Whether a camera is in a group, by :meth:`State.groups_of`; everybody is in the empty one, the whole rig."""
    return not group or group in state.groups_of(key)


def holding(state: State, key: str) -> dict[str, tuple[str, str]]:
    """Return which golden settings hold for a camera: property -> group of the profile, and value.

    A group's settings go before those of the whole rig; of two groups of one camera, that whose profile was made later.

    Parameters
    ----------
    state : State
        Whose profiles.
    key : str
        Camera key.
    """
    held: dict[str, tuple[str, str]] = {}
    for group, values in sorted(state.profiles.items(), key=lambda item: bool(item[0])):
        if in_group(state, key, group):
            held |= {kind: (group, value) for kind, value in values.items()}
    return held


def golden_of(state: State, key: str) -> dict[str, str]:
    """Return the golden settings of a camera: those of the whole rig, and over them those of its groups.

    Parameters
    ----------
    state : State
        Whose profiles.
    key : str
        Camera key.
    """
    return {kind: value for kind, (_, value) in holding(state, key).items()}


def same_value(wanted: str, value: str) -> bool:
    """Whether two spellings mean the same value: ``8`` and ``f/8``."""
    return match_value(wanted, [value]) == value


def _deviation(camera: CameraRecord, kind: str, wanted: str) -> Condition | None:
    """Say that a setting is not as wanted; None: it is, or the application doesn't tell, and then nothing can be found wrong."""
    value, choices = camera.setting(kind), camera.choices(kind)
    if value is None or same_value(wanted, value):
        return None
    rule = "dial" if camera.writeable(kind) is False else "setting"
    offered = "" if not choices or match_value(wanted, choices) is not None else " (which it does not offer)"
    name = python_name(kind)
    return Condition(rule, camera.key, f"{name} {value}", f"{name} {wanted}{offered}", stop=False)


def _settings(state: State, camera: CameraRecord) -> Iterator[Condition]:
    for kind, wanted in golden_of(state, camera.key).items() if state.profiles else ():
        deviation = _deviation(camera, kind, wanted)
        if deviation is not None:
            yield deviation


def common_settings(state: State, keys: Iterable[str]) -> dict[str, str]:
    """Return what most of these cameras have now of what decides a picture and can be set from here.

    Parameters
    ----------
    state : State
        As last heard.
    keys : iterable of str
        The cameras.
    """
    cameras = [state.cameras[key] for key in keys]
    common: dict[str, str] = {}
    for kind in PICTURE:
        counts = Counter(
            value
            for camera in cameras
            if (value := camera.setting(kind)) is not None and camera.writeable(kind) is not False
        )
        if counts:
            common[kind] = counts.most_common(1)[0][0]
    return common


def odd_settings(state: State, keys: Iterable[str]) -> Iterator[Condition]:
    """Find cameras that are set otherwise than most of their model, in whatever no golden setting says how it is to be.

    Parameters
    ----------
    state : State
        As last heard.
    keys : iterable of str
        Cameras that are there.

    Yields
    ------
    Condition
        Of the rules ``setting`` and ``dial``. Two cameras that differ tell nothing: it takes three, and a majority. A camera
        with a golden setting is held against that, and tells nothing of how the others are to be set.
    """
    golden: dict[str, dict[str, str]] = {}
    models: dict[str | None, list[CameraRecord]] = {}
    for key in keys:
        camera = state.cameras[key]
        golden[key] = golden_of(state, key)
        models.setdefault(text_of(camera.get("CameraModel")), []).append(camera)
    for cameras in models.values():
        for kind in PICTURE:
            free = [camera for camera in cameras if kind not in golden[camera.key]]
            usual = majority(value for camera in free if (value := camera.setting(kind)) is not None)
            if usual is None:
                continue
            for camera in free:
                deviation = _deviation(camera, kind, usual)
                if deviation is not None:
                    yield deviation


def _failing(account: Account, members: list[str], limits: Limits) -> Iterator[Condition]:
    shots = [shot for shot in list(account.shots.values())[-20:] if shot.may_expose]
    for key in members:
        row = 0
        for shot in reversed(shots):
            exposure = shot.exposures.get(key)
            if exposure is None or exposure.status == "waiting" or exposure.cause in _NOT_ITS_FAULT:
                continue
            if exposure.exposed:
                break
            row += 1
        if row >= limits.failures:
            yield Condition("failing", key, f"missing in {row} shots in a row", "a photo of each", stop=False)


def _misnamed(state: State, account: Account) -> Iterator[Condition]:
    """Find photos of the last shot that came back under another subject's name."""
    shot = _last_shot(account)
    subject = shot.labels.get("subject") if shot is not None else None
    told = file_text(str(subject or ""))  # the application is told what can be part of a file name; it may be nothing
    for key, exposure in shot.exposures.items() if shot is not None and told else ():
        names = {text_of(state.photos[photo].get("PhotoSessionName")) for photo in exposure.photos}
        names -= {None, subject, told}
        if names:
            yield Condition("label", key, ", ".join(sorted(map(str, names))), str(subject), stop=True)
