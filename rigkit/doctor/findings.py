"""What an examination found, step by step, and what follows from all of it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, NamedTuple

from rigkit.display.grids import rows_of
from rigkit.record.columns import Column, array_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["STEPS", "Finding", "Findings", "as_text"]

#: What is looked at, in this order. Without the first six there is no connection.
STEPS = (
    *("address", "name", "request port", "request", "publisher port", "publisher"),
    *("events", "dialect", "cameras", "batch numbers", "clock", "photo path", "disk", "this computer"),
)
_CONNECTION = STEPS[:6]
#: Left out where the application tells nothing of it.
_IF_TOLD = frozenset({"batch numbers", "clock", "disk"})

_STEP = Column("step", "text", "what was looked at")
_COLUMNS = (
    Column("ok", "flag", "whether it is as it should be; <NA>: not reached, or nobody tells"),
    Column("found", "text", "what was found"),
    Column("todo", "text", "what to do about it; empty: nothing"),
)


class Finding(NamedTuple):
    """One step's outcome.

    Attributes
    ----------
    ok : bool or None
        Whether it is as it should be; None: not reached, or nobody tells.
    found : str
        What was found.
    todo : str
        What to do about it; empty: nothing.
    """

    ok: bool | None
    found: str
    todo: str = ""


class Findings(dict[str, Finding]):
    """What was found, by step."""

    def say(self, step: str, ok: bool | None, found: str, todo: str = "") -> None:
        """Keep what was found; the first word on a step counts."""
        self.setdefault(step, Finding(ok, found, todo))

    def failed(self, step: str) -> bool:
        """Whether a step was reached, and is not as it should be."""
        return step in self and self[step].ok is False

    @property
    def connects(self) -> bool:
        """Whether everything is there that a connection needs."""
        return all(step in self and self[step].ok for step in _CONNECTION)

    def verdict(self, where: str) -> str:
        """Sum up in one sentence.

        Parameters
        ----------
        where : str
            What was examined, in words.
        """
        wrong = [step for step in STEPS if self.failed(step)]
        if not self.connects:
            return f"Not yet: {self[wrong[0]].found if wrong else 'what is wrong was not found'}."
        if wrong:
            return f"It works, and needs hands: {', '.join(f'{step} ({self[step].found})' for step in wrong)}."
        cameras = self.get("cameras", Finding(None, "not told"))
        if not cameras.ok:
            return f"It works as far as can be told at {where}; cameras: {cameras.found}."
        return f"Ready: {cameras.found.partition(';')[0]} at {where}."

    def table(self) -> pd.DataFrame:
        """Return all steps in order, also those that were not reached."""
        import pandas as pd

        rows = {
            step: self.get(step, Finding(None, "not reached")) for step in STEPS if step in self or step not in _IF_TOLD
        }
        columns = {
            column.name: array_of(column, [getattr(row, column.name) for row in rows.values()]) for column in _COLUMNS
        }
        return pd.DataFrame(columns, index=pd.Index(array_of(_STEP, list(rows)), name=_STEP.name))


def as_text(table: pd.DataFrame, width: int = 100) -> str:
    """Lay an examination out as text: ``ok``, ``no`` or ``--`` before each step, what to do beneath it, the verdict last.

    Parameters
    ----------
    table : pandas.DataFrame
        From :func:`rigkit.doctor.examine`.
    width : int
        Columns of the terminal; fewer than 40 are taken for 40.
    """
    width = max(40, width)
    margin = 6 + max(map(len, STEPS))
    # What has no blank in it is an endpoint or a path, to be copied.
    wrap = textwrap.TextWrapper(width, break_long_words=False, break_on_hyphens=False)
    lines: list[str] = []
    for row in rows_of(table):
        mark = {True: "ok", False: "no", None: "--"}[row["ok"]]
        wrap.initial_indent, wrap.subsequent_indent = f"{mark}  {row['step']}".ljust(margin), " " * margin
        lines += wrap.wrap(row["found"])
        wrap.initial_indent, wrap.subsequent_indent = f"{' ' * margin}-> ", " " * (margin + 3)
        lines += wrap.wrap(row["todo"])
    wrap.initial_indent = wrap.subsequent_indent = ""
    return "\n".join([*lines, "", *wrap.wrap(table.attrs["verdict"])])
