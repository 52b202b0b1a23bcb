"""Each public request of both dialects, sent by rigkit to the shipped simulator: answered true, heard, and in the state.

One table says what each must lead to, and where the specification lets nothing be seen, why. It is tried by ``rig.request``
and, where a Rig has a verb for it, by that verb. What the simulator does with requests is held against an independent client
in ``tests/conformance``; here it is rigkit's own client, record and verbs that are on trial.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest
from pandas.testing import assert_frame_equal

import rigkit
from rigkit.errors import RigError
from rigkit.wire import ALIASES, DIALECTS, MESSAGES, Message, messages_of

Body = dict[str, Any]

SPEED = 10.0
PATIENCE = 10.0  # s, for what takes a second or two of virtual time
#: From one end of the zoom to the other, virtual s, less the two steps of 0.1 s in which it may begin and end.
ZOOM_S = 1.8
LATCH = 7
#: Moves by itself, or by what others do.
RESTLESS = frozenset({"CameraDownloadRate", "CameraLiveviewNumFrames", "CameraBatterylevel", "NodeDateTime"})

_numbers = itertools.count(1)


class Asked(NamedTuple):
    """The state that an application told when it was asked."""

    options: Body
    cameras: dict[str, Body]
    photos: dict[str, Body]
    properties: dict[str, dict[str, Any]]


def ask(rig: rigkit.Rig) -> Asked:
    """Ask for the whole state: in the reply, or, from 3.x, in the event after it."""
    v3 = rig.session.manifest.dialect == "v3"
    heard = rig.messages(PATIENCE)
    reply = rig.request("Synchronise")
    assert reply.msg_result is True
    told = next(one for one in heard if one.msg_id == "Synchronise") if v3 else reply
    cameras = {one["CameraKey"]: dict(one) for one in told["CameraInfo"]}
    lists = {key: one.pop("CameraPropertyInfo", []) for key, one in cameras.items()}
    for one in told.get("PropertyUpdated", []):
        lists[one["CameraKey"]] = one["CameraPropertyInfo"]
    return Asked(
        told["OptionsInfo"],
        cameras,
        {one["PhotoKey"]: one for one in told["PhotoInfo"]},
        {key: {one["CameraPropertyType"]: one["CameraPropertyValue"] for one in told} for key, told in lists.items()},
    )


class Bench:
    """One simulator of one dialect, and how it looked when it was new."""

    def __init__(self, dialect: str, folder: Any) -> None:
        self.rig = rigkit.simulate(cameras=3, seed=1, session=folder, dialect=dialect, speed=SPEED)
        self.new = ask(self.rig)
        self.closed = False
        self.heard: list[Message] = []  # all that any trial has judged by

    def close(self) -> None:
        """End it; the next test that needs one gets another."""
        self.rig.close()
        self.closed = True

    def tidy(self) -> None:
        """Bring what shows in the state back to how it was."""
        rig, now = self.rig, {key: one.info for key, one in self.rig.session.state.cameras.items()}
        if rig.options["default_storage"] != self.new.options["DefaultStorage"]:
            rig.set_options(default_storage=self.new.options["DefaultStorage"])
        if any(one["CameraVideoIsEnabled"] for one in now.values()):
            rig.video(False)
        if any(one["CameraLiveviewIsEnabled"] for one in now.values()):
            rig.live(False)
        for key, one in self.new.cameras.items():
            if now[key]["CameraName"] != one["CameraName"]:
                rig[key].rename(one["CameraName"])
            if now[key]["CameraGroup"] != one["CameraGroup"]:
                rig[key].set_group(one["CameraGroup"])
        if set(rig.cameras["status"]) != {"Ready"}:
            assert set(rig.connect_cameras()["status"]) == {"Ready"}


@pytest.fixture(scope="module")
def benches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Bench]]:
    """Give one simulator per dialect, started when it is first needed."""
    running: dict[str, Bench] = {}

    def bench(dialect: str) -> Bench:
        if dialect not in running or running[dialect].closed:
            running[dialect] = Bench(dialect, tmp_path_factory.mktemp(dialect) / "s")
        return running[dialect]

    yield bench
    for one in running.values():
        one.close()


class Trial:
    """One request being tried.

    Attributes
    ----------
    rig, chosen : Rig
        All three cameras; those the request is sent to.
    keys, others : list of str
        Keys of the cameras that must show an effect; of those that must not.
    photos : list of str
        Keys of the photos that the preparation has made.
    paths : list of str
        Their files, as far as they had any.
    before, after : Asked
        The state just before the request, and now.
    heard : list of Message
        Events since the request.
    reply : Message or None
        The reply; None: a verb has it.
    number : int
        Different in each trial.
    started_s, answered_s : float
        Host monotonic clock when a zoom was started, and when the request was answered, s.
    """

    def __init__(self, bench: Bench, msg_id: str, entry: Entry) -> None:
        rig = self.rig = bench.rig
        spec = MESSAGES[msg_id]
        selects = {"CameraSelection", "PhotoSelection"} & {*spec.fields}
        self.v3 = rig.session.manifest.dialect == "v3"
        self.keys = rig.keys[: entry.cameras] if selects else rig.keys
        self.others = [key for key in rig.keys if key not in self.keys]
        self.chosen = rig[tuple(self.keys)]
        self.photos: list[str] = []
        self.paths: list[str] = []
        self.heard: list[Message] = []
        self.reply: Message | None = None
        self.before = self.after = bench.new
        self.number = next(_numbers)
        self.started_s = self.answered_s = 0.0

    def told(self, msg_id: str, **fields: Any) -> list[Message]:
        """Return the events since the request that carry these values."""
        return [
            one
            for one in self.heard
            if one.msg_id == msg_id and all(one.get(name) == value for name, value in fields.items())
        ]

    def each_told(self, msg_id: str = "CameraUpdated", **fields: Any) -> bool:
        """Say whether such an event came from each camera."""
        return {*self.keys} <= {one["CameraKey"] for one in self.told(msg_id, **fields)}

    def each(self, **fields: Any) -> bool:
        """Say whether the state has these values for each camera."""
        return all(self.after.cameras[key].get(name) == value for key in self.keys for name, value in fields.items())

    def rose(self, name: str) -> bool:
        """Say whether a counter of each camera is one higher than before."""
        return all(self.after.cameras[key][name] == self.before.cameras[key][name] + 1 for key in self.keys)

    def photos_told(self, **fields: Any) -> bool:
        """Say whether such an event came of each of the photos that were prepared."""
        return {*self.photos} <= {one["PhotoKey"] for one in self.told("PhotoUpdated", **fields)}

    def each_photo(self, **fields: Any) -> bool:
        """Say whether the state has these values for each of the photos that were prepared."""
        return all(self.after.photos[key].get(name) == value for key in self.photos for name, value in fields.items())

    def fired(self) -> bool:
        """Say whether a new photo of each camera was heard to have become a file, and of no other."""
        new = [
            one
            for one in self.told("PhotoUpdated", PhotoLocation="Local Disk")
            if one["PhotoKey"] not in self.before.photos
        ]
        return sorted(one["CameraKey"] for one in new) == sorted(self.keys)

    def new_photos(self) -> list[Body]:
        """Return what the state has of photos that it had not before."""
        return [one for key, one in self.after.photos.items() if key not in self.before.photos]

    def one_more_each(self) -> bool:
        """Say whether the state has one photo more of each camera, and of no other."""
        return sorted(one["CameraKey"] for one in self.new_photos()) == sorted(self.keys)

    def property_told(self, kind: str, value: str) -> bool:
        """Say whether each camera was heard to have this value."""
        return {*self.keys} <= {
            one["CameraKey"]
            for one in self.heard
            for info in one.get("CameraPropertyInfo", [])
            if (info["CameraPropertyType"], info["CameraPropertyValue"]) == (kind, value)
        }

    def on_disk(self) -> bool:
        """Say whether rigkit finds the files of the photos that were prepared."""
        return set(self.rig.session.photos.loc[self.photos, "path_state"]) == {"here"}


Step = Callable[[Trial], Any]


class Entry(NamedTuple):
    """What one request must lead to.

    Attributes
    ----------
    fields : dict or callable
        What it carries beyond the envelope and the selection of cameras.
    heard : dict, callable or None
        Fields of a CameraUpdated from each camera, or what must become true of the events; None: nothing tells of it.
    shown : dict, callable or None
        Fields of each camera, or what must be true of the state asked for afterwards; None: it holds nothing of it.
    why : str
        Where nothing is heard or shown, why not, by the specification.
    before : callable
        What is done first.
    verb : callable or None
        The same by the verb of a Rig; None: there is none that sends this request and no other effect.
    then : callable
        What is done and asserted last; also what puts back what does not show in the state.
    cameras : int
        To how many of the three cameras it is sent, if it selects any.
    """

    fields: Body | Callable[[Trial], Body] = {}  # noqa: RUF012 - read only
    heard: Body | Step | None = None
    shown: Body | Step | None = None
    why: str = ""
    before: Step = lambda t: None
    verb: Step | None = None
    then: Step = lambda t: None
    cameras: int = 2


# what comes before


def disconnected(t: Trial) -> None:
    t.rig.disconnect()


def a_shot(t: Trial) -> None:
    photos = t.chosen.shoot(wait="files").photos
    t.photos, t.paths = list(photos.index), list(photos["path"])
    assert len(t.photos) == len(t.keys)
    assert all(Path(path).is_file() for path in t.paths)


def a_shot_on_the_cards(t: Trial) -> None:
    t.rig.set_options(default_storage="Card")
    t.photos = list(t.chosen.shoot().photos.index)
    assert len(t.photos) == len(t.keys)


def one_ahead(t: Trial) -> None:
    t.rig.set_numbers(level=True)
    t.rig[t.keys[0]].shoot(wait="files")


def live(t: Trial) -> None:
    t.rig.live()


def zoomed_live(t: Trial) -> None:
    t.rig.live(zoom=True)


def focused_live(t: Trial) -> None:
    t.rig.autofocus()
    t.rig.live()


def iso_100(t: Trial) -> None:
    assert t.rig.set(iso=100)["ok"].all()


def zoom_at_20(t: Trial) -> None:
    t.rig.zoom(20)


def zooming(t: Trial) -> None:
    t.rig.zoom(0)
    t.started_s = time.monotonic()
    t.chosen.request("PowerZoomPosition", CameraPowerZoomPosition=100)


def armed(t: Trial) -> None:
    assert t.chosen.request("EngageTrigger").msg_result


def latched(t: Trial) -> None:
    assert t.chosen.request("EngageLatch", CameraLatchIndex=LATCH).msg_result


def clocks_an_hour_ahead(t: Trial) -> None:
    t.rig.sync_clocks(3600)


# what comes after


def fires_them(msg_id: str, **fields: Any) -> Step:
    """Show that cameras were armed: this fires them, and no other."""

    def then(t: Trial) -> None:
        assert t.new_photos() == []
        heard = t.rig.messages(PATIENCE)
        assert t.rig.request(msg_id, **fields).msg_result
        listen(t, heard, Trial.fired, f"photos by {msg_id}")

    return then


def fires_nobody(msg_id: str, **fields: Any) -> Step:
    """Show that nobody is armed any more: there is nothing to fire."""

    def then(t: Trial) -> None:
        assert t.rig.request(msg_id, **fields).msg_result is False
        taken = {key: one["CameraNumPhotosTaken"] for key, one in ask(t.rig).cameras.items()}
        assert taken == {key: one["CameraNumPhotosTaken"] for key, one in t.before.cameras.items()}

    return then


def numbered_on(t: Trial) -> None:
    shot = t.rig.shoot(wait="files")
    assert sorted(shot.photos["sequence_num"]) == [sequence(t), sequence(t) + 1, sequence(t) + 2]


def films(t: Trial) -> None:
    heard = t.rig.messages(PATIENCE)
    t.rig.video(False)
    listen(t, heard, lambda t: t.each_told("PhotoUpdated", PhotoIsImage=False), "the films")


def files_are_gone(t: Trial) -> None:
    assert any(Path(path).exists() for path in t.paths) == t.v3


def let_go(t: Trial) -> None:
    assert t.chosen.request("SetShutterButton", CameraShutterButton="Off").msg_result


def usual_rate(t: Trial) -> None:
    assert t.chosen.request("LiveviewFPS", CameraLiveviewFPS=0, CameraLiveviewVideoFPS=0).msg_result


# fields and what must be seen


def batch(t: Trial) -> int:
    return 100 * t.number


def sequence(t: Trial) -> int:
    return 1000 * t.number


def highest_batch(t: Trial) -> int:
    number: int = max(one["PhotoBatchNum"] for one in t.before.cameras.values())
    return number


def those(t: Trial) -> Body:
    return {"PhotoSelection": "Multiple", "PhotoKeys": t.photos}


def first(t: Trial) -> Body:
    return {"PhotoSelection": "Single", "PhotoKey": t.photos[0]}


def left(info: Body | Message) -> float:
    edge: float = info["CameraLiveviewSensorRegionLeft"]
    return edge


def elsewhere(t: Trial) -> tuple[int, int]:
    return (3000 if left(t.before.cameras[t.keys[0]]) < 2000 else 1000, 1200)


def moved(t: Trial) -> bool:
    """Each camera was heard to show another region than before."""
    regions = [one for one in t.told("CameraUpdated") if "CameraLiveviewSensorRegionLeft" in one]
    return {*t.keys} <= {one["CameraKey"] for one in regions if left(one) != left(t.before.cameras[one["CameraKey"]])}


def released(t: Trial) -> bool:
    return (
        t.one_more_each()
        and t.rose("CameraNumPhotosTaken")
        and t.rose("PhotoBatchNum")
        and t.each(CameraStatus="Ready")
    )


def shot_with_origin(t: Trial) -> bool:
    origins = {one.get("PhotoOrigin", "") for one in t.new_photos()}
    return released(t) and (t.v3 or (len(origins) == 1 and next(iter(origins))[:3] in {"rk:", "eve"}))


def replied(t: Trial) -> bool:
    """The reply holds these cameras; that to a verb is the verb's."""
    return t.reply is None or [one["CameraKey"] for one in t.reply["CameraInfo"]] == t.keys


def slowed_down(t: Trial) -> bool:
    """Among the latest pictures, with 40 of the camera that shows 20 a second, there are some 4 of each that shows 2."""
    frames = [one["CameraKey"] for one in t.told("LiveviewUpdated")]
    others = [number for number, key in enumerate(frames) if key == t.others[0]]
    latest = frames[others[-40] :] if len(others) >= 40 else []
    return all(2 <= latest.count(key) <= 8 for key in t.keys)


def stopped(t: Trial) -> bool:
    # Only if it was not stopped in time may it have arrived.
    late = (t.answered_s - t.started_s) * SPEED > ZOOM_S
    return t.each(CameraPowerZoomTarget=-1) and (late or all(_zoom(t, key) < 100 for key in t.keys))


def _zoom(t: Trial, key: str) -> int:
    at: int = t.after.cameras[key]["CameraPowerZoomPosition"]
    return at


ON: Body = {"Enable": True}
TEXT = 'slate 12 "✓"'

TABLE: dict[str, Entry] = {
    "ActivateLicense": Entry(
        {"ActivationCode": "0000-0000"},
        why="the message that tells of licences is internal",
        verb=lambda t: t.rig.licence("0000-0000"),
    ),
    "Autofocus": Entry(
        heard={"CameraIsFocused": True},
        shown=lambda t: t.each(CameraIsFocused=True, CameraStatus="Ready") and t.rose("CameraNumAutofocus"),
        verb=lambda t: t.chosen.autofocus(),
        then=let_go,
    ),
    "CancelLatch": Entry(
        {"CameraLatchIndex": LATCH},
        why="no field tells who waits on a latch; nobody does afterwards",
        before=latched,
        then=fires_nobody("ReleaseLatch", CameraLatchIndex=LATCH),
    ),
    "CancelTrigger": Entry(
        why="no field tells who is armed; nobody is afterwards",
        before=armed,
        then=fires_nobody("ReleaseTrigger", CameraTriggerInterval=0),
    ),
    "CheckClocks": Entry(
        heard={"CameraDateTimeOffset": 3600},
        shown={"CameraDateTimeOffset": 3600},
        before=clocks_an_hour_ahead,
        verb=lambda t: t.rig.check_clocks(),
        then=lambda t: t.rig.sync_clocks(),
    ),
    "Connect": Entry(
        heard={"CameraStatus": "Ready"},
        shown={"CameraStatus": "Ready"},
        before=disconnected,
        verb=lambda t: t.chosen.connect_cameras(),
    ),
    "DeactivateLicense": Entry(
        why="the message that tells of licences is internal", verb=lambda t: t.rig.licence(None)
    ),
    "Delete": Entry(
        lambda t: {**those(t), "DeleteFiles": True},
        heard=lambda t: t.photos_told(PhotoLocation="Deleted"),
        shown=lambda t: not {*t.photos} & {*t.after.photos},
        before=a_shot,
        # DeleteFiles came with 4.28: what 3.x does with the files is not known, and our simulator leaves them
        verb=lambda t: t.rig.delete(t.photos, files=not t.v3, sure="" if t.v3 else "delete the files"),
        then=files_are_gone,
    ),
    "DetectCameras": Entry(
        heard={"CameraStatus": "Ready"},
        shown={"CameraStatus": "Ready"},
        before=disconnected,
        verb=lambda t: t.rig.detect(),
    ),
    "Disconnect": Entry(
        heard={"CameraStatus": "Disconnected"},
        shown={"CameraStatus": "Disconnected"},
        verb=lambda t: t.chosen.disconnect(),
    ),
    "Download": Entry(
        those,
        heard=lambda t: t.photos_told(PhotoLocation="Local Disk"),
        shown=lambda t: t.each_photo(PhotoLocation="Local Disk") and t.on_disk(),
        before=a_shot_on_the_cards,
        verb=lambda t: t.rig.download(t.photos),
    ),
    "EnableLiveview": Entry(
        ON,
        heard=lambda t: t.each_told(CameraLiveviewIsEnabled=True) and t.each_told("LiveviewUpdated"),
        shown={"CameraLiveviewIsEnabled": True},
        verb=lambda t: t.chosen.live(),
    ),
    "EnableLiveviewDOF": Entry(
        ON,
        heard={"CameraLiveviewDOFIsEnabled": True},
        shown={"CameraLiveviewDOFIsEnabled": True},
        before=live,
        verb=lambda t: t.chosen.live(depth_of_field=True),
    ),
    "EnableLiveviewRecord": Entry(ON, why="of 3.x alone, without a word on what it leads to", before=live),
    "EnableLiveviewZoom": Entry(
        ON,
        heard={"CameraLiveviewZoomIsEnabled": True},
        shown={"CameraLiveviewZoomIsEnabled": True},
        before=live,
        verb=lambda t: t.chosen.live(zoom=True),
    ),
    "EnableVideo": Entry(
        ON,
        heard={"CameraVideoIsEnabled": True},
        shown={"CameraVideoIsEnabled": True},
        verb=lambda t: t.chosen.video(),
        then=films,
    ),
    "EngageLatch": Entry(
        {"CameraLatchIndex": LATCH},
        why="no field tells who waits on a latch; those that do fire when it is released",
        then=fires_them("ReleaseLatch", CameraLatchIndex=LATCH),
    ),
    "EngageTrigger": Entry(
        why="no field tells who is armed; those that are fire when the trigger is released",
        then=fires_them("ReleaseTrigger", CameraTriggerInterval=0),
    ),
    "Format": Entry(
        heard=lambda t: t.photos_told(PhotoLocation="Orphaned"),
        shown=lambda t: t.each_photo(PhotoLocation="Orphaned"),
        before=lambda t: (a_shot_on_the_cards(t)),
        verb=lambda t: t.rig.format(sure="erase all cards", anyway=True),
    ),
    "GetCamera": Entry(
        why="it changes nothing, and its reply is the state",
        shown=replied,
        verb=lambda t: t.chosen.get("iso"),
    ),
    "Identify": Entry(why="a body shows itself to people, not to the wire", verb=lambda t: t.chosen.identify()),
    "IncrementProperty": Entry(
        {"CameraPropertyType": "ISO", "CameraPropertyStep": 3},
        heard=lambda t: t.property_told("ISO", "200"),
        shown=lambda t: all(t.after.properties[key]["ISO"] == "200" for key in t.keys),
        before=iso_100,
        verb=lambda t: t.chosen.step(iso=3),
    ),
    "LiveviewFPS": Entry(
        {"CameraLiveviewFPS": 2, "CameraLiveviewVideoFPS": 2},
        heard=slowed_down,
        why="CameraInfo, as specified, does not hold the rate that was asked for; the frames come at it",
        before=live,
        verb=lambda t: t.chosen.live(fps=2),
        then=usual_rate,
    ),
    "LiveviewFocus": Entry(
        {"CameraLiveviewFocusStep": "Far2"},
        heard={"CameraIsFocused": False},
        shown={"CameraIsFocused": False},
        before=focused_live,
        verb=lambda t: t.chosen.live(focus="Far2"),
    ),
    "LiveviewPosition": Entry(
        lambda t: {"CameraLiveviewPositionX": elsewhere(t)[0], "CameraLiveviewPositionY": elsewhere(t)[1]},
        heard=moved,
        shown=lambda t: all(left(t.after.cameras[key]) != left(t.before.cameras[key]) for key in t.keys),
        before=zoomed_live,
        verb=lambda t: t.chosen.live(position=elsewhere(t)),
    ),
    "PowerZoomDirection": Entry(
        {"CameraPowerZoomDirection": "Tele3"},
        heard={"CameraPowerZoomPosition": 35, "CameraPowerZoomTarget": -1},
        shown={"CameraPowerZoomPosition": 35, "CameraPowerZoomTarget": -1},
        before=zoom_at_20,
        verb=lambda t: t.chosen.zoom("Tele3"),
    ),
    "PowerZoomPosition": Entry(
        {"CameraPowerZoomPosition": 60},
        heard=lambda t: t.each_told(CameraPowerZoomTarget=60) and t.each_told(CameraPowerZoomTarget=-1),
        shown={"CameraPowerZoomPosition": 60, "CameraPowerZoomTarget": -1},
        before=zoom_at_20,
        verb=lambda t: t.chosen.zoom(60),
    ),
    "PowerZoomStop": Entry(
        heard={"CameraPowerZoomTarget": -1}, shown=stopped, before=zooming, verb=lambda t: t.chosen.zoom(None)
    ),
    "RelayCustomText": Entry(
        {"CustomText": TEXT},
        heard=lambda t: t.told("RelayCustomText", CustomText=TEXT),
        why="a text is no state",
        verb=lambda t: t.rig.announce(TEXT),
    ),
    "ReleaseLatch": Entry(
        {"CameraLatchIndex": LATCH},
        heard=Trial.fired,
        shown=released,
        before=latched,
        verb=lambda t: t.chosen.latch(LATCH, wait="files"),
    ),
    "ReleaseTrigger": Entry(
        {"CameraTriggerInterval": 20},
        heard=Trial.fired,
        shown=released,
        before=armed,
        verb=lambda t: t.chosen.trigger(interval_ms=20, wait="files"),
    ),
    "RenameCamera": Entry(
        {"CameraName": "F 03"},
        heard={"CameraName": "F 03"},
        shown={"CameraName": "F 03"},
        verb=lambda t: t.chosen.rename("F 03"),
        cameras=1,
    ),
    "RenamePhoto": Entry(
        lambda t: {**first(t), "PhotoComputedName": f"slate-{t.number}"},
        heard=lambda t: t.photos_told(PhotoComputedName=f"slate-{t.number}.JPG"),
        shown=lambda t: t.each_photo(PhotoComputedName=f"slate-{t.number}.JPG") and t.on_disk(),
        before=a_shot,
        verb=lambda t: t.rig.rename_photos(f"slate-{t.number}", t.photos),
        cameras=1,
    ),
    "Reshoot": Entry(
        those,
        heard=Trial.fired,
        shown=lambda t: (
            sorted(one["PhotoComputedName"] for one in t.new_photos())
            == sorted(t.before.photos[key]["PhotoComputedName"] for key in t.photos)
        ),
        before=a_shot,
    ),
    "SetActiveCamera": Entry(
        lambda t: {"CameraKey": t.keys[1]},
        why="it concerns a panel of the application alone",
        verb=lambda t: t.rig[t.keys[1]].make_active(),
    ),
    "SetBatchNum": Entry(
        lambda t: {"PhotoBatchNum": batch(t)},
        heard=lambda t: t.each_told(PhotoBatchNum=batch(t)),
        shown=lambda t: t.each(PhotoBatchNum=batch(t)),
        verb=lambda t: t.rig.set_numbers(batch=batch(t)),
    ),
    "SetCameraGroup": Entry(
        {"CameraGroup": "hands"},
        heard={"CameraGroup": "hands"},
        shown={"CameraGroup": "hands"},
        verb=lambda t: t.chosen.set_group("hands"),
    ),
    "SetCameraTriggerIndex": Entry(
        lambda t: {"CameraTriggerIndex": t.number % 100},
        heard=lambda t: t.each_told(CameraTriggerIndex=t.number % 100),
        shown=lambda t: t.each(CameraTriggerIndex=t.number % 100),
        verb=lambda t: t.chosen.trigger_order(dict.fromkeys(t.keys, t.number % 100)),
        then=lambda t: t.rig.request("SetCameraTriggerIndex", CameraTriggerIndex=0),
    ),
    "SetOptions": Entry(
        lambda t: {"UniqueTag": f"P{t.number}", "DefaultStorage": "Both"},
        heard=lambda t: t.v3 or t.told("OptionsUpdated", UniqueTag=f"P{t.number}", DefaultStorage="Both"),
        why="3.x tells of options in its state alone",
        shown=lambda t: (t.after.options["UniqueTag"], t.after.options["DefaultStorage"]) == (f"P{t.number}", "Both"),
        verb=lambda t: t.rig.set_options(unique_tag=f"P{t.number}", default_storage="Both"),
    ),
    "SetProperty": Entry(
        {"CameraPropertyType": "ISO", "CameraPropertyValue": "400"},
        heard=lambda t: t.property_told("ISO", "400"),
        shown=lambda t: all(t.after.properties[key]["ISO"] == "400" for key in t.keys),
        before=iso_100,
        verb=lambda t: t.chosen.set(iso=400),
    ),
    "SetSequenceNum": Entry(
        lambda t: {"PhotoSequenceNum": sequence(t)},
        why="no field tells the next number; the next photos have it",
        verb=lambda t: t.rig.set_numbers(sequence=sequence(t)),
        then=numbered_on,
    ),
    "SetShutterButton": Entry(
        {"CameraShutterButton": "Full"},
        heard=Trial.fired,
        shown=released,
        verb=lambda t: t.chosen.press(wait="files"),
        then=let_go,
    ),
    "Shoot": Entry(
        {"PhotoOrigin": "every request"},
        heard=lambda t: t.each_told(CameraStatus="Busy") and t.each_told("PhotoUpdated") and t.fired(),
        shown=shot_with_origin,
        verb=lambda t: t.chosen.shoot(wait="files"),
    ),
    "Shutdown": Entry(why="nobody is left to tell; tried on a simulator of its own"),
    "SyncBatchNum": Entry(
        heard=lambda t: all(t.told("CameraUpdated", CameraKey=key, PhotoBatchNum=highest_batch(t)) for key in t.keys[1:]),
        shown=lambda t: t.each(PhotoBatchNum=highest_batch(t)),
        before=one_ahead,
        verb=lambda t: t.rig.set_numbers(level=True),
    ),
    "SyncClocks": Entry(
        {"CameraDateTimeOffset": 60},
        heard={"CameraDateTimeOffset": 60},
        shown={"CameraDateTimeOffset": 60},
        verb=lambda t: t.rig.sync_clocks(60),
        then=lambda t: t.rig.sync_clocks(),
    ),
    "Synchronise": Entry(
        heard=lambda t: bool(t.told("Synchronise")) == t.v3,
        shown=lambda t: t.v3 or replied(t),
        why="it changes nothing; from 4.0 on its reply is the state, in 3.x an event after it is",
    ),
    "Transfer": Entry(
        those,
        why="a computer alone has all its photos already",
        before=a_shot,
        verb=lambda t: t.rig.transfer(t.photos),
    ),
}  # fmt: skip


def public(version: str) -> list[str]:
    return [spec.msg_id for spec in messages_of(version) if spec.is_request]


def ways() -> Iterator[Any]:
    """List what is to be tried, straight from the wire's table: a new request without an entry fails."""
    for dialect in DIALECTS.values():
        for msg_id in public(dialect.version):
            if msg_id != "Shutdown":
                yield pytest.param(dialect.name, msg_id, "request", id=f"{dialect.name}-{msg_id}-request")
                if msg_id in TABLE and TABLE[msg_id].verb is not None:
                    yield pytest.param(dialect.name, msg_id, "verb", id=f"{dialect.name}-{msg_id}-verb")


def listen(t: Trial, heard: Iterator[Message], condition: Step, what: str) -> None:
    """Listen until a condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition(t):
        assert time.monotonic() < deadline, f"not heard: {what}. Heard: {t.heard}"
        t.heard.append(next(heard))


def was_answered(t: Trial, msg_id: str, since: int) -> bool:
    """Say whether the table of requests has this one as sent, answered, and true."""
    requests = t.rig.session.requests.loc[since:]
    sent = requests[requests["msg_id"] == msg_id]
    if not len(sent) or set(sent["delivery"]) != {"answered"}:
        return False
    t.answered_s = sent["host_mono_s"].iloc[0] + sent["reply_ms"].iloc[0] / 1000
    return bool(sent["ok"].all())


@pytest.mark.parametrize(("dialect", "msg_id", "way"), [*ways()])
def test_a_request_is_answered_and_its_effect_is_seen(benches, dialect, msg_id, way):
    assert msg_id in TABLE, f"{msg_id} is in the wire's table: what must be heard and shown of it?"
    entry = TABLE[msg_id]
    bench = benches(dialect)
    bench.tidy()
    t = Trial(bench, msg_id, entry)
    entry.before(t)
    t.before = ask(t.rig)
    since, heard = len(t.rig.session.requests), t.rig.messages(PATIENCE)
    if way == "verb":
        assert entry.verb is not None
        entry.verb(t)
    else:
        fields = entry.fields(t) if callable(entry.fields) else entry.fields
        t.reply = t.chosen.request(msg_id, **fields)
        assert t.reply.msg_result is True
    assert was_answered(t, msg_id, since)
    if entry.heard is not None:
        wanted = entry.heard
        listen(t, heard, (lambda t: t.each_told(**wanted)) if isinstance(wanted, dict) else wanted, msg_id)
        bench.heard += t.heard
    t.after = ask(t.rig)
    if entry.shown is not None:
        assert t.each(**entry.shown) if isinstance(entry.shown, dict) else entry.shown(t), t.after
    for key in t.others:
        now, then = t.after.cameras[key], t.before.cameras[key]
        assert {name: (then[name], now[name]) for name in now if now[name] != then[name]}.keys() <= RESTLESS
        assert t.after.properties[key] == t.before.properties[key]
    entry.then(t)
    assert t.rig.session.state.bad == 0
    assert len(t.rig.session.loss) == 0


def test_the_table_is_whole():
    assert {*TABLE} == {*public("3.38")} | {*public("6.0")}
    for msg_id, entry in TABLE.items():
        assert (entry.heard is not None and entry.shown is not None) or entry.why, f"{msg_id}: why is nothing seen?"


def test_ids_of_the_versions_between_are_understood(benches):
    for alias, msg_id in ALIASES.items():
        for dialect in DIALECTS:
            rig = benches(dialect).rig
            rig.connect_cameras()
            assert rig.request(alias).msg_result is True, f"{alias} in {dialect}"
            assert rig.session.requests["msg_id"].iloc[-1] == msg_id


def test_what_a_dialect_does_not_have_is_not_sent(benches):
    for dialect in DIALECTS.values():
        rig, has = benches(dialect.name).rig, {*public(dialect.version)}
        for msg_id in {*TABLE} - has:
            before = len(rig.session.requests)
            fields = TABLE[msg_id].fields
            fields = {"CameraKey": rig.keys[0]} if msg_id == "SetActiveCamera" else {} if callable(fields) else fields
            if "PhotoSelection" in MESSAGES[msg_id].fields:
                fields = {"PhotoSelection": "All"}
            if msg_id == "SetCameraTriggerIndex":
                fields = {"CameraTriggerIndex": 1}
            with pytest.raises(RigError, match=msg_id):
                rig.request(msg_id, **fields)
            assert len(rig.session.requests) == before


def test_what_a_field_of_later_versions_would_have_done_is_refused_and_not_silently_left_out(benches):
    bench = benches("v3")
    bench.tidy()
    rig = bench.rig
    photos = rig.shoot(wait="files").photos
    sent = len(rig.session.requests)
    with pytest.raises(RigError, match=r"DeleteFiles.*3\.x"):
        rig.delete(photos, files=True, sure="delete the files")
    with pytest.raises(RigError, match=r"BulbTimer.*3\.x"):
        rig.shoot(bulb_ms=500)
    assert len(rig.session.requests) == sent
    assert len(rig.session.shots) == photos["shot_id"].max()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_was_heard_is_in_the_tables_and_a_re_opened_session_equals_the_live_one(benches, dialect):
    bench = benches(dialect)
    session = bench.rig.session
    bench.rig.announce("the end")
    events = session.events
    told = events.loc[[one.number for one in bench.heard]]
    assert set(told["channel"]) <= {"pub"}
    assert list(told["msg_id"]) == [one.msg_id for one in bench.heard]
    assert list(told["msg_seq_num"]) == [one.msg_seq_num for one in bench.heard]
    assert list(told["camera_key"].fillna("")) == [one.get("CameraKey", "") for one in bench.heard]
    assert list(told["photo_key"].fillna("")) == [one.get("PhotoKey", "") for one in bench.heard]
    assert not events["bad"].any()
    bench.close()
    again = rigkit.open(session.path)
    for name in ("events", "requests", "cameras", "settings", "shots", "exposures", "photos", "loss"):
        assert_frame_equal(getattr(again, name), getattr(session, name))


@pytest.mark.parametrize("way", ["request", "verb"])
def test_shutdown_is_answered_and_ends_the_application(tmp_path, way):
    with rigkit.simulate(cameras=1, seed=1, session=tmp_path / "s") as rig:
        assert rig._sitting.child is not None
        program = psutil.Process(rig._sitting.child.pid)
        if way == "verb":
            rig.shutdown(sure="quit the application")
        else:
            assert rig.request("Shutdown").msg_result is True
        assert program.wait(10.0) in {0, None}
        last = rig.session.requests.iloc[-1]
        assert (last["msg_id"], last["delivery"], last["ok"]) == ("Shutdown", "answered", True)
