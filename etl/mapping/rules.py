"""A mapping bound to a header and a schema: frames in, payloads out."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from etl.errors import MappingInvalid
from etl.mapping.binding import key_names
from etl.mapping.blocks import check_blocks
from etl.mapping.check import bind_and_check, columns_in_use
from etl.mapping.choosing import chosen_rows
from etl.mapping.columns import Columns
from etl.mapping.file_states import file_states, names_files
from etl.mapping.findings import in_order
from etl.mapping.grouping import groups_of, whole_groups
from etl.mapping.keys import joined_keys
from etl.mapping.translate import translate
from etl.problems import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from collections.abc import Mapping as Entries

    from etl.mapping.attributes import AttributeFacts
    from etl.mapping.binding import Bound
    from etl.mapping.fields import FieldRule
    from etl.mapping.filing import Folders
    from etl.mapping.findings import MappingProblem
    from etl.mapping.loading import Mapping
    from etl.model import Frame, LinkTarget, Payloads
    from etl.schema import EntitySchema, Schema

NO_FACTS: Entries[str, Sequence[AttributeFacts]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Rules:
    """A mapping, or one of its blocks, that is right for this header and this schema."""

    mapping: Mapping
    entity: EntitySchema
    bound: Bound
    key_rules: tuple[FieldRule, ...]
    """The fields of the key, in the order of the key."""
    used_columns: tuple[str, ...]
    """Source columns that are read, in the order of the header."""

    @property
    def fields(self) -> tuple[FieldRule, ...]:
        """What is made of each frame, by payload key."""
        return tuple(self.bound.rules)

    @property
    def links(self) -> tuple[LinkTarget, ...]:
        """The links that are looked up for the records themselves."""
        return tuple(rule.link for rule in self.fields if rule.link is not None)

    @property
    def further_links(self) -> tuple[LinkTarget, ...]:
        """The links of relation records, associations and attributes."""
        found = [rule.rule.link for rule in self.bound.attributes]
        for one in self.bound.relations:
            found += [one.target, *(target for target, _ in one.fixed)]
        return tuple(one for one in found if one is not None)

    @property
    def key_fields(self) -> tuple[str, ...]:
        """Payload keys of the key; empty: every row is a new record."""
        return tuple(rule.key for rule in self.key_rules)

    @property
    def payload_keys(self) -> tuple[str, ...]:
        """Every payload key that may be sent; what `select` asks of live records."""
        return tuple(dict.fromkeys(rule.key for rule in self.fields))

    @property
    def object_keys(self) -> tuple[str, ...]:
        """Payload keys that carry linked objects: these are tried on one record before the others leave."""
        return tuple(
            rule.key for rule in self.fields if rule.link_form is not None and rule.link_form.is_object
        )

    def whole_records(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Yield the same rows in frames that never end within a record; both passes read through this.

        The frames themselves where every row is a record of its own. Holds one frame and one record.
        """
        return whole_groups(frames, self.bound.layout)

    def keys(self, frame: Frame) -> pa.StringArray:
        """Return the canonical key of each row, null where it cannot be made; reads what the key needs only.

        Typed by the schema, NFC; the parts of a composite key are joined by U+001F. Without a key all are
        null; so are rows that the mapping skips, and the further rows of a record that several rows make.
        """
        columns, skipped = chosen_rows(Columns(frame, self.bound.layout), self.bound, self.mapping)
        groups = groups_of(columns)
        parts = [rule.make(columns, groups).values for rule in self.key_rules]
        if groups is None and not skipped:
            return joined_keys(parts, len(frame))
        count = len(columns) if groups is None else len(groups)
        made = joined_keys(parts, count)
        positions = np.arange(len(columns)) if groups is None else groups.starts
        if columns.chosen is not None:
            positions = columns.chosen.to_numpy(zero_copy_only=False)[positions]
        take = np.full(len(frame), -1)
        take[positions] = np.arange(count)
        return made.take(pa.array(take, mask=take < 0))

    def heads(self, frame: Frame) -> pa.Int64Array:
        """Return the number of the first row of each row's record: what happens to one happens to all."""
        columns = Columns(frame, self.bound.layout)
        groups = groups_of(columns)
        if groups is None:
            return frame.numbers
        return frame.numbers.take(pa.array(np.repeat(groups.starts, groups.sizes)))

    @property
    def names_files(self) -> bool:
        """Whether any cell is a file."""
        return names_files(self.bound)

    def file_states(self, frame: Frame) -> list[bytes | None]:
        """Return of each row what is the same as long as its files are; see `file_states.file_states`."""
        return file_states(self.mapping, self.bound, frame)

    def translate(self, frame: Frame) -> Payloads:
        """Return what is to be sent of one frame, and what is wrong with its cells."""
        return translate(self.mapping, self.bound, frame, key_rules=self.key_rules)


def bind(
    mapping: Mapping,
    *,
    header: tuple[str, ...],
    schema: Schema,
    attributes: Sequence[AttributeFacts] | None = None,
    generation: str | None = None,
    source: str = "",
    folders: Folders | None = None,
    is_for_export: bool = False,
) -> Rules:
    """Return the mapping ready for frames with these columns and records of this instance.

    A mapping with blocks is bound by `bind_parts`, or block by block.

    Args:
        attributes: all attributes of the instance; None: not known, values of attributes stay text.
        source: what the header was read from, for messages; empty: what the mapping names.
        folders: looks for files; None: cells that are files are taken as they stand.
        is_for_export: folders of files need not be there yet.

    Raises:
        MappingInvalid: `check` finds errors; warnings do not stand in the way.
        ValueError: the mapping has blocks.
    """
    if mapping.document.blocks and not mapping.block:
        raise ValueError("a mapping with blocks is bound block by block")
    rules, problems = _bound(
        mapping,
        header=header,
        schema=schema,
        attributes=attributes,
        generation=generation,
        source=source,
        folders=folders,
        is_for_export=is_for_export,
    )
    if rules is None:
        raise MappingInvalid(str(mapping.path), problems=_errors([*check_blocks(mapping), *problems]))
    return rules


def bind_parts(
    mapping: Mapping,
    *,
    header: tuple[str, ...],
    schema: Schema,
    attributes: Entries[str, Sequence[AttributeFacts]] = NO_FACTS,
    generation: str | None = None,
    source: str = "",
    folders: Folders | None = None,
) -> list[Rules]:
    """Return what is run of a mapping, block by block, bound as `bind` does it.

    Args:
        attributes: by entity, all of the instance; where an entity is missing they are not known.

    Raises:
        MappingInvalid: with every error of all blocks, keys of the text that nobody knows among them.
    """
    parts = [
        _bound(
            part,
            header=header,
            schema=schema,
            attributes=attributes.get(part.entity),
            generation=generation,
            source=source,
            folders=folders,
        )
        for part in mapping.parts()
    ]
    rules = [one for one, _ in parts if one is not None]
    if mapping.unknown or len(rules) < len(parts):
        found = [*mapping.unknown, *check_blocks(mapping), *(one for _, more in parts for one in more)]
        raise MappingInvalid(str(mapping.path), problems=_errors(found))
    return rules


def _bound(
    mapping: Mapping,
    *,
    header: tuple[str, ...],
    schema: Schema,
    attributes: Sequence[AttributeFacts] | None,
    generation: str | None,
    source: str,
    folders: Folders | None,
    is_for_export: bool = False,
) -> tuple[Rules | None, list[MappingProblem]]:
    """Return one entity's rules, None where there is an error, beside its problems."""
    bound, problems = bind_and_check(
        mapping,
        header=header,
        schema=schema,
        attributes=attributes,
        generation=generation,
        source=source,
        folders=folders,
    )
    if is_for_export:
        problems = [one for one in problems if one.code != "no_base_folder"]
    if bound is None or _errors([*check_blocks(mapping), *problems]):
        return None, problems
    # A key may name a field by any of its alternatives: `number` where the field is `number|sku`.
    by_name = {name: rule for rule in bound.rules for name in (*rule.name.split("|"), rule.field.name)}
    keys = tuple(next(by_name[name] for name in names if name in by_name) for names in key_names(mapping))
    used = columns_in_use(mapping, header)
    names = tuple(name for name in header if name in used)
    return Rules(mapping, bound.entity, bound, keys, names), problems


def _errors(problems: Iterable[MappingProblem]) -> list[str]:
    return [str(one) for one in in_order(problems) if one.severity is Severity.ERROR]
