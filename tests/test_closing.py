"""What a session says when it was closed early, broke off, lost a part of its journal, or goes on with another rig."""

from __future__ import annotations

import os
import signal
import threading
import warnings

import pytest

import rigkit
from rigkit.account.fold import EARLY_FILE
from rigkit.record.folder import read_manifest
from rigkit.record.loss import Losses
from tests.kernel import simulator
from tests.test_account import Bench, S, rows_of


def test_what_was_waited_for_when_it_was_closed_is_said_and_found_out_later(tmp_path, no_leaks):
    with simulator(tmp_path) as sim:
        with rigkit.connect(sim.reqrep, publisher=sim.publisher, session=tmp_path / "s") as rig:
            cameras = len(rig)
            shot = rig.shoot(wait=None)
        assert set(shot.missing["cause"]) == {"closed_early"}
        assert len(shot.missing) == cameras
        opened = rigkit.open(tmp_path / "s")
        assert set(opened.exposures["cause"]) == {"closed_early"}
        assert "closed" in repr(opened)
        with rigkit.connect(sim.reqrep, publisher=sim.publisher, session=tmp_path / "s") as rig:
            rig.shot(1).wait("files")
            assert rig.session.exposures["status"].isin(["captured", "recovered"]).all()
            assert rig.session.exposures["cause"].isna().all()
            assert rig.session.exposures["n_files"].eq(1).all()


def test_a_file_that_was_still_to_come_is_pending(tmp_path):
    with rigkit.simulate(4, seed=2, session=tmp_path / "s", speed=0.3) as rig:
        rig.shoot()
    exposures = rigkit.open(tmp_path / "s").exposures
    assert exposures["status"].eq("captured").all()
    late = exposures[exposures["n_files"] == 0]
    assert len(late) > 0
    assert set(late["cause"]) == {"pending"}
    assert set(late["detail"]) == {EARLY_FILE}


@pytest.mark.parametrize("what", ["removed", "cut"])
def test_a_journal_that_lost_its_end_is_said_to_and_no_number_is_given_twice(tmp_path, what):
    folder = tmp_path / "s"
    with rigkit.simulate(3, seed=1, session=folder, speed=10) as rig:
        for _ in range(2):
            rig.shoot(wait="files")
        lines = rig.session.log
    manifest = read_manifest(folder)
    assert manifest.closed_wall_ns > 0
    assert (manifest.lines, manifest.shots) == (len(lines), 2)
    (journal,) = (folder / "journal").glob("rig-*")
    if what == "removed":
        journal.unlink()
    else:
        if journal.suffix == ".zst":
            from rigkit.record.reading import unpack

            text, _ = unpack(journal)
            journal.unlink()
            journal = journal.with_suffix("")
        else:
            text = journal.read_bytes()
        journal.write_bytes(b"".join(text.splitlines(keepends=True)[:20]))
    session = rigkit.open(folder)
    there = 0 if what == "removed" else 20
    assert session.unreadable[-1].why == f"missing {there}-{manifest.lines - 1}"
    assert "can't be read" in repr(session)
    with rigkit.simulate(3, seed=1, session=folder, speed=10) as rig:
        assert rig.shoot(wait="files").id == 3
    assert list(rigkit.open(folder).shots.index)[-1:] == [3]


def test_a_session_that_broke_off_does_not_pass_for_closed(tmp_path):
    with rigkit.simulate(2, seed=1, session=tmp_path / "s", speed=10) as rig:
        rig.shoot(wait="files")
        assert "open" in repr(rig.session)
    assert repr(rigkit.open(tmp_path / "s")).splitlines()[0].endswith(", closed")
    text = (tmp_path / "s" / "session.json").read_text()
    (tmp_path / "s" / "session.json").write_text(
        text.replace(f'"closed_wall_ns": {read_manifest(tmp_path / "s").closed_wall_ns}', '"closed_wall_ns": 0')
    )
    assert "ended without being closed" in repr(rigkit.open(tmp_path / "s"))


def test_a_session_that_goes_on_with_another_rig_says_so(tmp_path):
    with rigkit.simulate(2, seed=1, session=tmp_path / "s") as rig:
        assert len(rig) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rigkit.simulate(2, seed=1, session=tmp_path / "s").close()
    with pytest.warns(RuntimeWarning, match="not one of its 2 cameras is here"):
        rigkit.simulate(2, seed=2, session=tmp_path / "s").close()


def test_what_was_published_while_nobody_listened_is_loss():
    losses = Losses()
    assert losses.count(122, 1) == 0
    losses.new_publisher()
    losses.new_publisher()
    assert losses.count(197, 2) == 0
    assert [(one.where, one.n, one.first, one.last, one.recovered_by) for one in losses.rows] == [
        ("away", 74, 123, 196, "Synchronise")
    ]
    assert not losses.open
    losses.new_publisher()
    assert losses.count(5, 3) == 0, "it started again, and how much it said before is not known"
    assert losses.count(6, 3) == 0
    assert len(losses.rows) == 1


def test_a_camera_that_went_and_came_back_was_lost_during_the_shot():
    bench = Bench(2)
    bench.fire()
    bench.say(2 * S, "CameraUpdated", CameraKey="cam0", CameraStatus="Lost")
    bench.say(2 * S + 1, "CameraUpdated", CameraKey="cam0", CameraStatus="Ready")
    bench.photo(2 * S, 1)
    bench.run_out(3 * S)
    assert [(row["status"], row["cause"], row["detail"]) for row in rows_of(bench)] == [
        ("missing", "lost_during", "Lost, then Ready"),
        ("captured", None, None),
    ]


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_an_interrupt_says_which_shot_goes_on(tmp_path):
    with rigkit.simulate(2, seed=1, session=tmp_path / "s", speed=0.2) as rig:
        shot = rig.shoot(wait=None)
        timer = threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt) as interrupted:
            shot.wait("files")
        timer.join()
        assert interrupted.value.__notes__ == [
            "Shot 1 was fired, and goes on being recorded: rig.shot(1).wait() waits for the rest"
        ]
        assert shot.wait("files").n_on_disk == 2
