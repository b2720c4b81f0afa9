"""Reference data as one value: the files of a directory, their digest, and the archive in which they are installed."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

from shared.reference.faults import FileFault, InvalidReferenceError
from shared.texts import filled, phrase

SAMPLE_COHORTS = "sample_cohorts.yaml"
"""Invented cohort members, which a system for samples has beside its plan."""

_PATTERNS = ("*.csv", "*.yaml", "criteria/*.yaml", "plans/*.yaml", "sources/*.txt")
_LARGEST_BYTES = 64 * 2**20
_MADE_AT = (1980, 1, 1, 0, 0, 0)
"""The time of every file in an archive, so that the same files make the same archive."""

type Files = Mapping[str, str]
"""The text of each file by its path below the directory, with `/` between folders."""


class DamagedArchiveError(Exception):
    """An archive that is no ZIP file of reference data, or whose digest is another."""


def read_files(directory: Path) -> Files:
    """Read the files of reference data in a directory; InvalidReferenceError where one is no text."""
    paths = sorted({path for pattern in _PATTERNS for path in directory.glob(pattern)})
    return {path.relative_to(directory).as_posix(): _text(path) for path in paths}


def digest_of(plan: str | None, files: Files) -> str:
    """Return the digest of the plans' names and all files; line ends and byte order marks make no difference."""
    content = json.dumps({"plan": plan, "files": dict(files)}, sort_keys=True, ensure_ascii=False)
    return "sha256:" + hashlib.sha256(content.encode()).hexdigest()


def pack(files: Files) -> bytes:
    """Return the files as a ZIP file, which is the same for the same files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, _MADE_AT), text.encode(), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def unpack(packed: bytes) -> Files:
    """Return the files of an archive; DamagedArchiveError where it is none."""
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _LARGEST_BYTES:
                raise DamagedArchiveError(f"more than {_LARGEST_BYTES} bytes")
            return {entry.filename: archive.read(entry).decode() for entry in archive.infolist()}
    except (zipfile.BadZipFile, zlib.error, UnicodeDecodeError, NotImplementedError) as error:
        raise DamagedArchiveError(str(error)) from error


def write_files(files: Files, directory: Path) -> None:
    """Write the files below a directory; DamagedArchiveError where a path leads elsewhere."""
    for name, text in files.items():
        path = (directory / name).resolve()
        if not path.is_relative_to(directory.resolve()):
            raise DamagedArchiveError(f"{name} leads out of the directory")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problem = filled(phrase("reference_located.unreadable_file"), error=error)
        remedy = phrase("reference_located.check_path_and_file")
        raise InvalidReferenceError([FileFault(path, 1, "", "", problem, remedy)]) from None
