import asyncio
import random

import pytest

from etl.files.gate import Gate
from etl.model import Limits
from etl.pacing import Learnt, Pacer


@pytest.mark.parametrize("seed", range(20))
async def test_never_more_are_inside_than_the_pace_allows_and_nobody_waits_for_ever(seed):
    chance = random.Random(seed)  # noqa: S311  no secret
    gate = Gate(Pacer(Limits(), Learnt(slots=2, batch_rows=1)))
    inside, most, through = 0, 0, 0

    async def passes() -> None:
        nonlocal inside, most, through
        async with gate:
            inside += 1
            most = max(most, inside)
            try:
                for _ in range(chance.randrange(4)):
                    await asyncio.sleep(0)
            finally:
                inside -= 1
        through += 1

    tasks = [asyncio.create_task(passes()) for _ in range(40)]
    for task in chance.sample(tasks, 15):
        for _ in range(chance.randrange(3)):
            await asyncio.sleep(0)
        task.cancel()
    ended = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
    assert sum(one is None for one in ended) == through >= 25
    assert (inside, most) == (0, 2)
