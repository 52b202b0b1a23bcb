"""How a sitting begins: from an address to a link that works and a session that records."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rigkit import __version__
from rigkit.address import Address
from rigkit.errors import SessionError
from rigkit.link.child import SimulatorProcess
from rigkit.link.client import Client
from rigkit.record.folder import (
    FolderLock,
    Manifest,
    claim_folder,
    environment,
    next_folder,
    read_manifest,
    write_manifest,
)
from rigkit.record.journal import JournalWriter
from rigkit.record.log import Log
from rigkit.session import Session, read_entries
from rigkit.sitting import Sitting

__all__ = ["begin_sitting"]


def begin_sitting(
    where: Address, session: str | os.PathLike[str] | None, photos: dict[str, str], timeout: float
) -> Sitting:
    """Connect, and make or continue a session; on any failure nothing is left behind.

    Parameters
    ----------
    where : Address
        What to connect to, or to start.
    session : path-like or None
        The session folder; None: ``scans/YYYY-MM-DD[-n]``.
    photos : dict of str to str
        From folders of the application's computer to folders here.
    timeout : float
        Seconds for each step of connecting.
    """
    folder = (
        next_folder(Path("scans"), time.strftime("%Y-%m-%d")).resolve() if session is None else Path(session).resolve()
    )
    state = claim_folder(folder)
    child: SimulatorProcess | None = None
    client: Client | None = None
    try:
        if where.cameras:
            child = SimulatorProcess(_simulator_arguments(where, folder))
            where = where._replace(request=child.reqrep, publisher=child.publisher)
        client = Client(where.request, where.publisher, timeout=timeout)
        sitting = _begin(where, client, child, folder, photos, new=state == "new")
    except BaseException:
        if client is not None:
            client.close()
        if child is not None:
            child.close()
        if state == "new":
            _remove_made(folder)
        raise
    sitting.check_hearing()
    return sitting


def _remove_made(folder: Path) -> None:
    """Remove what was made for a session that did not come about, and nothing else."""
    with contextlib.suppress(OSError):
        (folder / "session.json").unlink(missing_ok=True)
    for made in ("journal", "truth"):
        shutil.rmtree(folder / made, ignore_errors=True)
    with contextlib.suppress(OSError):  # not empty: somebody put something there
        folder.rmdir()


def _begin(
    where: Address, client: Client, child: SimulatorProcess | None, folder: Path, photos: dict[str, str], *, new: bool
) -> Sitting:
    """Make or continue the session, now that the connection is known to work."""
    node: dict[str, Any] = {}
    if not client.dialect.state_on_publisher:
        nodes = client.request("Synchronise", {}).get("NodeInfo")
        node = nodes[0] if isinstance(nodes, list) and nodes and isinstance(nodes[0], dict) else {}
    simulated = child is not None or _is_simulator(node)
    lock = FolderLock(folder)
    try:
        entries, unreadable = ([], []) if new else read_entries(folder)
        manifest = Manifest() if new else read_manifest(folder)
        if not new and manifest.simulated != simulated:
            kind = "simulated" if manifest.simulated else "real"
            raise SessionError(
                folder,
                f"is a session of {kind} cameras and can't be continued with the other kind; give another folder",
            )
        manifest.address = where.text
        manifest.request_endpoint, manifest.publisher_endpoint = where.request, where.publisher
        manifest.application = str(node.get("NodeVersion", ""))
        manifest.dialect, manifest.simulated = client.dialect.name, simulated
        manifest.folder, manifest.local = str(folder), where.local
        manifest.photos = {**manifest.photos, **photos}
        manifest.rigkit_version = __version__
        for name, value in environment().items():
            setattr(manifest, name, value)
        if new:
            manifest.session_id, manifest.created_wall_ns = secrets.token_hex(4), time.time_ns()
        write_manifest(folder, manifest)
        log = Log(JournalWriter(folder / "journal", "rig"), entries)
    except BaseException:
        lock.release()
        raise
    sitting = Sitting(where.text, client, Session(folder, manifest, log, unreadable), lock, child)
    client.start(log)
    log.note("connected" if new else "resumed", address=where.text, request=where.request, publisher=where.publisher)
    if client.dialect.state_on_publisher:
        sitting.synchronise()
        if not simulated and _is_simulator(sitting.session.state.node):
            manifest.simulated = True
            write_manifest(folder, manifest)
    elif new:
        sitting.session.refresh()
    return sitting


def _is_simulator(node: Mapping[str, Any]) -> bool:
    """Whether the far end says that it is rigkit's simulator."""
    return str(node.get("NodeName", "")).startswith("rigkit simulator")


def _simulator_arguments(where: Address, folder: Path) -> list[str]:
    arguments = [
        "--cameras",
        str(where.cameras),
        "--download",
        str(folder / "photos"),
        "--root",
        str(folder),
        "--truth",
        str(folder / "truth"),
    ]
    for name, value in where.options.items():
        arguments += [f"--{name}", value]
    return arguments
