"""What a verification says: findings, what was looked at, and what could not be looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from av_synth.verify.measures import Measures

KEPT_PER_CHECK = 25
"""Findings kept per check; the rest are counted, so that a wrong dataset of any size gives a short report."""

CHECKS: Mapping[str, str] = {
    "schema": "every table and field is there, with the right JSON type and finite numbers",
    "tokens": "tokens are unique in their table",
    "keys": "every foreign key points at a row; every log has a map",
    "names": "categories, attributes, modalities, levels, scene and file names are ones that readers know",
    "timestamps": "times are whole microseconds of this century, samples 0.5 s apart, tables in time order",
    "sample_chain": "samples of a scene form one chain, as long as the scene says",
    "data_chain": "each channel's data of a scene form one chain in time order, each row with the right sample",
    "keyframes": "each sample has exactly one keyframe of every channel, taken at the sample's time",
    "annotation_chain": "annotations of an instance form one chain, one a sample, in one scene",
    "ego_poses": "each sample_data has an ego pose of its own token and time",
    "quaternions": "rotations are unit quaternions w, x, y, z",
    "intrinsics": "camera matrices are pinhole, plausible and near the middle of the image",
    "mounts": "sensors are on the car; those with nuScenes' names look where these say, upright, in nuScenes' axes",
    "ego_motion": "the ego stands upright, is in one place at one time, and does not jump",
    "attributes": "each annotation has at most one attribute, of its category's family, in keeping with its motion",
    "sizes": "boxes have the size of such a thing, longer than wide where it is a vehicle, constant in a scene",
    "headings": "boxes stand upright, do not flip from sample to sample, and are not driven backwards",
    "files": "every file is in its place and has its own data",
    "images": "camera images decode whole, have the stated size and are not blank",
    "lidar_files": "lidar files are five float32 columns of a whole turn, rings counted from the lowest beam",
    "lidar_devices": "points of a lidar that is a device are of its beams, in its turn and its reach",
    "radar_files": "radar files have nuScenes' header, whole records and one byte more",
    "map_masks": "map masks are 8-bit images and the ego drives on their foreground",
    "lidar_counts": "num_lidar_pts is the number of lidar points in the box",
    "radar_counts": "num_radar_pts is the number of radar points in the box",
    "ground": "boxes stand on the ground that the lidar sees around them",
    "lidar_static": "what stands still stays put in the world from lidar turn to lidar turn",
    "radar_velocity": "radar speeds of what stands still are minus the sensor's own",
    "radar_truth": "radar returns are of what they are told to be of: there, and as fast, to 0.1 m/s",
    "masks": "each camera keyframe has an instance mask of its size whose instances exist",
    "mask_in_box": "the pixels of an instance lie inside its projected box",
    "box_in_mask": "a box that is fully visible is filled by its instance, up to its edges",
    "missing_boxes": "each instance seen in a camera has an annotation in that sample",
    "visibility": "the visibility level agrees with the visible pixels",
    "lidar_on_masks": "lidar points of a box fall on its instance in the cameras",
    "colours": "plants are redder than roads: red and blue of the images are not swapped",
    "image_on_masks": "the edges in the image are where the mask has them, and not in another frame or turned over",
    "box_points": "the lidar points of a thing, by its mask and class, are inside its box",
    "boxes_2d": "2D boxes and their pixels are those of the instance mask; levels of visibility follow from them",
    "image_annotations": "image_annotations.json has the corners of each annotation's own box in its own image",
    "label_images": "semantic, depth and flow images are there, as large as the image, and name known classes",
    "depth": "the depth image has what the lidar measures",
    "flow": "the flow of what stands still follows from depth and the ego's motion",
    "closure": "camera, lidar, mounts and focal length agree where depth image and lidar see the same",
    "time_shift": "camera, lidar and boxes are of one instant, not a frame apart",
    "lidarseg": "each lidar keyframe has a class for each point; boxes and classes agree",
    "panoptic": "panoptic labels follow from lidarseg and boxes by the devkit's rule",
    "point_actors": "actors of lidar points are those of the boxes that hold the points",
    "surfaces": "lidar classes agree with semantic images, the map's mask and the ego's own body",
    "map_expansion": "the vector map has every key, its tokens resolve, its polygons are valid and on the canvas",
    "map_lanes": "lanes and connectors have paths that meet; the ego drives on the drivable area",
    "basemap": "the basemap is there and has the map's shape",
    "can_bus": "CAN messages have their keys in order, rising times that cover the scene, and true values",
    "can_motion": "CAN poses and speeds are the ego's",
    "motion_sensors": "IMU and GNSS err as their devices say, and what they measured leads where the ego went",
    "prediction": "prediction tokens exist and have 6 s of future",
    "velocities": "true velocities and accelerations agree with how the boxes move",
    "sample_truth": "each sample has its criticality, phase and faults; metrics follow from boxes and velocities",
    "faults": "data of sensors that fail are as the fault says, and faults are of sensors that can have them",
    "label_quality": "each annotation says how good its label is",
    "counterfactuals": "counterparts in two scenes are one thing, or one moment, in both",
    "diagnosis": "no single mistake explains what the other checks found",
}
"""Every check, in the order of the report, with what it holds true when it finds nothing."""


@dataclass(frozen=True)
class Place:
    """Where something is: the words for it, and the scene (its name) and annotation (its token) that it makes unfit."""

    text: str
    scene: str = ""
    annotation: str = ""

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Finding:
    """One thing that is not true: the check, the table, token or file, and what was got and wanted.

    `scene` (a name) and `annotation` (a token) are what is unfit for use because of it; the dataset if both are ''.
    """

    check: str
    where: str
    message: str
    scene: str = ""
    annotation: str = ""

    def __str__(self) -> str:
        return f"[{self.check}] {self.where}: {self.message}"


@dataclass(frozen=True)
class VerifyReport:
    """The result of one verification.

    Attributes:
        dataset, version: what was read.
        problems: the findings, at most `KEPT_PER_CHECK` a check, in the order of `CHECKS`.
        counts: per check, how many things (rows, files, boxes, pairs) were looked at.
        found: per check with findings, how many there were, those not kept included.
        not_run: per check that could not be made, why; such a check has neither passed nor failed.
        notes: true but worth knowing, such as consumers that cannot read this rig.
        unfit: the first finding of each check for each scene and annotation that has any, uncapped.
        measures: the errors of labels by class, range and visibility.
    """

    dataset: str
    version: str
    problems: tuple[Finding, ...]
    counts: Mapping[str, int]
    found: Mapping[str, int] = field(default_factory=dict)
    not_run: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    unfit: tuple[Finding, ...] = ()
    measures: Measures = field(default_factory=Measures)

    @property
    def ok(self) -> bool:
        """Whether nothing untrue was found."""
        return not self.problems

    def __str__(self) -> str:
        hidden = sum(self.found.values()) - len(self.problems)
        more = [f"... and {hidden} more"] if hidden else []
        return "\n".join([*map(str, self.problems), *more])


class Findings:
    """Gathers findings, and the measured errors of labels, while checks run."""

    def __init__(self) -> None:
        self.measures = Measures()
        self._scene = ""
        self._unfit: dict[tuple[str, str, str], Finding] = {}
        self._problems: dict[str, list[Finding]] = {name: [] for name in CHECKS}
        self._found: dict[str, int] = dict.fromkeys(CHECKS, 0)
        self._counts: dict[str, int] = dict.fromkeys(CHECKS, 0)
        self._not_run: dict[str, str] = {}
        self._notes: list[str] = []
        self._left_out: dict[str, int] = {}

    def enter(self, scene: str) -> None:
        """Findings that follow are about this scene; '' for none in particular."""
        self._scene = scene

    def add(self, check: str, where: str | Place, message: str) -> None:
        """Record one finding."""
        place = where if isinstance(where, Place) else Place(where, self._scene)
        finding = Finding(check, _printable(place.text), _printable(message), place.scene, place.annotation)
        self._found[check] += 1
        if len(self._problems[check]) < KEPT_PER_CHECK:
            self._problems[check].append(finding)
        self._unfit.setdefault((place.scene, place.annotation, check), finding)

    def checked(self, check: str, things: int = 1) -> None:
        """Count things that a check has looked at."""
        self._counts[check] += things

    def skip(self, check: str, reason: str) -> None:
        """Say that a check could not be made; a second reason for the same check is dropped."""
        self._not_run.setdefault(check, reason)

    def left_out(self, check: str) -> None:
        """Count a thing that a check was not made on, because a sensor is known to fail."""
        self._left_out[check] = self._left_out.get(check, 0) + 1

    def note(self, text: str) -> None:
        """Add something worth knowing that is not untrue."""
        self._notes.append(_printable(text))

    def any(self) -> bool:
        """Whether there are findings."""
        return any(self._found.values())

    def count(self, check: str) -> int:
        """How many findings a check has made so far."""
        return self._found[check]

    def report(self, dataset: str, version: str) -> VerifyReport:
        """End it; a check that has looked at nothing is reported as not run."""
        if self._left_out:
            told = ", ".join(f"{check} {self._left_out[check]:,}" for check in CHECKS if check in self._left_out)
            self.note(f"data of sensors that fail, by sample_truth.json, were left out of these checks: {told}")
        for check in CHECKS:
            if not self._counts[check] and not self._found[check]:
                self.skip(check, "the dataset has nothing to check it on")
        return VerifyReport(
            dataset=dataset,
            version=version,
            problems=tuple(finding for found in self._problems.values() for finding in found),
            counts={check: n for check, n in self._counts.items() if n},
            found={check: n for check, n in self._found.items() if n},
            not_run={check: why for check, why in self._not_run.items() if not self._counts[check]},
            notes=tuple(self._notes),
            unfit=tuple(self._unfit[key] for key in sorted(self._unfit)),
            measures=self.measures,
        )


def _printable(text: str) -> str:
    """Text that any UTF-8 terminal or file takes: JSON can name halves of surrogate pairs."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
