"""What a picture truly shows, in the detector's classes; and the same picture with boxes in place of bodies.

What COCO's annotators name is not what nuScenes' do: there a rider and what they ride are two objects, here one actor,
and so are who sits in a wheelchair and the chair, or a walker and an umbrella. Pixels are told apart by their semantic
class; those of an umbrella, which has its walker's, by how high they are.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from av_synth.geometry.boxes import corners, in_front
from av_synth.geometry.cameras import project, unproject
from av_synth.geometry.transforms import Array, apply, invert, rotate
from av_synth.log.state import ActorInfo
from tools.realism_frames import Shot, in_picture, is_pedestrian, is_under_umbrella, with_things
from tools.realism_judge import Judge
from tools.realism_score import Box, Found, Truth

_ROAD = frozenset({"car", "truck", "bus"})
_CYCLES = frozenset({"bicycle", "motorcycle"})
_EVERYTHING = _ROAD | _CYCLES | {"person"}
_PERSON = frozenset({"person"})
_PERSON_TAG, _RIDER_TAG = 12, 13
_CANOPY_M = 0.28  # how far down an umbrella's canopy reaches from its tip; heads are lower
# of nuScenes categories: the group, the names that are right, those that are nearly so
_LARGE: Mapping[str, frozenset[str]] = {
    "vehicle.truck": frozenset({"truck"}),
    "vehicle.trailer": frozenset({"truck"}),
    "vehicle.construction": frozenset({"truck"}),
    "vehicle.bus.rigid": frozenset({"bus"}),
    "vehicle.bus.bendy": frozenset({"bus"}),
    "vehicle.emergency.ambulance": _ROAD,  # a van
}
_NAMELESS = frozenset({"animal", "human.pedestrian.stroller"})  # COCO has no stroller, and animals by kinds
_PICKUP_M = 2.1  # high at most; COCO's annotators have pickups as trucks and as cars
_SUN = np.array([0.35, 0.5, 0.8])  # what the faces of the boxes turn to, world axes
_AMBIENT = 0.45


def with_boxes(shot: Shot) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint16]]:
    """The low-poly control: the picture (H, W, 3) with a shaded box in the place of each vehicle and person.

    A box has the middle colour of what is seen of its body, and is hidden by what hides it.

    Returns:
        The picture, and whose each pixel is now (H, W).
    """
    instance, depth = shot.label.instance.copy(), shot.label.depth_m.copy()
    bgr = shot.bgr.copy()
    replaced = [k for k, info in shot.state.infos.items() if k != shot.ego_id and _drawn_as_box(info)]
    depth[np.isin(instance, replaced)] = np.inf
    for actor_id in replaced:
        own = shot.label.instance == actor_id
        if not own.any():
            continue
        colour = np.median(shot.bgr[own], axis=0)
        found = _entries(shot, actor_id)
        if found is None:
            continue
        rows, columns, entry_m, shade = found
        before = entry_m < depth[rows, columns]
        rows, columns = rows[before], columns[before]
        depth[rows, columns], instance[rows, columns] = entry_m[before], actor_id
        bgr[rows, columns] = np.clip(colour * shade[before, None], 0, 255).astype(np.uint8)
    return bgr, instance


def found(judge: Judge, bgr: npt.NDArray[np.uint8], shot: Shot, scale: float) -> tuple[Found, ...]:
    """What the judge finds in a picture of its size that was made of a shot, with the distance of what is there."""
    rows, columns = shot.label.depth_m.shape

    def distance_m(box: Box) -> float:
        x, y = (box[0] + box[2]) / 2.0 / scale, (box[1] + box[3]) / 2.0 / scale
        return float(shot.label.depth_m[min(int(y), rows - 1), min(int(x), columns - 1)])

    return tuple(Found(label, score, box, distance_m(box)) for label, score, box in judge.look(bgr))


def truths(shot: Shot, scale: float, instance: npt.NDArray[np.uint16]) -> tuple[Truth, ...]:
    """Everything in a picture that a detector of COCO's classes may find.

    Args:
        shot: what was taken.
        scale: pixels of the boxes are those of the picture times this.
        instance: whose each pixel is (H, W): as the shot has it, or `with_boxes`.
    """
    found = []
    for actor_id, info in shot.state.infos.items():
        own = instance == actor_id
        if not own.any():
            continue
        if actor_id == shot.ego_id:
            found.append(Truth("ego", _EVERYTHING, _EVERYTHING, _around(own, scale), 1.0, 0.0, info.type_id, False))
            continue
        visible, distance_m = _visible(shot, actor_id, info), _distance_m(shot, actor_id)
        for group, accepts, kin, counts, part in _named(shot, actor_id, info, own):
            if part.any():
                box = _around(part, scale)
                found.append(Truth(group, accepts, kin, box, visible, distance_m, info.type_id, counts))
    return tuple(found)


def _named(
    shot: Shot, actor_id: int, info: ActorInfo, own: npt.NDArray[np.bool_]
) -> list[tuple[str, frozenset[str], frozenset[str], bool, npt.NDArray[np.bool_]]]:
    """Group, right names, near names, whether it counts, and pixels, of each object that COCO has in an actor."""
    category, tag = info.category, shot.label.tag
    if category in _NAMELESS:
        return [("none", frozenset(), _EVERYTHING, False, own)]
    if is_pedestrian(info):
        if not with_things(info):
            return [("person", _PERSON, _PERSON, True, own)]
        if is_under_umbrella(info):
            return [("person with things", _PERSON, _PERSON, True, _below_canopy(shot, actor_id, info, own))]
        return [
            ("person with things", _PERSON, _PERSON, True, own & (tag == _PERSON_TAG)),
            ("none", frozenset(), _EVERYTHING, False, own & (tag != _PERSON_TAG)),
        ]
    if category in ("vehicle.bicycle", "vehicle.motorcycle"):
        rider = tag == _RIDER_TAG
        name = frozenset({category.removeprefix("vehicle.")})
        return [
            ("rider", _PERSON, _PERSON, True, own & rider),
            ("cycle", name, _CYCLES, True, own & ~rider),
        ]
    if category in _LARGE:
        pickup = category == "vehicle.truck" and info.size_lwh_m[2] < _PICKUP_M
        return [("large", _LARGE[category] | ({"car"} if pickup else set()), _ROAD, True, own)]
    if category in ("vehicle.car", "vehicle.emergency.police"):
        van = info.attributes.get("base_type", "").lower() == "van"
        return [("car", _ROAD if van else frozenset({"car"}), _ROAD, True, own)]
    return []


def _below_canopy(shot: Shot, actor_id: int, info: ActorInfo, own: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Pixels (H, W) of a walker without what is as high as the umbrella over them."""
    rows, columns = np.nonzero(own)
    camera = shot.camera
    points = unproject(
        np.stack([columns, rows], axis=1),
        shot.label.depth_m[rows, columns],
        *(camera.fx_px, camera.fy_px, camera.cx_px, camera.cy_px),
    )
    box_from_camera = invert(shot.state.world_from_box(actor_id)) @ shot.world_from_camera
    kept = np.zeros_like(own)
    kept[rows, columns] = apply(box_from_camera, points)[:, 2] < info.size_lwh_m[2] / 2.0 - _CANOPY_M
    return kept


def _drawn_as_box(info: ActorInfo) -> bool:
    return info.category.startswith(("vehicle", "human"))


def _around(own: npt.NDArray[np.bool_], scale: float) -> Box:
    rows, columns = np.flatnonzero(own.any(axis=1)), np.flatnonzero(own.any(axis=0))
    left, top, right, bottom = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return float(left * scale), float(top * scale), float(right * scale), float(bottom * scale)


def _visible(shot: Shot, actor_id: int, info: ActorInfo) -> float:
    """Share of an actor that is neither hidden nor outside the picture."""
    extent = (shot.label.extent_px or {}).get(actor_id)
    if extent is None or extent.alone_px == 0:
        return 0.0
    camera_from_box = invert(shot.world_from_camera) @ shot.state.world_from_box(actor_id)
    _, inside = in_picture(camera_from_box, info, shot.camera)
    return inside * extent.visible_px / extent.alone_px


def _distance_m(shot: Shot, actor_id: int) -> float:
    centre = shot.state.world_from_box(actor_id)[:3, 3]
    return float(np.linalg.norm(centre - shot.world_from_camera[:3, 3]))


def _entries(shot: Shot, actor_id: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Array, Array] | None:
    """Rows and columns of pixels that an actor's 3D box covers, at which depth, and how bright the face there is."""
    camera, info = shot.camera, shot.state.infos[actor_id]
    world_from_box = shot.state.world_from_box(actor_id)
    camera_from_box = invert(shot.world_from_camera) @ world_from_box
    ahead = in_front(corners(camera_from_box, info.size_lwh_m))
    if len(ahead) == 0:
        return None
    pixels, _ = project(ahead, camera.fx_px, camera.fy_px, camera.cx_px, camera.cy_px)
    size = np.array([camera.width_px, camera.height_px])
    low = np.clip(np.floor(pixels.min(axis=0)), 0, size).astype(int)
    high = np.clip(np.ceil(pixels.max(axis=0)) + 1, 0, size).astype(int)
    columns, rows = (each.ravel() for each in np.meshgrid(*(np.arange(low[k], high[k]) for k in (0, 1))))
    if len(rows) == 0:
        return None
    rays = unproject(
        np.stack([columns, rows], axis=1), np.ones(len(rows)), camera.fx_px, camera.fy_px, camera.cx_px, camera.cy_px
    )
    box_from_camera = invert(camera_from_box)
    origin, ways = apply(box_from_camera, np.zeros(3)), rotate(box_from_camera, rays)
    ways = np.where(np.abs(ways) < 1e-12, 1e-12, ways)
    half = np.asarray(info.size_lwh_m) / 2.0
    one, two = (-half - origin) / ways, (half - origin) / ways
    enter, leave = np.minimum(one, two), np.maximum(one, two)
    axis = enter.argmax(axis=1)
    entry = enter.max(axis=1)
    hit = (entry <= leave.min(axis=1)) & (entry > 0.0)
    facing = -np.sign(ways[np.arange(len(rows)), axis])
    normals = world_from_box[:3, :3].T[axis] * facing[:, None]
    shade = _AMBIENT + np.maximum(0.0, normals @ (_SUN / np.linalg.norm(_SUN)))
    return rows[hit], columns[hit], entry[hit], shade[hit]
