"""Bench ``files``: looking where 34 560 photo files are, and the checksum of one, against the plain way of doing either."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rigkit.record.checksums import sum_file
from rigkit.record.folder import Manifest
from rigkit.record.whereabouts import Whereabouts
from tests.bench.measure import Row, interleaved

__all__ = ["ABOUT", "run"]

ABOUT = "Whereabouts.locate_all of 30 sittings of 12 shots with 96 cameras, and SHA-256 of a 24-megapixel photo (25 MB)"

FOLDERS, FILES = 30, 12 * 96
PHOTO_BYTES = 25_000_000


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def run(rounds: int) -> list[Row]:
    """Measure in a temporary folder; everything is in the operating system's cache.

    Parameters
    ----------
    rounds : int
        How many rounds count.
    """
    with tempfile.TemporaryDirectory(prefix="rigkit-bench-") as name:
        here = Path(name)
        names = []
        for number in range(FOLDERS):
            folder = here / f"P{number:03d}"
            folder.mkdir()
            for photo in range(FILES):
                (folder / f"SSP_{photo}.JPG").write_bytes(b"x")
                names.append(f"{folder.name}/SSP_{photo}.JPG")
        theirs = [f"D:\\scans\\{one}".replace("/", "\\") for one in names]
        photo_file = here / "photo.jpg"
        photo_file.write_bytes(bytes(PHOTO_BYTES))
        known = _fresh(here)
        known.locate_all(theirs, [1] * len(theirs))
        ways: dict[str, Callable[[], float]] = {
            "first": lambda: _seconds(lambda: _fresh(here).locate_all(theirs, [1] * len(theirs))),
            "again": lambda: _seconds(lambda: known.locate_all(theirs, [1] * len(theirs))),
            "gone": lambda: _seconds(known.gone),
            "plain": lambda: _seconds(lambda: [here.joinpath(*one.split("/")).stat().st_size for one in names]),
            "sum": lambda: _seconds(lambda: sum_file(str(photo_file))),
            "digest": lambda: _seconds(lambda: _digest(photo_file)),
        }
        took = interleaved(ways, rounds)
    speed = [PHOTO_BYTES / 1e6 / one for one in took["sum"]]
    return [
        Row("where all files are, first look", took["first"], "s"),
        Row("where all files are, looked for again", took["again"], "s"),
        Row("which files are gone", took["gone"], "s"),
        Row("pathlib join and stat of each, for comparison", took["plain"], "s"),
        Row("SHA-256 of one photo, as in the background", took["sum"], "s"),
        Row("hashlib.file_digest of it, for comparison", took["digest"], "s"),
        Row("the first of these as speed", speed, "MB/s"),
    ]


def _fresh(here: Path) -> Whereabouts:
    return Whereabouts(here, Manifest(photos={"D:/scans": str(here)}))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
