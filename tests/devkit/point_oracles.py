"""Questions about the labels of lidar points that the official nuscenes-devkit answers; usable on any dataset of ours.

assert panoptic_differences(nusc, tmp_path) == []
assert set(lidarseg_iou(nusc, tmp_path).values()) == {1.0}
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
from nuscenes import NuScenes
from nuscenes.eval.lidarseg.evaluate import LidarSegEval
from nuscenes.eval.lidarseg.utils import LidarsegClassMapper
from nuscenes.eval.panoptic.evaluate import NuScenesPanopticEval
from nuscenes.eval.panoptic.utils import PanopticClassMapper
from nuscenes.panoptic.generate_panoptic_labels import generate_panoptic_labels
from nuscenes.utils.data_io import load_bin_file

Labels = np.ndarray
SPLIT = "val"
MIN_INSTANCE_POINTS = 15  # as in the challenge


def panoptic_differences(nusc: NuScenes, folder: Path) -> list[str]:
    """Generate panoptic labels with the devkit; returns the tokens whose labels here are others."""
    generate_panoptic_labels(nusc, str(folder))
    different = []
    for row in nusc.panoptic:
        ours, theirs = (load_bin_file(str(root / row["filename"]), type="panoptic") for root in (_root(nusc), folder))
        if ours.dtype != theirs.dtype or not np.array_equal(ours, theirs):
            different.append(row["token"])
    return different


def point_labels(nusc: NuScenes) -> Iterator[tuple[str, Labels, Labels]]:
    """Token, lidarseg and panoptic labels of each sample."""
    for sample in nusc.sample:
        token = sample["data"]["LIDAR_TOP"]
        lidarseg = load_bin_file(str(_root(nusc) / nusc.get("lidarseg", token)["filename"]))
        yield token, lidarseg, load_bin_file(str(_root(nusc) / nusc.get("panoptic", token)["filename"]), "panoptic")


def lidarseg_iou(nusc: NuScenes, folder: Path, spoil: Callable[[Labels], None] | None = None) -> dict[str, float]:
    """Official lidar segmentation evaluation of perfect predictions, by each of the 16 classes that is there.

    Args:
        nusc: the dataset; all its scenes are evaluated.
        folder: where predictions may be written.
        spoil: may change each prediction in place.
    """
    mapper = LidarsegClassMapper(nusc)
    target = folder / "lidarseg" / SPLIT
    target.mkdir(parents=True)
    there: set[int] = set()
    for token, fine, _ in point_labels(nusc):
        coarse = mapper.convert_label(fine).astype(np.uint8)
        there |= set(coarse.tolist()) - {0}
        coarse[coarse == 0] = 1  # what is ignored must be something
        if spoil is not None:
            spoil(coarse)
        coarse.tofile(target / f"{token}_lidarseg.bin")
    with _every_scene(nusc):
        evaluation = LidarSegEval(nusc, str(folder), SPLIT)
        found = evaluation.evaluate()["iou_per_class"]
    return {evaluation.id2name[index]: float(found[evaluation.id2name[index]]) for index in sorted(there)}


def panoptic_scores(
    nusc: NuScenes, folder: Path, spoil: Callable[[Labels], None] | None = None
) -> dict[str, dict[str, float]]:
    """Official panoptic evaluation, tracking included, of perfect predictions: scores by class that is there.

    Args:
        nusc: the dataset; all its scenes are evaluated.
        folder: where predictions and results may be written.
        spoil: may change each prediction in place.
    """
    mapper = PanopticClassMapper(nusc)
    target = folder / "panoptic" / SPLIT
    target.mkdir(parents=True)
    there: set[int] = set()
    for token, _, labels in point_labels(nusc):
        coarse = mapper.convert_label(labels // 1000)
        there |= set(coarse.tolist()) - {0}
        predicted = (coarse * 1000 + labels % 1000).astype(np.uint16)
        if spoil is not None:
            spoil(predicted)
        np.savez_compressed(target / f"{token}_panoptic.npz", data=predicted)
    with _every_scene(nusc):
        evaluation = NuScenesPanopticEval(nusc, str(folder), SPLIT, "tracking", MIN_INSTANCE_POINTS, str(folder))
        one, other = evaluation.evaluate_segmentation(), evaluation.evaluate_tracking()
    names = [evaluation.id2name[index] for index in sorted(there)]
    return {name: {"PQ": one[name]["PQ"], "IoU": one[name]["IoU"], "PTQ": other[name]["PTQ"]} for name in names}


@contextmanager
def _every_scene(nusc: NuScenes) -> Iterator[None]:
    """Both evaluations know only hard-coded lists of scenes, and want every scene of the list."""
    splits = {SPLIT: [scene["name"] for scene in nusc.scene]}
    modules = ("lidarseg.utils", "panoptic.evaluate")
    with ExitStack() as stack:
        for name in modules:
            stack.enter_context(mock.patch(f"nuscenes.eval.{name}.create_splits_scenes", return_value=splits))
        yield


def _root(nusc: NuScenes) -> Path:
    return Path(nusc.dataroot)
