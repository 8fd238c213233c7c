from etl.report import RecordCounts, RowCounts, Summary
from etl.report.together import together

FIRST = Summary(
    "1", "import", "partial", mappings=("a.yaml",), rows=RowCounts(created=2, invalid=1), requests=5,
    records={"Brand": RecordCounts(created=2)}, reasons={"too_long": 1}, problems_total=1, next=("one",),
)  # fmt: skip
SECOND = Summary(
    "2", "import", "ok", mappings=("b.yaml",), rows=RowCounts(updated=3), requests=9,
    records={"Brand": RecordCounts(created=1), "Product": RecordCounts(updated=3)}, seconds=1.5,
)  # fmt: skip


def test_the_counts_of_several_runs_are_added_and_the_worst_status_stays():
    whole = together([FIRST, SECOND])
    assert whole.rows == RowCounts(created=2, updated=3, invalid=1)
    assert whole.rows.read == 6
    assert whole.records == {"Brand": RecordCounts(created=3), "Product": RecordCounts(updated=3)}
    assert (whole.status, whole.mappings, whole.run) == ("partial", ("a.yaml", "b.yaml"), "2")
    assert (whole.requests, whole.seconds, whole.next) == (9, 1.5, ("one",))
    assert (whole.reasons, whole.problems_total) == ({"too_long": 1}, 1)


def test_one_run_is_reported_as_it_is():
    assert together([FIRST]) is FIRST
