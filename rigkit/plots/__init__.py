"""Plots of the record: tables in, matplotlib Axes out.

Every function takes tables of ``rigkit.record.columns`` and an optional ``ax``. Without one it makes a figure of its own, sized for
the number of cameras and free of pyplot's global state: ``timeline(...).figure`` is the figure and ``png()`` makes its picture. The
colours are Okabe and Ito's, safe for colour-blind readers; what matters is never told by colour alone. Where there is nothing to
draw, a sentence says why.

======================================  =========================================================  ==============================
function                                what it shows                                              what it needs
======================================  =========================================================  ==============================
``timeline(exposures, shot_id)``        one shot: release, first news, file on disk, who is missing  what the host heard
``completeness(exposures)``             which camera delivered in which shot                       what the host heard
``arrivals(exposures)``                 when the host heard of photos, as shares; by hub, camera   what the host heard
``downloads(photos, cameras)``          rate by hub, throughput over time                          what the host heard
``lateness(exposures)``                 camera x shot: later than the camera's own usual           uncalibrated stamps
``clocks(exposures, clock)``            drift and steps of the cameras' clocks                     uncalibrated stamps
``spreads(shots)``                      control chart of spread, else of residual spread           calibrated, else uncalibrated
``skews(exposures)``                    skews and lag of each camera, with a limit                 calibrated stamps
``flash_budget(exposures, exposure)``   who is fully open when the flash fires                     calibrated stamps
``layout(cameras, values)``             any number on the map of the rig                           that number
``png(axes)``                           the picture of any of them, as bytes                       \
======================================  =========================================================  ==============================
"""

from __future__ import annotations

from rigkit.plots.account import completeness, timeline
from rigkit.plots.clock_lines import clocks
from rigkit.plots.control import spreads
from rigkit.plots.drawing import WARNING, png
from rigkit.plots.flash import flash_budget
from rigkit.plots.heard import arrivals
from rigkit.plots.rig_map import layout
from rigkit.plots.skew import lateness, skews
from rigkit.plots.transfer import downloads

__all__ = [
    "WARNING",
    "arrivals",
    "clocks",
    "completeness",
    "downloads",
    "flash_budget",
    "lateness",
    "layout",
    "png",
    "skews",
    "spreads",
    "timeline",
]
