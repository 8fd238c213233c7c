"""What the README says to type is typed here: every block behind `<!-- run -->`, from top to bottom."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.house.tree import ROOT

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = re.compile(r"^<!-- run(: sandbox)? -->\n```(sh|python|yaml)\n(.*?)^```", re.MULTILINE | re.DOTALL)
README = (ROOT / "README.md").read_text(encoding="utf-8")
SANDBOX = "http://127.0.0.1:8765"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as a clone is one for its user, with the command on the path."""
    for part in ("mappings", "samples"):
        shutil.copytree(ROOT / part, tmp_path / part)
    command = tmp_path / "bin" / "atro-etl"
    command.parent.mkdir()
    command.write_text(
        f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m etl "$@"\n', encoding="utf-8"
    )
    command.chmod(0o755)
    return tmp_path


def environment(folder: Path) -> dict[str, str]:
    return {"PATH": f"{folder / 'bin'}:/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8"}


def expected_code(line: str) -> int:
    found = re.search(r"# exit code (\d+)", line)
    return int(found[1]) if found else 0


@pytest.mark.timeout(600)  # a dozen processes, one after the other
def test_what_the_readme_says_to_type_runs(folder: Path):
    blocks = BLOCK.findall(README)
    assert blocks, "README.md marks no block as run"
    exports: list[str] = []
    sandbox = url = None
    try:
        for is_sandbox, language, text in blocks:
            if is_sandbox:
                # Any free port, so that two runs of the tests do not meet.
                command = text.strip().replace("--port 8765", "--port 0")
                sandbox = subprocess.Popen(
                    ["/bin/sh", "-c", f"exec {command}"], cwd=folder, env=environment(folder),
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                )  # fmt: skip
                url = address_of(sandbox)
                continue
            assert url is not None, "README.md starts the sandbox first"
            typed = text.replace(SANDBOX, url)
            if language == "yaml":
                (folder / "mappings" / "readme.yaml").write_text(text, encoding="utf-8")
                typed = "atro-etl check mappings/readme.yaml"
            if language == "python":
                check([sys.executable, "-c", typed], 0, folder, shown=text)
                continue
            for line in typed.splitlines():
                if line.startswith("export "):
                    exports.append(line)
                elif line.strip():
                    check(
                        ["/bin/sh", "-c", "\n".join([*exports, line])],
                        expected_code(line),
                        folder,
                        shown=line,
                    )
    finally:
        if sandbox is not None:
            sandbox.send_signal(signal.SIGTERM)
            sandbox.communicate(timeout=30)


def address_of(sandbox: subprocess.Popen[str]) -> str:
    """Return where the sandbox says that it listens."""
    assert sandbox.stdout is not None
    for line in sandbox.stdout:
        if found := re.search(r"http://127\.0\.0\.1:\d+", line):
            return found[0]
    pytest.fail("the sandbox never said where it listens")


def check(command: list[str], code: int, folder: Path, *, shown: str) -> None:
    """Run a command and compare its exit code."""
    variables = {**environment(folder), "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert ended.returncode == code, (
        f"README.md: {shown}\nended with {ended.returncode}:\n{ended.stderr[-2000:]}"
    )
