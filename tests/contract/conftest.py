from contextlib import ExitStack

import pytest

from tests.contract.calling import GENERATIONS, serving


@pytest.fixture(scope="session")
def servers():
    """One sandbox per generation with the built-in schema; tests make their own records in it."""
    with ExitStack() as stack:
        yield {generation: stack.enter_context(serving(generation)) for generation in GENERATIONS}


@pytest.fixture(params=GENERATIONS)
def server(request, servers):
    """Each generation in turn."""
    return servers[request.param]


@pytest.fixture
def v1_10(servers):
    return servers["1.10"]


@pytest.fixture
def v2_1(servers):
    return servers["2.1"]


@pytest.fixture
def v2_2(servers):
    return servers["2.2"]


@pytest.fixture
def v2_3(servers):
    return servers["2.3"]
