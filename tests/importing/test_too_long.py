"""Texts that are longer than AtroCore takes: told with their length before anything is sent."""

from __future__ import annotations

import pytest

from etl.schema import read_metadata


@pytest.mark.parametrize("sandbox", ["1.10", "2.1"], indirect=True)
async def test_a_text_that_is_longer_than_its_column_is_told_and_nothing_of_it_is_sent(carry, pim):
    mapping = "entity: Brand\nkey: code\nfields: {code: C, name: N}\n"
    summary = await carry(mapping, "C,N", f"a,{'ü' * 255}", f"b,{'ü' * 256}")
    assert (summary.rows.created, summary.rows.invalid, summary.rows.failed) == (1, 1, 0)
    (problem,) = summary.problems
    assert (problem.code, problem.row, problem.column) == ("too_long", 3, "N")
    assert problem.message == "the text has 256 characters, name takes 255. Shorten it."
    assert await pim.total("Brand") == 1


@pytest.mark.parametrize(
    ("said", "longest"),
    [
        ({"type": "varchar"}, 255),
        ({"type": "varchar", "maxLength": "45"}, 45),
        ({"type": "varchar", "maxLength": 300, "len": 100}, 100),
        ({"type": "text"}, None),
        ({"type": "text", "maxLength": 1000}, 1000),
    ],
)
def test_a_field_takes_what_atrocore_checks_or_less_where_its_column_is_narrower(said, longest):
    schema = read_metadata({"entityDefs": {"Brand": {"fields": {"name": said}}}, "scopes": {}})
    assert schema.entity("Brand").fields["name"].max_length == longest
