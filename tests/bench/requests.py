"""Bench ``requests``: a request and its reply, against the script that anybody would write."""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import zmq

from rigkit.link.client import Client
from rigkit.record.journal import JournalWriter
from rigkit.record.log import Log
from tests.bench.measure import Row, interleaved, ratios
from tests.fakes import Forgetful

__all__ = ["ABOUT", "run"]

ABOUT = "round trips to a server in a process of its own that has one answer ready"

ROOT = Path(__file__).resolve().parents[2]
#: Calls in one round.
CALLS = 300
REQUEST = {"CameraSelection": "Single", "CameraKey": "Nikon Corporation|D850|3119826"}
REPLY = json.dumps(
    {
        "msg_type": "Response",
        "msg_id": "Identify",
        "msg_seq_num": 1,
        "msg_user_id": 0,
        "msg_result": True,
        **REQUEST,
    }
).encode()


def run(rounds: int) -> list[Row]:
    """Call in turn and compare the medians of each round.

    Parameters
    ----------
    rounds : int
        How many rounds count; each is of ``CALLS`` calls of each kind.
    """
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rigkit-bench-")))
        requests, publisher = stack.enter_context(_server())
        ways: dict[str, Callable[[], None]] = {
            "bytes": stack.enter_context(_script(requests, coded=False)),
            "script": stack.enter_context(_script(requests, coded=True)),
            "client": stack.enter_context(_client(requests, publisher, Forgetful())),
            "journalled": stack.enter_context(
                _client(requests, publisher, Log(JournalWriter(folder / "journal", "rig")))
            ),
        }
        times = interleaved({name: _timed(way) for name, way in ways.items()}, rounds)
    half = {name: [statistics.median(one) for one in each] for name, each in times.items()}
    worst = {name: [statistics.quantiles(one, n=100)[98] for one in each] for name, each in times.items()}
    return [
        Row("p50: REQ, bytes only (the limit)", half["bytes"], "us"),
        Row("p50: REQ script, json, no timeout", half["script"], "us"),
        Row("p50: rigkit's client, no session", half["client"], "us"),
        Row("p50: rigkit's client, journalled", half["journalled"], "us"),
        Row("rigkit, no session / script", ratios(half["client"], half["script"]), goal=1.05),
        Row("rigkit, journalled / script", ratios(half["journalled"], half["script"]), goal=1.35),
        Row("p99: REQ script, json", worst["script"], "us"),
        Row("p99: rigkit's client, journalled", worst["journalled"], "us"),
    ]


def _timed(call: Callable[[], None]) -> Callable[[], list[float]]:
    def times() -> list[float]:
        taken = []
        for _ in range(CALLS):
            began = time.perf_counter_ns()
            call()
            taken.append((time.perf_counter_ns() - began) / 1000)
        return taken

    return times


@contextlib.contextmanager
def _script(endpoint: str, *, coded: bool) -> Iterator[Callable[[], None]]:
    """Ask as the vendor's examples do: one REQ socket, no timeout."""
    with zmq.Context() as context, context.socket(zmq.REQ) as socket:
        socket.linger = 0
        socket.connect(endpoint)
        raw = json.dumps({"msg_type": "Request", "msg_id": "Identify", "msg_seq_num": 1, **REQUEST}).encode()

        def send_bytes() -> None:
            socket.send(raw)
            socket.recv()

        def send_json() -> None:
            body = {"msg_type": "Request", "msg_id": "Identify", "msg_seq_num": 1, **REQUEST}
            socket.send_string(json.dumps(body))
            assert json.loads(socket.recv().decode())["msg_result"]

        yield send_json if coded else send_bytes


@contextlib.contextmanager
def _client(requests: str, publisher: str, sink: Any) -> Iterator[Callable[[], None]]:
    client = Client(requests, publisher, timeout=5.0)
    try:
        client.start(sink)

        def ask() -> None:
            assert client.request("Identify", REQUEST).msg_result

        yield ask
    finally:
        client.close()


@contextlib.contextmanager
def _server() -> Iterator[tuple[str, str]]:
    command = [sys.executable, "-m", "tests.bench.requests"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            requests, publisher = process.stdout.readline().split()
            yield requests, publisher
        finally:
            process.stdin.close()
            process.wait(10)


def _serve() -> None:
    """Answer until standard input is closed."""
    with zmq.Context() as context, context.socket(zmq.REP) as replies, context.socket(zmq.PUB) as publisher:
        replies.linger = publisher.linger = 0
        ports = [one.bind_to_random_port("tcp://127.0.0.1") for one in (replies, publisher)]
        print(*(f"tcp://127.0.0.1:{port}" for port in ports), flush=True)
        poller = zmq.Poller()
        poller.register(replies, zmq.POLLIN)
        poller.register(sys.stdin.fileno(), zmq.POLLIN)
        while True:
            ready = dict(poller.poll())
            if sys.stdin.fileno() in ready:
                return
            replies.recv()
            replies.send(REPLY)


if __name__ == "__main__":
    _serve()
