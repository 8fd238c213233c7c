"""A plan against an export of the same columns, and in how much memory; the sandbox runs by itself."""

from __future__ import annotations

import csv
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from etl.sandbox import run_in_thread
from tests.bench.bench_import import measured
from tests.bench.products import write_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

FEW, MANY = 20_000, 100_000
# Of the columns of the table those that every sandbox has a field for.
MAPPING = """\
entity: Product
key: number
source:
  number: {decimal: ","}
fields:
  number: number
  name: {column: name, required: true}
  description: description
  price: price
  quantity: quantity
  ean: ean
  isActive: {column: active, values: {ja: true, nein: false}}
"""
PAGE_COST = "500ms"
"""Of a page of 1,000 records. Source: observations, "The way of writing": 1,000 to 3,000 records a second."""


def fill(db: Path, table: Path) -> None:
    """Put the rows of a table into the database of a sandbox as its products: quicker than sending them."""
    with run_in_thread(db=db, generation="2.1"):
        pass
    with closing(sqlite3.connect(db)) as connection, table.open(encoding="utf-8", newline="") as file:
        rows = (
            (
                f"p{row['number']}",
                row["number"],
                row["name"],
                row["description"],
                float(row["price"].replace(",", ".")),
                float(row["quantity"]),
                row["ean"],
                row["active"] == "ja",
                "2026-01-01 00:00:00",
            )
            for row in csv.DictReader(file, delimiter=";")
        )
        names = "id, number, name, description, price, quantity, ean, isActive, modifiedAt"
        connection.executemany(f"INSERT INTO Product ({names}) VALUES (?,?,?,?,?,?,?,?,?)", rows)
        connection.commit()


@contextmanager
def sandbox(db: Path, cost: str = "0ms") -> Iterator[str]:
    """Run a sandbox in a process of its own and give its address; each request takes it some time."""
    options = ["--port", "0", "--db", str(db), "--generation", "2.1", "--cost-per-request", cost]
    command = [sys.executable, "-m", "etl", "sandbox", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None:
            raise RuntimeError("the sandbox has no output")
        try:
            yield next(word for line in process.stdout for word in line.split() if word.startswith("http"))
        finally:
            process.terminate()


def rows() -> Iterator[tuple[str, float, str, str]]:
    """Yield the ratios of a plan in which nothing changes."""
    with TemporaryDirectory() as folder:
        here = Path(folder)
        mapping = here / "products.yaml"
        mapping.write_text(MAPPING, encoding="utf-8")
        tables = {count: write_rows(here / f"{count}.csv", count) for count in (FEW, MANY)}
        for count, table in tables.items():
            fill(here / f"{count}.db", table)
        used: dict[str, dict[str, float]] = {}
        with sandbox(here / f"{FEW}.db", PAGE_COST) as url:
            for way, more in (("pages", ()), ("export", ()), ("plan", (tables[FEW], mapping))):
                began = time.perf_counter()
                (here / way).mkdir()
                said = measured("client_plan", way, url, here / way, *more)
                used[way] = {**said, "wall_s": time.perf_counter() - began}
        with sandbox(here / f"{MANY}.db") as url:
            large = measured("client_plan", "plan", url, here / "large", tables[MANY], mapping)
    plan, export, pages = used["plan"], used["export"], used["pages"]
    same = f"{FEW:,} unchanged products of 7 columns"
    yield "plan: time", plan["wall_s"] / export["wall_s"], "<= 2", f"{same}, against their export as CSV"
    bare = "against paging and dropping them"
    yield "plan: time, bare", plan["wall_s"] / pages["wall_s"], "<= 2", f"{same}, {bare}"
    yield "plan: client CPU", plan["cpu_s"] / export["cpu_s"], "<= 6", f"{same}, against their export as CSV"
    yield (
        "plan: peak memory",
        large["peak_kib"] / plan["peak_kib"],
        "<= 1.2",
        f"{MANY:,} rows against {FEW:,}",
    )


if __name__ == "__main__":
    for row in rows():
        print(*row)
