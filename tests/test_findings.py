"""Findings in plain sentences: what is found, in which words, what was looked for, and that nothing is made up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rigkit.record.columns import TABLES, describe, empty, frame
from rigkit.record.stamps import Verdict
from rigkit.timing import CALIBRATED, REFERENCE, UNCALIBRATED, camera_table, review, stamps_of
from rigkit.timing.decisions import BUDGET
from rigkit.timing.downloads import slow_download
from rigkit.timing.findings import PARTS, REVIEW_BUDGET, findings, summary
from rigkit.timing.found import Record
from rigkit.timing.sentences import QUESTIONS, number

SECOND = 10**9
READ = ("cameras", "settings", "shots", "exposures", "photos", "requests", "loss", "warnings", "clock", "lags")
NEEDS_IMAGES = {"flash_missed", "blur", "white_balance", "bumped_camera"}


def key(at):
    return f"K{at:03d}"


def place(at):
    return f"F{at + 1:02d}"


def camera(at, **more):
    return {"camera_key": key(at), "position": place(at), "status": "Ready", "model": "D850", **more}


def shot(shot_id, **more):
    return {"shot_id": shot_id, "outcome": "accepted", "trigger": "shoot", "requested_mono_s": 60.0 * shot_id, **more}


def exposure(shot_id, at, **more):
    told = {"shot_id": shot_id, "camera_key": key(at), "position": place(at), "status": "captured", "attempt": 1}
    return {**told, "arrival_s": 0.5, **more}


def missing(shot_id, at, cause="misfire", **more):
    return exposure(shot_id, at, status="missing", cause=cause, arrival_s=None, **more)


def sitting(cameras=8, shots=14, odd=(), **tables):
    """Tables of a sitting in which all went well, but for the rows in ``odd``."""
    rows = {
        (row["shot_id"], row["camera_key"]): row
        for s in range(1, shots + 1)
        for row in [exposure(s, at) for at in range(cameras)]
    }
    rows |= {(row["shot_id"], row["camera_key"]): row for row in odd}
    told = {"cameras": [camera(at) for at in range(cameras)], "shots": [shot(s) for s in range(1, shots + 1)]}
    told |= {"exposures": list(rows.values()), **tables}
    return {name: frame(name, rows) for name, rows in told.items()}


def look(tables: Any, review: Any, **more: Any) -> tuple[Any, Any]:
    """Give findings and checked as anything: what a cell holds is what the tests are about."""
    return findings(tables, review, **more)


def told(tables, only=None, **more):
    """Texts and suggestions of the findings of one rule, or of all."""
    found, _ = look(tables, more.pop("review", None), **more)
    rows = found if only is None else found[found["rule"] == only]
    return list(zip(rows["text"], rows["suggestion"], strict=True))


def reason(tables, rule, **more):
    return look(tables, more.pop("review", None), **more)[1].loc[rule, "reason"]


# -- the tables ---------------------------------------------------------------------------------------------------------


def declared(table, name):
    assert [table.index.name, *table.columns] == list(describe(name).index)
    pd.testing.assert_series_equal(table.iloc[:0].dtypes, empty(name).dtypes)


@pytest.mark.parametrize("tables", [{}, {name: empty(name) for name in READ}, {"shots": pd.DataFrame()}])
def test_nothing_at_all_is_two_declared_tables_and_reasons(tables):
    found, checked = look(tables, None)
    declared(found, "findings")
    declared(checked, "checked")
    assert found.empty
    assert list(checked.index) == list(QUESTIONS)
    could = checked.index[checked["reason"] == ""]
    assert list(could) == ["events_lost"]  # no loss is noted: that is an answer
    assert (checked["found"] == 0).all()
    assert checked.loc["late_once", "reason"] == "there are no stamps"
    assert checked.loc["slow_download", "reason"] == "no file was heard of on its way"


def test_a_sitting_in_which_all_went_well_raises_nothing():
    found, checked = look(sitting(), None)
    assert found.empty
    assert checked.loc["missing", ["n", "reason"]].tolist() == [112, ""]
    assert set(checked.index[checked["reason"] == "needs the images"]) == NEEDS_IMAGES
    assert checked.loc["protocol_deviation", "reason"] == "no protocol was run"


def test_the_parts_of_the_budget_add_up():
    assert sum(PARTS.values()) == pytest.approx(1.0)
    assert pytest.approx(BUDGET * PARTS["review"]) == REVIEW_BUDGET


def test_findings_are_sorted_by_gravity_and_declared():
    odd = [missing(3, 2), exposure(4, 1, duplicate=True)]
    tables = sitting(odd=odd, loss=[{"loss_no": 0, "where": "gap", "n": 2, "recovered_by": "Synchronise"}])
    found, _ = look(tables, None)
    declared(found, "findings")
    assert list(found["severity"]) == ["error", "warn", "info"]
    assert list(found.index) == [0, 1, 2]
    assert found["evidence"].isna().all()
    assert found["p_adj"].isna().all()


# -- facts of the record ------------------------------------------------------------------------------------------------


def test_a_missing_camera_is_told_with_causes_streak_and_wilsons_interval():
    odd = [missing(4, 2), missing(5, 2), missing(9, 2, "no_response")]
    found, _ = look(sitting(odd=odd), None)
    row = found.iloc[0]
    assert row["text"] == (
        "F03 delivered no photo in 3 of 14 shots (21 % [7.6, 48]), 2 in a row: misfire 2, no response 1 (shots 4, 5, 9)"
    )
    assert (
        row["suggestion"]
        == "check focus mode, lens cap and mirror lock-up; shot.reshoot() fires only the missing cameras"
    )
    assert row[["subject_kind", "key", "position", "unit", "n"]].tolist() == ["camera", "K002", "F03", "%", 14]
    assert row["effect"] == pytest.approx(100 * 3 / 14)
    assert pd.isna(row["shot_id"])


def test_a_camera_that_goes_on_failing_can_be_left_out():
    found, _ = look(sitting(odd=[missing(s, 2) for s in (4, 5, 6)]), None)
    assert found.loc[0, "suggestion"].endswith('it goes on failing: rig.without("F03", reason=...)')


@pytest.mark.parametrize(
    "standing",
    [
        {"accepted": False},
        {"superseded_by": 5},
        {"outcome": "refused"},
        {"trigger": "external", "n_exposed": 0, "n_missing": 8},
    ],
)
def test_shots_that_do_not_count_lack_nobody(standing):
    tables = sitting(odd=[missing(4, at) for at in range(8)])
    shots = [shot(s, **(standing if s == 4 else {})) for s in range(1, 15)]
    assert told({**tables, "shots": frame("shots", shots)}, "missing") == []
    assert len(told(tables, "missing")) == 8


def test_who_is_waited_for_is_not_missing():
    found, checked = look(sitting(odd=[exposure(14, 2, status="waiting")]), None)
    assert found.empty
    assert checked.loc["missing", "n"] == 111


def test_a_common_cause_is_one_finding_and_comes_first():
    odd = [
        missing(s, at, "lost_during", common_cause=f"hub 3 ({n} of 4)") for s, n in ((5, 4), (7, 3)) for at in range(n)
    ]
    found, _ = look(sitting(odd=odd), None)
    assert found.loc[0, ["rule", "subject_kind", "key", "effect"]].tolist() == ["common_cause", "hub", "3", 7.0]
    assert found.loc[0, "text"] == "Hub 3: most of its cameras failed together in shots 5 (4 of 4), 7 (3 of 4)"
    assert found.loc[0, "suggestion"].startswith("check its power and its cable")
    named = [missing(5, at, common_cause="group ring 2 (8 of 8)") for at in range(8)]
    assert (
        told(sitting(odd=named), "common_cause")[0][0]
        == "Group ring 2: most of its cameras failed together in shot 5 (8 of 8)"
    )
    strange = [missing(5, 0, common_cause="the <b>moon</b>\n")]
    assert told(sitting(odd=strange), "common_cause")[0][0].startswith("Group the <b>moon</b>: most of its cameras")


def test_duplicates_and_lost_events():
    assert told(sitting(odd=[exposure(4, 2, duplicate=True)]), "duplicates") == [
        (
            "F03 delivered more than one exposure in shot 4",
            "look at both: they show different instants; session.photos lists them",
        )
    ]
    loss = [
        {"loss_no": 0, "where": "gap", "n": 5, "recovered_by": "Synchronise"},
        {"loss_no": 1, "where": "restart", "n": None, "recovered_by": None},
    ]
    text, todo = told(sitting(loss=loss), "events_lost")[0]
    assert text == (
        "At least 5 events were published and never heard (1 gap in the numbers, 1 restart of the application); "
        "1 of 2 losses is not made up for"
    )
    assert todo == 'rig.request("Synchronise") asks for the whole state; then look at the network'
    text, _ = told(sitting(loss=loss[:1], odd=[exposure(3, 1, status="recovered")]), "events_lost")[0]
    assert text == (
        "5 events were published and never heard (1 gap in the numbers); asking again (Synchronise) made up for it; "
        "1 exposure was found by asking"
    )


def test_a_batch_number_that_slipped_and_one_that_is_level_again():
    odd = [exposure(3, 4, cause="batch_slip", detail="batch 2, most have 3")]
    off = [camera(at, batch_next=14 if at == 4 else 15) for at in range(8)]
    assert told(
        {**sitting(odd=odd), "cameras": frame("cameras", off)},
        "batch_slip",
    ) == [
        (
            "F05's batch number slipped in shot 3 (batch 2, most have 3); its next batch number is 14 where most have 15",
            "rig.set_numbers(level=True), once all shots are accounted for",
        )
    ]
    level = [camera(at, batch_next=15) for at in range(8)]
    text, todo = told({**sitting(odd=odd), "cameras": frame("cameras", level)}, "batch_slip")[0]
    assert text == "F05's batch number slipped in shot 3 (batch 2, most have 3)"
    assert todo.startswith("its number is level again")
    assert told({**sitting(), "cameras": frame("cameras", off)}, "batch_slip")[0][0] == (
        "F05's next batch number is 14 where most have 15"
    )
    under_way = {**sitting(odd=[exposure(14, 0, status="waiting")]), "cameras": frame("cameras", off)}
    assert told(under_way, "batch_slip") == []  # numbers move, one camera after the other
    gone = [
        camera(at, batch_next=14 if at == 4 else 15, **({"status": "Absent"} if at == 4 else {})) for at in range(8)
    ]
    assert told({**sitting(), "cameras": frame("cameras", gone)}, "batch_slip") == []


def iso(values, **more):
    return [
        {"camera_key": key(at), "position": place(at), "property": "ISO", "value": value, "writeable": True, **more}
        for at, value in enumerate(values)
    ]


def test_settings_that_differ_name_the_usual_value_and_who_deviates():
    values = ["100"] * 5 + ["200", "200", "400"]
    found, _ = look(sitting(settings=iso(values)), None)
    assert found.loc[0, "text"] == "iso is 100 on 5 of 8 cameras, but 200 on F06, F07; 400 on F08"
    assert found.loc[0, "suggestion"] == "rig.set(iso=100), if that is not on purpose"
    assert found.loc[0, ["subject_kind", "effect", "n"]].tolist() == ["rig", 3.0, 8]
    dial = told(sitting(settings=iso(["f/8"] * 7 + ["f/11"], property="Aperture", writeable=False)))
    assert dial == [("aperture is f/8 on 7 of 8 cameras, but f/11 on F08", "turn the dial on the body")]
    assert told(sitting(settings=iso(["f/8"] * 7 + ["8"], property="Aperture"))) == []  # two spellings of one value
    assert told(sitting(settings=iso(["1", "2", "3", "4", "5", "6", "7", "8"]))) == []  # no majority: nobody is right
    assert told(sitting(settings=iso(["a"] * 7 + ["b"], property="Owner"))) == []  # nothing that decides a picture
    assert reason(sitting(cameras=2, settings=iso(["100", "200"])), "settings_mismatch") == (
        "2 cameras: it takes 3 to say which one is set otherwise"
    )


def test_cameras_of_two_models_are_held_against_their_own():
    cameras = [camera(at, **({"model": "Z9"} if at > 3 else {})) for at in range(8)]
    tables = {**sitting(settings=iso(["100"] * 4 + ["64", "64", "64", "80"])), "cameras": frame("cameras", cameras)}
    assert told(tables) == [
        ("iso is 64 on 3 of 4 cameras of Z9, but 80 on F08", "rig.set(iso=64), if that is not on purpose")
    ]


def test_a_golden_profile_goes_before_the_majority():
    golden = {key(at): {"ISO": ("", "200")} for at in range(3)}
    tables = sitting(settings=iso(["100"] * 8))
    text, todo = told(tables, golden=golden)[0]
    assert text == "iso should be 200 by the golden profile, but is 100 on F01, F02, F03"
    assert todo == "rig.recover(), or rig.profile(...).apply()"


def test_names_that_collided():
    photos = [
        {"photo_key": "p1", "shot_id": 4, "camera_key": key(4), "position": "F05", "collided": True, "name": "a_1.jpg"},
        {"photo_key": "p2", "shot_id": 4, "camera_key": key(5), "position": "F06", "collided": False, "name": "b.jpg"},
        {"photo_key": "p3", "camera_key": key(6), "collided": True, "before": True, "name": "of_last_week.jpg"},
    ]
    found, checked = look(sitting(photos=photos), None)
    assert found.loc[0, "text"] == (
        "1 of 2 photos got another name than planned, as that one was taken: a_1.jpg of F05 in shot 4"
    )
    assert found.loc[0, ["subject_kind", "position", "shot_id"]].tolist() == ["camera", "F05", 4]
    assert checked.loc["name_collision", "n"] == 2


def test_batteries_by_level_and_with_a_warning_of_before_by_pace():
    cameras = [camera(at, battery_pct=80) for at in range(6)]
    cameras += [
        camera(6, battery_pct=12, power="Battery", last_heard=10_000 * SECOND),
        camera(7, battery_pct=5, power="AC"),
    ]
    tables = {**sitting(), "cameras": frame("cameras", cameras)}
    assert told(tables) == [("F07's battery was last heard at 12 %", "change the battery, or put the camera on mains")]
    warned = {"warning_no": 0, "rule": "battery", "camera_key": key(6), "since": 4_000 * SECOND, "found": "29 %"}
    assert told({**tables, "warnings": frame("warnings", [warned])})[0][0] == (
        "F07's battery was last heard at 12 %; it was at 29 % 100 min before: at this pace it is empty 71 min later"
    )
    for other in ({"found": "13 %"}, {"found": "low"}, {"over": 5_000 * SECOND}, {"since": 20_000 * SECOND}):
        texts = told({**tables, "warnings": frame("warnings", [{**warned, **other}])})
        assert texts[0][0] == "F07's battery was last heard at 12 %", other


def test_cards_that_are_missing_or_full():
    storage = [{"camera_key": key(2), "position": place(2), "property": "Storage", "value": "Card"}]
    cameras = frame("cameras", [camera(at, n_cards=0 if at == 2 else 1) for at in range(8)])
    tables = {
        **sitting(odd=[missing(5, 3, "storage", detail="CameraNumPhotosFailed rose again")], settings=storage),
        "cameras": cameras,
    }
    found, _ = look(tables, None)
    cards = found[found["rule"] == "card"]
    assert list(cards["severity"]) == ["error", "warn"]
    assert list(cards["text"]) == [
        "F04 had trouble storing its photo in shot 5 (CameraNumPhotosFailed rose again)",
        "F03 writes to a card (storage Card) and has none",
    ]


def test_a_shot_is_too_fast_only_if_it_lacked_cameras():
    odd = [exposure(3, at, on_disk_s=4.0 if at else 9.0) for at in range(8)]
    shots = [shot(s, **({"requested_mono_s": 186.0} if s == 4 else {})) for s in range(1, 15)]
    quick = {**sitting(odd=odd), "shots": frame("shots", shots)}
    assert told(quick, "too_fast") == []
    lacking = {**sitting(odd=[*odd, missing(4, 0), missing(4, 5)]), "shots": frame("shots", shots)}
    found, checked = look(lacking, None)
    row = found[found["rule"] == "too_fast"].iloc[0]
    assert row["text"] == (
        "Released before the last file of the shot before was on disk, and lacking cameras: shot 4 (3 s too early, 2 missing); "
        "still busy with the file before: F01"
    )
    assert (row["effect"], row["unit"], row["shot_id"]) == (pytest.approx(3.0), "s", 4)
    assert checked.loc["too_fast", "n"] == 1
    by_evening = {**sitting(odd=[exposure(3, 0, on_disk_s=9_000.0), missing(4, 0)])}
    assert told(by_evening, "too_fast") == []  # it stayed on the card


# -- estimates ----------------------------------------------------------------------------------------------------------


def stamped(seconds, evidence, quantum_ms=None):
    """Stamps, their review, and the table of lags of an array of seconds, shots x cameras."""
    shots, cameras = seconds.shape
    at = pd.Timestamp("2026-11-22") + pd.to_timedelta(np.round(seconds, 6).ravel(), unit="s")
    ids = {
        "shot_id": np.repeat(np.arange(1, shots + 1), cameras),
        "camera_key": [key(one) for one in range(cameras)] * shots,
    }
    stamps = stamps_of(pd.DataFrame({**ids, "t_exif": at}), evidence=evidence, quantum_ms=quantum_ms)
    rows: list[Any] = camera_table(stamps).reset_index().to_dict("records")
    lags = [{str(name): None if value != value else value for name, value in row.items()} for row in rows]
    return stamps, review(stamps, budget=REVIEW_BUDGET), frame("lags", lags)


def rig_seconds(seed, shots=20, cameras=12, jitter_ms=3.0):
    rng = np.random.default_rng(seed)
    return 30.0 * np.arange(shots)[:, None] + rng.normal(0, jitter_ms / 1e3, (shots, cameras))


@pytest.fixture(scope="module")
def eventful():
    """A camera that is always late, one late exposure, a clock that was set and one that drifts."""
    seconds = rig_seconds(3)
    seconds[:, 2] += 0.038
    seconds[11, 9] += 0.090
    seconds[7:, 5] += 1.5
    seconds[:, 7] *= 1 + 2e-3
    return seconds


def test_time_is_told_with_its_interval_its_n_and_its_evidence():
    seconds = rig_seconds(3)
    seconds[:, 2] += 0.038
    _, seen, lags = stamped(seconds, REFERENCE)
    late = [text for text, _ in told({**sitting(12, 20), "lags": lags}, "late_camera", review=seen, evidence=REFERENCE)]
    row = lags.loc[key(2)]
    between = f"[{number(row['lag_lo_ms'])}, {number(row['lag_hi_ms'])}]"
    basis = "(A: reference, 20 shots, p_adj < 0.001)"
    assert late == [f"F03 was late by {number(row['lag_ms'])} ms {between} against the rig {basis}"]


def test_uncalibrated_stamps_compare_a_camera_with_itself_alone(eventful):
    stamps, seen, lags = stamped(eventful, UNCALIBRATED)
    found, checked = look({**sitting(12, 20), "lags": lags}, seen, quantum_ms=stamps.quantum_ms, evidence=UNCALIBRATED)
    assert "late_camera" not in set(found["rule"])
    assert "correctable_lag" not in set(found["rule"])
    assert "lag can't be known from uncalibrated stamps (C)" in checked.loc["late_camera", "reason"]
    assert "can't be known from uncalibrated stamps (C)" in checked.loc["correctable_lag", "reason"]
    row = found[(found["rule"] == "late_once") & (found["key"] == key(9))].iloc[0]
    assert row["text"].startswith("F10 was 9")
    assert " later than its own usual in shot 12 (C: uncalibrated stamps, 20 shots, p_adj < 0.001)" in row["text"]
    assert (row["subject_kind"], row["shot_id"]) == ("exposure", 12)
    step = found[found["rule"] == "clock_step"].iloc[0]
    assert step["text"].startswith("F06's clock was put forward by 149")
    assert "ms an hour" in found.loc[found["rule"] == "drift", "text"].iloc[0]
    assert found.loc[found["rule"] == "drift", "key"].tolist() == [key(7)]
    assert set(found["severity"]) == {"warn"}


def test_an_early_camera_is_early_by_a_positive_amount():
    seconds = rig_seconds(4)
    seconds[:, 2] -= 0.038
    _, seen, lags = stamped(seconds, CALIBRATED)
    text, _ = told({**sitting(12, 20), "lags": lags}, "late_camera", review=seen)[0]
    assert text.startswith("F03 was early by 3")
    low, high = (float(one) for one in text.split("[")[1].split("]")[0].split(", "))
    assert 0 < low < 38 < high
    assert "(B: calibrated stamps, 20 shots, " in text


def test_an_unsteady_camera():
    seconds = rig_seconds(5, shots=40)
    seconds[:, 3] = 30.0 * np.arange(40) + np.random.default_rng(1).normal(0, 0.060, 40)
    _, seen, lags = stamped(seconds, CALIBRATED)
    text, todo = told({**sitting(12, 40), "lags": lags}, "unstable_camera", review=seen)[0]
    assert text.startswith("F04's jitter is ")
    assert " that of the rig (B: calibrated stamps, 40 shots, " in text
    assert todo.endswith('rig.without("F04", reason=...)')


def test_clocks_set_all_at_once_are_the_rigs_and_hours_are_told_in_seconds():
    checked = pd.DataFrame(
        {"n": 12, "detectable": 5.0, "unit": "ms", "evidence": None, "reason": ""},
        index=pd.Index(["clock_step"], name="rule"),
    )
    row = {
        "rule": "clock_step",
        "camera_key": "the whole rig",
        "shot_id": 9,
        "effect": -3.6e6,
        "lo": -3.6001e6,
        "hi": -3.5999e6,
    }
    _, seen, _ = stamped(rig_seconds(1), UNCALIBRATED)
    seen = seen._replace(
        found=pd.DataFrame([{**row, "unit": "ms", "n": 12, "p_adj": 1e-9, "evidence": UNCALIBRATED}]), checked=checked
    )
    found, _ = look(sitting(), seen)
    assert found.loc[0, "text"] == (
        "The clocks of the whole rig were put back by 3600 s [3600, 3600] before shot 9 (C: uncalibrated stamps, 12 stamps, "
        "p_adj < 0.001)"
    )
    assert found.loc[0, "subject_kind"] == "rig"
    assert pd.isna(found.loc[0, "key"])


def test_lags_that_delays_would_correct():
    seconds = rig_seconds(6) + np.linspace(0, 0.044, 12)
    _, seen, lags = stamped(seconds, CALIBRATED)
    shots = [shot(s, spread_ms=50.0, residual_spread_ms=10.0) for s in range(1, 21)]
    found, checked = look({**sitting(12, 20), "lags": lags, "shots": frame("shots", shots)}, seen, evidence=CALIBRATED)
    row = found[found["rule"] == "correctable_lag"].iloc[0]
    assert row["lo"] < 44 < row["hi"]
    assert row["effect"] == pytest.approx(44, abs=3)  # each lag is against the others: uncorrected that were 48
    assert row["text"].startswith("The cameras' lags lie 4")
    assert row["text"].endswith(
        "(B: calibrated stamps, 20 shots, p_adj < 0.001); a delay per camera would take the spread of a shot from 50 ms to about 10 ms"
    )
    assert row["suggestion"] == "session.timing.propose() gives the delay of each camera"
    assert row["severity"] == "info"
    assert 5 < checked.loc["correctable_lag", "detectable"] < 44


def test_coarse_stamps_and_stamps_of_the_host():
    assert told(sitting(), quantum_ms=1000.0, evidence=UNCALIBRATED)[0][0] == (
        "The stamps come in 1-s steps: a skew below 1 s can't be known (C: uncalibrated stamps)"
    )
    assert told(sitting(), quantum_ms=10.0, evidence=UNCALIBRATED) == []
    host = Verdict(
        "host", "host", 40, 0, 40, None, 1.0, None, 1.0, 0.2, "within 1 s of the host's first news in 40 of 40 photos"
    )
    text, _ = told(sitting(), origin=host)[0]
    assert text == (
        "PhotoDateCaptured is made by the computer, not by the cameras: no skew can be read from it "
        "(within 1 s of the host's first news in 40 of 40 photos)"
    )
    unknown = host._replace(origin="unknown", reason="4 photos of the rig have a PhotoDateCaptured; 5 are needed")
    assert reason(sitting(), "host_stamps", origin=unknown).endswith("; 5 are needed")
    assert reason(sitting(), "host_stamps", origin=host._replace(origin="camera")) == ""


# -- downloads ----------------------------------------------------------------------------------------------------------


def downloads(seed, shots=16, cameras=24, slow=(), times=4.0):
    """Files of cameras on hubs of eight: each hub is slower or faster from shot to shot, so files are not independent."""
    rng = np.random.default_rng(seed)
    took = 2.0 * np.exp(
        rng.normal(0, 0.3, (shots, cameras // 8)).repeat(8, axis=1) + rng.normal(0, 0.3, (shots, cameras))
    )
    took[:, list(slow)] *= times
    rows = [
        exposure(s + 1, at, on_disk_s=0.5 + took[s, at], size_bytes=8_000_000)
        for s in range(shots)
        for at in range(cameras)
    ]
    on_hubs = [camera(at, hub=f"hub {at // 8 + 1}") for at in range(cameras)]
    return {**sitting(cameras, shots, odd=rows), "cameras": frame("cameras", on_hubs)}


def test_a_slow_camera_is_held_against_its_hub_and_a_slow_hub_against_the_rest():
    found, checked = look(downloads(1, slow=[3]), None)
    assert list(found["key"]) == [key(3)]
    assert found.loc[0, "lo"] < 4.0 < found.loc[0, "hi"]
    assert found.loc[0, "text"].startswith("Files of F04 took ")
    assert (
        " as long per MB as those of the others on hub 1, waiting included (D: host arrival, 16 shots, p_adj"
        in found.loc[0, "text"]
    )
    assert checked.loc["slow_download", "n"] == 16 * 24
    found, _ = look(downloads(2, slow=range(8, 16)), None)
    assert list(zip(found["subject_kind"], found["key"], strict=True)) == [("hub", "hub 2")]
    assert found.loc[0, "text"].startswith("Files of hub 2 took ")


def test_few_shots_say_how_many_it_takes():
    found, checked = look(downloads(1, shots=6, slow=[3]), None)
    assert found.empty
    assert checked.loc["slow_download", "reason"].startswith(
        "6 shots with files: one that is slow among 27 cameras and hubs takes 1"
    )
    assert pd.isna(checked.loc["slow_download", "detectable"])


def test_downloads_alike_raise_nothing_in_twenty_sessions():
    hits = sum(bool(slow_download(Record(downloads(seed)), PARTS["slow_download"]).found) for seed in range(100, 120))
    assert hits == 0  # its share is 0.75 %: of 20 sessions 0.15


# -- nothing is made up -------------------------------------------------------------------------------------------------


def test_null_sessions_raise_next_to_nothing():
    found = 0
    for seed in range(20):
        _, seen, lags = stamped(rig_seconds(1000 + seed, cameras=8), CALIBRATED)
        found += len(look({**sitting(8, 20), "lags": lags}, seen, evidence=CALIBRATED)[0]) > 0
    assert found <= 3  # of 5 % more than 3 in 20 have a probability of 1.6 %


def test_a_summary_says_what_was_found_and_what_would_have_been():
    _, seen, lags = stamped(rig_seconds(8), UNCALIBRATED)
    text = summary(*look({**sitting(12, 20), "lags": lags}, seen, quantum_ms=0.0, evidence=UNCALIBRATED))
    lines = text.splitlines()
    assert lines[0] == "Nothing found."
    assert lines[1].startswith("Checked, nothing found: common cause, missing, late once (")
    assert " ms or more would have been found, C)" in lines[1]
    assert any(
        line.startswith("Not checked: late camera: lag can't be known from uncalibrated stamps (C)") for line in lines
    )
    assert "Not checked: flash missed, blur, white balance, bumped camera: needs the images." in lines
    text = summary(*look(sitting(odd=[missing(4, at) for at in range(5)]), None))
    assert text.startswith(
        "Found: 5 errors.\n  error: F01 delivered no photo in 1 of 14 shots (7.1 % [1.3, 31]): misfire (shot 4). To do: "
    )
    assert "\n  and 2 more errors\n" in text
    assert summary(empty("findings"), empty("checked")) == "Nothing found."


# -- whatever comes -----------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    ["", "A1", "hub 3 (2 of 4)", "Card", "ISO", "200", "battery", "29 %", "missing", "\x00<b>", "9" * 400]
)
VALUES = {
    "text": WORDS,
    "whole": st.sampled_from([0, 1, 2, 3, -1, 10**12]),
    "number": st.sampled_from([0.0, 1.0, 2.5, -3.0, 1e-9, 1e12, float("nan"), float("inf")]),
    "flag": st.booleans(),
    "wall": st.sampled_from([0, 10**18, 2 * 10**18]),
    "local": st.just(pd.Timestamp("2026-11-22")),
    "camera": st.just(pd.Timestamp("2026-11-22")),
}


@st.composite
def mixed(draw):
    """Tables of anything, some of them missing, some without columns."""
    tables = {}
    for name in draw(st.sets(st.sampled_from(READ), max_size=5)):
        kinds = {
            one.name: VALUES[one.kind] if one.kind in VALUES else st.sampled_from(one.words) for one in TABLES[name].all
        }
        row = st.fixed_dictionaries({column: st.none() | values for column, values in kinds.items()})
        table = frame(name, draw(st.lists(row, max_size=4)))
        tables[name] = table.drop(columns=draw(st.sets(st.sampled_from(list(table.columns)), max_size=3)))
    return tables


@given(tables=mixed(), quantum_ms=st.sampled_from([float("nan"), 0.0, 10.0, 1000.0]))
@settings(max_examples=30, deadline=None)
def test_no_mix_of_tables_raises_or_warns(tables, quantum_ms):
    found, checked = look(tables, None, quantum_ms=quantum_ms)
    declared(found, "findings")
    declared(checked, "checked")
    assert found["text"].str.len().gt(0).all()
    assert found["suggestion"].str.len().gt(0).all()
    assert all(text.isprintable() for text in found["text"])
    assert checked["found"].sum() == len(found)
    assert summary(found, checked)


def test_plain_frames_and_words_of_nobody_are_read_too():
    plain = {name: table.reset_index() for name, table in sitting(odd=[missing(4, 2)]).items()}
    plain["exposures"]["status"] = plain["exposures"]["status"].astype(str)
    assert told(plain)[0][0] == "F03 delivered no photo in 1 of 14 shots (7.1 % [1.3, 31]): misfire (shot 4)"
    strange = sitting(odd=[missing(4, 2)])
    strange["exposures"]["status"] = pd.Categorical([None] * len(strange["exposures"]))
    assert reason(strange, "missing") == "there are no exposures"


@pytest.mark.parametrize(("cameras", "shots"), [(1, 1), (1, 20), (30, 1), (3, 3)])
def test_small_sittings_are_told_why_nothing_can_be_said(cameras, shots):
    stamps, seen, lags = stamped(rig_seconds(1, shots, cameras), CALIBRATED)
    found, checked = look(
        {**sitting(cameras, shots), "lags": lags}, seen, quantum_ms=stamps.quantum_ms, evidence=CALIBRATED
    )
    assert found.empty
    assert (
        checked.loc[["late_camera", "late_once", "drift", "correctable_lag", "slow_download"], "reason"] != ""
    ).all()
