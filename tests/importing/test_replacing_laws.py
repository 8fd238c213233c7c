"""Where empty cells clear, links are replaced and absent records deleted, the last source alone counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from etl import blocking
from etl.planning.guards import Guards, Threshold
from tests.applying.conftest import shop_in
from tests.planning import shop
from tests.planning.test_laws import CELLS, CODES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.applying.conftest import Shop

MAPPING = """\
entity: Item
key: number
on_empty: clear
on_absent: delete
scope: number startsWith '{prefix}'
fields:
  number: number
  note: note
  stock: stock
  weight: weight
  tags: {{column: tags, split: "|"}}
  data: data
  maker: {{column: maker, link: {{by: name, missing: fail}}}}
  shelves: {{column: shelves, split: "|", link: {{by: code, missing: fail}}, links: replace}}
"""
FREE = Guards(
    max_errors=Threshold(), min_rows=Threshold(), max_blanked=Threshold(), max_deletes=Threshold(),
    allows_empty=True,
)  # fmt: skip
COLUMNS = ("note", "stock", "weight", "tags", "data", "maker")
ROW = st.fixed_dictionaries(
    {"number": st.sampled_from("12345")},
    optional={**{name: CELLS[name] for name in COLUMNS}, "shelves": CODES},
)
# One row stays in both: all records of a feed are never deleted.
TABLES = st.lists(ROW, max_size=4, unique_by=lambda row: row["number"]).map(
    lambda rows: [{"number": "0", "note": "stays"}, *rows]
)
QUIET = {
    "deadline": None,
    "phases": (Phase.explicit, Phase.generate),  # shrinking against a server takes minutes
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}


@pytest.fixture(scope="module", params=["2.2"])
def there(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with shop_in(tmp_path_factory.mktemp("replacing"), request.param) as made:
        for name in ("Makita", "Bosch", "Metabo"):
            made.store("Maker", id=name.lower(), name=name)
        for code in ("G1", "G2", "G3", "G4"):
            made.store("Group", id=code.lower(), code=code, name=code)
        yield made


def mapping_of(there: Shop, prefix: str) -> Path:
    path = there.folder / f"{prefix}.yaml"
    path.write_text(MAPPING.format(prefix=prefix), encoding="utf-8")
    return path


def carry(there: Shop, rows: list[dict[str, str]], prefix: str) -> blocking.Summary:
    table = there.table([{**row, "number": f"{prefix}{row['number']}"} for row in rows])
    return blocking.import_table(
        table, mapping_of(there, prefix), there.pim, state_dir=there.state, guards=FREE
    )


def items(there: Shop, prefix: str) -> dict[str, dict[str, object]]:
    found = {}
    for one in there.dump()["Item"].values():
        number = str(one.pop("number"))
        if number.startswith(prefix):
            found[number.removeprefix(prefix)] = {
                k: v if v not in ("", [], {}) else None for k, v in one.items()
            }
    return found


def the_last_source_counts(there: Shop, first, then, example) -> None:
    twice, once = f"t{example}-", f"o{example}-"
    carry(there, first, twice)
    before = items(there, twice)
    done = carry(there, then, twice)
    assert done.rows.bad == 0, done.problems
    carry(there, then, once)
    after = items(there, twice)
    assert after == items(there, once)
    changed = {number for number in before.keys() & after.keys() if before[number] != after[number]}
    assert done.rows.updated == len(changed)
    assert done.records["Item"].deleted == len(before.keys() - after.keys())
    writes = shop.writes(there.sandbox)
    assert carry(there, then, twice).rows.unchanged == len(then)
    assert shop.writes(there.sandbox) == writes


@settings(max_examples=3, **QUIET)
@given(first=TABLES, then=TABLES, example=st.uuids())
def test_after_two_imports_the_server_is_as_after_the_second_alone(there, first, then, example):
    the_last_source_counts(there, first, then, example)


@pytest.mark.parametrize("there", ["2.3"], indirect=True)
def test_options_that_stand_twice_are_no_edit_of_somebody_else(there):
    stays = {"number": "0", "note": "stays"}
    carry(there, [stays, {"number": "1", "tags": "sale|sale|old"}], "twice-")
    assert carry(there, [stays, {"number": "1", "stock": "2"}], "twice-").rows.updated == 1


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("there", shop.ALL, indirect=True)
@settings(max_examples=60, **QUIET)
@given(first=TABLES, then=TABLES, example=st.uuids())
def test_the_last_source_counts_in_every_generation(there, first, then, example):
    the_last_source_counts(there, first, then, example)
