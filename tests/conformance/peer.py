"""A bare client of the External API: two ZeroMQ sockets and json, and a notebook of everything that was said.

Of rigkit it uses the tables of names and types and nothing else, so that a mistake of rigkit's client or codec can't hide the
same mistake of a server. Everything above the frames speaks current names; what is spelt how in 3.x is read off the tables.
"""

from __future__ import annotations

import itertools
import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import zmq

from rigkit.wire import FIELDS, MESSAGES, VERSIONS

Body = dict[str, Any]

BOM = b"\xef\xbb\xbf"

#: Requests that change nothing; rigkit itself sends a text to every application it connects to.
READS = frozenset({"GetCamera", "Synchronise", "RelayCustomText"})
#: Requests that no test sends to an application that it did not start, whatever the command line allows.
NEVER_ABROAD = frozenset({"ActivateLicense", "DeactivateLicense", "Delete", "Format", "Shutdown", "Transfer"})

_SPELT = {one.name: one.v3 for one in FIELDS.values() if one.v3}
_READ = {v3: name for name, v3 in _SPELT.items()}
_IDS_READ = {one.v3: one.msg_id for one in MESSAGES.values() if one.v3}


@dataclass(frozen=True)
class Target:
    """A server to be tested.

    Attributes
    ----------
    name : str
        What the tests call it.
    publisher, reqrep : str
        Its two endpoints.
    version : str
        The specification it is held against, one of ``VERSIONS``; 3.38 means the old dialect.
    simulated : bool
        Whether we started it, so that nothing can be broken. An application abroad is only read.
    documented : bool
        Whether it is the simulator with its defaults, which can be held to what it documents where the sources are silent.
    may_shoot : bool
        Whether an application abroad may also be fired and set.
    folder : Path or None
        Where its photos go on this very computer.
    patience : float
        How long to wait for what must come (s).
    """

    name: str
    publisher: str
    reqrep: str
    version: str = "6.0"
    simulated: bool = True
    documented: bool = True
    may_shoot: bool = False
    folder: Path | None = None
    patience: float = 15.0

    @property
    def v3(self) -> bool:
        """Whether it speaks the dialect of 3.x."""
        return self.version == "3.38"

    def knows(self, msg_id: str) -> bool:
        """Whether its specification has this message."""
        spec = MESSAGES[msg_id]
        at = VERSIONS.index(self.version)
        return VERSIONS.index(spec.since) <= at <= VERSIONS.index(spec.until)

    def why_not(self, msg_id: str) -> str:
        """Say why this request must not be sent to it; empty: it may."""
        if self.simulated or msg_id in READS:
            return ""
        if msg_id in NEVER_ABROAD:
            return f"{msg_id} is never sent to an application that the tests did not start"
        return "" if self.may_shoot else f"{msg_id} needs --rig-may-shoot"

    def spelt(self, body: Mapping[str, Any]) -> Body:
        """Spell a message of current names for its wire."""
        if not self.v3:
            return dict(body)
        wire = _with_names(body, _SPELT)
        msg_id = body.get("msg_id")
        if isinstance(msg_id, str) and msg_id in MESSAGES:
            wire["msg_id"] = MESSAGES[msg_id].v3 or f"{msg_id}Msg"
        return wire

    def read(self, wire: Mapping[str, Any]) -> Body:
        """Spell a message of its wire in current names."""
        if not self.v3:
            return dict(wire)
        body = _with_names(wire, _READ)
        body["msg_id"] = _IDS_READ.get(body.get("msg_id", ""), body.get("msg_id"))
        return body


def _with_names(value: Mapping[str, Any], names: Mapping[str, str]) -> Body:
    """Rename the keys of an object and of the objects in it."""
    return {
        names.get(name, name): (
            _with_names(one, names)
            if isinstance(one, dict)
            else [_with_names(inner, names) for inner in one]
            if isinstance(one, list) and one and isinstance(one[0], dict)
            else one
        )
        for name, one in value.items()
    }


class Frame(NamedTuple):
    """One frame as it came.

    Attributes
    ----------
    raw : bytes
        Its bytes.
    wire : dict
        The object in them, names as spelt on the wire.
    body : dict
        The same in current names.
    """

    raw: bytes
    wire: Body
    body: Body


def parse(raw: bytes, target: Target) -> Frame:
    """Read a frame as strictly as its definition is: one JSON object in UTF-8, behind a mark in 3.x and without one later."""
    assert raw.startswith(BOM) == target.v3, f"byte order mark in {target.version}: {raw[:40]!r}"
    text = (raw[3:] if target.v3 else raw).decode("utf-8")
    wire = json.loads(text, object_pairs_hook=_each_once, parse_constant=_no_number)
    assert isinstance(wire, dict), f"not an object: {text[:80]}"
    return Frame(raw, wire, target.read(wire))


def _each_once(pairs: list[tuple[str, Any]]) -> Body:
    names = [name for name, _ in pairs]
    assert len(set(names)) == len(names), f"a key twice in {names}"
    return dict(pairs)


def _no_number(word: str) -> Any:
    raise AssertionError(f"{word} is not JSON")


@dataclass
class State:
    """Everything a server says when asked for everything.

    Attributes
    ----------
    options : dict
        OptionsInfo.
    nodes : list of dict
        NodeInfo.
    cameras, photos : dict of str to dict
        CameraInfo by CameraKey, without the properties; PhotoInfo by PhotoKey.
    properties : dict of str to dict
        CameraPropertyInfo by CameraKey, by CameraPropertyType.
    """

    options: Body = field(default_factory=dict)
    nodes: list[Body] = field(default_factory=list)
    cameras: dict[str, Body] = field(default_factory=dict)
    photos: dict[str, Body] = field(default_factory=dict)
    properties: dict[str, dict[str, Body]] = field(default_factory=dict)

    @classmethod
    def of(cls, body: Body) -> State:
        """Sort the containers of a Synchronise; 3.x has the properties in one of their own."""
        cameras = {one["CameraKey"]: dict(one) for one in body["CameraInfo"]}
        lists = {key: one.pop("CameraPropertyInfo", []) for key, one in cameras.items()}
        for one in body.get("PropertyUpdated", []):
            lists[one["CameraKey"]] = one["CameraPropertyInfo"]
        nodes = body.get("NodeInfo", [])
        return cls(
            body.get("OptionsInfo", {}),
            nodes if isinstance(nodes, list) else [nodes],
            cameras,
            {one["PhotoKey"]: one for one in body["PhotoInfo"]},
            {key: {one["CameraPropertyType"]: one for one in told} for key, told in lists.items()},
        )

    def value(self, key: str, kind: str) -> str:
        """Return the value of one property of one camera."""
        value = self.properties[key][kind]["CameraPropertyValue"]
        assert isinstance(value, str)
        return value


#: What moves by itself, or as a by-product of anything.
RESTLESS = frozenset(
    {"CameraBatterylevel", "CameraDownloadRate", "CameraLiveviewNumFrames", "CameraVideoElapsedTime", "CameraOrientation"}
)  # fmt: skip


def differences(before: State, after: State) -> dict[str, list[str]]:
    """Compare two states.

    Returns
    -------
    dict of str to list of str
        By field (``UniqueTag``, ``CameraName``, ``property ISO``, ``new photo``, ``photo gone``): where, and what became what.
    """
    found: dict[str, list[str]] = {}

    def compare(where: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        for name in {*old, *new} - RESTLESS:
            if old.get(name) != new.get(name):
                found.setdefault(name, []).append(f"{where}: {old.get(name)!r:.60} -> {new.get(name)!r:.60}")

    compare("options", before.options, after.options)
    for key in {*before.cameras, *after.cameras}:
        compare(key, before.cameras.get(key, {}), after.cameras.get(key, {}))
        old, new = before.properties.get(key, {}), after.properties.get(key, {})
        for kind in {*old, *new}:
            if old.get(kind) != new.get(kind):
                found.setdefault(f"property {kind}", []).append(key)
    for key in {*before.photos, *after.photos}:
        if key not in before.photos:
            found.setdefault("new photo", []).append(key)
        elif key not in after.photos:
            found.setdefault("photo gone", []).append(key)
        else:
            compare(key, before.photos[key], after.photos[key])
    return found


class Peer:
    """A client with one REQ and one SUB socket that has heard at least one event when it is made.

    Parameters
    ----------
    target : Target
        Whom to talk to.

    Attributes
    ----------
    events, replies : list of Frame
        Everything heard on the publisher and everything answered, in order.
    sent : set of str
        Ids of the requests sent so far.
    first : State
        The state when it was made.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.events: list[Frame] = []
        self.replies: list[Frame] = []
        self.sent: set[str] = set()
        self._numbers = itertools.count(1)
        self._req: zmq.Socket[bytes] | None = None
        self._others: list[zmq.Socket[bytes]] = []  # held, or pyzmq warns of sockets that nobody closed
        try:
            self.sub = self.subscriber()
            self.join()
            self.first = self.state()
            self._left = _on_cameras(self.first)  # photos that wait on their cards and are on no way anywhere
            self._failed = _failures(self.first)  # downloads that explain why some of them do
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all sockets, also those made by :meth:`subscriber` and :meth:`dealer`."""
        self.context.destroy(linger=0)

    def subscriber(self, prefix: bytes = b"") -> zmq.Socket[bytes]:
        """Connect one more SUB socket; it has not heard anything yet."""
        sub = self.context.socket(zmq.SUB)
        sub.rcvhwm = 0
        sub.subscribe(prefix)
        sub.connect(self.target.publisher)
        self._others.append(sub)
        return sub

    def dealer(self) -> zmq.Socket[bytes]:
        """Connect a socket that may send before it has been answered; frames go behind an empty one."""
        dealer = self.context.socket(zmq.DEALER)
        dealer.sndhwm = dealer.rcvhwm = (
            0  # else replies to a client that does not read them are dropped, by design of ZeroMQ
        )
        dealer.rcvtimeo = dealer.sndtimeo = round(self.target.patience * 1000)
        dealer.connect(self.target.reqrep)
        self._others.append(dealer)
        return dealer

    def join(self) -> None:
        """Make sure the subscription has arrived: send texts until one is heard."""
        nonce = f"joining {uuid.uuid4().hex}"
        deadline = time.monotonic() + self.target.patience
        while not self.heard("RelayCustomText", CustomText=nonce):
            assert time.monotonic() < deadline, f"requests are answered but nothing comes from {self.target.publisher}"
            self.do("RelayCustomText", CustomText=nonce)
            self.pump(0.05)
        self.barrier()
        self.events.clear()

    # requests

    def frame(self, msg_id: str, msg_type: str = "Request", number: int | None = None, **fields: Any) -> Body:
        """Spell one request for this server, ready for json."""
        number = next(self._numbers) if number is None else number
        return self.target.spelt({"msg_type": msg_type, "msg_id": msg_id, "msg_seq_num": number, **fields})

    def allowed(self, msg_id: str) -> None:
        """Skip the test if this request must not be sent to this server."""
        reason = self.target.why_not(msg_id)
        if reason:
            pytest.skip(reason)

    def say(self, wire: Mapping[str, Any]) -> Frame:
        """Send one object and return what came back, both as they are on the wire."""
        self.allowed(str(self.target.read(wire).get("msg_id")))
        return self.say_raw(json.dumps(wire, ensure_ascii=False).encode())

    def say_raw(self, raw: bytes) -> Frame:
        """Send one frame and return the reply."""
        if self._req is None:
            self._req = self.context.socket(zmq.REQ)
            self._req.rcvtimeo = self._req.sndtimeo = round(self.target.patience * 1000)
            self._req.connect(self.target.reqrep)
        try:
            self._req.send(raw)
            frames = self._req.recv_multipart()
        except zmq.Again:
            self._req.close(linger=0)
            self._req = None
            pytest.fail(f"no reply within {self.target.patience:g} s to {raw[:200]!r}")
        assert len(frames) == 1, f"a reply of {len(frames)} frames to {raw[:200]!r}"
        reply = parse(frames[0], self.target)
        self.replies.append(reply)
        return reply

    def ask(self, msg_id: str, msg_type: str = "Request", **fields: Any) -> Body:
        """Send a request by current names and return its reply in them; id and number must be echoed."""
        self.allowed(msg_id)
        self.sent.add(msg_id)
        request = self.frame(msg_id, msg_type, **fields)
        reply = self.say(request)
        number = _SPELT["msg_seq_num"] if self.target.v3 else "msg_seq_num"
        assert reply.wire.get("msg_type") == "Response", reply.wire
        assert reply.wire.get("msg_id") == request["msg_id"], reply.wire
        assert reply.wire.get(number) == request[number], reply.wire
        return reply.body

    def do(self, msg_id: str, msg_type: str = "Request", **fields: Any) -> Body:
        """Send a request that must be answered true."""
        reply = self.ask(msg_id, msg_type, **fields)
        assert reply.get("msg_result") is True, f"{msg_id} {fields} is answered {reply!r:.300}"
        return reply

    def all(self, msg_id: str, **fields: Any) -> Body:
        """Ask all cameras for something that must be answered true."""
        return self.do(msg_id, CameraSelection="All", **fields)

    def one(self, msg_id: str, key: str, **fields: Any) -> Body:
        """Ask one camera for something that must be answered true."""
        return self.do(msg_id, CameraSelection="Single", CameraKey=key, **fields)

    # events

    def pump(self, seconds: float = 0.0) -> None:
        """Take what the publisher has sent; wait so long for the first frame."""
        if not self.sub.poll(round(seconds * 1000)):
            return
        while True:
            try:
                frames = self.sub.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            assert len(frames) == 1, f"an event of {len(frames)} frames, the first is {frames[0][:80]!r}"
            self.events.append(parse(frames[0], self.target))

    def heard(self, msg_id: str, since: int = 0, **fields: Any) -> list[Body]:
        """Return the events of an id that carry these values, from number ``since`` of our own count on."""
        return [
            one.body
            for one in itertools.islice(self.events, since, None)
            if one.body["msg_id"] == msg_id and all(one.body.get(name) == value for name, value in fields.items())
        ]

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        """Listen until a condition holds, and return what it returned; fail when patience runs out."""
        deadline = time.monotonic() + self.target.patience
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline:
                tail = "\n".join(_line(one.body) for one in self.events[-30:])
                pytest.fail(f"{self.target.name}: {what}: not within {self.target.patience:g} s. Heard last:\n{tail}")
            self.pump(0.005)

    def barrier(self) -> int:
        """Make sure that everything published so far has been heard; returns our count of events."""
        nonce, since = f"barrier {uuid.uuid4().hex}", len(self.events)
        self.do("RelayCustomText", CustomText=nonce)
        self.until(lambda: self.heard("RelayCustomText", since, CustomText=nonce), "a text")
        return len(self.events)

    # state

    def state(self) -> State:
        """Ask for everything, and wait for it where it comes on the publisher."""
        since = len(self.events)
        reply = self.do("Synchronise")
        if not self.target.v3:
            return State.of(reply)
        return State.of(self.until(lambda: self.heard("Synchronise", since), "the state on the publisher")[0])

    def until_state(self, condition: Callable[[State], Any], what: str) -> State:
        """Ask for everything until a condition holds of it."""
        last = State()

        def holds() -> Any:
            nonlocal last
            last = self.state()
            return condition(last)

        self.until(holds, what)
        return last

    def ready(self, state: State | None = None) -> list[str]:
        """Return the keys of the cameras that are Ready."""
        cameras = (self.state() if state is None else state).cameras
        return [key for key, one in cameras.items() if one["CameraStatus"] == "Ready"]

    def settled(self) -> State:
        """Wait until no camera is Busy and no photo is on its way; one whose download has failed stays where it is."""

        def quiet(state: State) -> bool:
            if state.options.get("DefaultStorage") == "Card":
                self._left |= _on_cameras(state)
            waiting = Counter(state.photos[key]["CameraKey"] for key in _on_cameras(state) - self._left)
            return waiting <= _failures(state) - self._failed and all(
                one["CameraStatus"] != "Busy" for one in state.cameras.values()
            )

        state = self.until_state(quiet, "all cameras at rest and all photos delivered")
        self._left |= _on_cameras(state)
        self._failed = _failures(state)
        return state

    def store_on(self, place: str) -> None:
        """Have photos go to Disk, Card or Both; whether the option reaches connected cameras at once is not known. [U]"""
        self.do("SetOptions", DefaultStorage=place)
        state = self.state()
        for key in self.ready(state):
            told = state.properties[key].get("Storage")
            if told and told["CameraPropertyValue"] != place and told["CameraPropertyIsWriteable"]:
                self.one("SetProperty", key, CameraPropertyType="Storage", CameraPropertyValue=place)
        self.until_state(
            lambda now: all(
                "Storage" not in now.properties[key] or now.value(key, "Storage") == place for key in self.ready(state)
            ),
            f"photos to go to {place}",
        )

    def shoot(self, **fields: Any) -> list[Body]:
        """Fire all cameras, wait until they are at rest, and return the members of PhotoInfo that are new."""
        before = self.state()
        self.do("Shoot", **{"CameraSelection": "All", **fields})
        expected = len(self.ready(before)) if fields.get("CameraSelection", "All") == "All" else 1
        self.until_state(lambda now: len({*now.photos} - {*before.photos}) >= expected, "a photo of each camera")
        after = self.settled()
        return [one for key, one in after.photos.items() if key not in before.photos]

    # leaving everything as it was

    def restore(self) -> None:
        """Let go of whatever is held and set back whatever was changed since the beginning, as far as the API can."""
        if self.sent <= READS or "Shutdown" in self.sent:
            return
        self._let_go()
        ready = set(self.ready(self.first))
        now = self.state()
        left = [key for key in ready if now.cameras[key]["CameraStatus"] == "Disconnected"]
        if left:
            self.ask("Connect", CameraSelection="Multiple", CameraKeys=left)
        self.until_state(lambda now: ready <= {*self.ready(now)}, "the cameras to be Ready again")
        now = self.settled()
        if self.target.simulated and now.photos:
            self.do("Delete", PhotoSelection="All")
        self._set_back(self.first, now)

    def _let_go(self) -> None:
        everyone: Body = {"CameraSelection": "All"}
        if "SetShutterButton" in self.sent:
            self.ask("SetShutterButton", **everyone, CameraShutterButton="Off")
        if "EngageTrigger" in self.sent:
            self.ask("CancelTrigger")
        if "EngageLatch" in self.sent:
            self.ask("CancelLatch", CameraLatchIndex=LATCH)
        for request in ("EnableVideo", "EnableLiveview"):
            if request in self.sent:
                self.ask(request, **everyone, Enable=False)

    def _set_back(self, first: State, now: State) -> None:
        options = {
            name: value
            for name, value in first.options.items()
            if name in MESSAGES["SetOptions"].fields and now.options.get(name) != value
        }
        if options:
            self.do("SetOptions", **options)
            now = self.state()
        if "SyncClocks" in self.sent:
            self.do("SyncClocks", CameraDateTimeOffset=0)
        requests = {
            "CameraName": "RenameCamera",
            "CameraGroup": "SetCameraGroup",
            "CameraTriggerIndex": "SetCameraTriggerIndex",
        }
        for key, was in first.cameras.items():
            for name, request in requests.items():
                if now.cameras[key].get(name) != was.get(name):
                    self.one(request, key, **{name: was[name]})
            for kind, told in first.properties[key].items():
                if now.value(key, kind) != told["CameraPropertyValue"] and told["CameraPropertyIsWriteable"]:
                    self.one(
                        "SetProperty", key, CameraPropertyType=kind, CameraPropertyValue=told["CameraPropertyValue"]
                    )
        self.until_state(lambda last: last.properties == first.properties, "the properties to be as they were")


def _on_cameras(state: State) -> set[str]:
    """Return the keys of the photos that are on their cameras; a video stays there until it is fetched."""
    return {key for key, one in state.photos.items() if one["PhotoLocation"] == "Camera" and one["PhotoIsImage"]}


def _failures(state: State) -> Counter[str]:
    """Return how many downloads have failed, by CameraKey."""
    return Counter({key: one.get("CameraNumDownloadsFailed", 0) for key, one in state.cameras.items()})


#: The latch that the tests use.
LATCH = 7


def _line(body: Body) -> str:
    names = ("CameraKey", "CameraStatus", "PhotoLocation", "PhotoComputedName", "CustomText")
    return f"  {body.get('msg_seq_num')} {body.get('msg_id')} " + " ".join(
        f"{name}={body[name]!s:.50}" for name in names if name in body
    )


def lines(found: Iterable[str]) -> str:
    """Put a list of problems one below the other, for an assert's message."""
    return "\n".join(["", *sorted(set(found))][:40])
