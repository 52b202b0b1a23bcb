"""Why a camera did not deliver: the failure causes, as one table.

Source: the failure catalogue of rig users (lost cameras, misfires, files that never come, silence).
"""

from __future__ import annotations

__all__ = ["CAUSES", "advice"]

#: Cause -> what it means, and what to do. The order is the order of the categories in every table.
CAUSES: dict[str, tuple[str, str]] = {
    "not_ready": (
        "the camera was not Ready when the shot was fired, so it was not asked to fire",
        "plug it in, switch it on, rig.recover(), then shot.reshoot()",
    ),
    "lost_during": (
        "the camera went away after the shot was fired and no photo of it was heard of",
        "check its cable and power; a photo may still be on its card",
    ),
    "misfire": (
        "the application counted a failed photo for it (CameraNumPhotosFailed) and no photo came",
        "check focus mode, lens cap and mirror lock-up; shot.reshoot() fires only the missing cameras",
    ),
    "storage": (
        "the camera counts failed photos again and again while it writes to its card, or the application's disk is full",
        "look at the card and at the disk: full, locked, or missing; then shot.reshoot()",
    ),
    "no_response": (
        "nothing was heard of it, and asking again (GetCamera, Synchronise) found no photo either",
        "look at the body: it may be asleep, in a menu, or without a card",
    ),
    "refused": (
        "the application refused the request, so nothing was fired",
        "see session.requests for the reply",
    ),
    "not_sent": (
        "the request never reached the application, so nothing was fired",
        "check the connection, then fire again",
    ),
    "not_released": (
        "rigkit waited for a release by somebody else, and no photo of any camera was heard of in that time",
        "press the trigger while rig.expect() waits, or give it a longer timeout",
    ),
    "unknown": (
        "the request was sent and not answered; no photo was heard of",
        "look at the application before you fire again",
    ),
    "closed_early": (
        "the session was closed while it was still waited for",
        "connect again with the same session folder: what became of it is then found out",
    ),
    "download_failed": (
        "the photo was taken, but its file did not reach the computer",
        "the photo is still on the camera: shot.wait('files') asks for it again",
    ),
    "pending": (
        "the photo was taken and its file is still on its way",
        "wait longer: shot.wait('files', timeout=...)",
    ),
    "duplicate": (
        "the camera delivered more than one exposure for this shot",
        "look at both: they show different instants; session.photos lists them",
    ),
    "batch_slip": (
        "its batch number is not that of the other cameras any more: it missed an exposure, or made one on its own",
        "level the numbers before the next shot: rig.set_numbers(level=True)",
    ),
}


def advice(cause: str) -> str:
    """Say what a cause means and what to do about it, in one sentence."""
    meaning, remedy = CAUSES[cause]
    return f"{meaning}: {remedy}"
