"""`atro-etl export`, as a person or a scheduler calls it, against a sandbox over HTTP."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

import etl
from etl.cli import main
from tests.house.tree import ROOT

if TYPE_CHECKING:
    from etl.sandbox import Sandbox

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def here(sandbox_in_thread: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the samples, and an empty server."""
    folder = tmp_path / "shop"
    for part in ("mappings", "samples"):
        shutil.copytree(REPOSITORY / part, folder / part)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("ATRO_URL", sandbox_in_thread.url)
    monkeypatch.setenv("ATRO_USERNAME", "admin")
    monkeypatch.setenv("ATRO_PASSWORD", "admin")
    return folder


@pytest.fixture
def shop(here: Path) -> Path:
    """The same, with the samples on the server."""
    for name in ("brands", "categories", "products"):
        code, _, err = call("import", f"mappings/{name}.yaml", "--quiet")
        assert code in (0, 5), err
    return here


def call(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_one_line_gives_the_list_that_was_asked_for(shop: Path):
    where = "isActive and brand.name startsWith 'G' and price > 10"
    columns = "number,name,brand.name,categories.name,price"
    code, out, err = call("export", "--entity", "Product", "--where", where, "--columns", columns,
                          "-o", "p.csv", "--json")  # fmt: skip
    assert code == 0, err
    with (shop / "p.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert json.loads(out)["records"]["Product"]["exported"] == len(rows) > 0
    assert all(row["brand.name"].startswith("G") and float(row["price"]) > 10 for row in rows)


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "parquet", "jsonl"])
def test_the_mapping_that_imports_exports_what_it_imports_untouched(shop: Path, suffix: str):
    code, _, err = call("export", "mappings/products.yaml", "-o", f"p.{suffix}")
    assert code == 0, err
    code, out, err = call("import", "mappings/products.yaml", "--source", f"p.{suffix}", "--json")
    rows = json.loads(out)["rows"]
    assert (code, rows["unchanged"]) == (0, rows["read"]), err
    if suffix == "csv":
        header = (shop / "p.csv").read_text(encoding="utf-8").splitlines()[0]
        assert header == "Artikelnummer,Name,Beschreibung,Marke,Kategorien,Preis,Menge,EAN,Aktiv,Status"


def test_a_workbook_comes_back_without_a_mapping(shop: Path):
    columns = "number,name,brand.name,categories.name,price,price.unit,isActive,status,ean"
    assert call("export", "--entity", "Product", "--columns", columns, "-o", "p.xlsx")[0] == 0
    code, out, err = call("import", "p.xlsx", "--json")
    rows = json.loads(out)["rows"]
    assert (code, rows["unchanged"]) == (0, rows["read"]), err
    assert (shop / "p.xlsx").exists()


def test_standard_output_holds_the_rows_and_nothing_else(shop: Path):
    del shop
    code, out, err = call("export", "--entity", "Brand", "--columns", "code,name", "-o", "-", "--limit", "2")
    assert code == 0
    assert out.splitlines()[0] == "code,name"
    assert len(out.splitlines()) == 3
    assert "Records" in err
    code, out, _ = call("export", "--entity", "Brand", "--columns", "code", "-o", "-", "--to", "jsonl")
    assert json.loads(out.splitlines()[0]).keys() == {"code"}


def test_columns_may_stand_in_a_file(shop: Path):
    (shop / "columns.txt").write_text('# for the shop\nnumber\nbrand.name as "Brand"\n', encoding="utf-8")
    code, _, err = call(
        "export", "--entity", "Product", "--columns-from", "columns.txt", "-o", "p.csv", "--limit", "1"
    )
    assert code == 0, err
    assert (shop / "p.csv").read_text(encoding="utf-8").splitlines()[0] == "number,Brand"


def test_a_locale_gives_numbers_as_they_are_written_there(shop: Path):
    code, _, err = call("export", "--entity", "Product", "--columns", "number,price", "--locale", "de_DE",
                        "--where", "price = 27.9", "-o", "p.csv")  # fmt: skip
    assert code == 0, err
    assert "27,9" in (shop / "p.csv").read_text(encoding="utf-8")


def test_headers_may_be_labels_in_a_language(shop: Path):
    code, _, err = call("export", "--entity", "Product", "--columns", "number,price,brand.code", "--headers",
                        "labels", "--locale", "de_DE", "--sort", "-number", "-o", "p.csv")  # fmt: skip
    assert code == 0, err
    header = (shop / "p.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header == "Artikelnummer;Preis;Marke: Code"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("-o", "a.csv"), 2, "what shall be exported?"),
        (("--entity", "Product"), 2, "--output"),
        (("mappings/brands.yaml", "--columns", "code", "-o", "a.csv"), 2, "a mapping has its columns"),
        (("mappings/brands.yaml", "--headers", "labels", "-o", "a.csv"), 2, "a mapping has its headers"),
        (("--entity", "Prduct", "-o", "a.csv"), 3, "Prduct"),
        (("--entity", "Product", "--where", "nmae = 'x'", "-o", "a.csv"), 3, 'Did you mean "name"?'),
        (("--entity", "Product", "--columns", "nmae", "-o", "a.csv"), 3, "--columns:1:1:"),
        (("--entity", "Product", "-o", "a.doc"), 3, "names no known format"),
        (("--entity", "Product", "--where-json", "[{}]", "-o", "a.csv"), 3, "is no operator"),
    ],
)
def test_what_cannot_be_meant_is_refused(here: Path, arguments: tuple[str, ...], code: int, said: str):
    found, _, err = call("export", *arguments)
    assert found == code
    assert said in err
    assert not (here / "a.csv").exists()


def test_a_mapping_may_say_which_records(shop: Path):
    mapping = shop / "mappings" / "brands.yaml"
    said = "\nexport:\n  where: name startsWith 'G'\n  sort: -Code\n"
    mapping.write_text(mapping.read_text(encoding="utf-8") + said,
                       encoding="utf-8")  # fmt: skip
    code, _, err = call("export", str(mapping), "-o", "b.csv")
    assert code == 0, err
    with (shop / "b.csv").open(encoding="utf-8", newline="") as stream:
        codes = [row["Code"] for row in csv.DictReader(stream)]
    assert codes == sorted(codes, reverse=True)
    assert codes


def test_scripts_get_a_dataframe(sandbox_in_thread: Sandbox, shop: Path):
    del shop
    with etl.connect(sandbox_in_thread.url, username="admin", password="admin") as pim:
        frame = etl.export_table("Product", pim, where="isActive", columns=["number", "price", "brand.name"])
    assert list(frame.columns) == ["number", "price", "brand.name"]
    assert frame["price"].dtype == "double[pyarrow]"
    assert len(frame) > 100


def test_the_filters_of_the_readme_find_what_it_says(sandbox_in_thread: Sandbox, shop: Path):
    del shop
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    told = {one[0]: int(one[1]) for one in re.findall(r"^\| `(.+)` \| (\d+) \|$", text, re.MULTILINE)}
    assert len(told) == 10
    with etl.connect(sandbox_in_thread.url, username="admin", password="admin") as pim:
        found = {one: len(etl.export_table("Product", pim, where=one, columns=["number"])) for one in told}
    assert found == told


def test_resume_goes_on_with_an_export_that_was_cut_off(shop: Path):
    code, out, err = call("export", "--entity", "Product", "--columns", "number", "-o", "p.csv", "--json")
    assert code == 0, err
    folder = Path(json.loads(out)["folder"])
    (folder / "summary.json").unlink()  # as after a kill
    (shop / "p.csv").unlink()
    code, out, err = call("resume", folder.name, "--json")
    assert code == 0, err
    assert (
        json.loads(out)["records"]["Product"]["exported"]
        == len((shop / "p.csv").read_text().splitlines()) - 1
    )
