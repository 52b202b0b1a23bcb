"""What most of them have. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from typing import TypeVar

__all__ = ["majority"]

_Value = TypeVar("_Value", bound=Hashable)
#: Two that differ tell nothing of which is right.
_FEWEST = 3


def majority(values: Iterable[_Value]) -> _Value | None:
    """Return the value that more than half have; None: fewer than three values, or no majority.

    Parameters
    ----------
    values : iterable
        One for each camera that says any.
    """
    counts = Counter(values)
    if counts.total() < _FEWEST:
        return None
    value, count = counts.most_common(1)[0]
    return value if 2 * count > counts.total() else None
