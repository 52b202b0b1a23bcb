"""What an adversary found: threads, interrupts, silence and nonsense, each once."""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from typing import Any

import pytest
from pandas.testing import assert_frame_equal

import rigkit
from rigkit.errors import BadMessage, NoReply, RigError, SessionError
from rigkit.session import Session
from tests.fakes import FakeServer, say_yes

# An interrupt inside subprocess.Popen itself leaves a half-made object to the collector, which warns some time later.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")

TABLES = ("events", "requests", "cameras", "settings", "shots", "exposures", "photos", "loss")


def connected(server: FakeServer, folder: Any, **more: Any) -> rigkit.Rig:
    return rigkit.connect(server.requests, publisher=server.publisher, session=folder, timeout=1.0, **more)


def assert_equal_when_reopened(session: Session) -> None:
    again = rigkit.open(session.path)
    for name in TABLES:
        assert_frame_equal(getattr(again, name), getattr(session, name))


def test_one_thread_shoots_while_another_looks(tmp_path):
    with rigkit.simulate(cameras=4, seed=1, photos="none", session=tmp_path / "s", speed=20.0) as rig:
        done, failures = threading.Event(), []

        def look() -> None:
            while not done.is_set():
                try:
                    repr(rig), rig.session.exposures, rig.cameras, rig.session.photos
                except Exception as exc:
                    failures.append(exc)
                    return

        looking = threading.Thread(target=look)
        looking.start()
        for _ in range(15):
            assert rig.shoot(wait="files").ok
        done.set()
        looking.join()
        assert failures == []


@pytest.mark.parametrize(
    "event",
    [
        b'{"msg_type":"Event","msg_id":"CameraUpdated","CameraKey":"k1","CameraStatus":[1],"CameraNumPhotosFailed":{}}',
        '{"msg_type":"Event","msg_id":"CameraUpdated","CameraKey":"k1","CameraNumPhotosFailed":"²"}'.encode(),
        b'{"msg_type":"Event","msg_id":"CameraUpdated","CameraKey":"k1","PhotoBatchNum":"--5"}',
        b'{"msg_type":"Event","msg_id":"PhotoUpdated","PhotoKey":"p","CameraKey":"k1","msg_seq_num":99999999999999999999}',
        b'{"msg_type":"Event","msg_id":"PhotoUpdated","PhotoKey":"p","PhotoLocation":"Local Disk","PhotoFilename":"'
        + b"x" * 10_000
        + b'"}',
        b'{"msg_type":"Event","msg_id":"PhotoUpdated","PhotoKey":"p","PhotoLocation":"Local Disk","PhotoFilename":"/a\\u0000b"}',
        b'{"msg_type":"Event","msg_id":{"a":1},"PhotoKey":[1]}',
    ],
)
def test_no_event_makes_a_session_unreadable(tmp_path, event):
    with FakeServer() as server:
        rig = connected(server, tmp_path / "s")
        before = len(rig.session.log)
        server.publish(event, b'{"msg_type":"Event","msg_id":"RelayCustomText","CustomText":"after"}')
        assert rig._sitting.wait_for(lambda: len(rig.session.log) >= before + 2, 5.0)
        for name in TABLES:
            getattr(rig.session, name)
        repr(rig)
        rig.close()
        assert_equal_when_reopened(rig.session)


@pytest.mark.skipif(os.name != "posix", reason="sends itself POSIX timers")
def test_interrupts_anywhere_leave_record_and_tables_equal(tmp_path):
    def ring(*_: Any) -> None:
        raise KeyboardInterrupt

    old = signal.signal(signal.SIGALRM, ring)
    try:
        with rigkit.simulate(cameras=3, seed=1, photos="none", session=tmp_path / "s", speed=20.0) as rig:
            for number in range(40):
                try:
                    signal.setitimer(signal.ITIMER_REAL, 0.002 + 0.0011 * number)
                    rig.shoot(wait="files")
                    assert set(rig.session.exposures["position"]) == {"A01", "A02", "A03"}
                except (KeyboardInterrupt, RigError):
                    pass
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            assert rig.shoot(wait="files").ok
            assert_equal_when_reopened_after = rig.session
    finally:
        signal.signal(signal.SIGALRM, old)
    assert_equal_when_reopened(assert_equal_when_reopened_after)


def test_an_interrupt_in_the_middle_of_an_entry_is_made_good(tmp_path, monkeypatch):
    with FakeServer() as server:
        rig = connected(server, tmp_path / "s")
        fold, calls = rig.session.state.fold, 0

        def interrupted(*args: Any) -> int:
            nonlocal calls
            calls += 1
            gap = fold(*args)
            if calls == 1:
                raise KeyboardInterrupt
            return gap

        before = len(rig.session.log)
        monkeypatch.setattr(rig.session.state, "fold", interrupted)
        server.publish(
            b'{"msg_type":"Event","msg_id":"A","msg_seq_num":1}', b'{"msg_type":"Event","msg_id":"B","msg_seq_num":9}'
        )
        deadline = time.monotonic() + 5.0
        while len(rig.session.log) < before + 2 and time.monotonic() < deadline:
            rig.session.log.wait(before + 1, 0.1)
        with pytest.raises(KeyboardInterrupt):
            rig.session.refresh()
        assert list(rig.session.loss["n"]) == [7]
        rig.close()
        assert_equal_when_reopened(rig.session)


def mute_after_shoot(request: dict[str, Any]) -> bytes | None:
    if request["msg_id"] == "Shoot":
        mute_after_shoot.fired = True  # type: ignore[attr-defined]
        return say_yes(request)
    return None if getattr(mute_after_shoot, "fired", False) else say_yes(request)


def test_an_application_that_falls_silent_is_unknown_and_not_fired_again(tmp_path):
    mute_after_shoot.fired = False  # type: ignore[attr-defined]
    with FakeServer(mute_after_shoot) as server:
        rig = connected(server, tmp_path / "s")
        shot = rig.shoot()
        assert list(shot.missing["cause"]) == ["unknown"]
        with pytest.raises(RigError, match="not known"):
            shot.reshoot()
        assert [one["msg_id"] for one in server.received].count("Shoot") == 1
        rig.close()


def test_timeouts_hold_when_the_application_is_silent(tmp_path):
    with FakeServer() as server:
        rig = connected(server, tmp_path / "s")
        shots = [rig["A01"].shoot(wait=None, ready_timeout=0.0, anyway=True) for _ in range(3)]
        server.answer = lambda request: None
        start = time.monotonic()
        shots[0].wait("exposed", timeout=0.5)
        repr(rig), repr(shots[0]), shots[1].missing
        assert time.monotonic() - start < 1.5
        rig.close()


def test_a_garbled_answer_to_a_release_is_looked_into_like_no_answer(tmp_path):
    def garble(request: dict[str, Any]) -> bytes:
        return b"\xff" if request["msg_id"] == "Shoot" else say_yes(request)

    with FakeServer(garble) as server:
        rig = connected(server, tmp_path / "s")
        shot = rig.shoot()
        assert list(shot.missing["cause"]) == ["unknown"]
        assert rig.session.shots.loc[1, "outcome"] == "unknown"
        rig.close()


@pytest.mark.parametrize("answer", [lambda request: None, lambda request: b"\xff"])
def test_an_application_that_relays_no_texts_is_no_reason_not_to_connect(tmp_path, answer):
    def picky(request: dict[str, Any]) -> bytes | None:
        reply: bytes | None = answer(request) if request["msg_id"] == "RelayCustomText" else say_yes(request)
        return reply

    with FakeServer(picky) as server:
        rig = connected(server, tmp_path / "s")
        assert len(rig) == 1
        rig.close()


def test_a_failed_connection_leaves_no_folder(tmp_path):
    def no_state(request: dict[str, Any]) -> bytes | None:
        return None if request["msg_id"] == "Synchronise" else say_yes(request)

    with FakeServer(no_state) as server, pytest.raises((NoReply, BadMessage)):
        connected(server, tmp_path / "s")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="sends itself POSIX timers")
def test_an_interrupted_start_leaves_nothing_and_the_next_one_works(tmp_path):
    def ring(*_: Any) -> None:
        raise KeyboardInterrupt

    old = signal.signal(signal.SIGALRM, ring)
    try:
        for number in range(8):
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.08 * (number + 1))
                rigkit.simulate(cameras=2, seed=1, session=tmp_path / "s").close()
                signal.setitimer(signal.ITIMER_REAL, 0)
                break
            except KeyboardInterrupt:
                pass
            gc.collect()
            # Nothing, or, where the interrupt came only after the start, a session like any other.
            assert not list(tmp_path.iterdir()) or rigkit.open(tmp_path / "s").id
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    with rigkit.simulate(cameras=2, seed=1, session=tmp_path / "s") as rig:
        assert rig.shoot().ok
    del rig
    gc.collect()


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SessionError, match="can't be made"):
        rigkit.simulate(cameras=1, session=tmp_path / "file" / "s")
