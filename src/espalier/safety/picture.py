"""A picture as somebody uploads it, made fit to be shown: what it is, how large, and nothing in it but the picture.

Pillow decodes it, turns it upright and writes its first frame anew; where and with what it was taken, names, comments,
thumbnails and whatever hangs behind its end stay out. Knows bytes; does not know where a picture is shown.
"""

import struct
from dataclasses import dataclass
from io import BytesIO
from typing import Final

TYPES: Final = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
MOST_PIXELS: Final = 4000  # of a side
_SEVERAL_IN_ONE: Final = "MPO"
"""JPEG files in which a telephone keeps a second picture behind the first."""
_QUALITY: Final = 85
_BROKEN: Final = (OSError, SyntaxError, ValueError, EOFError, struct.error)


class NoPicture(ValueError):
    """These bytes are no picture of a type that is taken, or a broken one."""


class TooLarge(NoPicture):
    """It has more than MOST_PIXELS to a side."""


@dataclass(frozen=True, slots=True)
class Picture:
    """`width`, `height`: in pixels, as it is shown."""

    type: str
    width: int
    height: int
    data: bytes


def cleaned(data: bytes) -> Picture:
    """The picture alone. Raises NoPicture, and TooLarge before anything is decoded."""
    from PIL import Image, ImageOps  # seldom needed, and slow to load

    try:
        with Image.open(BytesIO(data), formats=list(TYPES)) as opened:
            kind = str(opened.format).replace(_SEVERAL_IN_ONE, "JPEG")
            upright = ImageOps.exif_transpose(opened) if max(opened.size) <= MOST_PIXELS else None
    except Image.DecompressionBombError:
        upright = None
    except _BROKEN as error:
        raise NoPicture(str(error)) from None
    if upright is None:
        raise TooLarge(f"more than {MOST_PIXELS} pixels to a side")
    # What Pillow knows beside the pixels it may write again; only what is see-through belongs to the picture.
    upright.info = {name: value for name, value in upright.info.items() if name == "transparency"}
    written = BytesIO()
    upright.save(written, kind, quality=_QUALITY)
    return Picture(TYPES[kind], upright.width, upright.height, written.getvalue())
