"""Bench ``journal``: what an event costs from the socket to the log, with and without the journal."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import zmq

from rigkit.link.client import _BATCH, _Subscription
from rigkit.record.journal import JournalWriter
from rigkit.record.log import Log
from rigkit.record.reading import read_journal
from tests.bench.measure import Row, interleaved, ratios
from tests.bench.stream import mixed_stream

__all__ = ["ABOUT", "run"]

ABOUT = "a shot of 200 cameras, 2000 events of 3.8 kB: from the socket to visible, and onto disk; CPU of the thread"

CAMERAS = 200

Way = Callable[[], float]


def run(rounds: int) -> list[Row]:
    """Take the same stream in several ways.

    Parameters
    ----------
    rounds : int
        How often.

    Returns
    -------
    list of Row
        Microseconds per event and their ratios.
    """
    stream = mixed_stream(CAMERAS)
    with _waiting(stream) as heard, tempfile.TemporaryDirectory(prefix="rigkit-bench-") as name:
        folder = Path(name)
        ways: dict[str, Way] = {
            "receive": lambda: heard(_receive),
            "receive, json": lambda: heard(_receive_json),
            "ingest": lambda: heard(_ingest),
            "receive, write": lambda: heard(lambda socket, count: _receive_write(socket, count, folder)),
            "journalled": lambda: heard(lambda socket, count: _journalled(socket, count, folder)),
            "append each": lambda: _append(stream, folder, 1),
            "append batches": lambda: _append(stream, folder, _BATCH),
            "naive": lambda: _naive(stream, folder),
            "read": lambda: _read(stream, folder),
        }
        took = interleaved(ways, rounds)
    return [
        Row("receive and drop (the limit)", took["receive"], "us/event"),
        Row("receive + json.loads(raw.decode())", took["receive, json"], "us/event"),
        Row("ingest: from the socket to visible, no journal", took["ingest"], "us/event"),
        Row("json / ingest, inverted", ratios(took["ingest"], took["receive, json"]), goal=1 / 8),
        Row("ingest / receive", ratios(took["ingest"], took["receive"]), goal=2.2),
        Row("receive + os.write of the same bytes in the same batches", took["receive, write"], "us/event"),
        Row("ingest with the journal", took["journalled"], "us/event"),
        Row("ingest with the journal / receive + os.write", ratios(took["journalled"], took["receive, write"]), goal=1.4),
        Row("naive writer: json.loads, json.dumps, text, flush each", took["naive"], "us/event"),
        Row("journal, event by event", took["append each"], "us/event"),
        Row("journal, event by event / naive", ratios(took["append each"], took["naive"]), goal=1 / 6),
        Row("journal, in batches", took["append batches"], "us/event"),
        Row("journal, in batches / naive", ratios(took["append batches"], took["naive"])),
        Row("reading it back", took["read"], "us/event"),
    ]  # fmt: skip


@contextmanager
def _waiting(stream: tuple[bytes, ...]) -> Iterator[Callable[[Callable[[Any, int], float]], float]]:
    """Give what lets a way take the stream from a socket in which all of it is waiting; us per event."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    publisher, subscriber = context.socket(zmq.XPUB), context.socket(zmq.SUB)
    publisher.sndhwm = subscriber.rcvhwm = 0
    subscriber.connect(f"tcp://127.0.0.1:{publisher.bind_to_random_port('tcp://127.0.0.1')}")
    subscriber.subscribe(b"")
    publisher.recv()  # the subscription is there

    def heard(way: Callable[[Any, int], float]) -> float:
        for frame in stream:
            publisher.send(frame)
        time.sleep(0.1)  # until libzmq has it: nothing tells how much is waiting
        return way(subscriber, len(stream)) * 1e6 / len(stream)

    try:
        yield heard
    finally:
        context.destroy(0)


def _receive(socket: zmq.Socket[bytes], count: int) -> float:
    began, receive = time.thread_time(), socket.recv
    for _ in range(count):
        receive()
    return time.thread_time() - began


def _receive_json(socket: zmq.Socket[bytes], count: int) -> float:
    began = time.thread_time()
    for _ in range(count):
        json.loads(socket.recv().decode())
    return time.thread_time() - began


def _drained(socket: zmq.Socket[bytes], count: int, log: Log) -> float:
    subscription = _Subscription.__new__(_Subscription)  # its reading without its handshake
    subscription.socket = socket
    began = time.thread_time()
    while len(log) < count:
        log.append(subscription.drain())
    return time.thread_time() - began


def _ingest(socket: zmq.Socket[bytes], count: int) -> float:
    return _drained(socket, count, Log(None))


def _journalled(socket: zmq.Socket[bytes], count: int, folder: Path) -> float:
    with tempfile.TemporaryDirectory(dir=folder) as name:
        log = Log(JournalWriter(Path(name), "bench"))
        try:
            return _drained(socket, count, log)
        finally:
            log.close()


def _receive_write(socket: zmq.Socket[bytes], count: int, folder: Path) -> float:
    file = os.open(folder / "plain", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        began, receive = time.thread_time(), socket.recv
        for first in range(0, count, _BATCH):
            os.write(file, b"".join([receive() for _ in range(min(_BATCH, count - first))]))
        return time.thread_time() - began
    finally:
        os.close(file)


def _append(stream: tuple[bytes, ...], folder: Path, size: int) -> float:
    with tempfile.TemporaryDirectory(dir=folder) as name:
        log = Log(JournalWriter(Path(name), "bench"))
        frames = [("pub", number, number, frame) for number, frame in enumerate(stream)]
        began = time.thread_time()
        for first in range(0, len(frames), size):
            log.append(frames[first : first + size])
        took = time.thread_time() - began
        log.close()
    return took * 1e6 / len(stream)


def _naive(stream: tuple[bytes, ...], folder: Path) -> float:
    with (folder / "naive.jsonl").open("w", encoding="utf-8") as file:
        began = time.thread_time()
        for number, frame in enumerate(stream):
            message = json.loads(frame.decode())
            message["t"] = number
            file.write(json.dumps(message) + "\n")
            file.flush()
        return (time.thread_time() - began) * 1e6 / len(stream)


def _read(stream: tuple[bytes, ...], folder: Path) -> float:
    written = folder / "read" / "journal"
    if not written.exists():
        log = Log(JournalWriter(written, "rig"))
        log.append([("pub", number, number, frame) for number, frame in enumerate(stream)])
        log.close()
    began = time.thread_time()
    assert len(read_journal(folder / "read").entries) == len(stream)
    return (time.thread_time() - began) * 1e6 / len(stream)
