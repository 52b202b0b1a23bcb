"""The server over real sockets, and the simulator as a program."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import zmq

from rigkit.errors import RigError
from rigkit.link.disk import LocalDisk
from rigkit.link.server import LARGEST_REQUEST, Server
from rigkit.sim import FileTask, SimSettings, SimulatedRig
from rigkit.sim.studio import develop
from rigkit.wire import DIALECTS
from tests.test_sim_model import SAMPLE3

ANY_PORT: dict[str, Any] = {"publisher": "tcp://127.0.0.1:*", "reqrep": "tcp://127.0.0.1:*"}
BOM = b"\xef\xbb\xbf"


class Ends:
    """The client's ends of the two sockets: plain zmq and json, nothing of rigkit's client."""

    def __init__(self, publisher: str, reqrep: str) -> None:
        self.context = zmq.Context()
        self.sub = self.context.socket(zmq.SUB)
        self.sub.reconnect_ivl = 10  # ms: after a restart, before the cameras are Ready again
        self.sub.rcvtimeo = 5000
        self.sub.connect(publisher)
        self.sub.subscribe(b"")
        self.req = self.context.socket(zmq.REQ)
        self.req.rcvtimeo = 5000
        self.req.connect(reqrep)

    def close(self) -> None:
        self.context.destroy(linger=0)

    def raw(self, *frames: bytes) -> dict[str, Any]:
        """Send frames as they are and decode the one reply."""
        self.req.send_multipart(frames)
        (reply,) = self.req.recv_multipart()
        decoded = json.loads(reply.decode("utf-8-sig"))
        assert isinstance(decoded, dict)
        return decoded

    def ask(self, msg_id: str, **fields: Any) -> dict[str, Any]:
        return self.raw(json.dumps({"msg_type": "Request", "msg_id": msg_id, "msg_seq_num": 5, **fields}).encode())

    def hear(self, msg_id: str, n: int = 1, **fields: Any) -> list[dict[str, Any]]:
        """Wait for the n-th event of an id with these values; return all of them."""
        heard: list[dict[str, Any]] = []
        while len(heard) < n:
            event = json.loads(self.sub.recv().decode("utf-8-sig"))
            if event["msg_id"] == msg_id and all(event.get(name) == value for name, value in fields.items()):
                heard.append(event)
        return heard

    def joined(self, dialect: str = "v5") -> None:
        """Wait until the subscription has arrived at the server."""
        self.sub.rcvtimeo = 50
        for _ in range(100):
            if dialect == "v5":
                self.ask("RelayCustomText", CustomText="here?")
            else:
                self.raw(b'{"msg_type": "Event", "msg_id": "RelayCustomTextMsg", "CustomText": "here?"}')
            with contextlib.suppress(zmq.Again):
                self.sub.recv()
                break
        with contextlib.suppress(zmq.Again):
            while True:
                self.sub.recv()
        self.sub.rcvtimeo = 5000


@contextlib.contextmanager
def serving(folder: Path | None = None, **wishes: Any) -> Iterator[tuple[Ends, Server]]:
    """Run a simulated rig's server in a thread of this process."""
    options: dict[str, Any] = {name: wishes.pop(name) for name in ("speed", "publisher_mark") if name in wishes}
    wishes = {
        "cameras": 4,
        "ping_s": 0,
        "download": str(folder or "photos"),
        "speed": options.get("speed", 1.0),
        **wishes,
    }
    settings = SimSettings(**wishes)
    disk = LocalDisk([str(folder)]) if folder else None
    rig = SimulatedRig(settings, develop=develop if folder else None, disk=disk)
    with Server(rig, **ANY_PORT, dialect=DIALECTS[settings.dialect], disk=disk, **options) as server:
        runner = threading.Thread(target=server.run)
        runner.start()
        ends = Ends(server.publisher, server.reqrep)
        try:
            ends.joined(settings.dialect)
            yield ends, server
        finally:
            ends.close()
            server.stop()
            runner.join(5)
            assert not runner.is_alive()


def start_program(*options: str, **popen: Any) -> tuple[subprocess.Popen[str], str, str]:
    """Start `rigkit sim` and read its two endpoints."""
    command = [
        sys.executable,
        "-m",
        "rigkit",
        "sim",
        "--publisher",
        "tcp://127.0.0.1:*",
        "--reqrep",
        "tcp://127.0.0.1:*",
    ]
    process = subprocess.Popen([*command, *options], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **popen)
    assert process.stdout is not None
    lines = [process.stdout.readline().split() for _ in range(2)]
    if [line[:1] for line in lines] != [["publisher"], ["reqrep"]]:
        process.kill()
        raise AssertionError(process.communicate())
    return process, lines[0][1], lines[1][1]


@contextlib.contextmanager
def program(*options: str) -> Iterator[tuple[Ends, subprocess.Popen[str]]]:
    """Run `rigkit sim` as a child process, with a temporary folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "TMPDIR": folder, "TEMP": folder, "TMP": folder}
        process, publisher, reqrep = start_program(*options, env=environment)
        ends = Ends(publisher, reqrep)
        try:
            yield ends, process
        finally:
            ends.close()
            process.kill()
            process.communicate()


# photos and events


def test_photos_are_files_before_they_are_announced(tmp_path: Path) -> None:
    with serving(tmp_path / "photos", cameras=8, truth=str(tmp_path / "photos/truth")) as (ends, _):
        assert ends.ask("Shoot", CameraSelection="All", PhotoOrigin="rk:1:1")["msg_result"] is True
        for _ in range(8):
            (event,) = ends.hear("PhotoUpdated", PhotoLocation="Local Disk")
            content = Path(event["PhotoFilename"]).read_bytes()
            assert len(content) == event["PhotoFilesize"]
            assert f"{zlib.crc32(content):08X}" == event["PhotoHash"]
            assert content[:3] == b"\xff\xd8\xff"
            assert event["PhotoOrigin"] == "rk:1:1"
        ends.hear("NodeUpdated")
    assert len((tmp_path / "photos/truth/exposures.csv").read_text().splitlines()) == 9
    assert len(list((tmp_path / "photos").glob("*.JPG"))) == 8
    assert list((tmp_path / "photos").glob(".*")) == []


def test_the_reply_repeats_id_and_number_as_they_were_sent() -> None:
    with serving() as (ends, _):
        assert ends.ask("FormatAll") == {
            "msg_type": "Response",
            "msg_id": "FormatAll",
            "msg_seq_num": 5,
            "msg_user_id": 0,
            "msg_result": True,
        }
        assert ends.ask("Connect", CameraSelection="All", msg_user_id=9)["msg_user_id"] == 9


def test_speed_makes_virtual_time_run_faster() -> None:
    with serving(speed=50.0) as (ends, _):
        began = time.monotonic()
        ends.ask("SetProperty", CameraSelection="All", CameraPropertyType="ShutterSpeed", CameraPropertyValue="30")
        ends.hear("CameraUpdated", 4)
        ends.ask("Shoot", CameraSelection="All")
        ends.hear("PhotoUpdated", 4, PhotoLocation="Local Disk")
        assert 0.6 < time.monotonic() - began < 5.0


# bad input

WRONG = {
    "empty": b"",
    "not JSON": b"Shoot!",
    "half": b'{"msg_type": "Request", "msg_id"',
    "a list": b'[{"msg_id": "Shoot"}]',
    "a number": b"7",
    "no msg_id": b'{"msg_type": "Request", "CameraSelection": "All"}',
    "a number for msg_id": b'{"msg_type": "Request", "msg_id": 7, "CameraSelection": "All"}',
    "an object for msg_id": b'{"msg_type": "Request", "msg_id": {"a": []}}',
    "unknown": b'{"msg_type": "Request", "msg_id": "Explode"}',
    "an event": b'{"msg_type": "Event", "msg_id": "Shoot", "CameraSelection": "All"}',
    "no type": b'{"msg_id": "Shoot", "CameraSelection": "All"}',
    "v3": b'{"msg_type": "Request", "msg_id": "ShootMsg", "msg_ref_num": 1, "CameraSelection": "All"}',
    "half v3": b'{"msg_type": "Request", "msg_id": "Shoot", "msg_ref_num": 1, "CameraSelection": "All"}',
    "v3 with a new number": b'{"msg_type": "Request", "msg_id": "ShootMsg", "msg_seq_num": 1, "CameraSelection": "All"}',
    "invalid UTF-8": b'{"msg_type": "Request", "msg_id": "RelayCustomText", "CustomText": "\xff\xfe"}',
    "a lone surrogate": b'{"msg_type": "Request", "msg_id": "RelayCustomText", "CustomText": "\\ud800"}',
    "a huge number": b'{"msg_type": "Request", "msg_id": "Synchronise", "msg_seq_num": ' + b"9" * 400 + b"}",
    "a huge float": b'{"msg_type": "Request", "msg_id": "Synchronise", "msg_seq_num": 1e400}',
    "a negative number": b'{"msg_type": "Request", "msg_id": "Synchronise", "msg_seq_num": -1}',
    "a huge timer": b'{"msg_type": "Request", "msg_id": "Shoot", "CameraSelection": "All", "BulbTimer": '
    + b"9" * 30
    + b"}",
    "deep": b'{"msg_type": "Request", "msg_id": "Shoot", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "long id": json.dumps({"msg_type": "Request", "msg_id": "x" * 1_000_000}).encode(),
    "50 MB": json.dumps({"msg_type": "Request", "msg_id": "RelayCustomText", "CustomText": "x" * 50_000_000}).encode(),
    "50 MB of nothing": bytes(50_000_000),
}


@pytest.fixture(scope="module")
def patient() -> Iterator[Ends]:
    """One server that suffers all of it."""
    with serving() as (ends, _):
        yield ends


@pytest.mark.parametrize("name", WRONG)
def test_whatever_comes_gets_one_reply_of_false_and_nothing_happens(patient: Ends, name: str) -> None:
    reply = patient.raw(WRONG[name])
    assert (reply["msg_type"], reply["msg_result"]) == ("Response", False)
    assert isinstance(reply["msg_id"], str)
    assert 0 <= reply["msg_seq_num"] < 2**32
    patient.ask("RelayCustomText", CustomText=name)
    event = json.loads(patient.sub.recv())
    assert event.get("CustomText") == name, "nothing was published in between"


def test_several_frames_are_no_request(patient: Ends) -> None:
    good = b'{"msg_type": "Request", "msg_id": "Shoot", "CameraSelection": "All"}'
    assert patient.raw(good, good)["msg_result"] is False
    assert patient.raw(b"", good)["msg_result"] is False
    assert patient.ask("GetCamera", CameraSelection="All")["msg_result"] is True


def test_a_fault_in_the_model_is_a_refusal(caplog: pytest.LogCaptureFixture) -> None:
    with serving() as (ends, server):
        working = server.model.request

        def broken(body: Any, now: float) -> Any:
            raise ZeroDivisionError

        server.model.request = broken  # type: ignore[method-assign]
        assert ends.ask("Synchronise")["msg_result"] is False
        server.model.request = working  # type: ignore[method-assign]
        assert ends.ask("Synchronise")["msg_result"] is True
    assert "the model failed" in caplog.text


def test_nothing_is_written_outside(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    with contextlib.suppress(OSError):
        (folder / "link").symlink_to(outside, target_is_directory=True)
    disk = LocalDisk([str(folder)])
    for path in (outside / "x", folder / ".." / "x", folder / "link" / "x", tmp_path / "photos2"):
        if path.parent.name == "link" and not path.parent.is_symlink():
            continue
        for work in (
            FileTask("write", str(path), b""),
            FileTask("delete", str(path)),
            FileTask("append", str(path), b""),
        ):
            with pytest.raises(PermissionError, match="outside"):
                disk.do(work)
    disk.do(FileTask("write", str(folder / "a" / "b"), b"1"))
    with pytest.raises(PermissionError, match="outside"):
        disk.do(FileTask("move", str(folder / "a" / "b"), to=str(outside / "b")))
    disk.do(FileTask("move", str(folder / "a" / "b"), to=str(folder / "c" / "d")))
    assert (folder / "c" / "d").read_bytes() == b"1"
    disk.do(FileTask("delete", str(folder / "c" / "d")))
    disk.do(FileTask("delete", str(folder / "c" / "d")))
    assert list(outside.iterdir()) == []


def test_download_path_keeps_to_the_roots(tmp_path: Path) -> None:
    with serving(tmp_path / "photos") as (ends, _):
        for path in ("/etc", str(tmp_path), str(tmp_path / "photos" / ".." / "x"), "", "\0"):
            assert ends.ask("SetOptions", DownloadPath=path)["msg_result"] is False
        assert ends.ask("SetOptions", DownloadPath=str(tmp_path / "photos" / "P017"))["msg_result"] is True
        ends.ask("SetOptions", FilenameExpression="../../[S]")
        ends.ask("Shoot", CameraSelection="All")
        for event in ends.hear("PhotoUpdated", 4, PhotoLocation="Local Disk"):
            assert Path(event["PhotoFilename"]).is_relative_to(tmp_path / "photos" / "P017")
    assert {path.name for path in tmp_path.iterdir()} == {"photos"}


# hanging, restarting, ending


def test_a_hang_delays_the_reply_and_a_restart_loses_the_connection_for_a_while() -> None:
    faults = [
        {"at": 1, "kind": "hang", "amount": 600},
        {"at": 2, "after_s": 0.1, "kind": "restart", "amount": 300},
    ]
    with serving(scenario={"faults": faults}) as (ends, _):
        began = time.monotonic()
        assert ends.ask("Shoot", CameraSelection="All")["msg_result"] is True
        assert time.monotonic() - began >= 0.59
        last = ends.hear("PhotoUpdated", 4, PhotoLocation="Local Disk")[-1]["msg_seq_num"]
        time.sleep(0.1)
        assert ends.ask("Shoot", CameraSelection="All")["msg_result"] is True
        ready = ends.hear("CameraUpdated", 4, CameraStatus="Ready")
        while ready[-1]["msg_seq_num"] > last:
            ready = ends.hear("CameraUpdated", 1, CameraStatus="Ready")
        assert ends.ask("GetCamera", CameraSelection="All")["CameraInfo"][0]["CameraStatus"] in (
            "Ready",
            "Disconnected",
        )


def test_stop_ends_a_hang_too() -> None:
    with serving(scenario={"faults": [{"at": 1, "kind": "hang", "amount": 60_000}]}) as (ends, _):
        ends.req.send_json({"msg_type": "Request", "msg_id": "Shoot", "CameraSelection": "All"})
        time.sleep(0.1)


def refused(folder: Path, options: list[str]) -> subprocess.CompletedProcess[str]:
    """Run `rigkit sim` with options that can't work."""
    environment = {**os.environ, **dict.fromkeys(["TMPDIR", "TEMP", "TMP"], str(folder))}
    command = [sys.executable, "-m", "rigkit", "sim", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, env=environment, check=False)


def test_a_busy_port_is_told_in_one_line(tmp_path: Path) -> None:
    with serving() as (_, server):
        for taken in ("publisher", "reqrep"):
            with pytest.raises(RigError, match=f"(?s)can't listen on the {taken} endpoint .* running there already"):
                Server(server.model, **{**ANY_PORT, taken: getattr(server, taken)})
        options = ["--publisher", server.publisher, "--reqrep", "tcp://127.0.0.1:*"]
        told = refused(tmp_path, options)
        assert (told.returncode, told.stdout) == (1, "")
        assert "can't listen on the publisher endpoint" in told.stderr
        assert len(told.stderr.strip().splitlines()) == 1


def test_closing_leaves_nothing(no_leaks: None) -> None:
    before = psutil.Process().num_fds() if hasattr(psutil.Process, "num_fds") else 0
    for _ in range(5):
        with serving() as (ends, _server):
            ends.ask("Shoot", CameraSelection="All")
    if before:
        assert psutil.Process().num_fds() <= before + 2


# the program


@pytest.mark.skipif(sys.platform == "win32", reason="signals are another matter there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_program_says_two_lines_and_ends_on_a_signal(number: int) -> None:
    with program("--cameras", "2", "--photos", "none") as (ends, process):
        assert ends.ask("Synchronise")["msg_result"] is True
        process.send_signal(number)
        assert process.wait(5) == 0
        assert process.communicate() == ("", "")


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is POSIX")
def test_the_embedded_simulator_dies_with_its_parent(tmp_path: Path) -> None:
    parent = textwrap.dedent(
        """
        import subprocess, sys, time
        command = [sys.executable, "-m", "rigkit", "sim", "--embedded", "--publisher", "tcp://127.0.0.1:*",
                   "--reqrep", "tcp://127.0.0.1:*"]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        child.stdout.readline()
        print(child.pid, flush=True)
        time.sleep(60)
        """
    )
    environment = {**os.environ, **dict.fromkeys(["TMPDIR", "TEMP", "TMP"], str(tmp_path))}
    command = [sys.executable, "-c", parent]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        child = psutil.Process(int(process.stdout.readline()))
        os.kill(process.pid, signal.SIGKILL)
        child.wait(5)


def test_shutdown_is_answered_and_ends_the_program() -> None:
    with program("--cameras", "1", "--photos", "none") as (ends, process):
        assert ends.ask("Shutdown")["msg_result"] is True
        assert process.wait(5) == 0


def test_the_program_takes_its_options(tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text("cameras: {A01: {name: Front}}")
    options = [
        "--cameras",
        "2",
        "--scenario",
        str(scenario),
        "--epoch",
        "2026-11-22T10:00:00+01:00",
        "--speed",
        "20",
        "-v",
    ]
    options += [
        "--truth",
        str(tmp_path / "truth"),
        "--download",
        str(tmp_path / "photos"),
        "--root",
        str(tmp_path / "other"),
    ]
    with program(*options) as (ends, process):
        state = ends.ask("Synchronise")
        assert state["CameraInfo"][0]["CameraName"] == "Front"
        assert state["OptionsInfo"]["DownloadPath"] == os.path.realpath(tmp_path / "photos")
        assert ends.ask("SetOptions", DownloadPath=str(tmp_path / "other"))["msg_result"] is True
        assert ends.ask("SetOptions", DownloadPath=str(tmp_path / "third"))["msg_result"] is False
        ends.ask("Shoot", CameraSelection="All")
        deadline = time.monotonic() + 5
        while len(list((tmp_path / "other").glob("*.JPG"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        photo = ends.ask("Synchronise")["PhotoInfo"][0]
        assert photo["PhotoDateCaptured"].startswith("20261122 10:0"), "local time of the epoch given"
        ends.ask("Shutdown")
        said = process.communicate(timeout=5)[1]
    assert "reply   Shoot True" in said
    assert "PhotoUpdated" in said
    assert {path.name for path in (tmp_path / "truth").iterdir()} == {"cameras.csv", "exposures.csv", "start.json"}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--scenario", "{faults: [{at: 1, kind: melt}]}"], "misfire"),
        (["--scenario", "no-such-file.yaml"], "no-such-file.yaml"),
        (["--photos", "rendered"], "not built yet"),
        (["--epoch", "yesterday"], "yesterday"),
        (["--publisher", "nonsense"], "nonsense"),
        (["--cameras", "0"], "--cameras"),
    ],
)
def test_the_program_refuses_what_makes_no_sense(tmp_path: Path, options: list[str], says: str) -> None:
    told = refused(tmp_path, options)
    assert told.returncode in (1, 2)
    assert says in told.stderr
    assert "Traceback" not in told.stderr


# scripts of the vendor's kind


def test_a_raw_script_lists_shoots_and_listens() -> None:
    with program("--cameras", "3") as (ends, _):
        endpoints = [end.getsockopt_string(zmq.LAST_ENDPOINT) for end in (ends.sub, ends.req)]
        script = textwrap.dedent(
            """
            import json, sys, zmq
            context = zmq.Context()
            events, requests = context.socket(zmq.SUB), context.socket(zmq.REQ)
            events.connect(sys.argv[1]); events.setsockopt(zmq.SUBSCRIBE, b"")
            requests.connect(sys.argv[2])
            def ask(msg_id, **fields):
                requests.send_string(json.dumps({"msg_type": "Request", "msg_id": msg_id, "msg_seq_num": 1, **fields}))
                return json.loads(requests.recv().decode("utf-8"))
            for camera in ask("Synchronise")["CameraInfo"]:
                print(camera["CameraName"], camera["CameraStatus"])
            print(ask("Shoot", CameraSelection="All")["msg_result"])
            while True:
                event = json.loads(events.recv().decode("utf-8"))
                if event["msg_id"] == "PhotoUpdated" and event["PhotoLocation"] == "Local Disk":
                    print(event["PhotoFilename"]); break
            """
        )
        told = subprocess.run(
            [sys.executable, "-c", script, *endpoints], capture_output=True, text=True, timeout=30, check=True
        )
    *listed, result, filename = told.stdout.splitlines()
    assert listed == ["A01 Ready", "A02 Ready", "A03 Ready"]
    assert result == "True"
    assert filename.endswith(".JPG")


def test_the_listener_prints_photos_with_every_field_of_the_published_example() -> None:
    with program("--cameras", "1") as (ends, _):
        script = textwrap.dedent(
            """
            import json, sys, zmq
            socket = zmq.Context().socket(zmq.SUB)
            socket.setsockopt(zmq.SUBSCRIBE, b"")
            socket.connect(sys.argv[1])
            while True:
                print(json.dumps(json.loads(str(socket.recv(), "utf-8"))), flush=True)
            """
        )
        endpoint = ends.sub.getsockopt_string(zmq.LAST_ENDPOINT)
        with subprocess.Popen([sys.executable, "-c", script, endpoint], stdout=subprocess.PIPE, text=True) as listener:
            assert listener.stdout is not None
            try:
                while True:  # until the listener has joined
                    ends.ask("Shoot", CameraSelection="All")
                    line = json.loads(listener.stdout.readline())
                    if line["msg_id"] == "PhotoUpdated":
                        break
            finally:
                listener.kill()
    assert set(line) >= SAMPLE3


def test_v3_on_the_wire() -> None:
    with serving(dialect="v3") as (ends, _):
        ends.req.send(b'{"msg_type": "Request", "msg_id": "SynchroniseMsg", "msg_ref_num": 3}')
        answer = ends.req.recv()
        asked = time.monotonic()
        assert answer.startswith(BOM)
        assert json.loads(answer[3:]) == {
            "msg_type": "Response",
            "msg_id": "SynchroniseMsg",
            "msg_ref_num": 3,
            "Result": True,
        }
        frame = ends.sub.recv()
        assert 0.03 < time.monotonic() - asked < 0.5
        assert frame.startswith(BOM)
        assert b"\n    " in frame, "indented, as the vendor's sample is printed"
        state = json.loads(frame[3:])
        assert state["msg_id"] == "SynchroniseMsg"
        assert len(state["CameraUpdatedMsg"]) == 4
        assert state["SetOptionsMsg"]["GridDefaultStorage"] == "Disk"
        assert state["PropertyUpdatedMsg"][0]["PropertyInfoMsg"][0]["CameraPropertyType"] == "Aperture"
        sequence = ends.raw(b'{"msg_type": "Request", "msg_id": "SetSequenceNumMsg", "GridSequenceNum": 1001}')
        assert (sequence["Result"], sequence["msg_ref_num"]) == (True, 0), "a number is not needed"
        half = {
            "msg_id": "SetShutterButtonMsg",
            "msg_ref_num": 1,
            "CameraSelection": "All",
            "CameraShutterButton": "half",
        }
        assert ends.raw(json.dumps({"msg_type": "Request", **half}).encode())["Result"] is True
        assert (
            ends.raw(b'{"msg_type": "Request", "msg_id": "FormatAllMsg", "msg_ref_num": 1}')["msg_id"] == "FormatAllMsg"
        )
        ends.hear("CameraUpdatedMsg", 4, CameraStatus="Ready")
        ends.raw(b'{"msg_type": "Request", "msg_id": "ShootMsg", "msg_ref_num": 0, "CameraSelection": "All"}')
        (photo,) = ends.hear("PhotoUpdatedMsg", GridSequenceNum=1001)
        assert "Result" not in photo
        assert set(photo) >= {"PhotoUUID", "GridBatchNum", "PhotoIsScanned", "msg_ref_num"}
        # A client that asks in the new dialect first gets a no it can read.
        new = ends.raw(b'{"msg_type": "Request", "msg_id": "GetCamera", "msg_seq_num": 8, "CameraSelection": "All"}')
        assert (new["Result"], new["msg_id"], new["msg_ref_num"]) == (False, "GetCamera", 8)
        half = ends.raw(b'{"msg_type": "Request", "msg_id": "Shoot", "msg_ref_num": -1, "CameraSelection": "All"}')
        assert half == {"msg_type": "Response", "msg_id": "Shoot", "msg_ref_num": -1, "Result": False}


def test_a_v3_subscriber_that_joins_just_before_it_asks_hears_the_state() -> None:
    with serving(dialect="v3") as (ends, server):
        for _ in range(5):
            late = ends.context.socket(zmq.SUB)
            late.rcvtimeo = 3000
            late.connect(server.publisher)
            late.subscribe(b"")
            ends.raw(b'{"msg_type": "Request", "msg_id": "SynchroniseMsg", "msg_ref_num": 0}')
            assert json.loads(late.recv().decode("utf-8-sig"))["msg_id"] == "SynchroniseMsg"
            late.close(linger=0)


def test_the_state_of_v3_keeps_its_delay_at_any_speed() -> None:
    for speed in (50.0, 0.5):
        with serving(dialect="v3", speed=speed, synchronise_delay_ms=100.0) as (ends, _):
            asked = time.monotonic()
            ends.raw(b'{"msg_type": "Request", "msg_id": "SynchroniseMsg", "msg_ref_num": 0}')
            ends.hear("SynchroniseMsg")
            assert 0.09 < time.monotonic() - asked < 1.0


def test_a_user_id_comes_back_unless_it_is_none() -> None:
    with serving() as (ends, _):
        assert ends.ask("Synchronise", msg_user_id=2**32 - 1)["msg_user_id"] == 2**32 - 1
        for wrong in ([7], "7", 7.5, True, None, -1, 2**32):
            reply = ends.ask("Synchronise", msg_user_id=wrong)
            assert (reply["msg_result"], reply["msg_user_id"]) == (False, 0), wrong
    with serving(dialect="v3") as (ends, _):
        reply = ends.raw(b'{"msg_type": "Request", "msg_id": "SynchroniseMsg", "msg_ref_num": -7, "msg_user_id": [1]}')
        assert reply["Result"] is True, "3.x has no such field, and unknown ones are ignored"
        assert reply["msg_ref_num"] == -7


def test_the_publisher_can_lose_events_at_a_mark() -> None:
    with serving(publisher_mark=10) as (_, server):
        assert server._pub.sndhwm == 10
    assert LARGEST_REQUEST < 50_000_000
