"""Runs all checks over a dataset: tables first, then one scene at a time, so that memory is bounded by a scene."""

from __future__ import annotations

from pathlib import Path

from av_synth.errors import StoreError, UserError
from av_synth.verify.findings import CHECKS, Findings, VerifyReport
from av_synth.verify.maps import lanes, masks
from av_synth.verify.pixels import loose_boxes
from av_synth.verify.points import segmentation
from av_synth.verify.reading import tables
from av_synth.verify.reading.model import Dataset, build
from av_synth.verify.rows import calibration, can_bus, chains, counterfactuals, extras, names, prediction
from av_synth.verify.scenes import verify_scene

_MASK_CHECKS = ("masks", "mask_in_box", "box_in_mask", "missing_boxes", "lidar_on_masks", "image_on_masks")


def verify(dataset: Path, version: str | None = None) -> VerifyReport:
    """Check whether a nuScenes dataset is well-formed and true.

    Args:
        dataset: the folder that holds the version's folder, samples/, sweeps/ and maps/.
        version: the folder of JSON tables; None when there is only one.

    Raises:
        UserError: it is no dataset, there is no such version, or several and none is named. Whatever is wrong inside is
            a finding, never an exception.
    """
    root, version = dataset, _version(dataset, version)
    findings = Findings()
    rows = _read_tables(root / version, findings)
    if rows is None:
        for check in CHECKS:
            findings.skip(check, "the tables must be sound first: see schema, tokens and keys")
        return findings.report(str(root), version)
    names.check_names(rows, findings)
    names.check_splits(root / version, rows, findings)
    chains.check_times(rows, findings)
    calibration.check_quaternions(rows, findings)
    opened = build(root, version, rows)
    chains.check_ego_poses(opened, findings)
    chains.check_annotation_chains(opened, rows, findings)
    del rows
    names.check_file_names(opened, findings)
    calibration.check_calibrations(opened, findings)
    masks.check_map_masks(opened, findings)
    _check_masks_present(opened, findings)
    segmentation.check_tables(opened, findings)
    extras.check_rows(opened, findings)
    counterfactuals.check_counterfactuals(opened, findings)
    lanes.check_maps(opened, findings)
    can_bus.check_files(opened, findings)
    prediction.check_prediction(opened, findings)
    loose_boxes.check_image_annotations(opened, findings)
    for scene in opened.scenes:
        findings.enter(scene.name)
        verify_scene(opened.as_of(scene), scene, findings)
        findings.enter("")
    return findings.report(str(root), version)


def reopen(report: VerifyReport) -> Dataset | None:
    """The dataset of a report as it was read for it, to draw pictures of; None where its tables are not sound."""
    root = Path(report.dataset)
    rows = _read_tables(root / report.version, Findings())
    return None if rows is None else build(root, report.version, rows)


def open_dataset(dataset: Path, version: str | None = None) -> Dataset:
    """Read the tables of a dataset, scene by scene, for those who look at it rather than judge it.

    Raises:
        UserError: it is no dataset, there is no such version, or several and none is named.
        StoreError: its tables are not sound.
    """
    version = _version(dataset, version)
    findings = Findings()
    rows = _read_tables(dataset / version, findings)
    if rows is None or findings.any():
        raise StoreError(f"{dataset}: the tables are not sound:\n{findings.report(str(dataset), version)}")
    return build(dataset, version, rows)


def _read_tables(version_dir: Path, findings: Findings) -> tables.Tables | None:
    """The tables, without optional ones that are unsound; None when a mandatory one is."""
    rows, unsound = tables.read_tables(version_dir, findings)
    for check in (tables.check_tokens, tables.check_keys):
        if not unsound.isdisjoint(tables.MANDATORY):
            return None
        rows = {table: found for table, found in rows.items() if table not in unsound}
        unsound = check(rows, findings)
    if not unsound.isdisjoint(tables.MANDATORY):
        return None
    return {table: found for table, found in rows.items() if table not in unsound}


def _version(root: Path, version: str | None) -> str:
    if not root.is_dir():
        why = "is no folder" if root.exists() else "there is no such folder"
        raise UserError(f"{root}: {why}; want the folder of a nuScenes dataset, as `av-synth export` writes it")
    found = sorted(path.parent.name for path in root.glob("*/sample.json"))
    if version is None and len(found) == 1:
        return found[0]
    if version is not None:
        if any(path.name == version and path.is_dir() for path in root.iterdir()):
            return version
        raise UserError(f"--version: got {version!r}; {root} has {', '.join(found) or 'none'}")
    if found:
        raise UserError(f"{root}: has {', '.join(found)}; want one of them as --version")
    inside = sorted(path.parent.parent.name for path in root.glob("*/*/sample.json"))
    ask = f"did you mean {root / inside[0]}?" if inside else "is it the dataset's root?"
    raise UserError(
        f"{root}: has no folder with a sample.json; want one nuScenes version, such as v1.0-trainval; {ask}"
    )


def _check_masks_present(dataset: Dataset, findings: Findings) -> None:
    if dataset.masks is not None:
        return
    if dataset.ours and not (dataset.root / dataset.version / "instance_mask.json").exists():
        findings.add("masks", "instance_mask.json", "the file is missing; a dataset with av_synth.json has one")
    for check in _MASK_CHECKS:
        findings.skip(check, "the dataset has no instance masks (instance_mask.json)")
