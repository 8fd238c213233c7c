"""Rights: what mappings need, what a user has, and the least role between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from etl.api import Session
from etl.doctor import Action, Level, Need, least_role, needs_of
from etl.doctor.needs import check_rights
from etl.mapping import load
from etl.schema import read_metadata

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = read_metadata(
    {
        "entityDefs": {
            "Product": {
                "fields": {
                    "name": {"type": "varchar"},
                    "number": {"type": "varchar"},
                    "brand": {"type": "link"},
                    "categories": {"type": "linkMultiple"},
                    "files": {"type": "linkMultiple"},
                    "mainImage": {"type": "file", "readOnly": True, "notStorable": True},
                },
                "links": {
                    "brand": {"type": "belongsTo", "entity": "Brand"},
                    "categories": {
                        "type": "hasMany",
                        "entity": "Category",
                        "relationName": "productCategory",
                    },
                    "files": {"type": "hasMany", "entity": "File", "relationName": "productFile"},
                },
            },
            "Brand": {"fields": {"name": {"type": "varchar"}}},
            "Category": {"fields": {"name": {"type": "varchar"}}},
            "File": {"fields": {"name": {"type": "varchar"}}},
            "ProductFile": {
                "fields": {
                    "product": {"type": "link"},
                    "file": {"type": "link"},
                    "isMainImage": {"type": "bool"},
                },
                "links": {"product": {"entity": "Product"}, "file": {"entity": "File"}},
            },
        },
        "scopes": {},
    }
)


def mapping(tmp_path: Path, text: str):
    path = tmp_path / "products.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path)


def test_a_mapping_needs_its_entity_its_links_and_what_it_creates(tmp_path):
    needs = needs_of(
        [
            mapping(
                tmp_path,
                "entity: Product\nkey: number\nfields:\n  number: SKU\n"
                "  brand: {column: Brand, link: {by: name, missing: create}}\n"
                "  categories: {column: Categories, split: '|', link: {by: name, missing: report}}\n",
            )
        ],
        SCHEMA,
    )
    assert least_role(needs) == {
        "Brand": {"read": "all", "create": "yes"},
        "Category": {"read": "all"},
        "Product": {"read": "all", "create": "yes", "edit": "all"},
    }


@pytest.mark.parametrize(
    ("field", "further"),
    [
        ("mainImage: {column: I, file: .}", {}),
        ("files: {column: I, links: replace, file: {folder: x}}", {"Folder": "rc", "ProductFile": "rced"}),
        ("files: {each: I, file: {share: {}, type: Image}}", {"Sharing": "rce", "FileType": "r"}),
    ],
)
def test_files_need_rights_on_what_they_are_and_what_links_them(tmp_path, field, further):
    text = f"entity: Product\nkey: number\nwrite: update\nfields:\n  number: SKU\n  {field}\n"
    letters = {one.value[0]: one for one in Action if one is not Action.CREATE_ATTRIBUTE_VALUE}
    wanted = {"File": "rc", "Product": "re", "ProductFile": "rce", **further}
    assert {one.entity: one.actions for one in needs_of([mapping(tmp_path, text)], SCHEMA)} == {
        entity: frozenset(letters[letter] for letter in said) for entity, said in wanted.items()
    }


def test_a_mapping_that_only_updates_needs_no_right_to_create(tmp_path):
    text = "entity: Product\nkey: number\nwrite: update\nfields:\n  number: SKU\n  name: Name\n"
    (need,) = needs_of([mapping(tmp_path, text)], SCHEMA)
    assert need.actions == {Action.READ, Action.EDIT}


NEED = Need("Product", frozenset({Action.READ, Action.CREATE, Action.EDIT}))


@pytest.mark.parametrize(
    ("acl", "levels"),
    [
        ({"Product": {"create": "yes", "read": "all", "edit": "all"}}, [Level.OK]),
        ({"Product": {"create": "no", "read": "all", "edit": "all"}}, [Level.PROBLEM]),
        ({"Product": {"create": "yes", "read": "own", "edit": "all"}}, [Level.WARNING]),
        ({"Product": {"create": "no", "read": "own", "edit": "no"}}, [Level.PROBLEM, Level.WARNING]),
        ({"Product": False}, [Level.PROBLEM]),
        ({"Product": True}, [Level.OK]),
        ({"Brand": False}, [Level.OK]),
        ({}, [Level.NOTE]),
    ],
)
def test_rights_are_held_against_what_is_needed(acl, levels):
    findings = check_rights([NEED], Session("etl", acl=acl))
    assert [finding.level for finding in findings] == levels


def test_a_lacking_right_is_named():
    acl = {"Product": {"create": "no", "read": "all", "edit": "no"}}
    (finding,) = check_rights([NEED], Session("etl", acl=acl))
    assert finding.what == "no right to create and edit Product"


def test_an_administrator_may_everything():
    (finding,) = check_rights([NEED], Session("root", is_admin=True, acl={"Product": False}))
    assert finding.level is Level.OK
