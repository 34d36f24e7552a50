"""Pedestrians: a walking gait in 16 steps whose box never changes.

Feet swing inside the reach of what stays put (a bag behind, something held in front, or an umbrella above), the
crown of the head stays level and one foot is always on the ground, so one static box is tight in every step.
Source of the gait's shape (stance 60 % of the cycle, push-off over the toe, knee lift in the swing): Perry and
Burnfield, Gait Analysis, 2nd edition, chapters 3 and 9; strides are shorter than natural by about a quarter.
"""

from __future__ import annotations

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.bodies.figure import (
    FIST_M,
    FOREARM_M,
    HIP_HALF_M,
    SHIN_M,
    SHOULDER_HALF_M,
    TALL_M,
    THIGH_M,
    UPPER_ARM_M,
    Pose,
    bend,
    build,
)
from av_synth.simulator.bodies.model import CATEGORY, STEPS, Body, bounds
from av_synth.simulator.bodies.people import PEOPLE, Held, Person
from av_synth.simulator.bodies.shapes import Finish, ellipsoid, limb, tube, vec
from av_synth.simulator.bodies.skin import Skin
from av_synth.simulator.bodies.work_clothes import worn
from av_synth.simulator.scene import Material, Mesh, Tag

STANCE = 0.6
"""Share of a step's cycle that a foot is on the ground."""
_SHOE_M = 0.155  # between the balls of heel and toe
HEEL_M, TOE_M = 0.046, 0.038
"""Radii of those balls."""
HIP_Z_M, _NECK_Z_M = 0.918, 1.455
_SPEEDS = {"child": "0.0,1.2,2.8", "teenager": "0.0,1.4,3.2", "adult": "0.0,1.4,3.2", "elderly": "0.0,0.9,1.8"}


def walker(person: Person) -> Body:
    """Build one pedestrian; its origin is in the middle of its height, as CARLA's capsules are."""
    scale = person.height_m / TALL_M
    travel = (0.56 if person.held == "umbrella" else 0.46) * scale  # how far a foot goes back on the ground
    legs = [leg_joints(step / STEPS, travel / scale) for step in range(STEPS)]
    reach = _reach(legs)
    meshes = tuple(_step(person, scale, step, legs[step], reach) for step in range(STEPS))
    low, high = bounds(meshes)
    return Body(
        blueprint_id=person.blueprint_id,
        kind="walker",
        tag=Tag.PEDESTRIANS,
        attributes={
            "gender": person.gender,
            "age": person.age,
            "generation": person.generation,
            "can_use_wheelchair": "false",
            "speed": _SPEEDS[person.age],
            **({CATEGORY: person.category} if person.category else {}),
        },
        colours=(),
        meshes=meshes,
        box_centre_m=(low + high) / 2,
        box_half_m=(high - low) / 2,
        mass_kg=person.mass_kg,
        stride_m=travel / STANCE,
    )


def _foot(phase: float, travel: float) -> tuple[Array, Array]:
    """Middles of the balls of heel and toe (x, z) at a phase of the foot's cycle, which starts as the heel lands."""
    pitch = np.radians(np.interp(phase, (0.0, 0.08, 0.38, 0.60, 0.72, 0.92, 1.0), (16, 0, 0, -40, -34, 12, 16)))
    lift = 0.075 * np.sin(np.pi * (phase - STANCE) / (1 - STANCE)) ** 2 if phase > STANCE else 0.0
    if phase <= STANCE:
        middle = travel * (0.5 - phase / STANCE)
    else:
        t = (phase - STANCE) / (1 - STANCE)
        middle = travel * (-0.5 + t * t * (3 - 2 * t))
    along = _SHOE_M * np.array([np.cos(pitch), np.sin(pitch)])
    heel = np.array([middle - 0.045, HEEL_M + lift])
    toe = heel + along
    if pitch < 0:  # up on the toe: the toe stays where the flat shoe had it
        toe = np.array([middle - 0.045 + _SHOE_M, TOE_M + lift])
        heel = toe - along
    return heel, toe


def leg_joints(phase: float, travel: float) -> tuple[Array, Array, Array, Array]:
    """Knees, ankles, heels and toes (2, 3) of a 1.75 m figure at a phase of the gait."""
    knees, ankles, heels, toes = [], [], [], []
    for side, offset in ((1.0, 0.0), (-1.0, 0.5)):
        heel, toe = _foot((phase + offset) % 1.0, travel)
        y = side * HIP_HALF_M
        up = np.array([-(toe - heel)[1], (toe - heel)[0]]) / _SHOE_M
        ankle = heel + 0.025 * (toe - heel) / _SHOE_M + 0.055 * up
        hip = np.array([0.0, y, HIP_Z_M])
        ankle3 = np.array([ankle[0], y, ankle[1]])
        knees.append(bend(hip, ankle3, THIGH_M, SHIN_M, np.array([1.0, 0.0, 0.0])))
        ankles.append(ankle3)
        heels.append([heel[0], y, heel[1]])
        toes.append([toe[0], y + side * 0.015, toe[1]])
    return np.array(knees), np.array(ankles), np.array(heels), np.array(toes)


def _reach(legs: list[tuple[Array, Array, Array, Array]]) -> tuple[float, float]:
    """Lowest and highest x that shoes and knees come to, for a 1.75 m figure."""
    heels, toes = np.array([leg[2] for leg in legs]), np.array([leg[3] for leg in legs])
    knees = np.array([leg[0] for leg in legs])
    low = min(float(heels[..., 0].min()) - HEEL_M, float(toes[..., 0].min()) - TOE_M)
    high = max(float(toes[..., 0].max()) + TOE_M, float(knees[..., 0].max()) + 0.06)
    return low, high


def _step(
    person: Person, scale: float, step: int, legs: tuple[Array, Array, Array, Array], reach: tuple[float, float]
) -> Mesh:
    """The mesh of one step, in the actor frame."""
    knees, ankles, heels, toes = legs
    head_half = 0.130 * person.clothes.head
    neck = np.array([0.005, 0.0, _NECK_Z_M])
    shoulders = np.array([[0.0, side * SHOULDER_HALF_M, _NECK_Z_M - 0.055] for side in (1.0, -1.0)])
    elbows, wrists, fists = _arms(person.held, step, shoulders, reach)
    pose = Pose(
        hips=np.array([[0.0, side * HIP_HALF_M, HIP_Z_M] for side in (1.0, -1.0)]) * scale,
        knees=knees * scale,
        ankles=ankles * scale,
        heels=heels * scale,
        toes=toes * scale,
        waist=np.array([-0.012, 0.0, 1.17]) * scale,
        neck=neck * scale,
        head=np.array([0.02, 0.0, TALL_M - head_half]) * scale,
        shoulders=shoulders * scale,
        elbows=elbows * scale,
        wrists=wrists * scale,
        fists=fists * scale,
    )
    tag = Tag.PEDESTRIANS
    parts = build(pose, person.clothes, scale, tag)
    parts += worn(person, pose, scale, tag)
    parts += _carried(person, scale, fists, reach)
    mesh = Mesh.merge(parts)
    mesh.positions_m[:, 2] -= np.float32(person.height_m / 2)
    return mesh


def _arms(held: Held, step: int, shoulders: Array, reach: tuple[float, float]) -> tuple[Array, Array, Array]:
    """Elbows, wrists and fists (2, 3): hands that hold something stay put, a free left arm swings."""
    elbows, wrists, fists = np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((2, 3))
    for k, side in enumerate((1.0, -1.0)):
        shoulder = shoulders[k]
        if held in ("parcel", "ball"):
            wrist = np.array([reach[1] - 0.26, side * 0.125, 1.08])
            fist = wrist + vec(0.07, -side * 0.01, 0.01)
        elif k == 1 and held == "umbrella":
            wrist = np.array([0.17, side * 0.12, 1.22])
            fist = wrist + vec(0.03, 0.01, 0.07)
        elif k == 1:
            wrist = np.array([reach[1] - 0.155, side * 0.17, 1.14 if held == "phone" else 1.08])
            fist = wrist + vec(0.085, 0.03, 0.035)
        else:
            swing = -0.42 * np.cos(2 * np.pi * step / STEPS)  # against the leg of its side
            upper = swing - 0.08
            elbow = shoulder + UPPER_ARM_M * np.array([np.sin(upper), side * 0.16, -np.cos(upper)])
            lower = swing + 0.30
            wrist = elbow + FOREARM_M * np.array([np.sin(lower), side * 0.02, -np.cos(lower)])
            fist = wrist + FIST_M * np.array([np.sin(lower), -side * 0.02, -np.cos(lower)])
            elbows[k], wrists[k], fists[k] = elbow, wrist, fist
            continue
        elbows[k] = bend(shoulder, wrist, UPPER_ARM_M, FOREARM_M, np.array([-0.6, side * 0.35, -0.7]))
        wrists[k], fists[k] = wrist, fist
    return elbows, wrists, fists


def _carried(person: Person, scale: float, fists: Array, reach: tuple[float, float]) -> list[Mesh]:
    """Bag and held things; their far faces define the box along x."""
    tag = Tag.PEDESTRIANS
    grey = Finish(Material.MATTE, (30, 30, 33))
    skin = Skin()
    parts: list[Mesh] = []
    right = fists[1]
    front = reach[1]
    if person.held == "umbrella":
        return _umbrella(person, right * scale, tag)
    if person.held == "phone":
        skin.box((front - 0.015, right[1] - 0.01, right[2] - 0.01), (front, right[1] + 0.065, right[2] + 0.13), grey)
    elif person.held == "parcel":
        card = Finish(Material.MATTE, (164, 124, 78))
        skin.box((front - 0.24, -0.12, 0.98), (front, 0.12, 1.24), card)
    elif person.held == "ball":
        ball = Finish(Material.MATTE, (220, 70, 40))
        parts.append(ellipsoid(np.array([front - 0.12, 0, 1.09]) * scale, np.full(3, 0.12 * scale), ball, tag))
    else:
        cup = Finish(Material.MATTE, (236, 232, 222))
        turn = np.arange(10) * (2 * np.pi / 10)
        ring = np.stack([np.cos(turn), np.sin(turn), np.zeros(10)], axis=-1)
        place = np.array([front - 0.045, right[1], right[2] - 0.05])
        rings = [(place + r * ring + vec(0, 0, z)) * scale for r, z in ((0.032, 0.0), (0.045, 0.14))]
        parts.append(tube(np.stack(rings), cup, tag))
    parts.append(_bag(person, scale, reach[0], tag))
    if skin.filled:
        parts.append(skin.mesh(tag))
        parts[-1].positions_m[:] *= np.float32(scale)
    return parts


def _bag(person: Person, scale: float, back: float, tag: Tag) -> Mesh:
    """A rounded backpack, or a bag at the hips, that ends at x = `back`."""
    finish = Finish(Material.MATTE, person.bag)
    bottom, top, half, front = (0.86, 1.14, 0.13, -0.06) if person.low_bag else (0.98, 1.42, 0.15, -0.07)
    turn = np.arange(16) * (2 * np.pi / 16) + np.pi / 16
    cosine, sine = np.cos(turn), np.sin(turn)
    square = np.stack([np.sign(cosine) * np.abs(cosine) ** 0.5, np.sign(sine) * np.abs(sine) ** 0.5], axis=-1)
    square /= np.abs(square).max(axis=0)
    depth, middle = (front - back) / 2, (front + back) / 2
    rings = []
    for share, size in ((0.0, 0.72), (0.08, 0.93), (0.3, 1.0), (0.62, 0.96), (0.9, 0.82), (1.0, 0.55)):
        z = bottom + share * (top - bottom)
        x = middle + (1 - size) * depth * 0.9 + depth * size * square[:, 0]
        rings.append(np.stack([x, half * size * square[:, 1], np.full(16, z)], axis=-1) * scale)
    return tube(np.stack(rings), finish, tag)


def _umbrella(person: Person, fist: Array, tag: Tag) -> list[Mesh]:
    """A shaft and a round canopy, seen from above and from below."""
    cloth, rod = Finish(Material.MATTE, person.bag), Finish(Material.METAL, (60, 60, 64))
    crown = np.array([0.04, -0.02, person.height_m + 0.26])
    turn = np.arange(17) * (2 * np.pi / 16)
    dome = ((0.52, 0.24), (0.40, 0.12), (0.22, 0.03), (0.0, 0.0))  # radius, how far below the crown
    rings = [crown + np.stack([r * np.cos(turn), r * np.sin(turn), np.full(17, -d)], axis=-1) for r, d in dome]
    canopy, lining = np.stack(rings), np.stack(rings)
    lining[1:, :, 2] -= 0.012
    skin = Skin()
    skin.grid(canopy, cloth)
    skin.grid(lining, cloth, flip=True)
    return [limb(fist - vec(0, 0, 0.12), crown + vec(0, 0, 0.04), 0.008, 0.008, rod, tag), skin.mesh(tag)]


def walkers() -> list[Body]:
    """All pedestrians."""
    return [walker(person) for person in PEOPLE]
