"""Every verb of a Rig: sent, answered, and its effect seen in what the application then says, in both dialects."""

from __future__ import annotations

import warnings
from pathlib import Path

import psutil
import pytest

import rigkit
from rigkit.errors import Refused, RigError, UnknownName
from rigkit.wire import messages_of


@pytest.fixture(params=["v5", "v3"])
def rig(request, tmp_path):
    with rigkit.simulate(cameras=4, seed=1, session=tmp_path / "s", dialect=request.param, speed=5.0) as one:
        yield one


@pytest.fixture
def rig5(tmp_path):
    with rigkit.simulate(cameras=4, seed=1, session=tmp_path / "s", speed=5.0) as one:
        yield one


def sent(rig: rigkit.Rig) -> list[str]:
    return list(rig.session.requests["msg_id"])


def test_the_tables_look_the_same_in_both_dialects(rig):
    assert len(rig.get("iso")) == 4
    with pytest.raises(UnknownName, match="200"):
        rig.set(iso=123456)
    rig.set(iso=200)
    shot = rig.shoot(pose="apose", wait="files")
    assert shot.ok
    assert (shot.photos["path_state"] == "here").all()
    assert shot.photos["batch_num"].notna().all()
    assert list(rig.cameras["position"]) == ["A01", "A02", "A03", "A04"]
    assert rig.cameras["serial"].notna().all()
    assert set(rig.session.settings.xs("ISO", level="property")["value"]) == {"200"}
    v3 = rig.session.manifest.dialect == "v3"
    assert set(shot.exposures["pairing_method"]) == {"batch" if v3 else "origin"}
    assert rig.simulated
    assert rig.session.photos.dtypes.equals(shot.photos.dtypes)


def test_release_by_button(rig):
    shot = rig.press(pose="b", wait="files")
    assert shot.ok
    assert set(shot.exposures["trigger"]) == {"press"}
    assert set(shot.exposures["pairing_method"]) == {"batch"}
    assert sent(rig).count("SetShutterButton") == 2
    with rig.half_press():
        pass
    assert sent(rig).count("SetShutterButton") == 4
    assert rig.shoot().ok


def test_a_half_press_is_let_go_whatever_happens(rig):
    with pytest.raises(ZeroDivisionError), rig.half_press():
        1 / 0  # noqa: B018
    assert rig._sitting.held == []
    held = rig.half_press()
    held.__enter__()
    rig.close()
    last = rigkit.open(rig.session.path).requests.iloc[-1]
    assert last["msg_id"] == "SetShutterButton"
    assert '"Off"' in last["payload"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        held.__exit__(None, None, None)


def test_release_by_trigger_in_order(rig5):
    shot = rig5.trigger(order=["A04", "A03", "A02", "A01"], interval_ms=100, wait="files", pose="bullet")
    assert shot.ok
    assert list(rig5.cameras.sort_values("position")["trigger_index"]) == [3, 2, 1, 0]
    captured = shot.exposures.sort_values("position")["date_captured"]
    assert captured.iloc[0] > captured.iloc[3]
    assert set(shot.exposures["trigger"]) == {"trigger"}
    assert rig5.trigger(order={"A01": 0, "A02": 0, "A03": 0, "A04": 0}).ok


def test_release_by_latch(rig5):
    shot = rig5["A01", "A02"].latch(7, wait="files")
    assert shot.ok
    assert shot.expected == ["A01", "A02"]
    assert [name for name in sent(rig5) if "Latch" in name] == ["EngageLatch", "ReleaseLatch"]


def test_a_misspelt_label_is_no_label(rig5):
    for release in (rig5.shoot, rig5.trigger, rig5.latch, rig5.press):
        with pytest.raises(TypeError, match="subjct"):
            release(subjct="P017")
    assert len(rig5.session.shots) == 0


def test_cameras_that_were_plugged_in_are_found(tmp_path):
    faults = {"faults": [{"at": "0.05s", "camera": "A02", "kind": "lost", "amount": 8000}]}
    with rigkit.simulate(cameras=2, seed=1, session=tmp_path / "s", scenario=faults, speed=5.0) as rig:
        cameras = rig.session.state.cameras
        gone = rig["A02"].keys[0]
        assert rig._sitting.wait_for(lambda: cameras[gone].status != "Ready", 5.0)
        assert list(rig.detect(timeout=0.0)["status"]) == ["Ready", "Lost"], "nothing is plugged in there yet"
        assert rig.detect()["status"].iloc[1] in {"Disconnected", "Ready"}
        assert sent(rig).count("DetectCameras") == 2


def test_what_a_3x_application_does_not_have_is_said(tmp_path):
    with rigkit.simulate(cameras=2, seed=1, session=tmp_path / "s", dialect="v3", speed=5.0) as rig:
        with pytest.raises(RigError, match=r"3\.x"):
            rig.trigger()
        assert rig.shoot().ok


def test_properties_are_set_stepped_and_read(rig5):
    rig5.set(iso=100)
    stepped = rig5.step(iso=1)
    values = set(stepped["value"])
    assert len(values) == 1
    assert values != {"100"}
    assert set(rig5.step(iso=-1)["value"]) == {"100"}
    assert set(rig5.get("iso", "aperture").index.get_level_values("property")) == {"ISO", "Aperture"}
    assert len(rig5["A01"].get("iso")) == 1
    with pytest.raises(UnknownName):
        rig5.get("isso")


def test_focus(rig):
    table = rig.autofocus()
    assert table["ok"].all()
    assert list(table["n_autofocus"]) == [1, 1, 1, 1]


def test_live_view_on_steered_and_off(rig5):
    one = rig5["A02"]
    table = one.live(fps=20, zoom=True, position=(100, 100), focus="Near1", depth_of_field=True)
    assert table["ok"].all()
    heard = rig5.messages(timeout=5.0)
    frame = next(message for message in heard if message.msg_id == "LiveviewUpdated")
    assert frame["rk_left_out"] > 100
    assert not one.live(False)["live"].any()
    with pytest.raises(ValueError, match="Near1"):
        one.live(focus="Closer")


def test_video_becomes_a_photo_that_is_no_image(rig5):
    one = rig5["A01"]
    assert one.video()["ok"].all()
    assert one.video(False)["ok"].all()
    rig5._sitting.wait_for(lambda: len(one.photos) > 0, 5.0)
    assert not one.photos["is_image"].any()


def test_zoom(rig5):
    assert rig5.zoom(40)["ok"].all()
    before = rig5.zoom("Tele1")["zoom"]
    assert (before > 40).all()
    rig5.zoom(None)


def test_names_and_groups(rig):
    rig["A01"].rename("F03")
    assert "F03" in rig
    assert list(rig["F03"].cameras["position"]) == ["F03"]
    with pytest.raises(ValueError, match="one camera at a time"):
        rig.rename("x")
    rig["F03", "A02"].set_group("hands")
    assert sorted(rig.group("hands").cameras["position"]) == ["A02", "F03"]
    shot = rig.group("hands").shoot()
    assert shot.expected == ["F03", "A02"]


def test_options_and_numbers(rig):
    assert rig.set_options(unique_tag="P017", filename_expression="[U]_[C]_[S]") == {
        "unique_tag": "P017",
        "filename_expression": "[U]_[C]_[S]",
    }
    assert rig.options["unique_tag"] == "P017"
    rig.set_numbers(sequence=500, batch=40)
    assert set(rig.cameras["batch_next"]) == {40}
    shot = rig.shoot(wait="files")
    assert set(shot.photos["batch_num"]) == {40}
    assert min(shot.photos["sequence_num"]) == 500
    assert all(name.startswith("P017_A0") for name in shot.photos["computed_name"])
    rig["A01"].shoot(wait="files")
    assert rig.cameras["batch_next"].nunique() == 2
    assert rig.set_numbers(level=True)["batch_next"].nunique() == 1
    with pytest.raises(UnknownName, match="unique_tag"):
        rig.set_options(uniqe_tag="x")


def test_photos_are_downloaded_renamed_and_deleted(rig5):
    rig5.set_options(default_storage="Card")
    shot = rig5.shoot()
    assert set(rig5.photos["location"]) == {"Camera"}
    got = rig5.download(shot.photos)
    assert set(got["location"]) == {"Local Disk"}
    renamed = rig5.rename_photos("turntable", shot.photos.index[:1])
    assert renamed["computed_name"].iloc[0].startswith("turntable")
    with pytest.raises(RigError, match="delete the files"):
        rig5.delete(shot.photos, files=True)
    paths = list(rig5.session.photos["path"].dropna())
    gone = rig5.delete(shot.photos, files=True, sure="delete the files")
    assert set(gone["location"]) == {"Deleted"}
    assert not any(Path(path).exists() for path in paths)
    with pytest.raises(UnknownName):
        rig5.delete(["nothing"])


def test_cards_are_not_formatted_by_accident(rig5):
    rig5.set_options(default_storage="Card")
    rig5.shoot()
    with pytest.raises(RigError, match="erase all cards"):
        rig5.format()
    with pytest.raises(RigError, match=r"4 photos are on the cards"):
        rig5.format(sure="erase all cards")
    assert "Format" not in sent(rig5)
    rig5.download()
    rig5.format(sure="erase all cards")
    assert sent(rig5)[-1] == "Format"


def test_clocks_identity_texts_licence(rig5):
    rig5.sync_clocks()
    assert len(rig5.check_clocks()) == 4
    rig5["A03"].identify()
    rig5["A03"].make_active()
    with pytest.raises(ValueError, match="one camera"):
        rig5.make_active()
    heard = rig5.messages(timeout=5.0)
    rig5.announce("slate 12")
    assert any(message.get("CustomText") == "slate 12" for message in heard)
    rig5.licence("ABC")
    rig5.licence(None)


def test_shutdown_needs_the_word(rig5):
    with pytest.raises(RigError, match="quit the application"):
        rig5.shutdown()
    rig5.shutdown(sure="quit the application")
    assert psutil.Process(rig5._sitting.child.pid).wait(10.0) in {0, None}


def test_a_no_is_an_error_with_what_was_asked(rig5):
    rig5["A01"].disconnect()
    with pytest.raises(Refused, match="Shoot"):
        rig5._sitting.demand("Shoot", {"CameraSelection": "Single", "CameraKey": rig5["A01"].keys[0]})


def test_selections_are_chosen_from_the_cameras(rig5):
    payloads = []
    for chosen in (rig5, rig5["A01"], rig5["A01", "A02"], rig5.group("face")):
        chosen.identify()
        payloads.append(rig5.session.requests["payload"].iloc[-1])
    for payload, word in zip(payloads, ("All", "Single", "Multiple", "Group"), strict=True):
        assert f'"CameraSelection":"{word}"' in payload


def test_every_public_request_is_reached_by_some_verb_or_by_request(rig5):
    """A list that fails when the table of messages grows: each needs a verb, or stays with rig.request()."""
    source = "".join(path.read_text() for path in Path(rigkit.__file__).parent.glob("*.py"))
    public = {spec.msg_id for spec in messages_of("6.0") if spec.is_request}
    unreached = {msg_id for msg_id in public if f'"{msg_id}"' not in source}
    assert unreached <= {"Reshoot"}
