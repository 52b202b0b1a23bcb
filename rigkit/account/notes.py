"""What rigkit's own notes of a shot must hold, declared once: a journal is data, and a note may have been damaged or made up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from rigkit.record.columns import TRIGGERS

__all__ = ["AttemptNote", "FiredNote", "ShotNote", "read_note"]

#: Shot ids and attempts go into tags of nine digits; stamps are nanoseconds of either clock.
_Number = Annotated[int, msgspec.Meta(ge=1, lt=10**9)]
_Stamp = Annotated[int, msgspec.Meta(ge=-(2**62), le=2**62)]

T = TypeVar("T", bound=msgspec.Struct)


class _Labels(msgspec.Struct):
    subject: str | None = None
    pose: str | None = None
    rep: Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31)] | None = None
    note: str | None = None


class AttemptNote(msgspec.Struct):
    """Cameras are fired; of note ``attempt``, once more.

    Attributes
    ----------
    shot_id, attempt : int
        From 1.
    expected : list of str
        Camera keys.
    not_ready : dict of str to (str, str)
        Cameras that are not asked to fire: cause and detail.
    tagged : bool
        The release carries a tag.
    allowance_s : float
        Seconds on top of every deadline.
    """

    shot_id: _Number
    attempt: _Number
    expected: list[str]
    not_ready: dict[str, tuple[str, str | None]] = {}
    tagged: bool = True
    allowance_s: float = 0.0


class ShotNote(AttemptNote, kw_only=True):
    """A shot begins: note ``shot``.

    Attributes
    ----------
    trigger, tag : str
        The word in the tables, and what goes out as PhotoOrigin.
    labels : _Labels
        As given.
    excluded : dict of str to str
        Cameras left out by name, and why.
    awaited, lasts_s : bool, float
        Somebody else releases it, and how long that takes, s.
    """

    trigger: str
    tag: str = ""
    labels: _Labels = msgspec.field(default_factory=_Labels)
    excluded: dict[str, str] = {}
    awaited: bool = False
    lasts_s: float = 0.0

    def __post_init__(self) -> None:
        if self.trigger not in TRIGGERS:
            raise ValueError(f"nothing is released by {self.trigger!r}")


class FiredNote(msgspec.Struct):
    """What became of a release: note ``fired``.

    Attributes
    ----------
    shot_id : int
        From 1.
    outcome : str
        Accepted, refused, not sent, or not known.
    sent_mono_ns, sent_wall_ns : int
        When it was sent, host monotonic and host wall clock.
    """

    shot_id: _Number
    outcome: Literal["accepted", "refused", "undelivered", "unknown"]
    sent_mono_ns: _Stamp
    sent_wall_ns: _Stamp


def read_note(fields: Mapping[str, Any], kind: type[T]) -> T:
    """Read a note; members that it need not have are passed over, so that newer journals can be read.

    Raises
    ------
    ValueError
        It does not hold what such a note must.
    """
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as exc:
        raise ValueError(str(exc)) from None
