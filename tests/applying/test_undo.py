"""A run taken back: what stood there before stands there again, save for what is said."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from etl import blocking
from etl.errors import NotAgreed, UndoRefused
from tests.applying.conftest import shop_in
from tests.applying.test_apply import LATER
from tests.planning.test_laws import ROWS

UNTOLD = {"createdAt", "modifiedAt", "createdById", "modifiedById", "deleted", "_place"}
"""Who changed something and when is not undone; rows that join records have no name of their own."""
LOGS = {"Note", "ActionHistoryRecord"}


JOINS = {"ItemGroup": ("itemId", "groupId"), "ItemShelf": ("itemId", "groupId")}
"""Tables of links -> what they join."""


def everything(there):
    """All that lives in the sandbox, table by table, straight from its database."""
    path = next(there.folder.glob("sandbox-*.db"))
    with closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        tables = {name: [dict(row) for row in db.execute(f'SELECT * FROM "{name}"')] for name in names}
    living = {
        name: [row for row in rows if not row["deleted"]]
        for name, rows in tables.items()
        if name not in LOGS and rows and "deleted" in rows[0]
    }
    ids = {row["id"] for rows in living.values() for row in rows}
    for name, ends in JOINS.items():
        living[name] = [row for row in living.get(name, ()) if all(row[end] in ids for end in ends)]
    return {name: sorted(_plain(name, row) for row in rows) for name, rows in living.items() if rows}


def _plain(table, row):
    left = UNTOLD | ({"id"} if table in JOINS else set())
    return tuple(sorted((k, str(v)) for k, v in row.items() if k not in left and v not in (None, "", "[]")))


def undo(there, run, **options):
    return blocking.undo(run, there.pim, state_dir=there.state, **options)


@pytest.mark.parametrize("there", ["1.10", "2.2"], indirect=True)
def test_after_an_undo_everything_stands_as_before_the_import(there):
    there.carry(ROWS)
    before = everything(there)
    done = there.carry(LATER)
    assert everything(there) != before
    undone = undo(there, done.run, deletes_created=True)
    assert (undone.status, undone.verb) == ("ok", "undo")
    assert everything(there) == before
    assert undo(there, done.run, deletes_created=True).rows.updated == 0
    again = there.plan(LATER)
    assert again.records["Item"] == {"create": 1, "invalid": 1, "update": 2}


def test_without_delete_created_the_new_records_stay_and_that_is_said_before(there):
    told = []
    there.carry(ROWS)
    done = there.carry(LATER)
    undone = undo(there, done.run, agrees=lambda intent: bool(told.append(intent)) or True)
    assert any("4 records that the run created stay" in one for one in told[0].remarks)
    assert told[0].records == {"Item": {"update": 2}}
    assert (undone.rows.updated, undone.rows.deleted) == (2, 0)
    assert "A4" in {one["number"] for one in there.dump()["Item"].values()}


def test_what_others_linked_meanwhile_stays_linked(there):
    there.carry(ROWS)
    done = there.carry(LATER)
    hammer = next(i for i, one in there.dump()["Item"].items() if one["number"] == "A1")
    there.store("Group", id="own", code="own", name="own")
    there.store("Item", id=hammer, groupsIds=["own"], groupsAddOnlyMode=1, stock=77)
    undo(there, done.run)
    stands = there.dump()
    assert stands["Item"][hammer]["stock"] == 77
    codes = {stands["Group"][one]["code"] for one in stands["Item"][hammer]["groupsIds"]}
    assert codes == {"G1", "G2", "own"}


@pytest.mark.parametrize(("on_drift", "name", "status"), [
    ("fail", "Theirs", "failed"), ("skip", "Theirs", "skipped"), ("overwrite", "Hammer", "updated"),
])  # fmt: skip
def test_a_field_that_somebody_changed_since_ends_as_on_drift_says(there, on_drift, name, status):
    there.carry(ROWS)
    done = there.carry(LATER)
    hammer = next(i for i, one in there.dump()["Item"].items() if one["number"] == "A1")
    there.store("Item", id=hammer, name="Theirs")
    undone = undo(there, done.run, on_drift=on_drift)
    assert getattr(undone.rows, status) == (2 if status == "updated" else 1)
    assert there.dump()["Item"][hammer]["name"] == name


@pytest.mark.parametrize("there", ["1.10", "2.3"], indirect=True)
def test_deleted_records_come_back_with_all_they_had(there):
    there.carry(ROWS)
    before = everything(there)
    there.mapping.write_text(
        there.mapping.read_text()
        .replace("fields:", "rows: {command: {column: note}}\nfields:")
        .replace("  note: note\n", "")
    )
    done = there.carry([{"number": "A1", "note": "delete"}, {"number": "A3", "note": "delete"}])
    assert done.rows.deleted == 2
    assert len(there.dump()["Item"]) == 1
    told = []
    undone = undo(there, done.run, agrees=lambda intent: bool(told.append(intent)) or True)
    assert (undone.rows.created + undone.rows.updated, undone.rows.bad) == (2, 0), undone.problems
    assert everything(there) == before
    is_oldest = there.pim.client.generation.name == "1.10"
    assert any("are created again" in one for one in told[0].remarks) is is_oldest


def test_a_created_record_that_somebody_changed_since_is_not_deleted(there):
    done = there.carry(ROWS)
    hammer = next(i for i, one in there.dump()["Item"].items() if one["number"] == "A1")
    path = next(there.folder.glob("sandbox-*.db"))
    with closing(sqlite3.connect(path)) as db:
        db.execute(
            "UPDATE Item SET name = 'Theirs', modifiedAt = '2099-01-01 00:00:00' WHERE id = ?", (hammer,)
        )
        db.commit()
    undone = undo(there, done.run, deletes_created=True)
    assert (undone.rows.deleted, undone.rows.failed) == (2, 1)
    assert [one["name"] for one in there.dump()["Item"].values()] == ["Theirs"]


def test_a_run_of_another_instance_and_one_that_sent_nothing_are_refused(there, tmp_path):
    done = there.carry(ROWS)
    planned = there.plan(ROWS)
    with pytest.raises(UndoRefused, match="changes nothing there"):
        undo(there, planned.summary.run)
    with shop_in(tmp_path / "other") as other, pytest.raises(UndoRefused, match="it wrote to"):
        blocking.undo(done.run, other.pim, state_dir=there.state)
    with pytest.raises(NotAgreed):
        undo(there, done.run, deletes_created=True, agrees=lambda _: False)
    assert len(there.dump()["Item"]) == 3


def test_an_apply_is_undone_too_and_an_undo_as_well(there):
    there.carry(ROWS)
    before = everything(there)
    applied = there.apply(there.plan(LATER[:1]).file)
    after = there.dump()["Item"]
    undone = undo(there, applied.run, deletes_created=True)
    assert everything(there) == before
    undo(there, undone.run)
    stands = there.dump()["Item"]
    assert {i: one["name"] for i, one in stands.items()} == {i: one["name"] for i, one in after.items()}


def test_a_stopped_undo_is_resumed(there):
    rows = [{"number": f"B{i}", "name": f"b{i}", "groups": f"G{i % 9}"} for i in range(150)]
    there.carry(rows)
    before = everything(there)
    done = there.carry([{**one, "name": "other", "groups": "G1|G2"} for one in rows])
    calls = []
    stopped = undo(there, done.run, is_stopping=lambda: len(calls) > 0 or bool(calls.append(1)))
    assert stopped.status == "stopped"
    assert everything(there) != before
    resumed = blocking.resume(stopped.run, there.pim, state_dir=there.state)
    assert (resumed.rows.updated, resumed.status) == (150, "ok")
    assert everything(there) == before


def test_after_an_undo_the_next_import_sees_what_is_gone(there):
    done = there.carry(ROWS)
    assert there.carry(ROWS).known.rows == 3
    undo(there, done.run, deletes_created=True)
    again = there.carry(ROWS)
    assert (again.rows.created, again.rows.unchanged) == (3, 0)


def test_what_an_apply_sent_is_no_edit_of_somebody_else(there):
    there.carry(ROWS)
    there.apply(there.plan(LATER[:1]).file)
    changed = there.carry([{**LATER[0], "name": "Klopfer"}])
    assert (changed.rows.updated, changed.rows.failed) == (1, 0), changed.problems


@pytest.mark.parametrize(("before", "after"), [
    ({"shelves": "G1|G2"}, {"shelves": "NULL"}), ({"weight": "1"}, {"weight": "2.005"}),
    ({"note": "a"}, {"note": "b\r\nc"}), ({"labels": "a"}, {"labels": "b|b|a"}),
])  # fmt: skip
def test_what_the_server_stores_in_its_own_way_is_no_drift(there, before, after):
    there.carry([{"number": "A1", **before}])
    stood = there.dump()
    mapping = there.mapping.read_text().replace("links: replace}", "links: replace, on_empty: clear}")
    there.mapping.write_text(mapping)
    done = there.carry([{"number": "A1", **{k: "" if k == "shelves" else v for k, v in after.items()}}])
    undone = undo(there, done.run)
    assert undone.rows.failed == 0, undone.problems
    assert {one["number"]: one for one in there.dump()["Item"].values()} == {
        one["number"]: one for one in stood["Item"].values()
    }
