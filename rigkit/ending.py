"""How a link and its session are let go of: everything that is engaged, and nothing left half done."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any

from rigkit.errors import RigError
from rigkit.link.child import SimulatorProcess
from rigkit.link.link import Link
from rigkit.record.folder import FolderLock
from rigkit.record.log import Log
from rigkit.record.packing import pack_journal
from rigkit.session import Session

__all__ = ["Held", "close_link", "settle"]

#: A request that lets go of something.
Held = tuple[str, dict[str, Any]]


def settle(session: Session, *, keep: bool) -> None:
    """Bring the tables of a session that has ended up to date, and keep them for when it is opened again."""
    session.closed = True
    session.refresh()
    # Not for a script that never looked at a table: importing pandas takes longer than all the rest of closing.
    if keep and session.account.shots and "pandas" in sys.modules:
        session.keep_tables()


def close_link(
    client: Link, child: SimulatorProcess | None, log: Log, folder: Path, lock: FolderLock | None, held: list[Held]
) -> None:
    """Let go of what is engaged, then close the link, the simulator we started and the journal, and give up the folder."""
    # Each of these is done even if one before it fails or is interrupted: a lock that stays would outlive the Rig.
    with contextlib.ExitStack() as steps:
        if lock is not None:
            steps.callback(lock.release)
            steps.callback(pack_journal, folder / "journal", "rig")  # only whoever owns the folder may
        steps.callback(log.close)
        if child is not None:
            steps.callback(child.close)
        steps.callback(client.close)
        for msg_id, fields in held:
            with contextlib.suppress(RigError):
                client.request(msg_id, fields, timeout=1.0)
        held.clear()
