"""Each bench still runs; what it measures is not judged here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.bench import bookkeeping, fold, imports
from tests.bench.measure import Row, interleaved, table, verdict
from tests.bench.registry import BENCHES, load

ROOT = Path(__file__).resolve().parent.parent


def test_every_bench_is_in_the_registry():
    modules = {path.stem for path in (ROOT / "tests" / "bench").glob("*.py")}
    benches = {name for name in modules if name != "registry" and "ABOUT" in _names(f"tests.bench.{name}")}
    assert benches == {home.rpartition(".")[2] for home in BENCHES.values()}
    assert all(load(name).ABOUT for name in BENCHES)


def _names(module: str) -> set[str]:
    """Read which names a module defines, without running it."""
    import ast

    tree = ast.parse((ROOT / Path(*module.split("."))).with_suffix(".py").read_text(encoding="utf-8"))
    return {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def test_the_import_bench_runs():
    assert all(value > 0 for row in imports.run(1) for value in row.values)


def test_the_bookkeeping_bench_runs(no_leaks):
    rows = bookkeeping.run(1, speed=10.0)
    assert all(len(row.values) == 1 for row in rows)


def test_the_fold_bench_runs():
    assert all(value > 0 for row in fold.run(1) for value in row.values)


def test_rounds_are_interleaved_and_the_first_is_a_warm_up():
    called: list[str] = []
    results = interleaved({name: lambda name=name: called.append(name) or len(called) for name in "ab"}, 3)
    assert called == ["a", "b", "b", "a", "a", "b", "b", "a"]
    assert results == {"a": [4, 5, 8], "b": [3, 6, 7]}


def test_a_goal_is_judged_by_the_median_of_enough_rounds():
    assert verdict(Row("", [1.0] * 7, goal=1.0)) == "reached"
    assert verdict(Row("", [1.09] * 7, goal=1.0)) == "reached (within 10 %)"
    assert verdict(Row("", [1.2] * 7, goal=1.0)).startswith("MISSED")
    assert verdict(Row("", [1.0] * 6, goal=1.0)).startswith("not judged")
    assert verdict(Row("", [9.0] * 7)) == ""
    assert "2.00 x  1.00 - 3.00  <= 2.50 x" in table([Row("ratio", [1.0, 2.0, 3.0], goal=2.5)])


def test_the_command_prints_the_machine_and_a_table():
    told = subprocess.run(
        [sys.executable, "-m", "tests.bench", "fold", "--rounds", "1"], cwd=ROOT, capture_output=True, text=True
    )
    assert told.returncode == 0, told.stderr
    assert "cores" in told.stdout.splitlines()[0]
    assert "us/event" in told.stdout
    assert subprocess.run([sys.executable, "-m", "tests.bench", "nosuch"], cwd=ROOT, capture_output=True).returncode == 2
