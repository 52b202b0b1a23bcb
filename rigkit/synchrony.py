"""Time in one sitting: what is known, what was read from a counter in view, and lags that are used again.

Whatever is added goes into the record as a note, so a session that is opened next year says the same.
"""

from __future__ import annotations

import json
import logging
import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rigkit.account.conditions import holding
from rigkit.errors import SheetError, UnknownName, listed
from rigkit.record.columns import frame, joined
from rigkit.record.counter import check_counter, checked_readings, rows_of_file, rows_of_table, template_text
from rigkit.record.exif import exif_note, read_exif
from rigkit.record.whole import write_whole
from rigkit.timing.calibration import Calibration
from rigkit.timing.findings import REVIEW_BUDGET, findings, summary
from rigkit.timing.questions import Timing

if TYPE_CHECKING:
    import pandas as pd

    from rigkit.tables import SessionTables

__all__ = ["SessionTiming", "load_calibration"]

_logger = logging.getLogger("rigkit")

#: So many files go into one note, some 60 kB.
_FILES = 500


class SessionTiming(Timing):
    """What is known about time in a session, and what can be added to that. Get it from ``session.timing``.

    Parameters
    ----------
    session : SessionTables
        Live or re-opened.
    """

    def __init__(self, session: SessionTables) -> None:
        self._session = session
        self._version: tuple[int, ...] = ()
        self.look()

    def look(self) -> None:
        """Take in whatever was recorded since; while nothing was, what is known stays as it is."""
        session = self._session
        with session.log.guard:
            version, exposures, shots, photos = session.account_tables()
            if version == self._version:
                return
            self.__dict__.clear()  # whatever followed from the tables as they were
            self._session = session
            rows = ({**row, **self._of_camera(row["camera_key"])} for row in session.state.readings.table_rows())
            reference = frame("reference", rows)
            super().__init__(exposures, shots, photos, session.cameras, reference, self._noted_lags())
            self._looked: dict[float | None, tuple[pd.DataFrame, pd.DataFrame]] = {}
            self._version = version

    def _of_camera(self, camera_key: str) -> dict[str, Any]:
        return {"position": self._session.label(camera_key), "simulated": self._session.simulated}

    def _noted_lags(self) -> Calibration | None:
        """Read the lags that somebody said are to be used; None: nobody did, or the note can't be used."""
        noted = self._session.state.readings.lags
        try:
            return None if noted is None else Calibration.from_dict(noted)
        except ValueError as exc:  # a note that was damaged, or is of a later rigkit: the rest is still to be told
            _logger.warning("Lags noted in %s can't be used: %s", self._session.path, exc)
            return None

    # -- findings -----------------------------------------------------------------------------------------------------

    def findings(self, limit_ms: float | None = None) -> pd.DataFrame:
        """Find what is not as it should be; see ``session.findings()``."""
        return self._found(limit_ms)[0]

    def checked(self, limit_ms: float | None = None) -> pd.DataFrame:
        """Say what was looked for, the smallest effect that would have been found, and what could not be checked and why.

        Returns
        -------
        pandas.DataFrame
            Table ``checked``, index ``rule``.
        """
        return self._found(limit_ms)[1]

    def _found(self, limit_ms: float | None) -> tuple[pd.DataFrame, pd.DataFrame]:
        self.look()
        if limit_ms not in self._looked:
            session, stamps = self._session, self.best
            names = ("settings", "requests", "loss", "warnings")
            tables = {name: getattr(session, name) for name in names} | {
                "exposures": joined("exposures", self._exposures, self.exposures),
                "shots": joined("shots", self._shots, self.shots),
                "photos": session.photos,
                "cameras": self._cameras,
                "clock": self.clock,
                "lags": self.lags,
            }
            found, checked = findings(
                tables,
                self.review(limit_ms, REVIEW_BUDGET),
                quantum_ms=float("nan") if stamps is None else stamps.quantum_ms,
                evidence=None if stamps is None else stamps.evidence,
                origin=self.origin.rig,
                golden={key: holding(session.state, key) for key in session.state.cameras},
                limit_ms=limit_ms,
            )
            found.attrs["summary"] = summary(found, checked)
            self._looked[limit_ms] = found, checked
        found, checked = self._looked[limit_ms]
        return found.copy(deep=False), checked.copy(deep=False)

    # -- readings of a counter in view --------------------------------------------------------------------------------

    def reference_template(self, path: str | os.PathLike[str] | None = None, shots: list[int] | None = None) -> Path:
        """Write a sheet to enter readings into: a row for every exposure that has a photo.

        Parameters
        ----------
        path : path-like or None
            A CSV file; None: ``reference.csv`` in the session folder. One that is there is not replaced.
        shots : list of int or None
            The shots in which a counter was in view; None: all.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        FileExistsError
            There is one already, which may hold readings.
        UnknownName
            There is no such shot.
        """
        self.look()
        account = self._session.account.shots
        for shot in shots or ():
            if shot not in account:
                raise UnknownName("shot", shot, list(account))
        table = self._exposures.join(self._photos[["name"]].rename(columns={"name": "photo"}), on="photo_key")
        told = table[table["photo_key"].notna()][["position", "photo"]].astype(object).fillna("")
        rows = [
            (int(shot), str(position), str(photo))
            for (shot, _), position, photo in zip(told.index, told["position"], told["photo"], strict=True)
            if shots is None or shot in shots
        ]
        target = Path(path) if path is not None else self._session.path / "reference.csv"
        if target.exists():
            raise FileExistsError(f"{target} is there already and may hold readings: give another name")
        write_whole(target, template_text(rows).encode("utf-8-sig"))  # with a mark, so that Excel takes it for UTF-8
        return target

    def add_reference(
        self,
        readings: str | os.PathLike[str] | pd.DataFrame,
        *,
        wrap_ms: float,
        step_ms: float,
        instant: Literal["start", "middle"] = "start",
        from_trigger: bool = False,
        reader: str = "",
    ) -> pd.DataFrame:
        """Enter readings of a counter that stands in view of the cameras: the exposures themselves, at the top level of evidence.

        Parameters
        ----------
        readings : path-like or pandas.DataFrame
            A sheet from :meth:`reference_template` that was filled in, or a table with the same columns: ``shot_id``, ``camera``
            (position, name or key), ``reading_ms``, or ``lit_first_ms`` and ``lit_last_ms``. Rows without a reading are passed over.
            A later reading of a camera in a shot takes the place of an earlier one.
        wrap_ms, step_ms : float
            After what the counter starts again, and what one LED stands for. Exposures of one shot must lie within half a wrap.
        instant : {"start", "middle"}
            Which instant of the exposure is meant: its first lit LED, or the middle of the lit ones.
        from_trigger : bool
            The release starts the counter, so that readings are release latencies, too.
        reader : str
            Who read it, or which program.

        Returns
        -------
        pandas.DataFrame
            ``session.reference`` with them.

        Raises
        ------
        SheetError
            All that is wrong, by row; nothing was taken over.
        ValueError
            Another counter than that of readings which are there, or an instant there is not.
        SessionError
            The session can't be written now.
        """
        if instant not in {"start", "middle"}:
            raise ValueError(f"the instant of an exposure that is meant is 'start' or 'middle', not {instant!r}")
        wrap_ms, step_ms = _milliseconds("wrap_ms", wrap_ms), _milliseconds("step_ms", step_ms)
        if not isinstance(from_trigger, bool):
            raise ValueError(f"from_trigger is True or False, not {from_trigger!r}")
        self.look()
        source, rows = _rows_of(readings)
        check_counter(source, wrap_ms, step_ms)
        shots = {number: shot.exposures for number, shot in self._session.account.shots.items()}
        counter, there = (wrap_ms, step_ms, instant, from_trigger), self._session.state.readings.counter()
        if there is not None and there != counter:
            raise ValueError(
                f"this session has readings of another counter: wrap {there[0]:g} ms, steps of {there[1]:g} ms, {there[2]} of the "
                f"exposure{', started by the release' if there[3] else ''}; readings of two counters can't be compared"
            )
        good = checked_readings(rows, source, shots, self._named, wrap_ms, step_ms)
        self._session.write_note(
            "reference",
            readings=good,
            wrap_ms=wrap_ms,
            step_ms=step_ms,
            instant=instant,
            from_trigger=from_trigger,
            reader=str(reader),
        )
        self._warn_of_odd({(shot, key) for shot, key, *_ in good})
        return self._session.reference

    def _warn_of_odd(self, entered: set[tuple[int, str]]) -> None:
        """Warn of readings just entered that look like slips: another exposure time than the others show, or against the stamps."""
        odd = [cell for cell in self.odd_readings() if cell in entered]
        if odd:
            named = listed(f"shot {shot}, {self._labels.get(key, key)}" for shot, key in odd)
            warnings.warn(
                f"{len(odd)} of {len(entered)} readings contradict the others or the cameras' own stamps: {named}. Look at these "
                "photos again, and enter what they show; a later reading takes the place of an earlier one",
                RuntimeWarning,
                stacklevel=3,
            )

    def _named(self, camera: str) -> str:
        """Find a camera by its position, name or key."""
        found = self.keys_of(camera)
        if len(found) != 1:
            many = f" ({len(found)} have that name: use the position or the key)" if found else ""
            raise ValueError(f"there is no camera {camera}{many}")
        return found[0]

    # -- lags ---------------------------------------------------------------------------------------------------------

    def calibrate(self, path: str | os.PathLike[str] | None = None) -> Calibration:
        """Measure the lag of each camera by the readings of this session, to be used in others.

        Parameters
        ----------
        path : path-like or None
            A JSON file to keep it in, for :meth:`use_calibration`; None: not kept.

        Raises
        ------
        ValueError
            There are no readings, or they tell no lag.
        OSError
            The file can't be written.
        """
        self.look()
        if self.readings is None:
            raise ValueError(
                "lags are measured by a counter in view: add_reference() enters its readings, and there are none"
            )
        found = self.measured
        assert found is not None
        if not found.lags:
            few = next(iter(found.invalid.values()), "no camera was read")
            raise ValueError(f"the readings tell no lag: {few}")
        if path is not None:
            text = json.dumps(
                {"rigkit": "lags", "session": self._session.id, **found.as_dict()}, indent=1, allow_nan=False
            )
            write_whole(Path(path), text.encode())
        return found

    def use_calibration(self, calibration: str | os.PathLike[str] | Calibration | None) -> Calibration | None:
        """Use lags that were measured in another session, so that the cameras' own stamps tell skews.

        They hold for the bodies they were measured with: of a body that was exchanged, the lag is not known any more.

        Parameters
        ----------
        calibration : path-like, Calibration or None
            What :meth:`calibrate` gave or wrote; None: none any more.

        Returns
        -------
        Calibration or None
            As it holds for the bodies of this session; ``invalid`` names the others and says why.

        Raises
        ------
        ValueError
            Not such a file.
        SessionError
            The session can't be written now.
        """
        if calibration is None:
            self._session.write_note("calibration", lags=None)
            return None
        if not isinstance(calibration, Calibration):
            calibration = load_calibration(calibration)
        self._session.write_note("calibration", lags=calibration.as_dict())
        self.look()
        checked = calibration.checked(self._serials()).holding_for(self.source.released)
        unknown = [key for key in self._serials() if key not in checked.lags and key not in checked.invalid]
        return replace(checked, invalid={**checked.invalid, **dict.fromkeys(unknown, "its lag was never measured")})

    # -- files --------------------------------------------------------------------------------------------------------

    def read_files(self) -> int:
        """Read the times in all photo files that are here and were not read yet, and note them; headers only.

        While a session is live, this is done in the background. It is of use where a folder could not be reached then.

        Returns
        -------
        int
            How many files were read.

        Raises
        ------
        SessionError
            The session can't be written now.
        """
        self.look()
        here = (self._photos["path_state"] == "here") & self._photos["t_exif"].isna()
        wanted, state = self._photos[here & self._photos["size_bytes"].notna()], self._session.state
        read: list[dict[str, Any]] = []
        for key, path, size in zip(wanted.index, wanted["path"], wanted["size_bytes"], strict=True):
            record = state.photos.get(str(key))
            if record is None or record.exif is not None:
                continue
            read.append({"photo_key": str(key), "size": int(size), **exif_note(read_exif(path))})
        for begin in range(0, len(read), _FILES):
            self._session.write_note("exif", files=read[begin : begin + _FILES])
        return len(read)


def _milliseconds(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is a number of milliseconds, not {value!r}")
    return float(value)


def _rows_of(readings: Any) -> tuple[str, list[Any]]:
    import pandas as pd

    if isinstance(readings, pd.DataFrame):
        if "shot_id" not in readings.columns and "shot_id" not in readings.index.names:
            raise SheetError(
                "the table of readings", ("it has no column shot_id",), "See reference_template() for its columns."
            )
        return "the table of readings", rows_of_table(readings)
    path = Path(readings)
    return str(path), rows_of_file(path)


def load_calibration(path: str | os.PathLike[str]) -> Calibration:
    """Read lags that ``session.timing.calibrate(path)`` wrote.

    Raises
    ------
    ValueError
        There is no such file, or it holds something else.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such file; session.timing.calibrate({str(path)!r}) writes it") from None
    except (OSError, ValueError, RecursionError) as exc:
        raise ValueError(f"{path} can't be read as a calibration: {exc}") from None
    if not isinstance(data, dict) or data.get("rigkit") != "lags":
        raise ValueError(f"{path} holds no lags; session.timing.calibrate() writes such a file")
    try:
        return Calibration.from_dict(data)
    except ValueError as exc:
        raise ValueError(f"{path}: {exc}") from None
