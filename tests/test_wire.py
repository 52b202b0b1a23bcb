"""The External API as data: the tables against the specification, the codec against real payloads."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rigkit.errors import BadMessage, UnknownName
from rigkit.wire import (
    BOM,
    FIELDS,
    MESSAGES,
    V3,
    V5,
    VERSIONS,
    Field,
    Message,
    check_request,
    decode_frame,
    encode_frame,
    messages_of,
)
from rigkit.wire.values import PROPERTIES, match_value, property_named, python_name, value_number

REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "reference"
needs_reference = pytest.mark.skipif(
    not REFERENCE.is_dir(), reason="the specification's tables are not beside the checkout"
)


def specified(name: str) -> list[dict[str, str]]:
    with (REFERENCE / name).open(newline="") as file:
        return list(csv.DictReader(file))


def samples() -> list[dict[str, object]]:
    return [json.loads(line) for line in (REFERENCE / "samples.jsonl").read_text().splitlines()]


@needs_reference
@pytest.mark.parametrize("version", VERSIONS)
def test_messages_are_those_of_the_specification(version):
    theirs = {row["msg_id"]: row for row in specified("messages.csv") if row["version"] == version}
    v3 = version == "3.38"
    ours = {spec.v3 if v3 else spec.msg_id: spec for spec in messages_of(version, public=False)}
    assert set(ours) == set(theirs)
    for msg_id, spec in ours.items():
        row = theirs[msg_id]
        public = spec in messages_of(version)
        assert public == (row["visibility"] == "public"), msg_id
        if not public:
            continue
        listed = row["request_fields"] if "request" in row["kind"] else row["response_fields"]
        spelt = {(FIELDS[name].v3 or name) if v3 else name for name in spec.fields_in(version)}
        assert spelt == {name.removesuffix("[]") for name in listed.split(";") if name}, msg_id


@needs_reference
@pytest.mark.parametrize("version", VERSIONS)
def test_fields_have_the_types_and_words_of_the_specification(version):
    rows = [
        row for row in specified("fields.csv") if row["version"] == version and row["type"] not in {"object", "UNKNOWN"}
    ]
    for row in rows:
        if "observed" in row["type"] or row["field"] in {"License", "CameraTriggerIndex"}:
            continue  # typed twice, or not at all, or observed as something else
        if row["field"] == "CameraLiveviewImage" and row["visibility"] == "public":
            continue  # "data" on one line, for the node, and "string" on another, for the client: base64
        field = by_wire_name(version)[row["field"]]
        assert field.listed_in(version), row["field"]
        assert field.type_in(version) == row["type"], row["field"]
        words = [word for word in row["enum_range"].split(";") if word]
        if words:
            assert set(field.words_in(version)) == set(words), row["field"]


@needs_reference
@pytest.mark.parametrize("version", VERSIONS)
def test_a_version_has_the_fields_of_its_specification(version):
    """And those that are seen in the capture or inside other fields: containers and their members."""
    theirs = {row["field"].removesuffix("[]") for row in specified("fields.csv") if row["version"] == version}
    theirs |= {
        name.removesuffix("[]")
        for row in specified("messages.csv")
        if row["version"] == version
        for name in (row["request_fields"] + ";" + row["response_fields"]).split(";")
    }
    ours = {name for name, field in by_wire_name(version).items() if not field.observed}
    assert ours - theirs == set()


@needs_reference
@pytest.mark.parametrize("version", VERSIONS)
def test_the_state_has_the_containers_of_the_specification(version):
    v3 = version == "3.38"
    theirs = {row["msg_id"]: row["response_fields"] for row in specified("messages.csv") if row["version"] == version}
    for spec in messages_of(version):
        if spec.msg_id in {"Synchronise", "GetCamera"}:
            listed = theirs[spec.v3 if v3 else spec.msg_id].split(";")
            ours = {(FIELDS[name].v3 or name) if v3 else name: FIELDS[name] for name in spec.reply_in(version)}
            assert set(ours) == {name.removesuffix("[]") for name in listed}
            for name in listed:
                wanted = "object[]" if name.endswith("[]") else "object"
                assert ours[name.removesuffix("[]")].type_in(version) == wanted, name


def by_wire_name(version: str) -> dict[str, Field]:
    """Return the fields that a version has, by their names on its wire."""
    v3 = version == "3.38"
    return {(field.v3 or name) if v3 else name: field for name, field in FIELDS.items() if field.listed_in(version)}


@pytest.mark.parametrize("dialect", [V3, V5])
def test_a_dialect_knows_the_messages_of_its_version(dialect):
    listed = {spec.msg_id for spec in messages_of(dialect.version, public=False)}
    assert {msg_id for msg_id in MESSAGES if dialect.knows(msg_id)} == listed
    assert not dialect.knows("Explode")
    assert ("OptionsUpdated" in listed, "PropertyUpdated" in listed) == (dialect is V5, dialect is V3)


def test_a_value_is_judged_by_the_version():
    number, kind = FIELDS["msg_seq_num"], FIELDS["CameraPropertyType"]
    assert [bool(number.problem(n, "3.38")) for n in (-(2**31), -1, 2**31 - 1, 2**31)] == [False, False, False, True]
    assert [bool(number.problem(n, "6.0")) for n in (-1, 0, 2**31, 2**32)] == [True, False, False, True]
    assert "ControlMode" not in kind.problem("ControlMod", "3.38")
    assert kind.problem("ControlMode", "3.38")
    assert kind.problem("ControlMode", "5.6") == kind.problem("ControlMode") == ""
    assert FIELDS["DefaultStorage"].problem("JPEG") == "", "tolerated where no version is asked for"
    node = FIELDS["NodeInfo"]
    nodes: list[object] = [{}, [], [{}], [1]]
    assert [bool(node.problem(one, "3.38")) for one in nodes] == [False, True, True, True]
    assert [bool(node.problem(one, "6.0")) for one in nodes] == [True, False, False, True]


def test_an_id_that_is_spelt_already_goes_out_as_it_is():
    body = {"msg_type": "Response", "msg_id": "Shoot", "msg_seq_num": -1, "msg_result": False}
    assert b'"ShootMsg"' in encode_frame(body, V3)
    assert json.loads(encode_frame(body, V3, spelt_id="Shoot").decode("utf-8-sig"))["msg_id"] == "Shoot"
    assert json.loads(encode_frame(body, V5, spelt_id="ShootMsg"))["msg_id"] == "ShootMsg"


@needs_reference
def test_every_known_payload_survives_the_codec_unchanged():
    for sample in samples():
        raw = json.dumps(sample["payload"]).encode()
        body, dialect = decode_frame(raw)
        again = json.loads(encode_frame(body, dialect).decode("utf-8-sig"))
        assert again == sample["payload"]
        assert dialect.name == ("v3" if str(sample["dialect"]) == "v3" else "v5")


def test_a_3x_frame_reads_in_current_names():
    raw = (
        BOM
        + b'{\n  "msg_type": "Event",\n  "msg_id": "PhotoUpdatedMsg",\n  "msg_ref_num": 71,\n  "GridBatchNum": 1057\n}'
    )
    body, dialect = decode_frame(raw)
    message = Message(body, dialect=dialect)
    assert dialect is V3
    assert (message.msg_id, message.msg_seq_num, message["PhotoBatchNum"]) == ("PhotoUpdated", 71, 1057)


def test_a_3x_state_reads_in_current_names():
    wire = {
        "msg_type": "Event",
        "msg_id": "SynchroniseMsg",
        "msg_ref_num": 3,
        "SetOptionsMsg": {"GridUniqueTag": "a"},
        "CameraUpdatedMsg": [{"CameraKey": "k", "GridBatchNum": 5}],
        "PhotoUpdatedMsg": [{"PhotoKey": "p", "GridSequenceNum": 9}],
        "PropertyUpdatedMsg": [{"CameraKey": "k", "PropertyInfoMsg": [{"CameraPropertyType": "ISO"}]}],
    }
    body, _ = decode_frame(json.dumps(wire).encode())
    assert body["OptionsInfo"] == {"UniqueTag": "a"}
    assert body["CameraInfo"] == [{"CameraKey": "k", "PhotoBatchNum": 5}]
    assert body["PhotoInfo"] == [{"PhotoKey": "p", "PhotoSequenceNum": 9}]
    assert body["PropertyUpdated"] == [{"CameraKey": "k", "CameraPropertyInfo": [{"CameraPropertyType": "ISO"}]}]


def test_encoding_for_3x_has_its_mark_its_names_and_no_new_fields():
    raw = encode_frame(
        {"msg_type": "Event", "msg_id": "CameraUpdated", "msg_seq_num": 1, "msg_user_id": 0, "msg_result": True}, V3
    )
    assert raw.startswith(BOM)
    assert json.loads(raw.decode("utf-8-sig")) == {
        "msg_type": "Event",
        "msg_id": "CameraUpdatedMsg",
        "msg_ref_num": 1,
        "Result": True,
    }


@pytest.mark.parametrize(
    "raw",
    [b"", b"\xff\xfe", b"nonsense", b"[1]", b'"text"', b"7", b"null", b'{"a":', b"[" * 100_000, b'{"a":"\xff"}', BOM],
)
def test_what_is_no_message_is_a_bad_message(raw):
    with pytest.raises(BadMessage):
        decode_frame(raw)


@given(st.binary(max_size=200))
def test_decoding_never_raises_anything_else(raw):
    try:
        body, _ = decode_frame(raw)
    except BadMessage:
        return
    assert isinstance(body, dict)


plain_values = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8)
json_values = (
    plain_values
    | st.lists(plain_values, max_size=3)
    | st.dictionaries(st.sampled_from(["CameraKey", "x"]), plain_values)
)
body_names = sorted(set(FIELDS) - {"msg_id", "msg_type", "msg_seq_num", "msg_user_id"})


@given(st.dictionaries(st.sampled_from(body_names), json_values, max_size=4), st.sampled_from([V3, V5]))
def test_to_wire_and_back_is_the_identity_in_both_dialects(fields, dialect):
    body = {"msg_type": "Event", "msg_id": "CameraUpdated", **fields, "msg_seq_num": 3}
    assert decode_frame(encode_frame(body, dialect)) == (body, dialect)


def test_request_checking_names_what_is_valid():
    check_request("Shoot", {"CameraSelection": "All", "PhotoOrigin": "x"})
    check_request("SetShutterButton", {"CameraSelection": "All", "CameraShutterButton": "half"})
    check_request("SetCameraTriggerIndex", {"CameraSelection": "All", "CameraTriggerIndex": "7"})
    with pytest.raises(UnknownName, match="Did you mean 'Shoot'"):
        check_request("Shot", {})
    with pytest.raises(UnknownName, match="BulbTimer"):
        check_request("Shoot", {"CameraSelection": "All", "Bulb": 3})
    with pytest.raises(ValueError, match="needs CameraSelection"):
        check_request("Shoot", {})
    with pytest.raises(ValueError, match="from 0 to 100"):
        check_request("ReleaseLatch", {"CameraLatchIndex": 101})
    with pytest.raises(ValueError, match="All, Single"):
        check_request("Shoot", {"CameraSelection": "Everything"})
    with pytest.raises(UnknownName):
        check_request("NetworkPing", {})


@pytest.mark.parametrize(
    ("value", "choices", "expected"),
    [
        (8, ["5.6", "8", "11"], "8"),
        ("f/8", ["5.6", "8.0", "11"], "8.0"),
        ("F8", ["5.6", "f/8", "11"], "f/8"),
        (0.008, ["1/100", "1/125", "1/160"], "1/125"),
        ("1/125 s", ["1/100", "1/125", "1/160"], "1/125"),
        ("1/125", ["10/1000", "10/1250", "10/1600"], "10/1250"),
        (100, ["auto", "100", "200"], "100"),
        ("ISO 200", ["100", "200"], "200"),
        ("AUTO", ["auto", "100"], "auto"),
        (3, ["100", "200"], None),
        ("daylight", ["Auto", "Cloudy"], None),
        ("anything", [], "anything"),
        (0, ["-1", "0", "1"], "0"),
    ],
)
def test_values_are_matched_as_people_write_them(value, choices, expected):
    assert match_value(value, choices) == expected


THIRD_STOPS = [f"{2 ** (n / 6):.1f}" for n in range(0, 30, 2)]


@given(st.sampled_from(THIRD_STOPS))
def test_a_value_never_matches_its_neighbour(value):
    others = [one for one in THIRD_STOPS if one != value]
    assert match_value(value, others) is None


def test_property_names_in_any_spelling():
    for kind in PROPERTIES:
        assert property_named(python_name(kind)) == property_named(kind) == kind
    assert python_name("ShutterSpeed") == "shutter_speed"
    assert python_name("ISO") == "iso"
    with pytest.raises(UnknownName, match="aperture"):
        property_named("apertur")


def test_numbers_out_of_values():
    assert value_number("1/4") == 0.25
    assert value_number("1/0") is None
    assert value_number(True) is None
    assert value_number(float("inf")) is None
    assert value_number("Auto") is None
