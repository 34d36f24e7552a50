"""The path for a stock CARLA 0.9.16, on the embedded simulator with its extensions left aside.

One run twice, with the extensions and without: the world is the same, so each label of one has its like in the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import carla
import numpy as np
import pytest

from av_synth import store
from av_synth.geometry.transforms import Array
from av_synth.launch import Address
from av_synth.rig.model import Rig
from av_synth.session import Session
from av_synth.verify import verify
from tests.e2e.conftest import Made, make, two_seconds

Box = dict[str, Any]
POSE = ("x_m", "y_m", "z_m", "qw", "qx", "qy", "qz", "length_m", "width_m", "height_m", "vx_mps", "vy_mps", "vz_mps")


@dataclass(frozen=True)
class Both:
    """One run with the extensions and one without, and every sensor that was spawned for the latter."""

    extended: Made
    stock: Made
    asked_for: tuple[tuple[str, Mapping[str, str]], ...]

    def boxes(self) -> list[tuple[Box, Box]]:
        """Each box as labelled with the extensions, and as labelled without them."""
        extended, stock = (
            {(box["frame"], box["actor_id"]): box for box in store.open_run(made.runs[0]).table("boxes").to_pylist()}
            for made in (self.extended, self.stock)
        )
        assert extended.keys() == stock.keys()
        return [(box, stock[key]) for key, box in extended.items()]


@pytest.fixture(scope="module")
def both(address: Address, tmp_path_factory: pytest.TempPathFactory) -> Both:
    spec = two_seconds("pedestrian_runs_out", "tiny")
    extended = make(tmp_path_factory.mktemp("extended"), [spec], address)
    asked_for: list[tuple[str, Mapping[str, str]]] = []
    spawn_sensor = Session.spawn_sensor

    def spawn_and_note(
        session: Session, type_id: str, attributes: Mapping[str, str], parent: carla.Actor, pose: Array
    ) -> carla.Sensor:
        asked_for.append((type_id, attributes))
        return spawn_sensor(session, type_id, attributes, parent, pose)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Session, "has_attribute", lambda *_: False)
        patch.setattr(Session, "extensions", {})
        patch.setattr(Session, "spawn_sensor", spawn_and_note)
        stock = make(tmp_path_factory.mktemp("stock"), [spec], address)
    return Both(extended, stock, tuple(asked_for))


def test_nothing_is_asked_for_that_a_stock_simulator_lacks_and_the_run_says_where_it_was_made(both):
    manifest = store.open_run(both.stock.runs[0]).manifest

    assert {type_id for type_id, _ in both.asked_for} == {
        *(f"sensor.camera.{kind}" for kind in ("rgb", "depth", "instance_segmentation")),
        *("sensor.lidar.ray_cast_semantic", "sensor.other.radar"),
    }
    assert not [name for _, attributes in both.asked_for for name in attributes if name.startswith("avsynth")]
    assert manifest["identity"]["simulator"] == "0.9.16"
    assert manifest["provenance"]["renderer"] == "unknown: the server does not say"
    assert both.stock.results[0].run_id != both.extended.results[0].run_id


def test_a_dataset_made_without_extensions_verifies(both):
    report = verify(both.stock.dataset)

    assert report.problems == ()
    assert len(both.stock.nusc.sample) == 5


def test_the_world_is_the_same_with_and_without_extensions(both):
    assert len(both.stock.results[0].state_hashes) == 41
    assert both.stock.results[0].state_hashes == both.extended.results[0].state_hashes


def test_the_rig_of_the_run_has_its_principal_points_where_the_pixels_have_them(both):
    wanted, seen = (made.keyframes[0].context.rig for made in (both.extended, both.stock))
    assert wanted == two_seconds("pedestrian_runs_out", "tiny").rig
    moved = moves_px(wanted, seen)

    assert all(0.0 < abs(move) <= 0.5 for move in moved), moved
    as_wanted = [
        replace(camera, cx_px=asked.cx_px, cy_px=asked.cy_px)
        for camera, asked in zip(seen.cameras, wanted.cameras, strict=True)
    ]
    assert replace(seen, cameras=tuple(as_wanted)) == wanted  # and nothing else is moved
    written = {row["sensor_token"]: row["camera_intrinsic"] for row in both.stock.nusc.calibrated_sensor}
    channels = {row["token"]: row["channel"] for row in both.stock.nusc.sensor}
    matrices = {channels[token]: matrix for token, matrix in written.items() if matrix}
    assert matrices == {
        camera.channel: [[camera.fx_px, 0.0, camera.cx_px], [0.0, camera.fy_px, camera.cy_px], [0.0, 0.0, 1.0]]
        for camera in seen.cameras
    }


def moves_px(wanted: Rig, seen: Rig) -> list[float]:
    pairs = zip(wanted.cameras, seen.cameras, strict=True)
    return [move for a, b in pairs for move in (b.cx_px - a.cx_px, b.cy_px - a.cy_px)]


def test_images_differ_by_no_more_than_the_part_of_a_pixel(both):
    for extended, stock in zip(both.extended.keyframes[0].ticks, both.stock.keyframes[0].ticks, strict=True):
        for channel, label in extended.frames.labels.items():
            other = stock.frames.labels[channel]
            assert other.extent_px is other.flow_px is None
            assert label.extent_px
            assert label.flow_px.shape == (180, 320, 2)
            assert other.tag.shape == label.tag.shape == (180, 320)
            # half a pixel moves silhouettes; a crop that was off by more would move far more of them
            assert (other.tag == label.tag).mean() > 0.93, channel


def test_boxes_are_the_same_and_each_says_how_its_visibility_was_got(both):
    pairs = both.boxes()

    assert len(pairs) > 100
    assert {box["visibility_method"] for box, _ in pairs} == {"amodal_render"}
    assert {box["visibility_method"] for _, box in pairs} == {"estimated"}
    for extended, stock in pairs:
        assert [stock[name] for name in POSE] == [extended[name] for name in POSE]
        assert stock["num_lidar_pts"] == extended["num_lidar_pts"]


def test_the_estimated_visibility_agrees_with_the_amodal_one(both):
    counts = np.zeros((5, 5), dtype=int)
    for extended, stock in both.boxes():
        counts[extended["visibility"], stock["visibility"]] += 1
    known = counts[1:, 1:]
    seen = f"rows: amodal level 0 to 4, columns: estimated\n{counts}"

    assert known.sum() > 100, seen
    assert np.trace(known) / known.sum() >= 0.7, seen
    near = sum(int(np.trace(known, offset)) for offset in (-1, 0, 1))
    assert near == known.sum(), seen
    # nothing is estimated into pictures that it is not in
    assert counts[0, 1:].sum() == 0, seen
    # and nothing is left out, such as a car alongside that reaches behind the camera
    assert counts[1:, 0].sum() == 0, seen


def test_masks_are_tied_to_the_actors_that_were_drawn(both):
    masks = store.open_run(both.stock.runs[0]).table("masks").to_pylist()
    images = {tick.index: tick.frames.labels for tick in both.stock.keyframes[0].ticks}
    right = 0
    for mask in masks:
        # this simulator's instance ids are its actor ids, which the association does not know
        theirs = images[mask["frame"]][mask["channel"]].instance == mask["actor_id"]
        right += mask["pixels"] if mask["actor_id"] and theirs.sum() == mask["pixels"] else 0

    pixels = sum(mask["pixels"] for mask in masks)
    assert pixels > 50_000
    assert right / pixels >= 0.95
