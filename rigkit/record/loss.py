"""What was published and never heard: one counter spans all events of a publisher, so a gap in it is loss. Pure.

Loss at the end leaves no gap. It shows when the application is asked: its state then holds what no event told. Whether those
events are lost or only on their way (the reply comes over another connection) the next event tells.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Loss", "Losses"]

#: How far back a publisher's counter may jump and still be a repeated or re-ordered event instead of a restart.
_SMALL_JUMP = 64
_COUNTER = 2**32


@dataclass(slots=True)
class Loss:
    """Events that were published and never heard.

    Attributes
    ----------
    wall_ns : int
        Host wall clock when it was noticed.
    where : {"gap", "tail", "restart", "away"}
        Numbers skipped; the last ones, or the first sign was a state that no event had told; the counter went back; nobody
        listened, between a kernel that ended and the next.
    n : int or None
        How many; None: can't be known, or not yet.
    first, last : int or None
        Their numbers.
    recovered_by : str or None
        The request that brought the state up to date again.
    """

    wall_ns: int
    where: str
    n: int | None
    first: int | None
    last: int | None
    recovered_by: str | None = None


class Losses:
    """All losses of one session, in the order noticed.

    Attributes
    ----------
    rows : list of Loss
        Always the same list.
    """

    def __init__(self) -> None:
        self.rows: list[Loss] = []
        self._last: int | None = None
        #: The last number heard before nobody listened for a while.
        self._before: int | None = None
        self._broken = False

    def reset(self) -> None:
        """Forget everything."""
        self.rows.clear()
        self._last = self._before = None
        self._broken = False

    def new_publisher(self) -> None:
        """Follow the counter from wherever it is: this is another sitting, maybe another application."""
        self._before = self._last if self._last is not None else self._before
        self._last, self._broken = None, False

    def broken(self) -> None:
        """Take in that the publisher's connection broke: a counter that goes back now is that of one that started again."""
        self._broken = True

    @property
    def open(self) -> bool:
        """Whether something was lost and the state has not been asked for since."""
        return any(loss.recovered_by is None for loss in self.rows)

    def recovered(self, by: str) -> None:
        """Take in that the state was asked for anew, so whatever was lost before has been made up for."""
        for loss in self.rows:
            if loss.recovered_by is None:
                loss.recovered_by = by

    def untold(self, wall_ns: int) -> None:
        """Take in that the application's state holds news that no event has told."""
        if self.open:  # a loss that is known already explains it
            return
        first = None if self._last is None else (self._last + 1) % _COUNTER
        if self._pending(first) is None:
            self.rows.append(Loss(wall_ns, "tail", None, first, None))

    def _pending(self, first: int | None) -> Loss | None:
        """Return the loss of the last events, if there is one whose extent is not known yet."""
        loss = self.rows[-1] if self.rows else None
        waits = loss is not None and loss.where == "tail" and loss.n is None and loss.first == first
        return loss if waits else None

    def count(self, seq: int, wall_ns: int) -> int:
        """Follow the counter.

        Parameters
        ----------
        seq : int
            The number of an event that was heard.
        wall_ns : int
            When, host wall clock.

        Returns
        -------
        int
            How many events are missing right before it.
        """
        last = self._last
        if last is None:
            self._last = seq
            self._come_back(seq, wall_ns)
            return 0
        ahead = (seq - last) % _COUNTER
        if not 0 < ahead < _COUNTER // 2:
            self._step_back(seq, last, wall_ns)
            return 0
        self._last, self._broken = seq, False
        first = (last + 1) % _COUNTER
        tail = self._pending(first)
        if ahead == 1:
            if tail is not None:  # what the state told was only on its way
                self.rows.remove(tail)
            return 0
        if tail is None:
            self.rows.append(Loss(wall_ns, "gap", ahead - 1, first, (seq - 1) % _COUNTER))
        else:  # some of these may be younger than the state that was asked for
            tail.n, tail.last, tail.recovered_by = ahead - 1, (seq - 1) % _COUNTER, None
        return ahead - 1

    def _come_back(self, seq: int, wall_ns: int) -> None:
        """Take in the first number since nobody listened: what lies between was published and not heard.

        The sitting has begun with a full state, which made up for it. A counter that is lower is of another start of the
        application; how many events that one published is not known, nor is it if the counter has passed the old one since.
        """
        before, self._before = self._before, None
        missed = 0 if before is None else (seq - before) % _COUNTER - 1
        if before is not None and 0 < missed < _COUNTER // 2:
            first, last = (before + 1) % _COUNTER, (seq - 1) % _COUNTER
            self.rows.append(Loss(wall_ns, "away", missed, first, last, "Synchronise"))

    def _step_back(self, seq: int, last: int, wall_ns: int) -> None:
        """Tell a repeated or late event from a publisher that started again: that one's connection broke, or it jumps far."""
        if not self._broken and (self._fill_gap(seq) or 0 <= last - seq < _SMALL_JUMP):
            return
        self.rows.append(Loss(wall_ns, "restart", None, None, None))
        self._last, self._broken = seq, False

    def _fill_gap(self, seq: int) -> bool:
        """Take back the loss of an event that comes late after all."""
        for at in range(len(self.rows) - 1, -1, -1):
            loss = self.rows[at]
            if loss.first is None or loss.last is None or not loss.first <= seq <= loss.last:
                continue
            pieces = [(loss.first, seq - 1), (seq + 1, loss.last)]
            self.rows[at : at + 1] = [
                Loss(loss.wall_ns, loss.where, end - begin + 1, begin, end, loss.recovered_by)
                for begin, end in pieces
                if begin <= end
            ]
            return True
        return False
