"""Law 3 with cells that are files: exported names and the folder of files beside them import untouched."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

from etl import aio

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from etl.api import Client
    from etl.report import Summary
    from tests.exporting.conftest import Place

MAPPING = """
entity: Product
key: number
fields:
  number|sku: No
  mainImage: {column: Image, file: {base: BASE}}
  files:
    each: {column: Images, split: "|", unique: true}
    links: replace
    file: {base: BASE, folder: "shop/{Group}", name: "{item.index}"}
    with: {sorting: {expr: item.index * 10}}
  name: Name
attributes:
  sheet: {column: Sheet, file: {base: BASE}}
"""
ROWS = (
    {
        "No": "1",
        "Group": "g1",
        "Image": "b.png",
        "Images": "c.png|b.png|a.png",
        "Name": "one",
        "Sheet": "a.png",
    },
    {"No": "2", "Group": "g2", "Image": "", "Images": "d.png", "Name": "two", "Sheet": ""},
    {"No": "3", "Group": "g3", "Image": "e.png", "Images": "", "Name": "three", "Sheet": "f.png"},
    {"No": "4", "Group": "g4", "Image": "", "Images": "", "Name": "four", "Sheet": "d.png"},
)


@pytest.fixture
async def imported(pim: Client, place: Place) -> Summary:
    """Products with pictures; several of these are called `1.png` in AtroCore."""
    folder = place.cwd / "images"
    folder.mkdir()
    for name in "abcdef":
        (folder / f"{name}.png").write_bytes(b"\x89PNG" + name.encode() * 40)
    await pim.metadata()  # tells the generation
    code = "systemName" if pim.generation.name == "2.3" else "code"
    old = pim.generation.name == "1.10"
    of = {} if old else {"entityId": "Product", "attributePanelId": "attributeValues"}
    await pim.create("Attribute", {"name": "Sheet", code: "sheet", "type": "file", **of})
    (place.cwd / "in.yaml").write_text(MAPPING.replace("BASE", "images"))
    (place.cwd / "out.yaml").write_text(MAPPING.replace("BASE", "laid"))
    with (place.cwd / "in.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(ROWS[0]))
        table.writeheader()
        table.writerows(ROWS)
    return await carried(pim, place, "in.csv", "in.yaml")


async def carried(pim: Client, place: Place, source: str, mapping: str) -> Summary:
    return await aio.import_table(place.cwd / source, place.cwd / mapping, pim, state_dir=place.state)


def cells(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return sorted(csv.DictReader(file), key=lambda row: row["No"])


@pytest.mark.parametrize("sandbox", ["1.10", "2.3"], indirect=True)
async def test_files_laid_beside_an_export_by_a_mapping_are_what_its_cells_name(
    imported: Summary, export: Callable, pim: Client, place: Place
):
    assert (imported.rows.created, imported.files.uploaded) == (4, 6), imported.problems
    summary = await export("back.csv", mapping=place.cwd / "out.yaml", how={"files": "laid"})
    assert (summary.status, summary.files.downloaded) == ("ok", 6)
    found = cells(place.cwd / "back.csv")
    assert list(found[0]) == ["No", "Image", "Images", "Name", "Sheet", "Group"]
    assert {row["Group"] for row in found} == {""}, "it only says where new files go"

    def contents(cell: str) -> list[str]:
        read = [(place.cwd / "laid" / name).read_bytes() for name in cell.split("|") if name]
        return [f"{one.decode('latin-1')[-1]}.png" for one in read]

    for row, before in zip(found, ROWS, strict=True):
        assert contents(row["Image"]) == [one for one in [before["Image"]] if one]
        assert contents(row["Sheet"]) == [one for one in [before["Sheet"]] if one]
        # A main image stands in the gallery too, behind what has a place there.
        gallery = [one for one in before["Images"].split("|") if one]
        assert [one for one in contents(row["Images"]) if one in gallery] == gallery
    again = await carried(pim, place, "back.csv", "out.yaml")
    assert (again.rows.unchanged, again.files.uploaded) == (4, 0), again.problems
    assert not any(one.created or one.updated or one.deleted for one in again.records.values())


async def test_without_the_files_cells_hold_their_names_as_atrocore_has_them(
    imported: Summary, export: Callable, place: Place
):
    assert imported.rows.created == 4
    await export("back.csv", mapping=place.cwd / "in.yaml")
    found = cells(place.cwd / "back.csv")
    # A content is one file, called as it was first: `b.png` is the main image of the first product.
    assert [row["Images"].split("|")[0] for row in found[:2]] == ["1.png", "1.png"]
    assert found[0]["Image"] == "b.png"
