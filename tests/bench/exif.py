"""Bench ``exif``: what cameras wrote into 1000 JPEG files of the simulator, read by rigkit and by Pillow."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from rigkit.record.exif import read_many
from rigkit.sim.outcome import Recipe
from rigkit.sim.studio import develop
from tests.bench.measure import Row, interleaved, ratios

__all__ = ["ABOUT", "run"]

ABOUT = "EXIF of 1000 JPEG files in the system's cache: read_many, against Pillow's getexif and its EXIF directory"

FILES, CAMERAS = 1000, 100
_EXIF, _ORIGINAL = 0x8769, 0x9003


def run(rounds: int) -> list[Row]:
    """Read all files in both ways, in turn.

    Parameters
    ----------
    rounds : int
        How many rounds count.
    """
    with tempfile.TemporaryDirectory(prefix="rigkit-bench-") as folder:
        paths = _photos(Path(folder))

        def ours() -> None:
            assert read_many(paths)["t_exif"].notna().all()

        def theirs() -> None:
            for path in paths:
                with Image.open(path) as picture:
                    assert picture.getexif().get_ifd(_EXIF)[_ORIGINAL]

        times = interleaved({"rigkit": _timed(ours), "pillow": _timed(theirs)}, rounds)
    return [
        Row("read_many, a table of 18 columns", times["rigkit"], "us/file"),
        Row("Pillow, two dictionaries", times["pillow"], "us/file"),
        Row("read_many / Pillow", ratios(times["rigkit"], times["pillow"]), goal=0.2),
    ]


def _photos(folder: Path) -> list[Path]:
    """Write the photos of a rig's first shots, 3 s apart."""
    paths = []
    for number in range(FILES):
        shot, camera = divmod(number, CAMERAS)
        recipe = Recipe(
            kind="jpeg",
            camera=f"A{camera:02d}",
            make="Nikon Corporation",
            model="D850",
            serial=f"31198{camera:02d}",
            hue=0.3,
            number=shot,
            width=160,
            height=107,
            size=7_000 + number,
            taken_ms=1_790_000_000_000 + 3_000 * shot + 10 * camera,
        )
        paths.append(folder / f"SSP_{number:04d}.jpg")
        paths[-1].write_bytes(develop(recipe))
    return paths


def _timed(call: Callable[[], None]) -> Callable[[], float]:
    def microseconds_per_file() -> float:
        began = time.perf_counter()
        call()
        return (time.perf_counter() - began) * 1e6 / FILES

    return microseconds_per_file
