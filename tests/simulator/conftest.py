"""One native simulator for all modules that neither end theirs nor measure it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulator.server_process import connect, fresh_world, running_simulator


@pytest.fixture(scope="session")
def _native() -> Iterator[int]:
    with running_simulator() as (_, number):
        yield number


@pytest.fixture(scope="module")
def native_port(_native: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Port of the shared simulator, in an empty asynchronous AvSynth01 as if it had just begun.

    Between modules it waits for ticks: a world that runs freely takes some of a core.
    """
    client = connect(_native, tmp_path_factory.mktemp("between"))
    client.set_timeout(60.0)  # a town that is new to this machine is built first
    client.load_world("AvSynth01")
    yield _native
    fresh_world(client)
