"""One shot as the record has it: what was expected, what came, what is thought of it; live or from last week."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from rigkit import display
from rigkit.account.shots import Exposure, ShotAccount
from rigkit.account.tables import exposure_rows, photo_rows
from rigkit.errors import Incomplete, RigError
from rigkit.record.columns import frame
from rigkit.record.labels import LABELS, check_labels

if TYPE_CHECKING:
    import pandas as pd

    from rigkit.session import Session
    from rigkit.timing.evidence import Estimate

__all__ = ["RecordedShot"]


class RecordedShot:
    """One shot of a session; get one from ``session.shot(3)``.

    Parameters
    ----------
    session : Session
        Live or re-opened.
    shot_id : int
        Its number within the session.
    """

    def __init__(self, session: Session, shot_id: int) -> None:
        self.session = session
        self.id = shot_id

    @property
    def _account(self) -> ShotAccount:
        self.session.refresh()
        return self.session.account.shots[self.id]

    @property
    def expected(self) -> list[str]:
        """Positions of the cameras that were expected when it was fired."""
        return [self._position(one) for one in self._account.exposures.values()]

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
        """One row per expected camera, with its skew as far as that is known; index (shot_id, camera_key)."""
        table = self.session.exposures
        return table[table.index.get_level_values("shot_id") == self.id]

    @property
    def spread(self) -> Estimate:
        """How simultaneous it was: first to last exposure, or why that is not known. ``print(shot.spread)`` is a sentence."""
        return self.session.timing.spread(self.id)

    def _accounted(self) -> pd.DataFrame:
        """Give what the account says of its exposures; what is known about time takes a look at all shots."""
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
                session.account,
                session.state,
                session.label,
                session.simulated,
                session.files.locate_all,
                account.shot_id,
            )
            return frame("photos", rows)

    @property
    def missing(self) -> pd.DataFrame:
        """Expected cameras without a photo, and why; the columns of ``exposures``. Those still waited for are not in it."""
        exposures = self._accounted()
        return exposures[exposures["status"] == "missing"]

    # -- what is thought of it ----------------------------------------------------------------------------------------

    @property
    def accepted(self) -> bool | None:
        """The operator's verdict; None: none was given."""
        return self._account.accepted

    @property
    def reason(self) -> str | None:
        """Why, in the operator's words."""
        return self._account.reason

    def accept(self, reason: str | None = None) -> Self:
        """Say that this shot is good, whatever was said of it before; also of a session that was re-opened.

        Parameters
        ----------
        reason : str or None
            Why, for the record.

        Returns
        -------
        RecordedShot
            This one.

        Raises
        ------
        SessionError
            The session was re-opened, and another rigkit writes it right now, or it can't be written.
        """
        return self._judge(True, reason)

    def reject(self, reason: str) -> Self:
        """Say that this shot is no good, and why: ``shot.reject("blinked")``; also of a session that was re-opened.

        Parameters
        ----------
        reason : str
            Why; ``session.methods()`` counts exclusions by it.

        Returns
        -------
        RecordedShot
            This one.

        Raises
        ------
        ValueError
            No reason was given.
        SessionError
            As for :meth:`accept`.
        """
        if not isinstance(reason, str) or not reason.strip():
            raise ValueError(f"Shot {self.id}: say why it is rejected: shot.reject('blinked')")
        return self._judge(False, reason)

    def _judge(self, accepted: bool, reason: str | None) -> Self:
        check_labels({"note": reason}, so="so no verdict was written")
        self.session.write_note("verdict", shot_id=self._account.shot_id, accepted=accepted, reason=reason)
        return self

    def label(self, **labels: Any) -> Self:
        """Correct the labels of this shot: ``shot.label(pose="tpose", note="was called apose")``; the old ones stay in the record.

        Parameters
        ----------
        **labels
            subject, pose, rep, note; what is not given stays as it is, None takes it away.

        Returns
        -------
        RecordedShot
            This one.

        Raises
        ------
        ValueError
            No such label, or one that can't be a label; nothing was changed.
        SessionError
            As for :meth:`accept`.
        """
        unknown = [name for name in labels if name not in LABELS]
        if unknown or not labels:
            raise ValueError(
                f"Shot {self.id}: a label is one of {', '.join(LABELS)}, not {', '.join(unknown) or 'nothing'}"
            )
        checked = check_labels(labels, self.session.manifest.subject_rule, "so nothing was changed")
        self.session.write_note("labels", shot_id=self._account.shot_id, labels=checked)
        return self

    # -- in words -----------------------------------------------------------------------------------------------------

    def check(self) -> Self:
        """Return this shot if it is complete.

        Raises
        ------
        Incomplete
            It lacks exposures.
        """
        account = self._account
        lacking = {
            self._position(one): one.cause or "still waiting" for one in account.exposures.values() if not one.exposed
        }
        if lacking or not account.exposures:
            raise Incomplete(self._line(account), lacking)
        return self

    def _line(self, account: ShotAccount) -> str:
        missing = [self._why(one) for one in account.exposures.values() if one.status == "missing"]
        pose = account.labels.get("pose")
        label = f"Shot {self.id}" + (f" {pose}" if pose else "")
        return display.summary_line(label, len(account.exposures), account.exposed, account.on_disk, missing)

    def _position(self, exposure: Exposure) -> str:
        """Say where a camera stood when it was fired; where there was no layout then, what it is called now."""
        return exposure.position or self.session.label(exposure.camera_key)

    def _why(self, exposure: Exposure) -> tuple[str, str, str | None]:
        more = "; ".join(text for text in (exposure.detail, exposure.common) if text)
        return (self._position(exposure), exposure.cause or "unknown", more or None)

    def __repr__(self) -> str:
        try:
            return self._line(self._account)
        except RigError as exc:  # a repr never raises: say what is wrong instead
            return f"Shot {self.id} ({exc})"

    def _repr_html_(self) -> str:
        return display.shot_html(self.id, self.session.accounted_shots().loc[[self.id]], self._accounted())
