"""How strongly what a radar's rays met sends the wave back.

Cross-sections of whole bodies by class and aspect, spread over the part of the body that is seen; of everything else
by its surface. They are orders of magnitude of published measurements, not fits to one: a single body scatters by 10 dB
and more with every degree, which `sensing.radar` makes chance of.

* Pedestrians -8 dBsm, 15 to 20 dB below the rear of a car, with a spread of 20 dB: N. Yamada, Y. Tanaka, K. Nishikawa,
  Radar Cross Section for Pedestrian in 76 GHz Band, European Microwave Conference 2005.
* Cars around 10 dBsm, highest from the side and lowest from their corners: T. Schipper et al., RCS Measurement Results
  for Automotive Related Objects at 23-27 GHz, EuCAP 2011; K. Geary et al., Automotive Radar Target Characterization
  from 22 to 29 GHz and 76 to 81 GHz, IEEE Radar Conference 2013. Trucks and buses 10 dB above, motorcycles 5 dB
  below them.
* Bicycles with their riders around 0 dBsm from the side, less along their way: D. Belgiovane, C.-C. Chen, Bicycles and
  Human Riders Backscattering at 77 GHz for Automotive Radar, EuCAP 2016.
* Roads: E. Li, K. Sarabandi, Low Grazing Incidence Millimeter-Wave Scattering Models and Measurements for Various Road
  Surfaces, IEEE Transactions on Antennas and Propagation 47, 1999 (94 GHz). Grass and plants: F. Ulaby, M. Dobson,
  Handbook of Radar Scattering Statistics for Terrain, 1989 (95 GHz).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.sensing.materials import Material
from av_synth.sensing.radar_model import Bodies, Origin, RadarHits
from av_synth.sensing.tags import Tag

Places = npt.NDArray[np.intp]

# By CARLA's CityObjectLabel: from the front, from the side, from the rear, and how much lower between them, dBsm and
# dB; and which part of its box's outline a body fills
_BODIES: dict[int, tuple[float, float, float, float, float]] = {
    Tag.PEDESTRIANS: (-8.0, -10.0, -8.0, 0.0, 0.5),
    Tag.RIDER: (-4.0, 1.0, -4.0, 0.0, 0.4),
    Tag.CAR: (10.0, 15.0, 12.0, 5.0, 0.8),
    Tag.TRUCK: (18.0, 25.0, 20.0, 5.0, 0.8),
    Tag.BUS: (18.0, 27.0, 20.0, 5.0, 0.9),
    Tag.TRAIN: (20.0, 30.0, 20.0, 5.0, 0.9),
    Tag.MOTORCYCLE: (3.0, 7.0, 5.0, 2.0, 0.4),
    Tag.BICYCLE: (-4.0, 1.0, -4.0, 0.0, 0.3),
}
# By label: what a square metre that is seen sends back diffusely, as a surface of constant gamma does whose
# cross-section goes with the cosine of incidence (D. Barton, Modern Radar System Analysis, 1988), dB; and what a
# flat one reflects, dB
_SURFACES: dict[int, tuple[float, float]] = {
    Tag.ROADS: (-20.0, -10.0),
    Tag.SIDEWALKS: (-18.0, -10.0),
    Tag.BUILDINGS: (-14.0, -8.0),
    Tag.WALLS: (-14.0, -8.0),
    Tag.FENCES: (-10.0, -6.0),
    Tag.POLES: (0.0, -3.0),
    Tag.TRAFFIC_LIGHT: (0.0, -3.0),
    Tag.TRAFFIC_SIGNS: (-5.0, -1.0),
    Tag.VEGETATION: (-10.0, -20.0),
    Tag.TERRAIN: (-14.0, -20.0),
    Tag.CAR: (6.0, -3.0),
    Tag.TRUCK: (6.0, -3.0),
    Tag.BUS: (8.0, -3.0),
    Tag.MOTORCYCLE: (6.0, -3.0),
    Tag.BICYCLE: (2.0, -6.0),
    Tag.PEDESTRIANS: (-6.0, -10.0),
    Tag.RIDER: (-4.0, -10.0),
    Tag.STATIC: (-8.0, -6.0),
    Tag.ROAD_LINES: (-22.0, -10.0),
    Tag.GROUND: (-18.0, -12.0),
    Tag.BRIDGE: (-14.0, -8.0),
    Tag.GUARD_RAIL: (-5.0, -3.0),
}
_OTHER_SURFACE = (-10.0, -8.0)
_CLUTTER = (
    Tag.ROADS,
    Tag.SIDEWALKS,
    Tag.FENCES,
    Tag.VEGETATION,
    Tag.TERRAIN,
    Tag.ROAD_LINES,
    Tag.GROUND,
    Tag.RAIL_TRACK,
    Tag.GUARD_RAIL,
)
_MIRRORS = (Tag.BUILDINGS, Tag.WALLS, Tag.FENCES, Tag.GUARD_RAIL)
_METAL_DB = -0.5  # of the power that meets metal, what it mirrors
# Root mean square slope of what is called flat: by geometric optics its cross-section is reflectivity
# / (2 slope^2 cos^4) exp(-tan^2 / (2 slope^2)) for each square metre of it (F. Ulaby, R. Moore, A. Fung, Microwave
# Remote Sensing II, 1982, chapter 12)
_SLOPE = 0.05
_SHARPNESS = 4  # a body's cross-section comes from what faces the radar: by this power of the cosine


def _table(values: dict[int, float], other: float) -> Array:
    table = np.full(256, other)
    for label, value in values.items():
        table[label] = value
    return table


_GAMMA = 10.0 ** (_table({label: pair[0] for label, pair in _SURFACES.items()}, _OTHER_SURFACE[0]) / 10.0)
_FLAT = 10.0 ** (_table({label: pair[1] for label, pair in _SURFACES.items()}, _OTHER_SURFACE[1]) / 10.0)
_BODY = np.zeros(256, dtype=np.bool_)
_BODY[list(_BODIES)] = True


def cross_sections(hits: RadarHits, bodies: Bodies) -> Array:
    """The cross-section (M,) of what each ray met, square metres: those of a body add up to the body's.

    Args:
        hits: of one scan.
        bodies: those among the actors that a table knows are as large as it says; others go by their surface.
    """
    area = hits.range_m.astype(np.float64) ** 2 * hits.steradian
    cosine = np.clip(np.abs(hits.cos_incidence.astype(np.float64)), 0.05, 1.0)
    flat = np.where(hits.material == Material.METAL, 10.0 ** (_METAL_DB / 10.0), _FLAT[hits.tag])
    slope = 2.0 * _SLOPE**2
    mirror = flat / (slope * cosine**4) * np.exp(-(1.0 / cosine**2 - 1.0) / slope)
    found: Array = area * (_GAMMA[hits.tag] + mirror / cosine)
    known = _BODY[hits.tag] & (hits.actor_id > 0)
    if known.any() and len(bodies.actor_id):
        place = np.minimum(np.searchsorted(bodies.actor_id, hits.actor_id), len(bodies.actor_id) - 1)
        known &= bodies.actor_id[place] == hits.actor_id
        chosen = np.flatnonzero(known)
        found[chosen] = _of_bodies(hits, bodies, chosen, place[chosen], area[chosen], cosine[chosen])
    return found


def _of_bodies(hits: RadarHits, bodies: Bodies, chosen: Places, place: Places, area: Array, cosine: Array) -> Array:
    """Cross-sections of the hits `chosen`, which are on the bodies at `place`."""
    count = len(bodies.actor_id)
    weight = area * (0.05 + cosine**_SHARPNESS)
    seen, weights = np.bincount(place, area, count), np.bincount(place, weight, count)
    there = np.flatnonzero(seen)
    toward = hits.directions[chosen].astype(np.float64)
    bearing = np.arctan2(np.bincount(place, toward[:, 1], count), np.bincount(place, toward[:, 0], count))
    aspect = bearing + np.pi - bodies.yaw_rad  # 0: it looks at the radar
    whole = np.zeros(count)
    for body in there:
        tags = hits.tag[chosen[place == body]]
        whole[body] = _whole(
            int(np.bincount(tags).argmax()), float(aspect[body]), bodies.lwh_m[body], float(seen[body])
        )
    each: Array = whole[place] * weight / weights[place]
    return each


def _whole(label: int, aspect_rad: float, lwh_m: Array, seen_m2: float) -> float:
    """The cross-section of what is seen of a body, m2."""
    front, side, rear, dip, fill = _BODIES[label]
    along, across = np.cos(aspect_rad), np.sin(aspect_rad)
    level_db = along**2 * (front if along > 0.0 else rear) + across**2 * side - dip * np.sin(2.0 * aspect_rad) ** 2
    outline_m2 = fill * lwh_m[2] * (lwh_m[1] * abs(along) + lwh_m[0] * abs(across))
    return float(10.0 ** (level_db / 10.0) * min(1.0, seen_m2 / max(outline_m2, 1e-3)))


def origins(hits: RadarHits) -> npt.NDArray[np.uint8]:
    """The `Origin` (M,) uint8 of what each ray met."""
    clutter = np.isin(hits.tag, _CLUTTER)
    return np.where(hits.actor_id > 0, Origin.ACTOR, np.where(clutter, Origin.CLUTTER, Origin.STATIC)).astype(np.uint8)


def mirrors(hits: RadarHits) -> tuple[Places, Array]:
    """Which hits are on upright flat things that mirror, and what share of the wave's power each of those reflects."""
    level = np.hypot(hits.directions[:, 0], hits.directions[:, 1])
    facing = -(hits.directions[:, 0] * np.cos(hits.normal_rad) + hits.directions[:, 1] * np.sin(hits.normal_rad))
    upright = np.abs(facing - hits.cos_incidence) < 0.05 * level
    found = np.flatnonzero(upright & (hits.actor_id == 0) & np.isin(hits.tag, _MIRRORS))
    metal = (hits.material[found] == Material.METAL) | (hits.tag[found] == Tag.GUARD_RAIL)
    return found, np.where(metal, 10.0 ** (_METAL_DB / 10.0), _FLAT[hits.tag[found]])
