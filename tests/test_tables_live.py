"""A session that goes on: its tables equal those made from scratch, whichever way its events were read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from rigkit.account.book import Book
from rigkit.account.shots import tag_of
from rigkit.account.tables import exposure_rows, photo_rows, shot_rows
from rigkit.record.columns import frame, joined
from rigkit.record.folder import Manifest
from rigkit.record.lines import Entry
from rigkit.record.log import Log
from rigkit.record.tables import event_row
from rigkit.session import Session
from rigkit.timing.questions import Timing
from rigkit.wire import decode_frame
from rigkit.wire.shapes import EventReader

ID = "0123abcd"
S = 10**9
CAMERAS = ("k1", "k2", "k3")


def photo_event(seq: int, **fields: Any) -> dict[str, Any]:
    return {
        "msg_type": "Event",
        "msg_id": "PhotoUpdated",
        "msg_seq_num": seq,
        "msg_user_id": 0,
        "msg_result": True,
        "PhotoKey": "p1",
        "CameraKey": "k1",
        "PhotoLocation": "Camera",
        "PhotoName": "A01_1.JPG",
        "PhotoFilename": "D:/scans/A01_1.JPG",
        "PhotoOrigin": "",
        "PhotoBatchNum": 7,
        "PhotoFilesize": 1000,
        "PhotoIsImage": True,
        "PhotoDateCaptured": "20261122 12:00:00.123",
        "PhotoISO": "",
        **fields,
    }


def camera_event(seq: int, **fields: Any) -> dict[str, Any]:
    properties = [{"CameraPropertyType": "ISO", "CameraPropertyValue": "100", "CameraPropertyRange": ["100", "é"]}]
    return {
        "msg_type": "Event",
        "msg_id": "CameraUpdated",
        "msg_seq_num": seq,
        "CameraKey": "k1",
        "CameraStatus": "Ready",
        "CameraName": "A01",
        "CameraNumPhotosFailed": 0,
        "PhotoBatchNum": 7,
        "CameraPhotosPerCapture": 2,
        "CameraPropertyInfo": properties,
        **fields,
    }


def session_of(entries: list[Entry], local: bool = False) -> Session:
    return Session(Path("nowhere"), Manifest(session_id=ID, local=local), Log(None, entries))


def entry(body: dict[str, Any], at: int = S, channel: str = "pub") -> Entry:
    return Entry(channel, at, at, msgspec.json.encode(body))


def shot_notes(shot_id: int, attempt: int = 1, subject: str = "P017") -> list[Entry]:
    tag = tag_of(ID, shot_id, attempt)
    kind = "shot" if attempt == 1 else "attempt"
    fields = {"shot_id": shot_id, "attempt": attempt, "expected": CAMERAS, "trigger": "shoot", "tag": tag}
    labels = {"subject": subject, "pose": "apose", "rep": shot_id, "note": None}
    fired = {"shot_id": shot_id, "outcome": "accepted", "msg_seq_num": 1, "sent_mono_ns": S, "sent_wall_ns": S}
    return [
        entry({"note": kind, **fields, "labels": labels, "not_ready": {}}, channel="note"),
        entry({"note": "fired", **fired}, channel="note"),
    ]


def expect_note(shot_id: int) -> dict[str, Any]:
    labels = {"subject": None, "pose": "apose", "rep": None, "note": None}
    release = {"trigger": "external", "tag": "", "tagged": False, "allowance_s": 30.0, "awaited": True, "lasts_s": 0.0}
    not_ready = {"unseen:L4": ["not_ready", "not seen"]}
    return {"note": "shot", "shot_id": shot_id, "attempt": 1, "labels": labels, "not_ready": not_ready, **release}


def from_scratch(session: Session) -> dict[str, pd.DataFrame]:
    account, state, label = session.account, session.state, session.label
    photos = frame("photos", photo_rows(account, state, label, session.simulated, session.files.locate_all))
    exposures = frame("exposures", exposure_rows(account, state, label, session.simulated))
    shots = frame("shots", shot_rows(account, ID, session.simulated))
    timing = Timing(exposures, shots, photos, session.cameras, frame("reference", ()))
    return {
        "photos": photos,
        "exposures": joined("exposures", exposures, timing.exposures),
        "shots": joined("shots", shots, timing.shots),
        "events": frame("events", events_from_scratch(session)),
    }


def events_from_scratch(session: Session) -> Iterator[dict[str, Any]]:
    entries = session.log.since(0)
    book = Book(ID)
    book.take(entries)
    for number, (one, facts) in enumerate(zip(entries, book.facts(0, entries), strict=True)):
        yield event_row(number, one, facts)


# -- live tables ------------------------------------------------------------------------------------------------------

_KEYS = st.sampled_from([f"{number:08x}-1242-11ef-94fc-9282ede469ff" for number in range(6)] + ["DSC_1"])
_TAGS = st.sampled_from(["", tag_of(ID, 1, 1), tag_of(ID, 2, 1), tag_of(ID, 1, 2), "rk:ffffffff:1:1"])
_PHOTOS = st.fixed_dictionaries(
    {"PhotoKey": _KEYS, "CameraKey": st.sampled_from([*CAMERAS, "k9", ""]), "PhotoOrigin": _TAGS},
    optional={
        "PhotoLocation": st.sampled_from(["Camera", "Local Disk", "Deleted", "nowhere at all"]),
        "PhotoFilesize": st.sampled_from([0, 5, 2**64 - 1, "17", None]),
        "PhotoBatchNum": st.integers(6, 8),
        "PhotoIsImage": st.sampled_from([True, None, 1]),
        "PhotoISO": st.sampled_from(["", "100"]),
        "PhotoDateCaptured": st.sampled_from(["", "20261122 12:00:00.5", "20261122 25:00:00.500"]),
        "PhotoComputedName": st.just("A01_2.JPG"),
    },
)
_LEFT_OUT = st.sets(st.sampled_from(["PhotoFilename", "PhotoName", "PhotoBatchNum", "msg_user_id"]), max_size=2)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("photo"), _PHOTOS, _LEFT_OUT),
        st.tuples(
            st.just("camera"),
            st.fixed_dictionaries(
                {"CameraKey": st.sampled_from(CAMERAS)},
                optional={
                    "CameraName": st.sampled_from(["A01", "A02", ""]),
                    "CameraStatus": st.sampled_from(["Ready", "Lost"]),
                    "CameraSerialNumber": st.sampled_from(["1", "2", "3", "4"]),
                    "CameraGroup": st.sampled_from(["face", ""]),
                    "PhotoBatchNum": st.integers(6, 9),
                },
            ),
            st.just(frozenset()),
        ),
        st.tuples(st.just("shot"), st.integers(1, 3), st.just(frozenset())),
        st.tuples(st.just("again"), st.integers(1, 2), st.just(frozenset())),
        st.tuples(st.just("decided"), st.integers(1, 2), st.just(frozenset())),
        st.tuples(st.just("expect"), st.integers(1, 4), st.just(frozenset())),
        st.tuples(
            st.just("verdict"), st.tuples(st.integers(1, 4), st.sampled_from([True, False, None])), st.just(frozenset())
        ),
        st.tuples(
            st.just("labels"), st.tuples(st.integers(1, 4), st.sampled_from(["seated", None])), st.just(frozenset())
        ),
        st.tuples(st.just("layout"), st.permutations(["L1", "L2", "L3", "L4"]) | st.none(), st.just(frozenset())),
        st.tuples(st.just("release"), st.integers(1, 9), st.just(frozenset())),
        st.tuples(st.sampled_from(["resumed", "options", "synchronise", "look"]), st.none(), st.just(frozenset())),
    ),
    min_size=1,
    max_size=14,
)


def entries_of(number: int, what: str, about: Any, left_out: frozenset[str]) -> list[Entry]:
    at = S + number * S // 10
    if what == "photo":
        body = photo_event(number, **about)
        return [entry({name: value for name, value in body.items() if name not in left_out}, at)]
    if what == "camera":
        return [entry(camera_event(number, **about), at)]
    if what == "shot":
        return shot_notes(about, subject=f"P{number % 3}")
    if what == "again":
        return shot_notes(about, attempt=2)
    if what == "decided":
        return [entry({"note": "decided", "shot_id": about, "causes": {"k2": ["no_response", ""]}}, at, "note")]
    if what == "expect":
        return [entry({**expect_note(about), "expected": [*CAMERAS, "unseen:L4"]}, at, "note")]
    if what == "verdict":
        body = {"shot_id": about[0], "accepted": about[1], "reason": "blinked", "superseded_by": about[0] + 1}
        return [entry({"note": "verdict", **body}, at, "note")]
    if what == "labels":
        return [entry({"note": "labels", "shot_id": about[0], "labels": {"pose": about[1]}}, at, "note")]
    if what == "layout":
        places = [{"position": name, "serial": f"{n}", "groups": ["g"]} for n, name in enumerate(about or (), 1)]
        return [entry({"note": "layout", "places": places}, at, "note")]
    if what == "release":  # by nobody we know of: whoever's bit is set fires
        return [
            entry(photo_event(number, PhotoKey=f"{number}-{key}", CameraKey=key, PhotoBatchNum=about), at + n)
            for n, key in enumerate(CAMERAS)
            if (about + 1) >> n & 1
        ]
    if what == "resumed":
        return [entry({"note": "resumed"}, at, "note")]
    if what == "options":
        body = {"msg_id": "OptionsUpdated", "FallbackPath": "D:/scans", "DownloadPath": f"E:/{number}"}
        return [entry({"msg_type": "Event", "msg_seq_num": number, **body}, at)]
    infos = {"PhotoInfo": [photo_event(0, PhotoKey="p9", PhotoLocation="Local Disk")], "CameraInfo": []}
    reply = {"msg_type": "Response", "msg_id": "Synchronise", "msg_seq_num": 1, "msg_result": True}
    return [entry({**reply, **infos}, at, "rep")]


@settings(deadline=None, max_examples=10)
@given(_STEPS)
def test_tables_of_a_session_that_goes_on_are_the_tables(steps):
    session = session_of([])
    handed_out = []
    for number, (what, about, left_out) in enumerate([*steps, ("look", None, frozenset())], 1):
        if what != "look":
            session.log._entries.extend(entries_of(number, what, about, left_out))
            continue
        live = tables_of(session)
        for name, expected in from_scratch(session).items():
            assert_frame_equal(live[name], expected)
        handed_out += [(table, _fingerprint(table)) for table in live.values()]
    assert all(_fingerprint(table) == before for table, before in handed_out)
    again = session_of(session.log.since(0))
    for name, table in tables_of(session).items():
        assert_frame_equal(getattr(again, name), table)
    assert list(again.shots.index) == sorted(again.shots.index)


def tables_of(session: Session) -> dict[str, pd.DataFrame]:
    return {name: getattr(session, name) for name in ("photos", "exposures", "shots", "events")}


def _fingerprint(table: pd.DataFrame) -> list[int]:
    return list(pd.util.hash_pandas_object(table.reset_index()))


def test_an_interrupt_in_the_middle_of_a_look_changes_nothing(monkeypatch):
    session = session_of([*shot_notes(1), entry(photo_event(1, PhotoOrigin=tag_of(ID, 1, 1)))])
    before = session.photos
    session.log._entries.extend([entry(photo_event(2, PhotoName="B.JPG")), entry(photo_event(3, PhotoKey="p2"))])
    live = session._live["photos"]

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(live, "_append", interrupted)
        with pytest.raises(KeyboardInterrupt):
            _ = session.photos
    assert list(before["name"]) == ["A01_1.JPG"]
    assert_frame_equal(session.photos, from_scratch(session)["photos"])
    assert list(session.photos["name"]) == ["B.JPG", "A01_1.JPG"]


def test_a_refresh_that_was_interrupted_begins_anew_and_so_do_its_tables(monkeypatch):
    session = session_of([*shot_notes(1), entry(photo_event(1, PhotoOrigin=tag_of(ID, 1, 1)))])
    _ = session.photos, session.exposures
    session.log._entries.append(entry(photo_event(2, PhotoName="B.JPG")))

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(session.account, "hear_photo", interrupted)
        with pytest.raises(KeyboardInterrupt):
            session.refresh()
    for name, expected in from_scratch(session_of(session.log.since(0))).items():
        assert expected is not None, name
    live = tables_of(session)
    for name, expected in from_scratch(session).items():
        assert_frame_equal(live[name], expected)
    assert list(session.photos["name"]) == ["B.JPG"]


def test_an_interrupt_while_events_become_rows_begins_anew(monkeypatch):
    session = session_of([entry(photo_event(1))])
    before = session.events
    session.log._entries.extend([entry(photo_event(2, PhotoName="B.JPG")), entry(camera_event(3))])
    live = session._live_events
    assert live is not None
    column = live._builder._columns["payload"]

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(column, "append", interrupted)
        with pytest.raises(KeyboardInterrupt):
            _ = session.events
    assert list(before["msg_seq_num"]) == [1]
    assert_frame_equal(session.events, from_scratch(session)["events"])
    assert list(session.events["msg_seq_num"]) == [1, 2, 3]


# -- two ways to read an event ----------------------------------------------------------------------------------------


class Slow(EventReader):
    """Knows no shapes: every event goes the general way."""

    def read(self, raw: bytes) -> None:
        return None


def read_both_ways(raws: list[bytes]) -> tuple[Any, Any]:
    entries = [Entry("pub", number, number, raw) for number, raw in enumerate(raws, 1)]
    told = []
    for reader in (EventReader(), Slow()):
        book = Book(ID)
        book._reader = reader
        book.take(entries)
        state = book.state
        cameras = {
            key: (camera.info, camera.properties, camera.last_wall_ns, camera.status)
            for key, camera in state.cameras.items()
        }
        photos = {
            key: (photo.info, photo.first_wall_ns, photo.disk_mono_ns, photo.filename, photo.number)
            for key, photo in state.photos.items()
        }
        losses = [(one.where, one.n, one.first, one.last) for one in state.loss.rows]
        facts = list(book.facts(0, entries))
        told.append((list(cameras.items()), list(photos.items()), state.options, losses, state.bad, facts))
    return told[0], told[1]


_ODD = st.sampled_from(
    [
        *(None, True, 1, 1.5, -1, 2**63, 2**70, "", "x", "17", "é", [], ["p2"], {}, {"a": 1}),
        *([{"CameraPropertyType": "ISO", "CameraPropertyValue": "200"}], [{"CameraKey": "k2"}]),
    ]
)
_FIELDS = st.sampled_from(
    [
        *("msg_type", "msg_id", "msg_seq_num", "msg_user_id", "msg_result", "msg_ref_num", "Result"),
        *("PhotoKey", "PhotoKeys", "CameraKey", "CameraKeys", "PhotoLocation", "PhotoFilesize", "PhotoName"),
        *("CameraStatus", "CameraName", "CameraPropertyInfo", "CameraPhotosPerCapture", "CameraInfo", "PhotoInfo"),
        *("OptionsInfo", "NodeInfo", "PropertyUpdated", "NotInAnyList", "get", "class", "with blank", "é"),
    ]
)
_CHANGES = st.dictionaries(_FIELDS, _ODD, max_size=2)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.booleans(), _CHANGES, st.sets(_FIELDS, max_size=1), st.integers(0, 3)), min_size=1, max_size=12
    )
)
def test_an_event_of_known_shape_means_what_it_means_in_general(changes):
    raws = []
    for number, (photo, odd, gone, times) in enumerate(changes):
        body = {**(photo_event if photo else camera_event)(number * 5), **odd}
        body = {name: value for name, value in body.items() if name not in gone}
        raws += [json.dumps(body, ensure_ascii=number % 2 == 0, separators=(",", ":")).encode()] * (1 + times)
    fast, general = read_both_ways(raws)
    assert fast == general


_BYTES = st.tuples(st.integers(0, 10**6), st.sampled_from(list(b'\x00"\\{}[],:01-.eu \xff\xc3\xa9tn')))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.booleans(), st.lists(_BYTES, max_size=2)), min_size=1, max_size=10))
def test_a_mangled_event_means_what_it_means_in_general(mangled):
    raws = []
    for number, (photo, changes) in enumerate(mangled):
        body = (photo_event if photo else camera_event)(number)
        raws += [msgspec.json.encode(body)] * 2
        raw = bytearray(raws[0] if photo else msgspec.json.encode(camera_event(number)))
        for place, byte in changes:
            raw[place % len(raw)] = byte
        raws.append(bytes(raw))
    fast, general = read_both_ways(raws)
    assert fast == general


def test_events_of_one_shape_are_read_by_it():
    reader = EventReader()
    raws = [msgspec.json.encode(photo_event(number, PhotoName=f"A{number:03d}")) for number in range(100, 110)]
    assert reader.read(raws[0]) is None
    reader.learn(raws[0], decode_frame(raws[0])[0])
    said = [reader.read(raw) for raw in raws]
    assert [one.get("PhotoName") for one in said if one is not None] == [f"A{number:03d}" for number in range(100, 110)]


def test_a_server_that_says_something_else_each_time_is_read_the_general_way():
    reader = EventReader()
    tried = 0
    for number in range(2000):
        raw = msgspec.json.encode(photo_event(1, **{f"F{number:06d}": 1}))
        tried += reader._decoders.get(len(raw) >> 6) is not None
        assert reader.read(raw) is None
        reader.learn(raw, decode_frame(raw)[0])
    assert tried < 80
    assert len(reader._known) <= 64
