"""The cameras of a run at any frame: what they saw last, with the boxes of who is in sight."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from av_synth.export.rows import lenses_of, pose_of
from av_synth.geometry.transforms import Array, invert
from av_synth.replay.state_log import StateLog
from av_synth.report import drawing
from av_synth.report.contact_sheet import rows_of_cameras
from av_synth.report.drawing import CLASS_COLOURS, Image, class_of
from av_synth.report.thumbnails import picture_of
from av_synth.store import Run
from av_synth.verify.lens import Bend
from av_synth.verify.maths import box_corners, move

_REACH_M = 60.0
_LEAST_SEEN_PX = 60.0  # in the video: who is seen with fewer pixels has no box
_LATE = 1.5  # intervals without a picture, after which that is said


@dataclass(frozen=True)
class Camera:
    """One camera and its pictures.

    Attributes:
        ego_from_camera: (4, 4).
        intrinsic: (3, 3), pixels.
        size_px: width and height of its pictures.
        frames: when they were taken, in rising order.
        paths: where each is, relative to the run.
        keyframes: those of the frames that are labelled.
        lens: its model and coefficients; None for a pinhole.
    """

    channel: str
    ego_from_camera: Array
    intrinsic: Array
    size_px: tuple[int, int]
    frames: tuple[int, ...]
    paths: tuple[str, ...]
    keyframes: tuple[int, ...]
    lens: tuple[str, Array] | None = None

    @property
    def every_ticks(self) -> int:
        """Ticks between its pictures; 1 if it has but one."""
        return min(np.diff(self.frames).tolist(), default=1)


class Cameras:
    """The cameras of a run.

    Attributes:
        rows: as they are arranged, from left to right.
    """

    def __init__(self, run: Run, log: StateLog, names: Mapping[int, str], *, boxes: bool) -> None:
        """Read where they are and when they saw something.

        Args:
            run: whose cameras.
            log: of that run.
            names: of actors whose boxes are named.
            boxes: whether boxes are drawn.

        Raises:
            StoreError: if that cannot be read.
        """
        self._run, self._log, self._names, self._boxes = run, log, names, boxes
        found = {camera.channel: camera for camera in _cameras(run)}
        order = rows_of_cameras({channel: camera.ego_from_camera for channel, camera in found.items()})
        self.rows = [[found[channel] for channel in row] for row in order]
        self._world_from_ego = (
            {row["frame"]: pose_of(row) for row in run.table("ego_poses").to_pylist()} if boxes else {}
        )
        self._seen = _seen(run) if boxes else {}
        self._drawn: dict[str, tuple[int, Image]] = {}

    def picture(self, camera: Camera, frame: int, size_px: tuple[int, int]) -> Image:
        """What a camera saw last at a frame, with its name.

        Raises:
            StoreError: if the image cannot be read.
        """
        place = bisect_right(camera.frames, frame) - 1
        said = camera.channel
        late_s = 0.0
        if place < 0:
            canvas: Image = np.full((size_px[1], size_px[0], 3), drawing.PANEL, dtype=np.uint8)
            said += "   no picture yet"
        else:
            at = camera.frames[place]
            kept = self._drawn.get(camera.channel)
            if kept is None or kept[0] != at:
                kept = self._drawn[camera.channel] = (at, self._draw(camera, place, size_px))
            canvas = kept[1].copy()
            late_s = self._log.time_us(frame - at) * 1e-6 if frame - at >= _LATE * camera.every_ticks else 0.0
        height = max(8.0, size_px[0] / 64.0)
        if late_s:
            said += f"   no picture for {late_s:.1f} s"
        drawing.plate(canvas, 6, 6 + height + 6, said, height, drawing.BAD if late_s or place < 0 else drawing.INK)
        return canvas

    def _draw(self, camera: Camera, place: int, size_px: tuple[int, int]) -> Image:
        path = self._run.path(camera.paths[place])
        scale = size_px[0] / camera.size_px[0]
        image = picture_of(path)
        shrink = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        canvas = np.asarray(cv2.resize(image, size_px, interpolation=shrink), dtype=np.uint8)
        if self._boxes:
            self._draw_boxes(canvas, camera, camera.frames[place], scale)
        return canvas

    def _draw_boxes(self, canvas: Image, camera: Camera, frame: int, scale: float) -> None:
        # whole numbers are the middles of pixels before and after the scaling
        intrinsic = camera.intrinsic.copy()
        intrinsic[:2] *= scale
        intrinsic[:2, 2] += (scale - 1.0) / 2.0
        size_px = (canvas.shape[1], canvas.shape[0])
        bend = None if camera.lens is None else Bend(intrinsic, *camera.lens, size_px)
        camera_from_world = invert(self._world_from_ego[frame] @ camera.ego_from_camera)
        state = self._log.state(frame)
        placed = []
        for actor in self._in_sight(camera, frame, scale) & state.actors.keys():
            info, pose = state.infos[actor], state.world_from_box(actor)
            distance_m = float(np.linalg.norm(move(camera_from_world, pose[None, :3, 3])))
            if actor != self._log.ego_id and info.category and distance_m < _REACH_M:
                placed.append((actor in self._names, -distance_m, actor, camera_from_world @ pose))
        tops = []
        for _, _, actor, camera_from_box in sorted(placed, key=lambda each: each[:3]):
            length, width, high = state.infos[actor].size_lwh_m
            colour = CLASS_COLOURS[class_of(state.infos[actor].category)]
            corners = box_corners(camera_from_box, (float(width), float(length), float(high)))
            top = drawing.camera_box(canvas, intrinsic, corners, colour, strong=True, bend=bend)
            if top is not None and actor in self._names:
                tops.append((top[0], top[1], self._names[actor], colour))
        height = max(8.0, canvas.shape[1] / 72.0)
        for middle, upper, words, colour in tops:
            width = drawing.text_width(words, height) + 6.0
            x = min(max(middle - width / 2.0, 2.0), canvas.shape[1] - width - 2.0)
            drawing.plate(canvas, x, max(upper - 3.0, 2.0 * height + 24.0), words, height, colour)

    def _in_sight(self, camera: Camera, frame: int, scale: float) -> set[int]:
        """Who is seen in the keyframe before, or in that after, a frame; everybody where masks do not tell."""
        if not self._seen or not camera.keyframes:
            return set(self._log.actors)
        last = len(camera.keyframes) - 1
        around = max(bisect_right(camera.keyframes, frame) - 1, 0), min(bisect_left(camera.keyframes, frame), last)
        least_px = _LEAST_SEEN_PX / scale**2
        looks = (self._seen.get((camera.channel, camera.keyframes[place]), {}) for place in around)
        return {actor for look in looks for actor, pixels in look.items() if pixels >= least_px}


def _cameras(run: Run) -> list[Camera]:
    frames: dict[str, list[tuple[int, str, bool]]] = defaultdict(list)
    for row in run.table("sensor_frames").to_pylist():
        frames[row["channel"]].append((row["frame"], row["path"], row["is_keyframe"]))
    found = []
    lenses = lenses_of(run)
    for row in run.table("sensors").to_pylist():
        if row["modality"] == "camera":
            taken, lens = sorted(frames[row["channel"]]), lenses.get(row["channel"])
            intrinsic = np.array(
                [[row["fx_px"], 0.0, row["cx_px"]], [0.0, row["fy_px"], row["cy_px"]], [0.0, 0.0, 1.0]]
            )
            found.append(
                Camera(
                    row["channel"],
                    pose_of(row),
                    intrinsic,
                    (row["width_px"], row["height_px"]),
                    tuple(frame for frame, _, _ in taken),
                    tuple(path for _, path, _ in taken),
                    tuple(frame for frame, _, is_keyframe in taken if is_keyframe),
                    None if lens is None else (lens.model, np.array(lens.coefficients)),
                )
            )
    return found


def _seen(run: Run) -> dict[tuple[str, int], dict[int, int]]:
    """Pixels of each actor, by channel and keyframe."""
    found: dict[tuple[str, int], dict[int, int]] = defaultdict(dict)
    for row in run.table("boxes_2d").to_pylist():
        found[row["channel"], row["frame"]][row["actor_id"]] = row["visible_px"]
    return found
