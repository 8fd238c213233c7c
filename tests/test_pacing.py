"""Pacing against a model of a server: workers, a cost per request and per row, first come first served."""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass
from statistics import median, quantiles

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.model import Limits
from etl.pacing import COMFORTABLE_S, FIRST_ROWS, Learnt, Pacer, keep_learnt, read_learnt

REQUEST_S, ROW_S = 0.14, 0.025


@dataclass
class Clock:
    time_s: float = 0.0

    def now(self) -> float:
        return self.time_s


class Fixed:
    """A setting that never moves."""

    def __init__(self, slots: int, batch_rows: int) -> None:
        self.slots, self.batch_rows = slots, batch_rows

    def answered(self, latency_s: float, rows: int) -> None:
        pass


def deliver(pacer, clock, *, workers, rows, noise=0.0, seed=1, row_s=ROW_S, began_s=0.0):
    """Send `rows` rows at the pacer's pace; return rows per second and the latency of each request."""
    chance = random.Random(seed)  # noqa: S311  repeatable noise
    free = [began_s] * workers
    under_way: list[tuple[float, float, int]] = []
    latencies = []
    left = rows
    while left or under_way:
        while left and len(under_way) < pacer.slots:
            count = min(pacer.batch_rows, left)
            left -= count
            begins = max(heapq.heappop(free), clock.time_s)
            cost = (REQUEST_S + row_s * count) * chance.lognormvariate(0.0, noise)
            heapq.heappush(free, begins + cost)
            heapq.heappush(under_way, (begins + cost, clock.time_s, count))
        ends, began, count = heapq.heappop(under_way)
        clock.time_s = max(ends, clock.time_s)
        latencies.append(clock.time_s - began)
        pacer.answered(latencies[-1], count)
    return rows / (clock.time_s - began_s), latencies


def best_fixed(*, workers, rows, noise, seed):
    """The highest throughput of a fixed setting, and the lowest p95 latency of those within 1 % of it."""
    tries = []
    for slots in (1, 2, 3, 4, 6, 8, 9, 12, 16):
        for batch_rows in (50, 100):
            throughput, latencies = deliver(
                Fixed(slots, batch_rows), Clock(), workers=workers, rows=rows, noise=noise, seed=seed
            )
            tries.append((throughput, p95(latencies)))
    best = max(throughput for throughput, _ in tries)
    return best, min(latency for throughput, latency in tries if throughput > 0.99 * best)


def p95(latencies):
    return quantiles(latencies, n=20)[-1]


@pytest.mark.parametrize(("noise", "seed"), [(0.0, 1), (0.3, 1), (0.3, 2)])
@pytest.mark.parametrize("workers", [1, 2, 4, 8])
def test_the_pace_comes_near_the_best_fixed_setting(workers, noise, seed):
    limits = Limits(in_flight=16)
    fixed, fixed_latency = best_fixed(workers=workers, rows=100_000, noise=noise, seed=seed)
    clock = Clock()
    pacer = Pacer(limits, now=clock.now)
    throughput, latencies = deliver(pacer, clock, workers=workers, rows=100_000, noise=noise, seed=seed)
    assert throughput >= 0.9 * fixed
    assert p95(latencies) <= 2.001 * fixed_latency
    assert abs(pacer.learnt.slots - workers) <= 1


@pytest.mark.parametrize("workers", [2, 4, 8])
def test_what_was_learnt_makes_a_short_run_as_good_as_a_long_one(workers):
    limits, clock = Limits(in_flight=16), Clock()
    fixed, _ = best_fixed(workers=workers, rows=10_000, noise=0.1, seed=1)
    pacer = Pacer(limits, Learnt(workers, 100), now=clock.now)
    throughput, _ = deliver(pacer, clock, workers=workers, rows=10_000, noise=0.1)
    assert throughput >= 0.9 * fixed


def test_a_server_that_gets_workers_is_used_and_one_that_loses_them_is_spared():
    limits, clock = Limits(in_flight=16), Clock()
    pacer = Pacer(limits, now=clock.now)
    seen = []
    for workers in (2, 6, 2):
        began = clock.time_s
        deliver(pacer, clock, workers=workers, rows=60_000, began_s=began)
        seen.append(pacer.learnt.slots)
    assert seen[0] == 2
    assert seen[1] >= 5
    assert seen[2] <= 3


def test_the_maxima_are_never_exceeded():
    limits, clock = Limits(in_flight=3, batch_rows=70), Clock()
    pacer = Pacer(limits, Learnt(50, 5000), now=clock.now)
    assert (pacer.slots, pacer.batch_rows) == (3, 70)
    deliver(pacer, clock, workers=8, rows=20_000)
    assert (pacer.learnt.slots, pacer.batch_rows) == (3, 70)


def test_trouble_halves_both_and_requests_that_fail_together_count_once():
    pacer = Pacer(Limits(in_flight=16), Learnt(8, 100), now=Clock().now)
    for _ in range(8):
        pacer.failed()
    assert (pacer.slots, pacer.batch_rows) == (4, 50)
    for _ in range(100):
        pacer.failed()
    assert (pacer.slots, pacer.batch_rows) == (1, 1)


def test_after_trouble_the_pace_comes_back():
    limits, clock = Limits(in_flight=16), Clock()
    pacer = Pacer(limits, Learnt(8, 100), now=clock.now)
    deliver(pacer, clock, workers=8, rows=10_000)
    for _ in range(8):
        pacer.failed()
    assert pacer.slots <= 4
    deliver(pacer, clock, workers=8, rows=30_000, began_s=clock.time_s)
    assert pacer.learnt.slots >= 7
    assert pacer.batch_rows == 100


def test_slow_answers_make_requests_smaller():
    clock = Clock()
    pacer = Pacer(Limits(batch_rows=500), Learnt(2, 500), now=clock.now)
    _, latencies = deliver(pacer, clock, workers=2, rows=10_000, row_s=0.1)
    assert latencies[0] > 2 * COMFORTABLE_S
    later = latencies[len(latencies) // 2 :]
    assert median(later) <= COMFORTABLE_S
    assert max(later) <= 1.5 * COMFORTABLE_S
    assert 100 <= pacer.batch_rows <= 200


def test_a_source_that_is_slower_than_the_server_teaches_nothing_about_it():
    clock = Clock()
    pacer = Pacer(Limits(in_flight=16), Learnt(4, 100), now=clock.now)
    for _ in range(200):
        clock.time_s += 10.0
        pacer.answered(2.0, 100)
    assert pacer.learnt.slots == 4


def test_a_new_pace_begins_carefully():
    pacer = Pacer(Limits(), now=Clock().now)
    assert (pacer.slots, pacer.batch_rows) == (1, FIRST_ROWS)


def test_a_run_of_one_request_has_learnt_nothing():
    clock = Clock()
    pacer = Pacer(Limits(in_flight=16), now=clock.now)
    deliver(pacer, clock, workers=8, rows=20)
    assert pacer.learnt is None


def test_short_runs_go_on_where_the_last_one_ended():
    limits, learnt, slots = Limits(in_flight=16), None, []
    for _ in range(5):
        clock = Clock()
        pacer = Pacer(limits, learnt, now=clock.now)
        deliver(pacer, clock, workers=8, rows=6000)
        learnt = pacer.learnt
        slots.append(learnt.slots)
    assert slots == sorted(slots)
    assert slots[0] < 8 <= slots[-1] <= 9


@given(
    st.lists(st.one_of(st.none(), st.tuples(st.floats(0.0, 500.0), st.integers(1, 100))), max_size=300),
    st.integers(1, 20),
    st.integers(1, 100),
)
@settings(max_examples=50)
def test_whatever_happens_the_pace_stays_within_its_limits(events, in_flight, batch_rows):
    clock = Clock()
    pacer = Pacer(Limits(in_flight=in_flight, batch_rows=batch_rows), now=clock.now)
    for event in events:
        if event is None:
            pacer.failed()
        else:
            latency_s, rows = event
            clock.time_s += latency_s / pacer.slots
            pacer.answered(latency_s, rows)
        assert 1 <= pacer.slots <= in_flight
        assert 1 <= pacer.batch_rows <= batch_rows
        assert pacer.learnt is None or 1 <= pacer.learnt.slots <= in_flight


def test_what_was_learnt_is_kept_by_target(tmp_path):
    folder = tmp_path / "state"
    assert read_learnt(folder, "pim.example/Product") is None
    keep_learnt(folder, "pim.example/Product", learnt=Learnt(3, 80))
    keep_learnt(folder, "pim.example/Brand", learnt=Learnt(4, 100, is_best=False))
    keep_learnt(folder, "pim.example/Product", learnt=Learnt(2, 60))
    assert read_learnt(folder, "pim.example/Product") == Learnt(2, 60)
    assert read_learnt(folder, "pim.example/Brand") == Learnt(4, 100, is_best=False)
    assert [path.name for path in folder.iterdir()] == ["pacing.json"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"x": 5}', '{"x": {"slots": 0, "batch_rows": 5}}', '{"x": {"slots": "2"}}']
)
def test_what_cannot_be_used_is_as_good_as_nothing(tmp_path, text):
    (tmp_path / "pacing.json").write_text(text)
    assert read_learnt(tmp_path, "x") is None
    keep_learnt(tmp_path, "x", learnt=Learnt(2, 60))
    assert read_learnt(tmp_path, "x") == Learnt(2, 60)
