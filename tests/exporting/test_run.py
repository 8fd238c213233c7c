"""An export as a run: which records, which columns, which file, and what it tells."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import openpyxl
import pyarrow as pa
import pytest
from pyarrow import parquet

from etl import tables
from etl.api import GENERATIONS
from etl.errors import ConfigurationInvalid, FilterInvalid, FormatUnknown, ResumeRefused, SourceUnreadable
from etl.exporting import How, What, read_table, resume_export, run_export
from etl.exporting.outputs import Format
from etl.report import to_text
from etl.runs import find_run

PRODUCTS = 230
SERVED = [name for name in GENERATIONS if name != "2.3"]
every_generation = pytest.mark.parametrize("sandbox", SERVED, indirect=True)


def rows_of(path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@every_generation
async def test_every_record_comes_once_with_names_of_what_it_links_to(shop, export, place):
    summary = await export(
        "all.csv", entity="Product", columns="name,brand.name,brand.code,isActive,price[unit]"
    )
    rows = rows_of(place.cwd / "all.csv")
    assert summary.status == "ok"
    assert summary.records["Product"].exported == len(rows) == PRODUCTS
    assert len({row["name"] for row in rows}) == PRODUCTS
    assert rows[7] == {
        "name": "Pröd 7",
        "brand.name": "Brand, 2",
        "brand.code": "b2",
        "isActive": "false",
        "price[unit]": "10.5 EUR",
    }


async def test_linked_records_are_asked_for_in_bulk_and_once(shop, place):
    before = shop.requests
    what = What(entity="Product", columns="name,brand.name,brand.code,categories.name")
    await run_export(what, shop, place=place, how=How(output="a.csv"))
    # Metadata, newest change, total, two or three pages, brands, categories.
    assert shop.requests - before <= 9


async def test_links_that_lists_leave_out_come_from_their_relation_entity(shop, export, place, monkeypatch):
    ask = shop.ask

    async def without_categories(request, read):
        page = await ask(request, read)
        if request.path == "Product" and hasattr(page, "records"):
            for record in page.records:
                record.pop("categoriesIds", None)
        return page

    monkeypatch.setattr(shop, "ask", without_categories)
    await export("a.csv", entity="Product", columns="name,categories.code,count(categories)")
    rows = rows_of(place.cwd / "a.csv")
    assert sorted(rows[3]["categories.code"].split(", ")) == ["k3", "k4"]
    assert rows[3]["count(categories)"] == "2"


async def test_one_to_many_links_come_from_the_other_side(shop, export, place):
    await export("a.jsonl", entity="Brand", columns="name,count(products)", where="code = 'b1'")
    assert json.loads((place.cwd / "a.jsonl").read_text()) == {
        "name": "Brand, 1",
        "count(products)": PRODUCTS // 5,
    }


async def test_each_format_keeps_what_it_can(shop, export, place):
    columns = "number,price,isActive,tag,categories.code,createdAt,='shop' as origin"
    for name in ("a.csv", "a.xlsx", "a.parquet", "a.jsonl"):
        await export(name, entity="Product", columns=columns, where="number = 'N3'", how={"is_plain": True})
    row = rows_of(place.cwd / "a.csv")[0]
    assert (row["price"], row["isActive"], row["tag"], row["origin"]) == ("4.5", "false", "x, y\\, z", "shop")
    line = json.loads((place.cwd / "a.jsonl").read_text())
    assert line["tag"] == ["x", "y, z"]
    assert line["price"] == 4.5
    table = parquet.read_table(place.cwd / "a.parquet")
    assert table.schema.field("tag").type == pa.list_(pa.field("element", pa.string()))
    assert table.schema.field("isActive").type == pa.bool_()
    assert table.schema.metadata[b"atro-etl.column.origin"] == b"='shop'"
    sheet = openpyxl.load_workbook(place.cwd / "a.xlsx").active
    cells = [cell.value for cell in sheet[2]]
    assert cells[:3] == ["N3", 4.5, False]
    assert cells[5].year >= 2026


async def test_a_filter_that_finds_nothing_gives_a_header(shop, export, place):
    summary = await export("a.csv", entity="Product", columns="number,price", where="price > 100000")
    assert (place.cwd / "a.csv").read_bytes() == b"number,price\r\n"
    assert summary.records["Product"].exported == 0


async def test_a_limit_ends_the_reading_early(shop, export, place):
    summary = await export("a.csv", entity="Product", columns="number", limit=3)
    assert [row["number"] for row in rows_of(place.cwd / "a.csv")] == ["N0", "N1", "N2"]
    assert summary.records["Product"].exported == 3


async def test_sorting_is_done_here_with_empty_cells_last(shop, export, place):
    await shop.patch("Product", "p0001", payload={"price": None})
    await export("a.csv", entity="Product", columns="number,price", how={"sort": "-price,number"})
    rows = rows_of(place.cwd / "a.csv")
    assert [row["number"] for row in rows[:2]] == ["N229", "N228"]
    assert rows[-1]["number"] == "N1"
    with pytest.raises(ConfigurationInvalid, match='"name" is no column of this export'):
        await export("b.csv", entity="Product", columns="number", how={"sort": "name"})


async def test_exploding_gives_a_row_for_each_value(shop, export, place):
    columns = "number,categories.code"
    await export("a.csv", entity="Product", columns=columns, where="number in ('N1','N2')",
                 explode="categories.code")  # fmt: skip
    rows = [(row["number"], row["categories.code"]) for row in rows_of(place.cwd / "a.csv")]
    assert sorted(rows) == [("N1", "k1"), ("N1", "k2"), ("N2", "k2"), ("N2", "k3")]
    with pytest.raises(ConfigurationInvalid, match="holds one value"):
        await export("b.csv", entity="Product", columns=columns, explode="number")


async def test_spreading_gives_a_column_for_each_value(shop, export, place):
    columns = "number,categories.code as k,name"
    what = {"entity": "Product", "columns": columns, "limit": 3}
    await export("s.csv", **what, spread="k")
    lines = (place.cwd / "s.csv").read_text().splitlines()
    assert lines[:3] == ["number,k 1,k 2,name", "N0,k0,k1,Pröd 0", "N1,k1,k2,Pröd 1"]
    await export("none.xlsx", entity="Product", columns=columns, where="name = 'none'", spread="k")
    assert tables.read(place.cwd / "none.xlsx").header == ("number", "k 1", "name")
    with pytest.raises(ConfigurationInvalid, match='--spread: "name" holds one value'):
        await export("x.csv", **what, spread="name")


async def test_an_expression_sees_the_other_columns(shop, export, place):
    columns = "number,price,{{ row.number ~ '/' ~ (row.price * 2)|int }} as double"
    await export("a.csv", entity="Product", columns=columns, where="number = 'N2'")
    assert rows_of(place.cwd / "a.csv")[0]["double"] == "N2/6"


async def test_csv_is_written_as_a_spreadsheet_of_that_country_reads_it(shop, export, place):
    form = Format(decimal=",", encoding="utf-8-sig", is_csv_safe=True)
    await shop.patch("Product", "p0003", payload={"name": "=1+2"})
    await export("a.csv", entity="Product", columns="number,name,price", where="number = 'N3'",
                 how={"form": form})  # fmt: skip
    assert (place.cwd / "a.csv").read_bytes() == b"\xef\xbb\xbfnumber;name;price\r\nN3;'=1+2;4,5\r\n"


async def test_a_file_that_is_not_ours_is_not_replaced(shop, export, place):
    path = place.cwd / "a.csv"
    path.write_text("mine")
    with pytest.raises(ConfigurationInvalid, match="is there already"):
        await export("a.csv", entity="Product", columns="number")
    assert path.read_text() == "mine"
    await export("a.csv", entity="Product", columns="number", limit=1, how={"is_forced": True})
    await export("a.csv", entity="Product", columns="number", limit=2)
    assert len(rows_of(path)) == 2
    path.write_text("edited since")
    with pytest.raises(ConfigurationInvalid, match="is there already"):
        await export("a.csv", entity="Product", columns="number")


async def test_an_interrupted_export_leaves_no_file(shop, export, place):
    summary = await export("a.csv", entity="Product", columns="number", how={"is_stopping": lambda: True})
    assert summary.status == "stopped"
    assert not (place.cwd / "a.csv").exists()


async def test_the_report_says_what_was_written_and_when_it_was_read(shop, export, place):
    summary = await export("p.csv", entity="Product", columns="number")
    assert (summary.started, summary.output) == ("2026-11-21T20:00:00+00:00", "p.csv")
    assert "Written p.csv\nAs of   2026-11-21T20:00:00+00:00; what was" in to_text(summary)


async def test_names_of_files_take_the_date(shop, export, place):
    await export("{entity}-{date}.csv", entity="Brand", columns="code")
    assert (place.cwd / "Brand-2026-11-21.csv").exists()
    with pytest.raises(ConfigurationInvalid, match=r'"\{day\}" means nothing'):
        await export("{day}.csv", entity="Brand", columns="code")
    with pytest.raises(FormatUnknown):
        await export("a.docx", entity="Brand", columns="code")


async def test_only_what_changed_since_the_last_export_comes(shop, export, place):
    with pytest.raises(ConfigurationInvalid, match="no earlier export"):
        await export("a.csv", entity="Brand", columns="code", changed_since="last")
    await export("a.csv", entity="Brand", columns="code")
    # Within the second of the newest change nothing can be told apart: it comes again.
    await export("a.csv", entity="Brand", columns="code", changed_since="last")
    assert len(rows_of(place.cwd / "a.csv")) <= 5
    await export("b.csv", entity="Brand", columns="code", changed_since="2999-01-01")
    assert rows_of(place.cwd / "b.csv") == []
    with pytest.raises(FilterInvalid, match="--changed-since:1:"):
        await export("c.csv", entity="Brand", columns="code", changed_since="yesterday")


async def test_without_columns_every_field_that_lists_show_comes(shop, export, place):
    await export("a.jsonl", entity="Product", limit=1)
    line = json.loads((place.cwd / "a.jsonl").read_text())
    assert line["id"] == "p0000"
    assert line["brand"] == "Brand, 0"
    assert line["price.unit"] == "EUR"


async def test_a_table_in_memory_has_the_types_of_the_schema(shop):
    table = await read_table(What(entity="Product", columns="number,price,isActive", limit=2), shop)
    assert table.to_pylist()[1] == {"number": "N1", "price": 1.5, "isActive": False}


@pytest.mark.parametrize(
    ("columns", "where"),
    [
        ("number,nam", '--columns:1:8: "nam" is no field'),
        ("", '"colour" is no field'),
        ("price[unit],name[unit]", "name has no unit"),
        ("number,,brand.", "names no column"),
        ("count(name)", '"name" is no link'),
    ],
)
async def test_columns_that_are_not_there_are_refused_with_their_place(shop, export, columns, where):
    with pytest.raises(FilterInvalid) as raised:
        await export("a.csv", entity="Product", columns=columns, where="" if columns else "colour = 'x'")
    assert where in str(raised.value)


async def test_a_template_writes_any_other_format(shop, export, place):
    template = place.cwd / "feed.xml.j2"
    template.write_text(
        "<shop>{% for row in rows %}<p n='{{ row.number }}'>{{ row.name }} {{ row.tag|join('+') }}</p>"
        "{% endfor %}</shop>"
    )
    await shop.patch("Product", "p0003", payload={"name": "A & <B>"})
    await export("a.xml", entity="Product", columns="number,name,tag", where="number = 'N3'",
                 how={"template": template})  # fmt: skip
    assert (place.cwd / "a.xml").read_text() == "<shop><p n='N3'>A &amp; &lt;B&gt; x+y, z</p></shop>"
    template.write_text("{% for row in rows %}{{ row.nothing }}{% endfor %}")
    with pytest.raises(SourceUnreadable, match="the template failed"):
        await export("b.xml", entity="Product", columns="number", how={"template": template})
    assert not (place.cwd / "b.xml").exists()
    template.write_text("{% for %}")
    with pytest.raises(SourceUnreadable, match="no Jinja template"):
        await export("b.xml", entity="Product", columns="number", how={"template": template})


@pytest.mark.parametrize("is_killed", [False, True])
async def test_an_export_that_was_cut_off_goes_on_behind_its_last_page(shop, export, place, is_killed):
    summary = await export("a.csv", entity="Product", columns="number,brand.name",
                           how={"is_stopping": lambda: True, "sort": "number"})  # fmt: skip
    assert (summary.status, summary.resumable) == ("stopped", True)
    assert summary.next == (f"atro-etl resume {summary.run}",)
    run = find_run(place.state, summary.run)
    if is_killed:
        (run.folder / "summary.json").unlink()
        run = find_run(place.state, summary.run)
    before = shop.requests
    summary = await resume_export(run, shop, place=place)
    assert summary.status == "ok"
    assert shop.requests - before < 6
    rows = rows_of(place.cwd / "a.csv")
    assert len({row["number"] for row in rows}) == len(rows) == PRODUCTS
    assert [row["number"] for row in rows] == sorted(row["number"] for row in rows)
    with pytest.raises(ResumeRefused, match="it is done"):
        await resume_export(find_run(place.state, summary.run), shop, place=place)


async def test_an_export_by_a_mapping_goes_on_from_another_folder(shop, export, place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    key = "sku" if "sku" in (await shop.metadata())["entityDefs"]["Product"]["fields"] else "number"
    text = f"entity: Product\nkey: {key}\nfields: {{{key}: Nr, name: Title}}\n"
    (tmp_path / "m.yaml").write_text(text, encoding="utf-8")
    stops = {"is_stopping": lambda: True}
    summary = await export("a.csv", entity="", columns="", mapping=Path("m.yaml"), how=stops)
    assert summary.status == "stopped"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    elsewhere = replace(place, cwd=tmp_path / "elsewhere")
    summary = await resume_export(find_run(place.state, summary.run), shop, place=elsewhere)
    assert summary.status == "ok"
    assert len(rows_of(tmp_path / "a.csv")) == PRODUCTS
