"""The official devkit reads the map expansion and the basemap, and finds the runs on their lanes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from pyquaternion import Quaternion

from av_synth.simulator.town import avsynth01, avsynth03, opendrive
from tests.devkit import oracles
from tests.export.as_nuscenes import export
from tests.export.small_towns import TEE_M, tee_town
from tests.export.synthetic_run import SENSORS, SyntheticTown, build_run

# after the oracles, which choose a matplotlib that needs no screen
from nuscenes.eval.common.utils import quaternion_yaw  # isort: skip
from nuscenes.map_expansion import map_api  # isort: skip
from nuscenes.map_expansion.arcline_path_utils import discretize_lane, length_of_lane  # isort: skip
from nuscenes.map_expansion.bitmap import BitMap  # isort: skip
from nuscenes.prediction import PredictHelper  # isort: skip
from nuscenes.prediction.input_representation import static_layers  # isort: skip

STANDARD = "boston-seaport"
"""get_map_mask knows four names only: a town may be called like one of them."""

AREAS = ["drivable_area", "road_segment", "road_block", "lane", "ped_crossing", "walkway", "stop_line", "carpark_area"]
FEW = tuple(s for s in SENSORS if s.channel in ("CAM_FRONT", "LIDAR_TOP", "RADAR_FRONT"))


@dataclass(frozen=True)
class Avenue(SyntheticTown):
    """AvSynth01, with the run on the avenue, going east on its inner lane."""

    origin_m: tuple[float, float] = (160.0, 180.0)

    @property
    def opendrive(self) -> str:
        plan = avsynth01.network()
        return opendrive.write(avsynth01.NAME, plan.roads, plan.junctions, avsynth01.BOUNDS_M)


@dataclass(frozen=True)
class School(SyntheticTown):
    """AvSynth03, with the run on School Street, going east to the roundabout."""

    origin_m: tuple[float, float] = (30.0, 165.0)

    @property
    def opendrive(self) -> str:
        plan = avsynth03.network()
        return opendrive.write(avsynth03.NAME, plan.roads, plan.junctions, avsynth03.BOUNDS_M)


@dataclass(frozen=True)
class Tee(SyntheticTown):
    """A crossing of three streets that reaches below zero; the run goes from its west arm straight over it."""

    origin_m: tuple[float, float] = (TEE_M[0] - 52.0, TEE_M[1])

    @property
    def opendrive(self) -> str:
        return tee_town()


TOWNS = (Avenue("AvSynth01"), Avenue(STANDARD), School("AvSynth03"), Tee("Tee"))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("store")
    runs = [build_run(root, seed, town, FEW) for seed, town in enumerate(TOWNS)]
    return export(runs, root.parent / "dataset")


@pytest.fixture(scope="module")
def nusc(dataset: Path) -> Any:
    return oracles.load(dataset)


@pytest.fixture(scope="module")
def maps(dataset: Path) -> Iterator[dict[str, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(map_api, "locations", [*map_api.locations, "AvSynth01", "AvSynth03", "Tee"])
        yield {town.name: map_api.NuScenesMap(str(dataset), town.name) for town in TOWNS}


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The devkit draws with descartes, which knows no shapely later than 1."""

    def patch_of(polygon: Any, **looks: Any) -> PathPatch:
        rings = [np.asarray(ring.coords) for ring in (polygon.exterior, *polygon.interiors)]
        return PathPatch(Outline.make_compound_path(*(Outline(ring, closed=True) for ring in rings)), **looks)

    monkeypatch.setattr("descartes.PolygonPatch", patch_of)
    yield
    pyplot.close("all")


def ego_poses(nusc: Any, location: str) -> Iterator[tuple[float, float, float]]:
    """x, y and heading at every record of the lidar in a town."""
    for scene in nusc.scene:
        if nusc.get("log", scene["log_token"])["location"] == location:
            token = nusc.get("sample", scene["first_sample_token"])["data"]["LIDAR_TOP"]
            while token:
                record = nusc.get("sample_data", token)
                pose = nusc.get("ego_pose", record["ego_pose_token"])
                yield (*pose["translation"][:2], quaternion_yaw(Quaternion(pose["rotation"])))
                token = record["next"]


def middle_of(town: Any, lane: str) -> tuple[float, float]:
    poses = discretize_lane(town.get_arcline_path(lane), 0.5)
    return poses[len(poses) // 2][:2]


@pytest.mark.parametrize("location", [town.name for town in TOWNS])
def test_the_ego_is_on_drivable_ground_and_along_a_lane_at_every_pose(nusc: Any, maps: Any, location: str) -> None:
    town, seen = maps[location], set()
    for x, y, yaw in ego_poses(nusc, location):
        assert town.record_on_point(x, y, "drivable_area")
        assert town.record_on_point(x, y, "road_segment")
        here = town.get_records_in_radius(x, y, 0.01, ["lane", "lane_connector"])
        followed = [token for tokens in here.values() for token in tokens if follows(town, token, (x, y, yaw))]
        assert followed  # where ways part, more than one
        seen |= {layer for layer, tokens in here.items() if followed[0] in tokens}
        assert here["lane_connector"] or followed == [town.get_closest_lane(x, y, 2.0)]
    assert seen == ({"lane", "lane_connector"} if location == "Tee" else {"lane"})


def follows(town: Any, token: str, ego: tuple[float, float, float]) -> bool:
    """Whether the ego is on a lane's centre line, but for the 0.45 m that it drifts to the left, and goes its way."""
    poses = np.array(town.discretize_lanes([token], 0.1)[token])
    away = np.linalg.norm(poses[:, :2] - ego[:2], axis=1)
    turned = math.remainder(poses[away.argmin()][2] - ego[2], math.tau)
    return bool(away.min() < 0.5 and abs(turned) < math.radians(15))


@pytest.mark.parametrize("location", ["AvSynth01", "AvSynth03", "Tee"])
def test_every_lane_is_the_closest_to_its_own_middle_and_goes_on(maps: Any, location: str) -> None:
    town = maps[location]
    assert len(town.lane) > 5
    for lane in town.lane:
        token = lane["token"]
        x, y = middle_of(town, token)
        assert town.get_closest_lane(x, y) == token
        on_point = town.layers_on_point(x, y)
        assert on_point["lane"] == token
        assert all(on_point[layer] for layer in ("drivable_area", "road_segment", "road_block"))
        after, before = town.get_outgoing_lane_ids(token), town.get_incoming_lane_ids(token)
        assert all(token in town.get_incoming_lane_ids(other) for other in after)
        following = town.get_next_roads(x, y)
        # only the arms of the small crossing have an end
        assert bool(after) == any(following.values())
        assert location == "Tee" or (after and before)
        if after:
            assert [town.get("road_segment", t)["is_intersection"] for t in following["road_segment"]] == [True]


def test_every_record_of_every_layer_can_be_had_by_where_it_is(maps: Any) -> None:
    town = maps["AvSynth01"]
    width, height = town.canvas_edge
    everything = town.get_records_in_patch((0, 0, width, height), mode="within")
    for layer in town.non_geometric_layers:
        assert sorted(everything[layer]) == sorted(record["token"] for record in getattr(town, layer)), layer
        assert len(everything[layer]) > 0, layer
    lights = [stop for stop in town.stop_line if stop["stop_line_type"] == "TRAFFIC_LIGHT"]
    assert [len(stop["cue"]) for stop in lights] == [1, 1, 1, 1]
    corner = town.get_records_in_patch((0, 0, 30, 30))
    assert not any(corner.values())


def test_centre_lines_are_as_long_as_their_arcs(maps: Any) -> None:
    for town in maps.values():
        lines = town.discretize_centerlines(0.5)
        assert len(lines) > 5
        assert len(lines) == len(town.lane) + len(town.lane_connector)
        for lane, points in zip(town.lane + town.lane_connector, lines, strict=True):
            whole = length_of_lane(town.get_arcline_path(lane["token"]))
            steps = np.linalg.norm(np.diff(points[:, :2], axis=0), axis=1)
            assert steps.sum() == pytest.approx(whole, rel=2e-3)


def test_the_pieces_of_a_centre_line_meet_so_well_that_readers_drop_the_doubled_points(maps: Any) -> None:
    """Trajdata and py123d drop what is within 1e-10 m; a pair that stays mixes left and right."""
    for town in maps.values():
        for path in town.arcline_path_3.values():
            points = np.array(discretize_lane(path, resolution_meters=0.25))[:, :2]
            steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
            assert ((steps < 1e-10) | (steps > 1e-3)).all()


def test_masks_of_every_layer_agree_with_each_other_and_with_the_semantic_prior(nusc: Any, maps: Any) -> None:
    # off the town's grid: the devkit fails where an area only touches the edge of the patch
    x, y = 210.3, 180.2
    box, size = (x, y, 60.0, 100.0), (600, 1000)
    layers = [*AREAS, "lane_divider", "road_divider"]
    assert [name for name, _ in maps[STANDARD].get_map_geom(box, 0.0, layers)] == layers
    mask = dict(zip(layers, maps[STANDARD].get_map_mask(box, 0.0, layers, size), strict=True))
    assert all(mask[name].any() for name in set(layers) - {"stop_line", "ped_crossing"})
    prior_row = next(row for row in nusc.map if nusc.get("log", row["log_tokens"][0])["location"] == STANDARD)
    prior = prior_row["mask"].mask()[::-1][
        int((y - 30) * 10) : int((y + 30) * 10), int((x - 50) * 10) : int((x + 50) * 10)
    ]
    ground = (mask["drivable_area"] | mask["walkway"]) > 0
    assert (ground != (prior > 0)).mean() < 0.005
    assert not (mask["lane"] & ~mask["drivable_area"] & 1).sum() > 0.002 * mask["lane"].sum()
    turned = maps[STANDARD].get_map_mask(box, 90.0, ["drivable_area"], size)
    assert turned.shape == (1, *size)


def test_the_devkit_draws_layers_patches_ego_poses_and_centre_lines_on_the_basemap(
    nusc: Any, maps: Any, dataset: Path, drawn: None
) -> None:
    town = maps["AvSynth01"]
    picture = BitMap(str(dataset), "AvSynth01", "basemap")
    assert picture.image.shape == (*(np.array(town.canvas_edge[::-1]) * 10).astype(int), 3)
    figure, _ = town.render_layers(town.non_geometric_layers, figsize=1)
    figure.canvas.draw()
    figure, _ = town.render_map_patch((150, 150, 200, 200), figsize=(1, 1), bitmap=picture)
    figure.canvas.draw()
    poses, _, _ = town.render_egoposes_on_fancy_map(nusc, verbose=False)
    assert len(poses) == 4
    town.render_centerlines(0.5, figsize=1)
    x, y = middle_of(town, town.lane[0]["token"])
    town.render_next_roads(x, y, figsize=1)
    town.render_record("stop_line", town.stop_line[0]["token"], figsize=1)
    log = next(log["token"] for log in nusc.log if log["location"] == "AvSynth01")
    sample = next(scene["first_sample_token"] for scene in nusc.scene if scene["log_token"] == log)
    _, axes = town.render_map_in_image(nusc, sample, verbose=False)
    assert len(axes.patches) > 2


def test_the_rasterizer_of_the_prediction_challenge_draws_the_ground_around_an_agent(
    nusc: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(static_layers, "locations", [STANDARD])
    rasterizer = static_layers.StaticLayerRasterizer(PredictHelper(nusc))
    scene = next(s for s in nusc.scene if nusc.get("log", s["log_token"])["location"] == STANDARD)
    sample = nusc.get("sample", scene["first_sample_token"])
    truck = next(
        box
        for box in (nusc.get("sample_annotation", token) for token in sample["anns"])
        if box["category_name"] == "vehicle.truck"
    )
    image = rasterizer.make_representation(truck["instance_token"], sample["token"])
    assert image.shape == (500, 500, 3)
    # 50 m by 50 m around a truck on a road 14 m wide with 4 m of pavement on each side
    assert 0.2 < (image.max(axis=2) > 0).mean() < 0.6
