"""What all sensors of a rig saw at one frame: the border between simulators and everything that follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.log.state import WorldState
from av_synth.sensing.lidar import LidarHits
from av_synth.sensing.radar_model import RadarHits


@dataclass(frozen=True)
class CameraImage:
    """A colour image: (H, W, 4) uint8, blue, green, red, unused, as it came over the wire."""

    bgra: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Extent:
    """How large one actor is in an image, by a rendering of it alone.

    Attributes:
        alone_px: pixels that it would fill alone.
        visible_px: pixels that it fills.
        alone_box: left, top, right, bottom of the pixels that it would fill alone, cut by the image's edge: columns
            and rows, right and bottom the first ones outside.
    """

    alone_px: int
    visible_px: int
    alone_box: tuple[int, int, int, int]


@dataclass(frozen=True)
class LabelImage:
    """What a camera's pixels show, at a keyframe.

    Attributes:
        tag: (H, W) uint8, CARLA's CityObjectLabel.
        instance: (H, W) uint16, the simulator's object id; what it means is found out by `labels.association`.
        depth_m: (H, W) float32 along the optical axis.
        extent_px: by actor id, for those that would fill a pixel alone; None where the simulator cannot tell.
        flow_px: (H, W, 2) float32, how far the surface point that is at a pixel now has come in the image since the
            tick before, to the right and down, in pixels: the pixel less its flow is where the point was. The sky is
            infinitely far away. The image's whole width or height is the most there is: such a pixel came from far
            outside or from behind the camera, and its flow means nothing. None where the simulator does not tell.
        at_once_px: (H, W, 2) float32, of a rolling shutter: column and row where what is at a pixel was at the moment
            of the frame. None where all rows are of that moment.
    """

    tag: npt.NDArray[np.uint8]
    instance: npt.NDArray[np.uint16]
    depth_m: npt.NDArray[np.float32]
    extent_px: Mapping[int, Extent] | None
    flow_px: npt.NDArray[np.float32] | None = None
    at_once_px: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True)
class LidarScan:
    """One whole turn, in the lidar's frame as the rig mounts it (nuScenes' axes for LIDAR_TOP).

    Attributes:
        points_m: (N, 3) float32.
        intensity: (N,) float32, 0 to 255.
        ring: (N,) uint8, 0 is the lowest beam.
        actor_id: (N,) uint32, 0 is the static world.
        tag: (N,) uint8, CARLA's CityObjectLabel.
        time_s: (N,) float32, when each was measured, from the frame's moment: 0 or before. None, as all that follow: of
            a lidar that is no device.
        echo: (N,) uint8, which of its beam's echoes it is, 0 the strongest.
        is_weather: (N,) bool, whether it is of rain, snow, fog, dust or spray and of no surface.
        settled_m: (N, 3) float32, where what each point met is at the frame's moment, in the lidar's axes of then;
            None: where the point is.
    """

    points_m: npt.NDArray[np.float32]
    intensity: npt.NDArray[np.float32]
    ring: npt.NDArray[np.uint8]
    actor_id: npt.NDArray[np.uint32]
    tag: npt.NDArray[np.uint8]
    time_s: npt.NDArray[np.float32] | None = None
    echo: npt.NDArray[np.uint8] | None = None
    is_weather: npt.NDArray[np.bool_] | None = None
    settled_m: npt.NDArray[np.float32] | None = None

    @property
    def at_frame_m(self) -> npt.NDArray[np.float32]:
        """Where what each point met is at the frame's moment, (N, 3)."""
        return self.points_m if self.settled_m is None else self.settled_m

    @property
    def is_surface(self) -> npt.NDArray[np.bool_]:
        """Which points are of something solid, (N,)."""
        return np.ones(len(self.ring), dtype=np.bool_) if self.is_weather is None else ~self.is_weather

    def only(self, kept: npt.NDArray[np.bool_]) -> LidarScan:
        """The points that are kept (N,)."""
        found: dict[str, Any] = {name: None if each is None else each[kept] for name, each in vars(self).items()}
        return LidarScan(**found)


@dataclass(frozen=True)
class RadarDetails:
    """What a radar that is a device tells of each return, and what is true of it; (N,) each.

    Attributes:
        range_sigma_m, azimuth_sigma_rad, rate_sigma_mps: float32, standard deviations.
        rcs_dbsm: float32, cross-section, as the device takes it.
        margin_db: float32, signal over the threshold.
        recognised: bool, the device takes it for a ghost or for clutter.
        track: int64, the number of the track that it goes on with.
        dynamics: uint8, nuScenes' dyn_prop.
        actor_id: uint32, in truth: whom it is of, 0 for nobody; of a ghost, whose.
        origin: uint8, in truth: `sensing.radar_model.Origin`.
    """

    range_sigma_m: npt.NDArray[np.float32]
    azimuth_sigma_rad: npt.NDArray[np.float32]
    rate_sigma_mps: npt.NDArray[np.float32]
    rcs_dbsm: npt.NDArray[np.float32]
    margin_db: npt.NDArray[np.float32]
    recognised: npt.NDArray[np.bool_]
    track: npt.NDArray[np.int64]
    dynamics: npt.NDArray[np.uint8]
    actor_id: npt.NDArray[np.uint32]
    origin: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class RadarScan:
    """Returns of one radar: points (N, 3) float32, its frame; range rate (N,) float32, m/s, negative when nearing.

    `details` are those of a radar that is a device, whose points are in its own plane; None of any other.
    """

    points_m: npt.NDArray[np.float32]
    range_rate_mps: npt.NDArray[np.float32]
    details: RadarDetails | None = None

    def only(self, kept: npt.NDArray[np.bool_]) -> RadarScan:
        """The returns that are kept (N,)."""
        details = self.details
        if details is not None:
            details = RadarDetails(**{name: values[kept] for name, values in vars(details).items()})
        return RadarScan(self.points_m[kept], self.range_rate_mps[kept], details)


@dataclass(frozen=True)
class Before:
    """How it was one tick earlier: everybody's state, and world_from_ego (4, 4)."""

    state: WorldState
    world_from_ego: Array


@dataclass(frozen=True)
class FrameSet:
    """All data of one frame, by channel; only the channels that are due at this frame are there.

    Attributes:
        index: recorded frames since the first (0).
        state: everybody's state at this very frame.
        world_from_ego: (4, 4).
        is_keyframe: labels are made for it.
        cameras, lidars, radars: as they were recorded, with the faults of the sensors.
        labels: of the scene; faults do not touch them.
        lidars_before_faults: what the lidars met, whatever became of it; None: no fault has been looked for.
        lost: channels whose frame was lost. A keyframe still has an empty record; of what is between there is none.
        clocks_us: by channel what its clock says of the frame, as `state.time_us`; only clocks that are wrong.
        lidar_hits: what the rays of lidars met that are devices, of which their points are yet to be made.
        radar_hits: what the rays of radars met that are devices, of which their scans are yet to be made.
        before: a tick earlier; None where nobody looked.
    """

    index: int
    state: WorldState
    world_from_ego: Array
    is_keyframe: bool
    cameras: Mapping[str, CameraImage]
    labels: Mapping[str, LabelImage]
    lidars: Mapping[str, LidarScan]
    radars: Mapping[str, RadarScan]
    _: KW_ONLY
    lidars_before_faults: Mapping[str, LidarScan] | None = None
    lost: frozenset[str] = frozenset()
    clocks_us: Mapping[str, int] = field(default_factory=dict)
    lidar_hits: Mapping[str, LidarHits] = field(default_factory=dict)
    radar_hits: Mapping[str, RadarHits] = field(default_factory=dict)
    before: Before | None = None

    @property
    def true_lidars(self) -> Mapping[str, LidarScan]:
        """What the lidars met: evidence of what is where, which a faulty turn is not."""
        return self.lidars if self.lidars_before_faults is None else self.lidars_before_faults
