import zipfile
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from nuscenes.utils.data_classes import LidarPointCloud, RadarPointCloud
from nuscenes.utils.data_io import load_bin_file

from av_synth.capture import CameraImage, LidarScan, RadarDetails, RadarScan
from av_synth.errors import DataError
from av_synth.log.taxonomy import RADAR_TRUTH
from av_synth.run import encode


def test_the_devkit_reads_our_lidar_back(tmp_path):
    rng = np.random.default_rng(1)
    points = rng.uniform(-50, 50, (100, 3)).astype("f4")
    rings = np.arange(100, dtype="u1") % 32
    scan = LidarScan(points, np.ones(100, "f4"), rings, np.zeros(100, "u4"), np.zeros(100, "u1"))
    path = tmp_path / "scan.pcd.bin"
    path.write_bytes(encode.lidar_bin(scan))

    assert path.stat().st_size == 100 * 5 * 4
    np.testing.assert_array_equal(LidarPointCloud.from_file(str(path)).points[:3].T, points)


def test_the_devkit_reads_our_radar_back_and_velocities_are_compensated(tmp_path):
    # the radar drives at 10 m/s; a wall ahead stands, a car ahead at 4 m/s is caught up with at 6
    scan = RadarScan(np.array([[20.0, 0.0, 0.0], [30.0, 0.0, 0.0]], "f4"), np.array([-10.0, -6.0], "f4"))
    path = tmp_path / "scan.pcd"
    path.write_bytes(encode.radar_pcd(scan, np.array([10.0, 0.0, 0.0])))
    RadarPointCloud.default_filters()
    read = RadarPointCloud.from_file(str(path)).points

    np.testing.assert_allclose(read[0], [20.0, 30.0])
    np.testing.assert_allclose(read[6], [-10.0, -6.0])
    np.testing.assert_allclose(read[8], [0.0, 4.0], atol=1e-6)
    assert read[3].tolist() == [1.0, 0.0]


def test_an_empty_radar_scan_is_a_file_that_the_devkit_reads_as_empty(tmp_path):
    path = tmp_path / "scan.pcd"
    path.write_bytes(encode.radar_pcd(RadarScan(np.zeros((0, 3), "f4"), np.zeros(0, "f4")), np.zeros(3)))

    assert RadarPointCloud.from_file(str(path)).nbr_points() == 0


def test_jpeg_keeps_red_red_and_the_top_on_top():
    bgra = np.zeros((32, 64, 4), np.uint8)
    bgra[:16, :, 2] = 255
    read = cv2.imdecode(np.frombuffer(encode.jpeg(CameraImage(bgra)), np.uint8), cv2.IMREAD_COLOR)

    assert read.shape == (32, 64, 3)
    assert read[4, 32, 2] > 240
    assert read[4, 32, 0] < 20
    assert read[28, 32].max() < 20


def decoded(data: bytes):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


def test_semantic_images_come_back_as_they_were():
    tag = np.random.default_rng(0).integers(0, 29, (45, 80)).astype("u1")
    np.testing.assert_array_equal(decoded(encode.semantic_png(tag)), tag)


@settings(max_examples=30, deadline=None)
@given(depth=arrays.arrays(np.float32, (5, 7), elements=st.floats(0, 1000, width=32)))
def test_depth_images_are_in_centimetres_and_zero_where_it_is_too_far(depth):
    read = decoded(encode.depth_png(depth))
    far = depth > 655.355

    assert read.dtype == np.uint16
    assert (read[far] == 0).all()
    np.testing.assert_allclose(read[~far] / 100.0, depth[~far], atol=0.0051)


def test_depth_images_of_a_sky_and_of_no_number_are_zero():
    depth = np.array([[1000.0, np.inf, np.nan, 655.35, 655.36]], "f4")
    assert decoded(encode.depth_png(depth)).tolist() == [[0, 0, 0, 65535, 0]]


def test_flow_images_are_kittis():
    flow = np.zeros((400, 1024, 2), "f4")
    flow[0, :5, 0] = [0.0, 1.5, -511.0, 512.0, np.nan]
    flow[0, :5, 1] = [0.0, -2.25, 100.0, 0.0, 0.0]
    blue, green, red = (channel[0, :5] for channel in cv2.split(decoded(encode.flow_png(flow))))

    # as KITTI's own reader turns them back: (code - 2^15) / 64 where valid
    assert blue.tolist() == [1, 1, 1, 0, 0]
    np.testing.assert_allclose((red[:3] - 32768.0) / 64.0, [0.0, 1.5, -511.0])
    np.testing.assert_allclose((green[:3] - 32768.0) / 64.0, [0.0, -2.25, 100.0])
    assert red[3:].tolist() == green[3:].tolist() == [0, 0]


def test_flow_as_large_as_the_image_is_not_valid():
    flow = np.zeros((40, 60, 2), "f4")
    flow[0, :4] = [(59.9, 0.0), (60.0, 0.0), (0.0, -39.9), (0.0, -40.0)]
    assert decoded(encode.flow_png(flow))[0, :5, 0].tolist() == [1, 0, 1, 0, 1]


def test_panoptic_files_are_read_by_the_devkit_and_carry_no_time(tmp_path):
    labels = np.array([0, 17001, 31000, 999], np.uint16)
    path = tmp_path / "panoptic.npz"
    path.write_bytes(encode.panoptic_npz(labels))

    read = load_bin_file(str(path), type="panoptic")
    np.testing.assert_array_equal(read, labels)
    assert read.dtype == np.uint16
    with zipfile.ZipFile(path) as archive:
        assert [(each.filename, each.date_time) for each in archive.infolist()] == [("data.npy", (1980, 1, 1, 0, 0, 0))]


def test_times_of_points_are_whole_microseconds_with_echo_and_weather():
    points, flat = np.zeros((3, 3), "f4"), np.zeros(3)
    turn = LidarScan(points, flat.astype("f4"), flat.astype("u1"), flat.astype("u4"), flat.astype("u1"))
    device = replace(
        turn,
        time_s=np.array([-0.05, -0.0123456, 0.0], "f4"),
        echo=np.array([0, 1, 2], "u1"),
        is_weather=np.array([False, True, False]),
    )

    told = np.frombuffer(encode.lidar_times(device), [("time_us", "<i4"), ("echo", "u1"), ("weather", "u1")])

    assert told.tolist() == [(-50_000, 0, 0), (-12_346, 1, 1), (0, 2, 0)]
    with pytest.raises(DataError, match="a lidar scan has no times"):
        encode.lidar_times(turn)


def test_a_radar_that_is_a_device_tells_codes_of_nuscenes_tables(tmp_path):
    # weak clutter that is recognised, a recognised ghost, an unrecognised one, a strong return and two weak ones
    margin = np.array([2.0, 9.0, 9.0, 20.0, 2.0, 0.5], "f4")
    known = np.array([1, 1, 0, 0, 0, 0], bool)
    origin = np.array([2, 3, 3, 0, 0, 1], "u1")
    sigma = np.array([0.004, 0.1, 0.3, 1.0, 4.0, 20.0], "f4")
    rcs, track, actors = np.arange(6) * np.float32(0.5), np.arange(6) + 32_760, np.arange(6).astype("u4")
    details = RadarDetails(sigma, 0 * sigma, sigma, rcs, margin, known, track, origin, actors, origin)
    scan = RadarScan(np.tile(np.array([[10.0, 0.0, 0.0]], "f4"), (6, 1)), np.full(6, -5.0, "f4"), details)
    path = tmp_path / "scan.pcd"
    path.write_bytes(encode.radar_pcd(scan, np.zeros(3)))
    RadarPointCloud.disable_filters()
    try:
        read = RadarPointCloud.from_file(str(path)).points
    finally:
        RadarPointCloud.default_filters()

    assert read[3].tolist() == origin.tolist()  # dyn_prop
    assert read[4].tolist() == track.tolist()
    assert read[5].tolist() == rcs.tolist()
    assert read[10].tolist() == [0, 1, 1, 1, 0, 0]  # is_quality_valid
    assert read[11].tolist() == [3, 3, 3, 3, 3, 1]  # ambig_state
    assert read[14].tolist() == [1, 6, 0, 0, 0, 0]  # invalid_state
    assert read[15].tolist() == [5, 5, 1, 1, 3, 3]  # pdh0
    # Continental's table: below 0.005, 0.105, 0.371, 1.023, 4.676, none
    for row in (12, 16):
        assert read[row].tolist() == [0, 12, 17, 21, 27, 31]
    truth = np.frombuffer(encode.radar_truth(details), RADAR_TRUTH)
    assert truth["actor_id"].tolist() == actors.tolist()
    assert truth["origin"].tolist() == origin.tolist()
