"""The servers under test: the simulator in both dialects, always; with ``--rig ADDRESS`` a running application too.

The manner is that of python-can's back2back tests: one set of tests, run against the virtual thing by default and against the
real one where there is one. Nothing is sent to a real application that :meth:`Target.why_not` has a word against: it is read,
with ``--rig-may-shoot`` also fired and set, and never formatted, shut down or deprived of photos or its licence.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import zmq

from rigkit.address import parse_address
from rigkit.link.child import SimulatorProcess
from rigkit.wire import VERSIONS
from tests.conformance import laws
from tests.conformance.peer import BOM, Peer, State, Target, lines

CAMERAS = 4
SPEED = 20

#: What no source settles, the other way: the rules of these tests hold all the same, or they say more than is known.
OTHERWISE = {
    "all_means": "known",
    "partial_success": "all",
    "shot_order": "ready_before_photo",
    "latch_fires": "engage",
    "trigger_spacing": "index",
    "echo_origin": False,
    "origin_api": "remote",
    "origin_button": "button",
    "stamp": "host",
    "delete_files_default": True,
    "clock_report": "measured",
    "storage_applies": "on connect",
    "collision_suffix": " ({n})",
    "explain": True,
    "synchronise_delay_ms": 300.0,
}

Start = Callable[..., Target]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that wants a `target` against every server there is, `simulated` against the simulators alone."""
    if "target" in metafunc.fixturenames:
        config = metafunc.config
        may_shoot = config.getoption("--rig-may-shoot")
        address = config.getoption("--rig") or (os.environ.get("RIGKIT_ADDRESS") if may_shoot else None)
        servers = ["v5", "v3"]
        if "simulated" not in metafunc.fixturenames:
            servers += ["otherwise", *(["rig"] if address else [])]
        metafunc.parametrize("target", servers, indirect=True, scope="module")


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start `rigkit sim` as a child process; all are ended with the module."""
    running: list[SimulatorProcess] = []

    def run(dialect: str, *arguments: str, folder: Path | None = None, cameras: int = CAMERAS) -> Target:
        folder = folder or tmp_path_factory.mktemp(f"sim-{dialect}") / "photos"
        process = SimulatorProcess(
            [
                *("--dialect", dialect, "--cameras", str(cameras), "--speed", str(SPEED), "--seed", "1"),
                *("--download", str(folder), *arguments),
            ]
        )
        running.append(process)
        version = "3.38" if dialect == "v3" else "6.0"
        return Target(f"simulator {dialect}", process.publisher, process.reqrep, version, folder=folder)

    yield run
    for process in running:
        process.close()
        assert not process.running


@pytest.fixture(scope="module")
def target(request: pytest.FixtureRequest, start: Start, rig_address: str | None, rig_may_shoot: bool) -> Target:
    """Give one server under test: the simulator in a dialect, the simulator with every open question otherwise, or a rig."""
    if request.param == "otherwise":
        return replace(
            start("v5", "--scenario", json.dumps({"settings": OTHERWISE})), name="otherwise", documented=False
        )
    if request.param != "rig":
        return start(request.param)
    assert rig_address is not None
    return abroad(rig_address, may_shoot=rig_may_shoot)


@pytest.fixture(scope="module")
def simulated() -> None:
    """Mark a test as one for servers that we started: it breaks things, or holds the simulator to its own word."""


@pytest.fixture
def peer(target: Target) -> Iterator[Peer]:
    """Give a client; afterwards everything is as before, and all that was heard obeys the laws."""
    with Peer(target) as one:
        yield one
        one.restore()
        one.pump()
        check(one)


@pytest.fixture
def first(peer: Peer) -> State:
    """Give the state at the start of the test."""
    return peer.first


def check(peer: Peer) -> None:
    """Hold everything a client has heard against the laws."""
    found = [problem for law in laws.OF_EVENTS for problem in law(peer.target, peer.events)]
    states = [one for one in (*peer.events, *peer.replies) if one.body["msg_id"] == "Synchronise"]
    others = [one for one in (*peer.events, *peer.replies) if one.body["msg_id"] != "Synchronise"]
    frames = [*others, *states[:1], *states[-1:]]  # all the states that were asked for in between would take seconds
    found += [problem for law in laws.OF_ALL for problem in law(peer.target, frames)]
    assert found == [], lines(found)


def abroad(address: str, *, may_shoot: bool) -> Target:
    """Find out what a running application speaks: the question in today's form first, then in that of 3.x."""
    where = parse_address(address)
    if where.cameras:
        raise pytest.UsageError(f"--rig names a running application, not {address}")
    question = {"msg_type": "Request", "msg_id": "GetCamera", "msg_seq_num": 1, "CameraSelection": "All"}
    reply = _asked(where.request, question)
    if reply is not None and not reply.startswith(BOM) and json.loads(reply).get("msg_result"):
        version = _version(where.request)
    elif _asked(where.request, {"msg_type": "Request", "msg_id": "SynchroniseMsg", "msg_ref_num": 1}) is not None:
        version = "3.38"
    else:
        pytest.fail(f"nobody answers at {where.request}: is the External API enabled (Options > Network/API)?")
    return Target(
        address,
        where.publisher,
        where.request,
        version,
        simulated=False,
        documented=False,
        may_shoot=may_shoot,
        patience=30.0,
    )


def _version(endpoint: str) -> str:
    """Return the newest specification that is not newer than the application, which tells its version as a node."""
    raw = _asked(endpoint, {"msg_type": "Request", "msg_id": "Synchronise", "msg_seq_num": 2})
    nodes = json.loads(raw or b"{}").get("NodeInfo") or [{}]
    said = re.match(r"v?(\d+)\.(\d+)", str(nodes[0].get("NodeVersion", "")))
    told = (int(said[1]), int(said[2])) if said else (4, 28)
    known = [one for one in VERSIONS[1:] if tuple(map(int, one.split("."))) <= told]
    return known[-1] if known else VERSIONS[1]


def _asked(endpoint: str, request: dict[str, object]) -> bytes | None:
    with zmq.Context() as context, context.socket(zmq.REQ) as req:
        req.linger = 0
        req.rcvtimeo = req.sndtimeo = 5000
        req.connect(endpoint)
        try:
            req.send_string(json.dumps(request))
            return req.recv()
        except zmq.Again:
            return None
