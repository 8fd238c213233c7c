"""The sandbox against bare SQLite, at 100,000 products, so that it is never what our measurements measure.

Both sides of a ratio run in one process and are CPU seconds of that process: the sandbox's side holds the
server, the HTTP around it and the client that asks.
"""

from __future__ import annotations

import base64
import http.client
import sqlite3
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import orjson

from etl.sandbox import run_in_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.sandbox import Sandbox

PRODUCTS, BATCH, PAGE, PAGES = 100_000, 500, 200, 60


def product(number: int) -> dict[str, object]:
    """Return an invented product of some 600 bytes."""
    return {
        "id": f"p{number:023d}",
        "name": f"Bohrer {number} aus gutem Stahl",
        "number": f"B-{number:08d}",
        "description": "Ein Bohrer, der hält, was er verspricht. " * 4,
        "longDescription": "<p>Stahl</p>" * 10,
        "price": float(number % 900) + 0.5,
        "quantity": float(number % 77),
        "isActive": number % 3 == 0,
        "ean": f"{4_000_000_000_000 + number}",
        "mpn": f"M{number}",
        "customsNumber": "82075060",
        "note": "auf Lager",
        "tag": ["stahl", "neu"],
        "brandId": f"b{number % 50}",
    }


class Asker:
    """One connection to a sandbox, signed in."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", sandbox.port)
        shown = base64.b64encode(b"admin:admin").decode()
        self._headers = {"Authorization": f"Basic {shown}", "Authorization-Token-Only": "true"}
        token = orjson.loads(self.ask("GET", "/App/user"))["authorizationToken"]
        self._headers = {"Authorization-Token": token, "Content-Type": "application/json"}

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """Send a request and return the answer's body."""
        self._connection.request(method, f"/api/v1{path}", body=body, headers=self._headers)
        return self._connection.getresponse().read()


def bare_copy(sandbox: Sandbox, path: Path) -> sqlite3.Connection:
    """Return an empty database with the sandbox's own table and indexes of Product."""
    bare = sqlite3.connect(path, isolation_level=None)
    bare.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF")
    sql = "SELECT sql FROM sqlite_master WHERE tbl_name = 'Product' AND sql IS NOT NULL"
    for (statement,) in sandbox.instance.writer.execute(sql).fetchall():
        bare.execute(statement)
    return bare


def rows_to_insert(sandbox: Sandbox) -> list[tuple[object, ...]]:
    """Return the products as rows of the table."""
    plan = sandbox.instance.plan("Product")
    made = []
    for number in range(PRODUCTS):
        row: list[object] = [*plan.template]
        for key, value in product(number).items():
            row[plan.positions[key]] = plan.stores[key](value)  # type: ignore[arg-type]  # invented above
        row[0] = number + 1
        made.append(tuple(row))
    return made


def rows() -> Iterator[tuple[str, float, str, str]]:
    """Yield the ratios of writing and of reading."""
    with TemporaryDirectory() as folder, run_in_thread(db=Path(folder) / "sandbox.db") as sandbox:
        asker = Asker(sandbox)
        yield from _writing(sandbox, asker, Path(folder))
        yield from _reading(sandbox, asker)


def _writing(sandbox: Sandbox, asker: Asker, folder: Path) -> Iterator[tuple[str, float, str, str]]:
    bodies = [
        orjson.dumps([{"entity": "Product", "payload": product(one)} for one in range(start, start + BATCH)])
        for start in range(0, PRODUCTS, BATCH)
    ]
    plan = sandbox.instance.plan("Product")
    bare, made = bare_copy(sandbox, folder / "bare.db"), rows_to_insert(sandbox)
    started = time.process_time()
    for start in range(0, PRODUCTS, BATCH):
        bare.execute("BEGIN")
        bare.executemany(plan.insert, made[start : start + BATCH])
        bare.execute("COMMIT")
    bare_s = time.process_time() - started
    bare.close()
    started = time.process_time()
    for body in bodies:
        asker.ask("POST", "/MassActions/action/upsert", body)
    upsert_s = time.process_time() - started
    yield "upsert of new products", upsert_s / bare_s, "<= 15", "bare INSERT of the same rows and indexes"


def _reading(sandbox: Sandbox, asker: Asker) -> Iterator[tuple[str, float, str, str]]:
    names = [column.name for column in sandbox.instance.plan("Product").entity.stored]
    columns = ", ".join(f'"{name}"' for name in names)
    sql = f'SELECT {columns} FROM "Product" WHERE deleted = 0 AND id > ? ORDER BY id LIMIT {PAGE}'
    bare = sqlite3.connect(sandbox.instance.path)
    bare_s, page_s = [], []
    for number in range(0, PRODUCTS, PRODUCTS // PAGES):
        last = f"p{number:023d}"
        started = time.process_time()
        found = bare.execute(sql, (last,)).fetchall()
        orjson.dumps({"list": [dict(zip(names, row, strict=True)) for row in found]})
        bare_s.append(time.process_time() - started)
        where = {"where[0][type]": "greaterThan", "where[0][attribute]": "id", "where[0][value]": last}
        query = urlencode({**where, "sortBy": "id", "asc": "true", "maxSize": PAGE, "collectionOnly": "true"})
        started = time.process_time()
        asker.ask("GET", f"/Product?{query}")
        page_s.append(time.process_time() - started)
    bare.close()
    ratio = statistics.median(page_s) / statistics.median(bare_s)
    yield "page of 200 products", ratio, "<= 3", "bare SELECT and JSON of the same columns"


if __name__ == "__main__":
    for what, ratio, target, compared in rows():
        print(f"{ratio:7.2f}  {target:<8} {what}: {compared}")
