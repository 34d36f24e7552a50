"""What the page is given, whatever it comes from: a card for each scene, and all that is in the scene that is open.

World, ego and box frames are right-handed, metres; cameras are OpenCV's, integer pixel coordinates are pixel centres.
A `Pose` is the upper three rows of a transform (4, 4), row by row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.report.drawing import class_of
from av_synth.report.page_lens import PageLens
from av_synth.report.thumbnails import front_camera

Pose = tuple[float, ...]
Facts = Mapping[str, float | int | bool | str | None]
THUMBNAIL_PX, STRIP_PX = 320, 160


@dataclass(frozen=True)
class Card:
    """A scene in the list. What is not known of it is None or empty.

    Attributes:
        id: by which the page asks for it.
        name: of the scenario, else of the scene.
        scene: its name in its dataset.
        weather: in words.
        duration_s: from the first recorded moment to the last.
        keyframes, cameras: how many.
        classes: how many things of each class are annotated in it.
        visibility: how many annotations there are of nuScenes' levels 1 to 4.
        ttc_s, distance_m: the least of the ego and anybody.
        drac_mps2: the greatest of the ego and anybody.
        contact: whether the ego touched anybody.
        held, asked: how many expectations held, of how many.
        never_began: events of the scenario that did not.
        viewer: whether there is a 3D viewer of it.
        problem: why it cannot be read, if so.
    """

    id: str
    name: str = ""
    scene: str = ""
    description: str = ""
    scenario: str = ""
    seed: int | None = None
    rig: str = ""
    town: str = ""
    weather: tuple[str, ...] = ()
    duration_s: float = 0.0
    keyframes: int = 0
    cameras: int = 0
    classes: Mapping[str, int] = field(default_factory=dict)
    visibility: tuple[int, int, int, int] = (0, 0, 0, 0)
    ttc_s: float | None = None
    distance_m: float | None = None
    drac_mps2: float | None = None
    contact: bool | None = None
    held: int = 0
    asked: int = 0
    never_began: tuple[str, ...] = ()
    viewer: bool = False
    problem: str = ""

    def to_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class View:
    """A camera at a keyframe: where it was, its size in pixels, fx, fy, cx, cy, and its lens; None for a pinhole."""

    channel: str
    camera_from_world: Pose
    size_px: tuple[int, int]
    intrinsics_px: tuple[float, float, float, float]
    lens: PageLens | None


@dataclass(frozen=True)
class Flat:
    """Boxes in a camera's image, [left, top, right, bottom] in pixels, the last two exclusive; empty for none.

    `seen` is around what is seen of a thing, `whole` around what it would fill if nothing stood before it.
    """

    seen: tuple[float, ...]
    whole: tuple[float, ...]


@dataclass(frozen=True)
class Box:
    """An annotation.

    Attributes:
        thing: key of `Detail.things`.
        level: nuScenes' visibility, 1 to 4; 0 for what is in no camera's field of view, or not known.
        fraction: of it that is seen, where that is known.
        flat: by channel.
        evidence: what there is to tell for and against it.
    """

    thing: str
    world_from_box: Pose
    size_lwh_m: tuple[float, float, float]
    level: int
    fraction: float | None
    attribute: str
    lidar_points: int
    radar_points: int
    speed_mps: float | None
    distance_m: float
    flat: Mapping[str, Flat]
    evidence: Facts


@dataclass(frozen=True)
class Frame:
    """A keyframe; `points` says whether it has a lidar turn."""

    time_s: float
    ego_from_world: Pose
    views: tuple[View, ...]
    points: bool
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class Thing:
    """Somebody or something that is annotated."""

    name: str
    category: str
    kind: str
    facts: Facts

    @staticmethod
    def of(category: str, name: str, facts: Facts) -> Thing:
        """A thing by its nuScenes category, and the name that the scenario has for it, or ''."""
        return Thing(name, category, class_of(category), facts)


@dataclass(frozen=True)
class Detail:
    """All that is in a scene.

    Attributes:
        card: as in the list.
        frames: keyframes in time order.
        things: by key.
        events: seconds, and what happened, in words.
        expectations: whether each held, and it in words.
        ttc: seconds, and the least time to collision then, seconds.
        facts: what else is known of it.
    """

    card: Card
    frames: tuple[Frame, ...]
    things: Mapping[str, Thing]
    events: tuple[tuple[float, str], ...]
    expectations: tuple[tuple[bool, str], ...]
    ttc: tuple[tuple[float, float], ...]
    facts: Facts

    def to_json(self) -> dict[str, object]:
        """As plain JSON values."""
        return asdict(self)


class Opened(ABC):
    """A scene that is read on demand. Its methods raise DataError or StoreError where its files cannot be used."""

    detail: Detail

    @abstractmethod
    def picture(self, frame: int, channel: str) -> Path | None:
        """The file of a camera at a keyframe; None if there is none."""

    @abstractmethod
    def points_ego(self, frame: int) -> npt.NDArray[np.float32] | None:
        """The lidar turn of a keyframe: x, y, z in metres, ego frame, and intensity (N, 4); None if there is none."""

    def front(self) -> list[Path | None]:
        """The picture of one camera, the front one if there is one, at every keyframe; empty without a camera."""
        channels = [view.channel for frame in self.detail.frames for view in frame.views]
        if not channels:
            return []
        channel = front_camera(channels)
        return [self.picture(k, channel) for k in range(len(self.detail.frames))]


class Source(ABC):
    """Scenes from one place."""

    title: str
    kind: str

    @abstractmethod
    def ids(self) -> Sequence[str]:
        """Of all scenes, in their order."""

    @abstractmethod
    def card(self, scene: str) -> Card:
        """What the list says of a scene; one that cannot be read has a `problem`."""

    @abstractmethod
    def open(self, scene: str) -> Opened:
        """Open a scene; raises AvSynthError if it cannot be read."""

    @abstractmethod
    def thumbnail(self, scene: str) -> bytes | None:
        """A small JPEG of the moment that it is about; None where there is nothing to show.

        Raises AvSynthError as `open`.
        """

    def run_folder(self, scene: str) -> Path | None:  # noqa: ARG002  only runs have one
        """The committed run that a scene is, for the 3D viewer."""
        return None


def pose_rows(a_from_b: Array) -> Pose:
    """The `Pose` of a transform (4, 4), to a tenth of a millimetre, and a millionth in its rotation."""
    rows = np.round(a_from_b[:3], 6)
    rows[:, 3] = np.round(a_from_b[:3, 3], 4)
    return tuple(rows.ravel().tolist())


def rounded(value: float | None, digits: int = 3) -> float | None:
    """A number as it is shown; None for what is not finite."""
    return None if value is None or not np.isfinite(value) else round(float(value), digits)


def levels(visibilities: Iterable[int]) -> tuple[int, int, int, int]:
    """How many there are of each level, 1 to 4."""
    found = list(visibilities)
    return (found.count(1), found.count(2), found.count(3), found.count(4))
