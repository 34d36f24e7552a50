"""A rig's sensors as CARLA sensors on the ego, and what they saw at a frame."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import carla

from av_synth.capture import decode, lidar_rays, radar_rays
from av_synth.capture.exposure import WATCHED, Sample, sample, why_unstable
from av_synth.capture.frameset import Before, CameraImage, FrameSet, LabelImage, LidarScan, RadarScan
from av_synth.capture.join import FrameQueue, Measurement
from av_synth.capture.stock import Crop, bent_image, bent_labels, stock_stand_in
from av_synth.errors import CastError, UnsettledError
from av_synth.geometry.cameras import BODY_FROM_CAMERA
from av_synth.geometry.lens import COEFFICIENTS, Lens
from av_synth.geometry.transforms import Array, from_yaw, invert
from av_synth.log.state import WorldState
from av_synth.rig.model import Camera, Exposure, Lidar, Radar, Rig
from av_synth.sensing.lens import Bending, at_once
from av_synth.sensing.lidar import LidarHits
from av_synth.sensing.radar_model import RadarHits
from av_synth.session import Session

_SENSOR_TIMEOUT_S = 60.0
# nuScenes mounts LIDAR_TOP with x to the right and y ahead; a CARLA lidar looks along its x.
_LIDAR_FROM_BODY: Array = from_yaw(0.0, 0.0, 0.0, math.pi / 2)
_RGB, _INSTANCE, _DEPTH = "sensor.camera.rgb", "sensor.camera.instance_segmentation", "sensor.camera.depth"
_FLOW, _VISIBILITY = "sensor.camera.optical_flow", "avsynth.camera.visibility"
_PERIOD, _PHASE = "avsynth.frame_period", "avsynth.frame_phase"
_SEEDS = ("noise_seed", "avsynth.noise_seed")  # CARLA's own, and that of colour cameras
_OPEN, _READ_OUT = "avsynth.exposure_ms", "avsynth.read_out_ms"


@dataclass(frozen=True)
class _Feed:
    """One CARLA sensor: due every `period` frames from the first recorded one."""

    period: int
    queue: FrameQueue
    crop: Crop | None


def lead_ticks(session: Session) -> int:
    """How many ticks before the first recorded frame sensors must exist, at most.

    The embedded simulator's first frames are as good as any. Others' may be missing, black or wrongly exposed
    (carla#2455, carla#3443), so there the sensors come as early as can be.
    """
    return 1 if session.embedded else 1_000_000


class SensorArray:
    """All CARLA sensors of a rig, attached to the ego.

    Attributes:
        rig: the rig as it really looks: on a server without off-centre projection the principal points are moved by
            a part of a pixel to where the pixels have them.
        devices: by channel of those sensors that are devices, whose their rays are and where their physics are put in.
    """

    def __init__(
        self,
        session: Session,
        ego: carla.Vehicle,
        actor_from_ego: Array,
        rig: Rig,
        first_frame: int,
        noise_seed: int,
    ) -> None:
        """Spawn and start every sensor.

        Args:
            session: the world they live in.
            ego: the vehicle that carries them.
            actor_from_ego: (4, 4), the rear-axle frame in the vehicle's actor frame.
            rig: the sensors wanted.
            first_frame: the simulator frame that will be frame 0 of the recording.
            noise_seed: of what the simulator's sensors draw at random, such as drops on lenses.
        """
        self._session = session
        self._wanted = rig.name
        self._ego = ego
        self._actor_from_ego = actor_from_ego
        self._first_frame = first_frame
        self._noise_seed = str(noise_seed)
        self._feeds: dict[tuple[str, str], _Feed] = {}
        self._warming: dict[str, FrameQueue] = {}
        self._samples: dict[str, list[Sample]] = {}
        self._bendings: dict[str, Bending] = {}  # of cameras whose lens the server does not know
        self._started_frame = session.frame
        self._before: Before | None = None
        self.devices: dict[str, Mapping[str, str]] = {}
        cameras = tuple(self._start_camera(camera, rig.keyframe_ticks) for camera in rig.cameras)
        self.rig = replace(rig, cameras=cameras)
        for lidar in rig.lidars:
            self._start_lidar(lidar)
        for radar in rig.radars:
            self._start_radar(radar)

    def warm_up(self, state: WorldState) -> None:
        """Look at what cameras see before the first recorded frame, on a server whose exposure has to settle.

        Raises:
            SensorMissError: if an image is missing.
            UnsettledError: at the last frame before recording, if a camera's exposure still changes; says which's.
        """
        for channel, queue in self._warming.items():
            if self._started_frame < state.frame and queue.is_due(state.frame):
                image = queue.get(state.frame, _SENSOR_TIMEOUT_S)
                self._samples[channel].append(sample(decode.pixels(image, None)))
        if state.frame == self._first_frame - 1:
            wrong = {channel: why for channel, seen in self._samples.items() if (why := why_unstable(seen)) is not None}
            if wrong:
                told = "; ".join(f"{channel} {why}" for channel, why in wrong.items())
                raise UnsettledError(f"frame {state.frame}, the last before recording: {told}; want a stable exposure")
        self._before = Before(state, self._world_from_ego(state))

    def collect(self, state: WorldState) -> FrameSet:
        """Everything that is due at this frame, and nothing of any other.

        Raises:
            SensorMissError: naming sensor and frame, if something is missing, late, doubled or of another frame.
        """
        rig = self.rig
        cameras: dict[str, CameraImage] = {}
        labels: dict[str, LabelImage] = {}
        for camera in rig.cameras:
            bending = self._bendings.get(camera.channel)
            image = self._get(camera.channel, _RGB, state.frame)
            if image is not None:
                seen = decode.camera_image(image, self._feeds[camera.channel, _RGB].crop)
                cameras[camera.channel] = seen if bending is None else bent_image(seen, bending)
            label = self._label_image(camera, state.frame)
            if label is not None:
                labels[camera.channel] = label if bending is None else bent_labels(label, bending)
        lidars, lidar_hits = self._turns(state.frame)
        index = state.frame - self._first_frame
        before, self._before = self._before, Before(state, self._world_from_ego(state))
        radars, radar_hits = self._scans(state, self._before.world_from_ego)
        return FrameSet(
            index,
            state,
            self._before.world_from_ego,
            index % rig.keyframe_ticks == 0,
            cameras,
            labels,
            lidars,
            radars,
            lidar_hits=lidar_hits,
            before=before,
            radar_hits=radar_hits,
        )

    def _world_from_ego(self, state: WorldState) -> Array:
        world_from_ego: Array = state.actors[self._ego.id].world_from_actor @ self._actor_from_ego
        return world_from_ego

    def _turns(self, frame: int) -> tuple[dict[str, LidarScan], dict[str, LidarHits]]:
        """The turns of lidars, and what the rays of those met that are devices."""
        lidars: dict[str, LidarScan] = {}
        hits: dict[str, LidarHits] = {}
        for lidar in self.rig.lidars:
            rays, turn = (self._get(lidar.channel, type_id, frame) for type_id in (lidar_rays.RAYS, lidar_rays.STOCK))
            if rays is not None:
                hits[lidar.channel] = lidar_rays.ray_hits(rays, _LIDAR_FROM_BODY, lidar, self.rig.tick_us)
            elif turn is not None and lidar.device is not None:
                hits[lidar.channel] = lidar_rays.stock_hits(turn, _LIDAR_FROM_BODY, lidar, self.rig.tick_us)
            elif turn is not None:
                lidars[lidar.channel] = decode.lidar_scan(turn, _LIDAR_FROM_BODY, lidar.beams, lidar.range_m)
        return lidars, hits

    def _scans(self, state: WorldState, world_from_ego: Array) -> tuple[dict[str, RadarScan], dict[str, RadarHits]]:
        """The scans of radars, and what the rays of those met that are devices."""
        scans: dict[str, RadarScan] = {}
        hits: dict[str, RadarHits] = {}
        for radar in self.rig.radars:
            rays, scan = (
                self._get(radar.channel, type_id, state.frame) for type_id in (radar_rays.RAYS, radar_rays.STOCK)
            )
            if rays is not None and radar.device is not None:
                hits[radar.channel] = radar_rays.ray_hits(rays, radar_rays.grid_of(radar, radar.device))
            elif scan is not None and radar.device is not None:
                hits[radar.channel] = radar_rays.stock_hits(scan, radar, world_from_ego, self._ego.id, state)
            elif scan is not None:
                scans[radar.channel] = decode.radar_scan(scan)
        return scans, hits

    def _label_image(self, camera: Camera, frame: int) -> LabelImage | None:
        channel = camera.channel
        instance = self._get(channel, _INSTANCE, frame)
        depth = self._get(channel, _DEPTH, frame)
        if instance is None or depth is None:
            return None
        extent, flow = self._get(channel, _VISIBILITY, frame), self._get(channel, _FLOW, frame)
        crop = self._feeds[channel, _INSTANCE].crop
        tag, ids = decode.tag_and_instance(instance, crop)
        flow_px = None if flow is None else decode.flow_px(flow, crop)
        at_once_px = None
        if camera.read_out_ms is not None and flow_px is not None:
            at_once_px = at_once(flow_px, camera.read_out_ms * 1000.0 / self.rig.tick_us)
        return LabelImage(
            tag,
            ids,
            decode.depth_m(depth, crop),
            None if extent is None else decode.extents(extent),
            flow_px,
            at_once_px,
        )

    def _get(self, channel: str, type_id: str, frame: int) -> Any | None:
        feed = self._feeds.get((channel, type_id))
        if feed is None or (frame - self._first_frame) % feed.period != 0:
            return None
        return feed.queue.get(frame, _SENSOR_TIMEOUT_S)

    def _start(
        self,
        channel: str,
        type_id: str,
        attributes: Mapping[str, str],
        ego_from_body: Array,
        period: int,
        crop: Crop | None = None,
    ) -> None:
        first = self._first_frame
        queue = FrameQueue(
            f"{channel} ({type_id})",
            lambda frame: frame >= first and (frame - first) % period == 0,
            self._session.address.why_gone,
        )
        wanted = dict(attributes)
        if self._session.has_attribute(type_id, _PERIOD):
            wanted |= {_PERIOD: str(period), _PHASE: str(first % period)}
        wanted |= {name: self._noise_seed for name in _SEEDS if self._session.has_attribute(type_id, name)}
        sensor = self._session.spawn_sensor(type_id, wanted, self._ego, self._actor_from_ego @ ego_from_body)
        self._feeds[channel, type_id] = _Feed(period, queue, crop)
        if type_id != _RGB or self._session.embedded:
            sensor.listen(queue.put)
            return
        watched = first - WATCHED * period
        warming = FrameQueue(
            f"{channel} ({type_id})",
            lambda frame: watched <= frame < first and (frame - first) % period == 0,
            self._session.address.why_gone,
        )
        self._warming[channel], self._samples[channel] = warming, []

        def put(measurement: Measurement) -> None:
            warming.put(measurement)
            queue.put(measurement)

        sensor.listen(put)

    def _start_camera(self, camera: Camera, keyframe_ticks: int) -> Camera:
        if self._session.has_attribute(_RGB, "avsynth.cx"):
            seen, crop = camera, None
            attributes: Mapping[str, str] = {
                "image_size_x": str(camera.width_px),
                "image_size_y": str(camera.height_px),
                "avsynth.fx": repr(camera.fx_px),
                "avsynth.cx": repr(camera.cx_px),
                "avsynth.cy": repr(camera.cy_px),
                **_lens_attributes(camera.lens),
            }
        else:
            stand_in = stock_stand_in(camera)
            seen, crop, attributes = stand_in.seen, stand_in.crop, stand_in.attributes
            if stand_in.bending is not None:
                self._bendings[camera.channel] = stand_in.bending
        if camera.read_out_ms is not None:
            self._need(camera, "read_out_ms", _READ_OUT)
            attributes = {**attributes, _READ_OUT: repr(camera.read_out_ms)}
        ego_from_body = camera.mount.ego_from_sensor @ invert(BODY_FROM_CAMERA)
        by_hand = {**attributes, **_exposure_attributes(camera.exposure)}
        if camera.motion_blur and camera.exposure is not None:
            self._need(camera, "motion_blur", _OPEN)
            by_hand[_OPEN] = repr(camera.exposure.time_ms)
        self._start(camera.channel, _RGB, by_hand, ego_from_body, camera.every_ticks, crop)
        for type_id in (_INSTANCE, _DEPTH):
            self._start(camera.channel, type_id, attributes, ego_from_body, keyframe_ticks, crop)
        # a server that cannot leave out frames would render the scene once more on each of them
        if self._session.has_attribute(_FLOW, _PERIOD):
            self._start(camera.channel, _FLOW, attributes, ego_from_body, keyframe_ticks, crop)
        if self._session.has_attribute(_VISIBILITY, "avsynth.cx"):
            self._start(camera.channel, _VISIBILITY, attributes, ego_from_body, keyframe_ticks)
        return seen

    def _need(self, camera: Camera, what: str, attribute: str) -> None:
        """See to it that the server can do what a rig wants of a camera.

        Raises:
            CastError: if it cannot.
        """
        if not self._session.has_attribute(_RGB, attribute):
            message = f"rig {self._wanted}: {camera.channel} has {what}, which the simulator cannot do"
            message += f": its cameras have no {attribute}; want the embedded one, or a rig without"
            raise CastError(message, ("cameras", camera.channel, what), of_rig=True)

    def _start_lidar(self, lidar: Lidar) -> None:
        """Start a lidar.

        Raises:
            CastError: if it is a device that wants more than the server's lidars can do.
        """
        attributes, type_id = lidar_rays.lidar_attributes(lidar, self.rig.tick_us), lidar_rays.STOCK
        if lidar.device is not None and lidar.firing is not None:
            own = self._session.has_attribute(lidar_rays.RAYS, "avsynth.elevations")
            if not own and (what := lidar_rays.why_not_stock(lidar, lidar.firing)):
                message = f"rig {self._wanted}: {lidar.channel} has {what}, which the simulator cannot do"
                message += f": it has no {lidar_rays.RAYS}; want the embedded one, or a rig without"
                raise CastError(message, ("lidars", lidar.channel, "device"), of_rig=True)
            if own:
                attributes |= lidar_rays.ray_attributes(lidar, lidar.device, lidar.firing)
                type_id = lidar_rays.RAYS
            self.devices[lidar.channel] = _whose(own)
        ego_from_body = lidar.mount.ego_from_sensor @ _LIDAR_FROM_BODY
        self._start(lidar.channel, type_id, attributes, ego_from_body, lidar.every_ticks)

    def _start_radar(self, radar: Radar) -> None:
        attributes = radar_rays.stock_attributes(radar, self.rig.tick_us)
        type_id = radar_rays.STOCK
        if radar.device is not None:
            own = self._session.has_attribute(radar_rays.RAYS, "avsynth.rows")
            if own:
                grid = radar_rays.grid_of(radar, radar.device)
                attributes, type_id = radar_rays.ray_attributes(grid), radar_rays.RAYS
            self.devices[radar.channel] = _whose(own)
        self._start(radar.channel, type_id, attributes, radar.mount.ego_from_sensor, radar.every_ticks)


def _whose(own: bool) -> Mapping[str, str]:
    """What a run's manifest says of a device: the simulator's own rays for it, or CARLA's, and where physics are in."""
    return {"rays": "embedded" if own else "stock", "physics": "capture"}


def _exposure_attributes(exposure: Exposure | None) -> dict[str, str]:
    """CARLA's own attributes."""
    if exposure is None:
        return {}
    told = {"exposure_compensation": repr(exposure.compensation_ev)} if exposure.compensation_ev else {}
    if exposure.f_number is not None:
        told |= {"exposure_mode": "manual", "shutter_speed": repr(1000.0 / exposure.time_ms)}
        told |= {"iso": repr(exposure.iso), "fstop": repr(exposure.f_number)}
    return told


def _lens_attributes(lens: Lens | None) -> dict[str, str]:
    if lens is None:
        return {}
    values = zip(COEFFICIENTS[lens.model], lens.coefficients, strict=True)
    return {"avsynth.lens": lens.model} | {f"avsynth.{name}": repr(value) for name, value in values}
