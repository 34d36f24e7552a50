"""A standing person's model walks: legs are found, feet stay on the ground, nothing tears, the box is filled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from av_synth.errors import DataError
from av_synth.simulator.assets.files import Folder
from av_synth.simulator.assets.look import Look
from av_synth.simulator.assets.making import make
from av_synth.simulator.assets.recipe import AssetsFile
from av_synth.simulator.bodies import procedural
from av_synth.simulator.bodies.dressing import dressed
from av_synth.simulator.bodies.model import STEPS, Body, bounds
from tests.simulator.assets.models import person_obj

LEGS = {"hip": 0.53, "crotch": 0.5, "knee": 0.28, "ankle": 0.05}
BODY = "walker.pedestrian.0002"


def made(folder: Path, apart: float = 0.1, beside: float = 0.0, **changes: Any) -> Look:
    (folder / "person.obj").write_text(person_obj(apart, beside))
    look = {"name": "peg", "title": "P", "file": "person.obj", "dresses": [BODY], "legs": LEGS, "stretch": 0.5}
    document = {"author": "A", "licence": "CC0-1.0", "licence_url": "https://x.org", "source": "here"}
    told = AssetsFile.model_validate_json(json.dumps({**document, "looks": [{**look, **changes}]}))
    return make(told.looks[0], told, Folder(folder))


@pytest.fixture(scope="module")
def look(tmp_path_factory: pytest.TempPathFactory) -> Look:
    return made(tmp_path_factory.mktemp("person"))


def test_joints_are_in_the_middle_of_each_leg(look):
    hips, knees, ankles = look.joints_m
    for joint, height in ((hips, 0.53), (knees, 0.28), (ankles, 0.05)):
        assert joint[:, 1] == pytest.approx([0.1, -0.1], abs=0.01)
        assert joint[:, 2] == pytest.approx(height * 1.8, abs=0.001)
    assert look.weights.sum(axis=1) == pytest.approx(np.ones(len(look.points_m)))
    assert look.weights[look.points_m[:, 2] > 1.1, 0].min() > 0.999


def test_each_step_is_another_pose_and_the_steps_fill_the_box(look):
    body = procedural()[BODY]
    worn = dressed(body, look)
    assert len(worn.meshes) == STEPS
    low, high = bounds(worn.meshes)
    assert low == pytest.approx(body.box_centre_m - body.box_half_m, abs=1e-4)
    assert high == pytest.approx(body.box_centre_m + body.box_half_m, abs=1e-4)
    for mesh in worn.meshes:
        assert mesh.positions_m[:, 2].min() == pytest.approx(low[2], abs=0.02)
        assert mesh.positions_m[:, 2].max() == pytest.approx(high[2], abs=0.02)
        assert np.linalg.norm(mesh.normals, axis=1) == pytest.approx(np.ones(len(mesh.normals)), abs=1e-3)


def test_the_legs_swing_against_each_other_and_nothing_tears(look):
    worn = dressed(procedural()[BODY], look)
    left = look.weights[:, 1:4].sum(axis=1) > 0.9
    right = look.weights[:, 4:].sum(axis=1) > 0.9
    ahead = [mesh.positions_m[left, 0].mean() - mesh.positions_m[right, 0].mean() for mesh in worn.meshes]
    assert max(ahead) > 0.15
    assert min(ahead) < -0.15
    edges = look.triangles[:, [0, 1]]
    still = np.linalg.norm(np.diff(look.points_m[edges], axis=1), axis=2)
    for mesh in worn.meshes:
        moved = np.linalg.norm(np.diff(mesh.positions_m[edges], axis=1), axis=2)
        assert (moved < 2.0 * still + 0.06).all()


def test_the_other_half_of_the_walk_is_the_first_half_mirrored(look):
    worn = dressed(procedural()[BODY], look)
    first, second = worn.meshes[3].positions_m, worn.meshes[3 + STEPS // 2].positions_m
    mirrored = second * np.float32([1, -1, 1])
    for axis in range(3):
        assert np.sort(first[:, axis])[::10] == pytest.approx(np.sort(mirrored[:, axis])[::10], abs=0.02)


def ahead_of_head(look: Look, worn: Body, moved: np.ndarray) -> np.ndarray:
    """How far ahead of the head the middle of some vertices (V,) is, step by step."""
    head = look.points_m[:, 2] > 1.7
    return np.array([mesh.positions_m[moved, 0].mean() - mesh.positions_m[head, 0].mean() for mesh in worn.meshes])


def test_arms_swing_against_the_leg_of_their_side_and_nothing_tears(tmp_path):
    look = made(tmp_path, beside=0.3, arms={"swing": ["left", "right"]})
    worn = dressed(procedural()[BODY], look)
    assert look.joints_m.shape == (5, 2, 3)
    assert look.joints_m[3:, :, 1] == pytest.approx(np.array([[0.3, -0.3]] * 2), abs=0.01)
    across, up = look.points_m[:, 1], look.points_m[:, 2]
    for side in (1, -1):
        hand, foot = (across * side > 0.25) & (up < 1.0), (across * side > 0.0) & (up < 0.15)
        arm, leg = ahead_of_head(look, worn, hand), ahead_of_head(look, worn, foot)
        assert np.ptp(arm) > 0.2
        assert np.corrcoef(arm, leg)[0, 1] < -0.8
    edges = look.triangles[:, [0, 1]]
    still = np.linalg.norm(np.diff(look.points_m[edges], axis=1), axis=2)
    for mesh in worn.meshes:
        moved = np.linalg.norm(np.diff(mesh.positions_m[edges], axis=1), axis=2)
        assert (moved < 2.0 * still + 0.06).all()
    low, high = bounds(worn.meshes)
    assert np.r_[low, high] == pytest.approx(np.r_[bounds(procedural()[BODY].meshes)], abs=1e-4)


def test_an_arm_that_does_not_hang_free_stays_as_the_model_holds_it(tmp_path):
    look = made(tmp_path, beside=0.3, arms={"swing": ["right"]})
    worn = dressed(procedural()[BODY], look)
    left, right = (look.points_m[:, 1] * side > 0.25 for side in (1, -1))
    assert np.ptp(ahead_of_head(look, worn, left)) == pytest.approx(0.0, abs=1e-5)
    assert np.ptp(ahead_of_head(look, worn, right)) > 0.1


def test_what_a_hanging_arm_hides_is_there_when_it_swings(tmp_path):
    swinging, still = (made(tmp_path, beside=0.265, arms=arms) for arms in ({"swing": ["left", "right"]}, None))
    assert len(swinging.triangles) > len(still.triangles)


def test_arms_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"peg: below its armpit at 0\.74 of its height no left arm hangs free"):
        made(tmp_path, arms={"swing": ["left"]})
    with pytest.raises(ValidationError, match="arms swing as legs walk; want `legs` too"):
        made(tmp_path, legs=None, beside=0.3, arms={"swing": ["left"]})


def test_joints_that_are_not_one_above_the_other_are_refused(tmp_path):
    with pytest.raises(
        ValidationError, match=r"got ankle 0\.05, knee 0\.44, crotch 0\.42, hip 0\.53; want them to rise"
    ):
        made(tmp_path, legs={"crotch": 0.42, "knee": 0.44})
    with pytest.raises(ValidationError, match=r"got elbow 0\.76, armpit 0\.74, shoulder 0\.82; want them to rise"):
        made(tmp_path, beside=0.3, arms={"swing": ["left"], "elbow": 0.76})


def test_a_look_without_legs_does_not_walk(tmp_path):
    with pytest.raises(DataError, match=f"look peg: {BODY} walks; want a look with `legs`"):
        dressed(procedural()[BODY], made(tmp_path, legs=None))


def test_legs_that_are_one_piece_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"peg: its legs are one piece below its crotch at 0\.5"):
        made(tmp_path, apart=0.0)
