"""What a synthetic run keeps at its keyframes beside blobs, masks and boxes, made from what its recorder drew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.labels.segmentation import CATEGORY_INDEX, InstanceBox, panoptic
from av_synth.run import encode
from av_synth.scenario.weather import Weather

Row = dict[str, object]
Mask = npt.NDArray[np.bool_]

TERRAIN, SKY, STATIC = 10, 11, 20
TAGS = {
    "vehicle.car": 14,
    "vehicle.truck": 15,
    "vehicle.bus.rigid": 16,
    "vehicle.motorcycle": 18,
    "vehicle.bicycle": 19,
}
EVENTS: tuple[Row, ...] = (
    {"frame": 5, "kind": "trigger", "actor_id": 6, "other_id": 1, "detail": '{"do": "run_across", "role": "walker"}'},
    {"frame": 0, "kind": "not_placed", "actor_id": 0, "other_id": 0, "detail": "{}"},
    {"frame": 5, "kind": "not_done", "actor_id": 0, "other_id": 1, "detail": '{"do": "brake", "role": "late"}'},
    {"frame": 20, "kind": "trigger", "actor_id": 0, "other_id": 1, "detail": '{"weather": {"fog_density": 9}}'},
    {"frame": 20, "kind": "brake", "actor_id": 1, "other_id": 6, "detail": "{}"},
)


class KeyframeLabels:
    """Writes files as they come, and has the rows of tables boxes_2d and quality in the end."""

    def __init__(self, write: Callable[[str, bytes], None]) -> None:
        self._write = write
        self._points: dict[int, tuple[Array, npt.NDArray[np.uint8], npt.NDArray[np.uint32]]] = {}
        self.boxes_2d: list[Row] = []

    def lidar(self, frame: int, points: Array, actor: npt.NDArray[np.uint32], categories: Mapping[int, str]) -> None:
        """Points of actors have their categories, by actor id; all others are terrain."""
        category = np.full(len(points), CATEGORY_INDEX["flat.terrain"], np.uint8)
        for actor_id, name in categories.items():
            category[actor == actor_id] = CATEGORY_INDEX[name]
        self._write(f"lidarseg/LIDAR_TOP/{frame:06d}.bin", category.tobytes())
        self._write(f"lidar_actors/LIDAR_TOP/{frame:06d}.bin", actor.astype("<u4").tobytes())
        self._points[frame] = (points, category, actor)

    def camera(
        self,
        channel: str,
        frame: int,
        mask: npt.NDArray[np.uint16],
        alone: Mapping[int, Mask],
        kinds: Mapping[int, str],
        ground_m: npt.NDArray[np.float64],
    ) -> None:
        """Sky above, terrain below, and silhouettes (`alone`, by actor id) of which `mask` shows what is seen.

        `ground_m` (H, W) is the depth of the ground. Silhouettes have none: a flat one is not where the lidar's points
        of its box are.
        """
        tag = np.full(mask.shape, SKY, np.uint8)
        tag[mask.shape[0] // 2 :] = TERRAIN
        depth = ground_m.astype(np.float32)
        for actor_id, pixels in alone.items():
            seen = mask == actor_id
            tag[seen], depth[seen] = TAGS.get(kinds[actor_id], STATIC), np.inf
            if pixels.any():
                self.boxes_2d.append(_box_2d_row(channel, frame, actor_id, seen, pixels))
        self._write(f"semantic/{channel}/{frame:06d}.png", encode.semantic_png(tag))
        self._write(f"depth/{channel}/{frame:06d}.png", encode.depth_png(depth))

    def quality(self, boxes: Iterable[Row], lidar_from_box: Callable[[int, int], Array]) -> list[Row]:
        """Rows of table quality; writes the panoptic labels, which need the same boxes.

        Args:
            boxes: the run's table.
            lidar_from_box: of (frame, actor id).
        """
        rows, numbers = [], {}
        for frame, (points, category, actor) in sorted(self._points.items()):
            annotated = []
            for box in (box for box in boxes if box["frame"] == frame):
                rows.append(self._quality_row(box, actor))
                if box["num_lidar_pts"] or box["num_radar_pts"]:
                    number = numbers.setdefault(box["actor_id"], len(numbers) + 1)
                    size = np.array([box["length_m"], box["width_m"], box["height_m"]])
                    pose = lidar_from_box(frame, box["actor_id"])
                    annotated.append(InstanceBox(box["category"], number, pose, size))
            labels = encode.panoptic_npz(panoptic(points, category, annotated))
            self._write(f"panoptic/LIDAR_TOP/{frame:06d}.npz", labels)
        return rows

    def _quality_row(self, box: Row, actor: npt.NDArray[np.uint32]) -> Row:
        key = (box["frame"], box["actor_id"])
        own = [row for row in self.boxes_2d if (row["frame"], row["actor_id"]) == key]
        return {
            "frame": box["frame"],
            "actor_id": box["actor_id"],
            "visible_px": sum(row["visible_px"] for row in own),
            "amodal_px": sum(row["amodal_px"] for row in own),
            "cameras": sum(bool(row["visible_px"]) for row in own),
            "ambiguous": False,
            "clear_looks": 0,
            **dict.fromkeys(("gap_left_px", "gap_top_px", "gap_right_px", "gap_bottom_px"), 0.0),
            "lidar_own_inside": int((actor == box["actor_id"]).sum()),
            **dict.fromkeys(("lidar_own_outside", "lidar_ground_inside", "lidar_foreign_inside"), 0),
        }


def happenings(tick_us: int, frames: Sequence[int], apart_m: Callable[[int], float]) -> dict[str, list[Row]]:
    """Rows of events, metrics and weather: somebody runs, the ego brakes, they come near each other, it gets dark."""

    def when(frame: int) -> Row:
        return {"frame": frame, "time_us": frame * tick_us}

    nearing = {"actor_id": 1, "other_id": 6, "metric": "distance_m"}
    return {
        "events": [event | when(event["frame"]) for event in EVENTS],
        "metrics": [{**when(frame), **nearing, "value": apart_m(frame)} for frame in frames],
        "weather": [
            {"frame": frame, **Weather(sun_altitude_angle=sun).to_json()} for frame, sun in ((0, 4.0), (15, -2.0))
        ],
    }


def _box_2d_row(channel: str, frame: int, actor_id: int, seen: Mask, alone: Mask) -> Row:
    def around(pixels: Mask, prefix: str) -> Row:
        v, u = np.nonzero(pixels)
        box = (u.min(), v.min(), u.max() + 1, v.max() + 1) if len(u) else (0, 0, 0, 0)
        sides = ("left", "top", "right", "bottom")
        return {f"{prefix}{side}_px": int(value) for side, value in zip(sides, box, strict=True)}

    return {
        "channel": channel,
        "frame": frame,
        "actor_id": actor_id,
        "visible_px": int(seen.sum()),
        **around(seen, ""),
        "amodal_px": int(alone.sum()),
        **around(alone, "amodal_"),
        "method": "amodal_render",
    }
