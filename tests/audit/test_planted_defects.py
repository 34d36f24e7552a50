"""What is wrong with a dataset is found and named; what is not, raises no alarm."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from av_synth.audit import Audit, Finding, audit
from tests.audit.plain_dataset import BOTH, CLASSES, Kind, Scene, Somebody, deal, repeated, write

SCENES = 24
SEEDS = range(5)


@pytest.fixture(scope="module")
def batches(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Five datasets of one distribution, without a defect."""
    root = tmp_path_factory.mktemp("batches")
    return [write(root / f"batch{seed}", deal(seed, SCENES, Kind(scenarios=BOTH))) for seed in SEEDS]


def alarms(found: Audit, kind: str) -> list[Finding]:
    return [finding for finding in found.alarms if finding.kind == kind]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_clean_dataset_raises_no_alarm_alone_or_beside_another_of_its_kind(batches: list[Path], seed: int) -> None:
    found = audit(batches[seed], [batches[seed - 1]], seed=seed)

    assert [str(finding) for finding in found.alarms] == []
    assert (found.scenes, found.samples) == (SCENES, SCENES * 5)
    assert {each.slice for each in found.drift} >= {"class", "weather", "light", "town", "range", "speed"}


def test_a_class_that_was_removed_is_named(batches: list[Path], tmp_path: Path) -> None:
    without = tuple(each for each in CLASSES if each != "human.pedestrian.child")
    found = audit(write(tmp_path / "cut", deal(7, SCENES, Kind(classes=without, scenarios=BOTH))), [batches[0]])

    (missing,) = alarms(found, "missing")
    assert (missing.severity, missing.about) == ("serious", "class=human.pedestrian.child")
    assert "human.pedestrian.child is in none of 24 scenes; batch0 has it in" in missing.words
    assert "scenario: " in found.campaign


def test_a_third_of_duplicates_is_counted_and_named_by_scene(tmp_path: Path) -> None:
    scenes = deal(8, 17)
    scenes += [repeated(scene, 9000 + k) for k, scene in enumerate(scenes[:7])]
    found = audit(write(tmp_path / "twice", scenes))

    (near,) = alarms(found, "near-duplicates")
    assert near.severity == "serious"
    assert "scene-0018 repeats scene-0001 (5 samples)" in near.words
    assert found.duplicates.across == pytest.approx(35, abs=2)
    assert {(each.scene, each.first) for each in found.duplicates.scenes} == {
        (f"scene-{18 + k:04d}", f"scene-{1 + k:04d}") for k in range(7)
    }


@pytest.mark.parametrize("changed", ["scenery", "people", "shift_m"])
def test_what_looks_the_same_or_is_labelled_the_same_but_not_both_is_no_duplicate(tmp_path: Path, changed: str) -> None:
    """In the last all are 2 m further ahead."""
    scenes = deal(8, 4)
    other = [replace(scene, shift_m=2.0) for scene in deal(9, 4)]
    scenes += [replace(scene, seed=9000 + k, **{changed: getattr(other[k], changed)}) for k, scene in enumerate(scenes)]

    assert audit(write(tmp_path / "alike", scenes)).duplicates.across == 0


def test_few_scenes_give_notes_of_what_may_be_chance_and_no_alarm(batches: list[Path], tmp_path: Path) -> None:
    first, *others = deal(22, 4, Kind(scenarios=BOTH))
    alone = replace(first, weather="rain", light="night")
    cars = [replace(each, people=tuple(p for p in each.people if p.category == "vehicle.car")) for each in others]
    found = audit(
        write(tmp_path / "few", [alone, *(replace(each, weather="dry", light="day") for each in cars)]), batches[:1]
    )

    assert found.alarms == ()
    assert {each.about for each in found.findings if each.kind == "missing"} >= {"weather=fog", "light=low sun"}


def test_what_an_earlier_batch_had_is_named_by_scene_of_both(batches: list[Path], tmp_path: Path) -> None:
    scenes = deal(20, 12, Kind(scenarios=BOTH))
    scenes[3:5] = [repeated(scene, 9000 + k) for k, scene in enumerate(deal(1, SCENES, Kind(scenarios=BOTH))[:2])]
    found = audit(write(tmp_path / "next", scenes), batches[:2])

    (near,) = found.alarms
    assert (near.kind, near.severity, near.about) == ("near-duplicates", "serious", "of batch0 and 1 more")
    assert (found.duplicates.across, found.duplicates.before) == (0, 10)
    assert "scene-0004 repeats scene-0001 (5 samples); scene-0005 repeats scene-0002" in near.words
    assert found.against == (str(batches[0]), str(batches[1]))


def test_datasets_of_other_towns_are_told_so_once_and_not_alarmed_at(batches: list[Path], tmp_path: Path) -> None:
    elsewhere = Kind(towns=("boston-seaport", "singapore-onenorth"), scenarios=BOTH)
    found = audit(write(tmp_path / "elsewhere", deal(21, SCENES, elsewhere)), [batches[3]])

    assert found.alarms == ()
    assert [each.words for each in found.findings if each.about.startswith("town")] == [
        "No town of this dataset is one of batch3; what comes of that shows under the other slices."
    ]


def test_one_weather_is_named_and_others_are_proposed(tmp_path: Path) -> None:
    found = audit(write(tmp_path / "dry", deal(10, SCENES, Kind(weathers=("dry",), scenarios=BOTH))))

    (one,) = alarms(found, "one value")
    assert (one.severity, one.about) == ("warning", "weather=dry")
    assert "All 24 scenes have weather dry" in one.words
    assert "rain_mm_h: 10.0" in found.campaign
    assert "fog_density: 40.0" in found.campaign


def split(train: list[int], val: list[int]) -> dict[str, list[str]]:
    names = {"av_synth_train": train, "av_synth_val": val}
    return {name: [f"scene-{number:04d}" for number in numbers] for name, numbers in names.items()}


def two_splits(tmp_path: Path, scenes: list[Scene], **tables: object) -> list[Finding]:
    """The leaks of a dataset of scenes whose last third is for validation."""
    cut = 2 * len(scenes) // 3
    splits = split(list(range(1, cut + 1)), list(range(cut + 1, len(scenes) + 1)))
    return alarms(audit(write(tmp_path / "splits", scenes, splits=splits, **tables)), "leak")


def test_splits_with_nothing_in_common_leak_nothing(tmp_path: Path) -> None:
    assert two_splits(tmp_path, deal(11, 9)) == []


def test_scenes_of_one_draw_in_two_splits_are_a_leak(tmp_path: Path) -> None:
    scenes = deal(11, 9)
    scenes[8] = replace(deal(12, 1)[0], seed=scenes[0].seed, scenario=scenes[0].scenario, town=scenes[0].town)

    (leak,) = two_splits(tmp_path, scenes)
    assert (leak.severity, leak.about) == ("serious", "av_synth_train and av_synth_val")
    assert "scenes of one draw (scenario, seed and town): scene-0001 and scene-0009." in leak.words


def test_near_duplicates_in_two_splits_are_a_leak(tmp_path: Path) -> None:
    scenes = deal(11, 9)
    scenes[7] = repeated(scenes[2], 9000)

    (leak,) = two_splits(tmp_path, scenes)
    assert "near-duplicates: scene-0003 and scene-0008." in leak.words


def test_counterfactual_twins_in_two_splits_are_a_leak(tmp_path: Path) -> None:
    twins = [{"scene_token": "scene-0007", "counterpart_scene_token": "scene-0002"}]

    (leak,) = two_splits(tmp_path, deal(11, 9), counterfactuals=twins)
    assert "counterfactual twins: scene-0002 and scene-0007." in leak.words


def test_a_scene_that_is_in_two_splits_is_a_leak_but_not_of_two_for_training(tmp_path: Path) -> None:
    told = split([1, 2, 3], [3, 4]) | {"train_detect": ["scene-0001"]}

    (leak,) = alarms(audit(write(tmp_path / "both", deal(11, 4), splits=told)), "leak")
    assert "share the same scenes: scene-0003." in leak.words


def test_lists_of_the_datasets_of_a_mix_are_no_splits(tmp_path: Path) -> None:
    told = split([1, 2, 3], [4]) | {f"from_{name}": ["scene-0001", "scene-0004"] for name in ("a", "b")}
    rows = [{"scene_token": f"scene-000{k}", "dataset": "a/b" if k in (1, 4) else "c"} for k in range(1, 5)]
    scenes = deal(11, 4)

    assert alarms(audit(write(tmp_path / "mix", scenes, splits=told, mix_scene=rows)), "leak") == []
    assert alarms(audit(write(tmp_path / "no_mix", scenes, splits=told)), "leak")


def test_a_class_that_occurs_at_night_only_is_named(tmp_path: Path) -> None:
    scenes = [
        scene
        if scene.light == "night"
        else replace(scene, people=tuple(one for one in scene.people if one.category != "vehicle.bicycle"))
        for scene in deal(13, 36)
    ]

    (bias,) = alarms(audit(write(tmp_path / "night", scenes)), "bias")
    assert (bias.severity, bias.about) == ("serious", "vehicle.bicycle, light=night")


@pytest.mark.parametrize(("cyclists", "severity"), [(7, "warning"), (8, "serious")])
def test_that_a_class_may_be_under_any_one_value_is_counted(cyclists: int, severity: str, tmp_path: Path) -> None:
    """Of 16 scenes 8 are at night. That 7 are all of them is 1 in 1430, asked of two classes under two values each."""
    car, bicycle = Somebody("vehicle.car", 9.0, 3.0, 0.0, 5.0), Somebody("vehicle.bicycle", 20.0, -3.0, 0.0, 5.0)
    scenes = [
        replace(scene, light="night" if k < 8 else "day", people=(car, bicycle) if k < cyclists else (car,))
        for k, scene in enumerate(deal(17, 16, Kind(weathers=("dry",), towns=("AvSynth01",))))
    ]

    (bias,) = alarms(audit(write(tmp_path / "night", scenes)), "bias")
    assert (bias.severity, bias.about) == (severity, "vehicle.bicycle, light=night")


def test_what_occurs_more_often_than_in_the_reference_is_named_with_both_shares(
    batches: list[Path], tmp_path: Path
) -> None:
    lights = (*["night"] * 8, "day")
    found = audit(write(tmp_path / "dark", deal(14, 36, Kind(lights=lights, scenarios=BOTH))), [batches[1]])

    (drift,) = alarms(found, "drift")
    assert drift.about == "light"
    assert "over-represented: night (" in drift.words
    (much,) = (finding for finding in found.findings if finding.kind == "over-represented")
    night = next(each for each in found.contents if each.name == "light").values[-1]
    assert (much.severity, much.about, much.figures["share"]) == ("note", "light=night", night.share)
    assert night.share >= 0.8


def test_a_batch_that_is_all_of_a_kind_has_collapsed(batches: list[Path], tmp_path: Path) -> None:
    first = deal(15, 1, Kind(weathers=("rain",), lights=("day",), towns=("AvSynth01",), scenarios=BOTH))[0]
    scenes = [
        replace(scene, scenery=first.scenery, people=first.people) for scene in deal(16, SCENES, Kind(scenarios=BOTH))
    ]
    found = audit(write(tmp_path / "same", scenes), [batches[2]])

    (collapse,) = alarms(found, "collapse")
    assert collapse.severity == "serious"
    assert "the variety has collapsed to" in collapse.words
    ours, others = found.diversity.effective_samples, found.diversity.other_effective_samples
    assert others is not None
    assert ours < others / 2


def test_equal_data_and_seed_give_equal_figures(tmp_path: Path) -> None:
    here, other = (write(tmp_path / str(seed), deal(seed, 8)) for seed in (30, 31))

    assert audit(here, [other], seed=3) == audit(here, [other], seed=3)
