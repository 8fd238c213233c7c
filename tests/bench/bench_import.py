"""A whole import against a bare loop, and in how much memory; sink and clients are processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.bench import sink
from tests.bench.products import MAPPING, write_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

FEW, MANY = 20_000, 200_000
ROUNDS = 3
"""Every client runs once in each: what else the machine does strikes all of them. Medians count."""


def measured(client: str, *arguments: str | Path) -> dict[str, float]:
    """Run a client in a process of its own and return what it says of itself: `cpu_s` and `peak_kib`."""
    command = [sys.executable, "-m", f"tests.bench.{client}", *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def round_of(here: Path, url: str, *, number: int) -> dict[str, float]:
    """Run every client once; return the ratios by the names of their rows."""
    few, many = here / "few.csv", here / "many.csv"
    short, long, plain = (here / f"{name}{number}" for name in ("short", "long", "plain"))
    at_first = measured("client_import", few, here / "products.yaml", url, short)
    whole = measured("client_import", many, here / "products.yaml", url, long)
    bare = measured("client_bare", many, url)
    no_diff = measured("client_import", many, here / "plain.yaml", url, plain)
    naive = measured("client_naive", few, url)
    return {
        "peak memory": whole["peak_kib"] / at_first["peak_kib"],
        "client CPU": whole["cpu_s"] / bare["cpu_s"],
        "client CPU, no diff": no_diff["cpu_s"] / bare["cpu_s"],
        "client CPU, naive": (naive["cpu_s"] / FEW) / (whole["cpu_s"] / MANY),
    }


ROWS = {
    "peak memory": ("<= 1.2", f"a CSV of {MANY:,} rows against one of {FEW:,}, each in a process of its own"),
    "client CPU": (
        "<= 4",
        "the whole import against a bare loop: read, zip dicts, orjson, post with aiohttp",
    ),
    "client CPU, no diff": ("<= 2", "the same without a key: nothing is looked up, compared or remembered"),
    "client CPU, naive": (
        ">= 8",
        "iterrows, json, httpx, one request after the other, against the whole import",
    ),
}
"""What each row is to be, and what it compares."""


def rows() -> Iterator[tuple[str, float, str, str]]:
    """Yield the ratios of an import into an empty server."""
    with TemporaryDirectory() as folder, sink.running() as url:
        here = Path(folder)
        write_rows(here / "few.csv", FEW)
        write_rows(here / "many.csv", MANY)
        (here / "products.yaml").write_text(MAPPING, encoding="utf-8")
        without_key = MAPPING.replace("key: number", "write: create")
        (here / "plain.yaml").write_text(without_key, encoding="utf-8")
        rounds = [round_of(here, url, number=number) for number in range(ROUNDS)]
    for name, (target, compared) in ROWS.items():
        yield f"import: {name}", median(one[name] for one in rounds), target, compared


if __name__ == "__main__":
    for row in rows():
        print(*row)
