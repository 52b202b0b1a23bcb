"""How a link and its session are let go of: everything that is engaged, and nothing left half done."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

from rigkit.account.fold import EARLY, EARLY_FILE
from rigkit.errors import RigError
from rigkit.link.child import SimulatorProcess
from rigkit.link.link import Link
from rigkit.record.folder import FolderLock, write_manifest
from rigkit.record.packing import pack_journal
from rigkit.record.reading import LEADER
from rigkit.session import Session

__all__ = ["Held", "close_link", "settle", "wind_up"]

#: A request that lets go of something.
Held = tuple[str, dict[str, Any]]


def settle(session: Session, *, keep: bool) -> None:
    """Bring the tables of a session that has ended up to date, and keep them for when it is opened again."""
    session.closed = True
    session.refresh()
    # Not for a script that never looked at a table: importing pandas takes longer than all the rest of closing.
    if keep and session.account.shots and "pandas" in sys.modules:
        session.keep_tables()


def wind_up(session: Session) -> None:
    """Finish what a session that is being closed has begun: the checksums of files that are here, and the account.

    Which exposures and files were still waited for is written down; going on with the session revives them.
    """
    if session.sums is not None:
        session.sums.finish()
    session.refresh()
    for shot in session.account.open_shots():
        causes = {one.camera_key: (EARLY, "") for one in shot.exposures.values() if one.status == "waiting"}
        causes |= {
            one.camera_key: ("pending", EARLY_FILE)
            for one in shot.exposures.values()
            if one.exposed and not one.settled
        }
        if causes:
            session.log.note("decided", shot_id=shot.shot_id, causes=causes)
    session.refresh()


def _seal(session: Session) -> None:
    """Note in the manifest that the session was closed, and how far its journal goes."""
    manifest, log = session.manifest, session.log
    if log.ended_at is None or log.unsaved:
        return
    manifest.closed_wall_ns, manifest.lines = log.clock.time_ns(), log.ended_at
    manifest.shots = max(session.account.shots, default=0)
    with contextlib.suppress(OSError):  # it then counts as not closed, which is true of what is on the disk
        write_manifest(session.path, manifest)


def close_link(
    client: Link, child: SimulatorProcess | None, session: Session, lock: FolderLock | None, held: list[Held]
) -> None:
    """Let go of what is engaged, then close the link, the simulator we started and the journal, and give up the folder."""
    log, journal = session.log, session.path / "journal"
    # Each of these is done even if one before it fails or is interrupted: a lock that stays would outlive the Rig.
    with contextlib.ExitStack() as steps:
        if lock is not None:
            steps.callback(lock.release)
            steps.callback(pack_journal, journal, LEADER)  # only whoever owns the folder may
            steps.callback(_seal, session)
        steps.callback(log.close)
        if child is not None:
            steps.callback(child.close)
        steps.callback(client.close)
        for msg_id, fields in held:
            with contextlib.suppress(RigError):
                client.request(msg_id, fields, timeout=1.0)
        held.clear()
