"""What a seed drew once it draws for ever: the built-in scenarios' values, picks and parked cars are pinned."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from av_synth import scenario

CUT_IN = {
    0: (54.4182, 17.7608, "van", 10.5258, 2.6516, 0.5025, 8.3894),
    7: (49.9941, 17.5611, "truck", 10.9883, 2.6172, 0.6908, 10.6697),
}
RUNS_OUT = {
    0: (39.0463, "child", 7.5934, 0.4222, 0.3043, 2),
    7: (35.6405, "adult", 8.1125, 0.3568, 0.2993, 6),
}


@pytest.mark.parametrize(("name", "drawn"), [("cut_in_wet", CUT_IN), ("pedestrian_runs_out", RUNS_OUT)])
def test_a_seed_draws_the_values_that_it_always_drew(name: str, drawn: dict[int, tuple[float | str, ...]]) -> None:
    found = scenario.load(name)

    assert {seed: tuple(scenario.draw(found, seed).parameters.values()) for seed in drawn} == drawn


def test_a_seed_picks_the_places_and_parks_the_cars_that_it_always_did() -> None:
    first = scenario.draw(scenario.load("cut_in_wet"), 0)
    second = scenario.draw(scenario.load("pedestrian_runs_out"), 7)

    assert _but_town(first.picks) == {"road": 0.600179, "ego": 0.741712, "cutter": 0.441201}
    assert (first.traffic.seed, first.traffic.bodies[:3]) == (1285176785, ("truck", "truck", "van"))
    assert tuple(vars(first.rows[0].slots[0]).values()) == ("car", 2.5589, 0.249041, 0.0092, -0.00544)
    assert _but_town(second.picks) == {"road": 0.101828, "ego": 0.766024, "van": 0.470334, "pedestrian": 0.185109}
    assert tuple(vars(second.rows[0].slots[0]).values()) == ("car", 0.8549, 0.445601, 0.0918, -0.01099)


def _but_town(picks: Mapping[str, float]) -> dict[str, float]:
    """What picks the town is newer than what is pinned here."""
    return {name: pick for name, pick in picks.items() if name != "town"}
