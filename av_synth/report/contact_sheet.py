"""One picture of one sample: all cameras with boxes, the lidar from above, and what the scene is about."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from av_synth.errors import StoreError
from av_synth.report import drawing
from av_synth.report.dataset_files import file_of, read_points
from av_synth.report.drawing import CLASS_COLOURS, Image, class_of
from av_synth.report.event_words import expectation_words
from av_synth.report.lidar_from_above import BoxFromAbove, height_colours, lidar_from_above
from av_synth.report.thumbnails import moment_us
from av_synth.rig.model import MAIN_LIDAR
from av_synth.store import replace_file
from av_synth.verify import open_dataset
from av_synth.verify.lens import Bend
from av_synth.verify.maths import Array, box_corners, inverse, move
from av_synth.verify.reading.model import Annotation, Data, Dataset, Sample, Scene

_CAMERA_PX = 640  # width of a camera in the sheet
_GAP, _MARGIN, _TITLE_PX, _LEGEND_PX = 8, 24, 92, 52
_REACH_M = 40.0
_LABEL_PX = 12.0
_LABEL_BOX_PX = 14.0  # boxes lower than this are too small to be labelled
_FRONT_VIEW_DEG = 90.0


@dataclass(frozen=True)
class _Story:
    """What av_synth.json says of a scene: the scenario, and its expectations as they are written there."""

    scenario: str
    seed: str
    expectations: tuple[Mapping[str, Any], ...]


def contact_sheet(dataset: Path, out: Path, sample: int | None = None, *, scene: str | None = None) -> Path:
    """Draw a sample of a dataset.

    Args:
        dataset: the root of a nuScenes dataset; the extra tables of av_synth are used where they are.
        out: the picture to write, .png or .jpg.
        sample: which sample of the scene, from 0; None takes the one nearest to the moment at which the first of the
            scenario's expectations was reached, or the middle one.
        scene: such as 'scene-0001'; None takes the first.

    Returns:
        `out`.

    Raises:
        UserError: there is no such folder, or it has several versions.
        StoreError: it is no dataset, its tables are not sound, it has no such scene or sample, or a file cannot be read
            or written.
        DataError: a table names a file that is not the dataset's, or a lidar turn is no rows of five numbers.
    """
    opened = open_dataset(dataset)
    chosen = _scene(opened, scene)
    story = _read_story(opened, chosen.name)
    place = _moment(chosen, story) if sample is None else sample
    if not 0 <= place < len(chosen.samples):
        raise StoreError(f"{dataset}: {chosen.name} has samples 0 to {len(chosen.samples) - 1}, got {place}")
    picture = _sheet(opened, chosen, place, story)
    try:
        _, data = cv2.imencode(out.suffix, picture)
    except cv2.error as error:
        raise StoreError(f"{out}: cannot be written: {error}; want a path that ends in .png or .jpg") from error
    replace_file(out, data.tobytes())
    return out


def _scene(dataset: Dataset, name: str | None) -> Scene:
    for scene in dataset.scenes:
        if name in (None, scene.name) and scene.samples:
            return scene
    raise StoreError(f"{dataset.root}: no scene {name!r}; it has {[scene.name for scene in dataset.scenes]}")


def _read_story(dataset: Dataset, scene: str) -> _Story:
    path = dataset.root / dataset.version / "av_synth.json"
    nothing = _Story("", "", ())
    if not path.exists():
        return nothing
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise StoreError(f"{path}: cannot be read as UTF-8 JSON: {error}") from error
    runs = content.get("runs", []) if isinstance(content, dict) else []
    for run in runs:
        if isinstance(run, dict) and run.get("scene") == scene:
            expectations = (run.get("outcome") or {}).get("expectations", [])
            return _Story(str(run.get("scenario", "")), str(run.get("seed", "")), tuple(expectations))
    return nothing


def _moment(scene: Scene, story: _Story) -> int:
    about_us = moment_us(story.expectations)
    if about_us is None:
        return len(scene.samples) // 2
    wanted_us = scene.samples[0].timestamp_us + about_us
    return min(range(len(scene.samples)), key=lambda k: abs(scene.samples[k].timestamp_us - wanted_us))


def _sheet(dataset: Dataset, scene: Scene, place: int, story: _Story) -> Image:
    sample = scene.samples[place]
    annotations = scene.annotations.get(sample.token, ())
    rows = _camera_rows(scene, sample)
    pictures = [[_camera(dataset, data, annotations) for data in row] for row in rows]
    height = sum(max(p.shape[0] for p in row) + _GAP for row in pictures) - _GAP
    cameras_width = max(len(row) for row in pictures) * (_CAMERA_PX + _GAP)
    side = max(height, 480)
    width = 2 * _MARGIN + cameras_width + side
    canvas: Image = np.full((_TITLE_PX + side + _LEGEND_PX, width, 3), drawing.BACKGROUND, dtype=np.uint8)
    y = _TITLE_PX + (side - height) // 2
    for row in pictures:
        for k, picture in enumerate(row):
            x = _MARGIN + k * (_CAMERA_PX + _GAP)
            canvas[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
        y += max(p.shape[0] for p in row) + _GAP
    left = _MARGIN + cameras_width
    canvas[_TITLE_PX : _TITLE_PX + side, left : left + side] = _lidar(dataset, scene, sample, annotations, side)
    drawing.polyline(canvas, np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * (side - 1) + (left, _TITLE_PX), (70, 64, 60))
    _title(canvas, scene, place, story)
    _legend(canvas, annotations)
    return canvas


def _camera_rows(scene: Scene, sample: Sample) -> list[list[Data]]:
    found = [scene.keyframe(sample.token, channel) for channel in scene.channels("camera")]
    usable = {data.channel: data for data in found if data is not None and data.calibration.intrinsic is not None}
    rows = rows_of_cameras({channel: data.calibration.ego_from_sensor for channel, data in usable.items()})
    if not rows:
        raise StoreError(f"{scene.name}: sample {sample.token} has no camera keyframe to draw")
    return [[usable[channel] for channel in row] for row in rows]


def rows_of_cameras(ego_from_camera: Mapping[str, Array]) -> list[list[str]]:
    """The cameras that look ahead, from left to right, then those that look back, as nuScenes' own pictures have them.

    Args:
        ego_from_camera: (4, 4) by channel.

    Returns:
        Channels; no row is empty.
    """
    yaws = {channel: _yaw_deg(pose) for channel, pose in ego_from_camera.items()}
    ahead = sorted((c for c, yaw in yaws.items() if abs(yaw) < _FRONT_VIEW_DEG), key=lambda c: -yaws[c])
    # behind, the left side of the car is kept on the left
    back = sorted((c for c, yaw in yaws.items() if abs(yaw) >= _FRONT_VIEW_DEG), key=lambda c: _back_order(yaws[c]))
    return [row for row in (ahead, back) if row]


def _yaw_deg(ego_from_camera: Array) -> float:
    axis = ego_from_camera[:3, 2]
    return math.degrees(math.atan2(axis[1], axis[0]))


def _back_order(yaw_deg: float) -> float:
    return -math.copysign(180.0 - abs(yaw_deg), yaw_deg)


def _camera(dataset: Dataset, data: Data, annotations: Sequence[Annotation]) -> Image:
    path = file_of(dataset.root, data.filename)
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None or data.calibration.intrinsic is None:
        raise StoreError(f"{path}: cannot be read as an image")
    scale = _CAMERA_PX / image.shape[1]
    size = (_CAMERA_PX, round(image.shape[0] * scale))
    shrink = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    canvas = np.asarray(cv2.resize(image, size, interpolation=shrink), dtype=np.uint8)
    # whole numbers are the middles of pixels before and after the scaling
    intrinsic = data.calibration.intrinsic.copy()
    intrinsic[:2] *= scale
    intrinsic[:2, 2] += (scale - 1.0) / 2.0
    lens = data.calibration.lens
    bend = None if lens is None else Bend(intrinsic, *lens, size)
    camera_from_world = inverse(data.world_from_sensor)
    placed: list[tuple[float, float, str, drawing.Colour]] = []
    for distance_m, annotation in _far_to_near(camera_from_world, annotations):
        corners = move(camera_from_world, box_corners(annotation.world_from_box, annotation.size_wlh_m))
        name = class_of(annotation.category)
        strong = _is_seen(annotation)
        top = drawing.camera_box(canvas, intrinsic, corners, CLASS_COLOURS[name], strong=strong, bend=bend)
        if top is not None and strong and top[2] >= _LABEL_BOX_PX:
            placed.append((top[0], top[1], f"{name} {distance_m:.0f} m", CLASS_COLOURS[name]))
    _labels(canvas, placed)
    drawing.plate(canvas, 8, 8 + _LABEL_PX + 6, data.channel, _LABEL_PX, drawing.INK)
    return canvas


def _is_seen(annotation: Annotation) -> bool:
    return annotation.visibility != "1" and annotation.num_lidar_pts + annotation.num_radar_pts > 0


def _far_to_near(camera_from_world: Array, annotations: Sequence[Annotation]) -> list[tuple[float, Annotation]]:
    centres = [move(camera_from_world, np.array([annotation.translation]))[0] for annotation in annotations]
    pairs = [
        (float(np.linalg.norm(centre)), annotation) for centre, annotation in zip(centres, annotations, strict=True)
    ]
    return sorted(pairs, key=lambda pair: -pair[0])


def _labels(canvas: Image, wanted: Sequence[tuple[float, float, str, drawing.Colour]]) -> None:
    """Write labels above boxes, nearest first, leaving out those that would cover another."""
    taken: list[tuple[float, float, float, float]] = []
    for middle, top, words, colour in reversed(wanted):
        width, height = drawing.text_width(words, _LABEL_PX * 0.8) + 6, _LABEL_PX * 0.8 + 6
        x = min(max(middle - width / 2, 2.0), canvas.shape[1] - width - 2.0)
        y = max(top - 3.0, 34.0 + height if x < 180 else height + 2.0)
        area = (x, y - height, x + width, y)
        if any(area[0] < t[2] and t[0] < area[2] and area[1] < t[3] and t[1] < area[3] for t in taken):
            continue
        taken.append(area)
        drawing.plate(canvas, x, y, words, _LABEL_PX * 0.8, colour)


def _lidar(dataset: Dataset, scene: Scene, sample: Sample, annotations: Sequence[Annotation], side: int) -> Image:
    data = scene.keyframe(sample.token, MAIN_LIDAR)
    if data is None:
        raise StoreError(f"{scene.name}: sample {sample.token} has no LIDAR_TOP keyframe to draw")
    points = read_points(file_of(dataset.root, data.filename))[:, :3].astype(np.float64)
    ego_from_world = inverse(data.ego_pose.world_from_ego)
    boxes = [
        BoxFromAbove(ego_from_world @ a.world_from_box, a.size_wlh_m, CLASS_COLOURS[class_of(a.category)], _is_seen(a))
        for a in annotations
    ]
    picture = lidar_from_above(move(data.calibration.ego_from_sensor, points), boxes, side, _REACH_M)
    drawing.plate(picture, 8, 8 + _LABEL_PX + 6, f"LIDAR_TOP   {len(points):,} points", _LABEL_PX, drawing.INK)
    return picture


def _title(canvas: Image, scene: Scene, place: int, story: _Story) -> None:
    seconds = (scene.samples[place].timestamp_us - scene.samples[0].timestamp_us) / 1e6
    x = float(_MARGIN)
    x += drawing.text(canvas, (x, 42), story.scenario or scene.name, 22, bold=True) + 18
    facts = [scene.name] if story.scenario else []
    facts += [f"seed {story.seed}"] if story.seed else []
    facts += [scene.location, f"sample {place + 1} of {len(scene.samples)}", f"t = {seconds:.1f} s"]
    drawing.text(canvas, (x, 42), "   ".join(facts), 15, drawing.FAINT)
    right, left = float(canvas.shape[1] - _MARGIN), float(canvas.shape[1] - _MARGIN)
    for k, expectation in enumerate(story.expectations[:3]):
        words, held = expectation_words(expectation), bool(expectation.get("held"))
        start = right - drawing.text_width(words, 14)
        drawing.text(canvas, (start, 30 + 24 * k), words, 14, drawing.GOOD if held else drawing.BAD)
        left = min(left, start)
    room = (left if len(story.expectations) > 2 else right) - 2 * _MARGIN
    drawing.text(canvas, (_MARGIN, 76), _shortened(scene.description, 14, room), 14, drawing.FAINT)


def _shortened(words: str, height_px: float, room_px: float) -> str:
    words = " ".join(words.split())
    if drawing.text_width(words, height_px) <= room_px:
        return words
    while words and drawing.text_width(words + " ...", height_px) > room_px:
        words = words.rpartition(" ")[0]
    return words + " ..."


def _legend(canvas: Image, annotations: Sequence[Annotation]) -> None:
    counts = Counter(class_of(annotation.category) for annotation in annotations)
    x, y = float(_MARGIN), canvas.shape[0] - _LEGEND_PX / 2 + 6
    for name in (name for name in CLASS_COLOURS if name in counts):
        swatch = np.add([[0, 0], [16, 0], [16, -12], [0, -12]], (x, y))
        drawing.fill(canvas, swatch, CLASS_COLOURS[name], 0.35)
        drawing.polyline(canvas, swatch, CLASS_COLOURS[name], 1)
        x += 24
        x += drawing.text(canvas, (x, y), f"{name} {counts[name]}", 13) + 26
    room = _height_scale(canvas, y) - x
    for words in ("filled face = front;  thin = hidden or without points", "filled = front;  thin = hidden"):
        if drawing.text_width(words, 13) + 40 < room:
            drawing.text(canvas, (x + 10, y), words, 13, drawing.FAINT)
            break


def _height_scale(canvas: Image, y: float) -> int:
    """Draw the colours of the lidar's points at the right end; returns where they begin."""
    bar = height_colours(np.linspace(0.0, 4.0, 140, dtype=np.float64))
    x = canvas.shape[1] - _MARGIN - drawing.text_width("4 m", 13)
    drawing.text(canvas, (x, y), "4 m", 13, drawing.FAINT)
    x -= len(bar) + 10
    canvas[round(y) - 11 : round(y) + 1, x : x + len(bar)] = bar
    words = "lidar height above the ground:  0 m"
    x -= drawing.text_width(words, 13) + 10
    drawing.text(canvas, (x, y), words, 13, drawing.FAINT)
    return x
