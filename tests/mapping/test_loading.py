# ruff: noqa: E501  whole messages and tables of cells are read across
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from etl import mapping as language
from etl.errors import MappingInvalid, SourceMissing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from etl.schema import Schema


def problems(path: Path) -> list[str]:
    with pytest.raises(MappingInvalid) as caught:
        language.load(path)
    return [one.removeprefix(f"{path.parent}/") for one in caught.value.problems]


def test_every_problem_of_a_mapping_is_told_at_once(write: Callable[[str], Path]) -> None:
    text = (
        "entty: Tool\n"
        "write: upsrt\n"
        "fields:\n"
        "  number: {colum: No}\n"
        "  name: {column: A, constant: B}\n"
        "  stock: {column: A, required: 5}\n"
        "source: {number: {decimal: ',', thousands: ','}}\n"
    )
    found = problems(write(text))
    assert [one.split(" Keys here:")[0] for one in found] == [
        'm.yaml:1:1: the key "entity" is missing. Add it.',
        'm.yaml:1:1: there is no key "entty" here.',
        'm.yaml:2:8: "upsrt" is not known here. Known are: upsert, create, update, none. Did you mean "upsert"?',
        'm.yaml:4:12: there is no key "colum" here.',
        'm.yaml:5:9: one origin is needed. Give it "column", "columns", "first_of", "constant", "expr", "row_number" or "lookup", and only one of them.',
        'm.yaml:6:32: true or false is expected, "5" stands here. Correct it.',
        "m.yaml:7:18: decimal and thousands are the same mark. Let them differ.",
    ]
    assert found[1].endswith('ignore, markers, blocks. Did you mean "entity"?')
    assert found[3].endswith('Did you mean "column"?')


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\na: 2", 'm.yaml:2:1: this is no YAML: the key "a" stands here a second time, the first is in line 1. Keep one of them.'),
        ("a: &x 1\nb: *x", 'm.yaml:1:4: this is no YAML: anchors and aliases (& and *) are not used here. Write it out, or use "extends".'),
        ("a: !!python/object:os.system x", "m.yaml:1:4: this is no YAML: the tag tag:yaml.org,2002:python/object:os.system means nothing here. Remove it."),
        ("a: [1", "m.yaml:1:6: this is no YAML: expected ',' or ']', but got '<stream end>'. Correct it."),
    ],
)  # fmt: skip
def test_yaml_that_cannot_be_taken_is_told_with_its_place(
    write: Callable[[str], Path], text: str, said: str
) -> None:
    assert problems(write(text)) == [said]


def test_plain_scalars_stay_what_was_typed(write: Callable[[str], Path], schema: Schema) -> None:
    mapping = language.load(
        write(
            "entity: Tool\nwrite: create\nfields: {text: {constant: 010}, number: {constant: no}, name: {constant: 12:30}}"
        )
    )
    assert [one.constant for one in mapping.fields.values()] == ["010", "no", "12:30"]
    assert language.check(mapping, header=None, schema=schema) == []


def test_a_missing_mapping_names_one_of_almost_that_name(write: Callable[[str], Path]) -> None:
    path = write("entity: Tool", "products.yaml")
    with pytest.raises(SourceMissing, match=r"Did you mean .*products\.yaml\?"):
        language.load(path.with_name("product.yaml"))


def test_folders_of_files_are_found_from_the_mapping_that_names_them(write: Callable[..., Path]) -> None:
    below = write("entity: Tool\nkey: number\nfields: {}\n").parent / "below"
    below.mkdir()
    fields = (
        "  image: {column: A, file: {base: pictures}}\n  photos: {column: B, file: {base: /srv/photos}}\n"
    )
    (below / "base.yaml").write_text(f"entity: Tool\nkey: number\nfields:\n{fields}", encoding="utf-8")
    mapping = language.load(write("extends: below/base.yaml\n"))
    bases = [one.file.base for one in mapping.fields.values() if one.file is not None]
    assert [base.replace("\\", "/") for base in bases] == ["below/pictures", "/srv/photos"]
