"""What a scenario's road may ask for is found where the town with one of everything has it, in both directions."""

from __future__ import annotations

from collections.abc import Iterable

import carla
import pytest

from av_synth.director.roads import features
from av_synth.director.roads.starts import Known, known
from av_synth.simulator.town import avsynth06, opendrive

MOTORWAY = ((10, -2), (20, -2))


@pytest.fixture(scope="module")
def town() -> Known:
    name, plan = avsynth06.NAME, avsynth06.network()
    return known(name, opendrive.write(name, plan.roads, plan.junctions, avsynth06.BOUNDS_M, avsynth06.RELIEF))


def stations(found: Iterable[carla.Waypoint]) -> dict[tuple[int, int], list[float]]:
    """Stations in metres by road and lane."""
    by_lane: dict[tuple[int, int], list[float]] = {}
    for point in found:
        by_lane.setdefault((point.road_id, point.lane_id), []).append(point.s)
    return by_lane


def test_a_zebra_begins_on_either_side_where_its_traffic_comes_to_it_and_those_of_junctions_are_none(town: Known):
    found = stations(features.crossings(town.map))

    # it is 3 m wide, and lane 1 comes to it from where stations are greater
    assert found.keys() == {(31, -1), (31, 1)}
    assert found[31, -1] == [pytest.approx(avsynth06.ZEBRA_M - 1.5, abs=0.5)]
    assert found[31, 1] == [pytest.approx(avsynth06.ZEBRA_M + 1.5, abs=0.5)]


def test_a_crest_is_the_top_of_its_road_and_a_plain_has_none(town: Known):
    assert stations(features.crests(list(town.starts))) == {(40, -1): [135.0], (40, 1): [135.0]}


def test_a_tunnel_begins_at_the_first_waypoint_of_each_lane_under_it(town: Known):
    (east, west) = town.facts.tunnels

    assert stations(features.tunnel_mouths(list(town.starts), town.facts)) == {
        (tunnel.road_id, lane): [pytest.approx(tunnel.begin_m, abs=5.0)] for tunnel in (east, west) for lane in (-1, -2)
    }


def test_an_entry_ends_where_its_lane_does_and_an_exit_begins_where_a_lane_does(town: Known):
    entries = stations(features.entry_ends(list(town.starts), town.junctions))
    exits = stations(features.exit_begins(list(town.starts)))

    assert entries == {lane: [pytest.approx(610.0, abs=0.2)] for lane in MOTORWAY}
    assert exits == {lane: [40.0] for lane in MOTORWAY}  # and not where a lane of an entry joins
