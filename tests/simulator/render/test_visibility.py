"""How much of an actor is to be seen."""

from __future__ import annotations

import numpy as np

from av_synth.simulator.render import Renderer
from av_synth.simulator.scene import LABELS, Instance, Tag
from av_synth.simulator.silhouettes import Visibility, visible_of
from tests.simulator.render.conftest import WALL_X_M, at, camera, scene


def of(renderer: Renderer, *instances: object, **where: float) -> dict[int, Visibility]:
    world, view = scene(*instances), camera(**where)  # type: ignore[arg-type]
    labels = renderer.render(world, view, frozenset({LABELS})).actor_id
    assert labels is not None
    return {v.actor_id: v for v in visible_of(renderer.silhouettes(world, view), labels)}


def test_an_actor_with_nothing_before_it_is_visible_to_the_last_pixel(renderer: Renderer) -> None:
    found = of(renderer, at(3, "car", 9.0, 1.3), at(4, "bicycle", 30.0, -6.0), at(5, "card", 6.0, -3.0, 2.5))
    assert set(found) == {3, 4, 5}
    assert all(v.amodal_px == v.visible_px > 20 for v in found.values())
    assert [found[k].tag for k in (3, 4, 5)] == [Tag.CAR, Tag.BICYCLE, Tag.STATIC]


def test_a_hidden_actor_keeps_its_amodal_pixels(renderer: Renderer) -> None:
    alone = of(renderer, at(4, "bicycle", 15.0))[4].amodal_px
    found = of(renderer, at(3, "car", 9.0), at(4, "bicycle", 15.0))
    assert found[4].amodal_px == alone
    assert 0 < found[4].visible_px < alone / 2  # the rider's head looks over the roof
    assert found[3].visible_px == found[3].amodal_px
    behind_wall = of(renderer, at(4, "car", WALL_X_M + 8.0))
    assert behind_wall[4].amodal_px > 0
    assert behind_wall[4].visible_px == 0


def test_the_box_is_that_of_the_actor_alone_and_ends_at_the_images_edge(renderer: Renderer) -> None:
    alone = of(renderer, at(4, "bicycle", 15.0))[4].amodal_box
    assert of(renderer, at(3, "car", 9.0), at(4, "bicycle", 15.0))[4].amodal_box == alone
    rows, columns = np.nonzero(drawn(renderer, at(4, "bicycle", 15.0)) == 4)
    assert alone == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    left, top, right, bottom = of(renderer, at(3, "car", 1.0, 0.0, -0.3))[3].amodal_box  # over its bonnet
    assert (left, right, bottom) == (0, 320, 180)
    assert 0 < top < 180


def test_the_parts_of_an_actor_are_counted_as_one(renderer: Renderer) -> None:
    apart = of(renderer, at(3, "car", 9.0, 1.3), at(4, "card", 6.0, -3.0, 2.5))
    joined = of(renderer, at(3, "car", 9.0, 1.3), at(3, "card", 6.0, -3.0, 2.5))
    boxes = np.array([apart[3].amodal_box, apart[4].amodal_box])
    assert set(joined) == {3}
    assert joined[3].tag == Tag.CAR
    assert joined[3].visible_px == joined[3].amodal_px == apart[3].visible_px + apart[4].visible_px
    assert joined[3].amodal_box == (*boxes.min(axis=0)[:2], *boxes.max(axis=0)[2:])


def drawn(renderer: Renderer, *instances: Instance) -> np.ndarray:
    labels = renderer.render(scene(*instances), camera(), frozenset({LABELS})).actor_id
    assert labels is not None
    return labels


def test_only_what_is_inside_the_image_counts(renderer: Renderer) -> None:
    inside = of(renderer, at(3, "car", 9.0))[3].amodal_px
    cut = of(renderer, at(3, "car", 9.0, 5.2))
    assert 0 < cut[3].amodal_px < inside
    assert cut[3].amodal_px == cut[3].visible_px
    assert of(renderer, at(3, "car", 9.0, 40.0)) == {}
    around = of(renderer, at(3, "car", 1.0, 0.0, -0.3))  # the camera stands over its bonnet
    assert around[3].amodal_px == around[3].visible_px > 1000


def test_visible_pixels_are_those_of_the_label_image(renderer: Renderer) -> None:
    random = np.random.default_rng(5)
    crowd = [
        at(k, ("car", "bicycle")[k % 2], x, y)
        for k, (x, y) in enumerate(zip(random.uniform(4, 50, 30), random.uniform(-15, 15, 30), strict=True), start=1)
    ]
    labels = renderer.render(scene(*crowd), camera(), frozenset({LABELS})).actor_id
    assert labels is not None
    found = visible_of(renderer.silhouettes(scene(*crowd), camera()), labels)
    assert [v.actor_id for v in found] == sorted(v.actor_id for v in found)
    for v in found:
        assert v.visible_px == np.count_nonzero(labels == v.actor_id) <= v.amodal_px
    assert sum(v.visible_px for v in found) == np.count_nonzero(labels)
