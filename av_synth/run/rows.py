"""What is written of a run as rows of its tables (`store.columns` lists their columns)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from av_synth.capture import FrameSet
from av_synth.geometry.lens import COEFFICIENTS
from av_synth.geometry.transforms import Array, quaternion_from_matrix
from av_synth.labels import BoxLabel
from av_synth.labels.boxes_2d import Box2d
from av_synth.labels.quality import PixelEvidence, PointEvidence
from av_synth.rig.model import Rig

Row = dict[str, Any]
_SIDES = ("left", "top", "right", "bottom")


def vector(pattern: str, values: Array) -> Row:
    """Three values (3,) by the pattern of their names, as in "v{}_mps"."""
    return {pattern.format(axis): float(value) for axis, value in zip("xyz", values, strict=True)}


def size(lwh_m: Array) -> Row:
    """Length, width and height (3,)."""
    return {name: float(value) for name, value in zip(("length_m", "width_m", "height_m"), lwh_m, strict=True)}


def pose(a_from_b: Array) -> Row:
    """A rigid transform (4, 4) as place and quaternion."""
    quaternion = quaternion_from_matrix(a_from_b)
    return vector("{}_m", a_from_b[:3, 3]) | {
        f"q{axis}": float(value) for axis, value in zip("wxyz", quaternion, strict=True)
    }


def sensors(rig: Rig) -> list[Row]:
    """Where each sensor is, and the intrinsics of those that are cameras."""
    found = []
    for modality, sensors in (("camera", rig.cameras), ("lidar", rig.lidars), ("radar", rig.radars)):
        for sensor in sensors:
            optics = {"width_px": 0, "height_px": 0, "fx_px": 0.0, "fy_px": 0.0, "cx_px": 0.0, "cy_px": 0.0}
            if modality == "camera":
                optics = {name: getattr(sensor, name) for name in optics}
            found.append(
                {"channel": sensor.channel, "modality": modality, **pose(sensor.mount.ego_from_sensor), **optics}
            )
    return found


def true_mounts(believed: Rig, really: Rig) -> list[Row]:
    """Where sensors really are that are not where they are believed to be."""
    return [
        {"channel": channel, **pose(mount.ego_from_sensor)}
        for channel, mount in really.mounts.items()
        if mount != believed.mounts[channel]
    ]


def lenses(rig: Rig) -> list[Row]:
    """What bends the images of the cameras that are no pinholes."""
    found = []
    for camera in rig.cameras:
        if camera.lens is not None:
            own = dict(zip(COEFFICIENTS[camera.lens.model], camera.lens.coefficients, strict=True))
            none = dict.fromkeys(("k1", "k2", "p1", "p2", "k3", "k4"), 0.0)
            found.append({"channel": camera.channel, "model": camera.lens.model, **none, **own})
    return found


def shutters(rig: Rig) -> list[Row]:
    """How long the shutters of cameras are open, and read, where that shows in their images."""
    return [
        {
            "channel": camera.channel,
            "exposure_us": round(1000 * camera.exposure.time_ms) if camera.motion_blur and camera.exposure else 0,
            "read_out_us": round(1000 * (camera.read_out_ms or 0.0)),
        }
        for camera in rig.cameras
        if camera.motion_blur or camera.read_out_ms
    ]


def axles(ego_id: int, axles_m: tuple[float, float] | None) -> list[Row]:
    """Where the ego's wheels are, if that is known."""
    if axles_m is None:
        return []
    return [{"actor_id": ego_id, "wheelbase_m": axles_m[0], "track_m": axles_m[1]}]


def lidar_devices(rig: Rig, whose: Mapping[str, Mapping[str, str]]) -> list[Row]:
    """The lidars that are devices.

    Args:
        rig: the sensors.
        whose: by channel, see `capture.SensorArray.devices`.
    """
    return [
        {
            "channel": lidar.channel,
            "columns": lidar.columns,
            "horizontal_fov_deg": lidar.turn_deg,
            "min_range_m": lidar.device.min_range_m,
            "range_m": lidar.range_m,
            "divergence_mrad": lidar.device.divergence_mrad,
            "echoes": lidar.device.echoes,
            "motion": lidar.firing.motion,
            "turn_us": 0 if lidar.firing.motion == "none" else rig.tick_us,
            "rays": whose[lidar.channel]["rays"],
        }
        for lidar in rig.lidars
        if lidar.device is not None and lidar.firing is not None
    ]


def lidar_beams(rig: Rig, whose: Mapping[str, Mapping[str, str]]) -> list[Row]:
    """The beams of those lidars, from the lowest, as they were fired: a stock lidar's all at once, along their column.

    Args:
        rig: the sensors.
        whose: as `lidar_devices` has it.
    """
    found = []
    for lidar in rig.lidars:
        if lidar.firing is not None:
            nothing = (0.0,) * lidar.beams
            aside, firing = lidar.azimuths_deg or nothing, lidar.firing.firing_us or nothing
            if whose[lidar.channel]["rays"] == "stock":
                aside = firing = nothing
            each = zip(lidar.table_deg, aside, firing, strict=True)
            for ring, (elevation, azimuth, after_us) in enumerate(each):
                told = {"elevation_deg": elevation, "azimuth_deg": azimuth, "firing_us": after_us}
                found.append({"channel": lidar.channel, "ring": ring, **told})
    return found


def box(frames: FrameSet, label: BoxLabel) -> Row:
    """A 3D box at a keyframe."""
    return {
        "frame": frames.index,
        "time_us": frames.state.time_us,
        "actor_id": label.actor_id,
        "category": label.category,
        "attribute": label.attribute,
        "visibility": label.visibility.level,
        "visibility_method": label.visibility.method,
        "visible_fraction": label.visibility.fraction,
        **pose(label.world_from_box),
        **size(label.size_lwh_m),
        **vector("v{}_mps", label.velocity_mps),
        "num_lidar_pts": label.num_lidar_pts,
        "num_radar_pts": label.num_radar_pts,
    }


def box_2d(frame: int, box: Box2d) -> Row:
    """A tight and an amodal 2D box at a keyframe."""
    return {
        "channel": box.channel,
        "frame": frame,
        "actor_id": box.actor_id,
        "visible_px": box.visible_px,
        **{f"{side}_px": value for side, value in zip(_SIDES, box.visible, strict=True)},
        "amodal_px": box.amodal_px,
        **{f"amodal_{side}_px": value for side, value in zip(_SIDES, box.amodal, strict=True)},
        "method": box.method,
    }


def quality(frame: int, actor_id: int, pixels: PixelEvidence, points: PointEvidence) -> Row:
    """How good the evidence for a 3D box is."""
    return {
        "frame": frame,
        "actor_id": actor_id,
        "visible_px": pixels.visible_px,
        "amodal_px": pixels.amodal_px,
        "cameras": pixels.cameras,
        "ambiguous": pixels.ambiguous,
        "clear_looks": pixels.clear_looks,
        **{f"gap_{side}_px": value for side, value in zip(_SIDES, pixels.gaps_px, strict=True)},
        "lidar_own_inside": points.own_inside,
        "lidar_own_outside": points.own_outside,
        "lidar_ground_inside": points.ground_inside,
        "lidar_foreign_inside": points.foreign_inside,
    }
