"""A standing look made to walk: the poses of the procedural pedestrians' gait, by the joints of its limbs.

Source of the blending: linear blend skinning, as in A. Jacobson et al., Skinning: real-time shape deformation,
SIGGRAPH 2014 courses.
"""

from __future__ import annotations

import numpy as np

from av_synth.geometry.transforms import Array
from av_synth.simulator.assets.look import Look
from av_synth.simulator.assets.rigging import BONES
from av_synth.simulator.bodies.figure import HIP_HALF_M, SHIN_M, TALL_M, THIGH_M, bend
from av_synth.simulator.bodies.model import STEPS, Body
from av_synth.simulator.bodies.walkers import HEEL_M, HIP_Z_M, STANCE, TOE_M, leg_joints

_LEG_JOINTS = 3
_SWING_RAD = 0.32  # of an arm, ahead and back; about as much as of natural walking
_BENT_RAD = 0.10  # of the elbow, more than as it stands, and twice as much again when the hand is ahead
_STRETCHED = 0.99  # of its length: how far a leg that carries reaches down from the hip


def walking(look: Look, body: Body) -> list[tuple[Array, Array]]:
    """Points and unit normals (V, 3) of each step, at the size of the look; the foot that carries is at z = 0.

    Args:
        look: of a person, with `joints_m`.
        body: a walker, whose steps are as long for its height.
    """
    travel = body.stride_m * STANCE / (2.0 * float(body.box_half_m[2])) * TALL_M
    joints = look.joints_m.astype(np.float64)
    points, normals = look.points_m.astype(np.float64), look.normals.astype(np.float64)
    steps = []
    for step in range(STEPS):
        bones = _bones(look, joints, leg_joints(step / STEPS, travel))
        if len(joints) > _LEG_JOINTS:
            _swing(bones, joints[_LEG_JOINTS:], step / STEPS)
        moved = np.einsum("vb,bij,vj->vi", look.weights, bones[:, :3, :3], points) + look.weights @ bones[:, :3, 3]
        turned = np.einsum("vb,bij,vj->vi", look.weights, bones[:, :3, :3], normals)
        turned /= np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-12)
        steps.append((moved, turned))
    return steps


def _bones(look: Look, joints: Array, gait: tuple[Array, Array, Array, Array]) -> Array:
    """Transforms (BONES, 4, 4) of trunk and legs from where they stand to a step of the gait (knees, ankles, ...)."""
    _, ankles, heels, toes = gait
    bones = np.tile(np.eye(4), (look.weights.shape[1], 1, 1))
    lengths = np.linalg.norm(np.diff(joints[:_LEG_JOINTS], axis=0), axis=2)  # thighs and shins, left and right
    ground = float(joints[2, :, 2].min())  # of the ankle of the foot that stands flat
    sink = float(joints[0, :, 2].mean() - ground - _STRETCHED * lengths.sum(axis=0).mean())
    bones[0, 2, 3] = -sink
    for k, side in enumerate((1.0, -1.0)):
        hip, knee, ankle = joints[:_LEG_JOINTS, k]
        thigh, shin = float(lengths[0, k]), float(lengths[1, k])
        size = (thigh + shin) / (THIGH_M + SHIN_M)
        new_hip = hip - [0.0, 0.0, sink]
        target = new_hip + (ankles[k] - [0.0, side * HIP_HALF_M, HIP_Z_M]) * size
        pitch = float(np.arctan2(*(toes[k] - heels[k])[[2, 0]]))
        foot = _pitched(pitch)
        # its sole, or what of it is lowest, is as far above the ground as that of the procedural foot
        lowest = float(((look.points_m[look.weights[:, 3 + 3 * k] > 0.5] - ankle) @ foot.T)[:, 2].min(initial=0.0))
        target[2] = max(min(heels[k, 2] - HEEL_M, toes[k, 2] - TOE_M), 0.0) * size - lowest
        new_knee = bend(new_hip, target, thigh, shin, np.array([1.0, 0.0, 0.0]))
        along = (target - new_knee) / max(float(np.linalg.norm(target - new_knee)), 1e-9)
        new_ankle = new_knee + along * shin
        bones[1 + 3 * k] = _carried(hip, new_hip, _turn(knee - hip, new_knee - new_hip))
        bones[2 + 3 * k] = _carried(knee, new_knee, _turn(ankle - knee, new_ankle - new_knee))
        bones[3 + 3 * k] = _carried(ankle, new_ankle, foot)
    return bones


def _swing(bones: Array, joints: Array, phase: float) -> None:
    """Set the transforms of arms (ARM_BONES of (BONES + ARM_BONES, 4, 4)), by shoulders and elbows (2, 2, 3).

    Each goes against the leg of its side, which lands at phase 0 on the left.
    """
    drop = np.array([0.0, 0.0, bones[0, 2, 3]])
    for k, side in enumerate((1.0, -1.0)):
        shoulder, elbow = joints[:, k]
        swing = -side * _SWING_RAD * float(np.cos(2.0 * np.pi * phase))
        upper = _carried(shoulder, shoulder + drop, _pitched(swing))
        fore = _pitched(swing + _BENT_RAD + 2.0 * _BENT_RAD * max(swing / _SWING_RAD, 0.0))
        bones[BONES + 2 * k] = upper
        bones[BONES + 2 * k + 1] = _carried(elbow, upper[:3, :3] @ elbow + upper[:3, 3], fore)


def _carried(from_m: Array, to_m: Array, turn: Array) -> Array:
    """The (4, 4) transform that turns about a point (3,) and takes it to another."""
    carried = np.eye(4)
    carried[:3, :3] = turn
    carried[:3, 3] = to_m - turn @ from_m
    return carried


def _pitched(angle_rad: float) -> Array:
    """Rotation (3, 3) about y that lifts what is ahead."""
    c, s = np.cos(angle_rad), np.sin(angle_rad)
    return np.array([[c, 0.0, -s], [0.0, 1.0, 0.0], [s, 0.0, c]])


def _turn(a: Array, b: Array) -> Array:
    """The shortest rotation (3, 3) from one direction to another."""
    u, v = a / np.linalg.norm(a), b / np.linalg.norm(b)
    axis, cosine = np.cross(u, v), float(u @ v)
    x, y, z = axis
    skew = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(np.eye(3) + skew + skew @ skew / max(1.0 + cosine, 1e-9))
