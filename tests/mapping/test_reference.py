# ruff: noqa: E501  tables of cells and whole messages are read across
"""`mappings/README.md`: its examples run, its tables are new, every key stands in it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ruamel.yaml import YAML

from etl import mapping as language
from etl.importing.filing import BaseFolder
from etl.mapping.cases import values_of
from etl.mapping.document import EntityDoc, MappingDoc
from etl.mapping.reference import MODELS, editor_schema, key_table, refreshed
from etl.sandbox.builtin import builtin_metadata
from etl.sandbox.generations import GENERATIONS
from etl.schema import FieldSchema, Schema, read_metadata
from tests.mapping.conftest import frame

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER = Path(__file__).parents[2] / "mappings"
README = (FOLDER / "README.md").read_text(encoding="utf-8")
FURTHER = {
    "minAge": {"type": "int"},
    "availableFrom": {"type": "date"},
    "lastCheck": {"type": "datetime"},
    "weight": {"type": "float", "measureId": "mass"},
    "size": {"type": "rangeFloat", "measureId": "length"},
    "material": {"type": "extensibleEnum", "extensibleEnumId": "materials"},
    "colours": {"type": "extensibleMultiEnum", "extensibleEnumId": "colours"},
    "keywords": {"type": "array"},
}
FACTS = (
    language.AttributeFacts("a1", "screenSize", "Screen", FieldSchema("x", "float", "float", measure="length")),
    language.AttributeFacts("a2", "colour", "Colour", FieldSchema("x", "varchar", "text"), languages=("de_DE",)),
    language.AttributeFacts("a3", "", "Odd one", FieldSchema("x", "bool", "bool")),
    language.AttributeFacts("a4", "length", "Length", FieldSchema("x", "rangeFloat", "range_float")),
)  # fmt: skip
KEYS = {field.alias or name for name, field in MappingDoc.model_fields.items()}
BASE = "entity: Product\nkey: number\nwrite: update\n"


def known() -> Schema:
    metadata = builtin_metadata(GENERATIONS["2.2"], ("de_DE",))
    product = metadata["entityDefs"]["Product"]
    product["fields"].update(FURTHER)
    # The relation records of categories have fields of their own, as on real servers.
    return read_metadata(metadata)


def examples() -> Iterator[tuple[int, str, list[list[str]]]]:
    for found in re.finditer(r"```yaml\n(.*?)```\n\n((?:\|[^\n]*\n)+)", README, re.DOTALL):
        table = [
            [
                cell.strip().replace("\\|", "|").replace("\\\\", "\\")
                for cell in re.split(r"(?<!\\)\|", line.strip()[1:-1])
            ]
            for line in found[2].splitlines()
            if not line.startswith("|---")
        ]
        yield README[: found.start()].count("\n") + 1, found[1], table


def mapping_text(fragment: str) -> str:
    top = YAML(typ="safe", pure=True).load(fragment)
    if {"entity", "blocks"} & set(top):
        return fragment
    if not set(top) <= KEYS:
        fragment = "fields:\n" + "".join(f"  {line}\n" for line in fragment.splitlines())
    if "number:" not in fragment:
        extra = "  number: {row_number: true}\n"
        fragment = (
            fragment.replace("fields:\n", f"fields:\n{extra}")
            if "fields:" in fragment
            else fragment + "fields:\n" + extra
        )
    elif not re.search(r"^  number: ", fragment, re.MULTILINE):
        fragment = re.sub(
            r"^fields:\n", "fields:\n  number: {row_number: true}\n", fragment, flags=re.MULTILINE
        )
    return BASE + fragment


@pytest.fixture(scope="session")
def instance() -> Schema:
    return known()


@pytest.mark.parametrize(
    ("line", "fragment", "table"), [*examples()], ids=lambda one: str(one) if isinstance(one, int) else ""
)
def test_the_examples_make_what_the_reference_says(
    write: Callable[..., Path], instance: Schema, line: int, fragment: str, table: list[list[str]]
) -> None:
    folder = write("name,code\nItalien,IT\n", "countries.csv").parent
    (folder / "images").mkdir()
    for name in ("saw.png", "saw-1.png", "saw-2.png", "empty.png"):
        (folder / "images" / name).write_text("" if name == "empty.png" else name, encoding="utf-8")
    header, *rows = table
    names = [cell for cell in header if not cell.startswith("→")]
    mapping = language.load(write(mapping_text(fragment)))
    cells = {name: [row[at].strip("`") or None for row in rows] for at, name in enumerate(names)}
    problems = language.check(mapping, header=tuple(names), schema=instance, attributes=FACTS)
    assert [one for one in problems if one.severity == "error"] == []
    part = mapping.parts()[-1]
    rules = language.bind(part, header=tuple(names), schema=instance, attributes=FACTS, folders=BaseFolder)
    payloads = rules.translate(frame(cells))
    numbers = payloads.numbers.to_pylist()
    outputs = header[len(names) :]
    members = {row for rows_of in payloads.members.values() for row in rows_of[1:]}
    for at, row in enumerate(rows):
        number, wanted = at + 2, row[len(names) :]
        codes = [cell[1:] for cell in wanted if cell.startswith("!")]
        if codes:
            assert {one.code for one in payloads.problems if one.row == number} == set(codes), line
            assert number in payloads.invalid
        elif "skipped" in wanted:
            assert number in payloads.skipped
        elif number not in members:
            sent = values_of(payloads, numbers.index(number))
            shown = {
                name[2:]: json.loads(cell.replace("␟", "\x1f"), strict=False)
                for name, cell in zip(outputs, wanted, strict=True)
                if cell
            }
            found = {name: value for name, value in sent.items() if f"→ {name}" in outputs and value != []}
            assert found == shown, f"line {line}, row {at + 1}"


def test_every_key_stands_in_the_reference() -> None:
    written = set(re.findall(r"`(?:[a-z_]+\.)*([a-zA-Z_]+)`", README))
    keys = {field.alias or name for one in MODELS.values() for name, field in one.model_fields.items()}
    assert keys - written <= {"entries", "texts", "cells"}


def test_every_key_has_an_example() -> None:
    text = "".join(re.findall(r"```(?:yaml)?\n(.*?)```", README, re.DOTALL)) + "".join(
        re.findall(r"`[^`\n]*`", README)
    )
    keys = {field.alias or name for one in MODELS.values() for name, field in one.model_fields.items()}
    missing = {key for key in keys if not re.search(rf"\b{key}\b", text)}
    assert missing <= {"entries", "texts", "cells"}
    assert set(EntityDoc.model_fields) <= keys


def test_the_tables_of_keys_are_new() -> None:
    assert refreshed(README) == README, "run: python -m etl.mapping.reference mappings"
    assert "| `link.by` |" in key_table("link=LinkDoc")


def test_the_schema_for_editors_is_new() -> None:
    kept = json.loads((FOLDER / "schema.json").read_text(encoding="utf-8"))
    assert kept == editor_schema(), "run: python -m etl.mapping.reference mappings"


def test_the_schema_for_editors_knows_the_fields_of_an_instance(instance: Schema) -> None:
    found = editor_schema(instance)
    assert "minAge" in json.dumps(found["properties"]["fields"]["propertyNames"])
    assert "Product" in found["properties"]["entity"]["enum"]
