"""Of the files: whether there is room for them, and whether their names say which photo they are.

Source: OptionsInfo and NodeInfo of the External API (DownloadPath, FallbackPath, FilenameExpression, PhotoSessionName,
NodeDiskSpace).
"""

from __future__ import annotations

import shutil

from rigkit.account.collisions import unclear_names
from rigkit.display.grids import plain
from rigkit.preflight.looked import Finding, Looked, judged, several
from rigkit.record.labels import file_text
from rigkit.record.mapping import local_path
from rigkit.record.state import text_of, whole_of

__all__ = ["disk", "names", "subject"]

#: What a photo takes where none has come yet: a raw file of 24 to 45 megapixels.
_PHOTO_BYTES = 25_000_000
#: Files of so many of the last shots say how large the next will be.
_RECENT_SHOTS = 10


def disk(looked: Looked) -> Finding:
    """Whether there is room for the next photos where they go."""
    folder = text_of(looked.state.options.get("DownloadPath"))
    if not folder:
        return Finding("unknown", "the application tells no DownloadPath", "", "look at its options")
    shot, how = _shot_bytes(looked)
    need = shot * looked.disk_shots
    wanted = f"{need / 1e9:.1f} GB for {looked.disk_shots} shots ({how})"
    free, whose = _free(looked, folder)
    if free is None:
        return Finding("unknown", whose, wanted, "map the folder: connect(..., photos={there: here})")
    found = f"{free / 1e9:.1f} GB {whose}, room for {free // max(shot, 1)} shots"
    todo = "make room, or choose another folder: rig.set_options(download_path=...)"
    if free < need:
        return Finding("stop" if free < shot else "warn", found, wanted, todo)
    if _falls_back(looked):
        return Finding(
            "warn",
            f"{found}; but the last photos went to FallbackPath",
            wanted,
            "see why DownloadPath can't be written to",
        )
    return Finding("ok", found, wanted)


def _shot_bytes(looked: Looked) -> tuple[int, str]:
    """Forecast what one shot takes, bytes, and say from what."""
    photos = looked.state.photos
    sizes = []
    for shot in list(looked.sitting.session.account.shots.values())[-_RECENT_SHOTS:]:
        for exposure in shot.exposures.values():
            size = sum(whole_of(photos[key].get("PhotoFilesize")) or 0 for key in exposure.photos)
            sizes += [size] if size > 0 else []
    if sizes:
        median = sorted(sizes)[len(sizes) // 2]
        return median * len(looked.keys), f"{median / 1e6:.1f} MB each, as in the last shots"
    per_shot = sum(max(1, one.count("CameraPhotosPerCapture") or 1) for one in looked.cameras)
    return per_shot * _PHOTO_BYTES, f"{_PHOTO_BYTES / 1e6:.0f} MB per photo, an assumption until the first shot"


def _free(looked: Looked, folder: str) -> tuple[int | None, str]:
    """Find out how many bytes are free where photos go, and by whose word; None: nobody says."""
    session = looked.sitting.session
    here = session.files.folder(folder)
    if here is not None and session.simulated:  # it is made with the first photo
        here = next((one for one in (here, *here.parents) if one.is_dir()), None)
    if here is not None and here.is_dir():
        return shutil.disk_usage(here).free, f"free in {plain(folder, 120)}"
    told = whole_of(looked.state.node.get("NodeDiskSpace"))
    where = f"{plain(folder, 120)} is not reachable from here"
    return (None, where) if told is None else (told, f"free, as the application says ({where})")


def _falls_back(looked: Looked) -> bool:
    """Whether the last photos went where they go when DownloadPath can't be written to."""
    usual, fallback = (text_of(looked.state.options.get(name)) for name in ("DownloadPath", "FallbackPath"))
    if not usual or not fallback or local_path(usual, {fallback: "."}) is not None:
        return False  # where the one lies in the other, a photo there tells nothing
    last = list(looked.state.photos.values())[-len(looked.keys) :]
    return any(local_path(one.filename or "", {fallback: "."}) is not None for one in last)


def names(looked: Looked) -> Finding:
    """Whether no two photos get one name."""
    twins: dict[str, list[str]] = {}
    for one in looked.cameras:
        twins.setdefault(one.name, []).append(one.key)
    alike = tuple(key for name, keys in twins.items() if name and len(keys) > 1 for key in keys)
    expression = text_of(looked.state.options.get("FilenameExpression"))
    unclear = list(unclear_names(looked.state.options, unique_names=not alike))
    if alike:
        found = f"{looked.labels(alike)} share the name of another camera"
        return Finding("warn", several([found, *unclear]), "a name of its own for each", "rig[key].rename(...)", alike)
    if expression is None:
        return Finding("unknown", "the application tells no FilenameExpression")
    if unclear:
        todo = "rig.set_options(filename_expression='[C]_[S]') in the application's own tokens"
        return Finding("warn", f"{plain(expression)}: {several(unclear)}", "names that can't collide", todo)
    return Finding("ok", f"{plain(expression)}: no two photos get one name")


def subject(looked: Looked) -> Finding:
    """Whether the application names photos by the subject of this sitting."""
    subject = looked.sitting.session.manifest.subject
    if not subject:
        return Finding("ok", "no sitting was begun for a subject")
    wrong = looked.wrong("label")
    if wrong:
        return judged(looked, wrong, "")
    if not looked.sitting.knows_field("PhotoSessionName"):
        return Finding("unknown", "this application has no session name")
    told, wanted = text_of(looked.state.options.get("PhotoSessionName")), file_text(subject)
    if told in {subject, wanted}:
        return Finding("ok", f"{subject}, and the application says so")
    # Before rigkit fires it sets the name itself.
    todo = f"before anybody else releases: rig.set_options(photo_session_name={wanted!r})"
    return Finding("warn", f"the application says {plain(told)!r}", f"{wanted!r}", todo)
