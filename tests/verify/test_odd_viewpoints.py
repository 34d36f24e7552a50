"""What a lidar sees between vehicles, past a wall or from a roof: true data that say little, and wrong data there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mistakes import edit_json
from synthetic_copies import Copy

from av_synth.verify import open_dataset, verify
from av_synth.verify.findings import Findings
from av_synth.verify.maths import move
from av_synth.verify.points.counts import SamplePoints
from av_synth.verify.points.ground import check_ground
from av_synth.verify.points.shifts import check_shifts
from av_synth.verify.reading.clouds import QuarterCheck, Sweep
from av_synth.verify.reading.model import Scene


def patch(x: tuple[float, float], y: tuple[float, float], z: tuple[float, float]) -> np.ndarray:
    """Points (N, 3) all over a part of a plane, or of a room."""
    return np.stack(np.meshgrid(*(np.linspace(*span, 8) for span in (x, y, z))), axis=-1).reshape(-1, 3)


def around_truck(one_scene: Path, lidar: tuple[float, float, float], points: np.ndarray) -> tuple[Scene, dict]:
    """The scene, and a cloud a sample with a lidar and points (N, 3) that are told from the truck's box.

    The box is 7.5 m long, 2.5 m wide, 3.2 m high, with its middle at 0.
    """
    scene = open_dataset(one_scene).scenes[0]
    track = next(track for track in scene.tracks.values() if track[0][1].category == "vehicle.truck")
    free = np.full(len(points), -1, dtype=np.int64)
    return scene, {
        a.sample_token: SamplePoints(
            move(a.world_from_box, np.array([lidar]))[0], move(a.world_from_box, points), free, free + 1
        )
        for _, a in track
    }


@pytest.mark.parametrize(("x", "finds"), [((3.6, 3.7), False), ((-2.0, 2.0), True)])
def test_a_flank_is_in_the_wrong_place_only_if_the_lidar_looks_through_it(
    one_scene: Path, x: tuple[float, float], finds: bool
) -> None:
    inside = patch(x, (-1.0, 0.8) if not finds else (0.7, 0.8), (-0.5, 0.5))
    scene, points = around_truck(one_scene, (6.5, 3.5, 0.3), inside)
    findings = Findings()

    check_shifts(scene, points, findings)

    told = [str(problem) for problem in findings.report("", "").problems]
    assert any("its side is 0.45 m or more inside its box" in text for text in told) == finds


@pytest.mark.parametrize("deeper", [True, False])
def test_what_a_roof_leaves_to_be_seen_beside_a_box_is_no_ground_if_there_is_some_below_it(
    one_scene: Path, deeper: bool
) -> None:
    ledge = patch((-2.0, 2.0), (-2.5, -2.4), (0.0, 0.1))
    road = patch((-3.0, 3.0), (4.0, 5.0), (-1.6, -1.6))
    scene, points = around_truck(one_scene, (1.0, 2.8, 2.7), np.concatenate([ledge, road]) if deeper else ledge)
    findings = Findings()

    check_ground(scene, points, findings)

    told = [str(problem) for problem in findings.report("", "").problems]
    assert any("vehicle.truck): the bottom of its box is -1.60 m" in text for text in told) != deeper


AROUND = np.linspace(-np.pi, np.pi, 801)[1:]
WHOLE = np.stack([10.0 * np.cos(AROUND), 10.0 * np.sin(AROUND), 0.0 * AROUND], axis=1)
HALF = WHOLE[WHOLE[:, 1] > -5.0]
KEYFRAMES = (0, 5, 10, 30)


@pytest.mark.parametrize(
    ("halves", "says"),
    [
        (range(11), ""),
        (range(5, 31), ""),
        (KEYFRAMES, "keyframes have 0 points"),
        (set(range(31)) - set(KEYFRAMES), "sweeps have 0 points"),
        ([k + step for k in KEYFRAMES for step in (-1, 1)], "sweeps have 0 points"),
    ],
)
def test_a_wall_that_hides_a_quarter_hides_it_in_keyframes_and_sweeps_alike(halves: list[int], says: str) -> None:
    quarters, none = QuarterCheck(), np.zeros(0, dtype=np.int64)

    for k in range(31):
        quarters.add(Sweep(HALF if k in halves else WHOLE, none), k in KEYFRAMES)

    told = quarters.problem()
    assert says in told if says else told == ""


@pytest.mark.parametrize(("lwh_m", "finds"), [((0.4, 0.4, 1.1), False), ((4.1, 1.8, 1.6), True)])
def test_who_goes_on_foot_may_be_on_a_walkway_and_a_car_may_not(
    copy: Copy, lwh_m: tuple[float, float, float], finds: bool
) -> None:
    def pave(content: dict[str, Any]) -> None:
        roads = [token for row in content["drivable_area"] for token in row["polygon_tokens"]]
        corners = [{"token": f"corner{k}", "x": x, "y": y} for k, (x, y) in enumerate(((1, 1), (2, 1), (2, 2)))]
        content["node"] += corners
        content["polygon"].append(
            {"token": "corner", "exterior_node_tokens": [row["token"] for row in corners], "holes": []}
        )
        content["walkway"] = [{"token": f"walk{token}", "polygon_token": token} for token in roads]
        content["drivable_area"] = [{"token": "area", "polygon_tokens": ["corner"]}]

    edit_json(copy, "maps/expansion/plane.json", pave)
    length, width, height = lwh_m
    copy.edit_each("sample_truth", lambda row: row["ego"].update(size=[width, length, height]))

    told = [str(problem) for problem in verify(copy.root).problems]

    assert any("ego poses are on the drivable_area" in text for text in told) == finds
