"""Bench ``import``: what importing costs in a fresh process."""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench.measure import Row, interleaved, ratios

__all__ = ["ABOUT", "run"]

ABOUT = "CPU time of an import beyond a bare interpreter, each in a fresh process"

PACKAGE = Path(__file__).resolve().parents[2] / "rigkit"
OURS = "import rigkit"
CONNECT = "import rigkit; rigkit.connect"
LIMIT = "import zmq, msgspec"
NAIVE = "import zmq, pandas, matplotlib.pyplot, ipywidgets"

#: The clock is read inside: what the interpreter itself needs to start is not in it.
_PROGRAM = "import time; began = time.process_time()\n{}\nprint(time.process_time() - began)"


def run(rounds: int) -> list[Row]:
    """Measure every import once per round, each in a process of its own.

    Parameters
    ----------
    rounds : int
        How many.

    Returns
    -------
    list of Row
        Ratios to zmq + msgspec and to the eager way, and the CPU milliseconds behind them.
    """
    with tempfile.TemporaryDirectory(prefix="rigkit-bench-") as name:
        # As installed: with its bytecode, also where PYTHONDONTWRITEBYTECODE keeps a checkout without.
        folder = Path(name)
        shutil.copytree(PACKAGE, folder / "rigkit", ignore=shutil.ignore_patterns("__pycache__"))
        compileall.compile_dir(folder / "rigkit", quiet=1)
        took = interleaved({code: _importer(code, folder) for code in (OURS, CONNECT, LIMIT, NAIVE)}, rounds)
    return [
        Row(f"{OURS} / {LIMIT}", ratios(took[OURS], took[LIMIT]), goal=1.5),
        Row(f"{CONNECT} / {LIMIT}", ratios(took[CONNECT], took[LIMIT])),
        Row(f"{CONNECT} / everything eagerly", ratios(took[CONNECT], took[NAIVE])),
        *(Row(code, took[code], "ms") for code in (OURS, LIMIT, CONNECT, NAIVE)),
    ]


def _importer(code: str, folder: Path) -> Callable[[], float]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(folder)

    def cpu_ms() -> float:
        command = [sys.executable, "-c", _PROGRAM.format(code)]
        told = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
        return float(told.stdout) * 1000

    return cpu_ms
