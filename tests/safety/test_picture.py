"""A picture is shown without anything that its file tells beside it."""

import pytest

from espalier.safety.picture import JPEG, PNG, WEBP, NoPicture, cleaned
from pictures import png, png_part

SECRET = b"taken at 52.5 N 13.4 E"


def segment(marker: int, body: bytes) -> bytes:
    return bytes((0xFF, marker)) + (2 + len(body)).to_bytes(2, "big") + body


def jpeg(*more: bytes) -> bytes:
    frame = segment(0xC0, b"\x08\x00\x02\x00\x03\x01\x01\x11\x00")
    scan = segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + b"\x12\xff\x00\x34\xff\xd0\x56"
    return b"\xff\xd8" + b"".join(more) + segment(0xDB, bytes(65)) + frame + scan + b"\xff\xd9"


def exif(turned: int) -> bytes:
    entry = b"\x12\x01\x03\x00\x01\x00\x00\x00" + bytes((turned, 0, 0, 0))
    return segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\x01\0" + entry + bytes(4) + SECRET)


def webp(*more: bytes, flags: int = 0) -> bytes:
    def part(name: bytes, body: bytes) -> bytes:
        return name + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) % 2)

    whole = b"WEBP" + part(b"VP8X", bytes((flags, 0, 0, 0, 2, 0, 0, 1, 0, 0))) + part(b"VP8L", b"\x2f" + bytes(6))
    whole += b"".join(part(each[:4], each[4:]) for each in more)
    return b"RIFF" + len(whole).to_bytes(4, "little") + whole


@pytest.mark.parametrize(
    ("told", "bare", "kind"),
    [
        (png(png_part(b"tEXt", SECRET), png_part(b"eXIf", SECRET)), png(), PNG),
        (png() + SECRET, png(), PNG),
        (jpeg(segment(0xFE, SECRET), exif(1), segment(0xED, SECRET)) + SECRET, jpeg(), JPEG),
        (webp(b"EXIF" + SECRET, b"XMP " + SECRET, flags=0x0C) + SECRET, webp(), WEBP),
    ],
)
def test_what_a_file_tells_beside_the_picture_is_left_out(told: bytes, bare: bytes, kind: str) -> None:
    found = cleaned(told)
    assert (found.data, found.type, found.width, found.height) == (bare, kind, 3, 2)
    assert cleaned(found.data) == found


def test_a_picture_that_was_taken_sideways_stays_upright() -> None:
    found = cleaned(jpeg(exif(6)))
    assert (found.width, found.height) == (2, 3)
    assert SECRET not in found.data
    assert cleaned(found.data) == found


@pytest.mark.parametrize(
    "data",
    [b"", b"<svg/>", b"GIF89a", png()[:-5], png().replace(b"IDAT", b"IDAB"), jpeg()[:-3], b"\xff\xd8\xff", webp()[:30]],
)
def test_anything_else_is_no_picture(data: bytes) -> None:
    with pytest.raises(NoPicture):
        cleaned(data)
