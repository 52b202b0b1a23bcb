"""Bench ``bookkeeping``: what a 24-camera shot costs besides the exposure and the transfer."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from rigkit.link.child import SimulatorProcess
from tests.bench.measure import Row, interleaved, ratios
from tests.bench.shooters import SHOOTERS

__all__ = ["ABOUT", "run"]

ABOUT = "a shot of 24 cameras until all files are there; simulators in processes of their own"

ROOT = Path(__file__).resolve().parents[2]
CAMERAS = 24
GOAL_MS = 10.0


def run(rounds: int, speed: float = 1.0) -> list[Row]:
    """Shoot with rigkit and with two plain scripts in turn, each against a simulator of its own.

    Parameters
    ----------
    rounds : int
        Shots of each.
    speed : float
        Simulated seconds in a real one. Above 1 events come in denser bursts than any rig sends them: to see whether the
        bench runs, not to measure.

    Returns
    -------
    list of Row
        CPU time per shot and its ratios, how long after the last event the shot was returned, and its tables.
    """
    with tempfile.TemporaryDirectory(prefix="rigkit-bench-") as name, contextlib.ExitStack() as stack:
        ways = {
            shooter: stack.enter_context(_shooting(shooter, Path(name).resolve() / shooter, speed))
            for shooter in SHOOTERS
        }
        told = interleaved(ways, rounds)
    assert all(one["photos"] == CAMERAS for shots in told.values() for one in shots)

    def column(shooter: str, what: str) -> list[float]:
        return [one[what] for one in told[shooter]]

    ours, peer, limit = (column(shooter, "cpu_ms") for shooter in ("rigkit", "json", "receive"))
    before, after = column("rigkit", "before_ms"), column("rigkit", "after_ms")
    return [
        # No goal of its own: receiving and dropping the same events takes more than half of GOAL_MS already.
        Row("CPU per shot: rigkit, whole process", ours, "ms"),
        Row("    of it on the thread that called shoot()", column("rigkit", "own_ms"), "ms"),
        Row("    of it beyond receiving the events", [one - other for one, other in zip(ours, limit, strict=True)], "ms"),
        Row("CPU per shot: pyzmq + json, a dict per photo, no record", peer, "ms"),
        Row("CPU per shot: pyzmq, receive and drop (the limit)", limit, "ms"),
        Row("rigkit / pyzmq + json", ratios(ours, peer)),
        Row("rigkit / receive and drop", ratios(ours, limit)),
        Row("on the clock: before the release + after the last event", [*map(sum, zip(before, after, strict=True))], "ms", GOAL_MS),
        Row("    from the call of shoot() to the release", before, "ms"),
        Row("    from the last event's arrival to the return", after, "ms"),
        Row("shot.exposures afterwards, CPU", column("rigkit", "exposures_ms"), "ms"),
        Row("shot.photos afterwards, CPU", column("rigkit", "photos_ms"), "ms"),
        Row("events heard per shot", column("rigkit", "events"), ""),
    ]  # fmt: skip


@contextlib.contextmanager
def _shooting(shooter: str, folder: Path, speed: float) -> Iterator[Callable[[], dict[str, float]]]:
    """Start a simulator and a program that shoots it."""
    arguments = ["--cameras", str(CAMERAS), "--seed", "1", "--speed", repr(speed), "--download", str(folder / "photos")]
    simulator = SimulatorProcess(arguments)
    try:
        command = [sys.executable, "-m", "tests.bench.shooters", shooter]
        command += [simulator.reqrep, simulator.publisher, str(folder)]
        with subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        ) as program:
            asks, tells = program.stdin, program.stdout
            assert asks is not None
            assert tells is not None

            def shoot() -> dict[str, float]:
                asks.write("shoot\n")
                line = tells.readline()
                if not line:
                    raise RuntimeError(f"the program {shooter} has ended; what it wrote to standard error says why")
                told: dict[str, float] = json.loads(line)
                return told

            try:
                yield shoot
            finally:
                asks.close()
                program.wait(10)
    finally:
        simulator.close()
