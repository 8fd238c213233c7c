"""`atro-etl import` and `resume`, as a person or a scheduler calls them, against a sandbox over HTTP."""

from __future__ import annotations

import csv
import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import etl
from tests.cli.shop import OTHERS, call, records_in

if TYPE_CHECKING:
    from etl.sandbox import Sandbox


@pytest.fixture
def pim_url(sandbox_in_thread: Sandbox, shop: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A sandbox that settings of the environment point to."""
    del shop
    monkeypatch.setenv("ATRO_URL", sandbox_in_thread.url)
    monkeypatch.setenv("ATRO_USERNAME", "admin")
    monkeypatch.setenv("ATRO_PASSWORD", "admin")
    return sandbox_in_thread.url


def imported(*arguments: str) -> dict[str, object]:
    code, out, err = call("import", *arguments, "--json")
    assert code in (0, 5), err
    return json.loads(out)


def lay_ground() -> None:
    for feed in ("brands", "categories"):
        assert imported(f"mappings/{feed}.yaml")["status"] == "ok"


def test_the_samples_arrive_and_the_counts_add_up(pim_url):
    lay_ground()
    summary = imported("mappings/products.yaml")
    rows = summary["rows"]
    assert rows["read"] == sum(rows[name] for name in OTHERS) == 200
    assert (rows["created"], rows["invalid"]) == (198, 2)
    assert summary["status"] == "partial"
    assert summary["records"]["Product"]["created"] == 198 == len(records_in(pim_url))


def test_a_second_import_of_the_same_file_changes_nothing(pim_url):
    lay_ground()
    imported("mappings/products.yaml")
    before = records_in(pim_url)
    rows = imported("mappings/products.yaml")["rows"]
    assert (rows["created"], rows["updated"], rows["unchanged"]) == (0, 0, 198)
    assert records_in(pim_url) == before


@pytest.mark.parametrize("suffix", ["xlsx", "parquet"])
def test_a_workbook_and_parquet_give_the_same_records_as_csv(pim_url, suffix):
    lay_ground()
    imported("mappings/products.yaml")
    before = records_in(pim_url)
    rows = imported("mappings/products.yaml", "--source", f"samples/products.{suffix}")["rows"]
    assert (rows["unchanged"], rows["invalid"]) == (198, 2)
    assert records_in(pim_url) == before


def test_broken_rows_are_rejected_in_the_dialect_of_the_source_and_go_in_once_corrected(pim_url):
    lay_ground()
    summary = imported("mappings/products.yaml")
    assert summary["folder"] == f".atro-etl/runs/{summary['run']}"
    rejected = Path(summary["folder"]) / "rejected.csv"
    lines = rejected.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    header, *rows = csv.reader(lines, delimiter=";")
    assert header[-4:] == ["_run", "_status", "_column", "_message"]
    assert [row[-2] for row in rows] == ["Preis", "Status"]
    assert '"auf Anfrage" is not a number' in rows[0][-1]
    assert summary["next"] == [f"atro-etl import mappings/products.yaml --source {rejected}"]
    text = rejected.read_text(encoding="utf-8-sig")
    corrected = text.replace(";auf Anfrage;", ";12,50;").replace(";fertig;", ";ready;")
    rejected.write_text(corrected, encoding="utf-8")
    rows_of_second = imported("mappings/products.yaml", str(rejected))["rows"]
    assert (rows_of_second["read"], rows_of_second["created"]) == (2, 2)
    assert len(records_in(pim_url)) == 200


def test_several_mappings_run_in_the_order_their_links_need_with_one_summary(pim_url):
    feeds = [f"mappings/{feed}.yaml" for feed in ("products", "brands", "categories")]
    summary = imported(*feeds)
    order = [Path(name).stem for name in summary["mappings"]]
    assert set(order[:2]) == {"brands", "categories"}
    assert order[2] == "products"
    assert (summary["rows"]["read"], summary["rows"]["invalid"]) == (235, 2)
    assert summary["records"]["Category"]["created"] == 23
    assert summary["status"] == "partial"


def test_limit_and_rows_pick_rows_as_they_are_seen_in_the_file(pim_url):
    lay_ground()
    assert imported("mappings/products.yaml", "--limit", "5")["rows"]["read"] == 5
    picked = imported("mappings/products.yaml", "--rows", "4-10")
    assert picked["rows"]["read"] <= 7
    assert picked["rows"]["unchanged"] >= 1


def test_every_run_leaves_its_report_and_its_log(pim_url):
    lay_ground()
    folder = Path(imported("mappings/products.yaml")["folder"])
    names = {path.name for path in folder.iterdir()}
    assert {"summary.json", "results.parquet", "rejected.csv", "journal.db", "run.log", "run.json"} <= names
    assert json.loads((folder / "summary.json").read_text())["rows"]["read"] == 200
    everything = "".join(path.read_text(errors="replace") for path in folder.iterdir() if path.is_file())
    assert "admin:" not in everything
    assert "Authorization" not in everything


# --- exit codes --------------------------------------------------------------------------------------------


def test_exit_0_when_every_row_arrived(pim_url):
    assert call("import", "mappings/brands.yaml")[0] == 0


def test_exit_1_and_a_file_with_the_traceback_for_a_fault_of_ours(pim_url, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("invented")

    monkeypatch.setattr("etl.blocking.import_table", broken)
    code, _, err = call("import", "mappings/brands.yaml")
    assert code == 1
    assert "ready to be pasted into a report" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["import"], "which mapping?"),
        (["import", "samples/brands.csv"], "atro-etl import MAPPING.yaml --source samples/brands.csv"),
        (["import", "--source", "mappings/brands.yaml"], "is a mapping, no source. Did you mean"),
        (["import", "mappings/brands.yaml", "a.csv", "b.csv"], "two sources"),
        (["import", "mappings/brands.yaml", "--rows", "0-3"], "no range of rows"),
        (["improt"], 'Did you mean "import"?'),
    ],
)
def test_exit_2_for_a_wrong_command_line(shop, arguments, words):
    code, _, err = call(*arguments)
    assert code == 2
    assert words in " ".join(err.split())


def test_exit_3_names_every_mistake_of_a_mapping_at_once_as_check_does(pim_url, shop):
    (shop / "mappings" / "broken.yaml").write_text(
        "entity: Product\nkey: number\nsource: {file: ../samples/products.csv}\non_absent: delete\n"
        "rows: {where: \"Name != ''\"}\nfields:\n  number: Artikelnummer\n  nmae: Name\n  price: Preiss\n"
        "  brand: {column: Marke, lnik: {by: name}}\nattributes:\n  x: Name\n"
    )
    code, out, _ = call("check", "mappings/broken.yaml", "--json")
    told = [one for one in json.loads(out)["problems"] if one["severity"] == "error"]
    assert code == 3
    assert [(one["line"], one["code"]) for one in told] == [
        (4, "absent_with_where"), (6, "required_unmapped"), (8, "unknown_field"), (9, "unknown_column"),
        (10, "link_without_by"), (10, "unknown_key"),
        (12, "unknown_attribute"),
    ]  # fmt: skip
    expected = [f"{one['file']}:{one['line']}:{one['column']}: {one['message']}" for one in told]
    for verb in ("import", "plan", "preview"):
        code, _, err = call(verb, "mappings/broken.yaml")
        assert (code, err.splitlines()[: len(expected)]) == (3, expected)


def test_a_key_that_nobody_knows_is_told_where_it_hides_the_source(pim_url, shop):
    (shop / "mappings" / "hidden.yaml").write_text(
        "entity: Brand\nkey: name\nsource: {fiel: ../samples/brands.csv}\nfields: {name: Name}\n"
    )
    for verb in ("import", "plan", "preview"):
        code, _, err = call(verb, "mappings/hidden.yaml")
        assert code == 3
        assert 'hidden.yaml:3:10: there is no key "fiel" here.' in err


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.csv", None, "there is no such file"),
        ("empty.csv", b"", "empty"),
        ("a.pdf", b"%PDF-1.4", "suffix"),
        ("no.xlsx", b"%PDF-1.4 this is no workbook", "no.xlsx"),
        ("no.parquet", b"PAR1 cut", "no.parquet"),
    ],
)
def test_exit_3_for_a_source_that_cannot_be_used_and_nothing_is_sent(pim_url, shop, name, content, words):
    if content is not None:
        (shop / name).write_bytes(content)
    code, _, err = call("import", "mappings/brands.yaml", "--source", name)
    assert code == 3
    assert words in err
    assert len(err.strip().splitlines()) == 1
    assert records_in(pim_url, "Brand") == []


def test_exit_4_for_a_wrong_password_which_is_never_shown(pim_url, monkeypatch):
    monkeypatch.setenv("ATRO_PASSWORD", "sesame-4711")
    code, out, err = call("import", "mappings/brands.yaml")
    assert code == 4
    assert "the password was refused" in err
    assert "sesame" not in out + err


def test_exit_4_for_a_server_that_is_not_there(shop, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setattr("etl.aio.PATIENCE", etl.aio.PATIENCE)
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        (shop / "token").write_text("abc")
        arguments = ["--url", url, "--username", "a", "--token", "@token"]
        # It is ours as long as this lasts, and nobody listens there.
        code, _, err = call("import", "mappings/brands.yaml", *arguments)
    assert code == 4
    assert "cannot be reached" in err


def test_exit_5_when_rows_are_invalid_unless_the_line_is_moved(pim_url):
    lay_ground()
    assert call("import", "mappings/products.yaml")[0] == 5
    assert call("import", "mappings/products.yaml", "--fail-on", "2%")[0] == 0
    assert call("import", "mappings/products.yaml", "--fail-on", "never")[0] == 0


def test_the_help_of_import_tells_of_several_mappings_and_of_a_source():
    assert "MAPPING... [SOURCE]" in call("import", "--help")[1]


def test_what_is_known_is_spared_refreshed_and_forgotten_from_the_command_line(pim_url):
    feed = "mappings/brands.yaml"
    first = imported(feed)
    assert first["known"]["why"] == "there is no known state yet"
    count = first["rows"]["read"]
    assert imported(feed, "--verify-fraction", "0")["known"]["rows"] == count
    assert imported(feed, "--refresh")["known"]["rows"] == 0
    code, out, _ = call("import", feed, "--verify-fraction", "1")
    assert code == 0
    assert "turn" in out
    _, out, _ = call("forget", "mappings/products.yaml")
    assert "records" not in out
    _, out, _ = call("forget", feed, "--json")
    assert json.loads(out)["forgotten"] == [{"mapping": feed, "url": pim_url, "lines": count}]
    code, out, _ = call("import", feed)
    assert f"known state: there is no known state yet; {count} rows were compared with the server" in out
