"""Laws about modules: their names, their first line, their length."""

from __future__ import annotations

import ast

from tests.house.tree import ROOT, modules, said, syntax_of, text_of

SAYS_NOTHING = {"utils", "util", "common", "helpers", "helper", "core", "base", "manager", "misc"}
LONGEST_LINES = 400


def test_no_module_has_a_name_that_says_nothing():
    places = [
        str(path) for folder in ("etl", "tests") for path in modules(folder=folder)
        if SAYS_NOTHING & {part.removesuffix(".py").strip("_") for part in path.parts}
    ]  # fmt: skip
    assert not places, said("A module's name says what it is for (house.md, Rejected):", places)


def test_every_module_opens_with_what_it_is_for():
    places = [
        str(path) for path in modules() if not (ast.get_docstring(syntax_of(path)) or "").strip()
    ]  # fmt: skip
    assert not places, said("A module opens with a docstring of one or two lines (style, 1):", places)


def test_no_module_is_longer_than_one_look():
    places = []
    for folder in ("etl", "tests"):
        for path in modules(folder=folder):
            lines = len((text_of(path) or "").splitlines())
            if lines > LONGEST_LINES:
                places.append(f"{path}: {lines} lines")
    assert not places, said(f"No module is longer than {LONGEST_LINES} lines:", places)


def test_every_folder_of_the_package_is_a_package():
    folders = {path.parent for path in modules()}
    places = [str(folder) for folder in sorted(folders) if not (ROOT / folder / "__init__.py").is_file()]
    assert not places, said("A folder of modules has an __init__.py with its one interface:", places)
