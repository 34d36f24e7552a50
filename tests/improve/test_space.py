"""Spaces: what may be made, how often it is met, and draws of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import painted
import pytest
import yaml

from av_synth import documents
from av_synth.errors import DocumentError
from av_synth.farm.planning import campaign as campaigns
from av_synth.improve.space import FIRST_HELD_OUT_SEED, KIND, Space, campaign_of, load, part_of
from av_synth.scenario.distributions import Distribution

MANY = 600


def cells(draws: list, space: Space) -> Counter:
    return Counter((space.scenarios[one.cell.scenario].name, one.traits["light"]) for one in draws)


def test_draws_by_shares_are_as_often_as_their_shares(space: Space) -> None:
    found = cells(space.by_shares(MANY, np.random.default_rng(0)), space)

    wanted = {("often", "day"): 0.675, ("often", "night"): 0.225, ("seldom", "day"): 0.075, ("seldom", "night"): 0.025}
    assert found.keys() == wanted.keys()
    for cell, share in wanted.items():
        assert found[cell] / MANY == pytest.approx(share, abs=4 * (share / MANY) ** 0.5)


def test_draws_by_need_are_of_what_is_needed_whatever_its_share(space: Space) -> None:
    need = {"scenario": {"often": 0.5, "seldom": 2.0}, "parameters.gap_m": {"part 1 of 3": 1.0, "part 3 of 3": 0.0}}
    draws = space.by_need(120, need, np.random.default_rng(0))

    found = Counter(one.traits["scenario"] for one in draws)
    assert found["seldom"] > 2 * found["often"] > 0
    parts = Counter(one.traits["parameters.gap_m"] for one in draws)
    assert parts["part 3 of 3"] == 0
    assert parts["part 2 of 3"] > 20, "what is not in the data yet is needed as much as what is needed most"
    assert len({(one.cell, one.seed) for one in draws}) == 120


def test_a_budget_of_any_size_can_be_spent_by_need(space: Space) -> None:
    count = 100 * len(space.cells) + 1

    assert len(space.by_need(count, {}, np.random.default_rng(0))) == count


def test_held_out_draws_are_of_every_cell_alike_by_seeds_that_nothing_else_has(space: Space) -> None:
    held_out = space.evenly(8)

    assert set(cells(held_out, space).values()) == {2}
    assert min(one.seed for one in held_out) >= FIRST_HELD_OUT_SEED
    random = np.random.default_rng(1)
    others = [*space.by_shares(MANY, random), *space.by_need(100, {}, random)]
    assert max(one.seed for one in others) < FIRST_HELD_OUT_SEED


def test_equal_seeds_draw_equally(space: Space) -> None:
    first, again = (space.by_need(10, {}, np.random.default_rng([3, 1])) for _ in range(2))
    assert first == again
    assert first != space.by_need(10, {}, np.random.default_rng([4, 1]))


def test_draws_are_a_campaign_that_loads_with_as_many_runs(space: Space, tmp_path: Path) -> None:
    draws = space.by_shares(9, np.random.default_rng(0))
    (tmp_path / "batch.yaml").write_text(yaml.safe_dump(campaign_of(space, draws, "batch-01")))

    loaded = campaigns.load(str(tmp_path / "batch.yaml"))
    assert sorted(recipe.seed for _, recipe in loaded.recipes) == sorted(one.seed for one in draws)
    assert {recipe.rig for _, recipe in loaded.recipes} == {"tiny.yaml"}


@pytest.mark.parametrize(
    ("distribution", "value", "part"),
    [
        ({"uniform": [0, 30]}, 9.9, "part 1 of 3"),
        ({"uniform": [0, 30]}, 10.1, "part 2 of 3"),
        ({"uniform": [0, 30]}, 30, "part 3 of 3"),
        ({"choice": ["car", "van"]}, "van", "van"),
        ({"integer": [1, 4]}, 3, "3"),
        ({"integer": [1, 90]}, 80, "part 3 of 3"),
    ],
)
def test_values_are_told_apart_by_thirds_of_all_draws_or_each_by_itself(
    distribution: dict, value: object, part: str
) -> None:
    assert part_of(Distribution.model_validate(distribution, strict=False), value) == part


def test_every_mistake_in_a_space_is_told_with_its_line(tmp_path: Path) -> None:
    text = painted.SPACE.replace("seldom.yaml", "nowhere.yaml").replace("rig: tiny", "rig: tyni")
    with pytest.raises(DocumentError) as caught:
        painted.space(tmp_path, text)
    told = str(caught.value)
    assert "painted.yaml:6: scenarios[1].scenario: " in told
    assert "painted.yaml:3: rig: " in told
    assert "got 'tyni'; did you mean 'tiny'" in told

    with pytest.raises(DocumentError, match=r"painted\.yaml:8: weathers\[0\]\.share: got -3; want more than 0"):
        painted.space(tmp_path, painted.SPACE.replace("share: 3", "share: -3"))


def test_every_built_in_space_and_the_example_load_and_draw() -> None:
    root = Path(__file__).parents[2]
    names = documents.names(KIND)
    assert "streets" in names
    for name in (*names, str(root / "examples/improve/street.yaml")):
        found = load(name)
        assert sum(cell.share for cell in found.cells) == pytest.approx(1.0)
        assert all(one.traits["weather"] for one in found.evenly(len(found.cells)))
