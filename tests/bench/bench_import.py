"""A whole import against a bare loop, and in how much memory; sink and clients are processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.bench import sink
from tests.bench.products import MAPPING, write_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

FEW, MANY = 20_000, 200_000


def measured(client: str, *arguments: str | Path) -> dict[str, float]:
    """Run a client in a process of its own and return what it says of itself: `cpu_s` and `peak_kib`."""
    command = [sys.executable, "-m", f"tests.bench.{client}", *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def rows() -> Iterator[tuple[str, float, str, str]]:
    """Yield the ratios of an import into an empty server."""
    with TemporaryDirectory() as folder, sink.running() as url:
        here = Path(folder)
        mapping = here / "products.yaml"
        mapping.write_text(MAPPING, encoding="utf-8")
        few, many = write_rows(here / "few.csv", FEW), write_rows(here / "many.csv", MANY)
        short = measured("client_import", few, mapping, url, here / "short")
        long = measured("client_import", many, mapping, url, here / "long")
        (here / "plain.yaml").write_text(MAPPING.replace("key: number", "write: create"), encoding="utf-8")
        plain = measured("client_import", many, here / "plain.yaml", url, here / "plain")
        bare = measured("client_bare", many, url)
        naive = measured("client_naive", few, url)
        yield (
            "import: peak memory",
            long["peak_kib"] / short["peak_kib"],
            "<= 1.2",
            f"a CSV of {MANY:,} rows against one of {FEW:,}, each in a process of its own",
        )
        yield (
            "import: client CPU",
            long["cpu_s"] / bare["cpu_s"],
            "<= 4",
            "the whole import against a bare loop: read, zip dicts, orjson, post with aiohttp",
        )
        yield (
            "import: client CPU, no diff",
            plain["cpu_s"] / bare["cpu_s"],
            "<= 2",
            "the same without a key: nothing is looked up, compared or remembered",
        )
        yield (
            "import: client CPU, naive",
            (naive["cpu_s"] / FEW) / (long["cpu_s"] / MANY),
            ">= 8",
            "iterrows, json and one request after the other, per row, against the whole import",
        )


if __name__ == "__main__":
    for row in rows():
        print(*row)
