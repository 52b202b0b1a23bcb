"""Each bench still runs; what it measures is not judged here."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.bench import (
    bookkeeping,
    checking,
    decode,
    exif,
    files,
    imports,
    journal,
    plots,
    requests,
    simulator,
    sittings,
    stamps,
    tables,
    timing,
)
from tests.bench.__main__ import main
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


def test_the_checking_bench_runs(no_leaks, monkeypatch):
    monkeypatch.setattr(checking, "CAMERAS", 12)
    assert all(value > 0 for row in checking.run(1) for value in row.values)


def test_the_simulator_bench_runs(no_leaks, monkeypatch):
    monkeypatch.setattr(simulator, "CAMERAS", 12)
    assert all(len(row.values) == 1 for row in simulator.run(1))


def test_the_request_bench_runs(no_leaks, monkeypatch):
    monkeypatch.setattr(requests, "CALLS", 20)
    assert all(len(row.values) == 1 for row in requests.run(1))


def test_the_journal_bench_runs(monkeypatch):
    monkeypatch.setattr(journal, "CAMERAS", 4)
    assert all(value > 0 for row in journal.run(1) for value in row.values)


def test_the_plots_bench_runs(monkeypatch):
    for name, value in {"BARS": 20, "CAMERAS": 8, "SHOTS": 3}.items():
        monkeypatch.setattr(plots, name, value)
    assert all(value > 0 for row in plots.run(1) for value in row.values)


def test_the_decode_bench_runs():
    assert all(len(row.values) == 1 for row in decode.run(1))


def test_the_exif_bench_runs(monkeypatch):
    monkeypatch.setattr(exif, "FILES", 20)
    assert all(value > 0 for row in exif.run(1) for value in row.values)


def test_the_tables_bench_runs(monkeypatch):
    for name, value in {"SMALL": 400, "MIDDLE": 800, "LARGE": 1200, "RELOADED": 400}.items():
        monkeypatch.setattr(tables, name, value)
    assert all(len(row.values) == 1 for row in tables.run(1))


def test_the_files_bench_runs(monkeypatch):
    for name, value in {"FOLDERS": 2, "FILES": 10, "PHOTO_BYTES": 1000}.items():
        monkeypatch.setattr(files, name, value)
    assert all(value > 0 for row in files.run(1) for value in row.values)


def test_the_sittings_bench_runs(monkeypatch):
    for name, value in {"SITTINGS": 2, "SHOTS": 2, "CAMERAS": 4}.items():
        monkeypatch.setattr(sittings, name, value)
    assert all(value > 0 for row in sittings.run(1) for value in row.values)


def test_the_stamps_bench_runs(no_leaks):
    rows = stamps.run(1, seconds=0.3)
    assert all(value > 0 for row in rows for value in row.values)


def test_the_timing_bench_runs(monkeypatch):
    monkeypatch.setattr(timing, "SHOTS", 60)
    monkeypatch.setattr(timing, "CAMERAS", 12)
    told = {row.what: row.values for row in timing.run(1)}
    assert all(value > 0 for values in told.values() for value in values)
    for whose in ("ours", "lsqr"):  # of 60 shots x 12 cameras; a fit that misses the outliers is at 5 and more
        assert told[f"error of the offsets / noise floor, {whose}"][0] < 2


def test_rounds_are_interleaved_and_the_first_is_a_warm_up():
    called: list[str] = []

    def way(name: str) -> int:
        called.append(name)
        return len(called)

    results = interleaved({"a": lambda: way("a"), "b": lambda: way("b")}, 3)
    assert called == ["a", "b", "b", "a", "a", "b", "b", "a"]
    assert results == {"a": [4, 5, 8], "b": [3, 6, 7]}


def test_a_goal_is_judged_by_the_median_of_enough_rounds():
    assert verdict(Row("", [1.0] * 7, goal=1.0)) == "reached"
    assert verdict(Row("", [1.09] * 7, goal=1.0)) == "reached (within 10 %)"
    assert verdict(Row("", [1.2] * 7, goal=1.0)).startswith("MISSED")
    assert verdict(Row("", [1.0] * 6, goal=1.0)).startswith("not judged")
    assert verdict(Row("", [9.0] * 7)) == ""
    line = table([Row("ours / theirs", [1.0, 2.0, 3.0], goal=2.5)]).splitlines()[1]
    assert line.split("  ")[:2] == ["ours / theirs", "2.00 x"]
    assert line.endswith("1.00 - 3.00  <= 2.50 x  not judged (below 7 rounds)")


def test_the_command_prints_the_machine_and_a_table(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["tests.bench", "fold", "--rounds", "1"])
    main()
    told = capsys.readouterr().out
    assert "cores" in told.splitlines()[0]
    assert "us/event" in told
    monkeypatch.setattr("sys.argv", ["tests.bench", "nosuch"])
    with pytest.raises(SystemExit):
        main()
    assert "no bench nosuch; there are import, bookkeeping, " in capsys.readouterr().err
