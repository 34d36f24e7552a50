"""Runs all checks over a dataset: tables first, then one scene at a time, so that memory is bounded by a scene."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from av_synth.errors import StoreError
from av_synth.verify import blobs, calibration, chains, clouds, motion, points, tables, vocabulary
from av_synth.verify.edges import EdgeCheck
from av_synth.verify.findings import CHECKS, Findings, VerifyReport
from av_synth.verify.maths import Array
from av_synth.verify.model import Data, Dataset, Scene, build
from av_synth.verify.pixels import Labels, SceneMasks
from av_synth.verify.standing import StandingCheck

_MASK_CHECKS = ("masks", "mask_in_box", "box_in_mask", "missing_boxes", "lidar_on_masks", "image_on_masks")


def verify(dataset: Path, version: str | None = None) -> VerifyReport:
    """Check whether a nuScenes dataset is well-formed and true.

    Args:
        dataset: the folder that holds the version's folder, samples/, sweeps/ and maps/.
        version: the folder of JSON tables; None when there is only one.

    Raises:
        StoreError: there is no such dataset or version. Whatever is wrong inside is a finding, never an exception.
    """
    root, version = dataset, _version(dataset, version)
    findings = Findings()
    rows = _read_tables(root / version, findings)
    if findings.any():
        for check in CHECKS:
            findings.skip(check, "the tables must be sound first: see schema, tokens and keys")
        return findings.report(str(root), version)
    vocabulary.check_names(rows, findings)
    vocabulary.check_splits(root / version, rows, findings)
    chains.check_times(rows, findings)
    calibration.check_quaternions(rows, findings)
    opened = build(root, version, rows)
    chains.check_ego_poses(opened, findings)
    chains.check_annotation_chains(opened, rows, findings)
    del rows
    vocabulary.check_file_names(opened, findings)
    calibration.check_calibrations(opened, findings)
    blobs.check_map_masks(opened, findings)
    _check_masks_present(opened, findings)
    for scene in opened.scenes:
        _verify_scene(opened, scene, findings)
    return findings.report(str(root), version)


def open_dataset(dataset: Path, version: str | None = None) -> Dataset:
    """Read the tables of a dataset, scene by scene, for those who look at it rather than judge it.

    Raises:
        StoreError: there is no such dataset or version, or its tables are not sound.
    """
    version = _version(dataset, version)
    findings = Findings()
    rows = _read_tables(dataset / version, findings)
    if findings.any():
        raise StoreError(f"{dataset}: the tables are not sound:\n{findings.report(str(dataset), version)}")
    return build(dataset, version, rows)


def _read_tables(version_dir: Path, findings: Findings) -> tables.Tables:
    rows = tables.read_tables(version_dir, findings)
    if not findings.any():
        tables.check_tokens(rows, findings)
        tables.check_keys(rows, findings)
    return rows


def _version(root: Path, version: str | None) -> str:
    found = sorted(path.parent.name for path in root.glob("*/sample.json"))
    if version is None and len(found) == 1:
        return found[0]
    if version is not None and (root / version).is_dir():
        return version
    got = f"has {found}" if found else "has no folder with a sample.json"
    wanted = f"version {version!r}" if version is not None else "one nuScenes version, such as v1.0-trainval"
    raise StoreError(f"{root}: {got}; want {wanted}; is it the dataset's root?")


def _check_masks_present(dataset: Dataset, findings: Findings) -> None:
    if dataset.masks is not None:
        return
    if dataset.ours:
        findings.add("masks", "instance_mask.json", "the file is missing; a dataset with av_synth.json has one")
    for check in _MASK_CHECKS:
        findings.skip(check, "the dataset has no instance masks (instance_mask.json)")


def _verify_scene(dataset: Dataset, scene: Scene, findings: Findings) -> None:
    chains.check_sample_chain(scene, findings)
    chains.check_data_chains(scene, findings)
    chains.check_keyframes(scene, findings)
    calibration.check_ego_motion(scene, findings)
    motion.check_tracks(scene, dataset.ours, findings)
    clouds_by_sample: dict[str, points.SamplePoints] = {}
    for channel in scene.channels("lidar"):
        clouds_by_sample.update(_verify_lidar(dataset, scene, channel, findings))
    points.check_ground(scene, clouds_by_sample, findings)
    _verify_radars(dataset, scene, findings)
    masks = SceneMasks(dataset, scene, findings)
    for channel in scene.channels("camera"):
        _verify_camera(dataset, scene, channel, masks, clouds_by_sample, findings)
    if dataset.masks is not None:
        masks.close()


def _place(scene: Scene, data: Data) -> str:
    return f"{data.filename} (sample_data token={data.token}, {scene.name})"


def _verify_lidar(dataset: Dataset, scene: Scene, channel: str, findings: Findings) -> dict[str, points.SamplePoints]:
    """Check every turn; returns, for LIDAR_TOP, the points of each sample."""
    by_sample: dict[str, points.SamplePoints] = {}
    standing, repeats = StandingCheck(scene, findings), blobs.Repeats(scene, findings)
    samples = {sample.token: sample for sample in scene.samples}
    for data in scene.data[channel]:
        path = blobs.locate(dataset, data.filename, _place(scene, data), findings)
        sweep = clouds.read_lidar(path, _place(scene, data), findings) if path else None
        if path is None or sweep is None:
            continue
        repeats.add(data, path.read_bytes())
        standing.add(data, sweep)
        if data.is_key_frame and channel == "LIDAR_TOP":
            sample = samples[data.sample_token]
            by_sample[sample.token] = points.count_lidar(scene, sample, data, sweep, findings)
    return by_sample


def _verify_radars(dataset: Dataset, scene: Scene, findings: Findings) -> None:
    scans: dict[str, list[tuple[Data, npt.NDArray[np.void]]]] = {sample.token: [] for sample in scene.samples}
    unread: set[str] = set()
    for channel in scene.channels("radar"):
        rows = scene.data[channel]
        errors: list[tuple[Array, Array]] = []
        for k, data in enumerate(rows):
            path = blobs.locate(dataset, data.filename, _place(scene, data), findings)
            records = clouds.read_radar(path, _place(scene, data), findings) if path else None
            if not data.is_key_frame:
                continue
            if records is None:
                unread.add(data.sample_token)
                continue
            scans[data.sample_token].append((data, records))
            if 0 < k < len(rows) - 1 and len(records) and rows[k + 1].timestamp_us > rows[k - 1].timestamp_us:
                boxes = scene.annotations.get(data.sample_token, ())
                errors.append(points.radar_speed_errors(data, (rows[k - 1], rows[k + 1]), records, boxes))
        if errors:
            relative, compensated = (np.concatenate([pair[k] for pair in errors]) for k in (0, 1))
            points.check_radar_speeds(scene, channel, relative, compensated, findings)
    for sample in scene.samples:
        if scene.channels("radar") and sample.token not in unread:
            points.count_radar(scene, sample, scans[sample.token], findings)


def _verify_camera(
    dataset: Dataset,
    scene: Scene,
    channel: str,
    masks: SceneMasks,
    clouds_by_sample: dict[str, points.SamplePoints],
    findings: Findings,
) -> None:
    edges, repeats = EdgeCheck(scene, channel, findings), blobs.Repeats(scene, findings)
    for data in scene.data[channel]:
        where = _place(scene, data)
        path = blobs.locate(dataset, data.filename, where, findings)
        image = None
        if path is not None:
            content = path.read_bytes()
            repeats.add(data, content)
            image = blobs.read_image(data, content, where, findings)
        labels: Labels | None = None
        if data.is_key_frame and dataset.masks is not None:
            mask = dataset.masks.get(data.token)
            if mask is None:
                findings.add("masks", where, "the keyframe has no row in instance_mask.json; want one")
                masks.missing(data.sample_token)
            else:
                labels = masks.add(data, mask, clouds_by_sample.get(data.sample_token))
        edges.add(data, image, labels)
    edges.close()
