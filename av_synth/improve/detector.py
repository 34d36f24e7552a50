"""What a detector has to be to be graded and improved, and how one is found: a class of the user's, or an ONNX file."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from av_synth.errors import AvSynthError, UserError
from av_synth.grade import Detections2D
from av_synth.grade.classes import CLASSES
from av_synth.improve.images import LabelledImage

Image = NDArray[np.uint8]
"""(H, W, 3) uint8 RGB."""

_PACKAGE = Path(__file__).parents[1]
_WANT = "want module:Class, such as av_synth.improve.reference_torch:Reference, or the path of an .onnx file"


@runtime_checkable
class Detector(Protocol):
    """Finds actors in images."""

    @property
    def classes(self) -> Collection[str]:
        """Detection classes of nuScenes that it knows; others are neither asked of it nor held against it."""

    def detect(self, images: Sequence[Image]) -> Sequence[Detections2D]:
        """What it finds in each image, in their order."""


@runtime_checkable
class Trainable(Detector, Protocol):
    """A detector that learns from what it is shown."""

    def fit(self, images: Sequence[LabelledImage], seed: int) -> None:
        """Forget everything and learn from these images alone; equal images and seed make an equal detector."""

    def save(self, file: Path) -> None:
        """Write what it has learnt to a new file."""


def load(model: str) -> Detector:
    """The detector that somebody names.

    Args:
        model: `module:Class`, made without arguments, from a package or a file in the folder one stands in; or the path
            of an ONNX file with the inputs and outputs of YOLOX and the classes of COCO.

    Raises:
        UserError: if there is none, or it is no detector.
    """
    if model.endswith(".onnx"):
        from av_synth.improve.yolox import YoloxDetector

        return YoloxDetector(model)
    module_name, colon, class_name = model.partition(":")
    if not (colon and module_name and class_name):
        raise UserError(f"--model: got {model!r}; {_WANT}")
    here = str(Path.cwd())
    if here not in sys.path:  # as `python -m` does: a file of one's own is found without being installed
        sys.path.insert(0, here)
    with blamed(f"--model: {model}: cannot be imported"):
        try:
            module = importlib.import_module(module_name)
        except ImportError as error:
            raise UserError(f"--model: {model}: cannot be imported: {error}; {_WANT}") from error
    made = getattr(module, class_name, None)
    if not callable(made):
        raise UserError(f"--model: {model}: {module_name} has no class {class_name!r}; {_WANT}")
    with blamed(f"--model: {model}: cannot be made without arguments"):
        detector = made()
    _refuse(model, detector)
    return detector


@contextmanager
def blamed(what: str) -> Iterator[None]:
    """Tell errors of somebody else's code as what they are, with its line.

    Raises:
        UserError: in place of any error that is not of av_synth.
    """
    try:
        yield
    except AvSynthError:
        raise
    except (Exception, SystemExit) as error:  # an exit in the middle would look as if all were done
        raise UserError(f"{what}: {type(error).__name__}: {error}{_place(error)}") from error


def _place(error: BaseException) -> str:
    """Where in the user's code it was raised, or from."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not (frame.filename.startswith("<") or Path(frame.filename).is_relative_to(_PACKAGE))
        and "importlib" not in Path(frame.filename).parts
    ]
    return f" ({frames[0].filename}:{frames[0].lineno})" if frames else ""


def _refuse(model: str, detector: object) -> None:
    """Raise UserError if something is no detector, before anything is spent on it."""
    says = "docs/how-to/improve.md says what it needs"
    if not isinstance(detector, Detector):
        raise UserError(f"--model: {model}: has no `detect` or no `classes`; {says}")
    classes = detector.classes
    if isinstance(classes, str) or not isinstance(classes, Collection) or not classes or {*classes} - {*CLASSES}:
        raise UserError(f"--model: {model}: its `classes` are {classes!r}; want some of {', '.join(CLASSES)}")
    if hasattr(detector, "fit") != hasattr(detector, "save"):
        has, lacks = ("fit", "save") if hasattr(detector, "fit") else ("save", "fit")
        raise UserError(f"--model: {model}: has `{has}` and no `{lacks}`; want both, or none if it does not learn")
