"""Dates and times: read in the forms that were said, kept as AtroCore keeps them: ISO, times in UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from etl.mapping.convert.cells import as_text, without

if TYPE_CHECKING:
    from etl.mapping.convert.faults import Faults

ISO_DATE = "YYYY-MM-DD"
ISO_MOMENT = "YYYY-MM-DD HH:mm:ss"
CODES = {
    "YYYY": "%Y", "YY": "%y", "MM": "%m", "M": "%m", "DD": "%d", "D": "%d",
    "HH": "%H", "H": "%H", "mm": "%M", "ss": "%S",
}  # fmt: skip
TOKEN = re.compile(r"YYYY|YY|MM|M|DD|D|HH|H|mm|ss")
ISO_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?\s*(Z|[+-]\d\d:?\d\d)?")


def strptime_format(text: str) -> str | None:
    """Return `DD.MM.YYYY` as `%d.%m.%Y`; None where no day can be told from it."""
    if not {"YYYY", "YY"} & set(TOKEN.findall(text)) or not re.search("M", text) or not re.search("D", text):
        return None
    rest = TOKEN.sub("", text)
    if re.search("[A-Za-z%]", rest.replace("T", "")):
        return None
    return TOKEN.sub(lambda found: CODES[found[0]], text)


@dataclass(frozen=True, slots=True)
class Days:
    """Cells <-> dates, as `YYYY-MM-DD` text."""

    formats: tuple[str, ...] = (ISO_DATE,)

    def to_value(self, cells: pa.Array, faults: Faults) -> pa.StringArray:
        """Return ISO dates; a day that no calendar has is a fault."""
        if pa.types.is_date(cells.type):
            return pc.cast(pc.cast(cells, pa.date32()), pa.string())
        texts = as_text(cells)
        if pa.types.is_timestamp(cells.type):
            whole = pc.ends_with(texts, " 00:00:00")
            faults.mark(pc.invert(whole), texts, code="not_a_date", facts={"format": "a day without a time"})
            return without(
                pc.utf8_slice_codeunits(texts, 0, 10), pc.fill_null(pc.invert(whole), fill_value=False)
            )
        found = _read(texts, self.formats)
        values = pc.cast(pc.cast(found, pa.date32(), safe=False), pa.string())
        faults.mark(
            _lost(texts, values), texts, code="not_a_date", facts={"format": " or ".join(self.formats)}
        )
        return values

    def to_cell(self, values: pa.StringArray) -> pa.StringArray:
        """Return the dates in the first of the formats."""
        if self.formats[0] == ISO_DATE:
            return values
        return pc.strftime(pc.cast(values, pa.date32()), _printed(self.formats[0]))


@dataclass(frozen=True, slots=True)
class Moments:
    """Cells <-> times, as `YYYY-MM-DD HH:MM:SS` text in UTC."""

    formats: tuple[str, ...] = (ISO_MOMENT,)
    zone: str | None = None
    """Of cells that name none; None: UTC."""

    def to_value(self, cells: pa.Array, faults: Faults) -> pa.StringArray:
        """Return times in UTC. Without a rule ISO forms are read, with and without an offset."""
        if pa.types.is_date(cells.type):
            cells = pc.cast(cells, pa.timestamp("s"))
        texts = as_text(cells)
        if pa.types.is_timestamp(cells.type):
            return texts if cells.type.tz else self._in_utc(pc.cast(texts, pa.timestamp("s")))
        found = _read(texts, self.formats)
        values = self._in_utc(found)
        rest = _lost(texts, values)
        if pc.any(rest).as_py() and self.formats == (ISO_MOMENT,):
            values = pc.if_else(rest, self._iso(texts, rest), values)
            rest = _lost(texts, values)
        faults.mark(rest, texts, code="not_a_date", facts={"format": " or ".join(self.formats)})
        return values

    def to_cell(self, values: pa.StringArray) -> pa.StringArray:
        """Return the times in the first of the formats, in the zone."""
        if self.formats[0] == ISO_MOMENT and self.zone is None:
            return values
        moments = pc.cast(values, pa.timestamp("s"))
        if self.zone is not None:
            moments = pc.local_timestamp(
                pc.cast(pc.assume_timezone(moments, "UTC"), pa.timestamp("s", self.zone))
            )
        return pc.strftime(moments, _printed(self.formats[0]))

    def _in_utc(self, moments: pa.Array) -> pa.StringArray:
        if self.zone is not None:
            local = pc.assume_timezone(moments, self.zone, ambiguous="earliest", nonexistent="latest")
            moments = pc.cast(pc.cast(local, pa.timestamp("s", "UTC")), pa.timestamp("s"))
        return pc.strftime(moments, "%Y-%m-%d %H:%M:%S")

    def _iso(self, texts: pa.StringArray, wanted: pa.BooleanArray) -> pa.StringArray:
        # Offsets are rare, and Arrow's parser knows none: these few cells go one by one.
        zone = ZoneInfo(self.zone) if self.zone else UTC
        return pa.array(
            [
                _iso_moment(text, zone) if is_wanted and text else None
                for text, is_wanted in zip(texts.to_pylist(), wanted.to_pylist(), strict=True)
            ],
            pa.string(),
        )


def _iso_moment(text: str, zone: tzinfo) -> str | None:
    if not ISO_TIME.fullmatch(text.strip()):
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    moment = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _printed(text: str) -> str:
    # Arrow prints fractions after %S; times are cast to whole seconds before.
    return strptime_format(text) or "%Y-%m-%d"


def _read(texts: pa.StringArray, formats: tuple[str, ...]) -> pa.Array:
    tidy = pc.utf8_trim_whitespace(texts)
    found = pa.nulls(len(texts), pa.timestamp("s"))
    for one in formats:
        pattern = strptime_format(one)
        if pattern is None:
            continue
        is_padded = not re.search(r"(?<!M)M(?!M)|(?<!D)D(?!D)|(?<!H)H(?!H)", one)
        fresh = _strptime(tidy, pattern) if is_padded else _strptime_loose(tidy, one, pattern)
        found = pc.coalesce(found, fresh)
    return found


def _strptime(texts: pa.StringArray, pattern: str) -> pa.Array:
    moments = pc.strptime(texts, pattern, "s", error_is_null=True)
    # The C library reads 31.02. as 3 March and "1.2." as 01.02.: only what prints the same again is taken.
    same = pc.equal(pc.strftime(moments, pattern), texts)
    return without(moments, pc.fill_null(pc.invert(same), fill_value=True))


def _strptime_loose(texts: pa.StringArray, form: str, pattern: str) -> pa.Array:
    shape = re.compile(TOKEN.sub(_digits, re.escape(form).replace(r"\ ", " ")))
    return pa.array([_moment(text, shape, pattern) for text in texts.to_pylist()], pa.timestamp("s"))


def _digits(found: re.Match[str]) -> str:
    return {"YYYY": r"\d{4}", "M": r"\d\d?", "D": r"\d\d?", "H": r"\d\d?"}.get(found[0], r"\d\d")


def _moment(text: str | None, shape: re.Pattern[str], pattern: str) -> datetime | None:
    if text is None or not shape.fullmatch(text):
        return None
    try:
        return datetime.strptime(text, pattern)  # noqa: DTZ007  the zone is added for the whole column
    except ValueError:
        return None


def _lost(texts: pa.StringArray, values: pa.Array) -> pa.BooleanArray:
    return pc.and_(texts.is_valid(), values.is_null())
