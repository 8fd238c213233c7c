"""A table read once, frame by frame. Its argument: FILE."""

from __future__ import annotations

import sys
from pathlib import Path

from etl.tables import ReadOptions, read
from tests.bench.usage import printed


def main(source: str) -> None:
    for frame in read(Path(source), ReadOptions()).frames():
        len(frame)


if __name__ == "__main__":
    with printed():
        main(*sys.argv[1:])
