"""Pictures on bodies: the right way up, mipmapped, and refused where they cannot be shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from av_synth.errors import DataError
from av_synth.simulator.bodies import Catalogue, catalogue
from av_synth.simulator.render import Renderer
from av_synth.simulator.scene import LABELS, RGB, Material, Mesh, Tag, Weather
from tests.simulator.render.conftest import SimpleBody, at, camera, mesh, scene, town

BLUE, GREEN, RED = 0, 1, 2  # where they are in an image
SIGN = 3


def sign() -> Mesh:
    """A board of 2 m by 2 m that faces -x: its left edge, as its reader has it, is at y = 1."""
    corners = [[0, 1, 2], [0, -1, 2], [0, -1, 0], [0, 1, 0]]
    board = mesh(corners, [[0, 2, 1], [0, 3, 2]], Material.TEXTURED, Tag.TRAFFIC_SIGNS, (255, 255, 255))
    uvs = np.column_stack([(1 - board.positions_m[:, 1]) / 2, (2 - board.positions_m[:, 2]) / 2])
    return replace(board, uvs=uvs.astype(np.float32))


def quarters() -> npt.NDArray[np.uint8]:
    """Red and green above, blue and black below."""
    image = np.zeros((64, 64, 3), np.uint8)
    image[:32, :32, 0] = image[:32, 32:, 1] = image[32:, :32, 2] = 220
    return image


def chequered() -> npt.NDArray[np.uint8]:
    """Texels alternately black and white."""
    return np.repeat((np.indices((256, 256)).sum(axis=0) % 2 * 255)[..., None], 3, axis=2).astype(np.uint8)


@pytest.fixture(scope="module")
def gallery() -> Iterator[Renderer]:
    pictures = {"quarters": quarters(), "chequered": chequered(), "grey": np.full((8, 8, 3), 128, np.uint8)}
    bodies = {name: SimpleBody((sign(),), Tag.STATIC, picture) for name, picture in pictures.items()}
    tinted = replace(sign(), colours=np.full((6, 3), (255, 0, 0), np.uint8))
    plain = replace(sign(), uvs=None, materials=np.full(6, int(Material.MATTE), np.uint8))
    bodies |= {
        "tinted": SimpleBody((tinted,), Tag.STATIC, bodies["grey"].texture),
        "plain": SimpleBody((plain,), Tag.STATIC),
    }
    renderer = Renderer(town(), bodies)
    yield renderer
    renderer.close()


def shown(renderer: Renderer, body: str, distance_m: float = 4.0) -> tuple[npt.NDArray[np.uint8], tuple[slice, slice]]:
    """The image of a board, and the rows and columns inside it."""
    frames = renderer.render(
        scene(at(SIGN, body, distance_m), weather=Weather(cloudiness=100)), camera(), frozenset({RGB, LABELS})
    )
    assert frames.rgb is not None
    assert frames.actor_id is not None
    rows, columns = np.nonzero(frames.actor_id == SIGN)
    return frames.rgb, (slice(rows.min() + 2, rows.max() - 1), slice(columns.min() + 2, columns.max() - 1))


def test_a_picture_is_shown_the_right_way_up(gallery: Renderer) -> None:
    image, inside = shown(gallery, "quarters")
    board = image[inside][..., :3].astype(int)
    height, width = board.shape[0] // 3, board.shape[1] // 3
    corners = [board[:height, :width], board[:height, -width:], board[-height:, :width], board[-height:, -width:]]
    red, green, blue, black = (corner.mean(axis=(0, 1)) for corner in corners)
    for colour, channel in ((red, RED), (green, GREEN), (blue, BLUE)):
        assert colour.argmax() == channel
        assert colour[channel] > 2 * np.delete(colour, channel).max()
    assert black.max() < 30


def test_a_picture_far_away_is_averaged_instead_of_flickering(gallery: Renderer) -> None:
    image, inside = shown(gallery, "chequered", 12.0)
    board = image[inside][..., :3].astype(int)
    assert board.shape[0] < 64  # some ten texels a pixel
    grey, (rows, columns) = shown(gallery, "grey", 12.0)
    assert board.std(axis=(0, 1)).max() < 6
    assert np.abs(board.mean(axis=(0, 1)) - grey[rows, columns, :3].mean(axis=(0, 1))).max() < 6


def test_a_picture_is_tinted_by_the_colour_of_the_vertices(gallery: Renderer) -> None:
    image, inside = shown(gallery, "tinted")
    board = image[inside][..., :3].astype(int).mean(axis=(0, 1))
    grey, there = shown(gallery, "grey")
    assert abs(board[RED] - grey[there].mean(axis=(0, 1))[RED]) < 2
    assert board[[BLUE, GREEN]].max() < 0.2 * board[RED]


def test_bodies_without_pictures_are_drawn_beside_those_with(gallery: Renderer) -> None:
    image, inside = shown(gallery, "plain")
    board = image[inside][..., :3].astype(int)
    assert board.std(axis=(0, 1)).max() < 6
    assert board.mean() > 120


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (SimpleBody((sign(),), Tag.STATIC), r"'odd', pose 0.*texture.*got none"),
        (SimpleBody((sign(),), Tag.STATIC, np.zeros((8, 8, 4), np.uint8)), r"texture \(H, W, 3\).*\(8, 8, 4\)"),
        (SimpleBody((replace(sign(), uvs=None),), Tag.STATIC, quarters()), r"uvs \(6, 2\), got none"),
    ],
)
def test_what_cannot_be_textured_is_refused_by_name(body: SimpleBody, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Renderer(town(), {"odd": body})


def test_meshes_are_merged_with_their_places_in_the_picture() -> None:
    bare = replace(sign(), uvs=None)
    assert Mesh.merge([bare, bare]).uvs is None
    both = Mesh.merge([bare, sign()]).uvs
    assert both is not None
    np.testing.assert_array_equal(both, np.concatenate([np.zeros((6, 2)), np.asarray(sign().uvs)]))


def test_a_picture_and_the_places_in_it_are_part_of_the_catalogues_digest() -> None:
    car = catalogue()["vehicle.audi.a2"]
    where = np.zeros((len(car.meshes[0].positions_m), 2), np.float32)
    kinds = [
        car,
        replace(car, texture=quarters()),
        replace(car, texture=chequered()),
        replace(car, meshes=(replace(car.meshes[0], uvs=where),)),
        replace(car, meshes=(replace(car.meshes[0], uvs=where + np.float32(0.5)),)),
    ]
    assert len({Catalogue([body]).digest for body in kinds}) == len(kinds)
