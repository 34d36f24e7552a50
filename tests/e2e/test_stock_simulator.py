"""The path for a stock CARLA 0.9.16, on the embedded simulator's ue4 profile (docs/reference/ue4-profile.md).

One scene is played under both profiles: the world is the same, so each label of one has its like in the other, by role.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from av_synth import __version__, store
from av_synth.director.stage.town_parked import ROLE
from av_synth.labels import echoes_of, tie_instances
from av_synth.rig.model import Rig
from av_synth.run.generate import plan
from av_synth.simulator.profile import FEW_OBJECT_BITS, object_ids
from av_synth.verify import verify
from tests.e2e.conftest import Made
from tests.e2e.truth import boxes_by_role, confusion, engine_ids, mask_ties

POSE = ("x_m", "y_m", "z_m", "qw", "qx", "qy", "qz", "length_m", "width_m", "height_m", "vx_mps", "vy_mps", "vz_mps")
BY_TOWN = ROLE.format("")


@dataclass(frozen=True)
class Both:
    """One run under each profile."""

    native: Made
    stock: Made

    def boxes(self) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
        """Whose each box is, as labelled under `native`, and as labelled under `ue4`."""
        native, stock = (boxes_by_role(made.runs[0]) for made in (self.native, self.stock))
        assert {key for key in stock if not key[1].startswith(BY_TOWN)} == native.keys()
        return [(key[1], box, stock[key]) for key, box in native.items()]


@pytest.fixture(scope="module")
def both(tiny: Made, stock: Made) -> Both:
    return Both(tiny, stock)


def test_a_run_says_where_it_was_made_and_is_not_the_other_profiles(both):
    manifest = store.open_run(both.stock.runs[0]).manifest

    assert manifest["identity"]["simulator"].startswith(f"av_synth {__version__} ue4 bodies ")
    assert manifest["provenance"]["renderer"] == "unknown: the server does not say"
    assert both.stock.results[0].run_id != both.native.results[0].run_id


def test_a_dataset_made_with_stock_parts_verifies(both):
    report = verify(both.stock.dataset)

    assert report.problems == ()
    assert len(both.stock.nusc.sample) == 11


def test_the_rig_of_the_run_has_its_principal_points_where_the_pixels_have_them(both):
    wanted, seen = (made.keyframes[0].context.rig for made in (both.native, both.stock))
    assert wanted == plan("pedestrian_runs_out", "tiny", 0, {}).rig
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


def test_images_show_the_same_and_are_exposed_from_the_first_recorded_one_on(both):
    for native, stock in zip(both.native.keyframes[0].ticks, both.stock.keyframes[0].ticks, strict=True):
        for channel, label in native.frames.labels.items():
            other = stock.frames.labels[channel]
            assert other.extent_px is other.flow_px is None
            assert label.extent_px
            assert label.flow_px.shape == (180, 320, 2)
            assert other.tag.shape == label.tag.shape == (180, 320)
            # half a pixel moves silhouettes; a crop that was off by more would move far more of them
            assert (other.tag == label.tag).mean() > 0.95, channel
            one, two = (tick.frames.cameras[channel].bgra.astype(float).mean() for tick in (native, stock))
            assert two == pytest.approx(one, rel=0.02), channel


def test_boxes_are_the_same_and_each_says_how_it_and_its_visibility_were_got(both):
    pairs = both.boxes()
    sources = {
        row["type_id"]: row["box_source"] for row in store.open_run(both.stock.runs[0]).table("actors").to_pylist()
    }

    assert len(pairs) > 300
    assert {box["visibility_method"] for _, box, _ in pairs} == {"amodal_render"}
    assert {box["visibility_method"] for _, _, box in pairs} == {"estimated"}
    assert sources["vehicle.mercedes.sprinter"] == "corrected"
    assert {source for type_id, source in sources.items() if type_id.startswith("walker.")} == {"corrected"}
    assert sources["vehicle.audi.a2"] == "reported"
    for role, native, stock in pairs:
        # the client's Traffic Manager keeps clear of the boxes that it is told
        near = 0.5 if role.startswith("traffic_") else 0.005
        np.testing.assert_allclose([stock[name] for name in POSE], [native[name] for name in POSE], atol=near)
        assert stock["category"] == native["category"]
        if not role.startswith("traffic_"):
            assert stock["attribute"] == native["attribute"]
            # a return on a face may be counted here and not there, for the boxes differ by parts of a millimetre
            assert stock["num_lidar_pts"] == pytest.approx(native["num_lidar_pts"], abs=2)


def test_cars_that_are_parts_of_the_town_are_actors_with_labels_of_their_own(both):
    infos = both.stock.keyframes[0].ticks[0].state.infos.values()
    replaced = [info for info in infos if info.role.startswith(BY_TOWN)]

    assert len(replaced) >= 3
    assert {info.category for info in replaced} == {"vehicle.car"}
    assert all(info.parked for info in replaced)


def test_the_estimated_visibility_agrees_with_the_amodal_one(both):
    counts = confusion((native, stock) for _, native, stock in both.boxes())
    seen = f"rows: amodal level 0 to 4, columns: estimated\n{counts}"

    assert counts.sum() > 300, seen
    assert np.trace(counts) / counts.sum() >= 0.85, seen
    assert sum(np.trace(counts, offset) for offset in (-1, 0, 1)) / counts.sum() >= 0.98, seen
    # nothing is estimated into pictures that it is not in, nor left out, such as a car alongside
    assert counts[0, 1:].sum() == counts[1:, 0].sum() == 0, seen


def test_engine_ids_are_tied_to_the_actors_that_were_drawn(stock):
    ties = mask_ties(stock.runs[0], stock.keyframes[0])

    assert ties.large > 50
    assert ties.large_right / ties.large >= 0.99, ties
    assert ties.silent == 0, ties
    assert ties.pixels_open / ties.pixels < 0.01, ties


def test_ids_that_many_things_share_are_split_or_flagged_and_never_silent(stock):
    shared = mixed = right = large = 0
    for tick in stock.keyframes[0].ticks:
        for camera in stock.keyframes[0].context.rig.cameras:
            label = tick.frames.labels[camera.channel]
            true = engine_ids(label.instance, tick.state)
            few = object_ids(true.astype(np.uint32), label.tag, FEW_OBJECT_BITS).astype(np.uint16)
            shared += len(np.unique(true[true > 0])) - len(np.unique(few[true > 0]))
            pose = tick.world_from_ego @ camera.mount.ego_from_sensor
            echoes = echoes_of(tick.frames, stock.keyframes[0].context.rig)
            image, masks = tie_instances(replace(label, instance=few), camera, pose, tick.state, echoes)
            for mask in masks:
                theirs = true[image == mask.value]
                mixed += mask.actor_id > 0 and bool((theirs != mask.actor_id).any())
                large += mask.pixels > 200
                right += mask.pixels > 200 and bool((theirs == mask.actor_id).all())

    assert shared > 50
    assert mixed == 0
    assert large > 50
    assert right / large >= 0.99
