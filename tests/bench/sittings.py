"""Bench ``sittings``: thirty participants opened as one, next week, against reading every journal line into a DataFrame."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import rigkit
from rigkit.record.folder import Manifest, write_manifest
from rigkit.record.journal import JournalWriter
from rigkit.record.lines import Entry
from rigkit.record.log import Log
from rigkit.record.packing import pack_journal
from rigkit.session import Session
from tests.bench.measure import Row, interleaved, ratios
from tests.bench.tables import PhotoRecording

__all__ = ["ABOUT", "run"]

ABOUT = "rigkit.open of 30 closed sittings of 12 shots with 96 cameras, in a fresh process"

SITTINGS, SHOTS, CAMERAS = 30, 12, 96
#: PhotoLocation of each event of a photo. A real journal holds the cameras' own events too, ten times the bytes: the naive way
#: is spared those.
_STATES = ("Camera", "Camera", "Camera", "Local Disk")
_ROOT = Path(__file__).resolve().parents[2]

_OURS = """
import json, sys, time
began = time.perf_counter()
import rigkit
times = {}
def done(what):
    times[what] = time.perf_counter() - began
opened = rigkit.open(sys.argv[1])
done("open")
shots = opened.shots
done("shots")
exposures = opened.exposures
done("exposures")
photos = opened.photos
done("photos")
folded = sum(one._log is not None for one in opened)
print(json.dumps({"times": times, "rows": [len(opened), len(shots), len(exposures), len(photos)], "folded": folded}))
"""
_NAIVE = """
import json, sys
from pathlib import Path
import pandas
rows = []
for path in sorted(Path(sys.argv[1]).glob("*.jsonl")):
    with path.open("rb") as file:
        rows += [json.loads(line) for line in file]
print(len(pandas.DataFrame(rows)))
"""


class _Opened(NamedTuple):
    """Seconds since a process was started, or its program began (``open``), until each thing was there."""

    open: float
    shots: float
    exposures: float
    photos: float


def _make(scans: Path, plain: Path) -> None:
    """Make the sittings, closed as rigkit closes them; and their journals once more, as they were before they were packed."""
    for number in range(SITTINGS):
        session_id = f"{number:08x}"
        folder = scans / f"2026-11-{22 + number // 10}" / f"P{number:03d}_ses-01"
        manifest = Manifest(
            session_id=session_id,
            created_wall_ns=1_795_340_000_000_000_000 + number * 600_000_000_000,
            simulated=True,
            photos={"D:/scans": str(scans / "photos")},
        )
        write_manifest(folder, manifest)
        entries = list(PhotoRecording(CAMERAS, session_id).shots(1, SHOTS, _STATES))
        _write(folder / "journal", entries)
        shutil.copy(folder / "journal" / "rig-000001.jsonl", plain / f"{session_id}.jsonl")
        pack_journal(folder / "journal", "rig")
        Session(folder, manifest, Log(None, entries)).keep_tables()


def _write(journal: Path, entries: list[Entry]) -> None:
    writer = JournalWriter(journal, "rig")
    writer.append(entries)
    writer.close()


def _in_a_fresh_process(program: str, argument: str) -> tuple[float, str]:
    """Run a program; return seconds from before its process was started to after it ended, and what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    began = time.perf_counter()
    told = subprocess.run(
        [sys.executable, "-c", program, argument], env=environment, capture_output=True, text=True, check=True
    )
    return time.perf_counter() - began, told.stdout


def _ours(pattern: str) -> _Opened:
    took, told = _in_a_fresh_process(_OURS, pattern)
    facts = json.loads(told)
    assert facts["rows"] == [SITTINGS, SITTINGS * SHOTS, *[SITTINGS * SHOTS * CAMERAS] * 2], facts["rows"]
    assert facts["folded"] == 0, "a journal was folded"
    times = facts["times"]
    start = took - times["photos"]  # of the interpreter, and its end
    return _Opened(times["open"], *(start + times[name] for name in ("shots", "exposures", "photos")))


def _naive(plain: str) -> _Opened:
    took, told = _in_a_fresh_process(_NAIVE, plain)
    assert int(told) >= SITTINGS * SHOTS * CAMERAS * len(_STATES)
    return _Opened(took, took, took, took)


def run(rounds: int) -> list[Row]:
    """Open the sittings, each time in a process of its own.

    Parameters
    ----------
    rounds : int
        How often.

    Returns
    -------
    list of Row
        Seconds from the start of a process to the tables, and the same of the naive way.
    """
    with tempfile.TemporaryDirectory(prefix="rigkit-bench-") as name:
        scans, plain = Path(name) / "scans", Path(name) / "plain"
        plain.mkdir()
        _make(scans, plain)
        ways: dict[str, Callable[[], _Opened]] = {
            "ours": lambda: _ours(str(scans / "*" / "P*")),
            "naive": lambda: _naive(str(plain)),
        }
        took = interleaved(ways, rounds)
        verdicts = [_verdicts(scans, Path(name) / f"live-{number}") for number in range(rounds)]
    ours, naive = took["ours"], [one.exposures for one in took["naive"]]
    exposures, photos = [one.exposures for one in ours], [one.photos for one in ours]
    return [
        Row("start of Python, import, open, .shots and .exposures", exposures, "s", goal=3.0),
        Row("    of it import and open", [one.open for one in ours], "s"),
        Row("    of it .shots, which also imports pandas", [one.shots - one.open for one in ours], "s"),
        Row("    and .photos after that, with a look for every file", _apart(ours), "s"),
        Row("naive: json.loads of every line, DataFrame of all", naive, "s"),
        Row("ours with .shots and .exposures / naive", ratios(exposures, naive)),
        Row("ours with .photos too / naive", ratios(photos, naive)),
        Row(
            "a verdict on a live sitting, until it is in the journal and in the account",
            [live for live, _ in verdicts],
            "ms",
            1.0,
        ),
        Row("    the same on a re-opened one", [opened for _, opened in verdicts], "ms", 1.0),
    ]


def _verdicts(scans: Path, live: Path) -> tuple[float, float]:
    """Reject every shot of a live sitting and of a re-opened one; return the median time of one, ms, for each."""
    entries = list(PhotoRecording(CAMERAS, "0000000a").shots(1, SHOTS, _STATES))
    log = Log(JournalWriter(live / "journal", "rig"))
    log.append([(one.channel, one.mono_ns, one.wall_ns, one.raw) for one in entries])
    sessions = [Session(live, Manifest(session_id="0000000a"), log), rigkit.open(min(scans.glob("*/P*")))]
    medians = []
    for session in sessions:
        times = []
        for shot_id in session.shots.index:
            shot = session.shot(shot_id)
            began = time.perf_counter()
            shot.reject("blinked")
            times.append((time.perf_counter() - began) * 1e3)
        medians.append(statistics.median(times))
    log.close()
    return medians[0], medians[1]


def _apart(opened: list[_Opened]) -> list[float]:
    return [one.photos - one.exposures for one in opened]
