"""Areas of the map expansion: drivable ground, road segments, pavements, crossings, car parks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import Polygon

from av_synth.export.nuscenes.map_blocks import Block
from av_synth.export.nuscenes.map_lanes import CAR_LANES, DRIVABLE, PAVEMENT, Network, Road
from av_synth.export.nuscenes.map_sheet import Sheet, band, joined, parts, ring, with_nodes
from av_synth.export.nuscenes.map_signs import read_crossings, read_parking_spaces
from av_synth.export.rows import Row
from av_synth.geometry.transforms import Array

_MOUTH_M = 0.3  # lanes of real maps do not quite meet those in a junction
_BESIDE_M = 10.0


@dataclass(frozen=True)
class Area:
    """A polygon of a layer, and the token of its row."""

    token: str
    shape: Polygon


def drivable_areas(sheet: Sheet, network: Network) -> tuple[list[Area], list[Row]]:
    """Where a car can stand, a row for each piece of ground that hangs together."""
    areas: list[Area] = []
    rows: list[Row] = []
    for index, shape in enumerate(joined(_strips(network.roads, DRIVABLE))):
        polygon = sheet.polygon(shape, "drivable_area", index)
        if polygon:
            areas.append(Area(sheet.token("drivable_area", index), shape))
            rows.append({"token": areas[-1].token, "polygon_tokens": [polygon]})
    return areas, rows


def road_segments(
    sheet: Sheet, network: Network, blocks: Sequence[Block], ground: Sequence[Area]
) -> tuple[list[Area], list[Row]]:
    """Every road with car lanes from junction to junction, and every junction."""
    ends: dict[int, list[Array]] = {}  # of the blocks of each road proper
    for block in blocks:
        if block.road.junction < 0:
            ends.setdefault(block.road.id, []).extend(p for at in (True, False) for p in block.edge_points(at))
    shapes: list[tuple[tuple[object, ...], Polygon, bool]] = []
    junctions: dict[int, list[Road]] = {}
    for road in network.roads:
        if road.junction >= 0:
            junctions.setdefault(road.junction, []).append(road)
        elif road.id in ends:
            shapes += [(("road", road.id), shape, False) for shape in _road_shapes(road, ends[road.id])]
    mouths = [point for points in ends.values() for point in points]
    for junction, inside in sorted(junctions.items()):
        for index, shape in enumerate(joined(_strips(inside, CAR_LANES))):
            shapes.append((("junction", junction, index), with_nodes(shape, mouths, _MOUTH_M), True))
    areas, rows = [], []
    for name, shape, is_intersection in shapes:
        polygon = sheet.polygon(shape, "road_segment", *name)
        if not polygon:
            continue
        areas.append(Area(sheet.token("road_segment", *name), shape))
        rows.append(
            {
                "token": areas[-1].token,
                "polygon_token": polygon,
                "is_intersection": is_intersection,
                "drivable_area_token": _most_on(shape, ground),
            }
        )
    return areas, rows


def _road_shapes(road: Road, ends: Sequence[Array]) -> Iterator[Polygon]:
    """From the leftmost to the rightmost car lane of a road that is in no junction, with the ends of its blocks."""
    lefts, rights = [], []
    for index, section in enumerate(road.sections):
        lanes = road.car_lanes(index)
        if lanes:
            lefts.append(section.sides(lanes[0].id)[0][section.keep])
            rights.append(section.sides(lanes[-1].id)[1][section.keep])
    shape = band(np.concatenate(lefts), np.concatenate(rights))
    if not shape.is_valid:
        shape = max(parts(shapely.make_valid(shape)), key=lambda part: part.area, default=Polygon())
    if not shape.is_empty:
        yield with_nodes(shape, ends, 0.05)


def walkways(sheet: Sheet, network: Network, ground: Sequence[Area]) -> list[Row]:
    """Pavements, without what cars cross."""
    paved = shapely.unary_union(joined(_strips(network.roads, PAVEMENT)))
    rows: list[Row] = []
    for index, shape in enumerate(parts(paved.difference(shapely.unary_union([area.shape for area in ground])))):
        polygon = sheet.polygon(shape, "walkway", index)
        if polygon and shape.area > 1.0:  # not the crumbs where the edges of two roads differ
            rows.append({"token": sheet.token("walkway", index), "polygon_token": polygon})
    return rows


def crossings(sheet: Sheet, network: Network, segments: Sequence[Area]) -> tuple[list[Area], list[Row]]:
    """Pedestrian crossings."""
    areas: list[Area] = []
    rows: list[Row] = []
    for index, outline in enumerate(read_crossings(network)):
        shape = ring(list(outline))
        polygon = sheet.polygon(shape, "ped_crossing", index)
        if polygon:
            areas.append(Area(sheet.token("ped_crossing", index), shape))
            segment = _most_on(shape, segments)
            rows.append({"token": areas[-1].token, "polygon_token": polygon, "road_segment_token": segment})
    return areas, rows


def car_parks(sheet: Sheet, network: Network, blocks: Sequence[Area]) -> list[Row]:
    """Parking lanes, and parking spaces beside the road; the orientation is that of the cars in them."""
    found = [(shape, heading) for road in network.roads for shape, heading in _parking_lanes(road)]
    found += [(ring(list(outline)), heading) for outline, heading in read_parking_spaces(network)]
    tree = shapely.STRtree([area.shape for area in blocks])
    rows: list[Row] = []
    for index, (shape, heading) in enumerate(found):
        polygon = sheet.polygon(shape, "carpark_area", index)
        if not polygon:
            continue
        beside = [blocks[k] for k in tree.query_nearest(shape, max_distance=_BESIDE_M)]
        rows.append(
            {
                "token": sheet.token("carpark_area", index),
                "polygon_token": polygon,
                "orientation": round(heading, 6),
                "road_block_token": beside[0].token if beside else "",
            }
        )
    return rows


def _parking_lanes(road: Road) -> Iterator[tuple[Polygon, float]]:
    """Parking lanes of a road, joined over its sections, with the heading of the traffic beside them."""
    open_lanes: dict[int, list[tuple[Array, Array]]] = {}
    for index, section in enumerate(road.sections):
        going: dict[int, list[tuple[Array, Array]]] = {}
        for lane in section.lanes.values():
            if lane.kind == "parking":
                left, right = section.sides(lane.id)
                before = road.sections[index - 1].lanes.values() if index else ()
                source = next(
                    (i for i in open_lanes for other in before if other.id == i and other.after == lane.id), 0
                )
                going[lane.id] = [*open_lanes.pop(source, []), (left[section.keep], right[section.keep])]
        yield from (_parking_lane(road, i, sides) for i, sides in open_lanes.items())
        open_lanes = going
    yield from (_parking_lane(road, i, sides) for i, sides in open_lanes.items())


def _parking_lane(road: Road, lane_id: int, sides: Sequence[tuple[Array, Array]]) -> tuple[Polygon, float]:
    left, right = (np.concatenate([pair[k] for pair in sides]) for k in (0, 1))
    middle = (left + right) / 2
    k = len(middle) // 2
    ahead = (middle[k] - middle[k - 1]) * (1 if road.along(lane_id) else -1)
    return band(left, right), float(np.arctan2(ahead[1], ahead[0]))


def _strips(roads: Iterable[Road], kinds: frozenset[str]) -> list[Polygon]:
    """A polygon for each lane of some types in each section."""
    return [
        band(*(side[section.keep] for side in section.sides(lane.id)))
        for road in roads
        for section in road.sections
        for lane in section.lanes.values()
        if lane.kind in kinds
    ]


def _most_on(shape: Polygon, areas: Sequence[Area]) -> str:
    """Token of the area that covers most of a shape, "" if none touches it."""
    sound = shape if shape.is_valid else shape.buffer(0)
    touching = [area for area in areas if area.shape.intersects(sound)]
    best = max(touching, key=lambda area: area.shape.intersection(sound).area, default=None)
    return "" if best is None else best.token
