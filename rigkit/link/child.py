"""The embedded simulator: ``python -m rigkit sim`` as a child process that can't outlive us.

Its stdin is a pipe from this process; when that closes, for whatever reason (kill -9 included), the child ends. It is started
in a process group of its own, so that a Ctrl-C meant for the notebook does not reach it.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from rigkit.errors import RigError

__all__ = ["SimulatorProcess", "own_environment"]


def own_environment() -> dict[str, str]:
    """Return the environment of a child that must import this very rigkit, also where it is not installed."""
    here = str(Path(__file__).resolve().parents[2])
    known = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": here if not known else os.pathsep.join([here, known])}


class SimulatorProcess:
    """A running simulator and its two endpoints.

    Parameters
    ----------
    arguments : list of str
        What follows ``rigkit sim`` on the command line; endpoints and ``--embedded`` are added.
    timeout : float
        How long it may take to come up, in seconds.

    Raises
    ------
    RigError
        It did not come up; what it wrote to stderr is in the message.

    Attributes
    ----------
    publisher, reqrep : str
        Its endpoints, on free loopback ports.
    """

    def __init__(self, arguments: list[str], *, timeout: float = 20.0) -> None:
        command = [sys.executable, "-m", "rigkit", "sim", "--embedded"]
        command += ["--publisher", "tcp://127.0.0.1:*", "--reqrep", "tcp://127.0.0.1:*", *arguments]
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                env=own_environment(),
                start_new_session=sys.platform != "win32",
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        except OSError:
            self._said.close()
            raise
        try:
            endpoints = self._read_endpoints(timeout)
            self.publisher, self.reqrep = endpoints["publisher"], endpoints["reqrep"]
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Process id of the simulator."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def _read_endpoints(self, timeout: float) -> dict[str, str]:
        """Read the two lines it prints when it is ready."""
        found: dict[str, str] = {}
        stdout = self._process.stdout

        def read() -> None:
            while stdout is not None and len(found) < 2:
                line = stdout.readline()
                if not line:
                    return
                name, _, endpoint = line.decode("utf-8", "replace").strip().partition(" ")
                found[name] = endpoint

        # A pipe can't be polled on Windows; a short-lived thread can be waited for anywhere.
        reader = threading.Thread(target=read, name="rigkit-simulator-start", daemon=True)
        reader.start()
        reader.join(timeout)
        if set(found) == {"publisher", "reqrep"}:
            return found
        ended = not reader.is_alive()  # it closed its output: it has nothing more to say
        self._process.kill()
        self._process.wait()
        reader.join()
        self._said.seek(0)
        said = self._said.read().decode("utf-8", "replace").strip()
        if not ended:
            raise RigError(f"the simulator did not start within {timeout:g} s: {said[-2000:] or 'it said nothing'}")
        raise RigError(f"the simulator did not start. {said.rpartition('Error: ')[2][-2000:] or 'It said nothing'}")

    def close(self, timeout: float = 5.0) -> None:
        """End the simulator and wait until it is gone. Twice is fine."""
        process = self._process
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
        self._said.close()
