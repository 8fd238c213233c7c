import pytest

from etl.sandbox.builtin import builtin_metadata
from etl.sandbox.generations import GENERATIONS
from etl.sandbox.instance import Instance, Session
from etl.sandbox.metadata import read_schema


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    """A 2.2 without a server: a session that reads and writes."""
    made = GENERATIONS["2.2"]
    path = tmp_path_factory.mktemp("shelf") / "a.db"
    instance = Instance(
        path, made, schema=read_schema(builtin_metadata(made)), seed=1, clock=lambda: 1_700_000_000.0
    )
    yield Session(instance, instance.writer)
    instance.close()
