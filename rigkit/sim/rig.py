"""The pure model of a rig and the application that drives it: requests and virtual time in, replies, events and file work out."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Mapping
from typing import Any

from rigkit.sim import node, plugging, truth
from rigkit.sim.build import build_cameras, names_of
from rigkit.sim.camera import SimulatedCamera
from rigkit.sim.delivery import Hub
from rigkit.sim.faults import Faults, carry_out
from rigkit.sim.options import first_options
from rigkit.sim.outcome import Disk, FileTask, Outcome, Recipe, Refusal
from rigkit.sim.photos import Photo, PhotoKeys
from rigkit.sim.requests import HANDLERS
from rigkit.sim.scenario import Scenario
from rigkit.sim.settings import SimSettings
from rigkit.wire import ALIASES, DIALECTS, FIELDS, MESSAGES, VERSIONS
from rigkit.wire.fields import LIMITS

__all__ = ["SimulatedRig"]

_LONGEST_ID = 100  # characters of a msg_id worth echoing
_NUMBERS = ("msg_seq_num", "msg_user_id")  # what a request may say besides what it asks for
#: What an event about a camera says before it says anything of it.
_ABOUT = frozenset({"CameraSelection", "CameraKey", "NodeKey"})


class SimulatedRig:
    """A rig of simulated cameras behind a simulated application. No sockets, no threads, no clock of its own.

    Parameters
    ----------
    settings : SimSettings or None
        What it is like; None: the defaults.
    develop : callable or None
        Makes the bytes of a picture from its recipe (:func:`rigkit.sim.studio.develop`). None: there are no files; hashes
        are made up and live-view frames are one fixed picture.
    disk : Disk or None
        What the model may ask about the disk. None: there is nothing on it, and paths mean what they say.

    Attributes
    ----------
    cameras : dict of str to SimulatedCamera
        By CameraKey.
    photos : dict of str to Photo
        By PhotoKey, oldest first.
    options : dict
        What OptionsUpdated tells.
    dialect : Dialect
        Of which application.
    version : str
        The specification whose messages, fields and words there are.
    releases : int
        Releases so far; a scenario counts by them.
    now : float
        Virtual time, seconds since the start.

    Raises
    ------
    ValueError, UnknownName
        The settings or the scenario make no sense.

    Examples
    --------
    >>> rig = SimulatedRig(SimSettings(cameras=1))
    >>> outcome = rig.request({"msg_type": "Request", "msg_id": "Shoot", "CameraSelection": "All"}, now=1.0)
    >>> outcome.reply["msg_result"], [event["CameraStatus"] for event in outcome.events]
    (True, ['Busy'])
    >>> [event["msg_id"] for event in rig.tick(now=3.0).events]
    ['PhotoUpdated', 'CameraUpdated', 'PhotoUpdated', 'NodeUpdated']
    """

    def __init__(
        self,
        settings: SimSettings | None = None,
        develop: Callable[[Recipe], bytes] | None = None,
        disk: Disk | None = None,
    ) -> None:
        settings = settings or SimSettings()
        scenario = settings.scenario
        self.scenario = scenario if isinstance(scenario, Scenario) else Scenario.from_data(scenario or {})
        self.settings = settings = settings.overridden(self.scenario.settings)
        self.develop = develop
        self.disk = disk
        self.dialect = DIALECTS[settings.dialect]
        self.version = self.dialect.version
        self.cameras = build_cameras(settings, self.scenario)
        self.photos: dict[str, Photo] = {}
        self.files: dict[str, Photo] = {}  # the photo that each file name belongs to
        self.hubs: dict[str, Hub] = {}
        for camera in self.cameras.values():
            self.hubs.setdefault(camera.hub, Hub(camera.hub, settings.hub_mb_s, settings.camera_mb_s))
        self.rng = random.Random(f"{settings.seed}/application")
        self.photo_keys = PhotoKeys(self.rng)
        self.options: dict[str, Any] = first_options(settings)
        self.sequence_next = 1
        self.releases = 0
        self.written_bytes = 0
        self.on_the_way = 0  # photos between exposure and disk; the node reports when there are none left
        self.licensed = False
        self.active_camera = ""
        self.identified: list[str] = []
        self.now = 0.0
        self._agenda: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._names = frozenset(name for name, one in FIELDS.items() if one.listed_in(self.version))
        self._verdict = {"msg_user_id": 0, "msg_result": True} if self.dialect.result_in_events else {}
        self._highest = LIMITS[FIELDS["msg_seq_num"].type_in(self.version)][1]
        self._local_start = settings.epoch + settings.utc_offset_minutes * 60
        self._entries = 0
        self._number = 0
        self._held: dict[str, Any] | None = None
        self._silent_until = 0.0
        self._out = Outcome()
        # A scenario speaks of cameras by the names they had before it renamed them, or by their new ones.
        self.first_names = dict(zip((name for _, name in names_of(settings.cameras)), self.cameras, strict=True))
        self.faults = Faults(self, self.scenario.faults)
        plugging.start(self)
        truth.start(self)
        if settings.ping_s:
            self.at(settings.ping_s, node.ping)
        self._first: Outcome | None = self._out

    # what a server calls

    @property
    def next_due(self) -> float | None:
        """Virtual time (s) of the next thing to happen by itself; None: nothing will. Call :meth:`tick` then."""
        if not self._agenda:
            return None
        due = self._agenda[0][0]
        return due if due > self._silent_until else self._silent_until

    def request(self, body: Mapping[str, Any], now: float) -> Outcome:
        """Answer one request.

        Parameters
        ----------
        body : Mapping
            The request in current names, envelope included.
        now : float
            Virtual time (s); never earlier than in an earlier call, and what was due before happens first.

        Returns
        -------
        Outcome
            With a reply, unless the application hangs.
        """
        out = self._begin()
        self._run(now)
        if now < self._silent_until:
            return out
        msg_id = body.get("msg_id")
        reply: dict[str, Any] = {
            "msg_type": "Response",
            "msg_id": msg_id if isinstance(msg_id, str) and len(msg_id) <= _LONGEST_ID else "",
            "msg_seq_num": self._echoed("msg_seq_num", body),
            "msg_user_id": self._echoed("msg_user_id", body),
            "msg_result": True,
        }
        out.reply = reply
        try:
            extra = self._answer(body)
        except Refusal as refusal:
            reply["msg_result"] = False
            out.problem = str(refusal)
            if self.settings.explain:
                reply["msg_error"] = out.problem
        else:
            reply.update(self.spoken(extra) if extra else {})
        return out

    def tick(self, now: float) -> Outcome:
        """Let time pass.

        Parameters
        ----------
        now : float
            Virtual time (s).
        """
        out = self._begin()
        self._run(now)
        return out

    # what the parts of the model call

    def at(self, when: float, function: Callable[..., None], *arguments: Any) -> None:
        """Plan ``function(rig, *arguments)`` for virtual time ``when`` (s)."""
        self._entries += 1
        heapq.heappush(self._agenda, (when, self._entries, function, arguments))

    def publish(self, msg_id: str, fields: Mapping[str, Any], camera: SimulatedCamera | None = None) -> None:
        """Publish one event.

        Parameters
        ----------
        msg_id : str
            Which.
        fields : Mapping
            What it carries beyond the envelope.
        camera : SimulatedCamera or None
            Whom it is about; faults on the way of events go by that.
        """
        said = self.spoken(fields)
        # Neither an event that the version does not have, nor one of whose news it has no words for: v3 tells of changed
        # options in its state alone, and nothing of the time that a video has run.
        if not self.dialect.knows(msg_id) or (said.keys() <= _ABOUT and not fields.keys() <= _ABOUT):
            return
        self._number = self._number + 1 if self._number < self._highest else 0
        event = {"msg_type": "Event", "msg_id": msg_id, "msg_seq_num": self._number, **self._verdict, **said}
        events = self._out.events
        fate = self.faults.fate_of_event(camera) if self.faults.events_suffer and camera is not None else ""
        if fate == "reorder" and self._held is None:
            self._held = event
            return
        if fate != "drop":
            events.append(event)
            if fate == "duplicate":
                events.append(event)
        if self._held is not None:
            events.append(self._held)
            self._held = None

    def publish_camera(self, camera: SimulatedCamera) -> None:
        """Publish the partial CameraUpdated of a change of state."""
        self.publish("CameraUpdated", camera.brief(), camera)

    def publish_photo(self, photo: Photo) -> None:
        """Publish everything known about a photo."""
        self.publish("PhotoUpdated", self.photo_info(photo), photo.camera)

    def photo_info(self, photo: Photo) -> dict[str, Any]:
        """Return what PhotoUpdated and PhotoInfo tell of a photo."""
        return photo.info(as_captured=self.settings.as_captured, looks_first=self.dialect.looks_first)

    def publish_properties(self, camera: SimulatedCamera, kinds: list[str]) -> None:
        """Publish some properties of a camera: inside CameraUpdated, or as v3's own PropertyUpdated."""
        msg_id = "PropertyUpdated" if self.dialect.knows("PropertyUpdated") else "CameraUpdated"
        self.publish(msg_id, camera.part(CameraPropertyInfo=[camera.properties[kind].info() for kind in kinds]), camera)

    def spoken(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Leave out what the version has no field for, in nested objects too."""
        if self.version == VERSIONS[-1]:  # the newest one has a field for everything told, and the most to tell
            return dict(fields)
        return {name: self._said(value) for name, value in fields.items() if name in self._names}

    def _said(self, value: Any) -> Any:
        if isinstance(value, dict):
            return self.spoken(value)
        if isinstance(value, list):
            return [self._said(one) for one in value]
        return value

    def add_file(self, task: FileTask) -> None:
        """Have some work done on a file before the events of this outcome are published."""
        self._out.files.append(task)

    def wall(self, now: float | None = None) -> float:
        """Return the host's clock, Unix seconds, at virtual time ``now``; None: now."""
        return self.settings.epoch + (self.now if now is None else now)

    def local(self, now: float | None = None) -> float:
        """Return the host's local clock as seconds since 1970, zone left out."""
        return self._local_start + (self.now if now is None else now)

    def fall_silent(self, seconds: float) -> None:
        """Neither answer nor publish for so long."""
        self._silent_until = self._out.silent_until = self.now + seconds

    def restart_application(self, seconds: float) -> None:
        """Forget what was under way, count events from 1 again and be away for so long (s)."""
        kept = (plugging.plug_in, carry_out, node.ping)
        self._agenda = [entry for entry in self._agenda if entry[2] in kept]
        heapq.heapify(self._agenda)
        self._number = 0
        self._held = None
        self._out.restarted = True
        self.fall_silent(seconds)

    def shut_down(self) -> None:
        """End the application after this reply."""
        self._out.shutdown = True
        self._agenda.clear()

    # inside

    def _begin(self) -> Outcome:
        self._out = out = Outcome() if self._first is None else self._first
        self._first = None
        return out

    def _run(self, now: float) -> None:
        """Do what was due up to ``now``, each at its own time, so that the size of the steps changes nothing."""
        agenda = self._agenda
        while agenda and agenda[0][0] <= now and now >= self._silent_until:
            when, _, function, arguments = heapq.heappop(agenda)
            if when > self.now:
                self.now = when
            function(self, *arguments)
            agenda = self._agenda  # a restart leaves another one
        # What falls due while the application hangs happens at its own time all the same, and is told of afterwards.
        if now > self.now and now >= self._silent_until:
            self.now = now

    def _answer(self, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Check a request against the table of messages and carry it out."""
        msg_id = body.get("msg_id")
        if not isinstance(msg_id, str):
            raise Refusal("no msg_id")
        msg_id = ALIASES.get(msg_id, msg_id)
        handler = HANDLERS.get(msg_id)
        if handler is None or not self.dialect.knows(msg_id):
            raise Refusal(f"no request {msg_id:.100} in {self.dialect.name}")
        # The vendor's v3 script sends RelayCustomText as an event, the later ones as a request.
        if body.get("msg_type") != "Request" and not (msg_id == "RelayCustomText" and body.get("msg_type") == "Event"):
            raise Refusal(f"msg_type of {msg_id} must be Request")
        # What the version has no field for is ignored, as every unknown field is.
        known = {name: value for name, value in body.items() if name in self._names}
        for name in _NUMBERS:
            if name in known:
                self._understood(name, known[name])
        spec = MESSAGES[msg_id]
        fields = {
            name: self._understood(name, value)
            for name, value in known.items()
            if name in spec.fields or (msg_id == "SetOptions" and name in self.options)
        }
        missing = [name for name in spec.required if name not in fields]
        if missing:
            raise Refusal(f"{msg_id} needs {', '.join(missing)}")
        return handler(self, fields)

    def _understood(self, name: str, value: Any) -> Any:
        """Check a value, and spell it as the model does: scripts say half, the library Half."""
        if problem := FIELDS[name].problem(value, self.version):
            raise Refusal(problem)
        return FIELDS[name].spelling(value)

    def _echoed(self, name: str, body: Mapping[str, Any]) -> int:
        """Return a number as the reply repeats it: 0 where the request has none, or what is none."""
        number = body.get(name, 0)
        return 0 if FIELDS[name].problem(number, self.version) else int(number)
