"""File content: decoding what was sent, telling its type, measuring pictures, fetching addresses."""

from __future__ import annotations

import base64
import hashlib
import struct
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass

from etl.sandbox.refusals import Refusal

DOWNLOAD_TIMEOUT_S = 50
"""Source: AtroCore REST API, upload by URL."""
_ALPHABET = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"<?php", "text/x-php"),
    (b"<svg", "image/svg+xml"),
    (b"<html", "text/html"),
    (b"<!DOCTYPE html", "text/html"),
    (b"<?xml", "text/xml"),
)


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes and what is found out about them."""

    bytes_: bytes
    mime: str
    md5: str
    width: int | None
    """Pixels; None for anything but a PNG or GIF picture."""
    height: int | None


def read_content(data: bytes) -> Content:
    """Look at bytes as the server does."""
    width, height = _size(data)
    return Content(data, _mime(data), hashlib.md5(data, usedforsecurity=False).hexdigest(), width, height)


def decode(text: str) -> bytes | None:
    """Return what stands behind the comma of `data:…;base64,…`, decoded like PHP; None without a comma."""
    _, comma, encoded = text.partition(",")
    if not comma:
        return None
    kept = bytes(
        letter for letter in encoded.partition(",")[0].encode("ascii", "ignore") if letter in _ALPHABET
    )
    kept = kept[: len(kept) - (len(kept) % 4 == 1)]
    return base64.b64decode(kept + b"=" * (-len(kept) % 4))


def decode_exact(text: str) -> bytes | None:
    """Like decode(), quickly where every letter is good."""
    _, comma, encoded = text.partition(",")
    try:
        return base64.b64decode(encoded, validate=True) if comma else None
    except ValueError:
        return decode(text)


def _mime(data: bytes) -> str:
    if not data:
        return "application/x-empty"
    for signature, mime in _SIGNATURES:
        if data.startswith(signature):
            return mime
    try:
        data[:4096].decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(data[:4096]) - 4:
            return "application/octet-stream"
    return "application/octet-stream" if b"\0" in data[:4096] else "text/plain"


def _size(data: bytes) -> tuple[int | None, int | None]:
    if data.startswith(b"\x89PNG") and len(data) >= 24:
        width, height = struct.unpack(">II", data[16:24])
        return width, height
    if data.startswith(b"GIF8") and len(data) >= 10:
        width, height = struct.unpack("<HH", data[6:10])
        return width, height
    return None, None


def check_url(url: str) -> str:
    """Return the last part of an address's path.

    Raises:
        Refusal: 400, it is no address.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise Refusal(400, "not an address")
    return urllib.parse.unquote(parts.path.rpartition("/")[2])


def download(url: str, headers: dict[str, str]) -> bytes:
    """Fetch an address; redirects are followed.

    Raises:
        Refusal: 500, it could not be fetched.
    """
    check_url(url)
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  # http and https only, see check_url
    try:
        with urllib.request.urlopen(request, timeout=DOWNLOAD_TIMEOUT_S) as answer:  # noqa: S310  # the same
            data: bytes = answer.read()
            return data
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise Refusal(500, f"the download of {url!r} failed") from error
