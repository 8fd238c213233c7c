"""Files of rows, once they stand on the server or do not: what is left of the rows' payloads."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl.model import LinkTexts
from etl.planning.ends import FilesOfRows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etl.model import Payloads, Problem, RelationRecords
    from etl.planning.ends import FileIds
    from etl.resolving import Found


@dataclass(frozen=True, slots=True)
class Settled:
    """Payloads whose files are known."""

    payloads: Payloads
    stands: Sequence[bool]
    """Of each record whether it is there, or will be, as far as `write` and its key tell."""


def wanted_files(links: Sequence[LinkTexts], payloads: Payloads, stands: Sequence[bool]) -> list[FilesOfRows]:
    """Return the files of records that will stand: nothing is uploaded for a row that goes nowhere."""
    wanted = pa.array(stands, pa.bool_())
    of_relations = {
        id(link): (wanted.take(relation.owners), relation.numbers)
        for relation in payloads.relations
        for link in relation.links
    }
    found = []
    for one in links:
        if one.target.files is not None:
            mask, numbers = of_relations.get(id(one), (wanted, payloads.numbers))
            texts = LinkTexts(one.target, one.column, one.texts.filter(mask))
            found.append(FilesOfRows(texts, payloads.file, payloads.sheet, numbers.filter(mask)))
    return found


def settled(
    payloads: Payloads, found: Found, files: FileIds, *, stands: Sequence[bool]
) -> tuple[Settled, Found]:
    """Leave out relation records whose file cannot be used; block their rows unless the mapping skips them.

    Plain links to files are told about like all other links, when the record itself is planned.
    """
    relations: list[RelationRecords] = []
    warnings: list[Problem] = []
    blocked = dict(found.blocked)
    for relation in payloads.relations:
        link = relation.links[0]
        if link.target.files is None:
            relations.append(relation)
            continue
        ids = files.ids(link, file=payloads.file, sheet=payloads.sheet, numbers=relation.numbers)
        owners = relation.owners.to_pylist()
        lost = {at for at, one in enumerate(ids.ids.to_pylist()) if one is None and stands[owners[at]]}
        rows = relation.numbers.to_pylist()
        is_stopped = {} if link.target.files.skips_bad else {rows[at]: owners[at] for at in lost}
        for problem in ids.problems:
            if problem.row in is_stopped:
                blocked.setdefault(is_stopped[problem.row], problem)
            else:
                warnings.append(problem)
        relations.append(_without(relation, lost, count=len(payloads)))
    payloads = dataclasses.replace(
        payloads, relations=tuple(relations), problems=(*payloads.problems, *warnings)
    )
    return Settled(payloads, stands), dataclasses.replace(found, blocked=blocked)


def _without(relation: RelationRecords, lost: set[int], *, count: int) -> RelationRecords:
    if not lost:
        return relation
    is_left = np.ones(len(relation), np.bool_)
    is_left[sorted(lost)] = False
    mask = pa.array(is_left)
    replaced = relation.replaced
    if replaced is not None:
        # A record with a file that could not be had keeps what it has.
        whole = np.ones(count, np.bool_)
        whole[relation.owners.to_numpy(zero_copy_only=False)[~is_left]] = False
        replaced = pc.and_(replaced, pa.array(whole))
    return dataclasses.replace(
        relation,
        owners=relation.owners.filter(mask),
        numbers=relation.numbers.filter(mask),
        links=tuple(LinkTexts(one.target, one.column, one.texts.filter(mask)) for one in relation.links),
        columns={key: values.filter(mask) for key, values in relation.columns.items()},
        replaced=replaced,
    )
