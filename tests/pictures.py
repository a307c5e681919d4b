"""Small pictures as bytes."""

import zlib


def png_part(name: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big")


def png(*more: bytes) -> bytes:
    head = png_part(b"IHDR", (3).to_bytes(4, "big") + (2).to_bytes(4, "big") + bytes((8, 0, 0, 0, 0)))
    pixels = png_part(b"IDAT", zlib.compress(b"\0\1\2\3" * 2))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + pixels + png_part(b"IEND", b"")
