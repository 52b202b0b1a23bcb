"""Bench ``plots``: the bars of a timeline as one collection against a call of barh for each, and whole plots of 200 cameras."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rigkit.plots import lateness, png, timeline
from rigkit.plots.rows import bars
from rigkit.record.columns import frame
from tests.bench.measure import Row, interleaved, ratios

__all__ = ["ABOUT", "run"]

ABOUT = "10 000 bars, timeline's way against barh; plots of 200 cameras x 30 shots; CPU"

BARS, CAMERAS, SHOTS = 10_000, 200, 30


def run(rounds: int) -> list[Row]:
    """Measure that many rounds.

    Parameters
    ----------
    rounds : int
        How often.

    Returns
    -------
    list of Row
        Milliseconds of making the bars, of making and rendering them, of whole plots, and ratios.
    """
    rng = np.random.default_rng(1)
    rows, begin, end = np.arange(BARS, dtype=float), rng.uniform(0, 1, BARS), rng.uniform(1, 3, BARS)
    table = _exposures(rng)

    def ours(ax: Axes) -> None:
        bars(ax, rows, begin, end, "bars", facecolor="C0", linewidth=0)

    def one_by_one(ax: Axes) -> None:
        for row, left, right in zip(rows.tolist(), begin.tolist(), end.tolist(), strict=True):
            ax.barh(row, right - left, left=left, height=0.76, color="C0")

    def drawn(draw: Callable[[Axes], None]) -> Callable[[], tuple[float, float]]:
        """Time making the bars, and making and rendering them."""

        def once() -> tuple[float, float]:
            figure = Figure(figsize=(8, 9))
            FigureCanvasAgg(figure)
            ax = figure.add_subplot()
            ax.set(xlim=(0, 3), ylim=(BARS, 0))
            began = time.process_time()
            draw(ax)
            made = time.process_time() - began
            figure.canvas.draw()
            return made * 1e3, (time.process_time() - began) * 1e3

        return once

    def plotted(plot: Callable[[], Axes]) -> Callable[[], tuple[float, float]]:
        def once() -> tuple[float, float]:
            began = time.process_time()
            ax = plot()
            made = time.process_time() - began
            png(ax)
            return made * 1e3, (time.process_time() - began) * 1e3

        return once

    took = interleaved(
        {
            "ours": drawn(ours),
            "calls": drawn(one_by_one),
            "timeline": plotted(lambda: timeline(table, 1)),
            "lateness": plotted(lambda: lateness(table)),
        },
        rounds,
    )
    made = {name: [one[0] for one in results] for name, results in took.items()}
    whole = {name: [one[1] for one in results] for name, results in took.items()}
    return [
        Row("bars as one collection", made["ours"], "ms"),
        Row("a call of barh for each", made["calls"], "ms"),
        Row("75 x collection / calls", [75 * one for one in ratios(made["ours"], made["calls"])], goal=1.0),
        Row("bars as one collection, rendered too", whole["ours"], "ms"),
        Row("a call of barh for each, rendered too", whole["calls"], "ms"),
        Row(
            "75 x collection / calls, rendered too",
            [75 * one for one in ratios(whole["ours"], whole["calls"])],
            goal=1.0,
        ),
        Row("timeline of 200 cameras, to PNG", whole["timeline"], "ms"),
        Row("lateness of 200 cameras x 30 shots, to PNG", whole["lateness"], "ms"),
    ]


def _exposures(rng: np.random.Generator) -> pd.DataFrame:
    """Make exposures of a whole session, one in fifty missing."""
    rows = []
    for shot in range(1, SHOTS + 1):
        for camera, (missing, late) in enumerate(
            zip(rng.random(CAMERAS) < 0.02, rng.normal(0, 3, CAMERAS), strict=True)
        ):
            row: dict[str, Any] = {
                "shot_id": shot,
                "camera_key": f"Maker|Model|{camera:04d}",
                "position": f"{'ABCDEFGH'[camera // 25 % 8]}{camera % 25 + 1:02d}",
                "status": "missing" if missing else "captured",
            }
            if not missing:
                row |= {"arrival_s": 0.6, "on_disk_s": 1.5, "late_ms": late, "evidence": "uncalibrated stamps"}
            rows.append(row)
    return frame("exposures", rows)
