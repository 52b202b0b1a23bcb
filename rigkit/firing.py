"""Opening shutters: every verb here that does so returns a Shot."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from rigkit.cameras import Cameras
from rigkit.errors import RigError, listed
from rigkit.filenames import name_files
from rigkit.readiness import READY_S, wait_ready
from rigkit.record.labels import check_labels
from rigkit.record.state import NOT_SEEN, UNSEEN
from rigkit.release import Awaited, Release, fire, open_shot
from rigkit.shot import Shot, Until
from rigkit.wire.selection import selection

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Firing", "How"]


class How(TypedDict, total=False):
    """What every release takes; see :meth:`Firing.shoot`."""

    wait: Until | None
    timeout: float | None
    ready_timeout: float
    anyway: bool
    subject: str | None
    pose: str | None
    rep: int | None
    note: str | None


class Firing(Cameras):
    """Cameras that fire together."""

    def shoot(
        self,
        *,
        wait: Until | None = "exposed",
        timeout: float | None = None,
        ready_timeout: float = READY_S,
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
        if bulb_ms is not None:
            self._sitting.must_know("BulbTimer", "so nothing was fired")
        fields = {} if bulb_ms is None else {"BulbTimer": int(bulb_ms)}

        def release(chosen: dict[str, Any]) -> Release:
            return Release("shoot", (("Shoot", {**chosen, **fields}),), lasts_s=(bulb_ms or 0) / 1000)

        return self._fire(
            release,
            wait=wait,
            timeout=timeout,
            ready_timeout=ready_timeout,
            anyway=anyway,
            subject=subject,
            pose=pose,
            rep=rep,
            note=note,
        )

    def trigger(
        self,
        *,
        order: Mapping[str, int] | Sequence[str] | None = None,
        interval_ms: int = 0,
        **how: Unpack[How],
    ) -> Shot:
        """Fire by the application's synchronised trigger: arm all cameras, then release them in the order of their indices.

        Parameters
        ----------
        order : mapping, sequence or None
            Trigger index (0 to 100) per camera, or the cameras in the order in which they shall fire; equal indices fire
            together. None: the indices stay as they are.
        interval_ms : int
            Time between two indices, ms; 0: all at once. (ReleaseTrigger.CameraTriggerInterval)
        **how
            wait, timeout, ready_timeout, anyway and labels, as for :meth:`shoot`.

        Returns
        -------
        Shot
            Its account. This release carries no tag, so photos are paired by batch number or time.

        Raises
        ------
        NotReady, Refused, NoReply
            As for :meth:`shoot`; the cameras are disarmed (CancelTrigger).
        """
        if order is not None:
            self.trigger_order(order)
        indices = [camera.count("CameraTriggerIndex") or 0 for camera in self._records()]

        def release(chosen: dict[str, Any]) -> Release:
            steps = (("EngageTrigger", chosen), ("ReleaseTrigger", {"CameraTriggerInterval": int(interval_ms)}))
            lasts_s = interval_ms / 1000 * max(indices, default=0)
            return Release("trigger", steps, fires=1, undo=("CancelTrigger", {}), lasts_s=lasts_s)

        return self._fire(release, **how)

    def trigger_order(self, order: Mapping[str, int] | Sequence[str]) -> pd.DataFrame:
        """Set the order of the synchronised trigger (SetCameraTriggerIndex).

        Parameters
        ----------
        order : mapping or sequence
            Index (0 to 100) per camera, or the cameras in the order in which they shall fire.

        Returns
        -------
        pandas.DataFrame
            ``cameras``, with ``trigger_index``.

        Raises
        ------
        RigError
            At one of these places nobody was seen; nothing was set.
        """
        if not isinstance(order, Mapping):
            order = {name: number for number, name in enumerate(order)}
        wanted = {self._key_of(name): int(index) for name, index in order.items()}
        unseen = [self.session.label(key) for key in wanted if key.startswith(UNSEEN)]
        if unseen:
            raise RigError(f"nobody was seen at {listed(unseen)}, so no order was set; leave them out of it")
        for index, keys in _by_value(wanted).items():
            self._sitting.demand("SetCameraTriggerIndex", {**selection(keys), "CameraTriggerIndex": index})
        cameras = self.session.state.cameras
        self._sitting.wait_for(
            lambda: all(cameras[key].count("CameraTriggerIndex") == at for key, at in wanted.items()), 2.0
        )
        return self.cameras

    def latch(
        self,
        index: int = 0,
        *,
        hold_s: float = 0.0,
        **how: Unpack[How],
    ) -> Shot:
        """Fire by a latch: engage it on all cameras, hold it, release it.

        Parameters
        ----------
        index : int
            Which of the application's latches, 0 to 100.
        hold_s : float
            Seconds between engaging and releasing. Whether the exposure is made at the one or at the other is not known
            from any public source; the account takes either.
        **how
            wait, timeout, ready_timeout, anyway and labels, as for :meth:`shoot`.

        Returns
        -------
        Shot
            Its account; ``arrival_s`` counts from engaging.

        Raises
        ------
        NotReady, Refused, NoReply
            As for :meth:`shoot`; the latch is dropped (CancelLatch).
        """
        latch = {"CameraLatchIndex": int(index)}

        def release(chosen: dict[str, Any]) -> Release:
            steps = (("EngageLatch", {**chosen, **latch}), ("ReleaseLatch", latch))
            return Release("latch", steps, undo=("CancelLatch", latch), hold_s=hold_s, lasts_s=hold_s)

        return self._fire(release, **how)

    def press(
        self,
        *,
        hold_s: float = 0.2,
        **how: Unpack[How],
    ) -> Shot:
        """Press the shutter buttons fully, hold them, and let go, whatever happens (SetShutterButton Full, then Off).

        Parameters
        ----------
        hold_s : float
            Seconds to hold them; in a burst mode the cameras shoot on for so long.
        **how
            wait, timeout, ready_timeout, anyway and labels, as for :meth:`shoot`.

        Returns
        -------
        Shot
            Its account. This release carries no tag, so photos are paired by batch number or time.
        """

        def release(chosen: dict[str, Any]) -> Release:
            steps = (
                ("SetShutterButton", {**chosen, "CameraShutterButton": "Full"}),
                ("SetShutterButton", {**chosen, "CameraShutterButton": "Off"}),
            )
            return Release("press", steps, undo=steps[1], hold_s=hold_s, lasts_s=hold_s)

        return self._fire(release, **how)

    @contextlib.contextmanager
    def half_press(self) -> Iterator[None]:
        """Hold the shutter buttons half pressed for as long as the block lasts: ``with rig.half_press(): rig.shoot()``.

        Many bodies don't listen to their cable while half pressed, so it is never left on: an error, an interrupt and
        closing the Rig let go of it too.
        """
        chosen = self._selection()
        off = ("SetShutterButton", {**chosen, "CameraShutterButton": "Off"})
        self._sitting.hold(off)
        try:
            self._sitting.demand("SetShutterButton", {**chosen, "CameraShutterButton": "Half"})
            yield
        finally:
            self._sitting.let_go(*off)

    @contextlib.contextmanager
    def expect(
        self,
        *,
        timeout: float = 30.0,
        lasts_s: float = 0.0,
        wait: Until | None = "exposed",
        subject: str | None = None,
        pose: str | None = None,
        rep: int | None = None,
        note: str | None = None,
    ) -> Iterator[Shot]:
        """Account for a release that rigkit does not fire: a trigger box, the application's own button, another program.

        ``with rig.expect(pose="apose", timeout=20) as shot: input("press the trigger")``. The account is that of any shot: every
        camera of this Rig ends captured, recovered or missing. When the shutters opened is not known, so there is no
        ``requested`` and no ``arrival_s``. Photos that come while nobody expects them become shots of trigger ``external`` too.

        Parameters
        ----------
        timeout : float
            Seconds, from the beginning of the block, within which somebody releases. If nothing is heard in that time, all
            cameras are missing (``not_released``).
        lasts_s : float
            Seconds that the release itself takes: the delays of a trigger box, bulb.
        wait : {"exposed", "files"} or None
            At the end of the block, wait as :meth:`shoot` does; None: don't.
        subject, pose, rep, note : str, str, int, str or None
            Labels, found again in every table.

        Yields
        ------
        Shot
            Its account, live; complete at the end of the block, if there is a wait.

        Raises
        ------
        RigError
            This Rig has no cameras.
        ValueError
            A label can't be one.
        """
        if wait not in {"exposed", "files", None}:
            raise ValueError(f"wait is 'exposed', 'files' or None, not {wait!r}")
        if self._sitting.closed:
            raise RigError("this Rig is closed, so no release can be heard of; connect again")
        keys, cameras = self._members(), self.session.state.cameras
        if not keys:
            raise RigError("this Rig has no cameras to expect; rig.cameras of the whole rig lists who is there")
        labels = self._labels(subject=subject, pose=pose, rep=rep, note=note)
        name_files(self._sitting, labels)
        not_ready = {key: NOT_SEEN for key in keys if key not in cameras}
        awaited = Awaited(float(timeout), float(lasts_s))
        shot_id = open_shot(
            self._sitting,
            keys,
            "external",
            not_ready=not_ready,
            labels=labels,
            excluded=self._left_out,
            awaited=awaited,
        )
        shot = Shot(self._sitting, shot_id)
        yield shot
        if wait is not None:
            shot.wait(wait)

    def shot(self, shot_id: int | None = None) -> Shot:
        """Return a shot of this session by its number, for example after an interrupt.

        Parameters
        ----------
        shot_id : int or None
            Its number; None: the last one.

        Raises
        ------
        UnknownName
            There is none.
        """
        return Shot(self._sitting, self.session.shot(shot_id).id)

    def _fire(
        self,
        release: Callable[[dict[str, Any]], Release],
        *,
        wait: Until | None = "exposed",
        timeout: float | None = None,
        ready_timeout: float = READY_S,
        anyway: bool = False,
        subject: str | None = None,
        pose: str | None = None,
        rep: int | None = None,
        note: str | None = None,
    ) -> Shot:
        """Do what all releases have in common: wait for Ready, fire, wait for the account."""
        if wait not in {"exposed", "files", None}:
            raise ValueError(f"wait is 'exposed', 'files' or None, not {wait!r}")
        self._sitting.client.check()
        keys = self._members()
        if not self.keys:
            raise RigError(
                "this Rig has no cameras, so nothing was fired; rig.cameras of the whole rig lists who is there"
            )
        labels = self._labels(subject=subject, pose=pose, rep=rep, note=note)
        not_ready = wait_ready(self._sitting, keys, ready_timeout, anyway)
        ready = [key for key in keys if key not in not_ready]
        chosen = selection(ready) if not_ready else self._selection()
        name_files(self._sitting, labels)
        shot_id = fire(
            self._sitting, keys, release(chosen), not_ready=not_ready, labels=labels, excluded=self._left_out
        )
        self._sitting.releases[shot_id] = release
        shot = Shot(self._sitting, shot_id)
        return shot if wait is None else shot.wait(wait, timeout)

    def _labels(self, **given: Any) -> dict[str, Any]:
        """Check labels; in a sitting that was begun for a subject, theirs is the usual one.

        Raises
        ------
        ValueError
            One of them can't be a label, or breaks the rule for subjects; nothing was fired.
        """
        manifest = self.session.manifest
        labels = check_labels(given, manifest.subject_rule)
        if labels["subject"] is None and manifest.subject:
            labels["subject"] = manifest.subject
        return labels


def _by_value(order: Mapping[str, int]) -> dict[int, list[str]]:
    """Turn key -> index round: index -> keys, so that each index is one request."""
    turned: dict[int, list[str]] = {}
    for name, index in order.items():
        turned.setdefault(int(index), []).append(name)
    return turned
