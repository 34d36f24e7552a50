"""Mistakes of whole tables, files and extra data: each is found, and the finding says what it is."""

from __future__ import annotations

import math
from collections.abc import Callable
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
    edit_json,
    half_turn,
    shift_files,
    swap_files,
)
from synthetic_copies import Copy

MISTAKES = Mistakes()
named = MISTAKES.found_by


def conjugate(row: dict[str, Any]) -> None:
    row["rotation"] = [row["rotation"][0], *(-v for v in row["rotation"][1:])]


def label_files(copy: Copy, kind: str, channel: str) -> list[str]:
    return [r[kind] for r in copy.rows("label_image") if f"/{channel}/" in r[kind]]


# ---- boxes, poses, mounts


@named("headings", "yaw is off by 180 degrees")
def boxes_turned_around(copy: Copy) -> None:
    copy.edit_each("sample_annotation", half_turn)


@named("diagnosis", "sizes are half extents")
def half_extents(copy: Copy) -> None:
    copy.edit_each("sample_annotation", lambda r: r.update(size=[v / 2 for v in r["size"]]))


@named("diagnosis", "boxes are in the ego's frame")
def boxes_in_the_ego_frame(copy: Copy) -> None:
    lidar = {
        r["sample_token"]: r["token"] for r in copy.rows("sample_data") if r["filename"].startswith("samples/LIDAR")
    }
    egos = {r["token"]: r for r in copy.rows("ego_pose")}

    def move(row: dict[str, Any]) -> None:
        ego = egos[lidar[row["sample_token"]]]
        yaw = 2 * math.atan2(ego["rotation"][3], ego["rotation"][0])
        x, y = (row["translation"][k] - ego["translation"][k] for k in (0, 1))
        row["translation"][:2] = [math.cos(yaw) * x + math.sin(yaw) * y, math.cos(yaw) * y - math.sin(yaw) * x]
        own = 2 * math.atan2(row["rotation"][3], row["rotation"][0]) - yaw
        row["rotation"] = [math.cos(own / 2), 0.0, 0.0, math.sin(own / 2)]

    copy.edit_each("sample_annotation", move)


@named("diagnosis", "annotations are one sample late")
def annotations_one_sample_late(copy: Copy) -> None:
    def shift(rows: list[dict[str, Any]]) -> None:
        for after, before in zip(rows[:0:-1], rows[-2::-1], strict=True):
            if after["instance_token"] == before["instance_token"]:
                after.update(translation=before["translation"], rotation=before["rotation"])

    copy.edit("sample_annotation", shift)


@named("headings", "is parked, and .* m from where it was parked .* instance swapped or jumps")
def parked_vehicles_swapped(copy: Copy) -> None:
    parked, truck = copy.annotations("parked")[2], copy.annotations("truck")[2]
    places = {r["token"]: [*r["translation"]] for r in copy.rows("sample_annotation") if r["token"] in (parked, truck)}
    copy.edit_annotations([parked], lambda r: r.update(translation=places[truck]))
    copy.edit_annotations([truck], lambda r: r.update(translation=places[parked]))


@named("headings", "red rear lamps on the front of its box")
def standing_vehicle_turned_around(copy: Copy) -> None:
    lamps = np.array([30, 30, 220])  # blue, green, red
    rows = {r["sample_data_token"]: r for r in copy.rows("instance_mask")}
    truck = synthetic.Builder(copy.root).token(0, "lead")
    for data in copy.rows("sample_data"):
        row = rows.get(data["token"], {"instances": {}})
        values = [int(v) for v, instance in row["instances"].items() if instance == truck]
        if values:
            own = cv2.imread(str(copy.root / row["filename"]), cv2.IMREAD_UNCHANGED) == values[0]
            edit_image(copy, data["filename"], lambda pixels, own=own: with_lamps(pixels, own, lamps))
    copy.edit_annotations(copy.annotations("lead"), half_turn)


def with_lamps(pixels: np.ndarray, own: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """A grey body with a red lamp at either edge of it."""
    columns = np.flatnonzero(own.any(axis=0))
    wide = max(1, len(columns) // 8)
    at_edge = np.zeros(own.shape[1], dtype=bool)
    at_edge[[*columns[:wide], *columns[-wide:]]] = True
    pixels = pixels.copy()
    pixels[own] = 120
    pixels[own & at_edge] = colour
    return pixels


@named("ego_motion", "yaw is off by 180 degrees")
def ego_turned_around(copy: Copy) -> None:
    copy.edit_each("ego_pose", half_turn)


@named("mounts", "looks inverted")
def mounts_inverted(copy: Copy) -> None:
    copy.edit_each("calibrated_sensor", conjugate)


@named("quaternions", "not normalised")
def rotations_not_normalised(copy: Copy) -> None:
    copy.edit_each("sample_annotation", lambda r: r.update(rotation=[2 * v for v in r["rotation"]]))


@named("closure", "CAM_FRONT has its focal length off by 0.99 %")
def focal_length_off_by_a_hundredth(copy: Copy) -> None:
    def widen(rows: list[dict[str, Any]]) -> None:
        matrix = rows[0]["camera_intrinsic"]
        matrix[0][0] *= 1.01
        matrix[1][1] *= 1.01

    copy.edit("calibrated_sensor", widen)


@named("closure", "CAM_FRONT has its mount moved by 0.05 m")
def mount_moved_by_five_centimetres(copy: Copy) -> None:
    copy.edit("calibrated_sensor", lambda rows: rows[0]["translation"].__setitem__(2, rows[0]["translation"][2] + 0.05))


@named("closure", "CAM_FRONT has its mount turned by 0.50 degrees")
def mount_turned_by_half_a_degree(copy: Copy) -> None:
    def turn(rows: list[dict[str, Any]]) -> None:
        w, x, y, z = rows[0]["rotation"]
        s, c = math.sin(math.radians(0.25)), math.cos(math.radians(0.25))
        rows[0]["rotation"] = [c * w - s * y, c * x + s * z, c * y + s * w, c * z - s * x]

    copy.edit("calibrated_sensor", turn)


@named("closure", "LIDAR_TOP.*all cameras say")
def lidar_mount_turned_by_half_a_degree(copy: Copy) -> None:
    def turn(row: dict[str, Any]) -> None:
        if row["sensor_token"] == synthetic.Builder(copy.root).token("LIDAR_TOP"):
            w, x, y, z = row["rotation"]
            s, c = math.sin(math.radians(0.25)), math.cos(math.radians(0.25))
            row["rotation"] = [c * w - s * x, c * x + s * w, c * y - s * z, c * z + s * y]

    copy.edit_each("calibrated_sensor", turn)


# ---- frames, files, tables


@named("image_on_masks", "CAM_FRONT is one frame early")
def images_one_frame_early(copy: Copy) -> None:
    shift_files(copy, copy.files("CAM_FRONT")[::-1])


@named("image_on_masks", "images of CAM_FRONT are mirrored left to right")
def images_mirrored(copy: Copy) -> None:
    for path in copy.files("CAM_FRONT"):
        edit_image(copy, path, lambda pixels: pixels[:, ::-1])


@named("image_on_masks", "images of CAM_FRONT show something else than its masks")
def images_of_two_cameras_swapped(copy: Copy) -> None:
    for a, b in zip(copy.files("CAM_FRONT"), copy.files("CAM_BACK_RIGHT"), strict=True):
        swap_files(copy, a, b)


@named("lidar_files", "looks like float32 with 4 columns")
def lidar_without_rings(copy: Copy) -> None:
    for path in copy.files("LIDAR_TOP"):
        copy.change(path, lambda raw: np.frombuffer(raw, "<f4").reshape(-1, 5)[:, :4].tobytes())


@named("lidar_files", "want 0 to 255, not 0 to 1")
def lidar_intensities_up_to_one(copy: Copy) -> None:
    edit_cloud(copy, copy.files("LIDAR_TOP")[1], lambda cloud: cloud / np.array([1, 1, 1, 255, 1], "<f4"))


@named("diagnosis", "x forward, y left")
def lidar_with_x_forward(copy: Copy) -> None:
    for path in copy.files("LIDAR_TOP"):
        edit_cloud(copy, path, lambda cloud: cloud[:, [1, 0, 2, 3, 4]] * np.array([1, -1, 1, 1, 1], "<f4"))


@named("diagnosis", "num_lidar_pts and num_radar_pts are swapped")
def counts_swapped(copy: Copy) -> None:
    copy.edit_each(
        "sample_annotation", lambda r: r.update(num_lidar_pts=r["num_radar_pts"], num_radar_pts=r["num_lidar_pts"])
    )


@named("data_chain", "prev and next are swapped")
def data_chained_backwards(copy: Copy) -> None:
    copy.edit_each("sample_data", lambda r: r.update(prev=r["next"], next=r["prev"]))


# ---- lidar segmentation, panoptic, actors


@named("surfaces", "points of flat.driveable_surface are seen .* are flat.sidewalk")
def road_and_pavement_swapped_in_lidarseg(copy: Copy) -> None:
    for row in copy.rows("lidarseg"):
        copy.change(row["filename"], lambda raw: raw.translate(bytes.maketrans(b"\x18\x1a", b"\x1a\x18")))


@named("surfaces", "points seen on pixels of flat.sidewalk are of it, .* are static.manmade")
def semantic_class_table_shifted(copy: Copy) -> None:
    def shift(rows: list[dict[str, Any]]) -> None:
        rows.sort(key=lambda r: r["index"])
        for row, other in zip(rows[:0:-1], rows[-2::-1], strict=True):
            row["category_token"] = other["category_token"]

    copy.edit("semantic_class", shift)


@named("surfaces", "own body are not vehicle.ego but mostly flat")
def ego_points_of_another_class(copy: Copy) -> None:
    lidar, labels = copy.files("LIDAR_TOP", keyframes=True)[0], copy.rows("lidarseg")[0]["filename"]

    def put_on_the_bonnet(cloud: np.ndarray) -> np.ndarray:
        cloud[:40, :3] = (0.0, 1.0, -0.9)
        return cloud

    edit_cloud(copy, lidar, put_on_the_bonnet)
    copy.change(labels, lambda raw: b"\x1f" * 20 + b"\x18" * 20 + raw[40:])


@named("surfaces", "lidar points of flat.sidewalk .* on its foreground")
def map_mask_shifted(copy: Copy) -> None:
    edit_image(copy, copy.rows("map")[0]["filename"], lambda mask: np.roll(mask, 30, axis=0))


@named("point_actors", "of its actor 101; most are of 102, which is instance")
def actors_of_two_instances_swapped(copy: Copy) -> None:
    copy.edit("instance_actor", lambda rows: (rows[0].update(actor_id=102), rows[1].update(actor_id=101)))


@named("point_actors", "bytes for .* points; want one little-endian uint32")
def actor_ids_of_two_bytes(copy: Copy) -> None:
    copy.change(
        copy.rows("lidar_instance")[1]["filename"], lambda raw: np.frombuffer(raw, "<u4").astype("<u2").tobytes()
    )


@named("lidarseg", "has .* bytes for .* points")
def lidarseg_short(copy: Copy) -> None:
    copy.change(copy.rows("lidarseg")[1]["filename"], lambda raw: raw[:-3])


@named("lidarseg", "has class 200")
def lidarseg_of_unknown_class(copy: Copy) -> None:
    copy.change(copy.rows("lidarseg")[1]["filename"], lambda raw: b"\xc8" + raw[1:])


@named("lidarseg", "points in .* boxes of vehicle.car are mostly vehicle.truck")
def lidarseg_classes_swapped(copy: Copy) -> None:
    for row in copy.rows("lidarseg"):
        copy.change(row["filename"], lambda raw: raw.translate(bytes.maketrans(b"\x11\x17", b"\x17\x11")))


@named("lidarseg", "same order|mostly|in no box")
def lidarseg_in_another_order(copy: Copy) -> None:
    for row in copy.rows("lidarseg"):
        copy.change(row["filename"], lambda raw: raw[::-1])


@named("lidarseg", r"\.bin files; lidarseg.json has 3 rows")
def lidarseg_row_missing(copy: Copy) -> None:
    copy.edit("lidarseg", lambda rows: rows.pop())


@named("panoptic", "another category than in lidarseg")
def panoptic_of_another_class(copy: Copy) -> None:
    path = copy.root / copy.rows("panoptic")[0]["filename"]
    labels = np.load(path)["data"]
    path.unlink()
    np.savez_compressed(path, data=labels + np.uint16(1000))


@named("panoptic", "rule of the devkit")
def panoptic_without_ids(copy: Copy) -> None:
    path = copy.root / copy.rows("panoptic")[0]["filename"]
    labels = np.load(path)["data"]
    path.unlink()
    np.savez_compressed(path, data=labels // 1000 * 1000)


# ---- label images, 2D boxes, truths


@named("boxes_2d", "visible_box = .*left, top, width, height")
def tight_boxes_as_width_and_height(copy: Copy) -> None:
    def change(row: dict[str, Any]) -> None:
        if row["visible_box"]:
            left, top, right, bottom = row["visible_box"]
            row["visible_box"] = [left, top, right - left, bottom - top]

    copy.edit_each("box_2d", change)


@named("boxes_2d", "visible_pixels = ")
def tight_box_of_other_pixels(copy: Copy) -> None:
    copy.edit("box_2d", lambda rows: rows[0].update(visible_pixels=rows[0]["visible_pixels"] + 1))


@named("visibility", "want '4'")
def level_against_pixels(copy: Copy) -> None:
    copy.edit_annotations(copy.annotations("lead")[:1], lambda r: r.update(visibility_token="2"))


@named("depth", "have the depth that the depth image has")
def depth_in_millimetres(copy: Copy) -> None:
    for path in label_files(copy, "depth", "CAM_FRONT"):
        edit_image(copy, path, lambda depth: np.minimum(depth.astype(np.uint32) * 10, 65535).astype(np.uint16))


@named("label_images", "16, 0")
def depth_of_eight_bits(copy: Copy) -> None:
    edit_image(copy, label_files(copy, "depth", "CAM_FRONT")[0], lambda depth: (depth % 256).astype(np.uint8))


@named("label_images", "road, sky or the like")
def semantic_images_mirrored(copy: Copy) -> None:
    for path in label_files(copy, "semantic", "CAM_FRONT"):
        edit_image(copy, path, lambda classes: classes[:, ::-1])


def edit_flow(copy: Copy, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Change the flow (H, W, 2) of the front camera, in KITTI's units."""
    for path in label_files(copy, "flow", "CAM_FRONT"):

        def edit(pixels: np.ndarray) -> np.ndarray:
            moved = change(pixels[..., :0:-1].astype(np.int64) - 2**15)
            return np.dstack([pixels[..., 0], moved[..., 1] + 2**15, moved[..., 0] + 2**15]).astype(np.uint16)

        edit_image(copy, path, edit)


@named("flow", "its sign is turned")
def flow_backwards(copy: Copy) -> None:
    edit_flow(copy, lambda moved: -moved)


@named("flow", "u and v are swapped")
def flow_axes_swapped(copy: Copy) -> None:
    edit_flow(copy, lambda moved: moved[..., ::-1])


@named("flow", "it is 3.0. times too large")
def flow_three_times_too_large(copy: Copy) -> None:
    edit_flow(copy, lambda moved: 3 * moved)


@named("velocities", "km/h")
def velocities_in_kmh(copy: Copy) -> None:
    copy.edit_each("annotation_truth", lambda r: r.update(velocity=[3.6 * v for v in r["velocity"]]))


@named("velocities", "backwards")
def velocities_backwards(copy: Copy) -> None:
    copy.edit_each("annotation_truth", lambda r: r.update(velocity=[-v for v in r["velocity"]]))


@named("label_quality", "visible_fraction = 0.100; want '1'")
def quality_of_another_share(copy: Copy) -> None:
    copy.edit("label_quality", lambda rows: rows[0].update(visible_fraction=0.1))


@named("label_quality", "distance_m = 1000.0; want")
def quality_of_another_distance(copy: Copy) -> None:
    copy.edit("label_quality", lambda rows: rows[0].update(distance_m=1000.0))


@named("label_quality", "has no row for")
def quality_row_missing(copy: Copy) -> None:
    copy.edit("label_quality", lambda rows: rows.pop())


@named("sample_truth", "is not of this scene")
def criticality_of_an_unknown_instance(copy: Copy) -> None:
    copy.edit("sample_truth", lambda rows: rows[0]["criticality"][0].update(instance_token="nobody"))


TTC = {"metric": "ttc_s", "value": 3.0}


@named("sample_truth", "distance_m = 1.000; the boxes give")
def criticality_of_another_distance(copy: Copy) -> None:
    copy.edit("sample_truth", lambda rows: rows[0]["criticality"][0].update(value=1.0))


@named("sample_truth", "ttc_s = 3.000; the boxes give inf")
def a_collision_that_is_not_to_come(copy: Copy) -> None:
    copy.edit("sample_truth", lambda rows: rows[0]["criticality"].append({**rows[0]["criticality"][0], **TTC}))


@named("sample_truth", "no ttc_s; the boxes give")
def a_collision_to_come_is_left_out(copy: Copy) -> None:
    copy.edit_each("sample_truth", lambda row: row["ego"].update(velocity=[30.0, -8.3, 0.0]))


@named("sample_truth", "want the ego's own box")
def the_egos_box_is_turned(copy: Copy) -> None:
    copy.edit_each("sample_truth", lambda row: row["ego"].update(rotation=[0.7071068, 0.0, 0.0, 0.7071068]))


@named("sample_truth", "want translation, size, rotation, velocity")
def the_egos_box_has_no_size(copy: Copy) -> None:
    copy.edit("sample_truth", lambda rows: rows[0]["ego"].pop("size"))


@named("sample_truth", "want one in a scene")
def the_ego_grows(copy: Copy) -> None:
    copy.edit("sample_truth", lambda rows: rows[0]["ego"]["size"].__setitem__(1, 4.2))


@named("sample_truth", "want degrees, -90 to 90")
def the_sun_in_radians_or_beyond_the_pole(copy: Copy) -> None:
    copy.edit("sample_truth", lambda rows: rows[0]["weather"].update(sun_altitude_angle=120.0))


@named("sample_truth", "want an object of names to finite numbers")
def weather_in_words(copy: Copy) -> None:
    copy.edit("sample_truth", lambda rows: rows[0].update(weather={"sky": "clear"}))


# ---- CAN bus, map, prediction


def edit_can(copy: Copy, message: str, change: Callable[[dict[str, Any]], object]) -> None:
    edit_json(copy, f"can_bus/scene-0001_{message}.json", lambda rows: [change(row) for row in rows])


@named("can_bus", "keys in the order")
def can_pose_keys_in_another_order(copy: Copy) -> None:
    edit_can(copy, "pose", lambda r: r.update(accel=r.pop("accel")))


@named("can_bus", "covers .* want all of it")
def can_pose_ends_early(copy: Copy) -> None:
    edit_json(copy, "can_bus/scene-0001_pose.json", lambda rows: rows.__delitem__(slice(40, None)))


@named("can_bus", "orientation have length")
def can_orientation_not_unit(copy: Copy) -> None:
    edit_can(copy, "pose", lambda r: r.update(orientation=[1.1 * v for v in r["orientation"]]))


@named("can_motion", "in the world's axes|ego's axes")
def can_velocity_sideways(copy: Copy) -> None:
    edit_can(copy, "pose", lambda r: r.update(vel=[r["vel"][1], r["vel"][0], 0]))


@named("can_motion", r"vehicle_speed \(km/h\)")
def can_speed_in_metres_per_second(copy: Copy) -> None:
    edit_can(copy, "vehicle_monitor", lambda r: r.update(vehicle_speed=r["vehicle_speed"] / 3.6))


@named("can_motion", "accel's z is 0.00 m/s2 .* gravity included")
def can_without_gravity(copy: Copy) -> None:
    edit_can(copy, "pose", lambda r: r["accel"].__setitem__(2, 0.0))


@named("can_motion", "accel's x is 3.00 m/s2 .* off the derivative of vel's x")
def can_acceleration_of_nothing(copy: Copy) -> None:
    edit_can(copy, "pose", lambda r: r["accel"].__setitem__(0, 3.0))


@named("can_motion", r"FL_wheel_speed \(turns a minute\) is .* want rpm")
def can_wheel_speed_in_kmh(copy: Copy) -> None:
    edit_can(copy, "zoe_veh_info", lambda r: r.update(FL_wheel_speed=r["odom_speed"]))


@named("can_bus", "message_count of pose is 75; its file has 76 messages")
def can_meta_of_another_count(copy: Copy) -> None:
    edit_json(copy, "can_bus/scene-0001_meta.json", lambda meta: meta["pose"].update(message_count=75))


@named("can_bus", "want <scene name>_<message>.json")
def can_file_of_no_scene(copy: Copy) -> None:
    (copy.root / "can_bus/scene-0001_route.json").rename(copy.root / "can_bus/scene-0999_route.json")


MAP = "maps/expansion/plane.json"


@named("map_expansion", "has no carpark_area")
def map_without_a_layer(copy: Copy) -> None:
    edit_json(copy, MAP, lambda content: content.pop("carpark_area"))


@named("map_expansion", "polygon has no such token")
def map_with_a_dangling_polygon(copy: Copy) -> None:
    edit_json(copy, MAP, lambda content: content["lane"][0].update(polygon_token="none"))


@named("map_expansion", "not a valid polygon: Self-intersection")
def map_with_a_bow_tie(copy: Copy) -> None:
    def cross(content: Any) -> None:
        nodes = content["polygon"][1]["exterior_node_tokens"]
        nodes[0], nodes[1] = nodes[1], nodes[0]

    edit_json(copy, MAP, cross)


@named("map_expansion", "off the canvas")
def map_off_its_canvas(copy: Copy) -> None:
    edit_json(copy, MAP, lambda content: content.update(canvas_edge=[100.0, 100.0]))


@named("map_lanes", "is missing or empty")
def lane_without_a_path(copy: Copy) -> None:
    edit_json(copy, MAP, lambda content: content["arcline_path_3"].pop("east-b"))


@named("map_lanes", "its end_pose is")
def lane_path_that_ends_elsewhere(copy: Copy) -> None:
    edit_json(copy, MAP, lambda content: content["arcline_path_3"]["east-a"][0].update(segment_length=[0, 40, 0]))


@named("map_lanes", "want both or none")
def connectivity_one_way(copy: Copy) -> None:
    edit_json(copy, MAP, lambda content: content["connectivity"]["east-b"].update(incoming=[]))


@named("map_lanes", "on the drivable_area")
def map_shifted(copy: Copy) -> None:
    edit_json(copy, MAP, lambda content: [n.update(y=n["y"] - 40) for n in content["node"]])


@named("basemap", "want the same shape")
def basemap_of_another_shape(copy: Copy) -> None:
    edit_image(copy, "maps/basemap/plane.png", lambda pixels: pixels[:300])


@named("prediction", r"annotated samples to come; want 12")
def prediction_without_future(copy: Copy) -> None:
    row = copy.rows("sample_annotation")[0]
    token = f"{row['instance_token']}_{row['sample_token']}"
    edit_json(copy, "maps/prediction/prediction_scenes.json", lambda scenes: scenes["scene-0001"].append(token))


@MISTAKES.each()
def test_a_mistake_is_found_and_called_by_its_name(copy: Copy, mutation: Mutation, told: Told) -> None:
    assert_found(copy, mutation, told)
