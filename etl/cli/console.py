"""What a verb says and how the process ends: results to stdout, the rest to stderr, one handler of errors."""

from __future__ import annotations

import io
import logging
import platform
import shlex
import signal
import sys
import tempfile
import threading
import traceback
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import click

from etl.cli import logs, progress
from etl.cli.exits import ANY_ROW, Exit, FailOn, exit_of
from etl.cli.logs import LogFormat, Scrubber
from etl.cli.release import release
from etl.errors import EtlError, Stopped, disk_error
from etl.report import Summary, last_lines, neutral, to_github, to_json, to_markdown, to_text
from etl.report.json import to_text as json_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator
    from contextlib import AbstractContextManager
    from types import FrameType

    from etl.api.target import Secret
    from etl.model import ProgressListener
    from etl.report.json import Json


LOG = logging.getLogger("etl.cli")
RESUMED = frozenset({"import", "retry", "export", "apply", "undo", "resume"})
"""Verbs whose runs can be gone on with."""
STOPPED = frozenset({Exit.GUARDED, Exit.STOPPED, Exit.INTERRUPTED, Exit.TERMINATED})


class Form(StrEnum):
    """The form of results on the terminal: `--format`."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    MARKDOWN = "markdown"


class Console:
    """One call of the command: its options of output, its secrets, its end."""

    def __init__(self) -> None:
        self.out, self.err, self.stdin = sys.stdout, sys.stderr, sys.stdin
        if isinstance(self.out, io.TextIOWrapper):
            # A terminal that lacks a letter of the data shall not end a run.
            self.out.reconfigure(errors="backslashreplace")
        self.form = Form.TEXT
        self.is_quiet = False
        self.is_verbose = False
        self.shows_progress = True
        self.log_format = LogFormat.TEXT
        self.assumes_yes = False
        self.given: dict[str, str | None] = {}
        """Options of connection and state by the name of their setting, as typed."""
        self.verb = ""
        self.run = ""
        """Set when a run has its folder."""
        self.folder: Path | None = None
        self._scrubber = Scrubber()
        self._has_reported = False
        self._signal: Exit | None = None

    def target(self, *, without: Collection[str] = ()) -> tuple[str, ...]:
        """Return the options of this call that say where, so that the next commands go there too.

        A secret is none of them; where one is read from is.
        """
        typed = [(name, self.given.get(name)) for name in ("profile", "url", "username", "state_dir")]
        secrets = [(name, self.given.get(name)) for name in ("password", "token")]
        typed += [(name, value) for name, value in secrets if value == "-" or (value or "").startswith("@")]
        kept = [(name, value) for name, value in typed if value is not None and name not in without]
        return tuple(part for name, value in kept for part in (f"--{name.replace('_', '-')}", value))

    # What is said

    def say(self, text: str) -> None:
        """Write a result to standard output; the text is ours or was made harmless."""
        click.echo(self._scrubber.scrub(text), file=self.out)

    def say_json(self, value: Json) -> None:
        """Write a result as JSON to standard output, on one line where it is no terminal."""
        self._has_reported = True
        self.say(json_text(value, is_terminal=self.out.isatty()))

    def note(self, text: str) -> None:
        """Write a remark to standard error, unless `--quiet`."""
        if not self.is_quiet:
            self.warn(text)

    def warn(self, text: str) -> None:
        """Write to standard error, whatever was asked."""
        click.echo(neutral(self._scrubber.scrub(text), keep="\n"), file=self.err)

    def hide(self, secret: Secret, *, username: str = "") -> None:
        """Keep a secret out of everything that is written from now on, logs included."""
        self._scrubber.hide(secret, username=username)

    def report(self, summary: Summary, *, fail_on: FailOn = ANY_ROW) -> Exit:
        """Write what a run came to, and return how the process ends."""
        if self.form is Form.JSON:
            self.say(to_json(summary, is_terminal=self.out.isatty()))
        else:
            write = {Form.GITHUB: to_github, Form.MARKDOWN: to_markdown, Form.TEXT: to_text}[self.form]
            if not (self.is_quiet and self.form is Form.TEXT):
                self.say(write(summary).rstrip("\n"))
        self._has_reported = True
        # Both on one terminal: the report above has said it already.
        seen = self.form is Form.TEXT and not self.is_quiet and self.out.isatty() and self.err.isatty()
        if not seen and (lines := last_lines(summary)):
            self.warn(lines.rstrip("\n"))
        if self._signal is not None and summary.status == "stopped":
            return self._signal
        return exit_of(summary, fail_on)

    # While it runs

    def progress(self) -> AbstractContextManager[ProgressListener | None]:
        """Show how far a run is: a bar on a terminal, plain lines elsewhere, nothing where that was asked."""
        if self.is_quiet or not self.shows_progress:
            return nullcontext(None)
        if self.err.isatty():
            return progress.bar(self.err)
        if self.log_format is LogFormat.JSON:
            return nullcontext(progress.lines(logging.getLogger("etl.progress").info))
        return nullcontext(progress.lines(self.warn))

    def begin_run(self, run: str, *, folder: Path) -> None:
        """Write logs into the run's folder from now on, and the file of a bug if there is one."""
        self.run, self.folder = run, folder
        logs.log_to(folder / "run.log", self._scrubber)
        facts = {"run": run, "verb": self.verb, "version": release(), "python": platform.python_version()}
        LOG.info("command", extra=facts)

    def confirm_host(self, host: str, *, question: str) -> bool:
        """Ask for the host's name to be typed; True with `--yes`, False where nobody can be asked."""
        if self.assumes_yes:
            return True
        if not self.stdin.isatty():
            return False
        self.warn(question)
        return str(click.prompt(f"Type {host} to go on", default="", show_default=False, err=True)) == host

    def confirm(self, question: str) -> bool:
        """Ask a question; True with `--yes`, False where nobody can be asked."""
        return self.assumes_yes or (self.stdin.isatty() and click.confirm(question, err=True))

    def ask_secret(self, question: str) -> str | None:
        """Ask for a secret without showing it; None where nobody can be asked."""
        return str(click.prompt(question, hide_input=True, err=True)) if self.stdin.isatty() else None

    # How it ends

    def guard(self, call: Callable[[], object]) -> Exit | int:
        """Carry out a verb and turn whatever comes of it into an exit code; the only place that does.

        Args:
            call: returns an exit code; anything else counts as done.
        """
        self._attach_log()
        try:
            with self._signals():
                answer = call()
        except (click.Abort, KeyboardInterrupt):
            return self._end(self._signal or Exit.INTERRUPTED, "interrupted", goes_on=True)
        except click.ClickException as error:
            error.show(self.err)
            return Exit.USAGE
        except Exception as error:  # noqa: BLE001  the one place that turns a bug into a file
            known = _etl_error_in(error) or self._disk_error(error)
            if known is not None:
                code = Exit(known.exit_code)
                code = self._signal or code if code is Exit.INTERRUPTED else code
                return self._end(code, str(known), goes_on=isinstance(known, Stopped))
            return self._bug(error)
        finally:
            logs.close()
        return answer if isinstance(answer, int) else Exit.DONE

    def _disk_error(self, error: Exception) -> EtlError | None:
        folder = str(self.folder or self.given.get("state_dir") or ".")
        return disk_error(error, folder=folder, has_begun=bool(self.run))

    def begin(self, verb: str) -> None:
        """Attach the log to standard error as the options say; called when a verb begins."""
        self.verb = verb
        self._attach_log()

    def _attach_log(self) -> None:
        logs.set_up(self.err, self._scrubber, is_verbose=self.is_verbose, log_format=self.log_format)

    def _end(self, code: Exit, message: str, *, goes_on: bool = False) -> Exit:
        """Say how it ended.

        Args:
            goes_on: whether `resume` may go on with a run that was begun.
        """
        self.warn(message)
        resume = shlex.join(["atro-etl", "resume", self.run, *self.target()])
        following = (resume,) if goes_on and self.run and self.verb in RESUMED else ()
        for command in following:
            self.warn(f"Next    {command}")
        LOG.error("ended", extra={"exit_code": int(code), "why": message})
        if self.form is Form.JSON and not self._has_reported:
            summary = Summary(
                self.run,
                self.verb,
                status="stopped" if code in STOPPED else "failed",
                error=message,
                folder=str(self.folder or ""),
                version=release(),
                resumable=bool(following),
                next=following,
            )
            self.say(to_json(summary, is_terminal=self.out.isatty()))
        return code

    def _bug(self, error: Exception) -> Exit:
        text = "".join(
            [
                f"atro-etl {release()}, Python {platform.python_version()}, {platform.platform()}\n",
                f"{datetime.now(UTC).isoformat(timespec='seconds')}, verb {self.verb or 'none'}\n\n",
                *traceback.format_exception(error),
            ]
        )
        kind = type(error).__name__
        LOG.error("a fault of the program", exc_info=error)
        path = _write_bug(self._scrubber.scrub(text), self.folder)
        return self._end(
            Exit.BUG,
            f"atro-etl stopped by a fault of its own: {kind}: {error}\n"
            f"The details are in {path}, ready to be pasted into a report; look through it for data first.",
        )

    @contextmanager
    def _signals(self) -> Generator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def terminate(_number: int, _frame: FrameType | None) -> None:
            # From here on it is an interrupt like Ctrl-C, which a loop finishes its requests for.
            self._signal = Exit.TERMINATED
            if signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, None):
                # A shell starts what it puts in the background with interrupts ignored.
                signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.raise_signal(signal.SIGINT)

        before = signal.signal(signal.SIGTERM, terminate)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)


def _etl_error_in(error: BaseException) -> EtlError | None:
    # Tasks of one group fail as a group; the first failure of ours is what stopped the run.
    if isinstance(error, BaseExceptionGroup):
        return next((known for one in error.exceptions if (known := _etl_error_in(one))), None)
    return error if isinstance(error, EtlError) else None


def _write_bug(text: str, folder: Path | None) -> Path:
    for place in (folder, Path(tempfile.gettempdir())):
        if place is None:
            continue
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        path: Path | None = None
        try:
            with tempfile.NamedTemporaryFile(
                "w", encoding="utf-8", dir=place, prefix=f"bug-{stamp}-", suffix=".log", delete=False
            ) as file:
                path = Path(file.name)
                file.write(text)
        except OSError:  # a full or missing folder: the next place
            if path is not None:
                path.unlink(missing_ok=True)
            continue
        return path
    return Path("(no folder could be written)")
