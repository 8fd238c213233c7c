"""A filter's tree against the instance's schema: into conditions that the server takes as they are meant.

Rule: `not` is pushed down to the conditions and holds for records without a value too, since no AtroCore has
one that works. AtroCore's own `notEquals`, `notIn`, … (also written `!=`) leave records without a value out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from etl.api.filters import comparing
from etl.api.filters.facts import SAVED, Within
from etl.api.filters.grammar import Emptiness, Group, Has, Named, Negation, Test, Truth
from etl.api.filters.subjects import Finder, Subject, Way, suggestion
from etl.api.where import OUTERMOST, Condition, Operator

if TYPE_CHECKING:
    from etl.api.filters.facts import Facts
    from etl.api.filters.grammar import Node, Path
    from etl.api.filters.tokens import Place, Source
    from etl.api.generations import Generation
    from etl.api.where import Scalar
    from etl.errors import FilterInvalid
    from etl.schema import EntitySchema, Schema

O = Operator  # noqa: E741  the tables below are read as tables
# The condition that holds where the other does not, records without a value aside.
OPPOSITE: dict[Operator, Operator] = {
    O.EQUALS: O.NOT_EQUALS, O.ON: O.NOT_ON, O.IN: O.NOT_IN, O.LIKE: O.NOT_LIKE, O.CONTAINS: O.NOT_CONTAINS,
    O.GREATER_THAN: O.LESS_THAN_OR_EQUALS, O.LESS_THAN: O.GREATER_THAN_OR_EQUALS, O.IS_TRUE: O.IS_FALSE,
    O.ARRAY_ANY_OF: O.ARRAY_NONE_OF, O.COLUMN_IN: O.COLUMN_NOT_IN,
}  # fmt: skip
OPPOSITE |= {there: here for here, there in OPPOSITE.items()}
OPPOSITE |= {O.AFTER: O.LESS_THAN_OR_EQUALS, O.BEFORE: O.GREATER_THAN_OR_EQUALS}
# Those that tell records without a value apart already: nothing is to be added.
WHOLE: dict[Operator, Operator] = {
    O.IS_NULL: O.IS_NOT_NULL, O.LINKED_WITH: O.NOT_LINKED_WITH, O.IS_LINKED: O.IS_NOT_LINKED,
    O.ARRAY_IS_EMPTY: O.ARRAY_IS_NOT_EMPTY,
}  # fmt: skip
WHOLE |= {there: here for here, there in WHOLE.items()}
WHOLE |= {O.EVER: O.IS_NULL}
NAMED_FILTERS = {
    "onlyActive": "isActive", "notActive": "isActive", "onlyArchived": "isArchived",
    "onlyMy": "", "ownedByMe": "", "assignedToMe": "",
}  # fmt: skip
"""Name of a filter -> the field that it looks at; one that AtroCore does not know is dropped.

Source: atrocore/atrocore, SelectManagers/Base.php of 1.10.30, 2.1.25 and 2.2.31, `boolFilter…`.
"""
ANCHORED = frozenset({O.STARTS_WITH, O.ENDS_WITH, O.CONTAINS, O.NOT_CONTAINS})


@dataclass(frozen=True, slots=True)
class Binder:
    """Turns trees into conditions for one instance."""

    source: Source
    schema: Schema
    facts: Facts
    generation: Generation

    def bind(  # noqa: PLR0911  one return per form reads best
        self, node: Node, entity: EntitySchema, *, negated: bool = False, is_beside: bool = True
    ) -> Condition:
        """Return one condition for a tree.

        Args:
            is_beside: the condition will stand beside the others of a list, not within `or`.

        Raises:
            FilterInvalid: it names what is not there, or compares what cannot be compared.
        """
        match node:
            case Group(parts, needs_all):
                is_all = needs_all != negated
                bound = [
                    self.bind(one, entity, negated=negated, is_beside=is_beside and is_all) for one in parts
                ]
                return _joined(bound, needs_all=is_all)
            case Negation(part):
                return self.bind(part, entity, negated=not negated, is_beside=is_beside)
            case Truth(path):
                return self._truth(path, entity, negated=negated)
            case Emptiness(path):
                return self._without(self._way(entity, path), negated=negated)
            case Has(path, inner):
                return self._has(path, inner, entity=entity, negated=negated)
            case Named():
                return self._named(node, entity, negated=negated, is_beside=is_beside)
            case Test(path):
                way = self._way(entity, path)
                condition = self._test(node, way.end, negated=negated and not way.hops)
                return self._over(way, condition, negated=negated)

    def _way(self, entity: EntitySchema, path: Path) -> Way:
        return Finder(self.source, self.schema, self.facts).way(entity, path)

    def _over(self, way: Way, condition: Condition, *, negated: bool) -> Condition:
        """Wrap a condition on linked records into one on the records that link to them."""
        for at, hop in reversed(list(enumerate(way.hops))):
            opposite = negated and at == 0
            if hop.field.kind == "links":
                operator = O.NOT_LINKED_WITH if opposite else O.LINKED_WITH
                condition = Condition(operator, hop.field.name, conditions=beside(condition))
                continue
            key = hop.field.payload_key
            condition = Condition(O.NOT_IN if opposite else O.IN, key, conditions=beside(condition))
            if opposite:
                condition = _joined([condition, Condition(O.IS_NULL, key)], needs_all=False)
        return condition

    def _without(self, way: Way, *, negated: bool) -> Condition:
        """Return `is empty`. What stands behind a link that is not there is empty too."""
        if not way.hops or way.hops[0].field.kind == "links":
            condition = self._empty(way.end, negated=negated and not way.hops)
            return self._over(way, condition, negated=negated)
        condition = self._over(way, self._empty(way.end, negated=negated), negated=False)
        if negated:
            return condition
        return _joined([condition, Condition(O.IS_NULL, way.hops[0].field.payload_key)], needs_all=False)

    def _truth(self, path: Path, entity: EntitySchema, *, negated: bool) -> Condition:
        way = self._way(entity, path)
        if way.end.kind not in ("bool", "other"):
            raise self.source.wrong(
                path.place,
                what=f"{path} is {comparing.SPOKEN[way.end.kind]}, and nothing says what it shall be.",
                advice=f"Write for example {path} is not empty.",
            )
        test = Test(path, O.IS_TRUE, (), path.place, "isTrue")
        return self._over(way, self._test(test, way.end, negated=negated and not way.hops), negated=negated)

    def _has(self, path: Path, inner: Node, *, entity: EntitySchema, negated: bool) -> Condition:
        hops = Finder(self.source, self.schema, self.facts).hops(entity, path)
        condition = self.bind(inner, hops[-1].entity)
        return self._over(Way(hops, Subject(str(path), "id", "text")), condition, negated=negated)

    def _test(self, test: Test, subject: Subject, *, negated: bool) -> Condition:
        if subject.kind == "other" and self.facts.open:
            # Not known yet: bound once more when the instance was asked.
            return Condition(O.IS_NULL, "id")
        comparing.check_operator(self.source, test, subject)
        operator = _plain(test, subject)
        if operator in self.generation.dropped:
            raise self._unknown(test.word, test.place)
        test = replace(test, operator=operator)
        if operator in (O.IS_NULL, O.IS_NOT_NULL, O.EVER, O.IS_TRUE, O.IS_FALSE):
            condition = self._condition(subject, operator)
            return self._opposite(condition, subject, place=test.place) if negated else condition
        unit = comparing.unit_of(self.source, test, subject, facts=self.facts)
        if unit and operator is O.IN:
            raise self.source.wrong(test.place, what="a list compares no units.", advice="Use = and or.")
        if unit and not self.generation.compares_units:
            advice = f"Write {subject.label}.unit = … beside the number."
            raise self.source.wrong(test.place, what="this AtroCore compares no units.", advice=advice)
        values = comparing.values_of(self.source, test, subject, facts=self.facts)
        if operator in (O.EQUALS, O.NOT_EQUALS) and len(values) > 1:
            operator = (
                O.IN if operator is O.EQUALS else O.NOT_IN
            )  # an option's name that several options have
        if operator in ANCHORED:
            values = tuple(_literally(str(one)) for one in values)
        condition = self._condition(subject, operator, values=values, unit=unit)
        if unit:
            return self._amount(condition, subject, place=test.place, negated=negated)
        return self._opposite(condition, subject, place=test.place) if negated else condition

    def _amount(self, condition: Condition, subject: Subject, *, place: Place, negated: bool) -> Condition:
        """Return a comparison of amounts: of numbers with a unit alone.

        AtroCore drops the comparison where no record has a unit, and all records come. Source:
        atrocore/atrocore 2.2.31, SelectManagers/Base.php, `convertUnitFieldWhere`.
        """
        key = f"{subject.key}UnitId"
        if negated:
            opposite = self._opposite(condition, subject, place=place)
            return _joined([opposite, Condition(O.IS_NULL, key)], needs_all=False)
        return _joined([condition, Condition(O.IS_NOT_NULL, key)], needs_all=True)

    def _condition(
        self,
        subject: Subject,
        operator: Operator,
        *,
        values: tuple[Scalar, ...] = (),
        unit: str = "",
    ) -> Condition:
        key = subject.attribute_id if subject.is_attribute and operator in comparing.LINKED else subject.key
        if subject.field is not None and subject.kind in ("link", "file") and operator in comparing.LINKED:
            key = subject.field.name
        return Condition(
            operator,
            key,
            values,
            is_attribute=subject.is_attribute,
            language=subject.language if operator not in comparing.LINKED else "",
            unit_id=unit,
        )

    def _opposite(self, condition: Condition, subject: Subject, *, place: Place) -> Condition:
        operator = condition.operator
        absent = (
            [Condition(O.IS_NOT_LINKED, subject.attribute_id, is_attribute=True)]
            if subject.is_attribute
            else []
        )
        if operator in WHOLE:
            needed = absent if operator not in comparing.LINKED else []
            return _joined([_with(condition, WHOLE[operator]), *needed], needs_all=False)
        match operator:
            case O.BETWEEN:
                low, high = condition.values
                parts = [
                    _with(condition, O.LESS_THAN, low),
                    _with(condition, O.GREATER_THAN, high),
                ]
            case O.GREATER_THAN_OR_EQUALS:
                parts = [_with(condition, O.LESS_THAN)]
            case O.LESS_THAN_OR_EQUALS:
                parts = [_with(condition, O.GREATER_THAN)]
            case O.STARTS_WITH:
                parts = [_with(condition, O.NOT_LIKE, f"{condition.values[0]}%")]
            case O.ENDS_WITH:
                parts = [_with(condition, O.NOT_LIKE, f"%{condition.values[0]}")]
            case O.LAST_X_DAYS:
                later = Condition(O.FUTURE, condition.attribute, is_attribute=condition.is_attribute)
                parts = [_with(condition, O.OLDER_THAN_X_DAYS), later]
            case _ if operator in OPPOSITE:
                parts = [_with(condition, OPPOSITE[operator])]
            case _:
                raise self._not_negated(operator, place)
        empty = self._condition(subject, O.COLUMN_IS_NULL if operator in comparing.COLUMNS else O.IS_NULL)
        return _joined([*parts, empty, *absent], needs_all=False)

    def _not_negated(self, operator: Operator, place: Place) -> FilterInvalid:
        return self.source.wrong(
            place,
            what=f'"{operator}" cannot be negated: AtroCore has no "not" that works, and it has no opposite.',
            advice="Say what shall hold instead, for example with dates or other operators.",
        )

    def _unknown(self, word: str, place: Place) -> FilterInvalid:
        what = f'this AtroCore does not know "{word}" and would send all records.'
        return self.source.wrong(place, what=what, advice="Compare in another way.")

    def _empty(self, subject: Subject, *, negated: bool) -> Condition:
        if subject.kind == "links":
            return self._condition(subject, O.IS_LINKED if negated else O.IS_NOT_LINKED)
        if subject.kind in ("array", "multi_enum", "list_options"):
            operator = O.ARRAY_IS_NOT_EMPTY if negated else O.ARRAY_IS_EMPTY
            parts = [self._condition(subject, operator)]
        else:
            parts = [self._condition(subject, O.IS_NOT_NULL if negated else O.IS_NULL)]
            if subject.kind in ("text", "enum") and not subject.key.endswith("Id"):
                operator = O.NOT_EQUALS if negated else O.EQUALS
                parts.append(self._condition(subject, operator, values=("",)))
        if subject.is_attribute and not negated:
            parts.append(Condition(O.IS_NOT_LINKED, subject.attribute_id, is_attribute=True))
        return _joined(parts, needs_all=negated)

    def _named(self, node: Named, entity: EntitySchema, *, negated: bool, is_beside: bool) -> Condition:
        texts = []
        for one in node.values:
            if not isinstance(one.value, str) or not one.value:
                raise self.source.wrong(one.place, what="a text is expected.", advice="Write it in quotes.")
            texts.append(one.value)
        if node.operator in self.generation.dropped:
            raise self._unknown(node.operator, node.place)
        if negated:
            raise self._not_negated(node.operator, node.place)
        if node.operator in OUTERMOST and not is_beside:
            raise self.source.wrong(
                node.place,
                what=f'"{node.operator}" stands within "or", where AtroCore drops it.',
                advice='Let it stand beside the rest, with "and".',
            )
        if node.operator in (O.TEXT_FILTER, O.PRIMARY) and len(texts) > 1:
            raise self.source.wrong(node.place, what=f"{node.operator} takes one text.")
        if node.operator is O.BOOL:
            self._check_filters(node, entity)
        if node.operator is O.SAVED_SEARCH:
            texts = [self._saved(text, entity, place=node.place) for text in texts]
        return Condition(node.operator, values=tuple(texts))

    def _check_filters(self, node: Named, entity: EntitySchema) -> None:
        for one in node.values:
            text = str(one.value)
            if text not in NAMED_FILTERS:
                raise self.source.wrong(
                    one.place,
                    what=f'"{text}" is no filter that is known here.',
                    advice=suggestion(text, NAMED_FILTERS),
                )
            needed = NAMED_FILTERS[text]
            if needed and needed not in entity.fields:
                raise self.source.wrong(one.place, what=f"{entity.name} has no field {needed}.")

    def _saved(self, text: str, entity: EntitySchema, *, place: Place) -> str:
        """Return the id of a saved search; AtroCore drops one that is not there, and all records come."""
        question = Within(entity.name, text)
        if question not in self.facts.saved:
            self.facts.open.add(("saved", question))
            return text
        found = self.facts.saved[question]
        if found is None:
            advice = suggestion(text, self.facts.names.get(SAVED, ()))
            raise self.source.wrong(
                place, what=f'no search "{text}" was saved for {entity.name}.', advice=advice
            )
        return found


def beside(condition: Condition) -> tuple[Condition, ...]:
    """Return a condition as a list of conditions that must all hold."""
    return condition.conditions if condition.operator is O.AND else (condition,)


def _plain(test: Test, subject: Subject) -> Operator:
    """Return the operator that says the same of this field: `= null`, `= true`, `= a day`."""
    value = test.values[0].value if len(test.values) == 1 else ""
    is_equal = test.operator is O.EQUALS
    if test.operator not in (O.EQUALS, O.NOT_EQUALS):
        return test.operator
    if value is None:
        return O.IS_NULL if is_equal else O.IS_NOT_NULL
    if isinstance(value, bool):
        return O.IS_TRUE if is_equal == value else O.IS_FALSE
    if subject.kind == "datetime" and not _has_time(value):
        # `equals` would look for midnight; `on` covers the whole day. Source: api-contract §4.2.
        return O.ON if is_equal else O.NOT_ON
    return test.operator


def _has_time(value: object) -> bool:
    return hasattr(value, "hour") or (isinstance(value, str) and len(value) > len("2026-11-01"))


def _with(condition: Condition, operator: Operator, *values: Scalar) -> Condition:
    return Condition(
        operator,
        condition.attribute,
        values or condition.values,
        conditions=condition.conditions,
        is_attribute=condition.is_attribute,
        language=condition.language,
        unit_id=condition.unit_id,
    )


def _joined(parts: list[Condition], *, needs_all: bool) -> Condition:
    """Return several conditions as one; groups of the same kind within are opened."""
    operator = O.AND if needs_all else O.OR
    flat: list[Condition] = []
    for one in parts:
        flat.extend(one.conditions if one.operator is operator else [one])
    return flat[0] if len(flat) == 1 else Condition(operator, conditions=tuple(flat))


def _literally(text: str) -> str:
    r"""Return a text in which `%`, `_` and `\` mean themselves.

    The server puts its percent signs around it and compares by LIKE, where a backslash takes meaning away.
    Source: AtroCore 2.2, select manager; PostgreSQL and MySQL, LIKE.
    """
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
