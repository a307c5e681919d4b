"""Small pictures as bytes: red above, blue below, of 3 × 2 pixels unless told otherwise."""

from io import BytesIO
from typing import Any

from PIL import Image


def picture(kind: str = "PNG", size: tuple[int, int] = (3, 2), **saved: Any) -> bytes:
    """`saved`: what Pillow writes into the file beside the pixels."""
    drawn = Image.new("RGB", size, "red")
    drawn.paste("blue", (0, size[1] // 2, *size))
    file = BytesIO()
    drawn.save(file, kind, **saved)
    return file.getvalue()
