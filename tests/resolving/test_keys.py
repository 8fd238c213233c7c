import re
import unicodedata

import pyarrow as pa

from etl.resolving import canonical_keys, own_id
from etl.resolving.keys import keys_of_records


def test_an_own_id_is_a_letter_and_23_characters_that_every_generation_takes():
    made = own_id("Product", ["number"], key="4711")
    assert re.fullmatch(r"[a-z][a-z2-7]{23}", made)


def test_an_own_id_depends_on_entity_key_fields_and_key_alone():
    made = own_id("Product", ["number"], key="4711")
    assert made == own_id("Product", ["number"], key="4711")
    others = [
        own_id("Brand", ["number"], key="4711"),
        own_id("Product", ["ean"], key="4711"),
        own_id("Product", ["number"], key="4712"),
        own_id("Product", ["number", "ean"], key="4711"),
    ]
    assert len({made, *others}) == len(others) + 1


def test_an_own_id_never_changes_between_versions():
    # It stands in people's databases: a new one would double every record that was made before.
    assert own_id("Product", ["number"], key="4711") == "ejt5wh2wsxva7kinj47wdka5"


def test_composed_and_decomposed_letters_are_the_same_key():
    composed, decomposed = "Mühle", unicodedata.normalize("NFD", "Mühle")
    keys = canonical_keys({"name": pa.array([composed, decomposed])})
    assert keys.to_pylist() == [composed, composed]


def test_a_key_of_two_fields_is_null_where_one_of_them_is():
    keys = canonical_keys({"a": pa.array(["x", None]), "b": pa.array([1, 2])})
    assert keys.to_pylist() == ["x\x1f1", None]


def test_keys_of_records_are_those_of_the_source_whatever_type_the_server_answers():
    records = [{"number": "A"}, {"number": 5}, {"number": 5.0}, {"number": None}, {}]
    assert keys_of_records(records, ["number"]) == ["A", "5", "5", None, None]
