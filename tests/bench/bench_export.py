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
        short = measured("client_export", url, FEW, here / "short.csv", "plain")
        for suffix, records, target in (
            ("csv", MANY, ">= 3"),
            ("parquet", MANY, ">= 3"),
            ("xlsx", SHEET, ">= 1.5"),
        ):
            plain = measured("client_pandas", url, records, here / f"theirs.{suffix}")
            way = "openpyxl write-only" if suffix == "xlsx" else "json_normalize and pandas' writer"
            for style in ("plain", "people") if suffix == "xlsx" else ("plain",):
                ours = measured("client_export", url, records, here / f"{style}.{suffix}", style)
                named = " for people" if style == "people" else ""
                compared = f"{records:,} records of 20 fields against {way}, reading included in both"
                yield f"export: {suffix}{named}, client CPU", plain["cpu_s"] / ours["cpu_s"], target, compared
                if suffix == "csv":
                    compared = f"{MANY:,} records against {FEW:,}, each in a process of its own"
                    yield "export: peak memory", ours["peak_kib"] / short["peak_kib"], "<= 1.1", compared


if __name__ == "__main__":
    for row in rows():
        print(*row)
