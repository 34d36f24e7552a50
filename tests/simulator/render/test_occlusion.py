"""What keeps the sky's light off: corners and undersides are darker, and open ground is not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from av_synth.simulator.render import Renderer
from av_synth.simulator.render.occlusion import open_sky
from av_synth.simulator.scene import LABELS, RGB, Material, Mesh, Tag, Weather
from tests.simulator.render.conftest import SimpleBody, at, box, camera, mesh, scene, town

OVERCAST = Weather(cloudiness=100, sun_altitude_angle=50)


def table() -> Mesh:
    """A slab of 4 m by 2 m, half a metre above the ground, and the leg that it stands on."""
    parts = [([-2, -1, 0.5], [2, 1, 0.6]), ([-0.05, -0.05, 0], [0.05, 0.05, 0.5])]
    return Mesh.merge([box(low, high, Material.MATTE, Tag.STATIC, (200, 200, 200)) for low, high in parts])


def facing(part: Mesh, direction: tuple[int, int, int]) -> np.ndarray:
    """Vertices of the slab."""
    return np.asarray((part.normals @ np.array(direction) > 0.9) & (np.abs(part.positions_m[:, 0]) > 1.0))


def test_what_lies_in_the_open_sees_all_the_sky_and_what_hangs_over_the_ground_none_below() -> None:
    (shares,) = open_sky([table()], on_ground=True)
    assert shares.shape == (72,)
    assert shares[facing(table(), (0, 0, 1))].min() == 1.0
    assert shares[facing(table(), (0, 0, -1))].max() < 0.3
    (hanging,) = open_sky([table()])  # over nothing
    assert hanging[facing(table(), (0, 0, -1))].min() > 0.9


def test_the_ground_at_the_foot_of_a_wall_sees_half_the_sky() -> None:
    ground = mesh(
        [[0, -20, 0], [20, -20, 0], [20, 20, 0], [0, 20, 0]],
        [[0, 1, 2], [0, 2, 3]],
        Material.ASPHALT,
        Tag.ROADS,
        (99, 99, 99),
    )
    wall = box([-1, -60, -1], [0, 60, 60], Material.MATTE, Tag.BUILDINGS, (200, 200, 200))
    (shares,) = open_sky([Mesh.merge([ground, wall])])
    at_wall = ground.positions_m[:, 0] == 0
    assert np.abs(shares[:6][at_wall] - 0.5).max() < 0.12
    assert shares[:6][~at_wall].min() > 0.75


def test_large_meshes_are_kept_and_read_again_as_they_were_traced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    many = [replace(table(), positions_m=table().positions_m + np.float32(k)) for k in range(300)]
    traced = open_sky(many)
    kept = list(tmp_path.rglob("sky-*.pickle"))
    assert len(kept) == 1
    again = open_sky(many)
    assert all((a == b).all() for a, b in zip(traced, again, strict=True))
    assert np.abs(traced[0] - open_sky(many[:1])[0]).max() <= 0.51 / 255


def test_a_corner_is_darker_than_the_open_under_an_overcast_sky() -> None:
    corner = Mesh.merge(
        [
            box([0.0, -1, 0], [0.1, 1, 1.5], Material.MATTE, Tag.STATIC, (200, 200, 200)),
            box([-1.5, -1, 1.5], [0.1, 1, 1.6], Material.MATTE, Tag.STATIC, (200, 200, 200)),
        ]
    )
    alone = box([0.0, -1, 0], [0.1, 1, 1.5], Material.MATTE, Tag.STATIC, (200, 200, 200))
    renderer = Renderer(
        town(), {"corner": SimpleBody((corner,), Tag.STATIC), "alone": SimpleBody((alone,), Tag.STATIC)}
    )
    try:
        brightness = []
        for name in ("corner", "alone"):
            frames = renderer.render(
                scene(at(3, name, 8.0), weather=OVERCAST), camera(z_m=0.5), frozenset({RGB, LABELS})
            )
            assert frames.rgb is not None
            assert frames.actor_id is not None
            rows, columns = np.nonzero(frames.actor_id == 3)
            # the upper part of the wall, below any roof
            middle = slice(int(np.quantile(rows, 0.35)), int(np.quantile(rows, 0.5)))
            brightness.append(float(frames.rgb[middle, int(np.median(columns)), :3].mean()))
    finally:
        renderer.close()
    assert brightness[0] < 0.96 * brightness[1]
