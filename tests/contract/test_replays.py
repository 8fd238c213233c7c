"""Law 7: the sandbox answers like recorded servers. Runs where the recordings lie beside the project."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from etl.sandbox import run_in_thread

RECORDED = Path(__file__).parents[2].parent / "shared" / "atrocore"
LEAST_SAME, LEAST_STATUS = 0.93, 0.97


@pytest.mark.skipif(
    not RECORDED.is_dir(), reason="the recordings in ../shared/atrocore are not on this machine"
)
@pytest.mark.parametrize("generation", ["1.10", "2.1"])
def test_recorded_answers_are_given_again(generation):
    with run_in_thread(generation=generation, metadata=RECORDED / f"metadata-{generation}.json") as sandbox:
        exchanges = RECORDED / f"exchanges-{generation}.jsonl"
        command = [
            sys.executable,
            RECORDED / "replay.py",
            "--url",
            sandbox.url,
            "--exchanges",
            exchanges,
            "-v",
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    last = done.stdout.strip().splitlines()[-1]
    found = re.search(r"= ([\d.]+); .*status ([\d.]+)", last)
    assert found, done.stdout + done.stderr
    assert float(found[1]) >= LEAST_SAME, done.stdout
    assert float(found[2]) >= LEAST_STATUS, done.stdout
