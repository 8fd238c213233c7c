"""The fields that a run changed, in every form of its report."""

from __future__ import annotations

from etl.report import RowCounts, Summary, from_object, to_markdown, to_object, to_text
from etl.report.html import to_html

RUN = Summary(
    "20261121T181729Z-7f3a",
    "import",
    status="ok",
    rows=RowCounts(updated=3, unchanged=7),
    fields={"Brand": {"name": 1}, "Product": {"name": 1, "price_<net>": 3}},
)


def test_a_person_reads_the_most_frequent_first():
    assert (
        "Changed fields       records\n"
        "Product.price_<net>        3\n"
        "Brand.name                 1\n"
        "Product.name               1\n"
    ) in to_text(RUN)


def test_a_merge_request_shows_them_without_markup_of_data():
    assert r"| Product.price\_\<net\> | 3 |" in to_markdown(RUN)


def test_the_page_shows_them_without_markup_of_data():
    assert '<tr><th>Product.price_&lt;net&gt;</th><td class="n">3</td></tr>' in to_html(RUN)


def test_a_program_reads_them_and_gets_them_back():
    assert to_object(RUN)["fields"] == {"Brand": {"name": 1}, "Product": {"name": 1, "price_<net>": 3}}
    assert from_object(to_object(RUN)) == RUN


def test_a_run_that_changed_nothing_says_nothing_of_fields():
    silent = Summary("20261121T181729Z-7f3a", "import", status="ok", rows=RowCounts(unchanged=1))
    for told in (to_text(silent), to_markdown(silent), to_html(silent)):
        assert "hanged field" not in told


def test_a_plan_that_is_shown_again_says_that_nothing_was_sent():
    plan = Summary("20261121T181729Z-7f3a", "plan", status="ok", rows=RowCounts(created=1))
    assert "Run 20261121T181729Z-7f3a: what an import would do; nothing was sent." in to_text(plan)
