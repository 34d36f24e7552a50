"""A look: a mesh ready to dress bodies, and the file it is kept in."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from av_synth.errors import DataError
from av_synth.geometry.transforms import Array

_EPOCH = 1
"""Of what the files mean; a file of another one is not used."""
_ARRAYS = (
    *("points_m", "normals", "colours", "materials", "uvs", "triangles"),
    *("wheel", "hubs_m", "joints_m", "weights", "texture"),
)


@dataclass(frozen=True)
class Credit:
    """Whose model it is: what an attribution says."""

    title: str
    author: str
    licence: str
    licence_url: str
    source: str


@dataclass(frozen=True)
class Look:
    """A mesh in the axes of bodies (x forward, y left, z up), its own box's middle over the origin, the ground at 0.

    Attributes:
        name: of the look.
        credit: whose it is.
        stretch: how far an axis may be stretched against the others.
        points_m: (V, 3) float32, at the size of the model.
        normals: (V, 3) float32, unit, outward.
        colours: (V, 3) uint8, sRGB; white where the texture has the colour.
        materials: (V,) uint8, `scene.Material`.
        uvs: (V, 2) float32, in the texture, 0..1 from its top left.
        triangles: (T, 3) uint32, counter-clockwise seen from outside.
        wheel: (V,) int8, the wheel that a vertex is of, as indices of `hubs_m`; -1 for none.
        hubs_m: (W, 3) float32.
        joints_m: (3, 2, 3) float32: hips, knees and ankles, left and right; (5, 2, 3) with shoulders and elbows of
            whose arms swing; (0, 2, 3) of what does not walk.
        weights: (V, BONES) float32, how much each of `rigging`'s bones moves a vertex, or (V, BONES + ARM_BONES);
            (0, BONES) without.
        texture: (H, W, 3) uint8 sRGB; (0, 0, 3) without one.
    """

    name: str
    credit: Credit
    stretch: float
    points_m: npt.NDArray[np.float32]
    normals: npt.NDArray[np.float32]
    colours: npt.NDArray[np.uint8]
    materials: npt.NDArray[np.uint8]
    uvs: npt.NDArray[np.float32]
    triangles: npt.NDArray[np.uint32]
    wheel: npt.NDArray[np.int8]
    hubs_m: npt.NDArray[np.float32]
    joints_m: npt.NDArray[np.float32]
    weights: npt.NDArray[np.float32]
    texture: npt.NDArray[np.uint8]

    @property
    def size_m(self) -> Array:
        """Length, width and height (3,)."""
        return np.ptp(self.points_m, axis=0).astype(np.float64)


def packed(look: Look) -> bytes:
    """The content of a look's file; equal looks give equal bytes."""
    about = {"epoch": _EPOCH, "name": look.name, "stretch": look.stretch, "credit": vars(look.credit)}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        entries = [("about.json", json.dumps(about, indent=1, sort_keys=True).encode())]
        for name in _ARRAYS:
            array = io.BytesIO()
            np.save(array, np.ascontiguousarray(getattr(look, name)), allow_pickle=False)
            entries.append((f"{name}.npy", array.getvalue()))
        for name, content in entries:
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def unpacked(content: bytes, where: str) -> Look:
    """A look from the content of its file.

    Raises:
        DataError: it is damaged or of another version; `where` names it.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            about = json.loads(archive.read("about.json"))
            arrays = {
                name: np.load(io.BytesIO(archive.read(f"{name}.npy")), allow_pickle=False)
                for name in (_ARRAYS if about["epoch"] == _EPOCH else ())
            }
        if about["epoch"] != _EPOCH:
            raise DataError(f"{where}: is of epoch {about['epoch']}; want {_EPOCH}; import it again")
        return Look(about["name"], Credit(**about["credit"]), about["stretch"], **arrays)
    except (KeyError, ValueError, TypeError, OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{where}: is not the file of a look: {error}; import it again") from error
