"""No sequence of requests, right or wrong, breaks what must always hold."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from rigkit.wire import FIELDS, MESSAGES
from tests.sim_desk import Desk

CAMERAS = 3
SELECTIONS = st.one_of(
    st.just({"CameraSelection": "All"}),
    st.integers(0, CAMERAS - 1).map(lambda n: {"CameraSelection": "Single", "n": n}),
    st.sampled_from(["A", "face", "nowhere"]).map(lambda group: {"CameraSelection": "Group", "CameraGroup": group}),
    st.lists(st.integers(0, CAMERAS), max_size=3).map(lambda ns: {"CameraSelection": "Multiple", "ns": ns}),
)
VALUES = {
    "boolean": st.booleans(),
    "string": st.sampled_from(["", "x", "../x", "a/b", "[C]_[S]", "same", "400", "RAW + JPEG Fine", "Card", "1/2"]),
    "data": st.text(max_size=3),
    "string[]": st.lists(st.text(max_size=3), max_size=2),
    "float": st.floats(-1e9, 1e9),
    "object": st.just({}),
    "object[]": st.just([]),
}
ANYTHING = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.lists(st.integers(), max_size=2))


def value_of(name: str) -> st.SearchStrategy[Any]:
    """Draw a value for a field: mostly a possible one."""
    field = FIELDS[name]
    if field.choices:
        return st.sampled_from(field.choices)
    if field.type in VALUES:
        return VALUES[field.type]
    low, high = field.low or 0, field.high or 50
    return st.one_of(st.integers(low, min(high, 50)), st.integers(-(2**63), 2**63))


#: Told now and then, or only in part.
TOLD_LATER = {"CameraPropertyInfo", "CameraVideoElapsedTime", "CameraLiveviewNumFrames", "CameraPhotosPerCapture"}
REQUESTS = sorted(spec.msg_id for spec in MESSAGES.values() if spec.is_request and spec.msg_id != "Shutdown")


class Requests(RuleBasedStateMachine):
    """Sends requests as they come and checks the rig after each."""

    @initialize(
        storage=st.sampled_from(["Disk", "Card", "Both"]),
        order=st.sampled_from(["captured", "ready_after_photo", "ready_before_photo"]),
        latch=st.sampled_from(["release", "engage"]),
        seed=st.integers(0, 5),
    )
    def open(self, storage: str, order: str, latch: str, seed: int) -> None:
        self.desk = Desk(
            cameras=CAMERAS, seed=seed, files=True, storage=storage, shot_order=order, latch_fires=latch, card_gb=0.06,
            scenario={
                "faults": [
                    {"at": 3, "after_s": 0.3, "camera": "A01", "kind": "lost", "amount": 2000},
                    {"at": 4, "camera": "A02", "kind": "misfire"},
                    {"at": 5, "camera": "A03", "kind": "double"},
                    {"at": 6, "camera": "*", "kind": "download_failed"},
                ]
            },
        )  # fmt: skip
        self.desk.may_overwrite = True

    def selected(self, selection: dict[str, Any]) -> dict[str, Any]:
        keys = [*self.desk.keys, "nobody"]
        out = {name: value for name, value in selection.items() if name not in ("n", "ns")}
        if "n" in selection:
            out["CameraKey"] = keys[selection["n"]]
        if "ns" in selection:
            out["CameraKeys"] = [keys[n] for n in selection["ns"]]
        return out

    @rule(
        msg_id=st.sampled_from(
            ["Shoot", "Shoot", "EngageLatch", "EngageTrigger", "Connect", "Disconnect", "Autofocus"]
        ),
        selection=SELECTIONS,
    )
    def usual(self, msg_id: str, selection: dict[str, Any]) -> None:
        extra = {"CameraLatchIndex": 1} if msg_id == "EngageLatch" else {}
        self.desk.ask(msg_id, **self.selected(selection), **extra)

    @rule(latch=st.sampled_from(["ReleaseLatch", "CancelLatch"]))
    def latches(self, latch: str) -> None:
        if self.desk.ask(latch, CameraLatchIndex=1):
            assert {camera.latch for camera in self.desk.rig.cameras.values()} <= {None, *range(2, 101), 0}

    @rule(trigger=st.sampled_from(["ReleaseTrigger", "CancelTrigger"]))
    def trigger(self, trigger: str) -> None:
        if self.desk.ask(trigger):
            assert not any(camera.armed for camera in self.desk.rig.cameras.values())

    @precondition(lambda self: self.desk.rig.photos)
    @rule(
        data=st.data(),
        msg_id=st.sampled_from(["Download", "Delete", "Reshoot", "RenamePhoto", "Transfer"]),
        name=st.sampled_from(["new", "x/y", "../out", "same"]),
    )
    def on_photos(self, data: st.DataObject, msg_id: str, name: str) -> None:
        keys = data.draw(st.lists(st.sampled_from(sorted(self.desk.rig.photos)), min_size=1, max_size=3))
        extra: dict[str, Any] = {}
        if msg_id == "RenamePhoto":
            extra = {"PhotoComputedName": name}
        elif msg_id == "Delete":
            extra = {"DeleteFiles": len(keys) > 1}
        self.desk.ask(msg_id, PhotoSelection="Multiple", PhotoKeys=keys, **extra)

    @rule(data=st.data(), msg_id=st.sampled_from(REQUESTS))
    def any_request(self, data: st.DataObject, msg_id: str) -> None:
        names = MESSAGES[msg_id].fields
        fields = data.draw(st.fixed_dictionaries({}, optional={name: value_of(name) for name in names}), label="fields")
        if "CameraSelection" in names and data.draw(st.booleans()):
            fields = {**fields, **self.selected(data.draw(SELECTIONS))}
        self.desk.ask(msg_id, **fields)

    @rule(
        msg_id=st.one_of(st.sampled_from(REQUESTS), ANYTHING),
        fields=st.dictionaries(st.sampled_from(sorted(FIELDS)), ANYTHING, max_size=4),
    )
    def nonsense(self, msg_id: Any, fields: dict[str, Any]) -> None:
        before = len(self.desk.events)
        outcome = self.desk._take(
            self.desk.rig.request({"msg_type": "Request", **fields, "msg_id": msg_id}, self.desk.now)
        )
        assert outcome.reply is not None
        if outcome.reply["msg_result"] is False:
            assert len(self.desk.events) == before
            assert outcome.problem

    @rule(seconds=st.sampled_from([0.01, 0.05, 0.1, 0.3, 1.0, 4.0]))
    def wait(self, seconds: float) -> None:
        self.desk.wait(seconds)

    @invariant()
    def numbers_run_on(self) -> None:
        numbers = [event["msg_seq_num"] for event in self.desk.events]
        assert numbers == list(range(1, len(numbers) + 1))

    @invariant()
    def counters_equal_events(self) -> None:
        appeared: dict[str, set[str]] = {}
        delivered: dict[str, set[str]] = {}
        for event in self.desk.events:
            if event["msg_id"] == "PhotoUpdated":
                appeared.setdefault(event["CameraKey"], set()).add(event["PhotoKey"])
                if event["PhotoLocation"] == "Local Disk":
                    delivered.setdefault(event["CameraKey"], set()).add(event["PhotoKey"])
        arrived = [photo for photo in self.desk.rig.photos.values() if photo.arrived]
        for key, camera in self.desk.rig.cameras.items():
            assert camera.photos_taken == len(appeared.get(key, ()))
            waiting = sum(photo.camera is camera for photo in arrived)
            assert camera.downloads_complete == len(delivered.get(key, ())) + waiting

    @invariant()
    def status_equals_work(self) -> None:
        for camera in self.desk.rig.cameras.values():
            assert camera.jobs >= 0
            assert (camera.status == "Busy") == (camera.jobs > 0)
            if not camera.connected:
                assert (camera.latch, camera.armed, camera.button, camera.live_on) == (None, False, "Off", False)

    @invariant()
    def photos_have_a_camera_and_a_name_of_their_own(self) -> None:
        rig = self.desk.rig
        assert all(photo.camera.key in rig.cameras for photo in rig.photos.values())
        paths = [photo.path.casefold() for photo in rig.photos.values() if photo.location == "Local Disk"]
        assert len(set(paths)) == len(paths)
        assert {path.casefold() for path in self.desk.disk} >= set(paths)
        assert all(path.startswith("photos/") and "/../" not in path for path in self.desk.disk)

    @invariant()
    def what_was_told_last_is_true(self) -> None:
        last: dict[str, dict[str, Any]] = {}
        for event in self.desk.events:
            if event["msg_id"] == "CameraUpdated":
                last.setdefault(event["CameraKey"], {}).update(event)
        for key, told in last.items():
            info = self.desk.rig.cameras[key].info(self.desk.rig.now)
            if info["CameraStatus"] == "Busy":  # counters are told when the work is done
                told = {"CameraStatus": told["CameraStatus"]}
            wrong = {name: (value, info[name]) for name, value in told.items() if name in info and info[name] != value}
            assert set(wrong) <= TOLD_LATER

    def teardown(self) -> None:
        if hasattr(self, "desk"):
            if any(camera.connected for camera in self.desk.rig.cameras.values()):
                assert self.desk.all("EnableLiveview", Enable=False)
                assert self.desk.all("EnableVideo", Enable=False)
            self.desk.wait(8000.0)  # the longest exposure and the farthest trigger
            self.status_equals_work()
            assert {camera.status for camera in self.desk.rig.cameras.values()} <= {"Ready", "Disconnected", "Lost"}
            assert self.desk.rig.on_the_way == 0


ANY_LENGTH = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # No explain: it runs the model under a tracer, for minutes.
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)

TestRequests: Any = Requests.TestCase
TestRequests.settings = settings(ANY_LENGTH, max_examples=25, stateful_step_count=25)

LONG = {"settings": settings(ANY_LENGTH, max_examples=2000, stateful_step_count=60)}
TestManyRequests: Any = pytest.mark.campaign(type("TestManyRequests", (TestRequests,), LONG))
