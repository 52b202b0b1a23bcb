"""A server that says anything, in events and in replies: it is kept, counted, and kills nothing.

After each lie a shot still works, every table can be built and printed, and the re-opened session equals the live one. What the
simulator makes of bad *requests* is in ``tests/conformance/test_bad_input.py``.
"""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import rigkit
from rigkit.errors import RigError
from rigkit.record.folder import Manifest
from rigkit.record.journal import JournalWriter
from rigkit.record.log import Log
from rigkit.record.reading import read_journal
from rigkit.session import Session
from rigkit.wire import MESSAGES
from tests.fakes import FakeServer, Raw

Body = dict[str, Any]

TABLES = ("events", "requests", "cameras", "settings", "shots", "exposures", "photos", "loss")

CAMERA: Body = {
    "CameraKey": "k1",
    "CameraStatus": "Ready",
    "CameraName": "A01",
    "CameraGroup": "A",
    "CameraSerialNumber": "1",
    "CameraMake": "Nikon Corporation",
    "CameraModel": "D850",
    "CameraNumCards": 1,
    "CameraBatterylevel": 90,
    "CameraPowersource": "AC",
    "CameraTriggerIndex": 0,
    "CameraDownloadRate": 12.5,
    "CameraNumPhotosTaken": 4,
    "CameraNumPhotosFailed": 0,
    "CameraNumDownloadsComplete": 4,
    "CameraNumDownloadsFailed": 0,
    "CameraPhotosPerCapture": 1,
    "PhotoBatchNum": 5,
    "NodeKey": "",
    "CameraPropertyInfo": [
        {
            "CameraPropertyType": "ISO",
            "CameraPropertyValue": "100",
            "CameraPropertyIsWriteable": True,
            "CameraPropertyRange": ["100", "200"],
        }
    ],
}
PHOTO: Body = {
    "PhotoKey": "67d6d4fc-1242-11ef-94fc-9282ede469ff",
    "CameraKey": "k1",
    "PhotoLocation": "Local Disk",
    "PhotoName": "A01_5.JPG",
    "PhotoFilename": "D:/scans/A01_5.JPG",
    "PhotoOriginalName": "DSC_0005.JPG",
    "PhotoComputedName": "A01_5.JPG",
    "PhotoDateCaptured": "20261122 12:00:00.123",
    "PhotoOrigin": "",
    "PhotoFormat": "JPEG",
    "PhotoOrientation": "None",
    "PhotoWidth": 4128,
    "PhotoHeight": 2752,
    "PhotoAperture": "8",
    "PhotoShutterSpeed": "1/125",
    "PhotoISO": "100",
    "PhotoFocalLength": "50.0",
    "PhotoFilesize": 1000,
    "PhotoIsImage": True,
    "PhotoIsHidden": False,
    "PhotoIsScanned": False,
    "PhotoHash": "5E22B1D0",
    "PhotoBarcode": "",
    "PhotoSequenceNum": 31,
    "PhotoBatchNum": 5,
    "PhotoSessionNum": 1,
    "PhotoSessionName": "",
    "PhotoUUID": "u",
    "NodeKey": "",
}
OPTIONS: Body = {"FilenameExpression": "SSP_[S]", "UniqueTag": "", "DefaultStorage": "Disk", "DownloadPath": "D:/scans"}
NODE: Body = {"NodeName": "host", "NodeVersion": "v5.9", "NodeDateTime": 1}
STATE: Body = {"OptionsInfo": OPTIONS, "NodeInfo": [NODE], "CameraInfo": [CAMERA], "PhotoInfo": [PHOTO]}

#: What is said of a camera, a photo, options, a node, live view, a state: by msg_id, with all the fields it can have.
EVENTS: dict[str, Body] = {
    "CameraUpdated": {"CameraSelection": "Single", "CameraKeys": ["k1"], **CAMERA},
    "PhotoUpdated": {"PhotoSelection": "Single", "PhotoKeys": ["p"], **PHOTO},
    "OptionsUpdated": OPTIONS,
    "NodeUpdated": NODE,
    "LiveviewUpdated": {"CameraSelection": "Single", "CameraKey": "k1", "CameraLiveviewImage": "AAAA"},
    "RelayCustomText": {"CustomText": "x"},
    "Synchronise": STATE,
}


class Application:
    """What the server is when it does not lie: one camera, which delivers at once."""

    def __init__(self, server: FakeServer) -> None:
        self.server = server
        self.numbers = itertools.count(1)
        self.lie: Callable[[Body], Raw | None] | None = None

    def event(self, msg_id: str, **fields: Any) -> Body:
        return {"msg_type": "Event", "msg_id": msg_id, "msg_seq_num": next(self.numbers), "msg_result": True, **fields}

    def say(self, msg_id: str, **fields: Any) -> None:
        self.server.publish(json.dumps(self.event(msg_id, **fields)).encode())

    def answer(self, request: Body) -> Raw | None:
        if self.lie is not None and request["msg_id"] == "Identify":
            return self.lie(request)
        reply = {**request, "msg_type": "Response", "msg_result": True}
        if request["msg_id"] == "GetCamera":
            reply["CameraInfo"] = [CAMERA]
        elif request["msg_id"] == "Synchronise":
            reply |= {**STATE, "PhotoInfo": []}
        elif request["msg_id"] == "Shoot":
            tag = request["PhotoOrigin"]
            self.say("PhotoUpdated", **{**PHOTO, "PhotoKey": f"photo of {tag}", "PhotoOrigin": tag})
        return json.dumps(reply).encode()


class Stand:
    """A server that lies when it is told to, and a Rig that listens to it."""

    def __init__(self, server: FakeServer, folder: Path) -> None:
        self.server = server
        self.app = Application(server)
        server.answer = self.app.answer
        self.rig = rigkit.connect(server.requests, publisher=server.publisher, session=folder, timeout=2.0)
        self.session = self.rig.session

    def publish(self, *frames: Raw) -> list[bool]:
        """Publish frames; return which of the entries that were made of them are bad."""
        before = len(self.session.log)
        mark = f"after {before}"
        self.server.publish(*frames)
        self.app.say("RelayCustomText", CustomText=mark)
        heard = self.rig.messages(10.0)
        while not self.rig._sitting._heard("RelayCustomText", before, CustomText=mark):
            next(heard)
        events = self.session.events.loc[before:]
        heard_of = events[events["channel"] == "pub"]
        return list(heard_of["bad"])[:-1]

    def ask(self, lie: Callable[[Body], Raw | None], msg_id: str = "Identify") -> bool | None:
        """Have one request answered by a lie; return whether it was taken for a yes, None: an error that says what it was."""
        self.app.lie = lie
        try:
            fields = {} if msg_id == "Synchronise" else {"CameraSelection": "All"}
            return bool(self.rig.request(msg_id, **fields).msg_result)
        except RigError:
            return None
        finally:
            self.app.lie = None

    def still_works(self) -> None:
        """Say the truth again; then a shot works, everything can be looked at, and the session re-opens as it was."""
        self.app.say("CameraUpdated", **CAMERA)
        shot = self.rig["k1"].shoot(timeout=5.0)
        assert list(shot.exposures["status"]) == ["captured"]
        assert list(shot.exposures["pairing_method"]) == ["origin"]
        assert self.session.events["bad"].sum() == self.session.state.bad
        look_at(self.session)
        repr(self.rig), self.rig._repr_html_(), repr(shot), shot._repr_html_()
        self.rig.close()
        assert_equal_when_reopened(self.session)


def look_at(session: Session) -> None:
    """Build and print every table, and what a notebook shows of the session."""
    for name in TABLES:
        assert repr(getattr(session, name))
    assert repr(session)
    assert session._repr_html_()


def assert_equal_when_reopened(session: Session) -> None:
    again = rigkit.open(session.path)
    assert again.unreadable == []
    assert again.state.bad == session.state.bad
    for name in TABLES:
        assert_frame_equal(getattr(again, name), getattr(session, name))


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with FakeServer() as server:
        one = Stand(server, tmp_path / "s")
        yield one
        one.rig.close()


GOOD = b'{"msg_type":"Event","msg_id":"PhotoUpdated","msg_seq_num":7,"PhotoKey":"p","CameraKey":"k1"}'
REPLY = b'{"msg_type":"Response","msg_id":"Identify","msg_seq_num":7,"msg_result":true}'

#: Frames that are no message of the API; ``%`` stands for a good one, an event or a reply.
BAD: dict[str, bytes] = {
    "empty": b"",
    "a byte order mark alone": b"\xef\xbb\xbf",
    "white space": b" \r\n",
    "a zero byte": b"\0",
    "not JSON": b"Smile!",
    "half a message": b'{"msg_type":"Event","msg_id":"Photo',
    "a message and a half": b'%{"msg_type"',
    "two messages": b"%%",
    "two lines": b"%\n%",
    "a list": b"[%]",
    "a text": b'"PhotoUpdated"',
    "a number": b"7",
    "null": b"null",
    "an empty object": b"{}",
    "no msg_id": b'{"msg_type":"Event","msg_seq_num":7,"msg_result":true,"PhotoKey":"p"}',
    "an empty msg_id": b'{"msg_type":"Event","msg_id":"","msg_seq_num":7,"PhotoKey":"p"}',
    "null for msg_id": b'{"msg_type":"Event","msg_id":null,"msg_seq_num":7,"PhotoKey":"p"}',
    "a number for msg_id": b'{"msg_type":"Event","msg_id":7,"msg_seq_num":7,"PhotoKey":"p"}',
    "a list for msg_id": b'{"msg_type":"Event","msg_id":["PhotoUpdated"],"msg_seq_num":7,"PhotoKey":"p"}',
    "an object for msg_id": b'{"msg_type":"Event","msg_id":{"PhotoUpdated":1},"msg_seq_num":7,"PhotoKey":"p"}',
    "invalid UTF-8": b'{"msg_type":"Event","msg_id":"RelayCustomText","msg_seq_num":7,"CustomText":"\xff\xfe"}',
    "a surrogate in UTF-8": b'{"msg_type":"Event","msg_id":"RelayCustomText","msg_seq_num":7,"CustomText":"\xed\xa0\x80"}',
    "UTF-16": '{"msg_type":"Event"}'.encode("utf-16"),
    "half a surrogate pair": b'{"msg_type":"Event","msg_id":"RelayCustomText","msg_seq_num":7,"CustomText":"\\ud83d"}',
    "NaN": b'{"msg_type":"Event","msg_id":"CameraUpdated","msg_seq_num":7,"CameraKey":"k1","CameraDownloadRate":NaN}',
    "Infinity": b'{"msg_type":"Event","msg_id":"CameraUpdated","msg_seq_num":7,"CameraKey":"k1","CameraDownloadRate":Infinity}',
    "a number no double can hold": b'{"msg_type":"Event","msg_id":"CameraUpdated","CameraKey":"k1","CameraDownloadRate":1e400}',
    "10000 lists": b'{"msg_type":"Event","msg_id":"X","x":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "10000 objects": b'{"msg_type":"Event","msg_id":"X","x":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}",
    "every byte": bytes(range(256)),
}

#: Frames that are messages, however odd.
ODD: dict[str, bytes] = {
    "an unknown msg_id": b'{"msg_type":"Event","msg_id":"Explode","msg_seq_num":7,"PhotoKey":"p","CameraKey":"k1"}',
    "missing fields": b'{"msg_type":"Event","msg_id":"PhotoUpdated"}',
    "nothing but a msg_id": b'{"msg_id":"CameraUpdated"}',
    "unknown fields": b'{"msg_type":"Event","msg_id":"CameraUpdated","CameraKey":"k1","rk_ch":"req","__class__":1,"":2,"a b":{}}',
    "fields of our own journal": b'{"rk_mono_ns":1,"rk_wall_ns":2,"rk_ch":"req","rk_no":0,"msg_id":"X","msg_seq_num":7}',
    "our own note": b'{"note":"decided","shot_id":1,"causes":{"k1":["misfire",""]},"msg_id":"X"}',
    "our own base64": b'{"rk_base64":"AAAA","msg_id":"X"}',
    "a key twice": b'{"msg_id":"PhotoUpdated","msg_id":"CameraUpdated","CameraKey":"k1","CameraName":"B","CameraName":"A01"}',
    "sent as a request": b'{"msg_type":"Request","msg_id":"Shoot","msg_seq_num":7,"CameraSelection":"All"}',
    "sent as a response": b'{"msg_type":"Response","msg_id":"GetCamera","msg_seq_num":7,"msg_result":false}',
    "a byte order mark": b'\xef\xbb\xbf{"msg_type":"Event","msg_id":"PhotoUpdated","msg_seq_num":7,"PhotoKey":"p"}',
    "3.x": b'{"msg_type":"Event","msg_id":"PhotoUpdatedMsg","msg_ref_num":7,"PhotoKey":"p","CameraKey":"k1","GridBatchNum":5}',
    "many lines": b'{\r\n  "msg_type": "Event",\n  "msg_id": "PhotoUpdated",\n  "PhotoKey": "p"\n}',
    "line ends that are none": '{"msg_id":"RelayCustomText","CustomText":"a\u2028b\u0085c"}'.encode(),
    "huge numbers": b'{"msg_id":"PhotoUpdated","PhotoKey":"p","msg_seq_num":99999999999999999999,"PhotoBatchNum":-99999999999999999999,'
    b'"PhotoFilesize":1e308}',
    "a counter below zero": b'{"msg_type":"Event","msg_id":"PhotoUpdated","msg_seq_num":-5,"PhotoKey":"p"}',
    "a counter far ahead": b'{"msg_type":"Event","msg_id":"PhotoUpdated","msg_seq_num":9223372036854775807,"PhotoKey":"p"}',
    "a tag of a shot that never was": b'{"msg_id":"PhotoUpdated","PhotoKey":"p","CameraKey":"k1","PhotoOrigin":"rk:00000000:99:1"}',
    "a path outside": b'{"msg_id":"PhotoUpdated","PhotoKey":"p","PhotoFilename":"../../../etc/passwd","PhotoLocation":"Local Disk"}',
    "markup": b'{"msg_id":"CameraUpdated","CameraKey":"k1","CameraGroup":"<script>alert(1)</script>"}',
    "100 levels": b'{"msg_id":"X","x":' + b"[" * 100 + b"]" * 100 + b"}",
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_message_is_kept_and_counted_as_bad(stand, name):
    event, reply = (BAD[name].replace(b"%", good) for good in (GOOD, REPLY))
    before = stand.session.state.bad
    assert stand.publish(event) == [True]
    assert stand.session.state.bad == before + 1
    assert stand.ask(lambda request: reply) is None
    stand.session.refresh()
    assert stand.session.state.bad == before + 2
    kept = [entry.raw for entry in stand.session.log.since(0)]
    assert {event.removeprefix(b"\xef\xbb\xbf"), reply.removeprefix(b"\xef\xbb\xbf")} <= {*kept}
    stand.still_works()


#: Objects: as a reply they can be answered by, whatever they say, and it is the record that calls them bad.
WITHOUT_ID = {"an empty object", *(name for name in BAD if "msg_id" in name)}


@pytest.mark.parametrize("name", ODD)
def test_what_is_a_message_is_carried_however_odd(stand, name):
    before = stand.session.state.bad
    assert stand.publish(ODD[name]) == [False]
    stand.ask(lambda request: ODD[name])
    stand.session.refresh()
    assert stand.session.state.bad == before
    stand.still_works()


def test_a_message_of_several_parts_is_a_message_each(stand):
    before = stand.session.state.bad
    assert stand.publish([b"topic", GOOD], [GOOD, GOOD], [b"", b""]) == [True, False, False, False, True, True]
    for parts in ([REPLY, REPLY], [b"", REPLY], [b""] * 100, [REPLY[:20], REPLY[20:]]):
        stand.ask(lambda request, parts=parts: parts)
    stand.session.refresh()
    assert stand.session.state.bad >= before + 3
    stand.still_works()


def test_50_megabytes(stand):
    text = b'{"msg_type":"Event","msg_id":"RelayCustomText","CustomText":"' + b"x" * 50_000_000 + b'"}'
    assert stand.publish(text, bytes(50_000_000)) == [False, True]
    stand.ask(lambda request: text)
    stand.still_works()


def other_number(request: Body) -> bytes:
    return json.dumps({**request, "msg_type": "Response", "msg_seq_num": 1_000_000, "msg_result": True}).encode()


def other_id(request: Body) -> bytes:
    return json.dumps({**request, "msg_type": "Response", "msg_id": "Shoot", "msg_result": True}).encode()


def no_verdict(request: Body) -> bytes:
    return json.dumps({**request, "msg_type": "Response"}).encode()


def the_request_itself(request: Body) -> bytes:
    return json.dumps(request).encode()


@pytest.mark.parametrize("lie", [other_number, other_id, no_verdict, the_request_itself])
def test_a_reply_to_something_else_breaks_nothing(stand, lie):
    for _ in range(3):
        stand.ask(lie)
        assert stand.rig.request("Identify", CameraSelection="All").msg_result is True
    assert list(stand.session.requests["delivery"]) == ["answered"] * len(stand.session.requests)
    stand.still_works()


@pytest.mark.parametrize("lie", [no_verdict, the_request_itself])
def test_a_reply_without_a_verdict_is_no_yes(stand, lie):
    assert stand.ask(lie) is False
    stand.still_works()


@pytest.mark.parametrize("verdict", [None, 0, 1, "true", [], {}, "false"])
def test_a_verdict_that_is_neither_true_nor_false_is_no_yes(stand, verdict):
    assert not stand.ask(lambda request: json.dumps({**request, "msg_result": verdict}).encode())
    stand.still_works()


# -- any value in the place of any field ------------------------------------------------------------------------------

VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        7,
        2**31,
        2**63,
        -(2**63) - 1,
        2**64,
        10**300,
        0.5,
        -1e308,
        "",
        "x",
        "²",
        "-",
        "--5",
        "12",
    ),
    *(
        "9" * 5000,
        "\0",
        "\ud7ff",
        "😀",
        "a/../b",
        "20261122 99:99:99",
        [],
        [[]],
        [None],
        [1, "x", {}],
        {},
        {"a": {"b": []}},
    ),
    *([{}], [{"CameraKey": 1}], [{"PhotoKey": [], "CameraKey": {}}], {"CameraKey": "k1", "PhotoKey": "p"}),
)


def replaced(body: Body, values: tuple[Any, ...] = VALUES) -> Iterator[Body]:
    """Each field of a message, and of the objects in it, replaced by each value, and left out."""
    for name, old in body.items():
        yield {other: value for other, value in body.items() if other != name}
        yield from ({**body, name: value} for value in values)
        if isinstance(old, list) and old and isinstance(old[0], dict):
            yield from ({**body, name: [inner]} for inner in replaced(old[0], values[::3]))
            yield from ({**body, name: [*old, value]} for value in values[::3])
        elif isinstance(old, dict):
            yield from ({**body, name: inner} for inner in replaced(old, values[::3]))


@pytest.mark.parametrize("msg_id", EVENTS)
def test_any_field_of_an_event_may_be_anything(stand, msg_id):
    bodies = [stand.app.event(msg_id, **fields) for fields in replaced(EVENTS[msg_id])]
    bodies += replaced(stand.app.event(msg_id, **EVENTS[msg_id]))  # the envelope too
    frames = [json.dumps(body).encode() for body in bodies]
    no_id = [not (isinstance(body.get("msg_id"), str) and body["msg_id"]) for body in bodies]
    assert stand.publish(*frames) == no_id
    stand.still_works()


@pytest.mark.parametrize("msg_id", ["GetCamera", "Synchronise"])
def test_any_field_of_a_state_in_a_reply_may_be_anything(stand, msg_id):
    before = stand.session.state.bad
    values = VALUES[::4]
    for told in ({"CameraInfo": [CAMERA]}, {"PhotoInfo": [PHOTO]}, {"OptionsInfo": OPTIONS, "NodeInfo": [NODE]}):
        for fields in replaced(told, values):
            lie = json.dumps({"msg_type": "Response", "msg_id": msg_id, "msg_result": True, **fields}).encode()
            assert stand.ask(lambda request, lie=lie: lie, msg_id) is True
    stand.session.refresh()
    assert stand.session.state.bad == before
    stand.still_works()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
_NAMES = sorted({*CAMERA, *PHOTO, *STATE, *(name for event in EVENTS.values() for name in event)})


@st.composite
def _lies(draw: st.DrawFn) -> tuple[str, bytes]:
    """A valid message with some fields that are anything, on any channel."""
    msg_id = draw(st.sampled_from(sorted(EVENTS)))
    number = draw(st.integers(0, 9) | st.just(2**32) | _JSON)
    body = {"msg_type": "Event", "msg_id": msg_id, "msg_seq_num": number, **EVENTS[msg_id]}
    body |= draw(st.dictionaries(st.sampled_from([*_NAMES, *body]), _JSON, max_size=3))
    for inner in ("CameraInfo", "PhotoInfo", "CameraPropertyInfo"):
        if isinstance(body.get(inner), list) and draw(st.booleans()):
            body[inner] = [
                {**one, draw(st.sampled_from(_NAMES)): draw(_JSON)} for one in body[inner] if isinstance(one, dict)
            ]
    return draw(st.sampled_from(["pub", "pub", "rep"])), json.dumps(body).encode()


@given(st.lists(_lies(), min_size=1, max_size=6))
@settings(max_examples=60)
def test_whatever_is_told_the_record_is_read_back_as_it_was(lies):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        journal = JournalWriter(folder / "journal", "rig")
        live = Session(folder, Manifest(session_id="0123abcd"), Log(journal))
        live.log.note("shot", shot_id=1, attempt=1, expected=["k1", "k2"], trigger="shoot", tag="rk:0123abcd:1:1")
        for number, (channel, raw) in enumerate(lies):
            live.log.append([(channel, number, number, raw)])
            if number == 2:
                _ = [getattr(live, table) for table in TABLES]  # tables that grow equal those made at once
        live.log.close()
        again = Session(folder, live.manifest, Log(None, read_journal(folder).entries))
        for table in TABLES:
            assert_frame_equal(getattr(again, table), getattr(live, table))
        assert again.state.bad == live.state.bad == live.events["bad"].sum()


# -- lies while connecting --------------------------------------------------------------------------------------------

FIRST_LIES: dict[str, Any] = {
    "no state": {},
    "a camera that is none": {"CameraInfo": [7, None, [], "k1"]},
    "cameras that are none": {"CameraInfo": "k1"},
    "a key that is none": {"CameraInfo": [{"CameraKey": 7}, {"CameraKey": ""}, {"CameraKey": None}]},
    "one object for all": {"CameraInfo": CAMERA, "PhotoInfo": PHOTO, "OptionsInfo": [OPTIONS], "NodeInfo": NODE},
    "texts for all": {"CameraInfo": "", "PhotoInfo": "", "OptionsInfo": "", "NodeInfo": ""},
    "the same camera twice": {"CameraInfo": [CAMERA, {**CAMERA, "CameraName": 5}]},
    "a name that is none": {"CameraInfo": [{**CAMERA, "CameraName": {"a": 1}, "CameraStatus": []}]},
    "a version that is none": {
        "CameraInfo": [CAMERA],
        "NodeInfo": [{"NodeVersion": 5, "NodeName": ["rigkit simulator"]}],
    },
}


@pytest.mark.parametrize("name", FIRST_LIES)
def test_a_first_state_may_be_anything(tmp_path, name):
    def answer(request: Body) -> bytes:
        reply = {**request, "msg_type": "Response", "msg_result": True}
        return json.dumps(
            reply | (FIRST_LIES[name] if request["msg_id"] in {"GetCamera", "Synchronise"} else {})
        ).encode()

    with FakeServer(answer) as server:
        stand = Stand.__new__(Stand)
        stand.server, stand.app = server, Application(server)
        stand.rig = rigkit.connect(server.requests, publisher=server.publisher, session=tmp_path / "s", timeout=2.0)
        stand.session = stand.rig.session
        look_at(stand.session)
        assert not stand.rig.simulated
        server.answer = stand.app.answer
        stand.rig.request("Synchronise")
        stand.still_works()


@pytest.mark.parametrize("name", BAD)
def test_a_first_reply_that_is_no_message_leaves_nothing_behind(tmp_path, name):
    reply = BAD[name].replace(b"%", REPLY)
    if name in WITHOUT_ID:
        pytest.skip("an object: whoever says that may be an application all the same")
    with FakeServer(lambda request: reply) as server, pytest.raises(RigError):
        rigkit.connect(server.requests, publisher=server.publisher, session=tmp_path / "s", timeout=1.0)
    assert list(tmp_path.iterdir()) == []


def test_every_public_event_is_lied_about():
    events = {spec.msg_id for spec in MESSAGES.values() if "event" in spec.kind and spec.public_since}
    assert events - {*EVENTS} == {"PropertyUpdated"}, "of 3.x alone; tests/test_v3.py"
