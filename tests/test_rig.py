"""The user's lines, on a real simulator over real sockets."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import psutil
import pytest
from pandas.testing import assert_frame_equal
from PIL import Image

import rigkit
from rigkit.errors import Incomplete, NotReady, SessionError, UnknownName

TABLES = ("events", "requests", "cameras", "settings", "shots", "exposures", "photos", "loss")


@pytest.fixture
def rig(tmp_path):
    with rigkit.simulate(cameras=8, seed=1, session=tmp_path / "sitting") as one:
        yield one


def test_the_lines_of_the_readme(tmp_path, monkeypatch, no_leaks):
    monkeypatch.chdir(tmp_path)
    with rigkit.simulate(cameras=8, seed=1) as rig:
        shot = rig.shoot(wait="files")
        assert len(shot.photos) == 8
        assert shot.ok
        for path in shot.photos["path"]:
            with Image.open(path) as image:
                assert image.format == "JPEG"
                image.load()
    photos, exposures = rig.session.photos, rig.session.exposures  # closing reads files that were not read yet
    assert rig.session.path.parent == tmp_path / "scans"
    again = rigkit.open(rig.session.path)
    assert_frame_equal(again.photos, photos)
    assert_frame_equal(again.exposures, exposures)


def test_every_table_of_the_live_session_equals_that_of_the_reopened_one(rig):
    rig.set(iso=200)
    rig.shoot(pose="apose", subject="P017", rep=1, note="first", wait="files")
    rig["A01", "A05"].shoot(pose="hands", wait="files")
    rig.close()
    again = rigkit.open(rig.session.path)
    for name in TABLES:
        assert_frame_equal(getattr(again, name), getattr(rig.session, name))
        assert len(getattr(again, name)) or name == "loss"


def test_exposures_are_dense_and_labelled(rig):
    rig.shoot(pose="apose", subject="P017", rep=2, wait="files")
    exposures = rig.session.exposures
    assert list(exposures.index.get_level_values("shot_id").unique()) == [1]
    assert sorted(exposures["position"]) == [f"A{number:02d}" for number in range(1, 9)]
    assert set(exposures["pose"]) == {"apose"}
    assert set(exposures["subject"]) == {"P017"}
    assert set(exposures["rep"]) == {2}
    assert set(exposures["status"]) == {"captured"}
    assert set(exposures["pairing_method"]) == {"origin"}
    assert exposures["simulated"].all()
    assert (exposures["arrival_s"] > 0).all()
    assert (exposures["on_disk_s"] >= exposures["arrival_s"]).all()
    assert len(exposures.groupby("position")) == 8


def test_photos_are_where_they_say_and_as_large_as_they_say(rig):
    shot = rig.shoot(wait="files")
    for _, photo in shot.photos.iterrows():
        assert photo["path_state"] == "here"
        assert Path(photo["path"]).stat().st_size == photo["size_bytes"]
        assert Path(photo["path"]).is_relative_to(rig.session.path)


def test_a_file_that_comes_later_is_noticed_without_a_message(rig):
    shot = rig.shoot(wait="files")
    path = Path(shot.photos["path"].iloc[0])
    away = path.with_suffix(".away")
    path.rename(away)
    before = len(rig.session.log)
    rig.session._cache.clear()
    assert list(rig.session.photos["path_state"]).count("missing") == 1
    away.rename(path)
    assert set(rig.session.photos["path_state"]) == {"here"}
    assert len(rig.session.log) == before, "nothing was said in between"


def test_a_camera_that_was_unplugged_is_accounted(tmp_path):
    lost = {"faults": [{"kind": "lost", "camera": "A03", "at": "0.2s"}]}
    with rigkit.simulate(cameras=4, seed=1, scenario=lost, session=tmp_path / "s") as rig:
        wait_until(rig, lambda: rig["A03"].cameras["status"].iloc[0] == "Lost")
        with pytest.raises(NotReady, match=r"A03 \(Lost\)"):
            rig.shoot(ready_timeout=0.3)
        assert len(rig.session.shots) == 0
        shot = rig.shoot(anyway=True, wait="files")
        assert not shot.ok
        assert repr(shot) == "Shot 1: 3/4 exposed, 3/4 on disk; A03 missing: not_ready (Lost)"
        assert list(shot.missing["position"]) == ["A03"]
        assert list(shot.missing["cause"]) == ["not_ready"]
        with pytest.raises(Incomplete, match="A03: not_ready"):
            shot.check()
        assert len(shot.expected) == 4
        assert rig.without("A03", reason="no power").shoot().ok


def test_the_record_of_a_shot_is_brought_to_the_disk_also_if_nobody_waits_for_it(rig, monkeypatch):
    rig._sitting.wait_for(lambda: False, 0.1)
    shot = rig.shoot(wait=None)
    synced: list[bool] = []
    monkeypatch.setattr(rig.session.log, "sync", lambda: synced.append(shot.done))
    rig._sitting.wait_for(lambda: bool(synced), 10.0)  # for something else altogether
    assert synced == [True]


def test_what_all_that_is_missing_has_in_common_is_named(tmp_path):
    down = {"faults": [{"kind": "hub_down", "camera": "A03", "at": "0.2s"}]}
    with rigkit.simulate(cameras=12, seed=1, scenario=down, session=tmp_path / "s") as rig:
        wait_until(rig, lambda: (rig.cameras["status"] == "Lost").sum() == 8)
        shot = rig.shoot(anyway=True, wait="files")
        assert set(shot.missing["common_cause"]) == {"group A (8 of 8)"}
        assert repr(shot).endswith("A07, A08 missing: not_ready (Lost; group A (8 of 8))")


def test_only_the_missing_cameras_are_fired_again(tmp_path):
    misfire = {"faults": [{"kind": "misfire", "camera": "A02", "at": 1}]}
    with rigkit.simulate(cameras=4, seed=1, scenario=misfire, session=tmp_path / "s") as rig:
        shot = rig.shoot(pose="apose", wait="files")
        assert list(shot.missing["position"]) == ["A02"]
        assert list(shot.missing["cause"]) == ["misfire"]
        with pytest.warns(RuntimeWarning, match="A02 will show another instant"):
            shot.reshoot(wait="files").check()
        assert shot.id == 1
        assert sorted(zip(shot.exposures["position"], shot.exposures["attempt"], strict=True)) == [
            *[("A01", 1), ("A02", 2), ("A03", 1), ("A04", 1)]
        ]
        assert len(shot.photos) == 4
        requests = rig.session.requests
        assert list(requests["msg_id"]).count("Shoot") == 2
        assert shot.reshoot().ok
        assert len(rig.session.requests) == len(requests), "nothing is missing: nothing is fired"
        rig.close()
        assert_frame_equal(rigkit.open(rig.session.path).exposures, rig.session.exposures)


def test_a_reshot_photo_is_named_like_the_others_of_its_shot(tmp_path):
    misfire = {"faults": [{"kind": "misfire", "camera": "A02", "at": 2}]}
    with rigkit.simulate(cameras=4, seed=1, scenario=misfire, session=tmp_path / "s", speed=5.0) as rig:
        rig.set_options(filename_expression="[U]_[C]_[B]", unique_tag="P017")
        rig.shoot(wait="files").check()
        shot = rig.shoot(wait="files")
        rig.set_options(unique_tag="P018")  # somebody was quick
        rig["A02"].shoot(wait="files").check()
        with pytest.warns(RuntimeWarning, match="A02"):
            shot.reshoot(wait="files").check()
        names = set(shot.photos["computed_name"])
        assert names == {f"P017_A0{number}_{shot.photos['batch_num'].mode()[0]}.JPG" for number in (1, 2, 3, 4)}
        assert all(Path(path).is_file() for path in shot.photos["path"])
        assert list(rig.session.requests["msg_id"]).count("RenamePhoto") == 1
        slipped = shot.exposures[shot.exposures["cause"] == "batch_slip"]
        assert list(slipped["position"]) == ["A02"]
        assert set(shot.exposures["confidence"]) == {"certain"}


def test_a_release_without_a_tag_is_paired_after_a_tagged_one_too(rig):
    assert rig.shoot(wait="files").ok
    for release in (rig.trigger, rig.latch, rig.press):
        shot = release(wait="files")
        assert shot.ok, shot
        assert set(shot.exposures["pairing_method"]) == {"batch"}
    assert rig.session.photos["shot_id"].notna().all()


def test_the_next_shot_waits_for_the_one_before(rig):
    first = rig.shoot(wait=None)
    second = rig.shoot(wait="files")
    assert (first.wait("files").ok, second.ok) == (True, True)
    assert rig.shot().id == 2
    assert rig.shot(1).ok
    with pytest.raises(UnknownName):
        rig.shot(3)


def test_cameras_that_are_gone_from_a_continued_session_are_absent(tmp_path):
    folder = tmp_path / "s"
    with rigkit.simulate(cameras=3, seed=1, photos="none", session=folder) as rig:
        rig.shoot()
    with pytest.warns(RuntimeWarning, match="another rig"):
        rig = rigkit.simulate(cameras=2, seed=2, photos="none", session=folder)
    with rig:
        assert len(rig) == 2
        assert sorted(rig.session.cameras["status"]) == ["Absent"] * 3 + ["Ready"] * 2
        assert rig["A01"].shoot().ok
        assert rig.shoot().ok


def test_waiting_for_a_camera_is_said_aloud(tmp_path, capsys):
    lost = {"faults": [{"kind": "lost", "camera": "A01", "at": "0.1s"}]}
    with rigkit.simulate(cameras=2, seed=1, scenario=lost, session=tmp_path / "s") as rig:
        wait_until(rig, lambda: rig["A01"].cameras["status"].iloc[0] == "Lost")
        with pytest.raises(NotReady):
            rig.shoot(ready_timeout=1.5)
        assert "Waiting for A01 (Lost)" in capsys.readouterr().out


def test_a_simulator_that_cannot_start_says_why():
    with pytest.raises(rigkit.RigError, match=r"did not start\. .*lost") as caught:
        rigkit.simulate(cameras=2, scenario={"faults": [{"kind": "lots", "at": 1, "camera": "A01"}]})
    assert "20 s" not in str(caught.value)
    with pytest.raises(rigkit.NoReply, match="no computer of the name"):
        rigkit.connect("tcp://no-such-host.invalid")


def test_a_session_that_is_being_written_is_not_closed(rig):
    assert ", open" in repr(rigkit.open(rig.session.path))
    rig.close()
    assert ", closed" in repr(rigkit.open(rig.session.path))


def wait_until(rig: rigkit.Rig, condition: Callable[[], bool]) -> None:
    heard = rig.messages(timeout=5.0)
    while not condition():
        assert next(heard, None) is not None, "it never came"


def test_one_noun_for_all_some_and_one(rig):
    face = rig.group("face")
    assert sorted(face.cameras["position"]) == ["A01", "A02", "A03"]
    assert len(rig) == 8
    assert len(rig["A04"]) == 1
    assert [one.keys for one in rig["A04", "A05"]] == [rig["A04"].keys, rig["A05"].keys]
    key = rig["A04"].keys[0]
    assert rig[key].keys == [key]
    assert "A04" in rig
    assert "Z99" not in rig
    assert len(rig.select(status="Ready", group="A")) == 5
    shot = face.shoot(wait="files")
    assert (shot.ok, len(shot.photos)) == (True, 3)
    assert face.without("A01").shoot().expected == ["A02", "A03"]


@pytest.mark.parametrize(
    ("ask", "hint"),
    [
        (lambda rig: rig["A99"], "A01, A02"),
        (lambda rig: rig.group("fase"), "Did you mean 'face'"),
        (lambda rig: rig.set(iso=123456), "100"),
        (lambda rig: rig.set(iso_speed=100), "iso"),
        (lambda rig: rig.select(state="Ready"), "status"),
        (lambda rig: rig.select(status="ready"), "Did you mean 'Ready'"),
        (lambda rig: rig.set(iso=123), "Did you mean '125'"),
        (lambda rig: rig.without("A99"), "A01"),
        (lambda rig: rig.request("Shot"), "Did you mean 'Shoot'"),
        (lambda rig: rig.request("Shoot", Bulb=1), "BulbTimer"),
    ],
)
def test_what_there_is_not_is_answered_with_what_there_is(rig, ask, hint):
    before = rig.session.requests
    with pytest.raises(UnknownName, match=hint):
        ask(rig)
    assert len(rig.session.requests) == len(before), "nothing was sent"


def test_wrong_words_are_refused_before_anything_is_fired(rig):
    with pytest.raises(ValueError, match="'exposed', 'files' or None"):
        rig.shoot(wait="everything")
    assert len(rig.session.shots) == 0


def test_settings_are_asked_and_read_back(rig):
    table = rig.set(iso=400, aperture="f/8", shutter_speed="1/250")
    assert table["ok"].all()
    assert set(table["property"]) == {"ISO", "Aperture", "ShutterSpeed"}
    assert len(table) == 24
    settings = rig.session.settings
    assert set(settings.xs("ISO", level="property")["value"]) == {"400"}


def test_a_dial_on_the_body_is_said_and_stops_nothing(rig):
    table = rig.set(program_mode="A", iso=200)
    dials, isos = table[table["property"] == "ProgramMode"], table[table["property"] == "ISO"]
    assert not dials["ok"].any()
    assert not dials["writeable"].any()
    assert isos["ok"].all()


def test_live_messages(rig):
    heard = rig.messages(timeout=5.0)
    rig.shoot(wait="files")
    located = set()
    for message in heard:
        if message.msg_id == "PhotoUpdated":
            located.add((message["CameraKey"], message["PhotoLocation"]))
        if len(located) == 16:
            break
    assert {where for _, where in located} == {"Camera", "Local Disk"}
    assert list(rig.messages(timeout=0.0)) == []


def test_shooting_without_waiting(rig):
    shot = rig.shoot(wait=None)
    assert len(shot.exposures) == 8
    assert shot.wait("exposed").ok
    assert len(shot.wait("files").photos) == 8
    assert (shot.photos["path_state"] == "here").all()
    with pytest.raises(ValueError, match="'exposed' or 'files'"):
        shot.wait("forever")


def test_a_simulated_rig_never_passes_for_a_real_one(rig):
    shot = rig.shoot()
    assert "simulated" in repr(rig)
    assert "simulated" in rig._repr_html_()
    assert "simulated" in repr(rig.session)
    assert "imulated" in rig.session._repr_html_()
    assert rig.session.manifest.simulated
    assert shot.photos["simulated"].all()
    assert rig.cameras["simulated"].all()


def test_a_simulator_somebody_else_started_says_so_too(tmp_path):
    from rigkit.link.child import SimulatorProcess

    child = SimulatorProcess(["--cameras", "2", "--download", str(tmp_path / "photos")])
    try:
        with rigkit.connect(child.reqrep, publisher=child.publisher, session=tmp_path / "s") as rig:
            assert rig.simulated
            shot = rig.shoot(wait="files")
            assert (shot.photos["path_state"] == "here").all()
    finally:
        child.close()


def test_connecting_twice_gives_the_live_rig(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    me = psutil.Process()
    with rigkit.connect("sim:2?seed=3&photos=none") as rig:
        threads, children = threading.active_count(), len(me.children())
        assert rigkit.connect("sim:2?seed=3&photos=none") is rig
        assert "connected already" in capsys.readouterr().out
        assert (threading.active_count(), len(me.children())) == (threads, children)
        assert len(list((tmp_path / "scans").iterdir())) == 1
    with rigkit.connect("sim:2?seed=3&photos=none") as other:
        assert other is not rig


def test_a_session_goes_on_with_the_same_numbers(tmp_path):
    folder = tmp_path / "s"
    with rigkit.simulate(cameras=3, seed=1, session=folder) as rig:
        rig.shoot(pose="one", wait="files")
        first = rig.session.id
    with rigkit.simulate(cameras=3, seed=1, session=folder) as rig:
        assert rig.session.id == first
        shot = rig.shoot(pose="two", wait="files")
        assert shot.id == 2
        assert list(rig.session.shots["pose"]) == ["one", "two"]
        assert (rig.session.photos["path_state"] == "here").all(), "nothing was overwritten"
        assert rig.session.photos["path"].is_unique
    again = rigkit.open(folder)
    assert list(again.shots.index) == [1, 2]


def test_one_sitting_has_one_owner(rig):
    with pytest.raises(SessionError, match="another rigkit"):
        rigkit.simulate(cameras=2, session=rig.session.path)
    assert rig.shoot().ok


def test_a_folder_of_something_else_is_left_alone(tmp_path, no_leaks):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(SessionError, match="untouched"):
        rigkit.simulate(cameras=2, session=tmp_path)
    with pytest.raises(SessionError, match="not a rigkit session"):
        rigkit.open(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_folder_that_was_moved_finds_its_photos(rig, tmp_path):
    rig.shoot(wait="files")
    rig.close()
    moved = tmp_path / "next week" / "kept"
    shutil.move(rig.session.path, moved)
    photos = rigkit.open(moved).photos
    assert (photos["path_state"] == "here").all()
    assert all(Path(path).is_relative_to(moved) for path in photos["path"])
    next(moved.glob("photos/*")).unlink()
    assert sorted(rigkit.open(moved).photos["path_state"]) == ["here"] * 7 + ["missing"]


@pytest.mark.skipif(os.name != "posix", reason="sends itself a POSIX signal")
@pytest.mark.parametrize("delay_s", [0.05, 0.3])
def test_an_interrupt_in_a_shoot_leaves_a_working_rig(rig, delay_s):
    main = threading.get_ident()
    timer = threading.Timer(delay_s, lambda: signal.pthread_kill(main, signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - the interrupt may come at any of these lines
        timer.start()
        while True:
            rig.shoot(wait="files")
    timer.join()
    shot = rig.shoot(wait="files")
    assert shot.ok
    rig.close()
    assert_frame_equal(rigkit.open(rig.session.path).exposures, rig.session.exposures)


def test_what_a_caller_does_to_a_table_stays_with_the_caller(rig):
    rig.shoot(wait="files")
    mine = rig.session.exposures
    mine["status"] = "missing"
    del mine["cause"]
    assert len(rig.session.exposures) == 8
    assert "cause" in rig.session.exposures
    assert set(rig.session.exposures["status"]) == {"captured"}


def test_a_closed_rig_says_so_and_its_tables_stay(rig):
    shot = rig.shoot(wait="files")
    rig.close()
    rig.close()
    assert len(rig.session.exposures) == 8
    assert len(shot.photos) == 8
    assert "(closed)" in repr(rig)
    with pytest.raises(rigkit.RigError, match="closed"):
        rig.shoot()
    with pytest.raises(rigkit.RigError, match="closed"):
        rig.request("GetCamera")


def test_a_rig_that_nobody_holds_is_closed(tmp_path, no_leaks):
    rig = rigkit.simulate(cameras=2, seed=1, session=tmp_path / "s")
    shot = rig.shoot()
    del rig, shot
    gc.collect()


def test_disconnected_cameras_come_back(rig):
    states = rig["A01"].disconnect()
    assert list(states["status"]) == ["Disconnected"]
    with pytest.raises(NotReady):
        rig.shoot(ready_timeout=0.2)
    assert list(rig["A01"].connect_cameras()["status"]) == ["Ready"]
    assert rig.shoot().ok


def test_photos_left_on_the_card_are_downloaded_when_files_are_wanted(rig):
    rig.request("SetOptions", DefaultStorage="Card")
    shot = rig.shoot(wait="exposed")
    assert set(shot.photos["location"]) == {"Camera"}
    assert (shot.wait("files").photos["path_state"] == "here").all()


def test_bad_addresses_are_said():
    for address in ("tcp://", "sim:x", "sim:0", "tcp://host:99999", "ftp://x"):
        with pytest.raises(ValueError, match=r"address|cameras|port|usual"):
            rigkit.connect(address)
    with pytest.raises(UnknownName, match="seed"):
        rigkit.connect("sim:4?sead=1")


def counts() -> tuple[int, int, int]:
    me = psutil.Process()
    open_files: int = getattr(me, "num_fds" if os.name == "posix" else "num_handles")()
    return threading.active_count(), open_files, len(me.children(recursive=True))


@pytest.mark.parametrize("times", [20, pytest.param(200, marks=pytest.mark.campaign)])
def test_connecting_again_and_again_leaves_nothing_behind(tmp_path, times):
    def once(number: int) -> None:
        with rigkit.simulate(cameras=2, seed=1, photos="none", session=tmp_path / str(number), speed=10.0) as rig:
            assert rig.shoot().ok

    once(0)  # what is imported on first use opens files of its own
    gc.collect()
    before = counts()
    for number in range(1, times + 1):
        once(number)
    gc.collect()
    assert counts() == before


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX")
def test_killing_the_parent_ends_the_simulator(tmp_path):
    script = textwrap.dedent("""
        import sys, time, rigkit
        rig = rigkit.simulate(cameras=2, seed=1, session=sys.argv[1])
        rig.shoot(wait="files")
        print(rig._sitting.child.pid, flush=True)
        time.sleep(60)
    """)
    parent = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "s")], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    simulator = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    psutil.wait_procs([simulator], timeout=5.0)
    assert not simulator.is_running() or simulator.status() == psutil.STATUS_ZOMBIE
    again = rigkit.open(tmp_path / "s")
    assert set(again.exposures["status"]) == {"captured"}
    assert again.unreadable == []


def test_the_report_holds_everything_and_asks_for_nothing(rig):
    rig.shoot(pose="<b>apose</b>", wait="files")
    page = rig.session.report()
    text = page.read_text(encoding="utf-8")
    assert "SIMULATED" in text.upper()
    assert "<b>apose" not in text
    assert "data:image/png;base64," in text
    assert 'src="http' not in text
    exposures = pd.read_csv(rig.session.path / "tables" / "exposures.csv")
    assert len(exposures) == 8
    drawn = {path.stem for path in (rig.session.path / "plots").glob("*.png")}
    assert drawn == {"completeness", "timeline", "arrivals", "downloads"}, "of one shot nothing is known about time"


def test_time_stands_still_for_nobody(rig):
    """A wait with a timeout ends in time, complete or not."""
    shot = rig.shoot(wait=None)
    start = time.monotonic()
    shot.wait("files", timeout=0.05)
    assert time.monotonic() - start < 0.5


def test_a_session_that_is_named_for_a_rig_that_is_connected_is_not_used_and_that_is_said(tmp_path):
    with rigkit.simulate(2, seed=1, session=tmp_path / "s", photos="none") as sim:
        manifest = sim.session.manifest
        endpoints = (manifest.request_endpoint, manifest.publisher_endpoint)
        with rigkit.connect(endpoints[0], publisher=endpoints[1], session=tmp_path / "mine") as rig:
            with pytest.warns(RuntimeWarning, match="is not used"):
                again = rigkit.connect(endpoints[0], publisher=endpoints[1], session=tmp_path / "other")
            assert again is rig
            assert not (tmp_path / "other").exists()
