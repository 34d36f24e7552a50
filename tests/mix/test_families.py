"""Scenes that belong together are in one split: drives, runs, draws and twins, over all datasets of a mix."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from av_synth.errors import DataError, UserError
from av_synth.mix.choice import Taken, choose, divide, families
from av_synth.mix.ingredients import GivenScene

SPLIT = {"train": 0.8, "val": 0.2}


def scene(number: int, *kin: str, split: str = "", samples: int = 4, ingredient: str = "a") -> Taken:
    token = f"{ingredient}{number}"
    tokens = tuple(f"{token}-{k}" for k in range(samples))
    given_scene = GivenScene(ingredient, token, f"scene-{number:04d}", tokens, token, frozenset({token, *kin}), split)
    return Taken(given_scene, samples)


def test_who_shares_something_with_one_of_a_family_is_of_it() -> None:
    chain = [scene(1, "run x"), scene(2, "log y"), scene(3, "run x", "draw z"), scene(4), scene(5, "draw z", "log y")]

    assert [[one.scene.name[-1] for one in family] for family in families(chain)] == [["1", "3", "2", "5"], ["4"]]


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sets(st.sampled_from("uvwxyz"), max_size=2)), min_size=1, max_size=20),
    st.integers(0, 5),
)
def test_no_two_splits_share_anything_and_every_split_has_somebody_if_there_are_enough(
    told: list[tuple[str, set[str]]], seed: int
) -> None:
    taken = [scene(k, *sorted(kin), ingredient=ingredient) for k, (ingredient, kin) in enumerate(told)]
    splits = divide(taken, SPLIT, seed)
    kin = {
        name: {key for one, own in zip(taken, splits, strict=True) if own == name for key in one.scene.kin}
        for name in SPLIT
    }

    assert kin["train"].isdisjoint(kin["val"])
    if len(families(taken)) > 1:
        assert set(splits) == set(SPLIT)
    assert splits == divide(taken, SPLIT, seed)


def test_splits_are_as_large_as_asked_where_families_are_small() -> None:
    splits = divide([scene(k) for k in range(100)], SPLIT, 0)

    assert splits.count("train") == 80
    assert splits != divide([scene(k) for k in range(100)], SPLIT, 1)


def test_a_family_stays_where_its_dataset_has_it_and_takes_its_kin_along() -> None:
    taken = [scene(1, "run x", split="val"), scene(2, "run x", ingredient="b"), *(scene(k) for k in range(3, 9))]

    assert divide(taken, SPLIT, 0)[:2] == ["val", "val"]


def test_datasets_that_have_one_family_in_two_splits_are_refused_by_name_unless_all_is_divided_anew() -> None:
    taken = [scene(1, "run x", split="val"), scene(2, "run x", split="train", ingredient="b"), scene(3)]

    with pytest.raises(DataError, match=r"b/scene-0002 is in train and a/scene-0001 in val, and both are of run x"):
        divide(taken, SPLIT, 0)
    splits = divide(taken, SPLIT, 0, anew=True)
    assert splits[0] == splits[1]


def test_what_is_held_out_for_testing_is_not_put_into_training_because_nobody_named_its_split() -> None:
    taken = [scene(1, split="test"), *(scene(k) for k in range(2, 9))]

    with pytest.raises(DataError, match=r"a/scene-0001 is in test, which --split lacks.*name test in --split too"):
        divide(taken, SPLIT, 0)
    assert divide(taken, {**SPLIT, "test": 0.1}, 0)[0] == "test"
    assert set(divide(taken, SPLIT, 0, anew=True)) == set(SPLIT)
    assert set(divide(taken, {"mine": 0.5, "yours": 0.5}, 0)) == {"mine", "yours"}
    assert set(divide(taken, {"train": 1.0}, 0)) == {"train"}


def test_as_many_are_taken_as_are_asked_for_or_none() -> None:
    pools = {name: [scene(k, ingredient=name).scene for k in range(count)] for name, count in (("a", 3), ("b", 6))}

    with pytest.raises(UserError, match="10 scenes are more than there are at these shares"):
        choose(pools, {"a": 0.35, "b": 0.65}, total=10)
    chosen = choose(pools, {"a": 0.35, "b": 0.65}, total=8)
    assert {name: len(some) for name, some in chosen.items()} == {"a": 3, "b": 5}
