"""What works of a connection, what does not, and what to do: also for one that can't be made yet.

>>> rigkit.doctor.examine("tcp://rig-pc")  # doctest: +SKIP

Nothing is fired, nothing is changed and nothing is written: what is sent is GetCamera, Synchronise and one RelayCustomText.
"""

from __future__ import annotations

import contextlib
import math
import os
import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rigkit import __version__
from rigkit.address import Address, parse_address
from rigkit.display.grids import plain
from rigkit.doctor.application import say_cameras, say_clock, say_photos
from rigkit.doctor.doors import (
    ANSWERS,
    PUBLISHES,
    WRONG_PORT,
    Door,
    rubbish,
    say_names,
    say_ports,
    say_swapped,
    unanswered,
)
from rigkit.doctor.findings import Findings, as_text
from rigkit.errors import BadMessage, NoReply, RigError
from rigkit.founding import first_state, is_simulator
from rigkit.link.child import SimulatorProcess
from rigkit.link.client import SLICE_S, Client
from rigkit.link.probe import SilentPublisher
from rigkit.record.folder import ROOM_FOR_JOURNAL, Manifest, environment
from rigkit.record.log import Log
from rigkit.record.mapping import checked_mapping
from rigkit.record.state import text_of
from rigkit.session import Session
from rigkit.sitting import DEAF_S, STATE_S
from rigkit.wire import Message, decode_frame

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["as_text", "examine"]

#: The whole takes so many timeouts at most: one for a name, and two for ports that are silent or requests that are not answered.
_TIMEOUTS = 3
_ELSEWHERE = "Start Python in another folder, or keep sessions elsewhere: connect(..., session=...)"


def examine(
    address: str | None = None,
    *,
    publisher: str | None = None,
    photos: Mapping[str, str | os.PathLike[str]] | None = None,
    timeout: float = 5.0,
) -> pd.DataFrame:
    """Look at a connection step by step, and say what works, what does not, and what to do.

    Parameters
    ----------
    address, publisher : str or None
        As for :func:`rigkit.connect`; a simulator is started, examined and ended.
    photos : mapping of str to path-like, or None
        From folders on the application's computer to the same folders here, as for :func:`rigkit.connect`.
    timeout : float
        Seconds a step may take; all together take three times as long at the most (a simulator has 20 s more to start).

    Returns
    -------
    pandas.DataFrame
        Index step, in the order looked at; ``ok`` (``<NA>``: not reached, or nobody tells), ``found``, ``todo``.
        ``attrs["verdict"]`` is one sentence, ``attrs["connects"]`` whether ``rigkit.connect`` would succeed.
        :func:`as_text` lays it out.

    Raises
    ------
    ValueError, UnknownName
        The address, the publisher's endpoint or the timeout can't be one.
    """
    if not (timeout > 0 and math.isfinite(timeout)):
        raise ValueError(f"timeout={timeout}: give seconds, more than 0")
    where = _read_address(address, publisher)
    examination = _Examination(where, checked_mapping(photos), timeout)
    with contextlib.ExitStack() as stack:
        examination.run(stack, "$RIGKIT_ADDRESS, " if address is None and os.environ.get("RIGKIT_ADDRESS") else "")
    table = examination.findings.table()
    simulated = " (simulated: nothing there is a real rig)" if examination.simulated else ""
    table.attrs["verdict"] = examination.findings.verdict(f"{where.text}{simulated}")
    table.attrs["connects"] = examination.findings.connects
    return table


def _read_address(address: str | None, publisher: str | None) -> Address:
    """Read both endpoints.

    Raises
    ------
    ValueError, UnknownName
        One of them is none, or not of TCP.
    """
    where = parse_address(address, publisher)
    if where.cameras and publisher is not None:
        raise ValueError(f"publisher {publisher!r}: a simulator that is started here has its own")
    if not where.cameras and not where.request.startswith("tcp://"):
        raise ValueError(f"{where.text!r}: the application listens on TCP. Give a host, or tcp://rig-pc:54544")
    if publisher is not None and parse_address(publisher).request != publisher:
        raise ValueError(f"publisher {publisher!r}: give a whole endpoint, such as tcp://rig-pc:54543")
    return where


class _NoHandshake(RigError):
    """The publisher is silent."""


class _Examination:
    """One run over all steps.

    Parameters
    ----------
    where : Address
        What is examined.
    mapping : dict of str to str
        From folders of the application's computer to folders here.
    timeout : float
        Seconds for each step.
    """

    def __init__(self, where: Address, mapping: dict[str, str], timeout: float) -> None:
        self.where = where
        self.mapping = mapping
        self.timeout = timeout
        self.simulated = bool(where.cameras)
        self.findings = Findings()
        self.session = Session(Path(), Manifest(), Log(None))  # in memory: nothing is made of that path
        self._end = time.monotonic() + _TIMEOUTS * timeout

    def left(self, most: float | None = None) -> float:
        """Seconds the next step may take."""
        step = self.timeout if most is None else min(most, self.timeout)
        return max(0.05, min(step, self._end - time.monotonic()))

    def run(self, stack: contextlib.ExitStack, origin: str) -> None:
        """Go as far as it goes.

        Parameters
        ----------
        stack : contextlib.ExitStack
            Closes what is opened.
        origin : str
            Where the address is from, if it was not given.
        """
        if self._find_address(stack, origin):
            requests = Door.of(self.where.request).looked_up(self.left())
            events = Door.of(self.where.publisher)
            # Mostly one computer: its name is looked up once.
            events = (
                events._replace(name=requests.name) if events.host == requests.host else events.looked_up(self.left())
            )
            say_names(self.findings, (requests, events))
            requests, events = requests.looked_at(self.left()), events.looked_at(self.left())
            say_ports(self.findings, requests, events, local=self.where.local)
            say_swapped(self.findings, requests, events)
            client = self._connect(stack, requests, events)
            if client is not None:
                self._ask(client)
        self._look_at_this_computer()

    def _find_address(self, stack: contextlib.ExitStack, origin: str) -> bool:
        """Say how the address was read; start the simulator that it names."""
        if self.where.cameras:
            options = [word for name, value in self.where.options.items() for word in (f"--{name}", value)]
            try:
                child = SimulatorProcess(["--cameras", str(self.where.cameras), *options])
            except RigError as exc:
                self.findings.say("address", False, f"{self.where.text}: {plain(exc, 300)}", "Correct the address")
                return False
            stack.callback(child.close)
            self.where = self.where._replace(request=child.reqrep, publisher=child.publisher)
            self._end = time.monotonic() + _TIMEOUTS * self.timeout
            origin += "a simulator started for this, "
        where = self.where
        self.findings.say("address", True, f"{where.text} ({origin}requests {where.request}, events {where.publisher})")
        return True

    # -- talking ----------------------------------------------------------------------------------------------------------

    def _connect(self, stack: contextlib.ExitStack, requests: Door, events: Door) -> Client | None:
        """Connect as ``rigkit.connect`` does; where the publisher is missing, with a silent one in its place."""
        if not requests.may_be(ANSWERS):
            return None
        if events.may_be(PUBLISHES):
            try:
                client = self._client(stack, requests.endpoint, events.endpoint)
            except _NoHandshake:
                self.findings.say("publisher", False, f"no ZeroMQ handshake with {events.endpoint}", WRONG_PORT)
            else:
                self.findings.say("publisher", True, f"shook hands with {events.endpoint}")
                return client
        return self._client(stack, requests.endpoint, stack.enter_context(SilentPublisher()).endpoint)

    def _client(self, stack: contextlib.ExitStack, requests: str, publisher: str) -> Client | None:
        """Connect; None: requests are not answered as they should be, which is said.

        Raises
        ------
        _NoHandshake
            It is the publisher that is silent.
        """
        try:
            client = Client(requests, publisher, timeout=self.left())
        except NoReply as exc:
            if exc.endpoint == publisher:
                raise _NoHandshake from None
            self.findings.say("request", False, *unanswered(requests, exc))
        except BadMessage as exc:
            self.findings.say("request", False, *rubbish(requests, exc))
        else:
            stack.callback(client.close)
            return client
        return None

    def _ask(self, client: Client) -> None:
        """Ask for everything, and look at what is told."""
        client.timeout = self.left()
        client.start(self.session.log)
        started, before_ns = time.monotonic(), time.time_ns()
        try:
            comes_as_event = client.dialect.state_on_publisher
            refused = comes_as_event and client.request("Synchronise", {}).msg_result is False
            node = first_state(client)
        except NoReply as exc:
            self.findings.say("request", False, *unanswered(client.request_endpoint, exc))
            return
        except BadMessage as exc:
            self.findings.say("request", False, *rubbish(client.request_endpoint, exc))
            return
        except RigError as exc:
            self.findings.say("request", False, plain(exc, 300), "Run this again")
            return
        after_ns = time.time_ns()
        self.findings.say("request", True, f"answered after {1000 * (time.monotonic() - started):.1f} ms")
        self._listen(client)
        if comes_as_event and not refused:
            seconds = 0.0 if self.findings.failed("events") else self.left(STATE_S)
            if not self._heard(lambda message: message.msg_id == "Synchronise", seconds):
                self.findings.say("cameras", None, "not told: in 3.x the state comes as an event, and none came")
        self.session.refresh()
        node = node or self.session.state.node
        self._say_dialect(client, node)
        say_cameras(self.findings, self.session)
        if not comes_as_event:  # else nobody knows when it was read
            say_clock(self.findings, node.get("NodeDateTime"), before_ns, after_ns)
        say_photos(self.findings, self.session, self.mapping, local=self.where.local, simulated=self.simulated)

    def _listen(self, client: Client) -> None:
        """Send a text that every subscriber gets, and listen for it: requests may work while no event ever arrives."""
        if "publisher" not in self.findings or not self.findings["publisher"].ok:
            return
        nonce = f"rigkit doctor {secrets.token_hex(8)}"
        started, seconds = time.monotonic(), self.left(DEAF_S)
        try:
            relays = bool(client.request("RelayCustomText", {"CustomText": nonce}, timeout=self.left()).msg_result)
        except RigError:
            relays = False
        if self._heard(lambda message: not relays or message.get("CustomText") == nonce, seconds):
            took = f"after {1000 * (time.monotonic() - started):.1f} ms"
            self.findings.say("events", True, f"our own text came back {took}" if relays else f"one was heard {took}")
        elif not relays:
            self.findings.say("events", None, "not known: the application relays no text, and said nothing of its own")
        else:
            self.findings.say(
                "events",
                False,
                f"requests are answered, and no event came from {client.publisher_endpoint} within {seconds:.3g} s",
                "No photo would ever be heard of. Is that the publisher of another program, or a firewall in between? Look the "
                "endpoint up in Options > Network/API, and give publisher=",
            )

    def _heard(self, wanted: Callable[[Message], object], seconds: float) -> bool:
        """Wait for an event. Nothing is sent meanwhile, whatever is heard."""
        log, seen, deadline = self.session.log, 0, time.monotonic() + seconds
        while True:
            entries = log.since(seen)
            seen += len(entries)
            for entry in entries:
                if entry.channel == "pub":
                    with contextlib.suppress(BadMessage):
                        body, dialect = decode_frame(entry.raw)
                        if wanted(Message(body, "pub", entry.mono_ns, entry.wall_ns, dialect)):
                            return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            log.wait(seen, min(SLICE_S, left))

    def _say_dialect(self, client: Client, node: Mapping[str, object]) -> None:
        self.simulated = self.simulated or is_simulator(node)
        spoken = "3.x" if client.dialect.state_on_publisher else "4.x to 6.x"
        who = " ".join(plain(text_of(node.get(name))) for name in ("NodeName", "NodeVersion")).strip()
        simulated = "; SIMULATED, nothing there is a real rig" if self.simulated else ""
        self.findings.say(
            "dialect", True, f"that of {spoken}, by {who or 'an application that tells no version'}{simulated}"
        )

    # -- here -------------------------------------------------------------------------------------------------------------

    def _look_at_this_computer(self) -> None:
        """Say whether a session could be kept in the working folder."""
        here = environment()
        program = f"rigkit {__version__}, Python {here['python_version']}, {here['platform']}"
        try:
            folder = Path.cwd()
            free, writable = shutil.disk_usage(folder).free, os.access(folder, os.W_OK)
        except OSError as exc:
            found = f"the working folder can't be used ({exc.strerror or exc}); {program}"
            self.findings.say("this computer", False, found, _ELSEWHERE)
            return
        fine = writable and free >= ROOM_FOR_JOURNAL
        state = f"{free / 1e9:.1f} GB free in {folder}" if writable else f"{folder} can't be written to"
        self.findings.say("this computer", fine, f"{state}; {program}", "" if fine else _ELSEWHERE)
