#!/usr/bin/env python3
"""Set everything up, then run the demo or the checks.

    python3 tests/run.py demo [-- ARGUMENTS OF rigkit demo]
    python3 tests/run.py checks [--only STEP] [--fail-fast] [-- ARGUMENTS OF pytest]

Needs Python 3.11 or newer, pip, git and, the first time, a network; nothing else. Everything is installed into
`.venv-demo` or `.venv-checks` in the project's folder, once: again only when the dependencies, the Python or the folder
have changed. The checks pass (exit code 0) when every step does. What this machine can't run is named in the summary.
"""

# This file is also read by the Pythons it turns away, down to 3.6: no newer syntax, quotes around newer annotations.

import argparse
import hashlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
WINDOWS = os.name == "nt"
#: Seconds all checks together may take, set-up included: a test that hangs is ended, and the others are still reported.
LIMIT = 18 * 60.0
TOO_LONG = f"ended: all of it may take {LIMIT / 60:.0f} minutes"
#: Steps that say nothing unless they fail.
COMMANDS = {
    "ruff": ["python", "-m", "ruff", "check", "--output-format=concise", "."],
    "format": ["python", "-m", "ruff", "format", "--check", "."],
    "mypy": ["python", "-m", "mypy"],
    "imports": ["lint-imports"],
}
STEPS = (*COMMANDS, "pytest", "notebooks")
NO_CHROMIUM = "no Chromium found; install it or set RIGKIT_CHROMIUM"


class SetUpError(Exception):
    """Why nothing could be run, and what to do about it."""


class Result(NamedTuple):
    """What came of one step."""

    step: str
    state: str  # "ok", "FAILED", "skipped" or "not run"
    seconds: float = 0.0
    passed: int = 0
    failed: int = 0
    remark: str = ""
    skips: "tuple[str, ...]" = ()

    def __str__(self) -> str:
        return f"{self.state:<8} {self.step:<10} {self.seconds:6.1f} s  {self.remark}".rstrip()


def say(text: str) -> None:
    """Print at once, so that our lines keep their place among those of the children."""
    print(text, flush=True)


# ------------------------------------------------------------------------------------------------------------- set-up


def check_python() -> None:
    """Turn away a Python that is too old, and name a newer one if there is one."""
    if sys.version_info >= OLDEST:
        return
    names = [f"python3.{minor}" for minor in range(19, 10, -1)]
    newer = next((name for name in names if quietly([name, "--version"]).returncode == 0), None)
    hint = f"{newer} is on this machine: {newer} tests/run.py ..." if newer else "Get one from https://www.python.org"
    raise SetUpError(f"rigkit needs Python 3.11 or newer; this is {sys.version.split()[0]} ({sys.executable}). {hint}")


def stamp_of(extra: str) -> str:
    """Tell what an environment is made from; as long as this stays the same, nothing is installed again."""
    import tomllib

    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    made_from = [table["build-system"], table["project"], extra, str(ROOT), sys.version_info[:3], sys.base_prefix]
    version = re.findall(r"^__version__.*", (ROOT / "rigkit" / "__init__.py").read_text(encoding="utf-8"), re.MULTILINE)
    return hashlib.sha256(json.dumps([*made_from, version], sort_keys=True).encode()).hexdigest()


def bin_of(venv: Path) -> Path:
    """Give the folder of an environment's programs."""
    return venv / ("Scripts" if WINDOWS else "bin")


def python_of(venv: Path) -> Path:
    """Give the interpreter of an environment."""
    return bin_of(venv) / ("python.exe" if WINDOWS else "python")


def environment(name: str, extra: str = "") -> Path:
    """Return the environment `name`, made anew when it is missing or out of date.

    Anew rather than brought up to date: a package left over from before could hide a dependency that is not declared.
    """
    venv, python = ROOT / name, python_of(ROOT / name)
    stamp, wanted = venv / "rigkit-setup.txt", stamp_of(extra)
    if python.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return venv
    began = time.monotonic()
    say(f"Setting up {name} with Python {sys.version.split()[0]} and the packages from PyPI: a minute or two, once ...")
    if importlib.util.find_spec("ensurepip"):
        make, pip = [], [str(python), "-m", "pip"]
    elif importlib.util.find_spec("pip"):  # Debian has pip and venv in packages of their own; pip alone will do
        make, pip = ["--without-pip"], [sys.executable, "-m", "pip", "--python", str(python)]
    else:
        raise SetUpError("this Python has neither ensurepip nor pip. On Debian and Ubuntu: apt install python3-venv")
    said = quietly([sys.executable, "-m", "venv", "--clear", *make, str(venv)])
    if said.returncode:
        raise SetUpError(f"no environment could be made in {venv} (is a program of it still running?):\n{said.stdout}")
    options = ["install", "--quiet", "--disable-pip-version-check", "--no-input", "--editable"]
    said = quietly([*pip, *options, f".[{extra}]" if extra else "."])
    if said.returncode:
        lines = said.stdout.strip().splitlines()
        if re.search(r"from versions: none|NewConnection|ProxyError|NameResolution|unreachable|timed out", said.stdout):
            lines.append("Is there a network, and does pip need a proxy (HTTPS_PROXY) or an index (PIP_INDEX_URL)?")
        raise SetUpError("\n  ".join([f"pip could not install rigkit into {venv}:", *lines[-12:]]))
    stamp.write_text(wanted, encoding="utf-8")
    say(f"{name} is ready after {time.monotonic() - began:.0f} s.")
    return venv


def variables(venv: Path, passed: "list[str]") -> "dict[str, str]":
    """Return the variables for a child in an environment: nothing of the caller's Python, and no rig by accident."""
    env = dict(os.environ, VIRTUAL_ENV=str(venv), PYTHONNOUSERSITE="1", PYTHONIOENCODING="utf-8")
    env["PATH"] = str(bin_of(venv)) + os.pathsep + env.get("PATH", "")
    for name in ("PYTHONHOME", "PYTHONPATH"):
        env.pop(name, None)
    if "--rig-may-shoot" not in passed:
        env.pop("RIGKIT_ADDRESS", None)
    return env


def found(command: "list[str]", env: "dict[str, str] | None") -> "list[str]":
    """Look the program up on the child's PATH, which Windows would not do."""
    path = (env or os.environ).get("PATH")
    return [shutil.which(command[0], path=path) or command[0], *command[1:]]


def quietly(
    command: "list[str]", env: "dict[str, str] | None" = None, timeout: "float | None" = None
) -> "subprocess.CompletedProcess[str]":
    """Run a command and keep what it says, both streams together; one that never starts or ends has failed."""
    try:
        return subprocess.run(
            found(command, env),
            env=env,
            timeout=timeout,
            cwd=ROOT,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, str(error))


def stop(child: "subprocess.Popen[bytes]") -> None:
    """End a child that takes too long; where there is a Ctrl-C for it, pytest still tells which test it was in."""
    if WINDOWS:
        child.terminate()
    else:
        child.send_signal(signal.SIGINT)
    try:
        child.wait(20)
    except subprocess.TimeoutExpired:
        child.kill()


def aloud(command: "list[str]", env: "dict[str, str]", timeout: "float | None" = None, cwd: Path = ROOT) -> int:
    """Run a command before the user's eyes; Ctrl-C reaches it too, and it may end in its own way."""
    interrupted = False
    with subprocess.Popen(found(command, env), env=env, cwd=cwd) as child:
        while True:
            try:
                code = child.wait(timeout)
                break
            except KeyboardInterrupt:
                interrupted = True
            except subprocess.TimeoutExpired:
                stop(child)
                raise
    if interrupted:
        raise KeyboardInterrupt
    return code


# ----------------------------------------------------------------------------------------------------------- chromium


def find_chromium() -> "str | None":
    """Find a Chromium, or a browser built on it, that starts: $RIGKIT_CHROMIUM, the PATH, the usual places."""
    asked = os.environ.get("RIGKIT_CHROMIUM")
    names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge"]
    if sys.platform == "darwin":
        names += [f"/Applications/{app}.app/Contents/MacOS/{app}" for app in ("Chromium", "Google Chrome")]
    for base in filter(None, map(os.environ.get, ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"))):
        names += [f"{base}/Google/Chrome/Application/chrome.exe", f"{base}/Microsoft/Edge/Application/msedge.exe"]
    for name in [asked] if asked else names:
        path = shutil.which(name)
        # Ubuntu's chromium-browser may be a script that only says to install the snap. On Windows this opens a window.
        if path and (WINDOWS or quietly([path, "--version"], timeout=60).returncode == 0):
            return path
    return None


def get_chromium() -> "str | None":
    """Find a Chromium, or install Debian's where that is possible."""
    may_install = not WINDOWS and os.geteuid() == 0 and shutil.which("apt-get") and "RIGKIT_CHROMIUM" not in os.environ
    if find_chromium() or not may_install:
        return find_chromium()
    say("Installing Chromium for the browser tests (apt-get, about a minute) ...")
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    quietly(["apt-get", "update"], env, timeout=120)
    # libatomic1 is for the Node.js inside Playwright, which a minimal Debian could not start.
    quietly(["apt-get", "install", "-y", "--no-install-recommends", "chromium", "libatomic1"], env, timeout=300)
    return find_chromium()


# ---------------------------------------------------------------------------------------------------------- the checks


def counted(step: str, code: int, seconds: float, report: Path) -> Result:
    """Read from pytest's XML report what was passed, failed and skipped, and why."""
    if not report.exists():  # it did not come so far: an error in the arguments or in a conftest.py
        return Result(step, "FAILED", seconds, failed=1, remark=f"pytest ended with exit code {code}")
    cases = list(ET.parse(report).getroot().iter("testcase"))
    bad = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    why = {}  # type: dict[str, list[str]]
    for case in cases:
        for skipped in case.findall("skipped"):
            why.setdefault(skipped.get("message", ""), []).append(case.get("classname", ""))
    number = sum(map(len, why.values()))
    bad = max(bad, 1) if code else bad
    remark = f"{len(cases) - number - bad} passed, {bad} failed, {number} skipped" if cases else "no tests were found"
    skips = tuple(f"{len(names)} x {', '.join(sorted(set(names)))} ({reason})" for reason, names in why.items())
    return Result(step, "FAILED" if code else "ok", seconds, max(len(cases) - number - bad, 0), bad, remark, skips)


def loud(step: str, arguments: "list[str]", env: "dict[str, str]", left: float, cwd: Path) -> Result:
    """Run pytest before the user's eyes and count."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        report = Path(folder, "report.xml")
        try:
            code = aloud(["python", "-m", "pytest", f"--junit-xml={report}", *arguments], env, left, cwd)
        except subprocess.TimeoutExpired:
            return Result(step, "FAILED", time.monotonic() - began, failed=1, remark=TOO_LONG)
        return counted(step, code, time.monotonic() - began, report)


def notebooks(env: "dict[str, str]", left: float) -> Result:
    """Execute every notebook and compare what it says with the outputs committed in it."""
    if not list((ROOT / "notebooks").rglob("*.ipynb")):
        return Result("notebooks", "skipped", remark="no notebooks", skips=("notebooks (none in notebooks/)",))
    arguments = ["-c", "pytest.ini", "--nbval", "--nbval-current-env", "--nbval-cell-timeout=120"]
    sanitize = ROOT / "tests" / "nbval_sanitize.cfg"
    if sanitize.exists():
        arguments += ["--nbval-sanitize-with", str(sanitize)]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        # A copy, because notebooks leave sessions beside them; an ini file of its own, because the strict rules are for
        # tests/; no profile, because what a user's IPython start-up files print is not in the outputs.
        copy = Path(folder, "notebooks")
        shutil.copytree(ROOT / "notebooks", copy, ignore=shutil.ignore_patterns("scans", ".*"))
        Path(copy, "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        env = dict(env, IPYTHONDIR=str(Path(folder, "ipython")), JUPYTER_CONFIG_DIR=str(Path(folder, "jupyter")))
        env.pop("MPLBACKEND", None)  # it would keep the kernel from showing plots in the notebook
        return loud("notebooks", arguments, env, left, copy)


def run_step(step: str, env: "dict[str, str]", passed: "list[str]", deadline: float) -> Result:
    """Run one step, within the time that is left."""
    if step == "pytest":
        chromium = get_chromium()
        env = dict(env, RIGKIT_CHROMIUM=chromium) if chromium else env
    left = deadline - time.monotonic()
    if left <= 0:
        return Result(step, "FAILED", failed=1, remark=TOO_LONG)
    if step == "pytest":
        # Two at a time: much of the suite waits for simulated rigs. Worksteal: a file's tests need not stay together.
        at_once = (
            []
            if any(one.startswith(("-n", "--numprocesses")) for one in passed)
            else ["-n", "2", "--dist", "worksteal"]
        )
        return loud(step, [*at_once, *passed], env, left, ROOT)
    if step == "notebooks":
        return notebooks(env, left)
    began = time.monotonic()
    said = quietly(COMMANDS[step], env, left)
    if said.returncode:
        say(said.stdout.rstrip())
        return Result(step, "FAILED", time.monotonic() - began, failed=1)
    return Result(step, "ok", time.monotonic() - began, passed=1)


def checks(only: "list[str]", fail_fast: bool, passed: "list[str]") -> int:
    """Run the steps, report each and sum up."""
    began = time.monotonic()
    env = variables(environment(".venv-checks", "test"), passed)
    results = []  # type: list[Result]
    for step in STEPS:
        if only and step not in only:
            continue
        stopped = fail_fast and any(result.failed for result in results)
        results.append(Result(step, "not run") if stopped else run_step(step, env, passed, began + LIMIT))
        say(str(results[-1]))
    say(f"\nAll of it, in {time.monotonic() - began:.0f} s:")
    for result in results:
        say(str(result))
    for result in results:
        for skip in result.skips:
            say(f"skipped: {skip}")
    failed = sum(result.failed for result in results)
    say(f"{sum(result.passed for result in results)} passed, {failed} failed")
    return 1 if failed else 0


def demo(passed: "list[str]") -> int:
    """Run `rigkit demo` with rigkit's core dependencies only."""
    venv = environment(".venv-demo")
    return aloud(["python", "-m", "rigkit", "demo", *passed], variables(venv, passed))


def main() -> int:
    """Read the command line and do what it says."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a Windows pipe can't spell every letter; that is no reason to stop
    cut = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["demo", "checks"])
    parser.add_argument("--only", action="append", default=[], choices=STEPS, help="checks: only this step; repeatable")
    parser.add_argument("--fail-fast", action="store_true", help="checks: stop at the first step that fails")
    asked, passed = parser.parse_args(sys.argv[1:cut]), sys.argv[cut + 1 :]
    try:
        check_python()
        return demo(passed) if asked.what == "demo" else checks(asked.only, asked.fail_fast, passed)
    except SetUpError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        if asked.what == "checks":
            say("0 passed, 1 failed")
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130


if __name__ == "__main__":
    sys.exit(main())
