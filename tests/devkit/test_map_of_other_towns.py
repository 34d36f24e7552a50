"""The official devkit reads the maps of the motorway, of the country roads and of the town in a ring."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from av_synth.simulator import town
from tests.devkit import oracles
from tests.devkit.test_map_devkit import FEW, ego_poses, follows, middle_of
from tests.export.as_nuscenes import export
from tests.export.synthetic_run import SyntheticTown, build_run

# after the oracles, which choose a matplotlib that needs no screen
from nuscenes.map_expansion import map_api  # isort: skip
from nuscenes.map_expansion.arcline_path_utils import discretize_lane  # isort: skip

pytestmark = pytest.mark.long


@dataclass(frozen=True)
class Built(SyntheticTown):
    """A town of the simulator, with the run going east from a place in the middle of a road."""

    origin_m: tuple[float, float] = (0.0, 0.0)

    @property
    def opendrive(self) -> str:
        return town.load(self.name).opendrive


TOWNS = (
    Built("AvSynth04", origin_m=(380.0, 61.5)),
    Built("AvSynth05", origin_m=(450.0, 300.0)),
    Built("AvSynth06", origin_m=(635.0, 300.0)),
)
NAMES = [place.name for place in TOWNS]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("store")
    runs = [build_run(root, seed, place, FEW) for seed, place in enumerate(TOWNS)]
    return export(runs, root.parent / "dataset")


@pytest.fixture(scope="module")
def maps(dataset: Path) -> Iterator[dict[str, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(map_api, "locations", [*map_api.locations, *NAMES])
        yield {name: map_api.NuScenesMap(str(dataset), name) for name in NAMES}


@pytest.mark.parametrize("location", NAMES)
def test_the_ego_is_on_drivable_ground_and_along_a_lane_at_every_pose(
    dataset: Path, maps: dict[str, Any], location: str
) -> None:
    place = maps[location]
    for x, y, yaw in ego_poses(oracles.load(dataset), location):
        assert place.record_on_point(x, y, "drivable_area")
        assert place.record_on_point(x, y, "road_segment")
        closest = place.get_closest_lane(x, y, 2.0)
        assert follows(place, closest, (x, y, yaw))


@pytest.mark.parametrize("location", NAMES)
def test_every_lane_is_the_closest_to_its_own_middle_and_goes_on(maps: dict[str, Any], location: str) -> None:
    place, opening = maps[location], 0
    for lane in place.lane:
        token = lane["token"]
        x, y = middle_of(place, token)
        assert place.get_closest_lane(x, y) == token
        on_point = place.layers_on_point(x, y)
        assert all(on_point[layer] for layer in ("drivable_area", "road_segment", "road_block"))
        after, before = place.get_outgoing_lane_ids(token), place.get_incoming_lane_ids(token)
        assert after
        opening += not before
        assert all(token in place.get_incoming_lane_ids(other) for other in after)
    # only the exit lanes of motorways begin beside another lane instead of behind one
    assert opening == (0 if location == "AvSynth05" else 2)


def test_the_pieces_of_a_centre_line_meet_so_well_that_readers_drop_the_doubled_points(maps: dict[str, Any]) -> None:
    for place in maps.values():
        for path in place.arcline_path_3.values():
            points = np.array(discretize_lane(path, resolution_meters=0.25))[:, :2]
            steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
            assert ((steps < 1e-10) | (steps > 1e-3)).all()
