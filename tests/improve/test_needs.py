"""What a slice may lack, what is needed of what, and that nothing is graded that was learnt from."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from colours import Colours
from numpy.typing import NDArray

from av_synth.errors import StoreError, UserError
from av_synth.grade import Detections2D, Grades, SliceGrade
from av_synth.improve import Improvement, LabelledImage
from av_synth.improve.grading import detect_all, detect_unseen, needs, shortfalls
from av_synth.improve.images import read_images


def figures(values: Mapping[str, str], objects: int, recall: float, low: float, high: float) -> SliceGrade:
    found = round(recall * objects)
    nothing = (None, None, None)
    return SliceGrade(values, "", 9, objects, found, None, recall, low, high, *nothing, *nothing, objects < 20)


def grades(overall: float | None, *slices: SliceGrade) -> Grades:
    whole = figures({}, 100, overall or 0.0, 0.0, 1.0)
    if overall is None:
        whole = SliceGrade({}, "", 0, 0, 0, 0, *(None,) * 9, True)
    return Grades(10, {}, whole, slices, None)


def test_a_slice_may_lack_as_much_as_the_lower_end_of_its_interval_is_below_the_whole() -> None:
    poor = figures({"light": "night"}, 200, 0.4, 0.35, 0.45)
    few = figures({"light": "low sun"}, 4, 0.75, 0.2, 0.95)
    good = figures({"light": "day"}, 900, 0.8, 0.75, 0.85)
    joint = figures({"scene": "scene-0001", "class": "vehicle.car"}, 50, 0.0, 0.0, 0.1)
    found = shortfalls(grades(0.7, poor, few, good, joint))

    assert [(one.slice.slice_values["light"], one.fails) for one in found] == [
        ("low sun", False),  # nobody can tell yet: asked for, and not said to fail
        ("night", True),
        ("day", False),
    ]
    assert [one.may_lack for one in found] == [pytest.approx(0.5), pytest.approx(0.35), 0.0]


def test_what_nobody_is_in_cannot_be_graded() -> None:
    with pytest.raises(UserError, match="there is nobody in the images whom the detector knows"):
        shortfalls(grades(None))


def test_more_is_needed_of_runs_with_more_of_what_lacks() -> None:
    traits = {
        "scene-0001": {"scenario": "a", "weather": "dry", "light": "day", "parameters.gap_m": "part 1 of 3"},
        "scene-0002": {"scenario": "a", "weather": "dry", "light": "night", "parameters.gap_m": "part 2 of 3"},
        "scene-0003": {"scenario": "b", "weather": "dry", "light": "day", "parameters.gap_m": "part 1 of 3"},
    }
    car = "vehicle.car"
    in_scenes = [figures({"scene": scene, "class": car}, 10, 0.5, 0.4, 0.6) for scene in traits]
    graded = grades(
        0.7, figures({"light": "night"}, 30, 0.2, 0.1, 0.3), figures({"light": "day"}, 60, 0.8, 0.7, 0.9),
        figures({"class": car}, 90, 0.7, 0.6, 0.8), *in_scenes,
    )  # fmt: skip
    found = needs(graded, shortfalls(graded), traits)

    # a run gives 0.1 for its cars; that at night 0.6 more: the mean is 0.3, and one average run is added to each value
    assert found["light"] == {
        "day": pytest.approx((0.1 + 0.1 + 0.3) / 3 / 0.3),
        "night": pytest.approx((0.7 + 0.3) / 2 / 0.3),
    }
    assert found["scenario"]["a"] > found["scenario"]["b"]
    assert found["parameters.gap_m"]["part 2 of 3"] == found["light"]["night"]


def test_nothing_is_needed_more_where_nothing_lacks() -> None:
    good = grades(
        0.7, figures({"light": "day"}, 60, 0.8, 0.7, 0.9), figures({"scene": "s", "class": "c"}, 9, 0.7, 0, 1)
    )
    traits = {"s": {"scenario": "a", "weather": "dry", "light": "day"}}

    assert needs(good, shortfalls(good), traits) == {}


class Remembers(Colours):
    """Knows which scenes it has learnt from, and is told by a pixel's value which image it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.fits: list[set[str]] = []
        self.shown: list[tuple[int, bytes]] = []

    def fit(self, images: Sequence[LabelledImage], seed: int) -> None:
        super().fit(images, seed)
        self.fits.append({one.scene for one in images})

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections2D]:
        self.shown += [(len(self.fits) - 1, image.tobytes()) for image in images]
        return super().detect(images)


def test_no_image_is_graded_that_the_detector_has_learnt_from(improved: tuple[Path, Improvement]) -> None:
    dataset = improved[0] / "nuscenes"
    images = read_images(dataset)
    scene_of = {one.pixels().tobytes(): one.scene for one in images}
    detector = Remembers()
    found = detect_unseen(detector, dataset, 0)

    assert len(scene_of) == len(images), "no two images are alike, so that each is known again"
    assert found.keys() == {one.name for one in images}
    assert len(detector.fits) == 2
    assert all(scene_of[pixels] not in detector.fits[fit] for fit, pixels in detector.shown)


def test_images_have_the_boxes_of_whom_one_sees(improved: tuple[Path, Improvement]) -> None:
    image = read_images(improved[0] / "nuscenes")[0]

    assert image.scene == "scene-0001"
    assert image.file.is_file()
    assert image.pixels().shape == (90, 160, 3)
    assert {"car", "truck"} <= set(image.classes)
    assert image.boxes.shape == (len(image.classes), 4)
    assert (image.boxes[:, 2:] > image.boxes[:, :2]).all()


def test_a_detector_that_leaves_images_out_is_told_so(improved: tuple[Path, Improvement]) -> None:
    class Lazy(Colours):
        def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections2D]:
            return super().detect(images)[1:]

    with pytest.raises(UserError, match="was shown 16 images and answered for 15; want one each"):
        detect_all(Lazy(), read_images(improved[0] / "nuscenes"))


def test_images_of_a_dataset_that_is_not_whole_are_an_error_that_says_so(
    improved: tuple[Path, Improvement], tmp_path: Path
) -> None:
    (tables,) = (improved[0] / "nuscenes").glob("*/sample.json")
    shutil.copytree(tables.parent, tmp_path / tables.parent.name)
    (tmp_path / tables.parent.name / "calibrated_sensor.json").write_text("[]")

    with pytest.raises(StoreError, match="a table lacks what nuScenes has"):
        read_images(tmp_path)
