"""One simulator for all tests of this folder, and two clients of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulator.calls.observed import Pair
from tests.simulator.server_process import running_simulator


@pytest.fixture(scope="session")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with running_simulator("--recordings", str(tmp_path_factory.mktemp("recordings"))) as (_, port):
        pair = Pair(port, tmp_path_factory.mktemp("clients"))
        with pair.stack:
            yield pair


@pytest.fixture
def pair(clients: Pair) -> Iterator[Pair]:
    """Both in the world as a new episode has it."""
    episode = clients.a.id
    yield clients
    if clients.a.id != episode or clients.client_b.get_world().id != episode:
        clients.begin()
    clients.reset()
