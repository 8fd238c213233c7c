"""From pages on disk into the file: sorted, spread, in the format that its name says."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from etl.exporting.exploding import spread_out, widest
from etl.exporting.fetching import picked
from etl.exporting.file_cells import with_names
from etl.exporting.outputs import Format, opened
from etl.exporting.people import book_of
from etl.exporting.sorting import read_sort, sorted_rows
from etl.exporting.templates import load_template, write_by_template
from etl.exporting.workbook import opened_for_people

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    import pyarrow as pa

    from etl.exporting.pulling import Plan, What
    from etl.exporting.staging import Stage
    from etl.model import ProgressListener
    from etl.report.tally import Tally
    from etl.tables import Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How an export is written."""

    output: str
    """The file; `{date}`, `{time}`, `{entity}` are filled in. `-`: the caller writes standard output."""
    suffix: str = ".csv"
    """Of standard output: the format."""
    sort: str = ""
    """Headers of columns, `-` before those with the greatest first; empty: the server's order."""
    files: str = ""
    """Folder or ZIP for the files of the records, as `output` is given; empty: none are taken along."""
    template: Path | None = None
    """A Jinja template that says what is written, whatever the suffix; None: the suffix says the format."""
    is_plain: bool = False
    """A workbook is one sheet of cells, without what people need to edit it and send it back."""
    is_forced: bool = False
    """A file that is there already is replaced."""
    form: Format = field(default_factory=Format)
    listener: ProgressListener | None = None
    is_stopping: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True)
class Described:
    """An export that was read, on its way into a file."""

    plan: Plan
    what: What
    stage: Stage
    run: str
    url: str
    started: str
    """Records changed later may be there as they were before or after."""
    choices: Mapping[str, Sequence[str]]
    """Of a workbook for people: header -> what may be chosen there."""


def write_export(export: Described, target: Path, *, how: How, tally: Tally) -> None:
    """Write the pages into the file; it appears when it is whole."""
    plan, records = export.plan, export.stage.kept().records
    said = how.sort or (plan.back.mapping.document.export.sort if plan.back else "")
    keys = read_sort(said, plan.header)
    rows: Iterator[pa.Table] = export.stage.tables()
    if plan.back is not None and export.what.files and plan.back.files:
        files = plan.back.files
        laid: dict[str, str] = {}
        for one in picked(export.stage.files()):
            laid.setdefault(one.file_id, one.name)
        rows = (with_names(table, files, laid) for table in rows)
    if keys:
        rows = sorted_rows(rows, keys, folder=export.stage.folder / "sorted")
    empty, titles = plan.empty(), dict(plan.titles)
    if name := export.what.spread:
        width = widest(export.stage.tables(), name)
        rows = (spread_out(table, name, width) for table in rows)
        empty = spread_out(empty, name, width)
        titles |= {f"{name} {at}": f"{titles[name]} {at}" for at in range(1, width + 1)}
    names = empty.column_names
    metadata = {"entity": plan.entity.name, "url": export.url, "run": export.run, "started": export.started}
    described = {f"atro-etl.{name}": text for name, text in metadata.items()}
    if plan.back is None:
        described |= {f"atro-etl.column.{one.header}": one.address.text for one in plan.shown}
    if how.template is not None:
        template = load_template(how.template, output=target)
        labels = {one: titles[one] for one in names}
        write_by_template(template, target, tables=rows, labels=labels, facts=metadata)
        tally.add_exported(plan.entity.name, records)
        return
    header = [titles[one] for one in names]
    if export.what.is_for_people:
        book = book_of(plan.shown, separator=how.form.separator, choices=export.choices, **metadata)
        opening: AbstractContextManager[Writer] = opened_for_people(target, book)
    else:
        opening = opened(target, header, form=_form(how.form, plan), metadata=described)
    with opening as writer:
        for table in rows:
            writer.write(table.rename_columns(header))
        if not records:
            writer.write(empty.rename_columns(header))
    tally.add_exported(plan.entity.name, records)
    tally.add_problems(writer.problems)


def _form(form: Format, plan: Plan) -> Format:
    """Return how cells are written, where nothing was said as the mapping's source is."""
    if plan.back is None:
        return form
    source = plan.back.mapping.source
    encoding = source.encoding if source.encoding and form.encoding == Format().encoding else form.encoding
    return replace(form, delimiter=form.delimiter or source.delimiter or "", encoding=encoding, decimal=".")
