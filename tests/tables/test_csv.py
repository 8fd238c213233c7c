from __future__ import annotations

import csv as standard
import io
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl import tables
from etl.errors import FormatUnknown, SourceEmpty, SourceMissing, SourceUnreadable
from etl.tables import blocks as reader
from etl.tables import records

if TYPE_CHECKING:
    from pathlib import Path


def rows_of(table: tables.Table) -> dict[int, tuple[object, ...]]:
    found: dict[int, tuple[object, ...]] = {}
    for frame in table.frames():
        columns = [frame.column(name).to_pylist() for name in table.header]
        for number, cells in zip(frame.numbers.to_pylist(), zip(*columns, strict=True), strict=True):
            found[number] = cells  # noqa: PERF403  two levels of rows read better
    return found


def unreadable_of(table: tables.Table) -> dict[int, tuple[str, tuple[str, ...]]]:
    return {one.row: (one.problem.code, one.cells) for frame in table.frames() for one in frame.unreadable}


def written(folder: Path, content: bytes | str, name: str = "feed.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_cells_arrive_as_the_text_that_stands_there(tmp_path: Path) -> None:
    path = written(tmp_path, "a;b;c;d;e;f\n00123;NA;1,5;TRUE;1E5;null\n")
    assert rows_of(tables.read(path)) == {2: ("00123", "NA", "1,5", "TRUE", "1E5", "null")}


def test_an_empty_cell_is_null_quoted_or_not(tmp_path: Path) -> None:
    path = written(tmp_path, 'a,b,c\n,"",x\n')
    assert rows_of(tables.read(path)) == {2: (None, None, "x")}


def test_rows_keep_their_physical_line_behind_blank_lines_and_quoted_line_breaks(tmp_path: Path) -> None:
    path = written(tmp_path, '\r\na;b\r\n1;"x\r\ny"\r\n\r\n2;z\r\n;\r\n3;"q""\n""r"\r\n4;end')
    table = tables.read(path)
    assert rows_of(table) == {
        3: ("1", "x\r\ny"),
        6: ("2", "z"),
        8: ("3", 'q"\n"r'),
        10: ("4", "end"),
    }
    assert table.dialect.newline == "\r\n"


def test_each_call_of_frames_is_a_pass_of_its_own(tmp_path: Path) -> None:
    table = tables.read(written(tmp_path, "a,b\n1,2\n3,4\n"))
    assert rows_of(table) == rows_of(table) == {2: ("1", "2"), 3: ("3", "4")}


def test_ragged_lines_are_problems_with_their_line_and_the_rest_is_read(tmp_path: Path) -> None:
    table = tables.read(written(tmp_path, 'a,b\n1,2\n\n3\n"x\ny",5\n6,7,8\n9,10\n'))
    assert rows_of(table) == {2: ("1", "2"), 5: ("x\ny", "5"), 8: ("9", "10")}
    assert unreadable_of(table) == {4: ("ragged_row", ("3",)), 7: ("ragged_row", ("6", "7", "8"))}


def test_stray_quotes_within_cells_are_letters(tmp_path: Path) -> None:
    table = tables.read(written(tmp_path, 'a;b;c\n5" pipe;x;24"\n"a "b" c";"d\ne";f\n1;2;3\n'))
    assert rows_of(table) == {2: ('5" pipe', "x", '24"'), 3: ('a b" c"', "d\ne", "f"), 5: ("1", "2", "3")}
    assert not unreadable_of(table)


def test_stray_quotes_on_two_lines_do_not_join_them(tmp_path: Path) -> None:
    table = tables.read(written(tmp_path, 'a;b\n"m\nn";o\n5" x;y\nz;24"\n'))
    assert rows_of(table) == {2: ("m\nn", "o"), 4: ('5" x', "y"), 5: ("z", '24"')}


def test_a_lost_quote_costs_its_line_and_not_the_rest_of_the_file(tmp_path: Path) -> None:
    table = tables.read(written(tmp_path, 'a;b;c\n1;"abc;2\n2;"def";3\n3;ghi;4\n'))
    assert rows_of(table) == {3: ("2", "def", "3"), 4: ("3", "ghi", "4")}
    assert set(unreadable_of(table)) == {2}
    assert unreadable_of(table)[2][0] == "unclosed_quote"


def test_a_file_cut_within_a_quoted_cell_has_one_unreadable_row(tmp_path: Path) -> None:
    table = tables.read(written(tmp_path, 'a;b;c\n1;2;3\n2;x;"first line\nsecond; line\nthi'))
    assert rows_of(table) == {2: ("1", "2", "3")}
    assert list(unreadable_of(table)) == [3]
    (problem,) = [one.problem for frame in table.frames() for one in frame.unreadable]
    assert (problem.code, problem.row, problem.facts["lines"]) == ("unclosed_quote", 3, "2")


def test_a_cell_of_sixty_thousand_letters_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "BLOCK_BYTES", 1000)
    text = "ä\n" * 30_000
    table = tables.read(written(tmp_path, f'a,b\n1,x\n2,"{text}"\n3,y\n'))
    assert rows_of(table) == {2: ("1", "x"), 3: ("2", text), 30004: ("3", "y")}


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("Name;Größe\nStraße;5 €\n".encode("cp1252"), "cp1252"),
        ("Name;Größe\nStraße;5 €\n".encode("utf-8-sig"), "utf-8-sig"),
        ("Name;Größe\nStraße;5 €\n".encode("utf-16"), "utf-16"),
        ("Name;Größe\nStraße;5 €\n".encode("utf-16-le"), "utf-16-le"),
        ("Name;Größe\nStraße;5 €\n".encode(), "utf-8"),
    ],
)
def test_the_encoding_is_found(tmp_path: Path, content: bytes, encoding: str) -> None:
    table = tables.read(written(tmp_path, content))
    assert table.header == ("Name", "Größe")
    assert rows_of(table) == {2: ("Straße", "5 €")}
    assert table.dialect.encoding == encoding


def test_a_guessed_encoding_is_said_aloud(tmp_path: Path) -> None:
    table = tables.read(written(tmp_path, "Name;Größe\nStraße;5 €\n".encode("cp1252")))
    assert [one.code for one in table.problems] == ["encoding_guessed"]


def test_cyrillic_is_not_taken_for_western(tmp_path: Path) -> None:
    text = "Название;Цена\nЩётка для уборки;12\nДрель ударная;7\n" * 40  # noqa: RUF001  Cyrillic is the point
    assert tables.read(written(tmp_path, text.encode("cp1251"))).header[0] == "Название"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_though_the_cells_hold_others(tmp_path: Path, delimiter: str) -> None:
    lines = [delimiter.join(("Nummer", "Preis", "Text"))]
    lines += [delimiter.join((str(at), f'"{at},50"', '"a;b|c,d"')) for at in range(20)]
    table = tables.read(written(tmp_path, "\n".join(lines)))
    assert table.header == ("Nummer", "Preis", "Text")


def test_a_single_quote_as_quote_is_found(tmp_path: Path) -> None:
    lines = "\n".join(f"'n{at}';'it''s; so'" for at in range(10))
    table = tables.read(written(tmp_path, f"'a';'b'\n{lines}\n"))
    assert rows_of(table)[2] == ("n0", "it's; so")


def test_excels_own_first_line_names_the_delimiter(tmp_path: Path) -> None:
    table = tables.read(written(tmp_path, "sep=|\r\na;x|b\r\n1|2\r\n"))
    assert (table.header, rows_of(table)) == (("a;x", "b"), {3: ("1", "2")})


def test_titles_above_the_header_are_left_out_and_said(tmp_path: Path) -> None:
    table = tables.read(written(tmp_path, "Preisliste 2026;;\n;;\nNr;Name;Preis\n1;a;2\n2;b;3\n"))
    assert (table.header, rows_of(table)) == (
        ("Nr", "Name", "Preis"),
        {4: ("1", "a", "2"), 5: ("2", "b", "3")},
    )
    assert [one.code for one in table.problems] == ["header_not_first"]


def test_a_file_without_header_has_lettered_columns(tmp_path: Path) -> None:
    table = tables.read(written(tmp_path, "1;a;2,5\n2;b;3\n3;c;4\n"))
    assert (table.header, rows_of(table)[1]) == (("A", "B", "C"), ("1", "a", "2,5"))
    assert [one.code for one in table.problems] == ["header_absent"]
    said = tables.read(written(tmp_path, "x;y\n"), tables.ReadOptions(has_header=False))
    assert (rows_of(said), said.problems) == ({1: ("x", "y")}, ())


def test_doubled_and_missing_header_names_are_told_apart_and_reported(tmp_path: Path) -> None:
    table = tables.read(written(tmp_path, "Name;;Name;Name (2);Name\n1;2;3;4;5\n"))
    assert table.header == ("Name", "(column B)", "Name (3)", "Name (2)", "Name (4)")
    assert [one.code for one in table.problems] == ["header_empty", "header_duplicate", "header_duplicate"]


def test_the_header_row_can_be_given(tmp_path: Path) -> None:
    table = tables.read(written(tmp_path, "x\ny\na,b\n1,2\n"), tables.ReadOptions(header_row=3))
    assert (table.header, rows_of(table)) == (("a", "b"), {4: ("1", "2")})


def test_a_header_alone_has_no_rows(tmp_path: Path) -> None:
    table = tables.read(written(tmp_path, "a;b;c"))
    assert (table.header, rows_of(table)) == (("a", "b", "c"), {})


def test_one_column_is_a_table(tmp_path: Path) -> None:
    assert rows_of(tables.read(written(tmp_path, "sku\n00123\n\nx\n"))) == {2: ("00123",), 4: ("x",)}


def test_old_macs_line_ends_are_read(tmp_path: Path) -> None:
    assert rows_of(tables.read(written(tmp_path, "a;b\r1;2\r3;4\r"))) == {2: ("1", "2"), 3: ("3", "4")}


@pytest.mark.parametrize("content", [b"", b"\n\r\n\n"])
def test_a_file_without_content_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(SourceEmpty):
        tables.read(written(tmp_path, content))


def test_a_missing_file_is_told_with_its_neighbour(tmp_path: Path) -> None:
    written(tmp_path, "a\n1\n", "products.csv")
    with pytest.raises(SourceMissing, match=r"Did you mean .*products\.csv"):
        tables.read(tmp_path / "product.csv")


def test_an_unknown_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatUnknown):
        tables.read(written(tmp_path, "x", "a.docx"))


def test_a_byte_of_another_encoding_is_told_with_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, b"a;b\n" + b"1;2\n" * 400_000 + b"gr\xfcn;2\n")
    with pytest.raises(SourceUnreadable, match=r"line 400002 is not utf-8"):
        rows_of(tables.read(path))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (tables.ReadOptions(delimiter=";;"), 'delimiter ";;" is not one ASCII character'),
        (tables.ReadOptions(quote="«"), 'quote "«" is not one ASCII character'),
        (tables.ReadOptions(encoding="utf-9"), 'no encoding "utf-9"'),
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path: Path, options: tables.ReadOptions, says: str) -> None:
    with pytest.raises(SourceUnreadable, match=says):
        tables.read(written(tmp_path, "a,b\n1,2\n"), options)


def test_a_given_encoding_that_is_wrong_is_told_with_its_line(tmp_path: Path) -> None:
    head = "a;b\n" + "1;ä\n" * 300_000
    path = written(tmp_path, head.encode("utf-16") + b"\x00\xdc\n\x00")
    with pytest.raises(SourceUnreadable, match=r"line 30\d{4} is not utf-16"):
        rows_of(tables.read(path))
    with pytest.raises(SourceUnreadable, match=r"line 2 is not euc_jp"):
        tables.read(written(tmp_path, b"a;b\n\xff\xff;1\n"), tables.ReadOptions(encoding="euc-jp"))


def test_without_quotes_they_are_letters(tmp_path: Path) -> None:
    table = tables.read(written(tmp_path, 'a;b\n"x;"y\n'), tables.ReadOptions(quote=""))
    assert rows_of(table) == {2: ('"x', '"y')}


def test_frames_hold_at_most_the_rows_asked_for(tmp_path: Path) -> None:
    table = tables.read(written(tmp_path, "a\n" + "x\n" * 1001), frame_rows=100)
    sizes = [len(frame) for frame in table.frames()]
    assert max(sizes) <= 100
    assert sum(sizes) == 1001


def test_a_header_over_two_lines_is_one_header(tmp_path: Path) -> None:
    table = tables.read(written(tmp_path, 'Nr;"Preis\nin Euro";Name\n1;2;3\n'))
    assert (table.header, rows_of(table)) == (("Nr", "Preis in Euro", "Name"), {3: ("1", "2", "3")})


def test_reading_holds_some_blocks_and_not_the_file(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    line = "00123;" + "x" * 300 + ";1,50\n"
    path.write_text("a;b;c\n" + line * 100_000)
    before = pa.total_allocated_bytes()
    held = [pa.total_allocated_bytes() - before for _ in tables.read(path).frames()]
    assert max(held) < 10 * reader.BLOCK_BYTES < path.stat().st_size


def test_the_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    one = tables.read(written(tmp_path, "a\n1\n", "x.csv")).digest()
    two = tables.read(written(tmp_path, "a\n1\n", "y.csv")).digest()
    assert one == two != tables.read(written(tmp_path, "a\n2\n", "x.csv")).digest()


cells = st.text(st.sampled_from('ab;"\n\r ä,0'), max_size=6)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=30), st.integers(3, 60))
def test_what_the_standard_library_writes_is_read_with_its_lines(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], block_bytes: int
) -> None:
    content = io.StringIO()
    writer = standard.writer(content, delimiter=";", lineterminator="\r\n")
    writer.writerow(("one", "two", "three"))
    expected: dict[int, tuple[object, ...]] = {}
    for row in rows:
        before = content.getvalue().encode()
        writer.writerow(row)
        if any(row):
            expected[records.lines_in(before) + 1] = tuple(cell or None for cell in row)
    path = tmp_path_factory.mktemp("law") / "feed.csv"
    path.write_bytes(content.getvalue().encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "BLOCK_BYTES", block_bytes)
        table = tables.read(path, tables.ReadOptions(delimiter=";", quote='"', header_row=1))
        assert rows_of(table) == expected
        assert not unreadable_of(table)


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from('ab;;""\n\n\r ä'), max_size=60), st.integers(1, 30))
def test_whatever_a_file_holds_its_rows_do_not_depend_on_the_size_of_blocks(
    tmp_path_factory: pytest.TempPathFactory, content: str, block_bytes: int
) -> None:
    path = tmp_path_factory.mktemp("law") / "feed.csv"
    path.write_bytes(f"one;two\n{content}".encode())
    table = tables.read(path, tables.ReadOptions(delimiter=";", quote='"', header_row=1))
    rows, unreadable = rows_of(table), unreadable_of(table)
    assert not rows.keys() & unreadable.keys()
    assert list(rows) == sorted(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "BLOCK_BYTES", block_bytes)
        assert (rows_of(table), unreadable_of(table)) == (rows, unreadable)


def test_a_quote_lost_in_a_long_file_is_given_up_after_the_longest_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "BLOCK_BYTES", 50)
    monkeypatch.setattr(records, "LONGEST_CELL_BYTES", 500)
    table = tables.read(written(tmp_path, 'a;b\n1;"x\n' + "2;y\n" * 1000), tables.ReadOptions(quote='"'))
    assert len(rows_of(table)) == 1000
    assert list(unreadable_of(table)) == [2]
