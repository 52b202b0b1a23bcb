"""What is wrong with the rig right now, camera by camera: the rules behind the warnings and the go/no-go check. Pure.

Sources: the failure catalogue of rig users; CameraInfo (CameraStatus, CameraBatterylevel, CameraPowersource, CameraNumCards,
PhotoBatchNum, CameraLiveviewIsEnabled, CameraPropertyInfo).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from rigkit.account.silence import GONE
from rigkit.record.state import UNSEEN, CameraRecord, State, text_of, whole_of
from rigkit.wire.values import match_value, python_name

if TYPE_CHECKING:
    from rigkit.account.fold import Account

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

#: Fewer cameras than this make no majority.
_PATTERN = 3

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
        What is so.
    wanted : str
        What should be.
    stop : bool
        A shot now would lack this camera, or be worth nothing.
    """

    rule: str
    camera_key: str
    found: str
    wanted: str
    stop: bool


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
    idle = not account.owing() and _counted(account, now_ns)
    usual = usual_batch(state, members)
    for key in members:
        if key.startswith(UNSEEN):
            place = state.place_of(key)
            wanted = place.serial or place.name if place is not None else ""
            yield Condition("not_seen", key, "not seen", wanted or "a camera", stop=True)
            continue
        camera = state.cameras[key]
        if camera.status in GONE:
            yield Condition("disconnected", key, camera.status, "Ready", stop=True)
            continue
        yield from _of_the_body(state, camera, limits)
        yield from _settings(state, camera)
        batch = camera.count("PhotoBatchNum")
        if idle and usual is not None and batch is not None and batch != usual:
            yield Condition("batch", key, str(batch), str(usual), stop=False)
    yield from _failing(account, members, limits)
    if named:
        yield from _misnamed(state, account)


def _counted(account: Account, now_ns: int | None) -> bool:
    """Whether the cameras' own counters have had time to follow their last photos: that news is another event."""
    shot = account.shots[max(account.shots)] if account.shots else None
    if now_ns is None or shot is None:
        return True
    heard = [one.heard_ns for one in shot.exposures.values() if one.heard_ns is not None]
    return now_ns - max(heard, default=shot.requested_ns) > _COUNT_NS


def usual_batch(state: State, keys: list[str]) -> int | None:
    """Return the next batch number of most of these cameras; None: too few say one, or no majority."""
    counts = Counter(
        batch
        for key in keys
        if key in state.cameras and (batch := state.cameras[key].count("PhotoBatchNum")) is not None
    )
    if sum(counts.values()) < _PATTERN:
        return None
    batch, count = counts.most_common(1)[0]
    return batch if 2 * count > sum(counts.values()) else None


def _of_the_body(state: State, camera: CameraRecord, limits: Limits) -> Iterator[Condition]:
    level = whole_of(camera.get("CameraBatterylevel"))
    if level is not None and camera.get("CameraPowersource") != "AC" and 0 <= level < limits.battery_warn_pct:
        stop = level < limits.battery_stop_pct
        yield Condition("battery", camera.key, f"{level} %", f"{limits.battery_warn_pct} % or more", stop=stop)
    if whole_of(camera.get("CameraNumCards")) == 0:
        storage = text_of(camera.properties.get("Storage", {}).get("CameraPropertyValue"))
        storage = storage or text_of(state.options.get("DefaultStorage"))
        if storage in {"Card", "Both"}:
            yield Condition("card", camera.key, f"no card, storage {storage}", "a card", stop=True)
    if camera.get("CameraLiveviewIsEnabled") is True:
        yield Condition("live_view", camera.key, "on", "off", stop=False)


def in_group(state: State, key: str, group: str) -> bool:
    """Whether a camera is in a group: one of the layout, else one that is set in the application; everybody is in the empty one."""
    place = state.place_of(key)
    if not group or (place is not None and group in place.groups):
        return True
    camera = state.cameras.get(key)
    return camera is not None and camera.group == group and (state.layout is None or group not in state.layout.groups)


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


def _value(camera: CameraRecord, kind: str) -> str | None:
    return text_of(camera.properties.get(kind, {}).get("CameraPropertyValue"))


def _deviation(camera: CameraRecord, kind: str, wanted: str) -> Condition | None:
    """Say that a setting is not as wanted; None: it is, or the application doesn't tell, and then nothing can be found wrong."""
    value, info = _value(camera, kind), camera.properties.get(kind, {})
    if value is None or same_value(wanted, value):
        return None
    choices = info.get("CameraPropertyRange")
    texts = [one for one in choices if isinstance(one, str)] if isinstance(choices, list) else []
    rule = "dial" if info.get("CameraPropertyIsWriteable") is False else "setting"
    offered = "" if not texts or match_value(wanted, texts) is not None else " (which it does not offer)"
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
            if (value := _value(camera, kind)) is not None
            and camera.properties[kind].get("CameraPropertyIsWriteable") is not False
        )
        if counts:
            common[kind] = counts.most_common(1)[0][0]
    return common


def odd_settings(state: State, keys: Iterable[str]) -> Iterator[Condition]:
    """Find cameras that are set otherwise than most of their model, for a rig without golden settings.

    Parameters
    ----------
    state : State
        As last heard.
    keys : iterable of str
        Cameras that are there.

    Yields
    ------
    Condition
        Of the rules ``setting`` and ``dial``. Two cameras that differ tell nothing: it takes three, and a majority.
    """
    models: dict[str | None, list[CameraRecord]] = {}
    for key in keys:
        camera = state.cameras[key]
        models.setdefault(text_of(camera.get("CameraModel")), []).append(camera)
    for cameras in models.values():
        for kind in PICTURE:
            values = [value for camera in cameras if (value := _value(camera, kind)) is not None]
            usual, count = Counter(values).most_common(1)[0] if values else ("", 0)
            if len(values) < _PATTERN or 2 * count <= len(values):
                continue
            for camera in cameras:
                deviation = _deviation(camera, kind, usual)
                if deviation is not None:
                    yield deviation


def _failing(account: Account, members: list[str], limits: Limits) -> Iterator[Condition]:
    shots = [shot for shot in list(account.shots.values())[-20:] if shot.may_expose]
    for key in members:
        row = 0
        for shot in reversed(shots):
            exposure = shot.exposures.get(key)
            if exposure is None or exposure.status == "waiting":
                continue
            if exposure.exposed:
                break
            row += 1
        if row >= limits.failures:
            yield Condition("failing", key, f"missing in {row} shots in a row", "a photo of each", stop=False)


def _misnamed(state: State, account: Account) -> Iterator[Condition]:
    """Find photos of the last shot that came back under another subject's name."""
    shot = account.shots[max(account.shots)] if account.shots else None
    subject = shot.labels.get("subject") if shot is not None else None
    for key, exposure in shot.exposures.items() if shot is not None and subject else ():
        names = {text_of(state.photos[photo].get("PhotoSessionName")) for photo in exposure.photos} - {None, subject}
        if names:
            yield Condition("label", key, ", ".join(sorted(map(str, names))), str(subject), stop=True)
