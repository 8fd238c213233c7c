"""Which columns of a source a mapping names, and where it names them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import TemplateSyntaxError

from etl.mapping.document import FieldDoc, ValueDoc
from etl.mapping.expressions import compile_expression
from etl.mapping.filing import template_columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.mapping.document import Origin
    from etl.mapping.loading import Mapping
    from etl.mapping.positions import Path_


def named_columns(mapping: Mapping) -> tuple[str, ...]:
    """Return the columns that the mapping names, short names among them, each once, in its order."""
    return tuple(dict.fromkeys(name for name, _ in column_uses(mapping)))


def column_uses(mapping: Mapping) -> Iterator[tuple[str, Path_]]:  # noqa: C901  one branch per key
    """Yield each use of a column: its name, and where in the text of the entity it is named."""
    for name, field in mapping.doc.fields.items():
        yield from _of_value(field, ("fields", name))
        if isinstance(field, FieldDoc):
            if field.each is not None:
                yield from _of_origin(field.each, ("fields", name, "each"))
                if field.each.order_by is not None:
                    yield field.each.order_by, ("fields", name, "each", "order_by")
            for inner, one in field.with_.items():
                yield from _of_value(one, ("fields", name, "with", inner))
    for address, attribute in mapping.doc.attributes.items():
        yield from _of_value(attribute, ("attributes", address))
    for name, association in mapping.doc.associations.items():
        yield from _of_origin(association, ("associations", name))
        if association.order_by is not None:
            yield association.order_by, ("associations", name, "order_by")
    rows = mapping.doc.rows
    if rows.where is not None:
        yield from _of_expression(rows.where, ("rows", "where"))
    if rows.group is not None:
        yield from ((name, ("rows", "group")) for name in rows.group.by)
    if rows.fill_down is not None:
        yield from ((name, ("rows", "fill_down", "within")) for name in rows.fill_down.within)
        yield from ((name, ("rows", "fill_down", "columns")) for name in rows.fill_down.columns)
    if rows.command is not None:
        yield rows.command.column, ("rows", "command")


def _of_value(doc: ValueDoc, path: Path_) -> Iterator[tuple[str, Path_]]:
    yield from _of_origin(doc, path)
    for key in ("divide_by", "multiply_by"):
        by = getattr(doc, key)
        if isinstance(by, str):
            yield by, (*path, key)
    if doc.unit is not None and doc.unit.column is not None:
        yield doc.unit.column, (*path, "unit", "column")
    if doc.when is not None:
        yield from _of_expression(doc.when, (*path, "when"))
    if doc.file is not None:
        for key, template in (("folder", doc.file.folder), ("name", doc.file.name)):
            yield from ((name, (*path, "file", key)) for name in template_columns(template or ""))


def _of_origin(doc: Origin, path: Path_) -> Iterator[tuple[str, Path_]]:
    if doc.column is not None:
        yield doc.column, (*path, "column")
    for position, name in enumerate(doc.columns or ()):
        yield name, (*path, "columns", position)
    for position, one in enumerate(doc.first_of or ()):
        yield from _of_origin(one, (*path, "first_of", position))
    if doc.lookup is not None:
        yield doc.lookup.column, (*path, "lookup", "column")
    if doc.expr is not None:
        yield from _of_expression(doc.expr, (*path, "expr"))


def _of_expression(text: str, path: Path_) -> Iterator[tuple[str, Path_]]:
    try:
        names = compile_expression(text).columns or ()
    except TemplateSyntaxError:
        return  # `check` tells about it with its place.
    yield from ((name, path) for name in names)
