"""Several mappings in the order their links need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.mapping import in_order, load
from etl.schema import read_metadata

if TYPE_CHECKING:
    from pathlib import Path

NAME = {"type": "varchar"}


def schema(**links: str):
    """Entities with one link each, by entity: the entity it leads to."""
    defs = {
        entity: {
            "fields": {"name": NAME, "number": NAME, "code": NAME, "other": {"type": "link"}},
            "links": {"other": {"type": "belongsTo", "entity": target}} if target else {},
        }
        for entity, target in links.items()
    }
    return read_metadata({"entityDefs": defs, "scopes": {entity: {} for entity in defs}})


def feed(folder: Path, entity: str):
    path = folder / f"{entity}.yaml"
    link = "{column: B, link: {by: name}}"
    path.write_text(f"entity: {entity}\nkey: name\nfields: {{name: A, other: {link}}}\n")
    return load(path)


def names(mappings):
    return [one.entity for one in mappings]


def test_what_others_point_to_comes_first(tmp_path):
    given = [feed(tmp_path, entity) for entity in ("C", "A", "B")]
    assert names(in_order(given, schema(A="", B="A", C="B"))) == ["A", "B", "C"]


def test_mappings_that_need_nothing_of_each_other_stay_as_given(tmp_path):
    given = [feed(tmp_path, entity) for entity in ("C", "A", "B")]
    assert names(in_order(given, schema(A="", B="", C="", D=""))) == ["C", "A", "B"]


def test_mappings_that_need_each_other_stay_as_given(tmp_path):
    given = [feed(tmp_path, entity) for entity in ("B", "A")]
    assert names(in_order(given, schema(A="B", B="A"))) == ["B", "A"]


def test_an_entity_that_points_to_itself_is_no_circle(tmp_path):
    given = [feed(tmp_path, entity) for entity in ("B", "A")]
    assert names(in_order(given, schema(A="A", B="A"))) == ["A", "B"]
