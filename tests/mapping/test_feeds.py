# ruff: noqa: E501  tables of cells and whole messages are read across
"""Invented but realistic feeds, imported into the sandbox and read back field by field."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pandas as pd
import pytest

from etl import blocking
from etl.sandbox import run_in_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.blocking import Pim
    from etl.report import Summary

FEEDS = Path(__file__).parents[2] / "mappings" / "feeds"
GENERATIONS = ("2.1", "2.2")


@contextmanager
def shop(folder: Path, generation: str) -> Iterator[Pim]:
    """A sandbox with units, further languages, and some attributes."""
    with (
        run_in_thread(db=folder / "shop.db", seed=1, generation=generation, languages=("de_DE",)) as sandbox,
        blocking.connect(sandbox.url, username=sandbox.username, password=sandbox.password) as pim,
    ):
        yield pim


def store(pim: Pim, entity: str, *records: dict[str, object]) -> None:
    body = orjson.dumps([{"entity": entity, "payload": one} for one in records])
    answers = pim.loop.wait_for(pim.client.upsert(body, count=len(records)))
    assert [one for one in answers if one.kind.value == "failed"] == []


def attribute(pim: Pim, code: str, kind: str, **more: object) -> None:
    store(pim, "Attribute", {"id": f"a{code}".lower().ljust(24, "0"), "code": code, "name": code, "type": kind,
                             "entityId": "Product", "attributePanelId": "main", **more})  # fmt: skip


def imported(pim: Pim, feed: str, folder: Path) -> Summary:
    return blocking.import_table(None, FEEDS / f"{feed}.yaml", pim, state_dir=folder / "state")


def records(pim: Pim, entity: str, *select: str) -> dict[str, dict[str, object]]:
    keys = ("number", "name") if entity == "Product" else ("name",)
    page = pim.loop.wait_for(pim.client.list(entity, select=(*keys, *select), max_size=200))
    return {str(one.get("number") or one["name"]): dict(one) for one in page.records}


def values(pim: Pim, *attributes: str) -> dict[str, list[object]]:
    table = blocking.export_table("Product", pim, columns=["number", *attributes])
    return {row["number"]: [_plain(row[name]) for name in attributes] for row in table.to_dict("records")}


def _plain(value: object) -> object:
    return None if value is pd.NA else value


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_shop_with_variants_over_several_rows(tmp_path: Path, generation: str) -> None:
    with shop(tmp_path, generation) as pim:
        first = imported(pim, "shopify", tmp_path)
        assert (first.status, first.rows.created, first.rows.read) == ("ok", 6, 6)
        second = imported(pim, "shopify-variants", tmp_path)
        assert (second.status, second.rows.created, second.rows.skipped) == ("ok", 5, 1)
        found = records(
            pim,
            "Product",
            "brandName",
            "tag",
            "description",
            "price",
            "priceUnitName",
            "parentsIds",
            "ean",
            "quantity",
        )
        assert len(found) == 8
        trowel, grey = found["garden-trowel"], found["garden-trowel-large-ash-grey-v"]
        assert (trowel["name"], trowel["brandName"], trowel["description"]) == (
            "Garden Trowel", "Grünwerk", "Forged & oiled.\nAsh handle.",
        )  # fmt: skip
        assert trowel["tag"] == ["garden", "forged"]
        assert (grey["name"], grey["price"], grey["priceUnitName"], grey["ean"], grey["quantity"]) == (
            "Garden Trowel Large Ash Grey", 18.5, "USD", "96385074", 0.0,
        )  # fmt: skip
        assert grey["parentsIds"] == [trowel["id"]]
        assert imported(pim, "shopify", tmp_path).rows.unchanged == 6


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_shop_with_parents_anywhere_paths_and_attribute_pairs(tmp_path: Path, generation: str) -> None:
    with shop(tmp_path, generation) as pim:
        attribute(pim, "color", "varchar")
        attribute(pim, "lengthText", "varchar")
        summary = imported(pim, "woocommerce", tmp_path)
        assert (summary.rows.created, summary.rows.skipped, summary.rows.failed) == (5, 1, 0)
        found = records(pim, "Product", "price", "parentsIds", "categoriesIds", "isActive")
        hose, short = found["HOSE"], found["HOSE-20"]
        assert short["parentsIds"] == [hose["id"]]
        assert (found["CAN-5"]["isActive"], found["CAN-5"]["price"], found["NUT"]["name"]) == (
            False,
            12.0,
            "Nuts, mixed",
        )
        assert values(pim, "color", "lengthText")["HOSE-50"] == ["grey", "50 m"]
        groups = records(pim, "Category", "parentsIds")
        assert set(groups) == {"Garden", "Watering", "Sale", "Fasteners", "Nuts, bolts"}
        assert groups["Watering"]["parentsIds"] == [groups["Garden"]["id"]]


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_price_list_with_units_padding_and_currencies(tmp_path: Path, generation: str) -> None:
    with shop(tmp_path, generation) as pim:
        summary = imported(pim, "price-list", tmp_path)
        assert (summary.rows.created, summary.rows.invalid, summary.rows.skipped) == (3, 1, 1)
        found = records(
            pim,
            "Product",
            "mpn",
            "ean",
            "price",
            "priceUnitName",
            "rrp",
            "rrpUnitName",
            "customsNumber",
            "note",
        )
        screw, plug = found["LF-00004711"], found["LF-12345678"]
        assert {key: screw[key] for key in ("name", "mpn", "ean", "price", "priceUnitName", "rrp", "customsNumber")} == {
            "name": "Sechskantschraube M8 \u00d7 40", "mpn": "00004711", "ean": "0041200000131", "price": 1.2345,
            "priceUnitName": "EUR", "rrp": 2.49, "customsNumber": "73181595",
        }  # fmt: skip
        assert (plug["price"], plug["priceUnitName"], plug["rrpUnitName"], plug["ean"], plug["note"]) == (
            0.098, "CHF", "CHF", None, "Restposten",
        )  # fmt: skip


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_pim_with_languages_and_channels_in_its_headers(tmp_path: Path, generation: str) -> None:
    with shop(tmp_path, generation) as pim:
        attribute(pim, "slogan", "varchar", isMultilang=True)
        attribute(pim, "wattage", "float")
        attribute(pim, "cordless", "bool")
        store(
            pim, "Category", {"code": "power_tools", "name": "Power tools"}, {"code": "sale", "name": "Sale"}
        )
        summary = imported(pim, "akeneo", tmp_path)
        assert (summary.rows.created, summary.rows.failed) == (2, 0)
        found = records(
            pim, "Product", "nameDeDe", "longDescription", "longDescriptionDeDe", "price", "isActive"
        )
        drill = found["drill_12"]
        assert {key: drill[key] for key in ("name", "nameDeDe", "longDescription", "longDescriptionDeDe", "price")} == {
            "name": "Drill 12 V", "nameDeDe": "Bohrer 12 V", "longDescription": "<p>Light.</p>",
            "longDescriptionDeDe": "<p>Leicht.</p>", "price": 89.9,
        }  # fmt: skip
        assert found["saw_70"]["nameDeDe"] is None
        assert values(pim, "slogan", "slogan@de_DE", "wattage", "cordless") == {
            "drill_12": ["Small and strong", "Klein und stark", 120.5, True],
            "saw_70": [None, None, 900.0, False],
        }
        assert imported(pim, "akeneo", tmp_path).rows.unchanged == 2
