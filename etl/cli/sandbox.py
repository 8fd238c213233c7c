"""`atro-etl sandbox`: run the small AtroCore."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from pathlib import Path

import click

from etl.sandbox import Options, serve

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("sandbox")
@click.option("--port", default=8765, show_default=True, help="Where it listens; 0 takes a free port.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option(
    "--generation", type=click.Choice(["1.10", "2.1", "2.2", "2.3"]), default="2.2", show_default=True
)
@click.option(
    "--metadata",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A saved GET /Metadata answer.",
)
@click.option("--db", type=_FILE, help="Database file; a temporary one if not given.")
@click.option("--faults", default="", help='Such as "latency=80ms,http500=0.02".')
@click.option("--seed", type=int, help="Makes faults and ids repeatable.")
@click.option("--workers", type=click.IntRange(1), help="Requests handled at a time.")
@click.option("--i-know-this-is-open", "open_", is_flag=True, help="Listen beyond this machine.")
def command(  # one parameter per option
    *, port: int, host: str, generation: str, metadata: Path | None, db: Path | None, faults: str, seed: int | None,
    workers: int | None, open_: bool,
) -> None:  # fmt: skip
    """Run a small AtroCore on this machine, to try things on."""
    if not open_ and not _is_loopback(host):
        raise click.UsageError(
            f"{host} can be reached from outside. Add --i-know-this-is-open if you mean it."
        )
    options = Options(
        generation=generation,
        metadata=metadata,
        db=db,
        host=host,
        port=port,
        faults=faults,
        seed=seed,
        workers=workers,
    )
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(options, say=click.echo))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


if __name__ == "__main__":
    command()
