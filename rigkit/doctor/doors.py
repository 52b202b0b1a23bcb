"""The two endpoints below ZeroMQ: whether the computers are known, the ports take connections, and who speaks there."""

from __future__ import annotations

from typing import NamedTuple

from rigkit.display.grids import plain
from rigkit.doctor.findings import Findings
from rigkit.errors import SWITCH_ON, BadMessage, NoReply
from rigkit.link.probe import Look, Name, look, resolve

__all__ = [
    "ANSWERS",
    "PUBLISHES",
    "WRONG_PORT",
    "Door",
    "rubbish",
    "say_names",
    "say_ports",
    "say_swapped",
    "unanswered",
]

#: What a ZeroMQ socket of each endpoint calls itself.
ANSWERS, PUBLISHES = frozenset({"REP", "ROUTER"}), frozenset({"PUB", "XPUB"})

WRONG_PORT = "Another program has this port. Look both endpoints up in the application, Options > Network/API"


class Door(NamedTuple):
    """A TCP endpoint, taken apart, and what was seen of it.

    Attributes
    ----------
    endpoint, host : str
        As given.
    port : int
        Of TCP.
    name : Name
        What the host's name came to.
    seen : Look or None
        What was seen of the port; None: nobody could look.
    """

    endpoint: str
    host: str
    port: int
    name: Name = Name("")
    seen: Look | None = None

    @classmethod
    def of(cls, endpoint: str) -> Door:
        """Take an endpoint apart."""
        host, _, port = endpoint.removeprefix("tcp://").rstrip("/").rpartition(":")
        return cls(endpoint, host, int(port))

    @property
    def socket_type(self) -> str:
        """What the ZeroMQ socket calls itself; empty: it does not, or there is none."""
        return "" if self.seen is None else self.seen.socket_type

    def may_be(self, types: frozenset[str]) -> bool:
        """Whether it is a ZeroMQ socket of one of these types, or one that does not say."""
        is_zeromq = self.seen is not None and self.seen.speaks == "zeromq"
        return is_zeromq and (not self.socket_type or self.socket_type in types)

    def looked_up(self, timeout: float) -> Door:
        """Ask for the host's address."""
        if self.host.startswith("["):
            return self._replace(name=Name("", "an IPv6 address; ZeroMQ is used with IPv4 here"))
        return self._replace(name=resolve(self.host, timeout))

    def looked_at(self, timeout: float) -> Door:
        """Look who speaks there."""
        if not self.name.address:
            return self
        return self._replace(seen=look(self.name.address, self.port, timeout))


def say_names(findings: Findings, doors: tuple[Door, ...]) -> None:
    """Say whether the hosts are computers that somebody knows."""
    unknown = {door.host: door.name.problem for door in doors if not door.name.address}
    if unknown:
        found = "; ".join(f"no computer {plain(host, 80)!r} is known ({why})" for host, why in unknown.items())
        todo = "Is it spelt right? Try the computer's number instead of its name: tcp://192.168.1.20"
        findings.say("name", False, found, todo)
        return
    known = dict.fromkeys(
        f"{door.host} is {door.name.address}" if door.host != door.name.address else f"{door.host} needs no looking up"
        for door in doors
    )
    findings.say("name", True, "; ".join(known))


def say_ports(findings: Findings, requests: Door, events: Door, *, local: bool) -> None:
    """Say of each port whether it takes connections, and whether it is ZeroMQ that speaks there."""
    for door, port, conversation in ((requests, "request port", "request"), (events, "publisher port", "publisher")):
        if door.seen is None:
            continue
        if door.seen.reached != "open":
            found, todo = _unreached(door, door.seen, local)
            if door is events and requests.seen is not None and requests.seen.reached == door.seen.reached:
                todo = "The same as for the request port"
            elif door is events and requests.may_be(ANSWERS):
                todo += ". Requests work: look its endpoint up in Options > Network/API, and give publisher="
            findings.say(port, False, found, todo)
            continue
        findings.say(port, True, f"{door.host}:{door.port} takes connections")
        if door.seen.speaks != "zeromq":
            findings.say(conversation, False, *_stranger(door, door.seen))


def say_swapped(findings: Findings, requests: Door, events: Door) -> None:
    """Say so where a publisher stands for requests, or the other way round, or something else for either."""
    if requests.socket_type in PUBLISHES:
        if events.socket_type in ANSWERS:
            todo = f"The two are swapped. Connect to {events.endpoint} with publisher={requests.endpoint}"
        else:
            todo = (
                "Give the endpoint for requests, which is usually one port above: "
                f"tcp://{requests.host}:{min(requests.port + 1, 65535)}"
            )
        findings.say("request", False, f"{requests.endpoint} publishes events and takes no requests", todo)
    elif requests.socket_type and requests.socket_type not in ANSWERS:
        findings.say("request", False, f"{requests.endpoint} is a ZeroMQ {plain(requests.socket_type)}", WRONG_PORT)
    if events.socket_type in ANSWERS:
        todo = "Give the publisher's endpoint (publisher=), which is usually one port below that for requests"
        found = f"{events.endpoint} takes requests and publishes nothing"
        findings.say("publisher", False, found, "See request" if "request" in findings else todo)
    elif events.socket_type and events.socket_type not in PUBLISHES:
        findings.say("publisher", False, f"{events.endpoint} is a ZeroMQ {plain(events.socket_type)}", WRONG_PORT)


def unanswered(endpoint: str, exc: NoReply) -> tuple[str, str]:
    """Word what was found of an endpoint that answers no request, and what to do."""
    return (
        f"{endpoint} speaks ZeroMQ and answers no request within {exc.timeout:.3g} s",
        "The application hangs, shows a question, or is another program. Look at its screen, and restart it if need be",
    )


def rubbish(endpoint: str, exc: BadMessage) -> tuple[str, str]:
    """Word what was found of an endpoint that answers something else than the API, and what to do."""
    said = plain(exc.raw.decode("utf-8", "replace"), 60)
    return f"what answers on {endpoint} is not the External API ({plain(exc.reason, 120)}): {said!r}", WRONG_PORT


def _unreached(door: Door, seen: Look, local: bool) -> tuple[str, str]:
    """Word what was found of a port that takes no connection, and what to do."""
    where = f"{door.host}:{door.port}"
    if seen.reached == "refused":
        elsewhere = "" if local else " For another computer to reach it, its endpoints there must not say 127.0.0.1"
        return f"nothing listens on {where} (refused)", f"To check: {SWITCH_ON}{elsewhere}"
    if seen.reached == "silent":
        return (
            f"{where} does not answer at all",
            "The computer is off, is another one, or its firewall lets nothing through: allow incoming TCP on both ports there",
        )
    return (
        f"there is no way to {where} ({seen.detail})",
        f"Is {door.name.address} the right computer, is it on, and on the same network as this one?",
    )


def _stranger(door: Door, seen: Look) -> tuple[str, str]:
    """Word what was found of a port on which nobody speaks ZeroMQ, and what to do."""
    where = f"{door.host}:{door.port}"
    if seen.speaks == "nothing":
        return (
            f"{where} takes connections and says nothing",
            "Either another program has this port, or the application hangs: look at it on its computer",
        )
    if seen.speaks == "hangs up":
        return (
            f"{where} takes connections and ends them at once",
            "A tunnel or a port forwarding with nothing behind it, or another program, has this port",
        )
    words = plain(seen.said.decode("utf-8", "replace").partition("\n")[0], 60)
    web = seen.said[:200].lstrip().lower().startswith((b"http/", b"<!doctype html", b"<html"))
    who = "a web server" if web else "another program"
    return f"{who} answers on {where}, not the application: {words!r}", WRONG_PORT
