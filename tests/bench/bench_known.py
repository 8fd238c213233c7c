"""A second import of a file of which nothing, or a hundredth, has changed; each in a process of its own.

The size is an argument: `python -m tests.bench.bench_known 1000000`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.bench import sink
from tests.bench.bench_import import measured
from tests.bench.products import MAPPING, write_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 200_000
EVERY = 100
"""One row in so many is changed."""
MIB = 1024


def change_rows(source: Path, target: Path) -> int:
    """Write the table again with other names in some rows; return how many they are."""
    changed = 0
    with source.open(encoding="utf-8") as lines, target.open("w", encoding="utf-8") as file:
        for number, line in enumerate(lines):
            if number % EVERY == 1:
                number_, _, rest = line.split(";", 2)
                file.write(f"{number_};another name;{rest}")
                changed += 1
            else:
                file.write(line)
    return changed


def rows(count: int = ROWS) -> Iterator[tuple[str, float, str, str]]:
    """Yield the ratios of a second and a third import."""
    with TemporaryDirectory() as folder, sink.running() as url:
        here = Path(folder)
        mapping = here / "products.yaml"
        mapping.write_text(MAPPING, encoding="utf-8")
        source = write_rows(here / "products.csv", count)
        measured("client_import", source, mapping, url, here / "state")
        read = measured("client_read", source)
        again = measured("client_again", source, mapping, url, here / "state", "0")
        changed = change_rows(source, here / "changed.csv")
        third = measured("client_again", here / "changed.csv", mapping, url, here / "state", str(changed))
        told = f"{count:,} rows that are known, client CPU, against reading the file once"
        yield "known: first pass", again["scan_s"] / read["cpu_s"], "<= 4", told
        told = "the same, from connecting to its report; nothing was sent"
        yield "known: second import", again["cpu_s"] / read["cpu_s"], "<= 8", told
        yield (
            "known: peak memory",
            again["peak_kib"] / MIB / 300,
            "<= 1",
            f"{again['peak_kib'] / MIB:.0f} MiB against 300 MiB",
        )
        yield (
            "known: a hundredth changed",
            third["cpu_s"] / again["cpu_s"],
            "<= 3",
            f"{changed:,} rows were sent and no other was looked at, client CPU against the import before",
        )


if __name__ == "__main__":
    for row in rows(*map(int, sys.argv[1:])):
        print(*row)
