"""What joins records: links by path, relation records, parents in the same file, blocks, commands."""

from __future__ import annotations

import pytest

import etl

GENERATIONS = pytest.mark.parametrize("sandbox", ["2.1", "2.2", "2.3"], indirect=True)
PRODUCT = "entity: Product\nkey: number\nfields:\n  number: No\n  name: Name\n"


@GENERATIONS
async def test_a_path_is_made_step_by_step_and_found_the_next_time(carry, records):
    mapping = PRODUCT + '  categories: {column: Path, link: {by: name, path: " > ", missing: create}}\n'
    lines = ("No,Name,Path", "1,a,Tools > Hand > Hammers", "2,b,Tools > Hand > Saws", "3,c,Garden")
    first = await carry(mapping, *lines)
    assert first.rows.created == 3, first.problems
    assert [one["name"] for one in await records("Category", "name")] == [
        "Garden", "Hammers", "Hand", "Saws", "Tools",
    ]  # fmt: skip
    tree = {one["name"]: one for one in await records("Category", "name", "id", "parentsIds")}
    assert tree["Hammers"]["parentsIds"] == [tree["Hand"]["id"]]
    assert tree["Hand"]["parentsIds"] == [tree["Tools"]["id"]]
    second = await carry(mapping, *lines)
    assert (second.rows.unchanged, second.rows.created) == (3, 0)
    assert len(await records("Category", "name")) == 5


@GENERATIONS
async def test_relation_records_carry_fields_of_their_own_and_are_not_doubled(carry, records):
    await carry(
        "entity: Channel\nkey: code\nfields: {code: C, name: C}\n", "C", "web", "print", name="channels"
    )
    mapping = PRODUCT + "  channels:\n    each: {column: Where, split: '|'}\n    link: {by: code}\n"
    lines = ("No,Name,Where", "1,a,web|print", "2,b,web")
    first = await carry(mapping, *lines)
    assert first.rows.created == 2, first.problems
    assert first.records["ProductChannel"].created == 3
    second = await carry(mapping, *lines)
    assert second.rows.unchanged == 2, second.problems
    assert len(await records("ProductChannel", "id")) == 3


@GENERATIONS
async def test_what_a_new_child_takes_over_from_its_parent_is_found_and_changed(carry, records):
    await carry(
        "entity: Channel\nkey: code\nfields: {code: C, name: C}\n", "C", "web", "print", name="channels"
    )
    mapping = PRODUCT + (
        "  parents: {column: Parent, link: {by: number, in: both}}\n"
        "  channels:\n    each: {column: Where, split: '|'}\n    link: {by: code}\n"
        "    with: {isActive: {constant: true}}\n"
    )
    await carry(
        PRODUCT + "  channels: {column: Where, split: '|', link: {by: code}}\n", "No,Name,Where", "1,a,web"
    )
    lines = ("No,Name,Parent,Where", "2,b,1,web|print", "3,c,2,web", "4,d,,print")
    first = await carry(mapping, *lines)
    assert (first.rows.created, first.rows.bad) == (3, 0), first.problems
    products = {one["id"]: one["number"] for one in await records("Product", "id", "number")}
    channels = {one["id"]: one["code"] for one in await records("Channel", "id", "code")}
    pairs = await records("ProductChannel", "productId", "channelId")
    found = sorted((products[one["productId"]], channels[one["channelId"]]) for one in pairs)
    # What the parent gets later, its child is given too.
    assert found == [
        ("1", "web"), ("2", "print"), ("2", "web"), ("3", "print"), ("3", "web"), ("4", "print"),
    ]  # fmt: skip
    assert (await carry(mapping, *lines)).rows.unchanged == 3


@GENERATIONS
async def test_a_missing_end_of_a_relation_fails_the_row_with_its_reason(carry, records):
    mapping = PRODUCT + "  channels:\n    each: {column: Where, split: '|'}\n    link: {by: code}\n"
    summary = await carry(mapping, "No,Name,Where", "1,a,nowhere", "2,b,")
    assert (summary.rows.failed, summary.rows.created) == (1, 1)
    assert summary.problems[0].code == "missing_link"


@GENERATIONS
async def test_products_are_associated_and_what_is_not_there_is_told_with_its_row(carry, records):
    await carry("entity: Association\nkey: code\nfields: {code: C, name: C}\n", "C", "up", name="kinds")
    mapping = PRODUCT + "associations:\n  up: {column: Up, split: '|'}\n"
    lines = ("No,Name,Up", "1,a,2|9", "2,b,", "3,c,9")
    first = await carry(mapping, *lines)
    assert (first.rows.created, first.rows.bad) == (3, 0), first.problems
    assert [(one.row, one.code) for one in first.problems] == [
        (2, "missing_link_reported"), (4, "missing_link_reported"),
    ]  # fmt: skip
    products = {one["id"]: one["number"] for one in await records("Product", "id", "number")}
    (pair,) = await records("AssociatedProduct", "associatingItemId", "associatedItemId")
    assert [products[one] for one in pair.values()] == ["1", "2"]
    assert (await carry(mapping, *lines)).rows.unchanged == 3


@GENERATIONS
async def test_replacing_relation_records_cuts_none_where_an_end_is_missing(carry, records):
    await carry(
        "entity: Channel\nkey: code\nfields: {code: C, name: C}\n", "C", "web", "print", name="channels"
    )
    mapping = PRODUCT + (
        "  channels:\n    each: {column: Where, split: '|'}\n    link: {by: code, missing: report}\n"
        "    links: replace\n"
    )
    await carry(mapping, "No,Name,Where", "1,a,web|print", "2,b,web|print", "3,c,web")
    summary = await carry(mapping, "No,Name,Where", "1,a,web", "2,b,web|gone", "3,c,")
    assert summary.rows.bad == 0, summary.problems
    assert summary.records["ProductChannel"].deleted == 1
    assert [(one.row, one.code) for one in summary.problems] == [(3, "missing_link_reported")]
    assert len(await records("ProductChannel", "id")) == 4


@GENERATIONS
async def test_parents_anywhere_in_the_file_stand_before_their_children(carry, records):
    mapping = PRODUCT + "  parents: {column: Parent, link: {by: number, in: both}}\n"
    lines = ("No,Name,Parent", "3,grandchild,2", "2,child,1", "1,top,", "4,other,1")
    first = await carry(mapping, *lines)
    assert first.rows.created == 4, first.problems
    found = {one["number"]: one for one in await records("Product", "number", "id", "parentsIds")}
    assert found["3"]["parentsIds"] == [found["2"]["id"]]
    assert found["2"]["parentsIds"] == found["4"]["parentsIds"] == [found["1"]["id"]]
    assert (await carry(mapping, *lines)).rows.unchanged == 4


@GENERATIONS
async def test_a_child_keeps_the_relations_that_came_with_it(carry, records):
    await carry(
        "entity: Channel\nkey: code\nfields: {code: C, name: C}\n", "C", "web", "print", name="channels"
    )
    mapping = (
        PRODUCT
        + "  parents: {column: Parent, link: {by: number, in: both}}\n"
        + "  channels: {column: Where, link: {by: code}}\n"
    )
    lines = ("No,Name,Parent,Where", "1,top,,web", "2,child,1,print")
    summary = await carry(mapping, *lines)
    assert summary.rows.created == 2, summary.problems
    ids = {one["code"]: one["id"] for one in await records("Channel", "code", "id")}
    child = (await records("Product", "number", "channelsIds"))[1]
    assert ids["print"] in child["channelsIds"]
    assert (await carry(mapping, *lines)).rows.unchanged == 2


@GENERATIONS
async def test_blocks_make_several_entities_of_one_file_and_point_to_each_other(carry, records):
    mapping = (
        "blocks:\n"
        "  - id: products\n    entity: Product\n    key: number\n"
        "    fields:\n      number: No\n      name: Name\n"
        "      brand: {column: Maker, link: {by: code, of: makers}}\n"
        "  - id: makers\n    entity: Brand\n    key: code\n    on_duplicate: first\n"
        "    fields: {code: Maker, name: Maker}\n"
    )
    lines = ("No,Name,Maker", "1,a,Acme", "2,b,Acme", "3,c,Bolt")
    first = await carry(mapping, *lines)
    assert first.records["Brand"].created == 2, first.problems
    assert first.records["Product"].created == 3
    names = [one["brandName"] for one in await records("Product", "number", "brandName")]
    assert names == ["Acme", "Acme", "Bolt"]
    second = await carry(mapping, *lines)
    assert second.records["Product"].unchanged == 3


@GENERATIONS
async def test_a_column_of_commands_says_what_becomes_of_each_row(carry, records):
    mapping = PRODUCT + "rows: {command: {column: Do}}\n"
    await carry(mapping, "No,Name,Do", "1,a,", "2,b,", "3,c,")
    summary = await carry(
        mapping,
        "No,Name,Do",
        "1,a2,update",
        "2,b2,delete",
        "3,c2,ignore",
        "4,d,update",
        "5,e,create",
        "1x,x,delete",
    )
    rows = summary.rows
    assert (rows.updated, rows.deleted, rows.skipped, rows.failed, rows.created) == (1, 1, 2, 0, 1)
    assert summary.problems[0].code == "record_missing_left"
    found = [(one["number"], one["name"]) for one in await records("Product", "number", "name")]
    assert found == [("1", "a2"), ("3", "c"), ("5", "e")]


@GENERATIONS
async def test_rows_of_a_group_make_one_record_and_share_its_outcome(carry, records):
    head = "entity: Product\nkey: number\nrows: {group: {by: No}}\n"
    mapping = head + "fields:\n  number: No\n  name: Name\n  quantity: Q\n"
    lines = ("No,Name,Q", "1,a,5", "1,,6", "2,b,x", "2,,7")
    summary = await carry(mapping, *lines)
    assert (summary.rows.created, summary.rows.invalid) == (2, 2), summary.problems
    assert summary.records["Product"].created == 1
    assert [one["number"] for one in await records("Product", "number")] == ["1"]


@GENERATIONS
async def test_rows_without_a_key_are_created_once_for_each_source(carry, records):
    mapping = "entity: Product\nwrite: create\nfields:\n  number: No\n  name: Name\n"
    first = await carry(mapping, "No,Name", "1,a", "1,a")
    assert first.rows.created == 2, first.problems
    assert (await carry(mapping, "No,Name", "1,a", "1,a")).rows.unchanged == 2
    assert (await carry(mapping, "No,Name", "1,a", "2,b")).rows.created == 2
    assert len(await records("Product", "number")) == 4


@pytest.mark.parametrize("sandbox", ["1.10", "2.2"], indirect=True)
async def test_a_key_may_be_named_by_the_alternative_that_the_instance_does_not_have(carry, pim):
    mapping = "entity: Product\nkey: number\nfields:\n  number|sku: No\n  name: Name\n"
    assert (await carry(mapping, "No,Name", "1,a")).rows.created == 1
    assert (await carry(mapping, "No,Name", "1,a")).rows.unchanged == 1


@pytest.mark.parametrize("sandbox", ["2.2"], indirect=True)
@pytest.mark.parametrize(
    ("policy", "status", "code"),
    [
        ("report", "skipped", "record_missing_left"),
        ("skip", "skipped", ""),
        ("fail", "failed", "record_missing"),
    ],
)
async def test_rows_without_a_record_are_treated_as_on_missing_says(carry, policy, status, code):
    mapping = PRODUCT + f"write: update\non_missing: {policy}\n"
    summary = await carry(mapping, "No,Name", "1,a")
    assert getattr(summary.rows, status) == 1
    assert [one.code for one in summary.problems] == ([code] if code else [])


JOINED = (
    PRODUCT
    + '  categories: {column: Path, link: {by: name, path: " > ", missing: create}}\n'
    + "  parents: {column: Parent, link: {by: number, in: both}}\n"
    + "  channels:\n    each: {column: Where, split: '|'}\n    link: {by: code}\n"
)


async def test_a_plan_with_paths_parents_and_relation_records_is_applied_and_undone(
    carry, records, pim, tmp_path
):
    channels = "entity: Channel\nkey: code\nfields: {code: C, name: C}\n"
    await carry(channels, "C", "web", "print", name="channels")
    await carry(JOINED, "No,Name,Path,Parent,Where", "1,a,Tools > Saws,,web")
    state, before = tmp_path / "state", await records("ProductChannel", "productId", "channelId")
    lines = (
        "No,Name,Path,Parent,Where", "3,grandchild,Tools > Hand,2,", "2,child,Garden,5,", "5,top,,,print",
        "1,A,Tools > Saws,,web|print", "4,lost,,,nowhere",
    )  # fmt: skip
    (tmp_path / "feed.csv").write_text("\n".join(lines))
    plan = await etl.aio.plan(tmp_path / "feed.csv", tmp_path / "feed.yaml", pim, state_dir=state)
    done = await etl.aio.apply(plan.file, pim, state_dir=state)
    assert (done.rows.created, done.rows.updated, done.rows.failed) == (4, 0, 1), done.problems
    assert done.rows == plan.summary.rows
    found = {one["number"]: one for one in await records("Product", "number", "id", "parentsIds")}
    assert found["3"]["parentsIds"] == [found["2"]["id"]]
    assert len(await records("ProductChannel", "id")) >= 3
    again = await etl.aio.plan(tmp_path / "feed.csv", tmp_path / "feed.yaml", pim, state_dir=state)
    assert not again.has_changes
    undone = await etl.aio.undo(done.run, pim, state_dir=state, deletes_created=True)
    assert undone.status == "ok", undone.problems
    assert [one["name"] for one in await records("Product", "name")] == ["a"]
    assert [one["name"] for one in await records("Category", "name")] == ["Saws", "Tools"]
    # What deleted children had inherited joins nothing any more.
    left = [one for one in await records("ProductChannel", "productId", "channelId")
            if one["productId"] == found["1"]["id"]]  # fmt: skip
    assert left == before


@pytest.mark.parametrize("sandbox", ["1.10", "2.1"], indirect=True)
async def test_new_records_stand_below_their_parents_at_once(carry, records):
    mapping = (
        "entity: Category\nkey: code\nfields:\n  code: Code\n  name: Name\n"
        "  parents: {column: Above, split: '|', link: {by: code, in: source}}\n"
    )
    lines = ("Code,Name,Above", "a,A,", "b,B,a", "c,C,b", "d,D,", "e,E,a|d")
    first = await carry(mapping, *lines)
    assert (first.rows.created, first.problems) == (5, ())
    found = {one["name"]: one for one in await records("Category", "name", "id", "parentsIds")}
    above = {
        name: {found[up]["id"] for up in ups}
        for name, ups in zip("ABCDE", ("", "A", "B", "", "AD"), strict=True)
    }
    assert {name: set(one["parentsIds"]) for name, one in found.items()} == above
    second = await carry(mapping, *lines)
    assert second.rows.unchanged == 5
