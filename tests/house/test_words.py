"""Laws about words: nothing in the tree tells where or how it was made, or where packages come from."""

from __future__ import annotations

import re

import pytest

from tests.house.tree import said, texts

# Written with a gap that is taken out, so that this file does not trip over itself.
FOLDERS = "wo_rk fa_rm ro_ot ho_me Us_ers tm_p".replace("_", "").split()
HOSTS = r"py_pi\.org python_hosted index_-url find_-links registry_\.npm proxy_\.golang".replace(
    "_", ""
).split()
NAMES = (
    r"cla_ude anth_ropic chat_gpt open_ai co_pilot gem_ini co_dex sub_agent help_er-\d ll_m".replace("_", "")
).split()

MACHINE = re.compile(rf"(?<![\w.~}})-])/(?:{'|'.join(FOLDERS)})/")
REGISTRY = re.compile("|".join(HOSTS), re.IGNORECASE)
MAKERS = re.compile(rf"\b(?:{'|'.join(NAMES)})\b", re.IGNORECASE)


def places_of(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path}:{number}: {found.group()}"
        for path, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if (found := pattern.search(line))
    ]


def test_no_file_names_a_folder_of_the_machine_it_was_made_on():
    places = places_of(MACHINE)
    assert not places, said("No machine paths in tracked files:", places)


def test_no_file_names_a_package_registry():
    places = places_of(REGISTRY)
    assert not places, said("Where packages come from is the machine's business:", places)


def test_no_file_says_with_what_it_was_made():
    places = places_of(MAKERS)
    assert not places, said("Words that do not belong in the project:", places)


@pytest.mark.parametrize("text", ["see /ho" + "me/me/x", '"/wo' + 'rk/main"', "/tm" + "p/x"])
def test_a_machine_path_is_recognised(text: str):
    assert MACHINE.search(text)


@pytest.mark.parametrize("text", ["api/wo" + "rk/x", "https://x.example/ho" + "me/", "the work/life"])
def test_an_address_is_no_machine_path(text: str):
    assert not MACHINE.search(text)
