"""Templates into HTML."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from rigkit.display.grids import MOST_ROWS

if TYPE_CHECKING:
    import jinja2

__all__ = ["render"]


@functools.cache
def _templates() -> jinja2.Environment:
    import jinja2

    # Escaping is on for every template, whatever its suffix; a name that is not passed is an error, not an empty text.
    return jinja2.Environment(
        loader=jinja2.PackageLoader("rigkit"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, **values: Any) -> str:
    """Fill in one of ``rigkit/templates``; every value is escaped."""
    return _templates().get_template(template).render(most_rows=MOST_ROWS, **values)
