"""What a second import leaves: the server as after a fresh import, by sending the difference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from etl import blocking
from etl.planning.guards import Guards, Threshold
from tests.planning import shop
from tests.planning.test_laws import CELLS, KEYS, Shop, as_said, cells

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

GUARDS = Guards(
    max_deletes=Threshold(), min_rows=Threshold(), max_errors=Threshold(), max_blanked=Threshold()
)
MAPPING = """\
on_empty: clear
on_absent: delete
scope: number startsWith '{prefix}'
entity: Item
key: number
fields:
  number: number
  name: name
  name@de_DE: name_de
  note: note
  stock: stock
  weight: weight
  price: price
  isActive: isActive
  since: since
  moment: moment
  state: state
  tags: {{column: tags, split: "|"}}
  labels: {{column: labels, split: "|"}}
  data: data
  maker: {{column: maker, link: {{by: name}}}}
  groups: {{column: groups, split: "|", link: {{by: code}}, links: replace}}
  shelves: {{column: shelves, split: "|", link: {{by: code}}, links: replace}}
"""
COLUMNS = sorted(set(CELLS) - {"body", "isOpen"})
COMPARED = [key for key in KEYS if key not in ("number", "body", "isOpen")]
ALWAYS = {"number": "0", "name": "in every source: all records are never absent"}
TABLES = st.lists(
    st.fixed_dictionaries(
        {"number": st.sampled_from(["1", "2", "3"])},
        optional={column: cells(column).filter(lambda cell: cell != "NULL") for column in COLUMNS},
    ),
    max_size=3,
    unique_by=lambda row: row["number"],
)


@pytest.fixture(scope="module", params=["2.2"])
def there(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("again")
    with (
        shop.running(folder, request.param) as sandbox,
        blocking.connect(sandbox.url, username=sandbox.username, password=sandbox.password) as pim,
    ):
        made = Shop(sandbox, pim, folder)
        targets = [{"number": "T1", "maker": name, "groups": "G1|G2|G3|G4"} for name in ("Makita", "Bosch")]
        targets.append({"number": "T3", "maker": "Metabo"})
        made.carry(made.table([{**one, "number": f"T{at}"} for at, one in enumerate(targets)]))
        yield made


def imported(there: Shop, prefix: str, rows: list[dict[str, str]]) -> blocking.Summary:
    mapping = there.folder / f"{prefix}.yaml"
    mapping.write_text(MAPPING.format(prefix=prefix), encoding="utf-8")
    own = [{**row, "number": f"{prefix}{row['number']}"} for row in (ALWAYS, *rows)]
    return blocking.import_table(
        there.table(own), mapping, there.pim, state_dir=there.folder / "state", guards=GUARDS
    )


def standing(there: Shop, prefix: str) -> dict[str, dict[str, object]]:
    """The records of a feed without its prefix: number -> payload key -> value."""
    return {
        number.removeprefix(prefix): {key: as_said(one.get(key)) for key in COMPARED}
        for number, one in there.items().items()
        if number.startswith(prefix)
    }


def insist_on_the_law(
    there: Shop, first: list[dict[str, str]], then: list[dict[str, str]], example: UUID
) -> None:
    fresh, again = f"f{example.hex[:8]}-", f"a{example.hex[:8]}-"
    # Where rows are invalid nothing is deleted: the law is about sources that are understood.
    assume(not imported(there, fresh, then).rows.bad)
    imported(there, again, first)
    before = standing(there, again)
    second = imported(there, again, then)
    after = standing(there, again)
    assert after == standing(there, fresh)
    differences = {
        (number, key)
        for number in before.keys() & after.keys()
        for key in COMPARED
        if before[number][key] != after[number][key]
    }
    assert second.records["Item"].created == len(after.keys() - before.keys())
    assert second.records["Item"].deleted == len(before.keys() - after.keys())
    assert second.rows.updated == len({number for number, _ in differences})
    assert sum(second.fields.get("Item", {}).values()) == len(differences)
    sent = shop.writes(there.sandbox)
    third = imported(there, again, then)
    assert shop.writes(there.sandbox) == sent
    assert third.rows.unchanged == third.rows.read


def examples(count: int) -> settings:
    return settings(
        max_examples=count,
        phases=(Phase.explicit, Phase.generate),  # shrinking against a server takes minutes
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@examples(2)
@given(first=TABLES, then=TABLES, example=st.uuids())
def test_a_second_import_leaves_what_a_fresh_one_would_and_sends_only_the_difference(
    there, first, then, example
):
    insist_on_the_law(there, first, then, example)


@pytest.mark.parametrize("there", ["2.3"], indirect=True)
def test_options_that_stand_twice_are_no_edit_of_somebody_else(there):
    imported(there, "twice-", [{"number": "1", "tags": "sale|sale|old"}])
    changed = imported(there, "twice-", [{"number": "1", "stock": "2"}])
    assert (changed.rows.updated, changed.rows.bad) == (1, 0)


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("there", shop.ALL, indirect=True)
@examples(60)
@given(first=TABLES, then=TABLES, example=st.uuids())
def test_many_second_imports_leave_what_fresh_ones_would(there, first, then, example):
    insist_on_the_law(there, first, then, example)
