"""What records were created with: kept before it is sent, found by the record's id, whole or not at all."""

from __future__ import annotations

import dataclasses

import pyarrow as pa
import pytest

from etl.model import ChangeKind, Changes
from etl.planning import Compared
from etl.planning.created import CreatedValue, CreatedValues, read_created
from etl.schema import EntitySchema, FieldSchema

ENTITY = EntitySchema(
    "Product",
    "Base",
    {
        "name": FieldSchema("name", "varchar", "text"),
        "secret": FieldSchema("secret", "password", "text"),
        "brand": FieldSchema("brand", "link", "link", target="Brand"),
        "tags": FieldSchema("tags", "linkMultiple", "links", target="Tag"),
    },
)
BRANDS = {"b1": "Makita", "b2": "Bosch"}


def frame(*records, **more):
    """Changes of (id, kind, name, brand)."""
    ids, kinds, names, brands = zip(*records, strict=True)
    columns = {"name": pa.array(names, pa.string()), "brandId": pa.array(brands, pa.string()), **more}
    changes = Changes(
        "Product",
        "a.csv",
        None,
        numbers=pa.array(range(len(ids))),
        keys=pa.array(ids),
        ids=pa.array(ids),
        kinds=list(kinds),
        columns=columns,
    )
    return Compared(changes, None, {"brandId": BRANDS})


@pytest.fixture
def kept(tmp_path):
    def keep(*frames):
        values = CreatedValues(tmp_path)
        for one in frames:
            values.keep(one, ENTITY)
        values.close()

    return keep


def values_of(folder, *ids):
    return [
        (one.record_id, one.field, one.value, one.text) for one in read_created(folder, "Product", ids=ids)
    ]


CREATE, UPDATE = ChangeKind.CREATE, ChangeKind.UPDATE


def test_each_frame_keeps_its_own_columns_and_of_updates_nothing(tmp_path, kept):
    wide = frame(
        ("4", CREATE, "d", None),
        ("5", CREATE, "e", "b2"),
        weight=pa.array([1.5, None]),
        tagsIds=pa.array([["t"], []]),
    )
    kept(frame(("1", CREATE, "a", "b1"), ("2", UPDATE, "b", "b1"), ("3", CREATE, None, None)), wide)
    assert values_of(tmp_path, "1") == [("1", "name", '"a"', None), ("1", "brand", '"b1"', "Makita")]
    assert values_of(tmp_path, "2", "3", "unknown") == []
    assert values_of(tmp_path, "4", "5") == [
        ("4", "name", '"d"', None),
        ("4", "weight", "1.5", None),
        ("4", "tags", '["t"]', None),
        ("5", "name", '"e"', None),
        ("5", "brand", '"b2"', "Bosch"),
        ("5", "tags", "[]", None),
    ]
    assert list(read_created(tmp_path, "Brand", ids=["1"])) == []


def test_of_a_resumed_run_what_was_sent_last_counts(tmp_path, kept):
    kept(frame(("1", CREATE, "before", None)))
    kept(frame(("1", CREATE, "after", None)))
    assert [one.value for one in read_created(tmp_path, "Product", ids=["1"])] == ['"after"']


def test_a_file_that_a_kill_cut_at_any_byte_gives_its_whole_frames(tmp_path, kept):
    frames = [frame((str(at), CREATE, f"name {at}", "b1")) for at in range(3)]
    kept(*frames)
    path = tmp_path / "created-1.arrows"
    content = path.read_bytes()
    sizes = set()
    for cut in range(0, len(content), 37):
        path.write_bytes(content[:cut])
        found = [one for one in read_created(tmp_path, "Product", ids=["0", "1", "2"]) if one.field == "name"]
        assert found == [CreatedValue(str(at), "name", f'"name {at}"', None) for at in range(len(found))]
        sizes.add(len(found))
    assert sizes == {0, 1, 2}


def test_columns_that_hold_nothing_and_passwords_are_left_out(tmp_path, kept):
    only = frame(("1", CREATE, "a", None), secret=pa.array(["hidden"]))
    kept(dataclasses.replace(only, changes=dataclasses.replace(only.changes, columns={})), only)
    assert values_of(tmp_path, "1") == [("1", "name", '"a"', None)]
