"""The language of `--where`: text into conditions that AtroCore takes, all else refused with its place.

AtroCore drops operators it does not know without a word, and then all records come. So nothing is sent that
was not understood here: fields, attributes, operators, options and units are looked up, values must have the
type of their field.
`mappings/FILTERS.md` has an example of each rule; `grammar` has the form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from etl.api.filters.binding import Binder, beside
from etl.api.filters.facts import Facts, answer, without_answers
from etl.api.filters.grammar import parse
from etl.api.filters.raw import read_json
from etl.api.filters.tokens import Source
from etl.api.generations import WIDEST

if TYPE_CHECKING:
    from etl.api.client import Client
    from etl.api.generations import Generation
    from etl.api.where import Condition
    from etl.schema import EntitySchema, Schema

__all__ = ["check_filter", "read_filter", "read_json", "to_where"]

ROUNDS = 4
"""Attributes first, then what their types lead to; more rounds than kinds of questions are never needed."""


async def to_where(
    client: Client, text: str, *, entity: EntitySchema, schema: Schema, where: str = "--where"
) -> tuple[Condition, ...]:
    """Return a filter as conditions; empty where the text is blank: every record.

    Asks the instance for the attributes, units and options that the filter names, and for nothing else.

    Args:
        where: what messages call the place of the text, for example `mappings/products.yaml: export.where`.

    Raises:
        FilterInvalid: with the place of the first thing that is wrong.
        RequestFailed, NoAccess: see `Client.ask`.
    """
    facts = Facts()
    for _ in range(ROUNDS):
        found = read_filter(
            text, entity, schema=schema, facts=facts, where=where, generation=client.generation
        )
        if not facts.open:
            break
        await answer(facts, client, schema=schema)
    return found


def read_filter(
    text: str,
    entity: EntitySchema,
    *,
    schema: Schema,
    facts: Facts | None = None,
    where: str = "--where",
    generation: Generation = WIDEST,
) -> tuple[Condition, ...]:
    """Return a filter as conditions, by what is known of the instance; for `to_where`, and for tests.

    Args:
        facts: attributes, units and options known so far; what is not known yet is noted there, and the
            conditions are then not to be used.
        generation: of the server; what it does not know is refused.

    Raises:
        FilterInvalid: with the place of the first thing that is wrong.
    """
    source = Source(text, where)
    tree = parse(source)
    if tree is None:
        return ()
    known = facts if facts is not None else Facts()
    condition = Binder(source, schema, known, generation).bind(tree, entity)
    if facts is None and known.open:
        # Nobody will ask: what is not known counts as not there, and is refused.
        condition = Binder(source, schema, without_answers(known), generation).bind(tree, entity)
    return beside(condition)


def check_filter(text: str, where: str = "--where") -> None:
    """Refuse a filter whose form is wrong, without knowing the instance.

    Raises:
        FilterInvalid: with the place of the first thing that is wrong.
    """
    parse(Source(text, where))
