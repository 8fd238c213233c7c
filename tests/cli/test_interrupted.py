"""An import whose server dies, that is killed itself, or interrupted: nothing is lost and nothing doubled."""

from __future__ import annotations

import json
import shlex
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pyarrow import parquet

from tests.cli.shop import OTHERS, REPOSITORY, call, records_in

if TYPE_CHECKING:
    from collections.abc import Iterator


BATCHES = 7
"""So many the server answers: the one of the brands and some of products, of 46 in all."""
EVER = 1_000_000


class Server:
    """A sandbox in a process of its own that holds an import in the middle, and that can be killed."""

    def __init__(self, db: Path) -> None:
        self.db, self.port = db, 0
        self.start(answers=BATCHES)

    def start(self, *, answers: int = EVER) -> None:
        command = [sys.executable, "-m", "tests.cli.holding", str(self.port), str(self.db), str(answers)]
        self.process = subprocess.Popen(
            command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.url = self.said("sandbox ready").split()[-1]
        self.port = int(self.url.rpartition(":")[2])

    def said(self, beginning: str) -> str:
        """Wait until it says something that begins so."""
        assert self.process.stdout is not None
        return next(line for line in self.process.stdout if line.startswith(beginning))

    def release(self) -> None:
        """Let it answer all that it holds, and whatever comes."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path / "server.db")
    yield running
    running.kill()


def big_source(path: Path, rows: int) -> None:
    lines = [f"{i:05d};Produkt {i};Acme {i % 3};{i},50" for i in range(rows)]
    path.write_text("\n".join(["Artikelnummer;Name;Marke;Preis", *lines]) + "\n", encoding="utf-8")


MAPPING = """entity: Product
key: number
source: {file: big.csv, number: {decimal: ","}}
fields:
  number: Artikelnummer
  name: {column: Name, required: true}
  price: Preis
  brand: {column: Marke, link: {by: name, missing: create}}
"""


def begun(server: Server, shop: Path) -> subprocess.Popen[str]:
    """Begin an import of 900 products; when this returns it waits for an answer, in the middle of them."""
    big_source(shop / "big.csv", 900)
    (shop / "big.yaml").write_text(MAPPING)
    if not (shop / "atro-etl.toml").exists():
        # However long a server takes to come back: the import does not give up before.
        (shop / "atro-etl.toml").write_text("[limits]\nbatch_rows = 20\nattempts = 1000\nsilence_s = 3600\n")
    connection = ["--url", server.url, "--username", "admin", "--password", "@secret"]
    process = subprocess.Popen(
        [sys.executable, "-m", "etl", "import", "big.yaml", "--json", *connection],
        cwd=shop,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    server.said("holding")
    return process


def test_a_server_that_is_killed_and_comes_back_loses_and_doubles_nothing(server, shop):
    (shop / "secret").write_text("admin")
    process = begun(server, shop)
    server.kill()
    server.start()
    out, err = process.communicate()
    assert process.returncode == 0, err
    summary = json.loads(out)
    assert summary["rows"]["created"] == 900
    numbers = [record["number"] for record in records_in(server.url)]
    assert sorted(numbers) == [f"{i:05d}" for i in range(900)]
    assert len(records_in(server.url, "Brand")) == 3


@contextmanager
def form_of_journal(path, form):
    with closing(sqlite3.connect(path)) as db:
        (before,) = db.execute("PRAGMA user_version").fetchone()
        db.execute(f"PRAGMA user_version = {form}")
        yield
        db.execute(f"PRAGMA user_version = {before}")


def test_exit_7_when_the_server_stays_away_and_resume_finishes(server, shop, monkeypatch):
    (shop / "secret").write_text("admin")
    (shop / "atro-etl.toml").write_text("[limits]\nbatch_rows = 20\nattempts = 2\n")
    process = begun(server, shop)
    server.kill()
    out, err = process.communicate()
    stopped = json.loads(out)
    assert process.returncode == 7, err
    assert stopped["status"] == "stopped"
    assert stopped["rows"]["pending"] > 0
    assert stopped["rows"]["read"] == 900
    assert stopped["resumable"] is True
    again = f"--url {server.url} --username admin --password @secret"
    assert stopped["next"][0] == f"atro-etl resume {stopped['run']} {again}"
    server.start()
    monkeypatch.chdir(shop)
    connection = ["--url", server.url, "--username", "admin", "--password", "@secret"]
    journal = Path(stopped["folder"]) / "journal.db"
    with form_of_journal(journal, 1):
        code, _, err = call("resume", *connection)
        assert (code, "was written by an earlier version" in err) == (3, True)
    code, out, err = call("resume", "--json", *connection)
    assert code == 0, err
    summary = json.loads(out)
    assert summary["run"] == stopped["run"]
    assert summary["rows"] == {**dict.fromkeys(OTHERS, 0), "read": 900, "created": 900}
    assert len(records_in(server.url)) == 900


def test_resume_refuses_when_the_source_was_edited_and_says_so(server, shop, monkeypatch):
    (shop / "secret").write_text("admin")
    process = begun(server, shop)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    big_source(shop / "big.csv", 901)
    monkeypatch.chdir(shop)
    connection = ["--url", server.url, "--username", "admin", "--password", "@secret"]
    code, _, err = call("resume", *connection)
    assert code == 3
    assert "the source has other contents" in err


def test_resume_finishes_an_import_that_was_killed_with_one_outcome_for_every_row(server, shop, monkeypatch):
    (shop / "secret").write_text("admin")
    process = begun(server, shop)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    server.release()
    monkeypatch.chdir(shop)
    connection = ["--url", server.url, "--username", "admin", "--password", "@secret"]
    code, out, err = call("resume", "--json", *connection)
    assert code == 0, err
    rows = json.loads(out)["rows"]
    assert rows["read"] == 900
    assert rows["created"] == 900
    assert len(records_in(server.url)) == 900
    results = parquet.read_table(f"{json.loads(out)['folder']}/results.parquet").to_pylist()
    assert sorted(one["row"] for one in results if one["entity"] == "Product") == list(range(2, 902))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_one_interrupt_finishes_what_is_in_flight_and_names_the_next_command(server, shop, number, code):
    (shop / "secret").write_text("admin")
    process = begun(server, shop)
    process.send_signal(number)
    server.release()
    out, err = process.communicate()
    assert process.returncode == code, err
    stopped = json.loads(out)
    assert stopped["status"] == "stopped"
    assert 0 < stopped["rows"]["created"] == len(records_in(server.url)) < 900
    assert f"atro-etl resume {stopped['run']}" in err


def test_a_second_interrupt_ends_it_at_once_and_names_the_next_command_too(server, shop, monkeypatch):
    (shop / "secret").write_text("admin")
    process = begun(server, shop)
    process.send_signal(signal.SIGINT)
    next(line for line in process.stderr if line.startswith("stopping"))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130, err
    stopped = json.loads(out)
    again = f"atro-etl resume {stopped['run']} --url {server.url} --username admin --password @secret"
    assert (stopped["next"], stopped["resumable"]) == ([again], True)
    assert f"Next    {again}" in err.splitlines()
    assert "Traceback" not in err
    server.release()
    monkeypatch.chdir(shop)
    code, out, err = call(*shlex.split(again)[1:], "--json")
    assert code == 0, err
    assert json.loads(out)["rows"]["created"] == 900


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_while_nobody_answers_the_sign_in_leaves_no_traceback(shop, number, code):
    (shop / "secret").write_text("a-token-of-tests")
    (shop / "m.yaml").write_text(MAPPING)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        process = subprocess.Popen(
            [sys.executable, "-m", "etl", "import", "m.yaml", "--url", url, "--token", "@secret"],
            cwd=shop,
            env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        connection, _ = silent.accept()
        with connection:
            connection.recv(1)
            process.send_signal(number)
            _, err = process.communicate()
    assert (process.returncode, err.split()) == (code, ["interrupted"])
