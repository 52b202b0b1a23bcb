"""Bench ``stamps``: how late events are stamped beside a busy notebook, on its own reader thread and in a recorder.

Both hear the same events at the same time: a publisher of the bench's own puts the moment of sending into each, on the monotonic
clock that all processes of the machine share. The notebook draws with matplotlib meanwhile, which holds the interpreter lock for
more than 100 ms at a time.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import zmq

from rigkit.record.following import Follower
from tests.bench.measure import Row, interleaved, ratios

__all__ = ["ABOUT", "run"]

ABOUT = "1000 events/s beside a process busy with matplotlib: stamp minus sending, reader thread against recorder"

ROOT = Path(__file__).resolve().parents[2]
RATE = 1000
SECONDS = 3.0


def run(rounds: int, seconds: float = SECONDS) -> list[Row]:
    """Publish for some seconds per round, and read from both journals how late each event was stamped.

    Parameters
    ----------
    rounds : int
        How many.
    seconds : float
        How long each publishes.

    Returns
    -------
    list of Row
        Percentiles of both, and their ratios.
    """
    with tempfile.TemporaryDirectory(prefix="rigkit-bench-") as name, contextlib.ExitStack() as stack:
        folder = Path(name).resolve()
        publisher = stack.enter_context(_program("publisher"))
        endpoints = publisher.answer().split()
        recorder = stack.enter_context(_recorder(folder / "recorder", endpoints))
        notebook = stack.enter_context(_program("notebook", *endpoints, str(folder / "notebook")))
        while notebook.answer() != "ready":  # it says that it leaves the recorder alone
            pass
        series = {
            "thread": Follower(folder / "notebook" / "journal", "rig"),
            "recorder": Follower(folder / "recorder" / "journal", "recorder"),
        }

        def once() -> dict[str, list[float]]:
            notebook.ask(f"draw {seconds + 1.0}")
            assert notebook.answer() == "drawing"
            publisher.ask(str(seconds))
            count = int(publisher.answer())
            assert notebook.answer() == "drawn"
            return {who: _lateness_ms(follower, count) for who, follower in series.items()}

        told = interleaved({"both": once}, rounds)["both"]
        assert recorder.poll() is None

    def column(who: str, percent: int) -> list[float]:
        return [statistics.quantiles(one[who], n=100)[percent - 1] for one in told]

    thread, process = column("thread", 99), column("recorder", 99)
    return [
        Row("reader thread of the busy process, p50", column("thread", 50), "ms"),
        Row("    p99", thread, "ms"),
        Row("recorder beside it, p50", column("recorder", 50), "ms"),
        Row("    p99", process, "ms"),
        Row("p50: reader thread / recorder", ratios(column("thread", 50), column("recorder", 50))),
        Row("p99: reader thread / recorder", ratios(thread, process)),
        Row("p99: 100 x recorder / reader thread", [100 * one for one in ratios(process, thread)], goal=1.0),
    ]


def _lateness_ms(follower: Follower, count: int) -> list[float]:
    """Read the events of a round from a journal; each was written before the notebook had drawn its last picture."""
    late: list[float] = []
    deadline = time.monotonic() + 20.0
    while len(late) < count:
        for entry in follower.read():
            sent = json.loads(entry.raw).get("sent_ns") if entry.channel == "pub" else None
            if sent is not None:
                late.append((entry.mono_ns - sent) / 1e6)
        if time.monotonic() > deadline:
            raise RuntimeError(f"only {len(late)} of {count} events are in the journal")
    return late


class _Program:
    """A process that is talked to line by line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def ask(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("a program of the bench has ended; what it wrote to standard error says why")
        return line.strip()


@contextlib.contextmanager
def _program(*arguments: str) -> Iterator[_Program]:
    command = [sys.executable, "-m", "tests.bench.stamps", *arguments]
    environment = {**os.environ, "MPLBACKEND": "agg"}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        try:
            yield _Program(process)
        finally:
            process.stdin.close()
            process.wait(20)


@contextlib.contextmanager
def _recorder(folder: Path, endpoints: list[str]) -> Iterator[subprocess.Popen[str]]:
    requests, publisher = endpoints
    command = [sys.executable, "-m", "rigkit", "record", "--address", requests, "--publisher", publisher]
    with subprocess.Popen([*command, "--session", str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            for _ in range(2):
                process.stdout.readline()
            yield process
        finally:
            process.terminate()
            process.wait(20)


# -- the processes ----------------------------------------------------------------------------------------------------------


def _publish() -> None:
    """Answer requests as an application without cameras would; publish when told to."""
    context = zmq.Context()
    events, requests = context.socket(zmq.PUB), context.socket(zmq.REP)
    events.sndhwm = 0
    ports = [socket.bind_to_random_port("tcp://127.0.0.1") for socket in (requests, events)]
    print(*(f"tcp://127.0.0.1:{port}" for port in ports), flush=True)
    poller = zmq.Poller()
    poller.register(requests, zmq.POLLIN)
    poller.register(sys.stdin.fileno(), zmq.POLLIN)
    while True:
        ready = dict(poller.poll())
        if requests in ready:
            asked = requests.recv_json()
            assert isinstance(asked, dict)
            requests.send_json({**asked, "msg_type": "Response", "msg_result": True, "CameraInfo": [], "PhotoInfo": []})
            if asked["msg_id"] == "RelayCustomText":
                events.send_json({**asked, "msg_type": "Event", "msg_seq_num": 0})
        if sys.stdin.fileno() in ready:
            line = sys.stdin.readline()
            if not line:
                break
            print(_send_at_rate(events, int(float(line) * RATE)), flush=True)
    context.destroy(linger=0)


def _send_at_rate(events: zmq.Socket[bytes], count: int) -> int:
    begin = time.monotonic_ns()
    for number in range(count):
        wait_s = (begin + number * 1_000_000_000 // RATE - time.monotonic_ns()) / 1e9
        if wait_s > 0:
            time.sleep(wait_s)
        head = b'{"msg_type":"Event","msg_id":"PhotoUpdated","msg_seq_num":%d,"PhotoKey":"k%d","sent_ns":' % (
            number,
            number,
        )
        events.send(head + b"%d}" % time.monotonic_ns())
    return count


def _draw(requests: str, publisher: str, folder: str) -> None:
    """Connect, and draw for as long as told, as a cell with plots does."""
    import matplotlib.pyplot as plt
    import numpy as np

    import rigkit

    rig = rigkit.connect(requests, publisher=publisher, session=folder)
    values = np.random.default_rng(0).normal(size=(20_000, 2))
    print("ready", flush=True)
    for line in sys.stdin:
        end = time.monotonic() + float(line.split()[1])
        print("drawing", flush=True)
        while time.monotonic() < end:
            figure, axes = plt.subplots()
            axes.plot(values[:, 0], values[:, 1])
            axes.scatter(values[:2000, 0], values[:2000, 1])
            figure.canvas.draw()
            plt.close(figure)
        print("drawn", flush=True)
    rig.close()


if __name__ == "__main__":
    _publish() if sys.argv[1] == "publisher" else _draw(*sys.argv[2:])
