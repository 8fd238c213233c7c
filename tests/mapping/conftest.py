from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pytest

from etl import mapping as language
from etl.model import Frame
from etl.schema import Schema, read_metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from etl.model import Payloads

FIELDS = {
    "Tool": {
        "name": {"type": "varchar", "required": True, "isMultilang": True, "maxLength": 20},
        "nameDeDe": {"type": "varchar", "multilangField": "name", "multilangLocale": "de_DE"},
        "number": {"type": "varchar"},
        "text": {"type": "text"},
        "stock": {"type": "int", "min": 0},
        "price": {"type": "float", "measureId": "currency"},
        "weight": {"type": "float", "measureId": "mass", "max": 1000},
        "isActive": {"type": "bool"},
        "since": {"type": "date"},
        "moment": {"type": "datetime"},
        "state": {"type": "enum", "options": ["draft", "ready"], "default": "draft", "required": True},
        "tags": {"type": "multiEnum", "options": ["new", "sale", "old"]},
        "labels": {"type": "array"},
        "data": {"type": "jsonObject"},
        "ean": {"type": "varchar", "pattern": r"/^(\d{8}|\d{12,14})$/"},
        "size": {"type": "rangeFloat", "measureId": "length"},
        "colour": {"type": "extensibleEnum", "extensibleEnumId": "colours"},
        "materials": {"type": "extensibleMultiEnum", "extensibleEnumId": "materials"},
        "brand": {"type": "link"},
        "categories": {"type": "linkMultiple"},
        "parents": {"type": "linkMultiple"},
        "parent": {"type": "link", "notStorable": True},
        "image": {"type": "file"},
        "files": {"type": "linkMultiple"},
        "associatedItems": {"type": "linkMultiple"},
        "createdAt": {"type": "datetime", "readOnly": True},
        "scope": {"type": "link"},
        "mainImage": {"type": "file", "notStorable": True, "readOnly": True},
        "photos": {"type": "linkMultiple"},
        "shape": {"type": "polygon"},
    },
    "Maker": {"name": {"type": "varchar", "required": True}, "code": {"type": "varchar", "unique": True}},
    "Group": {
        "name": {"type": "varchar", "required": True},
        "code": {"type": "varchar", "unique": True},
        "isActive": {"type": "bool"},
    },
    "ToolGroup": {
        "tool": {"type": "link", "required": True},
        "group": {"type": "link", "required": True},
        "sorting": {"type": "int"},
        "mainGroup": {"type": "bool"},
    },
    "AssociatedTool": {
        "association": {"type": "link", "required": True},
        "associatingItem": {"type": "link", "required": True},
        "associatedItem": {"type": "link", "required": True},
        "sorting": {"type": "int"},
    },
    "Association": {
        "name": {"type": "varchar", "required": True},
        "code": {"type": "varchar", "unique": True},
    },
    "ToolPhoto": {
        "tool": {"type": "link", "required": True},
        "file": {"type": "link", "required": True},
        "isMainImage": {"type": "bool"},
        "sorting": {"type": "int"},
    },
    "File": {"name": {"type": "varchar", "required": True}},
    "Attribute": {"name": {"type": "varchar", "required": True}, "code": {"type": "varchar"}},
    "Channel": {"name": {"type": "varchar", "required": True}, "code": {"type": "varchar", "unique": True}},
    "Unit": {"name": {"type": "varchar", "required": True}, "code": {"type": "varchar", "unique": True}},
    "ExtensibleEnumOption": {"name": {"type": "varchar"}, "code": {"type": "varchar", "unique": True}},
}
LINKS = {
    "Tool": {
        "brand": {"entity": "Maker"},
        "categories": {"entity": "Group", "relationName": "toolGroup"},
        "parents": {"entity": "Tool", "relationName": "toolHierarchy"},
        "parent": {"entity": "Tool"},
        "scope": {"entity": "Entity"},
        "files": {"entity": "File", "relationName": "toolFile"},
        "associatedItems": {"entity": "Tool", "relationName": "associatedTool"},
        "photos": {"entity": "File", "relationName": "toolPhoto"},
    },
    "ToolPhoto": {"tool": {"entity": "Tool"}, "file": {"entity": "File"}},
    "ToolGroup": {"tool": {"entity": "Tool"}, "group": {"entity": "Group"}},
    "AssociatedTool": {
        "association": {"entity": "Association"},
        "associatingItem": {"entity": "Tool"},
        "associatedItem": {"entity": "Tool"},
    },
}


def metadata() -> dict[str, object]:
    return {
        "entityDefs": {
            name: {"fields": fields, "links": LINKS.get(name, {})} for name, fields in FIELDS.items()
        },
        "scopes": {
            name: {"type": "Hierarchy" if name == "Tool" else "Base", "hasAttribute": name == "Tool"}
            for name in FIELDS
        },
    }


@pytest.fixture(scope="session")
def schema() -> Schema:
    return read_metadata(metadata())


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Write a mapping; its path is shown as `m.yaml` by messages that are cut to the name."""

    def written(text: str, name: str = "m.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return written


def frame(columns: Mapping[str, list[object]], first_row: int = 2) -> Frame:
    data = {name: pd.array(cells, dtype=_dtype(cells)) for name, cells in columns.items()}
    count = len(next(iter(columns.values())))
    return Frame(pd.DataFrame(data), pa.array(range(first_row, first_row + count), pa.int64()), "tools.csv")


def _dtype(cells: list[object]) -> pd.ArrowDtype:
    kind = pa.array(cells).type
    return pd.ArrowDtype(pa.string() if pa.types.is_null(kind) else kind)


@pytest.fixture
def rules(
    write: Callable[[str], Path], schema: Schema
) -> Callable[[str, Mapping[str, list[object]]], language.Rules]:
    """Bind a mapping to the columns of some rows."""

    def bound(text: str, columns: Mapping[str, list[object]]) -> language.Rules:
        return language.bind(language.load(write(text)), header=tuple(columns), schema=schema)

    return bound


@pytest.fixture
def translate(rules: Callable[..., language.Rules]) -> Callable[[str, Mapping[str, list[object]]], Payloads]:
    def translated(text: str, columns: Mapping[str, list[object]]) -> Payloads:
        count = len(next(iter(columns.values())))
        columns = {"No": [str(n) for n in range(count)], **columns}
        return rules(text, columns).translate(frame(columns))

    return translated
