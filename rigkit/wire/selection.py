"""Which cameras or photos a request is about: the selection fields that most requests begin with."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

__all__ = ["photo_selection", "selection"]


def selection(keys: Iterable[str] | None) -> dict[str, Any]:
    """Camera selection of a request: All for None, Single for one key, Multiple for several."""
    if keys is None:
        return {"CameraSelection": "All"}
    chosen = list(keys)
    if len(chosen) == 1:
        return {"CameraSelection": "Single", "CameraKey": chosen[0]}
    return {"CameraSelection": "Multiple", "CameraKeys": chosen}


def photo_selection(keys: Iterable[str]) -> dict[str, Any]:
    """Photo selection of a request: Single for one key, Multiple for several."""
    chosen = list(keys)
    if len(chosen) == 1:
        return {"PhotoSelection": "Single", "PhotoKey": chosen[0]}
    return {"PhotoSelection": "Multiple", "PhotoKeys": chosen}
