"""Tables that verbs give back: what became of what was asked. They are not part of the record."""

from __future__ import annotations

from rigkit.record.column import Column, Table

__all__ = ["answer_tables"]


def answer_tables(camera_key: Column, position: Column, path_states: tuple[str, ...]) -> dict[str, Table]:
    """Declare them.

    Parameters
    ----------
    camera_key, position : Column
        As all tables have them.
    path_states : tuple of str
        What a file can be in.
    """
    return {
        "set": Table(
            "what rig.set() asked of each camera, and what it got",
            (camera_key,),
            (
                position,
                Column("property", "text", "CameraPropertyType"),
                Column("asked", "text", "the value as the caller wrote it"),
                Column("got", "text", "CameraPropertyValue read back afterwards"),
                Column("writeable", "flag", "CameraPropertyIsWriteable; false: a dial on the body"),
                Column("ok", "flag", "the camera has the value asked for"),
            ),
        ),
        "diff": Table(
            "where cameras are not set as their golden profile says",
            (camera_key,),
            (
                position,
                Column("property", "text", "CameraPropertyType"),
                Column("wanted", "text", "the value of the profile, as it was written"),
                Column("found", "text", "CameraPropertyValue; <NA>: not told, as it is away or has no such property"),
                Column("writeable", "flag", "CameraPropertyIsWriteable; false: a dial on the body"),
            ),
        ),
        "check": Table(
            "whether a shot could be fired now, and what is in its way; the last row is the verdict",
            (Column("check", "text", "what was looked at"),),
            (
                Column("ok", "flag", "it is as it should be; <NA>: could not be found out"),
                Column("level", "word", "stop: in the way of a shot", ("ok", "warn", "stop", "unknown")),
                Column("n", "whole", "how many cameras are concerned"),
                Column("positions", "text", "where these stand, the first twelve"),
                Column("found", "text", "what is so"),
                Column("wanted", "text", "what should be so"),
                Column("todo", "text", "what to do about it; empty: nothing"),
            ),
        ),
        "recovered": Table(
            "what became of the cameras that rig.recover() found in trouble",
            (camera_key,),
            (
                position,
                Column("before", "text", "CameraStatus before, or 'not seen'"),
                Column("after", "text", "the same afterwards"),
                Column("settings", "flag", "it has its golden settings; <NA>: it has none, or is away"),
                Column("ok", "flag", "it is Ready and set as it should be"),
                Column("todo", "text", "what is left to do about it; empty: nothing"),
            ),
        ),
        "verified": Table(
            "whether the files of photos are what they were when their checksums were taken",
            (Column("photo_key", "text", "PhotoKey"),),
            (
                position,
                Column("name", "text", "PhotoName"),
                Column("path", "text", "its file, seen from here"),
                Column("path_state", "word", "whether that file is there and of the right size", path_states),
                Column("ok", "flag", "it is what it was; <NA>: no checksum was taken, or it is not reachable"),
                Column("problem", "text", "what is not so, or why it is not known; empty: nothing"),
            ),
        ),
    }
