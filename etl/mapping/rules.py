"""A mapping bound to a header and a schema: frames in, payloads out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl.errors import MappingInvalid
from etl.mapping.binding import key_names
from etl.mapping.check import bind_and_check, used_columns
from etl.mapping.fields import Columns
from etl.mapping.keys import joined_keys
from etl.mapping.translate import translate
from etl.problems import Severity

if TYPE_CHECKING:
    import pyarrow as pa

    from etl.mapping.fields import FieldRule
    from etl.mapping.loading import Mapping
    from etl.model import Frame, LinkTarget, Payloads
    from etl.schema import EntitySchema, Schema


@dataclass(frozen=True, slots=True)
class Rules:
    """A mapping that is right for this header and this schema."""

    mapping: Mapping
    entity: EntitySchema
    fields: tuple[FieldRule, ...]
    key_rules: tuple[FieldRule, ...]
    """The fields of the key, in the order of the key."""

    @property
    def links(self) -> tuple[LinkTarget, ...]:
        """The links that are looked up."""
        return tuple(rule.link for rule in self.fields if rule.link is not None)

    @property
    def key_fields(self) -> tuple[str, ...]:
        """Payload keys of the key; empty: every row is a new record."""
        return tuple(rule.key for rule in self.key_rules)

    @property
    def used_columns(self) -> tuple[str, ...]:
        """Source columns that are read."""
        return used_columns(self.mapping)

    @property
    def payload_keys(self) -> tuple[str, ...]:
        """Every payload key that may be sent; what `select` asks of live records."""
        return tuple(dict.fromkeys(rule.key for rule in self.fields))

    def keys(self, frame: Frame) -> pa.StringArray:
        """Return the canonical key of each row, null where it cannot be made; reads the key's columns only.

        Typed by the schema, NFC; the parts of a composite key are joined by U+001F. Without a key all are null.
        """
        columns = Columns(frame)
        return joined_keys([rule.make(columns).values for rule in self.key_rules], len(frame))

    def translate(self, frame: Frame) -> Payloads:
        """Return what is to be sent of one frame, and what is wrong with its cells."""
        return translate(self, frame)


def bind(mapping: Mapping, *, header: tuple[str, ...], schema: Schema) -> Rules:
    """Return the mapping ready for frames with these columns and records of this instance.

    Raises:
        MappingInvalid: `check` finds errors; warnings do not stand in the way.
    """
    bound, problems = bind_and_check(mapping, header=header, schema=schema)
    errors = [str(one) for one in problems if one.severity is Severity.ERROR]
    if errors or bound is None:
        raise MappingInvalid(str(mapping.path), problems=errors)
    by_name = {rule.field.name: rule for rule in bound.rules}
    keys = tuple(next(by_name[name] for name in names if name in by_name) for names in key_names(mapping))
    return Rules(mapping, bound.entity, tuple(bound.rules), keys)
