"""A run from above, frame by frame, with the ego in the middle: roads, boxes, trails, and where events happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from av_synth.export.nuscenes.map_reading import read_network
from av_synth.geometry.transforms import Array, yaw
from av_synth.log.state import WorldState
from av_synth.replay.state_log import StateLog
from av_synth.report import drawing
from av_synth.report.drawing import CLASS_COLOURS, Colour, Image, class_of
from av_synth.report.road_picture import GROUND, Place, Roads, draw_roads, read_roads
from av_synth.store import OPENDRIVE, Run

FRESH_S = 2.0
"""For how long an event counts as one that has just happened."""
_TRAIL_S = 3.0
_STANDS_M = 0.4  # who moved less in that time has no trail
_SHORT_SIDE_M, _LONG_SIDE_M = 80.0, 240.0  # what a panel shows at most, the one way or the other
_WIDE = 1.6  # a panel that is so much wider than high has the ego drive to the right, others upwards
_SPARE = 0.6  # the ground is drawn this much further than the panel shows, to last for a while
_GROUND_FINE = 1.5  # so much finer than the panel, because it will be turned
_LEAST_PX, _PERSON_PX = 7.0, 9.0  # people and cones are drawn large enough to be seen
_DARK: Colour = (22, 20, 18)
_SCALE_M = 20


@dataclass(frozen=True)
class Mark:
    """Where something happened, and when: `where_m` (2,) in the world."""

    frame: int
    where_m: Array
    bad: bool


def roads_of(run: Run, log: StateLog) -> Roads:
    """The roads of the town in which a run was played.

    Raises:
        StoreError: if its OpenDRIVE is not what was committed.
        DataError: if that cannot be parsed.
    """
    return read_roads(read_network(log.town, run.path(OPENDRIVE).read_text(encoding="utf-8")))


class RunFromAbove:
    """Draws one run again and again; frames that follow one another share what lies on the ground."""

    def __init__(
        self,
        log: StateLog,
        roads: Roads,
        names: Mapping[int, str],
        marks: Sequence[Mark],
        size_px: tuple[int, int],
    ) -> None:
        """Begin.

        Args:
            log: who was where.
            roads: of the town.
            names: of actors that are named in the picture.
            marks: of events.
            size_px: width and height.
        """
        self._log, self._roads, self._names, self._marks = log, roads, names, marks
        self._size = np.array(size_px, dtype=np.float64)
        self.px_per_m = float(max(self._size.min() / _SHORT_SIDE_M, self._size.max() / _LONG_SIDE_M))
        self._reach_m = float(np.hypot(*self._size)) / 2.0 / self.px_per_m
        self._to_the_right = size_px[0] > _WIDE * size_px[1]
        self._ground: tuple[Array, Image] | None = None

    def picture(self, frame: int) -> Image:
        """A frame of the log, (height, width, 3) uint8 BGR."""
        state = self._log.state(frame)
        ego = state.world_from_box(self._log.ego_id)
        panel_from_world = self._panel_from_world(ego)
        canvas = self._roads_under(ego[:2, 3], panel_from_world)

        def at(points_m: Array) -> Array:
            flat = np.atleast_2d(points_m)[:, :2]
            return np.asarray(flat @ panel_from_world[:, :2].T + panel_from_world[:, 2])

        near = [a for a in state.actors if np.hypot(*(state.world_from_box(a)[:2, 3] - ego[:2, 3])) < self._reach_m]
        # the named lie over the others, the ego over all
        near.sort(key=lambda actor: (actor == self._log.ego_id, actor in self._names, actor))
        for actor in near:
            _trail(canvas, at(self._track(actor, frame)), self.colour(actor), self.px_per_m)
        self._draw_marks(canvas, at, frame)
        for actor in near:
            self._body(canvas, at, state, actor)
        named = [actor for actor in near if actor in self._names and actor != self._log.ego_id]
        self._draw_names(canvas, {actor: at(state.world_from_box(actor)[:2, 3])[0] for actor in named})
        self._draw_scale(canvas)
        return canvas

    def colour(self, actor: int) -> Colour:
        """That of its class; the ego is white."""
        category = self._log.actors[actor].category
        return drawing.INK if actor == self._log.ego_id else CLASS_COLOURS[class_of(category)]

    @property
    def _text_px(self) -> float:
        return max(9.0, float(self._size.max()) / 150.0)

    def _panel_from_world(self, ego: Array) -> Array:
        """(2, 3): metres of the world to pixels."""
        heading = yaw(ego)
        ahead = np.array([np.cos(heading), np.sin(heading)])
        left = np.array([-ahead[1], ahead[0]])
        turn = np.array([ahead, -left]) if self._to_the_right else np.array([-left, -ahead])
        scaled = turn * self.px_per_m
        middle = (self._size - 1.0) / 2.0
        return np.column_stack([scaled, middle - scaled @ ego[:2, 3]])

    def _roads_under(self, ego_m: Array, panel_from_world: Array) -> Image:
        px_per_m = self.px_per_m * _GROUND_FINE
        half_m = self._reach_m * (1.0 + _SPARE)
        side = round(2.0 * half_m * px_per_m)
        if self._ground is None or np.hypot(*(self._ground[0] - ego_m)) > self._reach_m * _SPARE:
            ground: Image = np.full((side, side, 3), GROUND, dtype=np.uint8)
            centre = ego_m.copy()

            def at(points_m: Array) -> Array:
                return np.asarray((np.atleast_2d(points_m)[:, :2] - centre) * (px_per_m, -px_per_m) + side / 2.0)

            draw_roads(ground, self._roads, at, centre, half_m * float(np.sqrt(2.0)), px_per_m)
            self._ground = (centre, ground)
        centre, ground = self._ground
        world_from_ground = np.diag([1.0 / px_per_m, -1.0 / px_per_m])
        turn = panel_from_world[:, :2] @ world_from_ground
        shift = panel_from_world[:, :2] @ (centre - world_from_ground @ np.full(2, side / 2.0)) + panel_from_world[:, 2]
        size = (round(self._size[0]), round(self._size[1]))
        warp = np.column_stack([turn, shift])
        found = cv2.warpAffine(ground, warp, size, flags=cv2.INTER_LINEAR, borderValue=GROUND)
        return np.asarray(found, dtype=np.uint8)

    def _track(self, actor: int, frame: int) -> Array:
        """Where somebody was in the last seconds (N, 2), world metres."""
        motion = self._log.motions[actor]
        first = frame - round(_TRAIL_S * 1e6 / self._log.tick_us)
        begin, end = np.searchsorted(motion.frames, (max(first, self._log.frames.start), frame + 1))
        return np.asarray(motion.poses[begin:end, :2])

    def _body(self, canvas: Image, at: Place, state: WorldState, actor: int) -> None:
        pose, info = state.world_from_box(actor), state.infos[actor]
        small = _PERSON_PX if info.category.startswith("human") else _LEAST_PX
        half = np.maximum(np.asarray(info.size_lwh_m, dtype=np.float64)[:2] / 2.0, small / 2.0 / self.px_per_m)
        corners = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * half @ pose[:2, :2].T + pose[:2, 3]
        colour = self.colour(actor)
        drawing.fill(canvas, at(corners), colour, 0.55 if info.parked else 0.95)
        drawing.polyline(canvas, at(corners), _DARK)
        if info.category.startswith("movable_object") or not info.category:
            return
        # an arrowhead in its front half says where it is heading
        ahead, side = pose[:2, 0] * half[0], pose[:2, 1] * half[1]
        middle = pose[:2, 3]
        head = np.array([middle + 0.8 * ahead, middle + 0.2 * ahead + 0.7 * side, middle + 0.2 * ahead - 0.7 * side])
        drawing.fill(canvas, at(head), _DARK, 0.9)

    def _draw_names(self, canvas: Image, places: Mapping[int, Array]) -> None:
        """Write names beside those who have one, off the way that the ego goes, each clear of the others."""
        height, taken = self._text_px + 6.0, list[tuple[float, float, float]]()
        aside = 1.6 * self.px_per_m + 4.0
        for actor, (x, y) in sorted(places.items(), key=lambda each: -each[1][1]):
            width = drawing.text_width(self._names[actor], self._text_px) + 6.0
            left, base, away = x + aside, y + height / 2.0, -1.0
            if self._to_the_right:
                away = 1.0 if y > self._size[1] / 2.0 else -1.0  # not over the ego, which is in the middle
                left, base = x - width / 2.0, y + away * aside + (height if away > 0.0 else 0.0)
            for other_left, other_right, other_base in taken:
                if left < other_right and other_left < left + width and abs(base - other_base) < height:
                    base = other_base + away * (height + 2.0)
            taken.append((left, left + width, base))
            drawing.plate(canvas, left, base, self._names[actor], self._text_px, self.colour(actor))

    def _draw_marks(self, canvas: Image, at: Place, frame: int) -> None:
        for mark in self._marks:
            age_s = (frame - mark.frame) * self._log.tick_us * 1e-6
            if age_s < 0.0:
                continue
            x, y = at(mark.where_m)[0]
            if not (0 <= x < self._size[0] and 0 <= y < self._size[1]):
                continue
            centre, colour = (round(float(x)), round(float(y))), drawing.BAD if mark.bad else drawing.INK
            fresh = age_s < FRESH_S
            radius = round(self._text_px * (1.2 + age_s)) if fresh else round(self._text_px * 0.45)
            cv2.circle(canvas, centre, radius, _DARK, 4 if fresh else 3, cv2.LINE_AA)
            cv2.circle(canvas, centre, radius, colour, 2 if fresh else 1, cv2.LINE_AA)

    def _draw_scale(self, canvas: Image) -> None:
        height, length = canvas.shape[0], _SCALE_M * self.px_per_m
        words = f"{_SCALE_M} m"
        drawing.plate(canvas, 8, height - 8, words, self._text_px, drawing.INK)
        x, y = 8 + drawing.text_width(words, self._text_px) + 12, height - 8 - self._text_px / 2 - 3
        drawing.line(canvas, (x, y), (x + length, y), _DARK, 4)
        drawing.line(canvas, (x, y), (x + length, y), drawing.INK, 2)


def _trail(canvas: Image, points: Array, colour: Colour, px_per_m: float) -> None:
    """The way of the last seconds, fainter where it is older."""
    if len(points) < 2 or np.hypot(*(points[-1] - points[0])) < _STANDS_M * px_per_m:
        return
    parts = np.array_split(np.arange(len(points) - 1), min(6, len(points) - 1))
    for number, part in enumerate(parts, 1):
        share = 0.2 + 0.6 * number / len(parts)
        blue, green, red = (round(share * c + (1.0 - share) * g) for c, g in zip(colour, GROUND, strict=True))
        drawing.polyline(canvas, points[part[0] : part[-1] + 2], (blue, green, red), 2, closed=False)
