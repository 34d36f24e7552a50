"""One native simulator for all modules that neither end theirs nor measure it."""

from __future__ import annotations

from collections.abc import Iterator

import carla
import pytest

from tests.simulator.server_process import connect, fresh_world, running_simulator
from tests.simulator.stage import Stage


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


@pytest.fixture(scope="module")
def client(native_port: int, tmp_path_factory: pytest.TempPathFactory) -> carla.Client:
    """A client of the shared simulator; modules with one of their own have a fixture of this name."""
    return connect(native_port, tmp_path_factory.mktemp("cache"))


@pytest.fixture
def stage(client: carla.Client) -> Iterator[Stage]:
    """An empty synchronous world, emptied again."""
    made = Stage(client)
    yield made
    made.clear()
