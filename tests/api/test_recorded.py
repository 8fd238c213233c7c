"""The readers of answers, held against what real servers answered, where these recordings are present."""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path

import orjson
import pytest

from etl import errors
from etl.api import ItemKind, answers
from etl.api.generations import GENERATIONS
from etl.api.where import equals, to_parameters
from etl.api.wire import Answer, Request
from etl.schema import read_metadata

RECORDED = Path(__file__).parents[2].parent / "shared" / "atrocore"
pytestmark = pytest.mark.skipif(
    not RECORDED.is_dir(), reason="the recordings in ../shared/atrocore are not on this machine"
)
both = pytest.mark.parametrize("generation", ["1.10", "2.1"])


@cache
def exchanges(generation):
    """Return (case, request, answer, items) of every recorded exchange."""
    found = []
    for line in (RECORDED / f"exchanges-{generation}.jsonl").read_bytes().splitlines():
        one = orjson.loads(line)
        asked, said = one["request"], one["response"]
        headers = {name.lower(): value for name, value in said["headers"].items()}
        kind = headers.get("content-type", "")
        if not kind and not isinstance(said["body"], str):
            kind = "application/json"
        is_json = "json" in kind
        body = orjson.dumps(said["body"]) if is_json else str(said["body"]).encode()
        answer = Answer(said["status"], kind, body, reason=headers.get("x-status-reason", ""))
        found.append((one["case"], Request(asked["method"], asked["path"]), answer, asked))
    return found


@both
def test_every_success_is_read_and_every_failure_is_told(generation):
    for case, request, answer, _asked in exchanges(generation):
        is_good = answer.status == 304 or (
            answer.status < 300 and "json" in answer.content_type and not answer.reason
        )
        if is_good:
            answers.read_json(request, answer)
            continue
        with pytest.raises(errors.RequestFailed) as caught:
            answers.read_json(request, answer)
        assert caught.value.status == answer.status, case
        assert isinstance(caught.value, errors.DatabaseRefused) == (
            answer.status == 200 and bool(answer.reason)
        ), case


@both
def test_every_outcome_of_a_bulk_upsert_is_told(generation):
    seen = set()
    for case, request, answer, asked in exchanges(generation):
        if not request.path.endswith("action/upsert") or answer.status != 200 or answer.reason:
            continue
        items = orjson.loads(answer.body)
        if not isinstance(items, list) or not isinstance(asked["body"], list):
            continue
        # Long answers were recorded in short.
        items = [item for item in items if isinstance(item, dict)]
        whole = dataclasses.replace(answer, body=orjson.dumps(items))
        for item, told in zip(items, answers.read_items(request, whole, count=len(items)), strict=True):
            seen.add(told.kind)
            assert (told.kind is ItemKind.FAILED) == (
                item["status"] == "Failed" and not item["message"].startswith("Code: 304.")
            ), case
            if told.kind in (ItemKind.CREATED, ItemKind.UPDATED):
                assert told.modified_at, case
    assert seen == set(ItemKind)


@both
def test_an_answer_without_outcomes_is_noticed_by_its_length(generation):
    for _case, request, answer, _asked in exchanges(generation):
        if answer.status == 200 and answer.body == b"[]" and request.path.endswith("action/upsert"):
            with pytest.raises(errors.AnswerUnusable):
                answers.read_items(request, answer, count=1)


@both
def test_missing_records_are_told_from_missing_routes(generation):
    missing = {
        case: answers.is_missing_record(answer, GENERATIONS[generation])
        for case, _request, answer, _asked in exchanges(generation)
        if answer.status == 404
    }
    assert missing["crud.read_missing"]
    assert missing["crud.read_deleted"]
    assert not any(is_missing for case, is_missing in missing.items() if case.startswith("route."))


@both
def test_lists_are_read_with_their_totals(generation):
    pages = [
        answers.read_page(request, answer)
        for case, request, answer, _asked in exchanges(generation)
        if case.startswith(("list.", "where."))
        and answer.status == 200
        and "json" in answer.content_type
        and answer.body
        and not answer.reason
    ]
    assert len(pages) > 50
    assert all(page.total is None or page.total >= 0 for page in pages)


@both
def test_sign_ins_give_tokens_and_sessions(generation):
    told = {case: (request, answer) for case, request, answer, _asked in exchanges(generation)}
    assert answers.read_token(*told["auth.login_token_only"])
    session = answers.read_session(*told["auth.login_full"])
    assert session.user == "admin"
    assert session.is_admin


@both
def test_a_condition_is_written_as_it_was_recorded(generation):
    asked = next(a for case, _r, _s, a in exchanges(generation) if case == "where.equals")
    recorded = [(name, value) for name, value in asked["query"] if name.startswith("where")]
    value = dict(recorded)["where[0][value]"]
    assert list(to_parameters([equals("code", value)])) == recorded


@both
def test_metadata_is_read(generation):
    schema = read_metadata(orjson.loads((RECORDED / f"metadata-{generation}.json").read_bytes()))
    assert schema.entity("Product").fields["name"].is_required
