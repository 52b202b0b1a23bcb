"""What an address means: a Smart Shooter on some computer, or a simulator to start.

``tcp://rig-pc``, ``rig-pc``
    the application on its usual two ports, 54543 (publisher) and 54544 (requests)
``tcp://127.0.0.1:6000``
    the request endpoint; the publisher is one port below unless it is given
``sim:24?seed=1&photos=tiny&scenario=f.yaml``
    24 simulated cameras, started for us
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple
from urllib.parse import parse_qsl

from rigkit.errors import UnknownName

__all__ = ["PUBLISHER_PORT", "REQUEST_PORT", "Address", "parse_address"]

PUBLISHER_PORT = 54543
REQUEST_PORT = 54544

#: What may stand behind the question mark of ``sim:24?…``; each is an option of ``rigkit sim``.
SIMULATOR_OPTIONS = ("dialect", "epoch", "photos", "scenario", "seed", "speed")


class Address(NamedTuple):
    """Where to connect.

    Attributes
    ----------
    text : str
        As given, for headings.
    request, publisher : str
        The two endpoints; empty for a simulator that is still to be started.
    cameras : int
        Simulated cameras; 0: a running application.
    options : dict of str to str
        Further options of the simulator.
    """

    text: str
    request: str = ""
    publisher: str = ""
    cameras: int = 0
    options: dict[str, str] = {}  # noqa: RUF012 - never changed

    @property
    def local(self) -> bool:
        """Whether the application runs on this very computer, so that its paths are ours."""
        return bool(re.match(r"tcp://(127\.|localhost|\[::1\])", self.request)) or self.request.startswith("ipc://")


def parse_address(address: str | None, publisher: str | None = None) -> Address:
    """Read an address.

    Parameters
    ----------
    address : str or None
        See the module; None: ``$RIGKIT_ADDRESS``, then ``tcp://127.0.0.1``.
    publisher : str or None
        The publisher's endpoint, where it is not at its usual place.

    Raises
    ------
    ValueError
        It can't be read.
    UnknownName
        A simulator option that there isn't.
    """
    text = address if address is not None else os.environ.get("RIGKIT_ADDRESS") or "tcp://127.0.0.1"
    text = text.strip()
    if text == "sim" or text.startswith("sim:"):
        return _simulator(text)
    if "://" not in text:
        text = f"tcp://{text}"
    if not text.startswith("tcp://"):
        if text.startswith(("http://", "https://")):
            raise ValueError(f"{text} is a web address; the External API listens on tcp:// (tcp://rig-pc)")
        if publisher is None:
            raise ValueError(f"{text}: give the publisher's endpoint too (publisher=...); only tcp:// has usual ports")
        return Address(text, text, publisher)
    host, port = _host_and_port(text)
    if port is None:
        return Address(text, f"tcp://{host}:{REQUEST_PORT}", publisher or f"tcp://{host}:{PUBLISHER_PORT}")
    return Address(text, f"tcp://{host}:{port}", publisher or f"tcp://{host}:{port - 1}")


def _host_and_port(text: str) -> tuple[str, int | None]:
    match = re.fullmatch(r"tcp://(\[[0-9A-Fa-f:.%]+\]|[^\s:/\[\]*]+)(?::(\d+))?/?", text)
    if match is None:
        raise ValueError(
            f"{text!r} is no address. Give a host (tcp://rig-pc), a request endpoint (tcp://rig-pc:54544) or sim:24"
        )
    port = None if match[2] is None else int(match[2])
    if port is not None and not 1 < port < 65536:
        raise ValueError(f"{text!r}: a port is a number from 2 to 65535")
    return match[1], port


def _simulator(text: str) -> Address:
    match = re.fullmatch(r"sim(?::(\d+))?(?:\?(.*))?", text)
    if match is None:
        raise ValueError(f"{text!r} is no simulator address. Give sim:24 or sim:24?seed=1&photos=none")
    cameras = int(match[1] or 24)
    if not 1 <= cameras <= 2000:
        raise ValueError(f"{text!r}: a simulator has 1 to 2000 cameras")
    options = dict(parse_qsl(match[2] or "", keep_blank_values=True))
    for name in options:
        if name not in SIMULATOR_OPTIONS:
            raise UnknownName("simulator option", name, SIMULATOR_OPTIONS)
    return Address(text, cameras=cameras, options=options)
