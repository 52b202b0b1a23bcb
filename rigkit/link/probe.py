"""Raw looks at a computer and its ports, below ZeroMQ, which never says *why* a connection does not come about.

A port is looked at as a ZeroMQ peer would: connect, exchange the greeting of 64 bytes, and read the READY command in which the
other side names the type of its socket (ZMTP 3.x, https://rfc.zeromq.org/spec/23). Our own READY is never sent, so nothing is
subscribed to and nothing can be asked for: whoever listens sees a connection that came and went.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from typing import Literal, NamedTuple

import zmq

__all__ = ["Look", "Name", "SilentPublisher", "look", "resolve"]

#: What a peer of ZMTP 3.0 without security says first: signature, version, mechanism, not a server, filler.
_GREETING = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x00" + b"NULL".ljust(20, b"\0") + b"\0" + bytes(31)
#: What every greeting of ZeroMQ begins and ends its first ten bytes with; what is in between is not said by all versions.
_FIRST, _TENTH = 0xFF, 0x7F
#: In a READY command: the property's name and the length of its value, which is shorter than 256 bytes.
_SOCKET_TYPE = re.compile(rb"\x0bsocket-type\0\0\0(.)", re.DOTALL | re.IGNORECASE)
#: Whoever says nothing for so long waits for more than a greeting, as a web server does: it gets the end of a line, s.
_PATIENCE_S = 0.5
#: A greeting and a READY are some 120 bytes; nobody is listened to for longer than this.
_MOST_BYTES = 4096
_REFUSED_OUTRIGHT = (ConnectionRefusedError, ConnectionResetError, ConnectionAbortedError)


class Name(NamedTuple):
    """What a host name came to.

    Attributes
    ----------
    address : str
        Its IPv4 address, which is what ZeroMQ connects to here; empty: none was found.
    problem : str
        Why not.
    """

    address: str
    problem: str = ""


class Look(NamedTuple):
    """What was seen of a port.

    Attributes
    ----------
    reached : {"open", "refused", "silent", "unreachable"}
        Whether it took a TCP connection: the computer refused it, nobody said anything, or there is no way there.
    speaks : {"", "zeromq", "nothing", "hangs up", "else"}
        What was heard on it; empty: it was not reached. Whoever hangs up says nothing and ends the connection, as a tunnel does
        that leads nowhere.
    socket_type : str
        ``PUB``, ``REP``, …, as a ZeroMQ peer names itself; empty: it did not.
    detail : str
        The system's own words, if it was not reached.
    said : bytes
        The beginning of what was heard, at most 4096 bytes.
    """

    reached: Literal["open", "refused", "silent", "unreachable"]
    speaks: Literal["", "zeromq", "nothing", "hangs up", "else"] = ""
    socket_type: str = ""
    detail: str = ""
    said: bytes = b""


def resolve(host: str, timeout: float) -> Name:
    """Look up a host name.

    Parameters
    ----------
    host : str
        A name or a number, no brackets.
    timeout : float
        Seconds; the system itself may ask its name servers for half a minute.
    """
    found: list[Name] = []

    def ask() -> None:
        try:
            rows = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_STREAM)
        except UnicodeError:  # a label that is empty or longer than 63 characters
            found.append(Name("", "it can't be a name"))
        except OSError as exc:
            found.append(Name("", exc.strerror or str(exc)))
        else:
            found.append(Name(str(rows[0][4][0])))

    # A look-up can't be interrupted or limited; a thread that nobody waits for any more ends by itself.
    asking = threading.Thread(target=ask, name="rigkit-look-up", daemon=True)
    asking.start()
    asking.join(timeout)
    return found[0] if found else Name("", f"no name server answered within {timeout:.3g} s")


def look(address: str, port: int, timeout: float) -> Look:
    """Connect to a port, see who speaks there, and leave.

    Parameters
    ----------
    address : str
        IPv4 address.
    port : int
        Of TCP.
    timeout : float
        Seconds for all of it.
    """
    deadline = time.monotonic() + timeout
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout)
        try:
            connection.connect((address, port))
        except _REFUSED_OUTRIGHT as exc:
            return Look("refused", detail=exc.strerror or str(exc))
        except TimeoutError:
            return Look("silent")
        except OSError as exc:
            return Look("unreachable", detail=exc.strerror or str(exc))
        said, hung_up = _listen(connection, deadline)
    if not said:
        return Look("open", "hangs up" if hung_up else "nothing")
    if not _may_be_greeting(said) or len(said) < 10:
        return Look("open", "else", said=said)
    return Look("open", "zeromq", _socket_type(said), said=said)


def _listen(connection: socket.socket, deadline: float) -> tuple[bytes, bool]:
    """Greet, and hear until a ZeroMQ peer has named its socket, somebody else has spoken, or it is late.

    Returns
    -------
    said : bytes
        What was heard.
    hung_up : bool
        The other side ended the connection.
    """
    said, hung_up = b"", False
    nudge_at: float | None = min(time.monotonic() + _PATIENCE_S, deadline)
    try:
        connection.sendall(_GREETING)
        while len(said) < _MOST_BYTES and _may_be_greeting(said) and not _socket_type(said):
            now = time.monotonic()
            if nudge_at is not None and now >= nudge_at:
                nudge_at = None
                if not said:
                    connection.sendall(b"\r\n\r\n")
            until = deadline if nudge_at is None else nudge_at
            if now >= deadline:
                break
            connection.settimeout(max(0.001, until - now))
            try:
                part = connection.recv(_MOST_BYTES)
            except TimeoutError:
                continue
            if not part:
                hung_up = True
                break
            said += part
    except OSError:  # what it said before counts
        hung_up = True
    return said[:_MOST_BYTES], hung_up


def _may_be_greeting(said: bytes) -> bool:
    """Whether a ZeroMQ peer could have begun like this."""
    return (not said or said[0] == _FIRST) and (len(said) < 10 or said[9] == _TENTH)


def _socket_type(said: bytes) -> str:
    """Return the type a ZeroMQ peer gives of its socket; empty: it has not, or not yet."""
    found = _SOCKET_TYPE.search(said, len(_GREETING))
    if found is None:
        return ""
    value = said[found.end() : found.end() + found[1][0]]
    return value.decode("ascii", "replace") if len(value) == found[1][0] else ""


class SilentPublisher:
    """A publisher on this computer that says nothing: in the place of one that is missing, so that requests can be tried.

    Attributes
    ----------
    endpoint : str
        A free loopback port.
    """

    def __init__(self) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._socket = self._context.socket(zmq.PUB)
        try:
            self._socket.bind("tcp://127.0.0.1:*")
            self.endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> SilentPublisher:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it."""
        self._socket.close(0)
        self._context.term()
