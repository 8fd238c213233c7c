"""A sandbox of the invented entities, and what tests do there: import, plan, apply, dump."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from etl import blocking
from tests.planning import shop

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from etl.blocking import Pim
    from etl.report import Summary
    from etl.report.foreseen import Foreseen
    from etl.sandbox import Sandbox

KEYS = {
    "Item": ("number", "name", "nameDeDe", "note", "body", "stock", "weight", "price", "isActive", "isOpen",
             "since", "moment", "state", "tags", "labels", "data", "makerId", "groupsIds", "shelvesIds"),
    "Maker": ("name",),
    "Group": ("name", "code"),
}  # fmt: skip
"""Entity -> what a dump holds of it: all that can be sent."""


class Shop:
    """A sandbox, somebody signed in there, and the files of the tests."""

    def __init__(self, sandbox: Sandbox, pim: Pim, folder: Path) -> None:
        self.sandbox, self.pim, self.folder = sandbox, pim, folder
        self.mapping = shop.write_mapping(folder / "items.yaml")
        self.state = folder / "state"

    def table(self, rows: Sequence[Mapping[str, str]]) -> Path:
        return shop.write_table(self.folder / "items.csv", rows)

    def carry(self, rows: Sequence[Mapping[str, str]], **options: object) -> Summary:
        table = self.table(rows)
        return blocking.import_table(table, self.mapping, self.pim, state_dir=self.state, **options)

    def plan(self, rows: Sequence[Mapping[str, str]]) -> Foreseen:
        return blocking.plan(self.table(rows), self.mapping, self.pim, state_dir=self.state)

    def apply(self, plan: Path | str, **options: object) -> Summary:
        return blocking.apply(plan, self.pim, state_dir=options.pop("state", self.state), **options)

    def store(self, entity: str, **fields: object) -> None:
        """Store a record as somebody else would."""
        shop.store(self.pim, entity, [fields])

    def dump(self) -> dict[str, dict[str, dict[str, object]]]:
        """All records of the invented entities, by id, links in one order."""

        async def read() -> dict[str, dict[str, dict[str, object]]]:
            found = {}
            for entity, keys in KEYS.items():
                pages = self.pim.client.pages(entity, select=keys)
                found[entity] = {
                    str(one["id"]): {key: _plain(key, one.get(key)) for key in keys}
                    async for page in pages
                    for one in page.records
                }
            return found

        return self.pim.loop.wait_for(read())


def _plain(key: str, value: object) -> object:
    return sorted(value or []) if key.endswith("Ids") else value


@contextmanager
def shop_in(folder: Path, generation: str = "2.2") -> Iterator[Shop]:
    """Run a sandbox in a folder of its own."""
    folder.mkdir(exist_ok=True)
    with (
        shop.running(folder, generation) as sandbox,
        blocking.connect(sandbox.url, username=sandbox.username, password=sandbox.password) as pim,
    ):
        yield Shop(sandbox, pim, folder)


@pytest.fixture
def there(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Shop]:
    """A shop of a generation; 2.2 unless the test says otherwise."""
    with shop_in(tmp_path, getattr(request, "param", "2.2")) as made:
        yield made
