"""Recorded lists with a filter: our language says it, and the sandbox finds by ours what the server found.

Runs where the recordings lie beside the project.
"""

from __future__ import annotations

import base64
import importlib.util
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import orjson
import pytest

from etl.api.attributes import AttributeFacts
from etl.api.filters import read_filter
from etl.api.filters.facts import Facts, Within
from etl.api.generations import GENERATIONS
from etl.api.where import encode, to_parameters
from etl.errors import FilterInvalid
from etl.sandbox import run_in_thread
from etl.sandbox.query import read_query
from etl.schema import EntitySchema, Schema, read_metadata

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

RECORDED = Path(__file__).parents[2].parent / "shared" / "atrocore"
pytestmark = pytest.mark.skipif(
    not RECORDED.is_dir(), reason="the recordings in ../shared/atrocore are not on this machine"
)
both = pytest.mark.parametrize("generation", ["1.10", "2.1"])
# What our language does not say, because the server does something else than anybody means by it.
UNSAID = {
    "where.not": "a text in 1.10, nothing in 2.1",
    "where.unknown_attribute": "no record",
    "where.missing_attribute": "no record",
    "where.missing_type": "every record",
    "where.product_equals_linkName": "an SQL error",
    "where.product_greaterThan_float_bad": "an SQL error",
    "where.thing_int_equals_text": "an SQL error",
    "where.thing_date_bad": "an SQL error",
    "where.contains_percent": "a percent sign finds every text; ours finds percent signs",
    "list.very_long_url": "414; look-ups are parted before they are sent",
}
TIED = {"pim.list_pav", "pim.where_isNotLinked_manyMany"}
"""Records without an order, or with the same value in what they are sorted by: how many there are is told."""
Item = dict[str, object]


@cache
def exchanges(generation: str) -> list[Item]:
    lines = (RECORDED / f"exchanges-{generation}.jsonl").read_bytes().splitlines()
    return [orjson.loads(line) for line in lines]


@cache
def schema_of(generation: str) -> Schema:
    return read_metadata(orjson.loads((RECORDED / f"metadata-{generation}.json").read_bytes()))


def where_of(exchange: Item) -> list[Item]:
    """Return the conditions of a recorded list; empty: it is no list, or it has none."""
    request = exchange["request"]
    if request["method"] != "GET":
        return []
    pairs = [(name, value) for name, value in request.get("query") or [] if name.startswith("where[")]
    found = read_query(urlencode(pairs)).get("where")
    return found if isinstance(found, list) else []


def said(items: list[Item], entity: EntitySchema) -> str:
    """Return recorded conditions in our language."""
    return " and ".join(one_said(item, entity) for item in items)


def one_said(item: Item, entity: EntitySchema) -> str:
    word, value, name = item.get("type", ""), item.get("value"), str(item.get("attribute", ""))
    if word in ("and", "or", "not"):
        inner = f" {word} ".join(one_said(one, entity) for one in value)
        return f"not ({inner})" if word == "not" else f"({inner})"
    if "subQuery" in item:
        field = entity.fields[name.removesuffix("Id")]
        return f"{field.name} has ({said(item['subQuery'], schema_of('2.1').entity(field.target))})"
    if item.get("isAttribute"):
        name = f"`{name}`"
    field = entity.by_payload_key(name)
    is_number = field is not None and field.kind in ("int", "float")

    def literal(one: object) -> str:
        return str(one) if is_number else "'{}'".format(str(one).replace("'", "''"))

    if isinstance(value, list):
        return f"{name} {word} ({', '.join(map(literal, value))})"
    return f"{name} {word} {'' if value is None else literal(value)}".strip()


def meant(items: list[Item]) -> list[Item]:
    """Return conditions in one form for those that mean the same."""
    found = []
    for item in items:
        one = {key: value for key, value in item.items() if key not in ("dateTime", "timeZone")}
        if "subQuery" in one:
            one["subQuery"] = meant(one["subQuery"])
            if one["type"] == "linkedWith" and one["attribute"] == "brand":
                one |= {"type": "in", "attribute": "brandId"}  # the link of a record to one other
        if one.get("type") == "in" and one.get("value") == "":
            one["value"] = [""]
        if one.get("type") in ("and", "or"):
            one["value"] = meant(one["value"])
        found += one["value"] if one.get("type") == "and" else [one]
    return found


def ours(exchange: Item, generation: str, items: list[Item]) -> list[tuple[str, str]]:
    """Return the query that our language makes of recorded conditions."""
    schema = schema_of(generation)
    entity = schema.entity(exchange["request"]["path"].rpartition("/")[2])
    named = {str(one.get("attribute")) for one in items if one.get("isAttribute")}
    facts = Facts(attributes={Within(entity.name, one): AttributeFacts(one, "", "", "varchar", "text")
                              for one in named})  # fmt: skip
    made = read_filter(
        said(items, entity), entity, schema=schema, facts=facts, generation=GENERATIONS[generation]
    )
    if facts.open:  # an attribute that nobody knows
        raise LookupError(facts.open)
    return list(to_parameters(made))


def lists(generation: str) -> Iterator[tuple[Item, list[Item]]]:
    for exchange in exchanges(generation):
        if items := where_of(exchange):
            yield exchange, items


@both
def test_our_language_says_every_recorded_filter_that_does_what_it_says(generation: str):
    unsaid, others = set(), {}
    for exchange, items in lists(generation):
        try:
            made = read_query(encode(ours(exchange, generation, items)))["where"]
        except (FilterInvalid, LookupError):
            unsaid.add(exchange["case"])
            continue
        if meant(made) != meant(items):
            others[exchange["case"]] = (made, items)
    assert len(list(lists(generation))) > 60
    # Three can be said: one means a percent sign, one is written out, one is what many ids would be.
    other = {"where.contains_percent", "where.not"}
    assert unsaid == UNSAID.keys() - other - {"list.very_long_url"}
    assert others.keys() == other


@cache
def replay() -> ModuleType:
    spec = importlib.util.spec_from_file_location("replay", RECORDED / "replay.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@both
def test_the_sandbox_finds_by_our_filters_what_the_server_found(generation: str):
    with run_in_thread(generation=generation, metadata=RECORDED / f"metadata-{generation}.json") as sandbox:
        verdicts = replayed(sandbox.url, generation)
    assert len(verdicts) > 50
    assert {case: one for case, one in verdicts.items() if one != "same"} == {}


def replayed(url: str, generation: str) -> dict[str, str]:
    """Send the recorded requests in their order, lists with our filters; return case -> verdict of these."""
    server = replay()
    ids: dict[str, str] = {}
    verdicts = {}
    basic = "Basic " + base64.b64encode(b"admin:admin").decode()
    sign_in = {"method": "GET", "path": "/api/v1/App/user",
               "headers": {"Authorization": basic, "Authorization-Token-Only": "true"}}  # fmt: skip
    token = server.send(url, sign_in, ids, "")[1]["authorizationToken"]
    for exchange in exchanges(generation):
        request, items = exchange["request"], where_of(exchange)
        # Files are fetched from a server that is not there.
        if not server.replayable(exchange) or exchange["case"].startswith("file."):
            continue
        is_ours = bool(items) and exchange["case"] not in UNSAID
        if is_ours:
            rest = [(name, value) for name, value in request["query"] if not name.startswith("where[")]
            here = ours(exchange, generation, server.substitute(items, ids))
            request = {**request, "query": [*here, *rest]}
        status, body, headers = server.send(url, request, ids, token)
        server.learn(exchange["response"]["body"], body, ids)
        if is_ours:
            verdict, _ = server.judge(exchange, status, body, ids, headers)
            if exchange["case"] in TIED and body["total"] == exchange["response"]["body"]["total"]:
                verdict = "same"
            verdicts[exchange["case"]] = verdict
    return verdicts
