"""`avsynth.lidar.device` by the official client: beams as their tables say, times, glass, plates, motion, edges."""

from __future__ import annotations

from typing import Any

import carla
import numpy as np
import pytest
from pyquaternion import Quaternion
from server_process import TICK_S
from stage import Stage

from av_synth.geometry.carla import location_from_point, matrix_from_transform
from av_synth.geometry.transforms import Array, apply, rigid
from av_synth.sensing.materials import Material

POINT = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("cos", "<f4"), ("id", "<u4"), ("tag", "<u4")])
COLUMNS = 400
ELEVATIONS = (10.67, 2.67, 1.33, 0.0, -1.33, -4.0, -9.33, -30.67)
HEAD = {
    "channels": str(len(ELEVATIONS)),
    "range": "80",
    "points_per_second": str(len(ELEVATIONS) * COLUMNS * 20),
    "rotation_frequency": "20",
    "avsynth.elevations": " ".join(map(str, ELEVATIONS)),
}
BUILDINGS, CAR = 3, 14


class Measured:
    """A message of the sensor: what was met, and the facts of each hit, both by channel from the top."""

    def __init__(self, data: carla.SemanticLidarMeasurement) -> None:
        rows = np.frombuffer(data.raw_data, dtype=POINT)
        counts = [data.get_point_count(k) for k in range(data.channels)]
        half = data.channels // 2
        assert counts[:half] == counts[half:]
        self.hits, facts = rows[: len(rows) // 2], rows[len(rows) // 2 :]
        self.channel = np.repeat(np.arange(half), counts[:half])
        # x forward, y left, z up
        self.points = np.stack([self.hits["x"], -self.hits["y"], self.hits["z"]], axis=1).astype(float)
        self.time_s, self.weight, self.transmission = facts["x"].astype(float), facts["y"], facts["z"]
        self.column, self.number, self.material = facts["cos"].astype(int), facts["id"], facts["tag"]
        self.pose, self.raw = matrix_from_transform(data.transform), bytes(data.raw_data)


def one(stage: Stage, **attributes: str) -> Measured:
    sensor = stage.attach("avsynth.lidar.device", **{**HEAD, **attributes})
    stage.world.tick()
    return Measured(stage.next(sensor))


def pose_between(last: Array, now: Array, share: float) -> Array:
    start, end = Quaternion(matrix=last[:3, :3]), Quaternion(matrix=now[:3, :3])
    mixed = Quaternion.slerp(start, end, share).rotation_matrix
    return rigid(mixed, last[:3, 3] + share * (now[:3, 3] - last[:3, 3]))


def test_rings_are_at_the_elevations_of_the_table_and_columns_at_their_azimuths(stage):
    offsets = (1.0, -1.0, 0.5, 0.0, 0.0, 0.25, -2.0, 0.0)
    seen = one(stage, **{"avsynth.azimuths": " ".join(map(str, offsets))})
    x, y, z = seen.points.T

    assert set(seen.channel) >= set(range(2, 8))
    elevation = np.degrees(np.arctan2(z, np.hypot(x, y)))
    assert np.abs(elevation - np.array(ELEVATIONS)[seen.channel]).max() < 0.02
    wanted = 180.0 - seen.column / COLUMNS * 360.0 + np.array(offsets)[seen.channel]
    off = (np.degrees(np.arctan2(y, x)) - wanted + 180.0) % 360.0 - 180.0
    assert np.abs(off).max() < 0.02
    order = np.lexsort((seen.number, seen.column, seen.channel))
    assert (order == np.arange(len(order))).all()
    assert (seen.time_s == 0.0).all()


def test_glass_of_the_car_ahead_lets_beams_through_and_its_plate_throws_them_back(stage):
    fine = {"channels": "32", "points_per_second": str(32 * 1600 * 20), "avsynth.elevations": ""}
    seen = one(stage, **fine, upper_fov="0", lower_fov="-9")
    beam = seen.channel * 10_000 + seen.column
    car = seen.hits["id"] == stage.other.id
    glass = car & (seen.material == Material.GLASS)
    behind = (seen.number > 0) & np.isin(beam, beam[glass])

    assert {Material.PAINT, Material.RETRO} <= set(seen.material[car])
    assert set(seen.hits["tag"][car]) == {CAR}
    assert glass.sum() > 20
    assert behind.sum() > 20
    assert (seen.transmission[behind] < 0.5).all()
    assert (seen.transmission[seen.number == 0] == 1.0).all()
    ranges = np.linalg.norm(seen.points, axis=1)
    assert (np.diff(ranges)[seen.number[1:] > 0] > 0.0).all()


def test_a_turn_in_motion_is_undistorted_by_the_times_of_its_points(stage):
    firing_us = np.arange(len(ELEVATIONS)) * 10.0
    moving = {"avsynth.motion": "true", "avsynth.firing_us": " ".join(map(str, firing_us))}
    sensor = stage.attach("avsynth.lidar.device", **HEAD, **moving)
    last = seen = None
    for _ in range(4):
        stage.ego.set_target_velocity(stage.place.get_forward_vector() * 9.0)
        stage.ego.set_target_angular_velocity(carla.Vector3D(z=40.0))
        stage.world.tick()
        last, seen = seen, Measured(stage.next(sensor))

    wanted = TICK_S * (seen.column / COLUMNS - 1.0) + firing_us[seen.channel] / 1e6
    assert np.abs(seen.time_s - wanted).max() < 1e-7
    assert np.linalg.norm(seen.pose[:3, 3] - last.pose[:3, 3]) > 0.3
    walls = np.flatnonzero((seen.hits["tag"] == BUILDINGS) & (seen.number == 0) & (seen.time_s < -TICK_S / 2.0))
    assert len(walls) > 100
    gaps, naive = [], []
    for k in walls[:: len(walls) // 60]:
        pose = pose_between(last.pose, seen.pose, 1.0 + seen.time_s[k] / TICK_S)
        point = apply(pose, seen.points[k])
        away = np.linalg.norm(point - pose[:3, 3])
        gaps.append(abs(range_to(stage, pose[:3, 3], point) - away))
        # as if the whole turn were of this frame
        direction = seen.pose[:3, :3] @ seen.points[k] / away
        naive.append(abs(range_to(stage, seen.pose[:3, 3], seen.pose[:3, 3] + direction * away) - away))
    assert max(gaps) < 0.03
    assert np.median(naive) > 0.05


def range_to(stage: Stage, start: Array, point: Array) -> float:
    """How far the town is from `start` towards a point (3,), as the simulator tells a client that casts a ray."""
    end = start + (point - start) * 1.5
    first, last = location_from_point(start), location_from_point(end)
    met = [label for label in stage.world.cast_ray(first, last) if label.label == carla.CityObjectLabel.Buildings]
    return first.distance(met[0].location) if met else np.inf


def test_beams_that_widen_meet_several_things_at_edges_only(stage):
    thin, wide = one(stage), one(stage, **{"avsynth.divergence_mrad": "3"})

    assert (thin.weight == 1.0).all()
    assert (thin.number[thin.transmission == 1.0] == 0).all()
    mixed = wide.weight < 1.0
    assert 20 < mixed.sum() < len(mixed) / 2
    beam = wide.channel * COLUMNS + wide.column
    clear = wide.transmission == 1.0
    assert np.bincount(beam[clear], wide.weight[clear]).max() < 1.0 + 1e-5
    assert (wide.number[mixed & clear] == 1).any()


def test_the_same_drive_gives_the_same_bytes(client):
    def drive() -> list[bytes]:
        stage = Stage(client)
        sensor = stage.attach(
            "avsynth.lidar.device", **HEAD, **{"avsynth.motion": "true", "avsynth.divergence_mrad": "3"}
        )
        stage.ego.apply_control(carla.VehicleControl(throttle=1.0, steer=-0.1))
        data: list[Any] = []
        for _ in range(10):
            stage.world.tick()
            data.append(Measured(stage.next(sensor)).raw)
        stage.clear()
        return data

    assert drive() == drive()


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"avsynth.elevations": "1 0 -1"}, r"avsynth.elevations = '1 0 -1'; want nothing, or 8 numbers from -90 to 90"),
        ({"avsynth.azimuths": "a b"}, r"avsynth.azimuths = 'a b'; want nothing, or 8 numbers"),
        ({"avsynth.elevations": "1 2 3 4 5 6 7 8"}, r"want the highest beam first"),
        ({"avsynth.divergence_mrad": "-1"}, r"avsynth.divergence_mrad = '-1'; want a number from 0 to 100"),
    ],
)
def test_tables_that_do_not_fit_are_refused_by_name(stage, attributes, message):
    with pytest.raises(RuntimeError, match=message):
        stage.attach("avsynth.lidar.device", **{**HEAD, **attributes})


def test_a_column_that_takes_longer_than_the_tick_has_for_it_fails_the_frame(stage):
    late = " ".join(str(100.0 * k) for k in range(len(ELEVATIONS)))
    stage.attach("avsynth.lidar.device", **HEAD, **{"avsynth.firing_us": late})

    stage.world.tick()
    with pytest.raises(RuntimeError, match=r"firing_us takes longer than one of 400 columns .* want 125.00 us at most"):
        stage.world.tick()
