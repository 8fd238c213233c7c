"""Print the ratios of every `bench_*.py` beside this file: `python -m tests.bench [--only NAME]`.

Absolute times do not carry over from machine to machine, so only ratios are shown. A missed target is
marked, and the exit code stays 0: a busy machine is no bug.
"""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

Row = tuple[str, float, str, str]
Rows = Callable[[], Iterator[Row]]

HERE = Path(__file__).parent


def names() -> list[str]:
    """Return the names of the benchmarks there are, without `bench_`."""
    return sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))


def misses(ratio: float, target: str) -> bool:
    """Return whether a ratio misses its target, read from its text: `<= 1.5` or `>= 8`.

    Raises:
        ValueError: the text begins with neither.
    """
    found = re.match(r"(<=|≤|>=|≥)\s*([\d.]+)", target.strip())
    if found is None:
        raise ValueError(f"a target begins with <= or >= and a number, not {target!r}")
    bound = float(found[2])
    return ratio > bound if found[1] in {"<=", "≤"} else ratio < bound


def main() -> None:
    """Run the benchmarks and print a line for each ratio as soon as it is known."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--only", metavar="NAME", choices=names(), help=f"one of {', '.join(names())}")
    only: str | None = parser.parse_args().only

    missed = 0
    print(f"{'':2}{'ratio':>7}  {'target':<10}{'what':<34}compared", flush=True)
    for name in [only] if only else names():
        rows: Rows = importlib.import_module(f"tests.bench.bench_{name}").rows
        for what, ratio, target, compared in rows():
            mark = "!" if misses(ratio, target) else " "
            missed += mark == "!"
            print(f"{mark:2}{ratio:>7.2f}  {target:<10}{what:<34}{compared}", flush=True)
    print(f"{missed} missed their target (marked !)" if missed else "all targets were met")


if __name__ == "__main__":
    main()
