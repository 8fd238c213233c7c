"""`atro-etl sandbox`: run the small AtroCore."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import click

_NEW = click.Path(dir_okay=False, path_type=Path)
_OLD = click.Path(exists=True, dir_okay=False, path_type=Path)


class _Seconds(click.ParamType[float]):
    """A time such as 140ms or 1.5s; its value is in seconds."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        from etl.sandbox.fault_specs import UnreadableFaults, read_seconds  # noqa: PLC0415  `--help` needs none

        if isinstance(value, float):
            return value
        try:
            return read_seconds(str(value))
        except UnreadableFaults as error:
            self.fail(str(error), param, ctx)


@click.command("sandbox")
@click.option("--port", default=8765, show_default=True, help="Where it listens; 0 takes a free port.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address it listens at.")
@click.option(
    "--generation", type=click.Choice(["1.10", "2.1", "2.2", "2.3"]), default="2.2", show_default=True,
    help="Which AtroCore it answers like.",
)  # fmt: skip
@click.option("--metadata", type=_OLD, help="A saved GET /Metadata answer: the schema of your own instance.")
@click.option(
    "--language", "languages", multiple=True, help="A further language of the built-in schema: de_DE."
)
@click.option("--db", type=_NEW, help="The database; a temporary one if not given.")
@click.option("--from-snapshot", type=_OLD, help="Start from a copy of this snapshot.")
@click.option("--snapshot", type=_NEW, help="Write a snapshot to this file when it stops.")
@click.option("--faults", default="", help="What goes wrong: latency=80ms,http502=0.02,expire_token=@3.")
@click.option("--seed", type=int, help="Makes faults and new ids repeatable.")
@click.option("--workers", type=click.IntRange(1), help="How many requests it handles at a time.")
@click.option("--cost-per-request", type=_Seconds(), default=0.0, help="Time of each request: 140ms.")
@click.option("--cost-per-record", type=_Seconds(), default=0.0, help="Time of each record: 20ms.")
@click.option("--i-know-this-is-open", "is_open", is_flag=True, help="Listen beyond this machine.")
def command(*, faults: str, **given: object) -> None:
    """Run a small AtroCore on this machine, to try things on. Ctrl-C ends it.

    Faults: latency, slow_start (times); max_body, max_uri (sizes); reset, reset_after_commit, truncate,
    page_html, http429, http500, http502, http503, http504, sql200, failed_but_stored, half_stored,
    hang_after_commit, short_answer, die_mid_batch, expire_token, lockout, other_writer (0.02: a chance,
    @3: the third time only, 2x: twice). While it runs: GET, POST and DELETE /sandbox/faults.
    """
    from etl.sandbox import Options, serve  # noqa: PLC0415  `--help` needs no server
    from etl.sandbox.fault_specs import UnreadableFaults, read_faults  # noqa: PLC0415  the same

    try:
        read_faults(faults)
    except UnreadableFaults as error:
        raise click.BadParameter(str(error), param_hint="--faults") from error
    given["cost_per_request_s"] = given.pop("cost_per_request")
    given["cost_per_record_s"] = given.pop("cost_per_record")
    options = Options(faults=faults, **given)  # type: ignore[arg-type]  # click made the types
    if options.is_refused:
        mean = "If you mean it, add --i-know-this-is-open."
        raise click.UsageError(f"{options.host} is reachable from outside. {mean}")
    with contextlib.suppress(KeyboardInterrupt):
        try:
            asyncio.run(serve(options, say=click.echo))
        except FileExistsError as error:
            raise click.UsageError(f"{error.args[0]} exists. Give another file, or remove it.") from error
        except ValueError as error:
            raise click.UsageError(f"{options.metadata}: {error}") from error
        except OSError as error:
            raise click.UsageError(
                f"cannot listen at {options.host}:{options.port}: {error.strerror}"
            ) from error


if __name__ == "__main__":
    command()
