"""Lines over a map, ways that end, and meetings: the parts that need no simulator."""

from __future__ import annotations

import math
from typing import cast

import carla
import numpy as np
import pytest

from av_synth.director.manoeuvres.map_courses import over_road
from av_synth.director.manoeuvres.meetings import Meeting
from av_synth.director.manoeuvres.own_lanes import prolonged
from av_synth.director.manoeuvres.paces import Me
from av_synth.director.roads.courses import Line
from av_synth.director.roads.path import Path
from av_synth.director.view import View
from av_synth.geometry.transforms import from_yaw

LANES = (
    '<lanes><laneSection s="0"><left><lane id="1" type="driving"><width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane>'
    '</left><center><lane id="0" type="none"/></center><right><lane id="-1" type="driving">'
    '<width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane></right></laneSection></lanes>'
)
ROAD = (
    '<?xml version="1.0"?><OpenDRIVE><header revMajor="1" revMinor="4" name="bend"/>'
    '<road name="" length="160" id="1" junction="-1"><planView>'
    '<geometry s="0" x="0" y="0" hdg="0" length="80"><line/></geometry>'
    '<geometry s="80" x="80" y="0" hdg="0" length="80"><arc curvature="0.02"/></geometry></planView>'
    '<elevationProfile><elevation s="0" a="1" b="0.05" c="0" d="0"/></elevationProfile>' + LANES + "</road></OpenDRIVE>"
)


@pytest.fixture(scope="module")
def bend() -> carla.Map:
    return carla.Map("bend", ROAD)


def path(*points: tuple[float, float]) -> Path:
    return Path(np.array([[x, y, 0.0] for x, y in points]))


def test_a_line_over_the_map_is_at_the_height_of_the_road_under_it(bend: carla.Map) -> None:
    found = over_road(bend, np.array([[10.0, -1.75], [70.0, 1.75]]), from_yaw(10.0, -1.75, 1.5, 0.0))

    assert [found.point(s)[2] for s in (0.0, 30.1, found.end_m)] == pytest.approx([1.5, 3.0, 4.5], abs=0.02)
    standing = over_road(bend, np.array([[10.0, -1.75], [10.0, -1.75]]), from_yaw(10.0, -1.75, 1.5, math.pi / 2))
    assert standing.heading_rad(0.0) == pytest.approx(math.pi / 2)


def test_a_path_of_two_points_goes_straight_on_beyond_both() -> None:
    short = path((0.0, 0.0), (2.0, 0.0))

    assert [short.project((x, 1.0)) for x in (-3.0, 1.0, 5.0)] == [(-3.0, 1.0), (1.0, 1.0), (5.0, 1.0)]


def test_a_way_that_ends_goes_on_along_its_lane_or_against_it_as_far_as_there_is_one(bend: carla.Map) -> None:
    short = path((20.0, -1.75), (50.0, -1.75))
    longer = prolonged(bend, short)
    against = prolonged(bend, path((60.0, -1.75), (30.0, -1.75)))
    beside = prolonged(bend, path((20.0, -0.75), (30.0, -0.75)))

    assert longer is not None
    assert longer.project((50.0, -1.75)) == pytest.approx(short.project((50.0, -1.75)), abs=1e-6)
    assert longer.heading_rad(longer.end_m) == pytest.approx(0.02 * 80.0, abs=0.03)
    assert against is not None
    assert against.point(against.end_m)[:2] == pytest.approx([0.5, -1.75], abs=1.0)
    assert beside is not None
    assert [beside.point(s)[1] for s in (11.0, 40.0)] == pytest.approx([-0.75, -1.75], abs=0.05)
    assert np.abs(np.diff(beside.points_m[:25, 1])).max() < 0.15
    assert prolonged(bend, path((20.0, -1.75), (30.0, -12.0))) is None
    end = longer.point(longer.end_m)
    on = end + 3.0 * np.array([math.cos(1.6), math.sin(1.6), 0.0])
    assert prolonged(bend, Path(np.array([end, on]))) is None


def test_the_speed_of_a_meeting_is_kept_for_good_once_it_is_near_even_if_the_other_brakes() -> None:
    line = Line(path((0.0, 0.0), (200.0, 0.0)))
    left_s = 3.0
    meeting = Meeting(lambda _: 100.0, lambda _: left_s, 0.5, 1.0, (1.0, 20.0))
    view = cast(View, None)  # only who tells the other's time would look at it

    def target(station_m: float) -> float:
        return meeting.plan(Me(1, line, station_m, 15.0, np.array([2.0, 1.0])), view).target_mps

    far = target(62.0)
    left_s = 1.4
    kept = target(86.0)
    left_s = 6.0
    braked = [target(87.0), target(99.0), target(103.0)]

    assert far == pytest.approx(15.2, abs=0.2)
    assert kept == far
    assert braked == [kept] * 3
