"""Rules that the simulator is known to break: each is shown by one test marked as failing, and by no other.

When such a test passes, the simulator has been mended: take its entry out of here.
"""

from __future__ import annotations

#: How the problem begins, as a law words it: why it is not mended yet.
DEVIATIONS: dict[str, str] = {
    "OptionsUpdated is an id of the other dialect": "3.x has no OptionsUpdated, the simulator sends it there too",
}


def unexpected(problems: list[str]) -> list[str]:
    """Return the problems that are not known."""
    return [one for one in problems if not one.startswith(tuple(DEVIATIONS))]
