"""Whose photos, in the application's own words: subject and take go into its options, which file names are made of.

Sources: SetOptions and OptionsUpdated (PhotoSessionName, PhotoSessionNum, UniqueTag); the file name policy's [N], [I] and [U].
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from rigkit.errors import Refused, RigError
from rigkit.record.labels import file_tag, file_text
from rigkit.sitting import Sitting

__all__ = ["name_files", "options_of", "set_options"]

#: How long the echo of changed options may take before the state is asked for, s.
_ECHO_S = 1.0


def set_options(sitting: Sitting, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Change options of the application and read back what it made of them.

    Parameters
    ----------
    sitting : Sitting
        The connection.
    wanted : mapping
        By the names of the wire (SetOptions).

    Returns
    -------
    dict
        The same names, and their values as reported afterwards; None: not reported.

    Raises
    ------
    Refused
        The application said no; nothing was changed.
    NoReply
        Nobody answered.
    """
    sitting.demand("SetOptions", wanted)
    options = sitting.session.state.options

    def arrived() -> bool:
        return all(options.get(name) == value for name, value in wanted.items())

    told = sitting.client.dialect.knows("OptionsUpdated")  # 3.x tells of options in its state alone
    if not (told and sitting.wait_for(arrived, _ECHO_S)):
        sitting.synchronise()
    if not (told or arrived()):  # that state may have been on its way before the change
        sitting.synchronise()
    return {name: options.get(name) for name in wanted}


def options_of(sitting: Sitting, labels: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that say whose the photos of a shot are: by the names of the wire.

    Parameters
    ----------
    sitting : Sitting
        One that was begun for a subject.
    labels : mapping
        Of the shot.
    """
    manifest = sitting.session.manifest
    return {
        "PhotoSessionName": file_text(labels.get("subject") or "") or file_text(manifest.subject),
        "PhotoSessionNum": manifest.sitting,
        "UniqueTag": file_tag(labels.get("pose"), labels.get("rep")),
    }


def name_files(sitting: Sitting, labels: Mapping[str, Any], stacklevel: int = 4) -> None:
    """Tell the application whose the next photos are, in a sitting that was begun for a subject; else do nothing.

    Only what is not so already is set. Where the application does not take it, there is a warning, and it is not asked again for
    as long as the session lasts: the tables are right all the same, the file names are not.

    Parameters
    ----------
    sitting : Sitting
        The connection.
    labels : mapping
        Of the next shot.
    stacklevel : int
        Whose line a warning names, from here: that of the user.
    """
    if not sitting.session.manifest.subject:
        return
    options, ignored = sitting.session.state.options, sitting.session.ignored_options
    wanted = {
        name: value
        for name, value in options_of(sitting, labels).items()
        if options.get(name) != value and sitting.knows_field(name) and name not in ignored
    }
    if not wanted:
        return
    try:
        got = set_options(sitting, wanted)
    except RigError as exc:
        if isinstance(exc, Refused):
            ignored.update(wanted)
        trouble = str(exc)
    else:
        different = [name for name, value in got.items() if value != wanted[name]]
        if not different:
            return
        ignored.update(different)
        trouble = "; ".join(f"{name} is {got[name]!r} instead of {wanted[name]!r}" for name in different)
    warnings.warn(
        f"the application's file names may not say whose photos come now: {trouble}. The tables do",
        RuntimeWarning,
        stacklevel=stacklevel,
    )
