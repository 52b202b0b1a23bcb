"""What shots and sittings may be called: checked before anything is fired or made, so that nothing has to be mended later.

Labels are free text in the tables. The subject of a sitting is also the name of its folder and, in the application, part of the
file names; codes keep people's names out of both.
"""

from __future__ import annotations

import contextlib
import re
import unicodedata
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = [
    "LABELS",
    "check_labels",
    "check_number",
    "check_subject",
    "file_tag",
    "file_text",
    "looks_like_code",
    "next_number",
    "sitting_name",
]

#: The labels of a shot, in the order of the tables.
LABELS = ("subject", "pose", "rep", "note")
#: A label of one line: longer ones are no names any more, and every table and plot repeats them.
_LINE = 200
#: Notes are for sentences; a journal line still has to be read by people.
_NOTE = 20_000
#: What a participant's code looks like, unless a rule says otherwise: letters and digits, at least one digit, no blanks.
_CODE = re.compile(r"(?=.*[0-9])[A-Za-z0-9]+(?:[-_.][A-Za-z0-9]+)*")
#: Control characters, halves of UTF-16 pairs, line and paragraph separators.
_ODD = frozenset({"Cc", "Cs", "Zl", "Zp"})
#: What every file system takes in a folder's name; Windows takes neither a colon nor a dot at the end.
_SAFE = re.compile(r"\w(?:[\w .-]{0,62}[\w-])?")
_RESERVED = re.compile(r"(?:CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])(?:\..*)?", re.IGNORECASE)
_UNSAFE = re.compile(r"[^\w.-]+")


def check_labels(labels: Mapping[str, Any], rule: str = "", so: str = "so nothing was fired") -> dict[str, Any]:
    """Check the labels of a shot.

    Parameters
    ----------
    labels : mapping
        ``subject``, ``pose``, ``rep``, ``note``; None: not given.
    rule : str
        Regular expression that every subject must match as a whole; empty: none.
    so : str
        How the error goes on.

    Returns
    -------
    dict
        The same, with whole numbers as int.

    Raises
    ------
    ValueError
        One of them can't be a label.
    """
    checked = dict(labels)
    for name in ("subject", "pose"):
        if labels.get(name) is not None:
            _check_text(name, labels[name], _LINE, so, one_line=True)
    if labels.get("note") is not None:
        _check_text("note", labels["note"], _NOTE, so, one_line=False)
    rep = labels.get("rep")
    if rep is not None:
        try:
            whole = int(rep)
        except (TypeError, ValueError, OverflowError):
            whole = None
        if whole is None or isinstance(rep, bool | str) or whole != rep or not -(2**31) <= whole < 2**31:
            raise ValueError(f"rep is a whole number, not {rep!r:.80}, {so}")
        checked["rep"] = whole
    if rule and checked.get("subject") is not None:
        _check_rule(checked["subject"], rule, so)
    return checked


def _check_text(name: str, text: Any, most: int, so: str, *, one_line: bool) -> None:
    if not isinstance(text, str):
        raise ValueError(f"{name} is a text, not {text!r:.80}, {so}")
    if len(text) > most:
        raise ValueError(f"{name} has {len(text)} characters, and {most} is all it may have, {so}: {text[:40]!r}…")
    allowed = "" if one_line else "\n\r\t"
    odd = next((char for char in text if unicodedata.category(char) in _ODD and char not in allowed), None)
    if odd is not None:
        hint = " A note (note=...) may have several lines" if one_line and odd in "\n\r" else ""
        raise ValueError(f"{name} {text[:40]!r} holds {odd!r}, which no table can show, {so}.{hint}")


def _check_rule(subject: str, rule: str, so: str) -> None:
    try:
        fits = re.fullmatch(rule, subject) is not None
    except re.error as exc:
        raise ValueError(f"the rule for subjects, {rule!r}, is no regular expression ({exc}), {so}") from None
    if not fits:
        raise ValueError(
            f"subject {subject!r} does not follow the rule of this study ({rule}), {so}. Use the participant's code"
        )


def looks_like_code(subject: str) -> bool:
    """Whether a subject looks like a participant's code rather than a name: it has a digit and no blanks."""
    return _CODE.fullmatch(subject) is not None


def check_subject(subject: str, rule: str = "") -> None:
    """Check the subject of a sitting, which becomes a folder's name.

    Parameters
    ----------
    subject : str
        A participant's code.
    rule : str
        Regular expression it must match as a whole; empty: whatever can be a folder's name, with a warning where it looks like
        a person's name.

    Raises
    ------
    ValueError
        It can't be one, or breaks the rule.
    """
    so = "so no sitting was begun"
    check_labels({"subject": subject}, rule, so)
    if not subject:
        raise ValueError(f"a sitting needs a subject, {so}: rig.begin('P017')")
    if not _SAFE.fullmatch(subject) or _RESERVED.fullmatch(subject):
        raise ValueError(
            f"subject {subject!r} can't be the name of a folder on every computer, {so}. Use letters, digits, '-', '_' and '.', at "
            "most 64 of them"
        )
    if not rule and not looks_like_code(subject):
        warnings.warn(
            f"subject {subject!r} looks like a name; it becomes part of folders, file names and tables. A code (P017) keeps the person "
            "out of them; rig.begin(..., rule=r'P\\d{3}') makes that a rule",
            RuntimeWarning,
            stacklevel=3,
        )


def sitting_name(subject: str, number: int) -> str:
    """Name the folder of a sitting: ``P017_ses-01``."""
    return f"{subject}_ses-{number:02d}"


def next_number(day: Path, subject: str) -> int:
    """Say which sitting of a subject comes next in the folder of a day, from 1."""
    taken = [0]
    with contextlib.suppress(OSError):
        for path in day.iterdir():
            match = re.fullmatch(re.escape(subject) + r"_ses-([0-9]{2,4})", path.name, re.IGNORECASE)
            taken += [int(match[1])] if match is not None else []
    return max(taken) + 1


def check_number(number: int) -> int:
    """Check the number of a sitting.

    Raises
    ------
    ValueError
        It is none.
    """
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= 9999:
        raise ValueError(
            f"session is the number of the participant's sitting, 1 to 9999, not {number!r:.80}; no sitting was begun"
        )
    return number


def file_text(text: str) -> str:
    """Spell any text so that it can be part of a file name: no blanks, no slashes, at most 64 characters."""
    return _UNSAFE.sub("-", text).strip("-.")[:64]


def file_tag(pose: str | None, rep: int | None) -> str:
    """Spell pose and repetition so that they can be part of a file name (the application's UniqueTag, [U]).

    Parameters
    ----------
    pose, rep : str or None, int or None
        Labels of a shot.

    Returns
    -------
    str
        ``apose-02``; empty if there is neither.
    """
    return "-".join(part for part in (file_text(pose or ""), f"{rep:02d}" if rep is not None else "") if part)
