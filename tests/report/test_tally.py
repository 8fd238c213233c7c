"""Every row counts once, whatever comes in whatever order, and the counts add up."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl.model import ROW_PRECEDENCE, Alike, Outcome, Outcomes, Problem, Status
from etl.report import FileCounts, RecordCounts, RowCounts
from etl.report.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Sequence

PLACES = st.sampled_from([("a.csv", None), ("b.xlsx", "Q3"), ("b.xlsx", "Q4")])
ROWS = st.integers(1, 30) | st.sampled_from([5_000, 70_000])


def outcome(
    row: int, status: Status, *, file: str = "a.csv", sheet: str | None = None, **named: object
) -> Outcome:
    facts = {"record_id": f"id{row}", **named}
    return Outcome(file, sheet, row, "Product", str(row), status, **facts)  # type: ignore[arg-type]  facts of the test


def alike(rows: Sequence[int], status: Status) -> Alike:
    """Some rows share a record, and every third has none."""
    ids = ["" if row % 3 == 0 else f"id{row // 2}" for row in rows]
    columns = (pa.array(rows, pa.int64()), pa.array(map(str, rows), pa.string()), pa.array(ids, pa.string()))
    records = len(set(ids) - {""}) + ids.count("")
    return Alike("a.csv", None, "Product", status, *columns, records=records)


def test_a_row_with_several_records_has_the_first_status_that_applies():
    for at, higher in enumerate(ROW_PRECEDENCE):
        for lower in ROW_PRECEDENCE[at:]:
            for pair in ((higher, lower), (lower, higher)):
                tally = Tally()
                for part, status in enumerate(pair):
                    tally.add([outcome(2, status, part=str(part))])
                assert tally.rows.of(higher) == tally.rows.read == 1


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    outcomes=st.lists(st.tuples(PLACES, ROWS, st.sampled_from(list(Status))), max_size=60),
    portion=st.integers(1, 20),
)
def test_rows_read_is_the_sum_of_all_others_and_each_row_counts_once(outcomes, portion):
    tally = Tally()
    made = [outcome(row, status, file=file, sheet=sheet) for (file, sheet), row, status in outcomes]
    for start in range(0, len(made), portion):
        tally.add(made[start : start + portion])
    statuses: dict[tuple[str, str | None, int], list[Status]] = {}
    for one in made:
        statuses.setdefault((one.file, one.sheet, one.row), []).append(one.status)
    expected = dict.fromkeys(Status, 0)
    for found in statuses.values():
        expected[min(found, key=ROW_PRECEDENCE.index)] += 1
    assert {status: tally.rows.of(status) for status in Status} == expected
    summary = tally.summary("r", "import")
    assert summary.rows.read == len(statuses) == sum(expected.values())
    assert tally.bad == summary.rows.bad


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    first=st.lists(ROWS | st.just(0)),
    second=st.lists(ROWS | st.just(0)),
    status=st.sampled_from(list(Status)),
    other=st.sampled_from(list(Status)),
)
def test_columns_of_outcomes_count_like_each_of_them(first, second, status, other):
    whole, single = Tally(), Tally()
    for rows, one in ((first, status), (second, other)):
        columns = alike(sorted(rows), one)
        whole.add(Outcomes((columns,)))
        single.add(list(columns))
    assert whole.rows == single.rows
    assert whole.summary("r", "import").records == single.summary("r", "import").records


def test_rows_whose_fate_is_not_known_are_pending_and_others_stay():
    tally = Tally()
    tally.add([outcome(2, Status.CREATED), outcome(3, Status.INVALID)])
    tally.add_rest("a.csv", None, rows=range(2, 7), status=Status.PENDING)
    assert tally.rows == RowCounts(created=1, invalid=1, pending=3)


def test_records_are_counted_per_entity_and_those_of_no_row_are_no_rows():
    tally = Tally()
    tally.add(
        [
            Outcome("a.csv", None, 0, "Brand", "Acme", Status.CREATED, record_id="b1"),
            outcome(2, Status.CREATED),
            Outcome("a.csv", None, 2, "Price", "2", Status.UPDATED, record_id="p2", part="price"),
            outcome(3, Status.UNCHANGED),
            outcome(4, Status.FAILED),
        ]
    )
    tally.add_exported("Product", 7)
    summary = tally.summary("r", "import")
    assert summary.records == {
        "Brand": RecordCounts(created=1),
        "Price": RecordCounts(updated=1),
        "Product": RecordCounts(created=1, unchanged=1, exported=7),
    }
    assert list(summary.records) == ["Brand", "Price", "Product"]
    assert summary.rows == RowCounts(created=1, unchanged=1, failed=1)


def test_one_record_of_several_rows_is_one_record_and_each_row_has_its_outcome():
    tally = Tally()
    tally.add([outcome(row, Status.CREATED, record_id="one") for row in (2, 3, 4)])
    summary = tally.summary("r", "import")
    assert summary.records["Product"].created == 1
    assert summary.rows.created == 3


def problem(row: int, *, code: str = "key_empty", column: str = "SKU", file: str = "a.csv") -> Problem:
    return Problem(code, file, row=row, column=column, field="number")


def test_the_first_hundred_problems_by_row_are_kept_whatever_order_they_came_in():
    tally = Tally()
    rows = [row * 37 % 1009 for row in range(1, 1009)]
    tally.add(outcome(row, Status.INVALID, problems=(problem(row),)) for row in rows)
    summary = tally.summary("r", "import")
    assert [one.row for one in summary.problems] == list(range(1, 101))
    assert (summary.problems_total, summary.reasons) == (1008, {"key_empty": 1008})


def test_two_values_of_one_cell_are_two_problems():
    tally = Tally()
    facts = {"entity": "Category", "close": ""}
    twice = tuple(
        Problem("missing_link", "a.csv", row=2, column="Kategorien", value=value, facts=facts)
        for value in ("beile", "äxte")
    )
    tally.add([outcome(2, Status.FAILED, problems=twice)])
    assert [one.value for one in tally.summary("r", "import").problems] == ["beile", "äxte"]


def test_problems_are_told_in_the_order_of_the_files():
    tally = Tally()
    tally.add([outcome(9, Status.INVALID, file="z.csv", problems=(problem(9, file="z.csv"),))])
    tally.add([outcome(2, Status.INVALID, problems=(problem(2),))])
    assert [one.file for one in tally.summary("r", "import").problems] == ["z.csv", "a.csv"]


def test_an_outcome_without_its_problems_is_told_by_its_code_and_message():
    tally = Tally()
    tally.add(
        [
            outcome(2, Status.FAILED, code="refused", message="the server refused it.", column="Name"),
            outcome(3, Status.SKIPPED),
            outcome(4, Status.UNCHANGED, code="near_key"),
        ]
    )
    (told,) = tally.summary("r", "import").problems
    assert (told.code, told.row, told.column, told.message) == (
        "refused",
        2,
        "Name",
        "the server refused it.",
    )


def test_a_problem_that_the_rows_of_a_group_share_is_told_once():
    tally = Tally()
    tally.add([outcome(row, Status.INVALID, code="key_empty", problems=(problem(2),)) for row in (2, 3, 4)])
    assert tally.summary("r", "import").problems_total == 1


def test_problems_of_no_row_are_told_before_those_of_rows():
    tally = Tally()
    tally.add([outcome(2, Status.INVALID, problems=(problem(2),))])
    tally.add_problems([Problem("header_empty", "a.csv", row=1, column="(column B)")])
    assert [one.row for one in tally.summary("r", "import").problems] == [1, 2]


def test_reasons_stand_by_their_number():
    tally = Tally()
    tally.add_problems([problem(1), problem(2, code="duplicate_key"), problem(3)])
    # Sentences are made of those that are told: this one needs its facts.
    assert list(tally._reasons.most_common()) == [("key_empty", 2), ("duplicate_key", 1)]


@pytest.mark.parametrize(
    ("named", "status"),
    [({}, "ok"), ({"guard": "too many errors"}, "stopped"), ({"error": "gone"}, "stopped"),
     ({"error": "no", "status": "failed"}, "failed")],
)  # fmt: skip
def test_the_status_follows_from_what_happened(named, status):
    tally = Tally()
    assert tally.summary("r", "import", **named).status == status
    tally.add([outcome(2, Status.INVALID)])
    assert tally.summary("r", "import", **named).status == ("partial" if status == "ok" else status)


def test_files_add_up():
    tally = Tally()
    tally.add_files(FileCounts(uploaded=1, bytes=10))
    tally.add_files(FileCounts(uploaded=1, reused=2, failed=3, bytes=5))
    assert tally.summary("r", "upload").files == FileCounts(uploaded=2, reused=2, failed=3, bytes=15)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    portions=st.lists(
        st.tuples(st.lists(ROWS, min_size=1, max_size=5), st.sampled_from(list(Status)), st.booleans())
    )
)
def test_rows_count_the_same_whenever_one_asks(portions):
    asked, at_the_end = Tally(), Tally()
    for rows, status, is_alike in portions:
        is_bad = status in (Status.FAILED, Status.INVALID)
        for tally in (asked, at_the_end):
            if is_alike and not is_bad:
                tally.add(Outcomes((alike(rows, status),)))
            else:
                tally.add([outcome(row, status) for row in rows])
        assert asked.rows.bad == asked.bad == at_the_end.bad
    assert asked.rows == at_the_end.rows


def test_a_row_takes_about_a_byte():
    tally = Tally()
    numbers = pa.array(range(2, 200_002), pa.int64())
    tracemalloc.start()
    try:
        for start in range(0, len(numbers), 5_000):
            tally.add(Outcomes((alike(numbers.slice(start, 5_000).to_pylist(), Status.UNCHANGED),)))
        tally.add(outcome(row, Status.INVALID, problems=(problem(row),)) for row in range(2, 2_002))
        # Other threads of the tests take memory too.
        ours = tracemalloc.take_snapshot().filter_traces(
            [tracemalloc.Filter(inclusive=True, filename_pattern="*/etl/*")]
        )
    finally:
        tracemalloc.stop()
    assert 200_000 < sum(trace.size for trace in ours.traces) < 200_000 * 1.5 + 150_000
