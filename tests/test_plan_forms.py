"""A plan as a page and as a workbook: what they show, and that data stays data."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from openpyxl import load_workbook

from etl.report import RowCounts, Summary
from etl.report.foreseen import FilesForeseen, Foreseen, Line, Uploaded, forecast, timed
from etl.report.plan_page import write_plan_page
from etl.report.plan_text import cost, duration, sentence
from etl.report.plan_workbook import write_plan_workbook

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = '<script>alert(1)</script>"\u202e\x1b[31m=1+1'


def line(kind: str, **given: str | int) -> Line:
    facts: dict[str, str | int | None] = {
        "entity": "Item", "key": "N1", "record_id": "i1", "file": "items.csv", "sheet": None, "row": 2,
        "field": "", "mode": "", "old": "", "new": "", "code": "", "message": "",
    }  # fmt: skip
    return Line(kind=kind, **{**facts, **given})


def foreseen(lines: list[Line]) -> Foreseen:
    kinds = {
        kind: sum(one.kind == kind for one in lines) for kind in ("create", "update", "invalid", "unchanged")
    }
    fields = {
        one.field: sum(two.field == one.field for two in lines) for one in lines if one.kind == "update"
    }
    return Foreseen(
        Summary("20261121T200000Z-0001", "plan", status="ok", rows=RowCounts(unchanged=3)),
        file="plan.parquet",
        url="https://pim.example",
        records={"Item": {kind: count for kind, count in kinds.items() if count}},
        fields={"Item": fields} if fields else {},
        forecast=forecast(kinds["create"] + kinds["update"], batch_rows=100, past=[]),
        first=tuple(lines),
        differences=kinds["update"],
    )


UPDATE = line("update", field="name", mode="set", old="Hammer", new=HOSTILE)
CASES = {
    "nothing": [line("unchanged")],
    "one": [UPDATE],
    "all kinds": [
        UPDATE,
        line("update", row=3, key="N2", record_id="a/b#c", field="groups", mode="add", old="G1", new="G2"),
        line("create", row=0, key="Bosch", entity="Maker", field="name", mode="set", new="Bosch"),
        line("invalid", row=9, key="", record_id="", message=f'"{HOSTILE}" is not a number.'),
    ],
}  # fmt: skip


class Page(HTMLParser):
    """Collects tags, links and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data


def page(lines: list[Line], folder: Path) -> str:
    write_plan_page(foreseen(lines), folder / "plan.html", lines=lambda: iter(lines))
    return (folder / "plan.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("lines", CASES.values(), ids=CASES)
def test_the_only_script_of_the_page_is_ours_and_is_named_by_its_digest(lines, tmp_path):
    text = page(lines, tmp_path)
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
    assert "default-src 'none'" in text
    assert "\u202e" not in text
    assert "\x1b" not in text


def test_records_that_stand_are_linked_into_atrocore_and_others_are_not(tmp_path):
    links = Page(page(CASES["all kinds"], tmp_path)).links
    assert links == ["https://pim.example/#Item/view/i1", "https://pim.example/#Item/view/a%2Fb%23c"]


def test_the_page_groups_by_kind_and_shows_old_and_new(tmp_path):
    text = re.sub(r"\s+", " ", Page(page(CASES["all kinds"], tmp_path)).text)
    assert "Changes (2)" in text
    assert "New records (1)" in text
    assert "Invalid rows (1)" in text
    assert 'name Hammer <script>alert(1)</script>"\\u202e\\x1b[31m=1+1' in text
    assert "groups G1 + G2" in text
    assert "Maker" not in Page(page(CASES["one"], tmp_path)).text


def test_a_plan_without_changes_has_no_filter_and_no_sections(tmp_path):
    shown = page(CASES["nothing"], tmp_path)
    assert "<form hidden>" in shown
    assert "<details" not in shown
    assert "An import would change nothing" in shown


@pytest.mark.parametrize("lines", CASES.values(), ids=CASES)
def test_the_workbook_holds_a_line_for_each_difference_and_every_cell_is_text(lines, tmp_path):
    write_plan_workbook(foreseen(lines), tmp_path / "plan.xlsx", lines=lines)
    sheet = load_workbook(tmp_path / "plan.xlsx")["Changes"]
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)]
    assert [cell.value for cell in sheet[1]][:3] == ["_accept", "kind", "row"]
    assert [row[1] for row in rows] == [one.kind for one in lines if one.kind != "unchanged"]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n"}
    assert not [
        cell for row in sheet.iter_rows() for cell in row if cell.data_type == "n" and cell.value is not None
    ]
    if rows:
        assert rows[0][0] == "yes"
        assert rows[0][7] == '<script>alert(1)</script>"\\u202e\\x1b[31m=1+1'
        assert sheet["G2"].fill.fgColor.rgb != sheet["H2"].fill.fgColor.rgb


@pytest.mark.parametrize(("name", "headed"), [("nothing", False), ("one", True)])
def test_the_summary_heads_changed_fields_only_when_there_are_some(name, headed, tmp_path):
    write_plan_workbook(foreseen(CASES[name]), tmp_path / "plan.xlsx", lines=CASES[name])
    told = [row[0].value for row in load_workbook(tmp_path / "plan.xlsx")["Summary"].iter_rows()]
    assert ("fields that change" in told) is headed


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "about a second"), (42.4, "about 42 s"), (60, "about 1 min"), (59 * 60, "about 59 min"),
     (22_830, "about 6 h 20 min"), (7200, "about 2 h 00 min")],
)  # fmt: skip
def test_a_forecast_is_rounded_as_people_say_it(seconds, said):
    assert duration(seconds) == said


def test_a_forecast_goes_by_what_was_measured_here_once_that_is_enough():
    assert sentence(forecast(2000, batch_rows=100, past=[(10, 1.0)])) == (
        "It would take 20 requests, about 2 min at the 20 records a second that AtroCore usually stores."
    )
    assert sentence(forecast(2000, batch_rows=100, past=[(100, 10.0), (300, 30.0), (5, 0.0)])) == (
        "It would take 20 requests, about 3 min at the 10 records a second measured here."
    )
    usual = forecast(2000, batch_rows=100, past=[])
    assert sentence(dataclasses.replace(usual, attribute_share=0.7)) == (
        "It would take 20 requests, about 2 min at the 20 records a second that AtroCore usually stores; "
        "mostly attributes."
    )


def test_a_forecast_of_uploads_goes_by_what_they_took_here_once_these_are_enough():
    films = FilesForeseen(uploads=10, bytes=1_000_000_000)
    assert (timed(films, past=[]).seconds, timed(films, past=[]).is_measured) == (201.5, False)
    few = [Uploaded(2, 10_000, 60.0)]
    assert timed(films, past=few) == timed(films, past=[])
    # A hundred pictures and a film, each in twice the usual time.
    many = [Uploaded(100, 0, 30.0), Uploaded(1, 500_000_000, 200.3)]
    assert timed(films, past=[*few, *many]).is_measured
    assert timed(films, past=many).seconds == pytest.approx(403.0)


def test_the_time_of_uploads_stands_where_their_bytes_are_told():
    files = FilesForeseen(3, 2_000_000, 1, seconds=5400.0, is_measured=True)
    plan = dataclasses.replace(foreseen([line("create")]), files=files)
    assert cost(plan)[-1] == (
        "3 files to upload (2.0 MB, about 1 h 30 min as measured here), "
        "1 of them by addresses that were not fetched yet."
    )


def test_files_to_upload_stand_on_the_page_and_in_the_workbook(tmp_path):
    lines = [line("upload", entity="File", key="a.png", new="a.png, 20 bytes, MD5 x", row=7), line("create")]
    plan = dataclasses.replace(foreseen(lines), files=FilesForeseen(1, 20))
    write_plan_page(plan, tmp_path / "plan.html", lines=lambda: iter(lines))
    page = (tmp_path / "plan.html").read_text(encoding="utf-8")
    assert "Files to upload (1)" in page
    assert "a.png, 20 bytes, MD5 x" in page
    write_plan_workbook(plan, tmp_path / "plan.xlsx", lines=lines)
    rows = list(load_workbook(tmp_path / "plan.xlsx")["Changes"].iter_rows(min_row=2, values_only=True))
    assert [(row[0] or "", row[1], row[4]) for row in rows] == [
        ("", "upload", "a.png"),
        ("yes", "create", "N1"),
    ]
