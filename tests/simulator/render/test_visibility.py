"""How much of an actor is to be seen."""

from __future__ import annotations

import numpy as np

from av_synth.simulator.render import LABELS, Renderer, Visibility
from av_synth.simulator.scene import Tag
from tests.simulator.render.conftest import WALL_X_M, at, camera, scene


def of(renderer: Renderer, *instances: object, **where: float) -> dict[int, Visibility]:
    return {v.actor_id: v for v in renderer.visibility(scene(*instances), camera(**where))}  # type: ignore[arg-type]


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
    found = renderer.visibility(scene(*crowd), camera())
    assert [v.actor_id for v in found] == sorted(v.actor_id for v in found)
    for v in found:
        assert v.visible_px == np.count_nonzero(labels == v.actor_id) <= v.amodal_px
    assert sum(v.visible_px for v in found) == np.count_nonzero(labels)
