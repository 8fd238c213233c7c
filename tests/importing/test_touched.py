"""What an apply or an undo leaves of what was known: everything but the records that it touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import etl

if TYPE_CHECKING:
    from etl.report import Summary

PRODUCT = "entity: Product\nkey: number\nfields:\n  number: No\n  name: Name\n  mpn: Mpn\n"
JOINED = PRODUCT + "  channels:\n    each: {column: Where, split: '|'}\n    link: {by: code}\n"
LINES = ("No,Name,Mpn", *(f"{row},name {row},{row:03}" for row in range(1, 10)))


class Clock:
    """The server's time; it stands still until a test moves it."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


CLOCK = Clock()
pytestmark = pytest.mark.parametrize("sandbox", [{"clock": CLOCK}], indirect=True, ids=["2.2"])


@pytest.fixture
def carry(carry):
    """Nothing is reread by turns, and time goes on."""

    async def carried(*arguments: str, **options: object) -> Summary:
        CLOCK.now += 600
        return await carry(*arguments, verify_fraction=0.0, **options)

    return carried


@pytest.fixture
def applied(pim, tmp_path):
    """Plan an import and apply the plan."""

    async def carried(mapping: str, *lines: str) -> Summary:
        CLOCK.now += 600
        (tmp_path / "feed.yaml").write_text(mapping, encoding="utf-8")
        (tmp_path / "feed.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        state = tmp_path / "state"
        plan = await etl.aio.plan(tmp_path / "feed.csv", tmp_path / "feed.yaml", pim, state_dir=state)
        return await etl.aio.apply(plan.file, pim, state_dir=state)

    return carried


@pytest.fixture
def undone(pim, tmp_path):
    """Take a run back."""

    async def carried(run: str, **options: object) -> Summary:
        CLOCK.now += 600
        return await etl.aio.undo(run, pim, state_dir=tmp_path / "state", **options)

    return carried


def with_line(number: int, line: str) -> tuple[str, ...]:
    return (*LINES[:number], line, *LINES[number + 1 :])


async def test_after_an_apply_the_records_that_it_wrote_are_looked_at_and_no_others(carry, applied):
    await carry(PRODUCT, *LINES)
    lines = (*with_line(4, "4,other,004"), "10,new,010")
    done = await applied(PRODUCT, *lines)
    assert (done.rows.updated, done.rows.created) == (1, 1)
    again = await carry(PRODUCT, *lines)
    assert (again.known.rows, again.known.compared, again.rows.unchanged) == (8, 2, 10), again.known
    assert (await carry(PRODUCT, *lines)).known.rows == 10


async def test_what_an_apply_wrote_is_our_own_and_what_a_person_writes_then_is_an_edit(
    carry, applied, pim, records
):
    await carry(PRODUCT, *LINES)
    await applied(PRODUCT, *with_line(4, "4,other,004"))
    third = await carry(PRODUCT, *with_line(4, "4,third,004"))
    assert (third.rows.updated, third.rows.failed) == (1, 0), third.problems
    await applied(PRODUCT, *with_line(4, "4,fourth,004"))
    found = {one["number"]: one["id"] for one in await records("Product", "number", "id")}
    CLOCK.now += 600
    await pim.patch("Product", found["4"], payload={"name": "by hand"})
    told = await carry(PRODUCT, *with_line(4, "4,fifth,004"))
    assert [one.code for one in told.problems] == ["edited_in_both"]


async def test_records_whose_links_alone_an_apply_changed_are_looked_at(carry, applied, pim):
    for code in ("shop", "print"):
        await pim.create("Channel", {"name": code, "code": code})
    lines = ("No,Name,Mpn,Where", "1,a,1,shop", "2,b,2,shop", "3,c,3,")
    await carry(JOINED, *lines)
    more = (*lines[:2], "2,b,2,shop|print", lines[3])
    done = await applied(JOINED, *more)
    assert done.records["ProductChannel"].created == 1
    again = await carry(JOINED, *more)
    assert (again.known.rows, again.known.compared, again.rows.unchanged) == (2, 1, 3), again.known


async def test_after_an_undo_the_records_that_it_put_back_are_looked_at_and_no_others(carry, undone, records):
    await carry(PRODUCT, *LINES)
    changed = (*with_line(4, "4,other,004"), "10,new,010")
    second = await carry(PRODUCT, *changed)
    await undone(second.run, deletes_created=True)
    again = await carry(PRODUCT, *LINES)
    assert (again.known.rows, again.known.compared, again.rows.unchanged) == (8, 1, 9), again.known
    # What an undo put back is nobody's edit, and what it deleted is not there.
    redone = await carry(PRODUCT, *changed)
    assert (redone.rows.updated, redone.rows.created, redone.rows.failed) == (1, 1, 0), redone.problems


async def test_what_earlier_imports_made_stays_known_completely(carry, applied, undone, records):
    mapping = PRODUCT + "on_absent: delete\n"
    lines = ("No,Name,Mpn", *(f"{row},name {row},{row:03}" for row in range(1, 101)))
    await carry(mapping, *lines)
    done = await applied(mapping, *lines[:-1], "new,new,1")
    assert (done.rows.created, done.records["Product"].deleted) == (1, 1)
    # The record that the apply created is one that the feed answers for.
    told = await carry(mapping, *lines[:-1])
    assert (told.records["Product"].deleted, len(await records("Product", "id"))) == (1, 99)
    back = await undone(done.run)
    assert back.records["Product"].created == 1
    # What was put back on purpose is left alone.
    await carry(mapping, *lines[:-1])
    assert len(await records("Product", "id")) == 100


async def test_what_an_apply_deleted_is_known_to_no_other_block(carry, applied, records):
    mapping = (
        "blocks:\n"
        "  - id: names\n    entity: Product\n    key: number\n    fields: {number: No, name: Name}\n"
        "    rows: {command: {column: Do, values: {gone: delete}}}\n"
        "  - id: codes\n    entity: Product\n    key: number\n    write: update\n"
        "    fields: {number: No, mpn: Mpn}\n"
    )
    lines = ("No,Name,Mpn,Do", "1,a,m1,", "2,b,m2,", "3,c,m3,")
    await carry(mapping, *lines)
    lines = (lines[0], "1,other,m1,", *lines[2:])
    for _ in range(2):
        # What was changed since then is asked for no more.
        await carry(mapping, *lines)
    done = await applied(mapping, *lines[:2], "2,b,m2,gone", lines[3])
    assert done.records["Product"].deleted == 1, done.problems
    await carry(mapping, *lines)
    assert [one["mpn"] for one in await records("Product", "number", "mpn")] == ["m1", "m2", "m3"]
