"""A clothed human figure from rounded limbs, posed by its joints; for walkers and riders.

Sizes are those of a person 1.75 m tall, scaled; +x is where the figure looks, z = 0 is the sole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.bodies.head import Style, Tones, head, tones
from av_synth.simulator.bodies.shapes import Colour, Finish, ellipsoid, limb, plain, tube, vec
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
        hood: a hood in the colour of the top instead of hair.
        head: size of the head against that of an adult of this height; children's are larger.
        long_hair: to the shoulders.
        tones: of the head; those that go with skin and hair if None.
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
    long_hair: bool = False
    tones: Tones | None = None


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
    parts = [_trunk(pose, top, size, scale, tag), *_head(pose, clothes, skin, scale, tag)]
    parts.append(ellipsoid(pose.hips.mean(axis=0) - vec(0, 0, 0.01 * scale), _lwh(0.112, 0.160, 0.15, size), legs, tag))
    if clothes.skirt:
        parts.append(_skirt(pose, legs, size, scale, tag))
    calf = skin if clothes.skirt else legs
    drop = 0.022 * (pose.neck - pose.waist) / np.linalg.norm(pose.neck - pose.waist)
    for k in range(2):
        parts += [
            limb(pose.hips[k], pose.knees[k], 0.085 * size, 0.056 * size, legs, tag),
            limb(pose.knees[k], pose.ankles[k], 0.056 * size, 0.042 * size, calf, tag),
            limb(pose.heels[k], pose.toes[k], 0.046 * scale, 0.038 * scale, shoes, tag),
            limb(pose.shoulders[k] - drop, pose.elbows[k], 0.057 * size, 0.045 * size, top, tag),
            limb(pose.elbows[k], pose.wrists[k], 0.043 * size, 0.034 * size, top, tag),
            limb(pose.wrists[k], pose.fists[k], 0.029 * scale, 0.037 * scale, skin, tag),
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
        (-0.13, 0.122, 0.182),
        (0.02, 0.124, 0.184),
        (0.38, 0.102, 0.150),
        (0.68, 0.120, 0.172),
        (0.90, 0.096, 0.186),
        (0.985, 0.070, 0.116),
        (1.05, 0.060, 0.064),
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


def _head(pose: Pose, clothes: Clothes, skin: Finish, scale: float, tag: Tag) -> list[Mesh]:
    size = scale * clothes.head
    throat = pose.head + np.array([-0.018, 0.0, -0.070]) * size
    colours = clothes.tones or tones(clothes.skin, clothes.hair)
    if clothes.hood:
        colours = colours._replace(hair=clothes.top)
    style: Style = "hood" if clothes.hood else "long" if clothes.long_hair else "short"
    return [
        _neck(pose.neck - vec(0, 0, 0.03 * scale), throat, (0.055 * scale, 0.048 * size), skin, tag),
        head(pose.head, size, colours, style, tag),
    ]


def _neck(low: Array, high: Array, radii: tuple[float, float], skin: Finish, tag: Tag) -> Mesh:
    """Open at both ends, which are inside collar and head."""
    turn = np.arange(8) * (2 * np.pi / 8)
    round_ = np.stack([np.cos(turn), np.sin(turn), np.zeros(8)], axis=-1)
    points = np.concatenate([low + radii[0] * round_, high + radii[1] * round_])
    here, after = np.arange(8), (np.arange(8) + 1) % 8
    faces = np.concatenate([np.stack([here, after, 8 + after], axis=1), np.stack([here, 8 + after, 8 + here], axis=1)])
    return plain(points, np.concatenate([round_, round_]), faces, skin, tag)


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
