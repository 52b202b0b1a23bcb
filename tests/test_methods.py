"""What is told of a sitting afterwards: the report, the paragraphs for a paper, ``rigkit show``; on small simulated days."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

import rigkit
from rigkit import display
from rigkit.cli import main
from rigkit.display.counting import shot_counts, standing, tally
from rigkit.display.sections import body_grid, ranges
from rigkit.display.show import WIDTH
from rigkit.record.columns import TABLES, empty, frame
from rigkit.sim.counter import counter_readings
from tests.test_display import FACTS, T0, Page, cameras, exposures, finding, settings, shots, timed

#: A label of one line may hold all of these.
HOSTILE = '<script>alert("1")</script> & \u202eevil'
SCENARIO = {
    "cameras": {"A06": {"properties": {"ISO": "400"}}},
    "faults": [
        {"kind": "misfire", "camera": "A02", "at": 1},
        {"kind": "drop", "camera": "A03", "at": 2, "amount": 1},
        {"kind": "double", "camera": "A04", "at": 3},
    ],
}


@pytest.fixture(scope="module")
def day(tmp_path_factory) -> tuple[Path, str, dict[str, Any]]:
    """One sitting with all that can happen; its folder, and what was told of it while it was live."""
    root: Path = tmp_path_factory.mktemp("day")
    spots = [f"F{number:02d}" for number in range(1, 8)]
    with rigkit.simulate(8, seed=3, scenario=SCENARIO, session=root / "scans", speed=20.0) as rig:
        rows = [f"{spot},{serial},hub1,35mm" for spot, serial in zip(spots, rig.cameras["serial"], strict=False)]
        spare = rig.cameras["serial"].iloc[7]
        (root / "rig.csv").write_text("position,serial,hub,lens\n" + "\n".join(rows))
        rig._sitting.session.log.note("layout", places=rigkit.Layout.load(root / "rig.csv").to_note(), why="connected")
        rig.session.refresh()
        rig.begin("P017")
        rig.shoot(pose="apose", rep=1, wait="files")
        rig.shoot(pose="tpose", wait="files").reject("blinked")
        rig.shoot(pose=HOSTILE, note=HOSTILE, wait="files").retake(wait="files")
        rig.without("F01", reason="lens fogged").shoot(pose="apose", rep=2, wait="files").accept()
        rig.replace("F07", serial=spare)
        rig.shoot(pose="apose", rep=3, wait="files")
        with rig.expect(timeout=0.05):
            pass
        rig.session.report()
        live = {"methods": rig.session.methods(), "page": (rig.session.path / "report.html").read_text("utf-8")}
        return rig.session.path, live["methods"], live


@pytest.fixture
def folder(day, tmp_path) -> Path:
    """A copy that a test may write to."""
    copy: Path = shutil.copytree(day[0], tmp_path / day[0].name)
    return copy


def told(tables: dict[str, Any] | None = None, **facts: Any) -> str:
    tables = {name: empty(name) for name in TABLES} | (tables or {})
    return display.methods_text([display.Recorded(FACTS | {"simulated": False} | facts, tables)])


# -- which shots count --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "word", "why"),
    [
        ({}, "counts", ""),
        ({"accepted": True, "reason": "fine"}, "counts", ""),
        ({"accepted": False, "reason": "blinked"}, "rejected", "blinked"),
        ({"superseded_by": 4}, "superseded", "by shot 4"),
        ({"accepted": False, "reason": "blinked", "superseded_by": 4}, "rejected", "blinked"),
        ({"outcome": "refused", "accepted": True}, "not fired", "the application refused it"),
        ({"outcome": "undelivered"}, "not fired", "the request was not sent"),
        ({"outcome": "unknown"}, "counts", ""),
        ({"trigger": "external", "n_exposed": 0, "n_missing": 8}, "not fired", "nobody released it in time"),
        ({"trigger": "external", "n_exposed": 0, "n_missing": 0}, "counts", ""),
        ({"trigger": "external", "n_exposed": 7, "n_missing": 1}, "counts", ""),
    ],
)
def test_which_shots_count(row, word, why):
    assert standing(row) == (word, why)


def test_what_does_not_count_is_in_no_total():
    table = exposures(4, 3, {(shot, 0): {"status": "missing", "on_disk_s": None} for shot in (1, 2)})
    of_shots = shots(table)
    of_shots.loc[2, "accepted"] = False
    sums = tally(shot_counts(of_shots, table))
    assert (sums.shots, sums.counted, sums.rejected) == (3, 2, 1)
    assert (sums.expected, sums.exposed, sums.missing, sums.on_disk) == (8, 7, 1, 7)
    assert sums == tally(shot_counts(of_shots)), "the shots alone tell the same"


def test_many_sittings_and_one_count_alike():
    rows = [{"shot_id": n, "n_expected": 4, "n_exposed": 4 - n, "n_missing": n, "complete": not n} for n in (0, 1, 2)]
    of_shots = frame("shots", [rows[0], rows[1] | {"accepted": False}, rows[2] | {"superseded_by": 3}])
    whole = (
        of_shots.assign(session_id="a").set_index("session_id", append=True).reorder_levels(["session_id", "shot_id"])
    )
    sitting = {
        "session_id": "a",
        "name": "P017_ses-01",
        "created": None,
        "subject": "",
        "simulated": False,
        "open": False,
    }
    lines = display.sessions_text([sitting], whole).splitlines()
    assert lines[0] == "1 sitting, 3 shots (1 rejected, 1 superseded), 1 of them complete: 4/4 exposed"
    assert lines[2].split() == ["P017_ses-01", "a", "3", "1", "rejected,", "1", "superseded", "1", "4/4", "0"]
    assert "3 shots (1 rejected, 1 superseded): 4/4 exposed" in display.session_text(FACTS, of_shots)


def test_files_of_a_release_by_somebody_else_are_counted_although_its_time_is_not_known():
    table = exposures(4, 1, {(1, camera): {"on_disk_s": None, "trigger": "external"} for camera in range(4)})
    of_shots = frame(
        "shots",
        [{"shot_id": 1, "trigger": "external", "n_expected": 4, "n_exposed": 4, "n_missing": 0, "n_on_disk": 4}],
    )
    assert tally(shot_counts(of_shots, table)).on_disk == 4


# -- methods ------------------------------------------------------------------------------------------------------------


def test_the_interval_is_wilsons():
    missing = {(1, 0): {"status": "missing", "on_disk_s": None}}
    for table, said in (
        (exposures(9, 1, missing), "8 were captured (88.89 %; 95 % Wilson interval 56.50 to 98.01 %"),  # by hand
        (exposures(96, 12), "1152 were captured (100 %; 95 % Wilson interval 99.67 to 100.00 %"),
    ):
        assert said in told({"exposures": table, "shots": shots(table)})


def values_of(table: Any, of_photos: dict[int, str], last_heard: dict[int, str], **facts: Any) -> Any:
    """Give a sitting whose photos tell an ISO, and whose cameras were last heard at one, by the number of the camera."""
    rows = table.reset_index()[["shot_id", "camera_key"]].itertuples(index=False)
    photos = [
        {"photo_key": f"{shot_id} {key}", "shot_id": shot_id, "camera_key": key, "iso": of_photos.get(int(key[4:]))}
        for shot_id, key in rows
    ]
    heard = [{"camera_key": f"key {n}", "property": "ISO", "value": value} for n, value in last_heard.items()]
    tables = {name: empty(name) for name in TABLES} | {"exposures": table, "shots": shots(table)}
    tables |= {"photos": frame("photos", photos), "settings": frame("settings", heard)}
    return display.Recorded(FACTS | {"simulated": False} | facts, tables)


@pytest.mark.parametrize(
    ("sittings", "said"),
    [
        ([({0: "100", 1: "100"}, {0: "400", 1: "400"})], "ISO 100 was the same on all cameras (as the photos tell)"),
        ([({}, {0: "400", 1: "400"})], "ISO 400 was the same on all cameras (as last heard from the cameras)"),
        (
            [({0: "100", 1: "100"}, {}), ({}, {0: "400", 1: "400"})],
            "ISO differed between cameras or shots (as the photos tell or, where they do not, as last heard from the cameras)",
        ),
        (
            [({0: "100"}, {0: "400", 1: "400"})],
            "ISO differed between cameras or shots (as the photos tell or, where they do not, as last heard from the cameras)",
        ),
        (
            [({0: "100"}, {1: "100"})],
            "ISO 100 was the same on all cameras (as the photos tell or, where they do not, as last heard from the cameras)",
        ),
        (
            [({0: "100"}, {})],
            "ISO was 100 wherever it was recorded (as the photos tell), and of 1 camera it was not recorded",
        ),
    ],
)
def test_settings_are_read_camera_by_camera(sittings, said):
    text = display.methods_text([values_of(exposures(2, 2), *one) for one in sittings])
    assert f"{said};" in text


def test_what_differs_in_its_source_is_said_for_each():
    one = values_of(exposures(2, 1), {0: "100", 1: "100"}, {})
    balance = [{"camera_key": f"key {n}", "property": "WhiteBalance", "value": "Daylight"} for n in range(2)]
    text = display.methods_text([display.Recorded(one.facts, {**one.tables, "settings": frame("settings", balance)})])
    assert (
        "ISO 100 and white balance Daylight were the same on all cameras (white balance as last heard from the cameras, the others as "
        "the photos tell)" in text
    )


def test_a_lens_that_was_changed_between_sittings_is_told():
    table = exposures(2, 1)

    def sitting(lens: str) -> display.Recorded:
        known = {name: empty(name) for name in TABLES}
        return display.Recorded(
            FACTS, known | {"exposures": table, "shots": shots(table), "cameras": cameras(2, lens=lens)}
        )

    told_of = "The lenses, by the layout of the rig and by position, were 35 mm (2), 85 mm (2)."
    assert told_of in display.methods_text([sitting("35 mm"), sitting("85 mm")])
    assert "were all 35 mm." in display.methods_text([sitting("35 mm"), sitting("35 mm")])


def test_positions_that_are_not_known_are_not_counted():
    table = frame("exposures", [{"shot_id": 1, "camera_key": key, "status": "captured"} for key in "ab"])
    assert "Images were taken with 2 cameras (model not recorded)." in told({"exposures": table})


def test_a_day_is_told_as_it_was(day):
    text = day[1]
    assert text.startswith("Simulated cameras; not a measurement. Images were taken with 8 cameras (Nikon ")
    for sentence in (
        " at 7 positions. The lenses, by the layout of the rig, were all 35mm.",
        "The cameras of each shot were released together by one request (Shoot) to the application's External API.",
        "ISO differed between cameras or shots",
        "shutter speed 1/125 s",
        "1 participant took part in 1 sitting on ",
        "In all, 7 shots were recorded, of 2 poses (",
        "Of these, 1 was rejected (blinked), 1 was superseded by another one taken in its place and 1 was not fired (nobody ",
        "The 4 shots that count had 27 expected exposures, of which 26 were captured (96.30 %; 95 % Wilson interval ",
        "Cause of the missing exposure: misfire.",
        "Left out by name, and not expected: F01 (lens fogged; 1 shot).",
        "no synchrony is claimed",
    ):
        assert sentence in text
    assert not re.search(r"\bnan\b|<NA>|\bNone\b|NaT", text)
    assert text.count("\n\n") == 1


def test_live_and_reopened_tell_the_same(day, folder):
    again = rigkit.open(day[0])
    assert isinstance(again, rigkit.Session)
    assert again.methods() == again.methods() == day[1]
    moved = rigkit.open(folder)
    assert isinstance(moved, rigkit.Session)
    assert moved.methods() == day[1], "it does not matter where the folder lies"


def test_many_sittings_are_one_study(day, tmp_path):
    other = tmp_path / "P018_ses-01"
    with rigkit.simulate(2, session=other, speed=20.0) as rig:
        rig.shoot(subject="P018", pose="apose", wait="files")
    text = rigkit.open([day[0], other]).methods()
    assert "2 participants took part in 2 sittings on " in text
    assert "In all, 8 shots were recorded, 4 per sitting (median; 1 to 7), of 2 poses" in text
    assert "The 5 shots that count had 29 expected exposures, of which 28 were captured" in text


def test_a_sitting_without_a_shot_says_so(tmp_path):
    with rigkit.simulate(2, session=tmp_path / "s") as rig:
        text = rig.session.methods()
        page = rig.session.report().read_text("utf-8")
    assert text.startswith("Simulated cameras; not a measurement. No shot was recorded in 1 sitting.")
    assert "participant" not in text
    assert "No shot yet." in page
    assert "no shot yet; nothing to look at" in Page(page).heading
    assert told().startswith("No shot was recorded in 1 sitting.")
    assert display.methods_text([]) == "No sitting was recorded."


def test_what_is_not_recorded_is_said_to_be_so():
    table = frame("exposures", [{"shot_id": 1, "camera_key": "k", "status": "captured"}])
    text = told({"exposures": table}, rigkit_version=None, python_version=None, dialect=None)
    for words in (
        "Images were taken with 1 camera (model not recorded)",
        "The lenses were not recorded.",
        "released in a way that was not recorded",
        "version not recorded",
        "a platform that was not recorded",
        "ISO, aperture, shutter speed and white balance were not recorded.",
        "There was 1 sitting on a date that was not recorded; who took part was not recorded.",
        "In all, 1 shot was recorded; poses were not recorded. It had 1 expected exposure, of which 1 was captured (100 %; ",
    ):
        assert words in text
    assert not re.search(r"\bnan\b|<NA>|\bNone\b|NaT|\b0 participants", text)


def test_how_it_was_released_and_what_was_made_up_for():
    fates: dict[tuple[int, int], dict[str, Any]] = {
        (1, 0): {"status": "recovered"},
        (2, 1): {"attempt": 2},
        (3, 2): {"duplicate": True},
    }
    table = exposures(4, 3, fates)
    of_shots = shots(table)
    of_shots.loc[3, "trigger"] = "external"
    loss = frame("loss", [{"t": T0, "where": "gap", "n": 2, "recovered_by": "Synchronise"}, {"t": T0, "where": "tail"}])
    text = told({"exposures": table, "shots": of_shots, "cameras": cameras(4), "settings": settings(4), "loss": loss})
    assert "2 were released together by one request (Shoot)" in text
    assert "1 was released by something else than rigkit (a trigger box, " in text
    assert "1 was found by asking the application" in text
    assert "1 was taken in a later attempt (reshoot), hence at another instant" in text
    assert "1 was of a camera that exposed more than once" in text
    assert (
        "On 2 occasions at least 2 events of the application were not heard; in 1 of these cases this was made up"
        in text
    )
    assert "(as last heard from the cameras)" in text
    assert not text.startswith("Simulated")


def test_rejections_are_counted_by_reason():
    table = exposures(2, 5)
    of_shots = shots(table)
    of_shots.loc[[1, 2, 3], "accepted"] = False
    of_shots.loc[[1, 2, 3], "reason"] = ["blinked", "moved", "blinked"]
    assert "3 were rejected (blinked: 2; moved); they are not counted below." in told(
        {"exposures": table, "shots": of_shots}
    )
    of_shots["accepted"] = False
    assert "No shot counts, so nothing is said of completeness." in told({"exposures": table, "shots": of_shots})


# -- what may be claimed about time --------------------------------------------------------------------------------------


def test_what_rests_on_readings_and_on_stamps_is_told_apart():
    tables = timed(
        ["reference", "reference", "calibrated stamps", "uncalibrated stamps", "host arrival"],
        lags=[
            {"camera_key": f"key {n}", "n": 8, "jitter_ms": 2.0 + n, "jitter_hi_ms": 9.0, "evidence": "reference"}
            for n in range(3)
        ],
        clock=[
            {"camera_key": "key 0", "epoch": 1, "drift_ppm": 4.0, "drift_lo_ppm": 3.0, "drift_hi_ppm": 5.0, "n": 9},
            {
                "camera_key": "key 1",
                "epoch": 2,
                "drift_ppm": -9.0,
                "drift_lo_ppm": -19.0,
                "drift_hi_ppm": 1.0,
                "n": 9,
                "step_at": 3,
            },
        ],
        findings=[finding(0, "drift"), finding(1, "missing", "error"), finding(2, "drift")],
        checked=[{"rule": "drift"}],
    )
    text = told(tables, lags={"quantum_ms": 1.0, "n": (8, 8), "elsewhere": False})
    for sentence in (
        (
            "is known in 2 shots from readings of a counter in view of the cameras in steps of 10 ms (level of evidence: reference; "
            "start of the exposure); the median spread, last less first exposure of a shot, was 40 ms (40 ms; 6 cameras a shot), "
            "the median robust sigma (1.4826 MAD) 3 ms."
        ),
        (
            "is known in 1 shot from EXIF time stamps with sub-seconds in steps of 10 ms, made comparable by lags measured with a "
            "counter in view (1 ms steps, 8 shots) (level of evidence: calibrated stamps; "
        ),
        "The median jitter of a camera (1.4826 MAD over shots) was 3 ms by reference (3 cameras).",
        "The EXIF time stamps with sub-seconds in steps of 10 ms of 1 shot were not made comparable by any measurement",
        "no synchrony is claimed from this record for these shots.",
        "was -9 ppm (95 % interval -19 to 1 ppm), not distinguishable from none. 1 step of clocks during the recording was found",
        "by a two-way robust fit (camera by shot); these estimates were validated against simulated rigs of known truth only.",
        "Of 6 exposures only the arrival at the computer is known",
        "The software's automatic checks of the record and of these times found 1 error, 2 warnings.",
    ):
        assert sentence in text
    assert not re.search(r"\bnan\b|<NA>|\bNone\b|NaT", text)


def test_uncalibrated_stamps_claim_no_synchrony_and_coarse_ones_no_change():
    text = told(timed(["uncalibrated stamps"] * 6))
    assert "(skew, and the spread of a shot) can't be known from them, and no synchrony is claimed" in text
    assert (
        "the median residual spread of a shot was 15 ms (6 shots, 15 ms; 6 cameras a shot), the steps of the stamps"
        in text
    )
    assert "median spread" not in text
    assert "residual spread" not in told(timed(["uncalibrated stamps"] * 5)), "too few shots to tell"
    coarse = told(timed(["uncalibrated stamps"] * 6, quantum_ms=1000.0))
    assert "Changes below 1000 ms can't be known from them either." in coarse
    assert "residual spread" not in coarse


def test_nothing_known_is_told_as_such():
    text = told(timed(["host arrival"] * 2))
    assert text.endswith("were not measured here, and no synchrony is claimed from this record.")
    assert "validated" not in text, "there is no estimate"


def test_sittings_that_know_more_do_not_speak_for_the_others():
    known = {name: empty(name) for name in TABLES}
    both = [
        display.Recorded(FACTS | {"simulated": False}, known | timed([level] * 2))
        for level in ("reference", "uncalibrated stamps", "host arrival")
    ]
    text = display.methods_text(both)
    assert "is known in 2 shots from readings" in text
    assert "of 2 shots were not made comparable" in text
    assert "Of 12 exposures only the arrival at the computer is known" in text
    assert display.methods_text(both[::-1]).split("\n\n")[1] == text.split("\n\n")[1], "in whichever order"


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> rigkit.Session:
    """A closed sitting in which a counter was read in all shots but the last."""
    scenario = {"cameras": {"*": {"lag_ms": 60, "jitter_ms": 3}, "A03": {"lag_ms": 98}}}
    with rigkit.simulate(
        5, seed=3, scenario=scenario, session=tmp_path_factory.mktemp("measured") / "s", speed=40.0
    ) as rig:
        for _ in range(7):
            rig.shoot(wait="files")
        session = rig.session
        session.timing.read_files()
        truth = pd.read_csv(session.path / "truth" / "exposures.csv")
        session.timing.add_reference(counter_readings(truth[truth["shot_id"] <= 6]), wrap_ms=1000, step_ms=1)
    return session


def test_a_measured_sitting_says_from_what_it_knows(measured):
    text = measured.methods()
    assert (
        "is known in 6 shots from readings of a counter in view of the cameras in steps of 1 ms (level of evidence: reference"
        in text
    )
    assert (
        "is known in 1 shot from EXIF time stamps with sub-seconds in steps of 10 ms, made comparable by lags measured with a "
        in text
    )
    assert "a counter in view (1 ms steps, 6 shots)" in text
    assert rigkit.open(measured.path).methods() == text


def test_lags_of_another_sitting_are_said_to_be_of_another(measured, tmp_path):
    with rigkit.simulate(5, seed=3, session=tmp_path / "s", speed=40.0) as rig:
        for _ in range(5):
            rig.shoot(wait="files")
        rig.session.timing.read_files()
        rig.session.timing.use_calibration(measured.timing.calibrate())
        text = rig.session.methods()
    assert "made comparable by lags measured with a counter in view in another sitting (1 ms steps, 6 shots)" in text


def test_the_report_of_a_measured_sitting_draws_what_is_known(measured):
    page = measured.report()
    drawn = {path.stem for path in (page.parent / "plots").glob("*.png")}
    assert drawn == {
        "completeness",
        "timeline",
        "spreads",
        "skews",
        "lateness",
        "lags",
        "clocks",
        "arrivals",
        "downloads",
    }
    html = page.read_text("utf-8")
    assert len(re.findall("<img ", html)) == len(drawn)
    assert "Nothing to draw" not in html
    assert len(html) < 2_000_000
    found = pd.read_csv(page.parent / "tables" / "findings.csv")
    checked = pd.read_csv(page.parent / "tables" / "checked.csv")
    assert list(found["text"]) == list(measured.findings()["text"])
    assert len(checked) == len(measured.timing.checked())
    rows = Page(html).rows
    assert next(row for row in rows if row[0] == "A03" and row[-1] == "6")[1].startswith(("37", "38", "39"))


def test_findings_are_a_table_of_the_command_line_too(measured, folder):
    table = pd.read_csv(io.StringIO(shown(measured.path, "--table", "findings")))
    assert list(table["text"]) == list(measured.findings()["text"])
    of_two = pd.read_csv(io.StringIO(shown(measured.path, folder, "--table", "findings")))
    assert set(of_two["session_id"]) <= {measured.id, rigkit.open(folder).id}
    assert len(of_two) >= len(table)


# -- the report ---------------------------------------------------------------------------------------------------------


def test_the_report_of_a_day(day):
    page, html = Page(day[2]["page"]), day[2]["page"]
    assert page.heading.startswith("P017, sitting 1 (simulated), ")
    assert (
        "2 poses, 7 shots (1 rejected, 1 superseded, 1 not fired), 26 of 27 exposures in the 4 that count"
        in page.heading
    )
    assert "1 of 27 expected exposures is missing." in html
    verdicts = {row[0]: row for row in page.rows if row and row[0].isdigit() and "/" in "".join(row)}
    assert "✕ rejected: blinked" in verdicts["2"]
    assert "✕ superseded by shot 4" in verdicts["3"]
    assert "accepted" in verdicts["5"]
    assert "✕ not fired: nobody released it in time" in verdicts["7"]
    assert "▲ 6/7" in verdicts["1"]
    assert [row for row in page.rows if row[:3] == ["Shot 1 apose", "1", "F02"] and "misfire" in row[-1]]
    assert ["F01", "lens fogged", "5"] in page.rows
    assert [row[:2] for row in page.rows if "duplicate" in row[-1]], (
        "who exposed twice, also in a shot that does not count"
    )
    assert "Released by something else than rigkit: shot 7." in html
    assert f'rigkit.open(r"{day[0]}")' in html
    assert "script" not in page.tags
    assert HOSTILE not in html


def test_a_swapped_body_is_a_second_row_of_its_position(day):
    page = Page(day[2]["page"])
    rows = [row for row in page.rows if row[0] == "F07" and row[-1] in ("● Ready", "Ready, not expected")]
    assert len(rows) == 2
    assert len({row[1] for row in rows}) == 2, "two serials"
    assert ["1, 4-5" in row for row in rows] == [True, False], "in which shots the first stood there"
    assert ["6" in row for row in rows] == [False, True]
    assert all("35mm" in row for row in rows), "the lens is of the place"


def test_the_same_trouble_of_many_cameras_is_one_row():
    fate = {"status": "missing", "arrival_s": None, "on_disk_s": None, "cause": "not_ready", "detail": "Lost"}
    special = {(2, camera): fate | {"common_cause": "hub hub3 (3 of 3)"} for camera in range(3)}
    special |= {(3, camera): fate | {"serial": f"S{camera}"} for camera in (5, 6)}
    table = exposures(24, 3, special)
    wrong = [
        {"warning_no": number, "since": T0 + number, "rule": "disconnected", "stop": True, "camera_key": f"k{number}"}
        | {"position": f"A{number}", "found": "Lost", "wanted": "Ready", "todo": "check its cable"}
        for number in range(20)
    ]
    tables = {"exposures": table, "shots": shots(table), "warnings": frame("warnings", wrong)}
    page = Page(display.report_html(FACTS, tables))
    missing = [row for row in page.rows if "▲ no photo" in row]
    assert [row[1:4] for row in missing] == [["3", "A1, A2, A3", ""], ["1", "A6", "S5"], ["1", "A7", "S6"]]
    assert [row[-1] for row in missing] == ["hub hub3 (3 of 3)", "", ""]
    told_of = [row for row in page.rows if "disconnected" in row]
    assert len(told_of) == 1
    assert told_of[0][1] == "▲ still so"
    assert "and 8 more" in told_of[0][3]
    assert "Warning not over: disconnected, A0, A1, A2, A3, A4, A5 and 14 more" in display.report_html(FACTS, tables)


def test_troubles_are_told_and_their_absence_in_a_word():
    none = display.report_html(FACTS, {})
    for words in ("none were written.", "have no gap.", "every line can be read.", "Nobody.", "all came on their own."):
        assert words in none
    assert len(Page(none).rows) < 12, "no empty tables"
    asked = [
        {"request_no": n, "host_wall": T0, "msg_id": "Download", "delivery": "answered", "ok": n > 0}
        | {"payload": '{"PhotoKeys": ["p1"]}'}
        for n in range(3)
    ]
    asked += [{"request_no": 3, "host_wall": T0, "msg_id": "Shoot", "delivery": "unknown", "shot_id": 1}]
    asked += [{"request_no": 4, "host_wall": T0, "msg_id": "Download", "delivery": "answered", "payload": "[1]"}]
    photos = [{"photo_key": "p1", "shot_id": 1, "position": "A1", "location": "Local Disk", "path_state": "missing"}]
    photos += [{"photo_key": "p2", "name": "b.jpg", "location": "Local Disk", "path_state": "here"}]
    tables = {"requests": frame("requests", asked), "photos": frame("photos", photos)}
    html = display.report_html(FACTS | {"unreadable_lines": 1, "unreadable": [("a.jsonl", 7, "torn")]}, tables)
    rows = Page(html).rows
    assert ["1", "1", "A1 (3 times)", "1"] in rows
    assert [row[1:] for row in rows if "refused" in row] == [["Download", "", "refused", "1"]]
    assert [row[1:] for row in rows if "sent, not answered" in row] == [["Shoot", "1", "sent, not answered", "1"]]
    assert ["▲ not where the application put it", "1", "p1"] in rows
    assert ["● here, of the size announced", "1", ""] in rows
    assert "1 place of the journal can&#39;t be read: a.jsonl line 7: torn" in html
    assert "1 file not where the application put it" in html


def test_a_release_by_somebody_else_has_the_time_of_its_first_photo():
    when = 1_795_341_600_000_000_000  # 22 Nov 2026 10:00 UTC
    table = exposures(2, 1, {(1, camera): {"trigger": "external", "confidence": "weak"} for camera in range(2)})
    row = {
        "shot_id": 1,
        "pose": "apose",
        "trigger": "external",
        "n_expected": 2,
        "n_exposed": 2,
        "n_missing": 0,
        "n_on_disk": 2,
    }
    photos = [{"photo_key": f"p{n}", "shot_id": 1, "first_heard": when + n * 10**9} for n in (2, 0, 1)]
    tables = {"exposures": table, "shots": frame("shots", [row]), "photos": frame("photos", photos)}
    html = display.report_html(FACTS, tables)
    assert Page(html).heading.startswith(
        "P017 (simulated), 22 Nov 2026 10:00 UTC: 1 pose, 1 shot, 2 of 2 exposures; nothing"
    )
    assert ["1", "10:00:00", "apose", "● 2/2", "2/2", "counts"] in Page(html).rows
    assert "Of all shots: released by external." in html
    assert "Released by something else than rigkit: shot 1." in html
    assert "2 exposures were matched to a shot by time alone." in html
    assert not [row for row in Page(html).rows if row[0] == "Shot 1"], "no time after the release, which is not known"


def test_bodies_that_were_never_in_a_shot_are_listed_too():
    grid = body_grid(cameras(3), [])
    assert [row[0].text for row in grid.rows] == ["A1", "A2", "A3"]
    assert ranges([]) == ""
    assert ranges([7, 1, 2, 3, 3]) == "1-3, 7"


# -- rigkit show --------------------------------------------------------------------------------------------------------


def shown(*arguments: object) -> str:
    result = CliRunner().invoke(main, ["show", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_show_fits_a_terminal_and_says_what_there_is(day):
    text = shown(day[0])
    assert text.startswith("P017, sitting 1 (simulated), ")
    *before, last = text.rstrip().splitlines()
    assert max(map(len, before)) <= WIDTH
    assert last == f"report {day[0] / 'report.html'}"
    lines = text.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("shot  time"))
    assert [line.split()[0] for line in lines[at + 1 : at + 8]] == list("1234567")
    assert "rejected: blinked" in lines[at + 2]
    assert "\u202e" not in text
    assert re.search(r"^Shot 1 apose +1 +F02 .*no photo +misfire", text, re.MULTILINE)
    assert "  misfire: the application counted a failed photo" in text


def test_show_says_how_a_report_is_made(folder):
    (folder / "report.html").unlink()
    assert f'report: none yet; rigkit show "{folder}" --report writes it' in shown(folder)
    assert f"report {folder / 'report.html'}" in shown(folder, "--report")
    assert (folder / "report.html").exists()


def test_show_prints_the_paragraphs(day, folder):
    assert shown(day[0], "--methods").rstrip() == day[1]
    assert "1 participant took part in 1 sitting on " in shown(folder / ".." / "P0*", "--methods"), "of a pattern too"


def test_warnings_that_are_over_are_not_shown_at_the_end():
    wrong = {"rule": "not_seen", "stop": True, "camera_key": "k", "found": "x" * 300, "wanted": "Ready", "todo": "plug"}
    table = frame(
        "warnings",
        [
            {"warning_no": 0, "since": T0, "over": T0 + 9, "position": "A1"} | wrong,
            {"warning_no": 1, "since": T0, "position": "A2"} | wrong,
        ],
    )
    text = display.show_text(FACTS, {"warnings": table})
    assert "A2: not seen (xxx" in text
    assert "A1:" not in text
    assert max(map(len, text.splitlines())) <= WIDTH
