"""COCO instances of every camera's keyframes: boxes, masks as run lengths, categories with nuScenes' numbers.

Source: cocodataset.org, "Data format", and for the compressed run lengths maskApi.c of pycocotools 2.0. The masks are
the run's instance masks to the pixel: nothing is made into polygons.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import numpy.typing as npt

import av_synth
from av_synth.errors import DataError, UserError
from av_synth.export.rows import JsonTable, Row, sides_px
from av_synth.export.scene import Box, Keyframe, Scene, lens_told, tight_box
from av_synth.export.splits import Splits
from av_synth.log.taxonomy import CATEGORIES
from av_synth.store import link_or_copy

_KINDS = ("animal", "human", "movable_object", "static_object", "vehicle")
_CATEGORY_IDS = {
    name: index for index, (name, _) in enumerate(CATEGORIES) if name.split(".")[0] in _KINDS and name != "vehicle.ego"
}
"""COCO's category id is nuScenes' index, 1 to 23; only what can be an instance has one."""


def write(runs: Sequence[Path], root: Path, splits: Splits, *, min_pixels: int = 10) -> None:
    """Write images/<CHANNEL>/ and annotations/instances_<split>.json.

    Args:
        runs: folders of committed runs.
        root: an empty folder.
        splits: one file of annotations each; `all` if there are none.
        min_pixels: what shows fewer pixels is a crowd (`iscrowd` 1), which evaluation neither asks for nor counts.

    Raises:
        UserError: if `min_pixels` is negative.
        DataError: if a run contradicts itself.
    """
    if min_pixels < 0:
        raise UserError(f"--option min_pixels: got {min_pixels}; want 0 or more")
    folder = root / "annotations"
    folder.mkdir()
    images = annotations = 0
    with ExitStack() as stack:
        parts = {
            (split, kind): stack.enter_context(JsonTable(folder / f"{split}.{kind}"))
            for split in splits.names
            for kind in ("images", "annotations")
        }
        for directory in runs:
            scene = Scene(directory)
            split = splits.of(scene.run_id)
            for keyframe in scene.keyframes():
                boxes = {box.actor_id: box for box in keyframe.boxes}
                for channel in _labelled(scene, keyframe):
                    images += 1
                    parts[split, "images"].add(_image(scene, keyframe, channel, images, root))
                    for row in _annotations(scene, keyframe, channel, boxes, min_pixels):
                        annotations += 1
                        parts[split, "annotations"].add({"id": annotations, "image_id": images, **row})
        categories = stack.enter_context(JsonTable(folder / "categories"))
        for name, index in sorted(_CATEGORY_IDS.items(), key=lambda item: item[1]):
            categories.add({"id": index, "name": name, "supercategory": name.split(".")[0]})
    for split in splits.names:
        _assemble(folder, split)
    (folder / "categories").unlink()


def _labelled(scene: Scene, keyframe: Keyframe) -> Iterator[str]:
    """The cameras whose image at a keyframe has an instance mask, be it an empty one."""
    for channel in keyframe.records:
        if scene.mask_file(channel, keyframe.frame) is not None:
            yield channel


def _image(scene: Scene, keyframe: Keyframe, channel: str, number: int, root: Path) -> Row:
    name = f"{channel}/{scene.run_id}_{keyframe.frame:06d}.jpg"
    target = root / "images" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    link_or_copy(scene.run.path(keyframe.records[channel].path), target)
    width, height = scene.sensors[channel].size_px
    return {
        "id": number,
        "file_name": name,
        "width": width,
        "height": height,
        "run_id": scene.run_id,
        "frame": keyframe.frame,
        "channel": channel,
        "timestamp_us": scene.clock.timestamp(keyframe.time_us),
        "camera_matrix": scene.sensors[channel].camera_matrix.tolist(),
        **lens_told(scene.sensors[channel]),
    }


def _annotations(
    scene: Scene, keyframe: Keyframe, channel: str, boxes: Mapping[int, Box], min_pixels: int
) -> Iterator[Row]:
    for mask in scene.masks(channel, keyframe.frame):
        category = _CATEGORY_IDS.get(scene.categories.get(mask.actor_id, ""))
        area = int(mask.pixels.sum())
        if category is None or not area:
            continue
        row: Row = {
            "category_id": category,
            "iscrowd": int(mask.ambiguous or area < min_pixels),
            "area": area,
            "bbox": _xywh(*tight_box(mask.pixels)),
            "segmentation": {"size": list(mask.pixels.shape), "counts": run_lengths(mask.pixels)},
            "track_id": mask.actor_id,
        }
        box = boxes.get(mask.actor_id)
        if box is not None:
            row |= {"visible_fraction": box.visible_fraction, "num_lidar_pts": box.num_lidar_pts}
        extent = scene.boxes_2d.get((channel, keyframe.frame, mask.actor_id))
        if extent is not None and not mask.ambiguous:
            if extent["visible_px"]:
                row["bbox"] = _xywh(*sides_px(extent))
            row["amodal_bbox"] = _xywh(*sides_px(extent, "amodal_"))
        yield row


def _xywh(left: int, top: int, right: int, bottom: int) -> list[int]:
    """COCO's box: the first pixel reaches from 0 to 1."""
    return [left, top, right - left, bottom - top]


def run_lengths(pixels: npt.NDArray[np.bool_]) -> str:
    """COCO's compressed run lengths of a mask (H, W): down the columns, false first, as text.

    A length from the third on is written as the difference to the one two before it; then five bits a character,
    lowest first, of which the fifth is the sign and a sixth says that more follow.
    """
    flat = pixels.ravel(order="F")
    ends = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    lengths = np.diff(np.concatenate([[0], ends, [flat.size]])).tolist()
    if flat[0]:
        lengths.insert(0, 0)
    text = bytearray()
    for index, length in enumerate(lengths):
        value = length - lengths[index - 2] if index > 2 else length
        more = True
        while more:
            bits = value & 0x1F
            value >>= 5
            more = value != (-1 if bits & 0x10 else 0)
            text.append((bits | 0x20 if more else bits) + 48)
    return text.decode("ascii")


def _assemble(folder: Path, split: str) -> None:
    """One file of the parts, copied block by block: a million annotations are never in memory together."""
    with (folder / f"instances_{split}.json").open("wb") as file:
        info = f'{{"info": {{"description": "av_synth {av_synth.__version__}, {split}"}}, "licenses": []'
        file.write(info.encode())
        for kind in ("categories", "images", "annotations"):
            part = folder / (kind if kind == "categories" else f"{split}.{kind}")
            file.write(f', "{kind}": '.encode())
            with part.open("rb") as content:
                shutil.copyfileobj(content, file)
            if kind != "categories":
                part.unlink()
        file.write(b"}\n")


def check(root: Path) -> None:
    """Raise DataError if there is no labelled image at all."""
    if not (root / "images").is_dir():
        raise DataError("COCO: no camera keyframe of these runs has an instance mask")
