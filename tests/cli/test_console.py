"""How the process ends, what is said on which stream, and what never is."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
import structlog

from etl.api.target import Secret
from etl.cli.console import Console, Form
from etl.cli.exits import ANY_ROW, Exit, FailOn, exit_of
from etl.cli.logs import LogFormat
from etl.errors import (
    EtlError,
    Interrupted,
    Refused,
    RequestFailed,
    RunLocked,
    ServerGone,
    ServerUnreachable,
    SourceMissing,
    stopped_by,
)
from etl.report import ReportedProblem, RowCounts, Summary

PARTIAL = Summary(
    "20261121T181729Z-7f3a",
    "import",
    status="partial",
    rows=RowCounts(created=198, invalid=2),
    problems=(
        ReportedProblem("not_a_number", "p.csv", sheet=None, row=4, column="Preis", field="price", value="x",
                        message='"x" is not a number. Write 1.'),
    ),
    problems_total=2,
    next=("atro-etl retry 20261121T181729Z-7f3a",),
    folder=".atro-etl/runs/20261121T181729Z-7f3a",
    version="0.1.0",
)  # fmt: skip


def said(stream: object) -> str:
    assert isinstance(stream, io.StringIO)
    return stream.getvalue()


def raises(error: BaseException) -> None:
    raise error


def test_a_refusal_is_not_called_silence():
    refused, silent = Refused("GET Product", status=400, reason="no field x"), RequestFailed("GET Product")
    said = [str(stopped_by(one, "https://a.example")) for one in (refused, silent)]
    assert said[0] == "https://a.example refuses what the run needs: GET Product answered 400: no field x."
    assert said[1].startswith("https://a.example stopped answering: ")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SourceMissing("p.csv"), 3),
        (RunLocked("x", holder="h", since="s"), 3),
        (ServerUnreachable("https://a.example", reason="refused"), 4),
        (RequestFailed("GET App/user", status=500), 7),
        (ServerGone("https://a.example", reason="no answer for 2 minutes"), 7),
        (stopped_by(Refused("GET Product", status=400, reason="no field"), "https://a.example"), 7),
        (Interrupted(), 130),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
        (click.UsageError("no such option"), 2),
        (KeyError("Preis"), 1),
        (ExceptionGroup("tasks", [ServerUnreachable("https://a.example", reason="refused")]), 4),
    ],
)
def test_each_kind_of_end_has_its_exit_code(console, tmp_path, error, code):
    console.folder = tmp_path
    assert console.guard(lambda: raises(error)) == code
    assert said(console.out) == ""
    assert said(console.err)


def test_a_verb_that_returns_nothing_is_done(console):
    assert console.guard(lambda: None) == 0
    assert console.guard(lambda: Exit.CHANGES) == 8


def test_an_error_is_told_as_it_speaks_without_escapes(console):
    console.guard(lambda: raises(SourceMissing("p\x1b[2J.csv")))
    assert said(console.err) == "p\\x1b[2J.csv: there is no such file. Give another with --source FILE.\n"


def test_a_bug_leaves_a_file_to_paste_and_its_path(console, tmp_path):
    console.hide(Secret("geheim"), username="api")
    console.begin_run("r", folder=tmp_path)
    assert console.guard(lambda: raises(ZeroDivisionError("1 / 0 near geheim"))) == 1
    (log,) = tmp_path.glob("bug-*.log")
    assert said(console.err) == (
        "atro-etl stopped by a fault of its own: ZeroDivisionError: 1 / 0 near …\n"
        f"The details are in {log}, ready to be pasted into a report; look through it for data first.\n"
    )
    text = log.read_text()
    assert "Traceback (most recent call last)" in text
    assert "verb import" in text
    assert "geheim" not in text


def test_with_json_a_failure_is_an_object_on_stdout_and_a_sentence_on_stderr(console):
    console.form = Form.JSON
    assert console.guard(lambda: raises(SourceMissing("p.csv"))) == 3
    found = json.loads(said(console.out))
    assert (found["status"], found["verb"]) == ("failed", "import")
    assert found["error"] == "p.csv: there is no such file. Give another with --source FILE."
    assert said(console.out).count("\n") == 1
    assert said(console.err).startswith("p.csv: there is no such file.")


def test_with_json_a_stop_is_told_as_stopped(console):
    console.form = Form.JSON
    console.guard(lambda: raises(ServerGone("https://a.example", reason="silence")))
    assert json.loads(said(console.out))["status"] == "stopped"


def test_what_was_reported_is_not_followed_by_a_second_object(console):
    console.form = Form.JSON

    def verb() -> None:
        console.report(PARTIAL)
        raise KeyboardInterrupt

    assert console.guard(verb) == 130
    assert said(console.out).count("\n") == 1


def test_a_partial_run_says_so_on_stderr_in_lines_that_stand_alone(console):
    assert console.report(PARTIAL) == Exit.ROWS_FAILED
    assert "rows 2 invalid" in said(console.out)
    assert said(console.err) == (
        "import · atro-etl 0.1.0\n"
        "Run 20261121T181729Z-7f3a: done, but not every row arrived; of 200 rows 2 invalid.\n"
        'p.csv, row 4, column "Preis": "x" is not a number. Write 1.\n'
        "and 1 more in .atro-etl/runs/20261121T181729Z-7f3a/results.parquet\n"
        "Folder  .atro-etl/runs/20261121T181729Z-7f3a\n"
        "Next    atro-etl retry 20261121T181729Z-7f3a\n"
    )


def test_on_a_terminal_nothing_is_told_twice(terminal):
    terminal.report(PARTIAL)
    assert "not every row arrived" in said(terminal.out)
    assert said(terminal.err) == ""


def test_quiet_leaves_the_last_lines_alone(console):
    console.is_quiet = True
    console.report(PARTIAL)
    assert said(console.out) == ""
    assert "2 invalid" in said(console.err)


def test_a_run_that_went_well_says_nothing_on_stderr(console):
    assert console.report(Summary("r", "import", status="ok", rows=RowCounts(created=1))) == Exit.DONE
    assert said(console.err) == ""


@pytest.mark.parametrize("form", list(Form))
def test_every_form_has_its_report(console, form):
    console.form = form
    console.report(PARTIAL)
    assert "not_a_number" in said(console.out) or "is not a number" in said(console.out)


# Exit codes of runs


@pytest.mark.parametrize(
    ("text", "bad", "read", "code"),
    [
        ("any", 0, 100, 0),
        ("any", 1, 100, 5),
        ("never", 100, 100, 0),
        ("3", 2, 100, 0),
        ("3", 3, 100, 5),
        ("2%", 1, 100, 0),
        ("2%", 2, 100, 5),
        ("0.5%", 1, 200, 5),
        ("1%", 0, 0, 0),
    ],
)
def test_fail_on_moves_the_line(text, bad, read, code):
    rows = RowCounts(created=read - bad, failed=bad)
    summary = Summary("r", "import", status="partial" if bad else "ok", rows=rows)
    assert exit_of(summary, FailOn.parse(text)) == code


@pytest.mark.parametrize("text", ["", "all", "-1", "0", "3.5", "5 %", "%"])
def test_fail_on_refuses_what_it_does_not_know(text):
    with pytest.raises(ValueError, match="is none of never, any"):
        FailOn.parse(text)


def test_a_stop_is_told_by_its_cause():
    assert exit_of(Summary("r", "import", status="stopped", guard="too many errors"), ANY_ROW) == 6
    assert exit_of(Summary("r", "import", status="stopped", error="server gone"), ANY_ROW) == 7
    assert exit_of(Summary("r", "import", status="failed", error="no mapping")) == 3


def test_every_error_of_ours_has_an_exit_code():
    kinds = [EtlError]
    for kind in kinds:
        kinds += kind.__subclasses__()
        assert kind.exit_code in set(Exit)


# Logs


def test_the_log_of_a_run_is_json_lines_without_cells_and_secrets(console, tmp_path):
    console.is_verbose = True
    console.begin("import")
    console.hide(Secret('ge"heim'), username="api")
    console.begin_run("r", folder=tmp_path)
    structlog.get_logger("etl.importing").info("batch sent", rows=100, value="a cell", password="geheim")
    logging.getLogger("etl.api").warning(
        "odd answer for %s", 'ge"heim', extra={"cells": "a cell", "batch": 3}
    )
    logging.getLogger("etl.api").debug("looked up", extra={"values": "a cell"})
    console.guard(lambda: None)
    lines = [json.loads(line) for line in (tmp_path / "run.log").read_text().splitlines()]
    assert [(one["level"], one["event"]) for one in lines] == [
        ("info", "command"),
        ("info", "batch sent"),
        ("warning", "odd answer for …"),
        ("debug", "looked up"),
    ]
    assert [sorted(set(one) - {"level", "event", "timestamp", "logger", "message"}) for one in lines[1:]] == [
        ["rows"],
        ["batch"],
        ["values"],
    ]
    assert "a cell" not in said(console.err)
    assert "heim" not in (tmp_path / "run.log").read_text()


def test_without_verbose_the_log_stays_in_its_file(console, tmp_path):
    console.begin_run("r", folder=tmp_path)
    structlog.get_logger("etl.importing").info("batch sent")
    logging.getLogger("etl.api").debug("not even there")
    console.guard(lambda: None)
    assert said(console.err) == ""
    lines = [json.loads(line) for line in (tmp_path / "run.log").read_text().splitlines()]
    assert [one["event"] for one in lines] == ["command", "batch sent"]


def test_the_log_of_a_run_tells_what_was_called_and_why_it_ended(console, tmp_path):
    def verb() -> None:
        console.begin_run("r", folder=tmp_path)
        raise ServerGone("https://a.example", reason="silence")

    console.guard(verb)
    lines = [json.loads(line) for line in (tmp_path / "run.log").read_text().splitlines()]
    assert [(one["event"], one.get("verb"), one.get("exit_code")) for one in lines] == [
        ("command", "import", None),
        ("ended", None, 7),
    ]
    assert lines[1]["why"] == "https://a.example stopped answering: silence."


@pytest.mark.parametrize("form", list(LogFormat))
def test_a_log_line_cannot_be_forged_by_data(console, form):
    console.is_verbose, console.log_format = True, form
    console.begin("import")
    logging.getLogger("etl.api").info("file %s read", "a\nb\x1b[31m")
    console.guard(lambda: None)
    assert len(said(console.err).splitlines()) == 1
    assert "\x1b" not in said(console.err)


def test_a_secret_is_hidden_in_every_form_in_which_it_travels(console):
    console.hide(Secret("pä ss/w"), username="api")
    for form in ("pä ss/w", "p%C3%A4%20ss%2Fw", "p\\u00e4 ss/w", "YXBpOnDDpCBzcy93"):
        console.warn(f"before {form} after")
    assert said(console.err) == "before … after\n" * 4


# Signals


@pytest.mark.parametrize(
    ("number", "is_background", "code"),
    [(signal.SIGTERM, False, 143), (signal.SIGINT, False, 130), (signal.SIGTERM, True, 143)],
)
def test_a_terminated_process_ends_with_143_and_an_interrupted_one_with_130(
    tmp_path, number, is_background, code
):
    # Of our own choice: the tests may themselves run in the background.
    usual = "SIG_IGN" if is_background else "default_int_handler"
    script = tmp_path / "verb.py"
    script.write_text(
        "import asyncio, signal, sys\n"
        f"signal.signal(signal.SIGINT, signal.{usual})\n"
        "from etl.cli.console import Console\n"
        "async def work():\n"
        "    print('ready', flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "sys.exit(int(Console().guard(lambda: asyncio.run(work()))))\n"
    )
    tree = str(Path(__file__).parents[2])
    process = subprocess.Popen(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": tree},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err.strip()) == (code, "interrupted")


# Questions


def test_a_protected_host_is_confirmed_by_yes_or_not_at_all_without_a_terminal(console):
    assert not console.confirm_host("pim.example", question="200 rows will be created.")
    console.assumes_yes = True
    assert console.confirm_host("pim.example", question="200 rows will be created.")


@pytest.mark.parametrize(
    ("username", "password", "text", "told"),
    [
        ("admin", "admin", "signed in as admin, Basic YWRtaW46YWRtaW4=", "signed in as admin, Basic …"),
        ("administrator", "admin", "as administrator with admin", "as administrator with …"),
        ("api", "api-4711", "as api with api-4711", "as api with …"),
    ],
)
def test_a_user_s_name_is_never_blotted_out_and_a_password_is(console, username, password, text, told):
    console.hide(Secret(password), username=username)
    console.warn(text)
    assert said(console.err) == f"{told}\n"


def test_nobody_is_asked_for_a_secret_without_a_terminal(console):
    assert console.ask_secret("Password") is None


def test_a_fresh_console_speaks_to_the_process(capsys):
    Console().say("hello")
    assert re.fullmatch("hello\n", capsys.readouterr().out)
