"""The client's two sockets: one thread that listens, and requests on the caller's own thread.

Every frame heard, sent or answered is stamped and handed to a sink before anything else is done with it. Nothing is decoded
on the reader thread and no user code runs there.

What a request can't do here: be delivered later. The REQ socket is RELAXED + CORRELATE (a late reply is never taken for
another request's) and IMMEDIATE (nothing queues for a server that isn't there), and it is thrown away after any timeout or
interrupt. With default options three requests timed out against a dead server all reach it when it comes back, and the
cameras fire then.

Where a recorder (a process of its own, :mod:`rigkit.recorder`) listens and journals, the thread here waits for its bell instead
and shows what it wrote. It subscribes itself as soon as the recorder is no more.
"""

from __future__ import annotations

import contextlib
import logging
import struct
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from socket import getaddrinfo
from typing import Any, Literal, Protocol

import zmq

from rigkit.errors import BadMessage, NoReply, RigError
from rigkit.link.bell import Feed, follow
from rigkit.wire import ALIASES, V3, V5, Dialect, Message, decode_frame, encode_frame

__all__ = ["Client", "Sink"]

#: Waiting is done in slices this long, so that Ctrl-C and Jupyter's interrupt work at once (also where a blocking call into
#: libzmq can't be interrupted, as on Windows), s.
SLICE_S = 0.2
#: Frames handed over at once; a bound on how long a burst stays invisible. So many events of 3.8 kB stay in the processor's cache
#: while they are checked, summed and written: 0.6 us less an event, of 7, than 1000 at once; with 60 the writing costs more.
_BATCH = 250

_logger = logging.getLogger("rigkit")

_READABLE = int(zmq.POLLIN)

Frame = tuple[str, int, int, bytes]


class Sink(Protocol):
    """Where frames go: the log of a session."""

    def append(self, batch: Sequence[Frame], /) -> None:
        """Keep ``(channel, mono_ns, wall_ns, raw)`` frames."""

    def note(self, kind: str, /, **fields: Any) -> None:
        """Keep a note of rigkit's own."""

    def wake(self) -> None:
        """Wake up whoever waits for news."""


class _Waiting:
    """The sink before there is a session: nothing is created on disk until the connection is known to work."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.notes: list[tuple[str, dict[str, Any]]] = []

    def append(self, batch: Sequence[Frame], /) -> None:
        self.frames.extend(batch)

    def note(self, kind: str, /, **fields: Any) -> None:
        self.notes.append((kind, fields))

    def wake(self) -> None:
        pass


class Client:
    """A connection to one application.

    Parameters
    ----------
    request_endpoint, publisher_endpoint : str
        ZeroMQ endpoints of the request server and of the event publisher.
    timeout : float
        Default for how long a request may take, and for each step of connecting, in seconds.

    Raises
    ------
    NoReply
        No handshake on the publisher's endpoint, or no answer on the request endpoint, within ``timeout``.

    Attributes
    ----------
    dialect : Dialect
        What the application speaks, found out by asking.
    failure : BaseException or None
        Why the reader stopped, if it did.
    """

    def __init__(self, request_endpoint: str, publisher_endpoint: str, *, timeout: float = 5.0) -> None:
        self.request_endpoint = request_endpoint
        self.publisher_endpoint = publisher_endpoint
        self.timeout = timeout
        self.dialect: Dialect = V5
        self.failure: BaseException | None = None
        self._sink: Sink = _Waiting()
        #: One request at a time; held by whoever needs several in a row undisturbed. Reentrant.
        self.exclusive = threading.RLock()
        self._next_seq = 1
        self._closed = False
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context(io_threads=1)
        self._requests: zmq.Socket[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._stop: zmq.Socket[bytes] | None = None
        self._subscription: _Subscription | None = None
        self._feed: Feed | None = None
        #: What the user has not been told yet: a warning comes from the thread that waits or requests.
        self._untold: list[str] = []
        self._recorder_trouble: str | None = None
        try:
            _resolve(publisher_endpoint, timeout)
            _resolve(request_endpoint, timeout)
            self._subscription = _Subscription(self._context, publisher_endpoint)
            self._subscription.await_handshake(timeout)
            self._greet()
        except BaseException:
            self.close()
            raise

    # -- connecting ---------------------------------------------------------------------------------------------------

    def _greet(self) -> None:
        """Find out the dialect by asking for something that changes nothing."""
        try:
            reply, _ = self._exchange("GetCamera", {"CameraSelection": "All"}, None, None)
            if reply.dialect is V5 and (reply.msg_result or reply.get("CameraInfo") is not None):
                return
        except NoReply as exc:
            if exc.delivery == "no":
                raise
        self.dialect = V3
        try:
            reply, _ = self._exchange("Synchronise", {}, None, None)
        except NoReply as exc:
            raise NoReply("Asking for the cameras", exc.endpoint, exc.timeout, exc.delivery) from None
        if reply.dialect is V5:  # it speaks the current dialect after all, and just said no
            self.dialect = V5

    def follow(self, feed: Feed) -> None:
        """Hear what a recorder writes, instead of listening. To be called before :meth:`start`.

        Parameters
        ----------
        feed : Feed
            Closed with the client.
        """
        self._feed = feed
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    def start(self, sink: Sink) -> None:
        """Hand over what was said so far, and start listening.

        Parameters
        ----------
        sink : Sink
            Where everything goes from now on.
        """
        early = self._sink
        self._sink = sink
        if isinstance(early, _Waiting):
            if early.frames:
                sink.append(early.frames)
            for kind, fields in early.notes:
                sink.note(kind, **fields)
        address = f"inproc://stop-{id(self)}"
        receiver = self._context.socket(zmq.PAIR)
        receiver.linger = 0
        receiver.bind(address)
        self._stop = self._context.socket(zmq.PAIR)
        self._stop.linger = 0
        self._stop.connect(address)
        self._reader = threading.Thread(target=self._read, args=(receiver,), name="rigkit-reader", daemon=True)
        self._reader.start()

    # -- listening ----------------------------------------------------------------------------------------------------

    def _read(self, stop: zmq.Socket[bytes]) -> None:
        """Receive, stamp, hand over; until told to stop."""
        try:
            if self._feed is not None:
                if follow(self._context, self._feed, stop, self._told_by_recorder):
                    return
                self._lost_recorder()
            if self._subscription is None:
                self._subscription = _Subscription(self._context, self.publisher_endpoint)
            self._read_own(self._subscription, stop)
        except BaseException as exc:  # noqa: BLE001 - kept, and raised to whoever waits or requests next
            self.failure = exc
            self._sink.wake()
        finally:
            if self._subscription is not None:
                self._subscription.close()
            stop.close(0)

    def _read_own(self, subscription: _Subscription, stop: zmq.Socket[bytes]) -> None:
        poller = zmq.Poller()
        for socket in (subscription.socket, subscription.monitor, stop):
            poller.register(socket, zmq.POLLIN)
        while True:
            ready = dict(poller.poll())
            if stop in ready:
                return
            if subscription.socket in ready:
                self._sink.append(subscription.drain())
            if subscription.monitor in ready:
                # When the connection breaks and comes back: what was published in between is lost.
                self._sink.note("publisher", what=subscription.what_happened(), endpoint=self.publisher_endpoint)

    def _told_by_recorder(self, told: Mapping[str, Any]) -> None:
        """Pass on what troubles the recorder, once per trouble."""
        trouble = told.get("trouble")
        if isinstance(trouble, str) and self._recorder_trouble is None:
            self._warn(f"The recorder of this session reports: {trouble}")
        self._recorder_trouble = trouble if isinstance(trouble, str) else None

    def _lost_recorder(self) -> None:
        """Say that nobody listens; the handshake of our own subscription says that somebody does again."""
        self._sink.note("recorder", what="gone")
        self._sink.note("publisher", what="disconnected", endpoint=self.publisher_endpoint)
        self._warn(
            "The recorder of this session has ended. From now on this Python listens and records itself; what was published in the "
            "second before is in session.loss, and is asked for where a shot misses it"
        )

    def _warn(self, text: str) -> None:
        """Tell the user at once on standard error, and with the next wait or request."""
        _logger.error("%s.", text)
        self._untold.append(text)

    def check(self) -> None:
        """Raise what stopped the reader, if anything did.

        Raises
        ------
        RigError
            Listening has stopped; the reason is chained.
        """
        if self.failure is not None:
            raise RigError(
                f"listening to {self.publisher_endpoint} has stopped, so nothing more is heard or recorded: {self.failure}. "
                "Close this rig and connect again with the same session folder"
            ) from self.failure
        while self._untold:
            warnings.warn(self._untold.pop(0), RuntimeWarning, stacklevel=4)
        if self._closed:
            raise RigError(f"the connection to {self.request_endpoint} is closed; connect again")

    # -- asking -------------------------------------------------------------------------------------------------------

    def request(
        self,
        msg_id: str,
        fields: Mapping[str, Any],
        *,
        timeout: float | None = None,
        on_sent: Callable[[int, int, int], None] | None = None,
    ) -> Message:
        """Send a request and wait for its reply.

        Parameters
        ----------
        msg_id : str
            Which, by its current id.
        fields : Mapping
            What it carries beyond the envelope, current names.
        timeout : float or None
            Seconds for everything; None: the client's own.
        on_sent : callable or None
            Called with the request's number and its host monotonic and wall stamps (ns) right before it is sent.

        Returns
        -------
        Message
            The reply, also where it says no.

        Raises
        ------
        NoReply
            Not delivered (``delivery == "no"``), or delivered and not answered (``"unknown"``).
        BadMessage
            The reply is not a message, or one to something else: what became of the request is not known.
        RigError
            The connection is closed or its reader has failed.
        """
        reply, raw = self._exchange(msg_id, fields, timeout, on_sent)
        if reply.msg_id != ALIASES.get(msg_id, msg_id):
            raise BadMessage(f"it came as the reply to {msg_id} and says {reply.msg_id or 'no msg_id'}", raw)
        return reply

    def _exchange(
        self,
        msg_id: str,
        fields: Mapping[str, Any],
        timeout: float | None,
        on_sent: Callable[[int, int, int], None] | None,
    ) -> tuple[Message, bytes]:
        """Send a request and take whatever message comes as its reply."""
        self.check()
        limit = self.timeout if timeout is None else timeout
        with self.exclusive:
            seq = self._next_seq
            self._next_seq = seq % (2**31 - 1) + 1  # fits the int32 of the 3.x dialect too
            body = {"msg_type": "Request", "msg_id": msg_id, "msg_seq_num": seq, **fields}
            raw = encode_frame(body, self.dialect, mark=False)
            delivery: Literal["no", "unknown"] = "no"
            deadline = time.monotonic() + limit
            kept = False
            try:
                socket = self._request_socket()
                can_send = self._poll(socket, zmq.POLLOUT, deadline)
                asked = ("req", time.monotonic_ns(), time.time_ns(), raw)
                if on_sent is not None:
                    on_sent(seq, asked[1], asked[2])
                if can_send:
                    delivery = "unknown"  # from here on it may have left, also if an interrupt comes in between
                    delivery = _send(socket, raw)
                # Written while the other side works on it: that hides 20 to 50 us of a round trip of some 200. What would be
                # lost if this process were killed just here is one request; a release has been announced by a note before.
                kept = True
                self._sink.append([asked])
                if delivery == "no" or not self._poll(socket, zmq.POLLIN, deadline):
                    raise NoReply(msg_id, self.request_endpoint, limit, delivery)
                answer = socket.recv(zmq.NOBLOCK)
                mono_ns, wall_ns = time.monotonic_ns(), time.time_ns()
                self._sink.append([("rep", mono_ns, wall_ns, answer)])
            except BaseException:
                self._drop_request_socket()
                if not kept and delivery != "no":
                    self._sink.append([asked])
                self._sink.note("no_reply", msg_id=msg_id, msg_seq_num=seq, delivery=delivery)
                raise
        reply, dialect = decode_frame(answer)
        return Message(reply, "rep", mono_ns, wall_ns, dialect), answer

    def _request_socket(self) -> zmq.Socket[bytes]:
        if self._requests is None:
            socket = self._context.socket(zmq.REQ)
            socket.linger = 0
            socket.setsockopt(zmq.REQ_RELAXED, 1)
            socket.setsockopt(zmq.REQ_CORRELATE, 1)
            socket.setsockopt(zmq.IMMEDIATE, 1)
            socket.rcvhwm = 0
            socket.connect(self.request_endpoint)
            self._requests = socket
        return self._requests

    def _drop_request_socket(self) -> None:
        if self._requests is not None:
            self._requests.close(0)
            self._requests = None

    @staticmethod
    def _poll(socket: zmq.Socket[bytes], what: int, deadline: float) -> bool:
        while not socket.poll(_slice_ms(deadline), what):
            if time.monotonic() >= deadline:
                return False
        return True

    # -- closing ------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Stop listening and close every socket; when it returns, no thread and no file descriptor is left. Twice is fine."""
        with self.exclusive:
            if self._closed:
                return
            self._closed = True
            self._drop_request_socket()
        try:
            self._stop_listening()
        finally:  # also if somebody interrupts the waiting: the reader has been told to end, and ends
            try:
                if self._feed is not None:
                    self._feed.close()
            finally:
                self._context.term()

    def _stop_listening(self) -> None:
        if self._reader is not None and self._stop is not None:
            with contextlib.suppress(zmq.Again):  # a reader that has failed takes no word any more
                self._stop.send(b"", zmq.NOBLOCK)
            try:
                if self._reader is not threading.current_thread():
                    self._reader.join()
            finally:
                self._stop.close(0)
        elif self._subscription is not None:
            self._subscription.close()


class _Subscription:
    """A subscription to everything a publisher says, and an eye on its connection; used by one thread at a time.

    Parameters
    ----------
    context : zmq.Context
        For the socket.
    endpoint : str
        The publisher's.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str) -> None:
        self.endpoint = endpoint
        self.socket = context.socket(zmq.SUB)
        self.socket.linger = 0
        self.socket.rcvhwm = 0  # whatever reaches this process is kept, however busy the kernel is
        self.socket.subscribe(b"")  # no topic frames on this wire, and 3.x frames start with a byte order mark
        self.monitor = self.socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED)
        self.monitor.linger = 0
        try:
            self.socket.connect(endpoint)
        except BaseException:
            self.close()
            raise

    def await_handshake(self, timeout: float) -> None:
        """Wait until the publisher has shaken hands.

        Raises
        ------
        NoReply
            It did not within ``timeout`` s.
        """
        deadline = time.monotonic() + timeout
        while not self.monitor.poll(_slice_ms(deadline)):
            if time.monotonic() >= deadline:
                raise NoReply("Connecting to the event publisher", self.endpoint, timeout, "no")
        self.monitor.recv_multipart()

    def drain(self) -> list[Frame]:
        """Return what has arrived, each frame stamped as it is taken."""
        batch: list[Frame] = []
        receive, mono, wall, at_once = self.socket.recv, time.monotonic_ns, time.time_ns, int(zmq.NOBLOCK)
        try:
            for _ in range(_BATCH):
                raw = receive(at_once)
                batch.append(("pub", mono(), wall(), raw))
                # Mostly events come one by one, and asking for more costs less than half of the exception that a receive from an
                # empty socket raises. In a burst one exception at its end costs less than asking each time (3 us, of 6 an event).
                if len(batch) == 1 and not int(self.socket.getsockopt(zmq.EVENTS)) & _READABLE:
                    break
        except zmq.Again:
            return batch
        return batch

    def what_happened(self) -> Literal["connected", "disconnected"]:
        """Return what the eye on the connection has seen."""
        # First frame: event number and value (zmq_socket_monitor(3)). pyzmq's own parser imports asyncio.
        event, _ = struct.unpack("=hi", self.monitor.recv_multipart()[0])
        return "disconnected" if event == zmq.EVENT_DISCONNECTED else "connected"

    def close(self) -> None:
        """Close both sockets; twice is fine."""
        if not self.socket.closed:
            try:
                # Refused where an interrupted close() is ending the context already; it then waits for the two below.
                with contextlib.suppress(zmq.ContextTerminated):
                    self.socket.disable_monitor()
            finally:
                self.monitor.close(0)
                self.socket.close(0)


def _resolve(endpoint: str, timeout: float) -> None:
    """Say of a host that nobody knows that nobody knows it, rather than that it is silent."""
    host, colon, _ = endpoint.removeprefix("tcp://").rpartition(":")
    if not (endpoint.startswith("tcp://") and colon):
        return
    try:
        getaddrinfo(host.strip("[]"), None)
    except OSError as exc:
        hint = f"there is no computer of the name {host!r} ({exc.strerror or exc}); is it spelt right?"
        raise NoReply("Connecting", endpoint, timeout, "no", hint) from None


def _send(socket: zmq.Socket[bytes], raw: bytes) -> Literal["no", "unknown"]:
    try:
        socket.send(raw, zmq.NOBLOCK)
    except zmq.Again:
        return "no"
    return "unknown"


def _slice_ms(deadline: float) -> int:
    """Milliseconds of the next slice of waiting, at least 1 so that nobody spins."""
    return max(1, int(1000 * min(SLICE_S, deadline - time.monotonic())))
