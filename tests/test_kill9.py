"""kill -9 of the notebook's kernel at any moment: what was visible is on disk, and the session goes on."""

from __future__ import annotations

import os
import random

import pytest

import rigkit
from rigkit.record.reading import read_journal
from tests.kernel import (
    check_equal,
    digest_of,
    kernel,
    killed_at_a_random_moment,
    photographed,
    replayed,
    settled,
    simulator,
    truth,
)

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX")

SHOTS = 40
moments = [
    pytest.param(seed, marks=() if seed < 3 else pytest.mark.campaign, id=f"moment {seed}") for seed in range(20)
]


@pytest.mark.parametrize("seed", moments)
def test_what_was_visible_is_in_the_journal_and_the_session_goes_on(tmp_path, seed, no_leaks):
    folder = tmp_path / "s"
    with simulator(tmp_path) as sim:
        with kernel(sim, folder, SHOTS) as (process, stdout):
            last = killed_at_a_random_moment(process, stdout, random.Random(seed))
        reading = read_journal(folder)
        assert len(reading.entries) >= last["visible"]
        assert digest_of(reading.entries[: last["visible"]]) == last["digest"]
        assert [one.why for one in reading.unreadable] in ([], ["torn"]), (
            "a line was cut off at most, and nobody saw it"
        )
        opened = rigkit.open(folder)
        check_equal(opened, replayed(folder))
        for cameras, fired in zip(photographed(opened), truth(tmp_path), strict=False):
            assert cameras <= fired, "nothing that did not happen"
        known = len(opened.shots)
        with rigkit.connect(sim.reqrep, publisher=sim.publisher, session=folder) as rig:
            assert rig.shoot(wait="files", anyway=True).id == known + 1
            assert settled(rig)
            live = rig.session
        assert list(live.shots.index) == list(range(1, known + 2))
        assert photographed(live) == truth(tmp_path), "everything that happened, under its own number"
        check_equal(rigkit.open(folder), live)
