"""What the runs did to one record, as the command tells it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.shop import call

MAPPING = """\
entity: Product
key: number
source: {file: feed.csv}
fields:
  number: No
  name: Name
  description@de_DE: Text
"""


@pytest.fixture
def feed(tmp_path, monkeypatch, sandbox_in_thread):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATRO_URL", sandbox_in_thread.url)
    monkeypatch.setenv("ATRO_USERNAME", "admin")
    monkeypatch.setenv("ATRO_PASSWORD", "admin")
    Path("feed.yaml").write_text(MAPPING.replace("  description@de_DE: Text\n", ""))

    def carry(*rows):
        Path("feed.csv").write_text("\n".join(["No,Name,Text", *rows]) + "\n")
        code, out, err = call("import", "feed.yaml", "--json")
        assert code == 0, (out, err)
        return json.loads(out)["run"]

    return carry


def test_each_run_tells_its_row_its_line_and_the_values(feed):
    made = feed("1,Hammer,", "2,Zange,")
    changed = feed("2,Zange,", "1,Fäustel,")
    code, out, _ = call("history", "Product", "1")
    assert code == 0
    first, where, second, origin, number, _, name, _ = out.splitlines()
    assert changed in first
    assert first.endswith('name: "Hammer" → "Fäustel"')
    assert "feed.csv, row 3 · feed.yaml:6:3" in where.replace(str(Path.cwd()) + "/", "")
    assert made in second
    assert second.endswith("created")
    assert "feed.csv, row 2" in origin
    assert (number.endswith('number: "" → "1"'), name.endswith('name: "" → "Hammer"')) == (True, True)
    code, out, _ = call("undo", changed, "--yes", "--quiet")
    assert code == 0
    events = json.loads(call("history", "Product", "1", "--field", "name", "--json")[1])["events"]
    assert [(one["verb"], one["status"], one["old"], one["new"]) for one in events] == [
        ("undo", "updated", "Fäustel", "Hammer"),
        ("import", "updated", "Hammer", "Fäustel"),
        ("import", "created", "", "Hammer"),
    ]


def test_an_edited_mapping_is_not_pointed_into_and_an_unknown_record_is_said_to_be_one(feed):
    feed("1,Hammer,")
    feed("1,Fäustel,")
    Path("feed.yaml").write_text("# a line more\n" + Path("feed.yaml").read_text())
    events = json.loads(call("history", "Product", "1", "--field", "name", "--json")[1])["events"]
    assert [one["place"] for one in events] == ["", ""]
    code, out, err = call("history", "Product", "77")
    assert (code, out) == (0, "")
    assert 'no run here changed Product "77"' in err
