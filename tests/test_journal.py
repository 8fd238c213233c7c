import dataclasses
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
import xxhash
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from etl.errors import JournalDamaged, JournalOutdated
from etl.journal import Journal
from etl.model import Alike, Batch, ChangeKind, Changes, Outcome, Outcomes, Status


def batch(*rows):
    changes = Changes(
        "Product",
        "a.csv",
        None,
        numbers=pa.array(rows, pa.int64()),
        keys=pa.array([str(row) for row in rows], pa.string()),
        ids=pa.array([f"e{row}" for row in rows], pa.string()),
        kinds=[ChangeKind.CREATE] * len(rows),
        columns={},
    )
    return Batch(1, "Product", b"[]", changes)


def outcome(row, status=Status.CREATED, file="a.csv"):
    return Outcome(file, None, row, "Product", str(row), status, record_id=f"e{row}", message='"ü"')


def columns(*rows):
    texts = pa.array([str(row) for row in rows], pa.string())
    return pa.array(rows, pa.int64()), texts, pa.array([f"e{row}" for row in rows], pa.string())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.db"


def test_outcomes_come_back_as_they_were_written_by_another_process_later(path):
    written = [outcome(2), outcome(3, Status.FAILED)]
    with Journal(path) as journal:
        journal.answered(journal.sending(batch(2, 3)), written)
        journal.noted([outcome(4, Status.INVALID)])
    with Journal(path) as journal:
        assert [list(one) for one in journal.outcomes()] == [written, [outcome(4, Status.INVALID)]]


def test_what_is_alike_comes_back_as_columns(path):
    alike = Alike("a.csv", "Q3", "Product", Status.CREATED, *columns(2, 3), records=1, part="price")
    with Journal(path) as journal:
        journal.answered(journal.sending(batch(2, 3, 4)), Outcomes((alike,), (outcome(4),)))
    with Journal(path) as journal:
        first, second = journal.outcomes()
    assert first == Outcomes((alike,))
    assert list(first) == list(alike)
    assert list(second) == [outcome(4)]


def test_what_ended_alike_takes_hardly_more_room_than_what_was_sent(tmp_path):
    rows = range(1, 10_001)
    alike = Alike("a.csv", None, "Product", Status.CREATED, *columns(*rows), records=len(rows))
    sent, done = tmp_path / "sent.db", tmp_path / "done.db"
    with Journal(sent) as journal:
        journal.sending(batch(*rows))
    with Journal(done) as journal:
        journal.answered(journal.sending(batch(*rows)), Outcomes((alike,)))
    assert done.stat().st_size < 1.1 * sent.stat().st_size
    with Journal(done) as journal:
        assert list(journal.outcomes()) == [Outcomes((alike,))]
        assert list(journal.outcomes_backwards()) == [list(alike)[::-1]]


def test_records_without_a_key_come_back_with_an_empty_one(path):
    sent = batch(2, 3)
    keys = pa.array(["2", None], pa.string())
    sent = dataclasses.replace(sent, changes=dataclasses.replace(sent.changes, keys=keys))
    told = (sent.changes.numbers, keys.fill_null(""), sent.changes.ids)
    alike = Alike("a.csv", None, "Product", Status.CREATED, *told, records=2)
    with Journal(path) as journal:
        journal.answered(journal.sending(sent), Outcomes((alike,)))
        assert list(journal.outcomes()) == [Outcomes((alike,))]


def test_a_part_of_columns_takes_the_room_of_a_part(path):
    numbers, keys, ids = columns(*range(10_000))
    part = [column.slice(5_000, 2) for column in (numbers, keys, ids)]
    with Journal(path) as journal:
        journal.noted(Outcomes((Alike("a.csv", None, "Product", Status.CREATED, *part, records=2),)))
        (found,) = journal.outcomes()
    assert [one.row for one in found] == [5_000, 5_001]
    assert path.stat().st_size < 50_000


def test_a_journal_in_the_form_of_an_earlier_version_is_refused(path):
    with closing(sqlite3.connect(path)) as db:
        db.execute(
            "CREATE TABLE outcomes (seq INTEGER PRIMARY KEY, first_row INTEGER, last_row INTEGER, rows BLOB)"
        )
    with pytest.raises(JournalOutdated, match="Start a new import instead"):
        Journal(path)


def test_a_journal_that_is_none_is_called_damaged(path):
    path.write_text("no database at all, " * 100)
    with pytest.raises(JournalDamaged, match="Start a new import instead"):
        Journal(path)


def test_a_journal_whose_writer_was_killed_as_it_began_is_begun(path):
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")
    with Journal(path) as journal:
        journal.noted([outcome(2)])
        assert len(list(journal.outcomes())) == 1


def test_a_request_stands_there_with_its_rows_its_part_and_the_digest_of_its_body(path):
    sent = batch(7, 3, 5)
    relations = dataclasses.replace(sent, changes=dataclasses.replace(sent.changes, part="relations"))
    with Journal(path) as journal:
        journal.sending(sent)
        journal.sending(relations)
    with closing(sqlite3.connect(path)) as db:
        found = db.execute(
            "SELECT part, first_row, last_row, digest FROM requests ORDER BY request"
        ).fetchall()
    digest = xxhash.xxh3_128_digest(sent.body)
    assert found == [("", 3, 7, digest), ("relations", 3, 7, digest)]


def test_what_was_sent_without_an_answer_is_known(path):
    with Journal(path) as journal:
        journal.answered(journal.sending(batch(2)), [outcome(2)])
        journal.sending(batch(3, 4))
        journal.given_up(journal.sending(batch(5)))
    with Journal(path) as journal:
        assert [(one.record_id, one.kind) for one in journal.unanswered()] == [
            ("e3", ChangeKind.CREATE),
            ("e4", ChangeKind.CREATE),
        ]


def test_what_a_later_request_held_or_has_an_outcome_is_settled(path):
    with Journal(path) as journal:
        journal.sending(batch(3, 4, 5, 6))
        journal.answered(journal.sending(batch(4)), [outcome(4, Status.FAILED)])
        journal.noted([outcome(5)])
        journal.sending(batch(6))
        assert [one.row for one in journal.unsettled()] == [3, 6]
        assert [one.row for one in journal.unanswered()] == [3, 4, 5, 6, 6]


def test_rows_are_done_when_their_fate_is_known(path):
    with Journal(path) as journal:
        journal.noted([outcome(9), outcome(2), outcome(5, Status.PENDING), outcome(0)])
        journal.noted([outcome(3, file="b.csv")])
        journal.noted(
            Outcomes((Alike("b.csv", None, "Product", Status.UNCHANGED, *columns(8, 0, 3), records=3),))
        )
        done = {place: rows.tolist() for place, rows in journal.done_rows().items()}
    assert done == {("a.csv", None): [2, 9], ("b.csv", None): [3, 8]}


class Journalled(RuleBasedStateMachine):
    """A journal that is killed at any moment, against what it must still know."""

    def __init__(self):
        super().__init__()
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name) / "journal.db"
        self.journal = Journal(self.path)
        self.waiting, self.done, self.next_row = {}, [], 1

    @rule(count=st.integers(1, 4))
    def send(self, count):
        rows = list(range(self.next_row, self.next_row + count))
        self.next_row += count
        self.waiting[self.journal.sending(batch(*rows))] = rows

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), status=st.sampled_from([Status.CREATED, Status.FAILED]))
    def answer(self, data, status):
        request = data.draw(st.sampled_from(sorted(self.waiting)))
        rows = self.waiting.pop(request)
        alike = Alike("a.csv", None, "Product", Status.CREATED, *columns(*rows), records=len(rows))
        told = [outcome(row, status) for row in rows]
        self.journal.answered(request, Outcomes((alike,)) if status is Status.CREATED else told)
        self.done += rows

    @precondition(lambda self: self.waiting)
    @rule(data=st.data())
    def know_by_other_means(self, data):
        request = data.draw(st.sampled_from(sorted(self.waiting)))
        rows = self.waiting.pop(request)
        self.journal.noted([outcome(row) for row in rows])
        self.journal.given_up(request)
        self.done += rows

    @rule()
    def begin_again_after_a_kill(self):
        self.journal.close()
        self.journal = Journal(self.path)

    @invariant()
    def every_row_is_done_or_waits(self):
        known = self.journal.done_rows().get(("a.csv", None))
        assert sorted(self.done) == ([] if known is None else known.tolist())
        sent = [one.record_id for one in self.journal.unanswered()]
        assert sent == [f"e{row}" for request in sorted(self.waiting) for row in self.waiting[request]]
        told = [one.row for outcomes in self.journal.outcomes() for one in outcomes]
        assert sorted(told) == sorted(self.done)

    def teardown(self):
        self.journal.close()
        self.folder.cleanup()


TestJournalled = Journalled.TestCase
TestJournalled.settings = settings(max_examples=20, stateful_step_count=15, deadline=None)
