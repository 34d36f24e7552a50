"""The run that a user means: by its folder, or by its seed where a store has several."""

from __future__ import annotations

from pathlib import Path

import pytest

from av_synth import store
from av_synth.cli.app import status
from av_synth.errors import UserError
from tests.export.synthetic_run import TINY, build_run


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with runs of the seeds 1 and 2."""
    root = tmp_path_factory.mktemp("two")
    for seed in (1, 2):
        build_run(root, seed, sensors=TINY)
    return root


def refused(path: Path, seed: int | None) -> str:
    with pytest.raises(UserError) as caught:
        store.open_named(path, seed)
    return str(caught.value)


def test_of_a_store_with_several_runs_the_seed_says_which(two: Path) -> None:
    assert [store.open_named(two, seed).manifest["seed"] for seed in (1, 2)] == [1, 2]


def test_who_says_too_little_or_a_seed_that_is_not_there_is_told_what_there_is(two: Path) -> None:
    runs = sorted(
        f"  {path}: {manifest['scenario']}, rig {manifest['rig']}, seed {manifest['seed']}"
        for path in store.runs(two)
        for manifest in [store.open_run(path).manifest]
    )

    for seed, said in (
        (None, "holds 2 runs; want one, by its folder or its seed:"),
        (3, "has no run of seed 3; want one that is there:"),
    ):
        first, *listed = refused(two, seed).splitlines()
        assert first == f"{two}: {said}"
        assert listed == runs


def test_several_runs_of_one_seed_are_told_apart_by_their_folders(two: Path, tmp_path: Path) -> None:
    for sensors in ((), TINY):
        build_run(tmp_path, 1, sensors=sensors)

    found = refused(tmp_path, 1)
    assert f"{tmp_path}: holds 2 runs of seed 1; want one, by its folder:" in found
    assert all(str(path) in found for path in store.runs(tmp_path))


def test_runs_of_one_scenario_rig_and_seed_are_told_with_what_differs(tmp_path: Path) -> None:
    for sensors, gap_m, rain_mm_h in (((), 2.0, 0.0), (TINY, 2.5, 12.0)):
        scenario = {
            "name": "near",
            "town": "AvSynth01",
            "parameters": {"gap_m": gap_m, "speed_kmh": 40.0},
            "weather": {"rain_mm_h": rain_mm_h, "fog_density": 0.0},
        }
        build_run(tmp_path, 1, sensors=sensors, scenario=scenario)

    told = sorted(line.partition(": ")[2] for line in refused(tmp_path, None).splitlines()[1:])
    assert told == [
        "near, rig synthetic, seed 1, gap_m 2.0, rain_mm_h 0.0",
        "near, rig synthetic, seed 1, gap_m 2.5, rain_mm_h 12.0",
    ]


def test_the_folder_of_a_run_has_to_be_of_the_seed_that_is_asked_for(two: Path) -> None:
    run = store.open_named(two, 2).folder

    assert store.open_named(run, 2).folder == run
    assert f"{run}: has no run of seed 1" in refused(run, 1)


def test_a_broken_run_does_not_stand_in_the_way_of_another(tmp_path: Path) -> None:
    whole, broken = build_run(tmp_path, 1, sensors=TINY), build_run(tmp_path, 2, sensors=TINY)
    (broken / "manifest.json").unlink()

    assert store.open_named(tmp_path, 1).folder == whole


@pytest.mark.parametrize("verb", ["replay", "vary", "video", "recorder write"])
def test_every_verb_that_takes_a_run_takes_its_seed(
    verb: str, two: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = [str(tmp_path / "own.log")] if verb == "recorder write" else ["--out", str(tmp_path / "own.mp4")]

    assert status([*verb.split(), str(two), *out, "--seed", "7"]) == 2
    assert "has no run of seed 7; want one that is there:" in capsys.readouterr().err


def test_a_recorder_file_has_no_seed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "own.log"
    file.write_bytes(b"")

    assert status(["replay", str(file), "--seed", "1", "--out", str(tmp_path / "out")]) == 2
    assert "--seed: goes with a folder of runs; a recorder file has none" in capsys.readouterr().err
