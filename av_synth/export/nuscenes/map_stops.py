"""Where traffic stops: stop lines and traffic lights of the map expansion."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import Polygon

from av_synth.export.nuscenes.map_areas import Area
from av_synth.export.nuscenes.map_blocks import Block, LaneKey
from av_synth.export.nuscenes.map_lanes import Network, Road
from av_synth.export.nuscenes.map_sheet import Sheet, ring
from av_synth.export.nuscenes.map_signs import LIGHT, Sign, read_signs
from av_synth.export.rows import Row
from av_synth.geometry.transforms import Array

_THICK_M = 0.5
_AHEAD_M = 6.0
_ARROW_M = 1.0


@dataclass(frozen=True)
class Lanes:
    """What stop lines must know of the lanes.

    Attributes:
        owner: by key, the name of the lane or connector.
        block: by name of a lane, the token of its road block; connectors have none.
        after, before: by name, the names of those that follow and precede.
        blocks: by name of a lane or connector, what it is in.
    """

    owner: Mapping[LaneKey, LaneKey]
    block: Mapping[LaneKey, str]
    after: Mapping[LaneKey, Sequence[LaneKey]]
    before: Mapping[LaneKey, Sequence[LaneKey]]
    blocks: Mapping[LaneKey, Block]


@dataclass
class _Halt:
    """A place where a block's traffic stops, and why."""

    kind: str
    road: Road
    section: int
    s_m: float
    along: bool
    lanes: list[int]
    names: list[LaneKey]
    lights: list[Sign]

    def band(self) -> tuple[Polygon, Array]:
        """The stop line, and the direction (2,) of the traffic that stops there."""
        section = self.road.sections[self.section]
        low, high = float(section.s_m[0]), float(section.s_m[-1])
        s_m = min(max(self.s_m, low), high)
        back = min(max(s_m - _THICK_M if self.along else s_m + _THICK_M, low), high)
        if abs(back - s_m) < _THICK_M / 2:  # a sign at the very start of its section
            s_m, back = (low + _THICK_M, low) if self.along else (high - _THICK_M, high)
        order = [i for i in section.lanes if i in self.lanes]
        left, right = section.side_ids(order[0])[0], section.side_ids(order[-1])[1]
        corners = [section.point(edge, s) for edge, s in ((left, s_m), (right, s_m), (right, back), (left, back))]
        way = corners[1] - corners[0]
        ahead = np.array([-way[1], way[0]]) / float(np.linalg.norm(way))
        return ring(corners), ahead if self.along else ahead * -1.0


def stops(sheet: Sheet, network: Network, lanes: Lanes, walks: Sequence[Area]) -> tuple[list[Row], list[Row]]:
    """Rows of the stop lines and of the traffic lights."""
    halts: dict[tuple[object, ...], _Halt] = {}
    for sign in read_signs(network):
        for halt in _halts(network, lanes, sign):
            key = (lanes.block.get(halt.names[0], ""), halt.kind, halt.road.id, round(halt.s_m, 1), halt.along)
            known = halts.setdefault(key, halt)
            if known is not halt:
                known.lanes += [i for i in halt.lanes if i not in known.lanes]
                known.names += [name for name in halt.names if name not in known.names]
                known.lights += halt.lights
    stop_lines: list[Row] = []
    lights: dict[str, Row] = {}
    for index, halt in enumerate(halts.values()):
        shape, ahead = halt.band()
        polygon = sheet.polygon(shape, "stop_line", index)
        if not polygon:
            continue
        block = lanes.block.get(halt.names[0], "")
        for sign in halt.lights:
            token = _light_token(sheet, sign)
            if token not in lights:
                lights[token] = _light(sheet, sign, block, ahead, _leads_to(lanes, halt.names))
        tokens = [_light_token(sheet, sign) for sign in halt.lights]
        stop_lines.append(
            {
                "token": sheet.token("stop_line", index),
                "polygon_token": polygon,
                "stop_line_type": halt.kind,
                "ped_crossing_tokens": [walk.token for walk in walks if _is_ahead(walk.shape, shape, ahead)],
                "traffic_light_tokens": list(dict.fromkeys(tokens)),
                "road_block_token": block,
            }
        )
    return stop_lines, list(lights.values())


def _halts(network: Network, lanes: Lanes, sign: Sign) -> list[_Halt]:
    """Where the traffic stops that a sign is for: at the sign, or before the junction if the sign is inside it."""
    keys = [(sign.road_id, sign.section, i) for i in sign.lanes]
    names = [lanes.owner[key] for key in keys if key in lanes.owner]
    lights = [sign] if sign.kind == LIGHT else []
    road = network.by_id[sign.road_id]
    if names and all(name in lanes.block for name in names):
        return [_Halt(sign.kind, road, sign.section, sign.s_m, sign.along, list(sign.lanes), names, lights)]
    found = []
    for before in dict.fromkeys(before for name in names for before in lanes.before[name] if before in lanes.block):
        block = lanes.blocks[before]
        lane = next(lane for lane in block.lanes if lane.keys[0] == before)
        _, index, lane_id = lane.keys[-1]
        s_m = float(block.road.sections[index].s_m[-1 if block.along else 0])
        found.append(_Halt(sign.kind, block.road, index, s_m, block.along, [lane_id], [before], list(lights)))
    return found


def _leads_to(lanes: Lanes, names: Sequence[LaneKey]) -> list[str]:
    """Tokens of the road blocks that one gets to from some lanes, through connectors."""
    found: dict[str, None] = {}
    for name in names:
        for after in lanes.after[name]:
            for goal in (after,) if after in lanes.block else lanes.after[after]:
                if goal in lanes.block:
                    found[lanes.block[goal]] = None
    return list(found)


def _light_token(sheet: Sheet, sign: Sign) -> str:
    # files number signs anew on each road, and name one light from several
    return sheet.token("traffic_light", sign.id, *(f"{v:.2f}" for v in sign.position_m))


def _light(sheet: Sheet, sign: Sign, block: str, ahead: Array, leads_to: list[str]) -> Row:
    """A row of `traffic_light`: three lamps above each other, facing the traffic that stops."""
    row = _light_token(sheet, sign)
    place = sign.position_m[:2]
    x, y = (float(v) for v in sheet.on_map(place))
    facing = math.atan2(float(-ahead[1]), float(-ahead[0]))
    pose = {"tx": x, "ty": y, "tz": round(float(sign.position_m[2]), 3), "rx": 0.0, "ry": 0.0, "rz": round(facing, 6)}
    lamp_m = sign.height_m / 3
    return {
        "token": row,
        "line_token": sheet.line([place, place - _ARROW_M * ahead], "traffic_light", row),
        "traffic_light_type": "VERTICAL",
        "from_road_block_token": block,
        "items": [
            {
                "color": color,
                "shape": "CIRCLE",
                "rel_pos": {"tx": 0.0, "ty": 0.0, "tz": round(k * lamp_m, 3), "rx": 0.0, "ry": 0.0, "rz": 0.0},
                "to_road_block_tokens": leads_to,
            }
            for color, k in (("RED", 1), ("YELLOW", 0), ("GREEN", -1))
        ],
        "pose": pose,
    }


def _is_ahead(walk: Polygon, stop: Polygon, ahead: Array) -> bool:
    """Whether a crossing is what the traffic at a stop line stops for."""
    way = np.array(walk.centroid.coords[0]) - np.array(stop.centroid.coords[0])
    return float(way @ ahead) > 0 and shapely.distance(walk, stop) < _AHEAD_M
