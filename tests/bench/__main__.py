"""``python -m tests.bench``: run benches and print their tables."""

from __future__ import annotations

import argparse
import time

from tests.bench.measure import MINIMUM, load_line, machine_line, table
from tests.bench.registry import BENCHES, load


def main() -> None:
    """Run the benches that were asked for, all of them by default."""
    names = "\n".join(f"  {name:<12} {load(name).ABOUT}" for name in BENCHES)
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="Measure rigkit and its peers side by side.",
        epilog=f"benches:\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="which; none given: all")
    parser.add_argument("--rounds", type=int, default=9, help=f"at least {MINIMUM} to judge by; default %(default)s")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in BENCHES]
    if unknown:
        parser.error(f"no bench {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    if options.rounds < 1:
        parser.error("--rounds is 1 or more")
    print(machine_line())
    print(load_line("before"), flush=True)
    for name in options.names or BENCHES:
        bench = load(name)
        began = time.monotonic()
        rows = bench.run(options.rounds)
        print(f"\n{name}: {bench.ABOUT} ({options.rounds} rounds, {time.monotonic() - began:.0f} s)")
        print(table(rows), flush=True)
    print(f"\n{load_line('after')}")


if __name__ == "__main__":
    main()
