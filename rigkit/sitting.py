"""A link and the session it feeds: asking, firing, waiting, and carrying out what the account asks for.

The one place where client and session meet. The account says what should be done about silence; here it is done, and noted.
"""

from __future__ import annotations

import contextlib
import time
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from rigkit.account.shots import Decide, Download, Instruction, Reconcile, ShotAccount, tag_of
from rigkit.errors import BadMessage, NoReply, Refused, RigError
from rigkit.link.child import SimulatorProcess
from rigkit.link.client import SLICE_S, Client
from rigkit.record.folder import FolderLock
from rigkit.record.log import Log
from rigkit.session import Session
from rigkit.wire import Message, check_request, decode_frame

__all__ = ["Sitting", "say"]

#: How long the echo of our own text may take before the event channel counts as deaf, s.
DEAF_S = 2.0
#: The account is asked what to do about silence so often at most, ns; its deadlines are seconds.
_TICK_NS = 50_000_000
#: How long a 3.x application may take to publish its state after it acknowledged Synchronise, s.
_STATE_S = 2.0


def say(text: str) -> None:
    """Tell the person at the keyboard."""
    print(text)  # noqa: T201 - this is what it is for


#: A request that lets go of something.
Held = tuple[str, dict[str, Any]]


class Release(NamedTuple):
    """How shutters are released.

    Attributes
    ----------
    trigger : str
        The word in the tables: shoot, trigger, latch, press.
    steps : tuple
        Requests in order, as (message id, fields).
    fires : int
        Which of them opens the shutters.
    undo : tuple or None
        The request that lets go of what the steps engage.
    always : bool
        It is sent after a success too.
    hold_s : float
        Seconds between two steps.
    lasts_s : float
        Seconds that the release itself takes on top of the shutter time: bulb, intervals, holding.
    """

    trigger: str
    steps: tuple[tuple[str, dict[str, Any]], ...]
    fires: int = 0
    undo: Held | None = None
    always: bool = False
    hold_s: float = 0.0
    lasts_s: float = 0.0


@dataclass(eq=False)
class Sitting:
    """What the Rigs of one connection share.

    Attributes
    ----------
    address : str
        As the user gave it.
    client : Client
        The link.
    session : Session
        The live session.
    lock : FolderLock
        Ownership of the session folder.
    child : SimulatorProcess or None
        The simulator we started; None: somebody else's application.
    """

    address: str
    client: Client
    session: Session
    lock: FolderLock
    child: SimulatorProcess | None = None
    #: What is engaged and must be let go of, at the latest when the link is closed.
    held: list[Held] = field(default_factory=list, repr=False)
    #: The Rig of all cameras, while somebody holds it.
    whole: weakref.ref[Any] | None = field(default=None, repr=False)
    _next_tick_ns: int = 0
    _finalizer: weakref.finalize[..., Any] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        # Dropping the last Rig of a connection, or ending the interpreter, closes it as rig.close() does.
        self._finalizer = weakref.finalize(
            self, _close, self.client, self.child, self.session.log, self.lock, self.held
        )

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
        self._check(msg_id, fields)
        return self.client.request(msg_id, fields, timeout=timeout)

    def _check(self, msg_id: str, fields: Mapping[str, Any]) -> None:
        """Check a request before it is sent, and that the far end knows it."""
        check_request(msg_id, fields)
        if not self.client.dialect.knows(msg_id):
            raise RigError(f"{msg_id} does not exist in the 3.x dialect that {self.client.request_endpoint} speaks")

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

    def synchronise(self, keys: Iterable[str] | None = None, *, photos: bool = True) -> str:
        """Ask for the state anew.

        Parameters
        ----------
        keys : iterable of str or None
            Cameras to ask about where that is enough; None: everything.
        photos : bool
            Photos too: GetCamera is light, Synchronise brings every photo the application holds.

        Returns
        -------
        str
            The request that was used.
        """
        if not photos and self.client.dialect.knows("GetCamera"):
            self.request("GetCamera", selection(keys))
            self.session.refresh()
            return "GetCamera"
        before = self.session.refresh()
        self.request("Synchronise", {})
        if self.client.dialect.state_on_publisher:
            self.wait_for(lambda: self._heard("Synchronise", before), _STATE_S)
        self.session.refresh()
        return "Synchronise"

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
        nonce = f"rigkit {self.session.id} {time.monotonic_ns():x}"
        reply = self.request("RelayCustomText", {"CustomText": nonce})
        if not reply.msg_result:  # an application that relays no texts says nothing about its publisher
            return True
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
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            seen = self.pump(files)
            if condition():
                return True
            left = SLICE_S if deadline is None else deadline - time.monotonic()
            if left <= 0:
                return False
            self.client.check()
            more = 1 if needs is None else max(1, needs())
            self.session.log.wait(seen + more - 1, min(SLICE_S, left))

    def pump(self, files: bool = False) -> int:
        """Fold in the news and carry out what the account asks for.

        Returns
        -------
        int
            How many entries have been folded in.
        """
        seen = self.session.refresh()
        now_ns = time.monotonic_ns()
        if now_ns < self._next_tick_ns:
            return seen
        self._next_tick_ns = now_ns + _TICK_NS
        with self.client.exclusive:
            for instruction in self.session.account.tick(now_ns, files):
                self._carry_out(instruction)
                seen = self.session.refresh()
        return seen

    def _carry_out(self, instruction: Instruction) -> None:
        log = self.session.log
        if isinstance(instruction, Decide):
            log.note("decided", shot_id=instruction.shot_id, causes=instruction.causes)
        elif isinstance(instruction, Reconcile):
            by = self._reconcile(instruction)
            log.note("reconciled", shot_id=instruction.shot_id, camera_keys=instruction.camera_keys, by=by)
        elif isinstance(instruction, Download):
            log.note(
                "download",
                shot_id=instruction.shot_id,
                camera_keys=instruction.camera_keys,
                photo_keys=instruction.photo_keys,
            )
            if instruction.photo_keys:
                with contextlib.suppress(RigError):  # it is in the record, and the account goes on waiting
                    self.request("Download", {"PhotoSelection": "Multiple", "PhotoKeys": list(instruction.photo_keys)})

    def _reconcile(self, instruction: Reconcile) -> str | None:
        """Ask about silent cameras; returns what brought the whole state up to date, if anything did."""
        shot = self.session.account.shots[instruction.shot_id]
        try:
            by = self.synchronise(instruction.camera_keys, photos=False)
            if by == "GetCamera" and any(self._has_news(shot, key) for key in instruction.camera_keys):
                by = self.synchronise()
        except RigError:  # nobody answers: the account then says so
            return None
        return by if by == "Synchronise" else None

    def _has_news(self, shot: ShotAccount, key: str) -> bool:
        """Whether a camera's own counters say that it took a photo which was not heard of."""
        exposure, camera = shot.exposures[key], self.session.state.cameras.get(key)
        if camera is None:
            return False
        for name, before in (
            ("CameraNumPhotosTaken", exposure.taken_before),
            ("PhotoBatchNum", exposure.batch_expected),
        ):
            now = camera.count(name)
            if now is None or before is None or now > before:
                return True
        return False

    # -- firing -------------------------------------------------------------------------------------------------------

    def fire(
        self,
        keys: list[str],
        release: Release,
        *,
        not_ready: Mapping[str, str],
        labels: Mapping[str, Any],
        again: int | None = None,
    ) -> int:
        """Open a shot, release the shutters, note what became of the release.

        Parameters
        ----------
        keys : list of str
            Every expected camera.
        release : Release
            How.
        not_ready : mapping of str to str
            Cameras of ``keys`` that are not asked to fire, and their status.
        labels : mapping
            subject, pose, rep, note.
        again : int or None
            The shot of which these cameras are fired once more, as its next attempt; None: a new shot.

        Returns
        -------
        int
            The shot id.

        Raises
        ------
        Refused
            The application said no; nothing was fired.
        NoReply
            The request was not delivered; nothing was fired. One of unknown delivery does not raise: the account says what
            came of it.
        """
        session, ready = self.session, [key for key in keys if key not in not_ready]
        for msg_id, fields in release.steps:
            self._check(msg_id, fields)
        with self.client.exclusive:
            self.pump()
            shot_id = max(session.account.shots, default=0) + 1 if again is None else again
            attempt = 1 if again is None else session.account.shots[again].attempt + 1
            tag = tag_of(session.id, shot_id, attempt)
            session.log.note(
                "shot" if again is None else "attempt",
                shot_id=shot_id,
                attempt=attempt,
                expected=keys,
                trigger=release.trigger,
                tag=tag,
                labels=dict(labels),
                allowance_s=self._shutter_s(ready) + release.lasts_s,
                not_ready={key: ("not_ready", status) for key, status in not_ready.items()},
            )
            if ready:
                self._release(shot_id, tag, release)
            else:
                self._note_fired(shot_id, "undelivered", None)
        return shot_id

    def _release(self, shot_id: int, tag: str, release: Release) -> None:
        """Send the requests of a release in order; whatever happens, note it, and let go of what was engaged."""
        sent: tuple[int, int, int] | None = None

        def on_sent(seq: int, mono_ns: int, wall_ns: int) -> None:
            nonlocal sent
            sent = (seq, mono_ns, wall_ns)

        outcome, undo = "undelivered", release.undo is not None
        try:
            for number, (msg_id, fields) in enumerate(release.steps):
                fires = number == release.fires
                if msg_id == "Shoot" and self.client.dialect.name != "v3":  # the field is new in 4.0
                    fields = {**fields, "PhotoOrigin": tag}
                if number and release.hold_s:
                    self.wait_for(lambda: False, release.hold_s)
                reply = self.client.request(msg_id, fields, on_sent=on_sent if fires else None)
                if not reply.msg_result:
                    outcome = "refused" if number <= release.fires else outcome
                    hint = "Nothing was fired. " if outcome == "refused" else ""
                    raise Refused({"msg_id": msg_id, **fields}, reply, hint=f"{hint}See rig.cameras for their states")
                if fires:
                    outcome = "accepted"
            undo = undo and release.always
        except NoReply as exc:
            if outcome != "accepted":
                outcome = "undelivered" if sent is None or exc.delivery == "no" else "unknown"
            if outcome == "undelivered":
                raise
        except Refused:
            raise
        except BaseException:  # an interrupt: it may have been sent
            if outcome != "accepted":
                outcome = "undelivered" if sent is None else "unknown"
            raise
        finally:
            if undo and release.undo is not None:
                self.let_go(*release.undo)
            self._note_fired(shot_id, outcome, sent)

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

    def _note_fired(self, shot_id: int, outcome: str, sent: tuple[int, int, int] | None) -> None:
        seq, mono_ns, wall_ns = sent or (None, time.monotonic_ns(), time.time_ns())
        self.session.log.note(
            "fired", shot_id=shot_id, outcome=outcome, msg_seq_num=seq, sent_mono_ns=mono_ns, sent_wall_ns=wall_ns
        )
        self.session.refresh()

    def _shutter_s(self, keys: Iterable[str]) -> float:
        """Longest shutter time set on these cameras, s: no photo can arrive before it is over."""
        from rigkit.wire.values import value_number

        longest = 0.0
        for key in keys:
            value = self.session.state.cameras[key].properties.get("ShutterSpeed", {}).get("CameraPropertyValue")
            longest = max(longest, value_number(value) or 0.0) if isinstance(value, str) else longest
        return min(longest, 3600.0)

    # -- ending -------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the link, the journal and the simulator we started. Twice is fine."""
        if self._finalizer is not None:
            self._finalizer()
        self.session.refresh()
        self.session.closed = True


def _close(client: Client, child: SimulatorProcess | None, log: Log, lock: FolderLock, held: list[Held]) -> None:
    for msg_id, fields in held:
        with contextlib.suppress(RigError):
            client.request(msg_id, fields, timeout=1.0)
    held.clear()
    client.close()
    if child is not None:
        child.close()
    log.close()
    lock.release()


def selection(keys: Iterable[str] | None) -> dict[str, Any]:
    """Camera selection of a request: All for None, Single for one key, Multiple for several."""
    if keys is None:
        return {"CameraSelection": "All"}
    chosen = list(keys)
    if len(chosen) == 1:
        return {"CameraSelection": "Single", "CameraKey": chosen[0]}
    return {"CameraSelection": "Multiple", "CameraKeys": chosen}
