"""Rain, fog, dust, spray and wet roads in a lidar's returns, beside the formulas of those who measured them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from av_synth.sensing.air import Air
from av_synth.sensing.lidar import LidarDevice, LidarHits, LidarReturns, measured
from av_synth.sensing.materials import Material
from av_synth.sensing.spray import Wake, plumes
from tests.sensing.lidar_turns import CLEAR, ROADS, turn, weather

# a headlamp is exactly a quarter as bright as white; whole echoes at any range, and no noise
LAMP, LAMP_IS = Material.LAMP_FRONT, 0.25
EXACT = LidarDevice(range_noise_m=0.0, intensity_noise=0.0, range_step_m=0.0, overlap_m=0.0, seen_reflectance=LAMP_IS)
WALLS_M = np.linspace(2.0, 99.9, 4000)


def seen(air: Air, device: LidarDevice = EXACT, echoes: LidarHits | None = None, seed: int = 3) -> LidarReturns:
    return measured(
        turn(WALLS_M, material=LAMP) if echoes is None else echoes, device, air, np.random.default_rng(seed)
    )


def away_m(found: LidarReturns, weather_too: bool = False) -> np.ndarray:
    points = found.points_m if weather_too else found.points_m[~found.is_weather]
    return np.linalg.norm(points.astype(np.float64), axis=1)


def farthest_m(sent: float, air_takes: object) -> float:
    """Where a surface that sends `sent` of what is just seen at 100 m in clear air is lost, by bisection."""
    near, far = 0.1, 100.0
    while far - near > 1e-6:
        middle = 0.5 * (near + far)
        near, far = (middle, far) if sent * air_takes(middle) / middle**2 > 1e-4 else (near, middle)
    return near


@pytest.mark.parametrize("rain_mm_h", [2.0, 10.0, 25.0, 50.0])
@pytest.mark.parametrize("reflectance", [0.9, 0.3, 0.1])
def test_points_are_lost_in_rain_at_the_ranges_of_goodins_equations(rain_mm_h, reflectance):
    """Goodin et al. (2019): power rho / z^2 exp(-0.02 R^0.6 z), of which 0.9 / z_max^2 is needed; z_max is 100 m."""
    wanted_m = farthest_m(reflectance / 0.9, lambda z: math.exp(-0.02 * rain_mm_h**0.6 * z))
    air = weather(precipitation=2.0 * rain_mm_h, rayleigh_scattering_scale=0.0, mie_scattering_scale=0.0)
    echoes = turn(WALLS_M, material=LAMP, weight=reflectance / 0.9)
    found = away_m(seen(air, replace(EXACT, rain="goodin", echoes=2), echoes))

    # 0.02 z (1 - exp(-R))^2 is the range's noise there; the share of walls that are left tells where they end
    assert (len(found) / len(WALLS_M)) * (WALLS_M[-1] - WALLS_M[0]) + WALLS_M[0] == pytest.approx(wanted_m, rel=0.1)


def test_rain_of_goodins_makes_ranges_uncertain_by_two_percent():
    found = away_m(seen(weather(precipitation=4.0), replace(EXACT, rain="goodin"), turn(np.full(4000, 15.0))))

    assert found.std() == pytest.approx(0.02 * 15.0 * (1.0 - math.exp(-2.0)) ** 2, rel=0.05)


@pytest.mark.parametrize("rain_mm_h", [5.0, 20.0, 50.0])
def test_points_are_lost_in_rain_by_the_decibels_that_itu_recommends(rain_mm_h):
    """ITU-R P.1814: 1.076 R^0.67 dB a kilometre, there and back."""
    wanted_m = farthest_m(1.0, lambda z: 10.0 ** (-0.2 * 1.076 * rain_mm_h**0.67 * z / 1000.0))
    found = away_m(seen(weather(precipitation=2.0 * rain_mm_h), replace(EXACT, echoes=2)))
    lost, wanted = 1.0 - len(found) / len(WALLS_M), 1.0 - (wanted_m - WALLS_M[0]) / (WALLS_M[-1] - WALLS_M[0])

    assert lost == pytest.approx(wanted, rel=0.1)


@pytest.mark.parametrize("water_mm_h", [1.0, 2.5, 6.0])
def test_points_are_lost_in_snow_by_the_decibels_that_itu_tabulates(water_mm_h):
    """ITU-R P.1817-1, table 2, dry snow: (0.0000542 x 905 + 5.4958776) S^1.38 dB a kilometre, there and back."""
    wanted_m = farthest_m(1.0, lambda z: 10.0 ** (-0.2 * (0.0000542 * 905 + 5.4958776) * water_mm_h**1.38 * z / 1000.0))
    found = away_m(seen(weather(snow_mm_h=water_mm_h), replace(EXACT, divergence_mrad=0.0)))
    lost, wanted = 1.0 - len(found) / len(WALLS_M), 1.0 - (wanted_m - WALLS_M[0]) / (WALLS_M[-1] - WALLS_M[0])

    assert lost == pytest.approx(wanted, rel=0.1, abs=0.005)


def test_flakes_are_found_more_often_and_farther_away_than_drops_of_as_much_water():
    sky = turn(np.full(10_000, np.inf), weight=0.0)
    drops, flakes = (seen(each, LidarDevice(), sky) for each in (weather(precipitation=5.0), weather(snow_mm_h=2.5)))

    assert flakes.is_weather.all()
    assert len(flakes.ring) > 3 * len(drops.ring)
    assert np.median(away_m(flakes, weather_too=True)) > np.median(away_m(drops, weather_too=True))
    assert away_m(flakes, weather_too=True).max() < 40.0


@pytest.mark.parametrize("fog_density", [30.0, 60.0, 100.0])
def test_points_are_lost_in_fog_by_its_optical_range(fog_density):
    """Hahner et al. (2021), equations 2 and 13: exp(-2 x ln 20 / MOR x z)."""
    air = weather(fog_density=fog_density, rayleigh_scattering_scale=0.0, mie_scattering_scale=0.0)
    optical_range_m = air.visibility_m * math.log(20.0) / math.log(50.0)  # 5 % contrast are left, not 2 %
    wanted_m = farthest_m(1.0, lambda z: math.exp(-2.0 * math.log(20.0) / optical_range_m * z))
    found = away_m(seen(air, replace(EXACT, echoes=3)))

    assert found.max() == pytest.approx(wanted_m, rel=0.1)
    assert len(found) / len(WALLS_M) == pytest.approx((wanted_m - WALLS_M[0]) / (WALLS_M[-1] - WALLS_M[0]), rel=0.1)


@pytest.mark.parametrize(("fog_density", "wanted_of"), [(40.0, 0.3), (100.0, 2.0)])
def test_fog_sends_back_what_hahner_and_rasshofer_say_wisp_by_wisp(fog_density, wanted_of):
    """Beams into nothing, beside every stretch of every beam drawn: backscatter 0.046 / MOR, exponential variates."""
    air = weather(fog_density=fog_density, rayleigh_scattering_scale=0.0, mie_scattering_scale=0.0)
    device, beams = LidarDevice(range_noise_m=0.0, range_step_m=0.0, pulse_m=0.2, seen_reflectance=wanted_of), 8000
    echoes = turn(np.full(beams, np.inf), weight=0.0)
    found = away_m(seen(air, device, echoes), weather_too=True)

    r = np.arange(device.min_range_m + 0.1, 100.0, 0.2)
    backscatter = 0.046 / (math.log(20.0) / air.fog_per_m)
    mean = math.pi * backscatter * 0.2 * np.exp(-2.0 * air.fog_per_m * r) * np.minimum(r / device.overlap_m, 1.0) / r**2
    drawn = mean * np.random.default_rng(8).exponential(size=(beams, len(r)))
    strongest = drawn.argmax(axis=1)
    over = drawn.max(axis=1) > device.seen_reflectance / device.range_m**2
    assert 0.2 < over.mean() < 0.9
    assert len(found) / beams == pytest.approx(over.mean(), rel=0.1)
    wanted = r[strongest[over]] + np.random.default_rng(9).uniform(-0.1, 0.1, over.sum())  # anywhere in a stretch
    np.testing.assert_allclose(np.percentile(found, [25, 50, 75]), np.percentile(wanted, [25, 50, 75]), rtol=0.1)


@pytest.mark.parametrize(
    ("falls", "mm_h", "per_m3_mm", "slope", "swell", "bright", "reach_m", "beams"),
    [
        ("rain", 50.0, 8000.0, 4.1 * 50.0**-0.21, 1.0, (0.328 / 2.328) ** 2, 12.0, 20_000),  # Marshall and Palmer
        (
            "snow",
            2.0,
            3800.0 * 2.0**-0.87,
            2.55 * 2.0**-0.48,
            10.0 ** (1.0 / 3.0),
            0.9,
            40.0,
            3000,
        ),  # Gunn and Marshall
    ],
)
def test_drops_and_flakes_are_found_as_often_as_when_every_one_is_drawn(
    falls, mm_h, per_m3_mm, slope, swell, bright, reach_m, beams
):
    """Kilic et al. (2021): every one above 0.3 mm in cones of 3 mrad."""
    air, device = weather(**({"precipitation": 2.0 * mm_h} if falls == "rain" else {"snow_mm_h": mm_h})), LidarDevice()
    found = seen(air, device, turn(np.full(beams, np.inf), weight=0.0))

    random = np.random.default_rng(5)
    volume = math.pi / 12.0 * (0.003) ** 2 * reach_m**3
    count = random.poisson(per_m3_mm / slope * math.exp(-slope * 0.3) * volume * beams)
    beam, r = random.integers(0, beams, count), reach_m * random.random(count) ** (1.0 / 3.0)
    size_mm = swell * (0.3 + random.exponential(1.0 / slope, count))
    takes = air.rain_per_m if falls == "rain" else 5.545 * 2.0**1.38 / 4343.0
    sent = bright * np.minimum(size_mm / (3.0 * r), 1.0) ** 2 * np.exp(-2.0 * takes * r)
    power = sent * np.minimum(r / device.overlap_m, 1.0) / r**2
    heard = np.flatnonzero((power > device.seen_reflectance / device.range_m**2) & (r > device.min_range_m))
    heard = heard[np.argsort(power[heard])]
    strongest = dict(zip(beam[heard].tolist(), r[heard].tolist(), strict=True))  # the last one of each beam
    assert len(strongest) > 1000
    assert found.is_weather.all()
    assert len(found.ring) == pytest.approx(len(strongest), rel=0.1)
    assert np.median(away_m(found, weather_too=True)) == pytest.approx(np.median(list(strongest.values())), rel=0.1)


STORM = weather(precipitation=80.0, fog_density=60.0, dust_storm=40.0, wetness=100.0)


def wake(ahead_m: float, speed_mps: float) -> Wake:
    """A car's, straight ahead, the sensor being 1.8 m above the road."""
    sensor_from_body = np.eye(4)
    sensor_from_body[:3, 3] = (ahead_m, 0.0, -1.8)
    return Wake(sensor_from_body, (4.5, 1.8, 1.5), speed_mps)


def test_where_there_is_no_weather_no_point_is_weather_and_a_device_that_feels_none_has_clear_air():
    road = turn(WALLS_M, material=Material.ASPHALT, tag=ROADS)
    storm = seen(STORM, replace(EXACT, weather=False), road)
    clear = seen(CLEAR, replace(EXACT, weather=False), road)

    assert not seen(CLEAR).is_weather.any()
    for name, values in vars(storm).items():
        np.testing.assert_array_equal(values, vars(clear)[name])


def test_points_of_weather_are_nobodys_and_lie_before_what_the_beam_met():
    ranges = np.linspace(4.0, 90.0, 3000)
    found = seen(STORM, LidarDevice(echoes=3), turn(ranges, actor_id=7, tag=14))

    assert found.is_weather.sum() > 100
    assert (~found.is_weather).sum() > 100
    for values, of_bodies in ((found.actor_id, 7), (found.tag, 14)):
        np.testing.assert_array_equal(values, np.where(found.is_weather, 0, of_bodies))
    assert (away_m(found, weather_too=True) < ranges[found.column] + 0.3).all()


def test_the_same_storm_with_the_same_chance_gives_the_same_returns():
    one, same, other = (seen(STORM, LidarDevice(echoes=2), seed=seed) for seed in (1, 1, 2))

    for name, values in vars(one).items():
        np.testing.assert_array_equal(values, vars(same)[name])
    assert not np.array_equal(one.points_m[: len(other.points_m)], other.points_m[: len(one.points_m)])


@settings(max_examples=40)
@given(
    st.fixed_dictionaries(
        {
            name: st.sampled_from([0.0, 3.0, 40.0, 100.0])
            for name in ("precipitation", "fog_density", "dust_storm", "wetness", "fog_distance", "fog_falloff")
        }
    ),
    st.integers(1, 3),
    st.floats(-0.5, 0.5),
)
def test_no_weather_makes_a_surface_brighter_or_gives_what_cannot_be(changes, echoes, rise):
    device = replace(EXACT, echoes=echoes)
    ranges = np.linspace(1.5, 99.0, 200)
    met = turn(ranges, material=Material.ASPHALT, tag=ROADS, rises=rise)
    found, clear = seen(weather(**changes), device, met), seen(CLEAR, replace(device, seen_reflectance=1e-9), met)
    hits = ~found.is_weather

    assert (found.intensity[hits] <= clear.intensity[found.column[hits]]).all()
    assert np.isfinite(found.points_m).all()
    assert ((found.intensity >= 0.0) & (found.intensity <= 255.0)).all()
    away = away_m(found, weather_too=True)
    assert ((away >= device.min_range_m - 1e-4) & (away <= device.range_m + 1e-3)).all()
    beams, counts = np.unique(found.column, return_counts=True)
    assert counts.max(initial=0) <= echoes
    assert (np.diff(found.column) >= 0).all()
    np.testing.assert_array_equal(found.echo, np.concatenate([np.arange(n) for n in counts]) if len(beams) else [])


def test_fog_that_lies_on_the_road_is_left_by_beams_that_rise():
    low = weather(fog_density=100.0, fog_falloff=5.0)
    device = replace(EXACT, echoes=2)

    def share(rise: float) -> float:
        return len(away_m(seen(low, device, turn(np.full(500, 30.0), material=LAMP, rises=rise)))) / 500

    assert share(0.2) > 0.95
    assert share(-0.01) < 0.05
    above = measured(turn(np.full(500, 30.0), material=LAMP), device, low, np.random.default_rng(3), height_m=5.0)
    assert len(away_m(above)) == 500


def test_fog_that_begins_farther_away_takes_nothing_of_what_is_nearer():
    found = away_m(seen(weather(fog_density=100.0, fog_distance=40.0), replace(EXACT, echoes=2)))
    ahead = WALLS_M[WALLS_M < 40.0]

    assert (found < 40.0).sum() == pytest.approx(len(ahead), abs=2)
    assert found.max() < 75.0
    sky = turn(np.full(4000, np.inf), weight=0.0)
    wisps = away_m(seen(weather(fog_density=100.0, fog_distance=6.0), LidarDevice(), sky), weather_too=True)
    assert len(wisps) > 100
    assert wisps.min() > 5.5


def test_dust_takes_light_and_sends_some_back():
    found = seen(weather(dust_storm=60.0), LidarDevice())

    assert found.is_weather.sum() > 50
    assert away_m(found).max() < 90.0


def test_spray_of_many_vehicles_is_that_of_each_with_the_same_chance():
    angle = np.linspace(-np.pi, np.pi, 4000)
    beams = np.stack([np.cos(angle), np.sin(angle), np.full(4000, -0.05)], axis=1).astype(np.float32)
    first, limit_m = np.arange(4000), np.full(4000, 70.0, dtype=np.float32)
    cars = [wake(20.0, 25.0), wake(300.0, 25.0), wake(35.0, 18.0), wake(50.0, 3.0), wake(4.0, 22.0)]
    together, alone = np.random.default_rng(6), np.random.default_rng(6)

    def found(wakes: list[Wake], random: np.random.Generator) -> list[np.ndarray]:
        met = plumes(beams, first, limit_m, wakes, 1.0, LidarDevice().receiver, random)
        return [met.echo.beam, met.echo.range_m, met.echo.power, met.depth]

    one_by_one = [np.concatenate(every) for every in zip(*(found([car], alone) for car in cars), strict=True)]
    for got, wanted in zip(found(cars, together), one_by_one, strict=True):
        np.testing.assert_array_equal(got, wanted)
    assert len(one_by_one[0]) > len(np.unique(one_by_one[0])) > 50


def test_spray_hangs_behind_fast_vehicles_on_wet_roads_and_nowhere_else():
    rises, columns = (grid.ravel() for grid in np.meshgrid(np.linspace(-0.1, 0.0, 20), np.arange(1000), indexing="ij"))
    echoes = turn(np.full(len(rises), np.inf), weight=0.0, columns=columns, rises=rises)
    echoes = replace(
        echoes,
        ring=np.repeat(np.arange(20), 1000).astype(np.uint8),
        directions=directions(columns, rises),
    )
    wet = weather(wetness=100.0)

    def spray(air: Air, speed_mps: float, ahead_m: float = 20.0, range_m: float = 100.0) -> LidarReturns:
        cars = [wake(ahead_m, speed_mps)]
        return measured(echoes, LidarDevice(range_m=range_m), air, np.random.default_rng(4), wakes=cars)

    fast = spray(wet, 25.0)
    assert fast.is_weather.all()
    assert len(fast.ring) > 30
    assert len(spray(wet, 12.0).ring) < len(fast.ring)
    assert len(spray(wet, 5.0).ring) == len(spray(CLEAR, 25.0).ring) == 0
    x, y, z = fast.points_m.T
    assert ((x > 8.0) & (x < 20.0)).all()  # 20 m less the rear half of the car, and 7.9 m of what hangs
    assert (np.abs(y) < 1.4).all()
    assert (z > -1.9).all()
    far = spray(wet, 25.0, 120.0, 220.0)
    assert (far.is_weather & (far.points_m[:, 0] > 105.0)).any()  # as far as the device measures


def directions(columns: np.ndarray, rises: np.ndarray) -> np.ndarray:
    """Unit vectors (M, 3), a tenth of a degree from column to column, around straight ahead."""
    angle, flat = np.radians((columns - 500) * 0.1), np.sqrt(1.0 - rises**2)
    return np.stack([flat * np.cos(angle), flat * np.sin(angle), rises], axis=1).astype(np.float32)


def test_what_is_seen_through_spray_is_fainter():
    echoes = turn(np.full(300, 30.0), material=LAMP, columns=np.arange(300))
    echoes = replace(echoes, directions=directions(np.full(300, 500), np.full(300, -0.04)))
    wet = weather(wetness=100.0)

    def shown(cars: list[Wake]) -> float:
        found = measured(echoes, replace(EXACT, echoes=3), wet, np.random.default_rng(4), wakes=cars)
        return float(found.intensity[~found.is_weather].mean())

    assert shown([wake(20.0, 25.0)]) < 0.7 * shown([])
    assert shown([wake(45.0, 25.0)]) == pytest.approx(shown([]), rel=0.02)  # its spray is behind the wall


def test_a_wet_road_is_darker_as_lekner_and_dorf_have_it_and_the_more_the_flatter_it_is_met():
    def left(cos: float) -> float:
        met = turn(np.full(50, 5.0), material=Material.MARKING, tag=ROADS, cos=cos)
        dry, wet = (seen(air, EXACT, met).intensity.mean() for air in (CLEAR, weather(wetness=100.0)))
        return float(wet / dry)

    # (1 - 0.02)^2 / 1.33^2 / (1 - 0.472 x 0.591), for paint that is 0.591 bright when dry and met head on
    assert left(1.0) == pytest.approx(0.753, abs=0.02)
    assert left(1.0) > left(0.5) > left(0.2) > left(0.1)
    assert left(0.1) < 0.2
    walls = turn(np.full(50, 5.0), cos=0.5)
    np.testing.assert_array_equal(
        seen(CLEAR, EXACT, walls).intensity, seen(weather(wetness=100.0), EXACT, walls).intensity
    )


def test_a_road_under_snow_is_brighter_to_a_device_that_feels_weather():
    road = turn(np.full(200, 5.0), material=Material.ASPHALT, tag=ROADS)
    bare, white, unfelt = (
        seen(air, device, road).intensity.mean()
        for air, device in (
            (CLEAR, EXACT),
            (weather(snow_cover=100.0), EXACT),
            (weather(snow_cover=100.0), replace(EXACT, weather=False)),
        )
    )
    assert white == pytest.approx(90.0, abs=1.0)
    assert bare == unfelt < 20.0
