"""What rigkit makes of 3.x: the places where it says less, or says it otherwise, than the later versions."""

from __future__ import annotations

import json
from typing import Any

import pytest

import rigkit
from rigkit.record.lines import entry_of
from rigkit.record.state import State, camera_parts, photo_parts
from rigkit.wire import BOM, Message, decode_frame


def heard(wire: dict[str, Any]) -> State:
    """Return the state after one message of 3.x."""
    body, dialect = decode_frame(json.dumps(wire).encode())
    message = Message(body, "pub", 5, 7, dialect)
    state = State()
    state.fold(message, camera_parts(message), photo_parts(message))
    return state


CONTAINERS: dict[str, dict[str, Any]] = {
    "NodeUpdatedEventMsg": {"NodeName": "host", "NodeVersion": "v3.38"},
    "SetOptionsMsg": {"GridUniqueTag": "P017"},
    "LicenseMsg": {},
    "CameraUpdatedMsg": {"CameraKey": "k", "CameraStatus": "Ready", "GridBatchNum": 5},
    "PhotoUpdatedMsg": {"PhotoKey": "p", "PhotoLocation": "Camera", "GridSequenceNum": 9},
    "PropertyUpdatedMsg": {
        "CameraKey": "k",
        "PropertyInfoMsg": [{"CameraPropertyType": "ISO", "CameraPropertyValue": "100"}],
    },
}


LISTS = ("CameraUpdatedMsg", "PhotoUpdatedMsg", "PropertyUpdatedMsg")


@pytest.mark.parametrize("lists", [(), LISTS, tuple(CONTAINERS)], ids=["objects", "as specified", "lists"])
def test_the_containers_of_a_state_may_be_objects_or_lists(lists):
    wire = {name: [one] if name in lists else one for name, one in CONTAINERS.items()}
    state = heard({"msg_type": "Event", "msg_id": "SynchroniseMsg", "msg_ref_num": 3, **wire})
    assert state.node == {"NodeName": "host", "NodeVersion": "v3.38"}
    assert state.options == {"UniqueTag": "P017"}
    assert (state.cameras["k"].status, state.cameras["k"].count("PhotoBatchNum")) == ("Ready", 5)
    assert state.cameras["k"].properties["ISO"]["CameraPropertyValue"] == "100"
    assert state.photos["p"].info["PhotoSequenceNum"] == 9


def test_the_picture_of_a_live_view_frame_is_left_out_of_the_record():
    wire = {"msg_type": "Event", "msg_id": "LiveviewUpdatedMsg", "msg_ref_num": 4, "CameraKey": "k"}
    raw = BOM + json.dumps({**wire, "CameraLiveviewImage": "A" * 1000}, indent=4).encode()
    entry = entry_of("pub", 1, 2, raw)
    assert entry.bom
    assert json.loads(entry.raw) == {**wire, "rk_left_out": 1002}
    assert heard({**wire, "CameraLiveviewImage": "AAAA"}).cameras["k"].info == {}


def test_options_are_read_back_from_the_state_at_once(tmp_path):
    with rigkit.simulate(cameras=2, seed=1, session=tmp_path / "s", dialect="v3", speed=20.0) as rig:
        for n in range(5):
            assert rig.set_options(unique_tag=f"P{n}", default_storage="Both") == {
                "unique_tag": f"P{n}",
                "default_storage": "Both",
            }
        assert rig.options["unique_tag"] == "P4"
        assert "OptionsUpdated" not in set(rig.session.events["msg_id"])


def test_there_are_the_properties_of_the_time(tmp_path):
    with rigkit.simulate(cameras=2, seed=1, session=tmp_path / "s", dialect="v3", speed=20.0) as rig:
        assert set(rig.session.settings.index.get_level_values("property")) == {
            *("Aperture", "ShutterSpeed", "ISO", "Exposure", "Quality", "ProgramMode", "MeteringMode", "FocusMode"),
            *("DriveMode", "WhiteBalance", "Storage", "MirrorLockup"),
        }


def test_live_view_is_switched_on_heard_and_switched_off(tmp_path):
    with rigkit.simulate(cameras=2, seed=1, session=tmp_path / "s", dialect="v3", speed=5.0) as rig:
        one = rig["A02"]
        assert one.live(fps=20)["ok"].all()
        frame = next(message for message in rig.messages(timeout=5.0) if message.msg_id == "LiveviewUpdated")
        assert frame["rk_left_out"] > 100
        assert not one.live(False)["live"].any()
