"""A small table as spreadsheet programs save it: decoded, split into rows, every cell kept as the text it is.

What is read: UTF-8 with or without a byte order mark, and UTF-16 with one (Excel's "Unicode text"); cells parted by
commas, semicolons (Excel where the comma is the decimal sign) or tabs, or by what a first line ``sep=;`` says; any line
ends; quoted cells. Rows without content are left out.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from rigkit.errors import LayoutError

__all__ = ["Sheet", "read_sheet", "sheet_of", "sheet_text"]

#: More than any layout: 10 000 places take about 1 MB. It keeps a photo or a video given by mistake out of memory.
_MOST_BYTES = 16_000_000
_SEPARATORS = ",;\t"
_ANNOUNCED = re.compile(r"\s*\"?sep=([,;\t])\"?\s*", re.IGNORECASE)
_HOW_TO_SAVE = "Save the table as 'CSV UTF-8' in the spreadsheet and load it again."


class Sheet(NamedTuple):
    """A table of texts.

    Attributes
    ----------
    headings : list of str
        The first row with content, surrounding blanks removed.
    rows : list of (str, list of str)
        The others: where it begins (``"line 4"``), and its cells, surrounding blanks removed. A row may have fewer or
        more cells than there are headings.
    """

    headings: list[str]
    rows: list[tuple[str, list[str]]]


def sheet_text(path: Path) -> str:
    """Read a file as text.

    Raises
    ------
    LayoutError
        There is no such file, or it is not text in UTF-8 or UTF-16.
    """
    source = str(path)
    if path.is_dir():
        raise LayoutError(source, ("is a folder, not a file",), "Give the path of the CSV file in it.")
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        raise LayoutError(
            source, ("there is no such file",), f"Give the path of a CSV file, seen from {Path.cwd()}."
        ) from None
    except (OSError, ValueError) as exc:
        raise LayoutError(source, (f"can't be read ({exc})",), "Give the path of a CSV file.") from None
    if len(data) > _MOST_BYTES:
        raise LayoutError(source, (f"is larger than {_MOST_BYTES // 1_000_000} MB",), "Give the path of a CSV file.")
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data[: exc.start].count(b"\n") + 1
        what = "UTF-16" if wide else f"UTF-8 in line {line} (byte 0x{data[exc.start]:02x})"
        raise LayoutError(source, (f"is not text in {what}",), _HOW_TO_SAVE) from None
    if "\0" in text:
        raise LayoutError(source, ("is not text: it holds zero bytes",), _HOW_TO_SAVE)
    return text


def read_sheet(text: str, known: Collection[str], source: str) -> Sheet:
    """Split a text into rows of cells.

    Parameters
    ----------
    text : str
        The whole table, its first row with content being the headings.
    known : collection of str
        Headings that tell which separator is used, in lower case.
    source : str
        What the text is called in errors.

    Raises
    ------
    LayoutError
        It has no row with content, or quotes that do not match.
    """
    # The csv module and not pandas, which would take serials for numbers: 0123 would come out as 123, or as 123.0.
    heading = next(_filled_lines(text), "")
    if not heading:
        raise LayoutError(source, ("is empty",), _HOW_TO_SAVE)
    separator, sheet = _separator(heading, known), list[tuple[str, list[str]]]()
    reader = csv.reader(
        io.StringIO(text.removeprefix("\ufeff"), newline=""), delimiter=separator, strict=True, skipinitialspace=True
    )
    begins = 1
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped) and not (not sheet and _ANNOUNCED.fullmatch(separator.join(cells))):
                sheet.append((f"line {begins}", stripped))
            begins = reader.line_num + 1
    except csv.Error as exc:
        raise LayoutError(
            source, (f"line {begins}: can't be split into cells ({exc})",), "Look for a quote that is not closed there."
        ) from None
    return Sheet(sheet[0][1] if sheet else [], sheet[1:])


def _separator(heading: str, known: Collection[str]) -> str:
    """Choose the separator by which the first line with content gives most known headings, then most cells."""
    if announced := _ANNOUNCED.fullmatch(heading):
        return announced[1]

    def gain(separator: str) -> tuple[int, int]:
        cells = [cell.strip().strip('"').strip().casefold() for cell in heading.split(separator)]
        return len(set(cells) & set(known)), len(cells)

    return max(_SEPARATORS, key=gain)


def _filled_lines(text: str) -> Iterator[str]:
    for line in io.StringIO(text.removeprefix("\ufeff"), newline=None):
        if line.strip(_SEPARATORS + '" \r\n'):
            yield line.rstrip("\r\n")


def sheet_of(rows: Iterable[Iterable[str]]) -> str:
    """Write rows of cells as CSV with commas."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
