"""Cells that are files: paths and globs below a base folder, addresses; what folder and name they get."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Protocol, TypeAlias
from urllib.parse import unquote, urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from etl.mapping.convert.cells import as_text
from etl.mapping.convert.link_texts import PART_MARK
from etl.mapping.convert.pieces import rebuilt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from etl.mapping.columns import Columns
    from etl.mapping.convert.faults import Faults
    from etl.mapping.grouping import Groups

BRACE = re.compile(r"\{([^{}]+)\}")
OWN = ("file.stem", "file.suffix", "item.index")
"""What braces may name besides columns."""


@dataclass(frozen=True, slots=True)
class Named:
    """The files that a cell names."""

    names: tuple[str, ...] = ()
    """Addresses, or paths below the base folder, sorted."""
    code: str = ""
    """Why they cannot be used, a key of `problems.CATALOGUE`; empty: they can."""
    facts: Mapping[str, str] = field(default_factory=dict)


class Folder(Protocol):
    """Looks into a base folder."""

    def named(self, cell: str) -> Named:
        """Return the files that a cell names; reads no more than their states."""
        ...

    def state(self, name: str) -> bytes | None:
        """Return what is the same as long as a file that was named is; None: nobody can tell."""
        ...


Folders: TypeAlias = "Callable[[Path], Folder]"
"""Opens a base folder."""


@dataclass(frozen=True, slots=True)
class Filing:
    """What is made of cells that are files."""

    folder: str = ""
    """A template; empty: no folder."""
    name: str = ""
    """A template; empty: as the file is called."""
    look: Folder | None = None
    """None: cells are taken as they stand."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the templates name."""
        return tuple(
            dict.fromkeys(name for one in (self.folder, self.name) for name in template_columns(one))
        )

    def one(self, texts: pa.StringArray, faults: Faults) -> pa.StringArray:
        """Return the file of each text; a glob may stand for a single one."""
        found = self._named(texts)
        made = [None if text is None else (found[text].names or (None,))[0] for text in texts.to_pylist()]
        self._tell(texts, found, faults, at_most=1)
        return pa.array(made, pa.string())

    def several(
        self, texts: pa.StringArray, parents: pa.Array, faults: Faults
    ) -> tuple[pa.StringArray, pa.Array]:
        """Return the files of all texts, one behind the other, and the parent of each.

        Args:
            parents: the position that each text belongs to.
            faults: positions of texts are those of `texts`.
        """
        found = self._named(texts)
        files: list[str] = []
        owners: list[int] = []
        for text, parent in zip(texts.to_pylist(), parents.to_pylist(), strict=True):
            names = () if text is None else found[text].names
            files += names
            owners += [parent] * len(names)
        self._tell(texts, found, faults, at_most=None)
        return pa.array(files, pa.string()), pa.array(owners, pa.int64())

    def placed(self, values: pa.Array, columns: Columns, groups: Groups | None) -> pa.Array:
        """Return files with the folder and the name that they get, joined by U+001F; one per record."""
        if not (self.folder or self.name):
            return values
        cells = {name: _of_records(columns, name, groups) for name in self.columns}
        if not pa.types.is_list(values.type):
            made = [
                None if file is None else self._text(file, cells, at, index=1)
                for at, file in enumerate(values.to_pylist())
            ]
            return pa.array(made, pa.string())
        made, counts = [], np.zeros(len(values), np.int64)
        for at, files in enumerate(values.to_pylist()):
            counts[at] = len(files or ())
            made += [
                self._text(file, cells, at, index=index) for index, file in enumerate(files or (), start=1)
            ]
        return rebuilt(pa.array(made, pa.string()), counts)

    def placed_each(
        self,
        texts: pa.StringArray,
        rows: np.ndarray,
        indexes: Sequence[int],
        *,
        columns: Columns,
        groups: Groups | None,
    ) -> pa.StringArray:
        """Return files of relation records as `placed` does.

        Args:
            rows: the row that each comes from; where its own cell is empty that of its record counts.
            indexes: 1-based within its record.
        """
        if not (self.folder or self.name):
            return texts
        at = pa.array(rows)
        cells: dict[str, list[str]] = {}
        for name in self.columns:
            own = as_text(columns.cells(name))
            owners = rows if groups is None else groups.of_rows[rows]
            of_record = pa.array(_of_records(columns, name, groups), pa.string())
            cells[name] = pc.coalesce(own.take(at), of_record.take(pa.array(owners))).to_pylist()
        made = [
            self._text(file, cells, position, index=index)
            for position, (file, index) in enumerate(zip(texts.to_pylist(), indexes, strict=True))
        ]
        return pa.array(made, pa.string())

    def _named(self, texts: pa.StringArray) -> dict[str, Named]:
        look = self.look
        known: list[str] = pc.unique(texts.drop_null()).to_pylist()
        return {text: look.named(text) if look is not None else Named((text,)) for text in known}

    def _tell(
        self, texts: pa.StringArray, found: Mapping[str, Named], faults: Faults, *, at_most: int | None
    ) -> None:
        for text, named in found.items():
            if named.code:
                faults.mark(pc.equal(texts, text), texts, code=named.code, facts=named.facts)
            elif at_most is not None and len(named.names) > at_most:
                facts = {"count": str(len(named.names)), "first": named.names[0]}
                faults.mark(pc.equal(texts, text), texts, code="file_not_single", facts=facts)

    def _text(self, file: str, cells: Mapping[str, Sequence[str]], at: int, *, index: int) -> str:
        called = PurePosixPath(name_of(file))
        known = {"file.stem": called.stem, "file.suffix": called.suffix, "item.index": str(index)}

        def filled(brace: re.Match[str]) -> str:
            name = brace[1]
            return known[name] if name in known else (cells[name][at] or "").strip()

        steps = BRACE.sub(filled, self.folder).split("/")
        folder = "/".join(step.strip() for step in steps if step.strip())
        return PART_MARK.join((file, folder, BRACE.sub(filled, self.name).strip()))


def template_columns(template: str) -> list[str]:
    """Return the columns that the braces of a template name."""
    return [name for name in BRACE.findall(template) if name not in OWN]


def name_of(file: str) -> str:
    """Return what a path or an address calls its file, `shoe.jpg`; without `?v=…`."""
    path = unquote(urlsplit(file).path) if is_address(file) else file.replace("\\", "/")
    return path.rstrip("/").rpartition("/")[2]


def is_address(cell: str) -> bool:
    """Tell whether a cell is an address rather than a path."""
    return cell.lower().startswith(("https://", "http://"))


def _of_records(columns: Columns, name: str, groups: Groups | None) -> list[str]:
    """The cell of each record; of several rows the first that is not empty."""
    cells = as_text(columns.cells(name))
    if groups is not None:
        cells = cells.take(pa.array(groups.first_filled(cells)))
    texts: list[str] = cells.to_pylist()
    return texts
