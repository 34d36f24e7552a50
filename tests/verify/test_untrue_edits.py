"""Each mutation is one edit that makes the dataset untrue; the right check has to name it."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import cv2
import numpy as np
import synthetic_dataset as synthetic
from mistakes import (
    Mistakes,
    Mutation,
    Told,
    assert_found,
    edit_cloud,
    edit_image,
    edit_radar,
    rotate,
    shift_files,
    swap_files,
)
from synthetic_copies import Copy

MISTAKES = Mistakes()
untrue = MISTAKES.found_by


def set_first(table: str, **fields: Any) -> Mutation:
    return lambda copy: copy.edit(table, lambda rows: rows[0].update(fields))


# ---- schema, tokens, keys


@untrue("schema", "is_key_frame = 'True'")
def key_frame_as_string(copy: Copy) -> None:
    copy.edit_each("sample_data", lambda r: r.update(is_key_frame=str(r["is_key_frame"])))


@untrue("schema", r"num_lidar_pts = \d+\.0; want an integer")
def float_point_counts(copy: Copy) -> None:
    copy.edit_each("sample_annotation", lambda r: r.update(num_lidar_pts=float(r["num_lidar_pts"])))


@untrue("schema", "translation = .*nan")
def nan_in_json(copy: Copy) -> None:
    set_first("sample_annotation", translation=[1.0, math.nan, 0.0])(copy)


@untrue("schema", r"ego_pose\.json")
def truncated_table(copy: Copy) -> None:
    copy.write(copy.table_path("ego_pose"), copy.table_path("ego_pose").read_bytes()[:-40])


@untrue("schema", r"visibility\.json.*missing")
def missing_table(copy: Copy) -> None:
    copy.table_path("visibility").unlink()


@untrue("schema", r"map\.json.*empty")
def empty_map_table(copy: Copy) -> None:
    copy.edit("map", lambda rows: rows.clear())


@untrue("schema", "camera_intrinsic is missing")
def no_intrinsic_field(copy: Copy) -> None:
    copy.edit("calibrated_sensor", lambda rows: rows[-1].pop("camera_intrinsic"))


@untrue("schema", r"timestamp = 17\d+\.\d+; want an integer")
def float_timestamps(copy: Copy) -> None:
    copy.edit_each("sample", lambda r: r.update(timestamp=r["timestamp"] + 0.5))


@untrue("tokens", "duplicate token.*rows 3 and 4|rows 3 and 4.*duplicate token")
def duplicated_token(copy: Copy) -> None:
    copy.edit("sample_annotation", lambda rows: rows[4].update(token=rows[3]["token"]))


@untrue("keys", "is in no map's log_tokens")
def log_in_no_map(copy: Copy) -> None:
    copy.edit("map", lambda rows: rows[0]["log_tokens"].pop())


@untrue("keys", "visibility_token = '9'")
def unknown_visibility_token(copy: Copy) -> None:
    set_first("sample_annotation", visibility_token="9")(copy)


@untrue("keys", "ego_pose_token = 'no such'")
def dangling_ego_pose(copy: Copy) -> None:
    set_first("sample_data", ego_pose_token="no such")(copy)


# ---- names


@untrue("names", "scene- and four digits")
def wrong_scene_name(copy: Copy) -> None:
    set_first("scene", name="scene_1")(copy)


@untrue("names", "CAN bus reader refuses")
def scene_name_without_can_data(copy: Copy) -> None:
    set_first("scene", name="scene-0165")(copy)


@untrue("names", "8 attributes")
def unknown_attribute(copy: Copy) -> None:
    set_first("attribute", name="vehicle.driving")(copy)


@untrue("names", "8 attributes")
def attribute_without_a_family(copy: Copy) -> None:
    set_first("attribute", name="moving")(copy)


@untrue("names", "32 categories")
def unknown_category(copy: Copy) -> None:
    set_first("category", name="vehicle.tank")(copy)


@untrue("names", "index = 3")
def wrong_category_index(copy: Copy) -> None:
    set_first("category", index=3)(copy)


@untrue("names", "scene-0999")
def split_of_unknown_scene(copy: Copy) -> None:
    copy.write(copy.table_path("splits"), json.dumps({"train": ["scene-0999"]}).encode())


@untrue("names", "filename = .*want 'samples/CAM_FRONT/")
def keyframe_in_sweeps(copy: Copy) -> None:
    copy.edit("sample_data", lambda rows: rows[0].update(filename=rows[0]["filename"].replace("samples", "sweeps")))


# ---- times and chains


@untrue("timestamps", "looks like seconds")
@untrue("timestamps", "want microseconds since 1970")
def timestamps_in_seconds(copy: Copy) -> None:
    for table in ("sample", "sample_data", "ego_pose"):
        copy.edit_each(table, lambda r: r.update(timestamp=r["timestamp"] // 1_000_000))


@untrue("timestamps", "want microseconds since 1970")
def timestamps_times_ten(copy: Copy) -> None:
    for table in ("sample", "sample_data", "ego_pose"):
        copy.edit_each(table, lambda r: r.update(timestamp=r["timestamp"] * 10))


@untrue("timestamps", "time order")
def samples_out_of_order(copy: Copy) -> None:
    copy.edit("sample", lambda rows: rows.insert(0, rows.pop(2)))


@untrue("sample_chain", "nbr_samples = 5; it has 4")
def wrong_nbr_samples(copy: Copy) -> None:
    set_first("scene", nbr_samples=5)(copy)


@untrue("sample_chain", "next = ''")
def broken_sample_chain(copy: Copy) -> None:
    copy.edit("sample", lambda rows: rows[1].update(next=""))


@untrue("data_chain", "CAM_FRONT of scene-0001")
def broken_data_chain(copy: Copy) -> None:
    copy.edit("sample_data", lambda rows: rows[2].update(prev=rows[0]["token"]))


@untrue("data_chain", "want .* that of the keyframe that follows")
def sweep_of_the_sample_before(copy: Copy) -> None:
    copy.edit("sample_data", lambda rows: rows[1].update(sample_token=rows[0]["sample_token"]))


@untrue("keyframes", "2 keyframes of CAM_FRONT")
def two_keyframes_in_a_sample(copy: Copy) -> None:
    copy.edit("sample_data", lambda rows: rows[1].update(is_key_frame=True))


@untrue("keyframes", "LIDAR_TOP keyframe is 1000 us away")
def sample_time_is_not_the_lidars(copy: Copy) -> None:
    copy.edit("sample", lambda rows: rows[1].update(timestamp=rows[1]["timestamp"] + 1000))


@untrue("annotation_chain", "the chain is missing")
@untrue("annotation_chain", "next = ''")
def no_annotation_chain(copy: Copy) -> None:
    copy.edit_each("sample_annotation", lambda r: r.update(prev="", next=""))


@untrue("annotation_chain", "nbr_annotations = 9")
def wrong_nbr_annotations(copy: Copy) -> None:
    set_first("instance", nbr_annotations=9)(copy)


@untrue("annotation_chain", "in the same sample")
def two_annotations_of_an_instance_in_a_sample(copy: Copy) -> None:
    copy.edit("sample_annotation", lambda rows: rows[1].update(sample_token=rows[0]["sample_token"]))


@untrue("ego_poses", "same token as the row")
def ego_pose_of_another_row(copy: Copy) -> None:
    copy.edit("sample_data", lambda rows: rows[4].update(ego_pose_token=rows[5]["ego_pose_token"]))


# ---- rotations, calibrations, motion


@untrue("quaternions", "has length 1.05")
def unnormalised_quaternion(copy: Copy) -> None:
    copy.edit("sample_annotation", lambda rows: rows[5].update(rotation=[1.05 * v for v in rows[5]["rotation"]]))


@untrue("diagnosis", "box rotations are x, y, z, w")
@untrue("headings", "driven backwards|lies on its side")
def box_quaternions_as_xyzw(copy: Copy) -> None:
    copy.edit_each("sample_annotation", lambda r: r.update(rotation=r["rotation"][1:] + r["rotation"][:1]))


@untrue("mounts", "CAM_BACK_RIGHT.*looks like x, y, z, w")
def mount_quaternions_as_xyzw(copy: Copy) -> None:
    copy.edit_each("calibrated_sensor", lambda r: r.update(rotation=r["rotation"][1:] + r["rotation"][:1]))


@untrue("diagnosis", "ego pose rotations are x, y, z, w")
@untrue("lidar_counts")
def ego_quaternions_as_xyzw(copy: Copy) -> None:
    copy.edit_each("ego_pose", lambda r: r.update(rotation=r["rotation"][1:] + r["rotation"][:1]))


@untrue("headings", "turned 180 degrees")
def one_box_turned_around(copy: Copy) -> None:
    token = copy.annotations("lead")[1:2]
    copy.edit_annotations(token, lambda r: r.update(rotation=rotate(r["rotation"], math.pi)))


@untrue("headings", "driven backwards")
def all_boxes_of_a_car_turned_around(copy: Copy) -> None:
    copy.edit_annotations(copy.annotations("oncoming"), lambda r: r.update(rotation=rotate(r["rotation"], math.pi)))


@untrue("diagnosis", "length and width are swapped")
@untrue("sizes", "wider than long")
def length_and_width_swapped(copy: Copy) -> None:
    copy.edit_each("sample_annotation", lambda r: r.update(size=[r["size"][1], r["size"][0], r["size"][2]]))


@untrue("sizes", "differs by")
def one_box_scaled(copy: Copy) -> None:
    copy.edit_annotations(copy.annotations("parked")[:1], lambda r: r.update(size=[1.2 * v for v in r["size"]]))


@untrue("box_in_mask", "box too large")
def all_boxes_of_a_car_scaled(copy: Copy) -> None:
    copy.edit_annotations(copy.annotations("lead"), lambda r: r.update(size=[1.2 * v for v in r["size"]]))


@untrue("attributes", "at most one")
def two_attributes(copy: Copy) -> None:
    copy.edit("sample_annotation", lambda rows: rows[0]["attribute_tokens"].append(rows[8]["attribute_tokens"][0]))


@untrue("attributes", r"cycle\.\*")
def attribute_of_another_family(copy: Copy) -> None:
    moving = synthetic.Builder(copy.root).token("vehicle.moving")
    copy.edit_annotations(copy.annotations("cyclist"), lambda r: r.update(attribute_tokens=[moving]))


@untrue("attributes", "want it to rest")
def moving_car_is_parked(copy: Copy) -> None:
    parked = synthetic.Builder(copy.root).token("vehicle.parked")
    copy.edit_annotations(copy.annotations("lead"), lambda r: r.update(attribute_tokens=[parked]))


@untrue("attributes", "want it to move")
def parked_car_is_moving(copy: Copy) -> None:
    moving = synthetic.Builder(copy.root).token("vehicle.moving")
    copy.edit_annotations(copy.annotations("truck"), lambda r: r.update(attribute_tokens=[moving]))


@untrue("mounts", "CAM_BACK_RIGHT.*looks 180 degrees")
def camera_mounts_swapped(copy: Copy) -> None:
    def swap(rows: list[dict[str, Any]]) -> None:
        right, left = rows[1], rows[2]
        for name in ("translation", "rotation"):
            right[name], left[name] = left[name], right[name]

    copy.edit("calibrated_sensor", swap)


@untrue("intrinsics", r"camera_intrinsic = \[\]")
def no_intrinsics(copy: Copy) -> None:
    set_first("calibrated_sensor", camera_intrinsic=[])(copy)


@untrue("intrinsics", "square pixels")
def unequal_focal_lengths(copy: Copy) -> None:
    copy.edit("calibrated_sensor", lambda rows: rows[0]["camera_intrinsic"][1].__setitem__(1, 140.0))


@untrue("mask_in_box", "CAM_FRONT")
def principal_point_off_by_six_pixels(copy: Copy) -> None:
    copy.edit("calibrated_sensor", lambda rows: rows[0]["camera_intrinsic"][0].__setitem__(2, 87.0))


def with_lens(copy: Copy, model: str, coefficients: list[float], row: int = 0) -> None:
    """Say that a calibrated sensor, of a camera if it is the first, has a lens."""
    token = copy.rows("calibrated_sensor")[row]["token"]
    told = {"token": token, "calibrated_sensor_token": token, "model": model, "coefficients": coefficients}
    copy.table_path("camera_lens").write_text(json.dumps([told]))


@untrue("mask_in_box", "CAM_FRONT")
def lens_on_the_images_of_a_pinhole(copy: Copy) -> None:
    with_lens(copy, "plain", [-0.3, 0.05, 0.0, 0.0, 0.0])


@untrue("mask_in_box", "CAM_FRONT")
def fisheye_on_the_images_of_a_pinhole(copy: Copy) -> None:
    with_lens(copy, "fisheye", [-0.05, 0.0, 0.0, 0.0])


@untrue("intrinsics", "has 4 coefficients; want 5 of a plain lens")
def lens_without_all_coefficients(copy: Copy) -> None:
    with_lens(copy, "plain", [0.0, 0.0, 0.0, 0.0])


@untrue("schema", "model = 'fish'; want one of plain, fisheye")
def lens_of_an_unknown_model(copy: Copy) -> None:
    with_lens(copy, "fish", [0.0, 0.0, 0.0, 0.0])


@untrue("intrinsics", "which is no camera")
def lens_of_a_lidar(copy: Copy) -> None:
    row = next(k for k, r in enumerate(copy.rows("calibrated_sensor")) if r["camera_intrinsic"] == [])
    with_lens(copy, "plain", [0.0] * 5, row)


@untrue("mask_in_box", "CAM_")
def focal_length_off_by_a_tenth(copy: Copy) -> None:
    copy.edit(
        "calibrated_sensor",
        lambda rows: [r.update(camera_intrinsic=[[114, 0, 81], [0, 114, 46], [0, 0, 1]]) for r in rows[:1]],
    )


@untrue("mask_in_box", "CAM_FRONT")
def camera_turned_by_two_degrees(copy: Copy) -> None:
    copy.edit("calibrated_sensor", lambda rows: rows[0].update(rotation=yawed(rows[0]["rotation"])))


def yawed(wxyz: list[float]) -> list[float]:
    """Turn `ego_from_camera` by 2 degrees about the ego's z."""
    w, x, y, z = wxyz
    c, s = math.cos(math.radians(1)), math.sin(math.radians(1))
    return [c * w - s * z, c * x - s * y, c * y + s * x, c * z + s * w]


@untrue("lidar_counts")
def lidar_mount_off_by_30_cm(copy: Copy) -> None:
    copy.edit_each(
        "calibrated_sensor",
        lambda r: r["camera_intrinsic"] == [] and r["translation"].__setitem__(0, r["translation"][0] + 0.3),
    )


@untrue("ego_motion", "of the same time")
def camera_poses_lag(copy: Copy) -> None:
    tokens = [r["token"] for r in copy.rows("sample_data") if "/CAM_BACK/" in r["filename"]]

    def lag(rows: list[dict[str, Any]]) -> None:
        own = [row for row in rows if row["token"] in tokens]
        for after, before in zip(own[:0:-1], own[-2::-1], strict=True):
            after.update(translation=before["translation"], rotation=before["rotation"])

    copy.edit("ego_pose", lag)


@untrue("ego_motion", ">= 0")
def negative_coordinates(copy: Copy) -> None:
    for table in ("ego_pose", "sample_annotation"):
        copy.edit_each(table, lambda r: r["translation"].__setitem__(1, r["translation"][1] - 100))


@untrue("ego_motion", "climbs or falls 1.00 m")
def one_lidar_pose_in_the_air(copy: Copy) -> None:
    sweep = next(r["token"] for r in copy.rows("sample_data") if "sweeps/LIDAR_TOP/synthetic-0" in r["filename"])
    copy.edit_each("ego_pose", lambda r: r["token"] == sweep and r["translation"].__setitem__(2, 1.0))


@untrue("ego_motion", "turns 3.14 rad")
def one_lidar_pose_turned_around(copy: Copy) -> None:
    sweep = next(r["token"] for r in copy.rows("sample_data") if "sweeps/LIDAR_TOP/synthetic-0" in r["filename"])
    copy.edit_each("ego_pose", lambda r: r["token"] == sweep and r.update(rotation=rotate(r["rotation"], math.pi)))


# ---- files


@untrue("files", "is missing")
def missing_file(copy: Copy) -> None:
    (copy.root / copy.files("CAM_BACK", keyframes=False)[1]).unlink()


@untrue("files", "inside the dataset")
def file_outside_the_dataset(copy: Copy) -> None:
    set_first("sample_data", filename="../../etc/passwd")(copy)


@untrue("files", "same bytes")
def one_image_used_twice(copy: Copy) -> None:
    first, second = copy.files("CAM_FRONT")[2:4]
    copy.write(second, (copy.root / first).read_bytes())


@untrue("images", "not a whole JPEG")
def truncated_image(copy: Copy) -> None:
    copy.change(copy.files("CAM_FRONT")[1], lambda raw: raw[: len(raw) // 2])


@untrue("images", "160 x 90; |sample_data says 320")
def wrong_image_size(copy: Copy) -> None:
    set_first("sample_data", width=320)(copy)


def encoded(suffix: str, image: np.ndarray) -> bytes:
    return cv2.imencode(suffix, image)[1].tobytes()


@untrue("images", "is blank")
def black_image(copy: Copy) -> None:
    copy.write(copy.files("CAM_FRONT")[1], encoded(".jpg", np.zeros((90, 160, 3), np.uint8)))


@untrue("images", "1 colour components")
def grey_image(copy: Copy) -> None:
    path = copy.files("CAM_FRONT")[1]
    copy.write(path, encoded(".jpg", cv2.imread(str(copy.root / path), cv2.IMREAD_GRAYSCALE)))


@untrue("lidar_files", "5 float32.*looks like float64 with 5 columns")
def float64_lidar(copy: Copy) -> None:
    for path in copy.files("LIDAR_TOP"):
        copy.change(path, lambda raw: np.frombuffer(raw, "<f4").astype("<f8").tobytes())


@untrue("lidar_files", "5 float32")
def four_column_lidar(copy: Copy) -> None:
    for path in copy.files("LIDAR_TOP"):
        edit_cloud(copy, path, lambda cloud: cloud[: len(cloud) // 5 * 5, :4].copy())


@untrue("lidar_files", "whole turn")
def half_a_lidar_turn(copy: Copy) -> None:
    edit_cloud(copy, copy.files("LIDAR_TOP")[1], lambda cloud: cloud[cloud[:, 0] > 0])


@untrue("lidar_files", "ring 0 lowest")
def rings_from_the_top(copy: Copy) -> None:
    def turn(cloud: np.ndarray) -> np.ndarray:
        cloud[:, 4] = synthetic.BEAMS - 1 - cloud[:, 4]
        return cloud

    edit_cloud(copy, copy.files("LIDAR_TOP")[1], turn)


@untrue("lidar_static", "points are mirrored: y has the wrong sign")
@untrue("lidar_static", "m away from where")
def lidar_mirrored(copy: Copy) -> None:
    for path in copy.files("LIDAR_TOP"):
        edit_cloud(copy, path, lambda cloud: cloud * np.array([1, -1, 1, 1, 1], "<f4"))


@untrue("lidar_static", "0.[56][0-9] m away from where")
def two_lidar_sweeps_swapped(copy: Copy) -> None:
    swap_files(copy, *copy.files("LIDAR_TOP")[6:8])


@untrue("diagnosis", "LIDAR_TOP is one frame late")
@untrue("lidar_counts", "num_lidar_pts")
def lidar_one_turn_late(copy: Copy) -> None:
    shift_files(copy, copy.files("LIDAR_TOP"))


@untrue("radar_files", "header line 1 = .FIELDS")
def radar_header_line_missing(copy: Copy) -> None:
    copy.change(copy.files("RADAR_FRONT")[0], lambda raw: raw.replace(b"VERSION 0.7\n", b""))


@untrue("radar_files", "1 byte more")
def radar_without_the_last_byte(copy: Copy) -> None:
    copy.change(copy.files("RADAR_FRONT")[0], lambda raw: raw[:-1])


@untrue("radar_files", "WIDTH and a number of at least 1")
def radar_of_width_zero(copy: Copy) -> None:
    copy.change(copy.files("RADAR_FRONT")[1], lambda raw: re.sub(rb"WIDTH \d+", b"WIDTH 0", raw))


@untrue("radar_velocity", "off by")
def radar_speeds_of_the_wrong_sign(copy: Copy) -> None:
    def flip(records: np.ndarray) -> None:
        records["vx"] *= -1
        records["vy"] *= -1

    for path in copy.files("RADAR_FRONT"):
        edit_radar(copy, path, flip)


@untrue("radar_counts", "num_radar_pts")
def radar_count_off_by_one(copy: Copy) -> None:
    copy.edit("sample_annotation", lambda rows: rows[0].update(num_radar_pts=rows[0]["num_radar_pts"] + 1))


@untrue("map_masks", "on its foreground")
def map_upside_down(copy: Copy) -> None:
    edit_image(copy, copy.rows("map")[0]["filename"], lambda mask: mask[::-1])


@untrue("files", r"map\.json.*missing")
def no_map_mask(copy: Copy) -> None:
    (copy.root / copy.rows("map")[0]["filename"]).unlink()


# ---- labels against points and pixels


@untrue("lidar_counts", "num_lidar_pts")
def lidar_count_off_by_one(copy: Copy) -> None:
    copy.edit("sample_annotation", lambda rows: rows[0].update(num_lidar_pts=rows[0]["num_lidar_pts"] + 1))


@untrue("mask_in_box", "vehicle.car")
def box_half_a_metre_aside(copy: Copy) -> None:
    copy.edit_annotations(
        copy.annotations("parked"), lambda r: r["translation"].__setitem__(1, r["translation"][1] + 0.5)
    )


@untrue("diagnosis", "translations are at the bottom of boxes")
@untrue("ground", "m from the ground")
def boxes_centred_at_their_feet(copy: Copy) -> None:
    copy.edit_each("sample_annotation", lambda r: r["translation"].__setitem__(2, 0.0))


def leave_out_the_parked_car(copy: Copy) -> None:
    left_out = copy.annotations("parked")[0]
    copy.edit("sample_annotation", lambda rows: rows.pop([r["token"] for r in rows].index(left_out)))
    kept = copy.annotations("parked")
    copy.edit_annotations(kept[:1], lambda r: r.update(prev=""))
    copy.edit_each(
        "instance",
        lambda r: (
            r["first_annotation_token"] == left_out and r.update(first_annotation_token=kept[0], nbr_annotations=3)
        ),
    )


@untrue("missing_boxes", "lidar points show instance .* this sample has no annotation of it")
def annotation_left_out(copy: Copy) -> None:
    leave_out_the_parked_car(copy)


@untrue("missing_boxes", "lidar points show instance .* this sample has no annotation of it")
def annotation_left_out_where_points_have_no_actors(copy: Copy) -> None:
    leave_out_the_parked_car(copy)
    for table in ("lidar_instance", "instance_actor"):
        copy.table_path(table).unlink()


@untrue("visibility", "more is seen")
def seen_car_is_hidden(copy: Copy) -> None:
    copy.edit_annotations(copy.annotations("lead"), lambda r: r.update(visibility_token="1"))


@untrue("visibility", "less is seen")
def hidden_car_is_seen(copy: Copy) -> None:
    lead = synthetic.Builder(copy.root).token(0, "lead")
    for row in copy.rows("instance_mask"):
        values = [int(value) for value, token in row["instances"].items() if token == lead]
        if values:
            edit_image(
                copy, row["filename"], lambda mask, own=values[0]: np.where(mask == own, 0, mask).astype(np.uint16)
            )


@untrue("masks", "no row in instance_mask.json")
def mask_row_missing(copy: Copy) -> None:
    copy.edit("instance_mask", lambda rows: rows.pop())


@untrue("files", "instance_masks/.*missing")
def mask_file_missing(copy: Copy) -> None:
    (copy.root / copy.rows("instance_mask")[0]["filename"]).unlink()


@untrue("masks", "has one")
def mask_table_missing(copy: Copy) -> None:
    copy.table_path("instance_mask").unlink()


@untrue("masks", "16-bit grey PNG")
def eight_bit_mask(copy: Copy) -> None:
    edit_image(copy, copy.rows("instance_mask")[0]["filename"], lambda mask: (mask % 256).astype(np.uint8))


@untrue("mask_in_box", "outside its projected box")
def mask_values_swapped(copy: Copy) -> None:
    def swap(row: dict[str, Any]) -> None:
        values = list(row["instances"])
        if len(values) > 1:
            shown = row["instances"]
            shown[values[0]], shown[values[-1]] = shown[values[-1]], shown[values[0]]

    copy.edit_each("instance_mask", swap)


@untrue("image_on_masks", "CAM_FRONT is one frame late")
@untrue("image_on_masks", "frames away")
def images_one_frame_late(copy: Copy) -> None:
    shift_files(copy, copy.files("CAM_FRONT"))


@untrue("image_on_masks", "frames away")
def two_images_swapped(copy: Copy) -> None:
    swap_files(copy, *copy.files("CAM_FRONT")[2:4])


@untrue("mask_in_box", "same instant")
def images_and_masks_of_another_sample(copy: Copy) -> None:
    masks = [r["filename"] for r in copy.rows("instance_mask") if "/CAM_FRONT/synthetic-0" in r["filename"]]
    for paths in (copy.files("CAM_FRONT", keyframes=True), masks):
        shift_files(copy, paths)


@MISTAKES.each()
def test_one_untrue_edit_is_found_and_named(copy: Copy, mutation: Mutation, told: Told) -> None:
    assert_found(copy, mutation, told)
