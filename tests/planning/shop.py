"""An invented entity with a field of every type, a mapping for all of them, and what tests do with both."""

from __future__ import annotations

import csv
import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from etl.planning import read_lines
from etl.sandbox import run_in_thread
from etl.sandbox.builtin import builtin_metadata
from etl.sandbox.builtin.notation import read_notation
from etl.sandbox.generations import GENERATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from etl.blocking import Pim
    from etl.report.foreseen import Foreseen
    from etl.sandbox import Sandbox

ALL = ("1.10", "2.1", "2.2", "2.3")
ENTITIES = """
Item Base texts=name,number
  number varchar unique
  name varchar multilang
  note text
  body wysiwyg
  stock int
  price float measure=money
  weight float
  isActive bool nullable
  isOpen bool notNull default=false
  since date
  moment datetime
  state enum options=draft,ready,sold
  tags multiEnum options=new,sale,old
  labels array
  data jsonObject
  maker link Maker.items
  groups many Group.items ItemGroup noLoad
  shelves many Group.shelved ItemShelf
Maker Base texts=name
  name varchar required
  items one Item.maker
Group Base texts=name,code
  name varchar
  code varchar unique
  items many Item.groups ItemGroup noLoad
  shelved many Item.shelves ItemShelf
"""
MAPPING = """\
entity: Item
key: number
markers: {clear: ["NULL"]}
fields:
  number: number
  name: name
  name@de_DE: name_de
  note: note
  body: body
  stock: stock
  weight: weight
  price: price
  isActive: isActive
  isOpen: isOpen
  since: since
  moment: moment
  state: state
  tags: {column: tags, split: "|"}
  labels: {column: labels, split: "|"}
  data: data
  maker: {column: maker, link: {by: name, missing: create}}
  groups: {column: groups, split: "|", link: {by: code, missing: create}, links: append}
  shelves: {column: shelves, split: "|", link: {by: code, missing: create}, links: replace}
"""
COLUMNS = (
    "number", "name", "name_de", "note", "body", "stock", "weight", "price", "isActive", "isOpen", "since",
    "moment", "state", "tags", "labels", "data", "maker", "groups", "shelves",
)  # fmt: skip
"""Of the source; beside `name_de` (the field `nameDeDe`) they are called like the fields."""


def metadata(generation: str) -> dict[str, object]:
    """Return a Metadata answer of a generation with the invented entities."""
    ours = read_notation(ENTITIES, ("de_DE",))
    theirs = builtin_metadata(GENERATIONS[generation])
    ours["entityDefs"]["Item"]["fields"]["weight"]["amountOfDigitsAfterComma"] = 2
    return {
        **theirs,
        "entityDefs": {**theirs["entityDefs"], **ours["entityDefs"]},
        "scopes": {**theirs["scopes"], **ours["scopes"]},
    }


@contextmanager
def running(folder: Path, generation: str = "2.2") -> Iterator[Sandbox]:
    """Run a sandbox of a generation with the invented entities."""
    path = folder / f"metadata-{generation}.json"
    path.write_text(json.dumps(metadata(generation)), encoding="utf-8")
    db = folder / f"sandbox-{generation}.db"
    with run_in_thread(db=db, seed=1, generation=generation, metadata=path) as sandbox:
        yield sandbox


def write_table(path: Path, rows: Sequence[Mapping[str, str]]) -> Path:
    """Write rows as CSV; cells that are not given are empty."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_mapping(path: Path) -> Path:
    """Write the mapping of all fields."""
    path.write_text(MAPPING, encoding="utf-8")
    return path


def store(pim: Pim, entity: str, records: Sequence[Mapping[str, object]]) -> None:
    """Store records as somebody else would, past our own comparison; all of them must be taken."""
    body = orjson.dumps([{"entity": entity, "payload": dict(one)} for one in records])
    answers = pim.loop.wait_for(pim.client.upsert(body, count=len(records)))
    assert [one.kind.value for one in answers if one.kind.value == "failed"] == []


def changed(foreseen: Foreseen) -> dict[str, set[str]]:
    """Return key -> fields of the updates in a plan."""
    found: dict[str, set[str]] = {}
    for one in lines(foreseen):
        if one["kind"] == "update":
            found.setdefault(one["key"], set()).add(one["field"])
    return found


def lines(foreseen: Foreseen) -> list[dict[str, object]]:
    """Return all lines of the plan."""
    return [line for batch in read_lines(Path(foreseen.file)) for line in batch.to_pylist()]


def writes(sandbox: Sandbox) -> int:
    """Count requests that could have changed something; signing in is none."""
    return sum(one.method != "GET" for one in sandbox.requests)
