"""How bright surfaces are to a laser that looks along its own beam.

A brightness of 1 is a white matte surface met head on; intensity is 100 times it up to there. Matte surfaces follow
M. Oren and S. K. Nayar, Generalization of Lambert's Reflectance Model (SIGGRAPH 1994), seen from where the light comes
from: rough ones, as leaves, fade less when they are met at a slant than a wall of plaster does.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from av_synth.sensing.intensity import REFLECTANCE
from av_synth.sensing.materials import UNKNOWN, Material
from av_synth.sensing.tags import Tag

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

_RUBBER = 0.06  # what is matte of a vehicle: tyres, bumpers, grilles
# near infrared: paint of vehicles and cloth differ from one to the next, evenly between these
_OF_PAINT, _OF_CLOTH = (0.04, 0.75), (0.15, 0.75)
_GOLDEN = 0.6180339887

# diffuse reflectance at 905 nm and roughness (Oren-Nayar's sigma, radians); the orders of magnitude of Kashani et al.
# (see `intensity`): aged asphalt 0.15, concrete 0.3 to 0.4, plants and their dry parts 0.4 to 0.5, paint on roads 0.6
_BY_MATERIAL = {
    Material.ASPHALT: (0.15, 0.1),
    Material.PAVING: (0.32, 0.1),
    Material.MARKING: (0.60, 0.1),
    Material.GRASS: (0.45, 0.5),
    Material.FOLIAGE: (0.45, 0.5),
    Material.FACADE: (0.40, 0.25),
    Material.PAINT: (0.40, 0.0),
    Material.GLASS: (0.02, 0.0),
    Material.METAL: (0.30, 0.0),
    Material.RETRO: (0.50, 0.0),
}
_LAMPS = [material for material in Material if material.name.startswith("LAMP_")] + [Material.GLOW]
_LAMP = (0.25, 0.0)  # a lens before a reflector
# what polished surfaces mirror straight back: brightness head on, and how narrow: exp(-(1 - cos) x width)
_POLISHED = {Material.PAINT: (0.6, 250.0), Material.GLASS: (1.0, 1500.0), Material.METAL: (0.8, 60.0)}

# Sheeting of 70 cd per lux and m2 (EN 12899-1 asks RA1 for 50 to 70 in white) sends 70 / (1 / pi) = 220 times what
# white paint does; it is dark from 60 degrees on
_RETRO_GAIN, _RETRO_ENDS_COS = 220.0, 0.5
_BRIGHTEST = 300.0  # what has intensity 255

# of water, and what a layer of it throws back to a rough ground: 1 - (1 - 0.066) / n^2, by J. Lekner and M. C. Dorf,
# Why some things are darker when wet, Applied Optics 27 (1988)
_WATER, _TRAPPED = 1.33, 0.472
_WETS_BY_TAG = (Tag.ROADS, Tag.SIDEWALKS, Tag.ROAD_LINES, Tag.GROUND)  # where the material is not known

# Snow that lies: new one, of grains of 50 to 100 micrometres, throws about 0.9 of light at 0.9 micrometres back (W. J.
# Wiscombe and S. G. Warren, A Model for the Spectral Albedo of Snow. I: Pure Snow, J. Atmos. Sci. 37, 1980)
_SNOW = 0.9
# From which `snow_cover` on it lies somewhere, and from which on everywhere: on roads, and beside them. As in pictures,
# whose patches are finer than what is told here: the mean of them
_LIES_ON_ROADS, _LIES_BESIDE = (0.25, 0.95), (0.1, 0.5)


def _oren_nayar() -> tuple[Floats, Floats]:
    """A and B of their equation 30, times reflectance, (1024,) by 32 times material, and tag."""
    reflectance = np.tile(REFLECTANCE[:32], (32, 1))
    roughness = np.full((32, 32), 0.2, dtype=np.float32)
    for material, (value, rough) in {**_BY_MATERIAL, **dict.fromkeys(_LAMPS, _LAMP)}.items():
        reflectance[material], roughness[material] = value, rough
    reflectance[Material.MATTE, Tag.CAR : Tag.BICYCLE + 1] = _RUBBER
    square = roughness**2
    even, rough_part = 1.0 - 0.5 * square / (square + 0.33), 0.45 * square / (square + 0.09)
    return (reflectance * even).ravel().astype(np.float32), (reflectance * rough_part).ravel().astype(np.float32)


def _ways() -> tuple[Bytes, Bytes]:
    """What is special about surfaces, (1024,): bits of `_WETS` and so on, and what varies from body to body."""
    bits = np.zeros((32, 32), dtype=np.uint8)
    bits[[Material.ASPHALT, Material.PAVING, Material.MARKING]] |= _WETS
    bits[UNKNOWN, list(_WETS_BY_TAG)] |= _WETS
    bits[Material.RETRO] |= _THROWS_BACK
    bits[UNKNOWN, Tag.TRAFFIC_SIGNS] |= _THROWS_BACK
    bits[list(_POLISHED)] |= _SHINES
    varied = np.zeros((32, 32), dtype=np.uint8)
    varied[Material.PAINT] = 1
    varied[np.ix_([Material.MATTE, Material.TEXTURED], [Tag.PEDESTRIANS, Tag.RIDER])] = 2
    bits[varied > 0] |= _VARIES
    bits[[Material.ASPHALT, Material.MARKING]] |= _IS_ROAD
    bits[UNKNOWN, [Tag.ROADS, Tag.ROAD_LINES]] |= _IS_ROAD
    bits[[Material.PAVING, Material.GRASS]] |= _IS_BESIDE
    bits[UNKNOWN, [Tag.SIDEWALKS, Tag.TERRAIN, Tag.GROUND]] |= _IS_BESIDE
    return bits.ravel(), varied.ravel()


_WETS, _THROWS_BACK, _SHINES, _VARIES, _IS_ROAD, _IS_BESIDE = (np.uint8(1 << bit) for bit in range(6))
_EVEN, _ROUGH = _oren_nayar()
_SPECIAL, _VARIED = _ways()
_SHINE = np.zeros((32, 2), dtype=np.float32)
_SHINE[list(_POLISHED)] = list(_POLISHED.values())


def brightness(
    material: Bytes,
    tag: Bytes,
    actor_id: npt.NDArray[np.uint32],
    cos_incidence: Floats,
    wetness: float,
    snow_cover: float = 0.0,
) -> Floats:
    """How bright surfaces are, (M,) float32: 1 is white, matte, and met head on.

    Args:
        material: (M,) `Material`, or `UNKNOWN`.
        tag: (M,) CARLA's CityObjectLabel.
        actor_id: (M,): the paint of vehicles and the cloth of people go by it, and are the same from turn to turn.
        cos_incidence: (M,), of the angle between ray and normal; the sign does not matter.
        wetness: share of roads that is under a layer of water, 0 to 1.
        snow_cover: how much snow lies on the ground, 0 to 1; beside roads there is more of it.
    """
    kind = material.astype(np.uint16) << 5 | tag
    cosine = np.minimum(np.abs(cos_incidence), np.float32(1.0))
    result: Floats = _EVEN.take(kind) * cosine + _ROUGH.take(kind) * (np.float32(1.0) - cosine * cosine)
    special = _SPECIAL.take(kind)
    at = np.flatnonzero(special & _VARIES)
    if len(at):
        low, high = np.array([(0.0, 0.0), _OF_PAINT, _OF_CLOTH], dtype=np.float64)[_VARIED[kind[at]]].T
        own = low + (high - low) * (actor_id[at] * _GOLDEN % 1.0)
        result[at] = own * cosine[at]
    at = np.flatnonzero(special & _SHINES)
    if len(at):
        height, width = _SHINE[material[at]].T
        result[at] += height * np.exp((cosine[at] - np.float32(1.0)) * width)
    at = np.flatnonzero(special & _THROWS_BACK)
    if len(at):
        falls = np.clip((cosine[at] - _RETRO_ENDS_COS) / (1.0 - _RETRO_ENDS_COS), 0.0, 1.0)
        result[at] += np.float32(_RETRO_GAIN) * falls * falls
    at = np.flatnonzero(special & _WETS) if wetness > 0.0 else at[:0]
    if len(at):
        dry = result.take(at)
        result[at] = dry * (1.0 - wetness * (1.0 - _through_water(cosine.take(at), dry)))
    for bed, (begins, ends) in ((_IS_ROAD, _LIES_ON_ROADS), (_IS_BESIDE, _LIES_BESIDE)):
        if snow_cover > begins:
            at, lies = np.flatnonzero(special & bed), min((snow_cover - begins) / (ends - begins), 1.0)
            result[at] = result.take(at) * (1.0 - lies) + _SNOW * lies * cosine.take(at)
    return result


def _through_water(cosine: Floats, dry: Floats) -> Floats:
    """What is left of the brightness of a rough ground under a layer of water, as a share.

    Light enters by Fresnel's law for the angle, what comes up leaves by it, spread over n^2 times the solid angle; what
    the water throws back down comes up again, less what the ground takes (Lekner and Dorf). M. J. Hahner et al. (LiDAR
    Snowfall Simulation for Robust 3D Object Detection, CVPR 2022, section 3.2) put the same terms together for lidars.
    """
    inside = np.sqrt(1.0 - (1.0 - cosine * cosine) / _WATER**2)
    across = (cosine - _WATER * inside) / (cosine + _WATER * inside)
    along = (_WATER * cosine - inside) / (_WATER * cosine + inside)
    enters = 1.0 - 0.5 * (across * across + along * along)
    share: Floats = enters * enters / (_WATER**2 * (1.0 - _TRAPPED * np.minimum(dry, 1.0)))
    return share


def intensity(brightness_left: Floats) -> Floats:
    """The intensity (N,) that a device reports, before rounding: 0 to 100 in percent of white, retroreflectors to 255.

    The ranges are those of the manual of the Velodyne HDL-32E: up to 100 for diffuse surfaces, 101 to 255 for
    retroreflectors. How brightness beyond 1 is spread over the upper range is not published; here it goes by its
    logarithm.

    Args:
        brightness_left: (N,), of what came back, range and overlap taken out.
    """
    above = np.log(np.maximum(brightness_left, np.float32(1.0))) * np.float32(155.0 / np.log(_BRIGHTEST))
    result: Floats = np.minimum(brightness_left, np.float32(1.0)) * np.float32(100.0) + np.minimum(above, 155.0)
    return result
