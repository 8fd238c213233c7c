"""What a workbook says of itself on its hidden sheet, so that it can be imported without a mapping.

Each column has a defined name that points at its header cell: it goes along when columns are moved, sorted or
inserted, in Excel and LibreOffice. The hidden sheet says what each name stands for.
"""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from etl import tables
from etl.errors import ConfigurationInvalid, SourceMissing, SourceUnreadable
from etl.runs import make_state_folder, write_whole
from etl.tables import ReadOptions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from etl.exporting.columns import Column

HIDDEN_SHEET = "_atro"
FORMAT = "atro-etl workbook 1"
UNTOUCHED = "(not editable here)"
"""Stands in cells that a sheet cannot hold as they are; an import leaves the field alone."""
ID, MODIFIED = "_id", "_modifiedAt"
NAME = re.compile(r"atro_c\d+")
REFERENCE = re.compile(r"(?:'(?P<quoted>(?:[^']|'')+)'|(?P<plain>[^'!]+))!\$(?P<column>[A-Z]+)\$(?P<row>\d+)")

Role: TypeAlias = Literal["id", "modified", "field", "attribute", "read_only"]
Doc: TypeAlias = "str | bool | list[str] | dict[str, Doc]"


@dataclass(frozen=True, slots=True)
class DescribedColumn:
    """What one column of a workbook is."""

    name: str
    """The defined name of its header cell."""
    address: str
    """As `--columns` names it."""
    role: Role
    target: str = ""
    """The field (`name@de_DE`) or attribute that it is; of the unit of a number `priceUnit`."""
    by: str = ""
    """Of a link: the field of the target that its cells hold; empty: no link."""
    where: str = ""
    """Of a link: a filter that its targets fulfil; empty: none."""
    is_list: bool = False
    """Several values in a cell."""
    has_unit: bool = False
    """Number and unit in one cell."""
    is_unique: bool = False
    """No two records have the same value there."""


@dataclass(frozen=True, slots=True)
class SelfDescription:
    """What a workbook says of itself."""

    entity: str
    url: str
    """The instance that it came from."""
    run: str
    started: str
    """When it was read, by our clock, in UTC."""
    sheet: str
    header_row: int
    """1-based."""
    separator: str
    """The mark between several values in a cell."""
    columns: Mapping[str, DescribedColumn] = field(default_factory=dict)
    """What the table calls a column now -> what it is; those that were removed or added are not here."""

    def to_mapping(self) -> str:
        """Return a mapping that imports this workbook: by `_id`, only updates, emptied cells clear fields.

        YAML in the form of JSON; read-only columns are ignored, cells that say `UNTOUCHED` left alone.
        """
        doc: dict[str, object] = {
            "entity": self.entity,
            "key": "id",
            "write": "update",
            "on_empty": "clear",
            "source": {"sheet": self.sheet, "header_row": self.header_row},
            "markers": {"skip": [UNTOUCHED]},
            "ignore": self._ignored(),
            "fields": self._docs("field"),
        }
        if attributes := self._docs("attribute"):
            doc["attributes"] = attributes
        return _text(doc)

    def updating_only(self) -> str:
        """Return the mapping for the rows that came out of AtroCore; new ones are not its affair."""
        return _text({**json.loads(self.to_mapping()), "rows": {"where": f"row[{self._id!r}]"}})

    def creating(self) -> str:
        """Return the mapping for new rows: those without an id.

        They are found by a field that is unique; where no column is one, each is created once for this file
        as it is.
        """
        doc: dict[str, object] = json.loads(self.to_mapping())
        fields = {name: one for name, one in self._docs("field").items() if name != "id"}
        key = next(
            (one.target for one in self.columns.values() if one.is_unique and one.target in fields), ""
        )
        doc |= {
            "write": "create",
            "on_empty": "skip",
            "fields": fields,
            "ignore": [*self._ignored(), self._id],
            "rows": {"where": f"not row[{self._id!r}]"},
        }
        del doc["key"]
        return _text({"key": key, **doc} if key else doc)

    @property
    def _id(self) -> str:
        return next(header for header, one in self.columns.items() if one.role == "id")

    def _ignored(self) -> list[str]:
        return [header for header, one in self.columns.items() if one.role in ("modified", "read_only")]

    def _docs(self, role: Role) -> dict[str, Doc]:
        found: dict[str, Doc] = {}
        for header, one in self.columns.items():
            if one.role == "id" and role == "field":
                found["id"] = {"column": header}
            if one.role != role or one.target in found:
                continue
            doc: dict[str, Doc] = {"column": header}
            if one.is_list:
                doc["split"] = {"by": self.separator, "escape": "\\"}
            if one.by:
                link: dict[str, Doc] = {"by": one.by}
                if one.where:
                    link["where"] = one.where
                doc["link"] = link
                if one.is_list:
                    doc["links"] = "replace"
            if one.has_unit:
                doc["measure"] = {}
            found[one.target] = doc
        return found


def mapping_of(path: Path, *, url: str, state: Path) -> Path:
    """Write the mapping that a workbook says of itself into the state folder, and return where it is.

    New rows are problems. Raises like `mappings_of`.
    """
    return _written(_own(path, url=url).to_mapping(), path, state=state)


def mappings_of(path: Path, *, url: str, state: Path) -> list[Path]:
    """Write two mappings for a workbook: one for rows that came out of AtroCore, one that creates new rows.

    Args:
        url: of the instance it shall be imported into.

    Raises:
        SourceMissing: there is no such file.
        SourceUnreadable: it is no workbook, or no export of ours.
        ConfigurationInvalid: it came from another instance, whose ids mean nothing here.
    """
    found = _own(path, url=url)
    return [_written(one, path, state=state) for one in (found.updating_only(), found.creating())]


def _own(path: Path, *, url: str) -> SelfDescription:
    if not path.exists():
        raise SourceMissing(str(path))
    found = read_self_description(path)
    if found is None or not any(one.role == "id" for one in found.columns.values()):
        lacks = "says of no column what it is" if found is None else f'has no column "{ID}" any more'
        raise SourceUnreadable(
            str(path),
            reason=f"this workbook {lacks}.",
            advice="Give a mapping: atro-etl import MAPPING FILE.",
        )
    if found.url.rstrip("/") != url.rstrip("/"):
        raise ConfigurationInvalid(
            str(path),
            what=f"it came from {found.url}, and this is {url}: its ids mean nothing here.",
            advice="Import it there, or with a mapping that finds records by a key.",
        )
    return found


def _written(text: str, path: Path, *, state: Path) -> Path:
    folder = state / "workbooks"
    make_state_folder(state)
    folder.mkdir(exist_ok=True)
    named = folder / f"{path.stem}-{hashlib.sha256(text.encode()).hexdigest()[:8]}.yaml"
    write_whole(named, text)
    return named


def _text(doc: dict[str, object]) -> str:
    return json.dumps(doc, ensure_ascii=False, indent=1) + "\n"


def described(column: Column, number: int, *, taken: set[str]) -> DescribedColumn:
    """Return what a column of an export is; a field that stands in another column already is read-only here.

    Args:
        number: tells its defined name.
        taken: fields that stand in a column already; the column's own is added.
    """
    name, address = f"atro_c{number}", column.address.text
    if column.header == ID:
        return DescribedColumn(name, address, "id")
    if column.header == MODIFIED:
        return DescribedColumn(name, address, "modified")
    made = _editable(column, name)
    if made is None or f"{made.role} {made.target}" in taken:
        return DescribedColumn(name, address, "read_only")
    taken.add(f"{made.role} {made.target}")
    return made


def _editable(column: Column, name: str) -> DescribedColumn | None:
    address, path = column.address, column.address.path
    if path is None or address.form not in ("value", "with_unit") or column.header.startswith("_"):
        return None
    steps = column.steps
    first = steps[0] if steps else None
    role: Role = "attribute" if column.attribute is not None else "field"
    where = ""
    if role == "attribute":
        if column.part == "UnitId" or (column.attribute and column.attribute.rows_channel):
            return None  # a mapping takes no unit without its number, nor a value for one of several channels
        target = _attribute_target(column)
    elif column.field is not None and first is not None and first.key == column.field.unit_key:
        if len(steps) > 1 or column.field.is_read_only:
            return None
        target, where = f"{column.field.name}Unit", f"measureId = '{column.field.measure}'"
    else:
        owner = first.field if first is not None else column.field
        language = f"@{path.language}" if path.language else ""
        target = f"{path.steps[0]}{language}"
        if owner is None or owner.is_read_only or owner.kind in ("file", "other") or owner.name == "id":
            return None
    if len(steps) > 1 or (column.is_multiple and first is not None and not first.is_multiple):
        return None
    by = column.key if first is not None else ""
    return DescribedColumn(
        name,
        address.text,
        role,
        target,
        by=by,
        where=where,
        is_list=column.is_multiple,
        has_unit=column.unit is not None,
        is_unique=first is None and column.field is not None and column.field.is_unique,
    )


def _attribute_target(column: Column) -> str:
    facts = column.attribute
    if facts is None:
        return ""
    end = {"From": ".from", "To": ".to"}.get(column.part, "")
    return f"{facts.address}{end}{f'@{column.language}' if column.language else ''}"


def lines(description: SelfDescription, columns: Sequence[DescribedColumn]) -> list[list[str]]:
    """Return the rows of the hidden sheet."""
    facts = asdict(description)
    told = [[key, str(facts[key])] for key in ("entity", "url", "run", "started", "separator")]
    return [[FORMAT], *told, ["columns"], *([one.name, json.dumps(asdict(one))] for one in columns)]


def read_self_description(path: Path) -> SelfDescription | None:
    """Return what a workbook says of itself; None: it is no export of ours, or none any more.

    Columns may have been moved, renamed, removed and added, rows sorted and inserted above the header.

    Raises:
        SourceUnreadable: it is no workbook.
    """
    try:
        book = load_workbook(path, read_only=True)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, InvalidFileException) as error:
        raise SourceUnreadable(
            str(path), reason=f"this is no readable workbook ({error}).", advice="Save it as .xlsx."
        ) from error
    try:
        if HIDDEN_SHEET not in book.sheetnames:
            return None
        rows = [
            [cell for cell in row if cell is not None]
            for row in book[HIDDEN_SHEET].iter_rows(values_only=True)
        ]
        places = {
            name: _place(one.attr_text or "")
            for name, one in book.defined_names.items()
            if NAME.fullmatch(name)
        }
    finally:
        book.close()
    if not rows or rows[0] != [FORMAT]:
        return None
    facts = {str(row[0]): str(row[1]) for row in rows[1:] if len(row) == 2}  # noqa: PLR2004  name and value
    found = {name: place for name, place in places.items() if place is not None}
    if not found:
        return None
    sheet, header_row = next(iter(found.values()))[:2]
    table = tables.read(path, ReadOptions(sheet=sheet, header_row=header_row))
    columns = {}
    for name, (_, _, letter) in sorted(found.items(), key=lambda one: one[1][2]):
        at = letter - table.first_column
        if name in facts and 0 <= at < len(table.header):
            columns[table.header[at]] = DescribedColumn(**json.loads(facts[name]))
    return SelfDescription(
        facts.get("entity", ""),
        facts.get("url", ""),
        facts.get("run", ""),
        facts.get("started", ""),
        sheet,
        header_row,
        facts.get("separator", ","),
        columns,
    )


def _place(reference: str) -> tuple[str, int, int] | None:
    """Return sheet, row (1-based) and column (0-based) of `'Products'!$B$1`; None where the cell is gone."""
    found = REFERENCE.fullmatch(reference.strip())
    if found is None:
        return None
    sheet = (found["quoted"] or "").replace("''", "'") or found["plain"]
    at = 0
    for letter in found["column"]:
        at = at * 26 + ord(letter) - 64
    return sheet, int(found["row"]), at - 1
