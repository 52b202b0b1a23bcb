"""Opening shutters: every verb here that does so returns a Shot."""

from __future__ import annotations

import time

from rigkit.cameras import Cameras
from rigkit.errors import NotReady
from rigkit.shot import Shot, Until

__all__ = ["Firing"]

#: Statuses that waiting can mend; the others need hands.
_SOON_READY = frozenset({"Busy", ""})


class Firing(Cameras):
    """Cameras that fire together."""

    def shoot(
        self,
        *,
        wait: Until | None = "exposed",
        timeout: float | None = None,
        ready_timeout: float = 10.0,
        anyway: bool = False,
        bulb_ms: int | None = None,
        subject: str | None = None,
        pose: str | None = None,
        rep: int | None = None,
        note: str | None = None,
    ) -> Shot:
        """Fire all cameras together, once.

        Parameters
        ----------
        wait : {"exposed", "files"} or None
            Return when every expected camera has exposed or is accounted missing (the person may move), when every file is
            on disk, or at once.
        timeout : float or None
            At most so many seconds of that waiting; None: until all is accounted for.
        ready_timeout : float
            Seconds that the expected cameras have to become Ready before anything is fired.
        anyway : bool
            Fire with those that are Ready; the others are accounted missing (``not_ready``) at once.
        bulb_ms : int or None
            Bulb exposure time, ms (Shoot.BulbTimer; the unit is not stated by any public source).
        subject, pose, rep, note : str, str, int, str or None
            Labels, found again in every table.

        Returns
        -------
        Shot
            Its account.

        Raises
        ------
        NotReady
            An expected camera did not become Ready; nothing was fired.
        Refused
            The application said no; nothing was fired.
        NoReply
            The request was not delivered; nothing was fired. A release of unknown delivery is not sent again: it is looked
            into, and accounted for in the shot that is returned.
        """
        if wait not in {"exposed", "files", None}:
            raise ValueError(f"wait is 'exposed', 'files' or None, not {wait!r}")
        keys = self.keys
        if not keys:
            raise NotReady({"no camera": "the application knows none"}, 0.0)
        not_ready = self._wait_ready(keys, ready_timeout, anyway)
        labels = {"subject": subject, "pose": pose, "rep": rep, "note": note}
        everybody = all(key in keys and key not in not_ready for key in self.session.state.cameras)
        shot_id = self._sitting.fire(keys, not_ready=not_ready, labels=labels, bulb_ms=bulb_ms, whole=everybody)
        shot = Shot(self._sitting, shot_id)
        return shot if wait is None else shot.wait(wait, timeout)

    def _wait_ready(self, keys: list[str], timeout: float, anyway: bool) -> dict[str, str]:
        """Wait for cameras to be Ready; return those that are not, with their status.

        Raises
        ------
        NotReady
            Some are not, and ``anyway`` was not said.
        """
        deadline = time.monotonic() + timeout
        statuses: dict[str, str] = {}

        def settled() -> bool:
            cameras = self.session.state.cameras
            statuses.clear()
            statuses.update({key: cameras[key].status if key in cameras else "Absent" for key in keys})
            unready = [status for status in statuses.values() if status != "Ready"]
            return not unready or (anyway and not any(status in _SOON_READY for status in unready))

        while not self._sitting.wait_for(settled, min(1.0, max(0.0, deadline - time.monotonic()))):
            # A second of silence: the event that said Ready may have been lost, so ask.
            self._sitting.synchronise(keys, photos=False)
            if settled() or time.monotonic() >= deadline:
                break
        not_ready = {key: status for key, status in statuses.items() if status != "Ready"}
        if not_ready and not anyway:
            raise NotReady({self.session.label(key): status or "unknown" for key, status in not_ready.items()}, timeout)
        return not_ready
