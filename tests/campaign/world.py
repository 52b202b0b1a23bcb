"""A world in virtual time: a clock, a log that waits by it, a link that loses things.

What the link does is what ``rigkit.link.client`` and ``rigkit.link.server`` do over sockets, in the same order: a request is
recorded before it is sent, a failure is noted, an application that hangs answers afterwards, one that restarts forgets what
it was asked, and a subscriber that comes back has missed what was published meanwhile.
"""

from __future__ import annotations

import contextlib
import heapq
import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rigkit.errors import NoReply, RigError
from rigkit.link.client import Frame, Sink
from rigkit.record.lines import Entry
from rigkit.record.log import Log
from rigkit.sim import SimSettings
from rigkit.wire import DIALECTS, Message, decode_frame, encode_frame
from tests.campaign.application import SECOND, Application, Owner

__all__ = ["Endless", "Killed", "Path", "RequestFate", "VirtualLink", "VirtualLog", "World"]

#: A call of the user's may take so long, s of virtual time; the longest honest wait is a few questions of some ten seconds.
LONGEST_CALL_S = 1800.0
#: How long it takes after a restart until the subscriber is connected again, s.
RECONNECT_S = 0.1
RequestFate = Literal["", "slow", "unsent", "lost", "unanswered", "delayed"]


class Killed(BaseException):
    """The kernel is gone, in the middle of whatever it did."""


class Endless(AssertionError):
    """A call of the user's does not come back."""


@dataclass
class Path:
    """What happens to frames on their way.

    Attributes
    ----------
    drop, duplicate, reorder : float
        Share of the events.
    gap_every, gap_length : int
        Every so many events, so many in a row are dropped; 0: never.
    tail_after : int or None
        After so many events of a release all further ones are dropped until the next release.
    blackouts : sequence of tuple
        Virtual seconds from and to which no event arrives.
    latency_s : tuple of float
        Lowest and highest delay of a frame; the order is kept.
    late_s : float
        How much later an event that is re-ordered, or the second one of a duplicate, comes at the most.
    fates : mapping
        Share of the requests that meet each fate.
    """

    drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    gap_every: int = 0
    gap_length: int = 0
    tail_after: int | None = None
    blackouts: Sequence[tuple[float, float]] = ()
    latency_s: tuple[float, float] = (0.0002, 0.001)
    late_s: float = 0.05
    fates: Mapping[RequestFate, float] = field(default_factory=dict)


class VirtualClock:
    """Both clocks of the host."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.mono_base_ns = 1000 * SECOND
        self.wall_base_ns = 1_790_000_000 * SECOND

    def monotonic_ns(self) -> int:
        return self.mono_base_ns + self.now_ns

    def monotonic(self) -> float:
        return self.monotonic_ns() / SECOND

    def time_ns(self) -> int:
        return self.wall_base_ns + self.now_ns


class VirtualLog(Log):
    """A log whose waiting lets virtual time pass; dead, it takes nothing any more, as after kill -9."""

    def __init__(self, world: World, entries: Sequence[Entry] = ()) -> None:
        super().__init__(None, entries, world.clock)
        self._world = world
        self.dead = False

    def append(self, batch: Sequence[Frame]) -> None:
        if not self.dead:
            super().append(batch)

    def note(self, kind: str, /, **fields: Any) -> None:
        if kind in {"shot", "attempt"} and not self.dead:
            self._world.opened((fields["shot_id"], fields["attempt"]))
        if not self.dead:
            self._world.noted.append(({"note": kind, **fields}, self._world.clock.now_ns))
        super().note(kind, **fields)

    def wait(self, number: int, timeout: float) -> bool:
        self._world.advance(timeout, lambda: len(self) > number)
        return len(self) > number


class _Early:
    """Where a link's frames go before there is a session."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def append(self, batch: Sequence[Frame], /) -> None:
        self.frames.extend(batch)

    def note(self, kind: str, /, **fields: Any) -> None:
        pass

    def wake(self) -> None:
        pass


class VirtualLink:
    """A connection in virtual time; does what :class:`rigkit.link.client.Client` does."""

    request_endpoint = "virtual:54544"
    publisher_endpoint = "virtual:54543"

    def __init__(self, world: World) -> None:
        self._world = world
        self.dialect = DIALECTS[world.settings.dialect]
        self.timeout = 5.0
        self.exclusive = contextlib.nullcontext()
        self.dead = False
        self.subscribed = True
        self.life = world.application.lives
        #: (life of the application, counter) of every event heard, in order.
        self.heard: list[tuple[int, int]] = []
        self._sink: Sink = _Early()
        self._queue: list[tuple[bytes, tuple[int, int]]] = []
        self._seq = 0

    def start(self, sink: Sink) -> None:
        early, self._sink = self._sink, sink
        if isinstance(early, _Early) and early.frames:
            sink.append(early.frames)
        for raw, mark in self._queue:
            self.hear(raw, mark)

    def check(self) -> None:
        if self.dead:
            raise RigError("the connection is closed")

    def close(self) -> None:
        self.dead = True

    def hear(self, raw: bytes, mark: tuple[int, int]) -> None:
        clock = self._world.clock
        if isinstance(self._sink, _Early):  # nobody reads yet
            self._queue.append((raw, mark))
        elif not self.dead and mark[0] >= self.life:
            self.heard.append(mark)
            self._sink.append([("pub", clock.monotonic_ns(), clock.time_ns(), raw)])

    def broken(self, back_ns: int) -> None:
        """Take in that the application is away until then; its publisher is heard again a little later."""
        self.subscribed = False
        self._world.at(self._world.last_arrival_ns, self._break)  # what is on its way comes before
        self._world.at(back_ns + int(RECONNECT_S * SECOND), self._whole)

    def _break(self) -> None:
        if not self.dead:
            self.life = self._world.application.lives
            self._sink.note("publisher", what="disconnected", endpoint=self.publisher_endpoint)

    def _whole(self) -> None:
        if not self.dead and self._world.application.reachable:
            self.subscribed = True
            self._sink.note("publisher", what="connected", endpoint=self.publisher_endpoint)

    def request(
        self,
        msg_id: str,
        fields: Mapping[str, Any],
        *,
        timeout: float | None = None,
        on_sent: Callable[[int, int, int], None] | None = None,
    ) -> Message:
        self.check()
        world, limit = self._world, self.timeout if timeout is None else timeout
        clock, application = world.clock, world.application
        end_ns = clock.now_ns + int(limit * SECOND)
        self._seq += 1
        seq, answers = self._seq, list[bytes]()
        raw = encode_frame(
            {"msg_type": "Request", "msg_id": msg_id, "msg_seq_num": seq, **fields}, self.dialect, mark=False
        )
        delivery: Literal["no", "unknown"] = "no"
        fate = world.fate_of_request()
        try:
            can_send = world.advance_to(end_ns, lambda: application.reachable and fate != "unsent")
            self._sink.append([("req", clock.monotonic_ns(), clock.time_ns(), raw)])
            if on_sent is not None:
                on_sent(seq, clock.monotonic_ns(), clock.time_ns())
            if can_send:
                delivery = "unknown"
                self._post(raw, fate, end_ns, answers)
            if delivery == "no" or not world.advance_to(end_ns, lambda: bool(answers)):
                raise NoReply(msg_id, self.request_endpoint, limit, delivery)
            stamps = clock.monotonic_ns(), clock.time_ns()
            self._sink.append([("rep", *stamps, answers[0])])
        except BaseException:
            self._sink.note("no_reply", msg_id=msg_id, msg_seq_num=seq, delivery=delivery)
            raise
        reply, dialect = decode_frame(answers[0])
        return Message(reply, "rep", *stamps, dialect)

    def _post(self, raw: bytes, fate: RequestFate, end_ns: int, answers: list[bytes]) -> None:
        world = self._world
        way_ns = world.latency_ns()
        if fate == "delayed":
            way_ns = end_ns - world.clock.now_ns + int(world.rng.uniform(0.1, 8.0) * SECOND)
        back_ns = int(world.rng.uniform(0.1, 4.5) * SECOND) if fate == "slow" else world.latency_ns()

        def respond(answer: bytes) -> None:
            if fate != "unanswered":
                world.at(world.clock.now_ns + back_ns, answers.append, answer)

        if fate != "lost":
            world.at(world.clock.now_ns + way_ns, world.application.take, raw, world.owner, respond)


class World:
    """Everything outside the kernel.

    Parameters
    ----------
    settings : SimSettings
        The application.
    path : Path
        What happens on the way to it and back.
    rng : random.Random
        Of the way; the application has its own.
    """

    def __init__(self, settings: SimSettings, path: Path, rng: random.Random) -> None:
        self.settings, self.path, self.rng = settings, path, rng
        self.clock = VirtualClock()
        self.link: VirtualLink | None = None
        self.owner: Owner | None = None
        #: Virtual time at which the user's call is broken off, and by what.
        self.break_off: tuple[int, type[BaseException]] | None = None
        self._call_ends_ns = 0
        self._agenda: list[tuple[int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._entries = 0
        self.last_arrival_ns = 0
        self._dropping = 0
        self._since_gap = 0
        self._since_release = 0
        self.lost = 0
        #: Every note that was taken, and at what virtual time, ns.
        self.noted: list[tuple[dict[str, Any], int]] = []
        self.application = Application(self)
        self.begin_call()

    # -- time ---------------------------------------------------------------------------------------------------------

    def at(self, when_ns: int, function: Callable[..., None], *arguments: Any) -> None:
        self._entries += 1
        heapq.heappush(self._agenda, (when_ns, self._entries, function, arguments))

    def begin_call(self) -> None:
        """Count the longest a call may take from now."""
        self._call_ends_ns = self.clock.now_ns + int(LONGEST_CALL_S * SECOND)

    def advance(self, seconds: float, until: Callable[[], bool] | None = None) -> bool:
        """Let virtual time pass; says whether it became so."""
        return self.advance_to(
            self.clock.now_ns + math.ceil(max(seconds, 1e-6) * SECOND), until
        )  # time never stands still

    def advance_to(self, end_ns: int, until: Callable[[], bool] | None = None) -> bool:
        clock, application, agenda = self.clock, self.application, self._agenda
        while until is None or not until():
            due_ns = application.next_ns()
            planned_ns = agenda[0][0] if agenda else end_ns + 1
            next_ns = planned_ns if due_ns is None else min(due_ns, planned_ns)
            self._break_off(min(next_ns, end_ns))
            if next_ns > end_ns:
                clock.now_ns = max(clock.now_ns, end_ns)
                return False
            clock.now_ns = max(clock.now_ns, next_ns)
            if planned_ns <= next_ns:
                _, _, function, arguments = heapq.heappop(agenda)
                function(*arguments)
            else:
                application.step()
        return True

    def _break_off(self, next_ns: int) -> None:
        if next_ns > self._call_ends_ns:
            raise Endless(f"a call takes more than {LONGEST_CALL_S:.0f} s")
        if self.break_off is not None and self.break_off[0] <= next_ns:
            when_ns, what = self.break_off
            self.break_off = None
            self.clock.now_ns = max(self.clock.now_ns, when_ns)
            raise what

    # -- the way ------------------------------------------------------------------------------------------------------

    def latency_ns(self) -> int:
        return int(self.rng.uniform(*self.path.latency_s) * SECOND)

    def fate_of_request(self) -> RequestFate:
        draw = self.rng.random()
        for fate, share in self.path.fates.items():
            draw -= share
            if draw < 0:
                return fate
        return ""

    def opened(self, owner: Owner) -> None:
        self.owner = owner

    def released(self) -> None:
        self._since_release = 0

    def send(self, raw: bytes, mark: tuple[int, int]) -> None:
        """Send one event to whoever is subscribed."""
        link, path, rng = self.link, self.path, self.rng
        if link is None or not link.subscribed or self._drops():
            self.lost += 1
            return
        arrival_ns = self.last_arrival_ns = max(self.last_arrival_ns, self.clock.now_ns + self.latency_ns())
        if path.reorder and rng.random() < path.reorder:
            arrival_ns += int(rng.random() * path.late_s * SECOND)
        self.at(arrival_ns, link.hear, raw, mark)
        if path.duplicate and rng.random() < path.duplicate:
            self.at(arrival_ns + int(rng.random() * path.late_s * SECOND), link.hear, raw, mark)

    def _drops(self) -> bool:
        path, now = self.path, self.clock.now_ns / SECOND
        self._since_release += 1
        if path.gap_every:
            self._since_gap += 1
            if self._since_gap >= path.gap_every:
                self._since_gap, self._dropping = 0, path.gap_length
        if self._dropping:
            self._dropping -= 1
            return True
        if path.tail_after is not None and self._since_release > path.tail_after:
            return True
        if any(begin <= now < end for begin, end in path.blackouts):
            return True
        return path.drop > 0 and self.rng.random() < path.drop
