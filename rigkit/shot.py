"""One release of the shutters and its account, as the user holds it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal

from rigkit import display
from rigkit.account.naming import name_like
from rigkit.account.shots import Exposure, ShotAccount
from rigkit.account.tables import exposure_rows, photo_rows
from rigkit.errors import Incomplete, NotReady, RigError, listed
from rigkit.record.columns import frame
from rigkit.release import Release, fire
from rigkit.sitting import Sitting
from rigkit.wire.selection import photo_selection, selection

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Shot"]

Until = Literal["exposed", "files"]
#: How long the news of a new name may take, s.
_RENAMED_S = 2.0


class Shot:
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
        self._sitting = sitting
        self.session = sitting.session
        self.id = shot_id

    @property
    def _account(self) -> ShotAccount:
        self.session.refresh()
        return self.session.account.shots[self.id]

    @property
    def expected(self) -> list[str]:
        """Positions of the cameras that were expected when it was fired."""
        return [self.session.label(key) for key in self._account.exposures]

    @property
    def ok(self) -> bool:
        """Every expected camera has exposed (not: every file is here; see ``wait("files")``)."""
        return self._account.complete

    @property
    def done(self) -> bool:
        """Nothing is left to wait for: every expected camera has its file on disk, or is accounted for."""
        return self._account.done(files=True)

    @property
    def n_exposed(self) -> int:
        """How many of the expected cameras have a photo."""
        return self._account.exposed

    @property
    def n_on_disk(self) -> int:
        """How many of the expected cameras have all their files on the application's disk."""
        return self._account.on_disk

    @property
    def exposures(self) -> pd.DataFrame:
        """One row per expected camera, index (shot_id, camera_key)."""
        account = self._account
        with self.session.log.guard:
            session = self.session
            return frame(
                "exposures",
                exposure_rows(session.account, session.state, session.label, session.simulated, account.shot_id),
            )

    @property
    def photos(self) -> pd.DataFrame:
        """One row per photo of this shot, index photo_key."""
        account = self._account
        with self.session.log.guard:
            session = self.session
            rows = photo_rows(
                session.account, session.state, session.label, session.simulated, session.locate, account.shot_id
            )
            return frame("photos", rows)

    @property
    def missing(self) -> pd.DataFrame:
        """Expected cameras without a photo, and why; the columns of ``exposures``. Those still waited for are not in it."""
        exposures = self.exposures
        return exposures[exposures["status"] == "missing"]

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
        self._sitting.wait_for(
            lambda: shots[self.id].done(files), timeout, files=files, needs=lambda: shots[self.id].outstanding(files)
        )
        if shots[self.id].done(files):
            self._sitting.make_up()
            self.session.log.sync()
        return self

    def reshoot(self, *, wait: Until | None = "exposed", timeout: float | None = None, sure: bool = False) -> Shot:
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
        self._demand_ready([*keys, *(one.camera_key for one in without_file)])
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

    def _demand_ready(self, keys: list[str]) -> None:
        cameras = self.session.state.cameras
        states = {key: cameras[key].status if key in cameras else "Absent" for key in keys}
        not_ready = {self.session.label(key): status for key, status in states.items() if status != "Ready"}
        if not_ready:
            raise NotReady(not_ready, 0.0, "Bring them back (rig.connect_cameras()), then reshoot again")

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

    def check(self) -> Shot:
        """Return this shot if it is complete.

        Raises
        ------
        Incomplete
            It lacks exposures.
        """
        account = self._account
        lacking = {
            self.session.label(one.camera_key): one.cause or "still waiting"
            for one in account.exposures.values()
            if not one.exposed
        }
        if lacking or not account.exposures:
            raise Incomplete(self._line(account), lacking)
        return self

    def _line(self, account: ShotAccount) -> str:
        missing = [self._why(one) for one in account.exposures.values() if one.status == "missing"]
        pose = account.labels.get("pose")
        label = f"Shot {self.id}" + (f" {pose}" if pose else "")
        return display.summary_line(label, len(account.exposures), account.exposed, account.on_disk, missing)

    def _why(self, exposure: Exposure) -> tuple[str, str, str | None]:
        more = "; ".join(text for text in (exposure.detail, exposure.common) if text)
        return (self.session.label(exposure.camera_key), exposure.cause or "unknown", more or None)

    def __repr__(self) -> str:
        try:
            return self._line(self._account)
        except RigError as exc:  # a repr never raises: say what is wrong instead
            return f"Shot {self.id} ({exc})"

    def _repr_html_(self) -> str:
        return display.shot_html(self.id, self.session.shots.loc[[self.id]], self.exposures)
