"""The recorder: a process of its own that listens while the notebook's kernel is busy or dead. Real processes throughout."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import textwrap
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import psutil
import pyarrow as pa
import pytest
import zmq
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import rigkit
from rigkit.address import Address
from rigkit.attach import WRITER, RecorderFeed, recorder_in, recorder_of
from rigkit.cli import main
from rigkit.errors import NoReply, SessionError
from rigkit.link.bell import Bell, tell_to_stop
from rigkit.link.child import SimulatorProcess
from rigkit.record.folder import RECORDER_LOCK, RIG_LOCK, is_owned
from rigkit.record.following import Follower
from rigkit.record.journal import JournalWriter, journal_files
from rigkit.record.lines import Entry, write_line
from rigkit.record.log import Log
from rigkit.record.packing import pack_journal
from rigkit.record.reading import read_journal
from rigkit.recorder import Recorder, Tally
from tests.kernel import (
    ROOT,
    check_equal,
    digest_of,
    kernel,
    killed_at_a_random_moment,
    photographed,
    replayed,
    settled,
    simulator,
    truth,
)

#: Small journals are compressed only by whoever has imported it already.
assert pa.__version__
posix = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
moments = [
    pytest.param(seed, marks=() if seed < 2 else pytest.mark.campaign, id=f"moment {seed}") for seed in range(20)
]


@pytest.fixture(autouse=True)
def _own_register(tmp_path_factory, monkeypatch):
    """Recorders of these tests are found by these tests only."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))


@contextlib.contextmanager
def by_hand(sim: SimulatorProcess, folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """``rigkit record`` in a terminal; ended like there if it still runs."""
    command = [sys.executable, "-m", "rigkit", "record", "--address", sim.reqrep, "--publisher", sim.publisher]
    process = subprocess.Popen(
        [*command, "--session", str(folder), *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == f"session {folder}\n"
        assert process.stdout.readline() == f"listening to {sim.publisher}\n"
        yield process
        if process.poll() is None:
            process.terminate()
    finally:
        try:
            process.wait(20.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


class Application:
    """Another program at the same application: says texts, and hears every event."""

    def __init__(self, sim: SimulatorProcess) -> None:
        self.context = zmq.Context()
        self.heard: list[dict[str, object]] = []
        self._events = self.context.socket(zmq.SUB)
        self._events.rcvhwm = 0
        self._events.subscribe(b"")
        monitor = self._events.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        self._events.connect(sim.publisher)
        assert monitor.poll(5000)
        self._events.disable_monitor()
        monitor.close(0)
        self._requests = self.context.socket(zmq.REQ)
        self._requests.connect(sim.reqrep)

    def say(self, *texts: str) -> None:
        for number, text in enumerate(texts):
            body = {"msg_type": "Request", "msg_id": "RelayCustomText", "msg_seq_num": number, "CustomText": text}
            self._requests.send_json(body)
            assert self._requests.poll(5000)
            self._requests.recv()

    def numbers(self) -> list[int]:
        """Hear up to a text of our own, and return the numbers of all events so far."""
        self.say("the last one")
        while not self.heard or self.heard[-1].get("CustomText") != "the last one":
            assert self._events.poll(5000)
            self.heard.append(json.loads(self._events.recv()))
        return [one["msg_seq_num"] for one in self.heard]  # type: ignore[misc]

    def close(self) -> None:
        for socket in (self._events, self._requests):
            socket.close(0)
        self.context.term()


@pytest.fixture
def sim(tmp_path):
    with simulator(tmp_path) as one:
        yield one


@pytest.fixture
def application(sim):
    one = Application(sim)
    yield one
    one.close()


def numbers(session: rigkit.Session) -> list[int]:
    """The numbers of all events a session holds, in order."""
    return [
        json.loads(entry.raw)["msg_seq_num"]
        for entry in session.log.since(0)
        if entry.channel == "pub" and b"msg_seq_num" in entry.raw
    ]


def heard(rig: rigkit.Rig, text: str) -> bool:
    """Wait until a text was heard."""
    return rig._sitting.wait_for(lambda: rig._sitting._heard("RelayCustomText", 0, CustomText=text), 10.0)


def writers(folder: Path) -> set[str]:
    return {one.writer for one in journal_files(folder / "journal")}


# -- one kernel, one recorder -----------------------------------------------------------------------------------------------


def test_live_tables_equal_reopened_ones_and_closing_leaves_nothing(tmp_path, no_leaks):
    me = psutil.Process()

    def once(folder: Path) -> None:
        with rigkit.simulate(cameras=4, seed=1, session=folder, recorder=True, speed=4.0, photos="none") as rig:
            assert rig.shoot(pose="apose", wait="files").ok
            assert is_owned(folder, RECORDER_LOCK)
            notice = recorder_in(folder)
            assert notice is not None
            assert notice.starter == "connect"
            rig.set(iso=200)
            assert rig["A01", "A03"].shoot(wait="files").ok
        assert not psutil.pid_exists(notice.pid)
        assert not is_owned(folder, RECORDER_LOCK)
        assert not is_owned(folder, RIG_LOCK)
        assert recorder_in(folder) is None
        assert not (folder / "journal" / "recorder.json").exists()
        check_equal(rigkit.open(folder), rig.session)
        check_equal(replayed(folder), rig.session)
        assert writers(folder) == {"rig", "recorder"}

    once(tmp_path / "first")
    files = me.num_fds() if hasattr(me, "num_fds") else 0
    once(tmp_path / "second")
    assert (me.num_fds() if hasattr(me, "num_fds") else 0) == files
    events = rigkit.open(tmp_path / "second").events
    assert not events[events["channel"] == "pub"].empty
    own = read_series(tmp_path / "second", "rig")
    assert {entry.channel for entry in own} == {"req", "rep", "note"}, "events are journalled once"


def read_series(folder: Path, writer: str) -> list[Entry]:
    return Follower(folder / "journal", writer).read()


@posix
@pytest.mark.parametrize("seed", moments)
def test_a_killed_kernel_misses_nothing(tmp_path, sim, application, seed, no_leaks):
    folder = tmp_path / "s"
    with kernel(sim, folder, 40, recorder=True) as (process, stdout):
        last = killed_at_a_random_moment(process, stdout, random.Random(seed))
    reading = read_journal(folder)
    assert digest_of(reading.entries[: last["visible"]]) == last["digest"]
    application.say(*(f"nobody but the recorder hears this {number}" for number in range(100)))
    known = len(rigkit.open(folder).shots)
    with rigkit.connect(sim.reqrep, publisher=sim.publisher, session=folder, recorder=True) as rig:
        assert heard(rig, "nobody but the recorder hears this 99")
        assert rig.shoot(wait="files", anyway=True).id == known + 1
        assert settled(rig)
        published = application.numbers()
        assert heard(rig, "the last one")
        live = rig.session
    got = numbers(live)
    own = [number for number in published if number >= got[0]]
    assert [number for number in got if number <= own[-1]] == own, "each event once, in order"
    assert len(live.loss) == 0
    assert list(live.shots.index) == list(range(1, known + 2))
    assert photographed(live) == truth(tmp_path)
    check_equal(rigkit.open(folder), live)
    check_equal(replayed(folder), live)
    assert recorder_in(folder) is None, "started by the kernel before: it ends with the session all the same"


@posix
def test_a_killed_recorder_is_noticed_and_replaced(tmp_path, sim, application, caplog, no_leaks):
    folder = tmp_path / "s"
    with rigkit.connect(sim.reqrep, publisher=sim.publisher, session=folder, recorder=True) as rig:
        assert rig.shoot(wait="files").ok
        notice = recorder_in(folder)
        assert notice is not None
        os.kill(notice.pid, signal.SIGKILL)
        application.say("maybe nobody hears this")

        def noticed() -> bool:
            heard_again = rig._sitting.wait_for(lambda: rig.session.hearing and "ended" in caplog.text, 10.0)
            return heard_again and bool(rig.request("GetCamera", CameraSelection="All").msg_result)

        with pytest.warns(RuntimeWarning, match="recorder of this session has ended"):
            assert noticed(), "whoever waits or asks next is told"
        application.say("this is heard")
        assert heard(rig, "this is heard")
        shot = rig.shoot(wait="files")
        assert (shot.id, shot.ok) == (2, True)
        live = rig.session
    lost = live.loss
    assert list(lost["where"]) in ([], ["gap"])
    assert len(numbers(live)) + int(lost["n"].sum()) == max(numbers(live)) - min(numbers(live)) + 1
    assert photographed(live) == truth(tmp_path)
    check_equal(rigkit.open(folder), live)


@posix
@pytest.mark.parametrize("seed", moments[1:12])
def test_a_recorder_killed_between_any_two_events(tmp_path, sim, seed, caplog, no_leaks):
    folder = tmp_path / "s"
    with rigkit.connect(sim.reqrep, publisher=sim.publisher, session=folder, recorder=True) as rig:
        notice = recorder_in(folder)
        assert notice is not None
        end = threading.Timer(random.Random(seed).uniform(0.0, 2.0), os.kill, (notice.pid, signal.SIGKILL))
        end.start()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # it may come with any wait or request
            for _ in range(8):
                rig.shoot(wait="files", anyway=True)
            end.join()
            assert rig._sitting.wait_for(lambda: "has ended" in caplog.text and rig.session.hearing, 10.0)
            assert rig.shoot(wait="files").ok
            assert settled(rig)
        live = rig.session
    assert photographed(live) == truth(tmp_path)
    assert len(set(numbers(live))) == len(numbers(live)), "nothing is journalled twice"
    check_equal(rigkit.open(folder), live)
    check_equal(replayed(folder), live)


@posix
@pytest.mark.parametrize("seed", moments[1:12])
def test_a_kernel_killed_while_it_connects(tmp_path, sim, application, seed, no_leaks):
    folder = tmp_path / "s"
    with kernel(sim, folder, 1, recorder=True) as (process, _), contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(random.Random(seed).uniform(0.2, 2.5))
    application.say("nobody is there, or a recorder")
    with rigkit.connect(sim.reqrep, publisher=sim.publisher, session=folder, recorder=True) as rig:
        assert rig.shoot(wait="files", anyway=True).ok
        assert settled(rig)
    assert photographed(rig.session) == truth(tmp_path)
    assert len(set(numbers(rig.session))) == len(numbers(rig.session))
    check_equal(rigkit.open(folder), rig.session)
    assert recorder_in(folder) is None
    assert read_journal(folder).unreadable == []


def test_a_kernel_killed_before_there_was_a_session_spoils_no_folder(tmp_path, sim):
    folder = tmp_path / "s"
    (folder / "journal").mkdir(parents=True)
    for path in ("journal/.lock", "journal/.recorder-lock", ".session.json.draft"):
        (folder / path).touch()
    rigkit.connect(sim.reqrep, publisher=sim.publisher, session=folder).close()
    other = tmp_path / "other"
    (other / "journal").mkdir(parents=True)
    (other / "journal" / "diary.txt").touch()
    with pytest.raises(SessionError, match="untouched"):
        rigkit.connect(sim.reqrep, publisher=sim.publisher, session=other)


def test_a_recorder_that_comes_too_late_goes_away(tmp_path, sim, no_leaks):
    """The kernel that started it is dead, and another one owns the session: alone, or with a recorder of its own."""
    folder = tmp_path / "s"
    rigkit.connect(sim.reqrep, publisher=sim.publisher, session=folder).close()
    command = [
        sys.executable,
        "-m",
        "rigkit",
        "record",
        "--companion",
        "--address",
        sim.reqrep,
        "--publisher",
        sim.publisher,
    ]

    def late() -> str:
        told = subprocess.run(
            [*command, "--session", str(folder)], cwd=ROOT, capture_output=True, text=True, timeout=30
        )
        assert told.returncode == 1
        return told.stderr

    assert "is gone" in late()
    ticket = folder / "journal" / ".recorder-ticket"
    ticket.write_text(
        json.dumps({"first": 0, "token": "0" * 32, "request": sim.reqrep, "publisher": "tcp://127.0.0.1:1"})
    )
    assert "is gone" in late(), "it was for another application"
    with rigkit.connect(sim.reqrep, publisher=sim.publisher, session=folder):
        assert not ticket.exists(), "void as soon as somebody else owns the session"
        assert "is gone" in late()
    assert writers(folder) == {"rig"}


@posix
def test_both_killed(tmp_path, sim, no_leaks):
    folder = tmp_path / "s"
    with kernel(sim, folder, 40, recorder=True) as (process, stdout):
        last = killed_at_a_random_moment(process, stdout, random.Random(7))
    notice = recorder_in(folder)
    assert notice is not None
    recorder = psutil.Process(notice.pid)
    recorder.kill()
    psutil.wait_procs([recorder], timeout=10.0)
    assert recorder_of(sim.publisher) is None
    assert digest_of(read_journal(folder).entries[: last["visible"]]) == last["digest"]
    for again in (True, False):
        known = len(rigkit.open(folder).shots)
        with rigkit.connect(sim.reqrep, publisher=sim.publisher, session=folder, recorder=again) as rig:
            assert rig.shoot(wait="files", anyway=True).id == known + 1
            assert settled(rig)
        assert photographed(rig.session) == truth(tmp_path)
        check_equal(rigkit.open(folder), rig.session)


def test_a_recorder_of_another_simulator_is_let_go(tmp_path, no_leaks):
    """A kernel that dies takes its simulator along, not its recorder."""
    folder = tmp_path / "s"
    with simulator(tmp_path) as first, kernel(first, folder, 1, recorder=True) as (process, stdout):
        assert stdout.readline().startswith("{")
        process.kill()
        process.wait()
    notice = recorder_in(folder)
    assert notice is not None
    with rigkit.simulate(cameras=4, seed=1, session=folder, recorder=True, photos="none") as rig:
        other = recorder_in(folder)
        assert other is not None
        assert other.pid != notice.pid
        assert rig.request("RelayCustomText", CustomText="heard").msg_result
        assert heard(rig, "heard")
    check_equal(rigkit.open(folder), rig.session)


@posix
def test_a_kernel_that_ends_without_closing_leaves_its_recorder(tmp_path, sim, application, no_leaks):
    """As when a notebook's kernel is restarted: only rig.close() ends a session."""
    folder = tmp_path / "s"
    script = f"""
        import rigkit
        rig = rigkit.connect({sim.reqrep!r}, publisher={sim.publisher!r}, session={str(folder)!r}, recorder=True)
        rig.shoot(wait="files").check()
    """
    told = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (told.returncode, told.stderr) == (0, "")
    notice = recorder_in(folder)
    assert notice is not None
    application.say("between two kernels")
    with rigkit.connect(sim.reqrep, publisher=sim.publisher) as rig:
        assert rig.session.path == folder
        assert heard(rig, "between two kernels")
        assert rig.shoot(wait="files").id == 2
    assert len(rig.session.loss) == 0
    assert recorder_in(folder) is None
    check_equal(rigkit.open(folder), rig.session)


@posix
def test_a_recorder_that_is_stuck_is_told_and_not_replaced(tmp_path, sim, application, no_leaks):
    folder = tmp_path / "s"
    with by_hand(sim, folder) as recorder, rigkit.connect(sim.reqrep, publisher=sim.publisher, session=folder) as rig:
        recorder.send_signal(signal.SIGSTOP)
        try:
            application.say("waits in the recorder's own queue")
            with pytest.warns(RuntimeWarning, match="silent for 5 s"):
                rig._sitting.wait_for(lambda: False, 7.0)
        finally:
            recorder.send_signal(signal.SIGCONT)
        assert heard(rig, "waits in the recorder's own queue")
        assert rig.shoot(wait="files").ok
    assert len(rig.session.loss) == 0
    assert len(set(numbers(rig.session))) == len(numbers(rig.session))


def test_the_old_dialect_too(tmp_path, no_leaks):
    folder = tmp_path / "s"
    with simulator(tmp_path, "--dialect", "v3") as sim:
        with rigkit.connect(sim.reqrep, publisher=sim.publisher, session=folder, recorder=True) as rig:
            assert rig.shoot(wait="files").ok
            assert rig.simulated
        check_equal(rigkit.open(folder), rig.session)
        assert len(rig.cameras) == 4
        alone = tmp_path / "alone"
        with by_hand(sim, alone):
            pass
        assert len(rigkit.open(alone).cameras) == 4
        assert rigkit.open(alone).simulated
        with by_hand(sim, alone), rigkit.connect(sim.reqrep, publisher=sim.publisher) as rig:
            assert rig.session.path == alone
            assert rig.shoot(wait="files").ok


# -- started by hand --------------------------------------------------------------------------------------------------------


@posix
def test_one_by_hand_is_found_used_and_left_alone(tmp_path, sim, application, monkeypatch, capsys, no_leaks):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "by hand"
    with by_hand(sim, folder) as recorder:
        application.say("before anybody is there")
        with rigkit.connect(sim.reqrep, publisher=sim.publisher) as rig:
            assert "its session goes on" in capsys.readouterr().out
            assert rig.session.path == folder
            assert heard(rig, "before anybody is there")
            assert rig.shoot(wait="files").ok
            check = numbers(rig.session)
        assert recorder.poll() is None
        assert is_owned(folder, RECORDER_LOCK)
        application.say("after everybody has gone")
        with rigkit.connect(sim.reqrep, publisher=sim.publisher, session=folder) as rig:
            assert heard(rig, "after everybody has gone")
            assert rig.shoot(wait="files").id == 2
            assert numbers(rig.session)[: len(check)] == check
        recorder.send_signal(signal.SIGINT)
        assert recorder.wait(10.0) == 0
        assert recorder.stdout is not None
        assert re.fullmatch(r"recorded \d+ messages\n", recorder.stdout.read())
    opened = rigkit.open(folder)
    assert numbers(opened) == list(range(numbers(opened)[0], numbers(opened)[-1] + 1))
    assert len(opened.loss) == 0
    assert not (tmp_path / "scans").exists()
    assert not list(Path(os.environ["XDG_RUNTIME_DIR"], "rigkit", "recorders").iterdir())


@posix
def test_a_recording_without_a_notebook_has_its_cameras(tmp_path, sim, application, no_leaks):
    folder = tmp_path / "alone"
    with by_hand(sim, folder, "-v"):
        application.say("one", "two")
        published = application.numbers()
        wait_for_text(folder, b"the last one")
        assert "another rigkit" not in repr(rigkit.open(folder)), "it can be looked at meanwhile"
    opened = rigkit.open(folder)
    assert len(opened.cameras) == 4
    assert opened.simulated
    got = numbers(opened)
    assert [one for one in got if one <= published[-1]] == [one for one in published if one >= got[0]]
    assert writers(folder) == {"recorder"}


def wait_for_text(folder: Path, text: bytes) -> None:
    follower, heard = Follower(folder / "journal", WRITER), threading.Event()
    for _ in range(500):
        if any(text in entry.raw for entry in follower.read()):
            return
        heard.wait(0.02)
    raise AssertionError(f"{text!r} was never recorded")


@posix
def test_it_is_not_used_for_another_folder(tmp_path, sim, capsys, no_leaks):
    with (
        by_hand(sim, tmp_path / "a"),
        rigkit.connect(sim.reqrep, publisher=sim.publisher, session=tmp_path / "b") as rig,
    ):
        assert "It is not used here" in capsys.readouterr().out
        assert rig.shoot(wait="files").ok
        assert writers(tmp_path / "b") == {"rig"}


@posix
def test_one_recorder_at_a_time_and_none_beside_a_notebook_that_listens(tmp_path, sim, no_leaks):
    def refused(folder: Path) -> str:
        command = [sys.executable, "-m", "rigkit", "record", "--address", sim.reqrep, "--publisher", sim.publisher]
        told = subprocess.run(
            [*command, "--session", str(folder)], cwd=ROOT, capture_output=True, text=True, timeout=30
        )
        assert told.returncode == 1
        return told.stderr

    with by_hand(sim, tmp_path / "a"):
        before = sorted((tmp_path / "a").rglob("*"))
        assert "another recorder writes this session" in refused(tmp_path / "a")
        assert sorted((tmp_path / "a").rglob("*")) == before
    with rigkit.connect(sim.reqrep, publisher=sim.publisher, session=tmp_path / "b"):
        assert "a notebook writes this session" in refused(tmp_path / "b")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.txt").write_text("mine")
    assert "neither empty nor a rigkit session" in refused(tmp_path / "thesis")
    assert len(list((tmp_path / "thesis").iterdir())) == 1


@posix
def test_one_by_hand_that_listens_elsewhere_is_not_taken_over(tmp_path, sim, no_leaks):
    with by_hand(sim, tmp_path / "a") as recorder, simulator(tmp_path / "other") as other:
        with pytest.raises(SessionError, match=r"a recorder \(process \d+\) writes this session, and listens to"):
            rigkit.connect(other.reqrep, publisher=other.publisher, session=tmp_path / "a")
        assert recorder.poll() is None


def test_one_that_nobody_needs_ends_by_itself(tmp_path, sim, no_leaks):
    with by_hand(sim, tmp_path / "a", "--idle", "0.3") as recorder:
        assert recorder.wait(20.0) == 0
    assert not is_owned(tmp_path / "a", RECORDER_LOCK)


def test_a_command_that_looks_works_beside_it(tmp_path, sim, no_leaks):
    with by_hand(sim, tmp_path / "a"):
        command = [sys.executable, "-m", "rigkit", "listen", "--address", sim.reqrep, "--publisher", sim.publisher]
        told = subprocess.run(
            [*command, "--count", "1", "--json", "--seconds", "20"], cwd=ROOT, capture_output=True, text=True
        )
        assert (told.returncode, told.stderr) == (0, "")
        assert json.loads(told.stdout)["msg_type"] == "Event"
        shown = subprocess.run(
            [sys.executable, "-m", "rigkit", "show", str(tmp_path / "a")], cwd=ROOT, capture_output=True, text=True
        )
        assert shown.returncode == 0


@pytest.mark.skipif(not hasattr(psutil.Process, "rlimit"), reason="a limit on another process is Linux")
def test_a_full_disk_of_the_recorder_is_told_and_made_up_for(tmp_path, sim, application, no_leaks):
    folder = tmp_path / "s"
    with by_hand(sim, folder) as recorder:
        process = psutil.Process(recorder.pid)
        with rigkit.connect(sim.reqrep, publisher=sim.publisher, session=folder) as rig:
            no_limit = process.rlimit(psutil.RLIMIT_FSIZE)
            process.rlimit(psutil.RLIMIT_FSIZE, (1, no_limit[1]))
            application.say("only in memory")
            with pytest.warns(RuntimeWarning, match="recorder of this session reports: The journal can't be written"):
                rig._sitting.wait_for(lambda: False, 1.5)
            process.rlimit(psutil.RLIMIT_FSIZE, no_limit)
            assert heard(rig, "only in memory")
            assert rig.shoot(wait="files").ok
        assert len(rig.session.loss) == 0
    assert read_journal(folder).unreadable == []


# -- its parts --------------------------------------------------------------------------------------------------------------


def entries_of(count: int) -> list[Entry]:
    return [
        Entry("pub", number, number, b'{"n":%d,"x":"%s"}' % (number, b"x" * (number % 7))) for number in range(count)
    ]


@given(st.lists(st.integers(1, 9), max_size=30), st.integers(0, 40), st.integers(60, 400), st.data())
def test_a_series_is_followed_over_all_its_files(tmp_path_factory, batches, first, rotate_bytes, data):
    folder = tmp_path_factory.mktemp("journal")
    writer = JournalWriter(folder, WRITER, rotate_bytes=rotate_bytes)
    written, got = entries_of(sum(batches)), []
    follower: Follower | None = None
    place = 0
    for size in batches:
        writer.append(written[place : place + size])
        place += size
        if follower is None and place >= first:
            follower = Follower(folder, WRITER, first)
        if follower is not None and data.draw(st.booleans()):
            got += follower.read()
    writer.close()
    if data.draw(st.booleans()):
        pack_journal(folder, WRITER)
    if follower is None:
        follower = Follower(folder, WRITER, first)
    while news := follower.read():
        got += news
    assert got == written[first:]
    assert follower.next_number == max(first, len(written))


def test_half_a_line_is_waited_for_and_a_bad_one_stepped_over(tmp_path):
    first, second, third = (write_line(entry, number) for number, entry in enumerate(entries_of(3)))
    path = tmp_path / f"{WRITER}-000001.jsonl"
    follower = Follower(tmp_path, WRITER)
    assert follower.read() == []
    path.write_bytes(first + second[:20])
    assert follower.read() == entries_of(1)
    assert follower.read() == []
    path.write_bytes(first)  # put back, as after a full disk
    assert follower.read() == []
    path.write_bytes(first + second + b"junk\n" + third)
    assert follower.read() == entries_of(3)[1:]
    path.unlink()
    assert follower.read() == []
    path.write_bytes(first)  # begun anew after somebody removed it
    assert follower.read() == []


def test_a_line_longer_than_what_is_read_at_once(tmp_path):
    entry = Entry("rep", 1, 2, b'{"x":"%s"}' % (b"x" * 9_000_000))
    writer = JournalWriter(tmp_path, WRITER)
    writer.append([entry])
    writer.append(entries_of(1))
    writer.close()
    assert Follower(tmp_path, WRITER).read() == [entry, *entries_of(1)]


def test_whoever_watches_is_told_how_it_stands(tmp_path, sim, application, no_leaks):
    with Recorder(Address(sim.reqrep, sim.reqrep, sim.publisher), tmp_path / "s") as recorder:
        said: list[str] = []
        tally = Tally(recorder, 0.0, said.append)
        application.say("one", "two", "three")
        recorder.run(lambda: bool(said) and "no gap" in said[-1] and int(said[-1].split()[1]) >= 3, each_slice=tally)
    assert re.fullmatch(r"\d\d:\d\d:\d\d \d+ events, 0 photos, no gap", said[-1])
    for number in (10, 13, 3):
        tally._count(
            json.dumps({"msg_type": "Event", "msg_id": "X", "msg_seq_num": number, "PhotoKey": "k"}).encode(), 0
        )
    tally._count(b"junk", 0)
    assert "1 photos" in tally.line()
    assert "1 that can't be read" in tally.line()


class Clock:
    """Told, not looked at."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def monotonic_ns(self) -> int:
        return int(self.now * 1e9)

    time_ns = monotonic_ns


@posix
def test_a_log_that_forgets_survives_the_removal_of_its_file(tmp_path, caplog):
    clock = Clock()
    log = Log(JournalWriter(tmp_path / "journal", WRITER), clock=clock, keep=False)
    log.append([("pub", 1, 1, b'{"n":1}')])
    assert (len(log), log.since(0), log._in_file) == (0, [], [])
    assert len(read_journal(tmp_path).entries) == 1
    journal_files(tmp_path / "journal")[0].path.unlink()
    clock.now += 5.0
    log.append([("pub", 2, 2, b'{"n":2}')])
    log.close()
    assert "its 1 messages are gone" in caplog.text
    assert log.trouble() is None
    reading = read_journal(tmp_path)
    assert [entry.raw for entry in reading.entries] == [b'{"n":2}']
    assert [one.why for one in reading.unreadable] == ["missing 0"]


def test_nobody_there_leaves_nothing(tmp_path, no_leaks):
    endpoint = "tcp://127.0.0.1:9"  # the discard service, which nobody runs any more
    with pytest.raises(NoReply, match="Network/API"):
        Recorder(Address(endpoint, endpoint, endpoint), tmp_path / "s", timeout=0.3)
    assert list(tmp_path.iterdir()) == []
    told = CliRunner().invoke(main, ["record", "--address", "sim:4", "--session", str(tmp_path / "s")])
    assert told.exit_code == 2
    assert "start rigkit sim" in told.output


def test_what_another_wrote_is_read_back_where_it_was_heard(tmp_path):
    other = JournalWriter(tmp_path / "journal", WRITER)
    log = Log(JournalWriter(tmp_path / "journal", "rig"))
    follower = Follower(tmp_path / "journal", WRITER)
    for number, entry in enumerate(entries_of(9)):
        other.append([entry])
        log.append([("req", number, number, b'{"q":%d}' % number)])
        if number % 3 == 1:
            news = follower.read()
            log.heard(WRITER, follower.next_number, news)
    log.close()
    other.close()
    read = read_journal(tmp_path).entries
    assert read[: len(log)] == log.since(0)
    assert read[len(log) :] == entries_of(9)[follower.next_number :], "what nobody heard comes last"


class Somebody:
    """A feed that is alive as long as it is told."""

    ours, living = True, True

    def __init__(self, bell: str, token: bytes) -> None:
        self.bell, self.token = bell, token

    def take(self) -> None: ...

    def leave(self) -> bytes:
        return b"stop"

    def close(self) -> None: ...

    def alive(self) -> bool:
        return self.living


def test_only_whoever_knows_the_token_can_end_a_recorder(no_leaks):
    bell = Bell(b"0" * 32)
    stopped = threading.Event()

    def serve() -> None:
        while not bell.attend(0.05, dict):
            pass
        stopped.set()

    thread = threading.Thread(target=serve)
    thread.start()
    context = zmq.Context()
    stranger = context.socket(zmq.DEALER)
    stranger.connect(bell.endpoint)
    for words in ([b"1" * 32, b"stop"], [b"stop"], [b"", b"", b"stop"], [b"0" * 31, b"stop"]):
        stranger.send_multipart(words)
    stranger.send_multipart([b"0" * 32, b"here"])
    assert stranger.poll(5000), "rung, so all that was said before has been heard"
    assert not stopped.is_set()
    feed = Somebody(bell.endpoint, b"0" * 32)
    teller = threading.Thread(target=lambda: tell_to_stop(feed))
    teller.start()
    assert stopped.wait(5.0)
    feed.living = False
    for one in (teller, thread):
        one.join()
    stranger.close(0)
    context.term()
    bell.close()
    bell.close()


def test_what_lies_in_the_register_is_only_data(tmp_path, sim):
    folder = tmp_path / "s"
    assert recorder_of(sim.publisher) is None
    register = Path(os.environ["XDG_RUNTIME_DIR"], "rigkit", "recorders")
    assert register.stat().st_mode & 0o077 == 0
    with by_hand(sim, folder):
        own = next(register.iterdir())
        prefix = own.name.partition("-")[0]
        entry = json.loads(own.read_text())
        for number, text in enumerate(
            [
                "",
                "{",
                "[]",
                '{"publisher":1}',
                json.dumps({**entry, "folder": "s"}),
                json.dumps({**entry, "folder": str(tmp_path)}),
            ]
        ):
            (register / f"{prefix}-{number}.json").write_text(text)
        found = recorder_of(sim.publisher.replace("127.0.0.1", "localhost"))
        assert found is not None
        assert found.folder == folder
        assert list(register.iterdir()) == [own], "stale ones are removed"
        notice = json.loads((folder / "journal" / "recorder.json").read_text())
        (folder / "journal" / "recorder.json").write_text(json.dumps({**notice, "bell": "tcp://example.org:80"}))
        assert recorder_of(sim.publisher) is None, "never reached anywhere but on this computer"
        (folder / "journal" / "recorder.json").write_text(json.dumps(notice))
    assert recorder_of(sim.publisher) is None
    register.chmod(0o777)
    assert recorder_of(sim.publisher) is None


def test_a_recorder_that_does_not_start_says_why(tmp_path, monkeypatch, no_leaks):
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    broken = tmp_path / "broken"
    with monkeypatch.context() as patch:
        patch.setattr("rigkit.attach.sys.executable", sys.executable)
        patch.setattr("rigkit.attach.IDLE_S", -1.0)
        with pytest.raises(rigkit.RigError, match=r"recorder did not start.*idle"):
            rigkit.simulate(cameras=2, seed=1, session=broken, recorder=True, photos="none")
    assert not broken.exists()


def test_the_feed_shows_and_notes(tmp_path):
    other = JournalWriter(tmp_path / "journal", WRITER)
    other.append(entries_of(5))
    log = Log(None)
    notice = rigkit_notice()
    feed = RecorderFeed(notice, tmp_path, log, 2)
    feed.take()
    feed.take()
    assert log.since(0)[:-1] == entries_of(5)[2:]
    assert json.loads(log.since(0)[-1].raw) == {"note": "heard", "writer": WRITER, "upto": 5}
    assert not feed.alive()
    assert not feed.ours
    other.close()


def rigkit_notice():
    from rigkit.attach import Notice

    return Notice(
        pid=1, request="tcp://127.0.0.1:2", publisher="tcp://127.0.0.1:1", bell="tcp://127.0.0.1:3", token="0" * 32,
        starter="hand", rigkit_version="0", started_wall_ns=0,
    )  # fmt: skip
