"""Plots of timing: what is drawn and named, what it rests on, and what is said where nothing can be known."""

from __future__ import annotations

import functools
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from rigkit import plots
from rigkit.plots.drawing import apart, rounded_up, spaced
from rigkit.record.columns import empty, frame
from rigkit.timing import limits

START_NS = 1_790_000_000_000_000_000
PER_RING = 25
Change = Callable[[int, int], dict[str, Any]]


def key(camera: int) -> str:
    return f"Maker|Model|{camera:04d}"


def position(camera: int, per_ring: int = PER_RING) -> str:
    return f"{'ABCDEFGH'[camera // per_ring]}{camera % per_ring + 1:02d}"


def exposures(
    n: int, k: int = 12, change: Change | None = None, *, level: str | None = "calibrated stamps"
) -> pd.DataFrame:
    """Cameras with lags of their own, the third always 38 ms late; ``change(shot_id, camera)`` gives what is special."""
    rng = np.random.default_rng(3)
    lags = rng.normal(0, 4, n)
    if n > 2:
        lags[2] = 38.0
    offsets = rng.normal(0, 0.3, n)
    rows = []
    for shot in range(1, k + 1):
        for camera in range(n):
            jitter = rng.normal(0, 3)
            since = 300.0 * shot
            stamp_s = START_NS / 1e9 + since + offsets[camera] + (lags[camera] + jitter) / 1e3
            row = {
                "shot_id": shot,
                "camera_key": key(camera),
                "position": position(camera),
                "status": "captured",
                "pose": "apose",
                "requested": START_NS + int(since * 1e9),
                "arrival_s": 0.5 + camera / 100 + jitter / 1e3,
                "on_disk_s": 1.5 + camera / 50,
                "t_exif": pd.Timestamp(round(stamp_s * 1e6), unit="us"),
                "stamp": "t_exif",
                "skew_ms": lags[camera] + jitter if level in ("calibrated stamps", "reference") else None,
                "late_ms": jitter,
                "quantum_ms": 10.0,
                "instant": "unknown",
                "evidence": level,
                "simulated": True,
            }
            rows.append(row | (change(shot, camera) if change else {}))
    return frame("exposures", rows)


def nothing_known(*_: int) -> dict[str, Any]:
    gone = ("arrival_s", "on_disk_s", "t_exif", "stamp", "skew_ms", "late_ms", "quantum_ms", "instant", "evidence")
    return dict.fromkeys(gone) | {"status": "missing"}


def clock(n: int, change: Callable[[int], list[dict[str, Any]]] | None = None) -> pd.DataFrame:
    """One epoch per camera; ``change(camera)`` gives further ones."""
    rows: list[dict[str, Any]] = []
    for camera in range(n):
        row = {
            "camera_key": key(camera),
            "epoch": 1,
            "theta_s": 0.1,
            "drift_ppm": 0.1 * (camera % 7),
            "method": "two-way",
        }
        rows += [row, *({"camera_key": key(camera)} | more for more in (change(camera) if change else []))]
    return frame("clock", rows)


def shots(k: int, change: Callable[[int], dict[str, Any]] | None = None) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    rows = []
    for shot in range(1, k + 1):
        row = {
            "shot_id": shot,
            "pose": "apose",
            "n_stamps": 8,
            "spread_ms": float(rng.normal(30, 2)),
            "residual_spread_ms": 12.0,
            "quantum_ms": 10.0,
            "evidence": "calibrated stamps",
        }
        rows.append(row | (change(shot) if change else {}))
    return frame("shots", rows)


def cameras(n: int, hubs: int = 2) -> pd.DataFrame:
    return frame(
        "cameras",
        ({"camera_key": key(one), "position": position(one), "hub": f"hub{one % hubs + 1}"} for one in range(n)),
    )


def photos(n: int, k: int = 3, change: Change | None = None) -> pd.DataFrame:
    """Ten megabytes in two seconds each, shots 600 s apart."""
    rows = []
    for shot in range(1, k + 1):
        for camera in range(n):
            begun = 600.0 * shot + camera / 100
            row = {
                "photo_key": f"{shot}-{camera}",
                "shot_id": shot,
                "camera_key": key(camera),
                "size_bytes": 10_000_000,
            }
            row |= {"first_heard_mono_s": begun, "on_disk_mono_s": begun + 2}
            rows.append(row | (change(shot, camera) if change else {}))
    return frame("photos", rows)


def said(ax: Axes) -> str:
    """All that can be read in the whole figure, on one line."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    words: list[str] = []
    for one in figure.axes:
        legend = one.get_legend()
        words += [one.get_title("left"), one.get_title("right"), one.get_xlabel(), one.get_ylabel()]
        words += [text.get_text() for text in one.texts]
        words += [text.get_text() for text in legend.get_texts()] if legend else []
    return " ".join(" ".join(words).split())


def warned(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.get_yticklabels() if text.get_color() == plots.WARNING]


@functools.cache
def every_plot(n: int, k: int = 12) -> dict[str, Callable[[], Axes]]:
    def hole(shot: int, camera: int) -> dict[str, Any]:
        if (shot * 31 + camera * 7) % 50 == 0:
            return nothing_known()
        return {"late_ms": 60.0} if (shot, camera) == (4, n - 1) else {}

    def stepped(camera: int) -> list[dict[str, Any]]:
        return [{"epoch": 2, "theta_s": 1.6, "drift_ppm": 0.2, "step_at": 7}] if camera == 1 else []

    table = exposures(n, k, hole)
    lags = pd.Series(np.linspace(-5, 30, n), index=[key(one) for one in range(n)])
    lags.iloc[0] = np.nan
    return {
        "timeline": lambda: plots.timeline(table, 1),
        "completeness": lambda: plots.completeness(table),
        "skews": lambda: plots.skews(table, limit_ms=10),
        "lateness": lambda: plots.lateness(table, groups=cameras(n)["hub"]),
        "clocks": lambda: plots.clocks(table, clock(n, stepped)),
        "arrivals": lambda: plots.arrivals(table, by="camera"),
        "downloads": lambda: plots.downloads(photos(n), cameras(n, 8)),
        "spreads": lambda: plots.spreads(shots(k)),
        "layout": lambda: plots.layout(cameras(n), lags, label="lag", unit="ms"),
        "flash_budget": lambda: plots.flash_budget(table, 40.0, 4.5, 0.1),
    }


def settled(ax: Axes) -> Figure:
    """Lay the figure out and draw all of it, short of making pixels."""
    figure = ax.get_figure(root=True)
    assert isinstance(figure, Figure)
    figure.draw_without_rendering()
    return figure


def overlapping(texts: list[Text]) -> list[tuple[str, str]]:
    shown = [text for text in texts if text.get_text() and text.get_visible()]
    # Boxes may touch: they hold the room of letters that reach below the line.
    boxes = np.array([text.get_window_extent().padded(-1.0).extents for text in shown]).reshape(-1, 4)
    low, high = boxes[:, None, :2], boxes[:, None, 2:]
    both = ((low < high.swapaxes(0, 1)) & (low.swapaxes(0, 1) < high)).all(axis=2)
    return [(shown[one].get_text(), shown[other].get_text()) for one, other in np.argwhere(np.triu(both, 1)).tolist()]


@pytest.mark.parametrize("n", [8, 200])
@pytest.mark.parametrize("name", list(every_plot(4)))
def test_no_labels_overlap_no_legend_lies_on_data_and_every_axis_says_what_it_is(name: str, n: int) -> None:
    figure = settled(every_plot(n)[name]())
    for one in figure.axes:
        for labels in (one.get_xticklabels(), one.get_yticklabels(), list(one.texts)):
            assert overlapping(labels) == []
        legend = one.get_legend()
        if legend is not None:
            assert legend.get_window_extent().y0 >= one.get_window_extent().y1 - 1
            assert legend.get_window_extent().x1 <= figure.bbox.x1 + 1, "cut off at the edge of the figure"
        for axis in (one.xaxis, one.yaxis):
            numbered = any(text.get_text() for text in axis.get_ticklabels())
            assert axis.get_label().get_text() or not numbered


def test_skews_stand_in_the_order_of_their_lags_and_name_who_is_beyond() -> None:
    ax = plots.skews(exposures(24), limit_ms=20)
    rows = [text.get_text() for text in ax.get_yticklabels()]
    assert rows[0] == "A03", "the latest on top"
    assert warned(ax) == ["A03"]
    words = said(ax)
    assert "1 of 24 beyond ±20 ms" in words
    assert "n = 288 skews of 24 cameras in 12 shots" in words
    assert "evidence B: calibrated stamps" in words
    assert "stamps in 10 ms steps" in words
    assert "beyond the limit: A03" in words
    assert "(ms" in ax.get_xlabel()
    assert ax.get_title("right") == "simulated"


def test_skews_far_out_are_told_and_do_not_squeeze_the_rest() -> None:
    ax = plots.skews(exposures(24, change=lambda shot, camera: {"skew_ms": 9000.0} if (shot, camera) == (1, 5) else {}))
    assert ax.get_xlim()[1] < 200
    assert "1 off the scale, to +9000 ms" in said(ax)


def test_skews_of_uncalibrated_stamps_are_refused_and_lateness_is_pointed_to() -> None:
    words = said(plots.skews(exposures(8, level="uncalibrated stamps")))
    assert "skew can't be known from uncalibrated stamps (C)" in words
    assert "plots.lateness(exposures)" in words
    arrived = exposures(8, change=lambda *_: {"late_ms": None}, level="host arrival")
    assert "plots.arrivals(exposures)" in said(plots.skews(arrived))


def test_a_limit_is_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        plots.skews(exposures(8), limit_ms=-1)


def test_lateness_marks_one_late_exposure_among_thousands() -> None:
    def late(shot: int, camera: int) -> dict[str, Any]:
        return {"late_ms": 38.0} if (shot, camera) == (9, 120) else nothing_known() if (shot, camera) == (3, 7) else {}

    ax = plots.lateness(exposures(200, 12, late))
    words = said(ax)
    assert "E21 in shot 9 +38 ms" in words
    assert warned(ax) == ["E21"]
    assert [text.get_text() for text in ax.get_xticklabels() if text.get_color() == plots.WARNING] == ["9 apose"]
    colours = ax.collections[0]
    low, high = colours.get_clim()
    assert low is not None
    assert high is not None
    assert low == -high, "0 is in the middle of the colours"
    assert high < 38
    missing = next(one for one in ax.collections if one.get_label() == "missing")
    assert missing.get_hatch(), "not by colour alone"
    assert len(missing.get_paths()) == 1


def test_lateness_writes_numbers_where_they_fit_and_parts_groups() -> None:
    table = exposures(8, 6)
    ax = plots.lateness(table, column="skew_ms", groups=cameras(8)["hub"])
    numbers = [text.get_text() for text in ax.texts]
    assert sum(text.startswith(("+", "-")) or text == "0" for text in numbers) == 48
    assert [text for text in numbers if text.startswith("hub")] == ["hub1", "hub2"]
    rows = [text.get_text() for text in ax.get_yticklabels()]
    assert rows == ["A01", "A03", "A05", "A07", "A02", "A04", "A06", "A08"]
    assert not any(text.get_color() == plots.WARNING for text in ax.get_xticklabels()), (
        "always late is not the shots' matter"
    )


def test_lateness_takes_one_of_two_columns() -> None:
    with pytest.raises(ValueError, match="late_ms, skew_ms"):
        plots.lateness(exposures(8), column="spread_ms")  # type: ignore[arg-type]


def test_clocks_take_a_step_out_and_tell_it() -> None:
    """A clock that is set by 1.5 s in shot 7 must not hide drifts of milliseconds."""

    def change(shot: int, camera: int) -> dict[str, Any]:
        plain = {(one, two): stamp for one, two, stamp in base}[shot, camera]
        since_s = 300.0 * (shot - 1)
        gained = 1.5 * (shot >= 7) if camera == 1 else 40e-6 * since_s if camera == 5 else 0.0
        return {"t_exif": plain + pd.Timedelta(microseconds=round(gained * 1e6))}

    plain = exposures(30).reset_index()
    base = list(zip(plain["shot_id"], plain["camera_key"].str[-4:].astype(int), plain["t_exif"], strict=True))
    known = clock(
        30, lambda camera: [{"epoch": 2, "theta_s": 1.6, "drift_ppm": 0.1, "step_at": 7}] if camera == 1 else []
    )
    known.loc[(key(5), 1), "drift_ppm"] = 40.0
    ax = plots.clocks(exposures(30, change=change), known)
    words = said(ax)
    assert "A02 +0.1 ppm, step +1.5 s in shot 7" in words
    assert "A06 +40.0 ppm" in words
    assert "28 other cameras" in words
    assert "drift by two-way" in words
    low, high = ax.get_ylim()
    assert -60 < low < high < 250, "milliseconds, although one clock stepped by 1500 of them"
    lines = [np.asarray(line.get_ydata(), dtype=float) for line in ax.lines]
    drifting = next(line for line in lines if len(line) == 12 and np.ptp(line) > 80)
    assert drifting[-1] == pytest.approx(132, abs=15), "40 ppm over 55 minutes"


@pytest.mark.parametrize("speed", [1, 300])
def test_clocks_of_a_fast_simulator_are_drawn_on_their_own_time(speed: int) -> None:
    """Drifts are against the cameras' clocks; on the host's time a line of 40 ppm would be 300 times as steep."""

    def change(shot: int, camera: int) -> dict[str, Any]:
        plain = exposures_of[(shot, key(camera))]
        gained_us = round(40 * 300 * (shot - 1)) if camera == 5 else 0
        set_us = 5_400_000_000 * (shot >= 9)  # all clocks at once, which is no faster clock
        since_ns = int(300e9 * shot / speed)
        return {"t_exif": plain + pd.Timedelta(microseconds=gained_us + set_us), "requested": START_NS + since_ns}

    exposures_of = exposures(12)["t_exif"].to_dict()
    known = clock(12)
    known.loc[(key(5), 1), "drift_ppm"] = 40.0
    ax = plots.clocks(exposures(12, change=change), known)
    assert ax.get_xlim()[1] == pytest.approx(55 * 1.01, rel=0.01)
    assert ("300 times as fast" in ax.get_xlabel()) == (speed == 300)
    assert ("host wall clock" in ax.get_xlabel()) == (speed == 1)
    drifting = next(line for line in ax.lines if len(np.asarray(line.get_ydata())) == 12)
    x, y = (np.asarray(data, dtype=float) for data in (drifting.get_xdata(), drifting.get_ydata()))
    assert np.polyfit(x, y, 1)[0] == pytest.approx(40 * 60e-3, rel=0.15)


def test_clocks_do_without_a_clock_table_and_without_stamps_of_cameras() -> None:
    assert "no drift is estimated" in said(plots.clocks(exposures(8), empty("clock")))
    by_host = exposures(8, change=lambda *_: {"stamp": None})
    assert "Nothing to draw" in said(plots.clocks(by_host, clock(8)))


def test_arrivals_by_hub_count_each_group_by_itself() -> None:
    def silent(shot: int, camera: int) -> dict[str, Any]:
        return nothing_known() if camera == 0 and shot <= 3 else {}

    table = exposures(8, change=silent)
    words = said(plots.arrivals(table, by=cameras(8)["hub"], column="on_disk_s"))
    assert "File on disk by hub" in words
    assert "hub1: n = 45 of 48" in words
    assert "hub2: n = 48 of 48" in words
    assert plots.arrivals(table, by=cameras(8)["hub"], log=True).get_xscale() == "log"
    assert "apose: n = 93 of 96" in said(plots.arrivals(table, by="pose"))
    with pytest.raises(ValueError, match=r"by=rig\.cameras\['hub'\]"):
        plots.arrivals(table, by="hub")


def test_arrivals_by_camera_name_the_slowest_eight() -> None:
    ax = plots.arrivals(exposures(200, 3), by="camera")
    legend = ax.get_legend()
    assert legend is not None
    told = [text.get_text() for text in legend.get_texts()]
    assert told[0] == "192 others, faster by their medians"
    assert len(told) == 9
    assert told[-1].startswith("H25:"), "the slowest by construction"
    dashes = {(str(line.get_color()), str(line.get_linestyle())) for line in ax.lines if line.get_linestyle() != "None"}
    assert len(dashes) == 8


def test_a_group_that_was_never_heard_of_is_named() -> None:
    table = exposures(8, change=lambda _, camera: nothing_known() if camera % 2 else {})
    assert "1 group never heard of: hub2" in said(plots.arrivals(table, by=cameras(8)["hub"]))


def test_a_map_spells_no_noise_of_floats() -> None:
    values = {key(0): -5.0, key(1): -8.6e-10, key(2): 38.0}
    assert "median 0 ms" in said(plots.layout(cameras(3), values, "lag", "ms"))


def test_downloads_of_tiny_files_are_not_spelt_as_nothing() -> None:
    tiny = photos(8)
    tiny["size_bytes"] //= 1000
    words = said(plots.downloads(tiny, cameras(8)))
    assert words.count("0.005 MB/s, n = 12") == 2
    assert "median 0.005 MB/s" in words
    assert "at most 0 MB/s" not in words


def test_downloads_give_rates_and_carry_every_byte() -> None:
    ax = plots.downloads(photos(8), cameras(8))
    words = said(ax)
    assert words.count("5.0 MB/s, n = 12") == 2
    assert "(MB/s)" in ax.get_xlabel()
    figure = ax.get_figure(root=True)
    assert figure is not None
    below = figure.axes[-1]
    assert "idle time is left out" in below.get_xlabel()
    carried = 0.0
    for area in below.collections[:2]:
        points = np.asarray(area.get_paths()[0].vertices)
        x, y = points[:, 0], points[:, 1]
        carried += abs(float(np.sum(x * np.roll(y, 1) - np.roll(x, 1) * y)) / 2)
    assert carried == pytest.approx(24 * 10.0, rel=0.01), "MB under the two areas"


def test_downloads_go_by_node_where_no_layout_names_hubs_and_leave_out_what_was_not_followed() -> None:
    nodes = frame("cameras", ({"camera_key": key(one), "node_key": f"node{one // 4}"} for one in range(8)))
    table = photos(8, change=lambda shot, camera: {"on_disk_mono_s": None} if camera == 3 else {})
    words = said(plots.downloads(table, nodes))
    assert "Downloads by node" in words
    assert "3 not followed to the disk" in words
    at_once = photos(8, change=lambda *_: {"first_heard_mono_s": 5.0, "on_disk_mono_s": 5.0})
    assert "Nothing to draw" in said(plots.downloads(at_once, nodes))


def test_spreads_mark_what_is_beyond_the_limits_and_what_has_another_n() -> None:
    ax = plots.spreads(
        shots(20, lambda shot: {"spread_ms": 90.0} if shot == 5 else {"n_stamps": 6} if shot == 9 else {})
    )
    words = said(ax)
    assert "median ± 3 × 1.4826 MAD" in words
    assert "not 8 stamps: not to be compared" in words
    flagged = [text.get_text() for text in ax.get_xticklabels() if text.get_color() == plots.WARNING]
    assert flagged == ["5 apose"]
    bold = [text.get_text() for text in ax.texts if text.get_fontweight() == "bold"]
    assert bold == ["6"]
    assert "(ms)" in ax.get_ylabel()


def test_spreads_fall_back_on_residual_spreads_and_say_so() -> None:
    ax = plots.spreads(shots(8, lambda _: {"spread_ms": None, "evidence": "uncalibrated stamps"}))
    assert ax.get_title("left").startswith("Residual spread per shot")
    assert "can't be known from these stamps and is not in it" in said(ax)
    none = shots(8, lambda _: {"spread_ms": None, "residual_spread_ms": None, "evidence": "host arrival"})
    assert "spread can't be known from host arrival (D)" in said(plots.spreads(none))


def test_a_layout_of_rings_is_unrolled_and_any_other_is_a_grid() -> None:
    values = pd.Series(np.linspace(-3, 3, 50), index=[key(one) for one in range(50)])
    ax = plots.layout(cameras(50), values, label="lag", unit="ms")
    cells = np.asarray(ax.collections[0].get_array())
    assert cells.shape == (2, 25)
    assert cells[1, 0] == values.iloc[25]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["A", "B"]
    bars = ax.get_figure(root=True).axes[-1]  # type: ignore[union-attr]
    assert bars.get_ylabel() == "lag (ms)"
    named = cameras(50).assign(position=[f"left {'abcde'[one % 5]}{one}x" for one in range(50)])
    ax = plots.layout(named, values)
    assert not list(ax.get_xticks())
    assert np.asarray(ax.collections[0].get_array()).size >= 50


def test_a_layout_hatches_who_has_no_value_and_frames_the_extremes() -> None:
    values = pd.Series(np.r_[np.linspace(1, 2, 22), 900.0], index=[key(one) for one in range(23)])
    words = said(ax := plots.layout(cameras(24), values, label="x\x1b[31m$", unit="%"))
    assert "no value: 1" in words
    assert "beyond the colours: 1" in words
    assert "\x1b" not in words
    hatched = next(one for one in ax.collections if one.get_label() == "no value")
    assert hatched.get_hatch()


@pytest.mark.parametrize("exposure_ms", [40.0, 16.0])
def test_a_flash_budget_agrees_with_the_calculator(exposure_ms: float) -> None:
    skews = pd.Series({"A01": 0.0, "A02": 3.0, "A03": -2.0, "A04": 12.0, "A05": float("nan")})
    ax = plots.flash_budget(skews, exposure_ms, 4.5, 0.1)
    budget = limits.flash_budget(exposure_ms, 14.0, curtain_ms=4.5, flash_ms=0.1)
    words = said(ax)
    assert f"margin {budget.margin_ms:+.1f} ms" in words
    assert (warned(ax) == ["A04"]) == (budget.margin_ms < 0), "only the late one, as the flash waits for the others"
    assert ("A04 opens" in words) == (budget.margin_ms < 0)


def test_a_flash_at_a_given_time_is_taken_as_given() -> None:
    skews = {"A01": 0.0, "A02": 30.0}
    assert warned(plots.flash_budget(skews, 20.0, 4.0, 0.1, flash_at_ms=36.0)) == ["A01"]
    assert warned(plots.flash_budget(skews, 20.0, 4.0, 0.1, flash_at_ms=10.0)) == ["A02"]
    with pytest.raises(ValueError, match="positive"):
        plots.flash_budget(skews, 0.0)


def test_a_flash_budget_of_many_shots_takes_what_they_have_in_common() -> None:
    table = exposures(8, 2, lambda shot, camera: {"skew_ms": 10.0 * (shot == 2) * (camera == 4)})
    words = said(plots.flash_budget(table, 20.0, 4.0, 0.0))
    assert "margin +6.0 ms" in words
    assert "2 shots, n = 16 skews" in words


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-40, 40), min_size=1, max_size=12), st.floats(6, 60), st.floats(0, 2))
def test_no_other_flash_misses_fewer_cameras(skews: list[float], exposure_ms: float, flash_ms: float) -> None:
    from rigkit.plots.flash import _best

    first = np.array(skews)
    opened, closing = first + 4.5, first + exposure_ms

    def caught(at: float) -> int:
        return int(((opened <= at + 1e-9) & (closing >= at + flash_ms - 1e-9)).sum())

    assert caught(_best(opened, closing, flash_ms)) == max(caught(at) for at in opened)


@pytest.mark.parametrize("fate", ["empty", "silent", "one camera", "one shot", "unknown evidence"])
@pytest.mark.parametrize("name", ["skews", "lateness", "clocks", "arrivals", "flash", "spreads", "downloads", "layout"])
def test_poor_tables_give_a_sentence_or_a_plot_never_a_warning(name: str, fate: str) -> None:
    n, k = (1 if fate == "one camera" else 8), (1 if fate == "one shot" else 4)
    table = exposures(n, k, nothing_known if fate == "silent" else None)
    if fate == "unknown evidence":
        table = table.assign(evidence=None, quantum_ms=pd.array([pd.NA] * len(table), dtype="Float64"))
        table["evidence"] = table["evidence"].astype(empty("exposures")["evidence"].dtype)
    bare = fate == "empty"
    table = empty("exposures") if bare else table
    made = shots(
        k, (lambda _: {"spread_ms": None, "residual_spread_ms": None, "n_stamps": None}) if fate == "silent" else None
    )
    lost = photos(n, k, (lambda *_: {"size_bytes": None}) if fate == "silent" else None)
    values = pd.Series([pd.NA] * n if fate == "silent" else [2.0] * n, index=[key(one) for one in range(n)])
    draw: dict[str, Callable[[], Axes]] = {
        "skews": lambda: plots.skews(table, limit_ms=5),
        "lateness": lambda: plots.lateness(table),
        "clocks": lambda: plots.clocks(table, empty("clock") if bare else clock(n)),
        "arrivals": lambda: plots.arrivals(table, by="camera"),
        "flash": lambda: plots.flash_budget(table, 20.0),
        "spreads": lambda: plots.spreads(empty("shots") if bare else made),
        "downloads": lambda: plots.downloads(empty("photos") if bare else lost, cameras(n)),
        "layout": lambda: plots.layout(empty("cameras") if bare else cameras(n), values),
    }
    ax = draw[name]()
    if fate in ("empty", "silent"):
        assert "Nothing to draw" in said(ax)
    else:
        settled(ax)


@pytest.mark.parametrize("name", ["<b>$\\frac{\n\x1b[31m" + "x" * 5000, ""])
def test_names_from_outside_are_only_text(name: str) -> None:
    table = exposures(5, 4, lambda *_: {"position": name, "pose": name})
    rig = cameras(5).assign(position=name, hub=name)
    moved = clock(5, lambda camera: [{"epoch": 2, "theta_s": 9.0, "step_at": 3}] if camera == 1 else [])
    values = pd.Series(1.0, index=rig.index)
    for ax in (
        plots.skews(table, limit_ms=5),
        plots.lateness(table, groups=rig["hub"]),
        plots.clocks(table, moved),
        plots.arrivals(table, by=rig["hub"]),
        plots.downloads(photos(5), rig),
        plots.layout(rig, values, label=name, unit=name),
        plots.flash_budget({f"{name}{one}": float(one) for one in range(4)}, 40.0),
    ):
        settled(ax)
        assert "\x1b" not in said(ax)
        assert "x" * 100 not in said(ax)


def test_given_axes_are_drawn_into() -> None:
    figure = Figure(figsize=(14, 9))
    axes = figure.subplots(2, 4).ravel()
    table = exposures(8)
    assert plots.skews(table, axes[0]) is axes[0]
    assert plots.lateness(table, axes[1]) is axes[1]
    assert plots.clocks(table, clock(8), axes[2]) is axes[2]
    assert plots.downloads(photos(8), cameras(8), axes[3]) is axes[3]
    assert plots.spreads(shots(8), axes[4]) is axes[4]
    assert plots.layout(cameras(8), {key(0): 1.0}, ax=axes[5]) is axes[5]
    assert plots.flash_budget(table, 40.0, ax=axes[6]) is axes[6]
    assert plots.downloads(photos(8), cameras(8), figure.add_axes((0.8, 0.1, 0.1, 0.3))) is not None
    settled(axes[0])


@given(st.lists(st.floats(-100, 100), max_size=20), st.floats(0.1, 10))
def test_labels_are_pushed_apart_and_stay_inside(wanted: list[float], least: float) -> None:
    placed = apart(np.array(wanted), least, -100.0, 100.0)
    assert len(placed) == len(wanted)
    assert all(-100 - 1e-6 <= place <= 100 + 1e-6 for place in placed)
    assert (np.diff(np.sort(placed)) >= min(least, 200 / max(len(wanted) - 1, 1)) - 1e-6).all()


@given(st.floats(1e-6, 1e9))
def test_rounding_up_never_rounds_down(value: float) -> None:
    assert value * (1 - 1e-6) <= rounded_up(value) <= 2.001 * value


@given(st.integers(1, 300), st.floats(50, 800), st.sets(st.integers(0, 299)))
def test_labels_that_are_chosen_have_room(n: int, room_pt: float, first: set[int]) -> None:
    chosen = spaced(n, room_pt, 10.0, sorted(one for one in first if one < n))
    assert chosen
    assert all((right - left) * room_pt / n >= 10.0 - 1e-6 for left, right in pairwise(chosen))
