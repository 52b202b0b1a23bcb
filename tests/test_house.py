"""The rules of the house that no linter holds."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import rigkit

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "rigkit"
LINES = 500
#: Modules that may be longer, each with its reason.
LONGER: dict[str, str] = {}
#: What starts a thread or a process pool, whatever module it is called through.
STARTERS = {"Thread", "Timer", "ThreadPoolExecutor", "ProcessPoolExecutor", "start_new_thread", "to_thread"}
#: Left to link, which receives, to notebook, which redraws, and to files, which reads gigabytes for checksums.
MAY_START = {"link", "notebook", "files.py"}


def modules() -> Iterator[tuple[str, str]]:
    """Give every module of rigkit: its path below rigkit/, and its text."""
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), path.read_text(encoding="utf-8")


def git_files(*options: str) -> list[str]:
    """List the project's files as git knows them."""
    try:
        told = subprocess.run(["git", "ls-files", "-z", *options], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [name for name in told.stdout.split("\0") if name]


def in_a_new_process(code: str) -> object:
    """Run code in a bare interpreter and read the JSON it prints."""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


def test_the_top_level_holds_what_the_design_names() -> None:
    tracked = {name.split("/")[0] for name in git_files()}
    if not tracked:
        pytest.skip("nothing is committed yet")
    assert {name for name in tracked if not name.startswith(".")} == {
        "LICENSE", "README.md", "notebooks", "pyproject.toml", "rigkit", "tests",
    }  # fmt: skip


def test_a_module_is_short() -> None:
    lengths = {name: len(text.splitlines()) for name, text in modules()}
    long = {name: length for name, length in lengths.items() if length >= LINES}
    assert {name: length for name, length in long.items() if name not in LONGER} == {}, "which noun hides in there?"
    assert set(LONGER) <= set(long), "an exception that is needed no more"


def test_threads_are_started_only_where_they_are_looked_after() -> None:
    found = []
    for name, text in modules():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and name.split("/")[0] not in MAY_START:
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if called in STARTERS:
                    found.append(f"rigkit/{name}:{node.lineno}: {called}(")
    assert found == []


def test_every_public_module_says_what_it_is() -> None:
    silent = [name for name, text in modules() if not ast.get_docstring(ast.parse(text))]
    assert [name for name in silent if not re.search(r"(^|/)_[^_]", name)] == []


def test_every_public_name_is_there() -> None:
    missing = [name for name in rigkit.__all__ if not hasattr(rigkit, name)]
    assert missing == []
    assert set(rigkit.__all__) <= set(dir(rigkit)), "dir() is what completion in a notebook offers"


@pytest.mark.parametrize("name", ["rigkit", "rigkit.connect", "rigkit.timing"])
def test_importing_rigkit_is_light(name: str) -> None:
    code = f"import json, rigkit, sys; {name}; print(json.dumps([n.split('.')[0] for n in sys.modules]))"
    loaded = in_a_new_process(code)
    assert isinstance(loaded, list)
    heavy = {"IPython", "PIL", "ipywidgets", "jinja2", "matplotlib", "numpy", "pandas", "pyarrow", "rich", "scipy"}
    assert heavy & set(loaded) == set()


def test_the_version_is_one() -> None:
    assert importlib.metadata.version("rigkit") == rigkit.__version__, "install again: pip install -e ."


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    # Where this checkout lies, and the home of whoever runs this; a folder that every machine has tells nothing.
    everywhere = {Path(folder) for folder in ("/", "/home", "/opt", "/srv", "/tmp", "/usr", "/var")}
    mine = "|".join(re.escape(str(path)) for path in {ROOT} | ({ROOT.parent, Path.home()} - everywhere))
    pattern = re.compile(rf"(?<![\w.~-])(?:{mine})(?![\w.-])")
    found = []
    for name in git_files("--cached", "--others", "--exclude-standard"):
        path = ROOT / name
        try:
            text = path.read_text(encoding="utf-8") if path.is_file() else ""
        except UnicodeDecodeError:
            continue
        hits = [line for line in text.splitlines() if pattern.search(line)]
        found += [f"{name}: {line.strip()[:100]}" for line in hits]
    assert found == []
