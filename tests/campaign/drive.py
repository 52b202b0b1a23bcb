"""The user of one session: connects, shoots, waits, is interrupted, restarts the kernel; all of it through ``rigkit.Rig``."""

from __future__ import annotations

import contextlib
import io
import random
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from rigkit.address import Address
from rigkit.errors import RigError
from rigkit.opening import first_state, start_sitting
from rigkit.record.folder import Manifest
from rigkit.record.lines import Entry, read_line, write_line
from rigkit.rig import Rig
from rigkit.session import Session
from rigkit.shot import Shot
from rigkit.sitting import Sitting
from tests.campaign.application import SECOND
from tests.campaign.plan import Plan, Step
from tests.campaign.world import Killed, VirtualLink, VirtualLog, World

__all__ = ["Run", "run"]

_WHERE = Address("virtual", "virtual:54544", "virtual:54543")
#: So often somebody tries to connect anew, and so long apart, s.
_TRIES, _APART_S = 40, 5.0


@dataclass
class Run:
    """A session that was driven to its end.

    Attributes
    ----------
    calls : int
        Calls of the user's that may fire.
    links : list of VirtualLink
        One for each kernel.
    resumed : list of int
        Entry number at which each kernel's part of the record begins.
    said : list of str
        What happened, for a person who replays a seed.
    """

    plan: Plan
    world: World
    calls: int = 0
    links: list[VirtualLink] = field(default_factory=list)
    resumed: list[int] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    _rig: Rig | None = None
    _log: VirtualLog | None = None

    @property
    def rig(self) -> Rig:
        assert self._rig is not None
        return self._rig

    @property
    def session(self) -> Session:
        return self.rig.session

    @property
    def entries(self) -> list[Entry]:
        return [] if self._log is None else self._log.since(0)

    def say(self, text: str) -> None:
        self.said.append(f"{self.world.clock.now_ns / SECOND:9.3f} s  {text}")

    # -- the kernel ---------------------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Start a kernel and connect, again and again until it works."""
        for _ in range(_TRIES):
            try:
                return self._connect()
            except RigError as exc:
                self.say(f"connecting failed: {exc}")
                self.die()
                self.world.begin_call()
                self.world.advance(_APART_S)
        raise AssertionError("nobody can connect any more")

    def _connect(self) -> None:
        # What the kernel before left is read from the journal's own lines.
        lines = [write_line(entry) for entry in self.entries]
        entries = [entry for entry in map(read_line, lines) if entry is not None]
        world = self.world
        link = world.link = VirtualLink(world)
        self.links.append(link)
        if not link.dialect.state_on_publisher:
            first_state(link)
        log = VirtualLog(world, entries)
        self.resumed.append(len(entries))
        session = Session(FilePath("virtual"), manifest(self.plan), log)
        self._log = log
        sitting = Sitting("virtual", link, session)
        start_sitting(sitting, _WHERE, new=not entries)
        self._rig = Rig(sitting)
        assert sitting.clock is world.clock

    def die(self) -> None:
        """Let the kernel die: nothing of it does anything any more."""
        if self._log is not None:
            self._log.dead = True
        if self.world.link is not None:
            self.world.link.dead = True
            self.world.link = None
        self._rig = None

    # -- the person ---------------------------------------------------------------------------------------------------

    def call(self, what: str, function: Callable[[], Any], step: Step | None = None) -> Any:
        """Do something as a person would: whatever comes of it, the session goes on."""
        world = self.world
        world.begin_call()
        now_ns = world.clock.now_ns
        if step is not None and step.interrupt_s is not None:
            world.break_off = (now_ns + int(step.interrupt_s * SECOND), KeyboardInterrupt)
        elif step is not None and step.kill_s is not None:
            world.break_off = (now_ns + int(step.kill_s * SECOND), Killed)
        try:
            result = function()
            self.say(f"{what}: {result!r:.300}")
            return result
        except RigError as exc:
            self.say(f"{what}: {type(exc).__name__}: {exc}")
        except KeyboardInterrupt:
            self.say(f"{what}: interrupted")
        except Killed:
            self.say(f"{what}: the kernel dies")
            self.die()
            world.break_off = None
            world.begin_call()
            world.advance(world.rng.uniform(0.0, 30.0))
            if step is not None and step.boot:
                world.clock.mono_base_ns = SECOND - world.clock.now_ns
            self.connect()
        finally:
            world.break_off = None
        return None

    def take(self, step: Step) -> None:
        """Do one step."""
        world = self.world
        world.begin_call()
        world.advance(step.pause_s)
        world.clock.wall_base_ns += int(step.wall_step_s * SECOND)
        self.calls += 1
        shot = self.call(f"{step.verb} {step.cameras or 'all'} wait={step.wait}", lambda: self._release(step), step)
        if step.reshoot and isinstance(shot, Shot):
            if shot.session is not self.session:
                shot = self.rig.shot(shot.id)
            self.call("connect cameras", self.rig.connect_cameras)
            self.calls += 1
            self.call("reshoot", lambda: shot.reshoot(wait=step.wait, timeout=step.timeout_s, sure=True))

    def _release(self, step: Step) -> Shot:
        rig = self.rig
        if step.cameras is not None:
            rig = rig[step.cameras]
        more: dict[str, Any] = {}
        if step.verb == "trigger":
            more["interval_ms"] = 20
        elif step.verb == "latch":
            more = {"index": 1, "hold_s": 0.1}
        shot = getattr(rig, step.verb)(wait=step.wait, timeout=step.timeout_s, anyway=step.anyway, pose="p", **more)
        assert isinstance(shot, Shot)
        return shot

    def finish(self) -> None:
        """Wait for everything: first for all exposures, then for all files; both always end."""
        self.world.begin_call()
        waited: set[int] = set()
        # A photo that comes late and belongs to no shot opens one of its own, which is to be accounted for, too.
        while left := [shot_id for shot_id in self.session.account.shots if shot_id not in waited]:
            for shot_id in left:
                waited.add(shot_id)
                for until in ("exposed", "files"):
                    self.call(f"shot {shot_id}: wait for {until}", lambda: self.rig.shot(shot_id).wait(until))  # noqa: B023
        self.session.refresh()


def manifest(plan: Plan) -> Manifest:
    """Return what session.json would say."""
    return Manifest(session_id=f"{plan.seed & 0xFFFFFFFF:08x}", dialect=plan.settings.dialect, simulated=True)


def run(plan: Plan) -> Run:
    """Drive one session to its end."""
    one = Run(plan, World(plan.settings, plan.path, random.Random(f"path/{plan.seed}")))
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the user is told; here nobody listens
        one.connect()
        for step in plan.steps:
            one.take(step)
        one.finish()
    return one
