"""A picture as somebody uploads it, made fit to be shown: what it is, how large, and nothing in it but the picture.

PNG, JPEG and WebP are taken apart by their own structure and put together again from the parts that make the picture;
where and with what it was taken, names, comments, thumbnails and whatever hangs behind its end stay out. The pixels are
not decoded. Knows bytes; does not know where a picture is shown.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

PNG, JPEG, WEBP = "image/png", "image/jpeg", "image/webp"
TYPES: Final = (PNG, JPEG, WEBP)
_PNG_BEGINS: Final = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"sRGB", b"gAMA", b"cHRM", b"sBIT"})
_WEBP_KEPT: Final = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"})
_WEBP_LEFT_OUT: Final = 0x20 | 0x08 | 0x04
"""Flags of a WebP file that promise a colour profile and metadata."""
_BARE_MARKERS: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_KEPT: Final = _FRAMES | {0xC4, 0xCC, 0xDB, 0xDD, 0xDA}


class NoPicture(ValueError):
    """These bytes are no picture of a type that is taken, or a broken one."""


@dataclass(frozen=True, slots=True)
class Picture:
    """`width`, `height`: in pixels, as it is shown."""

    type: str
    width: int
    height: int
    data: bytes


def cleaned(data: bytes) -> Picture:
    """The picture alone. Raises NoPicture."""
    try:
        if data.startswith(_PNG_BEGINS):
            found = _png(data)
        elif data.startswith(b"\xff\xd8\xff"):
            found = _jpeg(data)
        elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            found = _webp(data)
        else:
            raise NoPicture("neither PNG nor JPEG nor WebP")
    except IndexError:
        raise NoPicture("it ends too early") from None
    if not (found.width and found.height):
        raise NoPicture("it has no size")
    return found


def _number(data: bytes, at: int, size: int, *, little: bool = False) -> int:
    part = data[at : at + size]
    if len(part) < size:
        raise NoPicture("it ends too early")
    return int.from_bytes(part, "little" if little else "big")


def _png(data: bytes) -> Picture:
    kept = [_PNG_BEGINS]
    at, size = len(_PNG_BEGINS), (0, 0)
    while True:
        length, name = _number(data, at, 4), data[at + 4 : at + 8]
        whole = data[at : at + 12 + length]
        if len(whole) < 12 + length or zlib.crc32(whole[4:-4]) != _number(whole, 8 + length, 4):
            raise NoPicture("a part of it is broken")
        if name == b"IHDR":
            size = _number(whole, 8, 4), _number(whole, 12, 4)
        if name in _PNG_KEPT:
            kept.append(whole)
        if name == b"IEND":
            return Picture(PNG, *size, b"".join(kept))
        at += len(whole)


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The segments of a JPEG file behind its beginning, each with its marker; of a scan with its coded pixels."""
    at = 2
    while True:
        if data[at] != 0xFF:
            raise NoPicture("a part of it is broken")
        while data[at + 1] == 0xFF:
            at += 1
        marker = data[at + 1]
        if marker == 0xD9:
            return
        end = at + 2 if marker in _BARE_MARKERS else at + 2 + _number(data, at + 2, 2)
        if end > len(data):
            raise NoPicture("it ends too early")
        if marker == 0xDA:
            end = _end_of_scan(data, end)
        yield marker, data[at:end]
        at = end


def _end_of_scan(data: bytes, at: int) -> int:
    while (at := data.find(b"\xff", at)) >= 0:
        if data[at + 1] not in (0, 0xFF) and data[at + 1] not in _BARE_MARKERS:
            return at
        at += 1 if data[at + 1] == 0xFF else 2
    raise NoPicture("it ends too early")


def _jpeg(data: bytes) -> Picture:
    kept: list[bytes] = []
    head: list[bytes] = []
    width = height = 0
    turned = 1
    for marker, segment in _segments(data):
        if marker in _FRAMES and not width:
            height, width = _number(segment, 5, 2), _number(segment, 7, 2)
        if marker == 0xE1 and segment[4:10] == b"Exif\0\0":
            turned = _orientation(segment[10:])
        elif marker == 0xE0 and segment[4:9] == b"JFIF\0" and len(segment) >= 18 and not head:
            head.append(b"\xff\xe0\x00\x10" + segment[4:16] + b"\0\0")
        elif marker == 0xEE and segment[4:9] == b"Adobe":  # says how the colours are coded
            head.append(segment)
        elif marker in _JPEG_KEPT:
            kept.append(segment)
    if turned != 1:
        head.append(_only_orientation(turned))
    if turned >= 5:
        width, height = height, width
    return Picture(JPEG, width, height, b"".join([b"\xff\xd8", *head, *kept, b"\xff\xd9"]))


def _orientation(exif: bytes) -> int:
    """How the picture is turned: 1 (not at all) to 8."""
    little = exif[:2] == b"II"
    first = _number(exif, 4, 4, little=little)
    for entry in range(_number(exif, first, 2, little=little)):
        at = first + 2 + 12 * entry
        if _number(exif, at, 2, little=little) == 0x0112:
            turned = _number(exif, at + 8, 2, little=little)
            return turned if 1 <= turned <= 8 else 1
    return 1


def _only_orientation(turned: int) -> bytes:
    exif = b"MM\0*\0\0\0\x08" + b"\0\x01" + b"\x01\x12\0\x03\0\0\0\x01" + bytes((0, turned, 0, 0)) + bytes(4)
    return b"\xff\xe1" + (8 + len(exif)).to_bytes(2) + b"Exif\0\0" + exif


def _webp(data: bytes) -> Picture:
    kept: list[bytes] = []
    width = height = 0
    at, end = 12, 8 + _number(data, 4, 4, little=True)
    if end > len(data):
        raise NoPicture("it ends too early")
    while at + 8 <= end:
        name, length = data[at : at + 4], _number(data, at + 4, 4, little=True)
        body = data[at + 8 : at + 8 + length]
        if len(body) < length:
            raise NoPicture("it ends too early")
        if not width:
            width, height = _webp_size(name, body)
        if name == b"VP8X":
            body = bytes((body[0] & ~_WEBP_LEFT_OUT & 0xFF,)) + body[1:]
        if name in _WEBP_KEPT:
            kept.append(name + length.to_bytes(4, "little") + body + b"\0" * (length % 2))
        at += 8 + length + length % 2
    whole = b"WEBP" + b"".join(kept)
    return Picture(WEBP, width, height, b"RIFF" + len(whole).to_bytes(4, "little") + whole)


def _webp_size(name: bytes, body: bytes) -> tuple[int, int]:
    match name:
        case b"VP8X":
            return _number(body, 4, 3, little=True) + 1, _number(body, 7, 3, little=True) + 1
        case b"VP8 " if body[3:6] == b"\x9d\x01\x2a":
            return _number(body, 6, 2, little=True) & 0x3FFF, _number(body, 8, 2, little=True) & 0x3FFF
        case b"VP8L" if body[:1] == b"\x2f":
            bits = _number(body, 1, 4, little=True)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return 0, 0
