import numpy as np
from nuscenes.utils.data_classes import LidarPointCloud, RadarPointCloud

from av_synth.capture import CameraImage, LidarScan, RadarScan
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
    import cv2

    bgra = np.zeros((32, 64, 4), np.uint8)
    bgra[:16, :, 2] = 255
    read = cv2.imdecode(np.frombuffer(encode.jpeg(CameraImage(bgra)), np.uint8), cv2.IMREAD_COLOR)

    assert read.shape == (32, 64, 3)
    assert read[4, 32, 2] > 240
    assert read[4, 32, 0] < 20
    assert read[28, 32].max() < 20
