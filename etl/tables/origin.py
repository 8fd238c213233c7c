"""The bytes of a source: found on disk, unpacked where they are packed, and their digest."""

from __future__ import annotations

import difflib
import gzip
import hashlib
import io
import zipfile
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

from etl.errors import SourceEmpty, SourceMissing, SourceUnreadable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKED = (".gz", ".zip")
MOST_UNPACKED_BYTES = 1 << 30
"""Of formats that are held in memory to be unpacked."""


def suffix_of(path: Path) -> str:
    """Return the suffix that names the format, in lower case: `.csv` of `feed.csv` and `feed.csv.gz`.

    Of a ZIP it is that of the one file in it.

    Raises:
        SourceUnreadable: a ZIP with more or less than one file.
    """
    suffixes = [one.lower() for one in path.suffixes]
    if not suffixes or suffixes[-1] not in PACKED:
        return suffixes[-1] if suffixes else ""
    if suffixes[-1] == ".zip":
        with _reading(path), zipfile.ZipFile(path) as archive:
            name = _member(archive, path)
        return "." + name.rpartition(".")[2].lower()
    return suffixes[-2] if len(suffixes) > 1 else ""


def must_exist(path: Path) -> None:
    """Refuse a path that is no file or has nothing in it.

    Raises:
        SourceMissing: there is no such file; carries names in its folder that come close.
        SourceEmpty: not a single byte.
        SourceUnreadable: a folder.
    """
    if not path.exists():
        there = [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else []
        close = difflib.get_close_matches(path.name, there, n=1, cutoff=0.6)
        raise SourceMissing(str(path), close=[str(path.with_name(one)) for one in close])
    if path.is_dir():
        raise SourceUnreadable(str(path), reason="this is a folder.", advice="Name a file in it.")
    if path.stat().st_size == 0:
        raise SourceEmpty(str(path))


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading its bytes from the start, unpacked if it is a `.gz` or a `.zip` of one file.

    Raises:
        SourceMissing: it has gone.
        SourceUnreadable: no right to read it, or the packing is broken.
    """
    with _reading(path):
        if path.suffix.lower() == ".gz":
            with gzip.open(path, "rb") as packed:
                yield cast("BinaryIO", packed)
        elif path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as archive, archive.open(_member(archive, path)) as member:
                yield cast("BinaryIO", member)
        else:
            with path.open("rb") as plain:
                yield plain


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise SourceMissing(str(path)) from None
    except PermissionError:
        raise SourceUnreadable(
            str(path), reason="no right to read it.", advice="Change its rights, or close it elsewhere."
        ) from None
    except (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise SourceUnreadable(
            str(path),
            reason=f"it cannot be unpacked ({error}).",
            advice="Was it sent completely? Pack it anew.",
        ) from None


def _member(archive: zipfile.ZipFile, path: Path) -> str:
    names = [one.filename for one in archive.infolist() if not one.is_dir()]
    if len(names) != 1:
        listed = ", ".join(names[:5])
        raise SourceUnreadable(
            str(path),
            reason=f"the ZIP holds {len(names)} files{f' ({listed})' if names else ''}.",
            advice="Unpack it and name one of them; a zipped source is a ZIP of one file.",
        )
    return names[0]


def read_bytes(path: Path) -> io.BytesIO | Path:
    """Return what libraries that seek can open: the path itself, or the unpacked bytes in memory.

    Raises:
        SourceUnreadable: more would be unpacked than any table needs.
    """
    if path.suffix.lower() not in PACKED:
        return path
    with opened(path) as stream:
        data = stream.read(MOST_UNPACKED_BYTES + 1)
    if len(data) > MOST_UNPACKED_BYTES:
        raise SourceUnreadable(
            str(path),
            reason=f"it unpacks to more than {MOST_UNPACKED_BYTES:,} bytes.",
            advice="Unpack it and name the file; CSV is read from packed files of any size.",
        )
    return io.BytesIO(data)


def digest_of(path: Path) -> str:
    """Return SHA-256 over the bytes of the file as it lies there, in hexadecimal.

    Raises:
        SourceMissing: it has gone.
    """
    with _reading(path), path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
