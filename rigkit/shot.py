"""One release of the shutters and its account, as the user holds it."""

from __future__ import annotations

import warnings
from typing import Any, Literal

from rigkit.account.naming import name_like
from rigkit.account.shots import ShotAccount
from rigkit.errors import RigError, listed
from rigkit.filenames import name_files
from rigkit.files import tell_unreached
from rigkit.readiness import READY_S, wait_ready
from rigkit.record.state import UNSEEN
from rigkit.recorded import RecordedShot
from rigkit.release import Release, fire
from rigkit.sitting import Sitting
from rigkit.wire.selection import photo_selection, selection

__all__ = ["Shot"]

Until = Literal["exposed", "files"]
#: How long the news of a new name may take, s.
_RENAMED_S = 2.0


class Shot(RecordedShot):
    """One release and its account: a live view until all is accounted for.

    Every verb that opens a shutter returns one. Silence is asked about only while somebody waits (:meth:`wait`, or another
    verb that waits); looking at the account sends nothing.

    Parameters
    ----------
    sitting : Sitting
        The connection it was fired over.
    shot_id : int
        Its number within the session.
    """

    def __init__(self, sitting: Sitting, shot_id: int) -> None:
        super().__init__(sitting.session, shot_id)
        self._sitting = sitting

    def wait(self, until: Until = "exposed", timeout: float | None = None) -> Shot:
        """Wait until every expected camera is accounted for.

        Photos that were left on the card are downloaded when waiting for files.

        Parameters
        ----------
        until : {"exposed", "files"}
            News of every exposure (the person may move), or every file on the application's disk.
        timeout : float or None
            Seconds at most; None: until the account is complete, which it always becomes, since silence is asked about and
            then accounted as missing.

        Returns
        -------
        Shot
            This one. After a timeout it is simply not complete yet: look at ``missing`` and ``exposures``.
        """
        if until not in {"exposed", "files"}:
            raise ValueError(f"wait until 'exposed' or 'files', not {until!r}")
        if self.session.closed:
            return self
        files = until == "files"
        shots = self.session.account.shots
        try:
            self._sitting.wait_for(
                lambda: shots[self.id].done(files),
                timeout,
                files=files,
                needs=lambda: shots[self.id].outstanding(files),
            )
        except KeyboardInterrupt as exc:
            exc.add_note(
                f"Shot {self.id} was fired, and goes on being recorded: rig.shot({self.id}).wait() waits for the rest"
            )
            raise
        if shots[self.id].done(files):
            self._sitting.make_up()
            self.session.log.sync()
        tell_unreached(self.session, self.id)
        return self

    def reshoot(
        self,
        *,
        wait: Until | None = "exposed",
        timeout: float | None = None,
        ready_timeout: float = READY_S,
        sure: bool = False,
    ) -> Shot:
        """Fire the missing cameras once more, and only them; the shot keeps its number, the attempt goes up by one.

        A camera without a photo is fired (Shoot), and the new photo is renamed to what it would have been called with the
        others (RenamePhoto; only if there is a wait). Where there is a photo whose file could not be had, it is taken again
        under the same name (Reshoot). The views taken now show another instant: of a subject that moves, they don't belong to
        the others. A warning says so.

        Parameters
        ----------
        wait : {"exposed", "files"} or None
            As for ``rig.shoot()``.
        timeout : float or None
            Seconds at most of that waiting.
        ready_timeout : float
            Seconds that the missing cameras have to become Ready before anything is fired.
        sure : bool
            Fire also cameras of which it is not known whether they have fired (cause ``unknown``).

        Returns
        -------
        Shot
            This one.

        Raises
        ------
        NotReady
            A missing camera is not Ready; nothing was fired.
        RigError
            It is not known whether they have fired, or the session is closed.
        Refused, NoReply
            As for ``rig.shoot()``.
        """
        self._demand_open("reshoot")
        account = self._account
        missing = [one for one in account.exposures.values() if one.status == "missing"]
        without_file = [one for one in account.exposures.values() if one.file_given_up]
        if not missing and not without_file:
            return self if wait is None else self.wait(wait, timeout)
        in_doubt = [self.session.label(one.camera_key) for one in missing if one.cause == "unknown"]
        if in_doubt and not sure:
            raise RigError(
                f"Shot {self.id}: whether {listed(in_doubt)} fired is not known, since the release was not answered. Look at the "
                "application first; reshoot(sure=True) fires them (again)"
            )
        keys = [one.camera_key for one in missing]
        hint = "Bring them back (rig.recover()), then reshoot; a replaced body: shot.retake()"
        wait_ready(self._sitting, [*keys, *(one.camera_key for one in without_file)], ready_timeout, False, hint)
        warnings.warn(
            f"Shot {self.id}: {listed([self.session.label(one.camera_key) for one in (*missing, *without_file)])} will show another "
            "instant than the other cameras",
            RuntimeWarning,
            stacklevel=2,
        )
        if keys:
            self._fire_again(keys, "Shoot", selection(keys))
        if without_file:
            photos = [key for one in without_file for key, on_disk in one.photos.items() if not on_disk]
            self._fire_again([one.camera_key for one in without_file], "Reshoot", photo_selection(photos))
        if wait is not None:
            self.wait(wait, timeout)
            self._rename_like_the_others(keys)
        return self

    def retake(
        self,
        *,
        wait: Until | None = "exposed",
        timeout: float | None = None,
        ready_timeout: float = READY_S,
        anyway: bool = False,
    ) -> Shot:
        """Fire everybody of this shot once more, as a new shot with the same labels; this one is marked as superseded by it.

        It is released as it was, bulb time and all. Of a shot that another Python has fired only the trigger is known: it is
        fired by Shoot, and none but that can be.

        Parameters
        ----------
        wait : {"exposed", "files"} or None
            As for ``rig.shoot()``.
        timeout : float or None
            Seconds at most of that waiting.
        ready_timeout : float
            Seconds that the cameras have to become Ready before anything is fired.
        anyway : bool
            Fire with those that are Ready.

        Returns
        -------
        Shot
            The new one.

        Raises
        ------
        NotReady
            A camera is not Ready; nothing was fired.
        RigError
            Somebody else released this shot, or nobody knows how it was, or its sitting has ended; nothing was fired.
        Refused, NoReply
            As for ``rig.shoot()``.
        """
        self._demand_open("retake")
        account = self._account
        if account.trigger == "external":
            raise RigError(
                f"Shot {self.id} was released by somebody else, so nothing was fired; with rig.expect(): release it again"
            )
        released = self._sitting.releases.get(self.id)
        if released is None and account.trigger != "shoot":
            raise RigError(
                f"Shot {self.id} was released by {account.trigger} from another Python, and how is not in the record, so nothing was "
                f"fired: rig.{account.trigger}(...) fires it once more"
            )
        keys = self._same_places()
        hint = "Bring them back (rig.recover()), or do without them: shot.retake(anyway=True)"
        not_ready = wait_ready(self._sitting, keys, ready_timeout, anyway, hint)
        name_files(self._sitting, account.labels, stacklevel=3)
        chosen = selection(key for key in keys if key not in not_ready)
        release = Release("shoot", (("Shoot", chosen),)) if released is None else released(chosen)
        new = fire(self._sitting, keys, release, not_ready=not_ready, labels=account.labels, excluded=account.excluded)
        if released is not None:
            self._sitting.releases[new] = released
        for one in self._takes():  # also those that were to stand for this one before
            self.session.write_note(
                "verdict", shot_id=one.shot_id, accepted=one.accepted, reason=one.reason, superseded_by=new
            )
        shot = Shot(self._sitting, new)
        return shot if wait is None else shot.wait(wait, timeout)

    def _takes(self) -> list[ShotAccount]:
        """List this shot and those that were taken in its place, one after the other."""
        shots, takes = self.session.account.shots, [self._account]
        while (after := shots.get(takes[-1].superseded_by or 0)) is not None and after not in takes:
            takes.append(after)
        return takes

    def _same_places(self) -> list[str]:
        """List who stands now where the cameras of this shot stood; without a layout, these cameras."""
        state = self.session.state
        places = state.layout if state.layout is not None else ()
        return state.present(
            UNSEEN + one.position if one.position is not None and one.position in places else one.camera_key
            for one in self._account.exposures.values()
        )

    def _demand_open(self, verb: str) -> None:
        """Refuse to fire for a sitting that has ended.

        Raises
        ------
        RigError
            It has; nothing was fired.
        """
        if self.session.closed:
            raise RigError(
                f"Shot {self.id} is of session {self.session.path.name}, which has ended, so {verb} fired nothing. Fire with the rig: "
                "rig.shoot()"
            )

    def _fire_again(self, keys: list[str], msg_id: str, fields: dict[str, Any]) -> None:
        release = Release("shoot", ((msg_id, fields),))
        fire(self._sitting, keys, release, not_ready={}, labels=self._account.labels, again=self.id)

    def _rename_like_the_others(self, keys: list[str]) -> None:
        """Give the photos of cameras that were fired again the names they would have had together with the others."""
        exposures, state = self._account.exposures, self.session.state
        others = [one for one in exposures.values() if one.exposed and one.camera_key not in keys and one.attempt == 1]
        if not others:
            return
        model = state.photos[next(iter(others[0].photos))].info
        for exposure in (exposures[key] for key in keys if exposures[key].exposed):
            names = (self.session.label(exposure.camera_key), self.session.label(others[0].camera_key))
            for photo_key in list(exposure.photos):
                info = state.photos[photo_key].info
                name = name_like(state.options.get("FilenameExpression"), info, model, names)
                if name is not None and name != info.get("PhotoComputedName"):
                    self._rename(photo_key, name, names[0])

    def _rename(self, photo_key: str, name: str, position: str) -> None:
        state = self.session.state
        try:
            self._sitting.demand("RenamePhoto", {**photo_selection([photo_key]), "PhotoComputedName": name})
        except RigError as exc:
            warnings.warn(
                f"Shot {self.id}: {position}'s photo keeps the name {state.photos[photo_key].info.get('PhotoComputedName')}, "
                f"although the others are named like {name}: {exc}",
                RuntimeWarning,
                stacklevel=4,
            )
        else:
            self._sitting.wait_for(lambda: state.photos[photo_key].info.get("PhotoComputedName") == name, _RENAMED_S)
