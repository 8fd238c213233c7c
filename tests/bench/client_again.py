"""A later import through the library door. Its arguments: FILE MAPPING URL STATE SENT."""

from __future__ import annotations

import sys

from etl.blocking import connect, import_table
from tests.bench.usage import printed


def main(source: str, mapping: str, url: str, state: str, sent: str) -> None:
    """Import what was imported before and insist that so many rows were sent and no others looked at."""
    with connect(url, username="bench", password="bench") as pim:
        summary = import_table(source, mapping, pim, state_dir=state, verify_fraction=0.0)
    known, rows = summary.known, summary.rows
    if known is None or known.compared != int(sent) or rows.created != int(sent):
        raise SystemExit(f"{known}, {rows}")


if __name__ == "__main__":
    with printed():
        main(*sys.argv[1:])
