"""Traffic lights and signs of OpenDRIVE roads: where they stand, for which lanes, and whose turn it is when."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from av_synth.geometry.transforms import Array, from_yaw, yaw
from av_synth.simulator.town.build import STOP_AREA_M
from av_synth.simulator.town.model import TrafficLight
from av_synth.simulator.town.roads import TRAFFIC_LIGHT
from av_synth.simulator.town.signs import stand_sign
from av_synth.simulator.town.site import Site
from av_synth.simulator.town.xodr.document import number
from av_synth.simulator.town.xodr.signals import STOP_LINE, Signal

Ground = Callable[[float, float], float]
_LINE_WITHIN_M = 25.0  # a stop line that is further ahead of a light is another's
_ASIDE_M = 0.6  # posts stand that far from the carriageway


@dataclass(frozen=True)
class StopPlace:
    """Where the traffic of a signal stops."""

    signal: Signal
    s_m: float


def stop_places(signals: Sequence[Signal]) -> list[StopPlace]:
    """For each traffic light (and each reference to one) its stop line: painted for it, else at the light."""
    lines = [signal for signal in signals if signal.kind == STOP_LINE]
    found = []
    for signal in signals:
        if signal.kind == TRAFFIC_LIGHT and signal.governed():
            before = [
                (signal.s_m - line.s_m) * (1 if signal.along else -1)
                for line in lines
                if line.road.id == signal.road.id and line.along == signal.along
            ]
            nearest = min((d for d in before if 0.0 <= d <= _LINE_WITHIN_M), default=0.0)
            found.append(StopPlace(signal, signal.s_m - nearest * (1 if signal.along else -1)))
    return found


def traffic_lights(
    root: ET.Element, places: Sequence[StopPlace], carriageway: BaseGeometry, ground: Ground
) -> tuple[TrafficLight, ...]:
    """The traffic lights of a map.

    Lights whose traffic enters one junction are a group and take turns: a turn for each controller of the file, in its
    order, or without controllers a turn for each incoming road.
    """
    standing = [place for place in places if place.signal.stands]
    groups = {place.signal.id: _group(place.signal) for place in standing}
    phases = _phases(root, standing, groups)
    lights = []
    for place in standing:
        signal = place.signal
        areas, headings = [], []
        for stop in places:  # its own place, and those of references to it
            if stop.signal.id == signal.id:
                for area, heading in _stop_areas(stop):
                    areas.append(area)
                    headings.append(heading)
        lights.append(
            TrafficLight(
                signal_id=signal.id,
                world_from_actor=_post(signal, carriageway, ground),
                group=groups[signal.id],
                phase=phases[signal.id],
                stop_areas=tuple(areas),
                stop_headings_rad=tuple(headings),
            )
        )
    return tuple(lights)


def _group(signal: Signal) -> int:
    """The junction that its traffic enters; a light away from junctions is alone, with a number below zero."""
    road = signal.road
    if road.junction_id >= 0:
        return road.junction_id
    ahead = road.ends_at[1 if signal.along else 0]
    return ahead if ahead >= 0 else -1 - 2 * road.id - int(signal.along)


def _phases(root: ET.Element, places: Sequence[StopPlace], groups: Mapping[str, int]) -> dict[str, int]:
    """Phase of each signal, counted from 0 in each group."""
    keys: dict[str, tuple[float, int]] = {}
    for k, controller in enumerate(root.iterfind("controller")):
        sequence = number(controller, "sequence", f"controller {controller.get('id')}", 0.0)
        for control in controller.iterfind("control"):
            keys.setdefault(control.get("signalId", ""), (sequence, k))
    incoming = [_incoming(place.signal) for place in places]
    for place, road in zip(places, incoming, strict=True):
        keys.setdefault(place.signal.id, (math.inf, incoming.index(road)))
    turns = {group: sorted({keys[s] for s in groups if groups[s] == group}) for group in set(groups.values())}
    return {signal_id: turns[group].index(keys[signal_id]) for signal_id, group in groups.items()}


def _incoming(signal: Signal) -> tuple[int, int]:
    """The road that its traffic comes from, and which end of it where it is the signal's own."""
    road = signal.road
    if road.junction_id >= 0:
        return road.neighbours[0 if signal.along else 1], -1
    return road.id, int(signal.along)


def _stop_areas(place: StopPlace) -> Iterator[tuple[Array, float]]:
    """For each lane a rectangle (4, 2) that ends at the stop line, counter-clockwise, and the traffic's heading."""
    signal = place.signal
    heading = signal.road.heading_rad(place.s_m) + (0.0 if signal.along else math.pi)
    ahead, left = np.array([math.cos(heading), math.sin(heading)]), np.array([-math.sin(heading), math.cos(heading)])
    for _, inner, outer in signal.governed():
        middle = signal.road.points([place.s_m], (inner + outer) / 2)[0, :2]
        half = abs(outer - inner) / 2
        back = middle - STOP_AREA_M * ahead
        area = np.array([middle + half * left, back + half * left, back - half * left, middle - half * left])
        yield area, math.remainder(heading, 2 * math.pi)


def _post(signal: Signal, carriageway: BaseGeometry, ground: Ground) -> Array:
    """(4, 4) where a signal's post stands, x towards its traffic: where the file has it, or else beside the road."""
    point = signal.road.points([signal.s_m], signal.t_m)[0, :2]
    spot = shapely.Point(point)
    if shapely.dwithin(carriageway, spot, _ASIDE_M / 2):
        edge = shapely.get_exterior_ring(_around(carriageway, spot).buffer(_ASIDE_M))
        point = shapely.get_coordinates(shapely.line_interpolate_point(edge, shapely.line_locate_point(edge, spot)))[0]
    heading = signal.road.heading_rad(signal.s_m) + (math.pi if signal.along else 0.0)
    x, y = float(point[0]), float(point[1])
    return from_yaw(x, y, ground(x, y), math.remainder(heading, 2 * math.pi))


def _around(carriageway: BaseGeometry, spot: shapely.Point) -> BaseGeometry:
    """The piece of the carriageway that a point is on or at, as one polygon without holes."""
    near = shapely.intersection(carriageway, spot.buffer(60.0))
    pieces = [piece for piece in shapely.get_parts(near) if isinstance(piece, shapely.Polygon)]
    return shapely.Polygon(min(pieces, key=lambda piece: piece.distance(spot)).exterior)


def put_up_signs(site: Site, signals: Sequence[Signal], carriageway: BaseGeometry, ground: Ground) -> None:
    """Posts with plates for every sign: give way, stop and speed limits as they look, a blank plate for others."""
    for signal in signals:
        if signal.is_post:
            pose = _post(signal, carriageway, ground)
            stand_sign(site, signal.kind, signal.value, pose[:3, 3], yaw(pose))
