"""Imports, faults, stops, cuts, resumes and edits in any order: every row arrives once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from pyarrow import parquet

import etl
from etl.errors import ResumeRefused
from etl.sandbox import run_in_thread
from tests.delivery.feeds import (
    CLOCK,
    LIMITS,
    MAPPING,
    UNGUARDED,
    insist_on_one_truth,
    set_faults,
    what_stands,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from etl.report import Summary

ROWS = 24
FAULTS = (
    "reset_after_commit=0.3",
    "truncate=0.3,http502=0.2",
    "http504=0.3",
    "die_mid_batch=0.4",
    "short_answer=0.3,page_html=0.2",
    "half_stored=0.1,failed_but_stored=0.1",
    "sql200=0.2,http500=0.2",
)


class Cut(BaseException):
    """Ends a run where it stands, with nothing written any more: what a kill leaves behind."""


class Delivery(RuleBasedStateMachine):
    """One source, one instance, one state folder."""

    def __init__(self):
        super().__init__()
        self.temporary = TemporaryDirectory()
        self.folder = Path(self.temporary.name)
        self.served = run_in_thread(db=self.folder / "sandbox.db", seed=1)
        self.url = self.served.__enter__().url
        (self.folder / "feed.yaml").write_text(MAPPING)
        self.rows = [
            [f"{i:03d}", f"Produkt {i}", f"{i},50", f"Maker {i % 3}", "web|shop"] for i in range(ROWS)
        ]
        self.write()
        self.left_open = False
        self.begun_with = []

    def write(self):
        lines = ["No;Name;Price;Maker;Where", *(";".join(row) for row in self.rows)]
        (self.folder / "feed.csv").write_text("\n".join(lines) + "\n")

    def carry(
        self,
        *,
        resumes: bool = False,
        is_stopping: Callable[[], bool] = lambda: False,
        faults: tuple[str, int] = ("", 0),
    ) -> Summary:
        async def run():
            async with etl.aio.connect(
                self.url, username="admin", password="admin", limits=LIMITS, retry=CLOCK
            ) as pim:
                # They begin after the sign-in: before it nothing is under way that could be lost.
                await asyncio.to_thread(set_faults, self.url, *faults)
                how = {"state_dir": self.folder / "state", "guards": UNGUARDED, "is_stopping": is_stopping}
                if resumes:
                    return await etl.aio.resume(None, pim, **how)
                feed, mapping = self.folder / "feed.csv", self.folder / "feed.yaml"
                return await etl.aio.import_table(feed, mapping, pim, **how)

        summary = asyncio.run(run())
        outcomes = parquet.read_table(f"{summary.folder}/results.parquet").to_pylist()
        told = sorted(one["row"] for one in outcomes if one["entity"] == "Product" and one["row"])
        assert summary.rows.read == ROWS
        assert told == [row for row in range(2, ROWS + 2) if row in told]
        assert len(told) + summary.rows.pending == ROWS
        insist_on_one_truth(summary)
        return summary

    def holds(self, *, but: int = 0):
        """What stands is the source; `but` so many rows that the last run told as failed."""
        state = asyncio.run(what_stands(self.url))
        brands = {record_id: one["name"] for record_id, one in state["Brand"].items()}
        assert sorted(brands.values()) == sorted(set(brands.values()))
        there = {
            one["number"]: (one["name"], one["price"], brands.get(one["brandId"]), len(one["channelsIds"]))
            for one in state["Product"].values()
        }
        assert len(there) == len(state["Product"])
        expected = {
            no: (name, float(price.replace(",", ".")), maker, 2) for no, name, price, maker, _ in self.rows
        }
        assert sum(there.get(number) != values for number, values in expected.items()) <= but
        assert set(there) <= set(expected)

    @rule(row=st.integers(0, ROWS - 1), price=st.integers(100, 120), maker=st.integers(0, 5))
    def edit(self, row, price, maker):
        self.rows[row][2:4] = [f"{price},25", f"Maker {maker}"]
        self.write()

    @rule(faults=st.sampled_from(FAULTS), seed=st.integers(0, 99))
    def import_under_faults(self, faults, seed):
        try:
            summary = self.carry(faults=(faults, seed))
        finally:
            set_faults(self.url, "")
        assert summary.rows.pending == 0, summary.error
        self.holds(but=summary.rows.failed)
        self.left_open = False

    @rule(calls=st.integers(1, 6), is_cut=st.booleans())
    def begin(self, calls, is_cut):
        """An import that ends early: asked to stop, or cut off."""
        asked = []

        def hook():
            asked.append(1)
            if len(asked) >= calls and is_cut:
                raise Cut
            return len(asked) >= calls

        try:
            summary = self.carry(is_stopping=hook)
        except Cut:
            self.left_open = True
        else:
            self.left_open = summary.status == "stopped"
        self.begun_with = [list(row) for row in self.rows]

    @precondition(lambda self: self.left_open)
    @rule()
    def resume(self):
        if self.begun_with != self.rows:
            with pytest.raises(ResumeRefused, match="the source has other contents"):
                self.carry(resumes=True)
            return
        summary = self.carry(resumes=True)
        assert (summary.rows.bad, summary.rows.pending) == (0, 0), summary.problems
        self.holds()
        self.left_open = False

    @rule()
    def import_again(self):
        summary = self.carry()
        assert (summary.rows.bad, summary.rows.pending) == (0, 0), summary.problems
        self.holds()
        self.left_open = False

    def teardown(self):
        self.import_again()
        assert self.carry().rows.unchanged == ROWS
        self.served.__exit__(None, None, None)
        self.temporary.cleanup()


QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much]


def test_whatever_happens_in_whatever_order_every_row_arrives_once():
    few = settings(max_examples=6, stateful_step_count=6, deadline=None, suppress_health_check=QUIET)
    run_state_machine_as_test(Delivery, settings=few)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_whatever_happens_in_whatever_order_many_times():
    many = settings(
        max_examples=300,
        stateful_step_count=12,
        derandomize=False,
        deadline=None,
        suppress_health_check=QUIET,
    )
    run_state_machine_as_test(Delivery, settings=many)
