"""Designs: every tuple covered, one point a stratum, scipy's sequences, correlations and constraints kept."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import qmc, spearmanr

from av_synth import documents, scenario
from av_synth.errors import DocumentError
from av_synth.scenario import Scenario, designs
from av_synth.scenario.distributions import stream
from av_synth.scenario.scenario import from_document


def loaded(parameters: str, *more: str) -> Scenario:
    names = [item.partition(":")[0].strip() for item in parameters.split(";")]
    lines = ["name: designed", "description: of " + " ".join(f"${{{name}}}" for name in names), "duration_s: 3"]
    lines += ["road: {town: AvSynth01, length_m: 50}", "ego: {speed_kmh: 30}", "parameters:"]
    lines += [f"  {item.strip()}" for item in parameters.split(";")]
    return from_document(documents.parse("\n".join([*lines, *more]), "s.yaml"))


MIXED = (
    "a: {uniform: [0, 10]}; b: {normal: {mean: 5, sd: 1, min: 2, max: 9}}; c: {choice: [x, y, z]}; "
    "d: {uniform: [10, 60], step: 25}; e: 7"
)


def column(design: designs.Design, name: str) -> np.ndarray:
    return np.array([point[name] for point in design.points], float)


def test_a_grid_has_every_combination_of_steps_choices_and_levels() -> None:
    found = loaded(MIXED)
    design = designs.grid(found, {"a": 3, "b": 2})

    rows = [tuple(point.values()) for point in design.points]
    assert rows == list(product([0, 5, 10], [2, 9], ["x", "y", "z"], [10, 35, 60], [7]))
    assert design.dropped == 0
    with pytest.raises(DocumentError, match="make 9000000 points; want at most 100000"):
        designs.grid(found, 1000)


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 40), st.integers(0, 2**63 - 1))
def test_a_latin_hypercube_has_one_point_in_each_part_of_every_distribution(count: int, seed: int) -> None:
    found = loaded("a: {uniform: [0, 1]}; b: {uniform: [0, 1]}", "correlations: [{of: [b, a], rho: 0.8}]")

    design = designs.latin_hypercube(found, count, seed)

    for name in "ab":
        # values are rounded to 4 decimals: one that was just below the end of its part may stand on it
        parts = np.sort(column(design, name)) * count
        assert np.all(parts >= np.arange(count) - 0.01)
        assert np.all(parts <= np.arange(count) + 1.01)


def test_a_latin_hypercube_keeps_correlations_and_adding_a_parameter_shifts_none() -> None:
    a, b = "a: {uniform: [0, 1]}", "b: {uniform: [0, 1]}"
    tied = designs.latin_hypercube(loaded(f"{a}; {b}", "correlations: [{of: [a, b], rho: 0.8}]"), 300, 1)
    one, two = (designs.latin_hypercube(loaded(these), 20, 1) for these in (a, f"{b}; {a}"))

    assert spearmanr(column(tied, "a"), column(tied, "b")).statistic == pytest.approx(0.786, abs=0.05)
    assert column(one, "a").tolist() == column(two, "a").tolist()


def test_sobol_and_halton_are_scipys() -> None:
    found = loaded("a: {uniform: [0, 1]}; b: {uniform: [0, 2]}; c: {integer: [0, 9]}")

    for kind, design, count in ((qmc.Sobol, designs.sobol, 16), (qmc.Halton, designs.halton, 11)):
        points = kind(3, rng=stream("designed", kind.__name__.lower(), 5)).random(count)
        made = design(found, count, 5)
        assert column(made, "a") == pytest.approx(points[:, 0], abs=1e-4)
        assert column(made, "b") == pytest.approx(points[:, 1] * 2, abs=1e-4)
        assert column(made, "c").tolist() == np.floor(points[:, 2] * 10).tolist()
    assert designs.sobol(found, 11, 5).points == designs.sobol(found, 16, 5).points[:11]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.integers(1, 3))
def test_every_tuple_of_values_is_in_a_point_of_a_t_wise_design(sizes: list[int], strength: int) -> None:
    found = loaded("; ".join(f"p{i}: {{choice: {list(range(size))}}}" for i, size in enumerate(sizes)))

    design = designs.t_wise(found, strength)

    names = list(found.parameters)
    for of in combinations(range(len(sizes)), min(strength, len(sizes))):
        have = {tuple(point[names[index]] for index in of) for point in design.points}
        assert have == set(product(*(range(sizes[index]) for index in of)))
    assert design.dropped == 0
    assert len(design.points) <= np.prod(sizes)


def test_t_wise_covers_what_constraints_allow_and_counts_what_they_do_not() -> None:
    parameters = "; ".join(f"p{index}: {{choice: [0, 1, 2, 3]}}" for index in range(8))
    found = loaded(parameters, 'constraints: ["${p0 + p7 < 4}", "${not (p1 == 2 and p2 == 2)}"]')

    design = designs.t_wise(found)

    pairs = {item for point in design.points for item in combinations(point.items(), 2)}
    assert all(point["p0"] + point["p7"] < 4 for point in design.points)  # type: ignore[operator]
    # of 28 * 16 pairs, 6 of p0 and p7 and one of p1 and p2 are forbidden
    assert (design.dropped, len(pairs)) == (7, 28 * 16 - 7)
    assert len(design.points) < 64


def test_designs_leave_out_what_constraints_forbid_and_say_how_many() -> None:
    found = loaded(MIXED, 'derived: {twice: "${a * 2}"}', "constraints: [\"${twice < 12 and c != 'z'}\"]")
    made = [designs.grid(found), designs.latin_hypercube(found, 60, 2), designs.sobol(found, 60, 2)]

    assert [len(one.points) + one.dropped for one in made] == [81, 60, 60]
    for one in made:
        assert one.dropped > 10
        assert all(point["c"] != "z" and float(point["a"]) < 6 for point in one.points)
        played = scenario.draw(found, 0, values=one.points[0])
        assert played.parameters == one.points[0]


def test_what_a_design_cannot_be_made_of_is_refused() -> None:
    found = loaded(MIXED)

    for make, said in (
        (lambda: designs.sobol(found, 0, 1), "count: got 0; want 1 to 100000"),
        (lambda: designs.halton(found, 5, -1), "seed: got -1; want 0 or more"),
        (lambda: designs.grid(found, {"f": 2}), "designed has no parameter 'f'"),
        (lambda: designs.grid(found, 0), "got 0 of a; want 1 or more"),
        (lambda: designs.t_wise(found, 0), "strength: got 0; want 1 or more"),
        (lambda: scenario.draw(found, 0, values={"a": 11, "q": 1}), "a: got 11; want a number from 0 to 10"),
    ):
        with pytest.raises(DocumentError) as caught:
            make()
        assert said in str(caught.value)
