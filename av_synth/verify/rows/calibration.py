"""Calibrations and ego poses: unit quaternions, pinhole cameras, mounts that fit their names, a car that drives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from av_synth.verify.box_and_pose_mistakes import conjugate, xyzw
from av_synth.verify.findings import Findings, Place
from av_synth.verify.lens import COEFFICIENTS
from av_synth.verify.maths import Array, rotation_matrix, turn_between_rad
from av_synth.verify.reading.model import Calibration, Data, Dataset, Scene
from av_synth.verify.reading.tables import Row, Tables

_NORM_TOLERANCE = 1e-5  # float32 components still give 1e-7; a swap or a missing division gives far more
_FOV_DEG = (5.0, 150.0)  # of real car cameras and telephoto lenses; a pinhole image is useless beyond
_ASPECT_TOLERANCE = 0.03  # pixels are square: fx and fy of real calibrations differ by less than 1 %
_MIDDLE = (0.35, 0.65)  # of the image: principal points of real cameras are within 3 % of the middle
_REACH_M = 12.0  # from the rear axle to a sensor: a long bus
_EGO_SPEED_MPS, _EGO_CLIMB_M, _EGO_TURN_RADPS = 80.0, 0.1, 10.0  # kerbs are climbed in several poses; spins reach 6
# Faster than cars reverse, and further than a crash throws one back: from 8 m/s it skids 5 m.
_HEADING_MPS, _HEADING_M, _HEADING_STEPS, _HEADING_SHARE, _HEADING_SLACK_DEG = 4.0, 8.0, 3, 0.8, 30.0
_POSE_TOLERANCE_M, _POSE_TOLERANCE_RAD = 0.01, 0.002

Step = tuple[Array, float, Array]
"""A move (2,) in metres, the seconds that it took, and the heading (2,) in the meantime."""

_YAW_DEG = {
    "CAM_FRONT": 0.0,
    "CAM_FRONT_LEFT": 55.0,
    "CAM_FRONT_RIGHT": -55.0,
    "CAM_BACK_LEFT": 110.0,
    "CAM_BACK_RIGHT": -110.0,
    "CAM_BACK": 180.0,
    "LIDAR_TOP": 0.0,
    "RADAR_FRONT": 0.0,
    "RADAR_FRONT_LEFT": 90.0,
    "RADAR_FRONT_RIGHT": -90.0,
    "RADAR_BACK_LEFT": 174.0,
    "RADAR_BACK_RIGHT": -176.0,
}
_ANYWHERE = "CAM_USER"  # names of cameras that somebody put where they liked, above the street say
_CAMERA_SLACK_DEG, _RADAR_SLACK_DEG, _LIDAR_SLACK_DEG = 30.0, 60.0, 30.0


def check_quaternions(tables: Tables, findings: Findings) -> None:
    """Every rotation has unit length."""
    for table in ("calibrated_sensor", "ego_pose", "sample_annotation", "calibration_truth", "clock_truth"):
        for row in tables.get(table, ()):
            norm = math.sqrt(sum(v * v for v in row["rotation"]))
            if abs(norm - 1.0) > _NORM_TOLERANCE:
                place = Place(f"{table}.json token={row['token']}", annotation=_annotation_of(table, row))
                message = f"rotation {row['rotation']} is not normalised: it has length {norm:.6g}; want 1"
                findings.add("quaternions", place, message)
        findings.checked("quaternions", len(tables.get(table, ())))


def _annotation_of(table: str, row: Row) -> str:
    return str(row["token"]) if table == "sample_annotation" else ""


def check_calibrations(dataset: Dataset, findings: Findings) -> None:
    """Each calibration in use is that of a sensor on a car; a scene has one for each channel, and a camera one lens."""
    _check_lenses(dataset, findings)
    done: set[str] = set()
    for scene in dataset.scenes:
        for channel, rows in scene.data.items():
            used = {row.calibration.token: row for row in rows}
            if len(used) > 1:
                where = f"calibrated_sensor.json tokens={sorted(used)} ({scene.name})"
                findings.add("mounts", where, f"{channel} has {len(used)} calibrations in one scene; want one")
            for row in used.values():
                if row.calibration.token not in done:
                    done.add(row.calibration.token)
                    _check_intrinsic(row, findings)
                    _check_mount(row.as_told.calibration, findings)


def _check_lenses(dataset: Dataset, findings: Findings) -> None:
    cameras = {
        row.calibration.token: row.calibration.modality == "camera"
        for scene in dataset.scenes
        for rows in scene.data.values()
        for row in rows
    }
    for token, rows in dataset.extras.get("camera_lens", {}).items():
        findings.checked("intrinsics")
        where = f"camera_lens.json token={rows[0]['token']}"
        if len(rows) > 1:
            findings.add("intrinsics", where, f"is one of {len(rows)} lenses of calibrated sensor {token}; want one")
        if not cameras.get(token, True):
            findings.add("intrinsics", where, f"is of calibrated sensor {token}, which is no camera")
        for row in rows:
            got, wanted = len(row["coefficients"]), COEFFICIENTS[row["model"]]
            if got != wanted:
                findings.add("intrinsics", where, f"has {got} coefficients; want {wanted} of a {row['model']} lens")


def _check_intrinsic(data: Data, findings: Findings) -> None:
    calibration = data.calibration
    where = f"calibrated_sensor.json token={calibration.token} ({calibration.channel})"
    matrix = calibration.intrinsic
    if calibration.modality != "camera":
        if matrix is not None:
            findings.add("intrinsics", where, "camera_intrinsic is set; want [] for what is not a camera")
        return
    findings.checked("intrinsics")
    if matrix is None:
        findings.add("intrinsics", where, "camera_intrinsic = []; want [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]")
        return
    fx, fy, cx, cy = matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2]
    if np.any(matrix - np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])) or min(fx, fy) <= 0:
        message = f"camera_intrinsic = {matrix.tolist()}; want [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] with fx, fy > 0"
        findings.add("intrinsics", where, message)
        return
    if abs(fx / fy - 1.0) > _ASPECT_TOLERANCE:
        findings.add("intrinsics", where, f"fx = {fx:g} and fy = {fy:g}; want square pixels")
    fov_deg = math.degrees(2.0 * math.atan(data.width / 2.0 / fx))
    if not _FOV_DEG[0] <= fov_deg <= _FOV_DEG[1]:
        message = f"fx = {fx:g} over {data.width} pixels is a view of {fov_deg:.0f} degrees; want {_FOV_DEG}"
        findings.add("intrinsics", where, message)
    for name, value, size in (("cx", cx, data.width), ("cy", cy, data.height)):
        if size and not _MIDDLE[0] <= value / size <= _MIDDLE[1]:
            findings.add("intrinsics", where, f"{name} = {value:g} of {size} pixels; want it near the middle")


def _yaw_off_deg(axis: Array, wanted_deg: float) -> float:
    off = math.degrees(math.atan2(axis[1], axis[0])) - wanted_deg
    return abs((off + 180.0) % 360.0 - 180.0)


def _check_mount(calibration: Calibration, findings: Findings) -> None:
    if calibration.channel.startswith(_ANYWHERE):
        return
    findings.checked("mounts")
    where = f"calibrated_sensor.json token={calibration.token} ({calibration.channel})"
    distance_m = float(np.linalg.norm(calibration.translation))
    if distance_m > _REACH_M or calibration.translation[2] < 0:
        message = f"translation = {list(calibration.translation)}; want metres from the ground under the rear axle"
        findings.add("mounts", where, message)
    problem = _mount_problem(calibration, rotation_matrix(calibration.rotation))
    if problem:
        for change, name in ((xyzw, "looks like x, y, z, w"), (conjugate, "looks inverted (sensor from ego)")):
            if not _mount_problem(calibration, rotation_matrix(change(calibration.rotation))):
                problem = f"its rotation {name}: {problem}"
                break
        findings.add("mounts", where, problem)


def _mount_problem(calibration: Calibration, rotation: Array) -> str:
    """What is wrong with how a sensor of nuScenes' own is turned; others may look down at the kerb."""
    yaw_deg = _YAW_DEG.get(calibration.channel)
    if yaw_deg is None:
        return ""
    if calibration.modality == "camera":
        view, up, slack, axes = rotation[:, 2], -rotation[:, 1], _CAMERA_SLACK_DEG, "z, -y"
    elif calibration.modality == "lidar":
        view, up, slack, axes = rotation[:, 1], rotation[:, 2], _LIDAR_SLACK_DEG, "y, z"
    else:
        view, up, slack, axes = rotation[:, 0], rotation[:, 2], _RADAR_SLACK_DEG, "x, z"
    problem = ""
    if up[2] < 0.7:
        problem = f"lies on its side: its up axis has z = {up[2]:.2f} in the ego frame (view, up: {axes}); want > 0.7"
    if (off_deg := _yaw_off_deg(view, yaw_deg)) > slack:
        # -179 to 180: backwards is 180, whichever side of it the last bit is on
        heading_deg = (round(math.degrees(math.atan2(view[1], view[0]))) + 179) % 360 - 179
        message = f"looks {heading_deg} degrees left of the car's front; its name wants about {yaw_deg:.0f}"
        side = f"{problem}, and it " if problem else ""
        problem = f"{side}{message} (off by {off_deg:.0f}; view, up axes are {axes})"
    return problem


def check_ego_motion(scene: Scene, findings: Findings) -> None:
    """The ego stands upright, has one pose at one time, does not jump, and has coordinates >= 0."""
    rows = sorted((d for rows in scene.data.values() for d in rows), key=lambda d: d.timestamp_us)
    for before, after in pairwise(rows):
        findings.checked("ego_motion")
        problem = _way_problem(before, after)
        if problem:
            where = f"ego_pose.json token={after.ego_pose.token} ({scene.name} {after.channel})"
            findings.add("ego_motion", where, problem)
    if not rows:
        return
    where = f"ego_pose.json ({scene.name})"
    problem = heading_problem(_steps(scene))
    if problem:
        findings.add("ego_motion", where, f"{problem}; want the rotation's x axis at the front")
    poses = {d.ego_pose.token: d.ego_pose.world_from_ego for d in rows}
    matrices = np.array(list(poses.values()))
    if np.mean(matrices[:, 2, 2] < 0.7) > 0.5:
        findings.add("ego_motion", where, "most rotations lay the car on its side; want z up")
    low = matrices[:, :2, 3].min(axis=0)
    if low.min() < 0:
        message = f"coordinates go down to x, y = {low.round(1).tolist()}; want >= 0, where the map starts"
        findings.add("ego_motion", where, message)


def _way_problem(before: Data, after: Data) -> str:
    """What no car does between the poses of two records, the later one last; '' for nothing."""
    here, there = before.ego_pose.world_from_ego, after.ego_pose.world_from_ego
    other, seconds = f"token={before.ego_pose.token}", (after.timestamp_us - before.timestamp_us) / 1e6
    moved_m = float(np.linalg.norm(there[:3, 3] - here[:3, 3]))
    turned_rad = turn_between_rad(here, there)
    climbed_m = abs(float(there[2, 3] - here[2, 3]))
    if seconds == 0.0:
        same = moved_m <= _POSE_TOLERANCE_M and turned_rad <= _POSE_TOLERANCE_RAD
        return "" if same else f"is {moved_m:.3f} m and {turned_rad:.4f} rad away from {other} of the same time"
    if moved_m > _EGO_SPEED_MPS * seconds + _POSE_TOLERANCE_M:
        return f"jumps {moved_m:.2f} m from {other} in {seconds:.3f} s; want under {_EGO_SPEED_MPS:g} m/s"
    if climbed_m > _EGO_CLIMB_M + moved_m / 2.0:
        return f"climbs or falls {climbed_m:.2f} m from {other} while it moves {moved_m:.2f} m; want a road"
    if turned_rad > _EGO_TURN_RADPS * seconds + 10.0 * _POSE_TOLERANCE_RAD:
        return f"turns {turned_rad:.2f} rad from {other} in {seconds:.3f} s; want under {_EGO_TURN_RADPS:g} rad/s"
    return ""


def _steps(scene: Scene) -> list[Step]:
    rows = scene.data.get("LIDAR_TOP", ())
    return [
        step(a.ego_pose.world_from_ego, b.ego_pose.world_from_ego, a.timestamp_us, b.timestamp_us)
        for a, b in pairwise(rows)
    ]


def step(here: Array, there: Array, here_us: int, there_us: int) -> Step:
    """The step from one pose (4, 4) to another."""
    return there[:2, 3] - here[:2, 3], max(there_us - here_us, 1) / 1e6, here[:2, 0] + there[:2, 0]


def heading_problem(steps: Sequence[Step]) -> str:
    """Says by how much headings are off the motion, when nearly all fast steps are off alike; '' if they are not."""
    fast = [(move, facing) for move, seconds, facing in steps if np.linalg.norm(move) > _HEADING_MPS * seconds]
    if len(fast) < _HEADING_STEPS or sum(float(np.linalg.norm(move)) for move, _ in fast) < _HEADING_M:
        return ""
    moving, facing = np.array([m for m, _ in fast]), np.array([f for _, f in fast])
    across = facing[:, 0] * moving[:, 1] - facing[:, 1] * moving[:, 0]
    off_deg = np.degrees(np.arctan2(across, np.sum(facing * moving, axis=1)))
    for turn_deg in (180, 90, -90):
        alike = np.abs((off_deg - turn_deg + 180) % 360 - 180) < _HEADING_SLACK_DEG
        if float(alike.mean()) > _HEADING_SHARE:
            share = f"in {int(alike.sum())} of {len(fast)} steps at {_HEADING_MPS:g} m/s or more"
            return f"yaw is off by {abs(turn_deg)} degrees {share} (motion against heading)"
    return ""
