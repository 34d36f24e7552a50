"""`av-synth improve`, on a store in which all is done, and as a whole on the simulator with the reference detector."""

from __future__ import annotations

from pathlib import Path

import pytest

from av_synth.cli.app import status
from av_synth.improve import Improvement, Trainable, load
from av_synth.improve.grading import detect_all
from av_synth.improve.images import read_images
from av_synth.improve.space import Space

REFERENCE = "av_synth.improve.reference_torch:Reference"
STREET = Path(__file__).parents[2] / "examples" / "improve" / "street.yaml"


def test_the_verb_tells_what_was_found_spent_and_what_came_of_it(
    improved: tuple[Path, Improvement], space: Space, capsys: pytest.CaptureFixture[str]
) -> None:
    store, came = improved
    options = ["--space", str(space.path), "--budget", "4", "--floor", "0.5", "--held-out-runs", "1"]
    code = status(["improve", "--model", "colours:Colours", "--store", str(store), *options])

    told = capsys.readouterr().out
    assert code == 0
    assert "round 0: 4 runs" in told
    assert "round 1: 8 runs" in told
    assert "found on data not learnt from: recall " in told
    (spent, *_) = came.rounds[1].spent
    assert (
        f"{spent.by_share + spent.by_need} of {spent.scenario} in {spent.weather}, {spent.by_need} of them by need"
        in told
    )
    assert "held out, round 0 and round 1:" in told
    assert "  class vehicle.car: recall " in told


def test_a_model_that_is_none_ends_the_verb_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = status(["improve", "--model", "nothing", "--store", str(tmp_path / "store"), "--budget", "4"])

    assert code == 2
    assert "--model: got 'nothing'; want module:Class" in capsys.readouterr().err
    assert not (tmp_path / "store").exists()


def test_colons_around_letters_are_no_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status(["improve", "--model", "nowhere:X", "--store", str(tmp_path / "store"), "--budget", "4"])

    assert "--model: nowhere:X: cannot be imported" in capsys.readouterr().err


@pytest.mark.long
def test_the_reference_learns_where_cars_are(improved: tuple[Path, Improvement]) -> None:
    detector = load(REFERENCE)
    assert isinstance(detector, Trainable)
    images = read_images(improved[0] / "nuscenes")
    detector.fit(images, 0)
    found = detect_all(detector, images)
    sure = [name for one in found.values() for name, score in zip(one.classes, one.scores, strict=True) if score > 0.5]
    assert sure.count("car") >= len(images) / 2


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_reference_is_improved_on_the_simulator(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--space", str(STREET), "--budget", "4", "--held-out-runs", "1", "--workers", "1"]
    code = status(["improve", "--model", REFERENCE, "--store", str(tmp_path / "store"), *options])

    told = capsys.readouterr()
    assert code == 0, told.err
    assert "round 1: 8 runs" in told.out
    assert "held out, round 0 and round 1:" in told.out
