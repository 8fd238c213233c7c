"""Another import of the same rows at the same time: its records are found, not called renamed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from etl.model import LinkTarget, LinkTexts, Missing, Payloads
from etl.resolving import LinkFinder, RecordFinder
from etl.resolving.keys import own_id
from etl.schema import read_metadata

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from etl.api import Client

BRAND = LinkTarget("brand", "brandId", "Brand", "name", is_multiple=False, missing=Missing.CREATE)
CATEGORY = LinkTarget(
    "categories", "categoriesIds", "Category", "name", is_multiple=True, missing=Missing.CREATE, path=">"
)


async def asked_while(client: Client, target: LinkTarget, text: str, *, other: Coroutine[None, None, object]):
    """Prepare a finder, let the other import write, then ask for a text."""
    finder = LinkFinder(client, [target], schema=read_metadata(await client.metadata()))
    await finder.prepare()
    await other
    texts = pa.array([[text]] if target.is_multiple else [text])
    links = LinkTexts(target, "Column", texts)
    await finder.ask(links)
    return finder.ids(links, file="f.csv", sheet=None, numbers=pa.array([2]))


@pytest.fixture
def made_by_other():
    return own_id("Brand", ("name",), key="Acme")


@pytest.mark.parametrize("called", ["Acme", "Acme Inc."])
async def test_a_target_made_by_another_import_is_linked_and_a_renamed_one_is_not(pim, made_by_other, called):
    other = pim.create("Brand", {"id": made_by_other, "name": called})
    found = await asked_while(pim, BRAND, "Acme", other=other)
    if called == "Acme":
        assert (found.ids.to_pylist(), found.problems) == ([made_by_other], ())
    else:
        assert found.ids.to_pylist() == [None]
        assert [one.code for one in found.problems] == ["blocked_renamed"]


@pytest.mark.parametrize("is_moved", [False, True])
async def test_a_step_of_a_path_made_by_another_import_is_the_one_below_the_same_parent(pim, is_moved):
    above = own_id("Category", ("name", "path"), key="Tools")
    below = own_id("Category", ("name", "path"), key="Tools\x1fSaws")

    async def other() -> None:
        await pim.create("Category", {"id": above, "name": "Tools"})
        parents = [] if is_moved else [above]
        await pim.create("Category", {"id": below, "name": "Saws", "parentsIds": parents})

    found = await asked_while(pim, CATEGORY, "Tools > Saws", other=other())
    assert [one.code for one in found.problems] == (["blocked_renamed"] if is_moved else [])
    assert found.ids.to_pylist() == [[] if is_moved else [below]]


class _Between:
    """Lets the other import write between the look-up by key and the one by own id."""

    def __init__(self, client: Client, other: Coroutine[None, None, object]) -> None:
        self._client, self._other = client, other

    def __getattr__(self, name: str) -> object:
        return getattr(self._client, name)

    async def look_up(self, entity: str, field: str, values: list[str], **named: object) -> object:
        if field == "id":
            await self._other
        return await self._client.look_up(entity, field, values, **named)


@pytest.mark.parametrize("number", ["7", "8"])
async def test_a_record_made_by_another_import_is_found_and_a_renamed_one_is_blocked(pim, tmp_path, number):
    ours = own_id("Product", ("number",), key="7")
    between = _Between(pim, pim.create("Product", {"id": ours, "number": number, "name": "x"}))
    finder = RecordFinder(
        between, "Product", key_fields=("number",), select=("name",), folder=tmp_path, salt=""
    )
    keys = pa.array(["7"])
    found = await finder.find(
        Payloads("Product", "f.csv", None, pa.array([2]), keys, {"number": keys}, {"number": keys})
    )
    assert found.ids == [ours]
    assert [one.code for one in found.blocked.values()] == ([] if number == "7" else ["blocked_renamed"])
