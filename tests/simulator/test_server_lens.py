"""Lenses through the official client: images and every label are of what OpenCV says such a lens shows."""

from __future__ import annotations

from collections.abc import Iterator

import carla
import cv2
import numpy as np
import pytest
from server_process import ahead, connect, running_simulator
from stage import Stage, pixels

from av_synth.capture import decode
from av_synth.geometry.cameras import BODY_FROM_CAMERA
from av_synth.geometry.carla import matrix_from_transform
from av_synth.geometry.transforms import apply, invert

WIDTH, HEIGHT, FOCAL, CX, CY = 320, 180, 200.0, 163.0, 87.0
MATRIX = np.array([[FOCAL, 0.0, CX], [0.0, FOCAL, CY], [0.0, 0.0, 1.0]])
OPTICS = {
    "image_size_x": str(WIDTH),
    "image_size_y": str(HEIGHT),
    "avsynth__fx": str(FOCAL),
    "avsynth__cx": str(CX),
    "avsynth__cy": str(CY),
}
BARREL = {"avsynth__lens": "plain", "avsynth__k1": "-0.28", "avsynth__k2": "0.06", "avsynth__p1": "0.002"}
FISHEYE = {"avsynth__lens": "fisheye", "avsynth__k1": "-0.03", "avsynth__k2": "0.005"}
LENSES = pytest.mark.parametrize("lens", [BARREL, FISHEYE], ids=["barrel", "fisheye"])
KINDS = ("instance_segmentation", "depth", "optical_flow")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[carla.Client]:
    with running_simulator() as (_, port):
        yield connect(port, tmp_path_factory.mktemp("cache"))


def coefficients(lens: dict[str, str]) -> np.ndarray:
    names = ("k1", "k2", "k3", "k4") if lens["avsynth__lens"] == "fisheye" else ("k1", "k2", "p1", "p2", "k3")
    return np.array([float(lens.get(f"avsynth__{name}", "0")) for name in names])


def projected(points: np.ndarray, lens: dict[str, str]) -> np.ndarray:
    """Pixels (N, 2) by OpenCV of points (N, 3) in camera axes."""
    call = cv2.fisheye.projectPoints if lens["avsynth__lens"] == "fisheye" else cv2.projectPoints
    none = np.zeros(3)
    return np.asarray(call(points[:, None], none, none, MATRIX, coefficients(lens))[0]).reshape(-1, 2)


def undistorted(lens: dict[str, str]) -> tuple[np.ndarray, np.ndarray]:
    """Columns and rows (H, W) of the distorted image that OpenCV makes a pinhole's of."""
    module = cv2.fisheye if lens["avsynth__lens"] == "fisheye" else cv2
    size = (WIDTH, HEIGHT)
    return module.initUndistortRectifyMap(MATRIX, coefficients(lens), np.eye(3), MATRIX, size, cv2.CV_32FC1)


@LENSES
def test_a_straight_line_in_the_world_is_bent_as_opencv_says(stage: Stage, lens: dict[str, str]) -> None:
    mount = carla.Transform(carla.Location(z=300.0))  # nothing but sky around
    place = carla.Transform(stage.place.location + mount.location, stage.place.rotation)
    camera = stage.attach("sensor.camera.rgb", place, free=True, **OPTICS, **lens)
    camera_from_world = invert(matrix_from_transform(place) @ BODY_FROM_CAMERA)
    ends = [ahead(place, 10.0, right_m=right, up_m=up).location for right, up in ((-7.5, 0.7), (7.3, 3.7))]
    red = carla.Color(255, 0, 0)
    stage.world.debug.draw_line(*ends, thickness=0.06, color=red, life_time=10.0)
    for _ in range(2):
        stage.world.tick()
        image = pixels(stage.next(camera)).astype(int)
    line = np.array([[end.x, -end.y, end.z] for end in ends])
    points = line[0] + np.linspace(0.0, 1.0, 2000)[:, None] * (line[1] - line[0])
    wanted = projected(apply(camera_from_world, points), lens)

    redness = np.clip(image[..., 2] - image[..., :2].max(axis=2) - 30, 0, None)  # the sky may be warm
    columns = np.flatnonzero((redness > 30).any(axis=0))
    columns = columns[3:-3]  # of the ends, a part is in their columns
    rows = (redness * np.arange(HEIGHT)[:, None]).sum(axis=0)[columns] / redness.sum(axis=0)[columns]
    off = rows - np.interp(columns, wanted[:, 0], wanted[:, 1])
    chord = np.interp(columns, wanted[[0, -1], 0], wanted[[0, -1], 1])

    assert len(columns) > 0.7 * WIDTH
    assert np.abs(rows - chord).max() > 5.0  # bent it is
    # the line is drawn at whole pixels: over nine columns that averages out
    assert np.abs(np.convolve(off, np.full(9, 1 / 9), "valid")).max() < 0.5


@LENSES
def test_undistorting_gives_the_labels_of_the_pinhole_back(stage: Stage, lens: dict[str, str]) -> None:
    walker = stage.library.find("walker.pedestrian.0004")
    stage.world.spawn_actor(walker, ahead(stage.place, 7.0, right_m=2.2, up_m=1.0))
    bent = {kind: stage.attach(f"sensor.camera.{kind}", **OPTICS, **lens) for kind in KINDS}
    straight = {kind: stage.attach(f"sensor.camera.{kind}", **OPTICS) for kind in KINDS}
    stage.ego.set_target_velocity(stage.place.get_forward_vector() * 6.0)
    for _ in range(3):
        stage.world.tick()
        seen = [{kind: stage.next(camera) for kind, camera in each.items()} for each in (bent, straight)]
    maps = undistorted(lens)
    (tag, ids), (true_tag, true_ids) = (decode.tag_and_instance(each["instance_segmentation"], None) for each in seen)
    depth, true_depth = (decode.depth_m(each["depth"], None) for each in seen)
    flow, true_flow = (decode.flow_px(each["optical_flow"], None) for each in seen)
    back_tag = cv2.remap(tag, *maps, cv2.INTER_NEAREST, borderValue=255)
    back_ids = cv2.remap(ids, *maps, cv2.INTER_NEAREST)
    back_depth = cv2.remap(depth, *maps, cv2.INTER_NEAREST)

    inside = back_tag != 255
    # what is of one surface for two pixels around is not of an edge
    level = cv2.erode(true_tag, np.ones((5, 5))) == cv2.dilate(true_tag, np.ones((5, 5)))
    level &= cv2.erode(true_ids, np.ones((5, 5))) == cv2.dilate(true_ids, np.ones((5, 5)))
    near = inside & level & (true_depth < 30.0)

    assert inside.mean() > 0.7
    assert stage.other.id in ids
    assert (back_tag == true_tag)[inside].mean() > 0.97
    np.testing.assert_array_equal(back_tag[inside & level], true_tag[inside & level])
    np.testing.assert_array_equal(back_ids[inside & level], true_ids[inside & level])
    assert np.quantile(np.abs(back_depth / true_depth - 1.0)[near], 0.95) < 0.02

    # where a point was: OpenCV says it of the pinhole's flow
    rows, columns = np.nonzero(near)
    there = np.stack([columns, rows], axis=1).astype(float)
    rays = [np.column_stack([(at - [CX, CY]) / FOCAL, np.ones(len(at))]) for at in (there, there - true_flow[near])]
    now, before = (projected(each, lens) for each in rays)
    own = np.rint(now).astype(int)
    kept = ((own >= 0) & (own < [WIDTH, HEIGHT])).all(axis=1)
    said = flow[own[kept, 1], own[kept, 0]]
    off = np.linalg.norm(said - (now - before)[kept], axis=1)
    assert np.linalg.norm(said, axis=1).max() > 2.0
    assert np.quantile(off, 0.95) < 0.1


@LENSES
def test_what_would_be_seen_alone_is_counted_in_the_bent_image(stage: Stage, lens: dict[str, str]) -> None:
    walkers = stage.library.find("walker.pedestrian.0004")
    walker = stage.world.spawn_actor(walkers, ahead(stage.place, 7.0, right_m=0.4, up_m=1.0))
    labels = stage.attach("sensor.camera.instance_segmentation", **OPTICS, **lens)
    extents = stage.attach("avsynth.camera.visibility", **OPTICS, **lens)

    def look() -> tuple[np.ndarray, dict]:
        stage.world.tick()
        return decode.tag_and_instance(stage.next(labels), None)[1], dict(decode.extents(stage.next(extents)))

    with_walker, hidden = look()
    walker.destroy()
    alone, whole = look()
    rows, columns = np.nonzero(alone == stage.other.id)
    box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)

    assert hidden[stage.other.id].visible_px == (with_walker == stage.other.id).sum()
    assert hidden[walker.id].visible_px == (with_walker == walker.id).sum()
    assert 0 < hidden[stage.other.id].visible_px < hidden[stage.other.id].alone_px
    # nothing is before it any more: what it filled alone is what it fills
    assert whole[stage.other.id].alone_px == whole[stage.other.id].visible_px == len(rows)
    assert hidden[stage.other.id].alone_px == pytest.approx(len(rows), abs=2)
    assert whole[stage.other.id].alone_box == box


def test_a_lens_that_cannot_be_drawn_is_refused_with_the_reason(stage: Stage) -> None:
    def refused(**attributes: str) -> str:
        with pytest.raises(RuntimeError) as caught:
            stage.attach("sensor.camera.rgb", **{**OPTICS, **attributes})
        return str(caught.value)

    assert "turns back inside the image" in refused(avsynth__lens="plain", avsynth__k1="-1.5")
    assert "off its axis; want 75 at most" in refused(avsynth__lens="fisheye", avsynth__fx="140")
    assert "off its axis; want 75 at most" in refused(avsynth__lens="fisheye", avsynth__fx="100")
