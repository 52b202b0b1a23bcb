"""The bell between a recorder and the notebooks that listen to it.

The recorder writes a batch into its journal and rings; whoever is attached then reads the file. A ring that is lost costs
nothing: the file is the truth, and it is looked at every 0.2 s besides. What is said over the bell is one word of the notebook
(``here`` again and again, ``bye``, ``stop``) and the recorder's state as JSON. Both sides know a token that only the user can
read, so that nobody else on the computer can end a recording.
"""

from __future__ import annotations

import contextlib
import hmac
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec
import zmq

__all__ = ["Bell", "Feed", "follow", "tell_to_stop"]

#: A notebook says that it is there so often, and counts as gone when it was silent so long, s. A kernel may hold its interpreter
#: lock for seconds, and is rung again as soon as it speaks again.
_HERE_S, _GONE_S = 1.0, 10.0
#: The recorder rings so often without any news, s. Silent for longer than _SILENT_S: maybe it is no more.
_BEAT_S, _SILENT_S = 0.25, 0.6
#: Silent for so long and alive: it is stuck, and the user is told, s.
_STUCK_S = 5.0
_STUCK = (
    f"its process has been silent for {_STUCK_S:g} s and is not gone: it is stopped, or the computer is overloaded. Nothing new is "
    "heard until it goes on; if you end that process, this Python listens itself"
)
#: The journal is looked at so often without a ring, ms.
_LOOK_MS = 200
#: The same while a recorder is ending.
_LOOK_ENDING_MS = 20
#: A recorder has so long to end, s.
ENDING_S = 15.0


class Feed(Protocol):
    """What a recorder has written, and how to reach it."""

    @property
    def bell(self) -> str:
        """Endpoint of its bell."""

    @property
    def token(self) -> bytes:
        """What it knows its own people by."""

    @property
    def ours(self) -> bool:
        """It was started by a notebook, and ends with it."""

    def take(self) -> None:
        """Show what is new."""

    def leave(self) -> bytes:
        """Return the last word to the recorder."""

    def alive(self) -> bool:
        """Whether it still writes."""

    def close(self) -> None:
        """Wait for its end if it was started by this process; twice is fine."""


class Bell:
    """The recorder's side: rung by the thread that writes, looked after by the main one.

    Parameters
    ----------
    token : bytes
        Words without it are not listened to.

    Attributes
    ----------
    endpoint : str
        On the loopback interface, on a free port.
    """

    def __init__(self, token: bytes) -> None:
        self._token = token
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context(io_threads=1)
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.linger = 200
        self.endpoint = f"tcp://127.0.0.1:{self._socket.bind_to_random_port('tcp://127.0.0.1')}"
        self._pulled = self._context.socket(zmq.PAIR)
        self._pulled.bind("inproc://bell")
        self._rope = self._context.socket(zmq.PAIR)
        self._rope.linger = 0
        self._rope.connect("inproc://bell")
        self._poller = zmq.Poller()
        for socket in (self._socket, self._pulled):
            self._poller.register(socket, zmq.POLLIN)
        self._guard = threading.Lock()
        #: Pulled, and not yet rung: whoever writes then need not pull again.
        self._pending = False
        self._present: dict[bytes, float] = {}
        self._next_beat = 0.0

    @property
    def attached(self) -> int:
        """How many notebooks listen."""
        return len(self._present)

    def ring(self) -> None:
        """Say that there is news; from any thread."""
        if not self._pending:
            with self._guard:
                self._pending = True
                with contextlib.suppress(zmq.Again):
                    self._rope.send(b"", zmq.NOBLOCK)

    def attend(self, timeout: float, state: Callable[[], Mapping[str, Any]]) -> bool:
        """Look after the bell for a moment.

        Parameters
        ----------
        timeout : float
            At most so long, s; less if there is something to do.
        state : callable
            Asked for what goes out with a ring.

        Returns
        -------
        bool
            Somebody who may has said ``stop``.
        """
        if self._present:
            timeout = max(0.0, min(timeout, self._next_beat - time.monotonic()))
        ready = dict(self._poller.poll(int(1000 * timeout) + 1))
        stop = False
        if self._socket in ready:
            stop = self._listen()
        if self._pulled in ready:
            self._pending = False  # before the ring goes out: what is written from now on pulls anew
            with contextlib.suppress(zmq.Again):
                while True:
                    self._pulled.recv(zmq.NOBLOCK)
        now = time.monotonic()
        self._present = {who: seen for who, seen in self._present.items() if now - seen < _GONE_S}
        if self._pulled in ready or now >= self._next_beat:
            self._next_beat = now + _BEAT_S
            if self._present:
                self._say(state())
        return stop

    def _listen(self) -> bool:
        stop = False
        with contextlib.suppress(zmq.Again):
            while True:
                who, *words = self._socket.recv_multipart(zmq.NOBLOCK)
                if len(words) != 2 or not hmac.compare_digest(words[0], self._token):
                    continue
                if words[1] == b"here":
                    self._present[who] = time.monotonic()
                elif words[1] == b"bye":
                    self._present.pop(who, None)
                elif words[1] == b"stop":
                    self._present.pop(who, None)
                    stop = True
        return stop

    def _say(self, state: Mapping[str, Any]) -> None:
        told = msgspec.json.encode(state)
        for who in self._present:
            with contextlib.suppress(zmq.Again):
                self._socket.send_multipart([who, told], zmq.NOBLOCK)

    def close(self) -> None:
        """Tell whoever is attached that this is the end, and close. Nobody may ring any more. Twice is fine."""
        if not self._socket.closed:
            self._say({"ending": True})
            for socket in (self._rope, self._pulled, self._socket):
                socket.close()
            self._context.term()


class _Rope:
    """The notebook's side."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str, token: bytes) -> None:
        self._token = token
        self.socket = context.socket(zmq.DEALER)
        self.socket.linger = 500  # the last word is to leave
        self.socket.connect(endpoint)

    def say(self, word: bytes) -> None:
        with contextlib.suppress(zmq.Again):
            self.socket.send_multipart([self._token, word], zmq.NOBLOCK)

    def hear(self) -> dict[str, Any]:
        """Return what was said last; empty: nothing that can be read."""
        said = b"{}"
        with contextlib.suppress(zmq.Again):
            while True:
                said = self.socket.recv_multipart(zmq.NOBLOCK)[-1]
        try:
            return msgspec.json.decode(said, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError):
            return {}


def follow(
    context: zmq.Context[zmq.Socket[bytes]],
    feed: Feed,
    stop: zmq.Socket[bytes],
    tell: Callable[[dict[str, Any]], None],
) -> bool:
    """Show what a recorder writes, until told to stop or until it is no more.

    Parameters
    ----------
    context : zmq.Context
        For the socket.
    feed : Feed
        The recorder.
    stop : zmq.Socket
        Readable when this is to end.
    tell : callable
        Called with what the recorder says of itself at each ring.

    Returns
    -------
    bool
        True: told to stop; a recorder of ours has then ended too, and all it wrote was taken. False: it is no more.
    """
    rope = _Rope(context, feed.bell, feed.token)
    poller = zmq.Poller()
    poller.register(rope.socket, zmq.POLLIN)
    poller.register(stop, zmq.POLLIN)
    rung, speak_at, ending = time.monotonic(), 0.0, False
    try:
        while True:
            if time.monotonic() >= speak_at:
                rope.say(b"here")
                speak_at = time.monotonic() + _HERE_S
            ready = dict(poller.poll(_LOOK_ENDING_MS if ending else _LOOK_MS))
            if stop in ready:
                _leave(rope, feed)
                return True
            if rope.socket in ready:
                told, rung = rope.hear(), time.monotonic()
                ending = ending or bool(told.get("ending"))
                tell(told)
            feed.take()
            silent = time.monotonic() - rung
            if (ending or silent > _SILENT_S) and not feed.alive():
                feed.take()  # what it wrote last
                return False
            if silent > _STUCK_S:
                tell({"trouble": _STUCK})
    finally:
        rope.socket.close()


def _leave(rope: _Rope, feed: Feed) -> None:
    """Say goodbye; a recorder of ours is told to stop, and all it writes until its end is taken."""
    rope.say(feed.leave())
    deadline = time.monotonic() + ENDING_S
    while feed.ours and feed.alive() and time.monotonic() < deadline:
        rope.socket.poll(_LOOK_ENDING_MS)
        rope.hear()
    feed.take()


def tell_to_stop(feed: Feed) -> bool:
    """Tell a recorder to stop, and wait for its end.

    Returns
    -------
    bool
        Whether it has ended.
    """
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context(io_threads=1)
    rope = _Rope(context, feed.bell, feed.token)
    try:
        rope.say(b"stop")
        deadline = time.monotonic() + ENDING_S
        while feed.alive():
            if time.monotonic() >= deadline:
                return False
            rope.socket.poll(_LOOK_ENDING_MS)
            rope.hear()
        return True
    finally:
        rope.socket.close(0)
        context.term()
