"""Queries: their language, and samples of a dataset that is made without a simulator."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from av_synth.cli.app import status
from av_synth.errors import StoreError, UserError
from av_synth.query import FIELDS, Seen, fields, find, parse
from tests.export.as_nuscenes import export
from tests.export.synthetic_run import SENSORS, SyntheticTown, build_run, ego_to_walker_m

TINY = tuple(sensor for sensor in SENSORS if sensor.channel in ("CAM_FRONT", "LIDAR_TOP"))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("query")
    return export([build_run(root / "store", 0, sensors=TINY)], root / "dataset")


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("a<1.5", 1.4, True),
        ("a<1.5", 1.5, False),
        ("a<=1.5", 1.5, True),
        ("a > 1.5", 1.4, False),
        ("a>=-2", -2, True),
        ("a=0.5..1.5", 1.5, True),
        ("a=0.5..1.5", 1.6, False),
        ("a=..1", -3.0, True),
        ("a=2..", 1.0, False),
        ("a=1,3", 3, True),
        ("a!=1,3", 2, True),
        ("a=human.*,animal", "human.pedestrian.child", True),
        ("a=human.*,animal", "vehicle.car", False),
        ("a!=vehicle.*", "vehicle.car", False),
        ("a=*.brake", ("walker.run_across", "ego.brake"), True),
        ("a", True, True),
        ("!a", True, False),
        ("a=no", False, True),
    ],
)
def test_a_condition_holds_of_what_it_says(text: str, value: object, holds: bool) -> None:
    (condition,) = parse(text)
    assert condition.field == "a"
    assert condition.holds(value) is holds  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "value", "wanted"),
    [
        ("a<x", 1.0, "is a number; got 'x'"),
        ("a=x..2", 1.0, "is a number; got 'x'"),
        ("a<1", "car", "is text; want = or !="),
        ("a>0", True, "is yes or no; want = or !="),
        ("a=1", True, "is yes or no; got '1'"),
    ],
)
def test_what_cannot_be_compared_is_said(text: str, value: object, wanted: str) -> None:
    with pytest.raises(UserError, match=wanted):
        parse(text)[0].holds(value)  # type: ignore[arg-type]


def test_every_part_that_cannot_be_read_is_told_at_once() -> None:
    with pytest.raises(UserError, match=r"(?s)'__import__\('os'\)'.*'!a<3'") as caught:
        parse("__import__('os') ttc_s=1, !a<3")
    assert len(str(caught.value).splitlines()) == 2
    with pytest.raises(UserError, match="asks for nothing"):
        parse("  ")
    with pytest.raises(UserError, match="want at most 2000"):
        parse("a " * 1001)


@given(st.text(max_size=40), st.one_of(st.floats(allow_nan=False), st.booleans(), st.text()))
def test_any_text_is_a_query_or_a_user_error(text: str, value: float | bool | str) -> None:
    with suppress(UserError):
        for condition in parse(text):
            assert condition.holds(value) in (True, False)


def test_conditions_on_things_hold_of_one_and_the_same_thing(dataset: Path) -> None:
    assert len(find(dataset, "category=human.pedestrian.adult")) == 4
    assert find(dataset, "category=human.pedestrian.adult speed_mps>5") == ()
    assert len(find(dataset, "category=vehicle.truck speed_mps>5")) == 4
    for match in find(dataset, "category=human.* speed_mps=1..2"):
        assert [thing.values["category"] for thing in match.things] == ["human.pedestrian.adult"]


def test_metrics_weather_and_phases_are_those_of_the_sample(dataset: Path) -> None:
    apart = [ego_to_walker_m(SyntheticTown(), frame) for frame in (0, 10, 20, 30)]
    (match,) = find(dataset, f"category=human.* distance_m<{apart[2] - 0.01}")
    assert match.sample.time_s == 1.5
    assert match.things[0].values["distance_m"] == pytest.approx(apart[3])
    assert match.sample.file.startswith("samples/CAM_FRONT/")
    assert [found.sample.time_s for found in find(dataset, "weather.night")] == [1.0, 1.5]
    assert [found.sample.time_s for found in find(dataset, "weather.sun_altitude_angle=0..10")] == [0.0, 0.5]
    assert [found.sample.time_s for found in find(dataset, "phase=ego.brake !weather.rain")] == [1.0, 1.5]
    assert len(find(dataset, "scenario=synth* parameters.speed_mps=8")) == 4


def test_unknown_fields_are_errors_with_the_nearest_name_and_known_ones_without_a_value_are_not(dataset: Path) -> None:
    with pytest.raises(UserError, match=r"(?s)no field 'ttc'; did you mean 'ttc_s'.*no field 'wether.night'.*weather"):
        find(dataset, "ttc<1.5 wether.night")
    unheard: list[str] = []
    assert find(dataset, "ttc_s<1.5", None, unheard.append) == ()
    assert unheard == []
    find(dataset, "category=human.pedestrian.adlt,vehicle.* scene=*", None, unheard.append)
    told = "nothing in the dataset has category 'human.pedestrian.adlt'; did you mean 'human.pedestrian.adult'?"
    assert unheard == [f"query: 'category=human.pedestrian.adlt,vehicle.*': {told}"]


def test_the_fields_that_are_there_are_listed_with_their_values(dataset: Path) -> None:
    found = fields(dataset)
    assert {"category", "visibility", "distance_m", "weather.night", "quality.visible_fraction"} <= found.keys()
    assert (found["seed"].least, found["seed"].greatest) == (0, 0)
    assert "human.pedestrian.adult" in found["category"].words
    assert found["weather.night"].words == ("no", "yes")
    assert found["never_began"].words == ("brake",)
    assert not {"held", "never_began", "rig"} - FIELDS.keys()


def test_of_a_field_with_many_words_it_is_told_that_there_are_more() -> None:
    few, many = Seen(), Seen()
    for letter in "abcdefg":
        many.add(letter)
        few.add(min(letter, "f"))
    assert (few.words, few.more) == (many.words, False) == (tuple("abcdef"), False)
    assert many.more


def test_a_folder_that_is_no_dataset_is_an_error_of_the_user(tmp_path: Path, dataset: Path) -> None:
    with pytest.raises(UserError, match="want a dataset's root"):
        find(tmp_path, "ttc_s<1")
    with pytest.raises(UserError, match=r"has no version 'v9'; want --version with one of v1\.0-trainval"):
        find(dataset, "ttc_s<1", version="v9")
    for name in ("sample", "sample_annotation", "scene"):
        (tmp_path / "v1").mkdir(exist_ok=True)
        (tmp_path / f"v1/{name}.json").write_text("[]")
    (tmp_path / "v1/sample.json").write_text('[{"token": "x"}]')
    with pytest.raises(StoreError, match="table"):
        find(tmp_path, "ttc_s<1")


def test_the_program_prints_lines_or_json(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status(["query", str(dataset), "category=human.pedestrian.adult", "weather.night", "distance_m<99"]) == 0
    *lines, summary = capsys.readouterr().out.splitlines()
    assert summary == "2 samples in 1 scene"
    assert "1.50 s  samples/CAM_FRONT/" in lines[1]
    assert "distance_m=" in lines[1]
    assert status(["query", str(dataset), "weather.night", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [sample["time_s"] for sample in told] == [1.0, 1.5]
    assert told[0]["things"] == []
    assert status(["query", str(dataset), "--fields"]) == 0
    assert "weather.night" in capsys.readouterr().out
    assert status(["query", str(dataset)]) == 2
    assert status(["query", str(dataset), "visibilty<3"]) == 2
    assert "did you mean 'visibility'" in capsys.readouterr().err
