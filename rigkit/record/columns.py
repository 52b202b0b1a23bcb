"""Every table rigkit hands out, declared once: its index, its columns, their dtypes, units and sources.

An empty table has the same columns and dtypes as a full one. Times name their clock: ``host_wall`` is the wall clock of the
computer that runs rigkit, ``_mono_s`` its monotonic clock, ``_app`` what the application reported. Durations end in their
unit. ``<NA>`` always means: not known, or not yet.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rigkit.record.answers import answer_tables
from rigkit.record.causes import CAUSES
from rigkit.record.column import Column, Table
from rigkit.record.timed import TIMED_EXPOSURES, TIMED_SHOTS, timing_tables
from rigkit.wire import FIELDS

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "OF_A_SESSION",
    "SCHEMA_VERSION",
    "TABLES",
    "TRIGGERS",
    "Column",
    "Table",
    "array_of",
    "describe",
    "dtype_of",
    "empty",
    "frame",
    "joined",
]

#: Tables of TABLES that a session has under the same name, those first that are asked for most.
OF_A_SESSION = (
    *("shots", "exposures", "photos", "cameras", "settings", "requests", "events", "loss", "warnings"),
    *("clock", "lags", "reference"),
)
#: Raised when a column is renamed, removed or changes its meaning; stored in ``DataFrame.attrs["schema"]``.
SCHEMA_VERSION = 1


_STATUS = ("captured", "recovered", "missing", "waiting")
#: What can release the shutters of a shot.
TRIGGERS = ("shoot", "trigger", "latch", "press", "external")
_PAIRING = ("origin", "batch", "window")
_CONFIDENCE = ("certain", "strong", "weak")
_PATH = ("here", "unreachable", "missing", "size_differs")

_SHOT_ID = Column("shot_id", "whole", "number of the shot within the session, from 1")
_CAMERA_KEY = Column("camera_key", "text", "the application's key of the camera (CameraKey); opaque")
_POSITION = Column("position", "text", "where the camera stands: layout position, else the camera's name")
_SUBJECT = Column("subject", "text", "who or what was captured, as given to shoot()")
_POSE = Column("pose", "text", "as given to shoot()")
_REP = Column("rep", "whole", "repetition, as given to shoot()")
_ATTEMPT = Column("attempt", "whole", "1 for the shot itself, one more for each reshoot of what was missing")
_TRIGGERED = Column("trigger", "word", "what released the shutters", TRIGGERS)
_SIMULATED = Column("simulated", "flag", "true: from rigkit's simulator, not from cameras")
_WALL = Column("host_wall", "wall", "host wall clock when the message was received or sent")
_MONO = Column("host_mono_s", "number", "the same instant on the host monotonic clock, s")
_PAIRED = Column(
    "pairing_method",
    "word",
    "how photo and shot were matched: tag echoed in PhotoOrigin, batch number, or time",
    _PAIRING,
)
_SURE = Column(
    "confidence",
    "word",
    "how sure that match is: certain (the tag came back), strong (the number foretold), weak (only the time fits)",
    _CONFIDENCE,
)
_ACCEPTED = Column("accepted", "flag", "the operator's verdict; <NA>: none given")

#: The kinds that are categories.
_WORDS = frozenset({"word", "level"})

TABLES: dict[str, Table] = {
    "events": Table(
        "every message heard, sent or noted, in order",
        (Column("event_no", "whole", "place in the record, from 0"),),
        (
            _WALL,
            _MONO,
            Column(
                "channel",
                "word",
                "publisher, our request, its reply, or rigkit's own note",
                ("pub", "req", "rep", "note"),
            ),
            Column("msg_id", "text", "message id in the names of the current dialect; of a note: its kind"),
            Column("msg_seq_num", "whole", "the publisher's counter, or the number of a request"),
            Column("msg_result", "flag", "msg_result, where the message has one"),
            _CAMERA_KEY,
            Column("photo_key", "text", "PhotoKey, where the message has one"),
            Column("gap", "whole", "events the publisher counted between the one before and this one that never came"),
            Column("bad", "flag", "true: the frame is not a message (kept as it came)"),
            Column("payload", "text", "the message as it came, JSON"),
        ),
    ),
    "requests": Table(
        "every request and what became of it",
        (Column("request_no", "whole", "number of the request within the session, from 0"),),
        (
            _WALL,
            _MONO,
            Column("msg_id", "text", "the request"),
            Column("msg_seq_num", "whole", "its number, echoed by the reply"),
            Column(
                "delivery",
                "word",
                "answered; no: never left; unknown: sent, not answered",
                ("answered", "no", "unknown"),
            ),
            Column("ok", "flag", "msg_result of the reply"),
            Column("reply_ms", "number", "from sending to the reply, ms"),
            _SHOT_ID,
            Column("payload", "text", "the request as sent, JSON"),
        ),
    ),
    "cameras": Table(
        "every camera the application knows, as last heard",
        (_CAMERA_KEY,),
        (
            _POSITION,
            Column("status", "word", "CameraStatus", FIELDS["CameraStatus"].choices),
            Column("name", "text", "CameraName, set in the application"),
            Column("group", "text", "CameraGroup, set in the application; empty: none"),
            Column("groups", "text", "groups of its place in the layout, joined by ';'"),
            Column("hub", "text", "what it hangs on (USB hub, power strip, computer), by the layout"),
            Column("lens", "text", "its lens, by the layout"),
            Column("expected", "flag", "counts as expected in a shot of the whole rig"),
            Column("make", "text", "CameraMake"),
            Column("model", "text", "CameraModel"),
            Column("serial", "text", "CameraSerialNumber"),
            Column("battery_pct", "whole", "CameraBatterylevel, %"),
            Column("power", "word", "CameraPowersource", FIELDS["CameraPowersource"].choices),
            Column("n_cards", "whole", "CameraNumCards"),
            Column("batch_next", "whole", "CameraInfo.PhotoBatchNum: the number its next exposure will get"),
            Column("n_taken", "whole", "CameraNumPhotosTaken"),
            Column("n_failed", "whole", "CameraNumPhotosFailed"),
            Column("n_downloaded", "whole", "CameraNumDownloadsComplete"),
            Column("n_downloads_failed", "whole", "CameraNumDownloadsFailed"),
            Column(
                "download_rate",
                "number",
                "CameraDownloadRate, in the unit the application uses (documented as MB/s, not certain)",
            ),
            Column("trigger_index", "whole", "CameraTriggerIndex"),
            Column("node_key", "text", "NodeKey: the computer it hangs on; empty: a stand-alone application"),
            Column("last_heard", "wall", "host wall clock of the last message about it"),
            _SIMULATED,
        ),
    ),
    "settings": Table(
        "every property of every camera, as last heard",
        (_CAMERA_KEY, Column("property", "text", "CameraPropertyType")),
        (
            _POSITION,
            Column("value", "text", "CameraPropertyValue"),
            Column("writeable", "flag", "CameraPropertyIsWriteable; false: a dial on the body"),
            Column("choices", "text", "CameraPropertyRange, joined by '; '"),
        ),
    ),
    **answer_tables(_CAMERA_KEY, _POSITION, _PATH),
    "shots": Table(
        "one row per shot",
        (_SHOT_ID,),
        (
            Column("session_id", "text", "the session's id, 8 hex digits"),
            _SUBJECT,
            _POSE,
            _REP,
            Column("note", "text", "as given to shoot()"),
            _TRIGGERED,
            _ATTEMPT,
            Column(
                "outcome",
                "word",
                "of the release: accepted, refused, undelivered, unknown",
                ("accepted", "refused", "undelivered", "unknown"),
            ),
            Column("requested", "wall", "host wall clock when the release was sent"),
            Column("requested_mono_s", "number", "the same on the host monotonic clock, s"),
            Column("reply_ms", "number", "from the release to its reply, ms; a reply says accepted, not exposed"),
            Column("n_expected", "whole", "cameras expected when the shot was fired"),
            Column("n_exposed", "whole", "of these, with a photo heard of"),
            Column("n_missing", "whole", "of these, accounted as missing"),
            Column("n_excluded", "whole", "cameras left out by name (rig.without)"),
            Column("n_on_disk", "whole", "of these, with the file on the application's disk"),
            Column("complete", "flag", "every expected camera has a photo"),
            _ACCEPTED,
            Column("reason", "text", "why, in the operator's words"),
            Column("superseded_by", "whole", "the shot that was taken in its place (shot.retake())"),
            Column("first_arrival_s", "number", "first news of a photo after the release, host monotonic, s"),
            Column("last_arrival_s", "number", "last camera's first news of its photo after the release, s"),
            Column("on_disk_s", "number", "last file on disk after the release, s; <NA> while one is outstanding"),
            *TIMED_SHOTS,
            Column("tag", "text", "what was sent as PhotoOrigin"),
            _SIMULATED,
        ),
    ),
    "exposures": Table(
        "one row per expected camera of every shot, also where no photo came",
        (_SHOT_ID, _CAMERA_KEY),
        (
            _POSITION,
            Column("serial", "text", "serial number of the body that stood there when it was fired; <NA>: not known"),
            Column("status", "word", "what became of it; recovered: found by asking, its event was not heard", _STATUS),
            Column(
                "cause", "word", "why it is missing, why its file is not here, or what is odd about it", tuple(CAUSES)
            ),
            Column("detail", "text", "more on the cause, for example the status of the camera; how it was recovered"),
            Column(
                "common_cause",
                "text",
                "node, hub or group that most of the cameras missing from this shot share, where chance does not explain it",
            ),
            _ATTEMPT,
            _ACCEPTED,
            _SUBJECT,
            _POSE,
            _REP,
            _TRIGGERED,
            Column("batch_num", "whole", "PhotoBatchNum of the photo"),
            Column("n_photos", "whole", "photos of this exposure (RAW+JPEG make two)"),
            Column("n_files", "whole", "of these, on the application's disk"),
            Column("requested", "wall", "host wall clock when the release was sent"),
            Column(
                "arrival_s",
                "number",
                "from the release to the first news of the photo, host monotonic, s; not the shutter",
            ),
            Column("on_disk_s", "number", "from the release to the news that its file is on disk, host monotonic, s"),
            Column(
                "date_captured",
                "local",
                "PhotoDateCaptured, the application's word; camera or host clock, not known which",
            ),
            Column("size_bytes", "whole", "PhotoFilesize, summed over its photos"),
            Column("late", "flag", "heard of only after it had been accounted missing"),
            Column("duplicate", "flag", "the camera delivered more than one exposure for this shot"),
            _PAIRED,
            _SURE,
            Column("photo_key", "text", "PhotoKey of the first photo"),
            *TIMED_EXPOSURES,
            _SIMULATED,
        ),
    ),
    "photos": Table(
        "one row per photo",
        (Column("photo_key", "text", "PhotoKey"),),
        (
            _SHOT_ID,
            _CAMERA_KEY,
            _POSITION,
            _ATTEMPT,
            _SUBJECT,
            _POSE,
            _REP,
            _TRIGGERED,
            _PAIRED,
            _SURE,
            Column(
                "before", "flag", "true: of no shot of this sitting, and the application held it when the sitting began"
            ),
            Column("location", "word", "PhotoLocation", FIELDS["PhotoLocation"].choices),
            Column("name", "text", "PhotoName: the file name after the collision check"),
            Column("computed_name", "text", "PhotoComputedName: the file name before it"),
            Column("collided", "flag", "the two names differ: another file had that name"),
            Column("original_name", "text", "PhotoOriginalName: the camera's own file name"),
            Column("filename", "text", "PhotoFilename: the path on the application's computer, as it came"),
            Column("path", "text", "the same file seen from here; <NA>: not reachable by any mapping"),
            Column("path_state", "word", "whether that file is there and of the right size", _PATH),
            Column("format", "word", "PhotoFormat", FIELDS["PhotoFormat"].choices),
            Column("is_image", "flag", "PhotoIsImage; false: a video"),
            Column("width", "whole", "PhotoWidth, px"),
            Column("height", "whole", "PhotoHeight, px"),
            Column("size_bytes", "whole", "PhotoFilesize"),
            Column("orientation", "text", "PhotoOrientation"),
            Column("aperture", "text", "PhotoAperture, as reported"),
            Column("shutter_speed", "text", "PhotoShutterSpeed, as reported"),
            Column("iso", "text", "PhotoISO, as reported"),
            Column("focal_length", "text", "PhotoFocalLength, as reported"),
            Column("hash", "text", "PhotoHash; by which rule, and of what, no public source says"),
            Column("sha256", "text", "SHA-256 of its file as read from here, hex; <NA>: not taken"),
            Column(
                "date_captured",
                "local",
                "PhotoDateCaptured, the application's word; camera or host clock, not known which",
            ),
            Column(
                "date_captured_before",
                "local",
                "PhotoDateCaptured as told while the photo was on the camera; <NA>: it was not told there",
            ),
            Column("t_exif", "camera", "DateTimeOriginal with its sub-seconds, from its file; <NA>: none, or not read"),
            Column("subsec_digits", "whole", "digits of SubSecTimeOriginal; <NA>: whole seconds only, or not read"),
            Column(
                "created_app",
                "wall",
                "when the application made the entry, from a version-1 PhotoKey; <NA>: another kind of key",
            ),
            Column("first_heard", "wall", "host wall clock of the first message about it"),
            Column("first_heard_mono_s", "number", "the same on the host monotonic clock, s"),
            Column("on_disk_mono_s", "number", "host monotonic clock of the message that put it on disk, s"),
            Column("sequence_num", "whole", "PhotoSequenceNum"),
            Column("batch_num", "whole", "PhotoBatchNum"),
            Column("session_name", "text", "PhotoSessionName"),
            Column("session_num", "whole", "PhotoSessionNum"),
            Column("barcode", "text", "PhotoBarcode"),
            Column("origin", "text", "PhotoOrigin"),
            Column("uuid", "text", "PhotoUUID"),
            Column("node_key", "text", "NodeKey"),
            _SIMULATED,
        ),
    ),
    **timing_tables(_SHOT_ID, _CAMERA_KEY, _SIMULATED),
    "warnings": Table(
        "what was wrong with the rig while somebody watched",
        (Column("warning_no", "whole", "number of the warning within the session, from 0"),),
        (
            Column("since", "wall", "host wall clock when it was first seen"),
            Column("over", "wall", "host wall clock when it was seen to be over; <NA>: it was not"),
            Column(
                "rule",
                "text",
                "which rule: not_seen, disconnected, battery, card, live_view, setting, dial, batch, failing, label",
            ),
            Column("stop", "flag", "true: a shot would have lacked this camera, or been worth nothing"),
            _CAMERA_KEY,
            _POSITION,
            Column("found", "text", "what was so when it was first seen"),
            Column("wanted", "text", "what should be"),
            Column("todo", "text", "what to do"),
        ),
    ),
    "loss": Table(
        "what was published and never heard",
        (Column("loss_no", "whole", "from 0"),),
        (
            Column("t", "wall", "host wall clock when it was noticed"),
            Column(
                "where",
                "word",
                "gap: numbers skipped; tail: the last ones; restart: the counter went back; away: nobody listened",
                ("gap", "tail", "restart", "away"),
            ),
            Column("n", "whole", "messages lost; <NA>: can't be known"),
            Column("first_seq", "whole", "first number that never came"),
            Column("last_seq", "whole", "last number that never came"),
            Column("recovered_by", "text", "the request that brought the state up to date again; <NA>: none yet"),
        ),
    ),
}


@functools.cache
def dtype_of(column: Column) -> Any:
    """Pandas dtype of a column; explicit in everything that pandas 3 would otherwise infer."""
    import pandas as pd

    if column.kind in _WORDS:
        return pd.CategoricalDtype(list(column.words), ordered=column.kind == "level")
    return {
        "text": pd.StringDtype("pyarrow", na_value=pd.NA),
        "whole": pd.Int64Dtype(),
        "number": pd.Float64Dtype(),
        "flag": pd.BooleanDtype(),
        "wall": pd.DatetimeTZDtype("us", "UTC"),
        "local": "datetime64[ms]",
        "camera": "datetime64[us]",
    }[column.kind]


def array_of(column: Column, values: list[Any]) -> Any:
    """Values of a column as a pandas array of its dtype."""
    import pandas as pd

    if column.kind == "wall":  # integer nanoseconds of the Unix epoch, or None
        stamps = pd.array([None if value is None else value // 1000 for value in values], dtype="Int64")
        return pd.to_datetime(stamps, unit="us", utc=True).astype(dtype_of(column)).array
    if column.kind in _WORDS:  # a word nobody declared is kept out of the category, never an error
        known = set(column.words)
        values = [value if value in known else None for value in values]
    return pd.array(values, dtype=dtype_of(column))


def frame(name: str, rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Build one of the tables.

    Parameters
    ----------
    name : str
        Which, a key of ``TABLES``.
    rows : iterable of Mapping
        Values by column name; what a row lacks is ``<NA>``. Wall times are integer nanoseconds of the Unix epoch.

    Returns
    -------
    pandas.DataFrame
        Declared columns and dtypes, in declared order, sorted as given.
    """
    import pandas as pd

    table = TABLES[name]
    rows = list(rows)
    columns = {column.name: array_of(column, [row.get(column.name) for row in rows]) for column in table.all}
    keys = {column.name: columns.pop(column.name) for column in table.keys}
    # An index keeps the dtype of the array it is made of; a MultiIndex keeps that of each level.
    if len(keys) == 1:
        index = pd.Index(*keys.values(), name=table.keys[0].name)
    else:
        index = pd.MultiIndex.from_arrays(list(keys.values()), names=list(keys))
    built = pd.DataFrame(columns, index=index, copy=False)  # the arrays are nobody else's
    built.attrs["schema"] = f"rigkit.{name}/{SCHEMA_VERSION}"
    return built


def joined(name: str, said: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Put the columns of a table together that two sides know; the index is that of both.

    Parameters
    ----------
    name : str
        A key of ``TABLES``.
    said, known : pandas.DataFrame
        Columns of it; those of ``known`` count where both have them.
    """
    import pandas as pd

    columns = {one.name: (known if one.name in known.columns else said)[one.name].array for one in TABLES[name].columns}
    table = pd.DataFrame(columns, index=said.index, copy=False)
    table.attrs["schema"] = f"rigkit.{name}/{SCHEMA_VERSION}"
    return table


def empty(name: str) -> pd.DataFrame:
    """Build a table without rows."""
    return frame(name, ())


def describe(name: str) -> pd.DataFrame:
    """List the columns of a table: what each holds, its kind and its words.

    Parameters
    ----------
    name : str
        A key of ``TABLES``.
    """
    import pandas as pd

    return pd.DataFrame(
        [(column.name, column.kind, column.about, ", ".join(column.words)) for column in TABLES[name].all],
        columns=["column", "kind", "about", "words"],
    ).set_index("column")
