"""Rules that the simulator is known to break: each is shown by one test that is expected to fail, and held against no other.

A test that passes although its name is here fails: the simulator has been mended, so take the entry out.
"""

from __future__ import annotations

import pytest

from tests.conformance.peer import Target

#: What is broken: in which dialect, how it shows.
DEVIATIONS: dict[str, tuple[str, str]] = {
    "options": ("v3", "OptionsUpdated is an id of the other dialect"),
    "live view": ("v3", "LiveviewUpdatedMsg has no picture"),
    "properties": ("v3", "property types of 4.18 and 5.6 are listed"),
    "state": ("v3", "SynchroniseMsg has no LicenseMsg, and a list for the node where 3.38 has an object"),
    "echo": ("v3", "an id of later versions is echoed with the suffix Msg that it did not have"),
    "numbers": ("v3", "msg_ref_num is int32, negative ones are refused and too large ones taken"),
}


def expect_failure(request: pytest.FixtureRequest, target: Target, name: str) -> None:
    """Expect the running test to fail against our simulator, if this is a known deviation of it in this dialect."""
    if target.simulated and name in DEVIATIONS:
        dialect, shows = DEVIATIONS[name]
        if dialect in ("both", "v3" if target.v3 else "v5"):
            request.applymarker(pytest.mark.xfail(strict=True, reason=f"known of the simulator: {shows}"))


def unexpected(problems: list[str]) -> list[str]:
    """Return the problems that are not known."""
    return [one for one in problems if not one.startswith(tuple(shows for _, shows in DEVIATIONS.values()))]
