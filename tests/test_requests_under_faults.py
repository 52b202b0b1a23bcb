"""Thousands of requests to a server that answers late, never, or restarts: nothing gets stuck, mixed up, or fired twice."""

from __future__ import annotations

import collections
import json
import random
import threading
import time
from typing import Any

import pytest
import zmq

from rigkit.errors import NoReply
from rigkit.link.client import Client
from tests.fakes import Forgetful

#: What the server does with a request, and how often of a hundred times.
HABITS = {"answer": 62, "late": 12, "never": 6, "restart": 8, "die before reading": 7, "hang": 5}
TIMEOUT_S = 0.03


class Troublesome:
    """A request server on one loopback port whose habits are drawn from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.received: list[dict[str, Any]] = []
        self.habits: collections.Counter[str] = collections.Counter()
        self._context = zmq.Context()
        self._publisher = self._context.socket(zmq.PUB)
        port = self._publisher.bind_to_random_port("tcp://127.0.0.1")
        self.publisher = f"tcp://127.0.0.1:{port}"
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.linger = 0
        self.requests = f"tcp://127.0.0.1:{self._socket.bind_to_random_port('tcp://127.0.0.1')}"
        self._late: list[tuple[float, list[bytes]]] = []
        self._stop = threading.Event()
        self.calm = True
        self._thread = threading.Thread(target=self._serve, name="troublesome", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._stop.is_set():
            now = time.monotonic()
            for due, frames in [one for one in self._late if one[0] <= now]:
                self._late.remove((due, frames))
                self._socket.send_multipart(frames)
            if not self._socket.poll(2):
                continue
            habit = "answer" if self.calm else self.random.choices([*HABITS], weights=[*HABITS.values()])[0]
            self.habits[habit] += 1
            if habit == "die before reading":
                self._restart()
                continue
            *envelope, raw = self._socket.recv_multipart()
            request = json.loads(raw)
            self.received.append(request)
            reply = [*envelope, json.dumps({**request, "msg_type": "Response", "msg_result": True}).encode()]
            if habit == "answer":
                self._socket.send_multipart(reply)
            elif habit == "late":
                self._late.append((now + TIMEOUT_S * self.random.uniform(0.8, 3.0), reply))
            elif habit == "restart":
                self._restart()
            elif habit == "hang":
                self._stop.wait(TIMEOUT_S * 2)
                self._socket.send_multipart(reply)

    def _restart(self) -> None:
        """Go away with everything that was queued, and come back on the same port."""
        self._late.clear()
        self._socket.close(0)
        self._stop.wait(self.random.uniform(0.0, 4 * TIMEOUT_S))
        deadline = time.monotonic() + 5.0
        while True:
            self._socket = self._context.socket(zmq.ROUTER)
            self._socket.linger = 0
            try:
                self._socket.bind(self.requests)
            except zmq.ZMQError:
                self._socket.close(0)
                assert time.monotonic() < deadline, "the port is not free again"
                self._stop.wait(0.001)
            else:
                return

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._publisher.close(0)
        self._socket.close(0)
        self._context.term()


@pytest.mark.parametrize("count", [400, pytest.param(10_000, marks=[pytest.mark.campaign, pytest.mark.timeout(900)])])
def test_no_request_is_stuck_mixed_up_delivered_later_or_fired_twice(count):
    server = Troublesome(seed=count)
    client = Client(server.requests, server.publisher, timeout=2.0)
    client.start(Forgetful())
    outcomes: collections.Counter[str] = collections.Counter()
    stuck = mixed_up = 0
    undelivered: set[str] = set()
    answered: set[str] = set()
    try:
        server.calm = False
        for number in range(count):
            origin = f"release {number}"
            began = time.monotonic()
            try:
                reply = client.request("Shoot", {"CameraSelection": "All", "PhotoOrigin": origin}, timeout=TIMEOUT_S)
            except NoReply as exc:
                outcomes[exc.delivery] += 1
                if exc.delivery == "no":
                    undelivered.add(origin)
            else:
                outcomes["answered"] += 1
                answered.add(origin)
                mixed_up += reply["PhotoOrigin"] != origin
            stuck += time.monotonic() - began > TIMEOUT_S + 2.0  # a machine that is busy elsewhere is not a stuck call
        server.calm = True
        assert client.request("Shoot", {"CameraSelection": "All", "PhotoOrigin": "last"}, timeout=5.0).msg_result
    finally:
        client.close()
        server.close()
    fired = collections.Counter(request["PhotoOrigin"] for request in server.received if request["msg_id"] == "Shoot")
    ghosts = undelivered & set(fired)
    twice = [origin for origin, times in fired.items() if times > 1]
    print(
        f"{count} requests: {dict(outcomes)}; server: {dict(server.habits)}; stuck {stuck}, taken for another {mixed_up}, "
        f"ghosts {len(ghosts)}, fired twice {len(twice)}"
    )
    assert set(server.habits) == set(HABITS), "every habit was met"
    assert min(outcomes["unknown"], outcomes["no"]) > count // 100
    assert outcomes["answered"] > count // 3
    assert (stuck, mixed_up, ghosts, twice) == (0, 0, set(), [])
    assert answered <= set(fired)
    assert fired["last"] == 1
