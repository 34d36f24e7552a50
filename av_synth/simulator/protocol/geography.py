"""Where on Earth a point of a map is, as CARLA 0.9.16 has it."""

from __future__ import annotations

import math
import re

from av_synth.geometry.carla import flip_y
from av_synth.geometry.transforms import Array

_EARTH_RADIUS_M = 6378137.0
_SCALE = 0.9996
_FARTHEST = 700.0  # in radii of the Earth: a little more and cosh has no finite value
_DEFAULT_DEG = (42.0, 2.0)
_TERM = re.compile(r"\+(lat_0|lon_0)=([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")
_REFERENCE = re.compile(r"<geoReference>(.*?)</geoReference>", re.S)


def geo_reference(opendrive: str) -> tuple[float, float]:
    """Latitude and longitude (degrees) of the origin of an OpenDRIVE text; CARLA's default where it says none.

    What follows the beginning of a number that can be read is passed over, as LibCarla does.
    """
    found = _REFERENCE.search(opendrive[:20_000])
    terms = {name: float(value) for name, value in _TERM.findall(found.group(1))} if found else {}
    latitude, longitude = terms.get("lat_0", math.nan), terms.get("lon_0", math.nan)
    return (
        latitude if math.isfinite(latitude) else _DEFAULT_DEG[0],
        longitude if math.isfinite(longitude) else _DEFAULT_DEG[1],
    )


def geolocation(reference_deg: tuple[float, float], point_m: Array) -> tuple[float, float, float]:
    """Latitude, longitude (degrees) and altitude (metres) of a world point (3,), as CARLA 0.9.16 gives them.

    Source: the inverse spherical transverse Mercator projection with scale 0.9996 of LibCarla/source/carla/geom/
    GeoLocation.cpp, which is what `carla.Map.transform_to_geolocation` of the wheel does. It takes CARLA's y for
    north, so latitudes are mirrored at the reference; kept, for the client's map and the sensor must agree.
    """
    x, y, z = (float(v) for v in flip_y(point_m))
    d = max(-_FARTHEST, min(_FARTHEST, x / (_SCALE * _EARTH_RADIUS_M)))
    e = y / (_SCALE * _EARTH_RADIUS_M) + math.radians(reference_deg[0])
    latitude = math.asin(math.sin(e) / math.cosh(d))
    longitude = math.radians(reference_deg[1]) + math.atan2(math.sinh(d), math.cos(e))
    return math.degrees(latitude), math.degrees(longitude), z
