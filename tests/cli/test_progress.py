"""How far a run is: what is written, and when."""

from __future__ import annotations

import pytest

from etl.cli.progress import bar, lines, to_duration, to_line
from etl.model import Progress
from tests.cli.conftest import Terminal


@pytest.mark.parametrize(
    ("progress", "line"),
    [
        (Progress("send", 12_000, 200_000, failed=3),
         "Sending: 12,000 of 200,000 rows (6 %), 1,200 rows/s, 3 failed, 2 min 37 s left"),
        (Progress("scan", 500, None), "Reading: 500 rows, 50 rows/s"),
        (Progress("export", 100, 100), "Fetching: 100 of 100 rows (100 %), 10 rows/s"),
        (Progress("send", 0, 0), "Sending: 0 of 0 rows (100 %)"),
    ],
)  # fmt: skip
def test_a_line_tells_rows_rate_failures_and_time_left(progress, line):
    assert to_line(progress, elapsed_s=10.0) == line


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (61, "1 min 01 s"), (11_100, "3 h 05 min")]
)
def test_a_duration_is_told_in_the_two_units_that_matter(seconds, text):
    assert to_duration(seconds) == text


def test_plain_lines_come_every_few_seconds_not_with_every_row():
    now, written = [0.0], []
    show = lines(written.append, clock=lambda: now[0], every_s=5.0)
    for second in range(13):
        now[0] = float(second)
        show(Progress("send", second * 100, 2_000))
    assert written == [
        "Sending: 500 of 2,000 rows (25 %), 100 rows/s, 15 s left",
        "Sending: 1,000 of 2,000 rows (50 %), 100 rows/s, 10 s left",
    ]


def test_a_terminal_gets_a_bar_that_goes_away():
    err = Terminal()
    with bar(err) as show:
        show(Progress("scan", 50, 100))
        show(Progress("export", 7, None))
        show(Progress("send", 10, 100, failed=2))
    assert "50/100" in err.getvalue()
    assert "7/?" in err.getvalue()
    assert "Reading" in err.getvalue()
    assert "2 failed" in err.getvalue()


@pytest.mark.parametrize(("quiet", "shown"), [(True, True), (False, False)])
def test_no_progress_where_nobody_wants_it(terminal, quiet, shown):
    terminal.is_quiet, terminal.shows_progress = quiet, shown
    with terminal.progress() as listener:
        assert listener is None


def test_without_a_terminal_there_are_lines_on_stderr(console):
    with console.progress() as listener:
        assert listener is not None
        listener(Progress("send", 1, 2))
    assert console.err.getvalue() == ""
