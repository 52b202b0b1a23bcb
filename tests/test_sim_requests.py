"""Every public request, in both dialects: answered true, and done."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from rigkit.sim.requests import HANDLERS
from rigkit.wire import MESSAGES
from tests.sim_desk import Desk

Check = Callable[[Desk], bool]


def shot(desk: Desk) -> None:
    """Take a photo with each camera, and have it on disk."""
    assert desk.all("Shoot")
    desk.wait()


def on_card(desk: Desk) -> None:
    """Take a photo with each camera, and leave it there."""
    assert desk.ask("SetOptions", DefaultStorage="Card")
    shot(desk)


def live(desk: Desk) -> None:
    """Switch live view on."""
    assert desk.all("EnableLiveview", Enable=True)
    desk.wait(0.5)


def armed(desk: Desk) -> None:
    """Arm every camera for the synchronised trigger."""
    assert desk.all("EngageTrigger")


def latched(desk: Desk) -> None:
    """Put every camera on latch 7."""
    assert desk.all("EngageLatch", CameraLatchIndex=7)


def disconnected(desk: Desk) -> None:
    """Let go of every camera."""
    assert desk.all("Disconnect")


def fired(desk: Desk) -> bool:
    """Say whether every camera exposed just now."""
    return len(desk.heard("PhotoUpdated", PhotoLocation="Camera")) == len(desk.keys)


def told(**fields: Any) -> Check:
    """Check that every camera was heard to be like that."""
    return lambda desk: all(desk.heard("CameraUpdated", CameraKey=key, **fields) for key in desk.keys)


def zooming(desk: Desk) -> None:
    """Start every zoom on a long way."""
    assert desk.all("PowerZoomPosition", CameraPowerZoomPosition=100)
    desk.wait(0.15)


def out_of_step(desk: Desk) -> None:
    """Have one camera ahead of the others."""
    assert desk.one("Shoot")
    desk.wait()


def deleted(desk: Desk) -> bool:
    """Say whether nothing is left; v3 can't ask for the files."""
    return desk.rig.photos == {} and len(desk.disk) == (3 if desk.rig.dialect.name == "v3" else 0)


def option_told(desk: Desk) -> bool:
    """Say whether the option is heard of: in v3, which has no event for it, in the next state."""
    if desk.rig.dialect.name == "v3":
        assert desk.heard("OptionsUpdated") == []
        desk.ask("Synchronise")
        return desk.wait()[0]["OptionsInfo"]["UniqueTag"] == "P017"  # type: ignore[no-any-return]
    return bool(desk.heard("OptionsUpdated", UniqueTag="P017"))


def nothing(desk: Desk) -> None:
    """Prepare nothing."""


ALL = {"CameraSelection": "All"}
PHOTOS = {"PhotoSelection": "All"}

#: Request: what comes before it, its fields, how its effect shows.
CASES: dict[str, tuple[Callable[[Desk], None], dict[str, Any], Check]] = {
    "ActivateLicense": (nothing, {"ActivationCode": "code"}, lambda desk: desk.rig.licensed),
    "Autofocus": (nothing, ALL, told(CameraIsFocused=True, CameraNumAutofocus=1)),
    "CancelLatch": (latched, {"CameraLatchIndex": 7}, lambda desk: not desk.ask("ReleaseLatch", CameraLatchIndex=7)),
    "CancelTrigger": (armed, {}, lambda desk: not desk.ask("ReleaseTrigger")),
    "CheckClocks": (nothing, {}, told(CameraDateTimeOffset=0)),
    "Connect": (disconnected, ALL, told(CameraStatus="Ready")),
    "DeactivateLicense": (nothing, {}, lambda desk: not desk.rig.licensed),
    "Delete": (shot, {**PHOTOS, "DeleteFiles": True}, deleted),
    "DetectCameras": (disconnected, {}, told(CameraStatus="Ready")),
    "Disconnect": (nothing, ALL, told(CameraStatus="Disconnected")),
    "Download": (on_card, PHOTOS, lambda desk: len(desk.disk) == len(desk.keys)),
    "EnableLiveview": (nothing, {**ALL, "Enable": True}, lambda desk: len(desk.heard("LiveviewUpdated")) > 50),
    "EnableLiveviewDOF": (live, {**ALL, "Enable": True}, told(CameraLiveviewDOFIsEnabled=True)),
    "EnableLiveviewRecord": (live, {**ALL, "Enable": True}, lambda desk: True),
    "EnableLiveviewZoom": (live, {**ALL, "Enable": True}, told(CameraLiveviewSensorRegionRight=1032.0)),
    "EnableVideo": (nothing, {**ALL, "Enable": True}, told(CameraVideoIsEnabled=True)),
    "EngageLatch": (nothing, {**ALL, "CameraLatchIndex": 100}, lambda desk: desk.ask("ReleaseLatch", CameraLatchIndex=100)),
    "EngageTrigger": (nothing, ALL, lambda desk: desk.ask("ReleaseTrigger")),
    "Format": (on_card, {}, lambda desk: len(desk.heard("PhotoUpdated", PhotoLocation="Orphaned")) == len(desk.keys)),
    "GetCamera": (nothing, ALL, lambda desk: len((desk.last.reply or {})["CameraInfo"]) == len(desk.keys)),
    "Identify": (nothing, ALL, lambda desk: desk.rig.identified == desk.keys),
    "IncrementProperty": (
        nothing,
        {**ALL, "CameraPropertyType": "Aperture", "CameraPropertyStep": -3},
        lambda desk: desk.value("Aperture") == "5.6",
    ),
    "LiveviewFPS": (live, {**ALL, "CameraLiveviewFPS": 2}, lambda desk: 18 <= len(desk.heard("LiveviewUpdated")) <= 21),
    "LiveviewFocus": (live, {**ALL, "CameraLiveviewFocusStep": "Far2"}, lambda desk: desk.rig.cameras[desk.keys[0]].focus_steps == 10),
    "LiveviewPosition": (
        live,
        {**ALL, "CameraLiveviewPositionX": 4000, "CameraLiveviewPositionY": 2000},
        lambda desk: desk.all("EnableLiveviewZoom", Enable=True) and told(CameraLiveviewSensorRegionLeft=3484.0)(desk),
    ),
    "PowerZoomDirection": (nothing, {**ALL, "CameraPowerZoomDirection": "Tele2"}, told(CameraPowerZoomPosition=5)),
    "PowerZoomPosition": (
        nothing,
        {**ALL, "CameraPowerZoomPosition": 60},
        told(CameraPowerZoomPosition=60, CameraPowerZoomTarget=-1),
    ),
    "PowerZoomStop": (
        zooming,
        ALL,
        told(CameraPowerZoomTarget=-1, CameraPowerZoomPosition=5),
    ),
    "RelayCustomText": (nothing, {"CustomText": "hello"}, lambda desk: bool(desk.heard("RelayCustomText", CustomText="hello"))),
    "ReleaseLatch": (latched, {"CameraLatchIndex": 7}, fired),
    "ReleaseTrigger": (armed, {"CameraTriggerInterval": 10}, fired),
    "RenameCamera": (nothing, {**ALL, "CameraName": "Z9"}, told(CameraName="Z9")),
    "RenamePhoto": (
        shot,
        {**PHOTOS, "PhotoComputedName": "neck"},
        lambda desk: set(desk.disk) == {"photos/neck.JPG", "photos/neck_1.JPG", "photos/neck_2.JPG"},
    ),
    "Reshoot": (shot, PHOTOS, lambda desk: len(desk.heard("PhotoUpdated", PhotoLocation="Deleted")) == len(desk.keys)),
    "SetActiveCamera": (nothing, {"CameraKey": "first"}, lambda desk: desk.rig.active_camera == desk.keys[0]),
    "SetBatchNum": (nothing, {"PhotoBatchNum": 40}, told(PhotoBatchNum=40)),
    "SetCameraGroup": (nothing, {**ALL, "CameraGroup": "left"}, told(CameraGroup="left")),
    "SetCameraTriggerIndex": (nothing, {**ALL, "CameraTriggerIndex": "9"}, told(CameraTriggerIndex=9)),
    "SetOptions": (nothing, {"UniqueTag": "P017"}, option_told),
    "SetProperty": (
        nothing,
        {**ALL, "CameraPropertyType": "ISO", "CameraPropertyValue": "200"},
        lambda desk: desk.rig.cameras[desk.keys[0]].value["ISO"] == "200",
    ),
    "SetSequenceNum": (nothing, {"PhotoSequenceNum": 100}, lambda desk: desk.all("Shoot") and "100" in str(desk.wait())),
    "SetShutterButton": (nothing, {**ALL, "CameraShutterButton": "full"}, fired),
    "Shoot": (nothing, ALL, fired),
    "Shutdown": (nothing, {}, lambda desk: desk.rig.next_due is None),
    "SyncBatchNum": (out_of_step, {}, lambda desk: len({one.next_batch for one in desk.rig.cameras.values()}) == 1),
    "SyncClocks": (nothing, {"CameraDateTimeOffset": 3600}, told(CameraDateTimeOffset=3600)),
    "Synchronise": (nothing, {}, lambda desk: "CameraInfo" in str(desk.last.reply) + str(desk.events)),
    "Transfer": (shot, PHOTOS, lambda desk: True),
}  # fmt: skip

PUBLIC = sorted(spec.msg_id for spec in MESSAGES.values() if spec.is_request and spec.public_since)


def test_the_cases_are_all_there_are() -> None:
    assert sorted(CASES) == sorted(HANDLERS) == PUBLIC


@pytest.mark.parametrize("dialect", ["v5", "v3"])
@pytest.mark.parametrize("msg_id", PUBLIC)
def test_each_request_is_answered_and_done(msg_id: str, dialect: str) -> None:
    desk = Desk(cameras=3, dialect=dialect, files=True)
    desk.may_overwrite = msg_id == "Reshoot"
    before, fields, check = CASES[msg_id]
    if not desk.rig.dialect.knows(msg_id):
        fields = {name: desk.keys[0] if value == "first" else value for name, value in fields.items()}
        assert desk.ask(msg_id, **fields) is False
        assert desk.wait() == []
        return
    before(desk)
    desk.events.clear()
    fields = {name: desk.keys[0] if value == "first" else value for name, value in fields.items()}
    assert desk.ask(msg_id, **fields) is True, desk.last.problem
    if msg_id not in ("GetCamera", "Synchronise") or dialect == "v3":
        desk.wait()
    assert check(desk)


def test_v3_says_only_what_v3_knew() -> None:
    desk = Desk(cameras=2, dialect="v3", ping_s=1)
    reply = desk.reply("Synchronise")
    assert set(reply) == {"msg_type", "msg_id", "msg_seq_num", "msg_user_id", "msg_result"}
    assert desk.events == []
    (state,) = desk.wait(0.051)
    assert state["msg_id"] == "Synchronise"
    assert len(state["CameraInfo"]) == len(state["PropertyUpdated"]) == 2
    assert "CameraPropertyInfo" not in state["CameraInfo"][0]
    assert state["PropertyUpdated"][0]["CameraPropertyInfo"][0]["CameraPropertyType"] == "Aperture"
    assert {"CameraTriggerIndex", "CameraOrientation"} & set(state["CameraInfo"][0]) == set()
    desk.all("SetProperty", CameraPropertyType="ISO", CameraPropertyValue="200")
    desk.all("Shoot", PhotoOrigin="v3 has no such field")
    desk.wait()
    assert len(desk.heard("PropertyUpdated")) == 2
    assert desk.heard("OptionsUpdated") == []
    assert {"msg_result", "msg_user_id", "PhotoOrigin", "PhotoName"} & {
        name for event in desk.events for name in event
    } == set()
    assert desk.heard("PhotoUpdated")[0]["PhotoUUID"]
    assert "CameraDownloadRate" in desk.heard("CameraUpdated")[0]


def test_v3_has_no_word_for_what_came_later() -> None:
    desk = Desk(cameras=1, dialect="v3")
    assert not desk.all("SetProperty", CameraPropertyType="ColourTemperature", CameraPropertyValue="5500")
    assert desk.all("SetProperty", CameraPropertyType="WhiteBalance", CameraPropertyValue="Cloudy")
    assert desk.ask("SetOptions", DefaultStorage="JPEG", DefaultLiveviewFPS=5, AutoBackup="of another type")
    assert (desk.rig.options["DefaultStorage"], desk.rig.options["DefaultLiveviewFPS"]) == ("JPEG", 20)
    assert not desk.ask("SetOptions", DefaultLiveviewFPS=5), "unknown, so it holds no option"
    assert not Desk(cameras=1).ask("SetOptions", DefaultStorage="JPEG")
    desk.all("EnableVideo", Enable=True)
    desk.wait(2.5)
    assert desk.heard("CameraUpdated", CameraVideoIsEnabled=True)
    about = {"msg_type", "msg_id", "msg_seq_num", "CameraSelection", "CameraKey", "NodeKey"}
    assert [event for event in desk.events if event["msg_id"] == "CameraUpdated" and event.keys() <= about] == []
    numbers = [event["msg_seq_num"] for event in desk.events]
    assert numbers == [*range(1, len(numbers) + 1)], "what is not said is not counted"


def test_the_counter_of_events_stays_in_its_type() -> None:
    for dialect, highest in (("v3", 2**31 - 1), ("v5", 2**32 - 1)):
        desk = Desk(cameras=1, dialect=dialect)
        desk.rig._number = highest - 1
        for n in range(2):
            desk.ask("RelayCustomText", CustomText=str(n))
        assert [event["msg_seq_num"] for event in desk.events] == [highest, 0]


def test_v3_looks_at_a_photo_when_it_has_it() -> None:
    for dialect, first in (("v3", ("Unknown", 0, 0)), ("v5", ("JPEG", 160, 107))):
        desk = Desk(cameras=1, dialect=dialect)
        shot(desk)
        told = [tuple(e[f"Photo{name}"] for name in ("Format", "Width", "Height")) for e in desk.heard("PhotoUpdated")]
        assert told == [first, ("JPEG", 160, 107)]


def test_the_trigger_fires_in_the_order_of_indices() -> None:
    for spacing, last_s in (("rank", 1.0), ("index", 4.5)):
        desk = Desk(cameras=3, files=True, truth="truth", trigger_spacing=spacing, lag_spread_ms=0, jitter_ms=0)
        for n, index in enumerate((9, 0, 3)):
            desk.one("SetCameraTriggerIndex", n, CameraTriggerIndex=index)
        desk.all("EngageTrigger")
        assert desk.ask("ReleaseTrigger", CameraTriggerInterval=500)
        desk.wait(8)
        rows = [row.split(",") for row in desk.disk["truth/exposures.csv"].decode().splitlines()[1:]]
        assert [row[1] for row in rows] == [desk.keys[1], desk.keys[2], desk.keys[0]]
        assert float(rows[2][2]) - float(rows[0][2]) == pytest.approx(last_s, abs=1e-6)
        assert not desk.ask("ReleaseTrigger"), "a trigger fires once"


def test_latches_in_both_meanings() -> None:
    arm, hold = Desk(cameras=2), Desk(cameras=2, latch_fires="engage")
    for desk, at_engage in ((arm, 0), (hold, 2)):
        assert desk.all("EngageLatch", CameraLatchIndex=1)
        desk.wait()
        assert len(desk.heard("PhotoUpdated", PhotoLocation="Camera")) == at_engage
        assert desk.ask("ReleaseLatch", CameraLatchIndex=1)
        desk.wait()
        assert len(desk.heard("PhotoUpdated", PhotoLocation="Camera")) == 2
        assert {camera.latch for camera in desk.rig.cameras.values()} == {None}


def test_a_reshoot_takes_the_name_and_leaves_one_file() -> None:
    desk = Desk(cameras=2, files=True)
    shot(desk)
    old = desk.photos()[0]
    content = desk.disk[old["PhotoFilename"]]
    desk.may_overwrite = True
    assert desk.ask("Reshoot", PhotoSelection="Single", PhotoKey=old["PhotoKey"])
    desk.wait()
    names = {photo["PhotoName"]: photo for photo in desk.photos()}
    assert len(names) == len(desk.disk) == 2
    new = names[old["PhotoName"]]
    assert new["PhotoKey"] != old["PhotoKey"]
    assert (new["PhotoBatchNum"], new["PhotoSequenceNum"]) == (2, old["PhotoSequenceNum"])
    assert desk.disk[new["PhotoFilename"]] != content
    assert [event["PhotoKey"] for event in desk.heard("PhotoUpdated", PhotoLocation="Deleted")] == [old["PhotoKey"]]


def test_reshooting_a_pair_replaces_both_files() -> None:
    desk = Desk(cameras=1, files=True)
    desk.all("SetProperty", CameraPropertyType="Quality", CameraPropertyValue="RAW + JPEG Fine")
    desk.wait()
    shot(desk)
    names = {photo["PhotoName"] for photo in desk.photos()}
    desk.may_overwrite = True
    assert desk.ask("Reshoot", PhotoSelection="All")
    desk.wait()
    assert {photo["PhotoName"] for photo in desk.photos()} == names


def test_renaming_moves_the_file_and_refuses_tricks() -> None:
    desk = Desk(cameras=1, files=True)
    shot(desk)
    (photo,) = desk.photos()
    for name in ("../x", "/etc/x", "a/../../x", "", "a//b", "C:/x", "con", "x\0", "a\\b", ".", "..", "a/..", " x"):
        assert not desk.ask("RenamePhoto", PhotoSelection="All", PhotoComputedName=name), name
    assert desk.ask("RenamePhoto", PhotoSelection="All", PhotoComputedName="P017/front.jpg")
    (after,) = desk.photos()
    assert after["PhotoName"] == after["PhotoComputedName"] == "P017/front.JPG"
    assert list(desk.disk) == [after["PhotoFilename"]] == ["photos/P017/front.JPG"]
    assert after["PhotoHash"] == photo["PhotoHash"]
    assert desk.ask("RenamePhoto", PhotoSelection="All", PhotoComputedName="P017/front"), "its own name is free for it"
    assert list(desk.disk) == ["photos/P017/front.JPG"]


def test_deleting_leaves_files_unless_told() -> None:
    desk = Desk(cameras=2, files=True)
    shot(desk)
    assert desk.ask("Delete", PhotoSelection="All")
    assert desk.photos() == []
    assert len(desk.disk) == 2
    shot(desk)
    assert {photo["PhotoName"] for photo in desk.photos()}.isdisjoint({"SSP_1.JPG", "SSP_2.JPG"})


def test_live_view_shows_real_pictures_at_the_asked_rate_and_stops() -> None:
    from rigkit.sim.studio import develop

    desk = Desk(cameras=1)
    desk.rig.develop = develop
    desk.all("EnableLiveview", Enable=True)
    desk.all("LiveviewFPS", CameraLiveviewFPS=10, CameraLiveviewVideoFPS=30)
    desk.wait(1.05)
    frames = [base64.b64decode(event["CameraLiveviewImage"]) for event in desk.heard("LiveviewUpdated")]
    assert 10 <= len(frames) <= 12
    assert all(frame[:3] == b"\xff\xd8\xff" for frame in frames)
    assert len(set(frames)) == 10
    assert desk.info()["CameraLiveviewNumFrames"] == len(frames)
    desk.all("EnableLiveview", Enable=False)
    desk.all("EnableLiveview", Enable=True)
    desk.events.clear()
    desk.wait(1.0)
    assert 9 <= len(desk.heard("LiveviewUpdated")) <= 10, "switching off and on leaves one stream"
    desk.all("EnableLiveview", Enable=False)
    assert not [event for event in desk.wait() if event["msg_id"] == "LiveviewUpdated"]
    assert not desk.all("LiveviewFocus", CameraLiveviewFocusStep="Near1")


def test_a_video_becomes_a_file_that_is_no_image() -> None:
    desk = Desk(cameras=1, files=True)
    assert desk.all("EnableVideo", Enable=True)
    desk.wait(2.5)
    assert desk.info()["CameraStatus"] == "Busy"
    assert not desk.all("Shoot")
    assert desk.info()["CameraVideoElapsedTime"] == 2500
    assert [e["CameraVideoElapsedTime"] for e in desk.events if "CameraVideoElapsedTime" in e] == [0, 1000, 2000]
    assert desk.all("EnableVideo", Enable=False)
    (photo,) = desk.photos()
    assert (photo["PhotoIsImage"], photo["PhotoLocation"], photo["PhotoOriginalName"]) == (
        False,
        "Camera",
        "DSC_0001.MOV",
    )
    assert desk.ask("Download", PhotoSelection="All")
    desk.wait()
    assert list(desk.disk) == ["photos/SSP_1.MOV"]
    assert desk.info()["CameraStatus"] == "Ready"


def test_half_press_focuses_and_is_let_go() -> None:
    desk = Desk(cameras=1)
    assert desk.all("SetShutterButton", CameraShutterButton="half")
    desk.wait()
    assert desk.info()["CameraIsFocused"]
    assert desk.all("SetShutterButton", CameraShutterButton="FULL")
    assert desk.all("SetShutterButton", CameraShutterButton="off")
    desk.wait()
    assert not desk.info()["CameraIsFocused"]
    assert desk.info()["CameraNumPhotosTaken"] == 1


def test_clocks_are_set_and_read() -> None:
    desk = Desk(
        cameras=3, clock_report="measured", scenario={"cameras": {"*": {"clock_offset_s": 100, "drift_ppm": 0}}}
    )
    desk.ask("CheckClocks")
    assert {event["CameraDateTimeOffset"] for event in desk.events} == {100}
    desk.ask("SyncClocks")
    errors = [camera.clock.error_s(desk.now) for camera in desk.rig.cameras.values()]
    assert max(map(abs, errors)) < 0.5
    assert len(set(errors)) == 3


def test_editing_the_expression_may_reset_the_numbers() -> None:
    desk = Desk(cameras=1, files=True)
    shot(desk)
    desk.ask("SetOptions", ResetSequenceNumOnEdit=True, ResetBatchNumOnEdit=True)
    assert desk.rig.sequence_next == 2
    desk.ask("SetOptions", UniqueTag="P018", FilenameExpression="[U]/[C]_[B]")
    shot(desk)
    assert desk.photos()[-1]["PhotoName"] == "P018/A01_1.JPG"
    assert desk.photos()[-1]["PhotoSequenceNum"] == 1


def test_the_name_is_made_when_the_photo_is_detected() -> None:
    desk = Desk(cameras=1)
    desk.ask("SetOptions", FilenameExpression="[U]_[B]", UniqueTag="early")
    desk.all("Shoot")
    desk.ask("SetOptions", UniqueTag="late")
    desk.wait()
    assert desk.photos()[0]["PhotoName"] == "late_1.JPG"


def test_the_v3_script_relays_texts_as_events() -> None:
    desk = Desk(cameras=1)
    assert desk.reply("RelayCustomText", msg_type="Event", CustomText="hello")["msg_result"]
    assert not desk.reply("Shoot", msg_type="Event", CameraSelection="All")["msg_result"]


def test_a_downloaded_photo_may_carry_another_clients_extra_fields() -> None:
    desk = Desk(cameras=1, storage="Card")
    shot(desk)
    assert desk.ask(
        "Download", PhotoSelection="All", CameraSelection="Single", CameraKey=desk.keys[0], DownloadPath="/etc"
    )
    assert desk.wait()[-2]["PhotoFilename"] == "photos/SSP_1.JPG"
