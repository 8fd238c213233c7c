"""What an undo leaves as it is: said before anything is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from etl.schema import Schema
    from etl.undoing.turning import Turned

ALWAYS = "Times and users of changes, and what AtroCore wrote into its streams, stay as they are."
CLASSIFICATIONS = frozenset({"classificationsIds", "classificationId"})


def remarks_of(turned: Turned, *, schema: Schema, uploaded: int, restores: bool) -> tuple[str, ...]:
    """Return what cannot be undone of a run, one sentence each.

    Args:
        uploaded: files that the run uploaded.
        restores: the server can put deleted records back.
    """
    return tuple(_remarks(turned, schema, uploaded, restores=restores))


def _remarks(turned: Turned, schema: Schema, uploaded: int, *, restores: bool) -> Iterator[str]:
    yield ALWAYS
    if turned.kept:
        yield f"{turned.kept:,} records that the run created stay; --delete-created deletes them."
    if any(schema.entity(one).type == "Hierarchy" for one in turned.entities):
        yield "Values that children inherited meanwhile stay; compare them in AtroCore."
    if turned.keys & CLASSIFICATIONS:
        yield "Attributes that came with a classification stay."
    if uploaded:
        yield f"{uploaded:,} uploaded files stay."
    if turned.restored and not restores:
        yield (
            f"{turned.restored:,} deleted records are created again with their ids: this server puts nothing "
            "back. Links that others had to them, and their attribute values, do not come back."
        )
    for what, count in turned.lost.items():
        yield f"Not kept, so not put back: {what} ({count:,})."
