"""A first mapping from the header of a file, some of its cells, and a schema. Proposes; a person decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from rapidfuzz import fuzz

from etl.mapping.convert.converters import LINKS, LISTS
from etl.mapping.convert.texts import matches
from etl.mapping.evidence import MOST, Evidence, evidence_of
from etl.mapping.fitting import FILE, link_entity, writable
from etl.mapping.glossary import meaning_of, simplified, words
from etl.mapping.writing import quoted, written_number

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from etl.schema import EntitySchema, FieldSchema, Schema

LEAST = 60.0
"""Score below which nothing is proposed."""
SURE = 90.0
HALF = 0.5
NAMED = 75.0
"""Score of a link whose targets bear the names in the column, whatever the column is called."""
OWN = frozenset(
    {"id", "ownerUser", "assignedUser", "teams", "sortOrder", "children", "createdAt", "modifiedAt"}
)
"""Fields that a feed seldom fills: proposed only where the header says the very name."""
KEYS = ("number", "sku", "code", "ean", "externalId", "name")
"""Fields that tell records apart, best first."""


@dataclass(frozen=True, slots=True)
class Guess:
    """A column and the field it probably is."""

    column: str
    field: FieldSchema | None
    """None: nothing comes close."""
    score: float
    """0 to 100; of the best field even where that is not proposed."""
    best: str
    """The best field's name, proposed or not."""
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Proposal:
    """A mapping that was guessed."""

    entity: str
    key: str | None
    guesses: tuple[Guess, ...]
    """One per column, in the order of the header."""
    text: str = field(repr=False)
    """The YAML."""


def propose(
    cells: Mapping[str, pa.Array],
    schema: Schema,
    *,
    entity: str,
    file: str = "",
    linked: Mapping[str, Collection[str]] | None = None,
) -> Proposal:
    """Return a mapping for a file with these columns.

    Args:
        cells: column -> some hundred of its cells, in the order of the header.
        entity: what the rows are.
        file: what `source.file` shall say.
        linked: link field -> names of records that it can point to, where the server was asked.

    Raises:
        EntityUnknown: the instance has no such entity.
    """
    target = schema.entity(entity)
    found = {name: evidence_of(column) for name, column in cells.items() if not name.startswith("_")}
    guesses = _assigned(found, target, linked or {})
    key = _key(guesses, target)
    text = _yaml(guesses, target, schema, key=key, file=file)
    return Proposal(entity, key, guesses, text)


def _assigned(
    columns: Mapping[str, Evidence], entity: EntitySchema, linked: Mapping[str, Collection[str]]
) -> tuple[Guess, ...]:
    """Give each column its best field, the surest first; no field twice."""
    fields = [entity.fields[name] for name in writable(entity)]
    scored = [
        (_score(column, one, evidence, linked.get(one.name, ())), column, one)
        for column, evidence in columns.items()
        for one in fields
    ]
    scored.sort(key=lambda three: -three[0])
    given: dict[str, tuple[float, FieldSchema]] = {}
    best: dict[str, tuple[float, FieldSchema]] = {}
    taken: set[str] = set()
    for score, column, one in scored:
        best.setdefault(column, (score, one))
        if score >= LEAST and column not in given and one.name not in taken:
            given[column] = (score, one)
            taken.add(one.name)
    guesses = []
    for column, evidence in columns.items():
        score, one = given.get(column) or best[column]
        proposed = one if column in given else None
        guesses.append(Guess(column, proposed, min(100.0, max(0.0, round(score, 1))), one.name, evidence))
    return tuple(guesses)


def _score(column: str, one: FieldSchema, evidence: Evidence, linked: Collection[str]) -> float:
    score = _name_score(column, one)
    if one.name in OWN and score < SURE:
        return 0.0
    if not evidence.count:
        return score
    if one.options:
        fitting = evidence.options(one.options)
        score += 15 if fitting >= MOST else -25 if fitting < HALF and one.kind == "enum" else 0
    if one.pattern is not None:
        fitting = evidence.share(pc.fill_null(matches(evidence.texts, one.pattern), fill_value=False))
        score += 20 if fitting >= MOST else -30
    if one.name == "ean" and evidence.gtins() >= MOST:
        score += 45
    if linked and evidence.options([*linked]) >= MOST:
        score = max(score + 40, NAMED)
    return score - _misfit(one, evidence)


def _misfit(one: FieldSchema, evidence: Evidence) -> float:
    """How little the cells look like what the field holds."""
    if one.kind in ("int", "float") and evidence.marks() is None:
        return 40.0
    if one.kind in ("date", "datetime") and evidence.date_format() is None:
        return 40.0
    return 50.0 if one.kind == "bool" and evidence.truths() is None else 0.0


def _name_score(column: str, one: FieldSchema) -> float:
    bare, own = simplified(column), simplified(one.name)
    if bare == own:
        return 100.0
    base = one.main_field or one.name
    name = words(base)
    scores = [0.9 * fuzz.ratio(bare, own), 0.85 * fuzz.token_sort_ratio(words(column), name)]
    meaning = meaning_of(column)
    if meaning is not None and one.locale is None:
        if simplified(meaning) == own:
            scores.append(97.0)
        elif meaning.split()[-1] in name.split() or name.split()[-1] == meaning:
            # `status` -> productStatus, `number` -> number
            scores.append(82.0)
    if one.locale is not None:
        scores = [score * 0.8 for score in scores]
        language = one.locale.replace("_", "").lower()
        if bare in (f"{simplified(base)}{language}", f"{simplified(base)}{language[:2]}"):
            scores.append(98.0)
    return max(scores)


def _key(guesses: Sequence[Guess], entity: EntitySchema) -> str | None:
    mapped = {one.field.name: one for one in guesses if one.field is not None}
    unique = [one.name for one in entity.unique_fields]
    for name in (*[one for one in KEYS if one in unique], *KEYS, *unique):
        if name in mapped and mapped[name].evidence.is_unique:
            return name
    return None


def _yaml(
    guesses: Sequence[Guess], entity: EntitySchema, schema: Schema, *, key: str | None, file: str
) -> str:
    lines = ["# A proposal: look at every line. Scores go from 0 to 100.", f"entity: {entity.name}"]
    if key is not None:
        lines.append(f"key: {key}")
    else:
        lines += [
            "# No column has another value in each row: without a key rows can only be created.",
            "write: create",
        ]
    source = [f"  file: {quoted(file)}"] if file else []
    numbers = _common(
        [one.evidence.marks() for one in guesses if one.field and one.field.kind in ("int", "float")]
    )
    if numbers:
        source.append(f"  number: {numbers}")
    dates = {
        one.evidence.date_format() for one in guesses if one.field and one.field.kind in ("date", "datetime")
    }
    if dates - {None, "YYYY-MM-DD"}:
        source.append(f"  date: {min(one for one in dates if one)}")
    lines += ["source:", *source] if source else []
    lines += ["", "fields:"]
    rest = []
    for one in guesses:
        if one.field is None:
            rest.append(one)
            continue
        body = _field(one, one.field, schema)
        lines.append(f"  {_name(one.field)}: {body}  # {one.score:.0f}")
    required = [
        field_.name
        for field_ in entity.fields.values()
        if field_.is_required and not field_.has_default and field_.name not in OWN
    ]
    mapped = {one.field.name for one in guesses if one.field is not None}
    lines += [f"  # {name}: required, and no column came close" for name in required if name not in mapped]
    if rest:
        lines += ["", "# Nothing came close to these. Map them, or leave them listed here.", "ignore:"]
        lines += [f"  - {quoted(one.column)}  # best: {one.best} {one.score:.0f}" for one in rest]
    return "\n".join(lines) + "\n"


def _field(guess: Guess, one: FieldSchema, schema: Schema) -> str:
    parts = [f"column: {quoted(guess.column)}"]
    if one.is_required:
        parts.append("required: true")
    mark = guess.evidence.split_mark() if one.kind in LISTS else None
    if mark is not None:
        parts.append(f"split: {quoted(mark)}")
    if link_entity(one) == FILE and one.kind in LINKS:
        parts.append('file: "."')
    elif one.kind in LINKS:
        target = schema.entities.get(link_entity(one))
        by = (
            "code" if target and "code" in target.fields and guess.evidence.looks_like_codes(mark) else "name"
        )
        if target and by not in target.fields:
            by = "id"
        parts.append(f"link: {{by: {by}, missing: report}}")
    if one.kind == "bool" and (truths := guess.evidence.truths()):
        entries = ", ".join(f"{quoted(word)}: {str(truth).lower()}" for word, truth in truths.items())
        parts.append(f"values: {{{entries}}}")
    if len(parts) == 1:
        return quoted(guess.column)
    return "{" + ", ".join(parts) + "}"


def _common(marks: Sequence[object]) -> str:
    said = [text for text in map(written_number, marks) if text]
    return max(said, key=said.count) if said else ""


def _name(one: FieldSchema) -> str:
    return f"{one.main_field}@{one.locale}" if one.main_field and one.locale else one.name
