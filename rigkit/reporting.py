"""What is said of a sitting as a whole, and the report that is left beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rigkit import display
from rigkit.account.conditions import holding
from rigkit.account.shots import parse_tag
from rigkit.errors import SessionError
from rigkit.record.columns import OF_A_SESSION
from rigkit.record.folder import is_owned
from rigkit.record.journal import journal_files
from rigkit.record.reading import LEADER
from rigkit.record.state import State, text_of
from rigkit.timing.evidence import CALIBRATED

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from rigkit.session import Session
    from rigkit.sessions import Sessions

__all__ = ["facts_of", "findings_of", "lags_used", "recorded_of", "shown_text", "tables_of", "write_report"]

#: So many places that can't be read are named in headings and reports; ``Session.unreadable`` has them all.
_NAMED = 20
#: Pixels per inch of the plots: sharp on a screen at the width of the page, and a report of 96 cameras is written in seconds.
_DPI = 110


def facts_of(session: Session) -> dict[str, Any]:
    """Say what a session is, for headings and reports. Whatever is shown of a session, these are the facts there are.

    Returns
    -------
    dict
        ``session_id`` (8 hex digits), ``folder`` (text), ``created`` (ISO 8601 text, UTC), ``address``, ``simulated`` (bool).

        ``rigkit_version``, ``python_version``, ``platform``: of the computer that wrote it. ``application`` (NodeVersion; None: not
        reported), ``dialect``: what was spoken to.

        ``subject``: everybody whom a shot names, else whom it was begun for; None: nobody. ``begun_for`` (empty: nobody was named),
        ``sitting`` (whole number; 0: not begun as one). ``sittings``: how many sittings of participants lie in its folder.

        ``closed`` (bool: nobody writes it), ``broke_off`` (bool: and whoever did never closed it).

        ``left_out``: shot, position, reason, for each camera left out by name. ``golden``: camera key -> property -> group of the
        golden profile that holds (empty: all cameras) and its value, of expected cameras that have any.

        ``unknown_shots``: numbers of shots that photos carry the tags of, and that the record does not know. ``bad_messages``: how many
        frames were no messages. ``unreadable_lines``: how many places of the journal can't be read, ``unreadable``: file, line (0: the
        whole file), reason, of the first twenty. ``not_on_disk``: how many messages are not in the journal, as it can't be written.
    """
    manifest, shots = session.manifest, session.account.shots.values()
    subjects = {shot.labels.get("subject") for shot in shots} - {None}
    created = datetime.fromtimestamp(manifest.created_wall_ns / 1e9, UTC)
    return {
        "session_id": session.id,
        "folder": str(session.path),
        "created": created.isoformat(timespec="seconds"),
        "closed": session.closed and not is_owned(session.path),
        "broke_off": _broke_off(session),
        "unknown_shots": _unknown_shots(session),
        "sittings": _sittings_in(session.path),
        "address": manifest.address,
        "simulated": manifest.simulated,
        "rigkit_version": manifest.rigkit_version,
        "python_version": manifest.python_version,
        "platform": manifest.platform,
        "application": text_of(session.state.node.get("NodeVersion")) or manifest.application or None,
        "dialect": manifest.dialect,
        "subject": ", ".join(sorted(map(str, subjects))) or manifest.subject or None,
        "begun_for": manifest.subject,
        "sitting": manifest.sitting,
        "left_out": [
            (shot.shot_id, session.label(key), reason) for shot in shots for key, reason in shot.excluded.items()
        ],
        "golden": _golden(session.state),
        "bad_messages": session.state.bad,
        "unreadable_lines": len(session.unreadable),
        "unreadable": [(one.file.name, one.line_no, one.why) for one in session.unreadable[:_NAMED]],
        "not_on_disk": session.log.unsaved,
    }


def _broke_off(session: Session) -> bool:
    """Whether a rig wrote this session, does so no more, and never closed it; a recorder alone has nothing to settle."""
    if not session.closed or session.manifest.closed_wall_ns or is_owned(session.path):
        return False
    return any(one.writer == LEADER for one in journal_files(session.path / "journal"))


def _golden(state: State) -> dict[str, dict[str, tuple[str, str]]]:
    """Give the golden settings of whoever should be there."""
    held = {key: holding(state, key) for key in state.members()} if state.profiles else {}
    return {key: values for key, values in held.items() if values}


def _sittings_in(folder: Path) -> int:
    """Count the sittings of participants that lie in the folder of a day."""
    return sum((path / "session.json").is_file() for path in folder.glob("*_ses-*"))


def _unknown_shots(session: Session) -> list[int]:
    """List shots that photos carry the tags of, and that the record does not know: part of it is missing."""
    tags = (parse_tag(photo.get("PhotoOrigin")) for photo in session.state.photos.values())
    return sorted({tag[1] for tag in tags if tag is not None and tag[0] == session.id} - set(session.account.shots))


def tables_of(session: Session, *, findings: bool = True) -> dict[str, pd.DataFrame]:
    """Gather the tables that reports are made of, by name: all but the events, which are many.

    Parameters
    ----------
    session : Session
        Whose.
    findings : bool
        Also what was found and what was checked. Importing scipy's tests for that takes a second.
    """
    tables: dict[str, pd.DataFrame] = {name: getattr(session, name) for name in OF_A_SESSION if name != "events"}
    if findings:
        tables |= {"findings": session.findings(), "checked": session.timing.checked()}
    return tables


def recorded_of(session: Session) -> display.Recorded:
    """Gather what is told of a session afterwards: its facts, what makes its stamps comparable, and its tables."""
    tables = tables_of(session)
    return display.Recorded(session.facts() | {"lags": lags_used(session, tables)}, tables)


def lags_used(session: Session, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Say which lags make the cameras' stamps comparable.

    Returns
    -------
    dict
        ``quantum_ms`` (float; steps of the counter, None: not known), ``n`` (two whole numbers: fewest and most shots that a lag rests
        on), ``elsewhere`` (bool: they were measured in another sitting). Empty: no stamp of this session is calibrated.
    """
    if not (tables["exposures"]["evidence"] == CALIBRATED).any():
        return {}
    calibration = session.timing.calibration
    if calibration is None or not calibration.lags:
        return {}
    shots, measured = [lag.n for lag in calibration.lags.values()], session.timing.measured
    here = {} if measured is None else measured.lags
    return {
        "quantum_ms": calibration.quantum_ms if math.isfinite(calibration.quantum_ms) else None,
        "n": (min(shots), max(shots)),
        "elsewhere": not any(here.get(key) == lag for key, lag in calibration.lags.items()),
    }


def findings_of(shown: Session | Sessions) -> pd.DataFrame:
    """Find what is not as it should be in one sitting, or in each of several; then ``session_id`` is the first level of the index.

    Every sitting has a budget of false findings of its own.
    """
    import pandas as pd

    if not isinstance(shown, Iterable):
        return shown.findings()
    return pd.concat({one.id: one.findings() for one in shown}, names=["session_id"])


def shown_text(session: Session) -> str:
    """Show a session as text for a terminal; findings are left to the report, as they would take longer than all the rest."""
    tables = tables_of(session, findings=False)  # first: what was kept at closing is not used once the journal is read
    return display.show_text(session.facts(), tables)


def write_report(session: Session) -> Path:
    """Write tables, plots and the page that shows them into the session's folder, and return the page.

    Raises
    ------
    SessionError
        They can't be written there; the record is not touched by that.
    """
    try:
        return _write(session)
    except OSError as exc:
        name = Path(exc.filename).name if exc.filename else "it"
        reason = f"its report can't be written ({name}: {exc.strerror or exc}). The record is as it was; make room, then once more"
        raise SessionError(session.path, reason) from exc


def _write(session: Session) -> Path:
    facts, tables = recorded_of(session)
    figures = _figures(tables)
    for folder in ("tables", "plots"):
        (session.path / folder).mkdir(exist_ok=True)
    for name, table in tables.items():
        table.to_csv(session.path / "tables" / f"{name}.csv")
    for name, image in figures.items():
        (session.path / "plots" / f"{name}.png").write_bytes(image)
    page = session.path / "report.html"
    page.write_text(display.report_html(facts, tables, figures), encoding="utf-8")
    return page


def _figures(tables: Mapping[str, pd.DataFrame]) -> dict[str, bytes]:
    """Draw what there is to draw, by the names of :data:`rigkit.display.CAPTIONS`."""
    from rigkit import plots

    shots, everything, cameras, lags = (tables[name] for name in ("shots", "exposures", "cameras", "lags"))
    exposures = display.counting_exposures(shots, everything)
    counting = shots[shots.index.isin(exposures.index.get_level_values("shot_id"))]
    expected = cameras[cameras["expected"].fillna(True).astype(bool)]
    # A release by somebody else has no beginning to count from.
    released = exposures[exposures["arrival_s"].notna() | (exposures["trigger"] != "external").fillna(True)]
    timed = exposures[exposures["arrival_s"].notna()]
    drawn: dict[str, Axes] = {"completeness": plots.completeness(exposures)}
    if len(timed):
        drawn["timeline"] = plots.timeline(exposures, int(timed.index.get_level_values("shot_id").max()))
    delivered = _delivered_percent(exposures)
    if delivered.lt(100).any() and lags["lag_ms"].isna().all():  # one map is enough, and a second costs a second
        drawn["map"] = plots.layout(expected, delivered, "photos delivered", "%")
    drawn |= {
        "spreads": plots.spreads(counting),
        "skews": plots.skews(exposures),
        "lateness": plots.lateness(exposures),
        "lags": plots.layout(expected, lags["lag_ms"], "lag", "ms"),
        "clocks": plots.clocks(everything, tables["clock"]),
        "arrivals": plots.arrivals(released),
        "downloads": plots.downloads(tables["photos"], cameras),
    }
    # Axes that say in words why there is nothing to draw hold no data: the page says so in words of its own.
    return {name: _picture(ax) for name, ax in drawn.items() if ax.has_data() or name == "completeness"}


def _picture(ax: Axes) -> bytes:
    """Render a figure that nobody else holds, in one pass: ``savefig`` draws twice, which takes a fifth longer."""
    from io import BytesIO

    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure, buffer = ax.get_figure(root=True), BytesIO()
    assert figure is not None
    figure.set_dpi(_DPI)
    FigureCanvasAgg(figure).print_png(buffer)  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def _delivered_percent(exposures: pd.DataFrame) -> pd.Series:
    """Say of which share of its expected exposures each camera delivered a photo, percent, by camera key."""
    there: pd.Series = exposures["status"].isin(["captured", "recovered"]).astype("float64")
    return 100 * there.groupby(level="camera_key").mean()
