"""Mistakes that leave most of a dataset in order: each is found by what else knows of it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import synthetic_dataset as synthetic
from mistakes import Mistakes, Mutation, Told, assert_found, edit_cloud, edit_image, edit_json, edit_radar, rotate
from synthetic_copies import Copy

from av_synth.verify import open_dataset, verify
from av_synth.verify.findings import Findings
from av_synth.verify.maths import move
from av_synth.verify.pixels.masks import View
from av_synth.verify.pixels.rims import RimCheck
from av_synth.verify.pixels.surfaces import OwnBodyCheck
from av_synth.verify.reading import clouds

MISTAKES = Mistakes()
found_by = MISTAKES.found_by
VEHICLES = ("lead", "oncoming", "parked", "truck", "behind")


def moved(copy: Copy, names: tuple[str, ...], by: tuple[float, float, float]) -> None:
    tokens = [token for name in names for token in copy.annotations(name)]
    copy.edit_annotations(tokens, lambda r: r.update(translation=np.add(r["translation"], by).tolist()))


# ---- images and maps


@found_by("colours", "red and blue swapped")
def blue_before_red(copy: Copy) -> None:
    for name in copy.files("CAM_BACK_RIGHT"):
        image = cv2.imdecode(np.frombuffer((copy.root / name).read_bytes(), np.uint8), cv2.IMREAD_COLOR)
        copy.write(name, cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())


@found_by("image_annotations", "the corners of its own box are in")
def loose_boxes_of_the_next_row(copy: Copy) -> None:
    boxes = [row["bbox_corners"] for row in copy.rows("image_annotations")]
    following = iter([*boxes[1:], boxes[0]])
    copy.edit_each("image_annotations", lambda r: r.update(bbox_corners=next(following)))


@found_by("image_annotations", "is not of the sample of its image")
def loose_box_of_another_sample(copy: Copy) -> None:
    last = copy.rows("image_annotations")[-1]["sample_annotation_token"]
    copy.edit("image_annotations", lambda rows: rows[0].update(sample_annotation_token=last))


@found_by("basemap", "is upside down: 0% of the mask")
def basemap_upside_down(copy: Copy) -> None:
    edit_image(copy, "maps/basemap/plane.png", lambda image: image[::-1])


@found_by("basemap", "is it shifted")
def basemap_shifted(copy: Copy) -> None:
    edit_image(copy, "maps/basemap/plane.png", lambda image: np.roll(image, 15, axis=0))


@found_by("map_lanes", "6 of 6 lane dividers are on the other side")
def dividers_of_the_other_side(copy: Copy) -> None:
    def swap(content: Any) -> None:
        for row in content["lane"]:
            left, right = row["left_lane_divider_segments"], row["right_lane_divider_segments"]
            row.update(left_lane_divider_segments=right, right_lane_divider_segments=left)

    edit_json(copy, "maps/expansion/plane.json", swap)


# ---- points and radar


@found_by("lidar_files", "sweeps have 0 points .* half a turn missing")
def half_a_turn_missing_in_sweeps(copy: Copy) -> None:
    for name in copy.files("LIDAR_TOP", keyframes=False):
        edit_cloud(copy, name, lambda points: points[points[:, 1] > -5])


@found_by("radar_velocity", r"dyn_prop of \d+ of \d+ returns slower .* is 0; want stationary")
def all_returns_move(copy: Copy) -> None:
    for name in copy.files("RADAR_FRONT"):
        edit_radar(copy, name, lambda records: records["dyn_prop"].fill(0))


@found_by("surfaces", "own body are not vehicle.ego but mostly noise")
def points_on_the_ego_are_noise(copy: Copy) -> None:
    tokens = {r["filename"]: r["token"] for r in copy.rows("sample_data")}
    body = np.tile(np.array([0.0, 0.2, -1.0, 50.0, 0.0], dtype="<f4"), (400, 1))
    for name in copy.files("LIDAR_TOP", keyframes=True):
        edit_cloud(copy, name, lambda points: np.concatenate([points, body]))
        copy.change(f"lidarseg/{synthetic.VERSION}/{tokens[name]}_lidarseg.bin", lambda raw: raw + bytes(400))


# ---- boxes against points


@found_by("box_points", "annotations are one sample late")
def boxes_of_the_sample_before(copy: Copy) -> None:
    rows = {r["token"]: r for r in copy.rows("sample_annotation")}
    copy.edit_each("sample_annotation", lambda r: r.update(translation=rows[r["prev"] or r["token"]]["translation"]))


@found_by("box_points", "m out of the boxes of .* put into the world with the ego pose of another instant")
def boxes_shifted_along_the_road(copy: Copy) -> None:
    moved(copy, VEHICLES, (0.35, 0.0, 0.0))


@found_by("box_points", "its side is 0.4. m or more inside its box")
def truck_aside(copy: Copy) -> None:
    moved(copy, ("truck",), (0.0, -0.4, 0.0))


@found_by("ground", "boxes are sunk into the ground around them, -0.1[45]")
def boxes_sunk(copy: Copy) -> None:
    copy.edit_each("sample_annotation", lambda r: r["translation"].__setitem__(2, r["translation"][2] - 0.15))


# ---- boxes over time


@found_by("attributes", "the boxes of 5 parked vehicles move by .* ego pose of another instant")
def parked_vehicles_that_move_together(copy: Copy) -> None:
    parked = next(r["token"] for r in copy.rows("attribute") if r["name"] == "vehicle.parked")
    tokens = [token for name in VEHICLES for token in copy.annotations(name)]
    copy.edit_annotations(tokens, lambda r: r.update(attribute_tokens=[parked]))


@found_by("headings", "as in no step before and after: instance swapped or jumps")
def two_slow_things_swapped(copy: Copy) -> None:
    rows = {r["token"]: r for r in copy.rows("sample_annotation")}
    pairs = list(zip(copy.annotations("lead"), copy.annotations("parked"), strict=True))[2:]
    other = {a: b for pair in pairs for a, b in (pair, pair[::-1])}
    copy.edit_annotations(list(other), lambda r: r.update(translation=rows[other[r["token"]]]["translation"]))


@found_by("headings", r"walks 90 degrees \(median\) off its heading")
def walker_sideways(copy: Copy) -> None:
    copy.edit_annotations(copy.annotations("walker"), lambda r: r.update(rotation=rotate(r["rotation"], math.pi / 2)))


@found_by("sizes", "is 1.75 m high; want 0.5 to 1.6 m .*child: is it a human.pedestrian.adult")
def adult_called_a_child(copy: Copy) -> None:
    names = {r["name"]: r["token"] for r in copy.rows("category")}
    adult, child = (names[f"human.pedestrian.{kind}"] for kind in ("adult", "child"))
    copy.edit_each("instance", lambda r: r["category_token"] == adult and r.update(category_token=child))


# ---- truth


@found_by("can_motion", "rad .median. while the ego drives straight on")
def steering_wheel_off_its_middle(copy: Copy) -> None:
    name = "can_bus/scene-0001_steeranglefeedback.json"
    edit_json(copy, name, lambda rows: [row.update(value=row["value"] + 1.0) for row in rows])


@MISTAKES.each()
def test_a_finer_mistake_is_found_and_called_by_its_name(copy: Copy, mutation: Mutation, told: Told) -> None:
    assert_found(copy, mutation, told)


@pytest.mark.parametrize(("sign", "finds"), [(1.0, False), (-1.0, True)])
def test_accelerations_point_to_where_velocities_grow(copy: Copy, sign: float, finds: bool) -> None:
    def speed_up(row: dict[str, Any], k: int) -> None:
        row.update(velocity=[7.5 + 1.5 * k, 0.0, 0.0], acceleration=[sign * 3.0, 0.0, 0.0])

    for name in ("lead", "behind"):
        places = {token: k for k, token in enumerate(copy.annotations(name))}
        copy.edit_each(
            "annotation_truth",
            lambda r, p=places: r["sample_annotation_token"] in p and speed_up(r, p[r["sample_annotation_token"]]),
        )

    found = [str(problem) for problem in verify(copy.root).problems if problem.check == "velocities"]

    assert any("has acceleration the wrong sign" in text for text in found) == finds


def test_sweeps_that_see_as_much_as_keyframes_are_whole(one_scene: Path) -> None:
    quarters = clouds.QuarterCheck()
    for data in open_dataset(one_scene).scenes[0].data["LIDAR_TOP"]:
        sweep = clouds.read_lidar((one_scene / data.filename).read_bytes(), data.filename, Findings())
        assert sweep is not None
        quarters.add(sweep, data.is_key_frame)

    assert quarters.problem() == ""


@pytest.mark.parametrize(("turns", "says"), [(None, "want vehicle.ego, or, if who carries"), (1, "")])
def test_what_a_lidar_has_within_a_car_is_the_car_only_if_every_turn_has_it(
    one_scene: Path, turns: int | None, says: str
) -> None:
    scene, findings = open_dataset(one_scene).scenes[0], Findings()
    check, body = OwnBodyCheck(scene, findings), np.tile((0.0, 0.2, -1.0), (400, 1))
    keyframes = [data for data in scene.data["LIDAR_TOP"] if data.is_key_frame]

    for place, data in enumerate(keyframes):
        points = body if turns is None or place < turns else body[:0]
        check.add(data, points, np.zeros(len(points), dtype=np.uint8))
    check.close()

    problems = findings.report("", "").problems
    assert says in str(problems[0]) if says else not problems


@pytest.mark.parametrize(("factor", "says"), [(1.0, ""), (1.05, "wrong, by about 5%: 0.95 times")])
def test_rims_lie_on_edges_with_the_right_focal_length_only(one_scene: Path, factor: float, says: str) -> None:
    scene, rng, findings = open_dataset(one_scene).scenes[0], np.random.default_rng(3), Findings()
    view = View.of(scene.data["CAM_FRONT"][0])
    assert view is not None
    edges = rng.choice(np.arange(4, 156), 24, replace=False)
    image = np.tile((np.searchsorted(np.sort(edges), np.arange(160)) % 2 * 150 + 50).astype(np.uint8), (90, 1))
    pixels = np.column_stack([np.repeat(edges - 0.5, 25), rng.uniform(0, 89, 600)])
    rays = np.column_stack([(pixels - view.intrinsic[:2, 2]) / view.intrinsic[0, 0], np.ones(600)])
    rims = move(view.data.world_from_sensor, rays * rng.uniform(5, 30, (600, 1)))
    matrix = view.intrinsic * np.array([[factor, 1, 1], [1, factor, 1], [1, 1, 1]])
    check = RimCheck(scene, "CAM_FRONT", findings)

    check.add(View(view.data, matrix, view.camera_from_world), image, rims)
    check.close()

    problems = findings.report("", "").problems
    assert says in str(problems[0]) if says else not problems
