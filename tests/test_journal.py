from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from etl.journal import Journal
from etl.model import Batch, ChangeKind, Changes, Outcome, Status


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


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.db"


def test_outcomes_come_back_as_they_were_written_by_another_process_later(path):
    written = [outcome(2), outcome(3, Status.FAILED)]
    with Journal(path) as journal:
        journal.answered(journal.sending(batch(2, 3)), written)
        journal.noted([outcome(4, Status.INVALID)])
    with Journal(path) as journal:
        assert list(journal.outcomes()) == [written, [outcome(4, Status.INVALID)]]


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


def test_rows_are_done_when_their_fate_is_known(path):
    with Journal(path) as journal:
        journal.noted([outcome(9), outcome(2), outcome(5, Status.PENDING), outcome(0)])
        journal.noted([outcome(3, file="b.csv")])
        done = {place: rows.tolist() for place, rows in journal.done_rows().items()}
    assert done == {("a.csv", None): [2, 9], ("b.csv", None): [3]}


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
        self.journal.answered(request, [outcome(row, status) for row in rows])
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
