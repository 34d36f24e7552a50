"""Road networks that others wrote, as nuScenes maps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from av_synth.export.nuscenes.map_expansion import map_files
from av_synth.export.nuscenes.map_reading import read_network
from av_synth.export.nuscenes.town_map import draw_town_map

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"
FILES = sorted(SAMPLES.rglob("*.xodr"))
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not FILES, reason=f"no OpenDRIVE files of others under {SAMPLES}: their maps go untested"),
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_of_others_gives_a_map_expansion_with_lanes_that_follow_each_other(path):
    network = read_network("OpenDriveMap", path.read_text(encoding="utf-8-sig"))
    expansion, _ = map_files(("OpenDriveMap", path.stem), network, draw_town_map(network), (500.0, 500.0))
    layers = json.loads(expansion)
    tokens = {row["token"] for row in (*layers["lane"], *layers["lane_connector"])}

    assert layers["lane"]
    assert layers["drivable_area"]
    assert tokens == set(layers["connectivity"])
    assert tokens == set(layers["arcline_path_3"])
    assert all(set(way["outgoing"]) <= tokens for way in layers["connectivity"].values())
