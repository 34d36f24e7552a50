"""Slices: under which words a sample and somebody in it are counted."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyquaternion import Quaternion

from av_synth.errors import UserError
from av_synth.query import SLICES, UNKNOWN, SampleFacts, Thing, read, sliced
from tests.export.as_nuscenes import export
from tests.export.synthetic_run import SENSORS, build_run


def sample(**values: float | bool | str) -> SampleFacts:
    return SampleFacts("scene-0001", "token", 0.0, "", {key.replace("__", "."): x for key, x in values.items()}, ())


def thing(**values: float | str) -> Thing:
    return Thing("annotation", "instance", dict(values))


@pytest.mark.parametrize(
    ("name", "values", "word"),
    [
        ("range", {"range_m": 0.0}, "0..10 m"),
        ("range", {"range_m": 10.0}, "10..20 m"),
        ("range", {"range_m": 50.0}, "over 50 m"),
        ("range", {}, UNKNOWN),
        ("ttc", {"ttc_s": 0.5}, "0..1 s"),
        ("ttc", {"ttc_s": -0.5}, "0..1 s"),
        ("ttc", {}, "no collision course"),
        ("visibility", {"visibility": 1}, "0..40 %"),
        ("bearing", {"bearing_deg": -45.0}, "ahead"),
        ("bearing", {"bearing_deg": 90.0}, "left"),
        ("bearing", {"bearing_deg": -134.9}, "right"),
        ("bearing", {"bearing_deg": -135.0}, "behind"),
        ("bearing", {}, UNKNOWN),
        ("heading", {"heading_deg": 10.0}, "same way"),
        ("heading", {"heading_deg": 90.0}, "crossing"),
        ("heading", {"heading_deg": -90.0}, "crossing"),
        ("heading", {"heading_deg": 180.0}, "oncoming"),
        ("class", {"category": "vehicle.car"}, "vehicle.car"),
        ("class", {}, UNKNOWN),
    ],
)
def test_somebody_is_put_under_the_word_of_its_number(name: str, values: dict[str, float | str], word: str) -> None:
    assert SLICES[name].value(sample(), thing(**values)) == word
    assert word in {*SLICES[name].values, UNKNOWN, "vehicle.car"}


def test_weather_and_light_are_those_of_the_sample() -> None:
    dry = sample(weather__rain=False, weather__fog=False, weather__sun_altitude_angle=45.0)
    snowy_night = sample(weather__rain=True, weather__snow=True, weather__sun_altitude_angle=-20.0)
    assert [SLICES["weather"].value(each, None) for each in (dry, snowy_night, sample())] == ["dry", "snow", UNKNOWN]
    assert [SLICES["light"].value(each, None) for each in (dry, snowy_night, sample())] == ["day", "night", UNKNOWN]
    assert SLICES["town"].value(sample(town="AvSynth01", location="boston-seaport"), None) == "AvSynth01"
    assert [SLICES["town"].value(each, None) for each in (sample(location="plane"), sample())] == ["plane", UNKNOWN]
    assert SLICES["light"].value(sample(weather__sun_altitude_angle=3.0), None) == "low sun"


def test_slices_are_named_by_a_text_with_commas_and_unknown_ones_are_refused() -> None:
    assert [each.name for each in sliced("weather, range,weather")] == ["weather", "range"]
    with pytest.raises(UserError, match="no slice 'rang'; want some of scenario, scene"):
        sliced(["range", "rang"])


def test_where_somebody_is_is_told_from_the_ego_as_the_boxes_say(tmp_path: Path) -> None:
    tiny = tuple(sensor for sensor in SENSORS if sensor.channel in ("CAM_FRONT", "LIDAR_TOP"))
    dataset = export([build_run(tmp_path / "store", 0, sensors=tiny)], tmp_path / "dataset")

    def rows(table: str) -> dict[str, dict[str, Any]]:
        (path,) = dataset.glob(f"*/{table}.json")
        return {row["token"]: row for row in json.loads(path.read_text())}

    annotations, poses = rows("sample_annotation"), rows("ego_pose")
    looked = {row["sample_token"]: row for row in rows("sample_data").values() if "LIDAR_TOP" in row["filename"]}
    found = [(facts, each) for facts in read(dataset) for each in facts.things if each.annotation_token]
    assert len(found) > 4
    for facts, each in found:
        box, pose = annotations[each.annotation_token], poses[looked[facts.sample_token]["ego_pose_token"]]
        ego_from_world = Quaternion(pose["rotation"]).inverse
        x_m, y_m, _ = ego_from_world.rotate(np.subtract(box["translation"], pose["translation"]))
        turn = ego_from_world * Quaternion(box["rotation"])
        assert each.values["range_m"] == pytest.approx(math.hypot(x_m, y_m), abs=1e-3)
        assert each.values["bearing_deg"] == pytest.approx(math.degrees(math.atan2(y_m, x_m)), abs=0.01)
        assert each.values["heading_deg"] == pytest.approx(math.degrees(turn.yaw_pitch_roll[0]), abs=0.01)
        assert [each.values[name] for name in ("width_m", "length_m", "height_m")] == box["size"]
