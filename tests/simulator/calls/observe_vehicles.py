"""Vehicles and walkers are driven."""

from __future__ import annotations

import math

import carla
import pytest

from tests.simulator.calls.observed import Pair, proves
from tests.simulator.server_process import ahead

_WHEEL = carla.VehicleWheelLocation


@proves("apply_control_to_vehicle")
def a_control(pair: Pair) -> None:
    """B sees the car pull away, and reads the throttle that A has given."""
    car = pair.car()
    car.apply_control(carla.VehicleControl(throttle=0.6))
    pair.tick(20)

    assert pair.seen(car).get_velocity().length() > 1.0
    assert pair.seen(car).get_control().throttle == pytest.approx(0.6)


@proves("apply_ackermann_control_to_vehicle")
def an_ackermann_control(pair: Pair) -> None:
    """B sees the car reach the 3 m/s that A's Ackermann control asks for."""
    car = pair.car()
    car.apply_ackermann_control(carla.VehicleAckermannControl(speed=3.0, acceleration=3.0))
    pair.tick(80)

    assert pair.seen(car).get_velocity().length() == pytest.approx(3.0, abs=0.5)


@proves("get_ackermann_controller_settings")
def ackermann_settings(pair: Pair) -> None:
    """B reads the controller's settings, CARLA's own at first."""
    car = pair.car()

    assert pair.seen(car).get_ackermann_controller_settings().speed_kp == pytest.approx(0.15)


@proves("apply_ackermann_controller_settings")
def new_ackermann_settings(pair: Pair) -> None:
    """B reads the gain that A has set, and sees a car without gains not pull away."""
    car = pair.car()
    car.apply_ackermann_controller_settings(carla.AckermannControllerSettings(0.0, 0.0, 0.0, 0.0, 0.0, 0.0))
    car.apply_ackermann_control(carla.VehicleAckermannControl(speed=3.0, acceleration=3.0))
    pair.tick(20)

    assert pair.seen(car).get_ackermann_controller_settings().speed_kp == 0.0
    assert pair.seen(car).get_velocity().length() < 0.2


@proves("get_physics_control")
def physics(pair: Pair) -> None:
    """B reads the mass and the four wheels of the car that A has spawned."""
    control = pair.seen(pair.car()).get_physics_control()

    assert 800.0 < control.mass < 2000.0
    assert len(control.wheels) == 4


@proves("apply_physics_control")
def new_physics(pair: Pair) -> None:
    """B reads the mass that A has set, and sees the heavier car pull away at less than half the speed.
    What a planar model has no use for (such as clutch, dampers, lateral stiffness) is kept, told and has no effect.
    """

    def pull(times: float) -> float:
        car = pair.car()
        control = car.get_physics_control()
        control.mass *= times
        car.apply_physics_control(control)
        car.apply_control(carla.VehicleControl(throttle=0.5))
        pair.tick(20)
        assert pair.seen(car).get_physics_control().mass == pytest.approx(control.mass)
        speed = pair.seen(car).get_velocity().length()
        pair.clear()
        return speed

    light, heavy = pull(1.0), pull(4.0)
    assert heavy < light / 2.0


@proves("set_vehicle_light_state")
def lights(pair: Pair) -> None:
    """B reads the lights that A has switched on, and sees the road ahead of the car lit at night.
    Fog, interior, reverse and special lights are told, but no body has them.
    """
    pair.a.set_weather(carla.WeatherParameters.ClearNight)
    car = pair.car()
    above = carla.Transform(ahead(car.get_transform(), 12.0, up_m=8.0).location, carla.Rotation(pitch=-90.0))
    dark = pair.brightness(above)
    car.set_light_state(carla.VehicleLightState(carla.VehicleLightState.LowBeam))
    pair.tick()

    assert pair.seen(car).get_light_state() == carla.VehicleLightState.LowBeam
    assert pair.brightness(above) > dark + 5.0


@proves("get_vehicle_light_state")
def light_state(pair: Pair) -> None:
    """B reads the lights of the one car that A has switched them on of, and none of another."""
    first, second = pair.car(0), pair.car(1)
    first.set_light_state(carla.VehicleLightState(carla.VehicleLightState.HighBeam))
    pair.tick()

    assert pair.wire.ask("get_vehicle_light_state", first.id) == [int(carla.VehicleLightState.HighBeam)]
    assert pair.wire.ask("get_vehicle_light_state", second.id) == [0]


@proves("get_vehicle_light_states")
def light_states(pair: Pair) -> None:
    """B reads the lights of all cars at once, as A has switched them."""
    first, second = pair.car(0), pair.car(1)
    second.set_light_state(carla.VehicleLightState(carla.VehicleLightState.Position))
    pair.tick()

    told = {each: int(state) for each, state in pair.b.get_vehicles_light_states().items()}
    assert told == {first.id: 0, second.id: int(carla.VehicleLightState.Position)}


def _beside(pair: Pair, car: carla.Vehicle) -> set[carla.CityObjectLabel]:
    """What a ray of B's along the left flank of a car meets."""
    side = car.bounding_box.extent.y + 0.35
    start, end = (car.get_transform().transform(carla.Location(x=x, y=-side, z=0.8)) for x in (-4.0, 4.0))
    return {point.label for point in pair.b.cast_ray(start, end)}


@proves("open_vehicle_door")
def a_door_opens(pair: Pair) -> None:
    """B's ray along the flank of the car meets the door that A has opened."""
    car = pair.car()
    closed = _beside(pair, car)
    car.open_door(carla.VehicleDoor.FL)
    pair.tick(20)

    assert carla.CityObjectLabel.Car not in closed
    assert carla.CityObjectLabel.Car in _beside(pair, car)


@proves("close_vehicle_door")
def a_door_closes(pair: Pair) -> None:
    """B's ray along the flank of the car meets no door any more once A has closed it."""
    car = pair.car()
    car.open_door(carla.VehicleDoor.All)
    pair.tick(20)
    opened = _beside(pair, car)
    car.close_door(carla.VehicleDoor.All)
    pair.tick(20)

    assert carla.CityObjectLabel.Car in opened
    assert carla.CityObjectLabel.Car not in _beside(pair, car)


@proves("apply_control_to_walker")
def a_walker_walks(pair: Pair) -> None:
    """B sees the walker go 1.4 m in the second after A has told it to, at 1.4 m/s. To jump is refused."""
    walker = pair.walker()
    start = pair.seen(walker).get_location()
    walker.apply_control(carla.WalkerControl(carla.Vector3D(0.0, 1.0, 0.0), 1.4))
    pair.tick(20)

    assert pair.seen(walker).get_location().y - start.y == pytest.approx(1.4, abs=0.1)
    assert pair.seen(walker).get_control().speed == pytest.approx(1.4)


@proves("set_walker_state")
def a_walker_is_led(pair: Pair) -> None:
    """B sees the walker where A has led it, on the ground, at the speed that A has told."""
    walker = pair.walker()
    goal = ahead(pair.seen(walker).get_transform(), 1.0)
    place, turn = goal.location, goal.rotation
    pair.wire.ask("set_walker_state", walker.id, [[place.x, place.y, 0.0], [0.0, turn.yaw, 0.0]], 1.2)
    pair.tick()

    seen = pair.seen(walker)
    assert (seen.get_location().x, seen.get_location().y) == pytest.approx((place.x, place.y), abs=0.1)
    assert seen.get_control().speed == pytest.approx(1.2)


@proves("get_telemetry_data")
def telemetry(pair: Pair) -> None:
    """B reads the speed and the throttle of A's car, and wheels that turn as fast as it goes."""
    car = pair.car()
    car.apply_control(carla.VehicleControl(throttle=0.6))
    pair.tick(40)
    told = pair.seen(car).get_telemetry_data()
    speed = pair.seen(car).get_velocity().length()
    radius_m = car.get_physics_control().wheels[0].radius / 100.0

    assert told.speed == pytest.approx(speed, rel=0.02)
    assert told.throttle == pytest.approx(0.6, abs=0.01)
    assert [wheel.omega * radius_m for wheel in told.wheels] == pytest.approx([speed] * 4, rel=0.05)


@proves("get_wheel_steer_angle")
def a_wheel_that_steers(pair: Pair) -> None:
    """B sees the front wheels point to the right, the inner one further, when A steers to the right."""
    car = pair.car()
    car.apply_control(carla.VehicleControl(steer=0.5))
    pair.tick(30)
    left, right, rear = (
        pair.seen(car).get_wheel_steer_angle(wheel) for wheel in (_WHEEL.FL_Wheel, _WHEEL.FR_Wheel, _WHEEL.BL_Wheel)
    )

    assert right > left > 10.0
    assert rear == 0.0


@proves("set_wheel_steer_direction")
def a_wheel_that_is_pointed(pair: Pair) -> None:
    """B reads the angle at which A has set a wheel of a car without physics."""
    car = pair.car()
    car.set_simulate_physics(False)
    car.set_wheel_steer_direction(_WHEEL.FL_Wheel, 25.0)
    pair.tick()

    assert pair.seen(car).get_wheel_steer_angle(_WHEEL.FL_Wheel) == pytest.approx(25.0)


@proves("get_wheel_pitch_angle")
def a_wheel_that_rolls(pair: Pair) -> None:
    """B sees a wheel turn as far as the car rolls."""
    car = pair.car()
    start = pair.seen(car).get_location()
    before_deg = pair.seen(car).get_wheel_pitch_angle(_WHEEL.BL_Wheel)
    car.enable_constant_velocity(carla.Vector3D(5.0, 0.0, 0.0))
    pair.tick(10)
    turned_deg = before_deg - pair.seen(car).get_wheel_pitch_angle(_WHEEL.BL_Wheel)
    rolled = pair.seen(car).get_location().distance(start) / (car.get_physics_control().wheels[2].radius / 100.0)

    assert turned_deg == pytest.approx(math.degrees(rolled), rel=0.05)


@proves("set_wheel_pitch_angle")
def a_wheel_that_is_turned(pair: Pair) -> None:
    """B reads the angle to which A has rolled a wheel of a car without physics."""
    car = pair.car()
    car.set_simulate_physics(False)
    car.set_wheel_pitch_angle(_WHEEL.FL_Wheel, -40.0)
    pair.tick()

    assert pair.seen(car).get_wheel_pitch_angle(_WHEEL.FL_Wheel) == pytest.approx(-40.0)
