"""Links that lead nowhere: the official client ends, with a signal, over those that are refused here.

Which ones those are was found by trying, and agrees with LibCarla's MapBuilder.cpp (GetLaneNext, GetJunctionLanes).
Other links that lead nowhere end a lane, as they do for the client.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree as ET

from av_synth.simulator.town.xodr.document import refuse, whole

Lanes = list[set[int]]
"""Ids of the lanes of each section."""


def check_links(root: ET.Element) -> None:
    """Look at every link that the client follows.

    Raises:
        DocumentError: at the first one to a road, lane or junction that is not there.
    """
    lanes = {whole(road, "id", "road"): _lanes(road) for road in root.iterfind("road")}
    junctions = {whole(junction, "id", "junction") for junction in root.iterfind("junction")}
    for road in root.iterfind("road"):
        road_id = whole(road, "id", "road")
        place = f"road {road_id}"
        junction = whole(road, "junction", place) if road.get("junction") else -1
        if junction >= 0 and junction not in junctions:
            raise refuse(place, f"is in junction {junction}; want a junction that is in the file")
        _check_lanes(road, lanes, place)
    for junction_element in root.iterfind("junction"):
        _check_junction(junction_element, lanes)


def _lanes(road: ET.Element) -> Lanes:
    return [
        {0, *(whole(lane, "id", f"road {road.get('id')}") for lane in section.iter("lane"))}
        for section in road.iterfind("lanes/laneSection")
    ]


def _check_lanes(road: ET.Element, lanes: Mapping[int, Lanes], place: str) -> None:
    own = lanes[whole(road, "id", place)]
    for k, section in enumerate(road.iterfind("lanes/laneSection")):
        for lane in section.iter("lane"):
            lane_id = whole(lane, "id", place)
            # the client follows links in the direction of right-hand traffic
            end, step = ("predecessor", -1) if lane_id > 0 else ("successor", 1)
            link = lane.find(f"link/{end}")
            target = whole(link, "id", place) if link is not None else 0
            if not target:
                continue
            if 0 <= k + step < len(own):
                there: set[int] | None = own[k + step]
            else:
                there = _end_of(road.find(f"link/{end}"), lanes, place)
            if there is not None and target not in there:
                raise refuse(f"{place}, lane {lane_id}", f"its {end} is lane {target}; want one that is there")


def _end_of(link: ET.Element | None, lanes: Mapping[int, Lanes], place: str) -> set[int] | None:
    """Lanes of the end of the road that is linked; None if it is no road of the file."""
    if link is None or link.get("elementType") == "junction":
        return None
    sections = lanes.get(whole(link, "elementId", place))
    return sections[-1 if link.get("contactPoint") == "end" else 0] if sections else None


def _check_junction(junction: ET.Element, lanes: Mapping[int, Lanes]) -> None:
    place = f"junction {junction.get('id')}"
    for connection in junction.iterfind("connection"):
        # where it is missing (direct junctions since OpenDRIVE 1.7) the client reads 0
        road_id = whole(connection, "connectingRoad", place) if connection.get("connectingRoad") else 0
        if road_id not in lanes:
            raise refuse(place, f"a connection leads to road {road_id}; want one that is in the file")
        sections = lanes[road_id]
        there = sections[-1 if connection.get("contactPoint") == "end" else 0] if sections else {0}
        for link in connection.iterfind("laneLink"):
            target = whole(link, "to", place)
            if target not in there:
                raise refuse(place, f"a connection leads to lane {target} of road {road_id}; want one that is there")
