"""Which actor each instance pixel shows, by evidence: class, place in space, connection, and what the lidar met there.

An instance camera's ids are the simulator's own: on the embedded one they happen to be actor ids, on Unreal they are
object ids cut to 16 bits, which static things have too and which two things can share. So an id only says which pixels
may belong together: they are put back into the world by the depth image, and the actor whose box holds them is the
one. What one id's pixels show of two actors is split between them where each pixel lies in one box alone. What two
boxes claim, or none, is decided by what it is connected to, by lidar returns with actor ids, or by a vehicle whose
open door it may be, or is said and not guessed. A door that is known to be open is claimed by its vehicle wherever it
may be, and a box of another that it reaches into does not hold it alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from av_synth.capture import FrameSet, LabelImage
from av_synth.geometry.boxes import corners
from av_synth.geometry.transforms import Array, apply, invert
from av_synth.labels.classes import ACTOR_TAGS, CERTAIN_TAGS, DOOR_TAGS, tags_of
from av_synth.log.state import WorldState
from av_synth.rig.model import Camera, Rig
from av_synth.sensing.tags import Tag

_MARGIN_M = 0.15  # depth is quantised and pixels at a silhouette straddle two surfaces
_STRAY_M = 0.5  # mirrors and loads stick out of boxes this far
_DOOR_M = 1.1  # and open doors out of the sides of vehicles, whose boxes stay those of the closed ones;
_DOOR_BEHIND_M = 0.3  # front doors of cars reach this far behind the middle, and while they swing
_AJAR_BEHIND_M = 0.8  # this far
_WHOLLY = 0.98
_CLEAR = 0.6  # share of a mask's pixels that must lie in the box of its actor
_PRESENT_PX = 3  # pixels that lie in one box alone, for its actor to be in a mask where another is
_ECHO_M = 0.3  # a lidar return this near to a pixel's own depth has met what the pixel shows
_ECHOES = 2
_NOBODY, _SEVERAL = -1, -2
_WITH_DOORS = ("vehicle.car", "vehicle.truck", "vehicle.emergency")
_CYCLES = ("vehicle.bicycle", "vehicle.motorcycle")
_LEFT, _RIGHT = frozenset({0, 6}), frozenset({1, 6})  # carla.VehicleDoor: FL or All, FR or All

Flags = npt.NDArray[np.bool_]
Points = npt.NDArray[np.float32]
"""(3, N): an axis is a row, so that all points are gone through at once."""
Rows = npt.NDArray[np.intp]


def _table(tags: frozenset[Tag]) -> Flags:
    """Whether each of the 256 classes is among some."""
    return np.isin(np.arange(256), list(tags))


_CERTAIN, _POSSIBLE, _DOOR = _table(CERTAIN_TAGS), _table(ACTOR_TAGS), _table(DOOR_TAGS)


@dataclass(frozen=True)
class Mask:
    """One instance in one camera: its pixel value in the mask image, and whose it is.

    Attributes:
        value: 1.. in the mask image.
        actor_id: 0 where it is not tied to an actor.
        pixels: how many.
        ambiguous: evidence was there for more than one actor, or not enough for any.
    """

    value: int
    actor_id: int
    pixels: int
    ambiguous: bool


@dataclass(frozen=True)
class Echoes:
    """Lidar returns of one frame: points (N, 3) in world axes, and the actors that they are of (N,), 0 for none."""

    points_world: Array
    actor_id: npt.NDArray[np.uint32]


def tie_instances(
    label: LabelImage, camera: Camera, world_from_camera: Array, state: WorldState, echoes: Echoes | None = None
) -> tuple[npt.NDArray[np.uint16], tuple[Mask, ...]]:
    """Number the instances of one label image and tie them to actors.

    Args:
        label: the label image.
        camera: the intrinsics that its pixels obey.
        world_from_camera: (4, 4), OpenCV axes.
        state: everybody at the same frame.
        echoes: what a semantic lidar met at the same frame, if there is one.

    Returns:
        The mask image (H, W) uint16, 0 where there is no instance, and a Mask for each value in it.
    """
    certain = _CERTAIN[label.tag]
    flat = np.flatnonzero(certain | (_POSSIBLE[label.tag] & (label.instance != 0)))
    ids = label.instance.reshape(-1)[flat]
    order = np.argsort(ids, kind="stable")
    flat, ids = flat[order], ids[order]
    rows, columns = np.divmod(flat, label.instance.shape[1])
    points_camera = _unproject(rows, columns, label, camera)
    scene = _Scene(label, camera, world_from_camera, state, echoes)
    image = np.zeros(label.instance.shape, dtype=np.uint16)
    masks: list[Mask] = []
    _, starts = np.unique(ids, return_index=True)
    for start, end in pairwise([*starts, len(ids)]):
        at = slice(int(start), int(end))
        owners = scene.owners(rows[at], columns[at], points_camera[:, at])
        # static things that nobody claims are no instances; what only actors are made of is
        owners[(owners == _NOBODY) & ~certain[rows[at], columns[at]]] = 0
        owners[owners < 0] = _SEVERAL
        found = np.unique(owners[owners != 0])
        for owner in (*found[found > 0], *found[found < 0]):
            mine = owners == owner
            value = len(masks) + 1
            image[rows[at][mine], columns[at][mine]] = value
            masks.append(Mask(value, max(int(owner), 0), int(mine.sum()), bool(owner < 0)))
    return image, tuple(_possible(masks, label))


def _possible(masks: list[Mask], label: LabelImage) -> Iterator[Mask]:
    """The masks; where an actor would have more pixels than it would fill alone, nothing is certain of its own."""
    certain: Counter[int] = Counter()
    for mask in masks:
        if not mask.ambiguous:
            certain[mask.actor_id] += mask.pixels
    for mask in masks:
        alone = None if label.extent_px is None else label.extent_px.get(mask.actor_id)
        wrong = not mask.ambiguous and alone is not None and certain[mask.actor_id] > alone.alone_px
        yield replace(mask, actor_id=0, ambiguous=True) if wrong else mask


def _unproject(rows: Rows, columns: Rows, label: LabelImage, camera: Camera) -> Points:
    """What pixels show, in camera axes."""
    at_once = label.at_once_px
    pixels = np.stack([columns, rows], axis=1) if at_once is None else at_once[rows, columns]
    points = camera.unproject(pixels, label.depth_m[rows, columns])
    return points.T.astype(np.float32, order="C")


def echoes_of(frames: FrameSet, rig: Rig) -> Echoes:
    """What all lidars of a frame met, whatever fault they have."""
    points, ids = [np.zeros((0, 3))], [np.zeros(0, dtype=np.uint32)]
    for lidar in rig.lidars:
        if lidar.channel in frames.true_lidars:
            scan = frames.true_lidars[lidar.channel]
            points.append(apply(frames.world_from_ego @ lidar.mount.ego_from_sensor, scan.at_frame_m))
            ids.append(scan.actor_id)
    return Echoes(np.concatenate(points), np.concatenate(ids))


@dataclass(frozen=True)
class _Claim:
    """What one of the actors may have of the pixels of one id: (N,) what it can be given, and what is its open door."""

    allowed: Flags
    ajar: Flags


@dataclass(frozen=True)
class _Claims:
    """What each of K actors may have of the N pixels of one id, all (K, N).

    Attributes:
        boxes: what its box holds, and can be of it by its class.
        doors: what a front door may be, were it open.
        ajar: what such a door may be that is known to be open, out of its box.
    """

    boxes: Flags
    doors: Flags
    ajar: Flags

    @property
    def count(self) -> npt.NDArray[np.int64]:
        """How many actors have a claim to each pixel (N,), an open door included."""
        count: npt.NDArray[np.int64] = (self.boxes | self.ajar).sum(axis=0)
        return count

    def of(self, k: int, rivals: Flags, is_cycle: bool) -> _Claim:
        """One actor's; `rivals` (N,) is what lies in the box of another that is there."""
        loose = ~self.boxes.any(axis=0)
        if is_cycle:
            loose &= ~self.ajar.any(axis=0)
        return _Claim(~rivals & (self.boxes[k] | self.ajar[k] | loose), self.ajar[k])


class _Scene:
    """The evidence of one label image."""

    def __init__(
        self, label: LabelImage, camera: Camera, world_from_camera: Array, state: WorldState, echoes: Echoes | None
    ) -> None:
        self._label, self._camera, self._world_from_camera, self._echoes = label, camera, world_from_camera, echoes
        self._votes: npt.NDArray[np.int64] | None = None
        actor_ids = list(state.infos)
        self._ids = np.array(actor_ids, dtype=np.int64)
        self._fits = [_table(tags_of(state.infos[each].category)) for each in actor_ids]
        self._halves = [np.asarray(state.infos[each].size_lwh_m) / 2.0 for each in actor_ids]
        camera_from_world = invert(world_from_camera)
        camera_from_box = [camera_from_world @ state.world_from_box(each) for each in actor_ids]
        self._box_from_camera = [invert(pose).astype(np.float32) for pose in camera_from_box]
        around = [corners(pose, 2.0 * half) for pose, half in zip(camera_from_box, self._halves, strict=True)]
        self._ajar = [state.ajar.get(each, frozenset()) for each in actor_ids]
        categories = [state.infos[each].category for each in actor_ids]
        self._doors = np.array([each.startswith(_WITH_DOORS) for each in categories], dtype=bool)
        self._doors |= np.array([bool(each) for each in self._ajar], dtype=bool)
        self._cycles = np.array([each.startswith(_CYCLES) for each in categories], dtype=bool)
        reach_m = np.where(self._doors, _DOOR_M, _MARGIN_M)[:, None]
        self._low = np.array([one.min(axis=0) for one in around]).reshape(-1, 3) - reach_m
        self._high = np.array([one.max(axis=0) for one in around]).reshape(-1, 3) + reach_m

    def owners(self, rows: Rows, columns: Rows, points_camera: Points) -> npt.NDArray[np.int64]:
        """Whose each pixel (N,) of one id is: an actor's id, or nobody's or several actors' for all that is known.

        Args:
            rows: (N,) of the pixels.
            columns: (N,) of the pixels.
            points_camera: (3, N), what they show, in camera axes.
        """
        low, high = points_camera.min(axis=1), points_camera.max(axis=1)
        near = np.flatnonzero(((self._low <= high) & (self._high >= low)).all(axis=1))
        claims = self._claims(near, self._label.tag[rows, columns], points_camera)
        own = claims.boxes & (claims.count == 1)
        own_px = own.sum(axis=1)
        present = own_px >= min(_PRESENT_PX, max(int(own_px.max(initial=0)), 1))
        owners = np.full(len(rows), _NOBODY, dtype=np.int64)
        owners[claims.boxes.any(axis=0)] = _SEVERAL
        for k in np.flatnonzero(present):
            owners[own[k]] = self._ids[near[k]]
        if (owners >= 0).all():
            return owners
        parts = _components(rows, columns)
        for k in np.flatnonzero(present):
            rivals = claims.boxes[present].sum(axis=0) > claims.boxes[k]
            self._settle(owners, parts, points_camera, int(near[k]), claims.of(int(k), rivals, self._cycles[near[k]]))
        self._ask_lidar(owners, rows, columns)
        self._give_doors(owners, near, claims)
        for k in np.flatnonzero(present):
            mine = owners == self._ids[near[k]]
            if (claims.boxes | claims.doors)[k, mine].mean() < _CLEAR:
                owners[mine] = _SEVERAL
        return owners

    def _claims(self, near: Rows, tags: npt.NDArray[np.uint8], points_camera: Points) -> _Claims:
        """What some actors may have of pixels with tags (N,) that show points (3, N)."""
        boxes = np.zeros((len(near), len(tags)), dtype=np.bool_)
        doors, ajar = np.zeros_like(boxes), np.zeros_like(boxes)
        for k, j in enumerate(near):
            fits = self._fits[j][tags]
            if fits.any():
                in_box = self._in_box(int(j), points_camera)
                boxes[k] = fits & (self._outside_m(int(j), in_box) <= _MARGIN_M).all(axis=0)
                left, right = (not self._ajar[j].isdisjoint(side) for side in (_LEFT, _RIGHT))
                if left or right:
                    swings = self._at_a_door(int(j), in_box, _AJAR_BEHIND_M)
                    ajar[k] = swings & _DOOR[tags] & np.where(in_box[1] > 0.0, left, right)
                doors[k] = fits & self._at_a_door(int(j), in_box, _DOOR_BEHIND_M) | ajar[k]
        boxes[self._cycles[near]] &= ~ajar.any(axis=0)  # a door in its box is no part of a two-wheeler, by its class
        return _Claims(boxes, doors, ajar & ~boxes)

    def _give_doors(self, owners: npt.NDArray[np.int64], near: Rows, claims: _Claims) -> None:
        """Give pixels that are open to the vehicle that they are a door of, if the id shows no more than it has."""
        at_a_door = np.where(claims.ajar.any(axis=0), claims.ajar, claims.doors)
        beside = (owners == _NOBODY) & (at_a_door.sum(axis=0) == 1)
        whole = np.flatnonzero((claims.boxes | claims.doors).mean(axis=1) >= _WHOLLY)
        for k in whole:
            owners[beside & at_a_door[k]] = self._ids[near[k]]
        for k in whole[: len(whole) == 1]:
            owners[(owners == _SEVERAL) & claims.ajar[k]] = self._ids[near[k]]

    def _in_box(self, j: int, points_camera: Points) -> Points:
        """Points (3, N) in the axes of an actor's box."""
        pose = self._box_from_camera[j]
        points: Points = pose[:3, :3] @ points_camera + pose[:3, 3:]
        return points

    def _outside_m(self, j: int, in_box: Points) -> Points:
        """How far (3, N) points in the axes of an actor's box are outside it along them; negative inside."""
        outside: Points = np.abs(in_box) - self._halves[j].astype(np.float32)[:, None]
        return outside

    def _at_a_door(self, j: int, in_box: Points, behind_m: float) -> Flags:
        """Which points (3, N) a front door that is open may be: beside the front half of a vehicle that has doors."""
        if not self._doors[j]:
            return np.zeros(in_box.shape[1], dtype=np.bool_)
        room = np.array([[_MARGIN_M], [_DOOR_M], [_MARGIN_M]], dtype=np.float32)
        return np.asarray((in_box[0] > -behind_m) & (self._outside_m(j, in_box) <= room).all(axis=0))

    def _settle(self, owners: npt.NDArray[np.int64], parts: Rows, points_camera: Points, j: int, claim: _Claim) -> None:
        """Give an actor what is open in parts of the picture that show it and nobody else, if it is in or near its box.

        What lies in another's box and not in its own is no piece of it, if it is no door of it that is open.
        """
        ours = np.unique(parts[owners == self._ids[j]])
        others = np.unique(parts[(owners >= 0) & (owners != self._ids[j])])
        wanted = (owners < 0) & np.isin(parts, np.setdiff1d(ours, others)) & claim.allowed
        there = np.flatnonzero(wanted)
        outside_m = self._outside_m(j, self._in_box(j, points_camera[:, there]))
        gap_m = np.linalg.norm(np.maximum(outside_m, 0.0), axis=0)
        owners[there[(gap_m <= _STRAY_M) | claim.ajar[there]]] = self._ids[j]

    def _ask_lidar(self, owners: npt.NDArray[np.int64], rows: Rows, columns: Rows) -> None:
        """Give connected pixels that are open to the one actor whose lidar returns came from there."""
        still = np.flatnonzero(owners < 0)
        if not len(still) or self._echoes is None:
            return
        if self._votes is None:
            self._votes = self._met(self._echoes)
        parts = _components(rows[still], columns[still])
        votes = self._votes[rows[still], columns[still]]
        for part in np.unique(parts):
            said = votes[(parts == part) & (votes > 0)]
            if len(said) >= _ECHOES and (said == said[0]).all():
                owners[still[parts == part]] = said[0]

    def _met(self, echoes: Echoes) -> npt.NDArray[np.int64]:
        """The actor (H, W) that a lidar return at a pixel's place and depth is of; 0 where there is none."""
        found = np.zeros(self._label.tag.shape, dtype=np.int64)
        of_actors = np.isin(echoes.actor_id, self._ids)
        points = apply(invert(self._world_from_camera), echoes.points_world[of_actors])
        ahead = points[:, 2] > 0.1
        points, ids = points[ahead], echoes.actor_id[of_actors][ahead]
        camera = self._camera
        uv, depth = camera.project(points)
        column, row = np.round(uv).astype(int).T
        seen = (column >= 0) & (column < camera.width_px) & (row >= 0) & (row < camera.height_px)
        column, row, depth, ids = column[seen], row[seen], depth[seen], ids[seen]
        same = np.abs(self._label.depth_m[row, column] - depth) < _ECHO_M
        found[row[same], column[same]] = ids[same]
        return found


def _components(rows: Rows, columns: Rows) -> Rows:
    """Number (N,) of the connected part of the picture that each of some pixels is in."""
    top, left = int(rows.min()), int(columns.min())
    picture = np.zeros((int(rows.max()) - top + 1, int(columns.max()) - left + 1), dtype=np.uint8)
    picture[rows - top, columns - left] = 1
    _, parts = cv2.connectedComponents(picture, connectivity=8)
    numbers: Rows = parts[rows - top, columns - left].astype(np.intp)
    return numbers
