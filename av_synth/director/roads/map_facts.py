"""What an OpenDRIVE text says and `carla.Map` does not: speed limits and tunnels."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from xml.etree import ElementTree

import carla

_KMH = {"km/h": 1.0, "mph": 1.609344, "m/s": 3.6}


@dataclass(frozen=True)
class Tunnel:
    """A tunnel over a road: stations where it begins and ends."""

    road_id: int
    begin_m: float
    end_m: float


@dataclass(frozen=True)
class MapFacts:
    """Speed limits by road, as (station, km/h) in order, None from where there is none; and tunnels."""

    limits: dict[int, tuple[tuple[float, float | None], ...]]
    tunnels: tuple[Tunnel, ...]

    def limit_kmh(self, point: carla.Waypoint) -> float | None:
        """The speed limit at a waypoint; None where the map says nothing."""
        limits = self.limits.get(point.road_id, ())
        index = bisect_right([station for station, _ in limits], point.s + 1e-6)
        return limits[index - 1][1] if index else None

    def tunnel_at(self, point: carla.Waypoint) -> Tunnel | None:
        """The tunnel that a waypoint is in."""
        for tunnel in self.tunnels:
            if tunnel.road_id == point.road_id and tunnel.begin_m <= point.s <= tunnel.end_m:
                return tunnel
        return None


@lru_cache(maxsize=8)
def facts(opendrive: str) -> MapFacts:
    """Read them from an OpenDRIVE text that a simulator gave.

    Raises:
        ValueError: if it is not XML, or declares entities.
    """
    if "<!ENTITY" in opendrive:
        raise ValueError("an OpenDRIVE text that declares entities is not read")
    try:
        root = ElementTree.fromstring(opendrive)  # noqa: S314  no entities, see above
    except ElementTree.ParseError as error:
        raise ValueError(f"the OpenDRIVE text is not XML: {error}") from error
    limits: dict[int, tuple[tuple[float, float | None], ...]] = {}
    tunnels = []
    for road in root.iter("road"):
        road_id = int(road.get("id", "-1"))
        kinds = road.findall("type")
        if kinds:
            found = ((float(kind.get("s", "0")), _limit_kmh(kind.find("speed"))) for kind in kinds)
            limits[road_id] = tuple(sorted(found, key=lambda each: each[0]))
        for tunnel in road.iter("tunnel"):
            begin = float(tunnel.get("s", "0"))
            tunnels.append(Tunnel(road_id, begin, begin + float(tunnel.get("length", "0"))))
    return MapFacts(limits, tuple(tunnels))


def _limit_kmh(speed: ElementTree.Element | None) -> float | None:
    """None for `no limit`, `undefined`, and whatever else is no number above 0 in a unit that is known."""
    if speed is None:
        return None
    try:
        limit = float(speed.get("max", "")) * _KMH[speed.get("unit", "m/s")]
    except (ValueError, KeyError):
        return None
    return limit if math.isfinite(limit) and limit > 0.0 else None
