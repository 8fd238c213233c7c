# ruff: noqa: E501  whole messages are compared, as a person reads them
"""The verbs about mappings: check, guess, preview, test, explain."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from etl import blocking
from etl.cli import main
from etl.sandbox import run_in_thread
from etl.sandbox.builtin import builtin_metadata
from etl.sandbox.generations import GENERATIONS
from etl.schema import save_snapshot

if TYPE_CHECKING:
    from pathlib import Path

MAPPING = """\
entity: Product
key: number
source: {file: tools.csv, number: {decimal: ","}}
fields:
  number: No
  name: {column: Name, required: true}
  price: Price
  productStatus: {constant: draft}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a mapping, its source and a pulled schema, and no server anywhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("URL", "USERNAME", "PASSWORD", "PROFILE", "TOKEN", "STATE_DIR"):
        monkeypatch.delenv(f"ATRO_{name}", raising=False)
    (tmp_path / ".atro-etl").mkdir()
    save_snapshot(builtin_metadata(GENERATIONS["2.1"]), tmp_path / ".atro-etl" / "schema.json")
    (tmp_path / "tools.yaml").write_text(MAPPING, encoding="utf-8")
    (tmp_path / "tools.csv").write_text("No;Name;Price\n1;Hammer;1,50\n2;Saw;x\n", encoding="utf-8")
    return tmp_path


def call(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, arguments)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.usefixtures("here")
def test_check_says_that_nothing_is_wrong() -> None:
    code, out, _ = call("check", "tools.yaml")
    assert (code, out) == (0, "tools.yaml: nothing is wrong\n")


def test_check_tells_all_problems_in_every_form(here: Path) -> None:
    (here / "tools.yaml").write_text(MAPPING.replace("Price\n", "Prise\n"), encoding="utf-8")
    code, out, _ = call("check", "tools.yaml")
    assert code == 3
    assert out.splitlines() == [
        'tools.yaml:4:1: nothing uses column "Price". Map it, or list it under "ignore".  [unused_column]',
        (
            'tools.yaml:7:10: column "Prise" is not in tools.csv. Columns there: No, Name, Price. '
            'Did you mean "Price"?  [unknown_column]'
        ),
    ]
    told = json.loads(call("check", "tools.yaml", "--json")[1])["problems"]
    assert {(one["code"], one["line"], one["severity"]) for one in told} == {
        ("unknown_column", 7, "error"),
        ("unused_column", 4, "warning"),
    }
    github = call("check", "tools.yaml", "--format", "github")[1]
    assert "::error file=tools.yaml,line=7,col=10,title=unknown_column::column" in github


def test_check_sees_a_key_that_repeats_in_the_source(here: Path) -> None:
    (here / "tools.csv").write_text("No;Name;Price\n1;Hammer;1,50\n1;Saw;2\n", encoding="utf-8")
    code, out, _ = call("check", "tools.yaml")
    assert code == 3
    assert out.startswith(
        'tools.yaml:2:6: the key "number" is not unique in the source: 1 of 2 rows repeat one'
    )


def test_guess_writes_a_mapping_that_check_takes(here: Path) -> None:
    code, _, err = call("guess", "tools.csv", "--entity", "Product", "-o", "new.yaml")
    assert (code, "2 of 3 columns" in err or "3 of 3 columns" in err) == (0, True)
    assert call("check", "new.yaml")[0] == 0
    code, _, err = call("guess", "tools.csv", "--entity", "Product", "-o", "new.yaml")
    assert (code, "nothing is overwritten" in err) == (3, True)
    assert json.loads(call("guess", "tools.csv", "-e", "Product", "--json")[1])["key"] == "number"
    assert here.joinpath("new.yaml").exists()


@pytest.mark.usefixtures("here")
def test_preview_shows_values_and_problems() -> None:
    code, out, _ = call("preview", "tools.yaml")
    assert code == 0
    assert out == (
        "row 2: would be sent\n"
        '  number = "1"\n  name = "Hammer"\n  price = 1.5\n  productStatus = "draft"\n'
        "row 3: invalid\n"
        '  ! column "Price": "x" is not a number. Correct the cell.\n'
    )
    rows = json.loads(call("preview", "tools.yaml", "--json", "--limit", "1")[1])["rows"]
    assert [one["payload"]["price"] for one in rows] == [1.5]
    assert call("preview", "tools.yaml", "--explain", "2:price")[1] == (
        'price -> price\n  cell of Price: "1,50"\n  float: 1.5\n'
    )


def test_test_runs_the_cases_beside_a_mapping(here: Path) -> None:
    cases = "cases:\n  - {name: fine, row: {No: 1, Name: x}, expect: {number: '1'}}\n"
    (here / "tools.cases.yaml").write_text(cases, encoding="utf-8")
    assert call("test", "tools.yaml")[:2] == (0, "1 cases, 0 failed\n")
    wrong = cases + "  - {name: wrong, row: {No: 1, Name: x}, expect: {number: '2'}}\n"
    (here / "tools.cases.yaml").write_text(wrong, encoding="utf-8")
    code, out, _ = call("test", "tools.yaml")
    assert code == 3
    assert out == "tools.cases.yaml:3: wrong\n  number: expected '2', found '1'\n2 cases, 1 failed\n"


def test_preview_marks_error_cells_as_an_import_does(here: Path) -> None:
    (here / "tools.csv").write_text("No;Name;Price\n1;Hammer;1,50\n2;Saw;#N/A\n", encoding="utf-8")
    _, out, _ = call("preview", "tools.yaml")
    first, second = out.split("row 3: ")
    assert 'name = "Hammer"' in first
    assert second.startswith("invalid\n")
    assert "#N/A" in second


def test_explain_knows_every_code() -> None:
    assert call("explain", "unknown_column")[1] == (
        'unknown_column: error about the mapping\n  column "COLUMN" is not in FILE\n'
        "  Columns there: COLUMNS.\n  Nothing is sent until it is mended.\n"
    )
    assert call("explain", "not_a_number")[1].endswith("The row is not sent; the others are.\n")
    for code in ("stored_then_refused", "drifted", "server_broke"):
        assert call("explain", code)[1].endswith(
            "The row was on its way and does not count as stored; the others are not held up.\n"
        )
    assert "not_a_number" in call("explain")[1]
    assert "The message lists what may stand there" in call("explain", "unknown_key")[1]
    code, _, err = call("explain", "not_a_numbr")
    assert (code, 'Did you mean "not_a_number"' in err) == (2, True)
    # Where none is near it says where all are.
    assert call("explain", "xyz")[2].endswith(
        'there is no code "xyz". Without a code `atro-etl explain` lists them all.\n'
    )


LACKS = """\
entity: Product
key: number
source: {file: feed.csv}
fields:
  number: No
  name: Name
  brand: {column: Brand, values: {A: Acme, B: Gone}, link: {by: name}}
  price: {column: Price, unit: {column: Unit}}
attributes:
  wattage: Watt
  slogan@de_DE: Slogan
"""
FEED = "No,Name,Brand,Price,Unit,Watt,Slogan\n1,Drill,A,5,EUR,120.5,stark\n2,Saw,B,6,Doubloon,90,\n"


def test_what_an_instance_lacks_is_proposed_imported_and_then_there(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "feed.yaml").write_text(LACKS, encoding="utf-8")
    (here / "feed.csv").write_text(FEED, encoding="utf-8")
    with run_in_thread(db=here / "s.db", seed=1, generation="2.1", languages=("de_DE",)) as sandbox:
        monkeypatch.setenv("ATRO_URL", sandbox.url)
        monkeypatch.setenv("ATRO_USERNAME", sandbox.username)
        monkeypatch.setenv("ATRO_PASSWORD", sandbox.password)
        assert call("schema", "pull")[0] == 0
        code, out, err = call("schema", "propose", "--mapping", "feed.yaml")
        assert (code, out.splitlines()) == (
            0,
            [
                "lacking/attributes.csv: 2 of Attribute, for attributes",
                "lacking/brands.csv: 2 of Brand, for brand",
                "lacking/units.csv: 1 of Unit, for priceUnit",
            ],
        ), err
        assert (here / "lacking" / "attributes.csv").read_text().splitlines() == [
            "Code,Name,Type,Multilingual,Panel",
            "wattage,wattage,float,false,attributeValues",
            "slogan,slogan,varchar,true,attributeValues",
        ]
        code, out, _ = call("check", "feed.yaml", "--online")
        assert code == 3
        assert 'there is no Brand with name "Gone" on the server' not in out
        assert 'Product has no attribute "wattage"' in out
        for name in ("attributes", "brands", "units"):
            code, out, err = call("import", f"lacking/{name}.yaml", "--quiet")
            assert code == 0, out + err
        assert call("schema", "propose", "--mapping", "feed.yaml")[1] == "nothing is lacking\n"
        assert call("check", "feed.yaml", "--online")[:2] == (0, "feed.yaml: nothing is wrong\n")
        code, out, err = call("import", "feed.yaml", "--quiet")
        assert code == 0, out + err


OPTIONS = """\
entity: Product
key: number
source: {file: feed.csv}
fields: {number: No, name: Name}
attributes:
  finish: {column: Finish, values: {m: Matt, g: Gloss}, link: {by: name}}
  grain: {column: Grain, split: "|", link: {by: name}}
  wattage: Watt
"""


def test_options_that_lists_of_attributes_lack_are_proposed_imported_and_then_there(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "feed.yaml").write_text(OPTIONS, encoding="utf-8")
    feed = "No,Name,Finish,Grain,Watt\n1,Drill,m,fine|coarse,5\n2,Saw,g,fine,6\n"
    (here / "feed.csv").write_text(feed, encoding="utf-8")
    with (
        run_in_thread(db=here / "s.db", seed=1, generation="2.1") as sandbox,
        blocking.connect(sandbox.url, username=sandbox.username, password=sandbox.password) as pim,
    ):
        for code, kind in (("finish", "extensibleEnum"), ("grain", "extensibleMultiEnum")):
            made = {"id": f"l-{code}", "code": code, "name": code}
            pim.loop.wait_for(pim.client.create("ExtensibleEnum", made))
            made = {"id": f"a-{code}", "code": code, "name": code, "type": kind, "entityId": "Product"}
            made |= {"extensibleEnumId": f"l-{code}", "attributePanelId": "attributeValues"}
            pim.loop.wait_for(pim.client.create("Attribute", made))
        for name, enum in (("Matt", "l-finish"), ("fine", "l-finish")):
            option = {"name": name, "extensibleEnumsIds": [enum]}
            pim.loop.wait_for(pim.client.create("ExtensibleEnumOption", option))
        monkeypatch.setenv("ATRO_URL", sandbox.url)
        monkeypatch.setenv("ATRO_USERNAME", sandbox.username)
        monkeypatch.setenv("ATRO_PASSWORD", sandbox.password)
        assert call("schema", "pull")[0] == 0
        code, out, err = call("schema", "propose", "--mapping", "feed.yaml")
        assert (code, out.splitlines()) == (
            0,
            [
                "lacking/attributes.csv: 1 of Attribute, for attributes",
                "lacking/extensibleEnumOptions.csv: 1 of ExtensibleEnumOption, for finish",
                "lacking/extensibleEnumOptions-2.csv: 2 of ExtensibleEnumOption, for grain",
            ],
        ), err
        for name in ("attributes", "extensibleEnumOptions", "extensibleEnumOptions-2"):
            code, out, err = call("import", f"lacking/{name}.yaml", "--quiet")
            assert code == 0, out + err
        assert call("schema", "propose", "--mapping", "feed.yaml")[1] == "nothing is lacking\n"
        code, out, err = call("import", "feed.yaml", "--quiet")
        assert code == 0, out + err


def test_check_online_looks_for_the_targets_that_the_mapping_names(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = MAPPING + "  brand: {constant: Gone, link: {by: name}}\n"
    text += "  mainImage: {constant: logo.png, file: {type: Nowhere}}\n"
    (here / "tools.yaml").write_text(text, encoding="utf-8")
    with run_in_thread(db=here / "s.db", seed=1, generation="2.1") as sandbox:
        monkeypatch.setenv("ATRO_URL", sandbox.url)
        monkeypatch.setenv("ATRO_USERNAME", sandbox.username)
        monkeypatch.setenv("ATRO_PASSWORD", sandbox.password)
        code, out, _ = call("check", "tools.yaml", "--online")
        assert (code, out) == (
            3,
            (
                'tools.yaml:9:3: there is no Brand with name "Gone" on the server. Create it, or correct it.  '
                "[target_missing]\n"
                'tools.yaml:10:48: there is no FileType with name "Nowhere" on the server. Create it, or '
                "correct it.  [target_missing]\n"
            ),
        )


def test_an_editor_gets_a_schema_that_knows_the_instance(here: Path) -> None:
    assert call("schema", "editor")[0] == 0
    known = json.loads((here / "mapping.schema.json").read_text(encoding="utf-8"))
    assert "productStatus" in json.dumps(known["properties"]["fields"])


def test_guess_finds_links_by_the_names_of_records(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "odd.csv").write_text("No,Name,Xyz\n1,Drill,Acme\n2,Saw,Zeta\n", encoding="utf-8")
    with run_in_thread(db=here / "s.db", seed=1, generation="2.1") as sandbox:
        monkeypatch.setenv("ATRO_URL", sandbox.url)
        monkeypatch.setenv("ATRO_USERNAME", sandbox.username)
        monkeypatch.setenv("ATRO_PASSWORD", sandbox.password)
        brands = "entity: Brand\nkey: name\nsource: {file: odd.csv}\nfields: {name: Xyz, code: Xyz}\nignore: [No, Name]\n"
        (here / "brands.yaml").write_text(brands, encoding="utf-8")
        assert call("import", "brands.yaml", "--quiet")[0] == 0
        assert "  - Xyz  # best" in call("guess", "odd.csv", "-e", "Product")[1]
        code, out, err = call("guess", "odd.csv", "-e", "Product", "--online")
        assert (code, "  brand: {column: Xyz, link: {by: name, missing: report}}" in out) == (0, True), (
            out + err
        )
