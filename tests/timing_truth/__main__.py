"""``python -m tests.timing_truth``: the table of coverage and power over simulated sessions of 60 cameras x 20 shots."""

from __future__ import annotations

import argparse
import functools
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from tests.timing_truth.measures import MEASURES
from tests.timing_truth.table import lines, measured, printed


def main() -> None:
    """Simulate, print, and exit with 1 if a goal was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.timing_truth", description=__doc__)
    parser.add_argument("--sessions", type=int, default=200, help="default %(default)s")
    parser.add_argument("--jobs", type=int, default=2, help="processes; default %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="default %(default)s")
    parser.add_argument(
        "--only", action="append", choices=list(MEASURES), help="may be given several times; default: all"
    )
    options = parser.parse_args()
    began = time.monotonic()
    one = functools.partial(measured, options.seed, names=tuple(options.only or MEASURES))
    with ProcessPoolExecutor(options.jobs) as pool:
        told = lines(list(pool.map(one, range(options.sessions))))
    print(
        f"{options.sessions} sessions of 60 cameras x 20 shots, seed {options.seed}, {time.monotonic() - began:.0f} s"
    )
    print(printed(told), flush=True)
    sys.exit(0 if all(line.reached for line in told) else 1)


if __name__ == "__main__":
    main()
