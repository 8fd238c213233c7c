"""`atro-etl schema`: a snapshot, its fields, and what a change of the schema breaks."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from etl.api.target import read_url
from etl.cli import main
from etl.cli.schema_changes import SchemaChange, compare
from etl.schema import load_snapshot, read_metadata


def call(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["schema", *arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def here(sandbox_in_thread, tmp_path, monkeypatch):
    """An empty folder of a user who is signed in by the environment."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("ATRO_URL", read_url(sandbox_in_thread.url))
    monkeypatch.setenv("ATRO_USERNAME", "admin")
    monkeypatch.setenv("ATRO_PASSWORD", "admin")
    for name in ("PROFILE", "TOKEN", "STATE_DIR"):
        monkeypatch.delenv(f"ATRO_{name}", raising=False)
    return folder


def test_a_pulled_schema_is_shown_without_a_server(here, monkeypatch):
    code, out, err = call("pull")
    assert (code, err) == (0, "")
    path = here / ".atro-etl" / "schema.json"
    assert out.startswith(f"{path}: ")
    assert "Product" in load_snapshot(path).entities
    monkeypatch.setenv("ATRO_URL", "http://127.0.0.1:1")
    code, out, err = call("show", "Brand")
    assert (code, err) == (0, f"from {path}\n")
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert "varchar" in lines["name"]
    assert "required" in lines["name"]
    assert "unique" in lines["code"]


def test_without_a_snapshot_the_instance_is_asked(here):
    code, out, err = call("show", "Product", "--json")
    assert (code, err) == (0, "")
    fields = {field["name"]: field for field in json.loads(out)["fields"]}
    assert fields["brand"]["key"] == "brandId"
    assert "-> Brand" in fields["brand"]["facts"]
    assert not (here / ".atro-etl").exists()


def test_all_entities_are_listed_where_none_is_named(here):
    assert "Product  (Hierarchy)" in call("show")[1].splitlines()


def test_an_entity_that_there_is_not_is_named_with_the_one_that_was_meant(here):
    code, _, err = call("show", "Prodct")
    assert code == 3
    assert "Did you mean Product?" in err


def metadata(**fields):
    return {"entityDefs": {"Product": {"fields": fields}}, "scopes": {"Product": {"type": "Base"}}}


def snapshot(path, **fields):
    path.write_text(json.dumps(metadata(**fields)), encoding="utf-8")
    return str(path)


def test_the_lines_of_a_mapping_that_a_change_breaks_are_told(here, monkeypatch):
    old = snapshot(here / "old.json", name={"type": "varchar"}, ean={"type": "varchar", "maxLength": 13})
    new = snapshot(here / "new.json", name={"type": "varchar", "maxLength": 80})
    mapping = here / "products.yaml"
    mapping.write_text("entity: Product\nkey: name\nfields:\n  name: Name\n  ean: EAN\n", encoding="utf-8")
    code, out, err = call("diff", old, new, str(mapping))
    assert code == 3
    assert out == "Product.ean: removed\nProduct.name: max_length: 255 -> 80\n"
    assert f"{mapping}:5:3: " in err
    assert call("diff", old, new)[0] == 0
    found = json.loads(call("diff", old, new, str(here), "--json")[1])
    assert found["changes"] == ["Product.ean: removed", "Product.name: max_length: 255 -> 80"]
    assert len(found["broken"]) == 1
    assert call("diff", old, old, str(mapping)) == (0, "The schemas are the same.\n", "")


def test_snapshots_of_profiles_are_compared_by_their_names(here):
    folder = here / ".atro-etl"
    folder.mkdir()
    snapshot(folder / "schema-staging.json", name={"type": "varchar"})
    snapshot(folder / "schema-production.json", name={"type": "text"})
    assert call("diff", "production", "staging") == (
        0,
        "Product.name: type: text -> varchar\nProduct.name: max_length: none -> 255\n",
        "",
    )


def test_a_file_that_is_no_snapshot_is_told(here):
    (here / "x.json").write_text("[]")
    code, _, err = call("diff", "x.json", "x.json")
    assert code == 3
    assert "no schema snapshot" in err or "Metadata" in err


def test_every_part_of_a_field_is_compared():
    old = read_metadata(
        metadata(
            a={"type": "enum", "options": ["x", "y"]},
            b={"type": "varchar", "unique": True},
            c={"type": "varchar"},
        )
    )
    new = read_metadata(
        metadata(
            a={"type": "enum", "options": ["y", "z"]},
            b={"type": "varchar", "required": True},
            d={"type": "link", "entity": "Brand"},
        )
    )
    assert compare(old, new) == [
        SchemaChange("Product", "a", "options gone: x"),
        SchemaChange("Product", "a", "options new: z"),
        SchemaChange("Product", "b", "is_required: no -> yes"),
        SchemaChange("Product", "b", "is_unique: yes -> no"),
        SchemaChange("Product", "c", "removed"),
        SchemaChange("Product", "d", "added"),
    ]
    assert compare(old, old) == []
