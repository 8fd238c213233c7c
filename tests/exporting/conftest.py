"""A place for runs, and a small shop in the sandbox."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson
import pytest

from etl.exporting import How, What, run_export
from etl.runs import RunLock, run_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from etl.api import Client
    from etl.report import Summary
    from etl.runs import Run


@dataclass(frozen=True)
class Place:
    """Where exports of a test lie."""

    cwd: Path
    state: Path
    numbers: itertools.count = field(default_factory=itertools.count)
    version: str = "test"
    profile: str = ""
    begins: Callable[[Run], None] = lambda _: None

    def now(self) -> datetime:
        return datetime(2026, 11, 21, 20, 0, tzinfo=UTC)

    def chance(self) -> int:
        return next(self.numbers)

    def command(self, *words: str) -> str:
        return " ".join(["atro-etl", *words])

    def kept(self) -> dict[str, object]:
        return {"cwd": str(self.cwd)}

    def lock(self, run: str) -> RunLock:
        return RunLock(self.state, [run_name(run)], run=run, now=self.now)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, tmp_path / "state")


@pytest.fixture
def export(place: Place, pim: Client) -> Callable[..., object]:
    """Export with the arguments of `What` and `How` together; returns the summary."""

    async def run(output: str, *, how: dict[str, object] | None = None, **what: object) -> Summary:
        return await run_export(What(**what), pim, place=place, how=How(output=output, **(how or {})))

    return run


PRODUCTS = 230


@pytest.fixture
async def shop(sandbox: object, pim: Client) -> Client:
    """Five brands and categories, products on two pages; in 1.10 no product has a category: no catalog."""
    is_old = sandbox.options.generation == "1.10"
    items = [
        {
            "entity": entity,
            "payload": {"id": f"{letter}{n}", "code": f"{letter}{n}", "name": f"{entity}, {n}"},
        }
        for entity, letter in (("Brand", "b"), ("Category", "k"))
        for n in range(5)
    ]
    for n in range(PRODUCTS):
        payload = {
            "id": f"p{n:04}",
            "sku" if is_old else "number": f"N{n}",
            "name": f"Pröd {n}",
            "price": n * 1.5,
            "priceUnitId": "EUR",
            "isActive": n % 2 == 0,
            "brandId": f"b{n % 5}",
            "tag": ["x", "y, z"],
        }
        if not is_old:
            payload["categoriesIds"] = [f"k{n % 5}", f"k{(n + 1) % 5}"]
        items.append({"entity": "Product", "payload": payload})
    answers = await pim.upsert(orjson.dumps(items), count=len(items))
    assert {one.kind for one in answers} == {"created"}
    return pim
