"""A clothed human figure from rounded limbs, posed by its joints; for walkers and riders.

Sizes are those of a person 1.75 m tall, scaled; +x is where the figure looks, z = 0 is the sole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.bodies.shapes import Colour, Finish, ellipsoid, limb, tube, vec
from av_synth.simulator.scene import Material, Mesh, Tag

TALL_M = 1.75
THIGH_M, SHIN_M = 0.42, 0.415
UPPER_ARM_M, FOREARM_M, FIST_M = 0.285, 0.25, 0.085
HIP_HALF_M, SHOULDER_HALF_M = 0.090, 0.178


@dataclass(frozen=True)
class Clothes:
    """Colours (sRGB) of a figure, and how it is built.

    Attributes:
        top, trousers, shoes, skin, hair: colours.
        girth: thickness of trunk and limbs; 1 is average.
        skirt: a skirt to the knee instead of trousers.
        hood: the head is covered in the colour of the top (a hood, or a helmet's colour through `hair`).
        head: size of the head against that of an adult of this height; children's are larger.
    """

    top: Colour
    trousers: Colour
    shoes: Colour
    skin: Colour
    hair: Colour
    girth: float = 1.0
    skirt: bool = False
    hood: bool = False
    head: float = 1.0


@dataclass(frozen=True)
class Pose:
    """Joints of a figure in metres, left before right; (3,) each, or (2, 3) for pairs.

    `heels` and `toes` are the middles of the balls at the two ends of each shoe.
    """

    hips: Array
    knees: Array
    ankles: Array
    heels: Array
    toes: Array
    waist: Array
    neck: Array
    head: Array
    shoulders: Array
    elbows: Array
    wrists: Array
    fists: Array


def bend(root: Array, tip: Array, first_m: float, second_m: float, towards: Array) -> Array:
    """Where the middle joint of a two-piece limb is (knee, elbow), bulging `towards`; stretched if out of reach."""
    span = tip - root
    distance = float(np.clip(np.linalg.norm(span), 1e-6, (first_m + second_m) * 0.9999))
    axis = span / np.linalg.norm(span)
    along = (first_m**2 - second_m**2 + distance**2) / (2 * distance)
    side = towards - axis * float(towards @ axis)
    side = side / np.linalg.norm(side)
    return np.asarray(root + axis * along + side * np.sqrt(max(first_m**2 - along**2, 0.0)))


def build(pose: Pose, clothes: Clothes, scale: float, tag: Tag) -> list[Mesh]:
    """Meshes of the figure; `scale` is its height over 1.75 m."""
    top, legs = Finish(Material.MATTE, clothes.top), Finish(Material.MATTE, clothes.trousers)
    skin, shoes = Finish(Material.MATTE, clothes.skin), Finish(Material.MATTE, clothes.shoes)
    size = scale * clothes.girth
    parts = [_trunk(pose, top, size, scale, tag), *_head(pose, clothes, skin, top, scale, tag)]
    parts.append(ellipsoid(pose.hips.mean(axis=0) - vec(0, 0, 0.01 * scale), _lwh(0.112, 0.160, 0.15, size), legs, tag))
    if clothes.skirt:
        parts.append(_skirt(pose, legs, size, scale, tag))
    calf = skin if clothes.skirt else legs
    for k in range(2):
        parts += [
            limb(pose.hips[k], pose.knees[k], 0.085 * size, 0.056 * size, legs, tag),
            limb(pose.knees[k], pose.ankles[k], 0.056 * size, 0.042 * size, calf, tag),
            limb(pose.heels[k], pose.toes[k], 0.046 * scale, 0.038 * scale, shoes, tag),
            limb(pose.shoulders[k], pose.elbows[k], 0.062 * size, 0.045 * size, top, tag),
            limb(pose.elbows[k], pose.wrists[k], 0.043 * size, 0.034 * size, top, tag),
            limb(pose.wrists[k], pose.fists[k], 0.036 * scale, 0.034 * scale, skin, tag),
        ]
    return parts


def _lwh(length: float, width: float, height: float, size: float) -> Array:
    return np.array([length, width, height]) * size


def _trunk(pose: Pose, finish: Finish, size: float, scale: float, tag: Tag) -> Mesh:
    """Chest and belly as rings from the seat to the collar."""
    seat, collar = pose.hips.mean(axis=0), pose.neck
    spine = np.stack([seat, pose.waist, collar])
    rings = []
    for share, depth, width in (
        (-0.13, 0.116, 0.166),
        (0.02, 0.120, 0.170),
        (0.38, 0.102, 0.148),
        (0.68, 0.120, 0.172),
        (0.86, 0.104, 0.196),
        (0.95, 0.080, 0.150),
        (1.02, 0.052, 0.066),
    ):
        t = 2 * share
        middle = spine[0] + (spine[1] - spine[0]) * t if t < 1 else spine[1] + (spine[2] - spine[1]) * (t - 1)
        along = (spine[1] - spine[0] if t < 1 else spine[2] - spine[1]) * 1.0
        along /= np.linalg.norm(along)
        front = np.cross([0.0, 1.0, 0.0], along)
        turn = np.arange(12) * (2 * np.pi / 12)
        rings.append(
            middle
            + np.cos(turn)[:, None] * front * depth * size
            + np.sin(turn)[:, None] * np.array([0.0, 1.0, 0.0]) * width * (0.5 * size + 0.5 * scale)
        )
    return tube(np.stack(rings), finish, tag)


def _head(pose: Pose, clothes: Clothes, skin: Finish, top: Finish, scale: float, tag: Tag) -> list[Mesh]:
    size = scale * clothes.head
    hair = top if clothes.hood else Finish(Material.MATTE, clothes.hair)
    parts = [
        limb(pose.neck - vec(0, 0, 0.03 * scale), pose.head, 0.052 * scale, 0.052 * scale, skin, tag),
        ellipsoid(pose.head, _lwh(0.098, 0.078, 0.118, size), skin, tag),
        # hair: a larger ball, back and up, that leaves the face free
        ellipsoid(pose.head + np.array([-0.022, 0.0, 0.020]) * size, _lwh(0.094, 0.086, 0.110, size), hair, tag),
        ellipsoid(pose.head + np.array([0.098, 0.0, -0.02]) * size, _lwh(0.016, 0.012, 0.022, size), skin, tag, (6, 5)),
    ]
    if clothes.skirt:  # long hair goes with it
        parts.append(
            ellipsoid(pose.head + np.array([-0.06, 0, -0.09]) * size, _lwh(0.05, 0.075, 0.12, size), hair, tag)
        )
    return parts


def _skirt(pose: Pose, finish: Finish, size: float, scale: float, tag: Tag) -> Mesh:
    """A bell from the waist to the knees that is as wide as the stride."""
    seat = pose.hips.mean(axis=0)
    knees_x = pose.knees[:, 0]
    turn = np.arange(14) * (2 * np.pi / 14)
    rings = []
    for share in (1.0, 0.5, 0.0):
        height = (seat[2] - 0.36 * scale) + share * 0.42 * scale
        reach = 0.12 * size + (1 - share) * 0.5 * (knees_x.max() - knees_x.min())
        x = seat[0] + (1 - share) * (knees_x.mean() - seat[0])
        ring = np.stack(
            [x + reach * np.cos(turn), (0.165 + 0.03 * (1 - share)) * size * np.sin(turn), np.full(14, height)], axis=-1
        )
        rings.append(ring)
    return tube(np.stack(rings[::-1]), finish, tag)
