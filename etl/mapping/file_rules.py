"""Fields that link to files: what they are made of, and the relation records of those without `each`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl.mapping.findings import MappingProblem, finding
from etl.mapping.fitting import FILE
from etl.model import FilesFrom, LinkTarget, LinkTexts, Missing, RelationRecords

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from etl.mapping.columns import Columns
    from etl.mapping.convert.faults import Fault
    from etl.mapping.document import ValueDoc
    from etl.mapping.fields import FieldRule
    from etl.mapping.filing import Filing
    from etl.mapping.grouping import Groups
    from etl.mapping.loading import Mapping as MappingText
    from etl.mapping.parts import FileDoc
    from etl.mapping.positions import Path_
    from etl.schema import FieldSchema


@dataclass(frozen=True, slots=True)
class LinkedFiles:
    """Relation records of a field without `each`: the files of a record, or its main image."""

    name: str
    entity: str
    owner_key: str
    target: LinkTarget
    rule: FieldRule
    """Makes the files of each record."""
    marks: Mapping[str, bool] = field(default_factory=dict)
    """Payload key -> the value that every record gets: that it is the main image."""
    fixed: tuple[tuple[LinkTarget, str], ...] = ()
    """Links that are the same for every record: none."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Columns as the source calls them, for messages."""
        return self.rule.labels

    @property
    def skips_bad_cells(self) -> bool:
        """Bad cells are left out, with a warning, instead of stopping their row."""
        return self.rule.skips_bad_cells

    @property
    def filing(self) -> Filing | None:
        """What is made of the cells."""
        return self.rule.filing

    @property
    def columns(self) -> tuple[str, ...]:
        """The source columns that are read, as the mapping names them."""
        return self.rule.columns

    def make(
        self, columns: Columns, groups: Groups | None
    ) -> tuple[RelationRecords, list[tuple[str, Fault]]]:
        """Return the records of one frame, and bad cells as (column, fault), by rows of the frame."""
        made = self.rule.make(columns, groups)
        values, count = made.values, len(made.values)
        if pa.types.is_list(values.type):
            owners = pc.cast(pc.list_parent_indices(values), pa.int64())
            texts = values.flatten()
        else:
            owners = pc.cast(pc.indices_nonzero(values.is_valid()), pa.int64())
            texts = values.drop_null()
        heads = np.arange(count) if groups is None else groups.starts
        records = RelationRecords(
            self.name,
            self.entity,
            self.owner_key,
            owners=owners,
            numbers=columns.numbers.take(pa.array(heads)).take(owners),
            links=(LinkTexts(self.target, ", ".join(self.labels), texts),),
            columns={key: pa.repeat(pa.scalar(value), len(texts)) for key, value in self.marks.items()},
            replaced=replaced_of(values.is_valid(), made.clears, replaces=self.target.replaces),
            unmarks=next(iter(self.marks), ""),
        )
        label = ", ".join(self.labels)
        return records, [(label, fault) for fault in made.faults]


def replaced_of(
    has_some: pa.BooleanArray, clears: pa.BooleanArray | None, *, replaces: bool
) -> pa.BooleanArray | None:
    """Return which records lose the links that are not theirs any more; None: none does.

    Args:
        has_some: whether a record has links here.
        clears: whether a marker, or an empty cell, says that it shall have none; None: nowhere.
    """
    found = has_some if replaces else None
    if clears is not None:
        found = clears if found is None else pc.or_(found, clears)
    return found if found is not None and pc.any(found).as_py() else None


def file_target(file: FileDoc, target: FieldSchema, *, base: Path, doc: ValueDoc) -> LinkTarget:
    """Return where the files of a field are taken from.

    Args:
        doc: the field that says `file`.
    """
    share = file.share
    till = (share.valid_till or "") if share else ""
    return LinkTarget(
        target.name,
        target.payload_key,
        FILE,
        "id",
        is_multiple=target.kind == "links",
        missing=Missing.FAIL,
        replaces=doc.links == "replace",
        files=FilesFrom(
            str(base),
            file.fetch,
            file.type or "",
            file.tags,
            is_shared=share is not None,
            share_name=share.name if share else "",
            share_till=till + MIDNIGHT[len(till) :] if till else "",
            extensions=file.extensions,
            most_bytes=file.most_bytes,
            skips_bad=doc.on_error == "skip_field",
        ),
    )


MIDNIGHT = "YYYY-MM-DD 00:00:00"


def check_files(mapping: MappingText) -> Iterator[MappingProblem]:
    """Yield what is wrong with the files of a mapping, whatever the cells."""
    for name, one in mapping.fields.items():
        yield from _check(mapping, one, ("fields", name, "file"))
        for inner, value in one.with_.items():
            yield from _check(mapping, value, ("fields", name, "with", inner, "file"))
    for address, attribute in mapping.doc.attributes.items():
        yield from _check(mapping, attribute, ("attributes", address, "file"))


def named_types(mapping: MappingText) -> Iterator[tuple[str, Path_]]:
    """Yield each file type that the mapping names, and where."""
    for name, one in mapping.fields.items():
        if one.file is not None and one.file.type is not None:
            yield one.file.type, ("fields", name, "file", "type")
    for address, attribute in mapping.doc.attributes.items():
        if attribute.file is not None and attribute.file.type is not None:
            yield attribute.file.type, ("attributes", address, "file", "type")


def missing_types(mapping: MappingText, known: Collection[str]) -> Iterator[MappingProblem]:
    """Yield the file types that are not among the names and ids of those that the server has."""
    for text, path in named_types(mapping):
        if text not in known:
            facts = {"target": "FileType", "by": "name", "value": text}
            yield finding("target_missing", mapping.spot(*path), **facts)


def _check(mapping: MappingText, doc: ValueDoc, path: Path_) -> Iterator[MappingProblem]:
    if doc.file is None:
        return
    base = mapping.path.parent / doc.file.base
    if not base.is_dir():
        yield finding("no_base_folder", mapping.spot(*path, "base"), base=doc.file.base, place=base)
    if doc.file.storage_id is not None:
        yield finding("storage_ignored", mapping.key_spot(*path, "storageId"))
