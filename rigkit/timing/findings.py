"""Everything that rigkit finds in a session by itself, and everything it looked for. Pure: tables in, tables out.

Facts of the record are counted (:mod:`rigkit.timing.record_rules`); estimates come with their interval, their evidence and one budget
of false findings for all of them together. What could not be checked says why; it is never passed off as "nothing found".
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rigkit.errors import listed
from rigkit.record.columns import frame
from rigkit.record.rows import plain, plural, rows_of
from rigkit.record.tables import natural
from rigkit.timing.decisions import BUDGET
from rigkit.timing.downloads import slow_download
from rigkit.timing.estimate_rules import coarse_stamps, correctable_lag, host_stamps, reviewed
from rigkit.timing.evidence import LETTERS, Evidence
from rigkit.timing.found import Found, Looked, Record
from rigkit.timing.record_rules import RECORD_RULES, Golden, settings_mismatch
from rigkit.timing.sentences import QUESTIONS, quantity, sentence

if TYPE_CHECKING:
    import pandas as pd

    from rigkit.record.stamps import Verdict
    from rigkit.timing.rules import Review

__all__ = ["PARTS", "REVIEW_BUDGET", "findings", "summary"]

#: How all that is estimated shares the one budget (:data:`rigkit.timing.decisions.BUDGET`): a session in which nothing is wrong raises
#: anything in at most 5 % of cases, by adding up. The review divides its part by :data:`rigkit.timing.decisions.SHARES`; with 80 %
#: instead of all of it, one late camera among 60 still takes 13 shots. Facts are counted and need no part.
PARTS = {"review": 0.8, "slow_download": 0.15, "correctable_lag": 0.05}
#: What :func:`rigkit.timing.review` is to be given as its ``budget`` where its findings become part of :func:`findings`.
REVIEW_BUDGET = BUDGET * PARTS["review"]

#: What is not looked at here, and why.
_NOT_CHECKED = {
    **dict.fromkeys(("flash_missed", "blur", "white_balance", "bumped_camera"), "needs the images"),
    "protocol_deviation": "no protocol was run",
}
_GRAVEST = ("error", "warn", "info")


def findings(
    tables: Mapping[str, pd.DataFrame],
    review: Review | None,
    *,
    quantum_ms: float = math.nan,
    evidence: Evidence | None = None,
    origin: Verdict | None = None,
    golden: Golden | None = None,
    limit_ms: float | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Find what is not as it should be.

    Parameters
    ----------
    tables : mapping of str to pandas.DataFrame
        ``cameras settings shots exposures photos loss warnings clock lags`` of one session, as :data:`rigkit.record.columns.TABLES`
        declares them; any may be missing or empty.
    review : Review or None
        Of the session's stamps, made with ``budget=REVIEW_BUDGET``; None: there are no stamps.
    quantum_ms : float
        Steps of these stamps, ms; NaN: not known.
    evidence : str or None
        Their level; None: there are none.
    origin : Verdict or None
        Whose clock PhotoDateCaptured shows, on all photos together; None: nobody looked.
    golden : mapping or None
        Camera key -> property -> group of the golden profile that holds for it (empty: all cameras), and its value; None: there are
        no profiles, so cameras are held against most of their model.
    limit_ms : float or None
        Difference of lags that matters; None: 5 ms, or half a step of the stamps if that is more.

    Returns
    -------
    (pandas.DataFrame, pandas.DataFrame)
        The ``findings`` table, the gravest first, and the ``checked`` table with a row for every rule there is.
    """
    record = Record(tables)
    looked = [
        *(rule(record) for rule in RECORD_RULES),
        settings_mismatch(record, golden or {}),
        slow_download(record, PARTS["slow_download"]),
        *reviewed(record, review),
        correctable_lag(record, limit_ms, PARTS["correctable_lag"]),
        coarse_stamps(record, quantum_ms, evidence),
        host_stamps(origin),
        *(Looked(rule, reason=reason) for rule, reason in _NOT_CHECKED.items()),
    ]
    by_rule = {one.rule: one for one in looked}
    found = sorted((found for one in looked for found in one.found), key=_gravity)
    rows = [{"finding_no": number, **_row(one)} for number, one in enumerate(found)]
    return frame("findings", rows), frame("checked", (_checked(by_rule[rule]) for rule in QUESTIONS))


def _gravity(found: Found) -> tuple[Any, ...]:
    """Sort by severity, rule, size, and then as people look for cameras."""
    size = abs(found.effect) if found.effect is not None else 0.0
    if found.rule == "battery_forecast":  # the emptiest first
        size = -size
    place = natural(found.position or found.key or "")
    return _GRAVEST.index(found.severity), list(QUESTIONS).index(found.rule), -size, place, found.shot_id or 0


_COLUMNS = (
    "severity",
    "rule",
    "subject_kind",
    "key",
    "position",
    "shot_id",
    "effect",
    "unit",
    "lo",
    "hi",
    "n",
    "p_adj",
)


def _row(found: Found) -> dict[str, Any]:
    text, suggestion = sentence(found)
    columns = {name: getattr(found, name) for name in (*_COLUMNS, "evidence")}
    return {**columns, "text": text, "suggestion": suggestion}


def _checked(looked: Looked) -> dict[str, Any]:
    known = looked.detectable is not None and math.isfinite(looked.detectable)
    return {
        "rule": looked.rule,
        "question": QUESTIONS[looked.rule],
        "n": looked.n,
        "found": len(looked.found),
        "detectable": looked.detectable if known else None,
        "unit": looked.unit if known else None,
        "evidence": looked.evidence,
        "reason": looked.reason,
    }


# -- for people ---------------------------------------------------------------------------------------------------------

#: How many findings of each severity are told in full.
_MOST_TOLD = 3
_WORDS = {"error": ("error", "errors"), "warn": ("warning", "warnings"), "info": ("note", "notes")}


def summary(findings: pd.DataFrame, checked: pd.DataFrame) -> str:
    """Sum up in a few lines: what was found, what would have been, and what could not be checked.

    Parameters
    ----------
    findings, checked : pandas.DataFrame
        As :func:`findings` gives them.
    """
    found, rules = rows_of(findings, "severity", "text", "suggestion"), rows_of(checked)
    lines = []
    by_severity = {severity: [row for row in found if row["severity"] == severity] for severity in _GRAVEST}
    counts = [plural(len(rows), *_WORDS[severity]) for severity, rows in by_severity.items() if rows]
    lines.append(f"Found: {', '.join(counts)}." if counts else "Nothing found.")
    for severity, rows in by_severity.items():
        lines += [f"  {_WORDS[severity][0]}: {row['text']}. To do: {row['suggestion']}." for row in rows[:_MOST_TOLD]]
        if len(rows) > _MOST_TOLD:
            lines.append(
                f"  and {plural(len(rows) - _MOST_TOLD, 'more ' + _WORDS[severity][0], 'more ' + _WORDS[severity][1])}"
            )
    clean = [_clean(row) for row in rules if not row["found"] and not row["reason"]]
    if clean:
        lines.append(f"Checked, nothing found: {listed(clean, most=len(clean))}.")
    reasons: dict[str, list[str]] = {}
    for row in rules:
        if row["reason"]:
            reasons.setdefault(row["reason"], []).append(_name(row["rule"]))
    lines += [f"Not checked: {listed(names, most=len(names))}: {plain(why, 300)}." for why, names in reasons.items()]
    return "\n".join(lines)


def _name(rule: str) -> str:
    return rule.replace("_", " ")


def _clean(row: Mapping[str, Any]) -> str:
    """Name a rule that found nothing, with the smallest effect it would have found."""
    if row["detectable"] is None:
        return _name(row["rule"])
    letter = f", {LETTERS[row['evidence']]}" if row["evidence"] in LETTERS else ""
    return f"{_name(row['rule'])} ({quantity(row['detectable'], row['unit'])} or more would have been found{letter})"
