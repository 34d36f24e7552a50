"""Tight 2D boxes of every nuScenes category against the projection of the posed meshes, in numbers.

Run with `-m long -s` to see them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
import pytest

from av_synth.geometry.cameras import project
from av_synth.geometry.transforms import Array, apply, from_yaw, invert
from av_synth.labels.boxes_2d import mask_boxes
from av_synth.log.categories import nuscenes_category
from av_synth.simulator.bodies import Body, catalogue
from av_synth.simulator.render import Renderer
from av_synth.simulator.scene import LABELS, Instance, View
from tests.simulator.render.conftest import camera, scene, town

OBJECTS = 300
CATEGORIES = 23
SIZE = (1600, 900)
NEAREST_M, FARTHEST_M = 5.0, 55.0  # a wall is at 60 m
TRIES = 40


@pytest.fixture(scope="module")
def all_bodies() -> Iterator[Renderer]:
    renderer = Renderer(town(), catalogue())
    yield renderer
    renderer.close()


def by_category() -> dict[str, list[Body]]:
    found: dict[str, list[Body]] = {}
    for body in catalogue().values():
        category = nuscenes_category(body.blueprint_id, body.attributes)
        if category:
            found.setdefault(category, []).append(body)
    return found


def outline(body: Body, pose: int, world_from_body: Array, view: View) -> Array | None:
    """Left, top, right, bottom of the mesh in pixel edges (the first pixel begins at 0); None if the image cuts it."""
    points = apply(invert(view.world_from_camera) @ world_from_body, body.meshes[pose].positions_m.astype(float))
    if points[:, 2].min() < 1.0:
        return None
    uv, _ = project(points, view.fx_px, view.fy_px, view.cx_px, view.cy_px)
    box = np.concatenate([uv.min(axis=0), uv.max(axis=0)]) + 0.5
    whole = (box[:2] > 1.0).all() and (box[2:] < np.array(SIZE) - 1.0).all()
    return box if whole else None


def apart(box: Array, others: list[Array]) -> bool:
    return all((box[:2] > other[2:] + 4).any() or (box[2:] < other[:2] - 4).any() for other in others)


@pytest.mark.long
def test_tight_boxes_are_those_of_the_posed_meshes_for_every_category(all_bodies: Renderer) -> None:
    rng = np.random.default_rng(3)
    bodies = by_category()
    errors: dict[str, list[bool]] = {category: [] for category in bodies}
    view = camera(size=SIZE)
    while wanting := [category for category, found in errors.items() if len(found) < OBJECTS]:
        placed: list[tuple[str, Instance, Array]] = []
        for _ in range(TRIES):
            category = wanting[rng.integers(len(wanting))]
            body = bodies[category][rng.integers(len(bodies[category]))]
            pose, ahead = int(rng.integers(len(body.meshes))), float(rng.uniform(NEAREST_M, FARTHEST_M))
            up = float(body.box_half_m[2] - body.box_centre_m[2]) if body.kind == "walker" else 0.0
            where = from_yaw(ahead, ahead * float(rng.uniform(-0.6, 0.6)), up, float(rng.uniform(-np.pi, np.pi)))
            box = outline(body, pose, where, view)
            if box is not None and apart(box, [other for *_, other in placed]):
                placed.append((category, Instance(len(placed) + 1, body.blueprint_id, pose, where), box))
        labels = all_bodies.render(scene(*(each for _, each, _ in placed)), view, frozenset({LABELS})).actor_id
        assert labels is not None
        found = mask_boxes(labels.astype(np.uint16))
        for category, instance, box in placed:
            seen = np.array(found.get(instance.actor_id, (0, 0, 0, 0)), dtype=float)
            sides = np.tile(box[2:] - box[:2], 2)
            errors[category].append(bool((np.abs(seen - box) <= np.maximum(2.0, 0.03 * sides)).all()))

    assert len(errors) == CATEGORIES
    for category, right in sorted(errors.items()):
        sys.stdout.write(f"{category}: {np.mean(right):.1%} of {len(right)} objects\n")
        assert np.mean(right) >= 0.95
