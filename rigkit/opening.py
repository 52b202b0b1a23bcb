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
    new = claim_folder(folder) == "new"
    with contextlib.ExitStack() as undo:
        ours: list[FolderLock] = []
        if new:
            undo.callback(_remove_made, folder, ours)
        child: SimulatorProcess | None = None
        if where.cameras:
            child = SimulatorProcess(_simulator_arguments(where, folder))
            undo.callback(child.close)
            where = where._replace(request=child.reqrep, publisher=child.publisher)
        client = Client(where.request, where.publisher, timeout=timeout)
        undo.callback(client.close)
        node = _first_state(client)
        lock = FolderLock(folder)
        undo.callback(lock.release)
        if new and (folder / "session.json").exists():
            raise SessionError(folder, "was made by another rigkit just now; give session= another folder")
        ours.append(lock)
        simulated = child is not None or _is_simulator(node)
        record = _session(where, client, node, folder, photos, new=new, simulated=simulated)
        undo.callback(record.log.close)
        sitting = Sitting(where.text, client, record, lock, child)
        undo.callback(sitting.close)
        _start(sitting, where, new=new)
        sitting.check_hearing()
        undo.pop_all()
    return sitting


def _remove_made(folder: Path, ours: list[FolderLock]) -> None:
    """Remove what was made for a session that did not come about, and nothing else."""
    made = ["truth"]  # by the simulator we started
    if ours:
        made.append("journal")
        with contextlib.suppress(OSError):
            (folder / "session.json").unlink(missing_ok=True)
    elif (folder / "journal").exists():  # somebody else's
        return
    for name in made:
        shutil.rmtree(folder / name, ignore_errors=True)
    with contextlib.suppress(OSError):  # not empty: somebody put something there
        folder.rmdir()


def _first_state(client: Client) -> dict[str, Any]:
    """Ask for everything, and return the application's node; empty where the state comes on the publisher."""
    if client.dialect.state_on_publisher:
        return {}
    nodes = client.request("Synchronise", {}).get("NodeInfo")
    return nodes[0] if isinstance(nodes, list) and nodes and isinstance(nodes[0], dict) else {}


def _session(
    where: Address,
    client: Client,
    node: Mapping[str, Any],
    folder: Path,
    photos: dict[str, str],
    *,
    new: bool,
    simulated: bool,
) -> Session:
    """Make a session, or read the one that goes on; its manifest says what it is connected to now."""
    entries, unreadable = ([], []) if new else read_entries(folder)
    manifest = Manifest() if new else read_manifest(folder)
    if not new and manifest.simulated != simulated:
        kind = "simulated" if manifest.simulated else "real"
        raise SessionError(
            folder, f"is a session of {kind} cameras and can't be continued with the other kind; give another folder"
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
    return Session(folder, manifest, Log(JournalWriter(folder / "journal", "rig"), entries), unreadable)


def _start(sitting: Sitting, where: Address, *, new: bool) -> None:
    """Begin to listen and to record."""
    session, client = sitting.session, sitting.client
    client.start(session.log)
    session.log.note(
        "connected" if new else "resumed", address=where.text, request=where.request, publisher=where.publisher
    )
    if client.dialect.state_on_publisher:
        sitting.synchronise()
        if not session.simulated and _is_simulator(session.state.node):
            session.manifest.simulated = True
            write_manifest(session.path, session.manifest)
    session.refresh()


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
