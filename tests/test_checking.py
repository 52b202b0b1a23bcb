"""Before a shot and after trouble: the go/no-go table, and bringing cameras back."""

from __future__ import annotations

import json
import shutil
from collections import Counter, namedtuple
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rigkit
from rigkit import checking
from rigkit.account import conditions as judging
from rigkit.account import silence
from rigkit.account.collisions import unclear_names
from rigkit.account.conditions import Limits, conditions
from rigkit.account.majority import majority
from rigkit.errors import NoReply
from rigkit.preflight import Finding, by_weight, looked
from rigkit.record.warned import Warned
from tests.fakes import FakeServer, say_yes
from tests.test_account import Bench, S

CHECKS = (
    *("present", "strangers", "ready", "battery", "cards", "disk", "settings", "dials", "focus", "clocks", "live_view"),
    *("batch", "names", "subject", "events", "loss", "journal", "shots", "verdict"),
)
#: What sets something or opens a shutter.
CHANGING = {"SetProperty", "SetOptions", "Shoot", "Connect", "DetectCameras", "SyncClocks", "CheckClocks"}

TROUBLE = {
    "cameras": {
        "A02": {"battery_percent": 8},
        "A03": {"battery_percent": 25},
        "A04": {"properties": {"ISO": "400"}},
        "A05": {"properties": {"ProgramMode": "A"}},
        "A06": {"properties": {"FocusMode": "AF Single"}},
        "A07": {"status": "Lost"},
        "A08": {"name": "A01"},
    }
}


def simulated(tmp_path, scenario: dict[str, Any] | None = None, **wishes):
    wishes = {"cameras": 8, "seed": 1, "session": tmp_path / "sitting", **wishes}
    return rigkit.simulate(scenario=scenario, **wishes)


def levels(table) -> dict[str, str]:
    """Rows that are not as they should be."""
    rows = table.drop(index="verdict")
    return {name: level for name, level in rows["level"].items() if level not in {"ok", "unknown"}}


def wait_for_status(rig, name, status):
    assert rig._sitting.wait_for(lambda: rig[name].cameras["status"].iloc[0] == status, 5.0)


# -- check ----------------------------------------------------------------------------------------------------------------


def test_a_rig_without_fault_goes(tmp_path):
    with simulated(tmp_path) as rig:
        table = rig.check()
        assert tuple(table.index) == CHECKS
        assert list(table.columns) == ["ok", "level", "n", "positions", "found", "wanted", "todo"]
        assert levels(table) == {}
        assert table.attrs["verdict"] == "GO"
        assert table.attrs["summary"] == table.loc["verdict", "found"]
        assert table.loc["verdict", "found"] == "GO: 8 of 8 Ready. Not found out: clocks (simulated)"
        assert bool(table.loc["verdict", "ok"]) is True
        assert "GO: 8 of 8 Ready" in table._repr_html_(), "what a notebook shows"
        assert table["ok"].isna().sum() == 1
        asked = set(rig.session.requests["msg_id"])
        assert not asked & CHANGING
        assert len(rig.session.shots) == 0


def test_everything_wrong_with_the_cameras_is_in_the_table(tmp_path):
    with simulated(tmp_path, TROUBLE) as rig:
        table = rig.check()
        assert table.attrs["verdict"] == "NO-GO"
        assert levels(table) == {
            **dict.fromkeys(("ready", "battery"), "stop"),
            **dict.fromkeys(("settings", "dials", "focus", "names"), "warn"),
        }
        assert table.loc["ready", "found"] == "7 of 8 Ready; A07 Lost"
        assert table.loc["battery", "positions"] == "A02, A03"
        assert table.loc["battery", "n"] == 2
        assert table.loc["battery", "found"] == "A02: 8 %; A03: 25 %"
        assert table.loc["settings", "found"] == "A04: iso 400; A06: focus_mode AF Single"
        assert table.loc["settings", "wanted"] == "iso 100; focus_mode MF"
        assert table.loc["dials", "found"] == "A05: program_mode A"
        assert table.loc["focus", "positions"] == "A06"
        assert table.loc["names", "n"] == 2
        sentence = table.loc["verdict", "found"]
        assert sentence.startswith("NO-GO: ready (7 of 8 Ready; A07 Lost); battery (A02: 8 %; A03: 25 %).")
        assert table.loc["verdict", "todo"] == table.loc["ready", "todo"]
        assert bool(table.loc["verdict", "ok"]) is False
        without = rig["A03", "A04"].check()
        assert without.attrs["verdict"] == "GO, with warnings"
        assert levels(without) == {"battery": "warn"}
        assert rig["A03"].check(Limits(battery_warn_pct=20)).attrs["verdict"] == "GO"


def test_settings_are_held_against_the_golden_ones(tmp_path):
    with simulated(tmp_path, TROUBLE) as rig:
        rig.profile(iso=400, program_mode="M")
        table = rig.check()
        assert table.loc["settings", "n"] == 6, "A04 is right now; A07 is away"
        assert table.loc["settings", "wanted"] == "iso 400; focus_mode MF"
        assert table.loc["dials", "found"] == "A05: program_mode A"
        assert "turn the dial" in table.loc["dials", "todo"]


def test_a_profile_does_not_blind_the_check_to_what_it_does_not_name(tmp_path):
    with simulated(tmp_path, TROUBLE) as rig:
        rig.profile(white_balance="Daylight")
        table = rig.check()
        assert table.loc["settings", "found"] == "A04: iso 400; A06: focus_mode AF Single"
        assert table.loc["settings", "todo"].startswith("rig.set(...), or say how it is meant to be")
        assert table.loc["dials", "found"] == "A05: program_mode A"
        rig["A02"].set(white_balance="Cloudy")
        table = rig.check()
        assert table.loc["settings", "found"].startswith("A02: white_balance Cloudy; A04: iso 400")
        assert table.loc["settings", "todo"].startswith("rig.recover()")
        assert table.loc["settings", "todo"].endswith("rig.profile(...)")


def test_settings_and_dials_say_their_own(tmp_path):
    with simulated(tmp_path, {"cameras": {"A04": {"properties": {"ISO": "400"}}}}) as rig:
        table = rig.check()
        assert levels(table) == {"settings": "warn"}
        assert table.loc["dials", "found"] == "none is turned by hand otherwise than most of its model"


def test_a_check_judges_the_rig_once(tmp_path, monkeypatch):
    judged: Counter[str] = Counter()

    def counted(name, judge):
        def judging(*args, **named):
            judged[name] += 1
            return judge(*args, **named)

        return judging

    for name in ("conditions", "odd_settings"):
        monkeypatch.setattr(looked, name, counted(name, getattr(looked, name)))
    with simulated(tmp_path, cameras=3) as rig:
        assert rig.check().attrs["verdict"] == "GO"
        assert judged == {"conditions": 1, "odd_settings": 1}


def test_the_verdict_is_in_the_record(tmp_path):
    with simulated(tmp_path) as rig:
        rig.live()
        assert levels(rig.check()) == {"live_view": "warn"}
        note = json.loads(rig.session.events.query("msg_id == 'check'")["payload"].iloc[-1])
        assert note["verdict"] == "GO, with warnings"
        assert "live_view" in note["findings"]


def test_a_layout_says_who_should_be_there(tmp_path):
    with simulated(tmp_path, cameras=4) as rig:
        serials = [place.serial for place in rig.save_layout(tmp_path / "rig.csv").places]
    lines = ["position,serial,hub", *(f"F{n},{serial},hub{n}" for n, serial in enumerate(serials[:3])), "F9,999,hub9"]
    (tmp_path / "rig.csv").write_text("\n".join(lines))
    lost = {"cameras": {"A02": {"status": "Lost"}}}
    with simulated(tmp_path, lost, cameras=4, session=tmp_path / "b", layout=tmp_path / "rig.csv") as rig:
        table = rig.check()
        assert table.loc["present", "found"] == "F9 (999) not seen"
        assert table.loc["present", "level"] == "stop"
        assert table.loc["strangers", "level"] == "warn"
        assert serials[3] in table.loc["strangers", "found"]
        assert table.loc["ready", "found"] == "2 of 4 Ready; F1 Lost"
        assert rig["F0", "F2"].check().attrs["verdict"] == "GO"
        back = rig.recover(timeout=0.2)
        assert list(back["position"]) == ["F1", "F9"]
        assert list(back["before"]) == ["Lost", "not seen"]
        assert "hub1" in back["todo"].iloc[0]
        assert "rig.replace" in back["todo"].iloc[1]


def test_what_cameras_that_are_away_share_is_named(tmp_path):
    with simulated(tmp_path, cameras=4) as rig:
        serials = [place.serial for place in rig.save_layout(tmp_path / "rig.csv").places]
    rows = [f"F{n},{serial},hub{n // 2 + 1}" for n, serial in enumerate(serials)]
    (tmp_path / "rig.csv").write_text("\n".join(["position,serial,hub", *rows]))
    lost = {"cameras": {name: {"status": "Lost"} for name in ("A03", "A04")}}
    with simulated(tmp_path, lost, cameras=4, session=tmp_path / "b", layout=tmp_path / "rig.csv") as rig:
        assert rig.check().loc["ready", "found"] == "2 of 4 Ready; F2, F3 Lost; all on hub2"
        assert rig.recover(timeout=0.2).attrs["summary"] == "0 of 2 are back; F2 is Lost, F3 is Lost; all on hub2"


def test_the_disk_is_held_against_the_last_shots(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    with simulated(tmp_path) as rig:
        assert "25 MB per photo, an assumption" in rig.check().loc["disk", "wanted"]
        shot = rig.shoot(wait="files")
        each = sorted(shot.exposures["size_bytes"])[4]
        assert f"{each / 1e6:.1f} MB each" in rig.check().loc["disk", "wanted"]
        found = {}
        for free in (8 * each * 50, 8 * each * 50 - 1, 8 * each - 1):
            monkeypatch.setattr(shutil, "disk_usage", lambda path, free=free: usage(10**12, 0, free))
            found[free] = rig.check()
        assert [table.loc["disk", "level"] for table in found.values()] == ["ok", "warn", "stop"]
        assert found[8 * each - 1].loc["journal", "level"] == "stop"
        assert rig.check(disk_shots=0).loc["journal", "level"] == "stop"


def test_where_files_go_may_not_be_reachable(tmp_path):
    with FakeServer() as server:
        options = {"DownloadPath": "D:/scans", "FilenameExpression": "[C]_[B]"}
        server.answer = telling(OptionsInfo=options)
        with rigkit.connect(server.requests, publisher=server.publisher, session=tmp_path / "s", timeout=1.0) as rig:
            table = rig.check()
            assert table.loc["disk", "found"] == "D:/scans is not reachable from here"
            assert table.loc["disk", "level"] == "unknown"
            assert table.loc["battery", "level"] == "unknown"
            assert table.loc["settings", "level"] == "unknown"
            assert table.attrs["verdict"] == "GO", "what is not told is not in the way"


def telling(**more: Any):
    def answer(request: dict[str, Any]) -> bytes:
        reply = json.loads(say_yes(request))
        if request["msg_id"] in {"Synchronise", "GetCamera"}:
            reply |= more
        return json.dumps(reply).encode()

    return answer


def test_the_subject_that_the_application_was_told(tmp_path):
    with simulated(tmp_path) as rig:
        assert rig.check().loc["subject", "level"] == "ok"
        rig.begin("P017")
        assert rig.check().loc["subject", "found"] == "P017, and the application says so"
        rig.set_options(photo_session_name="P016")
        table = rig.check()
        assert levels(table) == {"subject": "warn"}
        assert "'P016'" in table.loc["subject", "found"]
        assert "photo_session_name='P017'" in table.loc["verdict", "todo"]
        rig.shoot(wait="files")
        assert levels(rig.check()) == {}, "before it fires rigkit says whose photos come"


def test_a_subject_is_spelt_so_that_it_can_be_in_a_file_name(tmp_path):
    with simulated(tmp_path, cameras=3) as rig:
        with pytest.warns(RuntimeWarning, match="looks like a name"):
            rig.begin("Ann Lee")
        assert rig.check().loc["subject", "found"] == "Ann Lee, and the application says so"
        shot = rig.shoot(wait="files")
        assert shot.ok
        assert levels(rig.check()) == {}
        assert rig.warnings.empty
        rig.set_options(photo_session_name="P016")
        assert "photo_session_name='Ann-Lee'" in rig.check().loc["subject", "todo"]


def test_clocks_and_batch_numbers(tmp_path):
    with simulated(tmp_path) as rig:
        assert rig.check().loc["clocks", "level"] == "unknown"
        assert rig.check(clocks=True).loc["clocks", "level"] == "ok"
        rig.set_options(auto_synchronise_time=True)
        assert rig.check().loc["clocks", "level"] == "ok"
        rig["A03"].shoot()
        table = rig.check()
        assert table.loc["batch", "level"] == "warn"
        assert table.loc["batch", "found"] == "A03: 2 where most have 1"
    wrong = {"cameras": {"A02": {"clock_offset_s": 3600}}, "settings": {"clock_report": "measured"}}
    with simulated(tmp_path, wrong, session=tmp_path / "b") as rig:
        table = rig.check(clocks=True)
        assert table.loc["clocks", "level"] == "warn"
        assert table.loc["clocks", "positions"] == "A02"


def cameras_that_say(*said: dict[str, Any]):
    """Have an application tell of these cameras."""
    ready = [
        {"CameraKey": f"k{n}", "CameraName": f"A{n:02d}", "CameraStatus": "Ready"} for n in range(1, 1 + len(said))
    ]
    return telling(CameraInfo=[{**one, **more} for one, more in zip(ready, said, strict=True)])


def connected(server: FakeServer, tmp_path, **more: Any):
    return rigkit.connect(server.requests, publisher=server.publisher, session=tmp_path / "s", timeout=1.0, **more)


def test_batch_numbers_begin_at_nought(tmp_path):
    with (
        FakeServer(cameras_that_say({"PhotoBatchNum": 0}, {"PhotoBatchNum": 5})) as server,
        connected(server, tmp_path) as rig,
    ):
        assert rig.check().loc["batch", "found"] == "numbers from 0 to 5, and none is that of most"
        server.answer = cameras_that_say({"PhotoBatchNum": 0}, {"PhotoBatchNum": 0})
        assert rig.check().loc["batch", "found"] == "level: 0 comes next"


def test_a_camera_that_is_only_busy_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(checking, "_BUSY_S", 0.05)
    with FakeServer(cameras_that_say({"CameraStatus": "Busy"}, {})) as server, connected(server, tmp_path) as rig:
        table = rig.check()
        assert (table.loc["ready", "level"], table.loc["ready", "found"]) == ("stop", "1 of 2 Ready; A01 Busy")
        assert str(table.loc["ready", "todo"]).startswith("Busy: wait for it")
        server.answer = cameras_that_say({"CameraStatus": "Busy"}, {"CameraStatus": "Lost"})
        todo = str(rig.check().loc["ready", "todo"])
        assert "cable" in todo
        assert "Busy: wait for it" in todo


def test_where_files_go_is_found_by_the_mapping(tmp_path):
    mapping = {"D:/scans": str(tmp_path)}
    with (
        FakeServer(telling(OptionsInfo={"DownloadPath": "D:/scans/today"})) as server,
        connected(server, tmp_path, photos=mapping) as rig,
    ):
        assert "not reachable" in str(rig.check().loc["disk", "found"])
        (tmp_path / "today").mkdir()
        assert "GB free in D:/scans/today" in str(rig.check().loc["disk", "found"])


def test_what_matters_most_is_named_first(tmp_path):
    with simulated(tmp_path, cameras=3) as rig:
        serials = [place.serial for place in rig.save_layout(tmp_path / "rig.csv").places]
    (tmp_path / "rig.csv").write_text("\n".join(["position,serial", *(f"F{n},{serials[n]}" for n in (0, 1))]))
    low = {"cameras": {"A01": {"battery_percent": 20}}}
    with simulated(tmp_path, low, cameras=3, session=tmp_path / "b", layout=tmp_path / "rig.csv") as rig:
        table = rig.check()
        assert levels(table) == {"strangers": "warn", "battery": "warn"}
        assert table.attrs["summary"].startswith("GO, with warnings: battery (F0: 20 %); strangers (")
        assert table.loc["verdict", "todo"].startswith("change the battery")
    names = [name for name in CHECKS if name != "verdict"]
    order = list(by_weight({name: Finding("warn", "") for name in names}))
    assert sorted(order) == sorted(names), "none is left out"
    assert order[:6] == ["present", "ready", "battery", "batch", "settings", "dials"]
    assert order[-1] == "strangers", "a spare on the bench is in nobody's way"


def test_shots_that_are_waited_for_and_cameras_that_fail(tmp_path, monkeypatch):
    misfires = [{"kind": "misfire", "camera": "A03", "at": n} for n in (1, 2)]
    with simulated(tmp_path, {"faults": misfires}, cameras=4) as rig:
        shot = rig.shoot(wait=None)
        with monkeypatch.context() as patch:
            patch.setattr(checking, "_BUSY_S", 0.05)
            patch.setattr(
                silence, "PATIENCE_S", 60.0
            )  # nobody is given up while the check is made, however slow this computer
            waiting = rig.check()
        assert waiting.loc["shots", "level"] == "warn"
        assert "A03" in waiting.loc["shots", "positions"]
        shot.wait("files")
        rig.shoot(wait="files")
        assert rig.check().loc["shots", "level"] == "ok"
        table = rig.check(Limits(failures=2))
        assert levels(table)["shots"] == "warn"
        assert table.loc["shots", "found"] == "A03: missing in 2 shots in a row"


def test_an_application_that_falls_silent_is_no_go_and_no_error(tmp_path):
    with (
        FakeServer() as server,
        rigkit.connect(server.requests, publisher=server.publisher, session=tmp_path / "s", timeout=0.3) as rig,
    ):
        assert rig.check().attrs["verdict"] == "GO"
        server.answer = lambda request: None
        table = rig.check()
        assert tuple(table.index) == CHECKS
        assert table.attrs["verdict"] == "NO-GO"
        assert "no answer from" in str(table.loc["ready", "found"])
        assert table.loc["journal", "level"] == "ok", "what can be told without it is told"
        with pytest.raises(NoReply):
            rig.recover()
        server.answer = lambda request: json.dumps({**json.loads(say_yes(request)), "msg_result": False}).encode()
        assert "refuses to tell its state" in str(rig.check().loc["present", "found"])
        server.answer = say_yes
        assert rig.check().attrs["verdict"] == "GO"


def test_a_deaf_connection_is_no_go(tmp_path, monkeypatch):
    monkeypatch.setattr("rigkit.sitting.DEAF_S", 0.3)
    with FakeServer() as server, FakeServer() as other:
        with pytest.warns(RuntimeWarning, match="no event arrives"):
            rig = rigkit.connect(server.requests, publisher=other.publisher, session=tmp_path / "s", timeout=1.0)
        with rig:
            table = rig.check()
            assert levels(table) == {"events": "stop"}
            assert str(other.publisher) in table.attrs["summary"]


def test_a_journal_that_cannot_be_written_is_no_go(tmp_path, monkeypatch):
    with simulated(tmp_path) as rig:
        monkeypatch.setattr(rig.session.log, "trouble", lambda: "The journal can't be written (No space left)")
        with pytest.warns(RuntimeWarning, match="No space left"):
            table = rig.check()
        assert levels(table) == {"journal": "stop"}
        assert "No space left" in str(table.loc["verdict", "todo"])


def test_events_that_were_lost_are_asked_for(tmp_path):
    drop = {"faults": [{"kind": "drop", "camera": "A03", "at": "0.2s", "amount": 2}]}
    with simulated(tmp_path, drop, cameras=4) as rig:
        rig._sitting.wait_for(lambda: False, 0.3)
        rig["A03"].set(iso=200)
        rig["A04"].set(iso=200)
        table = rig.check()
        assert table.loc["loss", "level"] == "ok"
        assert str(table.loc["loss", "found"]).endswith("lost in this session; the state was asked for since")
        assert not rig.session.state.loss.open


def test_models_are_compared_among_themselves(tmp_path):
    scenario = {"cameras": {f"A{n:02d}": {"model": "D780", "properties": {"ISO": "200"}} for n in (1, 2, 3)}}
    with simulated(tmp_path, scenario) as rig:
        assert rig.check().loc["settings", "level"] == "ok"
        rig["A03"].set(iso=400)
        assert rig.check().loc["settings", "found"] == "A03: iso 400"


def test_photos_that_went_to_the_other_folder(tmp_path):
    with simulated(tmp_path, cameras=2) as rig:
        rig.shoot(wait="files")
        usual = rig.options["download_path"]
        rig.set_options(fallback_path=usual)
        assert rig.check().loc["disk", "level"] == "ok", "one and the same"
        rig.set_options(download_path=f"{usual}/new")
        assert rig.check().loc["disk", "level"] == "ok", "one in the other"
        rig.set_options(download_path=f"{usual[:-1]}")
        table = rig.check()
        assert table.loc["disk", "level"] == "warn"
        assert "FallbackPath" in str(table.loc["disk", "found"])


def test_an_application_of_version_3(tmp_path):
    away = {"cameras": {"A02": {"status": "Disconnected"}}}
    with simulated(tmp_path, away, cameras=3, dialect="v3") as rig:
        rig.profile(iso=200)
        table = rig.check()
        assert levels(table) == {"ready": "stop", "settings": "warn"}
        assert table.loc["names", "found"].startswith("SSP_[S]")
        assert rig.recover()["ok"].all()
        assert rig.check().attrs["verdict"] == "GO"


# -- warnings -------------------------------------------------------------------------------------------------------------


def warned(rig) -> list[tuple[str, str, bool, bool]]:
    """All warnings of the sitting: rule, position, whether it stops, whether it is over."""
    table = rig.session.warnings
    return list(zip(table["rule"], table["position"], table["stop"], table["over"].notna(), strict=True))


def test_a_camera_out_of_step_is_warned_of_once(tmp_path, monkeypatch):
    heard: list[str] = []

    def watch_when_all_has_settled():
        rig._sitting.synchronise(photos=False)
        with monkeypatch.context() as patch:
            patch.setattr(judging, "_COUNT_NS", -1)
            rig._sitting.watch()

    with simulated(tmp_path, cameras=4) as rig:
        rig.on_warning(lambda warning: heard.append(f"{warning.position} {warning.rule}"))
        rig["A03"].shoot(wait="files")
        for _ in range(4):
            watch_when_all_has_settled()
            rig.shoot(wait=None)
            rig._sitting.watch()
            rig.shot().wait("files")
        assert heard == ["A03 batch"]
        assert warned(rig) == [("batch", "A03", False, False)]
        assert list(rig.session.warnings["found"]) == ["2 where most have 1"]
        rig.set_numbers(level=True)
        watch_when_all_has_settled()
        assert warned(rig) == [("batch", "A03", False, True)]
        assert heard == ["A03 batch"]


def test_a_warning_that_comes_to_stop_the_work_calls_back_again(tmp_path):
    heard: list[tuple[str, bool]] = []

    def level(percent: int, status: str = "Ready"):
        said = {"CameraBatterylevel": percent, "CameraPowersource": "Battery", "CameraStatus": status}
        server.answer = cameras_that_say(said)
        rig._sitting.synchronise(photos=False)
        rig._sitting.watch()

    with FakeServer() as server:
        with connected(server, tmp_path) as rig:
            rig.on_warning(lambda warning: heard.append((warning.found, warning.stop)))
            for percent in (50, 25, 20, 9, 8):
                level(percent)
            assert heard == [("25 %", False), ("9 %", True)]
            assert warned(rig) == [("battery", "A01", False, True), ("battery", "A01", True, False)]
            level(8, "Lost")
            assert ("battery", "A01", True, False) in warned(rig), "nobody says that it was charged"
            level(90)
            assert all(over for *_, over in warned(rig))
            told = rig.session.warnings
        assert rigkit.open(rig.session.path).warnings.equals(told)


def test_a_journal_that_does_not_say_which_degree_is_over():
    said = {
        "rule": "battery",
        "camera_key": "k1",
        "position": "A01",
        "found": "8 %",
        "wanted": "30 % or more",
        "todo": "",
    }
    told = Warned()
    told.begin({**said, "stop": True}, 1)
    told.end({name: said[name] for name in ("rule", "camera_key", "wanted")}, 2)
    assert [one.over_ns for one in told.rows] == [2]
    assert told.open == {}


@pytest.mark.parametrize(("cause", "failing"), [("no_response", True), ("not_released", False), ("unknown", False)])
def test_who_is_to_blame_for_what_is_missing(cause, failing):
    bench = Bench(2)
    for shot_id in (1, 2, 3):
        bench.fire(shot_id * 100 * S, shot_id=shot_id)
        bench.photo(shot_id * 100 * S + 1, 0, shot_id=shot_id, batch=6 + shot_id)
        bench.note("decided", shot_id * 100 * S + 50 * S, shot_id=shot_id, causes={"cam1": [cause, ""]})
        assert bench.ends(shot_id) == [("captured", None), ("missing", cause)]
    found = [one.camera_key for one in conditions(bench.state, bench.account) if one.rule == "failing"]
    assert found == (["cam1"] if failing else [])


@given(st.lists(st.integers(0, 3)))
def test_a_majority_is_more_than_half_of_at_least_three(values):
    usual = majority(values)
    most = [value for value in set(values) if 2 * values.count(value) > len(values)]
    assert usual == (most[0] if most and len(values) >= 3 else None)


# -- names ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("SSP_[S]", []),
        ("[C]_[B]", []),
        ("[X]_[O]", []),
        ("[U]_[C]", ["between shots: [B] or [S] ([U] is pose and repetition, and a retake has the same)"]),
        ("[N]_[U]_[C]", ["between shots"]),
        ("[N]_[B]", ["between cameras"]),
        ("[O]", ["between cameras: [C], [X] or [S] ([O] is the body's own"]),
        ("[N]", ["between cameras", "between shots"]),
        ("photo", ["between cameras", "between shots"]),
        ("[T]", ["what [T] means is not public", "between shots"]),
    ],
)
def test_file_names_that_would_collide(expression, said):
    found = list(unclear_names({"FilenameExpression": expression}, unique_names=True))
    assert len(found) == len(said)
    for text, part in zip(found, said, strict=True):
        assert part in text


def test_what_decides_whether_names_collide():
    assert len(list(unclear_names({"FilenameExpression": "[C]_[B]"}, unique_names=False))) == 1
    spaced = {"FilenameExpression": "[N]_[S]", "PhotoSessionName": "P 17", "AllowSpacesInFilename": False}
    assert "PhotoSessionName has spaces" in next(unclear_names(spaced, unique_names=True))
    assert list(unclear_names({}, unique_names=True)) == []


@given(st.text(), st.booleans())
def test_any_expression_can_be_judged(expression, unique_names):
    found = list(unclear_names({"FilenameExpression": expression}, unique_names=unique_names))
    assert len(found) <= 2
    numbered = {"FilenameExpression": f"{expression}[S]"}
    assert list(unclear_names(numbered, unique_names=unique_names)) == []


# -- recover --------------------------------------------------------------------------------------------------------------


def test_nothing_to_recover(tmp_path):
    with simulated(tmp_path) as rig:
        rig.profile(iso=100)
        table = rig.recover()
        assert len(table) == 0
        assert list(table.columns) == ["position", "before", "after", "settings", "ok", "todo"]
        assert table.attrs["summary"].startswith("nothing to recover")
        assert not set(rig.session.requests["msg_id"]) & CHANGING


def test_cameras_come_back_with_their_golden_settings(tmp_path):
    scenario = {
        "cameras": {
            "A02": {"status": "Disconnected"},
            "A04": {"properties": {"ISO": "400"}},
            "A05": {"status": "Lost"},
        },
        "faults": [{"kind": "setting", "camera": "A02", "at": "0.1s", "amount": "ISO=800"}],
    }
    with simulated(tmp_path, scenario) as rig:
        rig.profile(iso=100)
        table = rig.recover(timeout=0.5).set_index("position")
        assert list(table.index) == ["A02", "A04", "A05"]
        assert dict(table["before"]) == {"A02": "Disconnected", "A04": "Ready", "A05": "Lost"}
        assert dict(table["after"]) == {"A02": "Ready", "A04": "Ready", "A05": "Lost"}
        assert list(table["ok"]) == [True, True, False]
        assert table["settings"].sum() == 2
        assert table["settings"].isna().to_dict() == {"A02": False, "A04": False, "A05": True}
        assert table.loc["A05", "todo"]
        assert dict(rig["A02", "A04"].get("iso")["value"]) == dict.fromkeys(rig["A02", "A04"].get("iso").index, "100")
        note = json.loads(rig.session.events.query("msg_id == 'recover'")["payload"].iloc[-1])
        assert note["summary"] == "1 of 2 are back; A05 is Lost. Settings put right on 2 of 2"
        assert len(note["cameras"]) == 3


def test_a_camera_that_is_plugged_in_meanwhile_comes_back(tmp_path):
    scenario = {
        "settings": {"auto_connect": True},
        "faults": [{"kind": "lost", "camera": "A03", "at": "0.2s", "amount": 700}],
    }
    with simulated(tmp_path, scenario, cameras=4) as rig:
        wait_for_status(rig, "A03", "Lost")
        table = rig.recover()
        assert list(table["before"]) == ["Lost"]
        assert list(table["after"]) == ["Ready"]
        assert table["settings"].isna().all()
        assert table["ok"].all()
        assert rig.check().attrs["verdict"] == "GO"


def test_one_camera_that_is_refused_does_not_stop_the_rest(tmp_path, monkeypatch):
    monkeypatch.setattr(checking, "_DETECT_S", 0.3)
    scenario = {
        "cameras": {"A02": {"status": "Lost"}, "A03": {"status": "Disconnected"}, "A04": {"status": "Disconnected"}},
        "settings": {"partial_success": "all", "auto_connect": False},
    }
    with simulated(tmp_path, scenario, cameras=4) as rig:
        table = rig.recover(timeout=0.8).set_index("position")
        assert dict(table["after"]) == {"A01": "Ready", "A02": "Lost", "A03": "Ready", "A04": "Ready"}
        connects = rig.session.requests.query("msg_id == 'Connect'")
        assert list(connects["ok"])[:5] == [False, True, False, True, True]


def test_what_only_a_hand_can_set_is_named(tmp_path):
    with simulated(tmp_path, {"cameras": {"A05": {"properties": {"ProgramMode": "A"}}}}) as rig:
        rig.profile(program_mode="M")
        table = rig.recover()
        assert list(table["position"]) == ["A05"]
        assert not table["ok"].any()
        assert table["todo"].iloc[0] == "set it on the body: program_mode M"


def test_a_request_that_stays_unanswered_does_not_stop_the_rest(tmp_path, monkeypatch):
    monkeypatch.setattr(checking, "_DETECT_S", 0.1)
    statuses = {"k1": "Ready", "k2": "Disconnected", "k3": "Disconnected", "k4": "Disconnected"}

    def answer(request: dict[str, Any]) -> bytes | None:
        if request["msg_id"] == "Connect":
            if "k2" in request.get("CameraKeys", [request.get("CameraKey")]):
                return None
            statuses[request["CameraKey"]] = "Ready"
        reply = json.loads(say_yes(request))
        if "CameraInfo" in reply:
            reply["CameraInfo"] = [{"CameraKey": key, "CameraStatus": status} for key, status in statuses.items()]
        return json.dumps(reply).encode()

    with (
        FakeServer(answer) as server,
        rigkit.connect(server.requests, publisher=server.publisher, session=tmp_path / "s", timeout=0.2) as rig,
    ):
        table = rig.recover(timeout=1.2)
        assert dict(table["after"]) == {"k2": "Disconnected", "k3": "Ready", "k4": "Ready"}
