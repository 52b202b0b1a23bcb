"""Golden settings: made, checked against what cameras offer, kept, compared, applied, saved."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rigkit
from rigkit.errors import RigError, UnknownName

SCENARIO = {
    "cameras": {
        "A02": {"properties": {"ISO": "400"}},
        "A04": {"read_only": ["ISO"], "properties": {"ISO": "800"}},
        "B01": {"group": "face"},
        "B02": {"group": "face"},
    }
}


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    """A rig on which nothing is ever changed."""
    with rigkit.simulate(cameras=10, seed=1, scenario=SCENARIO, session=tmp_path_factory.mktemp("one") / "s") as one:
        yield one


@pytest.fixture
def rig(tmp_path):
    with rigkit.simulate(cameras=10, seed=1, scenario=SCENARIO, session=tmp_path / "sitting") as one:
        yield one


def by_position(table):
    return table.set_index("position")


def noted(rig):
    rig.session.refresh()
    return [event for event in rig.session.events["msg_id"] if event == "profile"]


def test_a_profile_is_made_added_to_and_taken_from(rig):
    profile = rig.profile("face", iso=100, aperture=8)
    assert (profile.group, dict(profile.values)) == ("face", {"iso": "100", "aperture": "8"})
    assert dict(rig.profile("face", iso=200).values) == {"iso": "200", "aperture": "8"}
    assert dict(rig.profile("face", aperture=None).values) == {"iso": "200"}
    assert rig.profile("face") == rig.profiles["face"]
    assert dict(profile.values) == {"iso": "100", "aperture": "8"}, "what was handed out stays as it is"
    assert dict(rig.profile("face", iso=None).values) == {}
    assert rig.profiles == {}


def test_whose_profile_it_is(rig):
    assert rig.profile(iso=100).group == ""
    assert rig.group("face").profile(iso=200).group == "face"
    assert rig.profile("all cameras").values["iso"] == "100"
    assert set(rig.profiles) == {"", "face"}
    with pytest.raises(ValueError, match="Name one"):
        rig["A01", "A02"].profile(iso=100)
    with pytest.raises(UnknownName, match=r"'fact'.*'face'"):
        rig.profile("fact", iso=100)
    with pytest.raises(UnknownName, match="no profile 'A'"):
        rig.profile("A")


@pytest.mark.parametrize(
    ("values", "said"), [({"iso": 123}, "Did you mean '125'"), ({"isu": 100}, "Did you mean 'iso'")]
)
def test_what_no_camera_has_is_not_taken(rig, values, said):
    rig.profile("face", iso=100)
    with pytest.raises(UnknownName, match=said):
        rig.profile("face", aperture=8, **values)
    assert dict(rig.profile("face").values) == {"iso": "100"}
    assert len(noted(rig)) == 1


def test_what_differs_is_asked_anew_and_applied(tmp_path):
    stubborn = {**SCENARIO["cameras"], "A03": {"stubborn": ["ISO"], "properties": {"ISO": "200"}}}
    with rigkit.simulate(cameras=10, scenario={"cameras": stubborn}, session=tmp_path / "s") as rig:
        profile = rig.profile(iso=100, aperture="f/8")
        diff = by_position(profile.diff())
        assert dict(diff["found"]) == {"A02": "400", "A03": "200", "A04": "800"}
        assert dict(diff["writeable"]) == {"A02": True, "A03": True, "A04": False}
        assert set(diff["property"]) == {"ISO"}
        table = profile.apply()
        assert sorted(set(table[~table["ok"]]["position"])) == ["A03", "A04"]
        assert sorted(set(profile.diff()["position"])) == ["A03", "A04"]
        assert rig["A01", "A02"].profiles[""].diff().empty
        assert (rig.session.requests["msg_id"] == "GetCamera").sum() >= 3


def test_a_group_goes_before_the_whole_rig(rig):
    rig.profile("face", iso=200)
    whole = rig.profile(iso=100)
    assert sorted(whole.apply()["position"]) == ["A01", "A02", "A03", "A04", "A05", "A06", "A07", "A08"]
    table = by_position(rig.apply())
    assert table.loc["B01", "got"] == "200"
    assert table.loc["A01", "got"] == "100"
    assert set(rig.group("face").apply()["position"]) == {"B01", "B02"}
    assert set(rig.apply("face")["position"]) == {"B01", "B02"}
    assert set(rig["B02"].apply(rig.profile("face"))["position"]) == {"B02"}


def test_nothing_golden_to_apply(untouched):
    with pytest.raises(RigError, match="no golden settings"):
        untouched.apply()
    with pytest.raises(UnknownName, match=r"nowhere\.yaml"):
        untouched.apply("nowhere.yaml")


def test_a_profile_is_taken_from_the_cameras(rig):
    rig.set(aperture=11)
    profile = rig.profile("A", from_cameras=True, white_balance="Cloudy")
    assert profile.values["aperture"] == "11"
    assert profile.values["iso"] == "100", "what most of them have"
    assert profile.values["white_balance"] == "Cloudy"
    assert "program_mode" not in profile.values, "nobody can set it from here"
    assert "storage" not in profile.values


def test_a_camera_that_is_away_is_told_and_not_asked(tmp_path):
    away = {"cameras": {"A02": {"status": "Lost"}}}
    with rigkit.simulate(cameras=3, scenario=away, session=tmp_path / "s") as rig:
        profile = rig.profile(iso=200)
        table = by_position(profile.apply())
        assert dict(table["ok"]) == {"A01": True, "A03": True, "A02": False}
        diff = profile.diff()
        assert list(diff["position"]) == ["A02"]
        assert diff["found"].isna().all()


def test_profiles_go_on_with_the_next_sitting_and_when_opened_again(rig):
    rig.profile("face", iso=100)
    rig.begin("P017")
    assert dict(rig.profile("face").values) == {"iso": "100"}
    rig.close()
    assert rigkit.open(rig.session.path).state.profiles == {"face": {"ISO": "100"}}


def test_two_groups_that_disagree_are_named(tmp_path):
    layout = tmp_path / "rig.csv"
    with rigkit.simulate(cameras=3, seed=1, session=tmp_path / "a") as rig:
        places = rig.save_layout(layout)
    text = "\n".join(["position,serial,groups", *(f"P{n},{p.serial},left;face" for n, p in enumerate(places.places))])
    layout.write_text(text)
    with rigkit.simulate(cameras=3, seed=1, session=tmp_path / "b", layout=layout) as rig:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            rig.profile("face", iso=100, aperture=8)
            rig.profile("left", aperture="f/8")
        with pytest.warns(RuntimeWarning, match="P0, P1, P2, iso is 200 in left and 100 in face; 200 holds"):
            rig.profile("left", iso=200)
        assert set(rig.apply().query("property == 'ISO'")["got"]) == {"200"}


# -- files ----------------------------------------------------------------------------------------------------------------


def test_profiles_are_saved_and_loaded(rig, tmp_path):
    rig.profile(white_balance="Daylight", mirror_lockup="Off")
    rig.profile("face", iso=100, shutter_speed="1/125")
    path = rig.save_profiles(tmp_path / "golden.yaml")
    assert path.read_text().splitlines()[0] == "all cameras:"
    saved = rig.profiles
    rig.profile("face", iso=None, shutter_speed=None)
    rig.profile(white_balance="Cloudy")
    assert rig.load_profiles(path) == saved
    assert list(tmp_path.glob(".*")) == []
    one = rig.profile("face").save(tmp_path / "face.yaml")
    assert one.read_text() == "face:\n  iso: '100'\n  shutter_speed: 1/125\n"
    assert set(rig.apply(one)["ok"]) == {True}


def test_where_profiles_cannot_be_written_is_named(rig, tmp_path):
    profile = rig.profile("face", iso=100)
    for save in (profile.save, rig.save_profiles):
        with pytest.raises(RigError, match=r"golden\.yaml: the golden settings can't be written there \(No such"):
            save(tmp_path / "nowhere" / "golden.yaml")
    (tmp_path / "golden.yaml").mkdir()
    with pytest.raises(RigError, match="Is a directory"):
        profile.save(tmp_path / "golden.yaml")
    assert list(tmp_path.glob(".*")) == []


def test_a_file_by_hand_means_what_it_says(rig, tmp_path):
    path = tmp_path / "golden.yaml"
    path.write_text("\ufeff# by hand\nface: {iso: 100, mirror_lockup: off, exposure: +0.3, shutter: 1/125}\n", "utf-8")
    rig.load_profiles(path)
    assert dict(rig.profile("face").values) == {
        "iso": "100",
        "mirror_lockup": "off",
        "exposure": "+0.3",
        "shutter_speed": "1/125",
    }
    assert set(rig.apply()["ok"]) == {True}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("face: {iso: 123}", "group face: no ISO value '123'. Did you mean '125'"),
        ("face: {isu: 100}", "line 1, group face, setting isu: no property 'isu'. Did you mean 'iso'"),
        ("fact: {iso: 100}", "group fact: no group 'fact'. Did you mean 'face'"),
        ("A: {iso: 100}\nface:\n  iso:\n", "line 3, group face, setting iso: expected one value"),
        ("face: {iso: [100, 200]}", "setting iso: expected one value"),
        ("face: {iso: 100, ISO: 200}", "setting ISO: is there twice"),
        ("face: {iso: 100}\nface: {iso: 200}", "line 2, group face: is there twice"),
        ("'': {iso: 100}\nall cameras: {iso: 200}", "line 2, group all cameras: is there twice"),
        ("face: 100", "group face: expected settings"),
        ("- face", "expected groups and their settings"),
        ("", "expected groups and their settings"),
        ("face: {iso: 100", "is not YAML"),
        ("face: !!python/object/apply:os.system ['true']", "group face: expected settings"),
    ],
)
def test_nothing_of_a_wrong_file_is_taken(untouched, tmp_path, text, said):
    path = tmp_path / "golden.yaml"
    path.write_text(text)
    with pytest.raises(ValueError) as raised:
        untouched.load_profiles(path)
    assert said in str(raised.value)
    assert str(path) in str(raised.value)
    assert untouched.profiles == {}
    assert noted(untouched) == []


def test_every_problem_of_a_file_is_named(untouched, tmp_path):
    path = tmp_path / "golden.yaml"
    path.write_bytes(b"A: {isu: 1}\nnobody: {iso: 100}\nface: {iso: 123}\n")
    with pytest.raises(ValueError, match=r"(?s)isu.*nobody.*123"):
        untouched.load_profiles(path)
    path.write_bytes(b"face: \xff\xfe")
    with pytest.raises(ValueError, match="is not YAML"):
        untouched.load_profiles(path)
    with pytest.raises(ValueError, match="can't be read"):
        untouched.load_profiles(tmp_path / "nowhere.yaml")


@pytest.fixture(scope="module")
def shared_rig(tmp_path_factory):
    with rigkit.simulate(cameras=2, session=tmp_path_factory.mktemp("shared") / "s") as one:
        yield one


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_saved_is_loaded_equal(shared_rig, tmp_path, data):
    offered = {
        kind.lower(): choices.split("; ")
        for (_, kind), choices in shared_rig.session.settings["choices"].items()
        if kind in {"ISO", "Aperture", "Quality", "Exposure"}
    }
    values = data.draw(st.fixed_dictionaries({}, optional={kind: st.sampled_from(of) for kind, of in offered.items()}))
    shared_rig.profile("A", **dict.fromkeys(offered))
    if values:
        shared_rig.profile("A", **values)
    path = shared_rig.save_profiles(Path(tmp_path) / "golden.yaml")
    before = shared_rig.profiles
    if before:
        assert shared_rig.load_profiles(path) == before
        assert dict(before["A"].values) == values


def test_what_is_shown_is_one_table(rig):
    profile = rig.profile(iso=100)
    assert repr(profile).startswith("Profile all cameras: 1 setting, 10 cameras")
    assert "A02 400, A04 800" in repr(profile)
    assert profile._repr_html_().count("<table") == 1
