import pyarrow as pa
import pytest

from etl.api import ItemAnswer, ItemKind
from etl.delivery.judging import ids_to_look_at, judge
from etl.model import Batch, ChangeKind, Changes, Status

CREATE, UPDATE = ChangeKind.CREATE, ChangeKind.UPDATE


def batch(kind, members=None):
    changes = Changes(
        "Product",
        "a.csv",
        None,
        numbers=pa.array([7], pa.int64()),
        keys=pa.array(["4711"], pa.string()),
        ids=pa.array(["e1"], pa.string()),
        kinds=[kind],
        columns={"name": pa.array(["x"])},
        members=members or {},
    )
    return Batch(1, "Product", b"[]", changes)


@pytest.mark.parametrize(
    ("kind", "answer", "code", "was_sent_before", "is_there", "expected"),
    [
        (CREATE, ItemKind.CREATED, None, False, False, (Status.CREATED, "")),
        (CREATE, ItemKind.CREATED, None, True, True, (Status.CREATED, "")),
        (CREATE, ItemKind.CREATED, None, True, False, (Status.FAILED, "not_stored")),
        (CREATE, ItemKind.UNCHANGED, None, True, True, (Status.CREATED, "")),
        (CREATE, ItemKind.UPDATED, None, True, True, (Status.CREATED, "")),
        (CREATE, ItemKind.UPDATED, None, False, True, (Status.UPDATED, "")),
        (CREATE, ItemKind.UNCHANGED, None, False, True, (Status.UNCHANGED, "")),
        (CREATE, ItemKind.UPDATED, None, False, False, (Status.FAILED, "conflict")),
        (CREATE, ItemKind.FAILED, 400, False, False, (Status.FAILED, "refused")),
        (CREATE, ItemKind.FAILED, 403, False, False, (Status.FAILED, "refused_right")),
        (CREATE, ItemKind.FAILED, 400, False, True, (Status.FAILED, "stored_then_refused")),
        (UPDATE, ItemKind.UPDATED, None, False, False, (Status.UPDATED, "")),
        (UPDATE, ItemKind.UNCHANGED, None, False, False, (Status.UNCHANGED, "")),
        (UPDATE, ItemKind.UNCHANGED, None, True, False, (Status.UPDATED, "")),
        (UPDATE, ItemKind.CREATED, None, False, False, (Status.CREATED, "")),
        (UPDATE, ItemKind.FAILED, 409, False, False, (Status.FAILED, "drifted")),
        (UPDATE, ItemKind.FAILED, None, False, False, (Status.FAILED, "refused")),
    ],
)
def test_what_became_of_a_record_follows_from_answer_and_what_stands(
    kind, answer, code, was_sent_before, is_there, expected
):
    standing = frozenset({"e1"} if is_there else ())
    answers = [ItemAnswer(answer, code=code, text="words of the server")]
    (outcome,) = judge(batch(kind), answers, standing=standing, was_sent_before=was_sent_before)
    assert (outcome.status, outcome.code) == expected
    assert (outcome.row, outcome.key) == (7, "4711")


def test_a_create_is_looked_at_unless_it_was_answered_created_the_first_time():
    created, updated = [ItemAnswer(ItemKind.CREATED)], [ItemAnswer(ItemKind.UPDATED)]
    assert ids_to_look_at(batch(CREATE), created, was_sent_before=False) == []
    assert ids_to_look_at(batch(CREATE), created, was_sent_before=True) == ["e1"]
    assert ids_to_look_at(batch(CREATE), updated, was_sent_before=False) == ["e1"]
    assert ids_to_look_at(batch(UPDATE), updated, was_sent_before=True) == []


def test_every_row_of_a_group_has_the_outcome_of_its_record():
    grouped = batch(CREATE, members={7: (7, 8, 12)})
    outcomes = judge(grouped, [ItemAnswer(ItemKind.CREATED)], standing=frozenset(), was_sent_before=False)
    assert [(one.row, one.status) for one in outcomes] == [(row, Status.CREATED) for row in (7, 8, 12)]


def test_the_words_of_the_server_stand_in_the_message():
    answers = [ItemAnswer(ItemKind.FAILED, code=400, text="Name is required")]
    (outcome,) = judge(batch(UPDATE), answers, standing=frozenset(), was_sent_before=False)
    assert outcome.message == "the server refused the record: Name is required. Correct the row."
