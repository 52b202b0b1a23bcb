"""Servers that nobody would ship: they answer late, wrongly, in half, or not at all. Plain pyzmq and json, none of rigkit."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from typing import Any

import zmq

#: One frame, or the several parts of a message.
Raw = bytes | list[bytes]
Answer = Callable[[dict[str, Any]], Raw | None]


def say_yes(request: dict[str, Any]) -> bytes:
    """The usual reply of the current dialect, with one camera."""
    reply = {**request, "msg_type": "Response", "msg_result": True}
    if request["msg_id"] in {"GetCamera", "Synchronise"}:
        reply["CameraInfo"] = [{"CameraKey": "k1", "CameraName": "A01", "CameraStatus": "Ready", "PhotoBatchNum": 1}]
        reply["PhotoInfo"] = []
    return json.dumps(reply).encode()


class FakeServer:
    """A publisher and a reply socket on free loopback ports, answered by a function.

    Parameters
    ----------
    answer : callable
        From the decoded request to the raw reply; None: no reply at all.
    publisher : bool
        Whether there is a publisher.
    """

    def __init__(self, answer: Answer = say_yes, *, publisher: bool = True) -> None:
        self.answer = answer
        self.received: list[dict[str, Any]] = []
        self._context = zmq.Context()
        self._publisher = self._context.socket(zmq.PUB)
        self._publisher.linger = 0
        self._publisher.sndhwm = 0  # nothing is dropped on the way, however much is said at once
        self._replies = self._context.socket(zmq.ROUTER)  # a REP could not leave a request unanswered and go on
        self._replies.linger = 0
        self.publisher = (
            f"tcp://127.0.0.1:{self._publisher.bind_to_random_port('tcp://127.0.0.1')}" if publisher else ""
        )
        self.requests = f"tcp://127.0.0.1:{self._replies.bind_to_random_port('tcp://127.0.0.1')}"
        self._out: list[Raw] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="fake-server", daemon=True)
        self._thread.start()

    def publish(self, *frames: Raw) -> None:
        """Publish raw frames, or lists of them as messages of several parts, from the server's own thread."""
        self._out.extend(frames)

    def _serve(self) -> None:
        while not self._stop.is_set():
            if self._replies.poll(5):
                *envelope, raw = self._replies.recv_multipart()
                request = json.loads(raw.decode("utf-8-sig"))
                self.received.append(request)
                if request["msg_id"] == "RelayCustomText" and self._publisher.closed is False:
                    self._publisher.send(json.dumps({**request, "msg_type": "Event", "msg_seq_num": 0}).encode())
                reply = self.answer(request)
                if reply is not None:
                    self._replies.send_multipart([*envelope, *_parts(reply)])
            while self._out:
                self._publisher.send_multipart(_parts(self._out.pop(0)))

    def close(self) -> None:
        """Stop and close."""
        self._stop.set()
        self._thread.join()
        self._publisher.close(0)
        self._replies.close(0)
        self._context.term()

    def __enter__(self) -> FakeServer:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _parts(raw: Raw) -> list[bytes]:
    return raw if isinstance(raw, list) else [raw]


class Forgetful:
    """A sink of a client that keeps nothing."""

    def append(self, batch: Sequence[Any], /) -> None:
        pass

    def note(self, kind: str, /, **fields: Any) -> None:
        pass

    def wake(self) -> None:
        pass
