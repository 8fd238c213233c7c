"""Records that the source does not have: deleted or deactivated as the mapping says, and never by mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

import etl
from etl.errors import MappingInvalid
from etl.planning import read_lines
from etl.planning.forgetting import forget
from etl.planning.guards import Guards, Threshold
from etl.report.foreseen import lines_from
from etl.report.plan_page import write_plan_page
from etl.report.plan_text import to_plan_text

FEED = "entity: Product\nkey: number\non_absent: {kind}\nscope: {scope}\nfields: {{number: No, name: Name}}\n"
DELETE = FEED.format(kind="delete", scope="number startsWith 'F'")
SOME = Guards(max_deletes=Threshold(number=3), min_rows=Threshold())
ROWS = [f"F{i},n{i}" for i in range(6)]
HEAD = "No,Name"


@pytest.fixture
async def names(pim, records):
    """The numbers of all products, one of which no feed answers for."""
    await pim.create("Product", {"number": "other", "name": "somebody's own"})

    async def read():
        return [one["number"] for one in await records("Product", "number")]

    return read


async def test_what_a_row_had_and_the_source_has_no_more_is_deleted_and_can_be_put_back(
    carry, names, pim, tmp_path
):
    await carry(DELETE, HEAD, *ROWS)
    done = await carry(DELETE, HEAD, *ROWS[:5], guards=SOME)
    assert (done.status, done.rows.unchanged, done.records["Product"].deleted) == ("ok", 5, 1)
    assert await names() == ["F0", "F1", "F2", "F3", "F4", "other"]
    assert (await carry(DELETE, HEAD, *ROWS[:5])).records["Product"].deleted == 0
    await etl.aio.undo(done.run, pim, state_dir=tmp_path / "state")
    assert await names() == ["F0", "F1", "F2", "F3", "F4", "F5", "other"]


async def test_requests_that_delete_are_not_called_requests_that_only_read(carry, names, sandbox):
    await carry(DELETE, HEAD, *ROWS)
    before = len(sandbox.requests)
    some = Guards(max_deletes=Threshold(number=5), min_rows=Threshold())
    done = await carry(DELETE, HEAD, *ROWS[:1], guards=some)
    sent = [one.method for one in list(sandbox.requests)[before:]]
    assert (done.records["Product"].deleted, sent.count("DELETE")) == (5, 5)
    assert 0 < done.known.asked <= sent.count("GET")
    assert len(await names()) == 2


async def test_deactivated_records_stay_and_are_left_alone_the_next_time(carry, records):
    mapping = FEED.format(kind="deactivate", scope="number startsWith 'F'").replace(
        "name: Name", "name: Name, isActive: {constant: true}"
    )
    await carry(mapping, HEAD, *ROWS)
    done = await carry(mapping, HEAD, *ROWS[:4], guards=SOME)
    assert done.records["Product"].updated == 2
    found = await records("Product", "number", "isActive")
    assert [one["number"] for one in found if not one["isActive"]] == ["F4", "F5"]
    assert (await carry(mapping, HEAD, *ROWS[:4])).records["Product"].updated == 0


@pytest.mark.parametrize(("rows", "most", "says"), [
    (5, Threshold(percent=2), "1 of the 6 records of Product that the mapping answers for"),
    (2, Threshold(number=3), "4 of the 6"),
    (0, Threshold(), "all of them, which is never carried out"),
])  # fmt: skip
async def test_too_many_absent_records_stop_the_run_before_anything_is_sent(carry, names, rows, most, says):
    await carry(DELETE, HEAD, *ROWS)
    guards = Guards(max_deletes=most, min_rows=Threshold(), allows_empty=True)
    held = await carry(DELETE, HEAD, *ROWS[:rows], "new,1" if rows else "", guards=guards)
    assert held.status == "stopped"
    assert says in held.guard
    assert len(await names()) == 7


async def test_without_a_scope_only_what_is_known_completely_counts_as_absent(
    carry, names, records, pim, tmp_path
):
    mapping = DELETE.replace("scope: number startsWith 'F'\n", "")
    first = await carry(mapping, HEAD, *ROWS)
    assert first.reasons == {"absent_not_looked_for": 1}
    taken = next(one["id"] for one in await records("Product", "number", "id") if one["number"] == "F4")
    await pim.patch("Product", taken, payload={"number": "mine"})
    done = await carry(mapping, HEAD, *ROWS[:4], guards=SOME)
    assert (done.records["Product"].deleted, done.rows.unchanged) == (1, 4)
    assert await names() == ["F0", "F1", "F2", "F3", "mine", "other"]
    forget(tmp_path / "state", mappings=())
    left = await carry(mapping, HEAD, *ROWS[:3], guards=SOME)
    assert (left.records["Product"].deleted, left.reasons) == (0, {"absent_not_looked_for": 1})


@pytest.mark.parametrize("options", [{"limit": 2}, {"rows": (2, 3)}])
async def test_some_rows_of_a_source_tell_of_nothing_absent(carry, names, options):
    await carry(DELETE, HEAD, *ROWS)
    done = await carry(DELETE, HEAD, *ROWS[:5], guards=SOME, **options)
    assert (done.records["Product"].deleted, done.reasons) == (0, {"absent_not_looked_for": 1})
    assert len(await names()) == 7


async def test_where_a_row_is_invalid_nothing_is_deleted_nor_by_the_corrected_rows(
    carry, names, pim, tmp_path
):
    mapping = DELETE.replace("name: Name", "name: {column: Name, required: true}")
    await carry(mapping, HEAD, *ROWS)
    done = await carry(mapping, HEAD, *ROWS[:4], "F4,", guards=SOME)
    assert (done.rows.invalid, done.reasons["absent_left"]) == (1, 1)
    rejected = Path(done.folder) / "rejected.csv"
    rejected.write_text(rejected.read_text().replace("F4,", "F4,mended", 1))
    mended = await etl.aio.import_table(
        rejected, tmp_path / "feed.yaml", pim, state_dir=tmp_path / "state", guards=SOME
    )
    assert (mended.rows.updated, mended.records["Product"].deleted) == (1, 0)
    assert len(await names()) == 7


async def test_a_plan_lists_them_and_its_apply_keeps_to_the_cap(carry, names, pim, tmp_path):
    await carry(DELETE, HEAD, *ROWS)
    (tmp_path / "feed.csv").write_text("\n".join([HEAD, *ROWS[:4]]))
    state = tmp_path / "state"
    plan = await etl.aio.plan(tmp_path / "feed.csv", tmp_path / "feed.yaml", pim, state_dir=state)
    assert plan.records == {"Product": {"delete": 2, "unchanged": 4}}
    assert plan.summary.reasons == {"absent_too_many": 1}
    lines = [one for one in lines_from(read_lines(Path(plan.file))) if one.kind == "delete"]
    assert sorted((one.key, one.old) for one in lines) == [("F4", "n4"), ("F5", "n5")]
    write_plan_page(plan, tmp_path / "plan.html", lines=lambda: lines_from(read_lines(Path(plan.file))))
    shown = (to_plan_text(plan), (tmp_path / "plan.html").read_text(encoding="utf-8"))
    for one in lines:
        assert all(one.record_id in text and one.key in text and one.old in text for text in shown)
    with pytest.raises(etl.errors.TooManyAbsent):
        await etl.aio.apply(plan.file, pim, state_dir=state)
    assert len(await names()) == 7
    done = await etl.aio.apply(plan.file, pim, state_dir=state, guards=SOME)
    assert (done.records["Product"].deleted, done.rows.unchanged) == (2, 4)
    assert await names() == ["F0", "F1", "F2", "F3", "other"]


@pytest.mark.parametrize(("text", "says"), [
    (DELETE + "rows: {where: \"row.Name != 'x'\"}\n", r"yaml:\d+:\d+: rows that \"rows.where\""),
    (DELETE.replace("key: number", "write: create"), "without a key no record is found again"),
])  # fmt: skip
async def test_mappings_that_cannot_tell_what_is_absent_are_refused(carry, names, text, says):
    with pytest.raises(MappingInvalid, match=says):
        await carry(text, HEAD, *ROWS)
