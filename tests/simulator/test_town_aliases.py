"""Scripts that ask for CARLA's towns by name, on a simulator that has other towns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import carla
import pytest
from own_map import own_map
from server_process import connect, running_simulator

from av_synth.cli.app import status
from av_synth.simulator.town import names
from av_synth.simulator.town.aliases import CARLA_TOWNS


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all clients of this file: what it holds under a name may be of another map."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    path = tmp_path_factory.mktemp("maps") / "own.xodr"
    path.write_text(own_map())
    with running_simulator("--town", "Town02", "--alias", "carla", "--alias", f"Mine={path}") as (_, port):
        yield port


@pytest.fixture(scope="module")
def client(port: int, cache: Path) -> carla.Client:
    return connect(port, cache)


def test_the_town_to_begin_with_may_be_an_alias(client):
    world = client.get_world()

    assert world.get_map().name == "Carla/Maps/Town02"
    assert client.reload_world().get_map().name == "Carla/Maps/Town02"


@pytest.mark.parametrize("spelling", ["Town01_Opt", "Carla/Maps/Town01_Opt", "/Game/Carla/Maps/Town01_Opt"])
def test_a_town_that_is_asked_for_by_an_alias_is_called_by_it_until_another_is_loaded(client, spelling):
    world = client.load_world(spelling)
    assert world.get_map().name == "Carla/Maps/Town01_Opt"
    assert client.reload_world().get_map().name == "Carla/Maps/Town01_Opt"

    assert client.load_world("AvSynth01").get_map().name.startswith("Carla/Maps/AvSynth01_")


def test_the_list_of_maps_has_every_alias_beside_the_towns(client):
    maps = client.get_available_maps()

    assert {"/Game/Carla/Maps/Town01", "/Game/Carla/Maps/Town07_Opt", "/Game/Carla/Maps/Mine"} <= set(maps)
    assert len(maps) == len(set(maps)) == len(names()) + len(CARLA_TOWNS) + 1


def test_an_alias_is_the_same_roads_as_its_town_and_may_be_a_file(client):
    assert (
        client.load_world("Town01").get_map().to_opendrive() == client.load_world("AvSynth01").get_map().to_opendrive()
    )
    assert client.load_world("Mine").get_map().to_opendrive() == own_map()


def test_an_alias_for_another_town_is_not_taken_from_what_a_client_keeps_under_its_name(client, cache):
    before = client.load_world("Town01").get_map().to_opendrive()

    with running_simulator("--alias", "Town01=AvSynth03") as (_, port):
        other = connect(port, cache)
        again = other.load_world("Town01").get_map()
        assert again.to_opendrive() == other.load_world("AvSynth03").get_map().to_opendrive() != before
        assert again.name == "Carla/Maps/Town01"
        with pytest.raises(RuntimeError, match=r"Map 'Town02' not found; .* with --alias carla, which gives its towns"):
            other.load_world("Town02")
        with pytest.raises(RuntimeError, match=r"Map 'Town99' not found; want one of AvSynth01, .*, Town01$"):
            other.load_world("Town99")
        with pytest.raises(RuntimeError, match="Map 'OpenDriveMap' not found; no OpenDRIVE text was sent"):
            other.load_world("OpenDriveMap")


def test_street_lights_of_a_second_town_are_where_they_are_and_switched_beside_those_of_the_first(port, cache):
    connect(port, cache).load_world("Town02")
    mover = connect(port, cache)
    first = {light.id for light in mover.get_world().get_lightmanager().get_all_lights()}
    world = mover.load_world("Town01")
    world.apply_settings(carla.WorldSettings(synchronous_mode=True, fixed_delta_seconds=0.05))
    manager = world.get_lightmanager()
    both = manager.get_all_lights()
    second = [light for light in both if light.id not in first]
    assert len(second) > 20
    for light in second[:5]:
        assert world.ground_projection(light.location + carla.Location(z=3.0), 5.0).label == carla.CityObjectLabel.Poles

    manager.turn_off(both)
    world.tick()  # the client sends what was asked of lights on a frame
    world.tick()
    watcher = connect(port, cache)  # lights of a client that is gone end the process
    seen = watcher.get_world().get_lightmanager().get_all_lights()
    world.apply_settings(carla.WorldSettings())
    assert {light.id for light in seen} >= {light.id for light in second}
    assert not [light.id for light in seen if light.is_on]


def test_a_wrong_alias_ends_the_command_before_anything_listens(capsys):
    assert status(["simulator", "--port", "0", "--alias", "Town03=AvSynth1"]) == 2

    assert "--alias: got 'Town03=AvSynth1': no town 'AvSynth1'; want one of AvSynth01" in capsys.readouterr().err
