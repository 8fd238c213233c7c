"""Law 3 for generated schemas: whatever fields and attributes there are, what is untouched sends nothing."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import openpyxl
import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from etl import aio
from etl.api import connect
from etl.exporting import How, What, mapping_of, run_export
from etl.sandbox import run_in_thread
from etl.sandbox.builtin import builtin_metadata
from etl.sandbox.builtin.notation import read_notation
from etl.sandbox.generations import GENERATIONS
from tests.exporting.conftest import Place
from tests.exporting.test_there_and_back import FLOATS, MAKERS, TEXTS, maybe, stored

if TYPE_CHECKING:
    from pathlib import Path

    from etl.api import Client

MOMENTS = st.datetimes(dt.datetime(1900, 3, 1), dt.datetime(2200, 1, 1)).map(  # noqa: DTZ001  as AtroCore keeps it
    lambda one: one.strftime("%Y-%m-%d %H:%M:%S")
)
DAYS = st.dates(dt.date(1900, 3, 1), dt.date(2200, 1, 1)).map(str)
INTS = st.integers(-(2**31), 2**31 - 1)
OPTIONS = ["o1", "o2", "o3"]
SOME = st.lists(st.sampled_from(OPTIONS), max_size=3, unique=True)
KNOWN = st.sampled_from([f"m{n}" for n in range(len(MAKERS))])
SEVERAL = st.lists(KNOWN, max_size=3, unique=True)
# Type, as the notation writes it -> the values it takes, by the ending of its key.
FIELDS = {
    "varchar": {"": TEXTS}, "varchar multilang": {"": TEXTS, "DeDe": TEXTS}, "text": {"": TEXTS},
    "text multilang": {"": TEXTS, "DeDe": TEXTS}, "wysiwyg": {"": TEXTS}, "markdown": {"": TEXTS},
    "int": {"": INTS}, "float": {"": FLOATS}, "float measure=dimension": {"": FLOATS,
                                                  "UnitId": st.sampled_from(["pixel", "inch"])},
    "bool": {"": st.booleans()}, "date": {"": DAYS}, "datetime": {"": MOMENTS},
    "enum options=red,green,": {"": st.sampled_from(["red", "green"])},
    "multiEnum options=a,b,c": {"": st.lists(st.sampled_from("abc"), max_size=3, unique=True)},
    "array": {"": st.lists(TEXTS.filter(lambda one: len(one) < 100), max_size=3)},
    "jsonObject": {"": st.dictionaries(st.sampled_from("xy"), st.integers(-9, 9))},
    "extensibleEnum list=l1": {"": st.sampled_from(OPTIONS)}, "extensibleMultiEnum list=l1": {"": SOME},
    "link Maker": {"Id": KNOWN}, "many Maker.things ThingMaker": {"Ids": SEVERAL},
}  # fmt: skip
ATTRIBUTES = {
    "varchar": {"": TEXTS}, "text": {"": TEXTS}, "int": {"": INTS}, "float": {"": FLOATS},
    "bool": {"": st.booleans()}, "date": {"": DAYS}, "datetime": {"": MOMENTS},
    # The sandbox refuses a range whose ends are the wrong way round.
    "rangeInt": {"From": INTS.map(lambda one: -abs(one)), "To": INTS.map(abs)},
    "rangeFloat": {"From": FLOATS.map(lambda one: -abs(one)), "To": FLOATS.map(abs)},
    "array": {"": st.lists(TEXTS.filter(lambda one: len(one) < 100), max_size=3)},
    "extensibleEnum": {"": st.sampled_from(OPTIONS)}, "extensibleMultiEnum": {"": SOME},
}  # fmt: skip


@dataclass(frozen=True)
class Shop:
    """What an instance has: types by name, and records of them."""

    fields: dict[str, str]
    attributes: dict[str, str]
    things: list[dict[str, object]]
    products: list[dict[str, object]]

    @property
    def notation(self) -> str:
        lines = [f"  {name} {kind}" for name, kind in self.fields.items()]
        maker = "Maker Base\n  name varchar\n  code varchar unique\n"
        back = next((name for name, kind in self.fields.items() if kind.startswith("many")), "")
        maker += f"  things many Thing.{back} ThingMaker\n" if back else ""
        return "\n".join(["Thing Base", "  name varchar required", "  code varchar unique", *lines, maker])


@st.composite
def shops(draw: st.DrawFn) -> Shop:
    kinds = draw(st.lists(st.sampled_from(sorted(FIELDS)), min_size=8, max_size=14, unique=True))
    fields = {f"f{n}": kind for n, kind in enumerate(kinds)}
    few = draw(st.lists(st.sampled_from(sorted(ATTRIBUTES)), min_size=3, max_size=6, unique=True))
    attributes = {f"a{n}": kind for n, kind in enumerate(few)}

    def records(types: dict[str, str], values: dict[str, dict[str, object]], *, least: int) -> object:
        pairs = [
            (f"{name}{end}", maybe(one)) for name, kind in types.items() for end, one in values[kind].items()
        ]
        return st.lists(st.fixed_dictionaries({}, optional=dict(pairs)), min_size=least, max_size=8)

    return Shop(
        fields,
        attributes,
        draw(records(fields, FIELDS, least=3)),
        draw(records(attributes, ATTRIBUTES, least=2)),
    )


async def filled(pim: Client, shop: Shop) -> None:
    makers = [{"id": f"m{n}", "code": f"m{n}", "name": name} for n, name in enumerate(MAKERS)]
    await stored(pim, "Maker", makers)
    await pim.create("ExtensibleEnum", {"id": "l1", "code": "l1", "name": "List"})
    for n, name in enumerate(["Red", "Blue, dark", "50% \\ off"], start=1):
        option = {"id": f"o{n}", "code": f"o{n}", "name": name, "extensibleEnumsIds": ["l1"]}
        await pim.create("ExtensibleEnumOption", option)
    things = [{"id": f"t{n}", "code": f"t{n}", "name": "T", **one} for n, one in enumerate(shop.things)]
    await stored(pim, "Thing", things)
    code = "systemName" if pim.generation.name == "2.3" else "code"
    is_old = pim.generation.name == "1.10"
    owned = {} if is_old else {"entityId": "Product", "attributePanelId": "attributeValues"}
    ids = []
    for name, kind in shop.attributes.items():
        made = {"id": name, code: name, "name": name, "type": kind, **owned}
        made |= {"extensibleEnumId": "l1"} if kind.startswith("extensible") else {}
        found = await pim.create("Attribute", made)
        ids.append(str(found["id"]))
    if is_old:
        await stored(
            pim, "Product", [{"id": f"p{n}", "sku": f"p{n}", "name": "P"} for n in range(len(shop.products))]
        )
        await stored(pim, "ProductAttributeValue", rows_of(shop))
        return
    await stored(
        pim,
        "Product",
        [{"id": f"p{n}", "number": f"p{n}", "name": "P", "__attributes": ids, **one}
         for n, one in enumerate(shop.products)],
    )  # fmt: skip


def has_values(record: dict[str, object]) -> bool:
    return any(one not in (None, "", []) for one in record.values())


def shown(path: Path) -> bool:
    """Tell whether any attribute has a value in a workbook."""
    head, *rows = openpyxl.load_workbook(path)["Product"].iter_rows(values_only=True)
    places = [at for at, name in enumerate(head) if name != "name" and not name.startswith("_")]
    return any(row[at] is not None for row in rows for at in places)


def rows_of(shop: Shop) -> list[dict[str, object]]:
    """Return the values of attributes as 1.10 keeps them: a record for each."""
    rows = []
    for n, product in enumerate(shop.products):
        for name, kind in shop.attributes.items():
            parts = [f"{name}{end}" for end in ATTRIBUTES[kind]]
            values = {f"value{one.removeprefix(name)}": product[one] for one in parts if one in product}
            if values:
                rows.append({"id": f"p{n}{name}", "productId": f"p{n}", "attributeId": name, **values})
    return rows


async def there_and_back(pim: Client, place: Place, entity: str, *, columns: str, records: int) -> None:
    """Export an entity and import it untouched."""
    path = place.cwd / f"{entity}.xlsx"
    await run_export(What(entity=entity, columns=columns), pim, place=place, how=How(output=path.name))
    mapping = mapping_of(path, url=pim.url, state=place.state)
    await aio.plan(path, mapping, pim, state_dir=place.state, output=place.cwd / "plan.parquet")
    summary = await aio.import_table(path, mapping, pim, state_dir=place.state)
    changes = parquet.read_table(place.cwd / "plan.parquet").to_pylist() if summary.rows.updated else []
    assert summary.rows.unchanged == summary.rows.read == records, (changes, summary.problems[:3])


def proven(shop: Shop, generation: str, folder: Path) -> None:
    folder.mkdir()
    metadata = builtin_metadata(GENERATIONS[generation], ("de_DE",))
    for part, own in read_notation(shop.notation, ("de_DE",)).items():
        metadata[part].update(own)  # type: ignore[union-attr,arg-type]  # objects both
    (folder / "metadata.json").write_bytes(orjson.dumps(metadata))
    place = Place(folder, folder / "state")

    async def run(url: str) -> None:
        async with connect(url, username="admin", password="admin") as pim:
            await filled(pim, shop)
            columns = ["code", "name"]
            for name, kind in shop.fields.items():
                columns += [name, *([f"{name}@de_DE"] if "multilang" in kind else [])]
                columns += [f"{name}.unit"] if "measure" in kind else []
            await there_and_back(pim, place, "Thing", columns=",".join(columns), records=len(shop.things))
            await there_and_back(
                pim, place, "Product", columns="name,attributes.*", records=len(shop.products)
            )
            assert shown(place.cwd / "Product.xlsx") or not any(map(has_values, shop.products))

    given = {"db": folder / "s.db", "seed": 1, "metadata": folder / "metadata.json", "languages": ("de_DE",)}
    with run_in_thread(**given, generation=generation) as sandbox:
        asyncio.run(run(sandbox.url))


def prove(generation: str, folder: Path, *, examples: int) -> None:
    numbers = itertools.count()

    @settings(max_examples=examples, deadline=None, phases=[Phase.explicit, Phase.generate], database=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(shops())
    def each(shop: Shop) -> None:
        proven(shop, generation, folder / str(next(numbers)))

    each()


@pytest.mark.parametrize("generation", sorted(GENERATIONS))
def test_an_untouched_workbook_of_any_schema_sends_nothing(generation: str, tmp_path: Path):
    prove(generation, tmp_path, examples=2)


@pytest.mark.soak
@pytest.mark.timeout(600)  # dozens of sandboxes, one after the other
@pytest.mark.parametrize("generation", sorted(GENERATIONS))
def test_an_untouched_workbook_of_very_many_schemas_sends_nothing(generation: str, tmp_path: Path):
    prove(generation, tmp_path, examples=25)
