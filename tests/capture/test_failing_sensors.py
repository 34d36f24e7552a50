"""Faults put into what sensors saw: on which sensors, from when on, and the same in every run of a seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from av_synth import rig as rigs
from av_synth.capture import CameraImage, FrameSet, LidarScan, RadarDetails, RadarScan, SensorFaults
from av_synth.director.faults import Faults
from av_synth.log.state import WorldState
from av_synth.scenario.faults import Fault, FaultInForce

RIG = rigs.load("tiny")


def frames(index: int) -> FrameSet:
    """What all sensors of the tiny rig see at a frame: another value in each."""
    turn = np.linspace(0.0, 2 * np.pi, 160, endpoint=False)
    points = np.stack([np.cos(turn), np.sin(turn), 0 * turn], axis=1).astype(np.float32) * (10 + index)
    ring = np.arange(160, dtype=np.uint8) % 16
    of_a_device = (-turn.astype(np.float32), ring, ring > 14, -points)
    lidar = LidarScan(points, turn.astype(np.float32), ring, np.arange(160, dtype=np.uint32), ring, *of_a_device)
    image = np.full((18, 32, 4), 100 + index, dtype=np.uint8)
    radar = RadarScan(np.abs(points[:20]), turn[:20].astype(np.float32))
    cameras = {"CAM_FRONT": CameraImage(image), "CAM_BACK": CameraImage(image)} if index % 2 == 0 else {}
    state = WorldState(index, index * 50_000, {}, {})
    return FrameSet(index, state, np.eye(4), index == 0, cameras, {}, {"LIDAR_TOP": lidar}, {"RADAR_FRONT": radar})


def put(*faults: Fault, seed: int = 0) -> SensorFaults:
    return SensorFaults("test", seed, RIG)


def in_force(*faults: Fault) -> tuple[FaultInForce, ...]:
    return tuple(FaultInForce(number, fault) for number, fault in enumerate(faults))


def test_without_faults_all_is_as_it_was():
    seen = frames(2)

    found = put().apply(seen, ())

    assert found.cameras == seen.cameras
    assert found.lidars["LIDAR_TOP"] is found.true_lidars["LIDAR_TOP"] is seen.lidars["LIDAR_TOP"]
    assert found.radars == seen.radars


def test_a_fault_of_one_channel_leaves_the_others_and_the_truth_as_they_were():
    seen = frames(2)

    faults = (Fault(sensor="CAM_BACK", kind="blackout"), Fault(sensor="LIDAR_TOP", kind="blackout"))
    found = put().apply(seen, in_force(*faults))

    assert found.cameras["CAM_BACK"].bgra.max() == 0
    assert found.cameras["CAM_FRONT"] is seen.cameras["CAM_FRONT"]
    assert {len(column) for column in vars(found.lidars["LIDAR_TOP"]).values()} == {0}
    assert found.true_lidars["LIDAR_TOP"] is seen.lidars["LIDAR_TOP"]
    assert found.radars == seen.radars


def test_every_column_of_a_turn_loses_the_same_points():
    sector = Fault(sensor="lidar", kind="sector", from_deg=-90, to_deg=90)

    turn = put().apply(frames(0), in_force(sector)).lidars["LIDAR_TOP"]

    before = frames(0).lidars["LIDAR_TOP"]
    left = turn.actor_id.astype(int)
    assert 78 <= len(left) <= 82
    assert all(np.array_equal(getattr(turn, name), values[left]) for name, values in vars(before).items())
    assert turn.points_m[:, 1].max() < 1.0  # nothing is ahead, where nuScenes' LIDAR_TOP has y


def test_a_frozen_sensor_records_its_last_good_data_until_it_is_over():
    spoilt, faults = put(), Faults()
    faults.begin(Fault(sensor="camera", kind="frozen"), 0.2, 150_000)

    values = {}
    for index in range(10):
        found = spoilt.apply(frames(index), faults.at(index * 50_000))
        if found.cameras:
            values[index] = int(found.cameras["CAM_FRONT"].bgra[0, 0, 0])

    # frame 7 is good again, frame 8 the first one of the camera after it
    assert values == {0: 100, 2: 102, 4: 102, 6: 102, 8: 108}


def test_a_sensor_frozen_from_the_start_keeps_its_first_data():
    spoilt, frozen = put(), in_force(Fault(sensor="all", kind="frozen"))

    found = [spoilt.apply(frames(index), frozen).lidars["LIDAR_TOP"].points_m for index in range(3)]

    assert np.array_equal(found[0], frames(0).lidars["LIDAR_TOP"].points_m)
    assert found[1] is found[0]
    assert found[2] is found[0]


def test_chance_is_of_seed_channel_and_frame_and_lasting_faults_do_not_change():
    noise = in_force(Fault(sensor="camera", kind="noise", sigma=20), Fault(sensor="lidar", kind="beam_loss", share=0.5))

    def images(seed: int, index: int) -> list[np.ndarray]:
        found = SensorFaults("test", seed, RIG).apply(frames(index), noise)
        return [image.bgra - frames(index).cameras["CAM_FRONT"].bgra for image in found.cameras.values()]

    def beams(index: int) -> set[int]:
        return set(SensorFaults("test", 0, RIG).apply(frames(index), noise).lidars["LIDAR_TOP"].ring.tolist())

    front, back = images(0, 2)
    assert np.array_equal(front, images(0, 2)[0])
    assert not any(np.array_equal(front, other) for other in (back, images(1, 2)[0], images(0, 4)[0]))
    assert beams(2) == beams(3)
    assert len(beams(2)) == 8


def test_faults_of_one_sensor_add_up_in_their_order():
    dark_then_noisy = (
        Fault(sensor="camera", kind="brightness", stops=-10),
        Fault(sensor="camera", kind="noise", sigma=9),
    )

    noisy = put().apply(frames(0), in_force(*dark_then_noisy)).cameras["CAM_FRONT"].bgra[..., :3]
    black = put().apply(frames(0), in_force(*reversed(dark_then_noisy))).cameras["CAM_FRONT"].bgra[..., :3]

    assert noisy.max() > 10
    assert black.max() <= 1


@pytest.mark.parametrize(
    ("fault", "returns"),
    [
        (Fault(sensor="radar", kind="blackout"), 0),
        (Fault(sensor="radar", kind="drop", share=1), 0),
        (Fault(sensor="radar", kind="ghosts", count=7), 27),
        (Fault(sensor="radar", kind="range_noise", sigma_m=0.5), 20),
    ],
)
def test_a_radar_loses_or_gains_whole_returns(fault, returns):
    scan = put().apply(frames(0), in_force(fault)).radars["RADAR_FRONT"]

    assert scan.points_m.shape == (returns, 3)
    assert scan.range_rate_mps.shape == (returns,)


def test_a_fault_is_in_force_from_its_frame_until_it_is_over():
    faults = Faults()

    over = [
        faults.begin(Fault(sensor="all", kind="blackout"), for_s, time_us)
        for for_s, time_us in ((0.5, 1_000_000), (None, 1_200_000))
    ]

    assert over == [1_500_000, None]
    in_turn = [[one.number for one in faults.at(at)] for at in (999_999, 1_000_000, 1_499_999, 1_500_000)]
    assert in_turn == [[], [0], [0, 1], [1]]


def test_a_lost_frame_is_not_there_and_a_lost_keyframe_is_empty():
    spoilt, lost = put(), in_force(Fault(sensor="all", kind="lost", share=1))

    key, between = (spoilt.apply(frames(index), lost) for index in (0, 2))

    assert key.lost == between.lost == {"CAM_FRONT", "CAM_BACK", "LIDAR_TOP", "RADAR_FRONT"}
    assert all(image.bgra.max() == 0 for image in key.cameras.values())
    assert len(key.cameras) == 2
    assert len(key.lidars["LIDAR_TOP"].points_m) == len(key.radars["RADAR_FRONT"].points_m) == 0
    assert (between.cameras, between.lidars, between.radars) == ({}, {}, {})
    assert between.true_lidars["LIDAR_TOP"] is not None


def test_each_frame_of_each_sensor_is_lost_by_itself():
    spoilt, lost = put(), in_force(Fault(sensor="all", kind="lost", share=0.3))

    found = [spoilt.apply(replace(frames(1), index=index), lost).lost for index in range(400)]

    turns, scans = ({i for i, gone in enumerate(found) if name in gone} for name in ("LIDAR_TOP", "RADAR_FRONT"))
    assert 90 < len(turns) < 150
    assert 20 < len(turns & scans) < 55


def test_what_is_lost_is_not_what_a_frozen_sensor_repeats():
    spoilt = put()
    spoilt.apply(frames(0), ())
    lost, frozen = in_force(Fault(sensor="all", kind="lost", share=1), Fault(sensor="all", kind="frozen"))

    spoilt.apply(frames(2), (lost,))
    found = spoilt.apply(frames(4), (frozen,))

    assert found.cameras["CAM_FRONT"].bgra[0, 0, 0] == 100


def test_a_clock_is_off_trembles_and_never_goes_back():
    spoilt, faults = put(), Faults()
    faults.begin(Fault(sensor="LIDAR_TOP", kind="clock", offset_ms=120, jitter_ms=4), 1.0, 500_000)
    faults.begin(Fault(sensor="RADAR_FRONT", kind="clock", offset_ms=-180), None, 500_000)

    found = [spoilt.apply(frames(index), faults.at(index * 50_000)) for index in range(60)]

    told = {
        channel: [each.clocks_us.get(channel, each.state.time_us) for each in found]
        for channel in ("LIDAR_TOP", "RADAR_FRONT", "CAM_FRONT")
    }
    assert told["CAM_FRONT"] == [index * 50_000 for index in range(60)]
    assert all(np.diff(times).min() > 0 for times in told.values())
    off_ms = np.array([told["LIDAR_TOP"][index] / 1000 - index * 50 for index in range(10, 30)])
    assert off_ms.mean() == pytest.approx(120, abs=3)
    assert 2 < off_ms.std() < 6
    assert np.diff(told["LIDAR_TOP"][29:32]).tolist() == [1000, 1000]
    assert told["LIDAR_TOP"][33:] == [index * 50_000 for index in range(33, 60)]
    # 0.18 s back at 0.5 s: it waits until 0.45 s is over, then is behind
    assert told["RADAR_FRONT"][9:15] == [450_000, 451_000, 452_000, 453_000, 470_000, 520_000]


def of_device(n: int) -> RadarScan:
    """A scan of a radar that is a device, another value in each return."""
    column = np.arange(n, dtype=np.float32)
    flags, whole = column > 3, np.arange(n)
    details = RadarDetails(
        *(column + k for k in range(5)), flags, whole, *(whole.astype(f"u{size}") for size in (1, 4, 1))
    )
    return RadarScan(np.stack([column + 1, column, 0 * column], axis=1), column, details)


@pytest.mark.parametrize(
    ("fault", "left"),
    [({"kind": "blackout"}, 0), ({"kind": "drop", "share": 0.5}, None), ({"kind": "ghosts", "count": 7}, 27)],
)
def test_faults_of_radars_that_are_devices_take_and_add_all_of_a_return(fault, left):
    seen = of_device(20)
    before = frames(0)
    found = put().apply(
        FrameSet(**{**vars(before), "radars": {"RADAR_FRONT": seen}}), in_force(Fault(sensor="RADAR_FRONT", **fault))
    )
    scan = found.radars["RADAR_FRONT"]

    assert {len(scan.points_m), len(scan.range_rate_mps)} == {len(column) for column in vars(scan.details).values()}
    assert len(scan.points_m) == left or 4 < len(scan.points_m) < 16
    kept = min(len(scan.points_m), 20)
    for name, values in vars(seen.details).items():
        np.testing.assert_array_equal(
            getattr(scan.details, name)[:kept], values[scan.range_rate_mps[:kept].astype(int)]
        )
    assert (scan.details.origin[20:] == 3).all()  # in truth they are ghosts
    assert (scan.points_m[:, 2] == 0.0).all()
