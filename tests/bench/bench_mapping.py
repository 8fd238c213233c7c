"""Frames to JSON bodies through a mapping: against rows one by one, and against typed columns."""

from __future__ import annotations

import gc
import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from etl import mapping as language
from etl.batching import make_batches
from etl.model import ChangeKind, Changes, Frame
from etl.schema import read_metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from etl.mapping import Rules
    from etl.model import Payloads

ROWS, FRAME_ROWS = 20_000, 5_000
TEXTS, NUMBERS, COUNTS, FLAGS = range(12), range(3), range(2), range(2)
FIELDS = {
    "number": {"type": "varchar"},
    **{f"text{n}": {"type": "varchar"} for n in TEXTS},
    **{f"price{n}": {"type": "float"} for n in NUMBERS},
    **{f"count{n}": {"type": "int"} for n in COUNTS},
    **{f"flag{n}": {"type": "bool"} for n in FLAGS},
    "tags": {"type": "multiEnum", "options": ["new", "sale", "old"]},
    "labels": {"type": "array"},
    "brand": {"type": "link"},
    "groups": {"type": "linkMultiple"},
}
PLAIN = "entity: Thing\nkey: number\nfields:\n" + "".join(
    f"  {name}: {name}\n" for name in FIELDS if name not in ("tags", "labels", "brand", "groups")
)
LINKED = PLAIN + (
    "  tags: {column: tags, split: ','}\n  labels: {column: labels, split: ','}\n"
    "  brand: {column: brand, link: {by: name}}\n"
    "  groups: {column: groups, split: '|', link: {by: code}}\n"
)


def thing_frames() -> list[Frame]:
    """Return frames of invented things, all cells text, as a CSV file gives them."""
    words = ["Bohrer", "Schraube", "Dübel", "Leiter", "Zange", "Hobel", "Feile", "Säge"]
    frames = []
    for start in range(0, ROWS, FRAME_ROWS):
        at = range(start, start + FRAME_ROWS)
        cells: dict[str, list[str | None]] = {"number": [f"{n:08d}" for n in at]}
        for one in TEXTS:
            cells[f"text{one}"] = [
                None if (n + one) % 9 == 0 else f"{words[n % 8]} {n} aus Stahl" for n in at
            ]
        for one in NUMBERS:
            cells[f"price{one}"] = [f"{n % 900}.{n % 100:02d}" for n in at]
        for one in COUNTS:
            cells[f"count{one}"] = [str(n % 77) for n in at]
        for one in FLAGS:
            cells[f"flag{one}"] = ["true" if n % 3 else "false" for n in at]
        cells["tags"] = ["new,sale" if n % 2 else "old" for n in at]
        cells["labels"] = [f"{words[n % 8]},{words[n % 5]}" for n in at]
        cells["brand"] = [f"Brand {n % 50}" for n in at]
        cells["groups"] = [f"g{n % 40}|g{n % 7}" for n in at]
        table = pa.table({name: pa.array(column, pa.string()) for name, column in cells.items()})
        numbers = pa.array(range(start + 2, start + 2 + FRAME_ROWS), pa.int64())
        frames.append(Frame(table.to_pandas(types_mapper=pd.ArrowDtype), numbers, "things.csv"))
    return frames


def rules_of(text: str, folder: Path, header: tuple[str, ...]) -> Rules:
    """Return a mapping bound to the columns of the things."""
    path = folder / "things.yaml"
    path.write_text(text, encoding="utf-8")
    links = {"brand": {"entity": "Brand"}, "groups": {"entity": "Group", "relationName": "thingGroup"}}
    names = {"name": {"type": "varchar"}, "code": {"type": "varchar"}}
    answer = {
        "entityDefs": {
            "Thing": {"fields": FIELDS, "links": links},
            "Brand": {"fields": names},
            "Group": {"fields": names},
        },
        "scopes": {},
    }
    return language.bind(language.load(path), header=header, schema=read_metadata(answer))


def changes_of(payloads: Payloads) -> Changes:
    """Return creates with the texts of links for their ids, as if these had been looked up."""
    columns = {**payloads.columns, **{one.target.key: one.texts for one in payloads.links}}
    kinds = [ChangeKind.CREATE] * len(payloads)
    return Changes("Thing", "", None, payloads.numbers, payloads.keys, payloads.keys, kinds, columns)


def bodies(changes: Changes) -> int:
    """Make all bodies and return their bytes."""
    return sum(
        len(one.body) for one in make_batches(changes, max_rows=100, max_bytes=900_000, first_number=1)
    )


def row_by_row(frame: Frame) -> int:
    """Do the same as a first attempt would: a row, a dictionary, `json.dumps`."""
    size, items = 0, []
    for _, row in frame.data.iterrows():
        item: dict[str, object] = {}
        for name in FIELDS:
            cell = row[name]
            if pd.isna(cell):
                continue
            kind = str(FIELDS[name]["type"])
            item[name] = {
                "float": float, "int": int, "bool": lambda text: text == "true",
                "multiEnum": lambda text: text.split(","), "array": lambda text: text.split(","),
                "linkMultiple": lambda text: text.split("|"),
            }.get(kind, str)(cell)  # fmt: skip
        items.append({"entity": "Thing", "payload": item})
        if len(items) == 100:
            size += len(json.dumps(items))
            items = []
    return size


def seconds(work: Callable[[], object], times: int = 3) -> float:
    """Return the least CPU time of some runs."""
    found = []
    for _ in range(times):
        gc.collect()
        begin = time.process_time()
        work()
        found.append(time.process_time() - begin)
    return min(found)


def rows() -> Iterator[tuple[str, float, str, str]]:
    """Yield the ratios of translating and making bodies."""
    frames = thing_frames()
    header = tuple(map(str, frames[0].data.columns))
    with TemporaryDirectory() as folder:
        for name, text, target in (("plain columns", PLAIN, "<= 2"), ("lists and links", LINKED, "<= 4")):
            rules = rules_of(text, Path(folder), header)
            ready = [changes_of(rules.translate(frame)) for frame in frames]
            fragments = seconds(lambda ready=ready: [bodies(one) for one in ready])
            whole = seconds(lambda rules=rules: [bodies(changes_of(rules.translate(one))) for one in frames])
            yield f"mapping, {name}", whole / fragments, target, "Arrow fragments of typed columns"
        slow = seconds(lambda: row_by_row(frames[0]), times=1) * len(frames)
        yield "mapping, lists and links", slow / whole, ">= 8", "iterrows + json"


def main() -> None:
    """Print the ratios."""
    for what, ratio, target, compared in rows():
        print(f"{ratio:>7.2f}  {target:<8}{what:<28}{compared}")


if __name__ == "__main__":
    main()
