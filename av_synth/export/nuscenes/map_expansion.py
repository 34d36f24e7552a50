"""The map expansion of a town: nuScenes' vector map, version 1.3, of lanes, how they connect, and what is beside them.

Everything is a fold over the town's OpenDRIVE file. What each layer is here, docs/reference/dataset.md says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise

from av_synth.export.nuscenes.basemap import draw_basemap
from av_synth.export.nuscenes.map_arclines import fit
from av_synth.export.nuscenes.map_areas import (
    Area,
    car_parks,
    crossings,
    drivable_areas,
    road_segments,
    walkways,
)
from av_synth.export.nuscenes.map_blocks import Block, CarLane, Edge, LaneKey, read_blocks, read_links
from av_synth.export.nuscenes.map_lanes import Network
from av_synth.export.nuscenes.map_sheet import Sheet, band, ring
from av_synth.export.nuscenes.map_stops import Lanes, stops
from av_synth.export.nuscenes.town_map import PIXELS_PER_M, TownMap
from av_synth.export.rows import Row
from av_synth.geometry.transforms import Array

VERSION = "1.3"


def map_files(key: Sequence[str], network: Network, town: TownMap, reach_m: tuple[float, float]) -> tuple[bytes, bytes]:
    """Contents of `maps/expansion/<location>.json` and `maps/basemap/<location>.png` of a town.

    Args:
        key: what tells the town from all others; tokens follow from it alone.
        network: the town's lanes.
        town: its map picture, whose coordinates are shared.
        reach_m: see `TownMap.mask_png`.
    """
    size_px = town.sides_px(reach_m)
    canvas_m = (size_px[0] / PIXELS_PER_M, size_px[1] / PIXELS_PER_M)
    content = build_map_expansion(key, network, town, canvas_m)
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    return text.encode() + b"\n", draw_basemap(content, network, town.offset_m, size_px)


def build_map_expansion(
    key: Sequence[str], network: Network, town: TownMap, canvas_m: tuple[float, float]
) -> dict[str, object]:
    """Content of the JSON file; see `map_files`. `canvas_m` is the size of the map's pictures."""
    sheet = Sheet(key, town.offset_m)
    blocks = read_blocks(network)
    ground, drivable = drivable_areas(sheet, network)
    segments, segment_rows = road_segments(sheet, network, blocks, ground)
    roads, block_rows = _road_blocks(sheet, blocks, segments)
    tokens, lanes, connectors, paths = _lanes(sheet, blocks)
    after = {
        name: [goal for goal in goals if goal in tokens]
        for name, goals in read_links(network, blocks).items()
        if name in tokens
    }
    before: dict[LaneKey, list[LaneKey]] = {name: [] for name in after}
    for source, goals in after.items():
        for goal in goals:
            before[goal].append(source)
    walks, walk_rows = crossings(sheet, network, segments)
    known = _stop_lanes(blocks, roads, after, before)
    stop_lines, lights = stops(sheet, network, known, walks)
    content: dict[str, object] = {
        "version": VERSION,
        "canvas_edge": list(canvas_m),
        "drivable_area": drivable,
        "road_segment": segment_rows,
        "road_block": block_rows,
        "lane": lanes,
        "ped_crossing": walk_rows,
        "walkway": walkways(sheet, network, ground),
        "stop_line": stop_lines,
        "carpark_area": car_parks(sheet, network, list(roads.values())),
        "road_divider": _road_dividers(sheet, network, segments),
        "lane_divider": _lane_dividers(sheet, blocks),
        "traffic_light": lights,
        "arcline_path_3": paths,
        "connectivity": {
            tokens[name]: {
                "incoming": [tokens[source] for source in before[name]],
                "outgoing": [tokens[goal] for goal in after[name]],
            }
            for name in after
        },
        "lane_connector": connectors,
    }
    return {**content, "polygon": sheet.polygons, "line": sheet.lines, "node": sheet.nodes}


def _road_blocks(
    sheet: Sheet, blocks: Sequence[Block], segments: Sequence[Area]
) -> tuple[dict[LaneKey, Area], list[Row]]:
    """Blocks outside junctions: areas by the block's name, and rows."""
    known = {segment.token for segment in segments}
    areas: dict[LaneKey, Area] = {}
    rows: list[Row] = []
    for block in blocks:
        if block.road.junction >= 0:
            continue
        start, end = block.edge_points(at_end=False), block.edge_points(at_end=True)
        left, right = block.lanes[0].whole_m[0], block.lanes[-1].whole_m[1]
        shape = ring([*right[1:-1], *end[::-1], *left[-2:0:-1], *start])
        polygon = sheet.polygon(shape, "road_block", *block.name)
        if not polygon:
            continue
        segment = sheet.token("road_segment", "road", block.road.id)
        areas[block.name] = Area(sheet.token("road_block", *block.name), shape)
        rows.append(
            {
                "token": areas[block.name].token,
                "polygon_token": polygon,
                "from_edge_line_token": sheet.line(_two(start), "road_block", *block.name, "from"),
                "to_edge_line_token": sheet.line(_two(end), "road_block", *block.name, "to"),
                "road_segment_token": segment if segment in known else "",
            }
        )
    return areas, rows


def _two(points: Sequence[Array]) -> Sequence[Array]:
    """At least two points, as a line must have, also where a block begins or ends in a tip."""
    return points if len(points) > 1 else [*points, *points]


def _lanes(
    sheet: Sheet, blocks: Sequence[Block]
) -> tuple[dict[LaneKey, str], list[Row], list[Row], dict[str, list[Row]]]:
    """Tokens by name, rows of lanes, rows of connectors, and arc-line paths by token."""
    tokens: dict[LaneKey, str] = {}
    lanes: list[Row] = []
    connectors: list[Row] = []
    paths: dict[str, list[Row]] = {}
    for block in blocks:
        layer = "lane" if block.road.junction < 0 else "lane_connector"
        for lane in block.lanes:
            name = lane.keys[0]
            path = fit([sheet.shifted(stretch) for stretch in lane.stretches])
            polygon = sheet.polygon(band(lane.left.points_m, lane.right.points_m), layer, *name) if path else ""
            if not polygon:  # a lane of no width or length
                continue
            tokens[name] = sheet.token(layer, *name)
            paths[tokens[name]] = [piece.row() for piece in path]
            if layer == "lane_connector":
                connectors.append({"token": tokens[name], "polygon_token": polygon})
            else:
                lanes.append(_lane(sheet, lane, polygon, tokens[name]))
    return tokens, lanes, connectors, paths


def _lane(sheet: Sheet, lane: CarLane, polygon: str, token: str) -> Row:
    ends = [[side.points_m[k] for side in (lane.left, lane.right)] for k in (0, -1)]
    return {
        "token": token,
        "polygon_token": polygon,
        "lane_type": "CAR",
        "from_edge_line_token": sheet.line(ends[0], "lane", *lane.keys[0], "from"),
        "to_edge_line_token": sheet.line(ends[1], "lane", *lane.keys[0], "to"),
        "left_lane_divider_segments": _segments(sheet, lane.left),
        "right_lane_divider_segments": _segments(sheet, lane.right),
    }


def _segments(sheet: Sheet, edge: Edge) -> list[Row]:
    return [
        {"node_token": sheet.node(point), "segment_type": name}
        for point, name in zip(edge.points_m, edge.types, strict=True)
    ]


def _lane_dividers(sheet: Sheet, blocks: Sequence[Block]) -> list[Row]:
    """What is between neighbouring lanes of one direction, painted or not."""
    rows: list[Row] = []
    for block in blocks:
        if block.road.junction < 0:
            for left, right in pairwise(block.lanes):
                # as long as both are there
                edge = min(left.right, right.left, key=lambda side: len(side.types))
                line = sheet.line(edge.points_m, "lane_divider", *left.keys[0])
                token, segments = sheet.token("lane_divider", *left.keys[0]), _segments(sheet, edge)
                rows.append({"token": token, "line_token": line, "lane_divider_segments": segments})
    return rows


def _road_dividers(sheet: Sheet, network: Network, segments: Sequence[Area]) -> list[Row]:
    """The line between the two directions of a road; in the middle of what parts them, if they do not touch."""
    known = {segment.token for segment in segments}
    rows: list[Row] = []
    for road in network.roads:
        points: list[Array] = []
        for index, section in enumerate(road.sections):
            lanes = road.car_lanes(index)
            turns = [k for k in range(1, len(lanes)) if road.along(lanes[k - 1].id) != road.along(lanes[k].id)]
            if turns and road.junction < 0:
                beside = section.sides(lanes[turns[0] - 1].id)[1], section.sides(lanes[turns[0]].id)[0]
                points += list(((beside[0] + beside[1]) / 2)[section.keep])
        if points:
            segment = sheet.token("road_segment", "road", road.id)
            rows.append(
                {
                    "token": sheet.token("road_divider", road.id),
                    "line_token": sheet.line(points, "road_divider", road.id),
                    "road_segment_token": segment if segment in known else None,
                }
            )
    return rows


def _stop_lanes(
    blocks: Sequence[Block],
    roads: Mapping[LaneKey, Area],
    after: Mapping[LaneKey, Sequence[LaneKey]],
    before: Mapping[LaneKey, Sequence[LaneKey]],
) -> Lanes:
    pairs = [(block, lane) for block in blocks for lane in block.lanes if lane.keys[0] in after]
    return Lanes(
        owner={key: lane.keys[0] for _, lane in pairs for key in lane.keys},
        block={lane.keys[0]: roads[block.name].token for block, lane in pairs if block.name in roads},
        after=after,
        before=before,
        blocks={lane.keys[0]: block for block, lane in pairs},
    )
