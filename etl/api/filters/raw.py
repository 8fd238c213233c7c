"""`--where-json`: conditions as AtroCore takes them, for what the language does not say. Checked too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import orjson

from etl.api.filters.subjects import suggestion
from etl.api.filters.tokens import Place, Source
from etl.api.generations import WIDEST
from etl.api.where import OUTERMOST, WITHOUT_ATTRIBUTE, Condition, Operator, Shape, shape_of

if TYPE_CHECKING:
    from etl.api.generations import Generation
    from etl.api.where import Scalar
    from etl.errors import FilterInvalid
    from etl.schema import EntitySchema, Schema

Raw: TypeAlias = "str | int | float | bool | list[Raw] | dict[str, Raw] | None"

KEYS = ("type", "attribute", "field", "value", "isAttribute", "language", "subQuery", "unitField")
NO_NOT = "Say the opposite: notEquals, notIn, notLike, notLinkedWith, …"
ID_PARTS = ("", "Id", "Ids", "From", "To", "UnitId")


def read_json(
    text: str,
    entity: EntitySchema,
    *,
    schema: Schema,
    where: str = "--where-json",
    generation: Generation = WIDEST,
) -> tuple[Condition, ...]:
    """Return conditions written as JSON: a list of objects with `type`, `attribute`, `value`, `subQuery`, ….

    Operators, shapes of values and names of fields are checked; attributes go by their id (`isAttribute`).

    Raises:
        FilterInvalid: it is no such JSON; says where in it.
    """
    source = Source(text, where)
    try:
        value: Raw = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise source.wrong(
            Place(min(error.pos, max(len(text) - 1, 0)), 1), what=f"this is no JSON: {error.msg}."
        ) from error
    items: Raw = [value] if isinstance(value, dict) else value
    return _Reader(source, schema, generation).conditions(items, "$", entity=entity)


@dataclass(frozen=True, slots=True)
class _Reader:
    source: Source
    schema: Schema
    generation: Generation

    def conditions(
        self, items: Raw, at: str, *, entity: EntitySchema | None, is_beside: bool = True
    ) -> tuple[Condition, ...]:
        if not isinstance(items, list):
            raise self._wrong(at, "a list of conditions is expected")
        return tuple(
            self._condition(one, f"{at}[{n}]", entity=entity, is_beside=is_beside)
            for n, one in enumerate(items)
        )

    def _condition(self, item: Raw, at: str, *, entity: EntitySchema | None, is_beside: bool) -> Condition:
        if not isinstance(item, dict):
            raise self._wrong(
                at, 'an object like {"type": "equals", "attribute": "name", "value": "Oak"} is expected'
            )
        for key in item:
            if key not in KEYS:
                raise self._wrong(
                    f"{at}.{key}", f'"{key}" is no key of a condition', key, suggestion(key, KEYS)
                )
        operator = self._operator(item, f"{at}.type", is_beside=is_beside)
        attribute = item.get("attribute", item.get("field"))
        name = attribute if isinstance(attribute, str) else ""
        is_attribute = item.get("isAttribute") is True
        target: EntitySchema | None = entity
        if operator not in WITHOUT_ATTRIBUTE:
            target = self._target(name, f"{at}.attribute", entity=entity, is_attribute=is_attribute)
        value, subquery = item.get("value"), item.get("subQuery")
        inner: tuple[Condition, ...] = ()
        values: tuple[Scalar, ...] = ()
        unit = ""
        if shape_of(operator) is Shape.CONDITIONS:
            inner = self.conditions(value, f"{at}.value", entity=entity, is_beside=False)
        elif subquery is not None:
            inner = self.conditions(subquery, f"{at}.subQuery", entity=target)
        elif item.get("unitField") is True:
            values, unit = self._amounts(value, f"{at}.value")
        else:
            values = self._values(value, f"{at}.value")
        try:
            return Condition(
                operator,
                name,
                values,
                conditions=inner,
                is_attribute=is_attribute,
                language=str(item.get("language") or ""),
                unit_id=unit,
            )
        except ValueError as error:
            raise self._wrong(at, str(error), operator.value) from error

    def _operator(self, item: dict[str, Raw], at: str, *, is_beside: bool) -> Operator:
        said = item.get("type")
        operators = {one.value: one for one in Operator}
        if said == "not":
            raise self._wrong(at, '"not" finds no record in any AtroCore', said, NO_NOT)
        if not isinstance(said, str) or said not in operators:
            advice = suggestion(str(said or ""), operators)
            raise self._wrong(at, f'"{said}" is no operator', str(said), advice)
        if said in self.generation.dropped:
            raise self._wrong(at, f'this AtroCore does not know "{said}" and would send all records', said)
        if operators[said] in OUTERMOST and not is_beside:
            what = f'"{said}" stands within another condition, where AtroCore drops it'
            raise self._wrong(at, what, said, "Let it stand beside the others.")
        if item.get("unitField") is True and not self.generation.compares_units:
            raise self._wrong(at, "this AtroCore compares no units", said)
        return operators[said]

    def _target(
        self, name: str, at: str, *, entity: EntitySchema | None, is_attribute: bool
    ) -> EntitySchema | None:
        """Return where a link leads; None where it is not known, so that names there cannot be checked."""
        if not name:
            raise self._wrong(at, "an attribute is expected")
        if entity is None or is_attribute:
            return None
        known = {f"{field.name}{part}": field for field in entity.fields.values() for part in ID_PARTS}
        if name not in known:
            raise self._wrong(
                at, f'"{name}" is no field of {entity.name}', name, suggestion(name, entity.fields)
            )
        return self.schema.entities.get(known[name].target or "")

    def _values(self, value: Raw, at: str) -> tuple[Scalar, ...]:
        if value is None:
            return ()
        items = value if isinstance(value, list) else [value]
        found: list[Scalar] = []
        for n, one in enumerate(items):
            if isinstance(one, bool) or not isinstance(one, str | int | float):
                place = f"{at}[{n}]" if isinstance(value, list) else at
                raise self._wrong(place, "a text or a number is expected")
            found.append(one)
        return tuple(found)

    def _amounts(self, value: Raw, at: str) -> tuple[tuple[Scalar, ...], str]:
        pairs = value if isinstance(value, list) and value and isinstance(value[0], list) else [value]
        amounts, units = [], set()
        for pair in pairs:
            if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], int | float):  # noqa: PLR2004  a pair
                raise self._wrong(at, 'an amount and the id of its unit are expected: [10, "kg"]')
            amounts.append(pair[0])
            units.add(str(pair[1]))
        if len(units) != 1:
            raise self._wrong(at, "one unit is expected")
        return tuple(amounts), units.pop()

    def _wrong(self, at: str, what: str, shown: str = "", advice: str = "") -> FilterInvalid:
        offset = max(self.source.text.find(f'"{shown}"'), 0) if shown else 0
        length = len(shown) + 2 if shown else 1
        return self.source.wrong(Place(offset, length), what=f"{at}: {what}.", advice=advice)
