"""What rows link to and is not on the server, as a table for creating it."""

from __future__ import annotations

from etl.model import Outcome, Problem, Status
from etl.report import MissingTarget, last_lines, to_text
from etl.report import missing as missing_targets
from etl.report.missing import MissingTargets, write_missing
from etl.report.tally import Tally
from etl.report.together import together


def problem(row: int, value: str, *, by: str = "name", entity: str = "Brand", close: str = "") -> Problem:
    facts = {"entity": entity, "by": by, "close": close}
    return Problem("missing_link", "p.csv", row=row, column="Marke", value=value, facts=facts)


def test_rows_are_counted_by_what_they_wait_for():
    tally = Tally()
    close = ', nearest is "ACME Inc."'
    told = [problem(2, "Acme Inc", close=close), problem(3, "Beilwerk"), problem(4, "Acme Inc", close=close)]
    told.append(problem(5, "beile", by="code", entity="Category"))
    tally.add(
        Outcome("p.csv", None, one.row, "Product", "", Status.FAILED, code=one.code, problems=(one,))
        for one in told
    )
    tally.add_problems([Problem("key_empty", "p.csv", row=6, field="number")])
    expected = (
        MissingTarget("Brand", by="name", value="Acme Inc", rows=2, nearest='nearest is "ACME Inc."'),
        MissingTarget("Brand", by="name", value="Beilwerk", rows=1),
        MissingTarget("Category", by="code", value="beile", rows=1),
    )
    assert tally.missing == expected
    summary = tally.summary("r", "import")
    assert (summary.missing, summary.missing_total) == (expected, 3)


def test_the_report_names_each_target_once_and_the_tables_for_creating_them():
    tally = Tally()
    told = [problem(row, "Brnd 2") for row in range(2, 152)]
    told += [
        problem(200, "Elsewhere", entity="Maker"),
        Problem("key_empty", "p.csv", row=201, field="number"),
    ]
    tally.add(
        Outcome("p.csv", None, one.row, "Product", "", Status.FAILED, code=one.code, problems=(one,))
        for one in told
    )
    summary = tally.summary("r", "import", folder="runs/r")
    for text in (to_text(summary), last_lines(summary)):
        assert text.count('"Brnd 2"') == 2
        assert '  Brand "Brnd 2": 150 rows\n  Maker "Elsewhere": 1 row\n' in text
        assert "As tables for creating them: runs/r/missing-Brand.csv, runs/r/missing-Maker.csv\n" in text
    assert together([summary, summary]).missing_total == 4


def test_each_entity_gets_a_table_that_can_be_imported(tmp_path):
    targets = [
        MissingTarget("Brand", by="name", value='Säge; "Co"', rows=2),
        MissingTarget("Category", by="code, name", value="beile", rows=1),
    ]
    assert write_missing(tmp_path, targets) == [
        tmp_path / "missing-Brand.csv", tmp_path / "missing-Category.csv",
    ]  # fmt: skip
    assert (tmp_path / "missing-Brand.csv").read_text(encoding="utf-8") == 'name,_rows\n"Säge; ""Co""",2\n'
    assert (tmp_path / "missing-Category.csv").read_text(
        encoding="utf-8"
    ) == "code,name,_rows\nbeile,beile,1\n"


def test_nothing_missing_is_no_file(tmp_path):
    assert write_missing(tmp_path, []) == []


def test_a_name_leaves_the_folder_nowhere(tmp_path):
    (path,) = write_missing(tmp_path, [MissingTarget("../Br/and", by="", value="x", rows=1)])
    assert path == tmp_path / "missing-Brand.csv"


def test_only_so_many_targets_are_held(monkeypatch):
    monkeypatch.setattr(missing_targets, "MOST", 3)
    held = MissingTargets()
    for row in range(10):
        held.add(problem(row, f"brand {row % 5}"))
    assert [(one.value, one.rows) for one in held.listed()] == [
        ("brand 0", 2),
        ("brand 1", 2),
        ("brand 2", 2),
    ]
