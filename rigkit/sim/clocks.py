"""Camera clocks and the texts made of their readings.

Model (times in seconds): a camera's clock reads ``t + offset + drift x (t - set_at)``; a stamp is that reading, cut to the
clock's quantum.
"""

from __future__ import annotations

import functools
import math
from datetime import UTC, datetime

__all__ = ["CameraClock", "captured_text"]


class CameraClock:
    """The clock inside one camera.

    Parameters
    ----------
    offset_s : float
        How far it is ahead of the host (s) at ``set_at``.
    drift_ppm : float
        How much it gains, microseconds per second.
    quantum_ms : float
        Resolution of its stamps, milliseconds.
    set_at : float
        Virtual time (s) at which ``offset_s`` holds.
    """

    __slots__ = ("drift_ppm", "offset_s", "quantum_ms", "set_at")

    def __init__(
        self, offset_s: float = 0.0, drift_ppm: float = 0.0, quantum_ms: float = 10.0, set_at: float = 0.0
    ) -> None:
        self.offset_s = offset_s
        self.drift_ppm = drift_ppm
        self.quantum_ms = quantum_ms
        self.set_at = set_at

    def error_s(self, now: float) -> float:
        """Return how far it is ahead of the host (s) at virtual time ``now``."""
        return self.offset_s + self.drift_ppm * 1e-6 * (now - self.set_at)

    def set(self, now: float, offset_s: float) -> None:
        """Set it, so that it is ``offset_s`` ahead of the host from ``now`` on; its rate stays."""
        self.offset_s = offset_s
        self.set_at = now

    def step(self, seconds: float) -> None:
        """Let it jump by ``seconds``."""
        self.offset_s += seconds

    def stamp_ms(self, now: float, wall_s: float) -> int:
        """Stamp an instant.

        Parameters
        ----------
        now : float
            The instant in virtual time (s).
        wall_s : float
            The same instant on the host's local wall clock, seconds since 1970.

        Returns
        -------
        int
            Milliseconds since 1970 of local time, cut to the quantum.
        """
        reading_ms = (wall_s + self.error_s(now)) * 1000.0
        quantum = self.quantum_ms if self.quantum_ms >= 1 else 1.0
        # A double holds today's date to a quarter of a microsecond; without the allowance a stamp on the boundary falls below it.
        return int(math.floor(reading_ms / quantum + 1e-6) * quantum)

    @property
    def subsec_digits(self) -> int:
        """Digits below the second that the stamps can fill, at least 2 as cameras write them."""
        return 2 if self.quantum_ms >= 10 else 3


@functools.lru_cache(maxsize=256)
def _second_text(second: int) -> str:
    return datetime.fromtimestamp(second, tz=UTC).strftime("%Y%m%d %H:%M:%S")


def captured_text(stamp_ms: int) -> str:
    """Write a stamp as PhotoDateCaptured does.

    Parameters
    ----------
    stamp_ms : int
        Milliseconds since 1970 of local time.

    Examples
    --------
    >>> captured_text(1_427_147_654_878)
    '20150323 21:54:14.878'
    """
    second, millisecond = divmod(stamp_ms, 1000)
    return f"{_second_text(second)}.{millisecond:03d}"
