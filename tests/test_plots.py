"""Plots: what is drawn, how much of it, and what is said where nothing can be drawn."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from io import BytesIO
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from rigkit import plots
from rigkit.record.columns import empty, frame

Change = Callable[[int, int], dict[str, Any]]


def exposures(n: int, shots: int = 6, change: Change | None = None) -> pd.DataFrame:
    """Every camera of every shot; ``change(shot_id, camera)`` gives what is special about one."""
    rows = []
    for shot_id in range(1, shots + 1):
        for camera in range(n):
            row = {
                "shot_id": shot_id,
                "camera_key": f"Maker|Model|{camera:04d}",
                "position": f"{'ABCDEFGH'[camera // 25]}{camera % 25 + 1}",
                "status": "captured",
                "pose": "apose",
                "arrival_s": 0.5 + camera / 1000,
                "on_disk_s": 1.5 + camera / 100,
                "simulated": True,
            }
            rows.append(row | (change(shot_id, camera) if change else {}))
    return frame("exposures", rows)


def lost(shot_id: int, camera: int) -> dict[str, Any]:
    """Give camera A7 the fate of the demo's sixth shot."""
    if (shot_id, camera) != (6, 6):
        return {}
    return {"status": "missing", "cause": "not_ready", "detail": "Lost", "arrival_s": None, "on_disk_s": None}


def texts(ax: Axes) -> str:
    legend = ax.get_legend()
    said = [ax.get_title("left"), ax.get_title("right"), ax.get_xlabel(), ax.get_ylabel()]
    said += [text.get_text() for text in ax.texts]
    return "\n".join(said + ([text.get_text() for text in legend.get_texts()] if legend else []))


def labels(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.get_yticklabels()]


def drawn(ax: Axes) -> dict[str, int]:
    """Bars per legend entry."""
    return {str(one.get_label()): len(one.get_paths()) for one in ax.collections}


def test_timeline_has_a_row_per_camera_in_natural_order() -> None:
    ax = plots.timeline(exposures(12), 1)
    assert labels(ax) == [f"A{number}" for number in range(1, 13)]
    assert ax.yaxis_inverted(), "A1 on top"
    assert drawn(ax) == {"release to first news of the photo": 12, "to file on disk": 12}
    assert "Shot 1 apose: 12 of 12 exposed, 12 of 12 on disk" in texts(ax)
    assert ax.get_xlabel() == "seconds after release (host clock)"
    assert ax.get_title("right") == "simulated"


def test_timeline_names_who_is_missing_and_why() -> None:
    ax = plots.timeline(exposures(24, change=lost), 6)
    assert drawn(ax) == {"release to first news of the photo": 23, "to file on disk": 23, "missing": 1}
    assert "missing: not_ready (Lost)" in texts(ax)
    assert [str(text.get_color()) for text in ax.get_yticklabels()].count(plots.WARNING) == 1


def test_timeline_tells_pending_failed_waiting_and_recovered_apart() -> None:
    fates: list[dict[str, Any]] = [
        {"cause": "pending", "on_disk_s": None},
        {"cause": "download_failed", "on_disk_s": None},
        {"status": "waiting", "arrival_s": None, "on_disk_s": None},
        {"status": "recovered"},
    ]
    ax = plots.timeline(exposures(8, 1, lambda _, camera: fates[camera] if camera < 4 else {}), 1)
    assert drawn(ax) == {
        "release to first news of the photo": 7,
        "to file on disk": 5,
        "file not on disk yet": 1,
        "download failed": 1,
        "waiting for first news": 1,
    }
    assert "found by asking" in texts(ax)
    assert "7 of 8 exposed, 5 of 8 on disk" in texts(ax)


def test_two_hundred_cameras_stay_legible() -> None:
    def hub(shot_id: int, camera: int) -> dict[str, Any]:
        return lost(6, 6) if shot_id == 30 and 56 <= camera < 63 else {}

    table = exposures(200, 30, hub)
    ax = plots.timeline(table, 30)
    assert drawn(ax)["missing"] == 7
    assert "C7–C13 not_ready (Lost)" in texts(ax), "neighbours with one fate share one note"
    for one in (ax, plots.completeness(table)):
        figure = one.figure
        assert isinstance(figure, Figure)
        plots.png(figure)
        boxes = [text.get_window_extent() for text in one.get_yticklabels()]
        assert 20 < len(boxes) < 80
        assert "C7" in labels(one)
        assert all(not upper.overlaps(lower) for upper, lower in pairwise(boxes))


def test_completeness_marks_what_is_missing_not_by_colour_alone() -> None:
    ax = plots.completeness(exposures(24, change=lost))
    cells, crosses = ax.collections
    values = np.asarray(cells.get_array())
    assert values.shape == (24, 6)
    assert (values == 0).sum() == 143
    assert np.asarray(crosses.get_offsets()).tolist() == [[5, 6]]
    assert "Completeness: 143 of 144 expected exposures" in texts(ax)
    assert [text.get_text() for text in ax.get_xticklabels()] == [f"{number} apose" for number in range(1, 7)]


def test_completeness_leaves_out_who_was_not_expected() -> None:
    table = exposures(8, 2)
    ax = plots.completeness(table.drop(index=(2, "Maker|Model|0003")))
    cells = ax.collections[0].get_array()
    assert cells is not None
    assert np.ma.getmaskarray(cells).sum() == 1
    assert "15 of 15" in texts(ax)


def test_arrivals_say_what_they_are_not() -> None:
    ax = plots.arrivals(exposures(24, change=lost))
    said = texts(ax)
    assert "not the shutter" in said
    assert "evidence: host arrival" in said
    assert said.count("n = 143 of 144") == 2
    assert "(%)" in ax.get_ylabel()
    curve = np.asarray(ax.lines[0].get_ydata(), dtype=float)
    assert curve[-1] == pytest.approx(143 / 144 * 100), "what never came is missing from the curve"


def test_arrivals_over_orders_of_magnitude_get_a_logarithmic_axis() -> None:
    slow = exposures(8, 1, lambda _, camera: {"on_disk_s": 60.0} if camera == 3 else {})
    assert plots.arrivals(slow).get_xscale() == "log"
    assert plots.arrivals(exposures(8, 1)).get_xscale() == "linear"


@pytest.mark.parametrize("draw", [plots.completeness, plots.arrivals, lambda table: plots.timeline(table, 1)])
@pytest.mark.parametrize("fate", ["empty", "missing", "waiting"])
def test_nothing_to_draw_is_said_in_words(draw: Callable[[pd.DataFrame], Axes], fate: str) -> None:
    silent = {"status": fate, "arrival_s": None, "on_disk_s": None}
    table = empty("exposures") if fate == "empty" else exposures(8, 1, lambda *_: silent)
    ax = draw(table)
    assert "Nothing to draw" in texts(ax) or ax.collections, "a grid of crosses says enough"
    assert plots.png(ax).startswith(b"\x89PNG")


def test_an_unknown_shot_is_said_in_words() -> None:
    assert "no such shot" in texts(plots.timeline(exposures(8, 1), 99))


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "$\\frac{", "x" * 10_000, "9" * 10_000, "a\nb\x1b[31m", ""]
)
def test_names_from_outside_are_only_text(name: str) -> None:
    table = exposures(8, 2, lambda shot, camera: {"position": name, "pose": name, **lost(6 * (shot == 2), camera)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for ax in (plots.timeline(table, 2), plots.completeness(table)):
            assert len(plots.png(ax)) < 400_000
            assert all(len(label) < 40 for label in labels(ax))
    assert len(set(labels(plots.timeline(table, 2)))) == 8, "cameras of one position are told apart by their keys"


def test_it_draws_into_given_axes_and_renders_at_a_given_size() -> None:
    figure = Figure(figsize=(6, 3))
    ax = figure.add_subplot()
    assert plots.arrivals(exposures(8), ax) is ax
    picture = Image.open(BytesIO(plots.png(ax, 4, 2, dpi=100)))
    assert picture.size == (400, 200)
    assert figure.get_size_inches().tolist() == [6, 3]
