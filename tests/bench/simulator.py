"""Bench ``simulator``: what the stand-in for Smart Shooter costs, model and process."""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import zmq

from rigkit.link.child import SimulatorProcess
from rigkit.sim import SimSettings, SimulatedRig
from tests.bench.measure import Row

__all__ = ["ABOUT", "run"]

ABOUT = "the pure model in virtual time, and `rigkit sim --photos tiny` as a process with 500 cameras"

CAMERAS = 500
#: Shots per process and round; at ten a minute each may take six seconds of a core.
SHOTS = 2


def run(rounds: int) -> list[Row]:
    """Measure the model and a server process, once per round.

    Parameters
    ----------
    rounds : int
        How many; a round starts one process of its own.

    Returns
    -------
    list of Row
        CPU per event, answering times, share of a core, memory.
    """
    model: list[float] = []
    served: list[dict[str, float]] = []
    for number in range(rounds + (1 if rounds > 1 else 0)):  # the first warms up
        one, other = _model_us(), _served()
        if number or rounds == 1:
            model.append(one)
            served.append(other)
    column = {name: [one[name] for one in served] for name in served[0]}
    return [
        Row("pure model, 200 cameras x 100 shots, CPU", model, "us/event", goal=25.0),
        Row(f"GetCamera of {CAMERAS} cameras, request to reply", column["get_camera_ms"], "ms", goal=50.0),
        Row(f"{CAMERAS} cameras at 10 shots a minute, share of one core", column["core_share"], "core", goal=1.0),
        Row("memory kept per 10 000 events that make no photo", column["mb_per_10000_events"], "MB"),
        Row("memory kept per photo held", column["kb_per_photo"], "kB"),
    ]


def _model_us() -> float:
    """CPU microseconds per published event of the model alone: no sockets, no files."""
    rig = SimulatedRig(SimSettings(cameras=200, seed=1, photos="none", ping_s=0))
    shoot = {"msg_type": "Request", "msg_id": "Shoot", "CameraSelection": "All"}
    events, now = 0, 1.0
    rig.tick(now)
    began = time.process_time()
    for number in range(100):
        events += len(rig.request({**shoot, "msg_seq_num": number}, now).events)
        now += 3.0
        events += len(rig.tick(now).events)
    return (time.process_time() - began) * 1e6 / events


def _served() -> dict[str, float]:
    """Start a server, load it, and look at it from outside."""
    folder = Path(tempfile.mkdtemp(prefix="rigkit-bench-"))
    child = SimulatorProcess(
        ["--cameras", str(CAMERAS), "--seed", "1", "--download", str(folder), "--root", str(folder)]
    )
    try:
        with _peer(child) as peer:
            return _load(peer, psutil.Process(child.pid))
    finally:
        child.close()
        shutil.rmtree(folder, ignore_errors=True)


def _load(peer: _Peer, process: psutil.Process) -> dict[str, float]:
    waits = []
    for _ in range(5):
        began = time.perf_counter()
        peer.fetch(msg_id="GetCamera", CameraSelection="All")
        waits.append((time.perf_counter() - began) * 1000)
    peer.shoot()  # pictures are drawn on first use
    before_cpu, before_mb = _cpu_s(process), _mb(process)
    for _ in range(SHOTS):
        peer.shoot()
    cpu_s = _cpu_s(process) - before_cpu
    after_shots_mb = _mb(process)
    heard = peer.heard
    for value in ("200", "100") * 4:
        peer.ask(msg_id="SetProperty", CameraSelection="All", CameraPropertyType="ISO", CameraPropertyValue=value)
        peer.listen(CAMERAS)
    n_events = peer.heard - heard
    return {
        "get_camera_ms": statistics.median(waits),
        "core_share": cpu_s / SHOTS * 10 / 60,
        "mb_per_10000_events": (_mb(process) - after_shots_mb) * 10_000 / n_events,
        "kb_per_photo": (after_shots_mb - before_mb) * 1000 / (SHOTS * CAMERAS),
    }


class _Peer:
    """A client in a few lines of pyzmq: asks, and counts what it hears."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], child: SimulatorProcess) -> None:
        self._requests = context.socket(zmq.REQ)
        self._requests.connect(child.reqrep)
        self._events = context.socket(zmq.SUB)
        self._events.rcvhwm = 0
        self._events.subscribe(b"")
        self._events.connect(child.publisher)
        self.heard = 0
        self.ask(msg_id="GetCamera", CameraSelection="All")

    def ask(self, **fields: Any) -> dict[str, Any]:
        """Send a request, return the reply."""
        reply: dict[str, Any] = json.loads(self.fetch(**fields))
        return reply

    def fetch(self, **fields: Any) -> bytes:
        """Send a request, return the reply as it came: what reading it costs is the client's affair."""
        self._requests.send(json.dumps({"msg_type": "Request", "msg_seq_num": 1, **fields}).encode())
        return self._requests.recv()

    def listen(self, count: int) -> None:
        """Hear that many events more, or nothing for two seconds."""
        until = self.heard + count
        while self.heard < until and self._events.poll(2000):
            self._events.recv()
            self.heard += 1

    def shoot(self) -> None:
        """Fire all cameras; done when every photo is on disk."""
        self.ask(msg_id="Shoot", CameraSelection="All")
        on_disk = 0
        while on_disk < CAMERAS and self._events.poll(10_000):
            raw = self._events.recv()
            self.heard += 1
            on_disk += b'"PhotoUpdated"' in raw and b'"Local Disk"' in raw


@contextmanager
def _peer(child: SimulatorProcess) -> Iterator[_Peer]:
    context = zmq.Context()
    try:
        yield _Peer(context, child)
    finally:
        context.destroy(0)


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _mb(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 1e6
