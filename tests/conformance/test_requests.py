"""Each public request, in each dialect: sent, answered true, and its effect seen in the events and in the state."""

from __future__ import annotations

import pytest
import zmq

from rigkit.wire import messages_of
from tests.conformance.conftest import Start
from tests.conformance.peer import NEVER_ABROAD, READS, Peer, Target, differences
from tests.conformance.requests import CASES, SHOT, Scene, fields_of


def public(version: str) -> list[str]:
    """Return the ids of the public requests of a version."""
    return [spec.msg_id for spec in messages_of(version) if spec.is_request]


def test_every_public_request_has_an_entry() -> None:
    """[D] Those of 6.0 and those of 3.38, and nothing else."""
    assert {*CASES} == {*public("6.0"), *public("3.38")}
    assert len(public("6.0")) == 47
    assert len(public("3.38")) == 31


@pytest.mark.parametrize("msg_id", sorted({*CASES} - {"Shutdown"}))
def test_a_request_is_answered_and_done(peer: Peer, msg_id: str) -> None:
    """[as its entry says] Answered true; heard; shown; and nothing else has changed.

    [I] What a version does not have is answered false.
    """
    peer.allowed(msg_id)
    if not peer.target.knows(msg_id):
        if not peer.target.simulated:
            pytest.skip(f"{msg_id} is not in {peer.target.version}")
        assert peer.ask(msg_id, CameraSelection="All")["msg_result"] is False
        return
    case = CASES[msg_id]
    scene = Scene(peer)
    case.before(scene)
    scene.since = peer.barrier()
    scene.before = peer.settled() if msg_id != "PowerZoomStop" else peer.state()
    scene.reply = peer.do(msg_id, **fields_of(case, msg_id, scene))
    peer.until(lambda: case.heard(scene), f"{msg_id} heard in the events")

    def shown() -> bool:
        scene.after = peer.state()
        return bool(case.shown(scene))

    peer.until(shown, f"{msg_id} shown by the state")
    if peer.target.simulated:
        scene.after = peer.settled() if case.touches >= SHOT else peer.state()
        changed = differences(scene.before, scene.after)
        assert {*changed} <= case.touches, changed
    case.then(scene)


def test_the_other_dialect_is_refused(peer: Peer, simulated: None) -> None:
    """[I] An id of later versions is none in 3.x, and the other way round; nothing happens."""
    since = peer.barrier()
    for msg_id in sorted(CASES):
        right = peer.frame(msg_id, CameraSelection="All", PhotoSelection="All", CustomText="x")
        wrong = {**right, "msg_id": msg_id if peer.target.v3 else f"{msg_id}Msg"}
        reply = peer.say(wrong)
        assert reply.body["msg_result"] is False, wrong
    peer.barrier()
    assert {one.body["msg_id"] for one in peer.events[since:]} <= {"RelayCustomText", "NetworkPing"}
    assert not peer.heard("RelayCustomText", since, CustomText="x")


def test_a_refused_id_is_echoed_as_it_was_spelt(peer: Peer, simulated: None) -> None:
    """[D the vendor's library matches replies by it] Also an id of the other dialect, so that a client can tell."""
    later = ("Shoot", "GetCamera", "Format", "FormatAll", "PhotoUpdated")
    wrong = later if peer.target.v3 else ("ShootMsg", "FormatAllMsg", "PhotoUpdatedMsg")
    for spelt in (*wrong, "GetCameraMsg", "FormatMsg", "Explode", "ExplodeMsg", "ShootMsgMsg"):
        reply = peer.say({**peer.frame("Identify"), "msg_id": spelt})
        assert (reply.wire["msg_id"], reply.body["msg_result"]) == (spelt, False)


@pytest.mark.parametrize("dialect", ["v5", "v3"])
def test_shutdown_answers_and_ends(start: Start, dialect: str) -> None:
    """[D of 4.18] The reply comes first, then nobody answers any more. 3.x has no such request."""
    with Peer(start(dialect)) as peer:
        if peer.target.v3:
            assert peer.ask("Shutdown")["msg_result"] is False
            peer.barrier()
            return
        peer.do("Shutdown")
        dealer = peer.dealer()
        dealer.rcvtimeo = 300
        dealer.send_multipart([b"", b"{}"])
        with pytest.raises(zmq.Again):
            dealer.recv()


def test_format_has_gone_by_three_names(start: Start) -> None:
    """[D] FormatAllMsg in 3.x, FormatAll until 4.25, Format since; the reply says it as it was asked."""
    with Peer(start("v5")) as peer:
        wire = {**peer.frame("Format"), "msg_id": "FormatAll"}
        reply = peer.say(wire)
        assert (reply.wire["msg_id"], reply.wire["msg_result"]) == ("FormatAll", True)


class TestWordsInOtherCase:
    """[D for the shutter button, U for the rest] A word in other case is refused, or means what it says: nothing else.

    Only the simulator is held to this.
    """

    def test_storage(self, peer: Peer, simulated: None) -> None:
        """A lower-case place is no third place, and is told as the specification spells it."""
        if not peer.ask("SetOptions", DefaultStorage="card")["msg_result"]:
            return
        assert peer.state().options["DefaultStorage"] == "Card"
        assert {one["PhotoLocation"] for one in peer.shoot()} == {"Camera"}

    def test_zoom(self, peer: Peer, simulated: None) -> None:
        """Towards the far end is not towards the near one."""
        if not peer.target.knows("PowerZoomDirection"):
            pytest.skip("power zoom came with 4.25")
        peer.all("PowerZoomPosition", CameraPowerZoomPosition=50)
        keys = peer.ready(peer.first)
        peer.until_state(lambda now: all(now.cameras[key]["CameraPowerZoomPosition"] == 50 for key in keys), "the zoom")
        if not peer.ask("PowerZoomDirection", CameraSelection="All", CameraPowerZoomDirection="tele3")["msg_result"]:
            return
        after = peer.until_state(
            lambda now: all(
                now.cameras[key]["CameraPowerZoomPosition"] != 50 and now.cameras[key]["CameraPowerZoomTarget"] == -1
                for key in keys
            ),
            "the zoom to have moved",
        )
        assert all(after.cameras[key]["CameraPowerZoomPosition"] > 50 for key in keys)


class TestAbroad:
    """An application that the tests did not start is safe from them."""

    @pytest.mark.parametrize("msg_id", sorted(CASES))
    def test_only_what_was_allowed_is_ever_sent(self, msg_id: str) -> None:
        """Reading is always allowed; firing and setting by an option; the rest by nothing."""
        read_only = Target("abroad", "", "", simulated=False)
        may_shoot = Target("abroad", "", "", simulated=False, may_shoot=True)
        assert (read_only.why_not(msg_id) == "") == (msg_id in READS)
        assert (may_shoot.why_not(msg_id) == "") == (msg_id not in NEVER_ABROAD)

    def test_the_client_skips_instead_of_sending(self, start: Start) -> None:
        """The question is asked where requests are sent, so no test can forget it."""
        ours = start("v5")
        with Peer(Target("abroad", ours.publisher, ours.reqrep, simulated=False)) as peer:
            since = peer.barrier()
            for request in ("Shoot", "SetOptions", "Delete", "Shutdown"):
                with pytest.raises(pytest.skip.Exception):
                    peer.ask(request, CameraSelection="All")
            peer.barrier()
            assert {one.body["msg_id"] for one in peer.events[since:]} <= {"RelayCustomText", "NetworkPing"}
