"""Detectors by name: classes of the user's and YOLOX as ONNX."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tiny_onnx

from av_synth.errors import UserError
from av_synth.grade import Detections2D
from av_synth.improve import LabelledImage, Trainable, load
from av_synth.improve.grading import detect_all
from av_synth.improve.yolox import fitted

OWN = """
class Own:
    classes = ("car",)

    def detect(self, images):
        return []


class Nothing:
    pass
"""


def test_a_class_of_a_file_in_the_folder_one_stands_in_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_own_detector.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])

    own = load("my_own_detector:Own")
    assert own.classes == ("car",)
    assert not isinstance(own, Trainable)
    assert isinstance(load("colours:Colours"), Trainable)
    with pytest.raises(UserError, match=r"my_own_detector:Nothing: has no `detect` or no `classes`"):
        load("my_own_detector:Nothing")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("colours", r"got 'colours'; want module:Class"),
        ("no_such_module:Detector", r"cannot be imported: No module named 'no_such_module'"),
        ("colours:Shapes", r"colours has no class 'Shapes'"),
        ("nowhere.onnx", r"got 'nowhere.onnx', no file; want the path of a YOLOX model"),
    ],
)
def test_what_is_no_detector_is_told_with_what_is_wanted(name: str, told: str) -> None:
    with pytest.raises(UserError, match=told):
        load(name)


WRONG = """
from av_synth.grade import Detections2D


class Seeing:
    classes = ("car",)

    def detect(self, images):
        return []


class Unmade(Seeing):
    def __init__(self):
        raise RuntimeError("no weights")


class OtherWords(Seeing):
    classes = ("person",)


class OneWord(Seeing):
    classes = "car"


class Forgetful(Seeing):
    def fit(self, images, seed):
        pass
"""


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Unmade", r"cannot be made without arguments: RuntimeError: no weights \(.*my_wrong_detector\.py:14\)"),
        ("OtherWords", r"its `classes` are \('person',\); want some of car, truck"),
        ("OneWord", r"its `classes` are 'car'; want some of car"),
        ("Forgetful", r"has `fit` and no `save`; want both"),
    ],
)
def test_a_class_that_cannot_be_used_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, told: str
) -> None:
    (tmp_path / "my_wrong_detector.py").write_text(WRONG)
    (tmp_path / "my_unreadable_detector.py").write_text("def detect(:")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    monkeypatch.delitem(sys.modules, "my_wrong_detector", raising=False)
    with pytest.raises(UserError, match=told):
        load(f"my_wrong_detector:{name}")
    with pytest.raises(UserError, match="cannot be imported: SyntaxError"):
        load("my_unreadable_detector:Detector")


class Answers:
    """Gives what it was told to, or raises it."""

    classes = ("car",)

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def detect(self, images: Any) -> Any:
        if isinstance(self._answer, BaseException):
            raise self._answer
        return self._answer


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            RuntimeError("out of memory"),
            r"raised in `detect`, shown .*0\.png and 0 more: RuntimeError: out of memory \(",
        ),
        (SystemExit(0), r"raised in `detect`, .*: SystemExit: 0 \("),
        (None, "answered with a NoneType; want a list of Detections2D"),
        ([], "was shown 1 images and answered for 0"),
        ([{}], r"answered for .*0\.png with a dict; want Detections2D of av_synth.grade"),
        ([Detections2D(["x"], ("car",), [0.5])], "with what are no arrays"),
    ],
)
def test_what_is_no_answer_is_told_with_what_is_wanted(tmp_path: Path, answer: Any, told: str) -> None:
    cv2.imwrite(str(tmp_path / "0.png"), np.zeros((4, 4, 3), dtype=np.uint8))
    image = LabelledImage(tmp_path / "0.png", "0.png", "scene", np.zeros((0, 4)), ())
    with pytest.raises(UserError, match=told):
        detect_all(Answers(answer), [image])
    (found,) = detect_all(Answers([Detections2D([], (), [])]), [image]).values()
    assert found.boxes.shape == (0, 4)


def test_without_torch_the_reference_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)  # as if it were not there
    monkeypatch.delitem(sys.modules, "av_synth.improve.reference_torch", raising=False)
    with pytest.raises(UserError, match=r"needs torch; pip install 'av-synth\[torch\]'"):
        load("av_synth.improve.reference_torch:Reference")


def test_yolox_finds_what_its_net_says_and_where(tmp_path: Path) -> None:
    # a net for 416 x 416: of the coarsest cells, 13 x 13 of 32 px, the one in row 6, column 4 says a car 64 px wide
    answer = np.zeros((1, 52 * 52 + 26 * 26 + 13 * 13, 85), dtype=np.float32)
    cell = 52 * 52 + 26 * 26 + 6 * 13 + 4
    answer[0, cell, :5] = [0.5, 0.5, np.log(2.0), np.log(1.0), 0.9]
    answer[0, cell, 5 + 2] = 0.8
    answer[0, cell + 1, :5] = [-0.4, 0.5, np.log(2.0), np.log(1.0), 0.5]  # nearly the same box, less sure
    answer[0, cell + 1, 5 + 2] = 0.8
    (tmp_path / "net.onnx").write_bytes(tiny_onnx.constant(answer))

    detector = load(str(tmp_path / "net.onnx"))
    (found,) = detector.detect([np.zeros((208, 416, 3), dtype=np.uint8)])
    assert found.classes == ("car",)
    assert found.scores == pytest.approx([0.72])
    assert found.boxes == pytest.approx(np.array([[112.0, 192.0, 176.0, 208.0]])), "cut at the image's edge"


def test_an_onnx_file_that_answers_otherwise_is_refused_for_each_size(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(tiny_onnx.constant(np.zeros((1, 7, 85), dtype=np.float32)))
    with pytest.raises(UserError, match=r"answers with \(1, 7, 85\), want \(1, 3549, 85\), as YOLOX") as caught:
        load(str(tmp_path / "net.onnx"))
    assert len(str(caught.value).splitlines()) == 3

    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(UserError, match="is no ONNX model that OpenCV reads"):
        load(str(tmp_path / "text.onnx"))


def test_a_picture_is_made_as_large_as_the_net_looks_and_grey_beside_it() -> None:
    picture, scale = fitted(np.full((90, 160, 3), 7, dtype=np.uint8), 640, 640)
    assert scale == 4.0
    assert (picture[:360] == 7).all()
    assert (picture[360:] == 114).all()
