"""How a sitting begins: from an address to a link that works and a session that records."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from rigkit.address import Address
from rigkit.attach import (
    WRITER,
    Notice,
    RecorderFeed,
    RecorderProcess,
    dismiss,
    recorder_in,
    recorder_of,
    same_publisher,
    void_ticket,
)
from rigkit.errors import SessionError
from rigkit.founding import Founded, check_kind, first_state, found_session, is_simulator, remove_made
from rigkit.link.child import SimulatorProcess
from rigkit.link.client import Client
from rigkit.record.folder import FolderLock, claim_folder, next_folder, write_manifest
from rigkit.record.journal import JournalWriter
from rigkit.record.log import Log
from rigkit.record.reading import LEADER
from rigkit.session import Session
from rigkit.sitting import Sitting, say

__all__ = ["begin_sitting", "first_state", "start_sitting"]


def begin_sitting(
    where: Address,
    session: str | os.PathLike[str] | None,
    photos: dict[str, str],
    timeout: float,
    *,
    recorder: bool = False,
) -> Sitting:
    """Connect, and make or continue a session; on any failure nothing is left behind.

    Parameters
    ----------
    where : Address
        What to connect to, or to start.
    session : path-like or None
        The session folder; None: that of a recorder which listens to this application already, else ``scans/YYYY-MM-DD[-n]``.
    photos : dict of str to str
        From folders of the application's computer to folders here.
    timeout : float
        Seconds for each step of connecting.
    recorder : bool
        Start a recorder, where none listens yet.
    """
    folder = _folder(where, session)
    new = claim_folder(folder) == "new"
    with contextlib.ExitStack() as undo:
        ours: list[FolderLock] = []
        if new:
            undo.callback(remove_made, folder, ours, ["truth"])  # by the simulator we start
        child: SimulatorProcess | None = None
        if where.cameras:
            child = SimulatorProcess(_simulator_arguments(where, folder))
            undo.callback(child.close)
            where = where._replace(request=child.reqrep, publisher=child.publisher)
        client = Client(where.request, where.publisher, timeout=timeout)
        undo.callback(client.close)
        node = first_state(client)
        lock = FolderLock(folder)
        undo.callback(lock.release)
        if new and (folder / "session.json").exists():
            raise SessionError(folder, "was made by another rigkit just now; give session= another folder")
        ours.append(lock)
        recording = _recorder(folder, where)
        simulated = child is not None or is_simulator(node)
        founded = found_session(folder, where, client, node, new=new, simulated=simulated, photos=photos)
        record = _session(folder, founded)
        undo.callback(record.log.close)
        sitting = Sitting(where.text, client, record, lock, child)
        undo.callback(sitting.close)
        if recording is not None or recorder:
            _follow(client, record, founded, recording, where)
        start_sitting(sitting, where, new=new)
        sitting.check_hearing()
        undo.pop_all()
    return sitting


def _folder(where: Address, session: str | os.PathLike[str] | None) -> Path:
    """Choose the session folder; a recorder that listens to this application already has chosen one."""
    found = None if where.cameras else recorder_of(where.publisher)
    if session is None and found is not None:
        say(f"A recorder listens to {where.publisher} already; its session goes on: {found.folder}")
        return found.folder
    folder = next_folder(Path("scans"), time.strftime("%Y-%m-%d")) if session is None else Path(session)
    folder = folder.resolve()
    if found is not None and found.folder.resolve() != folder:
        say(
            f"A recorder listens to {where.publisher} and writes {found.folder}. It is not used here, since session= names another "
            "folder"
        )
    return folder


def _recorder(folder: Path, where: Address) -> Notice | None:
    """Return the recorder that writes this session, if there is one; one that a notebook left, for another application, ends."""
    void_ticket(folder)
    notice = recorder_in(folder)
    if notice is not None and not same_publisher(notice.publisher, where.publisher):
        dismiss(folder, notice)
        return None
    return notice


def _session(folder: Path, founded: Founded) -> Session:
    """Begin to write; what other writers wrote before, and was read now, comes before everything that follows."""
    reading = founded.reading
    journal = JournalWriter(folder / "journal", LEADER, first=reading.next_number.get(LEADER, 0))
    session = Session(folder, founded.manifest, Log(journal, reading.entries), reading.unreadable)
    for writer, number in reading.next_number.items():
        if writer != LEADER:
            session.log.heard(writer, number, [])
    return session


def _follow(client: Client, session: Session, founded: Founded, notice: Notice | None, where: Address) -> None:
    """Hear what a recorder writes instead of listening; start it if there is none."""
    process = None
    first = founded.reading.next_number.get(WRITER, 0)
    if notice is None:
        process = RecorderProcess(session.path, where.request, where.publisher, first)
        notice = process.notice
    try:
        # The simulator that we started ends with us, and then there is nothing left to record.
        feed = RecorderFeed(notice, session.path, session.log, first, process, outlives=not where.cameras)
        client.follow(feed)  # which ends it, should anything go wrong from here on
    except BaseException:
        if process is not None:
            process.kill()
        raise
    feed.take()


def start_sitting(sitting: Sitting, where: Address, *, new: bool) -> None:
    """Begin to listen and to record."""
    session, client = sitting.session, sitting.client
    # Before anything is heard: what comes now is of another sitting than what is in the record, maybe of another boot.
    session.log.note(
        "connected" if new else "resumed", address=where.text, request=where.request, publisher=where.publisher
    )
    client.start(session.log)
    if client.dialect.state_on_publisher:
        sitting.synchronise()
        simulated = is_simulator(session.state.node)
        if session.state.node and not new:
            check_kind(session.path, session.manifest, simulated)
        elif simulated and not session.simulated:
            session.manifest.simulated = True
            write_manifest(session.path, session.manifest)
    session.refresh()


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
