"""Readings of a counter in view and lags measured elsewhere: what people add to the record about time. A fold over notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import msgspec

__all__ = ["Readings"]

_READ = ("reading_ms", "lit_first_ms", "lit_last_ms")
_SHARED = ("wrap_ms", "step_ms", "instant", "from_trigger", "reader")


_Shown = Annotated[float, msgspec.Meta(ge=0, lt=1e9)]
_Step = Annotated[float, msgspec.Meta(gt=0, lt=1e9)]


class _Note(msgspec.Struct):
    """What note ``reference`` must hold: a journal is data, and a note may have been damaged or made up."""

    readings: list[
        tuple[Annotated[int, msgspec.Meta(ge=1, lt=10**9)], str, _Shown | None, _Shown | None, _Shown | None]
    ]
    wrap_ms: _Step
    step_ms: _Step
    instant: Literal["start", "middle"]
    from_trigger: bool
    reader: str


class Readings:
    """What was read from a counter, and which lags are used.

    Attributes
    ----------
    lags : dict or None
        The calibration in use, as ``Calibration.as_dict`` gives it; None: none.
    version : int
        Goes up by one with every note taken in.
    """

    def __init__(self) -> None:
        self._rows: dict[tuple[int, str], dict[str, Any]] = {}
        self.lags: dict[str, Any] | None = None
        self.version = 0

    def __len__(self) -> int:
        return len(self._rows)

    def reset(self) -> None:
        """Forget everything."""
        self._rows.clear()
        self.lags = None
        self.version += 1

    def take(self, said: Mapping[str, Any], wall_ns: int) -> None:
        """Take in note ``reference``; a later reading of a camera in a shot takes the place of an earlier one.

        Raises
        ------
        ValueError
            The note does not hold what it must, or is of another counter; nothing was taken in.
        """
        note = msgspec.convert(dict(said), _Note)
        if not note.step_ms < note.wrap_ms:
            raise ValueError("a counter that can't be")
        shared = {name: getattr(note, name) for name in _SHARED}
        if self._rows and self.counter() != (note.wrap_ms, note.step_ms, note.instant, note.from_trigger):
            raise ValueError("another counter than that of the readings before: the two can't be compared")
        rows = []
        for shot_id, camera_key, *read in note.readings:
            if (
                any(one is not None and not one < note.wrap_ms + note.step_ms for one in read)
                or read[0] is read[1] is None
            ):
                raise ValueError("a reading that the counter can't show, or none")
            rows.append(
                {
                    "shot_id": shot_id,
                    "camera_key": camera_key,
                    **dict(zip(_READ, read, strict=True)),
                    **shared,
                    "noted": wall_ns,
                }
            )
        self._rows.update({(row["shot_id"], row["camera_key"]): row for row in rows})
        self.version += 1

    def take_lags(self, said: Mapping[str, Any]) -> None:
        """Take in note ``calibration``; None in it: none is used any more."""
        lags = said["lags"]
        self.lags = None if lags is None else dict(lags)
        self.version += 1

    def counter(self) -> tuple[float, float, str, bool] | None:
        """Give wrap and step (ms), instant, and whether the release starts the counter; None: there are no readings."""
        if not self._rows:
            return None
        row = next(iter(self._rows.values()))
        return float(row["wrap_ms"]), float(row["step_ms"]), str(row["instant"]), bool(row["from_trigger"])

    def table_rows(self) -> Iterator[dict[str, Any]]:
        """Rows of the ``reference`` table, by shot."""
        yield from sorted(self._rows.values(), key=lambda row: (row["shot_id"], row["camera_key"]))
