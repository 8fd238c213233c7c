"""Attribute values that were edited in AtroCore and in the source end as the mapping says, like fields."""

from __future__ import annotations

from shutil import copytree, rmtree
from typing import TYPE_CHECKING

import pytest

from etl.model import AttributeTarget
from etl.resolving.attribute_values import AttributeReader
from etl.schema import read_metadata

if TYPE_CHECKING:
    from etl.api import Client


class Clock:
    """The server's time; it stands still until a test moves it."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


CLOCK = Clock()
SANDBOX = pytest.mark.parametrize("sandbox", [{"clock": CLOCK}], indirect=True, ids=["2.2"])
MAPPING = (
    "entity: Product\nkey: number\n{policy}markers: {{unassign: [N/A]}}\n"
    "fields: {{number: No, name: Name}}\n"
    "attributes:\n  colour: {{column: Colour{own}}}\n  width: {{column: Width}}\n"
)
HEAD = "No,Name,Colour,Width"
LINES = (HEAD, "1,a,red,1.5", "2,b,blue,2.5")


@pytest.fixture(autouse=True)
async def attributes(pim: Client) -> None:
    await pim.metadata()  # tells the generation
    code = "systemName" if pim.generation.name == "2.3" else "code"
    of = {"entityId": "Product", "attributePanelId": "attributeValues"}
    for name, kind in (("colour", "varchar"), ("width", "float")):
        await pim.create("Attribute", {"name": name.title(), code: name, "type": kind, **of})


@pytest.fixture
def carry(carry):
    """Nothing is reread by turns, and time goes on."""

    async def carried(*arguments: str, **options: object):
        CLOCK.now += 600
        return await carry(*arguments, verify_fraction=0.0, **options)

    return carried


@pytest.fixture
def edit(pim, records):
    """Change a product as a person does, some time after all that was before."""

    async def edited(number: str, **values: object) -> None:
        CLOCK.now += 600
        found = {one["number"]: one["id"] for one in await records("Product", "number", "id")}
        await pim.patch("Product", found[number], payload=values)

    return edited


@pytest.fixture
def values(pim, records):
    """Read the attribute values of a product."""

    async def read(number: str) -> tuple[object, object]:
        schema = read_metadata(await pim.metadata())
        found = {one["number"]: one["id"] for one in await records("Product", "number", "id")}
        ids = {one["name"]: one["id"] for one in await records("Attribute", "name", "id")}
        targets = [
            AttributeTarget(key, key, attribute_id=ids[key.title()], key=key) for key in ("colour", "width")
        ]
        reader = AttributeReader(pim, schema.entity("Product"), schema=schema, types={})
        there = (await reader.read([found[number]], targets)).values[found[number]]
        return there.get("colour"), there.get("width")

    return read


@pytest.mark.parametrize(
    ("sandbox", "policy", "is_own", "colour", "code"),
    [
        ({"clock": CLOCK}, "report", False, "by hand", "edited_in_both"),
        ({"clock": CLOCK}, "source", True, "green", ""),
        ({"clock": CLOCK}, "server", False, "by hand", "edit_kept"),
        ({"clock": CLOCK, "generation": "2.3"}, "server", True, "by hand", "edit_kept"),
    ],
    indirect=["sandbox"],
    ids=["2.2-report", "2.2-source-own", "2.2-server", "2.3-server-own"],
)
async def test_a_value_edited_on_both_sides_ends_as_the_mapping_says(
    carry, edit, values, policy, is_own, colour, code
):
    said = ("", f", on_conflict: {policy}") if is_own else (f"on_conflict: {policy}\n", "")
    mapping = MAPPING.format(policy=said[0], own=said[1])
    await carry(mapping, *LINES)
    await edit("1", colour="by hand")
    for width in (3.5, 4.5):
        told = await carry(mapping, HEAD, f"1,a,green,{width}", LINES[2])
        assert [(one.code, one.field) for one in told.problems] == ([(code, "colour")] if code else [])
        assert await values("1") == (colour, 1.5 if policy == "report" else width)
        assert told.rows.failed == (1 if policy == "report" else 0)


@SANDBOX
async def test_what_was_taken_off_or_emptied_by_a_person_is_an_edit_too(carry, edit, values):
    mapping = MAPPING.format(policy="on_conflict: server\n", own="")
    await carry(mapping, *LINES)
    await edit("1", __attributesToRemove=["colour"])
    await edit("2", colour=None)
    told = await carry(mapping, HEAD, "1,a,green,1.5", "2,b,green,2.5")
    assert [one.code for one in told.problems] == ["edit_kept", "edit_kept"]
    assert [await values("1"), await values("2")] == [(None, 1.5), (None, 2.5)]


@SANDBOX
async def test_a_source_that_takes_an_edited_value_off_is_a_conflict(carry, edit, values):
    mapping = MAPPING.format(policy="", own="")
    await carry(mapping, *LINES)
    await edit("1", colour="by hand")
    told = await carry(mapping, HEAD, "1,a,N/A,1.5", LINES[2])
    assert [one.code for one in told.problems] == ["edited_in_both"]
    assert await values("1") == ("by hand", 1.5)


@SANDBOX
async def test_edits_of_other_values_and_of_fields_are_no_conflict_and_our_own_are_none(carry, edit, values):
    mapping = MAPPING.format(policy="", own="")
    await carry(mapping, *LINES)
    for colour in ("green", "black"):
        await edit("1", description="by hand")
        told = await carry(mapping, HEAD, f"1,a,{colour},1.5", LINES[2])
        assert (told.rows.updated, told.rows.failed) == (1, 0), told.problems
        assert await values("1") == (colour, 1.5)
    await carry(mapping, HEAD, "1,a,black,1.5", LINES[2])
    assert (await carry(mapping, HEAD, "1,a,black,1.5", LINES[2])).known.rows == 2


@SANDBOX
async def test_values_that_a_killed_import_sent_are_no_edit_of_somebody_else(carry, edit, values, tmp_path):
    mapping = MAPPING.format(policy="", own="")
    await carry(mapping, *LINES)
    known, at_the_kill = tmp_path / "state" / "known", tmp_path / "at the kill"

    def request_leaves() -> bool:
        if not at_the_kill.exists():
            copytree(known, at_the_kill)
        return False

    await carry(mapping, HEAD, "1,a,green,1.5", LINES[2], is_stopping=request_leaves)
    rmtree(known)
    copytree(at_the_kill, known)
    await edit("1", description="by hand")
    told = await carry(mapping, HEAD, "1,a,black,1.5", LINES[2])
    assert (told.rows.updated, told.rows.failed) == (1, 0), told.problems
    assert await values("1") == ("black", 1.5)


@SANDBOX
async def test_nothing_else_of_a_row_is_sent_whose_value_is_in_conflict(carry, edit, records, pim):
    await pim.create("Channel", {"name": "Shop", "code": "shop"})
    mapping = MAPPING.format(policy="", own="")
    mapping = mapping.replace(
        "name: Name}", "name: Name, channels: {each: {column: Where}, link: {by: code}}}"
    )
    await carry(mapping, f"{HEAD},Where", "1,a,red,1.5,", "2,b,blue,2.5,")
    await edit("1", colour="by hand")
    told = await carry(mapping, f"{HEAD},Where", "1,other,green,1.5,shop", "2,b,blue,2.5,shop")
    assert [one.code for one in told.problems] == ["edited_in_both"]
    assert [one["name"] for one in await records("Product", "name")] == ["a", "b"]
    assert told.records["ProductChannel"].created == 1
