"""`atro-etl demo`: the main job from end to end, on the samples, against a sandbox of its own."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from etl.cli.exits import Exit
from etl.cli.options import output, pass_console

if TYPE_CHECKING:
    from etl.blocking import Pim
    from etl.cli.console import Console
    from etl.report import Summary

PACKAGE = Path(__file__).parent.parent
FEEDS = ("brands", "categories", "products", "images")
NEXT = (
    "`atro-etl sandbox` in one terminal, `atro-etl import MAPPING.yaml` in another. "
    'README.md, "The first import", has the commands for these tables.'
)
OLD_CELL, NEW_CELL = ";ready;", ";draft;"


@click.command("demo")
@click.option("--keep", is_flag=True, help="Leave the folder with tables, runs and database behind.")
@output
@pass_console
def command(console: Console, *, keep: bool) -> int:
    """See a catalogue move: a sandbox starts, four tables are imported, one cell changes, and again."""
    from etl import blocking  # noqa: PLC0415  `--help` needs no pandas
    from etl.sandbox import Options, run_in_thread  # noqa: PLC0415  the same

    folder = Path(tempfile.mkdtemp(prefix="atro-etl-demo-"))
    try:
        for part in ("mappings", "samples"):
            shutil.copytree(_shipped(part), folder / part)
        with (
            run_in_thread(Options(db=folder / "sandbox.db")) as sandbox,
            blocking.connect(sandbox.url, username=sandbox.username, password=sandbox.password) as pim,
        ):
            console.say(f"A sandbox listens at {sandbox.url}. The four tables lie in {folder / 'samples'}.\n")
            for feed in FEEDS:
                _import(console, folder, feed, pim)
            row = _change_a_cell(folder / "samples" / "products.csv")
            console.say(f"\nOne cell of products.csv is changed, in line {row}. Once more:\n")
            _import(console, folder, "products", pim)
            console.say("\nAnd without any change:\n")
            for feed in ("products", "images"):
                _import(console, folder, feed, pim)
        where = (
            f"The runs and their reports lie in {folder / 'runs'}."
            if keep
            else "Add --keep to look at the reports."
        )
        console.say(f"\n{where}\nNext: {NEXT}")
    finally:
        if not keep:
            shutil.rmtree(folder)
    return Exit.DONE


def _import(console: Console, folder: Path, feed: str, pim: Pim) -> Summary:
    from etl import blocking  # noqa: PLC0415  `--help` needs no pandas

    summary = blocking.import_table(None, folder / "mappings" / f"{feed}.yaml", pim, state_dir=folder)
    rows = summary.rows
    counts = {
        "created": rows.created,
        "updated": rows.updated,
        "unchanged": rows.unchanged,
        "invalid": rows.invalid,
        "failed": rows.failed,
    }
    files = summary.files
    told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    told += f"; {files.uploaded} files uploaded" if files.uploaded else ""
    console.say(f"  {feed:<11} {rows.read:>4} rows: {told}   ({summary.requests} requests so far)")
    for problem in summary.problems:
        console.say(f"      row {problem.row}, {problem.column}: {problem.message}")
    return summary


def _change_a_cell(table: Path) -> int:
    """Change one cell of the sample as a person would; return its line."""
    text = table.read_text(encoding="utf-8")
    at = text.index(OLD_CELL)
    table.write_text(text[:at] + NEW_CELL + text[at + len(OLD_CELL) :], encoding="utf-8")
    return text[:at].count("\n") + 1


def _shipped(part: str) -> Path:
    """The samples and mappings: inside an installed package, beside it in a checkout."""
    shipped = PACKAGE / "shipped" / part
    return shipped if shipped.is_dir() else PACKAGE.parent / part
