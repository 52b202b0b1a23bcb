"""The places of a rig as people write them down: cells of a table in, checked places out.

All that is wrong with a table is found in one go, each with its line and position, so that it is corrected in one go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

from rigkit.errors import LayoutError, listed

__all__ = ["ALIASES", "EXAMPLE", "NAMES", "Place", "Row", "as_texts", "checked", "column_of", "read_places"]

#: Longer ones are pasted by mistake; a position is printed on every row, tile and plot.
_MOST_CHARACTERS = 200
#: Control characters, line and paragraph separators, halves of UTF-16 pairs: nothing that can be a label or be saved.
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
#: A serial that a spreadsheet or pandas made a number of. Up to 15 digits survive that.
_NUMBER = re.compile(r"([0-9]{1,15})[.,]0+")
#: A serial whose last digits are gone: 6.18143E+06, or more digits than a double holds.
_CUT = re.compile(r"[0-9]+(?:[.,][0-9]*)?e\+[0-9]+|[0-9]{16,}[.,]0+", re.IGNORECASE)
#: Headings that mean a column of another name.
ALIASES = {"group": "groups", "tag": "tags"}
EXAMPLE = (
    "A layout begins with a line like position,serial,name,groups,hub,lens and has lines like "
    "F03,6181433,A03,face;left,hub1,35mm (commas, semicolons or tabs; only the position is needed)."
)


class Place(NamedTuple):
    """One place on the rig, and who should stand there.

    Attributes
    ----------
    position : str
        Where on the rig: what everything is labelled by. It stays when the body is swapped.
    serial : str
        CameraSerialNumber of the body that should stand there; empty: not said.
    name : str
        CameraName in the application; empty: not said.
    groups : tuple of str
        The groups the position belongs to; they may overlap.
    hub : str
        The USB hub, power strip or computer it hangs on: what fails together; empty: not said.
    lens : str
        The lens; empty: not said.
    tags : tuple of str
        Anything else worth a word.
    """

    position: str
    serial: str = ""
    name: str = ""
    groups: tuple[str, ...] = ()
    hub: str = ""
    lens: str = ""
    tags: tuple[str, ...] = ()

    @property
    def goes_by(self) -> str:
        """CameraName by which a place without serial knows its camera."""
        return self.name or self.position


#: The columns of a layout, in a file and in a DataFrame.
NAMES = Place._fields


class Row(NamedTuple):
    """A place as it was read: where it was found, and what was wrong with the row already."""

    where: str
    place: Place
    problems: tuple[str, ...] = ()


def as_texts(place: Place) -> list[str]:
    """Cells of a place, in the order of ``NAMES``; groups and tags joined by ``;``."""
    return [value if isinstance(value, str) else ";".join(value) for value in place]


def column_of(heading: object) -> str:
    """Column that a heading means; empty: none."""
    name = " ".join(str(heading).split()).casefold()
    name = ALIASES.get(name, name)
    return name if name in NAMES else ""


def read_places(
    headings: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]], source: str
) -> tuple[tuple[Place, ...], list[str]]:
    """Make places of the cells of a table.

    Parameters
    ----------
    headings : sequence of str
        The header; a column with an unknown heading is not used.
    rows : sequence of (str, sequence of str)
        Where each row was found, and its cells without surrounding blanks.
    source : str
        What the table is called in errors.

    Returns
    -------
    places : tuple of Place
        At least one.
    remarks : list of str
        What the user should be told though it is no error.

    Raises
    ------
    LayoutError
        Something is wrong with it; all of it is listed.
    """
    columns, remarks = _columns(headings, rows, source)
    filled = [_row(where, cells, columns, len(headings)) for where, cells in rows if any(cells)]
    if not filled:
        raise LayoutError(source, ("there is no place in it, only the headings",), EXAMPLE)
    places, more = checked(filled, source)
    return places, [*remarks, *more]


def checked(rows: Iterable[Row], source: str) -> tuple[tuple[Place, ...], list[str]]:
    """Tidy places up and look at all of them; give them with remarks on what was changed.

    Raises
    ------
    LayoutError
        Something is wrong; all of it is listed.
    """
    places, problems, numbers = list[Place](), list[str](), list[str]()
    seen: dict[tuple[str, str], str] = {}
    for row in rows:
        place = _tidy(row.place)
        where = f"{row.where} ({_short(place.position)})" if place.position else row.where
        if number := _NUMBER.fullmatch(place.serial):
            numbers.append(f"{where}: {place.serial}")
            place = place._replace(serial=number[1])
        problems += [f"{where}: {one}" for one in (*row.problems, *_faults(place), *_clashes(place, where, seen))]
        places.append(place)
    if problems:
        raise LayoutError(source, problems)
    advice = "Format the column as text in the spreadsheet, or it may drop leading zeros and the last digits"
    remark = f"serials that had become numbers, read without the decimals: {listed(numbers)}. {advice}"
    return tuple(places), [remark] if numbers else []


def _columns(
    headings: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]], source: str
) -> tuple[dict[int, str], list[str]]:
    """Find the column of each field, and remark on those that have none.

    Raises
    ------
    LayoutError
        There is no position, or two columns mean the same.
    """
    columns = {n: name for n, heading in enumerate(headings) if (name := column_of(heading))}
    found = list(columns.values())
    named = [heading for heading in headings if heading]
    if "position" not in found:
        has = listed(map(_short, named))
        raise LayoutError(source, (f"there is no column 'position'; its columns are: {has}",), EXAMPLE)
    twice = [name for name in NAMES if found.count(name) > 1]
    if twice:
        raise LayoutError(source, [f"more than one column means {name!r}" for name in twice], "Keep one of each.")
    remarks = []
    unknown = [heading for heading in named if not column_of(heading)]
    if unknown:
        names = listed(map(_with_near, unknown))
        remarks.append(f"columns that are not known, and not used: {names}. Known are {', '.join(NAMES)}")
    for n in (n for n, heading in enumerate(headings) if not heading):
        filled = [where for where, cells in rows if n < len(cells) and cells[n]]
        if filled:
            remarks.append(f"column {n + 1} has no heading, so what it says is not used ({listed(filled, most=3)})")
    return columns, remarks


def _with_near(heading: str) -> str:
    near = get_close_matches(heading[:_MOST_CHARACTERS].casefold(), NAMES, n=1)
    return f"{_short(heading)!r}" + (f" (is {near[0]!r} meant?)" if near else "")


def _row(where: str, cells: Sequence[str], columns: Mapping[int, str], width: int) -> Row:
    """Read the cells of one row; the texts are not looked at yet."""
    said: dict[str, Any] = {name: cells[n] for n, name in columns.items() if n < len(cells)}
    surplus = [cell for cell in cells[width:] if cell]
    problem = (
        f"it has {len(cells)} cells and there are {width} headings (without one: {listed(map(_short, surplus), most=3)}); "
        "a text that contains the separator needs quotes"
    )
    return Row(where, Place(**{"position": "", **said}), (problem,) if surplus else ())


def _tidy(place: Place) -> Place:
    """Drop blanks around texts, split groups and tags, make texts of what a caller gave as numbers."""
    said = {name: _text(getattr(place, name)) for name in ("position", "serial", "name", "hub", "lens")}
    return Place(**said, groups=_words(place.groups), tags=_words(place.tags))


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _words(value: object) -> tuple[str, ...]:
    """Words of a cell, or of a collection of them, each once."""
    parts = value if isinstance(value, Iterable) and not isinstance(value, str) else [_text(value)]
    return tuple(dict.fromkeys(word for part in parts for one in str(part).split(";") if (word := one.strip())))


def _faults(place: Place) -> Iterator[str]:
    """Say what is wrong with a place by itself."""
    if not place.position:
        yield "there is no position" + (f" (serial {_short(place.serial)})" if place.serial else "")
    if _CUT.fullmatch(place.serial):
        yield (
            f"serial {_short(place.serial)} was made a number and its last digits are gone; format the column as text in "
            "the spreadsheet and enter it again"
        )
    for name, value in place._asdict().items():
        for text in [value] if isinstance(value, str) else value:
            if len(text) > _MOST_CHARACTERS:
                yield f"{name} {_short(text)!r} has {len(text)} characters, more than {_MOST_CHARACTERS}"
            elif _FORBIDDEN.search(text):
                yield f"{name} {_short(text)!r} contains a line break or another control character"


def _clashes(place: Place, where: str, seen: dict[tuple[str, str], str]) -> Iterator[str]:
    """Say what of a place another one has already; ``seen`` remembers where."""
    if not place.position:
        return
    kind, text, advice = "position", place.position, ""
    if seen.setdefault((kind, text), where) == where:
        kind, text = ("serial", place.serial) if place.serial else ("name", place.goes_by)
        advice = "" if place.serial else ", and neither has a serial to tell them apart"
    if (first := seen.setdefault((kind, text), where)) != where:
        yield f"{kind} {_short(text)} is in {first} already{advice}"


def _short(text: str) -> str:
    """Text as one short printable line."""
    line = "".join(char if char.isprintable() else " " for char in text[:41])
    return line if len(text) <= 40 else f"{line[:39]}…"
