"""The town: its traffic lights, its map, what stands in it, and rays through it."""

from __future__ import annotations

import carla
import pytest

from tests.simulator.calls.observed import Pair, proves
from tests.simulator.own_map import own_map
from tests.simulator.server_process import ahead, fresh_world

_WATCHED_FRAMES = 25


@proves("set_traffic_light_state")
def a_light_changes(pair: Pair) -> None:
    """B sees the light yellow after A has frozen and switched it."""
    light = pair.light()
    light.freeze(True)
    light.set_state(carla.TrafficLightState.Yellow)
    pair.tick(2)

    assert pair.seen(light).state == carla.TrafficLightState.Yellow


def _changes_after_one_second(pair: Pair, name: str, light: carla.TrafficLight) -> None:
    """B reads a time of one second, and sees a light leave its colour within 1.25 s."""
    getattr(light, f"set_{name}_time")(1.0)
    pair.tick()
    assert getattr(pair.seen(light), f"get_{name}_time")() == pytest.approx(1.0)


def _first_of(pair: Pair, state: carla.TrafficLightState) -> carla.TrafficLight:
    lights = pair.b.get_actors().filter("traffic.traffic_light")
    return next(light for light in lights if light.state == state)


@proves("set_traffic_light_green_time")
def a_short_green(pair: Pair) -> None:
    """B reads the green time of 1 s that A has set, and sees the green light yellow just after it."""
    light = pair.a.get_actor(_first_of(pair, carla.TrafficLightState.Green).id)
    _changes_after_one_second(pair, "green", light)
    pair.tick(_WATCHED_FRAMES)

    assert pair.seen(light).state == carla.TrafficLightState.Yellow


@proves("set_traffic_light_yellow_time")
def a_short_yellow(pair: Pair) -> None:
    """B reads the yellow time of 1 s that A has set, and sees the light red just after it."""
    light = pair.a.get_actor(_first_of(pair, carla.TrafficLightState.Green).id)
    light.set_green_time(0.0)
    _changes_after_one_second(pair, "yellow", light)
    yellow = pair.seen(light).state
    pair.tick(_WATCHED_FRAMES)

    assert (yellow, pair.seen(light).state) == (carla.TrafficLightState.Yellow, carla.TrafficLightState.Red)


@proves("set_traffic_light_red_time")
def a_short_red(pair: Pair) -> None:
    """B reads the red time of 1 s that A has set, and sees another of the group green just after it."""
    light = pair.a.get_actor(_first_of(pair, carla.TrafficLightState.Green).id)
    light.set_green_time(0.0)
    light.set_yellow_time(0.0)
    _changes_after_one_second(pair, "red", light)
    pair.tick(_WATCHED_FRAMES)

    group = [pair.seen(other) for other in light.get_group_traffic_lights()]
    assert pair.seen(light).state == carla.TrafficLightState.Red
    assert carla.TrafficLightState.Green in [other.state for other in group]


@proves("freeze_traffic_light")
def a_frozen_light(pair: Pair) -> None:
    """B sees the light of A's call, and those of its junction, frozen and green for longer than green lasts."""
    light = pair.a.get_actor(_first_of(pair, carla.TrafficLightState.Green).id)
    light.set_green_time(1.0)
    pair.wire.ask("freeze_traffic_light", light.id, True)
    pair.tick(_WATCHED_FRAMES)
    frozen = {each.id for each in pair.b.get_actors().filter("traffic.traffic_light") if each.is_frozen()}

    assert pair.seen(light).state == carla.TrafficLightState.Green
    assert frozen == {each.id for each in light.get_group_traffic_lights()}


@proves("freeze_all_traffic_lights")
def all_lights_frozen(pair: Pair) -> None:
    """B sees every light frozen after A's call, and none after the second."""
    told = []
    for frozen in (True, False):
        pair.a.freeze_all_traffic_lights(frozen)
        pair.tick()
        told.append({light.is_frozen() for light in pair.b.get_actors().filter("traffic.traffic_light")})

    assert told == [{True}, {False}]


@proves("reset_traffic_light_group")
def a_group_begins_again(pair: Pair) -> None:
    """B sees the clock of a junction's lights begin again, and that of no other junction."""
    lights = pair.a.get_actors().filter("traffic.traffic_light")
    group = {other.id for other in lights[0].get_group_traffic_lights()}
    others = [light for light in lights if light.id not in group]
    pair.tick(20)
    lights[0].reset_group()
    pair.tick()

    assert pair.seen(lights[0]).get_elapsed_time() < 0.2
    assert all(pair.seen(other).get_elapsed_time() > 0.9 for other in others)


@proves("reset_all_traffic_lights")
def all_lights_begin_again(pair: Pair) -> None:
    """B sees the clocks of all lights begin again."""
    pair.tick(20)
    pair.a.reset_all_traffic_lights()
    pair.tick()

    assert max(light.get_elapsed_time() for light in pair.b.get_actors().filter("traffic.traffic_light")) < 0.2


@proves("get_group_traffic_lights")
def a_group(pair: Pair) -> None:
    """B is told the lights of the junction, the one it asked for among them."""
    light = pair.light()
    group = {other.id for other in pair.seen(light).get_group_traffic_lights()}

    assert light.id in group
    assert len(group) > 1


@proves("load_new_episode")
def a_new_episode(pair: Pair) -> None:
    """B finds itself in another episode of the town that A has loaded, without A's car."""
    before, car = pair.b.id, pair.car()
    pair.a = fresh_world(pair.client_a)
    pair.client_b.get_world().tick()
    world = pair.client_b.get_world()

    assert world.id != before
    assert car.id not in {actor.id for actor in world.get_actors()}


@proves("copy_opendrive_to_file")
def a_sent_map(pair: Pair) -> None:
    """B reads the roads of the OpenDRIVE text that A has sent, and has it among the maps.
    The parameters of Unreal's mesh have no effect.
    """
    pair.client_a.generate_opendrive_world(own_map())

    assert any(name.endswith("/OpenDriveMap") for name in pair.client_b.get_available_maps())
    assert pair.client_b.get_world().get_map().to_opendrive() == own_map()


@proves("get_available_maps")
def maps(pair: Pair) -> None:
    """B's list has the map of the world that A is in."""
    assert f"/Game/{pair.a.get_map().name}" in pair.client_b.get_available_maps()


@proves("get_map_info")
def map_info(pair: Pair) -> None:
    """B reads the map's name and spawn points, on one of which A's car stands."""
    car = pair.car(3)
    name, points = pair.wire.ask("get_map_info")
    place = car.get_location()

    assert name == pair.b.get_map().name
    assert [place.x, place.y] == pytest.approx(points[3][0][:2], abs=0.1)


@proves("get_map_data")
def map_data(pair: Pair) -> None:
    """B reads the OpenDRIVE text of the town, and finds the lane that A's car stands on."""
    car = pair.car()
    town = carla.Map("town", pair.wire.ask("get_map_data"))

    assert town.get_waypoint(car.get_location()).transform.location.distance(car.get_location()) < 0.5


@proves("get_required_files")
def required_files(pair: Pair) -> None:
    """B is told a list of the files that the map has besides."""
    assert isinstance(pair.wire.ask("get_required_files", ""), list)


@proves("request_file")
def requested_file(pair: Pair) -> None:
    """B gets the bytes of every file of that list, and an error that names a file that is not on it."""
    assert all(len(pair.wire.ask("request_file", name)) > 0 for name in pair.wire.ask("get_required_files", ""))
    with pytest.raises(RuntimeError, match=r"request_file: .*no\.bin"):
        pair.wire.ask("request_file", "no.bin")


@proves("get_navigation_mesh")
def a_navigation_mesh(pair: Pair) -> None:
    """B gets the file of the mesh that the client's walker AI reads, the same that the map's list of files names."""
    (name,) = pair.wire.ask("get_required_files", "Nav")
    mesh = pair.wire.ask("get_navigation_mesh")

    assert mesh[:4] == b"TESM"
    assert mesh == pair.wire.ask("request_file", name)
    assert pair.b.get_random_location_from_navigation() is not None


@proves("get_environment_objects")
def environment_objects(pair: Pair) -> None:
    """B is told the buildings of the town, and its ray down onto one of them meets a building."""
    building = pair.b.get_environment_objects(carla.CityObjectLabel.Buildings)[0]
    top = building.bounding_box.location + carla.Location(z=building.bounding_box.extent.z + 5.0)
    hit = pair.b.ground_projection(top, 20.0)

    assert building.type == carla.CityObjectLabel.Buildings
    assert hit.label == carla.CityObjectLabel.Buildings


@proves("get_all_level_BBs")
def level_boxes(pair: Pair) -> None:
    """B is told one box of a car: that of the one that A has spawned, where it stands."""
    car = pair.car()
    (box,) = pair.b.get_level_bbs(carla.CityObjectLabel.Car)

    assert box.location.distance(pair.seen(car).get_location()) < 1.0


@proves("get_names_of_all_objects")
def object_names(pair: Pair) -> None:
    """B is told the names of all parts of the town, the same that its environment objects have."""
    names = pair.b.get_names_of_all_objects()

    assert sorted(names) == sorted(thing.name for thing in pair.b.get_environment_objects())


@proves("cast_ray")
def a_ray(pair: Pair) -> None:
    """B's ray across A's car meets it, and the ground behind it."""
    car = pair.car()
    above = ahead(car.get_transform(), 0.0, up_m=4.0).location
    below = ahead(car.get_transform(), 0.0, up_m=-1.0).location

    labels = [point.label for point in pair.b.cast_ray(above, below)]
    assert labels[0] == carla.CityObjectLabel.Car
    assert labels[-1] == carla.CityObjectLabel.Roads


@proves("project_point")
def a_projection(pair: Pair) -> None:
    """B's point above A's car is projected onto its roof instead of the road."""
    car = pair.car()
    point = pair.b.ground_projection(ahead(car.get_transform(), 0.0, up_m=4.0).location, 10.0)

    assert point.label == carla.CityObjectLabel.Car
    assert point.location.z > 1.0


class _ParkedCar:
    """A car that the town itself has parked, as A's world and B's ray have it: `--profile ue4` has such cars."""

    def __init__(self, pair: Pair) -> None:
        self.a, self._b = pair.worlds_with_parked_cars()
        (car, *_) = self._b.get_environment_objects(carla.CityObjectLabel.Car)
        self.id, self._above = car.id, car.bounding_box.location + carla.Location(z=5.0)
        self.a.load_map_layer(carla.MapLayer.ParkedVehicles)
        self.a.enable_environment_objects({car.id}, True)

    def met(self) -> bool:
        """Whether B's ray meets it after all that A has asked for."""
        self.a.get_settings()
        return self._b.ground_projection(self._above, 10.0).label == carla.CityObjectLabel.Car


@proves("enable_environment_objects")
def hidden_cars(pair: Pair) -> None:
    """B's ray no longer meets the parked car of the town that A has hidden (`--profile ue4` has some)."""
    car = _ParkedCar(pair)
    before = car.met()
    car.a.enable_environment_objects({car.id}, False)

    assert (before, car.met()) == (True, False)


@proves("unload_map_layer")
def a_hidden_layer(pair: Pair) -> None:
    """B's ray no longer meets a parked car of the town after A has unloaded that layer (`--profile ue4` has some)."""
    car = _ParkedCar(pair)
    before = car.met()
    car.a.unload_map_layer(carla.MapLayer.ParkedVehicles)

    assert (before, car.met()) == (True, False)


@proves("load_map_layer")
def a_layer_again(pair: Pair) -> None:
    """B's ray meets the parked car again after A has unloaded and loaded that layer (`--profile ue4` has some)."""
    car = _ParkedCar(pair)
    car.a.unload_map_layer(carla.MapLayer.ParkedVehicles)
    without = car.met()
    car.a.load_map_layer(carla.MapLayer.ParkedVehicles)

    assert (without, car.met()) == (False, True)


@proves("query_lights_state")
def street_lights(pair: Pair) -> None:
    """B is told the street lights of the town; where they are, its ray meets a lamp."""
    lights = pair.b.get_lightmanager().get_all_lights(carla.LightGroup.Street)
    above = [light.location + carla.Location(z=3.0) for light in lights[:5]]

    assert len(lights) > 20
    assert {pair.b.ground_projection(place, 5.0).label for place in above} == {carla.CityObjectLabel.Poles}


@proves("update_lights_state")
def a_light_goes_out(pair: Pair) -> None:
    """B is told that the street light is off which A has switched, and sees at night that it is dark under it."""
    pair.a.set_weather(carla.WeatherParameters.ClearNight)
    watched, manager = pair.b.get_lightmanager(), pair.a.get_lightmanager()
    light = manager.get_all_lights()[0]
    near = [each for each in manager.get_all_lights() if each.location.distance(light.location) < 40.0]
    view = carla.Transform(light.location + carla.Location(z=6.0), carla.Rotation(pitch=-90.0))
    lit = pair.brightness(view)
    manager.turn_off(near)
    for _ in "ab":  # A's client sends what was asked of lights once it has seen a frame, and has before it sees another
        pair.a.tick()
    pair.tick(2)
    off = {each.id for each in watched.get_turned_off_lights(carla.LightGroup.NONE)}
    dark = pair.brightness(view)
    manager.turn_on(near)
    for _ in "ab":
        pair.a.tick()
    pair.tick(2)

    assert off == {each.id for each in near}
    assert dark < 0.7 * lit
    assert pair.brightness(view) == pytest.approx(lit, rel=0.02)
