"""Attribute values, in the way that each server keeps them."""

from __future__ import annotations

import pytest

import etl

GENERATIONS = pytest.mark.parametrize("sandbox", ["1.10", "2.1", "2.2", "2.3"], indirect=True)
HEAD = "entity: Product\nkey: {key}\nfields:\n  {key}: No\n  name: Name\nattributes:\n"


@pytest.fixture
async def attributes(pim, sandbox):
    """Some attributes of products: a text, a number, a whole number, a switch."""
    await pim.metadata()  # tells the generation
    code = "systemName" if pim.generation.name == "2.3" else "code"
    entity = (
        {}
        if pim.generation.name == "1.10"
        else {"entityId": "Product", "attributePanelId": "attributeValues"}
    )
    for name, kind in (("colour", "varchar"), ("width", "float"), ("pieces", "int"), ("isNew", "bool")):
        await pim.create("Attribute", {"name": name.title(), code: name, "type": kind, **entity})
    return "sku" if pim.generation.name == "1.10" else "number"


FEED = (
    "  colour: Colour\n  width: {column: Width, number: {decimal: ','}}\n  pieces: Pieces\n"
    "  isNew: {column: New, values: {ja: true, nein: false}}\n"
)
LINES = ("No,Name,Colour,Width,Pieces,New", '1,a,red,"12,5",3,ja', "2,b,blue,,4,nein", "3,c,,,,")


@GENERATIONS
async def test_values_arrive_and_a_second_import_finds_them_there(carry, attributes):
    mapping = HEAD.format(key=attributes) + FEED
    first = await carry(mapping, *LINES)
    assert (first.rows.created, first.rows.bad) == (3, 0), (first.problems, first.error)
    second = await carry(mapping, *LINES)
    assert (second.rows.unchanged, second.rows.updated) == (3, 0), second.problems


@GENERATIONS
async def test_a_plan_tells_which_share_of_the_values_are_attributes(attributes, pim, tmp_path):
    (tmp_path / "feed.yaml").write_text(HEAD.format(key=attributes) + FEED)
    shares = []
    # Four values of attributes beside two fields; none beside two.
    for cells in ('red,"12,5",3,ja', ",,,"):
        (tmp_path / "feed.csv").write_text(f"{LINES[0]}\n1,a,{cells}\n")
        planned = await etl.aio.plan(tmp_path / "feed.csv", tmp_path / "feed.yaml", pim, state_dir=tmp_path)
        shares.append(planned.forecast.attribute_share)
    assert shares[0] > 0.5
    assert shares[1] == 0


@GENERATIONS
async def test_one_changed_value_changes_one_row(carry, attributes):
    mapping = HEAD.format(key=attributes) + FEED
    await carry(mapping, *LINES)
    changed = (LINES[0], '1,a,green,"12,5",3,ja', *LINES[2:])
    summary = await carry(mapping, *changed)
    assert (summary.rows.updated, summary.rows.unchanged) == (1, 2), summary.problems
    assert (await carry(mapping, *changed)).rows.unchanged == 3


@GENERATIONS
async def test_a_marker_takes_an_attribute_off(carry, attributes):
    mapping = "markers: {unassign: [N/A]}\n" + HEAD.format(key=attributes) + "  colour: Colour\n"
    await carry(mapping, "No,Name,Colour", "1,a,red", "2,b,blue")
    summary = await carry(mapping, "No,Name,Colour", "1,a,N/A", "2,b,blue")
    assert (summary.rows.bad, summary.rows.unchanged) == (0, 1), summary.problems
    assert (await carry(mapping, "No,Name,Colour", "1,a,N/A", "2,b,blue")).rows.unchanged == 2


@pytest.mark.parametrize("sandbox", ["2.2"], indirect=True)
async def test_the_simple_endpoints_are_used_where_the_mapping_says_so(carry, attributes):
    mapping = "write_attributes: endpoints\n" + HEAD.format(key=attributes) + FEED
    first = await carry(mapping, *LINES)
    assert (first.rows.created, first.rows.bad) == (3, 0), first.problems
    second = await carry(HEAD.format(key=attributes) + FEED, *LINES)
    assert second.rows.unchanged == 3


@pytest.mark.parametrize("sandbox", ["2.1", "2.2"], indirect=True)
async def test_pairs_of_name_and_value_become_attributes(carry, attributes):
    mapping = HEAD.format(key=attributes) + (
        '  "{code}": {names: "Attribute {n} name", values: "Attribute {n} value(s)", as: {Color: colour}}\n'
    )
    lines = (
        "No,Name,Attribute 1 name,Attribute 1 value(s),Attribute 2 name,Attribute 2 value(s)",
        "1,a,Color,red,pieces,4",
        "2,b,pieces,5,,",
    )
    first = await carry(mapping, *lines)
    assert (first.rows.created, first.rows.bad) == (2, 0), first.problems
    assert (await carry(mapping, *lines)).rows.unchanged == 2


@pytest.mark.parametrize("sandbox", ["1.10", "2.3"], indirect=True)
async def test_a_plan_with_attribute_values_is_applied(carry, attributes, pim, tmp_path):
    mapping = HEAD.format(key=attributes) + FEED
    await carry(mapping, *LINES[:3])
    (tmp_path / "feed.csv").write_text(
        "\n".join((LINES[0], '1,a,green,"12,6",3,ja', *LINES[2:], "4,d,x,1,2,ja"))
    )
    state = tmp_path / "state"
    plan = await etl.aio.plan(tmp_path / "feed.csv", tmp_path / "feed.yaml", pim, state_dir=state)
    done = await etl.aio.apply(plan.file, pim, state_dir=state)
    assert (done.rows, done.rows.bad) == (plan.summary.rows, 0), done.problems
    again = await etl.aio.plan(tmp_path / "feed.csv", tmp_path / "feed.yaml", pim, state_dir=state)
    assert not again.has_changes


@pytest.mark.parametrize("sandbox", ["1.10", "2.3"], indirect=True)
async def test_attribute_values_are_put_back_and_new_ones_taken_off_by_an_undo(
    carry, attributes, pim, tmp_path
):
    mapping, state = HEAD.format(key=attributes) + FEED, tmp_path / "state"
    await carry(mapping, *LINES)
    changed = (LINES[0], '1,a,green,"12,6",3,ja', "2,b,blue,9,4,nein", "3,c,red,,5,ja")
    (tmp_path / "feed.csv").write_text("\n".join(changed))

    async def plan():
        found = await etl.aio.plan(tmp_path / "feed.csv", tmp_path / "feed.yaml", pim, state_dir=state)
        return [(one.kind, one.entity, one.key, one.field, one.old, one.new) for one in found.first]

    before = await plan()
    done = await carry(mapping, *changed)
    assert await plan() == []
    undone = await etl.aio.undo(done.run, pim, state_dir=state)
    assert (undone.status, undone.rows.failed) == ("ok", 0), undone.problems
    assert await plan() == before
