"""Reading and writing tables against the bare libraries; CPU in one process, best of three."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import openpyxl
import pyarrow as pa
from pyarrow import csv, parquet

from etl import tables
from etl.tables.hazards import HazardScan
from tests.bench.usage import cpu_s, printed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROWS, SHEET_ROWS = 200_000, 10_000
FEW, MANY = 100_000, 1_000_000
WORDS = ["Bohrer", "Schraube", "Hammer", "Lampe", "Kabel", "Zange", "Topf", "Pfanne", "Säge", "grün", "weiß"]


def products(rows: int) -> pa.Table:
    """Return a table of 20 product-like text columns, some 290 bytes a row."""
    chance = random.Random(20)  # noqa: S311  invented rows
    columns = {}
    for at in range(4):
        columns[f"EAN {at}"] = [f"{chance.randrange(10**8):013d}" for _ in range(rows)]
        columns[f"Name {at}"] = [" ".join(chance.choices(WORDS, k=3)) for _ in range(rows)]
        columns[f"Preis {at}"] = [f"{chance.random() * 1000:.2f}".replace(".", ",") for _ in range(rows)]
        columns[f"Aktiv {at}"] = ["ja" if chance.random() < 0.8 else "" for _ in range(rows)]
        columns[f"Text {at}"] = [" ".join(chance.choices(WORDS, k=5)) for _ in range(rows)]
    return pa.table(columns)


def typed(rows: int) -> pa.Table:
    """Return a table of 20 columns as they stand in a workbook: texts, numbers, truth values."""
    chance = random.Random(21)  # noqa: S311  invented rows
    columns: dict[str, pa.Array] = {}
    for at in range(5):
        columns[f"Nummer {at}"] = pa.array([f"A-{chance.randrange(10**6):06d}" for _ in range(rows)])
        columns[f"Name {at}"] = pa.array([" ".join(chance.choices(WORDS, k=3)) for _ in range(rows)])
        columns[f"Preis {at}"] = pa.array([round(chance.random() * 1000, 2) for _ in range(rows)])
        columns[f"Menge {at}"] = pa.array([chance.randrange(1000) for _ in range(rows)])
    return pa.table(columns)


def cost(work: Callable[[], object]) -> float:
    """Return the CPU seconds of the best of three runs."""
    found = []
    for _ in range(3):
        before = cpu_s()
        work()
        found.append(cpu_s() - before)
    return min(found)


def read_all(path: Path) -> None:
    """Read every frame of a table."""
    for _ in tables.read(path).frames():
        pass


def scan_all(path: Path) -> None:
    """Read every frame of a table and look for hazards in it."""
    table = tables.read(path)
    scan = HazardScan(table)
    for frame in table.frames():
        scan.add(frame)
    scan.hazards()


def bare_csv(path: Path) -> None:
    """Read a CSV file as pyarrow does, all columns as text, in blocks of 1 MB, and nothing else."""
    names = csv.open_csv(path, parse_options=csv.ParseOptions(delimiter=";")).schema.names
    for _ in csv.open_csv(
        path,
        read_options=csv.ReadOptions(block_size=1 << 20),
        parse_options=csv.ParseOptions(delimiter=";", newlines_in_values=True),
        convert_options=csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
    ):
        pass


def bare_parquet(path: Path) -> None:
    """Read a Parquet file batch by batch, and nothing else."""
    for _ in parquet.ParquetFile(path, pre_buffer=False).iter_batches(20_000):
        pass


def bare_xlsx(path: Path) -> None:
    """Read a workbook as openpyxl does in its read-only mode."""
    book = openpyxl.load_workbook(path, read_only=True)
    for _ in book.active.iter_rows(values_only=True):
        pass
    book.close()


def openpyxl_write(path: Path, data: pa.Table) -> None:
    """Write a workbook as openpyxl does in its write-only mode."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(data.column_names)
    for row in zip(*(column.to_pylist() for column in data.columns), strict=True):
        sheet.append(row)
    book.save(path)


def peak_kib(path: Path) -> float:
    """Return the peak memory of a process that reads a table."""
    command = [sys.executable, "-m", "tests.bench.bench_tables", str(path)]
    return float(
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["peak_kib"]
    )


def write_plain(path: Path, rows: int) -> Path:
    """Write a CSV of short rows."""
    with path.open("w", encoding="utf-8") as file:
        file.write("Nummer;Name;Preis;Text\n")
        for row in range(rows):
            file.write(f"{row:08d};Säge {row};{row % 900},50;{'gut und günstig ' * 4}\n")
    return path


def rows() -> Iterator[tuple[str, float, str, str]]:
    """Yield the ratios of reading, writing and memory."""
    with TemporaryDirectory() as folder:
        here = Path(folder)
        yield from _reading(here)
        yield from _writing(here)
        yield from _memory(here)


def _reading(here: Path) -> Iterator[tuple[str, float, str, str]]:
    data = products(ROWS)
    plain, quoted, western = here / "plain.csv", here / "quoted.csv", here / "western.csv"
    semicolons = tables.Dialect(delimiter=";", newline="\n")
    tables.write(plain, [data], dialect=semicolons)
    csv.write_csv(data, quoted, csv.WriteOptions(delimiter=";"))
    tables.write(western, [data], dialect=tables.Dialect(encoding="cp1252", delimiter=";"))
    bare = cost(lambda: bare_csv(plain))
    what = f"{ROWS:,} rows x 20 columns with row numbers, against open_csv"
    yield "read CSV", cost(lambda: read_all(plain)) / bare, "<= 1.5", what
    bare_quoted = cost(lambda: bare_csv(quoted))
    yield "read CSV, all quoted", cost(lambda: read_all(quoted)) / bare_quoted, "<= 1.5", what
    broken = here / "broken.csv"
    tables.write(broken, [_with_breaks(data)], dialect=semicolons)
    bare_broken = cost(lambda: bare_csv(broken))
    yield "read CSV, line breaks in cells", cost(lambda: read_all(broken)) / bare_broken, "<= 2", what
    yield (
        "read CSV, Windows-1252",
        cost(lambda: read_all(western)) / bare,
        "<= 4",
        f"{what} of the same as UTF-8",
    )
    file = here / "a.parquet"
    parquet.write_table(data, file, row_group_size=100_000)
    ratio = cost(lambda: read_all(file)) / cost(lambda: bare_parquet(file))
    yield "read Parquet", ratio, "<= 1.5", f"{ROWS:,} rows x 20 columns, against iter_batches(20_000)"
    book = here / "a.xlsx"
    tables.write(book, [typed(SHEET_ROWS)])
    ratio = cost(lambda: bare_xlsx(book)) / cost(lambda: scan_all(book))
    yield (
        "read XLSX with hazard scan",
        ratio,
        ">= 4",
        f"openpyxl read-only, {SHEET_ROWS:,} rows x 20 columns, against ours",
    )


def _with_breaks(data: pa.Table) -> pa.Table:
    """Return the table with a line break in one cell of every row, as descriptions have."""
    at = data.column_names.index("Text 0")
    broken = pa.array([f"{text}\nmehr davon" for text in data.column(at).to_pylist()])
    return data.set_column(at, "Text 0", broken)


def _writing(here: Path) -> Iterator[tuple[str, float, str, str]]:
    data = typed(ROWS // 4)
    frame = data.to_pandas()
    ratio = cost(lambda: frame.to_csv(here / "p.csv", index=False)) / cost(
        lambda: tables.write(here / "o.csv", [data])
    )
    yield "write CSV", ratio, ">= 3", f"pandas to_csv, {len(data):,} rows x 20 columns, against ours"
    small = data.slice(0, SHEET_ROWS)
    ratio = cost(lambda: openpyxl_write(here / "p.xlsx", small)) / cost(
        lambda: tables.write(here / "o.xlsx", [small])
    )
    yield (
        "write XLSX",
        ratio,
        ">= 1.5",
        f"openpyxl write-only, {SHEET_ROWS:,} rows x 20 columns, against ours",
    )


def _memory(here: Path) -> Iterator[tuple[str, float, str, str]]:
    few, many = write_plain(here / "few.csv", FEW), write_plain(here / "many.csv", MANY)
    what = f"peak of a process that reads {MANY:,} rows against {FEW:,}"
    yield "memory, CSV", peak_kib(many) / peak_kib(few), "<= 1.1", what
    for path in (few, many):
        table = tables.read(path)
        tables.write(path.with_suffix(".parquet"), table.frames())
    ratio = peak_kib(many.with_suffix(".parquet")) / peak_kib(few.with_suffix(".parquet"))
    yield "memory, Parquet", ratio, "<= 1.1", what


if __name__ == "__main__":
    if len(sys.argv) > 1:
        with printed():
            read_all(Path(sys.argv[1]))
    else:
        for row in rows():
            print(*row)
