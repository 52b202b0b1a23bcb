"""`rigkit doctor`: each trouble is told by its own name, nothing is changed, nothing is left behind."""

from __future__ import annotations

import http.server
import json
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

import rigkit
from rigkit.cli import main
from rigkit.doctor import as_text, examine
from rigkit.doctor.application import say_photos
from rigkit.doctor.doors import Door, say_ports
from rigkit.doctor.findings import STEPS, Findings
from rigkit.link.probe import Look, Name, look, resolve
from rigkit.record.folder import Manifest
from rigkit.record.log import Log
from rigkit.session import Session
from tests.fakes import FakeServer, say_yes

HARMLESS = {"GetCamera", "Synchronise", "RelayCustomText"}


def port_of(endpoint: str) -> int:
    return int(endpoint.rpartition(":")[2])


def free_endpoint() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{one.getsockname()[1]}"


@contextmanager
def listener(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """A TCP server that is no ZeroMQ: each connection is served by a function, then closed."""
    with socket.create_server(("127.0.0.1", 0)) as door:

        def run() -> None:
            while True:
                try:
                    connection, _ = door.accept()
                except OSError:
                    return
                with connection:
                    serve(connection)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield f"tcp://127.0.0.1:{door.getsockname()[1]}"
        finally:
            door.shutdown(socket.SHUT_RDWR)
            thread.join()


def wait_for_the_end(connection: socket.socket) -> None:
    """Say nothing until the other side leaves."""
    while connection.recv(1000):
        pass


def run_doctor(*arguments: str, **settings: Any) -> Result:
    return CliRunner(**settings).invoke(main, ["doctor", *arguments])


def ok(table: pd.DataFrame, step: str) -> bool | None:
    value = table.loc[step, "ok"]
    return None if value is pd.NA else bool(value)


def found(table: pd.DataFrame, step: str) -> str:
    return str(table.loc[step, "found"])


def todo(table: pd.DataFrame, step: str) -> str:
    return str(table.loc[step, "todo"])


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def told(**containers: Any) -> Callable[[dict[str, Any]], bytes]:
    """Answer as an application does that tells this in its state."""

    def answer(request: dict[str, Any]) -> bytes:
        reply = json.loads(say_yes(request))
        if request["msg_id"] in {"GetCamera", "Synchronise"}:
            reply.update(containers)
        return json.dumps(reply).encode()

    return answer


def cameras(*infos: tuple[str, str, int]) -> list[dict[str, Any]]:
    return [
        {"CameraKey": f"k{at}", "CameraName": name, "CameraStatus": status, "PhotoBatchNum": batch}
        for at, (name, status, batch) in enumerate(infos)
    ]


# -- what works -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["v5", "v3"])
def test_a_simulator_is_well_and_is_said_to_be_one(dialect, tmp_path, no_leaks):
    said = run_doctor(f"sim:6?dialect={dialect}")
    assert said.exit_code == 0, said.output
    lines = said.output.splitlines()
    assert {line[:2] for line in lines if line[2:4] == "  " and line[:2].strip()} == {"ok"}
    assert "\nReady: 6 of 6 cameras Ready at sim:6" in said.output
    assert "SIMULATED" in said.output
    assert list(tmp_path.iterdir()) == [], "no session folder is made"


def test_the_same_as_a_table(no_leaks):
    table = rigkit.doctor.examine("sim:3")
    assert list(table.index) == list(STEPS)
    assert table.index.name == "step"
    assert list(table.columns) == ["ok", "found", "todo"]
    assert table["ok"].all()
    assert (table["todo"] == "").all()
    assert table.attrs["connects"] is True
    assert "doctor" in dir(rigkit)


def test_nothing_is_fired_or_changed_whatever_is_heard(no_leaks):
    with FakeServer() as server:
        orphan = {"msg_type": "Event", "msg_id": "PhotoUpdated", "msg_seq_num": 1, "PhotoKey": "p", "CameraKey": "k1"}
        server.publish(*[json.dumps({**orphan, "PhotoLocation": "Camera"}).encode()] * 50)
        table = examine(server.requests, publisher=server.publisher)
        assert table.attrs["connects"]
        assert {one["msg_id"] for one in server.received} == HARMLESS
    assert table.attrs["verdict"] == f"Ready: 1 of 1 cameras Ready at {server.requests}."


def test_the_address_of_the_environment_is_used_and_said(monkeypatch):
    endpoint = free_endpoint()
    monkeypatch.setenv("RIGKIT_ADDRESS", endpoint)
    said = run_doctor("--timeout", "0.5")
    assert said.exit_code == 1
    assert "$RIGKIT_ADDRESS" in said.output
    assert endpoint in said.output


# -- what does not connect --------------------------------------------------------------------------------------------------


def test_nothing_listens(tmp_path, no_leaks):
    endpoint = free_endpoint()
    table = examine(endpoint)
    assert (ok(table, "name"), ok(table, "request port"), ok(table, "request")) == (True, False, None)
    assert "Network/API" in todo(table, "request port")
    assert table.attrs["verdict"] == f"Not yet: nothing listens on {endpoint.removeprefix('tcp://')} (refused)."
    assert not table.attrs["connects"]
    assert run_doctor(endpoint).exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_nobody_knows():
    table = examine("tcp://rig-pc.invalid", timeout=3.0)
    assert ok(table, "name") is False
    assert "'rig-pc.invalid'" in found(table, "name")
    assert ok(table, "request port") is None
    assert table.attrs["verdict"].startswith("Not yet: no computer 'rig-pc.invalid'")


@pytest.mark.parametrize("host", ["a..b", "x" * 70])
def test_what_can_be_no_name_is_said_to_be_none(host):
    assert resolve(host, 2.0).address == ""
    assert resolve(host, 2.0).problem


@pytest.mark.parametrize(
    ("seen", "trouble", "remedy"),
    [
        (Look("silent"), "does not answer at all", "firewall"),
        (Look("unreachable", detail="No route to host"), "no way to rig-pc:54544 (No route to host)", "192.168.1.20"),
        (Look("refused"), "nothing listens on rig-pc:54544", "must not say 127.0.0.1"),
    ],
)
def test_the_troubles_of_a_port_are_told_apart(seen, trouble, remedy):
    requests = Door("tcp://rig-pc:54544", "rig-pc", 54544, Name("192.168.1.20"), seen)
    findings = Findings()
    say_ports(findings, requests, requests._replace(port=54543), local=False)
    assert findings["request port"].ok is False
    assert trouble in findings["request port"].found
    assert remedy in findings["request port"].todo
    assert "same" in findings["publisher port"].todo


def test_a_port_that_takes_connections_and_never_speaks(no_leaks):
    with listener(wait_for_the_end) as silent:
        start = time.monotonic()
        table = examine(silent, publisher=silent, timeout=0.4)
        assert time.monotonic() - start < 3 * 0.4 + 0.5
    assert (ok(table, "request port"), ok(table, "request"), ok(table, "publisher")) == (True, False, False)
    assert "says nothing" in found(table, "request")


def test_a_tunnel_that_leads_nowhere(no_leaks):
    with listener(lambda connection: None) as tunnel:
        table = examine(tunnel, publisher=tunnel, timeout=1.0)
    assert "ends them at once" in found(table, "request")
    assert "tunnel" in todo(table, "request")


def test_a_web_server_is_told_as_one():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as web:
        thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        endpoint = f"tcp://127.0.0.1:{web.server_address[1]}"
        table = examine(endpoint, publisher=endpoint, timeout=3.0)
        web.shutdown()
        thread.join()
    assert ok(table, "request") is False
    assert "a web server answers" in found(table, "request")


class Quiet(http.server.BaseHTTPRequestHandler):
    timeout = 5

    def log_message(self, *_: Any) -> None:
        pass


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\xff",
        b"\xff" + bytes(8) + b"\x7e" + bytes(60),
        b"\xff" + bytes(8) + b"\x7f\x03",
        b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(48) + b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\xffPUB",
        b"\xff" + bytes(8) + b"\x7f" + bytes(9000),
        bytes(10_000),
    ],
)
def test_whatever_a_stranger_says_is_only_looked_at(said):
    def speak(connection: socket.socket) -> None:
        connection.sendall(said)

    with listener(speak) as stranger:
        seen = look("127.0.0.1", port_of(stranger), 1.0)
    assert seen.reached == "open"
    assert seen.socket_type == ""
    assert len(seen.said) <= 4096


def test_the_kind_of_a_socket_is_seen_and_leaves_no_trace(no_leaks):
    with FakeServer() as server:
        assert look("127.0.0.1", port_of(server.requests), 2.0).socket_type == "ROUTER"
        assert look("127.0.0.1", port_of(server.publisher), 2.0).socket_type == "PUB"
        assert server.received == []


def test_a_publisher_that_is_missing_does_not_hide_that_requests_work(no_leaks):
    with FakeServer() as server:
        missing = free_endpoint()
        said = examine(server.requests, publisher=missing)
    assert (ok(said, "request"), ok(said, "cameras")) == (True, True)
    assert (ok(said, "publisher port"), ok(said, "publisher"), ok(said, "events")) == (False, None, None)
    assert "publisher=" in todo(said, "publisher port")
    assert not said.attrs["connects"]
    assert missing.removeprefix("tcp://") in said.attrs["verdict"]


def test_swapped_ports_are_told_and_how_to_give_them(no_leaks):
    with FakeServer() as server:
        table = examine(server.publisher, publisher=server.requests)
        assert server.received == []
    assert (ok(table, "request"), ok(table, "publisher")) == (False, False)
    assert "swapped" in todo(table, "request")
    assert f"{server.requests} with publisher={server.publisher}" in todo(table, "request")


def test_the_publishers_port_given_for_requests(no_leaks):
    with FakeServer() as server:
        table = examine(server.publisher, publisher=free_endpoint())
    assert "takes no requests" in found(table, "request")
    assert f":{port_of(server.publisher) + 1}" in todo(table, "request")


def test_the_request_port_given_for_events(no_leaks):
    with FakeServer() as server:
        table = examine(server.requests, publisher=server.requests)
    assert ok(table, "request") is True
    assert "publishes nothing" in found(table, "publisher")


@pytest.mark.parametrize("answer", [b"hello", b"\xff\xfe", b"[]", b'{"a": 1}', b'{"msg_id": "SynchroniseMsg"', b""])
def test_an_answer_that_is_not_the_api(answer, no_leaks):
    with FakeServer(lambda request: answer) as server:
        table = examine(server.requests, publisher=server.publisher, timeout=1.0)
    assert ok(table, "request") is False
    assert "not the External API" in found(table, "request")
    assert ok(table, "cameras") is None
    assert not table.attrs["connects"]


def test_an_application_that_hangs(no_leaks):
    with FakeServer(lambda request: None) as server:
        start = time.monotonic()
        table = examine(server.requests, publisher=server.publisher, timeout=0.5)
        assert time.monotonic() - start < 3 * 0.5 + 0.5
    assert (ok(table, "request port"), ok(table, "request"), ok(table, "publisher port")) == (True, False, True)
    assert "answers no request" in found(table, "request")


# -- what works and needs hands ---------------------------------------------------------------------------------------------


def test_a_deaf_connection(no_leaks):
    with FakeServer() as talks, FakeServer() as mute:
        said = run_doctor(talks.requests, "--publisher", mute.publisher, "--timeout", "1")
    assert said.exit_code == 4, said.output
    assert "no  events" in said.output
    assert "It works, and needs hands: events" in said.output


@pytest.mark.parametrize(("does", "expects"), [(True, None), (False, False)])
def test_a_3x_application_that_is_not_heard_tells_no_state(does, expects, no_leaks):
    def answer(request: dict[str, Any]) -> bytes:
        number, result = request.get("msg_ref_num", 0), does and request["msg_id"].endswith("Msg")
        reply = {"msg_type": "Response", "msg_id": request["msg_id"], "msg_ref_num": number, "Result": result}
        return b"\xef\xbb\xbf" + json.dumps(reply).encode()

    with Unheard(answer) as server:
        table = examine(server.requests, publisher=server.publisher, timeout=0.5)
    assert "3.x" in found(table, "dialect")
    assert ok(table, "events") is (False if does else None)
    assert ok(table, "cameras") is expects
    assert not table.attrs["verdict"].startswith("Ready")
    assert "clock" not in table.index


def test_an_application_that_relays_no_text_is_not_called_deaf(no_leaks):
    def answer(request: dict[str, Any]) -> bytes:
        relays = request["msg_id"] != "RelayCustomText"
        return json.dumps({**json.loads(say_yes(request)), "msg_result": relays}).encode()

    with Unheard(answer) as server:
        table = examine(server.requests, publisher=server.publisher, timeout=0.5)
    assert ok(table, "events") is None
    assert table.attrs["connects"]


class Unheard(FakeServer):
    """Publishes nothing, whatever it is asked."""

    def _serve(self) -> None:
        while not self._stop.is_set():
            if self._replies.poll(5):
                *envelope, raw = self._replies.recv_multipart()
                reply = self.answer(json.loads(raw))
                assert isinstance(reply, bytes)
                self._replies.send_multipart([*envelope, reply])


def test_cameras_are_counted_as_a_rig_counts_them(no_leaks):
    infos = cameras(("A10", "Lost", 4), ("A2", "Lost", 4), ("A1", "Ready", 5), ("A3", "Ready", 5), ("A4", "Absent", 1))
    with FakeServer(told(CameraInfo=infos)) as server:
        table = examine(server.requests, publisher=server.publisher)
    assert found(table, "cameras") == "2 of 4 cameras Ready; A2, A10 Lost; Absent, so not expected: A4"
    assert "cable" in todo(table, "cameras")
    assert ok(table, "batch numbers") is False
    assert "A2, A10 at 4" in found(table, "batch numbers")
    assert table.attrs["connects"]
    assert table.attrs["verdict"].startswith("It works, and needs hands: cameras (2 of 4 cameras Ready")


@pytest.mark.parametrize(
    ("infos", "expects"), [([], "tells of none"), (cameras(("A1", "Absent", 1)), "0 of 0 cameras Ready")]
)
def test_a_rig_without_cameras_is_not_ready(infos, expects, no_leaks):
    with FakeServer(told(CameraInfo=infos)) as server:
        table = examine(server.requests, publisher=server.publisher)
    assert ok(table, "cameras") is False
    assert expects in found(table, "cameras")


def test_an_application_that_refuses_to_tell_is_asked_for_its_licence(no_leaks):
    def answer(request: dict[str, Any]) -> bytes:
        number = request.get("msg_seq_num", 0)
        reply = {"msg_type": "Response", "msg_id": request["msg_id"], "msg_seq_num": number, "msg_result": False}
        return json.dumps(reply).encode()

    with FakeServer(answer) as server:
        table = examine(server.requests, publisher=server.publisher)
    assert ok(table, "request") is True
    assert ok(table, "cameras") is False
    assert "licence" in todo(table, "cameras")


@pytest.mark.parametrize(("off_s", "fine"), [(0.5, True), (-3600.0, False), (3600.0, False)])
def test_the_clock_of_the_application_is_held_against_ours(off_s, fine, no_leaks):
    node = {"NodeName": "rig-pc", "NodeVersion": "v5.9", "NodeDateTime": int(1000 * (time.time() + off_s))}
    with FakeServer(told(NodeInfo=[node])) as server:
        table = examine(server.requests, publisher=server.publisher)
    assert ok(table, "clock") is fine
    assert "rig-pc v5.9" in found(table, "dialect")


def test_what_the_wire_says_is_data(no_leaks):
    node = [{"NodeName": "a\x1b[31m\nok  cameras", "NodeVersion": 5, "NodeDateTime": "soon", "NodeDiskSpace": True}]
    infos = [*cameras(("カメラ\n\x07", "Error\x1b", 3)), {"CameraKey": 7}, "no camera"]
    with FakeServer(told(NodeInfo=node, CameraInfo=infos, OptionsInfo={"DownloadPath": "/no\0where"})) as server:
        said = run_doctor(server.requests, "--publisher", server.publisher, charset="ascii")
    assert said.exit_code == 4, said.output
    assert all(char.isprintable() or char == "\n" for char in said.output)
    assert said.output.count("\nok  cameras") == 0
    assert "??? Error" in said.output


# -- where the photos are ---------------------------------------------------------------------------------------------------


def photos(folder: str, mapping: dict[str, str], **where: bool) -> tuple[bool | None, str]:
    session = Session(Path(), Manifest(), Log(None))
    _ = session.state
    session.state.options["DownloadPath"] = folder
    findings = Findings()
    say_photos(findings, session, mapping, **{"local": False, "simulated": False, **where})
    return findings["photo path"].ok, findings["photo path"].found


def test_photos_on_another_computer_are_reached_by_a_mapping(tmp_path):
    (tmp_path / "today").mkdir()
    here = str(tmp_path)
    assert photos("D:\\scans\\today", {"D:/scans": here}) == (True, f"D:\\scans\\today is {tmp_path / 'today'} here")
    assert photos("/scans/today", {"/scans": here})[0] is True
    assert photos("D:\\scans\\tomorrow", {"D:/scans": here})[0] is False
    assert "no such folder" in photos("D:\\scans", {"D:/scans": f"{here}/nowhere"})[1]
    assert "no mapping reaches E:\\other" in photos("E:\\other", {"D:/scans": here})[1]
    assert "nothing says where that is here" in photos("D:\\scans", {})[1]


def test_photos_on_this_computer(tmp_path):
    assert photos(str(tmp_path), {}, local=True)[0] is True
    assert photos(f"{tmp_path}/no", {}, local=True)[0] is False
    assert photos(f"{tmp_path}/no", {}, local=True, simulated=True)[0] is True, "made with the first photo"
    fine, why = photos(str(tmp_path), {"D:/": f"{tmp_path}/no"}, local=True)
    assert fine is False
    assert "mapped to no folder: D:/" in why


def test_a_mapping_that_points_nowhere_needs_hands(tmp_path, no_leaks):
    said = run_doctor("sim:2", "--photos", f"D:/scans={tmp_path}/nowhere")
    assert said.exit_code == 4, said.output
    assert "no  photo path" in said.output
    assert "--photos THERE=HERE" in said.output


def test_a_full_disk_is_told(monkeypatch, no_leaks):
    usage = type(shutil.disk_usage("."))
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(10**12, 10**12 - 10**8, 10**8))
    with FakeServer(told(OptionsInfo={"DownloadPath": str(Path.cwd())})) as server:
        table = examine(server.requests, publisher=server.publisher)
    assert ok(table, "photo path") is True
    assert (ok(table, "disk"), ok(table, "this computer")) == (False, False)
    assert "0.1 GB free" in found(table, "this computer")


# -- what is no question ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["tcp://rig pc"],
        ["tcp://127.0.0.1:99999"],
        ["sim:24?colour=red"],
        ["sim:0"],
        ["ipc:///tmp/x", "--publisher", "ipc:///tmp/y"],
        ["sim:2", "--publisher", "tcp://127.0.0.1:5"],
        ["tcp://127.0.0.1", "--publisher", "127.0.0.1:5"],
        ["tcp://127.0.0.1", "--publisher", "tcp://127.0.0.1"],
        ["tcp://127.0.0.1", "--photos", "D:/scans"],
        ["tcp://127.0.0.1", "--photos", "=/mnt"],
        ["tcp://127.0.0.1", "--timeout", "0"],
        ["tcp://127.0.0.1", "--timeout", "nan"],
        ["tcp://127.0.0.1", "--fire"],
        ["one", "two"],
    ],
)
def test_nonsense_is_a_usage_error(arguments):
    said = run_doctor(*arguments)
    assert said.exit_code == 2, said.output
    assert "Error" in said.output


def test_a_simulator_that_does_not_start_is_told(no_leaks):
    table = examine("sim:2?seed=many")
    assert ok(table, "address") is False
    assert "many" in found(table, "address")
    assert ok(table, "this computer") is True


@pytest.mark.parametrize("width", [0, 40, 72, 200])
def test_the_text_keeps_to_its_width_and_breaks_no_endpoint(width):
    table = examine(free_endpoint())
    text = as_text(table, width)
    endpoint = found(table, "address").split()[0]
    assert endpoint in text
    for line in text.splitlines():
        assert len(line) <= max(40, width) or " " not in line[20:].strip().removeprefix("-> "), (
            "only what can't be broken"
        )
