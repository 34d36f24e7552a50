"""Textures: the noise that grain, patches and clouds are made of; pictures of bodies; and vertices to look up."""

from __future__ import annotations

from collections.abc import Mapping

import moderngl
import numpy as np
import numpy.typing as npt

from av_synth.geometry.transforms import Array
from av_synth.simulator.render.geometry import Meshes

_SIZE = 512
_COLUMNS = 1024


def noise_texture(context: moderngl.Context) -> moderngl.Texture:
    """A tiling RGBA8 texture with mipmaps: two fine grains, soft patches, clouds; each 0..1 about 0.5."""
    random = np.random.Generator(np.random.PCG64(20))
    channels = [
        _octaves(random, ((256, 0.5), (128, 0.3), (64, 0.2))),
        _octaves(random, ((128, 0.5), (64, 0.3), (32, 0.2))),
        _octaves(random, ((6, 0.5), (16, 0.3), (40, 0.2))),
        _octaves(random, ((4, 0.42), (8, 0.26), (16, 0.15), (32, 0.09), (64, 0.05), (128, 0.03))),
    ]
    stretched = [(c - c.min()) / (c.max() - c.min()) for c in channels]
    pixels = np.round(np.stack(stretched, axis=2) * 255).astype(np.uint8)
    texture = context.texture((_SIZE, _SIZE), 4, pixels.tobytes())
    texture.build_mipmaps()
    texture.filter = (moderngl.LINEAR_MIPMAP_NEAREST, moderngl.LINEAR)
    texture.repeat_x = texture.repeat_y = True
    return texture


class Pictures:
    """The textures of bodies, each uploaded when it is first drawn."""

    def __init__(self, context: moderngl.Context, bodies: Mapping[str, Meshes]) -> None:
        self._context = context
        self._images = {name: body.texture for name, body in bodies.items() if body.texture is not None}
        self._textures: dict[str, moderngl.Texture] = {}

    def use(self, body: str, unit: int) -> None:
        """Put the texture of a body, if it has one, into a unit."""
        image = self._images.get(body)
        if image is None:
            return
        if body not in self._textures:
            texture = self._context.texture((image.shape[1], image.shape[0]), 4, _opaque(image))
            texture.build_mipmaps()
            texture.filter = (moderngl.LINEAR_MIPMAP_LINEAR, moderngl.LINEAR)
            texture.repeat_x = texture.repeat_y = False
            self._textures[body] = texture
        self._textures[body].use(unit)


def _opaque(image: npt.NDArray[np.uint8]) -> bytes:
    """With a fourth channel: rows then have no gaps, and texels are fetched whole."""
    return np.concatenate([image, np.full((*image.shape[:2], 1), 255, np.uint8)], axis=2).tobytes()


def places_texture(context: moderngl.Context, positions_m: npt.NDArray[np.float32]) -> moderngl.Texture:
    """Positions (V, 3) of vertices, row by row, for programs that want another vertex than their own."""
    rows = -(-len(positions_m) // _COLUMNS)
    texels = np.zeros((rows * _COLUMNS, 3), dtype="<f4")
    texels[: len(positions_m)] = positions_m
    texture = context.texture((_COLUMNS, rows), 3, texels.tobytes(), dtype="f4")
    texture.filter = (moderngl.NEAREST, moderngl.NEAREST)
    return texture


def _octaves(random: np.random.Generator, octaves: tuple[tuple[int, float], ...]) -> Array:
    """Sum of value noises (size, size), each of so many cells a side and of such a weight."""
    total = np.zeros((_SIZE, _SIZE))
    for cells, weight in octaves:
        grid = random.random((cells, cells))
        at = np.arange(_SIZE) * cells / _SIZE
        low = at.astype(np.int64)
        t = at - low
        t = t * t * (3 - 2 * t)
        high = (low + 1) % cells
        rows = grid[low] + (grid[high] - grid[low]) * t[:, None]
        total += weight * (rows[:, low] + (rows[:, high] - rows[:, low]) * t[None, :])
    return total
