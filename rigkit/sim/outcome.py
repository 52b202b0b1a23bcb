"""What the pure model hands out: a reply, the events that are due, the work to be done on files."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, Protocol

__all__ = ["Disk", "FileTask", "Outcome", "Recipe", "Refusal"]


class Refusal(Exception):
    """A request that is answered with result false; says why. A step of the protocol, not an error."""


class Recipe(NamedTuple):
    """How to make one picture: the same recipe always gives the same bytes.

    Attributes
    ----------
    kind : {"jpeg", "raw", "video", "frame"}
        What sort of file; a frame is one of live view.
    camera, make, model, serial : str
        Who took it; the camera's name is drawn into it.
    hue : float
        Colour of the picture, 0 to 1; the same for one ring.
    number : int
        The number drawn into it: the release, or the phase of a live-view frame.
    width, height : int
        Pixels.
    size : int
        Bytes; the file is padded to exactly this. 0: as it comes.
    taken_ms : int
        The camera clock's reading at the exposure, milliseconds since 1970 in local time.
    subsec_digits : int
        Digits of SubSecTimeOriginal that this clock can fill.
    utc_offset_minutes : int
        OffsetTimeOriginal.
    exposure : tuple of int
        ExposureTime in seconds, numerator and denominator.
    f_number, focal_mm : float
        Aperture and focal length (mm).
    iso : int
        ISO speed.
    """

    kind: Literal["jpeg", "raw", "video", "frame"]
    camera: str
    make: str
    model: str
    serial: str
    hue: float
    number: int
    width: int
    height: int
    size: int = 0
    taken_ms: int = 0
    subsec_digits: int = 2
    utc_offset_minutes: int = 0
    exposure: tuple[int, int] = (1, 125)
    f_number: float = 8.0
    iso: int = 100
    focal_mm: float = 50.0


class FileTask(NamedTuple):
    """One piece of work on a file, to be done before the events of the same outcome are published.

    Attributes
    ----------
    action : {"write", "append", "move", "delete"}
        ``write`` replaces the file as a whole, ``append`` adds to its end, ``move`` renames it to ``to``.
    path : str
        The file.
    content : bytes
        For ``write`` and ``append``.
    to : str
        For ``move``.
    """

    action: Literal["write", "append", "move", "delete"]
    path: str
    content: bytes = b""
    to: str = ""


class Outcome:
    """What a request or the passing of time led to.

    Attributes
    ----------
    reply : dict or None
        The response, current names, envelope included. None for a tick.
    events : list of dict
        Events in the order in which they are published, current names, envelope included.
    files : list of FileTask
        To be done before the events are published.
    problem : str
        Why a request was refused; empty if it was not.
    silent_until : float or None
        Virtual time until which the application hangs: nothing is answered or published before, this reply included.
    restarted : bool
        The application restarted: its sockets close and open again.
    shutdown : bool
        The application ends after this reply.
    """

    __slots__ = ("events", "files", "problem", "reply", "restarted", "shutdown", "silent_until")

    def __init__(self) -> None:
        self.reply: dict[str, Any] | None = None
        self.events: list[dict[str, Any]] = []
        self.files: list[FileTask] = []
        self.problem = ""
        self.silent_until: float | None = None
        self.restarted = False
        self.shutdown = False


class Disk(Protocol):
    """What the model asks about the computer it pretends to run on."""

    def exists(self, path: str) -> bool:
        """Whether a file is there already."""

    def resolve(self, path: str) -> str:
        """Return the absolute path with all links followed."""

    def writable(self, path: str) -> bool:
        """Whether a file of that path can be written."""
