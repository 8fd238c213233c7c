"""CSV: text with a delimiter, read in blocks through pyarrow; every cell is the text that stands there.

Rules: a row's number is the physical line where it begins. An empty cell is null, quoted or not. Lines
without any content are no rows. A line with a cell too many or too few, or with a lost quote, is an
`UnreadableRow`.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from etl.errors import SourceEmpty, SourceUnreadable
from etl.model import Problem
from etl.model.letters import letters_of
from etl.tables.blocks import Layout, frames_of, not_text
from etl.tables.columns import letters, tell_apart
from etl.tables.origin import digest_of, opened
from etl.tables.records import lines_in
from etl.tables.sniff import SAMPLE_BYTES, sniff_encoding, sniff_shape
from etl.tables.table import Dialect, ReadOptions, Table
from etl.tables.values import to_texts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

WRITE_ROWS = 10_000


def read_csv(path: Path, options: ReadOptions, *, name: str, frame_rows: int) -> Table:
    """Return the table of a CSV file after a look at its first megabyte.

    Raises:
        SourceEmpty: nothing but blank lines.
        SourceUnreadable: bytes that are not of the encoding, or options that do not fit.
    """
    _check_options(options, path)
    with opened(path) as stream:
        sample = stream.read(SAMPLE_BYTES)
    found = sniff_encoding(sample)
    encoding = codecs.lookup(options.encoding).name if options.encoding else found.name
    if found.name == "utf-8-sig" and encoding in ("utf-8", "ascii"):
        encoding = "utf-8-sig"
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(sample)
    except UnicodeDecodeError as error:
        raise not_text(path, encoding, line=lines_in(sample[: error.start]) + 1) from None
    if "\0" in text[:1024]:
        raise SourceUnreadable(
            str(path), reason="this is no text file.", advice="Give the file the suffix of what it is."
        )
    newline = "\r\n" if "\r\n" in text else "\n" if "\n" in text else "\r" if "\r" in text else "\r\n"
    if newline == "\r":
        text = text.replace("\r", "\n")
    shape = sniff_shape(
        text.removeprefix("\ufeff").encode(),
        delimiter=options.delimiter,
        quote=options.quote,
        header_row=options.header_row,
        has_header=options.has_header,
    )
    first = shape.header
    if first is None:
        raise SourceEmpty(str(path))
    problems: list[Problem] = []
    offset, line = first.offset, first.line
    if shape.has_header:
        header = tell_apart(first.cells, name=name, sheet=None, row=first.line)
        names = header.names
        problems.extend(header.problems)
        offset += first.length
        line += lines_in(text.removeprefix("\ufeff").encode()[first.offset : offset])
    else:
        names = tuple(letters(at) for at in range(len(first.cells)))
    if found.is_guess and options.encoding is None:
        problems.append(Problem("encoding_guessed", name, value=encoding))
    if shape.is_header_guess:
        code = "header_not_first" if shape.has_header else "header_absent"
        problems.append(Problem(code, name, row=first.line))
    layout = Layout(path, name, encoding, newline == "\r", shape.delimiter, shape.quote, names, offset, line)
    return Table(
        name=name,
        sheet=None,
        header=names,
        dialect=Dialect("csv", encoding, shape.delimiter, shape.quote, newline),
        rows_total=None,
        path=path,
        passes=lambda: frames_of(layout, frame_rows),
        fingerprint=lambda: digest_of(path),
        problems=tuple(problems),
        header_row=first.line if shape.has_header else 0,
        is_partial="_run" in names,
    )


def _check_options(options: ReadOptions, path: Path) -> None:
    for what, mark, least in (("delimiter", options.delimiter, 1), ("quote", options.quote, 0)):
        if mark is not None and not (least <= len(mark) <= 1 and mark.isascii()):
            raise SourceUnreadable(
                str(path), reason=f'the {what} "{mark}" is not one ASCII character.', advice="Give one."
            )
    if options.encoding is not None:
        try:
            codecs.lookup(options.encoding)
        except LookupError:
            raise SourceUnreadable(
                str(path),
                reason=f'there is no encoding "{options.encoding}".',
                advice="Known are utf-8, utf-16, windows-1252, iso-8859-15 and others.",
            ) from None


class CsvWriter:
    """Writes rows as CSV; cells are made into lines by Arrow, a block at a time."""

    def __init__(
        self, path: Path, *, name: str, header: Sequence[str], dialect: Dialect, is_safe: bool
    ) -> None:
        self.problems: list[Problem] = []
        self._name, self._is_safe = name, is_safe
        self._delimiter, self._quote = dialect.delimiter, dialect.quote or '"'
        self._newline = "\n" if dialect.newline == "\r" else dialect.newline
        self._encoding = dialect.encoding
        self._stream = path.open("wb")
        self._columns = len(header)
        self._encode = codecs.getincrementalencoder(dialect.encoding)("strict").encode
        names = [str(at) for at in range(self._columns)]
        self._put(pa.table([pa.array([one], pa.string()) for one in header], names=names))

    def write(self, rows: pa.Table) -> None:
        """Add rows; numbers, dates and booleans in their canonical text."""
        self._put(rows)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def _put(self, rows: pa.Table) -> None:
        for start in range(0, len(rows), WRITE_ROWS):
            part = rows.slice(start, WRITE_ROWS)
            columns = [self._quoted(column) for column in part.columns]
            if self._columns == 1:
                # A line without any cell would be no row: an empty one is quoted.
                columns = [pc.if_else(pc.equal(columns[0], ""), self._quote * 2, columns[0])]
            columns[-1] = pc.binary_join_element_wise(columns[-1], self._newline, "")
            lines = pc.binary_join_element_wise(*columns, self._delimiter)
            block = b"".join(letters_of(chunk).tobytes() for chunk in lines.chunks)
            self._stream.write(block if self._encoding == "utf-8" else self._encoded(block.decode()))

    def _quoted(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        cells = pc.fill_null(to_texts(column), "")
        if self._is_safe and is_text:
            cells = pc.replace_substring_regex(cells, r"\A([=+\-@\t\r])", r"'\1")
        marks = f"{self._delimiter}{self._quote}\r\n"
        # Looking through the bytes of a column costs a tenth of asking each of its cells.
        data = b"".join(letters_of(chunk).tobytes() for chunk in cells.chunks)
        if not any(mark in data for mark in map(str.encode, marks)):
            return cells
        needs = pc.match_substring_regex(cells, "[" + "".join(f"\\x{ord(one):02x}" for one in marks) + "]")
        doubled = pc.replace_substring(cells, self._quote, self._quote * 2)
        return pc.if_else(needs, pc.binary_join_element_wise(self._quote, doubled, self._quote, ""), cells)

    def _encoded(self, text: str) -> bytes:
        try:
            return self._encode(text)
        except UnicodeEncodeError as error:
            value = text[error.start : error.start + 1]
            self.problems.append(
                Problem("not_encodable", self._name, value=value, facts={"encoding": self._encoding})
            )
            return text.encode(self._encoding, errors="replace")
