"""What an import knows of earlier ones: what it spares itself, and when it believes nothing."""

from __future__ import annotations

import json
from shutil import copytree, rmtree
from typing import TYPE_CHECKING

import pytest
from pyarrow import parquet

import etl
from etl.planning.forgetting import forget
from etl.planning.guards import Guards, Threshold
from etl.planning.known import META, name_of

if TYPE_CHECKING:
    from etl.report import Summary

PRODUCT = "entity: Product\nkey: number\nfields:\n  number: No\n  name: Name\n  mpn: Mpn\n"
LINES = ("No,Name,Mpn", *(f"{row},name {row},{row:03}" for row in range(1, 10)))


class Clock:
    """The server's time; it stands still until a test moves it."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


CLOCK = Clock()
GENERATIONS = pytest.mark.parametrize(
    "sandbox",
    [{"generation": one, "clock": CLOCK} for one in ("1.10", "2.1", "2.3")],
    indirect=True,
    ids=["1.10", "2.1", "2.3"],
)
SANDBOX = pytest.mark.parametrize("sandbox", [{"clock": CLOCK}], indirect=True, ids=["2.2"])


@pytest.fixture
def carry(carry):
    """Nothing is reread by turns, unless a test says so."""

    async def carried(*arguments: str, verify_fraction: float = 0.0, **options: object) -> Summary:
        return await carry(*arguments, verify_fraction=verify_fraction, **options)

    return carried


@pytest.fixture
def edit(pim, records):
    """Change one product as a person does, some time after all that was before."""

    async def edited(number: str, **fields: object) -> None:
        found = {one["number"]: one["id"] for one in await records("Product", "number", "id")}
        CLOCK.now += 600
        await pim.patch("Product", found[number], payload=fields)

    return edited


def with_line(number: int, line: str) -> tuple[str, ...]:
    return (*LINES[:number], line, *LINES[number + 1 :])


@GENERATIONS
async def test_every_generation_sends_nothing_the_second_time_and_asks_little_the_third(carry, pim):
    mapping = "entity: Brand\nkey: name\nfields: {name: Name, code: Mpn}\n"
    assert (await carry(mapping, *LINES)).rows.created == 9
    second = await carry(mapping, *LINES)
    # 2.3 does not say when it changed a record: what was just written is compared once more.
    says_when = pim.generation.name != "2.3"
    assert (second.known.rows, second.rows.unchanged) == (9 if says_when else 0, 9)
    third = await carry(mapping, *LINES)
    assert (third.known.rows, third.known.asked) == (9, 1)


@SANDBOX
async def test_a_second_import_asks_only_what_was_changed_meanwhile(carry, pim, tmp_path):
    first = await carry(PRODUCT, *LINES)
    assert first.rows.created == 9, first.problems
    assert first.known.rows == 0
    assert "no known state" in first.known.why
    before = pim.requests
    second = await carry(PRODUCT, *LINES)
    assert second.rows.unchanged == second.rows.read == 9
    assert second.records["Product"].unchanged == 9
    assert (second.known.rows, second.known.compared, second.known.asked) == (9, 0, 1)
    # The schema, and the page of what was changed.
    assert pim.requests - before == 2
    results = parquet.read_table(f"{second.folder}/results.parquet").to_pylist()
    assert [(one["row"], one["key"], one["status"]) for one in results] == [
        (row + 1, str(row), "unchanged") for row in range(1, 10)
    ]
    assert all(len(one["id"]) == 24 for one in results)


@SANDBOX
async def test_an_edited_cell_is_one_record_and_one_field(carry, records):
    await carry(PRODUCT, *LINES)
    second = await carry(PRODUCT, *with_line(4, "4,other,004"))
    assert (second.rows.updated, second.rows.unchanged) == (1, 8)
    assert second.known.compared == 1
    assert second.fields == {"Product": {"name": 1}}
    assert (await records("Product", "number", "name"))[3] == {"number": "4", "name": "other"}
    third = await carry(PRODUCT, *with_line(4, "4,other,004"))
    assert third.known.rows == 9, third.known


@SANDBOX
async def test_an_edit_in_atrocore_alone_is_found_by_its_moment_and_set_right(carry, records, edit):
    await carry(PRODUCT, *LINES)
    await edit("7", name="by hand")
    second = await carry(PRODUCT, *LINES)
    assert (second.known.rows, second.known.changed, second.rows.updated) == (8, 1, 1)
    assert (await records("Product", "number", "name"))[6]["name"] == "name 7"
    assert (await carry(PRODUCT, *LINES)).known.rows == 9


@SANDBOX
@pytest.mark.parametrize(
    ("policy", "place", "name", "code"),
    [
        ("report", "on_conflict: report\n", "by hand", "edited_in_both"),
        ("source", "on_conflict: source\n", "other", ""),
        ("server", "on_conflict: server\n", "by hand", "edit_kept"),
        ("source", "", "other", ""),
    ],
)
async def test_a_field_edited_on_both_sides_ends_as_the_mapping_says(
    carry, records, edit, policy, place, name, code
):
    mapping = PRODUCT + place
    if not place:
        mapping = PRODUCT.replace("name: Name", f"name: {{column: Name, on_conflict: {policy}}}")
    await carry(mapping, *LINES)
    await edit("4", name="by hand")
    lines = with_line(4, "4,other,new")
    second = await carry(mapping, *lines)
    assert [one.code for one in second.problems] == ([code] if code else [])
    mpn = "004" if code == "edited_in_both" else "new"
    found = (await records("Product", "number", "name", "mpn"))[3]
    assert found == {"number": "4", "name": name, "mpn": mpn}
    assert second.rows.failed == (1 if code == "edited_in_both" else 0)
    # Nobody has decided meanwhile: the next import says the same.
    again = await carry(mapping, *lines)
    assert [one.code for one in again.problems] == ([code] if code else [])
    assert (await records("Product", "number", "name", "mpn"))[3] == found


@SANDBOX
async def test_fields_beside_a_kept_edit_are_written_again_and_again(carry, records, edit):
    mapping = PRODUCT + "on_conflict: server\n"
    await carry(mapping, *LINES)
    await edit("4", name="by hand")
    for value in ("new", "newer", "newest"):
        CLOCK.now += 600
        told = await carry(mapping, *with_line(4, f"4,other,{value}"))
        assert [(one.code, one.field) for one in told.problems] == [("edit_kept", "name")]
        found = (await records("Product", "number", "name", "mpn"))[3]
        assert found == {"number": "4", "name": "by hand", "mpn": value}


@SANDBOX
async def test_what_was_written_beside_a_warning_is_no_edit_of_somebody_else(carry, records):
    mapping = PRODUCT + "  brand: {column: Brand, link: {by: name, missing: report}}\n"
    head = "No,Name,Mpn,Brand"
    await carry(mapping, head, "1,one,1,", "2,two,2,")
    for name in ("uno", "eins"):
        CLOCK.now += 600
        told = await carry(mapping, head, f"1,{name},1,nowhere", "2,two,2,")
        assert (told.rows.updated, told.rows.failed) == (1, 0), told.problems
        assert (await records("Product", "number", "name"))[0]["name"] == name


@SANDBOX
async def test_an_edit_of_another_field_is_no_conflict(carry, records, edit):
    await carry(PRODUCT, *LINES)
    await edit("4", ean="4006381333931")
    second = await carry(PRODUCT, *with_line(4, "4,other,004"))
    assert (second.rows.updated, second.rows.failed) == (1, 0), second.problems
    assert (await records("Product", "number", "ean", "name"))[3]["ean"] == "4006381333931"


@SANDBOX
async def test_what_a_killed_import_sent_last_is_no_edit_of_somebody_else(carry, records, tmp_path):
    await carry(PRODUCT, *LINES)
    CLOCK.now += 600
    known, at_the_kill = tmp_path / "state" / "known", tmp_path / "at the kill"

    def request_leaves() -> bool:
        if not at_the_kill.exists():
            copytree(known, at_the_kill)
        return False

    await carry(PRODUCT, *with_line(4, "4,second,004"), is_stopping=request_leaves)
    rmtree(known)
    copytree(at_the_kill, known)
    third = await carry(PRODUCT, *with_line(4, "4,third,004"))
    assert (third.rows.updated, third.rows.failed, third.known.rows) == (1, 0, 8), third.problems
    assert (await records("Product", "number", "name"))[3]["name"] == "third"


@SANDBOX
@pytest.mark.parametrize("harm", ["cut", "bits", "format", "target", "empty", "gone"])
async def test_a_known_state_that_cannot_be_trusted_is_rebuilt(carry, tmp_path, harm):
    await carry(PRODUCT, *LINES)
    (path,) = (tmp_path / "state" / "known").glob("*.parquet")
    content = path.read_bytes()
    if harm == "gone":
        path.unlink()
    elif harm in ("format", "target"):
        table = parquet.read_table(path)
        said = json.loads(table.schema.metadata[META])
        if harm == "format":
            said["format"] += 1
        else:
            said["about"]["url"] = "https://elsewhere.example"
        parquet.write_table(table.replace_schema_metadata({META: json.dumps(said)}), path)
    else:
        changed = {"cut": content[:-40], "empty": b"", "bits": flipped(content)}[harm]
        path.write_bytes(changed)
    second = await carry(PRODUCT, *LINES)
    assert second.known.why
    assert (second.known.rows, second.known.compared, second.rows.unchanged) == (0, 9, 9)
    assert (await carry(PRODUCT, *LINES)).known.rows == 9


def flipped(content: bytes) -> bytes:
    """Some bits in the middle of the lines are others; the file can be opened all the same."""
    at = 300
    return content[:at] + bytes(one ^ 0x55 for one in content[at : at + 8]) + content[at + 8 :]


@SANDBOX
async def test_another_mapping_text_compares_everything_once(carry):
    await carry(PRODUCT, *LINES)
    second = await carry(PRODUCT + "# a remark\n", *LINES)
    assert (second.known.rows, second.rows.unchanged) == (0, 9)
    assert "changed" in second.known.why
    assert (await carry(PRODUCT + "# a remark\n", *LINES)).known.rows == 9


@SANDBOX
async def test_everything_is_compared_where_that_is_asked_for(carry):
    await carry(PRODUCT, *LINES)
    second = await carry(PRODUCT, *LINES, refreshes=True)
    assert (second.known.rows, second.rows.unchanged) == (0, 9)
    assert second.known.why == "everything is compared, as asked for"


@SANDBOX
async def test_rereading_in_turns_finds_deletions_and_cut_links_that_no_moment_tells(carry, pim, records):
    await carry("entity: Channel\nkey: code\nfields: {code: C, name: C}\n", "C", "web", name="channels")
    mapping = PRODUCT + "  channels: {column: Where, link: {by: code}}\n"
    lines = ("No,Name,Mpn,Where", *(f"{line},web" for line in LINES[1:]))
    assert (await carry(mapping, *lines)).rows.created == 9
    # All that was written is seen once more by its moment; later nobody asks for it.
    found = {one["number"]: one["id"] for one in await records("Product", "number", "id")}
    (channel,) = await records("Channel", "id")
    CLOCK.now += 600
    await pim.patch("Product", found["1"], payload={"ean": "4006381333931"})
    await carry(mapping, *lines)
    await pim.delete("Product", found["5"])
    await pim.write("DELETE", f"Product/{found['6']}/channels?ids={channel['id']}", body={})
    runs = [await carry(mapping, *lines, verify_fraction=0.5) for _ in range(2)]
    assert sum(one.rows.created for one in runs) == 1
    assert sum(one.known.verified for one in runs) == 9
    for one in await records("Product", "number", "channelsIds"):
        assert one["channelsIds"] == [channel["id"]]


@SANDBOX
async def test_rows_of_a_record_are_known_together(carry):
    mapping = (
        "entity: Product\nkey: number\nrows: {group: {by: No}}\n"
        "fields:\n  number: No\n  name: Name\n  tag: {column: Tag, link: {by: name, missing: create}}\n"
    )
    mapping = mapping.replace("  tag: {column: Tag, link: {by: name, missing: create}}\n", "")
    lines = ("No,Name,Tag", "1,one,a", "1,,b", "2,two,c", "3,three,d", "3,,e")
    assert (await carry(mapping, *lines)).rows.created == 5
    second = await carry(mapping, *lines)
    assert (second.known.rows, second.rows.unchanged) == (5, 5)
    assert second.records["Product"].unchanged == 3
    results = parquet.read_table(f"{second.folder}/results.parquet").to_pylist()
    assert [one["row"] for one in results] == [2, 3, 4, 5, 6]
    third = await carry(mapping, *lines[:2], "1,uno,b", *lines[3:])
    assert third.known.rows == 3
    assert third.rows.read == 5


@SANDBOX
async def test_rows_with_something_to_tell_are_told_of_again(carry):
    mapping = PRODUCT + "  brand: {column: Brand, link: {by: name, missing: report}}\n"
    lines = ("No,Name,Mpn,Brand", "1,one,1,nowhere", "2,two,2,", "2,zwei,2,", "3,three,3,")
    first = await carry(mapping, *lines)
    assert (first.rows.created, first.rows.invalid) == (2, 2)
    second = await carry(mapping, *lines)
    assert {one.code for one in second.problems} == {one.code for one in first.problems}
    assert (second.known.rows, second.rows.unchanged, second.rows.invalid) == (1, 2, 2)


@SANDBOX
async def test_each_block_knows_its_own_records(carry):
    mapping = (
        "blocks:\n"
        "  - {id: brand, entity: Brand, key: name, fields: {name: Brand}}\n"
        "  - {id: product, entity: Product, key: number, fields: {number: No, name: Name,\n"
        "     brand: {column: Brand, link: {by: name, of: brand}}}}\n"
    )
    lines = ("No,Name,Brand", "1,one,a", "2,two,b")
    assert (await carry(mapping, *lines)).rows.created == 2
    second = await carry(mapping, *lines)
    assert (second.known.rows, second.known.compared, second.rows.unchanged) == (4, 0, 2)
    third = await carry(mapping, *lines[:2], "3,three,b")
    assert (third.known.rows, third.rows.created, third.rows.unchanged) == (3, 1, 1)


@SANDBOX
async def test_what_is_forgotten_is_compared(carry, tmp_path):
    await carry(PRODUCT, *LINES)
    state = tmp_path / "state"
    assert forget(state, mappings=["another.yaml"]) == []
    (dropped,) = forget(state, mappings=[name_of(tmp_path / "feed.yaml", state)])
    assert (dropped.mapping, dropped.lines) == ("feed.yaml", 9)
    assert (await carry(PRODUCT, *LINES)).known.rows == 0


@SANDBOX
@pytest.mark.parametrize(
    ("fields", "link"),
    [
        (PRODUCT, "brand"),
        ("entity: Category\nkey: name\nfields:\n  name: Name\n  code: Mpn\n", "parents"),
    ],
    ids=["of another entity", "of their own"],
)
async def test_rows_are_known_beside_the_targets_that_were_made_for_them(carry, fields, link):
    mapping = f"{fields}  {link}: {{column: Of, link: {{by: name, missing: create}}}}\n"
    lines = ("No,Name,Mpn,Of", "1,one,001,x", "2,two,002,", "3,three,003,y")
    first = await carry(mapping, *lines)
    assert first.rows.created == 3, first.problems
    assert sum(one.created for one in first.records.values()) == 5
    second = await carry(mapping, *lines)
    assert (second.known.rows, second.rows.unchanged) == (3, 3)


async def test_what_has_no_key_is_never_known(carry):
    summary = await carry("entity: Brand\nwrite: create\nfields: {name: N}\n", "N", "a")
    assert summary.known.why == "the mapping has no key"


async def test_the_library_takes_the_share_that_is_reread(tmp_path, pim):
    (tmp_path / "m.yaml").write_text("entity: Brand\nkey: name\nfields: {name: N}\n")
    (tmp_path / "m.csv").write_text("N\na\nb\n")
    for rows in (0, 2):
        summary = await etl.aio.import_table(
            tmp_path / "m.csv", tmp_path / "m.yaml", pim, state_dir=tmp_path / "s", verify_fraction=0.0
        )
        assert summary.known.rows == rows


@SANDBOX
async def test_what_an_import_deleted_is_created_again_when_it_comes_back(carry):
    mapping = PRODUCT + "on_absent: delete\nscope: number is not null\n"
    guards = Guards(max_deletes=Threshold(number=5))
    await carry(mapping, *LINES, guards=guards)
    second = await carry(mapping, *LINES[:-1], guards=guards)
    assert (second.known.rows, second.records["Product"].deleted) == (8, 1)
    third = await carry(mapping, *LINES, guards=guards)
    assert (third.known.rows, third.rows.created) == (8, 1), third.known


@SANDBOX
async def test_what_a_row_deleted_is_created_again_when_it_comes_back(carry):
    mapping = PRODUCT + "rows: {command: Do}\n"
    lines = ("No,Name,Mpn,Do", "1,one,001,", "2,two,002,")
    await carry(mapping, *lines)
    assert (await carry(mapping, *lines[:2], "2,two,002,delete")).rows.deleted == 1
    third = await carry(mapping, *lines)
    assert (third.known.rows, third.rows.created) == (1, 1)
