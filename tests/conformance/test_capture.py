"""The real thing on paper: five events of v5.3 and one of 3.x beside what the simulator says of the same shot.

``pytest -s`` prints the difference. The author of the model compares it with a list of fields written by hand
(``tests/test_sim_model.py``); here the payloads themselves are the measure, and the simulator is heard over its sockets.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.conftest import Start
from tests.conformance.peer import Body, Frame, Peer, Target

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "reference" / "samples.jsonl"

pytestmark = pytest.mark.skipif(not SAMPLES.is_file(), reason="the samples are not beside the checkout")

#: The settings under which the simulator takes the very shot of the capture.
AS_CAPTURED = {
    "as_captured": True,
    "auto_scan_barcode": True,
    "barcode": "Hallo!",
    "origin_api": "ui",
    "version": "v5.3",
    "photo_width": 4128,
    "photo_height": 2752,
    "photo_bytes": [1_412_409, 1_412_409],
    "ping_s": 0,
}
#: What each documented order says after Busy, and where the five events of the capture are in it.
ORDERS = {
    "captured": ["Camera", "Ready", "options", "Local Disk", "node"],
    "ready_after_photo": ["Camera", "Ready", "Ready", "options", "Local Disk", "node"],
    "ready_before_photo": ["Ready", "Camera", "Ready", "options", "Local Disk", "node"],
}


def real(dialect: str) -> list[Body]:
    """Return the events that a real application has sent, in their order."""
    samples = [json.loads(line) for line in SAMPLES.read_text(encoding="utf-8").splitlines()]
    events = [one for one in samples if one["direction"] == "server->subscriber" and one["dialect"] == dialect]
    return [one["payload"] for one in sorted(events, key=lambda one: one.get("order", 0))]


def shot(start: Start, dialect: str, **settings: Any) -> tuple[Target, list[Frame]]:
    """Let a simulated camera take one photo and return what was heard of it."""
    scenario = json.dumps({"settings": settings})
    target = start(dialect, "--scenario", scenario, "--photos", "none", cameras=1)
    with Peer(target) as peer:
        since = peer.barrier()
        peer.all("Shoot")
        peer.until(lambda: peer.heard("NodeUpdated", since), "the end of the shot")
        return target, peer.events[since:]


def json_type(value: object) -> str:
    """Name the JSON type of a value; numbers with and without a point are told apart."""
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


def difference(theirs: Body, ours: Body) -> list[str]:
    """Compare two events field by field.

    Returns
    -------
    list of str
        ``field: theirs / ours`` for each field that only one has or whose type differs.
    """
    left = {name: json_type(value) for name, value in theirs.items()}
    right = {name: json_type(value) for name, value in ours.items()}
    return [
        f"{name}: {left.get(name, 'absent')} / {right.get(name, 'absent')}"
        for name in (*left, *(name for name in right if name not in left))
        if left.get(name) != right.get(name)
    ]


def printed(theirs: Body, ours: Body) -> list[str]:
    """Print the difference of two events, and below it the fields whose values differ; return the difference."""
    found = difference(theirs, ours)
    print(f"\n{theirs['msg_id']}: {len(theirs)} fields, the simulator's {len(ours)}")
    print("  keys and types:", "; ".join(found) or "no difference")
    for name in theirs:
        if name in ours and theirs[name] != ours[name]:
            print(f"  {name}: {theirs[name]!r:.60} / {ours[name]!r:.60}")
    return found


def step(body: Body) -> str:
    """Say in one word what an event of a shot is."""
    words = {"OptionsUpdated": "options", "NodeUpdated": "node"}
    return str(words.get(body["msg_id"]) or body.get("PhotoLocation") or body.get("CameraStatus"))


@pytest.mark.parametrize("order", ORDERS)
def test_the_five_events_of_the_capture(start: Start, order: str) -> None:
    """[O] The same fields of the same types in each event; the order is the captured one, or another that is documented."""
    theirs = real("v5.3")
    assert [step(one) for one in theirs] == ORDERS["captured"]
    _, frames = shot(start, "v5", **AS_CAPTURED, shot_order=order)
    busy, *ours = [one.wire for one in frames]
    assert step(busy) == "Busy"
    assert [step(one) for one in ours] == ORDERS[order]
    differences = {}
    for one in theirs:
        for other in (body for body in ours if step(body) == step(one)):
            differences[step(one)] = printed(one, other)
    assert differences == {name: [] for name in ORDERS["captured"]}


def test_the_order_of_keys_is_that_of_the_capture(start: Start) -> None:
    """[O] Nothing depends on it; a program that reads by eye finds things where they were."""
    _, frames = shot(start, "v5", **AS_CAPTURED)
    for one, other in zip(real("v5.3"), [frame.wire for frame in frames[1:]], strict=True):
        assert list(one) == list(other), one["msg_id"]


def test_what_changes_between_the_two_photo_updates(start: Start) -> None:
    """[O] The second repeats the first, but for the place, the orientation and the metadata, and adds the same fields."""
    _, frames = shot(start, "v5", **AS_CAPTURED)
    changed = []
    for events in (real("v5.3"), [one.wire for one in frames]):
        first, second = (one for one in events if one["msg_id"] == "PhotoUpdated")
        changed.append({name for name in second if second.get(name) != first.get(name)})
    assert changed[0] == changed[1]


def test_values_of_the_capture(start: Start) -> None:
    """[O] What is the same for every shot has the same value; what is not has the same form."""
    _, frames = shot(start, "v5", **AS_CAPTURED)
    forms = {
        "PhotoDateCaptured": r"\d{8} \d\d:\d\d:\d\d\.\d{3}",
        "PhotoShutterSpeed": r"10/\d+|",
        "PhotoAperture": r"\d+\.\d|",
        "PhotoISO": r"\d+|",
        "PhotoFocalLength": r"\d+\.\d|",
        "PhotoHash": r"[0-9A-F]{8}",
        "PhotoComputedName": r"SSP_\d+\.JPG",
        "PhotoName": r"SSP_\d+\.JPG",
        "CameraKey": r"Nikon Corporation\|D850\|\d{7}",
    }
    alike = {
        *("msg_type", "msg_id", "msg_user_id", "msg_result", "PhotoSelection", "PhotoLocation", "PhotoFormat"),
        *("PhotoOrigin", "PhotoOrientation", "PhotoWidth", "PhotoHeight", "PhotoFilesize", "PhotoIsImage"),
        *(
            "PhotoIsHidden",
            "PhotoIsScanned",
            "PhotoBarcode",
            "PhotoBarcodeFormat",
            "PhotoStorageID",
            "PhotoPersistentID",
        ),
        *("CameraSelection", "CameraMetadataTimestamp", "CameraOrientation", "CameraTriggerIndex", "CameraStatus"),
        *("CameraPhotosPerCapture", "NodeSelection", "NodeKey", "NodeEndpoint", "NodeNetworkMode", "NodeTimeout"),
        *("NodeVersion", "Barcode", "DefaultStorage", "DefaultFocusMode", "DefaultLiveviewFPS", "DefaultVideoFPS"),
        *("FilenameExpression", "PhotoSessionName", "PhotoSessionNum", "AutoConnect", "AutoScanBarcode"),
    }
    for one, other in zip(real("v5.3"), [frame.wire for frame in frames[1:]], strict=True):
        for name in one:
            if name in alike:
                assert other[name] == one[name], name
            if name in forms:
                assert re.fullmatch(forms[name], one[name]), (name, one[name])
                assert re.fullmatch(forms[name], other[name]), (name, other[name])


def test_the_published_event_of_3x(start: Start) -> None:
    """[O, published by the vendor] Every field of the sample is there with its type; few others are."""
    (theirs,) = real("v3")
    _, frames = shot(start, "v3", ping_s=0)
    ours = next(one.wire for one in frames if one.wire["msg_id"] == "PhotoUpdatedMsg")
    found = printed(theirs, ours)
    assert [one for one in found if one.split(": ")[1].startswith("absent /")] == found, "missing, or of another type"
    assert {one.partition(":")[0] for one in found} <= {"NodeKey"}
    assert ours["PhotoKey"] == ours["PhotoUUID"]
    alike = (
        "PhotoSelection",
        "PhotoLocation",
        "PhotoFormat",
        "PhotoWidth",
        "PhotoHeight",
        "PhotoIsImage",
        "PhotoIsScanned",
    )
    assert {name: ours[name] for name in alike} == {name: theirs[name] for name in alike}
