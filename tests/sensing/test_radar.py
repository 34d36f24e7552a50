"""A radar as a device: strengths, cells, thresholds, noise, ghosts, weather and tracks of what its rays met."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from av_synth.geometry.transforms import from_yaw
from av_synth.sensing.air import air
from av_synth.sensing.materials import Material
from av_synth.sensing.radar import measured
from av_synth.sensing.radar_echoes import cross_sections
from av_synth.sensing.radar_model import Bodies, Origin, RadarDevice, RadarField, RadarHits, RadarReturns
from av_synth.sensing.radar_rays import RayGrid, ray_grid
from av_synth.sensing.radar_tracks import Tracks, follow
from av_synth.sensing.radio_air import attenuation_db_m

FIELD = RadarField(120.0, 20.0, 250.0, 125)
DEVICE = RadarDevice()
CLEAR_DB_M = 0.0004
CAR, PERSON, ROAD, RAIL, POLE = 14, 12, 1, 28, 6
CAR_LWH, PERSON_LWH = (4.5, 1.8, 1.5), (0.5, 0.6, 1.8)
NOBODY = Bodies(np.zeros(0, "u4"), np.zeros(0), np.zeros((0, 3)), np.zeros((0, 3)), np.zeros(3))


def plate(
    away_m: float,
    azimuth_deg: float = 0.0,
    *,
    tag: int = CAR,
    actor: int = 7,
    size_m: tuple[float, float] = (1.8, 1.5),
    rate: float = 0.0,
    cosine: float = 1.0,
) -> RadarHits:
    """What 100 rays met of an upright plate across the line of sight, so wide and so high."""
    wide, high = size_m
    across, up = (np.linspace(-0.45, 0.45, 10) * side / away_m for side in (wide, high))
    azimuth, elevation = (a.ravel() for a in np.meshgrid(np.radians(azimuth_deg) + across, up))
    level = np.cos(elevation)
    rays = np.stack([level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation)], axis=1)
    count = len(rays)
    return RadarHits(
        directions=rays.astype("f4"),
        range_m=np.full(count, away_m, "f4"),
        range_rate_mps=np.full(count, rate, "f4"),
        cos_incidence=np.full(count, cosine, "f4"),
        normal_rad=(azimuth + np.pi).astype("f4"),
        steradian=np.full(count, wide * high / away_m**2 / count, "f4"),
        tag=np.full(count, tag, "u1"),
        material=np.zeros(count, "u1"),
        actor_id=np.full(count, actor, "u4"),
    )


def together(*parts: RadarHits) -> RadarHits:
    return RadarHits(**{name: np.concatenate([getattr(each, name) for each in parts]) for name in vars(parts[0])})


def of(lwh: tuple[float, float, float] = CAR_LWH, yaw: float = 0.0, velocity: tuple[float, ...] = (0, 0, 0)) -> Bodies:
    """Actor 7 alone, and a radar that stands."""
    return Bodies(np.array([7], "u4"), np.array([yaw]), np.array([lwh]), np.array([velocity], float), np.zeros(3))


def scan(hits: RadarHits, bodies: Bodies, seed: int = 0, loss: float = CLEAR_DB_M, **device: object) -> RadarReturns:
    return measured(hits, bodies, FIELD, replace(DEVICE, **device), loss, np.random.default_rng(seed))


def many(hits: RadarHits, bodies: Bodies, scans: int = 200, **more: object) -> list[RadarReturns]:
    return [scan(hits, bodies, seed, **more) for seed in range(scans)]


def dbsm(hits: RadarHits, bodies: Bodies) -> float:
    return float(10.0 * np.log10(cross_sections(hits, bodies).sum()))


def test_bodies_have_the_published_cross_sections_by_class_and_aspect():
    assert dbsm(plate(30.0), of(yaw=np.pi)) == pytest.approx(10.0, abs=0.1)  # it looks at the radar
    assert dbsm(plate(30.0), of(yaw=0.0)) == pytest.approx(12.0, abs=0.1)
    assert dbsm(plate(30.0, size_m=(4.5, 1.5)), of(yaw=np.pi / 2)) == pytest.approx(15.0, abs=0.1)
    corner = dbsm(plate(30.0, size_m=(4.5, 1.5)), of(yaw=np.pi / 4))
    assert 6.0 < corner < 9.0
    assert dbsm(plate(30.0, tag=PERSON, size_m=(0.5, 1.8)), of(PERSON_LWH)) == pytest.approx(-8.0, abs=0.5)


def test_a_body_of_which_half_is_seen_has_less_and_one_that_is_cut_finer_has_the_same():
    whole, bodies = dbsm(plate(30.0), of()), of()
    third = dbsm(plate(30.0, size_m=(0.6, 1.5)), bodies)
    assert whole - third == pytest.approx(10 * np.log10(0.8 * 1.8 / 0.6), abs=0.1)
    assert dbsm(together(plate(30.0), plate(30.0)), bodies) == pytest.approx(whole, abs=0.01)


def test_a_flat_wall_is_seen_far_brighter_from_straight_ahead_than_aslant():
    ahead, aslant = (dbsm(plate(30.0, tag=4, actor=0, size_m=(2, 2), cosine=cosine), NOBODY) for cosine in (1.0, 0.8))
    assert ahead - aslant > 15.0


def detected(away_m: float, dbsm_wanted: float, azimuth_deg: float = 0.0, loss: float = 0.0) -> float:
    """Which part of scans has a return of a static plate with such a cross-section."""
    hits = plate(away_m, azimuth_deg, tag=POLE, actor=0, cosine=0.5)
    scale = 10.0 ** (dbsm_wanted / 10.0) / cross_sections(hits, NOBODY).sum()
    hits = replace(hits, steradian=hits.steradian * np.float32(scale))
    return float(np.mean([len(found.range_m) > 0 for found in many(hits, NOBODY, loss=loss)]))


def test_a_square_metre_is_detected_as_far_as_the_device_says_and_ten_times_as_much_farther():
    # the chance of chi-square with four degrees over its mean is 0.406
    assert detected(69.9, 0.0) == pytest.approx(0.406, abs=0.1)
    assert detected(50.0, 0.0) > 0.85
    assert detected(140.0, 0.0) == pytest.approx(0.406, abs=0.12)
    assert detected(240.0, 10.0) > 0.4
    assert detected(200.0, 0.0) < 0.05


def test_to_the_side_it_looks_no_farther_than_near_and_beyond_its_range_not_at_all():
    assert detected(100.0, 30.0, azimuth_deg=20.0) == 0.0
    assert detected(60.0, 30.0, azimuth_deg=20.0) == 1.0
    assert detected(251.0, 50.0) == 0.0


def loss(**weather: float) -> float:
    names = ("precipitation", "precipitation_deposits", "wetness", "fog_density", "fog_distance", "fog_falloff")
    clear = dict.fromkeys(
        (*names, "dust_storm", "wind_intensity", "rayleigh_scattering_scale", "mie_scattering_scale"), 0.0
    )
    return attenuation_db_m(air(clear | weather))


def test_rain_takes_what_p838_says_and_so_range():
    clear, heavy = loss(), loss(precipitation=100.0)  # 50 mm/h
    # ITU-R P.838-3, tabulated for 80 GHz, vertical: 1.1668 R^0.7021 dB/km; 77 GHz is 2 to 4 % below
    for rain_mm_h in (2.5, 12.5, 50.0):
        told = (loss(precipitation=2.0 * rain_mm_h) - clear) * 1000.0
        assert 0.95 < told / (1.1668 * rain_mm_h**0.7021) < 1.0
    assert detected(55.0, 0.0, loss=clear) - detected(55.0, 0.0, loss=heavy) > 0.2
    # the thickest fog is 0.076 per metre: 51 m of visibility, 0.31 g of water in a cubic metre
    assert (loss(fog_density=100.0) - clear) * 1000.0 == pytest.approx(3.15 * 0.31, abs=0.05)


def test_what_is_in_one_cell_is_one_return_and_what_is_in_two_are_two():
    near = together(plate(30.0), plate(30.1, actor=0, tag=POLE))
    assert {len(found.range_m) for found in many(near, of(), 20)} == {1}
    for apart in (plate(32.0, tag=POLE, actor=0), plate(30.0, 10.0, tag=POLE, actor=0), plate(30.0, rate=2.0, actor=0)):
        counts = [len(found.range_m) for found in many(together(plate(30.0), apart), of(), 20)]
        assert np.median(counts) == 2


def test_noise_is_as_large_as_the_device_says_and_at_the_threshold_as_large_as_its_data_sheet_does():
    found = [each for each in many(plate(150.0, rate=-12.0), of(), 400) if len(each.range_m) == 1]
    assert len(found) > 300
    off = np.array([each.range_m[0] - 150.0 for each in found]) / np.array([each.range_sigma_m[0] for each in found])
    turned = np.array([each.azimuth_rad[0] / each.azimuth_sigma_rad[0] for each in found])
    rate = np.array([(each.range_rate_mps[0] + 12.0) / each.rate_sigma_mps[0] for each in found])
    for each in (off, turned, rate):
        assert abs(each.mean()) < 0.2
        assert each.std() == pytest.approx(1.0, abs=0.12)
    weakest = min(found, key=lambda each: each.margin_db[0])
    assert 0.2 < weakest.range_sigma_m[0] < 0.4  # +-0.40 m
    assert 0.1 < np.degrees(weakest.azimuth_sigma_rad[0]) < 0.2
    assert weakest.rate_sigma_mps[0] < 0.1 / 3.6  # +-0.1 km/h


def test_cross_sections_that_are_told_are_those_of_the_body_less_what_rain_takes():
    clear = np.concatenate([each.rcs_dbsm for each in many(plate(40.0), of(), 300)])
    wet = np.concatenate([each.rcs_dbsm for each in many(plate(40.0), of(), 300, loss=0.02)])
    assert 10 * np.log10((10 ** (clear / 10)).mean()) == pytest.approx(12.0, abs=0.6)
    assert clear.mean() - wet.mean() == pytest.approx(2 * 40 * (0.02 - CLEAR_DB_M), abs=0.1)
    assert set((clear * 2) % 1) == {0.0}


def test_no_more_returns_than_asked_for_are_told_and_those_are_the_strongest():
    hits = together(*(plate(away, tag=POLE, actor=0) for away in range(20, 60, 3)))
    all_of_them = scan(hits, NOBODY)
    few = measured(hits, NOBODY, replace(FIELD, points=4), DEVICE, CLEAR_DB_M, np.random.default_rng(0))
    assert len(few.range_m) == 4 < len(all_of_them.range_m)
    np.testing.assert_array_equal(few.margin_db, np.sort(all_of_them.margin_db)[::-1][:4])


def rail(offset_m: float = 5.0) -> RadarHits:
    """A guard rail to the left, parallel to the line ahead."""
    x = np.arange(5.0, 60.0, 0.25)
    place = np.stack([x, np.full_like(x, offset_m), np.zeros_like(x)], axis=1)
    away = np.linalg.norm(place, axis=1)
    count = len(x)
    return RadarHits(
        directions=(place / away[:, None]).astype("f4"),
        range_m=away.astype("f4"),
        range_rate_mps=np.zeros(count, "f4"),
        cos_incidence=(offset_m / away).astype("f4"),
        normal_rad=np.full(count, -np.pi / 2, "f4"),
        steradian=np.full(count, 1e-5, "f4"),
        tag=np.full(count, RAIL, "u1"),
        material=np.full(count, Material.METAL, "u1"),
        actor_id=np.zeros(count, "u4"),
    )


def test_a_guard_rail_shows_a_car_behind_it_and_half_way_with_the_speeds_of_those_ways():
    bodies = of(yaw=0.0, velocity=(-8.0, 3.0, 0.0))
    hits = together(plate(30.0, rate=-8.0), rail())
    found = many(hits, bodies, 40)
    ghosts = [(each, k) for each in found for k in np.flatnonzero(each.origin == Origin.GHOST)]
    assert {int(each.actor_id[k]) for each, k in ghosts} == {7}
    image_m, image_deg = np.hypot(30.0, 10.0), np.degrees(np.arctan2(10.0, 30.0))
    image_mps = (-8.0 * 30.0 - 3.0 * 10.0) / image_m  # behind the mirror it goes the other way across
    for wanted_m, wanted_mps in ((image_m, image_mps), ((30.0 + image_m) / 2, (image_mps - 8.0) / 2)):
        there = [(each, k) for each, k in ghosts if abs(each.range_m[k] - wanted_m) < 0.4]
        assert len(there) > 20
        for each, k in there:
            assert np.degrees(each.azimuth_rad[k]) == pytest.approx(image_deg, abs=2.0)
            assert each.range_rate_mps[k] == pytest.approx(wanted_mps, abs=0.1)
    marked = np.mean([each.recognised[k] for each, k in ghosts])
    assert 0.55 < marked < 0.85
    assert not any(each.recognised[each.origin == Origin.ACTOR].any() for each in found)


def test_without_a_mirror_there_are_no_ghosts_but_of_what_is_close_twice_as_far():
    far = many(plate(30.0), of(), 20)
    assert not any((each.origin == Origin.GHOST).any() for each in far)
    close = many(plate(6.0, rate=-3.0), of(), 20)
    twice = [(each, k) for each in close for k in np.flatnonzero(each.origin == Origin.GHOST)]
    assert len(twice) > 10
    for each, k in twice:
        assert each.range_m[k] == pytest.approx(12.0, abs=0.5)
        assert each.range_rate_mps[k] == pytest.approx(-6.0, abs=0.1)


def test_returns_of_roads_and_rails_are_clutter_those_of_poles_static_and_those_of_bodies_their_actors():
    hits = together(plate(30.0), plate(40.0, tag=POLE, actor=0), plate(50.0, 30.0, tag=RAIL, actor=0))
    found = scan(hits, of())
    told = {
        round(float(r), -1): (int(o), int(a))
        for r, o, a in zip(found.range_m, found.origin, found.actor_id, strict=True)
    }
    assert told == {30.0: (Origin.ACTOR, 7), 40.0: (Origin.STATIC, 0), 50.0: (Origin.CLUTTER, 0)}


def test_the_same_hits_and_the_same_chance_give_the_same_returns_and_no_hits_none():
    hits = together(plate(30.0), rail())
    one, two = (vars(scan(hits, of(), 3)) for _ in range(2))
    assert all(np.array_equal(one[name], two[name]) for name in one)
    nothing = RadarHits(**{name: values[:0] for name, values in vars(hits).items()})
    assert len(scan(nothing, of()).range_m) == 0


def test_rays_fill_the_field_of_view_and_only_those_ahead_go_far():
    rays = ray_grid(RayGrid(120.0, 20.0, 250.0, 70.0, 18.0))
    azimuth, elevation = (
        np.degrees(np.arctan2(rays.directions[:, 1], rays.directions[:, 0])),
        np.arcsin(rays.directions[:, 2]),
    )
    wide = rays.from_m == 0.0
    assert np.abs(azimuth).max() == pytest.approx(59.75)
    assert np.abs(azimuth[~wide]).max() < 9.0
    assert set(rays.limit_m[wide]) == {70.0}
    assert set(rays.limit_m[~wide]) == {250.0}
    assert rays.steradian[wide].sum() == pytest.approx(np.radians(120.0) * 2 * np.sin(np.radians(10.0)), rel=1e-3)
    # what is far away is low: a car at 200 m is 0.4 degrees high
    assert np.diff(np.unique(np.round(np.degrees(elevation), 4))).min() < 0.4


def returns(places: list[tuple[float, float]], rates: list[float]) -> RadarReturns:
    xy = np.array(places, float).reshape(-1, 2)
    n = len(xy)
    return RadarReturns(
        np.hypot(*xy.T), np.arctan2(xy[:, 1], xy[:, 0]), np.array(rates, float), np.full(n, 0.1), np.full(n, 0.005),
        np.full(n, 0.02), np.zeros(n, "f4"), np.zeros(n, "f4"), np.zeros(n, bool), np.zeros(n, "u4"), np.zeros(n, "u1"),
    )  # fmt: skip


def followed(before: Tracks | None, found: RadarReturns, own: float = 0.0) -> Tracks:
    moved = from_yaw(-own * 0.1, 0.0, 0.0, 0.0)
    return follow(before, found, np.array([own, 0.0, 0.0]), 0.0, moved, 0.1)


def test_tracks_keep_their_numbers_while_the_radar_drives_and_what_is_new_gets_a_new_one():
    own = 40.0  # 4 m from scan to scan, more than a return may be off its track
    first = followed(None, returns([(30, 2), (50, -3), (20, 8)], [-39.9, -34.0, -37.1]), own)
    again = followed(first, returns([(46.6, -3), (26.05, 2), (70, 0)], [-34.0, -39.9, -40.0]), own)
    assert first.number.tolist() == [0, 1, 2]
    assert again.number.tolist() == [1, 0, 3]


def test_dynamics_are_nuscenes_codes():
    own = 10.0
    first = followed(None, returns([(30, 0), (40, 0), (50, 0), (1, 20)], [-10.0, -4.0, -25.0, -1.4]), own)
    assert first.dynamics.tolist() == [3, 0, 2, 6]  # seen first and standing, going ahead, oncoming, crossing
    second = followed(first, returns([(29, 0), (39.6, 0), (47.5, 0), (0, 19.7)], [-10.0, -4.0, -25.0, 0.0]), own)
    assert second.dynamics.tolist() == [1, 0, 2, 5]
    third = followed(second, returns([(28, 0), (38.6, 0), (45, 0)], [-10.0, -10.0, -25.0]), own)
    assert third.dynamics.tolist()[0] == 1
    slowing = followed(followed(None, returns([(40, 0)], [1.2])), returns([(40.1, 0)], [0.0]))
    assert slowing.dynamics.tolist() == [7]  # it stopped
