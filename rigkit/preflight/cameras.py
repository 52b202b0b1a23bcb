"""Of the cameras: who is there, and what is set on them.

Source: CameraInfo of the External API (CameraStatus, CameraBatterylevel, CameraNumCards, CameraPropertyInfo, CameraDateTimeOffset,
PhotoBatchNum).
"""

from __future__ import annotations

from collections.abc import Iterable

from rigkit.account.conditions import RULES, golden_of
from rigkit.account.silence import AWAY
from rigkit.display.grids import plain
from rigkit.errors import listed
from rigkit.preflight.looked import Finding, Looked, judged
from rigkit.record.state import UNSEEN, State, text_of

__all__ = [
    "batch",
    "battery",
    "cards",
    "clocks",
    "dials",
    "focus",
    "live_view",
    "present",
    "ready",
    "settings",
    "shared_hub",
    "strangers",
]

#: Clock offsets further apart than this are not level; the unit is not documented, the bodies' own clocks resolve 1 s.
_CLOCKS_APART = 1
#: What to do about a camera that is Busy: cables have nothing to do with it.
_WAIT = "Busy: wait for it, then rig.check(); what stays Busy is switched off and on"


# -- who is there -----------------------------------------------------------------------------------------------------


def present(looked: Looked) -> Finding:
    """Whether everybody who should be there was seen."""
    wrong = looked.wrong("not_seen")
    if not looked.keys:
        todo = "Switch the cameras on, look at their cables and hubs, then rig.detect()"
        return Finding("stop", "no camera", "cameras", todo)
    if wrong:
        keys = tuple(one.camera_key for one in wrong)
        who = listed(f"{looked.label(one.camera_key)} ({plain(one.wanted, 24)})" for one in wrong)
        return Finding("stop", f"{who} not seen", "all of the layout", RULES["not_seen"][1], keys)
    if looked.state.layout is not None:
        return Finding("ok", f"all {len(looked.keys)} of the layout were seen")
    absent = (
        [camera.key for camera in looked.state.cameras.values() if camera.status == "Absent"] if looked.whole else []
    )
    aside = f"; Absent, and so not expected: {looked.labels(absent)}" if absent else ""
    return Finding("ok", f"{len(looked.keys)} cameras, no layout{aside}", keys=tuple(absent))


def strangers(looked: Looked) -> Finding:
    """Whether cameras are there that the layout does not name."""
    if looked.state.layout is None or not looked.whole:
        return Finding("ok", "every camera is meant" if looked.whole else "only these cameras were looked at")
    mine = set(looked.keys)
    # A body that went away is in nobody's way: after rig.replace() it is the one that was taken off.
    strange = [one for key, one in looked.state.cameras.items() if key not in mine and one.status not in AWAY]
    if not strange:
        return Finding("ok", "none")
    who = listed(
        f"{plain(one.name, 24)} ({plain(text_of(one.get('CameraSerialNumber')) or one.key)})" for one in strange
    )
    todo = "rig.replace(position, serial=...) if it stands in for another; else unplug it, or add it to the layout"
    keys = tuple(one.key for one in strange)
    return Finding("warn", f"{who} not in the layout, so not expected", "", todo, keys)


def ready(looked: Looked) -> Finding:
    """Whether everybody can fire."""
    statuses = {key: looked.state.cameras[key].status for key in looked.keys if not key.startswith(UNSEEN)}
    away = [key for key, status in statuses.items() if status != "Ready"]
    fine = f"{len(statuses) - len(away)} of {len(looked.keys)} Ready"
    if not away:
        level = "ok" if len(statuses) == len(looked.keys) > 0 else "stop"
        return Finding(level, fine, "" if level == "ok" else "all Ready", "" if level == "ok" else "see present")
    alike: dict[str, list[str]] = {}
    for key in away:
        alike.setdefault(plain(statuses[key]) or "of unknown status", []).append(key)
    found = "; ".join(f"{looked.labels(keys)} {status}" for status, keys in alike.items())
    found += shared_hub(looked.state, away)
    busy = [key for key in away if statuses[key] == "Busy"]
    todo = [RULES["disconnected"][1]] if len(busy) < len(away) else []
    todo += [_WAIT] if busy else []
    return Finding("stop", f"{fine}; {found}", "all Ready", "; ".join(todo), tuple(away))


def shared_hub(state: State, keys: Iterable[str]) -> str:
    """Name the hub of the layout that several cameras share, as the end of a sentence about them; empty: they share none."""
    hubs = [place.hub if (place := state.place_of(key)) is not None else "" for key in keys]
    return f"; all on {plain(hubs[0])}" if len(hubs) > 1 and hubs[0] and len(set(hubs)) == 1 else ""


# -- the bodies -------------------------------------------------------------------------------------------------------


def battery(looked: Looked) -> Finding:
    """Whether batteries last."""
    told = [one for one in looked.cameras if one.count("CameraBatterylevel") is not None]
    mains = sum(one.get("CameraPowersource") == "AC" for one in looked.cameras)
    if not told and mains < len(looked.cameras):
        return Finding("unknown", "the application tells no battery level", "", "look at the bodies")
    lowest = min(
        (one.count("CameraBatterylevel") or 0 for one in told if one.get("CameraPowersource") != "AC"), default=0
    )
    alone = f"{len(looked.cameras) - mains} on battery, the lowest at {lowest} %"
    return judged(looked, looked.wrong("battery"), "all on mains" if mains == len(looked.cameras) else alone)


def cards(looked: Looked) -> Finding:
    """Whether whoever writes to a card has one."""
    wrong = looked.wrong("card")
    if not wrong and all(one.count("CameraNumCards") is None for one in looked.cameras):
        return Finding(
            "unknown", "the application tells of no cards", "", "with storage Card or Both: look at the bodies"
        )
    return judged(looked, wrong, "none that is needed is missing")


def settings(looked: Looked) -> Finding:
    """Whether everything that can be set from here is as it should be."""
    finding = _set_as_wanted(looked, "setting", "set")
    if any(one.rule == "setting" for one in looked.odd):
        todo = "rig.set(...), or say how it is meant to be: rig.profile(...)"
        return finding._replace(todo=f"{finding.todo}; {todo}" if looked.wrong("setting") else todo)
    return finding


def dials(looked: Looked) -> Finding:
    """Whether everything that only a hand can set is as it should be."""
    return _set_as_wanted(looked, "dial", "turned by hand")


def _set_as_wanted(looked: Looked, rule: str, done: str) -> Finding:
    """Hold cameras against their golden settings, and in whatever these do not name against most of their model."""
    if not any(one.properties for one in looked.cameras):
        return Finding("unknown", "the application tells no settings")
    golden = any(golden_of(looked.state, one.key) for one in looked.cameras)
    fine = f"none is {done} otherwise than {'the golden settings say, or than ' if golden else ''}most of its model"
    return judged(looked, looked.wrong(rule) + [one for one in looked.odd if one.rule == rule], fine)


def focus(looked: Looked) -> Finding:
    """Whether somebody focuses before the release."""
    modes = {one.key: one.setting("FocusMode") for one in looked.cameras}
    auto = tuple(key for key, mode in modes.items() if mode and mode.upper().startswith("AF"))
    if auto:
        found = f"{looked.labels(auto)} in an AF mode: it may focus before it releases, later than the others and each time anew"
        todo = "focus, then rig.set(focus_mode='MF'), or the switch on the lens"
        return Finding("warn", found, "MF", todo, auto)
    if not any(modes.values()):
        return Finding("unknown", "the application tells no focus mode", "MF", "look at the bodies")
    return Finding("ok", "none in an AF mode")


def clocks(looked: Looked) -> Finding:
    """Whether the cameras' clocks are alike, as far as the application tells."""
    offsets = {one.key: value for one in looked.cameras if (value := one.count("CameraDateTimeOffset")) is not None}
    kept = looked.state.options.get("AutoSynchroniseTime") is True
    if offsets:
        usual = sorted(offsets.values())[len(offsets) // 2]
        off = tuple(key for key, value in offsets.items() if abs(value - usual) > _CLOCKS_APART)
        if off:
            low, high = min(offsets.values()), max(offsets.values())
            found = f"offsets from {low} to {high} (in the application's unit, which is not documented)"
            return Finding("warn", found, "all alike", "rig.sync_clocks()", off)
    if kept:
        return Finding("ok", "the application sets them when it connects (AutoSynchroniseTime)")
    if looked.read_clocks and offsets:
        return Finding("ok", f"read just now: all {len(offsets)} offsets are alike")
    return Finding(
        "unknown",
        "not read, and the application does not set them",
        "",
        "rig.sync_clocks(); rig.check(clocks=True) reads",
    )


def live_view(looked: Looked) -> Finding:
    """Whether live view is off."""
    return judged(looked, looked.wrong("live_view"), "off")


def batch(looked: Looked) -> Finding:
    """Whether all cameras count their releases alike."""
    numbers = {one.key: number for one in looked.cameras if (number := one.count("PhotoBatchNum")) is not None}
    if not numbers:
        return Finding("unknown", "the application tells no batch numbers")
    if looked.sitting.session.account.owing():
        return Finding("unknown", "a shot is still waited for")
    wrong, low, high = looked.wrong("batch"), min(numbers.values()), max(numbers.values())
    if wrong or low == high:
        return judged(looked, wrong, f"level: {low} comes next")
    found = f"numbers from {low} to {high}, and none is that of most"
    return Finding("warn", found, "level", RULES["batch"][1], tuple(numbers))
