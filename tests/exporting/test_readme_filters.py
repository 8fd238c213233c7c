"""The filters of the README find among the samples what it says they find."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from etl import aio
from etl.exporting import What, read_table
from tests.house.tree import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from etl.api import Client

ROW = re.compile(r"^\| `(?P<filter>.+)` \| (?P<count>\d+) \|$", re.MULTILINE)


async def test_each_filter_of_the_readme_finds_as_many_samples_as_it_says(pim: Client, tmp_path: Path):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    told = {one["filter"]: int(one["count"]) for one in ROW.finditer(text)}
    assert len(told) == 10
    for mapping in ("brands", "categories", "products"):
        await aio.import_table(None, ROOT / "mappings" / f"{mapping}.yaml", pim, state_dir=tmp_path)
    found = {one: len(await read_table(What(entity="Product", columns="id", where=one), pim)) for one in told}
    assert found == told
