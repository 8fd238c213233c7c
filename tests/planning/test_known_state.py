"""The file of what is known: sorted, merged with its journal, and never half of anything."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.model import ChangeKind, Changes
from etl.planning import known as room
from etl.planning.conflicts import print_of
from etl.planning.knowing import Knowing
from etl.planning.known import About, KnownHeader, layout_of, read_known, to_plain
from etl.planning.known_journal import KnownJournal, journalled
from etl.planning.known_writing import mended, write_header, write_known
from etl.planning.matching import Digested, Matched, Trust, absent, changed_since_then, match

ABOUT = About(
    url="https://pim.example", mapping="shop/m.yaml", block="", entity="Product", key_fields=("number",)
)
HEADER = KnownHeader(about=ABOUT, context="c", seen_to="2026-11-21 10:00:00", run="r1")
T1, T2 = "2026-11-21 10:00:00", "2026-11-21 11:00:00"


def digest(text):
    return xxhash.xxh3_128_digest(text.encode())


def lines(*rows, fields=("name",)):
    """Lines of (key, id, what it was made from, modifiedAt, prints …)."""
    columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[]] * (4 + len(fields))
    texts, ids, made, moments, *prints = columns
    layout = layout_of(fields)
    arrays = [
        [digest(text) for text in texts],
        texts,
        ids,
        [None if one is None else digest(one) for one in made],
        moments,
        *prints,
    ]
    return pa.record_batch(
        [pa.array(one, field.type) for one, field in zip(arrays, layout, strict=True)], schema=layout
    )


def remembered(state, *portions, header=HEADER, forgotten=None):
    """Write portions through a journal, as a run does; return what is known then."""
    known = read_known(state, ABOUT)
    journal = KnownJournal(known.journal, header=to_plain(header))
    for portion in portions:
        journal.append(portion)
    journal.close()
    return write_known(known, header, forgotten=forgotten)


def held(known):
    columns = ("text", "id", "made_from", "modified_at", "wrote:name")
    tables = [part.select(list(columns)) for part in known.parts(columns)]
    return {line.pop("text"): tuple(line.values()) for line in pa.concat_tables(tables).to_pylist()}


@pytest.fixture(params=[2, 65_536], ids=["many parts", "one part"])
def parted(request, monkeypatch):
    monkeypatch.setattr(room, "PART_LINES", request.param)


def test_what_was_written_is_read_sorted_by_the_digest_of_its_key(tmp_path, parted):
    rows = [(f"k{i}", f"id{i}", f"cells{i}", T1, i + 2) for i in range(20)]
    remembered(tmp_path, lines(*rows[:7]), lines(*rows[7:]))
    known = read_known(tmp_path, ABOUT)
    assert (known.lines, known.why, known.header) == (20, "", HEADER)
    keys = [key for part in known.parts(()) for key in part["key"].to_pylist()]
    assert keys == sorted(digest(one[0]) for one in rows)
    assert held(known)["k3"] == ("id3", digest("cells3"), T1, 5)


def test_a_new_line_takes_the_place_of_the_old_one_and_keeps_what_was_written_before(tmp_path, parted):
    remembered(tmp_path, lines(("a", "1", "x", T1, 7), ("b", "2", "y", T1, 8), ("c", "3", "z", T1, 9)))
    later = remembered(tmp_path, lines(("b", "2", "y2", T2, 0), ("c", None, None, None, 0)))
    assert held(later) == {"a": ("1", digest("x"), T1, 7), "b": ("2", digest("y2"), T2, 8)}
    # However often it was not written meanwhile.
    again = remembered(tmp_path, lines(("b", "2", None, T2, 0)), lines(("b", "2", "y3", T2, 0)))
    assert held(again)["b"] == ("2", digest("y3"), T2, 8)


def test_what_the_server_made_of_a_value_is_what_stands_there_and_no_edit(tmp_path):
    known = remembered(tmp_path, lines(("a", "1", "x", T1, print_of("<b>", is_ordered=False))))
    journal = KnownJournal(known.journal, header=to_plain(HEADER))
    nobody = Matched(
        Digested(path=tmp_path, places=()), np.zeros(0, np.bool_), np.zeros(0, np.int64), tmp_path, tmp_path
    )
    sent = Changes(
        "Product",
        "a.csv",
        None,
        numbers=pa.array([2]),
        keys=pa.array(["a"]),
        ids=pa.array(["1"]),
        kinds=[ChangeKind.UPDATE],
        columns={"name": pa.array(["<b>"])},
    )
    Knowing("Product", nobody, journal, fields=("name",), policies={}).revoke(
        sent, {"id": "1", "name": "b", "modifiedAt": T2}
    )
    journal.close()
    assert held(write_known(known, HEADER)) == {"a": ("1", None, T2, print_of("b", is_ordered=False))}


def test_forgotten_lines_stay_but_are_compared(tmp_path, parted):
    known = remembered(tmp_path, lines(("a", "1", "x", T1, 7), ("b", "2", "y", T1, 8)))
    order = [text for part in known.parts(("text",)) for text in part["text"].to_pylist()]
    later = remembered(tmp_path, forgotten=np.array([one == "a" for one in order]))
    assert held(later) == {"a": ("1", None, T1, 7), "b": ("2", digest("y"), T1, 8)}


def test_a_field_more_is_a_column_more(tmp_path):
    remembered(tmp_path, lines(("a", "1", "x", T1, 7)))
    later = remembered(tmp_path, lines(("b", "2", "y", T1, 8, 9), fields=("name", "price")))
    assert later.fields == ("name", "price")
    (part,) = later.parts(("text", "wrote:name", "wrote:price"))
    found = {one["text"]: (one["wrote:name"], one["wrote:price"]) for one in part.to_pylist()}
    assert found == {"a": (7, 0), "b": (8, 9)}


def test_a_journal_cut_at_any_byte_gives_its_whole_portions_and_nothing_else(tmp_path):
    known = read_known(tmp_path, ABOUT)
    journal = KnownJournal(known.journal, header=to_plain(HEADER))
    ends = []
    for row in ("a", "b"):
        journal.append(lines((row, f"id {row}", "x", T1, 7)))
        ends.append(known.journal.stat().st_size)
    journal.close()
    content = known.journal.read_bytes()
    for cut in (*range(0, len(content), 13), *ends, *(end - 1 for end in ends)):
        known.journal.write_bytes(content[:cut])
        found = journalled(known.journal)
        told = [] if found is None else [one["text"][0].as_py() for one in found.lines()]
        assert told == ["a", "b"][: sum(end <= cut for end in ends)]
    for at in range(0, len(content), 29):
        known.journal.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        found = journalled(known.journal)
        whole = sum(end <= at for end in ends)
        assert (0 if found is None else len(list(found.lines()))) == whole


def test_what_a_killed_run_left_is_worked_in_by_the_next_one_that_writes(tmp_path):
    remembered(tmp_path, lines(("a", "1", "x", T1, 7)))
    known = read_known(tmp_path, ABOUT)
    KnownJournal(known.journal, header=to_plain(dataclasses.replace(HEADER, seen_to=T2))).append(
        lines(("b", "2", "y", T2, 8))
    )
    # Who only reads leaves it to the run that may be under way.
    assert held(read_known(tmp_path, ABOUT)).keys() == {"a"}
    after = mended(read_known(tmp_path, ABOUT))
    assert held(after).keys() == {"a", "b"}
    assert after.header.seen_to == HEADER.seen_to
    assert not after.journal.exists()


def test_a_journal_of_something_else_is_thrown_away(tmp_path):
    known = read_known(tmp_path, ABOUT)
    other = dataclasses.replace(HEADER, about=dataclasses.replace(ABOUT, entity="Brand"))
    KnownJournal(known.journal, header=to_plain(other)).append(lines(("b", "2", "y", T2, 8)))
    assert mended(known).lines == 0
    assert not known.journal.exists()


def test_what_is_written_beside_counts_for_its_own_file_alone(tmp_path):
    known = remembered(tmp_path, lines(("a", "1", "x", T1, 7)))
    write_header(known, dataclasses.replace(HEADER, seen_to=T2, run="r2"))
    assert read_known(tmp_path, ABOUT).header.seen_to == T2
    remembered(tmp_path, lines(("a", "1", "x", T1, 7)), header=dataclasses.replace(HEADER, run="r3"))
    assert read_known(tmp_path, ABOUT).header.seen_to == T1
    known.path.with_suffix(".json").write_text("{")
    assert read_known(tmp_path, ABOUT).header.seen_to == T1


@pytest.mark.parametrize(
    ("ids", "moments", "expected"),
    [
        ([], [], {"old"}),
        (["1", "2"], [T2, T2], {"old", "new"}),
        (["1", "2", "0"], [T2, "2026-11-21 11:00:01", T2], {"new"}),
    ],
)
def test_records_of_another_moment_and_those_that_are_gone_are_believed_no_more(
    tmp_path, parted, ids, moments, expected
):
    known = remembered(
        tmp_path, lines(("old", "0", "x", T1, 7), ("new", "1", "x", T2, 7), ("other", "2", "x", T2, 7))
    )
    changed = changed_since_then(known, ids, moments, since="2026-11-21 10:30:00")
    order = [text for part in known.parts(("text",)) for text in part["text"].to_pylist()]
    believed = {one for one, is_changed in zip(order, changed, strict=True) if not is_changed}
    assert believed >= expected - {"other"}
    assert ("other" in believed) is (ids == ["1", "2"])


def scanned(folder, *rows):
    """Digests as a scan leaves them: (row, head, key or None, cells)."""
    path = folder / "scan.arrow"
    schema = pa.schema(
        [("row", pa.int64()), ("head", pa.int64()), ("key", pa.binary(16)), ("cells", pa.binary(16))]
    )
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for some in itertools.batched(rows, 3) if hasattr(itertools, "batched") else [rows]:
            number, head, keys, cells = (list(column) for column in zip(*some, strict=True))
            arrays = [number, head, [key and digest(key) for key in keys], [digest(one) for one in cells]]
            writer.write_batch(
                pa.record_batch([pa.array(a, f.type) for a, f in zip(arrays, schema, strict=True)], schema)
            )
    return Digested(path=path, places=((("f.csv", None), len(rows)),))


def test_rows_are_known_whose_cells_and_records_are_the_same(tmp_path, parted):
    known = remembered(
        tmp_path,
        lines(*((key, f"id {key}", f"cells {key}", T1, 7) for key in "abcd"), ("e", "id e", None, T1, 7)),
    )
    digested = scanned(
        tmp_path,
        (2, 2, "a", "cells a"),
        (3, 3, "b", "other"),
        (4, 4, "new", "cells new"),
        (5, 5, "c", "cells c"),
        (6, 5, None, "cells c"),
        (7, 7, None, "unreadable"),
        (8, 8, "e", "cells e"),
    )
    found = match(known, digested, trust=Trust(), folder=tmp_path, name="")
    assert found.known.tolist() == [True, False, False, True, True, False, False]
    assert found.rows == 4 - 1
    reported = [one for _, table in found.reported() for one in table.to_pylist()]
    assert sorted((one["row"], one["text"], one["id"]) for one in reported) == [
        (2, "a", "id a"), (5, "c", "id c"), (6, "c", "id c"),
    ]  # fmt: skip
    has_line = found.before >= 0
    assert has_line.tolist() == [False, True, False, False, False, False, True]
    before = found.lines_before(found.before[has_line])
    assert before["id"].to_pylist() == ["id b", "id e"]
    assert {text for part in absent(known, digested) for text in part["text"].to_pylist()} == {"d"}
    nobody = match(known, digested, trust=Trust(is_any=False), folder=tmp_path, name="")
    assert nobody.rows == 0


@settings(max_examples=8, deadline=None)
@given(fraction=st.sampled_from([0.1, 0.3, 0.5, 1.0]), count=st.integers(1, 60))
def test_in_so_many_turns_as_the_share_asks_for_every_row_is_reread(tmp_path_factory, fraction, count):
    folder = tmp_path_factory.mktemp("turns")
    known = remembered(folder, lines(*((f"k{i}", f"{i}", "x", T1, 7) for i in range(count))))
    digested = scanned(folder, *((i + 2, i + 2, f"k{i}", "x") for i in range(count)))
    turn, seen = 0.0, np.zeros(count, np.bool_)
    for _ in range(math.ceil(1 / fraction)):
        trust = Trust(turn=turn, fraction=fraction)
        found = match(known, digested, trust=trust, folder=folder, name="")
        assert found.verified == count - found.rows
        seen |= ~found.known
        turn = (turn + fraction) % 1.0
    assert seen.all()
