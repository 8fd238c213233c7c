"""Somebody edits a record in AtroCore between the look-up and the update."""

from __future__ import annotations

import json
from base64 import b64encode
from urllib.request import Request, urlopen

import pytest
from pyarrow import parquet

import etl

MAPPING = "entity: Product\nkey: number\nfields:\n  number: No\n  name: Name\n  mpn: Mpn\n"


@pytest.fixture
def shop(sandbox_in_thread, tmp_path):
    """Two products, a mapping, and a source in which both were edited."""
    del sandbox_in_thread
    (tmp_path / "m.yaml").write_text(MAPPING)
    (tmp_path / "before.csv").write_text("No,Name,Mpn\n1,a,007\n2,b,008\n")
    (tmp_path / "after.csv").write_text("No,Name,Mpn\n1,a2,0071\n2,b2,0081\n")
    return tmp_path


def ask(sandbox, method, path, body=None, token=""):
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization-Token"] = token
    else:
        basic = b64encode(b"admin:admin").decode()
        headers |= {"Authorization": f"Basic {basic}", "Authorization-Token-Only": "true"}
    data = None if body is None else json.dumps(body).encode()
    request = Request(f"{sandbox.url}/api/v1/{path}", data, headers, method=method)  # noqa: S310  loopback
    return json.loads(urlopen(request).read())  # noqa: S310  loopback


@pytest.mark.parametrize(
    "sandbox_in_thread", [{}, {"checks_conflicts": False}], ids=["checked", "unchecked"], indirect=True
)
@pytest.mark.parametrize(
    ("on_drift", "expected", "name"),
    [
        ("fail", {"failed": 1, "updated": 1}, "edited"),
        ("skip", {"skipped": 1, "updated": 1}, "edited"),
        ("overwrite", {"updated": 2}, "a2"),
    ],
)
def test_an_edit_made_meanwhile_is_not_overwritten_unless_that_is_wanted(
    sandbox_in_thread, shop, on_drift, expected, name
):
    sandbox = sandbox_in_thread
    token = ask(sandbox, "GET", "App/user")["authorizationToken"]
    edits = []

    def somebody_edits():
        if not edits:
            where = "where[0][type]=equals&where[0][attribute]=number&where[0][value]=1"
            found = ask(sandbox, "GET", f"Product?select=name&{where}", token=token)
            edits.append(found["list"][0]["id"])
            ask(sandbox, "PATCH", f"Product/{edits[0]}", {"name": "edited"}, token=token)
        return False

    with etl.connect(sandbox.url, username="admin", password="admin") as pim:
        state = {"state_dir": shop / "state"}
        assert etl.import_table(shop / "before.csv", shop / "m.yaml", pim, **state).rows.created == 2
        summary = etl.import_table(
            shop / "after.csv", shop / "m.yaml", pim, on_drift=on_drift, is_stopping=somebody_edits, **state
        )
    rows = {key: count for key in ("failed", "skipped", "updated") if (count := getattr(summary.rows, key))}
    assert rows == expected, summary.problems
    codes = {one.code for one in summary.problems}
    is_checked = sandbox.options.checks_conflicts
    if on_drift == "overwrite":
        assert not codes
    else:
        assert codes == ({"drifted"} if is_checked else {"drifted", "conflicts_unchecked"})
    assert ask(sandbox, "GET", f"Product/{edits[0]}", token=token)["name"] == name
    assert parquet.read_table(f"{summary.folder}/results.parquet")["row"].to_pylist() in ([2, 3], [3, 2])
