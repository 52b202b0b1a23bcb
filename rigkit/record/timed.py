"""Columns and tables of what is known about time: who exposed when, by which clock, and how well that is founded.

Names, definitions and units are the field's: skew, lag, jitter and spread in ms, offsets in s, drift in ppm. A number never stands
alone: its row says from which evidence it comes, in which steps the stamps were cut and which instant of the exposure they mean.
"""

from __future__ import annotations

from rigkit.record.column import Column, Table

__all__ = ["EVIDENCE", "TIMED_EXPOSURES", "TIMED_SHOTS", "timing_tables"]

#: How well a statement about time is founded, weakest first.
EVIDENCE = ("host arrival", "uncalibrated stamps", "calibrated stamps", "reference")
#: Which instant of an exposure is meant.
_INSTANTS = ("start", "middle", "unknown")
_SEVERITY = ("info", "warn", "error")
_SUBJECTS = ("camera", "shot", "exposure", "group", "hub", "node", "rig", "session")
_SOURCES = ("reference", "t_exif", "date_captured")

_EVIDENCE = Column("evidence", "level", "what it rests on, weakest first; <NA>: nothing was heard", EVIDENCE)
_QUANTUM = Column(
    "quantum_ms", "number", "steps in which the stamps were cut, ms, found from the stamps; 0: below 1 ms"
)
_INSTANT = Column(
    "instant", "word", "the instant of the exposure that is meant; unknown: nobody has found out", _INSTANTS
)
_REASON = Column("reason", "text", "why a number is missing, or what restricts it; empty: nothing")
_POSITION = Column("position", "text", "where the camera stands: layout position, else the camera's name")


def _interval(name: str, unit: str, about: str) -> tuple[Column, Column, Column]:
    """Declare a number and its 95 % interval."""
    return (
        Column(f"{name}_{unit}", "number", about),
        Column(f"{name}_lo_{unit}", "number", f"lower bound of {name}, {unit}"),
        Column(f"{name}_hi_{unit}", "number", f"upper bound of {name}, {unit}"),
    )


#: What the exposures table has besides the account.
TIMED_EXPOSURES = (
    Column("t_exif", "camera", "DateTimeOriginal with its sub-seconds: the camera's own clock, no zone; <NA>: no file was read"),
    Column("subsec_digits", "whole", "digits of SubSecTimeOriginal; they bound the resolution and are not the step"),
    Column("stamp", "word", "which stamp the numbers of this row rest on", _SOURCES),
    Column("t_corrected", "camera", "the stamp less the offset and drift of its clock: where its lag is known"),
    *_interval("skew", "ms", "difference to the median of the other cameras of the shot, ms; positive: late"),
    Column("late_ms", "number", "difference to the camera's own usual, ms; positive: later than usual; needs no calibration"),
    _QUANTUM,
    _INSTANT,
    _EVIDENCE,
)  # fmt: skip

#: What the shots table has besides the account.
TIMED_SHOTS = (
    Column("n_stamps", "whole", "cameras with a stamp that can be compared; spread grows with it"),
    Column("spread_ms", "number", "last less first exposure, ms; never compare shots of different n_stamps by it"),
    Column("spread_lo_ms", "number", "least spread that agrees with the steps of the stamps and the clocks' uncertainty, ms"),
    Column("spread_hi_ms", "number", "largest such spread, ms"),
    Column("spread_p90_ms", "number", "95th less 5th percentile, ms"),
    Column("rms_skew_ms", "number", "root of the mean square of the differences to the median, ms"),
    Column("robust_sigma_ms", "number", "1.4826 MAD, ms; does not grow with n_stamps"),
    Column("residual_spread_ms", "number", "spread of the differences to each camera's own usual, ms; needs no calibration"),
    _QUANTUM,
    _INSTANT,
    _EVIDENCE,
    Column("timing_reason", "text", "why there is no spread, or what restricts it; empty: nothing"),
)  # fmt: skip


def timing_tables(shot_id: Column, camera_key: Column, simulated: Column) -> dict[str, Table]:
    """Declare the tables that hold nothing but time.

    Parameters
    ----------
    shot_id, camera_key, simulated : Column
        As all tables have them.
    """
    return {
        "clock": Table(
            "each camera's clock, from one setting of it to the next",
            (camera_key, Column("epoch", "whole", "1; one more each time the clock was set")),
            (
                _POSITION,
                *_interval(
                    "theta",
                    "s",
                    "offset, s, relative to the median of the rig in the middle of the session (of stamps alone, with the camera's lag "
                    "in it), or, by arrivals, to the host with the shortest transfer in it",
                ),
                *_interval(
                    "drift", "ppm", "drift relative to the median of the rig, or to the host; 1 ppm is 3.6 ms an hour"
                ),
                Column("n", "whole", "stamps it rests on"),
                Column(
                    "method",
                    "word",
                    "two-way: stamps against the rig; lp: lower envelope of arrivals; led: stamps less measured lags; poll: clock read",
                    ("lp", "two-way", "poll", "led"),
                ),
                Column("step_at", "whole", "shot with which this epoch begins; <NA>: the first one"),
                _QUANTUM,
                _EVIDENCE,
                _REASON,
                simulated,
            ),
        ),
        "lags": Table(
            "what each camera does shot after shot",
            (camera_key,),
            (
                _POSITION,
                Column("n", "whole", "shots with a skew"),
                *_interval("lag", "ms", "median skew, ms; positive: late; a delay of the others corrects it"),
                *_interval("jitter", "ms", "1.4826 MAD of the skews, ms, as the stamps show them; nothing corrects it"),
                Column("arrival_s", "number", "median time from release to first news of the photo, s; not the shutter"),
                Column("arrival_p95_s", "number", "95th percentile of the same, s"),
                _QUANTUM,
                _INSTANT,
                _EVIDENCE,
                _REASON,
                simulated,
            ),
        ),
        "reference": Table(
            "readings of a counter in view, the latest of each camera and shot",
            (shot_id, camera_key),
            (
                _POSITION,
                Column("reading_ms", "number", "what the counter showed, ms"),
                Column("lit_first_ms", "number", "the first of several lit LEDs, ms"),
                Column("lit_last_ms", "number", "the last of them, ms"),
                Column("exposure_ms", "number", "exposure time by the lit LEDs, ms, to one step either way"),
                Column("skew_ms", "number", "difference to the median of the other cameras of the shot, ms"),
                Column("wrap_ms", "number", "after what the counter starts again, ms"),
                Column("step_ms", "number", "what one LED stands for, ms"),
                Column("instant", "word", "the instant of the exposure that is meant", _INSTANTS),
                Column("from_trigger", "flag", "the release starts the counter, so that readings are latencies"),
                Column("reader", "text", "who read it, or which program"),
                Column("noted", "wall", "host wall clock when the reading was entered"),
                simulated,
            ),
        ),
        "findings": Table(
            "what is not as it should be, the gravest first",
            (Column("finding_no", "whole", "from 0"),),
            (
                Column("severity", "word", "error: data are lost or wrong; warn: look at it; info: good to know", _SEVERITY),
                Column("rule", "text", "which rule found it"),
                Column("subject_kind", "word", "what it is about", _SUBJECTS),
                Column("key", "text", "which: camera key, hub, group; <NA>: the whole rig or session"),
                Column("position", "text", "where that camera stands; <NA>: not about one camera"),
                Column("shot_id", "whole", "in which shot; <NA>: not about one shot"),
                Column("effect", "number", "how much"),
                Column("unit", "text", "of the effect and its bounds"),
                Column("lo", "number", "lower bound, 95 %; <NA>: counted, not estimated"),
                Column("hi", "number", "upper bound, 95 %"),
                Column("n", "whole", "shots, stamps or files it rests on"),
                Column("p_adj", "number", "adjusted for everything that was looked at, below 0.05; <NA>: a fact, not a test"),
                Column("evidence", "level", "what it rests on; <NA>: the record itself, no time stamps", EVIDENCE),
                Column("text", "text", "the finding in a sentence"),
                Column("suggestion", "text", "what to do about it"),
            ),
        ),
        "checked": Table(
            "what was looked for, and the smallest effect that would have been found",
            (Column("rule", "text", "which rule"),),
            (
                Column("question", "text", "what it asks"),
                Column("n", "whole", "how many cameras, shots or exposures were looked at"),
                Column("found", "whole", "how many findings"),
                Column("detectable", "number", "effect that is found in 9 of 10 cases; <NA>: counted, every case is found"),
                Column("unit", "text", "of that effect"),
                Column("evidence", "level", "what it rests on; <NA>: the record itself", EVIDENCE),
                Column("reason", "text", "why it could not be checked; empty: it was"),
            ),
        ),
    }  # fmt: skip
