"""Requests as they go over the wire."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.api import wire
from etl.api.generations import GENERATIONS
from etl.api.where import equals

FIRST, LATEST = GENERATIONS["1.10"], GENERATIONS["2.3"]


def test_a_sign_in_asks_for_a_token_that_never_ends():
    request = wire.sign_in(FIRST)
    assert str(request) == "GET App/user"
    assert request.headers == {
        "Authorization-Token-Only": "true",
        "Authorization-Token-Lifetime": "0",
        "Authorization-Token-Idletime": "0",
    }
    assert wire.sign_in(LATEST).path == "userSession"


def test_asc_is_said_in_the_two_words_that_count():
    assert wire.list_records("Product", sort_by="id", asc=True).query == "sortBy=id&asc=true"
    assert wire.list_records("Product", sort_by="id", asc=False).query == "sortBy=id&asc=false"
    assert wire.list_records("Product").query == ""


def test_a_list_says_only_what_was_asked_for():
    request = wire.list_records("Brand", select=("id", "name"), offset=5, max_size=3, total_only=True)
    assert request.query == "select=id,name&offset=5&maxSize=3&totalOnly=true"


def test_a_page_of_no_records_is_not_asked_for():
    with pytest.raises(ValueError, match="max_size"):
        wire.list_records("Product", max_size=-1)


def test_an_id_cannot_name_another_path():
    assert wire.record_path("Product", "../User/1?x=1#") == "Product/..%2FUser%2F1%3Fx%3D1%23"


def test_a_request_names_itself_without_the_values_in_its_query():
    request = wire.list_records("Product", where=[equals("number", "secret-article")])
    assert str(request) == "GET Product"


def look_ups(values, **changed):
    limits = {"url_bytes": 6000, "keys": 100, "base_bytes": 40, **changed}
    return wire.look_ups("Product", "number", values=values, select=("id", "number"), **limits)


def test_no_values_are_no_request():
    assert look_ups([]) == []


def test_a_hundred_short_keys_are_one_request():
    assert len(look_ups([f"A-{n}" for n in range(100)])) == 1
    assert len(look_ups([f"A-{n}" for n in range(101)])) == 2


def test_long_keys_with_umlauts_are_split_by_the_length_of_the_address():
    requests = look_ups(["ÄÖÜäöüß" * 6 for _ in range(100)])
    assert len(requests) > 2
    assert all(len(request.query) < 6000 for request in requests)


@given(st.lists(st.text(max_size=60), max_size=120), st.integers(min_value=400, max_value=3000))
@settings(max_examples=40)
def test_look_ups_hold_each_value_once_in_addresses_that_fit(values, url_bytes):
    requests = look_ups(values, url_bytes=url_bytes)
    found = []
    for request in requests:
        inside = [
            text
            for name, text in parse_qsl(request.query, keep_blank_values=True)
            if name == "where[0][value][]"
        ]
        assert 40 + len(request.path) + 1 + len(request.query) <= url_bytes or len(inside) == 1
        found.extend(inside)
    assert found == values


def test_addresses_are_filled_as_far_as_they_may_be():
    first, *_ = look_ups(["x" * 10] * 500, url_bytes=1000, keys=1000)
    one_more = len("&where[0][value][]=") + 10
    length = 40 + len("Product?") + len(first.query)
    assert 1000 - one_more < length <= 1000


def test_a_list_is_read_on_from_an_offset():
    request = wire.list_records("Product", sort_by="id")
    assert wire.from_offset(request, 0) == request
    assert wire.from_offset(request, 1000).query == "sortBy=id&offset=1000"
