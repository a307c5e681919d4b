"""A picture is shown without anything that its file tells beside it."""

from io import BytesIO
from zlib import crc32

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from espalier.safety.picture import MOST_PIXELS, TYPES, NoPicture, TooLarge, cleaned
from pictures import picture

SECRET = b"taken at 52.5 N 13.4 E"


def exif(turned: int) -> Image.Exif:
    told = Image.Exif()
    told[0x0112], told[0x010E] = turned, SECRET.decode()
    return told


def text() -> PngInfo:
    told = PngInfo()
    told.add_text("Comment", SECRET.decode())
    return told


@pytest.mark.parametrize(
    "told",
    [
        picture("PNG", pnginfo=text(), exif=exif(1), icc_profile=SECRET) + SECRET,
        picture("JPEG", comment=SECRET, exif=exif(1), icc_profile=SECRET) + SECRET,
        picture("WEBP", xmp=SECRET, exif=exif(1), icc_profile=SECRET) + SECRET,
        picture("WEBP", save_all=True, append_images=[Image.new("RGB", (3, 2), "green")]),
    ],
    ids=["png", "jpeg", "webp", "moving"],
)
def test_what_a_file_tells_beside_the_picture_is_left_out(told: bytes) -> None:
    found = cleaned(told)
    assert SECRET not in found.data
    with Image.open(BytesIO(told)) as before, Image.open(BytesIO(found.data)) as after:
        assert (found.type, found.width, found.height) == (TYPES[str(before.format)], *before.size)
        assert (after.format, after.size, getattr(after, "n_frames", 1)) == (before.format, before.size, 1)
        assert not {"exif", "xmp", "comment", "icc_profile", "Comment"} & after.info.keys()


def test_what_is_see_through_stays_so() -> None:
    file = BytesIO()
    Image.new("RGB", (3, 2), "red").save(file, "PNG", transparency=(255, 0, 0))
    with Image.open(BytesIO(cleaned(file.getvalue()).data)) as after:
        assert after.convert("RGBA").getpixel((0, 0))[3] == 0  # type: ignore[index]


def test_a_picture_that_was_taken_sideways_stands_upright() -> None:
    found = cleaned(picture("JPEG", (60, 40), exif=exif(6)))
    assert (found.width, found.height) == (40, 60)
    with Image.open(BytesIO(found.data)) as after:
        assert after.size == (40, 60)
        red, _, blue = after.getpixel((5, 30))  # type: ignore[misc]
        assert blue > 200 > 50 > red  # the lower half of the file, a quarter turned, is the left one


def test_a_small_file_that_unpacks_into_a_huge_picture_is_not_unpacked() -> None:
    png = bytearray(picture("PNG"))
    png[16:24] = (50_000).to_bytes(4, "big") * 2
    png[29:33] = crc32(png[12:29]).to_bytes(4, "big")
    for data in (bytes(png), picture("PNG", (MOST_PIXELS + 1, 1))):
        with pytest.raises(TooLarge):
            cleaned(data)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"<svg/>", picture("GIF"), picture("PNG")[:-30], picture("PNG").replace(b"IDAT", b"IDAB"),
        picture("JPEG")[:-30], b"\xff\xd8\xff", picture("WEBP")[:30], picture("PNG")[:40],
    ],
)  # fmt: skip
def test_anything_else_is_no_picture(data: bytes) -> None:
    with pytest.raises(NoPicture):
        cleaned(data)
