"""Clients that die at each step of a session on a server that is not theirs: the next session finds it free."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import carla
import pytest

from av_synth.errors import OccupiedError
from av_synth.launch import Address, launch_embedded
from av_synth.session import Step, attach, open_session
from tests.session.crashing_client import STRANGER, UNTOLD

TICK_US = 50_000
STEPS = [step.name for step in Step] + [UNTOLD]
QUICK = ("SAVED", "SENSORS", "STOPPED", UNTOLD)
KINDS = ("vehicle", "walker", "sensor", "controller")


@pytest.fixture(scope="module")
def crashing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int, str], int]]:
    """Play a run on a simulator until a step, and return how the client ended."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.session.crashing_client"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path_factory.mktemp("crashing"))},  # who is killed leaves files
        cwd=Path(__file__).parents[2],
    )

    def crash(port: int, step: str) -> int:
        process.stdin.write(f"{port} {step}\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    yield crash
    process.communicate()


@pytest.fixture(scope="module", params=["native", pytest.param("ue4", marks=pytest.mark.long)])
def address(request: pytest.FixtureRequest) -> Iterator[Address]:
    """A simulator as a user sees it who did not launch it."""
    with launch_embedded("AvSynth01", render_threads=1, profile=request.param) as launched:
        yield Address(launched.host, launched.port)


@pytest.mark.parametrize(
    "step", [pytest.param(step, marks=() if step in QUICK else pytest.mark.long) for step in STEPS]
)
def test_after_a_client_died_at_a_step_the_next_session_finds_the_server_free(address, crashing, tmp_path, step):
    assert crashing(address.port, step) == -9

    client = connect(address, tmp_path)
    loaded = step == UNTOLD or Step[step] >= Step.LOADED
    there = [STRANGER] if loaded else []
    wait_for(lambda: not client.get_world().get_settings().synchronous_mode)
    wait_for(lambda: of_somebody(client) == there)
    assert client.get_world().get_settings().fixed_delta_seconds is None
    destroy_all(client)
    with open_session(address, "AvSynth01", TICK_US, 0, tmp_path) as session:
        frames = [session.tick().frame for _ in range(3)]
    assert frames == list(range(frames[0], frames[0] + 3))
    assert of_somebody(client) == []


def test_a_client_that_ends_in_order_leaves_its_guard_nothing_to_do(address, crashing, tmp_path):
    assert crashing(address.port, "NEVER") == 0

    client = connect(address, tmp_path)
    assert not client.get_world().get_settings().synchronous_mode
    assert of_somebody(client) == [STRANGER]
    destroy_all(client)


def test_a_world_with_somebody_elses_actors_is_refused_and_left_alone_or_adopted(address, tmp_path, monkeypatch):
    monkeypatch.setattr(attach, "GRACE_S", 0.0)
    client = connect(address, tmp_path)
    world = client.load_world("AvSynth01")
    car = world.spawn_actor(world.get_blueprint_library().find(STRANGER), world.get_map().get_spawn_points()[0])
    episode = world.id
    wait_for(lambda: of_somebody(client) == [STRANGER])

    with (
        pytest.raises(OccupiedError, match=rf"{address} is not free: 1 of vehicle\.\*; want an empty .* or --adopt"),
        open_session(address, "AvSynth01", TICK_US, 0, tmp_path),
    ):
        pytest.fail("it opened")
    assert client.get_world().id == episode
    assert [actor.id for actor in client.get_world().get_actors([car.id])] == [car.id]

    adopting = Address(address.host, address.port, adopt=True)
    with open_session(adopting, "AvSynth01", TICK_US, 0, tmp_path) as session:
        session.tick()
        assert of_somebody(session.client) == []
    assert of_somebody(client) == []


def test_a_world_that_stands_still_is_refused_and_runs_by_itself_after_it_was_adopted(address, tmp_path, monkeypatch):
    monkeypatch.setattr(attach, "GRACE_S", 0.0)
    client = connect(address, tmp_path)
    world = client.load_world("AvSynth01")
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.1
    world.apply_settings(settings)

    with (
        pytest.raises(OccupiedError, match="is not free: it is synchronous, so another client ticks it"),
        open_session(address, "AvSynth01", TICK_US, 0, tmp_path),
    ):
        pytest.fail("it opened")
    assert world.get_settings().synchronous_mode

    with open_session(Address(address.host, address.port, adopt=True), "AvSynth01", TICK_US, 0, tmp_path) as session:
        session.tick()
    settings = client.get_world().get_settings()
    assert (settings.synchronous_mode, settings.fixed_delta_seconds) == (False, None)


def connect(address: Address, cache: Path) -> carla.Client:
    client = carla.Client(address.host, address.port)
    client.set_timeout(20.0)
    client.set_files_base_folder(str(cache))
    return client


def of_somebody(client: carla.Client) -> list[str]:
    actors = client.get_world().get_actors()
    return [actor.type_id for actor in actors if actor.type_id.split(".")[0] in KINDS]


def destroy_all(client: carla.Client) -> None:
    """Take what a test left away, as its owner would."""
    actors = client.get_world().get_actors().filter("vehicle.*")
    client.apply_batch_sync([carla.command.DestroyActor(actor.id) for actor in actors], False)
    wait_for(lambda: of_somebody(client) == [])


def wait_for(condition: Callable[[], bool], timeout_s: float = 120.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)
