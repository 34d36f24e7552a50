"""What a batch asks for, command by command, as a second client sees it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import carla
import pytest
from carla import command

from av_synth.session.traffic_manager import start_traffic_manager
from tests.simulator.calls.observe_actors import KG_CM2_A_KG
from tests.simulator.calls.observed import Pair
from tests.simulator.server_process import ahead

_FORWARD = carla.Vector3D(1.0, 0.0, 0.0)


def _answers(pair: Pair, *commands: Any) -> list[command.Response]:
    """What A is answered to a batch; a frame follows."""
    answers = pair.client_a.apply_batch_sync(list(commands), False)
    pair.tick()
    return list(answers)


def _along(actor: carla.Actor, length: float) -> carla.Vector3D:
    return actor.get_transform().get_forward_vector() * length


def _heavier(car: carla.Vehicle) -> carla.VehiclePhysicsControl:
    physics = car.get_physics_control()
    physics.mass = 3210.0
    return physics


# what A sends for a car of its own, and what B reads of that car on the next frame
OF_CARS: dict[str, tuple[Callable[[carla.Vehicle], Any], Callable[[carla.Vehicle], float], float]] = {
    "ApplyVehicleControl": (
        lambda car: command.ApplyVehicleControl(car, carla.VehicleControl(throttle=0.3)),
        lambda seen: seen.get_control().throttle,
        0.3,
    ),
    "ApplyVehiclePhysicsControl": (
        lambda car: command.ApplyVehiclePhysicsControl(car, _heavier(car)),
        lambda seen: seen.get_physics_control().mass,
        3210.0,
    ),
    "ApplyTargetVelocity": (
        lambda car: command.ApplyTargetVelocity(car, _along(car, 6.0)),
        lambda seen: seen.get_velocity().length(),
        6.0,
    ),
    "ApplyImpulse": (
        lambda car: command.ApplyImpulse(car, _along(car, 5.0 * car.get_physics_control().mass)),
        lambda seen: seen.get_velocity().length(),
        5.0,
    ),
    "ApplyForce": (
        lambda car: command.ApplyForce(car, _along(car, 4.0 / 0.05 * car.get_physics_control().mass)),
        lambda seen: seen.get_velocity().length(),
        4.0,
    ),
    "SetVehicleLightState": (
        # given an actor instead of an id, the client makes a boolean of the lights
        lambda car: command.SetVehicleLightState(car.id, carla.VehicleLightState.Fog),
        lambda seen: float(int(seen.get_light_state())),
        float(int(carla.VehicleLightState.Fog)),
    ),
}


@pytest.mark.parametrize("name", OF_CARS)
def test_a_second_client_reads_of_a_car_what_a_command_has_set(pair, name):
    make, read, wanted = OF_CARS[name]
    car = pair.car()

    (answer,) = _answers(pair, make(car))

    assert (answer.actor_id, answer.error) == (car.id, "")
    assert read(pair.seen(car)) == pytest.approx(wanted, rel=0.15)


@pytest.mark.parametrize("name", ["ApplyAngularImpulse", "ApplyTorque"])
def test_a_second_client_sees_a_car_turn_by_a_command(pair, name):
    car = pair.car()
    a_second = KG_CM2_A_KG * 30.0
    twist = carla.Vector3D(
        z=car.get_physics_control().mass * (a_second if name == "ApplyAngularImpulse" else a_second / 0.05)
    )

    (answer,) = _answers(pair, getattr(command, name)(car, twist))

    assert answer.error == ""
    assert 5.0 < pair.seen(car).get_angular_velocity().z < 60.0


def test_a_second_client_sees_a_car_pull_away_by_an_ackermann_command(pair):
    car = pair.car()

    _answers(
        pair, command.ApplyVehicleAckermannControl(car, carla.VehicleAckermannControl(speed=5.0, acceleration=5.0))
    )
    pair.tick(30)

    assert pair.seen(car).get_velocity().length() > 1.0


def test_a_second_client_sees_what_commands_do_to_a_body_without_physics(pair):
    car = pair.car()
    goal = ahead(pair.seen(car).get_transform(), 5.0, up_m=2.0)

    answers = _answers(
        pair,
        command.SetSimulatePhysics(car, False),
        command.ApplyTransform(car, goal),
        command.ApplyTargetAngularVelocity(car, carla.Vector3D(z=12.0)),
    )
    pair.tick(5)

    assert [answer.error for answer in answers] == [""] * 3
    assert pair.seen(car).get_location().distance(goal.location) < 0.01
    assert pair.seen(car).get_angular_velocity().z == pytest.approx(12.0, abs=0.01)


def test_a_second_client_sees_a_car_hang_in_the_air_without_its_weight(pair):
    car = pair.car()
    goal = ahead(pair.seen(car).get_transform(), 0.0, up_m=2.0)

    _answers(pair, command.SetEnableGravity(car, False), command.ApplyTransform(car, goal))
    pair.tick(10)

    assert pair.seen(car).get_location().z == pytest.approx(goal.location.z, abs=0.05)


def test_a_second_client_sees_walkers_walk_and_led_by_commands(pair):
    walker = pair.walker()
    pair.tick(20)  # it lands
    start = pair.seen(walker).get_transform()
    _answers(pair, command.ApplyWalkerControl(walker, carla.WalkerControl(_FORWARD, 1.5)))
    pair.tick(19)
    assert pair.seen(walker).get_location().x - start.location.x == pytest.approx(1.5, abs=0.1)

    goal = ahead(start, 0.0, right_m=2.0)
    _answers(pair, command.ApplyWalkerState(walker, goal, 0.0))
    assert pair.seen(walker).get_location().distance(goal.location) < 0.2


def test_a_second_client_sees_a_car_that_a_command_left_to_a_traffic_manager_drive(pair):
    manager = start_traffic_manager(pair.client_a, 3)
    car = pair.car()
    start = pair.seen(car).get_location()

    answers = pair.client_a.apply_batch_sync([command.SetAutopilot(car, True, manager.get_port())], False)
    for _ in range(40):
        pair.a.tick()  # its client steps the Traffic Manager
    pair.tick()

    assert [answer.error for answer in answers] == [""]
    assert pair.seen(car).get_location().distance(start) > 1.0
    car.set_autopilot(False, manager.get_port())
    manager.set_synchronous_mode(False)
    manager.shut_down()


def test_a_second_client_sees_what_was_spawned_with_what_was_to_follow_and_what_was_destroyed(pair):
    first = pair.car()
    lights = carla.VehicleLightState(carla.VehicleLightState.Position)
    spawn = (
        command.SpawnActor(pair.library.find("vehicle.audi.tt"), pair.places[3])
        .then(command.SetSimulatePhysics(command.FutureActor, False))
        .then(command.SetVehicleLightState(command.FutureActor, lights))
    )
    sensor = command.SpawnActor(pair.library.find("sensor.other.imu"), carla.Transform(), first)

    spawned, attached = _answers(pair, spawn, sensor)

    car = pair.b.get_actor(spawned.actor_id)
    assert (car.type_id, car.get_light_state()) == ("vehicle.audi.tt", lights)
    assert car.get_location().z == pytest.approx(pair.places[3].location.z)  # it hangs where it was put
    assert pair.b.get_actor(attached.actor_id).parent.id == first.id

    (gone,) = _answers(pair, command.DestroyActor(spawned.actor_id))
    assert gone.error == ""
    assert spawned.actor_id not in {actor.id for actor in pair.b.get_actors()}


def test_a_command_that_fails_is_answered_with_the_reason_and_the_others_are_done(pair):
    car = pair.car()
    goal = ahead(pair.seen(car).get_transform(), 5.0)
    blueprint = pair.library.find("vehicle.audi.tt")

    answers = _answers(
        pair,
        command.DestroyActor(54_321),
        command.ApplyVehicleControl(54_321, carla.VehicleControl()),
        command.SpawnActor(blueprint, car.get_transform()),
        command.ApplyTransform(car, goal),
    )

    reasons = ("not found", "apply_control_to_vehicle", "collision at spawn")
    *failed, moved = answers
    for answer, reason in zip(failed, reasons, strict=True):
        assert reason in answer.error
    assert moved.error == ""
    assert pair.seen(car).get_location().distance(goal.location) < 0.1


def test_what_is_to_follow_a_spawn_and_fails_takes_the_spawned_actor_with_it(pair):
    held = command.SpawnActor(pair.library.find("vehicle.audi.tt"), pair.places[3]).then(
        command.ApplyWalkerControl(command.FutureActor, carla.WalkerControl())
    )

    (answer,) = _answers(pair, held)

    assert "what was to follow the spawn failed: apply_control_to_walker" in answer.error
    assert [actor.type_id for actor in pair.b.get_actors().filter("vehicle.*")] == []


def test_a_spawn_that_follows_another_has_nobody_to_be_attached_to(pair):
    sensor = command.SpawnActor(pair.library.find("sensor.other.imu"), carla.Transform(), command.FutureActor)
    held = command.SpawnActor(pair.library.find("vehicle.audi.tt"), pair.places[3]).then(sensor)

    alone, following = _answers(pair, sensor, held)

    assert alone.error.startswith("spawn_actor_with_parent: actor not found: 0")
    assert "what was to follow the spawn failed: spawn_actor_with_parent: actor not found: 0" in following.error
    assert {actor.type_id for actor in pair.b.get_actors()} == {"spectator", "traffic.traffic_light"}


def test_commands_that_the_client_cannot_send_are_done_or_refused(pair):
    car, light = pair.car(), pair.light()
    goal = ahead(pair.seen(car).get_transform(), 5.0).location
    commands = [
        [[19, [car.id, [goal.x, goal.y, goal.z]]]],
        [[17, [car.id, True]]],
        [[20, ["stat fps"]]],
        [[21, [light.id, int(carla.TrafficLightState.Off)]]],
        [[22, [car.id]]],
    ]

    _, answers = pair.wire.response("apply_batch", commands, False)
    pair.tick()

    assert answers[0] == [[1, car.id]]
    assert pair.seen(car).get_location().distance(goal) < 0.1
    assert answers[1][0][1][0].startswith("show_vehicle_debug_telemetry: not supported")
    assert answers[2][0][1][0].startswith("console_command: not supported")
    assert pair.seen(light).state == carla.TrafficLightState.Off
    assert "got command 22" in answers[4][0][1][0]


def test_a_batch_that_asks_for_a_frame_makes_one(pair):
    before = pair.tick().frame
    car = pair.spawn("vehicle.audi.a2", pair.places[0])

    pair.client_a.apply_batch_sync([command.ApplyVehicleControl(car, carla.VehicleControl(throttle=1.0))], True)

    assert pair.tick().frame == before + 3  # of the spawn, the batch's, and this one
