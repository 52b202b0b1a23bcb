"""Bench ``checking``: the go/no-go check of 200 cameras, asked anew over real sockets."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import rigkit
from tests.bench.measure import Row, interleaved

__all__ = ["ABOUT", "run"]

ABOUT = "rig.check() of 200 simulated cameras with golden settings, against asking for the state alone"

CAMERAS = 200
#: The trouble of a bad morning, so that there is something to name.
_TROUBLE = {
    "A01": {"battery_percent": 8},
    "A02": {"properties": {"ISO": "400"}},
    "A03": {"properties": {"ProgramMode": "A"}},
    "A04": {"status": "Lost"},
}


def run(rounds: int) -> list[Row]:
    """Check a rig in turn with asking for its state only.

    Parameters
    ----------
    rounds : int
        How many rounds count.
    """
    with (
        tempfile.TemporaryDirectory(prefix="rigkit-bench-") as folder,
        rigkit.simulate(CAMERAS, seed=1, scenario={"cameras": _TROUBLE}, session=Path(folder) / "s") as rig,
    ):
        rig.profile(iso=100, aperture=8, shutter_speed="1/125", white_balance="Daylight")
        shot = rig.without("A04", reason="bench").shoot(
            wait="files"
        )  # so that there are photos, and sizes to forecast by
        assert shot.ok

        def checked() -> None:
            assert rig.check().attrs["verdict"] == "NO-GO"

        ways: dict[str, Callable[[], float]] = {
            "state": _timed(lambda: rig._sitting.synchronise(photos=False)),
            "check": _timed(checked),
        }
        times = interleaved(ways, rounds)
    return [
        Row("ask for the state of 200 cameras (GetCamera)", times["state"], "s"),
        Row("rig.check() of 200 cameras", times["check"], "s", goal=2.0),
    ]


def _timed(call: Callable[[], object]) -> Callable[[], float]:
    def seconds() -> float:
        began = time.perf_counter()
        call()
        return time.perf_counter() - began

    return seconds
