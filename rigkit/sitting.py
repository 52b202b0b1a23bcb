"""A link and the session it feeds: asking, waiting, and carrying out what the account asks for.

The one place where client and session meet. The account says what should be done about silence; here it is done, and noted.
"""

from __future__ import annotations

import contextlib
import logging
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rigkit.account.shots import Decide, Download, Instruction, Reconcile
from rigkit.account.silence import took_one
from rigkit.ending import Held, close_link, settle, wind_up
from rigkit.errors import BadMessage, Refused, RigError
from rigkit.link.child import SimulatorProcess
from rigkit.link.client import SLICE_S
from rigkit.link.link import Link
from rigkit.lookout import look_over
from rigkit.record.folder import FolderLock
from rigkit.record.log import Clock
from rigkit.record.warned import WarningRecord
from rigkit.session import Session
from rigkit.wire import FIELDS, Message, check_request, decode_frame
from rigkit.wire.selection import photo_selection, selection

__all__ = ["STATE_S", "Sitting", "say"]

#: How long the echo of our own text may take before the event channel counts as deaf, s.
DEAF_S = 2.0
#: The account is asked what to do about silence so often at most, ns; its deadlines are seconds.
_TICK_NS = 50_000_000
#: How long after events were lost the state is asked for at the earliest, ns: most of a shot's events come within a second. An
#: answer that takes longer than a fifth of that, since there are many photos in it, is asked for as much less often.
_LOSS_NS = 1_000_000_000
#: The rig is looked over for what may have gone wrong so often at most while somebody waits, ns: 500 cameras take some 5 ms.
_WATCH_NS = 500_000_000
#: How long a 3.x application may take to publish its state after it acknowledged Synchronise, s.
STATE_S = 2.0


_logger = logging.getLogger("rigkit")


def say(text: str) -> None:
    """Tell the person at the keyboard."""
    print(text)  # noqa: T201 - this is what it is for


@dataclass(eq=False)
class Sitting:
    """What the Rigs of one connection share.

    Attributes
    ----------
    address : str
        As the user gave it.
    client : Link
        The link.
    session : Session
        The live session. Its log's clock is the sitting's.
    lock : FolderLock or None
        Ownership of the session folder; None: a session without one.
    child : SimulatorProcess or None
        The simulator we started; None: somebody else's application.
    """

    address: str
    client: Link
    session: Session
    lock: FolderLock | None = None
    child: SimulatorProcess | None = None
    #: A recorder was asked for: the next sitting gets one too.
    recorder: bool = False
    #: What is engaged and must be let go of, at the latest when the link is closed.
    held: list[Held] = field(default_factory=list, repr=False)
    #: Called with every warning that arises, on the thread that watches.
    callbacks: list[Callable[[WarningRecord], object]] = field(default_factory=list, repr=False)
    #: How the shots of this Python were released, by shot id: from selection fields to the release.
    releases: dict[int, Callable[[dict[str, Any]], Any]] = field(default_factory=dict, repr=False)
    #: The Rig of all cameras, while somebody holds it.
    whole: weakref.ref[Any] | None = field(default=None, repr=False)
    _next_tick_ns: int = 0
    _next_watch_ns: int = 0
    _loss_seen_ns: int | None = None
    _made_up_in_ns: int = 0
    #: How many shots waited for something when the account was asked last.
    _open: int = 0
    _attending: bool = False
    #: Trouble with the journal that the user was warned of.
    _told: str | None = field(default=None, repr=False)
    _finalizer: weakref.finalize[..., Any] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self._arm()

    def _arm(self) -> None:
        # Dropping the last Rig of a connection, or ending the interpreter, closes it as rig.close() does.
        self._finalizer = weakref.finalize(
            self, close_link, self.client, self.child, self.session, self.lock, self.held
        )

    @property
    def clock(self) -> Clock:
        """By which everything here keeps time."""
        return self.session.log.clock

    @property
    def closed(self) -> bool:
        """Whether the link is down for good."""
        return self._finalizer is None or not self._finalizer.alive

    # -- asking -------------------------------------------------------------------------------------------------------

    def request(self, msg_id: str, fields: Mapping[str, Any], *, timeout: float | None = None) -> Message:
        """Check, send, record; return the reply whatever it says.

        Raises
        ------
        UnknownName, ValueError
            Not a request of the API, or not with such fields.
        NoReply
            Nobody answered.
        """
        self.check(msg_id, fields)
        self._tell_trouble()
        return self.client.request(msg_id, fields, timeout=timeout)

    def check(self, msg_id: str, fields: Mapping[str, Any]) -> None:
        """Check a request before it is sent, and that the far end knows it."""
        check_request(msg_id, fields)
        if not self.client.dialect.knows(msg_id):
            spoken = "3.x dialect" if self.client.dialect.state_on_publisher else "dialect of 4.x and later"
            raise RigError(f"{msg_id} does not exist in the {spoken} that {self.client.request_endpoint} speaks")

    def knows_field(self, field: str) -> bool:
        """Whether the far end has a field of that name; what it has not, it would ignore."""
        return FIELDS[field].listed_in(self.client.dialect.version)

    def must_know(self, field: str, so: str) -> None:
        """Refuse what hangs on a field that the far end would ignore, as it has none of that name.

        Raises
        ------
        RigError
            It has none; ``so`` says what was not done.
        """
        if not self.knows_field(field):
            raise RigError(
                f"{field} does not exist in the 3.x dialect that {self.client.request_endpoint} speaks, {so}"
            )

    def demand(self, msg_id: str, fields: Mapping[str, Any], hint: str = "") -> Message:
        """Send a request whose reply must be yes.

        Raises
        ------
        Refused
            The reply was no.
        """
        reply = self.request(msg_id, fields)
        if not reply.msg_result:
            raise Refused({"msg_id": msg_id, **fields}, reply, hint=hint)
        return reply

    def synchronise(
        self, keys: Iterable[str] | None = None, *, photos: bool = True, timeout: float | None = None
    ) -> str | None:
        """Ask for the state anew.

        Parameters
        ----------
        keys : iterable of str or None
            Cameras to ask about where that is enough; None: everything.
        photos : bool
            Photos too: GetCamera is light, Synchronise brings every photo the application holds.
        timeout : float or None
            Seconds for the request; None: the client's own.

        Returns
        -------
        str or None
            The request that was used. None: it was refused, or the state that 3.x publishes after it was not heard.
        """
        if not photos and self.client.dialect.knows("GetCamera"):
            told = self.request("GetCamera", selection(keys), timeout=timeout).msg_result
            self.session.refresh()
            return "GetCamera" if told else None
        before = self.session.refresh()
        told = self.request("Synchronise", {}, timeout=timeout).msg_result
        if self.client.dialect.state_on_publisher:
            told = self.wait_for(lambda: self._heard("Synchronise", before), STATE_S)
        self.session.refresh()
        return "Synchronise" if told else None

    def _heard(self, msg_id: str, since: int, **fields: Any) -> bool:
        """Whether such an event was recorded from entry ``since`` on."""
        for message in self.heard(since):
            if message.msg_id == msg_id and all(message.get(name) == value for name, value in fields.items()):
                return True
        return False

    def heard(self, since: int, until: int | None = None) -> Iterator[Message]:
        """Events recorded from entry ``since`` on, up to ``until``; what is no message is skipped."""
        for number, entry in enumerate(
            self.session.log.since(since)[: None if until is None else until - since], since
        ):
            if entry.channel == "pub":
                try:
                    body, dialect = decode_frame(entry.raw)
                except BadMessage:
                    continue
                yield Message(body, "pub", entry.mono_ns, entry.wall_ns, dialect, number)

    def check_hearing(self) -> bool:
        """Send a text and listen for it: requests may work while no event ever arrives (a firewall, a wrong port)."""
        before = len(self.session.log)
        nonce = f"rigkit {self.session.id} {self.clock.monotonic_ns():x}"
        try:
            if not self.request("RelayCustomText", {"CustomText": nonce}).msg_result:
                return True  # an application that relays no texts says nothing about its publisher
        except RigError:
            return True  # nor does one that does not answer this; what it does answer has been seen while connecting
        if self.wait_for(lambda: self._heard("RelayCustomText", before, CustomText=nonce), DEAF_S):
            return True
        warnings.warn(
            f"requests to {self.client.request_endpoint} are answered, but no event arrives from {self.client.publisher_endpoint}: "
            "no photo would ever be heard of. Is a firewall in between, or is the publisher on another port (publisher=...)?",
            RuntimeWarning,
            stacklevel=3,
        )
        return False

    # -- waiting ------------------------------------------------------------------------------------------------------

    def wait_for(
        self,
        condition: Callable[[], bool],
        timeout: float | None,
        *,
        files: bool = False,
        needs: Callable[[], int] | None = None,
    ) -> bool:
        """Wait until something is so, doing meanwhile what the account asks for.

        Parameters
        ----------
        condition : callable
            Asked after each batch of news.
        timeout : float or None
            Seconds; None: as long as it takes.
        files : bool
            Somebody waits for files.
        needs : callable or None
            How many more messages it takes at the least, so that nobody wakes up for fewer; None: one. (24 cameras publish
            about 100 messages a shot; waking for each cost 6 of 31 ms CPU.)

        Returns
        -------
        bool
            Whether it became so in time.
        """
        deadline = None if timeout is None else self.clock.monotonic() + timeout
        while True:
            self._tell_trouble()
            seen = self.session.refresh()
            if condition():
                return True
            left = SLICE_S if deadline is None else deadline - self.clock.monotonic()
            if left <= 0:
                return False
            if self._attend(files, deadline) != seen:
                continue
            self.client.check()
            more = 1 if needs is None else max(1, needs())
            self.session.log.wait(seen + more - 1, min(SLICE_S, left))

    def _attend(self, files: bool, deadline: float | None) -> int:
        """Carry out what the account asks for. Only waiting does this: looking at a table or a Rig sends nothing.

        Parameters
        ----------
        files : bool
            Somebody waits for files.
        deadline : float or None
            Host monotonic clock at which the caller wants to go on, s; no question outlasts it.

        Returns
        -------
        int
            How many entries have been folded in.
        """
        now_ns = self.clock.monotonic_ns()
        # A question may wait for the state that 3.x publishes: that waiting must not ask the same question again.
        if now_ns >= self._next_tick_ns and not self._attending:
            self._next_tick_ns, self._attending = now_ns + _TICK_NS, True
            try:
                with self.client.exclusive:
                    self._carry_out(self.session.account.tick(now_ns, files), deadline)
                    self._make_up_soon(now_ns, deadline)
            finally:
                self._attending = False
            if now_ns >= self._next_watch_ns:
                self._next_watch_ns = now_ns + _WATCH_NS
                self.watch()
            still_open = len(self.session.account.open_shots())
            if still_open < self._open:  # whoever waits, and for whatever: a finished shot is brought to the disk
                self.session.log.sync()
            self._open = still_open
        return self.session.refresh()

    def watch(self) -> None:
        """Note what has gone wrong with the rig since this was asked last, and what is over; call back for what is new."""
        new = look_over(self.session, self.clock.monotonic_ns())
        for warning in new:
            for callback in list(self.callbacks):
                try:
                    callback(warning)
                except Exception:
                    _logger.exception("A function given to rig.on_warning() failed; the rig goes on")

    def _carry_out(self, instructions: list[Instruction], deadline: float | None) -> None:
        for decision in [one for one in instructions if isinstance(one, Decide)]:
            self.session.log.note("decided", shot_id=decision.shot_id, causes=decision.causes)
        self._reconcile([one for one in instructions if isinstance(one, Reconcile)], deadline)
        for download in [one for one in instructions if isinstance(one, Download)]:
            self._download(download, deadline)

    def _download(self, wanted: Download, deadline: float | None) -> None:
        self.session.log.note(
            "download", shot_id=wanted.shot_id, camera_keys=wanted.camera_keys, photo_keys=wanted.photo_keys
        )
        if wanted.photo_keys:
            with contextlib.suppress(RigError):  # it is in the record, and the account goes on waiting
                self.request("Download", photo_selection(wanted.photo_keys), timeout=self._time_left(deadline))

    def _reconcile(self, wanted: list[Reconcile], deadline: float | None) -> None:
        """Ask about silent cameras, of all shots in one question; note for each shot that it was asked, and if in vain."""
        if not wanted:
            return
        keys = list(dict.fromkeys(key for one in wanted for key in one.camera_keys))
        limit = self._time_left(deadline)
        by = None
        try:
            full = any(one.full for one in wanted)
            if not full:
                by = self.synchronise(keys, photos=False, timeout=limit)
                full = by is None or (by == "GetCamera" and any(self._has_news(one) for one in wanted))
            if full:
                by = self.synchronise(timeout=limit)
        except RigError:
            by = None
        answered = by is not None
        if not answered and limit < self.client.timeout:
            return  # cut short by the caller's own deadline: it counts as not asked
        for one in wanted:
            self.session.log.note(
                "reconciled",
                shot_id=one.shot_id,
                camera_keys=one.camera_keys,
                by=by if by == "Synchronise" else None,
                answered=answered,
                full=one.full or by == "Synchronise",
            )

    def _time_left(self, deadline: float | None) -> float:
        """Seconds a question may take: the client's timeout, or less if somebody wants to go on before."""
        if deadline is None:
            return self.client.timeout
        return max(0.05, min(self.client.timeout, deadline - self.clock.monotonic()))

    def _make_up_soon(self, now_ns: int, deadline: float | None) -> None:
        """Ask for the state a little after events were lost: what is waited for may have been among them."""
        if not self.session.state.loss.open:
            self._loss_seen_ns = None
        elif self._loss_seen_ns is None:
            self._loss_seen_ns = now_ns
        elif now_ns - self._loss_seen_ns >= max(_LOSS_NS, self._made_up_in_ns * 5):
            self._loss_seen_ns = None
            self.make_up(self._time_left(deadline))
            self._made_up_in_ns = self.clock.monotonic_ns() - now_ns

    def make_up(self, timeout: float | None = None) -> None:
        """Ask for the whole state if events were lost since it was last asked for: what they told is in it.

        Parameters
        ----------
        timeout : float or None
            Seconds for the request; None: the client's own.
        """
        if not self.session.state.loss.open:
            return
        with contextlib.suppress(RigError):  # nobody answers: the loss stays open, and is asked about another time
            by = self.synchronise(timeout=timeout)
            if by is not None:
                self.session.log.note("synchronised", by=by)
        self.session.refresh()

    def _has_news(self, wanted: Reconcile) -> bool:
        """Whether the cameras' own counters say that they took a photo which was not heard of."""
        exposures = self.session.account.shots[wanted.shot_id].exposures
        return any(took_one(self.session.state, exposures[key]) for key in wanted.camera_keys)

    def _tell_trouble(self) -> None:
        """Warn whoever waits or requests that the journal can't be written, once each time that this begins."""
        trouble, told = self.session.log.trouble(), self._told
        self._told = trouble
        if trouble is not None and trouble is not told:
            text = f"{self.session.log.unsaved} messages are not on disk. {trouble}"
            warnings.warn(text, RuntimeWarning, stacklevel=4)

    # -- holding and letting go -------------------------------------------------------------------------------------

    def hold(self, request: Held) -> None:
        """Remember that something is engaged that must be let go of, at the latest when the link is closed."""
        self.held.append(request)

    def let_go(self, msg_id: str, fields: Mapping[str, Any]) -> None:
        """Let go of what is engaged, and say so if that did not work."""
        fields = dict(fields)
        while (msg_id, fields) in self.held:
            self.held.remove((msg_id, fields))
        try:
            done = bool(self.client.request(msg_id, fields).msg_result)
        except RigError:
            done = False
        if not done:
            warnings.warn(
                f"{msg_id} did not work: cameras may still be held or armed. Look at the application, and at session.requests",
                RuntimeWarning,
                stacklevel=3,
            )

    # -- ending -------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the link, the journal and the simulator we started. Twice is fine."""
        first = not self.closed
        try:
            if first:
                wind_up(self.session)
        finally:  # an interrupt, too: nobody else would let go of the folder
            if self._finalizer is not None:
                self._finalizer()
            settle(self.session, keep=first and self.lock is not None)

    def become(self, other: Sitting) -> None:
        """End this sitting and go on as another one, over the same address and with the same simulator, if we started one.

        Parameters
        ----------
        other : Sitting
            It is no more afterwards; what it has is this one's.
        """
        session, owned, before = self.session, self.lock is not None, self._finalizer
        ended = (self.client, None, session, self.lock, self.held)
        begun = (other.client, None, other.session, other.lock, other.held)
        after = weakref.finalize(self, close_link, begun[0], self.child, *begun[2:])
        assert before is not None
        assert other._finalizer is not None
        try:  # wherever an interrupt comes, one of the two goes on, and the other is closed
            other._finalizer.detach()
            self.client, self.session, self.lock, self.held, self._finalizer = (
                other.client,
                other.session,
                other.lock,
                other.held,
                after,
            )
            self.releases = {}
            self._next_tick_ns = self._made_up_in_ns = self._open = 0
            self._loss_seen_ns = self._told = None
        finally:
            if self._finalizer is after:
                try:
                    wind_up(session)
                finally:
                    try:
                        close_link(*ended)
                        before.detach()
                    finally:
                        settle(session, keep=owned)
            else:
                after.detach()
                close_link(*begun)
