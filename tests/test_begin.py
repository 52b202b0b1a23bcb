"""A sitting for each participant, over one link: what it is called, where it lies, and that nothing is lost on the way."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import rigkit
from rigkit.attach import recorder_in
from rigkit.errors import NoReply, RigError, SessionError
from rigkit.filenames import name_files
from rigkit.link.child import SimulatorProcess
from rigkit.record.folder import RECORDER_LOCK, RIG_LOCK, is_owned
from rigkit.record.labels import check_labels, check_subject, file_tag, looks_like_code, next_number, sitting_name
from rigkit.sitting import Sitting
from tests.fakes import FakeServer, say_yes

ROOT = Path(__file__).parent.parent


@pytest.fixture
def rig(tmp_path) -> Iterator[rigkit.Rig]:
    with rigkit.simulate(3, seed=1, session=tmp_path / "day", speed=5.0) as one:
        yield one


@pytest.fixture(scope="module")
def untouched(tmp_path_factory) -> Iterator[rigkit.Rig]:
    """A rig for what must leave it as it was."""
    with rigkit.simulate(2, seed=1, session=tmp_path_factory.mktemp("begin") / "day", speed=5.0) as one:
        yield one


def sent(session: rigkit.Session, msg_id: str) -> list[dict[str, Any]]:
    return [one for one in map(json.loads, session.requests["payload"]) if one["msg_id"] == msg_id]


# -- what labels may be -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "hint"),
    [
        ({"subject": "P\n1"}, r"'\\n'.*so nothing was fired. A note \(note=\.\.\.\) may have several lines"),
        ({"pose": "a\0b"}, r"'\\x00'"),
        ({"pose": "a\u2028b"}, r"\\u2028"),
        ({"pose": "\ud800"}, r"\\ud800"),
        ({"pose": "x" * 10_000}, "10000 characters, and 200"),
        ({"note": "x" * 20_001}, "20001 characters"),
        ({"note": "a\0b"}, r"\\x00"),
        ({"pose": 7}, "pose is a text, not 7"),
        ({"rep": "2"}, "rep is a whole number, not '2'"),
        ({"rep": True}, "not True"),
        ({"rep": 1.5}, "not 1.5"),
        ({"rep": float("inf")}, "not inf"),
        ({"rep": float("nan")}, "not nan"),
        ({"rep": 2**40}, "whole number"),
        ({"rep": [1]}, "whole number"),
    ],
)
def test_what_can_be_no_label_is_said_before_anything_is_fired(labels, hint):
    with pytest.raises(ValueError, match=hint):
        check_labels(labels)


def test_what_can_be_a_label():
    emoji = {"subject": "P017", "pose": "Ärmel / hoch 🙋", "rep": 0, "note": "one\n\ttwo\r\n🙂"}
    assert check_labels(emoji) == emoji
    told = check_labels({"rep": np.int64(2), "pose": None, "subject": None, "note": None})
    assert (told["rep"], type(told["rep"])) == (2, int)
    assert check_labels({"note": "x" * 10_000}) == {"note": "x" * 10_000}


def test_labels_that_are_none_fire_nothing(untouched):
    rig = untouched
    for labels in ({"pose": "a\nb"}, {"rep": "2"}, {"subject": 17}):
        with pytest.raises(ValueError, match="so nothing was fired"):
            rig.shoot(**labels)
        with pytest.raises(ValueError, match="so nothing was fired"), rig.expect(**labels):
            pass
    assert len(rig.session.shots) == 0
    assert sent(rig.session, "Shoot") == []


@pytest.mark.parametrize("subject", ["P017", "p-1", "S1_b", "2024.17"])
def test_codes_are_no_names(subject, recwarn):
    check_subject(subject)
    assert looks_like_code(subject)
    assert not recwarn.list


def test_a_name_is_warned_of_where_it_was_written(rig):
    for subject in ("Ann Lee", "Mustermann", "Jörg", "anna_lee"):
        with pytest.warns(RuntimeWarning, match="looks like a name") as caught:
            rig.begin(subject)
        assert caught[0].filename == __file__
        assert rig.session.path.name == f"{subject}_ses-01"


@pytest.mark.parametrize(
    "subject", ["", " ", ".", "..", "a/b", "a\\b", "C:", "a.", "NUL", "com1.x", "x" * 65, "P1\n", "-1", "a*", 17, None]
)
def test_what_can_be_no_folder_begins_nothing(untouched, subject):
    before = untouched.session
    with pytest.raises(ValueError, match="so no sitting was begun"):
        untouched.begin(subject)
    assert untouched.session is before
    assert sorted(path.name for path in before.path.iterdir()) == ["journal", "session.json", "truth"]


@pytest.mark.parametrize("session", [0, -1, 1.5, "1", True, 10_000])
def test_what_can_be_no_number_begins_nothing(untouched, session):
    with pytest.raises(ValueError, match="no sitting was begun"):
        untouched.begin("P017", session=session)
    assert is_owned(untouched.session.path)


@given(st.text(max_size=80), st.none() | st.integers(0, 999))
def test_a_tag_is_part_of_any_file_name(pose, rep):
    tag = file_tag(pose, rep)
    assert len(tag) < 70
    assert not set(tag) & set('/\\:*?"<>|\0\n ')
    assert not tag.startswith(".")


def test_numbers_go_up_from_the_highest_there_is(tmp_path):
    assert next_number(tmp_path / "nowhere", "P1") == 1
    for name in ("P1_ses-02", "p1_ses-03", "P10_ses-08", "P1_ses-0x", "P1_ses-1"):
        (tmp_path / name).mkdir()
    assert next_number(tmp_path, "P1") == 4
    assert sitting_name("P1", 4) == "P1_ses-04"


# -- one after the other ----------------------------------------------------------------------------------------------


def test_each_participant_has_a_sitting_and_one_glob_opens_them(rig, tmp_path, no_leaks):
    for subject in ("P017", "P018", "P017"):
        assert rig.begin(subject) is rig
        rig.shoot(pose="a pose/1", rep=2, wait="files").check()
        rig.shoot(subject="P099", wait="files")
    rig.close()
    sittings = rigkit.open([tmp_path / "*" / "P*"])
    assert [one.path.name for one in sittings] == ["P017_ses-01", "P018_ses-01", "P017_ses-02"]
    assert list(sittings.shots["subject"]) == ["P017", "P099", "P018", "P099", "P017", "P099"]
    assert list(sittings.exposures["subject"])[:3] == ["P017"] * 3
    photos = sittings[2].photos[sittings[2].photos["shot_id"].notna()]
    assert set(zip(photos["session_name"], photos["session_num"], strict=True)) == {("P017", 2), ("P099", 2)}
    assert (photos["path_state"] == "here").all()
    assert all(Path(path).is_relative_to(sittings[2].path) for path in photos["path"])
    tags = [one.get("UniqueTag") for one in sent(sittings[0], "SetOptions")]
    assert [tag for tag in tags if tag is not None] == ["a-pose-1-02", ""]
    day = rigkit.open(tmp_path / "day")
    assert (len(day.shots), day.closed) == (0, True)


def test_a_subject_that_is_no_part_of_a_file_name_is_none_in_the_options(rig):
    rig.begin("P017")
    rig.shoot(subject="../../P9 x", wait="files")
    assert rig.session.state.options["PhotoSessionName"] == "P9-x"
    assert list(rig.session.shots["subject"]) == ["../../P9 x"]


def test_a_sitting_that_exists_goes_on(rig, capsys):
    first = rig.begin("P017").session.id
    rig.shoot(pose="one", wait="files")
    rig.begin("P018")
    rig.begin("P017", session=1)
    assert rig.session.id == first
    assert rig.shoot(pose="two", wait="files").id == 2
    assert list(rig.session.shots["pose"]) == ["one", "two"]
    capsys.readouterr()
    session = rig.session
    rig.begin("P017", session=1)  # a cell that is run twice
    assert rig.session is session
    assert "P017_ses-01 goes on" in capsys.readouterr().out
    assert rig.shoot().id == 3


def test_a_rule_holds_from_then_on(rig):
    with pytest.raises(ValueError, match=r"no regular expression"):
        rig.begin("P017", rule="(")
    rig.begin("P017", rule=r"P\d{3}")
    with pytest.raises(ValueError, match=r"'Ann' does not follow the rule .*no sitting was begun"):
        rig.begin("Ann")
    with pytest.raises(ValueError, match=r"the rule of this study .*so nothing was fired"):
        rig.shoot(subject="P17")
    assert rig.begin("P018").shoot(subject="P999").ok
    with pytest.raises(ValueError, match="so nothing was changed"):
        rig.shot().label(subject="Ann")
    rig.begin("q1", rule="")
    assert rig.session.manifest.subject_rule == ""


def test_what_the_last_shot_waits_for_is_still_of_its_sitting(rig):
    rig.begin("P017")
    before = rig.session
    shot = rig.shoot(wait=None)
    rig.begin("P018")
    assert (shot.ok, shot.n_on_disk) == (True, 3)
    assert (shot.photos["path_state"] == "here").all()
    assert rig.shoot(wait="files").id == 1
    assert list(rig.session.shots["trigger"]) == ["shoot"]
    rig.close()
    assert_frame_equal(rigkit.open(before.path).exposures, before.exposures)


def test_photos_that_stay_on_the_cards_are_not_waited_for(rig, recwarn):
    rig.set_options(default_storage="Card")
    rig.shoot()
    start = time.monotonic()
    rig.begin("P017")
    assert time.monotonic() - start < 1.0
    assert not recwarn.list


def test_a_file_that_does_not_come_is_said_and_stops_nobody(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("rigkit.opening._PATIENCE_S", 0.05)
    monkeypatch.setattr("rigkit.opening._ENDING_S", 0.1)
    faults = {"faults": [{"kind": "download_failed", "camera": "A02", "at": 1}]}
    with rigkit.simulate(3, seed=1, scenario=faults, session=tmp_path / "day", speed=5.0) as rig:
        shot = rig.shoot()
        with pytest.warns(RuntimeWarning, match=r"day ends while shot 1 \(1 cameras\) is not on disk") as caught:
            rig.begin("P017")
        assert caught[0].filename == __file__
        assert "Waiting for what is still to come of shot 1 (3 cameras)" in capsys.readouterr().out
        assert shot.n_on_disk == 2
        assert rig.shoot().ok


def test_every_rig_of_the_link_goes_on_with_the_new_sitting(rig):
    ring, one = rig.group("A"), rig["A02"]
    assert ring.begin("P017") is ring
    assert rig.session is ring.session is one.session
    assert [len(each.shoot().expected) for each in (rig, ring, one)] == [3, 3, 1]
    assert list(rig.session.shots["subject"]) == ["P017"] * 3


def test_shots_of_the_sitting_before_are_judged_and_fire_nothing(rig):
    rig.begin("P017")
    shot, before = rig.shoot(wait="files"), rig.session
    rig.begin("P018")
    for verb in (shot.reshoot, shot.retake):
        with pytest.raises(RigError, match=r"Shot 1 is of session P017_ses-01, which has ended"):
            verb()
    assert shot.wait("files") is shot
    shot.reject("blinked").label(note="after")
    assert before.shots.loc[1, "reason"] == "blinked"
    assert sent(rig.session, "Shoot") == []
    again = rigkit.open(before.path)
    assert_frame_equal(again.shots, before.shots)
    assert_frame_equal(again.exposures, before.exposures)


def test_layout_and_golden_settings_go_on(rig, tmp_path):
    layout = rig.save_layout(tmp_path / "rig.csv")
    rig.close()
    with rigkit.simulate(3, seed=1, session=tmp_path / "other", layout=layout) as one:
        one.profile("A", iso=200)
        one.begin("P017")
        assert one.layout == layout
        assert one.profiles["A"].values == {"iso": "200"}
        one.close()
    again = rigkit.open(tmp_path / "other" / "P017_ses-01")
    assert again.state.layout == layout


# -- where it can't be ------------------------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_made_ends_nothing(rig):
    rig.begin("P017")
    before = rig.session
    for name in ("P018_ses-01", "P018_ses-02"):
        (before.path.parent / name).write_text("in the way")
    with pytest.raises(SessionError, match="is a file"):
        rig.begin("P018", session=1)
    (before.path.parent / "P018_ses-03").mkdir()
    (before.path.parent / "P018_ses-03" / "thesis.txt").write_text("mine")
    with pytest.raises(SessionError, match="left untouched"):
        rig.begin("P018", session=3)
    assert rig.session is before
    assert is_owned(before.path)
    assert rig.shoot(wait="files").ok
    assert rig.begin("P018").session.path.name == "P018_ses-04"


def test_an_application_that_does_not_answer_ends_nothing_and_leaves_nothing(rig, monkeypatch):
    before, ask = rig.session, Sitting.request

    def silent(self: Sitting, msg_id: str, *given: Any, **named: Any) -> Any:
        if msg_id == "SetOptions":
            raise NoReply("SetOptions", "tcp://127.0.0.1:1", 1.0, "unknown")
        return ask(self, msg_id, *given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Sitting, "request", silent)
        with pytest.raises(NoReply):
            rig.begin("P017")
    assert rig.session is before
    assert not (before.path / "P017_ses-01").exists()
    assert rig.shoot(wait="files").ok
    assert rig.begin("P017").shoot(wait="files").ok


def test_a_closed_rig_begins_nothing(rig):
    rig.close()
    for call in (lambda: rig.begin("P017"), lambda: rig.expect().__enter__()):
        with pytest.raises(RigError, match="closed"):
            call()
    assert not (rig.session.path / "P017_ses-01").exists()
    assert len(rig.session.shots) == 0


class Interrupted:
    """Raises KeyboardInterrupt once, at the n-th line that these functions run."""

    def __init__(self, code: set[Any], n: int) -> None:
        self.code, self.left, self.where = code, n, ""

    def trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code not in self.code:
            return None
        if event == "line" and not self.where:
            self.left -= 1
            if self.left < 0:
                self.where = f"{frame.f_code.co_name}:{frame.f_lineno}"
                raise KeyboardInterrupt
        return self.trace


def test_an_interrupt_anywhere_in_the_handing_over_leaves_one_working_sitting(tmp_path, no_leaks):
    from rigkit import opening

    code = {Sitting.become.__code__, opening.next_sitting.__code__}
    done = 0
    with rigkit.simulate(2, seed=1, photos="none", session=tmp_path / "day", speed=20.0) as rig:
        while True:
            interrupt = Interrupted(code, done)
            sys.settrace(interrupt.trace)
            try:
                rig.begin(f"P{done:03d}")
            except KeyboardInterrupt:
                pass
            finally:
                sys.settrace(None)
            if not interrupt.where:
                break
            done += 1
            assert not rig._sitting.closed, interrupt.where
            assert is_owned(rig.session.path), interrupt.where
            assert rig.shoot(wait="files").ok, interrupt.where
    assert done > 10
    del rig
    gc.collect()
    assert not [one for one in (tmp_path / "day").rglob("session.json") if is_owned(one.parent)]


# -- other applications -----------------------------------------------------------------------------------------------


def test_in_3x_too(tmp_path):
    with rigkit.simulate(2, seed=1, dialect="v3", session=tmp_path / "day", speed=5.0) as rig:
        rig.begin("P017")
        assert rig.shoot(pose="apose", wait="files").ok
        rig.begin("P018")
        assert rig.shoot(pose="apose", wait="files").ok
        assert list(rig.session.shots["subject"]) == ["P018"]
        assert rig.session.state.options["UniqueTag"] == "apose"


@pytest.mark.parametrize("how", ["refused", "ignored"])
def test_an_application_that_takes_no_options_is_said_once_and_the_shot_goes_on(tmp_path, how, monkeypatch):
    monkeypatch.setattr("rigkit.filenames._ECHO_S", 0.05)

    def answer(request: dict[str, Any]) -> bytes:
        if request["msg_id"] == "SetOptions" and how == "refused":
            return json.dumps({**request, "msg_type": "Response", "msg_result": False}).encode()
        return say_yes(request)

    with FakeServer(answer) as server:
        rig = rigkit.connect(server.requests, publisher=server.publisher, session=tmp_path / "s")
        with rig:
            with pytest.warns(RuntimeWarning, match="file names may not say whose photos come now") as caught:
                rig.begin("P017")
            assert len(caught) == 1
            assert caught[0].filename == __file__
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                rig.shoot(pose="one", wait=None)
                asked = len(server.received)
                name_files(rig._sitting, {"pose": "two"})  # asked once: it would take a second before each shot
            assert len(server.received) == asked
            assert [one["msg_id"] for one in server.received].count("Shoot") == 1
            assert list(rig.session.shots["subject"]) == ["P017"]


# -- recorders, and kernels that die ----------------------------------------------------------------------------------


@pytest.fixture
def own_register(tmp_path_factory, monkeypatch) -> None:
    """Recorders of these tests are found by these tests only."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))


@pytest.mark.usefixtures("own_register")
def test_the_next_sitting_has_a_recorder_too(tmp_path, no_leaks):
    with rigkit.simulate(2, seed=1, session=tmp_path / "day", recorder=True) as rig:
        first = rig.shoot(wait="files")
        before = rig.session
        rig.begin("P017")
        assert recorder_in(rig.session.path) is not None
        assert not is_owned(before.path, RECORDER_LOCK)
        assert rig.shoot(wait="files").ok
        live = rig.session
    assert first.n_on_disk == 2
    for session in (before, live):
        assert_frame_equal(rigkit.open(session.path).exposures, session.exposures)
        assert_frame_equal(rigkit.open(session.path).events, session.events)
    assert any(path.name.startswith("recorder-") for path in (live.path / "journal").iterdir())


@contextlib.contextmanager
def by_hand(sim: SimulatorProcess, folder: Path) -> Iterator[None]:
    """``rigkit record`` in a terminal."""
    command = [sys.executable, "-m", "rigkit", "record", "--address", sim.reqrep, "--publisher", sim.publisher]
    process = subprocess.Popen([*command, "--session", str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == f"session {folder}\n"
        assert process.stdout.readline().startswith("listening to")
        yield
    finally:
        process.terminate()
        process.wait(20.0)
        process.stdout.close()


@pytest.mark.usefixtures("own_register")
def test_a_recorder_that_was_started_by_hand_goes_on_with_the_day(tmp_path):
    child = SimulatorProcess(["--cameras", "2", "--download", str(tmp_path / "photos"), "--speed", "5"])
    try:
        with by_hand(child, tmp_path / "day"), rigkit.connect(child.reqrep, publisher=child.publisher) as rig:
            assert rig.session.path == tmp_path / "day"
            rig.begin("P017")
            assert rig.session.path == tmp_path / "day" / "P017_ses-01"
            assert rig.shoot(wait="files").ok
            assert is_owned(tmp_path / "day", RECORDER_LOCK)
            assert not is_owned(tmp_path / "day", RIG_LOCK)
        day = rigkit.open(tmp_path / "day")
        assert list(day.shots["trigger"]) == ["external"], "a release by somebody else, for the day's own record"
        day.shot(1).reject("of P017")
        assert list(rigkit.open(tmp_path / "day").shots["reason"]) == ["of P017"]
    finally:
        child.close()


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX")
def test_a_sitting_goes_on_after_its_kernel_was_killed(tmp_path):
    script = textwrap.dedent("""
        import os, signal, sys, rigkit
        rig = rigkit.connect(sys.argv[1], publisher=sys.argv[2], session=sys.argv[3])
        rig.save_layout(sys.argv[4])
        rig.close()
        rig = rigkit.connect(sys.argv[1], publisher=sys.argv[2], session=sys.argv[3], layout=sys.argv[4])
        rig.profile("A", iso=200)
        rig.begin("P017", rule=r"P\\d+").shoot(pose="one", wait="files")
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    child = SimulatorProcess(["--cameras", "3", "--download", str(tmp_path / "photos"), "--speed", "5"])
    try:
        names = [child.reqrep, child.publisher, str(tmp_path / "day"), str(tmp_path / "rig.csv")]
        died = subprocess.run([sys.executable, "-c", script, *names], cwd=ROOT, capture_output=True, check=False)
        assert died.returncode == -signal.SIGKILL, died.stderr
        folder = tmp_path / "day" / "P017_ses-01"
        with rigkit.connect(child.reqrep, publisher=child.publisher, session=folder) as rig:
            assert rig.layout == rigkit.Layout.load(tmp_path / "rig.csv")
            assert rig.profiles["A"].values == {"iso": "200"}
            assert rig.shoot(pose="two", wait="files").id == 2
            assert list(rig.session.shots["subject"]) == ["P017", "P017"]
            with pytest.raises(ValueError, match="does not follow the rule"):
                rig.begin("Ann")
            rig.begin("P018")
            assert rig.session.path == tmp_path / "day" / "P018_ses-01"
            assert rig.shoot().ok
    finally:
        child.close()
