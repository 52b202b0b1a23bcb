"""A journal that can't be written stops nothing: what is heard stays visible, is told of, and is written later, in order."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rigkit
from rigkit.record.journal import JournalWriter
from rigkit.record.log import Log
from rigkit.record.reading import read_journal

Frame = tuple[str, int, int, bytes]
FULL = OSError(errno.ENOSPC, "No space left on device")


class FakeClock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now

    def monotonic_ns(self) -> int:
        return int(self.now * 1e9)

    def time_ns(self) -> int:
        return int(self.now * 1e9)


def frames(first: int, count: int) -> list[Frame]:
    return [("pub", number, number, b'{"n":%d}' % number) for number in range(first, first + count)]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def log(tmp_path: Path, clock: FakeClock) -> Iterator[Log]:
    made = Log(JournalWriter(tmp_path / "journal", "rig"), clock=clock)
    made.append(frames(0, 3))
    yield made
    made.close()


def failing(real: Callable[[int, bytes], int], how: str) -> Callable[[int, bytes], int]:
    """Make an ``os.write`` that fails at once, after half of it, or says that it wrote half and then fails."""
    said: list[int] = []

    def write(file: int, data: bytes) -> int:
        if how == "half":
            real(file, data[: len(data) // 2])
        if how == "short" and not said:
            said.append(1)
            return real(file, data[: len(data) // 2])
        raise FULL

    return write


@pytest.mark.parametrize("how", ["none", "half", "short"])
def test_what_could_not_be_written_is_visible_told_and_written_later(tmp_path, log, clock, monkeypatch, caplog, how):
    real = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", failing(real, how))
        log.append(frames(3, 2))
        assert (len(log), log.unsaved) == (5, 2)
        assert "No space left" in (log.trouble() or "")
        patch.setattr(os, "write", failing(real, how))
        log.append(frames(5, 2))
        clock.now += 2
        patch.setattr(os, "write", failing(real, how))
        log.append(frames(7, 1))
        assert (len(log), log.unsaved) == (8, 5)
    assert read_journal(tmp_path) == (log.since(0)[:3], [], {"rig": 3})
    log.append(frames(8, 1))
    assert log.unsaved == 6, "it is tried once a second"
    clock.now += 1
    log.append(frames(9, 1))
    assert (log.unsaved, log.trouble()) == (0, None)
    assert read_journal(tmp_path) == (log.since(0), [], {"rig": 10})
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2, "once when it begins, once when it ends"
    assert "can't be written" in told[0]
    assert "6 messages" in told[1]


def test_short_writes_are_gone_on_with(tmp_path, log, monkeypatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, data: real(file, data[:7]))
    log.append(frames(3, 4))
    assert read_journal(tmp_path) == (log.since(0), [], {"rig": 7})


def test_a_half_line_that_can_not_be_cut_off_is_left_alone(tmp_path, log, clock, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", failing(os.write, "half"))
        patch.setattr(os, "ftruncate", failing(os.write, "none"))
        log.append(frames(3, 1))
    clock.now += 1
    log.append(frames(4, 1))
    reading = read_journal(tmp_path)
    assert reading.entries == log.since(0)
    assert [one.why for one in reading.unreadable] == ["torn"]
    assert len(list((tmp_path / "journal").iterdir())) == 2


@pytest.mark.parametrize("what", ["file", "folder", "blocked"])
def test_a_journal_that_was_removed_is_written_once_more(tmp_path, log, clock, caplog, what):
    folder = tmp_path / "journal"
    if what == "file":
        (folder / "rig-000001.jsonl").unlink()
    else:
        shutil.rmtree(folder)
    if what == "blocked":
        folder.write_text("mine")
    clock.now += 1
    log.append(frames(3, 1))
    if what == "blocked":
        assert log.unsaved == 4
        folder.unlink()
        clock.now += 1
        log.append(frames(4, 1))
    assert log.unsaved == 0
    assert read_journal(tmp_path) == (log.since(0), [], {"rig": len(log)})
    assert "removed" in caplog.text
    assert "can be written again" in caplog.text


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs permissions that count; root has all")
def test_a_folder_made_read_only(tmp_path, clock):
    log = Log(JournalWriter(tmp_path / "journal", "rig", rotate_bytes=100), clock=clock)
    log.append(frames(0, 1))
    (tmp_path / "journal").chmod(0o500)
    log.append(frames(1, 2))
    assert log.unsaved == 2
    (tmp_path / "journal").chmod(0o700)
    clock.now += 1
    log.append(frames(3, 1))
    log.close()
    assert read_journal(tmp_path) == (log.since(0), [], {"rig": 4})


def test_closing_tries_once_more(tmp_path, log, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", failing(os.write, "none"))
        log.append(frames(3, 1))
    log.close()
    assert log.unsaved == 0
    assert read_journal(tmp_path).entries == log.since(0)


def test_what_is_in_memory_only_at_the_end_is_told(tmp_path, log, monkeypatch, caplog):
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", failing(os.write, "half"))
        log.append(frames(3, 2))
        log.close()
    assert log.unsaved == 2
    assert "2 messages of this session exist only in memory" in caplog.text
    assert "to_csv" in caplog.text
    assert read_journal(tmp_path) == (log.since(0)[:3], [], {"rig": 3})


def test_an_fsync_that_fails_is_told(tmp_path, log, monkeypatch, caplog):
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: failing(os.write, "none")(-1, b""))
        log.sync()
        assert "not safe from a power failure" in caplog.text
        log.close()
    assert read_journal(tmp_path).entries == log.since(0)


def test_nothing_is_synced_twice(log, monkeypatch):
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    log.sync()
    log.sync()
    assert len(synced) == 1
    log.append(frames(3, 1))
    log.sync()
    assert len(synced) == 2


@given(st.lists(st.tuples(st.sampled_from(["good", "none", "half", "short", "uncut"]), st.floats(0, 2)), max_size=12))
def test_order_and_number_stay_whatever_fails_when(steps):
    clock = FakeClock()
    logging.getLogger("rigkit").disabled = True
    try:
        with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
            log = Log(JournalWriter(Path(name) / "journal", "rig", rotate_bytes=400), clock=clock)
            for number, (how, later) in enumerate(steps):
                with patch.context() as once:
                    if how != "good":
                        once.setattr(os, "write", failing(os.write, "half" if how == "uncut" else how))
                    if how == "uncut":
                        once.setattr(os, "ftruncate", failing(os.write, "none"))
                    log.append(frames(2 * number, 2))
                clock.now += later
                reading = read_journal(Path(name))
                # Half a batch that can't be cut off may hold whole lines, which are written once more, with their numbers.
                assert reading.entries == log.since(0)[: len(reading.entries)]
                assert len(reading.entries) >= len(log) - log.unsaved
            log.close()
            assert log.unsaved == 0
            assert read_journal(Path(name)).entries == log.since(0)
            assert [entry.mono_ns for entry in log.since(0)] == [*range(2 * len(steps))]
    finally:
        logging.getLogger("rigkit").disabled = False


# -- a real rig -------------------------------------------------------------------------------------------------------------


def test_shooting_goes_on_without_a_disk_and_is_made_good(tmp_path, monkeypatch, caplog):
    """The reader's thread lives on, the shot is accounted for, the user is warned; later the record is whole on disk."""
    real = os.write
    full = [True]

    def write(file: int, data: bytes) -> int:
        if full[0] and os.path.realpath(f"/proc/self/fd/{file}").endswith(".jsonl"):
            raise FULL
        return real(file, data)

    if not Path("/proc/self/fd").exists():
        pytest.skip("tells the journal from other files by /proc")
    with rigkit.simulate(cameras=3, seed=1, photos="none", session=tmp_path / "s", speed=20.0) as rig:
        rig.shoot()
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", write)
            with pytest.warns(RuntimeWarning, match="messages are not on disk.*No space left"):
                shot = rig.shoot(wait="files")
            assert shot.ok
            assert rig.session.log.unsaved > 0
            assert "messages are not on disk" in repr(rig.session)
            assert len(rig.session.exposures) == 6
            assert "can't be written" in caplog.text
            full[0] = False
        live = rig.session
    assert live.log.unsaved == 0
    again = rigkit.open(tmp_path / "s")
    assert again.log.since(0) == live.log.since(0)
    assert again.unreadable == []
    assert "not on disk" not in repr(again)


def test_a_shot_that_nobody_waits_for_is_brought_to_the_disk_too(tmp_path, monkeypatch):
    synced: list[int] = []
    real = os.fsync
    with rigkit.simulate(cameras=2, seed=1, photos="none", session=tmp_path / "s", speed=20.0) as rig:
        log, shots = rig.session.log, rig.session.account.shots

        def fired_and_done() -> None:
            synced.clear()
            number = rig.shoot(wait=None).id
            while not shots[number].done(files=True):
                log.wait(rig.session.refresh(), 0.2)

        def fsync(file: int) -> None:
            synced.append(file)
            real(file)

        monkeypatch.setattr(os, "fsync", fsync)
        fired_and_done()
        rig._sitting.wait_for(lambda: bool(synced), 5.0)
        assert synced, "while the user waits for something else"
        fired_and_done()
        rig.shoot(wait=None)
        assert synced, "when the next shot has been released"


LIMITED = textwrap.dedent("""
    import resource, signal, sys, pathlib
    from rigkit.record.journal import JournalWriter
    from rigkit.record.log import Log
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    log = Log(JournalWriter(pathlib.Path(sys.argv[1]) / "journal", "rig"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))
    for number in range(100):
        log.append([("pub", number, number, b'{"n":%d,"a":"%s"}' % (number, b"x" * 100))])
    print(len(log), log.unsaved, flush=True)
    if sys.argv[2] == "freed":
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    log.close()
""")


@pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
@pytest.mark.parametrize("then", ["freed", "still full"])
def test_a_file_that_may_not_grow(tmp_path, then):
    """A real error of the system: beyond 5000 bytes writes come short, then fail."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path), then], capture_output=True, text=True, check=True
    )
    visible, unsaved = map(int, done.stdout.split())
    assert visible == 100
    assert 0 < unsaved < 100
    assert "can't be written (File too large" in done.stderr
    reading = read_journal(tmp_path)
    assert reading.unreadable == []
    if then == "freed":
        assert [entry.mono_ns for entry in reading.entries] == [*range(100)]
        assert "can be written again" in done.stderr
    else:
        assert [entry.mono_ns for entry in reading.entries] == [*range(100 - unsaved)]
        assert f"{unsaved} messages of this session exist only in memory" in done.stderr


@contextlib.contextmanager
def small_disk(where: Path, size: str) -> Iterator[None]:
    """Mount a small file system in memory, where that is permitted."""
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("may not mount")
    where.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(where)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("may not mount")
    try:
        yield
    finally:
        subprocess.run(["umount", str(where)], check=True)


def test_a_disk_that_is_full(tmp_path, clock, caplog):
    with small_disk(tmp_path / "disk", "64k"):
        folder = tmp_path / "disk"
        log = Log(JournalWriter(folder / "journal", "rig"), clock=clock)
        (folder / "ballast").write_bytes(b"x" * 20_000)
        for number in range(100):
            log.append([("pub", number, number, b'{"n":%d,"a":"%s"}' % (number, b"x" * 900))])
        assert len(log) == 100
        assert 0 < log.unsaved < 100
        assert "No space left" in caplog.text
        assert read_journal(folder).entries == log.since(0)[: 100 - log.unsaved]
        (folder / "ballast").unlink()
        clock.now += 1
        log.append(frames(100, 1))
        reading = read_journal(folder)
        assert reading.entries == log.since(0)[: len(log) - log.unsaved]
        assert len(reading.entries) > 40
        assert reading.unreadable == []
        log.close()
