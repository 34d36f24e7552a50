"""The pictures of a map, its basemap and mask, against its lanes and one another."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import shapely

from av_synth.verify.findings import Findings
from av_synth.verify.maps.layers import VectorMap
from av_synth.verify.maps.masks import MAP_SIDE_PX, on_foreground, read_map_mask
from av_synth.verify.reading.blobs import Grey, png_layout
from av_synth.verify.reading.model import Dataset
from av_synth.verify.reading.values import inside

_ASPECT = 0.02
_LANES, _MOST_LANES = 5, 2000  # on the map mask, to be compared with it; and how many are
_FOREGROUND = 0.8
_CELL_PX, _CELLS = 10, 500  # of the mask, 1 m; and how many of them are enough
_WHITE = 250
_GROUND, _TURNED = 0.95, 0.05  # true ones have 1.00; 3 m aside leave 0.89


def check_basemap(dataset: Dataset, location: str, vector_map: VectorMap, findings: Findings) -> None:
    """The basemap of a location is there, has the shape of its map, and lies as the map's mask does."""
    path = inside(dataset.root, f"maps/basemap/{location}.png")
    if path is None:
        if dataset.ours:
            findings.add("basemap", f"maps/basemap/{location}.png", "is missing; nuscenes2mcap needs it")
        return
    findings.checked("basemap")
    layout = png_layout(path)
    if layout is None:
        findings.add("basemap", f"maps/basemap/{location}.png", "is not a PNG image")
        return
    aspect, wanted = layout[0] / max(layout[1], 1), vector_map.canvas_m[0] / vector_map.canvas_m[1]
    if abs(aspect / wanted - 1) > _ASPECT:
        message = f"is {layout[0]} x {layout[1]} pixels; the map's canvas is {list(vector_map.canvas_m)} m"
        findings.add("basemap", f"maps/basemap/{location}.png", f"{message}; want the same shape")
    elif max(layout[:2]) <= MAP_SIDE_PX:
        _check_ground(dataset, location, path, findings)


def _check_ground(dataset: Dataset, location: str, path: Path, findings: Findings) -> None:
    """What the mask has as foreground is ground in the basemap, which is white where there is nothing."""
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    mask = next((mask for _, mask in _masks(dataset, location)), None)
    if image is None or mask is None:
        return
    size = max(1, mask.shape[1] // _CELL_PX), max(1, mask.shape[0] // _CELL_PX)
    cells = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST) == 255
    ground = cv2.resize(image, size, interpolation=cv2.INTER_NEAREST) < _WHITE
    if cells.sum() < _CELLS:
        return
    findings.checked("basemap", int(cells.sum()))
    own = float(ground[cells].mean())
    shares = {
        "upside down": float(ground[::-1][cells].mean()),
        "mirrored left to right": float(ground[:, ::-1][cells].mean()),
        "turned by 180 degrees": float(ground[::-1, ::-1][cells].mean()),
    }
    name, best = max(shares.items(), key=lambda item: item[1])
    message = f"{own:.0%} of the mask's foreground is ground in it"
    if best > own + _TURNED:
        findings.add("basemap", f"maps/basemap/{location}.png", f"is {name}: {message}, {best:.0%} if turned over")
    elif dataset.ours and own < _GROUND:
        findings.add("basemap", f"maps/basemap/{location}.png", f"{message}; want {_GROUND:.0%}: is it shifted?")


def _masks(dataset: Dataset, location: str) -> Iterator[tuple[str, Grey]]:
    """The map masks that scenes of a location were recorded on, with their file names."""
    logs = {scene.logfile for scene in dataset.scenes if scene.location == location}
    for filename, logfiles in dataset.map_files.items():
        path = inside(dataset.root, filename)
        mask = None
        if path is not None and not logs.isdisjoint(logfiles):
            mask = read_map_mask(dataset, filename, path)
        if mask is not None:
            yield filename, mask


def check_mask(dataset: Dataset, location: str, vector_map: VectorMap, findings: Findings) -> None:
    """The middles of lanes are on the foreground of the map mask of the same location."""
    shapes = islice(_shapes(vector_map), _MOST_LANES)
    middles = np.array([shape.representative_point().coords[0] for shape in shapes])
    if not len(middles):
        return
    for filename, mask in _masks(dataset, location):
        there, on = on_foreground(mask, middles)
        if there >= _LANES and on < _FOREGROUND * there:
            message = f"{on} of {there} lanes of {vector_map.name} are on the foreground of {filename}"
            findings.add("map_lanes", filename, f"{message}; want mask and vector map of the same roads")


def _shapes(vector_map: VectorMap) -> Iterator[shapely.Polygon]:
    for row in vector_map.layers["lane"].values():
        shape = vector_map.shapes.get(row["polygon_token"])
        if shape is not None:
            yield shape
