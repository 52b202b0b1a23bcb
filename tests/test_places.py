"""Who should stand where: what is said when connecting, bodies that are swapped, and places at which nobody was seen."""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pandas.testing import assert_frame_equal

import rigkit
from rigkit.account.tables import exposure_rows
from rigkit.errors import LayoutError, NotReady, RigError, UnknownName
from rigkit.record.layout import Layout, Place
from rigkit.record.state import UNSEEN
from tests.test_account import Bench, S
from tests.trigger_box import TriggerBox

TABLES = ("cameras", "settings", "shots", "exposures", "photos")


@pytest.fixture(scope="module")
def serials(tmp_path_factory) -> list[str]:
    """Serials of the simulator's cameras, in order; the same in every test, since the seed is."""
    with rigkit.simulate(6, seed=1, session=tmp_path_factory.mktemp("serials") / "s") as rig:
        return [str(one) for one in rig.cameras["serial"]]


def layout_of(serials: list[str], *absent: str) -> Layout:
    """F01 to F06; of the absent ones the serial is of a body that is nowhere."""
    places = [
        Place(f"F0{n}", serial=serial, groups=("all", "left" if n < 4 else "right"), hub=f"hub{n % 2}")
        for n, serial in enumerate(serials, 1)
    ]
    return Layout(one._replace(serial=f"999{one.position[1:]}") if one.position in absent else one for one in places)


@pytest.fixture
def rig(tmp_path, serials) -> Iterator[rigkit.Rig]:
    """Six places; at F06 nobody was seen, and a stranger is about."""
    layout = layout_of(serials, "F06")
    with rigkit.simulate(6, seed=1, session=tmp_path / "s", layout=layout, speed=5.0) as one:
        yield one


def payloads(rig: rigkit.Rig) -> list[str]:
    return list(rig.session.requests["payload"])


# -- what is said when connecting -------------------------------------------------------------------------------------


def test_the_line_of_a_rig_of_96(tmp_path, capsys):
    with rigkit.simulate(96, seed=1, session=tmp_path / "all", photos="none") as rig:
        rig.save_layout(tmp_path / "rig.csv")
    layout = Layout.load(tmp_path / "rig.csv").replaced("F03", "6181433")
    capsys.readouterr()
    with rigkit.simulate(96, seed=1, session=tmp_path / "s", layout=layout, photos="none", speed=20.0) as rig:
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "95 of 96 Ready; F03 (6181433) not seen"
        assert lines[1].startswith("Not in the layout, so not expected to fire: ")
        assert 'rig.replace("F03", serial="' in lines[1]
        assert len(rig.cameras[rig.cameras["expected"]]) == 96
        shot = rig.shoot(anyway=True)
        assert not shot.ok
        assert (shot.n_exposed, len(shot.expected)) == (95, 96)
        assert shot.missing["position"].to_list() == ["F03"]
        assert repr(shot).startswith("Shot 1: 95/96 exposed")
        assert "F03 missing: not_ready (not seen)" in repr(shot)


def test_whoever_is_not_seen_stops_a_shot_at_once(rig):
    with pytest.raises(NotReady, match=r"F06 \(not seen\)"):
        rig.shoot(ready_timeout=30.0)
    with pytest.raises(NotReady, match=r"F06"):
        rig.group("right").shoot(ready_timeout=30.0)
    assert rig.group("left").shoot().ok
    assert rig.without("F06", reason="being repaired").shoot().ok
    assert rig.session.shots["n_excluded"].to_list() == [0, 1]


def test_connecting_to_a_rig_that_is_live_already(tmp_path, serials, capsys):
    address = "sim:6?seed=1&photos=none"
    with rigkit.connect(address, session=tmp_path / "s") as rig:
        capsys.readouterr()
        again = rigkit.connect(address, layout=layout_of(serials))
        assert again is rig
        assert "6 of 6 Ready" in capsys.readouterr().out
        assert rig.cameras["position"].to_list() == [f"F0{n}" for n in range(1, 7)]
        with pytest.raises(LayoutError, match=r"nothing.csv"):
            rigkit.connect(address, layout=tmp_path / "nothing.csv")


def test_a_session_that_goes_on_keeps_its_layout_until_there_is_another(tmp_path, serials, capsys):
    first, second = layout_of(serials, "F06"), layout_of(serials[::-1])
    with rigkit.simulate(6, seed=1, session=tmp_path / "s", layout=first, speed=5.0) as rig:
        rig.shoot(anyway=True, wait="files")
    capsys.readouterr()
    with rigkit.simulate(6, seed=1, session=tmp_path / "s", speed=5.0) as rig:
        assert rig.layout == first
        assert "5 of 6 Ready; F06 (99906) not seen" in capsys.readouterr().out
    with rigkit.simulate(6, seed=1, session=tmp_path / "s", layout=second, speed=5.0) as rig:
        rig.shoot(wait="files").check()
        live = rig.session
    exposures = rigkit.open(tmp_path / "s").exposures
    assert_frame_equal(exposures, live.exposures)
    key = next(key for key in live.state.cameras if serials[0] in key)
    assert exposures.xs(key, level="camera_key")["position"].to_list() == ["F01", "F06"], "where it stood when it fired"


def test_bad_layouts_make_no_session(tmp_path):
    for text in ("position,serial\nA,1\nA,2\n", "position,serial\nA,1\nB,1\n", "where\nA\n"):
        (tmp_path / "rig.csv").write_text(text)
        with pytest.raises(LayoutError):
            rigkit.simulate(2, session=tmp_path / "s", layout=tmp_path / "rig.csv")
    assert not (tmp_path / "s").exists()


# -- bodies that are swapped ------------------------------------------------------------------------------------------


def test_a_swapped_body_keeps_its_history_apart(rig, serials):
    before = rig.shoot(anyway=True, wait="files")
    told = rig.replace("F06", serial=serials[5])
    assert told["serial"].to_list() == [serials[5]]
    swapped = rig.swap("F01", "F02")
    assert dict(zip(swapped["position"], swapped["serial"], strict=True)) == {"F01": serials[1], "F02": serials[0]}
    after = rig.shoot(wait="files")
    exposures = rig.session.exposures
    assert exposures.loc[1].sort_values("position")["serial"].to_list() == [*serials[:5], "99906"]
    assert exposures.loc[2].sort_values("position")["serial"].to_list() == [serials[1], serials[0], *serials[2:]]
    assert sorted(before.expected) == sorted(after.expected) == [f"F0{n}" for n in range(1, 7)]
    assert "F06 missing" in repr(before)
    photos = rig.session.photos
    assert len(photos[photos["position"] == "F06"]) == 1
    rig.close()
    again = rigkit.open(rig.session.path)
    for name in TABLES:
        assert_frame_equal(getattr(again, name), getattr(rig.session, name))


def test_a_shot_is_retaken_by_whoever_stands_there_now(rig, serials):
    first = rig.shoot(anyway=True, pose="apose")
    rig.replace("F06", serial=serials[5])
    again = first.retake()
    assert (again.ok, len(again.expected)) == (True, 6)
    assert first.retake(anyway=True).ok


def test_replacing_while_the_old_body_is_there_makes_it_a_stranger(rig, serials, capsys):
    rig.replace("F05", serial=serials[5])
    assert f"A05 ({serials[4]})" in capsys.readouterr().out
    assert rig["F05"].cameras["serial"].to_list() == [serials[5]]
    shot = rig.without("F06").shoot()
    assert shot.expected == ["F01", "F02", "F03", "F04", "F05"]
    with pytest.raises(LayoutError, match=r"rig.swap\(\"F05\", \"F01\"\)"):
        rig.replace("F05", serial=serials[0])
    for call in (lambda: rig.replace("F99", serial="1"), lambda: rig.swap("F01", "F99")):
        with pytest.raises(UnknownName, match="F99"):
            call()
    assert rig.replace("F05", serial=serials[4])["serial"].to_list() == [serials[4]]


def test_without_a_layout_there_is_nothing_to_change_and_closed_is_closed(tmp_path, rig, serials):
    with rigkit.simulate(2, seed=1, session=tmp_path / "none") as other, pytest.raises(RigError, match="save_layout"):
        other.replace("A01", serial="1")
    rig.close()
    entries = len(rig.session.log)
    with pytest.raises(RigError, match="closed"):
        rig.replace("F06", serial=serials[5])
    rig.without("F01")
    assert len(rig.session.log) == entries, "what is not on disk is not shown either"


def test_a_camera_that_is_seen_later_stands_at_its_place():
    bench = Bench()
    bench.state.layout = Layout([Place("L1", "111"), Place("L2", "222"), Place("L3", name="cam-c")])
    for key, serial, name in (("cam0", "111", "x"), ("cam1", "", "y"), ("cam2", "", "cam-c")):
        bench.say(0, "CameraUpdated", CameraKey=key, CameraSerialNumber=serial, CameraName=name)
    assert bench.state.members() == ["cam0", UNSEEN + "L2", "cam2"], "a serial that is not known yet is nobody's"
    assert bench.state.present([UNSEEN + "L2", "cam0"]) == [UNSEEN + "L2", "cam0"]
    bench.say(0, "CameraUpdated", CameraKey="cam1", CameraSerialNumber="0222")
    assert bench.state.members() == ["cam0", "cam1", "cam2"]
    assert bench.state.present([UNSEEN + "L2", "cam0"]) == ["cam1", "cam0"]
    bench.say(0, "CameraUpdated", CameraKey="cam2", CameraName="renamed")
    assert bench.state.members()[2] == UNSEEN + "L3", "known by its name alone, and that is another now"


@pytest.mark.parametrize("statuses", [("Ready", "Absent"), ("Absent", "Ready")])
def test_two_entries_of_one_body_are_the_one_that_is_there(statuses):
    bench = Bench(2)
    bench.state.layout = Layout([Place("L1", "111")])
    for key, status in zip(bench.keys, statuses, strict=True):
        bench.say(0, "CameraUpdated", CameraKey=key, CameraSerialNumber="111", CameraStatus=status)
    assert bench.state.members() == [bench.keys[statuses.index("Ready")]]
    for key in bench.keys:
        bench.say(1, "CameraUpdated", CameraKey=key, CameraStatus="Absent")
    assert len(bench.state.members()) == 1


def test_positions_are_those_of_when_it_was_fired():
    bench = Bench(2)
    bench.state.layout = Layout([Place("L1", "111"), Place("L2", "222")])
    for key, serial in (("cam0", "111"), ("cam1", "222")):
        bench.say(0, "CameraUpdated", CameraKey=key, CameraSerialNumber=serial)
    bench.fire()
    bench.state.layout = bench.state.layout.swapped("L1", "L2")
    bench.fire(2 * S, shot_id=2)

    def label(key: str) -> str:
        place = bench.state.place_of(key)
        return place.position if place is not None else key

    rows = list(exposure_rows(bench.account, bench.state, label, simulated=True))
    assert [(one["position"], one["serial"]) for one in rows] == [
        ("L1", "111"),
        ("L2", "222"),
        ("L2", "111"),
        ("L1", "222"),
    ]


def test_what_hangs_on_one_hub_and_fails_together_is_said_to():
    bench = Bench(12)
    bench.state.layout = Layout(Place(f"L{n:02d}", f"{n}", hub=f"hub{n // 4}") for n in range(12))
    for n, key in enumerate(bench.keys):
        bench.say(0, "CameraUpdated", CameraKey=key, CameraSerialNumber=f"{n}")
    bench.fire()
    for camera in (0, 1, 2, 3, 8, 9, 10, 11):
        bench.photo(S + 5, camera)
    bench.run_out(30 * S)
    common = [one.common for one in bench.account.shots[1].exposures.values()]
    assert common == [None] * 4 + ["hub hub1 (4 of 4)"] * 4 + [None] * 4


# -- places at which nobody was seen ----------------------------------------------------------------------------------


AT_ONCE: dict[str, Any] = {"anyway": True, "wait": None, "ready_timeout": 0.2}
VERBS: dict[str, Any] = {
    "set": lambda some: some.set(iso=200),
    "get": lambda some: some.get("iso"),
    "identify": lambda some: some.identify(),
    "download": lambda some: some.download(),
    "options": lambda some: some.set_options(unique_tag="x"),
    "zoom": lambda some: some.zoom(2),
    "disconnect": lambda some: some.disconnect(),
    "connect": lambda some: some.connect_cameras(timeout=2.0),
    "check": lambda some: some.check(),
    "request": lambda some: some.request("Autofocus"),
    "video": lambda some: some.request("EnableVideo", Enable=False),
    "state": lambda some: some.request("GetCamera"),
    "order": lambda some: some.trigger_order(["F06"]),
    "shoot": lambda some: some.shoot(**AT_ONCE),
    "trigger": lambda some: some.trigger(**AT_ONCE),
    "latch": lambda some: some.latch(**AT_ONCE),
    "press": lambda some: some.press(**AT_ONCE),
    "half": lambda some: contextlib.ExitStack().enter_context(some.half_press()),
    "messages": lambda some: list(some.messages(timeout=0.0)),
    "clocks": lambda some: some.sync_clocks(),
    "apply": lambda some: some.apply(),
    "rename": lambda some: some.rename("X"),
}


@pytest.mark.filterwarnings("ignore")
def test_nothing_goes_over_the_wire_under_a_key_that_rigkit_made_up(rig):
    for some, there in ((rig, 5), (rig["F06"], 0), (rig["F05", "F06"], 1)):
        assert len(some) == there
        for name, verb in VERBS.items():
            before = len(payloads(rig))
            with contextlib.suppress(RigError, ValueError):
                verb(some)
            new = [json.loads(one) for one in payloads(rig)[before:]]
            acting = [one for one in new if one["msg_id"] not in {"GetCamera", "Synchronise"}]
            assert not any(one.get("CameraKeys") == [] for one in acting), name
        with some.expect(timeout=0.05, wait=None):
            pass
    assert len(rig.session.shots) > 10
    assert not [one for one in payloads(rig) if UNSEEN in one]


def test_a_place_alone_says_that_nobody_is_there(rig):
    alone = rig["F06"]
    assert alone.cameras["status"].to_list() == ["Absent"]
    assert (len(alone), alone.keys) == (0, [])
    for verb in (alone.autofocus, alone.identify, lambda: alone.request("Autofocus")):
        with pytest.raises(RigError, match="nobody was seen at F06, so nothing was sent"):
            verb()
    with pytest.raises(RigError, match="nobody was seen at F06, so no order was set"):
        rig.trigger_order(["F05", "F06"])


def test_a_group_made_while_a_place_was_empty_has_whoever_comes(rig, serials):
    right = rig.group("right")
    assert len(right) == 2
    rig.replace("F06", serial=serials[5])
    assert right.cameras["position"].to_list() == ["F04", "F05", "F06"]
    assert right.shoot().ok


def test_a_release_of_somebody_else_lacks_whoever_is_not_seen(rig):
    with (
        TriggerBox(rig._sitting.client.request_endpoint) as box,
        rig.expect(timeout=5.0, pose="apose", wait="files") as shot,
    ):
        box.fire(rig.keys)
    assert (shot.n_exposed, shot.ok) == (5, False)
    assert shot.missing["detail"].to_list() == ["not seen"]
    with TriggerBox(rig._sitting.client.request_endpoint) as box:
        box.fire(rig.keys)
    rig._sitting.wait_for(lambda: 2 in rig.session.account.shots and rig.shot(2).n_exposed == 5, 5.0)
    assert rig.shot(2).wait().missing["position"].to_list() == ["F06"]


# -- writing it down --------------------------------------------------------------------------------------------------


def test_what_is_there_is_written_down_and_read_back(tmp_path, serials):
    with rigkit.simulate(6, seed=1, session=tmp_path / "s") as rig:
        written = rig.save_layout(tmp_path / "rig.csv")
        assert rig.layout is None, "writing it down does not put it to use"
        assert [one.serial for one in written] == serials
        rig["A02"].rename("A01")
        with pytest.raises(LayoutError, match=r"position A01 is in place 1 \(A01\) already"):
            rig.save_layout(tmp_path / "other.csv")
        assert not (tmp_path / "other.csv").exists()
    read = Layout.load(tmp_path / "rig.csv")
    assert read == written
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with rigkit.simulate(6, seed=1, session=tmp_path / "t", layout=str(tmp_path / "rig.csv")) as rig:
            assert rig.cameras["expected"].all()
            assert rig.save_layout(tmp_path / "again.csv") == read


def test_a_layout_in_excels_habits(tmp_path, serials, capsys):
    rows = [f"F0{n};{serial},0;face" for n, serial in enumerate(serials, 1)]
    Path(tmp_path / "rig.csv").write_bytes("\r\n".join(["\ufeffPosition;Serial;Groups", *rows]).encode())
    with pytest.warns(UserWarning, match="serials that had become numbers"):
        rig = rigkit.simulate(6, seed=1, session=tmp_path / "s", layout=tmp_path / "rig.csv")
    with rig:
        assert "6 of 6 Ready" in capsys.readouterr().out
        assert len(rig.group("face")) == 6
