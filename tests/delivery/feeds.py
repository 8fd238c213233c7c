"""A feed whose records a server must hold in the end, and imports of it that wait for nothing."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

from pyarrow import parquet

import etl
from etl.api import RetryClock
from etl.model import ROW_PRECEDENCE, Limits, Status
from etl.planning.guards import Guards, Threshold
from etl.report import to_object, to_text
from etl.schema import read_metadata

if TYPE_CHECKING:
    from etl.report import Summary

MAPPING = """entity: Product
key: number
source: {number: {decimal: ","}}
fields:
  number: No
  name: {column: Name, required: true}
  price: Price
  brand: {column: Maker, link: {by: name, missing: create}}
  channels: {column: Where, split: "|", link: {by: code, missing: create, create: {name: shop}}}
"""
ALL_FAULTS = (
    "latency=1ms,reset=0.03,reset_after_commit=0.03,truncate=0.03,http429=0.03,http502=0.03,http503=0.03,"
    "http504=0.03,http500=0.02,page_html=0.03,sql200=0.02,short_answer=0.03,die_mid_batch=0.05,"
    "hang_after_commit=0.01,expire_token=@9,half_stored=0.01,failed_but_stored=0.005,max_body=1500B,max_uri=2KB"
)


async def _at_once(_seconds: float) -> None:
    await asyncio.sleep(0)


# Tests wait for nothing: pauses are skipped, and many tries are allowed since so much goes wrong.
CLOCK = RetryClock(attempts=60, patience_s=3600, sleep=_at_once)
LIMITS = Limits(batch_rows=10, attempts=60, silence_s=3600, request_timeout_s=0.5)
UNGUARDED = Guards(max_errors=Threshold(), min_rows=Threshold())


def number_of(generation: str) -> str:
    """Return what the number of a product is called."""
    return "sku" if generation == "1.10" else "number"


def write_feed(folder: Path, rows: range, *, prefix: str = "", generation: str = "2.2") -> Path:
    """Write source and mapping; return the source."""
    lines = [
        f"{prefix}{i:04d};Produkt {i};{i},50;Maker {i % 5};{'web|shop' if i % 2 else 'web'}" for i in rows
    ]
    source = folder / f"feed{prefix}{rows.start}.csv"
    source.write_text("\n".join(["No;Name;Price;Maker;Where", *lines]) + "\n")
    (folder / "feed.yaml").write_text(
        MAPPING.replace("number: No", f"{number_of(generation)}: No").replace(
            "key: number", f"key: {number_of(generation)}"
        )
    )
    return source


def struck(url: str) -> dict[str, int]:
    """Return how often each fault of a sandbox struck since it was switched on."""
    answer = json.loads(urlopen(f"{url}/sandbox/faults").read())  # noqa: S310  a sandbox on loopback
    return dict(answer["fired"])


def set_faults(url: str, faults: str, seed: int = 7) -> None:
    """Switch faults of a sandbox on, and all others off."""
    body = json.dumps({"faults": faults, "seed": seed}).encode()
    headers = {"Content-Type": "application/json"}
    request = Request(f"{url}/sandbox/faults", body, headers)  # noqa: S310  a sandbox on loopback
    urlopen(request).read()  # noqa: S310  the same


async def carried(
    url: str, source: Path, *, state: Path, faults: str = "", seed: int = 7, resumes: str | None = None
) -> Summary:
    """Import a feed, or resume a run of it; faults begin after the sign-in."""
    async with etl.aio.connect(url, username="admin", password="admin", limits=LIMITS, retry=CLOCK) as pim:
        if faults:
            await asyncio.to_thread(set_faults, url, faults, seed)
        if resumes is not None:
            return await etl.aio.resume(resumes, pim, state_dir=state, guards=UNGUARDED)
        mapping = source.parent / "feed.yaml"
        return await etl.aio.import_table(source, mapping, pim, state_dir=state, guards=UNGUARDED)


async def applied(url: str, plan: Path, *, state: Path) -> Summary:
    """Apply a plan."""
    async with etl.aio.connect(url, username="admin", password="admin", limits=LIMITS, retry=CLOCK) as pim:
        return await etl.aio.apply(plan, pim, state_dir=state, guards=UNGUARDED)


async def undone(url: str, run: str, *, state: Path) -> Summary:
    """Take a run back, with all that it created."""
    async with etl.aio.connect(url, username="admin", password="admin", limits=LIMITS, retry=CLOCK) as pim:
        return await etl.aio.undo(run, pim, state_dir=state, deletes_created=True)


async def what_stands(url: str) -> dict[str, dict[str, dict[str, object]]]:
    """Return all records of a server: entity -> id -> the fields that the feed gives."""
    async with etl.aio.connect(url, username="admin", password="admin") as pim:
        found = {}
        product = read_metadata(await pim.metadata()).entity("Product")
        number = "number" if "number" in product.fields else "sku"
        for entity, fields in (
            ("Product", (number, "name", "price", "brandId", "channelsIds")),
            ("Brand", ("name",)),
            ("Channel", ("code", "name")),
        ):
            pages = [page async for page in pim.pages(entity, select=("id", *fields))]
            records = {
                str(one["id"]): {"number" if key == number else key: one.get(key) for key in fields}
                for page in pages
                for one in page.records
            }
            for one in records.values():
                if "channelsIds" in one:
                    one["channelsIds"] = sorted(one["channelsIds"] or ())
            found[entity] = records
        return found


def told_as_done(summary: Summary) -> set[str]:
    """Return the ids of the products that a run says it created or found equal."""
    rows = parquet.read_table(f"{summary.folder}/results.parquet").to_pylist()
    done = ("created", "updated", "unchanged")
    return {one["id"] for one in rows if one["entity"] == "Product" and one["status"] in done}


def insist_on_one_truth(summary: Summary) -> None:
    """Insist that summary, JSON, text and table of a run say the same of every row, and that it adds up."""
    rows = summary.rows
    folder = Path(summary.folder)
    counted = dict.fromkeys(ROW_PRECEDENCE, 0)
    ends: dict[int, Status] = {}
    for one in parquet.read_table(folder / "results.parquet").to_pylist():
        if one["row"]:
            status = Status(one["status"])
            ends[one["row"]] = min(ends.get(one["row"], status), status, key=ROW_PRECEDENCE.index)
    for status in ends.values():
        counted[status] += 1
    counted[Status.PENDING] += rows.read - len(ends)
    assert counted == {status: getattr(rows, status.value) for status in ROW_PRECEDENCE}
    said = json.loads((folder / "summary.json").read_text())
    assert said["rows"] == to_object(summary)["rows"]
    assert said["rows"]["read"] == sum(counted.values())
    text = to_text(summary)
    for status, count in counted.items():
        assert bool(count) == bool(re.search(rf"^ *{status.value} +{count:,}$", text, re.MULTILINE))
