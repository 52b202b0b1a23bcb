"""The simulated application as a server presents it: busy, hung or away; and the truth about it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rigkit.sim import Outcome, SimSettings, SimulatedRig
from rigkit.sim.photos import Photo
from rigkit.wire import decode_frame, encode_frame

if TYPE_CHECKING:
    from tests.campaign.world import World

__all__ = ["SECOND", "Application", "Owner", "TruePhoto"]

SECOND = 1_000_000_000
#: Requests that may open shutters.
FIRING = frozenset({"Shoot", "Reshoot", "ReleaseTrigger", "EngageLatch", "ReleaseLatch", "SetShutterButton"})

#: Which call of the user's released: shot and attempt.
Owner = tuple[int, int]


@dataclass
class TruePhoto:
    """One photo as it really is."""

    key: str
    camera_key: str
    owner: Owner | None
    batch: int
    born_ns: int


class WatchedRig(SimulatedRig):
    """A simulated rig that tells which release each exposure and each photo belongs to."""

    def __init__(self, settings: SimSettings) -> None:
        #: Release, camera and virtual time of each exposure that was made.
        self.exposed: list[tuple[int, str, float]] = []
        self.release_of: dict[str, int] = {}
        #: Every photo there ever was, by key: one that is taken again is forgotten by the application.
        self.every: dict[str, Photo] = {}
        self._detecting: int | None = None
        super().__init__(settings)

    def at(self, when: float, function: Callable[..., None], *arguments: Any) -> None:
        if function.__name__ == "_detected":
            camera, exposure = arguments
            self.exposed.append((exposure.release, camera.key, exposure.t_start))
            super().at(when, _detected, function, camera, exposure)
        else:
            super().at(when, function, *arguments)

    def publish_photo(self, photo: Photo) -> None:
        if self._detecting is not None:
            self.release_of.setdefault(photo.key, self._detecting)
            self.every[photo.key] = photo
        super().publish_photo(photo)


def _detected(rig: Any, function: Callable[..., None], camera: Any, exposure: Any) -> None:
    rig._detecting = exposure.release
    try:
        function(rig, camera, exposure)
    finally:
        rig._detecting = None


class Application:
    """The simulated application as a server presents it: busy, hung or away."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.rig = WatchedRig(world.settings)
        self.lives = 1
        self.reachable = True
        self._silent_until = 0.0
        self._queue: list[tuple[bytes, Owner | None, Callable[[bytes], None]]] = []
        #: Requests that reached it and may open shutters: message id and whose.
        self.firing: list[tuple[str, Owner | None]] = []
        self.owner_of_release: dict[int, Owner | None] = {}
        self.born: dict[str, int] = {}
        #: Every number it counted an event by, heard or not, per life.
        self.published = 0

    @property
    def now(self) -> float:
        return self._world.clock.now_ns / SECOND

    def next_ns(self) -> int | None:
        due = self.rig.next_due
        if self._queue:
            due = self._silent_until if due is None else min(due, max(self.now, self._silent_until))
        return None if due is None else math.ceil(due * SECOND)

    def step(self) -> None:
        """Do what is due now."""
        due = self.rig.next_due
        now = (
            max(self.now, due) if due is not None and math.ceil(due * SECOND) <= self._world.clock.now_ns else self.now
        )
        self._publish(self.rig.tick(now))
        if self.reachable and now >= self._silent_until:
            queue, self._queue = self._queue, []
            for number, (raw, owner, respond) in enumerate(queue):
                if now < self._silent_until:  # one of these made it hang: the others wait on
                    self._queue += queue[number:]
                    return
                self._answer(raw, owner, respond, now)

    def take(self, raw: bytes, owner: Owner | None, respond: Callable[[bytes], None]) -> None:
        if self.reachable:
            self._queue.append((raw, owner, respond))
            self.step()

    def _answer(self, raw: bytes, owner: Owner | None, respond: Callable[[bytes], None], now: float) -> None:
        body, _ = decode_frame(raw)
        if body["msg_id"] in FIRING and body.get("CameraShutterButton", "Full") == "Full":
            self.firing.append((body["msg_id"], owner))
        before = self.rig.releases
        outcome = self.rig.request(body, now)
        if self.rig.releases > before:
            self.owner_of_release[self.rig.releases] = owner
            self._world.released()
        answer = encode_frame(outcome.reply or {}, self.rig.dialect)
        if outcome.silent_until is None:
            respond(answer)
            self._publish(outcome)
            return
        self._silent_until = outcome.silent_until

        def afterwards() -> None:
            respond(answer)
            self._send(outcome.events)

        self._world.at(math.ceil(outcome.silent_until * SECOND), afterwards)

    def _publish(self, outcome: Outcome) -> None:
        self._send(outcome.events)
        if outcome.silent_until is not None:
            self._silent_until = max(self._silent_until, outcome.silent_until)
        if outcome.restarted:
            self.lives += 1
            self.reachable = False
            self._queue.clear()
            back_ns = math.ceil(self._silent_until * SECOND)
            self._world.at(back_ns, self._back)
            if self._world.link is not None:
                self._world.link.broken(back_ns)

    def _back(self) -> None:
        self.reachable = self.now >= self._silent_until

    def _send(self, events: Sequence[Mapping[str, Any]]) -> None:
        for event in events:
            key = event.get("PhotoKey")
            if isinstance(key, str):
                self.born.setdefault(key, self._world.clock.now_ns)
            self.published += 1
            self._world.send(encode_frame(event, self.rig.dialect), (self.lives, event["msg_seq_num"]))

    def photos(self) -> dict[str, TruePhoto]:
        """Every photo it ever held, by key, and whose it is."""
        rig = self.rig
        return {
            key: TruePhoto(
                key,
                photo.camera.key,
                self.owner_of_release.get(rig.release_of[key]),
                photo.batch,
                self.born.get(key, 0),
            )
            for key, photo in rig.every.items()
        }

    def exposures(self) -> set[tuple[Owner | None, str]]:
        """Whose releases exposed which cameras."""
        return {(self.owner_of_release.get(release), key) for release, key, _ in self.rig.exposed}
