"""What a server says when asked for its state, and that the events add up to it. Sections 3.3, 6 and 7 of the reference."""

from __future__ import annotations

from typing import Any

import pytest

from rigkit.wire import FIELDS, MESSAGES
from tests.conformance.peer import RESTLESS, Body, Peer, State

#: Without these the vendor's scripts and library fail.
NEEDED = {
    *("CameraKey", "CameraSerialNumber", "CameraMake", "CameraModel", "CameraName", "CameraStatus", "CameraGroup"),
}


def test_the_state_holds_options_nodes_cameras_and_photos(peer: Peer) -> None:
    """[D] In the reply from 4.11 on. 3.x: a bare acknowledgement, then the state on the publisher."""
    since = peer.barrier()
    reply = peer.do("Synchronise")
    if peer.target.v3:
        assert {*reply} <= {"msg_type", "msg_id", "msg_seq_num", "msg_result"}, "3.x answers with the result alone"
        peer.until(lambda: peer.heard("Synchronise", since), "the state on the publisher")
        (body,) = peer.heard("Synchronise", since)
        assert isinstance(body["PropertyUpdated"], list)
        assert isinstance(body["NodeInfo"], list | dict)
    else:
        body = reply
        peer.barrier()
        assert not peer.heard("Synchronise", since), "what was answered is not published too"
        assert isinstance(body["NodeInfo"], list)
    assert isinstance(body["OptionsInfo"], dict)
    assert isinstance(body["CameraInfo"], list)
    assert isinstance(body["PhotoInfo"], list)


def test_each_camera_is_described(first: State, peer: Peer) -> None:
    """[D] At least what the vendor's clients index; from the simulator every field of its version."""
    for info in first.cameras.values():
        assert {*info} >= NEEDED
        if peer.target.simulated:
            listed = {*MESSAGES["CameraUpdated"].fields_in(peer.target.version)}
            assert listed - {"CameraKeys", "CameraPropertyInfo"} <= {*info}
    assert len(first.cameras) >= 1


def test_each_property_has_a_value_and_a_range(first: State, peer: Peer) -> None:
    """[D] Type, value, writeable, range. [I] A value that can be set is in its range."""
    for told in first.properties.values():
        for kind, one in told.items():
            assert {
                "CameraPropertyType",
                "CameraPropertyValue",
                "CameraPropertyIsWriteable",
                "CameraPropertyRange",
            } <= {*one}
            if one["CameraPropertyIsWriteable"] and one["CameraPropertyRange"] and peer.target.simulated:
                assert one["CameraPropertyValue"] in one["CameraPropertyRange"], kind
    if peer.target.simulated:
        assert all({"Aperture", "ShutterSpeed", "ISO"} <= {*told} for told in first.properties.values())


def test_the_properties_are_those_of_the_version(first: State, peer: Peer) -> None:
    """[D] 3.38 has twelve; ColourTemperature came with 4.18, PixelShiftMode and ControlMode with 5.6."""
    words = {*FIELDS["CameraPropertyType"].choices}
    if peer.target.v3:
        words -= {"ColourTemperature", "PixelShiftMode", "ControlMode"}
    assert all({*told} <= words for told in first.properties.values())


def test_the_state_of_3x_has_the_containers_of_3x(peer: Peer) -> None:
    """[D] NodeUpdatedEventMsg, SetOptionsMsg and LicenseMsg are objects, the other three are lists."""
    if not peer.target.v3:
        pytest.skip("later versions have other containers")
    since = peer.barrier()
    peer.do("Synchronise")
    peer.until(lambda: peer.heard("Synchronise", since), "the state on the publisher")
    wire = next(one.wire for one in peer.events[since:] if one.body["msg_id"] == "Synchronise")
    assert {name: type(value) for name, value in wire.items() if name.endswith("Msg")} == {
        **dict.fromkeys(["NodeUpdatedEventMsg", "SetOptionsMsg", "LicenseMsg"], dict),
        **dict.fromkeys(["CameraUpdatedMsg", "PhotoUpdatedMsg", "PropertyUpdatedMsg"], list),
    }


def test_the_node_tells_a_version_of_its_dialect(first: State, peer: Peer) -> None:
    """[O] NodeVersion, "v5.3" in the capture, is the only place where an application tells its version."""
    versions = [node["NodeVersion"] for node in first.nodes]
    assert versions
    assert all(one.startswith("v3.") == peer.target.v3 for one in versions), versions


def test_each_option_of_the_version_is_told(first: State, peer: Peer) -> None:
    """[D] OptionsInfo has the fields of the specification; those internal to the application may be missing."""
    listed = {*MESSAGES["SetOptions"].fields_in(peer.target.version)}
    if peer.target.simulated:
        assert listed <= {*first.options}
    else:
        assert len(listed & {*first.options}) > len(listed) / 2


def test_photos_belong_to_cameras_that_are_known(peer: Peer) -> None:
    """[D] CameraKey links the two."""
    peer.shoot()
    state = peer.state()
    assert state.photos
    assert {one["CameraKey"] for one in state.photos.values()} <= {*state.cameras}


def test_asking_changes_nothing_and_says_the_same(peer: Peer) -> None:
    """[D] Synchronise and GetCamera only look."""
    one, two = peer.settled(), peer.state()
    assert (one.options, one.properties, one.photos) == (two.options, two.properties, two.photos)
    moving = RESTLESS if not peer.target.simulated else {"CameraVideoElapsedTime"}
    for key in one.cameras:
        assert _without(one.cameras[key], moving) == _without(two.cameras[key], moving)


def test_getcamera_says_of_a_camera_what_synchronise_says(peer: Peer) -> None:
    """[D] The lighter question of 4.17 has the same answer, and `CameraInfo` is an array for one camera too."""
    if not peer.target.knows("GetCamera"):
        pytest.skip("GetCamera came with 4.17")
    state = peer.settled()
    for key, info in state.cameras.items():
        (told,) = peer.one("GetCamera", key)["CameraInfo"]
        properties = {one["CameraPropertyType"]: one for one in told.pop("CameraPropertyInfo", [])}
        assert _without(told, RESTLESS) == _without(info, RESTLESS)
        assert properties == state.properties[key]


def _without(info: Body, names: Any) -> Body:
    return {name: value for name, value in info.items() if name not in names}


class TestSelections:
    """Section 5 of the reference: who is meant."""

    def test_getcamera_answers_for_the_selected_cameras_and_no_others(self, peer: Peer, first: State) -> None:
        """[D] All, Single, Multiple, Group."""
        if not peer.target.knows("GetCamera"):
            pytest.skip("GetCamera came with 4.17")

        def keys(**selection: Any) -> list[str]:
            return [one["CameraKey"] for one in peer.do("GetCamera", **selection)["CameraInfo"]]

        known = [*first.cameras]
        assert sorted(keys(CameraSelection="All")) == sorted(known)
        assert keys(CameraSelection="Single", CameraKey=known[-1]) == [known[-1]]
        some = known[::2]
        assert sorted(keys(CameraSelection="Multiple", CameraKeys=some)) == sorted(some)
        assert keys(CameraSelection="Multiple", CameraKeys=known[:1]) == known[:1]
        for group in {one["CameraGroup"] for one in first.cameras.values()} - {""}:
            members = [key for key, one in first.cameras.items() if one["CameraGroup"] == group]
            assert sorted(keys(CameraSelection="Group", CameraGroup=group)) == sorted(members)

    @pytest.mark.parametrize("selection", ["All", "Single", "Multiple", "Group"])
    def test_a_setting_reaches_the_selected_cameras_and_no_others(
        self, peer: Peer, first: State, selection: str
    ) -> None:
        """[D] Shown by events about those cameras, and by the state."""
        keys = peer.ready(first)
        kind, values = writeable(first, keys)
        peer.do("SetCameraGroup", CameraSelection="Multiple", CameraKeys=keys[1:3], CameraGroup="conformance")
        fields: dict[str, tuple[Body, list[str]]] = {
            "All": ({}, keys),
            "Single": ({"CameraKey": keys[-1]}, keys[-1:]),
            "Multiple": ({"CameraKeys": keys[:2]}, keys[:2]),
            "Group": ({"CameraGroup": "conformance"}, keys[1:3]),
        }
        companion, meant = fields[selection]
        since = peer.barrier()
        peer.do(
            "SetProperty",
            CameraSelection=selection,
            **companion,
            CameraPropertyType=kind,
            CameraPropertyValue=values[1],
        )
        after = peer.until_state(lambda now: all(now.value(key, kind) == values[1] for key in meant), "the setting")
        assert [key for key in after.cameras if after.value(key, kind) == values[1]] == meant
        peer.barrier()
        told = {event["CameraKey"] for event, _ in properties_told(peer, since, kind)}
        assert told == {*meant}

    @pytest.mark.parametrize("selection", ["All", "Single", "Multiple"])
    def test_photos_are_selected_likewise(self, peer: Peer, selection: str) -> None:
        """[D] All, Single, Multiple; there is no group of photos."""
        photos = peer.shoot()
        keys = [one["PhotoKey"] for one in photos]
        meant = {"All": keys, "Single": keys[:1], "Multiple": keys[1:3]}[selection]
        if selection == "All" and not peer.target.simulated:
            pytest.skip("that would rename photos that the tests did not take")
        companion: Body = {"Single": {"PhotoKey": meant[0]}, "Multiple": {"PhotoKeys": meant}}.get(selection, {})
        peer.do("RenamePhoto", PhotoSelection=selection, **companion, PhotoComputedName="selected")
        after = peer.until_state(
            lambda now: all(now.photos[key]["PhotoComputedName"].startswith("selected") for key in meant),
            "the new names",
        )
        renamed = [key for key in keys if after.photos[key]["PhotoComputedName"].startswith("selected")]
        assert renamed == meant


def writeable(state: State, keys: list[str]) -> tuple[str, list[str]]:
    """Find a property that all these cameras can set alike, and its values, the present one first."""
    for kind in ("ISO", "Aperture", "ShutterSpeed", *state.properties[keys[0]]):
        told = [state.properties[key].get(kind) for key in keys]
        if all(one and one["CameraPropertyIsWriteable"] and one == told[0] for one in told) and told[0]:
            now = told[0]["CameraPropertyValue"]
            others = [value for value in told[0]["CameraPropertyRange"] if value != now]
            if others:
                return kind, [now, *others]
    pytest.skip("no property that these cameras could set alike")


def properties_told(peer: Peer, since: int, kind: str) -> list[tuple[Body, Body]]:
    """Return events that tell of a property, with what they tell: PropertyUpdated in 3.x, else inside CameraUpdated."""
    return [
        (event, one)
        for event in peer.heard("PropertyUpdated" if peer.target.v3 else "CameraUpdated", since)
        for one in event.get("CameraPropertyInfo", [])
        if one["CameraPropertyType"] == kind
    ]


def test_what_was_told_last_is_what_the_state_says(peer: Peer, first: State) -> None:
    """[D the vendor's library merges events by key] After a busy sitting the merged events equal the state."""
    since = peer.barrier()
    keys = peer.ready(first)
    kind, values = writeable(first, keys)
    peer.one("RenameCamera", keys[0], CameraName="mirror")
    peer.one("SetCameraGroup", keys[1], CameraGroup="mirror")
    peer.all("SetProperty", CameraPropertyType=kind, CameraPropertyValue=values[-1])
    peer.do("SetOptions", UniqueTag="mirror")
    peer.store_on("Card")
    taken = [one["PhotoKey"] for one in peer.shoot()]
    peer.do("Download", PhotoSelection="Multiple", PhotoKeys=taken[:2])
    peer.until_state(
        lambda now: all(now.photos[key]["PhotoLocation"] == "Local Disk" for key in taken[:2]), "the downloads"
    )
    peer.do("SetBatchNum", PhotoBatchNum=500)
    peer.all("EnableLiveview", Enable=True)
    peer.until(lambda: peer.heard("LiveviewUpdated", since), "live view")
    peer.all("EnableLiveview", Enable=False)
    state = peer.settled()
    peer.barrier()

    cameras: dict[str, Body] = {}
    photos: dict[str, Body] = {}
    options: Body = {}
    properties: dict[str, Body] = {}
    for body in (one.body for one in peer.events[since:]):
        fields = {name: value for name, value in body.items() if not name.startswith("msg_")}
        if body["msg_id"] in ("CameraUpdated", "PropertyUpdated"):
            for one in fields.pop("CameraPropertyInfo", []):
                properties.setdefault(body["CameraKey"], {})[one["CameraPropertyType"]] = one
            cameras.setdefault(body["CameraKey"], {}).update(fields)
        elif body["msg_id"] == "PhotoUpdated":
            photos.setdefault(body["PhotoKey"], {}).update(fields)
        elif body["msg_id"] == "OptionsUpdated":
            options.update(fields)
    assert {*cameras} == {*keys}
    for key, told in cameras.items():
        assert _without(told, RESTLESS) == {name: state.cameras[key].get(name) for name in told if name not in RESTLESS}
        assert properties[key] == {one: state.properties[key][one] for one in properties[key]}
    assert {*taken} <= {*photos}
    for key, told in photos.items():
        assert told == {name: state.photos[key].get(name) for name in told}
    assert options or peer.target.v3, "3.x does not tell of options; later versions do"
    assert options == {name: state.options[name] for name in options}


def test_the_state_of_3x_reaches_a_subscriber_that_came_just_before_asking(target: Any, simulated: None) -> None:
    """[D the vendor's 3.x script does this; O at 0 s 3 of 12 runs succeed, at 0.05 s all] Ten of ten."""
    if not target.v3:
        pytest.skip("later versions answer in the reply")
    with Peer(target) as peer:
        for _ in range(10):
            sub = peer.subscriber()
            reply = peer.say(peer.frame("Synchronise"))
            assert reply.wire["Result"] is True
            deadline = peer.target.patience * 1000
            assert sub.poll(round(deadline)), "the state was published before the newcomer had joined"
            sub.close(linger=0)
