"""Options and fixtures of every test."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import settings

# A first example that imports pandas takes longer than any deadline, and says nothing about the code.
settings.register_profile("rigkit", deadline=None)
settings.load_profile("rigkit")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say which rig may be used, and for what."""
    group = parser.getgroup("rigkit")
    group.addoption("--rig", metavar="ADDRESS", help="run what can be run against this application too; it only reads")
    group.addoption("--rig-may-shoot", action="store_true", help="... and may fire; $RIGKIT_ADDRESS counts as --rig")
    group.addoption("--campaign", action="store_true", help="run the long tests too")


def pytest_configure() -> None:
    """Let interrupts through: a shell that starts something in the background has its children ignore them."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the long tests, by name, unless they are asked for."""
    if not config.getoption("--campaign"):
        for item in items:
            if item.get_closest_marker("campaign"):
                item.add_marker(pytest.mark.skip(reason="a long test; --campaign runs it"))


@pytest.fixture(scope="session")
def rig_may_shoot(request: pytest.FixtureRequest) -> bool:
    """Whether a test may open the shutters of the rig at `rig_address`."""
    return bool(request.config.getoption("--rig-may-shoot"))


@pytest.fixture(scope="session")
def rig_address(request: pytest.FixtureRequest, rig_may_shoot: bool) -> str | None:
    """The address of a running application, or None: simulators only."""
    given: str | None = request.config.getoption("--rig")
    return given or (os.environ.get("RIGKIT_ADDRESS") if rig_may_shoot else None)


@pytest.fixture(scope="session", autouse=True)
def _no_rig_by_accident(rig_may_shoot: bool) -> Iterator[None]:
    """A variable left over in a shell fires no real rig."""
    with pytest.MonkeyPatch.context() as patch:
        if not rig_may_shoot:
            patch.delenv("RIGKIT_ADDRESS", raising=False)
        yield


@pytest.fixture
def no_leaks() -> Iterator[None]:
    """Fail a test that leaves threads or child processes behind; they get two seconds to end."""
    me = psutil.Process()

    def alive() -> set[object]:
        return {*threading.enumerate(), *me.children(recursive=True)}

    before = alive()
    yield
    deadline = time.monotonic() + 2.0
    while alive() - before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert alive() - before == set(), "left behind"


@pytest.fixture(scope="session")
def artefacts() -> Path:
    """The folder for what a person should look at after a run: screenshots, plots. Not in git."""
    folder = Path(__file__).parent / "artefacts"
    folder.mkdir(exist_ok=True)
    return folder
