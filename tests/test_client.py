"""The client against servers that misbehave: nothing hangs, nothing is delivered later, nothing is taken for something else."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from typing import Any

import psutil
import pytest

import rigkit
from rigkit.errors import BadMessage, NoReply, RigError
from rigkit.link.client import Client
from tests.fakes import FakeServer, say_yes


class Kept:
    """A sink that keeps everything and wakes whoever waits."""

    def __init__(self) -> None:
        self.frames: list[tuple[str, int, int, bytes]] = []
        self.notes: list[tuple[str, dict[str, Any]]] = []
        self.changed = threading.Condition()

    def append(self, batch: Any, /) -> None:
        with self.changed:
            self.frames.extend(batch)
            self.changed.notify_all()

    def note(self, kind: str, /, **fields: Any) -> None:
        self.notes.append((kind, fields))

    def wake(self) -> None:
        with self.changed:
            self.changed.notify_all()

    def wait_for(self, condition: Any) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, 5.0)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@pytest.fixture
def server():
    with FakeServer() as one:
        yield one


@pytest.fixture
def client(server):
    one = Client(server.requests, server.publisher, timeout=2.0)
    yield one
    one.close()


def test_it_listens_and_asks(server, client, no_leaks):
    kept = Kept()
    client.start(kept)
    server.publish(b'{"msg_id":"NetworkPing"}', b"\xff not json")
    kept.wait_for(lambda: sum(frame[0] == "pub" for frame in kept.frames) == 2)
    reply = client.request("GetCamera", {"CameraSelection": "All"})
    assert reply["CameraInfo"][0]["CameraKey"] == "k1"
    channels = [frame[0] for frame in kept.frames]
    assert channels[:2] == ["req", "rep"], "what was said while connecting is in the record too"
    stamps = [frame[1] for frame in kept.frames]
    assert stamps == sorted(stamps)
    client.close()


def test_nobody_there_is_said_within_the_timeout_and_leaves_nothing(tmp_path, monkeypatch, no_leaks):
    monkeypatch.chdir(tmp_path)
    files = psutil.Process().num_fds() if hasattr(psutil.Process(), "num_fds") else None
    port = free_port()
    start = time.monotonic()
    with pytest.raises(NoReply, match="Network/API") as caught:
        rigkit.connect(f"tcp://127.0.0.1:{port}", timeout=0.5)
    assert time.monotonic() - start < 2.0
    assert caught.value.endpoint == f"tcp://127.0.0.1:{port - 1}"
    assert caught.value.delivery == "no"
    assert isinstance(caught.value, TimeoutError)
    assert list(tmp_path.iterdir()) == []
    if files is not None:
        assert psutil.Process().num_fds() == files


def test_a_publisher_without_a_request_server_names_the_request_endpoint(server, no_leaks):
    endpoint = f"tcp://127.0.0.1:{free_port()}"
    with pytest.raises(NoReply) as caught:
        Client(endpoint, server.publisher, timeout=0.5)
    assert caught.value.endpoint == endpoint
    assert caught.value.delivery == "no"


def test_a_request_that_was_not_delivered_never_arrives_later(no_leaks):
    server = FakeServer()
    client = Client(server.requests, server.publisher, timeout=1.0)
    endpoint = server.requests
    server.close()
    deliveries: list[str] = []
    while deliveries.count("no") < 3:
        with pytest.raises(NoReply) as caught:
            client.request("Shoot", {"CameraSelection": "All"}, timeout=0.3)
        deliveries.append(caught.value.delivery)
    # Only while nobody has noticed yet that the other end is gone can one have been sent.
    assert deliveries[-3:] == ["no", "no", "no"]
    assert deliveries.count("unknown") <= 1
    received: list[bytes] = []
    context = zmq_context()
    late = context.socket(4)  # REP
    late.linger = 0
    late.bind(endpoint)
    if late.poll(600):
        received.append(late.recv())
    late.close(0)
    context.term()
    client.close()
    assert received == []


def zmq_context() -> Any:
    import zmq

    return zmq.Context()


def test_a_late_reply_is_never_taken_for_another_requests(server, client):
    held = threading.Event()

    def slow_once(request: dict[str, Any]) -> bytes:
        if request["msg_id"] == "Shoot":
            held.wait(5.0)
        return say_yes(request)

    client.start(Kept())
    server.answer = slow_once
    with pytest.raises(NoReply) as caught:
        client.request("Shoot", {"CameraSelection": "All"}, timeout=0.3)
    assert caught.value.delivery == "unknown"
    held.set()
    for _ in range(5):
        assert client.request("GetCamera", {"CameraSelection": "All"}).msg_id == "GetCamera"
    assert [one["msg_id"] for one in server.received].count("Shoot") == 1, "never sent again"


@pytest.mark.parametrize("answer", [b"", b"\xff\xfe", b"[]", b"42", b"{" * 5000])
def test_a_reply_that_is_no_message_is_said_and_kept(server, client, answer):
    kept = Kept()
    client.start(kept)
    server.answer = lambda _: answer
    with pytest.raises(BadMessage):
        client.request("GetCamera", {"CameraSelection": "All"})
    assert kept.frames[-1][0] == "rep"
    assert kept.frames[-1][3] == answer
    server.answer = say_yes
    assert client.request("GetCamera", {"CameraSelection": "All"}).msg_result


def test_an_interrupt_leaves_a_working_client(server, client):
    client.start(Kept())
    server.answer = lambda request: None
    main = threading.get_ident()
    timer = threading.Timer(0.3, lambda: signal.pthread_kill(main, signal.SIGINT) if os.name == "posix" else None)
    start = time.monotonic()
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        client.request("Shoot", {"CameraSelection": "All"}, timeout=5.0)
    assert time.monotonic() - start < 1.0
    server.answer = say_yes
    assert client.request("GetCamera", {"CameraSelection": "All"}).msg_result


def test_a_failure_of_the_reader_is_raised_to_whoever_asks_next(server, client):
    class Broken(Kept):
        def append(self, batch: Any, /) -> None:
            if batch[0][0] == "pub":
                raise OSError(28, "No space left on device")
            super().append(batch)

    kept = Broken()
    client.start(kept)
    server.publish(b"{}")
    kept.wait_for(lambda: client.failure is not None)
    with pytest.raises(RigError, match="has stopped") as caught:
        client.request("GetCamera", {"CameraSelection": "All"})
    assert isinstance(caught.value.__cause__, OSError)


def test_closing_that_is_interrupted_ends_all_the_same(no_leaks):
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with FakeServer() as server:
        for _ in range(20):
            client = Client(server.requests, server.publisher, timeout=1.0)
            client.start(Kept())
            reader = client._reader
            assert reader is not None
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(reader, "join", interrupted)
                with pytest.raises(KeyboardInterrupt):
                    client.close()
            reader.join(5.0)
            assert not reader.is_alive()


def test_the_dialect_is_found_out_by_asking(no_leaks):
    def as_3x(request: dict[str, Any]) -> bytes:
        number = request.get("msg_ref_num", 0)
        known = request["msg_id"] == "SynchroniseMsg"
        reply = {"msg_type": "Response", "msg_id": request["msg_id"], "msg_ref_num": number, "Result": known}
        return b"\xef\xbb\xbf" + json.dumps(reply, indent=4).encode()

    with FakeServer(as_3x) as server:
        client = Client(server.requests, server.publisher, timeout=1.0)
        assert client.dialect.name == "v3"
        client.close()


def test_a_deaf_connection_is_told(tmp_path):
    with FakeServer() as talks, FakeServer() as mute:
        with pytest.warns(RuntimeWarning, match="no event arrives"):
            rig = rigkit.connect(talks.requests, publisher=mute.publisher, session=tmp_path / "s")
        rig.close()
