"""The benches there are."""

from __future__ import annotations

import importlib
from typing import Protocol, cast

from tests.bench.measure import Row

__all__ = ["BENCHES", "Bench", "load"]

#: Name on the command line -> module.
BENCHES = {
    "import": "tests.bench.imports",
    "bookkeeping": "tests.bench.bookkeeping",
    "checking": "tests.bench.checking",
    "requests": "tests.bench.requests",
    "decode": "tests.bench.decode",
    "exif": "tests.bench.exif",
    "files": "tests.bench.files",
    "fold": "tests.bench.fold",
    "journal": "tests.bench.journal",
    "plots": "tests.bench.plots",
    "simulator": "tests.bench.simulator",
    "sittings": "tests.bench.sittings",
    "stamps": "tests.bench.stamps",
    "tables": "tests.bench.tables",
    "timing": "tests.bench.timing",
}


class Bench(Protocol):
    """What the module of a bench holds."""

    ABOUT: str

    def run(self, rounds: int) -> list[Row]:
        """Measure that many rounds."""


def load(name: str) -> Bench:
    """Return a bench by its name."""
    return cast("Bench", importlib.import_module(BENCHES[name]))
