"""Frames and sockets: section 1 and 2 of the reference."""

from __future__ import annotations

import json
import socket
import uuid
from typing import Any

import pytest
import zmq

from tests.conformance.peer import BOM, Body, Frame, Peer, Target, parse


def number_of(peer: Peer, wire: Body) -> Any:
    """Return a message's number by the name it has on this wire."""
    return wire.get("msg_ref_num" if peer.target.v3 else "msg_seq_num")


def through(dealer: zmq.Socket[bytes], target: Target) -> Frame:
    """Take one reply from a socket that may have several under way."""
    empty, raw = dealer.recv_multipart()
    assert empty == b""
    return parse(raw, target)


def test_each_request_gets_exactly_one_reply_that_repeats_its_id_and_number(peer: Peer) -> None:
    """[D by pattern] One reply each, in order. A second one would come before the reply to a later request."""
    numbers = [5, 0, 1, 2**31 - 1, 7, 7, *([] if peer.target.v3 else [2**32 - 1]), 11]
    dealer = peer.dealer()
    for n in numbers:
        dealer.send_multipart([b"", json.dumps(peer.frame("Synchronise", number=n)).encode()])
    replies = [through(dealer, peer.target).wire for _ in numbers]
    assert [number_of(peer, one) for one in replies] == numbers
    assert {one["msg_id"] for one in replies} == {"SynchroniseMsg" if peer.target.v3 else "Synchronise"}


def test_numbers_of_3x_have_a_sign(peer: Peer, simulated: None) -> None:
    """[D] msg_ref_num is int32: -1 is a number like any other, and 2**31 is none. Later ones are uint32."""
    if not peer.target.v3:
        pytest.skip("later numbers have no sign")
    for number, result in ((-1, True), (-(2**31), True), (2**31 - 1, True), (2**31, False)):
        reply = peer.say(peer.frame("RelayCustomText", number=number, CustomText="signed"))
        assert reply.body["msg_result"] is result, number
        assert not result or number_of(peer, reply.wire) == number


def test_a_reply_says_response_and_how_it_went(peer: Peer) -> None:
    """[D] msg_type Response, a boolean result; 3.x: Result, and none of the names that came later."""
    for request in ("Synchronise", "RelayCustomText", *([] if peer.target.v3 else ["GetCamera"])):
        known: dict[str, dict[str, Any]] = {
            "RelayCustomText": {"CustomText": "x"},
            "GetCamera": {"CameraSelection": "All"},
        }
        fields = known.get(request, {})
        wire = peer.say(peer.frame(request, **fields)).wire
        assert wire["msg_type"] == "Response"
        assert wire["Result" if peer.target.v3 else "msg_result"] is True
        later = {"msg_seq_num", "msg_result", "msg_user_id"} if peer.target.v3 else {"msg_ref_num", "Result"}
        assert not later & {*wire}, wire


def test_frames_are_utf_8_behind_a_mark_in_3x_and_without_one_later(peer: Peer) -> None:
    """[D] `parse` holds every frame to it. [O] What starts with a mark is deaf to a client that asks for "{" only."""
    picky = peer.subscriber(b"{")
    marked = peer.subscriber(BOM)
    text = "Füße, 脚, 👣"
    for _ in range(20):  # until both have joined, if they ever will
        peer.do("RelayCustomText", CustomText=text)
        if (marked if peer.target.v3 else picky).poll(50):
            break
    peer.barrier()
    assert peer.heard("RelayCustomText", CustomText=text)
    if peer.target.v3:
        assert marked.recv().startswith(BOM + b"{")
        assert not picky.poll(50)
    else:
        assert not marked.poll(50)


def test_a_request_without_a_number_is_answered(peer: Peer) -> None:
    """[I] A public 3.x client sets the sequence number without one and blocks on the reply."""
    request = peer.frame("RelayCustomText", CustomText="no number")
    del request["msg_ref_num" if peer.target.v3 else "msg_seq_num"]
    reply = peer.say(request)
    assert reply.body["msg_result"] is True
    assert reply.wire["msg_id"] == request["msg_id"]
    peer.until(lambda: peer.heard("RelayCustomText", CustomText="no number"), "the text")


def test_unknown_fields_of_a_request_are_ignored(peer: Peer) -> None:
    """[I] A public client sends Download with fields that the specification does not give it."""
    extra: dict[str, Any] = {"CustomText": "extra", "NoSuchField": {"a": [1, None]}, "CameraLatchIndexx": -1, "": ""}
    assert peer.ask("RelayCustomText", **extra)["msg_result"] is True
    peer.until(lambda: peer.heard("RelayCustomText", CustomText="extra"), "the text")
    assert peer.ask("Synchronise", NoSuchField=True, Another=[{}])["msg_result"] is True


@pytest.mark.parametrize("msg_type", ["Event", "Request"])
def test_a_text_is_relayed_whether_it_is_sent_as_an_event_or_as_a_request(peer: Peer, msg_type: str) -> None:
    """[D] The vendor's 3.x script says Event, the later one Request."""
    text = f"as {msg_type} {uuid.uuid4()}"
    since = peer.barrier()
    assert peer.ask("RelayCustomText", msg_type, CustomText=text)["msg_result"] is True
    peer.barrier()
    (event,) = peer.heard("RelayCustomText", since, CustomText=text)
    assert event["msg_type"] == "Event"


def test_clients_take_turns_and_each_gets_its_own_replies(peer: Peer) -> None:
    """[D by pattern] Replies go to who asked, also with several requests under way."""
    clients = [peer.dealer() for _ in range(3)]
    for n in range(10):
        for who, dealer in enumerate(clients):
            request = peer.frame("RelayCustomText", number=100 * who + n, CustomText="turn")
            dealer.send_multipart([b"", json.dumps(request).encode()])
    for who, dealer in enumerate(clients):
        told = [number_of(peer, through(dealer, peer.target).wire) for _ in range(10)]
        assert told == [100 * who + n for n in range(10)]


def test_a_reply_is_compact_or_spread_but_one_object(peer: Peer) -> None:
    """[I] 3.x indents; the layout of later ones is unknown: what counts is that one frame is one object."""
    reply = peer.say(peer.frame("Synchronise"))
    assert json.loads(reply.raw.decode("utf-8-sig")) == reply.wire


def test_a_client_that_leaves_before_its_reply_disturbs_nobody(peer: Peer, simulated: None) -> None:
    """[D by pattern] The reply to a socket that is gone is dropped; the next client is served."""
    for _ in range(5):
        hasty = peer.dealer()
        hasty.send_multipart([b"", json.dumps(peer.frame("Synchronise")).encode()])
        hasty.close(linger=1000)
    peer.do("RelayCustomText", CustomText="still there")


def test_strangers_on_the_ports_disturb_nobody(peer: Peer, simulated: None) -> None:
    """[I] What connects and does not speak ZeroMQ is let go."""
    for endpoint in (peer.target.publisher, peer.target.reqrep):
        host, port = endpoint.removeprefix("tcp://").split(":")
        for said in (b"", b"GET / HTTP/1.1\r\n\r\n", bytes(range(256)) * 20):
            with socket.create_connection((host, int(port)), timeout=5) as stranger:
                stranger.sendall(said)
    peer.barrier()
