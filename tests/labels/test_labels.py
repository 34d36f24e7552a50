"""Labels on a scene that is known exactly: boxes seen by a camera whose depth and ids are computed by ray and slab."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from av_synth.capture import Extent, FrameSet, LabelImage, LidarScan
from av_synth.geometry.cameras import BODY_FROM_CAMERA, unproject
from av_synth.geometry.transforms import apply, from_yaw, invert, rigid
from av_synth.labels import label_boxes, tie_instances
from av_synth.labels.association import Echoes
from av_synth.labels.boxes import attribute
from av_synth.labels.classes import tags_of
from av_synth.labels.visibility import Look, _estimate, _ray_entry, visibility
from av_synth.log.categories import nuscenes_category
from av_synth.log.state import ActorInfo, ActorState, WorldState
from av_synth.rig.model import Camera, Lidar, Mount, Rig
from av_synth.simulator.bodies import catalogue

EGO, VAN, CHILD = 1, 2, 3
SIZES = {EGO: [4.0, 1.8, 1.5], VAN: [5.0, 2.0, 2.4], CHILD: [0.4, 0.5, 1.2]}
FILL = {VAN: np.ones(3), CHILD: np.array([0.55, 0.75, 1.0])}  # of the box: people are slimmer than theirs
TAGS = {VAN: 14, CHILD: 12}
CATEGORIES = {EGO: "vehicle.car", VAN: "vehicle.car", CHILD: "human.pedestrian.child"}
CAMERA = Camera("CAM_FRONT", Mount((0.0, 0.0, 1.5), (0.5, -0.5, 0.5, -0.5)), 1, 320, 180, 250.0, 250.0, 160.0, 90.0)
LIDAR = Lidar("LIDAR_TOP", Mount((0.0, 0.0, 1.8), (1.0, 0.0, 0.0, 0.0)), 1, 16, 360, 10.0, -30.0, 70.0)
RIG = Rig("test", "", 50_000, 10, (CAMERA,), (LIDAR,), ())
WORLD_FROM_CAMERA = rigid(np.eye(3), [0.0, 0.0, 1.5]) @ BODY_FROM_CAMERA


def world(child_x_m: float, child_y_m: float, van_xy_m: tuple[float, float] = (15, 2)) -> WorldState:
    poses = {
        EGO: from_yaw(0, 0, 0, 0),
        VAN: from_yaw(*van_xy_m, 0, 0.1),
        CHILD: from_yaw(child_x_m, child_y_m, 0, np.pi / 2),
    }
    still = np.zeros(3)
    actors = {
        each: ActorState(pose, np.array([0.0, 1.5, 0.0]) if each == CHILD else still, still, still)
        for each, pose in poses.items()
    }
    infos = {
        each: ActorInfo(each, "type", "", CATEGORIES[each], np.array([0, 0, size[2] / 2]), np.array(size), each == VAN)
        for each, size in SIZES.items()
    }
    return WorldState(100, 0, actors, infos)


def box_around(mask: np.ndarray) -> tuple[int, int, int, int]:
    v, u = np.nonzero(mask)
    return (int(u.min()), int(v.min()), int(u.max()) + 1, int(v.max()) + 1) if len(u) else (0, 0, 0, 0)


def label_image(
    state: WorldState, ids: dict[int, int], *, with_extent: bool, fill: Mapping[int, np.ndarray] = FILL
) -> LabelImage:
    v, u = np.mgrid[0:180, 0:320]
    rays = unproject(np.stack([u.ravel(), v.ravel()], axis=1), np.ones(u.size), 250.0, 250.0, 160.0, 90.0)
    depth = np.full(u.size, 900.0)
    instance, tag = np.zeros(u.size, dtype=np.uint16), np.ones(u.size, dtype=np.uint8)
    alone = {}
    for actor_id in (VAN, CHILD):
        entry = _ray_entry(
            invert(state.world_from_box(actor_id)) @ WORLD_FROM_CAMERA,
            rays,
            np.array([[-0.5], [0.5]]) * fill[actor_id] * SIZES[actor_id],
        )
        alone[actor_id] = np.isfinite(entry)
        nearer = entry < depth
        depth[nearer], instance[nearer], tag[nearer] = entry[nearer], ids[actor_id], TAGS[actor_id]
    extent = {
        each: Extent(int(mask.sum()), int((instance == ids[each]).sum()), box_around(mask.reshape(180, 320)))
        for each, mask in alone.items()
        if mask.any()
    }
    return LabelImage(
        tag.reshape(180, 320),
        instance.reshape(180, 320),
        depth.reshape(180, 320).astype(np.float32),
        extent if with_extent else None,
    )


def test_masks_are_tied_by_where_their_pixels_are_whatever_the_ids_say():
    state = world(12.0, -2.0)
    label = label_image(state, {VAN: 4711, CHILD: 2}, with_extent=False)
    image, masks = tie_instances(label, CAMERA, WORLD_FROM_CAMERA, state)

    assert {mask.actor_id for mask in masks} == {VAN, CHILD}
    for mask in masks:
        assert not mask.ambiguous
        assert mask.pixels == (image == mask.value).sum()
    owner = {mask.value: mask.actor_id for mask in masks}
    assert owner[image[label.instance == 4711][0]] == VAN


def test_two_objects_under_one_id_are_told_apart_by_where_their_pixels_are():
    state = world(12.0, -0.9)  # before the van, and in the same piece of the picture
    true = label_image(state, {VAN: 4, CHILD: 5}, with_extent=False).instance
    image, masks = tie_instances(
        label_image(state, {VAN: 7, CHILD: 7}, with_extent=False), CAMERA, WORLD_FROM_CAMERA, state
    )

    assert [(mask.actor_id, mask.ambiguous) for mask in masks] == [(VAN, False), (CHILD, False)]
    assert [(image[true == each] == value).all() for each, value in ((4, 1), (5, 2))] == [True, True]


def test_a_parked_car_of_the_town_under_the_id_of_an_actor_is_said_and_not_taken_for_it():
    state = world(12.0, -2.0)
    label = label_image(state, {VAN: 7, CHILD: 7}, with_extent=False)
    label.tag[label.tag == 12] = 14  # where the child was, there is something that only a vehicle can be
    known = replace(state, infos={each: state.infos[each] for each in (EGO, VAN)})
    image, masks = tie_instances(label, CAMERA, WORLD_FROM_CAMERA, known)

    assert [(mask.actor_id, mask.ambiguous) for mask in masks] == [(VAN, False), (0, True)]
    assert sum(mask.pixels for mask in masks) == (label.tag == 14).sum() == (image > 0).sum()


def test_static_things_are_no_instances_even_under_the_id_of_an_actor():
    state = world(12.0, -2.0)
    label = label_image(state, {VAN: 7, CHILD: 7}, with_extent=False)
    label.tag[label.tag == 12] = 20
    known = replace(state, infos={each: state.infos[each] for each in (EGO, VAN)})
    image, masks = tie_instances(label, CAMERA, WORLD_FROM_CAMERA, known)

    assert [(mask.actor_id, mask.ambiguous) for mask in masks] == [(VAN, False)]
    assert ((image > 0) == (label.tag == 14)).all()


@pytest.mark.parametrize(("beside", "tied"), [("a car", True), ("a bus", False)])
def test_what_is_seen_of_an_open_door_alone_is_its_vehicles(beside, tied):
    state = world(12.0, -2.0)
    true = label_image(state, {VAN: 7, CHILD: 8}, with_extent=False)
    true.tag[true.tag == 12] = 14
    # the child's place is where the door of a car would be that stands to its left, heading as the camera looks
    there = state.world_from_box(CHILD)[:3, 3]
    parked = from_yaw(there[0] - 0.3, there[1] + 1.5, 0.0, 0.0)
    category = "vehicle.car" if beside == "a car" else "vehicle.bus.rigid"
    info = replace(state.infos[VAN], actor_id=9, category=category, size_lwh_m=np.array([4.0, 1.8, 2.2]))
    one = replace(
        state,
        infos={**{each: state.infos[each] for each in (EGO, VAN)}, 9: info},
        actors={**state.actors, 9: replace(state.actors[VAN], world_from_actor=parked)},
    )
    _, masks = tie_instances(true, CAMERA, WORLD_FROM_CAMERA, one)

    assert [(mask.actor_id, mask.ambiguous) for mask in masks] == [(VAN, False), (9 if tied else 0, not tied)]


@pytest.mark.parametrize(
    ("passing", "height_m", "known", "owner"),
    [
        ("vehicle.bicycle", 1.8, True, 9),  # by its class, it is no part of a bicycle
        ("vehicle.car", 0.6, True, 9),  # the other's box holds some of it only
        ("vehicle.car", 1.8, True, 0),
        ("vehicle.bicycle", 1.8, False, 0),  # the other would have more pixels than there can be of it
        ("vehicle.car", 1.8, False, 0),
    ],
)
def test_an_open_door_in_the_box_of_another_is_its_vehicles_or_said_and_never_the_others(
    passing, height_m, known, owner
):
    state = world(12.0, -2.0)
    label = label_image(state, {VAN: 4, CHILD: 9}, with_extent=False)
    door = label.instance == 9  # what is drawn as the child
    there = state.world_from_box(CHILD)[:3, 3]
    other = replace(state.infos[CHILD], category=passing, size_lwh_m=np.array([1.8, 1.0, height_m]))
    parked = replace(state.infos[CHILD], actor_id=9, category="vehicle.car", size_lwh_m=np.array([4.0, 1.8, 2.2]))
    beside = replace(state.actors[VAN], world_from_actor=from_yaw(there[0] - 0.3, there[1] - 1.5, 0.0, 0.0))
    both = replace(
        state,
        infos={CHILD: other, 9: parked},
        actors={CHILD: state.actors[CHILD], 9: beside},
        ajar={9: frozenset({0})} if known else {},
    )
    extent_px = {CHILD: Extent(int(door.sum()) - 1, 0, (0, 0, 1, 1)), 9: Extent(9999, int(door.sum()), (0, 0, 1, 1))}
    shown = replace(label, tag=np.where(door, 14, 1).astype(np.uint8), extent_px=extent_px)
    image, masks = tie_instances(shown, CAMERA, WORLD_FROM_CAMERA, both)

    assert [(mask.actor_id, mask.ambiguous) for mask in masks] == [(owner, not owner)]
    assert ((image > 0) == door).all()


def test_a_picture_without_anybody_has_no_masks():
    state = world(12.0, -2.0)
    label = label_image(state, {VAN: 7, CHILD: 8}, with_extent=False)
    image, masks = tie_instances(
        replace(label, tag=np.ones_like(label.tag), instance=np.zeros_like(label.instance)),
        CAMERA,
        WORLD_FROM_CAMERA,
        state,
    )

    assert masks == ()
    assert not image.any()


def test_what_two_boxes_hold_is_ambiguous_until_the_lidar_has_met_it():
    state = world(12.0, -2.0)
    # a second vehicle whose box holds all of the van's
    infos = {**state.infos, 9: replace(state.infos[VAN], actor_id=9, size_lwh_m=np.array([5.4, 2.4, 2.8]))}
    both = replace(state, infos=infos, actors={**state.actors, 9: state.actors[VAN]})
    label = label_image(state, {VAN: 7, CHILD: 8}, with_extent=False)
    _, without = tie_instances(label, CAMERA, WORLD_FROM_CAMERA, both)
    rows, columns = np.nonzero(label.instance == 7)
    some = slice(None, None, 500)
    points = apply(
        WORLD_FROM_CAMERA,
        unproject(
            np.stack([columns[some], rows[some]], axis=1), label.depth_m[rows[some], columns[some]], 250, 250, 160, 90
        ),
    )
    _, told = tie_instances(
        label, CAMERA, WORLD_FROM_CAMERA, both, Echoes(points, np.full(len(points), VAN, dtype=np.uint32))
    )
    _, confused = tie_instances(
        label, CAMERA, WORLD_FROM_CAMERA, both, Echoes(points, np.arange(len(points), dtype=np.uint32) % 2 * 7 + VAN)
    )

    assert [(mask.actor_id, mask.ambiguous) for mask in without] == [(0, True), (CHILD, False)]
    assert [(mask.actor_id, mask.ambiguous) for mask in told] == [(VAN, False), (CHILD, False)]
    assert [(mask.actor_id, mask.ambiguous) for mask in confused] == [(0, True), (CHILD, False)]


@pytest.mark.parametrize(("child_x_m", "child_y_m", "level"), [(12.0, -2.0, 4), (25.0, 3.4, 1), (19.0, 4.2, 2)])
def test_visibility_is_the_share_of_pixels_and_the_estimate_agrees(child_x_m, child_y_m, level):
    state = world(child_x_m, child_y_m)
    size = np.array(SIZES[CHILD], dtype=float)
    found = {}
    for with_extent in (True, False):
        label = label_image(state, {VAN: VAN, CHILD: CHILD}, with_extent=with_extent)
        look = Look(label, CAMERA, WORLD_FROM_CAMERA)
        found[with_extent] = visibility(
            CHILD, CATEGORIES[CHILD], state.world_from_box(CHILD), size, {"CAM_FRONT": look}
        )

    assert found[True].method == "amodal_render"
    assert found[False].method == "estimated"
    assert found[True].fraction == pytest.approx(found[False].fraction, abs=0.12)
    assert found[True].level == level


@pytest.mark.parametrize("van_xy_m", [(2.0, 2.5), (-1.0, 1.7), (1.0, -2.4)])
def test_a_car_alongside_that_reaches_behind_the_camera_is_estimated_from_its_part_before_it(van_xy_m):
    state = world(12.0, -2.0, van_xy_m)
    size = np.array(SIZES[VAN], dtype=float)
    extent = label_image(state, {VAN: VAN, CHILD: CHILD}, with_extent=True).extent_px[VAN]
    looks = {
        "CAM_FRONT": Look(label_image(state, {VAN: VAN, CHILD: CHILD}, with_extent=False), CAMERA, WORLD_FROM_CAMERA)
    }
    estimated = visibility(VAN, CATEGORIES[VAN], state.world_from_box(VAN), size, looks)

    assert extent.alone_px == extent.visible_px > 1000
    assert (estimated.level, estimated.fraction) == (4, 1.0)
    assert _estimate(CATEGORIES[VAN], state.world_from_box(VAN), size, looks["CAM_FRONT"])[0] == pytest.approx(
        extent.alone_px, rel=0.1
    )


def test_what_no_camera_has_in_its_picture_has_no_level():
    state = world(-20.0, 0.0)
    look = Look(label_image(state, {VAN: VAN, CHILD: CHILD}, with_extent=True), CAMERA, WORLD_FROM_CAMERA)

    assert (
        visibility(
            CHILD, CATEGORIES[CHILD], state.world_from_box(CHILD), np.array(SIZES[CHILD]), {"CAM_FRONT": look}
        ).level
        == 0
    )


def test_boxes_count_the_stored_points_and_leave_out_the_ego():
    state = world(12.0, -2.0)
    # two on the van's rear face, one in the child, one on the ground
    points = np.array([[12.55, 1.8, -0.8], [12.53, 2.0, -0.8], [12.0, -2.0, -1.2], [6.0, 0.0, -1.8]], dtype=np.float32)
    flat = np.zeros(4)
    scan = LidarScan(points, flat.astype("f4"), flat.astype("u1"), flat.astype("u4"), flat.astype("u1"))
    frames = FrameSet(0, state, np.eye(4), True, {}, {}, {"LIDAR_TOP": scan}, {})
    labels = {label.actor_id: label for label in label_boxes(frames, RIG, {}, EGO)}

    assert set(labels) == {VAN, CHILD}
    assert labels[VAN].num_lidar_pts == 2
    assert labels[CHILD].num_lidar_pts == 1
    assert labels[VAN].attribute == "vehicle.parked"
    assert labels[CHILD].attribute == "pedestrian.moving"
    np.testing.assert_allclose(labels[VAN].size_lwh_m, np.array(SIZES[VAN]) + 0.02)

    rain = replace(scan, is_weather=np.array([False, True, False, False]))
    labels = {label.actor_id: label for label in label_boxes(replace(frames, lidars={"LIDAR_TOP": rain}), RIG, {}, EGO)}
    assert (labels[VAN].num_lidar_pts, labels[CHILD].num_lidar_pts) == (1, 1)


def test_attributes_belong_to_the_category_and_to_the_speed():
    def of(category: str, speed_mps: float, type_id: str = "") -> str:
        return attribute(ActorInfo(9, type_id, "", category, np.zeros(3), np.ones(3)), speed_mps)

    assert of("vehicle.bus.rigid", 3.0) == "vehicle.moving"
    assert of("vehicle.car", 0.0) == "vehicle.stopped"
    assert of("vehicle.bicycle", 3.0) == "cycle.with_rider"
    assert of("vehicle.bicycle", 0.0, "vehicle.bh.crossbike") == "cycle.with_rider"
    assert of("vehicle.motorcycle", 0.0, "static.prop.avsynth_motorcycle") == "cycle.without_rider"
    assert of("human.pedestrian.personal_mobility", 0.0, "walker.avsynth.scooter") == "cycle.with_rider"
    assert of("human.pedestrian.adult", 0.0) == "pedestrian.standing"
    assert of("human.pedestrian.wheelchair", 0.0) == "pedestrian.sitting_lying_down"
    assert of("human.pedestrian.stroller", 1.0) == "pedestrian.moving"
    assert of("animal", 1.0) == ""
    assert of("movable_object.trafficcone", 0.0) == ""


def test_every_body_is_made_of_classes_that_its_category_can_have():
    for body in catalogue().values():
        category = nuscenes_category(body.blueprint_id, body.attributes)
        if category:
            assert {int(tag) for mesh in body.meshes for tag in np.unique(mesh.tags)} <= tags_of(category)
