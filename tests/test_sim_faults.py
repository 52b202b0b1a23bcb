"""Scenarios: what they may say, and that it comes true."""

from __future__ import annotations

from typing import Any

import pytest

from rigkit.errors import UnknownName
from rigkit.sim import CAMERA_KEYS, KINDS, Scenario
from tests.sim_desk import Desk


def desk_with(*faults: dict[str, Any], **wishes: Any) -> Desk:
    """Open a desk whose scenario holds these faults."""
    return Desk(scenario={"faults": list(faults)}, **wishes)


def shoot(desk: Desk, seconds: float = 5.0) -> list[dict[str, Any]]:
    """Fire once and return the events."""
    before = len(desk.events)
    assert desk.all("Shoot"), desk.last.problem
    desk.wait(seconds)
    return desk.events[before:]


def captured(events: list[dict[str, Any]]) -> dict[str, int]:
    """Count photos by camera name, as far as the cameras' own events tell it."""
    counts: dict[str, int] = {}
    for event in events:
        if event.get("PhotoLocation") == "Camera":
            counts[event["CameraKey"]] = counts.get(event["CameraKey"], 0) + 1
    return counts


def test_lost_before_a_release_is_not_ready_for_it() -> None:
    desk = desk_with({"at": 2, "camera": "A03", "kind": "lost"})
    assert len(captured(shoot(desk))) == 8
    assert set(captured(shoot(desk))) == set(desk.keys) - {desk.keys[2]}
    assert desk.info(2)["CameraStatus"] == "Lost"
    desk.ask("DetectCameras")
    desk.wait()
    assert desk.info(2)["CameraStatus"] == "Lost", "nothing is plugged in there"


def test_lost_after_a_release_comes_back_when_plugged_in() -> None:
    desk = desk_with({"at": 1, "after_s": 2.0, "camera": "A01", "kind": "lost", "amount": 1000})
    assert len(captured(shoot(desk, 1.5))) == 8
    desk.wait(1.0)
    assert desk.heard("CameraUpdated", CameraStatus="Lost", CameraName="A01")
    assert desk.info(0)["CameraStatus"] == "Lost"
    desk.wait(1.0)
    assert desk.info(0)["CameraStatus"] == "Ready"


def test_lost_while_delivering_orphans_what_only_the_camera_had() -> None:
    for storage, then in (("Disk", "Orphaned"), ("Both", "Camera")):
        desk = desk_with({"at": 1, "after_s": 0.4, "camera": "A01", "kind": "lost", "amount": 1000}, storage=storage)
        shoot(desk, 1.0)
        assert desk.heard("PhotoUpdated", PhotoLocation="Orphaned", CameraKey=desk.keys[0])
        assert desk.info(0)["CameraNumDownloadsFailed"] == 1
        desk.wait(3)
        (photo,) = (one for one in desk.photos() if one["CameraKey"] == desk.keys[0])
        assert photo["PhotoLocation"] == then
        assert desk.ask("Download", PhotoSelection="Single", PhotoKey=photo["PhotoKey"]) is (then == "Camera")


def test_misfire_counts_and_leaves_the_batch_number_behind() -> None:
    desk = desk_with({"at": 1, "camera": "A02", "kind": "misfire"})
    assert len(captured(shoot(desk))) == 7
    info = desk.info(1)
    assert (info["CameraNumPhotosFailed"], info["CameraNumPhotosTaken"], info["PhotoBatchNum"]) == (1, 0, 1)
    assert info["CameraStatus"] == "Ready"
    assert desk.ask("SyncBatchNum")
    assert desk.info(1)["PhotoBatchNum"] == 2


def truth(desk: Desk) -> dict[str, list[float]]:
    """Return the times of each camera's exposures."""
    times: dict[str, list[float]] = {}
    for row in desk.disk["truth/exposures.csv"].decode().splitlines()[1:]:
        times.setdefault(row.split(",")[1], []).append(float(row.split(",")[2]))
    return times


def test_late_and_double_are_in_the_truth() -> None:
    late = {"at": 1, "camera": "A01", "kind": "late", "amount": 250}
    double = {"at": 1, "camera": "A02", "kind": "double", "amount": 100}
    plain = Desk(files=True, truth="truth")
    wrong = desk_with(late, double, files=True, truth="truth")
    for desk in (plain, wrong):
        shoot(desk)
    before, after = truth(plain), truth(wrong)
    assert after[wrong.keys[0]][0] - before[plain.keys[0]][0] == pytest.approx(0.25)
    assert after[wrong.keys[1]][1] - after[wrong.keys[1]][0] == pytest.approx(0.1)
    assert before[plain.keys[2]] == after[wrong.keys[2]]
    assert wrong.info(1)["PhotoBatchNum"] == 3
    assert wrong.info(1)["CameraStatus"] == "Ready"
    shoot(wrong)
    assert wrong.info(0)["CameraNumPhotosTaken"] == 2, "a fault of a shot is over with it"


def test_a_failed_download_can_be_repeated_and_a_slow_one_comes() -> None:
    desk = desk_with(
        {"at": 1, "camera": "A01", "kind": "download_failed"},
        {"at": 1, "camera": "A02", "kind": "download_slow", "amount": 3000},
    )
    shoot(desk, 2.0)
    assert len(desk.heard("PhotoUpdated", PhotoLocation="Local Disk")) == 6
    assert (desk.info(0)["CameraNumDownloadsFailed"], desk.info(0)["CameraStatus"]) == (1, "Ready")
    assert desk.info(1)["CameraStatus"] == "Busy"
    assert desk.ask("Download", PhotoSelection="All")
    desk.wait(3.0)
    assert {photo["PhotoLocation"] for photo in desk.photos()} == {"Local Disk"}
    assert len(desk.heard("PhotoUpdated", PhotoLocation="Local Disk")) == 8


def test_events_are_dropped_doubled_and_reordered() -> None:
    desk = desk_with(
        {"at": 1, "camera": "A01", "kind": "drop", "amount": 2},
        {"at": 2, "camera": "A01", "kind": "duplicate"},
        {"at": 3, "camera": "A01", "kind": "reorder"},
        {"at": 4, "camera": "*", "kind": "drop", "amount": 0.5},
    )
    numbers = [[event["msg_seq_num"] for event in shoot(desk)] for _ in range(5)]
    lost = set(range(1, 34)) - set(numbers[0])
    assert len(numbers[0]) == 31
    assert min(lost) == 1
    assert len(lost) == 2, "A01's Busy, and its photo"
    assert numbers[1] == [34, 34, *range(35, 67)]
    assert numbers[2] == [68, 67, *range(69, 100)]
    assert 5 < len(numbers[3]) < 28
    assert numbers[3] == sorted(numbers[3])
    assert len(numbers[4]) == 33


def test_settings_and_clocks_change_by_themselves() -> None:
    desk = desk_with(
        {"at": 1, "camera": "A01", "kind": "setting", "amount": {"ISO": 400, "ProgramMode": "A"}},
        {"at": "2.5s", "camera": "A02", "kind": "setting", "amount": "Aperture=11"},
        {"at": "3s", "camera": "*", "kind": "clock_step", "amount": -3_600_000},
    )
    before = desk.rig.cameras[desk.keys[0]].clock.offset_s
    shoot(desk, 2.0)
    assert (desk.value("ISO", 0), desk.value("ProgramMode", 0), desk.value("Aperture", 1)) == ("400", "A", "8")
    desk.wait(2.0)
    assert desk.value("Aperture", 1) == "11"
    assert desk.rig.cameras[desk.keys[0]].clock.offset_s == pytest.approx(before - 3600)


@pytest.mark.parametrize("who", ["hub2", "B01"])
def test_a_hub_takes_all_its_cameras_along(who: str) -> None:
    desk = desk_with({"at": 1, "camera": who, "kind": "hub_down", "amount": 2000}, cameras=16)
    assert set(captured(shoot(desk, 1.5))) == set(desk.keys[:8])
    desk.wait(2.0)
    assert len(captured(shoot(desk))) == 16


def test_a_restart_counts_from_one_and_connects_again() -> None:
    desk = desk_with({"at": 1, "after_s": 0.3, "kind": "restart", "amount": 1000}, cameras=2)
    desk.ask("SetOptions", UniqueTag="kept")
    desk.all("EngageLatch", CameraLatchIndex=1)
    desk.all("Shoot")
    desk.now += 0.31
    outcome = desk._take(desk.rig.tick(desk.now))
    assert outcome.restarted
    assert outcome.silent_until == pytest.approx(1.3)
    assert desk.rig.request({"msg_type": "Request", "msg_id": "Synchronise"}, desk.now).reply is None
    assert (desk.rig.next_due or 0) >= 1.3
    desk.events.clear()
    desk.wait(2)
    assert [event["msg_seq_num"] for event in desk.events] == [1, 2]
    assert {event["CameraStatus"] for event in desk.events} == {"Ready"}
    assert not desk.ask("ReleaseLatch", CameraLatchIndex=1)
    assert desk.reply("Synchronise")["OptionsInfo"]["UniqueTag"] == "kept"
    assert len(captured(shoot(desk))) == 2


def test_a_hang_holds_the_reply_to_its_release() -> None:
    desk = desk_with({"at": 1, "kind": "hang", "amount": 2000}, {"at": "10s", "kind": "hang"}, cameras=2)
    assert desk.all("Shoot")
    assert desk.last.silent_until == 2.0
    assert desk.wait(1.9) == []
    assert desk.rig.next_due == 2.0
    assert len(captured(desk.wait(0.2))) == 2, "the cameras fired all the same"
    desk.now = 10.0
    desk.wait(0.5)
    assert desk.rig.request({"msg_type": "Request", "msg_id": "Synchronise"}, desk.now).reply is None
    desk.wait(0.5)
    assert desk.ask("Synchronise")


def test_faults_with_a_time_concern_the_next_release() -> None:
    desk = desk_with({"at": "7s", "camera": "A01", "kind": "misfire"})
    assert [len(captured(shoot(desk))) for _ in range(4)] == [8, 8, 7, 8]


@pytest.mark.parametrize(
    ("scenario", "says"),
    [
        ("faults: [{at: 1, camera: A99, kind: lost}]", "'A99'.*A01"),
        ("cameras: {A99: {lag_ms: 1}}", "'A99'.*A01"),
        ("cameras: {A01: {lagg_ms: 1}}", "lag_ms"),
        ("cameras: {A01: {lag_ms: fast}}", "lag_ms"),
        ("cameras: {A01: {lag_ms: -1}}", "negative"),
        ("cameras: {A01: {jitter: laplace}}", "frame-uniform"),
        ("cameras: {A01: {model: Box}}", "D850"),
        ("cameras: {A01: {properties: {ISO: 101}}}", "ISO value 101.*100"),
        ("cameras: {A01: {read_only: [Iso]}}", "'Iso'.* ISO,"),
        ("cameras: [A01]", "maps names"),
        ("fault: []", "faults"),
        ("faults: {at: 1}", "list"),
        ("faults: [{at: 1, camera: A01, kind: melt}]", "misfire"),
        ("faults: [{at: 1, kind: lost}]", "'camera' is missing"),
        ("faults: [{camera: A01, kind: lost}]", "'at' is missing"),
        ("faults: [{at: 0, camera: A01, kind: lost}]", "from 1"),
        ("faults: [{at: 1.5, camera: A01, kind: lost}]", "12.5s"),
        ("faults: [{at: soon, camera: A01, kind: lost}]", "12.5s"),
        ("faults: [{at: 1, after_s: -1, camera: A01, kind: lost}]", "after_s"),
        ("faults: [{at: 1, camera: A01, kind: late, amount: -4}]", "negative"),
        ("faults: [{at: 1, camera: A01, kind: clock_step}]", "amount is missing"),
        ("faults: [{at: 1, camera: A01, kind: setting, amount: 5}]", "ISO: 400"),
        ("faults: [{at: 1, camera: A01, kind: setting, amount: {ISO: 5}}]", "ISO value"),
        ("faults: [{at: 1, camera: A01, kind: setting, amount: {Iso: 100}}]", "'Iso'.* ISO,"),
        ("faults: [lost]", "mapping"),
        ("settings: [1]", "maps names"),
        ("settings: {shot_ordre: captured}", "shot_order"),
        ("settings: {shot_order: random}", "ready_after_photo"),
        ("settings: {cameras: 3}", "cameras"),
        ("settings: {echo_origin: 1}", "echo_origin"),
        ("settings: {detect_ms: 100}", "detect_ms"),
        ("settings: {detect_ms: [1, 2, 3]}", "detect_ms"),
        ("settings: {models: [D850, 3]}", "models"),
        ("settings: {utc_offset_minutes: 1.5}", "utc_offset_minutes"),
        ("just words", "mapping"),
        ("a: [", "not YAML"),
        ("!!python/object/apply:os.system [echo]", "not YAML"),
    ],
)
def test_a_wrong_scenario_is_told_with_what_there_is(scenario: str, says: str) -> None:
    with pytest.raises((UnknownName, ValueError), match=f"(?s){says}"):
        Desk(scenario=Scenario.from_text(scenario))


def test_a_scenario_describes_cameras() -> None:
    desk = Desk(
        scenario=Scenario.from_text(
            """
            cameras:
              "*": {jitter_ms: 0, quantum_ms: 1000, detect_ms: 50}
              A02: {name: Front, group: face, model: D780, hub: left, lag_ms: 500, properties: {ISO: 51200}}
              A03: {status: Disconnected, powersource: Battery, battery_percent: 40}
            faults:
              - {at: 1, camera: A02, kind: late}
            """
        )
    )
    info = desk.info(1)
    assert (info["CameraName"], info["CameraGroup"], info["CameraModel"]) == ("Front", "face", "D780")
    assert desk.value("ISO", 1) == "51200"
    assert (desk.info(2)["CameraStatus"], desk.info(2)["CameraBatterylevel"]) == ("Disconnected", 40)
    events = shoot(desk)
    assert {event["PhotoDateCaptured"][-4:] for event in events if "PhotoDateCaptured" in event} == {".000"}
    assert desk.rig.cameras[desk.keys[1]].lag_ms == 500


def test_a_scenario_may_change_settings() -> None:
    text = "settings: {shot_order: ready_before_photo, detect_ms: [10, 20], lag_ms: 90, models: [D780, D850, D850]}"
    desk = Desk(cameras=1, scenario=Scenario.from_text(text), lag_spread_ms=0)
    assert list(desk.rig.settings.detect_ms) == [10, 20]
    assert desk.rig.cameras[desk.keys[0]].lag_ms == 90
    told = [event.get("CameraStatus") or event.get("PhotoLocation") for event in shoot(desk)]
    assert told[:3] == ["Busy", "Ready", "Camera"]


def test_the_tables_name_every_kind_and_key() -> None:
    import rigkit.sim.scenario as module

    assert all(f"\n{kind} " in (module.__doc__ or "") for kind in KINDS)
    assert "lag_ms" in CAMERA_KEYS
