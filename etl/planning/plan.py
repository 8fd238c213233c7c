"""The plan file: what an import would do, as Parquet with a JSON header; any reader of Parquet opens it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from etl.errors import SourceUnreadable
from etl.planning.attributes import ASSIGN, REMOVE
from etl.planning.ground import PartGround, from_plain, to_plain
from etl.planning.lines import LAYOUT
from etl.planning.phases import RELATIONS
from etl.planning.uploads import UPLOAD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping as Map
    from pathlib import Path

    from etl.mapping import Mapping
    from etl.runs import RunFacts

KEY = b"atro-etl-plan"
"""Where the header stands among the key-value metadata of the file."""
FORMAT = 3
GROUP_LINES = 10_000
FIRST_KEPT = 100
TELLING = ("update", "delete", "blocked")
WRITING = ("create", "update")


@dataclass(frozen=True, slots=True)
class AbsentCounts:
    """Records that a source does not have."""

    entity: str
    count: int
    live: int
    """Records that the mapping answers for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanHeader:
    """What a plan stands on: it holds for this target, this mapping and this source."""

    run: str
    made: str
    """ISO 8601 in UTC, seconds."""
    version: str
    """Of this package."""
    url: str
    """Of the target."""
    user: str
    mapping: str
    mapping_digest: str
    """SHA-256, hexadecimal; so are the others."""
    source: str
    source_digest: str
    schema_digest: str
    entity: str
    key: tuple[str, ...] = ()
    """The natural key, as the mapping names it."""
    records: Map[str, Map[str, int]] = field(default_factory=dict)
    """Entity -> kind of change -> records, or rows that make none; known once the plan is complete."""
    fields: Map[str, Map[str, int]] = field(default_factory=dict)
    """Entity -> field -> records in which it would change, creates left out; known at the end too."""
    rows: int = 0
    """Of the source, all of them."""
    ground: tuple[PartGround, ...] = ()
    """What the lines do not say of their parts; known at the end too."""
    absent: tuple[AbsentCounts, ...] = ()
    """Of each entity whose absent records the mapping wants something done about."""
    uploads: int = 0
    """Files that an import would upload, each content once."""
    upload_bytes: int = 0
    """Of those whose size is known."""
    digest: str = ""
    """SHA-256 of all the above and of every line: a plan that was edited is none."""


def header_of(facts: RunFacts, mapping: Mapping) -> PlanHeader:
    """Return what the plan of a run stands on."""
    return PlanHeader(
        run=facts.run,
        made=facts.started,
        version=facts.version,
        url=facts.url,
        user=facts.user,
        mapping=facts.mappings[0].name,
        mapping_digest=facts.mappings[0].digest,
        source=facts.sources[0].name,
        source_digest=facts.sources[0].digest,
        schema_digest=facts.schema_digest,
        entity=mapping.entity,
        key=tuple(mapping.key),
    )


class PlanWriter:
    """Writes a plan as its lines come; the file takes its name when it is complete."""

    def __init__(self, path: Path, header: PlanHeader) -> None:
        self.path, self._header = path, header
        self._beside = path.with_name(f"{path.name}.new")
        self._writer = parquet.ParquetWriter(self._beside, LAYOUT, compression="zstd")
        self._held: list[pa.RecordBatch] = []
        self._records: Counter[tuple[str, str]] = Counter()
        self._fields: Counter[tuple[str, str]] = Counter()
        self._values: Counter[tuple[str, str]] = Counter()
        self._lines = LinesDigest()
        self.step = 0
        """Of the lines that come next; see `lines.LAYOUT`."""
        self.rows = 0
        self.ground: tuple[PartGround, ...] = ()
        self.absent: tuple[AbsentCounts, ...] = ()
        self.uploads = self.upload_bytes = 0
        self.digest = ""
        """Of the plan, once it is complete."""
        self.first: list[pa.RecordBatch] = []
        """The first lines that are about more than a create or an unchanged record."""

    @property
    def records(self) -> dict[str, dict[str, int]]:
        """See `PlanHeader.records`; so far."""
        return _nested(self._records)

    @property
    def fields(self) -> dict[str, dict[str, int]]:
        """See `PlanHeader.fields`; so far."""
        return _nested(self._fields)

    @property
    def attribute_share(self) -> float:
        """Of the values that would be written, the share of those of attributes; 0 to 1."""
        owners = {one.entity: one.attributes for one in self.ground if one.attributes}
        # In 1.10 they are records of their own.
        rows = {f"{entity}AttributeValue" for entity in owners}
        keys = {(entity, one.target.key) for entity, known in owners.items() for one in known}
        written = {one: count for one, count in self._values.items() if one[1] not in (ASSIGN, REMOVE)}
        of_attributes = sum(count for one, count in written.items() if one in keys or one[0] in rows)
        return of_attributes / max(sum(written.values()), 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._close()
        else:
            self._writer.close()
            self._beside.unlink(missing_ok=True)

    def write(self, lines: pa.RecordBatch) -> None:
        """Add lines; those of one record must come in one call, behind each other."""
        if not len(lines):
            return
        lines = at_step(lines, self.step)
        self._held.append(lines)
        self._lines.add(lines)
        self._keep_first(lines)
        self._records.update(_count(_heads(lines), "kind"))
        self._fields.update(_count(changed_lines(lines), "field"))
        self._values.update(_count(_written(lines), "payload_key"))
        if sum(len(one) for one in self._held) >= GROUP_LINES:
            self._flush()

    def _keep_first(self, lines: pa.RecordBatch) -> None:
        left = FIRST_KEPT - sum(len(one) for one in self.first)
        if left > 0 and len(found := lines.filter(pc.is_in(lines["kind"], pa.array(TELLING)))):
            self.first.append(found.slice(0, left))

    def _flush(self) -> None:
        if self._held:
            self._writer.write_table(pa.Table.from_batches(self._held))
        self._held = []

    def _close(self) -> None:
        self._flush()
        header = dataclasses.replace(
            self._header,
            records=self.records,
            fields=self.fields,
            rows=self.rows,
            ground=self.ground,
            absent=self.absent,
            uploads=self.uploads,
            upload_bytes=self.upload_bytes,
        )
        header = dataclasses.replace(header, digest=_digest(header, self._lines))
        self.digest = header.digest
        self._writer.add_key_value_metadata({KEY: json.dumps(_plain(header), ensure_ascii=False).encode()})
        self._writer.close()
        self._beside.replace(self.path)


def read_header(path: Path) -> PlanHeader:
    """Return what a plan stands on.

    Raises:
        SourceUnreadable: the file is no plan, or one of another version.
    """
    try:
        metadata = parquet.read_metadata(path).metadata or {}
        said = json.loads(metadata[KEY])
        if said["format"] != FORMAT:
            reason = "this plan was made by another version of atro-etl."
            raise SourceUnreadable(str(path), reason=reason, advice="Make it anew with `atro-etl plan`.")
        facts = {one.name: said[one.name] for one in dataclasses.fields(PlanHeader)}
        return PlanHeader(
            **{
                **facts,
                "key": tuple(facts["key"]),
                "ground": from_plain(facts["ground"]),
                "absent": tuple(AbsentCounts(**one) for one in facts["absent"]),
            }
        )
    except (OSError, pa.ArrowInvalid, KeyError, TypeError, ValueError) as error:
        raise SourceUnreadable(
            str(path), reason="this is no plan that can be read.", advice="Make one with `atro-etl plan`."
        ) from error


def is_as_written(path: Path, header: PlanHeader) -> bool:
    """Tell whether header and lines of a plan are those that were written; reads all of it."""
    lines = LinesDigest()
    try:
        for batch in read_lines(path):
            lines.add(batch)
    except (OSError, pa.ArrowInvalid, KeyError):
        return False
    return _digest(header, lines) == header.digest


class LinesDigest:
    """SHA-256 over lines, in whatever portions they come."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, lines: pa.RecordBatch) -> None:
        """Take further lines."""
        columns = [lines[name].cast(pa.string()) for name in LAYOUT.names]
        texts = pc.binary_join_element_wise(
            *columns, "\x1f", null_handling="replace", null_replacement="\x00"
        )
        self._hash.update("".join(f"{text}\x1e" for text in texts.to_pylist()).encode())

    def __str__(self) -> str:
        return self._hash.hexdigest()


def _digest(header: PlanHeader, lines: LinesDigest) -> str:
    bare = json.dumps(_plain(dataclasses.replace(header, digest="")), sort_keys=True)
    return hashlib.sha256(f"{bare}\n{lines}".encode()).hexdigest()


def _plain(header: PlanHeader) -> dict[str, object]:
    return {"format": FORMAT, **dataclasses.asdict(header), "ground": to_plain(header.ground)}


def at_step(lines: pa.RecordBatch, step: int) -> pa.RecordBatch:
    """Return the lines with their step set."""
    place = LAYOUT.get_field_index("step")
    return lines.set_column(place, LAYOUT.field("step"), pa.array([step] * len(lines), pa.int64()))


def read_lines(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the lines of a plan in their order, some thousand at a time; see `lines.LAYOUT`."""
    with parquet.ParquetFile(path) as file:
        yield from file.iter_batches(batch_size=5000)


def changed_lines(lines: pa.RecordBatch) -> pa.RecordBatch:
    """Return the lines of updates: a field of a record that stands there, old and new."""
    return lines.filter(pc.and_(pc.equal(lines["kind"], "update"), pc.is_valid(lines["field"])))


def _written(lines: pa.RecordBatch) -> pa.RecordBatch:
    """Return the lines that say which value would be written."""
    return lines.filter(pc.and_(pc.is_in(lines["kind"], pa.array(WRITING)), pc.is_valid(lines["field"])))


def _heads(lines: pa.RecordBatch) -> pa.RecordBatch:
    """Return the first line of each record; what follows a new child by itself is no record more.

    Files are counted by their contents: `PlanHeader.uploads`.
    """
    is_record = pc.not_equal(pc.fill_null(lines["part"], ""), RELATIONS)
    lines = lines.filter(pc.and_(is_record, pc.not_equal(lines["kind"], UPLOAD)))
    if not len(lines):
        return lines
    same = pa.array([True] * (len(lines) - 1), pa.bool_())
    for name, nothing in (("id", ""), ("row", 0), ("part", "")):
        column = pc.fill_null(lines[name], nothing)
        same = pc.and_(same, pc.equal(column.slice(1), column.slice(0, len(lines) - 1)))
    return lines.filter(pa.concat_arrays([pa.array([True]), pc.invert(same)]))


def _count(lines: pa.RecordBatch, name: str) -> dict[tuple[str, str], int]:
    if not len(lines):
        return {}
    table = pa.Table.from_batches([lines.select(["entity", name])])
    counts = table.group_by(["entity", name]).aggregate([([], "count_all")])
    return {(one["entity"], one[name]): one["count_all"] for one in counts.to_pylist()}


def _nested(counts: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (entity, name), count in sorted(counts.items()):
        found.setdefault(entity, {})[name] = count
    return found
