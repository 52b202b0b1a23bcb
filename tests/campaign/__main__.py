"""``python -m tests.campaign``: many seeded fault sessions, one of them, or the fault table."""

from __future__ import annotations

import argparse
import sys

from tests.campaign import faults, many


def main() -> None:
    """Run what was asked for; exit code 1 if anything broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument(
        "what", nargs="?", choices=["sessions", "faults"], default="sessions", help="default: %(default)s"
    )
    parser.add_argument("--sessions", type=int, default=1000, help="how many seeds; default %(default)s")
    parser.add_argument("--first", type=int, default=0, help="the first seed; default %(default)s")
    parser.add_argument("--seed", type=int, help="replay this one, and tell everything")
    parser.add_argument("--jobs", type=int, default=1, help="processes; default %(default)s")
    parser.add_argument("--cameras", type=int, default=500, help="of the fault table; default %(default)s")
    parser.add_argument("--shots", type=int, default=3, help="of the fault table; default %(default)s")
    parser.add_argument(
        "--sockets", type=int, default=1, help="its shots over real sockets; 0: none; default %(default)s"
    )
    options = parser.parse_args()
    if options.what == "faults":
        good = faults.main(options.cameras, options.shots, sockets=options.sockets)
    elif options.seed is not None:
        good = many.replay(options.seed)
    else:
        good = many.main(range(options.first, options.first + options.sessions), options.jobs)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
