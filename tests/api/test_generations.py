"""Which AtroCore this is, from what it tells."""

from __future__ import annotations

import pytest

from etl.api.generations import GENERATIONS, from_metadata, from_version

OLD_PATH, NEW_PATH = GENERATIONS["2.1"], GENERATIONS["2.3"]


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("1.10.30", "1.10"),
        ("1.13.0", "1.10"),
        ("2.0.4", "2.1"),
        ("2.1.25", "2.1"),
        ("2.2.31", "2.2"),
        ("v2.2", "2.2"),
    ],
)
def test_a_version_tells_the_generation(version, name):
    found = from_version(version, answered=OLD_PATH)
    assert found is not None
    assert found.name == name


def test_the_path_that_answered_counts_more_than_the_version():
    assert from_version("2.2.0", answered=NEW_PATH) is NEW_PATH
    assert from_metadata({"entityDefs": {"QueueItem": {}}}, answered=NEW_PATH) is NEW_PATH


def test_no_version_tells_nothing():
    assert from_version("dev-master", answered=OLD_PATH) is None


def test_metadata_tells_1_10_by_its_queue():
    assert from_metadata({"entityDefs": {"QueueItem": {}}}, answered=OLD_PATH).name == "1.10"
    assert from_metadata({"entityDefs": {"Job": {}}}, answered=OLD_PATH).name == "2.1"


def test_generations_are_listed_by_their_names_and_ids_fit_24_characters():
    assert all(name == one.name for name, one in GENERATIONS.items())
    assert min(one.id_characters for one in GENERATIONS.values()) == 24
