# ruff: noqa: E501  whole messages are compared, as a person reads them
"""Cells that come typed, from workbooks and Parquet, and the odd texts beside them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pytest

from etl.model import Frame
from etl.problems import say

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.mapping import Rules

HEAD = "entity: Tool\nkey: number\nfields:\n  number: No\n  name: {constant: x}\n"


def typed(cells: pa.Array) -> Frame:
    numbers = pa.array(range(2, 2 + len(cells)), pa.int64())
    data = {"No": pd.array([str(n) for n in range(len(cells))], pd.ArrowDtype(pa.string()))}
    return Frame(
        pd.DataFrame({**data, "A": pd.array(cells, pd.ArrowDtype(cells.type))}), numbers, "x.parquet"
    )


@pytest.mark.parametrize(
    ("field", "cells", "values"),
    [
        ("since", pa.array([date(2025, 12, 31), None]), ["2025-12-31", None]),
        ("since", pa.array([datetime(2025, 12, 31, tzinfo=UTC).replace(tzinfo=None)]), ["2025-12-31"]),
        ("moment", pa.array([date(2025, 12, 31)]), ["2025-12-31 00:00:00"]),
        ("moment", pa.array([datetime(2025, 7, 1, 12, tzinfo=UTC)], pa.timestamp("us", "Europe/Berlin")),
         ["2025-07-01 12:00:00"]),
        ("moment", pa.array(["2025-07-01T12:00:00.123+0200", "2025-07-01 12:00"]),
         ["2025-07-01 10:00:00", "2025-07-01 12:00:00"]),
        ("text", pa.array([date(2025, 12, 31)]), ["2025-12-31"]),
        ("text", pa.array([True, None]), ["true", None]),
        ("text", pa.array([1e21, 0.1, 4006381333931.0]), ["1000000000000000000000", "0.1", "4006381333931"]),
        ("text", pa.array(["a", None, "a"]).dictionary_encode(), ["a", None, "a"]),
        ("text", pa.array(["a", " "], pa.large_string()), ["a", None]),
        ("text", pa.array([12345678901234567890], pa.decimal128(20)), ["12345678901234567890"]),
        ("stock", pa.array([12.0, None]), [12, None]),
        ("isActive", pa.array([1, 0]), [True, False]),
        ("labels", pa.array([["a", " "], [], None], pa.list_(pa.string())), [["a"], None, None]),
        ("data", pa.array(['{"a": 1}']), ['{"a":1}']),
        ("data", pa.array([{"a": [1, 2], "b": "x"}, None]), ['{"a":[1,2],"b":"x"}', None]),
        ("text", pa.array([["a", "b"], None]), ['["a","b"]', None]),
    ],
)  # fmt: skip
def test_typed_cells_become_values(
    rules: Callable[..., Rules], field: str, cells: pa.Array, values: list[object]
) -> None:
    payloads = rules(f"{HEAD}  {field}: A\n", {"No": [], "A": []}).translate(typed(cells))
    assert [say(one) for one in payloads.problems] == []
    made = payloads.columns[field]
    assert (made.storage if isinstance(made, pa.ExtensionArray) else made).to_pylist() == values


@pytest.mark.parametrize(
    ("field", "cells", "said"),
    [
        ("since", pa.array([datetime(2025, 12, 31, 8, tzinfo=UTC).replace(tzinfo=None)]),
         '"2025-12-31 08:00:00" is not a date like a day without a time. Correct the cell, or set source.date.'),
        ("moment", pa.array(["2025-13-01T00:00:00"]),
         '"2025-13-01T00:00:00" is not a date like YYYY-MM-DD HH:mm:ss. Correct the cell, or set source.date.'),
        ("stock", pa.array([12.5]), '"12.5" is not a whole number. Write a whole number, or map to another field.'),
        ("price", pa.array([float("inf")]), '"inf" is outside what numbers can be. Correct the cell.'),
        ("price", pa.array([True]), '"true" is not a number. Correct the cell.'),
    ],
)  # fmt: skip
def test_typed_cells_of_another_kind_are_problems(
    rules: Callable[..., Rules], field: str, cells: pa.Array, said: str
) -> None:
    payloads = rules(f"{HEAD}  {field}: A\n", {"No": [], "A": []}).translate(typed(cells))
    assert [say(one) for one in payloads.problems] == [said]


def test_patterns_beyond_arrows_engine_are_matched_too() -> None:
    from etl.mapping.convert.texts import matches  # noqa: PLC0415

    texts = pa.array(["aa", "ab", None])
    assert matches(texts, r"/^(a)\1$/").to_pylist() == [True, False, None]
    assert matches(texts, "/^A/i").to_pylist() == [True, True, None]
    assert matches(texts, "/(/").to_pylist() == [True, True, None]
