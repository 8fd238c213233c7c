"""What a plan says of records that the user may not change."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pyarrow as pa

from etl.api import connect
from etl.model import ChangeKind, Changes
from etl.planning.rights import permitted
from etl.problems import say
from tests.api.stub import PASSWORD, USER, Stub, json, serving

KINDS = [ChangeKind.UPDATE, ChangeKind.UPDATE, ChangeKind.DELETE, ChangeKind.CREATE, ChangeKind.UNCHANGED]
RIGHTS = {
    "a": {"edit": True},
    "b": {"edit": False},
    "c": {"edit": True, "delete": False},
    "e": {"edit": False},
}


def changes() -> Changes:
    ids = ["a", "b", "c", "d", "e"]
    return Changes(
        "Item", "items.csv", None,
        numbers=pa.array([2, 3, 4, 5, 6], pa.int64()), keys=pa.array([one.upper() for one in ids]),
        ids=pa.array(ids), kinds=KINDS, columns={},
    )  # fmt: skip


async def planned(*, tells: bool) -> tuple[Changes, list[str]]:
    """The changes after a server was asked that tells of rights, or does not; and what it was asked."""
    asked = []

    async def answer(request):
        ids = parse_qs(urlsplit(request.path_qs).query, strict_parsing=True)
        asked.append(f"{request.headers.get('With-Meta')} {request.path_qs.count('value')}")
        found = [one for one in RIGHTS if any(one in values for values in ids.values())]
        meta = {one: {"_meta": {"permissions": RIGHTS[one]}} if tells else {} for one in found}
        return json({"total": len(found), "list": [{"id": one, **meta[one]} for one in found]})

    async with (
        serving(Stub(answer)) as server,
        connect(server.url, username=USER, password=PASSWORD) as client,
    ):
        return await permitted(changes(), client), asked


async def test_updates_and_deletes_without_a_right_are_blocked_and_asked_for_together():
    made, asked = await planned(tells=True)
    assert [kind.value for kind in made.kinds] == ["update", "blocked", "blocked", "create", "unchanged"]
    assert [say(problem) for problem in made.problems] == [
        'the user may not change Item "B". Ask an administrator for the right, or leave the row out.',
        'the user may not delete Item "C". Ask an administrator for the right, or leave the row out.',
    ]
    assert [problem.row for problem in made.problems] == [3, 4]
    assert len(asked) == 1
    assert asked[0].startswith("true ")


async def test_a_server_that_tells_nothing_of_rights_blocks_nothing():
    made, _ = await planned(tells=False)
    assert list(made.kinds) == KINDS
    assert made.problems == ()
