"""How a session folder comes to be, or goes on: the same rules for a notebook and for a recorder."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rigkit import __version__
from rigkit.errors import SessionError
from rigkit.record.folder import (
    FolderLock,
    Manifest,
    environment,
    is_abandoned,
    read_manifest,
    write_manifest,
)
from rigkit.record.mapping import merged_mapping
from rigkit.record.reading import Reading, read_entries

if TYPE_CHECKING:
    from rigkit.address import Address
    from rigkit.link.link import Link

__all__ = ["Founded", "Whose", "check_kind", "first_state", "found_session", "is_simulator", "remove_made"]


class Founded(NamedTuple):
    """A session folder that can be written to.

    Attributes
    ----------
    manifest : Manifest
        As it is on disk now.
    reading : Reading
        What its journal holds; nothing, of a new one.
    """

    manifest: Manifest
    reading: Reading


class Whose(NamedTuple):
    """Whose sitting a session is.

    Attributes
    ----------
    subject : str
        The participant's code.
    sitting : int
        Which sitting of theirs, from 1.
    rule : str
        Regular expression that subjects must match; empty: none.
    """

    subject: str
    sitting: int
    rule: str


def first_state(client: Link) -> dict[str, Any]:
    """Ask for everything, and return the application's node; empty where the state comes on the publisher."""
    if client.dialect.state_on_publisher:
        return {}
    nodes = client.request("Synchronise", {}).get("NodeInfo")
    return nodes[0] if isinstance(nodes, list) and nodes and isinstance(nodes[0], dict) else {}


def is_simulator(node: Mapping[str, Any]) -> bool:
    """Whether the far end says that it is rigkit's simulator."""
    return str(node.get("NodeName", "")).startswith("rigkit simulator")


def _read_whole(folder: Path) -> Reading:
    """Read the journal of a session that goes on.

    Raises
    ------
    SessionError
        A file of it can't be opened: the numbers of its lines would be given out once more.
    """
    reading = read_entries(folder)
    closed = [one for one in reading.unreadable if one.why.startswith("can't be opened")]
    if closed:
        raise SessionError(
            folder, f"{closed[0].file.name} of its journal {closed[0].why}. Make it readable to go on with this session"
        )
    return reading


def found_session(
    folder: Path,
    where: Address,
    client: Link,
    node: Mapping[str, Any],
    *,
    new: bool,
    simulated: bool,
    photos: Mapping[str, str] | None = None,
    whose: Whose | None = None,
) -> Founded:
    """Make a session, or read the one that goes on; its manifest says what it is connected to now.

    Parameters
    ----------
    folder : Path
        The session folder, locked by the caller.
    where : Address
        With both endpoints.
    client : Link
        The connection.
    node : mapping
        What the application said of itself.
    new : bool
        There is no session yet.
    simulated : bool
        The far end is rigkit's own simulator.
    photos : mapping of str to str, or None
        From folders of the application's computer to folders here.
    whose : Whose or None
        Whose sitting a new session is; None: nobody's.

    Raises
    ------
    SessionError
        The session is one of the other kind, real or simulated, or can't be read.
    """
    reading = Reading([], [], {}) if new else _read_whole(folder)
    manifest = Manifest() if new else read_manifest(folder)
    if not new and client.dialect.state_on_publisher:
        simulated = manifest.simulated  # until its events tell
    if not new:
        check_kind(folder, manifest, simulated)
    manifest.address = where.text
    manifest.closed_wall_ns = 0
    manifest.request_endpoint, manifest.publisher_endpoint = where.request, where.publisher
    manifest.application = str(node.get("NodeVersion", ""))
    manifest.dialect, manifest.simulated = client.dialect.name, simulated
    manifest.folder, manifest.local = str(folder), where.local
    manifest.photos = merged_mapping(manifest.photos, photos or {})
    manifest.rigkit_version = __version__
    for name, value in environment().items():
        setattr(manifest, name, value)
    if new:
        manifest.session_id, manifest.created_wall_ns = secrets.token_hex(4), time.time_ns()
    if whose is not None:
        manifest.subject, manifest.sitting, manifest.subject_rule = whose
    write_manifest(folder, manifest)
    return Founded(manifest, reading)


def check_kind(folder: Path, manifest: Manifest, simulated: bool) -> None:
    """Refuse to go on with a session of real cameras with simulated ones, and the other way round.

    Raises
    ------
    SessionError
        The session is of the other kind.
    """
    if manifest.simulated != simulated:
        kind = "simulated" if manifest.simulated else "real"
        raise SessionError(
            folder, f"is a session of {kind} cameras and can't be continued with the other kind; give another folder"
        )


def remove_made(folder: Path, ours: list[FolderLock], names: Iterable[str] = ()) -> None:
    """Remove what was made for a session that did not come about, and nothing else.

    Parameters
    ----------
    folder : Path
        The session folder, which was absent or empty.
    ours : list of FolderLock
        Not empty: the folder was ours.
    names : iterable of str
        Folders in it that somebody we started has made.
    """
    made = list(names)
    if ours:
        made.append("journal")
        with contextlib.suppress(OSError):
            (folder / "session.json").unlink(missing_ok=True)
    elif (folder / "journal").exists():
        if not is_abandoned(folder):  # somebody else's
            return
        made.append("journal")  # ours, interrupted before it was said to be
    for name in made:
        shutil.rmtree(folder / name, ignore_errors=True)
    with contextlib.suppress(OSError):  # not empty: somebody put something there
        folder.rmdir()
