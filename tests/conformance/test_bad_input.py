"""What no client should send: exactly one reply, its result false, nothing published, nothing changed, the server alive.

How a real application answers any of this is not known [U], so all of it is for the simulator alone, which documents this
answer (section 2 of the reference).
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from rigkit.wire import FIELDS, messages_of
from tests.conformance.conftest import Start, check
from tests.conformance.peer import Body, Frame, Peer, Target, differences, lines, parse
from tests.conformance.requests import CASES, Scene, fields_of

pytestmark = pytest.mark.usefixtures("simulated")

#: Events that come by themselves.
NOISE = {"NetworkPing", "NodeUpdated"}


class Prober:
    """Sends anything and sees what comes of it.

    Parameters
    ----------
    peer : Peer
        Hears what is published.
    """

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.dealer = peer.dealer()
        self.since = peer.barrier()

    def send(self, *frames: bytes) -> Frame:
        """Send frames, then a text: exactly one reply comes before that to the text, and no event before that of the text."""
        mark = f"after {len(self.peer.replies)} {len(self.peer.events)}"
        sentinel = self.peer.frame("RelayCustomText", CustomText=mark)
        self.dealer.send_multipart([b"", *frames])
        self.dealer.send_multipart([b"", json.dumps(sentinel).encode()])
        reply, after = self._reply(), self._reply()
        assert after.wire["msg_id"] == sentinel["msg_id"], f"more than one reply, the second: {after.raw[:200]!r}"
        assert after.body["msg_result"] is True
        self.peer.until(lambda: self.peer.heard("RelayCustomText", self.since, CustomText=mark), "the text")
        told = [one.body for one in self.peer.events[self.since :] if one.body["msg_id"] not in NOISE]
        assert [one.get("CustomText") for one in told] == [mark], f"published: {told[0]}"
        self.since = len(self.peer.events)
        self.peer.replies.append(reply)
        return reply

    def refused(self, *frames: bytes) -> Frame:
        """Send frames that must be answered by one envelope with the result false and nothing else."""
        reply = self.send(*frames)
        shown = repr(frames[0][:200])
        v3 = self.peer.target.v3
        envelope = {"msg_type", "msg_id", "msg_seq_num", "msg_result"}
        assert reply.wire["msg_type"] == "Response", shown
        assert reply.body["msg_result"] is False, shown
        assert envelope <= {*reply.body} <= (envelope if v3 else envelope | {"msg_user_id", "msg_error"}), shown
        assert isinstance(reply.wire["msg_id"], str), shown
        return reply

    def _reply(self) -> Frame:
        empty, raw = self.dealer.recv_multipart()
        assert empty == b""
        return parse(raw, self.peer.target)


@pytest.fixture(scope="module")
def victim(target: Target) -> Iterator[Scene]:
    """Give one rig that suffers all of it, with photos on its cards, so that a request has only what is wrong with it."""
    with Peer(target) as peer:
        peer.store_on("Card")
        scene = Scene(peer)
        scene.photos = peer.shoot()
        scene.after = peer.settled()
        yield scene
        peer.restore()
        check(peer)


@pytest.fixture
def scene(victim: Scene) -> Iterator[Scene]:
    """Give that rig; afterwards its state is what it was."""
    victim.before = victim.after
    yield victim
    victim.after = victim.peer.state()
    assert differences(victim.before, victim.after) == {}


@pytest.fixture
def prober(scene: Scene) -> Prober:
    """Give a prober of that rig."""
    return Prober(scene.peer)


GOOD = '{"msg_type": "Request", "msg_id": "Shoot", "msg_seq_num": 3, "CameraSelection": "All"}'
TEXT = '{"msg_type": "Request", "msg_id": "RelayCustomText", "msg_seq_num": 3, "CustomText": '

#: Frames in today's spelling, as text where they are text. 3.x gets them respelt.
FRAMES: dict[str, str | bytes] = {
    # not JSON
    "nothing": b"",
    "a zero byte": b"\0",
    "words": "Shoot, please",
    "white space": " \n\t ",
    "a mark alone": b"\xef\xbb\xbf",
    "half a request": GOOD[:40],
    "a request and a half": GOOD + GOOD[:20],
    "two requests": GOOD + "\n" + GOOD,
    "a comma too many": GOOD[:-1] + ",}",
    "single quotes": GOOD.replace('"', "'"),
    "a comment": GOOD[:-1] + "/* all of them */}",
    "NaN": GOOD[:-1] + ', "BulbTimer": NaN}',
    "Infinity": GOOD[:-1] + ', "BulbTimer": -Infinity}',
    "a zero byte at the end": GOOD.encode() + b"\0",
    "a control character in a text": TEXT + '"a\nb"}',
    # not an object
    "null": "null",
    "a number": "7",
    "a text": '"Shoot"',
    "true": "true",
    "a list": f"[{GOOD}]",
    "an empty object": "{}",
    # not UTF-8
    "UTF-16": GOOD.encode("utf-16"),
    "UTF-16 without a mark": GOOD.encode("utf-16-le"),
    "Latin-1": (TEXT + '"Füße"}').encode("latin-1"),
    "a lone continuation": TEXT.encode() + b'"\x80"}',
    "an overlong slash": TEXT.encode() + b'"\xc0\xaf"}',
    "a surrogate in UTF-8": TEXT.encode() + b'"\xed\xa0\x80"}',
    "beyond Unicode": TEXT.encode() + b'"\xf5\x80\x80\x80"}',
    "half a surrogate pair": TEXT + '"\\ud83d"}',
    "every byte": bytes(range(256)),
    # no message
    "no msg_id": GOOD.replace('"msg_id": "Shoot", ', ""),
    "no msg_type": GOOD.replace('"msg_type": "Request", ', ""),
    "an empty msg_id": GOOD.replace('"Shoot"', '""'),
    "null for msg_id": GOOD.replace('"Shoot"', "null"),
    "a number for msg_id": GOOD.replace('"Shoot"', "7"),
    "a list for msg_id": GOOD.replace('"Shoot"', '["Shoot"]'),
    "an object for msg_id": GOOD.replace('"Shoot"', '{"Shoot": "Shoot"}'),
    "an unknown msg_id": GOOD.replace('"Shoot"', '"Explode"'),
    "lower case": GOOD.replace('"Shoot"', '"shoot"'),
    "a blank before": GOOD.replace('"Shoot"', '" Shoot"'),
    "a zero byte in msg_id": GOOD.replace('"Shoot"', '"Shoot\\u0000"'),
    "a look-alike": GOOD.replace('"Shoot"', '"Sh\\u043eot"'),
    "the name of an attribute": GOOD.replace('"Shoot"', '"__class__"'),
    "an event": GOOD.replace('"Shoot"', '"PhotoUpdated"'),
    "what only nodes say": GOOD.replace('"Shoot"', '"NetworkPing"'),
    "what no specification lists": GOOD.replace('"Shoot"', '"SetConfig"'),
    "sent as a response": GOOD.replace('"Request"', '"Response"'),
    "sent as an event": GOOD.replace('"Request"', '"Event"'),
    "a number for msg_type": GOOD.replace('"Request"', "1"),
    "a text for a number": GOOD.replace(": 3,", ': "3",'),
    "a fraction for a number": GOOD.replace(": 3,", ": 3.5,"),
    "a list for msg_user_id": GOOD[:-1] + ', "msg_user_id": [1]}',
    "a text for msg_user_id": GOOD[:-1] + ', "msg_user_id": "1"}',
    "a msg_user_id below its type": GOOD[:-1] + ', "msg_user_id": -1}',
    "a msg_user_id above its type": GOOD[:-1] + f', "msg_user_id": {2**32}}}',
    "a number below its type": GOOD.replace(": 3,", f": {-(2**31) - 1},"),
    "a number above its type": GOOD.replace(": 3,", f": {2**32},"),
    # huge
    "400 digits": GOOD.replace(": 3,", f": {'9' * 400},"),
    "an exponent": GOOD.replace(": 3,", ": 1e400,"),
    "a bulb of 400 digits": GOOD[:-1] + f', "BulbTimer": {"9" * 400}}}',
    "100000 brackets": GOOD[:-1] + ', "x": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "100000 braces": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "a long msg_id": GOOD.replace('"Shoot"', f'"{"S" * 1_000_000}"'),
    "5 MB of text": TEXT + '"' + "x" * 5_000_000 + '"}',
}
#: An unknown field, and so ignored, in 3.x.
ONLY_LATER = {"a bulb of 400 digits", *(name for name in FRAMES if "msg_user_id" in name)}


def respelt(raw: str | bytes, target: Target) -> bytes:
    """Spell a frame of today for 3.x."""
    raw = raw.encode() if isinstance(raw, str) else raw
    if target.v3:
        for new in ("Shoot", "RelayCustomText", "PhotoUpdated", "NetworkPing", "SetConfig"):
            raw = raw.replace(b'"msg_id": "%s"' % new.encode(), b'"msg_id": "%sMsg"' % new.encode())
        raw = raw.replace(b'"msg_seq_num"', b'"msg_ref_num"')
    return raw


@pytest.mark.parametrize("name", FRAMES)
def test_a_bad_frame_is_refused(prober: Prober, name: str) -> None:
    """[U, the simulator's choice] One reply of false, whatever it is."""
    if prober.peer.target.v3 and name in ONLY_LATER:
        pytest.skip("a field that 3.x does not have is ignored")
    prober.refused(respelt(FRAMES[name], prober.peer.target))


def test_a_refusal_repeats_what_could_be_read(prober: Prober) -> None:
    """[U, the simulator's choice] Id and number where they could be read, else an empty id and 0."""
    number = "msg_ref_num" if prober.peer.target.v3 else "msg_seq_num"
    for frame, msg_id, told in (
        ('{"msg_type": "Request", "msg_id": "Explode", "NUMBER": 77}', "Explode", 77),
        ('{"msg_type": "Request", "NUMBER": 78}', "", 78),
        ('{"msg_type": "Request", "msg_id": 5, "NUMBER": 79}', "", 79),
        ('{"msg_type": "Request", "msg_id": "Explode"}', "Explode", 0),
        ("nothing of the sort", "", 0),
    ):
        reply = prober.refused(frame.replace("NUMBER", number).encode())
        assert (reply.wire["msg_id"], reply.wire[number]) == (msg_id, told), frame


def test_50_megabytes_are_refused(prober: Prober) -> None:
    """[U, the simulator's choice] Of zeros, and of a request that would be right if it were shorter."""
    prober.refused(bytes(50_000_000))
    text = respelt(TEXT, prober.peer.target)
    prober.refused(text + b'"' + b"x" * 50_000_000 + b'"}')


def test_several_frames_are_refused(prober: Prober) -> None:
    """[D one message is one frame] The parts of a request, a request behind a topic, many empty ones."""
    good = respelt(GOOD, prober.peer.target)
    prober.refused(good, good)
    prober.refused(b"", good)
    prober.refused(good, b"")
    prober.refused(good[:30], good[30:])
    prober.refused(*[b""] * 1000)


WRONG: dict[str, list[Any]] = {
    "boolean": [None, 0, 1, "true", [True], {}],
    "string": [None, 7, True, 1.5, ["x"], {"x": "x"}],
    "string[]": [None, "x", 7, [7], [None], [["x"]], {"x": "x"}],
    "int32": [None, "3", True, 1.5, [3], {}, 2**31, -(2**31) - 1, 10**400],
    "int64": [None, "3", True, 1.5, [3], {}, 2**63, -(2**63) - 1, 10**400],
}


def wrong_values(name: str) -> list[Any]:
    """Return values that a field can't have."""
    field = FIELDS[name]
    values = WRONG[field.type]
    if field.loose:
        values = [one for one in values if one != "3"] + ["x", "", "1.5", "101", "-1"]
    if field.choices:
        values = [*values, "", "nonsense", f"{field.choices[0]} "]
    if field.low is not None:
        values = [*values, field.low - 1]
    if field.high is not None:
        values = [*values, field.high + 1]
    return values


@pytest.mark.parametrize("msg_id", sorted(CASES))
def test_wrong_and_missing_fields_are_refused(scene: Scene, prober: Prober, msg_id: str) -> None:
    """[D types and ranges; U what happens if they are not kept] Each field of each request, wrong in every way, and left out."""
    peer = scene.peer
    if not peer.target.knows(msg_id):
        prober.refused(json.dumps(peer.frame(msg_id, CameraSelection="All")).encode())
        return
    right = fields_of(CASES[msg_id], msg_id, scene)
    spec = next(one for one in messages_of(peer.target.version) if one.msg_id == msg_id)
    for name in spec.fields_in(peer.target.version):
        for value in wrong_values(name):
            body = {**right, name: value}
            prober.refused(json.dumps(peer.frame(msg_id, **body)).encode())
    for name in {*spec.required} & {*spec.fields_in(peer.target.version)}:
        body = {one: value for one, value in right.items() if one != name}
        prober.refused(json.dumps(peer.frame(msg_id, **body)).encode())


def test_selections_of_nobody_are_refused(scene: Scene, prober: Prober) -> None:
    """[U, the simulator's choice] Unknown keys, unknown groups, empty lists, a key that is missing or beside the point."""
    peer = scene.peer
    key, photo = scene.keys[0], scene.photos[0]["PhotoKey"]
    cameras: list[Body] = [
        {"CameraSelection": "Single"},
        {"CameraSelection": "Single", "CameraKey": ""},
        {"CameraSelection": "Single", "CameraKey": "nobody"},
        {"CameraSelection": "Single", "CameraKey": key + " "},
        {"CameraSelection": "Single", "CameraKeys": [key]},
        {"CameraSelection": "Multiple"},
        {"CameraSelection": "Multiple", "CameraKeys": []},
        {"CameraSelection": "Multiple", "CameraKeys": [key, "nobody"]},
        {"CameraSelection": "Multiple", "CameraKeys": [""]},
        {"CameraSelection": "Multiple", "CameraKey": key},
        {"CameraSelection": "Group"},
        {"CameraSelection": "Group", "CameraGroup": "nowhere"},
        {"CameraSelection": "Group", "CameraGroup": ""},
        {"CameraKey": key},
        {},
    ]
    for selection in cameras:
        prober.refused(json.dumps(peer.frame("Shoot", **selection)).encode())
    photos: list[Body] = [
        {"PhotoSelection": "Single"},
        {"PhotoSelection": "Single", "PhotoKey": "none"},
        {"PhotoSelection": "Single", "PhotoKey": photo.upper()},
        {"PhotoSelection": "Multiple", "PhotoKeys": []},
        {"PhotoSelection": "Multiple", "PhotoKeys": [photo, "none"]},
        {"PhotoSelection": "Group", "CameraGroup": "face"},
        {"PhotoKey": photo},
        {},
    ]
    for selection in photos:
        prober.refused(json.dumps(peer.frame("Download", **selection)).encode())


def test_values_that_make_no_sense_are_refused(scene: Scene, prober: Prober) -> None:
    """[U, the simulator's choice] Right types, wrong sense: nothing is done by halves."""
    peer = scene.peer
    everyone: Body = {"CameraSelection": "All"}
    nonsense: list[tuple[str, Body]] = [
        ("SetProperty", {**everyone, "CameraPropertyType": "ISO", "CameraPropertyValue": "101"}),
        ("SetProperty", {**everyone, "CameraPropertyType": "ISO", "CameraPropertyValue": ""}),
        ("SetProperty", {**everyone, "CameraPropertyType": "ProgramMode", "CameraPropertyValue": "A"}),
        ("SetSequenceNum", {"PhotoSequenceNum": -1}),
        ("SetBatchNum", {"PhotoBatchNum": -1}),
        ("RenameCamera", {**everyone, "CameraName": ""}),
        ("SetCameraGroup", {"CameraSelection": "Group", "CameraGroup": "face"}),
        ("SetOptions", {}),
        ("SetOptions", {"NoSuchOption": True}),
        ("SetOptions", {"UniqueTag": "right", "DefaultStorage": "Cloud"}),
        ("SetOptions", {"UniqueTag": "right", "AutoConnect": "yes"}),
        ("SetOptions", {"UniqueTag": "x" * 1_000_000}),
        ("SyncClocks", {"CameraDateTimeOffset": 2**62}),
        ("EnableLiveviewZoom", {**everyone, "Enable": True}),
        ("LiveviewFPS", {**everyone, "CameraLiveviewFPS": 2**31 - 1, "CameraLiveviewVideoFPS": 1}),
    ]
    if not peer.target.v3:
        nonsense += [
            ("Shoot", {**everyone, "BulbTimer": 2**62}),
            ("Shoot", {**everyone, "BulbTimer": -1}),
            ("ReleaseTrigger", {"CameraTriggerInterval": 0}),
            ("ReleaseLatch", {"CameraLatchIndex": 99}),
            ("ActivateLicense", {"ActivationCode": ""}),
            ("SetActiveCamera", {"CameraKey": "nobody"}),
        ]
    for msg_id, fields in nonsense:
        reply = prober.refused(json.dumps(peer.frame(msg_id, **fields)).encode())
        assert reply.wire["msg_id"] == peer.frame(msg_id)["msg_id"]


def test_requests_with_a_few_bytes_changed_get_one_reply_each(peer: Peer) -> None:
    """[D by pattern] 400 right requests with up to four bytes replaced, removed or doubled; some are still right."""
    draw = random.Random(17)
    scene = Scene(peer)
    dealer = peer.dealer()
    names = sorted({*CASES} - {"Shutdown"})
    sent = 0
    for _ in range(400):
        msg_id = draw.choice(names)
        case = CASES[msg_id]
        fields = {} if callable(case.fields) else fields_of(case, msg_id, scene)
        raw = bytearray(json.dumps(peer.frame(msg_id, number=1, **fields)).encode())
        for _ in range(draw.randint(1, 4)):
            at = draw.randrange(len(raw))
            kind = draw.randrange(3)
            raw[at : at + 1] = {0: bytes([draw.randrange(256)]), 1: b"", 2: bytes(raw[at : at + 1]) * 2}[kind]
        dealer.send_multipart([b"", bytes(raw)])
        sent += 1
    last = json.dumps(peer.frame("RelayCustomText", number=2, CustomText="survived")).encode()
    dealer.send_multipart([b"", last])
    for _ in range(sent):
        empty, raw_reply = dealer.recv_multipart()
        assert empty == b""
        assert isinstance(parse(raw_reply, peer.target).body["msg_result"], bool)
    after = parse(dealer.recv_multipart()[1], peer.target)
    assert after.wire["msg_ref_num" if peer.target.v3 else "msg_seq_num"] == 2
    peer.until(lambda: peer.heard("RelayCustomText", CustomText="survived"), "the server alive")
    peer.sent |= {*names}  # any of them may have been right


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with one that is allowed and one that is not, and a link from the first to the second."""
    house = tmp_path_factory.mktemp("house").resolve()
    for name in ("allowed/photos", "outside"):
        (house / name).mkdir(parents=True)
    (house / "outside" / "diary.txt").write_text("private")
    if sys.platform != "win32":
        (house / "allowed" / "link").symlink_to(house / "outside", target_is_directory=True)
        (house / "allowed" / "photos" / "link").symlink_to(house / "outside", target_is_directory=True)
    return house


@pytest.fixture(scope="module", params=["v5", "v3"])
def confined(request: pytest.FixtureRequest, start: Start, house: Path) -> Target:
    """Give a simulator that may write to one folder."""
    allowed = house / "allowed"
    return start(request.param, "--root", str(allowed), folder=allowed / "photos")


@pytest.fixture
def inmate(confined: Target, house: Path) -> Iterator[Peer]:
    """Give its client; afterwards all is as before, and outside is untouched."""
    with Peer(confined) as peer:
        yield peer
        peer.restore()
    assert sorted(one.name for one in house.iterdir()) == ["allowed", "outside"]
    assert [one.name for one in (house / "outside").iterdir()] == ["diary.txt"]
    assert (house / "outside" / "diary.txt").read_text() == "private"


class TestPaths:
    """Nothing that comes over the wire writes, moves or deletes a file outside the folders that were allowed."""

    def test_folders_outside_are_refused(self, inmate: Peer, house: Path) -> None:
        """[I] Absolute, relative, by links, by other systems' spellings; the option stays as it was, so do the others."""
        before = inmate.state()
        tricks = [
            *("/", "/etc", "/tmp", "..", "../outside", ".", "", " ", "~", "~root", "$HOME", "%TEMP%"),
            *(
                str(house),
                str(house / "outside"),
                str(house / "allowed" / ".." / "outside"),
                str(house / "allowed-not"),
            ),
            *(str(house / "allowed" / "link"), str(house / "allowed" / "link" / "deeper"), f"{house}/allowed/\0/etc"),
            *(f"file://{house}/allowed", "C:\\Windows", "\\\\server\\share", "/proc/self/cwd", "a" * 5000, "\n"),
        ]
        prober = Prober(inmate)
        for path in tricks:
            if "link" in path and sys.platform == "win32":
                continue
            prober.refused(json.dumps(inmate.frame("SetOptions", UniqueTag="trick", DownloadPath=path)).encode())
        assert differences(before, inmate.state()) == {}

    def test_expressions_do_not_climb(self, inmate: Peer, house: Path) -> None:
        """[I] Whatever the expression, the tag, the session or a camera's name say, files stay below the download folder."""
        expressions = [
            *(
                "../../[S]",
                "/etc/[S]",
                "..\\..\\[S]",
                "[U]/[S]",
                "[C]_[S]",
                "[Z]_[S]",
                "a/../../../[S]",
                "C:/[S]",
                "C:[S]",
            ),
            *(
                ".",
                "..",
                "/",
                "",
                " ",
                "[",
                "[S",
                "con",
                "nul.[S]",
                "a\0b[S]",
                "x" * 900,
                "%n%s[S]",
                "~/[S]",
                "link/[S]",
            ),
            *("[S]\n", "[S].", "[S] ", ".[S]", "-rf [S]", "{S}$(touch x)`touch y`;[S]", "\u202e[S]", "é" * 300),
        ]
        values: Body = {"UniqueTag": "../../tag", "Barcode": "/etc/code"}
        if not inmate.target.v3:
            values["PhotoSessionName"] = "..\\..\\session"
        assert inmate.ask("SetOptions", **values)["msg_result"] is True
        keys = inmate.ready()
        inmate.one("RenameCamera", keys[0], CameraName="../../camera")
        folder = house / "allowed" / "photos"
        for expression in expressions:
            files = {path for path in folder.rglob("*") if path.is_file()}
            if not inmate.ask("SetOptions", FilenameExpression=expression)["msg_result"]:
                continue
            photos = inmate.shoot()
            new = {path for path in folder.rglob("*") if path.is_file()} - files
            arrived = [one for one in photos if one["PhotoLocation"] == "Local Disk"]
            assert len(new) == len(arrived) == (0 if expression.startswith("link/") else len(photos)), expression
            for path in new:
                assert path.resolve().is_relative_to(folder), expression
                assert path.parts[-1] not in ("", ".", "..")
            for one in arrived:
                if not inmate.target.v3:
                    assert os.path.normpath(one["PhotoFilename"]).startswith(f"{folder}{os.sep}"), expression
            inmate.do("Delete", PhotoSelection="All")

    def test_renaming_does_not_climb(self, inmate: Peer, house: Path) -> None:
        """[I] A name that would lead out, or that a file system refuses, is refused; the photo keeps its own."""
        (photo, *_) = inmate.shoot()
        tricks = [
            *(
                "../x",
                "../../outside/diary.txt",
                "/etc/passwd",
                "a/../../x",
                "",
                " ",
                "/",
                ".",
                "..",
                "a//b",
                "a/",
                "/a",
            ),
            *(
                "C:/x",
                "C:x",
                "con",
                "NUL.txt",
                "a\0b",
                "a\\b",
                "..\\x",
                "a/..",
                " x",
                "x ",
                "a\nb",
                "x" * 300,
                "a:b",
                "a*",
            ),
            *("a|b", "a<b", 'a"b', "a?b", "./x", "a/./b", "aux/x"),
        ]
        before = inmate.state()
        prober = Prober(inmate)
        for name in tricks:
            request = inmate.frame(
                "RenamePhoto", PhotoSelection="Single", PhotoKey=photo["PhotoKey"], PhotoComputedName=name
            )
            prober.refused(json.dumps(request).encode())
        assert differences(before, inmate.state()) == {}

    @pytest.mark.parametrize("trick", ["a file in the way", "a link"])
    def test_a_photo_on_the_disk_is_there(self, inmate: Peer, house: Path, trick: str) -> None:
        """[D] PhotoFilename is the full path of a file. One that can't be written is refused, or the photo does not arrive."""
        if inmate.target.v3:
            pytest.skip("3.x does not tell the path")
        if trick == "a link" and sys.platform == "win32":
            pytest.skip("links need a privilege there")
        folder = house / "allowed" / "photos"
        folder.mkdir(exist_ok=True)
        (folder / "plain").write_text("a file")
        options = {"DownloadPath": str(folder / "plain" / "sub")}
        if trick == "a link":
            options = {"FilenameExpression": "link/[S]"}
        if not inmate.ask("SetOptions", **options)["msg_result"]:
            return
        inmate.all("Shoot")
        keys = inmate.ready(inmate.first)
        settled = inmate.until_state(
            lambda now: (
                len(now.photos) == len(keys)
                and all(one["CameraStatus"] == "Ready" for one in now.cameras.values())
                and all(
                    one["PhotoLocation"] == "Local Disk" or now.cameras[one["CameraKey"]]["CameraNumDownloadsFailed"]
                    for one in now.photos.values()
                )
            ),
            "photos that have arrived or failed",
        )
        told = [one["PhotoFilename"] for one in settled.photos.values() if one["PhotoLocation"] == "Local Disk"]
        assert [name for name in told if not Path(name).is_file()] == []

    @pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
    def test_links_inside_lead_nowhere(self, inmate: Peer, house: Path) -> None:
        """[I] Neither a rename nor a deletion follows a link out of the folder."""
        (photo, *_) = inmate.shoot()
        one: Body = {"PhotoSelection": "Single", "PhotoKey": photo["PhotoKey"]}
        inmate.ask("RenamePhoto", **one, PhotoComputedName="link/diary")
        inmate.ask("Delete", **one, DeleteFiles=True)
        inmate.barrier()


def test_a_frame_per_reply_also_for_a_client_that_floods(peer: Peer) -> None:
    """[D by pattern] 2000 bad requests at once: 2000 refusals, in order, and then a right one."""
    dealer: zmq.Socket[bytes] = peer.dealer()
    number = "msg_ref_num" if peer.target.v3 else "msg_seq_num"
    for n in range(2000):
        dealer.send_multipart([b"", json.dumps({"msg_type": "Request", "msg_id": "Explode", number: n}).encode()])
    found = []
    for n in range(2000):
        reply = parse(dealer.recv_multipart()[1], peer.target)
        if (reply.wire[number], reply.body["msg_result"]) != (n, False):
            found.append(f"{n}: {reply.raw[:100]!r}")
    assert found == [], lines(found)
    peer.barrier()
