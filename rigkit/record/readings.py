"""Readings of a counter in view and lags measured elsewhere: what people add to the record about time. A fold over notes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["Readings"]

_READ = ("reading_ms", "lit_first_ms", "lit_last_ms")
_SHARED = ("wrap_ms", "step_ms", "instant", "from_trigger", "reader")


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
        KeyError, TypeError, ValueError
            The note does not hold what it must; nothing was taken in.
        """
        shared = {name: said[name] for name in _SHARED}
        wrap, step = float(said["wrap_ms"]), float(said["step_ms"])
        if not (math.isfinite(wrap) and 0 < step < wrap):
            raise ValueError("a counter that can't be")
        rows = []
        for shot_id, camera_key, *read in said["readings"]:
            values = dict(zip(_READ, (None if one is None else float(one) for one in read), strict=True))
            rows.append({"shot_id": int(shot_id), "camera_key": str(camera_key), **values, **shared, "noted": wall_ns})
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
