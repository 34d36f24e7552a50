"""Figures of an audit against what is known of them."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from av_synth.audit import nulls
from av_synth.audit.contents import contents
from av_synth.audit.drift import drift_findings
from av_synth.audit.features import SIZE, effective_samples, look, spread
from av_synth.audit.model import Drift
from tests.audit.plain_dataset import deal, write


@pytest.mark.parametrize(("drawn", "kind", "everything"), [(1, 3, 7), (3, 3, 7), (2, 5, 9), (4, 3, 7), (0, 2, 4)])
def test_drawing_one_kind_only_is_as_likely_as_counting_says(drawn: int, kind: int, everything: int) -> None:
    draws = list(combinations(range(everything), drawn))
    of_kind = sum(all(each < kind for each in draw) for draw in draws)

    assert nulls.all_of_one_kind(drawn, kind, everything) == pytest.approx(of_kind / len(draws))


def test_probabilities_are_corrected_as_holm_says() -> None:
    assert nulls.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert nulls.holm([0.9, 0.8]) == [1.0, 1.0]


def test_a_figure_that_chance_never_reaches_is_as_likely_as_the_draws_can_tell() -> None:
    assert nulls.p_value(2.0, np.ones(99)) == pytest.approx(0.01)
    assert nulls.p_value(1.0, np.ones(99)) == 1.0


def test_relabelled_scenes_are_as_many_as_they_were_and_all_are_equally_likely() -> None:
    labels = nulls.relabelled(np.random.default_rng(0), 8, 3, 4000)

    assert set(labels.sum(axis=1)) == {3.0}
    assert labels.mean(axis=0) == pytest.approx(np.full(8, 3 / 8), abs=0.03)


def test_entropy_divergence_and_stability_are_those_of_their_formulas() -> None:
    even, one = np.array([5.0, 5.0, 5.0, 5.0]), np.array([9.0, 0.0, 0.0, 0.0])

    assert float(nulls.entropy_nats(even)) == pytest.approx(math.log(4))
    assert float(nulls.entropy_nats(one)) == 0.0
    assert nulls.divergence_bits(even, even) == pytest.approx(0.0)
    assert nulls.divergence_bits(np.array([3.0, 0.0]), np.array([0.0, 7.0])) == pytest.approx(1.0)
    moved = (0.6 - 0.5) * math.log(0.6 / 0.5) + (0.4 - 0.5) * math.log(0.4 / 0.5)
    assert nulls.stability_index(np.array([60.0, 40.0]), np.array([50.0, 50.0])) == pytest.approx(moved)
    assert 0.5 < nulls.stability_index(one, even) < 10.0


def test_association_is_1_where_each_tells_the_other_and_0_where_neither_does() -> None:
    tables = np.array([[[7.0, 0.0], [0.0, 3.0]], [[6.0, 2.0], [3.0, 1.0]]])

    assert nulls.association(tables) == pytest.approx([1.0, 0.0])
    assert float(nulls.association(np.array([[2.0, 0.0], [5.0, 0.0]]))) == 0.0


@settings(max_examples=8)
@given(st.integers(1, 12), st.integers(1, 5))
def test_so_many_kinds_of_equal_samples_count_as_so_many(kinds: int, each: int) -> None:
    far = np.random.default_rng(0).normal(0.0, 5.0, (kinds, SIZE))  # many times the kernel's width

    found = float(effective_samples(spread(np.repeat(far, each, axis=0))))
    assert found == pytest.approx(kinds, rel=0.06)


def pictures(root: Path) -> dict[str, Path]:
    """A picture; the same compressed more, brighter, half as large; and another one."""
    smooth = cv2.resize(np.random.default_rng(1).uniform(0, 200, (6, 9)).astype(np.float32), (320, 180))
    other = cv2.resize(np.random.default_rng(2).uniform(0, 200, (6, 9)).astype(np.float32), (320, 180))
    made = {"first": smooth, "brighter": smooth + 15.0, "smaller": cv2.resize(smooth, (160, 90)), "other": other}
    for name, image in made.items():
        cv2.imwrite(str(root / f"{name}.jpg"), image.astype(np.uint8))
    cv2.imwrite(str(root / "coarser.jpg"), smooth.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 30])
    return {path.stem: path for path in root.iterdir()}


def test_pictures_that_look_the_same_differ_in_few_bits_and_others_in_many(tmp_path: Path) -> None:
    seen = {name: look(path) for name, path in pictures(tmp_path).items()}
    first = seen["first"]
    assert first is not None

    apart = {name: bin(first.fingerprint ^ each.fingerprint).count("1") for name, each in seen.items() if each}
    assert max(apart[name] for name in ("brighter", "smaller", "coarser")) <= 6
    assert apart["other"] > 16


def test_what_is_no_picture_has_no_look(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "empty.jpg").touch()

    assert [look(tmp_path / name) for name in ("text.jpg", "empty.jpg", "missing.jpg")] == [None, None, None]


def test_few_scenes_cannot_tell_what_moved_from_chance_and_a_thousand_can(tmp_path: Path) -> None:
    few = contents(write(tmp_path / "few", deal(40, 2)))
    many = replace(few, scenes=few.scenes * 500)
    moved = (Drift("light", psi=0.3, divergence_bits=0.1, p=0.5),)

    assert [finding.severity for finding in drift_findings(moved, few, few)] == ["note"]
    assert list(drift_findings(moved, many, many)) == []
