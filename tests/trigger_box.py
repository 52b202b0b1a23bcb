"""Somebody else at the application: a trigger box, its own button, another program. Plain pyzmq and json, none of rigkit."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import zmq


class TriggerBox:
    """Sends Shoot to the application that a rig is connected to, with no tag.

    Parameters
    ----------
    endpoint : str
        The application's request endpoint.
    """

    def __init__(self, endpoint: str) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.REQ)
        self._socket.linger = 0
        self._socket.connect(endpoint)
        self._sent = 0

    def fire(self, keys: Sequence[str], **fields: Any) -> None:
        """Release the shutters of these cameras."""
        self.ask("Shoot", CameraSelection="Multiple", CameraKeys=list(keys), **fields)

    def fire_v3(self, keys: Sequence[str]) -> None:
        """Do so in the dialect of 3.x."""
        self._sent += 1
        body = {"msg_type": "Request", "msg_id": "ShootMsg", "msg_ref_num": self._sent}
        self._socket.send(json.dumps({**body, "CameraSelection": "Multiple", "CameraKeys": list(keys)}).encode())
        assert self._socket.poll(5000)
        assert json.loads(self._socket.recv().decode("utf-8-sig"))["Result"]

    def ask(self, msg_id: str, **fields: Any) -> dict[str, Any]:
        """Send any request, and return the reply, which must be yes."""
        self._sent += 1
        request = {"msg_type": "Request", "msg_id": msg_id, "msg_seq_num": self._sent, "msg_user_id": 7, **fields}
        self._socket.send(json.dumps(request).encode())
        assert self._socket.poll(5000)
        reply: dict[str, Any] = json.loads(self._socket.recv().decode("utf-8-sig"))
        assert reply["msg_result"]
        return reply

    def close(self) -> None:
        """Let go of the application."""
        self._socket.close(0)
        self._context.term()

    def __enter__(self) -> TriggerBox:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
