"""Reading of glTF 2.0: `.gltf` with its buffers, and `.glb`.

What is read: triangles with positions, base colours, their textures and the places in them, placed by the file's
scene. Not read: skins, animations, morph targets, colours of vertices, and all that only extensions say. A file that
requires an extension, such as compression, is refused.
Source: Khronos, glTF 2.0 Specification (ISO/IEC 12113).
"""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt

from av_synth.errors import DataError
from av_synth.geometry.transforms import Array
from av_synth.sensing import srgb
from av_synth.simulator.assets.files import Files, beside
from av_synth.simulator.assets.model import PLAIN, Integers, Model, Picture, Substance, decoded

_TYPES = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_TRIANGLES, _STRIP, _FAN = 4, 5, 6
_JSON, _BINARY = 0x4E4F534A, 0x004E4942
_READ_ALL_THE_SAME = {"KHR_mesh_quantization", "KHR_materials_unlit", "KHR_lights_punctual"}
"""Required extensions that take nothing from what is read: narrower numbers, another shading, lights."""

Values = Mapping[str, Any]


def read_gltf(files: Files, name: str) -> Model:
    """Read a .gltf or .glb file with everything it names.

    Raises:
        DataError: it is missing, broken, or has something that cannot be read here.
    """
    content = files.read(name)
    try:
        return _Reader(files, name, *_parted(content)).model()
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, struct.error) as error:
        raise DataError(f"{name}: is not the glTF 2.0 that can be read: {type(error).__name__} {error}") from error


def _parted(content: bytes) -> tuple[Values, bytes]:
    """The JSON of a file and its binary part, which .gltf has none of."""
    if content[:4] != b"glTF":
        return json.loads(content), b""
    document, binary, at = {}, b"", 12
    while at + 8 <= len(content):
        length, kind = struct.unpack_from("<II", content, at)
        part = content[at + 8 : at + 8 + length]
        if kind == _JSON:
            document = json.loads(part)
        elif kind == _BINARY:
            binary = part
        at += 8 + length
    return document, binary


class _Reader:
    """One document, and what was read of it so far."""

    def __init__(self, files: Files, name: str, document: Values, binary: bytes) -> None:
        self._files, self._name, self._document = files, name, document
        version = str(document.get("asset", {}).get("version", "2.0"))
        if not version.startswith("2."):
            raise DataError(f"{name}: is glTF {version}; want 2.0")
        needed = sorted(set(document.get("extensionsRequired", [])) - _READ_ALL_THE_SAME)
        if needed:
            raise DataError(f"{name}: requires {', '.join(needed)}; export it without compression and extensions")
        self._buffers = [self._content(buffer.get("uri"), binary) for buffer in document.get("buffers", [])]
        self._points: list[Array] = []
        self._triangles: list[Integers] = []
        self._uvs: list[Array] = []
        self._substance: list[int] = []

    def model(self) -> Model:
        """The scene as one mesh."""
        scenes = self._document.get("scenes")
        placed = self._document.get("nodes", [])
        self._place(scenes[self._document.get("scene", 0)]["nodes"] if scenes else range(len(placed)))
        if not self._triangles:
            raise DataError(f"{self._name}: has no triangles; want a mesh")
        uvs = np.concatenate(self._uvs)
        substances = [self._described(each) for each in self._document.get("materials", [])]
        return Model(
            np.concatenate(self._points),
            np.concatenate(self._triangles),
            uvs,
            np.array(self._substance, dtype=np.int64),
            (*substances, Substance("", PLAIN)),
        )

    def _content(self, uri: str | None, binary: bytes) -> bytes:
        if uri is None:
            return binary
        if uri.startswith("data:"):
            try:
                return base64.b64decode(uri.partition(",")[2], validate=True)
            except binascii.Error as error:
                raise DataError(f"{self._name}: a buffer is not base64: {error}") from error
        name = beside(self._name, uri)
        # spaces in names are %20, but not every exporter knows
        return self._files.read(name if self._files.has(name) else beside(self._name, unquote(uri)))

    def _place(self, roots: Iterable[int]) -> None:
        """Take the meshes of these parts of the scene and of what hangs on them, each before what hangs on it."""
        left = [(number, np.eye(4)) for number in reversed(list(roots))]
        seen: set[int] = set()
        while left:
            number, into = left.pop()
            if number in seen:
                raise DataError(f"{self._name}: part {number} of its scene is there twice; want a tree")
            seen.add(number)
            part = self._document["nodes"][number]
            placed = into @ _placing(part)
            if "mesh" in part:
                for piece in self._document["meshes"][part["mesh"]]["primitives"]:
                    self._take(piece, placed)
            left += [(child, placed) for child in reversed(part.get("children", []))]

    def _take(self, piece: Values, placed: Array) -> None:
        if piece.get("mode", _TRIANGLES) not in (_TRIANGLES, _STRIP, _FAN):
            return  # points and lines have no surface
        attributes = piece["attributes"]
        points = self._accessed(attributes["POSITION"]).astype(np.float64)
        order = np.arange(len(points)) if "indices" not in piece else self._accessed(piece["indices"]).reshape(-1)
        triangles = _faces(order.astype(np.int64), piece.get("mode", _TRIANGLES))
        if np.linalg.det(placed[:3, :3]) < 0:
            triangles = triangles[:, ::-1]
        substance, texture = self._substance_of(piece)
        places = np.zeros((len(points), 2))
        channel = f"TEXCOORD_{texture.get('texCoord', 0)}"
        if channel in attributes:
            places = self._accessed(attributes[channel]).astype(np.float64)
        self._uvs.append(places[triangles])
        self._triangles.append(triangles + sum(map(len, self._points)))
        self._points.append(points @ placed[:3, :3].T + placed[:3, 3])
        self._substance += [substance] * len(triangles)

    def _substance_of(self, piece: Values) -> tuple[int, Values]:
        """The number of what a piece is made of, the last one of all if that is not said, and its texture's entry."""
        materials = self._document.get("materials", [])
        if "material" not in piece:
            return len(materials), {}
        number = piece["material"]
        if not 0 <= number < len(materials):
            raise DataError(f"{self._name}: there is no material {number} of {len(materials)}")
        return number, materials[number].get("pbrMetallicRoughness", {}).get("baseColorTexture", {})

    def _accessed(self, number: int) -> npt.NDArray[Any]:
        accessor = self._document["accessors"][number]
        if "sparse" in accessor or "bufferView" not in accessor:
            raise DataError(f"{self._name}: accessor {number} is sparse; export it as plain arrays")
        view = self._document["bufferViews"][accessor["bufferView"]]
        kind, width = np.dtype(_TYPES[accessor["componentType"]]), _WIDTHS[accessor["type"]]
        start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        stride = view.get("byteStride") or kind.itemsize * width
        values = np.ndarray(
            (accessor["count"], width), kind, self._buffers[view["buffer"]], start, (stride, kind.itemsize)
        )
        return values / np.iinfo(kind).max if accessor.get("normalized") else values.copy()

    def _described(self, material: Values) -> Substance:
        shading = material.get("pbrMetallicRoughness", {})
        linear = np.clip(np.array(shading.get("baseColorFactor", [1.0, 1.0, 1.0, 1.0])[:3]), 0.0, 1.0)
        red, green, blue = (round(255 * float(part)) for part in srgb.values_of(linear))
        picture = None
        if "baseColorTexture" in shading:
            texture = self._document["textures"][shading["baseColorTexture"]["index"]]
            image = self._document["images"][texture["source"]]
            content = self._view(image["bufferView"]) if "bufferView" in image else self._content(image["uri"], b"")
            picture = _tinted(decoded(content, f"{self._name}: image {texture['source']}"), linear)
        return Substance(str(material.get("name") or ""), (red, green, blue), picture)

    def _view(self, number: int) -> bytes:
        view = self._document["bufferViews"][number]
        start = view.get("byteOffset", 0)
        return self._buffers[view["buffer"]][start : start + view["byteLength"]]


def _faces(order: Integers, mode: int) -> Integers:
    if mode == _TRIANGLES:
        return order[: len(order) // 3 * 3].reshape(-1, 3)
    k = np.arange(len(order) - 2)
    if mode == _FAN:
        return np.stack([np.full(len(k), order[0]), order[k + 1], order[k + 2]], axis=1)
    odd = k % 2
    return np.stack([order[k], order[k + 1 + odd], order[k + 2 - odd]], axis=1)


def _placing(part: Values) -> Array:
    """The (4, 4) transform of a part of the scene to its parent."""
    if "matrix" in part:
        return np.array(part["matrix"], dtype=np.float64).reshape(4, 4).T
    x, y, z, w = part.get("rotation", [0.0, 0.0, 0.0, 1.0])
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    placed = np.eye(4)
    scale: Sequence[float] = part.get("scale", [1.0, 1.0, 1.0])
    placed[:3, :3] = rotation * np.array(scale)
    placed[:3, 3] = part.get("translation", [0.0, 0.0, 0.0])
    return placed


def _tinted(picture: Picture, factor: Array) -> Picture:
    """A picture (H, W, 3) whose light is multiplied by a factor (3,), 0..1."""
    if np.all(factor == 1.0):
        return picture
    light = srgb.light_of(np.arange(256) / 255.0)
    tones = np.rint(255.0 * srgb.values_of(light[:, None] * factor)).astype(np.uint8)
    return np.stack([tones[picture[..., k], k] for k in range(3)], axis=-1)
