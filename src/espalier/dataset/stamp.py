"""The stamp of a release: its manifest, which names every file with its size and checksum, and SHA256SUMS.

Written last, read first. Knows files; what a release says of itself is release.py.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from espalier.dataset.write import replacing

MANIFEST: Final = "release.json"
SUMS: Final = "SHA256SUMS"
FORMAT: Final = 1


class BadRelease(ValueError):
    """A folder that is no release, and why."""


@dataclass(frozen=True, slots=True)
class Stamped:
    """A file as the manifest names it. bytes: its size."""

    path: str
    says: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a manifest says, and the files that it names."""

    said: Mapping[str, Any]
    files: tuple[Stamped, ...]


def write_stamp(folder: Path, said: Mapping[str, Any], says: Mapping[str, str]) -> dict[str, Any]:
    """Write the manifest and the checksums of all that lies in the folder; returns the manifest.

    says: of some files, a few words on what they hold.
    """
    files = [
        {"path": name, "says": says.get(name, ""), "bytes": path.stat().st_size, "sha256": checksum(path)}
        for name, path in files_in(folder).items()
    ]
    manifest = {**said, "files": files}
    with replacing(folder / MANIFEST) as file:
        file.write(json.dumps(manifest, ensure_ascii=False, indent=1).encode() + b"\n")
    sums = "".join(f"{checksum(path)}  {name}\n" for name, path in files_in(folder).items())
    with replacing(folder / SUMS) as file:
        file.write(sums.encode())
    return manifest


def read_stamp(folder: Path) -> Stamp:
    """The manifest of a release. Raises BadRelease."""
    path = folder / MANIFEST
    try:
        said = json.loads(path.read_bytes())
        if not isinstance(said, dict):
            raise BadRelease(f"{path} is no manifest of a release: it must be an object")
        if said.get("format") != FORMAT:
            raise BadRelease(f"{path} has the format {said.get('format')}; this program knows {FORMAT}")
        files = tuple(
            Stamped(str(each["path"]), str(each["says"]), int(each["bytes"]), str(each["sha256"]))
            for each in said["files"]
        )
    except OSError as error:
        raise BadRelease(f"{path} cannot be read: {error.strerror}; name the folder of a release") from None
    except KeyError as missing:
        raise BadRelease(f"{path} is no manifest of a release: the field {missing.args[0]} is missing") from None
    except (ValueError, TypeError) as wrong:
        if isinstance(wrong, BadRelease):
            raise
        raise BadRelease(f"{path} is no manifest of a release: {wrong}") from None
    return Stamp(said, files)


def read_sums(folder: Path) -> dict[str, str]:
    """Checksums by file, as `sha256sum --check` reads them. Raises BadRelease."""
    path = folder / SUMS
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise BadRelease(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadRelease(f"{path} is not UTF-8") from None
    found = {}
    for number, line in enumerate(lines, start=1):
        digest, between, name = line.partition("  ")
        if not between or len(digest) != 64:
            raise BadRelease(f"{path}:{number}: must be a checksum, two blanks and a file")
        found[name] = digest
    return found


def files_in(folder: Path) -> dict[str, Path]:
    """Every file in a folder and those below it, by its path from there, in the order of the names."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if not path.is_dir()}
    return dict(sorted(found.items()))


def checksum(path: Path) -> str:
    """SHA-256, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
