"""`atro-etl apply` and `undo`: what they ask before they write, and how they end."""

from __future__ import annotations

import io
import json
import sys

import pytest

from etl import blocking
from etl.cli import main
from tests.cli.shop import call
from tests.planning import shop

ROWS = [{"number": "A1", "name": "Hammer", "maker": "Makita"}, {"number": "A2", "name": "Zange"}]


class Typed(io.TextIOWrapper):
    """What somebody types on a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def sandbox(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shop.write_mapping(tmp_path / "items.yaml")
    shop.write_table(tmp_path / "items.csv", ROWS)
    with shop.running(tmp_path) as running:
        for name, value in {"URL": running.url, "USERNAME": "admin", "PASSWORD": "admin"}.items():
            monkeypatch.setenv(f"ATRO_{name}", value)
        yield running


@pytest.fixture
def plan(sandbox):
    """A plan of two creates, and of the link target that one of them needs."""
    code, out, err = call("plan", "items.yaml", "--source", "items.csv", "-o", "plan.parquet", "--json")
    assert code == 0, err
    return json.loads(out)


def test_the_plan_says_how_it_is_applied_and_that_is_what_happens(plan, sandbox):
    assert plan["next"][0] == "atro-etl apply plan.parquet"
    code, out, err = call("apply", "plan.parquet", "--yes", "--approved-by", "the buyer")
    assert code == 0, err
    assert "approved by the buyer" in out
    assert "Item: 2 created; Maker: 1 created" in err
    code, _, err = call("apply", "plan.parquet", "--yes")
    assert code == 3
    assert "applied it already" in err


def test_without_a_terminal_and_without_yes_nothing_is_done(plan, sandbox):
    before = shop.writes(sandbox)
    for verb in (("apply", "plan.parquet"), ("undo",)):
        code, _, err = call(*verb)
        assert code == 2
        assert "--yes" in err
    assert shop.writes(sandbox) == before


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 3)])
def test_on_a_terminal_it_asks_with_the_counts(plan, sandbox, monkeypatch, capsys, answer, code):
    monkeypatch.setattr(sys, "stdin", Typed(io.BytesIO(f"{answer}\n".encode())))
    with pytest.raises(SystemExit) as ended:
        main(["apply", "plan.parquet"])
    said = capsys.readouterr().err
    assert ended.value.code == code, said
    assert "Item: 2 created; Maker: 1 created" in said
    assert "Go on?" in said
    assert ("nobody agreed" in said) is (answer == "n")


@pytest.mark.parametrize(("age", "code"), [("never", 0), ("0s", 3), ("tomorrow", 2)])
def test_max_age_is_a_time_span_or_never(plan, sandbox, age, code):
    assert call("apply", "plan.parquet", "--yes", "--max-age", age)[0] == code


def test_rows_that_drifted_end_with_five_and_an_undo_tells_what_stays(plan, sandbox):
    with blocking.connect(sandbox.url, username="admin", password="admin") as pim:
        shop.store(pim, "Item", [{"id": "theirs", "number": "A2", "name": "Theirs"}])
        code, _, err = call("apply", "plan.parquet", "--yes")
        assert code == 5
        assert "changed in AtroCore meanwhile" in err
    code, _, err = call("undo", plan["run"], "--yes")
    assert code == 3
    assert "changes nothing there" in err
    applied = json.loads(call("runs", "list", "--json")[1])["runs"]
    run = next(one["run"] for one in applied if one["verb"] == "apply")
    code, out, err = call("undo", run, "--yes", "--delete-created")
    assert code == 0, err
    assert "Times and users of changes" in err
    assert out.startswith("undo · ")
