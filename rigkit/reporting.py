"""What is said of a sitting as a whole, and the report that is left beside it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rigkit import display
from rigkit.account.shots import parse_tag
from rigkit.errors import SessionError
from rigkit.record.folder import is_owned
from rigkit.record.state import text_of

if TYPE_CHECKING:
    import pandas as pd

    from rigkit.session import Session

__all__ = ["facts_of", "tables_of", "write_report"]

#: So many places that can't be read are named in headings and reports; ``Session.unreadable`` has them all.
_NAMED = 20
_TABLES = ("cameras", "settings", "shots", "exposures", "photos", "requests", "loss", "warnings")


def facts_of(session: Session) -> dict[str, Any]:
    """Say what a session is, for headings and reports: see ``rigkit.display.report_html``."""
    manifest, shots = session.manifest, session.account.shots.values()
    subjects = {shot.labels.get("subject") for shot in shots} - {None}
    created = datetime.fromtimestamp(manifest.created_wall_ns / 1e9, UTC)
    return {
        "session_id": session.id,
        "folder": str(session.path),
        "created": created.isoformat(timespec="seconds"),
        "closed": session.closed and not is_owned(session.path),
        "broke_off": session.closed and not is_owned(session.path) and not manifest.closed_wall_ns,
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
        "bad_messages": session.state.bad,
        "unreadable_lines": len(session.unreadable),
        "unreadable": [(one.file.name, one.line_no, one.why) for one in session.unreadable[:_NAMED]],
        "not_on_disk": session.log.unsaved,
    }


def _sittings_in(folder: Path) -> int:
    """Count the sittings of participants that lie in the folder of a day."""
    return sum((path / "session.json").is_file() for path in folder.glob("*_ses-*"))


def _unknown_shots(session: Session) -> list[int]:
    """List shots that photos carry the tags of, and that the record does not know: part of it is missing."""
    tags = (parse_tag(photo.get("PhotoOrigin")) for photo in session.state.photos.values())
    return sorted({tag[1] for tag in tags if tag is not None and tag[0] == session.id} - set(session.account.shots))


def tables_of(session: Session) -> dict[str, pd.DataFrame]:
    """Gather the tables that reports are made of, by name; all but the events, which are many."""
    return {name: getattr(session, name) for name in _TABLES}


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
    from rigkit import plots

    tables = tables_of(session)
    exposures = display.counting_exposures(tables["shots"], tables["exposures"])
    figures = {"completeness": plots.png(plots.completeness(exposures))}
    timed = exposures[exposures["arrival_s"].notna()]  # a release by somebody else has no beginning to count from
    if len(timed):
        last_shot = int(timed.index.get_level_values("shot_id").max())
        figures["timeline"] = plots.png(plots.timeline(exposures, last_shot))
    for folder in ("tables", "plots"):
        (session.path / folder).mkdir(exist_ok=True)
    for name, table in tables.items():
        table.to_csv(session.path / "tables" / f"{name}.csv")
    for name, image in figures.items():
        (session.path / "plots" / f"{name}.png").write_bytes(image)
    page = session.path / "report.html"
    page.write_text(display.report_html(session.facts(), tables, figures), encoding="utf-8")
    return page
