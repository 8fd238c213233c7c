"""Guards stop an import with exit code 6 and name the option that lets it go on."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from etl.cli import main
from etl.errors import SourceShrunk
from etl.planning.guards import USUAL, Census, Threshold, check_source, read_census, write_census
from tests.delivery.feeds import set_faults

MAPPING = """entity: Product
key: number
source: {file: feed.csv}
fields:
  number: No
  name: Name
  mpn: {column: Mpn, on_empty: clear}
  price: Price
"""


@pytest.fixture
def shop(sandbox_in_thread, tmp_path, monkeypatch):
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("ATRO_URL", sandbox_in_thread.url)
    monkeypatch.setenv("ATRO_USERNAME", "admin")
    monkeypatch.setenv("ATRO_PASSWORD", "admin")
    (folder / "feed.yaml").write_text(MAPPING)
    return folder


def write(folder, rows, *, mpn=lambda i: f"m{i}", price=lambda i: i):
    lines = [f"{i:04d},Produkt {i},{mpn(i)},{price(i)}" for i in range(rows)]
    (folder / "feed.csv").write_text("\n".join(["No,Name,Mpn,Price", *lines]) + "\n")


def call(*arguments):
    result = CliRunner().invoke(main, [*arguments, "--json"])
    return result.exit_code, json.loads(result.stdout), result.stderr


def goes_on_with(summary):
    return summary["next"][0].removeprefix("atro-etl ").split()


def test_a_source_without_rows_is_held_back_and_goes_on_when_that_is_allowed(shop):
    write(shop, 0)
    code, summary, err = call("import", "feed.yaml")
    assert (code, summary["status"]) == (6, "stopped")
    assert "holds no rows" in summary["guard"]
    assert "--allow-empty" in err
    assert call(*goes_on_with(summary))[0] == 0
    assert call("import", "feed.yaml", "--allow-empty")[0] == 0


def test_half_of_the_rows_of_last_time_are_too_few(shop):
    write(shop, 60)
    assert call("import", "feed.yaml")[0] == 0
    write(shop, 29)
    code, summary, _ = call("import", "feed.yaml")
    assert code == 6
    assert "29 rows, the last import with this mapping had 60" in summary["guard"]
    assert summary["rows"]["pending"] == summary["rows"]["read"] == 29
    # What was held back is no "last time".
    assert call("import", "feed.yaml")[0] == 6
    assert call("import", "feed.yaml", "--limit", "5")[0] == 0
    code, summary, _ = call(*goes_on_with(summary))
    assert (code, summary["rows"]["unchanged"]) == (0, 29)
    assert call("import", "feed.yaml")[0] == 0


def test_a_column_that_lost_its_cells_clears_nothing(shop):
    write(shop, 60)
    assert call("import", "feed.yaml")[0] == 0
    # A column whose empty cells are not sent may lose them all.
    write(shop, 60, mpn=lambda i: "" if i % 4 == 0 else f"m{i}", price=lambda _: "")
    code, summary, _ = call("import", "feed.yaml")
    assert code == 6
    assert '"Mpn" lost 25 %' in summary["guard"]
    assert "Price" not in summary["guard"]
    code, summary, _ = call(*goes_on_with(summary))
    assert (code, summary["rows"]["updated"]) == (0, 15)


def test_too_many_bad_rows_stop_before_the_rest_is_sent(shop):
    write(shop, 200, price=lambda i: "cheap" if i % 5 == 0 else i)
    code, summary, _ = call("import", "feed.yaml")
    assert code == 6
    assert summary["guard"].startswith("40 of the first 200 rows failed or are invalid; more than 10%")
    rows = summary["rows"]
    assert (rows["invalid"], rows["pending"], rows["created"], rows["read"]) == (40, 160, 0, 200)
    code, summary, _ = call(*goes_on_with(summary))
    assert (code, summary["rows"]["created"], summary["rows"]["pending"]) == (5, 160, 0)


def test_a_run_in_which_all_rows_are_invalid_is_held_back_at_its_end(shop):
    write(shop, 120, price=lambda _: "cheap")
    code, summary, err = call("import", "feed.yaml")
    assert (code, summary["status"], summary["rows"]["invalid"]) == (6, "stopped", 120)
    assert summary["guard"].startswith("120 of the first 120 rows failed or are invalid")
    assert "--max-errors never" in err
    code, summary, _ = call(*goes_on_with(summary))
    assert (code, summary["status"], summary["rows"]["invalid"]) == (5, "partial", 120)


def test_rows_that_link_to_what_is_missing_count_at_the_end(shop):
    (shop / "feed.yaml").write_text(MAPPING + "  brand: {column: Name, link: {by: name, missing: fail}}\n")
    write(shop, 120)
    assert call("import", "feed.yaml")[0] == 6
    write(shop, 99)
    # Of fewer than 100 rows a share says little.
    assert call("import", "feed.yaml", "--min-rows", "never")[0] == 5


def test_rows_that_the_server_refuses_stop_the_run_after_the_first_hundred(shop, sandbox_in_thread):
    write(shop, 600)
    set_faults(sandbox_in_thread.url, "failed_but_stored")
    code, summary, _ = call("import", "feed.yaml")
    set_faults(sandbox_in_thread.url, "")
    rows = summary["rows"]
    assert (code, rows["created"], rows["read"]) == (6, 0, 600)
    # What was in flight is finished: four requests of at most a hundred rows.
    assert 100 <= rows["failed"] <= 500
    assert rows["pending"] == 600 - rows["failed"]


def test_rows_that_are_invalid_are_no_more_of_the_whole_for_being_known_first(shop):
    write(shop, 300, price=lambda i: "cheap" if i % 11 == 0 else i)
    code, summary, _ = call("import", "feed.yaml")
    assert (code, summary["rows"]["invalid"], summary["rows"]["created"]) == (5, 28, 272)


def test_a_number_of_errors_counts_from_the_first_row_on(shop):
    write(shop, 40, price=lambda i: "cheap" if i < 3 else i)
    assert call("import", "feed.yaml", "--max-errors", "2")[0] == 6
    assert call("import", "feed.yaml", "--max-errors", "3")[0] == 5


def test_retry_sends_the_corrected_rows_alone_and_refuses_where_nothing_failed(shop):
    write(shop, 30, price=lambda i: "cheap" if i == 7 else i)
    code, summary, _ = call("import", "feed.yaml")
    assert code == 5
    rejected = shop / summary["folder"] / "rejected.csv"
    rejected.write_text(rejected.read_text().replace(",cheap,", ",7,"))
    code, again, _ = call("retry")
    assert (code, again["rows"]["read"], again["rows"]["created"]) == (0, 1, 1)
    assert again["run"] != summary["run"]
    code, _, err = call("retry", again["run"])
    assert code == 3
    assert "left no rejected rows" in err


def test_missing_link_targets_lie_ready_as_a_table(shop):
    (shop / "feed.yaml").write_text(MAPPING + "  brand: {column: Name, link: {by: name, missing: fail}}\n")
    write(shop, 5)
    code, summary, _ = call("import", "feed.yaml")
    assert code == 5
    missing = (shop / summary["folder"] / "missing-Brand.csv").read_text().splitlines()
    assert missing[0] == "name,_rows"
    assert len(missing) == 6


def test_what_was_read_is_remembered_and_a_damaged_memory_is_none(tmp_path):
    census = Census(7, {"a": 3}, is_whole=True)
    write_census(tmp_path, census)
    assert read_census(tmp_path) == census
    for text in ("", "[]", '{"rows": 1}', '{"rows": "x", "columns": {}, "is_whole": true}'):
        (tmp_path / "census.json").write_text(text)
        assert read_census(tmp_path) is None


def test_small_sources_and_first_imports_pass():
    few = Census(3, {"a": 0}, is_whole=True)
    check_source("a.csv", few, last=None, guards=USUAL, clearing={"a"})
    check_source("a.csv", few, last=Census(19, {"a": 19}, is_whole=True), guards=USUAL, clearing={"a"})


@pytest.mark.parametrize("text", ["", "any", "-1", "1e3", "5 %", "%"])
def test_a_threshold_is_a_number_a_share_or_never(text):
    with pytest.raises(ValueError, match="never"):
        Threshold.parse(text)
    assert [str(Threshold.parse(one)) for one in ("never", "25", "2.5%")] == ["never", "25", "2.5%"]


@pytest.mark.parametrize("option", ["--max-errors", "--max-deletes", "--fail-on"])
def test_a_share_of_more_than_all_is_refused(option):
    assert CliRunner().invoke(main, ["import", "feed.yaml", option, "100.5%"]).exit_code == 2


def test_one_row_is_called_one_row():
    assert "e.csv has 1 row; with fewer" in str(SourceShrunk("e.csv", rows=1, last=None, least="5"))
