"""What is looked at before a shot, row by row: who is there, what is set, where the files go, whether it is recorded.

Nothing is sent from here, and nothing is changed: it judges what was heard last, and looks at the disks of this computer.
Sources: the failure catalogue of rig users; CameraInfo, OptionsInfo and NodeInfo of the External API.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rigkit.account.collisions import unclear_names
from rigkit.account.conditions import RULES, Condition, Limits, conditions, golden_of, odd_settings, usual_batch
from rigkit.account.silence import AWAY, GONE
from rigkit.display.grids import plain
from rigkit.errors import RigError, listed
from rigkit.record.mapping import local_path
from rigkit.record.state import UNSEEN, CameraRecord, State, text_of, whole_of
from rigkit.sitting import Sitting

__all__ = ["CHECKS", "ESSENTIAL", "Finding", "Looked", "look", "shared_hub"]

#: What a photo takes where none has come yet: a raw file of 24 to 45 megapixels.
_PHOTO_BYTES = 25_000_000
#: Files of so many of the last shots say how large the next will be.
_RECENT_SHOTS = 10
#: A journal of 360 shots by 96 cameras takes about 0.2 GB; below the second nothing can be relied on.
_JOURNAL_WARN, _JOURNAL_STOP = 500_000_000, 50_000_000
#: Clock offsets further apart than this are not level; the unit is not documented, the bodies' own clocks resolve 1 s.
_CLOCKS_APART = 1


class Finding(NamedTuple):
    """What was found of one thing.

    Attributes
    ----------
    level : {"ok", "warn", "stop", "unknown"}
        ``stop``: in the way of a shot.
    found, wanted, todo : str
        What is so, what should be, what to do; empty: nothing to say.
    keys : tuple of str
        The cameras concerned.
    """

    level: str
    found: str
    wanted: str = ""
    todo: str = ""
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Looked:
    """What a check goes by.

    Attributes
    ----------
    sitting : Sitting
        The connection; the application was asked just now.
    keys : list of str
        Whom a shot would expect, also places at which nobody has been seen.
    whole : bool
        They are all there are.
    limits : Limits
        From where on something is worth a word.
    disk_shots : int
        For so many shots there should be room.
    problem : str
        Why the application could not be asked; empty: it was.
    hears : bool or None
        Whether our own text came back as an event; None: the application relays none.
    read_clocks : bool
        The cameras' clocks were read just now (CheckClocks).
    """

    sitting: Sitting
    keys: list[str]
    whole: bool
    limits: Limits
    disk_shots: int
    problem: str
    hears: bool | None
    read_clocks: bool

    @property
    def state(self) -> State:
        """As last heard."""
        return self.sitting.session.state

    @property
    def cameras(self) -> list[CameraRecord]:
        """Those that were seen and can be spoken to."""
        known = (self.state.cameras[key] for key in self.keys if not key.startswith(UNSEEN))
        return [camera for camera in known if camera.status not in GONE]

    def storage(self, key: str) -> str | None:
        """Where a camera puts its photos: Disk, Card or Both; None: not told."""
        own = self.state.cameras[key].properties.get("Storage", {}).get("CameraPropertyValue")
        return text_of(own) or text_of(self.state.options.get("DefaultStorage"))

    def label(self, key: str) -> str:
        """Where a camera stands, fit to be printed."""
        return plain(self.sitting.session.label(key), 24)

    def labels(self, keys: Iterable[str]) -> str:
        """Name cameras in a sentence."""
        return listed(map(self.label, keys))

    def wrong(self, *rules: str) -> list[Condition]:
        """Whatever is wrong with these cameras by some of the rules."""
        session = self.sitting.session
        mine = set(self.keys)
        named = bool(session.manifest.subject)
        found = conditions(session.state, session.account, self.limits, named=named)
        return [one for one in found if one.rule in rules and one.camera_key in mine]


def look(looked: Looked) -> dict[str, Finding]:
    """Look at everything, in the order of ``CHECKS``; what can't be found out is a finding, too."""
    findings = {}
    for name, check in CHECKS.items():
        try:
            unasked = looked.problem and check not in _HERE
            findings[name] = Finding("unknown", looked.problem) if unasked else check(looked)
        except (RigError, OSError, ValueError, LookupError) as exc:  # one question can't be answered
            findings[name] = Finding("unknown", plain(exc, 300))
    return findings


def _judged(looked: Looked, wrong: list[Condition], fine: str) -> Finding:
    """Sum up conditions: cameras with the same trouble together."""
    if not wrong:
        return Finding("ok", fine)
    alike: dict[str, list[str]] = {}
    for one in wrong:
        alike.setdefault(plain(one.found, 80), []).append(one.camera_key)
    told = [f"{listed(map(looked.label, keys), most=6)}: {found}" for found, keys in alike.items()]
    wanted = dict.fromkeys(plain(one.wanted, 80) for one in wrong)
    todo = dict.fromkeys(RULES[one.rule][1] for one in wrong)
    level = "stop" if any(one.stop for one in wrong) else "warn"
    keys = tuple(dict.fromkeys(one.camera_key for one in wrong))
    return Finding(level, _several(told), _several(wanted), "; ".join(todo), keys)


def _several(texts: Iterable[str], most: int = 6) -> str:
    texts = list(texts)
    more = f"; and {len(texts) - most} more" if len(texts) > most else ""
    return "; ".join(texts[:most]) + more


# -- who is there -----------------------------------------------------------------------------------------------------


def _present(looked: Looked) -> Finding:
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


def _strangers(looked: Looked) -> Finding:
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


def _ready(looked: Looked) -> Finding:
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
    return Finding("stop", f"{fine}; {found}", "all Ready", RULES["disconnected"][1], tuple(away))


def shared_hub(state: State, keys: Iterable[str]) -> str:
    """Name the hub of the layout that several cameras share, as the end of a sentence about them; empty: they share none."""
    hubs = [place.hub if (place := state.place_of(key)) is not None else "" for key in keys]
    return f"; all on {plain(hubs[0])}" if len(hubs) > 1 and hubs[0] and len(set(hubs)) == 1 else ""


# -- the bodies -------------------------------------------------------------------------------------------------------


def _battery(looked: Looked) -> Finding:
    told = [one for one in looked.cameras if one.count("CameraBatterylevel") is not None]
    mains = sum(one.get("CameraPowersource") == "AC" for one in looked.cameras)
    if not told and mains < len(looked.cameras):
        return Finding("unknown", "the application tells no battery level", "", "look at the bodies")
    lowest = min(
        (one.count("CameraBatterylevel") or 0 for one in told if one.get("CameraPowersource") != "AC"), default=0
    )
    alone = f"{len(looked.cameras) - mains} on battery, the lowest at {lowest} %"
    return _judged(looked, looked.wrong("battery"), "all on mains" if mains == len(looked.cameras) else alone)


def _cards(looked: Looked) -> Finding:
    wrong = looked.wrong("card")
    if not wrong and all(one.count("CameraNumCards") is None for one in looked.cameras):
        return Finding(
            "unknown", "the application tells of no cards", "", "with storage Card or Both: look at the bodies"
        )
    return _judged(looked, wrong, "none that is needed is missing")


def _settings(looked: Looked) -> Finding:
    return _set_as_wanted(looked, "setting")


def _dials(looked: Looked) -> Finding:
    return _set_as_wanted(looked, "dial")


def _set_as_wanted(looked: Looked, rule: str) -> Finding:
    """Hold cameras against their golden settings, those without any against most of their model."""
    free = [one.key for one in looked.cameras if not golden_of(looked.state, one.key)]
    odd = [one for one in odd_settings(looked.state, free) if one.rule == rule]
    fine = (
        "as the golden settings say"
        if len(free) < len(looked.cameras)
        else "no golden settings; each model is set alike"
    )
    if not looked.cameras or not any(one.properties for one in looked.cameras):
        return Finding("unknown", "the application tells no settings")
    finding = _judged(looked, looked.wrong(rule) + odd, fine)
    if odd and rule == "setting":
        todo = "rig.set(...), or say how it is meant to be: rig.profile(...)"
        return finding._replace(todo=todo if len(free) == len(looked.cameras) else f"{finding.todo}; {todo}")
    return finding


def _focus(looked: Looked) -> Finding:
    modes = {one.key: text_of(one.properties.get("FocusMode", {}).get("CameraPropertyValue")) for one in looked.cameras}
    auto = tuple(key for key, mode in modes.items() if mode and mode.upper().startswith("AF"))
    if auto:
        found = f"{looked.labels(auto)} in an AF mode, which adds 0.05 to 0.5 s of delay of its own to each release"
        todo = "focus, then rig.set(focus_mode='MF'), or the switch on the lens"
        return Finding("warn", found, "MF", todo, auto)
    if not any(modes.values()):
        return Finding("unknown", "the application tells no focus mode", "MF", "look at the bodies")
    return Finding("ok", "none in an AF mode")


def _clocks(looked: Looked) -> Finding:
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


def _live_view(looked: Looked) -> Finding:
    return _judged(looked, looked.wrong("live_view"), "off")


def _batch(looked: Looked) -> Finding:
    told = [one.key for one in looked.cameras if one.count("PhotoBatchNum") is not None]
    usual = usual_batch(looked.state, told)
    if usual is not None and not looked.sitting.session.account.owing():
        return _judged(looked, looked.wrong("batch"), f"level: {usual} comes next")
    numbers = {looked.state.cameras[key].count("PhotoBatchNum") for key in told}
    if len(numbers) == 1 and not looked.sitting.session.account.owing():
        return Finding("ok", f"level: {numbers.pop()} comes next")
    if len(numbers) > 1 and not looked.sitting.session.account.owing():
        found = f"numbers from {min(map(int, filter(None, numbers)))} on, and no majority"
        return Finding("warn", found, "level", RULES["batch"][1], tuple(told))
    return Finding("unknown", "a shot is still waited for" if told else "the application tells no batch numbers")


# -- files ------------------------------------------------------------------------------------------------------------


def _disk(looked: Looked) -> Finding:
    folder = text_of(looked.state.options.get("DownloadPath"))
    if not folder:
        return Finding("unknown", "the application tells no DownloadPath", "", "look at its options")
    shot, how = _shot_bytes(looked)
    need = shot * looked.disk_shots
    wanted = f"{need / 1e9:.1f} GB for {looked.disk_shots} shots ({how})"
    free, whose = _free(looked, folder)
    if free is None:
        return Finding("unknown", whose, wanted, "map the folder: connect(..., photos={there: here})")
    found = f"{free / 1e9:.1f} GB {whose}, room for {free // max(shot, 1)} shots"
    todo = "make room, or choose another folder: rig.set_options(download_path=...)"
    if free < need:
        return Finding("stop" if free < shot else "warn", found, wanted, todo)
    if _falls_back(looked):
        return Finding(
            "warn",
            f"{found}; but the last photos went to FallbackPath",
            wanted,
            "see why DownloadPath can't be written to",
        )
    return Finding("ok", found, wanted)


def _shot_bytes(looked: Looked) -> tuple[int, str]:
    """Forecast what one shot takes, bytes, and say from what."""
    photos = looked.state.photos
    sizes = []
    for shot in list(looked.sitting.session.account.shots.values())[-_RECENT_SHOTS:]:
        for exposure in shot.exposures.values():
            size = sum(whole_of(photos[key].get("PhotoFilesize")) or 0 for key in exposure.photos)
            sizes += [size] if size > 0 else []
    if sizes:
        median = sorted(sizes)[len(sizes) // 2]
        return median * len(looked.keys), f"{median / 1e6:.1f} MB each, as in the last shots"
    per_shot = sum(max(1, one.count("CameraPhotosPerCapture") or 1) for one in looked.cameras)
    return per_shot * _PHOTO_BYTES, f"{_PHOTO_BYTES / 1e6:.0f} MB per photo, an assumption until the first shot"


def _free(looked: Looked, folder: str) -> tuple[int | None, str]:
    """Find out how many bytes are free where photos go, and by whose word; None: nobody says."""
    session = looked.sitting.session
    here, _ = session.locate(folder, None)
    if here is None and session.manifest.local and Path(folder).is_absolute():
        here = Path(folder)
    if here is not None and session.simulated:  # it is made with the first photo
        here = next((one for one in (here, *here.parents) if one.is_dir()), None)
    if here is not None and here.is_dir():
        return shutil.disk_usage(here).free, f"free in {plain(folder, 120)}"
    told = whole_of(looked.state.node.get("NodeDiskSpace"))
    where = f"{plain(folder, 120)} is not reachable from here"
    return (None, where) if told is None else (told, f"free, as the application says ({where})")


def _falls_back(looked: Looked) -> bool:
    """Whether the last photos went where they go when DownloadPath can't be written to."""
    usual, fallback = (text_of(looked.state.options.get(name)) for name in ("DownloadPath", "FallbackPath"))
    if not usual or not fallback or local_path(usual, {fallback: "."}) is not None:
        return False  # where the one lies in the other, a photo there tells nothing
    last = list(looked.state.photos.values())[-len(looked.keys) :]
    return any(local_path(one.filename or "", {fallback: "."}) is not None for one in last)


def _names(looked: Looked) -> Finding:
    twins: dict[str, list[str]] = {}
    for one in looked.cameras:
        twins.setdefault(one.name, []).append(one.key)
    alike = tuple(key for name, keys in twins.items() if name and len(keys) > 1 for key in keys)
    expression = text_of(looked.state.options.get("FilenameExpression"))
    tagged = bool(looked.sitting.session.manifest.subject)
    unclear = list(unclear_names(looked.state.options, unique_names=not alike, tagged=tagged))
    if alike:
        found = f"{looked.labels(alike)} share the name of another camera"
        return Finding("warn", _several([found, *unclear]), "a name of its own for each", "rig[key].rename(...)", alike)
    if expression is None:
        return Finding("unknown", "the application tells no FilenameExpression")
    if unclear:
        todo = "rig.set_options(filename_expression='[C]_[S]') in the application's own tokens"
        return Finding("warn", f"{plain(expression)}: {_several(unclear)}", "names that can't collide", todo)
    return Finding("ok", f"{plain(expression)}: no two photos get one name")


def _subject(looked: Looked) -> Finding:
    subject = looked.sitting.session.manifest.subject
    if not subject:
        return Finding("ok", "no sitting was begun for a subject")
    wrong = looked.wrong("label")
    if wrong:
        return _judged(looked, wrong, "")
    if not looked.sitting.knows_field("PhotoSessionName"):
        return Finding("unknown", "this application has no session name")
    told = text_of(looked.state.options.get("PhotoSessionName"))
    if told == subject:
        return Finding("ok", f"{subject}, and the application says so")
    todo = f"rig.set_options(photo_session_name={subject!r})"
    return Finding("stop", f"the application says {plain(told)!r}", f"{subject!r}", todo)


# -- the record -------------------------------------------------------------------------------------------------------


def _events(looked: Looked) -> Finding:
    client = looked.sitting.client
    if not looked.sitting.session.hearing or looked.hears is False:
        found = f"no event arrives from {client.publisher_endpoint}"
        todo = "look at firewall and network: rigkit doctor says where it ends. No photo would be heard of"
        return Finding("stop", found, "our own text, heard again", todo)
    if looked.hears is None:
        return Finding("unknown", "the application relays no text, so it can't be tried")
    return Finding("ok", "our own text came back")


def _loss(looked: Looked) -> Finding:
    losses = looked.state.loss.rows
    if not losses:
        return Finding("ok", "nothing was lost")
    lost = sum(one.n or 1 for one in losses)
    if looked.state.loss.open:
        todo = "rig.session.loss has it; look at the network and at what else this computer does"
        return Finding("warn", f"{lost} events were lost, and the state could not be asked for since", "none", todo)
    return Finding("ok", f"{lost} events were lost in this session; the state was asked for since")


def _journal(looked: Looked) -> Finding:
    session = looked.sitting.session
    trouble = session.log.trouble()
    if trouble is not None:
        return Finding("stop", f"{session.log.unsaved} messages are not on disk", "", plain(trouble, 400))
    free = shutil.disk_usage(session.path).free
    found = f"written; {free / 1e9:.1f} GB free in {session.path}"
    if free < _JOURNAL_WARN:
        return Finding("stop" if free < _JOURNAL_STOP else "warn", found, f"{_JOURNAL_WARN / 1e9:.1f} GB", "make room")
    return Finding("ok", found)


def _shots(looked: Looked) -> Finding:
    wrong = looked.wrong("failing")
    if wrong:
        return _judged(looked, wrong, "")
    waiting: dict[str, tuple[str, ...]] = {}
    for shot in looked.sitting.session.account.open_shots():
        own = [(key, shot.exposures[key]) for key in looked.keys if key in shot.exposures]
        waiting[f"Shot {shot.shot_id} waits for"] = tuple(key for key, one in own if one.status == "waiting")
        files = tuple(key for key, one in own if one.exposed and not one.settled and looked.storage(key) != "Card")
        waiting[f"Shot {shot.shot_id} waits for the files of"] = files
    keys = tuple(dict.fromkeys(key for keys in waiting.values() for key in keys))
    if not keys:
        return Finding("ok", "none is waited for")
    found = _several(f"{what} {looked.labels(who)}" for what, who in waiting.items() if who)
    return Finding("warn", found, "all accounted for", "rig.shot().wait('files')", keys)


#: What is looked at, in this order.
CHECKS: dict[str, Callable[[Looked], Finding]] = {
    "present": _present,
    "strangers": _strangers,
    "ready": _ready,
    "battery": _battery,
    "cards": _cards,
    "disk": _disk,
    "settings": _settings,
    "dials": _dials,
    "focus": _focus,
    "clocks": _clocks,
    "live_view": _live_view,
    "batch": _batch,
    "names": _names,
    "subject": _subject,
    "events": _events,
    "loss": _loss,
    "journal": _journal,
    "shots": _shots,
}
#: Without knowing these nobody should fire.
ESSENTIAL = ("present", "ready")
#: What can be told without asking the application.
_HERE = (_loss, _journal, _shots)
