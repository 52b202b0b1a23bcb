"""The studio: recipes in, picture files out. Pure and repeatable; Pillow is imported with this module and nowhere else.

Pictures are small and real: a JPEG that any viewer opens, in the colour of its ring, with the camera's name and the photo's
number drawn legibly, and EXIF by the camera's own clock. A raw file is a small TIFF, which is what a NEF is at heart; a video
is an empty QuickTime container. Neither holds sensor data.
"""

from __future__ import annotations

import colorsys
import functools
import io
import struct
from fractions import Fraction

from PIL import Image, ImageDraw, ImageFont
from PIL.TiffImagePlugin import IFDRational, ImageFileDirectory_v2

from rigkit.sim.clocks import captured_text
from rigkit.sim.outcome import Recipe

__all__ = ["develop"]

_QUALITIES = (88, 70, 40, 10)  # tried in turn until the picture fits the size that was announced for it
_EXIF = 0x8769  # the tag that holds the EXIF directory
_LONGEST_COMMENT = 65_533  # bytes of one JPEG segment


def develop(recipe: Recipe) -> bytes:
    """Make a file.

    Parameters
    ----------
    recipe : Recipe
        What to make.

    Returns
    -------
    bytes
        Exactly ``recipe.size`` of them, unless that is 0.

    Raises
    ------
    ValueError
        The size is too small for such a picture.
    """
    if recipe.kind == "frame":
        return _frame(recipe.camera, recipe.hue, recipe.number, recipe.width, recipe.height)
    if recipe.kind == "video":
        return _container(recipe.size)
    picture = _base(recipe.camera, recipe.hue, recipe.width, recipe.height).copy()
    draw = ImageDraw.Draw(picture)
    draw.text(
        (6, recipe.height - 6), str(recipe.number), fill=(255, 255, 255), font=_font(recipe.height // 3), anchor="ld"
    )
    if recipe.kind == "raw":
        return _tiff(picture, recipe)
    return _jpeg(picture, recipe)


@functools.lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)


@functools.lru_cache(maxsize=1024)
def _base(camera: str, hue: float, width: int, height: int) -> Image.Image:
    """Draw what all pictures of one camera share: a lit background in its ring's colour, a grid, its name."""
    top = tuple(round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.55, 0.75))
    bottom = tuple(round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.75, 0.30))
    ramp = Image.linear_gradient("L").resize((width, height))
    picture = Image.composite(Image.new("RGB", (width, height), bottom), Image.new("RGB", (width, height), top), ramp)
    draw = ImageDraw.Draw(picture)
    for x in range(0, width, 20):
        draw.line((x, 0, x, height), fill=bottom)
    for y in range(0, height, 20):
        draw.line((0, y, width, y), fill=bottom)
    draw.text((6, 4), camera[:12], fill=(255, 255, 255), font=_font(height // 3), anchor="lt")
    return picture


@functools.lru_cache(maxsize=2048)
def _frame(camera: str, hue: float, phase: int, width: int, height: int) -> bytes:
    """Draw a live-view frame: the same scene with a bar that moves."""
    picture = _base(camera, hue, width, height).copy()
    x = phase * width // 10
    ImageDraw.Draw(picture).rectangle((x, height - 14, x + width // 10, height - 4), fill=(255, 255, 255))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=60)
    return out.getvalue()


def _exif(recipe: Recipe) -> Image.Exif:
    second, _, fraction = captured_text(recipe.taken_ms).partition(".")
    date, _, time = second.partition(" ")
    minutes = abs(recipe.utc_offset_minutes)
    exif = Image.Exif()
    exif[0x010F] = recipe.make
    exif[0x0110] = recipe.model
    exif[0x0131] = "rigkit simulator"
    inner = exif.get_ifd(_EXIF)
    inner[0x829A] = IFDRational(*recipe.exposure)
    inner[0x829D] = IFDRational(Fraction(recipe.f_number).limit_denominator(100))
    inner[0x8827] = recipe.iso
    inner[0x9003] = f"{date[:4]}:{date[4:6]}:{date[6:]} {time}"
    inner[0x9011] = f"{'-' if recipe.utc_offset_minutes < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"
    inner[0x9291] = fraction[: recipe.subsec_digits]
    inner[0x920A] = IFDRational(Fraction(recipe.focal_mm).limit_denominator(100))
    inner[0xA431] = recipe.serial
    return exif


def _jpeg(picture: Image.Image, recipe: Recipe) -> bytes:
    """Write a JPEG of the announced size: what is missing is filled with comment segments behind the EXIF."""
    exif = _exif(recipe).tobytes()
    for quality in _QUALITIES:
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=quality, exif=exif)
        content = out.getvalue()
        missing = recipe.size - len(content)
        if not recipe.size or missing == 0:
            return content
        if missing >= 4:
            at = _after_applications(content)
            return content[:at] + _comments(missing) + content[at:]
    raise ValueError(f"{recipe.size} bytes are too few for a picture of {recipe.width} x {recipe.height} pixels")


def _after_applications(content: bytes) -> int:
    """Return where the segments of applications (JFIF, EXIF) end, which readers expect to come first."""
    at = 2
    while content[at] == 0xFF and 0xE0 <= content[at + 1] <= 0xEF:
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return at


def _comments(missing: int) -> bytes:
    """Return comment segments of exactly so many bytes, at least 4."""
    out = bytearray()
    while missing:
        room = min(missing, _LONGEST_COMMENT + 4)
        if 0 < missing - room < 4:
            room -= 4  # what is left over must hold a segment too
        out += b"\xff\xfe" + struct.pack(">H", room - 2) + bytes(room - 4)
        missing -= room
    return bytes(out)


def _tiff(picture: Image.Image, recipe: Recipe) -> bytes:
    """Write a small TIFF, filled with zeros at its end."""
    out = io.BytesIO()
    small = picture.resize((max(1, recipe.width // 2), max(1, recipe.height // 2)))
    exif = _exif(recipe)
    info = ImageFileDirectory_v2()
    for tag, value in exif.items():
        info[tag] = value
    info[_EXIF] = dict(exif.get_ifd(_EXIF))
    small.save(out, "TIFF", tiffinfo=info)
    content = out.getvalue()
    if recipe.size and len(content) > recipe.size:
        raise ValueError(f"{recipe.size} bytes are too few for a raw file")
    return content.ljust(recipe.size, b"\0")


def _container(size: int) -> bytes:
    """Write an empty QuickTime file: its type, and free space."""
    kind = b"\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00qt  "
    room = max(8, size - len(kind))
    return kind + struct.pack(">I", room) + b"free" + bytes(room - 8)
