"""What the world is made of: actors, their components, controls, and the definitions they are spawned from.

Right-handed world axes, metres, seconds, radians, unless a name says otherwise. A `steer` is CARLA's: positive to
the right, which is a control, not a frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.bodies.model import Body
from av_synth.simulator.scene import UNPAINTED, Tag
from av_synth.simulator.world.errors import WrongActorKind

ActorKind = Literal[
    "vehicle", "walker", "prop", "traffic_light", "sensor", "controller", "trigger", "weather", "spectator"
]


class AttributeType(IntEnum):
    """CARLA's ActorAttributeType as it travels: counted from 1."""

    BOOL = 1
    INT = 2
    FLOAT = 3
    STRING = 4
    RGB_COLOR = 5


@dataclass(frozen=True)
class Attribute:
    """One attribute of a blueprint: its default `value`, and whether and to what a user may change it."""

    id: str
    type: AttributeType
    value: str
    recommended: tuple[str, ...] = ()
    modifiable: bool = True
    restrict_to_recommended: bool = False


@dataclass(frozen=True)
class Definition:
    """A blueprint: `uid` counts from 1 in library order, `tags` are the words of its id, comma separated."""

    uid: int
    id: str
    tags: str
    attributes: tuple[Attribute, ...]


@dataclass(frozen=True)
class VehicleControl:
    """CARLA's pedals and wheel: throttle and brake 0..1, steer -1..1 with positive to the right."""

    throttle: float = 0.0
    steer: float = 0.0
    brake: float = 0.0
    hand_brake: bool = False
    reverse: bool = False
    manual_gear_shift: bool = False
    gear: int = 0


@dataclass(frozen=True)
class AckermannControl:
    """Targets of the Ackermann controller: `steer_rad` positive to the right; zero limits mean no limit."""

    steer_rad: float = 0.0
    steer_speed_radps: float = 0.0
    speed_mps: float = 0.0
    acceleration_mps2: float = 0.0
    jerk_mps3: float = 0.0


@dataclass(frozen=True)
class AckermannSettings:
    """Gains of the speed and acceleration loops, with CARLA's defaults."""

    speed_kp: float = 0.15
    speed_ki: float = 0.0
    speed_kd: float = 0.25
    accel_kp: float = 0.01
    accel_ki: float = 0.0
    accel_kd: float = 0.01


@dataclass(frozen=True)
class WalkerControl:
    """A walker goes along `direction` (3,), world axes, any length but zero, at `speed_mps`."""

    direction: tuple[float, float, float] = (1.0, 0.0, 0.0)
    speed_mps: float = 0.0
    jump: bool = False


@dataclass(frozen=True)
class WheelPhysics:
    """One wheel of CARLA's physics control; `position_m` (3,) is the hub in the actor's frame.

    Of these `tire_friction`, `max_steer_deg`, `radius_m`, `max_brake_torque_nm` and `max_handbrake_torque_nm` act:
    all wheels together, for a planar model has no wheel that locks or slips alone. The rest is kept and read back.
    """

    tire_friction: float
    damping_rate: float
    max_steer_deg: float
    radius_m: float
    max_brake_torque_nm: float
    max_handbrake_torque_nm: float
    lat_stiff_max_load: float
    lat_stiff_value: float
    long_stiff_value: float
    position_m: tuple[float, float, float]


@dataclass(frozen=True)
class WheelAngles:
    """What a wheel shows: `steer_deg` positive to the right, `pitch_deg` negative rolling forward, as Unreal has it."""

    steer_deg: float = 0.0
    pitch_deg: float = 0.0


@dataclass(frozen=True)
class Gear:
    """One forward gear: its ratio and the engine speed, 0..1 of the maximum, at which it shifts down and up."""

    ratio: float
    down_ratio: float
    up_ratio: float


@dataclass(frozen=True)
class VehiclePhysics:
    """CARLA's VehiclePhysicsControl.

    What acts: the torque curve, `max_rpm`, `final_ratio` and the gears with their `up_ratio` (pull at each speed, the
    speeds of the shifts, and the top speed; see `drivetrain`), `use_gear_autobox` (without it the gear stays until a
    control asks for another), `gear_switch_time_s` (nothing pulls for that long), `moi` (how slowly the engine follows
    the throttle, over the usual 1 kg m2), `damping_rate_zero_throttle_clutch_engaged` (how hard the engine brakes, over
    the usual 2), `mass_kg`, `drag_coefficient`, `center_of_mass_m` (what the vehicle turns about when it is hit, how
    far it leans, and the wheels' loads), the steering curve (x in km/h), and the wheels. The rest is kept and read
    back, as it has no counterpart in a planar model: the other damping rates, `clutch_strength`, a gear's `down_ratio`.
    """

    torque_curve: tuple[tuple[float, float], ...]
    max_rpm: float
    moi: float
    damping_rate_full_throttle: float
    damping_rate_zero_throttle_clutch_engaged: float
    damping_rate_zero_throttle_clutch_disengaged: float
    use_gear_autobox: bool
    gear_switch_time_s: float
    clutch_strength: float
    final_ratio: float
    forward_gears: tuple[Gear, ...]
    mass_kg: float
    drag_coefficient: float
    center_of_mass_m: tuple[float, float, float]
    steering_curve: tuple[tuple[float, float], ...]
    wheels: tuple[WheelPhysics, ...]
    use_sweep_wheel_collision: bool = False


@dataclass
class DoorState:
    """A door: how far it is open, 0 to 1, now and on the frame before, and how fast that grows."""

    opening: bool = False
    share: float = 0.0
    last_share: float = 0.0
    per_s: float = 0.0


@dataclass
class VehicleState:
    """What only a vehicle has. `ackermann` is None while pedals drive it; `gear` is what the gearbox is in.

    `doors` are those that open, in the order of CARLA's VehicleDoor; `ajar` says that one of them is not shut.
    `shown_wheels` are the angles that wheels were turned to while the vehicle has no physics, by index.
    """

    physics: VehiclePhysics
    control: VehicleControl = VehicleControl()
    ackermann: AckermannControl | None = None
    ackermann_settings: AckermannSettings = AckermannSettings()
    gear: int = 0
    failure: int = 0
    doors: tuple[DoorState, ...] = ()
    ajar: bool = False
    shown_wheels: dict[int, WheelAngles] = field(default_factory=dict)


@dataclass
class WalkerState:
    """What only a walker has."""

    control: WalkerControl = WalkerControl()


class LightState(IntEnum):
    """CARLA's TrafficLightState; the first four are also the poses of the traffic light's body."""

    RED = 0
    YELLOW = 1
    GREEN = 2
    OFF = 3
    UNKNOWN = 4


@dataclass
class TrafficLightState:
    """What only a traffic light has: its place in the cycle of its group, and how long each colour lasts."""

    signal_id: str
    group: int
    phase: int
    pole_index: int = 0
    state: LightState = LightState.RED
    elapsed_s: float = 0.0
    green_s: float = 10.0
    yellow_s: float = 3.0
    red_s: float = 2.0
    frozen: bool = False


@dataclass(eq=False)
class Actor:
    """One actor of the episode. Read it freely; change it through `World`, which keeps the arrays behind it.

    Attributes:
        attributes: every attribute of its blueprint with the value it was spawned with.
        body: what it looks like and how large it is; None for sensors, controllers and the spectator.
        box: centre and half sizes (3,) of the bounding box that clients are told.
        world_from_actor: (4, 4).
        parent_from_actor: (4, 4) for an attached actor, else None.
        velocity_mps, angular_velocity_radps, acceleration_mps2: (3,), world axes; acceleration is the finite
            difference of velocity over the last step.
        lights: CARLA's VehicleLightState bits, as set.
        collisions: whether it takes part in contacts.
        dead: set by `set_dead`; a dead actor no longer follows its control.
    """

    id: int
    kind: ActorKind
    blueprint_id: str
    attributes: dict[str, str]
    body: Body | None
    world_from_actor: Array
    parent_id: int = 0
    parent_from_actor: Array | None = None
    velocity_mps: Array = field(default_factory=lambda: np.zeros(3))
    angular_velocity_radps: Array = field(default_factory=lambda: np.zeros(3))
    acceleration_mps2: Array = field(default_factory=lambda: np.zeros(3))
    simulate_physics: bool = False
    gravity: bool = True
    collisions: bool = True
    dead: bool = False
    lights: int = 0
    colour: tuple[int, int, int] = UNPAINTED
    vehicle: VehicleState | None = None
    walker: WalkerState | None = None
    traffic_light: TrafficLightState | None = None
    box: tuple[Array, Array] | None = None

    def as_vehicle(self, call: str) -> VehicleState:
        """What it is as a vehicle; raises `WrongActorKind`, in the name of the call, if it is none."""
        if self.vehicle is None:
            raise WrongActorKind(call, self.id, self.kind, "vehicle")
        return self.vehicle


@dataclass(frozen=True)
class Collision:
    """A contact of this frame, seen from `actor_id`; `other_id` 0 is the town, then `tag` says what of it.

    `impulse_ns` (3,) is what `actor_id` received, newton seconds, world axes.
    """

    actor_id: int
    other_id: int
    impulse_ns: Array
    tag: Tag
