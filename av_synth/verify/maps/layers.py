"""The vector map: keys, tokens, references, names, polygons and canvas of maps/expansion/<location>.json."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from av_synth.verify.findings import Findings
from av_synth.verify.maths import Array
from av_synth.verify.reading.values import are_numbers, is_number, is_strings, short

Row = dict[str, Any]

_VERSION = "1.3"
_LAYERS: Mapping[str, tuple[str, ...]] = {
    "node": ("x", "y"),
    "line": ("node_tokens",),
    "polygon": ("exterior_node_tokens", "holes"),
    "drivable_area": ("polygon_tokens",),
    "road_segment": ("polygon_token", "is_intersection", "drivable_area_token"),
    "road_block": ("polygon_token", "from_edge_line_token", "to_edge_line_token", "road_segment_token"),
    "lane": (
        *("polygon_token", "lane_type", "from_edge_line_token", "to_edge_line_token"),
        *("left_lane_divider_segments", "right_lane_divider_segments"),
    ),
    "ped_crossing": ("polygon_token", "road_segment_token"),
    "walkway": ("polygon_token",),
    "stop_line": (
        *("polygon_token", "stop_line_type", "ped_crossing_tokens", "traffic_light_tokens", "road_block_token"),
    ),
    "carpark_area": ("polygon_token", "orientation", "road_block_token"),
    "road_divider": ("line_token", "road_segment_token"),
    "lane_divider": ("line_token", "lane_divider_segments"),
    "traffic_light": ("line_token", "traffic_light_type", "from_road_block_token", "items", "pose"),
    "lane_connector": ("polygon_token",),
}
_OBJECTS = ("arcline_path_3", "connectivity")
_REFERENCES: Mapping[str, str] = {
    "node_tokens": "node",
    "exterior_node_tokens": "node",
    "polygon_tokens": "polygon",
    "polygon_token": "polygon",
    "drivable_area_token": "drivable_area",
    "from_edge_line_token": "line",
    "to_edge_line_token": "line",
    "line_token": "line",
    "road_segment_token": "road_segment",
    "road_block_token": "road_block",
    "from_road_block_token": "road_block",
    "ped_crossing_tokens": "ped_crossing",
    "traffic_light_tokens": "traffic_light",
}
_NEEDED = frozenset({"polygon_token", "polygon_tokens", "line_token", "node_tokens", "exterior_node_tokens"})
_ENUMERATIONS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("stop_line", "stop_line_type"): ("PED_CROSSING", "TURN_STOP", "STOP_SIGN", "YIELD", "TRAFFIC_LIGHT"),
    ("traffic_light", "traffic_light_type"): ("HORIZONTAL", "VERTICAL"),
}
_DIVIDERS = ("left_lane_divider_segments", "right_lane_divider_segments", "lane_divider_segments")
_CANVAS_SLACK_M = 0.5
_LEAST_CANVAS_M = 0.1  # a pixel of its pictures


@dataclass(frozen=True)
class VectorMap:
    """A map whose layers are sound.

    Attributes:
        name: its file's name.
        canvas_m: width and height.
        layers: per layer, its rows by token.
        paths, connectivity: the objects of lanes' paths and neighbours, as they are.
        shapes: per polygon token, its valid shape.
        nodes: per node token, x and y in metres.
    """

    name: str
    canvas_m: tuple[float, float]
    layers: Mapping[str, Mapping[str, Row]]
    paths: Row
    connectivity: Row
    shapes: Mapping[str, shapely.Polygon]
    nodes: Mapping[str, tuple[float, float]]

    def outline(self, layer: str, token: str) -> shapely.Polygon | None:
        """The shape of a row that has one polygon."""
        row = self.layers[layer].get(token)
        return None if row is None else self.shapes.get(row["polygon_token"])


def read_map(name: str, content: Any, findings: Findings) -> VectorMap | None:
    """Check the layers of a map; None when they are too wrong to look further."""
    findings.checked("map_expansion")
    if not isinstance(content, dict):
        findings.add("map_expansion", name, f"is {short(content)}; want an object of layers")
        return None
    missing = [key for key in ("version", "canvas_edge", *_LAYERS, *_OBJECTS) if key not in content]
    if missing:
        findings.add("map_expansion", name, f"has no {', '.join(missing)}; NuScenesMap fails on a missing key")
        return None
    if content["version"] != _VERSION:
        findings.add("map_expansion", name, f"version = {short(content['version'])}; want {_VERSION!r}, a string")
    canvas = content["canvas_edge"]
    if not are_numbers(canvas, 2) or min(canvas) < _LEAST_CANVAS_M:
        findings.add("map_expansion", name, f"canvas_edge = {short(canvas)}; want [width, height] in metres")
        return None
    layers = {layer: _layer(name, layer, content[layer], findings) for layer in _LAYERS}
    for key in _OBJECTS:
        if not isinstance(content[key], dict):
            findings.add("map_expansion", name, f"{key} is a {type(content[key]).__name__}; want an object by token")
            return None
    nodes = {t: (float(r["x"]), float(r["y"])) for t, r in layers["node"].items() if _is_node(name, r, findings)}
    _check_references(name, layers, findings)
    _check_names(name, layers, findings)
    _check_canvas(name, nodes, canvas, findings)
    shapes = _shapes(name, layers["polygon"], nodes, findings)
    edge = (float(canvas[0]), float(canvas[1]))
    return VectorMap(name, edge, layers, content["arcline_path_3"], content["connectivity"], shapes, nodes)


def _layer(name: str, layer: str, rows: Any, findings: Findings) -> dict[str, Row]:
    out: dict[str, Row] = {}
    if not isinstance(rows, list):
        findings.add("map_expansion", name, f"{layer} is a {type(rows).__name__}; want an array")
        return out
    findings.checked("map_expansion", len(rows))
    for place, row in enumerate(rows):
        where = f"{name} {layer} row {place}"
        if not isinstance(row, dict) or not isinstance(row.get("token"), str) or not row["token"]:
            findings.add("map_expansion", where, f"is {short(row)}; want an object with a token")
            continue
        lacking = [key for key in _LAYERS[layer] if key not in row]
        if lacking:
            findings.add("map_expansion", where, f"token={short(row['token'])} has no {', '.join(lacking)}")
            continue
        odd = [f for f, v in row.items() if f in _REFERENCES and not _is_reference(f, v)]
        if odd:
            findings.add("map_expansion", where, f"{odd[0]} = {short(row[odd[0]])}; want tokens (strings)")
            continue
        if row["token"] in out:
            findings.add("map_expansion", where, f"duplicate token {short(row['token'])}")
        out[row["token"]] = row
    return out


def _is_reference(field: str, value: Any) -> bool:
    return is_strings(value) if field.endswith("tokens") else value is None or isinstance(value, str)


def _is_node(name: str, row: Row, findings: Findings) -> bool:
    sound = is_number(row["x"]) and is_number(row["y"])
    if not sound:
        findings.add("map_expansion", f"{name} node token={row['token']}", "x, y are not finite numbers")
    return sound


def _tokens(row: Row) -> Iterator[tuple[str, Any]]:
    """Every reference of a row: the field and the token."""
    for field in _REFERENCES:
        if field in row:
            value = row[field]
            for token in value if isinstance(value, list) else [value]:
                yield field, token


def _check_references(name: str, layers: Mapping[str, Mapping[str, Row]], findings: Findings) -> None:
    for layer, rows in layers.items():
        for token, row in rows.items():
            where = f"{name} {layer} token={token}"
            found = list(_tokens(row))
            for key in _DIVIDERS:
                found += [("node_tokens", s.get("node_token")) for s in _dicts(row.get(key))]
            for hole in _dicts(row.get("holes")):
                found += list(_tokens(hole))
            for item in _dicts(row.get("items")):
                to = item.get("to_road_block_tokens", [])
                found += [("road_block_token", t) for t in (to if isinstance(to, list) else [to])]
            for field, reference in found:
                target = _REFERENCES[field]
                if reference in ("", None) and field not in _NEEDED:
                    continue
                if not isinstance(reference, str) or reference not in layers[target]:
                    message = f"{field} has {short(reference)}; {target} has no such token"
                    findings.add("map_expansion", where, message)


def _dicts(value: Any) -> list[Row]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _check_names(name: str, layers: Mapping[str, Mapping[str, Row]], findings: Findings) -> None:
    for (layer, field), allowed in _ENUMERATIONS.items():
        for token, row in layers[layer].items():
            if row[field] not in allowed:
                message = f"{field} = {short(row[field])}; want one of {', '.join(allowed)}"
                findings.add("map_expansion", f"{name} {layer} token={token}", message)


def _check_canvas(name: str, nodes: Mapping[str, tuple[float, float]], canvas: list[float], findings: Findings) -> None:
    if not nodes:
        return
    places = np.array(list(nodes.values()))
    off = (places < -_CANVAS_SLACK_M).any(axis=1) | (places > np.array(canvas) + _CANVAS_SLACK_M).any(axis=1)
    if off.any():
        worst = places[off][0].round(1).tolist()
        message = f"{int(off.sum())} of {len(places)} nodes, such as {worst}, are off the canvas {canvas}"
        findings.add("map_expansion", name, f"{message}; want x, y from 0 to canvas_edge")


def _shapes(
    name: str, rows: Mapping[str, Row], nodes: Mapping[str, tuple[float, float]], findings: Findings
) -> dict[str, shapely.Polygon]:
    shapes: dict[str, shapely.Polygon] = {}
    for token, row in rows.items():
        where = f"{name} polygon token={token}"
        ring = _ring(row["exterior_node_tokens"], nodes)
        holes = [_ring(hole.get("node_tokens"), nodes) for hole in _dicts(row["holes"])]
        if ring is None or any(hole is None for hole in holes):
            findings.add("map_expansion", where, "has fewer than 3 known nodes in its outline or in a hole")
            continue
        shape = shapely.Polygon(ring, [hole for hole in holes if hole is not None])
        if not shape.is_valid or shape.area <= 0:
            why = shapely.is_valid_reason(shape) if not shape.is_valid else "it has no area"
            findings.add("map_expansion", where, f"is not a valid polygon: {why}")
            continue
        shapes[token] = shape
    return shapes


def _ring(tokens: Any, nodes: Mapping[str, tuple[float, float]]) -> Array | None:
    if not isinstance(tokens, list):
        return None
    known = [nodes[token] for token in tokens if isinstance(token, str) and token in nodes]
    return np.array(known) if len(set(known)) >= 3 else None
