"""What `export` takes on the command line, and what it means."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ParamSpec

    from etl.exporting import How, What
    from etl.model import ProgressListener

    P = ParamSpec("P")
R = TypeVar("R")

COMMA_COUNTRIES = (
    "de",
    "fr",
    "it",
    "es",
    "nl",
    "pl",
    "pt",
    "sv",
    "da",
    "fi",
    "nb",
    "cs",
    "sk",
    "hu",
    "tr",
    "ru",
)
"""Languages that write a comma before the fraction."""
HEADERS = ("names", "labels")
SUFFIXES = ("csv", "tsv", "xlsx", "parquet", "jsonl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The options of `export` as they were typed."""

    mapping: Path | None
    entity: str | None
    where: str
    where_json: str
    columns: str
    columns_from: Path | None
    output: str
    to: str
    limit: int | None
    sort: str
    changed_since: str
    explode: str
    spread: str
    headers: str
    locale: str
    delimiter: str
    decimal: str
    encoding: str
    csv_safe: bool
    separator: str
    template: Path | None
    plain: bool
    force: bool
    with_files: str
    files_name: str

    def check(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            click.UsageError: nothing is named, or two things that say the same.
        """
        if self.mapping is None and not self.entity:
            raise click.UsageError("what shall be exported? Write --entity Product, or give a mapping.")
        if self.mapping is not None and (self.columns or self.columns_from):
            raise click.UsageError("a mapping has its columns: leave --columns out, or the mapping.")
        if self.mapping is not None and self.headers != "names":
            raise click.UsageError("a mapping has its headers: leave --headers out, or the mapping.")
        if self.explode and self.spread == self.explode:
            raise click.UsageError("--explode and --spread name the same column: one of them is enough.")
        if self.files_name and not self.with_files:
            raise click.UsageError("--files-name names files that are taken along: add --with-files FOLDER.")

    def what(self) -> What:
        """Return what shall be exported."""
        from etl.exporting import What  # noqa: PLC0415  `--help` needs no pyarrow

        columns = self.columns
        if self.columns_from is not None:
            columns = ",".join(filter(None, [columns, _text_of(self.columns_from)]))
        return What(
            entity=self.entity or "",
            mapping=self.mapping,
            columns=columns,
            where=self.where,
            where_json=self.where_json,
            changed_since=self.changed_since,
            limit=self.limit,
            explode=self.explode,
            spread=self.spread,
            language=self.locale,
            headers="labels" if self.headers == "labels" else "names",
            files=self.files_name,
        )

    def how(self, *, listener: ProgressListener | None, is_stopping: Callable[[], bool]) -> How:
        """Return how it shall be written."""
        from etl.exporting import How  # noqa: PLC0415  the same
        from etl.exporting.outputs import Format  # noqa: PLC0415  the same

        decimal = self.decimal or ("," if self.locale[:2] in COMMA_COUNTRIES else ".")
        return How(
            output=self.output,
            suffix=f".{self.to}",
            sort=self.sort,
            files=self.with_files,
            template=self.template,
            is_plain=self.plain,
            is_forced=self.force,
            form=Format(
                delimiter=self.delimiter.replace("\\t", "\t"),
                decimal=decimal,
                encoding=self.encoding,
                is_csv_safe=self.csv_safe,
                separator=self.separator,
            ),
            listener=listener,
            is_stopping=is_stopping,
        )


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"--columns-from {path}: cannot be read: {error}.") from error


def export_options(command: Callable[P, R]) -> Callable[P, R]:
    """Add what says which records, which columns, and how they are written."""
    decorators = [
        click.option("--entity", metavar="E", help="Whose records: Product, Brand, Category, …"),
        click.option("--where", default="", metavar="FILTER", help="Which: isActive and price > 10"),
        click.option("--where-json", default="", metavar="JSON", help="The same as AtroCore takes it."),
        click.option("--columns", default="", metavar="A,B,…",
                     help="number,name@de_DE,brand.name,price[unit],attributes.* [default: all fields]"),
        click.option("--columns-from", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
                     help="The same from a file, one a line."),
        click.option("-o", "--output", required=True, metavar="FILE",
                     help="Its suffix says the format; {date}, {time}, {entity} are filled in; - is stdout."),
        click.option("--to", type=click.Choice(SUFFIXES), default="csv", help="The format of stdout."),
        click.option("--sort", default="", metavar="A,-B", help="By its columns, - greatest first."),
        click.option("--changed-since", default="", metavar="DATE|last",
                     help="Records changed since then by the server's clock; links do not count as changes."),
        click.option("--explode", default="", metavar="COLUMN", help="One row for each of its values."),
        click.option("--spread", default="", metavar="COLUMN", help="One column for each of its values."),
        click.option("--headers", type=click.Choice(HEADERS), default="names",
                     help="names, or labels as AtroCore has them."),
        click.option("--locale", default="", metavar="de_DE", help="Language of fields, labels, and of CSV."),
        click.option("--delimiter", default="", metavar="C", help="Of CSV."),
        click.option("--decimal", type=click.Choice([".", ","]), help="Of CSV."),
        click.option("--encoding", default="utf-8", help="Of CSV; utf-8-sig for Excel.", show_default=True),
        click.option("--csv-safe", is_flag=True, help="CSV: no text that a spreadsheet would run."),
        click.option("--separator", default=", ", help="Between values in one cell.", show_default=True),
        click.option("--template", metavar="FILE", type=click.Path(path_type=Path, exists=True),
                     help="A Jinja template over rows and header, for any other format."),
        click.option("--plain", is_flag=True, help="XLSX: one sheet of cells, not made to be sent back."),
        click.option("--with-files", default="", metavar="FOLDER|ZIP",
                     help="Fetch the files of the records too: those its columns lead to, else all."),
        click.option("--files-name", default="", metavar="TEMPLATE",
                     help="{number}/{file.name}: columns, file.name, .stem, .ext, .id, and n, its place."),
        click.option("--force", is_flag=True, help="Replace a file that is there already."),
    ]  # fmt: skip
    for decorate in reversed(decorators):
        command = decorate(command)
    return command
