"""What a path of a filter leads to: a field, an attribute, or the other end of a link."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rapidfuzz import fuzz, process

from etl.api.attributes import has_channels
from etl.api.filters.facts import Within
from etl.api.filters.tokens import Place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from etl.api.attributes import AttributeFacts
    from etl.api.filters.facts import Facts
    from etl.api.filters.grammar import Path
    from etl.api.filters.tokens import Source
    from etl.schema import EntitySchema, FieldKind, FieldSchema, Schema

ATTRIBUTES = "attributes"
ENDS = {"from": "From", "to": "To"}
RANGES: dict[FieldKind, FieldKind] = {"range_int": "int", "range_float": "float"}
LINKS = ("link", "file", "links")


@dataclass(frozen=True, slots=True)
class Subject:
    """What is compared."""

    label: str
    """As the filter names it, for messages."""
    key: str
    """The payload key, or the id of the attribute with its part behind it."""
    kind: FieldKind
    field: FieldSchema | None = None
    """None: an attribute, or the id of a link."""
    options: tuple[str, ...] | None = None
    list_id: str = ""
    measure: str = ""
    is_attribute: bool = False
    attribute_id: str = ""
    attribute: AttributeFacts | None = None
    language: str = ""
    """Of an attribute in several languages."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One step over a link."""

    field: FieldSchema
    entity: EntitySchema
    """Where it leads."""


@dataclass(frozen=True, slots=True)
class Way:
    """A path, resolved: links to go over, and what is compared at their end."""

    hops: tuple[Hop, ...]
    end: Subject


@dataclass(frozen=True, slots=True)
class Finder:
    """Resolves paths against one instance."""

    source: Source
    schema: Schema
    facts: Facts
    takes_rows: bool = False
    """Of an attribute the values for one channel may be meant (1.10), which filters cannot tell apart."""

    def way(self, entity: EntitySchema, path: Path) -> Way:
        """Return what a path leads to.

        Raises:
            FilterInvalid: it names what is not there, or goes on behind something that is no link.
        """
        hops: list[Hop] = []
        steps = list(path.steps)
        while len(steps) > 1 and steps[0] != ATTRIBUTES:
            hop = self._hop(entity, path, steps)
            if hop is None:
                break
            hops.append(hop)
            entity = hop.entity
            steps = steps[1:]
        return Way(tuple(hops), self._end(entity, path, steps))

    def hops(self, entity: EntitySchema, path: Path) -> tuple[Hop, ...]:
        """Return the links of a path that is made of links alone.

        Raises:
            FilterInvalid: a step of it is no link.
        """
        hops: list[Hop] = []
        for at, step in enumerate(path.steps):
            hop = self._hop(entity, path, list(path.steps[at:]))
            if hop is None:
                links = [one.name for one in entity.fields.values() if one.kind in LINKS]
                raise self.source.wrong(
                    path.place, what=f'"{step}" is no link of {entity.name}.', advice=suggestion(step, links)
                )
            hops.append(hop)
            entity = hop.entity
        return tuple(hops)

    def _hop(self, entity: EntitySchema, path: Path, steps: list[str]) -> Hop | None:
        field = entity.fields.get(steps[0])
        if field is None or field.kind not in LINKS:
            return None
        target = self.schema.entities.get(field.target or ("File" if field.kind == "file" else ""))
        if target is None:
            raise self.source.wrong(path.place, what=f'it is not known where the link "{field.name}" leads.')
        if steps[1:] == ["id"]:
            return None
        return Hop(field, target)

    def _end(self, entity: EntitySchema, path: Path, steps: list[str]) -> Subject:
        label = str(path)
        name, *rest = steps
        if name == ATTRIBUTES and rest and name not in entity.fields:
            return self._attribute(entity, path, rest)
        field = self._field(entity, name, path.language)
        if field is not None:
            return self._of_field(path, field, rest, label=label)
        if not rest and (key := self._key(entity, name)) is not None:
            return replace(key, label=label)
        return self._attribute(entity, path, steps)

    def _field(self, entity: EntitySchema, name: str, language: str) -> FieldSchema | None:
        if not language:
            return entity.fields.get(name)
        variants = (one for one in entity.fields.values() if one.main_field == name)
        return next((one for one in variants if one.locale == language), None)

    def _of_field(self, path: Path, field: FieldSchema, rest: list[str], *, label: str) -> Subject:
        if path.channel:
            raise self.source.wrong(
                path.place, what=f'"{field.name}" is a field; only attributes have channels.'
            )
        found = Subject(
            label,
            field.name if field.kind == "links" else field.payload_key,
            field.kind,
            field,
            options=field.options or None,
            list_id=field.list_id or "",
            measure=field.measure or "",
        )
        if rest == ["id"] and field.kind in LINKS:
            return replace(found, kind="text", field=None) if field.kind != "links" else found
        return self._part(path, found, rest)

    def _part(self, path: Path, found: Subject, rest: list[str]) -> Subject:
        """Go on to `from`, `to` or `unit` of what was found."""
        if found.kind in RANGES:
            if len(rest) == 1 and rest[0] in ENDS:
                kind = RANGES[found.kind]
                return replace(found, key=f"{found.key}{ENDS[rest[0]]}", kind=kind, field=None)
            if not rest:
                return found
        if rest == ["unit"] and found.measure:
            return replace(found, key=f"{found.key}UnitId", kind="text", measure="")
        if rest:
            what = f'"{found.label}" goes on behind "{path.steps[0]}", which is no link.'
            advice = f"Write {'.'.join(path.steps[: -len(rest)])} alone."
            if found.kind in ("list_option", "list_options"):
                advice = f"Compare it with an option: {path.steps[0]} = 'Red'."
            raise self.source.wrong(path.place, what=what, advice=advice)
        return found

    def _key(self, entity: EntitySchema, name: str) -> Subject | None:
        """Return what travels under a payload key: `brandId`, `priceUnitId`, `sizeFrom`."""
        for field in entity.fields.values():
            if field.kind in ("link", "file") and name == field.payload_key:
                return Subject(name, name, "text")
            if name == field.unit_key:
                return Subject(name, name, "text")
            if field.kind in RANGES and name in (f"{field.name}From", f"{field.name}To"):
                return Subject(name, name, RANGES[field.kind], measure=field.measure or "")
        return None

    def _attribute(self, entity: EntitySchema, path: Path, steps: list[str]) -> Subject:
        name, *rest = steps
        if not entity.has_attributes:
            raise self._unknown(entity, path, name)
        if path.channel and not self.takes_rows and not has_channels(self.schema):
            raise self.source.wrong(
                path.place, what="this AtroCore has channels of values, which filters cannot tell apart."
            )
        question = Within(entity.name, f"{name}#{path.channel}" if path.channel else name)
        if question not in self.facts.attributes:
            self.facts.open.add(("attribute", question))
            return Subject(str(path), "id", "other")
        facts = self.facts.attributes[question]
        if facts is None and path.channel:
            what = f'{entity.name} has no attribute "{name}" for a channel "{path.channel}".'
            raise self.source.wrong(path.place, what=what)
        if facts is None:
            raise self._unknown(entity, path, name)
        return self._part(path, _of_attribute(facts, path), rest)

    def _unknown(self, entity: EntitySchema, path: Path, name: str) -> Exception:
        if path.language and name in entity.fields:
            known = [
                f"{name}@{one.locale}"
                for one in entity.fields.values()
                if one.main_field == name and one.locale
            ]
            advice = f"There are {', '.join(known)}." if known else f"Write {name} alone."
            return self.source.wrong(
                path.place, what=f'"{name}" is not kept in "{path.language}".', advice=advice
            )
        within = self.source.text[path.place.offset : path.place.offset + path.place.length].find(name)
        place = Place(path.place.offset + max(within, 0), len(name))
        names = [*entity.fields, *self.facts.names.get(entity.name, ())]
        what = f'"{name}" is no field{" or attribute" if entity.has_attributes else ""} of {entity.name}.'
        return self.source.wrong(place, what=what, advice=suggestion(name, names))


def suggestion(text: str, known: Iterable[str]) -> str:
    """Return `Did you mean "price"?`, or what there is where nothing comes close; empty for nothing."""
    names = sorted(dict.fromkeys(known))
    lowered = {name: name.lower() for name in names}
    close = process.extractOne(text.lower(), lowered, scorer=fuzz.ratio, score_cutoff=60)
    if close:
        return f'Did you mean "{close[2]}"?'
    shown = ", ".join(names[:12])
    return f"There are {shown}{' and more' if len(names) > 12 else ''}." if names else ""  # noqa: PLR2004  a line's worth


def _of_attribute(facts: AttributeFacts, path: Path) -> Subject:
    suffix = {"link": "Id", "file": "Id"}.get(facts.kind, "")
    return Subject(
        str(path),
        f"{facts.id}{suffix}",
        "text" if suffix else facts.kind,
        list_id=facts.list_id,
        measure=facts.measure,
        is_attribute=True,
        attribute_id=facts.id,
        attribute=facts,
        language=path.language or ("main" if facts.is_multilang else ""),
    )
