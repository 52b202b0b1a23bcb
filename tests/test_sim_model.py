"""The pure model: what a shot looks like, what requests do, what is refused."""

from __future__ import annotations

import doctest
import importlib
import subprocess
import sys
import uuid
from typing import Any

import pytest

from rigkit.errors import UnknownName
from rigkit.sim import SimSettings, SimulatedRig
from rigkit.wire import FIELDS
from tests.sim_desk import Desk

ENVELOPE = {"msg_type": str, "msg_id": str, "msg_seq_num": int, "msg_user_id": int, "msg_result": bool}
PHOTO = {
    **ENVELOPE,
    **dict.fromkeys(["PhotoSelection", "PhotoKey", "CameraKey", "PhotoLocation", "PhotoOriginalName"], str),
    **dict.fromkeys(["PhotoOriginalPath", "PhotoComputedName", "PhotoDateCaptured", "PhotoOrigin", "PhotoFormat"], str),
    **dict.fromkeys(["PhotoOrientation", "PhotoAperture", "PhotoShutterSpeed", "PhotoISO", "PhotoFocalLength"], str),
    **dict.fromkeys(["PhotoWidth", "PhotoHeight", "PhotoFilesize", "PhotoSequenceNum", "PhotoBatchNum"], int),
    **dict.fromkeys(["PhotoSessionNum", "PhotoStorageID"], int),
    **dict.fromkeys(["PhotoIsImage", "PhotoIsHidden"], bool),
    **dict.fromkeys(["PhotoSessionName", "PhotoPersistentID", "NodeKey"], str),
}
CAMERA = {
    **ENVELOPE,
    **dict.fromkeys(
        ["CameraSelection", "CameraKey", "CameraName", "CameraGroup", "CameraOrientation", "CameraStatus"], str
    ),
    **dict.fromkeys(["CameraMetadataTimestamp", "CameraTriggerIndex", "PhotoBatchNum", "CameraNumPhotosTaken"], int),
    **dict.fromkeys(["CameraNumPhotosFailed", "CameraNumDownloadsComplete", "CameraNumDownloadsFailed"], int),
    **dict.fromkeys(["CameraPhotosPerCapture"], int),
    "CameraDownloadRate": float,
    "NodeKey": str,
}
OPTIONS = {
    **ENVELOPE,
    **dict.fromkeys(["NodeSelection", "NodeKey", "NodeEndpoint", "NodeNetworkMode", "FilenameExpression"], str),
    **dict.fromkeys(["PhotoSessionName", "UniqueTag", "Barcode", "PhotoBarcodeFormat", "DefaultStorage"], str),
    **dict.fromkeys(["DefaultFocusMode", "BarcodeCameraFilter", "DownloadPath", "FallbackPath", "BackupPath"], str),
    "ApplicationName": str,
    **dict.fromkeys(["AutoConnect", "AutoSynchroniseTime", "AutoScanBarcode", "AutoBackup", "OverwriteBackup"], bool),
    **dict.fromkeys(["AddBarcodeToMetadata", "RestrictBarcodeFormat", "FilterBarcodeScanning"], bool),
    **dict.fromkeys(["ResetSequenceNumOnEdit", "ResetBatchNumOnEdit"], bool),
    **dict.fromkeys(["NodeTimeout", "PhotoSessionNum", "DefaultLiveviewFPS", "DefaultVideoFPS"], int),
}
PHOTO_ON_DISK = {
    **PHOTO,
    **dict.fromkeys(["PhotoName", "PhotoFilename", "PhotoHash", "PhotoBarcode", "PhotoBarcodeFormat"], str),
    **dict.fromkeys([f"PhotoBarcodeLocation{edge}" for edge in ("Left", "Top", "Right", "Bottom")], float),
    "PhotoIsScanned": bool,
}
NODE = {
    **ENVELOPE,
    **dict.fromkeys(["NodeSelection", "NodeKey", "NodeEndpoint", "NodeNetworkMode", "NodeName", "NodeVersion"], str),
    **dict.fromkeys(["NodeDateTime", "NodeUpTime", "NodeDiskSpace", "NodeMemoryUsage"], int),
    "NodeIsLiveviewConsumer": bool,
    "NodePlatform": str,
}
#: The five consecutive events of the public v5.3 capture: keys and types.
CAPTURE = [
    ("PhotoUpdated", PHOTO),
    ("CameraUpdated", CAMERA),
    ("OptionsUpdated", OPTIONS),
    ("PhotoUpdated", PHOTO_ON_DISK),
    ("NodeUpdated", NODE),
]
#: The fields of the vendor's published v3 sample, in current names.
SAMPLE3 = {
    *(
        "msg_type",
        "msg_id",
        "msg_seq_num",
        "PhotoSelection",
        "PhotoKey",
        "PhotoLocation",
        "PhotoUUID",
        "PhotoOriginalName",
    ),
    *("PhotoComputedName", "PhotoDateCaptured", "PhotoFormat", "PhotoWidth", "PhotoHeight", "PhotoFilesize"),
    *("PhotoIsImage", "PhotoIsScanned", "PhotoSequenceNum", "PhotoBatchNum", "CameraKey"),
}


def difference(event: dict[str, Any], expected: dict[str, type]) -> list[str]:
    """Name the fields that one has and the other has not, or that differ in type."""
    found = {name: type(value) for name, value in event.items()}
    return sorted(
        f"{name}: {found.get(name)} not {expected.get(name)}"
        for name in {*found, *expected}
        if found.get(name) is not expected.get(name)
    )


def test_a_shot_is_what_the_capture_shows() -> None:
    desk = Desk(cameras=1, as_captured=True, auto_scan_barcode=True, barcode="Hello!", origin_api="ui", version="v5.3")
    assert desk.all("Shoot")
    desk.wait()
    busy, *events = desk.events
    assert busy["CameraStatus"] == "Busy"
    assert [event["msg_id"] for event in events] == [msg_id for msg_id, _ in CAPTURE]
    for event, (_, expected) in zip(events, CAPTURE, strict=True):
        assert difference(event, expected) == []
    on_camera, ready, options, on_disk, node = events
    assert (on_camera["PhotoLocation"], on_disk["PhotoLocation"]) == ("Camera", "Local Disk")
    assert ready["CameraStatus"] == "Ready"
    assert (on_camera["PhotoBatchNum"], ready["PhotoBatchNum"]) == (1, 2)
    assert ready["CameraNumPhotosTaken"] == ready["CameraNumDownloadsComplete"] == 1
    assert options["Barcode"] == on_disk["PhotoBarcode"] == "Hello!"
    same = set(PHOTO) - {"msg_seq_num", "PhotoLocation", "PhotoOrientation"}
    learned = {"PhotoAperture", "PhotoShutterSpeed", "PhotoISO", "PhotoFocalLength"}
    assert all(on_camera[name] == on_disk[name] for name in same - learned)
    assert all(on_camera[name] == "" and on_disk[name] for name in learned)
    assert node["NodeVersion"] == "v5.3"
    numbers = [event["msg_seq_num"] for event in (busy, *events)]
    assert numbers == list(range(numbers[0], numbers[0] + 6))


def test_by_default_a_photo_has_every_field_of_both_samples() -> None:
    desk = Desk(cameras=1, auto_scan_barcode=True)
    desk.all("Shoot")
    first, last = (event for event in desk.wait() if event["msg_id"] == "PhotoUpdated")
    assert set(first) >= SAMPLE3 | set(PHOTO)
    assert set(last) >= SAMPLE3 | set(PHOTO_ON_DISK)
    assert first["PhotoUUID"] == first["PhotoKey"]
    assert uuid.UUID(first["PhotoKey"]).version == 1


def test_every_event_and_reply_has_valid_fields() -> None:
    desk = Desk(cameras=3, auto_scan_barcode=True, barcode="x", ping_s=1)
    desk.all("Shoot")
    desk.wait()
    state = desk.reply("Synchronise")
    objects = [*desk.events, state["OptionsInfo"], *state["NodeInfo"], *state["CameraInfo"], *state["PhotoInfo"]]
    objects += state["CameraInfo"][0]["CameraPropertyInfo"]
    problems = {
        FIELDS[name].problem(value) if name in FIELDS else f"{name} is in no table"
        for one in objects
        for name, value in one.items()
    }
    assert problems == {""}


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("captured", ["Busy", "Camera", "Ready", "Local Disk"]),
        ("ready_after_photo", ["Busy", "Camera", "Ready", "Ready", "Local Disk"]),
        ("ready_before_photo", ["Busy", "Ready", "Camera", "Ready", "Local Disk"]),
    ],
)
def test_the_order_of_ready_and_photo_is_a_setting(order: str, expected: list[str]) -> None:
    desk = Desk(cameras=1, shot_order=order)
    desk.all("Shoot")
    desk.wait()
    told = [event.get("CameraStatus") or event.get("PhotoLocation") for event in desk.events]
    assert [one for one in told if one] == expected


def test_24_cameras_deliver_within_a_second() -> None:
    desk = Desk(cameras=24)
    desk.all("Shoot")
    desk.wait(0.5)
    assert desk.heard("PhotoUpdated", PhotoLocation="Camera")
    assert not desk.heard("PhotoUpdated", PhotoLocation="Local Disk")
    desk.wait(0.5)
    assert len(desk.heard("PhotoUpdated", PhotoLocation="Local Disk")) == 24
    assert len(desk.heard("NodeUpdated")) == 1


def test_same_seed_and_requests_give_the_same_events_whatever_the_ticks() -> None:
    def session(seed: int, step: float) -> list[dict[str, Any]]:
        desk = Desk(cameras=5, seed=seed, ping_s=1)
        for _ in range(3):
            desk.all("Shoot", PhotoOrigin="x")
            for _ in range(round(3 / step)):
                desk.wait(step)
            desk.now = round(desk.now)
        return desk.events

    assert session(1, 3.0) == session(1, 0.125)
    assert session(1, 3.0) != session(2, 3.0)


def test_one_cameras_luck_is_its_own() -> None:
    plain, other = Desk(cameras=4), Desk(cameras=4, scenario={"cameras": {"A01": {"lag_ms": 200, "jitter": "bimodal"}}})
    for desk in (plain, other):
        desk.all("Shoot")
        desk.wait()
    told = [
        [e["PhotoDateCaptured"] for e in desk.heard("PhotoUpdated", CameraKey=desk.keys[2])] for desk in (plain, other)
    ]
    assert told[0] == told[1]


def test_names_and_groups_by_default() -> None:
    desk = Desk(cameras=24)
    infos = desk.reply("GetCamera", CameraSelection="All")["CameraInfo"]
    assert [one["CameraName"] for one in infos[:9]] == [*(f"A0{n}" for n in range(1, 9)), "B01"]
    assert [one["CameraName"] for one in infos if one["CameraGroup"] == "face"] == ["B01", "B02", "B03"]
    assert len({one["CameraSerialNumber"] for one in infos}) == 24
    assert all(len(one["CameraSerialNumber"]) == 7 for one in infos)
    many = Desk(cameras=500)
    assert len({one.name for one in many.rig.cameras.values()}) == 500
    assert len({one.ring for one in many.rig.cameras.values()}) == 6


def test_photo_origin_is_echoed_or_not() -> None:
    for echo, told in ((True, "rk:12:1"), (False, "api")):
        desk = Desk(cameras=1, echo_origin=echo)
        desk.all("Shoot", PhotoOrigin="rk:12:1")
        assert {event["PhotoOrigin"] for event in desk.wait() if "PhotoOrigin" in event} == {told}


def test_bulb_and_shutter_speed_decide_how_long_it_takes() -> None:
    desk = Desk(cameras=2, truth="truth", files=True)
    desk.all("SetProperty", CameraPropertyType="ShutterSpeed", CameraPropertyValue="1/2")
    desk.wait()
    desk.all("Shoot")
    desk.wait()
    desk.all("Shoot", BulbTimer=1500)
    desk.wait(1.5)
    assert len(desk.heard("PhotoUpdated", PhotoLocation="Camera")) == 2
    desk.wait(2)
    assert len(desk.heard("PhotoUpdated", PhotoLocation="Camera")) == 4
    rows = desk.disk["truth/exposures.csv"].decode().splitlines()
    assert rows[0] == "shot_id,camera_key,t_start_s,t_exp_s"
    assert [(row.split(",")[0], float(row.split(",")[3])) for row in rows[1:]] == [("1", 0.5)] * 2 + [("2", 1.5)] * 2


def test_storage_card_waits_for_download_and_both_does_not() -> None:
    desk = Desk(cameras=2, files=True)
    for storage, disk, card in (("Card", 0, 2), ("Both", 2, 4)):
        assert desk.ask("SetOptions", DefaultStorage=storage)
        assert desk.value("Storage") == storage
        desk.events.clear()
        desk.all("Shoot")
        desk.wait()
        assert len(desk.heard("PhotoUpdated", PhotoLocation="Local Disk")) == disk
        assert sum(camera.card_used_mb for camera in desk.rig.cameras.values()) == pytest.approx(10 * card, rel=0.1)
    desk.events.clear()
    assert desk.ask("Download", PhotoSelection="All")
    assert [one["CameraStatus"] for one in desk.heard("CameraUpdated")] == ["Busy", "Busy"]
    desk.wait()
    assert {photo["PhotoLocation"] for photo in desk.photos()} == {"Local Disk"}
    assert len(desk.disk) == 4
    assert desk.ask("Download", PhotoSelection="All"), "nothing left to do is no failure"


def test_raw_and_jpeg_share_a_batch_number() -> None:
    desk = Desk(cameras=1, files=True)
    desk.all("SetProperty", CameraPropertyType="Quality", CameraPropertyValue="RAW + JPEG Fine")
    desk.wait()
    desk.all("Shoot")
    desk.wait()
    raw, jpeg = desk.photos()
    assert (raw["PhotoFormat"], jpeg["PhotoFormat"]) == ("Raw", "JPEG")
    assert (raw["PhotoName"], jpeg["PhotoName"]) == ("SSP_1.NEF", "SSP_2.JPG")
    assert raw["PhotoBatchNum"] == jpeg["PhotoBatchNum"] == 1
    info = desk.info()
    assert (info["PhotoBatchNum"], info["CameraNumPhotosTaken"], info["CameraPhotosPerCapture"]) == (2, 2, 2)
    assert (info["CameraStatus"], info["CameraNumDownloadsComplete"]) == ("Ready", 2)


def test_colliding_names_get_a_suffix() -> None:
    desk = Desk(cameras=3, files=True)
    desk.disk["photos/same.JPG"] = b"from an earlier run"
    desk.ask("SetOptions", FilenameExpression="same")
    desk.all("Shoot")
    desk.wait()
    assert {photo["PhotoComputedName"] for photo in desk.photos()} == {"same.JPG"}
    assert {photo["PhotoName"] for photo in desk.photos()} == {"same_1.JPG", "same_2.JPG", "same_3.JPG"}
    assert desk.disk["photos/same.JPG"] == b"from an earlier run"


def test_a_full_card_and_an_empty_battery() -> None:
    desk = Desk(
        cameras=2,
        storage="Card",
        scenario={"cameras": {"A01": {"card_gb": 0.015}, "A02": {"battery_percent": 2, "battery_per_shot": 1}}},
    )
    for _ in range(3):
        desk.all("Shoot")
        desk.wait()
    assert (desk.info(0)["CameraNumPhotosTaken"], desk.info(0)["CameraNumPhotosFailed"]) == (2, 1)
    assert desk.info(0)["PhotoBatchNum"] == 3
    levels = [event["CameraBatterylevel"] for event in desk.events if "CameraBatterylevel" in event]
    assert levels == [1, 0]
    assert desk.info(1)["CameraStatus"] == "Lost"


@pytest.mark.parametrize(
    ("msg_id", "fields"),
    [
        ("NoSuchRequest", {}),
        ("Shoot", {}),
        ("Shoot", {"CameraSelection": "Some"}),
        ("Shoot", {"CameraSelection": "Single"}),
        ("Shoot", {"CameraSelection": "Single", "CameraKey": "nobody"}),
        ("Shoot", {"CameraSelection": "Single", "CameraKey": 7}),
        ("Shoot", {"CameraSelection": "Multiple", "CameraKeys": []}),
        ("Shoot", {"CameraSelection": "Group", "CameraGroup": "nowhere"}),
        ("Shoot", {"CameraSelection": "All", "BulbTimer": 2**63}),
        ("Shoot", {"CameraSelection": "All", "BulbTimer": 2**62}),
        ("Shoot", {"CameraSelection": "All", "BulbTimer": -1}),
        ("Shoot", {"CameraSelection": "All", "PhotoOrigin": ["x"]}),
        ("SetProperty", {"CameraSelection": "All", "CameraPropertyType": "ISO"}),
        ("SetProperty", {"CameraSelection": "All", "CameraPropertyType": "Colour", "CameraPropertyValue": "red"}),
        ("SetProperty", {"CameraSelection": "All", "CameraPropertyType": "ISO", "CameraPropertyValue": "101"}),
        ("SetProperty", {"CameraSelection": "All", "CameraPropertyType": "ProgramMode", "CameraPropertyValue": "A"}),
        (
            "SetProperty",
            {"CameraSelection": "All", "CameraPropertyType": "PixelShiftMode", "CameraPropertyValue": "On"},
        ),
        ("IncrementProperty", {"CameraSelection": "All", "CameraPropertyType": "ISO", "CameraPropertyStep": 1.5}),
        ("Download", {"PhotoSelection": "All"}),
        ("Download", {"PhotoSelection": "Single", "PhotoKey": "none"}),
        ("Reshoot", {"PhotoSelection": "Multiple", "PhotoKeys": []}),
        ("SetOptions", {}),
        ("SetOptions", {"NoSuchOption": 1}),
        ("SetOptions", {"DefaultStorage": "Cloud"}),
        ("SetOptions", {"AutoConnect": "yes"}),
        ("SetOptions", {"UniqueTag": "fine", "DefaultLiveviewFPS": 10**6}),
        ("SetOptions", {"DownloadPath": "/etc"}),
        ("SetOptions", {"DownloadPath": "photos/../../etc"}),
        ("SetOptions", {"DownloadPath": ""}),
        ("SetSequenceNum", {"PhotoSequenceNum": -1}),
        ("SetSequenceNum", {"PhotoSequenceNum": 2**31}),
        ("SetBatchNum", {"PhotoBatchNum": "3"}),
        ("RenameCamera", {"CameraSelection": "All", "CameraName": " "}),
        ("SetCameraGroup", {"CameraSelection": "Group", "CameraGroup": "A"}),
        ("SetCameraGroup", {"CameraSelection": "All"}),
        ("SetCameraTriggerIndex", {"CameraSelection": "All", "CameraTriggerIndex": 101}),
        ("EngageLatch", {"CameraSelection": "All", "CameraLatchIndex": 101}),
        ("ReleaseLatch", {"CameraLatchIndex": 5}),
        ("ReleaseTrigger", {}),
        ("ReleaseTrigger", {"CameraTriggerInterval": -1}),
        ("SetShutterButton", {"CameraSelection": "All", "CameraShutterButton": "quarter"}),
        ("LiveviewFocus", {"CameraSelection": "All", "CameraLiveviewFocusStep": "Near4"}),
        ("LiveviewFocus", {"CameraSelection": "All", "CameraLiveviewFocusStep": "Near1"}),
        ("LiveviewFPS", {"CameraSelection": "All", "CameraLiveviewFPS": 10**6}),
        ("PowerZoomPosition", {"CameraSelection": "All", "CameraPowerZoomPosition": 101}),
        ("EnableVideo", {"CameraSelection": "All", "Enable": 1}),
        ("SyncClocks", {"CameraDateTimeOffset": 10**12}),
        ("ActivateLicense", {"ActivationCode": " "}),
        ("SetActiveCamera", {"CameraKey": "nobody"}),
        ("RelayCustomText", {}),
        ("RenameNode", {"NodeName": "x"}),
        ("NetworkPing", {}),
        ("PhotoUpdated", {}),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(msg_id: str, fields: dict[str, Any]) -> None:
    desk = Desk(cameras=3)
    before = desk.reply("Synchronise")
    del before["msg_seq_num"]
    assert desk.ask(msg_id, **fields) is False
    assert desk.last.problem
    assert desk.wait() == []
    after = desk.reply("Synchronise")
    after["NodeInfo"][0] |= {name: before["NodeInfo"][0][name] for name in ("NodeDateTime", "NodeUpTime")}
    assert {name: after[name] for name in before} == before


def test_unconnected_cameras_are_left_out_and_nobody_left_is_a_refusal() -> None:
    desk = Desk(cameras=3, scenario={"cameras": {"A02": {"status": "Lost"}, "A03": {"status": "Absent"}}})
    assert [one["CameraStatus"] for one in desk.reply("GetCamera", CameraSelection="All")["CameraInfo"]] == [
        "Ready",
        "Lost",
        "Absent",
    ]
    assert desk.all("Shoot")
    assert not desk.all("Shoot"), "the only one left is Busy"
    assert not desk.one("Shoot", 1)
    assert desk.ask("Shoot", CameraSelection="Multiple", CameraKeys=desk.keys) is False
    desk.wait()
    assert desk.ask("Shoot", CameraSelection="Multiple", CameraKeys=desk.keys)
    desk.wait()
    assert desk.one("RenameCamera", 1, CameraName="still known")
    assert not desk.one("Connect", 1)
    strict = Desk(cameras=3, partial_success="all", scenario={"cameras": {"A02": {"status": "Lost"}}})
    assert strict.all("Shoot"), "All means the connected ones"
    assert not Desk(
        cameras=3, partial_success="all", all_means="known", scenario={"cameras": {"A02": {"status": "Lost"}}}
    ).all("Shoot")


def test_a_mixed_rig_takes_values_where_they_exist() -> None:
    desk = Desk(cameras=16, models=("D850", "D780"))
    assert desk.all("SetProperty", CameraPropertyType="ISO", CameraPropertyValue="64")
    desk.wait()
    assert (desk.value("ISO", 0), desk.value("ISO", 8)) == ("64", "100")
    assert len(desk.heard("CameraUpdated")) == 8


def test_read_only_and_stubborn_properties() -> None:
    desk = Desk(cameras=2, scenario={"cameras": {"*": {"read_only": ["ISO"]}, "A02": {"stubborn": ["Aperture"]}}})
    assert not desk.all("SetProperty", CameraPropertyType="ISO", CameraPropertyValue="400")
    assert desk.all("SetProperty", CameraPropertyType="Aperture", CameraPropertyValue="11")
    desk.wait()
    assert (desk.value("Aperture", 0), desk.value("Aperture", 1)) == ("11", "8")


def test_stamps_show_the_cameras_clock_or_the_hosts() -> None:
    for stamp, said in (("camera", "20260101 01:59:5"), ("host", "20260101 00:00:0")):
        desk = Desk(
            cameras=1,
            epoch=1_767_222_000.0,  # 2025-12-31 23:00 UTC
            utc_offset_minutes=60,
            stamp=stamp,
            scenario={"cameras": {"A01": {"clock_offset_s": 7195, "drift_ppm": 0}}},
        )
        desk.all("Shoot")
        assert desk.wait()[0]["PhotoDateCaptured"].startswith(said)


def test_settings_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="not built yet"):
        SimSettings(photos="rendered")  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="gaussian"):
        SimSettings(jitter="laplace")  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="D850"):
        SimulatedRig(SimSettings(models=("Box Brownie",)))
    for wrong in ({"cameras": 0}, {"collision_suffix": "x"}, {"lag_ms": -1}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            SimSettings(**wrong)


@pytest.mark.parametrize("name", ["rig", "clocks", "names", "properties"])
def test_the_examples_in_docstrings(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"rigkit.sim.{name}")).failed == 0


def test_the_model_loads_nothing_heavy_and_nothing_impure() -> None:
    code = "import sys, rigkit.sim; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"PIL", "numpy", "pandas", "yaml", "zmq", "asyncio"} & set(loaded) == set()
