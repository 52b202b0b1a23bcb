"""How a sitting begins: from an address to a link that works and a session that records."""

from __future__ import annotations

import contextlib
import os
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rigkit.account.silence import card_only
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
from rigkit.errors import SessionError, listed
from rigkit.files import BackgroundSums
from rigkit.founding import Founded, Whose, check_kind, first_state, found_session, is_simulator, remove_made
from rigkit.link.child import SimulatorProcess
from rigkit.link.client import Client
from rigkit.record.folder import FolderLock, claim_folder, next_folder, read_manifest, write_manifest
from rigkit.record.journal import JournalWriter
from rigkit.record.log import Log
from rigkit.record.reading import LEADER, in_order
from rigkit.session import Session
from rigkit.sitting import Sitting, say

__all__ = ["begin_sitting", "first_state", "next_sitting", "start_sitting"]


#: What the last shots of a sitting wait for is waited for so long before it ends, and before that is said, s.
_ENDING_S, _PATIENCE_S = 60.0, 1.0


def begin_sitting(
    where: Address,
    session: str | os.PathLike[str] | None,
    photos: dict[str, str],
    timeout: float,
    *,
    recorder: bool = False,
    whose: Whose | None = None,
    lasting: Iterable[tuple[str, dict[str, Any]]] = (),
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
    whose : Whose or None
        Whose sitting it is, if somebody's.
    lasting : iterable of (str, dict)
        Notes that hold from the sitting before: its record begins with them.
    """
    folder = _folder(where, session)
    new = claim_folder(folder) == "new"
    with contextlib.ExitStack() as undo:
        ours: list[FolderLock] = []
        if new:
            undo.callback(remove_made, folder, ours, ["truth"])  # by the simulator we start
        child: SimulatorProcess | None = None
        if where.cameras:
            child = SimulatorProcess(_simulator_arguments(where, folder, new=new))
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
        founded = found_session(folder, where, client, node, new=new, simulated=simulated, photos=photos, whose=whose)
        record = _session(folder, founded)
        undo.callback(record.log.close)
        sitting = Sitting(where.text, client, record, lock, child, recorder=recorder)
        undo.callback(sitting.close)
        if recording is not None or recorder:
            _follow(client, record, founded, recording, where)
        for kind, fields in lasting:
            record.log.note(kind, **fields)
        start_sitting(sitting, where, new=new)
        sitting.check_hearing()
        record.sums = BackgroundSums(record)
        undo.pop_all()
    return sitting


def next_sitting(sitting: Sitting, whose: Whose, folder: Path) -> None:
    """End a sitting, and go on over the same link with another session; on any failure the sitting goes on as it was.

    Both are connected for a moment, so that nothing that is said in between is lost.

    Parameters
    ----------
    sitting : Sitting
        The sitting; every Rig of it goes on with the new session.
    whose : Whose
        Whose sitting comes now.
    folder : Path
        The session folder, new or to be continued.
    """
    client, before = sitting.client, sitting.session
    new = claim_folder(folder) == "new"
    _see_through(sitting)
    where = Address(sitting.address, client.request_endpoint, client.publisher_endpoint)
    photos = dict(before.manifest.photos)
    lasting = before.state.lasting()
    after = begin_sitting(
        where, folder, photos, client.timeout, recorder=sitting.recorder, whose=whose, lasting=lasting
    )
    try:
        if sitting.child is not None:  # a real application's files stay where they are
            after.request("SetOptions", {"DownloadPath": str(after.session.path / "photos")})
    except BaseException:
        after.close()
        if new and after.lock is not None:
            remove_made(folder, [after.lock])
        raise
    sitting.become(after)


def _see_through(sitting: Sitting) -> None:
    """Wait for what the last shots of a sitting still wait for: what is heard of them later is in no record of theirs."""
    account, state = sitting.session.account, sitting.session.state

    def waiting() -> dict[int, int]:
        left = {
            shot.shot_id: sum(
                one.status == "waiting" or not (one.settled or card_only(state, one)) for one in shot.exposures.values()
            )
            for shot in account.open_shots()
        }
        return {shot_id: cameras for shot_id, cameras in left.items() if cameras}

    if not sitting.wait_for(lambda: not waiting(), _PATIENCE_S):
        say(f"Waiting for what is still to come of {_listed_shots(waiting())}, {_ENDING_S:g} s at most …")
        sitting.wait_for(lambda: not waiting(), _ENDING_S)
    left = waiting()
    if left:
        warnings.warn(
            f"{sitting.session.path.name} ends while {_listed_shots(left)} is not on disk; its record will not say what comes of that",
            RuntimeWarning,
            stacklevel=4,
        )


def _listed_shots(left: dict[int, int]) -> str:
    return listed(f"shot {shot_id} ({cameras} cameras)" for shot_id, cameras in left.items())


def _folder(where: Address, session: str | os.PathLike[str] | None) -> Path:
    """Choose the session folder; a recorder that listens to this application already has chosen one."""
    found = None if where.cameras else recorder_of(where.publisher)
    if session is None and found is not None:
        say(f"A recorder listens to {where.publisher} already; its session goes on: {found.folder}")
        return found.folder
    folder = next_folder(Path("scans"), time.strftime("%Y-%m-%d")) if session is None else Path(session)
    folder = folder.resolve()
    if found is not None and found.folder.resolve() != folder and found.notice.starter == "hand":
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
    for writer in in_order(reading.next_number):
        if writer != LEADER:
            session.log.heard(writer, reading.next_number[writer], [])
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
    session.refresh()
    known = set(session.state.cameras)
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
    _doubt_another_rig(session, known)


def _doubt_another_rig(session: Session, known: set[str]) -> None:
    """Warn if a session goes on with not one of the cameras it knew: that is hardly the same rig."""
    there = {key for key, camera in session.state.cameras.items() if camera.status != "Absent"}
    if known and there and not known & there:
        warnings.warn(
            f"session {session.path} goes on with another rig: not one of its {len(known)} cameras is here. If that is wrong, close "
            "this Rig and give session= another folder; what was recorded is kept",
            RuntimeWarning,
            stacklevel=5,
        )


def _simulator_arguments(where: Address, folder: Path, *, new: bool) -> list[str]:
    # Where sittings of participants will put their photos: inside the day's folder, or beside a sitting that goes on.
    inside = folder if new or not read_manifest(folder).subject else folder.parent
    arguments = [
        "--cameras",
        str(where.cameras),
        "--download",
        str(folder / "photos"),
        "--root",
        str(inside),
        "--truth",
        str(folder / "truth"),
    ]
    for name, value in where.options.items():
        arguments += [f"--{name}", value]
    return arguments
