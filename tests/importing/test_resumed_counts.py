"""What was carried out without an answer counts as done, after `resume` as if the answer had come."""

from __future__ import annotations

import dataclasses
import shutil

import pytest

import etl
from etl.history import history_of
from etl.model import Limits
from etl.planning.guards import Guards, Threshold
from etl.sandbox import Options
from tests.delivery.feeds import CLOCK, insist_on_one_truth
from tests.delivery.fronted import Fronted

MAPPING = """entity: Product
key: number
on_absent: delete
{scope}fields:
  number: No
  name: Name
  brand: {{column: Brand, link: {{by: name, missing: create}}}}
  channels:
    each: {{column: Where, split: "|"}}
    link: {{by: code}}
    links: replace
attributes:
  colour: Colour
"""
CHANNELS = "entity: Channel\nkey: code\nfields: {code: C, name: C}\n"
HEAD = "No,Name,Brand,Where,Colour"
BEFORE = [f"F{i:02d},Name {i},Acme,web|print,red" for i in range(12)]
AFTER = [
    "F00,Name 0,Acme,web|print,red",
    "F01,Other 1,Acme,web|print,red",
    "F02,Other 2,Acme,web|print,red",
    "F03,Name 3,Bolt,web|print,red",
    "F04,Name 4,Acme,web,red",
    "F05,Name 5,Acme,shop,red",
    "F06,Name 6,Acme,web|print,blue",
    "F07,Other 7,Acme,web|shop,blue",
    "F20,Name 20,Bolt,web,green",
    "F21,Name 21,Cord,,",
]
GUARDS = Guards(max_errors=Threshold(), min_rows=Threshold(), max_deletes=Threshold(number=9))
ONCE = Limits(attempts=1, in_flight=1, batch_rows=4)


def writes(call):
    if call.method == "DELETE":
        return True
    return call.method == "POST" and call.path[-1] in ("upsert", "upsertAttributeValues")


class Shop:
    """A folder with an instance in it, a state folder and a source; all of it can be had once more."""

    def __init__(self, folder, *, scope, way=""):
        self.folder, self.written, self.port = folder, 0, 0
        folder.mkdir(exist_ok=True)
        text = MAPPING.format(scope="scope: number startsWith 'F'\n" if scope else "")
        (folder / "feed.yaml").write_text(text + (f"write_attributes: {way}\n" if way else ""))
        (folder / "channels.yaml").write_text(CHANNELS)
        (folder / "channels.csv").write_text("C\nweb\nprint\nshop\n")

    def again(self, name):
        copy = Shop.__new__(Shop)
        copy.folder, copy.written, copy.port = self.folder.with_name(name), 0, self.port
        shutil.copytree(self.folder, copy.folder)
        return copy

    async def carry(self, lines, *, cut=0, resumes=False, mapping="feed.yaml"):
        """Import; the connection is cut after the `cut`-th request that writes was carried out."""
        options = {"state_dir": self.folder / "state", "guards": GUARDS}
        (self.folder / "feed.csv").write_text("\n".join([HEAD, *lines]) + "\n")
        running = Fronted(Options(db=self.folder / "sandbox.db", seed=1, port=self.port, clock=self.clock))
        await running.start()
        # What is known is known of an address.
        self.port = running.port

        async def front(call, pass_on):
            answer = await pass_on()
            self.written += writes(call)
            # What may go twice is sent anew by the client itself.
            return None if writes(call) and 0 < cut <= self.written else answer

        try:
            limits = ONCE if cut else dataclasses.replace(ONCE, attempts=5)
            async with etl.aio.connect(
                running.url, username="admin", password="admin", limits=limits, retry=CLOCK
            ) as pim:
                if mapping == "channels.yaml":
                    source = self.folder / "channels.csv"
                    entity = {"entityId": "Product", "attributePanelId": "attributeValues"}
                    await pim.create("Attribute", {"name": "C", "code": "colour", "type": "varchar"} | entity)
                else:
                    source = self.folder / "feed.csv"
                running.front = front
                if resumes:
                    return await etl.aio.resume(None, pim, **options)
                return await etl.aio.import_table(source, self.folder / mapping, pim, **options)
        finally:
            await running.stop()

    def clock(self):
        self.second = getattr(self, "second", 1_800_000_000.0) + 1
        return self.second

    def history(self):
        keys = [line.partition(",")[0] for line in {*BEFORE, *AFTER}]
        return {
            (event.key, event.field, event.status, event.old, event.new)
            for key in keys
            for event in history_of(self.folder / "state", "Product", key=key)
        }


def told(summary):
    return summary.rows, dict(summary.records), summary.fields


async def cut_everywhere(folder, *, step, first=1, **how):
    """Cut the second import at every `step`-th request, and hold what `resume` tells against a whole one."""
    shop = Shop(folder / "shop", **how)
    await shop.carry(BEFORE, mapping="channels.yaml")
    assert (await shop.carry(BEFORE)).rows.created == len(BEFORE)
    clean = shop.again("clean")
    expected = await clean.carry(AFTER)
    records = expected.records["Product"]
    assert (expected.status, records.created, records.deleted) == ("ok", 2, 4)
    for cut in range(first, clean.written + 1, step):
        one = shop.again(f"cut-{cut}")
        stopped = await one.carry(AFTER, cut=cut)
        assert stopped.status == "stopped", cut
        whole = await one.carry(AFTER, resumes=True)
        assert whole.status == "ok", (cut, whole.error)
        insist_on_one_truth(whole)
        assert told(whole) == told(expected), cut
        assert one.history() == clean.history(), cut


@pytest.mark.parametrize(("first", "scope"), [(1, True), (3, False)], ids=["scope", "known"])
async def test_a_resumed_import_reports_as_one_that_was_never_cut(tmp_path, first, scope):
    await cut_everywhere(tmp_path, first=first, step=5, scope=scope)


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("way", ["", "endpoints"])
@pytest.mark.parametrize("scope", [True, False], ids=["scope", "known"])
async def test_a_resumed_import_reports_so_wherever_it_was_cut(tmp_path, scope, way):
    await cut_everywhere(tmp_path, step=1, scope=scope, way=way)
