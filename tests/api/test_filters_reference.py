"""The reference of filters: every example in it is read, and it names every operator."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from etl.api.filters import read_filter, read_json
from etl.api.filters.facts import Facts, Within
from etl.api.where import Operator
from etl.sandbox.builtin import builtin_metadata
from etl.sandbox.generations import GENERATIONS
from etl.schema import read_metadata

TEXT = (Path(__file__).parents[2] / "mappings" / "FILTERS.md").read_text(encoding="utf-8")
METADATA = builtin_metadata(GENERATIONS["2.2"], languages=("de_DE",))
# A field that shows a column of a relation; the built-in schema has none.
METADATA["entityDefs"]["Product"]["fields"]["shelf"] = {
    "type": "varchar", "notStorable": True, "link": "categories", "column": "shelf",
}  # fmt: skip
SCHEMA = read_metadata(METADATA)
PRODUCT = SCHEMA.entity("Product")


def examples() -> list[str]:
    """Return the examples of both tables."""
    rows = [line for line in TEXT.splitlines() if line.startswith("| ") and not line.startswith("| rule")]
    found = []
    for row in rows:
        cells = row.split("|")
        cell = cells[1] if row.count("|") == 3 and cells[1].strip().startswith("`") else cells[2]
        found += re.findall(r"`([^`]+)`", cell)
    return found


@pytest.mark.parametrize("text", examples())
def test_an_example_of_the_reference_is_a_filter(text: str):
    facts = Facts(units={Within("currency", "EUR"): "EUR"}, saved={Within("Product", "Dear ones"): "s1"})
    assert read_filter(text, PRODUCT, schema=SCHEMA, facts=facts)
    assert not facts.open


def test_the_reference_names_every_operator_that_can_be_said():
    words = set(re.findall(r"[A-Za-z]+", TEXT))
    unsaid = {Operator.AND, Operator.OR}
    signs = {Operator.EQUALS, Operator.NOT_EQUALS, Operator.GREATER_THAN, Operator.LESS_THAN,
             Operator.GREATER_THAN_OR_EQUALS, Operator.LESS_THAN_OR_EQUALS, Operator.IS_NULL,
             Operator.IS_TRUE, Operator.IS_FALSE}  # fmt: skip
    assert {one.value for one in set(Operator) - unsaid - signs} <= words


def test_the_raw_form_of_the_reference_is_read():
    raw = re.search(r"`(\[\{.*?\}\])`", TEXT)
    assert raw is not None
    assert read_json(raw[1], PRODUCT, schema=SCHEMA)
