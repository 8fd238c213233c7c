# ruff: noqa: E501  a mapping and odd cells are read across
"""Whatever stands in the cells: every row ends in one place, and nothing but problems comes of bad cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl import mapping as language
from etl.problems import is_error, say
from tests.mapping.conftest import frame

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from etl.schema import Schema

MAPPING = """
entity: Tool
key: [number, stock]
source: {number: {decimal: ",", thousands: " "}, date: [DD.MM.YYYY, D/M/YY]}
markers: {clear: ["NULL"], skip: ["--"], unassign: ["N/A"]}
rows:
  where: "row.A != 'gone'"
  group: %s
  fill_down: {within: G, columns: [B]}
fields:
  number: {first_of: [A, {columns: [B, C], join: "-", slug: true}]}
  name: {column: B, case: title, required: true, on_error: skip_field}
  stock: {column: C, default: 0}
  price: {column: A, measure: {default: EUR}, divide_by: 3, round: 2}
  weight: {column: B, unit: {column: C}, check: {min: 1}}
  size: {column: A, range: "-"}
  isActive: {column: B, values: {x: true, y: false, z: null}, else: skip}
  since: A
  moment: {column: B, date: {formats: [YYYY-MM-DD HH:mm], zone: Europe/Berlin}}
  state: {column: C, when: "row.B == 'x'"}
  tags: {column: A, split: {by: ",", escape: "\\\\"}, on_empty: clear}
  labels: {column: C, split: "|", default: none}
  data: B
  ean: {column: C, pad: {to: 13}, check: gtin}
  text: {expr: "row.A ~ row.B * 2"}
  brand: {column: A, link: {by: [name, code], delimiter: "/"}}
  parents: {column: B, split: ",", link: {by: number, path: ">"}}
  colour: {column: C, html: to_text, link: {by: name}}
  categories:
    each: {column: B, split: ",", unique: true, order_by: C}
    link: {by: code}
    with: {sorting: {expr: item.index}, mainGroup: {column: A}}
attributes:
  one: {column: A, type: float}
  two@de_DE[kg]: B
associations: {upsell: {column: C, split: ",", by: number}}
"""
ODD = ["", " ", "1 234,5", "12,5 kg", "NULL", "--", "N/A", "gone", "31.02.2025", "1/2/25", "x", "y", "z", "a,b\\,c", "1-2",
       "2-1", "4006381333931", "{}", "<p>", "a/b", "0", "1e400", "\u2212 5", "\x00", "Ä\u0308", "9" * 400, "2025-12-31 10:00"]  # fmt: skip
CELL = st.none() | st.sampled_from(ODD) | st.text(max_size=6)
BOUND: dict[str, language.Rules] = {}
ROWS = st.lists(st.tuples(CELL, CELL, CELL, st.sampled_from(["g", "h", None])), min_size=1, max_size=6)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rows=ROWS, groups=st.sampled_from(["G", "[G, A]"]))
def test_every_row_ends_in_exactly_one_place(
    write: Callable[..., Path], schema: Schema, rows: list[tuple[str | None, ...]], groups: str
) -> None:
    columns = dict(zip("ABCG", map(list, zip(*rows, strict=True)), strict=True))
    if groups not in BOUND:
        mapping = language.load(write(MAPPING % groups))
        BOUND[groups] = language.bind(mapping, header=tuple(columns), schema=schema)
    rules = BOUND[groups]
    whole = frame(columns)
    payloads = rules.translate(whole)
    heads = payloads.numbers.to_pylist()
    sent = {row for head in heads for row in payloads.members.get(head, (head,))}
    assert sorted([*sent, *payloads.invalid, *payloads.skipped]) == whole.numbers.to_pylist()
    lengths = {len(one) for one in payloads.columns.values()} | {len(one.texts) for one in payloads.links}
    assert lengths | {len(one.values) for one in payloads.attributes} == {len(payloads)}
    assert {one.row for one in payloads.problems if is_error(one)} <= payloads.invalid
    assert all(say(one) for one in payloads.problems)
    assert all(0 <= owner < len(payloads) for one in payloads.relations for owner in one.owners.to_pylist())
    keys = rules.keys(whole)
    assert len(keys) == len(whole)
    by_row = dict(zip(whole.numbers.to_pylist(), keys.to_pylist(), strict=True))
    assert payloads.keys.to_pylist() == [by_row[head] for head in heads]


def test_typed_columns_of_a_workbook_are_taken_by_every_field(
    write: Callable[..., Path], schema: Schema
) -> None:
    mapping = language.load(write(MAPPING % "G"))
    for cells in ([1, None], [1.5, None], [True, None], [None, None]):
        columns = {"A": cells, "B": cells, "C": cells, "G": ["g", "h"]}
        rules = language.bind(mapping, header=tuple(columns), schema=schema)
        payloads = rules.translate(frame(columns))
        assert len(payloads) + len(payloads.invalid) + len(payloads.skipped) == 2
    days = pa.array(["2025-12-31", None]).cast(pa.date32()).to_pylist()
    columns = {"A": days, "B": days, "C": days, "G": ["g", "h"]}
    payloads = language.bind(mapping, header=tuple(columns), schema=schema).translate(frame(columns))
    assert len(payloads) + len(payloads.invalid) + len(payloads.skipped) == 2
