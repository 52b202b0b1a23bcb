"""What can go wrong, as a tree.

::

    RigError
    ├── NoReply (also TimeoutError)   nobody answered a request, or no event channel was seen
    ├── Refused                       the application answered, and its answer was no
    ├── NotReady                      an expected camera can't fire now
    ├── Incomplete                    a shot lacks exposures; raised only by Shot.check()
    ├── BadMessage (also ValueError)  a frame that is not a message of the External API
    ├── SheetError (also ValueError)  a table that somebody filled in can't be taken over
    │   └── LayoutError               a layout can't be read, or can't be changed like that
    ├── ProtocolError                 a shoot protocol can't be read, or can't go on
    ├── SessionError                  a session folder can't be used as asked
    └── UnknownName (also LookupError) no such camera, group, property, value, message or field

Every error carries its facts as attributes and builds its own sentence from them: which camera, which step, which request,
and what to do about it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Any, Literal

__all__ = [
    "BadMessage",
    "Incomplete",
    "LayoutError",
    "NoReply",
    "NotReady",
    "ProtocolError",
    "Refused",
    "RigError",
    "SessionError",
    "SheetError",
    "UnknownName",
    "listed",
]

#: What to switch on in the application before it listens at all; see the README, "Pointing it at Smart Shooter".
SWITCH_ON = (
    "is Smart Shooter / CaptureGRID running there, is the External API enabled in Options > Network/API "
    "(PRO or GRID edition), and are these its two endpoints?"
)


def listed(names: Iterable[object], most: int = 12) -> str:
    """Join names for a sentence, the surplus as a count.

    Parameters
    ----------
    names : iterable
        What to list, in the order given.
    most : int
        How many are spelt out before ``and n more``.
    """
    texts = [str(name) for name in names]
    if len(texts) > most:
        return f"{', '.join(texts[:most])} and {len(texts) - most} more"
    return ", ".join(texts) if texts else "none"


class RigError(Exception):
    """Anything rigkit raises on purpose. Catch this to catch them all."""


class NoReply(RigError, TimeoutError):
    """Nobody answered in time.

    Parameters
    ----------
    step : str
        What was being done, for example ``"Shoot"``.
    endpoint : str
        The ZeroMQ endpoint that stayed silent.
    timeout : float
        How long was waited, in seconds.
    delivery : {"no", "unknown"}
        ``"no"``: the request never left this process, so nothing can have happened. ``"unknown"``: it was sent and not
        answered; it may have been carried out. rigkit never sends a Shoot of unknown delivery again by itself.
    hint : str or None
        What to do about it; None: the usual checklist for a silent endpoint.
    """

    def __init__(
        self, step: str, endpoint: str, timeout: float, delivery: Literal["no", "unknown"], hint: str | None = None
    ) -> None:
        super().__init__(step, endpoint, timeout, delivery, hint)
        self.step = step
        self.endpoint = endpoint
        self.timeout = timeout
        self.delivery = delivery
        self.hint = SWITCH_ON if hint is None else hint

    def __str__(self) -> str:
        sent = "it was not delivered" if self.delivery == "no" else "it was sent, so it may still have been carried out"
        return f"{self.step}: no answer from {self.endpoint} within {self.timeout:g} s ({sent}). To check: {self.hint}"


class Refused(RigError):
    """The application answered a request with result false.

    Parameters
    ----------
    request : Mapping
        The request as it was sent.
    reply : Mapping
        The reply as it came.
    camera : str or None
        The camera concerned, by the label a user knows it by; None: the whole rig.
    hint : str
        What may have been wrong, and what to do.
    """

    def __init__(self, request: Any, reply: Any, camera: str | None = None, hint: str = "") -> None:
        super().__init__(request, reply, camera, hint)
        self.request = request
        self.reply = reply
        self.camera = camera
        self.hint = hint

    def __str__(self) -> str:
        whom = f" for {self.camera}" if self.camera else ""
        said = self.reply.get("msg_error") if hasattr(self.reply, "get") else None
        return (
            f"{self.request.get('msg_id', 'request')}{whom} was refused by the application"
            f"{f' ({said})' if said else ''}. {self.hint or 'Nothing was changed; see session.requests.'}"
        )


class NotReady(RigError):
    """Expected cameras are not in a state to fire, and nothing was fired.

    Parameters
    ----------
    cameras : mapping of str to str
        The label of each camera concerned and the status it is in.
    waited : float
        Seconds waited for them.
    hint : str or None
        What to do; None: what there is to do about a shot of the whole rig.
    """

    def __init__(self, cameras: dict[str, str], waited: float, hint: str | None = None) -> None:
        super().__init__(cameras, waited, hint)
        self.cameras = cameras
        self.waited = waited
        self.hint = hint or (
            "Bring them back (rig.recover()), leave them out (rig.without(...)), or fire with those that are ready: "
            "rig.shoot(anyway=True)"
        )

    def __str__(self) -> str:
        who = listed(f"{label} ({status})" for label, status in self.cameras.items())
        after = f" after {self.waited:g} s" if self.waited else ""
        return f"not ready{after}: {who}. Nothing was fired. {self.hint}"


class Incomplete(RigError):
    """A shot lacks exposures it was expected to have. Raised by ``Shot.check()`` only.

    Parameters
    ----------
    shot : str
        The shot's one-line account.
    missing : mapping of str to str
        The label of each missing camera and the cause.
    """

    def __init__(self, shot: str, missing: dict[str, str]) -> None:
        super().__init__(shot, missing)
        self.shot = shot
        self.missing = missing

    def __str__(self) -> str:
        who = listed(f"{label}: {cause}" for label, cause in self.missing.items())
        return f"{self.shot}. Missing: {who}. See shot.missing; everything that did arrive is kept."


class BadMessage(RigError, ValueError):
    """A frame that is not a message of the External API.

    Parameters
    ----------
    reason : str
        What is wrong with it.
    raw : bytes
        The frame as it came.
    """

    def __init__(self, reason: str, raw: bytes = b"") -> None:
        super().__init__(reason, raw)
        self.reason = reason
        self.raw = raw

    def __str__(self) -> str:
        head = self.raw[:60]
        return f"not a message of the External API: {self.reason}; {len(self.raw)} bytes starting {head!r}"


class SheetError(RigError, ValueError):
    """A table that somebody filled in can't be taken over, and nothing of it was.

    Parameters
    ----------
    source : object
        What was read: the path of the file, or a word for what else it was.
    problems : sequence of str
        All that is wrong, each with its line and position. The first twelve are spelt out.
    hint : str
        What to do about them.
    """

    def __init__(self, source: object, problems: Sequence[str], hint: str = "") -> None:
        super().__init__(str(source), tuple(problems), hint)
        self.source = str(source)
        self.problems = tuple(problems)
        self.hint = hint or "Correct this and load it again; nothing was taken over."

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return f"{self.source}: {self.problems[0]}. {self.hint}"
        named = [f"  {problem}" for problem in self.problems[:12]]
        if len(self.problems) > len(named):
            named.append(f"  and {len(self.problems) - len(named)} more")
        return "\n".join([f"{self.source}: {len(self.problems)} problems", *named, self.hint])


class LayoutError(SheetError):
    """A layout can't be read, or can't be changed as asked; nothing was taken over."""


class ProtocolError(RigError):
    """A shoot protocol can't be read, or can't go on without a decision."""


class SessionError(RigError):
    """A session folder can't be used as asked; it was left as it was.

    Parameters
    ----------
    path : str
        The folder concerned.
    problem : str
        What is wrong and what to do.
    """

    def __init__(self, path: object, problem: str) -> None:
        super().__init__(str(path), problem)
        self.path = str(path)
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}"


class UnknownName(RigError, LookupError):
    """A name that nothing goes by.

    Parameters
    ----------
    kind : str
        What sort of thing was asked for: ``"camera"``, ``"group"``, ``"ISO value"``.
    name : object
        What was asked for.
    valid : sequence
        What there is.
    where : str
        Of what, for example the camera's label; empty: of the rig.
    near : str or None
        Which of them was probably meant; None: the one that is spelt most alike.
    """

    def __init__(
        self, kind: str, name: object, valid: Sequence[object], where: str = "", near: str | None = None
    ) -> None:
        super().__init__(kind, name, tuple(valid), where, near)
        self.kind = kind
        self.name = name
        self.valid = tuple(str(one) for one in valid)
        self.where = where
        self.near = near

    def __str__(self) -> str:
        near = [self.near] if self.near else difflib.get_close_matches(str(self.name), self.valid, n=1)
        meant = f" Did you mean {near[0]!r}?" if near else ""
        of = f" for {self.where}" if self.where else ""
        return f"no {self.kind} {self.name!r}{of}.{meant} There is: {listed(self.valid, most=40)}"
