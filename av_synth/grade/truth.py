"""What there is to find in a dataset, in 3D, by the rules of the nuScenes detection task."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from av_synth.errors import StoreError, UserError
from av_synth.export.nuscenes.official import PREDEFINED_SPLITS, SPLITS
from av_synth.geometry.boxes import points_inside
from av_synth.geometry.transforms import Array, matrix_from_quaternion
from av_synth.grade.classes import BICYCLE_RACK, CLASS_OF_CATEGORY, CLASSES, RANGE_M
from av_synth.grade.matching import Floats
from av_synth.grade.submission import Boxes, boxes_of
from av_synth.query import Row, Tables, one_of_each_sample

_LONGEST_GAP_S = 1.5  # between two annotations that a velocity is derived of; twice that across one in the middle
_IN_RACKS = [CLASSES.index(name) for name in ("bicycle", "motorcycle")]
_RANGES_M = np.array(list(RANGE_M.values()))


@dataclass(frozen=True)
class SampleTruth:
    """What there is in a sample.

    Attributes:
        annotation_tokens: of the objects.
        boxes: of the objects, in the same order.
        ego_m: (3,) float64, where the ego is.
        racks: of bicycle racks, the pose in the world (4, 4) and the size as length, width, height.
    """

    annotation_tokens: tuple[str, ...]
    boxes: Boxes
    ego_m: Floats
    racks: tuple[tuple[Array, Floats], ...]

    def range_m(self, boxes: Boxes) -> Floats:
        """How far boxes are from the ego over the ground (N,)."""
        return np.hypot(*(boxes.centre_m - self.ego_m)[:, :2].T)

    def graded(self, boxes: Boxes) -> NDArray[np.bool_]:
        """Which boxes (N,) are: those within the range of their class, and no bicycles in racks."""
        graded = self.range_m(boxes) < _RANGES_M[boxes.class_of]
        for world_from_rack, lwh_m in self.racks:
            parked = points_inside(world_from_rack, lwh_m, boxes.centre_m)
            graded &= ~(parked & np.isin(boxes.class_of, _IN_RACKS))
        return graded


class Truth:
    """What there is in each sample of a dataset."""

    def __init__(self, tables: Tables) -> None:
        """Of its tables; raises StoreError if one cannot be read."""
        self._tables = tables
        self._samples, self._annotations = tables.by("sample"), tables.by("sample_annotation")
        self._of_sample: dict[str, list[Row]] = defaultdict(list)
        for row in self._annotations.values():
            self._of_sample[row["sample_token"]].append(row)
        self._categories = _categories(tables)
        self._attributes = {row["token"]: row["name"] for row in tables.rows("attribute")}
        self._egos = _egos(tables)

    @property
    def samples(self) -> Sequence[str]:
        """Tokens of all samples, in the order of their table."""
        return tuple(self._samples)

    def samples_of(self, split: str) -> Sequence[str]:
        """Tokens of the samples of a split: nuScenes' own, or one of splits.json.

        Raises:
            UserError: if there is no such split, or none of its scenes is in the dataset.
        """
        listed: Mapping[str, Sequence[str]] = self._tables.json("splits", {})
        lists = {name: scenes for name, scenes in listed.items() if name not in PREDEFINED_SPLITS} | SPLITS
        if split not in lists:
            raise UserError(f"{self._tables.folder}: no split {split!r}; want one of {', '.join(lists)}")
        scenes = {row["token"] for row in self._tables.rows("scene") if row["name"] in set(lists[split])}
        found = tuple(token for token, row in self._samples.items() if row["scene_token"] in scenes)
        if not found:
            raise UserError(f"{self._tables.folder}: no scene of the split {split!r} is in this dataset")
        return found

    def of(self, sample_token: str) -> SampleTruth:
        """What there is in one sample, whatever its range."""
        rows = self._of_sample[sample_token]
        racks = tuple(
            (matrix_from_quaternion(row["rotation"], row["translation"]), np.array(row["size"])[[1, 0, 2]])
            for row in rows
            if self._categories[row["instance_token"]] == BICYCLE_RACK
        )
        graded = [
            row
            for row in rows
            if self._categories[row["instance_token"]] in CLASS_OF_CATEGORY
            and row["num_lidar_pts"] + row["num_radar_pts"]
        ]
        boxes = boxes_of([self._as_submitted(row) for row in graded])
        return SampleTruth(tuple(row["token"] for row in graded), boxes, self._egos[sample_token], racks)

    def _as_submitted(self, row: Row) -> Row:
        attributes = [self._attributes[token] for token in row["attribute_tokens"]]
        if len(attributes) > 1:
            where = f"{self._tables.folder}: annotation {row['token']}"
            raise StoreError(f"{where}: has {len(attributes)} attributes; want one at most")
        return {
            **{key: row[key] for key in ("translation", "size", "rotation")},
            "velocity": self._velocity_mps(row),
            "detection_name": CLASS_OF_CATEGORY[self._categories[row["instance_token"]]],
            "attribute_name": "".join(attributes),
            "detection_score": 0.0,
        }

    def _velocity_mps(self, row: Row) -> tuple[float, float]:
        """Of two annotations around this one, or of it and its only neighbour, as readers of nuScenes derive it."""
        first, last = (self._annotations.get(row[key], row) for key in ("prev", "next"))
        stamps = (self._samples[each["sample_token"]]["timestamp"] for each in (first, last))
        since, until = (1e-6 * stamp for stamp in stamps)
        ends = sum(each is not row for each in (first, last))
        if not 0.0 < until - since <= _LONGEST_GAP_S * ends:
            return float("nan"), float("nan")
        (x, y), (was_x, was_y) = last["translation"][:2], first["translation"][:2]
        return (x - was_x) / (until - since), (y - was_y) / (until - since)


def _categories(tables: Tables) -> dict[str, str]:
    """Names of categories by instance."""
    names = {row["token"]: row["name"] for row in tables.rows("category")}
    return {row["token"]: names[row["category_token"]] for row in tables.rows("instance")}


def _egos(tables: Tables) -> dict[str, Floats]:
    """Where the ego was by sample, when its lidar looked, or the first of its sensors by name."""
    sensors = {row["token"]: row["channel"] for row in tables.rows("sensor")}
    channels = {row["token"]: sensors[row["sensor_token"]] for row in tables.rows("calibrated_sensor")}
    poses = tables.by("ego_pose")
    rows = (row for row in tables.rows("sample_data") if row["is_key_frame"])
    looked = one_of_each_sample(rows, channels, "LIDAR_TOP")
    return {
        sample: np.array(poses[row["ego_pose_token"]]["translation"], dtype=np.float64)
        for sample, row in looked.items()
    }
