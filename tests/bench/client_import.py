"""An import through the library door. Its arguments: FILE MAPPING URL STATE."""

from __future__ import annotations

import sys

from etl.blocking import connect, import_table
from tests.bench.usage import printed


def main(source: str, mapping: str, url: str, state: str) -> None:
    """Import into the sink and insist that every row was created: a run that failed fast is no fast run."""
    with connect(url, username="bench", password="bench") as pim:
        summary = import_table(source, mapping, pim, state_dir=state)
    if summary.rows.created != summary.rows.read or not summary.rows.read:
        raise SystemExit(f"{summary.rows}: {[problem.message for problem in summary.problems][:3]}")


if __name__ == "__main__":
    with printed():
        main(*sys.argv[1:])
