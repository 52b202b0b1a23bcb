"""The application's state as it was heard: merged, counted, and unimpressed by nonsense."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rigkit.record.columns import TABLES, describe, empty, frame
from rigkit.record.lines import Entry
from rigkit.record.state import PhotoRecord, State, camera_parts, photo_parts
from rigkit.record.tables import (
    camera_rows,
    created_ns,
    loss_rows,
    parse_captured,
    photo_columns,
    photo_fields,
    request_rows,
    setting_rows,
)
from rigkit.wire import Message, decode_frame
from rigkit.wire.shapes import shape_of

SAMPLES = Path(__file__).resolve().parents[2] / "shared" / "reference" / "samples.jsonl"


class Heard(State):
    """A state that finds the parts of a message itself."""

    def fold(self, message: Message, cameras: Any = None, photos: Any = None) -> int:
        return super().fold(message, camera_parts(message), photo_parts(message))


def event(seq: int | None, msg_id: str = "NetworkPing", channel: str = "pub", **fields: Any) -> Message:
    number = {} if seq is None else {"msg_seq_num": seq}
    return Message({"msg_type": "Event", "msg_id": msg_id, **number, **fields}, channel, 5, 7)


def losses(*numbers: int) -> list[tuple[str, int | None, int | None, int | None]]:
    state = Heard()
    for number in numbers:
        state.fold(event(number))
    return [(one.where, one.n, one.first, one.last) for one in state.loss.rows]


def test_a_gap_in_the_counter_is_loss():
    assert losses(5, 6, 7) == []
    assert losses(5, 9, 10) == [("gap", 3, 6, 8)]


def test_an_event_that_comes_late_takes_its_loss_back():
    assert losses(5, 9, 7, 10) == [("gap", 1, 6, 6), ("gap", 1, 8, 8)]
    assert losses(5, 7, 6, 8) == []


def test_a_repeated_event_is_no_restart():
    assert losses(5, 6, 7, 7, 8, 8, 9) == []
    assert losses(5, 6, 7, 6, 8) == []


def test_a_counter_that_goes_back_is_a_restart():
    assert losses(5000, 1, 2, 3) == [("restart", None, None, None)]


def test_repeated_events_in_order_are_no_restart():
    assert losses(5, 6, 7, 8, 6, 7, 8, 9) == []
    assert losses(5, 6, 9, 5, 6, 7, 10) == [("gap", 1, 8, 8)]
    assert losses(1, 2, 3, 4, 1, 2, 5) == []


def test_after_the_connection_broke_a_step_back_is_a_restart():
    state = Heard()
    for number in (20, 21):
        state.fold(event(number))
    state.loss.broken()
    for number in (1, 2, 1, 3):
        state.fold(event(number))
    assert [one.where for one in state.loss.rows] == ["restart"]


def test_a_connection_that_broke_may_come_back_without_a_restart():
    state = Heard()
    state.fold(event(20))
    state.loss.broken()
    for number in (23, 22):
        state.fold(event(number))
    assert [(one.where, one.first) for one in state.loss.rows] == [("gap", 21)]


def test_the_counter_may_wrap():
    assert losses(2**32 - 2, 2**32 - 1, 0, 1) == []


@given(st.lists(st.booleans(), min_size=2, max_size=60))
def test_losses_add_up_to_what_was_dropped(kept):
    heard = [number for number, keep in enumerate(kept, 1) if keep]
    lost = sum(n or 0 for _, n, _, _ in losses(*heard)) if heard else 0
    assert lost == (heard[-1] - heard[0] + 1 - len(heard) if heard else 0)


def told(seq: int, location: str, key: str = "p1") -> Message:
    return event(seq, "PhotoUpdated", PhotoKey=key, PhotoLocation=location)


def full(*photos: tuple[str, str], channel: str = "rep") -> Message:
    infos = [{"PhotoKey": key, "PhotoLocation": where} for key, where in photos]
    kind = "Response" if channel == "rep" else "Event"
    body = {"msg_type": kind, "msg_id": "Synchronise", "msg_result": True, "PhotoInfo": infos}
    return Message(body, channel, 5, 7)


def rows(*messages: Message) -> list[tuple[str, int | None, int | None, int | None, str | None]]:
    state = Heard()
    for message in messages:
        state.fold(message)
        if message.msg_id == "Synchronise":
            state.loss.recovered("Synchronise")
    return [(one.where, one.n, one.first, one.last, one.recovered_by) for one in state.loss.rows]


def test_the_last_events_may_be_lost_too():
    start = (full(), told(1, "Camera"))
    assert rows(*start, full(("p1", "Local Disk"))) == [("tail", None, 2, None, "Synchronise")]
    assert rows(*start, full(("p1", "Camera"))) == []
    assert rows(*start, full(("p1", "Camera"), ("p2", "Camera"))) == [("tail", None, 2, None, "Synchronise")]
    # How many there were shows when the next one comes; what came after the state was asked for may be among them.
    after = rows(*start, full(("p1", "Local Disk")), event(5))
    assert after == [("tail", 3, 2, 4, None)]
    assert rows(*start, full(("p1", "Local Disk")), event(5), full(("p1", "Local Disk")))[0][-1] == "Synchronise"


def test_a_state_that_is_only_quicker_than_its_events_is_no_loss():
    assert rows(full(), told(1, "Camera"), full(("p1", "Local Disk")), told(2, "Local Disk")) == []


@pytest.mark.parametrize("late", [told(1, "Camera"), full(("p1", "Camera"))])
def test_news_of_a_photo_that_its_file_has_overtaken_is_old(late: Message):
    state = Heard()
    for message in (full(("p1", "Local Disk")), late):
        state.fold(message)
    assert state.photos["p1"].location == "Local Disk"


def test_the_first_state_is_no_news():
    assert rows(told(1, "Camera"), full(("p1", "Local Disk"), ("p2", "Camera"))) == []


def test_a_gap_explains_what_a_state_holds():
    assert rows(full(), told(1, "Camera"), event(4), full(("p1", "Local Disk"))) == [("gap", 2, 2, 3, "Synchronise")]


def test_a_counter_of_a_camera_tells_of_loss_too():
    state = Heard()
    state.fold(full())
    state.fold(event(1, "CameraUpdated", CameraKey="c", CameraNumPhotosTaken=4))
    body = {"msg_type": "Response", "msg_id": "GetCamera", "msg_result": True}
    for taken in (4, 5):
        assert state.loss.rows == []
        camera = {"CameraKey": "c", "CameraNumPhotosTaken": taken}
        state.fold(Message({**body, "CameraInfo": [camera]}, "rep", 5, 7))
    assert [(one.where, one.first, one.recovered_by) for one in state.loss.rows] == [("tail", 2, None)]


def test_partial_news_is_merged_and_live_view_is_not():
    state = Heard()
    state.fold(event(1, "CameraUpdated", CameraKey="k", CameraStatus="Ready", CameraModel="D850"))
    properties = [{"CameraPropertyType": "ISO", "CameraPropertyValue": "100", "CameraPropertyRange": ["100", "200"]}]
    state.fold(event(2, "CameraUpdated", CameraKey="k", CameraStatus="Busy", CameraPropertyInfo=properties))
    state.fold(
        event(
            3,
            "CameraUpdated",
            CameraKey="k",
            CameraPropertyInfo=[{"CameraPropertyType": "ISO", "CameraPropertyValue": "200"}],
        )
    )
    state.fold(event(4, "LiveviewUpdated", CameraKey="k", CameraLiveviewImage="AAAA"))
    camera = state.cameras["k"]
    assert (camera.status, camera.info["CameraModel"]) == ("Busy", "D850")
    assert camera.properties["ISO"]["CameraPropertyValue"] == "200"
    assert camera.properties["ISO"]["CameraPropertyRange"] == ["100", "200"]
    assert "CameraLiveviewImage" not in camera.info


NONSENSE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
NAMES = st.sampled_from(
    [
        *("CameraKey", "CameraKeys", "PhotoKey", "PhotoKeys", "CameraStatus", "CameraGroup", "PhotoLocation"),
        *("CameraInfo", "PhotoInfo", "OptionsInfo", "NodeInfo", "CameraPropertyInfo", "PhotoFilesize"),
        *("PhotoDateCaptured", "PhotoBatchNum", "msg_type"),
    ]
)


@given(
    st.sampled_from(["CameraUpdated", "PhotoUpdated", "OptionsUpdated", "Synchronise", "NodeUpdated"]),
    st.dictionaries(NAMES, NONSENSE, max_size=5),
    st.sampled_from(["pub", "req", "rep"]),
)
def test_a_server_may_say_anything(msg_id, fields, channel):
    state = Heard()
    state.fold(event(1, "PhotoUpdated", PhotoKey="p", CameraKey="k"))
    state.fold(event(2, msg_id, channel, **fields))
    rows = [photo_fields(photo) for photo in state.photos.values()]
    assert len(frame("photos", rows)) == len(state.photos)
    assert len(frame("cameras", camera_rows(state.cameras.values(), str, True))) == len(state.cameras)
    frame("settings", setting_rows(state.cameras.values(), str))


@pytest.mark.parametrize("name", sorted(TABLES))
def test_an_empty_table_keeps_its_columns(name):
    table = empty(name)
    assert len(table) == 0
    declared = TABLES[name]
    assert list(table.columns) == [column.name for column in declared.columns]
    assert list(table.index.names) == [column.name for column in declared.keys]
    assert table.attrs["schema"].startswith(f"rigkit.{name}/")
    assert list(describe(name).index) == [column.name for column in declared.all]


@pytest.mark.skipif(not SAMPLES.is_file(), reason="the real payloads are not beside the checkout")
def test_the_3x_sample_and_the_5x_capture_fill_the_same_columns():
    state = Heard()
    for line in SAMPLES.read_text().splitlines():
        sample = json.loads(line)
        if sample["direction"] == "server->subscriber":
            body, dialect = decode_frame(json.dumps(sample["payload"]).encode())
            state.fold(Message(body, "pub", 1, 1, dialect))
    photos = frame("photos", [photo_fields(photo) for photo in state.photos.values()])
    assert len(photos) == 2
    old, new = photos.loc["f4a5b1f0-f409-4019-b59c-84966ece0a53"], photos.loc["67d6d4fc-1242-11ef-94fc-9282ede469ff"]
    assert (old["batch_num"], old["sequence_num"], old["computed_name"]) == (1057, 1143, "SSP_1143.jpg")
    assert (new["batch_num"], new["sequence_num"], new["name"]) == (31, 31, "SSP_31.JPG")
    assert old["date_captured"].isoformat() == "2015-03-23T21:54:14.878000"
    assert new["created_app"].isoformat(timespec="microseconds") == "2024-05-14T22:36:29.104870+00:00"
    assert new["location"] == "Local Disk"
    cameras = frame("cameras", camera_rows(state.cameras.values(), str, False))
    assert cameras.loc["Nikon Corporation|D850|3119826", "batch_next"] == 32
    assert state.options["FilenameExpression"] == "SSP_[S]"
    assert state.node["NodeVersion"] == "v5.3"


def test_requests_and_what_became_of_them():
    state = Heard()
    raws = [Entry("req", 0, 0, b'{"msg_id":"Shoot"}')] * 3
    for number, seq in enumerate([4, 5, 6]):
        state.fold(
            Message({"msg_type": "Request", "msg_id": "Shoot", "msg_seq_num": seq}, "req", 1_000_000, 0, number=number)
        )
    state.fold(
        Message({"msg_type": "Response", "msg_id": "Shoot", "msg_seq_num": 4, "msg_result": True}, "rep", 3_000_000, 0)
    )
    state.no_reply(5, "unknown")
    table = frame("requests", request_rows(state, raws))
    assert list(table["delivery"].astype("string").fillna("open")) == ["answered", "unknown", "open"]
    assert table.loc[0, "reply_ms"] == pytest.approx(2.0)
    assert table.loc[0, "ok"]


def test_loss_is_a_table_and_says_what_made_up_for_it():
    state = Heard()
    for seq in (1, 5, 6, 9):
        state.fold(event(seq))
    state.loss.recovered("Synchronise")
    state.fold(event(20))
    table = frame("loss", loss_rows(state))
    assert list(table["n"]) == [3, 2, 10]
    assert list(table["recovered_by"].fillna("")) == ["Synchronise", "Synchronise", ""]


@pytest.mark.parametrize(
    "text", [None, 5, "", "2024", "20241399 00:00:00.000", "20240514 17:36:25.", "20240514 17:36:25.x"]
)
def test_what_is_no_date_is_not_known(text):
    captured = parse_captured(text)
    assert captured is None or captured.microsecond == 0


def test_only_version_1_keys_carry_a_time():
    assert created_ns("67d6d4fc-1242-11ef-94fc-9282ede469ff") == 1715726189104870000 // 100 * 100
    assert created_ns("f4a5b1f0-f409-4019-b59c-84966ece0a53") is None
    assert created_ns("DSC_0001") is None


_USUAL_KEYS = st.uuids(version=1).map(str)
_ODD_KEYS = st.sampled_from(
    ["DSC_0001", "00000000-0000-1000-8000-000000000000", "ffffffff-ffff-1fff-bfff-ffffffffffff"]
)
_USUAL_DATES = st.datetimes().map(lambda t: t.isoformat(" ", "milliseconds").replace("-", ""))
_ODD_DATES = st.sampled_from(
    ["", "20241399 00:00:00.000", "20240514 17:36:25", "20240514\n17:36:25.123", "\uff120240514 17:36:25.123"]
)


@given(
    st.lists(st.tuples(_USUAL_KEYS, _USUAL_DATES), min_size=1, max_size=8),
    st.lists(st.tuples(_USUAL_KEYS | _ODD_KEYS, _USUAL_DATES | _ODD_DATES), max_size=8),
)
def test_a_column_is_read_as_its_values_one_by_one(usual, odd):
    names = ("msg_type", "msg_id", "msg_seq_num", "PhotoKey", "PhotoDateCaptured")
    decode = shape_of("PhotoUpdated", names)
    assert decode is not None
    for rows in (usual, odd):
        bodies = [dict(zip(names, ("Event", "PhotoUpdated", 1, *row), strict=True)) for row in rows]
        columns = photo_columns([PhotoRecord(body["PhotoKey"], decode(json.dumps(body).encode())) for body in bodies])
        assert columns["created_app"] == [created_ns(key) for key, _ in rows]
        assert columns["date_captured"] == [parse_captured(date) for _, date in rows]
