"""What is heard on the publisher: numbers, order, joining late. Sections 2 and 6 of the reference."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Iterator

import pytest

from rigkit.wire import FIELDS, MESSAGES
from tests.conformance import laws
from tests.conformance.conftest import Start
from tests.conformance.peer import Frame, Peer, Target, lines, parse


def test_texts_are_numbered_one_after_the_other_among_all_other_events(peer: Peer) -> None:
    """[O] Five events of four kinds in the v5.3 capture have consecutive numbers."""
    for n in range(5):
        peer.do("RelayCustomText", CustomText=f"number {n}")
    peer.barrier()
    assert len(peer.events) >= 6
    assert laws.numbers(peer.target, peer.events) == []


def test_a_late_subscriber_hears_what_is_said_from_then_on(peer: Peer) -> None:
    """[D by pattern] Nothing is said twice for it, and its first number is the publisher's, not 1."""
    early, late = f"early {uuid.uuid4()}", f"late {uuid.uuid4()}"
    peer.do("RelayCustomText", CustomText=early)
    peer.barrier()
    with Peer(peer.target) as newcomer:
        newcomer.do("RelayCustomText", CustomText=late)
        newcomer.barrier()
        peer.barrier()
        assert not newcomer.heard("RelayCustomText", CustomText=early)
        (heard,) = newcomer.heard("RelayCustomText", CustomText=late)
        assert [heard] == peer.heard("RelayCustomText", CustomText=late)
        assert heard["msg_seq_num"] > peer.heard("RelayCustomText", CustomText=early)[0]["msg_seq_num"]


def test_all_subscribers_hear_the_same_bytes(peer: Peer) -> None:
    """[D by pattern] One publisher, one stream."""
    with Peer(peer.target) as other:
        for n in range(3):
            peer.do("RelayCustomText", CustomText=f"same {n}")
        peer.barrier()
        peer.barrier()
        last = [one.raw for one in peer.events][-1]
        other.until(lambda: last in [one.raw for one in other.events], "the last event")
        mine = [one.raw for one in peer.events]
        theirs = [one.raw for one in other.events]
        assert mine[mine.index(theirs[0]) :] == theirs[: theirs.index(mine[-1]) + 1]


def test_live_view_is_counted_with_all_other_events(peer: Peer) -> None:
    """[O, weak] Frames share the counter."""
    since = peer.barrier()
    peer.all("EnableLiveview", Enable=True)
    peer.until(lambda: len(peer.heard("LiveviewUpdated", since)) >= 20, "live view")
    peer.do("RelayCustomText", CustomText="in between")
    peer.barrier()
    peer.all("EnableLiveview", Enable=False)
    peer.barrier()
    kinds = {one.body["msg_id"] for one in peer.events}
    assert {"LiveviewUpdated", "CameraUpdated", "RelayCustomText"} <= kinds
    assert laws.numbers(peer.target, peer.events) == []


def test_a_live_view_frame_is_a_picture(peer: Peer) -> None:
    """[D 5.0] A JPEG in base64. 3.38 has the same field, of type data, and marks it internal like its message."""
    peer.all("EnableLiveview", Enable=True)
    for event in peer.until(lambda: peer.heard("LiveviewUpdated"), "live view"):
        assert base64.b64decode(event["CameraLiveviewImage"], validate=True)[:3] == b"\xff\xd8\xff"


@pytest.fixture(scope="module")
def sitting(target: Target) -> Iterator[Peer]:
    """Give a client that has heard a short sitting: shots, settings, live view, video, a session that ended."""
    with Peer(target) as peer:
        key = peer.ready(peer.first)[0]
        peer.shoot()
        peer.one("RenameCamera", key, CameraName="sitting")
        peer.do("SetOptions", UniqueTag="sitting")
        peer.shoot(CameraSelection="Single", CameraKey=key)
        peer.all("EnableLiveview", Enable=True)
        peer.until(lambda: peer.heard("LiveviewUpdated"), "live view")
        peer.all("EnableLiveview", Enable=False)
        peer.one("EnableVideo", key, Enable=True)
        peer.until(lambda: peer.heard("CameraUpdated", CameraVideoIsEnabled=True), "a recording")
        peer.one("EnableVideo", key, Enable=False)
        peer.one("Disconnect", key)
        peer.one("Connect", key)
        peer.until_state(lambda now: key in peer.ready(now), "the camera back")
        yield peer
        peer.restore()


class TestASittingHeard:
    """The laws, each by name, on everything heard in a short sitting."""

    @pytest.mark.parametrize("law", laws.OF_EVENTS, ids=lambda law: law.__name__)
    def test_law_of_events(self, sitting: Peer, law: Callable[..., list[str]]) -> None:
        """[as each law says] Nothing heard breaks it."""
        assert len({one.body["msg_id"] for one in sitting.events}) >= 4
        found = law(sitting.target, sitting.events)
        assert found == [], lines(found)

    @pytest.mark.parametrize("law", laws.OF_ALL, ids=lambda law: law.__name__)
    def test_law_of_all_messages(self, sitting: Peer, law: Callable[..., list[str]]) -> None:
        """[D] Nothing heard or answered breaks it."""
        found = law(sitting.target, [*sitting.events, *sitting.replies])
        assert found == [], lines(found)

    def test_camera_updates_are_partial(self, sitting: Peer) -> None:
        """[O] The one in the capture has 16 fields of some fifty: status, name and counters, no serial, make or model."""
        told = [{*one.body} for one in sitting.events if one.body["msg_id"] == "CameraUpdated"]
        full = len(MESSAGES["CameraUpdated"].fields_in(sitting.target.version))
        assert min(map(len, told)) < full / 2
        assert all(len(one) < full for one in told)

    def test_photo_updates_tell_all_that_is_known(self, sitting: Peer) -> None:
        """[O] Every one has the number, the names, the size and the camera."""
        needed = {
            "PhotoKey",
            "PhotoLocation",
            "PhotoOriginalName",
            "PhotoComputedName",
            "PhotoDateCaptured",
            "CameraKey",
        }
        needed |= {"PhotoFormat", "PhotoWidth", "PhotoHeight", "PhotoFilesize", "PhotoIsImage"}
        needed |= {"PhotoSequenceNum", "PhotoBatchNum"}
        events = [one.body for one in sitting.events if one.body["msg_id"] == "PhotoUpdated"]
        assert events
        for body in events:
            assert needed <= {*body}, needed - {*body}


def test_clients_are_tested_for_tolerance(start: Start) -> None:
    """[D 11.7] The simulator sends what no specification lists: pings, nodes, fields that only the capture shows."""
    for dialect in ("v5", "v3"):
        with Peer(start(dialect)) as peer:
            peer.shoot()
            peer.until(lambda: peer.heard("NetworkPing") and peer.heard("NodeUpdated"), "a ping and the node")
            listed = {name for spec in MESSAGES.values() for name in (*spec.fields, *spec.reply)}
            unlisted = {name for one in peer.events for name in one.body} - listed - {"msg_type", "msg_id"}
            assert {"NodeName"} <= unlisted
            if dialect == "v5":
                assert {"CameraMetadataTimestamp", "PhotoOriginalPath", "PhotoStorageID", "NodeDateTime"} <= unlisted
                assert all(
                    FIELDS[name].observed or FIELDS[name].internal
                    for name in unlisted
                    if name in FIELDS and name[:4] != "msg_"
                )


def test_an_unlisted_field_or_event_is_nothing_that_these_tests_mind() -> None:
    """[I] Unknown ids and fields are carried along: the laws hold them to no type."""
    target = Target("nobody", "", "")
    raw = b'{"msg_type":"Event","msg_id":"NewIn7","msg_seq_num":1,"msg_user_id":0,"msg_result":true,"New":[{"Newer":null}]}'
    frame: Frame = parse(raw, target)
    found = [problem for law in (*laws.OF_EVENTS, *laws.OF_ALL) for problem in law(target, [frame])]
    assert found == []
