"""A rig's sensors on a simulator: spawned, joined on the exact frame, one FrameSet a tick."""

from av_synth.capture.faults import SensorFaults
from av_synth.capture.frameset import CameraImage, Extent, FrameSet, LabelImage, LidarScan, RadarDetails, RadarScan
from av_synth.capture.lidar_devices import LidarDevices
from av_synth.capture.radar_devices import RadarDevices
from av_synth.capture.sensors import SensorArray, lead_ticks
from av_synth.capture.traces import CameraTraces

__all__ = [
    "CameraImage",
    "CameraTraces",
    "Extent",
    "FrameSet",
    "LabelImage",
    "LidarDevices",
    "LidarScan",
    "RadarDetails",
    "RadarDevices",
    "RadarScan",
    "SensorArray",
    "SensorFaults",
    "lead_ticks",
]
