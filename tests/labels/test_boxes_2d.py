"""Tight and amodal boxes in an image, and the evidence that they add up to, on a scene that is known exactly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from av_synth.labels import tie_instances
from av_synth.labels.boxes_2d import NOTHING, Box2d, Box3d, Tie, boxes_2d, mask_boxes, outline
from av_synth.labels.quality import pixel_evidence, point_evidence, unclear_boxes
from av_synth.labels.visibility import Look
from av_synth.log.state import WorldState
from tests.labels.test_labels import CAMERA, CHILD, SIZES, VAN, WORLD_FROM_CAMERA, box_around, label_image, world

WHOLE = {VAN: np.ones(3), CHILD: np.ones(3)}  # bodies that fill their boxes


def look_at(state: WorldState, *, with_extent: bool) -> tuple[Look, Tie]:
    label = label_image(state, {VAN: 4711, CHILD: 2}, with_extent=with_extent, fill=WHOLE)
    return Look(label, CAMERA, WORLD_FROM_CAMERA), Tie(*tie_instances(label, CAMERA, WORLD_FROM_CAMERA, state))


def bodies(state: WorldState) -> dict[int, Box3d]:
    return {each: Box3d(state.world_from_box(each), np.array(SIZES[each], dtype=float)) for each in (VAN, CHILD)}


def found(state: WorldState, *, with_extent: bool) -> dict[int, Box2d]:
    look, tie = look_at(state, with_extent=with_extent)
    return {box.actor_id: box for box in boxes_2d(look, "CAM_FRONT", tie, bodies(state))}


@settings(max_examples=60, deadline=None)
@given(image=arrays.arrays(np.uint16, (9, 13), elements=st.sampled_from([0, 0, 0, 1, 2, 700])))
def test_a_mask_box_touches_its_outermost_pixels(image: np.ndarray) -> None:
    boxes = mask_boxes(image)
    assert set(boxes) == set(np.unique(image).tolist()) - {0}
    for value, box in boxes.items():
        assert box == box_around(image == value)


@pytest.mark.parametrize(("x_m", "y_m"), [(12.0, -2.0), (25.0, 3.4), (19.0, 4.2)])
def test_amodal_boxes_are_those_of_the_render_and_the_estimate_differs_by_a_pixel(x_m: float, y_m: float) -> None:
    state = world(x_m, y_m)
    rendered, estimated = found(state, with_extent=True), found(state, with_extent=False)
    look, tie = look_at(state, with_extent=True)
    for actor_id in (VAN, CHILD):
        one, other = rendered[actor_id], estimated[actor_id]
        assert (one.method, other.method) == ("amodal_render", "estimated")
        assert one.amodal == look.label.extent_px[actor_id].alone_box
        assert one.amodal_px == look.label.extent_px[actor_id].alone_px
        np.testing.assert_allclose(other.amodal, one.amodal, atol=1)
        assert other.amodal_px == pytest.approx(one.amodal_px, rel=0.15)
        assert (one.visible_px, one.visible) == (other.visible_px, other.visible)
        value = next((mask.value for mask in tie.masks if mask.actor_id == actor_id), None)
        assert one.visible == (NOTHING if value is None else box_around(tie.image == value))


def test_what_is_hidden_has_no_visible_box_and_what_is_behind_has_no_row() -> None:
    hidden = found(world(25.0, 3.4, (12.0, 1.8)), with_extent=True)[CHILD]
    assert (hidden.visible_px, hidden.visible) == (0, NOTHING)
    assert hidden.amodal_px > 0
    for with_extent in (True, False):
        assert CHILD not in found(world(-9.0, 0.0), with_extent=with_extent)


@pytest.mark.parametrize("van_xy_m", [(2.0, 2.5), (-1.0, 1.7), (1.0, -2.4), (9.0, 5.5)])
def test_an_estimated_box_is_cut_at_the_images_edge(van_xy_m: tuple[float, float]) -> None:
    """Alongside, the van reaches behind the camera; where no body fills its box's corners, nor does this one's."""
    state = world(40.0, -9.0, van_xy_m)
    one, other = (found(state, with_extent=flag)[VAN] for flag in (True, False))
    np.testing.assert_allclose(other.amodal, one.amodal, atol=2)
    assert min(other.amodal) >= 0
    assert (other.amodal[2] <= CAMERA.width_px, other.amodal[3] <= CAMERA.height_px) == (True, True)
    assert other.amodal[0] == 0 or other.amodal[2] == CAMERA.width_px


def test_an_amodal_box_holds_the_visible_one_also_where_the_body_sticks_out_of_its_3d_box() -> None:
    state = world(12.0, -2.0)
    look, tie = look_at(state, with_extent=False)
    small = {CHILD: Box3d(state.world_from_box(CHILD), np.array([0.1, 0.1, 0.3]))}
    box = boxes_2d(look, "CAM_FRONT", tie, small)[0]
    assert box.amodal == box.visible
    assert box.amodal_px == box.visible_px


def test_the_parts_of_one_actor_are_one_box_and_ambiguous_masks_nobodys() -> None:
    state = world(12.0, -2.0)
    look, tie = look_at(state, with_extent=True)
    van = next(mask for mask in tie.masks if mask.actor_id == VAN)
    child = next(mask for mask in tie.masks if mask.actor_id == CHILD)
    image = tie.image.copy()
    image[:, 160:][image[:, 160:] == van.value] = 9
    parts = [replace(van, pixels=int((image == value).sum()), value=value) for value in (van.value, 9)]
    split = Tie(image, (*(part for part in parts if part.pixels), replace(child, ambiguous=True)))
    boxes = {box.actor_id: box for box in boxes_2d(look, "CAM_FRONT", split, bodies(state))}
    assert boxes[VAN].visible == box_around(tie.image == van.value)
    assert boxes[VAN].visible_px == van.pixels
    assert boxes[CHILD].visible_px == 0
    assert unclear_boxes(split) == [box_around(image == child.value)]
    assert unclear_boxes(tie) == []


def test_the_outline_of_a_whole_box_is_that_of_its_corners_and_a_cut_one_says_so() -> None:
    whole = outline(bodies(world(12.0, -2.0))[VAN], look_at(world(12.0, -2.0), with_extent=False)[0])
    assert whole is not None
    assert whole.whole
    cut = outline(bodies(world(9.0, 0.0, (3.0, 2.0)))[VAN], look_at(world(12.0, -2.0), with_extent=False)[0])
    assert cut is not None
    assert not cut.whole


def evidence(state: WorldState, actor_id: int, *, with_extent: bool, unclear: bool = False) -> object:
    look, tie = look_at(state, with_extent=with_extent)
    own = [box for box in boxes_2d(look, "CAM_FRONT", tie, bodies(state)) if box.actor_id == actor_id]
    around = {"CAM_FRONT": [own[0].amodal]} if unclear else {"CAM_FRONT": [(0, 0, 3, 3)]}
    return pixel_evidence(bodies(state)[actor_id], 1.0, own, {"CAM_FRONT": look}, around)


@pytest.mark.parametrize("with_extent", [True, False])
def test_a_body_that_fills_its_box_leaves_no_gap_to_the_boxs_projection(with_extent: bool) -> None:
    state = world(12.0, -2.0)
    seen = evidence(state, CHILD, with_extent=with_extent)
    assert (seen.cameras, seen.clear_looks, seen.ambiguous) == (1, 1, False)
    assert max(map(abs, seen.gaps_px)) <= 1.0
    assert evidence(state, CHILD, with_extent=with_extent, unclear=True).ambiguous


def test_a_body_that_is_half_hidden_has_pixels_but_no_clear_look() -> None:
    seen = evidence(world(19.0, 4.2), CHILD, with_extent=True)
    assert 0 < seen.visible_px < seen.amodal_px
    assert (seen.cameras, seen.clear_looks, seen.gaps_px) == (1, 0, (0.0, 0.0, 0.0, 0.0))


def test_gaps_tell_on_which_side_a_box_is_too_large() -> None:
    state = world(12.0, -2.0)
    look, tie = look_at(state, with_extent=True)
    own = [box for box in boxes_2d(look, "CAM_FRONT", tie, bodies(state)) if box.actor_id == CHILD]
    pose = state.world_from_box(CHILD).copy()
    pose[2, 3] += 0.2  # with 0.4 m more height the bottom stays where it is
    length, width, height = SIZES[CHILD]
    taller = Box3d(pose, np.array([length, width, height + 0.4]))
    seen = pixel_evidence(taller, 1.0, own, {"CAM_FRONT": look}, {})
    assert seen.gaps_px[1] == pytest.approx(0.4 * CAMERA.fy_px / 12.0, abs=1.5)
    assert max(abs(seen.gaps_px[side]) for side in (0, 2, 3)) <= 1.5


def test_points_are_counted_by_whose_they_are_and_where() -> None:
    points = np.array([[0, 0, 0], [0.9, 0, 0], [1.1, 0, 0], [0, 0.1, 0.1], [0, 0, -1], [5, 5, -1]], dtype=np.float32)
    own = np.array([True, True, True, False, False, False])
    ground = np.array([False, False, False, False, True, True])
    counted = point_evidence(points, own, ground, np.eye(4), np.array([2.0, 2.0, 2.0]))
    assert (counted.own_inside, counted.own_outside) == (2, 1)
    assert (counted.ground_inside, counted.foreign_inside) == (1, 1)
