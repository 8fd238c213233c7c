"""An export against json_normalize with pandas' writers, and against openpyxl."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.bench import pages
from tests.bench.bench_import import measured

if TYPE_CHECKING:
    from collections.abc import Iterator

FEW, MANY, SHEET = 20_000, 100_000, 20_000


def rows() -> Iterator[tuple[str, float, str, str]]:
    """Yield the ratios of reading everything from a server that costs nothing."""
    with TemporaryDirectory() as folder, pages.running() as url:
        here = Path(folder)
        short = measured("client_export", url, FEW, here / "short.csv")
        for suffix, records, target in (
            ("csv", MANY, ">= 3"),
            ("parquet", MANY, ">= 3"),
            ("xlsx", SHEET, ">= 1.5"),
        ):
            ours = measured("client_export", url, records, here / f"ours.{suffix}")
            plain = measured("client_pandas", url, records, here / f"plain.{suffix}")
            way = "openpyxl write-only" if suffix == "xlsx" else "json_normalize and pandas' writer"
            yield (
                f"export: {suffix}, client CPU",
                plain["cpu_s"] / ours["cpu_s"],
                target,
                f"{records:,} records of 20 fields against {way}, reading included in both",
            )
            if suffix == "csv":
                yield (
                    "export: peak memory",
                    ours["peak_kib"] / short["peak_kib"],
                    "<= 1.1",
                    f"{MANY:,} records against {FEW:,}, each in a process of its own",
                )


if __name__ == "__main__":
    for row in rows():
        print(*row)
