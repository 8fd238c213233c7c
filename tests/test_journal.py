import pyarrow as pa
import pytest

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
