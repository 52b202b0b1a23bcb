"""What a rule found and what it looked at, before it is put into words; and the tables of a session as rules read them.

Bad tables are data, too: a table or a column that is missing tells nothing, and a row without its keys is nobody's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from rigkit.account.silence import GONE
from rigkit.account.standing import COUNTS, standing
from rigkit.record.rows import label_of, rows_of
from rigkit.timing.evidence import Evidence

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Found", "Looked", "Record", "Row", "Severity"]

Severity = Literal["error", "warn", "info"]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """One finding in numbers.

    Attributes
    ----------
    rule, severity, subject_kind : str
        As in the ``findings`` table.
    key, position, shot_id : str, str and int, or None
        Whom it is about, where that stands, in which shot; None: not about one.
    effect, lo, hi : float or None
        How much, with its 95 % interval where it is estimated, in ``unit``.
    unit : str or None
        Of the three.
    n : int or None
        Shots, stamps or files it rests on.
    p_adj : float or None
        Adjusted for everything that was looked at; None: a fact, not a test.
    evidence : str or None
        The level; None: the record itself.
    more : mapping
        What else its sentence tells.
    """

    rule: str
    severity: Severity
    subject_kind: str
    key: str | None = None
    position: str | None = None
    shot_id: int | None = None
    effect: float | None = None
    unit: str | None = None
    lo: float | None = None
    hi: float | None = None
    n: int | None = None
    p_adj: float | None = None
    evidence: Evidence | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Looked:
    """What one rule looked at.

    Attributes
    ----------
    rule : str
        Which.
    n : int
        How many cameras, shots, exposures or photos.
    found : list of Found
        What it found.
    detectable : float or None
        Effect that is found in 9 of 10 cases, in ``unit``; None: every case is found, or none can be.
    unit : str or None
        Of that effect.
    evidence : str or None
        The level; None: the record itself.
    reason : str
        Why it could not be checked, or what restricts it; empty: it was.
    """

    rule: str
    n: int = 0
    found: list[Found] = field(default_factory=list)
    detectable: float | None = None
    unit: str | None = None
    evidence: Evidence | None = None
    reason: str = ""


class Record:
    """The tables of one session.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        By name, see :data:`rigkit.record.columns.TABLES`; any may be missing or empty.
    """

    def __init__(self, tables: Mapping[str, pd.DataFrame]) -> None:
        self._tables = tables

    def table(self, name: str, *columns: str, where: Callable[[pd.DataFrame], Any] | None = None) -> pd.DataFrame:
        """Columns of a table, index included; one that is not there is ``<NA>`` throughout.

        Parameters
        ----------
        name : str
            Of the table; one that is not there has no rows.
        *columns : str
            The columns wanted.
        where : callable or None
            From the table to a mask of the rows wanted; None: all.
        """
        import pandas as pd

        table = self._tables.get(name)
        if table is None or not len(table):
            return pd.DataFrame(columns=list(columns))
        if set(table.index.names) & set(table.columns):  # the same column twice: the one of the table counts
            table = table.set_axis(range(len(table)), axis=0)
        if where is not None:
            table = table[where(table)]
        return table[[one for one in columns if one in table.columns]].reset_index().reindex(columns=list(columns))

    def rows(self, name: str, *columns: str, where: Callable[[pd.DataFrame], Any] | None = None) -> list[Row]:
        """Do the same as :meth:`table`, and give rows as dicts, ``<NA>`` as None."""
        return rows_of(self.table(name, *columns, where=where), *columns)

    def has(self, name: str, column: str) -> bool:
        """Whether there is such a column, and a row."""
        table = self._tables.get(name)
        return table is not None and len(table) > 0 and (column in table.columns or column in table.index.names)

    @cached_property
    def cameras(self) -> list[Row]:
        """The cameras that count as expected, or of which that is not known, each with a key."""
        wanted = ("camera_key", "position", "status", "model", "hub", "node_key", "expected", "battery_pct", "power")
        rows = self.rows("cameras", *wanted, "n_cards", "batch_next", "last_heard")
        return [row for row in rows if row["camera_key"] is not None and row["expected"] is not False]

    @cached_property
    def there(self) -> list[Row]:
        """Of these, the ones that are there: what the others tell of themselves is old."""
        return [row for row in self.cameras if row["status"] not in GONE]

    @cached_property
    def shots(self) -> list[Row]:
        """The shots, each with its id."""
        wanted = ("shot_id", "outcome", "trigger", "accepted", "superseded_by", "n_exposed", "n_missing")
        rows = self.rows("shots", *wanted, "requested_mono_s", "spread_ms", "residual_spread_ms")
        return [row for row in rows if row["shot_id"] is not None]

    @cached_property
    def exposures(self) -> list[Row]:
        """The exposures of all shots, each with its keys and whether its shot ``counts``, in the order of the shots."""
        wanted = ("shot_id", "camera_key", "position", "status", "cause", "detail", "common_cause", "duplicate")
        rows = self.rows("exposures", *wanted)
        aside = {row["shot_id"] for row in self.shots if standing(row).word != COUNTS}
        kept = [row for row in rows if row["shot_id"] is not None and row["camera_key"] is not None]
        for row in kept:
            row["counts"] = row["shot_id"] not in aside
        return sorted(kept, key=lambda row: int(row["shot_id"]))

    @cached_property
    def counted(self) -> list[Row]:
        """The exposures of the shots that count, as far as it is known what became of them."""
        return [row for row in self.exposures if row["counts"] and row["status"] not in (None, "waiting")]

    @cached_property
    def _labels(self) -> dict[str, str]:
        last: dict[str, Row] = {}
        for name in ("lags", "clock", "exposures", "cameras"):  # the later, the better
            for row in self.exposures if name == "exposures" else self.rows(name, "camera_key", "position"):
                if row["camera_key"] is not None and row["position"]:
                    last[row["camera_key"]] = row
        return {key: label_of(row) for key, row in last.items()}

    def label(self, camera_key: str) -> str:
        """Name a camera by its position; one that has none by its key."""
        return self._labels.get(camera_key) or label_of({"camera_key": camera_key})

    def of_camera(
        self, rule: str, severity: Severity, camera_key: str, shot_ids: Sequence[int] = (), **numbers: Any
    ) -> Found:
        """Make a finding about a camera; where it is about one shot alone, that is named too.

        Parameters
        ----------
        rule, severity, camera_key : str
            As :class:`Found` has them.
        shot_ids : sequence of int
            The shots concerned.
        **numbers : Any
            The other fields of :class:`Found`.
        """
        shot_id = shot_ids[0] if len(shot_ids) == 1 else None
        return Found(rule, severity, "camera", camera_key, self.label(camera_key), shot_id, **numbers)
