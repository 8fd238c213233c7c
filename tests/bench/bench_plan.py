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
from tests.bench.bench_import import MAPPING, measured, write_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

FEW, MANY = 20_000, 100_000


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
def sandbox(db: Path) -> Iterator[str]:
    """Run a sandbox in a process of its own and give its address."""
    command = [sys.executable, "-m", "etl", "sandbox", "--port", "0", "--db", str(db), "--generation", "2.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None:
            raise RuntimeError("the sandbox has no output")
        try:
            yield next(word for line in process.stdout for word in line.split() if word.startswith("http"))
        finally:
            process.terminate()


def rows() -> Iterator[tuple[str, float, str, str]]:
    """Yield the ratios of a plan in which nothing changes."""
    used: dict[tuple[int, str], dict[str, float]] = {}
    with TemporaryDirectory() as folder:
        here = Path(folder)
        mapping = here / "products.yaml"
        mapping.write_text(MAPPING, encoding="utf-8")
        for count in (FEW, MANY):
            table, db = write_rows(here / f"{count}.csv", count), here / f"{count}.db"
            fill(db, table)
            with sandbox(db) as url:
                for way, more in (("pages", ()), ("export", ()), ("plan", (table, mapping))):
                    began = time.perf_counter()
                    said = measured("client_plan", way, url, here / f"{way}-{count}", *more)
                    used[count, way] = {**said, "wall_s": time.perf_counter() - began}
    few, many, export, pages = (
        used[one] for one in ((FEW, "plan"), (MANY, "plan"), (MANY, "export"), (MANY, "pages"))
    )
    same = f"{MANY:,} unchanged products of 7 columns"
    yield "plan: time", many["wall_s"] / export["wall_s"], "<= 2", f"{same}, against their export as CSV"
    yield (
        "plan: time, bare",
        many["wall_s"] / pages["wall_s"],
        "<= 2",
        f"{same}, against paging and dropping them",
    )
    yield "plan: client CPU", many["cpu_s"] / export["cpu_s"], "<= 2", f"{same}, against their export as CSV"
    yield "plan: peak memory", many["peak_kib"] / few["peak_kib"], "<= 1.2", f"{MANY:,} rows against {FEW:,}"


if __name__ == "__main__":
    for row in rows():
        print(*row)
