"""Parameters: distributions, units, correlation, derived values and constraints, and how mistakes in them are told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from av_synth import documents, scenario
from av_synth.documents import Document
from av_synth.errors import DocumentError
from av_synth.scenario import Scenario, extremes
from av_synth.scenario.distributions import Distribution, LogNormal, Normal, Weighted, stream
from av_synth.scenario.expressions import substitute
from av_synth.scenario.scenario import from_document

BEGIN = """name: tried
description: "{uses}"
duration_s: 20
road: {town: AvSynth01, length_m: 50}
ego: {speed_kmh: 30}
"""


def loaded(text: str, uses: str = "x") -> Scenario:
    return from_document(documents.parse(BEGIN.replace("{uses}", uses) + text, "s.yaml"))


def mistakes(text: str, uses: str = "x") -> list[str]:
    with pytest.raises(DocumentError) as caught:
        loaded(text, uses)
    return str(caught.value).splitlines()


def drawn(found: Scenario, name: str, count: int) -> list[float]:
    return [found.chance.draw(seed, {})[name] for seed in range(count)]  # type: ignore[misc]


FRACTIONS = np.linspace(0.001, 0.999, 57)


def test_truncated_distributions_are_scipys_at_every_fraction() -> None:
    normal = Distribution(normal=Normal(mean=8, sd=2, min=5, max=9.5))
    lognormal = Distribution(lognormal=LogNormal(median=10, sigma=0.5, min=4, max=30))
    lowest, highest = stats.lognorm(0.5, scale=10).cdf([4, 30])

    assert [normal.at(it) for it in FRACTIONS] == pytest.approx(
        stats.truncnorm(-1.5, 0.75, loc=8, scale=2).ppf(FRACTIONS), abs=1e-4
    )
    assert [lognormal.at(it) for it in FRACTIONS] == pytest.approx(
        stats.lognorm(0.5, scale=10).ppf(lowest + FRACTIONS * (highest - lowest)), abs=1e-4
    )
    assert (lognormal.at(0), lognormal.at(1), lognormal.middle) == (4, 30, 10)


def test_discrete_values_come_as_often_as_their_weights_and_steps_equally_often() -> None:
    found = loaded(
        """parameters:
  who: {discrete: {child: 3, adult: 1, animal: 0}}
  lanes: {discrete: [{value: 2, weight: 1}, {value: 3, weight: 1}]}
  speed_kmh: {uniform: [10, 60], step: 5, default: 40}
""",
        "${who} ${speed_kmh} ${lanes}",
    )
    who, speed_kmh = drawn(found, "who", 800), drawn(found, "speed_kmh", 800)

    assert who.count("child") / 800 == pytest.approx(0.75, abs=0.05)  # type: ignore[arg-type]
    assert "animal" not in who
    assert set(speed_kmh) == {10.0 + 5 * step for step in range(11)}
    assert found.defaults == {"who": "child", "lanes": 2, "speed_kmh": 40.0}
    assert found.parameters["speed_kmh"].in_words() == "10 to 60 in steps of 5"


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from(["uniform", "steps", "integer", "normal", "log", "discrete"]))
def test_what_is_drawn_could_be_given_and_grows_with_its_fraction(one: float, other: float, kind: str) -> None:
    distribution = {
        "uniform": Distribution(uniform=(-1, 4)),
        "steps": Distribution(uniform=(0, 1), step=0.1),
        "integer": Distribution(integer=(1, 9), step=2),
        "normal": Distribution(normal=Normal(mean=0, sd=1, min=-1, max=3)),
        "log": Distribution(lognormal=LogNormal(median=1, sigma=1, min=0.1, max=9)),
        "discrete": Distribution(discrete=(Weighted(value=1, weight=0.2), Weighted(value=2, weight=5))),
    }[kind]
    less, more = (distribution.at(fraction) for fraction in sorted((one, other)))

    assert less <= more  # type: ignore[operator]
    assert distribution.take(less) == less == distribution.parse(str(less))


def test_values_with_a_unit_are_converted_to_that_of_the_name() -> None:
    found = loaded(
        """parameters:
  speed_kmh: {uniform: [10 m/s, 50 mph]}
  gap_s: {normal: {mean: 1500 ms, sd: 0.2 s, min: 1 s, max: 2}}
  ahead_m: {discrete: {0.1 km: 1, 3000 cm: 2}}
  brake_mps2: 0.5 g
actors: {van: {body: car, speed_kmh: 5 m/s, at: {ahead_m: 0.04 km, offset_m: "-50 cm"}}}
""",
        "${speed_kmh} ${gap_s} ${ahead_m} ${brake_mps2}",
    )

    assert found.parameters["speed_kmh"].limits == pytest.approx((36, 80.4672))
    assert found.parameters["gap_s"].normal == Normal(mean=1.5, sd=0.2, min=1, max=2)
    assert found.parameters["ahead_m"].values == (100, 30)
    assert found.parameters["brake_mps2"].constant == pytest.approx(4.903325)
    van = scenario.draw(found, 0, {"speed_kmh": "12 m/s"})
    assert (van.parameters["speed_kmh"], van.actors["van"].speed_kmh) == (43.2, 18)
    assert (van.actors["van"].at.ahead_m, van.actors["van"].at.offset_m) == (40, -0.5)
    with pytest.raises(DocumentError, match=r"--set gap_s: got '3 m', a length; want a time in s, ms, min or h"):
        scenario.draw(found, 0, {"gap_s": "3 m"})
    with pytest.raises(DocumentError, match=r"got '60 mph', which is 96\.56\d* km/h; want a number from 36 to 80"):
        scenario.draw(found, 0, {"speed_kmh": "60 mph"})


def test_mistakes_in_distributions_are_told_with_what_was_wanted() -> None:
    text = """parameters:
  a_kmh: {uniform: [5 m, 9 km/h]}
  b_m: {uniform: [1, 2], step: 0.3}
  c: {discrete: {x: 0}}
  d: {choice: [x, y], default: z}
  e: {lognormal: {median: 5, sigma: 0.1, min: 50, max: 60}}
  f_s: 3 knots
  if: {uniform: [1, 2]}
  g: {uniform: [1, "${a_kmh}"]}
"""
    assert mistakes(text, "${a_kmh} ${b_m} ${c} ${d} ${e} ${f_s} ${g}") == [
        "s.yaml:7: parameters.a_kmh.uniform[0]: got '5 m', a length; want a speed in m/s, km/h or mph, as a_kmh is one",
        "s.yaml:8: parameters.b_m: step = 0.3; want one that leads from 1 to 2, in 10000 steps at most",
        "s.yaml:9: parameters.c.discrete: the weights add up to 0; want more than 0",
        "s.yaml:10: parameters.d: default: got 'z'; want one of x, y",
        "s.yaml:11: parameters.e.lognormal: less than a thousandth of the distribution lies between min and max; "
        "want more",
        "s.yaml:12: parameters.f_s.constant: got '3 knots'; want a time in s, ms, min or h, as f_s is one in s",
        "s.yaml:13: parameters.if: 'if' means something else in expressions; want another name",
        "s.yaml:13: parameters.if: is never used; want ${if} somewhere, or no parameter",
        "s.yaml:14: parameters.g.uniform[1]: has a reference, which parameters cannot have; want it under derived",
        "s.yaml:14: parameters.g.uniform[1]: got '${a_kmh}'; want a number",
    ]


THREE = """parameters:
  a: {uniform: [0, 1]}
  b: {normal: {mean: 5, sd: 1, min: 1, max: 9}}
  c: {discrete: {low: 1, high: 1}}
"""
USES = "${a} ${b} ${c}"


def test_correlated_parameters_go_together_and_keep_their_distributions() -> None:
    found = loaded(THREE + "correlations: [{of: [a, b], rho: 0.6}]\n", USES)
    draws = [found.chance.draw(seed, {}) for seed in range(1500)]
    a, b = (np.array([one[name] for one in draws], float) for name in ("a", "b"))

    # Spearman's rank correlation of a Gaussian copula: 6 / pi * arcsin(rho / 2)
    assert stats.spearmanr(a, b).statistic == pytest.approx(6 / np.pi * np.arcsin(0.3), abs=0.05)
    assert stats.kstest(b, stats.truncnorm(-4, 4, loc=5, scale=1).cdf).pvalue > 0.01


def test_a_correlation_or_a_constraint_shifts_nobody_elses_draws() -> None:
    alone = loaded(THREE, USES)
    tied = loaded(THREE + "correlations: [{of: [a, b], rho: -1}]\nconstraints: ['${a > 0.4}']\n", USES)
    one, other = ([found.chance.draw(seed, {}) for seed in range(30)] for found in (alone, tied))

    assert [it["c"] for it in one] == [it["c"] for it in other]
    kept = [(first, second) for first, second in zip(one, other, strict=True) if float(first["a"]) > 0.4]
    assert len(kept) > 5
    assert [first["a"] for first, _ in kept] == [second["a"] for _, second in kept]
    assert all(float(it["a"]) > 0.4 and float(it["b"]) < 5.3 for it in other)


def test_correlations_that_cannot_be_are_told_with_their_pairs() -> None:
    text = """correlations:
  - {of: [a, b], rho: 0.9}
  - {of: [b, c], rho: 0.9}
"""
    assert mistakes(THREE + text, USES) == [
        "s.yaml:10: correlations: no parameters can be correlated so: a and b 0.9, b and c 0.9 (a pair left out is 0); "
        "want some weaker, or more pairs"
    ]
    assert loaded(THREE + text + "  - {of: [c, a], rho: 0.7}\n", USES).chance.groups[0].names == ("a", "b", "c")
    assert mistakes(THREE + "correlations: [{of: [a, d], rho: 0.1}, {of: [b, b], rho: 2}]\n", USES) == [
        "s.yaml:10: correlations[0].of[1]: there is no parameter 'd'; want one of a, b, c",
        "s.yaml:10: correlations[1].rho: got 2; want -1 to 1",
    ]


def test_derived_values_follow_from_parameters_and_from_each_other() -> None:
    found = loaded(
        """parameters:
  speed_kmh: {uniform: [30, 60]}
  who: {choice: [child, adult]}
derived:
  stop_m: ${speed_mps ** 2 / (2 * brake_mps2) + walk_kmh}
  speed_mps: ${speed_kmh / 3.6}
  walk_kmh: {map: who, to: {child: 8, adult: "${speed_kmh / 12}"}}
  brake_mps2: 5
actors: {van: {body: car, at: {ahead_m: "${stop_m}"}}}
"""
    )
    one = scenario.draw(found, 0, {"speed_kmh": "36", "who": "child"})
    other = scenario.draw(found, 0, {"speed_kmh": "36", "who": "adult"})

    assert one.actors["van"].at.ahead_m == pytest.approx(18)
    assert other.actors["van"].at.ahead_m == pytest.approx(13)
    assert one.parameters == {"speed_kmh": 36.0, "who": "child"}
    with pytest.raises(DocumentError, match="--set stop_m: follows from brake_mps2, speed_mps, walk_kmh; set that"):
        scenario.draw(found, 0, {"stop_m": "5"})


def test_mistakes_in_derived_values_and_constraints_are_told_at_once() -> None:
    text = """parameters:
  gap_m: {uniform: [1, 9]}
  who: {choice: [child, adult]}
derived:
  a: ${b + 1}
  b: ${c * 2}
  c: ${a - gap_m}
  d: {map: who, to: {child: 8, adlt: 12}}
  e: ${1 / (gap_m - 5)}
  f: ${gap + 1}
  who: 3
constraints:
  - gap_m > 3
  - ${gap_m > 3 and gep_m < 2}
  - ${1 < 2}
"""
    assert mistakes(text, "${a} ${d} ${e} ${f} ${who}") == [
        "s.yaml:10: derived.a: follows from itself: a -> b -> c -> a; want no circle",
        "s.yaml:13: derived.d.to: has nothing for adult; want a value for each of who",
        "s.yaml:13: derived.d.to.adlt: who is never so; did you mean 'adult'?",
        "s.yaml:14: derived.e: divides by zero",
        "s.yaml:15: derived.f: there is no parameter 'gap'; did you mean 'gap_m'?",
        "s.yaml:16: derived.who: is the name of a parameter too; want another",
        "s.yaml:18: constraints[0]: got 'gap_m > 3'; want one ${...} that is true or false",
        "s.yaml:19: constraints[1]: got '${gap_m > 3 and gep_m < 2}': there is no parameter 'gep_m'; "
        "did you mean 'gap_m'?",
        "s.yaml:20: constraints[2]: got '${1 < 2}', which uses no parameter; want one that does",
    ]


TIED = """parameters:
  gap_m: {uniform: [5, 25], default: 20}
  speed_kmh: {uniform: [20, 60]}
derived: {least_m: "${speed_kmh / 3.6}"}
constraints: ["${gap_m > least_m}"]
"""


def test_constraints_hold_in_every_draw_and_equal_seeds_give_equal_draws() -> None:
    found = loaded(TIED, "${gap_m} ${speed_kmh}")
    draws = [found.chance.draw(seed, {}) for seed in range(200)]

    assert all(float(one["gap_m"]) > float(one["speed_kmh"]) / 3.6 for one in draws)
    assert draws == [found.chance.draw(seed, {}) for seed in range(200)]
    assert found.chance.draw(3, {"gap_m": 5.6})["speed_kmh"] == pytest.approx(20, abs=0.2)
    with pytest.raises(DocumentError, match=r"does not hold with gap_m = 6\.0, speed_kmh = 50\.0; want other values"):
        scenario.draw(found, 0, values={"gap_m": 6.0, "speed_kmh": 50.0})
    with pytest.raises(DocumentError, match=r"the hardest to meet, held in 0 of 200 tries \(0.0%\) of seed 1"):
        scenario.draw(found, 1, {"gap_m": "5"})


@pytest.mark.parametrize("factor", ["1", "1.0", "2", "0.5"])
def test_constraints_hold_whatever_number_a_derived_value_is(factor: str) -> None:
    text = TIED.replace("least_m:", f"factor: {factor}, least_m:").replace("> least_m", "> least_m * factor / 2")
    found = loaded(text, "${gap_m} ${speed_kmh}")

    assert found.chance.constraints == ("${gap_m > least_m * factor / 2}",)
    draws = [found.chance.draw(seed, {}) for seed in range(50)]
    assert all(float(one["gap_m"]) > float(one["speed_kmh"]) / 3.6 * float(factor) / 2 for one in draws)


def test_constraints_that_never_hold_alone_or_together_are_mistakes_in_the_file() -> None:
    text = TIED.replace('least_m}"]', 'least_m}", "${gap_m > 30}"]')

    assert mistakes(text, "${gap_m} ${speed_kmh}") == [
        "s.yaml:10: constraints[1]: '${gap_m > 30}' held in none of 1000 draws; want one that can hold"
    ]
    text = TIED.replace('least_m}"]', 'least_m}", "${gap_m < 7}", "${speed_kmh > 40}"]')
    (found,) = mistakes(text, "${gap_m} ${speed_kmh}")
    assert "of 1000 draws, but never together with the others; want constraints that can all hold" in found
    assert mistakes(TIED.replace("default: 20", "default: 6"), "${gap_m} ${speed_kmh}") == [
        "s.yaml:10: constraints[0]: '${gap_m > least_m}' does not hold at the defaults; "
        "want another `default` of what it uses"
    ]


def test_an_end_that_a_constraint_forbids_is_no_mistake_and_one_that_it_allows_is() -> None:
    text = """parameters:
  ahead_m: {uniform: [100, 2000], default: 150}
derived: {place_m: "${ahead_m}"}
actors: {van: {body: car, at: {ahead_m: "${place_m}"}}}
"""
    assert mistakes(text) == ["s.yaml:9: actors.van.at.ahead_m: with ahead_m = 2000.0: got 2000.0; want -1000 to 1000"]
    assert loaded(text + 'constraints: ["${ahead_m <= 1000}"]\n').defaults == {"ahead_m": 150.0}


def test_rules_between_parts_are_looked_at_with_each_text_and_at_each_end() -> None:
    text = """parameters:
  who: {choice: [adult, car]}
  start_s: {uniform: [1, 30]}
actors: {who: {body: "${who}", at: {ahead_m: 20}}, van: {body: car, at: {ahead_m: 20}}}
events:
  - {actor: van, when: {time_s: 2}, do: {brake: {deceleration_mps2: 2}}}
  - {actor: who, when: {time_s: "${start_s}"}, do: {cross: {speed_kmh: 8}}}
"""
    assert mistakes(text) == [
        "s.yaml:12: events[1].do.cross: with who = 'car': who is 'car'; want drive, cut_in or brake of a vehicle, "
        "or another of its 31 manoeuvres (docs/reference/scenarios.md)",
        "s.yaml:12: events[1].when.time_s: with start_s = 30.0: got 30; want less than duration_s = 20",
    ]


MANY = (
    "actors: {van: {body: car, at: {ahead_m: 20}}}\nparameters:\n"
    + "".join(f"  p{number}: {{uniform: [1, 9]}}\n" for number in range(12))
    + "  late_s: {uniform: [1, 30]}\nevents:\n"
    + "".join(
        f'  - {{actor: van, when: {{time_s: "${{p{number}}}"}}, do: {{brake: {{deceleration_mps2: 2}}}}}}\n'
        for number in range(12)
    )
)
LATE = '  - {actor: van, when: {time_s: "${late_s}"}, do: {brake: {deceleration_mps2: 2}}}\n'


def test_only_what_uses_a_parameter_is_looked_at_again_at_its_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    filled: list[object] = []

    def counting(document: Document, data: object, values: object, at: object) -> object:
        filled.append(at)
        return substitute(document, data, values, at)  # type: ignore[arg-type]

    monkeypatch.setattr(extremes, "substitute", counting)
    loaded(MANY + LATE.replace("late_s", "late_s / 3"))

    assert filled == [("events", number) for number in range(13) for _ in range(2)]


def test_ends_are_looked_at_together_where_one_by_one_would_take_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    one_by_one = mistakes(MANY + LATE)
    monkeypatch.setattr(extremes, "MAX_WORK", 0)

    assert one_by_one == [
        "s.yaml:34: events[12].when.time_s: with late_s = 30.0: got 30; want less than duration_s = 20"
    ]
    assert mistakes(MANY + LATE) == [
        "s.yaml:34: events[12].when.time_s: with p0 = 9.0 and others at their ends: "
        "got 30; want less than duration_s = 20"
    ]


def test_what_goes_wrong_inside_a_range_or_where_two_ends_meet_is_found_at_loading() -> None:
    lanes = 'parameters: {lanes: {integer: [1, 4], default: 1}}\nderived: {share: "${1 / (lanes - 3)}"}\n'
    two = """parameters:
  ahead_m: {uniform: [0, 1000], default: 0}
  more_m: {uniform: [0, 1000], default: 0}
actors: {van: {body: car, at: {ahead_m: "${ahead_m + more_m}"}}}
"""

    assert mistakes(lanes, "x ${share}") == ["s.yaml:7: derived.share: in some draws: divides by zero"]
    (found,) = mistakes(two)
    assert found.startswith("s.yaml:9: actors.van.at.ahead_m: with ahead_m = ")
    assert found.endswith("; want -1000 to 1000")


def test_a_stream_depends_on_names_and_the_seed_only() -> None:
    assert stream("s", "x", 1).random() == stream("s", "x", 1).random() != stream("s", "x", 2).random()
