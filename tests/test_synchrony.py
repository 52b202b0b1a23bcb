"""Time in a session: stamps from files, readings of a counter in view, lags used again; against the simulator's truth."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

import rigkit
from rigkit.errors import SheetError, UnknownName
from rigkit.record.columns import empty, frame, joined
from rigkit.sim.counter import counter_readings
from rigkit.timing.calibration import Calibration, Lag
from rigkit.timing.questions import Timing

SCENARIO = """
cameras:
  "*": {lag_ms: 60, jitter_ms: 3, quantum_ms: 10}
  A03: {lag_ms: 98}
"""
SHOTS, CAMERAS, READ = 14, 12, 8


def read_all(rig: rigkit.Rig) -> None:
    """Wait until the files of all photos were read in the background."""
    deadline = time.monotonic() + 30
    assert rig.session.sums is not None
    done = rig.session.sums.ask()
    while not done() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert rig.session.photos["t_exif"].notna().all()


@pytest.fixture(scope="module")
def sitting(tmp_path_factory):
    """A closed session of which readings of the first shots were entered while it was live; with its truth."""
    folder = tmp_path_factory.mktemp("synchrony")
    scenario = folder / "scenario.yaml"
    scenario.write_text(SCENARIO)
    with rigkit.connect(f"sim:{CAMERAS}?seed=3&scenario={scenario}&speed=40", session=folder / "s") as rig:
        for _ in range(SHOTS):
            rig.shoot(wait="files")
        read_all(rig)
        session = rig.session
        before = {name: getattr(session, name) for name in ("exposures", "shots", "lags", "clock")}
        refusals = [str(session.timing.spread(1)), str(session.timing.lag("A03")), str(session.timing.correctable())]
        truth = pd.read_csv(session.path / "truth" / "exposures.csv")
        session.timing.add_reference(
            counter_readings(truth[truth["shot_id"] <= READ]), wrap_ms=1000, step_ms=1, reader="me"
        )
    return session, truth, before, refusals


def true_skews(truth: pd.DataFrame) -> pd.Series:
    start = truth.set_index(["shot_id", "camera_key"])["t_start_s"] * 1e3
    return start - start.groupby(level="shot_id").transform("median")


def key_of(session: rigkit.Session, position: str) -> str:
    table = session.cameras
    return str(table.index[table["position"] == position][0])


# -- what stamps alone tell ---------------------------------------------------------------------------------------------


def test_the_time_in_each_file_is_noted_as_it_arrives(sitting):
    session, truth, before, _ = sitting
    exposures = before["exposures"]
    assert (exposures["stamp"] == "t_exif").all()
    assert (exposures["subsec_digits"] == 2).all()
    assert_frame_equal(exposures[["t_exif"]], session.exposures[["t_exif"]])
    assert (exposures["quantum_ms"] == 10.0).all()
    # Whatever each clock shows, it moves on by what passed between two shots.
    told = exposures["t_exif"].unstack("camera_key").sort_index()
    true = truth.pivot(index="shot_id", columns="camera_key", values="t_start_s").sort_index()
    off = (told - told.iloc[0]).apply(lambda one: one.dt.total_seconds()) - (true - true.iloc[0])[told.columns]
    assert float(off.abs().max().max()) < 0.0115  # a step of 10 ms; drift of a minute at 100 ppm would be 6 ms


def test_stamps_alone_tell_no_skew_and_say_why(sitting):
    _, _, before, refusals = sitting
    assert before["exposures"]["skew_ms"].isna().all()
    assert before["shots"]["spread_ms"].isna().all()
    assert before["lags"]["lag_ms"].isna().all()
    assert set(before["exposures"]["evidence"]) == {"uncalibrated stamps"}
    assert (before["shots"]["n_stamps"] == CAMERAS).all()
    reasons = [*before["shots"]["timing_reason"], *before["lags"]["reason"], *refusals]
    assert all("can't be known from uncalibrated stamps" in one for one in reasons)
    assert all(": can't be known: " in one for one in refusals)
    jitter = sitting[0].timing.jitter("A01")
    assert jitter.known
    assert not jitter.reason


def test_stamps_alone_tell_what_was_later_than_usual(sitting):
    _, truth, before, _ = sitting
    true = true_skews(truth)
    usual = true - true.groupby(level="camera_key").transform("median")
    off = before["exposures"]["late_ms"].astype("float64") - usual.reindex(before["exposures"].index)
    assert (
        float(np.sqrt((off**2).mean())) < 5.0
    )  # 10 / sqrt(12) = 2.9 by the steps, and what 14 shots know of the usual
    rest = before["shots"]["residual_spread_ms"]
    assert rest.between(4, 40).all()


# -- with readings of a counter -----------------------------------------------------------------------------------------


def test_readings_tell_skew_and_lag_at_the_top_level(sitting):
    session, truth, _, _ = sitting
    read = session.exposures.loc[range(1, READ + 1)]
    assert set(read["evidence"]) == {"reference"}
    assert set(read["stamp"]) == {"reference"}
    assert set(read["instant"]) == {"start"}
    true = true_skews(truth).reindex(read.index)
    assert (
        float((read["skew_ms"].astype("float64") - true).abs().max()) < 3.0
    )  # one step, and a reference without itself
    lag = session.timing.lag("A03")
    assert lag.lo < 38 < lag.hi
    assert lag.evidence == "reference"
    assert "A: reference, n=8, stamps in 1 ms steps, start of exposure" in str(lag)
    assert (session.reference["exposure_ms"].between(7, 10)).all()  # 1/125 s
    assert set(session.reference["reader"]) == {"me"}


def test_measured_lags_calibrate_the_stamps_of_all_other_shots(sitting):
    session, truth, _, _ = sitting
    rest = session.exposures.loc[range(READ + 1, SHOTS + 1)]
    assert set(rest["evidence"]) == {"calibrated stamps"}
    true = true_skews(truth).reindex(rest.index)
    off = rest["skew_ms"].astype("float64") - true
    assert float(np.sqrt((off**2).mean())) < 5.5
    assert ((rest["skew_lo_ms"] <= true) & (true <= rest["skew_hi_ms"])).all()
    shots = session.shots
    spread = truth.groupby("shot_id")["t_start_s"].agg(np.ptp).to_numpy() * 1e3
    assert ((shots["spread_lo_ms"] <= spread) & (spread <= shots["spread_hi_ms"])).all()
    assert list(shots["evidence"]) == ["reference"] * READ + ["calibrated stamps"] * (SHOTS - READ)
    clocks = session.clock
    assert set(clocks["method"]) == {"led"}
    cameras = pd.read_csv(session.path / "truth" / "cameras.csv").set_index("camera_key")
    offsets = cameras["clock_offset_s"] - cameras["clock_offset_s"].median()
    apart = clocks["theta_s"].droplevel("epoch") - offsets
    assert float((apart - apart.median()).abs().max()) < 0.02


def test_a_reopened_session_says_the_same_kept_or_folded(sitting, tmp_path):
    session, _, _, _ = sitting
    kept = rigkit.open(session.path)
    folded = rigkit.open(session.path)
    folded._kept = None
    for name in ("exposures", "shots", "clock", "lags", "reference", "photos"):
        assert_frame_equal(getattr(kept, name), getattr(session, name))
        assert_frame_equal(getattr(folded, name), getattr(session, name))


def test_a_proposal_shrinks_the_spread(sitting):
    session, _, _, _ = sitting
    proposal = session.timing.propose()
    assert proposal.table.set_index("position")["delay_ms"]["A03"] == 0.0
    assert proposal.spread_then_ms < 0.5 * proposal.spread_now_ms


def test_a_trigger_in_the_proposed_order_is_more_simultaneous(sitting, tmp_path):
    session = sitting[0]
    proposal = session.timing.propose()
    assert sorted(set(proposal.order.values())) == list(range(max(proposal.order.values()) + 1))
    assert str(proposal).startswith("A delay of up to ")
    scenario = session.path.parent / "scenario.yaml"
    with rigkit.connect(f"sim:{CAMERAS}?seed=3&scenario={scenario}&speed=20", session=tmp_path / "s") as rig:
        rig.trigger(wait="files")
        rig.trigger(order=proposal.order, interval_ms=int(proposal.interval_ms), wait="files")
    truth = pd.read_csv(tmp_path / "s" / "truth" / "exposures.csv")
    before, after = truth.groupby("shot_id")["t_start_s"].agg(np.ptp) * 1e3
    assert after < 0.6 * before


def test_cohorts_are_compared_by_the_best_stamps_that_cover_both(sitting):
    timing = sitting[0].timing
    assert set(timing.compare([1, 2, 3], [4, 5, 6])["evidence"]) == {"reference"}
    assert set(timing.compare([1, 2, 3], [10, 11, 12])["evidence"]) == {"calibrated stamps"}


def test_a_slip_in_a_reading_is_named(sitting, tmp_path):
    session = rigkit.open(sitting[0].path)
    table = session.reference.reset_index()[["shot_id", "camera_key", "lit_first_ms", "lit_last_ms"]]
    table.loc[3, "lit_last_ms"] = (table.loc[3, "lit_last_ms"] + 100) % 1000
    table.loc[30, ["lit_first_ms", "lit_last_ms"]] = (table.loc[30, ["lit_first_ms", "lit_last_ms"]] + 100) % 1000
    positions = session.cameras["position"]
    named = [f"shot {table['shot_id'][row]}, {positions[table['camera_key'][row]]}" for row in (3, 30)]
    with pytest.warns(RuntimeWarning, match=f"^2 of 96 readings contradict .*: {', '.join(named)}. Look at these"):
        session.timing.add_reference(table, wrap_ms=1000, step_ms=1)
    session.timing.add_reference(
        sitting[0].reference.reset_index()[list(table.columns)], wrap_ms=1000, step_ms=1
    )  # mended


def test_what_is_held_of_a_session_s_timing_stays_up_to_date(tmp_path):
    with rigkit.connect("sim:6?seed=1&speed=40", session=tmp_path / "s") as rig:
        timing = rig.session.timing
        with pytest.raises(UnknownName, match=r"no shot 1\. There is: none"):
            timing.spread(1)
        for _ in range(6):
            rig.shoot(wait="files")
        read_all(rig)
        assert "can't be known from uncalibrated stamps" in str(timing.spread(6))
        truth = pd.read_csv(rig.session.path / "truth" / "exposures.csv")
        timing.add_reference(counter_readings(truth), wrap_ms=1000, step_ms=1)
        assert timing.spread(6).known
        assert timing is rig.session.timing
        assert len(timing.calibrate().lags) == 6
        assert set(rig.session.lags["simulated"]) == set(rig.session.clock["simulated"]) == {True}
        with pytest.raises(UnknownName, match="no camera 'Z9' for this session"):
            timing.lag("Z9")


def test_shots_know_their_spread(sitting):
    session, _, _, _ = sitting
    shot = session.shot(2)
    assert shot.spread.evidence == "reference"
    assert_frame_equal(shot.exposures, session.exposures.loc[[2]])
    assert str(shot.spread).startswith("spread of shot 2 ")


# -- entering readings --------------------------------------------------------------------------------------------------


def test_a_template_is_filled_in_and_read_as_spreadsheets_save_it(sitting, tmp_path):
    session, _, _, _ = sitting
    again = rigkit.open(session.path)
    sheet = again.timing.reference_template(tmp_path / "led.csv", shots=[11])
    lines = sheet.read_text("utf-8-sig").splitlines()
    assert lines[0] == "shot_id,camera,photo,reading_ms,lit_first_ms,lit_last_ms"
    assert len(lines) == 1 + CAMERAS
    filled = ["shot_id;Camera;photo;reading_ms;lit_first_ms;lit_last_ms"]
    for number, line in enumerate(lines[1:]):
        shot, camera, photo = line.split(",")[:3]
        filled.append(f"{shot};{camera};{photo};{100 + number},5;;" if number else f"{shot};{camera};{photo};;;")
    sheet.write_text("\r\n".join(filled), encoding="utf-8-sig")
    with pytest.raises(ValueError, match=r"another counter: wrap 1000 ms, steps of 1 ms"):
        again.timing.add_reference(sheet, wrap_ms=500, step_ms=0.5)
    with pytest.warns(RuntimeWarning, match="1 of 11 readings contradict .* shot 11, A03"):  # made up, and A03 is late
        table = again.timing.add_reference(sheet, wrap_ms=1000, step_ms=1)
    assert len(table.loc[[11]]) == CAMERAS - 1
    assert table.loc[11]["reading_ms"].min() == 101.5
    assert set(again.exposures.loc[11]["evidence"]) == {"reference", "calibrated stamps"}
    with pytest.raises(FileExistsError, match="may hold readings"):
        again.timing.reference_template(sheet)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"shot_id": 99}, "there is no shot 99"),
        ({"shot_id": "x"}, "shot_id is no number: 'x'"),
        ({"camera": "Z9"}, "there is no camera Z9"),
        ({"camera": ""}, "no camera is named"),
        ({"reading_ms": "fast"}, "reading_ms is no number: 'fast'"),
        ({"reading_ms": 2000}, "the counter can't show"),
        ({"reading_ms": -1}, "the counter can't show"),
        ({"reading_ms": None, "lit_first_ms": 3}, "takes the first and the last"),
        ({"reading_ms": float("nan")}, "no reading in it"),
    ],
)
def test_a_row_that_can_not_be_is_named_and_nothing_is_taken_over(sitting, row, problem):
    session = rigkit.open(sitting[0].path)
    before = session.reference
    table = pd.DataFrame(
        [{"shot_id": 13, "camera": "A01", "reading_ms": 7.0, "lit_first_ms": None, "lit_last_ms": None, **row}]
    )
    with pytest.raises(SheetError, match=problem):
        session.timing.add_reference(table, wrap_ms=1000, step_ms=1)
    assert_frame_equal(session.reference, before)


def test_questions_about_what_there_is_not(sitting):
    timing = sitting[0].timing
    with pytest.raises(UnknownName):
        timing.lag("Z9")
    with pytest.raises(UnknownName):
        timing.spread(99)
    with pytest.raises(ValueError, match="'start' or 'middle'"):
        timing.add_reference(pd.DataFrame(), wrap_ms=1000, step_ms=1, instant="end")
    with pytest.raises(SheetError, match="no column shot_id"):
        timing.add_reference(pd.DataFrame({"a": [1]}), wrap_ms=1000, step_ms=1)
    with pytest.raises(SheetError, match="0 < step < wrap"):
        timing.add_reference(pd.DataFrame({"shot_id": [1]}), wrap_ms=1, step_ms=2)


# -- lags that are used again -------------------------------------------------------------------------------------------


def test_lags_are_kept_and_used_in_another_session_of_the_same_bodies(sitting, tmp_path):
    session, _, _, _ = sitting
    path = tmp_path / "lags.json"
    measured = session.timing.calibrate(path)
    assert measured.lags[key_of(session, "A03")].serial
    scenario = session.path.parent / "scenario.yaml"
    with rigkit.connect(f"sim:{CAMERAS}?seed=3&scenario={scenario}&speed=40", session=tmp_path / "s") as rig:
        for _ in range(6):
            rig.shoot(wait="files")
        read_all(rig)
        assert rig.session.shots["spread_ms"].isna().all()
        used = rig.session.timing.use_calibration(path)
        assert used is not None
        assert not used.invalid
        shots = rig.session.shots
        assert set(shots["evidence"]) == {"calibrated stamps"}
        assert shots["spread_ms"].between(25, 75).all()
        rig.begin("P01")  # lags belong to bodies: the next sitting knows them
        assert rig.session.timing.calibration is not None
    again = rigkit.open(tmp_path / "s")
    assert_frame_equal(again.shots, shots)


def test_a_lag_holds_for_its_body_only(sitting):
    session, _, _, _ = sitting
    calibration = session.timing.calibrate()
    key = key_of(session, "A03")
    checked = calibration.checked({key: "another body"})
    assert set(checked.invalid) == {key}
    assert "another body" in checked.invalid[key]
    assert set(checked.lags) == set(calibration.lags) - {key}


def test_a_file_of_lags_must_be_one(tmp_path):
    from rigkit.synchrony import load_calibration

    path = tmp_path / "lags.json"
    with pytest.raises(ValueError, match="there is no such file"):
        load_calibration(path)
    for text in ("", "[]", '{"rigkit": "profiles"}', '{"rigkit": "lags"}', "[" * 100_000):
        path.write_text(text)
        with pytest.raises(ValueError, match="lags"):
            load_calibration(path)
    path.write_text(json.dumps({"rigkit": "lags", "lags": {"a": {"lag_ms": "x"}}, "evidence": "reference"}))
    with pytest.raises(ValueError, match="lag"):
        load_calibration(path)


# -- files that were not read -------------------------------------------------------------------------------------------


def test_files_that_were_not_read_are_read_when_asked(tmp_path, monkeypatch):
    monkeypatch.setattr("rigkit.files.BackgroundSums._try", lambda self, attempt, path: None)
    with rigkit.connect("sim:4?seed=1&speed=40", session=tmp_path / "s") as rig:
        for _ in range(2):
            rig.shoot(wait="files")
    session = rigkit.open(tmp_path / "s")
    assert session.exposures["t_exif"].isna().all()
    assert (
        "8 photos have not been read yet (rig.checksums() waits for that; session.timing.read_files()"
        in session.timing.why_no_skew
    )
    assert session.timing.read_files() == 8
    assert session.exposures["t_exif"].notna().all()
    assert session.timing.read_files() == 0
    assert rigkit.open(tmp_path / "s").exposures["t_exif"].notna().all()


def test_without_files_and_with_stamps_of_unknown_origin_nothing_is_known(tmp_path):
    with rigkit.connect("sim:4?seed=1&speed=40&photos=none", session=tmp_path / "s") as rig:
        rig.shoot(wait="files")
        assert set(rig.session.exposures["evidence"]) == {"host arrival"}
        assert rig.session.exposures["stamp"].isna().all()
        assert "whose clock made PhotoDateCaptured is not known" in str(rig.session.timing.spread(1))
        assert rig.session.clock.empty
        with pytest.raises(ValueError, match="no skew is known"):
            rig.session.timing.propose()
        with pytest.raises(ValueError, match="nothing to compare"):
            rig.session.timing.compare([1], [1])
        with pytest.raises(ValueError, match="there are none"):
            rig.session.timing.calibrate()


GOOD = {"readings": [], "wrap_ms": 1000, "step_ms": 1, "instant": "start", "from_trigger": False, "reader": ""}

# -- any tables ---------------------------------------------------------------------------------------------------------

_T0 = datetime(2026, 11, 22, 10)  # noqa: DTZ001 - as cameras write it
_STAMP = st.none() | st.integers(-(10**6), 10**9).map(lambda ms: _T0 + timedelta(milliseconds=ms))
_EXPOSURE = st.fixed_dictionaries(
    {
        "shot_id": st.integers(1, 4),
        "camera_key": st.sampled_from(["a", "b", "c", "d", "e"]),
        "attempt": st.sampled_from([1, 1, 1, 2]),
        "arrival_s": st.none() | st.floats(0, 5),
        "t_exif": _STAMP,
        "date_captured": _STAMP,
        "requested": st.none() | st.just(1_795_000_000 * 10**9),
        "serial": st.sampled_from([None, "1", "2"]),
        "position": st.sampled_from([None, "A", "B"]),
    }
)


def timing_of(
    rows: list[dict[str, Any]], reference: pd.DataFrame | None = None, calibration: Calibration | None = None
) -> Timing:
    once = {(row["shot_id"], row["camera_key"]): row for row in rows}.values()
    exposures = frame("exposures", [{**row, "photo_key": str(n)} for n, row in enumerate(once)])
    photos = frame(
        "photos",
        [{**row, "photo_key": str(n), "before": False, "first_heard": row["requested"]} for n, row in enumerate(rows)],
    )
    released = {row["shot_id"]: row.get("trigger") for row in rows}
    shots = frame("shots", [{"shot_id": shot, "trigger": word} for shot, word in sorted(released.items())])
    cameras = frame("cameras", [{"camera_key": key, "position": key.upper()} for key in "abc"])
    return Timing(
        exposures, shots, photos, cameras, empty("reference") if reference is None else reference, calibration
    )


@settings(deadline=None, max_examples=60)
@given(st.lists(_EXPOSURE, max_size=20))
def test_any_table_gives_tables_and_no_warning(rows):
    timing = timing_of(rows)
    for name, declared in (("lags", "lags"), ("clock", "clock"), ("host_clock", "clock"), ("reference", "reference")):
        table = getattr(timing, name)
        assert list(table.dtypes.items()) == list(empty(declared).dtypes.items()), name
    assert list(joined("exposures", timing._exposures, timing.exposures).dtypes) == list(empty("exposures").dtypes)
    assert list(joined("shots", timing._shots, timing.shots).dtypes) == list(empty("shots").dtypes)
    for camera in timing.lags.index:
        assert timing.lag(camera).known or timing.lag(camera).reason
        assert timing.drift(camera).known or timing.drift(camera).reason


def later(shots: range, cameras: str, lags: dict[str, float], **more: Any) -> list[dict[str, Any]]:
    """Rows of exposures, a minute apart: stamps in 10 ms steps, each clock elsewhere."""
    rng = np.random.default_rng(4)
    rows = []
    for shot in shots:
        for n, key in enumerate(cameras):
            at = shot * 60_000 + n * 137 + lags.get(key, 0.0) + rng.normal(0, 3)
            stamp = _T0 + timedelta(milliseconds=int(at // 10) * 10)
            row = {
                "shot_id": shot,
                "camera_key": key,
                "attempt": 1,
                "arrival_s": 0.2,
                "requested": 1_795_000_000 * 10**9,
            }
            rows.append(
                {
                    **row,
                    "t_exif": stamp,
                    "subsec_digits": 2,
                    "date_captured": stamp,
                    "trigger": "shoot",
                    "serial": key,
                    **more,
                }
            )
    return rows


def read(shots: range, cameras: str, lags: dict[str, float]) -> list[dict[str, Any]]:
    rng = np.random.default_rng(5)
    counter = {"wrap_ms": 1000.0, "step_ms": 1.0, "instant": "start", "from_trigger": False, "reader": ""}
    return [
        {
            "shot_id": s,
            "camera_key": key,
            "reading_ms": float(500 + round(lags.get(key, 0.0) + rng.normal(0, 2))),
            **counter,
        }
        for s in shots
        for key in cameras
    ]


def test_lags_hold_for_one_way_of_releasing_only():
    rows = later(range(1, 11), "abcdef", {"c": 40.0}) + later(range(11, 17), "abcdef", {}, trigger="trigger")
    timing = timing_of(rows, frame("reference", read(range(1, 11), "abcdef", {"c": 40.0})))
    assert set(timing.shots["evidence"][:10]) == {"reference"}
    assert timing.shots["spread_ms"][10:].isna().all()
    assert set(timing.shots["timing_reason"][10:]) == {
        "released by trigger: what stamps tell rests on the shots released by shoot"
    }
    assert timing.calibration is not None
    assert timing.calibration.released == "shoot"
    assert not timing.calibration.holding_for("trigger").lags


def test_cameras_that_never_saw_the_counter_together_are_not_compared():
    reference = frame("reference", read(range(1, 7), "abcde", {}) + read(range(7, 13), "fghi", {}))
    timing = timing_of(later(range(1, 21), "abcdefghi", dict.fromkeys("fghi", 50.0)), reference)
    assert timing.lag("a").known
    assert not timing.lag("g").known
    assert timing.exposures["skew_ms"].unstack("camera_key")[list("fghi")].isna().all(axis=None)


def test_another_body_under_the_same_key_has_no_lag():
    rows = later(range(1, 13), "abcdef", {}) + later(range(13, 21), "abcdef", {"c": 40.0})
    for row in rows[12 * 6 :]:
        row["serial"] = "new" if row["camera_key"] == "c" else row["serial"]
    timing = timing_of(rows, frame("reference", read(range(1, 9), "abcdef", {})))
    assert timing.calibration is not None
    assert timing.calibration.invalid["c"] == "another body took its place during the session"
    assert timing.exposures.loc[13:]["skew_ms"].unstack("camera_key")["c"].isna().all()


def test_given_lags_are_not_used_for_a_body_that_was_exchanged_on_the_way_nor_mixed_ways_of_releasing():
    rows = later(range(1, 13), "abcdef", {}) + later(range(13, 21), "abcdef", {"c": 40.0})
    for row in rows[12 * 6 :]:
        row["serial"] = "new" if row["camera_key"] == "c" else row["serial"]
    lags = {key: Lag(0.0, -1.0, 1.0, 2.0, 9, "new" if key == "c" else key) for key in "abcdef"}
    timing = timing_of(rows, calibration=Calibration(lags, "reference", 1.0, "start", {}, "shoot"))
    assert timing.calibrated is not None
    assert timing.exposures["skew_ms"].unstack("camera_key")["c"].isna().all()
    assert str(timing.lag("c")).endswith("can't be known: no lag: another body took its place during the session")
    mixed = frame("reference", read(range(1, 9), "abcdef", {"b": 40.0}) + read(range(9, 13), "abcdef", {}))
    timing = timing_of(
        later(range(1, 9), "abcdef", {"b": 40.0}) + later(range(9, 13), "abcdef", {}, trigger="latch"), mixed
    )
    assert timing.lag("b").n == 8
    assert timing.lag("b").lo < 40 < timing.lag("b").hi


def test_a_clock_that_was_set_at_the_very_end_is_left_out_of_skews():
    rows = later(range(1, 25), "abcdef", {})
    for row in rows[-12:]:
        if row["camera_key"] == "c":
            row["t_exif"] += timedelta(seconds=3)
    timing = timing_of(rows, frame("reference", read(range(1, 9), "abcdef", {})))
    skews = timing.exposures["skew_ms"].unstack("camera_key")
    assert skews["c"].loc[23:].isna().all()
    assert float(skews.astype("float64").abs().max().max()) < 60


def test_the_finest_stamp_of_a_photo_counts_and_cut_ones_do_not():
    rows = later(range(1, 15), "abcdef", {})
    for row in rows[::7]:
        row["t_exif"], row["subsec_digits"] = row["t_exif"].replace(microsecond=0), None
    timing = timing_of(rows)
    assert timing.exposures["late_ms"].abs().max() < 40
    assert timing.exposures["t_exif"].notna().all()  # what the files say is shown as it is
    assert timing.exposures["stamp"].isna().sum() == len(rows[::7])


@pytest.mark.parametrize("year", [1, 1904, 2300, 9999])
def test_a_clock_of_another_age_is_no_exception(year):
    rows = later(range(1, 9), "abcdef", {})
    rows[3]["t_exif"] = rows[3]["t_exif"].replace(year=year)
    timing = timing_of(rows)
    assert len(timing.exposures) == len(rows)
    assert timing.shots["residual_spread_ms"].notna().sum() >= 7


def test_a_damaged_note_of_readings_is_counted_and_passed_over(tmp_path):
    with rigkit.connect("sim:4?seed=1&speed=40", session=tmp_path / "s") as rig:
        rig.shoot(wait="files")
        for note in (
            {"readings": [[1, "k", 1.0]], "wrap_ms": 10, "step_ms": 1},
            {"readings": 7, "wrap_ms": 10, "step_ms": 1, "instant": "start", "from_trigger": False, "reader": ""},
            {"readings": [], "wrap_ms": 1, "step_ms": 10, "instant": "start", "from_trigger": False, "reader": ""},
            *({**GOOD, "readings": [[1, "k", value, None, None]]} for value in (5000, -3, None, "nan")),
            {**GOOD, "readings": [[10**30, "k", 1, None, None]]},
            {**GOOD, "instant": "end"},
            {**GOOD, "from_trigger": "maybe"},
        ):
            rig.session.log.note("reference", **note)
        rig.session.log.note("exif", photo_key="?", size=3, t_exif="not a date")
        rig.session.log.note("calibration", lags={"evidence": "none"})
        assert rig.session.reference.empty
        assert len(rig.session.exposures) == 4
        assert rig.session.state.bad >= 10
        rig.session.log.note("exif", photo_key=rig.session.photos.index[0], size=3, t_exif=None, subsec_digits=10**30)
        assert len(rig.session.photos) == 4
        assert rig.session.reference.empty
