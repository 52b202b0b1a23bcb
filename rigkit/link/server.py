"""The server side of the wire: a publisher and a request socket in front of any model of an application.

One loop, one thread. The model is pure; this is where its virtual time meets the clock, its replies and events the sockets
and its file work the disk.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import zmq

from rigkit.errors import BadMessage, RigError
from rigkit.link.disk import LocalDisk, Work
from rigkit.wire import FIELDS, V5, Dialect, decode_frame, encode_frame

__all__ = ["Model", "ModelOutcome", "Server"]

log = logging.getLogger("rigkit.link.server")

#: The largest request read at all. Real ones are below 100 kB (the keys of a thousand cameras).
LARGEST_REQUEST = 4_000_000  # bytes
_LONGEST_WAIT = 0.5  # s; on some systems a signal does not end a poll
_LAST_WORDS = 500  # ms that a reply to Shutdown has to leave


class ModelOutcome(Protocol):
    """What a model says happened; see :class:`rigkit.sim.Outcome` for the meaning."""

    @property
    def reply(self) -> dict[str, Any] | None: ...  # noqa: D102
    @property
    def events(self) -> Sequence[Mapping[str, Any]]: ...  # noqa: D102
    @property
    def files(self) -> Sequence[Work]: ...  # noqa: D102
    @property
    def problem(self) -> str: ...  # noqa: D102
    @property
    def silent_until(self) -> float | None: ...  # noqa: D102
    @property
    def restarted(self) -> bool: ...  # noqa: D102
    @property
    def shutdown(self) -> bool: ...  # noqa: D102


class Model(Protocol):
    """Any model of an application in virtual seconds; :class:`rigkit.sim.SimulatedRig` is one."""

    @property
    def next_due(self) -> float | None:
        """When something happens next by itself."""

    def request(self, body: Mapping[str, Any], now: float) -> ModelOutcome:
        """Answer a request."""

    def tick(self, now: float) -> ModelOutcome:
        """Let time pass."""


class _Envelope(msgspec.Struct):
    """The parts of a request that its reply echoes as they were spelt."""

    msg_id: Any = ""
    msg_seq_num: Any = None
    msg_ref_num: Any = None


_envelope = msgspec.json.Decoder(_Envelope)


class Server:
    """A model behind two sockets.

    Both sockets are bound when it is made, the publisher first, so that nobody can send a request whose events nobody could
    have subscribed to.

    Parameters
    ----------
    model : Model
        What answers.
    publisher, reqrep : str
        Endpoints to bind. Port ``*`` takes a free one; the real endpoints are then in the attributes of the same names.
    dialect : Dialect
        What is spoken.
    speed : float
        How many virtual seconds pass in a real one.
    publisher_mark : int
        High-water mark of the publisher: events that may wait for one subscriber before further ones are dropped; 0: any
        number. An application with the default of its library would have 1000.
    disk : LocalDisk or None
        Where file work is done. None: nowhere.
    watch : callable or None
        Called with a line of text for each request and event; None: nobody watches.

    Raises
    ------
    RigError
        An endpoint can't be bound.
    """

    def __init__(
        self,
        model: Model,
        *,
        publisher: str = "tcp://127.0.0.1:54543",
        reqrep: str = "tcp://127.0.0.1:54544",
        dialect: Dialect = V5,
        speed: float = 1.0,
        publisher_mark: int = 0,
        disk: LocalDisk | None = None,
        watch: Callable[[str], None] | None = None,
    ) -> None:
        if speed <= 0:
            raise ValueError(f"speed must be above 0, not {speed}")
        self.model = model
        self.dialect = dialect
        self.speed = speed
        self._mark = publisher_mark
        self._disk = disk
        self._watch = watch
        self._stopping = False
        self._began = time.monotonic()
        # A byte through this pair ends a poll, from another thread or a signal handler.
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)
        self._woken.setblocking(False)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            self._pub = self._bind(zmq.PUB, publisher)
            self.publisher = _endpoint(self._pub)
            self._rep = self._bind(zmq.REP, reqrep)
            self.reqrep = _endpoint(self._rep)
        except BaseException:
            self.close()
            raise
        self._began = time.monotonic()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def now(self) -> float:
        """Virtual time, seconds since the start."""
        return (time.monotonic() - self._began) * self.speed

    def run(self) -> None:
        """Serve until :meth:`stop` is called or the model shuts down."""
        self._carry_out(self.model.tick(0.0))
        while not self._stopping:
            if self._poll(self._wait()):
                self._answer()
            self._carry_out(self.model.tick(self.now))

    def stop(self) -> None:
        """End :meth:`run` soon; may be called from any thread and from a signal handler."""
        self._stopping = True
        with contextlib.suppress(OSError):  # full, or closed already: it is awake or gone
            self._wake.send(b"\0")

    def close(self) -> None:
        """Close the sockets; what was not sent is dropped."""
        self._context.destroy(linger=0)
        self._wake.close()
        self._woken.close()

    # inside

    def _bind(self, kind: int, endpoint: str) -> zmq.Socket[bytes]:
        made = self._context.socket(kind)
        made.linger = 0
        if kind == zmq.PUB:
            made.sndhwm = self._mark
        try:
            made.bind(endpoint)
        except zmq.ZMQError as exc:
            name = "publisher" if kind == zmq.PUB else "reqrep"
            raise RigError(
                f"can't listen on the {name} endpoint {endpoint}: {exc.strerror or exc}. "
                f"Is a simulator or the real application running there already? Take another port, or tcp://127.0.0.1:*"
            ) from None
        return made

    def _wait(self) -> float:
        """Return how long nothing will happen (s, real)."""
        due = self.model.next_due
        return _LONGEST_WAIT if due is None else min(_LONGEST_WAIT, max(0.0, (due - self.now) / self.speed))

    def _poll(self, seconds: float, *, for_requests: bool = True) -> bool:
        """Wait for a request; says whether there is one."""
        poller = zmq.Poller()
        poller.register(self._woken.fileno(), zmq.POLLIN)
        if for_requests:
            poller.register(self._rep, zmq.POLLIN)
        # Rounded up: a poll that ends just before the time would be followed by a few empty ones.
        return bool(dict(poller.poll(int(seconds * 1000 + 0.999))).get(self._rep))

    def _answer(self) -> None:
        """Take one request and see that it gets exactly one reply."""
        frames = self._rep.recv_multipart()
        # What was due before the request happens first, and at no other time than the request itself: if the application
        # hangs in between, the request waits; if it restarts, the request is gone with it.
        while True:
            now = self.now
            before = self.model.tick(now)
            self._carry_out(before)
            if before.restarted or self._stopping:
                return
            if before.silent_until is None:
                break
        echo, body, problem = self._read(frames)
        if body is None:
            self._send_reply({**echo, "msg_result": False}, problem)
            return
        try:
            outcome = self.model.request(body, now)
        except Exception:  # a fault of the model must not take the server down, or the client would wait for ever
            log.exception("the model failed on %.200r", body)
            self._send_reply({**echo, "msg_result": False}, "the model failed")
            return
        if outcome.silent_until is not None:
            self._keep_silent(outcome.silent_until)
        reply = outcome.reply
        self._send_reply({**(reply or {"msg_result": False}), **echo}, outcome.problem)
        self._carry_out(outcome, silence_kept=True)
        if outcome.shutdown:
            # An asker with ZMQ_IMMEDIATE loses a reply that it has received and not read yet when the connection ends.
            self._rep.linger = _LAST_WORDS
            self._poll(_LAST_WORDS / 1000, for_requests=False)
            self._stopping = True

    def _read(self, frames: list[bytes]) -> tuple[dict[str, Any], dict[str, Any] | None, str]:
        """Read a request.

        Returns
        -------
        echo : dict
            What the reply repeats: the id as it was spelt, the number.
        body : dict or None
            The request in current names; None if it can't be one.
        problem : str
            Why not.
        """
        echo: dict[str, Any] = {"msg_type": "Response", "msg_id": "", "msg_seq_num": 0}
        if len(frames) != 1 or len(frames[0]) > LARGEST_REQUEST:
            return echo, None, f"{len(frames)} frames, {sum(map(len, frames))} bytes"
        raw = frames[0]
        try:
            body, dialect = decode_frame(raw)
            envelope = _envelope.decode(raw.removeprefix(b"\xef\xbb\xbf"))
        except (BadMessage, msgspec.MsgspecError, RecursionError) as exc:
            return echo, None, str(exc)
        spelt = envelope.msg_id
        if isinstance(spelt, str) and len(spelt) <= 100:
            echo["msg_id"] = spelt
        number = envelope.msg_ref_num if envelope.msg_seq_num is None else envelope.msg_seq_num
        if not FIELDS["msg_seq_num"].problem(number, self.dialect.version):
            echo["msg_seq_num"] = number
        current = body.get("msg_id")
        if dialect is not self.dialect:
            return echo, None, f"{spelt!r:.80} is {dialect.name}, spoken here is {self.dialect.name}"
        if self.dialect.ids and isinstance(current, str) and self.dialect.ids.get(current) != spelt:
            return echo, None, f"no request {spelt!r:.80} in {self.dialect.name}"
        return echo, body, ""

    def _send_reply(self, reply: Mapping[str, Any], problem: str) -> None:
        # The id goes back as it came: clients match replies by it, also one that asked in the other dialect.
        self._rep.send(encode_frame(reply, self.dialect, spelt_id=reply["msg_id"]))
        if self._watch is not None:
            self._watch(f"reply   {reply['msg_id']} {reply['msg_result']}{f': {problem}' if problem else ''}")

    def _carry_out(self, outcome: ModelOutcome, *, silence_kept: bool = False) -> None:
        """Do the file work of an outcome, then publish its events."""
        for work in outcome.files:
            self._do(work)
        self._publish(outcome.events)
        if outcome.restarted:
            self._close_for(outcome.silent_until)
        elif outcome.silent_until is not None and not silence_kept:
            self._keep_silent(outcome.silent_until)

    def _do(self, work: Work) -> None:
        if self._disk is None:
            return
        try:
            self._disk.do(work)
        except OSError as exc:
            log.error("could not %s %s: %s", work.action, work.path, exc)

    def _publish(self, events: Iterable[Mapping[str, Any]]) -> None:
        for event in events:
            self._pub.send(encode_frame(event, self.dialect))
            if self._watch is not None:
                self._watch(f"event   {_line(event)}")

    def _keep_silent(self, until: float) -> None:
        """Hang until a virtual time, but stop when told to."""
        while not self._stopping and self.now < until:
            self._poll(min(_LONGEST_WAIT, (until - self.now) / self.speed), for_requests=False)

    def _close_for(self, until: float | None) -> None:
        """Be away until a virtual time, as an application that restarts, and come back on the same endpoints."""
        self._pub.close(linger=200)  # what was said before it went is heard
        self._rep.close(linger=0)
        self._keep_silent(until or 0.0)
        self._pub = self._bind_again(zmq.PUB, self.publisher)
        self._rep = self._bind_again(zmq.REP, self.reqrep)

    def _bind_again(self, kind: int, endpoint: str) -> zmq.Socket[bytes]:
        """Bind an endpoint that was given up a moment ago; the system may need a little to let go of it."""
        for _ in range(50):
            try:
                return self._bind(kind, endpoint)
            except RigError:
                time.sleep(0.02)
        return self._bind(kind, endpoint)


def _endpoint(made: zmq.Socket[bytes]) -> str:
    """Return where a socket really listens."""
    return made.getsockopt_string(zmq.LAST_ENDPOINT)


def _line(event: Mapping[str, Any]) -> str:
    """Put an event on one line."""
    some = ("CameraName", "CameraStatus", "PhotoComputedName", "PhotoLocation", "CustomText")
    return f"{event['msg_seq_num']} {event['msg_id']} " + " ".join(
        f"{event[name]!s:.60}" for name in some if name in event
    )
