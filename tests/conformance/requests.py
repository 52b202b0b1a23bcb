"""Every public request as data: what comes before it, what is sent, how its effect is heard, how it shows in the state.

Each entry says on what evidence it expects what it expects. Where the sources leave open what a request does, the entry
accepts every reading of them (so that a real application passes) and holds only the simulator to the reading it documents.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from rigkit.wire import MESSAGES
from tests.conformance.peer import LATCH, Body, Peer

#: What a shot changes; what a photo going from the card to the disk changes.
SHOT = frozenset(
    {
        *("new photo", "photo gone", "PhotoBatchNum", "CameraStatus", "CameraNumPhotosTaken", "CameraNumPhotosFailed"),
        *("CameraNumDownloadsComplete", "CameraNumDownloadsFailed", "CameraIsFocused", "CameraNumAutofocus"),
    }
)
DELIVERY = frozenset(
    {
        *("PhotoLocation", "PhotoName", "PhotoFilename", "PhotoHash", "PhotoOrientation", "PhotoAperture"),
        *("PhotoShutterSpeed", "PhotoISO", "PhotoFocalLength", "PhotoIsScanned", "CameraStatus", "CameraDownloadRate"),
        *("PhotoFilesize", "PhotoComputedName", "CameraNumDownloadsComplete", "CameraNumDownloadsFailed"),
        *("PhotoFormat", "PhotoWidth", "PhotoHeight"),  # Unknown and 0 until then in the sample of 3.x
    }
)
LIVE = frozenset(
    {
        *("CameraLiveviewIsEnabled", "CameraLiveviewZoomIsEnabled", "CameraLiveviewDOFIsEnabled", "CameraStatus"),
        *(f"CameraLiveviewSensorRegion{edge}" for edge in ("Left", "Bottom", "Right", "Top")),
    }
)


class Scene:
    """One request being tried: the client, what was prepared, and the states before and after.

    Attributes
    ----------
    peer : Peer
        The client.
    keys : list of str
        CameraKeys of the cameras that are Ready.
    photos : list of dict
        The members of PhotoInfo that the preparation has made.
    start, before, after : State
        Before the preparation, just before the request, and now.
    reply : dict
        The reply, current names.
    since : int
        The client's count of events before the request.
    """

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.start = self.before = self.after = peer.state()
        self.keys = peer.ready(self.before)
        self.photos: list[Body] = []
        self.reply: Body = {}
        self.since = 0

    @property
    def documented(self) -> bool:
        """Whether the server can be held to what the simulator documents where the sources are silent."""
        return self.peer.target.documented

    def told(self, msg_id: str = "CameraUpdated", **fields: Any) -> list[Body]:
        """Return the events since the request that carry these values."""
        return self.peer.heard(msg_id, self.since, **fields)

    def each_told(self, keys: list[str] | None = None, **fields: Any) -> bool:
        """Say whether each camera was heard to be like that since the request."""
        return all(self.told(CameraKey=key, **fields) for key in (self.keys if keys is None else keys))

    def each(self, name: str, value: object, keys: list[str] | None = None) -> bool:
        """Say whether the state has this value for each camera."""
        return all(self.after.cameras[key].get(name) == value for key in (self.keys if keys is None else keys))

    def rose(self, name: str, by: int = 1) -> bool:
        """Say whether a number of each camera is so much higher than before the request."""
        return all(self.after.cameras[key][name] == self.before.cameras[key][name] + by for key in self.keys)

    def new_photos(self) -> list[Body]:
        """Return the photos that the state has now and had not before the request."""
        return [one for key, one in self.after.photos.items() if key not in self.before.photos]

    def one_photo_each(self) -> bool:
        """Say whether each camera has one photo more."""
        return sorted(one["CameraKey"] for one in self.new_photos()) == sorted(self.keys)

    def announced(self) -> bool:
        """Say whether a photo of each camera was heard of since the request."""
        return {*self.keys} <= {event["CameraKey"] for event in self.told("PhotoUpdated")}

    def property_told(self, kind: str, value: str) -> bool:
        """Say whether each camera was heard to have this value: PropertyUpdated in 3.x, else inside CameraUpdated. [D]"""
        events = self.told("PropertyUpdated" if self.peer.target.v3 else "CameraUpdated")
        heard = {
            event["CameraKey"]
            for event in events
            for one in event.get("CameraPropertyInfo", [])
            if (one["CameraPropertyType"], one["CameraPropertyValue"]) == (kind, value)
        }
        return {*self.keys} <= heard

    def photo(self, key: str) -> Body:
        """Return what the state says of a photo; gone from the list means Deleted."""
        return self.after.photos.get(key, {"PhotoLocation": "Deleted"})

    def exactly_one_more(self, try_first: Callable[[], Any] | None = None) -> None:
        """Fire once more: each camera has then exactly one photo more, so nothing else fired, by ``try_first`` neither."""
        self.before = self.peer.settled()
        if try_first is not None:
            try_first()
            self.peer.settled()
        self.peer.shoot()
        self.after = self.peer.settled()
        assert self.one_photo_each()


Step = Callable[[Scene], None]
Check = Callable[[Scene], Any]


def nothing(scene: Scene) -> None:
    """Do nothing."""


def yes(scene: Scene) -> bool:
    """Expect nothing that a client could see."""
    return True


class Case(NamedTuple):
    """How one request is tried.

    Attributes
    ----------
    fields : dict or callable
        What it carries beyond the envelope; fields that the version does not list are left out.
    before : callable
        What is done first.
    heard : callable
        What is to become true by the events since the request.
    shown : callable
        What is to become true of the state.
    touches : frozenset of str
        The fields that may be different afterwards, in the terms of :func:`~tests.conformance.peer.differences`.
    then : callable
        What is done and asserted last.
    """

    fields: Body | Callable[[Scene], Body]
    before: Step = nothing
    heard: Check = yes
    shown: Check = yes
    touches: frozenset[str] = frozenset()
    then: Step = nothing


# preparations


def disconnected(scene: Scene) -> None:
    """End the session with every camera."""
    scene.peer.all("Disconnect")
    scene.peer.until_state(lambda now: not scene.peer.ready(now), "no camera Ready")


def a_shot(scene: Scene) -> None:
    """Take a photo with each camera and have it delivered."""
    scene.photos = scene.peer.shoot()


def a_shot_on_the_card(scene: Scene) -> None:
    """Take a photo with each camera that stays there."""
    scene.peer.store_on("Card")
    scene.photos = scene.peer.shoot()
    assert {one["PhotoLocation"] for one in scene.photos} == {"Camera"}


def one_ahead(scene: Scene) -> None:
    """Have one camera's batch number ahead of the others'."""
    scene.peer.do("SyncBatchNum")
    scene.peer.shoot(CameraSelection="Single", CameraKey=scene.keys[0])


def live(scene: Scene) -> None:
    """Switch live view on."""
    since = scene.peer.barrier()
    scene.peer.all("EnableLiveview", Enable=True)
    scene.peer.until(
        lambda: {*scene.keys} <= {one["CameraKey"] for one in scene.peer.heard("LiveviewUpdated", since)}, "live view"
    )


def live_and_zoomed(scene: Scene) -> None:
    """Switch live view on and zoom it."""
    live(scene)
    scene.peer.all("EnableLiveviewZoom", Enable=True)


def focused_live(scene: Scene) -> None:
    """Focus, then switch live view on."""
    since = scene.peer.barrier()
    scene.peer.all("Autofocus")
    scene.peer.until(
        lambda: all(
            scene.peer.heard("CameraUpdated", since, CameraKey=key, CameraIsFocused=True) for key in scene.keys
        ),
        "focus",
    )
    live(scene)


def armed(scene: Scene) -> None:
    """Arm every camera for the synchronised trigger."""
    scene.peer.all("EngageTrigger")


def latched(scene: Scene) -> None:
    """Put every camera on a latch; whether that fires is not known. [U]"""
    scene.peer.all("EngageLatch", CameraLatchIndex=LATCH)
    scene.peer.settled()


def zooming(scene: Scene) -> None:
    """Start every zoom on a long way."""
    scene.peer.all("PowerZoomPosition", CameraPowerZoomPosition=0)
    scene.peer.until_state(
        lambda now: all(now.cameras[key]["CameraPowerZoomTarget"] == -1 for key in scene.keys), "zoom at rest"
    )
    scene.peer.all("PowerZoomPosition", CameraPowerZoomPosition=100)


# fields, checks and what comes after


def iso(scene: Scene, at: int) -> str:
    """Return a value of the first camera's ISO range."""
    value = scene.before.properties[scene.keys[0]]["ISO"]["CameraPropertyRange"][at]
    assert isinstance(value, str)
    return value


def some(scene: Scene) -> Body:
    """Select two cameras."""
    return {"CameraSelection": "Multiple", "CameraKeys": scene.keys[:2]}


def single(scene: Scene) -> Body:
    """Select the last camera."""
    return {"CameraSelection": "Single", "CameraKey": scene.keys[-1]}


def photos_of(scene: Scene) -> Body:
    """Select the photos that were prepared."""
    return {"PhotoSelection": "Multiple", "PhotoKeys": [one["PhotoKey"] for one in scene.photos]}


def first_photo(scene: Scene) -> Body:
    """Select one of the photos that were prepared."""
    return {"PhotoSelection": "Single", "PhotoKey": scene.photos[0]["PhotoKey"]}


def highest(scene: Scene) -> int:
    """Return the highest sequence number of any photo so far."""
    return max((one["PhotoSequenceNum"] for one in scene.before.photos.values()), default=0)


def lapsed_latch(scene: Scene) -> None:
    """Releasing a latch that was dropped fires nobody."""
    scene.exactly_one_more(lambda: scene.peer.ask("ReleaseLatch", CameraLatchIndex=LATCH))


def lapsed_trigger(scene: Scene) -> None:
    """Releasing a trigger that was disarmed fires nobody."""
    scene.exactly_one_more(lambda: scene.peer.ask("ReleaseTrigger", CameraTriggerInterval=0))


def one_photo_by_release(request: str, **fields: Any) -> Step:
    """Let go: from arming to letting go, each camera has fired exactly once, whichever of the two fires it. [U]"""

    def then(scene: Scene) -> None:
        scene.peer.do(request, **fields)
        scene.after = scene.peer.until_state(
            lambda now: len({*now.photos} - {*scene.before.photos}) >= len(scene.keys), "a photo of each camera"
        )
        scene.after = scene.peer.settled()
        assert scene.one_photo_each()

    return then


def fired_by_latch(scene: Scene) -> bool:
    """Each camera has one photo from arming to letting go."""
    new = [one["CameraKey"] for key, one in scene.after.photos.items() if key not in scene.start.photos]
    return sorted(new) == sorted(scene.keys)


def numbered_on(scene: Scene) -> None:
    """The photos of the next shot have the number that was set, and those after it, one each. [D]"""
    numbers = [one["PhotoSequenceNum"] for one in scene.peer.shoot()]
    start = highest(scene) + 100
    assert sorted(numbers) == list(range(start, start + len(scene.keys)))


def recorded(scene: Scene) -> None:
    """Stopping ends the recording [D]; its file is an entry that is no image [I]."""
    scene.peer.all("EnableVideo", Enable=False)
    after = scene.peer.settled()
    assert not any(after.cameras[key]["CameraVideoIsEnabled"] for key in scene.keys)
    if scene.documented:
        new = [one for key, one in after.photos.items() if key not in scene.before.photos]
        assert sorted(one["CameraKey"] for one in new) == sorted(scene.keys)
        assert not any(one["PhotoIsImage"] for one in new)


def paced(scene: Scene) -> None:
    """The camera that was asked for 2 frames a second shows far fewer than the others at their 20. [D]"""
    slow, fast = scene.keys[-1], scene.keys[0]
    since = scene.peer.barrier()
    scene.peer.until(lambda: len(scene.peer.heard("LiveviewUpdated", since, CameraKey=slow)) >= 4, "slow frames")
    assert len(scene.peer.heard("LiveviewUpdated", since, CameraKey=fast)) >= 12


def moved(scene: Scene) -> bool:
    """Say whether the region shown is another one than before."""
    return all(
        scene.after.cameras[key]["CameraLiveviewSensorRegionLeft"]
        != scene.before.cameras[key]["CameraLiveviewSensorRegionLeft"]
        for key in scene.keys
    )


def is_written(scene: Scene, photo: Body) -> bool:
    """Say whether a photo's file is there in full, where we can look."""
    folder = scene.peer.target.folder
    if folder is None or scene.peer.target.v3:  # PhotoFilename came with 5.3
        return True
    name = photo.get("PhotoName")
    return isinstance(name, str) and (folder / name).stat().st_size == photo["PhotoFilesize"]


ALL: Body = {"CameraSelection": "All"}
ON: Body = {**ALL, "Enable": True}

CASES: dict[str, Case] = {
    # [D]
    "GetCamera": Case(
        ALL,
        shown=lambda s: [one["CameraKey"] for one in s.reply["CameraInfo"]] == [*s.after.cameras],
    ),
    # [D] in 3.x the state comes on the publisher
    "Synchronise": Case(
        {},
        heard=lambda s: s.told("Synchronise") if s.peer.target.v3 else {"CameraInfo", "PhotoInfo"} <= {*s.reply},
    ),
    # [D]
    "RelayCustomText": Case(
        {"CustomText": 'a "text" \\ ✓'}, heard=lambda s: s.told("RelayCustomText", CustomText='a "text" \\ ✓')
    ),
    # [D] opening a session leads to Ready [I]
    "Connect": Case(
        ALL,
        before=disconnected,
        heard=lambda s: s.each_told(CameraStatus="Ready"),
        shown=lambda s: s.each("CameraStatus", "Ready"),
        touches=frozenset({"CameraStatus"}),
    ),
    # [D] closing it leads to Disconnected [I]
    "Disconnect": Case(
        ALL,
        heard=lambda s: s.each_told(CameraStatus="Disconnected"),
        shown=lambda s: s.each("CameraStatus", "Disconnected"),
        touches=frozenset({"CameraStatus", "CameraIsFocused"}),
    ),
    # [D] looks for cameras; with AutoConnect they become Ready again [I]
    "DetectCameras": Case(
        {},
        before=disconnected,
        heard=lambda s: not s.documented or s.each_told(CameraStatus="Ready"),
        shown=lambda s: not s.documented or s.each("CameraStatus", "Ready"),
        touches=frozenset({"CameraStatus"}),
    ),
    # [D] makes a body blink or beep; nothing on the wire
    "Identify": Case(ALL),
    # [I] shows as focus and as a count
    "Autofocus": Case(
        ALL,
        heard=lambda s: s.each_told(CameraIsFocused=True) and s.each_told(CameraStatus="Busy"),
        shown=lambda s: (
            s.each("CameraIsFocused", True) and s.rose("CameraNumAutofocus") and s.each("CameraStatus", "Ready")
        ),
        touches=frozenset({"CameraIsFocused", "CameraNumAutofocus"}),
    ),
    # [D] one photo of each; PhotoOrigin comes back [I]
    "Shoot": Case(
        {**ALL, "PhotoOrigin": "conformance"},
        heard=lambda s: s.announced() and s.each_told(CameraStatus="Busy") and s.each_told(CameraStatus="Ready"),
        shown=lambda s: s.one_photo_each() and s.rose("CameraNumPhotosTaken") and s.rose("PhotoBatchNum"),
        touches=SHOT,
    ),
    # [D] again, under the same name
    "Reshoot": Case(
        first_photo,
        before=a_shot,
        heard=lambda s: [
            one
            for one in s.told("PhotoUpdated", CameraKey=s.photos[0]["CameraKey"])
            if one["PhotoKey"] != s.photos[0]["PhotoKey"]
        ],
        shown=lambda s: [
            one
            for one in s.new_photos()
            if one["CameraKey"] == s.photos[0]["CameraKey"]
            and one["PhotoComputedName"] == s.photos[0]["PhotoComputedName"]
            and is_written(s, one)
        ],
        touches=SHOT | DELIVERY,
    ),
    # [D] the button held down fires
    "SetShutterButton": Case(
        {**ALL, "CameraShutterButton": "Full"},
        heard=lambda s: s.announced(),
        shown=lambda s: s.one_photo_each(),
        touches=SHOT,
        then=lambda s: s.exactly_one_more() if s.peer.all("SetShutterButton", CameraShutterButton="Off") else None,
    ),
    # [D] arms: no photo yet; ReleaseTrigger fires
    "EngageTrigger": Case(
        ALL,
        shown=lambda s: not s.new_photos(),
        then=one_photo_by_release("ReleaseTrigger", CameraTriggerInterval=0),
    ),
    # [D] fires the armed cameras
    "ReleaseTrigger": Case(
        {"CameraTriggerInterval": 20},
        before=armed,
        heard=lambda s: s.announced(),
        shown=lambda s: s.one_photo_each(),
        touches=SHOT,
        then=Scene.exactly_one_more,
    ),
    # [D] disarms
    "CancelTrigger": Case({}, before=armed, shown=lambda s: not s.new_photos(), then=lapsed_trigger),
    # [D] whether it fires now or when it is released [U]: once in all
    "EngageLatch": Case(
        {**ALL, "CameraLatchIndex": LATCH},
        touches=SHOT,
        then=one_photo_by_release("ReleaseLatch", CameraLatchIndex=LATCH),
    ),
    "ReleaseLatch": Case(
        {"CameraLatchIndex": LATCH},
        before=latched,
        heard=lambda s: {*s.keys} <= {one["CameraKey"] for one in s.peer.heard("PhotoUpdated")},
        shown=fired_by_latch,
        touches=SHOT,
        then=Scene.exactly_one_more,
    ),
    # [D] drops it without firing
    "CancelLatch": Case(
        {"CameraLatchIndex": LATCH},
        before=latched,
        shown=lambda s: not s.new_photos(),
        then=lapsed_latch,
    ),
    # [D]
    "SetProperty": Case(
        lambda s: {**ALL, "CameraPropertyType": "ISO", "CameraPropertyValue": iso(s, 4)},
        heard=lambda s: s.property_told("ISO", iso(s, 4)),
        shown=lambda s: all(s.after.value(key, "ISO") == iso(s, 4) for key in s.keys),
        touches=frozenset({"property ISO"}),
    ),
    # [D] along the range; the sign is the direction [I]
    "IncrementProperty": Case(
        {**ALL, "CameraPropertyType": "ISO", "CameraPropertyStep": -2},
        before=lambda s: _at_iso(s, 5),
        heard=lambda s: s.property_told("ISO", iso(s, 3)),
        shown=lambda s: all(s.after.value(key, "ISO") == iso(s, 3) for key in s.keys),
        touches=frozenset({"property ISO"}),
    ),
    # [D]
    "RenameCamera": Case(
        lambda s: {**single(s), "CameraName": "conformance Ω"},
        heard=lambda s: s.told(CameraKey=s.keys[-1], CameraName="conformance Ω"),
        shown=lambda s: s.each("CameraName", "conformance Ω", s.keys[-1:]),
        touches=frozenset({"CameraName"}),
    ),
    # [D]
    "SetCameraGroup": Case(
        lambda s: {**some(s), "CameraGroup": "conformance"},
        heard=lambda s: s.each_told(s.keys[:2], CameraGroup="conformance"),
        shown=lambda s: s.each("CameraGroup", "conformance", s.keys[:2]),
        touches=frozenset({"CameraGroup"}),
    ),
    # [D]; integers are sent, texts understood too [O, D]
    "SetCameraTriggerIndex": Case(
        lambda s: {**single(s), "CameraTriggerIndex": 9},
        heard=lambda s: [one for one in s.told(CameraKey=s.keys[-1]) if str(one.get("CameraTriggerIndex")) == "9"],
        shown=lambda s: str(s.after.cameras[s.keys[-1]]["CameraTriggerIndex"]) == "9",
        touches=frozenset({"CameraTriggerIndex"}),
        then=lambda s: _spelt_index(s),
    ),
    # [D] of 6.0: the application's own panel; nothing on the wire is known [U]
    "SetActiveCamera": Case(lambda s: {"CameraKey": s.keys[-1]}),
    # [D] a part of the options; 3.x tells of it only when asked
    "SetOptions": Case(
        {"UniqueTag": "conformance", "Barcode": "4711"},
        heard=lambda s: s.peer.target.v3 or s.told("OptionsUpdated", UniqueTag="conformance", Barcode="4711"),
        shown=lambda s: (s.after.options["UniqueTag"], s.after.options["Barcode"]) == ("conformance", "4711"),
        touches=frozenset({"UniqueTag", "Barcode"}),
    ),
    # [D] of the next photo
    "SetSequenceNum": Case(lambda s: {"PhotoSequenceNum": highest(s) + 100}, then=numbered_on),
    # [D]; it takes no selection, so it is all cameras' [I]
    "SetBatchNum": Case(
        {"PhotoBatchNum": 400},
        heard=lambda s: s.each_told(PhotoBatchNum=400),
        shown=lambda s: s.each("PhotoBatchNum", 400),
        touches=frozenset({"PhotoBatchNum"}),
    ),
    # [D] in step again: not below what any camera has reached [I]
    "SyncBatchNum": Case(
        {},
        before=one_ahead,
        shown=lambda s: (
            len({s.after.cameras[key]["PhotoBatchNum"] for key in s.keys}) == 1
            and s.after.cameras[s.keys[1]]["PhotoBatchNum"] >= s.before.cameras[s.keys[0]]["PhotoBatchNum"]
        ),
        heard=lambda s: s.each_told(s.keys[1:]),
        touches=frozenset({"PhotoBatchNum"}),
    ),
    # [D] the field; its unit is not known [U]
    "SyncClocks": Case(
        {"CameraDateTimeOffset": 60},
        heard=lambda s: s.each_told(CameraDateTimeOffset=60),
        shown=lambda s: s.each("CameraDateTimeOffset", 60),
        touches=frozenset({"CameraDateTimeOffset"}),
    ),
    # [D] reads them; where the outcome appears is not known, the simulator says it as CameraDateTimeOffset [U]
    "CheckClocks": Case(
        {},
        heard=lambda s: (
            not s.documented or {*s.keys} <= {one["CameraKey"] for one in s.told() if "CameraDateTimeOffset" in one}
        ),
        touches=frozenset({"CameraDateTimeOffset"}),
    ),
    # [D] frames are counted from switching on
    "EnableLiveview": Case(
        ON,
        heard=lambda s: (
            s.each_told(CameraLiveviewIsEnabled=True)
            and {*s.keys} <= {one["CameraKey"] for one in s.told("LiveviewUpdated")}
        ),
        shown=lambda s: s.each("CameraLiveviewIsEnabled", True),
        touches=LIVE,
    ),
    "EnableLiveviewZoom": Case(
        ON,
        before=live,
        heard=lambda s: s.each_told(CameraLiveviewZoomIsEnabled=True),
        shown=lambda s: s.each("CameraLiveviewZoomIsEnabled", True),
        touches=LIVE,
    ),
    "EnableLiveviewDOF": Case(
        ON,
        before=live,
        heard=lambda s: s.each_told(CameraLiveviewDOFIsEnabled=True),
        shown=lambda s: s.each("CameraLiveviewDOFIsEnabled", True),
        touches=LIVE,
    ),
    # [D] of 3.x only, removed as old; nothing is known of its effect [U]
    "EnableLiveviewRecord": Case(ON, before=live, touches=LIVE),
    # [D] two rates
    "LiveviewFPS": Case(
        lambda s: {**single(s), "CameraLiveviewFPS": 2, "CameraLiveviewVideoFPS": 2},
        before=live,
        touches=frozenset({"CameraLiveviewFPS", "CameraLiveviewVideoFPS"}),
        then=paced,
    ),
    # [D]; a lens that was moved is not focused any more [I]
    "LiveviewFocus": Case(
        {**ALL, "CameraLiveviewFocusStep": "Far2"},
        before=focused_live,
        heard=lambda s: not s.documented or s.each_told(CameraIsFocused=False),
        touches=frozenset({"CameraIsFocused"}),
    ),
    # [D] the zoomed region moves; sensor pixels [I]
    "LiveviewPosition": Case(
        {**ALL, "CameraLiveviewPositionX": 3000, "CameraLiveviewPositionY": 1000},
        before=live_and_zoomed,
        heard=lambda s: not s.documented or s.each_told(),
        shown=lambda s: not s.documented or moved(s),
        touches=LIVE,
    ),
    # [D]
    "EnableVideo": Case(
        ON,
        heard=lambda s: s.each_told(CameraVideoIsEnabled=True),
        shown=lambda s: s.each("CameraVideoIsEnabled", True),
        touches=frozenset({"CameraVideoIsEnabled", "CameraStatus"}),
        then=recorded,
    ),
    # [D] the target until it is reached, then -1 [D, I]
    "PowerZoomPosition": Case(
        {**ALL, "CameraPowerZoomPosition": 60},
        heard=lambda s: s.each_told(CameraPowerZoomTarget=60) and s.each_told(CameraPowerZoomTarget=-1),
        shown=lambda s: s.each("CameraPowerZoomPosition", 60) and s.each("CameraPowerZoomTarget", -1),
        touches=frozenset({"CameraPowerZoomPosition", "CameraPowerZoomTarget"}),
    ),
    # [D] a relative move
    "PowerZoomDirection": Case(
        {**ALL, "CameraPowerZoomDirection": "Tele3"},
        before=lambda s: _zoom_at(s, 20),
        heard=lambda s: s.each_told(CameraPowerZoomTarget=-1),
        shown=lambda s: all(s.after.cameras[key]["CameraPowerZoomPosition"] > 20 for key in s.keys),
        touches=frozenset({"CameraPowerZoomPosition", "CameraPowerZoomTarget"}),
    ),
    # [D] wherever it is
    "PowerZoomStop": Case(
        ALL,
        before=zooming,
        heard=lambda s: s.each_told(CameraPowerZoomTarget=-1) or s.each("CameraPowerZoomPosition", 100),
        shown=lambda s: s.each("CameraPowerZoomTarget", -1),
        touches=frozenset({"CameraPowerZoomPosition", "CameraPowerZoomTarget"}),
    ),
    # [D] from the card to the computer
    "Download": Case(
        photos_of,
        before=a_shot_on_the_card,
        heard=lambda s: all(
            s.told("PhotoUpdated", PhotoKey=one["PhotoKey"], PhotoLocation="Local Disk") for one in s.photos
        ),
        shown=lambda s: all(
            s.photo(one["PhotoKey"])["PhotoLocation"] == "Local Disk" and is_written(s, s.photo(one["PhotoKey"]))
            for one in s.photos
        ),
        touches=DELIVERY,
    ),
    # [D] the name before the collision check
    "RenamePhoto": Case(
        lambda s: {**first_photo(s), "PhotoComputedName": f"conformance-{highest(s)}"},
        before=a_shot,
        heard=lambda s: [
            one
            for one in s.told("PhotoUpdated", PhotoKey=s.photos[0]["PhotoKey"])
            if one["PhotoComputedName"].startswith("conformance-")
        ],
        shown=lambda s: (
            s.photo(s.photos[0]["PhotoKey"])["PhotoComputedName"].startswith("conformance-")
            and is_written(s, s.photo(s.photos[0]["PhotoKey"]))
        ),
        touches=frozenset({"PhotoComputedName", "PhotoName", "PhotoFilename"}),
    ),
    # [D] several nodes only; alone, everything is here already
    "Transfer": Case(photos_of, before=a_shot),
    # [D]; heard as the location Deleted [I]; with the files from 4.28 on [D]
    "Delete": Case(
        lambda s: {**photos_of(s), "DeleteFiles": True},
        before=a_shot,
        heard=lambda s: all(
            s.told("PhotoUpdated", PhotoKey=one["PhotoKey"], PhotoLocation="Deleted") for one in s.photos
        ),
        shown=lambda s: all(s.photo(one["PhotoKey"])["PhotoLocation"] == "Deleted" for one in s.photos),
        touches=frozenset({"photo gone"}),
        then=lambda s: _deleted(s),
    ),
    # [D] all cards; what was only there is Orphaned [I]
    "Format": Case(
        {},
        before=a_shot_on_the_card,
        heard=lambda s: all(
            s.told("PhotoUpdated", PhotoKey=one["PhotoKey"], PhotoLocation="Orphaned") for one in s.photos
        ),
        shown=lambda s: all(s.photo(one["PhotoKey"])["PhotoLocation"] == "Orphaned" for one in s.photos),
        touches=frozenset({"PhotoLocation"}),
    ),
    # [D] nothing a client could see
    "ActivateLicense": Case({"ActivationCode": "0000-0000"}),
    "DeactivateLicense": Case({}),
    # [D] quits; tried on a server of its own
    "Shutdown": Case({}),
}


def _at_iso(scene: Scene, at: int) -> None:
    scene.peer.all("SetProperty", CameraPropertyType="ISO", CameraPropertyValue=iso(scene, at))
    scene.peer.until_state(
        lambda now: all(now.value(key, "ISO") == iso(scene, at) for key in scene.keys), "the value to start from"
    )


def _zoom_at(scene: Scene, position: int) -> None:
    scene.peer.all("PowerZoomPosition", CameraPowerZoomPosition=position)
    scene.peer.until_state(
        lambda now: all(now.cameras[key]["CameraPowerZoomPosition"] == position for key in scene.keys), "the zoom"
    )


def _spelt_index(scene: Scene) -> None:
    scene.peer.one("SetCameraTriggerIndex", scene.keys[-1], CameraTriggerIndex="11")
    scene.peer.until_state(
        lambda now: str(now.cameras[scene.keys[-1]]["CameraTriggerIndex"]) == "11", "the index that was sent as a text"
    )


def _deleted(scene: Scene) -> None:
    folder = scene.peer.target.folder
    if folder is not None and not scene.peer.target.v3:
        assert not [one["PhotoName"] for one in scene.photos if (folder / one["PhotoName"]).exists()]


def fields_of(case: Case, msg_id: str, scene: Scene) -> Body:
    """Return what a request carries, without the fields that the server's version does not list."""
    fields = case.fields(scene) if callable(case.fields) else case.fields
    listed = MESSAGES[msg_id].fields_in(scene.peer.target.version)
    return {name: value for name, value in fields.items() if name in listed}
