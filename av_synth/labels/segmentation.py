"""What each lidar point met: a nuScenes category, and which instance of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.capture import LidarScan
from av_synth.geometry.boxes import points_inside
from av_synth.geometry.transforms import Array
from av_synth.log.semantics import EGO_CATEGORY, NO_CATEGORY, NOISE_CATEGORY, SURFACES
from av_synth.log.state import ActorInfo
from av_synth.log.taxonomy import CATEGORIES

CATEGORY_INDEX: Mapping[str, int] = {name: index for index, (name, _) in enumerate(CATEGORIES)}
GROUND = [index for name, index in CATEGORY_INDEX.items() if name.startswith("flat.")]
_MAX_INSTANCES = 999
"""Of one scene: panoptic labels leave three decimal digits to the instance."""

_BY_TAG = np.full(256, CATEGORY_INDEX[NO_CATEGORY], dtype=np.uint8)
for _tag, (_, _category) in SURFACES.items():
    _BY_TAG[_tag] = CATEGORY_INDEX[_category or NO_CATEGORY]


@dataclass(frozen=True)
class InstanceBox:
    """One annotated box in the lidar's frame: `lidar_from_box` (4, 4), size (3,), and its number in the scene, 1.. ."""

    category: str
    instance: int
    lidar_from_box: Array
    size_lwh_m: Array


def point_categories(scan: LidarScan, infos: Mapping[int, ActorInfo], ego_id: int) -> npt.NDArray[np.uint8]:
    """Index (N,) of each point's nuScenes category.

    A point on an actor has the actor's category, a rider that of the two-wheeler, the ego vehicle.ego. Everything else
    has that of its surface (`log.semantics`), actors that nuScenes does not annotate too, such as traffic lights. What
    is of the weather is noise.

    Args:
        scan: the points.
        infos: who took part.
        ego_id: who carries the lidar.
    """
    categories = _BY_TAG[scan.tag]
    ids, which = np.unique(scan.actor_id, return_inverse=True)
    for place, actor_id in enumerate(ids.tolist()):
        info = infos.get(actor_id)
        category = EGO_CATEGORY if actor_id == ego_id else ("" if info is None else info.category)
        if category:
            categories[which == place] = CATEGORY_INDEX[category]
    categories[~scan.is_surface] = CATEGORY_INDEX[NOISE_CATEGORY]
    return categories


def panoptic(
    points_m: npt.NDArray[np.float32], categories: npt.NDArray[np.uint8], boxes: Sequence[InstanceBox]
) -> npt.NDArray[np.uint16]:
    """Panoptic labels (N,): 1000 times the category's index, plus the instance for what stands or moves by itself.

    nuScenes' own rule: a point of a thing (categories 1 to 23) belongs to the box of its category that holds it; if
    none does, or more than one, or the instance's number has more than three digits, its label is 0.
    Source: nuscenes-devkit 1.2.0, nuscenes/panoptic/generate_panoptic_labels.py.

    Args:
        points_m: (N, 3), lidar frame.
        categories: (N,), as from `point_categories`.
        boxes: the annotated boxes of the keyframe.
    """
    things = np.flatnonzero((categories > 0) & (categories < CATEGORY_INDEX["flat.driveable_surface"]))
    labels: npt.NDArray[np.uint16] = categories.astype(np.uint16) * np.uint16(1000)
    found = np.zeros(len(things), dtype=np.uint16)
    boxes_around = np.zeros(len(things), dtype=np.uint16)
    for box in boxes:
        own = np.flatnonzero(categories[things] == CATEGORY_INDEX[box.category])
        inside = own[points_inside(box.lidar_from_box, box.size_lwh_m, points_m[things[own]])]
        boxes_around[inside] += np.uint16(1)
        found[inside] = box.instance if box.instance <= _MAX_INSTANCES else 0
    clear = (boxes_around == 1) & (found > 0)
    labels[things] = np.where(clear, labels[things] + found, 0)
    return labels
