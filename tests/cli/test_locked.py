"""A run that is under way is left alone, whatever is typed; a killed one holds nobody up."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pyarrow import parquet

import etl
from etl.blocking import export_file
from etl.errors import RunLocked
from etl.exporting import How, What
from etl.runs import Process, RunLock, this_process
from tests.cli.shop import call

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.report import Summary
    from etl.runs import Run
    from etl.sandbox import Sandbox

MAPPING = "entity: Product\nkey: number\nfields:\n  number: No\n  name: Name\nsource: {file: feed.csv}\n"


@pytest.fixture
def pim_url(sandbox_in_thread: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A sandbox, and a folder where commands are typed, with a feed of forty products."""
    for name, value in {"URL": sandbox_in_thread.url, "USERNAME": "admin", "PASSWORD": "admin"}.items():
        monkeypatch.setenv(f"ATRO_{name}", value)
    (tmp_path / "m.yaml").write_text(MAPPING)
    feed(tmp_path, 40)
    monkeypatch.chdir(tmp_path)
    return sandbox_in_thread.url


def feed(folder: Path, rows: int) -> None:
    (folder / "feed.csv").write_text("No;Name\n" + "".join(f"{i};Name {i}\n" for i in range(rows)))


def imported(url: str, begins: Callable[[Run], None], *, batches: int | None = None) -> Summary:
    """Import by the name that is typed here; `begins` is called while the run holds its lock."""
    asked: list[int] = []

    def is_stopping() -> bool:
        asked.append(1)
        return batches is not None and len(asked) > batches

    limits = etl.Limits(batch_rows=10, in_flight=1)
    with etl.connect(url, username="admin", password="admin", limits=limits) as pim:
        return etl.import_table(None, "m.yaml", pim, begins=begins, is_stopping=is_stopping)


def test_a_run_under_way_can_neither_be_resumed_nor_undone_nor_begun_again_by_another_name(pim_url, tmp_path):
    said: list[tuple[int, str]] = []

    def meanwhile(run: Run) -> None:
        for typed in (
            ["resume", run.id],
            ["undo", run.id, "--yes"],
            ["import", str(tmp_path / "m.yaml")],
            ["import", "../" + tmp_path.name + "/m.yaml"],
        ):
            code, _, err = call(*typed)
            said.append((code, err))

    summary = imported(pim_url, meanwhile)
    assert (summary.status, summary.rows.created) == ("ok", 40)
    assert [code for code, _ in said] == [3, 3, 3, 3]
    assert f"this run is under way (run {summary.run}, process" in said[0][1]
    for _, err in said[1:]:
        assert f"another run is under way (run {summary.run}, process" in err
    results = parquet.read_table(Path(summary.folder) / "results.parquet").to_pylist()
    assert sorted(one["row"] for one in results) == list(range(2, 42))


def test_a_run_that_goes_on_can_not_be_resumed_a_second_time(pim_url):
    stopped = imported(pim_url, lambda _: None, batches=3)
    assert stopped.status == "stopped"
    refused: list[str] = []

    def meanwhile(run: Run) -> None:
        with (
            etl.connect(pim_url, username="admin", password="admin") as other,
            pytest.raises(RunLocked) as no,
        ):
            etl.resume(run.id, other)
        refused.append(str(no.value))

    with etl.connect(pim_url, username="admin", password="admin") as pim:
        whole = etl.resume(stopped.run, pim, begins=meanwhile)
    assert (whole.status, whole.rows.created) == ("ok", 40)
    assert [f"run {stopped.run}" in one for one in refused] == [True]


@pytest.mark.parametrize("verb", ["export", "upload"])
def test_an_export_or_upload_under_way_can_not_be_resumed(pim_url, verb):
    said: list[tuple[int, str]] = []

    def meanwhile(run: Run) -> None:
        code, _, err = call("resume", run.id)
        said.append((code, err))

    with etl.connect(pim_url, username="admin", password="admin") as pim:
        if verb == "export":
            done = export_file(What(entity="Brand"), pim, how=How(output="out.csv"), begins=meanwhile)
        else:
            done = etl.upload(["feed.csv"], pim, begins=meanwhile)
    assert done.status == "ok"
    assert [(code, f"this run is under way (run {done.run}" in err) for code, err in said] == [(3, True)]


def test_the_size_of_last_time_counts_however_the_mapping_is_named(pim_url, tmp_path):
    assert call("import", "m.yaml")[0] == 0
    feed(tmp_path, 4)
    for name in ("m.yaml", str(tmp_path / "m.yaml"), f"../{tmp_path.name}/m.yaml"):
        code, _, err = call("import", name)
        assert (code, "the last import with this mapping had 40" in err) == (6, True), name


def test_the_size_of_last_time_is_found_in_runs_that_know_only_what_was_typed(pim_url, tmp_path):
    assert call("import", "m.yaml")[0] == 0
    (path,) = (tmp_path / ".atro-etl" / "runs").glob("*/run.json")
    said = json.loads(path.read_text())
    assert said["options"].pop("meant") == ["m.yaml"]
    path.write_text(json.dumps(said))
    feed(tmp_path, 4)
    assert call("import", str(tmp_path / "m.yaml"))[0] == 6


def test_the_size_of_last_time_is_found_when_the_project_was_moved(pim_url, tmp_path, monkeypatch):
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir(exist_ok=True)
        if folder == "there":
            (tmp_path / "here" / ".atro-etl").rename(tmp_path / folder / ".atro-etl")
        monkeypatch.chdir(tmp_path / folder)
        (tmp_path / folder / "m.yaml").write_text(MAPPING)
        feed(tmp_path / folder, 40 if folder == "here" else 4)
        code, _, err = call("import", "m.yaml")
        assert code == (0 if folder == "here" else 6), err


def test_after_a_resume_the_mapping_is_named_as_it_was_typed(pim_url, tmp_path):
    (tmp_path / "feed.csv").write_text(
        "No;Name\n" + "".join(f"{i};\n" if i > 35 else f"{i};N\n" for i in range(40))
    )
    (tmp_path / "m.yaml").write_text(MAPPING.replace("name: Name", "name: {column: Name, required: true}"))
    stopped = imported(pim_url, lambda _: None, batches=3)
    code, out, err = call("resume", "--json")
    assert code == 5, err
    summary = json.loads(out)
    assert (summary["run"], summary["mappings"]) == (stopped.run, ["m.yaml"])
    assert summary["next"] == [f"atro-etl import m.yaml --source {summary['folder']}/rejected.csv"]


def test_a_killed_run_that_was_resumed_can_be_pruned(pim_url, tmp_path):
    state = tmp_path / ".atro-etl"
    stopped = imported(pim_url, lambda _: None, batches=3)
    me = this_process()
    # What a killed process leaves, under the name that runs of earlier builds locked.
    gone = Process(me.host, me.pid, "an earlier start")
    RunLock(state, ["m.yaml"], run=stopped.run, now=lambda: datetime.now(UTC), process=gone).acquire()
    assert call("resume")[0] == 0
    assert call("import", "m.yaml")[0] == 0
    assert call("runs", "prune", "--keep", "1", "--yes")[1].split()[0] == stopped.run
    assert not (state / "runs" / stopped.run).exists()
