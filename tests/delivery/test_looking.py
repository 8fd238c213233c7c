"""What is looked at again: after a timeout until all stands still, after delivery what the server stored."""

from __future__ import annotations

import dataclasses
import json
import threading

import pyarrow as pa
import pytest

import etl
from etl.api import RetryClock
from etl.batching import make_batches
from etl.delivery import Paces
from etl.delivery.standing import done_when_still, is_equal
from etl.importing.looking_back import LookingBack
from etl.model import ChangeKind, Changes, Limits, Outcome, Status
from etl.pacing import Learnt
from etl.schema import read_metadata

IDS = ["e" + str(i) * 23 for i in range(3)]


def batch(names=("a", "b", "c")):
    changes = Changes(
        "Product",
        "a.csv",
        None,
        numbers=pa.array([2, 3, 4], pa.int64()),
        keys=pa.array(["1", "2", "3"], pa.string()),
        ids=pa.array(IDS, pa.string()),
        kinds=[ChangeKind.CREATE] * 3,
        columns={
            "name": pa.array(names, pa.string()),
            "number": pa.array(["1", "2", "3"], pa.string()),
        },
    )
    (made,) = make_batches(changes, max_rows=10, max_bytes=10_000, first_number=1)
    return made


async def test_a_server_that_goes_on_working_is_looked_at_until_it_stands_still(pim):
    slept = []

    async def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 1:
            await pim.create("Product", {"id": IDS[1], "name": "b", "number": "2"})

    await pim.create("Product", {"id": IDS[0], "name": "a", "number": "1"})
    clock = RetryClock(sleep=sleep, now=lambda: 0.0)
    assert await done_when_still(batch(), pim, clock=clock) == [0, 1]
    assert len(slept) == 2


async def test_a_record_that_holds_something_else_is_not_done(pim):
    async def sleep(_seconds):
        pass

    await pim.create("Product", {"id": IDS[0], "name": "half", "number": "1"})
    assert await done_when_still(batch(), pim, clock=RetryClock(sleep=sleep)) == []


@pytest.mark.parametrize(
    ("there", "ours", "appends", "equal"),
    [
        (["b", "a"], ["a", "b"], False, True),
        (["a", "b"], ["a"], False, False),
        (["a", "b"], ["a"], True, True),
        (None, "", False, True),
        (0, None, False, False),
    ],
)
def test_lists_of_ids_have_no_order_and_nothing_is_nothing(there, ours, appends, equal):
    assert is_equal(there, ours, appends=appends) is equal


@pytest.mark.parametrize("sandbox", [{"faults": ""}], indirect=True)
async def test_what_the_server_holds_otherwise_than_it_was_sent_is_told(pim):
    schema = read_metadata(await pim.metadata())
    for record_id, name in zip(IDS, ("a", "changed", "c"), strict=True):
        await pim.create("Product", {"id": record_id, "name": name, "number": "x"})
    told = []
    back = LookingBack(pim, schema, reads_all=True, report=told.extend)
    back.sending(batch())
    outcome = Outcome("a.csv", None, 0, "Product", "", Status.CREATED)
    await back.landed([dataclasses.replace(outcome, record_id=one) for one in IDS[:2]])
    await back.finish()
    found = [(one.code, one.row, one.field, one.value, one.facts["there"]) for one in told]
    assert ("changed_by_server", 3, "name", "b", "changed") in found
    assert ("changed_by_server", 2, "number", "1", "x") in found
    assert len(found) == 3


async def test_a_failed_row_is_not_read_back_and_a_sample_ends(pim):
    schema = read_metadata(await pim.metadata())
    told = []
    back = LookingBack(pim, schema, reads_all=False, report=told.extend)
    for _ in range(200):
        back.sending(batch())
    before = pim.requests
    failed = Outcome("a.csv", None, 2, "Product", "1", Status.FAILED, record_id=IDS[0])
    await back.landed([failed])
    await back.finish()
    assert pim.requests == before
    assert back._left == 0


MAPPING = "entity: Product\nkey: number\nfields:\n  number: No\n  name: Name\n"


@pytest.fixture
def feed(tmp_path):
    (tmp_path / "m.yaml").write_text(MAPPING)
    rows = "".join(f"{i},Name {i}\n" for i in range(300))
    (tmp_path / "feed.csv").write_text("No,Name\n" + rows)
    return tmp_path


def test_a_second_record_that_somebody_made_meanwhile_is_told(sandbox_in_thread, feed):
    url, made = sandbox_in_thread.url, []

    def somebody_creates():
        if not made:
            made.append("7")
            with etl.connect(url, username="admin", password="admin") as other:
                other.loop.wait_for(other.client.create("Product", {"name": "mine", "number": "7"}))
        return False

    # The hook is called in the loop of the run, so the other writer works in a thread of its own.
    def hook():
        if not made:
            thread = threading.Thread(target=somebody_creates)
            thread.start()
            thread.join()
        return False

    with etl.connect(url, username="admin", password="admin") as pim:
        summary = etl.import_table(
            feed / "feed.csv", feed / "m.yaml", pim, state_dir=feed / "state", is_stopping=hook
        )
    assert summary.rows.created == 300
    (problem,) = [one for one in summary.problems if one.code == "second_record"]
    assert (problem.row, problem.value) == (9, "7")


def test_the_pace_is_kept_for_the_next_run_and_damage_of_it_is_no_matter(sandbox_in_thread, feed):
    limits = Limits(batch_rows=5, in_flight=1)
    # By a clock that counts requests the server is never faster than its client: else nothing is learnt.
    clock = RetryClock(now=lambda: len(sandbox_in_thread.requests))
    who = {"username": "admin", "password": "admin"}
    with etl.connect(sandbox_in_thread.url, **who, limits=limits, retry=clock) as pim:
        etl.import_table(feed / "feed.csv", feed / "m.yaml", pim, state_dir=feed / "state")
        kept = feed / "state" / "pacing.json"
        (target,) = json.loads(kept.read_text())
        assert target.endswith("/Product")
        kept.write_text("{damaged")
        (feed / "feed.csv").write_text("No,Name\n1,Another\n")
        again = etl.import_table(
            feed / "feed.csv", feed / "m.yaml", pim, state_dir=feed / "state", rows=(1, None), limit=1
        )
    assert again.rows.updated == 1


def test_a_body_that_was_too_large_makes_the_next_ones_smaller_and_limits_hold():
    paces = Paces(Limits(batch_rows=40, in_flight=2), now=lambda: 0.0, known=lambda _: Learnt(9, 500))
    assert paces.bounds("Product") == (40, 900_000)
    assert paces.at_once(batch()) == 2
    large = dataclasses.replace(batch(), body=b"x" * 100_000)
    paces.too_large(large)
    assert paces.bounds("Product") == (40, 50_000)
