"""The episode: settings, frames, weather, blueprints, streams, Traffic Managers, batches."""

from __future__ import annotations

import carla
import pytest

from tests.simulator.calls.observed import Pair, proves

_TM_PORT = 18_765


@proves("version")
def the_version(pair: Pair) -> None:
    """B reads 0.9.16."""
    assert pair.client_b.get_server_version() == "0.9.16"


@proves("get_episode_info")
def the_episode(pair: Pair) -> None:
    """B is in the episode that A is in."""
    assert pair.wire.ask("get_episode_info")[0] == pair.a.id


@proves("get_sensor_token")
def a_sensor_of_anothers(pair: Pair) -> None:
    """B listens to the sensor that A has attached, and gets its data."""
    sensor = pair.spawn("sensor.other.gnss", carla.Transform(carla.Location(z=1.0)), parent=pair.car())

    assert pair.measurement(sensor).latitude != 0.0


@proves("get_episode_settings")
def the_settings(pair: Pair) -> None:
    """B reads the settings as A has them."""
    assert pair.b.get_settings() == pair.a.get_settings()


@proves("set_episode_settings")
def new_settings(pair: Pair) -> None:
    """B sees frames 0.02 s apart after A has set that.
    What concerns Unreal's engine alone (substeps, culling, ragdolls, tiles, distances) is kept, told and has no effect.
    """
    settings = pair.a.get_settings()
    settings.fixed_delta_seconds = 0.02
    pair.a.apply_settings(settings)

    assert pair.tick().delta_seconds == pytest.approx(0.02)
    assert pair.b.get_settings().fixed_delta_seconds == pytest.approx(0.02)


@proves("tick_cue")
def a_frame(pair: Pair) -> None:
    """B gets the frame that A has asked for, and no other."""
    before = pair.tick().frame
    asked = pair.a.tick()

    assert (asked, pair.b.tick()) == (before + 1, before + 2)


@proves("get_weather_parameters")
def the_weather(pair: Pair) -> None:
    """B reads the weather that A has set."""
    pair.a.set_weather(carla.WeatherParameters.HardRainSunset)
    pair.tick()

    assert pair.b.get_weather() == carla.WeatherParameters.HardRainSunset


@proves("set_weather_parameters")
def new_weather(pair: Pair) -> None:
    """B's camera sees less than half the light after A has made it night.
    The three parameters of scattering are kept, told and have no effect.
    """
    view = carla.Transform(pair.places[0].location + carla.Location(z=2.0), pair.places[0].rotation)
    day = pair.brightness(view)
    pair.a.set_weather(carla.WeatherParameters.ClearNight)

    assert pair.brightness(view) < day / 2


@proves("get_actor_definitions")
def the_library(pair: Pair) -> None:
    """B's library has the blueprint of the car that A has spawned."""
    car = pair.car()

    assert pair.b.get_blueprint_library().find(car.type_id).id == car.type_id


@proves("is_traffic_manager_running")
def a_traffic_manager_runs(pair: Pair) -> None:
    """B is told that there is a Traffic Manager at a port after A has announced it, and of no other."""
    pair.wire.ask("add_traffic_manager_running", ["192.0.2.7", _TM_PORT])

    assert pair.wire.ask("is_traffic_manager_running", _TM_PORT) is True
    assert pair.wire.ask("is_traffic_manager_running", _TM_PORT + 1) is False


@proves("add_traffic_manager_running")
def a_traffic_manager_is_added(pair: Pair) -> None:
    """B's announcement of a Traffic Manager at the port of A's is refused by the answer."""
    assert pair.wire.ask("add_traffic_manager_running", ["192.0.2.7", _TM_PORT + 2]) is True
    assert pair.wire.ask("add_traffic_manager_running", ["192.0.2.8", _TM_PORT + 2]) is False


@proves("get_traffic_manager_running")
def a_traffic_manager_is_found(pair: Pair) -> None:
    """B is told the address of the Traffic Manager that A has announced."""
    pair.wire.ask("add_traffic_manager_running", ["192.0.2.7", _TM_PORT + 3])

    assert pair.wire.ask("get_traffic_manager_running", _TM_PORT + 3) == ["192.0.2.7", _TM_PORT + 3]


@proves("destroy_traffic_manager")
def a_traffic_manager_ends(pair: Pair) -> None:
    """B is no longer told of the Traffic Manager that A has taken back."""
    pair.wire.ask("add_traffic_manager_running", ["192.0.2.7", _TM_PORT + 4])
    pair.wire.ask("destroy_traffic_manager", _TM_PORT + 4)

    assert pair.wire.ask("is_traffic_manager_running", _TM_PORT + 4) is False


@proves("apply_batch")
def a_batch(pair: Pair) -> None:
    """B sees the car that a command of A's batch has spawned, and A reads why another command failed."""
    spawn = carla.command.SpawnActor(pair.library.find("vehicle.audi.tt"), pair.places[3])
    good, bad = pair.client_a.apply_batch_sync([spawn, carla.command.DestroyActor(54_321)], False)
    pair.tick()

    assert pair.b.get_actor(good.actor_id).type_id == "vehicle.audi.tt"
    assert "not found" in bad.error


@proves("set_imui_gravity")
def imu_gravity(pair: Pair) -> None:
    """B's IMU on A's standing car feels the 1.62 m/s^2 that A has set."""
    sensor = pair.spawn("sensor.other.imu", carla.Transform(), parent=pair.car())
    pair.a.set_imui_sensor_gravity(1.62)
    pair.tick()

    assert pair.measurement(sensor).accelerometer.z == pytest.approx(1.62, abs=0.1)


@proves("get_imui_gravity")
def imu_gravity_told(pair: Pair) -> None:
    """B reads what A has set."""
    pair.a.set_imui_sensor_gravity(3.71)
    pair.tick()

    assert pair.b.get_imui_sensor_gravity() == pytest.approx(3.71)
