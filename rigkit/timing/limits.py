"""How much skew matters: motion, ground sample distance, blur and flash."""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "MOTIONS",
    "FlashBudget",
    "acceptable_skew_ms",
    "blur_px",
    "flash_budget",
    "lateness_from_band_ms",
    "shift_px",
]

#: How fast what moves in front of a rig moves, mm/s. General knowledge, not measured here: defaults to be checked.
MOTIONS: dict[str, float] = {
    "breathing": 8.0,
    "standing sway": 10.0,
    "speaking": 200.0,
    "gesture": 1000.0,
    "walking": 1400.0,
}


class FlashBudget(NamedTuple):
    """Whether all shutters are fully open at the flash.

    Attributes
    ----------
    margin_ms : float
        Exposure less curtain, flash and spread; below 0 some camera has a dark band.
    greatest_spread_ms : float
        Largest spread at which the margin is 0; below 0: this exposure time can't be used with flash at all.
    simultaneity_ms : float
        What the pictures are simultaneous to: the flash where the margin is kept, else the spread.
    """

    margin_ms: float
    greatest_spread_ms: float
    simultaneity_ms: float


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"{name} = {value:g}: it takes a positive number")


def acceptable_skew_ms(speed_mm_s: float, gsd_mm: float, shift_px: float = 1.0) -> float:
    """Give the spread at which two views of something moving are shifted by so many pixels: S = p GSD / v.

    Parameters
    ----------
    speed_mm_s : float
        Of the fastest thing that matters, see :data:`MOTIONS`.
    gsd_mm : float
        Ground sample distance: what one pixel covers on the subject (mm).
    shift_px : float
        0.5 to 1 is usual.

    Returns
    -------
    float
        Milliseconds: 30 for standing sway at 0.3 mm and 1 px.

    Raises
    ------
    ValueError
        One of them is not positive.
    """
    _positive(speed_mm_s=speed_mm_s, gsd_mm=gsd_mm, shift_px=shift_px)
    return 1e3 * shift_px * gsd_mm / speed_mm_s


def shift_px(speed_mm_s: float, spread_ms: float, gsd_mm: float) -> float:
    """Give the shift between views (px) of something moving, for a spread: v S / GSD.

    Raises
    ------
    ValueError
        The ground sample distance is not positive.
    """
    _positive(gsd_mm=gsd_mm)
    return speed_mm_s * spread_ms / 1e3 / gsd_mm


def blur_px(speed_mm_s: float, exposure_ms: float, gsd_mm: float) -> float:
    """Give the motion blur within one view (px): v T_exp / GSD; to be kept at or below 1.

    Raises
    ------
    ValueError
        The ground sample distance is not positive.
    """
    return shift_px(speed_mm_s, exposure_ms, gsd_mm)


def flash_budget(
    exposure_ms: float,
    spread_ms: float,
    *,
    x_sync_s: float = 1 / 225,
    curtain_ms: float | None = None,
    flash_ms: float = 0.1,
) -> FlashBudget:
    """Say whether every shutter is fully open when the flash fires.

    Parameters
    ----------
    exposure_ms : float
        Exposure time.
    spread_ms : float
        From the first to the last shutter.
    x_sync_s : float
        Shortest exposure with flash of the bodies, about the time of the curtain.
    curtain_ms : float or None
        Time of the curtain over the sensor; None: ``x_sync_s``.
    flash_ms : float
        Duration of the flash (t0.1).

    Raises
    ------
    ValueError
        Exposure or curtain is not positive, spread or flash negative.
    """
    curtain = 1e3 * x_sync_s if curtain_ms is None else curtain_ms
    _positive(exposure_ms=exposure_ms, curtain_ms=curtain)
    if spread_ms < 0 or flash_ms < 0:
        raise ValueError(f"a spread of {spread_ms:g} ms, a flash of {flash_ms:g} ms: neither can be negative")
    greatest = exposure_ms - curtain - flash_ms
    margin = greatest - spread_ms
    return FlashBudget(margin, greatest, flash_ms if margin >= 0 else spread_ms)


def lateness_from_band_ms(band_height: float, frame_height: float, curtain_ms: float) -> float:
    """Give the lateness (ms) of a camera whose frame has a dark band: its share of the frame's height times the curtain's time.

    Parameters
    ----------
    band_height, frame_height : float
        In one unit; measured along the curtain's travel, so across for bodies mounted upright.
    curtain_ms : float
        Time of the curtain over the sensor.

    Raises
    ------
    ValueError
        The band is higher than the frame, or something is not positive.
    """
    _positive(frame_height=frame_height, curtain_ms=curtain_ms)
    if not 0 <= band_height <= frame_height:
        raise ValueError(f"a band of {band_height:g} in a frame of {frame_height:g}: it takes 0 to the frame's height")
    return band_height / frame_height * curtain_ms
