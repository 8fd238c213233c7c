"""Laws of plans that are carried out: apply is what import is, and an undo leaves nothing of either."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from etl import blocking
from etl.planning.guards import Guards, Threshold
from tests.applying.conftest import shop_in
from tests.planning import shop
from tests.planning.test_laws import TABLES, as_said

QUIET = {
    "deadline": None,
    "phases": (Phase.explicit, Phase.generate),  # shrinking against a server takes minutes
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}


@pytest.fixture(scope="module", params=["2.2"])
def there(request, tmp_path_factory):
    with shop_in(tmp_path_factory.mktemp("laws"), request.param) as made:
        yield made


def own(rows, prefix):
    return [{**row, "number": f"{prefix}{row['number']}"} for row in rows]


def items(there, prefix):
    """What stands of the records of a prefix: number without it -> values."""
    found = {}
    for one in there.dump()["Item"].values():
        number = str(one.pop("number"))
        if number.startswith(prefix):
            found[number.removeprefix(prefix)] = {key: as_said(value) for key, value in one.items()}
    return found


def apply_equals_import_and_undo_leaves_nothing(there, first, then, example):
    imported, applied = f"{example}-i-", f"{example}-a-"
    for prefix in (imported, applied):
        there.carry(own(first, prefix), guards=shop_guards())
    before = items(there, imported)
    done = there.carry(own(then, imported), guards=shop_guards())
    plan = there.plan(own(then, applied))
    sent = there.apply(plan.file)
    assert sent.rows == plan.summary.rows == done.rows
    assert items(there, applied) == items(there, imported)
    assert not there.plan(own(then, applied)).has_changes
    for run in (sent.run, done.run):
        undone = blocking.undo(run, there.pim, state_dir=there.state, deletes_created=True)
        assert undone.rows.bad == 0, undone.problems
    assert items(there, applied) == items(there, imported) == before


def shop_guards():
    """Tables of a law are as short as they like."""
    return Guards(min_rows=Threshold(), allows_empty=True)


@settings(max_examples=2, **QUIET)
@given(first=TABLES, then=TABLES, example=st.uuids())
def test_apply_does_what_import_does_and_undo_takes_it_back(there, first, then, example):
    apply_equals_import_and_undo_leaves_nothing(there, first, then, example)


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("there", shop.ALL, indirect=True)
@settings(max_examples=60, **QUIET)
@given(first=TABLES, then=TABLES, example=st.uuids())
def test_apply_and_undo_in_every_generation(there, first, then, example):
    apply_equals_import_and_undo_leaves_nothing(there, first, then, example)
