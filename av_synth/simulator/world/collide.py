"""What contacts do: push apart, exchange momentum, and report. Few per step, so plain scalar code in a fixed order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.scene import Tag
from av_synth.simulator.world.arrays import BodyArrays, Rows, com_offset
from av_synth.simulator.world.contacts import (
    Boxes,
    Overlaps,
    StaticGrid,
    body_overlaps,
    body_pairs,
    door_overlaps,
    static_overlaps,
)
from av_synth.simulator.world.doors import door_boxes
from av_synth.simulator.world.model import Collision

_RESTITUTION = 0.1
_SLIDING_FRICTION = 0.35
_SHOVE_MPS = 0.3  # a walker cannot move a vehicle slower than this


def resolve_contacts(arrays: BodyArrays, grid: StaticGrid, dt: float, ajar: Sequence[int]) -> list[Collision]:
    """Find and resolve all contacts of this step, in place, and return what happened, by row order.

    Args:
        arrays: all bodies.
        grid: what of the town is in the way.
        dt: seconds.
        ajar: rows of vehicles with a door that is not shut.
    """
    if len(arrays) == 0:
        return []
    boxes = Boxes.of_arrays(arrays)
    usable = arrays.collides & ~arrays.attached
    moving = (arrays.velocity[:, 0] != 0.0) | (arrays.velocity[:, 1] != 0.0) | (arrays.angular[:, 2] != 0.0)
    horizon = 2.0 * dt
    events: list[Collision] = []
    free, met = _Walking.of(arrays), 0

    first, second = body_pairs(boxes, usable, moving)
    if len(first):
        found = body_overlaps(boxes, first, second, arrays.velocity, horizon)
        met += len(found.first)
        for k in range(len(found.first)):
            events += _meet(arrays, found, k)
    doors, owners = door_boxes(arrays, ajar)
    if len(owners):
        found = door_overlaps(doors, owners, boxes, usable, moving, arrays.velocity, horizon)
        met += len(found.first)
        for k in range(len(found.first)):
            events += _meet(arrays, found, k)
    rows = np.flatnonzero(usable & moving & arrays.physics)
    rows, other = grid.pairs(boxes, rows)
    if len(rows):
        found = static_overlaps(boxes, grid, rows, other, arrays.velocity, horizon)
        met += len(found.first)
        for k in range(len(found.first)):
            events += _meet_static(arrays, found, k, grid.footprints[int(found.second[k])].tag)
    if met:
        free.hold_up(arrays, dt)
    return events


@dataclass(frozen=True)
class _Walking:
    """Walkers before their contacts: rows (R,), and where they were, how they went and what threw them, (R, 2)."""

    rows: Rows
    place: Array
    velocity: Array
    knock: Array

    @staticmethod
    def of(arrays: BodyArrays) -> _Walking:
        rows = np.flatnonzero(arrays.is_walker)
        return _Walking(rows, arrays.pose[rows, :2, 3], arrays.velocity[rows, :2], arrays.knock[rows])

    def hold_up(self, arrays: BodyArrays, dt: float) -> None:
        """Whom contacts held up has the velocity of the way that is left of its step.

        It wants to go on in the next step, so the momentum that the contact took from it moves it nowhere. Who is
        thrown does move with what it got, and keeps it.
        """
        shift = arrays.pose[self.rows, :2, 3] - self.place
        met = shift.any(axis=1) | (arrays.velocity[self.rows, :2] != self.velocity).any(axis=1)
        held = met & (arrays.knock[self.rows] == self.knock).all(axis=1)
        arrays.velocity[self.rows[held], :2] = (self.velocity + shift / dt)[held]


def _meet(arrays: BodyArrays, found: Overlaps, k: int) -> list[Collision]:
    a, b = int(found.first[k]), int(found.second[k])
    inverse_a, inverse_b = _inverse_mass(arrays, a, b), _inverse_mass(arrays, b, a)
    share = inverse_a + inverse_b
    if share == 0.0:
        return []
    push, depth = found.push[k], float(found.depth_m[k])
    impulse, closing = _impulse(arrays, found, k, a, b, inverse_a, inverse_b)
    _shift(arrays, a, push * (depth * inverse_a / share))
    _shift(arrays, b, push * (-depth * inverse_b / share))
    if not closing:
        return []
    first, second = arrays.actors[a], arrays.actors[b]
    return [
        Collision(first.id, second.id, impulse, _tag(arrays, b)),
        Collision(second.id, first.id, -impulse, _tag(arrays, a)),
    ]


def _meet_static(arrays: BodyArrays, found: Overlaps, k: int, tag: Tag) -> list[Collision]:
    a = int(found.first[k])
    impulse, closing = _impulse(arrays, found, k, a, None, 1.0 / float(arrays.mass[a]), 0.0)
    _shift(arrays, a, found.push[k] * float(found.depth_m[k]))
    return [Collision(arrays.actors[a].id, 0, impulse, tag)] if closing else []


def _tag(arrays: BodyArrays, row: int) -> Tag:
    body = arrays.actors[row].body
    return Tag.NONE if body is None else body.tag


def _inverse_mass(arrays: BodyArrays, row: int, other: int) -> float:
    """Inverse mass for a contact with `other`: zero where the body cannot be moved by it."""
    if not arrays.physics[row]:
        return 0.0
    slow = float(np.hypot(arrays.velocity[row, 0], arrays.velocity[row, 1])) < _SHOVE_MPS
    if arrays.is_vehicle[row] and arrays.is_walker[other] and slow:
        return 0.0
    return 1.0 / float(arrays.mass[row])


def _impulse(
    arrays: BodyArrays, found: Overlaps, k: int, a: int, b: int | None, inverse_a: float, inverse_b: float
) -> tuple[Array, bool]:
    """Exchange momentum at the contact point; returns what `a` received (3,) and whether the two were closing."""
    nx, ny = float(found.push[k, 0]), float(found.push[k, 1])
    px, py = float(found.point[k, 0]), float(found.point[k, 1])
    ax, ay, spin_a = _lever(arrays, a, px, py)
    vx, vy = _point_velocity(arrays, a, px, py)
    if b is not None:
        bx, by, spin_b = _lever(arrays, b, px, py)
        wx, wy = _point_velocity(arrays, b, px, py)
        vx, vy = vx - wx, vy - wy
    else:
        bx = by = spin_b = 0.0
    spin_a, spin_b = (spin_a if inverse_a else 0.0), (spin_b if inverse_b else 0.0)
    approach = -(vx * nx + vy * ny)
    if approach <= 1e-6:
        return np.zeros(3), False
    turn_a, turn_b = ax * ny - ay * nx, bx * ny - by * nx
    normal = (1.0 + _RESTITUTION) * approach / (inverse_a + inverse_b + turn_a**2 * spin_a + turn_b**2 * spin_b)
    # rubbing along the contact, at most what stops it
    tx, ty = -ny, nx
    sliding = vx * tx + vy * ty
    rub_a, rub_b = ax * ty - ay * tx, bx * ty - by * tx
    stick = sliding / (inverse_a + inverse_b + rub_a**2 * spin_a + rub_b**2 * spin_b)
    limit = _SLIDING_FRICTION * normal
    along = -max(-limit, min(limit, stick))
    jx, jy = normal * nx + along * tx, normal * ny + along * ty
    _receive(arrays, a, jx, jy, inverse_a, (ax * jy - ay * jx) * spin_a)
    if b is not None:
        _receive(arrays, b, -jx, -jy, inverse_b, -(bx * jy - by * jx) * spin_b)
    return np.array([jx, jy, 0.0]), True


def _lever(arrays: BodyArrays, row: int, px: float, py: float) -> tuple[float, float, float]:
    """From the centre of mass to the point, and the inverse inertia about z (none for walkers, who do not spin)."""
    spin = 0.0 if arrays.is_walker[row] or not arrays.physics[row] else 1.0 / float(arrays.inertia[row])
    x, y = com_offset(arrays, row).tolist()
    return px - float(arrays.pose[row, 0, 3]) - x, py - float(arrays.pose[row, 1, 3]) - y, spin


def _point_velocity(arrays: BodyArrays, row: int, px: float, py: float) -> tuple[float, float]:
    rate = float(arrays.angular[row, 2])
    x, y = px - float(arrays.pose[row, 0, 3]), py - float(arrays.pose[row, 1, 3])
    return float(arrays.velocity[row, 0]) - rate * y, float(arrays.velocity[row, 1]) + rate * x


def _receive(arrays: BodyArrays, row: int, jx: float, jy: float, inverse: float, spin: float) -> None:
    if inverse == 0.0:
        return
    change = np.array([jx * inverse, jy * inverse])
    arrays.velocity[row, :2] += change
    if arrays.is_walker[row]:
        # what the walker wants comes back every step: only what throws it beyond that lasts
        walk, reached = arrays.walk[row], arrays.velocity[row, :2]
        blocked = float(change @ walk) < 0.0 and float(np.hypot(*reached)) <= float(np.hypot(*walk))
        if not blocked:
            arrays.knock[row] += change
    else:
        x, y = com_offset(arrays, row).tolist()
        arrays.angular[row, 2] += spin
        arrays.velocity[row, :2] += spin * y, -spin * x  # it turns about its centre of mass
        arrays.still[row] = False


def _shift(arrays: BodyArrays, row: int, by: Array) -> None:
    if by.any():
        arrays.pose[row, :2, 3] += by
        arrays.still[row] = False
