"""Golden tests of a mapping for its users: rows and what they must become, in `*.cases.yaml` beside it."""

from __future__ import annotations

from collections.abc import Mapping as Entries  # noqa: TC003  pydantic reads the annotations at run time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import pandas as pd
import pyarrow as pa
from pydantic import BeforeValidator, ValidationError, model_validator

from etl.errors import MappingInvalid
from etl.mapping.extending import read_text
from etl.mapping.findings import finding, in_order
from etl.mapping.parts import Name, Part, Scalar, wrong
from etl.mapping.preview import Value, plain_value
from etl.mapping.rules import bind
from etl.mapping.saying import explained
from etl.mapping.using import named_columns
from etl.model import Frame

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from etl.mapping.attributes import AttributeFacts
    from etl.mapping.loading import Mapping
    from etl.mapping.rules import Rules
    from etl.model import Payloads
    from etl.schema import Schema

Json = str | int | float | bool | list[object] | dict[str, object]


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


class CaseDoc(Part):
    """Some rows, and what they must become."""

    name: str
    """What the case shows."""
    block: str | None = None
    """Of a mapping with blocks: which of them."""
    row: Entries[str, Scalar | None] | None = None
    """Column -> cell; columns that are not given are empty."""
    rows: Annotated[tuple[Entries[str, Scalar | None], ...], BeforeValidator(_tuple)] | None = None
    """Several rows."""
    expect: Annotated[tuple[Entries[Name, Json | None], ...], BeforeValidator(_tuple)] | None = None
    """What must be sent of the record, by payload key: null where null is sent; links by their texts."""
    absent: Annotated[tuple[str, ...], BeforeValidator(_tuple)] = ()
    """Payload keys that must not be sent."""
    problems: Annotated[tuple[str, ...], BeforeValidator(_tuple)] | None = None
    """Codes of the problems that must be found; without it there must be none."""
    skipped: bool = False
    """The rows must be skipped."""

    @model_validator(mode="before")
    @classmethod
    def _several(cls, value: object) -> object:
        if isinstance(value, dict) and isinstance(value.get("expect"), dict):
            return {**value, "expect": [value["expect"]]}
        return value

    @model_validator(mode="after")
    def _one_way(self) -> CaseDoc:
        if (self.row is None) == (self.rows is None):
            raise wrong("a case needs rows", 'Give it "row" or "rows".')
        return self


class CasesDoc(Part):
    """All cases of a file."""

    cases: Annotated[tuple[CaseDoc, ...], BeforeValidator(_tuple)]


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How a case came out."""

    file: str
    line: int
    """1-based, where the case begins."""
    name: str
    differences: tuple[str, ...]
    """What is not as it was expected; empty: all is."""


def cases_beside(mapping: Mapping) -> list[Path]:
    """Return the files of cases of `products.yaml`: `products.cases.yaml`, `products.*.cases.yaml`."""
    stem = mapping.path.stem
    found = [
        *mapping.path.parent.glob(f"{stem}.cases.y*ml"),
        *mapping.path.parent.glob(f"{stem}.*.cases.y*ml"),
    ]
    return sorted(found)


def run_cases(
    mapping: Mapping,
    path: Path,
    *,
    schema: Schema,
    attributes: Entries[str, Sequence[AttributeFacts]] | None = None,
) -> list[CaseResult]:
    """Return how the cases of one file came out.

    Args:
        attributes: by entity, all of the instance; None: not known.

    Raises:
        MappingInvalid: the file of cases, or the mapping, cannot be used.
    """
    document, _ = read_text(path)
    problems = list(document.problems)
    doc = None
    if not problems:
        try:
            doc = CasesDoc.model_validate(document.data if document.data is not None else {})
        except ValidationError as error:
            problems += explained(error, document, top=CasesDoc)
    parts = {part.block: part for part in mapping.parts()}
    for position, case in enumerate(doc.cases if doc else ()):
        if (case.block or "") not in parts:
            spot = document.spot("cases", position)
            names = ", ".join(name for name in parts if name) or "none"
            reason = (
                "a case needs the block it is about"
                if not case.block
                else f'there is no block "{case.block}"'
            )
            problems.append(finding("wrong_form", spot, reason=reason, advice=f"Blocks are {names}."))
    if doc is None or problems:
        raise MappingInvalid(str(path), problems=[str(one) for one in in_order(problems)])
    results = []
    for position, case in enumerate(doc.cases):
        part = parts[case.block or ""]
        rows = case.rows if case.rows is not None else (case.row or {},)
        header = tuple(dict.fromkeys([*_headers(part), *(name for row in rows for name in row)]))
        facts = attributes.get(part.entity) if attributes is not None else None
        rules = bind(part, header=header, schema=schema, attributes=facts)
        differences = tuple(_differences(case, rules, _frame(rows, header, mapping.path.name)))
        line = document.spot("cases", position).line
        results.append(CaseResult(str(path), line, case.name, differences))
    return results


def _headers(part: Mapping) -> list[str]:
    names = part.document.columns
    return [names[name].header[0] if name in names else name for name in named_columns(part)]


def _frame(rows: Sequence[Entries[str, Scalar | None]], header: tuple[str, ...], file: str) -> Frame:
    data: dict[str, pd.api.extensions.ExtensionArray] = {}
    for name in header:
        cells = [row.get(name) for row in rows]
        kinds = {type(cell) for cell in cells if cell is not None}
        mixed = len(kinds) > 1 or kinds <= {str}
        column = (
            pa.array([None if cell is None else str(cell) for cell in cells], pa.string())
            if mixed
            else pa.array(cells)
        )
        data[name] = pd.array(column, dtype=pd.ArrowDtype(column.type))
    return Frame(pd.DataFrame(data), pa.array(range(2, len(rows) + 2), pa.int64()), file)


def _differences(case: CaseDoc, rules: Rules, frame: Frame) -> list[str]:
    payloads = rules.translate(frame)
    found = [one.code for one in payloads.problems]
    differences = []
    if sorted(found) != sorted(case.problems or ()):
        expected = ", ".join(case.problems or ()) or "none"
        differences.append(f"problems: expected {expected}, found {', '.join(found) or 'none'}")
    if case.skipped != (len(payloads.skipped) == len(frame)):
        differences.append("expected to be skipped" if case.skipped else "all rows were skipped")
    sent = [values_of(payloads, at) for at in range(len(payloads))]
    if case.expect is not None and len(sent) != len(case.expect):
        differences.append(f"expected {len(case.expect)} records, found {len(sent)}")
        return differences
    for at, wanted in enumerate(case.expect or ()):
        where = f"record {at + 1}, " if len(sent) > 1 else ""
        for key, value in wanted.items():
            if key not in sent[at]:
                differences.append(f"{where}{key}: expected {value!r}, not sent")
            elif not _equal(sent[at][key], value):
                differences.append(f"{where}{key}: expected {value!r}, found {sent[at][key]!r}")
    differences += [
        f"{key}: expected not to be sent, found {one[key]!r}"
        for key in case.absent
        for one in sent
        if key in one
    ]
    return differences


def _equal(found: Value, expected: object) -> bool:
    # 1 and 1.0 are the same to whoever writes a case; true and 1 are not.
    return found == expected and isinstance(found, bool) == isinstance(expected, bool)


def values_of(payloads: Payloads, position: int) -> dict[str, Value]:
    """Return what is sent of one record: links by their texts, attributes by their addresses."""
    sent: dict[str, Value] = {}
    columns = [*payloads.columns.items(), *((one.target.key, one.texts) for one in payloads.links)]
    for key, values in columns:
        value = plain_value(values, position)
        is_cleared = key in payloads.clears and payloads.clears[key][position].as_py()
        if value is not None or is_cleared:
            sent[key] = value
    for one in payloads.attributes:
        name = one.target.address if one.part == "value" else f"{one.target.address} ({one.part})"
        if (value := plain_value(one.values, position)) is not None:
            sent[name] = value
    for records in payloads.relations:
        owned = [at for at, owner in enumerate(records.owners.to_pylist()) if owner == position]
        sent[records.field] = [
            {
                **{link.target.key: link.texts[at].as_py() for link in records.links},
                **{key: plain_value(values, at) for key, values in records.columns.items()},
            }
            for at in owned
        ]
    return sent
