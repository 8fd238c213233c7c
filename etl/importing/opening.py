"""The source of a run, opened as its mapping says: a file, some of several, standard input, an address."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from etl.errors import ConfigurationInvalid
from etl.tables import Choice, ReadOptions, is_remote, open_source, read, to_seconds

if TYPE_CHECKING:
    from typing import BinaryIO

    import pandas as pd

    from etl.mapping import Mapping
    from etl.tables import Table


def open_table(
    source: Path | str | pd.DataFrame | None,
    mapping: Mapping,
    *,
    options: ReadOptions,
    folder: Path,
    stdin: BinaryIO,
    now_s: float,
    name: str | None = None,
) -> Table:
    """Open the table that a run is about, without reading more of it than its header needs.

    Args:
        source: None: what the mapping names. Text may be a path, a glob, `-` or an address.
        options: how it is read; what they leave open the mapping says, and then its first bytes.
        folder: standard input and what an address holds are copied there, so that the run can be resumed.
        now_s: seconds since the epoch.
        name: what messages and outcomes call it; None: as it is named.

    Raises:
        Unusable: there is no such source, or it cannot be read; says why.
        HeldBack: it is too old, or not completely written yet.
    """
    found = _named_by(mapping) if source is None else source
    said = mapping.source
    options = dataclasses.replace(
        options,
        encoding=options.encoding or said.encoding,
        delimiter=options.delimiter or said.delimiter,
        quote=options.quote if options.quote is not None else said.quote,
        sheet=options.sheet if options.sheet is not None else said.sheet,
        header_row=options.header_row or said.header_row,
        has_header=options.has_header if options.has_header is not None else said.has_header,
        first_column=options.first_column if options.first_column is not None else said.first_column,
        record_path=options.record_path or said.records,
    )
    if not isinstance(found, Path | str):
        return read(found, options, name=name)
    # What somebody names is meant; how old a file may be is asked of the one that the mapping names.
    choice = _choice(mapping) if source is None else Choice()
    return open_source(str(found), options, choice=choice, folder=folder, stdin=stdin, now=now_s, name=name)


def _named_by(mapping: Mapping) -> Path | str:
    named = mapping.source.file
    if named is None:
        raise ConfigurationInvalid(
            str(mapping.path), what="it names no source.file.", advice="Give one with --source FILE."
        )
    return named if named == "-" or is_remote(named) else mapping.path.parent / named


def _choice(mapping: Mapping) -> Choice:
    said = mapping.source
    ready = said.ready
    return Choice(
        pick=said.pick,
        max_age_s=to_seconds(said.max_age) if said.max_age else None,
        stable_for_s=to_seconds(ready.stable_for) if ready and ready.stable_for else None,
        marker=ready.marker if ready else None,
    )
