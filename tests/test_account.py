"""The account of a shot in virtual time: no sockets, no clock, every ending."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rigkit.account.fold import Account
from rigkit.account.shots import Decide, Download, Reconcile, parse_tag, tag_of
from rigkit.account.silence import BUSY_PATIENCE_S, DOWNLOAD_S, FILE_S, FIRST_LATENCY_S, PATIENCE_S, latency_s
from rigkit.account.tables import exposure_rows, photo_rows, shot_rows
from rigkit.record.causes import CAUSES
from rigkit.record.columns import TABLES, empty, frame
from rigkit.record.state import State, camera_parts, photo_parts
from rigkit.wire import Message

SESSION = "0123abcd"
S = 1_000_000_000


class Bench:
    """A session without a disk: says things to the folds at chosen times."""

    def __init__(self, cameras: int = 3) -> None:
        self.state = State()
        self.account = Account(SESSION, self.state)
        self.keys = [f"cam{number}" for number in range(cameras)]
        self.seq = 0
        infos = [
            {
                "CameraKey": key,
                "CameraStatus": "Ready",
                "PhotoBatchNum": 7,
                "CameraNumPhotosTaken": 6,
                "CameraNumPhotosFailed": 0,
            }
            for key in self.keys
        ]
        self.say(0, "GetCamera", channel="rep", msg_type="Response", CameraInfo=infos)

    def say(self, at_ns: int, msg_id: str, *, channel: str = "pub", msg_type: str = "Event", **fields: Any) -> None:
        self.seq += 1
        body = {"msg_type": msg_type, "msg_id": msg_id, "msg_seq_num": self.seq, "msg_result": True, **fields}
        message = Message(body, channel, at_ns, at_ns, number=self.seq)
        cameras, photos = camera_parts(message), photo_parts(message)
        self.state.fold(message, cameras, photos)
        self.account.fold(message, cameras, photos)
        self.check_who_is_waited_for()

    def note(self, kind: str, at_ns: int, **fields: Any) -> None:
        self.account.note(kind, json.loads(json.dumps(fields)), at_ns, at_ns)
        self.check_who_is_waited_for()

    def check_who_is_waited_for(self) -> None:
        """Whoever a shot no longer asks about must not be waited for; nor may a shot that waits be forgotten."""
        for shot in self.account.shots.values():
            for files in (False, True):
                assert shot.done(files) == (not shot.outstanding(files))
        waiting = [shot.shot_id for shot in self.account.shots.values() if shot.outstanding(files=True)]
        assert sorted(shot.shot_id for shot in self.account.open_shots()) == waiting

    def fire(self, at_ns: int = S, shot_id: int = 1, outcome: str = "accepted", **more: Any) -> None:
        fields = {"expected": self.keys, "trigger": "shoot", "tag": tag_of(SESSION, shot_id, 1), "attempt": 1, **more}
        self.note("shot", at_ns, shot_id=shot_id, **fields)
        self.note(
            "fired", at_ns, shot_id=shot_id, outcome=outcome, msg_seq_num=1, sent_mono_ns=at_ns, sent_wall_ns=at_ns
        )

    def photo(
        self, at_ns: int, camera: int, *, shot_id: int = 1, batch: int = 7, where: str = "Camera", **more: Any
    ) -> None:
        fields = {
            "PhotoKey": f"p{shot_id}-{camera}-{batch}",
            "CameraKey": self.keys[camera],
            "PhotoLocation": where,
            "PhotoBatchNum": batch,
            "PhotoOrigin": tag_of(SESSION, shot_id, 1),
            "PhotoFilesize": 1000,
            **more,
        }
        self.say(at_ns, "PhotoUpdated", **fields)

    def run_out(self, at_ns: int) -> None:
        """Carry out what the account asks for, as a client does that finds nothing."""
        for _ in range(3):
            for instruction in self.account.tick(at_ns, files=True):
                if isinstance(instruction, Reconcile):
                    self.note(
                        "reconciled",
                        at_ns,
                        shot_id=instruction.shot_id,
                        camera_keys=instruction.camera_keys,
                        by="GetCamera",
                    )
                elif isinstance(instruction, Decide):
                    self.note("decided", at_ns, shot_id=instruction.shot_id, causes=instruction.causes)
                elif isinstance(instruction, Download):
                    self.note(
                        "download",
                        at_ns,
                        shot_id=instruction.shot_id,
                        camera_keys=instruction.camera_keys,
                        photo_keys=[],
                    )

    def ends(self, shot_id: int = 1) -> list[tuple[str, str | None]]:
        return [(one.status, one.cause) for one in self.account.shots[shot_id].exposures.values()]


def test_all_there():
    bench = Bench()
    bench.fire()
    for camera in range(3):
        bench.photo(S + S // 10, camera)
    shot = bench.account.shots[1]
    assert shot.done(files=False)
    assert not shot.done(files=True)
    for camera in range(3):
        bench.photo(2 * S, camera, where="Local Disk")
    assert shot.done(files=True)
    assert (shot.exposed, shot.on_disk, shot.complete) == (3, 3, True)
    assert bench.account.tick(100 * S) == []


def test_silence_is_asked_about_and_then_accounted():
    bench = Bench()
    bench.fire()
    bench.photo(S + 1, 0)
    deadline = S + int((FIRST_LATENCY_S + PATIENCE_S) * S)
    assert bench.account.tick(deadline - 1) == []
    assert bench.account.tick(deadline) == [Reconcile(1, ("cam1", "cam2"))]
    bench.run_out(deadline)
    assert bench.ends() == [("captured", None), ("missing", "no_response"), ("missing", "no_response")]


def test_a_photo_found_by_asking_is_recovered():
    bench = Bench()
    bench.fire()
    info = {"PhotoKey": "p", "CameraKey": "cam1", "PhotoLocation": "Local Disk", "PhotoOrigin": tag_of(SESSION, 1, 1)}
    bench.say(9 * S, "Synchronise", channel="rep", msg_type="Response", PhotoInfo=[info])
    assert bench.ends()[1] == ("recovered", None)


def test_a_failed_photo_is_a_misfire_well_before_the_deadline():
    bench = Bench()
    bench.fire()
    bench.say(S + S // 5, "CameraUpdated", CameraKey="cam0", CameraStatus="Ready", CameraNumPhotosFailed=1)
    bench.run_out(S + S // 5 + int(PATIENCE_S * S))
    assert bench.ends()[0] == ("missing", "misfire")
    assert bench.ends()[1] == ("waiting", None)


@pytest.mark.parametrize("status", ["Lost", "Absent", "Disconnected", "Error"])
def test_a_camera_that_goes_away_is_lost_during(status):
    bench = Bench()
    bench.fire()
    bench.say(S + 5, "CameraUpdated", CameraKey="cam0", CameraStatus=status)
    bench.run_out(S + 5 + int(PATIENCE_S * S))
    assert bench.ends()[0] == ("missing", "lost_during")


def test_a_camera_that_was_not_ready_is_missing_at_once():
    bench = Bench()
    bench.fire(not_ready={"cam2": ("not_ready", "Lost")})
    assert bench.ends()[2] == ("missing", "not_ready")
    assert bench.account.shots[1].exposures["cam2"].detail == "Lost"


def test_a_refused_release_fired_nothing():
    bench = Bench()
    bench.fire(outcome="refused")
    assert bench.ends() == [("missing", "refused")] * 3


def test_an_undelivered_release_fired_nothing_and_an_unanswered_one_may_have():
    bench = Bench()
    bench.fire(outcome="undelivered")
    assert bench.ends() == [("missing", "not_sent")] * 3
    bench.fire(10 * S, shot_id=2, outcome="unknown")
    bench.photo(10 * S + 5, 1, shot_id=2)
    bench.run_out(20 * S)
    assert bench.ends(2) == [("missing", "unknown"), ("captured", None), ("missing", "unknown")]


def test_a_late_photo_is_taken_in_and_marked():
    bench = Bench()
    bench.fire()
    bench.run_out(20 * S)
    bench.photo(30 * S, 0)
    exposure = bench.account.shots[1].exposures["cam0"]
    assert (exposure.status, exposure.late, exposure.cause) == ("captured", True, None)


def test_raw_and_jpeg_are_one_exposure_and_two_batches_are_a_duplicate():
    bench = Bench()
    bench.fire()
    bench.photo(S + 1, 0)
    bench.photo(S + 2, 0, PhotoKey="raw")
    exposure = bench.account.shots[1].exposures["cam0"]
    assert (len(exposure.photos), exposure.duplicate) == (2, False)
    bench.photo(S + 3, 0, batch=8)
    assert exposure.duplicate


def test_a_raw_that_is_still_to_come_is_waited_for():
    bench = Bench(1)
    bench.state.cameras["cam0"].info["CameraPhotosPerCapture"] = 2
    bench.fire()
    bench.photo(S + 1, 0, where="Local Disk")
    shot = bench.account.shots[1]
    assert (shot.exposed, shot.on_disk, shot.done(files=True)) == (1, 0, False)
    bench.photo(S + 2, 0, PhotoKey="raw", where="Local Disk")
    assert shot.done(files=True)


def test_without_echo_the_batch_number_pairs():
    bench = Bench()
    bench.fire()
    bench.photo(S + 1, 0, PhotoOrigin="api")
    bench.photo(S + 1, 1, PhotoOrigin="", batch=99)
    first, second = list(bench.account.shots[1].exposures.values())[:2]
    assert (first.status, first.pairing_method) == ("captured", "batch")
    assert second.status == "waiting"


def test_without_any_number_the_time_pairs_and_only_after_the_release():
    bench = Bench()
    for key in bench.keys:
        del bench.state.cameras[key].info["PhotoBatchNum"]
    bench.say(S // 2, "PhotoUpdated", PhotoKey="before", CameraKey="cam0")
    bench.fire()
    bench.say(S + 1, "PhotoUpdated", PhotoKey="after", CameraKey="cam0")
    bench.say(S + 2, "PhotoUpdated", PhotoKey="before", CameraKey="cam0", PhotoLocation="Local Disk")
    exposure = bench.account.shots[1].exposures["cam0"]
    assert list(exposure.photos) == ["after"]
    assert exposure.pairing_method == "window"


def test_where_tags_come_back_an_untagged_photo_is_somebody_elses():
    bench = Bench()
    bench.fire()
    bench.photo(S + 1, 0)
    bench.photo(S + 2, 1, PhotoOrigin="ui")
    assert bench.ends()[1] == ("waiting", None)


def test_tags_of_other_sessions_are_not_ours():
    bench = Bench()
    bench.fire()
    bench.photo(S + 1, 0, PhotoOrigin=tag_of("ffffffff", 1, 1))
    assert bench.ends()[0] == ("waiting", None)
    assert parse_tag("rk:ffffffff:1:1") == ("ffffffff", 1, 1)
    assert parse_tag("rk:ffffffff:1") is None
    assert parse_tag(7) is None


def test_a_late_photo_of_an_attempt_before_does_not_stand_for_this_one():
    bench = Bench(1)
    bench.fire()
    bench.run_out(20 * S)
    again = {"shot_id": 1, "attempt": 2, "expected": bench.keys, "trigger": "shoot", "tag": tag_of(SESSION, 1, 2)}
    bench.note("attempt", 30 * S, **again)
    bench.note("fired", 30 * S, shot_id=1, outcome="accepted", msg_seq_num=2, sent_mono_ns=30 * S, sent_wall_ns=30 * S)
    bench.photo(30 * S + 1, 0)
    exposure = bench.account.shots[1].exposures["cam0"]
    assert (exposure.status, exposure.attempt) == ("waiting", 2)
    assert bench.account.shot_of["p1-0-7"].attempt == 1
    bench.photo(31 * S, 0, PhotoKey="second", batch=8, PhotoOrigin=tag_of(SESSION, 1, 2))
    assert (exposure.status, exposure.attempt, exposure.duplicate) == ("captured", 2, True)
    assert list(exposure.photos) == ["second"]


def test_a_late_photo_of_an_attempt_before_is_better_than_none():
    for late_after_decision in (False, True):
        bench = Bench(1)
        bench.fire()
        bench.run_out(20 * S)
        again = {"shot_id": 1, "attempt": 2, "expected": bench.keys, "trigger": "shoot", "tag": tag_of(SESSION, 1, 2)}
        bench.note("attempt", 30 * S, **again)
        bench.note("fired", 30 * S, shot_id=1, outcome="accepted", msg_seq_num=2, sent_mono_ns=30 * S, sent_wall_ns=0)
        if late_after_decision:
            bench.run_out(60 * S)
            bench.photo(61 * S, 0)
        else:
            bench.photo(31 * S, 0)
            bench.run_out(60 * S)
        exposure = bench.account.shots[1].exposures["cam0"]
        assert (exposure.status, exposure.attempt, exposure.late) == ("captured", 1, True)


def test_an_untagged_photo_long_after_is_somebody_elses():
    bench = Bench(2)
    bench.fire()
    bench.run_out(20 * S)
    bench.photo(40 * S, 0, PhotoOrigin="")
    bench.photo(200 * S, 1, PhotoOrigin="")
    assert bench.ends() == [("captured", None), ("missing", "no_response")]


def test_an_untagged_photo_of_a_camera_that_misfired_is_somebody_elses():
    bench = Bench(1)
    bench.fire()
    bench.say(S + 5, "CameraUpdated", CameraKey="cam0", CameraStatus="Ready", CameraNumPhotosFailed=1)
    bench.run_out(5 * S)
    bench.photo(10 * S, 0, PhotoOrigin="")
    assert bench.ends() == [("missing", "misfire")]


def test_nobody_answering_is_not_the_same_as_nothing_found():
    bench = Bench(1)
    bench.fire()
    bench.note("reconciled", 10 * S, shot_id=1, camera_keys=["cam0"], by=None, answered=False, full=False)
    assert bench.account.tick(10 * S) == [
        Decide(1, {"cam0": ("unknown", "the application did not answer when asked about it")})
    ]


def test_where_a_file_is_is_asked_before_it_is_fetched_and_before_it_is_given_up():
    bench = Bench(1)
    bench.fire()
    bench.photo(S, 0)
    said: list[str] = []
    for second in range(1, 80):
        for instruction in bench.account.tick(second * S, files=True):
            said.append(type(instruction).__name__)
            if isinstance(instruction, Reconcile):
                note = {"shot_id": 1, "camera_keys": ["cam0"], "by": "Synchronise", "answered": True, "full": True}
                bench.note("reconciled", second * S, **note)
                assert instruction.full
            elif isinstance(instruction, Download):
                bench.note("download", second * S, shot_id=1, camera_keys=["cam0"], photo_keys=["p1-0-7"])
            elif isinstance(instruction, Decide):
                bench.note("decided", second * S, shot_id=1, causes=instruction.causes)
    before, after = said[: said.index("Download")], said[said.index("Download") + 1 :]
    assert set(before) == {"Reconcile"}
    assert len(before) == pytest.approx(DOWNLOAD_S / FILE_S, abs=1)
    assert after[-1] == "Decide"
    assert set(after[:-1]) == {"Reconcile"}
    assert bench.ends() == [("captured", "pending")]


def test_photos_left_on_the_card_are_asked_for_when_files_are_wanted():
    bench = Bench(1)
    bench.say(1, "OptionsUpdated", DefaultStorage="Card")
    bench.fire()
    bench.photo(S + 1, 0)
    assert bench.account.tick(S + 2, files=False) == []
    assert bench.account.tick(S + 2, files=True) == [Download(1, ("p1-0-7",), ("cam0",))]


def test_a_file_that_never_comes_is_asked_for_once_more_and_then_accounted():
    bench = Bench(1)
    bench.fire()
    bench.photo(S, 0)
    assert bench.account.tick(2 * S, files=True) == []
    bench.run_out(S + int(DOWNLOAD_S * S))
    bench.run_out(S + int(2 * DOWNLOAD_S * S))
    assert bench.ends() == [("captured", "pending")]
    assert bench.account.shots[1].done(files=True)
    bench.photo(100 * S, 0, where="Local Disk")
    assert bench.ends() == [("captured", None)]


def test_a_failed_download_is_asked_for_at_once():
    bench = Bench(1)
    bench.state.cameras["cam0"].info["CameraNumDownloadsFailed"] = 0
    bench.fire()
    bench.photo(S + 1, 0)
    bench.say(S + 2, "CameraUpdated", CameraKey="cam0", CameraStatus="Ready", CameraNumDownloadsFailed=1)
    assert bench.account.tick(S + 3, files=True) == [Download(1, ("p1-0-7",), ("cam0",))]


def test_patience_is_learned_and_bounded():
    bench = Bench(1)
    for shot_id in range(1, 5):
        start = shot_id * 100 * S
        bench.fire(start, shot_id=shot_id)
        bench.photo(start + 2 * S, 0, shot_id=shot_id, batch=6 + shot_id)
    assert latency_s(bench.account, "cam0") == pytest.approx(3.0)
    bench.fire(900 * S, shot_id=9)
    assert bench.account.tick(900 * S + int(3.9 * S)) == []
    assert bench.account.tick(900 * S + int(4.1 * S)) == [Reconcile(9, ("cam0",))]


def test_a_long_exposure_is_waited_for():
    bench = Bench(1)
    bench.fire(allowance_s=30.0)
    assert bench.account.tick(S + 30 * S) == []
    assert bench.account.tick(S + 37 * S) == [Reconcile(1, ("cam0",))]


def test_a_busy_camera_gets_more_time_and_is_asked_once_more_before_anything_is_decided():
    bench = Bench(1)
    bench.fire()
    bench.note("reconciled", 7 * S, shot_id=1, camera_keys=["cam0"], by=None, answered=True, full=False)
    bench.say(7 * S, "CameraUpdated", CameraKey="cam0", CameraStatus="Busy")
    assert bench.account.tick(8 * S) == []
    late = 7 * S + int(BUSY_PATIENCE_S * S)
    assert bench.account.tick(late) == [Reconcile(1, ("cam0",), full=True)]
    bench.note("reconciled", late, shot_id=1, camera_keys=["cam0"], by="Synchronise", answered=True, full=True)
    assert bench.account.tick(late) == [Decide(1, {"cam0": ("no_response", "Busy")})]


def test_a_camera_that_counted_a_photo_is_asked_about_in_full_before_it_is_given_up():
    bench = Bench(1)
    bench.fire()
    bench.note("reconciled", 7 * S, shot_id=1, camera_keys=["cam0"], by=None, answered=True, full=False)
    bench.say(8 * S, "CameraUpdated", CameraKey="cam0", CameraStatus="Ready", CameraNumPhotosTaken=7)
    assert bench.account.tick(8 * S) == [Reconcile(1, ("cam0",), full=True)]
    bench.note("reconciled", 8 * S, shot_id=1, camera_keys=["cam0"], by="Synchronise", answered=True, full=True)
    assert bench.account.tick(8 * S) == [Decide(1, {"cam0": ("no_response", "Ready")})]


photos = st.tuples(
    st.integers(0, 2),
    st.sampled_from([7, 8]),
    st.sampled_from(["Camera", "Local Disk"]),
    st.sampled_from(["pub", "rep"]),
)


@given(st.permutations(list(range(6))), st.lists(photos, min_size=6, max_size=6))
def test_order_and_repetition_do_not_change_who_exposed(order, said):
    """Whatever order the news comes in, and however often, the same cameras are accounted as exposed."""

    def run(sequence: list[int]) -> list[tuple[bool, int]]:
        bench = Bench()
        bench.fire()
        for step, at in enumerate(sequence):
            camera, batch, where, _ = said[at]
            bench.photo(2 * S + step, camera, batch=batch, where=where)
        return [(one.exposed, len(one.photos)) for one in bench.account.shots[1].exposures.values()]

    assert run(list(range(6))) == run(list(order)) == run([*order, *order])


def test_rows_fit_the_declared_tables_and_empty_ones_have_the_same_shape():
    bench = Bench()
    bench.fire(labels={"pose": "apose", "rep": 2})
    bench.photo(S + S // 4, 0, where="Local Disk")
    bench.run_out(60 * S)
    tables = {
        "exposures": frame("exposures", exposure_rows(bench.account, bench.state, str, True)),
        "shots": frame("shots", shot_rows(bench.account, SESSION, True)),
        "photos": frame(
            "photos",
            photo_rows(bench.account, bench.state, str, True, lambda names, _: [(None, "unreachable")] * len(names)),
        ),
    }
    for name, table in tables.items():
        assert list(table.dtypes) == list(empty(name).dtypes)
        assert table.columns.equals(empty(name).columns)
        assert table.index.names == empty(name).index.names
    exposures = tables["exposures"]
    assert exposures.loc[(1, "cam0"), "arrival_s"] == pytest.approx(0.25)
    assert list(exposures["pose"]) == ["apose"] * 3
    assert list(exposures["cause"].dropna()) == ["no_response"] * 2
    assert tables["shots"].loc[1, "n_exposed"] == 1
    assert tables["photos"].iloc[0]["shot_id"] == 1
    assert set(TABLES) >= set(tables)


def test_every_cause_that_the_account_gives_is_in_the_table_of_causes():
    import ast
    import inspect

    from rigkit.account import fold, silence

    words = {
        node.value
        for node in (*ast.walk(ast.parse(inspect.getsource(fold))), *ast.walk(ast.parse(inspect.getsource(silence))))
        if isinstance(node, ast.Constant) and node.value in CAUSES
    }
    assert {
        "misfire",
        "lost_during",
        "no_response",
        "unknown",
        "pending",
        "download_failed",
        "refused",
        "not_sent",
    } <= words


def rows_of(bench: Bench) -> list[dict[str, Any]]:
    return list(exposure_rows(bench.account, bench.state, str, False))


def test_a_photo_found_by_asking_says_how():
    bench = Bench(2)
    bench.fire()
    bench.photo(2 * S, 0)
    info = {"PhotoKey": "late", "CameraKey": "cam1", "PhotoBatchNum": 7, "PhotoOrigin": tag_of(SESSION, 1, 1)}
    # A 3.x application answers by an event.
    bench.say(8 * S, "Synchronise", PhotoInfo=[{**info, "PhotoLocation": "Camera"}])
    heard, found = rows_of(bench)
    assert (heard["status"], heard["detail"], heard["confidence"]) == ("captured", None, "certain")
    assert (found["status"], found["detail"], found["late"]) == ("recovered", "found by Synchronise", False)
    assert "cam1" not in bench.account.arrivals, "when it was asked about says nothing of how long it takes"


def test_a_counter_that_slips_is_said_where_it_happens_and_once():
    bench = Bench(4)
    for shot_id, batches in ((1, (7, 7, 7, 7)), (2, (8, 8, 8, 9)), (3, (9, 9, 9, 10)), (4, (10, 10, 10, 10))):
        bench.fire(shot_id * 10 * S, shot_id)
        for camera, batch in enumerate(batches):
            bench.photo(shot_id * 10 * S + S, camera, shot_id=shot_id, batch=batch)
    slips = [
        (row["shot_id"], row["camera_key"], row["detail"]) for row in rows_of(bench) if row["cause"] == "batch_slip"
    ]
    assert slips == [(2, "cam3", "batch 9, most have 8")]


def test_two_exposures_of_one_camera_are_said():
    bench = Bench(3)
    bench.fire()
    for camera in range(3):
        bench.photo(2 * S, camera, where="Local Disk")
    bench.photo(3 * S, 1, batch=8, where="Local Disk")
    assert [(row["cause"], row["duplicate"]) for row in rows_of(bench)] == [
        (None, False),
        ("duplicate", True),
        (None, False),
    ]


@pytest.mark.parametrize(
    ("failed", "common"),
    [
        ({0, 1, 2, 3}, "group left (4 of 4)"),
        ({0, 1, 2, 11}, None),  # three of four, and one elsewhere: 1 in 16 by chance
        ({0, 1}, None),
        (set(range(12)), None),
    ],
)
def test_what_the_failed_have_in_common(failed, common):
    bench = Bench(12)
    for number, key in enumerate(bench.keys):
        bench.say(0, "CameraUpdated", CameraKey=key, CameraGroup="left" if number < 4 else "right", NodeKey="one")
    bench.fire()
    for camera in set(range(12)) - failed:
        bench.photo(2 * S, camera)
    bench.run_out(100 * S)
    rows = rows_of(bench)
    assert [row["status"] for row in rows].count("missing") == len(failed)
    assert {row["common_cause"] for row in rows if row["status"] == "missing"} == {common}
    assert {row["common_cause"] for row in rows if row["status"] != "missing"} <= {None}


def test_a_camera_that_fails_again_while_it_writes_to_its_card():
    bench = Bench(2)
    storage = [{"CameraPropertyType": "Storage", "CameraPropertyValue": "Card"}]
    bench.say(0, "CameraUpdated", CameraKey="cam1", CameraPropertyInfo=storage)
    causes = []
    for shot_id in (1, 2, 3):
        at = shot_id * 100 * S
        bench.fire(at, shot_id)
        bench.photo(at + S, 0, shot_id=shot_id, batch=6 + shot_id, where="Local Disk")
        bench.say(at + S, "CameraUpdated", CameraKey="cam1", CameraNumPhotosFailed=shot_id)
        bench.run_out(at + 50 * S)
        causes.append(rows_of(bench)[-1]["cause"])
    assert causes == ["misfire", "storage", "storage"]


def test_a_reshoot_in_vain_falls_back_to_all_photos_of_the_attempt_before():
    bench = Bench(1)
    bench.say(0, "CameraUpdated", CameraKey="cam0", CameraPhotosPerCapture=2)
    bench.fire(trigger="press")
    bench.note("decided", 9 * S, shot_id=1, causes={"cam0": ("no_response", "Ready")})
    fields = {"shot_id": 1, "attempt": 2, "expected": ["cam0"], "tag": tag_of(SESSION, 1, 2), "trigger": "press"}
    bench.note("attempt", 20 * S, **fields)
    note = {"shot_id": 1, "msg_seq_num": 2, "sent_mono_ns": 20 * S, "sent_wall_ns": 20 * S}
    bench.note("fired", 20 * S, outcome="undelivered", **note)
    for key in ("raw", "jpeg"):
        bench.photo(21 * S, 0, PhotoKey=key, PhotoOrigin=tag_of(SESSION, 1, 1))
    row = rows_of(bench)[0]
    assert (row["status"], row["attempt"], row["n_photos"], row["arrival_s"]) == ("captured", 1, 2, 20.0)


def test_a_reshoot_that_is_refused_says_nothing_of_cameras_still_waited_for():
    bench = Bench(2)
    bench.fire()
    bench.note("decided", 9 * S, shot_id=1, causes={"cam0": ("no_response", "Ready")})
    fields = {"shot_id": 1, "attempt": 2, "expected": ["cam0"], "tag": tag_of(SESSION, 1, 2), "trigger": "shoot"}
    bench.note("attempt", 20 * S, **fields)
    note = {"shot_id": 1, "msg_seq_num": 2, "sent_mono_ns": 20 * S, "sent_wall_ns": 20 * S}
    bench.note("fired", 20 * S, outcome="refused", **note)
    assert [(row["status"], row["cause"], row["detail"]) for row in rows_of(bench)] == [
        ("missing", "no_response", "Ready; attempt 2 was refused"),
        ("waiting", None, None),
    ]


def test_a_reshoot_that_is_refused_leaves_open_whether_the_attempt_before_fired():
    bench = Bench(1)
    bench.fire(outcome="unknown")
    bench.note("decided", 9 * S, shot_id=1, causes={"cam0": ("unknown", "the release was not answered")})
    for attempt in (2, 3):
        fields = {"shot_id": 1, "attempt": attempt, "expected": ["cam0"], "tag": "", "trigger": "shoot"}
        bench.note("attempt", 20 * S, **fields)
        note = {"shot_id": 1, "msg_seq_num": 2, "sent_mono_ns": 20 * S, "sent_wall_ns": 20 * S}
        bench.note("fired", 20 * S, outcome="refused", **note)
    assert [(row["status"], row["cause"]) for row in rows_of(bench)] == [("missing", "unknown")]


@pytest.mark.parametrize("at_ns", [-50 * S, 500 * S])
def test_a_batch_number_pairs_after_any_time_and_any_boot_while_it_is_waited_for(at_ns: int):
    bench = Bench(3)
    bench.fire(trigger="press")
    bench.photo(2 * S, 0, PhotoOrigin="ui")
    bench.note("decided", 9 * S, shot_id=1, causes={"cam1": ("no_response", "Ready")})
    for camera in (1, 2):
        bench.photo(at_ns, camera, PhotoOrigin="ui")
    assert [row["status"] for row in rows_of(bench)] == ["captured", "missing", "captured"]


def test_what_nobody_could_be_asked_about_is_told_by_its_number_later():
    bench = Bench(1)
    bench.fire(trigger="press")
    bench.note("decided", 9 * S, shot_id=1, causes={"cam0": ("unknown", "the application did not answer")})
    bench.photo(500 * S, 0, PhotoOrigin="ui")
    assert [(row["status"], row["late"]) for row in rows_of(bench)] == [("captured", True)]


def reshot(bench: Bench) -> None:
    """Have a photo whose file never came taken again by Reshoot, which carries no tag."""
    bench.fire()
    for camera in range(3):
        bench.photo(2 * S, camera, where="Camera" if camera == 1 else "Local Disk")
    bench.note("decided", 60 * S, shot_id=1, causes={"cam1": ("download_failed", "")})
    bench.say(61 * S, "CameraUpdated", CameraKey="cam1", PhotoBatchNum=8)
    fields = {"shot_id": 1, "attempt": 2, "expected": ["cam1"], "tag": tag_of(SESSION, 1, 2), "tagged": False}
    bench.note("attempt", 70 * S, trigger="shoot", **fields)
    note = {"shot_id": 1, "outcome": "accepted", "msg_seq_num": 2, "sent_mono_ns": 70 * S, "sent_wall_ns": 70 * S}
    bench.note("fired", 70 * S, **note)


@pytest.mark.parametrize("origin", ["ui", tag_of(SESSION, 1, 1)])
def test_a_photo_taken_again_takes_the_place_of_the_one_without_a_file(origin):
    bench = Bench(3)
    reshot(bench)
    bench.photo(71 * S, 1, where="Deleted")
    bench.photo(72 * S, 1, batch=8, where="Local Disk", PhotoOrigin=origin)
    row = rows_of(bench)[1]
    assert (row["status"], row["attempt"], row["batch_num"]) == ("captured", 2, 8)
    assert (row["duplicate"], row["n_photos"], row["n_files"], row["cause"]) == (False, 1, 1, "batch_slip")


def test_a_photo_taken_again_in_vain_leaves_the_first_one():
    bench = Bench(3)
    reshot(bench)
    bench.run_out(200 * S)
    row = rows_of(bench)[1]
    assert (row["status"], row["attempt"], row["n_photos"], row["n_files"]) == ("captured", 1, 1, 0)


def test_where_two_shots_wait_for_one_number_the_photo_is_the_first_ones_and_not_for_sure():
    bench = Bench(2)
    for shot_id in (1, 2):  # the counter was not heard of in between
        bench.fire(shot_id * 10 * S, shot_id, trigger="press")
    bench.photo(21 * S, 0, shot_id=1, PhotoOrigin="ui")
    first, _, second, _ = rows_of(bench)
    assert (first["status"], first["pairing_method"], first["confidence"]) == ("captured", "window", "weak")
    assert second["status"] == "waiting"


def test_after_a_reshoot_of_unknown_end_the_first_photos_file_is_in_doubt():
    bench = Bench(3)
    reshot(bench)
    bench.photo(71 * S, 1, where="Local Disk")  # it had come after all, before the new one took its name
    bench.note("decided", 80 * S, shot_id=1, causes={"cam1": ("unknown", "nobody answered")})
    row = rows_of(bench)[1]
    assert (row["status"], row["attempt"], row["n_photos"], row["cause"]) == ("captured", 1, 1, "unknown")
    assert "may have taken its file's place" in row["detail"]
