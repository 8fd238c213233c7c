"""Whether a row can be known again by its cells alone, and what else it is made from."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from jinja2 import nodes
from pydantic import BaseModel

from etl.mapping.document import LookupDoc, Origin, ValueDoc
from etl.mapping.expressions import ENVIRONMENT, compile_expression
from etl.mapping.parts import ValuesDoc
from etl.model import Missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.mapping.loading import Mapping
    from etl.mapping.rules import Rules


def tables_digest(mapping: Mapping) -> str:
    """Return the digest of the small tables that the mapping looks things up in.

    Raises:
        OSError: one of them has gone since the mapping was bound.
    """
    names = sorted(
        {one.file for one in _parts(mapping.doc) if isinstance(one, LookupDoc | ValuesDoc) and one.file}
    )
    whole = hashlib.sha256()
    for name in names:
        whole.update(hashlib.sha256((mapping.path.parent / name).read_bytes()).digest())
    return whole.hexdigest()


def tells_rows(mapping: Mapping) -> bool:
    """Tell whether values are made of the numbers of rows."""
    return any(isinstance(one, Origin) and one.row_number for one in _parts(mapping.doc))


def unsteady(rules: Rules) -> str:
    """Return why rows of this mapping cannot be known again by their cells, in words; empty: they can."""
    mapping, doc = rules.mapping, rules.mapping.doc
    rows = doc.rows
    group = set(rows.group.by) if rows.group is not None else set()
    reasons = {
        "the mapping has no key": not rules.key_fields,
        f"the mapping says write: {mapping.write}": mapping.write in ("create", "none"),
        "the mapping sends linked objects": bool(rules.object_keys),
        "cells are filled down across records": rows.fill_down is not None
        and (not group or set(rows.fill_down.within) != group),
        "some rows of a record are left out": bool(group) and rows.where is not None,
        "expressions see more than the cells that they name": _sees_more(mapping),
        "links of attributes or relation records are left out silently": any(
            one.missing is Missing.SKIP for one in rules.further_links
        ),
        f"{rules.entity.name} has no field modifiedAt": "modifiedAt" not in rules.entity.fields,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _sees_more(mapping: Mapping) -> bool:
    texts = [text for one in _parts(mapping.doc) for text in _expressions(one)]
    if mapping.doc.rows.where is not None:
        texts.append(mapping.doc.rows.where)
    return any(compile_expression(text).columns is None or _names_group(text) for text in texts)


def _names_group(text: str) -> bool:
    tree = ENVIRONMENT.parse("{{ (" + text + ") }}")
    return any(name.name == "group" for name in tree.find_all(nodes.Name))


def _expressions(part: BaseModel) -> Iterator[str]:
    if isinstance(part, Origin) and part.expr is not None:
        yield part.expr
    if isinstance(part, ValueDoc) and part.when is not None:
        yield part.when


def _parts(value: object) -> Iterator[BaseModel]:
    """Yield every part of a document, however deep."""
    if isinstance(value, BaseModel):
        yield value
        for name in type(value).model_fields:
            yield from _parts(getattr(value, name))
    elif isinstance(value, dict):
        for one in value.values():
            yield from _parts(one)
    elif isinstance(value, tuple | list):
        for one in value:
            yield from _parts(one)
