"""Attributes of CARLA 0.9.16's sensor blueprints, with types and defaults, and the extensions of this simulator.

Source of names, types and defaults: CARLA, ActorBlueprintFunctionLibrary.cpp, DVSCamera.cpp and Docs/ref_sensors.md.
"""

from __future__ import annotations

from av_synth.simulator.world.model import Attribute, AttributeType

_B, _I, _F, _S = AttributeType.BOOL, AttributeType.INT, AttributeType.FLOAT, AttributeType.STRING

Row = tuple[str, AttributeType, str]

_TICK: tuple[Row, ...] = (("sensor_tick", _F, "0.0"),)
_LENS: tuple[Row, ...] = (
    ("image_size_x", _I, "800"),
    ("image_size_y", _I, "600"),
    ("fov", _F, "90.0"),
    ("lens_circle_falloff", _F, "5.0"),
    ("lens_circle_multiplier", _F, "0.0"),
    ("lens_k", _F, "-1.0"),
    ("lens_kcube", _F, "0.0"),
    ("lens_x_size", _F, "0.08"),
    ("lens_y_size", _F, "0.08"),
)
_EXPOSURE: tuple[Row, ...] = (
    ("exposure_compensation", _F, "0.0"),
    ("avsynth.exposure_ms", _F, "0.0"),
    ("shutter_speed", _F, "200.0"),
    ("iso", _F, "100.0"),
    ("fstop", _F, "1.4"),
    ("enable_postprocess_effects", _B, "true"),
    ("gamma", _F, "2.2"),
    ("motion_blur_intensity", _F, "0.45"),
    ("motion_blur_max_distortion", _F, "0.35"),
    ("motion_blur_min_object_screen_size", _F, "0.1"),
    ("lens_flare_intensity", _F, "0.1"),
    ("bloom_intensity", _F, "0.675"),
    ("exposure_min_bright", _F, "10.0"),
    ("exposure_max_bright", _F, "12.0"),
    ("exposure_speed_up", _F, "3.0"),
    ("exposure_speed_down", _F, "1.0"),
    ("calibration_constant", _F, "16.0"),
    ("focal_distance", _F, "1000.0"),
    ("min_fstop", _F, "1.2"),
    ("blade_count", _I, "5"),
    ("blur_amount", _F, "1.0"),
    ("blur_radius", _F, "0.0"),
    ("slope", _F, "0.88"),
    ("toe", _F, "0.55"),
    ("shoulder", _F, "0.26"),
    ("black_clip", _F, "0.0"),
    ("white_clip", _F, "0.04"),
    ("temp", _F, "6500.0"),
    ("tint", _F, "0.0"),
    ("chromatic_aberration_intensity", _F, "0.0"),
    ("chromatic_aberration_offset", _F, "0.0"),
)
_DVS: tuple[Row, ...] = (
    ("positive_threshold", _F, "0.3"),
    ("negative_threshold", _F, "0.3"),
    ("sigma_positive_threshold", _F, "0.0"),
    ("sigma_negative_threshold", _F, "0.0"),
    ("refractory_period_ns", _I, "0"),
    ("use_log", _B, "true"),
    ("log_eps", _F, "0.001"),
)
_SEMANTIC_LIDAR: tuple[Row, ...] = (
    ("channels", _I, "32"),
    ("range", _F, "10.0"),
    ("points_per_second", _I, "56000"),
    ("rotation_frequency", _F, "10.0"),
    ("upper_fov", _F, "10.0"),
    ("lower_fov", _F, "-30.0"),
    ("horizontal_fov", _F, "360.0"),
)
_BEAMS: tuple[Row, ...] = (
    ("avsynth.elevations", _S, ""),
    ("avsynth.azimuths", _S, ""),
    ("avsynth.firing_us", _S, ""),
    ("avsynth.divergence_mrad", _F, "0.0"),
    ("avsynth.motion", _B, "false"),
)
_LIDAR: tuple[Row, ...] = (
    *_SEMANTIC_LIDAR,
    ("atmosphere_attenuation_rate", _F, "0.004"),
    ("noise_seed", _I, "0"),
    ("dropoff_general_rate", _F, "0.45"),
    ("dropoff_intensity_limit", _F, "0.8"),
    ("dropoff_zero_intensity", _F, "0.4"),
    ("noise_stddev", _F, "0.0"),
)
_RADAR: tuple[Row, ...] = (
    ("horizontal_fov", _F, "30"),
    ("vertical_fov", _F, "30"),
    ("range", _F, "100"),
    ("points_per_second", _I, "1500"),
    ("noise_seed", _I, "0"),
)
_GRID_RADAR: tuple[Row, ...] = (
    *((name, kind, value) for name, kind, value in _RADAR if name in ("horizontal_fov", "vertical_fov", "range")),
    ("avsynth.near_range", _F, "70"),
    ("avsynth.far_fov", _F, "0.0"),
    ("avsynth.azimuth_step", _F, "0.5"),
    ("avsynth.far_azimuth_step", _F, "0.25"),
    ("avsynth.rows", _I, "24"),
)
_OBSTACLE: tuple[Row, ...] = (
    ("distance", _F, "5.0"),
    ("hit_radius", _F, "0.5"),
    ("only_dynamics", _B, "false"),
    ("debug_linetrace", _B, "false"),
)
_GNSS: tuple[Row, ...] = (
    ("noise_seed", _I, "0"),
    *((f"noise_{axis}_{kind}", _F, "0.0") for axis in ("lat", "lon", "alt") for kind in ("stddev", "bias")),
)
_IMU: tuple[Row, ...] = (
    ("noise_seed", _I, "0"),
    *((f"noise_{what}_{axis}", _F, "0.0") for what in ("accel_stddev", "gyro_stddev", "gyro_bias") for axis in "xyz"),
)
_RADIO: tuple[Row, ...] = (
    ("noise_seed", _I, "0"),
    ("transmit_power", _F, "21.5"),
    ("receiver_sensitivity", _F, "-99.0"),
    ("frequency_ghz", _F, "5.9"),
    ("combined_antenna_gain", _F, "10.0"),
    ("path_loss_exponent", _F, "2.7"),
    ("d_ref", _F, "1.0"),
    ("filter_distance", _F, "500.0"),
    ("use_etsi_fading", _B, "true"),
    ("custom_fading_stddev", _F, "0.0"),
)
_V2X: tuple[Row, ...] = (
    *_RADIO,
    ("gen_cam_min", _F, "0.1"),
    ("gen_cam_max", _F, "1.0"),
    ("fixed_rate", _B, "false"),
    *((f"noise_{axis}_{kind}", _F, "0.0") for axis in ("lat", "lon", "alt", "head") for kind in ("stddev", "bias")),
    *((f"noise_accel_stddev_{axis}", _F, "0.0") for axis in "xyz"),
    ("noise_yawrate_stddev", _F, "0.0"),
    ("noise_yawrate_bias", _F, "0.0"),
    ("noise_vel_stddev_x", _F, "0.0"),
)

# extensions (docs/reference/extensions.md): drops on the lens, on which frames there is data, and exact intrinsics
_DROPS: tuple[Row, ...] = (("avsynth.noise_seed", _I, "0"),)
_FRAMES: tuple[Row, ...] = (("avsynth.frame_period", _I, "1"), ("avsynth.frame_phase", _I, "0"))
_INTRINSICS: tuple[Row, ...] = (
    *((f"avsynth.{name}", _F, "-1") for name in ("fx", "cx", "cy")),
    *((f"avsynth.{name}", _F, "0.0") for name in ("k1", "k2", "p1", "p2", "k3", "k4", "read_out_ms")),
)

_MODES: dict[str, tuple[str, ...]] = {
    "exposure_mode": ("histogram", "manual"),
    "avsynth.lens": ("pinhole", "plain", "fisheye"),
    "scenario": ("highway", "rural", "urban"),
    "path_loss_model": ("winner", "geometric"),
}
_LENS_MODES = ("avsynth.lens",)
_CAMERA_MODES = ("exposure_mode", *_LENS_MODES)
_RADIO_MODES = ("scenario", "path_loss_model")

_EXTENDED_CAMERA = (*_TICK, *_LENS, *_FRAMES, *_INTRINSICS)

_SENSORS: dict[str, tuple[tuple[Row, ...], tuple[str, ...]]] = {
    "sensor.camera.rgb": ((*_TICK, *_LENS, *_EXPOSURE, *_DROPS, *_FRAMES, *_INTRINSICS), _CAMERA_MODES),
    "sensor.camera.depth": (_EXTENDED_CAMERA, _LENS_MODES),
    "sensor.camera.semantic_segmentation": (_EXTENDED_CAMERA, _LENS_MODES),
    "sensor.camera.instance_segmentation": (_EXTENDED_CAMERA, _LENS_MODES),
    "sensor.camera.normals": (_EXTENDED_CAMERA, _LENS_MODES),
    "sensor.camera.optical_flow": (_EXTENDED_CAMERA, _LENS_MODES),
    "sensor.camera.cosmos_visualization": ((*_TICK, *_LENS), ()),
    "sensor.camera.dvs": ((*_TICK, *_LENS, *_EXPOSURE, *_DVS, *_FRAMES, *_INTRINSICS), _CAMERA_MODES),
    "sensor.lidar.ray_cast": ((*_TICK, *_LIDAR, *_FRAMES), ()),
    "sensor.lidar.ray_cast_semantic": ((*_TICK, *_SEMANTIC_LIDAR, *_FRAMES), ()),
    "sensor.other.radar": ((*_TICK, *_RADAR, *_FRAMES), ()),
    "sensor.other.collision": ((), ()),
    "sensor.other.lane_invasion": ((), ()),
    "sensor.other.obstacle": ((*_TICK, *_OBSTACLE), ()),
    "sensor.other.gnss": ((*_TICK, *_GNSS), ()),
    "sensor.other.imu": ((*_TICK, *_IMU), ()),
    "sensor.other.rss": ((), ()),
    "sensor.other.v2x": ((*_TICK, *_V2X), _RADIO_MODES),
    "sensor.other.v2x_custom": ((*_TICK, *_RADIO), _RADIO_MODES),
    "avsynth.camera.visibility": (_EXTENDED_CAMERA, _LENS_MODES),
    "avsynth.lidar.device": ((*_TICK, *_SEMANTIC_LIDAR, *_BEAMS, *_FRAMES), ()),
    "avsynth.radar.device": ((*_TICK, *_GRID_RADAR, *_FRAMES), ()),
}

SENSOR_IDS = tuple(_SENSORS)
SENSOR_ROLES = ("front", "back", "left", "right", "front_left", "front_right", "back_left", "back_right")


def sensor_attributes(blueprint_id: str) -> tuple[Attribute, ...]:
    """Attributes of a sensor blueprint besides role_name (KeyError for other ids)."""
    rows, modes = _SENSORS[blueprint_id]
    return (
        *(Attribute(name, kind, value, (value,)) for name, kind, value in rows),
        *(Attribute(mode, _S, _MODES[mode][0], _MODES[mode], restrict_to_recommended=True) for mode in modes),
    )


def sensor_defaults(blueprint_id: str) -> dict[str, str]:
    """What attributes of a sensor are where nothing is said (KeyError for other ids).

    The schedule is among them for every sensor: also where a blueprint of CARLA's own lacks it.
    """
    rows, modes = _SENSORS[blueprint_id]
    return {name: value for name, _, value in (*_TICK, *_FRAMES, *rows)} | {mode: _MODES[mode][0] for mode in modes}
