"""All checks of one scene: its chains, motion, points, pixels and what they say of one another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from av_synth.verify.diagnosis import MaskDiagnosis, explain_counts
from av_synth.verify.findings import Findings
from av_synth.verify.label_truth import LabelTruth
from av_synth.verify.maths import Array
from av_synth.verify.pixels.boxes_2d import TightBoxes
from av_synth.verify.pixels.colours import ColourCheck
from av_synth.verify.pixels.depth import DepthCheck, Residual, judge_closure
from av_synth.verify.pixels.edges import EdgeCheck
from av_synth.verify.pixels.flow import EgoPath, check_flow
from av_synth.verify.pixels.lamps import LampCheck
from av_synth.verify.pixels.masks import SceneMasks, Seen, View
from av_synth.verify.pixels.points_on_masks import PointsOnMasks
from av_synth.verify.pixels.rims import RimCheck, rim_points
from av_synth.verify.pixels.surfaces import OwnBodyCheck, SurfaceCheck, check_on_map
from av_synth.verify.points import counts, ground, radar_speeds, segmentation
from av_synth.verify.points.actors import SceneActors, read_ids
from av_synth.verify.points.radar_truth import RadarTruth, without_ghosts
from av_synth.verify.points.shifts import check_shifts
from av_synth.verify.points.standing import StandingCheck
from av_synth.verify.points.timing import MaskTiming
from av_synth.verify.points.turns import SceneTurns, settled
from av_synth.verify.reading import blobs, clouds
from av_synth.verify.reading.clouds import Sweep
from av_synth.verify.reading.model import Data, Dataset, Scene
from av_synth.verify.reading.values import inside
from av_synth.verify.rows import calibration, can_bus, chains, criticality, extras, motion, motion_sensors, truth_rows
from av_synth.verify.rows.faults import SceneFaults
from av_synth.verify.rows.sensor_truth import check_sensor_truth

Clouds = dict[str, counts.SamplePoints]
# what is said of a lidar's turn, a scan and an image only while its sensor does not fail
_OF_TURNS = ("files", "lidar_files", "lidar_static")
_OF_KEYFRAMES = ("ground", "box_points")
_OF_PLACES = ("lidarseg", "point_actors", "surfaces", "lidar_on_masks", "depth", "missing_boxes")  # points are moved
_OF_IMAGES = ("files", "images", "image_on_masks")
_OF_LOOKS = ("colours", "headings")


def verify_scene(dataset: Dataset, scene: Scene, findings: Findings) -> None:
    """Check one scene; memory is bounded by it."""
    chains.check_sample_chain(scene, findings)
    chains.check_data_chains(scene, findings)
    chains.check_keyframes(scene, findings)
    calibration.check_ego_motion(scene, findings)
    motion.check_tracks(scene, dataset.ours, findings)
    motion.check_scene_headings(scene, findings)
    truth_rows.check_velocities(dataset, scene, findings)
    truth_rows.check_sample_truth(dataset, scene, findings)
    criticality.check_sample_truth_values(dataset, scene, findings)
    can_bus.check_can_bus(dataset, scene, findings)
    motion_sensors.check_motion_sensors(dataset, scene, findings)
    truth = LabelTruth(dataset, scene, findings)
    by_sample: Clouds = {}
    wrong_counts = findings.count("lidar_counts")
    faults = SceneFaults(dataset, scene, findings)
    check_sensor_truth(dataset, scene, faults, findings)
    actors = SceneActors(dataset, scene, findings)
    for channel in scene.channels("lidar"):
        by_sample.update(_verify_lidar(dataset, scene, channel, actors, faults, findings))
    if findings.count("lidar_counts") > wrong_counts:
        explain_counts(scene, lambda data: _read_points(dataset, data), findings)
    for sample_token, cloud in by_sample.items():
        actors.add(sample_token, cloud)
    check_on_map(dataset, scene, by_sample, findings)
    whole = {token: cloud for token, cloud in by_sample.items() if not _fails(scene, token, faults)}
    for sample_token, cloud in whole.items():
        truth.add_points(sample_token, cloud)
    ground.check_ground(scene, whole, findings)
    check_shifts(scene, whole, findings)
    _verify_radars(dataset, scene, actors, faults, findings)
    masks = SceneMasks(dataset, scene, actors, findings)
    cameras = _Cameras(dataset, scene, masks, truth, by_sample, faults, findings)
    for channel in scene.channels("camera"):
        cameras.verify(channel)
    cameras.close()
    if dataset.masks is not None:
        masks.close()
        extras.check_label_quality(dataset, scene, masks, findings)
    truth.close(masks if dataset.masks is not None else None)


def _read_points(dataset: Dataset, data: Data) -> Array | None:
    path = inside(dataset.root, data.filename)
    sweep = clouds.read_lidar(path.read_bytes() if path is not None else b"", data.filename, Findings())
    return None if sweep is None else sweep.points


def _fails(scene: Scene, sample_token: str, faults: SceneFaults) -> bool:
    """Whether the lidar's keyframe of a sample has a fault: it may have no points where some are looked for."""
    data = scene.keyframe(sample_token, "LIDAR_TOP")
    return data is not None and bool(faults.of(data))


def _place(scene: Scene, data: Data) -> str:
    return f"{data.filename} (sample_data token={data.token}, {scene.name})"


def _verify_lidar(
    dataset: Dataset, scene: Scene, channel: str, actors: SceneActors, faults: SceneFaults, findings: Findings
) -> Clouds:
    """Check every turn; returns, for LIDAR_TOP, the points of each sample, unless a fault has moved or taken all."""
    by_sample: Clouds = {}
    ids: list[dict[int, str]] = []
    standing, repeats = StandingCheck(scene, findings), blobs.Repeats(scene, findings)
    quarters, own_body = clouds.QuarterCheck(), OwnBodyCheck(scene, findings)
    turns = SceneTurns(dataset, scene, channel, findings)
    samples = {sample.token: sample for sample in scene.samples}
    for data in scene.data[channel]:
        path = blobs.locate(dataset, data.filename, _place(scene, data), findings)
        content = path.read_bytes() if path else b""
        fails, spins = faults.leave_out(data, _OF_TURNS), turns.device is None
        where = _place(scene, data)
        sweep = clouds.read_lidar(content, where, findings, whole=not fails, spins=spins) if path else None
        if sweep is None:
            continue
        turn = turns.read(data, sweep, whole=not fails)
        faults.check_content(data, content)
        faults.check_returns(data, len(sweep.points))
        faults.check_sectors(data, sweep)
        if fails:
            standing.pause()
        else:
            repeats.add(data, content)
            standing.add(data, turn.solid)
            quarters.add(sweep, data.is_key_frame)
        if data.is_key_frame and channel == "LIDAR_TOP":
            sample = samples[data.sample_token]
            counted = Sweep(sweep.points[~turn.weather], sweep.rings[~turn.weather])
            counts.count_lidar(scene, sample, data, counted, findings)
            classes = segmentation.read_classes(dataset, scene, data, len(sweep.points), findings)
            faults.leave_out(data, _OF_KEYFRAMES)
            own = read_ids(dataset, scene, data, len(sweep.points), findings)
            ids.append(segmentation.check_panoptic(dataset, scene, data, sweep, classes, findings))
            if classes is not None and turns.device is not None:
                segmentation.check_noise(scene, data, turn.weather, classes, findings)
            moved, solid = faults.moved(data), ~turn.weather
            world = settled(dataset, scene, data, turn, own, actors)[solid]
            classes = None if classes is None else classes[solid]
            if classes is not None and not moved:
                own_body.add(data, turn.solid.points, classes)
                segmentation.check_classes(scene, data, world, classes, findings)
            if moved or not solid.any():
                faults.leave_out(data, _OF_PLACES)
                continue
            # depth images tell more of cameras
            rims = None if fails or "label_image" in dataset.extras else rim_points(data, turn.solid)
            cloud = counts.points_of(scene, sample, data, world)
            by_sample[data.sample_token] = replace(
                cloud, classes=classes, actors=None if own is None else own[solid], rims=rims
            )
    turns.close()
    own_body.close()
    segmentation.check_ids(scene, ids, findings)
    if problem := quarters.problem():
        findings.add("lidar_files", f"{channel} of {scene.name}", problem)
    return by_sample


def _verify_radars(
    dataset: Dataset, scene: Scene, actors: SceneActors, faults: SceneFaults, findings: Findings
) -> None:
    scans: dict[str, list[tuple[Data, npt.NDArray[np.void]]]] = {sample.token: [] for sample in scene.samples}
    unread: set[str] = set()
    truths = RadarTruth(dataset, scene, actors, findings)
    for channel in scene.channels("radar"):
        rows = scene.data[channel]
        errors: list[tuple[Array, Array]] = []
        read: list[npt.NDArray[np.void]] = []
        for k, data in enumerate(rows):
            path = blobs.locate(dataset, data.filename, _place(scene, data), findings)
            records = clouds.read_radar(path.read_bytes(), _place(scene, data), findings) if path else None
            if records is not None:
                faults.check_returns(data, len(records))
            untrue = faults.untrue(data) and faults.leave_out(data, ("radar_velocity",))
            truth = None if records is None or "frozen" in faults.kinds(data) else truths.read(data, records)
            read += [without_ghosts(records, truth)] if records is not None and not untrue else []
            if not data.is_key_frame:
                continue
            if records is None:
                unread.add(data.sample_token)
                continue
            scans[data.sample_token].append((data, records))
            if (
                0 < k < len(rows) - 1
                and len(records)
                and not untrue
                and rows[k + 1].timestamp_us > rows[k - 1].timestamp_us
            ):
                boxes = scene.annotations.get(data.sample_token, ())
                around = rows[k - 1], rows[k + 1]
                errors.append(radar_speeds.radar_speed_errors(data, around, without_ghosts(records, truth), boxes))
                if truth is not None and not faults.of(data):
                    truths.add(data, around, records, truth)
        if errors:
            relative, compensated = (np.concatenate([pair[k] for pair in errors]) for k in (0, 1))
            radar_speeds.check_radar_speeds(scene, channel, relative, compensated, findings)
        if read:
            radar_speeds.check_radar_kinds(scene, channel, read, findings)
    truths.close()
    for sample in scene.samples:
        if scene.channels("radar") and sample.token not in unread:
            counts.count_radar(scene, sample, scans[sample.token], findings)


class _Cameras:
    """Checks the cameras of a scene one after the other, then together."""

    def __init__(
        self,
        dataset: Dataset,
        scene: Scene,
        masks: SceneMasks,
        truth: LabelTruth,
        clouds_by_sample: Clouds,
        faults: SceneFaults,
        findings: Findings,
    ) -> None:
        self._dataset = dataset
        self._scene = scene
        self._masks = masks
        self._truth = truth
        self._clouds = clouds_by_sample
        self._faults = faults
        self._findings = findings
        self._tight = TightBoxes(dataset, scene, findings)
        self._diagnosis = MaskDiagnosis(scene)
        self._points = PointsOnMasks(scene, findings)
        self._lamps = LampCheck(dataset.root, scene, findings)
        self._surfaces = SurfaceCheck(dataset, scene, findings)
        self._path = EgoPath(scene)
        self._outside_before = findings.count("mask_in_box")
        self._residuals: dict[str, tuple[Data, Residual]] = {}

    def verify(self, channel: str) -> None:
        """Check every image of a camera, and the labels of its keyframes."""
        scene, findings = self._scene, self._findings
        edges, repeats = EdgeCheck(scene, channel, findings), blobs.Repeats(scene, findings)
        depth, timing = DepthCheck(scene, channel, findings), MaskTiming(scene, channel, findings)
        colours, rims = ColourCheck(self._dataset, scene, channel, findings), RimCheck(scene, channel, findings)
        for place, data in enumerate(scene.data[channel]):
            where = _place(scene, data)
            path = blobs.locate(self._dataset, data.filename, where, findings)
            image, fails = None, self._faults.leave_out(data, _OF_IMAGES)
            if path is not None:
                content = path.read_bytes()
                if not fails:
                    repeats.add(data, content)
                image = blobs.read_image(data, content, where, findings, clear=not fails)
                self._faults.check_content(data, content)
            if fails and image is not None:
                self._faults.check_image(data, image)
                image = None
            cloud, view = self._clouds.get(data.sample_token), View.of(data)
            if data.is_key_frame and image is not None and view is not None and cloud is not None:
                rims.add(view, image, cloud.rims)
            seen = self._keyframe(data, place, depth, timing, colours) if data.is_key_frame else None
            edges.add(data, image, seen)
        edges.close()
        timing.close()
        colours.close()
        rims.close()
        residual = depth.close()
        if residual is not None:
            self._residuals[channel] = scene.data[channel][0], residual

    def _keyframe(
        self, data: Data, place: int, depth: DepthCheck, timing: MaskTiming, colours: ColourCheck
    ) -> Seen | None:
        cloud = self._clouds.get(data.sample_token)
        images = extras.read_label_images(self._dataset, self._scene, data, self._findings)
        semantic, depth_m = images.semantic, images.depth_m
        view = View.of(data, images.flow)
        fails = self._faults.leave_out(data, _OF_LOOKS)
        if view is not None and semantic is not None and not fails:
            colours.add(view, semantic)
        seen = self._mask(data, cloud, images)
        if view is not None and depth_m is not None:
            if cloud is not None:
                depth.add(view, place, depth_m, cloud, seen)
            if semantic is not None and cloud is not None:
                self._surfaces.add(view, semantic, depth_m, cloud)
            if semantic is not None and images.flow is not None:
                check_flow(self._path, view, semantic, depth_m, images.flow, self._findings)
        if seen is None:
            return None
        self._tight.add(seen)
        self._diagnosis.add(seen, place)
        if not fails:
            self._lamps.add(seen)
        self._truth.add_view(seen, depth_m, cloud)
        if cloud is not None:
            self._points.add(seen, cloud)
            timing.add(seen, place, cloud)
        if semantic is not None:
            extras.check_semantic(seen, semantic, self._findings)
        return seen

    def _mask(self, data: Data, cloud: counts.SamplePoints | None, images: extras.LabelImages) -> Seen | None:
        """What the mask of a keyframe shows; None if there is none."""
        if self._dataset.masks is None:
            return None
        mask = self._dataset.masks.get(data.token)
        if mask is None:
            where = _place(self._scene, data)
            self._findings.add("masks", where, "the keyframe has no row in instance_mask.json; want one")
            self._masks.missing(data.sample_token)
            return None
        return self._masks.add(data, mask, cloud, images.depth_m, images.flow)

    def close(self) -> None:
        """Judge what needs all cameras."""
        self._tight.close()
        self._points.close()
        self._lamps.close()
        self._surfaces.close()
        judge_closure(self._scene, self._residuals, self._findings)
        if self._findings.count("mask_in_box") > self._outside_before:
            self._diagnosis.explain(self._findings)
