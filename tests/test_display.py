"""What tables look like as text and HTML: what is said, how often, and what never gets out unescaped."""

from __future__ import annotations

import re
import subprocess
import sys
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pandas as pd
import pytest

from rigkit import display
from rigkit.account.conditions import LIMITS
from rigkit.record.causes import CAUSES, advice
from rigkit.record.columns import TABLES, empty, frame

T0 = 1_795_340_000_000_000_000
FACTS = {
    "session_id": "1a2b3c4d",
    "folder": "scans/2026-11-22",
    "created": "2026-11-22T09:30:12+00:00",
    "address": "sim:24",
    "simulated": True,
    "rigkit_version": "0.1.0",
    "python_version": "3.11.9",
    "application": None,
    "dialect": "v5",
    "subject": "P017",
    "closed": True,
}
MISSING = {"status": "missing", "arrival_s": None, "on_disk_s": None, "size_bytes": None}


def position(camera: int) -> str:
    return f"{'ABCDEFGHIJ'[camera // 24]}{camera % 24 + 1}"


def exposures(n: int, shots: int = 6, special: dict[tuple[int, int], dict[str, Any]] | None = None) -> pd.DataFrame:
    normal = {
        "status": "captured",
        "arrival_s": 0.5,
        "on_disk_s": 2.0,
        "size_bytes": 8_000_000,
        "simulated": True,
    }
    return frame(
        "exposures",
        [
            {"shot_id": shot, "camera_key": f"key {camera}", "position": position(camera), "pose": "apose"}
            | normal
            | (special or {}).get((shot, camera), {})
            for shot in range(1, shots + 1)
            for camera in range(n)
        ],
    )


def shots(table: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for shot_id, part in table.reset_index().groupby("shot_id"):
        exposed = int(part["status"].isin(["captured", "recovered"]).sum())
        row = {"shot_id": shot_id, "pose": part["pose"].iloc[0], "outcome": "accepted", "trigger": "shoot"}
        row |= {"requested": T0, "n_expected": len(part), "n_exposed": exposed, "simulated": True}
        row |= {"n_missing": int((part["status"] == "missing").sum()), "n_on_disk": int(part["on_disk_s"].count())}
        rows.append(row)
    return frame("shots", rows)


def cameras(n: int, lost: tuple[int, ...] = (), **fields: Any) -> pd.DataFrame:
    return frame(
        "cameras",
        [
            {
                "camera_key": f"key {camera}",
                "position": position(camera),
                "name": position(camera),
                "group": "face",
                "status": "Lost" if camera in lost else "Ready",
                "expected": True,
                "model": "EOS R100",
                "serial": f"S{camera:05d}",
                "battery_pct": 80,
            }
            | fields
            for camera in range(n)
        ],
    )


def settings(n: int) -> pd.DataFrame:
    return frame(
        "settings",
        [
            {"camera_key": f"key {camera}", "property": name, "position": position(camera), "value": value}
            for camera in range(n)
            for name, value in (
                ("ISO", "200" if camera in (3, 7) else "100"),
                ("Aperture", "8"),
                ("LensName", f"lens {camera}"),
            )
        ],
    )


class Page(HTMLParser):
    """What a browser would see: elements, attributes, cells, and whether the tags match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.references: list[str] = []
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self.heading = ""
        self.feed(html)
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "img", "hr", "br"):
            self.open.append(tag)
        self.references += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action")]
        assert not [name for name, _ in attrs if name.startswith("on")], "no event handlers"
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "h1" in self.open:
            self.heading += data
        if "td" in self.open or "th" in self.open:
            self.rows[-1][-1] += data


def report(n: int, table: pd.DataFrame, **facts: Any) -> str:
    tables = {"exposures": table, "shots": shots(table), "cameras": cameras(n), "settings": settings(n)}
    return display.report_html(FACTS | facts, tables, {"completeness": b"\x89PNG one", "timeline": b"\x89PNG two"})


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("Shot 1 apose", 24, 24, 9), "Shot 1 apose: 24/24 exposed, 9/24 on disk"),
        (
            ("Shot 6", 24, 23, 23, [("A07", "not_ready", "Lost")]),
            "Shot 6: 23/24 exposed, 23/24 on disk; A07 missing: not_ready (Lost)",
        ),
        (
            ("Shot 2", 4, 2, 2, [("A1", "misfire", None), ("A2", None, None)]),
            "Shot 2: 2/4 exposed, 2/4 on disk; A1 missing: misfire; A2 missing",
        ),
        (
            ("Shot 3", 24, 14, 14, [(f"A{number}", "not_ready", "Lost") for number in range(1, 11)]),
            "Shot 3: 14/24 exposed, 14/24 on disk; A1, A2, A3, A4, A5, A6, A7, A8 missing: not_ready (Lost); and 2 more",
        ),
    ],
)
def test_summary_line(arguments: Any, line: str) -> None:
    assert display.summary_line(*arguments) == line


def test_rig_text_names_who_is_not_ready() -> None:
    assert display.rig_text(cameras(24), "Rig sim:24", True).startswith("Rig sim:24: 24 of 24 Ready (simulated)\n")
    text = display.rig_text(cameras(24, lost=(6, 7)), "Rig tcp://rig-pc", False)
    assert text.splitlines()[0] == "Rig tcp://rig-pc: 22 of 24 Ready; A7, A8 Lost"
    assert len(text.splitlines()) == 1 + 1 + 24
    assert text.splitlines()[1].split() == ["position", "group", "status", "battery", "model", "serial"]
    assert [line.split()[0] for line in text.splitlines()[2:5]] == ["A1", "A2", "A3"]


def test_rig_text_shows_a_name_that_differs_and_counts_the_surplus() -> None:
    text = display.rig_text(cameras(200, name="EOS left"), "Rig", False)
    assert "name" in text.splitlines()[1]
    assert text.splitlines()[-1] == "… and 170 more"
    assert display.rig_text(empty("cameras"), "Rig sim:0", True) == "Rig sim:0: no camera (simulated)"


def test_cameras_that_are_not_expected_are_listed_but_not_counted() -> None:
    text = display.rig_text(cameras(2, expected=False, status="Absent"), "Rig", False)
    assert text.splitlines()[0] == "Rig: no camera"
    assert text.count("Absent, not expected") == 2


@pytest.mark.parametrize(("n", "folded"), [(8, False), (30, False), (31, True), (200, True)])
def test_rig_html_folds_what_is_long(n: int, folded: bool) -> None:
    html = display.rig_html(cameras(n, lost=(3,)), f"Rig sim:{n}", True)
    page = Page(html)
    assert ("details" in page.tags) is folded
    assert len(page.rows) == n + 1
    assert f"{n - 1} of {n} Ready (simulated); A4 Lost" in html
    assert not re.search(r"background(-color)?:\s*(#fff|white)", html), "the notebook may be dark"


def test_shot_says_what_to_do() -> None:
    table = exposures(24, 2, {(2, 6): MISSING | {"cause": "not_ready", "detail": "Lost"}})
    line = "Shot 2 apose: 23/24 exposed, 23/24 on disk; A7 missing: not_ready (Lost)"
    html = display.shot_html(2, shots(table), table)
    assert f"{line} (simulated)" in html
    assert advice("not_ready") in html
    assert len(Page(html).rows) == 2 + 25
    assert f"{line} (simulated)" in display.shot_html(2, empty("shots"), table), "the exposures are enough"
    assert ">Shot 9: 0/0 exposed, 0/0 on disk<" in display.shot_html(9, shots(table), table)


def test_session_text() -> None:
    table = exposures(24, 6, {(6, 6): MISSING | {"cause": "not_ready", "detail": "Lost"}})
    lines = display.session_text(FACTS, shots(table), table).splitlines()
    assert lines[0] == "Session 1a2b3c4d of 2026-11-22 09:30 UTC (simulated), subject P017, closed"
    assert lines[1] == "sim:24 in scans/2026-11-22"
    assert lines[2] == "6 shots: 143/144 exposed, 143/144 on disk, 1 missing"
    assert len(lines) == 3 + 6
    assert lines[-1] == "  Shot 6 apose: 23/24 exposed, 23/24 on disk; A7 missing: not_ready (Lost)"
    assert display.session_text(FACTS, shots(table)).endswith("; 1 missing")
    assert "… 10 earlier shots" in display.session_text(FACTS, shots(exposures(2, 40)))


def test_session_html() -> None:
    table = exposures(8, 40, {(6, 6): MISSING | {"cause": "misfire"}})
    page = Page(display.session_html(FACTS, shots(table), table))
    assert page.tags.count("details") == 1
    assert len(page.rows) == 2 + 41


def test_one_low_battery_is_meant_everywhere() -> None:
    levels = {"A1": LIMITS.battery_warn_pct - 1, "A2": LIMITS.battery_warn_pct, "A3": 5}
    rig = cameras(3)
    rig["battery_pct"] = list(levels.values())
    rig.loc["key 2", "power"] = "AC"
    table = exposures(3, 1)
    page = display.report_html(FACTS, {"exposures": table, "shots": shots(table), "cameras": rig})
    for html in (display.rig_html(rig, "Rig", False), page):
        rows = {row[0]: row for row in Page(html).rows if row and row[0] in levels}
        told = [next(text for text in rows[who] if text.endswith(" %")) for who in levels]
        assert told == ["▲ 29 %", "30 %", "5 %"], "on mains nothing runs out"


def test_a_healthy_day_folder_says_what_lies_in_it_and_is_nothing_to_look_at() -> None:
    folder = "/mnt/" + "a long way down/" * 12 + "2026-11-22"
    table = exposures(2, 1)
    facts, tables = FACTS | {"folder": folder, "sittings": 2}, {"exposures": table, "shots": shots(table)}
    opened = f'2 sittings lie in this folder: rigkit.open(r"{folder}/*_ses-*")'
    shown = f'2 sittings lie in this folder: rigkit show "{folder}/*_ses-*"'
    assert opened in display.session_text(facts, shots(table), table).splitlines(), "whole, to be copied"
    assert opened in unescape(display.session_html(facts, shots(table), table))
    assert f"<strong>{opened}" not in unescape(display.session_html(facts, shots(table), table)), "no trouble"
    text = display.show_text(facts, tables)
    assert "nothing to look at" in " ".join(text.split())
    assert shown in text.splitlines()
    html = unescape(display.report_html(facts, tables))
    assert opened in html.split("<main>", maxsplit=1)[0]
    assert "nothing to look at" in Page(html).heading
    assert "<b>The journal</b>: whole" in html
    assert "1 sitting lies in" in display.session_text(facts | {"sittings": 1}, shots(table), table)
    assert "in this folder" not in display.session_text(FACTS | {"sittings": 0}, shots(table), table)


def test_settings_are_held_against_the_profile_and_only_those_of_the_rig() -> None:
    rig = cameras(13)
    rig.loc["key 12", "expected"] = False
    values = {camera: "400" if camera < 8 else "100" for camera in range(12)} | {9: "200", 12: "6400"}
    rows = [{"camera_key": f"key {n}", "property": "ISO", "position": position(n), "value": values[n]} for n in values]
    rows += [{"camera_key": f"key {n}", "property": "Aperture", "position": position(n), "value": "8"} for n in values]
    rows += [{"camera_key": "key 3", "property": "Quality", "position": position(3)}]
    golden = {
        f"key {n}": {"ISO": ("face", "ISO 100"), "Aperture": ("", "f/8"), "Quality": ("", "RAW")}
        for n in (8, 9, 10, 11)
    }
    golden["key 3"] = {"Quality": ("", "RAW")}
    html = display.report_html(FACTS | {"golden": golden}, {"settings": frame("settings", rows), "cameras": rig})
    told = [row for row in Page(html).rows if row[0] in {"ISO", "Aperture", "Quality"}]
    assert told == [
        ["ISO", "ISO 100", "profile of face", "3 of 4", "▲ 200: A10"],
        ["Aperture", "f/8", "profile of all cameras", "4 of 4", ""],
        ["Aperture", "8", "", "8 of 8", ""],
        ["ISO", "400", "", "8 of 8", ""],
    ], "who has the golden value does not deviate; what is not told, and a spare, are not counted"


def test_who_was_left_out_is_sorted_by_position() -> None:
    facts = {"left_out": [(14, "A10", "lens fogged"), (3, "A2", "away"), (4, "A2", "away"), (6, "A2", "away")]}
    rows = Page(display.report_html(FACTS | facts, {})).rows
    at = rows.index(["left out", "why", "in shot"])
    assert rows[at + 1 : at + 3] == [["A2", "away", "3-4, 6"], ["A10", "lens fogged", "14"]]


def test_timing_summary_names_clock_and_evidence_and_no_skew() -> None:
    table = exposures(4, 2, {(1, 0): {"arrival_s": 0.9}, (2, 3): MISSING, (1, 2): {"on_disk_s": None}})
    summary = display.timing_summary(table)
    assert summary.index.tolist() == [1, 2]
    assert summary[["n_expected", "n_heard", "n_on_disk"]].to_numpy().tolist() == [[4, 4, 3], [4, 3, 3]]
    arrivals = summary[["first_arrival_s", "median_arrival_s", "last_arrival_s"]]
    assert arrivals.to_numpy().tolist() == [[0.5, 0.5, 0.9], [0.5, 0.5, 0.5]]
    assert set(summary["evidence"]) == {"host arrival"}
    assert set(summary["clock"]) == {"host monotonic"}
    assert "skew" not in " ".join(summary.columns)
    assert "not observed" in summary.attrs["caveat"]


def test_timing_summary_of_nothing_keeps_its_columns() -> None:
    full, none = display.timing_summary(exposures(2, 1)), display.timing_summary(empty("exposures"))
    assert len(none) == 0
    assert none.dtypes.to_dict() == full.dtypes.to_dict()
    silent = display.timing_summary(exposures(2, 1, {(1, 0): MISSING, (1, 1): MISSING}))
    assert silent["n_heard"].tolist() == [0]
    assert silent["first_arrival_s"].isna().all()


def test_report_of_a_sitting_with_one_camera_missing() -> None:
    table = exposures(24, 6, {(6, 6): MISSING | {"cause": "not_ready", "detail": "Lost"}})
    html = report(24, table)
    page = Page(html)
    assert "SIMULATED" in html
    assert "<title>Session 1a2b3c4d (simulated)</title>" in html
    assert "1 of 144 expected exposures is missing." in html
    assert [row for row in page.rows if row[:3] == ["Shot 6 apose", "1", "A7"]], "what is missing"
    assert [row for row in page.rows if row[0] == "not_ready" and row[-1] == advice("not_ready")]
    assert ["Aperture", "8", "24 of 24", ""] in page.rows
    assert ["ISO", "100", "22 of 24", "▲ 200: A4, A8"] in page.rows
    assert [row for row in page.rows if row[:2] == ["LensName", "24 different values"]]
    assert sum(row[1].startswith("S000") for row in page.rows) == 24, "the cameras: position and serial first"
    assert display.TIMING_CAVEAT.split(";")[0][:60] in html
    assert page.tags.count("img") == 2
    assert "version not reported" in html


def test_a_report_of_a_real_rig_does_not_say_simulated() -> None:
    table = exposures(8, 1)
    html = report(8, table, simulated=False, address="tcp://rig-pc", application="v5.9")
    assert "simulated" not in html.split("<body>")[1].lower()
    assert "Every expected camera delivered in every shot." in html
    assert "v5.9" in html


def test_a_report_needs_nothing_but_itself() -> None:
    html = report(8, exposures(8, 2), address="https://evil.example/x.js")
    page = Page(html)
    assert not {"script", "link", "iframe", "object", "embed", "base"} & set(page.tags)
    assert page.references
    assert all(reference.startswith("data:image/png;base64,") for reference in page.references)
    assert "url(" not in html
    assert "@import" not in html


def test_a_big_sitting() -> None:
    fate = MISSING | {"cause": "not_ready", "detail": "Lost"}
    table = exposures(200, 30, {(30, camera): fate for camera in range(40)})
    html = report(200, table)
    assert "40 of 6000 expected exposures are missing." in html
    assert len([row for row in Page(html).rows if row[0] == "Shot 30 apose" and "not_ready" in row[-1]]) == 1
    assert len(html) < 600_000


def test_a_photo_without_its_file_is_told_from_a_missing_one() -> None:
    html = report(8, exposures(8, 1, {(1, 2): {"cause": "download_failed", "on_disk_s": None}}))
    assert ["Shot 1 apose", "1", "A3", "photo taken, file not on disk", "download_failed"] in Page(html).rows
    assert advice("download_failed").replace("'", "&#39;") in html


def test_every_cause_has_its_advice_in_the_report() -> None:
    table = exposures(len(CAUSES), 1, {(1, at): MISSING | {"cause": cause} for at, cause in enumerate(CAUSES)})
    rows = Page(report(8, table)).rows
    assert {row[0] for row in rows if row[0] in CAUSES and row[-1] == advice(row[0])} == set(CAUSES)


def test_loss_is_told() -> None:
    loss = frame(
        "loss",
        [
            {"t": T0, "where": "gap", "n": 20, "first_seq": 411, "last_seq": 430, "recovered_by": "Synchronise"},
            {"t": T0, "where": "tail", "n": None},
        ],
    )
    html = display.report_html(FACTS, {"loss": loss})
    assert "≥ 20" in html
    assert [row[1:] for row in Page(html).rows if "gap" in row] == [["gap", "20", "411", "430", "Synchronise"]]
    assert [row[-1] for row in Page(html).rows if "tail" in row] == ["▲ not yet"]


def test_a_report_of_nothing() -> None:
    for tables in ({}, {name: empty(name) for name in TABLES}):
        html = display.report_html({}, tables)
        assert "No shot yet." in html
        Page(html)


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "x" * 10_000, "9" * 10_000]
)
def test_what_came_from_outside_is_escaped_and_cut(name: str) -> None:
    hostile = {"position": name, "pose": name, "cause": "misfire", "detail": name}
    table = exposures(8, 2, {(shot, camera): MISSING | hostile for shot in (1, 2) for camera in range(8)})
    of_shots = frame("shots", [{"shot_id": 1, "pose": name, "note": name, "subject": name, "n_expected": 8}])
    rig = cameras(8, position=name, name=name + "!", group=name, model=name, serial=name)
    props = frame("settings", [{"camera_key": "k", "property": name, "position": name, "value": name}])
    facts: dict[str, Any] = dict.fromkeys(FACTS, name) | {"simulated": False, "closed": False}
    tables = {"exposures": table, "shots": of_shots, "cameras": rig, "settings": props}
    for html in (
        display.report_html(facts, tables, {name: b"png"}),
        display.rig_html(rig, name, True),
        display.shot_html(1, of_shots, table),
        display.session_html(facts, of_shots, table),
    ):
        page = Page(html)
        assert "script" not in page.tags
        assert all(reference.startswith("data:") for reference in page.references)
        assert len(html) < 40_000
    for text in (display.rig_text(rig, name, True), display.session_text(facts, of_shots, table)):
        assert all(len(line) < 400 for line in text.splitlines())


def test_control_characters_reach_no_terminal() -> None:
    text = display.rig_text(cameras(1, position="A\x1b[31m\n1", group="\u202eevil"), "Rig\x07", False)
    assert not [char for char in text if not char.isprintable() and char != "\n"]
    assert len(text.splitlines()) == 3


def test_importing_display_imports_nothing_heavy() -> None:
    code = "import sys, rigkit.display; print(sorted({'pandas', 'jinja2', 'matplotlib', 'numpy'} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


# -- time in the report -------------------------------------------------------------------------------------------------


def timed(levels: list[str], n: int = 6, *, quantum_ms: float = 10.0, **fields: Any) -> dict[str, pd.DataFrame]:
    """Tables of a sitting whose shots rest on these levels of evidence, one shot each."""
    stamp = {"reference": "reference", "host arrival": None}
    table = exposures(n, len(levels))
    instant = ["start" if level in ("reference", "calibrated stamps") else None for level in levels]
    for name, words in (
        ("evidence", levels),
        ("stamp", [stamp.get(level, "t_exif") for level in levels]),
        ("instant", instant),
    ):
        table[name] = pd.Series([word for word in words for _ in range(n)], index=table.index).astype(table[name].dtype)
    table["quantum_ms"] = [None if level == "host arrival" else quantum_ms for level in levels for _ in range(n)]
    table["subsec_digits"] = 2
    of_shots = shots(table)
    for name, words in (("evidence", levels), ("instant", instant)):
        of_shots[name] = pd.Series(words, index=of_shots.index).astype(of_shots[name].dtype)
    of_shots["n_stamps"], of_shots["quantum_ms"] = n, quantum_ms
    strong = of_shots["evidence"].isin(["reference", "calibrated stamps"])
    of_shots.loc[strong, ["spread_ms", "spread_lo_ms", "spread_hi_ms", "robust_sigma_ms"]] = [40.0, 35.0, 45.0, 3.0]
    of_shots.loc[of_shots["evidence"] == "uncalibrated stamps", "residual_spread_ms"] = 15.0
    of_shots.loc[~strong, "timing_reason"] = "skew can't be known: <b>why</b>"
    return {"exposures": table, "shots": of_shots, **{name: frame(name, rows) for name, rows in fields.items()}}


def finding(number: int, rule: str, severity: str = "warn", **fields: Any) -> dict[str, Any]:
    about = {
        "finding_no": number,
        "rule": rule,
        "severity": severity,
        "text": f"{rule} of it <i>",
        "suggestion": "look",
    }
    return about | fields


def time_of(html: str) -> str:
    """The section on timing."""
    return unescape(html.split("<h2>Timing</h2>")[1].split("<h2>")[0])


def test_where_no_skew_is_known_the_report_says_why_and_what_to_do() -> None:
    html = display.report_html(FACTS, timed(["host arrival"] * 2))
    told = time_of(html)
    assert "is not known: skew can't be known: <b>why</b>." in told
    assert "<b>why" not in html, "escaped"
    assert "session.timing.add_reference()" in told
    assert "read_files()" in told
    assert "Median spread" not in told
    assert "no stamp of the cameras' own clocks is known" in unescape(html)


def test_uncalibrated_stamps_tell_changes_and_no_spread() -> None:
    told = time_of(display.report_html(FACTS, timed(["uncalibrated stamps"] * 6)))
    assert "How simultaneous the exposures of a shot were is not known" in told
    assert "C: uncalibrated stamps (EXIF time stamps with sub-seconds, in steps of 10 ms" in told
    assert "36 exposures of 6 cameras in 6 shots" in told
    assert "a shot lay within 15 ms (median; 15 ms in 6 shots)" in told
    assert "lay within" not in time_of(display.report_html(FACTS, timed(["uncalibrated stamps"] * 5))), (
        "too few to tell"
    )
    assert "use_calibration()" in told
    coarse = time_of(display.report_html(FACTS, timed(["uncalibrated stamps"] * 6, quantum_ms=1000.0)))
    assert "in steps of 1 s" in coarse
    assert "below 1000 ms can't be known" in coarse
    assert "lay within" not in coarse, "no number finer than the stamps"


def test_each_level_of_evidence_speaks_for_its_own_shots() -> None:
    lags = {"quantum_ms": 1.0, "n": (7, 8), "elsewhere": True}
    tables = timed(["reference", "calibrated stamps", "calibrated stamps", "uncalibrated stamps"])
    told = time_of(display.report_html(FACTS | {"lags": lags}, tables))
    assert "is known in 3 of 4 shots." in told
    assert "A: reference (readings of a counter in view of the cameras" in told
    assert (
        "made comparable by lags measured with a counter in view in another sitting (1 ms steps, 7 to 8 shots)" in told
    )
    assert "Median spread of a shot 40 ms (last less first of 6 cameras; 40 ms in 2 shots" in told
    assert "may be 35 to 45 ms" in told
    assert "Readings of every camera in 6 shots or more" in told, "one shot is still unknown"
    tables["shots"].loc[1, "accepted"] = False
    assert "is known in 2 of 3 shots." in time_of(display.report_html(FACTS, tables)), "only shots that count"


def test_of_many_cameras_the_worst_are_shown_and_the_others_folded() -> None:
    rows = [
        {
            "camera_key": f"key {camera}",
            "position": position(camera),
            "n": 8,
            "lag_ms": float(camera - 20),
            "lag_lo_ms": -40.0,
        }
        | {"lag_hi_ms": 40.0, "jitter_ms": 2.0, "jitter_lo_ms": 1e-10, "jitter_hi_ms": 4.0, "evidence": "reference"}
        | {"quantum_ms": 1.0, "instant": "start"}
        for camera in range(48)
    ]
    clocks = [
        {
            "camera_key": "key 3",
            "epoch": epoch,
            "position": position(3),
            "theta_s": 0.5,
            "theta_lo_s": 0.4,
            "theta_hi_s": 0.6,
        }
        | {"n": 5, "method": "two-way", "evidence": "uncalibrated stamps", "quantum_ms": 10.0, "step_at": step}
        for epoch, step in ((1, None), (2, 7))
    ]
    readings = [
        {"shot_id": 1, "camera_key": "key 0", "wrap_ms": 1000.0, "step_ms": 1.0, "instant": "start", "reader": "<me>"}
    ]
    html = display.report_html(FACTS, timed(["reference"], lags=rows, clock=clocks, reference=readings))
    shown, folded = html.split("38 more cameras")
    of_lags = [row for row in Page(html).rows if row[1:] and row[-1] == "8"]
    assert [row[0] for row in of_lags[:3]] == ["B24", "B23", "B22"], "the furthest from the others first"
    assert of_lags[0][1:3] == ["27 [-40, 40]", "2 [0, 4]"], "bounds by rounding are 0"
    assert len(of_lags) == 48
    assert ">B24</td>" in shown
    assert ">A21</td>" not in shown.split("Lags and jitter")[1]
    assert ">A21</td>" in folded, "a lag of 0 is the last"
    assert ["A4", "set before shot 7", "0.500 [0.400, 0.600]", "5"] in Page(html).rows
    assert "1 reading of 1 camera in shot 1, read by <me>. One LED stands for 1 ms" in time_of(html)


def test_findings_are_told_with_what_to_do_and_what_was_looked_for() -> None:
    found = [finding(0, "late_camera", "error", position="A3", key="key 2"), finding(1, "drift", "info")]
    checked = [
        {
            "rule": "drift",
            "question": "does a clock drift?",
            "n": 24,
            "found": 1,
            "detectable": 12.0,
            "unit": "ppm",
            "reason": "",
        },
        {"rule": "blur", "question": "is a photo blurred?", "reason": "needs the images"},
        {"rule": "missing", "question": "did all deliver?", "n": 9, "found": 0, "reason": ""},
    ]
    tables = timed(["uncalibrated stamps"], findings=found, checked=checked)
    html = display.report_html(FACTS, tables)
    rows = Page(html).rows
    assert ["▲ error", "A3", "late_camera of it <i>", "look"] in rows
    assert ["note", "", "drift of it <i>", "look"] in rows
    assert ["does a clock drift?", "24", "1", "12 ppm or more", ""] in rows
    assert ["is a photo blurred?", "", "", "", "needs the images"] in rows
    assert ["did all deliver?", "9", "0", "every case", ""] in rows
    assert "What was looked for: 2 questions, and 1 that could not be answered" in html
    assert "<i>" not in html


def test_a_finding_is_a_thing_to_look_at_unless_another_line_says_it() -> None:
    found = [
        finding(0, "missing", "error", key="key 0"),
        finding(1, "duplicates", key="key 0"),
        finding(2, "battery_forecast", key="key 1", text="battery of A2"),
        finding(3, "battery_forecast", key="key 2", text="battery of A3"),
        finding(4, "settings_mismatch", text="ISO is 100"),
        finding(5, "correctable_lag", "info", text="a mere note"),
        *(finding(6 + n, "late_camera", key=f"key {n}", text=f"late: {n}") for n in range(5)),
    ]
    wrong = {"since": T0, "found": "9 %", "wanted": "30 %", "todo": "change it"}
    warned = [
        {"warning_no": 0, "rule": "battery", "camera_key": "key 1", "position": "A2"} | wrong,
        {"warning_no": 1, "rule": "setting", "camera_key": "key 5", "position": "A6"} | wrong,
    ]
    tables = timed(["host arrival"], findings=found, warnings=warned)
    text = display.show_text(FACTS, tables)
    things = [line.strip(" !") for line in text.splitlines() if line.startswith("  ! ")]
    assert things == [
        "Warning not over: battery, A2",
        "Warning not over: setting, A6",
        "Battery of A3",
        "Late: 0",
        "Late: 1",
        "Late: 2",
        "2 more findings like the last: late camera",
    ]
    assert "; 7 things to look at" in Page(display.report_html(FACTS, tables)).heading


def test_a_terminal_says_in_a_line_whether_skews_are_known() -> None:
    known = " ".join(display.show_text(FACTS, timed(["reference", "calibrated stamps"])).split())
    assert (
        "Timing: skews are known (A: reference, B: calibrated stamps; in steps of 10 ms); median spread 40 ms over 2 shots."
        in known
    )
    assert "Findings: --table findings lists them" in known
    unknown = " ".join(display.show_text(FACTS, timed(["uncalibrated stamps"])).split())
    assert "Timing: skew is not known: skew can't be known: <b>why</b>." in unknown
    assert "Timing" not in display.show_text(FACTS, {}), "no exposure, nothing to say"
