"""Lidar points: what they met, and which instance of it."""

from dataclasses import replace

import carla
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from av_synth.capture import LidarScan
from av_synth.geometry.boxes import points_inside
from av_synth.geometry.transforms import apply, from_yaw
from av_synth.labels.segmentation import CATEGORY_INDEX, InstanceBox, panoptic, point_categories
from av_synth.log.semantics import SURFACES
from av_synth.log.state import ActorInfo
from av_synth.log.taxonomy import CATEGORY_NAMES

EGO, BIKE, LAMP = 1, 2, 3
CAR, CHILD = CATEGORY_INDEX["vehicle.car"], CATEGORY_INDEX["human.pedestrian.child"]


def scan(*points: tuple[int, int]) -> LidarScan:
    """Points given as (actor id, tag)."""
    n = len(points)
    ids, tags = np.array(points).reshape(n, 2).T
    return LidarScan(np.zeros((n, 3), "f4"), np.zeros(n, "f4"), np.zeros(n, "u1"), ids.astype("u4"), tags.astype("u1"))


def info(actor_id: int, category: str) -> ActorInfo:
    return ActorInfo(actor_id, "type", "", category, np.zeros(3), np.ones(3))


INFOS = {EGO: info(EGO, "vehicle.car"), BIKE: info(BIKE, "vehicle.bicycle"), LAMP: info(LAMP, "")}


def test_the_tags_are_those_of_the_carla_client_and_their_categories_nuscenes() -> None:
    ours = {tag: name for tag, (name, _) in SURFACES.items()}
    carlas = {int(value): name for name, value in carla.CityObjectLabel.names.items() if int(value) != 255}
    assert ours == carlas
    assert {category for _, category in SURFACES.values()} - {""} <= CATEGORY_NAMES


def test_points_on_actors_have_the_actors_category_and_all_others_that_of_their_surface() -> None:
    points = {
        (EGO, 14): "vehicle.ego",
        (BIKE, 19): "vehicle.bicycle",
        (BIKE, 13): "vehicle.bicycle",  # the rider belongs to it
        (LAMP, 7): "static.manmade",
        (99, 12): "human.pedestrian.adult",  # an actor that nobody knows
        (0, 1): "flat.driveable_surface",
        (0, 24): "flat.driveable_surface",
        (0, 2): "flat.sidewalk",
        (0, 10): "flat.terrain",
        (0, 25): "flat.other",
        (0, 3): "static.manmade",
        (0, 9): "static.vegetation",
        (0, 14): "vehicle.car",  # scenery that looks like a car
        (0, 0): "static.other",
        (0, 200): "static.other",
    }
    found = point_categories(scan(*points), INFOS, EGO)
    assert found.dtype == np.uint8
    assert found.tolist() == [CATEGORY_INDEX[name] for name in points.values()]


def test_an_empty_turn_has_empty_labels() -> None:
    found = point_categories(scan(), INFOS, EGO)
    assert found.shape == (0,)
    assert panoptic(np.zeros((0, 3), "f4"), found, []).shape == (0,)


def box(category: str, instance: int, x_m: float, y_m: float) -> InstanceBox:
    return InstanceBox(category, instance, from_yaw(x_m, y_m, 0.0, 0.4), np.array([4.0, 2.0, 2.0]))


def test_things_get_the_number_of_the_one_box_of_their_category_that_holds_them() -> None:
    boxes = [box("vehicle.car", 7, 0, 0), box("vehicle.car", 8, 1.0, 0), box("human.pedestrian.child", 9, 20, 0)]
    cases = [
        ((-1.5, 0), CAR, 1000 * CAR + 7),
        ((2.5, 0.5), CAR, 1000 * CAR + 8),
        ((0.5, 0), CAR, 0),  # in both cars
        ((20, 0), CAR, 0),  # in a box of another category only
        ((20, 0), CHILD, 1000 * CHILD + 9),
        ((50, 0), CHILD, 0),  # in no box
        ((0, 0), CATEGORY_INDEX["static.manmade"], 1000 * CATEGORY_INDEX["static.manmade"]),
        ((0, 0), 0, 0),
    ]
    points = np.array([(*xy, 0.0) for xy, _, _ in cases], dtype=np.float32)
    found = panoptic(points, np.array([category for _, category, _ in cases], np.uint8), boxes)
    assert found.dtype == np.uint16
    assert found.tolist() == [label for _, _, label in cases]


def test_an_instance_beyond_the_999_that_fit_into_the_labels_is_said_to_be_none() -> None:
    point, category = np.zeros((1, 3), "f4"), np.array([CAR], np.uint8)
    assert panoptic(point, category, [box("vehicle.car", 999, 0, 0)]).tolist() == [1000 * CAR + 999]
    assert panoptic(point, category, [box("vehicle.car", 1000, 0, 0)]).tolist() == [0]


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 6))
def test_panoptic_labels_follow_the_rule_point_by_point(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    names = ["vehicle.car", "vehicle.truck", "human.pedestrian.child"]
    boxes = [
        InstanceBox(
            names[rng.integers(3)], k + 1, from_yaw(*rng.uniform(-4, 4, 3), rng.uniform(-3, 3)), rng.uniform(1, 6, 3)
        )
        for k in range(count)
    ]
    points = rng.uniform(-5, 5, (80, 3)).astype(np.float32)
    categories = rng.choice([*(CATEGORY_INDEX[name] for name in names), 0, 24, 28], 80).astype(np.uint8)
    found = panoptic(points, categories, boxes)
    for point, category, label in zip(points, categories.tolist(), found.tolist(), strict=True):
        holding = [
            each.instance
            for each in boxes
            if CATEGORY_INDEX[each.category] == category
            and points_inside(each.lidar_from_box, each.size_lwh_m, point[None])[0]
        ]
        thing = 1 <= category <= 23
        wanted = 1000 * category + (holding[0] if len(holding) == 1 else 0)
        assert label == (0 if thing and len(holding) != 1 else wanted if thing else 1000 * category)


def test_labels_do_not_depend_on_where_the_world_is() -> None:
    """Boxes and points moved together give the same labels."""
    rng = np.random.default_rng(4)
    points = rng.uniform(-2, 2, (200, 3)).astype(np.float32)
    categories = np.full(200, CAR, np.uint8)
    moved = from_yaw(3.0, -2.0, 0.5, 1.2)
    one = panoptic(points, categories, [box("vehicle.car", 1, 0, 0)])
    there = InstanceBox("vehicle.car", 1, moved @ box("vehicle.car", 1, 0, 0).lidar_from_box, np.array([4.0, 2, 2]))
    other = panoptic(apply(moved, points), categories, [there])
    assert 20 < (one > 0).sum() < 180
    assert (one != other).sum() <= 1  # float32 rounding at a face


@pytest.mark.parametrize("category", ["vehicle.ego", "flat.driveable_surface", "static.vegetation"])
def test_stuff_has_no_instance_even_inside_a_box(category: str) -> None:
    labels = panoptic(np.zeros((1, 3), "f4"), np.array([CATEGORY_INDEX[category]], "u1"), [box("vehicle.car", 1, 0, 0)])
    assert labels.tolist() == [1000 * CATEGORY_INDEX[category]]


def test_what_is_of_the_weather_is_noise_whatever_else_is_said_of_it() -> None:
    seen = replace(scan((0, 1), (BIKE, 14), (BIKE, 14)), is_weather=np.array([False, True, False]))

    labels = point_categories(seen, {BIKE: info(BIKE, "vehicle.car")}, EGO)

    assert labels.tolist() == [CATEGORY_INDEX["flat.driveable_surface"], CATEGORY_INDEX["noise"], CAR]
    assert panoptic(seen.points_m, labels, [box("vehicle.car", 5, 0.0, 0.0)]).tolist() == [24000, 0, 17005]
