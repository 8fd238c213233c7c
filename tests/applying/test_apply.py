"""A plan carried out: exactly what it says, and nothing where it must not be."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import openpyxl
import pyarrow.compute as pc
import pytest
from pyarrow import parquet

from etl import blocking
from etl.cli.plan_forms import write_files
from etl.errors import NotAgreed, PlanRefused
from tests.applying.conftest import shop_in
from tests.planning import shop
from tests.planning.test_laws import ROWS

LATER = [
    {**ROWS[0], "name": "Fäustel", "weight": "1.5", "groups": "G1|G9", "shelves": "G4", "maker": "Bosch"},
    {**ROWS[1], "stock": "x"},
    {**ROWS[2], "note": "NULL", "stock": "NULL", "labels": "b|a", "tags": "new"},
    {"number": "A4", "name": "Säge", "maker": "Bosch", "groups": "G9", "data": '{"a": 1}', "weight": "2"},
]


@pytest.mark.parametrize("generation", ["1.10", "2.3"])
def test_applying_a_plan_does_what_an_import_does(tmp_path, generation):
    with shop_in(tmp_path / "a", generation) as one, shop_in(tmp_path / "b", generation) as other:
        for each in (one, other):
            each.carry(ROWS)
        plan = one.plan(LATER)
        applied, imported = one.apply(plan.file), other.carry(LATER)
        assert applied.rows == imported.rows == plan.summary.rows
        assert applied.records == imported.records
        assert applied.fields == imported.fields
        assert one.dump() == other.dump()
        assert not one.plan(LATER).has_changes


def test_a_plan_that_changes_nothing_sends_nothing(there):
    there.carry(ROWS)
    plan, before = there.plan(ROWS), shop.writes(there.sandbox)
    assert there.apply(plan.file).rows.unchanged == 3
    assert shop.writes(there.sandbox) == before


def test_a_plan_of_another_instance_an_old_one_and_one_that_was_applied_are_refused(there, tmp_path):
    plan = there.plan(ROWS)
    with pytest.raises(PlanRefused, match=r"0 min old"):
        there.apply(plan.file, max_age=timedelta(seconds=-1))
    with shop_in(tmp_path / "other") as other, pytest.raises(PlanRefused, match="was made for"):
        other.apply(plan.file)
    assert there.dump()["Item"] == {}
    done = there.apply(plan.file, approved_by="the buyer")
    assert (done.approved_by, done.rows.created) == ("the buyer", 3)
    assert json.loads((Path(done.folder) / "summary.json").read_bytes())["approved_by"] == "the buyer"
    with pytest.raises(PlanRefused, match=f"run {done.run} applied it already"):
        there.apply(plan.file)
    # Another folder does not know of it; what stands there already is no drift.
    assert there.apply(plan.file, state=tmp_path / "elsewhere", on_drift="overwrite").rows.unchanged == 3


@pytest.mark.parametrize("what", ["lines", "header"])
def test_an_edited_plan_is_refused(there, tmp_path, what):
    plan = there.plan(ROWS)
    table, edited = parquet.read_table(plan.file), tmp_path / "edited.parquet"
    metadata = dict(parquet.read_metadata(plan.file).metadata)
    metadata.pop(b"ARROW:schema")
    if what == "lines":
        new = pc.replace_substring(table["new"], "Hammer", "Nothing")
        table = table.set_column(table.schema.get_field_index("new"), "new", new)
    else:
        metadata[b"atro-etl-plan"] = metadata[b"atro-etl-plan"].replace(b'"made": "2', b'"made": "3')
    parquet.write_table(table.replace_schema_metadata(metadata), edited)
    with pytest.raises(PlanRefused, match="edited"):
        there.apply(edited)
    assert there.dump()["Item"] == {}


def test_nothing_is_sent_where_nobody_agrees(there):
    asked = []
    plan = there.plan(ROWS)
    with pytest.raises(NotAgreed):
        there.apply(plan.file, agrees=lambda intent: bool(asked.append(intent)))
    assert asked[0].records["Item"] == {"create": 3}
    assert there.dump()["Item"] == {}
    assert there.apply(plan.file).rows.created == 3


@pytest.mark.parametrize(("on_drift", "name", "status"), [
    ("fail", "Theirs", "failed"), ("skip", "Theirs", "skipped"), ("overwrite", "Fäustel", "updated"),
])  # fmt: skip
def test_a_record_that_somebody_changed_meanwhile_ends_as_on_drift_says(there, on_drift, name, status):
    there.carry(ROWS)
    plan = there.plan(LATER)
    hammer = next(i for i, one in there.dump()["Item"].items() if one["number"] == "A1")
    there.store("Item", id=hammer, name="Theirs")
    done = there.apply(plan.file, on_drift=on_drift)
    assert getattr(done.rows, status) == (2 if status == "updated" else 1)
    assert there.dump()["Item"][hammer]["name"] == name
    if on_drift != "overwrite":
        assert done.reasons["drifted"] == 1


def test_links_and_creates_drift_too_though_the_server_compares_neither(there):
    there.carry(ROWS)
    plan = there.plan(LATER)
    hammer = next(i for i, one in there.dump()["Item"].items() if one["number"] == "A1")
    there.store("Item", id=hammer, shelvesIds=[])
    there.store("Item", id="theirs", number="A4", name="Their saw")
    done = there.apply(plan.file)
    assert (done.rows.failed, done.rows.created, done.rows.updated) == (2, 0, 1)
    assert there.dump()["Item"]["theirs"]["name"] == "Their saw"


def test_other_fields_and_other_ids_of_a_link_are_no_drift(there):
    there.carry(ROWS)
    plan = there.plan(LATER)
    hammer = next(i for i, one in there.dump()["Item"].items() if one["number"] == "A1")
    there.store("Group", id="own", code="own", name="own")
    there.store("Item", id=hammer, stock=99, groupsIds=["own"], groupsAddOnlyMode=1)
    assert there.apply(plan.file).rows.updated == 2
    assert there.dump()["Item"][hammer]["stock"] == 99
    assert "own" in there.dump()["Item"][hammer]["groupsIds"]


def workbook_of(there, plan):
    path = there.folder / "plan.xlsx"
    write_files(plan, xlsx=path, html=None)
    book = openpyxl.load_workbook(path)
    header = [cell.value for cell in book["Changes"][1]]
    lines = [dict(zip(header, row, strict=True)) for row in book["Changes"].iter_rows(min_row=2)]
    return path, book, lines


def test_of_a_workbook_only_what_was_accepted_is_sent(there):
    there.carry(ROWS)
    before = there.dump()
    path, book, lines = workbook_of(there, there.plan(LATER))
    for line in lines:
        is_wanted = (line["key"].value, line["field"].value) in {("A1", "weight"), ("A3", "stock")}
        line["_accept"].value = "yes" if is_wanted else None if line["key"].value == "A4" else "no"
    book.save(path)
    done = there.apply(path)
    assert (done.rows.updated, done.rows.skipped, done.rows.created) == (2, 1, 0)
    assert done.reasons == {"not_accepted": 4, "not_a_number": 1}
    after = there.dump()
    changed = {
        (one["number"], key)
        for record_id, one in after["Item"].items()
        for key in one
        if one[key] != before["Item"][record_id][key]
    }
    assert changed == {("A1", "weight"), ("A3", "stock")}
    assert (after["Maker"], after["Group"]) == (before["Maker"], before["Group"])


def test_a_record_whose_link_target_was_not_accepted_is_not_sent(there):
    there.carry(ROWS)
    path, book, lines = workbook_of(there, there.plan(LATER))
    for line in lines:
        if line["entity"].value == "Maker":
            line["_accept"].value = "no"
    book.save(path)
    done = there.apply(path)
    assert (done.rows.failed, done.rows.updated) == (2, 1)
    assert done.reasons["link_not_created"] == 2
    stands = there.dump()
    assert {one["makerId"] for one in stands["Item"].values()} <= {None, *stands["Maker"]}


def test_a_workbook_that_was_edited_elsewhere_is_refused(there):
    there.carry(ROWS)
    path, book, lines = workbook_of(there, there.plan(LATER))
    for column, text, says in (
        ("new", "My own", "the column new was edited"),
        ("_accept", "perhaps", "neither yes nor no"),
        ("_line", "x", "the column _line was edited"),
    ):
        before, lines[0][column].value = lines[0][column].value, text
        book.save(path)
        with pytest.raises(PlanRefused, match=says):
            there.apply(path)
        lines[0][column].value = before


def test_a_stopped_apply_is_resumed(there):
    there.carry(ROWS)
    rows = [*LATER, *({"number": f"B{i}", "name": f"b{i}", "maker": f"m{i % 7}"} for i in range(120))]
    plan, calls = there.plan(rows), []
    stopped = there.apply(plan.file, is_stopping=lambda: len(calls) > 2 or bool(calls.append(1)))
    assert stopped.status == "stopped"
    assert stopped.rows.pending > 0
    with pytest.raises(PlanRefused, match="applied a part of it"):
        there.apply(plan.file)
    done = blocking.resume(stopped.run, there.pim, state_dir=there.state)
    assert (done.rows.created, done.rows.updated, done.rows.invalid, done.rows.pending) == (121, 2, 1, 0)
    assert not there.plan(rows).has_changes
