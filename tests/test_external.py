"""Releases that rigkit did not fire: expected ones, and those that nobody announced. Mostly in virtual time."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pandas.testing import assert_frame_equal

import rigkit
from rigkit.account.pairing import JOIN_S
from rigkit.account.shots import Decide, Reconcile, tag_of
from rigkit.account.tables import exposure_rows, shot_rows
from rigkit.errors import RigError
from rigkit.record.layout import Layout, Place
from tests.test_account import SESSION, Bench, S
from tests.trigger_box import TriggerBox


class Hall(Bench):
    """A rig that others fire: its cameras count, and tell so after each photo."""

    def __init__(self, cameras: int = 6, groups: dict[str, list[int]] | None = None) -> None:
        super().__init__(cameras)
        self.next = [7] * cameras
        self.taken = 0
        for group, members in (groups or {}).items():
            for camera in members:
                self.say(0, "CameraUpdated", CameraKey=self.keys[camera], CameraGroup=group)

    def release(
        self, at_s: float, *, without: tuple[int, ...] = (), only: list[int] | None = None, apart_s: float = 0.01
    ) -> None:
        """Fire these cameras from outside; their news comes one after the other."""
        cameras = only if only is not None else range(len(self.keys))
        for place, camera in enumerate(one for one in cameras if one not in without):
            self.external(int((at_s + place * apart_s) * S), camera)

    def external(self, at_ns: int, camera: int, origin: str = "", **more: Any) -> str:
        """One photo from outside; return its key."""
        self.taken += 1
        batch = more.pop("PhotoBatchNum", self.next[camera])
        key = f"x{self.taken}"
        self.photo(at_ns, camera, PhotoKey=key, PhotoOrigin=origin, batch=batch, **more)
        self.next[camera] += 1
        self.say(
            at_ns + 1,
            "CameraUpdated",
            CameraKey=self.keys[camera],
            CameraStatus="Ready",
            PhotoBatchNum=self.next[camera],
        )
        return key

    def expect(
        self, at_ns: int = S, shot_id: int = 1, expected: list[int] | None = None, timeout: float = 30.0
    ) -> None:
        self.note(
            "shot",
            at_ns,
            shot_id=shot_id,
            attempt=1,
            expected=[self.keys[camera] for camera in (expected or range(len(self.keys)))],
            trigger="external",
            tag="",
            tagged=False,
            labels={},
            allowance_s=timeout,
            awaited=True,
            lasts_s=0.0,
        )

    def run_out(self, at_ns: int) -> None:
        """Carry out what the account asks for, also for the whole state, as a client does that finds nothing."""
        for _ in range(4):
            for one in self.account.tick(at_ns):
                if isinstance(one, Reconcile):
                    asked = {"camera_keys": one.camera_keys, "by": "Synchronise" if one.full else "GetCamera"}
                    self.note("reconciled", at_ns, shot_id=one.shot_id, full=one.full, **asked)
                elif isinstance(one, Decide):
                    self.note("decided", at_ns, shot_id=one.shot_id, causes=one.causes)

    def missing(self, shot_id: int) -> list[str]:
        return [key for key, one in self.account.shots[shot_id].exposures.items() if not one.exposed]

    def shots(self) -> list[tuple[int, str, int, int]]:
        return [(one.shot_id, one.trigger, len(one.exposures), one.exposed) for one in self.account.shots.values()]


# -- nobody announced it ----------------------------------------------------------------------------------------------


def test_photos_that_nobody_announced_are_one_shot():
    hall = Hall()
    hall.release(1.0)
    assert hall.shots() == [(1, "external", 6, 6)]
    row = next(shot_rows(hall.account, SESSION, simulated=True))
    assert (row["complete"], row["requested"], row["first_arrival_s"], row["tag"]) == (True, None, None, "")
    assert {one["arrival_s"] for one in exposure_rows(hall.account, hall.state, str, simulated=True)} == {None}


@pytest.mark.parametrize("every_s", [3.0, 12.0, 90.0])
@pytest.mark.parametrize("absent", [0, 2, 5])
def test_a_trigger_box_that_fires_every_few_seconds_with_a_camera_missing_once(every_s, absent):
    """The one that did not fire counts behind the others from then on; its photos still belong to what fired just now."""
    hall = Hall()
    for number in range(4):
        hall.release(1.0 + number * every_s, without=(absent,) if number == 1 else ())
    found = [shot[2:] for shot in hall.shots()]
    if absent == 0 and every_s < JOIN_S:  # the first to be heard of could be late news of the release before: see below
        assert found == [(6, 6), (6, 6), (6, 6), (6, 5)]
        return
    assert found == [(6, 6), (6, 5), (6, 6), (6, 6)]
    assert hall.missing(2) == [f"cam{absent}"]


def test_the_first_to_be_heard_of_is_late_news_only_for_so_long():
    """Undecidable from one photo: within ``JOIN_S`` it counts as late, since that is what its number says."""
    for every_s, missing in ((JOIN_S - 1.0, []), (JOIN_S + 1.0, ["cam0"])):
        hall = Hall()
        hall.release(1.0)
        hall.release(1.0 + every_s, without=(0,))
        hall.release(1.0 + 2 * every_s)
        assert hall.missing(2) == missing


def test_two_releases_half_a_second_apart_are_two_shots():
    hall = Hall()
    hall.release(1.0)
    hall.release(1.5)
    assert hall.shots() == [(1, "external", 6, 6), (2, "external", 6, 6)]


def test_two_releases_of_which_the_second_is_heard_of_before_the_first_is_through():
    hall = Hall()
    for at_s, camera in ((1.0, 0), (1.1, 1), (1.2, 2), (1.5, 0), (1.55, 3), (1.6, 1), (1.65, 4), (1.7, 3), (1.75, 5)):
        hall.external(int(at_s * S), camera)
    for at_s, camera in ((1.8, 2), (1.85, 4), (1.9, 5)):
        hall.external(int(at_s * S), camera)
    assert hall.shots() == [(1, "external", 6, 6), (2, "external", 6, 6)]


def test_a_single_stray_photo_leaves_nobody_missing():
    hall = Hall(24, {"face": [0, 1, 2], "ring": list(range(3, 24))})
    hall.release(1.0, only=[4])
    assert hall.shots() == [(1, "external", 1, 1)]


def test_half_of_a_group_stands_for_the_group_and_half_of_the_rig_for_the_rig():
    hall = Hall(24, {"face": [0, 1, 2, 3]})
    hall.release(1.0, only=[0, 2])
    assert hall.shots() == [(1, "external", 4, 2)]
    assert sorted(hall.missing(1)) == ["cam1", "cam3"]
    hall.release(60.0, only=list(range(12)))
    assert hall.shots()[1] == (2, "external", 24, 12)


def test_who_did_not_fire_is_asked_about_and_accounted():
    hall = Hall()
    hall.release(1.0, without=(4,))
    assert hall.ends() == [("captured", None)] * 4 + [("waiting", None), ("captured", None)]
    hall.run_out(20 * S)
    assert hall.ends()[4] == ("missing", "no_response")


@pytest.mark.parametrize("told_first", ["photo", "camera"])
def test_a_photo_whose_event_was_lost_is_found_by_asking(told_first):
    """Whether the camera's counter rose before or after it was expected: its photo is of the release."""
    hall = Hall()
    counted: dict[str, Any] = {
        "CameraKey": "cam5",
        "CameraStatus": "Ready",
        "PhotoBatchNum": 8,
        "CameraNumPhotosTaken": 7,
    }
    if told_first == "camera":
        hall.say(S, "CameraUpdated", **counted)
    hall.release(1.0, without=(5,))
    if told_first == "photo":
        hall.say(2 * S, "CameraUpdated", **counted)
    assert hall.missing(1) == ["cam5"]
    asked = hall.account.tick(20 * S)
    assert [type(one).__name__ for one in asked] == ["Reconcile"]
    hall.note("reconciled", 20 * S, shot_id=1, camera_keys=["cam5"], by="GetCamera")
    assert [type(one).__name__ for one in hall.account.tick(20 * S)] == ["Reconcile"], (
        "the whole state, with its photos"
    )
    info = {"PhotoKey": "lost", "CameraKey": "cam5", "PhotoLocation": "Camera", "PhotoBatchNum": 7, "PhotoOrigin": ""}
    hall.say(20 * S, "Synchronise", channel="rep", msg_type="Response", PhotoInfo=[info])
    assert hall.account.shots[1].exposures["cam5"].status == "recovered"


@pytest.mark.parametrize("batch", [1, None])
def test_what_a_state_lists_is_no_news_of_a_release(batch):
    hall = Hall()
    infos: list[dict[str, Any]] = [
        {"PhotoKey": f"old{n}", "CameraKey": key, "PhotoLocation": "Camera", "PhotoBatchNum": batch}
        for n, key in enumerate(hall.keys)
    ]
    hall.say(S, "Synchronise", channel="rep", msg_type="Response", PhotoInfo=infos)
    for n in range(6):  # ... and what is said of them later
        said: dict[str, Any] = {**infos[n], "PhotoLocation": "Local Disk"}
        hall.say(2 * S, "PhotoUpdated", **said)
    assert hall.shots() == []


def test_old_photos_that_are_imported_are_no_release():
    hall = Hall()
    for n, key in enumerate(hall.keys):
        hall.say(S, "PhotoUpdated", PhotoKey=f"i{n}", CameraKey=key, PhotoLocation="Camera", PhotoBatchNum=3)
    for where in ("Deleted", "", None, 7):
        hall.say(S, "PhotoUpdated", PhotoKey=f"d{where}", CameraKey="cam0", PhotoLocation=where, PhotoBatchNum=7)
    hall.say(S, "PhotoUpdated", PhotoKey="v", CameraKey="cam0", PhotoLocation="Camera", PhotoIsImage=False)
    hall.say(S, "PhotoUpdated", PhotoKey="n", CameraKey="nobody", PhotoLocation="Camera", PhotoBatchNum=7)
    assert hall.shots() == []


def test_batch_counters_that_have_slipped_change_nothing():
    hall = Hall()
    hall.next = [7, 7, 9, 7, 4, 7]
    for camera, number in enumerate(hall.next):
        hall.say(0, "CameraUpdated", CameraKey=hall.keys[camera], PhotoBatchNum=number)
    for at_s in (1.0, 4.0, 7.0):
        hall.release(at_s)
    assert [shot[2:] for shot in hall.shots()] == [(6, 6)] * 3
    offsets = {key: one.offset for key, one in hall.account.shots[1].exposures.items()}
    assert offsets == {"cam0": 0, "cam1": 0, "cam2": 2, "cam3": 0, "cam4": -3, "cam5": 0}


def test_an_application_that_was_restarted_may_count_from_anew():
    hall = Hall()
    hall.release(1.0)
    hall.next = [1] * 6
    infos = [{"CameraKey": key, "CameraStatus": "Ready", "PhotoBatchNum": 1} for key in hall.keys]
    hall.say(100 * S, "Synchronise", channel="rep", msg_type="Response", CameraInfo=infos, PhotoInfo=[])
    hall.release(101.0)
    assert hall.shots() == [(1, "external", 6, 6), (2, "external", 6, 6)]


def test_raw_and_jpeg_are_one_exposure_also_where_nothing_is_numbered():
    for batch in (7, None):
        hall = Hall(4)
        for key in hall.keys:
            hall.say(0, "CameraUpdated", CameraKey=key, CameraPhotosPerCapture=2, PhotoBatchNum=batch)
        for kind in ("jpg", "raw"):
            for camera in range(4):
                hall.photo(S, camera, PhotoKey=f"{kind}{camera}", PhotoOrigin="", batch=batch)  # type: ignore[arg-type]
        assert hall.shots() == [(1, "external", 4, 4)]
        assert {len(one.photos) for one in hall.account.shots[1].exposures.values()} == {2}


def test_what_another_rigkit_fires_is_a_release_by_somebody_else():
    hall = Hall()
    for camera in range(6):
        hall.external(S, camera, origin=tag_of("ffffffff", 1, 1))
    assert hall.shots() == [(1, "external", 6, 6)]
    hall.expect(60 * S, shot_id=2)
    for camera in range(6):
        hall.external(61 * S, camera, origin=tag_of("ffffffff", 2, 1))
    assert hall.shots()[1:] == [(2, "external", 6, 6)]
    hall.fire(100 * S, shot_id=3)
    hall.external(100 * S + 5, 0, origin=tag_of("ffffffff", 3, 1))
    assert not hall.account.shots[3].exposed, "never of a shot of ours"


def test_a_photo_of_a_shot_that_the_journal_has_lost_is_no_release_of_somebody_else():
    hall = Hall()
    hall.external(S, 0, origin=tag_of(SESSION, 9, 1))
    assert hall.shots() == []


def test_a_camera_that_misfired_in_an_own_shot_fires_with_the_next_release_of_somebody_else():
    hall = Hall()
    hall.fire()
    hall.say(S + 5, "CameraUpdated", CameraKey="cam5", CameraStatus="Ready", CameraNumPhotosFailed=1)
    for camera in range(5):
        hall.external(S + 6, camera, origin=tag_of(SESSION, 1, 1))
    hall.run_out(20 * S)
    assert hall.ends()[5] == ("missing", "misfire")
    hall.release(100.0)
    assert hall.shots()[1:] == [(2, "external", 6, 6)]


def test_a_late_photo_of_an_own_shot_does_not_open_another():
    hall = Hall()
    hall.fire(tagged=False, trigger="trigger")
    for camera in range(5):
        hall.external(S + 6, camera)
    hall.run_out(20 * S)
    hall.external(200 * S, 5)
    assert len(hall.shots()) == 1


def test_an_own_shot_between_two_photos_of_a_release_leaves_it_one():
    hall = Hall()
    hall.release(1.0, only=[0, 1, 2, 3])
    hall.fire(S + S // 10, shot_id=2)
    hall.release(1.2, only=[4, 5])
    assert hall.shots() == [(1, "external", 6, 6), (2, "shoot", 6, 0)]


def test_an_own_shot_of_the_same_number_keeps_it_and_the_other_goes_on_under_another():
    hall = Hall()
    hall.release(1.0, only=[0, 1, 2, 3])
    hall.fire(S + S // 10, shot_id=1)
    for camera in range(6):
        hall.photo(S + S // 10 + camera, camera, batch=8)
    hall.release(1.2, only=[4])
    assert hall.shots() == [(1, "shoot", 6, 6), (2, "external", 6, 5)]
    assert {hall.account.shot_of[f"x{n}"].shot_id for n in range(1, 6)} == {2}
    assert hall.missing(2) == ["cam5"]
    hall.run_out(30 * S)
    assert hall.ends(2)[5] == ("missing", "no_response")


# -- somebody is expected to release ----------------------------------------------------------------------------------


def test_an_expected_release_is_accounted_from_its_first_photo():
    hall = Hall()
    hall.expect()
    assert hall.account.tick(20 * S) == [], "nothing is overdue before somebody has released"
    hall.release(25.0, without=(2,))
    assert hall.account.tick(30 * S) == []
    hall.run_out(32 * S)
    assert hall.shots() == [(1, "external", 6, 5)]
    assert hall.ends()[2] == ("missing", "no_response")


def test_nothing_comes():
    hall = Hall()
    hall.expect()
    hall.run_out(33 * S)
    assert set(hall.ends()) == {("missing", "not_released")}


def test_a_release_that_comes_too_late_is_of_the_shot_that_is_expected_now():
    """Two expects one after the other, and nobody released for the first: also if that was never accounted for."""
    for decided in (True, False):
        hall = Hall()
        hall.expect()
        if decided:
            hall.run_out(33 * S)
        hall.expect(35 * S, shot_id=2)
        hall.release(36.0)
        assert hall.shots() == [(1, "external", 6, 0), (2, "external", 6, 6)]
        assert {one.pairing_method for one in hall.account.shots[2].exposures.values()} == {"batch"}


def test_a_release_long_after_one_that_never_came_is_a_shot_of_its_own():
    hall = Hall()
    hall.expect()
    hall.run_out(33 * S)
    hall.release(200.0)
    assert hall.shots() == [(1, "external", 6, 0), (2, "external", 6, 6)]


def test_who_is_released_after_all_is_not_of_what_was_given_up_and_perhaps_rejected():
    hall = Hall(4)
    hall.expect(S, timeout=2.0)
    hall.run_out(10 * S)
    assert set(hall.ends()) == {("missing", "not_released")}
    hall.release(12.0)
    assert set(hall.ends()) == {("missing", "not_released")}
    assert [one.status for one in hall.account.shots[2].exposures.values()] == ["captured"] * 4


def test_a_camera_that_stands_at_no_place_is_no_part_of_a_release():
    hall = Hall(5)
    for camera in range(5):
        hall.say(0, "CameraUpdated", CameraKey=hall.keys[camera], CameraSerialNumber=str(100 + camera))
    hall.state.layout = Layout(tuple(Place(f"F{one}", serial=str(100 + one)) for one in range(4)))
    hall.expect(S, expected=[0, 1, 2, 3])
    hall.release(2.0)
    hall.release(20.0)
    assert [len(shot.exposures) for shot in hall.account.shots.values()] == [4, 4]
    assert all(shot.complete for shot in hall.account.shots.values())


def test_a_camera_that_was_gone_before_an_expected_release_was_not_ready():
    hall = Hall(4)
    hall.say(S - 1, "CameraUpdated", CameraKey=hall.keys[3], CameraStatus="Lost")
    hall.expect(S)
    hall.release(2.0, without=(3,))
    hall.run_out(4 * S)
    assert hall.ends()[3] == ("missing", "not_ready"), "and nobody waits the usual time for it"


def test_a_camera_that_missed_an_announced_release_is_at_most_weakly_in_it_by_the_next():
    hall = Hall(4)
    hall.expect(S)
    hall.release(2.0, without=(0,))
    hall.release(3.5, only=[0, 1, 2, 3])
    first = hall.account.shots[1].exposures[hall.keys[0]]
    assert first.pairing_method == "window", "its number fits both, and it is the first to be heard of"
    hall = Hall(4)
    hall.expect(S)
    hall.release(2.0, without=(3,))
    hall.release(3.5, only=[0, 1, 2, 3])
    assert hall.account.shots[1].exposures[hall.keys[3]].status == "waiting"
    assert hall.account.shots[2].complete


def test_an_application_that_starts_again_in_the_middle_of_a_shot_is_named():
    bench = Bench(2)
    bench.fire()
    bench.say(2 * S, "CameraUpdated", CameraKey="cam0", CameraStatus="Ready", msg_seq_num=500)
    bench.say(2 * S, "CameraUpdated", CameraKey="cam0", CameraStatus="Ready", msg_seq_num=1)
    bench.run_out(20 * S)
    shot = bench.account.shots[1]
    assert {one.cause for one in shot.exposures.values()} == {"lost_during"}
    assert all("started again" in (one.detail or "") for one in shot.exposures.values())


def test_two_groups_expect_at_the_same_time():
    hall = Hall()
    hall.expect(expected=[0, 1, 2])
    hall.expect(shot_id=2, expected=[3, 4, 5])
    hall.release(3.0)
    assert hall.shots() == [(1, "external", 3, 3), (2, "external", 3, 3)]


def test_a_group_expects_and_everybody_fires():
    hall = Hall()
    hall.expect(expected=[0, 1, 2])
    hall.release(3.0)
    assert hall.shots()[0] == (1, "external", 3, 3)


def test_an_own_release_without_a_tag_while_another_is_expected_is_its_own():
    hall = Hall()
    hall.expect()
    hall.fire(2 * S, shot_id=2, tagged=False, trigger="trigger")
    hall.release(2.1)
    assert hall.shots() == [(1, "external", 6, 0), (2, "trigger", 6, 6)]
    hall.release(9.0)
    assert hall.shots() == [(1, "external", 6, 6), (2, "trigger", 6, 6)]


def test_what_an_own_shot_lacked_is_not_taken_from_what_is_expected_now():
    hall = Hall()
    hall.fire(tagged=False, trigger="trigger")
    for camera in range(5):
        hall.external(S + 6, camera)
    hall.run_out(20 * S)
    hall.expect(21 * S, shot_id=2)
    hall.release(22.0)
    assert hall.shots() == [(1, "trigger", 6, 5), (2, "external", 6, 6)]


# -- on a simulator ---------------------------------------------------------------------------------------------------


@pytest.fixture
def rig(tmp_path) -> Iterator[rigkit.Rig]:
    with rigkit.simulate(6, seed=1, session=tmp_path / "s", speed=5.0) as one:
        yield one


@pytest.fixture
def box(rig) -> Iterator[TriggerBox]:
    with TriggerBox(rig._sitting.client.request_endpoint) as one:
        yield one


def accounts(rig: rigkit.Rig) -> list[tuple[str, int, int, int]]:
    shots = rig.session.shots
    return list(zip(shots["trigger"], shots["n_expected"], shots["n_exposed"], shots["n_on_disk"], strict=True))


def heard(rig: rigkit.Rig, condition: Callable[[], bool]) -> None:
    assert rig._sitting.wait_for(condition, 10.0)


def test_an_expected_release_is_one_shot_with_its_labels(rig, box):
    with rig.expect(pose="apose", rep=1, subject="P017", wait="files") as shot:
        assert len(shot.expected) == 6
        box.fire(rig.keys)
    assert (shot.ok, shot.n_on_disk) == (True, 6)
    photos = shot.photos
    assert set(photos["pose"]) == {"apose"}
    assert set(photos["trigger"]) == {"external"}
    assert set(photos["confidence"]) == {"strong"}
    assert shot.exposures["arrival_s"].isna().all()
    with rig.expect(pose="tpose") as other:
        box.fire(rig.keys)
    assert (other.id, other.ok) == (2, True)
    live = rig.session
    rig.close()
    for name in ("shots", "exposures", "photos"):
        assert_frame_equal(getattr(rigkit.open(live.path), name), getattr(live, name))


def test_only_some_fire_and_nothing_is_fired_by_waiting(rig, box, monkeypatch):
    monkeypatch.setattr("rigkit.account.silence.FIRST_LATENCY_S", 0.5)
    monkeypatch.setattr("rigkit.account.silence.PATIENCE_S", 0.3)
    with rig.expect(timeout=1.0) as shot:
        box.fire(rig.keys[:4])
    assert (shot.n_exposed, set(shot.missing["cause"])) == (4, {"no_response"})
    with rig.expect(timeout=0.1) as nothing:
        pass
    assert set(nothing.missing["cause"]) == {"not_released"}
    assert not rig.session.requests["msg_id"].isin(["Shoot"]).any()
    assert rig.shoot().ok


def test_raw_and_jpeg_of_an_expected_release(rig, box):
    choices = rig.session.settings.xs("Quality", level="property")["choices"].iloc[0].split("; ")
    rig.set(quality=next(one for one in choices if one.startswith("RAW +")))
    with rig.expect(wait="files") as shot:
        box.fire(rig.keys)
    assert (shot.n_exposed, len(shot.photos)) == (6, 12)
    assert not shot.exposures["duplicate"].any()
    box.fire(rig.keys)
    heard(rig, lambda: 2 in rig.session.account.shots and rig.shot(2).n_on_disk == 6)
    assert len(rig.shot(2).photos) == 12


def test_an_error_in_the_block_is_raised_and_the_next_release_is_the_next_shot(rig, box):
    with pytest.raises(ZeroDivisionError), rig.expect() as shot:
        raise ZeroDivisionError
    with rig.expect(pose="again") as other:
        box.fire(rig.keys)
    assert (shot.n_exposed, other.n_exposed) == (0, 6)
    assert rig.shoot().ok, "nobody waits for what was given up"


@pytest.mark.skipif(os.name != "posix", reason="sends itself a POSIX signal")
def test_an_interrupt_while_waiting_leaves_a_working_rig(rig, box):
    main = threading.get_ident()
    timer = threading.Timer(0.2, lambda: signal.pthread_kill(main, signal.SIGINT))
    with pytest.raises(KeyboardInterrupt), rig.expect() as shot:
        timer.start()
    timer.join()
    assert rig.shoot(wait="files").ok
    with rig.expect() as other:
        box.fire(rig.keys)
    assert (shot.n_exposed, other.n_exposed) == (0, 6)


def test_a_group_and_half_pressed_buttons_expect_too(rig, box):
    ring = rig.group("face")
    with rig.half_press(), ring.expect() as shot:
        box.fire(ring.keys)
    assert (shot.ok, len(shot.expected)) == (True, len(ring))
    pressed = [one for one in map(json.loads, rig.session.requests["payload"]) if one["msg_id"] == "SetShutterButton"]
    assert [one["CameraShutterButton"] for one in pressed] == ["Half", "Off"]


def test_an_own_shot_in_the_block_is_its_own(rig, box):
    with rig.expect() as shot:
        test = rig.shoot(note="light test", wait="files")
        box.fire(rig.keys)
    assert (test.n_exposed, shot.n_exposed) == (6, 6)
    assert accounts(rig)[0][0] == "external"


def test_in_3x_too(tmp_path):
    with (
        rigkit.simulate(3, seed=1, dialect="v3", session=tmp_path / "s", speed=5.0) as rig,
        TriggerBox(rig._sitting.client.request_endpoint) as box,
    ):
        assert rig.shoot(wait="files").ok
        with rig.expect(wait="files") as shot:
            box.fire_v3(rig.keys)
        assert (shot.ok, shot.n_on_disk) == (True, 3)
        box.fire_v3(rig.keys)
        heard(rig, lambda: 3 in rig.session.account.shots and rig.shot(3).n_on_disk == 3)
        assert [one[0] for one in accounts(rig)] == ["shoot", "external", "external"]


def test_what_nobody_announced_is_a_shot_and_comes_as_any_other(rig, box):
    box.fire(rig.keys)
    heard(rig, lambda: 1 in rig.session.account.shots and rig.shot(1).n_on_disk == 6)
    box.fire(rig.keys[2:3])
    heard(rig, lambda: 2 in rig.session.account.shots and rig.shot(2).n_on_disk == 1)
    assert rig.shoot(pose="own", wait="files").id == 3
    assert accounts(rig) == [("external", 6, 6, 6), ("external", 1, 1, 1), ("shoot", 6, 6, 6)]
    rig.shot(1).label(pose="by hand").reject("blinked")
    assert set(rig.shot(1).photos["pose"]) == {"by hand"}
    assert rig.session.exposures.loc[1, "position"].to_list() == rig.session.exposures.loc[3, "position"].to_list()
    live = rig.session
    rig.close()
    for name in ("shots", "exposures", "photos", "events"):
        assert_frame_equal(getattr(rigkit.open(live.path), name), getattr(live, name))


def test_wrong_words_and_a_closed_rig_expect_nothing(rig):
    with pytest.raises(ValueError, match="'exposed', 'files' or None"), rig.expect(wait="everything"):
        pass
    with pytest.raises(RigError, match="no cameras to expect"), rig.select(status="Lost").expect():
        pass
    rig.close()
    with pytest.raises(RigError, match="closed"), rig.expect():
        pass
    assert len(rig.session.shots) == 0
