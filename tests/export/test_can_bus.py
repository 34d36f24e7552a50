"""CAN bus messages: what the log says, at the messages' own rates, in the units that nuScenes has."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from av_synth.errors import DataError
from av_synth.export.nuscenes import RunNames
from av_synth.geometry.transforms import Array, from_yaw
from tests.export.as_nuscenes import export
from tests.export.small_towns import even_spiral_town
from tests.export.synthetic_run import (
    EGO_ID,
    EGO_WHEELBASE_M,
    LAST_FRAME,
    SENSORS,
    TICK_US,
    Rows,
    SyntheticTown,
    build_run,
    pose_columns,
)

TINY = tuple(s for s in SENSORS if s.channel == "LIDAR_TOP")
TYRE_RADIUS_M = 0.305
G = 9.80665
Way = Callable[[float], tuple[Array, Array]]


def drive(way: Way) -> Callable[[Rows], None]:
    """A change of a synthetic run: its ego has the pose (4, 4) and the velocity (3,) that `way` gives at a time."""

    def change(rows: Rows) -> None:
        for row in rows["ego_poses"]:
            pose, velocity = way(float(str(row["time_us"])) * 1e-6)
            row.update(pose_columns(pose), **dict(zip(("vx_mps", "vy_mps", "vz_mps"), velocity.tolist(), strict=True)))
        for row in rows["states"]:
            if row["actor_id"] == EGO_ID:
                pose, _ = way(float(str(row["time_us"])) * 1e-6)
                row.update(pose_columns(pose @ from_yaw(EGO_WHEELBASE_M / 2, 0.0, 0.0, 0.0)))

    return change


def circle(radius_m: float, speed_mps: float) -> Way:
    """To the left for a positive radius."""

    def way(t: float) -> tuple[Array, Array]:
        yaw = speed_mps * t / radius_m
        pose = from_yaw(80.0 + radius_m * math.sin(yaw), 40.0 + radius_m * (1 - math.cos(yaw)), 0.0, yaw)
        return pose, pose[:3, 0] * speed_mps

    return way


def braking(speed_mps: float, deceleration_mps2: float) -> Way:
    """Straight ahead until it stands."""

    def way(t: float) -> tuple[Array, Array]:
        t = min(t, speed_mps / deceleration_mps2)
        pose = from_yaw(80.0 + speed_mps * t - deceleration_mps2 * t * t / 2, 38.0, 0.0, 0.0)
        return pose, pose[:3, 0] * (speed_mps - deceleration_mps2 * t)

    return way


def messages(
    tmp_path: Path, change: Callable[[Rows], None] | None = None, town: SyntheticTown | None = None
) -> dict[str, Any]:
    """The files of one scene, by message."""
    run = build_run(tmp_path / "store", 0, town, sensors=TINY, change=change)
    folder = export([run], tmp_path / "dataset") / "can_bus"
    files = {path.stem.removeprefix("scene-0001_"): json.loads(path.read_text()) for path in folder.iterdir()}
    assert len(files) == 8
    return files


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Of a run that nothing was changed in."""
    return messages(tmp_path_factory.mktemp("plain"))


def column(rows: Any, key: str) -> Array:
    return np.array([row[key] for row in rows], dtype=float)


def test_messages_lie_on_both_sides_of_every_keyframe_at_their_own_rate(tmp_path: Path) -> None:
    files = messages(tmp_path)
    names = RunNames(next((tmp_path / "store/runs").iterdir()).name)
    keyframes = [names.timestamp(frame * TICK_US) for frame in range(0, LAST_FRAME + 1, 10)]
    for message, hertz in {"pose": 50, "ms_imu": 100, "steeranglefeedback": 100, "zoe_veh_info": 100}.items():
        times = column(files[message], "utime")
        assert set(np.diff(times)) == {1e6 / hertz}
        assert times[0] < keyframes[0]
        assert times[-1] > keyframes[-1]
        assert set(keyframes) <= set(times)
    assert column(files["vehicle_monitor"], "utime").tolist() == keyframes


def test_pose_has_its_keys_in_the_order_that_readers_concatenate(plain: dict[str, Any]) -> None:
    pose = plain["pose"][0]
    assert list(pose) == ["accel", "orientation", "pos", "rotation_rate", "utime", "vel"]
    assert [len(pose[key]) for key in pose if key != "utime"] == [3, 4, 3, 3, 3]


def test_a_steady_left_turn_is_one_in_every_message(tmp_path: Path) -> None:
    radius_m, speed_mps = 20.0, 8.0
    files = messages(tmp_path, drive(circle(radius_m, speed_mps)))
    middle = files["pose"][len(files["pose"]) // 2]
    assert middle["vel"] == pytest.approx([speed_mps, 0.0, 0.0], abs=2e-3)
    assert middle["accel"] == pytest.approx([0.0, speed_mps**2 / radius_m, G], abs=1e-2)
    assert middle["rotation_rate"] == pytest.approx([0.0, 0.0, speed_mps / radius_m], abs=1e-6)
    steering_rad = 16.0 * math.atan(EGO_WHEELBASE_M / radius_m)
    assert column(files["steeranglefeedback"], "value") == pytest.approx(steering_rad, rel=1e-3)
    wheels = files["zoe_veh_info"][100]
    half_track_m = (1.73 - 0.195) / 2
    for key, along, across in (
        ("RL_wheel_speed", radius_m - half_track_m, 0.0),
        ("RR_wheel_speed", radius_m + half_track_m, 0.0),
        ("FL_wheel_speed", radius_m - half_track_m, EGO_WHEELBASE_M),
        ("FR_wheel_speed", radius_m + half_track_m, EGO_WHEELBASE_M),
    ):
        speed = math.hypot(along, across) * speed_mps / radius_m
        assert wheels[key] == pytest.approx(speed / (2 * math.pi * TYRE_RADIUS_M) * 60, abs=0.1)
    assert wheels["transversal_accel"] == pytest.approx(speed_mps**2 / radius_m / G, abs=0.004)
    monitor = files["vehicle_monitor"][1]
    assert monitor["yaw_rate"] == pytest.approx(math.degrees(speed_mps / radius_m), abs=0.05)
    assert monitor["steering"] == pytest.approx(math.degrees(steering_rad), abs=0.2)
    assert monitor["vehicle_speed"] == pytest.approx(speed_mps * 3.6, abs=0.01)


def test_a_right_turn_has_the_other_signs(tmp_path: Path) -> None:
    files = messages(tmp_path, drive(circle(-20.0, 8.0)))
    assert column(files["steeranglefeedback"], "value").max() < 0
    assert column(files["pose"], "accel")[:, 1].max() < 0
    assert column(files["zoesensors"], "steering_sensor").max() < 0.214


def test_poses_between_the_ticks_are_where_the_ego_was(tmp_path: Path) -> None:
    """A Hermite curve is exact at even acceleration; the corner where the car comes to rest rounds by millimetres."""
    way = braking(8.0, 7.0)
    names = RunNames(build_run(tmp_path / "other", 0, sensors=TINY).name)
    poses = messages(tmp_path, drive(way))["pose"][1:-1]
    assert len(poses) > 50
    for pose in poses:
        true, _ = way((pose["utime"] - names.timestamp(0)) * 1e-6)
        assert pose["pos"] == pytest.approx(true[:3, 3], abs=2e-3)


def test_wheel_speeds_add_up_to_the_way(tmp_path: Path) -> None:
    way = braking(8.0, 7.0)
    wheels = messages(tmp_path, drive(way))["zoe_veh_info"]
    seconds = column(wheels, "utime") * 1e-6
    speed = column(wheels, "RL_wheel_speed") / 60 * 2 * math.pi * TYRE_RADIUS_M
    driven = float((speed[1:] + speed[:-1]) @ np.diff(seconds)) / 2
    assert driven == pytest.approx(8.0 * 0.02 + 8.0**2 / 7.0 / 2, rel=0.01)
    assert sum(np.diff(column(wheels, "odom")) % 125) / 100 == pytest.approx(driven, rel=0.01)


def test_a_car_that_stands_has_gravity_and_nothing_else(tmp_path: Path) -> None:
    files = messages(tmp_path, drive(lambda t: (from_yaw(80.0, 38.0, 0.0, 1.0), np.zeros(3))))
    assert column(files["pose"], "accel") == pytest.approx(np.tile([0.0, 0.0, G], (len(files["pose"]), 1)), abs=1e-5)
    for message, key in (("pose", "vel"), ("pose", "rotation_rate"), ("steeranglefeedback", "value")):
        assert not column(files[message], key).any()
    assert len(files["route"]) >= 2


def test_pedals_are_those_of_the_tick_in_which_they_acted(tmp_path: Path) -> None:
    def brake(rows: Rows) -> None:
        for row in rows["controls"]:
            row.update(throttle=0.0 if float(str(row["frame"])) >= 10 else 0.4, brake=float(row["frame"] == 20))

    files = messages(tmp_path, brake)
    assert column(files["vehicle_monitor"], "throttle").tolist() == [400, 0, 0, 0]
    assert column(files["vehicle_monitor"], "brake").tolist() == [0, 0, 126, 0]
    assert column(files["vehicle_monitor"], "brake_switch").tolist() == [1, 1, 3, 1]
    pressed = np.flatnonzero(column(files["zoesensors"], "brake_sensor") > 0.2)
    times = (column(files["zoesensors"], "utime")[pressed] - column(files["vehicle_monitor"], "utime")[0]) / 1000
    assert times.tolist() == [960, 970, 980, 990, 1000]


def test_a_run_without_controls_has_its_pedals_at_rest(tmp_path: Path) -> None:
    files = messages(tmp_path, lambda rows: rows["controls"].clear())
    assert not column(files["zoe_veh_info"], "pedal_cc").any()


def test_meta_counts_and_measures_every_message(plain: dict[str, Any]) -> None:
    files = plain
    meta = files["meta"]
    assert set(meta) == set(files) - {"meta", "route"}
    assert (meta["pose"]["message_freq"], meta["pose"]["message_count"]) == (50.0, len(files["pose"]))
    for message, stats in meta.items():
        assert set(stats["var_stats"]) == set(files[message][0])
    speeds = column(files["pose"], "vel")
    told = meta["pose"]["var_stats"]["vel"]
    assert (told["max"], told["min_diff"]) == (speeds.max(), np.diff(speeds, axis=0).min())


def test_what_no_log_knows_is_zero(plain: dict[str, Any]) -> None:
    files = plain
    unknown = {
        "vehicle_monitor": ("available_distance", "battery_level", "left_signal", "right_signal"),
        "zoe_veh_info": ("left_solar", "right_solar", "regen", "meanEffTorque", "requestedTorqueAfterProc"),
    }
    for message, keys in unknown.items():
        assert not any(column(files[message], key).any() for key in keys)


def test_the_route_goes_50_m_beyond_the_scene_on_the_egos_lane(plain: dict[str, Any]) -> None:
    """The synthetic ego starts 40 m from the road's beginning, in a lane whose middle is at y = 38.25."""
    files = plain
    route, poses = np.array(files["route"]), column(files["pose"], "pos")[:, :2]
    assert np.abs(route[:, None] - poses).sum(axis=2).min(axis=0).max() < 0.6
    assert route[0] == pytest.approx([poses[0, 0] - 40.0, 38.25], abs=2.0)
    assert route[-1] == pytest.approx([poses[-1, 0] + 50.0, 38.25], abs=0.5)
    assert np.hypot(*np.diff(route, axis=0).T).max() < 2.5


@dataclass(frozen=True)
class Bend(SyntheticTown):
    """A spiral of one curvature, of which CARLA 0.9.16 knows no place; its lanes begin where the ego does."""

    origin_m: tuple[float, float] = (-10.0, 30.0)

    @property
    def opendrive(self) -> str:
        return even_spiral_town()


def test_the_route_is_on_the_same_lanes_as_the_map(tmp_path: Path) -> None:
    files = messages(tmp_path, town=Bend())

    route, poses = np.array(files["route"]), column(files["pose"], "pos")[:, :2]
    assert np.abs(route[:, None] - poses).sum(axis=2).min(axis=0).max() < 0.6


def test_a_run_that_does_not_say_who_the_ego_is_is_refused(tmp_path: Path) -> None:
    def forget(rows: Rows) -> None:
        rows["actors"] = [row for row in rows["actors"] if not row["is_ego"]]

    run = build_run(tmp_path / "store", 0, sensors=TINY, change=forget)
    with pytest.raises(DataError, match="0 rows with is_ego; want one"):
        export([run], tmp_path / "dataset")


@pytest.mark.parametrize(
    ("actor_id", "message"), [(1, "no row of the ego at frame 0"), (2, "no row of actor 2 at frame 0")]
)
def test_a_run_without_the_states_of_an_actor_is_refused(tmp_path: Path, actor_id: int, message: str) -> None:
    def forget(rows: Rows) -> None:
        rows["states"] = [row for row in rows["states"] if row["actor_id"] != actor_id]

    run = build_run(tmp_path / "store", 0, sensors=TINY, change=forget)
    with pytest.raises(DataError, match=message):
        export([run], tmp_path / "dataset")
