"""The doctor at the sandbox, and at servers with something wrong."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import orjson
import pytest

from etl.api import connect
from etl.api.wire import Request
from etl.doctor import Action, Level, Need, examine, try_writing
from etl.doctor.examining import _transport
from etl.model import Limits
from etl.schema import read_metadata
from tests.api.clock import Clock
from tests.api.stub import PASSWORD, USER, Stub, json, serving, text

if TYPE_CHECKING:
    from etl.doctor import Finding

NEEDS = [Need("Product", frozenset({Action.READ, Action.CREATE, Action.EDIT}))]
GENERATIONS = pytest.mark.parametrize("sandbox", ["1.10", "2.1", "2.2", "2.3"], indirect=True)


async def look(client, metadata=None, *, here=None, needs=NEEDS) -> dict[str, Finding]:
    if metadata is None:
        metadata = await client.metadata()
    findings = await examine(
        client,
        metadata,
        needs=needs,
        now=lambda: here or datetime.now(UTC),
        timer=lambda: 0.0,
    )
    return {finding.code: finding for finding in findings}


@GENERATIONS
async def test_a_healthy_instance_has_no_warning(pim):
    found = await look(pim)
    assert {finding.level for finding in found.values()} == {Level.OK}
    assert set(found) >= {"sign_in", "version", "speed", "clock", "size", "jobs", "rights"}


async def test_a_clock_that_differs_is_told_in_seconds(pim):
    found = await look(pim, here=datetime.now(UTC) + timedelta(minutes=10))
    assert found["clock"].level is Level.WARNING
    assert "behind ours" in found["clock"].what


@GENERATIONS
async def test_jobs_that_nobody_starts_are_told(pim):
    body = orjson.dumps([{"entity": "Brand", "payload": {"name": "x"}}])
    await pim.send(Request("POST", pim.generation.upsert, body=body, headers={"Use-Queue": "true"}))
    assert (await look(pim))["jobs"].level is Level.OK
    found = await look(pim, here=datetime.now(UTC) + timedelta(hours=1))
    assert found["jobs"].level is Level.WARNING
    assert found["jobs"].what.startswith("1 background job ")


@GENERATIONS
async def test_a_written_record_is_gone_afterwards(pim):
    before = await pim.total("Brand")
    schema = read_metadata(await pim.metadata())
    findings = await try_writing(pim, schema, now=datetime.now(UTC))
    assert {finding.level for finding in findings} == {Level.OK}
    assert [finding.code for finding in findings] == [
        "write", "unchanged", "conflicts", "size", "cleanup",
    ]  # fmt: skip
    assert await pim.total("Brand") == before


class Wrong:
    """A server with everything wrong that it can tell."""

    def __init__(self) -> None:
        self.records: dict[str, object] = {}

    async def answer(self, request):
        if request.method == "POST":
            body = await request.read()
            if len(body) > 300_000:
                return text("<html>too large</html>", 413)
            items = orjson.loads(body)
            for item in items:
                self.records[item["payload"]["id"]] = item["payload"]
            return json([{"status": "Created", "stored": True, "entity": item["payload"]} for item in items])
        record_id = request.path.rpartition("/")[2]
        if record_id in self.records:
            return json(self.records[record_id]) if request.method == "GET" else text("no", 403)
        return text("nobody may see this", 403)


@pytest.fixture
async def wrong():
    stub = Stub(Wrong().answer)
    async with (
        serving(stub),
        connect(stub.url, username=USER, password=PASSWORD, retry=Clock().retry()) as client,
    ):
        client.session = dataclasses.replace(
            client.session,
            keeps_history=True,
            checks_conflicts=False,
            max_upload_mib=1,
            acl={"Product": False},
            is_admin=False,
        )
        client.limits = Limits(batch_bytes=2_000_000)
        yield client


async def test_what_is_wrong_is_told_with_advice_and_ends_nothing(wrong):
    found = await look(wrong, {"scopes": {"Product": {"hasArchive": True}}, "entityDefs": {}})
    levels = {code: finding.level for code, finding in found.items()}
    assert levels["history"] is Level.WARNING
    assert levels["conflicts"] is Level.WARNING
    assert levels["size"] is Level.WARNING
    assert levels["rights"] is Level.PROBLEM
    assert levels["archive"] is Level.NOTE
    assert levels["speed"] is Level.OK
    assert levels["jobs"] is Level.NOTE
    assert all(
        finding.advice for finding in found.values() if finding.level in (Level.WARNING, Level.PROBLEM)
    )


async def test_a_write_that_is_not_understood_is_told_and_what_is_left_is_named(wrong):
    schema = read_metadata(
        {
            "entityDefs": {"Brand": {"fields": {"name": {"type": "varchar", "required": True}}}},
            "scopes": {},
        }
    )
    findings = {finding.code: finding for finding in await try_writing(wrong, schema, now=datetime.now(UTC))}
    assert findings["unchanged"].level is Level.WARNING
    assert findings["conflicts"].level is Level.WARNING
    assert findings["size"].level is Level.WARNING
    assert "0.25 MB passes" in findings["size"].what
    assert findings["cleanup"].level is Level.PROBLEM
    assert "Delete Brand d" in findings["cleanup"].advice


async def test_without_a_harmless_entity_nothing_is_written(pim):
    schema = read_metadata({"entityDefs": {"Product": {"fields": {}}}, "scopes": {}})
    (finding,) = await try_writing(pim, schema, now=datetime.now(UTC))
    assert finding.level is Level.NOTE


async def test_an_address_in_the_clear_is_warned_of(pim):
    assert _transport("https://pim.example") == []
    assert _transport("http://localhost:8080") == []
    assert [finding.level for finding in _transport("http://pim.example")] == [Level.WARNING]
