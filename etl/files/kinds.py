"""Whether a content can be what its name says: error pages saved as pictures, mostly."""

from __future__ import annotations

import mimetypes
from pathlib import PurePosixPath

from etl.files.wanted import Flaw, Rules

HEAD_BYTES = 512
"""Enough of a file to tell what it is."""

# What contents begin with. Source: the formats' own specifications; RFC 2083, ISO 32000, RFC 9649 …
_PICTURES = (
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"BM",
    b"II*\0",
    b"MM\0*",
    b"\0\0\x01\0",
    b"8BPS",
    b"RIFF",
)
_PICTURE_NAMES = frozenset({"png", "jpg", "jpeg", "gif", "webp", "bmp", "tif", "tiff", "ico", "psd"})
_BEGINNINGS: dict[str, tuple[bytes, ...]] = {
    **dict.fromkeys(_PICTURE_NAMES, _PICTURES),
    "pdf": (b"%PDF",),
    **dict.fromkeys(("zip", "xlsx", "docx", "pptx", "odt", "ods"), (b"PK",)),
}
"""Suffix -> beginnings, of which a file of this name has one. A picture under the name of another kind of
picture is shown all the same, so all of them may begin alike."""
_PAGES = (b"<!doctype html", b"<html", b"<?xml", b"<head", b"<body")


def suffix_of(name: str) -> str:
    """Return what stands behind the last dot of a name, in lower case; empty: there is none."""
    return PurePosixPath(name.replace("\\", "/")).suffix[1:].lower()


def misfit(path: str, name: str, *, size_bytes: int, md5: str, rules: Rules) -> Flaw | None:
    """Return why a file of this name and content may not be used; None: it may."""
    suffix = suffix_of(name)
    allowed = [one.lower().lstrip(".") for one in rules.extensions]
    if allowed and suffix not in allowed:
        return Flaw(
            "file_wrong_extension", {"path": path, "extension": suffix, "allowed": ", ".join(allowed)}
        )
    count = f"{size_bytes:,}"
    if rules.most_bytes is not None and size_bytes > rules.most_bytes:
        return Flaw("file_too_large", {"path": path, "bytes": count, "most": f"{rules.most_bytes:,}"})
    if rules.md5 not in ("", md5):
        return Flaw("file_not_as_planned", {"path": path, "bytes": count, "md5": md5, "planned": rules.md5})
    return None


def mistaken(path: str, name: str, head: bytes) -> Flaw | None:
    """Return why a content is not what its name says; None: it may be.

    Args:
        head: its first bytes.
    """
    suffix = suffix_of(name)
    beginnings = _BEGINNINGS.get(suffix)
    if beginnings is None or head.startswith(beginnings) or head[4:12].startswith(b"ftyp"):
        return None
    if not _is_text(head):
        return None
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    # Only what it is instead is held against it: a table of beginnings never knows all of them.
    kind = "a web page" if text.startswith(_PAGES) else "JSON" if text.startswith((b"{", b"[")) else ""
    return Flaw("file_wrong_type", {"path": path, "extension": suffix, "kind": kind}) if kind else None


def _is_text(head: bytes) -> bool:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # The last letter may be cut.
        return error.start > len(head) - 4 and b"\0" not in head
    return b"\0" not in head


def suffix_for(content_type: str) -> str:
    """Return the suffix, with its dot, that files of a media type have; empty: not known."""
    return {"image/jpeg": ".jpg", "image/webp": ".webp"}.get(content_type) or (
        mimetypes.guess_extension(content_type) or ""
    )
