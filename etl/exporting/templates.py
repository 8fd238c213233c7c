"""Any other format, by a template: Jinja in its sandbox over the rows, one page in memory at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from etl.errors import SourceUnreadable
from etl.tables.writing import completed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    import pyarrow as pa
    from jinja2 import Template

FAILURES = (TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError)
MARKUP = (".xml", ".html", ".htm", ".svg")
PIECES = 1000
"""Pieces of text that are written at once."""


def load_template(path: Path, *, output: Path) -> Template:
    """Return the template in a file; `&`, `<`, `>` and quotes are escaped where XML or HTML is written.

    It sees `rows` (each a mapping of a column's name to its cell, several values as a list), `header` (these
    names), `labels` (name -> what it is called with `--headers labels`, else the name), and the facts of the
    export: `entity`, `url`, `started`. It includes no other file.

    Raises:
        SourceUnreadable: it cannot be read, or is no template.
    """
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=output.suffix.lower() in MARKUP,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    try:
        return environment.from_string(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SourceUnreadable(
            str(path), reason=f"the template cannot be read: {error}.", advice="Give another."
        ) from error
    except TemplateError as error:
        line = getattr(error, "lineno", 1)
        raise SourceUnreadable(
            f"{path}:{line}", reason=f"this is no Jinja template: {error}.", advice="Correct it."
        ) from error


def write_by_template(
    template: Template,
    output: Path,
    *,
    tables: Iterable[pa.Table],
    labels: Mapping[str, str],
    facts: Mapping[str, str],
) -> None:
    """Write the rows as the template says; the file appears when it is whole.

    Raises:
        SourceUnreadable: the template fails in a row.
    """
    with completed(output) as part, part.open("w", encoding="utf-8", newline="") as file:
        stream = template.stream(rows=_rows(tables), header=list(labels), labels=labels, **facts)
        stream.enable_buffering(PIECES)
        try:
            file.writelines(stream)
        except FAILURES as error:
            raise SourceUnreadable(
                "--template", reason=f"the template failed: {error}.", advice="Correct it."
            ) from error


def _rows(tables: Iterable[pa.Table]) -> Iterator[dict[str, object]]:
    for table in tables:
        yield from table.to_pylist()
