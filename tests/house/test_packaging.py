"""Laws about what the project stands on: dependencies, pinned versions, the changelog, the image."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
from typing import TYPE_CHECKING, cast

from tests.house.tree import ROOT, modules, pyproject, said, syntax_of

if TYPE_CHECKING:
    from pathlib import Path

PINNED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.!+]+")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirement_name(requirement: str) -> str:
    return canonical(re.split(r"[\s<>=!~;\[(]", requirement, maxsplit=1)[0])


def runtime() -> set[str]:
    return {requirement_name(line) for line in cast("list[str]", pyproject()["project"]["dependencies"])}


def development() -> set[str]:
    return {requirement_name(line) for line in cast("list[str]", pyproject()["dependency-groups"]["dev"])}


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return {canonical(line.partition("==")[0]): line for line in lines if line.strip()}


def installed_closure(names: set[str]) -> set[str]:
    """Return the names and all that they need here, read from what is installed."""
    found: set[str] = set()
    waiting = sorted(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for line in importlib.metadata.requires(name) or []:
            requirement, _, marker = line.partition(";")
            needed = requirement_name(requirement)
            # Extras are not asked for; a marker that rules this machine out shows as "not installed".
            if "extra ==" not in marker and is_installed(needed):
                waiting.append(needed)
    return found


def is_installed(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def test_constraints_hold_names_and_exact_versions_only():
    places = [line for line in pins().values() if not PINNED.fullmatch(line)]
    assert not places, said("constraints.txt: one `name==version` a line, nothing else:", places)


def test_constraints_are_sorted():
    assert list(pins()) == sorted(pins()), "constraints.txt is sorted by name"


def test_everything_that_is_installed_for_us_is_pinned():
    needed = installed_closure(runtime() | development())
    places = sorted(needed - pins().keys())
    assert not places, said("constraints.txt lacks what a dependency brings along:", places)


def test_nothing_is_pinned_that_nobody_needs():
    needed = installed_closure(runtime() | development())
    places = sorted(name for name in pins().keys() - needed if is_installed(name))
    assert not places, said("constraints.txt pins what no dependency needs:", places)


def imported(folder: str) -> dict[str, Path]:
    """Return the distributions that modules of a folder import, each with one module that does."""
    owners = importlib.metadata.packages_distributions()
    found: dict[str, Path] = {}
    for path in modules(folder=folder):
        for node in ast.walk(syntax_of(path)):
            if isinstance(node, ast.Import):
                tops = {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                tops = {node.module.partition(".")[0]}
            else:
                continue
            for top in tops - sys.stdlib_module_names:
                found.update({canonical(owner): path for owner in owners.get(top, [])[:1]})
    return found


def test_what_the_package_imports_is_declared():
    ours = {canonical(str(pyproject()["project"]["name"]))}
    places = [f"{path}: {name}" for name, path in imported("etl").items() if name not in runtime() | ours]
    assert not places, said("pyproject.toml, dependencies: lacks what etl imports:", places)


def test_what_the_tests_import_is_declared():
    ours = {canonical(str(pyproject()["project"]["name"]))}
    known = runtime() | development() | ours
    places = [f"{path}: {name}" for name, path in imported("tests").items() if name not in known]
    assert not places, said("pyproject.toml, dev: lacks what the tests import:", places)


def test_every_dependency_has_its_line_in_the_plan():
    text = (ROOT / "etl" / "README.md").read_text(encoding="utf-8")
    told = {canonical(name) for name in re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)}
    places = sorted(runtime() - told)
    assert not places, said(
        "etl/README.md, Dependencies: why this one, what it replaces, what it costs:", places
    )


def test_the_changelog_tells_of_this_version():
    version = pyproject()["project"]["version"]
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[?{re.escape(str(version))}\b", text, re.MULTILINE), (
        f"CHANGELOG.md has no section for version {version}"
    )


# No container engine runs where the tests do, so the image itself is not built: its lines are read.
def dockerfile() -> list[str]:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def test_the_image_is_built_in_two_stages_and_the_wheel_in_the_first():
    lines = dockerfile()
    stages = [number for number, line in enumerate(lines) if line.startswith("FROM ")]
    assert len(stages) == 2
    first, second = lines[: stages[1]], lines[stages[1] :]
    assert any("pip wheel" in line for line in first)
    assert not any("pip wheel" in line for line in second)
    assert any(line.startswith("COPY --from=") for line in second)


def test_the_image_installs_the_pinned_versions():
    assert all(
        "constraints.txt" in line for line in dockerfile() if "pip install" in line or "pip wheel" in line
    )


def test_the_image_does_not_run_as_root():
    users = [line.split()[1] for line in dockerfile() if line.startswith("USER ")]
    assert users
    assert users[-1] not in {"ro" + "ot", "0"}


def test_the_image_keeps_its_state_on_a_volume():
    assert "VOLUME /state" in dockerfile()
    assert "ENV ATRO_STATE_DIR=/state" in dockerfile()


def test_the_image_is_the_command():
    assert dockerfile()[-1] == 'ENTRYPOINT ["atro-etl"]'


def test_the_image_names_no_registry_and_no_secret():
    places = [line for line in dockerfile() if re.search(r"PASSWORD|TOKEN|FROM \S+\.\S+/", line)]
    assert not places, said("Dockerfile:", places)
