"""Which actor an instance mask shows, by evidence: where its pixels are in space.

An instance camera's ids are the simulator's own: on the embedded one they happen to be actor ids, on Unreal they are
object ids cut to 16 bits that can collide. So no id is trusted: the pixels of a mask are put back into the world by
the depth image, and the actor whose box holds them is the one. What two boxes claim, or none, is said and not guessed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.capture import LabelImage
from av_synth.geometry.boxes import points_inside
from av_synth.geometry.cameras import unproject
from av_synth.geometry.transforms import Array, apply, invert
from av_synth.log.state import WorldState
from av_synth.rig.model import Camera

# CityObjectLabels of what can be an actor: pedestrians, riders, vehicles, two-wheelers, static and dynamic props.
_ACTOR_TAGS = frozenset({12, 13, 14, 15, 16, 17, 18, 19, 20, 21})
_MARGIN_M = 0.15  # depth is quantised and pixels at a silhouette straddle two surfaces
_CLEAR, _RIVAL = 0.6, 0.3  # shares of pixels in the best box, and in the next, for a tie to be clear
_SAMPLES = 256


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


def tie_instances(
    label: LabelImage, camera: Camera, world_from_camera: Array, state: WorldState
) -> tuple[npt.NDArray[np.uint16], tuple[Mask, ...]]:
    """Number the instances of one label image and tie them to actors.

    Args:
        label: the label image.
        camera: the intrinsics that its pixels obey.
        world_from_camera: (4, 4), OpenCV axes.
        state: everybody at the same frame.

    Returns:
        The mask image (H, W) uint16, 0 where there is no instance, and a Mask for each value in it.
    """
    moving = np.isin(label.tag, list(_ACTOR_TAGS)) & (label.instance != 0)
    ids, first = np.unique(label.instance[moving], return_inverse=True)
    image = np.zeros(label.instance.shape, dtype=np.uint16)
    image[moving] = first.astype(np.uint16) + 1
    rows, columns = np.nonzero(image)
    order = np.argsort(image[rows, columns], kind="stable")
    rows, columns = rows[order], columns[order]
    ends = np.cumsum(np.bincount(first, minlength=len(ids)))
    masks = []
    for number in range(len(ids)):
        start, end = (int(ends[number - 1]) if number else 0), int(ends[number])
        chosen = np.linspace(start, end - 1, min(_SAMPLES, end - start)).astype(int)
        v, u = rows[chosen], columns[chosen]
        points_camera = unproject(
            np.stack([u, v], axis=1), label.depth_m[v, u], camera.fx_px, camera.fy_px, camera.cx_px, camera.cy_px
        )
        actor_id = _owner(apply(world_from_camera, points_camera), state)
        masks.append(Mask(number + 1, actor_id, end - start, actor_id == 0))
    return image, tuple(masks)


def _owner(points_world: Array, state: WorldState) -> int:
    """The one actor whose box clearly holds the points (N, 3), else 0."""
    shares = []
    middle = np.median(points_world, axis=0)
    for actor_id, info in state.infos.items():
        reach = float(np.linalg.norm(info.size_lwh_m)) / 2 + 1.0
        world_from_box = state.world_from_box(actor_id)
        if np.linalg.norm(world_from_box[:3, 3] - middle) > reach + 1.0:
            continue
        size = np.asarray(info.size_lwh_m) + 2 * _MARGIN_M
        # in the box's own axes, to keep numbers small
        inside = points_inside(np.eye(4), size, apply(invert(world_from_box), points_world))
        shares.append((float(inside.mean()), actor_id))
    shares.sort(reverse=True)
    if not shares or shares[0][0] < _CLEAR or (len(shares) > 1 and shares[1][0] > _RIVAL):
        return 0
    return shares[0][1]
