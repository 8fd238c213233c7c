"""Uploads against a bare loop and against the first way one would write it; each in a process of its own."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.bench import file_sink
from tests.bench.bench_import import measured

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGE_BYTES, SHORT_BYTES = 1 << 30, 1 << 25
SMALL_FILES, SMALL_BYTES = 2000, 50_000
BLOCK_BYTES = 1 << 22


def write_files(folder: Path, sizes: list[int], *, suffix: str) -> dict[str, tuple[str, int]]:
    """Write files of invented content and return hash and size of each name."""
    folder.mkdir()
    block = random.Random(folder.name).randbytes(BLOCK_BYTES)  # noqa: S311  no secret
    expected = {}
    for number, size in enumerate(sizes):
        name, digest, left = f"{folder.name}{number:05}.{suffix}", hashlib.md5(usedforsecurity=False), size
        with (folder / name).open("wb") as file:
            # The number makes each of them another content.
            part = b"\xff\xd8\xff" + number.to_bytes(8, "big")
            while left:
                part = (part + block)[: min(left, BLOCK_BYTES)]
                digest.update(part)
                file.write(part)
                left, part = left - len(part), b""
        expected[name] = (digest.hexdigest(), size)
    return expected


def measure(large_bytes: int, small_files: int) -> Iterator[tuple[str, float, str, str]]:
    """Yield the ratios for one file of a size and for some small ones."""
    with TemporaryDirectory() as temporary:
        here = Path(temporary)
        sizes = {
            "large": [large_bytes],
            "short": [min(SHORT_BYTES, large_bytes)],
            "small": [SMALL_BYTES] * small_files,
        }
        expected: dict[str, tuple[str, int]] = {}
        for name, each in sizes.items():
            expected |= write_files(here / name, each, suffix="jpg")
        (here / "expected.json").write_text(json.dumps(expected), encoding="utf-8")
        used = {}
        for way, name in [
            *((way, name) for way in ("bare", "naive", "ours") for name in ("large", "small")),
            ("ours", "short"),
        ]:
            with file_sink.running(here / "expected.json") as url:
                used[way, name] = measured("client_files", way, here / name, url)
    files = {"large": f"one file of {large_bytes >> 20:,} MiB", "small": f"{small_files:,} files of 50 KB"}
    for name, told in files.items():
        ours = used["ours", name]["cpu_s"]
        yield (
            f"upload, {name}: client CPU",
            ours / used["bare", name]["cpu_s"],
            "<= 2.5",
            f"{told} against a bare aiohttp loop with pybase64 and MD5",
        )
    both = {way: used[way, "large"]["cpu_s"] + used[way, "small"]["cpu_s"] for way in ("naive", "ours")}
    yield (
        "upload: client CPU, naive",
        both["naive"] / both["ours"],
        ">= 4",
        "all of them with the standard library: base64, json.dumps, MD5, urllib, against ours",
    )
    yield (
        "upload: peak memory",
        used["ours", "large"]["peak_kib"] / used["ours", "short"]["peak_kib"],
        "<= 1.1",
        f"one file of {large_bytes >> 20:,} MiB against one of {sizes['short'][0] >> 20} MiB",
    )


def rows() -> Iterator[tuple[str, float, str, str]]:
    """Yield the ratios of uploads."""
    yield from measure(LARGE_BYTES, SMALL_FILES)


if __name__ == "__main__":
    import sys

    for row in measure(int(sys.argv[1]) << 20, int(sys.argv[2])) if len(sys.argv) > 2 else rows():
        print(*row)
