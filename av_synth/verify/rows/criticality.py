"""sample_truth against the boxes: the ego's own box, the weather, and metrics of the ego and another, derived anew.

Nothing is shared with the writer, nor the way: of two boxes the Minkowski difference is made, which holds the origin
where they overlap; its distance from the origin is theirs, and a ray into it along the relative velocity takes as long
as they do to touch. Boxes of labels may be larger than bodies by a little, so everything is derived twice: of boxes
that are larger and that are smaller by `_MARGIN_M`; the truth is between.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from av_synth.verify.findings import Findings, Place
from av_synth.verify.maths import Array, convex_hull, pose, turn_between_rad
from av_synth.verify.reading.model import Annotation, Dataset, Scene
from av_synth.verify.reading.tables import Row
from av_synth.verify.reading.values import are_numbers, is_number, short

_MARGIN_M = 0.05
_RAY_M = 1e4
_OFF, _SHARE = 0.02, 0.02  # of a value derived of boxes of the right size
_TURN_RAD, _HEIGHT_M = 0.01, 0.05
_SLOW_MPS = 0.5
_UPRIGHT = 0.94  # cosine of the tilt above which somebody has fallen; who leans less is measured as upright
_ALWAYS = ("distance_m", "ttc_s")  # what older runs measured too
_FIELDS = {"translation": 3, "rotation": 4, "size": 3, "velocity": 3}


@dataclass(frozen=True)
class Body:
    """A box from above: centre (2,), directions of length and width as rows (2, 2), half sizes (2,), velocity (2,)."""

    centre_m: Array
    axes: Array
    half_m: Array
    velocity_mps: Array

    @staticmethod
    def of(translation: Any, rotation: Any, size_wlh_m: Any, velocity: Any) -> Body:
        """Of values as the tables have them; of somebody who has fallen, the box as it lies."""
        turn = pose(rotation, translation)[:3, :3]
        ahead = turn[:2, 0] / max(float(np.hypot(*turn[:2, 0])), 1e-9)
        axes = np.array([ahead, [-ahead[1], ahead[0]]])
        half = np.array([size_wlh_m[1], size_wlh_m[0], size_wlh_m[2]]) / 2.0
        half = half[:2] if turn[2, 2] > _UPRIGHT else np.abs(axes @ turn[:2]) @ half
        return Body(np.array(translation[:2], dtype=np.float64), axes, half, np.array(velocity[:2], dtype=np.float64))

    def corners_m(self, margin_m: float = 0.0) -> Array:
        """(4, 2), of the box with its sides so much further out."""
        signs = np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]])
        return np.asarray(self.centre_m + (signs * np.maximum(self.half_m + margin_m, 1e-3)) @ self.axes)


def check_sample_truth_values(dataset: Dataset, scene: Scene, findings: Findings) -> None:
    """The ego's box, the weather and the metrics of every sample of a scene that says them."""
    sizes: set[tuple[float, ...]] = set()
    rows = [row for sample in scene.samples for row in dataset.rows_about("sample_truth", sample.token)]
    measured = {*_ALWAYS, *(entry["metric"] for row in rows for entry in row["criticality"])}
    for sample in scene.samples:
        for row in dataset.rows_about("sample_truth", sample.token):
            place = Place(f"sample_truth.json token={row['token']} ({scene.sample_name(sample.token)})", scene.name)
            _check_weather(row, place, findings)
            ego = _ego(scene, sample.token, row, place, findings)
            if ego is not None:
                sizes.add(tuple(row["ego"]["size"]))
                _check_metrics(dataset, scene, row, ego, measured, findings)
    if len(sizes) > 1:
        where = Place(f"sample_truth.json ({scene.name})", scene.name)
        findings.add("sample_truth", where, f"the ego has sizes {sorted(sizes)[:2]}; want one in a scene")


def _check_weather(row: Row, place: Place, findings: Findings) -> None:
    weather = row.get("weather")
    if not isinstance(weather, dict) or not all(is_number(value) for value in weather.values()):
        findings.add("sample_truth", place, f"weather = {short(weather)}; want an object of names to finite numbers")
    elif not -90 <= weather.get("sun_altitude_angle", 0.0) <= 90:
        message = f"weather: sun_altitude_angle = {short(weather['sun_altitude_angle'])}; want degrees, -90 to 90"
        findings.add("sample_truth", place, message)


def _ego(scene: Scene, sample: str, row: Row, place: Place, findings: Findings) -> Body | None:
    """The ego's box, if the sample has a sound one that agrees with the ego pose."""
    said = row.get("ego")
    if not isinstance(said, dict) or not all(are_numbers(said.get(name), n) for name, n in _FIELDS.items()):
        message = f"ego = {short(said)}; want translation, size, rotation, velocity as an annotation has them"
        findings.add("sample_truth", place, message)
        return None
    lidar = scene.keyframe(sample, "LIDAR_TOP")
    if lidar is None:
        return None
    ego, true = Body.of(*(said[name] for name in _FIELDS)), lidar.ego_pose.world_from_ego
    turn = turn_between_rad(pose(said["rotation"], said["translation"]), true)
    off = np.abs(ego.axes @ (true[:2, 3] - ego.centre_m)) - ego.half_m
    bottom = said["translation"][2] - said["size"][2] / 2.0 - true[2, 3]
    if turn > _TURN_RAD or (off > 0).any() or bottom < -_HEIGHT_M - said["size"][2]:
        message = f"the ego's box at {short(said['translation'])} is turned by {math.degrees(turn):.1f} degrees against"
        findings.add("sample_truth", place, f"{message} the ego pose, or the pose is not in it; want the ego's own box")
        return None
    return ego


def _check_metrics(
    dataset: Dataset, scene: Scene, row: Row, ego: Body, measured: Collection[str], findings: Findings
) -> None:
    """Metrics of the ego and each annotated other; who is not annotated has no instance either, but another role."""
    told: dict[str, dict[str, float]] = {}
    for entry in row["criticality"]:
        of_ego = not entry["instance_token"] and entry.get("role", "ego") == "ego"
        if of_ego and entry["other_instance_token"] and is_number(entry["value"]):
            told.setdefault(entry["other_instance_token"], {})[entry["metric"]] = float(entry["value"])
    for annotation in scene.annotations.get(row["sample_token"], ()):
        truth = dataset.rows_about("annotation_truth", annotation.token)
        said = told.get(annotation.instance_token, {})
        if not truth or not said:
            continue
        findings.checked("sample_truth", len(said))
        other = Body.of(annotation.translation, annotation.rotation, annotation.size_wlh_m, truth[0]["velocity"])
        for message in problems(said, ego, other, measured):
            findings.add("sample_truth", _place(scene, row, annotation), message)


def _place(scene: Scene, row: Row, annotation: Annotation) -> Place:
    text = f"sample_truth.json token={row['token']} ({scene.sample_name(annotation.sample_token)}, ego and "
    return Place(f"{text}{annotation.category} {annotation.instance_token})", scene.name, annotation.token)


def problems(said: Mapping[str, float], ego: Body, other: Body, measured: Collection[str] = _ALWAYS) -> list[str]:
    """What is wrong with the metrics that are said of the ego and another, all at one instant.

    A metric that is measured and left out is said to be infinite, if the distance is there; a deceleration, 0 or that.
    """
    found = []
    near, far = (_distance_and_time(ego, other, margin) for margin in (_MARGIN_M, -_MARGIN_M))
    closing = float(np.hypot(*(other.velocity_mps - ego.velocity_mps)))
    bounds = {
        "distance_m": (near[0], far[0], math.inf),
        "ttc_s": (near[1], far[1], math.inf),
        "drac_mps2": (_over(closing, 2 * far[1]), _over(closing, 2 * near[1]), 0.0),
        "headway_s": (*_headway_s(ego, other), math.inf),
    }
    for metric, (least, most, absent) in bounds.items():
        there = metric in said
        if not there and (
            metric not in measured or "distance_m" not in said or (metric == "drac_mps2" and most == math.inf)
        ):
            continue
        value = said[metric] if there else absent
        slack = _OFF + _SHARE * min(value, 1e9)
        if not least - slack <= value <= most + slack:
            got = f"{metric} = {value:.3f}" if there else f"no {metric}"
            found.append(f"criticality has {got}; the boxes give {least:.3f} to {most:.3f}")
    needed = said.get("required_deceleration_mps2")
    if needed is not None and needed > 0:
        found += _braking_problem(needed, ego, other)
    return found


def _over(closing: float, twice_s: float) -> float:
    return closing / twice_s if twice_s > 0 else math.inf


def _distance_and_time(ego: Body, other: Body, margin_m: float) -> tuple[float, float]:
    """Distance, and time to contact at constant velocities, of boxes so much larger; 0 if they touch, inf if never."""
    apart = other.corners_m(margin_m)[:, None] - ego.corners_m(margin_m)[None]
    shape = shapely.Polygon(convex_hull(apart.reshape(-1, 2)))
    origin = shapely.Point(0.0, 0.0)
    distance = float(shape.distance(origin))
    if distance == 0.0:
        return 0.0, 0.0
    way = ego.velocity_mps - other.velocity_mps
    speed = float(np.hypot(*way))
    if speed < 1e-6:
        return distance, math.inf
    met = shape.intersection(shapely.LineString([(0.0, 0.0), tuple(way / speed * _RAY_M)]))
    return distance, math.inf if met.is_empty else float(origin.distance(met)) / speed


def _ahead(ego: Body, other: Body, margin_m: float) -> tuple[float, float, float]:
    """In the ego's axes: free metres from its front to the other, and the other's right and left end."""
    local = (other.corners_m(margin_m) - ego.centre_m) @ ego.axes.T
    front = ego.half_m[0] + margin_m
    return float(local[:, 0].min() - front), float(local[:, 1].min()), float(local[:, 1].max())


def _headway_s(ego: Body, other: Body) -> tuple[float, float]:
    """Bounds of the clear time behind the other; infinite where it is not ahead in the ego's width."""
    speed = float(ego.velocity_mps @ ego.axes[0])
    bounds = []
    for margin in (_MARGIN_M, -_MARGIN_M):
        gap, right, left = _ahead(ego, other, margin)
        half = float(ego.half_m[1]) + margin
        level = (other.centre_m - ego.centre_m) @ ego.axes[0]
        inside = right < half and left > -half and level > 0
        bounds.append(max(gap, 0.0) / speed if inside and speed > _SLOW_MPS else math.inf)
    # of who crawls no more is known than that it is some time
    return (bounds[0], bounds[1]) if speed > _SLOW_MPS else (0.0, math.inf)


def _braking_problem(needed: float, ego: Body, other: Body) -> list[str]:
    """Play the ego's braking: it must just not reach the other, before it stands or the other has left its way."""
    speed = float(ego.velocity_mps @ ego.axes[0])
    along, aside = (other.velocity_mps - ego.velocity_mps) @ ego.axes.T
    spare = []
    for margin in (_MARGIN_M, -_MARGIN_M):
        gap, right, left = _ahead(ego, other, margin)
        half = float(ego.half_m[1]) + margin
        leaves = (half - right if aside > 0 else left + half) / abs(aside) if abs(aside) > 1e-9 else math.inf
        end = min(max(leaves, 0.0), speed / needed)
        nearest = min(max(-along / needed, 0.0), end)  # the gap is a parabola of time
        spare.append(gap + along * nearest + needed * nearest**2 / 2.0)
    slack = _OFF + _SHARE * max(speed, 1.0)
    if spare[0] <= slack and spare[1] >= -slack:
        return []
    got = f"criticality has required_deceleration_mps2 = {needed:.3f}"
    return [f"{got}; braking so leaves {spare[0]:.2f} to {spare[1]:.2f} m to the other; want 0"]
