"""One house for all faults of a chain."""

from collections.abc import Iterator
from multiprocessing.context import ForkServerContext

import pytest
from stopped_runs import forks_of
from whole_house import WholeHouse


@pytest.fixture(scope="session")
def warm() -> Iterator[ForkServerContext]:
    with forks_of("warm_house") as context:
        yield context


@pytest.fixture(scope="session")
def whole(warm, tmp_path_factory: pytest.TempPathFactory) -> WholeHouse:
    return WholeHouse.made(warm, tmp_path_factory.mktemp("faults") / "house")
