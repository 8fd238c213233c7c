"""A summary as people and programs read it, whole texts, and harmless whatever the data."""

from __future__ import annotations

import dataclasses
import json
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl.model import Limits
from etl.report import (
    FileCounts,
    Instance,
    MissingTarget,
    RecordCounts,
    ReportedProblem,
    RowCounts,
    Summary,
    from_object,
    last_lines,
    neutral,
    shortened,
    to_github,
    to_json,
    to_markdown,
    to_object,
    to_text,
)
from etl.report.html import to_html

INSTANCE = Instance("pim.example", "api", profile="live", server_version="2.2.14")


def problem(
    row: int, message: str = '"12,5 kg" is not a number. Write 12,5.', **named: str
) -> ReportedProblem:
    facts = {
        "code": "not_a_number",
        "file": "products.csv",
        "column": "Preis",
        "field": "price",
        "value": "12,5 kg",
    }
    return ReportedProblem(**{**facts, **named}, sheet=None, row=row, message=message)  # type: ignore[arg-type]


PARTIAL = Summary(
    "20261121T181729Z-7f3a",
    "import",
    status="partial",
    mappings=("mappings/products.yaml",),
    rows=RowCounts(created=120, updated=4, unchanged=1_064, failed=1, invalid=11),
    records={
        "Brand": RecordCounts(created=2),
        "Product": RecordCounts(created=120, updated=4, unchanged=1_064),
    },
    files=FileCounts(uploaded=12, reused=3, bytes=12_345_678),
    requests=14,
    retries=1,
    seconds=75.4,
    next=("atro-etl retry 20261121T181729Z-7f3a",),
    folder=".atro-etl/runs/20261121T181729Z-7f3a",
    problems=(problem(118), problem(120, "the server refused it.", column="", code="refused")),
    problems_total=12,
    reasons={"not_a_number": 11, "refused": 1},
    instance=INSTANCE,
    version="0.1.0",
)
STOPPED = dataclasses.replace(
    PARTIAL,
    status="stopped",
    rows=RowCounts(created=100, pending=1_900),
    records={"Product": RecordCounts(created=100)},
    files=FileCounts(),
    problems=(),
    problems_total=0,
    reasons={},
    error="https://pim.example stopped answering: no answer for 2 minutes.",
    resumable=True,
    seconds=3.25,
    next=("atro-etl resume 20261121T181729Z-7f3a",),
)


def test_a_partial_run_is_told_as_a_whole():
    assert to_text(PARTIAL) == (
        "import · profile live · pim.example · api · AtroCore 2.2.14 · atro-etl 0.1.0\n"
        "Run 20261121T181729Z-7f3a: done, but not every row arrived; of 1,200 rows 1 failed, 11 invalid.\n"
        "\n"
        "Rows\n"
        "read       1,200\n"
        "created      120\n"
        "updated        4\n"
        "unchanged  1,064\n"
        "failed         1\n"
        "invalid       11\n"
        "\n"
        "Records  created  updated  unchanged\n"
        "Brand          2        0          0\n"
        "Product      120        4      1,064\n"
        "\n"
        "14 requests, 1 of them retries, 1 min 15 s, 16 rows/s, "
        "files: 12 uploaded (12.3 MB), 3 there already, 0 failed\n"
        "\n"
        "Problems\n"
        '  products.csv, row 118, column "Preis": "12,5 kg" is not a number. Write 12,5.\n'
        "  products.csv, row 120: the server refused it.\n"
        "  and 10 more in .atro-etl/runs/20261121T181729Z-7f3a/results.parquet\n"
        "  By reason: not_a_number 11, refused 1 (`atro-etl explain CODE` says what to do)\n"
        "\n"
        "Folder  .atro-etl/runs/20261121T181729Z-7f3a\n"
        "Next    atro-etl retry 20261121T181729Z-7f3a\n"
    )


def test_a_stopped_run_says_why_and_how_to_go_on():
    assert to_text(STOPPED) == (
        "import · profile live · pim.example · api · AtroCore 2.2.14 · atro-etl 0.1.0\n"
        "Run 20261121T181729Z-7f3a: stopped before its end; of 2,000 rows 1,900 pending.\n"
        "https://pim.example stopped answering: no answer for 2 minutes.\n"
        "\n"
        "Rows\n"
        "read     2,000\n"
        "created    100\n"
        "pending  1,900\n"
        "\n"
        "Records  created\n"
        "Product      100\n"
        "\n"
        "14 requests, 1 of them retries, 3.2 s, 615 rows/s\n"
        "\n"
        "Folder  .atro-etl/runs/20261121T181729Z-7f3a\n"
        "Next    atro-etl resume 20261121T181729Z-7f3a\n"
    )


def test_the_limits_of_a_run_are_told_and_read_back():
    summary = dataclasses.replace(STOPPED, limits=Limits(in_flight=3, batch_rows=1_000, silence_s=30))
    assert (
        "14 requests, 1 of them retries, 3.2 s, 615 rows/s\n"
        "at most 3 requests at once, each of 1,000 records, 900.0 kB and 2 min 00 s; "
        "stops after 5 requests in a row, or 30.0 s, without an answer\n"
    ) in to_text(summary)
    assert from_object(to_object(summary)).limits == summary.limits


def test_a_run_with_nothing_to_do_is_two_lines():
    summary = Summary("r", "import", status="ok", version="0.1.0", instance=Instance("pim.example", "api"))
    assert to_text(summary) == "import · no profile · pim.example · api · atro-etl 0.1.0\n\n".replace(
        "\n\n", "\nRun r: done.\n"
    )
    assert last_lines(summary) == ""


def test_the_last_lines_stand_alone():
    assert last_lines(PARTIAL) == (
        "import · profile live · pim.example · api · AtroCore 2.2.14 · atro-etl 0.1.0\n"
        "Run 20261121T181729Z-7f3a: done, but not every row arrived; of 1,200 rows 1 failed, 11 invalid.\n"
        'products.csv, row 118, column "Preis": "12,5 kg" is not a number. Write 12,5.\n'
        "products.csv, row 120: the server refused it.\n"
        "and 10 more in .atro-etl/runs/20261121T181729Z-7f3a/results.parquet\n"
        "Folder  .atro-etl/runs/20261121T181729Z-7f3a\n"
        "Next    atro-etl retry 20261121T181729Z-7f3a\n"
    )


def test_twenty_problems_are_shown_and_the_rest_counted():
    many = dataclasses.replace(
        PARTIAL, problems=tuple(problem(row) for row in range(2, 102)), problems_total=332
    )
    lines = to_text(many).splitlines()
    assert sum("is not a number" in line for line in lines) == 20
    assert "  and 312 more in .atro-etl/runs/20261121T181729Z-7f3a/results.parquet" in lines


def test_missing_targets_are_told_once_with_their_rows():
    targets = (
        MissingTarget("Brand", by="name", value="Acme Inc", rows=1_214, nearest='nearest is "ACME Inc."'),
        MissingTarget("Category", by="code", value="äxte", rows=1),
    )
    text = to_text(dataclasses.replace(PARTIAL, missing=targets, missing_total=30))
    assert (
        "Not on the server\n"
        '  Brand "Acme Inc": 1,214 rows; nearest is "ACME Inc."\n'
        '  Category "äxte": 1 row\n'
        "  and 10 more\n"
    ) in text


def test_the_json_object_has_the_fixed_names_in_their_order():
    found = to_object(PARTIAL)
    assert list(found)[:16] == [
        "schema", "run", "verb", "mappings", "status", "rows", "records", "files", "requests", "retries",
        "seconds", "guard", "resumable", "next", "folder", "problems",
    ]  # fmt: skip
    assert found["rows"] == {
        "read": 1_200, "created": 120, "updated": 4, "unchanged": 1_064, "deleted": 0, "failed": 1,
        "invalid": 11, "skipped": 0, "pending": 0,
    }  # fmt: skip
    assert found["records"]["Brand"] == {  # type: ignore[index,call-overload]  a table
        "created": 2, "updated": 0, "unchanged": 0, "deleted": 0, "exported": 0,
    }  # fmt: skip
    assert found["files"] == {
        "uploaded": 12,
        "reused": 3,
        "failed": 0,
        "bytes": 12_345_678,
        "missing": 0,
        "downloaded": 0,
        "upload_ms": 0,
    }
    assert found["problems"][0] == {  # type: ignore[index]  a list
        "code": "not_a_number", "file": "products.csv", "sheet": None, "row": 118, "column": "Preis",
        "field": "price", "value": "12,5 kg", "message": '"12,5 kg" is not a number. Write 12,5.',
    }  # fmt: skip
    assert (found["schema"], found["guard"], found["resumable"], found["seconds"]) == (1, None, False, 75.4)


def test_json_is_one_line_except_for_a_person():
    assert to_json(PARTIAL).count("\n") == 0
    assert json.loads(to_json(PARTIAL)) == json.loads(to_json(PARTIAL, is_terminal=True))
    assert to_json(PARTIAL, is_terminal=True).count("\n") > 30


COUNTS = st.integers(0, 10**9)
TEXTS = st.text(max_size=30)
PROBLEMS = st.builds(
    ReportedProblem,
    code=TEXTS, file=TEXTS, sheet=st.none() | TEXTS, row=COUNTS, column=TEXTS, field=TEXTS, value=TEXTS,
    message=TEXTS,
)  # fmt: skip
SUMMARIES = st.builds(
    Summary,
    run=TEXTS,
    verb=TEXTS,
    status=st.sampled_from(["ok", "partial", "stopped", "failed"]),
    mappings=st.lists(TEXTS, max_size=2).map(tuple),
    rows=st.builds(RowCounts, created=COUNTS, failed=COUNTS, pending=COUNTS),
    records=st.dictionaries(TEXTS, st.builds(RecordCounts, updated=COUNTS), max_size=2),
    files=st.builds(FileCounts, uploaded=COUNTS, bytes=COUNTS),
    requests=COUNTS,
    retries=COUNTS,
    seconds=st.floats(0, 10**6).map(lambda seconds: round(seconds, 3)),
    guard=st.none() | TEXTS,
    resumable=st.booleans(),
    next=st.lists(TEXTS, max_size=2).map(tuple),
    folder=TEXTS,
    problems=st.lists(PROBLEMS, max_size=3).map(tuple),
    problems_total=st.integers(3, 10**9),
    reasons=st.dictionaries(TEXTS, COUNTS, max_size=2),
    missing=st.lists(
        st.builds(MissingTarget, TEXTS, by=TEXTS, value=TEXTS, rows=COUNTS, nearest=TEXTS), max_size=2
    ).map(tuple),
    missing_total=COUNTS,
    error=st.none() | TEXTS,
    instance=st.none() | st.builds(Instance, TEXTS, TEXTS, profile=TEXTS, server_version=TEXTS),
    version=TEXTS,
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(summary=SUMMARIES)
def test_a_summary_is_read_back_as_it_was(summary):
    assert from_object(json.loads(to_json(summary))) == summary


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(summary=SUMMARIES)
def test_no_form_lets_data_move_a_terminal(summary):
    for text in (
        to_text(summary),
        last_lines(summary),
        to_json(summary),
        to_markdown(summary),
        to_github(summary),
    ):
        found = {unicodedata.category(character) for character in text.replace("\n", "")}
        assert not found & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize(
    "said", [{}, {"schema": 2}, {"schema": 1}, {**to_object(PARTIAL), "status": "fine"},
             {**to_object(PARTIAL), "rows": {"created": "1"}}, {**to_object(PARTIAL), "requests": True}]
)  # fmt: skip
def test_what_is_no_summary_is_refused(said):
    with pytest.raises(ValueError, match=r"^(no summary|schema)"):
        from_object(said)


def test_names_that_a_later_release_adds_are_left_out():
    assert from_object({**to_object(PARTIAL), "later": 1}) == PARTIAL


def test_markdown_is_a_table_and_its_cells_make_no_markup():
    evil = dataclasses.replace(
        PARTIAL, problems=(problem(2, "a | b\n<script>alert(1)</script> [x](http://y) **z**", column="`P|`"),)
    )
    assert to_markdown(evil) == (
        "### import · profile live · pim.example · api · AtroCore 2.2.14 · atro\\-etl 0.1.0\n"
        "\n"
        "**partial** · run 20261121T181729Z\\-7f3a\n"
        "\n"
        "| rows | |\n"
        "|---|---:|\n"
        "| read | 1,200 |\n"
        "| created | 120 |\n"
        "| updated | 4 |\n"
        "| unchanged | 1,064 |\n"
        "| failed | 1 |\n"
        "| invalid | 11 |\n"
        "\n"
        "| where | problem |\n"
        "|---|---|\n"
        '| products.csv, row 2, column "\\`P\\|\\`" '
        "| a \\| b\\\\n\\<script\\>alert\\(1\\)\\</script\\> \\[x\\]\\(http://y\\) \\*\\*z\\*\\* |\n"
        "\n"
        "    atro-etl retry 20261121T181729Z-7f3a\n"
    )


def test_github_gets_an_annotation_for_each_problem_and_one_for_the_run():
    evil = dataclasses.replace(PARTIAL, problems=(problem(2, "a\n::error::b%", file="a,b:c.csv"),))
    assert to_github(evil) == (
        '::error file=a%2Cb%3Ac.csv,line=2,title=not_a_number::column "Preis": a%0A::error::b%25\n'
        "::warning title=import · profile live · pim.example · api · AtroCore 2.2.14 · atro-etl 0.1.0"
        "::partial: 1200 rows read, 1 failed, 11 invalid\n"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Größe „5“ ok", "Größe „5“ ok"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("x\u202ey", "x\\u202ey"),
        ("x\U000e0041", "x\\U000e0041"),
        ("\x9b2J", "\\x9b2J"),
    ],
)
def test_control_characters_are_written_out(text, shown):
    assert neutral(text) == shown


def test_our_own_line_breaks_can_stay():
    assert neutral("a\nb\x07", keep="\n") == "a\nb\\x07"


def test_a_long_text_is_cut_with_a_mark():
    assert shortened("abcdef", 4) == "abc…"
    assert shortened("abcd", 4) == "abcd"


def test_the_page_tells_what_the_text_tells():
    page = to_html(PARTIAL)
    for said in (
        "import · profile live · pim.example · api · AtroCore 2.2.14 · atro-etl 0.1.0",
        "Run 20261121T181729Z-7f3a: done, but not every row arrived",
        '<tr><th>read</th><td class="n">1,200</td></tr>',
        "products.csv, row 118, column &#34;Preis&#34;",
        "and 10 more in",
        "<code>atro-etl retry 20261121T181729Z-7f3a</code>",
        'style="width: 99.00%"',
    ):
        assert said in page


def test_the_page_makes_no_markup_of_data_and_loads_nothing():
    evil = "<script>alert(1)</script>{{ 7919 * 2 }}\x1b[2J"
    page = to_html(
        dataclasses.replace(
            PARTIAL,
            problems=(problem(2, evil, column=evil, file=evil),),
            records={evil: RecordCounts(created=1)},
            reasons={evil: 1},
            error=evil,
            next=(evil,),
            folder=evil,
            run=evil,
        )
    )
    assert "<script" not in page
    assert "15838" not in page
    assert "\x1b" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;{{ 7919 * 2 }}\\x1b[2J") >= 9
    assert "src=" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page


@pytest.mark.parametrize("summary", [STOPPED, Summary("r", "import", status="ok")])
def test_every_run_has_a_page(summary):
    assert to_html(summary).endswith("</html>\n")
