"""How bright surfaces are to a laser."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from av_synth.sensing.materials import UNKNOWN, Material
from av_synth.sensing.surfaces import brightness, intensity

ROADS, BUILDINGS, SIGNS, TERRAIN, PEDESTRIANS, CAR = 1, 3, 8, 10, 12, 14
materials, tags = st.sampled_from([*Material, UNKNOWN]), st.integers(0, 28)
cosines = st.floats(0.0, 1.0, width=32)


def one(material: int, tag: int, cos: float = 1.0, wetness: float = 0.0, actor_id: int = 0) -> float:
    arrays = (np.array([value], kind) for value, kind in ((material, "u1"), (tag, "u1"), (actor_id, "u4"), (cos, "f4")))
    return float(brightness(*arrays, wetness)[0])


@given(materials, tags, cosines, st.integers(0, 1000), st.floats(0.0, 1.0))
def test_nothing_sends_less_than_nothing_and_only_retroreflectors_more_than_polish_does(
    material, tag, cos, actor_id, wetness
):
    found = one(material, tag, cos, wetness, actor_id)
    throws_back = material == Material.RETRO or (material == UNKNOWN and tag == SIGNS)

    assert found >= 0.0
    assert found <= (300.0 if throws_back else 2.0)
    assert found == one(material, tag, -cos, wetness, actor_id)


@given(materials, tags, cosines, cosines)
def test_what_is_met_at_a_slant_sends_no_more_than_what_is_met_head_on(material, tag, cos, other):
    flat, steep = sorted((cos, other))

    assert one(material, tag, flat) <= one(material, tag, steep) + 1e-6


@given(materials, tags, cosines, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_water_makes_nothing_brighter(material, tag, cos, wet, wetter):
    dry, wet_road, wetter_road = (one(material, tag, cos, each) for each in (0.0, *sorted((wet, wetter))))

    assert wetter_road <= wet_road + 1e-6 <= dry + 2e-6


def test_a_simulator_that_tells_no_material_has_roads_walls_and_signs_all_the_same():
    road, wall, sign = (one(UNKNOWN, tag) for tag in (ROADS, BUILDINGS, SIGNS))

    assert 0.1 < road < 0.2
    assert 0.25 < wall < 0.4
    assert sign > 100.0
    assert one(UNKNOWN, ROADS, wetness=1.0) < 0.7 * road


def test_paint_differs_from_vehicle_to_vehicle_and_stays_what_it_is():
    cars = [one(Material.PAINT, CAR, 0.7, actor_id=actor_id) for actor_id in range(200)]

    assert max(cars) > 0.45
    assert min(cars) < 0.06
    assert np.std(cars) > 0.1
    assert cars[7] == one(Material.PAINT, CAR, 0.7, actor_id=7)
    assert one(Material.MATTE, CAR) < 0.1  # tyres
    assert one(Material.MATTE, PEDESTRIANS, actor_id=1) != one(Material.MATTE, PEDESTRIANS, actor_id=2)


def test_rough_ground_met_flat_sends_more_than_lambert_says():
    # Oren and Nayar's A cos + B sin^2 with sigma 0.5: 0.784 and 0.331, of grass' 0.45
    assert one(Material.GRASS, TERRAIN, 0.1) == pytest.approx(0.45 * (0.784 * 0.1 + 0.331 * 0.99), rel=0.01)


@given(st.floats(0.0, 400.0, width=32), st.floats(0.0, 400.0, width=32))
def test_intensity_rises_with_brightness_and_stays_within_a_byte(one_bright, other):
    low, high = intensity(np.sort(np.array([one_bright, other], np.float32)))

    assert 0.0 <= low <= high <= 255.0


def test_intensity_is_percent_up_to_white_and_255_for_the_brightest():
    np.testing.assert_allclose(intensity(np.array([0.0, 0.25, 1.0, 300.0, 999.0], np.float32)), [0, 25, 100, 255, 255])


@pytest.mark.parametrize("cos", [1.0, 0.3])
def test_snow_that_lies_is_bright_beside_roads_first_and_on_no_wall(cos):
    def lying(cover: float, material: int, tag: int = ROADS) -> float:
        arrays = (np.array([value], kind) for value, kind in ((material, "u1"), (tag, "u1"), (0, "u4"), (cos, "f4")))
        return float(brightness(*arrays, 1.0, cover)[0])

    bare, white = lying(0.0, Material.ASPHALT), 0.9 * cos
    assert lying(0.2, Material.ASPHALT) == bare
    assert bare < lying(0.4, Material.ASPHALT) < lying(0.8, Material.ASPHALT) < white
    assert lying(0.4, Material.GRASS) > lying(0.4, Material.ASPHALT)
    for material, tag in ((Material.ASPHALT, ROADS), (Material.GRASS, TERRAIN), (UNKNOWN, ROADS), (UNKNOWN, TERRAIN)):
        assert lying(1.0, material, tag) == pytest.approx(white, rel=1e-5)
    assert lying(1.0, Material.FACADE, BUILDINGS) == lying(0.0, Material.FACADE, BUILDINGS)
