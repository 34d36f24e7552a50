"""Labels against what the simulator knows and against what the official devkit makes of them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from av_synth import store
from av_synth.geometry.boxes import points_inside
from av_synth.geometry.cameras import project
from av_synth.geometry.transforms import apply, invert, matrix_from_quaternion
from av_synth.labels.boxes import BOX_MARGIN_M
from av_synth.labels.segmentation import CATEGORY_INDEX
from av_synth.log.semantics import NO_CATEGORY, SURFACES
from av_synth.simulator.bodies import catalogue
from tests.devkit import oracles, point_oracles
from tests.e2e.conftest import Made

GROUND_TAGS = {1, 2, 10, 24, 25}


@pytest.mark.parametrize("which", ["tiny", "full", "stock"])
def test_perfect_predictions_score_one_in_each_class_present(which, request, tmp_path):
    made: Made = request.getfixturevalue(which)
    report = oracles.detection(made.nusc, tmp_path)

    assert "car" in report.ap
    assert ("pedestrian" in report.ap) == (which != "full")
    assert report.ap == pytest.approx(dict.fromkeys(report.ap, 1.0))


@pytest.mark.parametrize("which", ["tiny", "stock"])
def test_a_run_keeps_every_box_and_the_dataset_those_with_a_point_in_them(which, request):
    made: Made = request.getfixturevalue(which)
    boxes = [box for run in map(store.open_run, made.runs) for box in run.table("boxes").to_pylist()]
    counts = [box["num_lidar_pts"] + box["num_radar_pts"] for box in boxes]

    assert 0 < counts.count(0) < len(boxes) / 2
    assert len(made.nusc.sample_annotation) == len(boxes) - counts.count(0)
    assert min(row["num_lidar_pts"] + row["num_radar_pts"] for row in made.nusc.sample_annotation) > 0


@pytest.mark.parametrize("which", ["tiny", "full", "stock"])
def test_the_devkit_counts_the_points_that_we_counted(which, request):
    made: Made = request.getfixturevalue(which)

    assert oracles.recount_points(made.nusc) == []
    assert sum(row["num_lidar_pts"] for row in made.nusc.sample_annotation) > 1000


@pytest.mark.parametrize("which", ["tiny", "full", "stock"])
def test_lidar_returns_of_an_actor_lie_in_its_box_and_the_box_holds_no_others(which, request):
    made: Made = request.getfixturevalue(which)
    of_actor = inside_own = in_box = owned = 0
    for keyframes in made.keyframes:
        rig = keyframes.context.rig
        for tick in keyframes.ticks:
            scan = tick.frames.lidars["LIDAR_TOP"]
            points = apply(tick.world_from_ego @ rig.lidars[0].mount.ego_from_sensor, scan.points_m)
            for actor_id, info in tick.state.infos.items():
                if actor_id == keyframes.context.ego_id or not (scan.actor_id == actor_id).any():
                    continue
                size = np.asarray(info.size_lwh_m) + 2 * BOX_MARGIN_M
                inside = points_inside(tick.state.world_from_box(actor_id), size, points)
                theirs = scan.actor_id == actor_id
                of_actor += theirs.sum()
                inside_own += (theirs & inside).sum()
                solid = inside & ~np.isin(scan.tag, list(GROUND_TAGS))
                in_box += solid.sum()
                owned += (solid & theirs).sum()

    assert of_actor > 1000
    assert inside_own / of_actor >= 0.98
    assert owned / in_box >= 0.98


@pytest.mark.parametrize("which", ["tiny", "full", "stock"])
def test_mask_pixels_of_fully_visible_objects_lie_in_their_projected_boxes(which, request):
    made: Made = request.getfixturevalue(which)
    # the hull itself, but for the half pixel by which a covered pixel's centre can lie from the line
    leaks = oracles.mask_leaks(made.nusc, margin_px=1)

    assert len(leaks) > 20
    assert max(leaks.values()) <= 0.005, sorted(leaks.items(), key=lambda item: -item[1])[:5]


def test_each_face_of_a_label_is_within_three_centimetres_of_the_mesh():
    for blueprint_id, body in catalogue().items():
        if body.kind == "traffic_light":
            continue
        for pose, mesh in enumerate(body.meshes):
            low, high = mesh.positions_m.min(axis=0), mesh.positions_m.max(axis=0)
            box_low = body.box_centre_m - body.box_half_m - BOX_MARGIN_M
            box_high = body.box_centre_m + body.box_half_m + BOX_MARGIN_M
            gaps = np.concatenate([low - box_low, box_high - high])

            assert (gaps >= 0).all(), (blueprint_id, pose, gaps)
            assert (gaps <= 0.03).all(), (blueprint_id, pose, gaps)


@pytest.mark.parametrize("which", ["tiny", "stock"])
def test_velocities_are_the_logs_and_movers_face_where_they_go(which, request):
    made: Made = request.getfixturevalue(which)
    errors = oracles.velocity_errors(made.nusc, made.runs)
    movers = 0
    for run in map(store.open_run, made.runs):
        for box in run.table("boxes").to_pylist():
            velocity = np.array([box["vx_mps"], box["vy_mps"], box["vz_mps"]])
            speed = np.linalg.norm(velocity)
            if speed > 2.0:
                heading = matrix_from_quaternion([box[name] for name in ("qw", "qx", "qy", "qz")])[:3, 0]
                movers += 1
                assert heading @ velocity / speed > 0.95, box

    assert movers > 20
    assert len(errors) > 100
    assert max(errors.values()) < 0.3


def test_every_mask_is_tied_to_the_actor_that_was_drawn(full):
    masks = store.open_run(full.runs[0]).table("masks").to_pylist()
    images = {tick.index: tick.frames.labels for tick in full.keyframes[0].ticks}
    large = [mask for mask in masks if mask["pixels"] > 200]

    assert len(large) > 20
    assert not any(mask["ambiguous"] for mask in large)
    for mask in large:
        # the simulator's instance ids are its actor ids, which the association does not know
        assert (images[mask["frame"]][mask["channel"]].instance == mask["actor_id"]).sum() == mask["pixels"]


def test_pixels_in_all_six_cameras_and_every_file_loads(full):
    assert oracles.load_blobs(full.nusc) == {
        **{f"CAM_{side}": 11 for side in ("FRONT", "FRONT_LEFT", "FRONT_RIGHT", "BACK", "BACK_LEFT", "BACK_RIGHT")},
        "LIDAR_TOP": 21,
        **{f"RADAR_{side}": 11 for side in ("FRONT", "FRONT_LEFT", "FRONT_RIGHT", "BACK_LEFT", "BACK_RIGHT")},
    }
    assert all(share == 1.0 for share in oracles.ego_on_map(full.nusc).values())


@pytest.mark.parametrize("which", ["tiny", "full"])
def test_each_lidar_point_has_the_label_of_what_the_cameras_see_there(which, request):
    """Points, their labels, semantic, depth and instance images of one instant, from their files alone."""
    made: Made = request.getfixturevalue(which)
    same_surface, same_actor = [], []
    for run in map(store.open_run, made.runs):
        mounts = {row["channel"]: row for row in run.table("sensors").to_pylist()}
        owners = {(m["path"], m["value"]): m["actor_id"] for m in run.table("masks").to_pylist() if not m["ambiguous"]}
        for frame in run.table("sensor_frames").to_pylist():
            if frame["channel"] != "LIDAR_TOP" or not frame["is_keyframe"]:
                continue
            points, category, actor = lidar_labels(run, frame["frame"])
            in_ego = apply(pose_of(mounts["LIDAR_TOP"]), points)
            for channel, sensor in mounts.items():
                if sensor["modality"] != "camera":
                    continue
                name = f"{channel}/{frame['frame']:06d}.png"
                semantic, depth, mask = (
                    cv2.imread(str(run.path(f"{kind}/{name}")), cv2.IMREAD_UNCHANGED)
                    for kind in ("semantic", "depth", "masks")
                )
                assert semantic.shape == depth.shape == mask.shape == (sensor["height_px"], sensor["width_px"])
                optics = (sensor[key] for key in ("fx_px", "fy_px", "cx_px", "cy_px"))
                uv, z_m = project(apply(invert(pose_of(sensor)), in_ego), *optics)
                u, v = np.round(np.where(z_m[:, None] > 0.5, uv, -9.0)).astype(int).T
                seen = np.flatnonzero((u >= 0) & (u < semantic.shape[1]) & (v >= 0) & (v < semantic.shape[0]))
                seen = seen[np.abs(depth[v[seen], u[seen]] / 100.0 - z_m[seen]) < 0.05 + 0.005 * z_m[seen]]
                u, v = u[seen], v[seen]
                drawn = np.array([owners.get((f"masks/{name}", value), 0) for value in range(mask.max() + 1)])[
                    mask[v, u]
                ]
                same_actor += (drawn == actor[seen])[(drawn > 0) | (actor[seen] > 0)].tolist()
                still = (actor[seen] == 0) & (drawn == 0)
                by_camera = np.array([CATEGORY_INDEX[category or NO_CATEGORY] for _, category in SURFACES.values()])
                same_surface += (by_camera[semantic[v, u]] == category[seen])[still].tolist()

    assert len(same_surface) > 3000
    assert len(same_actor) > 300
    assert np.mean(same_surface) >= 0.98
    assert np.mean(same_actor) >= 0.97


def lidar_labels(run, frame):
    name = f"LIDAR_TOP/{frame:06d}"
    points = np.fromfile(run.path(f"blobs/{name}.pcd.bin"), "<f4").reshape(-1, 5)
    category = np.fromfile(run.path(f"lidarseg/{name}.bin"), np.uint8)
    actor = np.fromfile(run.path(f"lidar_actors/{name}.bin"), "<u4")
    assert len(points) == len(category) == len(actor)
    return points[:, :3], category, actor


def pose_of(row):
    return matrix_from_quaternion([row[key] for key in ("qw", "qx", "qy", "qz")], [row["x_m"], row["y_m"], row["z_m"]])


@pytest.mark.parametrize("which", ["tiny", "full"])
def test_2d_boxes_touch_the_masks_and_the_3d_boxes_around_them(which, request):
    """Bodies reach the sides of their 3D boxes, so the tight box of what is whole is near the projection."""
    made: Made = request.getfixturevalue(which)
    clear, boxes = [], 0
    for run in map(store.open_run, made.runs):
        masks = {}
        for row in run.table("masks").to_pylist():
            if row["actor_id"] and not row["ambiguous"]:
                masks.setdefault((row["channel"], row["frame"], row["actor_id"]), []).append(row)
        for row in run.table("boxes_2d").to_pylist():
            own = masks.pop((row["channel"], row["frame"], row["actor_id"]), [])
            assert row["visible_px"] == sum(mask["pixels"] for mask in own)
            assert row["method"] == "amodal_render"
            assert row["amodal_px"] >= row["visible_px"]
            left, top, right, bottom = (row[f"amodal_{side}_px"] for side in ("left", "top", "right", "bottom"))
            assert 0 < row["amodal_px"] <= (right - left) * (bottom - top)
            if own:
                boxes += 1
                image = cv2.imread(str(run.path(own[0]["path"])), cv2.IMREAD_UNCHANGED)
                v, u = np.nonzero(np.isin(image, [mask["value"] for mask in own]))
                tight = (u.min(), v.min(), u.max() + 1, v.max() + 1)
                assert tight == tuple(row[f"{side}_px"] for side in ("left", "top", "right", "bottom"))
                assert left <= tight[0] < tight[2] <= right
                assert top <= tight[1] < tight[3] <= bottom
        boxed = {row["actor_id"] for row in run.table("actors").to_pylist() if row["category"] and not row["is_ego"]}
        assert not boxed & {actor_id for _, _, actor_id in masks}
        clear += [row for row in run.table("quality").to_pylist() if row["clear_looks"]]
        assert run.table("quality").num_rows == run.table("boxes").num_rows

    assert boxes > 50
    assert len(clear) > 5
    quality = [row for run in map(store.open_run, made.runs) for row in run.table("quality").to_pylist()]
    own = sum(row["lidar_own_inside"] for row in quality)
    assert own > 1000
    assert sum(row["lidar_own_outside"] for row in quality) <= 0.02 * own
    assert sum(row["lidar_foreign_inside"] for row in quality) <= 0.002 * own
    # a projected 3D box is never inside the body's silhouette by more than the half pixel of a pixel's width
    assert min(min(row[f"gap_{side}_px"] for side in ("left", "top", "right", "bottom")) for row in clear) > -1.0


@pytest.mark.parametrize("which", ["tiny", "full"])
def test_the_devkit_derives_our_panoptic_labels_and_scores_them_perfect(which, request, tmp_path):
    made: Made = request.getfixturevalue(which)

    assert point_oracles.panoptic_differences(made.nusc, tmp_path / "derived") == []
    found = point_oracles.panoptic_scores(made.nusc, tmp_path / "scored")
    assert {"car", "driveable_surface", "sidewalk", "manmade", "vegetation"} <= set(found)
    for name, scores in found.items():
        assert scores == pytest.approx(dict.fromkeys(scores, 1.0), abs=1e-6), name
