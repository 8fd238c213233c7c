"""A later import through the library door. Its arguments: FILE MAPPING URL STATE SENT."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from etl.blocking import connect, import_table
from tests.bench.usage import cpu_s, peak_kib

if TYPE_CHECKING:
    from etl.model import Progress


def main(source: str, mapping: str, url: str, state: str, sent: str) -> None:
    """Import what was imported before; insist that so many rows were sent and no others looked at."""
    began = cpu_s()
    scan: list[float] = []

    def heard(progress: Progress) -> None:
        if progress.phase == "scan":
            scan[1:] = [cpu_s()]

    with connect(url, username="bench", password="bench") as pim:
        summary = import_table(
            source,
            mapping,
            pim,
            state_dir=state,
            verify_fraction=0.0,
            listener=heard,
            begins=lambda _: scan.append(cpu_s()),
        )
    known, rows = summary.known, summary.rows
    if known is None or known.compared != int(sent) or rows.created != int(sent):
        raise SystemExit(f"{known}, {rows}")
    used = {"cpu_s": cpu_s() - began, "scan_s": scan[1] - scan[0], "peak_kib": peak_kib()}
    print(json.dumps(used))


if __name__ == "__main__":
    main(*sys.argv[1:])
