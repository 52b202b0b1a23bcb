"""Many sessions: run, judged, added up."""

from __future__ import annotations

import collections
import contextlib
import multiprocessing
import time
import traceback
from collections.abc import Iterable, Sequence

from tests.campaign.drive import run
from tests.campaign.judge import Verdict, judge
from tests.campaign.plan import draw

__all__ = ["main", "replay", "session", "summary"]

_SUMS = (
    *(
        "sessions",
        "shots",
        "exposures",
        "events",
        "not heard",
        "kernels",
        "restarts",
        "captured",
        "recovered",
        "missing",
    ),
    *("unaccounted", "exposed after it was given up", "nobody could be asked", "untagged, not paired"),
    *("batch wrong", "window wrong"),
)


def session(seed: int) -> Verdict:
    """Run and judge one session; whatever it raises broke it."""
    try:
        return judge(run(draw(seed)))
    except Exception as exc:
        where = traceback.extract_tb(exc.__traceback__)[-1]
        place = f"{where.filename.rpartition('/')[2]}:{where.lineno}"
        return Verdict(seed, broken=[f"{type(exc).__name__} at {place}: {exc}"])


def replay(seed: int) -> bool:
    """Run one session and tell everything about it."""
    plan = draw(seed)
    print(f"seed {seed}\n{plan.settings}\n{plan.path}")
    for step in plan.steps:
        print(step)
    one = run(plan)
    print("\n".join(one.said))
    print(one.session.exposures.drop(columns=["simulated", "subject", "pose", "rep"]).to_string())
    print(one.session.loss.to_string())
    verdict = judge(one)
    print(dict(verdict.counts))
    print("\n".join(verdict.allowed))
    print("\n".join(verdict.broken) or "nothing broke")
    return not verdict.broken


def main(seeds: Sequence[int], jobs: int) -> bool:
    """Run sessions, print how it goes, what broke, and the sums."""
    began, verdicts = time.monotonic(), list[Verdict]()
    with contextlib.suppress(KeyboardInterrupt):  # what was run counts
        for verdict in _verdicts(seeds, jobs):
            verdicts.append(verdict)
            for text in verdict.broken:
                print(f"seed {verdict.seed}: {text[:400]}", flush=True)
            if len(verdicts) % 500 == 0:
                print(f"... {len(verdicts)} of {len(seeds)} sessions, {time.monotonic() - began:.0f} s", flush=True)
    print(summary(verdicts, time.monotonic() - began))
    return not any(verdict.broken for verdict in verdicts)


def _verdicts(seeds: Sequence[int], jobs: int) -> Iterable[Verdict]:
    if jobs == 1:
        yield from map(session, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(session, seeds, chunksize=20)


def summary(verdicts: Sequence[Verdict], seconds: float) -> str:
    """Add up what became of all sessions."""
    counts, causes = collections.Counter[str](), collections.Counter[str]()
    for verdict in verdicts:
        counts.update(verdict.counts)
        causes.update(verdict.causes)
    broken = [verdict.seed for verdict in verdicts if verdict.broken]
    rows = [(name, counts[name]) for name in _SUMS]
    rows += [(f"missing: {cause}", n) for cause, n in causes.most_common()]
    rows += [("sessions that broke", len(broken))]
    lines = [f"{name:<34}{n:>12,}" for name, n in rows]
    lines.append(f"{'sessions per second':<34}{len(verdicts) / max(seconds, 1e-9):>12.1f}")
    if broken:
        lines.append(f"seeds: {', '.join(map(str, sorted(broken)[:50]))}")
    return "\n".join(lines)
