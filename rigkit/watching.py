"""Warnings as they arise: as a table, and as callbacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rigkit.cameras import Cameras
from rigkit.record.warned import WarningRecord

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Watching"]


class Watching(Cameras):
    """A rig that is watched."""

    @property
    def warnings(self) -> pd.DataFrame:
        """What is wrong with the cameras of this Rig right now, and what to do; ``session.warnings`` has all of the sitting.

        Cameras that went away or were never seen, batch numbers out of step, batteries, cards, live view left on, settings that
        are not those of the golden profile, cameras that keep failing, photos under another subject's name.
        """
        if not self._sitting.closed:
            self._sitting.watch()
        warnings = self.session.warnings
        return warnings[warnings["over"].isna() & warnings["camera_key"].isin(self._members())]

    def on_warning(self, callback: Callable[[WarningRecord], object]) -> Callable[[], None]:
        """Call a function with each warning that arises from now on: ``rig.on_warning(print)``.

        It is called on the thread that waits, or looks at ``rig.warnings`` or a panel, never on the one that listens; while nobody
        does any of these, nothing is watched. Should it raise, that is said, and the rig goes on.

        Parameters
        ----------
        callback : callable
            Takes one :class:`rigkit.record.warned.WarningRecord`: ``rule``, ``position``, ``camera_key``, ``found``, ``wanted``,
            ``todo``, ``stop``; its str is one sentence.

        Returns
        -------
        callable
            Call it to hear no more.
        """
        callbacks = self._sitting.callbacks
        callbacks.append(callback)

        def stop() -> None:
            if callback in callbacks:
                callbacks.remove(callback)

        return stop
