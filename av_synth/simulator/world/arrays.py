"""Everything with a body, as a structure of arrays: one row per actor in the order of ids, so steps are vectorised.

An `Actor`'s pose and velocities are views of its row. Rows come and go only at spawn and destroy, which rebuild the
arrays; sensors have no row, so they cannot change the order of any sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.geometry.carla import told_poses, told_spins, told_vectors
from av_synth.geometry.transforms import Array
from av_synth.simulator.world.model import Actor

Rows = npt.NDArray[np.intp]
Span = Rows | slice
"""Rows by their numbers, or a slice where nobody else is between them: values are then seen in place, not copied."""

CURVE_KNOTS = 21
CURVE_STEP_KMH = 10.0
MOST_GEARS = 24
_FASTEST_MPS = 12.5  # nobody runs faster: further in a frame is no step
_UPRIGHT = 0.7  # cosine of how far who walks leans at most

_FLOATS: dict[str, tuple[int, ...]] = {
    # kinematics, world axes
    "pose": (4, 4),
    "velocity": (3,),
    "angular": (3,),
    "acceleration": (3,),
    "last_velocity": (3,),
    "fall_mps": (),
    "lean": (2,),
    # body
    "centre": (3,),
    "half": (3,),
    "mass": (),
    "inertia": (),
    "force": (3,),
    "torque": (),
    # vehicle: what is asked, and where the actuators are
    "asked": (3,),
    "pedals": (3,),
    "hand_brake": (),
    "drive_sign": (),
    "held_velocity": (2,),
    "held_gear": (),
    "gear": (),
    "shifting_s": (),
    "rolled_m": (),
    # vehicle: fixed by its physics control
    "rear_x": (),
    "wheelbase": (),
    "half_track": (),
    "max_steer": (),
    "steer_curve": (CURVE_KNOTS,),
    "pull_n": (),
    "power_w": (),
    "top_speed": (),
    "drag_kg_m": (),
    "brake_n": (),
    "hand_brake_n": (),
    "tyre": (),
    "com": (2,),
    "lean_share": (),
    "pull_share": (CURVE_KNOTS,),
    "gear_up": (MOST_GEARS,),
    "gear_switch_s": (),
    "spin_up": (),
    "engine_drag": (),
    "limit_kmh": (),
    # walker
    "walk": (2,),
    "knock": (2,),
    "walked_m": (),
    "stride_m": (),
    # what clients are told and sensors see of it, and the pose that `told_pose` is of
    "told_pose": (4, 4),
    "told_velocity": (3,),
    "told_angular": (3,),
    "told_of": (4, 4),
    # what the last two frames showed
    "shown_pose": (4, 4),
    "shown_walked_m": (),
    "last_pose": (4, 4),
    "last_walked_m": (),
    "shown_rolled_m": (),
    "shown_steer_rad": (),
    "last_rolled_m": (),
    "last_steer_rad": (),
}
_FLAGS = (
    "is_vehicle",
    "is_walker",
    "physics",
    "gravity",
    "collides",
    "attached",
    "falling",
    "still",
    "holds_velocity",
    "led",
    "placed",
    "unseen",
)


@dataclass(frozen=True)
class AllTold:
    """What clients are told of all bodies, to be read at once and left as it is: the next step writes over it.

    Attributes:
        actors: (N,), whom the rows are of.
        pose: (N, 4, 4).  velocity, angular, acceleration: (N, 3).
        limit_kmh: (N,), the limit that vehicles drive under: their road's, or off the roads the last one they had.
    """

    actors: Sequence[Actor]
    pose: Array
    velocity: Array
    angular: Array
    acceleration: Array
    limit_kmh: Array


class BodyArrays:
    """Rows of all actors that have a body. Lengths in metres, angles in radians, world frame unless said.

    Attributes:
        actors: row order.
        pose, velocity, angular, acceleration, last_velocity: (N, 4, 4) and (N, 3); velocities at the actor's origin.
        fall_mps: (N,), vertical speed while `falling`.
        lean: (N, 2), pitch (nose up) and roll (left side up) of the suspension, without the ground's slope.
        centre, half: (N, 3), bounding box in the actor frame.  mass, inertia: (N,), kg and kg m2 about z.
        force, torque: (N, 3), (N,), external, for the next step only.
        asked, pedals: (N, 3), throttle, brake and steer (positive right) as asked, and after the actuators' lag.
        hand_brake: (N,), 0 or 1.  drive_sign: (N,), 1 forward, -1 reverse, 0 neutral.
        held_velocity: (N, 2), forward and left, kept up while `holds_velocity`.
        rear_x, wheelbase, half_track: (N,), axles in the actor frame.  max_steer: (N,), of the front wheels.
        steer_curve: (N, 21), share of `max_steer` at each 10 km/h.
        pull_n, power_w, top_speed, drag_kg_m, brake_n, hand_brake_n, tyre: (N,), longitudinal parameters.
        held_gear: (N,), the forward gear that does not change, 0 where the gearbox chooses.  gear: (N,), what it is in.
        shifting_s: (N,), how long nothing will pull for a shift.  rolled_m: (N,), the way of the rear axle's middle.
        com: (N, 2), centre of mass in the actor frame, in the plane.  lean_share: (N,), lean over the usual one.
        pull_share: (N, 21), pull over the usual one at each 10 km/h.  gear_up: (N, 24), speeds of the shifts up.
        gear_switch_s: (N,), how long a shift takes.  spin_up: (N,), how slow the engine follows the throttle, over the
            usual.  engine_drag: (N,), how hard it brakes, over the usual.
        limit_kmh: (N,), the last speed limit a vehicle was driven under.
        walk: (N, 2), velocity a walker wants.  knock: (N, 2), what a contact added to it.
        walked_m: (N,), for its gait: the way that the frames have shown.  stride_m: (N,).
        told_pose, told_velocity, told_angular: (N, 4, 4), (N, 3), as numbers of 32 bits on the wire have them. Sensors
            see these, so that who is put where clients were told it was, by whatever means, looks the same to the bit.
        shown_pose, shown_walked_m: (N, 4, 4), (N,), on the frame made last.  last_pose, last_walked_m: on the frame
            before it; what was not there yet has not moved.
        shown_rolled_m, shown_steer_rad, last_rolled_m, last_steer_rad: (N,), of vehicles on these frames: the way of
            the rear axle, and the angle to the left of the front axle's middle (`turned_wheels`).
        led: (N,), a walker was placed by `set_walker_state` since the last step.
        placed: (N,), was put somewhere by `set_transform` since the last step: what is towed stays there for it.
        unseen: (N,), no frame shows it yet.
        still: (N,), at rest on the ground: the pose is left bit for bit.
    """

    actors: list[Actor]
    pose: Array
    velocity: Array
    angular: Array
    acceleration: Array
    last_velocity: Array
    fall_mps: Array
    lean: Array
    centre: Array
    half: Array
    mass: Array
    inertia: Array
    force: Array
    torque: Array
    asked: Array
    pedals: Array
    hand_brake: Array
    drive_sign: Array
    held_velocity: Array
    held_gear: Array
    gear: Array
    shifting_s: Array
    rolled_m: Array
    rear_x: Array
    wheelbase: Array
    half_track: Array
    max_steer: Array
    steer_curve: Array
    pull_n: Array
    power_w: Array
    top_speed: Array
    drag_kg_m: Array
    brake_n: Array
    hand_brake_n: Array
    tyre: Array
    com: Array
    lean_share: Array
    pull_share: Array
    gear_up: Array
    gear_switch_s: Array
    spin_up: Array
    engine_drag: Array
    limit_kmh: Array
    walk: Array
    knock: Array
    walked_m: Array
    stride_m: Array
    told_pose: Array
    told_velocity: Array
    told_angular: Array
    told_of: Array
    shown_pose: Array
    shown_walked_m: Array
    last_pose: Array
    last_walked_m: Array
    shown_rolled_m: Array
    shown_steer_rad: Array
    last_rolled_m: Array
    last_steer_rad: Array
    is_vehicle: npt.NDArray[np.bool_]
    is_walker: npt.NDArray[np.bool_]
    physics: npt.NDArray[np.bool_]
    gravity: npt.NDArray[np.bool_]
    collides: npt.NDArray[np.bool_]
    attached: npt.NDArray[np.bool_]
    falling: npt.NDArray[np.bool_]
    still: npt.NDArray[np.bool_]
    holds_velocity: npt.NDArray[np.bool_]
    led: npt.NDArray[np.bool_]
    placed: npt.NDArray[np.bool_]
    unseen: npt.NDArray[np.bool_]

    def __init__(self) -> None:
        self.actors = []
        self._rows: dict[int, int] = {}
        for name, shape in _FLOATS.items():
            setattr(self, name, np.zeros((0, *shape)))
        for name in _FLAGS:
            setattr(self, name, np.zeros(0, dtype=np.bool_))

    def __len__(self) -> int:
        return len(self.actors)

    def __contains__(self, actor_id: int) -> bool:
        return actor_id in self._rows

    def row(self, actor_id: int) -> int:
        """Row of an actor with a body (KeyError for others)."""
        return self._rows[actor_id]

    def add(self, actor: Actor) -> int:
        """Append a row for an actor whose body is set; its pose and velocities become views of it."""
        body = actor.body
        if body is None:
            raise ValueError(f"actor {actor.id} ({actor.blueprint_id}) has no body; want one for a row of arrays")
        for name in self._names():
            array = getattr(self, name)
            setattr(self, name, np.concatenate([array, np.zeros((1, *array.shape[1:]), dtype=array.dtype)]))
        self.actors.append(actor)
        k = len(self.actors) - 1
        self.pose[k] = actor.world_from_actor
        self.unseen[k] = True
        self.centre[k], self.half[k] = body.box_centre_m, body.box_half_m
        self.set_mass(k, max(float(body.mass_kg), 1.0))
        self.stride_m[k] = body.stride_m
        self.is_vehicle[k], self.is_walker[k] = actor.kind == "vehicle", actor.kind == "walker"
        self.physics[k], self.gravity[k] = actor.simulate_physics, actor.gravity
        self.collides[k], self.attached[k] = actor.collisions, actor.parent_id != 0
        self._point_views()
        return k

    def set_mass(self, k: int, mass_kg: float) -> None:
        """Give row `k` a mass, and the inertia about z of a box of its size."""
        self.mass[k] = mass_kg
        self.inertia[k] = mass_kg * (4.0 * self.half[k, 0] ** 2 + 4.0 * self.half[k, 1] ** 2) / 12.0

    def tell(self) -> None:
        """Bring up to date what clients are told; who stands where they stood costs nothing."""
        self._tell_poses()
        self.told_velocity[:], self.told_angular[:] = told_vectors(self.velocity), told_spins(self.angular)

    def _tell_poses(self) -> None:
        rows = np.flatnonzero((self.pose != self.told_of).reshape(len(self), 16).any(axis=1))
        if len(rows):
            self.told_of[rows] = self.pose[rows]
            self.told_pose[rows] = told_poses(self.told_of[rows])

    def told(self, actor: Actor) -> tuple[Array, Array, Array]:
        """Pose that clients are told of an actor, velocities as of the last `tell`; without a body, its own."""
        if actor.id not in self._rows:
            return actor.world_from_actor, actor.velocity_mps, actor.angular_velocity_radps
        k = self._rows[actor.id]
        if self.pose[k].tobytes() != self.told_of[k].tobytes():
            self.told_of[k] = self.pose[k]
            self.told_pose[k] = told_poses(self.pose[k : k + 1])[0]
        return self.told_pose[k], self.told_velocity[k], self.told_angular[k]

    def all_told(self) -> AllTold:
        """What `told` says of every row at once."""
        self._tell_poses()
        return AllTold(
            self.actors, self.told_pose, self.told_velocity, self.told_angular, self.acceleration, self.limit_kmh
        )

    def show(self, delta_s: float) -> None:
        """A frame is made: note what it shows, for actors may be put elsewhere before the next one.

        A walker goes step by step however it is moved, but for jumps, and unless it lies or is carried.
        """
        if self.attached.any():
            self._tell_poses()  # of what was carried along since the rest was told
        self.last_pose[:], self.last_walked_m[:] = self.shown_pose, self.shown_walked_m
        self.shown_pose[:] = self.told_pose
        if self.unseen.any():
            self.last_pose[self.unseen] = self.shown_pose[self.unseen]
            self.unseen[:] = False
        if self.is_walker.any():
            gone = self.shown_pose[:, :2, 3] - self.last_pose[:, :2, 3]
            way_m = np.hypot(gone[:, 0], gone[:, 1])
            walks = self.is_walker & ~self.attached & (way_m <= _FASTEST_MPS * delta_s)
            walks &= self.shown_pose[:, 2, 2] > _UPRIGHT
            self.walked_m[walks] += way_m[walks]
        self.shown_walked_m[:] = self.walked_m

    def remove(self, actor_id: int) -> None:
        """Drop an actor's row; the actor keeps its last values."""
        k = self._rows[actor_id]
        actor = self.actors.pop(k)
        for view in ("world_from_actor", "velocity_mps", "angular_velocity_radps", "acceleration_mps2"):
            setattr(actor, view, getattr(actor, view).copy())
        for name in self._names():
            setattr(self, name, np.delete(getattr(self, name), k, axis=0))
        self._point_views()

    def _names(self) -> Iterator[str]:
        yield from _FLOATS
        yield from _FLAGS

    def _point_views(self) -> None:
        self._rows = {actor.id: k for k, actor in enumerate(self.actors)}
        for k, actor in enumerate(self.actors):
            actor.world_from_actor = self.pose[k]
            actor.velocity_mps = self.velocity[k]
            actor.angular_velocity_radps = self.angular[k]
            actor.acceleration_mps2 = self.acceleration[k]


def span(numbers: Rows) -> Span:
    """Of rows by their numbers (R,), which rise, one or more."""
    first, last = int(numbers[0]), int(numbers[-1])
    return slice(first, last + 1) if last - first + 1 == len(numbers) else numbers


def com_offset(arrays: BodyArrays, k: int) -> Array:
    """From the origin of row `k` to its centre of mass, (2,) world axes."""
    return np.asarray(arrays.pose[k, :2, :2] @ arrays.com[k])
